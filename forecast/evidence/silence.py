"""Likelihood of silence: only where somebody was watching, and only as far as reports are due.

P(no report by t | the state was there) = 1 - p_detect × F_lag(t - event), for each step the
mean over its days: a day without a watch, or that has not come, adds nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from forecast.evidence.report import Report
from forecast.scenario.collection import Lag, Watch
from forecast.scenario.scenario import Scenario

Ages = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class WatchedStep:
    """A watch at one step.

    Attributes
    ----------
    name, watch
        The watch.
    step
        The step.
    reach
        Probability that what was detected then would be known by now: the share of the step's days
        that were watched, times that of reports of such days that have come.
    """

    name: str
    watch: Watch
    step: int
    reach: float

    def is_broken_by(self, report: Report) -> bool:
        """Whether a report on the step is one for which the watch looked."""
        return self.watch.source in ("", report.source)

    def states(self, scenario: Scenario) -> tuple[int, ...]:
        """Numbers of the states that would have been reported."""
        names = scenario.variables[self.watch.indicator].states
        return tuple(names.index(state) for state in self.watch.looks_for(names))


def watched_steps(scenario: Scenario, as_of: date) -> Iterator[WatchedStep]:
    """Yield every watch at every step up to the as-of date at which it has reach.

    Parameters
    ----------
    scenario
        Scenario with the watches.
    as_of
        Day up to whose end things were known.
    """
    timeline = scenario.timeline
    for name, watch in scenario.watches.items():
        end = as_of if watch.stop is None else min(watch.stop, as_of)
        if timeline is None:
            days = ((watch.stop or end) - watch.start).days + 1
            steps = {0: (watch.start, end, days)} if watch.start <= end else {}
        else:
            begin = max(watch.start, timeline.start)
            steps = {
                step: (
                    max(begin, timeline.first_day(step)),
                    min(end, timeline.last_day(step)),
                    timeline.step_days,
                )
                for step in range(timeline.step_of(begin), timeline.step_of(end) + 1)
            }
        for step, (first, last, days) in steps.items():
            ages = np.arange((as_of - last).days, (as_of - first).days + 1)
            reach = float(share_known(watch.lag, ages).sum()) / days
            if reach > 0:
                yield WatchedStep(name, watch, step, reach)


def share_known(lag: Lag | None, ages: Ages) -> Shares:
    """Share of what was detected so many days ago that is known by now, (age,).

    Examples
    --------
    >>> share_known(Lag(days=(0, 2), share=(0.5, 0.9)), np.array([0, 1, 5])).tolist()
    [0.5, 0.7, 0.9]
    """
    if lag is None:
        return np.ones(len(ages))
    known = np.interp(ages, lag.days, lag.share)
    return np.where(ages < lag.days[0], 0.0, known)
