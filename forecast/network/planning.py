"""Choosing an order of elimination, and the products that it takes, in bounded time.

The factors of a network polynomial make a graph: axes that meet in a factor are neighbours.
Summing an axis out multiplies all factors that have it, which makes its neighbours a clique. The
best order is hard to find (Arnborg, Corneil and Proskurowski 1987), so several greedy ones are
tried, each of which sums out next

- the axis whose joint table is smallest (min-weight),
- the axis that adds the fewest edges (min-fill), or
- the one whose added edges weigh least, an edge weighing the product of its ends' states
  (weighted min-fill; Kjærulff 1990), or
- the one that is nearest to an end of the graph (Cuthill and McKee 1969), which is best where
  the graph is long and narrow, a ladder or a grid,

then the first three again with noise, as long as planning costs less than the elimination that
it may shorten. Weights and fills are kept up to date edge by edge and wait in a heap, so that a try
takes about as many steps as it adds edges, and each edge as many as it closes triangles.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush
from itertools import combinations
from math import prod
from typing import Final, Literal

from forecast.errors import TooLarge

Axis = str
Scope = tuple[Axis, ...]
Rule = Literal["weight", "fill", "weighted fill", "distance"]
Factor = frozenset[int]
"""Axes of a factor, by their numbers."""
_Place = tuple[bool, float, float, int]
"""Place of an axis in the queue: whether it can wait, its score, what breaks ties, its number."""

RULES: Final[tuple[Rule, ...]] = ("weight", "fill", "weighted fill", "distance")
CHANCY = RULES[:3]
"""What may be tried again with noise; of a walk over the graph there is only one."""
MEMORY_LIMIT = 2e9
BYTES_PER_OPERATION = 32
CELL_LIMIT = 2**31 - 1
ORDERS_TRIED = 40
"""Orders that are tried at most."""
FREE_WORK, WORK_PER_OPERATION, MOST_WORK = 30_000, 2, 1_000_000
"""Planning goes on with noise until its steps pass this many for each operation of the best plan,
within these bounds. A step takes two or three microseconds, an operation on a thousand draws about
as long, forwards and backwards."""
HOPELESS = 1000.0
"""A try stops where it needs so many times the memory limit: it could not be rescued."""
WINDOW = 24
"""Factors, the smallest ones, of which all pairs are compared when several are multiplied."""
NOISE = 0.6
"""How far noise raises a score, at most, as a share of it."""
LARGEST = 10**300
"""Tables that are larger are all the same: no number of floating point holds them."""
LONGEST_LIST = 30


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
    work
        Steps of planning that went into finding it, counted over all tries.
    """

    steps: tuple[Contraction, ...]
    n_results: int
    operations: int
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
        Bytes that the operations may take.
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
    number = {axis: at for at, axis in enumerate(names)}
    factors = [frozenset(number[axis] for axis in scope) for scope in scopes]
    problem = _Problem(
        factors=tuple(factors),
        states=tuple(sizes[axis] for axis in names),
        kept=frozenset(number[axis] for axis in keep),
        apart=frozenset(number[axis] for axis in apart),
        early=frozenset(number[axis] for axis in early if axis in number),
    )
    limit = min(memory_limit / BYTES_PER_OPERATION, CELL_LIMIT)
    best = _search(problem, tries, HOPELESS * limit)
    if best.operations > limit:
        raise _too_large(best, problem, names, memory_limit)

    def named(factor: Factor) -> frozenset[Axis]:
        return frozenset(names[axis] for axis in factor)

    steps = (
        Contraction(left, right, named(joint), named(kept))
        for left, right, joint, kept in best.steps
    )
    return Plan(tuple(steps), best.n_results, best.operations, best.work)


@dataclass(frozen=True, slots=True)
class _Problem:
    """Factors over numbered axes, the axes' states, and what becomes of those that are kept."""

    factors: tuple[Factor, ...]
    states: tuple[int, ...]
    kept: Factor
    apart: Factor
    early: Factor

    def graph(self, *, by_states: bool) -> _Graph:
        """Axes that meet in a factor; those that are kept together meet in the result."""
        graph = _Graph(self.states, self.states if by_states else (1,) * len(self.states))
        for factor in {*self.factors, self.kept - self.apart}:
            graph.join(factor)
        return graph


@dataclass(frozen=True, slots=True)
class _Found:
    """What a try has found: contractions by numbers of axes, or as many as it made.

    A try that was stopped has no result, and counts the joint table that it refused to make.
    """

    steps: list[tuple[int, int | None, Factor, Factor]]
    n_results: int
    operations: int
    work: int
    refused: Factor = frozenset()

    @property
    def rank(self) -> tuple[bool, int]:
        """The better, the smaller."""
        return not self.n_results, self.operations


