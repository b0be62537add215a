"""The faults that a validation finds in the shape of a scenario, each put into words once."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from forecast.scenario.fault_messages import Fault, fault_message, is_about_kind
from forecast.scenario.grammar import Grammar
from forecast.scenario.limits import LocatedFault
from forecast.scenario.tree import Path

MOST_FAULTS = 200
"""Faults of shape that are put into words; for each, names are compared."""


def shape_faults(
    error: ValidationError, document: Any, kind: type[BaseModel], prefix: Path = ()
) -> list[LocatedFault]:
    """What has the wrong shape: of the ways to state a value, only the likeliest is spoken of.

    Parameters
    ----------
    error
        What a validation found.
    document
        What was to be a scenario or a part of one, as plain dicts, tuples and scalars.
    kind
        The class that it was to be.
    prefix
        Where in the document the validation began.
    """
    grammar = Grammar(document, kind)
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
        (path, fault_message(fault, path, grammar))
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
