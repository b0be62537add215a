"""A Markov random field as the Bayesian network of the same joint distribution.

Variables are eliminated one after another. What is multiplied to sum one out, divided by the sum,
is its distribution given its neighbours (Lauritzen and Spiegelhalter 1988), which become its
parents; the sum goes on to them. So there is a table for every variable and no constant is left
over, at the price of tables as large as those of the elimination.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log, prod
from typing import NamedTuple

import numpy as np

from forecast.arrays import Array


class Factor(NamedTuple):
    """A table of weights over some variables, (size of the first variable, …)."""

    scope: tuple[str, ...]
    weights: Array


class Converted(NamedTuple):
    """Parents and tables of every variable, and the logarithm of the sum of all weights."""

    parents: dict[str, tuple[str, ...]]
    tables: dict[str, Array]
    log_sum: float


class TooWide(Exception):
    """A table of the elimination would have too many cells; says which, and how many."""


def as_bayesian(sizes: Mapping[str, int], factors: Sequence[Factor], most_cells: int) -> Converted:
    """Convert a product of factors.

    Parameters
    ----------
    sizes
        Number of states of each variable.
    factors
        Weights, not negative.
    most_cells
        Cells that all tables together may have.

    Raises
    ------
    TooWide
        If they would have more.

    Examples
    --------
    >>> alike = Factor(("a", "b"), np.array([[3.0, 1.0], [1.0, 3.0]]))
    >>> found = as_bayesian({"a": 2, "b": 2}, [alike], 100)
    >>> found.parents, found.tables["a"].tolist(), round(np.exp(found.log_sum), 6)
    ({'a': ('b',), 'b': ()}, [[0.75, 0.25], [0.25, 0.75]], np.float64(8.0))
    """
    near = {name: set[str]() for name in sizes}
    for factor in factors:
        for name in factor.scope:
            near[name] |= {*factor.scope} - {name}
    waiting = {name: [f for f in factors if name in f.scope] for name in sizes}
    order = {name: at for at, name in enumerate(sizes)}
    constants = [float(f.weights) for f in factors if not f.scope]
    log_sum = sum(log(value) if value > 0 else -np.inf for value in constants)
    parents, tables, cells = dict[str, tuple[str, ...]](), dict[str, Array](), 0
    weight = {name: _weight(name, near, sizes) for name in sizes}
    while weight:
        name = min(weight, key=lambda each: (weight[each], order[each]))
        around = tuple(sorted(near.pop(name), key=order.__getitem__))
        cells += weight.pop(name)
        if cells > most_cells:
            raise TooWide(f"{cells:,} cells with the table of {name} given {', '.join(around)}")
        joint = _product(waiting.pop(name), (*around, name), sizes)
        total = joint.sum(axis=-1, keepdims=True)
        uniform = np.full_like(joint, 1 / sizes[name])
        parents[name] = around
        tables[name] = np.divide(joint, total, out=uniform, where=total > 0)
        # Divided by its largest weight, so that no product of many factors over- or underflows.
        top = float(total.max())
        log_sum += log(top) if top > 0 else -np.inf
        message = Factor(around, total[..., 0] / top if top > 0 else total[..., 0])
        for other in around:
            kept = [each for each in waiting[other] if name not in each.scope]
            waiting[other] = [*kept, message]
            near[other] |= {*around} - {other}
            near[other].discard(name)
            weight[other] = _weight(other, near, sizes)
    given = {name: parents[name] for name in sizes}
    return Converted(given, {name: tables[name] for name in sizes}, log_sum)


def _weight(name: str, near: Mapping[str, set[str]], sizes: Mapping[str, int]) -> int:
    """Cells of a variable's table, were it eliminated next."""
    return sizes[name] * prod(sizes[other] for other in near[name])


def _product(factors: Sequence[Factor], scope: tuple[str, ...], sizes: Mapping[str, int]) -> Array:
    """The product of factors over all variables of a scope."""
    found = np.ones([sizes[name] for name in scope])
    for factor in factors:
        own = sorted(factor.scope, key=scope.index)
        weights = factor.weights.transpose([factor.scope.index(name) for name in own])
        found *= weights.reshape([sizes[name] if name in own else 1 for name in scope])
    return found
