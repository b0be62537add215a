"""Gathering a report: everything that is printed is read from the forecast here, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from forecast.analysis.weighing import weigh_evidence
from forecast.estimate import DASH, MASS_TEXT, Estimate, interval, percent, quantity
from forecast.outlook import ANY_DANGEROUS, CourseOutlook, Forecast
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
)
from forecast.reporting.lexicon import phrase
from forecast.reporting.method import method_section
from forecast.reporting.plots import course_svgs, cumulative_svg
from forecast.reporting.tables import ANY_LABEL
from forecast.reporting.wording import counted, long_date, plain, points, unabbreviated
from forecast.text import isolated

MONTH = 28


def gather(outlook: Forecast, previous: Forecast | None = None) -> Document:
    """Collect what a report says.

    Parameters
    ----------
    outlook
        The forecast to report.
    previous
        An earlier one to compare it with.
    """
    return Document(
        title=outlook.scenario.title,
        question=outlook.scenario.question,
        facts=tuple(_facts(outlook)),
        failures=outlook.diagnostics.failures,
        glance_title=f"Probability {_that(outlook, 'a course')}",
        glance=tuple(_glance(outlook)),
        sections=tuple(section for section in _sections(outlook, previous) if section.blocks),
    )


def _sections(outlook: Forecast, previous: Forecast | None) -> Iterator[Section]:
    """Every section, those that have nothing to say without blocks."""
    weighed = weigh_evidence(outlook)
    yield from (
        _takeaway(outlook),
        tripwires_section(outlook),
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


def _facts(outlook: Forecast) -> Iterator[tuple[str, str]]:
    scenario = outlook.scenario
    yield "As of", long_date(outlook.as_of)
    if outlook.horizon:
        yield "Horizon", long_date(outlook.horizon)
    yield "Evidence", counted(len(outlook.evidence), "report")
    yield "Scenario", f"{scenario.name} {scenario.version}"
    if scenario.author:
        yield "Author", scenario.author


def _glance(outlook: Forecast) -> Iterator[Glance]:
    for prospect in outlook.courses:
        label, words = prospect.course.label, phrase(prospect.within)
        yield Glance(label, words, "dangerous" if prospect.course.dangerous else "course")
    if outlook.most_dangerous:
        yield Glance(ANY_LABEL, phrase(outlook.any_dangerous), "union")


def _takeaway(outlook: Forecast) -> Section:
    likely = outlook.most_likely
    blocks: list[Block] = [
        *_dated(outlook),
        Prose(f"{isolated(likely.course.label)}. {_now_sentence(likely)}", "Most likely course"),
    ]
    for prospect in outlook.most_dangerous[:1]:
        severity = f"{isolated(prospect.course.label)}, severity {prospect.course.severity} of 5."
        blocks.append(
            Prose(f"{severity} {_within_sentence(outlook, prospect)}", "Most dangerous course")
        )
    if outlook.most_dangerous:
        text = f"Probability {_that(outlook, 'one')}: {in_words(outlook.any_dangerous)}."
        blocks.append(Prose(text, ANY_LABEL))
    if outlook.scenario.tripwires:
        blocks.append(Prose(tripwires_summary(outlook), "Tripwires"))
    blocks.append(Prose(confidence_sentence(outlook), "Confidence"))
    return Section("takeaway", "Key takeaway", (*blocks, *_author(outlook, "takeaway")))


def _timing(outlook: Forecast) -> Section:
    blocks: list[Block] = []
    if outlook.scenario.timeline is not None:
        caption = (
            f"Probability that a course is under way, {_unit(outlook)} by {_unit(outlook)}, "
            f"with {MASS_TEXT} intervals. Left of the line each one rests on the reports up "
            "to then (with tables learned from all), right of it is the forecast. Ticks are "
            "reports that speak to the course. "
            "Titles of dangerous courses are in orange. Vertical scales differ."
        )
        blocks.append(Figure(course_svgs(outlook), caption))
        if outlook.most_dangerous:
            caption = (
                "Probability that a dangerous course has been under way at least once by a "
                f"date, with {MASS_TEXT} intervals."
            )
            narrow = cumulative_svg(outlook, narrow=True)
            blocks.append(Figure((cumulative_svg(outlook),), caption, (narrow,)))
        blocks.append(_milestones(outlook))
    return Section("timing", "Timing", (*_author(outlook, "timing"), *blocks))


def _milestones(outlook: Forecast) -> Table:
    timeline = outlook.scenario.timeline
    assert timeline is not None
    steps = _milestone_steps(timeline.step_days, timeline.horizon_steps)
    names = {f"{o.variable}={o.state}": o.course.label for o in outlook.courses}
    if outlook.most_dangerous:
        names[ANY_DANGEROUS] = ANY_LABEL
    cumulative = {name: outlook.cumulative(name) for name in names}
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (label, *(_stacked(cumulative[name][step]) for step in steps))
        for name, label in names.items()
    )
    days = tuple(long_date(timeline.last_day(outlook.now + 1 + step)) for step in steps)
    return Table(("Under way at least once by", *days), rows, (3, *(2 for _ in steps)))


def _milestone_steps(step_days: int, n_steps: int) -> list[int]:
    """About every four weeks, and the last step; none so close to the last that it adds nothing."""
    every = max(1, round(MONTH / step_days))
    picked = [step for step in range(every - 1, n_steps, every) if n_steps - 1 - step >= every / 2]
    return [*picked[:5], n_steps - 1]


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
    ever = (f"By {long_date(outlook.horizon)}",) if outlook.horizon else ()
    role = ("Role in source",) if _has_roles(outlook) else ()
    head = ["Course of action", *role, "Now", *ever, "In words"]
    weights = [5, *(3 for _ in role), 3, *(3 for _ in ever), 4]
    if previous is not None:
        head.append(f"Change since {long_date(previous.as_of)}")
        weights.append(3)
    rows = tuple(
        tuple(_assessment_row(outlook, prospect, previous)) for prospect in outlook.courses
    )
    return Table(tuple(head), rows, tuple(weights))


def _assessment_row(
    outlook: Forecast, prospect: CourseOutlook, previous: Forecast | None
) -> Iterator[Cell]:
    course, words = prospect.course, phrase(prospect.within)
    yield course.label
    if _has_roles(outlook):
        yield unabbreviated(course.role_in_source) or DASH
    yield Measure(prospect.now, course.dangerous)
    if outlook.horizon:
        yield Measure(prospect.within, course.dangerous)
    yield Lines(words.label, f"interval {words.reach}" if words.straddles else "")
    if previous is not None:
        yield _change(prospect, previous, horizon=outlook.horizon)


def _assessment_notes(outlook: Forecast, previous: Forecast | None) -> Iterator[Prose]:
    if outlook.horizon:
        yield Prose(
            f"“Now” is the {_unit(outlook)} of {long_date(outlook.as_of)}. “By” is the "
            f"probability that a course is under way in at least one {_unit(outlook)} "
            f"{_span(outlook)}; the words put that one into a band. Brackets hold {MASS_TEXT} "
            "intervals.",
            voice="note",
        )
    if previous is not None and previous.horizon != outlook.horizon and previous.horizon:
        text = f"The earlier forecast looked as far as {long_date(previous.horizon)}."
        yield Prose(text, voice="note")


def _change(prospect: CourseOutlook, previous: Forecast, *, horizon: date | None) -> Cell:
    """Differences of means; a course that the earlier scenario lacks has none."""
    earlier = {(o.variable, o.state): o for o in previous.courses}
    before = earlier.get((prospect.variable, prospect.state))
    if before is None:
        return "new"
    now = f"{points(prospect.now.mean - before.now.mean)} now"
    if horizon is None:
        return now
    return Lines(f"{points(prospect.within.mean - before.within.mean)} by the horizon", now)


def _most_likely(outlook: Forecast) -> Section:
    likely = outlook.most_likely
    blocks = [Prose(_now_sentence(likely), likely.course.label)]
    if outlook.horizon:
        share = (
            "It is called most likely because, of all courses, it is under way for the largest "
            f"share of the {_unit(outlook)}s to the horizon: {quantity(likely.average)}."
        )
        blocks += [Prose(_within_sentence(outlook, likely)), Prose(share)]
    blocks.append(Prose(f"{_role(likely)}{fired_summary(outlook, likely)}"))
    return Section("most-likely", "Most likely course of action", tuple(blocks))


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
            if timeline:
                last = timeline.n_steps(outlook.as_of) - 1
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
        blocks.append(Prose(text, voice="note"))
    blocks += [
        Prose(variable.implication, variable.label, voice="author")
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
    return (Prose(text, voice="author"),) if text else ()


def _that(outlook: Forecast, subject: str) -> str:
    ever = f" in at least one {_unit(outlook)}" if outlook.horizon else ""
    return f"that {subject} is under way{ever} {_when(outlook)}"


def _when(outlook: Forecast) -> str:
    return f"by {long_date(outlook.horizon)}" if outlook.horizon else "now"


def _span(outlook: Forecast) -> str:
    timeline = outlook.scenario.timeline
    assert timeline is not None
    assert outlook.horizon is not None
    first = timeline.first_day(outlook.now + 1)
    return f"from {long_date(first)} to {long_date(outlook.horizon)}"


def _unit(outlook: Forecast) -> str:
    timeline = outlook.scenario.timeline
    days = timeline.step_days if timeline else 0
    return {1: "day", 7: "week"}.get(days, "step")


def _stacked(estimate: Estimate) -> Lines:
    return Lines(percent(estimate.mean), interval(estimate))
