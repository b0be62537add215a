"""The table of courses that a forecast prints of itself, in a terminal and in a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from forecast.estimate import quantity
from forecast.reporting.lexicon import phrase
from forecast.reporting.wording import counted, long_date

if TYPE_CHECKING:
    from forecast.outlook import Forecast

Row = tuple[str, ...]
ANY_LABEL = "At least one dangerous course"
_CELL = "padding:.3em .8em .3em 0;text-align:left;vertical-align:top;white-space:{space}"
_RULE = "border-bottom:1px solid rgba(128,128,128,.35)"


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
    head, rows = courses_rows(outlook)
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(cells: Row) -> str:
        pairs = zip(cells, widths, strict=True)
        return "  ".join(cell.ljust(width) for cell, width in pairs).rstrip()

    rule = "  ".join("-" * width for width in widths)
    return "\n".join([_title(outlook), "", line(head), rule, *map(line, rows)])


def courses_html(outlook: Forecast) -> str:
    """The table of courses as a fragment of HTML that takes the colours of the page around it."""
    head, rows = courses_rows(outlook)
    titles = "".join(_cell("th", cell, "normal") for cell in head)
    body = "".join(f'<tr style="{_RULE}">{_cells(row)}</tr>' for row in rows)
    return (
        '<table style="border-collapse:collapse;color:inherit;background:none">'
        '<caption style="text-align:left;caption-side:top;padding:.3em 0;color:inherit">'
        f"{escape(_title(outlook))}</caption>"
        f'<thead><tr style="{_RULE}">{titles}</tr></thead><tbody>{body}</tbody></table>'
    )


def _cells(row: Row) -> str:
    spaces = ["normal"] + ["nowrap"] * (len(row) - 2) + ["normal"]
    return "".join(_cell("td", cell, space) for cell, space in zip(row, spaces, strict=True))


def _cell(tag: str, text: str, space: str) -> str:
    return f'<{tag} style="{_CELL.format(space=space)}">{escape(text)}</{tag}>'


def _title(outlook: Forecast) -> str:
    reports = counted(len(outlook.evidence), "report")
    title = f"{outlook.scenario.title}: as of {long_date(outlook.as_of)}, {reports}"
    failures = outlook.diagnostics.failures
    return title + (f". Do not rely on it: {'; '.join(failures)}" if failures else "")
