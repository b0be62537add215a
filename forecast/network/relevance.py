"""The part of a network that a question depends on, cut down by what is known.

What neither evidence nor question descends from sums to one and is left out (Shachter 1986). A
variable that is known to be in one state, in all draws, is cut to that state: no table has it for
an axis, and what it separates from the question is left out as well (d-separation: Geiger, Verma
and Pearl 1990).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from forecast.arrays import Array, Index
from forecast.errors import TooLarge
from forecast.network.slices import planned_slice
from forecast.network.structure import Block, Network, Node

FEW_VARIABLES, FEW_OPERATIONS = 100, 1_000_000
"""A network of so few variables, and multiply-adds for each draw, is planned once, as a whole, for
all questions: that takes less than a plan for each of them."""


@dataclass(frozen=True, eq=False)
class Part:
    """A part of a network, and where its cells and columns lie in the whole.

    Attributes
    ----------
    network
        The part. What is known has one state, and is no parent.
    cells, columns
        Cells of its tables, and columns of its likelihoods, among those of the whole.
    """

    network: Network
    cells: Index | slice
    columns: Index

    def tables(self, theta: Array) -> Array:
        """Its tables, (…, cell, draw), of those of the whole."""
        return theta[..., self.cells, :]

    def pick(self, found: Array, columns: Index) -> Array:
        """Answers, (step, column, draw), by columns of the whole network; 0 where cut away."""
        if isinstance(self.cells, slice):
            return found[:, columns]
        places = {column: at for at, column in enumerate(self.columns.tolist())}
        at = np.array([places.get(column, -1) for column in columns.tolist()], np.int64)
        picked = found[:, at]
        picked[:, at < 0] = 0.0
        return picked


def whole(network: Network) -> Part:
    """All of a network."""
    return Part(network, slice(None), np.arange(network.n_columns))


def part_to_sweep(
    network: Network,
    about: Iterable[str] | None,
    evidence: Iterable[str],
    known: Mapping[str, int],
) -> Part:
    """What is best swept for a question: a small network as a whole, otherwise its relevant part.

    The parameters are those of `relevant_part`. A network that moves through time is swept as a
    whole, too: its evidence comes step by step, and its plan serves all of them.
    """
    if network.dynamic or network.auxiliaries or _is_small(network):
        return whole(network)
    return relevant_part(network, about, evidence, known)


@lru_cache(maxsize=64)
def _is_small(network: Network) -> bool:
    if len(network.nodes) > FEW_VARIABLES:
        return False
    try:
        return planned_slice(network, first=True).plan.operations <= FEW_OPERATIONS
    except TooLarge:
        return False


def relevant_part(
    network: Network,
    about: Iterable[str] | None,
    evidence: Iterable[str],
    known: Mapping[str, int],
) -> Part:
    """The part of a static network that some variables depend on, given evidence.

    Parameters
    ----------
    about
        Variables in question; None if it is the probability of the evidence, which depends on all
        evidence.
    evidence
        Variables with evidence in any draw.
    known
        Variables that are known to be in one state, by its number, in all draws.

    Examples
    --------
    >>> rain = Node("rain", ("no", "yes"), Block((), 0), None)
    >>> grass = Node("grass", ("dry", "wet"), Block((("rain", 0),), 2), None)
    >>> network = Network((rain, grass), n_cells=6, dynamic=False)
    >>> relevant_part(network, ["rain"], [], {}).network.names
    ('rain',)
    >>> part = relevant_part(network, ["rain"], ["grass"], {"grass": 1})
    >>> part.cells, part.columns
    (array([0, 1, 3, 5]), array([0, 1, 3]))
    """
    asked = set[str]() if about is None else set(about)
    part = network.relevant_to([*evidence, *asked])
    cut = {name: known[name] for name in part.names if name in known}
    nodes = list(part.nodes) if about is None else _connected(part, cut, asked)
    cells = [_cells_left(network, node, cut) for node in nodes]
    starts = np.cumsum([0, *(each.size for each in cells)]).tolist()
    found = [_cut(node, cut, start) for node, start in zip(nodes, starts, strict=False)]
    columns = [
        int(network.states(node.name).start) + state
        for node in nodes
        for state in ([cut[node.name]] if node.name in cut else range(len(node.states)))
    ]
    return Part(
        replace(network, nodes=tuple(found), n_cells=starts[-1]),
        np.concatenate([np.empty(0, np.int64), *cells]),
        np.array(columns, np.int64),
    )


def _connected(part: Network, cut: Mapping[str, int], asked: Set[str]) -> list[Node]:
    """Nodes whose tables are linked to a question by variables that are not known."""
    scopes = [
        {name for name in (*_parents(node), node.name) if name not in cut} for node in part.nodes
    ]
    holding: dict[str, list[int]] = {}
    for at, scope in enumerate(scopes):
        for name in scope:
            holding.setdefault(name, []).append(at)
    linked = {at for at, name in enumerate(part.names) if name in asked}
    reached = set().union(*(scopes[at] for at in linked))
    waiting = list(reached)
    while waiting:
        for at in holding.get(waiting.pop(), ()):
            linked.add(at)
            waiting += scopes[at] - reached
            reached |= scopes[at]
    return [node for at, node in enumerate(part.nodes) if at in linked]


def _parents(node: Node) -> list[str]:
    return [name for name, _ in node.first.parents] if node.first else []


def _cut(node: Node, cut: Mapping[str, int], start: int) -> Node:
    """A variable of the part: without known parents, and with one state if it is known."""
    # The same state whichever is known, so that one plan serves all of them.
    states = ("known",) if node.name in cut else node.states
    if node.first is None:
        return replace(node, states=states)
    parents = tuple(parent for parent in node.first.parents if parent[0] not in cut)
    return Node(node.name, states, Block(parents, start), None)


def _cells_left(network: Network, node: Node, cut: Mapping[str, int]) -> Index:
    """Cells of a variable's table where all variables that are known have their states."""
    if node.first is None:
        return np.empty(0, np.int64)
    lies = network.cells(node.first, node.name)
    cells = np.arange(lies.start, lies.stop).reshape(network.table_shape(node.first, node.name))
    axes = (*_parents(node), node.name)
    return cells[tuple(cut.get(axis, slice(None)) for axis in axes)].ravel()
