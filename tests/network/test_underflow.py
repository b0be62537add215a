"""Law: a draw is repeated in logarithms where underflow could matter, and where it cannot is not.

Answers are compared with those of logarithms alone, in which nothing underflows.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log, prod

import numpy as np
import pytest

from forecast.network import sweep as engine
from forecast.network.structure import Block, Network, Node
from forecast.network.sweep import Mode, Sweep, sweep
from forecast.testing.networks import (
    Array,
    Case,
    enumerate_answer,
    random_evidence,
    random_network,
    static_case,
)
from tests.network.cases import any_case
from tests.network.test_auxiliary import with_auxiliaries

CLOSE = {"rtol": 1e-12, "atol": 1e-12}
MODES: tuple[Mode, ...] = ("forward", "smoothed", "filtered")
N = 20

Rows = Callable[[np.random.Generator, int, int], Array]


@pytest.fixture
def repeated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The draws that have been repeated in logarithms."""
    found: list[int] = []
    run_draw = engine._run_draw

    def noted(draw: int, *arguments: object) -> None:
        if arguments[-2]:
            found.append(draw)
        run_draw(draw, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "_run_draw", noted)
    return found


def in_logarithms(case: Case, theta: Array, mode: Mode, *, counts: bool) -> Sweep:
    """What a sweep finds that repeats every draw in which a product comes near underflow."""

    def never(*arguments: object) -> Array:
        return np.zeros(len(arguments[-1]), np.bool_)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_is_harmless", never)
        return sweep(case.network, theta, case.log_like, mode, counts=counts)


def tables(rng: np.random.Generator, network: Network, make: Rows) -> Array:
    """Cells of all tables, (cell, draw), of rows that are made state by state, (row, state)."""
    found = np.zeros((network.n_cells, N))
    for node in network.nodes:
        for block in {node.first, node.later} - {None}:
            lies = network.cells(block, node.name)
            n_rows = (lies.stop - lies.start) // len(node.states)
            draws = [make(rng, n_rows, len(node.states)).ravel() for _ in range(N)]
            found[lies] = np.stack(draws, axis=1)
    return found


def dirichlet_rows(rng: np.random.Generator, n_rows: int, n_states: int) -> Array:
    """Rows that sum to one, many of whose cells lie between 1e-320 and 1e-140, or are zero."""
    rows = 10.0 ** rng.choice([0, -150, -250, -315, -400], (n_rows, n_states))
    rows *= rng.uniform(0.1, 1, rows.shape)
    rows[np.arange(n_rows), rng.integers(0, n_states, n_rows)] = rng.uniform(0.1, 1, n_rows)
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


def scaled_rows(rng: np.random.Generator, n_rows: int, n_states: int) -> Array:
    """Cells between 1e-155 and 1e140."""
    powers = rng.choice([0, 0, -155, -80, 30, 140], (n_rows, n_states))
    return np.asarray(10.0**powers * rng.uniform(0.1, 1, powers.shape))


def plain(seed: int) -> Case:
    return any_case(seed, 4, 3, n_inputs=seed % 2) if seed % 3 else static_case(seed)


def with_factors(seed: int) -> Case:
    return with_auxiliaries(any_case(seed, 4, 2, n_inputs=seed % 2), seed)


def assert_close(one: Sweep, other: Sweep) -> None:
    for part in ("log_evidence", "marginals", "counts"):
        np.testing.assert_allclose(getattr(one, part), getattr(other, part), **CLOSE)


@pytest.mark.parametrize("make", [plain, with_factors])
@pytest.mark.parametrize("rows", [dirichlet_rows, scaled_rows])
def test_answers_are_those_of_logarithms(
    make: Callable[[int], Case], rows: Rows, repeated: list[int]
) -> None:
    n_spared = 0
    for seed in range(40):
        case = make(seed)
        theta = tables(np.random.default_rng(seed), case.network, rows)
        for mode in MODES:
            counts = mode == "smoothed"
            expected = in_logarithms(case, theta, mode, counts=counts)
            in_all = len(repeated)
            repeated.clear()
            found = sweep(case.network, theta, case.log_like, mode, counts=counts)
            assert_close(found, expected)
            n_spared += in_all - len(repeated)
            repeated.clear()
    assert n_spared > (500 if rows is dirichlet_rows else 20)


