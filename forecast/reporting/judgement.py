"""Sections about the judgement itself: what moved it, what it rests on, what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from forecast.analysis.comparison import likelier
from forecast.analysis.explanation import Contribution
from forecast.analysis.moves import LEAST_NAMED
from forecast.analysis.smallest_change import smallest_change
from forecast.analysis.targets import signed
from forecast.course_outlook import ANY_LABEL
from forecast.estimate import MASS_TEXT, Estimate, percent, quantity
from forecast.evidence.report import Report
from forecast.outlook import Forecast
from forecast.reporting.change import change_cell, last_common_day
from forecast.reporting.courses import that_text
from forecast.reporting.document import (
    Block,
    Cell,
    Lines,
    Measure,
    Prose,
    Section,
    Stack,
    Table,
)
from forecast.reporting.evidence_sections import fired_summary, origin_of
from forecast.reporting.report_text import statement_text
from forecast.reporting.request import Request
from forecast.reporting.status import indicator_status
from forecast.text import DASH, isolated
from forecast.verification.published import CODED, ComparedJudgement, compare_document
from forecast.wording import counted, long_date, plain, points

MOST_PARTS = 8
"""Parts of an account that are listed one by one."""
MOST_LEADS = 8
MOST_LEANED_ON = 5
"""Parts of an account without which the probability is given."""
MOST_TRIED = 8
"""Reports up to which the smallest set that matters is looked for."""


def change_section(request: Request) -> Section:
    """What changed since the last product: probabilities, reports, scenario.

    Parameters
    ----------
    request
        What the product is made from.
    """
    outlook, previous = request.outlook, request.previous
    title = "Change since the last product"
    if previous is None:
        return Section("change", title, ())
    because = _reasons(request)
    rows = tuple(
        (
            prospect.course.label,
            change_cell(outlook, previous, prospect),
            because.get(f"{prospect.variable}={prospect.state}", DASH),
        )
        for prospect in outlook.courses
    )
    head = ("Course of action", f"Change since {long_date(previous.as_of)}", "Because of")
    blocks: list[Block] = [
        Prose(change_summary(outlook, previous)),
        Table(head, rows, (4, 3, 6)),
    ]
    return Section("change", title, (*blocks, Prose(_change_note(outlook, previous), style="note")))


def _change_note(outlook: Forecast, previous: Forecast) -> str:
    """What the changes are of, and of which days."""
    causes = "among its causes, the largest first."
    if last_common_day(outlook, previous) is None:
        return f"Changes are in points. The last column divides the change {causes}"
    return (
        "Changes are in points and ask both forecasts about the same days: of dangerous courses "
        "that they are under way at least once by that day, of others the share of the days up to "
        "it. “Now” is the present step, to which the earlier forecast looked ahead. "
        f"The last column divides the change on the days ahead {causes}"
    )


def _reasons(request: Request) -> dict[str, Cell]:
    """What moved each course, in parts that add up; nothing where the two are not in order."""
    cells: dict[str, Cell] = {}
    for course, move in request.comparison.moves.items() if request.comparison else ():
        rest = move.after - move.before - sum(part.points for part in move.named)
        lines = [f"{part.name} {_points(part.points)}" for part in move.named]
        lines += [f"all else {_points(rest)}"] if abs(rest) >= LEAST_NAMED else []
        total = f"{percent(move.before)} to {percent(move.after)}"
        cells[course] = Lines(", ".join(lines) or "nothing of note", total)
    return cells


def change_summary(outlook: Forecast, previous: Forecast, most_named: int = 99) -> str:
    """What came in and what was withdrawn between two forecasts, in a sentence or two.

    Parameters
    ----------
    outlook, previous
        The two forecasts.
    most_named
        New reports that are named; of more there is the number alone.
    """
    before = {report.id: report for report in previous.evidence}
    after = {report.id: report for report in outlook.evidence}
    new = [name for name in after if name not in before]
    gone = [name for name in before if name not in after]
    days = (outlook.as_of - previous.as_of).days
    text = f"{counted(days, 'day')} passed and {counted(len(new), 'report')} came in"
    text += f" ({', '.join(new)})" if 0 < len(new) <= most_named else ""
    text += f"; {', '.join(gone)} no longer in force." if gone else "."
    if outlook.scenario.digest != previous.scenario.digest:
        text += " The scenario was changed as well, so not every difference is due to reports."
    return text


def document_section(request: Request) -> Section:
    """A published document beside the forecast, judgement by judgement.

    Parameters
    ----------
    request
        What the product is made from: its document, if one was given.
    """
    title = "Beside a published document"
    if request.document is None:
        return Section("document", title, ())
    found = compare_document(request.outlook, request.document)
    rows = tuple(_document_row(request, row) for row in found)
    text = (
        f"It commits to something in {found.comparable} of {counted(len(rows), 'judgement')}; the "
        f"forecast agrees with {found.agreeing} of these."
    )
    note = (
        "The forecast agrees with a range that holds its mean. “Out of reach” is a range that its "
        f"{MASS_TEXT} interval does not meet. What the document says is in our words."
    )
    head = ("Judgement", "Document", "Forecast", "Agreement")
    blocks: list[Block] = [
        Prose(text, isolated(request.document.title)),
        Table(head, rows, (6, 4, 4, 3)),
        Prose(f"{note} {CODED}" if found.coded else note, style="note"),
    ]
    return Section("document", title, tuple(blocks))


def _document_row(request: Request, row: ComparedJudgement) -> tuple[Cell, ...]:
    judgement = row.judgement
    document: Cell = row.stated_text
    term = "" if row.found is None else request.phrase(row.found).label
    forecast = Lines(row.found_text, term)
    return Lines(judgement.text, judgement.place), document, forecast, row.agreement_text


def why_section(request: Request) -> Section:
    """What the evidence added to the probability of one course, in parts that add up.

    Parameters
    ----------
    request
        What the product is made from.
    """
    title = "What moved the probability"
    if not request.is_explained:
        return Section("why", title, ())
    found = request.explanation
    head = ("Part", "Adds", "If withdrawn")
    parts = sorted(found.contributions, key=lambda each: -abs(each.points.mean))
    rows = [_part_row(request, part) for part in parts[:MOST_PARTS]]
    rest = sum(part.points.mean for part in parts[MOST_PARTS:])
    if parts[MOST_PARTS:]:
        rows.append((counted(len(parts) - MOST_PARTS, "other part"), _points(rest), DASH))
    lead = (
        f"{percent(found.start)} before any evidence{_beginning(request)}; "
        f"{quantity(request.probability)} now."
    )
    note = (
        "In points. The parts add up to the whole move, but for the error of the "
        f"{found.draws.sizes['draw']} draws that it is divided by; what a report adds depends on "
        "what is known beside it and is shared out fairly (Shapley value). The last column is the "
        "change of the probability if that part alone were taken away."
    )
    blocks = (Prose(lead, request.subject.course.label), Table(head, tuple(rows), (6, 2, 2)))
    return Section("why", title, (*blocks, Prose(note, style="note")))


def _beginning(request: Request) -> str:
    return ", at the scenario's beginning" if request.outlook.horizon else ""


def _part_row(request: Request, part: Contribution) -> tuple[Cell, ...]:
    gone = DASH if part.withdrawn is None else _points(part.withdrawn)
    return part_label(request, part), _points(part.points.mean), gone


def part_label(request: Request, part: Contribution) -> Lines:
    """What a part of an account is, with the claim of a report."""
    if part.kind != "reports":
        return Lines(part.name[:1].upper() + part.name[1:], "")
    reports = {report.id: report for report in request.outlook.evidence}
    report = reports.get(part.name)
    return Lines(part.name, "" if report is None else claim_text(request.outlook, report))


def claim_text(outlook: Forecast, report: Report) -> str:
    """What a report states, and of which variable."""
    variable = outlook.scenario.variables[report.indicator]
    return f"{variable.label}: {statement_text(variable, report)}"


def _points(value: float) -> str:
    return signed(100 * value)


def alternatives_section(request: Request) -> Section:
    """Courses that were considered and not called the most likely, with what speaks for them.

    Parameters
    ----------
    request
        What the product is made from.
    """
    outlook = request.outlook
    leader = outlook.most_likely
    rows = []
    for other in outlook.courses:
        if other == leader:
            continue
        pair, ahead = (other.variable, other.state), (leader.variable, leader.state)
        share = likelier(outlook, pair, ahead)
        fired = fired_summary(outlook, other)
        now = Measure(other.now, other.course.dangerous)
        rows.append((other.course.label, now, percent(share), fired))
    if not rows:
        return Section("alternatives", "Alternatives considered", ())
    head = ("Alternative", "Now", "Likelier now than the most likely course", "What speaks for it")
    note = (
        f"The most likely course is {isolated(leader.course.label)}. The third column is the share "
        "of tables, weighed by the evidence, under which the alternative is the likelier of the "
        "two now."
    )
    table = Table(head, tuple(rows), (4, 3, 3, 5))
    return Section("alternatives", "Alternatives considered", (table, Prose(note, style="note")))


def assumptions_section(request: Request) -> Section:
    """Key assumptions: how sure each is, and what flips if it is wrong.

    Parameters
    ----------
    request
        What the product is made from.
    """
    rows = tuple(_flip_row(request, found) for found in flips(request))
    title = "Key assumptions"
    if not rows:
        return Section("assumptions", title, ())
    head = ("Assumption", "Holds", "If so", "If instead")
    note = (
        f"The last two columns are the probability {_event_text(request)}, given all evidence and "
        "that the state holds now, counted in whole steps; with their difference in points."
    )
    table = Table(head, rows, (6, 2, 3, 7))
    return Section("assumptions", title, (table, Prose(note, style="note")))


def _event_text(request: Request) -> str:
    if request.asks_danger:
        return that_text(request.outlook, "a dangerous course")
    subject = f"“{request.subject.course.label}”"
    return that_text(request.outlook, subject)


def _flip_row(request: Request, found: Flips) -> tuple[Cell, ...]:
    """An assumption, and what each other state would do, the largest shift first."""
    return (
        Lines(request.outlook.scenario.variables[found.variable].label, plain(found.assumed)),
        percent(found.holds),
        quantity(found.if_so),
        Stack(
            tuple(
                f"{plain(state)}: {quantity(then)}, {_points(found.shift(state))}"
                for state, then in found.others.items()
            )
        ),
    )


@dataclass(frozen=True, slots=True)
class Flips:
    """An assumption that may be wrong, and what would hold then.

    Attributes
    ----------
    variable, assumed
        The variable, and the state that it is taken to be in.
    holds
        Probability of that state.
    if_so
        Probability of danger, or of the course that is explained, given that state.
    others
        The same given each other state that can be, the largest shift first.
    """

    variable: str
    assumed: str
    holds: float
    if_so: Estimate
    others: Mapping[str, Estimate]

    def shift(self, state: str) -> float:
        """What another state in place of the assumed one adds to that probability."""
        return self.others[state].mean - self.if_so.mean

    @property
    def largest(self) -> str:
        """The state that shifts it most."""
        return next(iter(self.others))


def flips(request: Request) -> list[Flips]:
    """Each assumption and what holds if it is wrong, the one first whose flip shifts most.

    Parameters
    ----------
    request
        What the product is made from.
    """
    found = [each for each in _flips(request) if each.others]
    return sorted(found, key=lambda each: -abs(each.shift(each.largest)))


def _flips(request: Request) -> Iterator[Flips]:
    """The same in the order of the scenario."""
    outlook, found = request.outlook, request.beliefs
    assumed = {
        name: variable.assumption
        for name, variable in outlook.scenario.variables.items()
        if variable.assumption is not None
    }
    if not assumed:
        return
    now = found.times[outlook.now]
    start = found.times[min(outlook.now + (outlook.horizon is not None), found.n_steps - 1)]
    states = [(each.variable, each.state) for each in request.asked]
    names = [name for name in assumed if name not in {variable for variable, _ in states}]
    if not names:
        return
    answer = found.at_least_once_given(names, states, now, start)
    for name in names:
        assumption = assumed[name]
        holds = float(Estimate.of(found.posterior(name, now).sel(state=assumption)).mean)
        given = {
            state: Estimate.of(answer.sel(variable_state=f"{name}={state}"))
            for state in outlook.scenario.variables[name].states
        }
        if_so = given.pop(assumption)
        can_be = [state for state in given if not np.isnan([if_so.mean, given[state].mean]).any()]
        can_be.sort(key=lambda state: -abs(given[state].mean - if_so.mean))
        yield Flips(name, assumption, holds, if_so, {state: given[state] for state in can_be})


def next_section(request: Request) -> Section:
    """What to look for next: what a report about each indicator would do to the judgement.

    Parameters
    ----------
    request
        What the product is made from.
    """
    rows = tuple(lead_rows(request, MOST_LEADS))
    title = "What to look for next"
    if not rows:
        return Section("next", title, ())
    found = request.watch_list
    when = f" in the step of {long_date(found.day)}" if found.day else ""
    lead = (
        f"About {event_label(request)}: what a report{when} would change, the most telling "
        "indicator first."
    )
    note = (
        "The finding named is the one of which most is learnt. Bits are the expected information "
        "of a report from a usually reliable source, before it comes. A star marks a finding that "
        "moves the judgement into another band."
    )
    head = ("Indicator", "If reported", "Comes", "Changes it by", "Bits")
    table = Table(head, rows, (6, 4, 2, 3, 2))
    return Section("next", title, (Prose(lead), table, Prose(note, style="note")))


def event_label(request: Request) -> str:
    """What is looked for: any dangerous course, or the most likely one where none is."""
    if request.asks_danger:
        return ANY_LABEL[:1].lower() + ANY_LABEL[1:]
    return isolated(request.subject.course.label)


def lead_rows(request: Request, most: int) -> Iterator[tuple[Cell, ...]]:
    """Rows of indicators, with what their most telling finding would do."""
    found = request.watch_list
    variables = request.outlook.scenario.variables
    band = request.lexicon.band_of(found.probability)
    for lead in found.leads[:most]:
        finding = lead.telling
        if finding is None or lead.bits <= 0:
            continue
        star = " *" if request.lexicon.band_of(finding.given) != band else ""
        cell = f"{points(finding.given - found.probability)} points{star}"
        probability = percent(finding.probability)
        label = variables[lead.indicator].label
        yield label, plain(finding.state), probability, cell, f"{lead.bits:.2g}"


def change_of_mind_section(request: Request) -> Section:
    """What would change the judgement: which reports it leans on, and whether any one decides it.

    Parameters
    ----------
    request
        What the product is made from.
    """
    title = "What would change the judgement"
    outlook = request.outlook
    if not outlook.evidence.observations:
        return Section("change-of-mind", title, ())
    blocks: list[Block] = [*_rests_on(request)]
    if outlook.horizon is None and len(outlook.evidence.observations) <= MOST_TRIED:
        found = smallest_change(outlook, most=len(outlook.evidence.observations), judgements=0)
        leader = isolated(outlook.most_likely.course.label)
        if found.reports:
            text = f"{leader} would no longer be the most likely course without "
            text += f"{', '.join(found.reports)}; "
            text += "no fewer reports do that." if found.certified else "fewer were not tried out."
        else:
            text = f"{leader} stays the most likely course whichever reports are withdrawn."
        blocks.append(Prose(text, "Fewest reports"))
    return Section("change-of-mind", title, tuple(blocks))


def _rests_on(request: Request) -> Iterator[Block]:
    if not request.is_explained:
        return
    rows = []
    for part, without, change in leaned_on(request, MOST_LEANED_ON):
        word = request.lexicon.band_of(without).label(request.terms)
        rows.append((part_label(request, part), _points(change), Lines(percent(without), word)))
    subject = isolated(request.subject.course.label)
    if rows:
        yield Prose(
            f"The probability of {subject} leans most on these; without one of them it would be "
            "as in the last column."
        )
        yield Table(("Without", "Change", "Then"), tuple(rows), (6, 2, 4))


def leaned_on(request: Request, most: int) -> Iterator[tuple[Contribution, float, float]]:
    """Parts of the account that matter most, the probability without each, and the change.

    Parameters
    ----------
    request
        What the product is made from.
    most
        How many parts.
    """
    parts = [
        (part, part.withdrawn)
        for part in request.explanation.contributions
        if part.withdrawn is not None
    ]
    for part, change in sorted(parts, key=lambda pair: -abs(pair[1]))[:most]:
        yield part, min(max(request.probability.mean + change, 0.0), 1.0), change


def gaps_section(request: Request) -> Section:
    """Gaps in collection: what nobody looks for, and what nobody has reported.

    Parameters
    ----------
    request
        What the product is made from.
    """
    rows = tuple(_gap_rows(request.outlook))
    title = "Gaps in collection"
    if not rows:
        return Section("gaps", title, ())
    total = len(request.outlook.scenario.with_role("indicator"))
    text = (
        f"{len(rows)} of {counted(total, 'indicator')} have no report. Where somebody watches, "
        "silence counts as evidence; where nobody does, it says nothing."
    )
    head = ("Indicator without a report", "Speaks to", "Watched by")
    return Section("gaps", title, (Prose(text), Table(head, rows, (5, 5, 3))))


def _gap_rows(outlook: Forecast) -> Iterator[tuple[Cell, ...]]:
    scenario = outlook.scenario
    for name, variable in scenario.with_role("indicator").items():
        if indicator_status(name, variable, outlook.evidence).latest is not None:
            continue
        courses = [
            scenario.courses[pair].label
            for claim in variable.speaks_to
            if (pair := tuple(claim.course.split("=", 1))) in scenario.courses
        ]
        watches = [plain(key) for key, watch in scenario.watches.items() if watch.indicator == name]
        who = ", ".join(watches) or "nobody"
        label = Lines(variable.label, origin_of(variable))
        yield label, ", ".join(map(isolated, courses)) or DASH, who
