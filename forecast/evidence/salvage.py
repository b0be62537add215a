"""Reading what a damaged ledger file still holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecast.arguments import checked
from forecast.evidence.database import open_to_read, speaking
from forecast.evidence.records import report_of
from forecast.evidence.report import FIELDS, Report

SHORTEST_ROW = 60
"""Bytes that any stored report takes at least: ten characters for each of its dates, and more."""


@checked
@dataclass(frozen=True, slots=True)
class Salvage:
    """What could be read of a damaged ledger.

    Attributes
    ----------
    reports
        Reports that are what was stored, by their checksums, in order of receipt.
    lost
        Receipts before the last one found whose reports cannot be read. Later ones may be lost
        as well.
    """

    reports: tuple[Report, ...]
    lost: tuple[int, ...]


@checked
def salvage_ledger(path: str | Path) -> Salvage:
    """Read every undamaged report of a damaged SQLite ledger, one by one, and write nothing.

    Parameters
    ----------
    path
        The file, with its -wal file beside it if there is one.

    Raises
    ------
    LedgerFailure
        If not even its first page can be read.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from forecast.evidence.ledger_file import open_ledger
    >>> with TemporaryDirectory() as folder:
    ...     open_ledger(f"{folder}/ledger.db").close()
    ...     salvage_ledger(f"{folder}/ledger.db")
    Salvage(reports=(), lost=())
    """
    found: dict[int, Report] = {}
    with speaking(str(path)), closing(open_to_read(Path(path))) as connection:
        connection.execute("SELECT name FROM sqlite_schema").fetchall()
        for receipt in range(1, 1 + Path(path).stat().st_size // SHORTEST_ROW):
            for report in _read(connection, receipt):
                found[receipt] = report
    lost = tuple(k for k in range(1, max(found, default=0)) if k not in found)
    return Salvage(tuple(found.values()), lost)


def _read(connection: sqlite3.Connection, receipt: int) -> Iterator[Report]:
    query = f"SELECT receipt, {', '.join(FIELDS)}, checksum FROM reports WHERE receipt = ?"
    try:
        rows: list[Any] = connection.execute(query, (receipt,)).fetchall()
    except (sqlite3.Error, UnicodeDecodeError):
        return
    yield from (report for report in map(report_of, rows) if report is not None)
