"""The sections of the product on one page, each an answer to what a decision maker asks."""

from __future__ import annotations

from collections.abc import Iterator

from forecast.analysis.explanation import Contribution
from forecast.analysis.moves import Comparison, Part
from forecast.course_outlook import CourseOutlook
from forecast.estimate import percent
from forecast.reporting.change import any_change, last_common_day
from forecast.reporting.confidence import confidence_sentence
from forecast.reporting.courses import bottom_line, dated_note
from forecast.reporting.document import Block, Cell, Lines, Prose, Section, Table
from forecast.reporting.evidence_sections import tripwires_summary, warning_summary
from forecast.reporting.judgement import (
    Flips,
    change_summary,
    claim_text,
    event_label,
    flips,
    leaned_on,
    part_label,
)
from forecast.reporting.request import Request
from forecast.text import isolated
from forecast.wording import long_date, plain, points, short_date

MOST, MOST_MOVES = 3, 2
"""Reasons, findings and assumptions that one page has room for, and moves."""


def bottom_line_section(request: Request) -> Section:
    """What is most likely, what is most dangerous, and how likely any danger is.

    Parameters
    ----------
    request
        What the product is made from; so of every section here.
    """
    lead = (*dated_note(request.outlook), *bottom_line(request))
    return Section("bottom-line", "Bottom line", lead)


def sure_section(request: Request) -> Section:
    """How firm the judgement stands, and why."""
    return Section("sure", "Confidence", (Prose(confidence_sentence(request)),))


def moved_section(request: Request) -> Section:
    """What came in since the last product and what it moved; of a first one, what moved it."""
    return Section("change", "Change", tuple(_changes(request)))


def doubt_section(request: Request) -> Section:
    """Assumptions and reports without which the probability would be another."""
    return Section("change-of-mind", "What would change our mind", tuple(_change_of_mind(request)))


def leads_section(request: Request) -> Section:
    """The findings that would tell most."""
    return Section("next", "What to look for next", tuple(_next(request)))


def warning_section(request: Request) -> Section:
    """The level of warning, and the tripwires that have fired."""
    return Section("warning", "Warning", tuple(_warning(request)))


def _changes(request: Request) -> Iterator[Block]:
    outlook, previous = request.outlook, request.previous
    if previous is not None:
        summary = change_summary(outlook, previous, MOST)
        text = f"Since {long_date(previous.as_of)}: {summary}"
        if moved := any_change(outlook, previous):
            text += f" Any dangerous course: {moved} points."
        yield Prose(text)
    if request.comparison is not None:
        yield from _moves(request, request.comparison)
    elif request.is_explained:
        yield from _account(request)


def _moves(request: Request, found: Comparison) -> Iterator[Block]:
    """The course that is explained and the one that moved most, and what moved each."""
    courses = {f"{each.variable}={each.state}": each for each in request.outlook.courses}
    subject = f"{request.subject.variable}={request.subject.state}"
    ordered = sorted(
        found.moves.items(),
        key=lambda pair: (pair[0] != subject, -abs(pair[1].after - pair[1].before)),
    )
    for name, move in ordered[:MOST_MOVES]:
        label = isolated(courses[name].course.label)
        days = _days(request, courses[name])
        total = f"From {percent(move.before)} to {percent(move.after)}{days}"
        felt = [part for part in move.named if points(part.points) != points(0.0)]
        causes = [f"{_cause(request, part)} ({points(part.points)})" for part in felt[:MOST]]
        why = f"In points: {'; '.join(causes)}" if causes else "Nothing moved it by much"
        yield Prose(f"{total}. {why}.", label)


def _days(request: Request, prospect: CourseOutlook) -> str:
    """The days that a change is about, where there are some."""
    assert request.previous is not None
    day = last_common_day(request.outlook, request.previous)
    if day is None:
        return ""
    return f" {'by' if prospect.course.dangerous else 'of the days to'} {short_date(day)}"


def _cause(request: Request, part: Part) -> str:
    """A part of a move; of a report, what it states."""
    known = (request.previous, request.outlook) if request.previous else (request.outlook,)
    reports = {report.id: report for each in known for report in each.evidence}
    if part.name not in reports:
        return part.name
    gone = f" ({part.kind})" if part.kind != "new" else ""
    return f"{part.name}{gone}, {isolated(claim_text(request.outlook, reports[part.name]))}"


def _account(request: Request) -> Iterator[Block]:
    """What the evidence added to the probability of the course that is explained."""
    found = request.explanation
    parts = sorted(found.contributions, key=lambda each: -abs(each.points.mean))[:MOST]
    named = "; ".join(
        f"{_named(request, part)} ({points(part.points.mean)} points)" for part in parts
    )
    yield Prose(
        f"{percent(found.start)} before any evidence, {percent(request.probability.mean)} now. "
        f"What moved it most: {named}.",
        isolated(request.subject.course.label),
    )


def _named(request: Request, part: Contribution) -> str:
    label = part_label(request, part)
    return f"{label.main}, {isolated(label.small)}" if label.small else label.main.lower()


def _change_of_mind(request: Request) -> Iterator[Block]:
    rows = tuple(_flip_row(request, found) for found in flips(request)[:MOST])
    if rows:
        about = "danger ahead" if request.asks_danger else request.subject.course.label
        yield Table(
            ("Assumption", "If it is", f"Probability of {isolated(about)}"), rows, (5, 3, 3)
        )
    elif request.is_explained:
        yield from _leaned_on(request)


def _flip_row(request: Request, found: Flips) -> tuple[Cell, ...]:
    """An assumption, and the state in its place that would shift the probability most."""
    label = request.outlook.scenario.variables[found.variable].label
    instead = f"instead of {percent(found.if_so.mean)}"
    return (
        Lines(label, f"assumed {plain(found.assumed)} ({percent(found.holds)})"),
        plain(found.largest),
        Lines(percent(found.others[found.largest].mean), instead),
    )


def _leaned_on(request: Request) -> Iterator[Block]:
    """The reports without which the probability would be another."""
    instead = f"instead of {percent(request.probability.mean)}"
    rows = tuple(
        (part_label(request, part), Lines(percent(without), instead))
        for part, without, _ in leaned_on(request, MOST)
    )
    if rows:
        subject = isolated(request.subject.course.label)
        yield Table(("Without", f"Probability of {subject}"), rows, (5, 3))


def _next(request: Request) -> Iterator[Block]:
    found = request.watch_list
    variables = request.outlook.scenario.variables
    rows = tuple(
        (
            Lines(variables[lead.indicator].label, plain(finding.state)),
            percent(finding.probability),
            Lines(percent(finding.given), f"{points(finding.given - found.probability)} points"),
        )
        for lead in found.leads[:MOST]
        if (finding := lead.telling) is not None
    )
    if rows:
        head = ("If this is reported", "It comes with", f"Probability of {event_label(request)}")
        yield Table(head, rows, (5, 2, 3))


def _warning(request: Request) -> Iterator[Block]:
    outlook = request.outlook
    if outlook.scenario.warning_levels:
        yield Prose(warning_summary(outlook, request.tripwires), "Level")
    if outlook.scenario.tripwires:
        yield Prose(tripwires_summary(request.tripwires), "Tripwires")
