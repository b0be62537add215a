"""Plots of answers: before and after evidence, what they rest on, how they turned out, what if."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np

from forecast.analysis.frames import ANSWER, MEAN, Sensitivity
from forecast.analysis.report_making import prior_and_posterior
from forecast.analysis.what_if import UNSUPPOSED, WhatIf
from forecast.arguments import checked, short_repr
from forecast.course_outlook import ANY_LABEL
from forecast.errors import InputError, Problem
from forecast.estimate import MASS_TEXT, Estimate, percent, quantity
from forecast.layout import shortened
from forecast.outlook import Forecast
from forecast.reporting.plots import (
    BLUE,
    DASHES,
    INK,
    PALE,
    QUARTERS,
    QUIET,
    RULE,
    axes_for,
    ceiling_of,
    draw_as_of,
    draw_band,
    house_style,
    name_ends,
    percent_marks,
    scale_up,
    wrapped,
)
from forecast.sampling import require_whole
from forecast.scenario.warning import ANY_DANGEROUS
from forecast.text import for_figure
from forecast.verification.scores import Reliability
from forecast.verification.scoring import Scores
from forecast.wording import MINUS, long_date, plain

ROW = 0.4
"""Height of one row, in inches."""
MOST_ROWS = 12
UNDRAWN = ("credible_interval", "point_estimate", "point_estimate_text", "title", "rug")
LABEL = 52
"""Letters of a judgement's name."""
PALE_BLUE = "#9cc3de"
BRANCHES = (BLUE, "#56a5d6", "#5b3a8c", "#1d7a5f")
"""Colours of what is supposed, cool and far apart in lightness; dashes tell them apart too."""


@checked
def plot_prior_posterior(outlook: Forecast, course: str = "", *, ax: Any = None) -> Any:
    """Plot the probability of a course before any report beside that given all reports.

    The curves are ArviZ's, `arviz_plots.plot_dist`: how the probability spreads over
    draws of the uncertain tables.

    Parameters
    ----------
    outlook
        A forecast.
    course
        "variable=state", or "any dangerous course"; the latter, or the most likely course where
        none is dangerous, if none is given.
    ax
        Matplotlib axes to draw into; new ones if none are given.

    Returns
    -------
    matplotlib.axes.Axes
        Two curves, each with its mean and its 90 % interval below.

    Raises
    ------
    InputError
        If the course is unknown.

    Examples
    --------
    >>> plot_prior_posterior(outlook, "storm=storm")  # doctest: +SKIP
    """
    name = course or _subject(outlook)
    tree = prior_and_posterior(outlook, name)
    axis = axes_for(ax, (6.2, 3.2))
    groups = {group: tree[group][name].to_numpy() for group in ("prior", "posterior")}
    for group, color in zip(groups, (QUIET, BLUE), strict=True):
        _draw_density(axis, tree[group].to_dataset(), name, color)
    with house_style():
        top = axis.get_ylim()[1]
        axis.set_ylim(-0.26 * top, 1.05 * top)
        for k, (group, values) in enumerate(groups.items()):
            found, color = Estimate.of(values), (QUIET, BLUE)[k]
            place = -(0.08 + 0.1 * k) * top
            axis.plot([found.lower, found.upper], [place, place], color=color, lw=3.5, alpha=0.6)
            axis.plot(found.mean, place, "o", color=color, ms=5)
            label = "before any report" if group == "prior" else "given all reports"
            axis.annotate(
                f"{label}: {quantity(found)}", (1, 0.98 - 0.09 * k), xycoords="axes fraction",
                ha="right", va="top", size=9, color=color,
                fontweight="bold" if k else "normal",
            )  # fmt: skip
        end = ceiling_of(max(float(np.quantile(values, 0.995)) for values in groups.values()))
        _finish(axis, end, f"probability, with {MASS_TEXT} intervals over draws of the tables")
        axis.set_title(for_figure(_about(outlook, name)), loc="left", size=9.5)
    return axis


def _subject(outlook: Forecast) -> str:
    likely = outlook.most_likely
    return ANY_DANGEROUS if outlook.most_dangerous else f"{likely.variable}={likely.state}"


def _about(outlook: Forecast, name: str) -> str:
    """What the probability of a course is the probability of, in a few words."""
    if name == ANY_DANGEROUS:
        label, dangerous = ANY_LABEL, True
    else:
        variable, state = name.split("=", 1)
        course = outlook.scenario.courses[variable, state]
        label, dangerous = course.label, course.dangerous
    if outlook.horizon is None:
        return f"{label}, now"
    how = "at least once" if dangerous else "share of the days"
    return f"{shortened(label, LABEL)}: {how} to {long_date(outlook.horizon)}"


