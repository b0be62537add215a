"""The loops: a sweep over the steps of a network, for many sets of tables at once.

Every array has the draws axis last, so that the innermost loop runs over neighbours in memory.
Draws are swept a row at a time, so many as `registers.WIDTH`; where fewer are left, the last places
of each row hold numbers that nobody reads.

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
    TILE,
    TILE_STEP,
)
from forecast.network.compiling import (
    compiled_inline,
    compiled_loosely,
    compiled_loosely_within,
)
from forecast.network.registers import WIDTH, note_rows, sum_one, sum_three, sum_two

Places = npt.NDArray[np.uint32]
"""Unsigned, so that no compiled loop asks whether a place counts from the end."""
Cell = np.uint64
Draw = int | Cell
"""A number of draws, or of one: unsigned as well, where it is known within compiled loops."""
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
    tile, tile_step
        Rows of the target of a tile, which share the cells of one operand, and how far they lie
        apart.
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
    tile: Cell
    tile_step: Cell
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
        tile=Cell(nests[k, TILE]),
        tile_step=Cell(nests[k, TILE_STEP]),
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
def _run_nest(cells: Array, n: Nest, offsets: Places) -> None:
    """Run a nest for every draw, tile by tile."""
    shared = n.left, n.left_rows, n.left_next, n.left_sums, n.left_last
    moving = n.right, n.right_rows, n.right_next, n.right_sums, n.right_last
    if offsets[n.left_next + n.tile_step] > 0 and n.tile > 1:
        shared, moving = moving, shared
    first, rows, next_rows, sums, last_sums = shared
    own, own_rows, own_next, own_sums, own_last = moving
    stride, place = Cell(offsets[own_next + n.tile_step]), n.target
    for i in range(n.rows):
        for begin in range(Cell(0), n.next_rows, n.tile * n.tile_step):
            for j in range(begin, begin + n.tile_step):
                for k in range(n.sums):
                    x = first + offsets[rows + i] + offsets[next_rows + j] + offsets[sums + k]
                    y = own + offsets[own_rows + i] + offsets[own_next + j] + offsets[own_sums + k]
                    adds = n.adds or k > 0
                    _sum_tile(cells, offsets, place + j, n, x, last_sums, y, stride, own_last, adds)
        place += n.next_rows


@compiled_inline
def _sum_tile(
    cells: Array,
    offsets: Places,
    row: Cell,
    n: Nest,
    x: Cell,
    lefts: Cell,
    y: Cell,
    stride: Cell,
    rights: Cell,
    adds: bool,
) -> None:
    """Make the rows of a tile of so many products each, or add to them."""
    step, width, rest = n.tile_step, n.last_sums, n.tile
    while rest >= 3:
        sum_three(cells, offsets, row, step, x, lefts, y, stride, rights, width, adds)
        row, y, rest = row + Cell(3) * step, y + Cell(3) * stride, rest - Cell(3)
    if rest == 2:
        sum_two(cells, offsets, row, step, x, lefts, y, stride, rights, width, adds)
    elif rest == 1:
        sum_one(cells, offsets, row, step, x, lefts, y, stride, rights, width, adds)


@compiled_loosely_within
def _run_rows(
    cells: Array, place: Cell, n_rows: int, adds: bool, offsets: Places, at: Cell
) -> None:
    """Make, or add to, neighbouring cells of every draw, whose products are listed."""
    none = Cell(0)
    for _ in range(n_rows):
        width = Cell(offsets[at])
        at += Cell(1)
        if width > 0:
            sum_one(cells, offsets, place, none, none, at, none, none, at + width, width, adds)
        elif not adds:
            cells[place] = 0.0
        place += Cell(1)
        at += Cell(2) * width


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


@compiled_loosely_within
def note_range(cells: Array, lowest: Array, total: Array) -> None:
    """Keep the smallest positive cell of each draw, and a sum that none of them exceeds."""
    if cells.shape[0] > 0:
        note_rows(cells, Cell(cells.shape[0]), lowest, total)


@compiled_loosely_within
def copy_rows(source: Array, target: Array) -> None:
    """Copy cells of every draw."""
    for i in range(target.shape[0]):
        for d in range(WIDTH):
            target[i, d] = source[i, d]


@compiled_loosely_within
def take_draws(source: Array, at: Draw, n: Draw, target: Array) -> None:
    """Fill a row of draws, n of them, from those of all, from `at` on."""
    for i in range(target.shape[0]):
        for d in range(n):
            target[i, d] = source[i, at + d]


@compiled_loosely_within
def load_tables(cells: Array, tables: Array, at: Draw, n: Draw, c: Slice) -> None:
    """Fill in the table cells of a slice for so many draws."""
    for k in range(c.table_cells.shape[0]):
        for d in range(n):
            cells[k, d] = tables[c.table_cells[k], at + d]


@compiled_loosely_within
def load_likelihoods(
    like: Array, at: Draw, n: Draw, blocks: Places, target: Array, scale: Array
) -> None:
    """Turn logarithms into likelihoods of which the largest of each block is 1.

    `scale` gets the logarithm of what was taken out of each draw.
    """
    shared = like.shape[1] == 1
    scale[:] = 0.0
    for v in range(blocks.shape[0] - 1):
        lo, hi = int(blocks[v]), int(blocks[v + 1])
        for d in range(Cell(1) if shared else n):
            dd = Cell(0) if shared else at + d
            top = like[lo, dd]
            for s in range(lo + 1, hi):
                top = max(top, like[s, dd])
            for s in range(lo, hi):
                gap = like[s, dd] - top if top > -np.inf else -np.inf
                if gap == 0.0:
                    target[s, d] = 1.0
                else:
                    target[s, d] = max(np.exp(gap), LEAST_LIKELIHOOD) if gap > -np.inf else 0.0
            scale[d] += top if top > -np.inf else 0.0
        if shared:
            for s in range(lo, hi):
                target[s] = target[s, 0]
    if shared:
        scale[:] = scale[0]


@compiled_inline
def run_step(
    cells: Array, like: Array, at: Draw, n: Draw, message: Array, c: Slice, scale: Array
) -> None:
    """Fill in the evidence on a step and the message before it, and run its circuit forwards.

    Its tables have been loaded. The other arguments are those of `sweep` at that step. `scale` gets
    the logarithm of what was taken out of the likelihoods of each draw.
    """
    load_likelihoods(like, at, n, c.blocks, cells[c.like_at :], scale)
    if c.message_at >= 0:
        copy_rows(message, cells[c.message_at : c.like_at])
    cells[c.probe_at : c.one_at + 1] = 1.0
    evaluate(cells, c)


@compiled_loosely_within
def normalise(cells: Array, scale: Array, message: Array, c: Slice) -> None:
    """Take the sum out of each factor of a result; an impossible one becomes zeros.

    The logarithm of the sums is added to `scale`.
    """
    total, draws = np.zeros(WIDTH), range(WIDTH)
    first = int(c.results[0])
    for f in range(c.results.shape[0] - 1):
        total[:] = 0.0
        for i in range(c.results[f], c.results[f + 1]):
            for d in draws:
                total[d] += cells[i, d]
        for d in draws:
            scale[d] += np.log(total[d]) if total[d] > 0 else -np.inf
            total[d] = 1.0 / total[d] if total[d] > 0 else 0.0
        for i in range(c.results[f], c.results[f + 1]):
            for d in draws:
                message[i - first, d] = cells[i, d] * total[d]


@compiled_loosely_within
def seed(cells: Array, ahead: Array, c: Slice) -> None:
    """Derivatives of the result, so that each factor's products with what lies ahead sum to one."""
    overlap, draws = np.zeros(WIDTH), range(WIDTH)
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
        for d in range(WIDTH):
            # Of an impossible state the derivative is of no use and could grow for ever.
            ahead[i, d] = derivatives[i, d] if cells[i, d] > 0.0 else 0.0


