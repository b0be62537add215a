"""Plots of a forecast, past and future, and of the evidence that a scenario expects.

Every ``plot_`` function draws into a figure of pyplot and returns its axes, as seaborn and pandas
do, so that a notebook shows the picture once, whether or not the axes are given a name.

Blue and orange follow Okabe and Ito (2008), which readers with any kind of colour vision can tell
apart, darkened so that names can be set in them. What is dangerous is warm, from orange to dark
red; nothing else is. Lines carry their names and differ in dash too, so that a grey print reads.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from forecast.analysis.review import first_steps, number_text
from forecast.arguments import checked, short_repr
from forecast.course_outlook import ANY_LABEL, CourseOutlook
from forecast.errors import InputError, Problem, nearest
from forecast.estimate import MASS_TEXT, Estimate, percent
from forecast.outlook import Forecast
from forecast.reporting.document import Drawing
from forecast.scenario.warning import ANY_DANGEROUS
from forecast.text import flat, for_figure, visible
from forecast.wording import plain, short_date

if TYPE_CHECKING:
    from forecast.analysis.review import Check

Axes = npt.NDArray[np.object_]
INK, QUIET, RULE = "#1c2430", "#5d6673", "#d5d9df"
BLUE, PALE = "#0b5f95", "#e3e9ef"
DANGER = ("#b8450b", "#7a1230", "#c4700a", "#96331f", "#a8326b", "#5c3a12")
DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (8, 3)), (0, (3, 3)))
QUARTERS = (0.0, 0.25, 0.5, 0.75, 1.0)
CEILINGS = (0.1, 0.2, 0.3, 0.4, 0.6, 1.0)
PANEL, TOTAL, NARROW = (3.6, 1.7), (6.2, 3.2), (3.6, 2.9)
"""Sizes in inches: one course; all dangerous ones, on a page and on a telephone."""
DPI = 220
"""Pixels to the inch of what is drawn for print."""
BY_A_DAY = "under way on at least one day up to each day"
ROW = 0.3
"""Height of one bar with its gap, in inches."""
LETTER = 0.017
"""Width of a letter in a bar, as a share of its whole length."""
STYLE = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": QUIET,
    "axes.axisbelow": True,
    "text.color": INK,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "svg.fonttype": "none",
    "text.parse_math": True,
    "text.usetex": False,
}
"""Settings of our own figures; those of the user stay as they are."""


@dataclass(frozen=True, slots=True)
class _Curve:
    label: str
    values: Sequence[Estimate]
    color: str
    dash: Any
    bold: bool = False


@checked
def plot_timeline(
    outlook: Forecast, course: str | Sequence[str] | None = None, *, ax: Any = None
) -> Axes:
    """Plot courses over time, and dangerous courses as they add up to the horizon.

    Parameters
    ----------
    outlook
        A forecast of a scenario with a clock.
    course
        "variable=state" of one course or of several; every course if none is given.
    ax
        Matplotlib axes to draw into, one for each course; new ones if none are given. One more
        is for the curves up to the horizon, which are left out without it.

    Returns
    -------
    numpy.ndarray of matplotlib.axes.Axes
        One panel for each course: filtered up to the as-of date, forecast beyond it, with
        intervals and with a tick for each report that speaks to the course. Last, below them, the
        probability that each dangerous course, and any of them, has occurred by a date.

    Raises
    ------
    InputError
        If the scenario has no clock, the course is unknown or there are too few axes.

    Examples
    --------
    >>> axes = plot_timeline(outlook)  # doctest: +SKIP
    >>> axes[0].figure.savefig("timeline.png", dpi=200)  # doctest: +SKIP
    """
    chosen = _chosen(outlook, course)
    if ax is not None:
        return _timeline_into(_axes_of(ax, len(chosen)), outlook, chosen)
    heights = [PANEL[1] * ((len(chosen) + 1) // 2)]
    if outlook.most_dangerous:
        heights.append(TOTAL[1])
    figure = shown_figure((2 * PANEL[0], sum(heights)))
    with house_style():
        parts = figure.add_gridspec(len(heights), 1, height_ratios=heights)
        axes = _draw_panels(parts[0], outlook, chosen)
        if outlook.most_dangerous:
            axes.append(draw_cumulative(figure.add_subplot(parts[1]), outlook))
            axes[-1].set_title(BY_A_DAY, loc="left", fontsize=8.5)
        figure.supxlabel(f"{MASS_TEXT} intervals; dashed is the forecast", size=8, color=QUIET)
    return np.array(axes)


def _axes_of(ax: Any, n_courses: int) -> list[Any]:
    """The axes given, one for each course and perhaps one more."""
    given = [each for each in np.ravel(np.asarray(ax, dtype=object)) if each is not None]
    if not n_courses <= len(given) <= n_courses + 1:
        message = f"{len(given)} given; needs {n_courses}, one for each course, or one more"
        raise InputError([Problem("ax", message)])
    return [axes_for(each, (0, 0)) for each in given]


def _timeline_into(axes: list[Any], outlook: Forecast, chosen: Sequence[CourseOutlook]) -> Axes:
    with house_style():
        for axis, prospect in zip(axes, chosen, strict=False):
            _draw_panel(axis, outlook, prospect)
        if len(axes) > len(chosen) and outlook.most_dangerous:
            draw_cumulative(axes[-1], outlook).set_title(BY_A_DAY, loc="left", fontsize=8.5)
        axes[-1].set_xlabel(f"{MASS_TEXT} intervals; dashed is the forecast", size=8, color=QUIET)
    return np.array(axes)


@checked
def plot_expected(found: Check, *, ax: Any = None) -> Any:
    """Plot the evidence that a scenario expects before any has come.

    Parameters
    ----------
    found
        What `check` returned.
    ax
        Matplotlib axes to draw into; new ones if none are given.

    Returns
    -------
    matplotlib.axes.Axes
        One bar for each indicator, as long as the first month: the expected number of steps in
        each of its states, its first state palest. Beside it what is measured, with its 90 %
        predictive interval.

    Raises
    ------
    InputError
        If the scenario has no indicators.
    """
    if found.states.empty:
        raise InputError([Problem("check", "its scenario has no indicators, so nothing to plot")])
    names = list(found.states.index.unique("indicator"))
    axis = axes_for(ax, (8.2, 0.9 + ROW * len(names)))
    with house_style():
        for place, name in enumerate(names):
            _draw_expected(axis, found, name, place)
        axis.set_ylim(len(names) - 0.5, -0.5)
        variables = found.scenario.variables
        labels = [wrapped(variables[name].label, 44) for name in names]
        axis.set_yticks(range(len(names)), labels, color=INK, size=7.5)
        _step_axis(axis, found)
    return axis


def course_drawings(outlook: Forecast) -> tuple[Drawing, ...]:
    """One small panel for each course, to be laid out by the page around them.

    Parameters
    ----------
    outlook
        A forecast of a scenario with a clock.
    """

    def drawn(prospect: CourseOutlook) -> Drawing:
        name = f"{prospect.variable}={prospect.state}"
        label = f"{prospect.course.label}: probability over time"
        return _drawing(name, label, PANEL, lambda spec: _draw_panels(spec, outlook, [prospect]))

    return tuple(drawn(prospect) for prospect in _chosen(outlook, None))


def cumulative_drawing(outlook: Forecast, *, narrow: bool = False) -> Drawing:
    """Probability that dangerous courses have occurred by a date.

    Parameters
    ----------
    outlook
        A forecast of a scenario with a clock and at least one dangerous course.
    narrow
        Draw it for a narrow page, with the names of the curves below them.
    """

    def draw(spec: Any) -> None:
        draw_cumulative(spec.get_gridspec().figure.add_subplot(spec), outlook, narrow=narrow)

    size = NARROW if narrow else TOTAL
    return _drawing(f"{ANY_DANGEROUS} {narrow}", "Dangerous courses by a date", size, draw)


def _chosen(outlook: Forecast, course: str | Sequence[str] | None) -> list[CourseOutlook]:
    if outlook.scenario.timeline is None:
        raise InputError([Problem("forecast", "its scenario has no clock, so nothing to plot")])
    known = {f"{prospect.variable}={prospect.state}": prospect for prospect in outlook.courses}
    names = list(known) if course is None else [course] if isinstance(course, str) else course
    unknown = [name for name in names if name not in known]
    if not names:
        raise InputError([Problem("course", f"none is named; {nearest('', known)}")])
    if unknown:
        raise InputError(
            [
                Problem("course", f"{name!r} is no course; {nearest(name, known)}")
                for name in unknown
            ]
        )
    return [known[name] for name in names]


def _draw_panels(spec: Any, outlook: Forecast, chosen: Sequence[CourseOutlook]) -> list[Any]:
    columns = min(2, len(chosen))
    rows = (len(chosen) + columns - 1) // columns
    axes = spec.subgridspec(rows, columns).subplots(sharex=True, squeeze=False).ravel()
    for axis in axes[len(chosen) :]:
        axis.remove()
    for number, (axis, prospect) in enumerate(zip(axes, chosen, strict=False)):
        _draw_panel(axis, outlook, prospect)
        axis.tick_params(labelbottom=number + columns >= len(chosen))
    return list(axes[: len(chosen)])


def _draw_panel(axis: Any, outlook: Forecast, prospect: CourseOutlook) -> None:
    values = outlook.timeline_of(prospect.variable, prospect.state)
    now = outlook.now
    days = _days_of_steps(outlook, len(values))
    values = values[: len(days)]
    color = DANGER[0] if prospect.course.dangerous else BLUE
    draw_band(axis, days, values, color)
    means = [value.mean for value in values]
    axis.plot(days[: now + 1], means[: now + 1], color=color, lw=1.8)
    axis.plot(days[now:], means[now:], color=color, lw=1.8, ls=(0, (4, 1.5)))
    axis.plot(days[now], means[now], "o", color=color, ms=4)
    shade = color if prospect.course.dangerous else INK
    title = wrapped(prospect.course.label, 48, most_lines=2)
    axis.set_title(title, loc="left", fontsize=8.5, color=shade, pad=5)
    ceiling = ceiling_of(max(value.upper for value in values))
    scale_up(axis, ceiling)
    draw_as_of(axis, outlook.as_of, days)
    _ticks(axis, outlook, prospect, ceiling)


def draw_cumulative(axis: Any, outlook: Forecast, *, narrow: bool = False) -> Any:
    """Draw how dangerous courses add up to the horizon into axes."""
    days = _days_of_curves(outlook)
    curves = list(_curves(outlook, days))
    for curve in curves:
        draw_band(axis, days, curve.values, curve.color, 0.16 if curve.bold else 0.10)
        width = 2.4 if curve.bold else 1.6
        means = [value.mean for value in curve.values]
        axis.plot(days, means, color=curve.color, lw=width, ls=curve.dash, label=_end_of(curve))
    scale_up(axis, ceiling_of(max(curve.values[-1].upper for curve in curves)))
    if narrow:
        axis.figure.legend(loc="outside lower left", frameon=False, fontsize=8.5, handlelength=3)
    else:
        ends = [(each.label, each.values[-1].mean, each.color) for each in curves]
        name_ends(axis, days[-1], ends, next((each.label for each in curves if each.bold), ""))
    date_axis(axis, days)
    axis.set_xlim(outlook.as_of, days[-1])
    return axis


def _end_of(curve: _Curve) -> str:
    """Name of a curve, with where it ends."""
    return wrapped(f"{percent(curve.values[-1].mean)}  {curve.label}", 42)


def _days_of_steps(outlook: Forecast, n_steps: int) -> list[date]:
    """Where steps are drawn: at their last days, the present one at the as-of date."""
    timeline = outlook.scenario.timeline
    assert timeline is not None
    past = [timeline.last_day(step) for step in range(outlook.now)]
    ends = [timeline.last_day(step) for step in range(outlook.now + 1, n_steps)]
    horizon = outlook.horizon or outlook.as_of
    ahead = dict.fromkeys(min(day, horizon) for day in ends)
    return [*past, outlook.as_of, *ahead]


def _days_of_curves(outlook: Forecast) -> list[date]:
    """The first day ahead, and the last ones of the steps."""
    first = outlook.as_of + timedelta(days=1)
    return list(dict.fromkeys((first, *outlook.days_ahead)))


def _curves(outlook: Forecast, days: Sequence[date]) -> Iterator[_Curve]:
    """Dangerous courses and their union; one course alone is its own union."""

    def by_then(name: str) -> list[Estimate]:
        return [outlook.probability_within(name, day) for day in days]

    dangerous = outlook.most_dangerous
    for number, prospect in enumerate(dangerous):
        name = f"{prospect.variable}={prospect.state}"
        color, dash = DANGER[number % len(DANGER)], DASHES[(number + 1) % len(DASHES)]
        yield _Curve(prospect.course.label, by_then(name), color, dash)
    if len(dangerous) > 1:
        yield _Curve(ANY_LABEL, by_then(ANY_DANGEROUS), INK, "-", bold=True)


def _draw_expected(axis: Any, found: Check, name: str, place: int) -> None:
    """Draw one indicator's expected steps, state after state, and its number if it is measured.

    States that have no room for their names are named beside the bar, but for the first.
    """
    table = found.states.loc[name]
    unnamed: list[str] = []
    start = 0.0
    for k, (state, steps) in enumerate(table["steps"].items()):
        depth, text = k / (len(table) - 1), plain(str(state))
        axis.barh(place, steps, left=start, color=tint(depth), height=0.7, lw=0.8, edgecolor="w")
        middle, shade = start + steps / 2, "white" if depth > 0.6 else INK
        if steps > LETTER * found.month * len(text):
            axis.text(middle, place, text, ha="center", va="center", size=7, color=shade)
        elif k:
            unnamed.append(text)
        start += steps
    number = number_text(found.numbers.loc[name]) if name in found.numbers.index else ""
    beside = "; ".join(filter(None, (", ".join(unnamed), number)))
    axis.text(1.01 * start, place, for_figure(beside), va="center", size=7, color=BLUE)


def _step_axis(axis: Any, found: Check) -> None:
    """Scale the bars in steps, or in percent where there is but one."""
    axis.set_xlim(0, found.month)
    axis.tick_params(axis="x", length=0, labelsize=8, labelcolor=QUIET)
    axis.tick_params(axis="y", length=0)
    axis.spines["bottom"].set_visible(False)
    if found.scenario.time is None:
        axis.set_xticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
        axis.set_xlabel("probability of each state", size=8, color=QUIET)
    else:
        axis.set_xticks(range(found.month + 1))
        title = f"expected steps in each state, {first_steps(found)}"
        axis.set_xlabel(title, size=8, color=QUIET)


def tint(depth: float) -> Any:
    """A colour between pale and blue."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("tint", (PALE, BLUE))(depth)


