"""What an answer rests on: every elicited judgement, as a share of variance and as a range."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from forecast.analysis.question import ask
from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import InputError, Problem, TooLarge
from forecast.estimate import TAILS
from forecast.interchange.tabled import TabledNetwork, TableDraws
from forecast.model.parameter_draws import ParameterDraws
from forecast.model.priors import Priors, Scale
from forecast.network.draws import Draws, StoredDraws
from forecast.outlook import Forecast, as_beliefs
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.diagnostics import CONSTANT
from forecast.probabilities import question_about
from forecast.scenario.forms import condition_text

if TYPE_CHECKING:
    from pandas import DataFrame
    from xarray import DataArray

Question = Callable[[Beliefs], "DataArray"]

MOST_BINS, DRAWS_PER_BIN = 100, 20
MOST_MOVED_CELLS = 10**8
"""Cells of all tables, each with one judgement moved, that are held at once."""
CELLS = "cells"
"""Family of the judgements of a network that are its cells."""


@checked
def sensitivity(
    given: Forecast | Beliefs, variable: str, state: str, *, by: date | str | None = None
) -> DataFrame:
    """How much a probability rests on each judgement; see `sensitivity_of`.

    Parameters
    ----------
    given, variable, state, by
        As in `probability`.
    """
    from forecast.analysis.frames import ANSWER

    table = sensitivity_of(given, question_about(given, variable, state, by=by))
    table.attrs[ANSWER] = f"{variable}={state}" + ("" if by is None else f" by {by}")
    return table


@checked
def sensitivity_of(given: Forecast | Beliefs, question: Question) -> DataFrame:
    """How much the answer to a question rests on each judgement.

    Parameters
    ----------
    given
        A forecast; or beliefs, of a forecast or of a network from a file. The judgements of a
        network are the cells of its rows that are not known exactly, of two only the first.
    question
        Takes `Beliefs` and returns one number for each draw, dimensions (chain, draw).

    Returns
    -------
    pandas.DataFrame
        One row for each judgement, those that carry most of the variance first:

        - ``share``: share of the answer's variance over draws that the judgement alone explains,
          a first-order sensitivity index. Judgements that evidence ties together share what they
          explain, so the shares need not add up to one;
        - ``low``, ``high``: the 5 % and the 95 % point of the judgement as it was elicited;
        - ``at_low``, ``at_high``: the answer there, with the same evidence and every other
          judgement at its mean over the draws.

        Evidence set on the beliefs beyond that of their draws weights the draws by how probable
        they make it; an end at which it is impossible is not a number. It prints the first of
        them, with the width of each range.

    Raises
    ------
    InputError
        If the question does not return one number for each draw, or nobody knows what the draws
        rest on: they were given as arrays.
    TooLarge
        If a network has too many cells to move each of them.

    Examples
    --------
    >>> sensitivity_of(outlook, lambda b: b.posterior("march", "2020-01-24").sel(state="large"))
    ... # doctest: +SKIP
    """
    import pandas as pd

    from forecast.analysis.frames import MEAN, Sensitivity

    believed = as_beliefs(given)
    levers, parameters = judgements_of(believed.draws)
    answers, weights = _answer(question, believed)
    known = np.isfinite(answers)
    filled = np.where(known, answers, answers[known][0])
    values = np.array([parameters[lever.family][lever.at] for lever in levers])
    ends = _answer(question, _one_at_a_time(believed, parameters, levers, weights))[0]
    ends = ends.reshape(-1, 2)
    table = Sensitivity(
        {
            "share": variance_shares(values, filled, weights),
            "low": [lever.low for lever in levers],
            "high": [lever.high for lever in levers],
            "at_low": ends[:, 0],
            "at_high": ends[:, 1],
        },
        index=pd.Index([lever.label for lever in levers], name="judgement"),
    )
    table.attrs[MEAN] = _mean(answers, weights)
    return table.sort_values("share", ascending=False, kind="stable")


def _mean(answers: Array, weights: Array | None) -> float:
    known = np.isfinite(answers)
    return float(np.average(answers[known], weights=None if weights is None else weights[known]))


def variance_shares(values: Array, answers: Array, weights: Array | None = None) -> Array:
    """Share of the variance of some answers that each value alone explains.

    The correlation ratio over bins of equal weight, corrected for the number of bins (epsilon
    squared; Kelley: An unbiased correlation ratio measure, PNAS 21(9), 1935). As bins grow finer
    it is the first-order Sobol index. A share that chance alone would reach once in a hundred
    times is zero.

    Parameters
    ----------
    values
        Draws of each value, (value, draw).
    answers
        Draws of the answer, (draw,).
    weights
        What each draw weighs, (draw,); all the same unless they are given.

    Returns
    -------
    numpy.ndarray
        Shape (value,), between 0 and 1; zero where nothing varies.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(3, 20_000))
    >>> variance_shares(x, 2 * x[0] + x[1]).round(1)
    array([0.8, 0.2, 0. ])
    """
    weight = np.ones(answers.size) if weights is None else weights
    # Weights that add up to the effective number of draws stand for so many draws.
    weight = weight * weight.sum() / (weight**2).sum()
    n = weight.sum()
    n_bins = min(MOST_BINS, int(n // DRAWS_PER_BIN))
    if n_bins < 2 or np.ptp(answers) <= CONSTANT:
        return np.zeros(len(values))
    apart = answers - weight @ answers / n
    order = np.argsort(values, axis=1, kind="stable")
    middle = np.cumsum(weight[order], axis=1) - weight[order] / 2
    bins = np.minimum((middle * n_bins / n).astype(int), n_bins - 1)
    sums, counts = (_sum_by_bin(bins, each[order], n_bins) for each in (weight * apart, weight))
    spread = weight @ apart**2
    squares = np.divide(sums**2, counts, out=np.zeros_like(sums), where=counts > 0)
    between = squares.sum(axis=1)
    within = (spread - between) / (n - n_bins)
    share = (between - (n_bins - 1) * within) / spread
    by_chance = stats.f.ppf(0.99, n_bins - 1, n - n_bins)
    significant = between > by_chance * (n_bins - 1) * within
    return np.where(significant & (np.ptp(values, axis=1) > 0), share, 0.0)


def _sum_by_bin(bins: npt.NDArray[np.int64], values: Array, n_bins: int) -> Array:
    """Sum the values of each bin, row by row, (row, bin)."""
    places = bins + n_bins * np.arange(len(bins))[:, None]
    return np.bincount(places.ravel(), values.ravel(), n_bins * len(bins)).reshape(-1, n_bins)


@dataclass(frozen=True, slots=True)
class Lever:
    """One judgement: where it lies among the parameters, and its elicited interval.

    `row` is where the row of probabilities lies that it is one of, if it is; `scale` that on which
    its interval is taken to be symmetric.
    """

    label: str
    family: str
    at: tuple[int, ...]
    low: float
    high: float
    row: tuple[Any, ...] | None = None
    scale: Scale = "log-odds"


def judgements_of(draws: Draws) -> tuple[list[Lever], Mapping[str, Array]]:
    """The judgements that draws rest on, and the draws of all parameters by family."""
    if isinstance(draws, ParameterDraws):
        return list(_levers(draws.program.priors)), draws.parameters
    if not isinstance(draws, TableDraws):
        message = "rest on draws given as arrays, of which nobody knows the judgements"
        raise InputError([Problem("beliefs", message)])
    levers = list(_cell_levers(draws.tabled))
    if not levers:
        message = "every row is known exactly; with_concentration says how firmly it is known"
        raise InputError([Problem("beliefs", message)])
    if 2 * len(levers) * draws.tabled.n_cells > MOST_MOVED_CELLS:
        message = f"{len(levers):,} uncertain cells are too many to move each of them; "
        raise TooLarge(message + "cell_sensitivity of the beliefs gives derivatives")
    return levers, {CELLS: draws.theta(slice(None))}


def _ends(quantiles: npt.ArrayLike) -> tuple[float, float]:
    low, high = np.asarray(quantiles)
    return float(low), float(high)


def _levers(priors: Priors) -> Iterator[Lever]:
    for family in priors.families:
        quantiles = family.quantiles(np.array(TAILS))
        for at in np.ndindex(family.size):
            row = (at[0], slice(None)) if len(at) > 1 else None
            label = family.number_label(at)
            yield Lever(label, family.name, at, *_ends(quantiles[at]), row, family.scale)


def _cell_levers(tabled: TabledNetwork) -> Iterator[Lever]:
    """The cells that are not known exactly, of a row of two only the first."""
    for label, states, first, alpha in _uncertain_rows(tabled):
        may_be = np.flatnonzero(alpha)
        for state in may_be[: 1 if len(may_be) == 2 else None]:
            low, high = _ends(stats.beta.ppf(TAILS, alpha[state], alpha.sum() - alpha[state]))
            at, row = (first + int(state),), (slice(first, first + len(states)),)
            yield Lever(f"{label}: {states[state]}", CELLS, at, low, high, row)


def _uncertain_rows(tabled: TabledNetwork) -> Iterator[tuple[str, tuple[str, ...], int, Array]]:
    """Yield label, states, first cell and Dirichlet parameters of each row that may vary."""
    start = 0
    for name, table in tabled.tables.items():
        states, parents = tabled.variables[name], tabled.parents[name]
        rows = table.reshape(-1, len(states))
        firm = np.broadcast_to(tabled.concentration.get(name, np.inf), table.shape[:-1]).ravel()
        for k, given in enumerate(product(*(tabled.variables[parent] for parent in parents))):
            if np.isfinite(firm[k]) and np.count_nonzero(rows[k]) > 1:
                label = name + condition_text(dict(zip(parents, given, strict=True)))
                yield label, states, start + k * len(states), firm[k] * rows[k]
        start += table.size


def _one_at_a_time(
    given: Beliefs, parameters: Mapping[str, Array], levers: list[Lever], weights: Array | None
) -> Beliefs:
    """Beliefs with two draws for each judgement: at its low end and at its high end."""
    n = 2 * len(levers)
    moved = {
        family: np.repeat(np.average(values, axis=-1, weights=weights)[..., None], n, axis=-1)
        for family, values in parameters.items()
    }
    for k, lever in enumerate(levers):
        for draw, end in ((2 * k, lever.low), (2 * k + 1, lever.high)):
            set_judgement(moved, lever, draw, end)
    draws: Draws
    if isinstance(given.draws, ParameterDraws):
        draws = replace(given.draws, parameters=moved, tables=None)
    else:
        draws = StoredDraws(moved[CELLS], given.draws.log_like(slice(0, 1)))
    return replace(given, draws=draws, shape=(1, n), sample="none", fitted=None)


def set_judgement(parameters: Mapping[str, Array], lever: Lever, draw: int, value: float) -> None:
    """Set one judgement; the other states of a row keep their proportions."""
    target = parameters[lever.family]
    if lever.row is not None:
        target[(*lever.row, draw)] *= (1 - value) / (1 - target[(*lever.at, draw)])
    target[(*lever.at, draw)] = value


def _answer(question: Question, given: Beliefs) -> tuple[Array, Array | None]:
    """Draws of an answer, and what each weighs if that differs."""
    found: Any = ask(question, given)
    if getattr(found, "dims", None) is None or set(found.dims) != {"chain", "draw"}:
        dims = getattr(found, "dims", type(found).__name__)
        message = f"must return one number for each draw, dimensions chain and draw; got {dims}"
        raise InputError([Problem("question", message)])
    values = np.asarray(found.transpose("chain", "draw").to_numpy())
    if values.shape != given.shape or values.dtype.kind not in "fiub":
        message = f"must return one real number for each draw, {given.shape}; got {values.shape}"
        raise InputError([Problem("question", message)])
    values, weight = values.astype(np.float64).ravel(), found.coords.get("weight")
    if weight is not None:
        weight = weight.transpose("chain", "draw").to_numpy().ravel()
    counts = np.ones(values.size, bool) if weight is None else weight > 0
    if not np.isfinite(values[counts]).all():
        raise InputError([Problem("question", "returned numbers that are not finite")])
    return values, weight
