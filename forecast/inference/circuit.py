"""An elimination of variables, compiled into a flat list of multiply-and-add operations.

The network polynomial of a slice is a sum of products of table entries. Eliminating one variable
after another turns it into an arithmetic circuit (Darwiche 2003): a vector of cells, the inputs
first, and operations ``cell[c] += cell[a] * cell[b]`` in an order that respects dependencies.
Run forwards, the last cells hold the result; run backwards, every input holds its derivative.

One circuit serves any number of table sets: only the contents of the cells differ.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from math import prod

import numpy as np
import numpy.typing as npt

from forecast.errors import TooLarge

Axis = str
Scope = tuple[Axis, ...]
Indices = npt.NDArray[np.int32]

MEMORY_LIMIT = 2e9
ORDERS_TRIED = 30
BYTES_PER_OPERATION = 12
CELL_LIMIT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Contraction:
    """Multiply two factors (or pass one on) and sum out the axes that nothing else needs."""

    left: int
    right: int | None
    joint: frozenset[Axis]
    kept: frozenset[Axis]


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
    offsets
        First cell of each input factor.
    result
        First cell of the result and one past the last.
    """

    n_cells: int
    n_inputs: int
    left: Indices
    right: Indices
    out: Indices
    runs: Indices
    offsets: tuple[int, ...]
    result: tuple[int, int]

    @property
    def n_operations(self) -> int:
        """Multiply-adds of one forward run."""
        return len(self.left)


def compile_circuit(
    scopes: Sequence[Scope],
    sizes: Mapping[Axis, int],
    keep: Scope = (),
    copies: Sequence[tuple[int, Scope]] = (),
    memory_limit: float = MEMORY_LIMIT,
) -> Circuit:
    """Compile the sum over all axes but `keep` of the product of factors.

    Parameters
    ----------
    scopes
        Axes of each factor, slowest first.
    sizes
        Number of states of each axis.
    keep
        Axes of the result, slowest first.
    copies
        Further factors that share the cells of an earlier one, under other axes: its number and
        the axes.
    memory_limit
        Bytes that the operations may take.

    Raises
    ------
    TooLarge
        Before anything is allocated, naming the axes of the largest table.
    """
    factors = [*scopes, *(scope for _, scope in copies)]
    steps = plan_elimination(factors, sizes, frozenset(keep))
    _check_size(steps, sizes, memory_limit)
    layout = _Layout(sizes)
    offsets = tuple(layout.place(scope) for scope in scopes)
    for original, scope in copies:
        layout.share(original, scope)
    one = layout.place(())
    n_inputs = layout.n_cells
    operations = [layout.operate(step, one) for step in steps[:-1]]
    operations.append(layout.operate(steps[-1], one, keep))
    left, right, out = (np.concatenate(parts) for parts in zip(*operations, strict=True))
    size = _size(keep, sizes)
    return Circuit(
        n_cells=layout.n_cells,
        n_inputs=n_inputs,
        left=left,
        right=right,
        out=out,
        runs=np.array([layout.run(step) for step in steps], np.int32),
        offsets=offsets,
        result=(layout.n_cells - size, layout.n_cells),
    )


def plan_elimination(
    scopes: Sequence[Scope], sizes: Mapping[Axis, int], keep: frozenset[Axis]
) -> list[Contraction]:
    """Choose contractions: the cheapest of several greedy orders, the first without chance."""
    plans = (
        _greedy_plan(scopes, sizes, keep, None if attempt == 0 else random.Random(attempt))
        for attempt in range(ORDERS_TRIED)
    )
    return min(plans, key=lambda steps: sum(_size(step.joint, sizes) for step in steps))


def _size(axes: Iterable[Axis], sizes: Mapping[Axis, int]) -> int:
    return prod(sizes[axis] for axis in axes)


def _greedy_plan(
    scopes: Sequence[Scope],
    sizes: Mapping[Axis, int],
    keep: frozenset[Axis],
    chance: random.Random | None,
) -> list[Contraction]:
    """Eliminate next the axis whose joint table is smallest (min-weight), ties by name.

    Factor numbers: the inputs are 0 … n-1, the constant 1 is n, results follow.
    """
    live = {number: frozenset(scope) for number, scope in enumerate(scopes)}
    waiting = frozenset().union(*live.values()) - keep if live else frozenset[Axis]()
    steps: list[Contraction] = []

    def merge(left: int, right: int | None, summed: frozenset[Axis]) -> int:
        joint = live.pop(left) | (live.pop(right) if right is not None else frozenset())
        number = len(scopes) + 1 + len(steps)
        live[number] = joint - summed
        steps.append(Contraction(left, right, joint, joint - summed))
        return number

    def weight(axis: Axis) -> float:
        joint = frozenset().union(*(scope for scope in live.values() if axis in scope))
        return _size(joint, sizes) * (1.0 if chance is None else 1.0 + 0.6 * chance.random())

    def smallest_pair(numbers: list[int]) -> tuple[int, int]:
        """Two factors whose product is smallest: small ones meet before they meet a large one."""
        return min(
            combinations(numbers, 2),
            key=lambda pair: (_size(live[pair[0]] | live[pair[1]], sizes), pair),
        )

    while waiting:
        axis = min(sorted(waiting), key=weight)
        bucket = [number for number, scope in live.items() if axis in scope]
        while len(bucket) > 2:
            pair = smallest_pair(bucket)
            bucket = [number for number in bucket if number not in pair]
            bucket.append(merge(*pair, frozenset()))
        joint = frozenset().union(*(live[number] for number in bucket))
        elsewhere = [scope for number, scope in live.items() if number not in bucket]
        summed = (joint & waiting).difference(*elsewhere)
        merge(bucket[0], bucket[1] if len(bucket) > 1 else None, summed)
        waiting -= summed
    while len(live) > 1:
        merge(*smallest_pair(list(live)), frozenset())
    if live and not steps:
        merge(next(iter(live)), None, frozenset())
    return steps


def _check_size(
    steps: Sequence[Contraction], sizes: Mapping[Axis, int], memory_limit: float
) -> None:
    operations = sum(_size(step.joint, sizes) for step in steps)
    needed = operations * BYTES_PER_OPERATION
    if needed <= memory_limit and operations <= CELL_LIMIT:
        return
    largest = max(steps, key=lambda step: _size(step.joint, sizes)).joint
    raise TooLarge(
        f"exact elimination needs {needed / 1e9:.3g} GB, more than the limit of "
        f"{memory_limit / 1e9:.3g} GB; its largest table is over "
        f"{', '.join(sorted(largest))}. Give these variables fewer states or fewer parents."
    )


class _Layout:
    """Where each factor lies among the cells, and the operations between them."""

    def __init__(self, sizes: Mapping[Axis, int]) -> None:
        self.sizes = sizes
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

    def operate(
        self, step: Contraction, one: int, order: Scope | None = None
    ) -> tuple[Indices, Indices, Indices]:
        left = self.scopes[step.left]
        right = () if step.right is None else self.scopes[step.right]
        found = dict.fromkeys((*left, *right)) if order is None else order
        kept = tuple(axis for axis in found if axis in step.kept)
        # Summed axes vary fastest, so that a sum is finished before the next is begun.
        joint = (*kept, *sorted(step.joint - step.kept))
        self.place(kept)
        result = len(self.scopes) - 1
        return (
            self._cells(step.left, joint),
            np.full(_size(joint, self.sizes), one, np.int32)
            if step.right is None
            else self._cells(step.right, joint),
            self._cells(result, joint),
        )

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
