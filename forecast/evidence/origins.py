"""How many independent origins reports have: one rule, for whatever counts them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from forecast.evidence.ledger import Evidence
from forecast.evidence.report import Report
from forecast.scenario.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Origins:
    """Origins of some reports.

    Attributes
    ----------
    stated
        Different origins that reports state.
    unstated
        Reports that state none. Each is taken by itself when probabilities are computed, but
        nobody has stated that it is independent.
    """

    stated: int
    unstated: int

    @property
    def at_least(self) -> int:
        """Independent origins that there are at least: all reports without one may share one."""
        return max(self.stated, min(self.unstated, 1))


def count_origins(reports: Iterable[Report]) -> Origins:
    """Count the origins of reports.

    Examples
    --------
    >>> from datetime import date
    >>> day = date(2020, 1, 8)
    >>> def seen(name, origin):
    ...     return Report(name, "rockets", "surge", day, day, day, day, "wire", origin=origin)
    >>> count_origins([seen("R1", "blog"), seen("R2", "blog"), seen("R3", "")])
    Origins(stated=1, unstated=1)
    """
    named = [report.origin for report in reports]
    return Origins(len(set(named) - {""}), named.count(""))


def speaking(scenario: Scenario, evidence: Evidence) -> tuple[Report, ...]:
    """Reports that speak to what is estimated: neither context nor what sets an input."""
    inputs = scenario.with_role("input")
    return tuple(r for r in evidence.observations if r.indicator not in inputs)
