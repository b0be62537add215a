"""What reports of an indicator usually say: what a source that errs repeats.

A report that does not rest on what is true still sounds like other reports: it says what is usually
said of its indicator. That is each state's prior probability times the probability that it is
reported, at the means of both and averaged over the first 90 days. So an error does not
name a rare state more often than reports do anyhow, and a source of accuracy a is right about rare
things as often as about common ones. A share of errors, small for good sources and large for poor
ones, is invented: it names any state evenly, so that no claim of a poor source is strong evidence
merely because it is rare.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from forecast.arrays import Array
from forecast.evidence.likelihood import ReportTable
from forecast.evidence.report import RELIABILITY
from forecast.evidence.sources import Grade, admiralty_grades
from forecast.model.priors import Priors
from forecast.model.tables import TableProgram
from forecast.network.sweep import sweep

TYPICAL: Final = "B"
"""Grade of the source to which a stated probability of false alarms refers."""


def usual_statements(program: TableProgram, table: ReportTable) -> tuple[Array, Array]:
    """What an error and a false alarm say in place of each statement.

    Returns
    -------
    usual
        Probability of each state in what is usually reported, (statement, state).
    alarm
        That of each state but the first in a false alarm, over the share of reports by which a
        usually reliable source errs, (statement, state); 0 where there are no false alarms.
    """
    shape = table.arrays.statement_usual.shape
    usual, alarm = np.zeros(shape), np.zeros(shape)
    if not shape[0]:
        return usual, alarm
    found = prior_shares(
        program,
        table.observable,
        tuple(sorted(table.defaults.items())),
        table.prior_steps,
    )
    trust, invented = program.priors.trust, invented_shares(program.priors)
    means = np.array([judged.mean for _, members in trust.families() for judged in members])
    typical = _typical()
    for k, name in enumerate(table.statement_variables):
        row, n = table.arrays.statement_row[k], len(found[name])
        probabilities = np.ones(n) if row < 0 else means[table.arrays.row_probabilities[row, :n]]
        own = invented[table.arrays.statement_accuracy[k]]
        usual[k, :n] = _shares(found[name] * probabilities, own)
        if row >= 0 and table.arrays.row_alarms[row] >= 0:
            rest = (found[name] * probabilities)[1:]
            alarm[k, 1:n] = _shares(rest, typical.invented) / typical_error()
    return usual, alarm


def typical_error() -> float:
    """Share of the reports of a usually reliable source that are wrong, at its mean."""
    a, b = _typical().shape
    return b / (a + b)


def _typical() -> Grade:
    return admiralty_grades()[RELIABILITY.index(TYPICAL)]


def invented_shares(priors: Priors) -> Array:
    """Share of errors that name any state evenly, (accuracy,): of a grade, or the one most like it.

    A source with an accuracy of its own has that of the grade whose accuracy is nearest to its own.
    """
    grades = admiralty_grades()
    means = np.array([judged.mean for judged in priors.trust.accuracy])
    nearest = np.abs(means[:, None] - means[: len(grades)]).argmin(axis=1)  # they come first
    return np.array([grades[k].invented for k in nearest])


@lru_cache(maxsize=32)
def prior_shares(
    program: TableProgram,
    names: tuple[str, ...],
    defaults: tuple[tuple[str, int], ...],
    n_steps: int,
) -> dict[str, Array]:
    """Prior probability of each state of some variables, averaged over steps.

    Probabilities are at their means, positive numbers at their medians, inputs at their defaults.
    """
    network = program.network.relevant_to(names)
    like = np.zeros((n_steps, network.n_columns))
    for name, state in defaults:
        if name in network.names:
            like[:, network.states(name)] = -np.inf
            like[:, network.states(name).start + state] = 0.0
    centres = {each.name: each.centre() for each in program.priors.families if each.of_tables}
    theta = program.cells(centres)
    marginals = sweep(network, theta[:, None], like, "filtered").marginals[..., 0]
    return {name: marginals[:, network.states(name)].mean(axis=0) for name in names}


def _shares(weights: Array, invented: float) -> Array:
    """Weights as shares, of which some is spread evenly."""
    total = weights.sum()
    even = np.full(len(weights), 1 / len(weights))
    return np.asarray((1 - invented) * weights / total + invented * even) if total > 0 else even
