"""From reports to arrays: who states what of which states, and when that may have been.

An event that may have been in several steps is in one of them, each with its share of the days.
Whether it is past is carried from step to step as an auxiliary variable of the evidence, and so is
whether a channel is controlled, and whether an origin of several statements errs. For each of their
joint states the statements about a variable at a step are a further factor, one row of likelihoods.
`forecast.model.report_likelihood` turns the arrays into likelihoods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from math import ceil
from operator import itemgetter
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from forecast.arrays import Array, Index
from forecast.errors import Problem, raise_if_any
from forecast.evidence.auxiliary_evidence import AuxiliaryEvidence, PlacedStatement, date_key
from forecast.evidence.copying import Link
from forecast.evidence.events import ranked
from forecast.evidence.inputs import acting_states
from forecast.evidence.ledger import Evidence
from forecast.evidence.report import Report
from forecast.evidence.report_checks import ColumnFault, find_faults
from forecast.evidence.shared_errors import error_key
from forecast.evidence.sources import (
    accuracy_index,
    channel_of,
    probability_numbers,
    trust_in,
)
from forecast.evidence.statements import Statements, fill_shares
from forecast.network.auxiliary import AuxiliaryFactor, AuxiliaryVariable
from forecast.scenario.scenario import Scenario

STATE, NUMBER, RANGE, LIKELIHOODS = range(4)
USUAL_DAYS: Final = 90
"""Days from the start over which it is averaged what is usual, whatever is asked of a forecast."""

MOST_REMEMBERED: Final = 10_000
"""Reports that are known to keep the rules."""


class ReportArrays(NamedTuple):
    """What the likelihood of the reports needs besides its uncertain parameters.

    The one record on the way from reports to the likelihood: made here, given to the compiled
    loops and, field by field, to the PyMC model as data.

    Reports, (report,), but for those that set inputs:

    Attributes
    ----------
    value
        Number of the state that it names or makes most likely; or the number it gives.
    number
        Its row among the densities of numbers, or -1 for a report that names a state. Which row
        follows from the measured variables: `densities.number_data` fills it in.
    version_report, version_statement, version_accuracy, version_at_least
        Report and statement of each version, the accuracy that says how likely it quotes right,
        and whether it is of one event, so that a worse state may hold, (version,). A **statement**
        is what an origin states, in one version or in several; each version has the best report
        that relays it. Versions are in order of their statements.
    statement_accuracy, statement_states, statement_row, statement_right
        Accuracy of each statement, that of its best report, or -1 for a controlled channel's; how
        many states its variable has; the row of the stream that it belongs to, or -1; and whether
        it rests on what is true: 1 or 0 where an auxiliary variable says so, -1 where its accuracy
        alone does, (statement,).
    statement_usual, statement_alarm
        What reports of the statement's stream usually say, which those that err repeat: the
        probability of each state. And what its false alarms say, (statement, state). Both follow
        from the tables: `report_data` fills them in.
    controlled
        Probability of each state in what a controlled channel states, (statement, state).
    place_statement, place, place_count, place_row, place_reach
        Statement, first cell at which its likelihoods go, and how many origins make it, (place,).
        Cells are numbered over (step, column), taken as one row. Where it counts as well that the
        statement was made: the row of its stream, and the probability by state that what is
        reported would be known by now, (place, state); otherwise the row is -1.
    level
        Which level of reporting each probability shares, by its number among all that is judged of
        sources; -1 for none, (probability,).
    link_place, link_copying, link_near, link_repeats
        For each report that states no origin and each other that it may share one with: its place,
        the propensity to copy, by its number among all that is judged of sources, how likely the
        other is to have been copied, and that times the likelihood ratio of their texts if it
        states the same, otherwise 0, (link,).
    row_probabilities, row_alarms
        Streams that would report: the probability that each state is reported on, by its number
        among all that is judged of sources, (row, state), and that of false alarms, or -1, (row,).
    silence_row, silence_reach, silence_place
        Row, reach by state, (silence, state), and first cell of each stream that is silent.
    auxiliary_probability, auxiliary_place
        Auxiliary variables whose second state has a judged probability, that a channel is
        controlled or that an origin does not err: its number among all that is judged of sources,
        and the cells of the two states, (auxiliary,), (auxiliary, 2).
    settings
        Log-likelihood of what is set and not reported: inputs, and probabilities of dates,
        (step, column).
    """

    value: Array
    number: Index
    version_report: Index
    version_statement: Index
    version_accuracy: Index
    version_at_least: Index
    statement_accuracy: Index
    statement_states: Index
    statement_row: Index
    statement_right: Index
    statement_usual: Array
    statement_alarm: Array
    controlled: Array
    place_statement: Index
    place: Index
    place_count: Array
    place_row: Index
    place_reach: Array
    level: Index
    link_place: Index
    link_copying: Index
    link_near: Array
    link_repeats: Array
    row_probabilities: Index
    row_alarms: Index
    silence_row: Index
    silence_reach: Array
    silence_place: Index
    auxiliary_probability: Index
    auxiliary_place: Index
    settings: Array


@dataclass(frozen=True, eq=False)
class ReportTable:
    """Evidence for the network whose variables and states are in scenario order.

    Attributes
    ----------
    arrays
        What the likelihood needs.
    auxiliaries, factors
        Auxiliary variables of the evidence, and the factors that depend on them.
    evidence_variables
        Variables that reports or silence are about, each once.
    statement_variables, observable
        Variable of each statement, (statement,); and variables that can be reported on.
    defaults, prior_steps
        Number of the default state of each input, and of the steps of the first `USUAL_DAYS`:
        what is usual follows from the prior of these.
    observed
        Variable of each report, (report,); so with those that follow.
    kind
        `STATE`, `NUMBER`, `RANGE` or `LIKELIHOODS`.
    upper
        Largest number of a range; not a number where none is given.
    given
        Logarithm of the likelihoods it gives, (report, state); 0 where it gives none.
    exposure
        Days that a reported count covers; 0 where none are given.
    n_states
        How many states its variable has.
    accuracy
        Which accuracy it has: of a grade, 0 for A, or of a source.
    links
        Which reports each row of `ReportArrays.link_place` is about.
    """

    arrays: ReportArrays
    auxiliaries: tuple[AuxiliaryVariable, ...]
    factors: tuple[AuxiliaryFactor, ...]
    evidence_variables: tuple[str, ...]
    statement_variables: tuple[str, ...]
    observable: tuple[str, ...]
    defaults: Mapping[str, int]
    prior_steps: int
    observed: tuple[str, ...]
    kind: Index
    upper: Array
    given: Array
    exposure: Array
    n_states: Index
    accuracy: Index
    links: tuple[Link, ...]
    _simulate: Callable[[], Mapping[str, npt.NDArray[np.generic]]] = field(repr=False)

    @cached_property
    def simulation(self) -> Mapping[str, npt.NDArray[np.generic]]:
        """What is needed to draw reports, by name."""
        return self._simulate()

    @property
    def n_steps(self) -> int:
        """Steps that are tabulated."""
        return len(self.arrays.settings)

    def up_to(self, n_steps: int) -> ReportTable:
        """The first steps of the table, the present one among them.

        Evidence speaks of no step ahead, where only inputs are set; so nothing else changes.
        """
        settings = self.arrays.settings[:n_steps]
        return replace(self, arrays=self.arrays._replace(settings=settings))

    def without_silence(self) -> ReportTable:
        """The same reports, as if silence carried no information."""
        return replace(self, arrays=ReportArrays(**without_silence(self.arrays._asdict())))


def without_silence(data: Mapping[str, Any]) -> dict[str, Any]:
    """Arrays about reports, by name, without those about what was not reported."""
    return {k: values[:0] if k.startswith("silence_") else values for k, values in data.items()}


def tabulate_reports(
    scenario: Scenario, evidence: Evidence, n_steps: int, unread: str = ""
) -> ReportTable:
    """Arrange evidence for the engine.

    Parameters
    ----------
    scenario
        The scenario.
    evidence
        Reports in force.
    n_steps
        Steps of the sweep; 1 for a static scenario.
    unread
        A report that is known to be there, and when, but not what it says.

    Raises
    ------
    InputError
        If reports break rules, with all of them.
    """
    raise_if_any(
        [
            Problem(f"report {report.id}: {column}", message)
            for report in evidence
            for column, message in (*_faults_of(report, scenario), *_untimely(report, evidence))
        ]
    )
    inputs = scenario.with_role("input")
    observed = [report for report in evidence.observations if report.indicator not in inputs]
    widest = max(len(variable.states) for variable in scenario.variables.values())
    statements = Statements(scenario, observed)
    laid = AuxiliaryEvidence(scenario, evidence, statements, unread)
    about = dict.fromkeys(name for _, name in sorted({*laid.events, *laid.streams}))
    return ReportTable(
        arrays=ReportArrays(
            value=np.array([_value(scenario, report) for report in observed], np.float64),
            number=np.full(len(observed), -1, np.int64),
            **statements.arrays(widest),
            statement_usual=np.zeros((len(statements.variables), widest)),
            statement_alarm=np.zeros((len(statements.variables), widest)),
            **_places(scenario, laid, widest),
            settings=_settings(scenario, evidence, n_steps, laid),
        ),
        auxiliaries=tuple(laid.auxiliaries),
        factors=tuple(laid.factors),
        evidence_variables=tuple(about),
        statement_variables=statements.variables,
        observable=tuple(scenario.with_role("indicator", "outcome")),
        defaults={n: v.states.index(str(v.default)) for n, v in inputs.items()},
        prior_steps=1 if scenario.time is None else ceil(USUAL_DAYS / scenario.time.step),
        **_by_report(scenario, observed, widest),
        links=tuple(link for each in _in_order(laid) for link in each.links),
        _simulate=partial(_simulation, scenario, observed, laid, widest),
    )


def _faults_of(report: Report, scenario: Scenario) -> tuple[ColumnFault, ...]:
    """What is wrong with a report, which does not change while others come."""
    try:
        return _known_faults(report, scenario)
    except TypeError:  # a field that is no plain value, and so nothing to look up by
        return tuple(find_faults(report, scenario))


@lru_cache(maxsize=MOST_REMEMBERED)
def _known_faults(report: Report, scenario: Scenario) -> tuple[ColumnFault, ...]:
    return tuple(find_faults(report, scenario))


def _untimely(report: Report, evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield that a report became known after the moment of the evidence."""
    if report.known > evidence.as_of:
        yield "known", f"{report.known} is after the as-of date, {evidence.as_of}"


