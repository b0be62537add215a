"""Draws of a scenario's judgements, and the tables and likelihoods that follow from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.arrays import Array
from forecast.evidence.sources import TRUSTED
from forecast.frozen import Frozen
from forecast.model.report_likelihood import log_likelihoods
from forecast.model.tables import TableProgram


@dataclass(frozen=True, eq=False)
class ParameterDraws(Frozen):
    """Draws of a scenario's judgements, from which tables and likelihoods follow.

    Attributes
    ----------
    program
        Makes tables of judgements.
    parameters
        Judgements by family, "accuracy" among them; draws axis last.
    data
        What was reported, as `channel.report_data` gives it.
    tables
        Table cells of all draws, (cell, draw), if they are kept rather than made when needed.
    """

    program: TableProgram
    parameters: Mapping[str, Array]
    data: Mapping[str, Any]
    tables: Array | None = None

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
        if self.tables is not None:
            return self.tables[:, part]
        judged = {name: v for name, v in self._part(part).items() if name not in TRUSTED}
        shape = self.program.network.n_cells, len(range(self.n)[part])
        cells = self.program.cells(judged).reshape(shape[0], -1)
        return cells if cells.shape == shape else np.broadcast_to(cells, shape)

    def log_like(self, part: slice) -> Array:
        """Log-likelihoods of some draws."""
        return np.asarray(log_likelihoods(self.data, self._part(part)))

    def _part(self, part: slice) -> dict[str, Array]:
        return {name: values[..., part] for name, values in self.parameters.items()}