def name_ends(axis: Any, day: date, ends: Sequence[tuple[str, float, str]], bold: str = "") -> None:
    """Name each curve at its right end, spread so that no two names touch.

    Parameters
    ----------
    axis, day
        Where the curves are, and the day on which they end.
    ends
        Name, last value and colour of each.
    bold
        The name that is set in bold.
    """
    top = axis.get_ylim()[1]
    values = np.array([value for _, value, _ in ends])
    texts = [wrapped(f"{percent(value)}  {name}", 30) for name, value, _ in ends]
    heights = np.array([0.062 * top * (text.count("\n") + 1) for text in texts])
    places = _spread(values, heights, top)
    for (name, end, color), place, text in zip(ends, places, texts, strict=True):
        axis.annotate(
            text,
            (day, end),
            xytext=(1.03, place / top),
            textcoords="axes fraction",
            va="center",
            fontsize=9,
            fontweight="bold" if name == bold else "normal",
            color=color,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": color, "lw": 0.6, "relpos": (0, 0.5)},
        )


def _spread(ends: Any, heights: Any, top: float) -> Any:
    """Places near the ends, in their order, with room for the height of each text."""
    order = np.argsort(ends)
    places = ends.copy()
    floor = 0.0
    for index in order:
        places[index] = max(places[index], floor + heights[index] / 2)
        floor = places[index] + heights[index] / 2
    return places - max(0.0, floor - 1.05 * top)