def _by_report(scenario: Scenario, observed: Sequence[Report], widest: int) -> dict[str, Any]:
    """Each report by itself: what it is about, how it states it, and with which accuracy."""
    n_states = [len(scenario.variables[report.indicator].states) for report in observed]
    given = np.zeros((len(observed), widest))
    for row, report, n in zip(given, observed, n_states, strict=True):
        if report.likelihoods:
            likelihood = dict(report.likelihoods)
            states = scenario.variables[report.indicator].states
            with np.errstate(divide="ignore"):
                row[:n] = np.log([likelihood.get(state, 0.0) for state in states])
    return {
        "observed": tuple(report.indicator for report in observed),
        "upper": np.array([np.nan if r.upper is None else r.upper for r in observed], np.float64),
        "kind": np.array([_kind(report) for report in observed], np.int64),
        "given": given,
        "exposure": np.array([report.exposure or 0.0 for report in observed]),
        "n_states": np.array(n_states, np.int64),
        "accuracy": np.array([accuracy_index(scenario, r) for r in observed], np.int64),
    }


def _kind(report: Report) -> int:
    if report.likelihoods:
        return LIKELIHOODS
    if report.number is None:
        return STATE
    return NUMBER if report.upper in (None, report.number) else RANGE


def _value(scenario: Scenario, report: Report) -> float:
    """Number that a report gives, or number of the state that it names or makes most likely."""
    if report.number is not None:
        return report.number
    states = scenario.variables[report.indicator].states
    if report.likelihoods:
        return states.index(max(report.likelihoods, key=lambda each: each[1])[0])
    return states.index(report.state)


