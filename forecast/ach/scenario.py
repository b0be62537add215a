"""From a matrix of competing hypotheses to a scenario: ratings become relative likelihoods.

A rating says how likely the item is if the hypothesis is true, compared with the other hypotheses.
What that means in numbers nobody wrote down, so it is assumed in one table, `ASSUMED_RATIOS`, which
the caller may replace as a whole or cell by cell; the basis of every number says which it was.

Every origin becomes one indicator, `absent` or `seen`. Items that share an origin count as one:
they share one indicator, whose likelihoods are the averages of theirs, because what the origin
stated is each of its versions with equal probability. Reports of one origin on several indicators
would be counted as often as there are indicators.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from forecast.ach.ratings import LEVELS, OTHER, RATINGS, AchItem, AchRatings
from forecast.arguments import short_repr
from forecast.errors import Problem, nearest, raise_if_any
from forecast.evidence.ledger import Evidence, Ledger, as_date
from forecast.evidence.report import RELIABILITY, Report
from forecast.layout import shortened
from forecast.scenario.scenario import Scenario
from forecast.scenario.scenario_checks import find_problems
from forecast.scenario.tree import spell_path

Ends = tuple[float, float]

ASSUMED_RATIOS: Mapping[str, Ends] = {
    "CC": (5.0, 20.0),
    "C": (1.5, 6.0),
    "N": (0.5, 2.0),
    "I": (1 / 6, 2 / 3),
    "II": (1 / 20, 1 / 5),
}
"""How many times as likely an item is under a hypothesis with this rating as under one that it says
nothing about: 5 % and 95 % points. The middles are 10, 3, 1, 1/3 and 1/10, about half a power of
ten apart, as the grades of evidence of Jeffreys (Theory of Probability, 3rd edition, 1961, appendix
B) are; each interval reaches from half to twice its middle."""

ASSUMED_GRADES: Mapping[str, str] = {"": "A", "high": "A", "medium": "B", "low": "C"}
"""Reliability grade of a report by the credibility of its item. One without a credibility is taken
at face value, as the method takes it: the library knows no surer grade than A."""

COURSE, ABSENT, SEEN = "hypothesis", "absent", "seen"
LIKELIEST = 0.95
"""Upper end of the probability of an item under the hypothesis that makes it most likely. Only
ratios matter for a report that cannot be wrong; for others this makes the fewest of them false
alarms."""
LEAST, MOST, WIDEST = 1e-3, 1e3, 100.0
"""Ratios that can be stated, and how often the lower end may go into the upper."""
JUDGED = "judgement: "
INDEPENDENT = "judgement: rows are separate evidence; what hangs together shares an origin"


def ach_scenario(
    matrix: AchRatings,
    *,
    prior: Mapping[str, Any] | None = None,
    ratios: Mapping[str, Any] | None = None,
    grades: Mapping[str, str] | None = None,
    exhaustive: bool = False,
    as_of: date | str | None = None,
) -> tuple[Scenario, Evidence]:
    """Turn a matrix into a static scenario and the reports that it says were seen.

    Parameters
    ----------
    matrix
        The matrix. Its hypotheses are taken to exclude one another.
    prior
        Probability of each hypothesis before the evidence: a number for each, which sum to one,
        or an interval (5 % and 95 % points) for each. Without it all shares are assumed equally
        likely, a Dirichlet of ones, and the basis says so.
    ratios
        Relative likelihoods in place of the assumed ones: an interval for a rating,
        ``{"II": (0.02, 0.1)}``, or for cells, ``{"E3": {"attack": (2, 6)}}``: that many times as
        likely as under a hypothesis that the item says nothing about.
    grades
        Reliability grade, A to F, for a credibility, in place of `ASSUMED_GRADES`; "" is none.
    exhaustive
        Whether one of the hypotheses must be true. If not, and none is called "other", a
        hypothesis of that name is added, to which no item applies.
    as_of
        Day of the reports; today unless it is given.

    Returns
    -------
    tuple
        A scenario whose variable `hypothesis` has the hypotheses as its states (their full names
        are the labels of its courses), with one indicator for each origin; and the reports. An
        item that applies to no hypothesis is kept as context.

    Raises
    ------
    InputError
        With every problem of the arguments.

    Notes
    -----
    An item that does not apply to a hypothesis (NA) is about as likely under it as on average
    under the others, so that it speaks neither for nor against. Relevance is not used: an item is
    as relevant as its ratios are far from one.

    Examples
    --------
    >>> matrix = AchRatings(("accident", "attack"), (AchItem("E1", "A claim", ("II", "C")),))
    >>> problem, evidence = ach_scenario(matrix, prior={"accident": 0.7, "attack": 0.3},
    ...                                  exhaustive=True, as_of="2024-05-01")
    >>> round(problem.variables["E1"].table.rows[0].probability["seen"].upper, 4)
    0.0317
    >>> [(report.id, report.indicator, report.state, report.grade) for report in evidence]
    [('E1', 'E1', 'seen', 'A6')]
    """
    day = date.today() if as_of is None else as_date(as_of)
    options = {"prior": prior, "ratios": ratios, "grades": grades}
    raise_if_any(
        [
            Problem(name, f"{short_repr(value)}; needs a mapping")
            for name, value in options.items()
            if not (value is None or isinstance(value, Mapping))
        ]
    )
    reading = _Reading(matrix, ratios or {}, {**ASSUMED_GRADES, **(grades or {})}, exhaustive)
    raise_if_any([*reading.problems(), *_prior_faults(prior, reading.hypotheses)])
    indicators = reading.indicators()
    independent = {"indicators": tuple(indicators), "basis": INDEPENDENT}
    scenario = Scenario.model_validate(
        {
            "name": "ach",
            "version": "1",
            "title": matrix.title,
            "question": "Which of the hypotheses is true?",
            "as_of": None if as_of is None else day,
            "variables": {COURSE: reading.course(prior), **indicators},
            "independent": (independent,) if indicators else (),
        }
    )
    faults = find_problems(scenario)
    raise_if_any([Problem(spell_path(path), message) for path, message in faults])
    return scenario, Ledger(tuple(reading.reports(day))).known_at(day)


def state_names(matrix: AchRatings, *, exhaustive: bool = False) -> dict[str, str]:
    """State of the scenario's variable for each hypothesis, "other" among them if it is added.

    Examples
    --------
    >>> matrix = AchRatings(("an accident", "1. attack"), (AchItem("E1", "A claim", ("I", "C")),))
    >>> state_names(matrix)
    {'an accident': 'an_accident', '1. attack': 'h_1_attack', 'other': 'other'}
    """
    added = not exhaustive and OTHER not in (name.casefold() for name in matrix.hypotheses)
    hypotheses = (*matrix.hypotheses, *[OTHER] * added)
    return dict(zip(hypotheses, _named(hypotheses, "h"), strict=True))


def items_by_origin(matrix: AchRatings) -> dict[str, tuple[AchItem, ...]]:
    """Items by the indicator that they share, in order; silent items have none."""
    groups: dict[str, list[AchItem]] = {}
    for item in matrix.evidence:
        if not item.is_silent:
            groups.setdefault(f"o {item.origin}" if item.origin else f"i {item.id}", []).append(
                item
            )
    spoken = [items[0].origin if len(items) > 1 else items[0].id for items in groups.values()]
    names = _named(spoken, "e", taken=(COURSE,))
    return dict(zip(names, map(tuple, groups.values()), strict=True))


def split_ratios(
    ratios: Mapping[str, Any],
) -> tuple[dict[str, Any], dict[str, Mapping[str, Any]]]:
    """Stated ratios by rating, and by item and hypothesis; an item may be called as a rating is.

    Examples
    --------
    >>> split_ratios({"II": (0.02, 0.1), "C": {"attack": (2, 6)}})
    ({'II': (0.02, 0.1)}, {'C': {'attack': (2, 6)}})
    """
    by_rating = {key: given for key, given in ratios.items() if not isinstance(given, Mapping)}
    by_cell = {key: given for key, given in ratios.items() if isinstance(given, Mapping)}
    return by_rating, by_cell


@dataclass(frozen=True)
class _Reading:
    """A matrix, and how its ratings and credibilities are to be read."""

    matrix: AchRatings
    ratios: Mapping[str, Any]
    grades: Mapping[str, str]
    exhaustive: bool

    @cached_property
    def hypotheses(self) -> dict[str, str]:
        """State of each hypothesis."""
        return state_names(self.matrix, exhaustive=self.exhaustive)

    def problems(self) -> Iterator[Problem]:
        for level, grade in self.grades.items():
            if level not in ASSUMED_GRADES:
                legal = nearest(level, LEVELS)
                yield Problem("grades", f"{level!r} is not a credibility; {legal}")
            elif grade not in tuple(RELIABILITY):
                legal = ", ".join(RELIABILITY)
                yield Problem(f"grades: {level!r}", f"{grade!r} is not a grade; legal: {legal}")
        ids = {item.id for item in self.matrix.evidence}
        for key, given in self.ratios.items():
            if not isinstance(given, Mapping):
                known, rule = [r for r in RATINGS if r != "NA"], "is not a rating with a likelihood"
                cells = {f"ratios: {key}": given}
            else:
                known, rule = sorted(ids), "is not an item"
                cells = {f"ratios: {key}: {name}": ends for name, ends in given.items()}
                for name in given:
                    if name not in self.hypotheses:
                        legal = nearest(name, self.hypotheses)
                        yield Problem(f"ratios: {key}", f"{name!r} is not a hypothesis; {legal}")
            if key not in known:
                yield Problem("ratios", f"{key!r} {rule}; {nearest(key, known)}")
            for where, ends in cells.items():
                yield from _ratio_faults(where, ends)

    def course(self, prior: Mapping[str, Any] | None) -> dict[str, Any]:
        """The variable whose states are the hypotheses."""
        return {
            "role": "course_of_action",
            "label": "Hypothesis",
            "states": tuple(self.hypotheses.values()),
            "courses": {
                state: {"label": name, "severity": 0} for name, state in self.hypotheses.items()
            },
            "table": {"form": "rows", "rows": (self._prior_row(prior),)},
        }

    def _prior_row(self, prior: Mapping[str, Any] | None) -> dict[str, Any]:
        if prior is None:
            basis = "assumed, for want of a prior: every division of belief is equally likely"
            ones = dict.fromkeys(self.hypotheses.values(), 1.0)
            return {"concentration": ones, "basis": JUDGED + basis}
        exact = all(_is_number(value) for value in prior.values())
        cells = {
            self.hypotheses[name]: float(value) if exact else tuple(map(float, value))
            for name, value in prior.items()
        }
        kind = "exactly" if exact else "probability"
        return {kind: cells, "basis": JUDGED + "stated as the prior of the matrix"}

    def indicators(self) -> dict[str, dict[str, Any]]:
        """One indicator for each origin."""
        return {
            name: {
                "role": "indicator",
                "label": shortened("; ".join(item.text for item in items), 200),
                "about": _shared(items),
                "states": (ABSENT, SEEN),
                "speaks_to": tuple(self._speaks_to(items)),
                "table": {"form": "rows", "rows": tuple(self._rows(items))},
            }
            for name, items in items_by_origin(self.matrix).items()
        }

    def _rows(self, items: tuple[AchItem, ...]) -> Iterator[dict[str, Any]]:
        """Probability of seeing the statement of an origin under each hypothesis."""
        cells_of_items = [self._cells(item) for item in items]
        ends = {
            name: _mean([cells[name][0] for cells in cells_of_items]) for name in self.hypotheses
        }
        scale = LIKELIEST / max(upper for _, upper in ends.values())
        for name, state in self.hypotheses.items():
            basis = " / ".join(dict.fromkeys(cells[name][1] for cells in cells_of_items))
            lower, upper = ends[name]
            yield {
                "when": {COURSE: state},
                "probability": {SEEN: (lower * scale, upper * scale)},
                "basis": JUDGED + basis,
            }

    def _cells(self, item: AchItem) -> dict[str, tuple[Ends, str]]:
        """Relative likelihood of an item under each hypothesis, and its basis."""
        by_rating, by_cell = split_ratios(self.ratios)
        stated = by_cell.get(item.id, {})
        ratings = dict(zip(self.matrix.hypotheses, item.ratings, strict=True))
        found = {}
        for name in self.hypotheses:
            rating = ratings.get(name, "NA")
            if name in stated:
                low, high = map(float, stated[name])
                found[name] = (low, high), f"stated, {_times(low, high)}"
            elif rating != "NA":
                low, high = map(float, by_rating.get(rating, ASSUMED_RATIOS[rating]))
                how = "stated for" if rating in by_rating else "assumed from"
                found[name] = (low, high), f"{how} an ACH rating, {rating}: {_times(low, high)}"
        average = _mean([ends for ends, _ in found.values()])
        silent = "assumed, for want of an ACH rating (NA): as likely as on average"
        return {name: found.get(name, (average, silent)) for name in self.hypotheses}

    def _speaks_to(self, items: tuple[AchItem, ...]) -> Iterator[dict[str, str]]:
        for k, name in enumerate(self.matrix.hypotheses):
            signs = {"+" if r in ("CC", "C") else "-" for r in _ratings(items, k) if r not in _MUTE}
            if len(signs) == 1:
                yield {"course": f"{COURSE}={self.hypotheses[name]}", "sign": signs.pop()}

    def reports(self, day: date) -> Iterator[Report]:
        """One report for each item."""
        named = {
            item.id: name for name, items in items_by_origin(self.matrix).items() for item in items
        }
        for item in self.matrix.evidence:
            indicator = named.get(item.id, "")
            yield Report(
                id=item.id,
                indicator=indicator,
                state=SEEN if indicator else "",
                event_start=day,
                event_end=day,
                published=day,
                known=day,
                source=item.origin or "ACH matrix",
                reliability=self.grades[item.credibility],
                origin=item.origin,
                note=item.text,
            )


_MUTE = ("N", "NA")


def _ratings(items: Iterable[AchItem], hypothesis: int) -> Iterator[str]:
    return (item.ratings[hypothesis] for item in items)


def _shared(items: tuple[AchItem, ...]) -> str:
    if len(items) == 1:
        return ""
    return f"{', '.join(item.id for item in items)}: one origin, {items[0].origin}"


def _mean(intervals: list[Ends]) -> Ends:
    lower, upper = (sum(ends) / len(intervals) for ends in zip(*intervals, strict=True))
    return lower, upper


def _times(low: float, high: float) -> str:
    return f"{low:.3g} to {high:.3g} times as likely as under a hypothesis it says nothing about"


def _named(texts: Iterable[str], prefix: str, taken: Iterable[str] = ()) -> list[str]:
    """Names for texts: letters, digits, - and _, starting with a letter, all different."""
    used = {name.casefold() for name in taken}
    names = []
    for text in texts:
        plain = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_-")[:50]
        plain = plain if plain[:1].isalpha() else f"{prefix}_{plain}".rstrip("_")
        name, number = plain, 2
        while name.casefold() in used:
            name, number = f"{plain}_{number}", number + 1
        used.add(name.casefold())
        names.append(name)
    return names


def _ratio_faults(where: str, ends: Any) -> Iterator[Problem]:
    if not _is_pair(ends):
        yield Problem(where, f"{shortened(repr(ends), 40)} is not a pair of numbers")
        return
    low, high = ends
    if not LEAST <= low < high <= MOST:
        message = (
            f"[{short_repr(low)}, {short_repr(high)}]: needs {LEAST:g} <= lower < upper <= {MOST:g}"
        )
        yield Problem(where, message)
    elif high > WIDEST * low:
        message = f"[{low:g}, {high:g}]: the upper end is at most {WIDEST:g} times the lower"
        yield Problem(where, message)


def _prior_faults(prior: Mapping[str, Any] | None, hypotheses: Iterable[str]) -> Iterator[Problem]:
    if prior is None:
        return
    legal = tuple(hypotheses)
    for name in prior:
        if name not in legal:
            yield Problem("prior", f"{name!r} is not a hypothesis; {nearest(name, legal)}")
    missing = [name for name in legal if name not in prior]
    if missing:
        yield Problem("prior", f"says nothing of {', '.join(missing)}")
    numbers = [value for value in prior.values() if _is_number(value)]
    if numbers and len(numbers) < len(prior):
        yield Problem("prior", "mixes numbers and intervals; give one kind for all hypotheses")
    elif numbers:
        if not all(0 < value < 1 for value in numbers):
            yield Problem("prior", "a hypothesis that competes has a probability above 0, below 1")
        elif not missing and abs(sum(numbers) - 1) > 1e-9:
            yield Problem("prior", f"sums to {sum(numbers):.12g}, not to 1")
    else:
        for name, value in prior.items():
            if not (_is_pair(value) and 0 <= value[0] < value[1] <= 1):
                shown = shortened(repr(value), 40)
                yield Problem(f"prior: {name}", f"{shown} is no interval of probabilities")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_number, value))
