"""Rules that sources, families, channels, watches and reporting profiles keep.

Like those of `forecast.scenario.scenario_checks`, every function yields faults and stops at none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from math import isclose

from forecast.errors import nearest
from forecast.scenario.collection import OTHERS, Channel, Family, Lag, Profile, Watch
from forecast.scenario.limits import LocatedFault
from forecast.scenario.scenario import Role, Scenario, Variable
from forecast.scenario.tree import Path

WATCHED: tuple[Role, ...] = ("indicator", "outcome")
"""Roles of variables that can be looked for."""


def check_collection(scenario: Scenario, unread: frozenset[str]) -> Iterator[LocatedFault]:
    """Yield what is wrong with a scenario's sources, families, channels, watches and profiles."""
    for name, source in scenario.sources.items():
        if source.record is not None:
            yield from source.record.probability.check(("sources", name, "record", "probability"))
    owner: dict[str, str] = {}
    for name, channel in scenario.channels.items():
        yield from _check_channel(("channels", name), channel, scenario, unread)
        yield from _check_owner("channel", ("channels", name), channel.sources, owner)
    yield from _check_families(scenario.families)
    for name, watch in scenario.watches.items():
        yield from _check_watch(("watches", name), watch, scenario, unread)
    for name, variable in scenario.variables.items():
        yield from _check_reporting(("variables", name, "reporting"), name, variable)
    for key in ("reports", "false_alarms"):
        if (level := getattr(scenario.reporting_level, key, None)) is not None:
            yield from level.check(("reporting_level", key))


def _check_families(families: Mapping[str, Family]) -> Iterator[LocatedFault]:
    owner: dict[str, str] = {}
    for name, family in families.items():
        at: Path = ("families", name)
        if name == OTHERS:
            yield at, f"{OTHERS!r} are the sources that no family names"
        yield from family.copying.check((*at, "copying"))
        yield from _check_owner("family", at, family.sources, owner)
        legal = [*(other for other in families if other != name), OTHERS]
        for index, other in enumerate(family.copies):
            if other not in legal:
                message = f"{other!r} is not another family; {nearest(other, legal)}"
                yield (*at, "copies", index), message


def _check_owner(
    kind: str, at: Path, sources: Iterable[str], owner: dict[str, str]
) -> Iterator[LocatedFault]:
    """Yield sources that belong to another of its kind already, and note whose they are."""
    for index, source in enumerate(sources):
        if source in owner:
            yield (
                (*at, "sources", index),
                f"{source!r} belongs to the {kind} {owner[source]!r} already",
            )
        owner[source] = str(at[-1])


def _check_channel(
    at: Path, channel: Channel, scenario: Scenario, unread: frozenset[str]
) -> Iterator[LocatedFault]:
    yield from channel.controlled.check((*at, "controlled"))
    for name, shares in channel.shows.items():
        where: Path = (*at, "shows", name)
        if name in unread:
            continue
        faults = list(_unwatchable(where, name, scenario.variables))
        yield from faults or _check_shares(where, name, shares, scenario.variables[name])


def _check_shares(
    at: Path, name: str, shares: Mapping[str, float], variable: Variable
) -> Iterator[LocatedFault]:
    yield from _unknown_states(at, name, shares, variable)
    total = sum(shares.values())
    if not shares:
        yield at, "names no state"
    elif not all(0 < share < 1 for share in shares.values()):
        yield (
            at,
            "a share is above 0 and below 1: nothing is certain of a controlled channel either",
        )
    elif set(shares) >= set(variable.states):
        if not isclose(total, 1, abs_tol=1e-6):
            yield at, f"shares of all states add up to {total:g}; they should add up to 1"
    elif total >= 1:
        yield at, f"shares add up to {total:g}, which leaves nothing for the other states"