def draw_band(
    axis: Any, days: Sequence[date], values: Sequence[Estimate], color: str, alpha: float = 0.18
) -> None:
    """Shade the intervals of a curve."""
    lower, upper = [value.lower for value in values], [value.upper for value in values]
    axis.fill_between(days, lower, upper, color=color, alpha=alpha, lw=0)


def _plain_ticks(axis: Any) -> None:
    """Set here what ticks look like, since matplotlib makes them later, under other settings."""
    axis.tick_params(labelsize=8, color=QUIET, labelcolor=QUIET)
    axis.tick_params(axis="y", length=0)


def scale_up(axis: Any, ceiling: float) -> None:
    """Scale probabilities from nothing to a round top."""
    _plain_ticks(axis)
    marks = [0.0, ceiling / 2, ceiling]
    axis.set_ylim(0, ceiling)
    axis.set_yticks(marks, percent_marks(marks))
    axis.grid(axis="y", color=RULE, lw=0.6)


def percent_marks(marks: Iterable[float]) -> list[str]:
    """What stands at the marks of a scale of probabilities."""
    return [f"{100 * mark:g} %" if mark else "0" for mark in marks]


def draw_as_of(axis: Any, day: date, days: Sequence[date]) -> None:
    """Mark the as-of date, and scale the axis to some days."""
    axis.axvline(day, color=INK, lw=0.8)
    top = axis.get_ylim()[1]
    axis.annotate(
        f"as of {short_date(day)}",
        (day, top),
        xytext=(4, -2),
        textcoords="offset points",
        va="top",
        fontsize=7.5,
        color=QUIET,
        bbox={"facecolor": "white", "alpha": 0.75, "lw": 0, "pad": 1},
    )
    date_axis(axis, days)


