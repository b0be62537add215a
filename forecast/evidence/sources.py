"""How reliable sources are, and how reports come about: what is judged, with its priors."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from forecast.arrays import Array, Index
from forecast.evidence.families import copying_probabilities
from forecast.evidence.judged import Judged, JudgedLevel
from forecast.evidence.profiles import reporting_levels, reporting_probabilities
from forecast.evidence.report import RELIABILITY, Report
from forecast.frozen import frozen
from forecast.reading import shipped_folder
from forecast.scenario.collection import Source
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
        have a record or a reliability of their own. The prior of a grade says how accurate its
        sources are, one by one: each that is listed with the grade is a draw from it, and those
        that are not share one.
    detection
        P(what is watched for is reported), by watch.
    control
        P(a channel is controlled), by channel.
    reporting
        P(a step in a state is reported on), by indicator and state, and P(false alarm).
    copying
        P(a report copies another that it could have copied), by family of sources.
    reporting_level
        Multiples of the rates of reporting that those of profiles share, by level.
    """

    accuracy: tuple[Judged, ...]
    detection: tuple[Judged, ...]
    control: tuple[Judged, ...]
    reporting: tuple[Judged, ...]
    copying: tuple[Judged, ...]
    reporting_level: tuple[JudgedLevel, ...]

    def families(self) -> Iterator[tuple[str, tuple[Judged, ...]]]:
        """Families of probabilities that have members, in the order that the likelihood takes."""
        for name in PROBABILITIES:
            if members := getattr(self, name):
                yield name, members

    @property
    def level_of(self) -> Index:
        """Level that each probability shares, by its place behind all of them; -1 for none."""
        probabilities = [judged for _, members in self.families() for judged in members]
        places = {each.name: len(probabilities) + k for k, each in enumerate(self.reporting_level)}
        return np.array([places.get(judged.level, -1) for judged in probabilities], np.int64)

    def shapes(self, family: str) -> Array:
        """Shape parameters of a family's priors, (member, 2)."""
        return np.array([judged.shape for judged in getattr(self, family)]).reshape(-1, 2)


PROBABILITIES = ("accuracy", "detection", "control", "reporting", "copying")
"""Families of probabilities about sources and reports, each a variable of the model."""
TRUSTED = (*PROBABILITIES, "reporting_level")
"""All that is judged of sources and reports, in the order that the likelihood takes."""
DIMENSIONS = {
    "accuracy": "reliability",
    "detection": "watch",
    "control": "channel",
    "reporting": "profile",
    "copying": "family",
    "reporting_level": "level",
}
"""Name of the dimension of each."""


@lru_cache(maxsize=64)
def trust_in(scenario: Scenario) -> Trust:
    """What is judged of the sources of a scenario.

    Examples
    --------
    >>> from forecast.scenario.scenario_files import load_scenario
    >>> [judged.name for judged in trust_in(load_scenario("iraq-2020")).accuracy]
    ['A', 'B', 'C', 'D', 'E', 'F', 'update', 'public_record', 'reuters_20200104']
    """
    grades = (
        Judged(grade.letter, f"accuracy of sources of grade {grade.letter}", grade.shape)
        for grade in admiralty_grades()
    )
    sources = (
        Judged(name, f"accuracy of {name}", _accuracy_shape(source))
        for name, source in _judged_sources(scenario)
    )
    return Trust(
        accuracy=(*grades, *sources),
        detection=tuple(
            Judged(name, f"detection by the watch {name}", watch.detection.fit().shape)
            for name, watch in scenario.watches.items()
        ),
        control=tuple(
            Judged(name, f"control of the channel {name}", channel.controlled.fit().shape)
            for name, channel in scenario.channels.items()
        ),
        reporting=tuple(reporting_probabilities(scenario)),
        copying=tuple(copying_probabilities(scenario)),
        reporting_level=tuple(reporting_levels(scenario)),
    )


@lru_cache(maxsize=64)
def probability_numbers(scenario: Scenario) -> Mapping[tuple[str, str | int], int]:
    """Number of each probability among all that is judged of sources, by family and name.

    Accuracies by their own number as well: a source may have the name of a grade.
    """
    trust = trust_in(scenario)
    judged = [(family, each.name) for family in PROBABILITIES for each in getattr(trust, family)]
    found: dict[tuple[str, str | int], int] = {place: k for k, place in enumerate(judged)}
    # Accuracies come first.
    return frozen(found | {("accuracy", k): k for k in range(len(trust.accuracy))})


def accuracy_index(scenario: Scenario, report: Report) -> int:
    """Which accuracy a report has: that of its source, or the one that is shared by its grade."""
    number, grades = _own_accuracies(scenario).get(report.source, (0, ""))
    return number if report.reliability in grades else RELIABILITY.index(report.reliability)


@lru_cache(maxsize=64)
def _own_accuracies(scenario: Scenario) -> dict[str, tuple[int, str]]:
    """Number of the accuracy of each source that has one, and the grades of reports that it has."""
    judged = enumerate(_judged_sources(scenario), len(RELIABILITY))
    return {
        name: (k, RELIABILITY if source.record else str(source.reliability))
        for k, (name, source) in judged
    }


def _judged_sources(scenario: Scenario) -> list[tuple[str, Source]]:
    """Sources that have an accuracy of their own."""
    return [(name, each) for name, each in scenario.sources.items() if each.is_judged]


def _accuracy_shape(source: Source) -> tuple[float, float]:
    """Prior of a source's own accuracy: what its record says, or what its grade does."""
    if source.record is not None:
        return source.record.probability.fit().shape
    return admiralty_grades()[RELIABILITY.index(str(source.reliability))].shape


def channel_of(scenario: Scenario, report: Report) -> str:
    """The channel that a report came through; empty if none is marked."""
    return _channel_names(scenario).get(report.source, "")


@lru_cache(maxsize=64)
def _channel_names(scenario: Scenario) -> dict[str, str]:
    return {
        source: name for name, channel in scenario.channels.items() for source in channel.sources
    }
