"""Draws of tables and of evidence, made when they are needed: part by part, never all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from forecast.errors import InputError, Problem
from forecast.inference.channel import log_likelihoods
from forecast.inference.network import Array
from forecast.inference.tables import TableProgram

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
        """Log-likelihood of every state, (step, state, draw), or (step, state) for all draws."""
        ...


@dataclass(frozen=True, eq=False)
class StoredDraws:
    """Draws that are held as arrays.

    Attributes
    ----------
    cells
        Table cells, (cell, draw).
    like
        Log-likelihood of every state, (step, state) or (step, state, draw).
    """

    cells: Array
    like: Array

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


@dataclass(frozen=True, eq=False)
class ParameterDraws:
    """Draws of a scenario's judgements, from which tables and likelihoods follow.

    Attributes
    ----------
    program
        Makes tables of judgements.
    parameters
        Judgements by family, "accuracy" among them; draws axis last.
    data
        What was reported, as `channel.report_data` gives it.
    families
        Families of numbers among the reports.
    """

    program: TableProgram
    parameters: Mapping[str, Array]
    data: Mapping[str, Any]
    families: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of draws."""
        return int(self.parameters["accuracy"].shape[-1])

    @property
    def n_steps(self) -> int:
        """Steps of the timeline."""
        return len(self.data["settings"])

    def theta(self, part: slice) -> Array:
        """Table cells of some draws."""
        judged = {name: v for name, v in self._part(part).items() if name != "accuracy"}
        return np.broadcast_to(
            self.program.cells(judged).reshape(self.program.network.n_cells, -1),
            (self.program.network.n_cells, len(range(self.n)[part])),
        )

    def log_like(self, part: slice) -> Array:
        """Log-likelihoods of some draws."""
        return np.asarray(log_likelihoods(self.data, self._part(part), self.families))

    def _part(self, part: slice) -> dict[str, Array]:
        return {name: values[..., part] for name, values in self.parameters.items()}


def split_draws(n: int, bytes_per_draw: float, memory_limit: float) -> Iterator[slice]:
    """Parts of so many draws that their arrays stay within a limit.

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
    size = max(int(memory_limit / bytes_per_draw), SMALLEST_PART)
    for start in range(0, n, size):
        yield slice(start, min(start + size, n))
