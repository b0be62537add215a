"""Beliefs under draws of a scenario's priors: what it says before any report."""

from datetime import date

import numpy as np

from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import last_step, tabulate_reports
from forecast.inference.beliefs import Beliefs
from forecast.inference.builder import compile_tables
from forecast.inference.tables import TableProgram


def prior_draws(program: TableProgram, n: int, seed: int) -> dict[str, np.ndarray]:
    """Draw every judgement from its prior, independently of the sampler."""
    rng = np.random.default_rng(seed)
    priors = program.priors
    draws = {"chance": rng.beta(*priors.chance.T[..., None], size=(len(priors.chance), n))}
    for width, rows in priors.rows.items():
        draws[f"row_{width}"] = np.stack([rng.dirichlet(alpha, n).T for alpha in rows])
    if len(priors.positive):
        mean, sd = priors.positive.T[..., None]
        draws["positive"] = np.exp(mean + sd * rng.normal(size=(len(priors.positive), n)))
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
        table.settings,
        now=last_step(scenario, evidence),
        times=[timeline.first_day(step).isoformat() for step in steps],
    )
