"""The timeline: equal steps from a start date to a horizon after the as-of date."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import ceil

from forecast.errors import InputError, Problem

MAX_STEPS = 1000
"""Steps before the as-of date, and after it, that a forecast may have."""


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
        whole steps.

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
    horizon_days: int

    def __post_init__(self) -> None:
        if self.step_days < 1 or self.horizon_days < self.step_days:
            raise InputError(
                [
                    Problem(
                        "timeline",
                        f"step {self.step_days} days and horizon {self.horizon_days} days; "
                        "a step is at least one day and the horizon at least one step",
                    )
                ]
            )

    def step_of(self, day: date) -> int:
        """Step that contains `day`; negative before the start."""
        return (day - self.start).days // self.step_days

    def first_day(self, step: int) -> date:
        """First day of a step."""
        return self.start + timedelta(days=step * self.step_days)

    def last_day(self, step: int) -> date:
        """Last day of a step."""
        return self.first_day(step + 1) - timedelta(days=1)

    @property
    def horizon_steps(self) -> int:
        """Whole steps that cover the horizon."""
        return ceil(self.horizon_days / self.step_days)

    def n_steps(self, as_of: date) -> int:
        """Steps from the start to the end of the horizon, both included."""
        return self.step_of(as_of) + 1 + self.horizon_steps

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

    def step_with_most_of(self, start: date, end: date) -> int:
        """Step that holds most days of an interval; the later one if two hold as many."""
        shares = self.shares(start, end)
        return max(shares, key=lambda step: (shares[step], step))
