"""Plans for inputs: what follows if the customer acts in one way ahead, or in another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar

from forecast.analysis.frames import LegibleFrame
from forecast.arguments import checked, short_repr
from forecast.course_outlook import ANY_LABEL
from forecast.errors import InputError, Problem, nearest, raise_if_any
from forecast.estimate import Estimate, quantity
from forecast.evidence.ledger import as_date
from forecast.layout import Summary
from forecast.outlook import Forecast, beliefs
from forecast.posterior.stored_answers import answer_groups
from forecast.probabilities import by_horizon
from forecast.sampling import require_whole
from forecast.scenario.input_checks import check_input
from forecast.scenario.scenario import PlannedState, Scenario
from forecast.scenario.warning import ANY_DANGEROUS
from forecast.wording import long_date

if TYPE_CHECKING:
    from xarray import DataArray

type Days = date | str | tuple[date | str, date | str]
type InputPlan = str | Mapping[Days, str]
"""A state for all steps ahead; or states by day, or by first and last day."""

AHEAD = ("forecast", "courses")
"""Groups of a forecast's tree that say what lies ahead."""


class Plans(LegibleFrame):
    """What follows from each plan, a row for each plan and course; made by `compare_plans`."""

    needs: ClassVar[tuple[str, ...]] = ("plan", "label", "mean", "lower", "upper", "condition")

    def _summary(self) -> Summary:
        plans = list(dict.fromkeys(self["plan"]))
        cells = {
            (row.label, row.plan): quantity(Estimate(row.mean, row.lower, row.upper))
            for row in self.itertuples()
        }
        rows = [
            (label, *(cells.get((label, plan), "") for plan in plans))
            for label in dict.fromkeys(self["label"])
        ]
        clauses = dict(zip(self["plan"], self["condition"], strict=True))
        title = f"{self.attrs.get('title', 'What follows from each plan')}"
        below = [f"{plan}: if {clause}" for plan, clause in clauses.items()]
        return Summary(title, ("Course", *map(str, plans)), rows, below)


@checked
def plan(given: Forecast, inputs: Mapping[str, InputPlan]) -> Forecast:
    """Forecast as if inputs were what is planned, in steps after that of the as-of date.

    The draws of the tables and their weights stay: what is only planned is no evidence. So two
    plans can be compared draw by draw. `update` keeps a plan; once a planned day has come, what
    counts is what is reported to have been done.

    Parameters
    ----------
    given
        A forecast of a scenario with a clock; it stays as it is.
    inputs
        For each input its plan, in place of the one that it had: a state, for all steps ahead; or
        states by day, ``{"2020-02-01": "limited_strike"}``, or by first and last day,
        ``{("2020-02-01", "2020-02-28"): "campaign"}``. Steps that these days meet have the state,
        all others the default. Inputs that are not named keep their plan.

    Returns
    -------
    Forecast
        Every answer of it says under which condition it holds.

    Raises
    ------
    InputError
        For what is no input or no state, for days that have passed or are in the step of the
        as-of date, and for two states in one step.

    Examples
    --------
    >>> plan(outlook, {"us_action": {"2020-02-01": "limited_strike"}})  # doctest: +SKIP
    """
    scenario = with_plans(given.scenario, given.now, inputs)
    fit = given._draws.of_scenario(scenario)
    tree = given._tree.copy()
    for name in AHEAD:
        if name in tree.children:
            del tree[name]
    tree.attrs |= {"scenario_digest": scenario.digest}
    if given.fit is None:
        found = fit.beliefs(given.evidence, weights=given.weights)
        for name, group in answer_groups(scenario, given.evidence, found).items():
            tree[name] = group
    kept = None if given.fit is None else fit
    return Forecast(scenario, given.evidence, tree, given.sampling, kept)


@checked
def compare_plans(
    given: Forecast, plans: Mapping[str, Mapping[str, InputPlan]], *, draws: int | None = None
) -> Plans:
    """Say what follows from several plans, side by side.

    Parameters
    ----------
    given
        A forecast of a scenario with a clock.
    plans
        For each name what `plan` is given; an empty one is the forecast as it is.
    draws
        Use at most this many draws of each chain, evenly spaced, for a quicker answer.

    Returns
    -------
    Plans
        A data frame with a row for each plan and course, and for all dangerous courses together:
        ``mean``, ``lower`` and ``upper`` of its being under way on at least one day within the
        horizon (of what is not dangerous, of the share of the days), ``change`` from the first
        plan with its ends, and the ``condition`` in words. It prints itself.

    Raises
    ------
    InputError
        As `plan` does; and if there is no plan.

    Examples
    --------
    >>> compare_plans(outlook, {"as now": {}, "campaign": {"us_action": "campaign"}})
    ... # doctest: +SKIP
    """
    if draws is not None:
        require_whole({"draws": draws}, {"draws": 1})
    if not plans:
        raise InputError([Problem("plans", "names no plan; an empty one is the forecast as it is")])
    made = {name: plan(given, inputs) for name, inputs in plans.items()}
    answers = {name: by_horizon(each, beliefs(each, draws=draws)) for name, each in made.items()}
    first = next(iter(answers.values()))
    rows = [
        row
        for name, answer in answers.items()
        for row in _rows(name, made[name], answer, answer - first)
    ]
    found = Plans(rows)
    assert given.horizon is not None
    found.attrs["title"] = (
        f"To {long_date(given.horizon)}: dangerous courses at least once, others as a share of the "
        "days"
    )
    return found


def _rows(
    name: str, made: Forecast, answers: DataArray, changes: DataArray
) -> Iterator[dict[str, Any]]:
    labels = {f"{v}={state}": course.label for (v, state), course in made.scenario.courses.items()}
    for k, course in enumerate([*labels, ANY_DANGEROUS][: answers.sizes["course"]]):
        found, change = (Estimate.of(each.isel(course=k)) for each in (answers, changes))
        yield {
            "plan": name,
            "course": course,
            "label": labels.get(course, ANY_LABEL),
            "mean": found.mean,
            "lower": found.lower,
            "upper": found.upper,
            "change": change.mean,
            "change_lower": change.lower,
            "change_upper": change.upper,
            "condition": made.condition,
        }


def with_plans(scenario: Scenario, now: int, inputs: Mapping[str, InputPlan]) -> Scenario:
    """The scenario with plans for some inputs, in steps after `now`; see `plan`."""
    timeline = scenario.timeline
    if timeline is None:
        raise InputError([Problem("plans", "the scenario has no clock, so nothing is ahead")])
    legal, first = scenario.with_role("input"), timeline.first_day(now + 1)
    problems, changed = [], {}
    for name, stated in inputs.items():
        if name not in legal:
            problems.append(Problem("inputs", f"{name!r} is not an input; {nearest(name, legal)}"))
            continue
        entries, faulty = _entries(stated)
        problems += faulty
        changed[name] = legal[name].model_copy(update={"plan": tuple(entries)})
        faults = check_input((name,), changed[name], scenario.time)
        problems += [Problem(f"plan of {name}", message) for _, message in faults]
        for each in entries:
            if each.start is not None and each.start < first:
                message = f"{each.start} is not ahead: the first day to plan for is {first}"
                problems.append(Problem(f"plan of {name}", message))
    raise_if_any(problems)
    return scenario.model_copy(update={"variables": {**scenario.variables, **changed}})


def read_plans(texts: Iterable[str]) -> dict[str, InputPlan]:
    """Inputs and their plans, as a command line writes them.

    Parameters
    ----------
    texts
        ``INPUT=STATE``, for all steps ahead; ``INPUT=STATE@DAY`` or ``INPUT=STATE@DAY..DAY``, and
        more of these after commas: ``us_action=campaign@2020-02-01..2020-02-28``.

    Raises
    ------
    InputError
        With every text that is neither, and every input that is named again.

    Examples
    --------
    >>> read_plans(["us_action=campaign"])
    {'us_action': 'campaign'}
    >>> read_plans(["us_action=none@2020-02-01,campaign@2020-02-08..2020-02-28"])["us_action"]
    {('2020-02-01', '2020-02-01'): 'none', ('2020-02-08', '2020-02-28'): 'campaign'}
    """
    found: dict[str, InputPlan] = {}
    problems = []
    for text in texts:
        name, equals, stated = (part.strip() for part in text.partition("="))
        parts = [part.strip().partition("@") for part in stated.split(",")]
        if not (name and equals and all(state for state, _, _ in parts)):
            rule = "needs INPUT=STATE, INPUT=STATE@DAY or INPUT=STATE@DAY..DAY"
            problems.append(Problem("plan", f"{short_repr(text)} {rule}"))
            continue
        if name in found:
            rule = "names an input twice; write its days in one, after commas"
            problems.append(Problem("plan", f"{short_repr(text)} {rule}"))
        days = [at.partition("..") for _, _, at in parts]
        found[name] = {
            (first, last if dots else first): state
            for (state, _, _), (first, dots, last) in zip(parts, days, strict=True)
        }
        if len(parts) == 1 and not parts[0][1]:
            found[name] = stated
    raise_if_any(problems)
    return found


def _entries(stated: InputPlan) -> tuple[list[PlannedState], list[Problem]]:
    """States of an input by their days, and the days that are none."""
    by_day = {None: stated} if isinstance(stated, str) else stated
    entries: list[PlannedState] = []
    problems: list[Problem] = []
    for days, state in by_day.items():
        ends = days if isinstance(days, tuple) else (days, days)
        try:
            start, end = (None if day is None else as_date(day) for day in ends)
        except InputError as error:
            problems += error.problems
        else:
            entries.append(PlannedState.model_construct(state=state, start=start, end=end))
    return entries, problems
