"""Indicators of one cause: which count as independent, and what they share where nothing is said.

Eleven indicators of one cause are not eleven independent witnesses unless somebody says so. Where
a scenario says nothing of three or more, what is computed with has a shared effect of them: an
ordinary variable, whose share of steps is ours.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from forecast.estimate import Estimate, interval
from forecast.reading import shipped_folder
from forecast.scenario.forms import SharedEffect, TableForm, UnderSharedEffect, parse_parent
from forecast.scenario.scenario import Scenario, Variable
from forecast.scenario.scenario_checks import require_no_problems

FEW = 3
"""Indicators of the same causes from which on it matters whether they show together."""
SLOTS = ("table", "initial", "transition")
MOST_LETTERS = 56
"""Letters of an effect's name before its number; with it, a name may have 60."""


@dataclass(frozen=True, slots=True)
class IndicatorGroup:
    """Indicators that are drawn anew in every step, of the same hidden causes.

    Attributes
    ----------
    causes
        Their parents but for inputs, in alphabetical order.
    indicators
        In the order of the scenario.
    """

    causes: tuple[str, ...]
    indicators: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DefaultEffect:
    """What is taken of indicators where a scenario does not say how they hang together.

    Attributes
    ----------
    states
        States of the effect.
    table
        Its table, with the share of steps and its basis.
    """

    states: tuple[str, ...]
    table: SharedEffect


@lru_cache(maxsize=1)
def default_effect() -> DefaultEffect:
    """Shipped default of how indicators of one cause hang together.

    Examples
    --------
    >>> default_effect().states[:3]
    ('apart', 'together_1', 'together_2')
    """
    path = shipped_folder() / "indicators" / "defaults.toml"
    found = tomllib.loads(path.read_text(encoding="utf-8"))["shared_effect"]
    parts = (f"together_{k + 1}" for k in range(found["parts"]))
    table = SharedEffect.model_validate({"share": found["share"], "basis": found["basis"]})
    return DefaultEffect(("apart", *parts), table)


def unstated_groups(scenario: Scenario) -> tuple[IndicatorGroup, ...]:
    """Find three or more indicators of the same causes of which a scenario says nothing.

    It says something of an indicator whose table is under a shared effect, or that it names as
    `independent`. What lasts from step to step is left out, because a second report of it says
    little as it is. Indicators that speak against each other, one for a course and the other
    against it or for one that excludes it, are in different groups.

    Parameters
    ----------
    scenario
        A scenario that breaks no rule.
    """
    independent = {name for stated in scenario.independent for name in stated.indicators}
    by_causes: dict[tuple[str, ...], list[str]] = {}
    for name, variable in scenario.with_role("indicator").items():
        causes = _causes(scenario, name, variable)
        stated = name in independent or any(_is_effect(scenario, cause) for cause in causes)
        if causes and not stated and _is_drawn_anew(scenario, name, variable):
            by_causes.setdefault(causes, []).append(name)
    return tuple(
        IndicatorGroup(causes, tuple(part))
        for causes, names in by_causes.items()
        for part in _of_one_mind(scenario, names)
        if len(part) >= FEW
    )


@lru_cache(maxsize=64)
def with_default_effects(scenario: Scenario) -> Scenario:
    """A scenario as it is computed with: what it does not say of indicators of one cause is added.

    The indicators of each group keep their tables, under an effect that they share. A scenario
    that says everything is returned as it is.

    Parameters
    ----------
    scenario
        The scenario as its author wrote it, or what this function made of it.

    Raises
    ------
    InputError
        If the scenario breaks a rule; one that was read from a file breaks none.
    """
    require_no_problems(scenario)
    groups = unstated_groups(scenario)
    if not groups:
        return scenario
    variables = dict(scenario.variables)
    for group in groups:
        effect = _free_name(group.causes, variables)
        variables |= {name: _under(effect, variables[name]) for name in group.indicators}
        variables[effect] = _effect_of(group, scenario)
    return scenario.model_copy(update={"variables": variables})


def shared_effects(scenario: Scenario) -> dict[str, IndicatorGroup]:
    """Effects that indicators share, ours among them, each with those that are under it.

    Parameters
    ----------
    scenario
        A scenario as it is computed with.
    """
    return {
        name: _group_under(name, scenario)
        for name in scenario.variables
        if _is_effect(scenario, name)
    }


