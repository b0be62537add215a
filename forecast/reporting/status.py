"""What the reports in force say about tripwires and indicators, without any model."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from math import exp, log
from typing import Literal

from forecast.evidence.events import shares_of
from forecast.evidence.ledger import Evidence
from forecast.evidence.report import Report
from forecast.scenario.elicitation import fit_positive
from forecast.scenario.forms import Count
from forecast.scenario.scenario import Scenario, Tripwire, Variable

State = Literal["fired", "pending", "not fired"]


@dataclass(frozen=True, slots=True)
class TripwireStatus:
    """Whether a tripwire has fired, and which reports fired it.

    Attributes
    ----------
    tripwire
        The tripwire.
    state
        "pending" has a deadline that has not passed; "not fired" has missed it or has none.
    reports
        Reports of the first of its levels that was reached.
    """

    tripwire: Tripwire
    state: State
    reports: tuple[Report, ...]


@dataclass(frozen=True, slots=True)
class IndicatorStatus:
    """The latest report of an indicator.

    Attributes
    ----------
    name, variable
        The indicator.
    latest
        The report of the latest event; None if there is none.
    """

    name: str
    variable: Variable
    latest: Report | None

    @property
    def fired(self) -> bool:
        """Whether the latest reported state is another than the first."""
        if self.latest is None:
            return False
        return state_told(self.variable, self.latest) != self.variable.states[0]


def state_told(variable: Variable, report: Report) -> str:
    """The state that a report names, or the one that speaks best for the number it gives.

    A count speaks for the state under whose rate it is most probable, taken as a Poisson count at
    the middle of the rate; a real number for the state whose mean is nearest.
    """
    if report.number is None:
        return report.state
    measured, number = variable.measured, report.number
    if isinstance(measured, Count):
        days = report.exposure or measured.per
        middle = {
            state: exp(fit_positive(quantity.between, measured.per).shape[0])
            for state, quantity in measured.rate.items()
        }
        mean = {state: rate * days / measured.per for state, rate in middle.items()}
        return max(variable.states, key=lambda state: number * log(mean[state]) - mean[state])
    assert measured is not None
    centre = {s: (q.between.lower + q.between.upper) / 2 for s, q in measured.mean.items()}
    return min(variable.states, key=lambda state: abs(number - centre[state]))


def tripwire_status(scenario: Scenario, tripwire: Tripwire, evidence: Evidence) -> TripwireStatus:
    """Read a tripwire from the reports in force.

    Parameters
    ----------
    scenario
        What the reports speak to.
    tripwire
        Levels, any of which fires it, perhaps with a deadline for the event.
    evidence
        Reports in force at the as-of date.
    """
    for level in tripwire.any:
        reached = [
            _reached(scenario, indicator, state, tripwire.by, evidence)
            for indicator, state in level.items()
        ]
        if all(reached):
            reports = tuple(report for found in reached for report in found)
            return TripwireStatus(tripwire, "fired", reports)
    waits = tripwire.by is not None and tripwire.by >= evidence.as_of
    return TripwireStatus(tripwire, "pending" if waits else "not fired", ())


def _reached(
    scenario: Scenario, indicator: str, state: str, by: date | None, evidence: Evidence
) -> tuple[Report, ...]:
    return tuple(
        report
        for report in evidence.observations
        if report.indicator == indicator
        and state_told(scenario.variables[indicator], report) == state
        and (by is None or report.event_end <= by)
    )


def indicator_status(name: str, variable: Variable, evidence: Evidence) -> IndicatorStatus:
    """Find the report of an indicator's latest event.

    Parameters
    ----------
    name, variable
        The indicator.
    evidence
        Reports in force at the as-of date.
    """
    reports = [report for report in evidence.observations if report.indicator == name]
    latest = max(reports, key=lambda r: (r.event_end, r.event_start, r.known, r.id), default=None)
    return IndicatorStatus(name, variable, latest)


def conflicting(scenario: Scenario, evidence: Evidence) -> frozenset[str]:
    """Ids of the reports that give one indicator different states in one step.

    Parameters
    ----------
    scenario, evidence
        What the reports speak to, and the reports in force.
    """
    groups: dict[tuple[str, int], list[Report]] = defaultdict(list)
    for report in evidence.observations:
        for step in shares_of(scenario, report):
            groups[report.indicator, step].append(report)
    return frozenset(
        report.id
        for (name, _), reports in groups.items()
        if len({state_told(scenario.variables[name], report) for report in reports}) > 1
        for report in reports
    )


def origins(reports: tuple[Report, ...]) -> int:
    """How many independent origins reports have; one without an origin is its own.

    Parameters
    ----------
    reports
        Any reports.
    """
    return len({report.origin or f"report {report.id}" for report in reports})
