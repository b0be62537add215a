"""Interval-censored likelihood: probability of a reported number or range, and its gradients.

All in logarithms.

Counts are Poisson or negative binomial; their probabilities are written with deviances instead of
differences of large logarithms (Loader: Fast and accurate computation of binomial probabilities,
2000), so they keep their digits up to the largest count. Real numbers are normal or Student's t.

A range is summed or integrated outwards from its most probable number, each part relative to the
peak, until what is left no longer counts. Far from the peak counts are as good as continuous:
their sum is an integral with one Euler-Maclaurin correction. The work does not grow with the
numbers, and digits are kept however improbable the range is.

SciPy's and PyMC's distribution functions do not serve here. Of 1,000 to 1,010 events where 100 are
expected the logarithm of the probability is -1406.85: this has all digits; `scipy.stats` gives
minus infinity or not a number, as a difference of `cdf` and of `logsf`, and takes ninety times as
long for one call; `pymc.logcdf` gives minus infinity and a gradient that is not a number. Of 40 to
41 standard deviations, and of Student's t far out, the same is true.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from forecast.arrays import Array, Index
from forecast.evidence.notation import LARGEST_NUMBER
from forecast.network.compiling import compiled, compiled_within

Parts = tuple[float, float, float]
"""A sum or an integral, and the same of the gradients of its terms by mean and by scale."""

FAMILIES = ("poisson", "negative_binomial", "normal", "student_t")
POISSON: Final = 0
NEGATIVE_BINOMIAL: Final = 1
NORMAL: Final = 2

ENDLESS: Final = float(LARGEST_NUMBER)
"""A range up to the largest number that can be reported has no upper end."""
ONE_BY_ONE: Final = 2_048
"""Counts on each side of the peak that are added one by one. Where the sum has not converged by
then, neighbours differ by less than two per cent and Euler and Maclaurin's next term is 1e-10."""
STEEPEST: Final = 4.0
"""Fall of the log-density over a stretch that ten nodes integrate to the last digit."""
MOST_STRETCHES: Final = 500
"""Stretches double while the density is flat: from 1 to the largest number in some fifty."""
EPSILON: Final = 1e-17
NODES, WEIGHTS = np.polynomial.legendre.leggauss(10)
STIRLING: Final = 15.0
"""From here on five terms of Stirling's series have all digits."""
SERIES: Final = 0.1
HALF_LOG_2PI: Final = 0.5 * math.log(2.0 * math.pi)


@compiled_within
def stirling_error(x: float) -> float:
    """Logarithm of gamma(x + 1) beyond (x + 1/2) log x - x + log(2π) / 2."""
    if x < STIRLING:
        return math.lgamma(x + 1.0) - (x + 0.5) * math.log(x) + x - HALF_LOG_2PI
    y = 1.0 / (x * x)
    return (1 / 12 - y * (1 / 360 - y * (1 / 1260 - y * (1 / 1680 - y / 1188)))) / x


@compiled_within
def deviance(x: float, mean: float) -> float:
    """Compute x log(x / mean) + mean - x, without the difference of large numbers."""
    if abs(x - mean) >= SERIES * (x + mean):
        return x * math.log(x / mean) + mean - x
    v = (x - mean) / (x + mean)
    found, term = (x - mean) * v, 2.0 * x * v
    for k in range(3, 40, 2):
        term *= v * v
        following = found + term / k
        if following == found:
            break
        found = following
    return found


@compiled_within
def digamma(x: float) -> float:
    """Derivative of the logarithm of the gamma function at a positive number."""
    found = 0.0
    while x < STIRLING:
        found -= 1.0 / x
        x += 1.0
    y = 1.0 / (x * x)
    series = y * (1 / 12 - y * (1 / 120 - y * (1 / 252 - y * (1 / 240 - y / 132))))
    return found + math.log(x) - 0.5 / x - series


@compiled_within
def log_mass(family: int, y: float, mean: float, size: float) -> float:
    """Log-probability of one count, or its smooth continuation between counts."""
    if family == POISSON:
        if y <= 0.0:
            return -mean if y == 0.0 else -math.inf
        return -HALF_LOG_2PI - 0.5 * math.log(y) - stirling_error(y) - deviance(y, mean)
    if y <= 0.0:
        return -size * math.log1p(mean / size) if y == 0.0 else -math.inf
    n, probability = y + size, size / (mean + size)
    found = stirling_error(n) - stirling_error(size) - stirling_error(y)
    found -= deviance(size, n * probability) + deviance(y, n * (mean / (mean + size)))
    return found - HALF_LOG_2PI + 0.5 * (math.log(size / n) - math.log(y))


@compiled_within
def _log_real(family: int, z: float, degrees: float) -> float:
    """Log-density of a standardised real number."""
    if family == NORMAL:
        return -0.5 * z * z - HALF_LOG_2PI
    tail = (degrees + 1.0) / 2.0
    found = math.lgamma(tail) - math.lgamma(degrees / 2.0) - 0.5 * math.log(degrees * math.pi)
    if degrees > 1e8:
        found = -HALF_LOG_2PI
    return found - tail * math.log1p(z * z / degrees)


