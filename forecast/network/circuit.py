"""An elimination of variables, compiled into loop nests over flat vectors of cells.

The network polynomial of a slice is a sum of products of table entries. Eliminating one variable
after another turns it into an arithmetic circuit (Darwiche 2003): a vector of cells, the inputs
first, and contractions, each of which multiplies two factors and sums axes out of the product.
Run forwards, the last cells hold the result; run backwards, every input holds its derivative.

A contraction is three loop nests of one kind: one makes the product, the other two take the
derivative of the product to those of its operands, which are contractions as well. A nest goes
through the cells of its target in their order and adds up, for each of them, products of two cells
whose places are sums of offsets: a few offsets for the axes of the target, a few for those summed
out. So a circuit takes far less memory than its cells, whatever the number of products.

One circuit serves any number of table sets: only the contents of the cells differ.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import Final

import numpy as np

from forecast.arrays import Index, Mask
from forecast.network.compiling import compiled, compiled_within
from forecast.network.planning import Axis, Contraction, Plan, Scope

HEAVY_CONTRACTIONS, HEAVY_SHARE = 24, 0.9
"""The largest contractions, so many at most, or so large a share of all operations, decide how
cells are laid out; the others take little time."""
LONGEST_RUN: Final = 4096
"""Cells of a run at most: longer ones gain nothing, and lengthen the lists of offsets."""
SHORTEST_RUN: Final = 8
"""Cells of a run at least; fewer are sooner multiplied one by one."""
SHORTEST_LIST: Final = 64
"""Offsets of the faster axes at least, before the slower axes have a list of their own."""
MOST_PAIRS, MOST_LISTED = 8192, 2**20
"""Products of a nest, and numbers of a circuit (4 MB), that are listed at most. A list is read
faster than offsets are added, while it fits into the cache beside the cells."""

TARGET: Final = 0
LEFT: Final = 1
RIGHT: Final = 2
"""First cells of the target and of the operands of a nest."""
ROWS_OUTER: Final = 3
ROWS_INNER: Final = 4
SUMS_OUTER: Final = 5
SUMS_INNER: Final = 6
"""Numbers of offsets: of the slower and faster axes of the target, and of those summed out."""
ROW_RUN: Final = 7
SUM_RUN: Final = 8
"""Neighbouring cells of the target, or else of a sum, along which operands advance or stay."""
RIGHT_ADVANCES: Final = 9
"""Whether the right operand advances along the run, as the left one does (1), or stays (0)."""
ADDS: Final = 10
"""Whether the nest adds to its target (1) or makes it (0)."""
OFFSETS: Final = 11
"""Where the offsets of the nest begin: those of the left operand, then those of the right, for
slower and faster axes of the target, then for slower and faster axes that are summed out."""
PAIRS: Final = 12
"""Where a list of the cells that are multiplied begins, two for each product, in the order of the
loops; 0 if there is none. A nest with runs needs none, and many draws abreast hide the offsets."""
ROWS_LISTED: Final = 13
"""Where a list of rows begins that takes the place of loops, as `zeros` makes them; 0 if there is
none. Each row is the number of its products, their left cells, and their right cells."""
TILE: Final = 14
TILE_STEP: Final = 15
"""How many rows of the target make a tile, and how many cells one lies after another. They differ
in faster axes that one operand does not have, so they share its cells; 1 if there are none."""
N_FIELDS: Final = 16


@dataclass(frozen=True, eq=False)
class Circuit:
    """A compiled elimination.

    Attributes
    ----------
    n_cells, n_inputs
        Cells in all, and how many of them (the first) are inputs. The last input is the
        constant 1.
    forward
        The loop nest that makes the product of each contraction, (contraction, field).
    backward
        The nests that make the derivatives of their operands, from the last contraction to the
        first, none for that of the constant, (nest, field). Derivatives follow the cells in the
        same vector: that of cell i is cell ``n_cells + i``.
    offsets
        The offsets of all nests, (offset,).
    starts
        First cell of each input factor.
    results
        First cell of each factor of the result, and one past the last: the last cells of all.
    """

    n_cells: int
    n_inputs: int
    forward: Index
    backward: Index
    offsets: Index
    starts: tuple[int, ...]
    results: tuple[int, ...]


def lay_out(
    scopes: Sequence[Scope],
    sizes: Mapping[Axis, int],
    copies: Sequence[tuple[int, Scope]],
    plan: Plan,
    order: Sequence[Axis],
) -> Circuit:
    """Compile the sum, over all axes that are not kept, of the product of factors.

    Parameters
    ----------
    scopes
        Axes of each factor, slowest first.
    sizes
        Number of states of each axis.
    copies
        Further factors that share the cells of an earlier one, under other axes: its number and
        the axes.
    plan
        The contractions, from `plan_elimination`.
    order
        Axes in the order in which results and products lie in memory, from `arrange_axes`.
    """
    rank = {axis: at for at, axis in enumerate(order)}
    inputs = [*scopes, *(scope for _, scope in copies), ()]
    made = (sorted(rank[axis] for axis in step.kept) for step in plan.steps)
    factors = [*([rank[axis] for axis in scope] for scope in inputs), *made]
    states = [sizes[axis] for axis in order]
    starts, n_cells, n_inputs = list[int](), 0, 0
    for number, factor in enumerate(factors):
        copy = number - len(scopes)
        if 0 <= copy < len(copies):
            starts.append(starts[copies[copy][0]])
        else:
            starts.append(n_cells)
            n_cells += prod(states[axis] for axis in factor)
        n_inputs = n_cells if number == len(inputs) - 1 else n_inputs
    shared = np.zeros(len(factors), np.bool_)
    shared[[number for number, _ in copies]] = True
    shared[len(scopes) : len(inputs) - 1] = True
    one = len(inputs) - 1
    forward, backward, offsets = _make_nests(
        np.array(states, np.int64),
        np.cumsum([0, *map(len, factors)]),
        np.array([axis for factor in factors for axis in factor], np.int64),
        np.array(starts, np.int64),
        np.array([step.left for step in plan.steps]),
        np.array([one if step.right is None else step.right for step in plan.steps]),
        shared,
        n_cells,
        one,
    )
    return Circuit(
        n_cells=n_cells,
        n_inputs=n_inputs,
        forward=forward,
        backward=backward,
        offsets=offsets,
        starts=tuple(starts[: len(inputs)]),
        results=(*starts[-plan.n_results :], n_cells),
    )


@compiled
def _make_nests(
    states: Index,
    ends: Index,
    axes: Index,
    starts: Index,
    left: Index,
    right: Index,
    shared: Mask,
    n_cells: int,
    one: int,
) -> tuple[Index, Index, Index]:
    """Loop nests of all contractions, forwards and backwards, and their offsets.

    Parameters
    ----------
    states
        Number of states of each axis; products have their axes in this order.
    ends, axes
        Axes of each factor, slowest first: where each factor's end, a zero before, and the axes.
    starts
        First cell of each factor.
    left, right
        Operands of each contraction, which makes the factor that follows the one before it.
    shared
        Whether several factors have a factor's cells.
    n_cells, one
        Number of cells, which is where derivatives begin, and the factor that is the constant 1.
    """
    n, used, n_derivatives, listed = left.shape[0], 0, 0, 0
    forward, derivatives = np.empty((n, N_FIELDS), np.int64), np.empty((2 * n, N_FIELDS), np.int64)
    offsets, strides = np.empty(1024, np.int64), np.zeros((3, states.shape[0]), np.int64)
    factors, first = np.empty(3, np.int64), np.empty(3, np.int64)
    for step in range(n - 1, -1, -1):
        factors[0], factors[1], factors[2] = ends.shape[0] - 1 - n + step, left[step], right[step]
        for at in range(3):
            stride = 1
            for k in range(ends[factors[at] + 1] - 1, ends[factors[at]] - 1, -1):
                strides[at, axes[k]] = stride
                stride *= states[axes[k]]
        for kind in range(3):
            # The product of two operands, then the derivative of each: that of the product times
            # the other.
            target = factors[kind]
            if kind > 0 and target == one:
                continue
            a, b = (1, 2) if kind == 0 else (0, 3 - kind)
            for at in range(3):
                first[at] = starts[factors[at]]
            first[0] += n_cells if kind > 0 else 0
            rows = _of_several(states, axes[ends[target] : ends[target + 1]])
            sums = _of_several(states, _summed(rows, strides[a], strides[b]))
            nest = derivatives[n_derivatives] if kind > 0 else forward[step]
            n_derivatives += kind > 0
            if _plan_loops(nest, states, rows, sums, strides[a], strides[b]):
                a, b = b, a
            nest[TARGET] = starts[target] + (n_cells if kind > 0 else 0)
            nest[LEFT], nest[RIGHT], nest[OFFSETS] = first[a], first[b], used
            nest[ADDS] = kind > 0 and shared[target]
            nest[ROWS_LISTED] = 0
            nest[TILE], nest[TILE_STEP] = _plan_tile(
                states, rows, nest[ROWS_INNER], strides[a], strides[b]
            )
            lists = nest[ROWS_OUTER] + nest[ROWS_INNER] + nest[SUMS_OUTER] + nest[SUMS_INNER]
            while used + 2 * lists > offsets.shape[0]:
                offsets = np.concatenate((offsets, np.empty_like(offsets)))
            for operand in (a, b):
                for loops, n_inner in ((rows, nest[ROWS_INNER]), (sums, nest[SUMS_INNER])):
                    used = _list_offsets(offsets, used, states, loops, n_inner, strides[operand])
            n_pairs = nest[ROWS_OUTER] * nest[ROWS_INNER] * nest[SUMS_OUTER] * nest[SUMS_INNER]
            short = nest[ROW_RUN] * nest[SUM_RUN] == 1 and n_pairs <= MOST_PAIRS
            nest[PAIRS] = used if short and listed + 2 * n_pairs <= MOST_LISTED else 0
            if nest[PAIRS]:
                listed += 2 * n_pairs
                while used + 2 * n_pairs > offsets.shape[0]:
                    offsets = np.concatenate((offsets, np.empty_like(offsets)))
                used = _list_pairs(offsets, used, nest)
        for at in range(3):
            for k in range(ends[factors[at]], ends[factors[at] + 1]):
                strides[at, axes[k]] = 0
    return forward, derivatives[:n_derivatives].copy(), offsets[:used].copy()


@compiled_within
def _of_several(states: Index, axes: Index) -> Index:
    """Axes that have more than one state; the others make no loop."""
    found, n = np.empty(axes.shape[0], np.int64), 0
    for axis in axes:
        if states[axis] > 1:
            found[n] = axis
            n += 1
    return found[:n]


@compiled_within
def _summed(rows: Index, left: Index, right: Index) -> Index:
    """Axes of either operand that the target does not have, in the order of all axes."""
    found, n = np.empty(left.shape[0], np.int64), 0
    for axis in range(left.shape[0]):
        wanted = left[axis] > 0 or right[axis] > 0
        for row in rows:
            wanted = wanted and row != axis
        if wanted:
            found[n] = axis
            n += 1
    return found[:n]


@compiled_within
def _plan_loops(
    nest: Index, states: Index, rows: Index, sums: Index, left: Index, right: Index
) -> bool:
    """Fill in how many offsets the loops of a nest have, and its run; return if operands swap."""
    row_run, sum_run = _run(states, rows, left, right), _run(states, sums, left, right)
    by_rows = row_run >= sum_run or row_run >= SHORTEST_LIST
    loops, run = (rows, row_run) if by_rows else (sums, sum_run)
    run = run if run >= SHORTEST_RUN and left[loops[-1]] + right[loops[-1]] > 0 else 1
    nest[ROW_RUN], nest[SUM_RUN] = run if by_rows else 1, 1 if by_rows else run
    nest[ROWS_OUTER], nest[ROWS_INNER] = _split(states, rows, nest[ROW_RUN])
    nest[SUMS_OUTER], nest[SUMS_INNER] = _split(states, sums, nest[SUM_RUN])
    nest[RIGHT_ADVANCES] = run > 1 and min(left[loops[-1]], right[loops[-1]]) > 0
    return run > 1 and left[loops[-1]] == 0


@compiled_within
def _run(states: Index, loops: Index, left: Index, right: Index) -> int:
    """How many cells long the last axes are along which both operands advance by one, or stay."""
    found, left_stays, right_stays = 1, False, False
    for k in range(loops.shape[0] - 1, -1, -1):
        axis = loops[k]
        if found * states[axis] > LONGEST_RUN:
            break
        if found == 1:
            left_stays, right_stays = left[axis] == 0, right[axis] == 0
        if left[axis] != (0 if left_stays else found) or right[axis] != (
            0 if right_stays else found
        ):
            break
        found *= states[axis]
    return found


@compiled_within
def _split(states: Index, loops: Index, run: int) -> tuple[int, int]:
    """Numbers of joint states of the slower and of the faster axes, the run among these."""
    total = 1
    for axis in loops:
        total *= states[axis]
    inner = 1
    for k in range(loops.shape[0] - 1, -1, -1):
        if inner >= run and inner >= SHORTEST_LIST and inner * inner >= total:
            break
        inner *= states[loops[k]]
    return total // inner, inner


@compiled_within
def _plan_tile(
    states: Index, rows: Index, n_inner: int, left: Index, right: Index
) -> tuple[int, int]:
    """The most joint states of neighbouring axes along which one operand stays, and their step.

    Of the axes of the target only the faster ones come into question, which have `n_inner` states.
    Along a tile the other operand advances evenly.
    """
    most, most_step, step, k = 1, 1, 1, rows.shape[0] - 1
    while step < n_inner:
        size, first = int(states[rows[k]]), rows[k]
        k -= 1
        if left[first] == 0 or right[first] == 0:
            while step * size < n_inner:
                even = left[rows[k]] == size * left[first] and right[rows[k]] == size * right[first]
                if not even:
                    break
                size *= states[rows[k]]
                k -= 1
            if size > most:
                most, most_step = size, step
        step *= size
    return most, most_step


@compiled_within
def _list_offsets(
    offsets: Index, at: int, states: Index, loops: Index, n_inner: int, strides: Index
) -> int:
    """Write the offsets of the slower axes, then of the faster ones; return where they end."""
    inner, k = 1, loops.shape[0]
    while inner < n_inner:
        k -= 1
        inner *= int(states[loops[k]])
    for part in (loops[:k], loops[k:]):
        offsets[at], n = 0, 1
        for axis in part:
            # From behind, so that what is read has not been overwritten.
            for row in range(n - 1, -1, -1):
                for state in range(states[axis] - 1, -1, -1):
                    offsets[at + row * states[axis] + state] = (
                        offsets[at + row] + state * strides[axis]
                    )
            n *= states[axis]
        at += n
    return at


@compiled_within
def _list_pairs(offsets: Index, at: int, nest: Index) -> int:
    """Write the cells that a nest multiplies, two by two; return where they end."""
    rows, next_rows = nest[ROWS_OUTER], nest[ROWS_INNER]
    sums, last_sums = nest[SUMS_OUTER], nest[SUMS_INNER]
    lists = rows + next_rows + sums + last_sums
    for i in range(rows):
        for j in range(rows, rows + next_rows):
            for k in range(rows + next_rows, lists - last_sums):
                for m in range(lists - last_sums, lists):
                    for first, begin in ((LEFT, nest[OFFSETS]), (RIGHT, nest[OFFSETS] + lists)):
                        offsets[at] = nest[first] + (
                            offsets[begin + i]
                            + offsets[begin + j]
                            + offsets[begin + k]
                            + offsets[begin + m]
                        )
                        at += 1
    return at


def arrange_axes(
    scopes: Sequence[Scope],
    steps: Sequence[Contraction],
    sizes: Mapping[Axis, int],
    repair: Callable[[list[Axis]], list[Axis]] = lambda order: order,
    tied: frozenset[Axis] = frozenset(),
) -> list[Axis]:
    """Choose how axes lie in memory, slowest first, so that segments are few and long.

    Axes that are summed out late come last; then each axis in turn moves to its best place.

    Parameters
    ----------
    scopes, steps, sizes
        Factors, contractions and axes, as for `lay_out`.
    repair
        Makes an order legal that is not, where the caller has rules for it.
    tied
        The axes that `repair` moves, which it does by the order of these alone.
    """
    nothing = frozenset[Axis]()
    factors = [*map(frozenset, scopes), nothing, *(step.kept for step in steps)]
    work = {step: _size(step.joint, sizes) for step in steps}
    largest = sorted(work, key=lambda step: -work[step])[:HEAVY_CONTRACTIONS]
    done = list(accumulate(work[step] for step in largest))
    enough = bisect_left(done, HEAVY_SHARE * sum(work.values())) + 1
    heavy = largest[:enough]
    operands = {
        step: (factors[step.left], nothing if step.right is None else factors[step.right])
        for step in heavy
    }
    gone = {axis: at for at, step in enumerate(steps) for axis in step.joint - step.kept}

    def count_segments(order: list[Axis], made: Iterable[Contraction]) -> int:
        rank = {axis: at for at, axis in enumerate(order)}.__getitem__
        return sum(
            work[step]
            // _run_together(sorted(step.joint, key=rank), step.kept, *operands[step], sizes)
            for step in made
        )

    everything = sorted(nothing.union(*factors))
    start = repair(sorted(everything, key=lambda axis: gone.get(axis, len(steps))))
    moving = nothing.union(*(step.joint for step in heavy))
    order = [axis for axis in start if axis in moving or axis in tied]
    for axis in sorted(moving):
        touched = heavy if axis in tied else [step for step in heavy if axis in step.joint]
        # Past an axis that it never meets a move changes nothing.
        met = nothing.union(tied, *(step.joint for step in touched))
        rest = [other for other in order if other != axis]
        fewest = count_segments(order, touched)
        for at in range(len(order)):
            if at and rest[at - 1] not in met:
                continue
            moved = repair([*rest[:at], axis, *rest[at:]])
            if (count := count_segments(moved, touched)) < fewest:
                order, fewest = moved, count
    places = iter(order)
    return [next(places) if axis in moving or axis in tied else axis for axis in start]


def _run_together(
    joint: Sequence[Axis],
    kept: frozenset[Axis],
    left: frozenset[Axis],
    right: frozenset[Axis],
    sizes: Mapping[Axis, int],
) -> int:
    """Joint states of the last axes along which a product and its operands advance cell by cell.

    Each operand has all of these axes, as its last, or none.
    """
    found, along, (left_ends, right_ends) = 1, None, (True, True)
    for axis in reversed(joint):
        has = in_left, in_right = axis in left, axis in right
        if axis not in kept:
            left_ends, right_ends = left_ends and not in_left, right_ends and not in_right
            continue
        along = along or has
        if has != along or (in_left and not left_ends) or (in_right and not right_ends):
            break
        found *= sizes[axis]
    return found


def _size(axes: Iterable[Axis], sizes: Mapping[Axis, int]) -> int:
    return prod(sizes[axis] for axis in axes)
