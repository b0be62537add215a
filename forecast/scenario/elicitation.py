"""From what people say to prior distributions; every way of stating a number has its rule.

See `fit_probability`, `fit_row` and `fit_positive`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
from scipy.optimize import brentq, least_squares
from scipy.special import betainc, betaincinv, expit, gammaincinv, logit, ndtr, ndtri

from forecast.arrays import Array
from forecast.lexicon import read_lexicon
from forecast.scenario.fits import (
    LARGEST_SHAPE,
    SMALLEST_SHAPE,
    TAILS,
    Fit,
    RowFit,
    Stated,
    fit_beta,
    fit_dirichlet,
    fit_lognormal,
    require,
)
from forecast.scenario.forms import Row
from forecast.scenario.statements import (
    Counted,
    Guess,
    GuessFactor,
    Interval,
    Odds,
    Pool,
    PositiveNumber,
    PositivePool,
    Probability,
    Quantiles,
    Seen,
    Unknown,
    Word,
)

LEAST_PROBABILITY = 1e-30
"""Probability of no event below which an event is certain."""


def fit_row(states: Sequence[str], probability: Mapping[str, Probability]) -> RowFit:
    """Dirichlet of a row from what is said about its states.

    A row of two states may state one probability; the other state has the complement.
    """
    if len(states) == 2 and len(probability) == 1:
        [(state, stated)] = probability.items()
        shape = fit_probability(stated).shape
        return RowFit(shape if state == states[0] else shape[::-1])
    stated_by_state = [probability.get(state) for state in states]
    return fit_dirichlet(
        tuple(None if each is None else interval_of(each) for each in stated_by_state)
    )


def row_concentration(row: Row, states: Sequence[str]) -> tuple[float, ...]:
    """Concentrations of a row's Dirichlet, one for each state; not for one that is known exactly.

    Counts of cases and unknown rows have Jeffreys' prior, half a case for each state.
    """
    if row.probability is not None:
        return fit_row(states, row.probability).concentration
    if row.concentration is not None:
        return tuple(row.concentration[state] for state in states)
    counts = row.counts or {}
    return tuple(counts.get(state, 0) + 0.5 for state in states)


def fit_competing(probabilities: Sequence[Probability], within: float) -> RowFit:
    """Dirichlet of which of several events comes first within some days; none of them comes last.

    Parameters
    ----------
    probabilities
        What is said of each event.
    within
        Days to which the probabilities refer.
    """
    if len(probabilities) == 1:
        return RowFit(fit_probability(probabilities[0], within).shape)
    return fit_dirichlet((*(interval_of(stated, within) for stated in probabilities), None))


def interval_of(stated: Probability, within: float | None = None) -> Stated:
    """An interval as it was stated; for any other statement, that of the prior it becomes."""
    if isinstance(stated, Interval):
        return stated.lower, stated.upper, stated.coverage
    a, b = fit_probability(stated, within).shape
    lower, upper = betaincinv(a, b, TAILS)
    return float(lower), float(upper), 0.9


def fit_probability(stated: Probability, within: float | None = None) -> Fit:
    """Beta prior of a stated probability.

    - An interval, the range of a word, and odds (o to 1 is a probability of o / (1 + o)) are
      quantiles.
    - Three quantiles: the Beta nearest to them, by squared distance.
    - A best guess p with the strength of n cases: Beta(p n, (1 - p) n).
    - Seen in k of n cases: Jeffreys' posterior, Beta(k + 1/2, n - k + 1/2).
    - A count of events in some days: the rate has Jeffreys' posterior, a Gamma; the Beta has the
      mean and the variance of the probability of at least one event `within` days.
    - Unknown: Jeffreys' prior, Beta(1/2, 1/2).
    - Several experts: the Beta with the 5 % and 95 % points of the pool; see `pool_probabilities`.

    Parameters
    ----------
    stated
        The statement.
    within
        Days to which the probability of a hazard refers.

    Raises
    ------
    InputError
        If the statement is not legal.

    Examples
    --------
    >>> fit_probability(Seen(seen=3, of=41)).shape
    (3.5, 38.5)
    """
    match stated:
        case Interval():
            return _fit_ends(stated.lower, stated.upper, stated.coverage)
        case Quantiles():
            return _fit_three(stated)
        case Guess():
            return Fit((stated.guess * stated.cases, (1 - stated.guess) * stated.cases))
        case Word():
            return _fit_ends(*read_lexicon(stated.lexicon).ranges[stated.word])
        case Odds():
            lower, upper = (o / (1 + o) for o in (stated.odds.lower, stated.odds.upper))
            return _fit_ends(lower, upper, stated.odds.coverage)
        case Seen():
            return Fit((stated.seen + 0.5, stated.of - stated.seen + 0.5))
        case Counted():
            require(within is not None, "a count of events in some days is for hazards and rates")
            assert within is not None
            return Fit(_shape_of_event(stated, within))
        case Unknown():
            return Fit((0.5, 0.5))
        case Pool():
            return _fit_ends(*pool_probabilities(stated, TAILS, within))
    raise AssertionError(stated)


def _fit_ends(lower: float, upper: float, coverage: float = 0.9) -> Fit:
    shape = fit_beta(lower, upper, coverage)
    tails = [(1 - coverage) / 2, (1 + coverage) / 2]
    return Fit(shape, (lower, upper), tuple(map(float, betaincinv(*shape, tails))))


def _fit_three(stated: Quantiles) -> Fit:
    points = np.array([stated.low, stated.median, stated.high])
    levels = np.array([(1 - stated.coverage) / 2, 0.5, (1 + stated.coverage) / 2])
    start = np.log(fit_beta(stated.low, stated.high, stated.coverage))

    width = stated.high - stated.low

    def miss(log_shape: Array) -> Array:
        first, second = np.exp(log_shape)
        return np.asarray(betaincinv(first, second, levels) - points) / width

    bounds = (np.log(SMALLEST_SHAPE), np.log(LARGEST_SHAPE))
    found = least_squares(miss, start, bounds=bounds, x_scale=1.0, xtol=1e-12, ftol=1e-12)
    a, b = map(float, np.exp(found.x))
    return Fit((a, b), tuple(points.tolist()), tuple((points + width * miss(found.x)).tolist()))


def _shape_of_event(stated: Counted, within: float) -> tuple[float, float]:
    """Moments of exp(-rate t), the probability of no event, under a Gamma rate are powers.

    With r = within / days the mean is (1 + r)^-alpha, the mean of the square (1 + 2 r)^-alpha.
    """
    alpha, ratio = stated.count + 0.5, within / stated.days
    none = np.exp(-alpha * np.log1p(ratio))
    some = -np.expm1(-alpha * np.log1p(ratio))
    excess = alpha * np.log1p(ratio**2 / (1 + 2 * ratio))
    certain = (
        f"{stated.count} in {stated.days:g} days: one within {within:g} days is all but certain, "
        "and a move never is; state the probability of fewer days"
    )
    require(none > LEAST_PROBABILITY and excess < -np.log(LEAST_PROBABILITY), certain)
    # The variance is none² (exp(excess) - 1); this way no digits cancel where it is small.
    total = some / (none * np.expm1(excess)) - 1
    require(none * total >= SMALLEST_SHAPE, certain)
    return float(some * total), float(none * total)


def mean_probability(stated: Probability, within: float | None = None) -> float:
    """Mean of the prior of a stated probability; `within` as in `fit_probability`.

    Examples
    --------
    >>> mean_probability(Guess(guess=0.3, cases=20))
    0.3
    """
    a, b = fit_probability(stated, within).shape
    return a / (a + b)


def pool_probabilities(pool: Pool, levels: Array, within: float | None = None) -> tuple[float, ...]:
    """Quantiles of what several experts say about a probability.

    "linear" mixes their Betas in proportion to their weights. "log_odds" averages their quantiles
    on the log-odds scale, level by level, so that agreement does not narrow the answer
    (Lichtendahl, Grushka-Cockayne, Winkler: Is it better to average probabilities or quantiles?,
    Management Science 59(7), 2013). Pooled log-odds are then multiplied by `extremise` (Satopää
    and others: Combining multiple probability predictions using a simple logit model,
    International Journal of Forecasting 30(2), 2014).

    Parameters
    ----------
    pool
        The experts.
    levels
        Probabilities, (level,).
    within
        Days to which the probability of a hazard refers.

    Returns
    -------
    tuple
        The quantiles.

    Examples
    --------
    >>> pool = Pool(experts={"a": {"says": (0.1, 0.3)}, "b": {"says": (0.1, 0.3)}})
    >>> [round(q, 3) for q in pool_probabilities(pool, np.array([0.05, 0.95]))]
    [0.1, 0.3]
    """
    shapes = np.array([fit_probability(e.says, within).shape for e in pool.experts.values()])
    weights = _weights(pool)
    first, second = shapes.T
    quantiles = betaincinv(first[:, None], second[:, None], levels)
    if pool.pool == "linear":
        pooled = _mix(lambda x: float(weights @ betainc(first, second, x)), quantiles, levels)
        log_odds = logit(pooled)
    else:
        log_odds = weights @ logit(quantiles)
    return tuple(map(float, expit(pool.extremise * log_odds)))


def _weights(pool: Pool | PositivePool) -> Array:
    """How much each expert counts, in all one."""
    weights = np.array([expert.weight for expert in pool.experts.values()])
    return np.asarray(weights / weights.sum())


def _mix(cumulative: Callable[[float], float], quantiles: Array, levels: Array) -> Array:
    """Quantiles of a mixture, each between the smallest and the largest of its parts."""
    found = []
    for level, low, high in zip(levels, quantiles.min(axis=0), quantiles.max(axis=0), strict=True):
        if cumulative(low) >= level or low == high:
            found.append(low)
        elif cumulative(high) <= level:
            found.append(high)
        else:
            short = partial(lambda level, x: cumulative(x) - level, level)
            found.append(brentq(short, low, high, xtol=1e-14))
    return np.array(found)


def fit_positive(stated: PositiveNumber, per: float | None = None) -> Fit:
    """Log-normal prior of a stated positive number.

    - An interval is two quantiles.
    - Three quantiles: the log-normal nearest to their logarithms.
    - A best guess give or take a factor f: median, and 5 % and 95 % points at guess / f and
      guess · f.
    - A count of events in some days: the rate has Jeffreys' posterior, Gamma(k + 1/2, days); the
      log-normal has its 5 % and 95 % points.
    - Several experts: the log-normal with the 5 % and 95 % points of the pool.

    Parameters
    ----------
    stated
        The statement.
    per
        Days to which a rate refers.

    Raises
    ------
    InputError
        If the statement is not legal.

    Examples
    --------
    >>> fit = fit_positive(Counted(count=13, days=61), per=7)
    >>> [round(float(q), 2) for q in np.exp(fit.shape[0] + fit.shape[1] * ndtri(TAILS))]
    [0.93, 2.3]
    """
    match stated:
        case Interval():
            return _fit_positive_ends(stated.lower, stated.upper, stated.coverage)
        case Quantiles():
            logs = np.log([stated.low, stated.median, stated.high])
            z = ndtri((1 + stated.coverage) / 2)
            mean, sd = float(logs.mean()), float((logs[2] - logs[0]) / (2 * z))
            fitted = np.exp(mean + sd * np.array([-z, 0.0, z]))
            return Fit((mean, sd), tuple(np.exp(logs).tolist()), tuple(fitted.tolist()))
        case GuessFactor():
            return _fit_positive_ends(stated.guess / stated.factor, stated.guess * stated.factor)
        case Counted():
            require(per is not None, "a count of events in some days is for hazards and rates")
            assert per is not None
            return _fit_positive_ends(*(per / stated.days * gammaincinv(stated.count + 0.5, TAILS)))
        case PositivePool():
            return _fit_positive_ends(*pool_positive(stated, TAILS, per))
    raise AssertionError(stated)


def pool_positive(pool: PositivePool, levels: Array, per: float | None = None) -> tuple[float, ...]:
    """Quantiles of what several experts say about a positive number; see `pool_probabilities`."""
    fits = np.array([fit_positive(e.says, per).shape for e in pool.experts.values()])
    weights = _weights(pool)
    logs = fits[:, :1] + fits[:, 1:] * ndtri(levels)
    if pool.pool == "linear":
        mean, sd = fits.T
        pooled = _mix(lambda x: float(weights @ ndtr((x - mean) / sd)), logs, levels)
    else:
        pooled = weights @ logs
    return tuple(map(float, np.exp(pooled)))


def _fit_positive_ends(lower: float, upper: float, coverage: float = 0.9) -> Fit:
    lower, upper = float(lower), float(upper)
    return Fit(fit_lognormal(lower, upper, coverage), (lower, upper), (lower, upper))
