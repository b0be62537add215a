"""The ledger: every report ever received, and what was known at any moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from forecast.arguments import checked
from forecast.corrections import date_meant
from forecast.errors import InputError, Problem, nearest, raise_if_any
from forecast.evidence.plain import DATE_RULE, plain_date, safe_repr
from forecast.evidence.report import Report
from forecast.evidence.report_rows import REPORT_HEAD, report_rows
from forecast.evidence.standing import fallen
from forecast.layout import PrintsItself, Summary
from forecast.wording import counted, long_date, period


@checked
@dataclass(frozen=True, slots=True, repr=False)
class Evidence(PrintsItself):
    """What an analyst had at one moment: reports in force, in order of their events.

    Attributes
    ----------
    as_of
        Day up to whose end things were known.
    reports
        Reports in force then: known, not superseded, not withdrawn.
    behind
        Reports known then and not in force, and withdrawals: what comes back if a report that
        superseded another is taken away.
    about
        Indicators that were asked for; None for all. What superseded a report about one of them
        is behind, whatever it is about.
    """

    as_of: date
    reports: tuple[Report, ...] = ()
    behind: tuple[Report, ...] = ()
    about: frozenset[str] | None = None

    @property
    def _summary(self) -> Summary:
        title = f"Evidence as of {long_date(self.as_of)}: {counted(len(self), 'report')}"
        title += f", {len(self.context)} of them context" if self.context else ""
        behind = f"{counted(len(self.behind), 'report')} superseded or withdrawn."
        below = (behind,) if self.behind else ()
        return Summary(title, REPORT_HEAD, report_rows(self.reports), below)

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
        every = (*self.reports, *self.behind)
        later = {report.supersedes: report.id for report in every if report.supersedes}
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
        rest = tuple(r for r in (*self.reports, *self.behind) if r.id not in {*ids})
        return Ledger(rest).known_at(self.as_of, self.about)


@checked
@dataclass(frozen=True, slots=True, repr=False)
class Ledger(PrintsItself):
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

    @property
    def _summary(self) -> Summary:
        title = f"Ledger: {counted(len(self), 'report')}"
        if self.reports:
            known = [report.known for report in self.reports]
            title += f", known {period(min(known), max(known))}"
        return Summary(title, REPORT_HEAD, report_rows(self.reports))

    def __len__(self) -> int:
        return len(self.reports)

    def __iter__(self) -> Iterator[Report]:
        return iter(self.reports)

    def known_at(self, moment: date | str, about: str | Iterable[str] | None = None) -> Evidence:
        """What an analyst had at the end of a day, revisions and withdrawals included.

        A report is in force unless it was withdrawn, or a revision in force stands in its place.
        What is withdrawn leaves no trace: what a withdrawn revision had replaced is in force
        again, and so is what a withdrawn withdrawal had taken back.

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
        return evidence_of(known, day, asked)

    def later_than(
        self, moment: date | str, about: str | Iterable[str] | None = None
    ) -> tuple[int, date | None]:
        """How many reports became known after the end of a day, and when the newest did.

        Parameters
        ----------
        moment, about
            As in `known_at`.

        Raises
        ------
        InputError
            If the moment is no date.
        """
        day, asked = as_date(moment), asked_about(about)
        known = [r.known for r in self.reports if r.known > day and _is_asked(r, asked)]
        return len(known), max(known, default=None)


def evidence_of(known: Iterable[Report], day: date, asked: frozenset[str] | None) -> Evidence:
    """Evidence of a day from the reports known by then.

    Parameters
    ----------
    known
        Those about the indicators that are asked for, context, and all that supersede another.
    """
    order = sorted(known, key=lambda r: (r.event_start, r.known, r.id))
    gone = fallen((r.id, r.supersedes, r.is_withdrawal) for r in order if r.supersedes)
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
    asked = [names] if isinstance(names, str) else list(names)
    raise_if_any(
        [
            Problem("about", f"{safe_repr(name)} is not the name of a variable")
            for name in asked
            if not isinstance(name, str)
        ]
    )
    return frozenset(asked)


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
        return plain_date(moment)
    except ValueError as error:
        raise InputError([Problem("date", f"{error}; {DATE_RULE}{date_meant(moment)}")]) from None
