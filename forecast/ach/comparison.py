"""ACH's ranking beside the Bayesian one, as a value that prints itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from forecast.ach.ratings import AchItem, AchRatings
from forecast.ach.scenario import COURSE
from forecast.arrays import Array
from forecast.estimate import Estimate, percent, quantity
from forecast.evidence.ledger import Evidence
from forecast.frozen import Frozen
from forecast.layout import html_table, text_table
from forecast.network.queries import rank_probabilities
from forecast.posterior.beliefs import Beliefs
from forecast.scenario.scenario import Scenario
from forecast.text import printed

if TYPE_CHECKING:
    from pandas import DataFrame

SHOWN_DIFFERENCES = 5


@dataclass(frozen=True, slots=True)
class Standing:
    """How one hypothesis stands.

    Attributes
    ----------
    hypothesis
        Its name.
    score, ach_rank
        Weighted inconsistency and rank by it; None for a hypothesis that the matrix does not have.
    prior
        Probability before the evidence.
    probability, rank
        Probability after it, and rank by its mean. The mean is exact.
    likeliest
        Share of the draws of the tables in which no hypothesis is likelier.
    """

    hypothesis: str
    score: float | None
    ach_rank: int | None
    prior: float
    probability: Estimate
    rank: int
    likeliest: float


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason why two rankings differ about a pair of hypotheses.

    Attributes
    ----------
    kind
        "prior", "consistency", "inconsistency", "origin", "credibility" or "relevance".
    items
        Items that it concerns.
    log_odds
        What it adds to the log-odds of Bayes's hypothesis against that of ACH.
    points
        What it adds to ACH's score of Bayes's hypothesis beyond that of its own.
    decisive
        Whether the rankings would agree about the pair without it, or Bayes prefer its hypothesis
        by less than a twentieth.
    text
        The same in words.
    """

    kind: str
    items: tuple[str, ...]
    log_odds: float
    points: float
    decisive: bool
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A pair of hypotheses that ACH and Bayes put in different order.

    Attributes
    ----------
    by_ach, by_bayes
        The hypothesis of the pair that each prefers.
    points
        By how much ACH's score of `by_bayes` exceeds that of `by_ach`; 0 for a tie.
    odds
        Posterior odds of `by_bayes` against `by_ach`, exact.
    likelier
        Share of the draws of the tables in which `by_bayes` is the likelier.
    causes
        Why, those that decide it first. The log-odds of the prior, of consistency and of
        inconsistency add up to those of the pair, but for what the reports teach about accuracies.
    """

    by_ach: str
    by_bayes: str
    points: float
    odds: float
    likelier: float
    causes: tuple[Cause, ...]

    @printed
    def __str__(self) -> str:
        ach = (
            f"ACH prefers {self.by_ach} by {self.points:.2f} points" if self.points else "ACH ties"
        )
        pair = self.by_bayes if self.points else f"{self.by_bayes} against {self.by_ach}"
        head = (
            f"{ach}; Bayes prefers {pair} at {odds_text(self.odds)} to 1 "
            f"(likelier in {percent(self.likelier)} of draws)"
        )
        return "\n".join([head, *(f"  {'*' if c.decisive else '-'} {c.text}" for c in self.causes)])


@dataclass(frozen=True, eq=False, repr=False)
class AchComparison(Frozen):
    """ACH's ranking beside the Bayesian one; prints itself.

    Attributes
    ----------
    matrix, scenario, evidence
        The matrix, and what `AchMatrix.to_scenario` made of it.
    beliefs
        Draws of the tables from their posterior, for further questions.
    standings
        Every hypothesis, the most probable first.
    differences
        Pairs that the two put in different order, first those that ACH does not tie.
    notes
        What was assumed.
    items
        Items of each origin, (origin,), and `log_likelihoods`, (origin, hypothesis in the
        scenario's order): the mean likelihood of its report.
    """

    matrix: AchRatings
    scenario: Scenario
    evidence: Evidence
    beliefs: Beliefs
    standings: tuple[Standing, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    items: tuple[tuple[AchItem, ...], ...]
    log_likelihoods: Array

    @property
    def table(self) -> DataFrame:
        """One row for each hypothesis, the most probable first."""
        import pandas as pd

        rows = [
            {
                "inconsistency": each.score,
                "ach_rank": each.ach_rank,
                "prior": each.prior,
                "probability": each.probability.mean,
                "lower": each.probability.lower,
                "upper": each.probability.upper,
                "rank": each.rank,
                "likeliest": each.likeliest,
            }
            for each in self.standings
        ]
        names = [each.hypothesis for each in self.standings]
        return pd.DataFrame(rows, index=pd.Index(names, name="hypothesis"))

    @property
    def rank_probabilities(self) -> DataFrame:
        """Share of the draws in which each hypothesis has each rank."""
        import pandas as pd

        names = [each.hypothesis for each in self.standings]
        draws = self._draws[[self._hypotheses.index(name) for name in names]]
        ranks = pd.RangeIndex(1, len(names) + 1, name="rank")
        index = pd.Index(names, name="hypothesis")
        return pd.DataFrame(rank_probabilities(draws), index=index, columns=ranks)

    @property
    def contributions(self) -> DataFrame:
        """One row for each origin: its points and its log-likelihood under each hypothesis.

        Only differences between log-likelihoods of one row matter. They hold at the mean of the
        tables; accuracies are at their posterior mean.
        """
        import pandas as pd

        names = self._hypotheses
        found = {
            ("points", name): [self.matrix.points_against(items, name) for items in self.items]
            for name in self.matrix.hypotheses
        }
        found |= {
            ("log_likelihood", name): list(self.log_likelihoods[:, k])
            for k, name in enumerate(names)
        }
        ids = [", ".join(item.id for item in items) for items in self.items]
        return pd.DataFrame(found, index=pd.Index(ids, name="evidence"))

    @cached_property
    def _hypotheses(self) -> tuple[str, ...]:
        return tuple(course.label for course in self.scenario.courses.values())

    @cached_property
    def _draws(self) -> Array:
        return hypothesis_draws(self.beliefs)

    @printed
    def __repr__(self) -> str:
        parts = [self._headline(), text_table(*self._cells()), self._differences_text()]
        return "\n\n".join([*parts, "\n".join(self.notes)])

    def _repr_html_(self) -> str:
        texts = "".join(
            f"<pre>{escape(text)}</pre>" for text in self._differences_text().split("\n\n")
        )
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return html_table(self._headline(), *self._cells()) + texts + notes

    def _headline(self) -> str:
        return f"{self.matrix.title}: ACH and Bayes"

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        head = ["hypothesis", "inconsistency", "ACH", "prior", "probability", "Bayes", "likeliest"]
        rows = [
            [
                each.hypothesis,
                "" if each.score is None else f"{each.score:.2f}",
                "" if each.ach_rank is None else str(each.ach_rank),
                percent(each.prior),
                quantity(each.probability),
                str(each.rank),
                percent(each.likeliest),
            ]
            for each in self.standings
        ]
        return head, rows

    def _differences_text(self) -> str:
        if not self.differences:
            return "The two put all hypotheses of the matrix in the same order."
        texts = [str(each) for each in self.differences[:SHOWN_DIFFERENCES]]
        more = len(self.differences) - SHOWN_DIFFERENCES
        if more > 0:
            texts.append(f"… and {more} more pairs in .differences")
        return "\n\n".join(texts)


def hypothesis_draws(beliefs: Beliefs) -> Array:
    """Probability of each hypothesis, (hypothesis, draw)."""
    return np.asarray(beliefs.posterior(COURSE).to_numpy()[0].T)


def odds_text(value: float) -> str:
    """Odds as they are printed.

    Examples
    --------
    >>> odds_text(2.345), odds_text(1234.5)
    ('2.3', '1,234')
    """
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"
