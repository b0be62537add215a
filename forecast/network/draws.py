"""Draws of tables and of evidence, made when they are needed: part by part, never all at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from forecast.arrays import Array
from forecast.errors import InputError, Problem, TooLarge, raise_if_any
from forecast.frozen import Frozen
from forecast.network.planning import MEMORY_LIMIT
from forecast.network.structure import Network

SMALLEST_PART = 64
"""Draws that are always processed together: fewer would leave the kernels' inner loops empty."""


class Draws(Protocol):
    """Tables and evidence of every draw; the same part gives the same numbers every time."""

    @property
    def n(self) -> int:
        """Number of draws."""
        ...

    @property
    def n_steps(self) -> int:
        """Steps of the timeline."""
        ...

    def theta(self, part: slice) -> Array:
        """Table cells of some draws, (cell, draw)."""
        ...

    def log_like(self, part: slice) -> Array:
        """Log-likelihoods, (step, column, draw), or (step, column) for all draws."""
        ...


@dataclass(frozen=True, eq=False)
class StoredDraws(Frozen):
    """Draws that are held as arrays.

    Attributes
    ----------
    cells
        Table cells, (cell, draw).
    like
        Log-likelihoods, (step, column) or (step, column, draw).
    """

    cells: Array
    like: Array

    @classmethod
    def matching(cls, network: Network, cells: Array, like: Array) -> StoredDraws:
        """Check shapes, and repeat single tables for every draw of the evidence.

        Raises
        ------
        InputError
            If tables, evidence and network do not fit together.
        """
        problems = []
        if cells.ndim != 2 or len(cells) != network.n_cells or not cells.size:
            message = f"shape {cells.shape}; needs ({network.n_cells}, draws), at least one draw"
            problems.append(Problem("theta", message))
        elif not (np.isfinite(cells).all() and (cells >= 0).all()):
            problems.append(Problem("theta", "table cells are finite and not negative"))
        if like.ndim not in (2, 3) or not len(like) or like.shape[1] != network.n_columns:
            message = f"shape {like.shape}; needs (steps, {network.n_columns}) or with draws, last"
            problems.append(Problem("log_like", message))
        elif np.isnan(like).any() or (like == np.inf).any():
            problems.append(Problem("log_like", "log-likelihoods are numbers or minus infinity"))
        elif not problems and like.ndim == 3 and cells.shape[1] == 1:
            cells = np.repeat(cells, like.shape[2], axis=1)
        elif not problems and like.ndim == 3 and like.shape[2] not in (1, cells.shape[1]):
            message = f"{like.shape[2]} draws; the tables have {cells.shape[1]}"
            problems.append(Problem("log_like", message))
        raise_if_any(problems)
        return cls(cells, like[..., 0] if like.ndim == 3 and like.shape[2] == 1 else like)

    @property
    def n(self) -> int:
        """Number of draws."""
        return int(self.cells.shape[1])

    @property
    def n_steps(self) -> int:
        """Steps of the timeline."""
        return len(self.like)

    def theta(self, part: slice) -> Array:
        """Table cells of some draws."""
        return self.cells[:, part]

    def log_like(self, part: slice) -> Array:
        """Log-likelihoods of some draws."""
        return self.like if self.like.ndim == 2 else self.like[..., part]


def require_room(n: int, bytes_per_draw: float) -> None:
    """Raise unless so many draws that are kept together stay within the memory limit.

    Raises
    ------
    TooLarge
        If they do not; it says how many would.

    Examples
    --------
    >>> require_room(10**6, 8 * 400)
    Traceback (most recent call last):
    forecast.errors.TooLarge: 1,000,000 draws of 400 numbers need 3.2 GB, ... at most 625,000 draws
    """
    if n * bytes_per_draw > MEMORY_LIMIT:
        raise TooLarge(
            f"{n:,} draws of {bytes_per_draw / 8:,.0f} numbers need {n * bytes_per_draw / 1e9:.3g} "
            f"GB, more than the limit of {MEMORY_LIMIT / 1e9:.3g} GB; ask for at most "
            f"{MEMORY_LIMIT // bytes_per_draw:,.0f} draws"
        )


def split_draws(n: int, bytes_per_draw: float, memory_limit: float) -> Iterator[slice]:
    """Parts of so many draws that their arrays stay within a limit, but never fewer than 64.

    Parameters
    ----------
    n
        Number of draws.
    bytes_per_draw, memory_limit
        Bytes that the arrays of one draw take, and those of a part may take.

    Raises
    ------
    InputError
        If the limit is not positive.

    Examples
    --------
    >>> list(split_draws(1000, bytes_per_draw=8000, memory_limit=4e6))
    [slice(0, 500, None), slice(500, 1000, None)]
    """
    if not memory_limit > 0:
        raise InputError([Problem("memory_limit", f"{memory_limit} bytes; needs more than 0")])
    size = max(int(min(memory_limit / bytes_per_draw, n)), SMALLEST_PART)
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))
