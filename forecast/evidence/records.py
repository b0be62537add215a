"""Reports as rows of a database, each with a checksum, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from functools import lru_cache
from hashlib import sha256
from operator import attrgetter
from typing import Any
from zlib import crc32

from forecast.arguments import short_repr
from forecast.errors import LedgerWarning, warn
from forecast.evidence.notation import likelihoods_text, read_likelihoods
from forecast.evidence.report import DATES, FIELDS, NUMBERS, Report

READ_DATES = tuple(FIELDS.index(name) for name in DATES[:4])
RETRIEVED = FIELDS.index("retrieved")
LIKELIHOODS = FIELDS.index("likelihoods")
SHOWN = 20
"""Names that a message lists."""

_FIELDS_OF = attrgetter(*FIELDS)


def values_of(report: Report) -> tuple[Any, ...]:
    """Fields of a report, likelihoods as text."""
    values = list(_FIELDS_OF(report))
    values[LIKELIHOODS] = likelihoods_text(report.likelihoods)
    return tuple(values)


def record_of(report: Report, receipt: int) -> dict[str, Any]:
    """The row of a report."""
    record = dict(zip(FIELDS, values_of(report), strict=True))
    for name in DATES:
        if record[name] is not None:
            record[name] = record[name].isoformat()
    for name in NUMBERS:
        if record[name] is not None:
            record[name] += 0.0  # SQLite has no negative zero
    checksum = checksum_of((receipt, *record.values()))
    return {"receipt": receipt, **record, "checksum": checksum}


def report_of(row: Sequence[Any]) -> Report | None:
    """The report of a row of receipt, fields and checksum; None if it is not what was stored."""
    try:
        if checksum_of(row[:-1]) != row[-1]:
            return None
        values = list(row[1:-1])
        for k in READ_DATES:
            values[k] = _date(values[k])
        if values[RETRIEVED] is not None:
            values[RETRIEVED] = _date(values[RETRIEVED])
        values[LIKELIHOODS] = read_likelihoods(values[LIKELIHOODS])
    except (TypeError, ValueError):
        return None
    return Report(*values)


def reports_of(rows: Iterable[Sequence[Any]], name: str) -> Iterator[Report]:
    """Reports from rows; a `LedgerWarning` at the end names those that cannot be read.

    Parameters
    ----------
    rows
        Receipt, fields and checksum of each report.
    name
        What the ledger is called in the warning.
    """
    unreadable = []
    for row in rows:
        report = report_of(row)
        if report is None:
            unreadable.append(place_of(row))
        else:
            yield report
    if unreadable:
        what = "cannot be read and were left out; `check` says more (docs/evidence.md)"
        warn(name, [f"{len(unreadable)} reports {what}: {listed(unreadable)}"], LedgerWarning)


def place_of(row: Sequence[Any]) -> str:
    """What a row that cannot be read is called in messages."""
    return f"receipt {row[0]} ({short_repr(row[1])})"


def listed(names: Sequence[str]) -> str:
    """Names for a message, the first of them if there are many."""
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")


def checksum_of(values: Sequence[Any]) -> int:
    """CRC-32 of a row's receipt and fields."""
    return crc32("\x1f".join([str(value) for value in values]).encode())


def digest_with(digest: str, values: Sequence[Any]) -> str:
    """SHA-256 of all rows up to one: of the digest of those before it, its receipt and fields.

    What was removed, put in, moved or changed anywhere before changes every digest after it.
    """
    # A damaged file can hold bytes where text was stored: they have a digest, and not that one.
    written = json.dumps(list(values), default=repr)
    return sha256(f"{digest}{written}".encode()).hexdigest()


@lru_cache(maxsize=100_000)
def _date(text: str) -> date:
    return date.fromisoformat(text)
