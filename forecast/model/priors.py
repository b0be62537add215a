"""Priors of judgements: one entry for each family of them, which everything reads.

A family is a variable of the PyMC model: its law, its parameters, its labels and its dimensions.
The model, the compiled density, draws from the prior and the analysis of sensitivity ask it, so a
new law is one class here and its coordinate in `forecast.model.target`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
from scipy.special import betaincinv, betaln, gammaln, ndtri

from forecast.arrays import Array, Index
from forecast.evidence.sources import DIMENSIONS, Trust
from forecast.frozen import Frozen
from forecast.model.interval_censoring import HALF_LOG_2PI

Scale = Literal["log-odds", "log", "linear"]


@dataclass(frozen=True, eq=False)
class Family(Frozen, ABC):
    """Judgements whose priors have the same law, together one variable of the model.

    Attributes
    ----------
    name
        Name of the variable.
    shapes
        Parameters of the priors, (judgement, parameter).
    labels
        What each is the prior of.
    dims
        Names of the dimensions of the variable.
    names
        Coordinates of the first of them; the labels unless they are given.
    of_tables
        Whether cells of tables follow from it.
    """

    name: str
    shapes: Array
    labels: tuple[str, ...]
    dims: tuple[str, ...]
    names: tuple[str, ...] = ()
    of_tables: bool = True
    scale: ClassVar[Scale] = "log-odds"
    """On which its numbers may be anything, and their intervals are taken to be symmetric."""

    @property
    def coordinates(self) -> dict[str, list[Any]]:
        """Labels of the dimensions."""
        return {self.dims[0]: list(self.names or self.labels)}

    @property
    def size(self) -> tuple[int, ...]:
        """Shape of the variable."""
        return (len(self.shapes),)

    @abstractmethod
    def variable(self) -> Any:
        """The variable, in the PyMC model of the context."""

    @abstractmethod
    def draw(self, n: int, random: np.random.Generator) -> Array:
        """Draws from the prior, (…, draw)."""

    @abstractmethod
    def quantiles(self, levels: Array) -> Array:
        """Quantiles of each number, (…, level)."""

    @abstractmethod
    def anew(self, which: Index, random: np.random.Generator) -> Array:
        """A draw from the prior of each of some judgements, by number, (number, …)."""

    def renew(self, values: Array, share: float, random: np.random.Generator) -> Array:
        """Values, (…, draw), some of them drawn anew, which leaves the prior as it is.

        Parameters
        ----------
        values
            Draws.
        share
            How probable it is that a judgement of a draw is drawn anew.
        random
            What decides, and what draws.
        """
        found = values.copy()
        which, draw = np.nonzero(random.uniform(size=(len(values), values.shape[-1])) < share)
        fresh = self.anew(which, random)
        # A row all of whose parts are below the smallest number has no sum: it stays as it was.
        usable = np.isfinite(fresh).all(axis=tuple(range(1, fresh.ndim)))
        np.moveaxis(found, -1, 1)[which[usable], draw[usable]] = fresh[usable]
        return found

    @abstractmethod
    def log_constant(self) -> float:
        """Logarithm of everything in the density that does not depend on the point."""

    @abstractmethod
    def centre(self) -> Array:
        """Means of probabilities and of numbers of either sign, medians of positive ones, (…,)."""

    @abstractmethod
    def start(self) -> Array:
        """Coordinates of the prior means, (coordinate,)."""

    def number_label(self, at: tuple[int, ...]) -> str:
        """What a number of the variable is."""
        return self.labels[at[0]]


class BetaFamily(Family):
    """Probabilities; a coordinate is the logarithm of odds."""

    def variable(self) -> Any:
        """The variable, in the PyMC model of the context."""
        import pymc as pm

        return pm.Beta(self.name, *self.shapes.T, dims=self.dims)

    def draw(self, n: int, random: np.random.Generator) -> Array:
        """Draws from the prior, (judgement, draw)."""
        a, b = self.shapes.T[..., None]
        return random.beta(a, b, size=(len(self.shapes), n))

    def quantiles(self, levels: Array) -> Array:
        """Quantiles of each probability, (judgement, level)."""
        a, b = self.shapes.T[..., None]
        return np.asarray(betaincinv(a, b, levels))

    def anew(self, which: Index, random: np.random.Generator) -> Array:
        """A draw of each, (number,)."""
        return np.asarray(random.beta(*self.shapes[which].T))

    def log_constant(self) -> float:
        """Logarithm of the Beta functions, with its sign."""
        return float(-betaln(*self.shapes.T).sum())

    def centre(self) -> Array:
        """Means, (judgement,)."""
        return np.asarray(self.shapes[:, 0] / self.shapes.sum(axis=1))

    def start(self) -> Array:
        """Log-odds of the means, (judgement,)."""
        return np.asarray(np.log(self.shapes[:, 0] / self.shapes[:, 1]))


@dataclass(frozen=True, eq=False)
class DirichletFamily(Family):
    """Rows of the same number of states; coordinates are isometric log-ratios.

    Attributes
    ----------
    states
        Names of the states of each row.
    """

    states: tuple[tuple[str, ...], ...] = ()

    @property
    def size(self) -> tuple[int, ...]:
        """Number of rows, and of states."""
        return self.shapes.shape

    @property
    def coordinates(self) -> dict[str, list[Any]]:
        """Labels of the dimensions."""
        return super().coordinates | {self.dims[1]: list(range(self.shapes.shape[1]))}

    def variable(self) -> Any:
        """The variable, in the PyMC model of the context."""
        import pymc as pm

        from forecast.model.log_ratio import LogRatio

        transform = LogRatio(self.shapes.shape[1])
        return pm.Dirichlet(self.name, self.shapes, dims=self.dims, default_transform=transform)

    def draw(self, n: int, random: np.random.Generator) -> Array:
        """Draws from the prior, (row, state, draw)."""
        return np.stack([random.dirichlet(alpha, n).T for alpha in self.shapes])

    def quantiles(self, levels: Array) -> Array:
        """Quantiles of each probability, whose marginal prior is a Beta, (row, state, level)."""
        own = self.shapes[..., None]
        rest = self.shapes.sum(axis=1)[:, None, None] - own
        return np.asarray(betaincinv(own, rest, levels))

    def anew(self, which: Index, random: np.random.Generator) -> Array:
        """A row of each, (number, state)."""
        parts = random.standard_gamma(self.shapes[which])
        with np.errstate(invalid="ignore"):
            return np.asarray(parts / parts.sum(axis=1, keepdims=True))

    def log_constant(self) -> float:
        """Logarithm of the Dirichlets' constants, and of the change of volume."""
        alpha = self.shapes
        found = gammaln(alpha.sum(axis=1)).sum() - gammaln(alpha).sum()
        return float(found + 0.5 * len(alpha) * math.log(alpha.shape[1]))

    def centre(self) -> Array:
        """Means, (row, state)."""
        return np.asarray(self.shapes / self.shapes.sum(axis=1, keepdims=True))

    def start(self) -> Array:
        """Log-ratios of the means, rows one after another."""
        log_rows, steps = np.log(self.shapes), np.arange(1, self.shapes.shape[1])
        ahead = np.cumsum(log_rows, axis=1)[:, :-1] - steps * log_rows[:, 1:]
        return np.asarray((ahead / np.sqrt(steps * (steps + 1.0))).ravel())

    def number_label(self, at: tuple[int, ...]) -> str:
        """What a probability of a row is."""
        return f"{self.labels[at[0]]}: {self.states[at[0]][at[1]]}"


