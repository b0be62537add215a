"""Prior distributions with given quantiles: Beta, Dirichlet, log-normal and normal.

With coverage 0.9 the ends of an interval are the 5 % and the 95 % points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

import numpy as np
from scipy.optimize import brentq, least_squares, root
from scipy.special import betaincinv, ndtri

from forecast.arrays import Array
from forecast.errors import InputError, Problem

Stated = tuple[float, float, float]
"""Lower end, upper end, coverage."""

TAILS = np.array([0.05, 0.95])
QUANTILE_TOLERANCE, WIDTH_TOLERANCE = 0.005, 0.1
"""How far an end of an interval may be missed, in probability and in widths of the interval."""
MOST_MOVED = 0.1
"""How far, in probability, a stated point may be moved; beyond it a statement is refused. The ends
of an interval in a row may also move by no more than its width."""
SMALLEST_SHAPE, LARGEST_SHAPE = 1e-3, 1e7


@dataclass(frozen=True, slots=True)
class Fit:
    """A prior with two parameters, and how near it comes to the points that were stated.

    Attributes
    ----------
    shape
        Shape parameters of a Beta, or mean and sd of the logarithm of a log-normal.
    stated, fitted
        Stated quantiles, in increasing order, and the same quantiles of the prior; empty where
        no quantiles were stated.
    """

    shape: tuple[float, float]
    stated: tuple[float, ...] = ()
    fitted: tuple[float, ...] = ()

    @property
    def miss(self) -> float:
        """Largest distance between a stated and a fitted quantile."""
        return _largest_gap(self.stated, self.fitted)


@dataclass(frozen=True, slots=True)
class RowFit:
    """A Dirichlet for a row, and where it moved the intervals that were stated.

    Attributes
    ----------
    concentration
        One positive number per state.
    stated, fitted
        Ends of the interval of each state; None where none was stated.
    """

    concentration: tuple[float, ...]
    stated: tuple[tuple[float, float] | None, ...] = ()
    fitted: tuple[tuple[float, float], ...] = ()

    @property
    def miss(self) -> float:
        """Largest distance, in probability, between a stated and a fitted quantile."""
        return max((gap for gap, _ in self._gaps()), default=0.0)

    @property
    def too_far(self) -> bool:
        """Whether an interval was moved so far that it is no longer what was stated.

        An end has gone too far, the mean has left the interval, or the fit was stopped at a bound,
        where a state is as good as impossible.
        """
        low, high = min(self.concentration), max(self.concentration)
        if self.stated and not (low > SMALLEST_SHAPE * 1.01 and high < LARGEST_SHAPE * 0.99):
            return True
        return any(gap > min(MOST_MOVED, width) for gap, width in self._gaps()) or any(
            ends and not ends[0] <= alpha / sum(self.concentration) <= ends[1]
            for ends, alpha in zip(self.stated, self.concentration, strict=True)
        )

    def _gaps(self) -> Iterator[tuple[float, float]]:
        """Largest distance of an end, and width, of each stated interval."""
        for ends, found in zip(self.stated, self.fitted, strict=True):
            if ends:
                yield _largest_gap(ends, found), ends[1] - ends[0]


def _largest_gap(stated: Sequence[float], fitted: Sequence[float]) -> float:
    return max((abs(a - b) for a, b in zip(stated, fitted, strict=True)), default=0.0)


@lru_cache(maxsize=4096)
def fit_beta(lower: float, upper: float, coverage: float = 0.9) -> tuple[float, float]:
    """Beta distribution whose equal-tailed interval is the one stated.

    Parameters
    ----------
    lower, upper
        Quantiles, 0 <= lower < upper <= 1. An end at 0 or 1 is taken a hundredth of the width
        inside, because a Beta has no quantile there.
    coverage
        Mass between them.

    Returns
    -------
    tuple of float
        The two shape parameters.

    Raises
    ------
    InputError
        If the ends are not in order, or no Beta with shape parameters from 0.001 to 10,000,000
        reaches both within 0.005 and a tenth of the width.

    Examples
    --------
    >>> a, b = fit_beta(0.05, 0.20)
    >>> round(a, 2), round(b, 2)
    (5.43, 41.49)
    """
    require(0 <= lower < upper <= 1, f"[{lower:g}, {upper:g}] is not an interval of probabilities")
    margin = (upper - lower) / 100
    ends = np.array([lower or margin, upper if upper < 1 else 1 - margin])
    tails = np.array([(1 - coverage) / 2, (1 + coverage) / 2])
    middle, spread = ends.mean(), (ends[1] - ends[0]) / (2 * ndtri(tails[1]))
    total = max(middle * (1 - middle) / spread**2 - 1, 0.5)

    def miss(log_shape: Array) -> Array:
        first, second = np.exp(log_shape)
        return np.asarray(betaincinv(first, second, tails) - ends)

    def scaled_miss(log_shape: Array) -> Array:
        return np.asarray(miss(log_shape) / (ends[1] - ends[0]))

    start = np.log(np.clip([middle * total, (1 - middle) * total], 0.05, LARGEST_SHAPE / 10))
    bounds = (np.log(SMALLEST_SHAPE), np.log(LARGEST_SHAPE))
    # Two equations for two numbers, seven times faster than a search for the least squares, which
    # is needed where there is no solution within the bounds.
    with np.errstate(all="ignore"):
        found = root(scaled_miss, start, options={"xtol": 1e-12}).x
    inside = ((bounds[0] < found) & (found < bounds[1])).all()
    if not (inside and np.abs(scaled_miss(found)).max() < 1e-9):
        found = least_squares(
            scaled_miss, start, bounds=bounds, xtol=1e-12, ftol=1e-12, gtol=1e-12
        ).x
    worst = float(np.abs(miss(found)).max())
    require(
        worst <= min(QUANTILE_TOLERANCE, WIDTH_TOLERANCE * (upper - lower)),
        f"no Beta distribution has its interval at [{lower:g}, {upper:g}]: off by {worst:.3g}",
    )
    return float(np.exp(found[0])), float(np.exp(found[1]))


@lru_cache(maxsize=4096)
def fit_lognormal(lower: float, upper: float, coverage: float = 0.9) -> tuple[float, float]:
    """Log-normal with the stated equal-tailed interval, as mean and sd of the logarithm.

    Examples
    --------
    >>> mean, sd = fit_lognormal(0.5, 2.0)
    >>> round(mean, 6), round(sd, 3)
    (0.0, 0.421)
    """
    require(0 < lower < upper, f"[{lower:g}, {upper:g}] is not an interval of positive numbers")
    low, high = np.log(lower), np.log(upper)
    return float((low + high) / 2), float((high - low) / (2 * ndtri((1 + coverage) / 2)))


def lognormal_ends(mean: float, sd: float) -> tuple[float, float]:
    """The 5 % and 95 % points of a log-normal, infinite where they pass every number.

    Parameters
    ----------
    mean, sd
        Of the logarithm.

    Examples
    --------
    >>> [round(end, 9) for end in lognormal_ends(*fit_lognormal(0.5, 2.0))]
    [0.5, 2.0]
    """
    with np.errstate(over="ignore"):
        low, high = np.exp(mean + sd * ndtri(TAILS))
    return float(low), float(high)


def fit_normal(lower: float, upper: float, coverage: float = 0.9) -> tuple[float, float]:
    """Normal with the stated equal-tailed interval, as mean and sd.

    Examples
    --------
    >>> mean, sd = fit_normal(-2.0, 4.0)
    >>> mean, round(sd, 3)
    (1.0, 1.824)
    """
    require(lower < upper, f"[{lower:g}, {upper:g}] is not an interval")
    return (lower + upper) / 2, float((upper - lower) / (2 * ndtri((1 + coverage) / 2)))


@lru_cache(maxsize=4096)
def fit_dirichlet(intervals: tuple[Stated | None, ...]) -> RowFit:
    """Dirichlet whose marginal Betas come nearest to the stated intervals.

    A Dirichlet has one concentration, so intervals of different relative widths conflict; the
    fit makes the squared distances of the ends, each in widths of its interval, smallest, and says
    where each interval went. Ends nearer to 0 or 1 than a hundredth of the width are
    taken that far inside.

    Parameters
    ----------
    intervals
        Lower end, upper end and coverage for each state; None for a state that takes what the
        others leave.

    Examples
    --------
    >>> fit = fit_dirichlet(((0.45, 0.75, 0.9), (0.15, 0.40, 0.9), (0.02, 0.20, 0.9)))
    >>> [round(alpha) for alpha in fit.concentration], fit.miss < 0.04
    ([19, 8, 3], True)
    """
    given = np.array([interval is not None for interval in intervals])
    stated = np.array([interval for interval in intervals if interval is not None])
    ends = _inside(stated[:, :2])
    tails = np.stack([(1 - stated[:, 2]) / 2, (1 + stated[:, 2]) / 2], axis=1)
    middle = ends.mean(axis=1)
    spread = np.diff(ends, axis=1)[:, 0] / np.diff(ndtri(tails), axis=1)[:, 0]
    total = float(np.median(middle * (1 - middle) / spread**2 - 1))
    share = np.full(len(intervals), max(1 - middle.sum(), 0.02) / max((~given).sum(), 1))
    share[given] = middle
    start = np.log(np.clip(share / share.sum() * max(total, 1.0), 0.05, LARGEST_SHAPE))

    width = ends[:, 1:] - ends[:, :1]

    def miss(log_alpha: Array) -> Array:
        alpha = np.exp(log_alpha)
        own = alpha[given][:, None]
        return np.asarray(((betaincinv(own, alpha.sum() - own, tails) - ends) / width).ravel())

    bounds = (np.log(SMALLEST_SHAPE), np.log(LARGEST_SHAPE))
    alpha = np.exp(least_squares(miss, start, bounds=bounds, x_scale=1.0).x)
    levels = np.tile(TAILS, (len(alpha), 1))
    levels[given] = tails
    fitted = betaincinv(alpha[:, None], (alpha.sum() - alpha)[:, None], levels)
    return RowFit(
        concentration=tuple(map(float, alpha)),
        stated=tuple(interval and interval[:2] for interval in intervals),
        fitted=tuple((float(low), float(high)) for low, high in fitted),
    )


def _inside(ends: Array) -> Array:
    """Intervals, (interval, end), with no end nearer to 0 or 1 than a hundredth of the width."""
    margin = np.diff(ends, axis=1) / 100
    return np.clip(ends, margin, 1 - margin)


def shares(weights: Iterable[float]) -> Array:
    """Weights in proportion, in all one."""
    found = np.array(list(weights))
    return np.asarray(found / found.sum())


def mixture_quantiles(
    cumulative: Callable[[float], float], quantiles: Array, levels: Array
) -> Array:
    """Quantiles of a mixture, each between the smallest and the largest of its parts.

    Parameters
    ----------
    cumulative
        Cumulative distribution of the mixture.
    quantiles
        Those of the parts, (part, level).
    levels
        Probabilities, (level,).
    """
    found = []
    for level, low, high in zip(levels, quantiles.min(axis=0), quantiles.max(axis=0), strict=True):
        if cumulative(low) >= level or low == high:
            found.append(low)
        elif cumulative(high) <= level:
            found.append(high)
        else:
            short = partial(lambda level, x: cumulative(x) - level, level)
            found.append(brentq(short, low, high, xtol=1e-14))
    return np.array(found)


def require(rule: bool, message: str) -> None:
    """Raise unless a rule for intervals holds."""
    if not rule:
        raise InputError([Problem("interval", message)])
