"""Rules that reports keep, whatever they were read from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from math import inf, isfinite

from forecast.errors import nearest
from forecast.evidence.notation import LARGEST_NUMBER
from forecast.evidence.plain import (
    DATE_RULE,
    is_missing,
    plain_date,
    plain_number,
    plain_text,
    safe_repr,
)
from forecast.evidence.report import CREDIBILITY, DATES, NUMBERS, RELIABILITY, SCOPES, Report
from forecast.evidence.standing import in_circle
from forecast.scenario.measured import Count
from forecast.scenario.scenario import Scenario, Variable
from forecast.scenario.warning_checks import OBSERVABLE

ColumnFault = tuple[str, str]
"""The column that breaks a rule, and how."""

NAMES = ("id", "indicator", "state", "source", "origin", "supersedes", "scope")
LONGEST = dict.fromkeys(NAMES, 500) | {
    "reliability": 500,
    "credibility": 500,
    "citation": 100_000,
    "note": 100_000,
    "text": 100_000,
}
"""Characters that each text of a report may have. Databases find reports by their names."""

HELPED, COMPARED = 10, 10_000
"""Names that are not there to which the nearest one is given, and names it is sought among."""

UNPAIRED = re.compile("[\ud800-\udfff]")


def find_faults(report: Report, scenario: Scenario | None = None) -> Iterator[ColumnFault]:
    """Yield what is wrong with one report by itself; without a scenario, whatever it speaks to."""
    unstorable = tuple(_find_unstorable(report))
    yield from unstorable
    if unstorable:
        return
    yield from _find_plain_faults(report)
    yield from _find_loose_faults(report)
    if scenario is not None and not report.is_context:
        yield from _find_claim_faults(report, scenario)
    yield from _find_date_faults(report, scenario)


def _find_unstorable(report: Report) -> Iterator[ColumnFault]:
    """Yield what no file or database can hold, or should have to."""
    for column, longest in LONGEST.items():
        value = getattr(report, column)
        if not isinstance(value, str):
            yield column, _why_not(plain_text, value)
        elif len(value) > longest:
            yield column, f"{len(value):,} characters; at most {longest:,} are kept"
        elif "\0" in value:
            yield column, f"{value[:60]!r} holds a NUL character"
        elif not value.isascii() and UNPAIRED.search(value):
            yield column, f"{value[:60]!r} holds half a character (an unpaired surrogate)"
    for column in DATES:
        value = getattr(report, column)
        if type(value) is not date and not (column == "retrieved" and value is None):
            yield column, f"{_why_not(plain_date, value)}; {DATE_RULE}"
    for column in NUMBERS:
        value = getattr(report, column)
        if not (value is None or isinstance(value, float)):
            yield column, _why_not(plain_number, value)
    pairs = report.likelihoods
    if not (isinstance(pairs, tuple) and all(map(_is_likelihood, pairs))):
        yield "likelihoods", f"{safe_repr(pairs)} are not pairs of a state and a number"


def _why_not(reduced: Callable[[object], object], value: object) -> str:
    """Why a value is not what its field holds."""
    if is_missing(value):
        return f"is missing ({safe_repr(value)})"
    try:
        reduced(value)
    except ValueError as error:
        return str(error)
    return f"{safe_repr(value)} is not understood"


def _is_likelihood(each: object) -> bool:
    match each:
        case (str(state), float()):
            return state.split() == [state] and "=" not in state
    return False


def _find_plain_faults(report: Report) -> Iterator[ColumnFault]:
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


def _find_loose_faults(report: Report) -> Iterator[ColumnFault]:
    """Yield what is wrong with a claim, whatever it speaks to."""
    stated = [
        column
        for column, given in (
            ("state", report.state),
            ("number", report.number is not None),
            ("likelihoods", report.likelihoods),
        )
        if given
    ]
    if len(stated) > 1:
        rule = "a report names a state, gives a number or gives likelihoods; given are"
        yield stated[1], f"{rule} {' and '.join(stated)}"
    if not (stated or report.is_context or report.supersedes):
        yield "state", "is empty; only a withdrawal (with `supersedes`) has no state"
    if report.scope and report.scope not in SCOPES:
        yield "scope", f"{report.scope[:60]!r}; legal: {', '.join(SCOPES)}, or empty"
    elif report.scope and not report.state:
        yield "scope", "belongs to a state, and there is no state"
    yield from _find_loose_number_faults(report)
    yield from _find_likelihood_faults(report)


def _find_loose_number_faults(report: Report) -> Iterator[ColumnFault]:
    """Yield what is wrong with a number, whatever it counts or measures."""
    number, upper = report.number, report.upper
    if number is None:
        for column in ("upper", "exposure"):
            if getattr(report, column) is not None:
                yield column, "belongs to a number, and there is no number"
        return
    for column, value in (("number", number), ("upper", upper)):
        if value is not None and not isfinite(value):
            yield column, f"{value:g} is not a finite number"
        elif value is not None and abs(value) > LARGEST_NUMBER:
            yield column, f"{value:g} is beyond ±{LARGEST_NUMBER:,}"
    if upper is not None and upper < number:
        yield "upper", f"{upper:g} is below the smallest number of the range, {number:g}"
    if report.exposure is not None and not 0 < report.exposure < inf:
        yield "exposure", f"{report.exposure:g} days; a count covers more than 0"


def _find_likelihood_faults(report: Report) -> Iterator[ColumnFault]:
    values = [value for _, value in report.likelihoods]
    if not all(0 <= value < inf for value in values):
        yield "likelihoods", "are finite and not negative"
    elif values and not any(values):
        yield "likelihoods", "are all 0; at least one state can have produced what was seen"
    elif len({state for state, _ in report.likelihoods}) < len(values):
        yield "likelihoods", "name a state twice"


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
    circle = in_circle({report.id: report.supersedes for report in reports if report.supersedes})
    missing = 0
    for report in reports:
        if not report.supersedes:
            continue
        earlier = by_id.get(report.supersedes)
        if earlier is None:
            missing += 1
            yield f"{report.id} supersedes {report.supersedes!r}, which is not there" + (
                f"; {nearest(report.supersedes, by_id)}"
                if missing <= HELPED and len(by_id) <= COMPARED
                else ""
            )
        elif earlier.known > report.known:
            yield f"{report.id} supersedes {earlier.id}, which became known later"
        elif report.id in circle:
            yield f"{report.id} supersedes itself, directly or through others"


def _find_claim_faults(report: Report, scenario: Scenario) -> Iterator[ColumnFault]:
    name, state = report.indicator, report.state
    observable = scenario.with_role(*OBSERVABLE)
    if name not in observable:
        if name in scenario.variables:
            role = scenario.variables[name].role
            yield "indicator", f"{name!r} is a {role}, which nobody can report on directly"
        else:
            yield "indicator", f"{name!r} is unknown; {nearest(name, observable)}"
        return
    variable = observable[name]
    named = [("state", state)] if state else []
    for column, given in [*named, *(("likelihoods", each) for each, _ in report.likelihoods)]:
        if given not in variable.states:
            legal = nearest(given, variable.states)
            yield column, f"{given!r} is not a state of {name}; {legal}"
    if report.likelihoods and variable.role == "input":
        yield "likelihoods", f"{name} is an input, which is set: report one of its states"
    if report.number is not None:
        yield from _find_number_faults(report, variable)


def _find_number_faults(report: Report, variable: Variable) -> Iterator[ColumnFault]:
    measured = variable.measured
    if measured is None:
        legal = ", ".join(variable.states)
        yield "number", f"{report.indicator} is not measured; report one of {legal}"
    elif isinstance(measured, Count):
        for column in ("number", "upper"):
            value = getattr(report, column)
            if value is not None and abs(value) <= LARGEST_NUMBER and not _is_count(value):
                yield column, f"{value:g} is not a count from 0 to {LARGEST_NUMBER:,}"
    elif report.exposure is not None:
        yield "exposure", f"only a count has days that it covers; {report.indicator} is no count"


def _is_count(number: float) -> bool:
    return number >= 0 and number == round(number)


def _find_date_faults(report: Report, scenario: Scenario | None) -> Iterator[ColumnFault]:
    if report.event_end < report.event_start:
        yield "event_end", f"{report.event_end} is before the start, {report.event_start}"
    if report.known < report.published:
        yield "known", f"{report.known} is before publication, {report.published}"
    if report.is_context or scenario is None or scenario.timeline is None:
        return
    if report.known < report.event_start:
        yield "known", f"{report.known} is before the event, {report.event_start}"
    begins = scenario.timeline.start
    if report.event_start < begins:
        yield "event_start", f"{report.event_start} is before the scenario begins, {begins}"