@compiled_within
def log_density(family: int, y: float, mean: float, scale: float, degrees: float) -> float:
    """Log-probability of a count, or log-density of a real number."""
    if family in (POISSON, NEGATIVE_BINOMIAL):
        return log_mass(family, y, mean, scale)
    return _log_real(family, (y - mean) / scale, degrees) - math.log(scale)


@compiled_within
def density_gradients(
    family: int, y: float, mean: float, scale: float, degrees: float
) -> tuple[float, float]:
    """Derivatives of `log_density` by mean and scale."""
    if family == POISSON:
        return (y - mean) / mean, 0.0
    if family == NEGATIVE_BINOMIAL:
        by_mean = (y - mean) / (mean + scale) * (scale / mean)
        by_size = digamma(y + scale) - digamma(scale) - math.log1p(mean / scale)
        return by_mean, by_size - (y - mean) / (mean + scale)
    z = (y - mean) / scale
    pull = z if family == NORMAL else (degrees + 1.0) * z / (degrees + z * z)
    return pull / scale, (z * pull - 1.0) / scale


@compiled_within
def _rise(family: int, start: float, by: float, mean: float, scale: float, degrees: float) -> float:
    """Change of the log-density over a distance, which may be less than the number's last digit."""
    if family in (POISSON, NEGATIVE_BINOMIAL):
        there = log_mass(family, start + by, mean, scale)
        return there - log_mass(family, start, mean, scale)
    z, dz = (start - mean) / scale, by / scale
    growth = dz * (2.0 * z + dz)
    if family == NORMAL:
        return -0.5 * growth
    return -(degrees + 1.0) / 2.0 * math.log1p(growth / (degrees + z * z))


@compiled_within
def _integrate(
    family: int, start: float, length: float, mean: float, scale: float, degrees: float
) -> Parts:
    """Integrate the density relative to that at the start, where it is largest.

    The length is negative on the way down.
    """
    total = by_mean = by_scale = 0.0
    counts = family in (POISSON, NEGATIVE_BINOMIAL)
    width = math.copysign(min(abs(length), 1.0 if counts else scale), length)
    at = here = 0.0
    for _ in range(MOST_STRETCHES):
        width = math.copysign(min(abs(width), abs(length - at)), length)
        fall = here - _rise(family, start, at + width, mean, scale, degrees)
        while fall > STEEPEST:
            width *= 0.5
            fall = here - _rise(family, start, at + width, mean, scale, degrees)
        part = 0.0
        for k in range(NODES.shape[0]):
            x = at + width * 0.5 * (1.0 + NODES[k])
            mass = math.exp(_rise(family, start, x, mean, scale, degrees))
            mass *= WEIGHTS[k] * 0.5 * abs(width)
            gradients = density_gradients(family, start + x, mean, scale, degrees)
            part += mass
            by_mean += mass * gradients[0]
            by_scale += mass * gradients[1]
        total += part
        at += width
        here -= fall
        if part <= EPSILON * total or abs(at) >= abs(length):
            break
        if fall < 1.0:
            width *= 2.0
    return total, by_mean, by_scale


@compiled
def _ratio(family: int, y: float, mean: float, size: float) -> float:
    """How much more probable a count is than the one before."""
    return mean / y if family == POISSON else mean / (mean + size) * ((y - 1.0 + size) / y)


@compiled_within
def _add_counts(
    family: int, first: float, last: float, peak: float, mean: float, size: float
) -> Parts:
    """Add counts from a first to a last, up or down, relative to the probability of a peak."""
    total = by_mean = by_size = 0.0
    step = 1.0 if last >= first else -1.0
    term = math.exp(_rise(family, peak, first - peak, mean, size, 0.0))
    y = first
    for _ in range(ONE_BY_ONE):
        gradients = density_gradients(family, y, mean, size, 0.0)
        total += term
        by_mean += term * gradients[0]
        by_size += term * gradients[1]
        if y == last or term <= EPSILON * total:
            return total, by_mean, by_size
        y += step
        if step > 0.0:
            term *= _ratio(family, y, mean, size)
        else:
            term /= _ratio(family, y + 1.0, mean, size)
    rest = _add_rest(family, y - 0.5 * step, last + 0.5 * step, peak, mean, size)
    return total + rest[0], by_mean + rest[1], by_size + rest[2]


@compiled_within
def _add_rest(
    family: int, start: float, end: float, peak: float, mean: float, size: float
) -> Parts:
    """Add the counts between two half counts: an integral, and Euler and Maclaurin's correction."""
    there = math.exp(_rise(family, peak, start - peak, mean, size, 0.0))
    area, area_by_mean, area_by_size = _integrate(family, start, end - start, mean, size, 0.0)
    step = 0.5 if end >= start else -0.5
    for at, sign in ((start, -1.0), (end, 1.0)):
        if 0.5 < at < math.inf:
            fall = _rise(family, at - step, 2.0 * step, mean, size, 0.0)
            local = math.exp(_rise(family, start, at - start, mean, size, 0.0))
            area -= sign * local * fall / 24.0
    return there * area, there * area_by_mean, there * area_by_size


