"""The table of courses that a forecast prints of itself, in a terminal and in a notebook."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from forecast.estimate import Estimate, quantity
from forecast.layout import html_table, text_table
from forecast.lexicon import phrase
from forecast.wording import counted, long_date, period

if TYPE_CHECKING:
    from forecast.outlook import Forecast

TextRow = tuple[str, ...]
ANY_LABEL = "At least one dangerous course"


def courses_rows(outlook: Forecast) -> tuple[TextRow, tuple[TextRow, ...]]:
    """Head and rows of the table of courses: course, now, share of days, at least once, words.

    Parameters
    ----------
    outlook
        A forecast. That of a static scenario has no days ahead, and no columns for them.

    Returns
    -------
    tuple
        The head and the rows, as text. What happens at least once is given for dangerous courses
        only; the last row is their union.
    """
    if outlook.horizon is None:
        return _static_rows(outlook)
    rows = []
    for prospect in outlook.courses:
        dangerous = prospect.course.dangerous
        name = prospect.course.label + (" *" if dangerous else "")
        ever = _in_numbers_and_words(prospect.within) if dangerous else ("", "")
        rows.append((name, quantity(prospect.now), quantity(prospect.average), *ever))
    head = ("Course", "Now", "Share of days", "At least once", "In words")
    if not outlook.most_dangerous:
        return head[:3], tuple(row[:3] for row in rows)
    rows.append((f"{ANY_LABEL} (*)", "", "", *_in_numbers_and_words(outlook.any_dangerous)))
    return head, tuple(rows)


def _static_rows(outlook: Forecast) -> tuple[TextRow, tuple[TextRow, ...]]:
    rows = [
        (each.course.label + (" *" if each.course.dangerous else ""), each.now)
        for each in outlook.courses
    ]
    if outlook.most_dangerous:
        rows.append((f"{ANY_LABEL} (*)", outlook.any_dangerous))
    return ("Course", "Now", "In words"), tuple(
        (label, *_in_numbers_and_words(found)) for label, found in rows
    )


def _in_numbers_and_words(found: Estimate) -> tuple[str, str]:
    return quantity(found), phrase(found).label


def courses_text(outlook: Forecast) -> str:
    """The table of courses as aligned plain text."""
    return f"{_title(outlook)}\n\n{text_table(*courses_rows(outlook))}"


def courses_html(outlook: Forecast) -> str:
    """The table of courses as a fragment of HTML that takes the colours of the page around it."""
    return html_table(_title(outlook), *courses_rows(outlook))


def _title(outlook: Forecast) -> str:
    reports = counted(len(outlook.evidence), "report")
    title = f"{outlook.scenario.title}: as of {long_date(outlook.as_of)}, {reports}"
    if outlook.horizon:
        title += f"; days ahead {period(outlook.as_of + timedelta(days=1), outlook.horizon)}"
        title += f", if {outlook.condition}" if outlook.condition else ""
    failures = outlook.diagnostics.failures
    return title + (f". Do not rely on it: {'; '.join(failures)}" if failures else "")
