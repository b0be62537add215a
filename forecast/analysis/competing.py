"""Competing hypotheses: the ranking of the matrix beside the Bayesian one, and why they differ.

ACH adds up what is inconsistent with each hypothesis. Bayes multiplies a prior by the likelihood of
every item, once for each witness, as far as its report can be believed. So there are five ways to
differ: the prior; items that are consistent with both hypotheses, yet more likely under one; how
much an inconsistency weighs; origins that are counted more than once; and weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from itertools import combinations
from math import exp
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from forecast.errors import InputError, Problem
from forecast.estimate import Estimate, percent, quantity
from forecast.evidence.ledger import Evidence
from forecast.inference.beliefs import Beliefs
from forecast.inference.queries import rank_probabilities
from forecast.inference.star import StarPosterior, star_posterior
from forecast.interchange.ach import DECIMALS, LEVELS, OTHER, AchItem, AchMatrix
from forecast.interchange.ach_scenario import COURSE, ach_scenario, state_names, witness_names
from forecast.layout import html_table, text_table
from forecast.scenario.scenario import Scenario

if TYPE_CHECKING:
    from pandas import DataFrame

Array = npt.NDArray[np.float64]
SHOWN_DIFFERENCES = 5
NOTABLE = 0.05
"""Log-odds from which a cause is told: a change of odds by a twentieth."""
LEAST_DRAWS = 100


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
        Whether the rankings would agree about the pair without it.
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

    def __str__(self) -> str:
        ach = f"ACH prefers {self.by_ach} by {self.points:.2f} points" if self.points else "ACH ties"
        pair = self.by_bayes if self.points else f"{self.by_bayes} against {self.by_ach}"
        head = (
            f"{ach}; Bayes prefers {pair} at {_factor(self.odds)} to 1 "
            f"(likelier in {100 * self.likelier:.0f} % of draws)"
        )
        return "\n".join([head, *(f"  {'*' if c.decisive else '-'} {c.text}" for c in self.causes)])


@dataclass(frozen=True, eq=False, repr=False)
class AchComparison:
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
        Items of each witness, (witness,), and `log_likelihoods`, (witness, hypothesis in the
        scenario's order): the mean likelihood of its report.
    """

    matrix: AchMatrix
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
        """One row for each witness: its points and its log-likelihood under each hypothesis.

        Only differences between log-likelihoods of one row matter. They hold at the mean of the
        tables; accuracies are at their posterior mean.
        """
        import pandas as pd

        names = self._hypotheses
        found = {
            ("points", name): [_points(self.matrix, items, name) for items in self.items]
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
        return _hypothesis_draws(self.beliefs)

    def __repr__(self) -> str:
        parts = [self._headline(), text_table(*self._cells()), self._told()]
        return "\n\n".join([*parts, "\n".join(self.notes)])

    def _repr_html_(self) -> str:
        told = "".join(f"<pre>{escape(text)}</pre>" for text in self._told().split("\n\n"))
        notes = "".join(f"<p>{escape(note)}</p>" for note in self.notes)
        return html_table(self._headline(), *self._cells()) + told + notes

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

    def _told(self) -> str:
        if not self.differences:
            return "The two put all hypotheses of the matrix in the same order."
        told = [str(each) for each in self.differences[:SHOWN_DIFFERENCES]]
        more = len(self.differences) - SHOWN_DIFFERENCES
        return "\n\n".join([*told, *[f"… and {more} more pairs in .differences"] * (more > 0)])


def compare_ach(
    matrix: AchMatrix,
    *,
    prior: Mapping[str, Any] | None = None,
    ratios: Mapping[str, Any] | None = None,
    grades: Mapping[str, str] | None = None,
    exhaustive: bool = False,
    draws: int = 4000,
    seed: int = 1,
) -> AchComparison:
    """Compare the ranking of a matrix with the Bayesian one.

    Parameters
    ----------
    matrix, prior, ratios, grades, exhaustive
        As in `ach_scenario`.
    draws, seed
        Draws of the uncertain tables, for intervals and ranks. They come straight from the
        posterior (`forecast.inference.star`); posterior means are exact.

    Raises
    ------
    InputError
        As `ach_scenario` does, and for fewer than a hundred draws.

    Examples
    --------
    >>> weak = [AchItem(f"E{k}", "Somebody was seen", ("I", "C")) for k in range(3)]
    >>> strong = AchItem("E4", "A claim", ("C", "II"), credibility="high")
    >>> matrix = AchMatrix(("accident", "attack"), (*weak, strong))
    >>> stated = {"accident": 0.99, "attack": 0.01}
    >>> found = compare_ach(matrix, prior=stated, exhaustive=True)
    >>> [(each.by_ach, each.by_bayes) for each in found.differences]
    [('attack', 'accident')]
    >>> [cause.kind for cause in found.differences[0].causes if cause.decisive]
    ['prior']
    """
    if type(draws) is not int or draws < LEAST_DRAWS:
        message = f"{draws!r}; needs a whole number of at least {LEAST_DRAWS}"
        raise InputError([Problem("draws", message)])
    told: dict[str, Any] = {"ratios": ratios, "grades": grades, "exhaustive": exhaustive}
    scenario, evidence = ach_scenario(matrix, prior=prior, **told)
    posterior = star_posterior(scenario, evidence, draws=draws, seed=seed)
    names = tuple(state_names(matrix, exhaustive=exhaustive))
    apart = replace(matrix, evidence=tuple(replace(item, origin="") for item in matrix.evidence))
    alone = posterior
    if len(witness_names(matrix)) < len(witness_names(apart)):
        alone = star_posterior(*ach_scenario(apart, prior=prior, **told), draws=draws, seed=seed)
    scale = _Scale(matrix, names, posterior, alone, _hypothesis_draws(posterior.beliefs))
    return AchComparison(
        matrix=matrix,
        scenario=scenario,
        evidence=evidence,
        beliefs=posterior.beliefs,
        standings=tuple(scale.standings()),
        differences=tuple(scale.differences()),
        notes=tuple(_notes(matrix, names, prior, ratios or {})),
        items=scale.witnesses,
        log_likelihoods=posterior.log_likelihood,
    )


@dataclass(frozen=True, eq=False)
class _Scale:
    """What weighs on both sides.

    Attributes
    ----------
    matrix, names
        The matrix, and its hypotheses in the order of the scenario's states.
    posterior, alone
        What the reports say, and what they would if no two shared an origin.
    draws
        Probability of each hypothesis, (hypothesis, draw).
    """

    matrix: AchMatrix
    names: tuple[str, ...]
    posterior: StarPosterior
    alone: StarPosterior
    draws: Array

    @cached_property
    def witnesses(self) -> tuple[tuple[AchItem, ...], ...]:
        """Items of each witness, in the order of the posterior's indicators."""
        found = witness_names(self.matrix)
        return tuple(found[name] for name in self.posterior.indicators)

    def standings(self) -> Iterator[Standing]:
        scores, ranks = self.matrix.scores, self.matrix.ranks
        likeliest = rank_probabilities(self.draws)[:, 0]
        order = np.argsort(-self.posterior.probability, kind="stable")
        for rank, k in enumerate(order, start=1):
            name, spread = self.names[k], Estimate.of(self.draws[k])
            mean = float(self.posterior.probability[k])
            yield Standing(
                hypothesis=name,
                score=scores.get(name),
                ach_rank=ranks.get(name),
                prior=float(self.posterior.prior[k]),
                probability=Estimate(mean, spread.lower, spread.upper),
                rank=rank,
                likeliest=float(likeliest[k]),
            )

    def differences(self) -> list[Difference]:
        """Pairs in different order: those that ACH does not tie first, then by their odds."""
        found = []
        scores = self.matrix.scores
        for one, other in combinations(self.matrix.hypotheses, 2):
            a, b = sorted((one, other), key=lambda name: self._probability(name))
            odds = self._probability(b) / self._probability(a)
            if scores[b] >= scores[a] and odds > 1 + 1e-9:
                found.append(self._difference(a, b, odds))
        return sorted(found, key=lambda each: (each.points == 0, -each.odds))

    def _probability(self, name: str) -> float:
        return float(self.posterior.probability[self.names.index(name)])

    def _difference(self, a: str, b: str, odds: float) -> Difference:
        one, other = (self.draws[self.names.index(name)] for name in (b, a))
        scores = self.matrix.scores
        return Difference(
            by_ach=a,
            by_bayes=b,
            points=round(scores[b] - scores[a], DECIMALS),
            odds=odds,
            likelier=float((one > other).mean()),
            causes=tuple(sorted(self._causes(a, b, float(np.log(odds))), key=_importance)),
        )

    def _causes(self, a: str, b: str, total: float) -> Iterator[Cause]:
        """Reasons why Bayes prefers b although ACH prefers a; `total` are the log-odds."""
        first, second = self.names.index(a), self.names.index(b)
        pair = _Pair(self.matrix, a, b)

        def between(values: Array) -> Array:
            return np.asarray(values[..., second] - values[..., first])

        weight = between(self.posterior.log_likelihood)
        scored = np.array([pair.is_scored(items) for items in self.witnesses])
        yield from pair.prior(float(between(np.log(self.posterior.prior))), total)
        for kind, chosen in (("consistency", ~scored), ("inconsistency", scored)):
            items = [item for k in np.flatnonzero(chosen) for item in self.witnesses[k]]
            yield from pair.evidence(kind, items, float(weight[chosen].sum()), total)
        apart = float(between(self.alone.log_likelihood).sum())
        yield from pair.origins(self.witnesses, float(weight.sum()), apart, total)
        sure = float(between(self.posterior.log_chance).sum())
        yield from pair.credibility(float(weight.sum()), sure, total)
        yield from pair.relevance()


@dataclass(frozen=True)
class _Pair:
    """Two hypotheses of a matrix, and words for what speaks for either.

    Attributes
    ----------
    a, b
        The one that ACH prefers and the one that Bayes prefers.
    """

    matrix: AchMatrix
    a: str
    b: str

    def is_scored(self, items: Sequence[AchItem]) -> bool:
        """Whether ACH counts anything in some items against either."""
        return any(_points(self.matrix, items, name) for name in (self.a, self.b))

    def prior(self, log_odds: float, total: float) -> Iterator[Cause]:
        if abs(log_odds) < NOTABLE:
            return
        text = f"prior: {self._favours(log_odds)} before any evidence; ACH has no prior"
        yield Cause("prior", (), log_odds, 0.0, total - log_odds < NOTABLE, text)

    def evidence(
        self, kind: str, items: Sequence[AchItem], log_odds: float, total: float
    ) -> Iterator[Cause]:
        """What some items do: those that ACH does not count, or those that it does."""
        ids = tuple(item.id for item in items)
        against_a, against_b = (_points(self.matrix, items, name) for name in (self.a, self.b))
        if kind == "consistency":
            if abs(log_odds) < NOTABLE:
                return
            said = "inconsistent with neither, so ACH counts nothing"
            decisive = total - log_odds < NOTABLE
        elif items:
            said = f"ACH counts {against_b:.2f} points against {self.b}, "
            said += f"{against_a:.2f} against {self.a}"
            decisive = against_b > against_a and log_odds > 0
        else:
            return
        text = f"{', '.join(ids)}: {said}; by their ratios {self._favours(log_odds)}"
        yield Cause(kind, ids, log_odds, against_b - against_a, decisive, text)

    def origins(
        self,
        witnesses: Sequence[Sequence[AchItem]],
        shared: float,
        apart: float,
        total: float,
    ) -> Iterator[Cause]:
        """What changes because items that share an origin are one witness."""
        repeated = [items for items in witnesses if len(items) > 1]
        if not repeated or abs(shared - apart) < NOTABLE:
            return
        said = "; ".join(
            f"{', '.join(item.id for item in items)} are one witness, {items[0].origin}"
            for items in repeated
        )
        ids = tuple(item.id for items in repeated for item in items)
        points = sum(
            _points(self.matrix, items, self.b) - _points(self.matrix, items, self.a)
            for items in repeated
        )
        text = f"{said}: counted apart, as ACH does, all the evidence says that "
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
            _points(self.matrix, each, self.b) - _points(self.matrix, each, self.a)
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
        return f"{name} is {_factor(exp(abs(log_odds)))} times as likely as {other}"


def _points(matrix: AchMatrix, items: Sequence[AchItem], hypothesis: str) -> float:
    k = matrix.hypotheses.index(hypothesis)
    return sum(matrix.points(item, k) for item in items)


def _hypothesis_draws(beliefs: Beliefs) -> Array:
    """Probability of each hypothesis, (hypothesis, draw)."""
    return np.asarray(beliefs.posterior(COURSE).to_numpy()[0].T)


def _importance(cause: Cause) -> tuple[bool, float]:
    return not cause.decisive, -cause.log_odds


def _factor(value: float) -> str:
    return f"{value:,.0f}" if value >= 20 else f"{value:.1f}"


def _notes(
    matrix: AchMatrix,
    names: Sequence[str],
    prior: Mapping[str, Any] | None,
    ratios: Mapping[str, Any],
) -> Iterator[str]:
    """What the numbers rest on."""
    if prior is None:
        yield "Prior assumed: every division of belief between the hypotheses is equally likely."
    else:
        yield "Prior as stated."
    cells = sum(rating != "NA" for item in matrix.evidence for rating in item.ratings)
    stated = sum(
        rating in ratios or name in ratios.get(item.id, {})
        for item in matrix.evidence
        for name, rating in zip(matrix.hypotheses, item.ratings, strict=True)
        if rating != "NA"
    )
    yield f"Likelihood ratios assumed from the ratings in {cells - stated} of {cells} rated cells."
    yield "The hypotheses are taken to exclude one another."
    if len(names) > len(matrix.hypotheses):
        yield (
            f"{OTHER!r} stands for what nobody listed; no item is rated for it, so each is about "
            "as likely under it as on average. If the list is exhaustive, say exhaustive=True."
        )
