"""The result of a check of a scenario, and how it prints itself, in terminals and notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from math import isnan
from typing import TYPE_CHECKING, Any

from forecast.analysis.validation import DEAD, MOVING
from forecast.arguments import checked
from forecast.estimate import Estimate, interval, percent, quantity
from forecast.evidence.judged import multiple
from forecast.evidence.profiles import reporting_levels, reporting_of
from forecast.frozen import copying
from forecast.layout import Row, html_table, text_table
from forecast.scenario.forms import SharedEffect
from forecast.scenario.indicator_groups import default_effects, share_text, shared_effects
from forecast.scenario.scenario import Scenario
from forecast.text import DASH, GAP, printed
from forecast.wording import counted, long_date, plain, points

if TYPE_CHECKING:
    from pandas import DataFrame

    from forecast.evidence.judged import JudgedLevel

NEARLY_SURE = 0.9
"""Probability from which something would be seen in any case."""


@checked
@copying(
    *("expectations", "base_rates", "states", "numbers", "indicators", "courses", "assumptions"),
    *("seen", "tripwires"),
)
@dataclass(frozen=True, eq=False)
class Check:
    """What a scenario says before any evidence; made by `check`.

    Attributes
    ----------
    scenario
        The scenario.
    draws, random_seed
        How many draws of the tables from their priors, and the seed they came from.
    month
        Steps that cover the first thirty days, or the horizon if it is shorter; 1 in a static
        scenario. Indicators and assumptions are judged in the last of them.
    expectations
        What the author expects, and what the tables imply; see `compare_expectations`.
    base_rates
        What reference classes say, and what the tables imply; see `compare_base_rates`.
    states, numbers
        What indicators would show in those steps; see `anticipate`.
    indicators
        What every indicator tells about every course; see `validate_indicators`.
    courses
        How uncertain every course is, and what moves it most; see `describe_courses`.
    assumptions
        Every course with a key assumption and without it; see `flip_assumptions`.
    seen, tripwires
        What indicators and tripwires come to over the whole horizon; see `find_recurrence`.
    """

    scenario: Scenario
    draws: int
    random_seed: int
    month: int
    expectations: DataFrame
    base_rates: DataFrame
    states: DataFrame
    numbers: DataFrame
    indicators: DataFrame
    courses: DataFrame
    assumptions: DataFrame
    seen: DataFrame
    tripwires: DataFrame

    @property
    def conflicts(self) -> DataFrame:
        """Expectations whose interval does not hold what the tables imply."""
        return self.expectations[self.expectations["conflict"].astype(bool)]

    @property
    def unmoved(self) -> tuple[str, ...]:
        """Courses that no single indicator moves, "variable=state"."""
        return tuple(self.courses.index[~self.courses["moved"].astype(bool)])

    @property
    def dead(self) -> tuple[str, ...]:
        """Indicators that move nothing: next to no share of the uncertainty of any course."""
        largest = self.indicators["share"].groupby(level="indicator", sort=False).max()
        return tuple(largest.index[largest < DEAD])

    @property
    def silent_tripwires(self) -> tuple[str, ...]:
        """Tripwires whose firing says next to nothing of any course, over the whole horizon."""
        if self.tripwires.empty:
            return ()
        largest = self.tripwires["gain"].groupby(level="tripwire", sort=False).max()
        return tuple(largest.index[largest < DEAD])

    @printed
    def __repr__(self) -> str:
        return review_text(self)

    def _repr_html_(self) -> str:
        return review_html(self)


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a check: a heading, sentences, and a table if it needs one."""

    heading: str
    sentences: tuple[str, ...]
    head: Row = ()
    rows: tuple[Row, ...] = ()


def review_text(found: Check) -> str:
    """A check as plain text.

    Parameters
    ----------
    found
        What `check` returned.
    """
    blocks = [_title(found)]
    for part in _parts(found):
        lines = [part.heading, *(f"  {sentence}" for sentence in part.sentences)]
        blocks.append("\n".join(lines))
        if part.rows:
            blocks.append(text_table(part.head, part.rows))
    return "\n\n".join(blocks).replace(GAP, " ")


