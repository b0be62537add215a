"""The loops: a sweep over the steps of a network, for many sets of tables at once.

Every array has the draws axis last, so that the innermost loop runs over neighbours in memory.
Sweeps work in linear space and rescale once a step. Each checks that nothing it multiplied came
near underflow; where something did that could matter, the caller repeats that draw with
`single.sweep_one`, which can work with logarithms and then cannot underflow.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from forecast.arrays import Array, Index, Mask
from forecast.network.circuit import (
    ADDS,
    LEFT,
    N_FIELDS,
    OFFSETS,
    RIGHT,
    RIGHT_ADVANCES,
    ROW_RUN,
    ROWS_INNER,
    ROWS_LISTED,
    ROWS_OUTER,
    SUM_RUN,
    SUMS_INNER,
    SUMS_OUTER,
    TARGET,
)
from forecast.network.compiling import compiled_inline, compiled_loosely

Places = npt.NDArray[np.uint32]
"""Unsigned, so that no compiled loop asks whether a place counts from the end."""
Cell = np.uint64
Packed = npt.NDArray[np.int32]


class Slice(NamedTuple):
    """The circuit of one slice, in the form that the loops take.

    Attributes
    ----------
    n_cells, n_inputs
        Cells in all, and how many of them (the first) are inputs.
    forward, backward, offsets
        The loop nests of all contractions, as `circuit.Circuit` has them.
    table_cells
        Table cell that each of the first inputs holds, (input,).
    like_at, probe_at, one_at, message_at
        First cell of the likelihoods and of the probes, the constant 1, which follows the
        probes, and the first cell of the message from the step before; -1 if there is none.
    first_unsettled, n_unsettled
        First cell, after the inputs, that likelihoods and probes have a say in, and how many of
        the backward nests are those of contractions in which they have one.
    blocks
        First column of the likelihoods of each variable, then of each further factor, and the
        number of columns, (block + 1,).
    results
        First cell of each factor of the result, and one past the last, (factor + 1,): the result
        is the product of its factors, which are the last cells.
    """

    n_cells: int
    n_inputs: int
    forward: Places
    backward: Places
    offsets: Places
    table_cells: Places
    like_at: int
    probe_at: int
    one_at: int
    message_at: int
    first_unsettled: int
    n_unsettled: int
    blocks: Places
    results: Places


class Nest(NamedTuple):
    """A loop nest in the form that the loops take: numbers alone, the names are those of `circuit`.

    Attributes
    ----------
    target, left, right
        First cells.
    row_run, sum_run
        Length of the run, along the target or along a sum; one of them is 1.
    right_advances
        Whether the right operand advances along the run, as the left one does.
    adds
        Whether the nest adds to its target.
    rows, sums
        Numbers of slower joint states of the axes of the target, and of those summed out.
    next_rows, last_sums
        Numbers of faster ones.
    left_rows, left_next, left_sums, left_last
        Where the offsets of the left operand begin: for slower and faster axes of the target, and
        for slower and faster axes that are summed out.
    right_rows, right_next, right_sums, right_last
        Where those of the right operand begin.
    """

    target: Cell
    left: Cell
    right: Cell
    row_run: Cell
    sum_run: Cell
    right_advances: bool
    adds: bool
    rows: Cell
    next_rows: Cell
    sums: Cell
    last_sums: Cell
    left_rows: Cell
    left_next: Cell
    left_sums: Cell
    left_last: Cell
    right_rows: Cell
    right_next: Cell
    right_sums: Cell
    right_last: Cell


N_NUMBERS: Final = 8
N_ARRAYS: Final = 6
"""How many fields of a `Slice` are numbers, and how many are arrays."""

FORWARD: Final = 0
SMOOTHED: Final = 1
FILTERED: Final = 2

SMALLEST: Final = 1e-140
LARGEST: Final = 1e140
LEAST_LIKELIHOOD: Final = 1e-300
"""What a positive likelihood is at least, relative to the largest: never rounded to zero, so that
what is too small is seen by `note_range`."""
KEPT_CELLS: Final = 250_000
"""Cells that may be kept from the forward pass: a single draw's over some dozen steps. Beyond the
second-level cache (2 MB) it takes no longer to compute them again than to fetch them."""


@compiled_loosely
def circuit_at(packed: Packed, step: int) -> Slice:
    """The circuit of a step, out of all that `slices.pack_circuits` packed."""
    at = packed[step]
    places = packed.view(np.uint32)
    forward = at + N_NUMBERS + N_ARRAYS
    backward = forward + packed[at + N_NUMBERS]
    offsets = backward + packed[at + N_NUMBERS + 1]
    tables = offsets + packed[at + N_NUMBERS + 2]
    blocks = tables + packed[at + N_NUMBERS + 3]
    results = blocks + packed[at + N_NUMBERS + 4]
    end = results + packed[at + N_NUMBERS + 5]
    return Slice(
        n_cells=int(packed[at]),
        n_inputs=int(packed[at + 1]),
        forward=places[forward:backward].reshape(-1, N_FIELDS),
        backward=places[backward:offsets].reshape(-1, N_FIELDS),
        offsets=places[offsets:tables],
        table_cells=places[tables:blocks],
        like_at=int(packed[at + 2]),
        probe_at=int(packed[at + 3]),
        one_at=int(packed[at + 4]),
        message_at=int(packed[at + 5]),
        first_unsettled=int(packed[at + 6]),
        n_unsettled=int(packed[at + 7]),
        blocks=places[blocks:results],
        results=places[results:end],
    )


def products_of_nests(c: Slice) -> Index:
    """Multiply-adds of each nest of a circuit, forwards, (nest,); none of its rows are listed."""
    loops = c.forward[:, [ROWS_OUTER, ROWS_INNER, SUMS_OUTER, SUMS_INNER]]
    return np.asarray(loops.astype(np.int64).prod(axis=1))


def count_products(c: Slice) -> int:
    """Multiply-adds of a circuit, forwards."""
    return int(products_of_nests(c).sum())


@compiled_loosely
def nest_at(nests: Places, k: int) -> Nest:
    """One of several loop nests."""
    rows, next_rows = Cell(nests[k, ROWS_OUTER]), Cell(nests[k, ROWS_INNER])
    sums, last_sums = Cell(nests[k, SUMS_OUTER]), Cell(nests[k, SUMS_INNER])
    at = Cell(nests[k, OFFSETS])
    half = at + rows + next_rows + sums + last_sums
    return Nest(
        target=Cell(nests[k, TARGET]),
        left=Cell(nests[k, LEFT]),
        right=Cell(nests[k, RIGHT]),
        row_run=Cell(nests[k, ROW_RUN]),
        sum_run=Cell(nests[k, SUM_RUN]),
        right_advances=nests[k, RIGHT_ADVANCES] > 0,
        adds=nests[k, ADDS] > 0,
        rows=rows,
        next_rows=next_rows,
        sums=sums,
        last_sums=last_sums,
        left_rows=at,
        left_next=at + rows,
        left_sums=at + rows + next_rows,
        left_last=at + rows + next_rows + sums,
        right_rows=half,
        right_next=half + rows,
        right_sums=half + rows + next_rows,
        right_last=half + rows + next_rows + sums,
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


@compiled_inline
def _sum_products(
    cells: Array, row: Array, x: Cell, lefts: Places, y: Cell, rights: Places, n: int, adds: bool
) -> None:
    """Make a cell of every draw of so many products, or add them to it.

    Three products are taken at a time, so that sums are stored less often. Offsets are added to
    the first cells, `x` and `y`, of the operands.
    """
    draws, at = range(cells.shape[1]), 0
    if not adds:
        at = 1 + (n - 1) % 3
        a, b = cells[x + lefts[0]], cells[y + rights[0]]
        if at == 1:
            for d in draws:
                row[d] = a[d] * b[d]
        else:
            e, f = cells[x + lefts[1]], cells[y + rights[1]]
            if at == 2:
                for d in draws:
                    row[d] = a[d] * b[d] + e[d] * f[d]
            else:
                g, h = cells[x + lefts[2]], cells[y + rights[2]]
                for d in draws:
                    row[d] = a[d] * b[d] + e[d] * f[d] + g[d] * h[d]
    while at + 2 < n:
        a, b = cells[x + lefts[at]], cells[y + rights[at]]
        e, f = cells[x + lefts[at + 1]], cells[y + rights[at + 1]]
        g, h = cells[x + lefts[at + 2]], cells[y + rights[at + 2]]
        for d in draws:
            row[d] += a[d] * b[d] + e[d] * f[d] + g[d] * h[d]
        at += 3
    while at < n:
        a, b = cells[x + lefts[at]], cells[y + rights[at]]
        for d in draws:
            row[d] += a[d] * b[d]
        at += 1


@compiled_inline
def _run_nest(cells: Array, n: Nest, offsets: Places) -> None:
    """Run a nest for every draw."""
    width, place = int(n.last_sums), n.target
    lefts, rights = offsets[n.left_last :], offsets[n.right_last :]
    for i in range(n.rows):
        for j in range(n.next_rows):
            row = cells[place]
            place += Cell(1)
            x0 = n.left + offsets[n.left_rows + i] + offsets[n.left_next + j]
            y0 = n.right + offsets[n.right_rows + i] + offsets[n.right_next + j]
            for k in range(n.sums):
                x, y = x0 + offsets[n.left_sums + k], y0 + offsets[n.right_sums + k]
                adds = n.adds or k > 0
                _sum_products(cells, row, x, lefts, y, rights, width, adds)


@compiled_loosely
def _run_rows(
    cells: Array, place: Cell, n_rows: int, adds: bool, offsets: Places, at: Cell
) -> None:
    """Make, or add to, neighbouring cells of every draw, whose products are listed."""
    for _ in range(n_rows):
        row, width = cells[place], int(offsets[at])
        lefts = offsets[at + Cell(1) :]
        place += Cell(1)
        at += Cell(1) + Cell(2 * width)
        if width > 0:
            _sum_products(cells, row, Cell(0), lefts, Cell(0), lefts[width:], width, adds)
        elif not adds:
            for d in range(cells.shape[1]):
                row[d] = 0.0


@compiled_loosely
def _run_nests(
    cells: Array, nests: Places, offsets: Places, first: int, start: int, stop: int
) -> None:
    """Run the nests whose target is at least `first`, or lies in a range."""
    for k in range(nests.shape[0]):
        cell, listed = int(nests[k, TARGET]), Cell(nests[k, ROWS_LISTED])
        if cell >= first or start <= cell < stop:
            if listed > 0:
                n_rows, adds = int(nests[k, ROWS_INNER]), nests[k, ADDS] > 0
                _run_rows(cells, Cell(cell), n_rows, adds, offsets, listed)
            else:
                _run_nest(cells, nest_at(nests, k), offsets)


@compiled_inline
def evaluate(cells: Array, c: Slice) -> None:
    """Run a circuit forwards."""
    _run_nests(cells, c.forward, c.offsets, 0, 0, 0)


@compiled_inline
def differentiate(cells: Array, c: Slice, first: int, n_nests: int) -> None:
    """Run a circuit backwards, from the derivatives of the result to those of the cells.

    Each factor has a part in one contraction alone, which makes its derivatives, but for
    likelihoods of several tables.

    Parameters
    ----------
    first
        First cell whose derivatives are wanted; those of likelihoods and probes are wanted always.
    n_nests
        How many nests are run.
    """
    free, end = c.n_cells + c.like_at, c.n_cells + c.n_inputs
    cells[free:end] = 0.0
    _run_nests(cells, c.backward[:n_nests], c.offsets, c.n_cells + first, free, end)


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
                    target[s, d] = max(np.exp(gap), LEAST_LIKELIHOOD) if gap > -np.inf else 0.0
    return scale


@compiled_inline
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
def seed(cells: Array, ahead: Array, c: Slice) -> None:
    """Derivatives of the result, so that each factor's products with what lies ahead sum to one."""
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
                cells[c.n_cells + i, d] = ahead[i - first, d] * overlap[d]


