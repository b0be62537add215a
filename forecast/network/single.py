"""The loops for a single set of tables, in linear space or in logarithms.

There is no draws axis to run along, so products are taken along neighbouring cells of the tables:
the runs of a nest. In logarithms nothing underflows; sums are then taken one by one, each
relative to its largest term.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from forecast.arrays import Array, Index
from forecast.network.circuit import (
    ADDS,
    PAIRS,
    ROWS_INNER,
    ROWS_OUTER,
    SUMS_INNER,
    SUMS_OUTER,
    TARGET,
)
from forecast.network.compiling import (
    compiled,
    compiled_inline,
    compiled_loosely,
    compiled_within,
)
from forecast.network.kernels import (
    FILTERED,
    FORWARD,
    KEPT_CELLS,
    LARGEST,
    LEAST_LIKELIHOOD,
    SMALLEST,
    SMOOTHED,
    Cell,
    Nest,
    Packed,
    Places,
    Slice,
    circuit_at,
    extent,
    nest_at,
)

NO_CELL: Final = np.uint64(2**64 - 1)
SMALLEST_BITS: Final = np.float64(SMALLEST).view(np.uint64)


@compiled
def _run_nests(cells: Array, nests: Places, offsets: Places) -> None:
    """Run nests one after another, along runs of neighbouring cells where there are any."""
    for each in range(nests.shape[0]):
        if nests[each, PAIRS] > 0:
            # Nests with lists are small and many: no more of them is looked at than is needed.
            n_rows = Cell(nests[each, ROWS_OUTER]) * Cell(nests[each, ROWS_INNER])
            width = Cell(nests[each, SUMS_OUTER]) * Cell(nests[each, SUMS_INNER])
            place, at = Cell(nests[each, TARGET]), Cell(nests[each, PAIRS])
            _sum_pairs(cells, place, place + n_rows, width, nests[each, ADDS] > 0, offsets, at)
            continue
        n = nest_at(nests, each)
        if n.row_run > 1:
            _make_runs(cells, n, offsets)
        else:
            _sum_runs(cells, n, offsets)


@compiled
def _sum_pairs(
    cells: Array, place: Cell, end: Cell, width: Cell, adds: bool, pairs: Places, at: Cell
) -> None:
    """Make cells, from one place up to another, of so many products each, which are listed."""
    if adds:
        while place < end:
            total = cells[place]
            for _ in range(width):
                total += cells[pairs[at]] * cells[pairs[at + Cell(1)]]
                at += Cell(2)
            cells[place] = total
            place += Cell(1)
    elif width == 1:
        while place < end:
            cells[place] = cells[pairs[at]] * cells[pairs[at + Cell(1)]]
            at += Cell(2)
            place += Cell(1)
    elif width == 2:
        while place < end:
            first = cells[pairs[at]] * cells[pairs[at + Cell(1)]]
            cells[place] = first + cells[pairs[at + Cell(2)]] * cells[pairs[at + Cell(3)]]
            at += Cell(4)
            place += Cell(1)
    else:
        while place < end:
            total = cells[pairs[at]] * cells[pairs[at + Cell(1)]]
            for _ in range(width - Cell(1)):
                at += Cell(2)
                total += cells[pairs[at]] * cells[pairs[at + Cell(1)]]
            at += Cell(2)
            cells[place] = total
            place += Cell(1)


@compiled_loosely
def _make_runs(cells: Array, n: Nest, offsets: Places) -> None:
    """Make runs of the target of products of two runs, or of a run and a cell."""
    place = n.target
    for i in range(n.rows):
        for j in range(Cell(0), n.next_rows, n.row_run):
            x = n.left + offsets[n.left_rows + i] + offsets[n.left_next + j]
            y = n.right + offsets[n.right_rows + i] + offsets[n.right_next + j]
            for k in range(n.sums):
                for m in range(n.last_sums):
                    a = x + offsets[n.left_sums + k] + offsets[n.left_last + m]
                    b = y + offsets[n.right_sums + k] + offsets[n.right_last + m]
                    makes = k + m == 0 and not n.adds
                    if n.right_advances and makes:
                        for d in range(n.row_run):
                            cells[place + d] = cells[a + d] * cells[b + d]
                    elif n.right_advances:
                        for d in range(n.row_run):
                            cells[place + d] += cells[a + d] * cells[b + d]
                    elif makes:
                        factor = cells[b]
                        for d in range(n.row_run):
                            cells[place + d] = cells[a + d] * factor
                    else:
                        factor = cells[b]
                        for d in range(n.row_run):
                            cells[place + d] += cells[a + d] * factor
            place += n.row_run


@compiled_loosely
def _sum_runs(cells: Array, n: Nest, offsets: Places) -> None:
    """Sum products, one by one or run by run, into each cell of the target."""
    place = n.target
    for i in range(n.rows):
        for j in range(n.next_rows):
            x = n.left + offsets[n.left_rows + i] + offsets[n.left_next + j]
            y = n.right + offsets[n.right_rows + i] + offsets[n.right_next + j]
            total = cells[place] if n.adds else 0.0
            for k in range(n.sums):
                for m in range(Cell(0), n.last_sums, n.sum_run):
                    a = x + offsets[n.left_sums + k] + offsets[n.left_last + m]
                    b = y + offsets[n.right_sums + k] + offsets[n.right_last + m]
                    if n.sum_run == 1:
                        total += cells[a] * cells[b]
                    elif n.right_advances:
                        for d in range(n.sum_run):
                            total += cells[a + d] * cells[b + d]
                    else:
                        part = 0.0
                        for d in range(n.sum_run):
                            part += cells[a + d]
                        total += part * cells[b]
            cells[place] = total
            place += Cell(1)


@compiled_within
def _copy(source: Array, target: Array) -> None:
    """Copy numbers to the beginning of an array; sooner compiled than an assignment."""
    for i in range(source.shape[0]):
        target[i] = source[i]


@compiled_within
def _fill(target: Array, value: float) -> None:
    """Set all numbers of an array."""
    for i in range(target.shape[0]):
        target[i] = value


@compiled
def _evaluate_log(cells: Array, c: Slice) -> None:
    """Sum in logarithms, each sum relative to its largest term."""
    for k in range(c.forward.shape[0]):
        n = nest_at(c.forward, k)
        terms, place = np.empty(int(n.sums * n.last_sums)), n.target
        for i in range(n.rows):
            for j in range(n.next_rows):
                peak = fill_terms(terms, cells, n, i, j, c.offsets)
                total = 0.0
                for m in range(terms.shape[0] if peak > -np.inf else 0):
                    total += np.exp(terms[m] - peak)
                cells[place] = peak + np.log(total) if total > 0.0 else -np.inf
                place += Cell(1)


@compiled
def fill_terms(terms: Array, cells: Array, n: Nest, i: int, j: int, offsets: Places) -> float:
    """Logarithms of the products that make a cell; return the largest."""
    x = n.left + offsets[n.left_rows + i] + offsets[n.left_next + j]
    y = n.right + offsets[n.right_rows + i] + offsets[n.right_next + j]
    peak, at = -np.inf, 0
    for k in range(n.sums):
        for m in range(n.last_sums):
            a = x + offsets[n.left_sums + k] + offsets[n.left_last + m]
            b = y + offsets[n.right_sums + k] + offsets[n.right_last + m]
            terms[at] = cells[a] + cells[b]
            peak = max(peak, terms[at])
            at += 1
    return float(peak)


@compiled
def _share_out(cells: Array, c: Slice) -> None:
    """Share out each cell's probability among the products, in logarithms, that made it.

    Shares are taken of the products themselves, not of the rounded logarithm of their sum, so
    that they add up to one however large the logarithms are.
    """
    for k in range(c.forward.shape[0] - 1, -1, -1):
        n = nest_at(c.forward, k)
        terms, place = np.empty(int(n.sums * n.last_sums)), n.target
        for i in range(n.rows):
            for j in range(n.next_rows):
                flow = float(cells[Cell(c.n_cells) + place])
                if flow > 0.0 and cells[place] > -np.inf:
                    peak = fill_terms(terms, cells, n, i, j, c.offsets)
                    _share_one(terms, peak, cells[c.n_cells :], n, i, j, flow, c.offsets)
                place += Cell(1)


@compiled
def _share_one(
    terms: Array,
    peak: float,
    flows: Array,
    n: Nest,
    i: int,
    j: int,
    flow: float,
    offsets: Places,
) -> None:
    """Share out the probability of one cell."""
    x = n.left + offsets[n.left_rows + i] + offsets[n.left_next + j]
    y = n.right + offsets[n.right_rows + i] + offsets[n.right_next + j]
    total, at = 0.0, 0
    for m in range(terms.shape[0]):
        total += np.exp(terms[m] - peak)
    for k in range(n.sums):
        for m in range(n.last_sums):
            part = flow * (np.exp(terms[at] - peak) / total)
            flows[x + offsets[n.left_sums + k] + offsets[n.left_last + m]] += part
            flows[y + offsets[n.right_sums + k] + offsets[n.right_last + m]] += part
            at += 1


@compiled
def fill_log_inputs(
    cells: Array, log_tables: Array, log_like: Array, message: Array, c: Slice
) -> None:
    """Fill the inputs of one step with logarithms: table cells, (cell,), and columns, (column,)."""
    for k in range(c.table_cells.shape[0]):
        cells[k] = log_tables[c.table_cells[k]]
    _copy(log_like[: c.probe_at - c.like_at], cells[c.like_at :])
    if c.message_at >= 0:
        _copy(message[: c.like_at - c.message_at], cells[c.message_at :])
    _fill(cells[c.probe_at : c.one_at + 1], 0.0)


@compiled_inline
def _take_out(log_like: Array, c: Slice) -> float:
    """Divide by the largest likelihood of each block; return the logarithm of what that was."""
    scale = 0.0
    for v in range(c.blocks.shape[0] - 1):
        block = log_like[c.blocks[v] : c.blocks[v + 1]]
        top = block.max()
        if top > -np.inf:
            for s in range(block.shape[0]):
                block[s] -= top
            scale += top
    return scale


@compiled
def _load_likelihoods(log_like: Array, blocks: Places, target: Array) -> float:
    """As `kernels.load_likelihoods`, of a single draw."""
    scale = 0.0
    for v in range(blocks.shape[0] - 1):
        lo, hi = int(blocks[v]), int(blocks[v + 1])
        top, flat = log_like[lo], True
        for s in range(lo, hi):
            top = max(top, log_like[s])
            flat = flat and log_like[s] == 0.0
        if flat:
            _fill(target[lo:hi], 1.0)
        elif top == -np.inf:
            _fill(target[lo:hi], 0.0)
        else:
            scale += top
            for s in range(lo, hi):
                gap = log_like[s] - top
                target[s] = max(np.exp(gap), LEAST_LIKELIHOOD) if gap > -np.inf else 0.0
    return scale


@compiled_inline
def _fill_inputs(cells: Array, tables: Array, log_like: Array, message: Array, c: Slice) -> float:
    """Fill the inputs of one step; return the logarithm of what the likelihoods were divided by."""
    for k in range(c.table_cells.shape[0]):
        cells[k] = tables[c.table_cells[k]]
    scale = _load_likelihoods(log_like, c.blocks, cells[c.like_at :])
    if c.message_at >= 0:
        _copy(message[: c.like_at - c.message_at], cells[c.message_at :])
    _fill(cells[c.probe_at : c.one_at + 1], 1.0)
    return scale


@compiled_inline
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
    _run_nests(cells, c.forward, c.offsets)
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
        _fill(message, -np.inf)
        return -np.inf
    total = 0.0
    for i in range(factor.shape[0]):
        total += np.exp(factor[i] - peak)
    log_total = peak + np.log(total)
    for i in range(factor.shape[0]):
        message[i] = factor[i] - log_total
    return float(log_total)


@compiled_inline
def _run_back(flow: Array, cells: Array, c: Slice, logarithmic: bool) -> None:
    """From the probability of each cell of the result to that of every input.

    Probabilities take the places of derivatives, after the cells.
    """
    first = int(c.results[0])
    flows = cells[c.n_cells : 2 * c.n_cells]
    if logarithmic:
        _fill(flows, 0.0)
        for i in range(first, c.n_cells):
            flows[i] = flow[i - first]
        _share_out(cells, c)
        return
    for i in range(first, c.n_cells):
        flows[i] = flow[i - first] / cells[i] if cells[i] > 0.0 else 0.0
    _fill(flows[c.like_at : c.n_inputs], 0.0)
    _run_nests(cells, c.backward, c.offsets)
    for i in range(c.n_inputs):
        flows[i] *= cells[i]


@compiled_within
def _linear(message: Array, logarithmic: bool) -> Array:
    """A copy of a message, out of logarithms."""
    found = np.empty_like(message)
    for i in range(message.shape[0]):
        found[i] = np.exp(message[i]) if logarithmic else message[i]
    return found


@compiled_loosely
def _least_and_total(cells: Array) -> tuple[np.uint64, float]:
    """The bits of the smallest positive cell, less one, and a sum that no cell exceeds.

    As whole numbers, the bits of positive numbers have the same order; those of zero, less one,
    are the largest. Unlike a minimum of numbers, which may be none, theirs is taken abreast.
    """
    bits, least, total = cells.view(np.uint64), NO_CELL, 0.0
    for i in range(cells.shape[0]):
        least = min(least, bits[i] - np.uint64(1))
        total += cells[i]
    return least, total


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
    # Where they all fit into the cache, each step has own cells, and derivatives behind them.
    kept = mode == SMOOTHED and n_steps * n_cells <= KEPT_CELLS
    rows = np.empty((n_steps if kept else 1, n_cells if mode == FORWARD else 2 * n_cells))
    least, total = NO_CELL, 0.0

    ends, carried, before = np.zeros(n_message), 0.0, 0.0
    for stage in range(2 * n_steps if mode == FILTERED else n_steps):
        # Filtered, each step is run alone, as if it were the last, and then on to the next.
        t, alone = (stage // 2, stage % 2 == 0) if mode == FILTERED else (stage, False)
        c, cells = circuit_at(packed, n_steps + t if alone else t), rows[t if kept else 0]
        scale = _run_step(cells, theta[regimes[t]], log_like[t], messages[t], c, logarithmic)
        if not logarithmic:
            low, added = _least_and_total(cells[: c.n_cells])
            least, total = min(least, low), total + added
        found = scale + _normalise(cells, ends if alone else messages[t + 1], c, logarithmic)
        if alone:
            now = carried + found
            log_norm[t], before = now - before if now > -np.inf else -np.inf, now
            flows = cells[c.n_cells : 2 * c.n_cells]
            _run_back(_linear(ends, logarithmic), cells, c, logarithmic)
            _copy(flows[c.like_at : c.probe_at], marginals[t])
            _copy(flows[c.probe_at : c.one_at], probes[t])
            continue
        carried += found
        if mode != FILTERED:
            log_norm[t] = found

    if mode == SMOOTHED:
        flow = _linear(messages[n_steps], logarithmic)
        for t in range(n_steps - 1, -1, -1):
            c, cells = circuit_at(packed, t), rows[t if kept else 0]
            if t < n_steps - 1 and not kept:
                _run_step(cells, theta[regimes[t]], log_like[t], messages[t], c, logarithmic)
            flows = cells[c.n_cells : 2 * c.n_cells]
            _run_back(flow, cells, c, logarithmic)
            _copy(flows[c.like_at : c.probe_at], marginals[t])
            _copy(flows[c.probe_at : c.one_at], probes[t])
            for k in range(c.table_cells.shape[0]):
                counts[regimes[t], c.table_cells[k]] += flows[k]
            if t > 0:
                _copy(flows[c.message_at : c.like_at], flow)
    unsafe = bool(least < SMALLEST_BITS - np.uint64(1)) or not total < LARGEST
    return log_norm, marginals, probes, counts, unsafe
