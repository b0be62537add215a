"""What is said, each thing once: words in one or several versions, and what channels show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.evidence.events import version_of
from forecast.evidence.report import Report
from forecast.evidence.sources import accuracy_index
from forecast.scenario.scenario import Scenario

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

SHOWN = -1
"""Stands for the accuracy of what a controlled channel says: it has none."""


class Words:
    """Everything that is said, numbered.

    Two witnesses who say the same with the same accuracy say one word twice.

    Parameters
    ----------
    scenario
        What the reports speak to.
    observed
        Reports that speak to a variable, in order.
    """

    def __init__(self, scenario: Scenario, observed: Sequence[Report]) -> None:
        self.scenario = scenario
        self._number = {report.id: k for k, report in enumerate(observed)}
        self._known: dict[object, int] = {}
        self._voices: list[tuple[int, int, int]] = []
        self._accuracy: list[int] = []
        self._states: list[int] = []
        self._shows: list[Sequence[float]] = []

    def say(self, versions: Sequence[Report]) -> int:
        """Number of what a witness says, given the best report of each version, the best first."""
        indicator = versions[0].indicator
        told = [(accuracy_index(self.scenario, report), version_of(report)) for report in versions]
        return self._word((indicator, *told), versions, told[0][0], ())

    def show(self, channel: str, report: Report) -> int:
        """Number of what a controlled channel says."""
        shares = self.scenario.channels[channel].shows.get(report.indicator, {})
        states = self.scenario.variables[report.indicator].states
        row = fill_shares(shares, states)
        key = (report.indicator, channel, version_of(report))
        return self._word(key, [report], SHOWN, row)

    def _word(
        self, key: object, versions: Iterable[Report], accuracy: int, shows: Sequence[float]
    ) -> int:
        if key not in self._known:
            number = self._known[key] = len(self._accuracy)
            for report in versions:
                own = accuracy_index(self.scenario, report)
                self._voices.append((self._number[report.id], number, own))
                indicator = report.indicator
            self._accuracy.append(accuracy)
            self._states.append(len(self.scenario.variables[indicator].states))
            self._shows.append(shows)
        return self._known[key]

    def arrays(self, widest: int) -> dict[str, Any]:
        """Voices and words, as `ReportTable` has them; a row of `shows` for each word."""
        shows = np.zeros((len(self._shows), widest))
        for row, given in zip(shows, self._shows, strict=True):
            row[: len(given)] = given
        voices = np.array(self._voices, np.int64).reshape(-1, 3)
        return {
            "voice_report": voices[:, 0],
            "voice_word": voices[:, 1],
            "voice_accuracy": voices[:, 2],
            "word_accuracy": np.array(self._accuracy, np.int64),
            "word_states": np.array(self._states, np.int64),
            "shows": shows,
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
