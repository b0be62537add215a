"""An elimination of variables, compiled into a flat list of multiply-and-add operations.

The network polynomial of a slice is a sum of products of table entries. Eliminating one variable
after another turns it into an arithmetic circuit (Darwiche 2003): a vector of cells, the inputs
first, and operations ``cell[c] += cell[a] * cell[b]`` in an order that respects dependencies.
Run forwards, the last cells hold the result; run backwards, every input holds its derivative.

One circuit serves any number of table sets: only the contents of the cells differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod

import numpy as np
import numpy.typing as npt

from forecast.network.planning import Axis, Contraction, Plan, Scope

Indices = npt.NDArray[np.int32]

HEAVY_CONTRACTIONS = 24
"""The largest contractions, which decide how cells are laid out; the others take little time."""


@dataclass(frozen=True, eq=False)
class Circuit:
    """A compiled elimination.

    Attributes
    ----------
    n_cells, n_inputs
        Cells in all, and how many of them (the first) are inputs. The last input is the
        constant 1.
    left, right, out
        Operands and target of each operation, shape (operation,). The operations that make a
        cell are neighbours.
    runs
        How many cells each contraction makes, and of how many products each,
        shape (contraction, 2).
    segments
        The same operations taken along neighbouring cells: first target, first left and first
        right cell, how many, and whether the right cells advance too (1) or stay (0),
        shape (segment, 5).
    offsets
        First cell of each input factor.
    results
        First cell of each factor of the result, and one past the last: the last cells of all.
    """

    n_cells: int
    n_inputs: int
    left: Indices
    right: Indices
    out: Indices
    runs: Indices
    segments: Indices
    offsets: tuple[int, ...]
    results: tuple[int, ...]

    @property
    def n_operations(self) -> int:
        """Multiply-adds of one forward run."""
        return len(self.left)


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
    layout = _Layout(sizes, order)
    offsets = tuple(layout.place(scope) for scope in scopes)
    for original, scope in copies:
        layout.share(original, scope)
    one = len(layout.scopes)
    layout.place(())
    n_inputs = layout.n_cells
    operations, segments = zip(*(layout.operate(step, one) for step in plan.steps), strict=True)
    left, right, out = np.concatenate(operations, axis=1)
    return Circuit(
        n_cells=layout.n_cells,
        n_inputs=n_inputs,
        left=left,
        right=right,
        out=out,
        runs=np.array([layout.run(step) for step in plan.steps], np.int32),
        segments=np.concatenate(segments),
        offsets=offsets,
        results=(*layout.starts[-plan.n_results :], layout.n_cells),
    )


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
    heavy = sorted(steps, key=lambda step: -_size(step.joint, sizes))[:HEAVY_CONTRACTIONS]
    made_of = {}
    for step in heavy:
        right = nothing if step.right is None else factors[step.right]
        made_of[step] = step.kept, factors[step.left], right
    gone = {axis: at for at, step in enumerate(steps) for axis in step.joint - step.kept}

    def count_segments(order: list[Axis], made: Iterable[Contraction]) -> int:
        rank = {axis: at for at, axis in enumerate(order)}.__getitem__
        return sum(
            _size(step.joint, sizes)
            // _size(_run_together(*(tuple(sorted(f, key=rank)) for f in made_of[step])), sizes)
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


def _run_together(kept: Scope, left: Scope, right: Scope) -> Scope:
    """The last axes of a product along which it and its operands advance cell by cell.

    Each operand has all of these axes, as its last, or none.
    """
    for n in range(len(kept), 0, -1):
        along = kept[-n:]
        if all(factor[-n:] == along or not {*factor} & {*along} for factor in (left, right)):
            return along
    return ()


def _size(axes: Iterable[Axis], sizes: Mapping[Axis, int]) -> int:
    return prod(sizes[axis] for axis in axes)


class _Layout:
    """Where each factor lies among the cells, and the operations between them."""

    def __init__(self, sizes: Mapping[Axis, int], order: Sequence[Axis]) -> None:
        self.sizes = sizes
        self.rank = {axis: at for at, axis in enumerate(order)}
        self.n_cells = 0
        self.scopes: list[Scope] = []
        self.starts: list[int] = []

    def place(self, scope: Scope) -> int:
        start = self.n_cells
        self.scopes.append(scope)
        self.starts.append(start)
        self.n_cells += _size(scope, self.sizes)
        return start

    def share(self, original: int, scope: Scope) -> None:
        self.scopes.append(scope)
        self.starts.append(self.starts[original])

    def operate(self, step: Contraction, one: int) -> tuple[Indices, Indices]:
        """Operations, (3, operation), and segments, (segment, 5), of a contraction."""
        left, right = step.left, one if step.right is None else step.right
        kept = self._sort(step.kept)
        summed = self._sort(step.joint - step.kept)
        self.place(kept)
        out = len(self.scopes) - 1
        # Summed axes vary fastest, so that a sum is finished before the next is begun.
        joint = (*kept, *summed)
        operations = np.stack([self._cells(factor, joint) for factor in (left, right, out)])
        along = _run_together(kept, self.scopes[left], self.scopes[right])
        if along and along[0] not in self.scopes[left]:
            left, right = right, left
        starts = (*kept[: len(kept) - len(along)], *summed)
        segments = np.empty((_size(starts, self.sizes), 5), np.int32)
        for column, factor in enumerate((out, left, right)):
            segments[:, column] = self._cells(factor, starts)
        segments[:, 3] = _size(along, self.sizes)
        segments[:, 4] = bool(along) and along[0] in self.scopes[right]
        return operations, segments

    def _sort(self, axes: Iterable[Axis]) -> Scope:
        return tuple(sorted(axes, key=self.rank.__getitem__))

    def run(self, step: Contraction) -> tuple[int, int]:
        """Cells that a contraction makes, and products in each."""
        return _size(step.kept, self.sizes), _size(step.joint - step.kept, self.sizes)

    def _cells(self, factor: int, joint: Scope) -> Indices:
        strides: dict[Axis, int] = {}
        stride = 1
        for axis in reversed(self.scopes[factor]):
            strides[axis] = stride
            stride *= self.sizes[axis]
        steps = [np.arange(self.sizes[axis]) * strides.get(axis, 0) for axis in joint]
        cells = reduce(np.add.outer, steps, np.asarray(self.starts[factor]))
        return np.asarray(cells, dtype=np.int32).ravel()