def ladder(rng: np.random.Generator, n: int) -> Network:
    """Variables of two to four states, each with the two before it for parents."""
    nodes, n_cells = list[Node](), 0
    for k in range(n):
        own = Block(tuple((node.name, 0) for node in nodes[-2:]), n_cells)
        nodes.append(Node(f"v{k}", tuple("abcd"[: rng.integers(2, 5)]), own, None))
        n_cells += len(nodes[-1].states) * prod(len(node.states) for node in nodes[-3:-1])
    return Network(tuple(nodes), n_cells, dynamic=False)


@pytest.mark.parametrize("n", [6, 400])
def test_small_cells_without_evidence(n: int, repeated: list[int]) -> None:
    """Rows sum to one, and so does everything: nothing is repeated, however large the network."""
    rng = np.random.default_rng(n)
    network = ladder(rng, n)
    theta = tables(rng, network, dirichlet_rows)
    case = Case(network, theta[:, 0], network.no_evidence(1))
    expected = in_logarithms(case, theta, "smoothed", counts=True)
    assert len(repeated) == N
    repeated.clear()
    found = sweep(network, theta, case.log_like, "smoothed", counts=True)
    assert not repeated
    assert_close(found, expected)
    if n == 6:
        answer = enumerate_answer(network, theta[:, 0], case.log_like)
        np.testing.assert_allclose(found.marginals[..., 0], answer.marginals, **CLOSE)
        np.testing.assert_allclose(found.counts[0, :, 0], answer.counts, **CLOSE)


@pytest.mark.parametrize("power", [-100, -200, -250, -270, -300, -330, -600])
def test_evidence_that_rests_on_underflow_is_repeated(power: int, repeated: list[int]) -> None:
    """Two causes, each of them rare, and an effect that has one of them: the odds are as priors."""
    causes = [Node(f"v{k}", ("no", "yes"), Block((), 2 * k), None) for k in range(2)]
    effect = Node("v2", ("no", "yes"), Block((("v0", 0), ("v1", 0)), 4), None)
    network = Network((*causes, effect), 12, dynamic=False)
    rare = 10.0 ** (power / 2)
    cells = [1.0, 3 * rare, 1.0, rare, 1.0, 0.0, 1 - rare, rare, 1 - rare, rare, 0.0, 1.0]
    if power == -600:
        cells[1], cells[3] = 1e-299, 1e-300
    like = network.no_evidence(1)
    like[0, 4] = -np.inf
    found = sweep(network, np.array(cells)[:, None], like, "smoothed")
    assert bool(repeated) == (power < -260)
    one, other, both = cells[1] / cells[3], 1.0, cells[1] / rare
    shares = np.array([one + both, other + both]) / (one + other + both)
    np.testing.assert_allclose(found.marginals[0, [1, 3], 0], shares, **CLOSE)
    expected = log(cells[3]) + log(rare) + log(one + other + both)
    np.testing.assert_allclose(found.log_evidence, expected, **CLOSE)


@pytest.mark.parametrize("seed", range(10))
def test_evidence_on_what_is_rare(seed: int) -> None:
    """Against the sum over all histories."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, 5)
    theta = tables(rng, network, dirichlet_rows)
    like = random_evidence(rng, network, theta[:, 0], 1, kinds=("likelihood", "none"))
    like -= rng.choice([0.0, 400.0, 650.0, 900.0], like.shape)
    found = sweep(network, theta, like, "smoothed", counts=True)
    for draw in (0, 7, N - 1):
        answer = enumerate_answer(network, theta[:, draw], like)
        np.testing.assert_allclose(found.log_evidence[draw], answer.log_evidence, **CLOSE)
        np.testing.assert_allclose(found.marginals[..., draw], answer.marginals, **CLOSE)
        np.testing.assert_allclose(found.counts[0, :, draw], answer.counts, **CLOSE)