def _search(problem: _Problem, tries: int, most: float) -> _Found:
    """The best of several tries, the later ones with noise; none goes on when it is beaten."""
    graphs = {by_states: problem.graph(by_states=by_states) for by_states in (False, True)}
    work = sum(graph.work for graph in graphs.values())
    best: _Found | None = None
    for attempt, rule in enumerate((*RULES, *CHANCY * tries)[:tries]):
        noise = random.Random(attempt) if attempt >= len(RULES) else None
        if noise and best and (best.refused or work > _worthwhile(best.operations)):
            break
        graph = graphs[rule == "weighted fill"].copy()
        found = _try(problem, graph, rule, noise, best.operations if best else most)
        work += found.work
        if best is None or found.rank < best.rank:
            best = found
    assert best is not None
    return replace(best, work=work)


def _worthwhile(operations: int) -> int:
    """Steps of planning that may be spent where the best plan takes so many operations."""
    return min(max(FREE_WORK, WORK_PER_OPERATION * operations), MOST_WORK)


def _try(
    problem: _Problem, graph: _Graph, rule: Rule, noise: random.Random | None, most: float
) -> _Found:
    """Sum out one axis after another by a rule, while that takes at most so many operations."""
    products = _Products(problem)
    waiting = set(range(len(problem.states))) - problem.kept
    current: dict[int, _Place] = {}
    distance = graph.distances() if rule == "distance" else []

    def rank(axis: int) -> _Place:
        late = axis not in problem.early
        if distance:
            return current.setdefault(axis, (late, distance[axis], 0, axis))
        fill, weight = graph.fill[axis], min(graph.weight[axis], LARGEST)
        score, tie = (weight, fill) if rule == "weight" else (fill, weight)
        noisy = score * (1 + NOISE * noise.random()) if noise else score
        current[axis] = late, noisy, tie, axis
        return current[axis]

    queue = [rank(axis) for axis in sorted(waiting)]
    heapify(queue)
    while waiting:
        place = heappop(queue)
        axis = place[3]
        if axis not in waiting or place != current[axis]:
            continue
        needed = products.operations + graph.weight[axis]
        if needed > most:
            joint = frozenset({axis, *graph.near[axis]})
            return _Found(products.steps, 0, needed, graph.work + products.work, joint)
        for gone in sorted(products.sum_out(axis)):
            graph.join(graph.near[gone])
            graph.remove(gone)
            waiting.discard(gone)
        for each in sorted(graph.changed & waiting):
            heappush(queue, rank(each))
        graph.work += len(graph.changed)
        graph.changed.clear()
    n_results = products.finish(problem.apart)
    return _Found(products.steps, n_results, products.operations, graph.work + products.work)


class _Graph:
    """Axes that meet in some factor, with what summing out each of them would cost.

    Attributes
    ----------
    near
        Neighbours of each axis.
    weight
        Size of the joint table of each axis and its neighbours.
    fill
        Sum of `mass[a] * mass[b]` over pairs of neighbours of each axis that are not neighbours
        of one another: the number of edges that summing it out adds, if every mass is 1.
    total
        Sum of the masses of each axis's neighbours.
    changed
        Axes whose weight or fill has changed since this was last emptied.
    work
        Steps taken: edges added or removed, and triangles that they closed.
    """

    def __init__(self, states: tuple[int, ...], mass: tuple[int, ...]) -> None:
        self.states, self.mass = states, mass
        self.near: list[set[int]] = [set() for _ in states]
        self.weight = list(states)
        self.fill = [0] * len(states)
        self.total = [0] * len(states)
        self.changed: set[int] = set()
        self.work = 0

    def copy(self) -> _Graph:
        """The same graph, with a count of work of its own."""
        other = _Graph(self.states, self.mass)
        other.near = [set(each) for each in self.near]
        other.weight, other.fill, other.total = self.weight[:], self.fill[:], self.total[:]
        return other

    def join(self, axes: Iterable[int]) -> None:
        """Make axes neighbours of one another."""
        for a, b in combinations(sorted(axes), 2):
            if b not in self.near[a]:
                self._connect(a, b)

    def _connect(self, a: int, b: int) -> None:
        mass, fill = self.mass, self.fill
        common = self.near[a] & self.near[b]
        edge, shared = mass[a] * mass[b], 0
        for c in common:
            fill[c] -= edge
            shared += mass[c]
        fill[a] += mass[b] * (self.total[a] - shared)
        fill[b] += mass[a] * (self.total[b] - shared)
        for one, other in ((a, b), (b, a)):
            self.near[one].add(other)
            self.total[one] += mass[other]
            self.weight[one] *= self.states[other]
        self.changed |= common
        self.changed |= {a, b}
        self.work += 1 + len(common)

    def distances(self) -> list[int]:
        """Place of each axis on a walk over the graph, level by level from an end of it."""
        found: dict[int, int] = {}
        for axis in sorted(range(len(self.near)), key=lambda axis: len(self.near[axis])):
            if axis not in found:
                for end in self._walk(self._walk(axis)[-1]):
                    found[end] = len(found)
        return [found[axis] for axis in range(len(self.near))]

    def _walk(self, start: int) -> list[int]:
        """Axes that can be reached, the nearest first and those with few neighbours before."""
        walk, seen = [start], {start}
        for axis in walk:
            ahead = self.near[axis] - seen
            walk += sorted(ahead, key=lambda other: (len(self.near[other]), other))
            seen |= ahead
        self.work += len(walk)
        return walk

    def remove(self, axis: int) -> None:
        """Take an axis away whose neighbours are all neighbours of one another."""
        mass = self.mass[axis]
        for other in self.near[axis]:
            # What the axis shares with this neighbour is all its other neighbours.
            shared = self.total[axis] - self.mass[other]
            self.fill[other] -= mass * (self.total[other] - mass - shared)
            self.total[other] -= mass
            self.weight[other] //= self.states[axis]
            self.near[other].discard(axis)
        self.changed |= self.near[axis]
        self.work += 1 + len(self.near[axis])
        self.near[axis] = set()


