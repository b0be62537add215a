"""Reporting profiles: the probability that a step in a state is reported on."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from forecast.evidence.judged import Judged, JudgedLevel
from forecast.reading import shipped_folder
from forecast.scenario.collection import Blackout, Lag, Profile, ReportingLevel, Watch
from forecast.scenario.fits import fit_beta
from forecast.scenario.forms import Quantity
from forecast.scenario.scenario import Scenario, Variable

Key = tuple[str, str]
"""An uncertain probability: its family, "reporting" or "detection", and its name in it."""

ROUTINE, HAPPENING, ALARMS = "first state", "other states", "false alarms"
REPORTS = "reports"
"""Level that the probabilities of being reported share; those of false alarms share `ALARMS`."""


@dataclass(frozen=True, slots=True)
class ReportMaking:
    """How reports of a variable come about, whoever makes them.

    Attributes
    ----------
    probabilities
        For each state, the probability that a step in it is reported on.
    alarms
        The probability that, if nothing true is reported of a step, something else is; None where
        there are no false alarms beyond the errors of sources.
    delay
        How soon what is reported is known.
    blackouts
        Days on which less is reported.
    """

    probabilities: tuple[Key, ...]
    alarms: Key | None
    delay: Lag
    blackouts: tuple[Blackout, ...]


@dataclass(frozen=True, slots=True)
class DefaultReporting:
    """What is taken where a scenario states nothing.

    Attributes
    ----------
    reported
        Probability of being reported, by visibility and for the routine state.
    level
        Level of reporting, of what is true and of false alarms.
    delay
        How soon what is reported is known.
    dwell
        Dwell time of what is standing.
    bases
        Basis of what is reported, by visibility and for the routine state, and of the "delay".
    """

    reported: dict[str, tuple[float, float]]
    level: ReportingLevel
    delay: Lag
    dwell: Quantity
    bases: dict[str, str]

    def shape(self, kind: str) -> tuple[float, float]:
        """Shape of the Beta prior for a visibility, or for the routine state."""
        return fit_beta(*self.reported[kind])


@lru_cache(maxsize=1)
def default_reporting() -> DefaultReporting:
    """Shipped defaults of how reports come about.

    Examples
    --------
    >>> default_reporting().reported["overt"]
    (0.6, 0.98)
    """
    path = shipped_folder() / "reporting" / "defaults.toml"
    found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    kinds = ("routine", "overt", "partial", "covert")
    return DefaultReporting(
        {kind: tuple(found[kind]["reported"]) for kind in kinds},
        ReportingLevel.model_validate(found["level"]),
        Lag(days=tuple(found["delay"]["days"]), share=tuple(found["delay"]["share"])),
        Quantity.model_validate(
            {"between": found["standing"]["dwell"], "basis": found["standing"]["basis"]}
        ),
        {part: found[part]["basis"] for part in (*kinds, "delay")},
    )


def reporting_of(scenario: Scenario, variable: Variable) -> Profile | str:
    """How reports of a variable come about: its profile, its visibility, or "ignorable".

    Where neither the variable nor the scenario says anything, reports of an indicator are taken
    to be "partial". A number that is measured is read off whatever it is, a static scenario
    has no step within which to report, and of an outcome nobody is expected to report.
    """
    if variable.role not in ("indicator", "outcome"):
        return "ignorable"
    if variable.reporting is not None:
        return variable.reporting
    usual = variable.role == "indicator" and variable.measured is None
    if not usual or scenario.time is None:
        return "ignorable"
    return scenario.reporting or "partial"


def regardless_of_reporting(scenario: Scenario) -> Scenario:
    """The scenario without information from whether a report is made, by profiles and watches."""
    variables = {
        name: variable.model_copy(update={"reporting": None})
        for name, variable in scenario.variables.items()
    }
    return scenario.model_copy(
        update={"variables": variables, "watches": {}, "reporting": "ignorable"}
    )


@lru_cache(maxsize=64)
def report_making(scenario: Scenario) -> dict[str, ReportMaking]:
    """How reports come about of every variable for which whether one is made says something."""
    found = {}
    for name, variable in scenario.variables.items():
        stated = reporting_of(scenario, variable)
        if stated == "ignorable":
            continue
        profile = stated if isinstance(stated, Profile) else None
        reported = profile.reported if profile else {}
        ours = (ROUTINE, *[HAPPENING] * (len(variable.states) - 1))
        found[name] = ReportMaking(
            tuple(
                ("reporting", f"{name}: {state if state in reported else other}")
                for state, other in zip(variable.states, ours, strict=True)
            ),
            ("reporting", f"{name}: {ALARMS}") if profile and profile.false_alarms else None,
            (profile and profile.delay) or default_reporting().delay,
            profile.blackouts if profile else (),
        )
    return found


def reporting_probabilities(scenario: Scenario) -> Iterator[Judged]:
    """Yield every probability of the family "reporting", in the order of the scenario."""
    for name, making in report_making(scenario).items():
        variable = scenario.variables[name]
        stated = reporting_of(scenario, variable)
        yield from _probabilities_of(
            name, variable, stated, {key for _, key in making.probabilities}
        )
    for name, watch in scenario.watches.items():
        yield from _watch_probabilities(name, watch)


def _probabilities_of(
    name: str, variable: Variable, stated: Profile | str, used: set[str]
) -> Iterator[Judged]:
    usual = default_reporting()
    visibility = stated if isinstance(stated, str) else "partial"
    shapes = {
        f"{name}: {ROUTINE}": (f"the routine state of {name}", usual.shape("routine")),
        f"{name}: {HAPPENING}": (f"any other state of {name}", usual.shape(visibility)),
    }
    if isinstance(stated, Profile):
        shapes |= {
            f"{name}: {state}": (f"{name}={state}", probability.fit().shape)
            for state, probability in stated.reported.items()
        }
    ordered = [f"{name}: {end}" for end in (ROUTINE, HAPPENING, *variable.states)]
    for key in ordered:
        if key in used:
            label, shape = shapes[key]
            what = f"probability that {label} is reported within a step"
            yield Judged(key, what, shape, REPORTS)
    if isinstance(stated, Profile) and stated.false_alarms is not None:
        label = f"probability of a false alarm of {name} within a step"
        yield Judged(f"{name}: {ALARMS}", label, stated.false_alarms.fit().shape, ALARMS)


def reporting_levels(scenario: Scenario) -> Iterator[JudgedLevel]:
    """Yield every level that probabilities of the family "reporting" share."""
    shared = {judged.level for judged in reporting_probabilities(scenario)}
    usual = default_reporting().level
    stated = scenario.reporting_level or usual
    if REPORTS in shared:
        label = "how much is reported, as a multiple of what the profiles say"
        yield JudgedLevel(REPORTS, label, stated.reports.fit().shape)
    if ALARMS in shared:
        label = "how many false alarms there are, as a multiple of what the profiles say"
        level = stated.false_alarms or stated.reports
        yield JudgedLevel(ALARMS, label, level.fit().shape)


def _watch_probabilities(name: str, watch: Watch) -> Iterator[Judged]:
    shape = default_reporting().shape("routine")
    if watch.routine is not None:
        shape = watch.routine.fit().shape
    label = f"probability that the watch {name} reports on a step without what it looks for"
    yield Judged(f"watch {name}: {ROUTINE}", label, shape)
    if watch.false_alarms is not None:
        shape = watch.false_alarms.fit().shape
        label = f"probability of a false alarm of the watch {name} within a step"
        yield Judged(f"watch {name}: {ALARMS}", label, shape)


def watch_probabilities(scenario: Scenario, name: str) -> tuple[tuple[Key, ...], Key | None]:
    """The probability of each state that a watch reports it, and that of its false alarms."""
    watch = scenario.watches[name]
    states = scenario.variables[watch.indicator].states
    looked_for = watch.looks_for(states)
    probabilities = tuple(
        ("detection", name) if state in looked_for else ("reporting", f"watch {name}: {ROUTINE}")
        for state in states
    )
    alarms = ("reporting", f"watch {name}: {ALARMS}") if watch.false_alarms is not None else None
    return probabilities, alarms
