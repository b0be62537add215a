"""Distinct statements of origins, in one or several versions, and of controlled channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forecast.evidence.events import version_of
from forecast.evidence.report import Report
from forecast.evidence.sources import accuracy_index
from forecast.evidence.streams import Row
from forecast.scenario.scenario import Scenario

NO_ACCURACY = -1
"""Stands for the accuracy of a controlled channel's statement: it has none."""

UNMADE = -1
"""Stands for the row of probabilities where whether a report is made says nothing."""

UNSHARED = -1
"""Stands for whether a statement rests on what is true where its accuracy alone says so."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What an origin states, in one version or in several, or what a controlled channel states.

    Two that have the same content are one.

    Attributes
    ----------
    content
        What tells it from others: its variable, who makes it, and what its versions state.
    versions
        The best report of each version, best first.
    accuracy
        Number of its accuracy, or `NO_ACCURACY`.
    controlled
        Probability of each state in what a controlled channel states; empty for others.
    row
        Probabilities of the stream that it belongs to, or None.
    right
        Whether it rests on what is true: 1 or 0 where an auxiliary variable says so, or `UNSHARED`.
    """

    content: tuple[object, ...]
    versions: tuple[Report, ...] = field(compare=False)
    accuracy: int = field(compare=False)
    controlled: tuple[float, ...] = field(default=(), compare=False)
    row: Row | None = field(default=None, compare=False)
    right: int = field(default=UNSHARED, compare=False)

    @property
    def indicator(self) -> str:
        """The variable that it is about."""
        return self.versions[0].indicator


def origin_statement(
    scenario: Scenario, versions: Sequence[Report], row: Row | None, right: int = UNSHARED
) -> Statement:
    """An origin's statement, given the best report of each version, best first.

    Whether it rests on what is true (1) or not (0) is given where an auxiliary variable says.
    """
    quoted = [(accuracy_index(scenario, report), version_of(report)) for report in versions]
    content = versions[0].indicator, row, right, *quoted
    return Statement(content, tuple(versions), quoted[0][0], row=row, right=right)


def channel_statement(scenario: Scenario, channel: str, report: Report) -> Statement:
    """A controlled channel's statement."""
    shares = scenario.channels[channel].shows.get(report.indicator, {})
    controlled = fill_shares(shares, scenario.variables[report.indicator].states)
    content = report.indicator, channel, version_of(report)
    return Statement(content, (report,), NO_ACCURACY, controlled)


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
        self._report = {report.id: k for k, report in enumerate(observed)}
        self._number: dict[Statement, int] = {}

    def number_of(self, statement: Statement) -> int:
        """Number of a statement."""
        return self._number.setdefault(statement, len(self._number))

    def number_of_row(self, row: Row | None) -> int:
        """Number of a stream's row of probabilities; -1 for none."""
        return UNMADE if row is None else self.rows.setdefault(row, len(self.rows))

    @property
    def variables(self) -> tuple[str, ...]:
        """Variable of each statement."""
        return tuple(statement.indicator for statement in self._number)

    def arrays(self, widest: int) -> dict[str, Any]:
        """Versions and statements, as `ReportArrays` has them."""
        controlled = np.zeros((len(self._number), widest))
        for row, each in zip(controlled, self._number, strict=True):
            row[: len(each.controlled)] = each.controlled
        own = np.array([self._numbers(each) for each in self._number], np.int64).reshape(-1, 4)
        versions = np.array(list(self._versions()), np.int64).reshape(-1, 4)
        names = "accuracy", "states", "row", "right"
        of_version = "report", "statement", "accuracy", "at_least"
        return {
            **{f"version_{name}": versions[:, k] for k, name in enumerate(of_version)},
            **{f"statement_{name}": own[:, k] for k, name in enumerate(names)},
            "controlled": controlled,
        }

    def _numbers(self, statement: Statement) -> tuple[int, int, int, int]:
        """Accuracy, states, row, and whether it rests on what is true, of a statement."""
        n_states = len(self.scenario.variables[statement.indicator].states)
        return statement.accuracy, n_states, self.number_of_row(statement.row), statement.right

    def _versions(self) -> Iterator[tuple[int, int, int, int]]:
        """Yield report, statement, accuracy, and whether it is of one event, of each version."""
        for statement, number in self._number.items():
            for report in statement.versions:
                own = accuracy_index(self.scenario, report)
                at_least = int(is_at_least(self.scenario, report))
                yield self._report[report.id], number, own, at_least


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
