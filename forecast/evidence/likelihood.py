"""From reports to arrays: what each report says of which variable, and which share an origin.

Reports of one origin about one indicator in one step are one claim. If they agree, the claim
weighs what its best-graded report weighs, however often it was repeated. If they differ, each
distinct version is equally likely to be what the origin said, and the claim is the average over
the versions: the sum over what the origin may have said. `forecast.inference.channel` turns the
arrays into likelihoods.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from forecast.errors import InputError, Problem, raise_if_any
from forecast.evidence.checks import find_faults
from forecast.evidence.ledger import Evidence
from forecast.evidence.report import RELIABILITY, Report
from forecast.evidence.sources import admiralty_grades
from forecast.scenario.scenario import Scenario
from forecast.timeline import MAX_STEPS

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ReportTable:
    """Reports as arrays, for the network whose variables and states are in scenario order.

    Attributes
    ----------
    settings
        Log-likelihood of what is set and not reported: the inputs, (step, state).
    observed
        Variable that each report speaks to; reports on inputs are not among them.
    said
        State that each report names, or the number it gives, (report,).
    is_number
        Whether it gives a number, (report,).
    exposure
        Days that a reported count covers, (report,); 0 where none are said.
    n_states
        How many states its variable has, (report,).
    grade
        Reliability grade of each report, 0 for A, (report,).
    claim
        Claim that each report belongs to, (report,).
    weight
        Weight of each report in its claim, (report,): it depends on what was reported, because
        copies of one version count once. The weights of a claim sum to one.
    place
        Where a claim's likelihood goes among the flat (step, state) cells; one past the last
        cell where there is no such state, (claim, widest variable).
    """

    settings: Array
    observed: tuple[str, ...]
    said: Array
    is_number: npt.NDArray[np.bool_]
    exposure: Array
    n_states: Index
    grade: Index
    claim: Index
    weight: Array
    place: Index


def tabulate_reports(scenario: Scenario, evidence: Evidence, n_steps: int) -> ReportTable:
    """Arrange evidence for the engine.

    Parameters
    ----------
    scenario
        The scenario.
    evidence
        Reports in force.
    n_steps
        Steps of the sweep; 1 for a static scenario.
    """
    raise_if_any(
        [
            Problem(f"report {report.id}: {column}", message)
            for report in evidence
            for column, message in find_faults(report, scenario)
        ]
    )
    starts = _first_states(scenario)
    total = sum(len(variable.states) for variable in scenario.variables.values())
    inputs = scenario.with_role("input")
    observed = [report for report in evidence.observations if report.indicator not in inputs]
    claims = _claims(scenario, observed)
    widest = max(len(variable.states) for variable in scenario.variables.values())
    weight = np.zeros(len(observed))
    place = np.full((len(claims), widest), n_steps * total, dtype=np.int64)
    claim = np.zeros(len(observed), np.int64)
    for number, ((indicator, step), members, weights) in enumerate(claims):
        claim[members] = number
        weight[list(weights)] = list(weights.values())
        width = len(scenario.variables[indicator].states)
        place[number, :width] = step * total + starts[indicator] + np.arange(width)
    return ReportTable(
        settings=_settings(scenario, evidence, n_steps, starts, total),
        observed=tuple(report.indicator for report in observed),
        said=np.array([_said(scenario, report) for report in observed], np.float64),
        is_number=np.array([report.number is not None for report in observed], bool),
        exposure=np.array([report.exposure or 0.0 for report in observed]),
        n_states=np.array(
            [len(scenario.variables[r.indicator].states) for r in observed], np.int64
        ),
        grade=np.array([RELIABILITY.index(r.reliability) for r in observed], np.int64),
        claim=claim,
        weight=weight,
        place=place,
    )


def report_step(scenario: Scenario, report: Report) -> int:
    """Step that a report speaks of: the one with most days of its interval before it was known."""
    timeline = scenario.timeline
    if timeline is None:
        return 0
    return timeline.step_with_most_of(report.event_start, min(report.event_end, report.known))


def last_step(scenario: Scenario, evidence: Evidence) -> int:
    """Step of the as-of date."""
    timeline = scenario.timeline
    if timeline is None:
        return 0
    step = timeline.step_of(evidence.as_of)
    if step < 0:
        message = f"{evidence.as_of} is before the scenario begins, {timeline.start}"
        raise InputError([Problem("as_of", message)])
    if step > MAX_STEPS:
        message = (
            f"{evidence.as_of} is {step:,} steps after {timeline.start}; at most {MAX_STEPS:,}"
        )
        raise InputError([Problem("as_of", message)])
    return step


def _said(scenario: Scenario, report: Report) -> float:
    if report.number is not None:
        return report.number
    return scenario.variables[report.indicator].states.index(report.state)


def _first_states(scenario: Scenario) -> dict[str, int]:
    starts, start = {}, 0
    for name, variable in scenario.variables.items():
        starts[name] = start
        start += len(variable.states)
    return starts


def _claims(
    scenario: Scenario, reports: list[Report]
) -> list[tuple[tuple[str, int], list[int], dict[int, float]]]:
    """Group reports by origin, indicator and step; give the best of each version its weight."""
    groups: dict[tuple[str, str, int], list[int]] = defaultdict(list)
    for number, report in enumerate(reports):
        step = report_step(scenario, report)
        origin = f"origin {report.origin}" if report.origin else f"report {report.id}"
        groups[origin, report.indicator, step].append(number)
    order = [grade.letter for grade in sorted(admiralty_grades(), key=lambda g: -_mean(g.shape))]
    claims = []
    for (_, indicator, step), members in groups.items():
        best: dict[str | float, int] = {}
        for number in sorted(members, key=lambda n: order.index(reports[n].reliability)):
            given = reports[number].number
            best.setdefault(reports[number].state if given is None else given, number)
        weights = {number: 1 / len(best) for number in best.values()}
        claims.append(((indicator, step), members, weights))
    return claims


def _mean(shape: tuple[float, float]) -> float:
    return shape[0] / sum(shape)


def _settings(
    scenario: Scenario, evidence: Evidence, n_steps: int, starts: dict[str, int], total: int
) -> Array:
    """Inputs are known: their default, or what was reported, at every step."""
    settings = np.zeros((n_steps, total))
    for name, variable in scenario.with_role("input").items():
        state = [variable.default] * n_steps
        for report in evidence.observations:
            if report.indicator == name:
                state[report_step(scenario, report)] = report.state
        for step, value in enumerate(state):
            cells = slice(starts[name], starts[name] + len(variable.states))
            settings[step, cells] = -np.inf
            settings[step, starts[name] + variable.states.index(str(value))] = 0.0
    return settings
