"""Rules that tripwires and warning levels keep.

Like those of `forecast.scenario.scenario_checks`, every function yields faults and stops at none.
"""

from __future__ import annotations

from collections.abc import Iterator

from forecast.errors import nearest
from forecast.scenario.limits import LocatedFault
from forecast.scenario.scenario import Clock, Role, Scenario
from forecast.scenario.tree import Path
from forecast.scenario.warning import ANY_DANGEROUS, Threshold, Tripwire

OBSERVABLE: tuple[Role, ...] = ("indicator", "outcome", "input")
"""Roles of variables that reports can name."""


def check_warning(scenario: Scenario, unread: frozenset[str]) -> Iterator[LocatedFault]:
    """Yield what is wrong with a scenario's tripwires and warning levels."""
    for key, tripwire in scenario.tripwires.items():
        at: Path = ("tripwires", key)
        if not tripwire.any and not tripwire.probabilities:
            yield at, "needs a level: `any`, of what is reported, or `probabilities`"
        yield from _check_day(at, tripwire, scenario.time)
        yield from _check_levels((*at, "any"), tripwire, scenario, unread)
        for index, threshold in enumerate(tripwire.probabilities):
            yield from _check_threshold((*at, "probabilities", index), threshold, scenario, unread)
    yield from _check_warning_levels(scenario)


def _check_day(at: Path, tripwire: Tripwire, clock: Clock | None) -> Iterator[LocatedFault]:
    for word in ("by", "on"):
        if getattr(tripwire, word) is not None and not tripwire.any:
            yield (*at, word), "is about what is reported, and the tripwire has no `any`"
    if tripwire.by is not None and tripwire.on is not None:
        yield (*at, "on"), "a level counts `by` a day or `on` a day, not both"
    elif tripwire.on is not None and clock is not None and tripwire.on < clock.start:
        yield (*at, "on"), f"{tripwire.on} is before the scenario begins, {clock.start}"


def _check_levels(
    at: Path, tripwire: Tripwire, scenario: Scenario, unread: frozenset[str]
) -> Iterator[LocatedFault]:
    variables = scenario.variables
    for index, levels in enumerate(tripwire.any):
        for name, state in levels.items():
            where: Path = (*at, index, name)
            if name in unread:
                continue
            if name not in variables:
                yield where, f"{name!r} is not a variable; {nearest(name, variables)}"
            elif variables[name].role not in OBSERVABLE:
                role = variables[name].role
                yield where, f"{name!r} is a {role}, which nobody can report on directly"
            elif state not in variables[name].states:
                legal = variables[name].states
                yield where, f"{state!r} is not a state of {name}; {nearest(state, legal)}"


def _check_threshold(
    at: Path, threshold: Threshold, scenario: Scenario, unread: frozenset[str]
) -> Iterator[LocatedFault]:
    courses = [f"{name}={state}" for name, state in scenario.courses]
    if any(course.dangerous for course in scenario.courses.values()):
        courses.append(ANY_DANGEROUS)
    course, within, clock = threshold.course, threshold.within, scenario.time
    if course not in courses and not (unread and course.split("=")[0] in {*unread, ANY_DANGEROUS}):
        yield (*at, "course"), f"{course!r} is not a course of action; {nearest(course, courses)}"
    if within is not None and clock is None:
        yield (*at, "within"), "a static scenario (no `time`) has no days"
    elif within is not None and clock is not None and within > clock.reach:
        yield (*at, "within"), f"{within} days; the horizon is {clock.reach} days"
    if not 0 < threshold.at_least < 1:
        yield (*at, "at_least"), f"{threshold.at_least:g}; a level lies between 0 and 1"
    if not threshold.reset < threshold.at_least:
        yield (
            (*at, "reset"),
            f"{threshold.reset:g} is not below the level, {threshold.at_least:g}; a probability "
            "that wavers around the level would switch the rule on and off",
        )


def _check_warning_levels(scenario: Scenario) -> Iterator[LocatedFault]:
    used: dict[str, str] = {}
    for k, (key, level) in enumerate(scenario.warning_levels.items()):
        at: Path = ("warning_levels", key)
        if k == 0 and level.tripwires:
            yield (*at, "tripwires"), "the first, lowest level holds if no other does; it has none"
        if k and not level.tripwires:
            yield at, "'tripwires' is missing: which of them raise the warning to this level"
        for index, name in enumerate(level.tripwires):
            where: Path = (*at, "tripwires", index)
            if name not in scenario.tripwires:
                yield where, f"{name!r} is not a tripwire; {nearest(name, scenario.tripwires)}"
            elif name in used:
                yield where, f"{name!r} raises the warning to {used[name]!r} already"
            used.setdefault(name, key)
