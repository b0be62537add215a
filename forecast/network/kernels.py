"""The loops: a sweep over the steps of a network, for many sets of tables at once.

Every array has the draws axis last, so that the innermost loop runs over neighbours in memory.
Sweeps work in linear space and rescale once a step. Each checks that nothing it multiplied came
near underflow; where something did, the caller repeats that draw with `single.sweep_one`, which can
work with logarithms and then cannot underflow.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from forecast.arrays import Array, Index, Mask
from forecast.network.compiling import compiled_loosely

Places = npt.NDArray[np.uint32]
"""Unsigned, so that no compiled loop asks whether a place counts from the end."""
Packed = npt.NDArray[np.int32]


class Slice(NamedTuple):
    """The circuit of one slice, in the form that the loops take.

    Attributes
    ----------
    n_cells, n_inputs
        Cells in all, and how many of them (the first) are inputs.
    left, right, out
        Operands and target of each operation, (operation,).
    table_cells
        Table cell that each of the first inputs holds, (input,).
    like_at, probe_at, one_at, message_at
        First cell of the likelihoods and of the probes, the constant 1, which follows the
        probes, and the first cell of the message from the step before; -1 if there is none.
    n_settled
        How many operations, the first ones, no likelihood and no probe has a say in.
    runs
        How many cells each contraction makes, and of how many products each, (contraction, 2).
    segments
        The operations taken along neighbouring cells, for a single draw: first target, first left
        and first right cell, how many, and whether the right ones advance too, (segment, 5).
    blocks
        First column of the likelihoods of each variable, then of each further factor, and the
        number of columns, (block + 1,).
    results
        First cell of each factor of the result, and one past the last, (factor + 1,): the result
        is the product of its factors, which are the last cells.
    """

    n_cells: int
    n_inputs: int
    left: Places
    right: Places
    out: Places
    table_cells: Places
    like_at: int
    probe_at: int
    one_at: int
    message_at: int
    n_settled: int
    runs: Places
    segments: Places
    blocks: Places
    results: Places


N_NUMBERS: Final = 7
N_ARRAYS: Final = 8
"""How many fields of a `Slice` are numbers, and how many are arrays."""

FORWARD: Final = 0
SMOOTHED: Final = 1
FILTERED: Final = 2

SMALLEST: Final = 1e-140
LARGEST: Final = 1e140
KEPT_CELLS: Final = 250_000
"""Cells that may be kept from the forward pass: a single draw's over some dozen steps. Beyond the
second-level cache (2 MB) it takes no longer to compute them again than to fetch them."""


@compiled_loosely
def circuit_at(packed: Packed, step: int) -> Slice:
    """The circuit of a step, out of all that `slices.pack_circuits` packed."""
    at = packed[step]
    places = packed.view(np.uint32)
    left = at + N_NUMBERS + N_ARRAYS
    right = left + packed[at + N_NUMBERS]
    out = right + packed[at + N_NUMBERS + 1]
    tables = out + packed[at + N_NUMBERS + 2]
    runs = tables + packed[at + N_NUMBERS + 3]
    segments = runs + packed[at + N_NUMBERS + 4]
    blocks = segments + packed[at + N_NUMBERS + 5]
    results = blocks + packed[at + N_NUMBERS + 6]
    end = results + packed[at + N_NUMBERS + 7]
    return Slice(
        n_cells=int(packed[at]),
        n_inputs=int(packed[at + 1]),
        left=places[left:right],
        right=places[right:out],
        out=places[out:tables],
        table_cells=places[tables:runs],
        like_at=int(packed[at + 2]),
        probe_at=int(packed[at + 3]),
        one_at=int(packed[at + 4]),
        message_at=int(packed[at + 5]),
        n_settled=int(packed[at + 6]),
        runs=places[runs:segments].reshape(-1, 2),
        segments=places[segments:blocks].reshape(-1, 5),
        blocks=places[blocks:results],
        results=places[results:end],
    )


@compiled_loosely
def extent(packed: Packed, n_steps: int) -> tuple[int, int]:
    """Cells of the largest circuit of any step, and of the largest message between steps."""
    cells, message = 0, 0
    for t in range(n_steps):
        c = circuit_at(packed, t)
        cells = max(cells, c.n_cells)
        message = max(message, c.n_cells - int(c.results[0]))
    return cells, message


@compiled_loosely
def evaluate(cells: Array, c: Slice) -> None:
    """Run a circuit forwards, three products at a time, so that sums are stored less often."""
    draws, k = range(cells.shape[1]), 0
    for run in range(c.runs.shape[0]):
        width = int(c.runs[run, 1])
        head = width % 3
        for _ in range(c.runs[run, 0]):
            target = cells[c.out[k]]
            a, b = cells[c.left[k]], cells[c.right[k]]
            if head == 1:
                for d in draws:
                    target[d] = a[d] * b[d]
            else:
                e, f = cells[c.left[k + 1]], cells[c.right[k + 1]]
                if head == 2:
                    for d in draws:
                        target[d] = a[d] * b[d] + e[d] * f[d]
                else:
                    g, h = cells[c.left[k + 2]], cells[c.right[k + 2]]
                    for d in draws:
                        target[d] = a[d] * b[d] + e[d] * f[d] + g[d] * h[d]
            for j in range(k + (head or 3), k + width, 3):
                a, b = cells[c.left[j]], cells[c.right[j]]
                e, f = cells[c.left[j + 1]], cells[c.right[j + 1]]
                g, h = cells[c.left[j + 2]], cells[c.right[j + 2]]
                for d in draws:
                    target[d] += a[d] * b[d] + e[d] * f[d] + g[d] * h[d]
            k += width


@compiled_loosely
def _differentiate(cells: Array, gradients: Array, c: Slice) -> None:
    """Run a circuit backwards, from the gradients of the result to those of every cell."""
    for k in range(c.left.shape[0] - 1, -1, -1):
        a, b, g = cells[c.left[k]], cells[c.right[k]], gradients[c.out[k]]
        gradient_a, gradient_b = gradients[c.left[k]], gradients[c.right[k]]
        for d in range(cells.shape[1]):
            gradient_a[d] += g[d] * b[d]
        for d in range(cells.shape[1]):
            gradient_b[d] += g[d] * a[d]


@compiled_loosely
def _first_unsettled(c: Slice) -> int:
    """First cell, after the inputs, that likelihoods and probes have a say in."""
    return int(c.out[c.n_settled]) if c.n_settled < c.out.shape[0] else int(c.results[0])


@compiled_loosely
def _differentiate_unsettled(cells: Array, gradients: Array, c: Slice) -> None:
    """Run a circuit backwards as far as likelihoods and probes; skip all other gradients."""
    first, inputs, draws = _first_unsettled(c), c.n_inputs, range(cells.shape[1])
    for k in range(c.left.shape[0] - 1, c.n_settled - 1, -1):
        left, right = int(c.left[k]), int(c.right[k])
        a, b, g = cells[left], cells[right], gradients[c.out[k]]
        if left >= first or c.like_at <= left < inputs:
            gradient = gradients[left]
            for d in draws:
                gradient[d] += g[d] * b[d]
        if right >= first or c.like_at <= right < inputs:
            gradient = gradients[right]
            for d in draws:
                gradient[d] += g[d] * a[d]


@compiled_loosely
def note_range(cells: Array, lowest: Array, total: Array) -> None:
    """Keep the smallest positive cell of each draw, and a sum that none of them exceeds."""
    for i in range(cells.shape[0]):
        note_row(cells[i], lowest, total)


@compiled_loosely
def note_row(row: Array, lowest: Array, total: Array) -> None:
    """Do so for one cell of every draw."""
    for d in range(row.shape[0]):
        value = row[d]
        lowest[d] = value if (value > 0.0) & (value < lowest[d]) else lowest[d]
        total[d] += value


@compiled_loosely
def copy_rows(source: Array, target: Array) -> None:
    """Copy cells of every draw."""
    for i in range(target.shape[0]):
        for d in range(target.shape[1]):
            target[i, d] = source[i, d]


@compiled_loosely
def load_likelihoods(like: Array, at: int, blocks: Places, target: Array) -> Array:
    """Turn logarithms into likelihoods of which the largest of each block is 1.

    Returns the logarithm of what was taken out of each draw.
    """
    n_draws = target.shape[1]
    shared = like.shape[1] == 1
    scale = np.zeros(n_draws)
    for v in range(blocks.shape[0] - 1):
        lo, hi = int(blocks[v]), int(blocks[v + 1])
        for d in range(n_draws):
            dd = 0 if shared else at + d
            top = like[lo, dd]
            flat = top == 0.0
            for s in range(lo + 1, hi):
                value = like[s, dd]
                flat &= value == 0.0
                top = max(top, value)
            if flat:
                for s in range(lo, hi):
                    target[s, d] = 1.0
            elif top == -np.inf:
                for s in range(lo, hi):
                    target[s, d] = 0.0
            else:
                scale[d] += top
                for s in range(lo, hi):
                    gap = like[s, dd] - top
                    # Never rounded to zero: what is too small must be seen by `note_range`.
                    target[s, d] = max(np.exp(gap), 1e-300) if gap > -np.inf else 0.0
    return scale


@compiled_loosely
def run_step(cells: Array, tables: Array, like: Array, at: int, message: Array, c: Slice) -> Array:
    """Fill the inputs of one step and run its circuit forwards.

    The arguments are those of `sweep` at that step. Returns the logarithm of what was taken out
    of the likelihoods of each draw.
    """
    for k in range(c.table_cells.shape[0]):
        for d in range(cells.shape[1]):
            cells[k, d] = tables[c.table_cells[k], at + d]
    scale = load_likelihoods(like, at, c.blocks, cells[c.like_at :])
    if c.message_at >= 0:
        copy_rows(message, cells[c.message_at : c.like_at])
    cells[c.probe_at : c.one_at + 1] = 1.0
    evaluate(cells, c)
    return scale


@compiled_loosely
def normalise(
    cells: Array, scale: Array, log_norm: Array, at: int, message: Array, c: Slice
) -> None:
    """Take the sum out of each factor of a result; an impossible one becomes zeros."""
    total, draws = np.zeros(cells.shape[1]), range(cells.shape[1])
    first = int(c.results[0])
    for d in draws:
        log_norm[at + d] = scale[d]
    for f in range(c.results.shape[0] - 1):
        total[:] = 0.0
        for i in range(c.results[f], c.results[f + 1]):
            for d in draws:
                total[d] += cells[i, d]
        for d in draws:
            log_norm[at + d] += np.log(total[d]) if total[d] > 0 else -np.inf
            total[d] = 1.0 / total[d] if total[d] > 0 else 0.0
        for i in range(c.results[f], c.results[f + 1]):
            for d in draws:
                message[i - first, d] = cells[i, d] * total[d]


@compiled_loosely
def _seed(cells: Array, ahead: Array, gradients: Array, c: Slice) -> None:
    """Slopes of the result, so that each factor's products with what lies ahead sum to one."""
    overlap, draws = np.zeros(cells.shape[1]), range(cells.shape[1])
    first = int(c.results[0])
    for f in range(c.results.shape[0] - 1):
        overlap[:] = 0.0
        for i in range(c.results[f], c.results[f + 1]):
            for d in draws:
                overlap[d] += cells[i, d] * ahead[i - first, d]
        for d in draws:
            overlap[d] = 1.0 / overlap[d] if overlap[d] > 0 else 0.0
        for i in range(c.results[f], c.results[f + 1]):
            for d in draws:
                gradients[i, d] = ahead[i - first, d] * overlap[d]


