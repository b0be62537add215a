"""A forecast as a value: a scenario, the evidence known at a moment, and what follows.

Forecasts are frozen. Every verb takes one and returns a new one or an answer; yesterday's
forecast survives today's evidence.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.arguments import checked
from forecast.arrays import Array
from forecast.course_outlook import CourseOutlook, Printed, courses_table
from forecast.errors import InputError, Problem, nearest
from forecast.estimate import Estimate
from forecast.evidence.events import last_step
from forecast.evidence.inputs import condition_of
from forecast.evidence.ledger import Evidence, as_date
from forecast.frozen import copying
from forecast.layout import PrintsItself, Summary
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.diagnostics import Diagnostics, diagnose
from forecast.posterior.passage import (
    calendar_of,
    day_ahead,
    mean_over_days,
    reached,
    require_calendar,
)
from forecast.posterior.replay import Replay
from forecast.posterior.reweighting import Fit, Prospects, Weights
from forecast.posterior.stored_answers import answer_groups, watched
from forecast.progress import phase
from forecast.sampling import Sampling, require_whole
from forecast.scenario.scenario import Scenario
from forecast.scenario.warning import ANY_DANGEROUS
from forecast.storage import ForecastParts, read_parts, write_parts
from forecast.timeline import MAX_STEPS, Calendar
from forecast.wording import counted, long_date, period

if TYPE_CHECKING:
    from xarray import DataTree


@checked
@copying("posterior", complete="_complete")
@dataclass(frozen=True, eq=False, repr=False)
class Forecast(PrintsItself):
    """What is believed about a scenario given evidence; made by `forecast` or `update`.

    Attributes
    ----------
    scenario, evidence
        What it rests on.
    posterior
        Draws of the tables (groups posterior, sample_stats, …) and of the answers. Group
        `forecast`: `probability` (chain, draw, time, variable_state), filtered up to the as-of
        date and forecast beyond it, by the first day of each step, with the coordinates
        `variable` and `state`. Group `courses`: `at_least_once` (chain, draw, by, course), by the
        last day of each coming step and without the rest of the present one; and `now_or_next`
        (chain, draw, course, turn), from which days within steps follow. A static scenario has
        one step, the as-of date. Group `weights`, if draws weigh differently: `log_weight`
        (chain, draw), the logarithm of weights that are 1 on average. Each access gives a tree of
        one's own to add to, of the same read-only arrays.
    sampling
        How the tables were sampled.
    fit
        The draws that `update` gives new weights; None if they are not known to be draws under
        some evidence.
    """

    scenario: Scenario
    evidence: Evidence
    posterior: DataTree
    sampling: Sampling
    fit: Fit | None = None

    def __post_init__(self) -> None:
        _seal(self._tree)

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: what has been worked out from them would weigh more than they do."""
        return {each.name: self.__dict__[each.name] for each in fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        _seal(self._tree)

    @property
    def _tree(self) -> DataTree:
        """The tree as far as it has been filled in."""
        tree: DataTree = self.__dict__["posterior"]
        return tree

    def _complete(self) -> None:
        """Fill in the draws of weighed forecasts, and the answers about every step of all.

        The nodes of a tree refer to each other, so what a tree holds is not freed with the
        forecast, but only when Python next looks for reference cycles.
        """
        import xarray as xr

        if self.fit is None or "forecast" in self._tree.children:
            return
        with phase("answers", self.sampling.progressbar):
            found = answer_groups(self.scenario, self.evidence, self.fit.beliefs(self.evidence))
        own = {name: node.to_dataset() for name, node in self._tree.children.items()}
        tree = xr.DataTree.from_dict({"posterior": self.fit.dataset} | own | found)
        tree.attrs |= self._tree.attrs
        _seal(tree)
        self.__dict__["posterior"] = tree

    @cached_property
    def weights(self) -> Weights | None:
        """Weights of the draws; None if all are equal."""
        if "weights" not in self._tree.children:
            return None
        found = self._tree["weights"]
        return Weights(found["log_weight"].to_numpy().ravel(), float(found.attrs["pareto_k"]))

    def estimate(self, draws: Array) -> Estimate:
        """Estimate from draws, (chain, draw), by their weights."""
        if self.weights is None:
            return Estimate.of(draws)
        return Estimate.weighted(draws, self.weights.weight.reshape(draws.shape))

    @cached_property
    def _draws(self) -> Fit:
        """The draws that questions are put to."""
        if self.fit is not None:
            return self.fit
        return Fit.of_posterior(self.scenario, self.evidence, self._tree)

    @cached_property
    def _beliefs(self) -> Beliefs:
        """Beliefs that queries share, with what they keep."""
        return self._draws.beliefs(self.evidence, weights=self.weights)

    @cached_property
    def _prospects(self) -> Prospects | None:
        """What is printed of courses, where it can be had without all other answers."""
        if self.fit is None or "forecast" in self._tree.children:
            return None
        return self._look_ahead(list(self.scenario.courses), self._in_print)

    @cached_property
    def _in_print(self) -> dict[str, list[tuple[str, str]]]:
        """Courses, and their union, of which it is printed that they happen at least once."""
        given = self.scenario.courses
        every = dict(watched(self.scenario)).items()
        return {name: of for name, of in every if all(given[pair].dangerous for pair in of)}

    def _look_ahead(
        self, asked: Sequence[tuple[str, str]], within: Mapping[str, list[tuple[str, str]]]
    ) -> Prospects | None:
        """What can be read off values: of states now and on average, of courses at least once."""
        timeline = self.scenario.timeline
        if self.fit is None or timeline is None:
            return None
        first, last = self.as_of + timedelta(days=1), timeline.horizon(self.as_of)
        place, calendar = timeline.ahead(self.as_of, last), require_calendar(self.calendar)
        if place.share < 1:
            return None
        steps = range(self.now, timeline.n_steps(self.as_of))
        days = np.array([timeline.days_in(step, first, last) for step in steps], np.float64)
        groups = list(within.values())
        going = [[each for each in g if each[0] not in calendar.memoryless] for g in groups]
        left = () if place.whole else going
        found = self.fit.prospects(self.evidence, asked, groups, days, left)
        if found is None or found.first is None or found.turn is None:
            return found
        # What is reached by the first and by the last step is all that such a day asks for.
        ahead = np.stack([found.first, *[found.within] * (place.steps > 1)], axis=-1)
        each = reached(ahead, found.turn, replace(place, steps=ahead.shape[-1]))
        if ANY_DANGEROUS in within:
            members = [groups.index([pair]) for pair in within[ANY_DANGEROUS]]
            each[-1] = np.max([each[-1], *each[members]], axis=0)
        return replace(found, within=each)

    @cached_property
    def _within(self) -> dict[str, Array]:
        """Draws of the probability that courses happen at least once, as far as asked for."""
        found = self._prospects
        return {} if found is None else dict(zip(self._in_print, found.within, strict=True))

    def _within_horizon(self, course: str) -> Array:
        """Draws of the probability that a course is under way by the horizon, (chain, draw)."""
        every = dict(watched(self.scenario))
        if self._prospects is not None and course in every and course not in self._within:
            rest = {name: of for name, of in every.items() if name not in self._in_print}
            if (found := self._look_ahead((), rest)) is not None:
                self._within.update(zip(rest, found.within, strict=True))
        if course in self._within:
            return self._within[course]
        assert self.horizon is not None
        return self._reached(course, self.horizon)

    @property
    def as_of(self) -> date:
        """Information cut-off."""
        return self.evidence.as_of

    @property
    def now(self) -> int:
        """Step of the as-of date."""
        tree = self._tree
        if "forecast" in tree.children:
            return int(tree["forecast"].attrs["now"])
        return last_step(self.scenario, self.evidence)

    @property
    def horizon(self) -> date | None:
        """Last day of the horizon; None for a static scenario."""
        timeline = self.scenario.timeline
        return None if timeline is None else timeline.horizon(self.as_of)

    @cached_property
    def calendar(self) -> Calendar | None:
        """Days of the steps; None for a static scenario."""
        return calendar_of(self.scenario, self.as_of)

    @property
    def days_ahead(self) -> tuple[date, ...]:
        """Last days of the present step, if it goes on, and of each later one to the horizon."""
        timeline = self.scenario.timeline
        return () if timeline is None else timeline.days_ahead(self.as_of)

    @cached_property
    def condition(self) -> str:
        """What inputs are taken to be on the days ahead, as a clause to stand after "if".

        Empty where the scenario has no inputs, or no days ahead.
        """
        return condition_of(self.scenario, self.evidence)

    @cached_property
    def courses(self) -> tuple[CourseOutlook, ...]:
        """Every course of action, in the scenario's order."""
        return tuple(
            CourseOutlook(
                variable=variable,
                state=state,
                course=course,
                now=self.state_probability(variable, state),
                within=self.probability_within(f"{variable}={state}"),
                average=self.share_of_days(variable, state),
            )
            for (variable, state), course in self.scenario.courses.items()
        )

    @cached_property
    def any_dangerous(self) -> Estimate:
        """Probability that at least one dangerous course occurs within the horizon."""
        return self.probability_within(ANY_DANGEROUS)

    @property
    def most_likely(self) -> CourseOutlook:
        """The course with the largest expected share of the days ahead, or the likeliest now.

        Now, where the scenario is static.
        """
        return max(self.courses, key=lambda outlook: outlook.average.mean)

    @property
    def most_dangerous(self) -> tuple[CourseOutlook, ...]:
        """Dangerous courses, the most severe first, then the most probable."""
        dangerous = [outlook for outlook in self.courses if outlook.course.dangerous]
        order = sorted(dangerous, key=lambda o: (-o.course.severity, -o.within.mean))
        return tuple(order)

    @cached_property
    def diagnostics(self) -> Diagnostics:
        """Convergence of what is printed of courses."""
        return _diagnose(self)

    def state_probability(self, variable: str, state: str, step: int | None = None) -> Estimate:
        """Probability of a state at a step (that of the as-of date if none is given)."""
        courses = list(self.scenario.courses)
        if step is None and (variable, state) in courses and self._prospects is not None:
            return self.estimate(self._prospects.now[courses.index((variable, state))])
        where = self.now if step is None else step
        draws = self.draws_of(variable, state)
        if not 0 <= where < draws.shape[-1]:
            message = f"{where} is not a step; legal: 0 to {draws.shape[-1] - 1}"
            raise InputError([Problem("step", message)])
        return self._at_step(draws, where)

    def _at_step(self, draws: Array, step: int) -> Estimate:
        """Estimate from draws of all steps, (chain, draw, step)."""
        found = self.estimate(draws[..., step])
        return replace(found, condition=self.condition) if step > self.now else found

    def timeline_of(self, variable: str, state: str) -> list[Estimate]:
        """Probability of a state at every step: as it was forecast then, now, and ahead.

        Of a step before the present one it is what the reports known by its last day come to, and
        what these alone teach about the tables.
        """
        draws, timeline = self.draws_of(variable, state), self.scenario.timeline
        past = []
        if timeline is not None:
            days = map(timeline.last_day, range(self.now))
            past = [self._replay.at(day, (variable, state)) for day in days]
        ahead = range(self.now, draws.shape[-1])
        return [*past, *(self._at_step(draws, step) for step in ahead)]

    @cached_property
    def _replay(self) -> Replay:
        """Probabilities as they were forecast in the past."""
        logs = np.zeros(self._draws.n_draws) if self.weights is None else self.weights.log_weight
        return Replay(self._draws, logs, self.evidence)

    def share_of_days(
        self, variable: str, state: str, start: date | None = None, end: date | None = None
    ) -> Estimate:
        """Expected share of some days on which a state holds; it holds for whole steps.

        Parameters
        ----------
        variable, state
            The state.
        start, end
            First and last day; from the day after the as-of date to the horizon unless they are
            given. A static scenario has no days, and the share is the probability.
        """
        if self.horizon is None:
            return self.estimate(self.draws_of(variable, state)[..., self.now])
        days = start or self.as_of + timedelta(days=1), end or self.horizon
        courses = list(self.scenario.courses)
        if start is end is None and (variable, state) in courses and self._prospects is not None:
            draws = self._prospects.average[courses.index((variable, state))]
        else:
            values = self.draws_of(variable, state)
            draws = mean_over_days(require_calendar(self.calendar), values, *days)
        return replace(self.estimate(draws), days=days, condition=self.condition)

    def probability_within(self, course: str, by: date | str | None = None) -> Estimate:
        """Probability that a course is under way on a day after the as-of date, up to a day.

        Parameters
        ----------
        course
            "variable=state", or `ANY_DANGEROUS`.
        by
            The last day that counts; the horizon if none is given.

        Raises
        ------
        InputError
            For an unknown course, or a date outside the days ahead.
        """
        if self.scenario.timeline is None:
            return self.estimate(self._stored(course, "at_least_once")[..., -1])
        calendar = require_calendar(self.calendar)
        day = calendar.days[1] if by is None else day_ahead(calendar, by)
        days = calendar.days[0], day
        at_end = day == self.horizon
        draws = self._within_horizon(course) if at_end else self._reached(course, day)
        return replace(self.estimate(draws), days=days, condition=self.condition)

    def cumulative(self, course: str) -> list[Estimate]:
        """Probability that a course has been under way by each of the `days_ahead`."""
        return [self.probability_within(course, day) for day in self.days_ahead]

    def _reached(self, course: str, day: date) -> Array:
        """Draws of the probability that a course is under way by a day, (chain, draw)."""
        timeline = self.scenario.timeline
        assert timeline is not None
        place = timeline.ahead(self.as_of, day)
        if place.whole:
            return np.asarray(self._stored(course, "at_least_once")[..., place.steps - 1])
        together = dict(watched(self.scenario)).get(course, [])
        names = [course, *(f"{variable}={state}" for variable, state in together)]
        draws = [
            reached(self._stored(name, "at_least_once"), self._stored(name, "now_or_next"), place)
            for name in dict.fromkeys(names)
        ]
        return np.asarray(np.max(draws, axis=0))

    def _stored(self, course: str, name: str) -> Array:
        """Stored draws about a course, (chain, draw, …)."""
        found = self.posterior["courses"][name]
        legal = [str(name) for name in found["course"].to_numpy()]
        if course not in legal:
            message = f"{course!r} is not a course of action; {nearest(course, legal)}"
            raise InputError([Problem("course", message)])
        return np.asarray(found.sel(course=course).to_numpy())

    def draws_of(self, variable: str, state: str) -> Array:
        """Draws of a state's probability, (chain, draw, step): filtered, then forecast."""
        legal = self.scenario.variables
        if variable not in legal:
            message = f"{variable!r} is unknown; {nearest(variable, legal)}"
            raise InputError([Problem("variable", message)])
        if state not in legal[variable].states:
            message = f"{state!r} is not a state of {variable}; "
            raise InputError([Problem("state", message + nearest(state, legal[variable].states))])
        found = self.posterior["forecast"]["probability"]
        found = found.sel(variable_state=f"{variable}={state}").transpose("chain", "draw", "time")
        return np.array(found.to_numpy())  # a copy, to keep

    def save(self, path: str | Path) -> Path:
        """Write the forecast to a netCDF file, which `load` reads back.

        Draws and answers are kept as arrays for anything that reads netCDF; the scenario, the
        evidence and the settings of the sampler as text, with the versions of what made them.

        Parameters
        ----------
        path
            The file; one that is there is replaced as a whole, or stays as it is.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        InputError
            If the file cannot be written.
        """
        made_of = self.scenario, self.evidence, self.posterior, self.sampling, self.fit
        return write_parts(ForecastParts(*made_of), path)

    @property
    def _summary(self) -> Summary:
        reports = counted(len(self.evidence), "report")
        title = f"{self.scenario.title}: as of {long_date(self.as_of)}, {reports}"
        if self.horizon:
            title += f"; days ahead {period(self.as_of + timedelta(days=1), self.horizon)}"
            title += f", if {self.condition}" if self.condition else ""
        failures = self.diagnostics.failures
        title += f". Do not rely on it: {'; '.join(failures)}" if failures else ""
        printed = [
            Printed(
                course=course,
                now=self.state_probability(*pair),
                average=self.share_of_days(*pair),
                within=self.probability_within("=".join(pair)) if course.dangerous else None,
            )
            for pair, course in self.scenario.courses.items()
        ]
        union = self.any_dangerous if self._in_print else None
        return Summary(title, *courses_table(printed, union, ahead=self.horizon is not None))


@checked
def load(path: str | Path) -> Forecast:
    """Read a forecast that `Forecast.save` wrote.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    Forecast
        It answers, draws and reports as the one that was saved does, and can be updated.

    Raises
    ------
    InputError
        If the file cannot be read, holds no forecast, or is not as it was written.

    Examples
    --------
    >>> load("2020-01-23.nc")  # doctest: +SKIP
    """
    return Forecast(*read_parts(path))


@checked
def beliefs(
    given: Forecast, *, draws: int | None = None, until: date | str | None = None
) -> Beliefs:
    """Everything that can be asked of a forecast's network, for each draw of its tables.

    Parameters
    ----------
    given
        A forecast.
    draws
        Use at most this many draws of each chain, evenly spaced, for quicker answers.
    until
        Add steps beyond the horizon up to the one that holds this day.

    Returns
    -------
    Beliefs
        Its answers have the dimensions chain and draw.

    Raises
    ------
    InputError
        If there would be too many steps.
    """
    source, weights = given._draws, given.weights
    if draws is not None:
        require_whole({"draws": draws}, {"draws": 1})
    found, (n_chains, n_draws) = given._beliefs, source.shape
    if draws is not None and draws < n_draws:
        every = -(-n_draws // draws)
        source = source.thinned(every)
        weights = None if weights is None else weights.thinned(n_chains, every)
        found = source.beliefs(given.evidence, weights=weights)
    n_steps = found.n_steps if until is None else _n_steps_until(given, as_date(until))
    if n_steps <= found.n_steps:
        return found
    longer = source.beliefs(given.evidence, n_steps, weights=weights)
    return replace(longer, calendar=found.calendar)


def beliefs_to(given: Forecast, n_steps: int) -> Beliefs:
    """Answer `beliefs` about so many steps alone, where they are enough for the evidence."""
    return given._draws.beliefs(given.evidence, n_steps, weights=given.weights)


def _n_steps_until(given: Forecast, day: date) -> int:
    """Steps from the start to the one that holds a day."""
    timeline = given.scenario.timeline
    if timeline is None:
        raise InputError([Problem("until", "a static scenario has no dates ahead")])
    ahead = timeline.step_of(day) - given.now
    if ahead > MAX_STEPS:
        message = f"{day} lies {ahead:,} steps after the as-of date; at most {MAX_STEPS:,} are made"
        raise InputError([Problem("until", message)])
    return timeline.step_of(day) + 1


def as_beliefs(given: Forecast | Beliefs, draws: int | None = None) -> Beliefs:
    """The beliefs of a forecast, of so many draws of each chain; beliefs as they are."""
    return beliefs(given, draws=draws) if isinstance(given, Forecast) else given


def _seal(tree: DataTree) -> None:
    """Let no array of a tree be written to."""
    for node in tree.subtree:
        for variable in node.variables.values():
            variable.to_numpy().flags.writeable = False


def _diagnose(given: Forecast) -> Diagnostics:
    tree, weights = given._tree, given.weights
    stats = tree["sample_stats"] if "sample_stats" in tree.children else None
    return diagnose(
        _printed(given),
        weights,
        method=given._draws.method,
        chained=given.fit is None or given.fit.evidence is not None,
        divergences=0 if stats is None else int(stats["diverging"].sum()),
    )


def _printed(given: Forecast) -> Array:
    """Draws of what is printed of every course and of their union, (number, chain, draw)."""
    courses, names = list(given.scenario.courses), list(given._in_print)
    if (found := given._prospects) is not None:
        return np.concatenate([found.now, found.within, found.average])
    if given.horizon is None:
        draws = [given.draws_of(*course)[..., given.now] for course in courses]
        return np.stack(
            [*draws, *(given._stored(name, "at_least_once")[..., -1] for name in names)]
        )
    calendar = require_calendar(given.calendar)
    draws = [given.draws_of(*course) for course in courses]
    return np.stack(
        [
            *(each[..., given.now] for each in draws),
            *(given._reached(name, given.horizon) for name in names),
            *(mean_over_days(calendar, each, *calendar.days) for each in draws),
        ]
    )
