"""Writing changes into a file that people have written, and leaving all else as it stands.

Two descriptions of a scenario, before and after, are compared from the top down. Where they
differ, the smallest part of the text that holds the difference is replaced, so that comments,
empty lines and the author's own layout stay.

ruamel.yaml's round trip keeps comments as well, but not layout: loading and dumping a shipped
scenario unchanged takes away or adds 1,097 lines, where the file has 1,266.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from forecast.scenario.rendering import (
    WIDTH,
    Tree,
    fits_inline,
    render_entry,
    render_inline,
    render_inside,
    render_item,
)
from forecast.scenario.tree import read_nodes


@dataclass(frozen=True, order=True)
class Edit:
    """A part of a text, from `start` up to `end`, and what takes its place."""

    start: int
    end: int
    text: str


@dataclass(frozen=True)
class _Place:
    """A value in the text: its node, its key if it has one, and whether brackets enclose it."""

    node: Node
    key: ScalarNode | None = None
    in_brackets: bool = False

    @property
    def in_block(self) -> bool:
        """Whether this is a mapping or a list whose entries have lines of their own."""
        return not isinstance(self.node, ScalarNode) and not _is_in_brackets(self.node)

    def inside(self, node: Node, key: ScalarNode | None = None) -> _Place:
        """Place of an entry or item of this value."""
        return _Place(node, key, self.in_brackets or not self.in_block)


def splice(text: str, before: Tree, after: Tree) -> str:
    """Text of a file that describes one scenario, changed so that it describes another.

    Parameters
    ----------
    text
        The file.
    before, after
        What it says, and what it shall say, as `forecast.scenario.rendering.describe` puts it.
    """
    splicer = _Splicer(text)
    edits = splicer.changes(_Place(read_nodes(text, "")), before, after)
    for edit in sorted(edits, reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


@dataclass(frozen=True)
class _Splicer:
    text: str

    def changes(self, place: _Place, before: Tree, after: Tree) -> Iterator[Edit]:
        """Edits that turn one description of a place into another."""
        if before == after:
            return
        node = place.node
        if isinstance(node, MappingNode) and isinstance(before, dict) and isinstance(after, dict):
            yield from self._change_mapping(place, before, after)
        elif isinstance(node, SequenceNode) and isinstance(before, list) and after:
            yield from self._change_list(place, before, after)
        else:
            yield self._replaced(place, after)

    def _change_mapping(
        self, place: _Place, before: dict[str, Tree], after: dict[str, Tree]
    ) -> Iterator[Edit]:
        entries = {str(key.value): (key, value) for key, value in place.node.value}
        gone = [name for name in before if name not in after]
        new = [name for name in after if name not in entries]
        in_order = [k for k in after if k in before] == [k for k in before if k in after]
        starts = [entries[name][0].start_mark.index for name in gone if name in entries]
        if (
            not (in_order and set(before) <= set(entries))
            or ((gone or new) and not place.in_block)
            or not all(map(self._begins_line, starts))
            or set(entries) == set(gone)
        ):
            yield self._replaced(place, after)
            return
        for name in gone:
            key, value = entries[name]
            yield self._removed(key.start_mark.index, self._end_of(value, key))
        for name, item in after.items():
            if name in entries:
                inner = place.inside(entries[name][1], entries[name][0])
                was_there = name in before
                yield from (
                    self.changes(inner, before[name], item)
                    if was_there
                    else [self._replaced(inner, item)]
                )
        yield from self._added_entries(place, entries, after)

    def _added_entries(
        self, place: _Place, entries: dict[str, tuple[ScalarNode, Node]], after: dict[str, Tree]
    ) -> Iterator[Edit]:
        """New entries, each below the one that comes before it in the model's order."""
        column = place.node.start_mark.column
        at: Node | None = None
        key: ScalarNode | None = None
        waiting: list[str] = []
        for name, item in after.items():
            if name not in entries:
                waiting += render_entry(name, item, column)
                continue
            yield from self._inserted(place, at, key, waiting)
            (key, at), waiting = entries[name], []
        yield from self._inserted(place, at, key, waiting)

    def _change_list(self, place: _Place, before: list[Tree], after: list[Tree]) -> Iterator[Edit]:
        items, column = place.node.value, place.node.start_mark.column
        starts = [self.text.rfind("-", 0, item.start_mark.index) for item in items]
        if not place.in_block and len(before) == len(after):
            for item, *sides in zip(items, before, after, strict=True):
                yield from self.changes(place.inside(item), *sides)
            return
        if not (place.in_block and all(map(self._begins_line, starts))):
            yield self._replaced(place, after)
            return
        old, new = ([json.dumps(item, default=str) for item in side] for side in (before, after))
        steps = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
        for kind, start, end, new_start, new_end in steps:
            if kind == "equal":
                continue
            shared = min(end - start, new_end - new_start)
            for k in range(shared):
                inner = place.inside(items[start + k])
                yield from self.changes(inner, before[start + k], after[new_start + k])
            for k in range(start + shared, end):
                yield self._removed(starts[k], self._end_of(items[k]))
            lines = [
                line
                for k in range(new_start + shared, new_end)
                for line in render_item(after[k], column)
            ]
            above = items[start + shared - 1] if start + shared else None
            yield from self._inserted(place, above, None, lines)

    def _inserted(
        self, place: _Place, above: Node | None, key: ScalarNode | None, lines: list[str]
    ) -> Iterator[Edit]:
        """Lines below an entry or item of a place, or at its very beginning."""
        indent = "\n" + " " * place.node.start_mark.column
        if lines and above is None:
            at = place.node.start_mark.index
            yield Edit(at, at, indent.join(lines) + indent)
        elif lines and above is not None:
            at = self._line_end(self._end_of(above, key))
            yield Edit(at, at, indent + indent.join(lines))

    def _removed(self, start: int, end: int) -> Edit:
        """The lines of an entry gone, with the comments that stand right above it."""
        begin = self._line_start(start)
        indent = self.text[begin:start]
        while begin:
            above = self._line_start(begin - 1)
            if not self.text[above:begin].startswith(f"{indent}#"):
                break
            begin = above
        return Edit(begin, min(self._line_end(end) + 1, len(self.text)), "")

    def _replaced(self, place: _Place, after: Tree) -> Edit:
        """The value written anew: on its line, in its lines, or with its key."""
        node, key = place.node, place.key
        start, end = node.start_mark.index, self._end_of(node, key)
        column = node.start_mark.column
        on_one_line = not place.in_block and not _is_block_text(node)
        inline = render_inline(after)
        if place.in_brackets or (on_one_line and fits_inline(after, WIDTH - column)):
            return Edit(min(start, end), end, inline if start < end else f" {inline}")
        if place.in_block and isinstance(after, dict | list) and after:
            lines = list(render_inside(after, column))
        elif key is not None:
            start, column = key.start_mark.index, key.start_mark.column
            lines = list(render_entry(str(key.value), after, column))
        else:
            lines = [line[2:] for line in render_item(after, column - 2)]
        line_end = self._line_end(end)
        if len(lines) > 1 and self._begins_line(start) and self.text[end:line_end].strip():
            lines.insert(0, self.text[end:line_end].strip())
            end = line_end
        return Edit(start, end, ("\n" + " " * column).join(lines))

    def _end_of(self, node: Node, key: ScalarNode | None = None) -> int:
        """Where the last character of a value stands, without comments that follow it."""
        if isinstance(node, ScalarNode):
            if _is_block_text(node):
                return self._end_of_block_text(node)
            if node.start_mark.index == node.end_mark.index and key is not None:
                return self.text.index(":", key.end_mark.index) + 1
            return int(node.end_mark.index)
        if _is_in_brackets(node) or not node.value:
            return int(node.end_mark.index)
        last = node.value[-1]
        return self._end_of(last[1], last[0]) if isinstance(last, tuple) else self._end_of(last)

    def _end_of_block_text(self, node: ScalarNode) -> int:
        header, *lines = self.text[node.start_mark.index : node.end_mark.index].split("\n")
        indents = [len(line) - len(line.lstrip(" ")) for line in lines if line.strip()]
        end = length = len(header)
        for line in lines:
            length += 1 + len(line)
            if line.strip():
                if len(line) - len(line.lstrip(" ")) < indents[0]:
                    break
                end = length
        return int(node.start_mark.index) + end

    def _line_start(self, at: int) -> int:
        return self.text.rfind("\n", 0, at) + 1

    def _line_end(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end

    def _begins_line(self, at: int) -> bool:
        return not self.text[self._line_start(at) : at].strip()


def _is_block_text(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.style in ("|", ">")


def _is_in_brackets(node: Node) -> bool:
    return isinstance(node, MappingNode | SequenceNode) and bool(node.flow_style)