def _check_watch(
    at: Path, watch: Watch, scenario: Scenario, unread: frozenset[str]
) -> Iterator[LocatedFault]:
    for key in ("detection", "routine", "false_alarms"):
        if (stated := getattr(watch, key)) is not None:
            yield from stated.check((*at, key))
    if watch.lag is not None:
        yield from _check_lag((*at, "lag"), watch.lag)
    if watch.stop is not None and watch.stop < watch.start:
        yield (*at, "to"), f"{watch.stop} is before the first day, {watch.start}"
    elif scenario.time is not None and watch.stop and watch.stop < scenario.time.start:
        yield (*at, "to"), f"{watch.stop} is before the scenario begins, {scenario.time.start}"
    elif scenario.time is None and watch.stop is None:
        yield at, "'to' is missing: in a static scenario a watch has a last day"
    if watch.indicator in unread:
        return
    where = (*at, "indicator")
    faults = list(_unwatchable(where, watch.indicator, scenario.variables))
    yield from faults or _check_watched(at, watch, scenario.variables[watch.indicator])


def _check_watched(at: Path, watch: Watch, variable: Variable) -> Iterator[LocatedFault]:
    yield from _unknown_states((*at, "states"), watch.indicator, watch.states, variable)
    if set(watch.states) >= set(variable.states):
        yield (*at, "states"), "names every state; then hearing nothing tells none from another"
    if variable.measured is not None and not watch.states:
        yield at, f"'states' is missing: which states of {watch.indicator} would be reported"


def _check_reporting(at: Path, name: str, variable: Variable) -> Iterator[LocatedFault]:
    if variable.reporting is None:
        return
    if variable.role not in WATCHED:
        yield at, f"{name} is a {variable.role}; only an indicator or an outcome is reported on"
    elif isinstance(variable.reporting, Profile):
        yield from _check_profile(at, name, variable, variable.reporting)


def _check_profile(
    at: Path, name: str, variable: Variable, profile: Profile
) -> Iterator[LocatedFault]:
    yield from _unknown_states((*at, "reported"), name, profile.reported, variable)
    for state, stated in profile.reported.items():
        yield from stated.check((*at, "reported", state))
    if profile.false_alarms is not None:
        yield from profile.false_alarms.check((*at, "false_alarms"))
    if profile.delay is not None:
        yield from _check_lag((*at, "delay"), profile.delay)
    for index, blackout in enumerate(profile.blackouts):
        if blackout.stop < blackout.start:
            message = f"{blackout.stop} is before the first day, {blackout.start}"
            yield (*at, "blackouts", index, "to"), message


def _check_lag(at: Path, lag: Lag) -> Iterator[LocatedFault]:
    if len(lag.days) != len(lag.share):
        yield at, f"{len(lag.days)} days and {len(lag.share)} shares; each day has one share"
    if any(later <= earlier for earlier, later in pairwise(lag.days)):
        yield (*at, "days"), "should increase"
    if any(later < earlier for earlier, later in pairwise(lag.share)):
        yield (*at, "share"), "should not decrease: what is known stays known"
    if not all(share <= 1 for share in lag.share) or not any(lag.share):
        yield (*at, "share"), "shares lie between 0 and 1, and not all are 0"


def _unwatchable(at: Path, name: str, variables: Mapping[str, Variable]) -> Iterator[LocatedFault]:
    legal = [each for each, variable in variables.items() if variable.role in WATCHED]
    if name not in variables:
        yield at, f"{name!r} is not a variable; {nearest(name, legal)}"
    elif name not in legal:
        yield at, f"{name!r} is a {variables[name].role}; {nearest(name, legal)}"


def _unknown_states(
    at: Path, name: str, states: Mapping[str, object] | tuple[str, ...], variable: Variable
) -> Iterator[LocatedFault]:
    for index, state in enumerate(states):
        if state not in variable.states:
            place = state if isinstance(states, Mapping) else index
            legal = nearest(state, variable.states)
            yield (*at, place), f"{state!r} is not a state of {name}; {legal}"
