"""Lay out evidence over the columns of each step, with the auxiliary variables it depends on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import log
from typing import Any

import numpy as np

from forecast.evidence.copying import Link, find_link, precedence
from forecast.evidence.events import (
    Event,
    best_versions,
    find_events,
    ranked,
)
from forecast.evidence.ledger import Evidence
from forecast.evidence.report import Report
from forecast.evidence.shared_errors import candidate_reports, error_key, find_shared_errors
from forecast.evidence.sources import channel_of
from forecast.evidence.statements import UNSHARED, Statements, level_of
from forecast.evidence.streams import Place, Row, Stream, find_streams
from forecast.network.auxiliary import AuxiliaryFactor, AuxiliaryVariable
from forecast.scenario.scenario import Scenario

Axis = tuple[str, int]
"""An auxiliary variable, and 1 for its state before the step."""
StepColumn = tuple[int, int]
"""A step and a column."""
Making = tuple[int, tuple[float, ...]]
"""Row of a stream, and its reach by state."""

Links = tuple[Link, ...]
"""What a report may have copied, or have been copied by."""

CONTENT: Making = (-1, ())
NOT_YET, PAST = 0, 1
FREE, CONTROLLED = 0, 1


@dataclass(frozen=True, slots=True)
class UncertainDate:
    """The date of an event: the reports of it, and the probability of each of several steps."""

    reports: tuple[str, ...]
    shares: tuple[tuple[int, float], ...]

    @property
    def name(self) -> str:
        """Name of the auxiliary variable."""
        return f"date of {', '.join(self.reports)}"

    @property
    def first(self) -> int:
        """First step in which it may have been."""
        return self.shares[0][0]

    @property
    def last(self) -> int:
        """Last step in which it may have been."""
        return self.shares[-1][0]

    def axes(self, step: int) -> list[Axis]:
        """What has to be distinguished at a step: whether it was past before it, and after it."""
        before = [(self.name, 1)] if step > self.first else []
        after = [(self.name, 0)] if step < self.last else []
        return before + after

    def is_now(self, state: dict[Axis, int]) -> bool:
        """Whether the date lies in a step, given what was past before and after it."""
        before = state.get((self.name, 1), NOT_YET)
        return before == NOT_YET and state.get((self.name, 0), PAST) == PAST


@dataclass(frozen=True, slots=True)
class _Origin:
    """What one origin reports of a variable that may be of a step, and what that depends on."""

    events: list[Event]
    reports: tuple[Report, ...]
    dates: tuple[UncertainDate, ...]
    channels: tuple[str, ...]
    errors: tuple[str, ...]
    sure: bool
    earlier: tuple[tuple[_Origin, Link], ...] = ()

    def case(self, state: dict[Axis, int]) -> tuple[list[Event], set[str]]:
        """Events that are of the step, and channels that are controlled, in a joint state."""
        held = {name for name in self.channels if state[control_variable(name), 0] == CONTROLLED}
        past = {name for when in self.dates if not when.is_now(state) for name in when.reports}
        now = [e for e in self.events if e.is_dated or e.reports[0].id not in past]
        return now, held

    def links(self, state: dict[Axis, int]) -> tuple[Link, ...]:
        """What may have been copied, in a joint state; nothing if the report was planted."""
        if any(state[control_variable(name), 0] == CONTROLLED for name in self.channels):
            return ()
        return tuple(link for other, link in self.earlier if other.is_of_step(state))

    def is_of_step(self, state: dict[Axis, int]) -> bool:
        """Whether one of its events is of the step, given what was past before and after it."""
        dates = {name: when for when in self.dates for name in when.reports}
        return any(e.is_dated or dates[e.reports[0].id].is_now(state) for e in self.events)


@dataclass(frozen=True, slots=True)
class _Link:
    """Names of what says whether an origin was there before one and after it; empty for none.

    `silent` is whether nothing else ends the silence of the stream.
    """

    before: str
    after: str
    silent: bool

    @property
    def axes(self) -> tuple[Axis, ...]:
        """What is to be told apart."""
        return tuple((name, 0) for name in (self.before, self.after) if name)


def _first_of(streams: Sequence[Stream], origin: _Origin) -> Stream | None:
    """The stream that an origin belongs to: the first that has one of its reports."""
    return next((stream for stream in streams if stream.has(origin.reports)), None)


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
    counts
        How many origins make a statement at a cell, by statement, making, cell and what may have
        been copied. The making is that of the first report of a stream, the number of its row and
        its reach; or `CONTENT`, where it says nothing that the statement was made.
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
        self.counts: dict[tuple[int, Making, StepColumn, Links], float] = defaultdict(float)
        self.silent: list[tuple[int, tuple[float, ...], StepColumn]] = []
        self.linked: dict[str, tuple[Any, dict[str, Link]]] = {}
        self.judged: list[tuple[tuple[str, str | int], StepColumn]] = []
        self.constants: dict[StepColumn, float] = {}
        self._ends: dict[int, int] = defaultdict(lambda: self.n_states)
        self._fill()

    @property
    def n_columns(self) -> int:
        """Columns of the states and of the factors of any step."""
        return max([self.n_states, *self._ends.values()])

    def _find_channels(self) -> dict[str, list[Place]]:
        """Places at which reports came through each channel."""
        found: dict[str, list[Place]] = defaultdict(list)
        if not self.scenario.channels:
            return found
        for place, events in self.events.items():
            for channel in self._channels_of(events):
                found[channel].append(place)
        return found

    def _auxiliary_variables(self) -> Iterator[AuxiliaryVariable]:
        for channel, places in sorted(self.channels.items()):
            steps = [step for step, _ in places]
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
        for channel, places in sorted(self.channels.items()):
            first = min(step for step, _ in places)
            self._fill_judged(first, control_variable(channel), ("control", channel))
        for error in self.errors.values():
            self._fill_judged(error.first, error.name, ("accuracy", error.accuracy))
        for place in sorted({*self.events, *self.streams}):
            self._fill_place(place)

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
        factor = AuxiliaryFactor(step, self._ends[step], tuple(axes), variable)
        width = len(self.scenario.variables[variable].states) if variable else 1
        self._ends[step] += 2 ** len(axes) * width
        self.factors.append(factor)
        return factor

    def _fill_place(self, place: Place) -> None:
        """Statements about a variable at a step, for each state of the auxiliary variables.

        Every origin has a factor over what it depends on alone, so that many undated events do
        not multiply; those that depend on the same share one.
        """
        by_origin: dict[str, list[Event]] = defaultdict(list)
        for event in self.events.get(place, []):
            by_origin[event.origin].append(event)
        origins = self._linked([self._origin(events) for events in by_origin.values()])
        streams = self.streams.get(place, [])
        starts: dict[tuple[Axis, ...], int] = {(): self.first_state[place[1]]}
        for stream in streams:
            broken = [each for each in origins if stream.has(each.reports)]
            own = [each for each in broken if _first_of(streams, each) is stream]
            self._fill_stream(place, own, stream, starts, silent=len(own) == len(broken))
        for each in origins:
            if _first_of(streams, each) is None:
                self._fill_origin(place, each, starts, None)

    def _origin(self, events: list[Event]) -> _Origin:
        reports = tuple(report for event in events for report in event.reports)
        dates = dict.fromkeys(self.dates[date_key(e)] for e in events if not e.is_dated)
        channels = self._channels_of(events)
        shared = dict.fromkeys(
            self.errors[key].name
            for event in events
            for report in candidate_reports(self.scenario, event, self.unread)
            if (key := error_key(self.scenario, event, report)) in self.errors
        )
        sure = not channels and any(event.is_dated for event in events)
        return _Origin(events, reports, tuple(dates), tuple(channels), tuple(shared), sure)

    def _linked(self, origins: list[_Origin]) -> list[_Origin]:
        """Origins, each with those before it whose origin it may share.

        One that is undated shares that of another only if that has the same date, or none of
        its own: so each step knows by itself who was there.
        """
        if self.scenario.lineage == "as_stated" or len(origins) == 1:
            return origins
        found: list[_Origin] = []
        for each in sorted(origins, key=self._precedence):
            links: list[tuple[_Origin, Link]] = []
            if not each.reports[0].origin:
                for other in found:
                    if set(other.dates) <= set(each.dates):
                        link = find_link(self.scenario, each.events[0], other.events[0])
                        links += [] if link is None else [(other, link)]
            found.append(replace(each, earlier=tuple(links)))
            if links:
                _, known = self.linked.setdefault(links[0][1].report, (self._precedence(each), {}))
                known |= {link.earlier: link for _, link in links}
        return found

    def _precedence(self, origin: _Origin) -> tuple[Any, ...]:
        """What orders origins apart from the stream."""
        return precedence(self.scenario, origin.reports, bool(origin.dates))

    def _fill_stream(
        self,
        place: Place,
        origins: list[_Origin],
        stream: Stream,
        starts: dict[tuple[Axis, ...], int],
        *,
        silent: bool,
    ) -> None:
        """Fill in what a stream reports: that it did counts once, with the first that is there.

        Origins follow one another. Whether one of them was there before is carried along, up to
        the first that is there for sure; if none is, the stream is silent.
        """
        if not origins:
            if silent:
                self._add_silence(stream, (place[0], starts[()]))
            return
        order = sorted(origins, key=self._turn)
        last = next((k for k, each in enumerate(order) if each.sure), len(order) - 1)
        before = ""
        for k, each in enumerate(order):
            if k > last:
                self._fill_origin(place, each, starts, stream)
                continue
            after = "" if k == last else self._add_link(place, stream, k)
            self._fill_link(place, each, stream, starts, _Link(before, after, silent))
            before = after

    def _turn(self, origin: _Origin) -> tuple[Any, ...]:
        """What orders origins: the worst event first, then what is sure, then the best."""
        level = level_of(self.scenario, origin.reports)
        return -level, not origin.sure, *self._precedence(origin)

    def _add_link(self, place: Place, stream: Stream, k: int) -> str:
        step, variable = place
        name = f"report {k + 1} on {variable} at {step} {stream.source}".rstrip()
        self.auxiliaries.append(AuxiliaryVariable(name, 2, step, step, moves=False))
        return name

    def _add_silence(self, stream: Stream, cell: StepColumn) -> None:
        self.silent.append((self.statements.number_of(stream.row), stream.reach, cell))

    def _fill_origin(
        self,
        place: Place,
        origin: _Origin,
        starts: dict[tuple[Axis, ...], int],
        stream: Stream | None,
    ) -> None:
        """Fill in what an origin states, where it says nothing that it does."""
        row = None if stream is None else stream.row
        for cell, state in self._cells(place, self._axes(place, origin), starts):
            for statement in self._statements_of(*origin.case(state), state, row):
                self.counts[statement, CONTENT, cell, origin.links(state)] += 1

    def _fill_link(
        self,
        place: Place,
        origin: _Origin,
        stream: Stream,
        starts: dict[tuple[Axis, ...], int],
        link: _Link,
    ) -> None:
        """Fill in what an origin states and, where it is the first that is there, that it does."""
        first: Making = (self.statements.number_of(stream.row), stream.reach)
        axes = (*self._axes(place, origin), *link.axes)
        width = len(self.scenario.variables[place[1]].states)
        for cell, state in self._cells(place, axes, starts):
            now, controlled = origin.case(state)
            there, was = self._is_there(now, controlled), state.get((link.before, 0), 0) == 1
            if link.after and state[link.after, 0] != int(there or was):
                self.constants |= {(cell[0], cell[1] + s): -np.inf for s in range(width)}
                continue
            for statement in self._statements_of(now, controlled, state, stream.row):
                making = first if there and not was else CONTENT
                self.counts[statement, making, cell, origin.links(state)] += 1
            if not (link.after or there or was) and link.silent:
                self._add_silence(stream, cell)

    def _axes(self, place: Place, origin: _Origin) -> tuple[Axis, ...]:
        """What an origin's statements depend on."""
        axes = tuple(axis for when in origin.dates for axis in when.axes(place[0]))
        axes += tuple((control_variable(name), 0) for name in origin.channels)
        return axes + tuple((name, 0) for name in origin.errors)

    def _cells(
        self, place: Place, axes: tuple[Axis, ...], starts: dict[tuple[Axis, ...], int]
    ) -> Iterator[tuple[StepColumn, dict[Axis, int]]]:
        """Yield the first cell of each joint state of some auxiliary variables, and that state."""
        step, variable = place
        if axes not in starts:
            starts[axes] = self._factor(step, axes, variable).start
        width = len(self.scenario.variables[variable].states)
        for number, states in enumerate(product((0, 1), repeat=len(axes))):
            yield (step, starts[axes] + number * width), dict(zip(axes, states, strict=True))

    def _is_there(self, events: Sequence[Event], controlled: set[str]) -> bool:
        """Whether one of some events was reported by somebody who is free."""
        return any(
            channel_of(self.scenario, report) not in controlled
            for event in events
            for report in event.reports
        )

    def _channels_of(self, events: Iterable[Event]) -> list[str]:
        """Channels that reports of some events came through."""
        found = {channel_of(self.scenario, report) for event in events for report in event.reports}
        return sorted(found - {""})

    def _statements_of(
        self,
        events: Sequence[Event],
        controlled: set[str],
        state: dict[Axis, int],
        row: Row | None,
    ) -> Iterator[int]:
        """Numbers of an origin's statements at a step, where some channels are controlled."""
        reports = [each for event in events for each in event.reports if each.id != self.unread]
        through = {report.id: channel_of(self.scenario, report) for report in reports}
        free = [report for report in reports if through[report.id] not in controlled]
        if free:
            best = free if len(free) == 1 else ranked(self.scenario, free)
            error = self.errors.get(error_key(self.scenario, events[0], best[0]))
            right = UNSHARED if error is None else state[error.name, 0]
            yield self.statements.of_origin(best_versions(best), row, right)
            return
        for channel in sorted({*through.values()}):
            own = [report for report in reports if through[report.id] == channel]
            yield self.statements.of_channel(channel, ranked(self.scenario, own)[0])


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


def control_variable(channel: str) -> str:
    """Name of the auxiliary variable for the control of a channel."""
    return f"control of {channel}"


def date_key(event: Event) -> object:
    """What tells the date of an event from others: its step, or else its days and who states it."""
    return next(iter(event.shares)) if event.is_dated else (event.stated_by, event.start, event.end)


def _first_states(scenario: Scenario) -> dict[str, int]:
    starts, start = {}, 0
    for name, variable in scenario.variables.items():
        starts[name] = start
        start += len(variable.states)
    return starts
