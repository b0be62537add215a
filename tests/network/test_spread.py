"""The spread over draws of uncertain tables, where it has a closed form or a known limit."""

from __future__ import annotations

from itertools import pairwise
from math import comb, prod

import numpy as np
import pytest
from scipy import stats

from forecast.interchange.tabled import TabledNetwork
from forecast.network.structure import Block, Network, Node
from forecast.posterior.beliefs import Beliefs
from tests.rivals import our_beliefs, random_case

N = 20_000
ERRORS = 4.5
"""Standard errors that a Monte Carlo figure may be off."""


def drawn(network: TabledNetwork, seed: int, n: int = N) -> Beliefs:
    return network.beliefs(draws=n, random_seed=seed)


def assert_mean_and_variance(draws: np.ndarray, moments: list[float]) -> None:
    """Compare with the first four moments about zero, within standard errors."""
    mean, second, third, fourth = moments
    variance = second - mean**2
    central = fourth - 4 * mean * third + 6 * mean**2 * second - 3 * mean**4
    assert abs(draws.mean() - mean) < ERRORS * np.sqrt(variance / draws.size)
    noise = np.sqrt((central - variance**2) / draws.size)
    assert abs(draws.var() - variance) < ERRORS * noise


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (2.0, 3.0), (1.0, 30.0), (40.0, 60.0)])
def test_one_uncertain_probability_is_beta(a, b):
    known = TabledNetwork("one", {"x": ("no", "yes")}, tables={"x": [b / (a + b), a / (a + b)]})
    beliefs = drawn(known.with_concentration(a + b), 1)
    draws = beliefs.posterior("x").sel(state="yes").to_numpy().ravel()
    beta = stats.beta(a, b)
    assert_mean_and_variance(draws, [beta.moment(k) for k in (1, 2, 3, 4)])
    for level in (0.05, 0.25, 0.5, 0.75, 0.95):
        below = (draws <= beta.ppf(level)).mean()
        assert abs(below - level) < ERRORS * np.sqrt(level * (1 - level) / N)
    assert stats.kstest(draws, beta.cdf).pvalue > 1e-4


def dirichlet_moment(alpha: np.ndarray, powers: np.ndarray) -> float:
    """E[Π x_i^n_i] of a Dirichlet variable, by rising factorials."""
    top = prod(a + j for a, n in zip(alpha, powers, strict=True) for j in range(n))
    return top / prod(alpha.sum() + j for j in range(sum(powers)))


def counted_chain(seed: int) -> tuple[TabledNetwork, dict[str, np.ndarray]]:
    """Prior a → b → c and 60 complete observations; the rows' posteriors, exactly conjugate."""
    rng = np.random.default_rng(seed)
    sizes = {"a": 2, "b": 3, "c": 2}
    parents = {"b": ("a",), "c": ("b",)}
    alpha = {
        "a": rng.uniform(0.5, 3, 2) + rng.multinomial(60, rng.dirichlet([1, 1])),
        "b": rng.uniform(0.5, 3, (2, 3)) + rng.multinomial(30, rng.dirichlet([1, 1, 1]), 2),
        "c": rng.uniform(0.5, 3, (3, 2)) + rng.multinomial(20, rng.dirichlet([1, 1]), 3),
    }
    totals = {name: rows.sum(-1) for name, rows in alpha.items()}
    network = TabledNetwork(
        "chain",
        {name: tuple(f"{name}{i}" for i in range(size)) for name, size in sizes.items()},
        parents,
        {name: rows / totals[name][..., None] for name, rows in alpha.items()},
        totals,
    )
    return network, alpha


@pytest.mark.parametrize("seed", range(4))
def test_a_whole_story_is_a_product_of_independent_rows(seed):
    """Each factor comes from another row, so moments of the product are products of moments."""
    network, alpha = counted_chain(seed)
    a, b, c = (int(k) for k in np.random.default_rng(seed).integers([2, 3, 2]))
    joint = drawn(network, seed).joint(("a", "b", "c")).to_numpy()[0]
    rows = ((alpha["a"], a), (alpha["b"][a], b), (alpha["c"][b], c))
    moments = [
        prod(dirichlet_moment(row, k * np.eye(len(row), dtype=int)[state]) for row, state in rows)
        for k in (1, 2, 3, 4)
    ]
    assert_mean_and_variance(joint[:, a, b, c], moments)


