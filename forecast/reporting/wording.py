"""How numbers and dates are written, in one place, so that a report never contradicts itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from forecast.outlook import MASS, Estimate

if TYPE_CHECKING:
    from forecast.outlook import Forecast

DASH = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"
GAP = "\N{NO-BREAK SPACE}"
MASS_TEXT = f"{100 * MASS:.0f}{GAP}%"


def digits(value: float) -> str:
    """Whole percent without the sign; what lies outside 1-99 % is printed as a bound.

    Examples
    --------
    >>> [digits(value) for value in (0.0, 0.004, 0.126, 0.998, 1.0)]
    ['0', '<1', '13', '>99', '100']
    """
    if 0 < value < 0.01:
        return "<1"
    if 0.99 < value < 1:
        return ">99"
    return f"{100 * value:.0f}"


def percent(value: float) -> str:
    """Percent, as the reports print it.

    Examples
    --------
    >>> percent(0.126).replace(GAP, " ")
    '13 %'
    """
    return f"{digits(value)}{GAP}%"


def interval(estimate: Estimate) -> str:
    """The ends of an estimate's interval; one number if both ends round to the same.

    Examples
    --------
    >>> interval(Estimate(0.12, 0.06, 0.21)).replace(DASH, "-").replace(GAP, " ")
    '6-21 %'
    >>> interval(Estimate(0.02, 0.004, 0.07)).replace(GAP, " ")
    '<1 to 7 %'
    """
    ends = list(dict.fromkeys((digits(estimate.lower), digits(estimate.upper))))
    bounded = any(end[0] in "<>" for end in ends)
    return f"{(f'{GAP}to{GAP}' if bounded else DASH).join(ends)}{GAP}%"


def quantity(estimate: Estimate) -> str:
    """A mean with its interval in brackets.

    Examples
    --------
    >>> quantity(Estimate(0.12, 0.06, 0.21)).replace(DASH, "-").replace(GAP, " ")
    '12 % (6-21 %)'
    """
    return f"{percent(estimate.mean)} ({interval(estimate)})"


def points(difference: float) -> str:
    """A signed difference of two probabilities, in percentage points.

    Examples
    --------
    >>> points(0.034), points(-0.21).replace(MINUS, "-"), points(0.001)
    ('+3', '-21', '0')
    """
    whole = f"{100 * difference:+.0f}"
    return "0" if whole in {"+0", "-0"} else whole.replace("-", MINUS)


def long_date(day: date) -> str:
    """A date in words.

    Examples
    --------
    >>> long_date(date(2020, 4, 22))
    '22 April 2020'
    """
    return f"{day.day} {day:%B %Y}"


def short_date(day: date) -> str:
    """A date without its year, for axes and narrow columns.

    Examples
    --------
    >>> short_date(date(2020, 4, 22))
    '22 Apr'
    """
    return f"{day.day} {day:%b}"


def period(start: date, end: date) -> str:
    """A day, or the first and last day of a period.

    Examples
    --------
    >>> period(date(2020, 1, 9), date(2020, 1, 13)).replace(DASH, "-")
    '9-13 January 2020'
    >>> period(date(2020, 1, 9), date(2020, 1, 9))
    '9 January 2020'
    """
    if start == end:
        return long_date(start)
    if (start.year, start.month) == (end.year, end.month):
        return f"{start.day}{DASH}{long_date(end)}"
    first = f"{start.day} {start:%B}" if start.year == end.year else long_date(start)
    return f"{first} to {long_date(end)}"


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun.

    Examples
    --------
    >>> counted(1, "report"), counted(3, "report"), counted(0, "judgement has", "judgements have")
    ('1 report', '3 reports', '0 judgements have')
    """
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def plain(name: str) -> str:
    """A name of a state or of an origin as words.

    Examples
    --------
    >>> plain("passed_nonbinding")
    'passed nonbinding'
    """
    return name.replace("_", " ")


def named(forecast: Forecast, variable: str, state: str) -> str:
    """A variable's label and one of its states.

    Parameters
    ----------
    forecast
        The forecast whose scenario has the variable.
    variable, state
        Which state of which variable.
    """
    return f"{forecast.scenario.variables[variable].label}: {plain(state)}"


def any_of(forecast: Forecast, variable: str, states: Sequence[str], step: int) -> Estimate:
    """Probability that a variable is in one of some states at a step.

    Parameters
    ----------
    forecast
        A forecast.
    variable, states
        The variable, and states of it; they exclude one another, so their draws add up.
    step
        Step of the whole timeline.
    """
    names = [f"{variable}={state}" for state in dict.fromkeys(states)]
    found = forecast.posterior["forecast"]["probability"].isel(step=step).sel(state=names)
    draws = found.sum("state").to_numpy()
    lower, upper = np.quantile(draws, [(1 - MASS) / 2, (1 + MASS) / 2])
    return Estimate(float(draws.mean()), float(lower), float(upper))
