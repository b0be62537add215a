"""Comparisons of scores: with other forecasters, at any time, and by what they depend on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import zeta

from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import InputError, Problem
from forecast.estimate import TAILS, Estimate
from forecast.layout import PrintsItself, Summary
from forecast.sampling import require_whole
from forecast.verification.scores import Numbers, require_numbers, require_pairs

GROWTH: Final = 2.0
"""Ratio of the times between which the boundary is straight (eta of Howard and others)."""
CROSSINGS: Final = 1.4
"""How fast the error that is spent falls from one of these times to the next (s)."""


@dataclass(frozen=True, slots=True, repr=False)
class Advantage(PrintsItself):
    """By how much a mean score is better than another, at every moment; made by `advantage`.

    Attributes
    ----------
    mean
        Mean of the other's score less one's own after each forecast, (forecast,): above 0 if one
        is better.
    lower, upper
        Confidence sequence, (forecast,).
    """

    mean: Array
    lower: Array
    upper: Array

    @property
    def _summary(self) -> Summary:
        mean, lower, upper = self.latest
        row = (str(self.mean.shape[-1]), f"{mean:+.3f}", f"{lower:+.3f} to {upper:+.3f}")
        title = "By how much the score is better, whenever one looks"
        return Summary(title, ("Forecasts", "Mean", "Confidence sequence"), [row])

    @property
    def latest(self) -> tuple[float, float, float]:
        """Mean, lower and upper end after the last forecast."""
        return float(self.mean[-1]), float(self.lower[-1]), float(self.upper[-1])


@checked
def advantage(
    score: Numbers, other: Numbers, *, span: float = 2.0, error: float = 0.05
) -> Advantage:
    """Mean difference of two scores with a confidence sequence, valid whenever one looks.

    Whoever looks at an ordinary interval after every resolution, and stops when it pleases, is
    wrong far more often than it says. This one holds at all times at once: with probability
    1 - `error` it never leaves out the mean of the differences that were to be expected, whatever
    their order and however they change. It is an empirical Bernstein sequence with a stitched
    boundary (Howard, Ramdas, McAuliffe, Sekhon: Time-uniform, nonparametric, nonasymptotic
    confidence sequences, Annals of Statistics 49(2), 2021, theorem 4 and equation 10), as Choe and
    Ramdas compare forecasters (Operations Research 72(4), 2024).

    Parameters
    ----------
    score, other
        One's own scores and the other's in the order of their resolutions, lower better,
        (..., forecast).
    span
        Largest possible difference less the smallest: 2 for Brier scores, which lie in 0 to 1.
    error
        Probability that the sequence is ever wrong.

    Examples
    --------
    >>> sequence = advantage([0.04] * 2000, [0.25] * 2000)
    >>> bool(sequence.lower[-1] > 0)
    True
    """
    difference = _differences(score, other, span)
    if not 0 < error < 1:
        raise InputError([Problem("error", f"{error}; needs a probability between 0 and 1")])
    n = np.arange(1, difference.shape[-1] + 1)
    mean = np.cumsum(difference, axis=-1) / n
    guess = np.concatenate([np.zeros_like(mean[..., :1]), mean[..., :-1]], axis=-1)
    variance = np.cumsum((difference - guess) ** 2, axis=-1)
    radius = _boundary(variance, span, error / 2) / n
    most = span / 2
    return Advantage(mean, np.maximum(mean - radius, -most), np.minimum(mean + radius, most))


def _boundary(variance: Array, scale: float, error: float) -> Array:
    """How far a sum strays, ever, by its variance so far: of a sub-gamma process."""
    v = np.maximum(variance, scale**2)
    spent = np.log(zeta(CROSSINGS) / (error * np.log(GROWTH) ** CROSSINGS))
    level = CROSSINGS * np.log(np.log(GROWTH * v / scale**2)) + spent
    k1 = (GROWTH**0.25 + GROWTH**-0.25) / np.sqrt(2)
    k2 = (np.sqrt(GROWTH) + 1) / 2
    return np.asarray(np.sqrt(k1**2 * v * level + (k2 * scale * level) ** 2) + k2 * scale * level)


def _differences(score: Numbers, other: Numbers, span: float) -> Array:
    try:
        own, others = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in (score, other)))
        difference = others - own
    except (TypeError, ValueError, OverflowError):
        raise InputError([Problem("score", "needs as many numbers as other has")]) from None
    if not difference.ndim or not difference.size:
        raise InputError([Problem("score", "needs at least one number")])
    if not (span > 0 and (np.abs(difference) <= span / 2 + 1e-12).all()):
        message = (
            f"{span}; the differences reach {np.abs(difference).max():.3g}, so that needs to be"
        )
        raise InputError([Problem("span", f"{message} at least twice as much")])
    return np.asarray(difference)


@checked
def clustered_mean(
    values: Numbers, clusters: npt.ArrayLike, *, draws: int = 2000, random_seed: int = 20200123
) -> Estimate:
    """Mean with a 90 % interval by the bootstrap of clusters, for values that depend on another.

    Questions that one event decides, and answers to one question on many days, are not so many
    pieces of evidence. Whole clusters are drawn, with replacement (Davison, Hinkley: Bootstrap
    methods and their application, 1997, section 3.8).

    Parameters
    ----------
    values
        What is averaged, such as scores, (forecast,).
    clusters
        What each belongs to, (forecast,).
    draws, random_seed
        How many times, and the same seed gives the same interval.

    Examples
    --------
    >>> clustered_mean([0.1, 0.1, 0.3, 0.3], ["a", "a", "b", "b"]).mean
    0.2
    """
    require_whole({"draws": draws, "random_seed": random_seed}, {"draws": 1, "random_seed": 0})
    [found] = require_numbers(values=values)
    names = np.asarray(clusters)
    if found.ndim != 1 or not found.size or names.shape != found.shape:
        raise InputError([Problem("clusters", "needs one for each of the values, at least one")])
    group = np.unique(names, return_inverse=True)[1]
    sums, sizes = np.bincount(group, weights=found), np.bincount(group)
    rng = np.random.default_rng(random_seed)
    times = rng.multinomial(sums.size, np.full(sums.size, 1 / sums.size), size=draws)
    lower, upper = np.quantile((times @ sums) / (times @ sizes), TAILS)
    return Estimate(float(found.mean()), float(lower), float(upper))


@checked
def discrimination(probabilities: Numbers, outcomes: Numbers) -> float:
    """Probability that what happened was given more than what did not; ties count half.

    The area under the receiver operating characteristic; 0.5 if forecasts tell nothing apart.

    Examples
    --------
    >>> discrimination([0.1, 0.4, 0.4, 0.8], [0, 0, 1, 1])
    0.875
    """
    p, y = require_pairs(probabilities, outcomes)
    yes, no = p[y > 0.5], p[y <= 0.5]
    if not yes.size or not no.size:
        return float("nan")
    return float((np.sign(yes[:, None] - no) + 1).mean() / 2)


@checked
def firm_score(
    warned: Sequence[int],
    observed: Sequence[int],
    *,
    risk: float = 0.7,
    weights: Sequence[float] | None = None,
) -> Array:
    """Fixed risk multicategorical score of tiered warning levels; 0 is best.

    Taggart, Loveday, Griffiths: A scoring framework for tiered warnings and multicategorical
    forecasts based on fixed risk measures, Quarterly Journal of the Royal Meteorological Society
    148, 2022. Each threshold that was missed costs `risk`, each that was crossed in vain
    1 - `risk`. It is proper for whoever warns at the highest level that is reached with a
    probability above 1 - `risk`.

    Parameters
    ----------
    warned, observed
        Level that was warned of, and that which came, from 0, (forecast,).
    risk
        How much a miss weighs against a false alarm, between 0 and 1.
    weights
        Weight of each threshold between one level and the next; 1 each unless they are given.

    Examples
    --------
    >>> firm_score([2, 0], [0, 1]).round(9)
    array([0.6, 0.7])
    """
    x, y = (
        np.asarray(levels, np.int64) for levels in require_numbers(warned=warned, observed=observed)
    )
    most = int(max(x.max(initial=0), y.max(initial=0)))
    each = np.ones(most) if weights is None else require_numbers(weights=weights)[0]
    if x.shape != y.shape or (x < 0).any() or (y < 0).any() or most > each.size:
        message = "needs a level for each that was observed, from 0 up to the number of weights"
        raise InputError([Problem("warned", message)])
    if not 0 < risk < 1:
        raise InputError([Problem("risk", f"{risk}; needs a number between 0 and 1")])
    level = np.arange(1, each.size + 1)
    over, reached = x[:, None] >= level, y[:, None] >= level
    cost = risk * (reached & ~over) + (1 - risk) * (over & ~reached)
    return np.asarray(cost @ each)


@checked
def risk_matrix_score(
    probabilities: Numbers, observed: int, thresholds: Sequence[float], weights: Numbers
) -> float:
    """Score of probabilities by the decisions of a risk matrix; 0 is best.

    Taggart, Wilke: Warnings based on risk matrices: a coherent framework with consistent
    evaluation, Natural Hazards and Earth System Sciences 25, 2025. Each severity and each
    threshold of probability is a decision to warn; one in vain costs the threshold, one missed
    what is left to 1.

    Parameters
    ----------
    probabilities
        Probability that each severity is reached or exceeded, the least first, (severity,).
    observed
        How many of the severities were reached.
    thresholds
        Probabilities from which the matrix warns, (threshold,).
    weights
        Weight of each decision, (severity, threshold).

    Examples
    --------
    >>> round(risk_matrix_score([0.6, 0.2], 1, [0.1, 0.5], [[1, 1], [1, 1]]), 9)
    0.1
    """
    p, at, weight = require_numbers(
        probabilities=probabilities, thresholds=thresholds, weights=weights
    )
    legal = p.ndim == 1 and p.size and ((p >= 0) & (p <= 1)).all() and (np.diff(p) <= 1e-12).all()
    if not legal or not 0 <= observed <= p.size:
        message = "needs falling probabilities, one for each severity, and how many were reached"
        raise InputError([Problem("probabilities", message)])
    if not ((at > 0) & (at < 1)).all() or weight.shape != (p.size, at.size):
        message = f"needs thresholds between 0 and 1 and a weight for each, ({p.size}, {at.size})"
        raise InputError([Problem("weights", message)])
    warns, reached = p[:, None] >= at, (np.arange(p.size) < observed)[:, None]
    cost = at * (warns & ~reached) + (1 - at) * (~warns & reached)
    return float((weight * cost).sum())


@checked
def warning_power(
    probabilities: Numbers, onsets: Sequence[int], levels: Sequence[float]
) -> list[tuple[float, float, float]]:
    """Lead time against false alarms, for each level at which a warning might be given.

    Parameters
    ----------
    probabilities
        Probability of what is warned of, step by step, (episode, step); not a number where there
        was none.
    onsets
        Step in which it began, or -1 where it did not, (episode,).
    levels
        Probabilities at which a warning is given.

    Returns
    -------
    list of tuple
        For each level the share of onsets warned of in an earlier step, the median lead of those
        in steps, and the share of episodes without onset that were warned of too.

    Examples
    --------
    >>> warning_power([[0.1, 0.6, 0.9], [0.2, 0.2, 0.1]], [2, -1], [0.5])
    [(1.0, 1.0, 0.0)]
    """
    p, began = require_numbers(probabilities=probabilities, onsets=onsets)
    if p.ndim != 2 or began.shape != p.shape[:1]:
        message = "needs rows of steps, and an onset for each row"
        raise InputError([Problem("probabilities", message)])
    found = []
    for level in levels:
        over = np.nan_to_num(p, nan=-1.0) >= level
        warned, first = over.any(axis=1), over.argmax(axis=1)
        lead = np.where(warned, began - first, 0)[began >= 0]
        early, false = lead[lead > 0], warned[began < 0]
        share = early.size / lead.size if lead.size else float("nan")
        median = float(np.median(early)) if early.size else float("nan")
        found.append((share, median, float(false.mean()) if false.size else float("nan")))
    return found
