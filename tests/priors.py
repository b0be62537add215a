"""Beliefs under draws of a scenario's priors: what it says before any report."""

from datetime import date

import numpy as np

from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import last_step, tabulate_reports
from forecast.inference.beliefs import Beliefs
from forecast.inference.tables import TableProgram, compile_tables


def prior_draws(program: TableProgram, n: int, seed: int) -> dict[str, np.ndarray]:
    """Draw every judgement from its prior, independently of the sampler."""
    rng = np.random.default_rng(seed)
    priors = program.priors
    draws = {"chance": rng.beta(*priors.chance.T[..., None], size=(len(priors.chance), n))}
    for width, rows in priors.rows.items():
        draws[f"row_{width}"] = np.stack([rng.dirichlet(alpha, n).T for alpha in rows])
    if len(priors.times):
        mean, sd = priors.times.T[..., None]
        draws["times"] = np.exp(mean + sd * rng.normal(size=(len(priors.times), n)))
    return draws


def prior_beliefs(scenario, as_of: date, n: int, seed: int, reports=()) -> Beliefs:
    """Beliefs about a scenario with its inputs set by some reports and nothing else known."""
    program = compile_tables(scenario)
    evidence = Evidence(as_of, tuple(reports))
    timeline = scenario.timeline
    steps = range(timeline.n_steps(as_of))
    table = tabulate_reports(scenario, evidence, len(steps))
    assert not table.observed, "only reports on inputs are known without error"
    return Beliefs(
        network=program.network,
        theta=program.cells(prior_draws(program, n, seed)),
        log_like=table.settings,
        now=last_step(scenario, evidence),
        shape=(1, n),
        times=tuple(timeline.first_day(step).isoformat() for step in steps),
    )
