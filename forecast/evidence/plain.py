"""Values of other libraries reduced to plain text, dates and numbers, or found to be neither.

A data frame hands over `Timestamp`, `NaT`, `NA`, NumPy scalars, categories and bytes; programs
hand over members of enumerations and classes derived from `str` and `date`. They compare, print
and are stored in ways of their own. Whatever becomes part of a report passes through here first.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from enum import Enum
from functools import lru_cache
from typing import Any

DATE_RULE = "write it as 2020-01-31"
MIDNIGHT = time()
MISSING = ("NAType", "NaTType")
"""Classes of what pandas puts where nothing is; pandas itself need not be loaded."""


def is_missing(value: object) -> bool:
    """Whether a value is none: None, NaN, NaT or NA.

    Examples
    --------
    >>> is_missing(float("nan")), is_missing(None), is_missing(""), is_missing(0)
    (True, True, False, False)
    """
    if value is None or type(value).__name__ in MISSING:
        return True
    if isinstance(value, str):
        return False
    try:
        return bool(value != value)
    except (TypeError, ValueError, ArithmeticError):
        return False


def plain_text(value: object) -> str:
    """Text as `str` itself: of an enumeration's member its value, of bytes what they spell.

    Raises
    ------
    ValueError
        If the value is no text.

    Examples
    --------
    >>> plain_text(b"R1")
    'R1'
    """
    if type(value) is str:
        return value
    if isinstance(value, Enum):
        return plain_text(value.value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes | bytearray):
        return _decoded(bytes(value))
    raise ValueError(f"{safe_repr(value)} is not text")


def plain_date(value: object) -> date:
    """A day as `date` itself; a moment with a time zone means its day in UTC.

    Raises
    ------
    ValueError
        If the value is no date, or text of a moment without its time zone.

    Examples
    --------
    >>> plain_date("2020-01-08T01:30:00+03:00")
    datetime.date(2020, 1, 7)
    """
    if type(value) is date:
        return value
    if isinstance(value, Enum):
        return plain_date(value.value)
    try:
        if not is_missing(value):
            return _day_of(value)
    except (AttributeError, TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{safe_repr(value)} is not a date")


def plain_number(value: object) -> float:
    """A number as `float` itself.

    Raises
    ------
    ValueError
        If the value is no number.

    Examples
    --------
    >>> from fractions import Fraction
    >>> plain_number(Fraction(1, 4))
    0.25
    """
    if type(value) is float:
        return value
    if isinstance(value, Enum):
        return plain_number(value.value)
    try:
        number = _scalar_of(value)
        if not isinstance(number, bool | bytes | bytearray):
            return float(number)
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{safe_repr(value)} is not a number")


@lru_cache(maxsize=10_000)
def read_date(text: str) -> date:
    """A date from ISO text; a moment needs its time zone, unless it is midnight.

    Raises
    ------
    ValueError
        If the text is no such date.
    OverflowError
        If its day in UTC is outside the calendar.
    """
    if len(text) <= len("2020-01-31"):
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None and moment.time() != MIDNIGHT:
        raise ValueError("a moment without its time zone")
    return _day_of(moment)


def safe_repr(value: object) -> str:
    """A value as a message shows it, shortened; whatever its class does, there is a text."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001 - a class of others, of which anything may be wrong
        text = f"a {type(value).__name__}"
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:60]}…"


def _day_of(value: Any) -> date:
    """The day of text, a date, a moment or a moment of NumPy."""
    if isinstance(value, str):
        return read_date(str.__str__(value))
    found = _scalar_of(value)
    if isinstance(found, datetime) and found.tzinfo:
        found = found.astimezone(UTC)
    if not isinstance(found, date):
        raise TypeError
    return date(found.year, found.month, found.day)


def _scalar_of(value: Any) -> Any:
    """What a scalar of NumPy holds; any other value itself."""
    if not hasattr(value, "dtype") or getattr(value, "shape", None) != ():
        return value
    if value.dtype.kind == "M":  # NumPy may count nanoseconds, which Python does not have
        return value.astype("datetime64[us]").item()
    return value if value.dtype.kind == "m" else value.item()


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{safe_repr(raw)} are bytes that are not text in UTF-8") from None
