"""The format of GeNIe and SMILE (XDSL): probability, deterministic and noisy-MAX nodes.

Tables have the first parent slowest and their own state fastest. XDSL names are identifiers, so
other names and labels are mapped to some and kept in an extension, as are properties with such
names; GeNIe's own extension is passed over on reading. Concentrations are user properties.

Deterministic and noisy-MAX nodes become full tables, with a note. Columns of noisy-MAX
parameters are taken to run in the order of ``<strengths>``, strongest first, as SMILE keeps
them; a file whose weakest column is not 0 … 0 1 is refused rather than misread. So are files of
pyAgrum with several parents of a node, whose tables are in another order than GeNIe's.

Decisions, utilities and equations, and deterministic nodes that depend on one of these, are left
out, with a note, where no chance node needs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

import numpy as np

from forecast.interchange import noisy_max, rows
from forecast.interchange.draft import Draft
from forecast.interchange.markup import Element, parse, source_of
from forecast.interchange.network_checks import shape_text, suggest
from forecast.interchange.source import NetworkText, Numbers, checked, shortened
from forecast.interchange.tabled import TabledNetwork
from forecast.interchange.xdsl_names import Names
from forecast.interchange.xdsl_writing import write

__all__ = ["read", "write"]

_CHANCE = ("cpt", "noisymax")
_NODES = (*_CHANCE, "deterministic")
_NO_CHANCE = {
    "decision": "a decision",
    "utility": "a utility",
    "mau": "a utility of several attributes",
    "equation": "an equation",
}


def read(text: str, where: str = "XDSL") -> TabledNetwork:
    """Read a network.

    Parameters
    ----------
    text
        An XDSL document; what it says of its encoding is not looked at.
    where
        What to call it in problems.

    Raises
    ------
    InputError
        With every problem, by line and column; also where a chance node depends on a decision, a
        utility or an equation.

    Examples
    --------
    >>> read('''<smile version="1.0" id="weather"><nodes>
    ... <cpt id="rain"><state id="no"/><state id="yes"/><probabilities>0.8 0.2</probabilities></cpt>
    ... <deterministic id="grass"><state id="dry"/><state id="wet"/><parents>rain</parents>
    ...   <resultingstates>dry wet</resultingstates></deterministic>
    ... </nodes></smile>''').tables["grass"]
    array([[1., 0.],
           [0., 1.]])
    """
    source = source_of(checked(text, where), where)
    root = parse(source)
    nodes = root.first("nodes")
    if root.tag != "smile" or nodes is None:
        raise source.give_up(root.at, f"<{root.tag[:40]}> where <smile> with <nodes> is expected")
    if (dynamic := root.first("dynamic")) is not None and dynamic.children:
        message = "a dynamic network; only static ones are read: unroll it in GeNIe, and save that"
        source.wrong(dynamic.at, message)
    _refuse_other_order(source, root, nodes)
    names = Names(root)
    draft = Draft(source)
    draft.call(names.network or root.attributes.get("id", "unnamed"), root.at)
    for group in (root, root.first("properties")):
        for child in group.all("property") if group is not None else ():
            draft.describe("", (child.attributes.get("id", ""), child.text.strip()), child.at)
    for pair, at in names.properties(""):
        draft.describe("", pair, at)
    reader = _Reader(draft, names)
    found = list(_nodes_in(nodes))
    left_out = _left_out(found)
    kept = []
    for node in found:
        given = node.attributes.get("id", "")
        if given in left_out and node.tag not in _CHANCE:
            draft.leave_out(names.variable(given), _kind(node), node.at)
        else:
            kept.append(node)
    readable = [node for node in names.ordered(kept) if reader.declare(node)]
    for node in readable:
        reader.define(node)
    return draft.finish()


def _refuse_other_order(source: NetworkText, root: Element, nodes: Element) -> None:
    """Refuse what pyAgrum writes with several parents: there the first parent is the fastest."""
    extensions = root.first("extensions")
    display = extensions.first("genie") if extensions is not None else None
    if display is None or not display.attributes.get("app", "").startswith("aGrUM"):
        return
    for node in nodes.children:
        parents = node.first("parents")
        if parents is not None and len(parents.text.split()) > 1:
            message = (
                "pyAgrum wrote this file, and orders tables of several parents otherwise than "
                "GeNIe; take the network over with from_pyagrum, or save it as .bif"
            )
            source.wrong(node.at, message)
            return


def _nodes_in(group: Element) -> Iterator[Element]:
    """Nodes, also those of submodels, which only arrange the picture."""
    for child in group.children:
        if child.tag == "submodel":
            yield from _nodes_in(child)
        else:
            yield child


def _kind(node: Element) -> str:
    return _NO_CHANCE.get(node.tag, "deterministic, and depends on what was left out")


def _parents_of(node: Element) -> list[str]:
    listed = node.first("parents")
    return [] if listed is None else listed.text.split()


def _left_out(nodes: list[Element]) -> set[str]:
    """Nodes without probabilities, and deterministic ones below them that no chance node needs."""
    by_id = {node.attributes.get("id", ""): node for node in nodes}
    found = {given for given, node in by_id.items() if node.tag in _NO_CHANCE}
    needed = _needed(by_id)
    children: dict[str, list[str]] = {}
    for given, node in by_id.items():
        for parent in _parents_of(node):
            children.setdefault(parent, []).append(given)
    waiting = list(found)
    while waiting:
        for given in children.get(waiting.pop(), ()):
            node = by_id[given]
            if node.tag == "deterministic" and given not in needed and given not in found:
                found.add(given)
                waiting.append(given)
    return found


def _needed(by_id: dict[str, Element]) -> set[str]:
    """Nodes above a chance node."""
    needed = set[str]()
    waiting = [given for given, node in by_id.items() if node.tag in _CHANCE]
    while waiting:
        parents = set(_parents_of(by_id[waiting.pop()]))
        new = (parents & by_id.keys()) - needed
        needed |= new
        waiting += new
    return needed


class _Reader:
    """Reads nodes into a draft; ids of states are those of the file, labels may differ."""

    def __init__(self, draft: Draft, names: Names) -> None:
        self.draft, self.source, self.names = draft, draft.source, names
        self.ids: dict[str, tuple[str, ...]] = {}

    def declare(self, node: Element) -> bool:
        """Declare a node; whether it is of a readable kind."""
        given = node.attributes.get("id", "")
        name = self.names.variable(given)
        if node.tag not in _NODES:
            kinds = ", ".join(f"<{tag}>" for tag in _NODES)
            message = f"<{node.tag[:40]}> {name[:40]!r}; nodes are {kinds}"
            self.source.wrong(node.at, f"{message}: change its type, or delete it, in GeNIe")
            self.draft.spoil(name, node.at)
            return False
        states = tuple(child.attributes.get("id", "") for child in node.all("state"))
        self.ids.setdefault(name, states)
        self.draft.declare(name, self.names.states(given, states), node.at)
        return True

    def define(self, node: Element) -> None:
        """Set the table of a node, and its properties."""
        given = node.attributes.get("id", "")
        name = self.names.variable(given)
        parents = [self.names.variable(parent) for parent in _parents_of(node)]
        shape = self.draft.define(name, parents, node.at)
        if shape is None:
            return
        for child in node.all("property"):
            pair = (child.attributes.get("id", ""), child.text.strip())
            self.draft.describe(name, pair, child.at)
        for pair, at in self.names.properties(given):
            self.draft.describe(name, pair, at)
        kinds = {"cpt": self._probabilities, "deterministic": self._fixed, "noisymax": self._noisy}
        kinds[node.tag](node, name, shape)

    def _part(self, node: Element, name: str, tag: str) -> Element | None:
        parts = list(node.all(tag))
        if len(parts) == 1:
            return parts[0]
        self.source.wrong(node.at, f"{len(parts)} of <{tag}> in {name}; it has one")
        return None

    def _probabilities(self, node: Element, name: str, shape: tuple[int, ...]) -> None:
        part = self._part(node, name, "probabilities")
        if part is not None:
            self.draft.fill(name, part.numbers(self.source), shape)

    def _fixed(self, node: Element, name: str, shape: tuple[int, ...]) -> None:
        part = self._part(node, name, "resultingstates")
        if part is None:
            return
        results, own = part.text.split(), {state: i for i, state in enumerate(self.ids[name])}
        if len(results) != prod(shape[:-1]):
            message = f"{len(results)} resulting states of {name}; its parents need "
            self.source.wrong(part.at, message + shape_text(shape[:-1] or (1,)))
            return
        for unknown in dict.fromkeys(result for result in results if result not in own):
            message = f"{shortened(unknown)} is not a state of {name}; {suggest(unknown, own)}"
            self.source.wrong(part.at, message)
        if all(result in own for result in results):
            chosen = np.eye(shape[-1])[[own[result] for result in results]]
            self.draft.tables[name] = chosen.reshape(shape)
            self.source.changed(node.at, f"{name} is deterministic; read as a table of 0 and 1")

    def _noisy(self, node: Element, name: str, shape: tuple[int, ...]) -> None:
        part = self._part(node, name, "parameters")
        orders = self._strengths(node, name, shape)
        if part is None or orders is None:
            return
        numbers = part.numbers(self.source)
        columns = (sum(shape[:-1]) + 1, shape[-1])
        if not rows.complete(self.source, f"{name} (noisy-MAX)", numbers, columns):
            return
        cells = np.arange(prod(columns), dtype=np.int64).reshape(columns)
        table = rows.table_of(self.source, name, numbers, cells)
        if table is None:
            return
        *pushes, leak = np.split(table, np.cumsum(shape[:-1]))
        if all(self._silent(name, numbers, push) for push in pushes):
            sorted_back = [push[np.argsort(o)] for push, o in zip(pushes, orders, strict=True)]
            self.draft.tables[name] = noisy_max.full_table(sorted_back, leak[0])
            self.source.changed(node.at, f"{name} is noisy-MAX; read as its full table")

    def _silent(
        self, name: str, numbers: Numbers, push: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    ) -> bool:
        """Whether the last, weakest column of a parent pushes to the weakest state alone."""
        if push[-1, -1] == 1:
            return True
        message = f"the weakest column of each parent of {name} is 0 … 0 1 in noisy-MAX"
        self.source.wrong(numbers.at, message)
        return False

    def _strengths(
        self, node: Element, name: str, shape: tuple[int, ...]
    ) -> list[list[int]] | None:
        """The states of each parent, strongest first."""
        part = node.first("strengths")
        if part is None:
            return [list(range(size)) for size in shape[:-1]]
        tokens, orders = part.text.split(), list[list[int]]()
        for size in shape[:-1]:
            here, tokens = tokens[:size], tokens[size:]
            orders.append(
                [int(w) if w.isascii() and w.isdigit() and len(w) < 9 else -1 for w in here]
            )
        if tokens or any(sorted(o) != list(range(s)) for o, s in zip(orders, shape, strict=False)):
            message = f"the strengths of {name} are not the numbers of each parent's states, from 0"
            self.source.wrong(part.at, message)
            return None
        return orders
