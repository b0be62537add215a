"""A forecast as a value: a scenario, the evidence known at a moment, and what follows.

Forecasts are frozen. Every verb takes one and returns a new one or an answer; yesterday's
forecast survives today's evidence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import InputError, Problem, nearest
from forecast.estimate import Estimate
from forecast.evidence.events import last_step
from forecast.evidence.ledger import Evidence, as_date
from forecast.frozen import copying
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.diagnostics import Diagnostics, diagnose
from forecast.posterior.labels import time_labels
from forecast.posterior.mcmc import beliefs_of, sample_posterior
from forecast.posterior.passage import calendar_of, reached, reached_by, turn_of
from forecast.posterior.reweighting import Fit, Prospects, Weights
from forecast.progress import phase
from forecast.sampling import Sampling, require_whole
from forecast.scenario.scenario import Course, Scenario
from forecast.scenario.warning import ANY_DANGEROUS
from forecast.text import printed
from forecast.timeline import MAX_STEPS, Calendar

if TYPE_CHECKING:
    from xarray import DataArray, Dataset, DataTree

Method = Literal["auto", "reweight", "nuts"]


@dataclass(frozen=True, slots=True)
class CourseOutlook:
    """What a forecast says about one course of action.

    Attributes
    ----------
    variable, state, course
        Where the course sits in the scenario.
    now
        Probability that it is under way in the step of the as-of date.
    within
        Probability that it is under way on at least one day after the as-of date, up to the
        horizon.
    average
        Expected share of those days on which it is under way.
    """

    variable: str
    state: str
    course: Course
    now: Estimate
    within: Estimate
    average: Estimate


@checked
@copying("posterior", complete="_complete")
@dataclass(frozen=True, eq=False)
class Forecast:
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

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        _seal(self._tree)

    @property
    def _tree(self) -> DataTree:
        """The tree as far as it has been filled in."""
        tree: DataTree = self.__dict__["posterior"]
        return tree

    def _complete(self) -> None:
        """Fill in the answers about every step: an update leaves them until they are asked for."""
        if self.fit is None or "forecast" in self._tree.children:
            return
        with phase("answers", self.sampling.progressbar):
            found = self.fit.beliefs(self.evidence)
            tree = self._tree.copy()
            for name, group in answer_groups(self.scenario, self.evidence, found).items():
                tree[name] = group
        _seal(tree)
        self.__dict__["posterior"] = tree

    @cached_property
    def weights(self) -> Weights | None:
        """What each draw weighs; None if all weigh the same."""
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
    def _prospects(self) -> Prospects | None:
        """What is printed of courses, where it can be had without all other answers."""
        timeline = self.scenario.timeline
        if self.fit is None or timeline is None or "forecast" in self._tree.children:
            return None
        first, last = self.as_of + timedelta(days=1), timeline.horizon(self.as_of)
        place, calendar = timeline.ahead(self.as_of, last), _require_calendar(self)
        if place.share < 1:
            return None
        steps = range(self.now, timeline.n_steps(self.as_of))
        days = np.array([timeline.days_in(step, first, last) for step in steps], np.float64)
        groups = list(dict(watched(self.scenario)).values())
        going = [[each for each in g if each[0] not in calendar.memoryless] for g in groups]
        left = () if place.whole else going
        found = self.fit.prospects(self.evidence, groups, days, left)
        if found is None or found.first is None or found.turn is None:
            return found
        # What is reached by the first and by the last step is all that such a day asks for.
        ahead = np.stack([found.first, *[found.within] * (place.steps > 1)], axis=-1)
        each = reached(ahead, found.turn, replace(place, steps=ahead.shape[-1]))
        if ANY_DANGEROUS in dict(watched(self.scenario)):
            members = [groups.index([pair]) for pair in groups[-1]]
            each[-1] = np.max([each[-1], *each[members]], axis=0)
        return replace(found, within=each)

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

    @property
    def days_ahead(self) -> tuple[date, ...]:
        """Last days of the present step, if it goes on, and of each later one to the horizon."""
        timeline = self.scenario.timeline
        return () if timeline is None else timeline.days_ahead(self.as_of)

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
        """Convergence of all states at all steps, and of all courses by all coming steps."""
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
        return self.estimate(draws[..., where])

    def timeline_of(self, variable: str, state: str) -> list[Estimate]:
        """Probability of a state at every step: filtered, then forecast."""
        draws = self.draws_of(variable, state)
        return [self.estimate(draws[..., step]) for step in range(draws.shape[-1])]

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
            draws = _mean_over_days(self, self.draws_of(variable, state), *days)
        return replace(self.estimate(draws), days=days)

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
        calendar = _require_calendar(self)
        day = calendar.days[1] if by is None else _day_ahead(calendar, by)
        days = calendar.days[0], day
        names = list(dict(watched(self.scenario)))
        if day == self.horizon and course in names and self._prospects is not None:
            draws = self._prospects.within[names.index(course)]
        else:
            draws = self._reached(course, day)
        return replace(self.estimate(draws), days=days)

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
        from forecast.storage import save

        return save(self, path)

    @printed
    def __repr__(self) -> str:
        from forecast.courses_table import courses_text

        return courses_text(self)

    def _repr_html_(self) -> str:
        from forecast.courses_table import courses_html

        return courses_html(self)


@checked
def forecast(
    scenario: Scenario,
    evidence: Evidence,
    *,
    draws: int = Sampling.draws,
    tune: int = Sampling.tune,
    chains: int = Sampling.chains,
    random_seed: int = Sampling.random_seed,
    cores: int | None = None,
    progressbar: bool | None = None,
    nuts_sampler: str = Sampling.nuts_sampler,
    method: Method = "nuts",
) -> Forecast:
    """Forecast a scenario from the evidence known at a moment.

    Parameters
    ----------
    scenario
        What is believed before evidence.
    evidence
        Reports in force, as `Ledger.known_at` gives them.
    draws, tune, chains, random_seed, cores, progressbar, nuts_sampler
        How the tables are sampled; see `Sampling`.
    method
        "nuts" samples the tables given the evidence. "reweight" draws them from the prior, and
        weighs the draws by how probable they make the evidence, which takes seconds and compiles
        nothing. "auto" does so, and samples if the weights or the numbers fail their checks.
        `Forecast.diagnostics` says which method answered.

    Raises
    ------
    InputError
        If the scenario or the evidence breaks a rule.

    Returns
    -------
    Forecast
        Frozen; `update` and `retract` return new ones.
    """
    sampling = Sampling(draws, tune, chains, random_seed, cores, progressbar, nuts_sampler)
    if method == "nuts":
        return _fit(scenario, evidence, sampling)
    return _weighed(Fit.of_prior(scenario, sampling), evidence, sampling, method)


@checked
def update(previous: Forecast, evidence: Evidence, *, method: Method = "auto") -> Forecast:
    """Forecast the same scenario from other evidence; the previous forecast stays as it is.

    Parameters
    ----------
    previous
        A forecast.
    evidence
        Reports in force.
    method
        "reweight" gives the draws of the last fit new weights: those of all the evidence against
        all that the draws were made under, never one update after another. So the order of updates
        does not matter, and what is withdrawn leaves no trace. "nuts" samples again; "auto" does so
        if the weights, or the numbers, fail their checks.
    """
    fit = _fit_of(previous)
    if method == "nuts" or fit is None:
        return _fit(previous.scenario, evidence, previous.sampling)
    return _weighed(fit, evidence, previous.sampling, method)


@checked
def retract(previous: Forecast, *reports: str, method: Method = "auto") -> Forecast:
    """Forecast as if some reports had never been received; `method` as in `update`."""
    return update(previous, previous.evidence.without(*reports), method=method)


@checked
def advance(previous: Forecast, to: date | str, *, method: Method = "auto") -> Forecast:
    """Forecast at the end of a later day on which nothing new is known; `method` as in `update`.

    The horizon moves on, and silence speaks as far as delays of reporting allow.

    Raises
    ------
    InputError
        If the day is before the as-of date.
    """
    day = as_date(to)
    if day < previous.as_of:
        raise InputError([Problem("to", f"{day} is before the as-of date, {previous.as_of}")])
    return update(previous, replace(previous.evidence, as_of=day), method=method)


@checked
def probability(
    given: Forecast | Beliefs, variable: str, state: str, *, by: date | str | None = None
) -> Estimate:
    """Probability of a state now, or of its being held on at least one day up to a date.

    Parameters
    ----------
    given
        A forecast; or beliefs, of a forecast or of a network from a file, with all evidence set
        on them.
    variable, state
        What it is the probability of.
    by
        A date after the as-of date, where there are dates ahead. The probability is then that the
        state is held on at least one day from the day after the as-of date to this one, both
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
    calendar = _require_calendar(given)
    return replace(found, days=(calendar.days[0], _day_ahead(calendar, by)))


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
    calendar = _require_calendar(given)
    draws = reached_by(beliefs(given), calendar, unions, _day_ahead(calendar, by))
    days = (given.as_of + timedelta(days=1), by)
    return [replace(Estimate.of(draws.isel(course=k)), days=days) for k in range(len(unions))]


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
    days = (day, day)
    return [replace(Estimate.of(asked.union(states, start)), days=days) for states in unions]


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
    calendar = _require_calendar(given)
    day, pair = _day_ahead(calendar, by), (variable, state)
    return lambda asked: reached_by(asked, calendar, [[pair]], day).isel(course=0)


