"""Law: no evidence is too strong, too long or too contradictory for an exact answer."""

from __future__ import annotations

import tracemalloc
from contextlib import nullcontext
from fractions import Fraction
from itertools import combinations, pairwise
from math import exp, fsum, log, log1p

import numpy as np
import pytest

from forecast.errors import TooLarge
from forecast.network.structure import Block, Network, Node
from forecast.network.sweep import Mode, Sweep, sweep
from forecast.testing.networks import (
    Array,
    dynamic_case,
    enumerate_answer,
    enumerate_exactly,
    random_tables,
    static_case,
)

MODES: tuple[Mode, ...] = ("forward", "smoothed", "filtered")
STAY = np.array([0.5, 0.5, 1.0, 0.0, 0.0, 1.0])


def two_state_chain(name: str = "v0") -> Network:
    return Network((Node(name, ("a", "b"), Block((), 0), Block(((name, 1),), 2)),), 6, dynamic=True)


def log_of(number: Fraction) -> float:
    return log(number.numerator) - log(number.denominator)


def assert_no_nan(swept: Sweep) -> None:
    for part in (swept.log_norm, swept.marginals, swept.probes, swept.counts):
        assert not np.isnan(part).any()


def assert_exact(network: Network, theta: Array, powers: np.ndarray) -> None:
    """Likelihoods 10**power, some impossible where the power is 1, against rational numbers."""
    tables = [Fraction(cell) for cell in theta]
    likelihood = [
        [Fraction(0) if power == 1 else Fraction(1, 10 ** int(-power)) for power in row]
        for row in powers
    ]
    evidence, marginals = enumerate_exactly(network, tables, likelihood)
    log_like = np.where(powers == 1, -np.inf, powers * log(10))
    swept = sweep(network, theta[:, None], log_like, "smoothed", counts=True)
    np.testing.assert_allclose(swept.log_evidence, log_of(evidence), rtol=1e-13, atol=1e-11)
    np.testing.assert_allclose(swept.marginals[..., 0], np.array(marginals, float), atol=1e-10)
    filtered = sweep(network, theta[:, None], log_like, "filtered")
    np.testing.assert_allclose(filtered.log_norm, swept.log_norm, rtol=1e-12, atol=1e-11)
    np.testing.assert_allclose(filtered.marginals[-1], swept.marginals[-1], atol=1e-10)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_tiny_likelihoods(seed: int, zeros: bool) -> None:
    """Up to four reports of 1e-300 on every state, at every step."""
    case = dynamic_case(seed, 2 + seed % 2, 2, zeros=zeros, kinds=("none",))
    rng = np.random.default_rng(seed)
    sizes = case.log_like.shape
    powers = -rng.choice([0, 50, 100, 200, 300], (4, *sizes)).sum(0)
    powers[rng.random(sizes) < (0.1 if not zeros else 0)] = 1
    assert_exact(case.network, case.theta, powers)


@pytest.mark.parametrize("reports", [1, 2, 4, 20])
@pytest.mark.parametrize("apart", [False, True])
def test_opposing_reports_cancel(reports: int, apart: bool) -> None:
    """As many reports of 1e-200 for one state as for the other, in one step or in two."""
    theta = np.array([0.3, 0.7, 1.0, 0.0, 0.0, 1.0])
    log_like = np.zeros((2, 2))
    log_like[0, 0] = reports * log(1e-200)
    log_like[int(apart), 1] = reports * log(1e-200)
    swept = sweep(two_state_chain(), theta[:, None], log_like, "smoothed", counts=True)
    np.testing.assert_allclose(swept.marginals[..., 0], [[0.3, 0.7]] * 2, rtol=1e-10)
    np.testing.assert_allclose(swept.log_evidence, reports * log(1e-200), rtol=1e-12)


