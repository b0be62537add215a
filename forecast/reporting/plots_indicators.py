"""A plot of reports in time: every indicator in a row, and what was reported of it when."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from forecast.analysis.weighing import stated_state
from forecast.arguments import checked
from forecast.errors import InputError, Problem
from forecast.evidence.report import Report
from forecast.layout import shortened
from forecast.outlook import Forecast
from forecast.reporting.plots import (
    BLUE,
    INK,
    PALE,
    QUIET,
    RULE,
    axes_for,
    date_axis,
    house_style,
    tint,
)
from forecast.scenario.scenario import Variable
from forecast.text import for_figure
from forecast.wording import plain, short_date

ROW, LABEL = 0.3, 62
"""Height of a row in inches, and letters of an indicator's name."""
MOST_ROWS = 40


@checked
def plot_indicators(outlook: Forecast, *, ax: Any = None) -> Any:
    """Plot what was reported of each indicator, and when: the indicator board over time.

    Parameters
    ----------
    outlook
        A forecast.
    ax
        Matplotlib axes to draw into; new ones if none are given.

    Returns
    -------
    matplotlib.axes.Axes
        One row for each indicator, those with the latest reports on top, those without any below.
        A mark for each report, a bar where the event has no one date: hollow for the first state,
        the darker the later a state stands in the indicator's order. Latest states are named.

    Raises
    ------
    InputError
        If the scenario has no indicators.

    Examples
    --------
    >>> plot_indicators(outlook).figure.savefig("board.png")  # doctest: +SKIP
    """
    rows = _rows(outlook)
    if not rows:
        raise InputError(
            [Problem("forecast", "its scenario has no indicators, so nothing to plot")]
        )
    axis = axes_for(ax, (9.6, 1.1 + ROW * len(rows)))
    with house_style():
        days = _days(outlook)
        for place, (variable, reports) in enumerate(rows):
            axis.axhline(place, color=RULE if reports else PALE, lw=0.8, zorder=0)
            for report in reports:
                _draw_report(axis, variable, report, place)
            latest = _latest(variable, reports[-1]) if reports else "no report"
            _name_latest(axis, latest, place, INK if reports else QUIET)
        _finish(axis, rows, outlook, days)
    return axis


def _rows(outlook: Forecast) -> list[tuple[Variable, list[Report]]]:
    """Indicators with their reports in order of time; the latest event on top."""
    found = []
    for name, variable in outlook.scenario.with_role("indicator").items():
        reports = [each for each in outlook.evidence.observations if each.indicator == name]
        reports.sort(key=lambda each: (each.event_end, each.event_start, each.known, each.id))
        found.append((variable, reports))
    reported = [row for row in found if row[1]]
    reported.sort(key=lambda row: row[1][-1].event_end, reverse=True)
    return [*reported, *(row for row in found if not row[1])][:MOST_ROWS]


def _days(outlook: Forecast) -> list[date]:
    """First and last day that are drawn."""
    timeline = outlook.scenario.timeline
    starts = [each.event_start for each in outlook.evidence.observations if each.indicator]
    first = min([*starts, *([timeline.start] if timeline else [])], default=outlook.as_of)
    return [min(first, outlook.as_of - timedelta(days=7)), outlook.as_of]


def _draw_report(axis: Any, variable: Variable, report: Report, place: int) -> None:
    rank = _rank(variable, report)
    face = "white" if rank == 0 else tint(rank)
    edge = BLUE if rank == 0 else tint(max(rank, 0.6))
    if report.event_end > report.event_start:
        ends = [report.event_start, report.event_end]
        axis.plot(ends, [place, place], color=edge, lw=4, solid_capstyle="butt", alpha=0.45)
    middle = report.event_start + (report.event_end - report.event_start) / 2
    axis.plot(middle, place, "o", ms=7, mfc=face, mec=edge, mew=1.2)


def _rank(variable: Variable, report: Report) -> float:
    """How late the stated state stands in the indicator's order, from 0 to 1."""
    states, state = variable.states, stated_state(variable, report)
    return states.index(state) / max(len(states) - 1, 1) if state in states else 0.5


def _latest(variable: Variable, report: Report) -> str:
    return f"{plain(stated_state(variable, report))}, {short_date(report.event_end)}"


def _name_latest(axis: Any, text: str, place: int, color: str) -> None:
    axis.annotate(
        for_figure(shortened(text, LABEL)), (1.015, place), xycoords=("axes fraction", "data"),
        va="center", size=8, color=color, annotation_clip=False,
    )  # fmt: skip


def _finish(
    axis: Any, rows: Sequence[tuple[Variable, list[Report]]], outlook: Forecast, days: list[date]
) -> None:
    names = [for_figure(shortened(variable.label, LABEL)) for variable, _ in rows]
    axis.set_yticks(np.arange(len(rows)), names)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    margin = timedelta(days=1 + (days[1] - days[0]).days // 30)
    date_axis(axis, [days[0] - margin, days[1] + margin])
    axis.axvline(outlook.as_of, color=INK, lw=0.8)
    axis.tick_params(axis="x", labelsize=8, labelcolor=QUIET, color=QUIET)
    axis.tick_params(axis="y", length=0, labelsize=8)
    for label, (_, reports) in zip(axis.get_yticklabels(), rows, strict=True):
        label.set_color(INK if reports else QUIET)
    axis.set_xlabel(
        f"reports by the date of their events, as of {short_date(outlook.as_of)}\n"
        "hollow: the first state; darker: a later one; bar: no certain date",
        size=8, color=QUIET,
    )  # fmt: skip
