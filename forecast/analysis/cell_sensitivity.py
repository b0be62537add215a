"""Derivatives of any answer by every table cell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from forecast.analysis.question import ask
from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import InputError, Problem
from forecast.network.draws import StoredDraws
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.labels import cell_labels

if TYPE_CHECKING:
    from xarray import DataArray


STEP = 1e-3
"""Of a cell, or at a cell that is zero: small enough that what five points leave is below 1e-9."""
CENTRAL = np.array([1, -8, 0, 8, -1]) / 12, np.arange(-2, 3)
FORWARD = np.array([-25, 48, -36, 16, -3]) / 12, np.arange(5)
"""Weights of five points, and where they lie, in steps; at zero they can only lie above."""


@checked
def cell_sensitivity_of(given: Beliefs, question: Callable[[Beliefs], DataArray]) -> DataArray:
    """Differentiate the answer to any question by every table cell, draw by draw.

    By differences of five points, whose error is of fourth order in the step (Fornberg: Generation
    of finite difference formulas on arbitrarily spaced grids, Mathematics of Computation 51, 1988).
    For the probabilities of states and for first passage `Beliefs.cell_sensitivity` and
    `Beliefs.passage_sensitivity` are exact and take one sweep; this takes five sweeps a cell, so
    ask it of few draws.

    Parameters
    ----------
    given
        Beliefs, without interventions.
    question
        Takes `Beliefs` and returns one number for each draw, dimensions (chain, draw).

    Returns
    -------
    xarray.DataArray
        Dimensions (chain, draw, cell). Cells vary one at a time, without renormalising their row,
        and are labelled as in `Beliefs.cell_sensitivity`. Draws weigh as in the question's answer.

    Raises
    ------
    InputError
        If the question fails, or does not return one finite number for each draw.

    Examples
    --------
    >>> from forecast.network.structure import Block, Network, Node
    >>> coin = Network((Node("coin", ("heads", "tails"), Block((), 0), None),), 2, dynamic=False)
    >>> beliefs = Beliefs.of(coin, np.array([[0.5], [0.5]]))
    >>> derivative = cell_sensitivity_of(beliefs, lambda b: b.posterior("coin").sel(state="heads"))
    >>> derivative.to_numpy().round(6).ravel()
    array([ 0.5, -0.5])
    """
    from forecast.posterior.answer import WEIGHT, Answer, common_weight

    weight = common_weight([ask(question, given)])
    derivatives = np.full((given.draws.n, given.network.n_cells), np.nan)
    for draw in np.flatnonzero(np.ones(given.draws.n) if weight is None else weight.to_numpy()):
        derivatives[draw] = _derivatives(given, question, int(draw))
    shaped = derivatives.reshape(*given.shape, -1)
    found = Answer(shaped, dims=("chain", "draw", "cell"), coords=cell_labels(given.network))
    return found if weight is None else found.assign_coords({WEIGHT: weight.variable})


def _derivatives(given: Beliefs, question: Callable[[Beliefs], DataArray], draw: int) -> Array:
    part = slice(draw, draw + 1)
    cells, like = given.draws.theta(part), given.draws.log_like(part)
    n_cells = len(cells)
    rows = np.arange(n_cells)
    above = cells[:, 0] == 0
    step = np.where(above, STEP, STEP * cells[:, 0])
    moved = np.repeat(cells, 5 * n_cells, axis=1).reshape(n_cells, n_cells, 5)
    where = np.where(above[:, None], FORWARD[1], CENTRAL[1])
    moved[rows, rows] = cells + step[:, None] * where
    stored = StoredDraws(moved.reshape(n_cells, -1), like[..., 0] if like.ndim == 3 else like)
    varied = replace(given, draws=stored, shape=(1, 5 * n_cells), sample="none")
    answer = ask(question, varied)
    try:
        values = np.asarray(answer, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.size != 5 * n_cells or not np.isfinite(values).all():
        message = "must return one finite number for each draw, dimensions chain and draw"
        raise InputError([Problem("question", message)])
    weights = np.where(above[:, None], FORWARD[0], CENTRAL[0])
    return np.asarray((values.reshape(n_cells, 5) * weights).sum(axis=1) / step)
