"""A plot of an account: bars that lead from one probability to another and add up."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecast.analysis.explanation import Explanation
from forecast.analysis.moves import Move
from forecast.analysis.targets import signed
from forecast.arguments import checked
from forecast.errors import InputError, Problem
from forecast.estimate import percent
from forecast.layout import shortened
from forecast.reporting.plots import BLUE, DANGER, QUIET, ROW, RULE, axes_for, house_style
from forecast.sampling import require_whole
from forecast.text import for_figure

WIDTH, NAME = 6.2, 34
"""Width in inches, and letters of a name."""
MOST_BARS = 12
REST = "all others"


@checked
def plot_account(account: Explanation | Move, *, most: int = MOST_BARS, ax: Any = None) -> Any:
    """Plot why a probability is what it is, or why it moved, as bars that add up.

    Parameters
    ----------
    account
        What `explain` returned, or one `move` of what `compare` returned.
    most
        How many parts have bars of their own; all others share one.
    ax
        Axes to draw into; a new figure's unless they are given.

    Returns
    -------
    matplotlib.axes.Axes
        The first bar is the probability at the start, the last one that at the end; those between
        begin where the one above ends, warm where they add and blue where they take away.

    Raises
    ------
    InputError
        If there would be no bar.

    Examples
    --------
    >>> plot_account(explain(outlook, "storm", "storm"))  # doctest: +SKIP
    >>> plot_account(compare(day1, day2).move("storm=storm"))  # doctest: +SKIP
    """
    require_whole({"most": most}, {"most": 1})
    start, parts = _parts(account)
    if not parts:
        raise InputError([Problem("account", "has no parts")])
    bars = _gathered(parts, most)
    axis = axes_for(ax, (WIDTH, ROW * (len(bars) + 4)))
    with house_style():
        _draw(axis, start, bars)
        axis.set_title(for_figure(account.about), loc="left", size=9)
    return axis


def _parts(account: Explanation | Move) -> tuple[float, list[tuple[str, float]]]:
    """Where an account starts, and its parts in order."""
    if isinstance(account, Move):
        return account.before, [(part.name, part.points) for part in account.parts]
    return account.start, [(each.name, each.points.mean) for each in account.contributions]


def _gathered(parts: list[tuple[str, float]], most: int) -> list[tuple[str, float]]:
    """The largest parts in their order, and all others together."""
    if len(parts) <= most:
        return parts
    sizes = np.array([abs(points) for _, points in parts])
    large = set(np.argsort(-sizes, kind="stable")[: most - 1].tolist())
    rest = sum(points for k, (_, points) in enumerate(parts) if k not in large)
    return [part for k, part in enumerate(parts) if k in large] + [(REST, rest)]


def _draw(ax: Any, start: float, bars: list[tuple[str, float]]) -> None:
    ends = 100 * np.cumsum([start, *(points for _, points in bars)])
    last = len(bars) + 1
    ax.barh([0, last], [ends[0], ends[-1]], height=0.6, color=QUIET)
    for k, (_, points) in enumerate(bars, start=1):
        ax.barh(
            k, ends[k] - ends[k - 1], left=ends[k - 1], height=0.6,
            color=DANGER[0] if points > 0 else BLUE,
        )  # fmt: skip
        ax.plot([ends[k - 1]] * 2, [k - 1, k], color=RULE, lw=0.8, zorder=0)
        ax.text(
            max(ends[k - 1], ends[k]), k, f" {signed(100 * points)}", va="center", size=7,
            color=QUIET,
        )  # fmt: skip
    ax.plot([ends[-1]] * 2, [last - 1, last], color=RULE, lw=0.8, zorder=0)
    for place, value in ((0, ends[0]), (last, ends[-1])):
        ax.text(value, place, f" {percent(value / 100)}", va="center", size=8)
    names = ["at the start", *(name for name, _ in bars), "at the end"]
    ax.set_yticks(range(last + 1), [for_figure(shortened(name, NAME)) for name in names])
    ax.invert_yaxis()
    ax.tick_params(length=0, labelsize=8)
    first = _first_drawn(ends)
    ax.set_xlim(first, ends.max() + 0.14 * max(ends.max() - first, 1e-9))
    ax.set_xlabel(
        "probability in percent" + ("; the axis does not begin at 0" if first else ""),
        size=8,
        color=QUIET,
    )


def _first_drawn(ends: Any) -> float:
    """Where the axis begins: at 0, unless the moves would be too small to be seen."""
    span = float(np.ptp(ends))
    return float(np.floor(ends.min() - span)) if ends.min() > 3 * span > 0 else 0.0
