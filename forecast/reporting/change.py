"""What changed since an earlier forecast: both are asked about the same days."""

from __future__ import annotations

from datetime import date, timedelta

from forecast.course_outlook import CourseOutlook
from forecast.layout import text_table
from forecast.outlook import Forecast
from forecast.reporting.document import Cell, Lines
from forecast.scenario.warning import ANY_DANGEROUS
from forecast.text import DASH
from forecast.wording import long_date, points


def last_common_day(outlook: Forecast, previous: Forecast) -> date | None:
    """The last day that both forecasts look to; None if they share none that lies ahead."""
    if outlook.horizon is None or previous.horizon is None:
        return None
    day = min(outlook.horizon, previous.horizon)
    return day if day > max(outlook.as_of, previous.as_of) else None


def change_cell(outlook: Forecast, previous: Forecast, prospect: CourseOutlook) -> Cell:
    """Differences of means, in points, on the same days.

    Parameters
    ----------
    outlook, previous
        The two forecasts.
    prospect
        The course. One that the earlier scenario lacks is new.
    """
    key = prospect.variable, prospect.state
    if key not in previous.scenario.courses:
        return "new"
    day, present = last_common_day(outlook, previous), _present(outlook, previous, prospect)
    if day is None:
        return present
    if prospect.course.dangerous:
        course = "=".join(key)
        now, before = (each.probability_within(course, day) for each in (outlook, previous))
    else:
        start = max(outlook.as_of, previous.as_of) + timedelta(days=1)
        now, before = (each.share_of_days(*key, start, day) for each in (outlook, previous))
    return Lines(f"{points(now.mean - before.mean)} to {long_date(day)}", present)


def change_text(outlook: Forecast, previous: Forecast, prospect: CourseOutlook) -> str:
    """The change of what the summary prints, in points; empty where there is none to speak of.

    Parameters
    ----------
    outlook, previous, prospect
        As in `change_cell`.
    """
    cell = change_cell(outlook, previous, prospect)
    if isinstance(cell, Lines):
        return cell.main.partition(" ")[0]
    return str(cell)


def any_change(outlook: Forecast, previous: Forecast) -> str:
    """Change of the probability of any dangerous course on the same days; empty if none is shared.

    Parameters
    ----------
    outlook, previous
        The two forecasts.
    """
    day = last_common_day(outlook, previous)
    if day is None or not previous.most_dangerous:
        return ""
    now, before = (each.probability_within(ANY_DANGEROUS, day) for each in (outlook, previous))
    return points(now.mean - before.mean)


def changes_text(outlook: Forecast, previous: Forecast) -> str:
    """What changed since an earlier forecast, as aligned plain text."""
    rows = []
    for prospect in outlook.courses:
        cell = change_cell(outlook, previous, prospect)
        parts = (cell.main, cell.small) if isinstance(cell, Lines) else ("", str(cell))
        rows.append((prospect.course.label, *parts))
    title = f"Change since {long_date(previous.as_of)}, in points"
    return f"{title}\n\n{text_table(('Course', 'Days ahead', 'Now'), rows)}"


def _present(outlook: Forecast, previous: Forecast, prospect: CourseOutlook) -> str:
    """Change of the probability of the present step, which the earlier forecast looked to."""
    timeline = previous.scenario.timeline
    step = previous.now if timeline is None else timeline.step_of(outlook.as_of)
    if timeline is not None and not 0 <= step < timeline.n_steps(previous.as_of):
        return f"{DASH} now"
    before = previous.state_probability(prospect.variable, prospect.state, step)
    return f"{points(prospect.now.mean - before.mean)} now"
