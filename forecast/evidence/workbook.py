"""Workbooks of spreadsheets, read as tables."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from forecast.errors import InputError, Problem
from forecast.evidence.plain import MIDNIGHT, is_missing

Row = tuple[str, Mapping[str, Any]]
"""Where a row stands, and its cells by column."""
OLD = b"\xd0\xcf\x11\xe0"
"""How a workbook of the format before .xlsx begins."""
ZIPPED = b"PK\x03\x04"
PARTS = "[Content_Types].xml"
LARGEST = 200_000_000
"""Bytes of a workbook, unpacked, that are read; a larger table has no place in one."""


def is_workbook(path: Path) -> bool:
    """Whether a file begins as a workbook does, whatever it is called."""
    try:
        with path.open("rb") as file:
            head = file.read(len(OLD))
        if head != ZIPPED:
            return head == OLD
        with zipfile.ZipFile(path) as archive:
            return PARTS in archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def read_workbook(path: Path) -> tuple[tuple[str, ...], tuple[Row, ...]]:
    """Columns, and the rows under them, of the one sheet of a workbook that holds anything.

    Raises
    ------
    InputError
        If it cannot be read, if more than one sheet holds something, or without openpyxl.
    """
    sheets = {name: _filled(sheet) for name, sheet in _sheets_of(path).items()}
    filled = {name: rows for name, rows in sheets.items() if rows}
    if len(filled) != 1:
        names = ", ".join(repr(name) for name in filled)
        one = "a data frame of one sheet: pandas.read_excel(path, sheet_name=…)"
        message = f"holds {len(filled)} sheets with something in them: {names}; hand over {one}"
        raise InputError([Problem(str(path), message if filled else "the file is empty")])
    (_, header), *rows = next(iter(filled.values()))
    while header and header[-1] == "":
        header.pop()
    columns = tuple(str(name).strip() for name in header)
    return columns, tuple(_rows(path, columns, rows))


def _rows(path: Path, columns: tuple[str, ...], rows: list[tuple[int, list[Any]]]) -> Iterator[Row]:
    for number, cells in rows:
        row: dict[Any, Any] = dict(zip(columns, cells, strict=False))
        if any(cell != "" for cell in cells[len(columns) :]):
            row[None] = None  # marked as a row of another length is
        yield f"{path}: row {number}", row


def _filled(sheet: list[list[Any]]) -> list[tuple[int, list[Any]]]:
    """Number and cells of the rows that hold something."""
    plain = ((k, [_plain(cell) for cell in row]) for k, row in enumerate(sheet, 1))
    return [(k, row) for k, row in plain if any(cell != "" for cell in row)]


def _plain(cell: Any) -> Any:
    """A cell; a day, which a workbook holds as its midnight, as a day."""
    if is_missing(cell):
        return ""
    if isinstance(cell, datetime) and cell.time() == MIDNIGHT:
        return cell.date()
    return cell


def _sheets_of(path: Path) -> dict[str, list[list[Any]]]:
    import pandas as pd

    try:
        _require_readable(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of styles and validations, which are not read
            # A cell that says NA says it; only an empty one is empty.
            sheets = pd.read_excel(
                path, sheet_name=None, header=None, dtype=object, keep_default_na=False
            )
    except InputError:
        raise
    except ImportError:
        message = "a workbook needs openpyxl: pip install 'forecast[excel]', or save it as CSV"
        raise InputError([Problem(str(path), message)]) from None
    except Exception as error:  # noqa: BLE001 - whatever a parser of others raises for a bad file
        message = f"cannot be read as a workbook: {error!s:.200}; save its sheet as CSV"
        raise InputError([Problem(str(path), message)]) from None
    return {name: sheet.to_numpy(dtype=object).tolist() for name, sheet in sheets.items()}


def _require_readable(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        message = "a workbook in the format before .xlsx; save it as .xlsx or its sheet as CSV"
        raise InputError([Problem(str(path), message)])
    with zipfile.ZipFile(path) as archive:
        size = sum(info.file_size for info in archive.infolist())
    if size > LARGEST:
        message = f"a workbook of {size:,} bytes, unpacked; save its sheet as CSV"
        raise InputError([Problem(str(path), message)])
