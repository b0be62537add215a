"""The loops of planning: greedy orders of elimination, and the products that each of them takes.

Sets of axes are rows of bits, 64 to a number, so that neighbours are compared 64 at a time.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from forecast.arrays import Array, Index, Mask
from forecast.network.compiling import compiled, compiled_within

Bits = npt.NDArray[np.uint64]

WEIGHT: Final = 0
FILL: Final = 1
WEIGHTED_FILL: Final = 2
DISTANCE: Final = 3

WINDOW: Final = 24
"""Factors, the smallest ones, of which all pairs are compared when several are multiplied."""
LARGEST: Final = 1e300
"""Tables that are larger are all the same: no number of floating point holds them."""


class Factors(NamedTuple):
    """What is to be multiplied and summed.

    Attributes
    ----------
    scopes
        Axes of each factor, (factor, word): bit k of word w is axis 64 w + k.
    states
        Number of states of each axis.
    kept, apart, early
        Whether an axis is kept; whether its factors stay apart; whether it goes before others.
    """

    scopes: Bits
    states: Array
    kept: Mask
    apart: Mask
    early: Mask


class Found(NamedTuple):
    """What a try has found: contractions, or as many as it made.

    Attributes
    ----------
    left, right
        Operands of each contraction; -1 for a factor that is passed on.
    scopes
        Axes of what each contraction makes, (contraction, word).
    n_results
        How many factors the result has; 0 of a try that was stopped.
    operations, cells, work
        Multiply-adds, cells that are made, and steps of planning.
    refused
        Axes of the joint table that a try was stopped at, (word,).
    """

    left: Index
    right: Index
    scopes: Bits
    n_results: int
    operations: float
    cells: float
    work: int
    refused: Bits


class Graph(NamedTuple):
    """Axes that meet in some factor, with what summing out each of them would cost.

    Attributes
    ----------
    near
        Neighbours of each axis, (axis, word).
    mass
        What an axis counts when edges are weighed: 1, or its number of states.
    weight
        Size of the joint table of each axis and its neighbours.
    fill
        Sum of `mass[a] * mass[b]` over pairs of neighbours of each axis that are not neighbours
        of one another: the number of edges that summing it out adds, if every mass is 1.
    total
        Sum of the masses of each axis's neighbours.
    """

    near: Bits
    mass: Array
    weight: Array
    fill: Array
    total: Array


@compiled_within
def count_bits(word: np.uint64) -> int:
    """How many bits of a number are set."""
    x = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return int((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@compiled_within
def has(bits: Bits, axis: int) -> bool:
    """Whether a set has an axis."""
    return bool((bits[axis >> 6] >> np.uint64(axis & 63)) & np.uint64(1))


@compiled_within
def put(bits: Bits, axis: int) -> None:
    """Put an axis into a set."""
    bits[axis >> 6] |= np.uint64(1) << np.uint64(axis & 63)


@compiled_within
def take(bits: Bits, axis: int) -> None:
    """Take an axis out of a set."""
    bits[axis >> 6] &= ~(np.uint64(1) << np.uint64(axis & 63))


@compiled_within
def clear(bits: Bits) -> None:
    """Empty a set."""
    for w in range(bits.shape[0]):
        bits[w] = np.uint64(0)


@compiled_within
def members(bits: Bits, found: Index) -> int:
    """Write the axes of a set, in ascending order; return how many there are."""
    return _common(bits, bits, found)


@compiled_within
def _common(one: Bits, other: Bits, found: Index) -> int:
    """Write the axes that two sets share, in ascending order; return how many there are."""
    n = 0
    for w in range(one.shape[0]):
        word = one[w] & other[w]
        while word:
            lowest = word & (~word + np.uint64(1))
            found[n] = 64 * w + count_bits(lowest - np.uint64(1))
            word ^= lowest
            n += 1
    return n


@compiled_within
def size_of(bits: Bits, states: Array, scratch: Index) -> float:
    """Number of joint states of the axes of a set."""
    size = 1.0
    for k in range(members(bits, scratch)):
        size *= states[scratch[k]]
    return size


@compiled
def make_graph(f: Factors, by_states: bool) -> tuple[Graph, int]:
    """Axes that meet in a factor; those that are kept together meet in the result."""
    n, words = f.states.shape[0], f.scopes.shape[1]
    mass = f.states.copy() if by_states else np.ones(n)
    g = Graph(np.zeros((n, words), np.uint64), mass, f.states.copy(), np.zeros(n), np.zeros(n))
    changed, scratch, work = np.zeros(n, np.bool_), np.empty(n, np.int64), 0
    for factor in range(f.scopes.shape[0]):
        work += _join(g, f.scopes[factor], f.states, changed, scratch)
    together = np.zeros(words, np.uint64)
    for axis in range(n):
        if f.kept[axis] and not f.apart[axis]:
            put(together, axis)
    return g, work + _join(g, together, f.states, changed, scratch)


@compiled_within
def _join(g: Graph, axes: Bits, states: Array, changed: Mask, scratch: Index) -> int:
    """Make axes neighbours of one another; return how many steps that took."""
    own = np.empty(g.near.shape[0], np.int64)
    n, work = members(axes, own), 1
    for k in range(n):
        for m in range(k):
            if not has(g.near[own[k]], own[m]):
                work += _connect(g, own[k], own[m], states, changed, scratch)
    return work


@compiled_within
def _connect(g: Graph, a: int, b: int, states: Array, changed: Mask, scratch: Index) -> int:
    n, shared = _common(g.near[a], g.near[b], scratch), 0.0
    for k in range(n):
        g.fill[scratch[k]] -= g.mass[a] * g.mass[b]
        shared += g.mass[scratch[k]]
        changed[scratch[k]] = True
    g.fill[a] += g.mass[b] * (g.total[a] - shared)
    g.fill[b] += g.mass[a] * (g.total[b] - shared)
    for one, other in ((a, b), (b, a)):
        put(g.near[one], other)
        g.total[one] += g.mass[other]
        g.weight[one] = min(g.weight[one] * states[other], LARGEST)
        changed[one] = True
    return 1 + n


@compiled_within
def _remove(g: Graph, axis: int, states: Array, changed: Mask, scratch: Index) -> int:
    """Take an axis away whose neighbours are all neighbours of one another."""
    own = np.empty(g.near.shape[0], np.int64)
    n, mass = members(g.near[axis], own), g.mass[axis]
    for k in range(n):
        other = own[k]
        # What the axis shares with this neighbour is all its other neighbours.
        shared = g.total[axis] - g.mass[other]
        g.fill[other] -= mass * (g.total[other] - mass - shared)
        g.total[other] -= mass
        take(g.near[other], axis)
        if g.weight[other] < LARGEST:
            g.weight[other] /= states[axis]
        else:
            g.weight[other] = min(states[other] * size_of(g.near[other], states, scratch), LARGEST)
        changed[other] = True
    clear(g.near[axis])
    return 1 + n


class Products(NamedTuple):
    """Factors as they are multiplied and summed; the inputs come first, then the constant 1.

    Attributes
    ----------
    scopes, sizes, live
        Axes and cells of each factor, and whether it waits to be multiplied.
    holding
        How many live factors have each axis.
    left, right
        Operands of each contraction.
    counter
        Factors so far, contractions so far, and steps of planning.
    cost
        Multiply-adds, and cells that were made.
    """

    scopes: Bits
    sizes: Array
    live: Mask
    holding: Index
    left: Index
    right: Index
    counter: Index
    cost: Array


@compiled_within
def _begin(f: Factors, scratch: Index) -> Products:
    n, words = f.scopes.shape
    most = 3 * n + f.states.shape[0] + 4
    p = Products(
        np.zeros((most, words), np.uint64),
        np.ones(most),
        np.zeros(most, np.bool_),
        np.zeros(f.states.shape[0], np.int64),
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.zeros(3, np.int64),
        np.zeros(2),
    )
    p.counter[0] = n + 1
    for factor in range(n):
        p.live[factor] = True
        for w in range(words):  # sooner compiled than an assignment of arrays
            p.scopes[factor, w] = f.scopes[factor, w]
        p.sizes[factor] = size_of(f.scopes[factor], f.states, scratch)
        for k in range(members(f.scopes[factor], scratch)):
            p.holding[scratch[k]] += 1
    return p


@compiled_within
def _merge(f: Factors, p: Products, left: int, right: int, gone: Bits, scratch: Index) -> None:
    """Multiply two factors, or pass one on; sum out, and note, what nothing else needs."""
    at, step = p.counter[0], p.counter[1]
    p.live[left] = False
    if right >= 0:
        p.live[right] = False
    for w in range(p.scopes.shape[1]):
        p.scopes[at, w] = p.scopes[left, w] | (p.scopes[right, w] if right >= 0 else np.uint64(0))
    size, kept = 1.0, 1.0
    n = members(p.scopes[at], scratch)
    for k in range(n):
        axis = scratch[k]
        size *= f.states[axis]
        users = has(p.scopes[left], axis) + (right >= 0 and has(p.scopes[right], axis))
        if p.holding[axis] == users and not f.kept[axis]:
            take(p.scopes[at], axis)
            put(gone, axis)
            p.holding[axis] = 0
        else:
            kept *= f.states[axis]
            p.holding[axis] += 1 - users
    p.sizes[at], p.live[at] = kept, True
    p.left[step], p.right[step] = left, right
    p.cost[0] += size
    p.cost[1] += kept
    p.counter[0], p.counter[1] = at + 1, step + 1
    p.counter[2] += n


@compiled_within
def _combine(f: Factors, p: Products, numbers: Index, gone: Bits, scratch: Index) -> None:
    """Multiply factors two by two, the smallest product first; note what was summed out.

    So small factors meet one another before they meet a large one. Only so many wait to be paired
    at a time, the smallest: a hub has a factor for each of its children.
    """
    left_over = numbers.shape[0]
    if left_over == 1:
        _merge(f, p, numbers[0], -1, gone, scratch)
        return
    pool, joint, n = np.empty(WINDOW, np.int64), np.empty((WINDOW, WINDOW)), 0
    while n + left_over > 1:
        while left_over and n < WINDOW:
            smallest = 0
            for k in range(left_over):
                if p.sizes[numbers[k]] < p.sizes[numbers[smallest]]:
                    smallest = k
            n = _admit(f, p, numbers[smallest], pool, joint, n, scratch)
            left_over -= 1
            numbers[smallest] = numbers[left_over]
        a, b = 0, 1
        for k in range(n):
            for m in range(k):
                if joint[k, m] < joint[b, a]:
                    a, b = m, k
        left, right = min(pool[a], pool[b]), max(pool[a], pool[b])
        for gap in (b, a):
            n -= 1
            pool[gap] = pool[n]
            for k in range(n):
                joint[max(gap, k), min(gap, k)] = joint[n, k]
        _merge(f, p, left, right, gone, scratch)
        n = _admit(f, p, p.counter[0] - 1, pool, joint, n, scratch)


@compiled_within
def _admit(
    f: Factors, p: Products, at: int, pool: Index, joint: Array, n: int, scratch: Index
) -> int:
    """Let a factor wait to be paired; return how many wait."""
    for k in range(n):
        size = p.sizes[at]
        for m in range(members(p.scopes[pool[k]], scratch)):
            if not has(p.scopes[at], scratch[m]):
                size *= f.states[scratch[m]]
        joint[n, k] = size
    pool[n] = at
    p.counter[2] += n
    return n + 1


@compiled_within
def _finish(f: Factors, p: Products, gone: Bits, scratch: Index) -> int:
    """Multiply what is left, but for factors that are kept apart; return how many remain."""
    numbers, n_free, separate, n_separate = np.empty_like(p.left), 0, np.empty_like(p.left), 0
    for at in range(p.counter[0]):
        if p.live[at]:
            apart = False
            for k in range(members(p.scopes[at], scratch)):
                apart = apart or f.apart[scratch[k]]
            if apart:
                separate[n_separate] = at
                n_separate += 1
            else:
                numbers[n_free] = at
                n_free += 1
    if n_free > 1:
        _combine(f, p, numbers[:n_free], gone, scratch)
        numbers[0], n_free = p.counter[0] - 1, 1
    if n_separate or p.counter[1] == 0:
        for k in range(n_free):
            _merge(f, p, numbers[k], -1, gone, scratch)
        for k in range(n_separate):
            _merge(f, p, separate[k], -1, gone, scratch)
    return max(n_free + n_separate, 1)


@compiled
def try_order(
    f: Factors, given: Graph, rule: int, walk: Index, noise: float, seed: int, most: float
) -> Found:
    """Sum out one axis after another by a rule, while that takes at most so many operations.

    Parameters
    ----------
    f, given
        The factors, and their graph.
    rule, walk
        What is summed out next; by `DISTANCE`, the place of each axis on a walk.
    noise, seed
        How far a score may be raised, as a share of it, and by which random numbers.
    most
        Operations at which a try is given up.
    """
    n = f.states.shape[0]
    g = Graph(
        given.near.copy(), given.mass, given.weight.copy(), given.fill.copy(), given.total.copy()
    )
    random = np.uint64(seed)
    changed, waiting, scratch = np.ones(n, np.bool_), np.empty(n, np.bool_), np.empty(n, np.int64)
    for axis in range(n):
        waiting[axis] = not f.kept[axis]
    score, tie, own = np.zeros(n), np.zeros(n), np.empty(n, np.int64)
    p, gone = _begin(f, scratch), np.zeros(f.scopes.shape[1], np.uint64)
    refused, stopped = np.zeros(f.scopes.shape[1], np.uint64), False
    alive, n_alive, met = np.arange(p.live.shape[0]), f.scopes.shape[0], f.scopes.shape[0] + 1
    for _ in range(n):
        best = -1
        for axis in range(n):
            if not waiting[axis]:
                continue
            if changed[axis]:
                weight, fill = g.weight[axis], g.fill[axis]
                score[axis], tie[axis] = (weight, fill) if rule == WEIGHT else (fill, weight)
                random = random * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
                score[axis] *= 1 + noise * float(random >> np.uint64(11)) * 2.0**-53
                if rule == DISTANCE:
                    score[axis], tie[axis] = walk[axis], 0.0
                changed[axis] = False
            if best < 0 or _before(f, score, tie, axis, best):
                best = axis
        if best < 0:
            break
        if p.cost[0] + g.weight[best] > most:
            for w in range(refused.shape[0]):
                refused[w] = g.near[best, w]
            put(refused, best)
            p.cost[0] += g.weight[best]
            stopped = True
            break
        for at in range(met, p.counter[0]):
            alive[n_alive] = at
            n_alive += 1
        met, n_all, m = p.counter[0], n_alive, 0
        holders, n_alive = np.empty(n_all, np.int64), 0
        for k in range(n_all):
            at = alive[k]
            if p.live[at]:
                alive[n_alive] = at
                n_alive += 1
                if has(p.scopes[at], best):
                    holders[m] = at
                    m += 1
        p.counter[2] += n + n_all
        clear(gone)
        _combine(f, p, holders[:m], gone, scratch)
        for k in range(members(gone, own)):
            axis = own[k]
            p.counter[2] += _join(g, g.near[axis], f.states, changed, scratch)
            p.counter[2] += _remove(g, axis, f.states, changed, scratch)
            waiting[axis] = False
    n_results = 0 if stopped else _finish(f, p, gone, scratch)
    first, steps = f.scopes.shape[0] + 1, p.counter[1]
    return Found(
        p.left[:steps].copy(),
        p.right[:steps].copy(),
        p.scopes[first : first + steps].copy(),
        n_results,
        p.cost[0],
        p.cost[1],
        p.counter[2],
        refused,
    )


@compiled_within
def _before(f: Factors, score: Array, tie: Array, axis: int, best: int) -> bool:
    """Whether an axis is to be summed out before another."""
    if f.early[axis] != f.early[best]:
        return bool(f.early[axis])
    if score[axis] != score[best]:
        return bool(score[axis] < score[best])
    return bool(tie[axis] < tie[best])
