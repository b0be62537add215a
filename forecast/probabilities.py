"""The probability of a state, now or by a day, of a forecast or of beliefs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from forecast.arguments import checked
from forecast.estimate import Estimate
from forecast.outlook import Forecast, as_beliefs, beliefs
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.passage import day_ahead, mean_over_days, reached_by, require_calendar
from forecast.posterior.stored_answers import watched
from forecast.timeline import Calendar

if TYPE_CHECKING:
    from xarray import DataArray


@checked
def probability(
    given: Forecast | Beliefs, variable: str, state: str, *, by: date | str | None = None
) -> Estimate:
    """Probability of a state now, or of its occurring on at least one day up to a date.

    Parameters
    ----------
    given
        A forecast; or beliefs, of a forecast or of a network from a file, with all evidence set
        on them.
    variable, state
        What it is the probability of.
    by
        A date after the as-of date, where there are dates ahead. The probability is then that the
        state occurs on at least one day from the day after the as-of date to this one, both
        included. Days within a step share evenly what the step adds; docs/method.md says how.

    Raises
    ------
    InputError
        For an unknown variable or state, or a date outside the days ahead.

    Returns
    -------
    Estimate
        With the days that it counts, if `by` is given.
    """
    found = Estimate.of(probability_draws(given, variable, state, by=by))
    if by is None:
        return found
    calendar = _calendar_of(given)
    days = calendar.days[0], day_ahead(calendar, by)
    condition = given.condition if isinstance(given, Forecast) else ""
    return replace(found, days=days, condition=condition)


def probability_draws(
    given: Forecast | Beliefs, variable: str, state: str, *, by: date | str | None = None
) -> DataArray:
    """Draws of a probability, (chain, draw), with what they weigh; arguments as `probability`."""
    question = question_about(given, variable, state, by=by)
    if by is None and isinstance(given, Forecast):  # it is stored
        return _now_of(given, variable, state)
    return question(as_beliefs(given))


def union_probabilities(
    given: Forecast, unions: Sequence[Sequence[tuple[str, str]]], by: date
) -> list[Estimate]:
    """Probability of each of some unions of states, on at least one day up to a date.

    Parameters
    ----------
    given
        A forecast with days ahead.
    unions
        For each answer, pairs of variable and state.
    by
        The last day that counts, as in `probability`.
    """
    calendar = _calendar_of(given)
    draws = reached_by(beliefs(given), calendar, unions, day_ahead(calendar, by))
    days = (given.as_of + timedelta(days=1), by)
    each = [Estimate.of(draws.isel(course=k)) for k in range(len(unions))]
    return [replace(found, days=days, condition=given.condition) for found in each]


def union_probabilities_on(
    given: Forecast, unions: Sequence[Sequence[tuple[str, str]]], day: date
) -> list[Estimate]:
    """Probability of each of some unions of states in the whole step in which a day lies.

    Of what is to happen on a day a step's hazard says nothing day by day.

    Parameters
    ----------
    given, unions
        As in `union_probabilities`.
    day
        A day after the as-of date, within the horizon.
    """
    timeline = given.scenario.timeline
    assert timeline is not None
    asked, start = beliefs(given), timeline.first_day(timeline.step_of(day))
    each = [Estimate.of(asked.union(states, start)) for states in unions]
    return [replace(found, days=(day, day), condition=given.condition) for found in each]


def question_about(
    given: Forecast | Beliefs, variable: str, state: str, *, by: date | str | None = None
) -> Callable[[Beliefs], DataArray]:
    """Put what `probability` answers as a question to beliefs."""
    if isinstance(given, Forecast):
        given.draws_of(variable, state)
    else:
        given.network.state(variable, state)
    if by is None:
        return lambda asked: asked.posterior(variable, asked.times[asked.now]).sel(state=state)
    calendar = _calendar_of(given)
    day, pair = day_ahead(calendar, by), (variable, state)
    return lambda asked: reached_by(asked, calendar, [[pair]], day).isel(course=0)


def _now_of(given: Forecast, variable: str, state: str) -> DataArray:
    import xarray as xr

    from forecast.posterior.answer import WEIGHT, Answer

    draws = xr.DataArray(given.draws_of(variable, state)[..., given.now], dims=("chain", "draw"))
    if given.weights is None:
        return draws
    weight = given.weights.weight.reshape(draws.shape)
    return Answer(draws).assign_coords({WEIGHT: (draws.dims, weight)})


def _calendar_of(given: Forecast | Beliefs) -> Calendar:
    if isinstance(given, Forecast):
        return require_calendar(given.calendar)
    return require_calendar(given.calendar, given.n_steps)


def by_horizon(given: Forecast, found: Beliefs) -> DataArray:
    """Answers about every course to the horizon, or now, under some beliefs.

    The probability that it is under way at least once; of a course that is not dangerous, the
    expected share of the days, where there are days ahead.

    Returns
    -------
    xarray.DataArray
        Dimensions (chain, draw, course).
    """
    groups = list(dict(watched(given.scenario)).values())
    if given.horizon is None:
        return found.at_least_once_each(groups, found.times[0]).isel(time=-1)
    calendar = _calendar_of(given)
    answers = reached_by(found, calendar, groups, given.horizon)
    courses = given.scenario.courses
    for k, [(variable, state), *_] in enumerate(groups[: len(courses)]):
        if not courses[variable, state].dangerous:
            draws = found.posterior(variable).sel(state=state).transpose("chain", "draw", "time")
            answers[{"course": k}] = mean_over_days(calendar, draws.to_numpy(), *calendar.days)
    return answers
