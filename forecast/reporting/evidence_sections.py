"""The sections of a product that rest on the evidence: status, observations, sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Literal

from forecast.analysis.report_making import read_levels
from forecast.analysis.shared_origins import original_reports
from forecast.analysis.tripwires import (
    State,
    Tripwires,
    TripwireStatus,
    describe_threshold,
    level_of,
    threshold_estimates,
)
from forecast.analysis.weighing import WeighedEvidence, find_conflicts
from forecast.course_outlook import CourseOutlook
from forecast.estimate import MASS_TEXT, quantity
from forecast.evidence.judged import multiple
from forecast.evidence.origins import count_origins, speaking
from forecast.evidence.profiles import default_reporting
from forecast.evidence.report import RELIABILITY, Report
from forecast.evidence.sources import admiralty_grades, trust_in
from forecast.outlook import Forecast
from forecast.probabilities import union_probabilities, union_probabilities_on
from forecast.reporting.document import (
    Badge,
    Block,
    Cell,
    Heading,
    Lines,
    Prose,
    Section,
    Stack,
    Table,
)
from forecast.reporting.report_text import named, origins_text, statement_text
from forecast.reporting.status import (
    IndicatorStatus,
    indicator_status,
)
from forecast.scenario.scenario import Variable
from forecast.scenario.warning import Tripwire
from forecast.text import DASH, isolated
from forecast.wording import counted, long_date, period, plain

TONES: dict[State, Literal["alert", "wait", "off"]] = {
    "fired": "alert",
    "pending": "wait",
    "not fired": "off",
}


def tripwires_section(outlook: Forecast, found: Tripwires) -> Section:
    """Tripwires, whether they have fired, and how likely each is to fire next.

    Parameters
    ----------
    outlook
        The forecast.
    found
        What fired.
    """
    if not found:
        return Section("tripwires", "Tripwires", ())
    timeline = outlook.scenario.timeline
    head = ("Tripwire", "Levels", "Deadline", "Status", *(("Probability",) if timeline else ()))
    probabilities = _probabilities(outlook, found.statuses) if timeline else [None] * len(found)
    rows = tuple(
        _tripwire_row(outlook, status, probability)
        for status, probability in zip(found, probabilities, strict=True)
    )
    table = Table(head, rows, (12, 10, 6, 4, 7)[: len(head)])
    text = (
        "A tripwire has fired if a report in force reached a level by the deadline. It is pending "
        "while its deadline lies ahead."
    )
    if any(status.tripwire.probabilities for status in found):
        text += " One on a probability has fired if that reached a level and was not reset since."
    if any(status.tripwire.persistence for status in found):
        text += " Where a level has to last for some days, it is pending until it has."
    if timeline:
        text += (
            " The probability is that of a level on at least one day ahead, up to the deadline or,"
            " where there is none, to the end of the next step, whether or not anybody reports it."
            " Of what is to happen on a day it is that of a level in the whole step of that day."
        )
        if outlook.condition:
            text += f" It holds if {outlook.condition}."
    return Section("tripwires", "Tripwires", (table, Prose(text, style="note")))


def tripwires_summary(found: Tripwires) -> str:
    """How many tripwires have fired and how many are pending.

    Parameters
    ----------
    found
        What fired.
    """
    states = Counter(status.state for status in found)
    fired = [isolated(status.tripwire.label) for status in found if status.state == "fired"]
    text = f"{states['fired']} of {len(found)} fired, {states['pending']} pending."
    return f"{text} Fired: {'; '.join(fired)}." if fired else text


def warning_summary(outlook: Forecast, fired: Tripwires) -> str:
    """The level of warning in force, since when and on what.

    Parameters
    ----------
    outlook, fired
        As in `tripwires_section`.
    """
    found = level_of(outlook.scenario.warning_levels, fired)
    text = isolated(found.level.label)
    if found.since:
        text += f", since {long_date(found.since)}"
    labels = [isolated(outlook.scenario.tripwires[name].label) for name in found.tripwires]
    text += f", on: {'; '.join(labels)}." if labels else "."
    return f"{text} {isolated(found.level.meaning)}".strip()


def _tripwire_row(
    outlook: Forecast, status: TripwireStatus, probability: Cell | None
) -> tuple[Cell, ...]:
    tripwire = status.tripwire
    levels = Stack(tuple(_levels(outlook, tripwire)))
    state = Badge(status.state, TONES[status.state])
    deadline: Cell = long_date(tripwire.by) if tripwire.by else "none"
    if tripwire.on:
        deadline = f"on {long_date(tripwire.on)}"
    if status.fired:
        deadline = Lines(str(deadline), f"reached in {status.fired.grounds}")
    row = (Lines(tripwire.label, tripwire.meaning), levels, deadline, state)
    return row if probability is None else (*row, probability)


def _levels(outlook: Forecast, tripwire: Tripwire) -> Iterator[str]:
    """One line for each variable if every level is a state of one; else one for each level."""
    for variable, states in _levels_by_variable(tripwire).items():
        label = isolated(outlook.scenario.variables[variable].label)
        yield f"{label}: {' or '.join(plain(state) for state in states)}"
    if not _levels_by_variable(tripwire):
        for level in tripwire.any:
            yield " and ".join(named(outlook, name, state) for name, state in level.items())
    yield from map(describe_threshold, tripwire.probabilities)


def _probabilities(outlook: Forecast, found: Sequence[TripwireStatus]) -> list[Cell]:
    """Probability of each tripwire's levels by or on the day that is asked about, and that day."""
    cells: list[Cell] = [DASH] * len(found)
    estimates = threshold_estimates(outlook)
    for k, status in enumerate(found):
        if not status.tripwire.any:
            compared = tuple(quantity(estimates[level]) for level in status.tripwire.probabilities)
            cells[k] = Stack(compared)
    asked: dict[tuple[str, date], list[int]] = {}
    for k, status in enumerate(found):
        day = _day_asked(outlook, status)
        if day is not None:
            asked.setdefault(("on" if status.tripwire.on else "by", day), []).append(k)
    for (word, day), places in asked.items():
        unions = [
            [(name, state) for level in found[k].tripwire.any for name, state in level.items()]
            for k in places
        ]
        answer = union_probabilities_on if word == "on" else union_probabilities
        for k, estimate in zip(places, answer(outlook, unions, day), strict=True):
            cells[k] = Lines(quantity(estimate), f"{word} {long_date(day)}")
    return cells


