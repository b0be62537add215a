"""Draws are swept a row at a time: whatever their number, each says what it says alone."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.arrays import Array
from forecast.network import sweep as sweeping
from forecast.network.circuit import TILE, TILE_STEP
from forecast.network.filtering import Memory
from forecast.network.kernels import Nest, Slice, nest_at
from forecast.network.queries import held_at_least_once, log_norms, marginals
from forecast.network.registers import WIDTH
from forecast.network.slices import slice_circuits
from forecast.network.sweep import Mode, Sweep, alone_is_sooner, sweep
from forecast.testing.networks import Case, random_probes, random_tables
from tests.benchmarks.chains import make_chain
from tests.network.cases import any_case

CLOSE = {"rtol": 1e-12, "atol": 1e-13}
NUMBERS = (2, WIDTH - 1, WIDTH, WIDTH + 1, 2 * WIDTH + 5)
"""Numbers of draws: fewer than a row, a row, and some that leave a part of one over."""


def drawn(case: Case, n_draws: int) -> tuple[Array, Array]:
    """Tables, (cell, draw), and log-likelihoods, (step, column, draw), that differ by draw."""
    rng = np.random.default_rng(n_draws)
    theta = [random_tables(rng, case.network) for _ in range(n_draws)]
    more = rng.normal(size=(*case.log_like.shape, n_draws))
    return np.stack(theta, axis=-1), case.log_like[..., None] + more


def answers(swept: Sweep) -> list[Array]:
    return [swept.log_norm, swept.marginals, swept.probes, swept.counts]


@pytest.mark.parametrize("mode", ["forward", "smoothed", "filtered"])
@pytest.mark.parametrize("n_draws", NUMBERS)
def test_a_sweep_of_any_number_of_draws(n_draws: int, mode: Mode) -> None:
    """A single draw is swept by loops of its own (`single`)."""
    case = any_case(n_draws, 4, 3)
    theta, log_like = drawn(case, n_draws)
    probes = random_probes(np.random.default_rng(1), case.network)
    options = {"probes": probes, "counts": mode == "smoothed"}
    for like in (log_like, case.log_like[..., None]):
        together = answers(sweep(case.network, theta, like, mode, **options))
        for d in range(n_draws):
            own = like[..., d : d + 1] if like.shape[-1] > 1 else like
            alone = answers(sweep(case.network, theta[:, d : d + 1], own, mode, **options))
            for one, other in zip(together, alone, strict=True):
                np.testing.assert_allclose(one[..., d], other[..., 0], **CLOSE)


def test_few_draws_of_a_large_circuit_are_swept_alone() -> None:
    """A row takes as long whether it is full or not."""
    sizes = [1_000, 20_000, 200_000, 1_000_000]
    most = [max(n for n in range(1, 200) if alone_is_sooner(n, size, size)) for size in sizes]
    assert most == [1, 5, 15, 15]
    assert not alone_is_sooner(5, 20_000, 10_001)  # half of its cells are zero
    assert alone_is_sooner(1000, 10**7, 10**7)  # a row would be too large


@pytest.mark.parametrize("n_draws", NUMBERS)
def test_what_is_kept_and_what_lies_ahead_for_any_number_of_draws(n_draws: int) -> None:
    case = any_case(3, 6, 3)
    network, (theta, log_like) = case.network, drawn(case, n_draws)
    log_like[3:] = 0.0
    held = [[(node.name, node.states[0])] for node in network.nodes]

    def ask(draws: slice) -> list[Array]:
        given = network, theta[:, draws], log_like[..., draws]
        return [
            log_norms(*given, memory=Memory()),
            held_at_least_once(*given, held, range(3, 6), memory=Memory()),
            marginals(*given, "smoothed", 3, memory=Memory()),
        ]

    together = ask(slice(None))
    for d in range(n_draws):
        for one, other in zip(together, ask(slice(d, d + 1)), strict=True):
            np.testing.assert_allclose(one[..., d], other[..., 0], **CLOSE)


def test_draws_whose_rows_take_too_much_memory_are_swept_one_by_one(monkeypatch) -> None:
    case = any_case(3, 6, 3)
    network, (theta, log_like) = case.network, drawn(case, 5)
    log_like[3:] = 0.0

    def ask() -> list[Array]:
        swept = answers(sweep(network, theta, log_like, "smoothed", counts=True))
        return [*swept, log_norms(network, theta, log_like, memory=Memory())]

    together = ask()
    monkeypatch.setattr(sweeping, "MOST_CELLS", 1)
    monkeypatch.setattr(sweeping.kernels, "sweep", None)
    for one, other in zip(together, ask(), strict=True):
        np.testing.assert_allclose(one, other, **CLOSE)


@pytest.mark.parametrize("n_processors", [1, 2, 16])
@pytest.mark.parametrize("n_draws", [*NUMBERS, 300, 1000])
@pytest.mark.parametrize("n_cells", [10, 20_000, 1_000_000])
def test_chunks_are_whole_rows_and_no_more_of_them_than_are_of_use(
    n_cells: int, n_draws: int, n_processors: int, monkeypatch
) -> None:
    """Memory for a row of a large circuit is asked for once in each chunk."""
    monkeypatch.setattr(sweeping, "_processors", lambda: n_processors)
    own, reusing = (
        [*make(n_draws, n_cells)] for make in (sweeping.chunks, sweeping.reusing_chunks)
    )
    for each in (own, reusing):
        assert [k for part in each for k in range(n_draws)[part]] == list(range(n_draws))
        assert all(part.start % WIDTH == 0 for part in each)
    most = max(n_processors, -(-n_draws // sweeping.LARGEST_CHUNK))
    assert len(reusing) <= min(most, len(own))


def places(n: Nest, c: Slice, side: str) -> Array:
    """Cells of an operand, (row of the target, term of the sum)."""
    lists = [
        c.offsets[int(begin) : int(begin) + int(length)].astype(np.int64)
        for begin, length in (
            (getattr(n, f"{side}_rows"), n.rows),
            (getattr(n, f"{side}_next"), n.next_rows),
            (getattr(n, f"{side}_sums"), n.sums),
            (getattr(n, f"{side}_last"), n.last_sums),
        )
    ]
    rows, sums = (np.add.outer(*lists[k : k + 2]).ravel() for k in (0, 2))
    return np.add.outer(rows, sums)


def test_of_the_rows_of_a_tile_one_operand_is_the_same_and_the_other_advances_evenly() -> None:
    circuits = [*slice_circuits(make_chain(12), ())]
    circuits += [c for seed in range(20) for c in slice_circuits(any_case(seed, 2, 5).network, ())]
    tiled = 0
    for c in circuits:
        for nests in (c.forward, c.backward):
            for k, nest in enumerate(nests):
                n, size, step = nest_at(nests, k), int(nest[TILE]), int(nest[TILE_STEP])
                if size == 1:
                    continue
                tiled += 1
                strides = set()
                for side in ("left", "right"):
                    cells = places(n, c, side)
                    moves = np.diff(cells.reshape(-1, size, step, cells.shape[1]), axis=1)
                    assert len(np.unique(moves)) == 1
                    strides.add(int(moves.flat[0]) > 0)
                assert strides == {True, False}
    assert tiled > len(circuits)
