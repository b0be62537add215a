"""From what is stated of the states of a row, or of competing events, to its Dirichlet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from forecast.scenario.fits import RowFit, fit_dirichlet
from forecast.scenario.statements import ProbabilityStatement


def fit_row(states: Sequence[str], probability: Mapping[str, ProbabilityStatement]) -> RowFit:
    """Dirichlet of a row from what is stated about its states.

    A row of two states may state one probability; the other state has the complement.
    """
    if len(states) == 2 and len(probability) == 1:
        [(state, stated)] = probability.items()
        shape = stated.fit().shape
        return RowFit(shape if state == states[0] else shape[::-1])
    stated_by_state = [probability.get(state) for state in states]
    return fit_dirichlet(
        tuple(None if each is None else each.interval() for each in stated_by_state)
    )


def fit_competing(probabilities: Sequence[ProbabilityStatement], within: float) -> RowFit:
    """Dirichlet of which of several events comes first within some days; none of them comes last.

    Parameters
    ----------
    probabilities
        What is stated of each event.
    within
        Days to which the probabilities refer.
    """
    if len(probabilities) == 1:
        return RowFit(probabilities[0].fit(within).shape)
    return fit_dirichlet((*(stated.interval(within) for stated in probabilities), None))
