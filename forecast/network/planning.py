"""Choosing an order of elimination, and the products that it takes, in bounded time.

The factors of a network polynomial make a graph: axes that meet in a factor are neighbours.
Summing an axis out multiplies all factors that have it, which makes its neighbours a clique. The
best order is hard to find (Arnborg, Corneil and Proskurowski 1987), so several greedy ones are
tried, each of which sums out next

- the axis that adds the fewest edges (min-fill),
- the axis whose joint table is smallest (min-weight), or
- the one whose added edges weigh least, an edge weighing the product of its ends' states
  (weighted min-fill; Kjærulff 1990), or
- the one that is nearest to an end of the graph (Cuthill and McKee 1969), which is best where
  the graph is long and narrow, a ladder or a grid,

then the first three again with noise, as long as planning costs less than the elimination that
it may shorten. Weights and fills are kept up to date edge by edge (`ordering`), so that a try takes
about as many steps as it adds edges, and each edge as many as it closes triangles.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import prod
from typing import Final, Literal

import numpy as np

from forecast.arrays import Index
from forecast.errors import TooLarge
from forecast.network import ordering
from forecast.network.ordering import Bits, Factors, Found, Graph

Axis = str
Scope = tuple[Axis, ...]
Rule = Literal["weight", "fill", "weighted fill", "distance"]

RULES: Final[dict[Rule, int]] = {
    "fill": ordering.FILL,
    "weight": ordering.WEIGHT,
    "weighted fill": ordering.WEIGHTED_FILL,
    "distance": ordering.DISTANCE,
}
CHANCY: Final[tuple[Rule, ...]] = ("weight", "fill", "weighted fill")
"""What may be tried again with noise; of a walk over the graph there is only one."""
MEMORY_LIMIT = 2e9
BYTES_PER_CELL = 16
"""Of one draw of the tables: a number for the cell, and one for its derivative."""
CELL_LIMIT = 2**31 - 1
ORDERS_TRIED = 40
"""Orders that are tried at most."""
FREE_WORK, WORK_PER_OPERATION, MOST_WORK = 4_000_000, 2, 40_000_000
"""Planning goes on with noise until its steps pass this many for each operation of the best plan,
within these bounds; past the last of them not even another rule is tried. A step takes some five
nanoseconds, an operation on ten draws about as long, forwards and backwards."""
HOPELESS = 1000.0
"""A try stops where it needs so many operations for each cell that fits into memory."""
NOISE = 0.6
"""How far noise raises a score, at most, as a share of it."""
OPERATIONS_PER_SECOND = 3e8
"""Multiply-adds of a sweep of one draw, forwards and backwards; on the safe side."""
LONGEST_LIST = 30


class EliminationTooLarge(TooLarge):
    """An elimination beyond the memory limit.

    Attributes
    ----------
    widest
        The axis without which its tables would be smallest.
    seconds
        About how long a sweep of one draw would take, were there memory for it.
    """

    widest: Axis
    seconds: float


@dataclass(frozen=True, slots=True)
class Contraction:
    """Multiply two factors (or pass one on) and sum out the axes that nothing else needs."""

    left: int
    right: int | None
    joint: frozenset[Axis]
    kept: frozenset[Axis]


@dataclass(frozen=True, slots=True)
class Plan:
    """Contractions in order; the last ones make the factors of the result.

    Attributes
    ----------
    steps
        The contractions. Of the factors that they name the inputs come first, then the constant 1,
        then the result of each contraction.
    n_results
        How many factors the result has.
    operations
        Multiply-adds of all contractions.
    cells
        Cells of the inputs and of all that is made of them.
    work
        Steps of planning that went into finding it, counted over all tries.
    """

    steps: tuple[Contraction, ...]
    n_results: int
    operations: int
    cells: int
    work: int

    @property
    def results(self) -> tuple[frozenset[Axis], ...]:
        """Axes of each factor of the result."""
        return tuple(step.kept for step in self.steps[-self.n_results :])


def plan_elimination(
    scopes: Sequence[Scope],
    sizes: Mapping[Axis, int],
    keep: frozenset[Axis],
    memory_limit: float = MEMORY_LIMIT,
    tries: int = ORDERS_TRIED,
    apart: frozenset[Axis] = frozenset(),
    early: frozenset[Axis] = frozenset(),
) -> Plan:
    """Choose contractions: the cheapest of several greedy orders, the first without noise.

    The same factors always give the same plan: how long planning goes on is counted in its steps,
    not in seconds.

    Parameters
    ----------
    scopes
        Axes of each factor.
    sizes
        Number of states of each axis.
    keep
        Axes of the result.
    memory_limit
        Bytes that the cells of one draw, and their derivatives, may take.
    tries
        How many orders are tried at most.
    apart
        Kept axes whose factors are not multiplied with the others: the result is then a product
        of several factors, the first of them without any of these axes.
    early
        Axes that are summed out before all others.

    Raises
    ------
    TooLarge
        Before anything is allocated, naming the axes of the largest table.

    Examples
    --------
    >>> chain = [("a",), ("a", "b"), ("b", "c")]
    >>> plan = plan_elimination(chain, {"a": 2, "b": 2, "c": 2}, frozenset({"c"}))
    >>> [sorted(step.joint) for step in plan.steps], plan.operations
    ([['a', 'b'], ['b', 'c']], 8)
    """
    names = sorted(keep.union(*scopes))
    factors = _as_numbers(scopes, sizes, names, keep, apart, early)
    given = sum(prod(sizes[axis] for axis in scope) for scope in scopes) + 1
    room = min(memory_limit / BYTES_PER_CELL, CELL_LIMIT) - given
    best = _search(factors, tries, room)
    if not best.n_results or best.cells > room:
        raise _too_large(best, given, scopes, names, sizes, memory_limit)
    steps = tuple(_contractions(best, scopes, names))
    operations, cells = int(best.operations), given + int(best.cells)
    return Plan(steps, best.n_results, operations, cells, best.work)


def _as_numbers(
    scopes: Sequence[Scope],
    sizes: Mapping[Axis, int],
    names: Sequence[Axis],
    keep: frozenset[Axis],
    apart: frozenset[Axis],
    early: frozenset[Axis],
) -> Factors:
    """Factors over numbered axes."""
    number = {axis: at for at, axis in enumerate(names)}
    bits = np.zeros((len(scopes), len(names) // 64 + 1), np.uint64)
    for factor, scope in enumerate(scopes):
        for axis in scope:
            bits[factor, number[axis] // 64] |= np.uint64(1 << number[axis] % 64)
    sets = (np.array([axis in each for axis in names], np.bool_) for each in (keep, apart, early))
    return Factors(bits, np.array([float(sizes[axis]) for axis in names]), *sets)


def _search(factors: Factors, tries: int, room: float) -> Found:
    """The best of several tries, the later ones with noise; none goes on when it is beaten."""
    graphs: dict[bool, Graph] = {}
    work = 0
    for by_states in (False, True):
        graphs[by_states], steps = ordering.make_graph(factors, by_states)
        work += steps
    best: Found | None = None
    nowhere = np.zeros(len(factors.states), np.int64)
    for attempt, rule in enumerate((*RULES, *CHANCY * tries)[:tries]):
        noise = NOISE if attempt >= len(RULES) else 0.0
        if best and work > MOST_WORK:
            break
        if noise and best and (not best.n_results or work > _worthwhile(best.operations)):
            break
        graph = graphs[rule == "weighted fill"]
        most = best.operations if best and best.cells <= room else HOPELESS * max(room, 1.0)
        walk = _walk_places(graph.near) if rule == "distance" else nowhere
        found = ordering.try_order(factors, graph, RULES[rule], walk, noise, attempt, most)
        work += found.work
        if best is None or _rank(found, room) < _rank(best, room):
            best = found
    assert best is not None
    return best._replace(work=work)


def _walk_places(near: Bits) -> Index:
    """Place of each axis on a walk over the graph, level by level from an end of it."""
    ahead = _members(near)
    found: dict[int, int] = {}
    for axis in sorted(range(len(ahead)), key=lambda axis: len(ahead[axis])):
        if axis not in found:
            for end in _walk(ahead, _walk(ahead, axis)[-1]):
                found[end] = len(found)
    return np.array([found[axis] for axis in range(len(ahead))], np.int64)


def _walk(near: Sequence[Sequence[int]], start: int) -> list[int]:
    """Axes that can be reached, the nearest first and those with few neighbours before."""
    walk, seen = [start], {start}
    for axis in walk:
        ahead = [other for other in near[axis] if other not in seen]
        walk += sorted(ahead, key=lambda other: (len(near[other]), other))
        seen.update(ahead)
    return walk


def _rank(found: Found, room: float) -> tuple[bool, bool, float]:
    """The better, the smaller."""
    return not found.n_results, found.cells > room, found.operations


def _worthwhile(operations: float) -> float:
    """Steps of planning that may be spent where the best plan takes so many operations."""
    return min(max(FREE_WORK, WORK_PER_OPERATION * operations), MOST_WORK)


def _contractions(
    found: Found, scopes: Sequence[Scope], names: Sequence[Axis]
) -> Iterator[Contraction]:
    """Contractions by the names of their axes."""
    factors = [*map(frozenset, scopes), frozenset[Axis](), *_named(found.scopes, names)]
    products = factors[len(scopes) + 1 :]
    for left, right, kept in zip(found.left.tolist(), found.right.tolist(), products, strict=True):
        other = right if right >= 0 else None
        joint = factors[left] if other is None else factors[left] | factors[other]
        yield Contraction(left, other, joint, kept)


def _named(sets: Bits, names: Sequence[Axis]) -> list[frozenset[Axis]]:
    """The axes of each set of numbers."""
    return [frozenset(names[axis] for axis in each) for each in _members(sets)]


def _members(sets: Bits) -> list[list[int]]:
    """The numbers in each set, in ascending order."""
    bits = np.unpackbits(sets.view(np.uint8), axis=1, bitorder="little")
    rows, axes = np.nonzero(bits)
    ends = np.searchsorted(rows, np.arange(len(sets) + 1)).tolist()
    found: list[int] = axes.tolist()
    return [found[start:stop] for start, stop in pairwise(ends)]


def _too_large(
    best: Found,
    given: int,
    scopes: Sequence[Scope],
    names: Sequence[Axis],
    sizes: Mapping[Axis, int],
    memory_limit: float,
) -> EliminationTooLarge:
    tables = [step.joint for step in _contractions(best, scopes, names)]
    tables += _named(best.refused[None], names)
    largest = sorted(max(tables, key=lambda table: prod(sizes[axis] for axis in table)))
    more = f" and {len(largest) - LONGEST_LIST} more" if len(largest) > LONGEST_LIST else ""
    refused = prod(sizes[axis] for table in tables[-1:] for axis in table)
    cells = best.cells + given + (refused if best.refused.any() else 0)
    seconds = best.operations / OPERATIONS_PER_SECOND
    saved = dict.fromkeys(names, 0.0)
    for table in tables:
        size = prod(float(sizes[axis]) for axis in table)
        for axis in table:
            saved[axis] += size * (1 - 1 / sizes[axis])
    error = EliminationTooLarge(
        f"exact elimination needs {'more than ' if best.refused.any() else ''}"
        f"{cells * BYTES_PER_CELL / 1e9:.3g} GB, more than the limit of "
        f"{memory_limit / 1e9:.3g} GB, and {seconds:.2g} s for each draw of the tables; "
        f"its largest table is over {', '.join(largest[:LONGEST_LIST])}{more}. "
        "Raise memory_limit if this machine has more; "
        "ask about fewer variables, since what neither they nor the evidence depend on is left "
        "out; or give these variables fewer states or fewer parents."
    )
    error.widest, error.seconds = max(names, key=saved.__getitem__), seconds
    return error
