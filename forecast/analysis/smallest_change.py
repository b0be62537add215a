"""The smallest set of reports on which a conclusion rests: what withdrawal would change it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from math import comb, inf, nextafter

from forecast.arguments import checked
from forecast.errors import InputError, Problem
from forecast.fitting import retract
from forecast.layout import PrintsItself, Summary
from forecast.outlook import Forecast

MOST_SETS = 1000
"""Sets of reports that are tried, size by size, before the search is content with a bound."""


@dataclass(frozen=True, repr=False)
class SmallestChange(PrintsItself):
    """Reports whose withdrawal changes a conclusion; made by `smallest_change`.

    Attributes
    ----------
    conclusion
        What is changed, in words.
    reports
        Their ids; empty if no withdrawal that was tried changes it.
    certified
        Whether every smaller set was tried, or every set where none changes anything. Otherwise
        the size of the set is an upper bound.
    n_tried
        Sets that were tried.
    """

    conclusion: str
    reports: tuple[str, ...]
    certified: bool
    n_tried: int

    @property
    def _summary(self) -> Summary:
        if self.reports:
            how = "no fewer do" if self.certified else "fewer may do"
            said = f"changes without {', '.join(self.reports)}; {how}"
        else:
            said = "no withdrawal changes it" if self.certified else "no withdrawal tried does"
        return Summary(f"{self.conclusion}: {said}", (), ())


@checked
def smallest_change(
    given: Forecast,
    course: str | None = None,
    level: float | None = None,
    *,
    most: int = MOST_SETS,
) -> SmallestChange:
    """Find the smallest set of reports whose withdrawal would change a conclusion.

    Sets are tried one size after another, each by giving the draws of the forecast the weights
    that they have without those reports. Where all sets of the next size would be more than
    ``most`` in all, reports are taken away one by one instead, always the one without which the
    conclusion is nearest to changing, and then put back where they are not needed.

    Parameters
    ----------
    given
        A forecast.
    course, level
        The conclusion is that the probability of a course within the horizon, "variable=state" or
        "any dangerous course", lies on its side of a level; unless they are given, which course
        is the most likely one.
    most
        Sets that are tried size by size.

    Raises
    ------
    InputError
        If one of ``course`` and ``level`` is given without the other, or the course is unknown.

    Examples
    --------
    >>> smallest_change(outlook, "storm=storm", 0.2)  # doctest: +SKIP
    """
    conclusion, margin = _conclusion(given, course, level)
    ids = [report.id for report in given.evidence.observations]
    tried: dict[frozenset[str], float] = {}

    def left(removed: frozenset[str]) -> float:
        if removed not in tried:
            tried[removed] = margin(retract(given, *sorted(removed), method="reweight"))
        return tried[removed]

    n_sets = 0
    for size in range(1, len(ids) + 1):
        n_sets += comb(len(ids), size)
        if n_sets > most:
            found = _one_by_one(ids, left)
            return SmallestChange(conclusion, _in_order(ids, found), False, len(tried))
        changing = [set_ for set_ in map(frozenset, combinations(ids, size)) if left(set_) < 0]
        if changing:
            best = min(changing, key=left)
            return SmallestChange(conclusion, _in_order(ids, best), True, len(tried))
    return SmallestChange(conclusion, (), True, len(tried))


def _conclusion(
    given: Forecast, course: str | None, level: float | None
) -> tuple[str, Callable[[Forecast], float]]:
    """A conclusion in words, and how far a forecast is from changing it, below 0 if it does."""
    if (course is None) != (level is None):
        missing = "level" if level is None else "course"
        raise InputError([Problem(missing, "is missing; `course` and `level` belong together")])
    if course is not None and level is not None:
        above = given.probability_within(course).mean >= level
        side = "at least" if above else "below"

        def from_level(other: Forecast) -> float:
            distance = other.probability_within(course).mean - level
            # A probability on the level itself has reached it.
            return distance if above else nextafter(-distance, -inf)

        return f"{course} {side} {level:g}", from_level
    leader = given.most_likely

    def lead(other: Forecast) -> float:
        averages = {(each.variable, each.state): each.average.mean for each in other.courses}
        own = averages.pop((leader.variable, leader.state))
        return own - max(averages.values(), default=0.0)

    return f"{leader.variable}={leader.state} the most likely course", lead


def _one_by_one(ids: list[str], left: Callable[[frozenset[str]], float]) -> frozenset[str]:
    """A set that changes the conclusion and of which every report is needed; empty if none does."""
    removed: frozenset[str] = frozenset()
    while not removed or left(removed) >= 0:
        rest = [name for name in ids if name not in removed]
        if not rest:
            return frozenset()
        removed |= {min(rest, key=lambda name: left(removed | {name}))}
    for name in sorted(removed):
        fewer = removed - {name}
        if fewer and left(fewer) < 0:
            removed = fewer
    return removed


def _in_order(ids: list[str], chosen: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in ids if name in chosen)