@compiled_inline
def _look_back(cells: Array, derivatives: Array, ahead: Array) -> None:
    """Derivatives of the message, which are what lies ahead of the step before."""
    for i in range(ahead.shape[0]):
        for d in range(ahead.shape[1]):
            # Of an impossible state the derivative is of no use and could grow for ever.
            ahead[i, d] = derivatives[i, d] if cells[i, d] > 0.0 else 0.0


@compiled_inline
def _collect(cells: Array, derivatives: Array, target: Array, at: int) -> None:
    for i in range(target.shape[0]):
        for d in range(cells.shape[1]):
            target[i, at + d] = derivatives[i, d] * cells[i, d]


@compiled_inline
def write_marginals(cells: Array, c: Slice, marginals: Array, probes: Array, at: int) -> None:
    """Probabilities of the states, of the cells of factors, and of the probes."""
    derivatives, n_like = cells[c.n_cells :], c.probe_at - c.like_at
    _collect(cells[c.like_at :], derivatives[c.like_at :], marginals[:n_like], at)
    _collect(cells[c.probe_at :], derivatives[c.probe_at :], probes, at)


@compiled_inline
def _count_uses(
    cells: Array, derivatives: Array, table_cells: Places, counts: Array, at: int
) -> None:
    for k in range(table_cells.shape[0]):
        for d in range(cells.shape[1]):
            counts[table_cells[k], at + d] += derivatives[k, d] * cells[k, d]


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
        Expected number of uses of each table cell, shape (regime, cell, draw); empty if they are
        not wanted.
    unsafe
        Draws in which something came near underflow.
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
    n_steps, n_draws, counts = regimes.shape[0], stop - start, found.counts.shape[0] > 0
    n_cells, n_message = extent(packed, 2 * n_steps if mode == FILTERED else n_steps)
    messages = np.empty((n_steps + 1 if mode == SMOOTHED else 2, n_message, n_draws))
    lowest, total = np.full(n_draws, np.inf), np.zeros(n_draws)
    # Derivatives follow the cells, where there are any.
    cells = np.empty((n_cells if mode == FORWARD else 2 * n_cells, n_draws))
    kept = mode == SMOOTHED and n_steps * n_cells * n_draws <= KEPT_CELLS
    saved = np.empty((n_steps - 1 if kept else 0, n_cells, n_draws))
    ahead = np.ones((n_message, n_draws))

    ends, here = np.empty((n_message if mode == FILTERED else 0, n_draws)), np.zeros(n_draws)
    carried, before = np.zeros(n_draws), np.zeros(n_draws)
    for t in range(n_steps):
        source = messages[t] if mode == SMOOTHED else messages[t % 2]
        if mode == FILTERED:
            c = circuit_at(packed, n_steps + t)
            scale = run_step(cells, theta[regimes[t]], log_like[t], start, source, c)
            note_range(cells[: c.n_cells], lowest, total)
            normalise(cells, scale, here, 0, ends, c)
            for d in range(n_draws):
                now = carried[d] + here[d]
                found.log_norm[t, start + d] = now - before[d] if now > -np.inf else -np.inf
                before[d] = now
            seed(cells, ahead, c)
            differentiate(cells, c, c.first_unsettled, c.n_unsettled)
            write_marginals(cells, c, found.marginals[t], found.probes[t], start)
            if t == n_steps - 1:
                break
        c = circuit_at(packed, t)
        target = messages[t + 1] if mode == SMOOTHED else messages[(t + 1) % 2]
        if mode != FILTERED or packed[t] != packed[n_steps + t]:
            scale = run_step(cells, theta[regimes[t]], log_like[t], start, source, c)
            note_range(cells[: c.n_cells], lowest, total)
        if t < saved.shape[0]:
            copy_rows(cells, saved[t, : c.n_cells])
        if mode == FILTERED:
            normalise(cells, scale, here, 0, target, c)
            for d in range(n_draws):
                carried[d] += here[d]
        else:
            normalise(cells, scale, found.log_norm[t], start, target, c)

    if mode == SMOOTHED:
        for t in range(n_steps - 1, -1, -1):
            c = circuit_at(packed, t)
            if t < saved.shape[0]:
                copy_rows(saved[t], cells[: c.n_cells])
            elif t < n_steps - 1:
                run_step(cells, theta[regimes[t]], log_like[t], start, messages[t], c)
            seed(cells, ahead, c)
            n_tables, derivatives = c.table_cells.shape[0], cells[c.n_cells :]
            differentiate(cells, c, 0 if counts else n_tables, c.backward.shape[0])
            write_marginals(cells, c, found.marginals[t], found.probes[t], start)
            if counts:
                _count_uses(cells, derivatives, c.table_cells, found.counts[regimes[t]], start)
            if t > 0:
                size = c.like_at - c.message_at
                _look_back(cells[c.message_at :], derivatives[c.message_at :], ahead[:size])
    for d in range(n_draws):
        found.unsafe[start + d] = lowest[d] < SMALLEST or not total[d] < LARGEST
