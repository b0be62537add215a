"""Probabilities of ranges against SciPy's, their derivatives against differences."""

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from scipy import stats

from forecast.evidence.notation import LARGEST_NUMBER
from forecast.model.interval_censoring import FAMILIES, log_range, range_parts

CASES = 150


def draw_case(family, rng):
    """Ends, mean, scale, degrees, and SciPy's distribution."""
    if family in ("poisson", "negative_binomial"):
        low = float(int(10 ** rng.uniform(0, 4.5)) - 1)
        high = low + float(int(10 ** rng.uniform(0, 4.5)) - 1)
        mean, size = 10 ** rng.uniform(-1, 4.5), 10 ** rng.uniform(-1, 2)
        known = (
            stats.poisson(mean) if family == "poisson" else stats.nbinom(size, size / (size + mean))
        )
        return low, high, mean, size, 0.0, known
    mean, scale = 3 * rng.normal(), 10 ** rng.uniform(-1, 1)
    low = 8 * rng.normal()
    high = low + 10 ** rng.uniform(-2, 1.5)
    degrees = float(rng.choice([1, 3, 7.5]))
    known = stats.norm(mean, scale) if family == "normal" else stats.t(degrees, mean, scale)
    return low, high, mean, scale, degrees, known


def log_probability(family, low, high, mean, known):
    """By SciPy's tails: those in which both ends are small."""
    below = low - 1 if family in ("poisson", "negative_binomial") else low
    if mean < low:
        larger, smaller = known.logsf(below), known.logsf(high)
    else:
        larger, smaller = known.logcdf(high), known.logcdf(below)
    return larger + np.log(-np.expm1(smaller - larger)) if smaller < larger else -np.inf


@pytest.mark.parametrize("family", FAMILIES)
def test_ranges_agree_with_scipy(family):
    rng = np.random.default_rng(FAMILIES.index(family))
    compared = 0
    for _ in range(CASES):
        low, high, mean, scale, degrees, known = draw_case(family, rng)
        with np.errstate(divide="ignore", invalid="ignore"):
            expected = log_probability(family, low, high, mean, known)
        found = log_range(FAMILIES.index(family), low, high, mean, scale, degrees)
        if np.isfinite(expected):
            assert found == pytest.approx(expected, rel=1e-8, abs=1e-10)
            compared += 1
    assert compared > CASES / 3


@pytest.mark.parametrize("family", FAMILIES)
def test_derivatives_of_ranges_are_differences(family):
    rng = np.random.default_rng(10 + FAMILIES.index(family))
    number = FAMILIES.index(family)
    for _ in range(CASES):
        low, high, mean, scale, degrees, _ = draw_case(family, rng)
        if log_range(number, low, high, mean, scale, degrees) < -300:
            continue
        found = range_parts(number, low, high, mean, scale, degrees)[1:]
        steps = 1e-4 * max(abs(mean), scale if number > 1 else 0), 1e-4 * scale
        for slope, (by_mean, by_scale) in zip(found, ((steps[0], 0), (0, steps[1])), strict=True):
            ends = [
                log_range(number, low, high, mean + k * by_mean, scale + k * by_scale, degrees)
                for k in (-2, -1, 1, 2)
            ]
            difference = (8 * (ends[2] - ends[1]) - (ends[3] - ends[0])) / (
                12 * (by_mean + by_scale)
            )
            assert slope == pytest.approx(difference, rel=1e-5, abs=1e-5)


def test_ranges_that_meet_add_up_to_one():
    for family, ends in ((0, [0, 3, 50, 5_000]), (1, [0, 1, 900, 40_000])):
        mean, size = 41.0, 0.7
        edges = [*zip(ends[:-1], np.array(ends[1:]) - 1, strict=True), (ends[-1], LARGEST_NUMBER)]
        total = sum(
            math.exp(log_range(family, float(a), float(b), mean, size, 0.0)) for a, b in edges
        )
        assert total == pytest.approx(1, abs=1e-12)


def test_far_tails_keep_their_digits():
    """Where both tails underflow, the mass lies at the near end, falling off geometrically."""
    low, mean, size = 100_000.0, 0.5, 2.0
    found = log_range(1, low, float(LARGEST_NUMBER), mean, size, 0.0)
    near = stats.nbinom(size, size / (size + mean)).logpmf(low)
    assert near < -100_000
    assert found == pytest.approx(near - math.log(1 - mean / (mean + size)), abs=1e-4)
    at_most_two = -900 + math.log(1 + 900 + 900**2 / 2)
    assert log_range(0, 0.0, 2.0, 900.0, 1.0, 0.0) == pytest.approx(at_most_two, rel=1e-14)


def test_a_range_of_one_count_is_that_count():
    for family, known in ((0, stats.poisson(7.0)), (1, stats.nbinom(2.0, 2 / 9))):
        found = log_range(family, 4.0, 4.0, 7.0, 2.0, 0.0)
        assert found == pytest.approx(known.logpmf(4), rel=1e-13)


@pytest.mark.parametrize("size", [None, 2])
def test_far_tails_of_counts_are_those_of_exact_sums(size):
    """Against sums in sixty digits, where distribution functions are 0 or 1."""
    low, high, mean = 1000, 1010, 100
    with localcontext() as context:
        context.prec = 60
        share = Decimal(1) if size is None else Decimal(mean) / (mean + size)
        term = Decimal(-mean).exp() if size is None else (1 - share) ** size
        terms = [term]
        for k in range(1, high + 1):
            term *= Decimal(mean) / k if size is None else share * (size + k - 1) / k
            terms.append(term)
        exact = float(sum(terms[low:]).ln())
    family = FAMILIES.index("poisson" if size is None else "negative_binomial")
    found = log_range(family, float(low), float(high), float(mean), float(size or 1), 0.0)
    assert found == pytest.approx(exact, rel=1e-14)
