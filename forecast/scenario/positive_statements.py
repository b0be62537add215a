"""The ways of stating a positive number, such as a rate, a ratio or a weight.

As an interval, as quantiles, as a count in a time, as a best guess give or take a factor, or by
several experts: each with its prior, its rules and its sentences.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from pydantic import BeforeValidator, Field
from scipy.special import ndtr, ndtri

from forecast.arrays import Array
from forecast.scenario.fits import (
    TAILS,
    Fit,
    fit_lognormal,
    mixture_quantiles,
    require,
    shares,
)
from forecast.scenario.limits import LARGEST, SMALLEST, LocatedFault
from forecast.scenario.probability_statements import (
    NEEDS_DAYS,
    count_faults,
    expected_events,
    expert_faults,
)
from forecast.scenario.statement_text import percent_text
from forecast.scenario.statements import (
    WIDEST,
    AnyWay,
    Coverage,
    Number,
    Positive,
    PositiveStatement,
    Value,
    widen,
)


def fit_positive_ends(lower: float, upper: float, coverage: float = 0.9) -> Fit:
    """Log-normal whose equal-tailed interval is the one stated."""
    lower, upper = float(lower), float(upper)
    return Fit(fit_lognormal(lower, upper, coverage), (lower, upper), (lower, upper))


class PositiveInterval(PositiveStatement):
    """An equal-tailed interval: half of what lies outside is below `lower`, half above `upper`."""

    lower: Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(widen)]
    upper: Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(widen)]
    coverage: Coverage = 0.9

    def fit(self, days: float | None = None) -> Fit:
        """The ends are quantiles of the log-normal."""
        del days
        return fit_positive_ends(self.lower, self.upper, self.coverage)

    def interval(self, days: float | None = None) -> tuple[float, float]:
        """The interval itself."""
        del days
        return self.lower, self.upper

    def faults(self, days: float | None = None) -> Iterator[str]:
        """Yield that an end is 0, or that they stand the wrong way round."""
        del days
        if not 0 < self.lower < self.upper:
            yield f"[{self.lower:g}, {self.upper:g}]: needs 0 < lower < upper"

    def sentences(self, days: float | None = None) -> Iterator[str]:
        """Yield the ends."""
        del days
        yield f"From {self.lower:g} to {self.upper:g}, {percent_text(self.coverage)} sure."


class PositiveQuantiles(PositiveStatement):
    """An equal-tailed interval and the median inside it."""

    low: Number
    median: Number
    high: Positive
    coverage: Coverage = 0.9

    def fit(self, days: float | None = None) -> Fit:
        """The log-normal nearest to the logarithms of the three points."""
        del days
        logs = np.log([self.low, self.median, self.high])
        z = ndtri((1 + self.coverage) / 2)
        mean, sd = float(logs.mean()), float((logs[2] - logs[0]) / (2 * z))
        fitted = np.exp(mean + sd * np.array([-z, 0.0, z]))
        return Fit((mean, sd), tuple(np.exp(logs).tolist()), tuple(fitted.tolist()))

    def faults(self, days: float | None = None) -> Iterator[str]:
        """Yield that the points do not rise."""
        del days
        if not SMALLEST <= self.low < self.median < self.high <= LARGEST:
            rule = f"needs {SMALLEST:g} <= low < median < high <= {LARGEST:,.0f}"
            yield f"{self.low:g}, {self.median:g}, {self.high:g}: {rule}"

    def sentences(self, days: float | None = None) -> Iterator[str]:
        """Yield the median and the ends."""
        del days
        yield (
            f"{self.median:g} in the middle, {percent_text(self.coverage)} sure of {self.low:g} "
            f"to {self.high:g}."
        )


class GuessFactor(PositiveStatement):
    """A positive number as a best guess, give or take a factor (90 % of the mass)."""

    guess: Positive
    factor: Annotated[float, Field(gt=1, allow_inf_nan=False), BeforeValidator(widen)]

    def fit(self, days: float | None = None) -> Fit:
        """The guess is the median; the 5 % and 95 % points are a factor away."""
        del days
        return fit_positive_ends(self.guess / self.factor, self.guess * self.factor)

    def faults(self, days: float | None = None) -> Iterator[str]:
        """Yield that the guess or the factor is too large or too small."""
        del days
        if not SMALLEST <= self.guess <= LARGEST:
            yield f"a guess of {self.guess:g}: from {SMALLEST:g} to {LARGEST:,.0f}"
        elif self.factor > WIDEST:
            yield f"a factor of {self.factor:g}: at most {WIDEST:,.0f}"

    def sentences(self, days: float | None = None) -> Iterator[str]:
        """Yield the guess and the factor."""
        del days
        yield f"About {self.guess:g}, give or take a factor of {self.factor:g} (90 % sure)."


class CountedRate(PositiveStatement):
    """A rate as a count of events in a number of days.

    Examples
    --------
    >>> fit = CountedRate(count=13, days=61).fit(7)
    >>> [round(float(q), 2) for q in np.exp(fit.shape[0] + fit.shape[1] * ndtri(TAILS))]
    [0.93, 2.3]
    """

    count: Annotated[int, Field(ge=0)]
    days: Positive

    def fit(self, days: float | None = None) -> Fit:
        """The log-normal with the 5 % and 95 % points of Jeffreys' posterior, Gamma(k + 1/2)."""
        require(days is not None, NEEDS_DAYS)
        assert days is not None
        return fit_positive_ends(*expected_events(self.count, self.days, days))

    def faults(self, days: float | None = None) -> Iterator[str]:
        """Yield that the number is no rate, or that there are too many events."""
        if days is None:
            yield NEEDS_DAYS
        else:
            yield from count_faults(self.count, self.days)

    def sentences(self, days: float | None = None) -> Iterator[str]:
        """Yield the count."""
        yield (
            f"{self.count} in {self.days:g} days, with Jeffreys' prior: a rate per {days:g} days."
        )


