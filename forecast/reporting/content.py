"""Gathering a product: everything that is printed is read from the forecast here, once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from forecast.analysis.weighing import weigh_evidence
from forecast.courses_table import ANY_LABEL
from forecast.estimate import DASH, MASS_TEXT, Estimate, interval, percent, quantity
from forecast.lexicon import phrase
from forecast.outlook import CourseOutlook, Forecast
from forecast.reporting.change import change_cell, last_common_day
from forecast.reporting.confidence import confidence_sentence, experts_section
from forecast.reporting.document import (
    Block,
    Cell,
    Document,
    Figure,
    Glance,
    Heading,
    Lines,
    Measure,
    Prose,
    Section,
    Table,
)
from forecast.reporting.evidence import evidence_section
from forecast.reporting.findings import (
    actors_section,
    fired_summary,
    indicators_section,
    pattern_section,
    sources_section,
    tripwires_section,
    tripwires_summary,
    warning_summary,
)
from forecast.reporting.method import method_section
from forecast.reporting.plots import course_svgs, cumulative_svg
from forecast.scenario.warning import ANY_DANGEROUS
from forecast.text import isolated
from forecast.wording import counted, long_date, plain, unabbreviated

MONTH = 28


def gather(outlook: Forecast, previous: Forecast | None = None) -> Document:
    """Collect what a product says.

    Parameters
    ----------
    outlook
        The forecast.
    previous
        An earlier one to compare it with.
    """
    return Document(
        title=outlook.scenario.title,
        question=outlook.scenario.question,
        facts=tuple(_facts(outlook)),
        failures=outlook.diagnostics.failures,
        glance_title=_glance_title(outlook),
        glance=tuple(_glance(outlook)),
        sections=tuple(section for section in _sections(outlook, previous) if section.blocks),
    )


def _sections(outlook: Forecast, previous: Forecast | None) -> Iterator[Section]:
    """Every section, those that have nothing to say without blocks."""
    weighed = weigh_evidence(outlook)
    history = () if previous is None or not _precedes(previous, outlook) else (previous,)
    yield from (
        _takeaway(outlook, history),
        tripwires_section(outlook, history),
        pattern_section(outlook),
        _timing(outlook),
        _assessment(outlook, previous),
        _most_likely(outlook),
        _most_dangerous(outlook),
        _union(outlook),
        _implications(outlook),
        indicators_section(outlook),
        evidence_section(outlook, weighed),
        actors_section(outlook),
        sources_section(outlook, weighed),
        experts_section(outlook),
        method_section(outlook),
    )


def _precedes(previous: Forecast, outlook: Forecast) -> bool:
    """Whether an earlier forecast tells what the rules of a scenario would have said before."""
    same = previous.scenario.digest == outlook.scenario.digest
    return same and previous.as_of < outlook.as_of


def _facts(outlook: Forecast) -> Iterator[tuple[str, str]]:
    scenario = outlook.scenario
    yield "As of", long_date(outlook.as_of)
    if outlook.horizon:
        yield "Horizon", long_date(outlook.horizon)
    yield "Evidence", counted(len(outlook.evidence), "report")
    yield "Scenario", f"{scenario.name} {scenario.version}"
    if scenario.author:
        yield "Author", scenario.author


def _glance_title(outlook: Forecast) -> str:
    if outlook.horizon and not outlook.most_dangerous:
        return f"Expected share of the days {_span(outlook)}"
    return f"Probability {_that(outlook, 'a course')}"


def _glance(outlook: Forecast) -> Iterator[Glance]:
    """Dangerous courses and their union; every course where none is dangerous or none is ahead."""
    for prospect in outlook.courses:
        if prospect.course.dangerous:
            yield Glance(prospect.course.label, phrase(prospect.within), "dangerous")
        elif outlook.horizon is None or not outlook.most_dangerous:
            yield Glance(prospect.course.label, phrase(prospect.average), "course")
    if outlook.most_dangerous:
        yield Glance(ANY_LABEL, phrase(outlook.any_dangerous), "union")


def _takeaway(outlook: Forecast, history: Sequence[Forecast]) -> Section:
    likely = outlook.most_likely
    blocks: list[Block] = [
        *_dated(outlook),
        Prose(
            f"{isolated(likely.course.label)}. {_likely_sentences(outlook)}", "Most likely course"
        ),
    ]
    for prospect in outlook.most_dangerous[:1]:
        severity = f"{isolated(prospect.course.label)}, severity {prospect.course.severity} of 5."
        blocks.append(
            Prose(f"{severity} {_within_sentence(outlook, prospect)}", "Most dangerous course")
        )
    if outlook.most_dangerous:
        text = f"Probability {_that(outlook, 'one')}: {in_words(outlook.any_dangerous)}."
        blocks.append(Prose(f"{text} That none is: {_none(outlook)}.", ANY_LABEL))
    if outlook.scenario.warning_levels:
        blocks.append(Prose(warning_summary(outlook, history), "Warning level"))
    if outlook.scenario.tripwires:
        blocks.append(Prose(tripwires_summary(outlook, history), "Tripwires"))
    blocks.append(Prose(confidence_sentence(outlook), "Confidence"))
    return Section("takeaway", "Key takeaway", (*blocks, *_author(outlook, "takeaway")))


def _timing(outlook: Forecast) -> Section:
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
        blocks.append(Figure(course_svgs(outlook), caption))
        if outlook.most_dangerous:
            caption = (
                "Probability that a dangerous course has been under way on at least one day "
                f"after {long_date(outlook.as_of)} by a date, with {MASS_TEXT} intervals."
            )
            narrow = cumulative_svg(outlook, narrow=True)
            blocks += [
                Figure((cumulative_svg(outlook),), caption, (narrow,)),
                _milestones(outlook),
            ]
    return Section("timing", "Timing", (*_author(outlook, "timing"), *blocks))


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


def _assessment(outlook: Forecast, previous: Forecast | None) -> Section:
    table = _assessment_table(outlook, previous)
    notes = _assessment_notes(outlook, previous)
    blocks = (*_author(outlook, "assessment"), table, *notes, *_meanings(outlook))
    return Section("assessment", "Assessment", blocks)


def _meanings(outlook: Forecast) -> Iterator[Block]:
    """What counts as each course, in the words of the scenario."""
    variables = outlook.scenario.with_role("course_of_action").values()
    if any(variable.about for variable in variables):
        yield Heading("What the courses mean")
    for variable in variables:
        if variable.about:
            yield Prose(variable.about, variable.label)


def _assessment_table(outlook: Forecast, previous: Forecast | None) -> Table:
    share = ("Share of days",) if outlook.horizon else ()
    ever = ("At least once",) if _has_ever(outlook) else ()
    words = ("In words",) if ever or not share else ()
    role = ("Role in source",) if _has_roles(outlook) else ()
    since = () if previous is None else (f"Change since {long_date(previous.as_of)}",)
    head = ("Course of action", *role, "Now", *share, *ever, *words, *since)
    weights = (5, *(3 for _ in head[1:]))
    rows = tuple(
        tuple(_assessment_row(outlook, prospect, previous)) for prospect in outlook.courses
    )
    return Table(head, rows, weights)


def _assessment_row(
    outlook: Forecast, prospect: CourseOutlook, previous: Forecast | None
) -> Iterator[Cell]:
    course, words = prospect.course, phrase(prospect.within)
    in_words = Lines(words.label, f"interval {words.reach}" if words.straddles else "")
    yield course.label
    if _has_roles(outlook):
        yield unabbreviated(course.role_in_source) or DASH
    yield Measure(prospect.now, course.dangerous)
    if outlook.horizon:
        yield Measure(prospect.average, course.dangerous)
    if _has_ever(outlook):
        yield from (Measure(prospect.within, True), in_words) if course.dangerous else (DASH, DASH)
    elif outlook.horizon is None:
        yield in_words
    if previous is not None:
        yield change_cell(outlook, previous, prospect)


def _has_ever(outlook: Forecast) -> bool:
    """Whether there is a course of which it matters that it happens at all, and time for it."""
    return bool(outlook.horizon and outlook.most_dangerous)


def _assessment_notes(outlook: Forecast, previous: Forecast | None) -> Iterator[Prose]:
    if outlook.horizon:
        text = (
            f"“Now” is the {_unit(outlook)} of {long_date(outlook.as_of)}. The share is that of "
            f"the days {_span(outlook)} on which a course is expected to be under way. "
        )
        if _has_ever(outlook):
            text += (
                "“At least once” is the probability that a dangerous course is under way on at "
                "least one of these days; the words put that one into a band. "
            )
        yield Prose(f"{text}Brackets hold {MASS_TEXT} intervals.", style="note")
    if previous is not None and last_common_day(outlook, previous):
        yield Prose(
            "Changes are in points and ask both forecasts about the same days: of dangerous "
            "courses that they are under way at least once by that day, of others the share of "
            f"the days up to it. “Now” is this {_unit(outlook)}, to which the earlier forecast "
            "looked ahead.",
            style="note",
        )


def _most_likely(outlook: Forecast) -> Section:
    likely = outlook.most_likely
    blocks = [Prose(_likely_sentences(outlook), likely.course.label)]
    if outlook.horizon and likely.course.dangerous:
        blocks.append(Prose(_within_sentence(outlook, likely)))
    blocks.append(Prose(f"{_role(likely)}{fired_summary(outlook, likely)}"))
    return Section("most-likely", "Most likely course of action", tuple(blocks))


def _likely_sentences(outlook: Forecast) -> str:
    """Why a course is called the most likely, and which is the likeliest now."""
    likely, leader = outlook.most_likely, max(outlook.courses, key=lambda each: each.now.mean)
    if outlook.horizon is None:
        return _now_sentence(likely)
    share = (
        f"It is expected to be under way on {quantity(likely.average)} of the days "
        f"{_span(outlook)}, the largest share of any course."
    )
    if leader == likely:
        return f"{share} It is the likeliest now too: {in_words(likely.now)}."
    rival = f"{isolated(leader.course.label)}: {in_words(leader.now)}"
    return f"{share} Now another is likelier, {rival}. {_now_sentence(likely)}"


def _none(outlook: Forecast) -> str:
    """Probability that no dangerous course is under way."""
    found = outlook.any_dangerous
    return quantity(Estimate(1 - found.mean, 1 - found.upper, 1 - found.lower))


def _most_dangerous(outlook: Forecast) -> Section:
    blocks: list[Block] = []
    for prospect in outlook.most_dangerous:
        blocks += [
            Heading(
                f"{isolated(prospect.course.label)} (severity {prospect.course.severity} of 5)"
            ),
            Prose(_within_sentence(outlook, prospect)),
            *([Prose(_now_sentence(prospect))] if outlook.horizon else []),
            Prose(f"{_role(prospect)}{fired_summary(outlook, prospect)}"),
        ]
    return Section("most-dangerous", "Most dangerous courses of action", tuple(blocks))


def _union(outlook: Forecast) -> Section:
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
    lead = Prose(f"{in_words(outlook.any_dangerous)}.", ANY_LABEL)
    return Section("union", title, (lead, Prose(text)))


def _implications(outlook: Forecast) -> Section:
    outcomes = outlook.scenario.with_role("outcome")
    timeline = outlook.scenario.timeline
    blocks: list[Block] = []
    rows: list[tuple[Cell, ...]] = []
    for name, variable in outcomes.items():
        for state in variable.states[1:]:
            cells: list[Cell] = [Measure(outlook.state_probability(name, state))]
            if timeline and outlook.horizon:
                last = timeline.step_of(outlook.horizon)
                cells.append(Measure(outlook.state_probability(name, state, last)))
            rows.append((Lines(variable.label, plain(state)), *cells))
    if rows:
        days = (outlook.as_of, outlook.horizon)
        head = ("Outcome", *(long_date(day) for day in days if day))
        blocks.append(Table(head, tuple(rows), (3, 2, 2)[: len(head)]))
    if rows and timeline:
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
    return Section("implications", "Implications", (*_author(outlook, "implications"), *blocks))


def in_words(estimate: Estimate) -> str:
    """A probability with its interval and its word, for use inside a sentence.

    Parameters
    ----------
    estimate
        The probability.
    """
    found = phrase(estimate)
    text = f"{percent(estimate.mean)} ({MASS_TEXT} interval {interval(estimate)})"
    if found.word:
        text += f", {found.label}"
    return f"{text}; the interval reaches {found.reach}" if found.straddles else text


def _now_sentence(prospect: CourseOutlook) -> str:
    return f"Probability that it is under way now: {in_words(prospect.now)}."


def _within_sentence(outlook: Forecast, prospect: CourseOutlook) -> str:
    return f"Probability {_that(outlook, 'it')}: {in_words(prospect.within)}."


def _has_roles(outlook: Forecast) -> bool:
    """Whether the scenario codes a source that gives courses a role."""
    return any(prospect.course.role_in_source for prospect in outlook.courses)


def _role(prospect: CourseOutlook) -> str:
    role = prospect.course.role_in_source
    return f"Role in the source: {unabbreviated(role)}. " if role else ""


def _dated(outlook: Forecast) -> Iterator[Prose]:
    """Say so when the author wrote later than the forecast looks."""
    written = outlook.scenario.as_of
    if written is not None and written > outlook.as_of:
        yield Prose(
            f"The scenario, its tables and its author's text were written as of "
            f"{long_date(written)}, later than this forecast's cut-off of "
            f"{long_date(outlook.as_of)}. Only the reports are those of the cut-off.",
            "Mind the dates",
        )


def _author(outlook: Forecast, part: str) -> tuple[Prose, ...]:
    text = getattr(outlook.scenario.narrative, part)
    return (Prose(text, style="author"),) if text else ()


def _that(outlook: Forecast, subject: str) -> str:
    if outlook.horizon is None:
        return f"that {subject} is under way now"
    return f"that {subject} is under way on at least one day {_span(outlook)}"


def _when(outlook: Forecast) -> str:
    return f"by {long_date(outlook.horizon)}" if outlook.horizon else "now"


def _span(outlook: Forecast) -> str:
    assert outlook.horizon is not None
    first = outlook.as_of + timedelta(days=1)
    return f"from {long_date(first)} to {long_date(outlook.horizon)}"


def _unit(outlook: Forecast) -> str:
    timeline = outlook.scenario.timeline
    days = timeline.step_days if timeline else 0
    return {1: "day", 7: "week"}.get(days, "step")


def _stacked(estimate: Estimate) -> Lines:
    return Lines(percent(estimate.mean), interval(estimate))
