"""What was reported of one variable in one step, laid out by itself.

It depends on the reports about that place alone, and on what these share with others: dates,
channels and errors. So it is laid out without them, in factors and statements of its own numbers,
and kept by value: another report lays out its own place anew and no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import product
from typing import Any

import numpy as np

from forecast.arrays import Array
from forecast.evidence.copying import Link, find_link, precedence
from forecast.evidence.events import Event, best_versions, ranked
from forecast.evidence.report import Report
from forecast.evidence.shared_errors import ErrorKey, candidate_reports, error_key
from forecast.evidence.sources import channel_of, probability_numbers
from forecast.evidence.statements import (
    UNSHARED,
    Statement,
    channel_statement,
    level_of,
    origin_statement,
)
from forecast.evidence.streams import Place, Row, Stream
from forecast.network.auxiliary import AuxiliaryVariable
from forecast.scenario.scenario import Scenario

Axis = tuple[str, int]
"""An auxiliary variable, and 1 for its state before the step."""
Cell = tuple[int, int]
"""Number of a factor of the place, or `STATES`, and a column of it."""
Links = tuple[Link, ...]
"""What a report may have copied, or have been copied by."""

STATES = -1
"""Stands for the columns of the variable's states, on which no auxiliary variable has a say."""
CONTENT = -1
"""Stands for the stream where it says nothing that a statement was made."""
NOT_YET, PAST = 0, 1
FREE, CONTROLLED = 0, 1
MOST_PLACES, MOST_LAYOUTS = 4096, 2
"""Places of which it is kept how they were laid out, and how many layouts of each: enough to go
back and forth between two evidences. In a stream of reports all older ones would otherwise stay."""


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


def control_variable(channel: str) -> str:
    """Name of the auxiliary variable for the control of a channel."""
    return f"control of {channel}"


@dataclass(frozen=True, slots=True)
class Stated:
    """That some origins make a statement, in a joint state of auxiliary variables.

    Attributes
    ----------
    statement
        Number of the statement among those of the place.
    stream
        Number of the stream whose first report it is, or `CONTENT`.
    cell
        First cell of its likelihoods.
    links
        What may have been copied.
    odds
        Of each link the number of the propensity to copy, among all that is judged of sources, how
        likely the other is to have been copied, and that times the likelihood ratio of their texts
        if it states the same, otherwise 0, (link, 3).
    n_origins
        How many origins make it.
    """

    statement: int
    stream: int
    cell: Cell
    links: Links
    odds: Array
    n_origins: float


@dataclass(frozen=True, slots=True)
class Precedence:
    """Links of a report that may share the origin of others, and what orders it among all such."""

    report: str
    order: tuple[Any, ...]
    links: Links


@dataclass(frozen=True, eq=False, slots=True)
class PlaceEvidence:
    """Reports of a variable in a step, laid out over factors of its own.

    Attributes
    ----------
    factors
        Auxiliary variables of each factor.
    auxiliaries
        Auxiliary variables of this place alone: whether somebody had reported before others did.
    streams, statements
        Streams and statements in the order in which they are met, each once.
    stated
        Who makes which statement.
    silent
        Number and first cell of each stream that is silent.
    impossible
        First cells of joint states that cannot be.
    copiers
        Reports that may share the origin of others.
    """

    factors: tuple[tuple[Axis, ...], ...]
    auxiliaries: tuple[AuxiliaryVariable, ...]
    streams: tuple[Stream, ...]
    statements: tuple[Statement, ...]
    stated: tuple[Stated, ...]
    silent: tuple[tuple[int, Cell], ...]
    impossible: tuple[Cell, ...]
    copiers: tuple[Precedence, ...]


@lru_cache(maxsize=MOST_PLACES)
def kept_layouts(scenario: Scenario, place: Place) -> Callable[..., PlaceEvidence]:
    """`lay_out` of one place, which keeps the latest layouts; its arguments are the others."""
    return lru_cache(maxsize=MOST_LAYOUTS)(partial(lay_out, scenario, place))


