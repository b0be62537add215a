"""The ledger: every report ever received, and what was known at any moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from forecast.errors import InputError, Problem, nearest
from forecast.evidence.report import Report


@dataclass(frozen=True, slots=True)
class Evidence:
    """What an analyst had at one moment: reports in force, in order of their events.

    Attributes
    ----------
    as_of
        Day up to whose end things were known.
    reports
        Reports in force then: known, not superseded, not withdrawn.
    """

    as_of: date
    reports: tuple[Report, ...] = ()

    def __len__(self) -> int:
        return len(self.reports)

    def __iter__(self) -> Iterator[Report]:
        return iter(self.reports)

    @property
    def observations(self) -> tuple[Report, ...]:
        """Reports that speak to a variable."""
        return tuple(report for report in self.reports if not report.is_context)

    @property
    def context(self) -> tuple[Report, ...]:
        """Reports kept for the record only."""
        return tuple(report for report in self.reports if report.is_context)

    def without(self, *ids: str) -> Evidence:
        """The same evidence less some reports.

        Raises
        ------
        InputError
            If a report is not there.
        """
        have = [report.id for report in self.reports]
        unknown = [name for name in ids if name not in have]
        if unknown:
            raise InputError(
                [
                    Problem("report", f"{name!r} is not in the evidence; {nearest(name, have)}")
                    for name in unknown
                ]
            )
        return Evidence(self.as_of, tuple(r for r in self.reports if r.id not in ids))


@dataclass(frozen=True, slots=True)
class Ledger:
    """Reports in the order in which they were received; nothing is ever removed.

    Examples
    --------
    >>> day = date(2020, 1, 8)
    >>> first = Report("R1", "rockets", "none", day, day, day, day, "Reuters", "B", "2")
    >>> later = Report("R2", "rockets", "surge", day, day, day, date(2020, 1, 20), "Reuters",
    ...                "B", "2", supersedes="R1")
    >>> ledger = Ledger((first, later))
    >>> [report.id for report in ledger.known_at(date(2020, 1, 10))]
    ['R1']
    >>> [report.id for report in ledger.known_at(date(2020, 1, 20))]
    ['R2']
    """

    reports: tuple[Report, ...] = ()

    def __len__(self) -> int:
        return len(self.reports)

    def __iter__(self) -> Iterator[Report]:
        return iter(self.reports)

    def known_at(self, moment: date | str) -> Evidence:
        """What an analyst had at the end of a day, revisions and withdrawals included.

        Raises
        ------
        InputError
            If the moment is no date.
        """
        day = as_date(moment)
        known = [report for report in self.reports if report.known <= day]
        gone = {report.supersedes for report in known if report.supersedes}
        kept = [
            report
            for report in known
            if report.id not in gone and not (report.supersedes and not report.state)
        ]
        return Evidence(day, tuple(sorted(kept, key=lambda r: (r.event_start, r.known, r.id))))


def as_date(moment: date | str) -> date:
    """A date from a date or from ISO text."""
    if isinstance(moment, date):
        return moment
    try:
        return date.fromisoformat(moment)
    except (TypeError, ValueError):
        message = f"{moment!r} is not a date; write it as 2020-01-31"
        raise InputError([Problem("date", message)]) from None