def review_html(found: Check) -> str:
    """A check as a fragment of HTML that takes the colours of the page around it."""
    blocks = [f"<p>{escape(_title(found))}</p>"]
    for part in _parts(found):
        blocks.append(f"<p><b>{escape(part.heading)}</b></p>")
        if part.sentences:
            items = "".join(f"<li>{escape(sentence)}</li>" for sentence in part.sentences)
            blocks.append(f"<ul>{items}</ul>")
        if part.rows:
            blocks.append(html_table("", part.head, part.rows))
    return f"<div>{''.join(blocks)}</div>"


def _title(found: Check) -> str:
    scenario = found.scenario
    return (
        f"{scenario.name} {scenario.version} before any evidence: {found.draws} draws of its "
        "tables, inputs at their defaults"
    )


def _parts(found: Check) -> Iterator[Part]:
    yield _expectations(found)
    if len(found.base_rates):
        yield _base_rates(found)
    if len(found.states):
        yield _evidence(found)
    if len(found.seen) and found.scenario.time is not None:
        yield _recurrence(found)
    if len(found.tripwires):
        yield _tripwires(found)
    levels = tuple(reporting_levels(found.scenario))
    if levels:
        yield _reporting(found, levels)
    if found.scenario.sources:
        yield _sources(found)
    if len(found.indicators):
        yield _indicators(found)
    groups = tuple(_together(found))
    if groups:
        yield _of_one_cause(found, groups)
    if len(found.courses):
        yield _courses(found)
    if len(found.assumptions):
        yield _assumptions(found)


def _expectations(found: Check) -> Part:
    if found.expectations.empty:
        return Part("Expectations: none stated", ())
    number, in_conflict = len(found.expectations), len(found.conflicts)
    heading = f"Expectations: {in_conflict or 'none'} of {number} in conflict with the tables"
    rows = found.expectations.itertuples()
    return Part(heading, tuple(_compared(found, row) for row in rows))


def _compared(found: Check, row: Any) -> str:
    stated = interval(Estimate(row.stated_lower, row.stated_lower, row.stated_upper))
    within = "" if found.scenario.time is None else f" within {row.within:.0f} days"
    mark = "CONFLICT " if row.conflict else ""
    return (
        f"{mark}{row.variable}={row.state}: stated {stated}{within}; the tables imply "
        f"{quantity(Estimate(row.mean, row.lower, row.upper))}"
    )


def _base_rates(found: Check) -> Part:
    apart = int(found.base_rates["apart"].sum())
    heading = f"Base rates: {apart or 'none'} of {len(found.base_rates)} far from the tables"
    return Part(heading, tuple(_beside(row) for row in found.base_rates.itertuples()))


def _beside(row: Any) -> str:
    counted = quantity(Estimate(row.rate_mean, row.rate_lower, row.rate_upper))
    implied = quantity(Estimate(row.mean, row.lower, row.upper))
    mark = "APART " if row.apart else ""
    return (
        f"{mark}{row.variable}={row.state}: {row.count} in {row.days:,.0f} days "
        f"({row.reference_class}) is {counted} within {row.within:.0f} days; the tables imply "
        f"{implied}"
    )


def _evidence(found: Check) -> Part:
    static = found.scenario.time is None
    rows = []
    for name, table in found.states.groupby(level="indicator", sort=False):
        parts = [
            f"{plain(row.Index[1])} {percent(row.steps) if static else _steps(row)}"
            for row in table.itertuples()
        ]
        if name in found.numbers.index:
            parts.append(number_text(found.numbers.loc[name]))
        rows.append((str(name), ", ".join(parts)))
    period = "" if static else f" in the {first_steps(found)}"
    meaning = "Expected number of steps in each state, with its 90 % predictive interval."
    return Part(
        f"Evidence to expect{period}",
        ("Probability of each state." if static else meaning,),
        ("Indicator", "States"),
        tuple(rows),
    )


