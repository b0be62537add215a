"""Sampling the tables, and the probabilities of states that follow from the draws."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from forecast.evidence.events import last_step, shares_of
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import tabulate_reports
from forecast.inference.beliefs import Beliefs
from forecast.inference.builder import compile_tables
from forecast.inference.densities import families_of
from forecast.inference.draws import ParameterDraws
from forecast.inference.model import build_model, evidence_data
from forecast.inference.report_likelihood import report_data
from forecast.sampling import Sampling
from forecast.scenario.scenario import Scenario

if TYPE_CHECKING:
    from xarray import DataTree

Array = npt.NDArray[np.float64]
RHAT_LIMIT, ESS_LIMIT = 1.01, 400
"""Vehtari, Gelman, Simpson, Carpenter, Bürkner: Rank-normalization, folding, and localization: an
improved R-hat, Bayesian Analysis 16(2), 2021."""

TARGET_ACCEPT = 0.9
"""Acceptance that NUTS tunes its steps for. At the usual 0.8 a draw in a few thousand diverges
where evidence is strong; shorter steps take longer, and their draws are worth more."""


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """Whether the sampler's answer can be trusted.

    Attributes
    ----------
    r_hat, ess
        Worst R-hat and smallest bulk effective sample size over the reported probabilities; 1 and
        infinite where all of them are constants.
    divergences
        Divergent transitions after tuning.
    n_draws, n_probabilities
        Draws in all chains, and how many probabilities were checked: those that vary over draws.
    """

    r_hat: float
    ess: float
    divergences: int
    n_draws: int
    n_probabilities: int

    @property
    def failures(self) -> tuple[str, ...]:
        """What is wrong, in words; empty if nothing is."""
        found = []
        if not self.r_hat <= RHAT_LIMIT:
            found.append(f"R-hat is {self.r_hat:.3f}, above {RHAT_LIMIT}")
        if not self.ess >= ESS_LIMIT:
            found.append(f"effective sample size is {self.ess:.0f}, below {ESS_LIMIT}")
        if self.divergences:
            found.append(f"{self.divergences} divergent transitions")
        return tuple(found)

    def __str__(self) -> str:
        if not self.n_probabilities:
            return (
                "every probability is exact: none varies over draws, "
                f"{self.divergences} divergences, {self.n_draws} draws"
            )
        return (
            f"R-hat {self.r_hat:.3f}, effective sample size {self.ess:.0f} "
            f"(worst of {self.n_probabilities} probabilities), "
            f"{self.divergences} divergences, {self.n_draws} draws"
        )


def sample_posterior(scenario: Scenario, evidence: Evidence, sampling: Sampling) -> DataTree:
    """Sample the uncertain tables of the PyMC model given evidence, with NUTS (nutpie).

    Returns
    -------
    xarray.DataTree
        Groups posterior and sample_stats.
    """
    import nutpie

    data = evidence_data(scenario, evidence)
    tree: DataTree = nutpie.sample(
        _compiled_model(scenario).with_data(**data),
        draws=sampling.draws,
        tune=sampling.tune,
        chains=sampling.chains,
        cores=min(sampling.chains, os.cpu_count() or 1),
        seed=sampling.seed,
        progress_bar=sampling.progress,
        target_accept=TARGET_ACCEPT,
        save_warmup=False,
    )
    return tree


@lru_cache(maxsize=8)
def _compiled_model(scenario: Scenario) -> Any:
    """Compiled model of a scenario; evidence is data, so new evidence needs no new compilation."""
    import nutpie

    origin = scenario.timeline.start if scenario.timeline else date.min
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Numba will use object mode")
        return nutpie.compile_pymc_model(build_model(scenario, Evidence(origin)))


def stack_draws(posterior: Any, names: Iterable[str]) -> dict[str, Array]:
    """Parameters with all draws in one last axis, chains one after another."""
    stacked = {}
    for name in names:
        values = posterior[name].to_numpy()
        stacked[name] = np.moveaxis(values.reshape(-1, *values.shape[2:]), 0, -1)
    return stacked


def beliefs_of(
    scenario: Scenario, evidence: Evidence, posterior: Any, n_steps: int | None = None
) -> Beliefs:
    """Tables and evidence for each draw of a posterior (or prior) group; see `beliefs_under`."""
    priors = compile_tables(scenario).priors
    names = [*priors.families(), *(family for family, _ in priors.trust.families())]
    sizes: Mapping[Any, int] = posterior.sizes
    shape = (sizes["chain"], sizes["draw"])
    return beliefs_under(scenario, evidence, stack_draws(posterior, names), shape, n_steps)


def beliefs_under(
    scenario: Scenario,
    evidence: Evidence,
    parameters: Mapping[str, Array],
    shape: tuple[int, int] | None = None,
    n_steps: int | None = None,
) -> Beliefs:
    """Tables and evidence for given draws of every judgement.

    Parameters
    ----------
    scenario, evidence
        What is believed before, and what was reported.
    parameters
        Judgements by family, "accuracy" among them; draws axis last.
    shape
        Number of chains, and of draws in each; one chain unless it is given.
    n_steps
        Steps of the timeline; up to the horizon unless it is given.
    """
    program = compile_tables(scenario)
    timeline = scenario.timeline
    if n_steps is None:
        n_steps = 1 if timeline is None else timeline.n_steps(evidence.as_of)
    table = tabulate_reports(scenario, evidence, n_steps)
    draws = ParameterDraws(
        program=program,
        parameters=parameters,
        data=report_data(program, table),
        families=families_of(program),
    )
    return Beliefs.of(
        replace(program.network, auxiliaries=table.auxiliaries, factors=table.factors),
        draws,
        now=last_step(scenario, evidence),
        shape=shape,
        times=[timeline.first_day(k).isoformat() if timeline else "" for k in range(n_steps)],
        reports=_reports_by_finding(scenario, evidence),
    )


def _reports_by_finding(
    scenario: Scenario, evidence: Evidence
) -> dict[tuple[int, str], tuple[str, ...]]:
    found: dict[tuple[int, str], tuple[str, ...]] = {}
    for report in evidence.observations:
        for step in shares_of(scenario, report):
            key = step, report.indicator
            found[key] = (*found.get(key, ()), report.id)
    return found
