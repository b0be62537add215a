"""What would have been forecast in the past: the same draws, weighed by what was known then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np

from forecast.arrays import Array
from forecast.estimate import Estimate
from forecast.evidence.ledger import Evidence, Ledger
from forecast.posterior.partial_evidence import Found, PartialEvidence, Target
from forecast.posterior.reweighting import Fit, Pair, smooth
from forecast.sampling import Sampling

DRAWS = 1000
"""Draws at most, of the forecast and of the prior."""


class Replay:
    """Probabilities of the present step of days before the as-of date, from what was known then.

    Draws of a later forecast weigh by how probable they make what was known then, against all that
    they know. Where that is too far for weights, draws of the prior take their place.

    Parameters
    ----------
    fit, log_weight, evidence
        The draws of a forecast, logarithms of what they weigh, (draw,), and what they know.
    """

    def __init__(self, fit: Fit, log_weight: Array, evidence: Evidence) -> None:
        kept = np.arange(0, fit.n_draws, -(-fit.n_draws // DRAWS))
        self.fit = fit.select(kept)
        self.log_weight, self.evidence = log_weight[kept], evidence
        self.ledger = Ledger((*evidence.reports, *evidence.behind))
        self._stated: dict[date, dict[Pair, Estimate]] = {}
        self._prior: Fit | None = None
        self._now: Array | None = None

    def at(self, day: date, state: Pair) -> Estimate:
        """Probability that a state held, as it was forecast at the end of a day."""
        if state not in self._stated.get(day, {}):
            # What a day comes to is the same work for one state and for all courses.
            asked = list(dict.fromkeys([*self.fit.scenario.courses, state]))
            self._stated[day] = dict(zip(asked, self._answer(day, asked), strict=True))
        return self._stated[day][state]

    def _answer(self, day: date, states: Sequence[Pair]) -> list[Estimate]:
        then = self.ledger.known_at(day, self.evidence.about)
        targets = [Target((state,)) for state in states]
        found = self._found(self.fit, then, targets)
        if self._now is None:
            now = PartialEvidence(self.fit, self.evidence.as_of, [])
            self._now = now.find(self.evidence.observations).log_evidence
        weights = smooth(self.log_weight + found.log_evidence - self._now)
        if not weights.pareto_k <= weights.limit:
            found = self._found(self._prior_draws, then, targets)
            weights = smooth(found.log_evidence)
        return [Estimate.weighted(draws, weights.weight) for draws in found.probability]

    def _found(self, fit: Fit, then: Evidence, targets: Sequence[Target]) -> Found:
        return PartialEvidence(fit, then.as_of, targets).find(then.observations)

    @property
    def _prior_draws(self) -> Fit:
        if self._prior is None:
            settings = Sampling(draws=DRAWS, chains=1)
            self._prior = Fit.of_prior(self.fit.scenario, settings)
        return self._prior