@compiled_loosely_within
def _collect(cells: Array, derivatives: Array, target: Array, at: Draw, n: Draw) -> None:
    for i in range(target.shape[0]):
        for d in range(n):
            target[i, at + d] = derivatives[i, d] * cells[i, d]


@compiled_inline
def write_marginals(
    cells: Array, c: Slice, marginals: Array, probes: Array, at: Draw, n: Draw
) -> None:
    """Probabilities of the states, of the cells of factors, and of the probes."""
    derivatives, n_like = cells[c.n_cells :], c.probe_at - c.like_at
    _collect(cells[c.like_at :], derivatives[c.like_at :], marginals[:n_like], at, n)
    _collect(cells[c.probe_at :], derivatives[c.probe_at :], probes, at, n)


@compiled_inline
def _count_uses(
    cells: Array, derivatives: Array, table_cells: Places, counts: Array, at: Draw, n: Draw
) -> None:
    for k in range(table_cells.shape[0]):
        for d in range(n):
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
    n_steps = regimes.shape[0]
    n_cells, n_message = extent(packed, 2 * n_steps if mode == FILTERED else n_steps)
    messages = np.empty((n_steps + 1 if mode == SMOOTHED else 2, n_message, WIDTH))
    # Derivatives follow the cells, where there are any.
    cells = np.zeros((n_cells if mode == FORWARD else 2 * n_cells, WIDTH))
    kept = mode == SMOOTHED and n_steps * n_cells * WIDTH <= KEPT_CELLS
    saved = np.empty((n_steps - 1 if kept else 0, n_cells, WIDTH))
    ahead, notes = np.empty((n_message, WIDTH)), np.empty((6, WIDTH))
    for at in range(Cell(start), Cell(stop), Cell(WIDTH)):
        n = min(Cell(stop) - at, Cell(WIDTH))
        _go_forward(
            theta,
            regimes,
            log_like,
            packed,
            mode,
            at,
            n,
            cells,
            messages,
            saved,
            ahead,
            notes,
            found,
        )
        if mode == SMOOTHED:
            _go_back(
                theta, regimes, log_like, packed, at, n, cells, messages, saved, ahead, notes, found
            )


