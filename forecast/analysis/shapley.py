"""Shapley values: how a value that depends on a set of players is shared among them.

A player's share is what it adds to those before it, on average over all orders in which the players
may come (Shapley: A value for n-person games, 1953). Orders that are sampled come in pairs, each
with its reverse (Mitchell, Cooper, Frank, Holmes: Sampling permutations for Shapley value
estimation, Journal of Machine Learning Research 23(43), 2022): where players interact two by two at
most, each pair is exact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import comb, sqrt

import numpy as np

from forecast.arrays import Array
from forecast.errors import InputError, Problem

MOST_PLAYERS = 12
"""Players up to which all subsets may be gone through."""
MOST_WORK = 10**9
"""Multiply-adds, about a second, that all subsets may take before orders are sampled instead."""
FEWEST_PAIRS, MOST_PAIRS = 4, 32
"""Pairs of orders: at least, and after how many it is enough whatever the error."""

Value = Callable[[frozenset[int]], Array]


@dataclass(frozen=True, eq=False)
class Shares:
    """What each player adds.

    Attributes
    ----------
    values
        Shape (player, …): in sum the value of all players less that of none.
    error
        Standard error from having sampled orders, of the mean over the last dimension,
        (player, …); zero where all orders were taken.
    orders
        How many orders were sampled; 0 if all were taken.
    """

    values: Array
    error: Array
    orders: int


def share(
    names: Sequence[str],
    value: Value,
    work: int,
    enough: float | Array,
    *,
    exact: bool | None = None,
) -> Shares:
    """Share a value exactly where that takes about a second, or as it is asked for.

    Parameters
    ----------
    names
        The players.
    value, enough
        As in `sampled_orders`.
    work
        Multiply-adds that the value of one set takes.
    exact
        Whether to go through all subsets, or to sample orders.

    Raises
    ------
    InputError
        If there are too many players to be exact.
    """
    n = len(names)
    if exact and n > MOST_PLAYERS:
        message = f"{n} parts; all subsets can be gone through of {MOST_PLAYERS} at most"
        raise InputError([Problem("exact", message)])
    if exact is None:
        exact = n <= 2 or (n <= MOST_PLAYERS and 2.0**n * work <= MOST_WORK)
    return all_orders(n, value) if exact else sampled_orders(n, value, enough=enough)


def all_orders(players: int, value: Value) -> Shares:
    """Share a value exactly, from its 2**players subsets.

    Parameters
    ----------
    players
        How many there are; they are numbered from 0.
    value
        The value of a set of them: an array, whose entries are shared each by itself.

    Examples
    --------
    Two gloves make a pair; a second left one is worth nothing beside the first:

    >>> left, right = {0, 1}, {2}
    >>> shares = all_orders(3, lambda who: np.array([min(len(left & who), len(right & who))]))
    >>> shares.values.round(3).ravel().tolist()
    [0.167, 0.167, 0.667]
    """
    first = value(frozenset())
    found = np.zeros((players, *first.shape))
    for subset in _subsets(players):
        worth, size = value(subset), len(subset)
        for player in range(players):
            if player in subset:
                found[player] += worth / (players * comb(players - 1, size - 1))
            else:
                found[player] -= worth / (players * comb(players - 1, size))
    return Shares(found, np.zeros((players, *first.shape[:-1])), 0)


def sampled_orders(
    players: int, value: Value, *, enough: float | Array, random_seed: int = 0
) -> Shares:
    """Share a value from orders that are sampled in pairs, until the error is small.

    Parameters
    ----------
    players, value
        As in `all_orders`; the last dimension of the value is averaged for the error.
    enough
        Standard error at which sampling stops: of every entry, or of each its own.
    random_seed
        The same seed gives the same orders.

    Examples
    --------
    >>> shares = sampled_orders(3, lambda who: np.array([float(len(who)) ** 2]), enough=0.01)
    >>> shares.values.round(6).ravel().tolist(), shares.orders
    ([3.0, 3.0, 3.0], 8)
    """
    random = np.random.default_rng(random_seed)
    found: list[Array] = []
    while len(found) < MOST_PAIRS:
        order = random.permutation(players).tolist()
        found.append((_added(order, value) + _added(order[::-1], value)) / 2)
        if len(found) >= FEWEST_PAIRS and (_error(found) <= enough).all():
            break
    return Shares(np.mean(found, axis=0), _error(found), 2 * len(found))


def _subsets(players: int) -> Iterator[frozenset[int]]:
    for mask in range(2**players):
        yield frozenset(player for player in range(players) if mask >> player & 1)


def _added(order: list[int], value: Value) -> Array:
    """What each player adds to those before it, (player, …)."""
    before = value(frozenset())
    found = np.empty((len(order), *before.shape))
    for k, player in enumerate(order):
        after = value(frozenset(order[: k + 1]))
        found[player] = after - before
        before = after
    return found


def _error(found: list[Array]) -> Array:
    means = np.array([each.mean(axis=-1) for each in found])
    return np.asarray(means.std(axis=0, ddof=1) / sqrt(len(found)))
