"""What the reports in force say about indicators, without any model."""

from __future__ import annotations

from dataclasses import dataclass

from forecast.analysis.weighing import stated_state
from forecast.evidence.ledger import Evidence
from forecast.evidence.report import Report
from forecast.scenario.scenario import Variable


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
