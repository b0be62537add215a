"""From uncertain judgements to tables: one small array program, whatever the forms of the tables.

A scenario's judgements become a few vectors of parameters, one vector per family of priors. The
program turns them into the flat vector of table cells. It uses only operations that NumPy and
PyTensor share, so the same lines serve stored draws (draws axis last) and the model's graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.inference.forms import Form
from forecast.inference.network import Network

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Priors:
    """Priors of all uncertain numbers, one vector per family, each with its labels.

    Attributes
    ----------
    chance
        Shape parameters of Beta priors, (judgement, 2).
    rows
        For each number of states, concentrations of Dirichlet priors, (judgement, state).
    positive
        Mean and sd of the logarithm of log-normal priors: multipliers, ratios, weights, rates,
        (judgement, 2).
    real
        Mean and sd of normal priors: means of measured numbers, (judgement, 2).
    labels
        Names of the judgements of each family: "chance", "row_3", …, "positive", "real".
    states
        For each number of states, the names of the states of every row.
    """

    chance: Array
    rows: dict[int, Array]
    positive: Array
    real: Array
    labels: dict[str, tuple[str, ...]]
    states: dict[int, tuple[tuple[str, ...], ...]]

    def families(self) -> Iterator[str]:
        """Families that have at least one judgement."""
        return (name for name, labels in self.labels.items() if labels)


@dataclass(frozen=True, eq=False)
class Measure:
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


@dataclass(frozen=True, eq=False)
class TableProgram:
    """How the cells of all tables follow from the parameters.

    Probabilities as stated come first, then the blocks that each form computes from them; one
    permutation puts them in their places.

    Attributes
    ----------
    network
        The network whose tables these are.
    priors
        Priors of the parameters.
    measures
        What is reported about the variables that are measured.
    misfits
        Rows whose prior misses a stated interval, and by how much.
    constants
        Probabilities that are known exactly.
    forms
        Formulas of the tables that are not stated row by row.
    order
        Place of every cell among the blocks, (cell,).
    """

    network: Network
    priors: Priors
    measures: dict[str, Measure]
    misfits: tuple[tuple[str, float], ...]
    constants: Array
    forms: tuple[Form, ...]
    order: Index

    def cells(self, parameters: Mapping[str, Any], xp: Any = np) -> Any:
        """Table cells from parameters.

        Parameters
        ----------
        parameters
            "chance", shape (judgement, …); "row_k", (judgement, k, …); "positive" and "real",
            (judgement, …): those families that the scenario has. NumPy arrays may carry a draws
            axis, last.
        xp
            `numpy` or `pytensor.tensor`.

        Returns
        -------
        array
            Shape (cell, …).
        """
        draws = _draws(parameters)
        parts = []
        if "chance" in parameters:
            parts += [parameters["chance"], 1 - parameters["chance"]]
        parts += [
            parameters[f"row_{width}"].reshape((rows.size, *draws))
            for width, rows in self.priors.rows.items()
        ]
        stated = xp.concatenate([*parts, _repeat(self.constants, draws, xp)])
        factors = _repeat(np.array([1.0, 0.0]), draws, xp)
        if "positive" in parameters:
            factors = xp.concatenate([parameters["positive"], factors])
        blocks = [stated]
        for form in self.forms:
            blocks += [
                block.reshape((block.shape[0] * block.shape[1], *draws))
                for block in form.cells(stated, factors, xp)
            ]
        return xp.concatenate(blocks)[self.order]


def _draws(parameters: Mapping[str, Any]) -> tuple[Any, ...]:
    """The draws axis of the parameters: one number, or none."""
    for family, values in parameters.items():
        own = 2 if family.startswith("row_") else 1
        return tuple(values.shape[own:]) if values.ndim > own else ()
    return ()


def _repeat(constant: Array, draws: tuple[Any, ...], xp: Any) -> Any:
    return xp.broadcast_to(constant[:, None], (len(constant), *draws)) if draws else constant
