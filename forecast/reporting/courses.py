"""Sections about the courses: how likely, how dangerous, when, and what would follow."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from forecast.analysis.coherence import by_count
from forecast.analysis.targets import state_label
from forecast.course_outlook import ANY_LABEL, CourseOutlook
from forecast.errors import ImpossibleEvidence, UnreliableWeights
from forecast.estimate import MASS_TEXT, Estimate, interval, percent, quantity
from forecast.outlook import Forecast
from forecast.reporting.change import any_change, change_text
from forecast.reporting.confidence import confidence_sentence
from forecast.reporting.document import (
    Block,
    Cell,
    Figure,
    Glance,
    Heading,
    Lines,
    Measure,
    Prose,
    Section,
    Table,
)
from forecast.reporting.evidence_sections import fired_summary, tripwires_summary, warning_summary
from forecast.reporting.plots import course_drawings, cumulative_drawing
from forecast.reporting.request import Request
from forecast.scenario.scenario import Scenario, Variable
from forecast.scenario.warning import ANY_DANGEROUS
from forecast.text import DASH, isolated
from forecast.wording import counted, long_date, plain, short_date, unabbreviated

if TYPE_CHECKING:
    from xarray import DataArray

    from forecast.posterior.beliefs import Beliefs

MONTH = 28
MOST_SIDE_BY_SIDE = 5
"""Levels of outcomes that are set beside one another under each course."""


def facts(outlook: Forecast) -> Iterator[tuple[str, str]]:
    """Names and values of the masthead."""
    scenario = outlook.scenario
    yield "As of", long_date(outlook.as_of)
    if outlook.horizon:
        yield "Horizon", long_date(outlook.horizon)
    if outlook.condition:
        yield "Condition", f"if {outlook.condition}"
    yield "Evidence", counted(len(outlook.evidence), "report")
    yield "Scenario", f"{scenario.name} {scenario.version}"
    if scenario.author:
        yield "Author", scenario.author


def glance_title(outlook: Forecast) -> str:
    """What the numbers of the summary are about."""
    if outlook.horizon and not outlook.most_dangerous:
        return f"Expected share of the days {span_text(outlook)}"
    return f"Probability {that_text(outlook, 'a course')}"


def glance(request: Request) -> Iterator[Glance]:
    """Dangerous courses and their union; every course where none is dangerous or none is ahead."""
    outlook, previous = request.outlook, request.previous
    for prospect in outlook.courses:
        change = "" if previous is None else change_text(outlook, previous, prospect)
        label, name = prospect.course.label, f"{prospect.variable}={prospect.state}"
        if prospect.course.dangerous:
            yield Glance(label, request.phrase(prospect.within), "dangerous", change, name)
        elif outlook.horizon is None or not outlook.most_dangerous:
            yield Glance(label, request.phrase(prospect.average), "course", change, name)
    if outlook.most_dangerous:
        change = "" if previous is None else any_change(outlook, previous)
        found = request.phrase(outlook.any_dangerous)
        yield Glance(ANY_LABEL, found, "union", change, ANY_DANGEROUS)


def takeaway_section(request: Request) -> Section:
    """The bottom line, in a few sentences.

    Parameters
    ----------
    request
        What the product is made from.
    """
    outlook = request.outlook
    blocks = [*dated_note(outlook), *bottom_line(request)]
    if outlook.scenario.warning_levels:
        blocks.append(Prose(warning_summary(outlook, request.tripwires), "Warning level"))
    if outlook.scenario.tripwires:
        blocks.append(Prose(tripwires_summary(request.tripwires), "Tripwires"))
    blocks.append(Prose(confidence_sentence(request), "Confidence"))
    return Section("takeaway", "Key takeaway", (*blocks, *author(outlook, "takeaway")))


def bottom_line(request: Request) -> Iterator[Prose]:
    """What is most likely, what is most dangerous, and how likely anything dangerous is."""
    outlook = request.outlook
    likely = outlook.most_likely
    yield Prose(
        f"{isolated(likely.course.label)}. {likely_sentences(request)}", "Most likely course"
    )
    for prospect in outlook.most_dangerous[:1]:
        severity = f"{isolated(prospect.course.label)}, severity {prospect.course.severity} of 5."
        yield Prose(f"{severity} {within_sentence(request, prospect)}", "Most dangerous course")
    if outlook.most_dangerous:
        found = request.in_words(outlook.any_dangerous)
        text = f"Probability {briefly_that(outlook, 'one')}: {found}."
        yield Prose(f"{text} That none is: {_none(outlook)}.", ANY_LABEL)


def timing_section(request: Request) -> Section:
    """Courses over time, and dangerous ones as they add up to the horizon.

    Parameters
    ----------
    request
        What the product is made from.
    """
    outlook = request.outlook
    blocks: list[Block] = []
    if outlook.scenario.timeline is not None:
        caption = (
            f"Probability that a course is under way, {_unit(outlook)} by {_unit(outlook)}, "
            f"with {MASS_TEXT} intervals, each drawn at the {_unit(outlook)}'s last day. The "
            f"present {_unit(outlook)} is drawn at the as-of date. Up to that line each one rests "
            "on the reports up to then (with tables learned from all); dashed is the forecast. "
            "Ticks are "
            "reports that speak to the course. "
            "Titles of dangerous courses are in orange. Vertical scales differ."
        )
        blocks.append(Figure(course_drawings(outlook), caption, numbers=_timeline_numbers(outlook)))
        if outlook.most_dangerous:
            caption = (
                "Probability that a dangerous course has been under way on at least one day "
                f"after {long_date(outlook.as_of)} by a date, with {MASS_TEXT} intervals."
            )
            narrow = cumulative_drawing(outlook, narrow=True)
            blocks += [
                Figure((cumulative_drawing(outlook),), caption, (narrow,)),
                _milestones(outlook),
            ]
    return Section("timing", "Timing", (*author(outlook, "timing"), *blocks))


def _timeline_numbers(outlook: Forecast) -> Table:
    """What the panels of the courses draw, step by step."""
    timeline = outlook.scenario.timeline
    assert timeline is not None
    lines = [outlook.timeline_of(each.variable, each.state) for each in outlook.courses]
    rows = tuple(
        (short_date(timeline.last_day(step)) if step != outlook.now else short_date(outlook.as_of))
        for step in range(len(lines[0]))
    )
    cells = tuple((day, *map(quantity, values)) for day, *values in zip(rows, *lines, strict=True))
    head = ("Day", *(each.course.label for each in outlook.courses))
    return Table(head, cells, (2, *(3 for _ in lines)))


def _milestones(outlook: Forecast) -> Table:
    """Dangerous courses by some of the days ahead."""
    days = _milestone_days(outlook.as_of, outlook.days_ahead)
    names = {f"{o.variable}={o.state}": o.course.label for o in outlook.most_dangerous}
    names[ANY_DANGEROUS] = ANY_LABEL
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (label, *(_stacked(outlook.probability_within(name, day)) for day in days))
        for name, label in names.items()
    )
    head = ("Under way at least once by", *map(long_date, days))
    return Table(head, rows, (3, *(2 for _ in days)))


def _milestone_days(as_of: date, days: Sequence[date]) -> list[date]:
    """About every four weeks, and the last day; none so close to the last that it adds nothing."""
    picked: list[date] = []
    last = as_of
    for day in days[:-1]:
        if (day - last).days >= MONTH and (days[-1] - day).days >= MONTH / 2:
            picked.append(day)
            last = day
    return [*picked[:5], days[-1]]


def assessment_section(request: Request) -> Section:
    """Every course in a table: now, ahead, and in words.

    Parameters
    ----------
    request
        What the product is made from.
    """
    outlook = request.outlook
    table, notes = _assessment_table(request), _assessment_notes(outlook)
    meanings, before = _meanings(outlook), _base_rates(outlook.scenario)
    blocks = (*author(outlook, "assessment"), table, *notes, *before, *meanings)
    return Section("assessment", "Assessment", blocks)


def _base_rates(scenario: Scenario) -> Iterator[Block]:
    """How often what is looked ahead to happened before, in the reference classes of the author."""
    if not scenario.base_rates:
        return
    yield Heading("What happened before")
    rows = tuple(
        (
            state_label(scenario, (rate.variable, rate.state)),
            rate.reference_class,
            f"{rate.count} in {rate.days:,.0f} days",
            f"{quantity(by_count(rate))} within {rate.within} days",
        )
        for rate in scenario.base_rates
    )
    yield Table(("Event", "Reference class", "Seen", "By that count alone"), rows, (5, 7, 3, 4))
    yield Prose(
        "Counts and reference classes are the author's. They stand beside the forecast and do not "
        f"enter it. Brackets hold {MASS_TEXT} intervals under Jeffreys' prior.",
        style="note",
    )


def _meanings(outlook: Forecast) -> Iterator[Block]:
    """What counts as each course, in the words of the scenario."""
    variables = outlook.scenario.with_role("course_of_action").values()
    if any(variable.about for variable in variables):
        yield Heading("What the courses mean")
    for variable in variables:
        if variable.about:
            yield Prose(variable.about, variable.label)


def _assessment_table(request: Request) -> Table:
    outlook = request.outlook
    share = ("Share of days",) if outlook.horizon else ()
    ever = ("At least once",) if _has_ever(outlook) else ()
    in_words = ("In words",) if ever or not share else ()
    course = "Course of action"
    if any(prospect.course.role_in_source for prospect in outlook.courses):
        course += ", and its role in the source"
    head = (course, "Now", *share, *ever, *in_words)
    weights = (5, *(3 for _ in head[1:]))
    rows = tuple(tuple(_assessment_row(request, prospect)) for prospect in outlook.courses)
    return Table(head, rows, weights)


def _assessment_row(request: Request, prospect: CourseOutlook) -> Iterator[Cell]:
    outlook = request.outlook
    course, words = prospect.course, request.phrase(prospect.within)
    in_words = Lines(words.label, f"interval {words.reach}" if words.straddles else "")
    yield Lines(course.label, unabbreviated(course.role_in_source))
    yield Measure(prospect.now, course.dangerous)
    if outlook.horizon:
        yield Measure(prospect.average, course.dangerous)
    if _has_ever(outlook):
        yield from (Measure(prospect.within, True), in_words) if course.dangerous else (DASH, DASH)
    elif outlook.horizon is None:
        yield in_words


def _has_ever(outlook: Forecast) -> bool:
    """Whether there is a course of which it matters that it happens at all, and time for it."""
    return bool(outlook.horizon and outlook.most_dangerous)


def _assessment_notes(outlook: Forecast) -> Iterator[Prose]:
    if outlook.horizon:
        text = (
            f"“Now” is the {_unit(outlook)} of {long_date(outlook.as_of)}. The share is that of "
            f"the days {span_text(outlook)} on which a course is expected to be under way. "
        )
        if _has_ever(outlook):
            text += (
                "“At least once” is the probability that a dangerous course is under way on at "
                "least one of these days; the words put that one into a band. "
            )
        yield Prose(f"{text}Brackets hold {MASS_TEXT} intervals.", style="note")


def most_likely_section(request: Request) -> Section:
    """The most likely course, and what speaks for it.

    Parameters
    ----------
    request
        What the product is made from.
    """
    outlook = request.outlook
    likely = outlook.most_likely
    blocks = [Prose(likely_sentences(request), likely.course.label)]
    if outlook.horizon and likely.course.dangerous:
        blocks.append(Prose(within_sentence(request, likely)))
    blocks.append(Prose(f"{_role(likely)}{fired_summary(outlook, likely)}"))
    return Section("most-likely", "Most likely course of action", tuple(blocks))


def likely_sentences(request: Request) -> str:
    """Why a course is called the most likely, and which is the likeliest now."""
    outlook = request.outlook
    likely, leader = outlook.most_likely, max(outlook.courses, key=lambda each: each.now.mean)
    if outlook.horizon is None:
        return now_sentence(request, likely)
    share = (
        f"It is expected to be under way on {quantity(likely.average)} of the days "
        f"to {_end(outlook)}, the largest share of any course."
    )
    if leader == likely:
        return f"{share} It is the likeliest now too: {request.in_words(likely.now)}."
    rival = f"{isolated(leader.course.label)}: {request.in_words(leader.now)}"
    return f"{share} Now another is likelier, {rival}. {now_sentence(request, likely)}"


def _none(outlook: Forecast) -> str:
    """Probability that no dangerous course is under way."""
    found = outlook.any_dangerous
    return quantity(Estimate(1 - found.mean, 1 - found.upper, 1 - found.lower))


def most_dangerous_section(request: Request) -> Section:
    """Every dangerous course, the most severe first.

    Parameters
    ----------
    request
        What the product is made from.
    """
    outlook = request.outlook
    blocks: list[Block] = []
    for prospect in outlook.most_dangerous:
        blocks += [
            Heading(
                f"{isolated(prospect.course.label)} (severity {prospect.course.severity} of 5)"
            ),
            Prose(" ".join(_dangerous_sentences(request, prospect))),
        ]
    return Section("most-dangerous", "Most dangerous courses of action", tuple(blocks))


def _dangerous_sentences(request: Request, prospect: CourseOutlook) -> Iterator[str]:
    yield within_sentence(request, prospect)
    if request.outlook.horizon:
        yield now_sentence(request, prospect)
    yield f"{_role(prospect)}{fired_summary(request.outlook, prospect)}"


def union_section(request: Request) -> Section:
    """How likely any dangerous course is.

    Parameters
    ----------
    request
        What the product is made from.
    """
    outlook = request.outlook
    title = f"Probability of at least one dangerous course {_when(outlook)}"
    dangerous = outlook.most_dangerous
    if not dangerous:
        return Section("union", title, ())
    if len(dangerous) == 1:
        text = f"The scenario marks one course as dangerous: {isolated(dangerous[0].course.label)}."
    else:
        total = percent(sum(prospect.within.mean for prospect in dangerous))
        text = (
            "This is the probability of the union, not a sum: a history in which two of them occur "
            f"counts once. The {len(dangerous)} single probabilities would add up to {total}."
        )
    lead = Prose(f"{request.in_words(outlook.any_dangerous)}.", ANY_LABEL)
    return Section("union", title, (lead, Prose(text)))


def implications_section(request: Request) -> Section:
    """Outcomes: how probable each is, and how probable it is under each course.

    Parameters
    ----------
    request
        What the product is made from.
    """
    outlook = request.outlook
    outcomes = outlook.scenario.with_role("outcome")
    blocks: list[Block] = []
    rows = tuple(
        row for name, variable in outcomes.items() for row in _outcome_rows(outlook, name, variable)
    )
    if rows:
        days = [day for day in (outlook.as_of, outlook.horizon) if day]
        blocks.append(Table(("Outcome", *map(long_date, days)), rows, (3, 2, 2)[: len(days) + 1]))
        blocks += _given_courses(request)
    if rows and outlook.horizon:
        text = (
            f"Each number is the probability that the state holds in the {_unit(outlook)} of "
            "that date, not that it ever occurs before it."
        )
        blocks.append(Prose(text, style="note"))
    blocks += [
        Prose(variable.implication, variable.label, style="author")
        for variable in outcomes.values()
        if variable.implication
    ]
    return Section("implications", "Implications", (*author(outlook, "implications"), *blocks))


def _outcome_rows(outlook: Forecast, name: str, variable: Variable) -> Iterator[tuple[Cell, ...]]:
    timeline = outlook.scenario.timeline
    for state in variable.states[1:]:
        cells = [Measure(outlook.state_probability(name, state))]
        if timeline and outlook.horizon:
            last = timeline.step_of(outlook.horizon)
            cells.append(Measure(outlook.state_probability(name, state, last)))
        yield (Lines(variable.label, plain(state)), *cells)


def _states_given(request: Request, prospect: CourseOutlook) -> DataArray | None:
    """Each state at the horizon or now if a course is under way then; None if it cannot be.

    Of all draws of a forecast a few do, unless the course is so improbable that too few carry it.
    """
    outlook = request.outlook
    timeline = outlook.scenario.timeline
    step = timeline.step_of(outlook.horizon) if timeline and outlook.horizon else outlook.now

    def find(known: Beliefs) -> DataArray:
        given = known.set_evidence({prospect.variable: prospect.state}, known.times[step])
        return given.posteriors(view="smoothed").isel(time=step)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UnreliableWeights)
            return find(request.beliefs)
    except ImpossibleEvidence:
        return None
    except UnreliableWeights:
        return find(request.more_beliefs)


def _given_courses(request: Request) -> Iterator[Block]:
    """P(outcome | course), at the horizon or now: how much worse each course makes what follows."""
    outlook = request.outlook
    answers = [_states_given(request, prospect) for prospect in outlook.courses]
    yield Heading("If a course is under way")
    for levels in _side_by_side(outlook.scenario):
        rows = tuple(
            (prospect.course.label, *_levels_given(answer, levels))
            for prospect, answer in zip(outlook.courses, answers, strict=True)
        )
        labels = (state_label(outlook.scenario, level) for level in levels)
        yield Table(("If this is under way", *labels), rows, (4, *(3 for _ in levels)))
    day = f"in the {_unit(outlook)} of {long_date(outlook.horizon)}" if outlook.horizon else "now"
    text = (
        f"Course and outcome are both taken {day}. This says what goes together, causes of both "
        "included; it is not what the course alone would bring about."
    )
    yield Prose(text, style="note")


def _side_by_side(scenario: Scenario) -> Iterator[list[tuple[str, str]]]:
    """Levels of outcomes that one table has room for; those of one outcome stay together."""
    found: list[tuple[str, str]] = []
    for name, variable in scenario.with_role("outcome").items():
        levels = [(name, state) for state in variable.states[1:]]
        if found and len(found) + len(levels) > MOST_SIDE_BY_SIDE:
            yield found
            found = []
        found = [*found, *levels]
    yield found


def _levels_given(answer: DataArray | None, levels: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Probability of each level under a course; a dash where the course cannot be."""
    for name, state in levels:
        if answer is None:
            yield DASH
        else:
            yield quantity(Estimate.of(answer.sel(variable_state=f"{name}={state}")))


