"""The table of courses that a forecast prints of itself, in a terminal and in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.estimate import quantity
from forecast.layout import html_table, text_table
from forecast.reporting.lexicon import phrase
from forecast.reporting.wording import counted, long_date

if TYPE_CHECKING:
    from forecast.outlook import Forecast

Row = tuple[str, ...]
ANY_LABEL = "At least one dangerous course"


def courses_rows(outlook: Forecast) -> tuple[Row, tuple[Row, ...]]:
    """Head and rows of the table of courses: course, now, within the horizon, words.

    Parameters
    ----------
    outlook
        A forecast. That of a static scenario has no horizon, and no column for it.

    Returns
    -------
    tuple
        The head and the rows, as text. The last row is the union of the dangerous courses.
    """
    horizon = outlook.horizon
    rows = []
    for prospect in outlook.courses:
        ever = (quantity(prospect.within),) if horizon else ()
        name = prospect.course.label + (" *" if prospect.course.dangerous else "")
        rows.append((name, quantity(prospect.now), *ever, phrase(prospect.within).label))
    if outlook.most_dangerous:
        union = quantity(outlook.any_dangerous)
        numbers = ("", union) if horizon else (union,)
        rows.append((f"{ANY_LABEL} (*)", *numbers, phrase(outlook.any_dangerous).label))
    by = (f"by {long_date(horizon)}",) if horizon else ()
    return ("Course", "Now", *by, "In words"), tuple(rows)


def courses_text(outlook: Forecast) -> str:
    """The table of courses as aligned plain text."""
    return f"{_title(outlook)}\n\n{text_table(*courses_rows(outlook))}"


def courses_html(outlook: Forecast) -> str:
    """The table of courses as a fragment of HTML that takes the colours of the page around it."""
    return html_table(_title(outlook), *courses_rows(outlook))


def _title(outlook: Forecast) -> str:
    reports = counted(len(outlook.evidence), "report")
    title = f"{outlook.scenario.title}: as of {long_date(outlook.as_of)}, {reports}"
    failures = outlook.diagnostics.failures
    return title + (f". Do not rely on it: {'; '.join(failures)}" if failures else "")
