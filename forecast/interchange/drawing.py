"""Tables drawn from what is known of their rows."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def draw_rows(random: np.random.Generator, cells: Array, rows: Array, firm: Array) -> None:
    """Draw the uncertain rows of one table, (row * state, draw), in place.

    A gamma variable with a small parameter underflows, so its logarithm is drawn: that of one
    with the parameter raised by 1, plus log(uniform) / parameter.
    """
    drawn = cells.reshape(*rows.shape, -1)
    for row, (chances, strength) in enumerate(zip(rows, firm, strict=True)):
        open_ = np.flatnonzero(chances)
        if not np.isfinite(strength) or open_.size < 2:
            continue
        shape = (strength * chances[open_])[:, None]
        size = (open_.size, drawn.shape[2])
        with np.errstate(divide="ignore", over="ignore"):
            logs = np.log(random.standard_gamma(shape + 1, size))
            logs += np.log1p(-random.random(size)) / shape
        weights = np.exp(logs - logs.max(axis=0))
        drawn[row, open_] = weights / weights.sum(axis=0)
