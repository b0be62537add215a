"""Uncertain numbers about sources or about how reports come about."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import betaincinv, ndtri

from forecast.estimate import TAILS, Estimate


@dataclass(frozen=True, slots=True)
class Judged:
    """An uncertain probability with its Beta prior: its short name, what it is, and its shape.

    `level` names the level of reporting that it shares with others; empty for none.
    """

    name: str
    label: str
    shape: tuple[float, float]
    level: str = ""

    @property
    def mean(self) -> float:
        """Mean of the prior."""
        return self.shape[0] / sum(self.shape)

    @property
    def prior(self) -> Estimate:
        """The prior, as estimates are written."""
        low, high = betaincinv(*self.shape, TAILS)
        return Estimate(self.mean, float(low), float(high))


@dataclass(frozen=True, slots=True)
class JudgedLevel:
    """A level of reporting with its log-normal prior: mean and sd of its logarithm are its shape.

    A probability p that shares the level is 1 - (1 - p)^level: its rate is multiplied.
    """

    name: str
    label: str
    shape: tuple[float, float]

    @property
    def prior(self) -> Estimate:
        """The prior, as estimates are written."""
        mean, sd = self.shape
        low, high = np.exp(mean + sd * ndtri(TAILS))
        return Estimate(float(np.exp(mean + sd**2 / 2)), float(low), float(high))


def multiple(estimate: Estimate) -> str:
    """A multiple with its interval.

    Examples
    --------
    >>> multiple(Estimate(1.4, 0.25, 4.0))
    '1.4 (0.25 to 4)'
    """
    return f"{estimate.mean:.2g} ({estimate.lower:.2g} to {estimate.upper:.2g})"
