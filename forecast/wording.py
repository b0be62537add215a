"""How numbers, dates and names are written, in one place, so that no product contradicts itself."""

from __future__ import annotations

import re
from datetime import date

from forecast.text import DASH

MINUS = "\N{MINUS SIGN}"


ABBREVIATIONS = {
    "MLCOA": "most likely course of action",
    "MDCOA": "most dangerous course of action",
    "COA": "course of action",
}


def earlier(name: str, lag: int) -> str:
    """A variable as it was so many steps ago, as scenarios name it.

    Examples
    --------
    >>> earlier("storm", 0), earlier("storm", 1), earlier("storm", 2)
    ('storm', 'previous storm', 'previous 2 storm')
    """
    if lag == 0:
        return name
    return f"previous {name}" if lag == 1 else f"previous {lag} {name}"


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
