"""What would follow if a variable were in each of its states now: a fan of futures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np

from forecast.analysis.targets import state_label
from forecast.arguments import checked
from forecast.errors import ImpossibleEvidence, InputError, Problem
from forecast.estimate import Estimate, percent, quantity
from forecast.frozen import Frozen
from forecast.layout import PrintsItself, Summary
from forecast.outlook import Forecast, beliefs
from forecast.posterior.beliefs import Beliefs
from forecast.sampling import require_whole
from forecast.wording import long_date, plain

DRAWS = 100
"""Draws of each chain that answer, unless another number is given."""
UNSUPPOSED = "nothing supposed"


@dataclass(frozen=True, slots=True)
class Branch(Frozen):
    """What follows if a variable is in one state now.

    Attributes
    ----------
    state
        The state.
    probability
        How probable it is that the variable is in it now.
    ahead
        Probability of the course at the present step and at each later one, given that.
    """

    state: str
    probability: Estimate
    ahead: tuple[Estimate, ...]


@dataclass(frozen=True, repr=False)
class WhatIf(PrintsItself):
    """A course ahead under each state that a variable may be in now; made by `what_if`.

    Attributes
    ----------
    course
        "variable=state" of the course.
    variable
        What is supposed to be known.
    course_label, variable_label
        Both in words.
    days
        The as-of date, and the last day of each later step up to the horizon.
    past, ahead
        The course at the last days of past steps, as it was forecast then, and from now on, with
        nothing supposed.
    past_days
        The last days of past steps.
    branches
        One for each state that is possible, in the variable's order.
    """

    course: str
    variable: str
    course_label: str
    variable_label: str
    days: tuple[date, ...]
    past_days: tuple[date, ...]
    past: tuple[Estimate, ...]
    ahead: tuple[Estimate, ...]
    branches: tuple[Branch, ...]

    def __iter__(self) -> Iterator[Branch]:
        return iter(self.branches)

    @property
    def _summary(self) -> Summary:
        first, last = long_date(self.days[0]), long_date(self.days[-1])
        rows = [
            (plain(each.state), percent(each.probability.mean), *_ends(each.ahead))
            for each in self.branches
        ]
        rows.append((UNSUPPOSED, "", *_ends(self.ahead)))
        title = f"{self.course_label}: under way, if this is known now: {self.variable_label}"
        return Summary(title, ("If it is", "Probability", first, last), rows)


def _ends(values: tuple[Estimate, ...]) -> tuple[str, str]:
    return quantity(values[0]), quantity(values[-1])


@checked
def what_if(
    given: Forecast, course: tuple[str, str], variable: str, *, draws: int = DRAWS
) -> WhatIf:
    """Say how a course would go on if a variable were known to be in each of its states now.

    It says what goes together, causes of both included; what an intervention would bring about,
    `beliefs` answers with `intervene`.

    Parameters
    ----------
    given
        A forecast of a scenario with a clock.
    course
        Variable and state whose probability is asked for.
    variable
        The variable whose states are supposed in turn.
    draws
        Draws of each chain that answer.

    Returns
    -------
    WhatIf
        It prints itself; `plot_what_if` draws it.

    Raises
    ------
    InputError
        If the scenario has no clock, there is no such state, or the variable is the course's own.

    Examples
    --------
    >>> what_if(outlook, ("storm", "storm"), "barometer")  # doctest: +SKIP
    """
    require_whole({"draws": draws}, {"draws": 1})
    timeline = given.scenario.timeline
    if timeline is None:
        raise InputError([Problem("forecast", "its scenario has no clock, so nothing is ahead")])
    past = given.timeline_of(*course)[: given.now]
    if variable == course[0]:
        raise InputError([Problem("variable", f"{variable!r} is that of the course itself")])
    found = beliefs(given, draws=draws)
    states = found.network.node(variable).states
    branches = (_branch(found, course, variable, state) for state in states)
    steps = range(given.now + 1, found.n_steps)
    horizon = given.horizon or given.as_of
    return WhatIf(
        course="=".join(course),
        variable=variable,
        course_label=state_label(given.scenario, course),
        variable_label=given.scenario.variables[variable].label,
        days=(given.as_of, *(min(timeline.last_day(step), horizon) for step in steps)),
        past_days=tuple(timeline.last_day(step) for step in range(given.now)),
        past=tuple(past),
        ahead=_ahead(found, course),
        branches=tuple(branch for branch in branches if branch is not None),
    )


def _branch(found: Beliefs, course: tuple[str, str], variable: str, state: str) -> Branch | None:
    """What follows from one state; None if it is impossible."""
    now = found.times[found.now]
    probable = Estimate.of(found.posterior(variable, now, view="smoothed").sel(state=state))
    if not probable.mean > 0:
        return None
    try:
        ahead = _ahead(found.set_evidence({variable: state}, now), course)
    except ImpossibleEvidence:
        return None
    return Branch(state, probable, ahead)


def _ahead(found: Beliefs, course: tuple[str, str]) -> tuple[Estimate, ...]:
    """Probability of a state from the present step on, given all evidence."""
    answer = found.posterior(course[0], view="smoothed").sel(state=course[1])
    steps = np.arange(found.now, found.n_steps)
    return tuple(Estimate.of(answer.isel(time=int(step))) for step in steps)
