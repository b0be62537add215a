"""The loops: a sweep over the steps of a network, for many sets of tables at once.

Every array has the draws axis last, so that the innermost loop runs over neighbours in memory.
Sweeps work in linear space and rescale once a step. Each checks that nothing it multiplied came
near underflow; where something did, the caller repeats that draw in `sweep_log`, which works with
logarithms and cannot underflow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Places = npt.NDArray[np.uint32]
"""Unsigned, so that no compiled loop asks whether a place counts from the end."""
Flags = npt.NDArray[np.bool_]


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
    result_lo, result_hi
        First cell of the result and one past the last.
    runs
        How many cells each contraction makes, and of how many products each, (contraction, 2).
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
    result_lo: int
    result_hi: int
    runs: Places


if TYPE_CHECKING:

    def _compiled[F: Callable[..., Any]](function: F) -> F: ...

else:
    _compiled = numba.njit(nogil=True, cache=True, fastmath={"contract"})

FORWARD: Final = 0
SMOOTHED: Final = 1
FILTERED: Final = 2

SMALLEST: Final = 1e-140
LARGEST: Final = 1e140
LANES: Final = 64
"""Parts into which a single draw's cells are taken, so that vector arithmetic can be used."""
KEPT_CELLS: Final = 250_000
"""Cells that may be kept from the forward pass: a single draw's over some dozen steps. Beyond the
second-level cache (2 MB) it takes no longer to compute them again than to fetch them."""


@_compiled
def _evaluate(cells: Array, c: Slice) -> None:
    """Run a circuit forwards, two products at a time, so that sums are stored half as often."""
    if cells.shape[1] == 1:
        _evaluate_one(cells.reshape(cells.shape[0]), c)
        return
    draws, k = range(cells.shape[1]), 0
    for run in range(c.runs.shape[0]):
        width = c.runs[run, 1]
        for _ in range(c.runs[run, 0]):
            target = cells[c.out[k]]
            a, b = cells[c.left[k]], cells[c.right[k]]
            if width % 2:
                for d in draws:
                    target[d] = a[d] * b[d]
            else:
                e, f = cells[c.left[k + 1]], cells[c.right[k + 1]]
                for d in draws:
                    target[d] = a[d] * b[d] + e[d] * f[d]
            for j in range(k + 2 - width % 2, k + width, 2):
                a, b = cells[c.left[j]], cells[c.right[j]]
                e, f = cells[c.left[j + 1]], cells[c.right[j + 1]]
                for d in draws:
                    target[d] += a[d] * b[d] + e[d] * f[d]
            k += width


@_compiled
def _evaluate_one(cells: Array, c: Slice) -> None:
    """Run a circuit forwards for a single draw, keeping each sum in a register."""
    k = 0
    for run in range(c.runs.shape[0]):
        width = c.runs[run, 1]
        for _ in range(c.runs[run, 0]):
            total = 0.0
            for j in range(k, k + width):
                total += cells[c.left[j]] * cells[c.right[j]]
            cells[c.out[k]] = total
            k += width


@_compiled
def _differentiate(cells: Array, slopes: Array, c: Slice) -> None:
    """Run a circuit backwards, from the slopes of the result to those of every cell."""
    if cells.shape[1] == 1:
        _differentiate_one(cells.reshape(cells.shape[0]), slopes.reshape(cells.shape[0]), c)
        return
    for k in range(c.left.shape[0] - 1, -1, -1):
        a, b, g = cells[c.left[k]], cells[c.right[k]], slopes[c.out[k]]
        slope_a, slope_b = slopes[c.left[k]], slopes[c.right[k]]
        for d in range(cells.shape[1]):
            slope_a[d] += g[d] * b[d]
        for d in range(cells.shape[1]):
            slope_b[d] += g[d] * a[d]


@_compiled
def _differentiate_one(cells: Array, slopes: Array, c: Slice) -> None:
    for k in range(c.left.shape[0] - 1, -1, -1):
        left, right, g = c.left[k], c.right[k], slopes[c.out[k]]
        slopes[left] += g * cells[right]
        slopes[right] += g * cells[left]


@_compiled
def _note_range(cells: Array, lowest: Array, total: Array) -> None:
    """Keep the smallest positive cell of each draw, and a sum that none of them exceeds."""
    if cells.shape[1] == 1:
        _note_range_one(cells.reshape(cells.shape[0]), lowest, total)
        return
    for i in range(cells.shape[0]):
        _note_row(cells[i], lowest, total)