@compiled_loosely
def _look_back(cells: Array, gradients: Array, ahead: Array) -> None:
    """Slopes of the message, which are what lies ahead of the step before."""
    for i in range(ahead.shape[0]):
        for d in range(ahead.shape[1]):
            # Of an impossible state the gradient is of no use and could grow for ever.
            ahead[i, d] = gradients[i, d] if cells[i, d] > 0.0 else 0.0


@compiled_loosely
def _collect(cells: Array, gradients: Array, target: Array, at: int) -> None:
    for i in range(target.shape[0]):
        for d in range(cells.shape[1]):
            target[i, at + d] = gradients[i, d] * cells[i, d]


@compiled_loosely
def _count_uses(
    cells: Array, gradients: Array, table_cells: Places, counts: Array, at: int
) -> None:
    for k in range(table_cells.shape[0]):
        for d in range(cells.shape[1]):
            counts[table_cells[k], at + d] += gradients[k, d] * cells[k, d]


class Found(NamedTuple):
    """Where a sweep leaves its answers, for all draws; zeros at first.

    Attributes
    ----------
    log_norm
        Log-probability of each step's evidence given the earlier ones, shape (step, draw); while
        a message has several factors, only sums up to a later step are one.
    marginals
        Probability of each state, shape (step, column, draw); empty when only going forward.
    probes
        Derivatives of the probes, which are joint probabilities, shape (step, probe, draw).
    counts
        Expected number of uses of each table cell, shape (regime, cell, draw); smoothed only.
    unsafe
        Draws that must be repeated in logarithms.
    """

    log_norm: Array
    marginals: Array
    probes: Array
    counts: Array
    unsafe: Mask


