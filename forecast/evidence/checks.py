"""Rules that reports keep, whatever they were read from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import inf, isfinite

from forecast.errors import nearest
from forecast.evidence.report import CREDIBILITY, RELIABILITY, Report
from forecast.scenario.checks import OBSERVABLE
from forecast.scenario.forms import Count
from forecast.scenario.scenario import Scenario, Variable

Finding = tuple[str, str]
"""The column that breaks a rule, and how."""

LARGEST_NUMBER = 10**12
"""Beyond this the logarithm of a factorial loses its decimals in 64 bits."""


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
    elif report.number is not None:
        yield from _find_number_faults(report, observable[name])
    elif not state and not report.supersedes:
        yield "state", "is empty; only a withdrawal (with `supersedes`) has no state"
    elif state and state not in observable[name].states:
        legal = nearest(state, observable[name].states)
        yield "state", f"{state!r} is not a state of {name}; {legal}"
    if report.exposure is not None and report.number is None:
        yield "exposure", "belongs to a count, and there is no number"


def _find_number_faults(report: Report, variable: Variable) -> Iterator[Finding]:
    number, measured = report.number, variable.measured
    assert number is not None
    if report.state:
        yield "number", f"a report names a state or gives a number; the state is {report.state!r}"
    if measured is None:
        legal = ", ".join(variable.states)
        yield "number", f"{report.indicator} is not measured; report one of {legal}"
    elif not isfinite(number):
        yield "number", f"{number:g} is not a finite number"
    elif abs(number) > LARGEST_NUMBER:
        yield "number", f"{number:g} is beyond ±{LARGEST_NUMBER:,}"
    elif isinstance(measured, Count):
        if number < 0 or number != round(number):
            yield "number", f"{number:g} is not a count from 0 to {LARGEST_NUMBER:,}"
        if report.exposure is not None and not 0 < report.exposure < inf:
            yield "exposure", f"{report.exposure:g} days; a count covers more than 0"
    elif report.exposure is not None:
        yield "exposure", f"only a count has days that it covers; {report.indicator} is no count"


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
