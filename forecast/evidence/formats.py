"""Long tables of reports in CSV, JSON Lines, Parquet and data frames, read and written by rows.

Text is read by the standard library and not by pandas, which says no line of JSON Lines that it
cannot read, makes 7 of the text "007", fills a row that is too short, and stops at the first fault.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import batched, chain
from pathlib import Path
from typing import Any, Self, TextIO

from forecast.arguments import short_repr
from forecast.compression import opened
from forecast.errors import InputError, Problem, nearest
from forecast.evidence.records import values_of
from forecast.evidence.report import DATES, FIELDS, NUMBERS, Report
from forecast.evidence.report_files import OPTIONAL, REQUIRED
from forecast.evidence.spreadsheet import (
    Table,
    columns_of,
    guarded,
    holds_any,
    is_in_memory,
    open_table,
    row_of,
    separator_of,
)
from forecast.evidence.workbook import OLD, ZIPPED, Row, is_workbook
from forecast.reading import RE_ENCODE, UTF_16
from forecast.writing import drafted

LONGEST_LINE = 1_000_000
"""Characters of a line that are read; no honest row is longer."""

LONGEST_ROW = 200
"""Lines that one row may run over, in quotes."""

WHOLE_QUOTED = re.compile(r'"((?:[^"]|"")*+)"')

BATCH = 10_000


class Unreadable(dict[str, Any]):
    """A row that cannot be read, with the reason; the rows after it can."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file of rows is laid out where it is not plain CSV with a header.

    A file that is `mapped` is somebody else's: whether its cells stand in quotes is seen from how
    they stand, row by row.
    """

    delimiter: str = ","
    header: tuple[str, ...] = ()
    quoted: bool = True
    encoding: str = ""
    mapped: bool = False


@contextmanager
def opened_csv(path: Path, layout: Layout = Layout()) -> Iterator[Table]:
    """A CSV file, read row by row; in UTF-8 unless it begins with a byte order mark."""
    where = str(path)
    with _opened_text(path, layout.encoding) as file:
        notes: list[str] = []
        if layout.mapped:
            rows: Iterator[tuple[str, Sequence[str]]] = _Cells(_lines(file, path), layout, where)
        else:
            lines = _lines(file, path)
            head = next(lines, "")
            if (sign := separator_of(head)) != ",":
                notes.append(f"columns are parted by {sign!r}")
            rows = _numbered(csv.reader(chain([head], lines), strict=True, delimiter=sign), where)
        header = list(layout.header) or next(rows, ("", []))[1]
        columns = columns_of(header)
        if not columns:
            raise InputError([Problem(where, "the file is empty")])
        if isinstance(rows, _Cells):
            rows.width, notes = len(header), rows.notes
            columns = tuple(column.strip() for column in header)
        # A file may repeat the header that its layout gives.
        rows = (each for each in rows if not layout.mapped or list(each[1]) != header)
        found = ((place, row_of(columns, cells)) for place, cells in rows)
        yield Table(where, columns, found, notes)


def opened_excel(path: Path) -> Table:
    """A workbook of one sheet."""
    if not is_workbook(path):
        raise InputError([Problem(str(path), "is no workbook, or cannot be read")])
    return open_table(path)


@contextmanager
def opened_jsonl(path: Path) -> Iterator[Table]:
    """A file of JSON objects, one on each line; a column that a line lacks is empty."""
    with _opened_text(path) as file:
        columns = (*REQUIRED, *OPTIONAL)
        yield Table(str(path), columns, _read_objects(_lines(file, path), path, set(columns)))


@contextmanager
def opened_parquet(path: Path) -> Iterator[Table]:
    """A Parquet file, read group by group."""
    arrow, parquet = _arrow()
    try:
        with parquet.ParquetFile(path) as file:
            yield Table(str(path), tuple(file.schema_arrow.names), _read_groups(file, path, arrow))
    except (OSError, UnicodeError, arrow.ArrowException) as error:
        raise _unreadable(path, error) from None


def opened_frame(frame: Any) -> Table:
    """A data frame, a table of Arrow or a list of rows; see `open_table`."""
    if not is_in_memory(frame):
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
            present = {k: v for k, v in values if v is not None and v != ""}
            file.write(json.dumps(present, ensure_ascii=False, default=str) + "\n")

    return _write_text(path, fill)


def write_parquet(reports: Iterable[Report], path: Path) -> Path:
    """Write reports as Parquet: dates as dates, numbers as 64-bit floats, the rest as text."""
    arrow, parquet = _arrow()
    kinds = dict.fromkeys(DATES, arrow.date32()) | dict.fromkeys(NUMBERS, arrow.float64())
    schema = arrow.schema([(name, kinds.get(name, arrow.string())) for name in FIELDS])
    with (
        _input_errors(path),
        drafted(path) as draft,
        parquet.ParquetWriter(draft, schema) as writer,
    ):
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


class _Cells:
    """Rows of somebody else's table, split into cells whether or not they stand in quotes.

    A row is read as its layout says, in quotes or without, if it has as many cells as the header
    then, and in the other way if it has as many then. What was read otherwise is counted.
    """

    def __init__(self, lines: Iterator[str], layout: Layout, where: str) -> None:
        self.lines, self.layout, self.where = enumerate(lines, 1), layout, where
        self.waiting: deque[tuple[int, str]] = deque()
        self.width = 0
        self.notes: list[str] = []
        self._unquoted = self._literal = 0
        sign = re.escape(layout.delimiter)
        self._cell = re.compile(rf'(?:"((?:[^"]|"")*+)"|([^{sign}]*+))(?:{sign}|\Z)')

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> tuple[str, Sequence[str]]:
        while True:
            number, line = self.waiting.popleft() if self.waiting else next(self.lines)
            if text := line.rstrip("\r\n"):
                return f"{self.where}:{number}", self._split(text)

    def _split(self, text: str) -> Sequence[str]:
        plain = text.split(self.layout.delimiter)
        if '"' not in text:
            return plain
        if not self.layout.quoted and self._fits(plain):
            return self._without_quotes(plain)
        quoted = self._quoted(text)
        if self._fits(quoted) and text.count('"') % 2 == 0:
            self._count(literal=False)
            return quoted
        if self._fits(plain):
            self._count(literal=True)
            return self._without_quotes(plain)
        return self._joined(text) or plain

    def _joined(self, text: str) -> Sequence[str] | None:
        """The cells of a row that runs on for some lines, in quotes."""
        taken: list[tuple[int, str]] = []
        while text.count('"') % 2 and len(taken) < LONGEST_ROW and len(text) < LONGEST_LINE:
            following = self.waiting.popleft() if self.waiting else next(self.lines, None)
            if following is None:
                break
            taken.append(following)
            text += "\n" + following[1].rstrip("\r\n")
            if following[1].count('"') % 2:
                break
        quoted = self._quoted(text)
        if taken and self._fits(quoted):
            return quoted
        self.waiting.extendleft(reversed(taken))
        return None

    def _quoted(self, text: str) -> list[str]:
        cells = []
        for match in self._cell.finditer(text):
            inner = match[1]
            cells.append(match[2] if inner is None else inner.replace('""', '"'))
            if match.end() == len(text) and not match[0].endswith(self.layout.delimiter):
                break
        return cells

    def _without_quotes(self, cells: list[str]) -> list[str]:
        """Cells without the quotes around all of a cell."""
        whole = [WHOLE_QUOTED.fullmatch(cell.strip()) for cell in cells]
        if any(whole):
            self._count(literal=False)
        pairs = zip(cells, whole, strict=True)
        return [match[1].replace('""', '"') if match else cell for cell, match in pairs]

    def _fits(self, cells: Sequence[str]) -> bool:
        return not self.width or len(cells) == self.width

    def _count(self, *, literal: bool) -> None:
        """Count a row that was not read as its layout says, and keep the note about them."""
        if literal == (not self.layout.quoted):
            return
        self._literal += literal
        self._unquoted += not literal
        self.notes[:] = []
        if self._unquoted:
            self.notes.append(
                f"{self._unquoted:,} rows have cells in quotes, though the layout says that none "
                "has: such a cell means what stands in the quotes"
            )
        if self._literal:
            self.notes.append(f"quotes in {self._literal:,} rows part no cells; they are kept")


@contextmanager
def _opened_text(path: Path, encoding: str = "") -> Iterator[TextIO]:
    with opened(path) as (_, raw):
        head = raw.peek(8)  # type: ignore[attr-defined]
        if head.startswith((ZIPPED, OLD)):
            message = "a workbook, not text; ledger.import_excel(path, mapping) reads one"
            raise InputError([Problem(str(path), message)])
        chosen = "utf-16" if head.startswith(UTF_16) else encoding or "utf-8-sig"
        with io.TextIOWrapper(raw, chosen, newline="") as file:
            yield file


def _lines(file: TextIO, path: Path) -> Iterator[str]:
    """Lines of a file, as far as they are text."""
    where, number = str(path), 0
    while True:
        number += 1
        try:
            line = file.readline(LONGEST_LINE)
        except UnicodeError as error:
            raise _undecoded(path, file.encoding, error) from None
        if not line:
            return
        if len(line) == LONGEST_LINE:
            message = f"a line of {LONGEST_LINE:,} characters or more"
            raise InputError([Problem(f"{where}:{number}", message)])
        if "\0" in line:
            message = "not a text file: it holds a NUL byte"
            raise InputError([Problem(f"{where}:{number}", message)])
        yield line


def _undecoded(path: Path, encoding: str, error: UnicodeError) -> InputError:
    """The error of a file in another encoding, at the line that cannot be read.

    A text file is decoded in blocks, so the line is looked for again.
    """
    number, wrong = 1, getattr(error, "object", b"?")[getattr(error, "start", 0)]
    with opened(path) as (_, raw):
        for number, line in enumerate(raw, 1):  # noqa: B007
            try:
                line.decode("utf-8" if encoding.startswith("utf-8") else encoding)
            except UnicodeDecodeError as found:
                wrong = found.object[found.start]
                break
    shown = "UTF-8" if encoding.startswith("utf-8") else encoding
    message = (
        f"not a text file in {shown} (near here there is a byte {wrong:#04x}); if there is a "
        f"mapping, say how it is encoded: encoding = 'cp1252'; if not, {RE_ENCODE}"
    )
    return InputError([Problem(f"{path}:{number}", message)])


def _numbered(reader: Any, where: str) -> Iterator[tuple[str, Sequence[str]]]:
    try:
        for row in reader:
            if holds_any(row):
                yield f"{where}:{reader.line_num}", row
    except csv.Error as error:
        message = f"not readable as CSV: {error}"
        raise InputError([Problem(f"{where}:{reader.line_num}", message)]) from None


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
            yield f"{name}: {short_repr(value)} is not text, a number or null"


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
        _input_errors(path),
        drafted(path) as draft,
        draft.open("w", encoding="utf-8", newline="") as file,
    ):
        fill(file)
    return path


@contextmanager
def _input_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError([Problem(str(path), f"cannot be written: {reason}")]) from None


def _unreadable(path: Path, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or str(error).split("\n")[0][:200]
    return InputError([Problem(str(path), f"cannot be read: {reason}")])


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        message = "Parquet files need pyarrow: pip install 'forecast[parquet]'"
        raise InputError([Problem("Parquet", message)]) from None
    return pyarrow, parquet