@pytest.mark.parametrize("reports", [1, 4])
def test_opposing_reports_about_two_copies_cancel(reports: int) -> None:
    copies = [Node(f"v{k}", ("a", "b"), Block((("v0", 0),), 2), None) for k in (1, 2)]
    network = Network((Node("v0", ("a", "b"), Block((), 0), None), *copies), 6, dynamic=False)
    theta = np.array([0.3, 0.7, 1.0, 0.0, 0.0, 1.0])
    log_like = np.zeros((1, 6))
    log_like[0, [2, 5]] = reports * log(1e-200)
    swept = sweep(network, theta[:, None], log_like, "smoothed", probes=(("v1", "v2"),))
    np.testing.assert_allclose(swept.marginals[0, :, 0], [0.3, 0.7] * 3, rtol=1e-10)
    np.testing.assert_allclose(swept.probes[0, :, 0], [0.3, 0, 0, 0.7], rtol=1e-10)


def log_add(a: float, b: float) -> float:
    top, low = max(a, b), min(a, b)
    return top if low == -np.inf else top + log1p(exp(low - top))


def scalar_recursion(theta: Array, log_like: Array) -> tuple[float, list[float]]:
    """Log evidence and smoothed P(b) of a two-state chain, forwards and backwards in logarithms."""
    start, (aa, ab, ba, bb) = np.log(theta[:2]).tolist(), np.log(theta[2:]).tolist()
    like, shifts = log_like.tolist(), []

    def level(a: float, b: float) -> tuple[float, float]:
        shifts.append(max(a, b))
        return a - shifts[-1], b - shifts[-1]

    alpha = [level(start[0] + like[0][0], start[1] + like[0][1])]
    for la, lb in like[1:]:
        a, b = alpha[-1]
        alpha.append(level(log_add(a + aa, b + ba) + la, log_add(a + ab, b + bb) + lb))
    total = fsum([*shifts, log_add(*alpha[-1])])
    beta = [(0.0, 0.0)]
    for la, lb in reversed(like[1:]):
        a, b = beta[-1]
        beta.append(level(log_add(aa + la + a, ab + lb + b), log_add(ba + la + a, bb + lb + b)))
    log_odds = [f[0] + g[0] - f[1] - g[1] for f, g in zip(alpha, reversed(beta), strict=True)]
    return total, [1 / (1 + exp(min(against, 700))) for against in log_odds]


@pytest.mark.parametrize("strength", [1.0, 30.0, 700.0])
@pytest.mark.parametrize("n_draws", [1, 40])
def test_ten_thousand_steps(strength: float, n_draws: int) -> None:
    rng = np.random.default_rng(int(strength))
    network = two_state_chain()
    theta = random_tables(rng, network)
    log_like = -strength * rng.random((10_000, 2))
    total, later = scalar_recursion(theta, log_like)
    tables = np.repeat(theta[:, None], 1 if strength > 30 else n_draws, axis=1)
    swept = sweep(network, tables, log_like, "smoothed", counts=True)
    np.testing.assert_allclose(swept.log_evidence, total, rtol=1e-12)
    np.testing.assert_allclose(swept.marginals[:, 1, -1], later, atol=1e-11)
    np.testing.assert_allclose(swept.marginals.sum(1), 1, rtol=1e-9)
    np.testing.assert_allclose(swept.counts.sum(1), 10_000, rtol=1e-9)


@pytest.mark.parametrize("lead", [0, 1, 2])
def test_a_state_that_lost_400_times_can_win_back(lead: int) -> None:
    log_like = np.zeros((800 + lead, 2))
    log_like[:400, 0] = log_like[400:, 1] = log(0.1)
    log_odds = np.cumsum(log_like[:, 1] - log_like[:, 0])
    smoothed = sweep(two_state_chain(), STAY[:, None], log_like, "smoothed").marginals
    np.testing.assert_allclose(smoothed[:, 0, 0], 10**lead / (1 + 10**lead), rtol=1e-10)
    filtered = sweep(two_state_chain(), STAY[:, None], log_like, "filtered").marginals
    with np.errstate(over="ignore"):
        expected = 1 / (1 + np.exp(log_odds))
    np.testing.assert_allclose(filtered[:, 0, 0], expected, rtol=1e-10, atol=1e-300)


