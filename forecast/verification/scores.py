"""Proper scores of probabilities, and what they are made of; arrays, one entry a forecast.

The formulas are a line or two each, so NumPy does, and SciPy's isotonic regression for the
calibration curve; a library of scores would add a dependency and no certainty.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.arguments import checked, short_repr
from forecast.arrays import Array, Index
from forecast.errors import InputError, Problem
from forecast.estimate import TAILS
from forecast.layout import PrintsItself, Summary

Numbers = npt.ArrayLike
RESAMPLED = 1000
"""Records that a consistency band is made of."""
LARGEST_OUTCOME = 2**53
"""Beyond it a score in floating point cannot tell two outcomes apart."""


@checked
def brier_score(probabilities: Numbers, outcomes: Numbers) -> Array:
    """Squared distance of each probability of yes from what happened, 0 to 1.

    Brier: Verification of forecasts expressed in terms of probability, Monthly Weather Review
    78(1), 1950; his own sums over yes and no, and is twice as large.

    Examples
    --------
    >>> brier_score([0.7, 0.7], [1, 0]).round(9)
    array([0.09, 0.49])
    """
    p, y = require_pairs(probabilities, outcomes)
    return (p - y) ** 2


@checked
def log_score(probabilities: Numbers, outcomes: Numbers) -> Array:
    """Surprise at what happened, in nats: minus the logarithm of the probability it was given.

    Infinite where what happened was given probability zero. Good: Rational decisions, Journal of
    the Royal Statistical Society B 14(1), 1952. A fractional outcome weighs both answers.

    Examples
    --------
    >>> log_score([0.5, 1.0], [1, 0])
    array([0.69314718,        inf])
    """
    p, y = require_pairs(probabilities, outcomes)
    with np.errstate(divide="ignore", invalid="ignore"):
        yes = np.where(y > 0, -y * np.log(p), 0.0)
        no = np.where(y < 1, -(1 - y) * np.log1p(-p), 0.0)
    return np.asarray(yes + no)


@checked
def ranked_probability_score(distribution: Numbers, outcome: int) -> float:
    """Sum over thresholds of the squared error of the cumulative distribution.

    Epstein: A scoring system for probability forecasts of ranked categories, Journal of Applied
    Meteorology 8, 1969; not divided by the number of thresholds. For a count it is the CRPS.

    Parameters
    ----------
    distribution
        Probability of each category, or of each number from 0, (category,).
    outcome
        Number of the category that happened, from 0. A count may lie beyond the last one.

    Examples
    --------
    >>> round(ranked_probability_score([0.2, 0.5, 0.3], 0), 9)
    0.73
    """
    [p] = require_numbers(distribution=distribution)
    legal = p.ndim == 1 and p.size and (p >= 0).all() and np.isclose(p.sum(), 1, atol=1e-6)
    if not legal or not 0 <= outcome < LARGEST_OUTCOME:
        message = "needs probabilities that add up to 1, and the number of one of them, from 0"
        raise InputError([Problem("distribution", message)])
    missed = ((np.cumsum(p) - (np.arange(p.size) >= outcome)) ** 2).sum()
    # Every threshold between the last category and the outcome is missed altogether.
    return float(missed) + max(outcome - p.size, 0)


def skill(score: float, reference: float) -> float:
    """Share of a reference's mean score that a forecast takes off; not a number if there is none.

    Examples
    --------
    >>> skill(0.15, 0.25)
    0.4
    """
    return 1 - score / reference if reference > 0 else float("nan")


@dataclass(frozen=True, slots=True, repr=False)
class Decomposition(PrintsItself):
    """A mean Brier score as what it is made of: score = miscalibration - resolution + uncertainty.

    Attributes
    ----------
    score
        The mean Brier score.
    miscalibration
        What would be gained by stating how often it happens in place of the forecast.
    resolution
        What is gained over always saying the base rate, once that is done.
    uncertainty
        The mean Brier score of the base rate.
    """

    score: float
    miscalibration: float
    resolution: float
    uncertainty: float

    @property
    def _summary(self) -> Summary:
        parts = (self.miscalibration, self.resolution, self.uncertainty)
        row = [f"{value:.3f}" for value in parts]
        head = ("Miscalibration", "Resolution", "Uncertainty")
        return Summary(f"Mean Brier score {self.score:.3f}", head, [row])


@checked
def murphy_decomposition(probabilities: Numbers, outcomes: Numbers) -> Decomposition:
    """Decompose a mean Brier score by groups of forecasts that stated the same.

    Murphy: A new vector partition of the probability score, Journal of Applied Meteorology 12,
    1973. Where hardly two forecasts say the same, `reliability` is the better judge.
    """
    p, y = require_pairs(probabilities, outcomes)
    _, group = _groups(p)
    rate = np.bincount(group, weights=y) / np.bincount(group)
    return _decomposed(p, y, rate[group])


@dataclass(frozen=True, eq=False, repr=False)
class Reliability(PrintsItself):
    """How often things happened that were given each probability; made by `reliability`.

    Attributes
    ----------
    probability
        Distinct probabilities that were given, in order, (value,).
    n
        How often each was given, (value,).
    frequency
        Calibrated frequency at each: never falling, (value,).
    lower, upper
        90 % consistency band: where the frequency would lie if all forecasts were calibrated.
    decomposition
        The mean Brier score by the calibrated frequencies.
    """

    probability: Array
    n: Index
    frequency: Array
    lower: Array
    upper: Array
    decomposition: Decomposition

    @property
    def _summary(self) -> Summary:
        columns = (self.probability, self.frequency, self.lower, self.upper)
        rows = [
            (str(n), *(f"{value:.3f}" for value in row))
            for n, *row in zip(self.n, *columns, strict=True)
        ]
        title = f"Calibration of {self.n.sum()} answers, {self.share_within:.0%} within the band"
        head = ("Answers", "Given", "Frequency", "Band from", "Band to")
        return Summary(title, head, rows)

    @property
    def share_within(self) -> float:
        """Share of forecasts whose frequency lies within the band: about 0.9 if calibrated."""
        within = (self.frequency >= self.lower - 1e-12) & (self.frequency <= self.upper + 1e-12)
        return float(np.average(within, weights=self.n))


@checked
def reliability(
    probabilities: Numbers, outcomes: Numbers, *, random_seed: int = 20200123
) -> Reliability:
    """Calibration curve by isotonic regression, with a consistency band.

    Dimitriadis, Gneiting, Jordan: Stable reliability diagrams for probabilistic classifiers, PNAS
    118(8), 2021 (CORP). No bins are chosen: neighbours are pooled until the curve rises.

    Parameters
    ----------
    probabilities, outcomes
        Probability of yes, and 1, 0 or a fraction, (forecast,).
    random_seed
        For the records under calibration that make the band.

    Examples
    --------
    >>> found = reliability([0.1, 0.4, 0.6, 0.9], [0, 1, 0, 1])
    >>> found.frequency
    array([0. , 0.5, 0.5, 1. ])
    """
    p, y = require_pairs(probabilities, outcomes)
    values, group = _groups(p)
    frequency = _isotonic(group, y)
    rng = np.random.default_rng(random_seed)
    made = [
        _isotonic(group, np.asarray(rng.random(p.size) < p, dtype=np.float64))
        for _ in range(RESAMPLED)
    ]
    lower, upper = np.quantile(made, TAILS, axis=0)
    decomposition = _decomposed(p, y, frequency[group])
    return Reliability(values, np.bincount(group), frequency, lower, upper, decomposition)


def _groups(p: Array) -> tuple[Array, Index]:
    """Distinct probabilities in order, and which of them each forecast gave."""
    values, group = np.unique(p, return_inverse=True)
    return np.asarray(values, np.float64), np.asarray(group, np.int64)


def _isotonic(group: Index, y: Array) -> Array:
    """Never-falling frequency of each group that is nearest to the outcomes."""
    from scipy.optimize import isotonic_regression

    n = np.bincount(group)
    means = np.bincount(group, weights=y) / n
    return np.asarray(isotonic_regression(means, weights=n).x)


def _decomposed(p: Array, y: Array, calibrated: Array) -> Decomposition:
    base = np.full_like(y, y.mean())
    score, best, climate = (float(np.mean((q - y) ** 2)) for q in (p, calibrated, base))
    return Decomposition(score, score - best, climate - best, climate)


def require_numbers(**given: Any) -> list[Array]:
    """What is given, by name, as arrays of numbers.

    Raises
    ------
    InputError
        If some of it is no array of numbers.
    """
    problems, found = [], []
    for name, values in given.items():
        try:
            found.append(np.asarray(values, np.float64))
        except (TypeError, ValueError, OverflowError):
            problems.append(Problem(name, f"{short_repr(values)}; needs numbers"))
    if problems:
        raise InputError(problems)
    return found


def require_pairs(probabilities: Numbers, outcomes: Numbers) -> tuple[Array, Array]:
    """Probabilities and outcomes as arrays of one length.

    Raises
    ------
    InputError
        If they are no numbers between 0 and 1, or not as many.
    """
    problems, found = [], []
    for name, given in (("probabilities", probabilities), ("outcomes", outcomes)):
        try:
            values = np.atleast_1d(np.asarray(given, np.float64))
        except (TypeError, ValueError, OverflowError):
            values = np.array([np.nan])
        if values.ndim != 1 or not values.size or not ((values >= 0) & (values <= 1)).all():
            problems.append(Problem(name, f"{short_repr(given)}; needs numbers between 0 and 1"))
        found.append(values)
    if not problems and found[0].size != found[1].size:
        message = f"{found[1].size}; needs one for each of {found[0].size} probabilities"
        problems.append(Problem("outcomes", message))
    if problems:
        raise InputError(problems)
    return found[0], found[1]
