"""Competing hypotheses: the ranking of the matrix beside the Bayesian one, and why they differ.

ACH adds up what is inconsistent with each hypothesis. Bayes multiplies a prior by the likelihood of
every item, once for each origin, as far as its report can be believed. So they can differ by the
prior; by items that are inconsistent with neither hypothesis, yet likelier under one; by how much
an inconsistency weighs; by origins that are counted more than once; by credibility, which bounds
what a report can do; and by relevance, which only ACH weighs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations
from typing import Any

import numpy as np

from forecast.ach.causes import Pair
from forecast.ach.comparison import (
    AchComparison,
    Cause,
    Difference,
    Standing,
    hypothesis_draws,
)
from forecast.ach.ratings import DECIMALS, OTHER, AchItem, AchRatings
from forecast.ach.scenario import (
    ASSUMED_RATIOS,
    ach_scenario,
    items_by_origin,
    split_ratios,
    state_names,
)
from forecast.arrays import Array
from forecast.estimate import Estimate
from forecast.evidence.ledger import Evidence
from forecast.network.queries import rank_probabilities
from forecast.posterior.naive_bayes import NaiveBayesPosterior, naive_bayes_posterior
from forecast.sampling import Sampling, require_whole

LEAST_DRAWS = 100


def compare_ach(
    matrix: AchRatings,
    *,
    prior: Mapping[str, Any] | None = None,
    ratios: Mapping[str, Any] | None = None,
    grades: Mapping[str, str] | None = None,
    exhaustive: bool = False,
    draws: int = 4000,
    random_seed: int = Sampling.random_seed,
) -> AchComparison:
    """Compare the ranking of a matrix with the Bayesian one.

    Parameters
    ----------
    matrix, prior, ratios, grades, exhaustive
        As in `ach_scenario`.
    draws, random_seed
        Draws of the uncertain tables, for intervals and ranks. They come straight from the
        posterior (`forecast.posterior.naive_bayes`); posterior means are exact.

    Raises
    ------
    InputError
        As `ach_scenario` does, and for fewer than a hundred draws or a negative `random_seed`.

    Examples
    --------
    >>> weak = [AchItem(f"E{k}", "Somebody was seen", ("I", "C")) for k in range(3)]
    >>> strong = AchItem("E4", "A claim", ("C", "II"), credibility="high")
    >>> matrix = AchRatings(("accident", "attack"), (*weak, strong))
    >>> stated = {"accident": 0.99, "attack": 0.01}
    >>> found = compare_ach(matrix, prior=stated, exhaustive=True)
    >>> [(each.by_ach, each.by_bayes) for each in found.differences]
    [('attack', 'accident')]
    >>> [cause.kind for cause in found.differences[0].causes if cause.decisive]
    ['prior']
    """
    require_whole(
        {"draws": draws, "random_seed": random_seed}, {"draws": LEAST_DRAWS, "random_seed": 0}
    )
    settings: dict[str, Any] = {"ratios": ratios, "grades": grades, "exhaustive": exhaustive}
    scenario, evidence = ach_scenario(matrix, prior=prior, **settings)
    posterior = naive_bayes_posterior(scenario, evidence, draws=draws, random_seed=random_seed)
    names = tuple(state_names(matrix, exhaustive=exhaustive))
    apart = replace(matrix, evidence=tuple(replace(item, origin="") for item in matrix.evidence))
    alone = posterior
    if len(items_by_origin(matrix)) < len(items_by_origin(apart)):
        alone = naive_bayes_posterior(
            *ach_scenario(apart, prior=prior, **settings), draws=draws, random_seed=random_seed
        )
    scale = _Scale(matrix, names, posterior, alone, hypothesis_draws(posterior.beliefs))
    return AchComparison(
        matrix=matrix,
        scenario=scenario,
        evidence=evidence,
        beliefs=posterior.beliefs,
        standings=tuple(scale.standings()),
        differences=tuple(scale.differences()),
        notes=tuple(_notes(matrix, names, prior, ratios or {}, evidence)),
        items=scale.origins,
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

    matrix: AchRatings
    names: tuple[str, ...]
    posterior: NaiveBayesPosterior
    alone: NaiveBayesPosterior
    draws: Array

    @cached_property
    def origins(self) -> tuple[tuple[AchItem, ...], ...]:
        """Items of each origin, in the order of the posterior's indicators."""
        found = items_by_origin(self.matrix)
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
            a, b = sorted((one, other), key=self._probability)
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
        pair = Pair(self.matrix, a, b)

        def between(values: Array) -> Array:
            return np.asarray(values[..., second] - values[..., first])

        weight = between(self.posterior.log_likelihood)
        scored = np.array([pair.is_scored(items) for items in self.origins])
        yield from pair.prior(float(between(np.log(self.posterior.prior))), total)
        for kind, chosen in (("consistency", ~scored), ("inconsistency", scored)):
            items = [item for k in np.flatnonzero(chosen) for item in self.origins[k]]
            yield from pair.evidence(kind, items, float(weight[chosen].sum()), total)
        apart = float(between(self.alone.log_likelihood).sum())
        yield from pair.origins(self.origins, float(weight.sum()), apart, total)
        sure = float(between(self.posterior.log_probability).sum())
        yield from pair.credibility(float(weight.sum()), sure, total)
        yield from pair.relevance()


def _importance(cause: Cause) -> tuple[bool, float]:
    return not cause.decisive, -cause.log_odds


def _notes(
    matrix: AchRatings,
    names: Sequence[str],
    prior: Mapping[str, Any] | None,
    ratios: Mapping[str, Any],
    evidence: Evidence,
) -> Iterator[str]:
    """What the numbers rest on."""
    if prior is None:
        yield "Prior assumed: every division of belief between the hypotheses is equally likely."
    else:
        yield "Prior as stated."
    by_rating, by_cell = split_ratios(ratios)
    rated = [
        (item.id, name, rating)
        for item in matrix.evidence
        for name, rating in zip(matrix.hypotheses, item.ratings, strict=True)
        if rating != "NA"
    ]
    assumed = [
        rating
        for item, name, rating in rated
        if rating not in by_rating and name not in by_cell.get(item, {})
    ]
    if assumed:
        ratios_text = ", ".join(
            f"{rating} {low:.2g} to {high:.2g}"
            for rating, (low, high) in ASSUMED_RATIOS.items()
            if rating in assumed
        )
        yield (
            f"Likelihoods assumed from the ratings in {len(assumed)} of {len(rated)} rated cells: "
            "so many times as likely as under a hypothesis that an item says nothing about: "
            f"{ratios_text}."
        )
    else:
        yield "Likelihoods as stated."
    graded = Counter(report.reliability for report in evidence.observations)
    counts = ", ".join(f"{grade} {count}" for grade, count in sorted(graded.items()))
    yield f"No report is certain; items by the reliability grade of their reports: {counts}."
    yield "The hypotheses are taken to exclude one another."
    if len(names) > len(matrix.hypotheses):
        yield (
            f"{OTHER!r} stands for what nobody listed; no item is rated for it, so each is about "
            "as likely under it as on average. If the list is exhaustive, say so: "
            "exhaustive=True, or --exhaustive on the command line."
        )
