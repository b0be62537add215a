"""The loops: a sweep over the steps of a network, for many sets of tables at once.

Every array has the draws axis last, so that the innermost loop runs over neighbours in memory.
Sweeps work in linear space and rescale once a step. Each checks that nothing it multiplied came
near underflow; where something did, the caller repeats that draw in `sweep_log`, which works with
logarithms and cannot underflow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64] | npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Slice = Any
"""One slice's circuit: n_cells, n_inputs, left, right, out, table_cells, like_at, probe_at,
one_at, message_at, result_lo, result_hi."""

if TYPE_CHECKING:

    def _compiled[F: Callable[..., Any]](function: F) -> F: ...

else:
    _compiled = numba.njit(nogil=True, cache=True, fastmath={"contract"})

FORWARD: Final = 0
SMOOTHED: Final = 1
FILTERED: Final = 2

SMALLEST: Final = 1e-140
LARGEST: Final = 1e140
KEPT_CELLS: Final = 4_000_000
"""Cells that may be kept from the forward pass; beyond that they are computed again."""


@_compiled
def _forward(cells: Array, n_inputs: int, left: Index, right: Index, out: Index) -> None:
    cells[n_inputs:] = 0.0
    if cells.shape[1] == 1:
        flat = cells.reshape(cells.shape[0])
        for k in range(left.shape[0]):
            flat[out[k]] += flat[left[k]] * flat[right[k]]
        return
    for k in range(left.shape[0]):
        a, b, c = cells[left[k]], cells[right[k]], cells[out[k]]
        for d in range(cells.shape[1]):
            c[d] += a[d] * b[d]


@_compiled
def _backward(cells: Array, slopes: Array, left: Index, right: Index, out: Index) -> None:
    if cells.shape[1] == 1:
        flat, slope = cells.reshape(cells.shape[0]), slopes.reshape(cells.shape[0])
        for k in range(left.shape[0] - 1, -1, -1):
            g = slope[out[k]]
            slope[left[k]] += g * flat[right[k]]
            slope[right[k]] += g * flat[left[k]]
        return
    for k in range(left.shape[0] - 1, -1, -1):
        a, b, g = cells[left[k]], cells[right[k]], slopes[out[k]]
        slope_a, slope_b = slopes[left[k]], slopes[right[k]]
        for d in range(cells.shape[1]):
            slope_a[d] += g[d] * b[d]
            slope_b[d] += g[d] * a[d]


@_compiled
def _note_range(cells: Array, unsafe: Flags) -> None:
    """Mark the draws in which a product of two cells could have underflowed."""
    for i in range(cells.shape[0]):
        row = cells[i]
        for d in range(cells.shape[1]):
            v = row[d]
            unsafe[d] |= (v < SMALLEST and v != 0.0) or not v < LARGEST


@_compiled
def _load(
    cells: Array,
    t: int,
    theta: Array,
    regime: int,
    table_cells: Index,
    log_like: Array,
    variables: Index,
    like_at: int,
    message: Array,
    at: int,
) -> Array:
    """Fill the inputs of one step; return the logarithm of what was taken out of each draw."""
    n_draws = cells.shape[1]
    tables = theta[regime]
    for k in range(table_cells.shape[0]):
        cells[k] = tables[table_cells[k]]
    shared = log_like.shape[2] == 1
    scale = np.zeros(n_draws)
    for v in range(variables.shape[0] - 1):
        lo, hi = variables[v], variables[v + 1]
        for d in range(n_draws):
            dd = 0 if shared else d
            top = log_like[t, lo, dd]
            flat = top == 0.0
            for s in range(lo + 1, hi):
                value = log_like[t, s, dd]
                flat &= value == 0.0
                top = max(top, value)
            if flat:
                for s in range(lo, hi):
                    cells[like_at + s, d] = 1.0
            elif top == -np.inf:
                for s in range(lo, hi):
                    cells[like_at + s, d] = 0.0
            else:
                scale[d] += top
                for s in range(lo, hi):
                    gap = log_like[t, s, dd] - top
                    # Never rounded to zero: what is too small must be seen by `_note_range`.
                    cells[like_at + s, d] = max(np.exp(gap), 1e-300) if gap > -np.inf else 0.0
    if t > 0:
        for i in range(message.shape[0]):
            cells[at + i] = message[i]
    return scale


@_compiled
def sweep(
    theta: Array,
    regimes: Index,
    log_like: Array,
    variables: Index,
    first: Slice,
    later: Slice,
    n_probe: int,
    mode: int,
) -> tuple[Array, Array, Array, Array, Flags]:
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
    n_probe
        Cells of the probes, whose derivatives are joint probabilities.
    mode
        `FORWARD`, `SMOOTHED` or `FILTERED`.

    Returns
    -------
    log_norm
        Log-probability of each step's evidence given the earlier ones, shape (step, draw).
    marginals
        Probability of each state, shape (step, state, draw); empty when only going forward.
    probes
        Joint probabilities, shape (step, probe, draw).
    counts
        Expected number of uses of each table cell, shape (regime, cell, draw); smoothed only.
    unsafe
        Draws that must be repeated by `sweep_log`.
    """
    n_steps, n_draws = regimes.shape[0], theta.shape[2]
    n_states = variables[-1]
    n_message = first[11] - first[10]
    messages = np.empty((n_steps + 1 if mode == SMOOTHED else 2, n_message, n_draws))
    log_norm = np.zeros((n_steps, n_draws))
    unsafe = np.zeros(n_draws, dtype=np.bool_)
    some = mode != FORWARD
    marginals = np.zeros((n_steps if some else 0, n_states, n_draws))
    probes = np.zeros((n_steps if some else 0, n_probe, n_draws))
    counts = np.zeros((theta.shape[0] if mode == SMOOTHED else 0, theta.shape[1], n_draws))
    n_cells = max(first[0], later[0])
    kept = n_steps if some and n_steps * n_cells * n_draws <= KEPT_CELLS else 1
    work = np.empty((kept, n_cells, n_draws))
    slopes = np.empty((n_cells if some else 0, n_draws))

    for t in range(n_steps):
        c = first if t == 0 else later
        source = messages[t] if mode == SMOOTHED else messages[t % 2]
        target = messages[t + 1] if mode == SMOOTHED else messages[(t + 1) % 2]
        cells = work[t % kept, : c[0]]
        scale = _load(cells, t, theta, regimes[t], c[5], log_like, variables, c[6], source, c[9])
        for i in range(c[7], c[8] + 1):
            cells[i] = 1.0
        _forward(cells, c[1], c[2], c[3], c[4])
        _note_range(cells, unsafe)
        total = np.zeros(n_draws)
        for i in range(c[10], c[11]):
            for d in range(n_draws):
                total[d] += cells[i, d]
        for d in range(n_draws):
            log_norm[t, d] = np.log(total[d]) + scale[d] if total[d] > 0 else -np.inf
            total[d] = 1.0 / total[d] if total[d] > 0 else 0.0
        for i in range(n_message):
            for d in range(n_draws):
                target[i, d] = cells[c[10] + i, d] * total[d]
        if mode == FILTERED:
            gradient = slopes[: c[0]]
            gradient[:] = 0.0
            for i in range(c[10], c[11]):
                gradient[i] = total
            _backward(cells, gradient, c[2], c[3], c[4])
            _collect(cells, gradient, c[6], marginals[t])
            _collect(cells, gradient, c[7], probes[t])

    if mode == SMOOTHED:
        ahead = np.ones((n_message, n_draws))
        for t in range(n_steps - 1, -1, -1):
            c = first if t == 0 else later
            cells, gradient = work[t % kept, : c[0]], slopes[: c[0]]
            if kept == 1 and t < n_steps - 1:
                _load(
                    cells, t, theta, regimes[t], c[5], log_like, variables, c[6], messages[t], c[9]
                )
                for i in range(c[7], c[8] + 1):
                    cells[i] = 1.0
                _forward(cells, c[1], c[2], c[3], c[4])
            gradient[:] = 0.0
            overlap = np.zeros(n_draws)
            for i in range(n_message):
                for d in range(n_draws):
                    overlap[d] += cells[c[10] + i, d] * ahead[i, d]
            for d in range(n_draws):
                overlap[d] = 1.0 / overlap[d] if overlap[d] > 0 else 0.0
            for i in range(n_message):
                for d in range(n_draws):
                    gradient[c[10] + i, d] = ahead[i, d] * overlap[d]
            _backward(cells, gradient, c[2], c[3], c[4])
            _collect(cells, gradient, c[6], marginals[t])
            _collect(cells, gradient, c[7], probes[t])
            used = counts[regimes[t]]
            for k in range(c[5].shape[0]):
                for d in range(n_draws):
                    used[c[5][k], d] += gradient[k, d] * cells[k, d]
            if t > 0:
                for i in range(n_message):
                    for d in range(n_draws):
                        # Of an impossible state the slope is of no use and could grow for ever.
                        possible = cells[c[9] + i, d] > 0.0
                        ahead[i, d] = gradient[c[9] + i, d] if possible else 0.0
    return log_norm, marginals, probes, counts, unsafe


