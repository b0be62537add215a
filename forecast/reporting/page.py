"""The product on one page: what a decision maker asks, in the order in which it is asked."""

from __future__ import annotations

from collections.abc import Iterator

from forecast.estimate import percent
from forecast.reporting.change import any_change
from forecast.reporting.confidence import confidence_sentence
from forecast.reporting.courses import bottom_line, dated_note
from forecast.reporting.document import Block, Prose, Section
from forecast.reporting.findings import tripwires_summary, warning_summary
from forecast.reporting.judgement import change_summary, event_label, flips, part_label
from forecast.reporting.request import Request
from forecast.text import isolated
from forecast.wording import long_date, plain, points

MOST = 3
"""Reasons, findings and assumptions that one page has room for."""


def page_sections(request: Request) -> Iterator[Section]:
    """The sections of the page, each an answer to one question.

    Parameters
    ----------
    request
        What the product is made from.
    """
    outlook = request.outlook
    lead = (*dated_note(outlook), *bottom_line(request))
    basis = f"Basis: {request.basis}."
    yield Section("bottom-line", "Bottom line", lead, "How likely is it?", basis)
    yield Section(
        "sure",
        "Confidence",
        (Prose(confidence_sentence(request)),),
        "How sure is that?",
    )
    title = "What changed, and why" if request.previous else "What moved it"
    yield Section("change", title, tuple(_changes(request)), "What changed, and why?")
    minds = tuple(_change_of_mind(request))
    yield Section("change-of-mind", "What would change our mind", minds, "What would change it?")
    yield Section("next", "What to look for next", tuple(_next(request)), "What next?")
    yield Section("warning", "Warning", tuple(_warning(request)), "What is in force?")


def _changes(request: Request) -> Iterator[Block]:
    outlook, previous = request.outlook, request.previous
    if previous is not None:
        text = f"Since {long_date(previous.as_of)}: {change_summary(outlook, previous)}"
        if moved := any_change(outlook, previous):
            text += f" Any dangerous course: {moved} points."
        yield Prose(text)
    if request.is_explained:
        found = request.explanation
        parts = sorted(found.contributions, key=lambda each: -abs(each.points.mean))[:MOST]
        named = "; ".join(
            f"{_named(request, part)} ({points(part.points.mean)} points)" for part in parts
        )
        yield Prose(
            f"{isolated(request.subject.course.label)}: {percent(found.start)} before any evidence,"
            f" {percent(found.probability.mean)} now. What moved it most: {named}."
        )


def _named(request: Request, part: object) -> str:
    label = part_label(request, part)  # type: ignore[arg-type]
    return f"{label.main}, {isolated(label.small)}" if label.small else label.main.lower()


def _change_of_mind(request: Request) -> Iterator[Block]:
    found = sorted(flips(request), key=lambda each: -abs(each[3][2].mean - each[3][1].mean))
    variables = request.outlook.scenario.variables
    for name, held, state, (holds, if_so, then) in found[:MOST]:
        yield Prose(
            f"assumed {plain(held)} ({percent(holds)}). If it is {plain(state)}, the probability of"
            f" danger ahead is {percent(then.mean)} instead of {percent(if_so.mean)}.",
            isolated(variables[name].label),
        )
    if found or not request.is_explained:
        return
    parts = [part for part in request.explanation.contributions if part.withdrawn is not None]
    for part in sorted(parts, key=lambda part: -abs(part.withdrawn or 0.0))[:MOST]:
        gone = points(part.withdrawn or 0.0)
        yield Prose(
            f"without it, the probability of {isolated(request.subject.course.label)} changes by "
            f"{gone} points.",
            _named(request, part),
        )


def _next(request: Request) -> Iterator[Block]:
    found = request.watch_list
    variables = request.outlook.scenario.variables
    for lead in found.leads[:MOST]:
        finding = lead.telling
        if finding is not None:
            label = isolated(variables[lead.indicator].label)
            change = points(finding.given - found.probability)
            yield Prose(
                f"a report of {plain(finding.state)} (probability {percent(finding.probability)}) "
                f"would change the probability of {event_label(request)} by {change} points.",
                label,
            )


def _warning(request: Request) -> Iterator[Block]:
    outlook = request.outlook
    if outlook.scenario.warning_levels:
        yield Prose(warning_summary(outlook, request.tripwires), "Level")
    if outlook.scenario.tripwires:
        yield Prose(tripwires_summary(request.tripwires), "Tripwires")
