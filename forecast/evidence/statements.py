"""Distinct statements of origins, in one or several versions, and of controlled channels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from forecast.evidence.events import version_of
from forecast.evidence.report import Report
from forecast.evidence.sources import accuracy_index
from forecast.evidence.streams import Row
from forecast.scenario.scenario import Scenario

CONTROLLED = -1
"""Stands for the accuracy of a controlled channel's statement: it has none."""

UNMADE = -1
"""Stands for the row of probabilities where whether a report is made says nothing."""

UNSHARED = -1
"""Stands for whether a statement rests on what is true where its accuracy alone says so."""


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
        self.rows: dict[Row, int] = {}
        self.variables: list[str] = []
        self._number = {report.id: k for k, report in enumerate(observed)}
        self._known: dict[object, int] = {}
        self._versions: list[tuple[int, int, int, int]] = []
        self._accuracy: list[int] = []
        self._states: list[int] = []
        self._row: list[int] = []
        self._right: list[int] = []
        self._controlled: list[Sequence[float]] = []

    def number_of(self, row: Row | None) -> int:
        """Number of a stream's row of probabilities; -1 for none."""
        return UNMADE if row is None else self.rows.setdefault(row, len(self.rows))

    def of_origin(self, versions: Sequence[Report], row: Row | None, right: int = UNSHARED) -> int:
        """Number of an origin's statement, given the best report of each version, best first.

        Whether it rests on what is true (1) or not (0) is given where an auxiliary variable says.
        """
        indicator, number = versions[0].indicator, self.number_of(row)
        quoted = [
            (accuracy_index(self.scenario, report), version_of(report)) for report in versions
        ]
        key = (indicator, number, right, *quoted)
        return self._add(key, versions, quoted[0][0], (), number, right)

    def of_channel(self, channel: str, report: Report) -> int:
        """Number of a controlled channel's statement."""
        shares = self.scenario.channels[channel].shows.get(report.indicator, {})
        states = self.scenario.variables[report.indicator].states
        row = fill_shares(shares, states)
        key = (report.indicator, channel, version_of(report))
        return self._add(key, [report], CONTROLLED, row, UNMADE)

    def _add(
        self,
        key: object,
        versions: Iterable[Report],
        accuracy: int,
        controlled: Sequence[float],
        row: int,
        right: int = UNSHARED,
    ) -> int:
        if key not in self._known:
            number = self._known[key] = len(self._accuracy)
            for report in versions:
                own = accuracy_index(self.scenario, report)
                at_least = int(is_at_least(self.scenario, report))
                self._versions.append((self._number[report.id], number, own, at_least))
                indicator = report.indicator
            self.variables.append(indicator)
            self._accuracy.append(accuracy)
            self._states.append(len(self.scenario.variables[indicator].states))
            self._row.append(row)
            self._right.append(right)
            self._controlled.append(controlled)
        return self._known[key]

    def arrays(self, widest: int) -> dict[str, Any]:
        """Versions and statements, as `ReportArrays` has them."""
        controlled = np.zeros((len(self._controlled), widest))
        for row, given in zip(controlled, self._controlled, strict=True):
            row[: len(given)] = given
        versions = np.array(self._versions, np.int64).reshape(-1, 4)
        return {
            "version_report": versions[:, 0],
            "version_statement": versions[:, 1],
            "version_accuracy": versions[:, 2],
            "version_at_least": versions[:, 3],
            "statement_accuracy": np.array(self._accuracy, np.int64),
            "statement_states": np.array(self._states, np.int64),
            "statement_row": np.array(self._row, np.int64),
            "statement_right": np.array(self._right, np.int64),
            "controlled": controlled,
        }


def is_at_least(scenario: Scenario, report: Report) -> bool:
    """Whether a report of a state is of one event, so that the step may have seen a worse one."""
    if not report.state:
        return False
    usual = scenario.variables[report.indicator].kind == "event"
    return report.scope == "at_least" or (usual and not report.scope)


def level_of(scenario: Scenario, reports: Iterable[Report]) -> int:
    """Number of the last state that one of some reports of events names; 0 if none does."""
    return max(
        (
            scenario.variables[report.indicator].states.index(report.state)
            for report in reports
            if is_at_least(scenario, report)
        ),
        default=0,
    )


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
