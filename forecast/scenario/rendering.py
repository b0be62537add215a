"""A scenario as YAML text that people read and compare line by line.

Entries come in the order of the model, defaults are left out, an interval with the usual coverage
is `[low, high]`, short mappings and lists take one line, and long text is folded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from datetime import date
from textwrap import wrap
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from forecast.scenario.scenario import Scenario

Tree = Any
"""Mappings, lists, text, numbers, booleans and dates."""

WIDTH = 100
HIGHEST = 2
"""Levels of nesting that one line may hold."""
WHOLE = 2.0**53
"""Beyond it, a float is not exactly a whole number any more."""

_PLAIN = re.compile(r"[^\W\d_](?:[^:#\[\]{},]*[^\s:#\[\]{},])?")
_WORDS = re.compile(r"\S+(?: \S+)*")
_NOT_TEXT = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
"""Words that some reader of YAML takes for something else."""


def render_scenario(scenario: Scenario, schema: str) -> str:
    """Text of a scenario file.

    Parameters
    ----------
    scenario
        What to write.
    schema
        Address of its JSON Schema, for editors.
    """
    lines = [f"# yaml-language-server: $schema={schema}", ""]
    for key, value in describe(scenario).items():
        entry = list(render_entry(key, value))
        if len(entry) > 1 and not isinstance(value, str) and lines[-1]:
            lines.append("")
        lines += _spaced(value) if key == "variables" else entry
    return "\n".join(lines) + "\n"


def _spaced(variables: dict[str, Tree]) -> Iterator[str]:
    """The variables, with an empty line between them."""
    yield "variables:"
    for index, (name, variable) in enumerate(variables.items()):
        if index:
            yield ""
        yield from _indented(render_entry(name, variable, 2))


def describe(part: Tree) -> Tree:
    """What a file says of a scenario or of a part of it, without the defaults."""
    return _described(part, part.model_dump(by_alias=True, warnings=False))


def _described(value: Any, dumped: Any) -> Tree:
    if isinstance(value, BaseModel) and isinstance(dumped, dict):
        return _described_model(value, dumped)
    if isinstance(dumped, dict):
        return {key: _described(value[key], item) for key, item in dumped.items()}
    if isinstance(dumped, list | tuple):
        return [_described(*pair) for pair in zip(value, dumped, strict=True)]
    if isinstance(dumped, float) and dumped.is_integer() and 0 < abs(dumped) < WHOLE:
        return int(dumped)
    return dumped


def _described_model(value: BaseModel, dumped: dict[str, Any]) -> Tree:
    fields = type(value).model_fields
    entries = {
        field.alias or name: _described(getattr(value, name), dumped[field.alias or name])
        for name, field in fields.items()
        if not _goes_without_saying(getattr(value, name), field)
    }
    is_interval = set(fields) == {"lower", "upper", "coverage"}
    return list(entries.values()) if is_interval and "coverage" not in entries else entries


def _goes_without_saying(value: Any, field: FieldInfo) -> bool:
    """Whether a value is its field's default; what distinguishes forms is always written."""
    if field.is_required() or value != field.get_default(call_default_factory=True):
        return False
    return not (get_origin(field.annotation) is Literal and len(get_args(field.annotation)) == 1)


def render_entry(key: str, value: Tree, column: int = 0) -> Iterator[str]:
    """Yield the lines of one entry of a mapping, without the indentation that `column` stands for.

    Examples
    --------
    >>> list(render_entry("probability", {"calm": [0.2, 0.4], "storm": [0.6, 0.8]}))
    ['probability: {calm: [0.2, 0.4], storm: [0.6, 0.8]}']
    """
    head = f"{render_inline(key)}:"
    yield from _after(head, value, column, column + 2)


def render_item(value: Tree, column: int = 0) -> Iterator[str]:
    """Yield the lines of one item of a list, the first with its dash."""
    if isinstance(value, dict) and not fits_inline(value, WIDTH - column - 2):
        lines = [line for entry in value.items() for line in render_entry(*entry, column + 2)]
        yield f"- {lines[0]}"
        yield from _indented(lines[1:])
    else:
        yield from _after("-", value, column, column + 2)


def render_inside(value: Tree, column: int = 0) -> Iterator[str]:
    """Yield the lines of a mapping or a list, one entry or item after another."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from render_entry(key, item, column)
    else:
        for item in value:
            yield from render_item(item, column)


def _after(head: str, value: Tree, column: int, inner: int) -> Iterator[str]:
    """A value after its key or its dash: on the same line if it fits, below if not."""
    style = ""
    lines: list[str] = []
    if not fits_inline(value, WIDTH - column - len(head) - 1):
        style, lines = _in_block_style(value, inner)
    yield f"{head}{style}" if lines else f"{head} {render_inline(value)}"
    yield from _indented(lines)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" if line else "" for line in lines)


def fits_inline(value: Tree, room: int) -> bool:
    """Whether a value is best written on one line that has `room` for so many characters."""
    if isinstance(value, str) and "\n" in value:
        return False
    if isinstance(value, dict) and any(isinstance(item, dict) for item in value.values()):
        return False
    return _height(value) <= HIGHEST and len(render_inline(value)) <= room


def _height(value: Tree) -> int:
    if not isinstance(value, dict | list):
        return 0
    items = value.values() if isinstance(value, dict) else value
    return 1 + max(map(_height, items), default=0)


def render_inline(value: Tree) -> str:
    """Write a value on one line.

    Examples
    --------
    >>> print(render_inline({"to": "storm", "within": 30, "basis": "judgement: a guess"}))
    {to: storm, within: 30, basis: "judgement: a guess"}
    """
    if isinstance(value, dict):
        entries = (f"{render_inline(key)}: {render_inline(item)}" for key, item in value.items())
        return f"{{{', '.join(entries)}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(render_inline, value))}]"
    if isinstance(value, str):
        return value if _is_plain(value) else _quoted(value)
    return value.isoformat() if isinstance(value, date) else json.dumps(value)


def _is_plain(text: str) -> bool:
    return (
        _PLAIN.fullmatch(text) is not None and text.isprintable() and text.lower() not in _NOT_TEXT
    )


def _quoted(text: str) -> str:
    r"""Text in double quotes; what cannot be seen is written as an escape.

    >>> print(_quoted("a\u2028b"))
    "a\u2028b"
    """
    shown = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else _escape(ord(c)) for c in shown)


def _escape(code: int) -> str:
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _in_block_style(value: Tree, column: int) -> tuple[str, list[str]]:
    """Indicator and lines of a value below its key; no lines if it cannot be written so."""
    if isinstance(value, dict | list):
        return "", list(render_inside(value, column))
    if not isinstance(value, str):
        return "", []
    if _WORDS.fullmatch(value) and value.isprintable():
        room = max(WIDTH - column, 40)
        return " >-", wrap(value, room, break_long_words=False, break_on_hyphens=False)
    lines = value.removesuffix("\n").split("\n")
    tidy = all(line.isprintable() and line == line.rstrip() for line in lines)
    if len(lines) > 1 and tidy and lines[0][:1].strip() and lines[-1]:
        return (" |" if value.endswith("\n") else " |-"), lines
    return "", []
