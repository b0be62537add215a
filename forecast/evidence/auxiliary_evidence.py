"""Lay out evidence over the columns of each step, with the auxiliary variables it depends on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import log

import numpy as np

from forecast.evidence.events import (
    Event,
    best_versions,
    find_events,
    ranked,
)
from forecast.evidence.ledger import Evidence
from forecast.evidence.silence import WatchedStep, watched_steps
from forecast.evidence.sources import channel_of
from forecast.evidence.statements import Statements
from forecast.network.auxiliary import AuxiliaryFactor, AuxiliaryVariable
from forecast.scenario.scenario import Scenario

Place = tuple[int, str]
"""A step and a variable."""
Axis = tuple[str, int]
"""An auxiliary variable, and 1 for its state before the step."""
Cell = tuple[int, int]
"""A step and a column."""

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
        How many origins make a statement at a cell, by statement and cell.
    silent
        Watch, reach and cell of each state that would have been reported.
    controls
        Channel, and the cell where it is free; the cell where it is controlled is the next.
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
        self.watched: dict[Place, list[WatchedStep]] = defaultdict(list)
        for each in watched_steps(scenario, evidence.as_of):
            self.watched[each.step, each.watch.indicator].append(each)
        self.dates = date_variables(events)
        self.channels = self._find_channels()
        self.auxiliaries = tuple(self._auxiliary_variables())
        self.factors: list[AuxiliaryFactor] = []
        self.counts: dict[tuple[int, Cell], float] = defaultdict(float)
        self.silent: list[tuple[str, float, Cell]] = []
        self.controls: list[tuple[str, Cell]] = []
        self.constants: dict[Cell, float] = {}
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
        for when in sorted(self.dates.values(), key=lambda when: when.name):
            yield AuxiliaryVariable(when.name, 2, when.first, when.last, moves=True)

    def _fill(self) -> None:
        for when in self.dates.values():
            self._fill_date(when)
        for channel, places in sorted(self.channels.items()):
            factor = self._factor(min(step for step, _ in places), [(control_variable(channel), 0)])
            self.controls.append((channel, (factor.step, factor.start)))
        for place in sorted({*self.events, *self.watched}):
            self._fill_place(place)

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

        Every origin and every watch has a factor over what it depends on alone, so that many
        undated events do not multiply; those that depend on the same share one.
        """
        step, variable = place
        by_origin: dict[str, list[Event]] = defaultdict(list)
        for event in self.events.get(place, []):
            by_origin[event.origin].append(event)
        starts: dict[tuple[Axis, ...], int] = {(): self.first_state[variable]}
        for events in by_origin.values():
            for cell, now, controlled in self._cases(
                place, events, self._channels_of(events), starts
            ):
                for statement in self._statements_of(now, controlled):
                    self.counts[statement, cell] += 1
        for each in self.watched.get(place, []):
            reported = [
                event
                for events in by_origin.values()
                for event in events
                if any(map(each.is_broken_by, event.reports))
            ]
            if not any(event.is_dated for event in reported):
                for (_, column), now, _ in self._cases(place, reported, [], starts):
                    for state in each.states(self.scenario) if not now else ():
                        self.silent.append((each.name, each.reach, (step, column + state)))

    def _cases(
        self,
        place: Place,
        events: Sequence[Event],
        channels: Sequence[str],
        starts: dict[tuple[Axis, ...], int],
    ) -> Iterator[tuple[Cell, list[Event], set[str]]]:
        """Yield cell, events of the step, controlled channels for each joint auxiliary state."""
        step, variable = place
        dates = dict.fromkeys(self.dates[date_key(e)] for e in events if not e.is_dated)
        axes = tuple(axis for when in dates for axis in when.axes(step))
        axes += tuple((control_variable(name), 0) for name in channels)
        if axes not in starts:
            starts[axes] = self._factor(step, axes, variable).start
        width = len(self.scenario.variables[variable].states)
        for number, states in enumerate(product((0, 1), repeat=len(axes))):
            state = dict(zip(axes, states, strict=True))
            controlled = {
                name for name in channels if state[control_variable(name), 0] == CONTROLLED
            }
            now = [e for e in events if e.is_dated or self.dates[date_key(e)].is_now(state)]
            yield (step, starts[axes] + number * width), now, controlled

    def _channels_of(self, events: Iterable[Event]) -> list[str]:
        """Channels that reports of some events came through."""
        found = {channel_of(self.scenario, report) for event in events for report in event.reports}
        return sorted(found - {""})

    def _statements_of(self, events: Sequence[Event], controlled: set[str]) -> Iterator[int]:
        """Numbers of an origin's statements at a step, where some channels are controlled."""
        reports = [each for event in events for each in event.reports if each.id != self.unread]
        through = {report.id: channel_of(self.scenario, report) for report in reports}
        free = [report for report in reports if through[report.id] not in controlled]
        if free:
            best = free if len(free) == 1 else ranked(self.scenario, free)
            yield self.statements.of_origin(best_versions(best))
            return
        for channel in sorted({*through.values()}):
            own = [report for report in reports if through[report.id] == channel]
            yield self.statements.of_channel(channel, ranked(self.scenario, own)[0])


def date_variables(events: Iterable[Event]) -> dict[object, UncertainDate]:
    """Dates that are not known: events of one origin that share their days share their date."""
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
    """What tells the date of an event from others: its step, or else its origin and days."""
    return next(iter(event.shares)) if event.is_dated else (event.origin, event.start, event.end)


def _first_states(scenario: Scenario) -> dict[str, int]:
    starts, start = {}, 0
    for name, variable in scenario.variables.items():
        starts[name] = start
        start += len(variable.states)
    return starts
