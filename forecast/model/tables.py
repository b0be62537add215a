"""From uncertain judgements to tables: one expression program, whatever the forms of the tables.

A scenario's judgements become a few vectors of parameters, one vector per family of priors. The
expression program turns them into the flat vector of table cells, for stored draws (draws axis
last) and, with its gradient, in the model's graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from forecast.arrays import Array, Index
from forecast.frozen import Frozen
from forecast.model.expressions import ExpressionProgram
from forecast.model.priors import Priors
from forecast.network.structure import Network
from forecast.scenario.fits import RowFit


@dataclass(frozen=True, eq=False)
class NumberModel(Frozen):
    """Where the distribution of a reported number finds its parameters, for each state.

    Attributes
    ----------
    family
        "poisson", "negative_binomial", "normal" or "student_t".
    location
        Rate, among the positive parameters, or mean, among the real ones, (state,).
    scale
        Dispersion or standard deviation, among the positive parameters, (state,); any number for
        a Poisson count, which has none.
    per
        Days that a rate refers to; 1 for a real number.
    degrees
        Degrees of freedom of Student's t; 0 for the others.
    """

    family: str
    location: Index
    scale: Index
    per: float
    degrees: float


@dataclass(frozen=True, slots=True)
class Misfit:
    """A row whose intervals no Dirichlet has, and the Dirichlet that took their place."""

    label: str
    states: tuple[str, ...]
    fit: RowFit


@dataclass(frozen=True, eq=False)
class TableProgram(Frozen):
    """How the cells of all tables follow from the parameters.

    Attributes
    ----------
    network
        The network whose tables these are.
    priors
        Priors of the parameters.
    measures
        What is reported about the variables that are measured.
    misfits
        Rows of which several intervals were stated, and where their priors moved them.
    expressions
        Computes the cells.
    """

    network: Network
    priors: Priors
    measures: dict[str, NumberModel]
    misfits: tuple[Misfit, ...]
    expressions: ExpressionProgram

    def cells(self, parameters: Mapping[str, Any]) -> Array:
        """Table cells from parameters.

        Parameters
        ----------
        parameters
            "probability", shape (judgement, …); "row_k", (judgement, k, …); "positive",
            (judgement, …): those families that the scenario has. The draws axis, if there is
            one, is last.

        Returns
        -------
        numpy.ndarray
            Shape (cell, …).
        """
        flat = self.flatten(parameters)
        found = self.expressions.run(flat if flat.ndim > 1 else flat[:, None])
        return found if flat.ndim > 1 else found[:, 0]

    def flatten(self, parameters: Mapping[str, Any], xp: Any = np) -> Any:
        """All parameters that tables use as one vector, (parameter, …).

        Parameters
        ----------
        parameters
            As for `cells`, arrays or symbols.
        xp
            `numpy` or `pytensor.tensor`.
        """
        parts = []
        for family in self.priors.families:
            if family.of_tables:
                given, inner = parameters[family.name], len(family.size)
                after = (given.shape[k] for k in range(inner, given.ndim))
                parts.append(given.reshape((prod(family.size), *after)))
        return xp.concatenate(parts) if parts else np.zeros(0)
