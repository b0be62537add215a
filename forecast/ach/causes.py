"""Why ACH and Bayes put two hypotheses in different order: each cause, and what it is worth."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import exp

from forecast.ach.comparison import Cause, odds_text
from forecast.ach.ratings import DECIMALS, LEVELS, AchItem, AchRatings

NOTABLE = 0.05
"""Log-odds from which a cause is listed: a change of odds by a twentieth."""


@dataclass(frozen=True)
class Pair:
    """Two hypotheses of a matrix, and words for what speaks for either.

    Attributes
    ----------
    a, b
        The one that ACH prefers and the one that Bayes prefers.
    """

    matrix: AchRatings
    a: str
    b: str

    def is_scored(self, items: Sequence[AchItem]) -> bool:
        """Whether ACH counts anything in some items against either."""
        return any(self.matrix.points_against(items, name) for name in (self.a, self.b))

    def prior(self, log_odds: float, total: float) -> Iterator[Cause]:
        """What was believed before the evidence."""
        if abs(log_odds) < NOTABLE:
            return
        text = f"prior: {self._favours(log_odds)} before any evidence; ACH has no prior"
        yield Cause("prior", (), log_odds, 0.0, total - log_odds < NOTABLE, text)

    def evidence(
        self, kind: str, items: Sequence[AchItem], log_odds: float, total: float
    ) -> Iterator[Cause]:
        """What some items do: those that ACH does not count, or those that it does."""
        ids = tuple(item.id for item in items)
        against_a, against_b = (
            self.matrix.points_against(items, name) for name in (self.a, self.b)
        )
        if kind == "consistency":
            if abs(log_odds) < NOTABLE:
                return
            account = "inconsistent with neither, so ACH counts nothing"
            decisive = total - log_odds < NOTABLE
        elif items:
            account = f"ACH counts {against_b:.2f} points against {self.b}, "
            account += f"{against_a:.2f} against {self.a}"
            decisive = against_b > against_a and log_odds > 0
        else:
            return
        text = f"{', '.join(ids)}: {account}; by their ratios {self._favours(log_odds)}"
        yield Cause(kind, ids, log_odds, against_b - against_a, decisive, text)

    def origins(
        self,
        origins_of_items: Sequence[Sequence[AchItem]],
        shared: float,
        apart: float,
        total: float,
    ) -> Iterator[Cause]:
        """What changes because items that share an origin count once."""
        repeated = [items for items in origins_of_items if len(items) > 1]
        if not repeated or abs(shared - apart) < NOTABLE:
            return
        account = "; ".join(
            f"{', '.join(item.id for item in items)} are one origin, {items[0].origin}"
            for items in repeated
        )
        ids = tuple(item.id for items in repeated for item in items)
        points = sum(
            self.matrix.points_against(items, self.b) - self.matrix.points_against(items, self.a)
            for items in repeated
        )
        text = f"{account}: counted apart, as ACH does, all the evidence says that "
        text += f"{self._favours(apart)}; counted once, that {self._favours(shared)}"
        effect = shared - apart
        yield Cause("origin", ids, effect, points, total - effect < NOTABLE, text)

    def credibility(self, believed: float, sure: float, total: float) -> Iterator[Cause]:
        """What changes because a report can be wrong."""
        effect = believed - sure
        if effect < NOTABLE:
            return
        text = "credibility: if no report could be wrong, all the evidence would say that "
        text += f"{self._favours(sure)}; as they are graded, that {self._favours(believed)}"
        yield Cause("credibility", (), effect, 0.0, total - effect < NOTABLE, text)

    def relevance(self) -> Iterator[Cause]:
        """What changes in ACH's score because it weighs relevance, which Bayes does not."""
        items = self.matrix.evidence
        plain = [replace(item, relevance="") for item in items]
        weighed, without = (
            self.matrix.points_against(each, self.b) - self.matrix.points_against(each, self.a)
            for each in (items, plain)
        )
        if abs(weighed - without) < 10**-DECIMALS or without >= weighed:
            return
        ids = tuple(item.id for item in items if LEVELS.get(item.relevance, 1.0) != 1.0)
        text = f"relevance: ACH prefers {self.a} by {weighed:.2f} points; without weights of "
        text += f"relevance, which the ratios hold already, by {without:.2f}"
        yield Cause("relevance", ids, 0.0, weighed - without, without < 0, text)

    def _favours(self, log_odds: float) -> str:
        """Which of the two becomes how many times as likely."""
        name = self.b if log_odds >= 0 else self.a
        other = self.a if log_odds >= 0 else self.b
        if abs(log_odds) < NOTABLE:
            return "neither is likelier"
        return f"{name} is {odds_text(exp(abs(log_odds)))} times as likely as {other}"