@_compiled
def _collect(cells: Array, slopes: Array, start: int, target: Array) -> None:
    for i in range(target.shape[0]):
        for d in range(target.shape[1]):
            target[i, d] = slopes[start + i, d] * cells[start + i, d]


@_compiled
def _forward_log(
    cells: Array, top: Array, n_inputs: int, left: Index, right: Index, out: Index
) -> None:
    """Log-sum-exp in two passes: the largest term of each cell, then the sum relative to it."""
    n = cells.shape[0]
    top[n_inputs:n] = -np.inf
    cells[n_inputs:] = 0.0
    k = 0
    while k < left.shape[0]:
        # A contraction's operations are contiguous and write only to cells not yet read.
        end = k
        lo = hi = out[k]
        while end < left.shape[0] and max(left[end], right[end]) < lo:
            hi = max(hi, out[end])
            lo = min(lo, out[end])
            end += 1
        for j in range(k, end):
            top[out[j]] = max(top[out[j]], cells[left[j]] + cells[right[j]])
        for j in range(k, end):
            if top[out[j]] > -np.inf:
                cells[out[j]] += np.exp(cells[left[j]] + cells[right[j]] - top[out[j]])
        for i in range(lo, hi + 1):
            cells[i] = np.log(cells[i]) + top[i] if cells[i] > 0.0 else -np.inf
        k = end


