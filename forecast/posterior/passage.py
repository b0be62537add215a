"""Whether a course is under way by a day: dates within a step, and what is left of the present one.

The network knows whole steps. A day is reached by spreading what a step adds over its days: the
probability that a course is not under way in a share of a step is, for each draw of the tables,
the probability that it is not in the whole step, given the past, to the power of that share. That
is exact for a hazard that is constant within a step.

A course that is under way in the present step may simply go on. If it was not under way, the next
step brings it with probability b; if it was, with probability a, so that it goes on by itself with
probability c = (a - b)/(1 - b), and otherwise may begin as it would have anyhow. What goes on is
under way from the first day; only b is spread. A variable whose hazards have no memory never goes
on by itself.

Several courses together follow the same rule as one, though what goes on of one of them can look
like a beginning of their union. So their union is never taken to be less probable than the most
probable of them.

What is left of the present step runs at the hazard of the next one: the reports up to the as-of
date say what the present step has been, not what its last days will bring.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from forecast.arrays import Array
from forecast.errors import InputError, Problem
from forecast.evidence.ledger import as_date
from forecast.scenario.forms import Hazards
from forecast.scenario.scenario import Scenario
from forecast.timeline import Ahead, Calendar

if TYPE_CHECKING:
    from xarray import DataArray

    from forecast.posterior.beliefs import Beliefs

States = Sequence[tuple[str, str]]


def calendar_of(scenario: Scenario, as_of: date) -> Calendar | None:
    """The days that answers about a scenario count; none if it is static."""
    if scenario.timeline is None:
        return None
    fleeting = (name for name in scenario.variables if _is_memoryless(scenario, name))
    return Calendar(scenario.timeline, as_of, frozenset(fleeting))


def require_calendar(calendar: Calendar | None, n_steps: int = 1) -> Calendar:
    """The days that can be asked about.

    Raises
    ------
    InputError
        If there are none.
    """
    if calendar is not None:
        return calendar
    message = "a static scenario or network has no dates ahead"
    if n_steps > 1:
        message = "these beliefs know steps and no days; ask their at_least_once(…, stop=step)"
    raise InputError([Problem("by", message)])


def day_ahead(calendar: Calendar, by: date | str) -> date:
    """A date that can be asked about.

    Raises
    ------
    InputError
        If it is not after the as-of date, or beyond the horizon.
    """
    day, (first, last) = as_date(by), calendar.days
    if not first <= day <= last:
        message = f"{day} is outside the days ahead, {first} to {last}"
        raise InputError([Problem("by", message)])
    return day


def mean_over_days(calendar: Calendar, values: Array, first: date, last: date) -> Array:
    """Average over days of what holds for whole steps, (…, step): each counts its days."""
    steps = range(values.shape[-1])
    weights = [calendar.timeline.days_in(step, first, last) for step in steps]
    return np.asarray(np.average(values, axis=-1, weights=weights))


def _is_memoryless(scenario: Scenario, name: str) -> bool:
    table = scenario.variables[name].later_table
    stated = None if table is None else table.stated
    return isinstance(stated, Hazards) and not stated.has_memory


def reached(ahead: Array, turn: Array, place: Ahead) -> Array:
    """Probability that a course is under way on a day after the as-of date and up to another.

    Parameters
    ----------
    ahead
        That it is in some step from the next one to each later one, (…, step).
    turn
        That it is under way and may go on in the present step; that, or that it is under way in
        the next step, (…, 2).
    place
        How far the day lies ahead.

    Returns
    -------
    numpy.ndarray
        Shape (…,).

    Examples
    --------
    An event that a week brings with probability 0.3, whatever came before, by the third day of
    the next week, seen from the fifth day of the present one:

    >>> weekly = 1 - 0.7 ** np.arange(1, 5)
    >>> found = reached(weekly, np.array([0.0, 0.3]), Ahead(2 / 7, 1, 3 / 7))
    >>> bool(np.isclose(found, 1 - 0.7 ** (5 / 7)))
    True
    """
    if place.whole:
        return ahead[..., place.steps - 1]
    rest = _left(ahead, turn, place.rest)
    if not place.steps:
        return 1.0 - rest
    if place.steps == 1:
        left = _left(ahead, turn, place.share)
    else:
        left = 1.0 - spread(ahead[..., place.steps - 2], ahead[..., place.steps - 1], place.share)
    return 1.0 - left * _ratio(rest, _left(ahead, turn, 0.0))


def spread(before: Array, after: Array, share: float) -> Array:
    """Probability by a share of a step, from that before the step and that after it."""
    left = 1.0 - before
    return np.asarray(1.0 - left * _ratio(1.0 - after, left) ** share)


def _left(ahead: Array, turn: Array, share: float) -> Array:
    """Probability that a course neither goes on from this step nor begins in a share of one."""
    going, either, following = turn[..., 0], turn[..., 1], ahead[..., 0]
    neither = 1.0 - either
    fresh = _ratio(neither, 1.0 - going)
    gone = _ratio(1.0 - following - neither, going)
    rate = np.maximum(gone, fresh)
    spread = np.where(gone > 0, gone * np.where(rate > 0, rate, 1.0) ** (share - 1.0), 0.0)
    return (1.0 - going) * fresh**share + going * spread


def _ratio(part: Array, whole: Array) -> Array:
    """A conditional probability; 1 where its condition cannot be."""
    found = np.divide(part, whole, out=np.ones_like(whole), where=whole > 0)
    return np.clip(found, 0.0, 1.0)


def reached_by(
    found: Beliefs, calendar: Calendar, courses: Iterable[States], day: date
) -> DataArray:
    """Probability that each course is under way on some day after the as-of date, up to a day.

    Parameters
    ----------
    found
        Beliefs about the scenario.
    calendar
        Its days.
    courses
        For each, its states.
    day
        Last day that counts, within the steps of the beliefs.

    Returns
    -------
    xarray.DataArray
        Dimensions (chain, draw, course).
    """
    groups = [tuple(states) for states in courses]
    place = calendar.timeline.ahead(calendar.as_of, day)
    stop = found.times[found.now + max(place.steps, 1)]
    members = [] if place.whole else [(pair,) for states in groups for pair in states]
    asked = list(dict.fromkeys([*groups, *members]))
    ahead = found.at_least_once_each(asked, stop=stop)
    ahead = ahead.transpose("chain", "draw", "course", "time")
    result = ahead.isel(time=-1)
    if not place.whole:
        draws = reached(ahead.to_numpy(), turn_of(found, calendar, asked).to_numpy(), place)
        own = [[k, *(asked.index((pair,)) for pair in asked[k])] for k in range(len(asked))]
        result = result.copy(data=np.stack([draws[..., part].max(axis=-1) for part in own], -1))
    return result.isel(course=[asked.index(states) for states in groups])


def turn_of(found: Beliefs, calendar: Calendar, courses: Iterable[States]) -> DataArray:
    """Probability that each course may go on from the present step; that, or is in the next.

    Returns
    -------
    xarray.DataArray
        Dimensions (chain, draw, course, turn), the last of size 2.
    """
    return found.held_now_or_next(
        [
            ([pair for pair in states if pair[0] not in calendar.memoryless], states)
            for states in courses
        ]
    )
