"""Circuits without what is zero for every draw of the tables.

Many tables have zeros by construction: what a state excludes, what a function of its parents never
is. A product with such a factor is zero, and so is a cell all of whose products are. Of a compiled
circuit these are left out, and so is what leads to no result but through them: it is neither stored
nor multiplied, forwards or backwards. Where few products of a contraction are left, they are
listed, row by row; the other contractions stay loop nests, over all cells of their factors.

The answers are the same: derivatives of zero cells are no probabilities, and nobody asks for them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from forecast.arrays import Array, Index, Mask
from forecast.network.circuit import (
    LEFT,
    OFFSETS,
    PAIRS,
    RIGHT,
    ROWS_INNER,
    ROWS_LISTED,
    ROWS_OUTER,
    SUMS_INNER,
    SUMS_OUTER,
    TARGET,
)
from forecast.network.compiling import compiled, compiled_within
from forecast.network.kernels import (
    Nest,
    Packed,
    Places,
    Slice,
    extent,
    nest_at,
    products_of_nests,
)
from forecast.network.planning import Scope
from forecast.network.slices import lay_steps, pack
from forecast.network.structure import Network

FEWEST_DRAWS: Final = 16
"""Draws from which on zeros are looked for. A single one runs along cells that lie side by side,
which lists do not have, and few are not worth the time in which a circuit is made anew."""
FEWEST_CELLS: Final = 1000
"""Cells of a circuit from which on they are: a smaller one takes less time than looking."""
LEAST_ZERO: Final = 0.02
"""Share of the table cells that must be zero before it is asked what follows from them."""
LISTED_SHARE: Final = 0.85
"""Share of its products that a contraction may have left to be listed."""
WORTHWHILE: Final = 0.9
"""Share of products and cells that may be left for the circuit to take the place of the other."""
MOST_LISTED: Final = 2**25
"""Numbers in the lists of a circuit at most (134 MB)."""
MOST_PATTERNS: Final = 4
"""Circuits of one slice for messages with different zeros; further ones are for any message."""


def spare_zeros(
    packed: Packed,
    tables: Array,
    network: Network,
    probes: tuple[Scope, ...],
    n_steps: int,
    *,
    filtered: bool,
) -> Packed:
    """Circuits of all steps without what is zero for all draws, or as they are.

    Parameters
    ----------
    packed
        All of the circuits, from `slices.pack_circuits` with the other arguments.
    tables
        Table cells, (regime, cell, draw).
    """
    if tables.shape[2] < FEWEST_DRAWS or extent(packed, n_steps)[0] < FEWEST_CELLS:
        return packed
    zeros = zero_cells(tables)
    if zeros.mean() < LEAST_ZERO:
        return packed
    bits = np.packbits(zeros).tobytes()
    return _pack_without(network, probes, n_steps, bits, filtered=filtered)


def zero_cells(tables: Array) -> Mask:
    """Which table cells, (regime, cell, draw), are zero in every regime and draw, (cell,)."""
    zero = tables[0, :, 0] == 0.0
    if zero.mean() >= LEAST_ZERO:
        _rule_out(tables, zero)
    return np.asarray(zero)


@compiled
def _rule_out(tables: Array, zero: Mask) -> None:
    """Unmark the cells that are not zero in some regime and draw."""
    for cell in np.flatnonzero(zero):
        for regime in range(tables.shape[0]):
            for draw in range(tables.shape[2]):
                if tables[regime, cell, draw] != 0.0:
                    zero[cell] = False
                    break
            if not zero[cell]:
                break


@lru_cache(maxsize=8)
def _pack_without(
    network: Network, probes: tuple[Scope, ...], n_steps: int, zeros: bytes, *, filtered: bool
) -> Packed:
    """Circuits of all steps without what follows from zero table cells, which are packed bits."""
    bits = np.frombuffer(zeros, np.uint8)
    zero = np.unpackbits(bits, count=network.n_cells).astype(np.bool_)
    made: dict[tuple[int, bytes], tuple[Slice, Mask]] = {}
    found = list[tuple[int, Slice]]()
    before = after = np.zeros(0, np.bool_)
    for at, _, _, laid in lay_steps(network, probes, n_steps, True, filtered, False):
        # Filtered, a step is first run on to the next, and then alone, from the same message.
        before = after if at < n_steps else before
        tried = sum(number == id(laid) for number, _ in made)
        key = id(laid), before.tobytes()
        if key not in made and tried >= MOST_PATTERNS:
            key = id(laid), b""
        if key not in made:
            message = np.frombuffer(key[1], np.bool_)
            made[key] = drop_zeros(laid.circuit, _zero_inputs(laid.circuit, zero, message))
        circuit, result = made[key]
        after = result if at < n_steps else after
        found.append((at, circuit))
    return pack(found)


def _zero_inputs(c: Slice, zero_cells: Mask, zero_message: Mask) -> Mask:
    """Inputs of a slice that are zero: table cells and, where it is known, cells of the message."""
    found = np.zeros(c.n_inputs, np.bool_)
    found[: len(c.table_cells)] = zero_cells[c.table_cells]
    if c.message_at >= 0 and len(zero_message):
        found[c.message_at : c.like_at] = zero_message
    return found


def drop_zeros(c: Slice, zero: Mask) -> tuple[Slice, Mask]:
    """A circuit without what is zero, or as it is if there is little to gain.

    Parameters
    ----------
    c
        The circuit.
    zero
        Inputs that are zero, (input,).

    Returns
    -------
    Slice
        The circuit. Its message, likelihoods, probes and results have all of their cells.
    Mask
        Which cells of the result are zero.
    """
    nonzero, kept = np.zeros((2, c.n_cells), np.bool_)
    nonzero[: c.n_inputs] = ~zero
    _find_nonzero(c, nonzero)
    first = int(c.results[0])
    kept[first:] = nonzero[first:]
    left, every = _find_needed(c, nonzero, kept), products_of_nests(c)
    listed = _choose_listed(left, every)
    exists = kept.copy()
    exists[len(c.table_cells) : c.n_inputs] = exists[first:] = True
    _mark_factors(c, listed, exists)
    work = np.where(listed, left, every).sum() + exists.sum()
    if work > WORTHWHILE * (every.sum() + c.n_cells):
        return c, ~nonzero[first:]
    return _without(c, listed, kept, exists), ~nonzero[first:]


def _choose_listed(left: Index, every: Index) -> Mask:
    """Contractions whose products are listed: those that save most for the room they take."""
    listed = left <= LISTED_SHARE * every
    order = np.argsort(left / every)
    # Each product stands in three lists, forwards and for both derivatives.
    numbers = np.cumsum(6 * left[order] * listed[order])
    listed[order[numbers > MOST_LISTED]] = False
    return np.asarray(listed)


def _without(c: Slice, listed: Mask, kept: Mask, exists: Mask) -> Slice:
    """The circuit with the cells that exist alone, and of listed products those that are kept."""
    places = np.concatenate([[0], np.cumsum(exists)])
    n_cells = int(places[-1])
    both = np.concatenate([places[:-1], n_cells + places[:-1]])
    kept, exists = np.tile(kept, 2), np.tile(exists, 2)
    product = c.backward[:, [LEFT, RIGHT]].max(axis=1) - c.n_cells
    listed_back = listed[np.searchsorted(c.forward[:, TARGET], product)]
    nests = np.concatenate([c.forward, c.backward])
    nests, offsets = _rewrite(
        nests, np.concatenate([listed, listed_back]), c.offsets, both, kept, exists
    )
    n_tables = len(c.table_cells)

    def at(cell: int) -> int:
        return int(places[cell])

    return Slice(
        n_cells=n_cells,
        n_inputs=at(c.n_inputs),
        forward=nests[: len(c.forward)],
        backward=nests[len(c.forward) :],
        offsets=offsets,
        table_cells=c.table_cells[exists[:n_tables]],
        like_at=at(c.like_at),
        probe_at=at(c.probe_at),
        one_at=at(c.one_at),
        message_at=at(c.message_at) if c.message_at >= 0 else -1,
        first_unsettled=at(c.first_unsettled),
        n_unsettled=c.n_unsettled,
        blocks=c.blocks,
        results=places[c.results].astype(np.uint32),
    )


@compiled_within
def _fill_row(n: Nest, i: int, j: int, offsets: Places, lefts: Index, rights: Index) -> None:
    """Cells that are multiplied for one row of a nest."""
    x = n.left + offsets[n.left_rows + i] + offsets[n.left_next + j]
    y = n.right + offsets[n.right_rows + i] + offsets[n.right_next + j]
    at = 0
    for k in range(n.sums):
        for m in range(n.last_sums):
            lefts[at] = x + offsets[n.left_sums + k] + offsets[n.left_last + m]
            rights[at] = y + offsets[n.right_sums + k] + offsets[n.right_last + m]
            at += 1


@compiled
def _find_nonzero(c: Slice, nonzero: Mask) -> None:
    """From the inputs on: which cells have a product whose factors are both not zero."""
    for each in range(c.forward.shape[0]):
        n = nest_at(c.forward, each)
        lefts, rights = np.empty((2, np.int64(n.sums * n.last_sums)), np.int64)
        place = np.int64(n.target)
        for i in range(n.rows):
            for j in range(n.next_rows):
                _fill_row(n, i, j, c.offsets, lefts, rights)
                for m in range(lefts.shape[0]):
                    if nonzero[lefts[m]] and nonzero[rights[m]]:
                        nonzero[place] = True
                        break
                place += 1


@compiled
def _find_needed(c: Slice, nonzero: Mask, kept: Mask) -> Index:
    """From the results back: which cells come into them; return the products of each contraction.

    `kept` says so of the results, and in the end of every cell.
    """
    left = np.zeros(c.forward.shape[0], np.int64)
    for each in range(c.forward.shape[0] - 1, -1, -1):
        n = nest_at(c.forward, each)
        lefts, rights = np.empty((2, np.int64(n.sums * n.last_sums)), np.int64)
        place = np.int64(n.target)
        for i in range(n.rows):
            for j in range(n.next_rows):
                if kept[place]:
                    _fill_row(n, i, j, c.offsets, lefts, rights)
                    for m in range(lefts.shape[0]):
                        if nonzero[lefts[m]] and nonzero[rights[m]]:
                            kept[lefts[m]] = kept[rights[m]] = True
                            left[each] += 1
                place += 1
    return left


@compiled
def _mark_factors(c: Slice, listed: Mask, exists: Mask) -> None:
    """Mark all cells of the factors that loop nests go through."""
    for each in range(c.forward.shape[0]):
        n = nest_at(c.forward, each)
        if not listed[each]:
            place = np.int64(n.target)
            exists[place : place + np.int64(n.rows * n.next_rows)] = True
            begin = np.int64(n.left_rows)
            for operand in (n.left, n.right):
                first = last = np.int64(operand)
                for loops in (n.rows, n.next_rows, n.sums, n.last_sums):
                    length = np.int64(loops)
                    last += np.int64(c.offsets[begin : begin + length].max())
                    begin += length
                exists[first : last + 1] = True


@compiled
def _rewrite(
    nests: Places, listed: Mask, offsets: Places, places: Index, kept: Mask, exists: Mask
) -> tuple[Places, Places]:
    """Nests and their offsets over the cells that exist.

    Parameters
    ----------
    nests, offsets
        Nests forwards and backwards, and their offsets.
    listed
        Which of them become lists of rows, (nest,).
    places
        Where each cell lies that exists, and then each derivative, (cell,).
    kept, exists
        Which cells are neither zero nor unneeded, and which have a place, then the same of the
        derivatives, (cell,).
    """
    made, found, used = nests.copy(), np.empty(1024, np.uint32), 1
    for each in range(nests.shape[0]):
        n, new = nest_at(nests, each), made[each]
        for field in (TARGET, LEFT, RIGHT):
            new[field] = places[nests[each, field]]
        new[PAIRS] = 0
        if listed[each]:
            new[ROWS_LISTED] = used
            found, used, n_rows = _list_rows(found, used, n, offsets, places, kept, exists)
            new[ROWS_OUTER], new[ROWS_INNER], new[SUMS_OUTER], new[SUMS_INNER] = 1, n_rows, 1, 1
        else:
            begin = np.int64(n.left_rows)
            length = int(np.int64(n.right_last + n.last_sums) - begin)
            found, new[OFFSETS] = _with_room(found, used + length), used
            found[used : used + length] = offsets[begin : begin + length]
            used += length
    return made, found[:used].copy()


@compiled_within
def _list_rows(
    found: Places, used: int, n: Nest, offsets: Places, places: Index, kept: Mask, exists: Mask
) -> tuple[Places, int, int]:
    """List the rows of a nest; return the lists, where they end, and how many rows there are.

    A row that exists, but is zero, has no products.
    """
    place, width, n_rows = np.int64(n.target), np.int64(n.sums * n.last_sums), 0
    lefts, rights = np.empty((2, width), np.int64)
    for i in range(n.rows):
        for j in range(n.next_rows):
            if exists[place]:
                at, n_rows = 0, n_rows + 1
                if kept[place]:
                    _fill_row(n, i, j, offsets, lefts, rights)
                    for m in range(width):
                        if kept[lefts[m]] and kept[rights[m]]:
                            lefts[at], rights[at] = places[lefts[m]], places[rights[m]]
                            at += 1
                found = _with_room(found, used + 1 + 2 * at)
                found[used] = at
                for m in range(at):
                    found[used + 1 + m] = lefts[m]
                    found[used + 1 + at + m] = rights[m]
                used += 1 + 2 * at
            place += 1
    return found, used, n_rows


@compiled_within
def _with_room(found: Places, size: int) -> Places:
    """Lists with room for so many numbers."""
    while size > found.shape[0]:
        found = np.concatenate((found, np.empty_like(found)))
    return found
