"""From stated numbers to cells of tables, one small formula for each form of a table.

Each form takes the vector of stated probabilities and the vector of stated factors (positive
numbers, then the constants 1 and 0) and returns blocks of cells, an array (row, column, …) each.
Arrays may carry a draws axis, last. Only operations that NumPy and PyTensor share are used, so the
same lines serve stored draws and the model's graph.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import mul
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
NEVER = 1e-15
"""Chances of moves are kept this far from 0 and 1, where a hazard has no logarithm."""


class Form(Protocol):
    """A way of computing cells; all arrays of indices are padded to one shape."""

    def cells(self, stated: Any, factors: Any, xp: Any) -> list[Any]:
        """Blocks of cells, (row, column, …) each."""
        ...


@dataclass(frozen=True, eq=False)
class NoisyMaxForm:
    """P(at most state k) is a product over causes (Díez 1993); its differences are cells.

    Attributes
    ----------
    causes
        Stated cells of each cause, (cause, state), padded with a zero.
    above, below
        Running sums whose products are P(at most k) and P(at most k - 1), (cell, cause); the
        last two numbers stand for 0 and 1.
    """

    causes: Index
    above: Index
    below: Index

    def cells(self, stated: Any, factors: Any, xp: Any) -> list[Any]:  # noqa: ARG002
        """One block, (cell, 1, …)."""
        upto = xp.cumsum(stated[self.causes], axis=1)
        flat = upto.reshape((self.causes.size, *_tail(upto, 2)))
        flat = xp.concatenate([flat, 0 * flat[:1], 0 * flat[:1] + 1])
        return [(_product(flat, self.above) - _product(flat, self.below))[:, None]]


@dataclass(frozen=True, eq=False)
class RatiosForm:
    """A base rate with some states made more or less likely, the rest in proportion.

    Attributes
    ----------
    base
        Stated cells of the base rate, (row, state), padded with a zero.
    times
        Factors on each state, (row, state, ratio), padded with the factor 1.
    named
        1 where a ratio names the state, 0 elsewhere, (row, state).
    """

    base: Index
    times: Index
    named: Array

    def cells(self, stated: Any, factors: Any, xp: Any) -> list[Any]:
        """One block, (row, state, …)."""
        base = stated[self.base]
        named = _match(self.named, base)
        raised = base * _product(factors, self.times) * named
        total = xp.maximum(raised.sum(axis=1, keepdims=True), NEVER)
        allowed = xp.minimum(total, 1 - NEVER)
        rest = base * (1 - named)
        left = xp.maximum(rest.sum(axis=1, keepdims=True), NEVER)
        return [raised * (allowed / total) + rest * ((1 - allowed) / left)]


@dataclass(frozen=True, eq=False)
class RankedForm:
    """A normal distribution around the weighted mean of parents, cut off at 0 and 1.

    Attributes
    ----------
    weight
        Factor that is the weight of each parent, (row, parent), padded with the factor 0.
    place
        Place of each parent's state on the scale from 0 to 1, (row, parent).
    spread
        Factor that is the standard deviation, (row,).
    edges
        Edges of the child's states on the scale, (row, state + 1), padded with 1.
    """

    weight: Index
    place: Array
    spread: Index
    edges: Array

    def cells(self, stated: Any, factors: Any, xp: Any) -> list[Any]:  # noqa: ARG002
        """One block, (row, state, …)."""
        weight = factors[self.weight]
        mean = (weight * _match(self.place, weight)).sum(axis=1) / weight.sum(axis=1)
        z = (_match(self.edges, weight) - mean[:, None]) / factors[self.spread][:, None]
        # On the side where the distribution function is small, differences keep their digits.
        side = xp.where(z[:, 1:] + z[:, :-1] > 0, -1.0, 1.0)
        mass = side * (_normal_cdf(side * z[:, 1:], xp) - _normal_cdf(side * z[:, :-1], xp))
        return [mass / mass.sum(axis=1, keepdims=True)]


@dataclass(frozen=True, eq=False)
class HazardsForm:
    """Exact step probabilities of competing hazards that are constant within a step.

    Attributes
    ----------
    chance, steps
        Stated cell of each move's chance, and the share of its time that a step is, (move,).
    move
        Moves out of each row's state, (row, way), padded with one past the last move.
    times
        Factors on each of them, (row, way, factor), padded with the factor 1.
    """

    chance: Index
    steps: Array
    move: Index
    times: Index

    def cells(self, stated: Any, factors: Any, xp: Any) -> list[Any]:
        """Two blocks: the ways out, (row, way, …), and the chance to stay, (row, 1, …)."""
        chance = stated[self.chance]
        hazard = -xp.log1p(-xp.clip(chance, NEVER, 1 - NEVER)) * _match(self.steps, chance)
        hazard = xp.concatenate([hazard, 0 * hazard[:1]])[self.move]
        hazard = hazard * _product(factors, self.times)
        total = hazard.sum(axis=1, keepdims=True)
        leave = hazard * (-xp.expm1(-total) / total)
        return [leave, xp.exp(-total)]


def _product(values: Any, index: Index) -> Any:
    """Products of the indexed values over the last axis of the index."""
    chosen = [values[index[..., k]] for k in range(index.shape[-1])]
    return reduce(mul, chosen)


def _match(constant: Array, like: Any) -> Any:
    """A constant with a draws axis where the other array has one."""
    return constant[..., None] if like.ndim > constant.ndim else constant


def _normal_cdf(z: Any, xp: Any) -> Any:
    return ndtr(z) if xp is np else 0.5 * xp.erfc(-z / np.sqrt(2))


def _tail(array: Any, axes: int) -> tuple[Any, ...]:
    """Shape of an array beyond its first axes: nothing, or the draws."""
    return tuple(array.shape[axes:]) if array.ndim > axes else ()
