"""From reports to events: what one origin states of one indicator at one time, however often.

Reports that share an origin are relays of one statement. Those of one indicator whose
days overlap, or that lie within one step, are about one event; the best of them, by the accuracy of
its source, says when it was.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from forecast.errors import InputError, Problem
from forecast.evidence.ledger import Evidence
from forecast.evidence.report import Report
from forecast.evidence.sources import accuracy_index, trust_in
from forecast.frozen import FrozenDict
from forecast.scenario.scenario import Scenario
from forecast.timeline import MAX_STEPS

MOST_REMEMBERED: Final = 10_000
"""Groups of reports that are known to be of one event or of several."""


@dataclass(frozen=True, slots=True)
class Event:
    """What one origin states of one indicator at one time, in every version that came.

    Attributes
    ----------
    indicator, origin
        The variable, and what tells the origin from others.
    reports
        The reports, the best first.
    start, end
        First and last day on which it may have been, by the best report: no later than the day
        on which that became known.
    shares
        Steps in which it may have been, with the probability of each: its share of the days.
    stated_by
        What else has the same date if it has the same days: whatever the origin states; or, if
        none is stated, all that states the same of the indicator.
    """

    indicator: str
    origin: str
    reports: tuple[Report, ...]
    start: date
    end: date
    shares: Mapping[int, float] = field(hash=False)
    stated_by: object

    @property
    def is_dated(self) -> bool:
        """Whether it is known in which step it was."""
        return len(self.shares) == 1

    @property
    def versions(self) -> tuple[Report, ...]:
        """The best report of each version, the best version first."""
        return best_versions(self.reports)


def find_events(scenario: Scenario, evidence: Evidence) -> tuple[Event, ...]:
    """Events that the reports in force are about, but for those that set inputs.

    Parameters
    ----------
    scenario
        What the reports are about.
    evidence
        Reports in force.
    """
    inputs = scenario.with_role("input")
    groups: dict[tuple[str, str], list[Report]] = defaultdict(list)
    for report in evidence.observations:
        if report.indicator not in inputs:
            groups[origin_of(report), report.indicator].append(report)
    found = [
        event
        for (origin, _), reports in groups.items()
        for event in _events_of(scenario, origin, tuple(reports))
    ]
    stated: dict[object, str] = {
        (_content(event.reports[0]), event.start, event.end): event.origin
        for event in found
        if event.reports[0].origin
    }
    return tuple(_dated_by_others(event, stated) for event in found)


@lru_cache(maxsize=MOST_REMEMBERED)
def _events_of(scenario: Scenario, origin: str, reports: tuple[Report, ...]) -> tuple[Event, ...]:
    """Events by what one origin reports of one indicator, as if nothing else were reported."""
    return tuple(
        Event(
            members[0].indicator,
            origin,
            members,
            *days_of(members[0]),
            FrozenDict(shares_of(scenario, members[0])),
            origin
            if members[0].origin or scenario.lineage == "as_stated"
            else _content(members[0]),
        )
        for members in _about_one_event(scenario, reports)
    )


def _dated_by_others(event: Event, stated: Mapping[object, str]) -> Event:
    """An event, with the date of who states the same of the same days, if it states no origin."""
    origin = stated.get((event.stated_by, event.start, event.end))
    return event if origin is None else replace(event, stated_by=origin)


def _content(report: Report) -> tuple[object, ...]:
    """What a report states, and of what."""
    return report.indicator, version_of(report)


def origin_of(report: Report) -> str:
    """What tells the origin of a report from others: the one it states, or else itself."""
    return f"origin {report.origin}" if report.origin else f"report {report.id}"


def days_of(report: Report) -> tuple[date, date]:
    """First and last day on which the event may have been: it was when it became known."""
    return report.event_start, max(min(report.event_end, report.known), report.event_start)


def shares_of(scenario: Scenario, report: Report) -> dict[int, float]:
    """Probability of each step in which a report's event may have been: its share of the days."""
    timeline = scenario.timeline
    return {0: 1.0} if timeline is None else timeline.shares(*days_of(report))


def ranked(scenario: Scenario, reports: Iterable[Report]) -> list[Report]:
    """Reports with the best first: by accuracy, then by how exactly they date the event."""
    means = [judged.mean for judged in trust_in(scenario).accuracy]

    def key(report: Report) -> tuple[float, int, date, str]:
        start, end = days_of(report)
        return -means[accuracy_index(scenario, report)], (end - start).days, report.known, report.id

    return sorted(reports, key=key)


def best_versions(reports: Iterable[Report]) -> tuple[Report, ...]:
    """The first report of each version: copies add nothing."""
    found: dict[object, Report] = {}
    for report in reports:
        found.setdefault(version_of(report), report)
    return tuple(found.values())


def version_of(report: Report) -> tuple[object, ...]:
    """What a report states, to be compared with what others state."""
    amount = report.number, report.upper, report.exposure
    return report.state, report.scope, amount, report.likelihoods


def _about_one_event(scenario: Scenario, reports: Sequence[Report]) -> Iterator[tuple[Report, ...]]:
    """Reports of one origin about one indicator, parted into events."""
    if len(reports) == 1:
        yield tuple(reports)
        return
    events: list[tuple[_Time, list[Report]]] = []
    for report in ranked(scenario, reports):
        time = _Time(*days_of(report), tuple(shares_of(scenario, report)))
        same = (members for other, members in events if time.may_be(other))
        members = next(same, None)
        if members is None:
            events.append((time, [report]))
        else:
            members.append(report)
    yield from (tuple(members) for _, members in events)


class _Time(NamedTuple):
    """Days and steps in which something may have been."""

    start: date
    end: date
    steps: tuple[int, ...]

    def may_be(self, other: _Time) -> bool:
        """Whether both may be one time: a day that both have, or the same single step."""
        overlap = self.start <= other.end and other.start <= self.end
        return overlap or (len(self.steps) == 1 and self.steps == other.steps)


def last_step(scenario: Scenario, evidence: Evidence) -> int:
    """Step of the as-of date.

    Raises
    ------
    InputError
        If it is before the scenario begins, or too far from there.
    """
    timeline = scenario.timeline
    if timeline is None:
        return 0
    step = timeline.step_of(evidence.as_of)
    if step < 0:
        message = f"{evidence.as_of} is before the scenario begins, {timeline.start}"
        raise InputError([Problem("as_of", message)])
    if step > MAX_STEPS:
        message = (
            f"{evidence.as_of} is {step:,} steps after {timeline.start}; at most {MAX_STEPS:,}"
        )
        raise InputError([Problem("as_of", message)])
    return step