def default_effects(scenario: Scenario) -> dict[str, IndicatorGroup]:
    """Those that were added because the scenario says nothing; the others were stated.

    Parameters
    ----------
    scenario
        A scenario as it is computed with.
    """
    ours = default_effect().table
    found = shared_effects(scenario)
    return {name: found[name] for name in found if scenario.variables[name].table == ours}


def share_text(effect: SharedEffect, scenario: Scenario) -> str:
    """In what share of steps, or of cases if there are none, indicators show together."""
    lower, upper, *_ = effect.share.interval()
    of_what = "cases" if scenario.time is None else "steps"
    return f"{interval(Estimate(lower, lower, upper))} of {of_what}"


def _is_drawn_anew(scenario: Scenario, name: str, variable: Variable) -> bool:
    """Whether what an indicator shows in a step is drawn without regard to what it showed."""
    if scenario.time is None:
        return True
    lasts = variable.kind in ("standing", "announcement")
    parents = (parent for table in _tables(variable) for parent, _ in table.parents(name))
    return not lasts and name not in parents


def _is_effect(scenario: Scenario, name: str) -> bool:
    return isinstance(scenario.variables[name].table, SharedEffect)


def _causes(scenario: Scenario, name: str, variable: Variable) -> tuple[str, ...]:
    """Parents but for inputs, in alphabetical order."""
    found = {parent for table in _tables(variable) for parent, _ in table.parents(name)}
    return tuple(sorted(found - set(scenario.with_role("input"))))


def _of_one_mind(scenario: Scenario, names: Iterable[str]) -> list[list[str]]:
    """Part indicators so that none of a part speaks against another: each goes where it first can.

    Of those one is no copy of the other; that the one shows and the other does not would tell more
    if they were taken to show together.
    """
    parts: list[list[str]] = []
    for name in names:
        fitting = (
            part for part in parts if not any(_contradict(scenario, name, one) for one in part)
        )
        part = next(fitting, None)
        if part is None:
            parts.append([name])
        else:
            part.append(name)
    return parts


def _contradict(scenario: Scenario, name: str, other: str) -> bool:
    """Whether an indicator speaks for a course that another denies, or for others that exclude it.

    Courses that are states of one variable exclude one another.
    """
    one, two = (
        {claim.course: claim.sign for claim in scenario.variables[each].speaks_to}
        for each in (name, other)
    )
    shared = one.keys() & two.keys()
    if any(one[course] != two[course] for course in shared):
        return True
    of_one, of_two = (
        {course.split("=")[0] for course, sign in claims.items() if sign == "+"}
        for claims in (one, two)
    )
    agreed = {course.split("=")[0] for course in shared if one[course] == "+"}
    return bool(of_one & of_two - agreed)


def _tables(variable: Variable) -> Iterator[TableForm]:
    return (table for slot in SLOTS if (table := getattr(variable, slot)) is not None)


def _free_name(causes: Iterable[str], taken: Collection[str]) -> str:
    """A name for the effect that indicators of some causes share, which no variable has."""
    stem = f"shared_effect_of_{'_and_'.join(causes)}"[:MOST_LETTERS]
    names = (stem, *(f"{stem}_{k}" for k in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _under(effect: str, variable: Variable) -> Variable:
    """A variable whose tables are under an effect."""
    tables = {
        slot: UnderSharedEffect(effect=effect, table=table)
        for slot in SLOTS
        if (table := getattr(variable, slot)) is not None
    }
    return variable.model_copy(update=tables)


def _effect_of(group: IndicatorGroup, scenario: Scenario) -> Variable:
    causes = " and ".join(scenario.variables[name].label for name in group.causes)
    usual = default_effect()
    return Variable(
        role="factor",
        label=f"Whether indicators of {causes} show together",
        about="Taken because the scenario does not say how they hang together.",
        states=usual.states,
        table=usual.table,
    )


def _group_under(effect: str, scenario: Scenario) -> IndicatorGroup:
    """The indicators whose tables are under an effect, and their other causes."""
    under = {
        name: set(_causes(scenario, name, variable)) - {effect}
        for name, variable in scenario.with_role("indicator").items()
        if any(
            isinstance(table, UnderSharedEffect) and parse_parent(table.effect)[0] == effect
            for table in _tables(variable)
        )
    }
    return IndicatorGroup(tuple(sorted(set().union(*under.values()))), tuple(under))