def lay_out(
    scenario: Scenario,
    place: Place,
    events: tuple[Event, ...],
    streams: tuple[Stream, ...],
    dates: tuple[UncertainDate, ...] = (),
    errors: tuple[tuple[ErrorKey, str], ...] = (),
    unread: str = "",
) -> PlaceEvidence:
    """Lay out what was reported of a variable in a step.

    Every origin has a factor over what it depends on alone, so that many undated events do not
    multiply; those that depend on the same share one.

    Parameters
    ----------
    scenario, place
        What the reports are about, and the step and the variable.
    events
        What may have been there.
    streams
        Who would report on it; named sources first.
    dates
        Dates of the events of which it is not known in which step they were.
    errors
        Names of the errors that their statements share with others, by who brings them.
    unread
        A report of which only what it says is left out: its date stays, and no silence either.
    """
    layout = _Layout(scenario, place, dates, dict(errors), unread)
    layout.fill(events, streams)
    return layout.result()


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
        controlled = {
            name for name in self.channels if state[control_variable(name), 0] == CONTROLLED
        }
        past = {name for when in self.dates if not when.is_now(state) for name in when.reports}
        now = [e for e in self.events if e.is_dated or e.reports[0].id not in past]
        return now, controlled

    def links(self, state: dict[Axis, int]) -> Links:
        """What may have been copied, in a joint state; nothing if the report was planted."""
        if any(state[control_variable(name), 0] == CONTROLLED for name in self.channels):
            return ()
        return tuple(link for other, link in self.earlier if other.is_of_step(state))

    def is_of_step(self, state: dict[Axis, int]) -> bool:
        """Whether one of its events is of the step, given what was past before and after it."""
        dates = {name: when for when in self.dates for name in when.reports}
        return any(e.is_dated or dates[e.reports[0].id].is_now(state) for e in self.events)