@compiled_loosely
def sweep(
    theta: Array,
    regimes: Index,
    log_like: Array,
    packed: Packed,
    mode: int,
    start: int,
    stop: int,
    found: Found,
) -> None:
    """Run the network polynomial over all steps for a chunk of draws.

    Parameters
    ----------
    theta
        Table cells, shape (regime, cell, draw).
    regimes
        Which set of tables each step uses, shape (step,).
    log_like
        Log-likelihoods, shape (step, column, draw) or (step, column, 1).
    packed
        Circuits of all steps, from `slices.pack_circuits`.
    mode
        `FORWARD`, `SMOOTHED` or `FILTERED`.
    start, stop
        First draw of the chunk and one past its last.
    found
        Where the answers go.
    """
    n_steps, n_draws = regimes.shape[0], stop - start
    n_cells, n_message = extent(packed, 2 * n_steps if mode == FILTERED else n_steps)
    messages = np.empty((n_steps + 1 if mode == SMOOTHED else 2, n_message, n_draws))
    lowest, total = np.full(n_draws, np.inf), np.zeros(n_draws)
    kept = n_steps if mode == SMOOTHED and n_steps * n_cells * n_draws <= KEPT_CELLS else 1
    work = np.empty((kept, n_cells, n_draws))
    gradients = np.empty((n_cells if mode != FORWARD else 0, n_draws))
    ahead = np.ones((n_message, n_draws))

    ends, here = np.empty((n_message if mode == FILTERED else 0, n_draws)), np.zeros(n_draws)
    carried, before = np.zeros(n_draws), np.zeros(n_draws)
    for t in range(n_steps):
        source = messages[t] if mode == SMOOTHED else messages[t % 2]
        if mode == FILTERED:
            c = circuit_at(packed, n_steps + t)
            cells, gradient = work[0, : c.n_cells], gradients[: c.n_cells]
            scale = run_step(cells, theta[regimes[t]], log_like[t], start, source, c)
            note_range(cells, lowest, total)
            normalise(cells, scale, here, 0, ends, c)
            for d in range(n_draws):
                now = carried[d] + here[d]
                found.log_norm[t, start + d] = now - before[d] if now > -np.inf else -np.inf
                before[d] = now
            gradient[c.like_at : c.n_inputs] = 0.0
            gradient[_first_unsettled(c) :] = 0.0
            _seed(cells, ahead, gradient, c)
            _differentiate_unsettled(cells, gradient, c)
            n_like = c.probe_at - c.like_at
            _collect(cells[c.like_at :], gradient[c.like_at :], found.marginals[t, :n_like], start)
            _collect(cells[c.probe_at :], gradient[c.probe_at :], found.probes[t], start)
            if t == n_steps - 1:
                break
        c = circuit_at(packed, t)
        target = messages[t + 1] if mode == SMOOTHED else messages[(t + 1) % 2]
        cells = work[t % kept, : c.n_cells]
        if mode != FILTERED or packed[t] != packed[n_steps + t]:
            scale = run_step(cells, theta[regimes[t]], log_like[t], start, source, c)
            note_range(cells, lowest, total)
        if mode == FILTERED:
            normalise(cells, scale, here, 0, target, c)
            for d in range(n_draws):
                carried[d] += here[d]
        else:
            normalise(cells, scale, found.log_norm[t], start, target, c)

    if mode == SMOOTHED:
        for t in range(n_steps - 1, -1, -1):
            c = circuit_at(packed, t)
            cells, gradient = work[t % kept, : c.n_cells], gradients[: c.n_cells]
            if kept == 1 and t < n_steps - 1:
                run_step(cells, theta[regimes[t]], log_like[t], start, messages[t], c)
            gradient[:], n_like = 0.0, c.probe_at - c.like_at
            _seed(cells, ahead, gradient, c)
            _differentiate(cells, gradient, c)
            _collect(cells[c.like_at :], gradient[c.like_at :], found.marginals[t, :n_like], start)
            _collect(cells[c.probe_at :], gradient[c.probe_at :], found.probes[t], start)
            _count_uses(cells, gradient, c.table_cells, found.counts[regimes[t]], start)
            if t > 0:
                size = c.like_at - c.message_at
                _look_back(cells[c.message_at :], gradient[c.message_at :], ahead[:size])
    for d in range(n_draws):
        found.unsafe[start + d] = lowest[d] < SMALLEST or not total[d] < LARGEST