def now_sentence(request: Request, prospect: CourseOutlook) -> str:
    """How probable it is that a course is under way now."""
    return f"Probability that it is under way now: {request.in_words(prospect.now)}."


def within_sentence(request: Request, prospect: CourseOutlook) -> str:
    """How probable it is that a course is under way on a day ahead."""
    that = briefly_that(request.outlook, "it")
    return f"Probability {that}: {request.in_words(prospect.within)}."


def _role(prospect: CourseOutlook) -> str:
    role = prospect.course.role_in_source
    return f"Role in the source: {unabbreviated(role)}. " if role else ""


def dated_note(outlook: Forecast) -> Iterator[Prose]:
    """Say so when the author wrote later than the forecast looks."""
    written = outlook.scenario.as_of
    if written is not None and written > outlook.as_of:
        yield Prose(
            f"The scenario, its tables and its author's text were written as of "
            f"{long_date(written)}, later than this forecast's cut-off of "
            f"{long_date(outlook.as_of)}. Only the reports are those of the cut-off.",
            "Mind the dates",
        )


def author(outlook: Forecast, part: str) -> tuple[Prose, ...]:
    """What the scenario's author wrote for one part."""
    text = getattr(outlook.scenario.narrative, part)
    return (Prose(text, style="author"),) if text else ()