@pytest.mark.parametrize("seed", range(4))
def test_a_sum_of_products_has_its_closed_form(seed):
    """P(b) = Σ P(a) P(b | a): rows are independent, cells of one row are not."""
    network, alpha = counted_chain(seed)
    draws = drawn(network, seed).posterior("b").to_numpy()[0, :, 0]
    moments = []
    for k in (1, 2, 3, 4):
        total = 0.0
        for first in range(k + 1):
            powers = np.array([first, k - first])
            rows = [
                dirichlet_moment(alpha["b"][a], powers[a] * np.eye(3, dtype=int)[0])
                for a in range(2)
            ]
            total += comb(k, first) * dirichlet_moment(alpha["a"], powers) * prod(rows)
        moments.append(total)
    assert_mean_and_variance(draws, moments)


@pytest.mark.parametrize("seed", range(3))
def test_a_marginal_does_not_depend_on_rows_below(seed):
    """Draw by draw: what is uncertain downstream adds nothing upstream."""
    network, _ = counted_chain(seed)
    beliefs = drawn(network, seed, 200)
    table = beliefs.theta[beliefs.network.cells(beliefs.network.node("a").first, "a")]
    np.testing.assert_allclose(beliefs.posterior("a").to_numpy()[0], table.T, rtol=0, atol=1e-14)


def row_covariances(network: TabledNetwork, concentration: float):
    """Start, end and covariance of every row: (diag(m) − m mᵀ) / (concentration + 1)."""
    start = 0
    for table in network.tables.values():
        for row in table.reshape(-1, table.shape[-1]):
            covariance = (np.diag(row) - np.outer(row, row)) / (concentration + 1)
            yield slice(start, start + row.size), covariance
            start += row.size


def delta_sd(beliefs: Beliefs, network: TabledNetwork, concentration: float, asked) -> float:
    slope = beliefs.cell_sensitivity(asked).to_numpy()[0, 0]
    parts = (
        slope[cells] @ covariance @ slope[cells]
        for cells, covariance in row_covariances(network, concentration)
    )
    return float(np.sqrt(sum(parts)))


@pytest.mark.parametrize("seed", range(6))
def test_delta_method(seed):
    """As rows grow firm, the sd over draws becomes the length of the gradient.

    The gap closes until it is lost in the noise of the sd, whose relative standard error is
    1/√(2n) for the normal draws of the limit.
    """
    case = random_case(seed, 6)
    at_means = our_beliefs(case)
    name = next(name for name in case.network.variables if name not in case.seen)
    asked = {name: case.network.variables[name][0]}
    noise = ERRORS / np.sqrt(2 * N)
    gaps = []
    for concentration in (10.0, 100.0, 1000.0, 10_000.0):
        theta = case.network.with_concentration(concentration).draw_tables(N, seed)
        uncertain = Beliefs.of(at_means.network, theta, at_means.log_like)
        draws = uncertain.posterior(name).sel(state=asked[name]).to_numpy()
        expected = delta_sd(at_means, case.network, concentration, asked)
        gaps.append(abs(draws.std() / expected - 1))
    assert gaps[-1] < noise
    assert all(later < max(earlier, noise) for earlier, later in pairwise(gaps))


@pytest.mark.parametrize("n_steps", [1, 3, 6])
def test_staying_is_a_power_of_one_uncertain_probability(n_steps):
    """P(never left in n steps) = x^n for one Beta probability x that all steps share."""
    stay = stats.beta(6.0, 2.0)
    x = stay.rvs(N, random_state=np.random.default_rng(n_steps))
    node = Node("s", ("in", "out"), Block((), 0), Block((("s", 1),), 2))
    ones, none = np.ones(N), np.zeros(N)
    theta = np.stack([ones, none, x, 1 - x, none, ones])
    network = Network((node,), 6, dynamic=True)
    beliefs = Beliefs.of(network, theta, network.no_evidence(n_steps + 1))
    left = beliefs.at_least_once([("s", "out")], 1, n_steps).to_numpy()[0, :, -1]
    np.testing.assert_allclose(1 - left, x**n_steps, rtol=0, atol=1e-12)
    assert_mean_and_variance(1 - left, [stay.moment(k * n_steps) for k in (1, 2, 3, 4)])
