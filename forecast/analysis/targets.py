"""Which probability an account is about, and the draws that it goes by."""

from __future__ import annotations

from datetime import date
from typing import Literal

import numpy as np

from forecast.arrays import Array, Index
from forecast.errors import InputError, Problem, nearest
from forecast.estimate import Estimate
from forecast.evidence.ledger import as_date
from forecast.evidence.report import Report
from forecast.outlook import Forecast
from forecast.posterior.partial_evidence import Found, Target
from forecast.posterior.reweighting import Fit
from forecast.scenario.scenario import Scenario
from forecast.wording import MINUS, long_date, plain

By = Literal["report", "origin", "indicator", "source"]
"""What reports are put together by in an account."""
SUREST = 1e-15
"""How near to 0 and 1 a probability may be before its log-odds are cut."""


def state_label(scenario: Scenario, state: tuple[str, str]) -> str:
    """A course in words; of a state that is none, its variable and itself."""
    course = scenario.courses.get(state)
    if course is not None:
        return course.label
    return f"{scenario.variables[state[0]].label}: {plain(state[1])}"


def target_of(
    given: Forecast, variable: str, state: str, until: date | str | None = None
) -> Target:
    """The probability of a state that a forecast prints, or that of a day.

    Parameters
    ----------
    given
        A forecast.
    variable, state
        What it is the probability of.
    until
        The as-of date asks for the state now; a later day for its occurring on at least one day
        up to then. Unless it is given, what the table of courses prints: of a dangerous course that
        it is under way on at least one day within the horizon, of another one the expected share
        of those days; now, of what is no course, and in a static scenario.

    Raises
    ------
    InputError
        For an unknown variable or state, or a day that is not among the days ahead.
    """
    _require_state(given, variable, state)
    pair, course = (variable, state), given.scenario.courses.get((variable, state))
    if until is None:
        if course is None or given.horizon is None:
            return Target((pair,))
        return Target((pair,), given.horizon, share=not course.dangerous)
    day = as_date(until)
    if day == given.as_of:
        return Target((pair,))
    if given.horizon is None or not given.as_of < day <= given.horizon:
        last = given.horizon or given.as_of
        message = f"{day} is not one of the days from {given.as_of} to {last}"
        raise InputError([Problem("until", message)])
    return Target((pair,), day)


def _require_state(given: Forecast, variable: str, state: str) -> None:
    legal = given.scenario.variables
    if variable not in legal:
        message = f"{variable!r} is unknown; {nearest(variable, legal)}"
        raise InputError([Problem("variable", message)])
    if state not in legal[variable].states:
        message = f"{state!r} is not a state of {variable}; "
        raise InputError([Problem("state", message + nearest(state, legal[variable].states))])


def printed_targets(given: Forecast) -> dict[str, Target]:
    """What the table of courses prints of each course."""
    return {
        f"{variable}={state}": target_of(given, variable, state)
        for variable, state in given.scenario.courses
    }


def target_text(given: Forecast, target: Target) -> str:
    """A target in words."""
    named = " or ".join(f"{variable}={state}" for variable, state in target.states)
    if target.day is None:
        return f"{named} on {long_date(given.as_of)}"
    if target.share:
        return f"{named}, share of the days to {long_date(target.day)}"
    return f"{named} at least once by {long_date(target.day)}"


def fit_of(given: Forecast) -> tuple[Fit, Array]:
    """The draws behind a forecast, and what each of them weighs, (draw,)."""
    fit = given._draws
    return fit, np.ones(fit.n_draws) if given.weights is None else given.weights.weight


def stand_for(values: Array, weights: Array, n: int) -> Index:
    """So many draws that stand for all, by number: some may come more than once.

    They are taken at equal steps of weight in the order of their values, so that averages and
    quantiles of these, and of what goes with them, stay nearly as they are.

    Examples
    --------
    >>> values = np.random.default_rng(0).normal(size=1000)
    >>> chosen = stand_for(values, np.exp(values / 2), 50)
    >>> all_draws = np.average(values, weights=np.exp(values / 2))
    >>> abs(values[chosen].mean() - all_draws).item() < 0.01
    True
    """
    order = np.argsort(values, kind="stable")
    passed = np.cumsum(weights[order])
    at = (np.arange(n) + 0.5) / n * passed[-1]
    return np.asarray(order[np.searchsorted(passed, at)], np.int64)


def group_of(report: Report, by: By) -> str:
    """What a report is put together with others by."""
    named = {
        "report": report.id,
        "origin": report.origin or report.id,
        "indicator": report.indicator,
        "source": report.source,
    }
    return named[by]


def mean_given(found: Found, weights: Array, drawn: Found | None = None) -> Array:
    """Means of probabilities, (target,), over draws that weigh so much given something else.

    Parameters
    ----------
    found
        What is asked for.
    weights
        What the draws weigh, (draw,).
    drawn
        What is known when they do; what `found` rests on unless it is given.
    """
    if drawn is None:
        return np.asarray(found.probability @ weights / weights.sum())
    possible = (weights > 0) & np.isfinite(drawn.log_evidence)
    ratio = np.where(possible, found.log_evidence - drawn.log_evidence, -np.inf)
    weight = weights * np.exp(ratio - ratio.max())
    return np.asarray(found.probability @ weight / weight.sum())


def log_odds(probability: Array) -> Array:
    """Log-odds, cut where a probability is within rounding of 0 or 1."""
    clipped = np.clip(probability, SUREST, 1 - SUREST)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def signed(value: float, digits: int = 1) -> str:
    """A number with its sign.

    Examples
    --------
    >>> signed(2.13), signed(-0.04).replace(MINUS, "-")
    ('+2.1', '0.0')
    """
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", MINUS)


def signed_estimate(found: Estimate, scale: float, digits: int) -> str:
    """A difference with its interval, signed.

    Examples
    --------
    >>> signed_estimate(Estimate(0.02, 0.001, 0.04), 100, 1)
    '+2.0 (+0.1 to +4.0)'
    """
    mean, lower, upper = (
        signed(scale * value, digits) for value in (found.mean, found.lower, found.upper)
    )
    return f"{mean} ({lower} to {upper})"