def _draw_density(axis: Any, draws: Any, name: str, color: str) -> None:
    """Let ArviZ draw the density of one variable into the axes.

    Its `plot_prior_posterior` draws both in this way, and a legend that cannot be left out.
    """
    import arviz_plots
    import xarray as xr

    plots: Any = arviz_plots
    place = xr.Dataset({name: ((), np.array(axis, dtype=object))})
    zero = xr.Dataset({name: ((), 0)})
    figure = xr.Dataset({"figure": ((), np.array(axis.figure, dtype=object))})
    panels = {"/": figure, "plot": place, "row_index": zero, "col_index": zero}
    plots.plot_dist(
        xr.DataTree.from_dict({"posterior": draws}),
        var_names=[name],
        kind="kde",
        plot_collection=plots.PlotCollection(
            draws, xr.DataTree.from_dict(panels), backend="matplotlib"
        ),
        visuals={"dist": {"color": color, "width": 2}, **dict.fromkeys(UNDRAWN, False)},
    )


def _finish(axis: Any, end: float, title: str) -> None:
    """A scale of probabilities below, and none at the side."""
    axis.set_xlim(0, end)
    marks = np.linspace(0, end, 5)
    axis.set_xticks(marks, percent_marks(marks))
    axis.set_yticks([])
    axis.set_ylabel("")
    axis.tick_params(axis="x", labelsize=8, labelcolor=QUIET, color=QUIET)
    for side in ("left", "right", "top"):
        axis.spines[side].set_visible(False)
    axis.set_xlabel(title, size=8.5, color=QUIET)


@checked
def plot_tornado(table: Any, *, most: int = MOST_ROWS, ax: Any = None) -> Any:
    """Plot what an answer rests on: a bar for each judgement, the widest on top.

    Parameters
    ----------
    table
        What `sensitivity` or `sensitivity_of` returned.
    most
        How many judgements have bars.
    ax
        Matplotlib axes to draw into; new ones if none are given.

    Returns
    -------
    matplotlib.axes.Axes
        Each bar leads from the answer at the low end of the judgement's 90 % interval, pale, to
        that at its high end, dark, all others at their means; the line is the answer's mean.

    Raises
    ------
    InputError
        If it is not such a table, or has no judgement.

    Examples
    --------
    >>> plot_tornado(sensitivity(outlook, "storm", "storm"))  # doctest: +SKIP
    """
    require_whole({"most": most}, {"most": 1})
    if not isinstance(table, Sensitivity) or not {*Sensitivity.needs} <= {*table.columns}:
        message = f"{short_repr(table)}; needs what `sensitivity` returns"
        raise InputError([Problem("table", message)])
    width = (table["at_high"] - table["at_low"]).abs()
    rows = table[width.notna()].loc[width[width.notna()].sort_values(ascending=False).index[:most]]
    if rows.empty:
        raise InputError([Problem("table", "has no judgement to draw")])
    axis = axes_for(ax, (8.6, 1.0 + ROW * len(rows)))
    with house_style():
        middle = float(table.attrs.get(MEAN, np.nan))
        for place, row in enumerate(rows.itertuples()):
            _draw_bar(axis, place, row, middle)
        _name_rows(axis, [str(name) for name in rows.index])
        _scale_answers(axis, table.attrs.get(ANSWER) or "the answer")
        if np.isfinite(middle):
            axis.axvline(middle, color=INK, lw=1)
    return axis


def _draw_bar(axis: Any, place: int, row: Any, middle: float) -> None:
    """One judgement: pale to its low end and dark to its high end, with the ends it was given."""
    start = middle if np.isfinite(middle) else (row.at_low + row.at_high) / 2
    ends = sorted(((row.at_low, PALE_BLUE, row.low), (row.at_high, BLUE, row.high)))
    for (answer, color, judged), ha, gap in zip(ends, ("right", "left"), (-4, 4), strict=True):
        axis.barh(place, answer - start, left=start, height=0.62, color=color)
        axis.annotate(
            f"{judged:.2g}", (answer, place), xytext=(gap, 0), textcoords="offset points",
            ha=ha, va="center", size=7.5, color=QUIET,
        )  # fmt: skip


def _name_rows(axis: Any, names: Sequence[str]) -> None:
    axis.set_yticks(range(len(names)), [wrapped(name, LABEL) for name in names])
    axis.tick_params(axis="y", length=0, labelsize=8, labelcolor=INK)
    axis.tick_params(axis="x", labelsize=8, labelcolor=QUIET, color=QUIET)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.margins(x=0.12)


def _scale_answers(axis: Any, about: str) -> None:
    """Percent, where the answer is a probability; and what the ends of the bars are."""
    if about != "the answer":
        axis.xaxis.set_major_formatter(lambda value, _: percent_marks([value])[0])
    axis.set_xlabel(
        f"{for_figure(about)}\nat both ends of each judgement's {MASS_TEXT} interval, low end pale",
        size=8.5, color=QUIET,
    )  # fmt: skip


