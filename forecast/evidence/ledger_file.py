"""A ledger in a database: reports of many days, appended by many people, never lost."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from itertools import batched, groupby
from pathlib import Path
from typing import Any, Self

from sqlalchemy import (
    Connection,
    Select,
    and_,
    exists,
    func,
    or_,
    select,
    union_all,
)

from forecast.arguments import checked, short_repr
from forecast.errors import InputError, LedgerFailure, Problem, raise_if_any
from forecast.evidence import formats
from forecast.evidence.change import Change, change_of
from forecast.evidence.database import (
    FORMATS,
    LINK,
    LINKS,
    REPORTS,
    WITHDRAWS,
    check_count,
    check_whole,
    connect,
    name_of,
    reading,
    recovery,
    with_earlier,
    with_later,
    writing,
)
from forecast.evidence.intake import (
    CHUNK,
    WHOLE,
    Intake,
    Receipt,
    check_report,
    checkpoint_of,
    last_receipt,
)
from forecast.evidence.ledger import Evidence, as_date, asked_about, evidence_of
from forecast.evidence.mapped import Candidate, MappedTable
from forecast.evidence.mapping import EventMapping, read_mapping
from forecast.evidence.records import digest_with, listed, place_of, report_of, reports_of
from forecast.evidence.report import Report
from forecast.evidence.report_files import check_columns, read_row
from forecast.evidence.spreadsheet import Table
from forecast.evidence.standing import fallen
from forecast.layout import Summary
from forecast.scenario.scenario import Scenario
from forecast.text import printed

MappingLike = Mapping[str, Any] | str | Path | None
"""What `read_mapping` reads, or nothing for a table of reports."""

EVENT_ORDER = (REPORTS.c.event_start, REPORTS.c.known, REPORTS.c.id)
CLAIM = tuple(
    REPORTS.c[name]
    for name in (
        "source",
        "indicator",
        "event_start",
        "event_end",
        "state",
        "number",
        "upper",
        "exposure",
        "likelihoods",
    )
)


@checked
def open_ledger(address: str | Path, problem: Scenario | None = None) -> LedgerFile:
    """Open a ledger that lives in a database; a file that is not there is made.

    Parameters
    ----------
    address
        Path of an SQLite file on a local disk, or the address of a PostgreSQL database,
        ``postgresql://user@host/name``.
    problem
        Scenario that appended reports must speak to. Without one, only what every report must
        keep is checked when reports come, and the rest when they are used.

    Raises
    ------
    LedgerFailure
        If what is there is no ledger, is damaged, or was written by a newer version of the
        library. It is left as it is.
    """
    return LedgerFile(address, problem)


@checked
class LedgerFile:
    """Reports in a database, in the order in which they were received; nothing is ever removed.

    Several processes may append at once. What `append` and the imports have returned from is on
    the disk. Close the ledger, or use it in a `with` statement.

    Parameters
    ----------
    address
        Path of an SQLite file, or address of a PostgreSQL database.
    problem
        Scenario that appended reports must speak to.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> day = date(2020, 1, 8)
    >>> first = Report("R1", "rockets", "none", day, day, day, day, "Reuters", "B", "2")
    >>> later = Report("R2", "rockets", "surge", day, day, day, date(2020, 1, 20), "Reuters",
    ...                "B", "2", supersedes="R1")
    >>> with TemporaryDirectory() as folder, open_ledger(f"{folder}/ledger.db") as ledger:
    ...     print(ledger.append([first, later]).added)
    ...     print([report.id for report in ledger.known_at("2020-01-10")])
    ...     print(ledger.diff("2020-01-10", "2020-01-20"))
    2
    ['R1']
    after 2020-01-10 and up to 2020-01-20:
      revised       R1  rockets: none (Reuters, B2, known 2020-01-08) → R2, surge
    """

    def __init__(self, address: str | Path, problem: Scenario | None = None) -> None:
        self.name = name_of(address)
        self._problem = problem
        self._path = None if "://" in str(address) else Path(address)
        self._engine = connect(address)
        self._release = weakref.finalize(self, self._engine.dispose)

    def close(self) -> None:
        """Close the database."""
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @printed
    def __repr__(self) -> str:
        try:
            content = f"{len(self):,} reports"
        except Exception:  # noqa: BLE001 - whatever is wrong with it, it can be named
            content = "cannot be read"
        return f"<LedgerFile {self.name}: {content}>"

    def _repr_html_(self) -> str:
        return Summary(repr(self).strip("<>"), (), ()).html

    def __len__(self) -> int:
        with reading(self._engine, self.name) as connection:
            return last_receipt(connection)

    def __iter__(self) -> Iterator[Report]:
        """Every report in the order of receipt, also those that arrive meanwhile."""
        last = 0
        while True:
            page = select(*WHOLE).where(REPORTS.c.receipt > last)
            with reading(self._engine, self.name) as connection:
                rows = connection.execute(page.order_by(REPORTS.c.receipt).limit(CHUNK)).all()
            if not rows:
                return
            yield from reports_of(rows, self.name)
            last = rows[-1][0]

    def append(self, reports: Report | Iterable[Any]) -> Receipt:
        """Store reports, all or none, and return when they are on the disk.

        A report that is there already, or comes twice, the same in every field, is left alone, so
        an append that was interrupted can be repeated. A report may come before the one that it
        supersedes.
        A `datetime` with a time zone is stored as its day in UTC.

        Raises
        ------
        InputError
            With every problem. Nothing is stored then.
        LedgerFailure
            If the database fails, or is busy for minutes. Nothing is stored then.
        """
        given = (reports,) if isinstance(reports, Report) else reports
        checked = (
            (place, *check_report(place, report, self._problem))
            for k, report in enumerate(given, 1)
            for place in [f"report {short_repr(getattr(report, 'id', k))}"]
        )
        return self._store(checked)

    def known_at(self, moment: date | str, about: str | Iterable[str] | None = None) -> Evidence:
        """What an analyst had at the end of a day, revisions and withdrawals included.

        The same as `Ledger.known_at` of the same reports. Only reports known by then are read,
        and of those only the ones about the indicators that are asked for, context, and what
        supersedes another report.

        Parameters
        ----------
        moment
            Day up to whose end things were known.
        about
            Indicators to read about, as the variables of a scenario; all of them if not given.

        Raises
        ------
        InputError
            If the moment is no date.
        LedgerFailure
            If the database fails. A report that is not what was stored is left out, and a
            `LedgerWarning` names it.
        """
        day, asked = as_date(moment), asked_about(about)
        known = REPORTS.c.known <= day.isoformat()
        if asked is None:
            query: Any = select(*WHOLE).where(known).order_by(*EVENT_ORDER)
        else:
            wanted = REPORTS.c.indicator.in_(["", *sorted(asked)])
            direct = select(*WHOLE).where(known, wanted)
            linked = select(*WHOLE).where(known, LINKS, ~wanted)
            query = union_all(direct, linked).order_by(*(column.name for column in EVENT_ORDER))
        with reading(self._engine, self.name) as connection:
            streamed = connection.execution_options(yield_per=CHUNK).execute(query)
            return evidence_of(reports_of(streamed, self.name), day, asked)

    def later_than(
        self, moment: date | str, about: Iterable[str] | None = None
    ) -> tuple[int, date | None]:
        """The same as `Ledger.later_than` of the same reports.

        Raises
        ------
        InputError
            If the moment is no date.
        """
        asked = asked_about(about)
        later = REPORTS.c.known > as_date(moment).isoformat()
        if asked is not None:
            later = and_(later, REPORTS.c.indicator.in_(["", *sorted(asked)]))
        query = select(func.count(), func.max(REPORTS.c.known)).where(later)
        with reading(self._engine, self.name) as connection:
            number, newest = connection.execute(query).one()
        return number, None if newest is None else date.fromisoformat(newest)

    def indicators(self, moment: date | str) -> dict[str, int]:
        """How many reports known by the end of a day speak to each indicator, by its name.

        Raises
        ------
        InputError
            If the moment is no date.
        """
        name = REPORTS.c.indicator
        chosen = and_(name != "", REPORTS.c.known <= as_date(moment).isoformat())
        query = select(name, func.count()).where(chosen).group_by(name).order_by(name)
        with reading(self._engine, self.name) as connection:
            return {row[0]: row[1] for row in connection.execute(query)}

    def diff(self, start: date | str, end: date | str) -> Change:
        """What became known, was revised or was withdrawn after one day and up to another.

        Only what arrived between is read, with what that supersedes and what else did so.

        Raises
        ------
        InputError
            If a moment is no date, or the end is before the start.
        """
        first, last = as_date(start), as_date(end)
        if last < first:
            raise InputError([Problem("end", f"{last} is before the start, {first}")])
        arrived = and_(REPORTS.c.known > first.isoformat(), REPORTS.c.known <= last.isoformat())
        earlier = with_earlier(select(REPORTS.c.supersedes).where(arrived, LINKS))
        touched = with_later(select(earlier.c[0]), last)
        query = select(*WHOLE).where(or_(arrived, REPORTS.c.id.in_(select(touched.c[0]))))
        with reading(self._engine, self.name) as connection:
            return change_of(first, last, self._fetch(connection, query))

    def duplicates(self) -> tuple[tuple[Report, ...], ...]:
        """Reports that say the same: one source, one event, one claim, more than one id.

        They are shown, never merged: withdraw those that are one report entered twice, or give
        them one origin. What was superseded or withdrawn is left out.
        """
        claims = and_(REPORTS.c.indicator != "", ~WITHDRAWS)
        alike = func.count().over(partition_by=CLAIM).label("alike")
        counted = select(*WHOLE, alike).where(claims).subquery()
        query = (
            select(*[counted.c[column.name] for column in WHOLE])
            .where(counted.c.alike > 1)
            .order_by(*[counted.c[column.name] for column in CLAIM], counted.c.receipt)
        )
        with reading(self._engine, self.name) as connection:
            gone = fallen(map(tuple, connection.execute(select(*LINK).where(LINKS))))
            found = [one for one in self._fetch(connection, query) if one.id not in gone]
        groups = (tuple(group) for _, group in groupby(found, key=_claim_of))
        return tuple(group for group in groups if len(group) > 1)

    def waiting(self) -> tuple[Report, ...]:
        """Reports that supersede one that has not come, in order of receipt: late, or misspelt."""
        there = REPORTS.alias("there")
        missing = ~exists().where(there.c.id == REPORTS.c.supersedes)
        query = select(*WHOLE).where(LINKS, missing).order_by(REPORTS.c.receipt)
        with reading(self._engine, self.name) as connection:
            return tuple(self._fetch(connection, query))

    def check(self, receipt: Receipt | str | None = None) -> None:
        """Read everything, and refuse the ledger if anything is not what was stored.

        Whoever can write to the database can rewrite a report with its checksum and the digest of
        all. Only what was kept elsewhere shows that.

        Parameters
        ----------
        receipt
            What an append or an import gave, or its `checkpoint`, kept outside the ledger. All
            that had been received by then must be there, in every field as it was.

        Raises
        ------
        InputError
            If the receipt is none of a ledger.
        LedgerFailure
            With what is damaged, and how to recover.
        """
        kept = None if receipt is None else checkpoint_of(receipt)
        if self._path is not None:
            check_whole(self._path)
        with reading(self._engine, self.name) as connection:
            check_count(connection, self.name)
            fault = self._fault_in(connection, kept)
        if fault:
            raise LedgerFailure(f"{self.name}: {fault}. {recovery(self.name)}")

    def _fault_in(self, connection: Connection, kept: tuple[int, str] | None) -> str:
        """What of the reports is not what was stored, or not in the order of receipt."""
        name, digest = connection.execute(select(FORMATS.c.ledger, FORMATS.c.digest)).one()
        query = select(*WHOLE).order_by(REPORTS.c.receipt)
        number, found, unreadable = 0, name, []
        confirmed = kept in (None, (0, name))
        for row in connection.execution_options(yield_per=CHUNK).execute(query):
            number, found = number + 1, digest_with(found, row[:-1])
            confirmed = confirmed or kept == (number, found)
            if report_of(row) is None:
                unreadable.append(place_of(row))
        if unreadable:
            return f"{listed(unreadable)}: not what was stored"
        if found != digest:
            return "its reports are not those that were received"
        if kept is None or confirmed:
            return ""
        if number < kept[0]:
            return f"{number:,} reports are there, and the receipt is of {kept[0]:,}"
        return f"its first {kept[0]:,} reports are not those of the receipt"

    def import_csv(self, path: str | Path, mapping: MappingLike = None) -> Receipt:
        """Store the reports of a CSV file, all or none.

        Parameters
        ----------
        path
            A file in UTF-8, or in UTF-16 with its mark, with the columns that `read_evidence`
            reads; without a mapping, its header says what parts them.
        mapping
            What its columns mean where they are others: a TOML file, or a dictionary of what such
            a file holds (docs/evidence.md).

        Raises
        ------
        InputError
            With every problem, by line. Nothing is stored then.
        """
        meaning = _mapping(mapping)
        layout = meaning.layout if meaning else formats.Layout()
        with formats.opened_csv(Path(path), layout) as table:
            return self._import(table, meaning)

    def import_excel(self, path: str | Path, mapping: MappingLike = None) -> Receipt:
        """Store the reports of a workbook (.xlsx) of one sheet, all or none."""
        return self._import(formats.opened_excel(Path(path)), _mapping(mapping))

    def import_jsonl(self, path: str | Path) -> Receipt:
        """Store the reports of a file of JSON objects, one on each line, all or none."""
        with formats.opened_jsonl(Path(path)) as table:
            return self._import(table, None)

    def import_parquet(self, path: str | Path, mapping: MappingLike = None) -> Receipt:
        """Store the reports of a Parquet file, all or none."""
        with formats.opened_parquet(Path(path)) as table:
            return self._import(table, _mapping(mapping))

    def import_frame(self, frame: Any, mapping: MappingLike = None) -> Receipt:
        """Store the reports of a data frame, all or none."""
        return self._import(formats.opened_frame(frame), _mapping(mapping))

    def export_csv(self, path: str | Path) -> Path:
        """Write every report, in order of receipt, as CSV that a spreadsheet may open.

        A cell that a spreadsheet would run as a formula gets an apostrophe before it, which
        `import_csv` and `read_evidence` take off again. The file is there whole or not at all.
        """
        return formats.write_csv(self, Path(path))

    def export_jsonl(self, path: str | Path) -> Path:
        """Write every report, in order of receipt, as one JSON object on each line."""
        return formats.write_jsonl(self, Path(path))

    def export_parquet(self, path: str | Path) -> Path:
        """Write every report, in order of receipt, as Parquet."""
        return formats.write_parquet(self, Path(path))

    def export_frame(self) -> Any:
        """Every report, in order of receipt, as a pandas data frame."""
        return formats.frame_of(self)

    def _fetch(self, connection: Connection, query: Select[Any]) -> list[Report]:
        return list(reports_of(connection.execute(query), self.name))

    def _import(self, table: Table, mapping: EventMapping | None) -> Receipt:
        if mapping is None:
            raise_if_any(list(check_columns(table.where, table.columns)))
            return replace(self._store(self._read(table, None)), notes=tuple(table.notes))
        mapped = MappedTable(mapping, table, self._problem)
        receipt = self._store(self._read(table, mapped), mapping.revises)
        aside = mapped.set_aside.total()
        notes = tuple(mapped.notes())
        return replace(receipt, left_out=mapped.left_out, set_aside=aside, notes=notes)

    def _read(self, table: Table, mapped: MappedTable | None) -> Iterator[Candidate]:
        """Read the rows of a table, as far as it can be read."""
        try:
            if mapped is not None:
                yield from mapped.read()
                return
            for place, row in table.rows:
                if isinstance(row, formats.Unreadable):
                    yield place, None, [Problem(place, row.reason)]
                    continue
                report, faults = read_row(place, row, self._problem)
                yield place, None if faults else report, faults
        except InputError as error:
            yield table.where, None, list(error.problems)

    def _store(self, candidates: Iterable[Candidate], revises: bool = False) -> Receipt:
        with writing(self._engine, self.name) as connection:
            intake = Intake(connection, self.name)
            for batch in batched(candidates, CHUNK):
                intake.refuse([problem for _, _, faults in batch for problem in faults])
                placed = [(place, report) for place, report, _ in batch if report is not None]
                intake.take(list(intake.revised(placed)) if revises else placed)
            return intake.finish()


def _mapping(given: MappingLike) -> EventMapping | None:
    return None if given is None else read_mapping(given)


def _claim_of(report: Report) -> tuple[Any, ...]:
    return tuple(getattr(report, column.name) for column in CLAIM)
