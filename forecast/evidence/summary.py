"""What a ledger and evidence print of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from forecast.layout import MOST_ROWS, Row, Summary, shortened
from forecast.wording import counted, long_date, period, plain

if TYPE_CHECKING:
    from forecast.evidence.ledger import Evidence, Ledger
    from forecast.evidence.report import Report

REPORT_HEAD = ("Report", "Event", "Indicator", "Says", "Source", "Grade", "Known")


def ledger_summary(ledger: Ledger) -> Summary:
    """The reports of a ledger, in the order of receipt; those in the middle are left out.

    Parameters
    ----------
    ledger
        The ledger.
    """
    title = f"Ledger: {counted(len(ledger), 'report')}"
    if ledger.reports:
        known = [report.known for report in ledger.reports]
        title += f", known {period(min(known), max(known))}"
    return Summary(title, REPORT_HEAD, _ends(ledger.reports))


def evidence_summary(evidence: Evidence) -> Summary:
    """The reports in force, in the order of their events; those in the middle are left out.

    Parameters
    ----------
    evidence
        What was known at a moment.
    """
    context = len(evidence.context)
    title = f"Evidence as of {long_date(evidence.as_of)}: {counted(len(evidence), 'report')}"
    title += f", {context} of them context" if context else ""
    behind = len(evidence.behind)
    below = (f"{counted(behind, 'report')} superseded or withdrawn.",) if behind else ()
    return Summary(title, REPORT_HEAD, _ends(evidence.reports), below)


def _ends(reports: Sequence[Report]) -> list[Row]:
    """Rows of the first and the last reports, with a row that counts those between them."""
    if len(reports) <= MOST_ROWS + 1:
        return [_report(report) for report in reports]
    half = MOST_ROWS // 2
    between: Row = (f"… {len(reports) - 2 * half} more", *[""] * (len(REPORT_HEAD) - 1))
    first, last = reports[:half], reports[-half:]
    return [*map(_report, first), between, *map(_report, last)]


def _report(report: Report) -> Row:
    statement = (
        f"withdraws {report.supersedes}" if report.is_withdrawal else plain(report.statement)
    )
    return (
        shortened(report.id, 16),
        " to ".join(map(str, dict.fromkeys((report.event_start, report.event_end)))),
        shortened(report.indicator, 20) or "(context)",
        shortened(statement, 18),
        shortened(report.source, 16),
        report.grade,
        f"{report.known}",
    )
