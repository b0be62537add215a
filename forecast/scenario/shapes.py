"""Reading a scenario out of plain values, part by part, so that no fault hides another."""

from __future__ import annotations

from datetime import date
from typing import Any

from pydantic import TypeAdapter, ValidationError

from forecast.scenario.faults import shape_faults
from forecast.scenario.limits import LocatedFault
from forecast.scenario.scenario import Clock, Name, Scenario, Variable
from forecast.scenario.tree import Path


def read_scenario(
    document: dict[str, Any],
) -> tuple[Scenario | None, frozenset[str], list[LocatedFault]]:
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
            scenario = _SCENARIO.validate_python(body)
        except ValidationError as error:
            problems = shape_faults(error, document, Scenario)
            found += problems
            body = _without_bad_parts(body, [path for path, _ in problems])
        else:
            return (scenario if variables else None), unread, found
    return None, unread, found


def _read_variables(given: Any) -> tuple[dict[str, Variable], frozenset[str], list[LocatedFault]]:
    """Read each variable by itself, so that one bad one does not hide the faults of others."""
    variables: dict[str, Variable] = {}
    unread: set[str] = set()
    found: list[LocatedFault] = []
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
) -> tuple[Any, list[LocatedFault]]:
    try:
        return adapter.validate_python(value), []
    except ValidationError as error:
        return None, shape_faults(error, {"variables": variables}, Scenario, at)


_SCENARIO: TypeAdapter[Scenario] = TypeAdapter(Scenario)
_NAME: TypeAdapter[Any] = TypeAdapter(Name)
_VARIABLE: TypeAdapter[Any] = TypeAdapter(Variable)
_PLACEHOLDER = Variable(role="input", label="-", states=("a", "b"), default="a")
_NAMED = ("tripwires", "warning_levels", "sources", "channels", "watches")
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
