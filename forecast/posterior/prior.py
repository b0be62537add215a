"""Draws of a scenario's judgements from their priors, and beliefs under them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import numpy as np

from forecast.arrays import Array
from forecast.evidence.ledger import Evidence
from forecast.evidence.profiles import regardless_of_reporting
from forecast.model.builder import compile_tables
from forecast.model.priors import Priors
from forecast.network.draws import require_room
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.mcmc import beliefs_under
from forecast.sampling import require_whole
from forecast.scenario.scenario import Scenario


def prior_beliefs(
    scenario: Scenario, evidence: Evidence, *, draws: int, random_seed: int
) -> Beliefs:
    """Beliefs in which every draw comes from the prior and knows the reports.

    Draws weigh by how probable they make the reports, and that nothing was reported where
    somebody watches: `Beliefs.log_weights` is `log_evidence`. On the scenario's first day they
    are the prior itself.

    Parameters
    ----------
    scenario, evidence
        What is believed before, and what was reported.
    draws, random_seed
        Number of draws, in one chain; the same seed gives the same draws.

    Examples
    --------
    >>> from forecast.scenario.scenario_files import load_scenario
    >>> scenario = load_scenario("iraq-2020")
    >>> beliefs = prior_beliefs(scenario, Evidence(scenario.time.start), draws=100, random_seed=1)
    >>> beliefs.posterior("iran_posture", beliefs.times[0]).shape
    (1, 100, 3)
    """
    parameters = draw_priors(compile_tables(scenario).priors, draws, random_seed)
    return replace(beliefs_under(scenario, evidence, parameters), sample="prior")


def beliefs_at_start(
    scenario: Scenario, parameters: Mapping[str, Array], n_steps: int | None = None
) -> Beliefs:
    """Beliefs on the scenario's first day, before any report, with inputs at their defaults.

    Parameters
    ----------
    scenario
        The scenario.
    parameters
        Draws of its judgements, as `draw_priors` gives them.
    n_steps
        Steps of the timeline; as many as cover the horizon, or the days to the target, unless it
        is given.
    """
    timeline = scenario.timeline
    start = date.min if timeline is None else timeline.start
    if n_steps is None and scenario.time is not None:
        n_steps = scenario.time.n_steps
    unasked = regardless_of_reporting(scenario)  # the first day's silence is evidence too
    return beliefs_under(unasked, Evidence(start), parameters, n_steps=n_steps)


def draw_priors(priors: Priors, n: int, random_seed: int | np.random.Generator) -> dict[str, Array]:
    """Draw every judgement, of the world and of sources, from its prior.

    Returns
    -------
    dict
        By family "probability", (judgement, draw); "row_k", (judgement, k, draw); "positive" and
        "real", (judgement, draw); and those of `sources.TRUSTED`, (judgement, draw).
        Families without a judgement are left out.

    Raises
    ------
    InputError
        If the number of draws or the seed is not a whole number, or out of range.
    TooLarge
        If the draws would pass the memory limit.
    """
    require_whole({"draws": n}, {"draws": 1})
    if not isinstance(random_seed, np.random.Generator):
        require_whole({"random_seed": random_seed}, {"random_seed": 0})
    require_room(n, 8.0 * priors.n_numbers)
    random = np.random.default_rng(random_seed)
    return {family.name: family.draw(n, random) for family in priors.families}
