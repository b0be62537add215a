"""Tables drawn from what is known of their rows."""

from __future__ import annotations

import numpy as np

from forecast.arrays import Array


def draw_rows(random: np.random.Generator, cells: Array, rows: Array, firm: Array) -> None:
    """Draw the uncertain rows of one table, (row * state, draw), in place.

    A gamma variable with a small parameter underflows, so its logarithm is drawn: that of one
    with the parameter raised by 1, plus log(uniform) / parameter.
    """
    drawn = cells.reshape(*rows.shape, -1)
    uncertain = np.isfinite(firm) & (np.count_nonzero(rows, axis=1) > 1)
    shape = (firm[uncertain, None] * rows[uncertain])[..., None]
    size = (*shape.shape[:2], drawn.shape[2])
    with np.errstate(divide="ignore", over="ignore"):
        logs = np.log(random.standard_gamma(shape + 1, size))
        logs += np.log1p(-random.random(size)) / shape
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    drawn[uncertain] = weights / weights.sum(axis=1, keepdims=True)