@_compiled
def _note_row(row: Array, lowest: Array, total: Array) -> None:
    for d in range(row.shape[0]):
        value = row[d]
        lowest[d] = value if (value > 0.0) & (value < lowest[d]) else lowest[d]
        total[d] += value


@_compiled
def _note_range_one(cells: Array, lowest: Array, total: Array) -> None:
    """Do so for a single draw, whose cells are taken as many draws of fewer cells."""
    low, whole = np.full(LANES, np.inf), np.zeros(LANES)
    for start in range(0, cells.shape[0], LANES):
        _note_row(cells[start : start + LANES], low, whole)
    lowest[0] = min(lowest[0], low.min())
    total[0] += whole.sum()


@_compiled
def _copy(source: Array, target: Array) -> None:
    for i in range(target.shape[0]):
        for d in range(target.shape[1]):
            target[i, d] = source[i, d]


@_compiled
def _load_likelihoods(like: Array, at: int, variables: Index, target: Array) -> Array:
    """Turn logarithms into likelihoods of which the largest of each variable is 1.

    Returns the logarithm of what was taken out of each draw.
    """
    n_draws = target.shape[1]
    shared = like.shape[1] == 1
    scale = np.zeros(n_draws)
    for v in range(variables.shape[0] - 1):
        lo, hi = variables[v], variables[v + 1]
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
                    # Never rounded to zero: what is too small must be seen by `_note_range`.
                    target[s, d] = max(np.exp(gap), 1e-300) if gap > -np.inf else 0.0
    return scale


@_compiled
def _run_step(
    cells: Array, tables: Array, like: Array, at: int, variables: Index, message: Array, c: Slice
) -> Array:
    """Fill the inputs of one step and run its circuit forwards.

    The arguments are those of `sweep` at that step. Returns the logarithm of what was taken out
    of the likelihoods of each draw.
    """
    for k in range(c.table_cells.shape[0]):
        for d in range(cells.shape[1]):
            cells[k, d] = tables[c.table_cells[k], at + d]
    scale = _load_likelihoods(like, at, variables, cells[c.like_at :])
    if c.message_at >= 0:
        _copy(message, cells[c.message_at : c.message_at + message.shape[0]])
    cells[c.probe_at : c.one_at + 1] = 1.0
    _evaluate(cells, c)
    return scale


@_compiled
def _normalise(result: Array, scale: Array, log_norm: Array, at: int, message: Array) -> None:
    """Take the sum out of a result; an impossible one becomes a message of zeros."""
    total = np.zeros(result.shape[1])
    for i in range(result.shape[0]):
        for d in range(result.shape[1]):
            total[d] += result[i, d]
    for d in range(result.shape[1]):
        log_norm[at + d] = np.log(total[d]) + scale[d] if total[d] > 0 else -np.inf
        total[d] = 1.0 / total[d] if total[d] > 0 else 0.0
    for i in range(result.shape[0]):
        for d in range(result.shape[1]):
            message[i, d] = result[i, d] * total[d]


@_compiled
def _seed(result: Array, ahead: Array, slopes: Array) -> None:
    """Slopes of the result, so that its products with what lies ahead sum to one."""
    overlap = np.zeros(result.shape[1])
    for i in range(result.shape[0]):
        for d in range(result.shape[1]):
            overlap[d] += result[i, d] * ahead[i, d]
    for d in range(result.shape[1]):
        overlap[d] = 1.0 / overlap[d] if overlap[d] > 0 else 0.0
    for i in range(result.shape[0]):
        for d in range(result.shape[1]):
            slopes[i, d] = ahead[i, d] * overlap[d]


@_compiled
def _look_back(cells: Array, slopes: Array, ahead: Array) -> None:
    """Slopes of the message, which are what lies ahead of the step before."""
    for i in range(ahead.shape[0]):
        for d in range(ahead.shape[1]):
            # Of an impossible state the slope is of no use and could grow for ever.
            ahead[i, d] = slopes[i, d] if cells[i, d] > 0.0 else 0.0


@_compiled
def _collect(cells: Array, slopes: Array, target: Array, at: int) -> None:
    for i in range(target.shape[0]):
        for d in range(cells.shape[1]):
            target[i, at + d] = slopes[i, d] * cells[i, d]


