"""What is zero for every draw is skipped: nothing else is, and no answer changes."""

from __future__ import annotations

import numpy as np
import pytest

import forecast as fc
from forecast.arrays import Array, Mask
from forecast.errors import ImpossibleEvidence
from forecast.network import zeros
from forecast.network.automaton import count_steps, final_states
from forecast.network.circuit import ROWS_LISTED
from forecast.network.kernels import circuit_at, extent, products_of_nests
from forecast.network.slices import pack_circuits
from forecast.network.structure import Block, Network, Node
from forecast.network.sweep import Mode, Sweep, sweep
from forecast.posterior.beliefs import Beliefs
from forecast.testing.networks import (
    Answer,
    Case,
    enumerate_answer,
    random_evidence,
    random_network,
    random_probes,
)
from tests.network.test_auxiliary import enumerate_auxiliaries, with_auxiliaries

CLOSE = {"rtol": 1e-12, "atol": 1e-12}
N = zeros.FEWEST_DRAWS
DENSE = 10**9
"""More draws than any test has: nothing is skipped."""


@pytest.fixture(autouse=True, params=["list", "mixed"])
def always(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip zeros wherever there are any, with all contractions listed, or only the sparse ones."""
    monkeypatch.setattr(zeros, "FEWEST_CELLS", 0)
    monkeypatch.setattr(zeros, "LEAST_ZERO", 1e-9)
    monkeypatch.setattr(zeros, "WORTHWHILE", 10.0)
    monkeypatch.setattr(zeros, "LISTED_SHARE", 1.0 if request.param == "list" else 0.6)
    zeros._pack_without.cache_clear()


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch):
    """A sweep that skips nothing."""

    def run(*given, **options) -> Sweep:
        with monkeypatch.context() as patch:
            patch.setattr(zeros, "FEWEST_DRAWS", DENSE)
            return sweep(*given, **options)

    return run


def possible_cells(rng: np.random.Generator, network: Network) -> Mask:
    """Cells that are not zero, (cell,): of many rows one, and of some states none in any row."""
    found = np.zeros(network.n_cells, np.bool_)
    for node in network.nodes:
        for block in {node.first, node.later} - {None}:
            n = len(node.states)
            lies = network.cells(block, node.name)
            rows = rng.random((lies.stop - lies.start) // n * n).reshape(-1, n) < 0.6
            rows[:, rng.random(n) < 0.2] = False
            certain = (rng.random(len(rows)) < 0.4) | ~rows.any(axis=1)
            rows[certain] = np.eye(n, dtype=np.bool_)[rng.integers(0, n, certain.sum())]
            found[lies] = rows.ravel()
    return found


def draw_tables(rng: np.random.Generator, network: Network, possible: Mask, n: int) -> Array:
    """Tables with these zeros, (cell, draw)."""
    theta = np.where(possible[:, None], rng.exponential(size=(len(possible), n)), 0.0)
    for node in network.nodes:
        for block in {node.first, node.later} - {None}:
            lies = network.cells(block, node.name)
            rows = theta[lies].reshape(-1, len(node.states), n)
            theta[lies] = (rows / rows.sum(axis=1, keepdims=True)).reshape(-1, n)
    return theta


def case_of(
    seed: int, *, dynamic: bool, n_inputs: int = 0, order: int = 1
) -> tuple[Network, Array, Array]:
    """A small network, tables with common zeros, and evidence that they allow."""
    rng = np.random.default_rng([seed, dynamic, n_inputs, order])
    size = 3 if dynamic else int(rng.integers(3, 9))
    limit = 15 if dynamic else 4000
    options = {"dynamic": dynamic, "n_inputs": n_inputs, "limit": limit, "order": order}
    network = random_network(rng, size, **options)
    theta = draw_tables(rng, network, possible_cells(rng, network), N + seed % 4)
    return network, theta, random_evidence(rng, network, theta[:, 0], 4 if dynamic else 1)


def assert_says(swept: Sweep, draw: int, answer: Answer, probes=()) -> None:
    """A draw of a smoothed sweep says the same as the sum over all histories."""
    np.testing.assert_allclose(swept.log_evidence[draw], answer.log_evidence, **CLOSE)
    np.testing.assert_allclose(swept.marginals[..., draw], answer.marginals, **CLOSE)
    counts = swept.counts[..., draw].reshape(answer.counts.shape)
    np.testing.assert_allclose(counts, answer.counts, **CLOSE)
    for step in range(len(answer.marginals) if probes else 0):
        joints = np.concatenate([answer.joint(step, probe) for probe in probes])
        np.testing.assert_allclose(swept.probes[step, :, draw], joints, **CLOSE)


def assert_same(one: Sweep, other: Sweep) -> None:
    for part in ("log_norm", "marginals", "probes", "counts"):
        np.testing.assert_allclose(getattr(one, part), getattr(other, part), **CLOSE)


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("seed", range(25))
def test_answers_equal_the_sum_over_all_histories(seed: int, dynamic: bool) -> None:
    network, theta, like = case_of(seed, dynamic=dynamic, n_inputs=seed % 3 == 2)
    probes = random_probes(np.random.default_rng(seed), network)
    swept = sweep(network, theta, like, "smoothed", probes=probes, counts=True)
    for draw in (0, N - 1):
        assert_says(swept, draw, enumerate_answer(network, theta[:, draw], like), probes)
    assert (swept.counts[0][(theta == 0).all(axis=1)] == 0).all()
    forward = sweep(network, theta, like, "forward")
    np.testing.assert_allclose(forward.log_norm, swept.log_norm, **CLOSE)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("order", [2, 3])
def test_parents_several_steps_ago(seed: int, order: int) -> None:
    network, theta, like = case_of(seed, dynamic=True, order=order)
    swept = sweep(network, theta, like, "smoothed", counts=True)
    assert_says(swept, 1, enumerate_answer(network, theta[:, 1], like))


@pytest.mark.parametrize("seed", range(10))
def test_filtered_knows_the_past_alone(seed: int) -> None:
    network, theta, like = case_of(seed, dynamic=True, n_inputs=seed % 2)
    probes = random_probes(np.random.default_rng(seed), network)
    swept = sweep(network, theta, like, "filtered", probes=probes)
    for step in range(len(like)):
        answer = enumerate_answer(network, theta[:, 1], like[: step + 1])
        np.testing.assert_allclose(
            swept.log_norm[: step + 1, 1].sum(), answer.log_evidence, **CLOSE
        )
        marginals = answer.marginals[step]
        for node in network.nodes:
            states = network.states(node.name)
            np.testing.assert_allclose(swept.marginals[step, states, 1], marginals[states], **CLOSE)
        joints = np.concatenate([answer.joint(step, probe) for probe in probes])
        np.testing.assert_allclose(swept.probes[step, :, 1], joints, **CLOSE)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("mode", ["forward", "smoothed", "filtered"])
def test_larger_networks_say_the_same_as_without(seed: int, mode: Mode, without) -> None:
    """Of forty draws with evidence of their own."""
    rng = np.random.default_rng([seed, 5])
    dynamic = seed % 2 > 0
    network = random_network(rng, 6 if dynamic else 30, dynamic=dynamic, limit=10**12)
    possible = possible_cells(rng, network)
    theta = draw_tables(rng, network, possible, 40)
    n_steps = 7 if dynamic else 1
    like = np.stack(
        [random_evidence(rng, network, theta[:, d], n_steps) for d in range(40)], axis=-1
    )
    probes = random_probes(rng, network)
    given = network, theta, like, mode
    assert_same(sweep(*given, probes=probes), without(*given, probes=probes))


@pytest.mark.parametrize("seed", range(8))
def test_what_is_zero_for_some_draws_only_is_not_skipped(seed: int) -> None:
    network, theta, _ = case_of(seed, dynamic=False)
    rng = np.random.default_rng(seed)
    other = draw_tables(rng, network, possible_cells(rng, network), N)
    both = np.concatenate([theta, other], axis=1)
    np.testing.assert_array_equal(zeros.zero_cells(both[None]), (both == 0).all(axis=1))
    nothing = network.no_evidence(1)
    swept = sweep(network, both, nothing, "smoothed", counts=True)
    for draw in (0, theta.shape[1], both.shape[1] - 1):
        assert_says(swept, draw, enumerate_answer(network, both[:, draw], nothing))


@pytest.mark.parametrize("seed", range(8))
def test_what_is_zero_in_one_regime_only_is_not_skipped(seed: int) -> None:
    network, theta, _ = case_of(seed, dynamic=True)
    rng = np.random.default_rng(seed)
    other = draw_tables(rng, network, possible_cells(rng, network), theta.shape[1])
    both, regimes = np.stack([theta, other]), np.array([0, 1, 1, 0])
    np.testing.assert_array_equal(zeros.zero_cells(both), (both == 0).all(axis=(0, 2)))
    nothing = network.no_evidence(4)
    swept = sweep(network, both, nothing, "smoothed", regimes=regimes, counts=True)
    assert_says(swept, 2, enumerate_answer(network, both[..., 2], nothing, regimes))


@pytest.mark.parametrize("seed", range(12))
def test_auxiliary_variables_of_evidence(seed: int) -> None:
    network, theta, like = case_of(seed, dynamic=True)
    case = with_auxiliaries(Case(network, theta[:, 0], like), seed)
    np.maximum(case.log_like[:, network.n_states :], -5.0, out=case.log_like[:, network.n_states :])
    whole = enumerate_auxiliaries(case, len(like))
    swept = sweep(case.network, theta, case.log_like, "smoothed", counts=True)
    np.testing.assert_allclose(swept.log_evidence[0], whole.log_evidence, **CLOSE)
    np.testing.assert_allclose(swept.counts[0, :, 0], whole.counts, **CLOSE)


def chain(n_states: int) -> tuple[Network, Array]:
    """A state that moves on by at most one at each step, from the first to the last."""
    names = tuple(f"s{k}" for k in range(n_states))
    node = Node("v0", names, Block((), 0), Block((("v0", 1),), n_states))
    network = Network((node,), n_states * (n_states + 1), dynamic=True)
    rng = np.random.default_rng(n_states)
    moves = np.eye(n_states) + np.eye(n_states, k=1) > 0
    possible = np.concatenate([names == np.array("s0"), moves.ravel()])
    return network, draw_tables(rng, network, possible, N)


def test_messages_with_more_patterns_than_have_circuits() -> None:
    """State k cannot be reached before step k, and each step's message has its own zeros."""
    network, theta = chain(9)
    nothing = network.no_evidence(9)
    swept = sweep(network, theta, nothing, "smoothed", counts=True)
    early = np.triu(np.ones((9, 9), np.bool_), 1)
    assert (swept.marginals[:, :9][early] == 0).all()
    moves = theta[9:].reshape(9, 9, -1)
    expected = np.array([theta[:9]])
    for _ in range(8):
        expected = np.concatenate([expected, np.einsum("id,ijd->jd", expected[-1], moves)[None]])
    np.testing.assert_allclose(swept.marginals, expected, **CLOSE)
    packed = pack_circuits(network, (), 9)
    lean = zeros.spare_zeros(packed, theta[None], network, (), 9, filtered=False)
    assert len(set(lean[:9].tolist())) == 1 + zeros.MOST_PATTERNS + 1


@pytest.mark.parametrize("seed", range(6))
def test_automata_count_what_histories_hold(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network, theta, like = case_of(seed, dynamic=True)
    name, states = network.names[0], network.nodes[0].states
    event = count_steps((((name, states[:1]),),), (1.0,) * len(like), 2)
    found = final_states(network, theta, like, event)
    answer = enumerate_answer(network, theta[:, 0], like)
    held = np.minimum((answer.histories[:, :, 0] == 0).sum(axis=1), 2)
    expected = np.bincount(held, answer.probability, 3)
    np.testing.assert_allclose(found[:, 0], expected, **CLOSE)


def functions(n: int) -> tuple[Network, Array]:
    """Fair coins of three sides, and their sums so far, modulo three."""
    nodes, cells = [], list[Array]()

    def add(name: str, parents: tuple[str, ...], rows: Array) -> None:
        block = Block(tuple((parent, 0) for parent in parents), sum(map(len, cells)))
        nodes.append(Node(name, ("a", "b", "c"), block, None))
        cells.append(rows.ravel())

    sums = np.eye(3)[np.add.outer(np.arange(3), np.arange(3)) % 3]
    add("f0", (), np.full(3, 1 / 3))
    for k in range(1, n):
        add(f"v{k}", (), np.full(3, 1 / 3))
        add(f"f{k}", (f"f{k - 1}", f"v{k}"), sums)
    theta = np.concatenate(cells)
    return Network(tuple(nodes), len(theta), dynamic=False), np.repeat(theta[:, None], N, axis=1)


def test_functions_take_fewer_products_and_cells() -> None:
    """A function of two variables has nine cells of 27 that are not zero."""
    network, theta = functions(12)
    packed = pack_circuits(network, (), 1)
    lean = zeros.spare_zeros(packed, theta[None], network, (), 1, filtered=False)
    assert extent(lean, 1)[0] < 0.7 * extent(packed, 1)[0]
    whole = circuit_at(packed, 0)
    zero = np.zeros(whole.n_inputs, np.bool_)
    zero[: len(whole.table_cells)] = theta[whole.table_cells, 0] == 0
    nonzero, kept = np.zeros((2, whole.n_cells), np.bool_)
    nonzero[: whole.n_inputs] = ~zero
    zeros._find_nonzero(whole, nonzero)
    kept[int(whole.results[0]) :] = True
    left = zeros._find_needed(whole, nonzero, kept)
    assert left.sum() < 0.6 * products_of_nests(whole).sum()
    spread = sweep(network, theta, network.no_evidence(1), "smoothed").marginals
    np.testing.assert_allclose(spread, 1 / 3, **CLOSE)


def test_a_state_that_cannot_occur_takes_what_follows_from_it_along() -> None:
    """Where a root has one state, its children's other rows are not read at all."""
    root = Node("v0", ("a", "b"), Block((), 0), None)
    child = Node("v1", ("a", "b", "c"), Block((("v0", 0),), 2), None)
    network = Network((root, child), 8, dynamic=False)
    theta = np.array([1.0, 0, 0.2, 0.3, 0.5, np.nan, np.nan, np.nan])
    swept = sweep(
        network,
        np.repeat(theta[:, None], N, axis=1),
        network.no_evidence(1),
        "smoothed",
        counts=True,
    )
    np.testing.assert_allclose(swept.marginals[0, :, 3], [1, 0, 0.2, 0.3, 0.5], **CLOSE)
    np.testing.assert_allclose(swept.counts[0, :, 3], [1, 0, 0.2, 0.3, 0.5, 0, 0, 0], **CLOSE)


@pytest.mark.parametrize("mode", ["forward", "smoothed", "filtered"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_impossible_evidence(dynamic: bool, mode: Mode, without) -> None:
    network, theta, _ = case_of(3, dynamic=dynamic)
    like = network.no_evidence(4 if dynamic else 1)
    marginals = sweep(network, theta, like, "smoothed").marginals
    step, state = np.argwhere((marginals == 0).all(axis=2))[-1]
    name = next(n for n in network.names if state in np.r_[network.states(n)])
    like[step, network.states(name)] = -np.inf
    like[step, state] = 0.0
    swept = sweep(network, theta, like, mode)
    assert np.isneginf(swept.log_evidence).all()
    assert_same(swept, without(network, theta, like, mode))


def test_the_error_about_impossible_evidence_names_the_findings() -> None:
    network, theta = functions(4)
    beliefs = Beliefs.of(network, theta)
    said = beliefs.set_evidence({"f0": "a", "v1": "a", "f1": "b", "v3": "c"})
    with pytest.raises(ImpossibleEvidence, match=r"findings on f0, v1, f1$"):
        said.posterior("f3")


def test_derivatives_by_cells_that_are_zero() -> None:
    """dP/dcell by differences, five points above a zero cell, and by counts, where it is not."""
    network, theta = functions(3)
    beliefs = Beliefs.of(network, theta[:, :1])
    asked = beliefs.set_evidence({"f2": "a"})
    found = (
        fc.cell_sensitivity_of(asked, lambda b: b.posterior("v1").sel(state="a", drop=True))
        .to_numpy()
        .ravel()
    )

    def p(cells: Array) -> complex:
        a, b, f, c, g = cells[:3], cells[3:6], cells[6:33], cells[33:36], cells[36:]
        joint = np.einsum("a,b,abf,c,fcg->bg", a, b, f.reshape(3, 3, 3), c, g.reshape(3, 3, 3))
        return joint[0, 0] / joint[:, 0].sum()

    step = 1e-30j * np.eye(len(theta))
    expected = [p(theta[:, 0] + row).imag / 1e-30 for row in step]
    np.testing.assert_allclose(found, expected, atol=1e-8)
    assert np.abs(np.array(expected)[theta[:, 0] == 0]).max() > 0.05
    many = Beliefs.of(network, theta).set_evidence({"f2": "a"}).cell_sensitivity({"v1": "a"})
    exact = np.where(theta[:, 0] > 0, expected, 0.0)
    np.testing.assert_allclose(many.to_numpy().reshape(N, -1)[1], exact, atol=1e-12)


def test_lists_have_a_bound(monkeypatch: pytest.MonkeyPatch, without) -> None:
    """Beyond it the contractions that save least stay loop nests, and the answers the same."""
    network, theta = functions(12)
    like = network.no_evidence(1)
    expected = without(network, theta, like, "smoothed", counts=True)
    packed = pack_circuits(network, (), 1)
    n_listed = []
    for most in (0, 300, 10**9):
        monkeypatch.setattr(zeros, "MOST_LISTED", most)
        zeros._pack_without.cache_clear()
        assert_same(sweep(network, theta, like, "smoothed", counts=True), expected)
        lean = zeros.spare_zeros(packed, theta[None], network, (), 1, filtered=False)
        n_listed.append((circuit_at(lean, 0).forward[:, ROWS_LISTED] > 0).sum())
    assert 0 == n_listed[0] < n_listed[1] < n_listed[2]


def test_one_draw_and_small_networks_are_left_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    network, theta = functions(12)
    packed = pack_circuits(network, (), 1)

    def spared(tables: Array) -> bool:
        return zeros.spare_zeros(packed, tables, network, (), 1, filtered=False) is not packed

    assert spared(theta[None])
    assert not spared(theta[None, :, :1])
    assert not spared(np.maximum(theta[None], 1e-3))
    monkeypatch.setattr(zeros, "FEWEST_CELLS", 10**6)
    assert not spared(theta[None])
