"""Densities of tables that several cases share: the same in all, or drawn around common ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from forecast.arrays import Array
from forecast.model.priors import Priors
from forecast.model.target import Target, constrain, log_posterior, prior_point, split_values


@dataclass(frozen=True, eq=False)
class OneCase:
    """Posterior of the judgements given one body of evidence."""

    priors: Priors
    target: Target

    @property
    def start(self) -> Array:
        """A point to start from, (coordinate,)."""
        return prior_point(self.priors)

    def density(self, point: Array) -> tuple[float, Array]:
        """Log-density of a point and its gradient."""
        return log_posterior(point, self.target)

    def judgements(self, point: Array) -> dict[str, Array]:
        """Judgements by the names that they have in the model."""
        return split_values(self.priors, constrain(point, self.target))


@dataclass(frozen=True, eq=False)
class CompletePooling(OneCase):
    """Posterior of judgements that hold in several cases alike.

    Attributes
    ----------
    target
        One without evidence: its density is the prior.
    cases, powers
        Evidence of each case, and to which power its likelihood counts.
    """

    cases: Sequence[Target] = ()
    powers: Sequence[float] = ()

    def density(self, point: Array) -> tuple[float, Array]:
        """Log-density of a point and its gradient."""
        prior, by_prior = log_posterior(point, self.target)
        value, gradient = prior, by_prior.copy()
        for case, power in zip(self.cases, self.powers, strict=True):
            value_of, gradient_of = log_posterior(point, case)
            value += power * (value_of - prior)
            gradient += power * (gradient_of - by_prior)
        return value, gradient


@dataclass(frozen=True, eq=False)
class PartialPooling(CompletePooling):
    """Posterior of the judgements of a new case, where each case has its own around common ones.

    On the unconstrained scale (log-odds, log-ratios, logarithms; numbers of either sign in units
    of their prior sd) the tables of a case are normal around the common ones, with one standard
    deviation for all, whose prior is half-normal (Gelman et al., Bayesian Data Analysis, 3rd
    edition, 5.4 and 5.7). Judgements about sources are those of the same sources in every case.
    Deviations are standardised, so that the sampler does not meet a funnel where cases hardly
    differ. A point holds the common coordinates, the logarithm of the standard deviation, and the
    deviations of each case and of a new one.

    Attributes
    ----------
    scale
        Scale of the half-normal prior.
    """

    scale: float = 1.0

    @property
    def n_common(self) -> int:
        """Coordinates of all judgements."""
        return len(prior_point(self.priors))

    @property
    def n_own(self) -> int:
        """Coordinates of tables, which come before those of sources."""
        return self.n_common - len(self.target.trust)

    @property
    def start(self) -> Array:
        """A point to start from: cases that hardly differ."""
        deviations = np.zeros((len(self.cases) + 1) * self.n_own)
        return np.concatenate([prior_point(self.priors), [math.log(self.scale / 2)], deviations])

    def density(self, point: Array) -> tuple[float, Array]:
        """Log-density of a point and its gradient."""
        n, common = self.n_common, point[: self.n_common]
        sd, deviations = math.exp(point[n]), point[n + 1 :].reshape(-1, self.n_own)
        value, by_common = log_posterior(common, self.target)
        ratio = (sd / self.scale) ** 2
        value += point[n] - 0.5 * ratio - 0.5 * float((deviations**2).sum())
        gradient = np.concatenate([by_common, [1 - ratio], -deviations.ravel()])
        by_deviations = gradient[n + 1 :].reshape(deviations.shape)
        for k, (case, power) in enumerate(zip(self.cases, self.powers, strict=True)):
            moved = self._moved(common, sd, deviations[k])
            prior, by_prior = log_posterior(moved, self.target)
            value_of, by_moved = log_posterior(moved, case)
            derivative = power * (by_moved - by_prior)
            value += power * (value_of - prior)
            gradient[:n] += derivative
            step = derivative[: self.n_own] * sd * self._units
            gradient[n] += float(step @ deviations[k])
            by_deviations[k] += step
        return value, gradient

    def judgements(self, point: Array) -> dict[str, Array]:
        """Judgements of a new case, and how far cases are apart."""
        n = self.n_common
        sd = math.exp(point[n])
        new = self._moved(point[:n], sd, point[len(point) - self.n_own :])
        return super().judgements(new) | {BETWEEN_CASES: np.array(sd)}

    def _moved(self, common: Array, sd: float, deviation: Array) -> Array:
        moved = common.copy()
        moved[: self.n_own] += sd * self._units * deviation
        return moved

    @property
    def _units(self) -> Array:
        units = np.ones(self.n_own)
        n_real = len(self.priors.real)
        units[self.n_own - n_real :] = self.priors.real[:, 1]
        return units


BETWEEN_CASES = "between_cases"
"""Standard deviation of the tables of cases around common ones, on the unconstrained scale."""
