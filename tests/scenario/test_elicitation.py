"""Law: a fitted prior has the quantiles that were stated, as SciPy computes them."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from forecast.errors import InputError
from forecast.scenario.elicitation import fit_row
from forecast.scenario.fits import fit_beta, fit_dirichlet, fit_lognormal
from forecast.scenario.probability_statements import Interval

ENDS = (0.0, 1e-5, 0.001, 0.01, 0.05, 0.2, 0.4, 0.5, 0.7, 0.9, 0.98, 0.999, 0.99999, 1.0)
INTERVALS = [pair for pair in product(ENDS, ENDS) if pair[0] < pair[1]]


def tails(coverage: float) -> np.ndarray:
    return np.array([(1 - coverage) / 2, (1 + coverage) / 2])


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.98])
def test_beta_has_the_stated_quantiles(coverage: float) -> None:
    for lower, upper in INTERVALS:
        inside = (upper - lower) / 100
        stated = lower or inside, upper if upper < 1 else 1 - inside
        found = stats.beta.ppf(tails(coverage), *fit_beta(lower, upper, coverage))
        np.testing.assert_allclose(found, stated, atol=1e-4, err_msg=f"{lower, upper}")


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_beta_of_the_complement_is_the_mirror_image(coverage: float) -> None:
    for lower, upper in [(0.05, 0.2), (0.1, 0.9), (0.6, 0.99)]:
        a, b = fit_beta(lower, upper, coverage)
        np.testing.assert_allclose(fit_beta(1 - upper, 1 - lower, coverage), (b, a), rtol=1e-4)


@pytest.mark.parametrize("seed", range(10))
def test_beta_recovers_a_known_beta(seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape, coverage = np.exp(rng.uniform(0, 4, 2)), rng.uniform(0.5, 0.95)
    lower, upper = stats.beta.ppf(tails(coverage), *shape)
    np.testing.assert_allclose(fit_beta(lower, upper, coverage), shape, rtol=1e-3)


@pytest.mark.parametrize("seed", range(20))
def test_lognormal_is_exact(seed: int) -> None:
    rng = np.random.default_rng(seed)
    lower, ratio, coverage = (
        np.exp(rng.normal(0, 2)),
        1 + rng.exponential(2),
        rng.uniform(0.1, 0.99),
    )
    mean, sd = fit_lognormal(lower, lower * ratio, coverage)
    found = stats.lognorm.ppf(tails(coverage), sd, scale=np.exp(mean))
    np.testing.assert_allclose(found, [lower, lower * ratio], rtol=1e-10)


def marginal_quantiles(alpha: np.ndarray, coverage: float) -> np.ndarray:
    return np.array([stats.beta.ppf(tails(coverage), a, alpha.sum() - a) for a in alpha])


@pytest.mark.parametrize("seed", range(20))
def test_dirichlet_recovers_a_known_dirichlet(seed: int) -> None:
    rng = np.random.default_rng(seed)
    coverage = rng.uniform(0.5, 0.95)
    alpha = np.exp(rng.uniform(-0.5, 3, rng.integers(2, 6)))
    stated = tuple((*ends, coverage) for ends in marginal_quantiles(alpha, coverage).tolist())
    fit = fit_dirichlet(stated)
    np.testing.assert_allclose(fit.concentration, alpha, rtol=1e-3)
    assert fit.miss < 1e-4


@pytest.mark.parametrize("seed", range(20))
def test_dirichlet_says_how_far_it_is_from_what_was_stated(seed: int) -> None:
    rng = np.random.default_rng(seed)
    middle = rng.dirichlet(np.full(3 + seed % 3, 4.0))
    lower, upper = middle * rng.uniform(0.3, 0.9), np.minimum(middle * rng.uniform(1.1, 1.8), 0.99)
    fit = fit_dirichlet(tuple((a, b, 0.9) for a, b in zip(lower, upper, strict=True)))
    found = marginal_quantiles(np.array(fit.concentration), 0.9)
    miss = np.abs(found - np.stack([lower, upper], 1)).max()
    np.testing.assert_allclose(fit.miss, miss, atol=1e-9)


def test_one_interval_of_two_states_speaks_for_both() -> None:
    states, interval = ("no", "yes"), Interval(lower=0.05, upper=0.2)
    a, b = fit_beta(0.05, 0.2)
    assert fit_row(states, {"yes": interval}).concentration == (b, a)
    assert fit_row(states, {"no": interval}).concentration == (a, b)
    both = {"yes": interval, "no": Interval(lower=0.8, upper=0.95)}
    np.testing.assert_allclose(fit_row(states, both).concentration, (b, a), rtol=1e-3)


@pytest.mark.parametrize("ends", [(0.5, 0.5), (0.6, 0.4), (-0.1, 0.5), (0.5, 1.1), (np.nan, 0.5)])
def test_what_is_no_interval_of_probabilities(ends: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="not an interval of probabilities"):
        fit_beta(*ends)


@pytest.mark.parametrize("ends", [(0.0, 1.0), (2.0, 2.0), (3.0, 2.0), (-1.0, 2.0)])
def test_what_is_no_interval_of_positive_numbers(ends: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="not an interval of positive numbers"):
        fit_lognormal(*ends)