class NormalFamily(Family):
    """Numbers of either sign; a coordinate is the number itself."""

    scale: ClassVar[Scale] = "linear"

    def variable(self) -> Any:
        """The variable, in the PyMC model of the context."""
        import pymc as pm

        return pm.Normal(self.name, *self.shapes.T, dims=self.dims)

    def draw(self, n: int, random: np.random.Generator) -> Array:
        """Draws from the prior, (judgement, draw)."""
        mean, sd = self.shapes.T[..., None]
        return random.normal(mean, sd, size=(len(self.shapes), n))

    def quantiles(self, levels: Array) -> Array:
        """Quantiles of each number, (judgement, level)."""
        mean, sd = self.shapes.T[..., None]
        return np.asarray(mean + sd * ndtri(levels))

    def anew(self, which: Index, random: np.random.Generator) -> Array:
        """A draw of each, (number,)."""
        return np.asarray(random.normal(*self.shapes[which].T))

    def log_constant(self) -> float:
        """Logarithm of the normals' constants."""
        return float(-np.log(self.shapes[:, 1]).sum() - len(self.shapes) * HALF_LOG_2PI)

    def centre(self) -> Array:
        """The means, (judgement,)."""
        return self.shapes[:, 0]

    def start(self) -> Array:
        """The means, (judgement,)."""
        return self.shapes[:, 0]


class LogNormalFamily(NormalFamily):
    """Positive numbers, by mean and sd of their logarithm, which is the coordinate."""

    scale: ClassVar[Scale] = "log"

    def variable(self) -> Any:
        """The variable, in the PyMC model of the context."""
        import pymc as pm

        return pm.LogNormal(self.name, *self.shapes.T, dims=self.dims)

    def draw(self, n: int, random: np.random.Generator) -> Array:
        """Draws from the prior, (judgement, draw)."""
        return np.asarray(np.exp(super().draw(n, random)))

    def quantiles(self, levels: Array) -> Array:
        """Quantiles of each number, (judgement, level)."""
        return np.asarray(np.exp(super().quantiles(levels)))

    def centre(self) -> Array:
        """The medians, (judgement,)."""
        return np.asarray(np.exp(super().centre()))

    def anew(self, which: Index, random: np.random.Generator) -> Array:
        """A draw of each, (number,)."""
        return np.asarray(np.exp(super().anew(which, random)))


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

    @cached_property
    def families(self) -> tuple[Family, ...]:
        """Families that have a judgement, in the order of the coordinates of a point."""
        tables = [
            BetaFamily("probability", self.probability, *self._about("probability")),
            *(
                DirichletFamily(
                    f"row_{n}", rows, *self._about(f"row_{n}", f"state_{n}"), states=self.states[n]
                )
                for n, rows in self.rows.items()
            ),
            LogNormalFamily("positive", self.positive, *self._about("positive")),
            NormalFamily("real", self.real, *self._about("real"), of_tables=False),
        ]
        sources = [
            BetaFamily(
                name,
                self.trust.shapes(name),
                tuple(judged.label for judged in members),
                (DIMENSIONS[name],),
                tuple(judged.name for judged in members),
                of_tables=False,
            )
            for name, members in self.trust.families()
        ]
        shared = self.trust.reporting_level
        level = LogNormalFamily(
            "reporting_level",
            self.trust.shapes("reporting_level"),
            tuple(judged.label for judged in shared),
            (DIMENSIONS["reporting_level"],),
            tuple(judged.name for judged in shared),
            of_tables=False,
        )
        return tuple(family for family in (*tables, *sources, level) if len(family.shapes))

    def _about(self, name: str, *inner: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Labels and dimensions of a family of tables."""
        return self.labels.get(name, ()), (f"{name}_judgement", *inner)

    @property
    def n_numbers(self) -> int:
        """How many numbers a draw of all of them has."""
        return sum(math.prod(family.size) for family in self.families)
