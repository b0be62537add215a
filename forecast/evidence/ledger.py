"""The ledger: every report ever received, and what was known at any moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import lru_cache

from forecast.arguments import checked
from forecast.errors import InputError, Problem, nearest
from forecast.evidence.report import Report

DATE_RULE = "write it as 2020-01-31"
MIDNIGHT = time()


@checked
@dataclass(frozen=True, slots=True)
class Evidence:
    """What an analyst had at one moment: reports in force, in order of their events.

    Attributes
    ----------
    as_of
        Day up to whose end things were known.
    reports
        Reports in force then: known, not superseded, not withdrawn.
    behind
        Reports known then and no longer in force, and withdrawals: what comes back if a report
        that superseded another is taken away.
    about
        Indicators that were asked for; None for all. What superseded a report about one of them
        is behind, whatever it is about.
    """

    as_of: date
    reports: tuple[Report, ...] = ()
    behind: tuple[Report, ...] = ()
    about: frozenset[str] | None = None

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
        """Evidence as if some reports had never come; what they superseded is in force again.

        Raises
        ------
        InputError
            If a report is not in force.
        """
        have = {report.id for report in self.reports}
        later = {report.supersedes: report.id for report in (*self.reports, *self.behind)}
        unknown = [name for name in ids if name not in have]
        if unknown:
            raise InputError(
                [
                    Problem(
                        "report",
                        f"{name!r} was superseded by {later[name]!r}"
                        if name in later
                        else f"{name!r} is not in the evidence; {nearest(name, sorted(have))}",
                    )
                    for name in unknown
                ]
            )
        rest = tuple(r for r in (*self.reports, *self.behind) if r.id not in ids)
        return Ledger(rest).known_at(self.as_of, self.about)


@checked
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

    def known_at(self, moment: date | str, about: str | Iterable[str] | None = None) -> Evidence:
        """What an analyst had at the end of a day, revisions and withdrawals included.

        Parameters
        ----------
        moment
            Day up to whose end things were known.
        about
            Indicators to read about; all of them if not given. Context is read with any.

        Raises
        ------
        InputError
            If the moment is no date.
        """
        day, asked = as_date(moment), asked_about(about)
        known = [
            report
            for report in self.reports
            if report.known <= day and (report.supersedes or _is_asked(report, asked))
        ]
        gone = {report.supersedes for report in known if report.supersedes}
        order = sorted(known, key=lambda r: (r.event_start, r.known, r.id))
        holds = [
            report.id not in gone and not report.is_withdrawal and _is_asked(report, asked)
            for report in order
        ]
        return Evidence(
            day,
            tuple(report for report, hold in zip(order, holds, strict=True) if hold),
            tuple(report for report, hold in zip(order, holds, strict=True) if not hold),
            asked,
        )


def asked_about(names: str | Iterable[str] | None) -> frozenset[str] | None:
    """Indicators that are asked for, of which one may be given by itself."""
    if names is None:
        return None
    return frozenset([names] if isinstance(names, str) else names)


def _is_asked(report: Report, about: frozenset[str] | None) -> bool:
    return about is None or report.is_context or report.indicator in about


def as_date(moment: date | str) -> date:
    """A date from a date or from ISO text; a moment with a time zone means its day in UTC.

    Raises
    ------
    InputError
        If it is no date, or a moment written without its time zone.

    Examples
    --------
    >>> as_date("2020-01-08T01:30:00+03:00")
    datetime.date(2020, 1, 7)
    """
    try:
        if isinstance(moment, str):
            return read_date(moment)
        if isinstance(moment, datetime):
            return _utc_day(moment) if moment.tzinfo else moment.date()
        if isinstance(moment, date):
            return moment
    except (ValueError, OverflowError):
        pass
    shown = f"{moment!r}" if len(f"{moment!r}") < 100 else f"{moment!r:.80}…"
    raise InputError([Problem("date", f"{shown} is not a date; {DATE_RULE}")])


@lru_cache(maxsize=10_000)
def read_date(text: str) -> date:
    """A date from ISO text; a moment needs its time zone, unless it is midnight.

    Raises
    ------
    ValueError
        If the text is no such date.
    OverflowError
        If its day in UTC is outside the calendar.
    """
    if len(text) <= len("2020-01-31"):
        return date.fromisoformat(text)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo:
        return _utc_day(moment)
    if moment.time() != MIDNIGHT:
        raise ValueError("a moment without its time zone")
    return moment.date()


def _utc_day(moment: datetime) -> date:
    return moment.astimezone(UTC).date()
