"""Reports as rows of a database, each with a checksum, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import date
from functools import lru_cache
from operator import attrgetter
from typing import Any
from zlib import crc32

from forecast.errors import InputError, LedgerFailure
from forecast.evidence.checks import Finding
from forecast.evidence.ledger import as_date
from forecast.evidence.notation import Likelihoods, likelihoods_text, read_likelihoods
from forecast.evidence.report import Report

FIELDS = tuple(field.name for field in fields(Report))
DATES = ("event_start", "event_end", "published", "known", "retrieved")
NUMBERS = ("number", "upper", "exposure")
READ_DATES = tuple(FIELDS.index(name) for name in DATES[:4])
RETRIEVED = FIELDS.index("retrieved")
LIKELIHOODS = FIELDS.index("likelihoods")
_FIELDS_OF = attrgetter(*FIELDS)


def tidied(report: Report) -> tuple[Report, list[Finding]]:
    """A report whose dates are days and whose numbers are floats, and what prevents that."""
    changed: dict[str, Any] = {}
    faults: list[Finding] = []
    for name in DATES:
        value = getattr(report, name)
        if type(value) is date or (value is None and name == "retrieved"):
            continue
        try:
            changed[name] = as_date(value)
        except InputError as error:
            faults.append((name, error.problems[0].message))
    for name in NUMBERS:
        value = getattr(report, name)
        if value is None:
            continue
        try:
            changed[name] = float(value)
        except (TypeError, ValueError, OverflowError):
            faults.append((name, f"{value!r:.60} is not a number"))
    if report.likelihoods:
        try:
            changed["likelihoods"] = _pairs(report.likelihoods)
        except (TypeError, ValueError, OverflowError):
            shown = f"{report.likelihoods!r:.60} are not pairs of a state and a number"
            faults.append(("likelihoods", shown))
    return (replace(report, **changed) if changed else report), faults


def values_of(report: Report) -> tuple[Any, ...]:
    """Fields of a report, likelihoods as text."""
    values = list(_FIELDS_OF(report))
    values[LIKELIHOODS] = likelihoods_text(report.likelihoods)
    return tuple(values)


def record_of(report: Report, receipt: int) -> dict[str, Any]:
    """The row of a tidied report."""
    record = dict(zip(FIELDS, values_of(report), strict=True))
    for name in DATES:
        if record[name] is not None:
            record[name] = record[name].isoformat()
    for name in NUMBERS:
        if record[name] is not None:
            record[name] += 0.0  # SQLite has no negative zero
    checksum = checksum_of((receipt, *record.values()))
    return {"receipt": receipt, **record, "checksum": checksum}


def reports_of(rows: Iterable[Sequence[Any]], name: str) -> Iterator[Report]:
    """Reports from rows of receipt, fields and checksum.

    Raises
    ------
    LedgerFailure
        If a row is not what was stored.
    """
    for row in rows:
        try:
            if checksum_of(row[:-1]) != row[-1]:
                raise ValueError
            values = list(row[1:-1])
            for k in READ_DATES:
                values[k] = _date(values[k])
            if values[RETRIEVED] is not None:
                values[RETRIEVED] = _date(values[RETRIEVED])
            values[LIKELIHOODS] = read_likelihoods(values[LIKELIHOODS])
        except (TypeError, ValueError):
            advice = "put back a copy of the ledger, or see docs/evidence.md for what can be saved"
            fault = f"receipt {row[0]} ({row[1]!r:.60}) is not what was stored: {advice}"
            raise LedgerFailure(f"{name}: {fault}") from None
        yield Report(*values)


def checksum_of(values: Sequence[Any]) -> int:
    """CRC-32 of a row's receipt and fields."""
    return crc32("\x1f".join([str(value) for value in values]).encode())


def _pairs(given: Any) -> Likelihoods:
    """Likelihoods as pairs of a state and a float."""
    pairs = given.items() if isinstance(given, Mapping) else given
    return tuple((state, float(number)) for state, number in pairs)


@lru_cache(maxsize=100_000)
def _date(text: str) -> date:
    return date.fromisoformat(text)
