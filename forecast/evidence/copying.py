"""Who may have copied whom: reports of one event that state no origin, and what speaks for it.

Reports about one indicator in one step that may be of one event are taken in order: the best
first, then those that state an origin, then those that are dated, then the earlier. Each of those
that state none has an origin of its own, or shares that of one before it: the links are a
distance-dependent Chinese restaurant process (Blei & Frazier, Distance dependent Chinese restaurant
processes, Journal of Machine Learning Research 12, 2011), and what they connect is one origin. An
origin counts as the first of its reports does, which is the best. So the sum over all partitions is
a product over reports: each counts by itself, or repeats what is known already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from forecast.evidence.events import Event, days_of, version_of
from forecast.evidence.families import default_lineage, family_of, may_copy
from forecast.evidence.report import Report
from forecast.evidence.sources import accuracy_index, trust_in
from forecast.evidence.text_reuse import shared_share
from forecast.scenario.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Link:
    """That a report may share the origin of one that comes before it.

    With κ the propensity to copy of the family, the link has the prior weight κ/(1 - κ) · `near`,
    where that of an origin of its own is 1. What the texts of both share is evidence of it.

    Attributes
    ----------
    report, earlier
        The report, and the best report of the other origin.
    family
        Family of the one that copied: the later of the two.
    near
        How likely the one is to have been copied, beside others.
    text_ratio
        Likelihood ratio of what their texts share: one a copy, against two accounts.
    repeats
        Whether both state the same, as a copy does.
    """

    report: str
    earlier: str
    family: str
    near: float
    text_ratio: float
    repeats: bool

    @property
    def weight(self) -> float:
        """Weight of the link before its family's odds, once the texts have been compared."""
        return self.near * self.text_ratio


def precedence(
    scenario: Scenario, reports: Sequence[Report], undated: bool
) -> tuple[float, bool, bool, date, date, str]:
    """What orders origins: the best first, then who states one, who is dated, who came first.

    Parameters
    ----------
    scenario
        The scenario.
    reports
        What one origin states.
    undated
        Whether the step of some of it is not known.
    """
    means = [judged.mean for judged in trust_in(scenario).accuracy]
    best = max(means[accuracy_index(scenario, report)] for report in reports)
    first = min((report.published, report.known, report.id) for report in reports)
    return -best, not reports[0].origin, undated, *first


def find_link(scenario: Scenario, event: Event, earlier: Event) -> Link | None:
    """The link of a report that states no origin to one that comes before it, if there may be one.

    Parameters
    ----------
    scenario
        The scenario.
    event
        The report, as the only one of its origin.
    earlier
        What another origin states of the same indicator in the same step.
    """
    [report] = event.reports
    found = [
        (_nearness(report, other), _text_ratio(report, other), family)
        for other in earlier.reports
        if _form(report) == _form(other)
        if (family := _copying_family(scenario, report, other))
    ]
    if not found:
        return None
    near, ratio, family = max(found, key=lambda way: (way[0] * way[1], way[2]))
    repeats = version_of(report) in {version_of(other) for other in earlier.reports}
    return Link(report.id, earlier.reports[0].id, family, near, ratio, repeats)


def other_event_link(scenario: Scenario, report: Report, other: Report) -> Link | None:
    """The link of a report that states no origin to one of another event, if there may be one."""
    family = _copying_family(scenario, report, other)
    if not family:
        return None
    near = _nearness(report, other) * default_lineage().other_events
    ratio = _text_ratio(report, other)
    return Link(report.id, other.id, family, near, ratio, repeats=False)


def _form(report: Report) -> tuple[object, ...]:
    """In which form a report states something: a copy has that of its original."""
    numbers = report.number is None, report.upper is None
    return bool(report.state), report.scope, bool(report.likelihoods), *numbers


def _copying_family(scenario: Scenario, report: Report, other: Report) -> str:
    """Family of the one of two that may have copied the other; empty if neither may have.

    That is the one that was published later. Who states an origin has not copied anybody else.
    """
    own, others = family_of(scenario, report.source), family_of(scenario, other.source)
    ways = {own: may_copy(scenario, own, others), others: may_copy(scenario, others, own)}
    if other.origin or report.published > other.published:
        order = [own]
    elif report.published < other.published:
        order = [others]
    else:
        order = [own, others]
    return next((family for family in order if ways[family]), "")


def _nearness(report: Report, other: Report) -> float:
    """How likely one of two reports is to have been copied from the other: 1 on the same day."""
    usual = default_lineage()
    days = _gap(days_of(report), days_of(other)) / usual.event_days
    days += abs((report.published - other.published).days) / usual.publication_days
    found = float(2.0**-days)
    if _names_source(report, other) or _names_source(other, report):
        return found * usual.names_source
    if report.citation and report.citation == other.citation:
        return found * usual.same_document
    return found


def _text_ratio(report: Report, other: Report) -> float:
    """Likelihood ratio of what two texts share: one a copy, against two accounts of one event."""
    shared = shared_share(report.text, other.text)
    if shared is None:
        return 1.0
    usual = default_lineage()
    return float(np.exp(np.interp(shared, usual.shared_text, np.log(usual.text_ratio))))


def _gap(days: tuple[date, date], others: tuple[date, date]) -> int:
    """Days between two periods; 0 if they overlap."""
    return max((days[0] - others[1]).days, (others[0] - days[1]).days, 0)


def _names_source(report: Report, other: Report) -> bool:
    return bool(report.origin) and report.origin.casefold() == other.source.casefold()
