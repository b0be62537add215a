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
from forecast.evidence.sources import accuracy_index, channel_of
from forecast.scenario.scenario import Scenario

MOST_AT_ONCE: Final = 6
"""Shared errors that matter at any step; each may double what the step takes."""

MOST_CARRIED: Final = 3
"""Those that are carried from any step to the next; each doubles the message."""

ErrorKey = tuple[str, str, int]
"""Origin, source and number of the accuracy of a report."""


@dataclass(frozen=True, slots=True)
class SharedError:
    """Whether an origin errs in all that a source brings of it.

    Attributes
    ----------
    name
        Name of the auxiliary variable.
    accuracy
        Number of the accuracy that says how probable it is that the origin does not err.
    statements
        How many statements share it.
    first, last
        First and last step that one of them may be of.
    """

    name: str
    accuracy: int
    statements: int
    first: int
    last: int


def find_shared_errors(
    scenario: Scenario, events: Iterable[Event], unread: str = ""
) -> dict[ErrorKey, SharedError]:
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
    members: dict[ErrorKey, dict[int, Event]] = defaultdict(dict)
    for k, event in enumerate(events):
        if not event.reports[0].origin:
            continue  # it is the only event of its origin
        for report in candidate_reports(scenario, event, unread):
            members[error_key(scenario, event, report)].setdefault(k, event)
    found = {key: _error(key, list(own.values())) for key, own in members.items() if len(own) > 1}
    return dict(_few_at_once(found))


def error_key(scenario: Scenario, event: Event, report: Report) -> ErrorKey:
    """What tells apart the errors of an origin: who brings its statements, and how accurate."""
    return event.origin, report.source, accuracy_index(scenario, report)


def candidate_reports(scenario: Scenario, event: Event, unread: str = "") -> Iterator[Report]:
    """Yield reports that may be the best of an event, whichever channels are controlled."""
    for report in event.reports:
        if report.id != unread:
            yield report
            if not channel_of(scenario, report):
                return


def _error(key: ErrorKey, events: list[Event]) -> SharedError:
    origin, source, accuracy = key
    steps = [step for event in events for step in event.shares]
    # In quotes: origins and sources are free text, and one name would be one variable.
    name = f"error of {origin!r} by {source!r} ({accuracy})"
    return SharedError(name, accuracy, len(events), min(steps), max(steps))


def _few_at_once(
    found: Mapping[ErrorKey, SharedError],
) -> Iterator[tuple[ErrorKey, SharedError]]:
    """Yield errors, those that most statements share first, as long as there is room at a step."""
    here, carried = Counter[int](), Counter[int]()
    order = sorted(found.items(), key=lambda e: (-e[1].statements, e[1].first, e[1].name))
    for key, error in order:
        steps, ends = range(error.first, error.last + 1), range(error.first, error.last)
        fits = all(here[step] < MOST_AT_ONCE for step in steps)
        if fits and all(carried[step] < MOST_CARRIED for step in ends):
            here.update(steps)
            carried.update(ends)
            yield key, error
