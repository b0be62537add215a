"""Beliefs under draws of a scenario's priors: what it says without the sampler."""

from datetime import date

import numpy as np
import xarray as xr

from forecast.evidence.events import last_step
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import tabulate_reports
from forecast.model.builder import compile_tables
from forecast.model.tables import TableProgram
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.mcmc import beliefs_of


def prior_draws(program: TableProgram, n: int, seed: int) -> dict[str, np.ndarray]:
    """Draw every judgement from its prior, independently of the sampler."""
    rng = np.random.default_rng(seed)
    priors = program.priors
    draws = {
        "probability": rng.beta(*priors.probability.T[..., None], size=(len(priors.probability), n))
    }
    for width, rows in priors.rows.items():
        draws[f"row_{width}"] = np.stack([rng.dirichlet(alpha, n).T for alpha in rows])
    if len(priors.positive):
        mean, sd = priors.positive.T[..., None]
        draws["positive"] = np.exp(mean + sd * rng.normal(size=(len(priors.positive), n)))
    if len(priors.real):
        mean, sd = priors.real.T[..., None]
        draws["real"] = mean + sd * rng.normal(size=(len(priors.real), n))
    return draws


def prior_beliefs(scenario, as_of: date, n: int, seed: int, reports=()) -> Beliefs:
    """Beliefs about a scenario with its inputs set by some reports and nothing else known."""
    program = compile_tables(scenario)
    evidence = Evidence(as_of, tuple(reports))
    timeline = scenario.timeline
    steps = range(timeline.n_steps(as_of))
    table = tabulate_reports(scenario, evidence, len(steps))
    assert not table.observed, "only reports on inputs are known without error"
    return Beliefs.of(
        program.network,
        program.cells(prior_draws(program, n, seed)),
        table.arrays.settings,
        now=last_step(scenario, evidence),
        times=[timeline.first_day(step) for step in steps],
    )


def weighted_beliefs(scenario, evidence: Evidence, n: int, seed: int) -> tuple[Beliefs, np.ndarray]:
    """Beliefs after some reports under draws of the priors, and how much each draw weighs.

    The weights, (draw,), are in proportion to the probability of the reports under each draw
    (importance sampling from the prior), so no sampler is needed while the reports are few.
    """
    rng = np.random.default_rng(seed + 1)
    draws = prior_draws(compile_tables(scenario), n, seed)
    trust = compile_tables(scenario).priors.trust
    for family, members in trust.families():
        shapes = trust.shapes(family).T[..., None]
        draws[family] = rng.beta(*shapes, size=(len(members), n))
    if trust.reporting_level:
        mean, sd = trust.shapes("reporting_level").T[..., None]
        draws["reporting_level"] = np.exp(mean + sd * rng.normal(size=(len(mean), n)))
    stored = xr.Dataset(
        {
            name: (
                ("chain", "draw", *(f"{name}_{k}" for k in range(values.ndim - 1))),
                np.moveaxis(values, -1, 0)[None],
            )
            for name, values in draws.items()
        }
    )
    beliefs = beliefs_of(scenario, evidence, stored)
    log_weight = beliefs.log_evidence().to_numpy()[0]
    weight = np.exp(log_weight - log_weight.max())
    return beliefs, weight / weight.sum()
