"""Streams: who would report on a variable in a step, so that a report and silence are outcomes.

A named source that is watched is a stream of its own; everybody else is another, with the
variable's reporting profile. A stream has for each state the probability that it reports on it, and
how much of that would be known by now.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import numpy as np

from forecast.evidence.profiles import Key, ReportMaking, report_making, watch_probabilities
from forecast.evidence.report import Report
from forecast.evidence.silence import WatchedStep, share_known, watched_steps
from forecast.frozen import FrozenDict
from forecast.scenario.scenario import Scenario

Place = tuple[int, str]
"""A step and a variable."""
Reach = tuple[float, ...]
"""Probability that what is reported would be known by now, (state,)."""


@dataclass(frozen=True, slots=True)
class Row:
    """Probabilities of a stream, apart from when: of each state, and of false alarms if any."""

    variable: str
    probabilities: tuple[Key, ...]
    alarms: Key | None


@dataclass(frozen=True, slots=True)
class Stream:
    """Who would report on a variable in a step.

    Attributes
    ----------
    source
        The source; empty for everybody else.
    row
        Probability that each state is reported on.
    """

    source: str
    row: Row

    def has(self, reports: Iterable[Report]) -> bool:
        """Whether one of some reports ends its silence."""
        return any(self.source in ("", report.source) for report in reports)


@lru_cache(maxsize=16)
def find_streams(scenario: Scenario, as_of: date) -> Mapping[Place, Mapping[Stream, Reach]]:
    """Streams by step and variable, up to the as-of date, each with its reach; named sources first.

    Parameters
    ----------
    scenario
        Scenario with profiles and watches.
    as_of
        Day up to whose end things were known.
    """
    found: dict[Place, dict[Stream, Reach]] = defaultdict(dict)
    for place, stream, reach in _profile_streams(scenario, as_of):
        found[place][stream] = reach
    watched: dict[Place, dict[str, list[WatchedStep]]] = defaultdict(lambda: defaultdict(list))
    for each in watched_steps(scenario, as_of):
        watched[each.step, each.watch.indicator][each.watch.source].append(each)
    for place, by_source in watched.items():
        usual = found.pop(place, {})
        everybody = by_source.pop("", None)
        if everybody:
            usual = dict([_watched_stream(scenario, "", everybody, *usual.items())])
        named = [_watched_stream(scenario, name, those) for name, those in by_source.items()]
        found[place] = dict(named) | usual
    return FrozenDict({place: FrozenDict(several) for place, several in found.items()})


def _profile_streams(scenario: Scenario, as_of: date) -> Iterator[tuple[Place, Stream, Reach]]:
    timeline = scenario.timeline
    for name, making in report_making(scenario).items():
        stream = Stream("", Row(name, making.probabilities, making.alarms))
        n = len(making.probabilities)
        if timeline is None:
            yield (0, name), stream, (1.0,) * n
            continue
        n_steps = timeline.step_of(as_of) + 1
        known = _known_by_day(making, timeline.start, timeline.step_days * n_steps, as_of)
        for step, share in enumerate(known.reshape(n_steps, -1).mean(axis=1).tolist()):
            if share > 0:
                yield (step, name), stream, (share,) * n


def _known_by_day(making: ReportMaking, start: date, n_days: int, as_of: date) -> np.ndarray:
    """Share of what happened on each day that is reported, if anything is, and known, (day,)."""
    ages = (as_of - start).days - np.arange(n_days)
    known = np.where(ages >= 0, share_known(making.delay, np.maximum(ages, 0)), 0.0)
    for blackout in making.blackouts:
        first = (blackout.start - start).days
        last = (blackout.stop - start).days
        known[max(first, 0) : max(last + 1, 0)] *= blackout.share
    return known


def _watched_stream(
    scenario: Scenario,
    source: str,
    watched: Sequence[WatchedStep],
    usual: tuple[Stream, Reach] | None = None,
) -> tuple[Stream, Reach]:
    """The stream of watches that look through one source, the first of them first."""
    variable = watched[0].watch.indicator
    probabilities, alarms = watch_probabilities(scenario, watched[0].name)
    reach = [watched[0].reach] * len(probabilities)
    if usual is not None:
        stream, known = usual
        probabilities, alarms = stream.row.probabilities, alarms or stream.row.alarms
        reach = [*known]
    stated = [*probabilities]
    for each in reversed(watched):
        own, _ = watch_probabilities(scenario, each.name)
        for state in each.states(scenario):
            stated[state], reach[state] = own[state], each.reach
    return Stream(source, Row(variable, tuple(stated), alarms)), tuple(reach)