def as_beliefs(given: Forecast | Beliefs, draws: int | None = None) -> Beliefs:
    """The beliefs of a forecast, of so many draws of each chain; beliefs as they are."""
    return beliefs(given, draws=draws) if isinstance(given, Forecast) else given


def _now_of(given: Forecast, variable: str, state: str) -> DataArray:
    import xarray as xr

    from forecast.posterior.answer import WEIGHT, Answer

    draws = xr.DataArray(given.draws_of(variable, state)[..., given.now], dims=("chain", "draw"))
    if given.weights is None:
        return draws
    weight = given.weights.weight.reshape(draws.shape)
    return Answer(draws).assign_coords({WEIGHT: (draws.dims, weight)})


def _require_calendar(given: Forecast | Beliefs) -> Calendar:
    """The days that can be asked about.

    Raises
    ------
    InputError
        If there are none.
    """
    if isinstance(given, Forecast):
        calendar, n_steps = calendar_of(given.scenario, given.as_of), 1
    else:
        calendar, n_steps = given.calendar, given.n_steps
    if calendar is not None:
        return calendar
    message = "a static scenario or network has no dates ahead"
    if n_steps > 1:
        message = "these beliefs know steps and no days; ask their at_least_once(…, stop=step)"
    raise InputError([Problem("by", message)])


