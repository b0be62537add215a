"""A check of a scenario before any evidence: what its tables imply, and what they rest on."""

from __future__ import annotations

from math import ceil

import numpy as np

from forecast.analysis.anticipation import anticipate
from forecast.analysis.assumptions import flip_assumptions
from forecast.analysis.coherence import compare_base_rates, compare_expectations
from forecast.analysis.recurrence import find_recurrence
from forecast.analysis.review import Check
from forecast.analysis.validation import describe_courses, validate_indicators
from forecast.arguments import checked
from forecast.model.builder import compile_tables
from forecast.posterior.prior import beliefs_at_start, draw_priors
from forecast.sampling import Sampling, require_whole
from forecast.scenario.indicator_groups import with_default_effects
from forecast.scenario.scenario import Scenario

MONTH_DAYS = 30
"""Days for which evidence is anticipated; indicators and assumptions are judged at their end."""
DRAWS = 256
"""Draws of the tables: as many as the kernels take at a time."""


@checked
def check(
    scenario: Scenario, *, draws: int = DRAWS, random_seed: int = Sampling.random_seed
) -> Check:
    """Check a scenario before any evidence.

    Everything rests on draws of the tables from their priors, with inputs at their defaults;
    no sampler is needed.

    Parameters
    ----------
    scenario
        The scenario.
    draws
        Number of draws of the tables.
    random_seed
        The same seed gives the same numbers.

    Returns
    -------
    Check
        Prints itself; its parts are data frames.

    Raises
    ------
    InputError
        If the scenario breaks a rule, or `draws` or `random_seed` is not a whole number or too
        small.
    TooLarge
        If an exact elimination would pass the memory limit.

    Examples
    --------
    >>> from forecast.scenario.scenario_files import load_scenario
    >>> found = check(load_scenario("veyra-fleet"), draws=64)
    >>> found.conflicts.empty, found.courses["best"]["fleet_activity=smuggling"]
    (True, 'small_boats')
    """
    require_whole({"draws": draws, "random_seed": random_seed}, {"draws": 2, "random_seed": 0})
    scenario = with_default_effects(scenario)
    rng = np.random.default_rng(random_seed)
    parameters = draw_priors(compile_tables(scenario).priors, draws, rng)
    whole = beliefs_at_start(scenario, parameters)
    month = (
        1 if scenario.time is None else min(ceil(MONTH_DAYS / scenario.time.step), whole.n_steps)
    )
    first = beliefs_at_start(scenario, parameters, month)
    moment = first.times[-1]
    states, numbers = anticipate(scenario, first, rng)
    indicators = validate_indicators(scenario, first, moment)
    seen, rules = find_recurrence(scenario, whole, rng)
    return Check(
        scenario=scenario,
        draws=draws,
        random_seed=random_seed,
        month=month,
        expectations=compare_expectations(scenario, whole),
        base_rates=compare_base_rates(scenario, whole),
        states=states,
        numbers=numbers,
        indicators=indicators,
        courses=describe_courses(scenario, first, moment, indicators),
        assumptions=flip_assumptions(scenario, whole, moment),
        seen=seen,
        tripwires=rules,
    )
