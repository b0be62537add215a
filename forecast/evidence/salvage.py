"""Reading what a damaged ledger file still holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forecast.arguments import checked
from forecast.errors import LedgerFailure, LedgerWarning, warn
from forecast.evidence.database import require_no_keywords, speaking
from forecast.evidence.ledger_access import (
    bytes_of,
    has_log,
    is_foreign_log,
    open_alone,
    open_to_read,
    open_with_log,
)
from forecast.evidence.records import report_of
from forecast.evidence.report import FIELDS, Report
from forecast.evidence.report_rows import REPORT_HEAD, report_rows
from forecast.layout import PrintsItself, Summary
from forecast.reading import require_path
from forecast.wording import counted

SHORTEST_ROW = 60
"""Bytes that any stored report takes at least: ten characters for each of its dates, and more."""


@checked
@dataclass(frozen=True, slots=True)
class Salvage(PrintsItself):
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

    @property
    def _summary(self) -> Summary:
        title = f"Salvaged: {counted(len(self.reports), 'report')}, {len(self.lost)} lost"
        return Summary(title, REPORT_HEAD, report_rows(self.reports))


@checked
def salvage_ledger(path: str | Path) -> Salvage:
    """Read every undamaged report of a damaged SQLite ledger, one by one, and write nothing.

    Parameters
    ----------
    path
        The file, with its -wal file beside it if there is one; one of another ledger is left out,
        with a `LedgerWarning`.

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
    require_no_keywords(path)
    require_path(path)
    place = Path(path)
    try:
        with speaking(str(path)):
            found = _own_reports(place) if has_log(place) else _reports(place, open_to_read)
    except OSError as error:
        raise LedgerFailure(f"{path}: cannot be read: {error.strerror}") from None
    lost = tuple(k for k in range(1, max(found, default=0)) if k not in found)
    return Salvage(tuple(found[k] for k in sorted(found)), lost)


def _own_reports(path: Path) -> dict[int, Report]:
    """Reports of a file with its log; of the file alone if the log is another ledger's.

    What was received is never changed, so a log that changes or hides a report is another's.
    """
    try:
        alone = _reports(path, open_alone)
    except (sqlite3.Error, UnicodeDecodeError):
        return _reports(path, open_to_read)
    try:
        whole = {} if is_foreign_log(path) else _reports(path, open_with_log)
    except (sqlite3.Error, UnicodeDecodeError):
        whole = {}
    if any(whole.get(k) != report for k, report in alone.items()):
        message = f"{path.name}-wal beside it belongs to another ledger and is left out"
        warn(str(path), [message], LedgerWarning)
        return alone
    return alone | whole


def _reports(path: Path, opening: Callable[[Path], sqlite3.Connection]) -> dict[int, Report]:
    """Undamaged reports by receipt."""
    with closing(opening(path)) as connection:
        connection.execute("SELECT name FROM sqlite_schema").fetchall()
        receipts = range(1, 1 + bytes_of(path) // SHORTEST_ROW)
        return {k: report for k in receipts for report in _read(connection, k)}


def _read(connection: sqlite3.Connection, receipt: int) -> Iterator[Report]:
    query = f"SELECT receipt, {', '.join(FIELDS)}, checksum FROM reports WHERE receipt = ?"
    try:
        rows: list[Any] = connection.execute(query, (receipt,)).fetchall()
    except (sqlite3.Error, UnicodeDecodeError):
        return
    yield from (report for report in map(report_of, rows) if report is not None)