@checked
def plot_calibration(found: Reliability | Scores, *, ax: Any = None) -> Any:
    """Plot how often things happened that were given each probability: a reliability diagram.

    ArviZ draws one from predictive draws (`arviz_plots.plot_ppc_pava`); a record holds
    probabilities, so this one is drawn from `reliability`, by the same isotonic regression.

    Parameters
    ----------
    found
        What `reliability` or `score` returned.
    ax
        Matplotlib axes to draw into; new ones if none are given.

    Returns
    -------
    matplotlib.axes.Axes
        The calibrated frequency at each probability given, the diagonal of perfect calibration,
        and the band in which the curve would lie nine times in ten if all were calibrated. Below,
        a tick for each probability, the higher the more often it was given.

    Examples
    --------
    >>> plot_calibration(reliability([0.1, 0.4, 0.6, 0.9], [0, 1, 0, 1]))  # doctest: +SKIP
    """
    curve = found.reliability if isinstance(found, Scores) else found
    axis = axes_for(ax, (4.8, 4.8))
    with house_style():
        axis.fill_between(
            curve.probability, curve.lower, curve.upper, color=PALE, lw=0,
            label=f"{MASS_TEXT} band if calibrated",
        )  # fmt: skip
        axis.plot([0, 1], [0, 1], color=QUIET, lw=0.9, ls=(0, (4, 3)), label="perfect calibration")
        axis.plot(
            curve.probability, curve.frequency, color=BLUE, lw=2, marker="o", ms=4, clip_on=False,
            label="how often it happened",
        )  # fmt: skip
        axis.vlines(curve.probability, 0, 0.1 * curve.n / curve.n.max(), color=INK, lw=1.5)
        _square(axis)
        axis.legend(loc="upper left", frameon=False, fontsize=8.5)
        axis.set_title(_score_text(curve), loc="left", size=9)
    return axis


def _square(axis: Any) -> None:
    axis.set_xlim(0, 1)
    axis.set_ylim(0, 1)
    axis.set_xticks(QUARTERS, percent_marks(QUARTERS))
    axis.set_yticks(QUARTERS, percent_marks(QUARTERS))
    axis.set_aspect("equal")
    axis.grid(color=RULE, lw=0.6)
    axis.tick_params(length=0, labelsize=8, labelcolor=QUIET)
    axis.set_xlabel("probability given", size=8.5, color=QUIET)
    axis.set_ylabel("frequency", size=8.5, color=QUIET)


def _score_text(curve: Reliability) -> str:
    parts = curve.decomposition
    return (
        f"{int(curve.n.sum())} answers; Brier score {parts.score:.3f} = "
        f"{parts.miscalibration:.3f} {MINUS} {parts.resolution:.3f} + {parts.uncertainty:.3f}\n"
        f"(miscalibration {MINUS} resolution + uncertainty)"
    )


@checked
def plot_what_if(found: WhatIf, *, ax: Any = None) -> Any:
    """Plot a course ahead under each state that a variable may be in now: a fan.

    Parameters
    ----------
    found
        What `what_if` returned.
    ax
        Matplotlib axes to draw into; new ones if none are given.

    Returns
    -------
    matplotlib.axes.Axes
        The probability up to now, and from there one line for each state, with its 90 % interval
        as a shade; black is what is forecast with nothing supposed.

    Examples
    --------
    >>> plot_what_if(what_if(outlook, ("storm", "storm"), "barometer"))  # doctest: +SKIP
    """
    axis = axes_for(ax, (7.4, 3.4))
    with house_style():
        known_days = [*found.past_days, found.days[0]]
        known = [*found.past, found.ahead[0]]
        axis.plot(known_days, [each.mean for each in known], color=INK, lw=1.8)
        axis.plot(found.days[0], found.ahead[0].mean, "o", color=INK, ms=4)
        curves: list[tuple[str, tuple[Estimate, ...], str, Any]]
        curves = [(UNSUPPOSED, found.ahead, INK, "-")]
        curves += [
            (
                f"if {plain(branch.state)} ({percent(branch.probability.mean)})",
                branch.ahead,
                BRANCHES[k % len(BRANCHES)],
                DASHES[1 + k % (len(DASHES) - 1)],
            )
            for k, branch in enumerate(found.branches)
        ]
        for label, values, color, dash in curves:
            _draw_curve(axis, found.days, label, values, color, dash)
        highest = max(value.upper for _, values, _, _ in curves for value in values)
        scale_up(axis, ceiling_of(max(highest, *(each.mean for each in known))))
        draw_as_of(axis, found.days[0], [*found.past_days, *found.days])
        ends = [(name, values[-1].mean, color) for name, values, color, _ in curves]
        name_ends(axis, found.days[-1], ends, UNSUPPOSED)
        title = f"{found.course_label}: under way, if this is known now: {found.variable_label}"
        axis.set_title(wrapped(title, 84, most_lines=2), loc="left", size=9)
        axis.set_xlabel(
            f"{MASS_TEXT} intervals; in brackets how probable each state is now", size=8,
            color=QUIET,
        )  # fmt: skip
    return axis


def _draw_curve(
    axis: Any, days: Sequence[date], label: str, values: Sequence[Estimate], color: str, dash: Any
) -> None:
    draw_band(axis, days, values, color, 0.08)
    axis.plot(days, [value.mean for value in values], color=color, lw=1.8, ls=dash, label=label)