class PositiveExpert(Value):
    """What one expert says about a positive number."""

    says: Annotated[PositiveStatement, AnyWay(PositiveStatement, pooled=False)]
    weight: Positive = 1.0


class PositivePool(PositiveStatement):
    """What several experts say about a positive number, each kept by name.

    "linear" mixes their distributions; "logarithms" averages the logarithms of their quantiles.
    """

    experts: Annotated[dict[str, PositiveExpert], Field(min_length=1)]
    pool: Literal["linear", "logarithms"] = "linear"

    pooled = True

    def fit(self, days: float | None = None) -> Fit:
        """The log-normal with the 5 % and 95 % points of the pool."""
        return fit_positive_ends(*self.quantiles(TAILS, days))

    def quantiles(self, levels: Array, days: float | None = None) -> tuple[float, ...]:
        """Quantiles of what the experts say; see `Pool.quantiles`."""
        experts = self.experts.values()
        weights = shares(expert.weight for expert in experts)
        mean, sd = np.array([expert.says.fit(days).shape for expert in experts]).T
        logs = mean[:, None] + sd[:, None] * ndtri(levels)
        if self.pool == "linear":
            pooled = mixture_quantiles(
                lambda x: float(weights @ ndtr((x - mean) / sd)), logs, levels
            )
        else:
            pooled = weights @ logs
        return tuple(map(float, np.exp(pooled)))

    def located_faults(self, days: float | None = None) -> Iterator[LocatedFault]:
        """Yield what is wrong with what each expert says, and then with their weights."""
        yield from expert_faults(self.experts, days)

    def faults(self, days: float | None = None) -> Iterator[str]:
        """What can be wrong is with an expert; see `located_faults`."""
        del days
        yield from ()

    def sentences(self, days: float | None = None) -> Iterator[str]:
        """Yield what each expert says, and how it is pooled."""
        for name, expert in self.experts.items():
            sentences = " ".join(expert.says.sentences(days))
            yield f"{name} (weight {expert.weight:g}): {sentences}"
        yield f"They are {'mixed' if self.pool == 'linear' else 'averaged as logarithms'}."


PositiveNumber = Annotated[PositiveStatement, AnyWay(PositiveStatement)]
"""A positive number, in any of the ways above; a pair is an interval."""
