"""Plots of results that are lists: courses, what to look for, and when a course would come."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecast.analysis.watch_list import WatchList
from forecast.arguments import checked
from forecast.course_outlook import ANY_LABEL
from forecast.errors import InputError, Problem
from forecast.estimate import MASS_TEXT, Estimate, percent, quantity
from forecast.outlook import Forecast
from forecast.reporting.plots import (
    BLUE,
    BY_A_DAY,
    DANGER,
    INK,
    QUARTERS,
    QUIET,
    axes_for,
    house_style,
    percent_marks,
    wrapped,
)
from forecast.text import flat, for_figure, visible
from forecast.wording import long_date, plain

ROW = 0.42
"""Height of one row, in inches."""
WIDTH = 7.2
MOST_ROWS = 12


def _rows_for(ax: Any, rows: int) -> Any:
    """The axes given, or new ones with room for some rows."""
    return axes_for(ax, (WIDTH, 1.0 + ROW * rows))


@checked
def plot_courses(outlook: Forecast, *, ax: Any = None) -> Any:
    """Draw every course as an interval, with the number beside it: a forest plot.

    Parameters
    ----------
    outlook
        A forecast.
    ax
        Matplotlib axes to draw into; new ones if none are given.

    Returns
    -------
    matplotlib.axes.Axes
        Of dangerous courses and their union, in orange and black, the probability of being under
        way at least once within the horizon; of others the expected share of the days; now, of a
        static scenario.

    Examples
    --------
    >>> plot_courses(outlook).figure.savefig("courses.png")  # doctest: +SKIP
    """
    lines = [
        (each.course.label, each.within if each.course.dangerous else each.average, each.course)
        for each in outlook.courses
    ]
    rows: list[tuple[str, Estimate, str]] = [
        (
            label + ("" if outlook.horizon is None or course.dangerous else " (share of days)"),
            found,
            DANGER[0] if course.dangerous else BLUE,
        )
        for label, found, course in lines
    ]
    if outlook.most_dangerous:
        rows.append((ANY_LABEL, outlook.any_dangerous, INK))
    axis = _rows_for(ax, len(rows))
    with house_style():
        for place, (_, found, color) in enumerate(rows):
            axis.plot([found.lower, found.upper], [place, place], color=color, lw=4, alpha=0.45)
            axis.plot(found.mean, place, "o", color=color, ms=6, clip_on=False)
            axis.text(1.02, place, quantity(found), va="center", size=9, color=color)
        until = f"to {long_date(outlook.horizon)}" if outlook.horizon else "now"
        _finish(axis, [label for label, *_ in rows], f"probability {until}, {MASS_TEXT} intervals")
        _percents(axis)
    return axis


@checked
def plot_watch_list(found: WatchList, *, ax: Any = None) -> Any:
    """Draw what a report about each indicator is expected to tell, the most telling on top.

    Parameters
    ----------
    found
        What `watch_list` returned.
    ax
        Matplotlib axes to draw into; new ones if none are given.

    Returns
    -------
    matplotlib.axes.Axes
        A bar for each of the first twelve indicators, in bits, with its most telling finding.

    Raises
    ------
    InputError
        If nothing is on the list.
    """
    leads = found.leads[:MOST_ROWS]
    if not leads:
        raise InputError([Problem("watch_list", "names no indicator, so nothing to plot")])
    axis = _rows_for(ax, len(leads))
    with house_style():
        bits = [lead.bits for lead in leads]
        axis.barh(range(len(leads)), bits, height=0.6, color=BLUE)
        for place, lead in enumerate(leads):
            best = lead.telling
            text = "" if best is None else f"{plain(best.state)}: then {percent(best.given)}"
            axis.annotate(
                for_figure(visible(text)), (lead.bits, place), xytext=(4, 0),
                textcoords="offset points", va="center", size=8, color=QUIET,
            )  # fmt: skip
        names = [lead.label or plain(lead.indicator) for lead in leads]
        _finish(axis, names, f"expected information of a report about {found.event}, in bits")
        axis.set_xlim(0, 1.3 * max(*bits, 1e-12))
        axis.locator_params(axis="x", nbins=4)
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    return axis


@checked
def plot_first_passage(outlook: Forecast, *, ax: Any = None) -> Any:
    """Draw when each dangerous course would first be under way: curves that add up over days.

    Parameters
    ----------
    outlook
        A forecast of a scenario with a clock and a dangerous course.
    ax
        Matplotlib axes to draw into; new ones if none are given.

    Returns
    -------
    matplotlib.axes.Axes
        The probability of having been under way by each day, with intervals.

    Raises
    ------
    InputError
        If the scenario has no clock, or no course is dangerous.
    """
    from forecast.reporting.plots import draw_cumulative

    if outlook.scenario.timeline is None:
        raise InputError([Problem("forecast", "its scenario has no clock, so nothing to plot")])
    if not outlook.most_dangerous:
        raise InputError([Problem("forecast", "none of its courses is dangerous")])
    axis = _rows_for(ax, 7)
    with house_style():
        draw_cumulative(axis, outlook)
        axis.set_title(f"{BY_A_DAY}, {MASS_TEXT} intervals", loc="left", fontsize=9)
    return axis


def _finish(axis: Any, labels: list[str], title: str) -> None:
    """Names of the rows from the top, and what the scale is."""
    axis.set_yticks(np.arange(len(labels)), [wrapped(each, 44, most_lines=2) for each in labels])
    axis.set_ylim(len(labels) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0, labelsize=9, labelcolor=INK)
    axis.tick_params(axis="x", labelsize=8, labelcolor=QUIET)
    axis.set_xlabel(for_figure(visible(flat(title))), size=8.5, color=QUIET)


def _percents(axis: Any) -> None:
    axis.set_xlim(0, 1)
    axis.set_xticks(QUARTERS, percent_marks(QUARTERS))
