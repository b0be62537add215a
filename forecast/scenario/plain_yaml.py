"""The YAML that people write nearly always, read by libyaml: some twenty times sooner.

What this does not read, or reads with any doubt, is left to the reader of `tree`, which alone says
what is wrong: anchors, aliases, tags, merges, tabs, several documents, names given twice, numbers
in other forms than decimal ones.
"""

from __future__ import annotations

import re
from typing import Any

import yaml
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver

LEFT_TO_OTHERS = re.compile(
    r"""[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]
    |(?:^[ -]*|:[ ]+|[,\[{][ ]*)[&*!?]   # anchors, aliases, tags, long names
    |<<|^%|^---|^\.\.\.""",
    re.VERBOSE | re.MULTILINE,
)
"""Tabs and what cannot be seen; what stands for another part; more than one document."""
DECIMAL = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
FRACTION = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
NAMED: dict[str, dict[str, bool | None]] = {
    "tag:yaml.org,2002:bool": {"true": True, "false": False},
    "tag:yaml.org,2002:null": {"": None, "~": None, "null": None},
}
TEXT = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp")


LOADER = getattr(yaml, "CBaseLoader", None)
"""Leaves scalars as text, which are resolved as YAML 1.2 says; None where libyaml is missing."""


class NotPlain(Exception):
    """A text has something that is left to another reader."""


def read_plain(text: str, max_depth: int) -> CommentedMap | None:
    """Mapping that a text holds, with the lines of its parts; None if it is not plain.

    Parameters
    ----------
    text
        A YAML document.
    max_depth
        How deep mappings and lists may be nested.
    """
    if LOADER is None or LEFT_TO_OTHERS.search(text):
        return None
    try:
        found = _tree(yaml.compose(text, Loader=LOADER), VersionedResolver(), max_depth)
    except (NotPlain, yaml.YAMLError, RecursionError, ValueError):
        return None
    return found if isinstance(found, CommentedMap) else None


def _tree(node: Any, resolver: Any, depth: int) -> Any:
    if depth == 0:
        raise NotPlain
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style else _scalar(node.value, resolver)
    if isinstance(node, yaml.SequenceNode):
        items = CommentedSeq()
        for k, item in enumerate(node.value):
            items.append(_tree(item, resolver, depth - 1))
            items.lc.add_idx_line_col(k, _place(item))
        return items
    if not isinstance(node, yaml.MappingNode):
        raise NotPlain
    entries = CommentedMap()
    for name, value in node.value:
        key = _tree(name, resolver, depth - 1)
        if not isinstance(key, str) or key in entries:
            raise NotPlain
        entries[key] = _tree(value, resolver, depth - 1)
        entries.lc.add_kv_line_col(key, [*_place(name), *_place(value)])
    return entries


def _place(node: Any) -> list[int]:
    return [node.start_mark.line, node.start_mark.column]


def _scalar(value: str, resolver: Any) -> Any:
    """A value without quotes."""
    tag = str(resolver.resolve(ScalarNode, value, (True, False)))
    if tag in TEXT:
        return value
    if tag in NAMED and value.lower() in NAMED[tag]:
        return NAMED[tag][value.lower()]
    if tag.endswith("int") and DECIMAL.fullmatch(value):
        return int(value)
    if tag.endswith("float") and FRACTION.fullmatch(value):
        return float(value)
    raise NotPlain