def _day_asked(outlook: Forecast, status: TripwireStatus) -> date | None:
    """Last or only day on which a tripwire's levels count; none if there is nothing to ask.

    Levels that are conjunctions are no union of states.
    """
    timeline, tripwire = outlook.scenario.timeline, status.tripwire
    assert timeline is not None
    assert outlook.horizon is not None
    if not tripwire.any:
        return None
    day = tripwire.on or min(tripwire.by or timeline.last_day(outlook.now + 1), outlook.horizon)
    passed = not outlook.as_of < day <= outlook.horizon
    if status.state == "fired" or passed or any(len(level) > 1 for level in tripwire.any):
        return None
    return day


def _levels_by_variable(tripwire: Tripwire) -> dict[str, list[str]]:
    """Levels of each variable; nothing if a level is a conjunction, which marginals cannot tell."""
    found: dict[str, list[str]] = {}
    for level in tripwire.any:
        if len(level) > 1:
            return {}
        for variable, state in level.items():
            found.setdefault(variable, []).append(state)
    return found


def pattern_section(outlook: Forecast) -> Section:
    """The evidence in time.

    Parameters
    ----------
    outlook
        The forecast.
    """
    evidence = outlook.evidence
    flagged = frozenset(
        report.id
        for _, _, reports in find_conflicts(outlook.scenario, evidence)
        for report in reports
    )
    text = outlook.scenario.narrative.pattern
    blocks: list[Block] = [Prose(text, style="author")] if text else []
    if evidence.observations:
        head = ("When, and which report", "What", "Speaks to", "Source")
        rows = tuple(_event(outlook, report, flagged) for report in evidence.observations)
        blocks.append(Table(head, rows, (5, 12, 7, 7)))
    else:
        blocks.append(Prose("No report speaks to a variable yet."))
    if flagged:
        count = counted(len(flagged), "report disagrees", "reports disagree")
        blocks.append(Prose(f"{count} with another about one indicator in one step.", style="note"))
    return Section("pattern", "Pattern", tuple(blocks))


def _event(outlook: Forecast, report: Report, flagged: frozenset[str]) -> tuple[Cell, ...]:
    claim = Lines(
        outlook.scenario.variables[report.indicator].label,
        statement_text(outlook.scenario.variables[report.indicator], report)
        + (" (reports disagree)" if report.id in flagged else ""),
    )
    return (
        Lines(period(report.event_start, report.event_end), f"{report.id} ({report.grade})"),
        _what(report),
        claim,
        _source(outlook, report),
    )


def _what(report: Report) -> str:
    text = report.note.removeprefix("Context: ")
    return text[:1].upper() + text[1:] or DASH


