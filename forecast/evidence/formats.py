"""Long tables of reports in CSV, JSON Lines, Parquet and data frames, read and written by rows."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched
from pathlib import Path
from typing import Any, TextIO

from forecast.errors import InputError, Problem, nearest
from forecast.evidence.files import OPTIONAL, REQUIRED
from forecast.evidence.records import values_of
from forecast.evidence.report import DATES, FIELDS, NUMBERS, Report
from forecast.evidence.spreadsheet import Table, guarded, open_table, unguarded
from forecast.writing import drafted

LONGEST_LINE = 1_000_000
"""Characters of a line that are read; no honest row is longer."""

BATCH = 10_000

Row = tuple[str, Mapping[str, Any]]


class Unreadable(dict[str, Any]):
    """A row that cannot be read, with the reason; the rows after it can."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file of rows is laid out where it is not plain CSV with a header."""

    delimiter: str = ","
    header: tuple[str, ...] = ()
    quoted: bool = True


@contextmanager
def opened_csv(path: Path, layout: Layout = Layout()) -> Iterator[Table]:
    """A CSV file in UTF-8, read row by row."""
    with _opened_text(path) as file:
        reader = csv.reader(
            _lines(file, str(path)),
            delimiter=layout.delimiter,
            quoting=csv.QUOTE_MINIMAL if layout.quoted else csv.QUOTE_NONE,
            strict=True,
        )
        rows = _numbered(reader, str(path))
        header = list(layout.header) or next(rows, ("", []))[1]
        columns = tuple(column.strip() for column in header)
        if not columns:
            raise InputError([Problem(str(path), "the file is empty")])
        yield Table(str(path), columns, (_row_of(place, columns, row) for place, row in rows))


@contextmanager
def opened_jsonl(path: Path) -> Iterator[Table]:
    """A file of JSON objects, one on each line; a column that a line lacks is empty."""
    with _opened_text(path) as file:
        columns = (*REQUIRED, *OPTIONAL)
        yield Table(str(path), columns, _read_objects(_lines(file, str(path)), path, set(columns)))


@contextmanager
def opened_parquet(path: Path) -> Iterator[Table]:
    """A Parquet file, read group by group."""
    arrow, parquet = _arrow()
    try:
        with parquet.ParquetFile(path) as file:
            yield Table(str(path), tuple(file.schema_arrow.names), _read_groups(file, path, arrow))
    except (OSError, UnicodeDecodeError, arrow.ArrowException) as error:
        raise _unreadable(path, error) from None


def opened_frame(frame: Any) -> Table:
    """A data frame, or anything with `columns` and `to_dict("records")`."""
    if not hasattr(frame, "to_dict") or not hasattr(frame, "columns"):
        message = f"a {type(frame).__name__} is no data frame"
        raise InputError([Problem("data frame", message)])
    return open_table(frame)


def write_csv(reports: Iterable[Report], path: Path) -> Path:
    """Write reports as CSV; cells that a spreadsheet would run get an apostrophe before them."""

    def fill(file: TextIO) -> None:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(FIELDS)
        for report in reports:
            cells = texts_of(report)
            writer.writerow(
                [
                    text if name in NUMBERS else guarded(text)
                    for name, text in zip(FIELDS, cells, strict=True)
                ]
            )

    return _write_text(path, fill)


def write_jsonl(reports: Iterable[Report], path: Path) -> Path:
    """Write reports as JSON objects, one on each line, without empty fields."""

    def fill(file: TextIO) -> None:
        for report in reports:
            values = zip(FIELDS, values_of(report), strict=True)
            said = {k: v for k, v in values if v is not None and v != ""}
            file.write(json.dumps(said, ensure_ascii=False, default=str) + "\n")

    return _write_text(path, fill)


def write_parquet(reports: Iterable[Report], path: Path) -> Path:
    """Write reports as Parquet: dates as dates, numbers as 64-bit floats, the rest as text."""
    arrow, parquet = _arrow()
    kinds = dict.fromkeys(DATES, arrow.date32()) | dict.fromkeys(NUMBERS, arrow.float64())
    schema = arrow.schema([(name, kinds.get(name, arrow.string())) for name in FIELDS])
    with _told(path), drafted(path) as draft, parquet.ParquetWriter(draft, schema) as writer:
        for batch in batched(reports, BATCH):
            columns = dict(zip(FIELDS, zip(*map(values_of, batch), strict=True), strict=True))
            writer.write_table(arrow.table(columns, schema=schema))
    return path