def _recurrence(found: Check) -> Part:
    """How often each state would be seen within the horizon, where a single step says little."""
    assert found.scenario.time is not None
    reach = counted(found.scenario.time.reach, "day")
    rows = []
    for name, table in found.seen.groupby(level="indicator", sort=False):
        parts = [
            f"{plain(row.Index[1])} {percent(row.once)} ({percent(row.each)})"
            for row in table.itertuples()
        ]
        rows.append((str(name), ", ".join(parts)))
    sentence = "Probability that each state is held at least once; in brackets that in one step."
    often = found.seen[(found.seen["once"] >= NEARLY_SURE) & (found.seen["each"] < 0.5)]
    sentences = [sentence]
    if len(often):
        names = ", ".join(f"{name}={state}" for name, state in often.index)
        sentences.append(f"ADDS UP: seldom in one step, and nearly sure to be seen: {names}.")
    head = ("Indicator", "States")
    return Part(f"Indicators over {reach}", tuple(sentences), head, tuple(rows))


def _tripwires(found: Check) -> Part:
    """What each tripwire's firing would say of the course that it tells most about."""
    best = found.tripwires["gain"].groupby(level="tripwire", sort=False).idxmax()
    rows, sentences = [], []
    within = "" if found.scenario.time is None else " within the horizon"
    for row in found.tripwires.loc[list(best)].itertuples():
        name, course = row.Index
        fired, instead = _percent(row.if_fired), _percent(row.if_not)
        whole = percent(row.probability)
        rows.append((name, percent(row.fires), course, whole, fired, instead, percent(row.share)))
        if name in found.silent_tripwires:
            sentences.append(
                f"TELLS NOTHING: {name} fires with {percent(row.fires)}; {course} is {fired} "
                f"likely if it does and {whole} in any case."
            )
    note = f"Each with the course that its firing says most of{within}, reports free of error."
    head = ("Tripwire", "Fires", "Course", "In any case", "If it fires", "If not", "Share")
    return Part("Tripwires: what each would tell", (note, *sentences), head, tuple(rows))


def _reporting(found: Check, levels: Sequence[JudgedLevel]) -> Part:
    """How reports of each indicator come about, and how far all of that may be wrong together."""
    by_kind: dict[str, list[str]] = {}
    for name, variable in found.scenario.with_role("indicator").items():
        stated = reporting_of(found.scenario, variable)
        kind = stated if isinstance(stated, str) else "with a profile"
        by_kind.setdefault(kind, []).append(name)
    ours = "" if found.scenario.reporting_level else " (ours)"
    sentences = tuple(
        f"{each.label[0].upper()}{each.label[1:]}: {multiple(each.prior)}{ours}." for each in levels
    )
    rows = tuple((kind, ", ".join(names)) for kind, names in by_kind.items())
    return Part(
        "Reporting: what may be wrong together", sentences, ("Reported", "Indicators"), rows
    )


def _percent(value: float) -> str:
    """A probability; a dash where there is none."""
    return DASH if isnan(value) else percent(value)


def _steps(row: Any) -> str:
    """An expected number of steps with its predictive interval."""
    digits = 1 if row.steps >= 0.1 else 2
    return f"{row.steps:.{digits}f} ({_range(row.lower, row.upper)})"


def number_text(row: Any) -> str:
    """A number with its predictive interval and unit."""
    return f"{row['mean']:.3g} ({_range(row['lower'], row['upper'])}) {row['unit']}"


def _range(lower: float, upper: float) -> str:
    return " to ".join(dict.fromkeys((f"{lower:.3g}", f"{upper:.3g}")))


def _indicators(found: Check) -> Part:
    best = found.indicators["share"].groupby(level="indicator", sort=False).idxmax()
    table = found.indicators.loc[list(best)].sort_values("share", ascending=False, kind="stable")
    sentences = [
        f"Each with the course that it tells most about{_moment(found)}, seen without error.",
        "Ratio: how much the most telling states multiply the odds of the course.",
    ]
    if found.dead:
        names = ", ".join(found.dead)
        sentences.append(f"Moving nothing (under {percent(DEAD)} of any uncertainty): {names}.")
    if len(found.numbers):
        names = ", ".join(found.numbers.index)
        sentences.append(f"Measured: {names}. A number tells at most what its state would.")
    rows = tuple(_indicator(row) for row in table.itertuples() if row.Index[0] not in found.dead)
    head = ("Indicator", "Course", "Bits", "Share", "Ratio", "Redundant with", "Pherson")
    return Part("Indicators: what each can tell", tuple(sentences), head, rows)


