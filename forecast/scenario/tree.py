"""A YAML file as a tree of plain values whose parts know their lines.

Most files are plain and read by `plain_yaml`; ruamel.yaml reads the rest, and says what is wrong.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.composer import Composer, ComposerError
from ruamel.yaml.constructor import ConstructorError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scalarbool import ScalarBoolean
from ruamel.yaml.scanner import RoundTripScanner

from forecast.errors import InputError, Problem
from forecast.scenario.plain_yaml import read_plain

Path = tuple[str | int, ...]
"""Where a part is: names of entries, and numbers of items."""

MAX_CHARACTERS = 600_000
"""Nine times the largest scenario that is shipped; the parser takes seconds for so many."""
MAX_PIECES = 50_000
"""Eight times as many lines, entries and items as that one has; a second for each 10,000."""
MAX_MERGES = 200
"""Merge keys: each copies the mapping that it names."""
MAX_NODES = 100_000
"""Values after aliases have been unfolded."""
MAX_DEPTH = 60

PIECES = re.compile(r"\n|[,\[\]{}]|[-?:](?=\s)")
MERGES = re.compile(r"<<[\"']?\s*:")
ALIASES_OF_MERGES = re.compile(r"\*[^\s,\[\]{}]")


def read_tree(text: str, where: str) -> CommentedMap:
    """Mapping that a YAML text holds, with the lines of its parts.

    Parameters
    ----------
    text
        A YAML document. Dates stay text, for the fields that hold them to read.
    where
        Name of the file, for messages.

    Raises
    ------
    InputError
        If it is not YAML, not a mapping, or nested without end.
    """
    _require_bounded(text, where)
    tree = read_plain(text, MAX_DEPTH) or _guarded(text, where, "load")
    if not isinstance(tree, CommentedMap):
        raise InputError(
            [Problem(where, "a scenario is a mapping of names to values: `name: value`")]
        )
    return tree


def read_nodes(text: str, where: str) -> Node:
    """Nodes of a YAML text, each with the places where it begins and ends."""
    _require_bounded(text, where)
    node: Node = _guarded(text, where, "compose")
    return node


def plain(tree: CommentedMap, where: str) -> dict[str, Any]:
    """Plain dicts, tuples and scalars; a file that unfolds without end is refused."""
    left = MAX_NODES

    def convert(node: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise InputError([Problem(where, f"unfolds to more than {MAX_NODES:,} values")])
        if isinstance(node, CommentedMap):
            return {_scalar(key): convert(value) for key, value in node.items()}
        if isinstance(node, CommentedSeq):
            return tuple(convert(item) for item in node)
        return _scalar(node)

    try:
        found: dict[str, Any] = convert(tree)
    except RecursionError:
        raise InputError([Problem(where, "a part of the file contains itself")]) from None
    return found


def line_at(tree: CommentedMap, path: Path) -> int:
    """Line, from 1, of the deepest part of a path that the file has."""
    node: Any = tree
    line = 0
    for step in path:
        try:
            line = node.lc.key(step)[0] if isinstance(node, CommentedMap) else node.lc.item(step)[0]
            node = node[step]
        except (KeyError, IndexError, AttributeError, TypeError):
            break
    return line + 1


def spell_path(path: Path) -> str:
    """A path as problems print it.

    Examples
    --------
    >>> spell_path(("variables", "storm", "table", "rows", 0))
    'variables.storm.table.rows.0'
    """
    return ".".join(map(str, path))


def _guarded(text: str, where: str, verb: str) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(_yaml(), verb)(text)
    except MarkedYAMLError as error:
        raise InputError([_syntax_problem(error, text, where)]) from None
    except ReaderError as error:
        line = text[: error.position].count("\n") + 1
        code = ord(text[error.position])
        message = f"the invisible character U+{code:04X} cannot be in a file; remove it"
        raise InputError([Problem(f"{where}:{line}", message)]) from None
    except RecursionError:
        raise InputError([Problem(where, "nested too deeply to be read")]) from None
    except (YAMLError, ValueError, AssertionError, LookupError, TypeError, AttributeError) as error:
        message = _in_plain_words(str(error) or type(error).__name__)
        raise InputError([Problem(where, f"not valid YAML: {message}")]) from None


def _require_bounded(text: str, where: str) -> None:
    """Refuse at once what would take long to parse: the time goes with these counts."""
    if len(text) > MAX_CHARACTERS:
        message = f"has {len(text):,} characters; a scenario has at most {MAX_CHARACTERS:,}"
        raise InputError([Problem(where, message)])
    pieces = sum(1 for _ in PIECES.finditer(text))
    if pieces > MAX_PIECES:
        message = f"has {pieces:,} lines, entries and items; a scenario has at most {MAX_PIECES:,}"
        raise InputError([Problem(where, message)])
    if MERGES.search(text):
        merges = len(MERGES.findall(text)) + len(ALIASES_OF_MERGES.findall(text))
        if merges > MAX_MERGES:
            message = f"has {merges:,} merge keys (<<) and aliases; at most {MAX_MERGES:,} are read"
            raise InputError([Problem(where, message)])


def _yaml() -> YAML:
    """A reader that keeps lines, and leaves dates to the schema."""
    yaml = YAML(typ="rt")
    yaml.max_depth = MAX_DEPTH
    yaml.Scanner, yaml.Composer, yaml.Constructor = _Scanner, _Composer, _Constructor
    return yaml


class _Scanner(RoundTripScanner):
    """Takes tabs between a name and its value, or before a remark, as YAML 1.2 does."""

    def scan_to_next_token(self) -> Any:
        reader, ahead = self.reader, 0
        while reader.peek(ahead) in (" ", "\t"):
            ahead += 1
        if "\t" in reader.prefix(ahead):
            line = reader.buffer[reader.buffer.rfind("\n", 0, reader.pointer) + 1 : reader.pointer]
            # What stands after nothing but dashes may be a mapping, which the tab would indent.
            if line.strip(" -?"):
                reader.forward(ahead)
        return super().scan_to_next_token()


class _Composer(Composer):
    """Makes mappings with plain names, of which the parser would build others again and again."""

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        opened = self.parser.peek_event().start_mark
        node: MappingNode = super().compose_mapping_node(anchor)
        for key, value in node.value:
            fault = _fault_of_entry(key, value, node)
            if fault:
                raise ComposerError(None, opened, fault, key.start_mark)
        return node


def _fault_of_entry(key: Node, value: Node, around: Node) -> str:
    if not isinstance(key, ScalarNode):
        return "found a list or a mapping as a name"
    merged = (value, *_items(value)) if key.value == "<<" else ()
    if any(each is around or each.end_mark is None for each in merged):
        return "found a merge of itself"
    if key.value in NOTHING and key.style is None:
        return f"found the name {key.value}"
    return ""


def _items(node: Node) -> tuple[Node, ...]:
    return tuple(node.value) if isinstance(node, SequenceNode) else ()


NOTHING = ("~", "null", "Null", "NULL")
"""What stands for nothing, unless it is in quotes."""


class _Constructor(RoundTripConstructor):
    """Makes mappings, lists and scalars, and nothing that a tag asks for beyond these."""

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        tag = str(node.tag)
        if tag.removeprefix(_CORE) not in _KINDS:
            shown = tag.replace(_CORE, "!!")
            raise ConstructorError(None, None, f"found the tag {shown!r}", node.start_mark)
        return super().construct_object(node, deep)


_CORE = "tag:yaml.org,2002:"
_KINDS = {"map", "seq", "str", "int", "float", "bool", "null", "timestamp", "merge"}
_Constructor.add_constructor(f"{_CORE}timestamp", lambda self, node: self.construct_scalar(node))


def _scalar(node: Any) -> Any:
    if isinstance(node, ScalarBoolean):
        return bool(node)
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


_FAULTS = (
    (r"found duplicate key \"?(.*?)\"? with value", "{0!r} is given twice; keep one of them"),
    (r"found duplicate key (\S+)", "{0} is given twice; keep one of them"),
    (r"found the tag '(.*)'", "{0} asks for something that a scenario has not; put text in quotes"),
    (r"found character '\\t'", "a tab where spaces must be: indent with spaces"),
    (
        r"found a list or a mapping as a name",
        "a list or a mapping stands where a name should be; brackets, or a `?`, that should not be "
        "there?",
    ),
    (r"limit \(\d+ digits\) for integer", "a number of thousands of digits"),
    (r"found a merge of itself", "`<<` asks for the mapping that it stands in"),
    (r"found the name (.*)", "{0} means nothing; a name that is written so needs quotes"),
    (r"maximum depth of data structure", f"nested more than {MAX_DEPTH} deep"),
    (
        r"found character '(.)' that cannot start",
        "text that starts with {0} needs quotes around it",
    ),
    (
        r"mapping values are not allowed",
        "a colon that cannot be here: put text that contains a colon in quotes, and see whether "
        "the indentation of this line is right",
    ),
    (
        r"could not find expected ':'",
        "a line without its colon: every entry is written `name: value`",
    ),
    (
        r"expected <block end>, but found '(?:<block mapping start>|<block sequence start>|\?)'",
        "the line is indented otherwise than its neighbours; entries of one thing begin in the "
        "same column",
    ),
    (
        r"expected <block end>, but found '-'",
        "the `-` of an item does not stand under the `-` of the items before it",
    ),
    (r"expected <block end>", "something stands after the end of a value; is a quote misplaced?"),
    (
        r"expected ',' or '(.)', but got",
        "a list or mapping in brackets is not closed: a comma or {0} is missing",
    ),
    (r"unexpected end of stream|document separator", "a quote is opened and never closed"),
    (
        r"undefined alias '(.*)'",
        "*{0} refers to a part &{0} that is nowhere; text that starts with * needs quotes",
    ),
    (
        r"unknown escape character '(.)'",
        "\\{0} means nothing in double quotes; write \\\\ for a backslash",
    ),
    (
        r"but found another document|expected '<document start>'",
        "a second document begins here; a file holds one scenario",
    ),
)
"""What a parser says, and what that means to somebody who writes a scenario."""


CURLY_QUOTES = "“”„‟‘’‚«»"
_HARD = re.compile(r"^[ -]*\u00a0|:\u00a0")
"""A no-break space where YAML takes a space: as it stands in text from a page or a letter."""
_CURLY = re.compile(rf"(?:^|[:,\[{{-])\s*([{CURLY_QUOTES}])")


def _in_plain_words(said: str) -> str:
    """What a parser says, as `_FAULTS` has it; its first line if that has nothing."""
    for pattern, plain_words in _FAULTS:
        if found := re.search(pattern, said):
            return plain_words.format(*found.groups())
    return said.splitlines()[0]


def _hard_space(lines: Sequence[str], number: int) -> int | None:
    """Which of a line and the one before it has a no-break space where YAML takes a space.

    A parser notices some faults only after the last line.
    """
    near = (k for k in (number, number - 1) if 0 <= k < len(lines))
    return next((k for k in near if _HARD.search(lines[k])), None)


def _syntax_problem(error: MarkedYAMLError, text: str, where: str) -> Problem:
    message_text = f"{error.problem or error.context}"
    mark = error.problem_mark or error.context_mark
    lines, number = text.splitlines(), mark.line if mark else 0
    line = lines[number] if mark and number < text.count("\n") else ""
    message = _in_plain_words(message_text)
    if curly := _CURLY.search(line):
        message = f"the quote {curly[1]} quotes nothing in YAML; write straight ones, \" or '"
    elif (hard := _hard_space(lines, number)) is not None:
        message += (
            f"; line {hard + 1} has a no-break space (U+00A0), which looks like a space and is "
            "none: write a space"
        )
    opened = error.context_mark
    if opened is not None and mark is not None and 0 < opened.line < mark.line:
        message += f" (it belongs to what begins in line {opened.line + 1})"
    return Problem(f"{where}:{mark.line + 1}" if mark else where, f"not valid YAML: {message}")
