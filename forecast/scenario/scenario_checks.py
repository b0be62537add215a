"""Rules a scenario must keep beyond the shape of its parts.

Every function yields faults, a path inside the scenario with a message; nothing stops at the
first one. `forecast.scenario.scenario_files` turns paths into line numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from graphlib import CycleError, TopologicalSorter
from itertools import chain

from forecast.errors import Problem, nearest, raise_if_any
from forecast.scenario.collection_checks import check_collection
from forecast.scenario.forms import Hazards, Row, TableForm, UnderSharedEffect
from forecast.scenario.input_checks import check_input
from forecast.scenario.limits import LocatedFault
from forecast.scenario.measured import check_measured
from forecast.scenario.probability_statements import count_faults
from forecast.scenario.scenario import (
    BaseRate,
    Clock,
    Expectation,
    Occurrence,
    Scenario,
    Variable,
)
from forecast.scenario.table_checks import (
    check_table,
    find_unknown,
    mentions,
)
from forecast.scenario.tree import Path, spell_path
from forecast.scenario.warning_checks import check_warning
from forecast.timeline import MAX_STEPS
from forecast.wording import earlier

Variables = Mapping[str, Variable]


def require_no_problems(scenario: Scenario) -> None:
    """Raise if a scenario breaks a rule; one that was read from a file breaks none.

    Raises
    ------
    InputError
        With every broken rule.
    """
    raise_if_any([Problem(spell_path(path), message) for path, message in find_problems(scenario)])


def find_problems(
    scenario: Scenario, unread: frozenset[str] = frozenset()
) -> Iterator[LocatedFault]:
    """Yield every broken rule of a scenario.

    Parameters
    ----------
    scenario
        The scenario, or the part of it that could be read.
    unread
        Names of variables whose own description could not be read, or not in every part; that
        something of theirs is missing is no fault.
    """
    variables = scenario.variables
    yield from _check_clock(scenario)
    unresolved = False
    for name, variable in variables.items():
        at: Path = ("variables", name)
        own = (_check_variable, _check_courses, _check_assumption, _check_measured)
        found = (*(rule(at, variable) for rule in own), check_input(at, variable, scenario.time))
        for path, message in chain.from_iterable(found):
            if path != at or name not in unread:
                yield path, message
        yield from _check_kind(at, variable, dynamic=scenario.time is not None)
        for slot in ("table", "initial", "transition"):
            table = getattr(variable, slot)
            if table is None:
                continue
            where = (*at, slot)
            unknown = list(find_unknown(where, table, variables, unread))
            yield from unknown
            unresolved = unresolved or bool(unknown)
            yield from _check_lags(where, table, name, slot, dynamic=scenario.time is not None)
            yield from _check_within(where, table, name, scenario)
            resolved = not unknown and not mentions(table, unread)
            yield from check_table(where, table, name, variables, resolved=resolved)
    yield from _check_references(scenario, unread)
    yield from _check_independence(scenario, unread)
    yield from check_warning(scenario, unread)
    yield from check_collection(scenario, unread)
    for index, expectation in enumerate(scenario.expectations):
        if expectation.variable not in unread:
            yield from _check_occurrence(("expectations", index), expectation, scenario)
            yield from _check_interval(("expectations", index), expectation)
    for index, rate in enumerate(scenario.base_rates):
        if rate.variable not in unread:
            yield from _check_occurrence(("base_rates", index), rate, scenario)
            yield from _check_count(("base_rates", index), rate, scenario)
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
        found = () if table is None else table.parents(name)
        graph[name] = [parent for parent, lag in found if lag == 0 and parent in variables]
    return tuple(TopologicalSorter(graph).static_order())


def _check_clock(scenario: Scenario) -> Iterator[LocatedFault]:
    clock = scenario.time
    if clock is None:
        return
    yield from _check_reach(clock)
    target, as_of = clock.target, scenario.as_of
    if target is not None and clock.horizon is None and as_of is not None and as_of >= target:
        yield (
            ("as_of",),
            f"{as_of} is not before the target, {target}; "
            "a `horizon` beside the target says how far to look from then on",
        )
    if clock.start.toordinal() + 2 * MAX_STEPS * clock.step > date.max.toordinal():
        yield ("time", "start"), f"{MAX_STEPS:,} steps from {clock.start} pass the year 9999"


def _check_reach(clock: Clock) -> Iterator[LocatedFault]:
    """Yield what is wrong with how far a forecast looks."""
    horizon, target = clock.horizon, clock.target
    if horizon is None and target is None:
        yield ("time",), "needs a `horizon` (days ahead), a `target` (a day) or both"
    if horizon is not None:
        if horizon < clock.step:
            yield ("time", "horizon"), f"{horizon} days; at least one step of {clock.step} days"
        elif horizon > MAX_STEPS * clock.step:
            steps = horizon // clock.step
            yield ("time", "horizon"), f"{steps:,} steps; at most {MAX_STEPS:,} are forecast"
    if target is not None:
        steps = (target - clock.start).days // clock.step
        if target <= clock.start:
            yield ("time", "target"), f"{target} is not after the start, {clock.start}"
        elif steps > MAX_STEPS:
            message = f"{target} is {steps:,} steps after the start; at most {MAX_STEPS:,}"
            yield ("time", "target"), message


def _check_variable(at: Path, variable: Variable) -> Iterator[LocatedFault]:
    if len(set(variable.states)) < len(variable.states):
        yield (*at, "states"), "a state is named twice; states are exclusive and differ in name"
    tables = {
        slot for slot in ("table", "initial", "transition") if getattr(variable, slot) is not None
    }
    if variable.role != "input" and tables not in ({"table"}, {"initial", "transition"}):
        given = ", ".join(sorted(tables)) or "nothing"
        needed = "`table`, or `initial` and `transition`"
        yield at, f"the tables should be {needed}; given: {given}"


def _check_courses(at: Path, variable: Variable) -> Iterator[LocatedFault]:
    if variable.role == "course_of_action" and not variable.courses:
        yield at, "a course of action needs `courses`: which of its states are courses, how severe"
    if variable.role != "course_of_action" and variable.courses:
        yield (
            (*at, "courses"),
            f"only a course_of_action has courses; the role here is {variable.role}",
        )
    for state in variable.courses:
        if state not in variable.states:
            yield (
                (*at, "courses", state),
                f"{state!r} is not a state; {nearest(state, variable.states)}",
            )
    if variable.role != "indicator" and variable.speaks_to:
        yield (
            (*at, "speaks_to"),
            f"only an indicator speaks to a course; the role here is {variable.role}",
        )


def _check_assumption(at: Path, variable: Variable) -> Iterator[LocatedFault]:
    where, state = (*at, "assumption"), variable.assumption
    if state is None:
        return
    if variable.role in ("indicator", "input"):
        yield where, f"only what is hidden can be assumed; this is an {variable.role}"
    elif state not in variable.states:
        yield where, f"{state!r} is not a state; {nearest(state, variable.states)}"


def _check_kind(at: Path, variable: Variable, *, dynamic: bool) -> Iterator[LocatedFault]:
    kind = variable.kind
    if kind is not None and variable.role not in ("indicator", "outcome"):
        yield (*at, "kind"), f"only an indicator or an outcome has a kind; this is {variable.role}"
    elif kind in ("standing", "announcement") and variable.transition is not None:
        message = f"what is {kind} has one `table`; that it lasts is no transition of its own"
        yield (*at, "kind"), message
    if variable.dwell is None:
        return
    if kind != "standing":
        yield (*at, "dwell"), "only what is standing has a dwell time; say `kind: standing`"
    elif not dynamic:
        yield (*at, "dwell"), "a static scenario (no `time`) has no days"
    yield from variable.dwell.between.check((*at, "dwell", "between"))


def _check_occurrence(at: Path, stated: Occurrence, scenario: Scenario) -> Iterator[LocatedFault]:
    variables = scenario.variables
    name, state, within = stated.variable, stated.state, stated.within
    if name not in variables:
        yield (*at, "variable"), f"{name!r} is not a variable; {nearest(name, variables)}"
    elif variables[name].role == "input":
        yield (*at, "variable"), f"{name!r} is an input, which is set and not estimated"
    elif state not in variables[name].states:
        legal = nearest(state, variables[name].states)
        yield (*at, "state"), f"{state!r} is not a state of {name}; {legal}"
    if scenario.time is None:
        if within is not None:
            yield (*at, "within"), "a static scenario (no `time`) has no days"
    elif within is None:
        yield at, f"'within' is missing: days from the start, up to {scenario.time.reach}"
    elif within > scenario.time.reach:
        yield (*at, "within"), f"{within} days; the horizon is {scenario.time.reach} days"


def _check_interval(at: Path, expectation: Expectation) -> Iterator[LocatedFault]:
    probability = expectation.probability
    if not probability.lower < probability.upper <= 1:
        yield (
            (*at, "probability"),
            f"[{probability.lower:g}, {probability.upper:g}]: a probability has "
            "0 <= lower < upper <= 1",
        )


def _check_count(at: Path, rate: BaseRate, scenario: Scenario) -> Iterator[LocatedFault]:
    if scenario.time is None:
        yield at, "a static scenario (no `time`) has no days in which something could be counted"
    for message in count_faults(rate.count, rate.days):
        yield at, message


def _check_lags(
    at: Path, table: TableForm, name: str, slot: str, *, dynamic: bool
) -> Iterator[LocatedFault]:
    lagged = [parent for parent in table.parents(name) if parent[1]]
    if isinstance(table.stated, Hazards) and not dynamic:
        yield at, "a static scenario (no `time`) has no hazards"
    elif slot == "transition" and not dynamic:
        yield at, "a static scenario (no `time`) has no transitions"
    elif slot != "transition" and lagged:
        if isinstance(table, Hazards) and table.has_memory:
            yield at, "moves with `from` belong in a `transition`; give an `initial` table too"
        else:
            yield (
                at,
                (
                    f"{earlier(*lagged[0])} does not exist at the first step; "
                    "give `initial` and `transition` tables"
                ),
            )
    if any(parent == name and lag == 0 for parent, lag in table.parents(name)):
        yield at, f"{name} cannot be its own parent; for its earlier state write previous {name}"


def _check_within(
    at: Path, table: TableForm, name: str, scenario: Scenario
) -> Iterator[LocatedFault]:
    """Yield rows about several days where a step is not drawn without regard to the last one."""
    for path, row in table.entries():
        where = (*at, *path, "within")
        if not isinstance(row, Row) or row.within is None:
            continue
        if scenario.time is None:
            yield where, "a static scenario (no `time`) has no days"
        elif scenario.variables[name].kind == "standing":
            yield where, "what is standing is not drawn anew in every step; state the row of one"
        elif name in dict(table.parents(name)):
            yield where, f"{name} depends on its own past; state the row of one step"


def _check_measured(at: Path, variable: Variable) -> Iterator[LocatedFault]:
    if variable.measured is None:
        return
    where = (*at, "measured")
    if variable.role not in ("indicator", "outcome"):
        message = f"only an indicator or an outcome is measured; the role here is {variable.role}"
        yield where, message
    yield from check_measured(where, variable.measured, variable.states)


def _check_references(scenario: Scenario, unread: frozenset[str]) -> Iterator[LocatedFault]:
    variables = scenario.variables
    courses = {f"{name}={state}" for name, state in scenario.courses}
    for name, variable in variables.items():
        for index, claim in enumerate(variable.speaks_to):
            if claim.course not in courses and claim.course.split("=")[0] not in unread:
                yield (
                    ("variables", name, "speaks_to", index, "course"),
                    f"{claim.course!r} is not a course of action; {nearest(claim.course, courses)}",
                )


def _check_independence(scenario: Scenario, unread: frozenset[str]) -> Iterator[LocatedFault]:
    """Yield names that are no indicators, come twice, or are said to share an effect as well."""
    first: dict[str, int] = {}
    for index, stated in enumerate(scenario.independent):
        for number, name in enumerate(stated.indicators):
            where: Path = ("independent", index, "indicators", number)
            if name in first:
                yield where, f"{name} is named already in independent.{first[name]}"
            elif name not in unread:
                yield from ((where, message) for message in _not_independent(scenario, name))
            first.setdefault(name, index)


def _not_independent(scenario: Scenario, name: str) -> Iterator[str]:
    legal = scenario.with_role("indicator")
    if name not in scenario.variables:
        yield f"{name!r} is not a variable; {nearest(name, legal)}"
    elif name not in legal:
        role = scenario.variables[name].role
        yield f"{name!r} is no indicator: its role is {role}; {nearest(name, legal)}"
    else:
        tables = (legal[name].first_table, legal[name].later_table)
        shared = {table.effect for table in tables if isinstance(table, UnderSharedEffect)}
        for effect in sorted(shared):
            yield f"{name} shares the effect {effect}; say one or the other"


def _check_cycles(variables: Variables) -> Iterator[LocatedFault]:
    reported: set[frozenset[str]] = set()
    for first in (True, False):
        try:
            step_order(variables, first=first)
        except CycleError as error:
            cycle: list[str] = error.args[1]
            if len(set(cycle)) > 1 and frozenset(cycle) not in reported:
                reported.add(frozenset(cycle))
                yield (
                    ("variables", cycle[0]),
                    f"cyclic parents within a step: {' → '.join(cycle)}",
                )


def _check_observability(variables: Variables) -> Iterator[LocatedFault]:
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
                waiting += [parent for parent, _ in table.parents(current)]
    return found
