"""From what people say to prior distributions: intervals to Beta, Dirichlet and log-normal.

An interval is read as two quantiles: with coverage 0.9 its ends are the 5 % and the 95 % points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares
from scipy.special import betainc, betaincinv, ndtri

from forecast.errors import InputError, Problem

Array = npt.NDArray[np.float64]
Quantiles = tuple[float, float, float]
"""Lower end, upper end, coverage."""

QUANTILE_TOLERANCE = 0.005
SMALLEST_SHAPE, LARGEST_SHAPE = 1e-3, 1e7


@dataclass(frozen=True)
class DirichletFit:
    """A Dirichlet for a row, and how far each fitted interval lies from the stated one.

    Attributes
    ----------
    concentration
        One positive number per state.
    miss
        Largest distance, in probability, between a stated and a fitted quantile.
    """

    concentration: tuple[float, ...]
    miss: float


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
        If the ends are not in order, or no Beta reaches both within 0.005.

    Examples
    --------
    >>> a, b = fit_beta(0.05, 0.20)
    >>> round(a, 2), round(b, 2)
    (5.43, 41.49)
    """
    _require(0 <= lower < upper <= 1, f"[{lower:g}, {upper:g}] is not an interval of chances")
    margin = (upper - lower) / 100
    ends = np.array([max(lower, margin), min(upper, 1 - margin)])
    tails = np.array([(1 - coverage) / 2, (1 + coverage) / 2])
    middle, spread = ends.mean(), (ends[1] - ends[0]) / (2 * ndtri(tails[1]))
    total = max(middle * (1 - middle) / spread**2 - 1, 0.5)

    def miss(log_shape: Array) -> Array:
        return np.asarray(betaincinv(*np.exp(log_shape), tails) - ends)

    def scaled_miss(log_shape: Array) -> Array:
        return np.asarray(miss(log_shape) / (ends[1] - ends[0]))

    start = np.log(np.clip([middle * total, (1 - middle) * total], 0.05, LARGEST_SHAPE / 10))
    bounds = (np.log(SMALLEST_SHAPE), np.log(LARGEST_SHAPE))
    found = least_squares(scaled_miss, start, bounds=bounds, xtol=1e-12, ftol=1e-12, gtol=1e-12)
    worst = float(np.abs(miss(found.x)).max())
    _require(
        worst <= QUANTILE_TOLERANCE,
        f"no Beta distribution has its interval at [{lower:g}, {upper:g}]: off by {worst:.3g}",
    )
    return float(np.exp(found.x[0])), float(np.exp(found.x[1]))


@lru_cache(maxsize=4096)
def fit_lognormal(lower: float, upper: float, coverage: float = 0.9) -> tuple[float, float]:
    """Log-normal with the stated equal-tailed interval, as mean and sd of the logarithm.

    Examples
    --------
    >>> mean, sd = fit_lognormal(0.5, 2.0)
    >>> round(mean, 6), round(sd, 3)
    (0.0, 0.421)
    """
    _require(0 < lower < upper, f"[{lower:g}, {upper:g}] is not an interval of positive numbers")
    low, high = np.log(lower), np.log(upper)
    return float((low + high) / 2), float((high - low) / (2 * ndtri((1 + coverage) / 2)))


def fit_normal(lower: float, upper: float, coverage: float = 0.9) -> tuple[float, float]:
    """Normal with the stated equal-tailed interval, as mean and sd.

    Examples
    --------
    >>> mean, sd = fit_normal(-2.0, 4.0)
    >>> mean, round(sd, 3)
    (1.0, 1.824)
    """
    _require(lower < upper, f"[{lower:g}, {upper:g}] is not an interval")
    return (lower + upper) / 2, float((upper - lower) / (2 * ndtri((1 + coverage) / 2)))


@lru_cache(maxsize=4096)
def fit_dirichlet(intervals: tuple[Quantiles, ...]) -> DirichletFit:
    """Dirichlet whose marginal Betas come nearest to the stated intervals.

    A Dirichlet has one concentration, so intervals of different relative widths conflict; the
    fit makes the squared distances in tail mass smallest and says how far off it ends.

    Parameters
    ----------
    intervals
        Lower end, upper end and coverage for each state.

    Examples
    --------
    >>> fit = fit_dirichlet(((0.45, 0.75, 0.9), (0.15, 0.40, 0.9), (0.02, 0.20, 0.9)))
    >>> [round(alpha) for alpha in fit.concentration], fit.miss < 0.04
    ([19, 8, 3], True)
    """
    stated = np.array(intervals)
    ends = np.clip(stated[:, :2], 1e-6, 1 - 1e-6)
    tails = np.stack([(1 - stated[:, 2]) / 2, (1 + stated[:, 2]) / 2], axis=1)
    middle = ends.mean(axis=1)
    spread = np.diff(ends, axis=1)[:, 0] / np.diff(ndtri(tails), axis=1)[:, 0]
    total = float(np.median(middle * (1 - middle) / spread**2 - 1))
    start = np.log(np.clip(middle / middle.sum() * max(total, 1.0), 0.05, LARGEST_SHAPE))

    def tail_miss(log_alpha: Array) -> Array:
        alpha = np.exp(log_alpha)[:, None]
        return np.asarray((betainc(alpha, alpha.sum() - alpha, ends) - tails).ravel())

    bounds = (np.log(SMALLEST_SHAPE), np.log(LARGEST_SHAPE))
    alpha = np.exp(least_squares(tail_miss, start, bounds=bounds, x_scale=1.0).x)
    fitted = betaincinv(alpha[:, None], (alpha.sum() - alpha)[:, None], tails)
    return DirichletFit(tuple(map(float, alpha)), float(np.abs(fitted - stated[:, :2]).max()))


def row_concentration(
    states: Sequence[str], chance: Mapping[str, Quantiles]
) -> tuple[tuple[float, ...], float]:
    """Concentration of a row from its intervals, and the worst distance from what was stated.

    A two-state row may state one interval; the other state has the complement.
    """
    if len(states) == 2:
        [(state, (lower, upper, coverage)), *other] = chance.items()
        shape = fit_beta(lower, upper, coverage)
        if not other:
            return (shape if state == states[0] else shape[::-1]), 0.0
    fit = fit_dirichlet(tuple(chance[state] for state in states))
    return fit.concentration, fit.miss


def _require(rule: bool, message: str) -> None:
    if not rule:
        raise InputError([Problem("interval", message)])