@compiled_within
def _most_probable(family: int, low: float, high: float, mean: float, scale: float) -> float:
    """Most probable number of a range."""
    mode = mean
    if family == POISSON:
        mode = math.floor(mean)
    elif family == NEGATIVE_BINOMIAL:
        mode = math.floor(mean * (scale - 1.0) / scale)
    return min(max(mode, low), high)


@compiled
def range_parts(
    family: int, low: float, high: float, mean: float, scale: float, degrees: float
) -> Parts:
    """Log-probability that a number lies in a range, and its gradients by mean and scale.

    Counts include both ends.

    Parameters
    ----------
    family
        Number of the family in `FAMILIES`.
    low, high
        Ends; one at `ENDLESS` stands for no end.
    mean, scale, degrees
        Mean or location; dispersion or standard deviation; degrees of freedom.
    """
    end = math.inf if high >= ENDLESS else high
    if family in (POISSON, NEGATIVE_BINOMIAL):
        low = max(low, 0.0)
        peak = _most_probable(family, low, high, mean, scale)
        parts = _add_counts(family, peak, high, peak, mean, scale)
        if peak > low:
            below = _add_counts(family, peak - 1.0, low, peak, mean, scale)
            parts = parts[0] + below[0], parts[1] + below[1], parts[2] + below[2]
    else:
        peak = _most_probable(family, low, high, mean, scale)
        parts = _integrate(family, peak, end - peak, mean, scale, degrees)
        if peak > low:
            below = _integrate(family, peak, low - peak, mean, scale, degrees)
            parts = parts[0] + below[0], parts[1] + below[1], parts[2] + below[2]
    whole = log_density(family, peak, mean, scale, degrees) + math.log(parts[0])
    return min(whole, 0.0), parts[1] / parts[0], parts[2] / parts[0]


@compiled
def log_range(
    family: int, low: float, high: float, mean: float, scale: float, degrees: float
) -> float:
    """Log-probability that a number lies in a range; see `range_parts`."""
    return range_parts(family, low, high, mean, scale, degrees)[0]


@compiled
def log_numbers(
    positive: Array,
    real: Array,
    family: Index,
    exact: Index,
    lower: Array,
    upper: Array,
    location: Index,
    scale: Index,
    exposure: Array,
    degrees: Array,
) -> Array:
    """Log-density of every number, or log-probability of every range, (number, state, draw).

    Parameters
    ----------
    positive, real
        Positive and real parameters, (parameter, draw).
    family
        Number of the family in `FAMILIES`, (number,).
    exact
        Whether a number is given, the lower end, and not a range, (number,).
    lower, upper
        Ends, (number,).
    location, scale
        Place of the mean and of the scale among the parameters, (number, state).
    exposure, degrees
        Exposure of counts, and degrees of freedom, (number,).
    """
    found = np.empty((*location.shape, positive.shape[1]))
    for r in range(location.shape[0]):
        counts = family[r] in (POISSON, NEGATIVE_BINOMIAL)
        for s in range(location.shape[1]):
            for d in range(positive.shape[1]):
                place = location[r, s]
                mean = positive[place, d] * exposure[r] if counts else real[place, d]
                sd = positive[scale[r, s], d]
                if exact[r]:
                    found[r, s, d] = log_density(family[r], lower[r], mean, sd, degrees[r])
                else:
                    found[r, s, d] = log_range(family[r], lower[r], upper[r], mean, sd, degrees[r])
    return found


@compiled_within
def gradient_of_numbers(
    positive: Array,
    real: Array,
    by_number: Array,
    family: Index,
    exact: Index,
    lower: Array,
    upper: Array,
    location: Index,
    scale: Index,
    exposure: Array,
    degrees: Array,
) -> tuple[Array, Array]:
    """Derivatives by positive and real parameters, from those by `log_numbers`; a single draw."""
    by_positive, by_real = np.zeros(positive.shape[0]), np.zeros(real.shape[0])
    for r in range(location.shape[0]):
        counts = family[r] in (POISSON, NEGATIVE_BINOMIAL)
        for s in range(location.shape[1]):
            derivative, place = by_number[r, s], location[r, s]
            if derivative == 0.0:
                continue
            mean = positive[place] * exposure[r] if counts else real[place]
            sd = positive[scale[r, s]]
            if exact[r]:
                by_mean, by_scale = density_gradients(family[r], lower[r], mean, sd, degrees[r])
            else:
                _, by_mean, by_scale = range_parts(
                    family[r], lower[r], upper[r], mean, sd, degrees[r]
                )
            if counts:
                by_positive[place] += derivative * by_mean * exposure[r]
            else:
                by_real[place] += derivative * by_mean
            if family[r] != POISSON:
                by_positive[scale[r, s]] += derivative * by_scale
    return by_positive, by_real
