"""What scenarios, ledgers, evidence, beliefs and networks print of themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from forecast.layout import Row, Summary, shortened
from forecast.reporting.wording import counted, long_date, period, plain

if TYPE_CHECKING:
    from forecast.evidence.ledger import Evidence, Ledger
    from forecast.evidence.report import Report
    from forecast.network.structure import Network
    from forecast.posterior.beliefs import Beliefs
    from forecast.scenario.scenario import Scenario, Variable

MOST_ROWS = 12
WIDEST = 44
ROLES = {
    "course_of_action": ("course of action", "courses of action"),
    "factor": ("factor", "factors"),
    "outcome": ("outcome", "outcomes"),
    "indicator": ("indicator", "indicators"),
    "input": ("input", "inputs"),
}
REPORT_HEAD = ("Report", "Event", "Indicator", "Says", "Source", "Grade", "Known")


def scenario_summary(scenario: Scenario) -> Summary:
    """Title, question and clock of a scenario, and its variables by role.

    Parameters
    ----------
    scenario
        The scenario.
    """
    rows = [
        (counted(len(members), *title), shortened(", ".join(members), WIDEST + 12))
        for role, title in ROLES.items()
        if (members := [name for name, v in scenario.variables.items() if v.role == role])
    ]
    title = f"Scenario {scenario.name} {scenario.version}: {shortened(scenario.title, 2 * WIDEST)}"
    clock = "no clock: one moment"
    if scenario.time is not None:
        clock = (
            f"steps of {counted(scenario.time.step, 'day')} from {long_date(scenario.time.start)}"
        )
        if scenario.time.horizon is not None:
            clock += f", horizon {counted(scenario.time.horizon, 'day')}"
        if scenario.time.target is not None:
            clock += f", target {long_date(scenario.time.target)}"
    return Summary(title, ("Variables", "Names"), rows, (f"Time: {clock}.",))


def variable_line(variable: Variable) -> str:
    """A variable on one line.

    Parameters
    ----------
    variable
        The variable of a scenario.
    """
    label = shortened(variable.label, WIDEST)
    return f"<Variable {label!r}, {ROLES[variable.role][0]}: {_listed(variable.states)}>"


def ledger_summary(ledger: Ledger) -> Summary:
    """The reports of a ledger, in the order of receipt; those in the middle are left out.

    Parameters
    ----------
    ledger
        The ledger.
    """
    title = f"Ledger: {counted(len(ledger), 'report')}"
    if ledger.reports:
        known = [report.known for report in ledger.reports]
        title += f", known {period(min(known), max(known))}"
    return Summary(title, REPORT_HEAD, _ends(ledger.reports))


def evidence_summary(evidence: Evidence) -> Summary:
    """The reports in force, in the order of their events; those in the middle are left out.

    Parameters
    ----------
    evidence
        What was known at a moment.
    """
    context = len(evidence.context)
    title = f"Evidence as of {long_date(evidence.as_of)}: {counted(len(evidence), 'report')}"
    title += f", {context} of them context" if context else ""
    behind = len(evidence.behind)
    below = (f"{counted(behind, 'report')} superseded or withdrawn.",) if behind else ()
    return Summary(title, REPORT_HEAD, _ends(evidence.reports), below)


def beliefs_summary(beliefs: Beliefs) -> Summary:
    """What beliefs are about: variables, steps, draws, and what is supposed.

    Nothing is computed for it: answers take a sweep over all draws.

    Parameters
    ----------
    beliefs
        The beliefs.
    """
    network = beliefs.network
    chains, draws = beliefs.shape
    title = (
        f"Beliefs about {counted(len(network.names), 'variable')}, {_times(beliefs)}, "
        f"{counted(chains, 'chain')} of {counted(draws, 'draw')}"
    )
    supposed = _added(beliefs)
    below = [
        *([f"Supposed: something about {_listed(supposed)}."] if supposed else []),
        *(
            f"Intervened: {_listed(f'{name}={state}' for name, state in states)}."
            for _, states in beliefs.interventions
        ),
        "Ask .posterior(variable), .suppose({variable: state}), .joint([...]), ….",
    ]
    return Summary(title, ("Variable", "States", "Parents"), list(_nodes(network)), below)


def network_summary(network: Network) -> Summary:
    """The variables of a network with their parents.

    Parameters
    ----------
    network
        The network.
    """
    kind = "dynamic network" if network.dynamic else "network"
    count = counted(len(network.names), "variable")
    title = f"A {kind} of {count}, {network.n_cells} table cells"
    return Summary(title, ("Variable", "States", "Parents"), list(_nodes(network)))


def _times(beliefs: Beliefs) -> str:
    if beliefs.n_steps == 1:
        return "one step"
    first, last = beliefs.times[0], beliefs.times[-1]
    return f"{beliefs.n_steps} steps from {first} to {last}, now {beliefs.times[beliefs.now]}"


def _added(beliefs: Beliefs) -> list[str]:
    """Variables about which something is supposed beyond the evidence."""
    touched = (np.asarray(beliefs.added) != 0).any(axis=0)
    names = beliefs.network.names
    return [name for name in names if touched[beliefs.network.states(name)].any()]


def _nodes(network: Network) -> Iterator[Row]:
    shown = MOST_ROWS if len(network.nodes) > MOST_ROWS + 1 else len(network.nodes)
    for node in islice(network.nodes, shown):
        block = node.later or node.first
        given = block.parents if block else ()
        parents = (f"previous {name}" if lag else name for name, lag in given)
        yield node.name, _listed(node.states), _listed(parents)
    if shown < len(network.nodes):
        yield f"… and {len(network.nodes) - shown} more", "", ""


def _ends(reports: Sequence[Report]) -> list[Row]:
    """Rows of the first and the last reports, with a row that counts those between them."""
    if len(reports) <= MOST_ROWS + 1:
        return [_report(report) for report in reports]
    half = MOST_ROWS // 2
    between: Row = (f"… {len(reports) - 2 * half} more", *[""] * (len(REPORT_HEAD) - 1))
    first, last = reports[:half], reports[-half:]
    return [*map(_report, first), between, *map(_report, last)]


def _report(report: Report) -> Row:
    said = f"withdraws {report.supersedes}" if report.is_withdrawal else plain(report.said)
    return (
        shortened(report.id, 16),
        " to ".join(map(str, dict.fromkeys((report.event_start, report.event_end)))),
        shortened(report.indicator, 20) or "(context)",
        shortened(said, 18),
        shortened(report.source, 16),
        report.grade,
        f"{report.known}",
    )


def _listed(names: Iterable[str]) -> str:
    return shortened(", ".join(names), WIDEST)
