"""Change between two forecasts, decomposed: parts that add up for every course.

The way from one to the other is gone in steps: the draws of the later forecast, and its judgements,
in place of the earlier one's; the time between them, with nothing but silence; then the reports,
whose Shapley values are their parts. Every step gives the draws the weights that they have under
what is known then, so what evidence teaches about the tables is in its part.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import numpy as np

from forecast.analysis.shapley import Shares, share
from forecast.analysis.targets import (
    By,
    fit_of,
    group_of,
    mean_given,
    printed_targets,
    signed,
    stand_for,
    target_of,
    target_text,
)
from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import InputError, Problem, nearest
from forecast.estimate import percent
from forecast.evidence.change import Change, difference
from forecast.evidence.ledger import as_date
from forecast.evidence.report import Report
from forecast.layout import PrintsItself, Row, Summary
from forecast.outlook import Forecast
from forecast.posterior.partial_evidence import PartialEvidence, Target
from forecast.sampling import require_whole
from forecast.scenario.scenario import Scenario, Variable
from forecast.wording import long_date

Kind = Literal["new", "revised", "withdrawn", "restored", "time", "judgements", "plan", "noise"]

DRAWS = 200
ENOUGH = 1e-3
"""Standard error, a tenth of a point, at which no more orders are sampled."""
NAMED_PARTS, LEAST_NAMED = 4, 0.0005
"""How many parts are named beside a change, and how large they must be."""


@dataclass(frozen=True, slots=True)
class Part:
    """Contribution of one difference between two forecasts to a probability.

    Attributes
    ----------
    name
        Report, origin, indicator or source; or "elapsed time", "changed judgements", "changed
        plan", "Monte Carlo noise".
    kind
        "new", "revised", "withdrawn" or "restored" reports; "time", "judgements", "plan" or
        "noise".
    reports
        Names of its reports; of one that is revised, the old and the new.
    points
        What it adds, as a difference of probabilities.
    error
        Standard error from having sampled orders; 0 where all were taken.
    """

    name: str
    kind: Kind
    reports: tuple[str, ...]
    points: float
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class Move:
    """Change of one probability.

    Attributes
    ----------
    about
        The probability, in words.
    before, after
        In the earlier and in the later forecast.
    parts
        What lies between them, the largest first, noise last; in sum the difference.
    """

    about: str
    before: float
    after: float
    parts: tuple[Part, ...]

    @property
    def named(self) -> tuple[Part, ...]:
        """The parts that are worth naming, the largest first."""
        return tuple(part for part in self.parts if abs(part.points) >= LEAST_NAMED)[:NAMED_PARTS]


@dataclass(frozen=True, repr=False)
class Comparison(PrintsItself):
    """Change between two forecasts, decomposed; made by `compare`.

    Attributes
    ----------
    start, end
        Their as-of dates.
    moves
        For each course that both have, "variable=state", how its probability moved.
    judgements
        Variables of whose judgements the forecasts differ.
    orders
        Orders of the reports that were sampled; 0 if all were taken.
    horizons
        Last days that the two were asked about; None for static scenarios.
    """

    start: date
    end: date
    moves: dict[str, Move]
    judgements: tuple[str, ...]
    orders: int
    horizons: tuple[date | None, date | None] = (None, None)

    def move(self, course: str) -> Move:
        """Change of the probability of one course.

        Raises
        ------
        InputError
            If it is none that both forecasts have.
        """
        if course not in self.moves:
            message = f"{course!r} is no course of both forecasts; {nearest(course, self.moves)}"
            raise InputError([Problem("course", message)])
        return self.moves[course]

    @property
    def _summary(self) -> Summary:
        title = f"What moved from {long_date(self.start)} to {long_date(self.end)}, in points"
        rows = [_row(course, move) for course, move in self.moves.items()]
        below = [f"judgements changed of {', '.join(self.judgements)}"] if self.judgements else []
        first, last = self.horizons
        if first and last and first != last:
            ends = f"before up to {long_date(first)}, after up to {long_date(last)}"
            below.append(f"asked about different days: {ends}; `until=` asks both about the same")
        return Summary(title, ("Course", "Before", "After", "Change", "Because of"), rows, below)


def _row(course: str, move: Move) -> Row:
    because = ", ".join(f"{part.name} {signed(100 * part.points)}" for part in move.named)
    change = signed(100 * (move.after - move.before))
    return course, percent(move.before), percent(move.after), change, because


@checked
def compare(
    earlier: Forecast,
    later: Forecast,
    *,
    by: By = "report",
    until: date | str | None = None,
    draws: int = DRAWS,
) -> Comparison:
    """Say what moved between two forecasts and why, in parts that add up.

    Parameters
    ----------
    earlier, later
        Two forecasts, of which the later may rest on other reports, other judgements or a later
        day.
    by
        What new reports are put together by.
    until
        A day that both look to: they are asked about being under way on at least one day from
        after their own as-of dates up to then, and of what is not dangerous about its share of the
        days that are ahead of both. Unless it is given, they are asked for what their tables print,
        each to its own horizon; that the horizon moves on is then elapsed time.
    draws
        Draws of the tables that stand for all while orders of the reports are gone through.

    Returns
    -------
    Comparison
        It prints itself. `forecast.plot_account` draws one of its moves as bars that add up.

    Raises
    ------
    InputError
        If the forecasts are not in order of time, share no course, or the day is not ahead of both.

    Examples
    --------
    >>> compare(day1, day2)  # doctest: +SKIP
    >>> compare(day1, day2).move("coordinated_attack=carried_out").parts  # doctest: +SKIP
    """
    require_whole({"draws": draws}, {"draws": 10})
    asked = _targets(earlier, later, until)
    road = _Road(earlier, later, asked, by, draws)
    shares = road.share()
    moves = {
        course: Move(
            target_text(later, target),
            float(road.before[k]),
            float(road.after[k]),
            tuple(_parts(road, shares, k)),
        )
        for k, (course, (_, target)) in enumerate(asked.items())
    }
    day = None if until is None else as_date(until)
    horizons = (day or earlier.horizon, day or later.horizon)
    return Comparison(earlier.as_of, later.as_of, moves, road.judgements, shares.orders, horizons)


def _targets(
    earlier: Forecast, later: Forecast, until: date | str | None
) -> dict[str, tuple[Target, Target]]:
    """What the two are asked, by course."""
    if earlier.as_of > later.as_of:
        message = f"{earlier.as_of} is after {later.as_of}; name the earlier forecast first"
        raise InputError([Problem("earlier", message)])
    both = printed_targets(earlier).keys() & printed_targets(later).keys()
    if not both:
        raise InputError([Problem("later", "has no course that the earlier forecast has")])
    if until is None:
        before, after = printed_targets(earlier), printed_targets(later)
        return {name: (before[name], after[name]) for name in after if name in both}
    day, start = as_date(until), later.as_of + timedelta(days=1)
    found = {}
    for (variable, state), course in later.scenario.courses.items():
        if f"{variable}={state}" in both:
            pair = tuple(target_of(each, variable, state, day) for each in (earlier, later))
            if not course.dangerous and day >= start:
                pair = tuple(replace(each, share=True, start=start) for each in pair)
            found[f"{variable}={state}"] = (pair[0], pair[1])
    return found


class _Road:
    """The way from one forecast to another, step by step.

    Attributes
    ----------
    before, drawn, waited, after
        The probabilities asked for, (target,): as the earlier forecast has them; with the later
        one's draws and judgements; on the later day, nothing new but silence; at the end.
    """

    def __init__(
        self,
        earlier: Forecast,
        later: Forecast,
        asked: dict[str, tuple[Target, Target]],
        by: By,
        draws: int,
    ) -> None:
        fit, weights = fit_of(later)
        old_fit, old_weights = fit_of(earlier)
        before, after = ([pair[k] for pair in asked.values()] for k in (0, 1))
        self.earlier_reports = earlier.evidence.observations
        now = PartialEvidence(fit, later.as_of, after)
        then = PartialEvidence(fit, earlier.as_of, before)
        end, begin = now.find(later.evidence.observations), then.find(self.earlier_reports)
        old = begin
        if old_fit is not fit:
            old = PartialEvidence(old_fit, earlier.as_of, before).find(self.earlier_reports)
        self.before = mean_given(old, old_weights)
        self.drawn = mean_given(begin, weights, end)
        self.waited = mean_given(now.find(self.earlier_reports), weights, end)
        self.after = mean_given(end, weights)
        same = earlier.scenario.digest == later.scenario.digest
        self.judgements = () if same else tuple(_differing(earlier, later))
        self.same = same
        self.replanned = earlier.condition != later.condition
        self.changes = _changes(earlier, later, by)
        chosen = stand_for(end.probability.sum(axis=0), weights, min(draws, len(weights)))
        self.few = PartialEvidence(fit.select(chosen), later.as_of, after)
        self.end = self.few.find(later.evidence.observations)

    def share(self) -> Shares:
        """Shapley values of the changes, (change, target, 1)."""
        names = list(self.changes)
        return share([name for name, _ in names], self._value, self.few.work, ENOUGH)

    def _value(self, made: frozenset[int]) -> Array:
        """The probabilities with some of the changes made, (target, 1)."""
        reports = {report.id: report for report in self.earlier_reports}
        for k, change in enumerate(self.changes.values()):
            if k in made:
                for gone, _ in change:
                    reports.pop(gone.id if gone else "", None)
                reports |= {come.id: come for _, come in change if come}
        found = self.few.find(reports.values())
        return mean_given(found, np.ones(found.log_evidence.size), self.end)[:, None]


Swap = tuple[Report | None, Report | None]
"""A report that goes, and one that comes in its place."""


def _changes(earlier: Forecast, later: Forecast, by: By) -> dict[tuple[str, Kind], list[Swap]]:
    """Reports that came or went, put together."""
    before, after = (
        {report.id: report for report in each.evidence.observations} for each in (earlier, later)
    )
    every = [*earlier.evidence, *later.evidence, *earlier.evidence.behind, *later.evidence.behind]
    change = difference(earlier.as_of, later.as_of, before, after, every)
    found: dict[tuple[str, Kind], list[Swap]] = defaultdict(list)
    for kind, old, new in _swaps(change):
        named = new or old
        assert named is not None
        found[group_of(named, by), kind].append((old, new))
    return dict(found)


def _swaps(change: Change) -> Iterator[tuple[Kind, Report | None, Report | None]]:
    for report in change.known:
        yield "new", None, report
    for old, new in change.revised:
        yield "revised", old, new
    for report in change.withdrawn:
        yield "withdrawn", report, None
    for report in change.restored:
        yield "restored", None, report


def _differing(earlier: Forecast, later: Forecast) -> Iterator[str]:
    """Variables that only one of two scenarios has, or that differ in more than a plan."""
    one, other = (_unplanned(each.scenario) for each in (earlier, later))
    for name in dict.fromkeys([*one, *other]):
        if one.get(name) != other.get(name):
            yield name


def _unplanned(scenario: Scenario) -> dict[str, Variable]:
    return {
        name: variable.model_copy(update={"plan": ()}) if variable.plan else variable
        for name, variable in scenario.variables.items()
    }


def _parts(road: _Road, shares: Shares, k: int) -> Iterator[Part]:
    """What moved one probability, the largest first, noise last."""
    drawn = float(road.drawn[k] - road.before[k])
    parts = [Part("elapsed time", "time", (), float(road.waited[k] - road.drawn[k]))]
    if not road.same:
        kind: Kind = "plan" if road.replanned and not road.judgements else "judgements"
        parts.append(Part(f"changed {kind}", kind, (), drawn))
    for n, ((name, kind), swaps) in enumerate(road.changes.items()):
        ids = tuple(report.id for swap in swaps for report in swap if report)
        points, error = float(shares.values[n, k, 0]), float(shares.error[n, k])
        parts.append(Part(name, kind, ids, points, error))
    yield from sorted(parts, key=lambda part: -abs(part.points))
    rest = float(road.after[k] - road.before[k]) - sum(part.points for part in parts)
    yield Part("Monte Carlo noise", "noise", (), rest)
