"""What was probably meant by a number or a date that is written in another way.

Messages say it beside the rule; nothing is ever read by these guesses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
LONGEST = 40
"""Characters of a text that may be a number or a date."""

_SPLIT = r"\s*[-/. ]\s*"
_YEAR_FIRST = re.compile(
    rf"(\d{{4}}){_SPLIT}(\d{{1,2}}){_SPLIT}(\d{{1,2}})(?:[T ].*)?|(\d{{4}})(\d\d)(\d\d)"
)
_YEAR_LAST = re.compile(rf"(\d{{1,2}}){_SPLIT}(\d{{1,2}}){_SPLIT}(\d{{4}})")
_DAY_AND_WORD = re.compile(r"(\d{1,2})(?:st|nd|rd|th)?[\s.-]*([A-Za-z]{3,9})[\s.,-]*(\d{4})")
_WORD_AND_DAY = re.compile(r"([A-Za-z]{3,9})[\s.]*(\d{1,2})(?:st|nd|rd|th)?[\s,]*(\d{4})")
_AMOUNT = r"\s*[<>~≈]?\s*(\d*[.,]?\d+)\s*(%?)\s*"
_ONE = re.compile(_AMOUNT)
_TWO = re.compile(rf"{_AMOUNT}(?:-|–|—|\.\.+|…|to|and){_AMOUNT}")


def date_meant(given: object) -> str:
    """Ask whether a date was meant, if the text can be read as one date alone.

    Examples
    --------
    >>> date_meant("16/02/2026"), date_meant("1 Feb 2026"), date_meant("03/02/2026")
    ('; was 2026-02-16 meant?', '; was 2026-02-01 meant?', '')
    """
    number = isinstance(given, int) and 0 < given < 10**8
    text = given.strip() if isinstance(given, str) else str(given) if number else ""
    found = set(_dates(text)) if len(text) <= LONGEST else set()
    return f"; was {found.pop()} meant?" if len(found) == 1 else ""


def _dates(text: str) -> Iterator[date]:
    """Every date that a text may be."""
    parts: list[tuple[str, str, str]] = []
    if found := _YEAR_FIRST.fullmatch(text):
        year, month, day = filter(None, found.groups())
        parts.append((year, month, day))
    elif found := _YEAR_LAST.fullmatch(text):
        one, other, year = found.groups()
        parts += [(year, other, one), (year, one, other)]
    elif found := _DAY_AND_WORD.fullmatch(text):
        parts.append((found[3], _month(found[2]), found[1]))
    elif found := _WORD_AND_DAY.fullmatch(text):
        parts.append((found[3], _month(found[1]), found[2]))
    for year, month, day in parts:
        try:
            yield date(int(year), int(month), int(day))
        except ValueError:
            continue


def _month(word: str) -> str:
    start = word[:3].lower()
    return str(MONTHS.index(start) + 1) if start in MONTHS else "0"


def probability_meant(text: str) -> str:
    """Say how a probability is written that a text gives in per cent, as a range or with a comma.

    Examples
    --------
    >>> probability_meant("20-50%"), probability_meant("20 %"), probability_meant("perhaps")
    ('; write [0.2, 0.5]', '; write an interval [low, high] around 0.2', '')
    """
    found = _TWO.fullmatch(text) or _ONE.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        return ""
    numbers, signs = found.groups()[::2], found.groups()[1::2]
    values = [_plain(number, percent=any(signs)) for number in numbers]
    if not all(value and float(value) <= 1 for value in values):
        return "; write an interval [low, high], with 30 % as 0.3"
    if len(values) == 1:
        return f"; write an interval [low, high] around {values[0]}"
    return f"; write [{', '.join(values)}]"


def number_meant(text: str, *, whole: bool = False) -> str:
    """Say how a number is written that a text gives in quotes, with a comma, sign or unit.

    Examples
    --------
    >>> number_meant("5"), number_meant("28 days"), number_meant("2,5"), number_meant("30 %")
    ('; write 5, without quotes', '; write 28 alone', '; write 2.5', '; write 0.3')
    """
    if len(text) > LONGEST:
        return ""
    if re.fullmatch(r"\s*[-+]?\d*\.?\d+\s*", text):
        return f"; write {text.strip()}, without quotes"
    if found := re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*[A-Za-z]+\s*", text):
        return f"; write {found[1]} alone"
    found = _ONE.fullmatch(text)
    plain = _plain(found[1], percent=bool(found[2])) if found else ""
    return f"; write {plain}" if plain and (plain.isdigit() or not whole) else ""


def _plain(number: str, *, percent: bool) -> str:
    """A number with a point, per cent taken as hundredths; empty if it could be several."""
    if re.fullmatch(r"[1-9]\d*,\d{3}", number):
        return ""
    value = float(number.replace(",", "."))
    return f"{value / 100 if percent else value:.10g}"
