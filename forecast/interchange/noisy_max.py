"""Noisy-MAX parameters as the full table that they stand for.

Each parent in each of its states pushes the variable to some state, and the strongest push wins;
a leak pushes always. Both the variable's states and the columns of a parent run from the
strongest to the weakest, and the weakest does not push at all (Diez 1993).
"""

from __future__ import annotations

import numpy as np

from forecast.arrays import Array


def full_table(pushes: list[Array], leak: Array) -> Array:
    """Expand noisy-MAX parameters.

    Parameters
    ----------
    pushes
        For each parent, how likely each of its states pushes the variable to each of its own,
        shape (parent state, own state); own states strongest first.
    leak
        The same for what is not modelled, (own state,).

    Returns
    -------
    Array
        The table, shape (parent sizes..., own size).

    Examples
    --------
    A cause of strength 0.8 beside a leak of 0.1: together 1 - 0.2 * 0.9.

    >>> full_table([np.array([[0.8, 0.2], [0, 1]])], np.array([0.1, 0.9])).round(2)
    array([[0.82, 0.18],
           [0.1 , 0.9 ]])
    """
    weaker = _at_most(leak)
    for push in pushes:
        weaker = weaker[..., None, :] * _at_most(push)
    stronger = np.concatenate([weaker[..., 1:], np.zeros_like(weaker[..., :1])], axis=-1)
    table = np.asarray(weaker - stronger)
    return table / table.sum(axis=-1, keepdims=True)


def _at_most(probabilities: Array) -> Array:
    """Probability of each state or a weaker one."""
    return np.asarray(np.flip(np.cumsum(np.flip(probabilities, -1), axis=-1), -1))
