"""How numbers and dates are written, in one place, so that a report never contradicts itself."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING

from forecast.estimate import DASH
from forecast.evidence.notation import amount_text
from forecast.evidence.origins import Origins
from forecast.evidence.report import Report
from forecast.scenario.forms import Count
from forecast.scenario.scenario import Variable
from forecast.text import isolated

if TYPE_CHECKING:
    from forecast.outlook import Forecast

MINUS = "\N{MINUS SIGN}"
ABBREVIATIONS = {
    "MLCOA": "most likely course of action",
    "MDCOA": "most dangerous course of action",
    "COA": "course of action",
}


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


def say_origins(found: Origins) -> str:
    """Origins in words, and how many reports state none.

    Examples
    --------
    >>> say_origins(Origins(3, 0))
    '3 independent origins'
    >>> say_origins(Origins(1, 2))
    '1 stated origin, and 2 reports that state none and may share one'
    """
    if not found.unstated:
        return counted(found.stated, "independent origin")
    silent = counted(found.unstated, "report that states", "reports that state")
    if found.stated:
        return f"{counted(found.stated, 'stated origin')}, and {silent} none and may share one"
    return f"{silent} no origin and may share one" if found.unstated > 1 else f"{silent} no origin"


def plain(name: str) -> str:
    """A name of a state or of an origin as words.

    Examples
    --------
    >>> plain("passed_nonbinding")
    'passed nonbinding'
    """
    return name.replace("_", " ")


def unabbreviated(text: str) -> str:
    """Text in which the abbreviations of the trade are written out.

    Examples
    --------
    >>> unabbreviated("alternate MDCOA")
    'alternate most dangerous course of action'
    """
    for short, long in ABBREVIATIONS.items():
        text = re.sub(rf"\b{short}\b", long, text)
    return text


def told(variable: Variable, report: Report) -> str:
    """What a report says of a variable: a state, a number with its unit, or likelihoods."""
    measured = variable.measured
    if report.likelihoods:
        told = (f"{plain(state)} {value:.3g}" for state, value in report.likelihoods)
        return f"likelihoods: {', '.join(told)}"
    if report.number is None or measured is None:
        return plain(report.state)
    number = f"{amount_text(report.number, report.upper)} {measured.unit}"
    if not isinstance(measured, Count):
        return number
    days = report.exposure or measured.per
    return f"{number} in {days:g} day{'s' if days != 1 else ''}"


def named(outlook: Forecast, variable: str, state: str) -> str:
    """A variable's label and one of its states.

    Parameters
    ----------
    outlook
        The forecast whose scenario has the variable.
    variable, state
        Which state of which variable.
    """
    return f"{isolated(outlook.scenario.variables[variable].label)}: {plain(state)}"