@pytest.mark.parametrize("n_steps", [4, 400, 2000])
@pytest.mark.parametrize("factor", [0.1, 1e-100])
def test_an_impossible_state_stays_impossible_however_often_reported(
    n_steps: int, factor: float
) -> None:
    theta = np.array([0.0, 1.0, 1.0, 0.0, 0.0, 1.0])
    log_like = np.tile([0.0, log(factor)], (n_steps, 1))
    for mode in MODES:
        swept = sweep(two_state_chain(), theta[:, None], log_like, mode)
        assert_no_nan(swept)
        np.testing.assert_allclose(swept.log_evidence, n_steps * log(factor), rtol=1e-12)
        np.testing.assert_array_equal(swept.marginals[:, 0], 0)
        np.testing.assert_allclose(swept.marginals[:, 1], 1, rtol=1e-12)
    counts = sweep(two_state_chain(), theta[:, None], log_like, "smoothed", counts=True).counts[
        0, :, 0
    ]
    np.testing.assert_allclose(counts, [0, 1, 0, 0, 0, n_steps - 1], rtol=1e-12)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("scale", [1.0, 1e-200])
@pytest.mark.parametrize("step", [0, 2, 3])
def test_impossible_evidence(step: int, scale: float, mode: Mode) -> None:
    """State a was left for ever before `step`; a report says a. Other draws are unharmed."""
    theta = np.array([[0.0, 0.5], [1.0, 0.5], [1.0, 1.0], [0, 0], [0, 0], [1.0, 1.0]]) * scale
    log_like = np.zeros((4, 2))
    log_like[step, 1] = -np.inf
    swept = sweep(two_state_chain(), theta, log_like, mode, probes=(("v0",),))
    assert_no_nan(swept)
    assert swept.log_evidence[0] == -np.inf
    assert np.isfinite(swept.log_norm[:step, 0]).all()
    np.testing.assert_allclose(swept.log_evidence[1], log(0.5) + 4 * log(scale), rtol=1e-12)
    assert not swept.counts[..., 0].any()
    assert not swept.marginals[step:, :, 0].any()
    if mode == "smoothed":
        np.testing.assert_allclose(swept.marginals[..., 1], [[1, 0]] * 4, atol=1e-12)


def test_a_variable_that_can_be_in_no_state_is_impossible_evidence() -> None:
    log_like = np.zeros((3, 2))
    log_like[1] = -np.inf
    for mode in MODES:
        swept = sweep(two_state_chain(), STAY[:, None], log_like, mode)
        assert_no_nan(swept)
        assert swept.log_evidence[0] == -np.inf


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e-30, 1e150])
@pytest.mark.parametrize("seed", range(4))
def test_scale_of_tables_only_shifts_the_log_evidence(seed: int, scale: float) -> None:
    case = dynamic_case(seed, zeros=seed % 2 == 0)
    answer = enumerate_answer(case.network, case.theta, case.log_like)
    uses = case.log_like.shape[0] * len(case.network.nodes)
    for mode in MODES:
        swept = sweep(case.network, scale * case.theta[:, None], case.log_like, mode)
        assert_no_nan(swept)
        shifted = answer.log_evidence + uses * log(scale)
        np.testing.assert_allclose(swept.log_evidence, shifted, rtol=1e-12)
        np.testing.assert_allclose(
            swept.marginals[-1:, :, 0], answer.marginals[-1:][: len(swept.marginals)], atol=1e-10
        )