@dataclass(frozen=True, slots=True)
class _Chain:
    """Names of what says whether an origin was there before one and after it; empty for none.

    `silent` is whether nothing else ends the silence of the stream.
    """

    before: str
    after: str
    silent: bool

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Variables of the network whose joint states are distinguished."""
        return tuple((name, 0) for name in (self.before, self.after) if name)


def _first_of(streams: Sequence[Stream], origin: _Origin) -> Stream | None:
    """The stream that an origin belongs to: the first that has one of its reports."""
    return next((stream for stream in streams if stream.has(origin.reports)), None)


class _Layout:
    """A place that is being laid out; the arguments are those of `lay_out`."""

    def __init__(
        self,
        scenario: Scenario,
        place: Place,
        dates: tuple[UncertainDate, ...],
        errors: dict[ErrorKey, str],
        unread: str,
    ) -> None:
        self.scenario, self.place, self.errors, self.unread = scenario, place, errors, unread
        self.dates = {name: when for when in dates for name in when.reports}
        self.factors: dict[tuple[Axis, ...], int] = {(): STATES}
        self.auxiliaries: list[AuxiliaryVariable] = []
        self.streams: dict[Stream, int] = {}
        self.statements: dict[Statement, int] = {}
        self.counts: dict[tuple[int, int, Cell, Links], float] = defaultdict(float)
        self.silent: list[tuple[int, Cell]] = []
        self.impossible: list[Cell] = []
        self.copiers: list[Precedence] = []

    def result(self) -> PlaceEvidence:
        """What has been laid out."""
        numbers = probability_numbers(self.scenario)
        odds = {links: _odds(links, numbers) for _, _, _, links in self.counts}
        return PlaceEvidence(
            tuple(axes for axes in self.factors if axes),
            tuple(self.auxiliaries),
            tuple(self.streams),
            tuple(self.statements),
            tuple(Stated(*key, odds[key[3]], count) for key, count in self.counts.items()),
            tuple(self.silent),
            tuple(self.impossible),
            tuple(self.copiers),
        )

    def fill(self, events: Sequence[Event], streams: Sequence[Stream]) -> None:
        """Fill in what is stated, for each state of the auxiliary variables, and who is silent."""
        by_origin: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            by_origin[event.origin].append(event)
        origins = self._linked([self._origin(own) for own in by_origin.values()])
        for stream in streams:
            broken = [each for each in origins if stream.has(each.reports)]
            own = [each for each in broken if _first_of(streams, each) is stream]
            self._fill_stream(own, stream, silent=len(own) == len(broken))
        for each in origins:
            if _first_of(streams, each) is None:
                self._fill_origin(each, None)

    def _origin(self, events: list[Event]) -> _Origin:
        reports = tuple(report for event in events for report in event.reports)
        dates = dict.fromkeys(self.dates[e.reports[0].id] for e in events if not e.is_dated)
        channels = {channel_of(self.scenario, report) for report in reports} - {""}
        shared = dict.fromkeys(
            self.errors[key]
            for event in events
            for report in candidate_reports(self.scenario, event, self.unread)
            if (key := error_key(self.scenario, event, report)) in self.errors
        )
        sure = not channels and any(event.is_dated for event in events)
        return _Origin(events, reports, tuple(dates), tuple(sorted(channels)), tuple(shared), sure)

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
                own = tuple(link for _, link in links)
                self.copiers.append(Precedence(own[0].report, self._precedence(each), own))
        return found

    def _precedence(self, origin: _Origin) -> tuple[Any, ...]:
        """What orders origins apart from the stream."""
        return precedence(self.scenario, origin.reports, bool(origin.dates))

    def _fill_stream(self, origins: list[_Origin], stream: Stream, *, silent: bool) -> None:
        """Fill in what a stream reports: that it did counts once, with the first that is there.

        Origins follow one another. Whether one of them was there before is carried along, up to
        the first that is there for sure; if none is, the stream is silent.
        """
        if not origins:
            if silent:
                self.silent.append((self._number_of(stream), (STATES, 0)))
            return
        order = sorted(origins, key=self._turn)
        last = next((k for k, each in enumerate(order) if each.sure), len(order) - 1)
        before = ""
        for k, each in enumerate(order):
            if k > last:
                self._fill_origin(each, stream)
                continue
            after = "" if k == last else self._add_chain(stream, k)
            self._fill_chain(each, stream, _Chain(before, after, silent))
            before = after

    def _turn(self, origin: _Origin) -> tuple[Any, ...]:
        """What orders origins: the worst event first, then what is sure, then the best."""
        level = level_of(self.scenario, origin.reports)
        return -level, not origin.sure, *self._precedence(origin)

    def _add_chain(self, stream: Stream, k: int) -> str:
        step, variable = self.place
        name = f"report {k + 1} on {variable} at {step} {stream.source}".rstrip()
        self.auxiliaries.append(AuxiliaryVariable(name, 2, step, step, moves=False))
        return name

    def _number_of(self, stream: Stream) -> int:
        return self.streams.setdefault(stream, len(self.streams))

    def _fill_origin(self, origin: _Origin, stream: Stream | None) -> None:
        """Fill in what an origin states, where it says nothing that it does."""
        for cell, state in self._cells(self._axes(origin)):
            for statement in self._statements_of(*origin.case(state), state, stream):
                self.counts[statement, CONTENT, cell, origin.links(state)] += 1

    def _fill_chain(self, origin: _Origin, stream: Stream, chain: _Chain) -> None:
        """Fill in what an origin states and, where it is the first that is there, that it does."""
        first = self._number_of(stream)
        for cell, state in self._cells((*self._axes(origin), *chain.axes)):
            now, controlled = origin.case(state)
            there, was = self._is_there(now, controlled), state.get((chain.before, 0), 0) == 1
            if chain.after and state[chain.after, 0] != int(there or was):
                self.impossible.append(cell)
                continue
            for statement in self._statements_of(now, controlled, state, stream):
                making = first if there and not was else CONTENT
                self.counts[statement, making, cell, origin.links(state)] += 1
            if not (chain.after or there or was) and chain.silent:
                self.silent.append((first, cell))

    def _axes(self, origin: _Origin) -> tuple[Axis, ...]:
        """What an origin's statements depend on."""
        axes = tuple(axis for when in origin.dates for axis in when.axes(self.place[0]))
        axes += tuple((control_variable(name), 0) for name in origin.channels)
        return axes + tuple((name, 0) for name in origin.errors)

    def _cells(self, axes: tuple[Axis, ...]) -> Iterator[tuple[Cell, dict[Axis, int]]]:
        """Yield the first cell of each joint state of some auxiliary variables, and that state."""
        factor = self.factors.setdefault(axes, len(self.factors) - 1)
        width = len(self.scenario.variables[self.place[1]].states)
        for number, states in enumerate(product((0, 1), repeat=len(axes))):
            yield (factor, number * width), dict(zip(axes, states, strict=True))

    def _is_there(self, events: Sequence[Event], controlled: set[str]) -> bool:
        """Whether one of some events was reported by somebody who is free."""
        return any(
            channel_of(self.scenario, report) not in controlled
            for event in events
            for report in event.reports
        )

    def _statements_of(
        self,
        events: Sequence[Event],
        controlled: set[str],
        state: dict[Axis, int],
        stream: Stream | None,
    ) -> Iterator[int]:
        """Numbers of an origin's statements at a step, where some channels are controlled."""
        reports = [each for event in events for each in event.reports if each.id != self.unread]
        through = {report.id: channel_of(self.scenario, report) for report in reports}
        free = [report for report in reports if through[report.id] not in controlled]
        if free:
            best = free if len(free) == 1 else ranked(self.scenario, free)
            error = self.errors.get(error_key(self.scenario, events[0], best[0]))
            right = UNSHARED if error is None else state[error, 0]
            row = self._row_of(stream)
            yield self._add(origin_statement(self.scenario, best_versions(best), row, right))
            return
        for channel in sorted({*through.values()}):
            own = [report for report in reports if through[report.id] == channel]
            yield self._add(
                channel_statement(self.scenario, channel, ranked(self.scenario, own)[0])
            )

    def _row_of(self, stream: Stream | None) -> Row | None:
        """Probabilities of the stream of a statement, which is met by it."""
        if stream is None:
            return None
        self._number_of(stream)
        return stream.row

    def _add(self, statement: Statement) -> int:
        return self.statements.setdefault(statement, len(self.statements))


def _odds(links: Links, numbers: Mapping[tuple[str, str | int], int]) -> Array:
    rows = [(numbers["copying", k.family], k.near, k.weight * k.repeats) for k in links]
    return np.array(rows, np.float64).reshape(-1, 3)
