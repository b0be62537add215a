"""What would change a conclusion: the fewest reports to withdraw, the least shift of a number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb

from forecast.analysis.conclusions import Conclusion, Screen, conclusion_of
from forecast.analysis.judgement_shift import JudgementShift, smallest_shift
from forecast.arguments import checked
from forecast.fitting import retract
from forecast.layout import PrintsItself, Summary
from forecast.outlook import Forecast
from forecast.sampling import require_whole

MOST_SETS = 1000
"""Sets of reports that are tried, size by size, before the search is content with a bound."""
DRAWS = 100
NEAR = 0.005
"""Sets that come so near to a change are applied to all draws."""
MOST_JUDGEMENTS = 12
"""Judgements that are shifted, draw by draw."""


@dataclass(frozen=True, repr=False)
class SmallestChange(PrintsItself):
    """What changes a conclusion; made by `smallest_change`.

    Attributes
    ----------
    conclusion
        What is changed, in words.
    reports
        The reports whose withdrawal changes it; empty if no withdrawal that was tried does.
    certified
        Whether every smaller set was tried, or every set where none changes anything. Otherwise
        the size of the set is an upper bound.
    n_tried
        Sets that were tried.
    judgement
        The smallest shift of one judgement that changes it; None if no shift that was tried does.
    """

    conclusion: str
    reports: tuple[str, ...]
    certified: bool
    n_tried: int
    judgement: JudgementShift | None = None

    @property
    def _summary(self) -> Summary:
        if self.reports:
            how = "no fewer do" if self.certified else "fewer may do"
            outcome = f"changes without {', '.join(self.reports)}; {how}"
        else:
            outcome = "no withdrawal changes it" if self.certified else "no withdrawal tried does"
        shift = self.judgement
        below = (
            ()
            if shift is None
            else (
                f"changes if {shift.judgement} is {shift.to:.3g} and not {shift.value:.3g}, "
                f"{abs(shift.deviations):.1f} standard deviations from what was elicited; "
                + ("no smaller shift does" if shift.certified else "a smaller one may do"),
            )
        )
        return Summary(f"{self.conclusion}: {outcome}", (), (), below)


@checked
def smallest_change(
    given: Forecast,
    course: str | None = None,
    level: float | None = None,
    *,
    most: int = MOST_SETS,
    draws: int = DRAWS,
    judgements: int = MOST_JUDGEMENTS,
) -> SmallestChange:
    """Find the fewest reports, and the least shift of one judgement, that change a conclusion.

    Sets of reports are tried one size after another, each by giving draws the weights that they
    have without those reports; what comes near to a change is applied to the whole forecast.
    Where all sets of the next size would be more than ``most`` in all, reports are taken away one
    by one instead, always the one without which the conclusion is nearest to changing, and then put
    back where they are not needed.

    Parameters
    ----------
    given
        A forecast.
    course, level
        The conclusion is that the probability of a course within the horizon, "variable=state" or
        "any dangerous course", lies on its side of a level; unless they are given, which course
        is the most likely one.
    most
        Sets that are tried size by size; 32,768 are all of fifteen reports.
    draws
        Draws of the tables that stand for all until a set comes near to a change.
    judgements
        Judgements that are shifted, the most promising first; 0 for none.

    Raises
    ------
    InputError
        If one of ``course`` and ``level`` is given without the other, or the course is unknown.

    Examples
    --------
    >>> smallest_change(outlook, "storm=storm", 0.2)  # doctest: +SKIP
    """
    require_whole({"draws": draws, "judgements": judgements}, {"draws": 10, "judgements": 0})
    conclusion = conclusion_of(given, course, level)
    shift = None
    if judgements:
        shift = smallest_shift(given, conclusion, draws=draws, most=judgements)
    search = _Withdrawals(given, conclusion, draws)
    reports, certified = search.smallest(most)
    return SmallestChange(conclusion.text, reports, certified, len(search.tried), shift)


class _Withdrawals:
    """Sets of reports that are taken away, and how far the conclusion then is from changing."""

    def __init__(self, given: Forecast, conclusion: Conclusion, draws: int) -> None:
        self.given = given
        self.conclusion = conclusion
        self.screen = Screen(given, conclusion, draws)
        self.ids = [report.id for report in given.evidence.observations]
        self.tried: dict[frozenset[str], float] = {}

    def left(self, removed: frozenset[str]) -> float:
        """The margin without some reports, from the draws that stand for all."""
        if removed not in self.tried:
            reports = self.given.evidence.without(*sorted(removed)).observations
            self.tried[removed] = self.screen.margin(self.screen.evidence.find(reports))
        return self.tried[removed]

    def changes(self, removed: frozenset[str]) -> bool:
        """Whether the conclusion changes without some reports, applied to the whole forecast."""
        other = retract(self.given, *sorted(removed), method="reweight")
        return self.conclusion.applied(other) < 0

    def smallest(self, most: int) -> tuple[tuple[str, ...], bool]:
        """The reports, and whether no fewer do."""
        n_sets = 0
        for size in range(1, len(self.ids) + 1):
            n_sets += comb(len(self.ids), size)
            if n_sets > most:
                return self._in_order(self._one_by_one()), False
            near = (each for each in self._sets(size) if self.left(each) < NEAR)
            for removed in sorted(near, key=self.left):
                if self.changes(removed):
                    return self._in_order(removed), True
        return (), True

    def _sets(self, size: int) -> Iterator[frozenset[str]]:
        return map(frozenset, combinations(self.ids, size))

    def _one_by_one(self) -> frozenset[str]:
        """A set of which every report is needed; empty if none changes the conclusion."""
        removed: frozenset[str] = frozenset()
        while not removed or self.left(removed) >= NEAR or not self.changes(removed):
            rest = [name for name in self.ids if name not in removed]
            if not rest:
                return frozenset()
            removed |= {min(rest, key=lambda name: self.left(removed | {name}))}
        for name in sorted(removed):
            fewer = removed - {name}
            if fewer and self.left(fewer) < NEAR and self.changes(fewer):
                removed = fewer
        return removed

    def _in_order(self, chosen: frozenset[str]) -> tuple[str, ...]:
        return tuple(name for name in self.ids if name in chosen)
