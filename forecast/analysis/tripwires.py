"""Tripwires and warning levels: what fired, when, and on what.

A rule that is compared anew with every number switches on and off as the number wavers. So each of
its levels has two limits, one that it has to reach and a lower one under which it is reset
(hysteresis), and neither counts before it has held for some days (persistence). What the rules say
of a day therefore rests on the days before it: reports are replayed as they became known, and
probabilities as earlier forecasts stated them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from forecast.analysis.weighing import stated_state
from forecast.arguments import checked
from forecast.errors import Problem, nearest, raise_if_any
from forecast.estimate import Estimate, percent, quantity
from forecast.evidence.ledger import Evidence, Ledger
from forecast.evidence.report import Report
from forecast.layout import PrintsItself, Summary, shortened
from forecast.outlook import Forecast, beliefs
from forecast.posterior.stored_answers import watched
from forecast.scenario.scenario import Scenario
from forecast.scenario.warning import Threshold, Tripwire, WarningLevel
from forecast.text import DASH

State = Literal["fired", "pending", "not fired"]
Level = Mapping[str, str] | Threshold
Moment = tuple[date, Evidence, Mapping[Threshold, Estimate]]
"""A day, what was known at its end, and what a forecast made of it stated, if there was one."""


@dataclass(frozen=True, slots=True)
class Change:
    """That a tripwire fired or was reset.

    Attributes
    ----------
    day
        The day on which it did.
    fired
        Whether it fired; it was reset if not.
    reports
        Reports that reached the level.
    level, estimate
        The level of a probability that was reached, and what the probability was; None where
        reports fired it.
    """

    day: date
    fired: bool
    reports: tuple[Report, ...] = ()
    level: Threshold | None = None
    estimate: Estimate | None = None

    @property
    def grounds(self) -> str:
        """On what, in words; nothing for a reset."""
        if self.level is not None and self.estimate is not None:
            return f"{self.level.course} {quantity(self.estimate)}"
        return ", ".join(report.id for report in self.reports)


@dataclass(frozen=True, slots=True)
class TripwireStatus:
    """Whether a tripwire has fired, and on what.

    Attributes
    ----------
    name, tripwire
        The tripwire.
    state
        "fired" until it is reset; "pending" if its day has not passed, or if a level is reached
        but has not been for long enough; "not fired" otherwise.
    changes
        Every time that it fired, or was reset when nothing else held it, in order.
    """

    name: str
    tripwire: Tripwire
    state: State
    changes: tuple[Change, ...] = ()

    @property
    def fired(self) -> Change | None:
        """The change with which it fired, while it has fired."""
        return self.changes[-1] if self.state == "fired" else None

    @property
    def reports(self) -> tuple[Report, ...]:
        """Reports of the level that fired it, while it has fired."""
        return self.fired.reports if self.fired else ()


@dataclass(frozen=True, repr=False)
class Tripwires(PrintsItself):
    """What fired, when and on what; made by `tripwires`.

    Attributes
    ----------
    as_of
        The day that is spoken of.
    statuses
        One for each tripwire, in the scenario's order.
    """

    as_of: date
    statuses: tuple[TripwireStatus, ...]

    def __iter__(self) -> Iterator[TripwireStatus]:
        return iter(self.statuses)

    def __len__(self) -> int:
        return len(self.statuses)

    @property
    def fired(self) -> tuple[TripwireStatus, ...]:
        """Those that have fired and were not reset."""
        return tuple(status for status in self.statuses if status.state == "fired")

    def status(self, name: str) -> TripwireStatus:
        """The status of one tripwire."""
        found = {status.name: status for status in self.statuses}
        if name not in found:
            message = f"{name!r} is not a tripwire; {nearest(name, found)}"
            raise_if_any([Problem("tripwire", message)])
        return found[name]

    @property
    def _summary(self) -> Summary:
        rows = [
            (
                status.name,
                status.state,
                f"{status.fired.day}" if status.fired else DASH,
                shortened(status.fired.grounds, 44) if status.fired else DASH,
            )
            for status in self.statuses
        ]
        title = f"{len(self.fired)} of {len(self)} tripwires have fired as of {self.as_of}"
        return Summary(title, ("Tripwire", "State", "Since", "On"), rows)


@dataclass(frozen=True, repr=False)
class WarningStatus(PrintsItself):
    """The level of warning in force, since when and on what; made by `warning_level`.

    Attributes
    ----------
    name, level
        The level.
    since
        Day since which it has been in force; None if it always was.
    tripwires
        Names of the tripwires that hold it there.
    changes
        Days on which the level changed, each with the name of the level from then on.
    """

    name: str
    level: WarningLevel
    since: date | None
    tripwires: tuple[str, ...]
    changes: tuple[tuple[date, str], ...]

    @property
    def _summary(self) -> Summary:
        since = f" since {self.since}" if self.since else ""
        on = f", on {', '.join(self.tripwires)}" if self.tripwires else ""
        rows = [(f"{day}", name) for day, name in self.changes]
        return Summary(f"Warning level {self.name}{since}{on}", ("Day", "Level"), rows)


@checked
def tripwires(given: Forecast, history: Sequence[Forecast] = ()) -> Tripwires:
    """Say which of a scenario's tripwires have fired, when and on what.

    Reports are replayed day by day as they became known. A rule on a probability knows the days
    of the forecasts that it is given, and no others.

    Parameters
    ----------
    given
        A forecast.
    history
        Earlier forecasts of the same scenario, in any order.

    Returns
    -------
    Tripwires
        It prints itself.

    Raises
    ------
    InputError
        If the history is of another scenario, or not earlier.

    Examples
    --------
    >>> tripwires(outlook, [last_week, yesterday])  # doctest: +SKIP
    """
    scenario = given.scenario
    moments = _moments(given, history)
    return Tripwires(
        given.as_of,
        tuple(replay(scenario, name, moments) for name in scenario.tripwires),
    )


@checked
def warning_level(given: Forecast, history: Sequence[Forecast] = ()) -> WarningStatus:
    """Say which of a scenario's warning levels is in force: the highest that a tripwire raises.

    Parameters
    ----------
    given, history
        As in `tripwires`.

    Returns
    -------
    WarningStatus
        It prints itself.

    Raises
    ------
    InputError
        If the scenario has no warning levels, or for a history as in `tripwires`.

    Examples
    --------
    >>> warning_level(outlook, [last_week, yesterday])  # doctest: +SKIP
    """
    levels = given.scenario.warning_levels
    if not levels:
        message = f"{given.scenario.name!r} has no `warning_levels`"
        raise_if_any([Problem("scenario", message)])
    return level_of(levels, tripwires(given, history))


def level_of(levels: Mapping[str, WarningLevel], found: Iterable[TripwireStatus]) -> WarningStatus:
    """Warning level that some tripwires come to.

    Parameters
    ----------
    levels
        From the lowest, which needs no tripwire, to the highest.
    found
        Status of every tripwire that they name.
    """
    by_name = {status.name: status for status in found}
    ranked = list(levels)
    rank = {name: k for k, level in enumerate(levels.values()) for name in level.tripwires}
    turns = sorted(
        ((change.day, name, change.fired) for name in rank for change in by_name[name].changes),
        key=lambda turn: turn[0],
    )
    firing: set[str] = set()
    changes = [(date.min, ranked[0])]
    for k, (day, name, fired) in enumerate(turns):
        firing = firing | {name} if fired else firing - {name}
        if k + 1 < len(turns) and turns[k + 1][0] == day:
            continue  # what happens on one day is one change
        now = ranked[max((rank[each] for each in firing), default=0)]
        if now != changes[-1][1]:
            changes.append((day, now))
    name = changes[-1][1]
    holding = tuple(each for each in levels[name].tripwires if each in firing)
    since = changes[-1][0] if len(changes) > 1 else None
    return WarningStatus(name, levels[name], since, holding, tuple(changes[1:]))


def replay(scenario: Scenario, name: str, moments: Iterable[Moment]) -> TripwireStatus:
    """Run one tripwire over a history, as it would have fired then.

    Parameters
    ----------
    scenario, name
        The tripwire.
    moments
        Days in order, each with the evidence known at its end and the probabilities that a
        forecast made of it; a probability that is not given leaves its level as it is.

    Returns
    -------
    TripwireStatus
        As of the last day.
    """
    tripwire = scenario.tripwires[name]
    switches = [_Switch(level, tripwire.persistence) for level in _levels(tripwire)]
    changes: list[Change] = []
    day, firing = date.min, False
    for day, evidence, probabilities in moments:
        grounds = [
            _look(scenario, tripwire, switch.level, evidence, probabilities) for switch in switches
        ]
        switches = [
            switch.step(day, ground) for switch, ground in zip(switches, grounds, strict=True)
        ]
        on = [k for k, switch in enumerate(switches) if switch.on]
        if on and not firing:
            changes.append(_firing(day, switches[on[0]].level, grounds[on[0]]))
        elif firing and not on:
            changes.append(Change(day, fired=False))
        firing = bool(on)
    last = tripwire.by or tripwire.on
    waits = (last is not None and last >= day) or any(switch.since for switch in switches)
    state: State = "fired" if firing else "pending" if waits else "not fired"
    return TripwireStatus(name, tripwire, state, tuple(changes))


@dataclass(frozen=True, slots=True)
class _Ground:
    """What was seen of a level on a day: whether it is reached, and whether it is reset."""

    reached: bool
    reset: bool
    reports: tuple[Report, ...] = ()
    estimate: Estimate | None = None


@dataclass(frozen=True, slots=True)
class _Switch:
    """A level with its memory: whether it is on, and since when it would have to change."""

    level: Level
    persistence: int
    on: bool = False
    since: date | None = None

    def step(self, day: date, ground: _Ground | None) -> _Switch:
        """The level after one more day; as it is if nothing was seen of it."""
        if ground is None:
            return self
        changing = ground.reset if self.on else ground.reached
        if not changing:
            return replace(self, since=None)
        since = self.since or day
        if (day - since).days >= self.persistence:
            return replace(self, on=not self.on, since=None)
        return replace(self, since=since)


def _levels(tripwire: Tripwire) -> tuple[Level, ...]:
    return (*tripwire.any, *tripwire.probabilities)


def _firing(day: date, level: Level, ground: _Ground | None) -> Change:
    threshold = level if isinstance(level, Threshold) else None
    if ground is None:
        return Change(day, fired=True, level=threshold)
    return Change(day, True, ground.reports, threshold, ground.estimate)


def _look(
    scenario: Scenario,
    tripwire: Tripwire,
    level: Level,
    evidence: Evidence,
    probabilities: Mapping[Threshold, Estimate],
) -> _Ground | None:
    if isinstance(level, Threshold):
        estimate = probabilities.get(level)
        if estimate is None:
            return None
        value = getattr(estimate, level.statistic)
        return _Ground(value >= level.at_least, value < level.reset, estimate=estimate)
    found = [
        _reports_of(scenario, tripwire, indicator, state, evidence)
        for indicator, state in level.items()
    ]
    reached = all(found)
    reports = tuple(report for each in found for report in each) if reached else ()
    return _Ground(reached, not reached, reports)


def _reports_of(
    scenario: Scenario, tripwire: Tripwire, indicator: str, state: str, evidence: Evidence
) -> tuple[Report, ...]:
    return tuple(
        report
        for report in evidence.observations
        if report.indicator == indicator
        and stated_state(scenario.variables[indicator], report) == state
        and _in_time(report, tripwire)
    )


def _in_time(report: Report, tripwire: Tripwire) -> bool:
    if tripwire.on is not None:
        return report.event_start <= tripwire.on <= report.event_end
    return tripwire.by is None or report.event_end <= tripwire.by


def _moments(given: Forecast, history: Sequence[Forecast]) -> list[Moment]:
    """Days on which a rule may change: something became known, had lasted, or was forecast."""
    earlier = sorted(history, key=lambda each: each.as_of)
    raise_if_any(list(_faults(given, earlier)))
    rules = given.scenario.tripwires.values()
    names = {name for rule in rules for level in rule.any for name in level}
    ledger = Ledger((*given.evidence.reports, *given.evidence.behind))
    lasting = {rule.persistence for rule in rules if rule.any}
    known = {
        report.known + timedelta(days=days)
        for report in ledger
        for days in {0, *lasting}
        if report.supersedes or report.indicator in names
    }
    estimates = {each.as_of: threshold_estimates(each) for each in (*earlier, given)}
    days = sorted({*estimates, *(day for day in known if day <= given.as_of)})
    return [
        (
            day,
            given.evidence if day == given.as_of else ledger.known_at(day, names),
            estimates.get(day, {}),
        )
        for day in days
    ]


def _faults(given: Forecast, earlier: Sequence[Forecast]) -> Iterator[Problem]:
    for each in earlier:
        if each.scenario.digest != given.scenario.digest:
            name = f"{each.scenario.name} {each.scenario.version} (digest {each.scenario.digest})"
            message = f"it forecasts {name}; rules are replayed over one scenario"
            yield Problem("history", message)
        if each.as_of >= given.as_of:
            yield Problem("history", f"{each.as_of} is not before {given.as_of}")


def threshold_estimates(given: Forecast) -> dict[Threshold, Estimate]:
    """Probability that each level of a scenario's tripwires is compared with."""
    rules = given.scenario.tripwires.values()
    levels = {level for rule in rules for level in rule.probabilities}
    return {level: _probability_of(given, level) for level in levels}


def _probability_of(given: Forecast, level: Threshold) -> Estimate:
    horizon = given.horizon
    if level.within == 0:
        states = dict(watched(given.scenario))[level.course]
        if len(states) == 1:
            return given.state_probability(*states[0])
        return Estimate.of(beliefs(given).union(states))
    if level.within is None or horizon is None:
        return given.probability_within(level.course)
    day = given.as_of + timedelta(days=level.within)
    return given.probability_within(level.course, min(day, horizon))


def describe_threshold(level: Threshold) -> str:
    """A level of a probability, in words."""
    when = "" if level.within is None else f" within {level.within} days"
    if level.within == 0:
        when = " now"
    which = {
        "mean": "",
        "lower": ", lower end of the interval,",
        "upper": ", upper end of the interval,",
    }
    return (
        f"{level.course}{when}{which[level.statistic]} at least {percent(level.at_least)}; "
        f"reset under {percent(level.reset)}"
    )