def _source(outlook: Forecast, report: Report) -> str:
    source = outlook.scenario.sources.get(report.source)
    return source.title if source else report.source


def indicators_section(outlook: Forecast) -> Section:
    """Indicators by the course that they speak to, with what was last reported of each.

    Parameters
    ----------
    outlook
        The forecast.
    """
    note = Prose(
        "An indicator has fired if its latest reported state is not its first one, the state of "
        "absence. The sign says how it is read; the tables decide how much it moves. What nobody "
        "has reported on is counted here and listed as a gap in collection.",
        style="note",
    )
    blocks: list[Block] = [note]
    for prospect in outlook.courses:
        group = _speaking_to(outlook, prospect)
        blocks.append(Heading(prospect.course.label))
        blocks.append(Prose(fired_summary(outlook, prospect)))
        reported = [pair for pair in group if pair[1].latest is not None]
        if reported:
            rows = tuple(_signed_row(sign, status) for sign, status in reported)
            head = (INDICATOR_HEAD[0], "Speaks", *INDICATOR_HEAD[1:])
            blocks.append(Table(head, rows, (7, 2, 4, 2)))
    rest = [status for status in _indicators(outlook) if not status.variable.speaks_to]
    rows = tuple(_indicator_row(status) for status in rest if status.latest is not None)
    if rows:
        blocks.append(Heading("Of no single course"))
        blocks.append(Table(INDICATOR_HEAD, rows, (9, 4, 2)))
    return Section("indicators", "Indicators", tuple(blocks))


INDICATOR_HEAD = ("Indicator", "Latest report", "Status")


def fired_summary(outlook: Forecast, prospect: CourseOutlook) -> str:
    """How many of a course's indicators have fired, for and against it.

    Parameters
    ----------
    outlook
        The forecast.
    prospect
        The course.
    """
    parts = []
    for sign, verb in (("+", "speak for it"), ("-", "speak against it")):
        group = [status for found, status in _speaking_to(outlook, prospect) if found == sign]
        if group:
            fired = sum(status.fired for status in group)
            parts.append(f"{fired} of {len(group)} that {verb}")
    return f"Indicators fired: {', '.join(parts)}." if parts else "No indicator speaks to it."


def _indicators(outlook: Forecast) -> list[IndicatorStatus]:
    found = outlook.scenario.with_role("indicator").items()
    return [indicator_status(name, variable, outlook.evidence) for name, variable in found]


def _speaking_to(outlook: Forecast, prospect: CourseOutlook) -> list[tuple[str, IndicatorStatus]]:
    course = f"{prospect.variable}={prospect.state}"
    pairs = [
        (claim.sign, status)
        for status in _indicators(outlook)
        for claim in status.variable.speaks_to
        if claim.course == course
    ]
    return sorted(pairs, key=lambda pair: (pair[0] != "+", not pair[1].fired))


def _signed_row(sign: str, status: IndicatorStatus) -> tuple[Cell, ...]:
    name, *rest = _indicator_row(status)
    return (name, "for" if sign == "+" else "against", *rest)


def _indicator_row(status: IndicatorStatus) -> tuple[Cell, ...]:
    latest = status.latest
    assert latest is not None
    name = Lines(status.variable.label, origin_of(status.variable))
    badge = Badge("fired", "on") if status.fired else Badge("absent", "off")
    when = f"{period(latest.event_start, latest.event_end)}, {latest.id}"
    return (name, Lines(statement_text(status.variable, latest), when), badge)


def origin_of(variable: Variable) -> str:
    """Who names an indicator, where that is the author and no source."""
    return "added by the author" if variable.named_by == "author" else ""


def actors_section(outlook: Forecast) -> Section:
    """Who the scenario is about.

    Parameters
    ----------
    outlook
        The forecast.
    """
    rows = tuple(
        (actor.name, actor.affiliation or DASH, actor.note or DASH)
        for actor in outlook.scenario.actors
    )
    blocks = (Table(("Actor", "Affiliation", "Note"), rows, (4, 3, 6)),) if rows else ()
    return Section("actors", "Actors", blocks)


def sources_section(outlook: Forecast, weighed: WeighedEvidence) -> Section:
    """Reports with their citations, and how far each grade and source is believed.

    Parameters
    ----------
    outlook
        The forecast.
    weighed
        What its evidence comes to.
    """
    blocks: list[Block] = []
    reports = sorted(outlook.evidence, key=lambda report: report.id)
    if reports:
        head = ("Report", "Source and citation", "Known", "Grade", "Origin")
        rows = tuple(
            (
                report.id,
                Lines(_source(outlook, report), report.citation),
                long_date(report.known),
                report.grade,
                plain(report.origin) or "not stated",
            )
            for report in reports
        )
        blocks.append(Table(head, rows, (2, 9, 4, 2, 5)))
    blocks += [*_context(outlook), *_documents(outlook), *_accuracies(outlook, weighed)]
    blocks += _reporting_levels(outlook)
    return Section("sources", "Sources", tuple(blocks))


