"""Taking reports into a ledger: what is new, what is there already and what is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from sqlalchemy import Connection, and_, insert, select, update

from forecast.arguments import short_repr
from forecast.errors import InputError, LedgerFailure, Problem, raise_if_any
from forecast.evidence.database import FORMATS, HAS_ORIGIN, LINK, LINKS, REPORTS, in_any, with_later
from forecast.evidence.records import digest_with, record_of, report_of
from forecast.evidence.report import FIELDS, Report
from forecast.evidence.report_checks import find_faults
from forecast.evidence.standing import fallen, in_circle
from forecast.scenario.scenario import Scenario

CHUNK = 5_000
"""Rows that are looked up and stored at once."""

PLAIN = tuple(REPORTS.c[name] for name in FIELDS)
WHOLE = (REPORTS.c.receipt, *PLAIN, REPORTS.c.checksum)

CHECKPOINT = re.compile(r"[0-9]{1,18}:(?:[0-9a-f]{32}){1,2}")
"""A number of reports and a digest: SHA-256, or the name of the ledger before the first report."""

Placed = tuple[str, Report]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of reports that were handed in.

    Attributes
    ----------
    added
        How many were stored.
    present
        How many were there already, the same in every field, or were handed in more than once.
    left_out
        How many rows of somebody else's table no rule of the mapping speaks of.
    set_aside
        How many rows a rule fits that cannot be reports: their events were before the scenario
        begins, or a cell that is needed holds nothing.
    notes
        What was decided while the table was read.
    received
        How many reports the ledger had received in all when it returned.
    digest
        Digest of all of these in their order of receipt.
    """

    added: int
    present: int = 0
    left_out: int = 0
    set_aside: int = 0
    notes: tuple[str, ...] = ()
    received: int = 0
    digest: str = ""

    @property
    def checkpoint(self) -> str:
        """What was received and its digest, as one word to keep outside the ledger for `check`."""
        return f"{self.received}:{self.digest}"


def checkpoint_of(receipt: Receipt | str) -> tuple[int, str]:
    """How many reports a receipt says were received, and their digest.

    Raises
    ------
    InputError
        If the text is no checkpoint, or the receipt is not one of a ledger.

    Examples
    --------
    >>> checkpoint_of("2:0123456789abcdef0123456789abcdef")
    (2, '0123456789abcdef0123456789abcdef')
    """
    text = receipt.checkpoint if isinstance(receipt, Receipt) else receipt.strip()
    if not CHECKPOINT.fullmatch(text):
        message = (
            f"{short_repr(text)} is no checkpoint; an append gives one, `append(…).checkpoint`"
        )
        raise InputError([Problem("receipt", message)])
    received, digest = text.split(":")
    return int(received), digest


