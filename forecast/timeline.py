"""The timeline: equal steps from a start date to a horizon, which moves along or is fixed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

from forecast.errors import InputError, Problem

MAX_STEPS = 1000
"""Steps before the as-of date, and after it, that a forecast may have."""


@dataclass(frozen=True, slots=True)
class Ahead:
    """How far a day lies ahead of an as-of date, in steps.

    Attributes
    ----------
    rest
        Share of the present step that lies after the as-of date and up to the day.
    steps
        Steps after the present one up to the one that holds the day; 0 if that is the present one.
    share
        Share of the last of these steps that lies up to the day; 0 if there is none.
    """

    rest: float
    steps: int
    share: float

    @property
    def whole(self) -> bool:
        """Whether the days from the as-of date to the day are whole steps."""
        return self.rest == 0 and self.share == 1


@dataclass(frozen=True, slots=True)
class Calendar:
    """The days that answers about a scenario count.

    Attributes
    ----------
    timeline, as_of
        Its steps, and the day from whose end on days are counted.
    memoryless
        Variables that never go on by themselves: their hazards have no memory.
    """

    timeline: Timeline
    as_of: date
    memoryless: frozenset[str] = frozenset()

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day ahead."""
        return self.as_of + timedelta(days=1), self.timeline.horizon(self.as_of)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Steps of equal length; step 0 begins on `start`.

    Parameters
    ----------
    start
        First day of step 0.
    step_days
        Length of one step, in days.
    horizon_days
        How far a forecast reaches beyond the step of the as-of date, in days; rounded up to
        whole steps. None if there is only a target.
    target
        Day to which a forecast reaches, whatever its as-of date, while that is earlier.

    Examples
    --------
    >>> weeks = Timeline(date(2020, 1, 3), step_days=7, horizon_days=90)
    >>> weeks.step_of(date(2020, 1, 23)), weeks.n_steps(date(2020, 1, 23))
    (2, 16)
    >>> weeks.last_day(2)
    datetime.date(2020, 1, 23)
    """

    start: date
    step_days: int
    horizon_days: int | None
    target: date | None = None

    def __post_init__(self) -> None:
        short = self.horizon_days is not None and self.horizon_days < self.step_days
        if self.step_days < 1 or short:
            message = (
                f"step {self.step_days} days and horizon {self.horizon_days} days; "
                "a step is at least one day and the horizon at least one step"
            )
            raise InputError([Problem("timeline", message)])
        if self.horizon_days is None and self.target is None:
            raise InputError([Problem("timeline", "needs a horizon, a target or both")])
        if self.target is not None and self.target <= self.start:
            message = f"target {self.target} is not after the start, {self.start}"
            raise InputError([Problem("timeline", message)])

    def step_of(self, day: date) -> int:
        """Step that contains `day`; negative before the start."""
        return (day - self.start).days // self.step_days

    def first_day(self, step: int) -> date:
        """First day of a step."""
        return self.start + timedelta(days=step * self.step_days)

    def last_day(self, step: int) -> date:
        """Last day of a step."""
        return self.first_day(step + 1) - timedelta(days=1)

    def steps_ahead(self, as_of: date) -> int:
        """Steps after that of the as-of date that a forecast has, at least one.

        Raises
        ------
        InputError
            If the as-of date is not before the target and there is no horizon beyond it.
        """
        if self.target is not None and as_of < self.target:
            return max(self.step_of(self.target) - self.step_of(as_of), 1)
        if self.horizon_days is None:
            message = (
                f"{as_of} is not before the scenario's target, {self.target}, and nothing is left "
                "to forecast; a horizon beside the target says how far to look from then on"
            )
            raise InputError([Problem("as_of", message)])
        return ceil(self.horizon_days / self.step_days)

    def n_steps(self, as_of: date) -> int:
        """Steps from the start to the last one that a forecast has, both included.

        Raises
        ------
        InputError
            If that one ends later than any date that can be written.
        """
        found = self.step_of(as_of) + 1 + self.steps_ahead(as_of)
        if found * self.step_days > (date.max - self.start).days:
            message = f"a forecast of {as_of} would reach beyond {date.max}, the last date there is"
            raise InputError([Problem("as_of", message)])
        return found

    def horizon(self, as_of: date) -> date:
        """Last day to which a forecast reaches: the target while it lies ahead, or a step's end."""
        if self.target is not None and as_of < self.target:
            return self.target
        return self.last_day(self.n_steps(as_of) - 1)

    def ahead(self, as_of: date, day: date) -> Ahead:
        """How far a day lies ahead of an as-of date.

        Examples
        --------
        >>> weeks = Timeline(date(2020, 1, 3), step_days=7, horizon_days=90)
        >>> weeks.ahead(date(2020, 1, 23), date(2020, 2, 6))
        Ahead(rest=0.0, steps=2, share=1.0)
        """
        steps = self.step_of(day) - self.step_of(as_of)
        end = min(day, self.last_day(self.step_of(as_of)))
        passed = (day - self.first_day(self.step_of(day))).days + 1
        share = passed / self.step_days if steps else 0.0
        return Ahead((end - as_of).days / self.step_days, steps, share)

    def days_ahead(self, as_of: date) -> tuple[date, ...]:
        """Last days of the present step, if it goes on, and of every later one to the horizon."""
        end, now = self.horizon(as_of), self.step_of(as_of)
        steps = range(now, self.n_steps(as_of))
        days = (min(self.last_day(step), end) for step in steps)
        return tuple(dict.fromkeys(day for day in days if day > as_of))

    def shares(self, start: date, end: date) -> dict[int, float]:
        """Share of an interval's days that lies in each step it meets.

        Examples
        --------
        >>> weeks = Timeline(date(2020, 1, 3), step_days=7, horizon_days=90)
        >>> weeks.shares(date(2020, 1, 9), date(2020, 1, 13))
        {0: 0.2, 1: 0.8}
        """
        days = (end - start).days + 1
        return {
            step: self.days_in(step, start, end) / days
            for step in range(self.step_of(start), self.step_of(end) + 1)
        }

    def days_in(self, step: int, start: date, end: date) -> int:
        """How many days of an interval lie in a step."""
        first, last = max(start, self.first_day(step)), min(end, self.last_day(step))
        return max((last - first).days + 1, 0)