class _Products:
    """Factors as they are multiplied and summed; the inputs come first, then the constant 1."""

    def __init__(self, problem: _Problem) -> None:
        self.states, self.kept = problem.states, problem.kept
        self.live = dict(enumerate(problem.factors))
        self.sizes = {at: self._size(factor) for at, factor in self.live.items()}
        self.holding: list[set[int]] = [set() for _ in problem.states]
        for at, factor in self.live.items():
            for axis in factor:
                self.holding[axis].add(at)
        self.steps: list[tuple[int, int | None, Factor, Factor]] = []
        self.operations = 0
        self.work = 0

    def sum_out(self, axis: int) -> Factor:
        """Multiply the factors that have an axis; return it and what else was summed out."""
        return self._combine(self.holding[axis])

    def finish(self, apart: Factor) -> int:
        """Multiply what is left, but for factors that are held apart; return how many remain."""
        held = {at for at, factor in self.live.items() if factor & apart}
        if len(self.live) - len(held) > 1:
            self._combine(self.live.keys() - held)
        if self.live and (held or not self.steps):
            for at in sorted(self.live, key=lambda at: (at in held, at)):
                self._merge(at, None)
        return max(len(self.live), 1)

    def _size(self, axes: Iterable[int]) -> int:
        return prod(self.states[axis] for axis in axes)

    def _combine(self, numbers: Iterable[int]) -> Factor:
        """Multiply factors two by two, the smallest product first; return what was summed out.

        So small factors meet one another before they meet a large one. Only so many wait to be
        paired at a time, the smallest: a hub has a factor for each of its children.
        """
        rest = sorted(numbers, key=lambda at: (self.sizes[at], at), reverse=True)
        if len(rest) == 1:
            return self._merge(rest[0], None)
        pool: list[int] = []
        pairs: list[tuple[int, int, int]] = []
        summed: set[int] = set()
        while len(pool) + len(rest) > 1:
            while rest and len(pool) < WINDOW:
                self._admit(rest.pop(), pool, pairs)
            _, a, b = heappop(pairs)
            if a in self.live and b in self.live:
                pool.remove(a)
                pool.remove(b)
                summed |= self._merge(a, b)
                self._admit(len(self.sizes), pool, pairs)
        return frozenset(summed)

    def _admit(self, at: int, pool: list[int], pairs: list[tuple[int, int, int]]) -> None:
        scope, size = self.live[at], self.sizes[at]
        for other in pool:
            joint = size * self._size(self.live[other] - scope)
            heappush(pairs, (joint, min(at, other), max(at, other)))
        self.work += len(pool)
        pool.append(at)

    def _merge(self, left: int, right: int | None) -> Factor:
        """Multiply two factors, or pass one on; sum out and return what nothing else needs."""
        used = {left} if right is None else {left, right}
        joint = frozenset().union(*(self.live.pop(at) for at in used))
        summed = frozenset(axis for axis in joint - self.kept if self.holding[axis] <= used)
        at = len(self.sizes) + 1
        self.live[at] = joint - summed
        self.sizes[at] = self._size(joint - summed)
        for axis in joint - summed:
            self.holding[axis] -= used
            self.holding[axis].add(at)
        self.steps.append((left, right, joint, joint - summed))
        self.operations += self.sizes[at] * self._size(summed)
        self.work += len(joint)
        return summed


def _too_large(
    best: _Found, problem: _Problem, names: Sequence[Axis], memory_limit: float
) -> TooLarge:
    joints = [best.refused, *(joint for _, _, joint, _ in best.steps)]
    largest = sorted(max(joints, key=lambda joint: prod(problem.states[axis] for axis in joint)))
    shown = [names[axis] for axis in largest[:LONGEST_LIST]]
    more = f" and {len(largest) - LONGEST_LIST} more" if len(largest) > LONGEST_LIST else ""
    needed = best.operations * BYTES_PER_OPERATION
    return TooLarge(
        f"exact elimination needs {'more than ' if best.refused else ''}{needed / 1e9:.3g} GB, "
        f"more than the limit of {memory_limit / 1e9:.3g} GB; its largest table is over "
        f"{', '.join(shown)}{more}. Give these variables fewer states or fewer parents."
    )
