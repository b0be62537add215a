"""Lay out evidence over the columns of each step, with the auxiliary variables it depends on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from math import log
from typing import Any, NamedTuple

import numpy as np

from forecast.arrays import Array
from forecast.evidence.copying import Link
from forecast.evidence.events import Event, find_events
from forecast.evidence.ledger import Evidence
from forecast.evidence.place_evidence import (
    CONTENT,
    STATES,
    Axis,
    Cell,
    Links,
    PlaceEvidence,
    UncertainDate,
    control_variable,
    kept_layouts,
)
from forecast.evidence.shared_errors import find_shared_errors
from forecast.evidence.sources import channel_of
from forecast.evidence.statements import UNMADE, Statements
from forecast.evidence.streams import Place, Reach, find_streams
from forecast.network.auxiliary import AuxiliaryFactor, AuxiliaryVariable
from forecast.scenario.scenario import Scenario

StepColumn = tuple[int, int]
"""A step and a column."""
Making = tuple[int, Reach]
"""Row of a stream, and its reach by state."""

NOT_MADE: Making = (UNMADE, ())
"""Stands for the making of a statement where it says nothing that it was made."""


class PlacedStatement(NamedTuple):
    """That some origins make a statement.

    Attributes
    ----------
    cell
        First cell of its likelihoods.
    statement
        Its number.
    making
        That of the first report of a stream, or `NOT_MADE`.
    links, odds, n_origins
        As in `place_evidence.Stated`.
    """

    cell: StepColumn
    statement: int
    making: Making
    links: Links
    odds: Array
    n_origins: float


class AuxiliaryEvidence:
    """Evidence laid out over the columns of each step.

    Parameters
    ----------
    scenario, evidence
        What is believed before, and the reports in force.
    statements
        Where statements are numbered.
    unread
        A report of which only what it says is left out: its date stays, and no silence either.

    Attributes
    ----------
    auxiliaries, factors
        Auxiliary variables of the evidence, and the factors that depend on them.
    stated
        Who makes which statement at which cell.
    silent
        Row, reach and first cell of each stream that is silent.
    linked
        For each report that may share the origin of others: what orders it among all that do, and
        its links, by the other report.
    errors
        Errors that several statements of an origin share, by who brings them.
    judged
        Auxiliary variables whose probability is judged: its family, with its name or number there,
        and the cell of the first state; that of the second is the next.
    constants
        Logarithms of the probabilities of dates, by cell.
    """

    def __init__(
        self, scenario: Scenario, evidence: Evidence, statements: Statements, unread: str = ""
    ) -> None:
        self.scenario = scenario
        self.unread = unread
        self.statements = statements
        self.n_states = sum(len(variable.states) for variable in scenario.variables.values())
        self.first_state = _first_states(scenario)
        self.events: dict[Place, list[Event]] = defaultdict(list)
        events = find_events(scenario, evidence)
        for event in events:
            for step in event.shares:
                self.events[step, event.indicator].append(event)
        self.streams = find_streams(scenario, evidence.as_of)
        self.dates = date_variables(events)
        self.channels = self._find_channels()
        self.errors = find_shared_errors(scenario, events, unread)
        self.auxiliaries = list(self._auxiliary_variables())
        self.factors: list[AuxiliaryFactor] = []
        self.stated: list[PlacedStatement] = []
        self.silent: list[tuple[int, Reach, StepColumn]] = []
        self.linked: dict[str, tuple[Any, dict[str, Link]]] = {}
        self.judged: list[tuple[tuple[str, str | int], StepColumn]] = []
        self.constants: dict[StepColumn, float] = {}
        self._ends: dict[int, int] = {}
        self._fill()

    @property
    def n_columns(self) -> int:
        """Columns of the states and of the factors of any step."""
        return max([self.n_states, *self._ends.values()])

    def _find_channels(self) -> dict[str, list[int]]:
        """Steps of what came through each channel."""
        found: dict[str, list[int]] = defaultdict(list)
        if not self.scenario.channels:
            return found
        for (step, _), events in self.events.items():
            for event in events:
                for report in event.reports:
                    found[channel_of(self.scenario, report)].append(step)
        found.pop("", None)
        return found

    def _auxiliary_variables(self) -> Iterator[AuxiliaryVariable]:
        for channel, steps in sorted(self.channels.items()):
            yield AuxiliaryVariable(
                control_variable(channel), 2, min(steps), max(steps), moves=False
            )
        for error in self.errors.values():
            yield AuxiliaryVariable(error.name, 2, error.first, error.last, moves=False)
        for when in sorted(self.dates.values(), key=lambda when: when.name):
            yield AuxiliaryVariable(when.name, 2, when.first, when.last, moves=True)

    def _fill(self) -> None:
        for when in self.dates.values():
            self._fill_date(when)
        for channel, steps in sorted(self.channels.items()):
            self._fill_judged(min(steps), control_variable(channel), ("control", channel))
        for error in self.errors.values():
            self._fill_judged(error.first, error.name, ("accuracy", error.accuracy))
        for place in sorted({*self.events, *self.streams}):
            self._add(place, self._laid_out(place))

    def _fill_judged(self, step: int, name: str, probability: tuple[str, str | int]) -> None:
        """Make room for the prior of an auxiliary variable that does not move."""
        factor = self._factor(step, [(name, 0)])
        self.judged.append((probability, (step, factor.start)))

    def _fill_date(self, when: UncertainDate) -> None:
        """Probabilities of being past after each step, given what was past before it."""
        left = 1.0
        for step, share in when.shares[:-1]:
            factor = self._factor(step, when.axes(step))
            hazard = share / left
            left -= share
            # Rows by what was before the step: not yet, past. The first step has no before.
            not_yet, past = [log(1 - hazard), log(hazard)], [-np.inf, 0.0]
            for k, value in enumerate(not_yet if step == when.first else not_yet + past):
                self.constants[step, factor.start + k] = value

    def _factor(self, step: int, axes: Sequence[Axis], variable: str = "") -> AuxiliaryFactor:
        start = self._ends.get(step, self.n_states)
        factor = AuxiliaryFactor(step, start, tuple(axes), variable)
        width = len(self.scenario.variables[variable].states) if variable else 1
        self._ends[step] = start + 2 ** len(axes) * width
        self.factors.append(factor)
        return factor

    def _laid_out(self, place: Place) -> PlaceEvidence:
        """What was reported at a place, given what its reports share with others."""
        events = tuple(self.events.get(place, ()))
        dates = dict.fromkeys(self.dates[date_key(e)] for e in events if not e.is_dated)
        errors: tuple[Any, ...] = ()
        if self.errors:
            origins = {event.origin for event in events}
            errors = tuple((k, e.name) for k, e in self.errors.items() if k[0] in origins)
        streams = tuple(self.streams.get(place, ()))
        lay_out = kept_layouts(self.scenario, place)
        return lay_out(events, streams, tuple(dates), errors, self.unread)

    def _add(self, place: Place, laid: PlaceEvidence) -> None:
        """Give what was laid out at a place its columns and its numbers among all others."""
        step, variable = place
        starts = [self._factor(step, axes, variable).start for axes in laid.factors]
        starts.append(self.first_state[variable])  # that of `STATES`, the last

        def column(cell: Cell) -> StepColumn:
            return step, starts[cell[0]] + cell[1]

        assert STATES == CONTENT == -1
        makings = [
            (self.statements.number_of_row(stream.row), self.streams[place][stream])
            for stream in laid.streams
        ]
        makings.append(NOT_MADE)  # that of `CONTENT`
        numbers = [self.statements.number_of(each) for each in laid.statements]
        self.auxiliaries += laid.auxiliaries
        self.stated += [
            PlacedStatement(
                column(each.cell),
                numbers[each.statement],
                makings[each.stream],
                each.links,
                each.odds,
                each.n_origins,
            )
            for each in laid.stated
        ]
        self.silent += [(*makings[stream], column(cell)) for stream, cell in laid.silent]
        for cell in laid.impossible:
            _, start = column(cell)
            width = len(self.scenario.variables[variable].states)
            self.constants |= {(step, start + s): -np.inf for s in range(width)}
        for each in laid.copiers:
            _, known = self.linked.setdefault(each.report, (each.order, {}))
            known |= {link.earlier: link for link in each.links}


def date_variables(events: Iterable[Event]) -> dict[object, UncertainDate]:
    """Dates that are not known: what one origin states of the same days has one date."""
    members: dict[object, dict[str, None]] = defaultdict(dict)
    shares: dict[object, tuple[tuple[int, float], ...]] = {}
    for event in events:
        if not event.is_dated:
            key = date_key(event)
            members[key] |= dict.fromkeys(report.id for report in event.reports)
            shares[key] = tuple(event.shares.items())
    return {key: UncertainDate(tuple(sorted(names)), shares[key]) for key, names in members.items()}


def date_key(event: Event) -> object:
    """What tells the date of an event from others: its step, or else its days and who states it."""
    return next(iter(event.shares)) if event.is_dated else (event.stated_by, event.start, event.end)


def _first_states(scenario: Scenario) -> dict[str, int]:
    starts, start = {}, 0
    for name, variable in scenario.variables.items():
        starts[name] = start
        start += len(variable.states)
    return starts
