"""Probability that a number lies in a range, and its gradient; in logarithms, exact in the tails.

Counts reported as "tens of thousands" say that the count lies between two ends. The probability of
that is a difference of two values of the distribution function, taken in the tail in which both
are small. Regularised incomplete gamma and beta functions are summed as series and continued
fractions (Press, Teukolsky, Vetterling, Flannery: Numerical Recipes, 3rd edition, 2007, sections
6.2 and 6.4).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numba
import numpy as np
import numpy.typing as npt

from forecast.evidence.notation import LARGEST_NUMBER

if TYPE_CHECKING:

    def _compiled[F: Callable[..., Any]](function: F) -> F: ...

else:
    _compiled = numba.njit(nogil=True, cache=True)

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

FAMILIES = ("poisson", "negative_binomial", "normal", "student_t")
POISSON: Final = 0
NEGATIVE_BINOMIAL: Final = 1
NORMAL: Final = 2

ENDLESS: Final = float(LARGEST_NUMBER)
"""A range up to the largest number that can be reported has no upper end."""
FEW: Final = 4_096
"""Counts whose probabilities are added one by one."""
NARROW: Final = 1.0
"""Ranges of real numbers, in standard deviations, over which the density is integrated."""
NODES, WEIGHTS = np.polynomial.legendre.leggauss(10)
ROUNDS: Final = 1_000_000
EPSILON: Final = 1e-16
TINY: Final = 1e-300
LARGE: Final = 50.0
STEP: Final = 1e-3
"""Relative step of the five-point difference by the dispersion, which has no closed form."""


@_compiled
def _log_difference(larger: float, smaller: float) -> float:
    """Logarithm of a difference of two numbers given by their logarithms."""
    if smaller == -np.inf:
        return larger
    gap = smaller - larger
    return larger + math.log(-math.expm1(gap)) if gap < 0.0 else -np.inf


@_compiled
def _log_rest(log_part: float) -> float:
    """Logarithm of one minus a probability given by its logarithm."""
    return _log_difference(0.0, log_part)


@_compiled
def log_gamma_parts(a: float, x: float) -> tuple[float, float]:
    """Logarithms of the regularised incomplete gamma functions, lower and upper."""
    front = a * math.log(x) - x - math.lgamma(a)
    if x < a + 1.0:
        term = total = 1.0 / a
        for k in range(1, ROUNDS):
            term *= x / (a + k)
            total += term
            if term < total * EPSILON:
                break
        lower = min(front + math.log(total), 0.0)
        return lower, _log_rest(lower)
    b = x + 1.0 - a
    c, d = 1.0 / TINY, 1.0 / b
    fraction = d
    for k in range(1, ROUNDS):
        step = -k * (k - a)
        b += 2.0
        d = 1.0 / _away(step * d + b)
        c = _away(b + step / c)
        fraction *= c * d
        if abs(c * d - 1.0) < EPSILON:
            break
    upper = min(front + math.log(fraction), 0.0)
    return _log_rest(upper), upper


@_compiled
def _away(value: float) -> float:
    """The value, but not so near zero that it could not be divided by."""
    return value if abs(value) > TINY else TINY


@_compiled
def log_beta_parts(a: float, b: float, x: float, rest: float) -> tuple[float, float]:
    """Logarithms of the regularised incomplete beta function at x, and of its complement.

    The remainder 1 - x is given besides x, because it may be small.
    """
    if x > (a + 1.0) / (a + b + 2.0):
        upper, lower = log_beta_parts_below(b, a, rest, x)
        return lower, upper
    return log_beta_parts_below(a, b, x, rest)


@_compiled
def log_beta_parts_below(a: float, b: float, x: float, rest: float) -> tuple[float, float]:
    """Do so for an x not far above the mean, where the continued fraction converges fast."""
    front = a * math.log(x) + b * math.log(rest) - math.log(a)
    front += _log_gamma_ratio(max(a, b), min(a, b)) - math.lgamma(min(a, b))
    c, d = 1.0, 1.0 / _away(1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, ROUNDS):
        step = m * (b - m) * x / ((a + 2 * m - 1.0) * (a + 2 * m))
        d = 1.0 / _away(1.0 + step * d)
        c = _away(1.0 + step / c)
        fraction *= c * d
        step = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1.0))
        d = 1.0 / _away(1.0 + step * d)
        c = _away(1.0 + step / c)
        fraction *= c * d
        if abs(c * d - 1.0) < EPSILON:
            break
    lower = min(front + math.log(fraction), 0.0)
    return lower, _log_rest(lower)


@_compiled
def _log_gamma_ratio(x: float, more: float) -> float:
    """Logarithm of gamma(x + more) / gamma(x), without the difference of two large numbers."""
    if x < LARGE:
        return math.lgamma(x + more) - math.lgamma(x)
    y = x + more
    found = (x - 0.5) * math.log1p(more / x) + more * (math.log(y) - 1.0)
    found += (1.0 / y - 1.0 / x) / 12.0 - (y**-3 - x**-3) / 360.0
    return found + (y**-5 - x**-5) / 1260.0


@_compiled
def log_mass(family: int, y: float, mean: float, size: float) -> float:
    """Log-probability of one count; none below 0."""
    if y < 0.0:
        return -np.inf
    if family == POISSON:
        return y * math.log(mean) - mean - math.lgamma(y + 1.0)
    found = -math.lgamma(size) - math.log(y + size)
    found += _log_gamma_ratio(y + 1.0, size)
    found += size * math.log(size / (mean + size))
    return found + (y * math.log(mean / (mean + size)) if y > 0.0 else 0.0)


@_compiled
def _log_count_tails(family: int, y: float, mean: float, size: float) -> tuple[float, float]:
    """Log-probabilities that a count is at most y, and that it is above it."""
    if y < 0.0:
        return -np.inf, 0.0
    if y >= ENDLESS:
        return 0.0, -np.inf
    if family == POISSON:
        above, most = log_gamma_parts(y + 1.0, mean)
        return most, above
    whole = mean + size
    return log_beta_parts(size, y + 1.0, size / whole, mean / whole)


@_compiled
def _add_counts(family: int, low: float, high: float, mean: float, size: float) -> float:
    """Add probabilities of counts outwards from the largest, each a multiple of the one before."""
    shape, ratio = (0.0, mean) if family == POISSON else (size, mean / (mean + size))
    mode = math.floor(mean if family == POISSON else ratio * (size - 1.0) / (1.0 - ratio))
    middle = min(max(mode, low), high)
    total = term = 1.0
    y = middle
    while y < high and term > total * EPSILON:
        term *= ratio / (y + 1.0) * (y + shape if shape > 0.0 else 1.0)
        total += term
        y += 1.0
    term, y = 1.0, middle
    while y > low and term > total * EPSILON:
        term *= y / ratio / (y - 1.0 + shape if shape > 0.0 else 1.0)
        total += term
        y -= 1.0
    return log_mass(family, middle, mean, size) + math.log(total)


@_compiled
def _log_count_range(family: int, low: float, high: float, mean: float, size: float) -> float:
    """Log-probability that a count lies from low to high, both included."""
    if high - low < FEW:
        return _add_counts(family, low, high, mean, size)
    below_low, from_low = _log_count_tails(family, low - 1.0, mean, size)
    up_to_high, above_high = _log_count_tails(family, high, mean, size)
    if mean < low:
        return _log_difference(from_low, above_high)
    if mean > high:
        return _log_difference(up_to_high, below_low)
    outside = math.exp(below_low) + math.exp(above_high)
    return math.log1p(-outside) if outside < 1.0 else -np.inf


@_compiled
def _log_density(family: int, z: float, degrees: float) -> float:
    """Log-density of a standardised real number."""
    if family == NORMAL:
        return -0.5 * z * z - 0.5 * math.log(2.0 * math.pi)
    tail = (degrees + 1.0) / 2.0
    found = math.lgamma(tail) - math.lgamma(degrees / 2.0) - 0.5 * math.log(degrees * math.pi)
    return found - tail * math.log1p(z * z / degrees)


@_compiled
def _log_above(family: int, z: float, degrees: float) -> float:
    """Log-probability that a standardised real number exceeds z, which is not negative."""
    if family == NORMAL:
        if z < 25.0:
            return math.log(0.5 * math.erfc(z / math.sqrt(2.0)))
        q = 1.0 / (z * z)
        series = math.log1p(-q * (1.0 - 3.0 * q * (1.0 - 5.0 * q * (1.0 - 7.0 * q))))
        return _log_density(NORMAL, z, 0.0) - math.log(z) + series
    whole = degrees + z * z
    below, _ = log_beta_parts(degrees / 2.0, 0.5, degrees / whole, z * z / whole)
    return math.log(0.5) + below


@_compiled
def _integrate(
    family: int, a: float, b: float, scale: float, degrees: float
) -> tuple[float, float, float]:
    """Integrate the density over a short range: the logarithm, and its gradient by mean and scale.

    The ends move with mean and scale as the density does, so derivatives are averages of those
    inside.
    """
    middle, half = (a + b) / 2.0, (b - a) / 2.0
    peak = max(_log_density(family, a, degrees), _log_density(family, b, degrees))
    if a < 0.0 < b:
        peak = _log_density(family, 0.0, degrees)
    total = by_mean = by_scale = 0.0
    for k in range(NODES.shape[0]):
        z = middle + half * NODES[k]
        share = WEIGHTS[k] * math.exp(_log_density(family, z, degrees) - peak)
        by_z = -z if family == NORMAL else -(degrees + 1.0) * z / (degrees + z * z)
        total += share
        by_mean -= share * by_z
        by_scale -= share * (z * by_z + 1.0)
    return peak + math.log(total * half), by_mean / total / scale, by_scale / total / scale


@_compiled
def _log_real_range(family: int, a: float, b: float, degrees: float) -> float:
    """Log-probability that a standardised real number lies between a and b."""
    if a > 0.0:
        return _log_difference(_log_above(family, a, degrees), _log_above(family, b, degrees))
    if b < 0.0:
        return _log_difference(_log_above(family, -b, degrees), _log_above(family, -a, degrees))
    outside = math.exp(_log_above(family, -a, degrees)) + math.exp(_log_above(family, b, degrees))
    return math.log1p(-outside) if outside < 1.0 else -np.inf


@_compiled
def log_range(
    family: int, low: float, high: float, mean: float, scale: float, degrees: float
) -> float:
    """Log-probability that a number lies in a range; `scale` is the dispersion of a count."""
    if family in (POISSON, NEGATIVE_BINOMIAL):
        return _log_count_range(family, low, high, mean, scale)
    a, b = (low - mean) / scale, (high - mean) / scale
    if (b - a) * max(1.0, abs(a)) < NARROW:
        return _integrate(family, a, b, scale, degrees)[0]
    return _log_real_range(family, a, b, degrees)


@_compiled
def range_gradient(
    family: int, low: float, high: float, mean: float, scale: float, degrees: float
) -> tuple[float, float]:
    """Gradient of `log_range` by mean and scale."""
    found = log_range(family, low, high, mean, scale, degrees)
    if found == -np.inf:
        return 0.0, 0.0
    if family in (POISSON, NEGATIVE_BINOMIAL):
        ends = math.exp(log_mass(family, low - 1.0, mean, scale) - found), 0.0
        if high < ENDLESS:
            ends = ends[0], math.exp(log_mass(family, high, mean, scale) - found)
        if family == POISSON:
            return ends[0] - ends[1], 0.0
        by_mean = ((scale + low - 1.0) * ends[0] - (scale + high) * ends[1]) / (mean + scale)
        return by_mean, _slope_by_size(low, high, mean, scale)
    a, b = (low - mean) / scale, (high - mean) / scale
    if (b - a) * max(1.0, abs(a)) < NARROW:
        return _integrate(family, a, b, scale, degrees)[1:]
    at_a = math.exp(_log_density(family, a, degrees) - found)
    at_b = math.exp(_log_density(family, b, degrees) - found)
    return (at_a - at_b) / scale, (a * at_a - b * at_b) / scale


@_compiled
def _slope_by_size(low: float, high: float, mean: float, size: float) -> float:
    h = STEP * size
    near = _log_count_range(NEGATIVE_BINOMIAL, low, high, mean, size + h)
    near -= _log_count_range(NEGATIVE_BINOMIAL, low, high, mean, size - h)
    far = _log_count_range(NEGATIVE_BINOMIAL, low, high, mean, size + 2.0 * h)
    far -= _log_count_range(NEGATIVE_BINOMIAL, low, high, mean, size - 2.0 * h)
    return (8.0 * near - far) / (12.0 * h)


@_compiled
def log_ranges(
    positive: Array,
    real: Array,
    family: Index,
    lower: Array,
    upper: Array,
    location: Index,
    scale: Index,
    exposure: Array,
    degrees: Array,
) -> Array:
    """Log-probability of every range under each state, (range, state, draw).

    Parameters
    ----------
    positive, real
        Positive and real parameters, (parameter, draw).
    family
        Number of the family in `FAMILIES`, (range,).
    lower, upper
        Ends, (range,).
    location, scale
        Place of the mean and of the scale among the parameters, (range, state).
    exposure, degrees
        Exposure of counts, and degrees of freedom, (range,).
    """
    found = np.empty((*location.shape, positive.shape[1]))
    for r in range(location.shape[0]):
        counts = family[r] in (POISSON, NEGATIVE_BINOMIAL)
        for s in range(location.shape[1]):
            for d in range(positive.shape[1]):
                place = location[r, s]
                mean = positive[place, d] * exposure[r] if counts else real[place, d]
                found[r, s, d] = log_range(
                    family[r], lower[r], upper[r], mean, positive[scale[r, s], d], degrees[r]
                )
    return found


@_compiled
def gradient_of_ranges(
    positive: Array,
    real: Array,
    by_range: Array,
    family: Index,
    lower: Array,
    upper: Array,
    location: Index,
    scale: Index,
    exposure: Array,
    degrees: Array,
) -> tuple[Array, Array]:
    """Gradient by positive and real parameters, from that by `log_ranges`; a single draw."""
    by_positive, by_real = np.zeros(positive.shape[0]), np.zeros(real.shape[0])
    for r in range(location.shape[0]):
        counts = family[r] in (POISSON, NEGATIVE_BINOMIAL)
        for s in range(location.shape[1]):
            derivative, place = by_range[r, s], location[r, s]
            if derivative == 0.0:
                continue
            mean = positive[place] * exposure[r] if counts else real[place]
            by_mean, by_scale = range_gradient(
                family[r], lower[r], upper[r], mean, positive[scale[r, s]], degrees[r]
            )
            if counts:
                by_positive[place] += derivative * by_mean * exposure[r]
            else:
                by_real[place] += derivative * by_mean
            if family[r] != POISSON:
                by_positive[scale[r, s]] += derivative * by_scale
    return by_positive, by_real
