"""How a cell of a table writes a number, a range of numbers, and likelihoods of states."""

from __future__ import annotations

import re
from math import isfinite

LARGEST_NUMBER = 10**12
"""Beyond this the logarithm of a factorial loses its decimals in 64 bits."""

AMOUNT_RULE = "write 12, 10-99, at least 10, up to 99, or a word such as tens of thousands"
LIKELIHOODS_RULE = "write none=0.1 surge=0.9"

WORDS = {
    "tens": (10, 99),
    "dozens": (24, 99),
    "hundreds": (100, 999),
    "thousands": (1_000, 9_999),
    "tens of thousands": (10_000, 99_999),
    "hundreds of thousands": (100_000, 999_999),
    "millions": (1_000_000, 9_999_999),
    "tens of millions": (10_000_000, 99_999_999),
    "hundreds of millions": (100_000_000, 999_999_999),
}
"""Numbers that have as many digits as the word says; dozens are two or more."""

Amount = tuple[float, float | None]
"""A number, or the smallest and the largest number of a range."""

Likelihoods = tuple[tuple[str, float], ...]
"""States, each with how probable what was seen is under it."""

_PLAIN = r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+|(?=\.\d))(?:\.\d*)?(?:e[+-]?\d+)?"
_RANGE = re.compile(rf"(?:between )?({_PLAIN}) ?(?:\.\.|-|–| to | and ) ?({_PLAIN})")
_FROM = re.compile(rf"(?:at least|>=|≥) ?({_PLAIN})|({_PLAIN}) ?(?:\+|or more)")
_UP_TO = re.compile(rf"(?:at most|up to|<=|≤) ?({_PLAIN})|({_PLAIN}) or (?:fewer|less)")


def read_amount(text: str) -> Amount:
    """A number, or the ends of a range, from text.

    A range without an upper end ends at the largest number that a report can give; one without a
    lower end begins at 0.

    Raises
    ------
    ValueError
        If the text is neither.

    Examples
    --------
    >>> read_amount("12"), read_amount("10-99"), read_amount("tens of thousands")
    ((12.0, None), (10.0, 99.0), (10000.0, 99999.0))
    >>> read_amount("at least 1,500") == (1500, LARGEST_NUMBER), read_amount("up to 4")
    (True, (0.0, 4.0))
    """
    spaced = " ".join(text.lower().split())
    if spaced in WORDS:
        low, high = WORDS[spaced]
        return float(low), float(high)
    if match := _RANGE.fullmatch(spaced):
        return _number(match[1]), _number(match[2])
    if match := _FROM.fullmatch(spaced):
        return _number(match[1] or match[2]), float(LARGEST_NUMBER)
    if match := _UP_TO.fullmatch(spaced):
        return 0.0, _number(match[1] or match[2])
    return _number(spaced), None


def _number(text: str) -> float:
    """A number, which may have commas between thousands."""
    if "," in text and not re.fullmatch(_PLAIN, text):
        raise ValueError(f"{text!r} is no number")
    return float(text.replace(",", ""))


def amount_text(number: float, upper: float | None) -> str:
    """A number or a range in words.

    Examples
    --------
    >>> amount_text(12, None), amount_text(10_000, 99_999), amount_text(10, LARGEST_NUMBER)
    ('12', '10,000 to 99,999', '10 or more')
    """
    if upper is None or upper == number:
        return f"{number:,.12g}"
    if upper >= LARGEST_NUMBER:
        return f"{number:,.12g} or more"
    return f"{number:,.12g} to {upper:,.12g}"


def read_likelihoods(text: str) -> Likelihoods:
    """Likelihoods of states from text; empty text has none.

    Raises
    ------
    ValueError
        If a part of the text is not `state=number`, or a state is named twice.

    Examples
    --------
    >>> read_likelihoods("none=0.1 surge=0.9")
    (('none', 0.1), ('surge', 0.9))
    """
    found: dict[str, float] = {}
    for part in text.split():
        state, equals, number = part.rpartition("=")
        if not (state and equals and isfinite(float(number))):
            raise ValueError(f"{part!r} is not state=number")
        if state in found:
            raise ValueError(f"{state!r} is named twice")
        found[state] = float(number)
    return tuple(found.items())


def likelihoods_text(likelihoods: Likelihoods) -> str:
    """Likelihoods as `read_likelihoods` reads them."""
    return " ".join(f"{state}={number!r}" for state, number in likelihoods)