class Intake:
    """One append: nothing of it is kept unless everything can be.

    Parameters
    ----------
    connection
        The ledger, with no other writer.
    name
        What it is called in messages.
    """

    def __init__(self, connection: Connection, name: str) -> None:
        self._connection = connection
        self._name = name
        received = connection.execute(select(FORMATS.c.received, FORMATS.c.digest)).one()
        self._first = 1 + received[0]
        self._digest = received[1]
        self._next = self._first
        self._present = 0
        self._problems: list[Problem] = []

    def refuse(self, problems: Sequence[Problem]) -> None:
        """Remember why the append cannot be kept."""
        self._problems += problems

    def take(self, placed: Sequence[Placed]) -> None:
        """Store checked reports, and remember what is wrong between them and what is there."""
        fresh = list(self._new_of(placed))
        self._problems += self._broken_links(fresh)
        self._problems += self._overtaken(fresh)
        records = [record_of(report, k) for k, (_, report) in enumerate(fresh, self._next)]
        if records:
            self._connection.execute(insert(REPORTS), records)
            self._read_back([report for _, report in fresh])
            for record in records:
                self._digest = digest_with(self._digest, [*record.values()][:-1])
            self._next += len(records)

    def revised(self, placed: Sequence[Placed]) -> Iterator[Placed]:
        """Yield reports that each supersede the last one of their origin, if they name none."""
        stored = self._reports({report.id for _, report in placed})
        last = self._last_of({report.origin for _, report in placed})
        for place, report in placed:
            earlier = last.get(report.origin, "")
            if report.id in stored:
                earlier = stored[report.id].supersedes
            elif report.origin:
                last[report.origin] = report.id
            found = report if report.supersedes else replace(report, supersedes=earlier)
            stored.setdefault(report.id, found)
            yield place, found

    def finish(self) -> Receipt:
        """Say what was stored, or refuse all of it.

        Raises
        ------
        InputError
            With every problem.
        """
        raise_if_any(self._problems)
        if self._next > self._first:
            self._connection.execute(
                update(FORMATS).values(received=self._next - 1, digest=self._digest)
            )
        return Receipt(
            added=self._next - self._first,
            present=self._present,
            received=self._next - 1,
            digest=self._digest,
        )

    def _read_back(self, reports: Sequence[Report]) -> None:
        """Refuse everything if what was just stored does not read as what was handed in."""
        new = select(*WHOLE).where(REPORTS.c.receipt >= self._next).order_by(REPORTS.c.receipt)
        rows = self._connection.execute(new).all()
        for report, row in zip_longest(reports, rows):
            if row is None or report_of(row) != report:
                fault = f"report {short_repr(report.id)} reads back as another; nothing was stored"
                raise LedgerFailure(f"{self._name}: {fault}")

    def _new_of(self, placed: Sequence[Placed]) -> Iterator[Placed]:
        """Yield reports whose ids are new."""
        names = [report.id for _, report in placed]
        rows = self._connection.execute(select(*WHOLE).where(REPORTS.c.id.in_(names))).all()
        there = {row[1]: report_of(row) for row in rows}
        fresh = {row[1] for row in rows if row[0] >= self._first}
        for place, report in placed:
            if report.id not in there:
                there[report.id] = report
                fresh.add(report.id)
                yield place, report
            elif there[report.id] == report:
                self._present += 1
            elif report.id in fresh:
                message = f"the id {report.id!r} is given to more than one report"
                self._problems.append(Problem(place, message))
            else:
                other = "another report" if there[report.id] else "a report that cannot be read,"
                message = f"the ledger holds {other} with the id {report.id!r}; {REVISE}"
                self._problems.append(Problem(place, message))

    def _broken_links(self, fresh: Sequence[Placed]) -> Iterator[Problem]:
        """Yield links to reports that became known later, or in a circle.

        A link to a report that is not there is no fault: the report may be on its way.
        """
        by_id = {report.id: report for _, report in fresh}
        by_id |= self._superseded_by(by_id)
        circle = in_circle({r.id: r.supersedes for r in by_id.values() if r.supersedes})
        for place, report in fresh:
            earlier = by_id.get(report.supersedes)
            if earlier is None:
                continue
            if earlier.known > report.known:
                message = f"{report.id} supersedes {earlier.id}, which became known later"
                yield Problem(place, message)
            elif report.id in circle:
                message = f"{report.id} supersedes itself, directly or through others"
                yield Problem(place, message)

    def _superseded_by(self, fresh: Mapping[str, Report]) -> dict[str, Report]:
        """Stored reports that new ones supersede; all that these do if a circle may close.

        One can close only if a stored report waits for a new one, and all of it became known on
        one day.
        """
        wanted = {(report.supersedes, report.known) for report in fresh.values()}
        there = self._reports({name for name, _ in wanted if name})
        found = there if any(True for _ in self._waiting_for(fresh)) else {}
        while found:
            wanted = {
                (report.supersedes, report.known)
                for report in found.values()
                if (report.id, report.known) in wanted
            }
            found = self._reports({name for name, _ in wanted if name} - there.keys())
            there |= found
        return there

    def _waiting_for(self, names: Iterable[str]) -> Iterator[tuple[str, str, str]]:
        """Yield id, what is superseded and known of stored reports that supersede new ones."""
        waiting = select(REPORTS.c.id, REPORTS.c.supersedes, REPORTS.c.known)
        query = waiting.where(LINKS, REPORTS.c.supersedes.in_(list(names)))
        for row in self._connection.execute(query):
            yield row[0], row[1], row[2]

    def _overtaken(self, fresh: Sequence[Placed]) -> Iterator[Problem]:
        """Yield new reports that became known after what was waiting to supersede them."""
        places = {report.id: (place, report) for place, report in fresh}
        for name, earlier, known in self._waiting_for(places):
            place, report = places[earlier]
            if report.known.isoformat() > known:
                yield Problem(place, f"{name} supersedes {earlier}, which became known later")

    def _last_of(self, origins: set[str]) -> dict[str, str]:
        """Id of the last report of each origin that stands."""
        wanted = and_(HAS_ORIGIN, REPORTS.c.origin.in_(origins))
        later = with_later(select(REPORTS.c.id).where(wanted))
        gone = fallen(map(tuple, self._connection.execute(select(*LINK).where(in_any(later)))))
        found = select(REPORTS.c.origin, REPORTS.c.id).where(wanted).order_by(REPORTS.c.receipt)
        return {row[0]: row[1] for row in self._connection.execute(found) if row[1] not in gone}

    def _reports(self, names: set[str]) -> dict[str, Report]:
        """Those of some reports that are there and can be read."""
        if not names:
            return {}
        rows = self._connection.execute(select(*WHOLE).where(REPORTS.c.id.in_(names)))
        return {report.id: report for report in map(report_of, rows) if report}


REVISE = "nothing is overwritten: give the revision an id of its own and `supersedes`"


def check_report(
    place: str, report: object, scenario: Scenario | None
) -> tuple[Report | None, list[Problem]]:
    """A report fit for storing, or what is wrong with it."""
    if not isinstance(report, Report):
        return None, [Problem(place, f"a {type(report).__name__} is no report")]
    faults = find_faults(report, scenario)
    problems = [Problem(f"{place}: {column!r}", message) for column, message in faults]
    return (None if problems else report), problems


def last_receipt(connection: Connection) -> int:
    """How many reports were received."""
    return int(connection.execute(select(FORMATS.c.received)).scalar_one())