@_compiled
def _count_uses(cells: Array, slopes: Array, table_cells: Places, counts: Array, at: int) -> None:
    for k in range(table_cells.shape[0]):
        for d in range(cells.shape[1]):
            counts[table_cells[k], at + d] += slopes[k, d] * cells[k, d]


class Found(NamedTuple):
    """Where a sweep leaves its answers, for all draws; zeros at first.

    Attributes
    ----------
    log_norm
        Log-probability of each step's evidence given the earlier ones, shape (step, draw).
    marginals
        Probability of each state, shape (step, state, draw); empty when only going forward.
    probes
        Derivatives of the probes, which are joint probabilities, shape (step, probe, draw).
    counts
        Expected number of uses of each table cell, shape (regime, cell, draw); smoothed only.
    unsafe
        Draws that must be repeated by `sweep_log`.
    """

    log_norm: Array
    marginals: Array
    probes: Array
    counts: Array
    unsafe: Flags


@_compiled
def sweep(
    theta: Array,
    regimes: Index,
    log_like: Array,
    variables: Index,
    first: Slice,
    later: Slice,
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
        Log-likelihood of each state, shape (step, state, draw) or (step, state, 1).
    variables
        First state of each variable, and the number of states, shape (variable + 1,).
    first, later
        Circuits of the first and of every later slice.
    mode
        `FORWARD`, `SMOOTHED` or `FILTERED`.
    start, stop
        First draw of the chunk and one past its last.
    found
        Where the answers go.
    """
    n_steps, n_draws = regimes.shape[0], stop - start
    n_message = first.result_hi - first.result_lo
    messages = np.empty((n_steps + 1 if mode == SMOOTHED else 2, n_message, n_draws))
    lowest, total = np.full(n_draws, np.inf), np.zeros(n_draws)
    n_cells = max(first.n_cells, later.n_cells)
    kept = n_steps if mode == SMOOTHED and n_steps * n_cells * n_draws <= KEPT_CELLS else 1
    work = np.empty((kept, n_cells, n_draws))
    slopes = np.empty((n_cells if mode != FORWARD else 0, n_draws))
    ahead = np.ones((n_message, n_draws))

    for t in range(n_steps):
        c = first if t == 0 else later
        source = messages[t] if mode == SMOOTHED else messages[t % 2]
        target = messages[t + 1] if mode == SMOOTHED else messages[(t + 1) % 2]
        cells = work[t % kept, : c.n_cells]
        scale = _run_step(cells, theta[regimes[t]], log_like[t], start, variables, source, c)
        _note_range(cells, lowest, total)
        result = cells[c.result_lo : c.result_hi]
        _normalise(result, scale, found.log_norm[t], start, target)
        if mode == FILTERED:
            gradient = slopes[: c.n_cells]
            gradient[:] = 0.0
            _seed(result, ahead, gradient[c.result_lo :])
            _differentiate(cells, gradient, c)
            _collect(cells[c.like_at :], gradient[c.like_at :], found.marginals[t], start)
            _collect(cells[c.probe_at :], gradient[c.probe_at :], found.probes[t], start)

    if mode == SMOOTHED:
        for t in range(n_steps - 1, -1, -1):
            c = first if t == 0 else later
            cells, gradient = work[t % kept, : c.n_cells], slopes[: c.n_cells]
            if kept == 1 and t < n_steps - 1:
                _run_step(cells, theta[regimes[t]], log_like[t], start, variables, messages[t], c)
            gradient[:] = 0.0
            _seed(cells[c.result_lo : c.result_hi], ahead, gradient[c.result_lo :])
            _differentiate(cells, gradient, c)
            _collect(cells[c.like_at :], gradient[c.like_at :], found.marginals[t], start)
            _collect(cells[c.probe_at :], gradient[c.probe_at :], found.probes[t], start)
            _count_uses(cells, gradient, c.table_cells, found.counts[regimes[t]], start)
            if t > 0:
                _look_back(cells[c.message_at :], gradient[c.message_at :], ahead)
    for d in range(n_draws):
        found.unsafe[start + d] = lowest[d] < SMALLEST or not total[d] < LARGEST


@_compiled
def _evaluate_log(cells: Array, c: Slice) -> None:
    """Sum in logarithms, each sum relative to its largest term."""
    k = 0
    for run in range(c.runs.shape[0]):
        width = c.runs[run, 1]
        for _ in range(c.runs[run, 0]):
            peak, total = -np.inf, 0.0
            for j in range(k, k + width):
                peak = max(peak, cells[c.left[j]] + cells[c.right[j]])
            if peak > -np.inf:
                for j in range(k, k + width):
                    total += np.exp(cells[c.left[j]] + cells[c.right[j]] - peak)
            cells[c.out[k]] = peak + np.log(total) if total > 0.0 else -np.inf
            k += width


@_compiled
def _differentiate_log(cells: Array, flows: Array, c: Slice) -> None:
    """Share out each cell's probability among the products that made it."""
    for k in range(c.left.shape[0] - 1, -1, -1):
        left, right, out = c.left[k], c.right[k], c.out[k]
        if flows[out] > 0.0 and cells[out] > -np.inf:
            part = flows[out] * np.exp(cells[left] + cells[right] - cells[out])
            flows[left] += part
            flows[right] += part


@_compiled
def fill_log_inputs(
    cells: Array, log_tables: Array, log_like: Array, message: Array, c: Slice
) -> None:
    """Fill the inputs of one step with logarithms: table cells, (cell,), and states, (state,)."""
    for k in range(c.table_cells.shape[0]):
        cells[k] = log_tables[c.table_cells[k]]
    cells[c.like_at : c.like_at + log_like.shape[0]] = log_like
    if c.message_at >= 0:
        cells[c.message_at : c.message_at + message.shape[0]] = message
    cells[c.probe_at : c.one_at + 1] = 0.0


@_compiled
def sweep_log(
    log_theta: Array,
    regimes: Index,
    log_like: Array,
    first: Slice,
    later: Slice,
    mode: int,
) -> tuple[Array, Array, Array, Array]:
    """Do the same as `sweep` for one draw, in logarithms throughout.

    Arguments are those of `sweep`, and results those of `Found`, without the draws axis.
    """
    n_steps, n_states = log_like.shape
    n_probe = first.one_at - first.probe_at
    n_message = first.result_hi - first.result_lo
    messages = np.empty((n_steps + 1, n_message))
    log_norm = np.zeros(n_steps)
    some = mode != FORWARD
    marginals = np.zeros((n_steps if some else 0, n_states))
    probes = np.zeros((n_steps if some else 0, n_probe))
    counts = np.zeros((log_theta.shape[0] if mode == SMOOTHED else 0, log_theta.shape[1]))
    n_cells = max(first.n_cells, later.n_cells)
    work, flow = np.empty(n_cells), np.empty(n_cells)

    for t in range(n_steps):
        c = first if t == 0 else later
        cells, flows = work[: c.n_cells], flow[: c.n_cells]
        fill_log_inputs(cells, log_theta[regimes[t]], log_like[t], messages[t], c)
        _evaluate_log(cells, c)
        result = cells[c.result_lo : c.result_hi]
        peak = result.max()
        if peak == -np.inf:
            log_norm[t:] = -np.inf
            return log_norm, marginals, probes, counts
        log_norm[t] = np.log(np.exp(result - peak).sum()) + peak
        messages[t + 1] = result - log_norm[t]
        if mode == FILTERED:
            flows[:] = 0.0
            flows[c.result_lo : c.result_hi] = np.exp(messages[t + 1])
            _differentiate_log(cells, flows, c)
            marginals[t] = flows[c.like_at : c.like_at + n_states]
            probes[t] = flows[c.probe_at : c.probe_at + n_probe]

    if mode == SMOOTHED:
        ahead = np.exp(messages[n_steps])
        for t in range(n_steps - 1, -1, -1):
            c = first if t == 0 else later
            cells, flows = work[: c.n_cells], flow[: c.n_cells]
            fill_log_inputs(cells, log_theta[regimes[t]], log_like[t], messages[t], c)
            _evaluate_log(cells, c)
            flows[:] = 0.0
            flows[c.result_lo : c.result_hi] = ahead
            _differentiate_log(cells, flows, c)
            marginals[t] = flows[c.like_at : c.like_at + n_states]
            probes[t] = flows[c.probe_at : c.probe_at + n_probe]
            for k in range(c.table_cells.shape[0]):
                counts[regimes[t], c.table_cells[k]] += flows[k]
            if t > 0:
                ahead = flows[c.message_at : c.message_at + n_message].copy()
    return log_norm, marginals, probes, counts
