"""The section of a product that weighs the evidence: conflicts, dates, silence and channels."""

from __future__ import annotations

from collections.abc import Iterator

from forecast.analysis.weighing import ChannelControl, Conflict, Dated, Silence, WeighedEvidence
from forecast.course_outlook import ANY_LABEL
from forecast.estimate import MASS_TEXT, percent, quantity
from forecast.evidence.report import Report
from forecast.outlook import Forecast
from forecast.reporting.document import (
    Block,
    Cell,
    Heading,
    Lines,
    Measure,
    Prose,
    Section,
    Stack,
    Table,
)
from forecast.reporting.evidence_sections import source_summary
from forecast.reporting.report_text import statement_text
from forecast.scenario.warning import ANY_DANGEROUS
from forecast.text import DASH, isolated
from forecast.wording import long_date, period, plain


def evidence_section(outlook: Forecast, weighed: WeighedEvidence) -> Section:
    """What the sources are, where they disagree, when events were, what silence says.

    Parameters
    ----------
    outlook
        The forecast.
    weighed
        What its evidence comes to.
    """
    blocks = (
        Prose(source_summary(outlook), "Sources"),
        *_conflict_blocks(outlook, weighed.conflicts),
        *_date_blocks(outlook, weighed.dates),
        *_silence_blocks(outlook, weighed.silences),
        *_channel_blocks(outlook, weighed.channels),
    )
    return Section("evidence", "Weighing the evidence", blocks)


def _conflict_blocks(outlook: Forecast, conflicts: tuple[Conflict, ...]) -> Iterator[Block]:
    yield Heading("Reports that disagree")
    if not conflicts:
        yield Prose("No two reports give an indicator different states at one time.")
        return
    yield Prose(
        "Reports of one indicator at one time that name different states. Those of several "
        "origins multiply; those of one origin are versions of one statement, by the odds that "
        "each relay quotes it right.",
        style="note",
    )
    rows = tuple(_conflict_row(outlook, conflict) for conflict in conflicts)
    yield Table(("Indicator", "Reports", "Taken together"), rows, (5, 6, 4))


def _conflict_row(outlook: Forecast, conflict: Conflict) -> tuple[Cell, ...]:
    variable = outlook.scenario.variables[conflict.indicator]
    when = _step(outlook, conflict.step)
    who = "one origin" if conflict.quoted else ""
    return (
        Lines(variable.label, ", ".join(filter(None, (when, who)))),
        Stack(tuple(_report(outlook, report) for report in conflict.reports)),
        Stack(
            tuple(
                f"{plain(state)} {percent(found.mean)}" for state, found in conflict.states.items()
            )
        ),
    )


def _report(outlook: Forecast, report: Report) -> str:
    stated = statement_text(outlook.scenario.variables[report.indicator], report)
    return f"{report.id} ({report.grade}): {stated}"


def _date_blocks(outlook: Forecast, dates: tuple[Dated, ...]) -> Iterator[Block]:
    if not dates:
        return
    yield Heading("Events without a certain date")
    yield Prose(
        "Each of these was in one of the steps that its days meet. Nobody has picked one: the "
        "forecast sums over them. First the share of the days, then the probability given all "
        "evidence.",
        style="note",
    )
    yield Table(
        ("Reports", "Days", "When it was"),
        tuple(_date_row(outlook, dated) for dated in dates),
        (4, 5, 6),
    )


def _date_row(outlook: Forecast, dated: Dated) -> tuple[Cell, ...]:
    reports = [report for report in outlook.evidence if report.id in dated.reports]
    start = min(report.event_start for report in reports)
    end = max(report.event_end for report in reports)
    steps = tuple(
        f"{_step(outlook, step)}: {percent(share)} by days, {quantity(dated.found[step])}"
        for step, share in dated.days.items()
    )
    return ", ".join(dated.reports), period(start, end), Stack(steps)


def _silence_blocks(outlook: Forecast, silences: tuple[Silence, ...]) -> Iterator[Block]:
    if not outlook.scenario.watches:
        return
    yield Heading("Silence")
    if not silences:
        yield Prose("Every watch has a report in each step that it covers.")
        return
    yield Prose(
        "Somebody was watching and nothing was reported. That counts against the states that "
        "would have been reported, as far as their report would be here by now. So does the "
        "silence of everybody else, as far as the indicator's reporting profile says.",
        style="note",
    )
    rows = tuple(_silence_row(outlook, silence) for silence in silences)
    yield Table(("Watch", "Looks for", "A report would be known by now"), rows, (4, 6, 6))


def _silence_row(outlook: Forecast, silence: Silence) -> tuple[Cell, ...]:
    variable = outlook.scenario.variables[silence.indicator]
    watch = outlook.scenario.watches[silence.watch]
    states = watch.looks_for(variable.states)
    probabilities = tuple(
        ": ".join(filter(None, (_step(outlook, step), quantity(probability))))
        for step, probability in silence.steps.items()
    )
    return (
        Lines(plain(silence.watch), watch.source and f"looks through {plain(watch.source)}"),
        Lines(variable.label, ", ".join(map(plain, states))),
        Stack(probabilities),
    )


def _channel_blocks(outlook: Forecast, channels: tuple[ChannelControl, ...]) -> Iterator[Block]:
    for control in channels:
        channel = outlook.scenario.channels[control.channel]
        prior = quantity(control.prior)
        yield Heading(f"{isolated(channel.label)}: controlled or not")
        yield Prose(
            f"If it is controlled, reports of {', '.join(map(plain, channel.sources))} say what "
            f"somebody wants to be believed. Before the evidence the probability was {prior}, "
            f"given it {quantity(control.control)} ({MASS_TEXT} intervals).",
        )
        ever = f"to {long_date(outlook.horizon)}" if outlook.horizon else "now"
        head = (f"Under way {ever}", "As it is", "If it is free", "If it is controlled")
        yield Table(head, tuple(_control_rows(outlook, control)), (5, 3, 3, 3))


def _control_rows(outlook: Forecast, control: ChannelControl) -> Iterator[tuple[Cell, ...]]:
    harmless = {f"{o.variable}={o.state}" for o in outlook.courses if not o.course.dangerous}
    for name, three in control.answers.items():
        yield _course(outlook, name), *(Measure(each, name not in harmless) for each in three)


def _course(outlook: Forecast, name: str) -> str:
    if name == ANY_DANGEROUS:
        return ANY_LABEL
    courses = {"=".join(key): course for key, course in outlook.scenario.courses.items()}
    course = courses[name]
    if outlook.horizon is None:
        return course.label
    return f"{course.label} ({'at least once' if course.dangerous else 'share of days'})"


def _step(outlook: Forecast, step: int) -> str:
    """A step by its days; nothing in a static scenario."""
    timeline = outlook.scenario.timeline
    if timeline is None:
        return ""
    return period(timeline.first_day(step), timeline.last_day(step)).replace(" to ", f" {DASH} ")