def _places(scenario: Scenario, laid: AuxiliaryEvidence, widest: int) -> dict[str, Any]:
    """Cells of statements, of silences and of auxiliary variables with a judged probability."""
    width, number = laid.n_columns, probability_numbers(scenario)
    stated = _in_order(laid)
    odds = np.concatenate([np.empty((0, 3)), *(each.odds for each in stated)])
    n_links = np.array([len(each.links) for each in stated], np.int64)
    cells = np.array([step * width + column for _, (step, column) in laid.judged], np.int64)
    return {
        "place_statement": np.array([each.statement for each in stated], np.int64),
        "place": np.array([s * width + c for (s, c), *_ in stated], np.int64),
        "place_count": np.array([each.n_origins for each in stated], np.float64),
        "place_row": np.array([each.making[0] for each in stated], np.int64),
        "place_reach": _padded([each.making[1] for each in stated], widest, 0.0),
        "level": trust_in(scenario).level_of,
        "link_place": np.repeat(np.arange(len(stated)), n_links),
        "link_copying": odds[:, 0].astype(np.int64),
        "link_near": odds[:, 1].copy(),
        "link_repeats": odds[:, 2].copy(),
        **_rows(laid, number, widest),
        "silence_row": np.array([row for row, _, _ in laid.silent], np.int64),
        "silence_reach": _padded([reach for _, reach, _ in laid.silent], widest, 0.0),
        "silence_place": np.array([s * width + c for _, _, (s, c) in laid.silent], np.int64),
        "auxiliary_probability": np.array([number[key] for key, _ in laid.judged], np.int64),
        "auxiliary_place": np.stack([cells, cells + 1], axis=1),
    }


def _in_order(laid: AuxiliaryEvidence) -> list[PlacedStatement]:
    """Statements by cell; of one cell, by their numbers and their making."""
    return sorted(laid.stated, key=itemgetter(0, 1, 2))


