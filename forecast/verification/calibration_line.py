"""Whether probabilities are calibrated: the line through them, and a test; with clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecast.arguments import checked
from forecast.arrays import Array, Index
from forecast.errors import InputError, Problem
from forecast.layout import PrintsItself, Summary
from forecast.verification.scores import Numbers, require_pairs

FINEST = 1e-9
"""Probabilities nearer to 0 or 1 count as this one: their log-odds would be infinite."""
STEPS = 50
"""Steps of Newton's method, which needs some ten."""


@dataclass(frozen=True, slots=True, repr=False)
class CalibrationLine(PrintsItself):
    """Logistic regression of outcomes on the log-odds of their probabilities.

    Attributes
    ----------
    slope
        1 if calibrated; below 1 if probabilities are too extreme, above if too timid.
    intercept
        0 if calibrated, slope being 1; above if things happen more often than forecast.
    slope_se, intercept_se
        Standard errors, which allow for outcomes of one cluster to depend on one another.
    """

    slope: float
    intercept: float
    slope_se: float
    intercept_se: float

    @property
    def _summary(self) -> Summary:
        rows = [
            ("slope", f"{self.slope:.3f}", f"{self.slope_se:.3f}", "1"),
            ("intercept", f"{self.intercept:.3f}", f"{self.intercept_se:.3f}", "0"),
        ]
        return Summary("Calibration line", ("", "Value", "Standard error", "If calibrated"), rows)


@checked
def calibration_line(
    probabilities: Numbers, outcomes: Numbers, clusters: npt.ArrayLike | None = None
) -> CalibrationLine:
    """Calibration line of probabilities, by maximum likelihood.

    Cox: Two further applications of a model for binary regression, Biometrika 45, 1958. Standard
    errors are those of Liang, Zeger: Longitudinal data analysis using generalized linear models,
    Biometrika 73(1), 1986. Not a number where all happened or nothing did, or where outcomes are
    told apart so well that no line is steep enough.

    Parameters
    ----------
    probabilities, outcomes
        Probability of yes, and 1, 0 or a fraction, (forecast,).
    clusters
        What each belongs to, (forecast,); each stands alone unless it is given.

    Examples
    --------
    >>> line = calibration_line([0.2] * 10 + [0.8] * 10, [1] * 2 + [0] * 8 + [1] * 8 + [0] * 2)
    >>> round(line.slope, 6)
    1.0
    """
    p, y = require_pairs(probabilities, outcomes)
    group = _groups(p, clusters)
    odds = np.clip(p, FINEST, 1 - FINEST)
    design = np.stack([np.ones(p.size), np.log(odds) - np.log1p(-odds)])
    at = np.array([0.0, 1.0])
    nothing = CalibrationLine(*[float("nan")] * 4)
    for _ in range(STEPS):
        q = 1 / (1 + np.exp(-np.clip(at @ design, -500, 500)))
        information = (design * (q * (1 - q))) @ design.T
        if not np.linalg.cond(information) < 1 / np.finfo(float).eps:
            return nothing
        move = np.linalg.solve(information, design @ (y - q))
        at = at + move
        if np.abs(move).max() < 1e-12 * (1 + np.abs(at).max()):
            break
    else:
        return nothing
    inverse, gradient = np.linalg.inv(information), _summed(design * (y - q), group)
    variance = inverse @ gradient @ gradient.T @ inverse
    se = np.sqrt(np.diag(variance))
    return CalibrationLine(float(at[1]), float(at[0]), float(se[1]), float(se[0]))


@checked
def spiegelhalter_z(
    probabilities: Numbers, outcomes: Numbers, clusters: npt.ArrayLike | None = None
) -> float:
    """How many standard deviations the Brier score lies above what calibration would give.

    Spiegelhalter: Probabilistic prediction in patient management and clinical trials, Statistics
    in Medicine 5, 1986. Standard normal under calibration. With clusters the standard deviation
    is estimated from their sums.

    Parameters
    ----------
    probabilities, outcomes, clusters
        As in `calibration_line`.

    Examples
    --------
    >>> round(spiegelhalter_z([0.9, 0.9, 0.9, 0.9], [1, 0, 0, 0]), 6)
    4.333333
    """
    p, y = require_pairs(probabilities, outcomes)
    each = (y - p) * (1 - 2 * p)
    variance = float(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    if clusters is not None:
        variance = float((_summed(each[None], _groups(p, clusters)) ** 2).sum())
    return float(each.sum() / np.sqrt(variance)) if variance > 0 else float("nan")


def _groups(p: Array, clusters: npt.ArrayLike | None) -> Index:
    if clusters is None:
        return np.arange(p.size, dtype=np.int64)
    found = np.asarray(clusters)
    if found.shape != p.shape:
        message = f"of shape {found.shape}; needs one for each of {p.size} probabilities"
        raise InputError([Problem("clusters", message)])
    return np.asarray(np.unique(found, return_inverse=True)[1], np.int64)


def _summed(rows: Array, group: Index) -> Array:
    """Sums of rows over each group, (row, group)."""
    return np.stack([np.bincount(group, weights=row) for row in rows])