def _context(outlook: Forecast) -> Iterator[Block]:
    """Reports that speak to no variable, with the author's remarks on where they are coded."""
    context = outlook.evidence.context
    if not context:
        return
    yield Heading("Context")
    yield Prose(
        "Kept for the record: it is in the scenario already, or speaks to no variable, and "
        "moves no probability.",
        style="note",
    )
    rows = tuple(
        (period(r.event_start, r.event_end), _what(r), _source(outlook, r), r.grade)
        for r in context
    )
    yield Table(("When", "What", "Source", "Grade"), rows, (4, 9, 4, 2))


def source_summary(outlook: Forecast) -> str:
    """How many reports there are, from how many origins, over what time, of which grades."""
    evidence = outlook.evidence
    if not evidence.reports:
        return "No report is in force."
    letters = Counter(report.reliability for report in evidence)
    grades = ", ".join(f"{letters[grade]} of {grade}" for grade in RELIABILITY if letters[grade])
    relevant, context = speaking(outlook.scenario, evidence), evidence.context
    text = f"{counted(len(evidence), 'report')}, {len(context)} of them context"
    setting = len(evidence.observations) - len(relevant)
    text += f" and {setting} of what is set rather than estimated. " if setting else ". "
    if relevant:
        first = min(report.event_start for report in relevant)
        last = max(report.event_end for report in relevant)
        text += (
            f"The {len(relevant)} that speak to what is estimated cover {period(first, last)} and "
            f"have {origins_text(count_origins(relevant))}. "
        )
        original = original_reports(outlook)
        if original is not None:
            text += (
                f"Of those that state no origin, about {original.mean:.1f} "
                f"({original.lower:.1f}{DASH}{original.upper:.1f}) repeat no other. "
            )
    return f"{text}Reliability grades: {grades}."


def _documents(outlook: Forecast) -> Iterator[Block]:
    sources = outlook.scenario.sources
    if sources:
        yield Heading("Documents")
        rows = tuple(
            (
                Lines(source.title, source.note),
                long_date(source.published) if source.published else DASH,
            )
            for source in sources.values()
        )
        yield Table(("Document", "Published"), rows, (7, 2))


def _accuracies(outlook: Forecast, weighed: WeighedEvidence) -> Iterator[Block]:
    found = {accuracy.name: accuracy for accuracy in weighed.accuracies}
    bases = {grade.letter: grade.basis for grade in admiralty_grades()}
    for name, source in outlook.scenario.sources.items():
        if source.record is not None:
            bases[name] = source.record.basis
        elif source.reliability is not None:
            bases[name] = f"a source of grade {source.reliability}"
    rows = []
    for judged in trust_in(outlook.scenario).accuracy:
        accuracy = found.get(judged.name)
        now = (str(accuracy.reports), quantity(accuracy.found)) if accuracy else ("0", DASH)
        prior = quantity(judged.prior)
        rows.append((plain(judged.name), prior, *now, bases[judged.name]))
    yield Heading("How far sources are believed")
    yield Prose(
        "How often a report is taken to say what is true, of each source that the scenario grades "
        "or has a record of, and of each reliability grade for all others, which share it "
        f"({MASS_TEXT} intervals), before the evidence and given it. "
        "Credibility, the digit, is printed and not used: it is already somebody's conclusion.",
        style="note",
    )
    head = ("Grade or source", "Before", "Reports", "Given the evidence", "Basis")
    yield Table(head, tuple(rows), (3, 4, 2, 4, 7))


def _reporting_levels(outlook: Forecast) -> Iterator[Block]:
    """How far all judgements of how reports come about may be wrong together."""
    stated = outlook.scenario.reporting_level or default_reporting().level
    rows = tuple(
        (each.label, multiple(each.prior), multiple(each.found), stated.basis)
        for each in read_levels(outlook)
    )
    if rows:
        yield Heading("How much is reported")
        yield Prose(
            "The probabilities that something is reported are taken to be too low, or too high, "
            f"all at once, by a multiple ({MASS_TEXT} intervals). The number of reports says "
            "which.",
            style="note",
        )
        head = ("Multiple", "Before", "Given the evidence", "Basis")
        yield Table(head, rows, (5, 4, 4, 7))
