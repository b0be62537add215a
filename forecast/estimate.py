"""An estimate: a probability that rests on uncertain tables, and how it is written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from forecast.arguments import checked, short_repr
from forecast.arrays import Array
from forecast.errors import InputError, Problem
from forecast.text import DASH, GAP, printed

MASS = 0.9
"""Mass of every interval that the library reports."""
TAILS = ((1 - MASS) / 2, (1 + MASS) / 2)
"""Levels of the two ends of such an interval."""

MASS_TEXT = f"{100 * MASS:.0f}{GAP}%"


@checked
@dataclass(frozen=True, slots=True)
class Estimate:
    """A probability with its equal-tailed 90 % interval over draws of the tables.

    Attributes
    ----------
    mean
        The probability to act on.
    lower, upper
        Ends of the interval; its width says how much rests on unsure tables.
    days
        First and last day that it is about, both included; None if it is about one moment.
    condition
        What inputs are taken to be on days ahead, as a clause; empty where there are none.

    Examples
    --------
    >>> print(Estimate(0.12, 0.06, 0.21))
    12 % (6–21 %)
    >>> print(Estimate(0.12, 0.06, 0.21, (date(2020, 1, 24), date(2020, 1, 31))))
    12 % (6–21 %), 2020-01-24 to 2020-01-31
    >>> print(Estimate(0.12, 0.06, 0.21, condition="the river is dammed"))
    12 % (6–21 %), if the river is dammed
    """

    mean: float
    lower: float
    upper: float
    days: tuple[date, date] | None = None
    condition: str = ""

    @classmethod
    def of(cls, draws: npt.ArrayLike) -> Estimate:
        """Estimate from draws of a probability, of any shape.

        Draws that carry the coordinate ``weight``, as answers of `Beliefs` do, count by it.

        Examples
        --------
        >>> print(Estimate.of([0.1, 0.2, 0.3]))
        20 % (11–29 %)
        """
        if "weight" in getattr(draws, "coords", ()):
            weight = draws.coords["weight"].broadcast_like(draws)  # type: ignore[union-attr]
            return cls.weighted(draws, weight.transpose(*draws.dims))  # type: ignore[union-attr]
        values = _numbers("draws", draws)
        lower, upper = np.quantile(values, TAILS)
        return cls(float(values.mean()), float(lower), float(upper))

    @classmethod
    def weighted(cls, draws: npt.ArrayLike, weights: npt.ArrayLike) -> Estimate:
        """Estimate from draws of a probability that do not weigh the same.

        Draws that are not a number are left out.

        Examples
        --------
        >>> print(Estimate.weighted([0.1, 0.3, 0.5], [1, 1, 0]))
        20 % (11–29 %)
        """
        values, weight = _numbers("draws", draws).ravel(), _numbers("weights", weights).ravel()
        if values.size != weight.size:
            message = f"{weight.size} weights; needs one for each of {values.size} draws"
            raise InputError([Problem("weights", message)])
        known = ~np.isnan(values)
        if not weight[known].any():
            return cls(np.nan, np.nan, np.nan)
        mean = np.average(values[known], weights=weight[known])
        lower, upper = weighted_quantiles(values, weight, np.array(TAILS))
        return cls(float(mean), float(lower), float(upper))

    @printed
    def __str__(self) -> str:
        about = "" if self.days is None else f", {self.days[0]} to {self.days[1]}"
        about += f", if {self.condition}" if self.condition else ""
        return quantity(self).replace(GAP, " ") + about


def weighted_quantiles(values: Array, weights: Array, levels: Array) -> Array:
    """Quantiles of draws that do not weigh the same; with equal weights, those of NumPy.

    The type 7 quantile with Kish's effective number of draws for their number (Akinshin: Weighted
    quantile estimators, arXiv 2304.07265, 2023).

    Parameters
    ----------
    values, weights
        Draws and their weights, (draw,). Draws that are not a number are left out.
    levels
        Between 0 and 1, any shape.

    Returns
    -------
    numpy.ndarray
        The shape of the levels; not a number where nothing weighs.

    Examples
    --------
    >>> weighted_quantiles(np.arange(5.0), np.ones(5), np.array([0.25, 0.5])).round(9)
    array([1., 2.])
    """
    used = ~np.isnan(values) & (weights > 0)
    if not used.any():
        return np.full(np.shape(levels), np.nan)
    order = np.argsort(values[used], kind="stable")
    weight = weights[used][order] / weights[used].sum()
    n = 1 / (weight**2).sum()
    passed = np.concatenate([[0.0], np.cumsum(weight)])
    share = np.clip(n * passed - (n - 1) * np.asarray(levels)[..., None], 0.0, 1.0)
    return np.asarray(np.diff(share) @ values[used][order])


def _numbers(name: str, given: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """An array of numbers from what was given, which must hold one at least."""
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        values = np.empty(0)
    if not values.size:
        raise InputError([Problem(name, f"{short_repr(given)}; needs numbers, one at least")])
    return values


def digits(value: float) -> str:
    """Whole percent without the sign; what lies outside 1-99 % is printed as a bound.

    Never 0 or 100: no table is so sure, and what would be was rounded to it.

    Examples
    --------
    >>> [digits(value) for value in (0.0, 0.004, 0.126, 0.998, 1.0)]
    ['<1', '<1', '13', '>99', '>99']
    """
    if value < 0.01:
        return "<1"
    if value > 0.99:
        return ">99"
    return f"{100 * value:.0f}"


def percent(value: float) -> str:
    """Percent, as the reports print it.

    Examples
    --------
    >>> percent(0.126).replace(GAP, " ")
    '13 %'
    """
    return f"{digits(value)}{GAP}%"


def interval(estimate: Estimate) -> str:
    """The ends of an estimate's interval; one number if both ends round to the same.

    Examples
    --------
    >>> interval(Estimate(0.12, 0.06, 0.21)).replace(DASH, "-").replace(GAP, " ")
    '6-21 %'
    >>> interval(Estimate(0.02, 0.004, 0.07)).replace(GAP, " ")
    '<1 to 7 %'
    """
    ends = list(dict.fromkeys((digits(estimate.lower), digits(estimate.upper))))
    bounded = any(end[0] in "<>" for end in ends)
    return f"{(f'{GAP}to{GAP}' if bounded else DASH).join(ends)}{GAP}%"


def quantity(estimate: Estimate) -> str:
    """A mean with its interval in brackets.

    Examples
    --------
    >>> quantity(Estimate(0.12, 0.06, 0.21)).replace(DASH, "-").replace(GAP, " ")
    '12 % (6-21 %)'
    """
    return f"{percent(estimate.mean)} ({interval(estimate)})"
