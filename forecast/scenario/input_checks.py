"""Rules that inputs keep: what is set rather than estimated, and what is planned for it.

Like those of `forecast.scenario.scenario_checks`, every function yields faults and stops at none.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from forecast.errors import nearest
from forecast.scenario.limits import LocatedFault
from forecast.scenario.scenario import Clock, PlannedState, Variable
from forecast.scenario.tree import Path

OF_INPUTS = {"default": "a default", "acts": "`acts`", "plan": "a plan", "clauses": "`clauses`"}


def check_input(at: Path, variable: Variable, clock: Clock | None) -> Iterator[LocatedFault]:
    """Yield what is wrong with how a variable is set, or with its being set at all."""
    if variable.role != "input":
        for field, what in OF_INPUTS.items():
            if getattr(variable, field):
                yield (*at, field), f"only an input has {what}"
        return
    if any((variable.table, variable.initial, variable.transition)):
        yield at, "an input is set, not estimated: it has a `default` and no table"
    if variable.default is None:
        yield at, "an input needs a `default` state"
    else:
        yield from _check_state((*at, "default"), variable.default, variable)
    for state in variable.clauses:
        yield from _check_state((*at, "clauses", state), state, variable)
    if clock is None:
        for field in ("acts", "plan"):
            if getattr(variable, field):
                yield (*at, field), "a static scenario (no `time`) has no steps ahead"
        return
    for index, planned in enumerate(variable.plan):
        yield from _check_state((*at, "plan", index, "state"), planned.state, variable)
        yield from _check_days((*at, "plan", index), planned, clock)
    yield from _check_overlaps((*at, "plan"), variable.plan, clock)


def _check_state(at: Path, state: str, variable: Variable) -> Iterator[LocatedFault]:
    if state not in variable.states:
        yield at, f"{state!r} is not a state; {nearest(state, variable.states)}"


def _check_days(at: Path, planned: PlannedState, clock: Clock) -> Iterator[LocatedFault]:
    start, end = planned.start, planned.end
    if start is not None and start < clock.start:
        yield (*at, "start"), f"{start} is before the scenario begins, {clock.start}"
    if end is not None and end < (start or clock.start):
        yield (*at, "end"), f"{end} is before its start, {start or clock.start}"


def _check_overlaps(
    at: Path, plan: tuple[PlannedState, ...], clock: Clock
) -> Iterator[LocatedFault]:
    """Yield days that are planned twice; what has neither start nor end is for all other days."""
    dated = [(k, each) for k, each in enumerate(plan) if each.start or each.end]
    for (_, one), (k, other) in combinations(dated, 2):
        if one.state != other.state and _meet(one, other, clock):
            message = (
                f"plans {other.state!r} for a step of which {one.state!r} is planned already; "
                f"a step has {clock.step} days and one state"
            )
            yield (*at, k), message


def _meet(one: PlannedState, other: PlannedState, clock: Clock) -> bool:
    """Whether two plans are about the same step."""
    starts = [(each.start - clock.start).days // clock.step for each in (one, other) if each.start]
    ends = [(each.end - clock.start).days // clock.step for each in (one, other) if each.end]
    return not starts or not ends or max(starts) <= min(ends)
