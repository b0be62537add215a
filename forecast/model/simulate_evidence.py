"""Draw evidence from a history of a scenario: which reports are made, when, and what they state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any, Final

import numpy as np

from forecast.arrays import Array, Index
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import tabulate_reports
from forecast.evidence.profiles import Key, reporting_of
from forecast.evidence.report import Report
from forecast.evidence.silence import share_known
from forecast.evidence.sources import TRUSTED, accuracy_index, trust_in
from forecast.evidence.streams import find_streams
from forecast.model.builder import compile_tables
from forecast.model.report_likelihood import probabilities_at_level, report_data
from forecast.model.simulate_reports import simulate_reports_of
from forecast.model.usual_reports import typical_error
from forecast.scenario.collection import Lag
from forecast.scenario.scenario import Scenario, Variable

MADE: Final = 0.4
"""Probability that a step is reported on where whether a report is made says nothing."""

LAG: Final = Lag(days=(0, 1, 2, 6, 90), share=(0.64, 0.85, 0.90, 0.95, 0.99))
"""How soon such a report is known: most on the day, some a day or two later, few after weeks."""

GRADES: Final = {"A": 0.1, "B": 0.4, "C": 0.3, "D": 0.15, "E": 0.05}
"""How reliable the sources of reports are, as shares."""

RELAYED: Final = 0.15
"""Probability that another source passes a report on."""

IN_CHANNEL: Final = 0.2
"""Probability that a report comes through a channel, where there are any."""

PRESS: Final = "press"


@dataclass(frozen=True, slots=True)
class Opportunity:
    """That somebody reports on a variable in a step, so that it is known by the as-of date.

    Attributes
    ----------
    variable, step
        What may be reported on.
    source
        Who reports; any source if it is empty.
    true
        Probability of a report that rests on the state, by state.
    false
        Probability of a false alarm by a source that is usually reliable, by state.
    """

    variable: str
    step: int
    source: str
    true: tuple[float, ...]
    false: tuple[float, ...]


def simulate_evidence(
    scenario: Scenario,
    parameters: Mapping[str, Array],
    history: Index,
    as_of: date,
    rng: np.random.Generator,
) -> Evidence:
    """Draw the evidence of a day, as the scenario says that things become known.

    Where the scenario says nothing of how reports come about, they are made whatever is true.
    Grades of sources, delays, relays of one origin and channels are drawn as well.

    Parameters
    ----------
    scenario
        What is believed of indicators, sources, channels and watches.
    parameters
        One draw of every judgement, by family.
    history
        State of every variable at every step, (step, variable).
    as_of
        Day up to whose end things are known.
    rng
        Source of randomness.
    """
    names = list(scenario.variables)
    made: list[Report] = []
    alarms: set[str] = set()
    for opportunity in _opportunities(scenario, parameters, as_of):
        state = int(history[opportunity.step, names.index(opportunity.variable)])
        level, true = rng.random(), opportunity.true[state]
        if level >= true + opportunity.false[state]:
            continue
        reports = list(_reports(scenario, opportunity, as_of, f"S{len(made)}", rng))
        if level >= true:
            # Poor sources raise more false alarms than those to which the probability refers.
            accuracy = parameters["accuracy"][accuracy_index(scenario, reports[0])]
            if rng.random() >= (1 - accuracy) / typical_error():
                continue
            alarms |= {report.id for report in reports}
        made += reports
    return Evidence(as_of, _stated(scenario, parameters, history, as_of, tuple(made), alarms, rng))


def _opportunities(
    scenario: Scenario, parameters: Mapping[str, Array], as_of: date
) -> Iterator[Opportunity]:
    """Yield everybody who may report on an indicator in a step up to a day."""
    trust, found = trust_in(scenario), find_streams(scenario, as_of)
    keys = [(family, judged.name) for family, members in trust.families() for judged in members]

    trusted = np.concatenate([parameters[name] for name in TRUSTED if name in parameters])
    at_level = probabilities_at_level(trusted[:, None], trust.level_of)[: len(keys), 0]
    probabilities = dict(zip(keys, at_level, strict=True))

    def value(key: Key) -> float:
        return float(probabilities[key])

    for (step, name), several in found.items():
        for stream, reach in several.items():
            own = [value(key) for key in stream.row.probabilities]
            true = tuple(p * known for p, known in zip(own, reach, strict=True))
            alarm = 0.0 if stream.row.alarms is None else value(stream.row.alarms)
            false = tuple((1 - p) * alarm * known for p, known in zip(own, reach, strict=True))
            yield Opportunity(name, step, stream.source, true, false)
    timeline = scenario.timeline
    for name, variable in scenario.with_role("indicator").items():
        if reporting_of(scenario, variable) != "ignorable":
            continue
        for step in range(1 if timeline is None else timeline.step_of(as_of) + 1):
            if all(stream.source for stream in found.get((step, name), ())):
                first, last = _days(scenario, step, as_of)
                ages = np.arange((as_of - last).days, (as_of - first).days + 1)
                made = MADE * float(share_known(LAG, ages).mean())
                n = len(variable.states)
                yield Opportunity(name, step, "", (made,) * n, (0.0,) * n)


def _days(scenario: Scenario, step: int, as_of: date) -> tuple[date, date]:
    """Days of a step up to the as-of date."""
    timeline = scenario.timeline
    if timeline is None:
        return as_of, as_of
    return timeline.first_day(step), min(timeline.last_day(step), as_of)


def _reports(
    scenario: Scenario, opportunity: Opportunity, as_of: date, origin: str, rng: np.random.Generator
) -> Iterator[Report]:
    """Yield a report, and perhaps its relay, that do not state anything yet."""
    start, end = _days(scenario, opportunity.step, as_of)
    day = start + timedelta(days=int(rng.integers((end - start).days + 1)))
    channels = [source for channel in scenario.channels.values() for source in channel.sources]
    for copy in range(1 + int(rng.random() < RELAYED)):
        source = opportunity.source or PRESS
        if not opportunity.source and channels and rng.random() < IN_CHANNEL:
            source = str(rng.choice(channels))
        known = day + timedelta(days=_delay((as_of - day).days, rng))
        report = Report(
            id=f"{origin}-{copy}",
            indicator=opportunity.variable,
            state="",
            event_start=day,
            event_end=day,
            published=known,
            known=known,
            source=source,
            reliability=str(rng.choice(list(GRADES), p=list(GRADES.values()))),
            origin=origin,
        )
        yield _blank(scenario.variables[opportunity.variable], report)


def _delay(most: int, rng: np.random.Generator) -> int:
    """Days until a report was known, given that it was by then."""
    shares = share_known(LAG, np.arange(most + 1))
    return int(np.searchsorted(shares, rng.random() * shares[-1]))


def _blank(variable: Variable, report: Report) -> Report:
    """A report that says something legal, so that it can be arranged with others."""
    if variable.measured is None:
        return replace(report, state=variable.states[0], scope="whole_step")
    return replace(report, number=0.0)


def _stated(
    scenario: Scenario,
    parameters: Mapping[str, Array],
    history: Index,
    as_of: date,
    reports: tuple[Report, ...],
    alarms: Set[str],
    rng: np.random.Generator,
) -> tuple[Report, ...]:
    """The reports with what they state drawn, those of a false alarm as false alarms do."""
    if not reports:
        return ()
    program = compile_tables(scenario)
    table = tabulate_reports(scenario, Evidence(as_of, reports), len(history))
    data: dict[str, Any] = dict(report_data(program, table)) | dict(table.simulation)
    data |= {
        "settings": table.arrays.settings,
        "accuracy": table.accuracy,
        "n_states": table.n_states,
    }
    values = simulate_reports_of(history, data, parameters, rng)
    for origin in dict.fromkeys(report.origin for report in reports if report.id in alarms):
        members = [k for k, report in enumerate(reports) if report.origin == origin]
        about = data["variable"][data["version_report"]] == data["variable"][members[0]]
        [statement, *_] = data["version_statement"][about]
        shares = data["statement_alarm"][statement] * typical_error()
        values[members] = rng.choice(len(shares), p=shares / shares.sum())
    return tuple(
        _saying(scenario.variables[report.indicator], report, float(value))
        for report, value in zip(reports, values, strict=True)
    )


def _saying(variable: Variable, report: Report, value: float) -> Report:
    if variable.measured is None:
        return replace(report, state=variable.states[int(value)])
    return replace(report, number=value)