def that_text(outlook: Forecast, subject: str) -> str:
    """What the probability of a dangerous course is the probability of."""
    if outlook.horizon is None:
        return f"that {subject} is under way now"
    return f"that {subject} is under way on at least one day {span_text(outlook)}"


def briefly_that(outlook: Forecast, subject: str) -> str:
    """The same by its last day: the first one stands on top of every product."""
    if outlook.horizon is None:
        return that_text(outlook, subject)
    return f"that {subject} is under way at least once by {_end(outlook)}"


def _when(outlook: Forecast) -> str:
    return f"by {long_date(outlook.horizon)}" if outlook.horizon else "now"


def span_text(outlook: Forecast) -> str:
    """The days ahead, and what inputs are taken to be on them."""
    assert outlook.horizon is not None
    return f"from {long_date(outlook.as_of + timedelta(days=1))} to {_end(outlook)}"


def _end(outlook: Forecast) -> str:
    """The last day ahead, and what inputs are taken to be until then."""
    assert outlook.horizon is not None
    condition = f", if {outlook.condition}" if outlook.condition else ""
    return f"{long_date(outlook.horizon)}{condition}"


def _unit(outlook: Forecast) -> str:
    timeline = outlook.scenario.timeline
    days = timeline.step_days if timeline else 0
    return {1: "day", 7: "week"}.get(days, "step")


def _stacked(estimate: Estimate) -> Lines:
    return Lines(percent(estimate.mean), interval(estimate))
