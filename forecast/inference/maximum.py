"""The most probable history: the elimination with max for sum, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from forecast.inference.kernels import Index, Slice, fill_log_inputs
from forecast.inference.network import Array, Network, slice_circuits

if TYPE_CHECKING:

    def _compiled[F: Callable[..., Any]](function: F) -> F: ...

else:
    import numba

    _compiled = numba.njit(nogil=True, cache=True)

History = npt.NDArray[np.int64]


def most_probable_history(network: Network, theta: Array, log_like: Array) -> tuple[History, Array]:
    """Find the joint state of all variables at all steps that is most probable given evidence.

    Parameters
    ----------
    network
        The network.
    theta
        Table cells, (cell, draw).
    log_like
        Log-likelihoods, (step, state) or (step, state, draw).

    Returns
    -------
    history
        State of every variable, (step, variable, draw).
    log_probability
        Log-probability of that history together with the evidence, (draw,).
    """
    first, later = slice_circuits(network, ())
    n_draws = theta.shape[1]
    with np.errstate(divide="ignore"):
        log_theta = np.log(theta)
    like = log_like if log_like.ndim == 3 else log_like[..., None]
    owner = np.repeat(np.arange(len(network.nodes)), list(network.sizes.values()))
    shape = (like.shape[0], len(network.nodes), n_draws)
    history, log_probability = np.empty(shape, np.int64), np.empty(n_draws)
    for draw in range(n_draws):
        seen = np.ascontiguousarray(like[..., min(draw, like.shape[2] - 1)])
        states, log_probability[draw] = _best_history(
            np.ascontiguousarray(log_theta[None, :, draw]), seen, first, later, owner
        )
        history[..., draw] = states - network.first_states[:-1]
    return history, log_probability


@_compiled
def _best_history(
    log_theta: Array, log_like: Array, first: Slice, later: Slice, owner: Index
) -> tuple[History, float]:
    """Viterbi over slices: keep for every cell the operation that gave its maximum."""
    n_steps, n_states = log_like.shape
    n_cells = max(first[0], later[0])
    n_message = first[11] - first[10]
    message = np.zeros(n_message)
    made_by = np.full((n_steps, n_cells), -1, np.int64)
    cells = np.empty(n_cells)
    for t in range(n_steps):
        c = first if t == 0 else later
        fill_log_inputs(cells, t, log_theta, 0, c[5], log_like, c[6], message, c[9])
        cells[c[7] : c[8] + 1] = 0.0
        cells[c[1] :] = -np.inf
        for k in range(c[2].shape[0]):
            value = cells[c[2][k]] + cells[c[3][k]]
            if made_by[t, c[4][k]] < 0 or value > cells[c[4][k]]:
                cells[c[4][k]] = value
                made_by[t, c[4][k]] = k
        message = cells[c[10] : c[11]].copy()
    best = int(message.argmax())
    states = np.zeros((n_steps, owner.max() + 1), np.int64)
    waiting = np.empty(n_cells, np.int64)
    at = best
    for t in range(n_steps - 1, -1, -1):
        c = first if t == 0 else later
        waiting[0], n_waiting, at_before = c[10] + at, 1, 0
        while n_waiting > 0:
            n_waiting -= 1
            cell = waiting[n_waiting]
            if cell >= c[1]:
                k = made_by[t, cell]
                waiting[n_waiting] = c[2][k]
                waiting[n_waiting + 1] = c[3][k]
                n_waiting += 2
            elif c[6] <= cell < c[6] + n_states:
                states[t, owner[cell - c[6]]] = cell - c[6]
            elif t > 0 and c[9] <= cell < c[9] + n_message:
                at_before = int(cell - c[9])
        at = at_before
    return states, message[best]
