"""Reports as rows of the table that a ledger or evidence prints of itself."""

from __future__ import annotations

from collections.abc import Sequence

from forecast.evidence.report import Report
from forecast.layout import MOST_ROWS, Row, shortened
from forecast.wording import plain

REPORT_HEAD = ("Report", "Event", "Indicator", "Says", "Source", "Grade", "Known")


def report_rows(reports: Sequence[Report]) -> list[Row]:
    """Rows of the first and the last reports, with a row that counts those between them."""
    if len(reports) <= MOST_ROWS + 1:
        return [_row(report) for report in reports]
    half = MOST_ROWS // 2
    between: Row = (f"… {len(reports) - 2 * half} more", *[""] * (len(REPORT_HEAD) - 1))
    first, last = reports[:half], reports[-half:]
    return [*map(_row, first), between, *map(_row, last)]


def _row(report: Report) -> Row:
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