def _ticks(axis: Any, outlook: Forecast, prospect: CourseOutlook, ceiling: float) -> None:
    course = f"{prospect.variable}={prospect.state}"
    variables = outlook.scenario.variables
    days = [
        min(report.event_end, outlook.as_of)
        for report in outlook.evidence.observations
        if any(claim.course == course for claim in variables[report.indicator].speaks_to)
    ]
    axis.vlines(days, 0, 0.07 * ceiling, color=INK, lw=1.1)


def date_axis(axis: Any, days: Sequence[date]) -> None:
    """Scale the axis to some days, with a few dates below."""
    from matplotlib.dates import AutoDateLocator, num2date

    axis.set_xlim(days[0], days[-1])
    axis.xaxis.set_major_locator(AutoDateLocator(minticks=3, maxticks=6))
    axis.xaxis.set_major_formatter(lambda value, _: short_date(num2date(value).date()))


def ceiling_of(value: float) -> float:
    """A round top of the scale, so that a rare course is not a line along the axis."""
    return next((top for top in CEILINGS if value <= top), 1.0)


def wrapped(text: str, width: int, most_lines: int = 3) -> str:
    """Somebody's text on a few lines, safe for a figure."""
    from textwrap import wrap

    lines = wrap(flat(text), width, max_lines=most_lines, placeholder=" …")
    return "\n".join(map(for_figure, lines))


