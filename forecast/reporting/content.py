"""Gathering a report: everything that is printed is read from the forecast here, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from forecast.outlook import ANY_DANGEROUS, CourseOutlook, Estimate, Forecast
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
from forecast.reporting.wording import (
    DASH,
    MASS_TEXT,
    counted,
    interval,
    long_date,
    percent,
    plain,
    points,
    quantity,
)
from forecast.scenario.files import scenario_digest

MONTH = 28


def gather(forecast: Forecast, previous: Forecast | None = None) -> Document:
    """Collect what a report says.

    Parameters
    ----------
    forecast
        The forecast to report.
    previous
        An earlier one to compare it with.
    """
    return Document(
        title=forecast.scenario.title,
        question=forecast.scenario.question,
        facts=tuple(_facts(forecast)),
        failures=forecast.diagnostics.failures,
        glance_title=f"Probability {_that(forecast, 'a course')}",
        glance=tuple(_glance(forecast)),
        sections=(
            _takeaway(forecast),
            tripwires_section(forecast),
            pattern_section(forecast),
            _timing(forecast),
            _assessment(forecast, previous),
            _most_likely(forecast),
            _most_dangerous(forecast),
            _union(forecast),
            _implications(forecast),
            indicators_section(forecast),
            actors_section(forecast),
            sources_section(forecast),
            method_section(forecast),
        ),
    )


def _facts(forecast: Forecast) -> Iterator[tuple[str, str]]:
    scenario = forecast.scenario
    yield "As of", long_date(forecast.as_of)
    if forecast.horizon:
        yield "Horizon", long_date(forecast.horizon)
    yield "Evidence", counted(len(forecast.evidence), "report")
    yield "Scenario", f"{scenario.name} {scenario.version}"
    yield "Digest", scenario_digest(scenario)
    if scenario.author:
        yield "Author", scenario.author


def _glance(forecast: Forecast) -> Iterator[Glance]:
    for outlook in forecast.courses:
        label, words = outlook.course.label, phrase(outlook.within)
        yield Glance(label, words, "dangerous" if outlook.course.dangerous else "course")
    if forecast.most_dangerous:
        yield Glance(ANY_LABEL, phrase(forecast.any_dangerous), "union")


def _takeaway(forecast: Forecast) -> Section:
    likely = forecast.most_likely
    blocks: list[Block] = [
        Prose(f"{likely.course.label}. {_now_sentence(likely)}", "Most likely course")
    ]
    for outlook in forecast.most_dangerous[:1]:
        severity = f"{outlook.course.label}, severity {outlook.course.severity} of 5."
        blocks.append(
            Prose(f"{severity} {_within_sentence(forecast, outlook)}", "Most dangerous course")
        )
    if forecast.most_dangerous:
        text = f"Probability {_that(forecast, 'one')}: {in_words(forecast.any_dangerous)}."
        blocks.append(Prose(text, ANY_LABEL))
    if forecast.scenario.tripwires:
        blocks.append(Prose(tripwires_summary(forecast), "Tripwires"))
    return Section("takeaway", "Key takeaway", (*blocks, *_author(forecast, "takeaway")))


def _timing(forecast: Forecast) -> Section:
    blocks: list[Block] = []
    if forecast.scenario.timeline is None:
        blocks.append(Prose("The scenario has no clock; its probabilities hold at one moment."))
    else:
        caption = (
            f"Probability that a course is under way, {_unit(forecast)} by {_unit(forecast)}, "
            f"with {MASS_TEXT} intervals. Left of the line is what the evidence says about the "
            "past, right of it the forecast. Ticks are reports that speak to the course. "
            "Dangerous courses are in orange. Vertical scales differ."
        )
        blocks.append(Figure(course_svgs(forecast), caption))
        if forecast.most_dangerous:
            caption = (
                "Probability that a dangerous course has been under way at least once by a "
                f"date, with {MASS_TEXT} intervals."
            )
            blocks.append(Figure((cumulative_svg(forecast),), caption))
        blocks.append(_milestones(forecast))
    return Section("timing", "Timing", (*_author(forecast, "timing"), *blocks))


def _milestones(forecast: Forecast) -> Table:
    timeline = forecast.scenario.timeline
    assert timeline is not None
    steps = _milestone_steps(timeline.step_days, timeline.horizon_steps)
    names = {f"{o.variable}={o.state}": o.course.label for o in forecast.courses}
    if forecast.most_dangerous:
        names[ANY_DANGEROUS] = ANY_LABEL
    cumulative = {name: forecast.cumulative(name) for name in names}
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (label, *(_stacked(cumulative[name][step]) for step in steps))
        for name, label in names.items()
    )
    days = tuple(long_date(timeline.last_day(forecast.now + 1 + step)) for step in steps)
    return Table(("Under way at least once by", *days), rows, (3, *(2 for _ in steps)))


def _milestone_steps(step_days: int, n_steps: int) -> list[int]:
    """About every four weeks, and the last step; none so close to the last that it adds nothing."""
    every = max(1, round(MONTH / step_days))
    picked = [step for step in range(every - 1, n_steps, every) if n_steps - 1 - step >= every / 2]
    return [*picked[:5], n_steps - 1]


def _assessment(forecast: Forecast, previous: Forecast | None) -> Section:
    table = _assessment_table(forecast, previous)
    notes = _assessment_notes(forecast, previous)
    return Section("assessment", "Assessment", (*_author(forecast, "assessment"), table, *notes))


def _assessment_table(forecast: Forecast, previous: Forecast | None) -> Table:
    ever = (f"By {long_date(forecast.horizon)}",) if forecast.horizon else ()
    head = ["Course of action", "Role in source", "Now", *ever, "In words"]
    weights = [5, 3, 3, *(3 for _ in ever), 4]
    if previous is not None:
        head.append(f"Change since {long_date(previous.as_of)}")
        weights.append(3)
    rows = tuple(
        tuple(_assessment_row(forecast, outlook, previous)) for outlook in forecast.courses
    )
    return Table(tuple(head), rows, tuple(weights))


def _assessment_row(
    forecast: Forecast, outlook: CourseOutlook, previous: Forecast | None
) -> Iterator[Cell]:
    course, words = outlook.course, phrase(outlook.within)
    yield course.label
    yield course.role_in_source or DASH
    yield Measure(outlook.now, course.dangerous)
    if forecast.horizon:
        yield Measure(outlook.within, course.dangerous)
    yield Lines(words.label, f"interval {words.reach}" if words.straddles else "")
    if previous is not None:
        yield _change(outlook, previous, horizon=forecast.horizon)


def _assessment_notes(forecast: Forecast, previous: Forecast | None) -> Iterator[Prose]:
    if forecast.horizon:
        yield Prose(
            f"“Now” is the {_unit(forecast)} of {long_date(forecast.as_of)}. “By” is the "
            f"probability that a course is under way in at least one {_unit(forecast)} "
            f"{_span(forecast)}; the words put that one into a band. Brackets hold {MASS_TEXT} "
            "intervals.",
            voice="note",
        )
    if previous is not None and previous.horizon != forecast.horizon and previous.horizon:
        text = f"The earlier forecast looked as far as {long_date(previous.horizon)}."
        yield Prose(text, voice="note")


def _change(outlook: CourseOutlook, previous: Forecast, *, horizon: date | None) -> Cell:
    """Differences of means; a course that the earlier scenario lacks has none."""
    earlier = {(o.variable, o.state): o for o in previous.courses}
    before = earlier.get((outlook.variable, outlook.state))
    if before is None:
        return "new"
    now = f"{points(outlook.now.mean - before.now.mean)} now"
    if horizon is None:
        return now
    return Lines(f"{points(outlook.within.mean - before.within.mean)} by the horizon", now)


def _most_likely(forecast: Forecast) -> Section:
    likely = forecast.most_likely
    blocks = [Prose(_now_sentence(likely), likely.course.label)]
    if forecast.horizon:
        share = (
            "It is called most likely because, of all courses, it is under way for the largest "
            f"share of the {_unit(forecast)}s to the horizon: {quantity(likely.average)}."
        )
        blocks += [Prose(_within_sentence(forecast, likely)), Prose(share)]
    blocks.append(Prose(f"{_role(likely)}{fired_summary(forecast, likely)}"))
    return Section("most-likely", "Most likely course of action", tuple(blocks))


def _most_dangerous(forecast: Forecast) -> Section:
    blocks: list[Block] = []
    for outlook in forecast.most_dangerous:
        blocks += [
            Heading(f"{outlook.course.label} (severity {outlook.course.severity} of 5)"),
            Prose(_within_sentence(forecast, outlook)),
            *([Prose(_now_sentence(outlook))] if forecast.horizon else []),
            Prose(f"{_role(outlook)}{fired_summary(forecast, outlook)}"),
        ]
    if not blocks:
        blocks.append(Prose("The scenario marks no course as dangerous."))
    return Section("most-dangerous", "Most dangerous courses of action", tuple(blocks))


def _union(forecast: Forecast) -> Section:
    title = f"Probability of at least one dangerous course {_when(forecast)}"
    dangerous = forecast.most_dangerous
    if not dangerous:
        return Section("union", title, (Prose("The scenario marks no course as dangerous."),))
    total = sum(outlook.within.mean for outlook in dangerous)
    text = (
        f"This is the probability of the union, not a sum: a history in which two of them occur "
        f"counts once. The {counted(len(dangerous), 'single probability', 'single probabilities')}"
        f" would add up to {percent(total)}."
    )
    lead = Prose(f"{in_words(forecast.any_dangerous)}.", ANY_LABEL)
    return Section("union", title, (lead, Prose(text)))


def _implications(forecast: Forecast) -> Section:
    outcomes = forecast.scenario.with_role("outcome")
    timeline = forecast.scenario.timeline
    blocks: list[Block] = []
    rows: list[tuple[Cell, ...]] = []
    for name, variable in outcomes.items():
        for state in variable.states[1:]:
            cells: list[Cell] = [Measure(forecast.state_probability(name, state))]
            if timeline:
                last = timeline.n_steps(forecast.as_of) - 1
                cells.append(Measure(forecast.state_probability(name, state, last)))
            rows.append((Lines(variable.label, plain(state)), *cells))
    if rows:
        days = (forecast.as_of, forecast.horizon)
        head = ("Outcome", *(long_date(day) for day in days if day))
        blocks.append(Table(head, tuple(rows), (3, 2, 2)[: len(head)]))
    if rows and timeline:
        text = (
            f"Each number is the probability that the state holds in the {_unit(forecast)} of "
            "that date, not that it ever occurs before it."
        )
        blocks.append(Prose(text, voice="note"))
    blocks += [
        Prose(variable.implication, variable.label, voice="author")
        for variable in outcomes.values()
        if variable.implication
    ]
    return Section("implications", "Implications", (*_author(forecast, "implications"), *blocks))


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


def _now_sentence(outlook: CourseOutlook) -> str:
    return f"Probability that it is under way now: {in_words(outlook.now)}."


def _within_sentence(forecast: Forecast, outlook: CourseOutlook) -> str:
    return f"Probability {_that(forecast, 'it')}: {in_words(outlook.within)}."


def _role(outlook: CourseOutlook) -> str:
    role = outlook.course.role_in_source
    return f"Role in the source: {role}. " if role else ""


def _author(forecast: Forecast, part: str) -> tuple[Prose, ...]:
    text = getattr(forecast.scenario.narrative, part)
    return (Prose(text, voice="author"),) if text else ()


def _that(forecast: Forecast, subject: str) -> str:
    ever = f" in at least one {_unit(forecast)}" if forecast.horizon else ""
    return f"that {subject} is under way{ever} {_when(forecast)}"


def _when(forecast: Forecast) -> str:
    return f"by {long_date(forecast.horizon)}" if forecast.horizon else "now"


def _span(forecast: Forecast) -> str:
    timeline = forecast.scenario.timeline
    assert timeline is not None
    assert forecast.horizon is not None
    first = timeline.first_day(forecast.now + 1)
    return f"from {long_date(first)} to {long_date(forecast.horizon)}"


def _unit(forecast: Forecast) -> str:
    timeline = forecast.scenario.timeline
    days = timeline.step_days if timeline else 0
    return {1: "day", 7: "week"}.get(days, "step")


def _stacked(estimate: Estimate) -> Lines:
    return Lines(percent(estimate.mean), interval(estimate))
