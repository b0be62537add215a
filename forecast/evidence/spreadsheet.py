"""Rows of a CSV file or of a data frame, each with its place; what they mean is for others."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from forecast.errors import InputError, Problem
from forecast.reading import read_text

FORMULA = re.compile(r"'*[=+\-@\t\r]")
"""What a spreadsheet would run, or would run without the apostrophes before it."""

GUARDED = re.compile(r"'+[=+\-@\t\r]")

RAGGED = "the row has more or fewer fields than the header"


@runtime_checkable
class DataFrame(Protocol):
    """What a data frame has, whose ever it is."""

    columns: Any

    def to_dict(self, orient: Any = ..., /) -> Any:
        """Its columns, or its rows."""


@runtime_checkable
class ArrowTable(Protocol):
    """What a table of Arrow has."""

    column_names: Any

    def to_pylist(self) -> Any:
        """Its rows, each as a mapping."""


type TableSource = str | Path | DataFrame | ArrowTable
"""Where a table may be: in a file, in a data frame, or in a table of Arrow."""

type RowsGiven = list[dict[str, Any]] | tuple[dict[str, Any], ...]
"""A table as its rows."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it was given.

    Attributes
    ----------
    where
        What it is called in problems: a path, or "data frame".
    columns
        Names in the header, without spaces around them; they may repeat.
    rows
        Place and cells by column of each row; read once where the table is a long file.
    notes
        What was decided while rows were read; complete after the last one.
    """

    where: str
    columns: tuple[str, ...]
    rows: Iterable[tuple[str, Mapping[str, Any]]]
    notes: list[str] = field(default_factory=list)


def open_table(source: Any) -> Table:
    """Read a CSV file, or take over a data frame.

    Parameters
    ----------
    source
        Path of a CSV file in UTF-8; a list of rows, each a dictionary; or a table of pandas, polars
        or Arrow: anything with `to_dicts()`, `to_pylist()` or `to_dict("records")`.

    Raises
    ------
    InputError
        If the file cannot be read as text, or not as CSV.
    """
    if is_held(source):
        return _held_table(source)
    path = Path(source)
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
    try:
        columns = tuple((column or "").strip() for column in reader.fieldnames or [])
        reader.fieldnames = list(columns)
        rows = tuple((f"{path}:{reader.line_num}", _unguarded_row(row)) for row in reader)
    except csv.Error as error:
        message = f"not readable as CSV: {error}"
        raise InputError([Problem(f"{path}:{reader.line_num}", message)]) from None
    return Table(str(path), columns, rows)


def is_held(source: object) -> bool:
    """Whether a table is held in memory: as rows, or by pandas, polars or Arrow."""
    if isinstance(source, list | tuple):
        return bool(source) and all(isinstance(row, dict) for row in source)
    return isinstance(source, DataFrame | ArrowTable)


def _held_table(source: Any) -> Table:
    names = _names_in(source)
    twice = [str(column) for column, times in Counter(names).items() if times > 1]
    if twice:
        message = f"columns that are there more than once: {', '.join(twice)}"
        raise InputError([Problem("data frame", message)])
    filled = [
        {str(name).strip(): "" if (value := row.get(name)) is None else value for name in names}
        for row in _records_in(source)
    ]
    columns = tuple(str(name).strip() for name in names)
    return Table("data frame", columns, tuple((f"row {k}", r) for k, r in enumerate(filled)))


def _names_in(source: Any) -> list[Any]:
    if isinstance(source, list | tuple):
        return list(dict.fromkeys(name for row in source for name in row))
    return list(getattr(source, "column_names", source.columns))


def _records_in(source: Any) -> Any:
    if isinstance(source, list | tuple):
        return source
    for rows in ("to_dicts", "to_pylist"):  # polars, Arrow
        if hasattr(source, rows):
            return getattr(source, rows)()
    return source.to_dict("records")


def is_ragged(row: Mapping[str, Any]) -> bool:
    """Whether a row has more or fewer fields than the header."""
    return None in row or any(value is None for value in row.values())


def guarded(text: str) -> str:
    """A cell that no spreadsheet takes for a formula; `unguarded` gives the text back.

    Examples
    --------
    >>> guarded("=HYPERLINK(0)"), guarded("low")
    ("'=HYPERLINK(0)", 'low')
    """
    return f"'{text}" if FORMULA.match(text) else text


def unguarded(text: str) -> str:
    """A cell without the apostrophe that keeps a spreadsheet from running it."""
    return text[1:] if text[:1] == "'" and GUARDED.match(text) else text


def _unguarded_row(row: Mapping[Any, Any]) -> dict[Any, Any]:
    return {k: unguarded(cell) if isinstance(cell, str) else cell for k, cell in row.items()}


def cell_text(value: Any) -> str:
    """Text of a cell; a whole number from a column with gaps loses its decimals.

    Bytes are text in UTF-8; what is none stays as an escape.

    Examples
    --------
    >>> cell_text(" low "), cell_text(2.0), cell_text(float("nan")), cell_text(b"R1")
    ('low', '2', '', 'R1')
    """
    if isinstance(value, str):
        return value.strip()
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return ""
    if isinstance(value, bytes):
        return value.decode(errors="backslashreplace").strip()
    if isinstance(value, float):
        return "" if value != value else repr(float(value)).removesuffix(".0")
    return str(value).strip()
