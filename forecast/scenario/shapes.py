"""Reading a scenario out of plain values, part by part, so that no fault hides another."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import TypeAdapter, ValidationError

from forecast.scenario.grammar import Grammar
from forecast.scenario.scenario import Clock, Name, Scenario, Variable
from forecast.scenario.statement_checks import Finding
from forecast.scenario.tree import Path
from forecast.scenario.wording import Fault, is_about_kind, word_fault


def read_scenario(
    document: dict[str, Any],
) -> tuple[Scenario | None, frozenset[str], list[Finding]]:
    """Read what can be read of a document.

    Parameters
    ----------
    document
        A scenario as plain dicts, tuples and scalars.

    Returns
    -------
    scenario
        The scenario, without the parts that could not be read; None if no variable could.
    unread
        Names of the variables that could not be read, or not in every part.
    found
        What has the wrong shape.
    """
    body = dict(document)
    variables, unread, found = _read_variables(body.get("variables"))
    if isinstance(body.get("variables"), dict) and body["variables"]:
        body["variables"] = variables or {"unreadable": _PLACEHOLDER}
    for _ in range(2):
        try:
            scenario = Scenario.model_validate(body)
        except ValidationError as error:
            problems = _shape_problems(error, document)
            found += problems
            body = _without_bad_parts(body, [path for path, _ in problems])
        else:
            return (scenario if variables else None), unread, found
    return None, unread, found


def _read_variables(given: Any) -> tuple[dict[str, Variable], frozenset[str], list[Finding]]:
    """Read each variable by itself, so that one bad one does not hide the faults of others."""
    variables: dict[str, Variable] = {}
    unread: set[str] = set()
    found: list[Finding] = []
    for name, body in given.items() if isinstance(given, dict) else ():
        at: Path = ("variables", name)
        _, faults = _validated(_NAME, name, given, (*at, "[key]"))
        variable, more = _validated(_VARIABLE, body, given, at)
        if more and isinstance(body, dict):
            bad = {path[2] for path, _ in more if len(path) > 2}
            kept = {key: value for key, value in body.items() if key not in bad}
            variable, _ = _validated(_VARIABLE, {"label": "-", **kept}, given, at)
        if faults or more:
            unread.add(str(name))
        if variable is not None and not faults:
            variables[name] = variable
        found += faults + more
    return variables, frozenset(unread), found


def _validated(
    adapter: TypeAdapter[Any], value: Any, variables: dict[str, Any], at: Path
) -> tuple[Any, list[Finding]]:
    try:
        return adapter.validate_python(value), []
    except ValidationError as error:
        return None, _shape_problems(error, {"variables": variables}, at)


_NAME: TypeAdapter[Any] = TypeAdapter(Name)
_VARIABLE: TypeAdapter[Any] = TypeAdapter(Variable)
_PLACEHOLDER = Variable(role="input", label="-", states=("a", "b"), default="a")
MOST_FAULTS = 200
"""Faults of shape that are put into words; for each, names are compared."""
_NAMED = ("tripwires", "sources", "channels", "watches")
"""Parts of which one entry may be left out without the others."""
_STAND_INS: dict[str, Any] = {
    "name": "unnamed",
    "version": "0",
    "title": "-",
    "question": "-",
    "variables": {"unreadable": _PLACEHOLDER},
    "time": Clock(start=date(2000, 1, 1), step=1, horizon=1),
}
"""What takes the place of parts that cannot be read, so that the others are still checked."""


def _without_bad_parts(body: dict[str, Any], paths: list[Path]) -> dict[str, Any]:
    """Take away or replace what has a wrong shape: one tripwire or source, or a whole part."""
    kept = {key: value for key, value in body.items() if isinstance(key, str)}
    for path in filter(None, paths):
        part = path[0]
        if part in _NAMED and len(path) > 1 and isinstance(kept.get(part), dict):
            kept[part] = {key: value for key, value in kept[part].items() if key != path[1]}
        elif part in _STAND_INS:
            kept[part] = _STAND_INS[part]
        else:
            kept.pop(str(part), None)
    return kept


def _shape_problems(
    error: ValidationError, document: dict[str, Any], prefix: Path = ()
) -> list[Finding]:
    """One finding for each fault: of the ways to state a value, only the likeliest is spoken of."""
    grammar = Grammar(document)
    certain: list[tuple[Path, Fault]] = []
    by_union: dict[Path, dict[Path, list[tuple[Path, Fault]]]] = {}
    faults = error.errors(include_url=False)
    for item in faults[:MOST_FAULTS]:
        fault: Fault = {**item, "loc": (*prefix, *item["loc"])}
        path, union, member = _follow(fault["loc"], grammar)
        if fault["type"].startswith("union_tag"):
            path = (*path, fault["ctx"]["discriminator"].strip("'"))
        if member and fault["type"] != "invalid_key":
            by_union.setdefault(union, {}).setdefault(member, []).append((path, fault))
        else:
            certain.append((path, fault))
    for union, members in by_union.items():
        certain += _likeliest(union, list(members.values()))
    paths = [path for path, _ in certain]
    found = [
        (path, word_fault(fault, path, grammar))
        for path, fault in certain
        if not (fault["type"] == "too_short" and any(_is_inside(other, path) for other in paths))
    ]
    if len(faults) > MOST_FAULTS:
        message = f"and {len(faults) - MOST_FAULTS:,} more faults, which are not looked into"
        found.append((prefix, message))
    return list(dict.fromkeys(found))


def _is_inside(path: Path, other: Path) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


def _likeliest(union: Path, members: list[list[tuple[Path, Fault]]]) -> list[tuple[Path, Fault]]:
    """Faults by the likeliest way to state a value: a way of the right kind, with fewest faults."""
    of_right_kind = [
        items
        for items in members
        if not all(path == union and is_about_kind(fault) for path, fault in items)
    ]
    return min(of_right_kind, key=len) if of_right_kind else members[0][:1]


def _follow(location: Path, grammar: Grammar) -> tuple[Path, Path, Path]:
    """Path of a fault in the document, its outermost union, and the member that was tried."""
    path: Path = ()
    union: Path = ()
    member: Path = ()
    may_be_tag = True
    for part in location:
        given = grammar.value_at(path)
        if may_be_tag and part in grammar.tags_at(path):
            may_be_tag = False
            continue
        is_entry = isinstance(given, dict) and part in given
        is_item = isinstance(given, tuple) and isinstance(part, int)
        if is_entry or is_item or part in grammar.names_at(path):
            path, may_be_tag = (*path, part), True
        elif part != "[key]" and not member:
            union, member = path, (part,)
    return path, union, member