def _of_one_cause(found: Check, groups: tuple[Row, ...]) -> Part:
    """Which indicators are taken to show together, and which count as independent."""
    heading = "Indicators of one cause: independent, or together"
    sentences = ["Together all are high or low, and count as one observation."]
    if default_effects(found.scenario):
        sentences.append("The scenario says nothing of those marked as ours; it should.")
    return Part(heading, tuple(sentences), ("Taken to be", "Indicators", "Causes"), groups)


def _together(found: Check) -> Iterator[Row]:
    """Yield a row for each group of indicators of which something is taken or stated."""
    scenario, ours = found.scenario, default_effects(found.scenario)
    for name, group in shared_effects(scenario).items():
        table = scenario.variables[name].table
        if not group.indicators or not isinstance(table, SharedEffect):
            continue
        whose = "ours" if name in ours else "stated"
        taken = f"together in {share_text(table, scenario)} ({whose})"
        yield taken, ", ".join(group.indicators), ", ".join(group.causes)
    for stated in scenario.independent:
        yield "independent (stated)", ", ".join(stated.indicators), ""


def _indicator(row: Any) -> Row:
    name, course = row.Index
    ratios = f"{row.ratio_for:.3g} {plain(row.state_for)}, {row.ratio_against:.2g} "
    redundancy = "" if isnan(row.redundancy) else f"{row.same_as} ({percent(row.redundancy)})"
    score = "" if isnan(row.points) else f", {counted(int(row.points), 'point')}"
    return (
        name,
        course,
        f"{row.bits:.3f} ({row.lower:.3f}{DASH}{row.upper:.3f})",
        percent(row.share),
        ratios + plain(row.state_against),
        redundancy,
        f"{row.rating}{score}",
    )


def _sources(found: Check) -> Part:
    judged = [name for name, source in found.scenario.sources.items() if source.is_judged]
    sentences = (
        f"An accuracy of its own: {', '.join(judged) or 'no source'}.",
        "All others share the accuracy of their grade: what refutes one tells against the rest.",
    )
    return Part("Sources: how far each is believed by itself", sentences)


def _courses(found: Check) -> Part:
    sentences = [f"Probability and uncertainty of each{_moment(found)}."]
    if found.unmoved:
        names = ", ".join(found.unmoved)
        sentences.append(
            f"NO INDICATOR removes {percent(MOVING)} of the uncertainty about {names}."
        )
    rows = tuple(
        (
            row.Index,
            quantity(Estimate(row.mean, row.lower, row.upper)),
            f"{row.entropy:.3f}",
            row.best,
            percent(row.share),
        )
        for row in found.courses.itertuples()
    )
    head = ("Course", "Probability", "Bits to tell", "Best indicator", "Share")
    return Part("Courses: what moves each", tuple(sentences), head, rows)


def _assumptions(found: Check) -> Part:
    largest = found.assumptions.groupby(level=["assumption", "instead"], sort=False).head(1)
    within = "" if found.scenario.time is None else ", at least once within the horizon"
    sentences = (
        f"What is assumed holds, or another state does{_moment(found)}.",
        f"Shown is the course that changes most{within}.",
    )
    rows = []
    for row in largest.itertuples():
        name, instead, course = row.Index
        rows.append(
            (
                f"{name}={row.assumed} ({percent(row.holds)})",
                instead,
                course,
                quantity(Estimate(row.if_holds, row.if_holds_lower, row.if_holds_upper)),
                quantity(Estimate(row.otherwise, row.otherwise_lower, row.otherwise_upper)),
                points(row.change),
            )
        )
    head = ("Assumption (holds)", "Instead", "Course", "If it holds", "If not", "Points")
    return Part("Key assumptions: one flipped at a time", sentences, head, tuple(rows))


def first_steps(found: Check) -> str:
    """The steps for which evidence is anticipated, in words."""
    assert found.scenario.time is not None
    days = counted(found.month * found.scenario.time.step, "day")
    return f"first {days} ({counted(found.month, 'step')})"


def _moment(found: Check) -> str:
    """When indicators and assumptions are judged, as the end of a clause."""
    timeline = found.scenario.timeline
    if timeline is None:
        return ""
    return f", in the step from {long_date(timeline.first_day(found.month - 1))}"