def _rows(
    laid: AuxiliaryEvidence, number: Mapping[tuple[str, str | int], int], widest: int
) -> dict[str, Any]:
    """Streams, by the numbers of their probabilities among all that is judged of sources."""
    rows = list(laid.statements.rows)
    probabilities = [[number[key] for key in row.probabilities] for row in rows]
    alarms = [-1 if row.alarms is None else number[row.alarms] for row in rows]
    return {
        "row_probabilities": _padded(probabilities, widest, -1).astype(np.int64),
        "row_alarms": np.array(alarms, np.int64),
    }


def _padded(rows: Sequence[Sequence[float]], widest: int, fill: float) -> Array:
    """Rows of one width."""
    found = np.full((len(rows), widest), fill, np.float64)
    for own, row in zip(found, rows, strict=True):
        own[: len(row)] = row
    return found


def _settings(
    scenario: Scenario, evidence: Evidence, n_steps: int, laid: AuxiliaryEvidence
) -> Array:
    """Inputs are known, at every step; and so are shares of dates."""
    settings = np.zeros((n_steps, laid.n_columns))
    for name, acting in acting_states(scenario, evidence, n_steps).items():
        start, states = laid.first_state[name], scenario.variables[name].states
        settings[:, start : start + len(states)] = -np.inf
        settings[range(n_steps), [start + states.index(state) for state in acting]] = 0.0
    for cell, value in laid.constants.items():
        settings[cell] = value
    return settings


def _simulation(
    scenario: Scenario, observed: Sequence[Report], laid: AuxiliaryEvidence, widest: int
) -> dict[str, npt.NDArray[Any]]:
    """What is needed to simulate reports.

    Returns
    -------
    dict
        "rank", reports with the best first, (report,); "origin", number of the origin of each
        report and its variable together, and "error", of its origin, source and accuracy, which
        err together, (report,); "variable", that of the variable, (report,);
        "date", number of the date, (report,); "first", first step in which each date may be,
        (date,), and "shares", probability of that step and those after it, (date, step);
        "channel", number of the channel, or -1, (report,); "controlled", probability of each
        state in what the channel would state if it were controlled, (report, state); and, of each
        report that may share the origin of another, those that come first before the others,
        "copier" and "copied", the two reports, "family", number of the propensity to copy, and
        "weight", (link,).
    """
    names, channels = list(scenario.variables), list(scenario.channels)
    events = {
        report.id: event
        for found in laid.events.values()
        for event in found
        for report in event.reports
    }
    number = {key: k for k, key in enumerate(dict.fromkeys(map(date_key, events.values())))}
    spans = {date_key(event): event.shares for event in events.values()}
    origins: dict[object, int] = {}
    errors: dict[object, int] = {}
    rows, controlled = [], np.zeros((len(observed), widest))
    for row, report in zip(controlled, observed, strict=True):
        event, channel = events[report.id], channel_of(scenario, report)
        origin = origins.setdefault((event.origin, report.indicator), len(origins))
        through = channels.index(channel) if channel else -1
        who = errors.setdefault(error_key(scenario, event, report), len(errors))
        variable = names.index(report.indicator)
        rows.append((origin, who, variable, number[date_key(event)], through))
        states = scenario.variables[report.indicator].states
        shows = scenario.channels[channel].shows.get(report.indicator, {}) if channel else {}
        row[: len(states)] = fill_shares(shows, states)
    shares = np.zeros((len(spans), max(map(len, spans.values()), default=1)))
    for row, span in zip(shares, spans.values(), strict=True):
        row[: len(span)] = list(span.values())
    columns = np.array(rows, np.int64).reshape(-1, 5).T
    first = np.array([next(iter(span)) for span in spans.values()], np.int64)
    rank = {report.id: k for k, report in enumerate(observed)}
    return {
        "rank": np.array([rank[report.id] for report in ranked(scenario, observed)], np.int64),
        **dict(zip(("origin", "error", "variable", "date", "channel"), columns, strict=True)),
        "first": first,
        "shares": shares,
        "controlled": controlled,
        **_simulated_links(scenario, laid, rank),
    }


def _simulated_links(
    scenario: Scenario, laid: AuxiliaryEvidence, rank: Mapping[str, int]
) -> dict[str, npt.NDArray[Any]]:
    """Who may share the origin of whom, in an order in which origins can be drawn."""
    families = [judged.name for judged in trust_in(scenario).copying]
    ordered = sorted(laid.linked.values(), key=lambda each: each[0])
    links = [link for _, own in ordered for link in own.values()]
    return {
        "copier": np.array([rank[link.report] for link in links], np.int64),
        "copied": np.array([rank[link.earlier] for link in links], np.int64),
        "family": np.array([families.index(link.family) for link in links], np.int64),
        "weight": np.array([link.weight for link in links], np.float64),
    }