def _day_ahead(calendar: Calendar, by: date | str) -> date:
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
    posterior, fitted = _weighed_draws(given, draws)
    found = beliefs_of(given.scenario, given.evidence, posterior, fitted=fitted)
    n_steps = found.n_steps if until is None else _n_steps_until(given, as_date(until))
    if n_steps <= found.n_steps:
        return found
    longer = beliefs_of(given.scenario, given.evidence, posterior, n_steps, fitted=fitted)
    return replace(longer, calendar=found.calendar)


def beliefs_to(given: Forecast, n_steps: int) -> Beliefs:
    """Answer `beliefs` about so many steps alone, where they are enough for the evidence."""
    posterior, fitted = _weighed_draws(given, None)
    return beliefs_of(given.scenario, given.evidence, posterior, n_steps, fitted=fitted)


def _weighed_draws(given: Forecast, draws: int | None) -> tuple[Dataset, Array | None]:
    """Draws of the tables, at most so many of each chain, and logarithms of what they weigh."""
    posterior = given._tree["posterior"].to_dataset()
    shape = posterior.sizes["chain"], posterior.sizes["draw"]
    logs = None if given.weights is None else given.weights.log_weight.reshape(shape)
    if draws is not None:
        require_whole({"draws": draws}, {"draws": 1})
        step = -(-shape[1] // draws)
        posterior = posterior.isel(draw=slice(None, None, step))
        logs = None if logs is None else logs[:, ::step]
    return posterior, None if logs is None else logs.ravel()


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


def _fit(scenario: Scenario, evidence: Evidence, sampling: Sampling) -> Forecast:
    tree = sample_posterior(scenario, evidence, sampling)
    with phase("answers", sampling.progressbar):
        found = beliefs_of(scenario, evidence, tree["posterior"].to_dataset())
        for name, group in answer_groups(scenario, evidence, found).items():
            tree[name] = group
    tree.attrs |= _about(scenario, evidence, sampling)
    fit = Fit.of_posterior(scenario, evidence, tree)
    return Forecast(scenario, evidence, tree, sampling, fit)


def _weighed(fit: Fit, evidence: Evidence, sampling: Sampling, method: Method) -> Forecast:
    """Forecast from the draws of a fit; sample if that is allowed and these do not suffice."""
    import xarray as xr

    with phase("weights", sampling.progressbar):
        weights = fit.weights(evidence)
    log_weight = weights.log_weight.reshape(fit.shape)
    group = xr.Dataset(
        {"log_weight": (("chain", "draw"), log_weight)}, attrs={"pareto_k": weights.pareto_k}
    )
    groups = {"posterior": fit.dataset, "weights": group}
    if fit.divergences is not None:
        groups["sample_stats"] = xr.Dataset({"diverging": (("chain", "draw"), fit.divergences)})
    tree = xr.DataTree.from_dict(groups)
    tree.attrs |= _about(fit.scenario, evidence, sampling)
    found = Forecast(fit.scenario, evidence, tree, sampling, fit)
    if method == "auto" and found.diagnostics.failures:
        return _fit(fit.scenario, evidence, sampling)
    return found


def _fit_of(given: Forecast) -> Fit | None:
    """The draws behind a forecast, if they are known to be draws under some evidence."""
    if given.fit is not None or given.weights is not None or "posterior" not in given._tree:
        return given.fit
    return Fit.of_posterior(given.scenario, given.evidence, given._tree)


def _about(scenario: Scenario, evidence: Evidence, sampling: Sampling) -> dict[str, Any]:
    return {
        "scenario": scenario.name,
        "scenario_version": scenario.version,
        "scenario_digest": scenario.digest,
        "as_of": evidence.as_of.isoformat(),
        "reports": json.dumps([report.id for report in evidence]),
        "random_seed": sampling.random_seed,
    }


def answer_groups(scenario: Scenario, evidence: Evidence, found: Beliefs) -> dict[str, Dataset]:
    """Probabilities of every state at every step, and of every course by every coming step.

    They are groups apart, because ArviZ summarises variables together only if all of them have
    the same coordinates beyond those of their dimensions.
    """
    import xarray as xr

    courses = dict(watched(scenario))
    timeline = scenario.timeline
    by, start = [evidence.as_of], found.times[0]
    if timeline is not None:
        ahead = range(found.now + 1, found.n_steps)
        by, start = [timeline.last_day(step) for step in ahead], None
    held = found.at_least_once_each(courses.values(), start).rename(time="by")
    held = held.assign_coords(by=time_labels(by)).transpose("chain", "draw", "by", "course")
    said = {"at_least_once": held}
    calendar = calendar_of(scenario, evidence.as_of)
    if calendar is not None:
        turn = turn_of(found, calendar, courses.values())
        said["now_or_next"] = turn.assign_coords(turn=["now", "now or next"])
    sample = {"chain": range(found.shape[0]), "draw": range(found.shape[1])}
    about = {"now": found.now, "as_of": evidence.as_of.isoformat()}
    return {
        "forecast": xr.Dataset({"probability": found.posteriors()}, sample, about),
        "courses": xr.Dataset(said, sample | {"course": list(courses)}, about),
    }


def _mean_over_days(
    given: Forecast, draws: Array, start: date | None = None, end: date | None = None
) -> Array:
    """Average of a value of each step, (…, step), over days: those ahead, unless they are given."""
    timeline = given.scenario.timeline
    assert timeline is not None
    first, last = start or given.as_of + timedelta(days=1), end or timeline.horizon(given.as_of)
    weights = [timeline.days_in(step, first, last) for step in range(draws.shape[-1])]
    return np.asarray(np.average(draws, axis=-1, weights=weights))


def by_horizon(given: Forecast, found: Beliefs) -> DataArray:
    """What is said of what is watched to the horizon, or now, under some beliefs.

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
    answers = reached_by(found, _require_calendar(given), groups, given.horizon)
    courses = given.scenario.courses
    for k, [(variable, state), *_] in enumerate(groups[: len(courses)]):
        if not courses[variable, state].dangerous:
            draws = found.posterior(variable).sel(state=state).transpose("chain", "draw", "time")
            answers[{"course": k}] = _mean_over_days(given, draws.to_numpy())
    return answers


def watched(scenario: Scenario) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield every course, and all dangerous ones together, each with its states."""
    for variable, state in scenario.courses:
        yield f"{variable}={state}", [(variable, state)]
    dangerous = [key for key, course in scenario.courses.items() if course.dangerous]
    if dangerous:
        yield ANY_DANGEROUS, dangerous


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
        chained=given.fit is None or given.fit.evidence is not None,
        divergences=0 if stats is None else int(stats["diverging"].sum()),
    )


def _printed(given: Forecast) -> Array:
    """Draws of what is printed of every course and of their union, (number, chain, draw)."""
    courses, names = list(given.scenario.courses), list(dict(watched(given.scenario)))
    if given._prospects is not None:
        found = given._prospects
        return np.concatenate([found.now, found.within, found.average])
    if given.horizon is None:
        draws = [given.draws_of(*course)[..., given.now] for course in courses]
        return np.stack(
            [*draws, *(given._stored(name, "at_least_once")[..., -1] for name in names)]
        )
    draws = [given.draws_of(*course) for course in courses]
    return np.stack(
        [
            *(each[..., given.now] for each in draws),
            *(given._reached(name, given.horizon) for name in names),
            *(_mean_over_days(given, each) for each in draws),
        ]
    )
