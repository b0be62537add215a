"""Rules that reports keep, whatever they were read from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forecast.errors import nearest
from forecast.evidence.report import CREDIBILITY, RELIABILITY, Report
from forecast.scenario.checks import OBSERVABLE
from forecast.scenario.scenario import Scenario

Finding = tuple[str, str]
"""The column that breaks a rule, and how."""


def find_faults(report: Report, scenario: Scenario) -> Iterator[Finding]:
    """Yield what is wrong with one report by itself."""
    if not report.id:
        yield "id", "is empty"
    if not report.source:
        yield "source", "is empty"
    for column, value, legal in (
        ("reliability", report.reliability, RELIABILITY),
        ("credibility", report.credibility, CREDIBILITY),
    ):
        if len(value) != 1 or value not in legal:
            yield column, f"{value!r} is not a grade; legal: {', '.join(legal)}"
    if not report.is_context:
        yield from _find_claim_faults(report, scenario)
    yield from _find_date_faults(report, scenario)


def find_broken_links(reports: Sequence[Report]) -> Iterator[str]:
    """Yield what is wrong between reports: ids given twice, and links that lead nowhere."""
    by_id = {report.id: report for report in reports}
    seen: set[str] = set()
    twice: dict[str, None] = {}
    for report in reports:
        if report.id in seen:
            twice[report.id] = None
        seen.add(report.id)
    for name in twice:
        yield f"the id {name!r} is given to more than one report"
    for report in reports:
        if not report.supersedes:
            continue
        earlier = by_id.get(report.supersedes)
        if earlier is None:
            legal = nearest(report.supersedes, by_id)
            yield f"{report.id} supersedes {report.supersedes!r}, which is not there; {legal}"
        elif earlier.known > report.known:
            yield f"{report.id} supersedes {earlier.id}, which became known later"
        elif _leads_back(report, by_id):
            yield f"{report.id} supersedes itself, directly or through others"


def _leads_back(report: Report, by_id: dict[str, Report]) -> bool:
    visited = {report.id}
    current = report
    while current.supersedes in by_id:
        current = by_id[current.supersedes]
        if current.id in visited:
            return current.id == report.id
        visited.add(current.id)
    return False


def _find_claim_faults(report: Report, scenario: Scenario) -> Iterator[Finding]:
    name, state = report.indicator, report.state
    observable = scenario.with_role(*OBSERVABLE)
    if name not in observable:
        if name in scenario.variables:
            role = scenario.variables[name].role
            yield "indicator", f"{name!r} is a {role}, which nobody can report on directly"
        else:
            yield "indicator", f"{name!r} is unknown; {nearest(name, observable)}"
    elif not state and not report.supersedes:
        yield "state", "is empty; only a withdrawal (with `supersedes`) has no state"
    elif state and state not in observable[name].states:
        legal = nearest(state, observable[name].states)
        yield "state", f"{state!r} is not a state of {name}; {legal}"


def _find_date_faults(report: Report, scenario: Scenario) -> Iterator[Finding]:
    if report.event_end < report.event_start:
        yield "event_end", f"{report.event_end} is before the start, {report.event_start}"
    if report.known < report.published:
        yield "known", f"{report.known} is before publication, {report.published}"
    if report.is_context or scenario.timeline is None:
        return
    if report.known < report.event_start:
        yield "known", f"{report.known} is before the event, {report.event_start}"
    begins = scenario.timeline.start
    if report.event_start < begins:
        yield "event_start", f"{report.event_start} is before the scenario begins, {begins}"