@_compiled
def _backward_log(cells: Array, flows: Array, left: Index, right: Index, out: Index) -> None:
    """Share out each cell's probability among the products that made it."""
    for k in range(left.shape[0] - 1, -1, -1):
        whole = cells[out[k]]
        if flows[out[k]] > 0.0 and whole > -np.inf:
            part = flows[out[k]] * np.exp(cells[left[k]] + cells[right[k]] - whole)
            flows[left[k]] += part
            flows[right[k]] += part


@_compiled
def fill_log_inputs(
    cells: Array,
    t: int,
    log_theta: Array,
    regime: int,
    table_cells: Index,
    log_like: Array,
    like_at: int,
    message: Array,
    at: int,
) -> None:
    """Fill the inputs of one step with logarithms."""
    for k in range(table_cells.shape[0]):
        cells[k] = log_theta[regime, table_cells[k]]
    for s in range(log_like.shape[1]):
        cells[like_at + s] = log_like[t, s]
    if t > 0:
        for i in range(message.shape[0]):
            cells[at + i] = message[i]


@_compiled
def sweep_log(
    log_theta: Array,
    regimes: Index,
    log_like: Array,
    first: Slice,
    later: Slice,
    n_probe: int,
    mode: int,
) -> tuple[Array, Array, Array, Array]:
    """Do the same as `sweep` for one draw, in logarithms throughout.

    Arguments and results are those of `sweep` without the draws axis and without `variables`.
    """
    n_steps, n_states = log_like.shape
    n_message = first[11] - first[10]
    messages = np.empty((n_steps + 1, n_message))
    log_norm = np.zeros(n_steps)
    some = mode != FORWARD
    marginals = np.zeros((n_steps if some else 0, n_states))
    probes = np.zeros((n_steps if some else 0, n_probe))
    counts = np.zeros((log_theta.shape[0] if mode == SMOOTHED else 0, log_theta.shape[1]))
    n_cells = max(first[0], later[0])
    work, top, flow = np.empty(n_cells), np.empty(n_cells), np.empty(n_cells)

    for t in range(n_steps):
        c = first if t == 0 else later
        cells, flows = work[: c[0]], flow[: c[0]]
        fill_log_inputs(cells, t, log_theta, regimes[t], c[5], log_like, c[6], messages[t], c[9])
        cells[c[7] : c[8] + 1] = 0.0
        _forward_log(cells, top, c[1], c[2], c[3], c[4])
        result = cells[c[10] : c[11]]
        peak = result.max()
        if peak == -np.inf:
            log_norm[t:] = -np.inf
            return log_norm, marginals, probes, counts
        log_norm[t] = np.log(np.exp(result - peak).sum()) + peak
        messages[t + 1] = result - log_norm[t]
        if mode == FILTERED:
            flows[:] = 0.0
            flows[c[10] : c[11]] = np.exp(messages[t + 1])
            _backward_log(cells, flows, c[2], c[3], c[4])
            marginals[t] = flows[c[6] : c[6] + n_states]
            probes[t] = flows[c[7] : c[7] + n_probe]

    if mode == SMOOTHED:
        ahead = np.exp(messages[n_steps])
        for t in range(n_steps - 1, -1, -1):
            c = first if t == 0 else later
            cells, flows = work[: c[0]], flow[: c[0]]
            fill_log_inputs(
                cells, t, log_theta, regimes[t], c[5], log_like, c[6], messages[t], c[9]
            )
            cells[c[7] : c[8] + 1] = 0.0
            _forward_log(cells, top, c[1], c[2], c[3], c[4])
            flows[:] = 0.0
            flows[c[10] : c[11]] = ahead
            _backward_log(cells, flows, c[2], c[3], c[4])
            marginals[t] = flows[c[6] : c[6] + n_states]
            probes[t] = flows[c[7] : c[7] + n_probe]
            for k in range(c[5].shape[0]):
                counts[regimes[t], c[5][k]] += flows[k]
            if t > 0:
                ahead = flows[c[9] : c[9] + n_message].copy()
    return log_norm, marginals, probes, counts