@pytest.mark.parametrize("seed", range(4))
def test_scale_of_a_row_is_a_likelihood_of_its_use(seed: int) -> None:
    """Rows scaled each by its own factor, down to 1e-200, against the sum over histories."""
    case = dynamic_case(seed)
    rng = np.random.default_rng(seed)
    theta = case.theta * 10.0 ** -rng.choice([0, 3, 100, 200], case.theta.shape)
    answer = enumerate_answer(case.network, theta, case.log_like)
    swept = sweep(case.network, theta[:, None], case.log_like, "smoothed", counts=True)
    np.testing.assert_allclose(swept.log_evidence, answer.log_evidence, rtol=1e-12)
    np.testing.assert_allclose(swept.marginals[..., 0], answer.marginals, atol=1e-10)
    np.testing.assert_allclose(swept.counts[0, :, 0], answer.counts, atol=1e-10)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_tiny_cells_of_a_static_network(seed: int, shared: bool) -> None:
    """Tables such as a Dirichlet with small parameters draws, with evidence on what is rare too."""
    case = static_case(seed)
    rng = np.random.default_rng(seed)
    n_states = len(case.log_like[0])
    theta = case.theta * 10.0 ** -rng.choice([0, 0, 150, 300], case.theta.shape)
    rare = -rng.choice([0.0, 0.0, 400.0, 700.0], n_states)
    log_like = (np.zeros(n_states) if shared else rare)[None]
    answer = enumerate_answer(case.network, theta, log_like)
    swept = sweep(case.network, theta[:, None], log_like, "smoothed", counts=True)
    np.testing.assert_allclose(swept.log_evidence, answer.log_evidence, rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(swept.marginals[..., 0], answer.marginals, atol=1e-10)
    np.testing.assert_allclose(swept.counts[0, :, 0], answer.counts, atol=1e-10)
    filtered = sweep(case.network, theta[:, None], log_like, "filtered")
    np.testing.assert_allclose(filtered.marginals, swept.marginals, atol=1e-10)


def clique(size: int, n_states: int, memory_limit: float) -> Network:
    """Roots that share a child two by two, so that all meet in one table."""
    states = tuple(f"s{s}" for s in range(n_states))
    roots = [Node(f"root{k}", states, Block((), 0), None) for k in range(size)]
    pairs = [
        Node(f"{a.name}{b.name}", ("no", "yes"), Block(((a.name, 0), (b.name, 0)), n_states), None)
        for a, b in combinations(roots, 2)
    ]
    n_cells = n_states + 2 * n_states**2
    return Network((*roots, *pairs), n_cells, dynamic=False, memory_limit=memory_limit)


def ring(size: int, n_states: int, memory_limit: float) -> Network:
    """Chains that each depend on their neighbour's past: the message is over all of them."""
    states = tuple(f"s{s}" for s in range(n_states))
    names = [f"root{k}" for k in range(size)]
    nodes = [
        Node(own, states, Block((), 0), Block(((other, 1), (own, 1)), n_states))
        for own, other in pairwise([*names, names[0]])
    ]
    n_cells = n_states + n_states**3
    return Network(tuple(nodes), n_cells, dynamic=True, memory_limit=memory_limit)


@pytest.mark.parametrize(
    ("make", "size", "limit"),
    # What a static network has no room for is summed out in as many sweeps as are bearable.
    [(ring, 14, 2e9), (ring, 9, 1e6), (clique, 14, 1e6), (clique, 9, 1e4)],
)
def test_too_large_is_said_before_memory_is_taken(make: object, size: int, limit: float) -> None:
    network, small = make(size, 4, limit), make(3, 2, 1e9)  # type: ignore[operator]
    # Loads what is compiled, whose memory does not count.
    sweep(small, np.full((small.n_cells, 1), 0.5), small.no_evidence(1), "forward")
    tracemalloc.start()
    with pytest.raises(TooLarge) as caught:
        sweep(network, np.full((network.n_cells, 1), 0.5), network.no_evidence(1), "forward")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6
    for name in (f"root{k}" for k in range(size)):
        assert name in str(caught.value)


@pytest.mark.parametrize("make", [clique, ring])
def test_a_higher_limit_lets_the_same_network_through(make: object) -> None:
    theta = np.full((make(5, 3, 0).n_cells, 1), 0.5)  # type: ignore[operator]
    for limit, raises in ((1e3, True), (1e9, False)):
        network = make(5, 3, limit)  # type: ignore[operator]
        with pytest.raises(TooLarge) if raises else nullcontext():
            sweep(network, theta, network.no_evidence(1), "forward")
