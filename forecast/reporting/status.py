"""What the reports in force say about tripwires and indicators, without any model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from forecast.analysis.weighing import stated_state
from forecast.evidence.ledger import Evidence
from forecast.evidence.report import Report
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
        return stated_state(self.variable, self.latest) != self.variable.states[0]


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
        and stated_state(scenario.variables[indicator], report) == state
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
