"""The loops for a single set of tables, in linear space or in logarithms.

There is no draws axis to run along, so products are taken along neighbouring cells of the tables:
the segments of a circuit. In logarithms nothing underflows; sums are then taken one by one, each
relative to its largest term.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from forecast.arrays import Array, Index
from forecast.network.compiling import compiled
from forecast.network.kernels import (
    FILTERED,
    FORWARD,
    KEPT_CELLS,
    LARGEST,
    SMALLEST,
    SMOOTHED,
    Packed,
    Slice,
    circuit_at,
    extent,
    load_likelihoods,
    note_row,
)

LANES: Final = 64
"""Parts into which cells are taken to find their range, so that vector arithmetic can be used."""


@compiled
def _evaluate(cells: Array, c: Slice) -> None:
    """Run a circuit forwards."""
    cells[c.n_inputs :] = 0.0
    for k in range(c.segments.shape[0]):
        out, left, right = c.segments[k, 0], c.segments[k, 1], c.segments[k, 2]
        if c.segments[k, 4]:
            for j in range(c.segments[k, 3]):
                cells[out + j] += cells[left + j] * cells[right + j]
        else:
            factor = cells[right]
            for j in range(c.segments[k, 3]):
                cells[out + j] += cells[left + j] * factor


@compiled
def _differentiate(cells: Array, gradients: Array, c: Slice) -> None:
    """Run a circuit backwards, from the gradients of the result to those of every cell."""
    for k in range(c.segments.shape[0] - 1, -1, -1):
        out, left, right = c.segments[k, 0], c.segments[k, 1], c.segments[k, 2]
        if c.segments[k, 4]:
            for j in range(c.segments[k, 3]):
                gradient = gradients[out + j]
                gradients[left + j] += gradient * cells[right + j]
                gradients[right + j] += gradient * cells[left + j]
        else:
            factor, total = cells[right], 0.0
            for j in range(c.segments[k, 3]):
                gradient = gradients[out + j]
                gradients[left + j] += gradient * factor
                total += gradient * cells[left + j]
            gradients[right] += total


@compiled
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


@compiled
def _share_out(cells: Array, flows: Array, c: Slice) -> None:
    """Share out each cell's probability among the products, in logarithms, that made it.

    Shares are taken of the products themselves, not of the rounded logarithm of their sum, so
    that they add up to one however large the logarithms are.
    """
    k = c.left.shape[0]
    for run in range(c.runs.shape[0] - 1, -1, -1):
        width = c.runs[run, 1]
        for _ in range(c.runs[run, 0]):
            k -= width
            flow = float(flows[c.out[k]])
            if flow > 0.0 and cells[c.out[k]] > -np.inf:
                _share_one(cells, flows, c, k, k + width, flow)


@compiled
def _share_one(cells: Array, flows: Array, c: Slice, lo: int, hi: int, flow: float) -> None:
    """Share out the probability of one cell."""
    peak, total = -np.inf, 0.0
    for j in range(lo, hi):
        peak = max(peak, cells[c.left[j]] + cells[c.right[j]])
    for j in range(lo, hi):
        total += np.exp(cells[c.left[j]] + cells[c.right[j]] - peak)
    for j in range(lo, hi):
        part = flow * (np.exp(cells[c.left[j]] + cells[c.right[j]] - peak) / total)
        flows[c.left[j]] += part
        flows[c.right[j]] += part


@compiled
def fill_log_inputs(
    cells: Array, log_tables: Array, log_like: Array, message: Array, c: Slice
) -> None:
    """Fill the inputs of one step with logarithms: table cells, (cell,), and columns, (column,)."""
    for k in range(c.table_cells.shape[0]):
        cells[k] = log_tables[c.table_cells[k]]
    cells[c.like_at : c.probe_at] = log_like[: c.probe_at - c.like_at]
    if c.message_at >= 0:
        cells[c.message_at : c.like_at] = message[: c.like_at - c.message_at]
    cells[c.probe_at : c.one_at + 1] = 0.0


@compiled
def _take_out(log_like: Array, c: Slice) -> float:
    """Divide by the largest likelihood of each block; return the logarithm of what that was."""
    scale = 0.0
    for v in range(c.blocks.shape[0] - 1):
        block = log_like[c.blocks[v] : c.blocks[v + 1]]
        top = block.max()
        if top > -np.inf:
            block -= top
            scale += top
    return scale


@compiled
def _fill_inputs(cells: Array, tables: Array, log_like: Array, message: Array, c: Slice) -> float:
    """Fill the inputs of one step; return the logarithm of what the likelihoods were divided by."""
    for k in range(c.table_cells.shape[0]):
        cells[k] = tables[c.table_cells[k]]
    n_columns, n_like = log_like.shape[0], c.probe_at - c.like_at
    like = cells[c.like_at : c.probe_at].reshape(n_like, 1)
    scale = load_likelihoods(log_like.reshape(n_columns, 1), 0, c.blocks, like)
    if c.message_at >= 0:
        cells[c.message_at : c.like_at] = message[: c.like_at - c.message_at]
    cells[c.probe_at : c.one_at + 1] = 1.0
    return float(scale[0])


@compiled
def _run_step(
    cells: Array,
    tables: Array,
    log_like: Array,
    message: Array,
    c: Slice,
    logarithmic: bool,
) -> float:
    """Fill the inputs of one step and run its circuit forwards."""
    if logarithmic:
        fill_log_inputs(cells, tables, log_like, message, c)
        scale = _take_out(cells[c.like_at : c.probe_at], c)
        _evaluate_log(cells, c)
        return scale
    scale = _fill_inputs(cells, tables, log_like, message, c)
    _evaluate(cells, c)
    return scale


@compiled
def _normalise(cells: Array, message: Array, c: Slice, logarithmic: bool) -> float:
    """Take the sum out of each factor of a result; return the logarithm of their product."""
    first, found = int(c.results[0]), 0.0
    for f in range(c.results.shape[0] - 1):
        lo, hi = int(c.results[f]), int(c.results[f + 1])
        if logarithmic:
            found += _normalise_log(cells[lo:hi], message[lo - first : hi - first])
            continue
        total = 0.0
        for i in range(lo, hi):
            total += cells[i]
        for i in range(lo, hi):
            message[i - first] = cells[i] / total if total > 0.0 else 0.0
        found += float(np.log(total)) if total > 0.0 else -np.inf
    return found


@compiled
def _normalise_log(factor: Array, message: Array) -> float:
    """Do so for one factor in logarithms."""
    peak = factor.max()
    if peak == -np.inf:
        message[:] = -np.inf
        return -np.inf
    total = 0.0
    for i in range(factor.shape[0]):
        total += np.exp(factor[i] - peak)
    log_total = peak + np.log(total)
    for i in range(factor.shape[0]):
        message[i] = factor[i] - log_total
    return float(log_total)


@compiled
def _run_back(flow: Array, cells: Array, flows: Array, c: Slice, logarithmic: bool) -> None:
    """From the probability of each cell of the result to that of every input."""
    flows[:] = 0.0
    first = int(c.results[0])
    if logarithmic:
        for i in range(first, c.n_cells):
            flows[i] = flow[i - first]
        _share_out(cells, flows, c)
        return
    for i in range(first, c.n_cells):
        flows[i] = flow[i - first] / cells[i] if cells[i] > 0.0 else 0.0
    _differentiate(cells, flows, c)
    for i in range(c.n_inputs):
        flows[i] *= cells[i]


@compiled
def _note_range(cells: Array, low: Array, total: Array) -> None:
    """Keep smallest positive cells, and sums that no cell exceeds, (lane,)."""
    for start in range(0, cells.shape[0], LANES):
        note_row(cells[start : start + LANES], low, total)


@compiled
def sweep_one(
    theta: Array,
    regimes: Index,
    log_like: Array,
    packed: Packed,
    mode: int,
    logarithmic: bool,
) -> tuple[Array, Array, Array, Array, bool]:
    """Run the network polynomial over all steps for a single set of tables.

    Parameters
    ----------
    theta
        Table cells, or their logarithms if `logarithmic`, shape (regime, cell).
    regimes
        Which set of tables each step uses, shape (step,).
    log_like
        Log-likelihoods, shape (step, column).
    packed
        Circuits of all steps, from `slices.pack_circuits`.
    mode
        `FORWARD`, `SMOOTHED` or `FILTERED`.
    logarithmic
        Whether to work with logarithms.

    Returns
    -------
    log_norm, marginals, probes, counts
        As in `kernels.Found`, without the draws axis.
    unsafe
        Whether something came so near underflow that logarithms are needed.
    """
    n_steps, n_columns = log_like.shape
    n_cells, n_message = extent(packed, 2 * n_steps if mode == FILTERED else n_steps)
    answered, start = n_steps if mode != FORWARD else 0, circuit_at(packed, 0)
    log_norm, marginals = np.zeros(n_steps), np.zeros((answered, n_columns))
    probes = np.zeros((answered, start.one_at - start.probe_at))
    counts = np.zeros((theta.shape[0] if mode == SMOOTHED else 0, theta.shape[1]))
    messages = np.zeros((n_steps + 1, n_message))
    kept = n_steps if mode == SMOOTHED and n_steps * n_cells <= KEPT_CELLS else 1
    work, flows = np.empty((kept, n_cells)), np.empty(n_cells)
    low, total = np.full(LANES, np.inf), np.zeros(LANES)

    ends, carried, before = np.zeros(n_message), 0.0, 0.0
    for t in range(n_steps):
        if mode == FILTERED:
            c = circuit_at(packed, n_steps + t)
            cells, tables = work[0, : c.n_cells], theta[regimes[t]]
            scale = _run_step(cells, tables, log_like[t], messages[t], c, logarithmic)
            if not logarithmic:
                _note_range(cells, low, total)
            now = carried + scale + _normalise(cells, ends, c, logarithmic)
            log_norm[t], before = now - before if now > -np.inf else -np.inf, now
            flow = np.exp(ends) if logarithmic else ends
            _run_back(flow, cells, flows[: c.n_cells], c, logarithmic)
            marginals[t, : c.probe_at - c.like_at] = flows[c.like_at : c.probe_at]
            probes[t] = flows[c.probe_at : c.one_at]
        c = circuit_at(packed, t)
        cells, tables = work[t % kept, : c.n_cells], theta[regimes[t]]
        scale = _run_step(cells, tables, log_like[t], messages[t], c, logarithmic)
        if not logarithmic:
            _note_range(cells, low, total)
        found = scale + _normalise(cells, messages[t + 1], c, logarithmic)
        carried += found
        if mode != FILTERED:
            log_norm[t] = found

    if mode == SMOOTHED:
        flow = np.exp(messages[n_steps]) if logarithmic else messages[n_steps].copy()
        for t in range(n_steps - 1, -1, -1):
            c = circuit_at(packed, t)
            cells, tables = work[t % kept, : c.n_cells], theta[regimes[t]]
            if kept == 1 and t < n_steps - 1:
                _run_step(cells, tables, log_like[t], messages[t], c, logarithmic)
            _run_back(flow, cells, flows[: c.n_cells], c, logarithmic)
            marginals[t, : c.probe_at - c.like_at] = flows[c.like_at : c.probe_at]
            probes[t] = flows[c.probe_at : c.one_at]
            for k in range(c.table_cells.shape[0]):
                counts[regimes[t], c.table_cells[k]] += flows[k]
            if t > 0:
                flow[: c.like_at - c.message_at] = flows[c.message_at : c.like_at]
    return log_norm, marginals, probes, counts, low.min() < SMALLEST or not total.sum() < LARGEST
