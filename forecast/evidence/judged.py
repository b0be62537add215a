"""An uncertain probability about sources or about how reports come about."""

from __future__ import annotations

from dataclasses import dataclass

from scipy.special import betaincinv

from forecast.estimate import TAILS, Estimate


@dataclass(frozen=True, slots=True)
class Judged:
    """An uncertain probability with its Beta prior: its short name, what it is, and its shape."""

    name: str
    label: str
    shape: tuple[float, float]

    @property
    def mean(self) -> float:
        """Mean of the prior."""
        return self.shape[0] / sum(self.shape)

    @property
    def prior(self) -> Estimate:
        """The prior, as estimates are written."""
        low, high = betaincinv(*self.shape, TAILS)
        return Estimate(self.mean, float(low), float(high))
