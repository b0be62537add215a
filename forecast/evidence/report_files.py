"""Reading reports from CSV text or a data frame, refused whole if anything is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from forecast.arguments import checked
from forecast.corrections import date_meant
from forecast.errors import InputError, Problem, nearest, raise_if_any, warn
from forecast.evidence.ledger import Ledger
from forecast.evidence.notation import (
    AMOUNT_RULE,
    LIKELIHOODS_RULE,
    Likelihoods,
    read_amount,
    read_likelihoods,
)
from forecast.evidence.plain import DATE_RULE, read_date
from forecast.evidence.records import listed
from forecast.evidence.report import DATES, Report
from forecast.evidence.report_checks import find_broken_links, find_faults
from forecast.evidence.spreadsheet import (
    RAGGED,
    RowsGiven,
    Table,
    TableSource,
    cell_text,
    is_in_memory,
    is_ragged,
    open_table,
)
from forecast.scenario.scenario import Scenario
from forecast.scenario.shipped import shipped_or_own

REQUIRED = ("id", "indicator", "state", "event_start", "known", "source")
OPTIONAL = (
    "event_end",
    "published",
    "reliability",
    "credibility",
    "origin",
    "supersedes",
    "citation",
    "note",
    "number",
    "upper",
    "exposure",
    "likelihoods",
    "retrieved",
    "scope",
    "text",
)
FILE_NAME = "evidence.csv"


@checked
def read_evidence(
    source: TableSource | RowsGiven | Sequence[TableSource], scenario: Scenario
) -> Ledger:
    """Read reports from a CSV file, from a data frame, or from what ships with a scenario.

    Parameters
    ----------
    source
        Path of a CSV file, or of a folder with `evidence.csv`; the name of a shipped scenario; or
        a table with the same columns (of pandas, polars or Arrow, or a list of rows, each a
        dictionary); or a list of these.
    scenario
        The scenario that the reports speak to.

    Raises
    ------
    InputError
        With every problem by row and column. Nothing is read unless everything can be. A row that
        is an earlier one in every field is read once, and an `InputWarning` names both.
    """
    many = isinstance(source, list | tuple) and not is_in_memory(source)
    sources: Any = source if many else [source]
    tables = [_open_table(each) for each in sources]
    return _read_rows(tables, scenario)


def _open_table(source: Any) -> Table:
    """The table that a source means, if need be the one that ships with a scenario."""
    if isinstance(source, str | Path):
        _require_named(source)
        found = shipped_or_own(source, FILE_NAME)
        if Path(source).is_dir() and not found.is_file():
            message = f"the folder holds no {FILE_NAME}; name the file of reports"
            raise InputError([Problem(str(source), message)])
        return open_table(found)
    return open_table(source)


def _require_named(source: str | Path) -> None:
    if not str(source).strip():
        raise InputError([Problem("evidence", "is empty; name a file, a folder or a scenario")])


def _read_rows(tables: list[Table], scenario: Scenario) -> Ledger:
    raise_if_any([p for table in tables for p in check_columns(table.where, table.columns)])
    problems: list[Problem] = []
    reports: list[Report] = []
    first: dict[str, tuple[str, Report]] = {}
    repeated: list[str] = []
    for place, row in (row for table in tables for row in table.rows):
        report, faults = read_row(place, row, scenario)
        problems += faults
        if report is None:
            continue
        earlier = first.setdefault(report.id, (place, report))
        if report == earlier[1] and report is not earlier[1]:
            repeated.append(f"{place} repeats {earlier[0]}")
        else:
            reports.append(report)
    names = ", ".join(table.where for table in tables)
    problems += [Problem(names, message) for message in find_broken_links(reports)]
    raise_if_any(problems)
    if repeated:
        warn(names, [f"the same report again, read once: {listed(repeated)}"])
    return Ledger(tuple(reports))


def check_columns(where: str, columns: tuple[str, ...]) -> Iterator[Problem]:
    """Yield what is wrong with the header of a table of reports."""
    legal = (*REQUIRED, *OPTIONAL)
    for column in columns:
        if column not in legal:
            yield Problem(where, f"unknown column {column[:60]!r}; {nearest(column[:60], legal)}")
    for column in REQUIRED:
        if column not in columns:
            yield Problem(where, f"no column {column!r}; needed are {', '.join(REQUIRED)}")
    for column, times in Counter(columns).items():
        if times > 1:
            yield Problem(where, f"column {column[:60]!r} appears twice")


def read_row(
    place: str, row: Mapping[str, Any], scenario: Scenario | None
) -> tuple[Report | None, list[Problem]]:
    """Read one row; the report is there as soon as its dates can be read.

    Parameters
    ----------
    place
        Where the row is, for messages.
    row
        Cells by column; every required column is there.
    scenario
        What the report speaks to; without one, only rules that every report keeps are checked.
    """
    if is_ragged(row):
        return None, [Problem(place, RAGGED)]
    text = {column: cell_text(value) for column, value in row.items()}
    faults: list[tuple[str, str]] = []
    start = _date(text, "event_start", faults)
    known = _date(text, "known", faults)
    end = _date(text, "event_end", faults, default=start)
    published = _date(text, "published", faults, default=known)
    number, upper = _amount(text, faults)
    exposure = _number(text, "exposure", faults)
    retrieved = _date(text, "retrieved", faults)
    likelihoods = _likelihoods(text, faults)
    readable = start is not None and known is not None and not faults
    report = Report(
        id=text["id"],
        indicator=text["indicator"],
        state=text["state"],
        event_start=start or date.max,
        event_end=end or date.max,
        published=published or date.max,
        known=known or date.max,
        source=text["source"],
        reliability=text.get("reliability") or "F",
        credibility=text.get("credibility") or "6",
        origin=text.get("origin", ""),
        supersedes=text.get("supersedes", ""),
        citation=text.get("citation", ""),
        note=text.get("note", ""),
        number=number,
        upper=upper,
        exposure=exposure,
        likelihoods=likelihoods,
        retrieved=retrieved,
        scope=text.get("scope", ""),
        text=text.get("text", ""),
    )
    undated = any(column in DATES for column, _ in faults)
    # A day that stands for one that cannot be read is compared with nothing.
    faults += [f for f in find_faults(report, scenario) if not (undated and f[0] in DATES)]
    problems = [Problem(f"{place}: column {column!r}", message) for column, message in faults]
    return (report if readable else None), problems


def _date(
    text: Mapping[str, str],
    column: str,
    faults: list[tuple[str, str]],
    default: date | None = None,
) -> date | None:
    value = text.get(column, "")
    if not value and column in OPTIONAL:
        return default
    try:
        return read_date(value)
    except (ValueError, OverflowError):
        shown = f"{value[:60]!r} is not a date" if value else "is empty"
        faults.append((column, f"{shown}; {DATE_RULE}{date_meant(value)}"))
        return None


def _amount(
    text: Mapping[str, str], faults: list[tuple[str, str]]
) -> tuple[float | None, float | None]:
    """A number, or both ends of a range, which may stand in one cell or in two."""
    value, upper = text.get("number", ""), _number(text, "upper", faults)
    if not value:
        return None, upper
    try:
        low, high = read_amount(value)
    except ValueError:
        faults.append(("number", f"{value[:60]!r} is not a number; {AMOUNT_RULE}"))
        return None, None
    if high is not None and upper is not None:
        faults.append(("upper", f"the number {value[:60]!r} is a range already"))
    return low, upper if high is None else high


def _likelihoods(text: Mapping[str, str], faults: list[tuple[str, str]]) -> Likelihoods:
    value = text.get("likelihoods", "")
    try:
        return read_likelihoods(value)
    except ValueError:
        faults.append(("likelihoods", f"{value[:60]!r} is not understood; {LIKELIHOODS_RULE}"))
        return ()


def _number(text: Mapping[str, str], column: str, faults: list[tuple[str, str]]) -> float | None:
    value = text.get(column, "")
    if not value:
        return None
    try:
        return float(value)
    except ValueError:
        faults.append((column, f"{value[:60]!r} is not a number"))
        return None