@compiled_inline
def _go_forward(
    theta: Array,
    regimes: Index,
    log_like: Array,
    packed: Packed,
    mode: int,
    at: Draw,
    n: Draw,
    cells: Array,
    messages: Array,
    saved: Array,
    ahead: Array,
    notes: Array,
    found: Found,
) -> None:
    """Run all steps for a row of draws: n of them, from `at` on.

    A smoothed sweep keeps all messages; cells as well, for as many steps as `saved` has.
    """
    n_steps, held = regimes.shape[0], (-1, -1)
    lowest, total, scale = notes[0], notes[1], notes[2]
    here, carried, before = notes[3], notes[4], notes[5]
    notes[:], lowest[:], ahead[:] = 0.0, np.inf, 1.0
    ends = np.empty((messages.shape[1] if mode == FILTERED else 0, WIDTH))
    for t in range(n_steps):
        source = messages[t] if mode == SMOOTHED else messages[t % 2]
        tables = theta[regimes[t]]
        if mode == FILTERED:
            c, held = _take(packed, n_steps + t, cells, tables, regimes[t], at, n, held)
            run_step(cells, log_like[t], at, n, source, c, scale)
            note_range(cells[: c.n_cells], lowest, total)
            here[:] = scale
            normalise(cells, here, ends, c)
            for d in range(n):
                now = carried[d] + here[d]
                found.log_norm[t, at + d] = now - before[d] if now > -np.inf else -np.inf
                before[d] = now
            seed(cells, ahead, c)
            differentiate(cells, c, c.first_unsettled, c.n_unsettled)
            write_marginals(cells, c, found.marginals[t], found.probes[t], at, n)
            if t == n_steps - 1:
                break
        target = messages[t + 1] if mode == SMOOTHED else messages[(t + 1) % 2]
        if mode != FILTERED or packed[t] != packed[n_steps + t]:
            c, held = _take(packed, t, cells, tables, regimes[t], at, n, held)
            run_step(cells, log_like[t], at, n, source, c, scale)
            note_range(cells[: c.n_cells], lowest, total)
        if t < saved.shape[0]:
            copy_rows(cells, saved[t, : c.n_cells])
        here[:] = scale
        normalise(cells, here, target, c)
        for d in range(n):
            carried[d] += here[d]
            if mode != FILTERED:
                found.log_norm[t, at + d] = here[d]
    for d in range(n):
        found.unsafe[at + d] = lowest[d] < SMALLEST or not total[d] < LARGEST


@compiled_inline
def _go_back(
    theta: Array,
    regimes: Index,
    log_like: Array,
    packed: Packed,
    at: Draw,
    n: Draw,
    cells: Array,
    messages: Array,
    saved: Array,
    ahead: Array,
    notes: Array,
    found: Found,
) -> None:
    """Take derivatives from the last step, of which the cells are filled in, to the first."""
    n_steps, counts = regimes.shape[0], found.counts.shape[0] > 0
    held, scale = (packed[n_steps - 1], regimes[n_steps - 1]), notes[2]
    ahead[:] = 1.0
    for t in range(n_steps - 1, -1, -1):
        c = circuit_at(packed, t)
        if t < saved.shape[0]:
            copy_rows(saved[t], cells[: c.n_cells])
        elif t < n_steps - 1:
            c, held = _take(packed, t, cells, theta[regimes[t]], regimes[t], at, n, held)
            run_step(cells, log_like[t], at, n, messages[t], c, scale)
        seed(cells, ahead, c)
        n_tables, derivatives = c.table_cells.shape[0], cells[c.n_cells :]
        differentiate(cells, c, 0 if counts else n_tables, c.backward.shape[0])
        write_marginals(cells, c, found.marginals[t], found.probes[t], at, n)
        if counts:
            _count_uses(cells, derivatives, c.table_cells, found.counts[regimes[t]], at, n)
        if t > 0:
            size = c.like_at - c.message_at
            _look_back(cells[c.message_at :], derivatives[c.message_at :], ahead[:size])


@compiled_inline
def _take(
    packed: Packed,
    k: int,
    cells: Array,
    tables: Array,
    regime: int,
    at: Draw,
    n: Draw,
    held: tuple[int, int],
) -> tuple[Slice, tuple[int, int]]:
    """A circuit, with its tables in the cells: those that are held already are not loaded again."""
    c, wanted = circuit_at(packed, k), (int(packed[k]), int(regime))
    if wanted != held:
        load_tables(cells, tables, at, n, c)
    return c, wanted
