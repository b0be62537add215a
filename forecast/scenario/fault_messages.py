"""What has the wrong shape, in the words of somebody who writes a scenario."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from forecast.arguments import short_repr
from forecast.corrections import date_meant, number_meant
from forecast.errors import nearest
from forecast.scenario.basis import BASES
from forecast.scenario.grammar import Grammar, Schema
from forecast.scenario.tree import CURLY_QUOTES, Path

Fault = Any
"""What a validation says of one fault: `type`, `loc`, `input`, `msg` and perhaps `ctx`."""

MOST_KINDS = 4
"""Ways to state a value that a message lists; the numbers of a table have more."""
NOTHING_RULE = "; null and ~ mean nothing too, unless they are in quotes"

_LIMITS = {
    "greater_than": ("gt", "above"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "below"),
    "less_than_equal": ("le", "at most"),
}
_KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a mapping of names to values",
    "string": "text",
}


def is_about_kind(fault: Fault) -> bool:
    """Whether a value is of the wrong kind, rather than wrong inside."""
    return str(fault["type"]).endswith(("_type", "_parsing", "int_from_float"))


def fault_message(fault: Fault, path: Path, grammar: Grammar) -> str:
    """Say what is wrong at a path, what was given and what would be right."""
    kind = str(fault["type"])
    name = _name(path) or grammar.whole
    if kind == "extra_forbidden":
        return f"unknown entry {name}; {nearest(path[-1], grammar.names_meant(path[:-1]))}"
    if kind == "missing":
        return f"{name} is missing"
    if kind == "union_tag_not_found":
        return f"{name} is missing; legal: {', '.join(grammar.legal_tags(path[:-1]))}"
    if kind == "union_tag_invalid":
        tag = fault["ctx"]["tag"]
        return f"{name} cannot be {yaml_repr(tag)}; {nearest(tag, grammar.legal_tags(path[:-1]))}"
    if kind == "invalid_key" or (fault["loc"][-1:] == ("[key]",) and is_about_kind(fault)):
        if fault["input"] is None:
            return "a colon without a name before it"
        return f"the name {yaml_repr(fault['input'])} should be text; put it in quotes"
    if is_about_kind(fault):
        return _word_kind(fault, name, grammar.schemas_at(path))
    return _word_value(fault, name, grammar.schemas_at(path))


def _name(path: Path) -> str:
    """What a part is called: an entry by its name, an item of a list by its number, from 1."""
    if not path:
        return ""
    return f"item {yaml_repr(path[-1] + 1)}" if isinstance(path[-1], int) else yaml_repr(path[-1])


def _word_kind(fault: Fault, name: str, schemas: list[Schema]) -> str:
    given = fault["input"]
    kinds = list(dict.fromkeys(filter(None, map(_kind, schemas))))
    if len(kinds) > MOST_KINDS:
        kinds = ["an interval [low, high]", "another way of stating a number"]
    rule = f"should be {' or '.join(kinds)}" if kinds else str(fault["msg"])
    return f"{name} {rule}; given: {yaml_repr(given)}{_hint(given, kinds)}"


def _word_value(fault: Fault, name: str, schemas: list[Schema]) -> str:
    kind, given, context = str(fault["type"]), fault["input"], fault.get("ctx", {})
    if kind == "literal_error":
        listed = [s for s in schemas if "enum" in s or "const" in s]
        legal = [value for s in listed for value in s.get("enum", [s.get("const")])]
        if isinstance(given, str) and given in map(str, legal) and given not in legal:
            return f"{name} cannot be {yaml_repr(given)}; write {given}, without quotes"
        other = "".join(f", or {_kind(s)}" for s in schemas if s not in listed and _kind(s))
        return f"{name} cannot be {yaml_repr(given)}; {nearest(given, legal)}{other}"
    if kind == "string_pattern_mismatch":
        curly = "; write straight quotes" if given[:1] in CURLY_QUOTES and given else ""
        return f"{_pattern_rule(context['pattern'])}; given: {yaml_repr(given)}{curly}"
    if kind == "string_unicode":
        return f"{name} holds a character that no file can hold"
    if kind == "string_too_long":
        return f"{name} has {len(given)} characters; at most {context['max_length']}"
    if kind in ("string_too_short", "too_short"):
        least = context["min_length"]
        rule = f"needs at least {least} items" if least > 1 else "should not be empty"
        return f"{name} {rule}"
    if kind in _LIMITS:
        key, rule = _LIMITS[kind]
        return f"{name} should be {rule} {context[key]:g}; given: {yaml_repr(given)}"
    if kind == "finite_number":
        return f"{name} should be a finite number; given: {yaml_repr(given)}"
    if kind == "value_error":  # a rule of the library's own, which says what was given
        return str(context["error"])
    return f"{name}: {fault['msg']}; given: {yaml_repr(given)}"


def _pattern_rule(pattern: str) -> str:
    if all(basis in pattern for basis in BASES):
        legal = [f"'{basis}: …'" for basis in BASES]
        return f"a basis starts with its kind: {', '.join(legal[:-1])} or {legal[-1]}"
    return "a name has letters A-Z and a-z, digits, - and _, and starts with a letter"


def _kind(schema: Schema) -> str:
    """What a schema accepts, in plain words; nothing if something else says it better."""
    kind, required = schema.get("type"), schema.get("required", [])
    if kind == "array" and len(schema.get("prefixItems", [])) == 2:
        return "an interval [low, high]"
    if set(required) == {"lower", "upper"}:
        return ""
    if kind == "object" and required:
        return f"a mapping with {', '.join(required)}"
    if kind == "string" and schema.get("format") == "date":
        return "a date such as 2020-01-31"
    return _KINDS.get(str(kind), "")


def _hint(given: Any, kinds: list[str]) -> str:
    if given is None:
        return NOTHING_RULE if "text" in kinds else ""
    if "text" in kinds and isinstance(given, int | float):
        return "; put it in quotes"
    if any(kind.startswith("a date") for kind in kinds):
        return date_meant(given)
    if {"a number", "a whole number"} & set(kinds) and isinstance(given, str):
        return number_meant(given, whole="a number" not in kinds)
    if any(kind.startswith("an interval") for kind in kinds) and isinstance(given, tuple | list):
        return _interval_meant(given)
    return ""


def _interval_meant(given: Sequence[Any]) -> str:
    """How an interval is written whose commas were taken for others, or are missing."""
    if len(given) == 4 and all(type(part) is int for part in given):
        return f"; write decimals with a point: [{given[0]}.{given[1]}, {given[2]}.{given[3]}]"
    if len(given) == 1 and isinstance(given[0], str) and len(given[0].split()) == 2:
        return f"; write a comma between the two: [{', '.join(given[0].split())}]"
    return ""


def yaml_repr(given: Any) -> str:
    """A given value, as short as it can be recognised.

    Examples
    --------
    >>> yaml_repr("strom"), yaml_repr(True), yaml_repr(None), yaml_repr([1, 2])
    ("'strom'", 'true', 'nothing', 'a list')
    """
    if given is None:
        return "nothing"
    if isinstance(given, Mapping):
        return "a mapping"
    if isinstance(given, tuple | list):
        return "a list"
    if isinstance(given, bool):
        return json.dumps(given)
    return short_repr(given) if isinstance(given, str | int | float) else type(given).__name__