def frame_of(reports: Iterable[Report]) -> Any:
    """A pandas data frame of reports: dates as `datetime64[s]`, numbers as floats."""
    import numpy as np
    import pandas as pd

    kinds = dict.fromkeys(DATES, "datetime64[D]") | dict.fromkeys(NUMBERS, "float64")
    rows = [values_of(report) for report in reports]
    columns: dict[str, Any] = {name: [v[k] for v in rows] for k, name in enumerate(FIELDS)}
    for name, kind in kinds.items():
        columns[name] = np.array(columns[name], dtype=kind)
    for name in DATES:
        columns[name] = columns[name].astype("datetime64[s]")
    return pd.DataFrame(columns)


def texts_of(report: Report) -> tuple[str, ...]:
    """Fields of a report as text that reads back as the same."""
    return tuple("" if value is None else str(value) for value in values_of(report))


@contextmanager
def _opened_text(path: Path) -> Iterator[TextIO]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield file
    except OSError as error:
        raise _unreadable(path, error) from None


def _lines(file: TextIO, where: str) -> Iterator[str]:
    """Lines of a file, as far as they are text."""
    number = 0
    while True:
        number += 1
        try:
            line = file.readline(LONGEST_LINE)
        except UnicodeDecodeError as error:
            wrong = error.object[error.start]
            message = f"not a text file in UTF-8 (near here there is a byte {wrong:#04x})"
            raise InputError([Problem(f"{where}:{number}", message)]) from None
        if not line:
            return
        if len(line) == LONGEST_LINE:
            message = f"a line of {LONGEST_LINE:,} characters or more"
            raise InputError([Problem(f"{where}:{number}", message)])
        if "\0" in line:
            message = "not a text file: it holds a NUL byte"
            raise InputError([Problem(f"{where}:{number}", message)])
        yield line


def _numbered(reader: Any, where: str) -> Iterator[tuple[str, Sequence[str]]]:
    try:
        for row in reader:
            if row:
                yield f"{where}:{reader.line_num}", row
    except csv.Error as error:
        message = f"not readable as CSV: {error}"
        raise InputError([Problem(f"{where}:{reader.line_num}", message)]) from None


def _row_of(place: str, columns: Sequence[str], cells: Sequence[str]) -> Row:
    """Cells by column; a row of another length is marked as the reader of rows expects it."""
    row: dict[Any, Any] = dict(zip(columns, map(unguarded, cells), strict=False))
    if len(cells) != len(columns):
        row[None] = None
    return place, row


def _read_objects(lines: Iterable[str], path: Path, legal: set[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            found = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield place, Unreadable(f"not readable as JSON: {str(error)[:100]}")
            continue
        fault = next(_object_faults(found, legal), None)
        yield place, Unreadable(fault) if fault else {**dict.fromkeys(REQUIRED, ""), **found}


def _object_faults(found: Any, legal: set[str]) -> Iterator[str]:
    if not isinstance(found, dict):
        yield "the line is not one JSON object"
        return
    for name, value in found.items():
        if name not in legal:
            yield f"unknown name {name[:60]!r}; {nearest(name[:60], sorted(legal))}"
        elif isinstance(value, bool | dict | list):
            yield f"{name}: {value!r:.60} is not text, a number or null"


def _read_groups(file: Any, path: Path, arrow: Any) -> Iterator[Row]:
    number = 0
    try:
        for batch in file.iter_batches(BATCH):
            for row in batch.to_pylist():
                number += 1
                yield (
                    f"{path}: row {number}",
                    {k: "" if v is None else v for k, v in row.items()},
                )
    except (OSError, ValueError, OverflowError, arrow.ArrowException) as error:
        raise _unreadable(path, error) from None


def _write_text(path: Path, fill: Callable[[TextIO], None]) -> Path:
    with (
        _told(path),
        drafted(path) as draft,
        draft.open("w", encoding="utf-8", newline="") as file,
    ):
        fill(file)
    return path


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"cannot be written: {error.strerror or error}"
        raise InputError([Problem(str(path), message)]) from None


def _unreadable(path: Path, error: Exception) -> InputError:
    said = getattr(error, "strerror", None) or str(error).split("\n")[0][:200]
    return InputError([Problem(str(path), f"cannot be read: {said}")])


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        message = "Parquet files need pyarrow: pip install 'forecast[parquet]'"
        raise InputError([Problem("Parquet", message)]) from None
    return pyarrow, parquet
