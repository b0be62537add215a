"""Rules a scenario must keep beyond the shape of its parts.

Every function yields findings, a path inside the scenario with a message; nothing stops at the
first one. `forecast.scenario.files` turns paths into line numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from graphlib import CycleError, TopologicalSorter
from itertools import product
from math import isclose

from forecast.errors import nearest
from forecast.scenario.scenario import (
    Hazards,
    NoisyMax,
    Role,
    Row,
    Rows,
    Scenario,
    Table,
    Variable,
    conditions,
    parents_of,
    parse_parent,
    spell_parent,
    states_meant,
)
from forecast.timeline import MAX_STEPS

Path = tuple[str | int, ...]
Finding = tuple[Path, str]
Variables = Mapping[str, Variable]

ROW_SUM_TOLERANCE = 1e-9
OBSERVABLE: tuple[Role, ...] = ("indicator", "outcome", "input")
"""Roles of variables that reports can name."""


def find_problems(scenario: Scenario, unread: frozenset[str] = frozenset()) -> Iterator[Finding]:
    """Yield every broken rule of a scenario.

    Parameters
    ----------
    scenario
        The scenario, or the part of it that could be read.
    unread
        Names of variables whose own description could not be read; mentioning them is no fault.
    """
    variables = scenario.variables
    yield from _check_clock(scenario)
    unresolved = False
    for name, variable in variables.items():
        at: Path = ("variables", name)
        yield from _check_variable(at, variable)
        yield from _check_courses(at, variable)
        for slot in ("table", "initial", "transition"):
            table = getattr(variable, slot)
            if table is None:
                continue
            bad = list(_check_conditions((*at, slot), table, variables, unread))
            yield from bad
            unresolved = unresolved or bool(bad)
            yield from _check_lags(
                (*at, slot), table, name, slot, dynamic=scenario.time is not None
            )
            if not bad and not _mentions(table, unread):
                yield from _check_table((*at, slot), table, name, variables)
    yield from _check_references(scenario, unread)
    if not unread and not unresolved:
        cycles = list(_check_cycles(variables))
        yield from cycles
        if not cycles:
            yield from _check_observability(variables)


def step_order(variables: Variables, *, first: bool) -> tuple[str, ...]:
    """Order the variables of one step so that parents come before children.

    Raises
    ------
    graphlib.CycleError
        If same-step parents form a cycle.
    """
    graph: dict[str, list[str]] = {}
    for name, variable in variables.items():
        table = variable.first_table if first else variable.later_table
        found = () if table is None else parents_of(table, name)
        graph[name] = [parent for parent, lag in found if lag == 0 and parent in variables]
    return tuple(TopologicalSorter(graph).static_order())


def _check_clock(scenario: Scenario) -> Iterator[Finding]:
    clock = scenario.time
    if clock is None:
        return
    if clock.horizon < clock.step:
        yield ("time", "horizon"), f"{clock.horizon} days; at least one step of {clock.step} days"
    elif clock.horizon > MAX_STEPS * clock.step:
        steps = clock.horizon // clock.step
        yield ("time", "horizon"), f"{steps:,} steps; at most {MAX_STEPS:,} are forecast"
    elif clock.start.toordinal() + 2 * MAX_STEPS * clock.step > date.max.toordinal():
        yield ("time", "start"), f"{MAX_STEPS:,} steps from {clock.start} pass the year 9999"


def _check_variable(at: Path, variable: Variable) -> Iterator[Finding]:
    if len(set(variable.states)) < len(variable.states):
        yield (*at, "states"), "a state is named twice; states are exclusive and differ in name"
    tables = {
        slot for slot in ("table", "initial", "transition") if getattr(variable, slot) is not None
    }
    if variable.role == "input":
        if tables:
            yield at, "an input is set, not estimated: it has a `default` and no table"
        if variable.default is None:
            yield at, "an input needs a `default` state"
        elif variable.default not in variable.states:
            legal = nearest(variable.default, variable.states)
            yield (*at, "default"), f"{variable.default!r} is not a state; {legal}"
    else:
        if tables not in ({"table"}, {"initial", "transition"}):
            given = ", ".join(sorted(tables)) or "nothing"
            needed = "`table`, or `initial` and `transition`"
            yield at, f"a missing table: needs {needed}; given: {given}"
        if variable.default is not None:
            yield (*at, "default"), "only an input has a default"


def _check_courses(at: Path, variable: Variable) -> Iterator[Finding]:
    if variable.role == "course_of_action" and not variable.courses:
        yield at, "a course of action needs `courses`: which of its states are courses, how severe"
    if variable.role != "course_of_action" and variable.courses:
        yield (*at, "courses"), f"only a course_of_action has courses; this is a {variable.role}"
    for state in variable.courses:
        if state not in variable.states:
            yield (
                (*at, "courses", state),
                f"{state!r} is not a state; {nearest(state, variable.states)}",
            )
    if variable.role != "indicator" and variable.speaks_to:
        yield (*at, "speaks_to"), f"only an indicator speaks to a course; this is a {variable.role}"


def _check_conditions(
    at: Path, table: Table, variables: Variables, unread: frozenset[str]
) -> Iterator[Finding]:
    for where, when in conditions(table):
        for reference, value in when.items():
            name, _ = parse_parent(reference)
            if name not in variables:
                if name not in unread:
                    yield (
                        (*at, *where, reference),
                        f"{name!r} is not a variable; {nearest(name, variables)}",
                    )
                continue
            for state in states_meant(value):
                legal = variables[name].states
                if state not in legal:
                    yield (
                        (*at, *where, reference),
                        f"{state!r} is not a state of {name}; {nearest(state, legal)}",
                    )


def _check_lags(
    at: Path, table: Table, name: str, slot: str, *, dynamic: bool
) -> Iterator[Finding]:
    lagged = [parent for parent, lag in parents_of(table, name) if lag]
    if slot == "transition" and not dynamic:
        yield at, "a static scenario (no `time`) has no transitions"
    elif slot != "transition" and lagged:
        if isinstance(table, Hazards) and any(move.source is not None for move in table.moves):
            yield at, "moves with `from` belong in a `transition`; give an `initial` table too"
        else:
            yield (
                at,
                (
                    f"{spell_parent(lagged[0], 1)} does not exist at the first step; "
                    "give `initial` and `transition` tables"
                ),
            )
    if any(parent == name and lag == 0 for parent, lag in parents_of(table, name)):
        yield at, f"{name} cannot be its own parent; for its earlier state write previous {name}"


def _mentions(table: Table, names: frozenset[str]) -> bool:
    return any(parse_parent(ref)[0] in names for _, when in conditions(table) for ref in when)


def _check_table(at: Path, table: Table, name: str, variables: Variables) -> Iterator[Finding]:
    states = variables[name].states
    if isinstance(table, Rows):
        for index, row in enumerate(table.rows):
            yield from _check_row((*at, "rows", index), row, states)
        yield from _check_coverage(at, table, name, variables)
    elif isinstance(table, NoisyMax):
        yield from _check_causes(at, table, states)
    else:
        yield from _check_hazards(at, table, states, variables)


def _check_row(at: Path, row: Row, states: tuple[str, ...]) -> Iterator[Finding]:
    stated = {
        key: value
        for key in ("chance", "concentration", "exactly")
        if (value := getattr(row, key)) is not None
    }
    if len(stated) != 1:
        given = ", ".join(stated) or "none"
        yield at, f"a row has one of chance, concentration and exactly; given: {given}"
        return
    [(kind, cells)] = stated.items()
    for state in cells:
        if state not in states:
            yield (*at, kind, state), f"{state!r} is not a state; {nearest(state, states)}"
    if not set(cells) <= set(states):
        return
    if kind == "chance":
        yield from _check_intervals((*at, kind), row, states)
    elif kind == "concentration":
        if set(cells) != set(states) or min(row.concentration.values()) <= 0:  # type: ignore[union-attr]
            yield (*at, kind), "a concentration is above 0 for every state"
    elif not isclose(sum(row.exactly.values()), 1, abs_tol=ROW_SUM_TOLERANCE):  # type: ignore[union-attr]
        yield (*at, kind), f"the row sums to {sum(row.exactly.values()):.12g}, not to 1"  # type: ignore[union-attr]


def _check_intervals(at: Path, row: Row, states: tuple[str, ...]) -> Iterator[Finding]:
    intervals = row.chance or {}
    for state, interval in intervals.items():
        if not interval.lower < interval.upper <= 1:
            yield (
                (*at, state),
                f"[{interval.lower:g}, {interval.upper:g}]: a chance has 0 <= lower < upper <= 1",
            )
            return
    if len(states) == 2 and len(intervals) == 1:
        return
    missing = [state for state in states if state not in intervals]
    if missing:
        yield at, f"no interval for {', '.join(missing)}"
        return
    low = sum(interval.lower for interval in intervals.values())
    high = sum(interval.upper for interval in intervals.values())
    if low > 1 or high < 1:
        yield (
            at,
            f"the row cannot sum to one: lower ends sum to {low:.3g}, upper ends to {high:.3g}",
        )


def _check_coverage(at: Path, table: Rows, name: str, variables: Variables) -> Iterator[Finding]:
    parents = parents_of(table, name)
    legal = [variables[parent].states for parent, _ in parents]
    seen: dict[tuple[str, ...], int] = {}
    for index, row in enumerate(table.rows):
        when = {parse_parent(reference): value for reference, value in row.when.items()}
        absent = [parent for parent in parents if parent not in when]
        if absent:
            yield (
                (*at, "rows", index),
                f"the row does not say when {spell_parent(*absent[0])} is what",
            )
            return
        for config in product(*(states_meant(when[parent]) for parent in parents)):
            if config in seen:
                yield (
                    (*at, "rows", index),
                    f"the row repeats row {seen[config] + 1} for {_say(parents, config)}",
                )
            seen.setdefault(config, index)
    missing = [config for config in product(*legal) if config not in seen]
    for config in missing[:5]:
        yield (*at, "rows"), f"no row for {_say(parents, config)}"
    if len(missing) > 5:
        yield (*at, "rows"), f"and no row for {len(missing) - 5} more configurations"


def _check_causes(at: Path, table: NoisyMax, states: tuple[str, ...]) -> Iterator[Finding]:
    if table.leak.when:
        yield (*at, "leak", "when"), "the leak acts always: it has no `when`"
    yield from _check_row((*at, "leak"), table.leak, states)
    seen: set[tuple[str, str]] = set()
    for index, cause in enumerate(table.causes):
        where = (*at, "causes", index)
        yield from _check_row(where, cause, states)
        if len(cause.when) != 1:
            yield where, f"a cause names one parent in `when`; given: {len(cause.when)}"
            continue
        [(reference, value)] = cause.when.items()
        for state in states_meant(value):
            if (reference, state) in seen:
                yield where, f"{reference}={state} is already a cause"
            seen.add((reference, state))


def _check_hazards(
    at: Path, table: Hazards, states: tuple[str, ...], variables: Variables
) -> Iterator[Finding]:
    has_memory = any(move.source is not None for move in table.moves)
    seen: dict[tuple[str, str, tuple[tuple[str, str], ...]], int] = {}
    for index, move in enumerate(table.moves):
        where = (*at, "moves", index)
        for key, state in (("from", move.source), ("to", move.target)):
            if state is not None and state not in states:
                yield (*where, key), f"{state!r} is not a state; {nearest(state, states)}"
        if has_memory and move.source is None:
            yield where, "every move needs `from`, because other moves have it"
        source = move.source if has_memory else states[0]
        if source == move.target:
            yield where, f"a move leads from {source} to itself"
        interval = move.chance
        if not 0 <= interval.lower < interval.upper < 1:
            yield (
                (*where, "chance"),
                f"[{interval.lower:g}, {interval.upper:g}]: a hazard's chance has "
                "0 <= lower < upper < 1",
            )
        for covered in _overlaps(table, index, str(source), variables):
            if covered in seen:
                yield where, f"the move repeats move {seen[covered] + 1} for the same configuration"
                break
            seen[covered] = index
    for index, multiplier in enumerate(table.multipliers):
        where = (*at, "multipliers", index)
        for key, state in (("from", multiplier.source), ("to", multiplier.target)):
            if state is not None and state not in states:
                yield (*where, key), f"{state!r} is not a state; {nearest(state, states)}"
        if not 0 < multiplier.times.lower < multiplier.times.upper:
            yield (*where, "times"), "a multiplier has 0 < lower < upper"


def _overlaps(
    table: Hazards, index: int, source: str, variables: Variables
) -> Iterator[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """Configurations of all gating parents that one move covers."""
    gates = sorted({reference for move in table.moves for reference in move.when})
    move = table.moves[index]
    options = [
        states_meant(move.when[gate])
        if gate in move.when
        else variables[parse_parent(gate)[0]].states
        for gate in gates
    ]
    for config in product(*options):
        yield source, move.target, tuple(zip(gates, config, strict=True))


def _check_references(scenario: Scenario, unread: frozenset[str]) -> Iterator[Finding]:
    variables = scenario.variables
    courses = {f"{name}={state}" for name, state in scenario.courses}
    for name, variable in variables.items():
        for index, claim in enumerate(variable.speaks_to):
            if claim.course not in courses and claim.course.split("=")[0] not in unread:
                yield (
                    ("variables", name, "speaks_to", index, "course"),
                    f"{claim.course!r} is not a course of action; {nearest(claim.course, courses)}",
                )
    for key, tripwire in scenario.tripwires.items():
        for index, levels in enumerate(tripwire.any):
            for name, state in levels.items():
                where: Path = ("tripwires", key, "any", index, name)
                if name in unread:
                    continue
                if name not in variables:
                    yield where, f"{name!r} is not a variable; {nearest(name, variables)}"
                elif variables[name].role not in OBSERVABLE:
                    role = variables[name].role
                    yield where, f"{name!r} is a {role}, which nobody can report on directly"
                elif state not in variables[name].states:
                    legal = variables[name].states
                    yield where, f"{state!r} is not a state of {name}; {nearest(state, legal)}"


def _check_cycles(variables: Variables) -> Iterator[Finding]:
    reported: set[frozenset[str]] = set()
    for first in (True, False):
        try:
            step_order(variables, first=first)
        except CycleError as error:
            cycle: list[str] = error.args[1]
            if frozenset(cycle) not in reported:
                reported.add(frozenset(cycle))
                yield (
                    ("variables", cycle[0]),
                    f"cyclic parents within a step: {' → '.join(cycle)}",
                )


def _check_observability(variables: Variables) -> Iterator[Finding]:
    ancestry = {name: _ancestors(variables, name) for name in variables}
    indicators = [name for name, variable in variables.items() if variable.role == "indicator"]
    for name, variable in variables.items():
        if variable.role != "course_of_action":
            continue
        if not any(ancestry[name] & ancestry[indicator] for indicator in indicators):
            yield ("variables", name), "no indicator can move this course of action"


def _ancestors(variables: Variables, name: str) -> set[str]:
    """A variable and all that it depends on, at any step; inputs are known and connect nothing."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current in found or variables[current].role == "input":
            continue
        found.add(current)
        for table in (variables[current].first_table, variables[current].later_table):
            if table is not None:
                waiting += [parent for parent, _ in parents_of(table, current)]
    return found


def _say(parents: tuple[tuple[str, int], ...], config: tuple[str, ...]) -> str:
    pairs = zip(parents, config, strict=True)
    return (
        ", ".join(f"{spell_parent(*parent)}={state}" for parent, state in pairs) or "the only row"
    )
