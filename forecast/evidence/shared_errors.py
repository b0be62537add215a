"""One origin errs once: what it states of several things rests on what is true in all, or in none.

Statements of one origin that one source brings, with one accuracy, are about different indicators
or different times. Whether they rest on what is true is one unknown, and not one for each.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from forecast.evidence.events import Event
from forecast.evidence.report import Report
from forecast.evidence.sources import accuracy_index, channel_of, trust_in
from forecast.scenario.scenario import Scenario

MOST_AT_ONCE: Final = 6
"""Shared errors that matter at any step; each may double what the step takes."""

MOST_CARRIED: Final = 3
"""Those that are carried from any step to the next; each doubles the message."""

Bringer = tuple[str, str, int]
"""Origin, source and number of the accuracy of a report."""


@dataclass(frozen=True, slots=True)
class SharedError:
    """Whether an origin errs in all that a source brings of it.

    Attributes
    ----------
    name
        Name of the auxiliary variable.
    accuracy
        Name of the accuracy that says how probable it is that the origin does not err.
    reports
        Reports whose statements share it.
    first, last
        First and last step that one of them may be of.
    """

    name: str
    accuracy: str
    reports: tuple[str, ...]
    first: int
    last: int


def find_shared_errors(
    scenario: Scenario, events: Iterable[Event], unread: str = ""
) -> dict[Bringer, SharedError]:
    """Errors that several statements share, by who brings them.

    Where there would be more than `MOST_AT_ONCE` at a step, or `MOST_CARRIED` from one to the next,
    those that fewest statements share are left out: their statements err one by one.

    Parameters
    ----------
    scenario
        Says how accurate sources are.
    events
        What the reports are about.
    unread
        A report that states nothing.
    """
    members: dict[Bringer, dict[int, tuple[Event, Report]]] = defaultdict(dict)
    for k, event in enumerate(events):
        for report in deciding(scenario, event, unread):
            members[bringer(scenario, event, report)].setdefault(k, (event, report))
    names = [judged.name for judged in trust_in(scenario).accuracy]
    found = {
        key: _error(key, names[key[2]], list(own.values()))
        for key, own in members.items()
        if len(own) > 1
    }
    return dict(_few_at_once(found))


def bringer(scenario: Scenario, event: Event, report: Report) -> Bringer:
    """What tells apart the errors of an origin: who brings its statements, and how accurate."""
    return event.origin, report.source, accuracy_index(scenario, report)


def deciding(scenario: Scenario, event: Event, unread: str = "") -> Iterator[Report]:
    """Yield reports that may be the best of an event, whichever channels are controlled."""
    for report in event.reports:
        if report.id != unread:
            yield report
            if not channel_of(scenario, report):
                return


def _error(key: Bringer, accuracy: str, members: list[tuple[Event, Report]]) -> SharedError:
    origin, source, _ = key
    steps = [step for event, _ in members for step in event.shares]
    name = f"error of {origin}, {source} {accuracy}"
    reports = tuple(report.id for _, report in members)
    return SharedError(name, accuracy, reports, min(steps), max(steps))


def _few_at_once(
    found: Mapping[Bringer, SharedError],
) -> Iterator[tuple[Bringer, SharedError]]:
    """Yield errors, those that most statements share first, as long as there is room at a step."""
    here, carried = Counter[int](), Counter[int]()
    order = sorted(found.items(), key=lambda e: (-len(e[1].reports), e[1].first, e[1].name))
    for key, error in order:
        steps, ends = range(error.first, error.last + 1), range(error.first, error.last)
        fits = all(here[step] < MOST_AT_ONCE for step in steps)
        if fits and all(carried[step] < MOST_CARRIED for step in ends):
            here.update(steps)
            carried.update(ends)
            yield key, error
