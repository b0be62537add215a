"""Taking reports into a ledger: what is new, what is there already and what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, func, insert, select

from forecast.errors import Problem, raise_if_any
from forecast.evidence.checks import find_faults
from forecast.evidence.database import HAS_ORIGIN, LINKS, REPORTS, superseded
from forecast.evidence.records import FIELDS, record_of, reports_of, tidied
from forecast.evidence.report import Report
from forecast.scenario.scenario import Scenario

CHUNK = 5_000
"""Rows that are looked up and stored at once."""

PLAIN = tuple(REPORTS.c[name] for name in FIELDS)
WHOLE = (REPORTS.c.receipt, *PLAIN, REPORTS.c.checksum)

Placed = tuple[str, Report]


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of reports that were handed in.

    Attributes
    ----------
    added
        How many were stored.
    present
        How many were there already, the same in every field.
    left_out
        How many rows of somebody else's table no rule of the mapping speaks of.
    """

    added: int
    present: int = 0
    left_out: int = 0


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
        self._first = 1 + last_receipt(connection)
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
            yield place, report if report.supersedes else replace(report, supersedes=earlier)

    def finish(self, left_out: int = 0) -> Receipt:
        """Say what was stored, or refuse all of it.

        Raises
        ------
        InputError
            With every problem.
        """
        raise_if_any(self._problems)
        return Receipt(self._next - self._first, self._present, left_out)

    def _new_of(self, placed: Sequence[Placed]) -> Iterator[Placed]:
        """Yield reports whose ids are new."""
        names = [report.id for _, report in placed]
        rows = self._connection.execute(select(*WHOLE).where(REPORTS.c.id.in_(names))).all()
        old = [row for row in rows if row[0] < self._first]
        there = {report.id: report for report in reports_of(old, self._name)}
        seen = {row[1] for row in rows if row[0] >= self._first}
        for place, report in placed:
            if report.id in seen:
                message = f"the id {report.id!r} is given to more than one report"
                self._problems.append(Problem(place, message))
            elif report.id not in there:
                yield place, report
            elif there[report.id] == report:
                self._present += 1
            else:
                message = f"the ledger holds another report with the id {report.id!r}; {REVISE}"
                self._problems.append(Problem(place, message))
            seen.add(report.id)

    def _broken_links(self, fresh: Sequence[Placed]) -> Iterator[Problem]:
        """Yield links to reports that became known later, or in a circle.

        A link to a report that is not there is no fault: the report may be on its way.
        """
        by_id = {report.id: report for _, report in fresh}
        wanted = {r.supersedes for r in by_id.values() if r.supersedes} - by_id.keys()
        by_id |= self._reports(wanted)
        for place, report in fresh:
            earlier = by_id.get(report.supersedes)
            if earlier is None:
                continue
            if earlier.known > report.known:
                message = f"{report.id} supersedes {earlier.id}, which became known later"
                yield Problem(place, message)
            elif self._leads_back(report, by_id):
                message = f"{report.id} supersedes itself, directly or through others"
                yield Problem(place, message)

    def _overtaken(self, fresh: Sequence[Placed]) -> Iterator[Problem]:
        """Yield new reports that became known after what was waiting to supersede them."""
        places = {report.id: (place, report) for place, report in fresh}
        waiting = select(REPORTS.c.id, REPORTS.c.supersedes, REPORTS.c.known).where(
            LINKS, REPORTS.c.supersedes.in_(list(places))
        )
        for name, earlier, known in self._connection.execute(waiting):
            place, report = places[earlier]
            if report.known.isoformat() > known:
                yield Problem(place, f"{name} supersedes {earlier}, which became known later")

    def _leads_back(self, report: Report, by_id: dict[str, Report]) -> bool:
        """Whether links lead back to a report; all of a circle became known on one day."""
        current, visited = report, {report.id}
        while current.supersedes:
            if current.supersedes not in by_id:
                by_id |= self._reports({current.supersedes})
            earlier = by_id.get(current.supersedes)
            if earlier is None or earlier.known != report.known:
                return False
            if earlier.id in visited:
                return earlier.id == report.id
            visited.add(earlier.id)
            current = earlier
        return False

    def _last_of(self, origins: set[str]) -> dict[str, str]:
        """Id of the last report of each origin that nothing supersedes."""
        wanted = (HAS_ORIGIN, REPORTS.c.origin.in_(origins), ~superseded())
        found = select(REPORTS.c.origin, REPORTS.c.id).where(*wanted)
        rows = self._connection.execute(found.order_by(REPORTS.c.receipt))
        return {row[0]: row[1] for row in rows}

    def _reports(self, names: set[str]) -> dict[str, Report]:
        if not names:
            return {}
        rows = self._connection.execute(select(*WHOLE).where(REPORTS.c.id.in_(names)))
        return {report.id: report for report in reports_of(rows, self._name)}


REVISE = "nothing is overwritten: give the revision an id of its own and `supersedes`"


def check_report(
    place: str, report: object, scenario: Scenario | None
) -> tuple[Report | None, list[Problem]]:
    """A report fit for storing, or what is wrong with it."""
    if not isinstance(report, Report):
        return None, [Problem(place, f"a {type(report).__name__} is no report")]
    tidy, faults = tidied(report)
    if not faults:
        faults = list(find_faults(tidy, scenario))
    problems = [Problem(f"{place}: {column!r}", message) for column, message in faults]
    return (None if problems else tidy), problems


def last_receipt(connection: Connection) -> int:
    """How many reports were received."""
    return int(connection.execute(select(func.max(REPORTS.c.receipt))).scalar() or 0)
