"""Rows of a CSV file or of a data frame, each with its place; what they mean is for others."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from forecast.errors import InputError, Problem
from forecast.evidence.workbook import is_workbook, read_workbook
from forecast.reading import RE_ENCODE, read_text

_BEGINS = r"[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
"""What a formula begins with; of the full-width signs only where East Asian text is usual."""
FORMULA = re.compile(rf"'*{_BEGINS}")
"""What a spreadsheet would run, or would run without the apostrophes before it."""

GUARDED = re.compile(rf"'+{_BEGINS}")

SEPARATORS = ";\t|"
"""What parts columns where commas do not, as in countries that write decimals with a comma."""

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


@runtime_checkable
class ArrowStream(Protocol):
    """What any other holder of a table has that speaks Arrow."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """Its columns, as Arrow hands them from library to library."""


type TableSource = str | Path | DataFrame | ArrowTable | ArrowStream
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
        Path of a CSV file in UTF-8, whose header says what parts its columns, or of a workbook; a
        list of rows, each a dictionary; or a table of pandas, polars or Arrow: anything with
        `to_dicts()`, `to_pylist()`, `to_dict("records")` or `__arrow_c_stream__()`.

    Raises
    ------
    InputError
        If the file cannot be read as text, or not as CSV.
    """
    if is_in_memory(source):
        return _table_in_memory(source)
    path = Path(source)
    if is_workbook(path):
        return Table(str(path), *read_workbook(path))
    text = read_text(path, RE_ENCODE)
    sign = separator_of(text.partition("\n")[0])
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=sign)
    try:
        filled = [(f"{path}:{reader.line_num}", cells) for cells in reader if holds_any(cells)]
    except csv.Error as error:
        message = f"not readable as CSV: {error}"
        raise InputError([Problem(f"{path}:{reader.line_num}", message)]) from None
    if not filled:
        raise InputError([Problem(str(path), "the file is empty")])
    columns = columns_of(filled[0][1], *(cells for _, cells in filled[1:]))
    return Table(str(path), columns, [(place, row_of(columns, row)) for place, row in filled[1:]])


def holds_any(cells: Iterable[Any]) -> bool:
    """Whether a row says anything; spreadsheets write rows of separators alone after the last."""
    return any(map(cell_text, cells))


def columns_of(header: Sequence[str], *rows: Sequence[str]) -> tuple[str, ...]:
    """Columns of a header, without those at its end that hold nothing and are called nothing.

    Examples
    --------
    >>> columns_of(["id ", "state", "", ""], ["R1", "low", "", ""])
    ('id', 'state')
    """
    width = max(map(_width, (header, *rows)))
    return tuple(column.strip() for column in header[:width])


def _width(cells: Sequence[str]) -> int:
    """How many cells there are up to the last that says anything."""
    return max((k for k, cell in enumerate(cells, 1) if cell_text(cell)), default=0)


def row_of(columns: Sequence[str], cells: Sequence[str]) -> dict[Any, Any]:
    """Cells by column; a row that has fewer, or says something after the last, is marked."""
    row: dict[Any, Any] = dict(zip(columns, map(unguarded, cells), strict=False))
    if len(cells) < len(columns) or holds_any(cells[len(columns) :]):
        row[None] = None
    return row


def separator_of(header: str) -> str:
    """What parts the columns of a header: a comma, unless there is none and one other sign.

    Examples
    --------
    >>> separator_of("id;state;known"), separator_of("id,state;known"), separator_of("id")
    (';', ',', ',')
    """
    found = [sign for sign in SEPARATORS if sign in header]
    return found[0] if len(found) == 1 and "," not in header else ","


def is_in_memory(source: object) -> bool:
    """Whether a table is held in memory: as rows, or by pandas, polars or Arrow."""
    if isinstance(source, list | tuple):
        return bool(source) and all(isinstance(row, dict) for row in source)
    return isinstance(source, DataFrame | ArrowTable | ArrowStream)


def _table_in_memory(given: Any) -> Table:
    foreign = not isinstance(given, list | tuple | DataFrame | ArrowTable)
    source = _arrow_table(given) if foreign else given
    names = _names_in(source)
    twice = [str(column) for column, times in Counter(names).items() if times > 1]
    if twice:
        message = f"columns that are there more than once: {', '.join(twice)}"
        raise InputError([Problem("data frame", message)])
    rows = [
        {str(name).strip(): "" if (value := row.get(name)) is None else value for name in names}
        for row in _records_in(source)
    ]
    columns = tuple(str(name).strip() for name in names)
    placed = [(f"row {k}", row) for k, row in enumerate(rows) if holds_any(row.values())]
    return Table("data frame", columns, placed)


def _arrow_table(source: ArrowStream) -> Any:
    """A table of somebody else's library, as Arrow's own."""
    try:
        import pyarrow
    except ModuleNotFoundError:
        message = f"a {type(source).__name__} needs pyarrow: pip install 'forecast[parquet]'"
        raise InputError([Problem("data frame", message)]) from None
    try:
        return pyarrow.table(source)
    except (pyarrow.ArrowException, TypeError, ValueError) as error:
        message = f"a {type(source).__name__} that Arrow cannot take over: {error!s:.200}"
        raise InputError([Problem("data frame", message)]) from None


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
