"""Reading reports from CSV text or a data frame, refused whole if anything is wrong."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

from forecast.errors import InputError, Problem, nearest, raise_if_any
from forecast.evidence.ledger import Ledger
from forecast.evidence.report import CREDIBILITY, RELIABILITY, Report
from forecast.scenario.files import read_text, shipped_folder
from forecast.scenario.scenario import Scenario

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
)
FILE_NAME = "evidence.csv"


def read_evidence(source: Any, scenario: Scenario) -> Ledger:
    """Read reports from a CSV file, from a data frame, or from what ships with a scenario.

    Parameters
    ----------
    source
        Path of a CSV file, the name of a shipped scenario, or a table with the same columns (a
        pandas data frame, or anything with `to_dict("records")`).
    scenario
        The scenario that the reports speak to.

    Raises
    ------
    InputError
        With every problem by row and column. Nothing is read unless everything can be.
    """
    if hasattr(source, "to_dict"):
        records = source.to_dict("records")
        columns = [str(column) for column in source.columns]
        rows = [(f"row {number}", record) for number, record in enumerate(records)]
        return _read_rows("data frame", columns, rows, scenario)
    path = Path(source)
    shipped = shipped_folder() / path / FILE_NAME
    if len(path.parts) == 1 and shipped.is_file():
        path = shipped
    text = read_text(path)
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = [(column or "").strip() for column in reader.fieldnames or []]
        reader.fieldnames = columns
        rows = [(f"{path}:{reader.line_num}", row) for row in reader]
    except csv.Error as error:
        message = f"not readable as CSV: {error}"
        raise InputError([Problem(f"{path}:{reader.line_num}", message)]) from None
    return _read_rows(str(path), columns, rows, scenario)


def _read_rows(
    where: str,
    columns: list[str],
    rows: Iterable[tuple[str, Mapping[str, Any]]],
    scenario: Scenario,
) -> Ledger:
    raise_if_any(list(_check_columns(where, columns)))
    problems: list[Problem] = []
    reports: list[Report] = []
    for place, row in rows:
        report, faults = _read_row(place, row, scenario)
        problems += faults
        if report is not None:
            reports.append(report)
    problems += _check_links(where, reports)
    raise_if_any(problems)
    return Ledger(tuple(reports))


def _check_columns(where: str, columns: list[str]) -> Iterator[Problem]:
    legal = (*REQUIRED, *OPTIONAL)
    for column in columns:
        if column not in legal:
            yield Problem(where, f"unknown column {column!r}; {nearest(column, legal)}")
    for column in REQUIRED:
        if column not in columns:
            yield Problem(where, f"no column {column!r}; needed are {', '.join(REQUIRED)}")
    for column in {column for column in columns if columns.count(column) > 1}:
        yield Problem(where, f"column {column!r} appears twice")


def _read_row(
    place: str, row: Mapping[str, Any], scenario: Scenario
) -> tuple[Report | None, list[Problem]]:
    faults: list[Problem] = []

    def fault(column: str, message: str) -> None:
        faults.append(Problem(f"{place}: column {column!r}", message))

    if None in row or any(value is None for value in row.values()):
        return None, [Problem(place, "the row has more or fewer fields than the header")]
    text = {column: _text(value) for column, value in row.items()}
    start = _date(text, "event_start", fault)
    known = _date(text, "known", fault)
    end = _date(text, "event_end", fault, default=start)
    published = _date(text, "published", fault, default=known)
    for column in ("id", "source"):
        if not text[column]:
            fault(column, "is empty")
    for column, legal in (("reliability", RELIABILITY), ("credibility", CREDIBILITY)):
        if text.get(column) and text[column] not in legal:
            fault(column, f"{text[column]!r} is not a grade; legal: {', '.join(legal)}")
    _check_claim(text, scenario, fault)
    if start and end and end < start:
        fault("event_end", f"{end} is before the start, {start}")
    if published and known and known < published:
        fault("known", f"{known} is before publication, {published}")
    if start and known and text["indicator"] and known < start:
        fault("known", f"{known} is before the event, {start}")
    if start and text["indicator"] and scenario.timeline and start < scenario.timeline.start:
        begins = scenario.timeline.start
        fault("event_start", f"{start} is before the scenario begins, {begins}")
    if faults or not (start and end and known and published):
        return None, faults
    return (
        Report(
            id=text["id"],
            indicator=text["indicator"],
            state=text["state"],
            event_start=start,
            event_end=end,
            published=published,
            known=known,
            source=text["source"],
            reliability=text.get("reliability") or "F",
            credibility=text.get("credibility") or "6",
            origin=text.get("origin", ""),
            supersedes=text.get("supersedes", ""),
            citation=text.get("citation", ""),
            note=text.get("note", ""),
        ),
        faults,
    )


def _check_claim(text: Mapping[str, str], scenario: Scenario, fault: Any) -> None:
    indicator, state = text["indicator"], text["state"]
    observable = scenario.with_role("indicator", "outcome", "input")
    if not indicator:
        return
    if indicator not in observable:
        if indicator in scenario.variables:
            role = scenario.variables[indicator].role
            fault("indicator", f"{indicator!r} is a {role}, which nobody can report on directly")
        else:
            fault("indicator", f"{indicator!r} is unknown; {nearest(indicator, observable)}")
    elif not state and not text.get("supersedes"):
        fault("state", "is empty; only a withdrawal (with `supersedes`) has no state")
    elif state and state not in observable[indicator].states:
        legal = nearest(state, observable[indicator].states)
        fault("state", f"{state!r} is not a state of {indicator}; {legal}")


def _check_links(where: str, reports: list[Report]) -> Iterator[Problem]:
    ids = [report.id for report in reports]
    for name in sorted({name for name in ids if ids.count(name) > 1}):
        yield Problem(where, f"the id {name!r} is given to {ids.count(name)} reports")
    for report in reports:
        if report.supersedes and report.supersedes not in ids:
            message = f"{report.id} supersedes {report.supersedes!r}, which is not there"
            yield Problem(where, f"{message}; {nearest(report.supersedes, ids)}")
        if report.supersedes == report.id:
            yield Problem(where, f"{report.id} supersedes itself")


def _text(value: Any) -> str:
    if value is None or value != value:
        return ""
    return str(value).strip()


def _date(
    text: Mapping[str, str], column: str, fault: Any, default: date | None = None
) -> date | None:
    value = text.get(column, "")
    if not value and column in OPTIONAL:
        return default
    try:
        return date.fromisoformat(value[:10] if value.endswith(" 00:00:00") else value)
    except ValueError:
        shown = f"{value!r} is not a date" if value else "is empty"
        fault(column, f"{shown}; write it as 2020-01-31")
        return None
