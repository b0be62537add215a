"""Distinct statements of origins, in one or several versions, and of controlled channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from forecast.evidence.events import version_of
from forecast.evidence.report import Report
from forecast.evidence.sources import accuracy_index
from forecast.scenario.scenario import Scenario

CONTROLLED = -1
"""Stands for the accuracy of a controlled channel's statement: it has none."""


class Statements:
    """All distinct statements, numbered.

    Two origins that state the same with the same accuracy share a number: the likelihood of a
    statement is computed once, and counted twice.

    Parameters
    ----------
    scenario
        What the reports are about.
    observed
        Reports about a variable, in order.
    """

    def __init__(self, scenario: Scenario, observed: Sequence[Report]) -> None:
        self.scenario = scenario
        self._number = {report.id: k for k, report in enumerate(observed)}
        self._known: dict[object, int] = {}
        self._versions: list[tuple[int, int, int]] = []
        self._accuracy: list[int] = []
        self._states: list[int] = []
        self._controlled: list[Sequence[float]] = []

    def of_origin(self, versions: Sequence[Report]) -> int:
        """Number of an origin's statement, given the best report of each version, best first."""
        indicator = versions[0].indicator
        quoted = [
            (accuracy_index(self.scenario, report), version_of(report)) for report in versions
        ]
        return self._add((indicator, *quoted), versions, quoted[0][0], ())

    def of_channel(self, channel: str, report: Report) -> int:
        """Number of a controlled channel's statement."""
        shares = self.scenario.channels[channel].shows.get(report.indicator, {})
        states = self.scenario.variables[report.indicator].states
        row = fill_shares(shares, states)
        key = (report.indicator, channel, version_of(report))
        return self._add(key, [report], CONTROLLED, row)

    def _add(
        self, key: object, versions: Iterable[Report], accuracy: int, controlled: Sequence[float]
    ) -> int:
        if key not in self._known:
            number = self._known[key] = len(self._accuracy)
            for report in versions:
                own = accuracy_index(self.scenario, report)
                self._versions.append((self._number[report.id], number, own))
                indicator = report.indicator
            self._accuracy.append(accuracy)
            self._states.append(len(self.scenario.variables[indicator].states))
            self._controlled.append(controlled)
        return self._known[key]

    def arrays(self, widest: int) -> dict[str, Any]:
        """Versions and statements, as `ReportArrays` has them."""
        controlled = np.zeros((len(self._controlled), widest))
        for row, given in zip(controlled, self._controlled, strict=True):
            row[: len(given)] = given
        versions = np.array(self._versions, np.int64).reshape(-1, 3)
        return {
            "version_report": versions[:, 0],
            "version_statement": versions[:, 1],
            "version_accuracy": versions[:, 2],
            "statement_accuracy": np.array(self._accuracy, np.int64),
            "statement_states": np.array(self._states, np.int64),
            "controlled": controlled,
        }


def fill_shares(shares: dict[str, float], states: Sequence[str]) -> tuple[float, ...]:
    """Share of every state, where those that are not named share the rest evenly.

    Examples
    --------
    >>> fill_shares({"none": 0.8}, ("none", "some", "many"))
    (0.8, 0.1, 0.1)
    """
    others = [state for state in states if state not in shares]
    total = sum(shares.values())
    if not others:
        return tuple(shares[state] / total for state in states)
    rest = round((1 - total) / len(others), 15)
    return tuple(shares.get(state, rest) for state in states)
