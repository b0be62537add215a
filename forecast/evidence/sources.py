"""How reliable sources are: accuracy, detection and control, with their Beta priors."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from forecast.arrays import Array
from forecast.evidence.judged import Judged
from forecast.evidence.profiles import reporting_probabilities
from forecast.evidence.report import RELIABILITY, Report
from forecast.reading import shipped_folder
from forecast.scenario.fits import fit_beta
from forecast.scenario.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Grade:
    """Accuracy of a reliability grade: P(a report rests on what is true), with its Beta prior.

    `invented` is the share of its errors that name any state evenly.
    """

    letter: str
    lower: float
    upper: float
    invented: float
    basis: str

    @property
    def shape(self) -> tuple[float, float]:
        """Shape parameters of the Beta prior."""
        return fit_beta(self.lower, self.upper)


@lru_cache(maxsize=1)
def admiralty_grades() -> tuple[Grade, ...]:
    """Shipped accuracies of the Admiralty grades, A to F.

    Examples
    --------
    >>> [grade.letter for grade in admiralty_grades()]
    ['A', 'B', 'C', 'D', 'E', 'F']
    """
    path = shipped_folder() / "sources" / "admiralty.toml"
    grades = tomllib.loads(path.read_text(encoding="utf-8"))["grades"]
    return tuple(
        Grade(letter, float(lower), float(upper), float(entry["invented"]), entry["basis"])
        for letter in RELIABILITY
        for entry in [grades[letter]]
        for lower, upper in [entry["accuracy"]]
    )


@dataclass(frozen=True, slots=True)
class Trust:
    """Everything that is judged of sources, each with its prior.

    Attributes
    ----------
    accuracy
        P(a report rests on what is true), by reliability grade and then by source, for those that
        have a record of their own.
    detection
        P(what is watched for is reported), by watch.
    control
        P(a channel is controlled), by channel.
    reporting
        P(a step in a state is reported on), by indicator and state, and P(false alarm).
    """

    accuracy: tuple[Judged, ...]
    detection: tuple[Judged, ...]
    control: tuple[Judged, ...]
    reporting: tuple[Judged, ...]

    def families(self) -> Iterator[tuple[str, tuple[Judged, ...]]]:
        """Families that have members, in order: the order in which the likelihood takes them."""
        for name in TRUSTED:
            if members := getattr(self, name):
                yield name, members

    def shapes(self, family: str) -> Array:
        """Shape parameters of a family's Beta priors, (member, 2)."""
        return np.array([judged.shape for judged in getattr(self, family)]).reshape(-1, 2)


TRUSTED = ("accuracy", "detection", "control", "reporting")
"""Families of probabilities about sources, each a variable of the model."""
DIMENSIONS = {
    "accuracy": "reliability",
    "detection": "watch",
    "control": "channel",
    "reporting": "profile",
}
"""Name of the dimension of each."""


@lru_cache(maxsize=64)
def trust_in(scenario: Scenario) -> Trust:
    """What is judged of the sources of a scenario.

    Examples
    --------
    >>> from forecast.scenario.scenario_files import load_scenario
    >>> [judged.name for judged in trust_in(load_scenario("iraq-2020")).accuracy]
    ['A', 'B', 'C', 'D', 'E', 'F']
    """
    grades = (
        Judged(grade.letter, f"accuracy of sources of grade {grade.letter}", grade.shape)
        for grade in admiralty_grades()
    )
    recorded = (
        Judged(name, f"accuracy of {name}", source.record.probability.fit().shape)
        for name, source in scenario.sources.items()
        if source.record is not None
    )
    return Trust(
        accuracy=(*grades, *recorded),
        detection=tuple(
            Judged(name, f"detection by the watch {name}", watch.detection.fit().shape)
            for name, watch in scenario.watches.items()
        ),
        control=tuple(
            Judged(name, f"control of the channel {name}", channel.controlled.fit().shape)
            for name, channel in scenario.channels.items()
        ),
        reporting=tuple(reporting_probabilities(scenario)),
    )


def accuracy_index(scenario: Scenario, report: Report) -> int:
    """Which accuracy a report has: that of its source's own record, or of its grade."""
    names = _accuracy_names(scenario)
    return names.get(f"source {report.source}", RELIABILITY.index(report.reliability))


@lru_cache(maxsize=64)
def _accuracy_names(scenario: Scenario) -> dict[str, int]:
    recorded = enumerate(trust_in(scenario).accuracy[len(RELIABILITY) :], len(RELIABILITY))
    return {f"source {judged.name}": k for k, judged in recorded}


def channel_of(scenario: Scenario, report: Report) -> str:
    """The channel that a report came through; empty if none is marked."""
    return _channel_names(scenario).get(report.source, "")


@lru_cache(maxsize=64)
def _channel_names(scenario: Scenario) -> dict[str, str]:
    return {
        source: name for name, channel in scenario.channels.items() for source in channel.sources
    }
