"""From uncertain judgements to tables: one expression program, whatever the forms of the tables.

A scenario's judgements become a few vectors of parameters, one vector per family of priors. The
expression program turns them into the flat vector of table cells, for stored draws (draws axis
last) and, with its gradient, in the model's graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from forecast.arrays import Array, Index
from forecast.evidence.sources import Trust
from forecast.frozen import Frozen
from forecast.model.expressions import ExpressionProgram
from forecast.network.structure import Network
from forecast.scenario.fits import RowFit


@dataclass(frozen=True, eq=False)
class Priors(Frozen):
    """Priors of all uncertain numbers, one vector per family, each with its labels.

    Attributes
    ----------
    probability
        Shape parameters of Beta priors, (judgement, 2).
    rows
        For each number of states, concentrations of Dirichlet priors, (judgement, state).
    positive
        Mean and sd of the logarithm of log-normal priors: multipliers, ratios, weights, spreads,
        rates, dispersions and standard deviations, (judgement, 2).
    real
        Mean and sd of normal priors: means of measured numbers, (judgement, 2).
    labels
        Names of the judgements of each family: "probability", "row_3", …, "positive", "real".
    states
        For each number of states, the names of the states of every row.
    trust
        What is judged of sources, which tables do not use.
    """

    trust: Trust
    probability: Array
    rows: dict[int, Array]
    positive: Array
    real: Array
    labels: dict[str, tuple[str, ...]]
    states: dict[int, tuple[tuple[str, ...], ...]]

    def families(self) -> Iterator[str]:
        """Families that have at least one judgement."""
        return (name for name, labels in self.labels.items() if labels)

    @property
    def n_numbers(self) -> int:
        """How many numbers a draw of all of them has."""
        vectors = (self.probability, self.positive, self.real)
        trust = sum(len(labels) for _, labels in self.trust.families())
        return sum(map(len, vectors)) + sum(rows.size for rows in self.rows.values()) + trust


@dataclass(frozen=True, eq=False)
class Measure(Frozen):
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
    measures: dict[str, Measure]
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
        parts = [parameters["probability"]] if len(self.priors.probability) else []
        for width, rows in self.priors.rows.items():
            given = parameters[f"row_{width}"]
            parts.append(
                given.reshape((rows.size, *(given.shape[k] for k in range(2, given.ndim))))
            )
        if len(self.priors.positive):
            parts.append(parameters["positive"])
        return xp.concatenate(parts) if parts else np.zeros(0)