@contextmanager
def house_style() -> Iterator[None]:
    """Our settings of matplotlib, for as long as we draw."""
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        yield


def axes_for(ax: Any, size: tuple[float, float]) -> Any:
    """The axes given, or those of a new figure of some size in inches."""
    require_axes(ax)
    axis = shown_figure(size).add_subplot() if ax is None else ax
    for side in ("top", "right", "left"):
        axis.spines[side].set_visible(False)
    axis.spines["bottom"].set_color(QUIET)
    return axis


def require_axes(ax: Any) -> None:
    """Raise an `InputError` if something other than axes, or nothing, is given."""
    import matplotlib.axes as mpl

    if ax is not None and not isinstance(ax, mpl.Axes):
        raise InputError([Problem("ax", f"{short_repr(ax)}; needs axes of matplotlib")])


def shown_figure(size: tuple[float, float], layout: str = "constrained") -> Any:
    """A figure of pyplot, which a notebook shows at the end of its cell.

    To be made before our settings hold: the first one lets pyplot choose its backend, and what
    that sets is meant to stay.
    """
    import matplotlib.pyplot as plt

    return plt.figure(figsize=size, layout=layout, facecolor="white")


def _drawing(
    name: str, title: str, size: tuple[float, float], draw: Callable[[Any], Any]
) -> Drawing:
    """A drawing for use inside a page: the same bytes for the same forecast, and no group ids.

    Its text is set in letters that the reader's browser has, whether or not we have them here.
    """
    import matplotlib as mpl

    with mpl.rc_context({"svg.hashsalt": f"forecast {name}"}):
        text = _saved(size, draw, "svg", metadata={"Date": None}).decode("utf-8")
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r'<g id="[^"]*"(/?)>', r"<g\1>", text)
    label = visible(flat(title))
    named = f'<svg role="img" aria-label="{escape(label, quote=True)}" '
    pixels = partial(_saved, size, draw, "png", dpi=DPI, metadata={"Software": None})
    return Drawing(text.replace("<svg ", named, 1), label, pixels)


def _saved(
    size: tuple[float, float], draw: Callable[[Any], Any], form: str, **settings: Any
) -> bytes:
    """Draw into a figure that is none of pyplot's, so that nobody has to close it."""
    from matplotlib.figure import Figure

    with house_style(), _any_letters():
        figure = Figure(figsize=size, layout="constrained")
        draw(figure.add_gridspec(1, 1)[0])
        buffer = io.BytesIO()
        figure.savefig(buffer, format=form, **settings)
    return buffer.getvalue()


@contextmanager
def _any_letters() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield
