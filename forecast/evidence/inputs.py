"""What inputs are set to: as reported, as planned, or by default; and in which steps that acts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from typing import NamedTuple

from forecast.evidence.events import last_step, shares_of
from forecast.evidence.ledger import Evidence
from forecast.evidence.report import Report
from forecast.scenario.scenario import PlannedState, Scenario, Variable
from forecast.timeline import Timeline
from forecast.wording import period, plain


class Stretch(NamedTuple):
    """What an input is on some days ahead, the first and the last included."""

    state: str
    start: date
    end: date


def acting_states(scenario: Scenario, evidence: Evidence, n_steps: int) -> dict[str, list[str]]:
    """The state of each input that acts in each step.

    That is what it was in the step before, and its default in the first one, unless it acts in the
    same step; a static scenario has one step.

    Parameters
    ----------
    scenario, evidence
        What reports and plans are about, and the reports in force.
    n_steps
        How many steps.
    """
    found = states_of_inputs(scenario, evidence, n_steps)
    for name, variable in scenario.with_role("input").items():
        if acts_later(scenario, variable):
            found[name] = [str(variable.default), *found[name][:-1]]
    return found


def states_of_inputs(scenario: Scenario, evidence: Evidence, n_steps: int) -> dict[str, list[str]]:
    """The state of each input in each step: as reported, as planned ahead, or its default."""
    ahead = range(last_step(scenario, evidence) + 1, n_steps)
    found = {}
    for name, variable in scenario.with_role("input").items():
        state = [str(variable.default)] * n_steps
        for report in evidence.observations:
            step = setting_step(scenario, report) if report.indicator == name else n_steps
            if step < n_steps:
                state[step] = report.state
        # What has no dates of its own is for all other days, so it comes first.
        for planned in sorted(variable.plan, key=lambda each: bool(each.start or each.end)):
            for step in ahead:
                if _covers(scenario, planned, step):
                    state[step] = planned.state
        found[name] = state
    return found


def acts_later(scenario: Scenario, variable: Variable) -> bool:
    """Whether what an input is in a step acts in the step after."""
    return scenario.time is not None and variable.acts != "same_step"


def setting_step(scenario: Scenario, report: Report) -> int:
    """Step in which a report sets an input: the one with most of its days, the later of two."""
    shares = shares_of(scenario, report)
    return max(shares, key=lambda step: (shares[step], step))


def _covers(scenario: Scenario, planned: PlannedState, step: int) -> bool:
    timeline = scenario.timeline
    assert timeline is not None
    begun = planned.start is None or planned.start <= timeline.last_day(step)
    return begun and (planned.end is None or planned.end >= timeline.first_day(step))


def are_steady(scenario: Scenario, evidence: Evidence) -> bool:
    """Whether inputs act alike in all steps after the present one, however many there are."""
    inputs, timeline = scenario.with_role("input"), scenario.timeline
    if not inputs or timeline is None:
        return True
    now = last_step(scenario, evidence)
    days = [day for each in inputs.values() for plan in each.plan for day in (plan.start, plan.end)]
    last = max([now, *(timeline.step_of(day) for day in days if day)])
    found = acting_states(scenario, evidence, last + 3)  # one step later, and one after all plans
    return all(len(set(states[now + 1 :])) == 1 for states in found.values())


def condition_of(scenario: Scenario, evidence: Evidence) -> str:
    """What is taken of the inputs ahead, as a clause to stand after "if"; empty without inputs.

    The state that an input has on most of the days is that of all days but those named.
    """
    timeline = scenario.timeline
    if timeline is None:
        return ""
    found = states_of_inputs(scenario, evidence, timeline.n_steps(evidence.as_of))
    return ", and ".join(
        _clause(scenario.variables[name], list(_stretches(timeline, evidence.as_of, states)))
        for name, states in found.items()
    )


def _stretches(timeline: Timeline, as_of: date, states: list[str]) -> Iterator[Stretch]:
    """Yield what an input is on the days ahead, in stretches of equal steps."""
    horizon = timeline.horizon(as_of)
    steps = range(timeline.step_of(as_of) + 1, len(states))
    for state, stretch in groupby(steps, key=states.__getitem__):
        first, *rest = stretch
        last = timeline.last_day(rest[-1] if rest else first)
        yield Stretch(state, timeline.first_day(first), min(last, horizon))


def _clause(variable: Variable, stretches: list[Stretch]) -> str:
    days = dict.fromkeys((each.state for each in stretches), 0)
    for each in stretches:
        days[each.state] += (each.end - each.start).days + 1
    usual = max(days, key=days.__getitem__)
    rest = f"{'otherwise ' if len(days) > 1 else ''}{_in_words(variable, usual)}"
    dated = [
        f"{_in_words(variable, each.state)} ({period(each.start, each.end)})"
        for each in stretches
        if each.state != usual
    ]
    return " and ".join([*dated, rest])


def _in_words(variable: Variable, state: str) -> str:
    return variable.clauses.get(state) or f"{variable.label} is {plain(state)}"
