"""The most probable history: the elimination with max for sum, and the way back."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forecast.arrays import Array, Index
from forecast.network.circuit import TARGET
from forecast.network.compiling import compiled, compiled_within
from forecast.network.kernels import Cell, Packed, Slice, circuit_at, extent, nest_at
from forecast.network.single import fill_log_inputs, fill_terms
from forecast.network.slices import pack_circuits
from forecast.network.structure import Network

History = npt.NDArray[np.int64]


def most_probable_history(
    network: Network, theta: Array, log_like: Array, regimes: Index | None = None
) -> tuple[History, Array]:
    """Find the joint state of all variables at all steps that is most probable given evidence.

    Parameters
    ----------
    network
        The network.
    theta
        Table cells, (cell, draw), or (regime, cell, draw) where tables change with time.
    log_like
        Log-likelihoods, (step, column) or (step, column, draw).
    regimes
        Which set of tables each step uses, (step,).

    Returns
    -------
    history
        State of every variable, (step, variable, draw).
    log_probability
        Log-probability of that history together with the evidence, (draw,).
    """
    n_draws = theta.shape[-1]
    with np.errstate(divide="ignore"):
        log_theta = np.log(theta if theta.ndim == 3 else theta[None])
    which = np.zeros(len(log_like), np.int64) if regimes is None else regimes
    like = log_like if log_like.ndim == 3 else log_like[..., None]
    packed = pack_circuits(network, (), len(like), factored=False)
    owner = np.repeat(np.arange(len(network.nodes)), list(network.sizes.values()))
    shape = (like.shape[0], len(network.nodes), n_draws)
    history, log_probability = np.empty(shape, np.int64), np.empty(n_draws)
    for draw in range(n_draws):
        seen = np.ascontiguousarray(like[..., min(draw, like.shape[2] - 1)])
        states, log_probability[draw] = _best_history(
            np.ascontiguousarray(log_theta[..., draw]), which, seen, packed, owner
        )
        history[..., draw] = states - network.first_states[:-1]
    return history, log_probability


@compiled
def _best_history(
    log_theta: Array, regimes: Index, log_like: Array, packed: Packed, owner: Index
) -> tuple[History, float]:
    """Viterbi over slices: keep for every cell the product that gave its maximum."""
    n_steps, n_states = log_like.shape[0], owner.shape[0]
    n_cells, n_message = extent(packed, n_steps)
    message = np.zeros(n_message)
    made_by = np.empty((n_steps, n_cells), np.int32)
    cells = np.empty(n_cells)
    for t in range(n_steps):
        c = circuit_at(packed, t)
        fill_log_inputs(cells, log_theta[regimes[t]], log_like[t], message, c)
        _maximise(cells, made_by[t], c)
        message = cells[int(c.results[0]) : c.n_cells].copy()
    best = int(message.argmax())
    states = np.zeros((n_steps, owner.max() + 1), np.int64)
    waiting = np.empty(n_cells, np.int64)
    at = best
    for t in range(n_steps - 1, -1, -1):
        c = circuit_at(packed, t)
        waiting[0], n_waiting, at_before = int(c.results[0]) + at, 1, 0
        while n_waiting > 0:
            n_waiting -= 1
            cell = waiting[n_waiting]
            if cell >= c.n_inputs:
                waiting[n_waiting : n_waiting + 2] = _operands(cell, made_by[t, cell], c)
                n_waiting += 2
            elif c.like_at <= cell < c.like_at + n_states:
                states[t, owner[cell - c.like_at]] = cell - c.like_at
            elif t > 0 and c.message_at <= cell < c.like_at:
                at_before = int(cell - c.message_at)
        at = at_before
    return states, message[best]


@compiled_within
def _maximise(cells: Array, made_by: npt.NDArray[np.int32], c: Slice) -> None:
    """Run a circuit forwards with max for sum; note which product of its sum each cell is."""
    for k in range(c.forward.shape[0]):
        n = nest_at(c.forward, k)
        terms, place = np.empty(int(n.sums * n.last_sums)), n.target
        for i in range(n.rows):
            for j in range(n.next_rows):
                cells[place] = fill_terms(terms, cells, n, i, j, c.offsets)
                made_by[place] = terms.argmax()
                place += Cell(1)


@compiled
def _operands(cell: int, product: int, c: Slice) -> Index:
    """The cells that were multiplied to make one, (2,)."""
    contraction = int(np.searchsorted(c.forward[:, TARGET], cell, side="right")) - 1
    n = nest_at(c.forward, contraction)
    i, j = divmod(Cell(cell) - n.target, n.next_rows)
    k, m = divmod(Cell(product), n.last_sums)
    left = n.left + c.offsets[n.left_rows + i] + c.offsets[n.left_next + j]
    right = n.right + c.offsets[n.right_rows + i] + c.offsets[n.right_next + j]
    left += c.offsets[n.left_sums + k] + c.offsets[n.left_last + m]
    right += c.offsets[n.right_sums + k] + c.offsets[n.right_last + m]
    return np.array([int(left), int(right)])
