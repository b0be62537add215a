"""What each cell of a network's tables says, as labels of an answer about cells."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from forecast.network.structure import Block, Network, Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xarray import Coordinates

LEVELS = ("variable", "table", "parents", "state")


def cell_labels(network: Network) -> Coordinates:
    """Coordinates of a dimension ``cell`` that say what each table cell is the probability of.

    Returns
    -------
    xarray.Coordinates
        A multi-index of ``variable``; ``table``, the steps for which it holds: "first", "later",
        or "every" if one table serves all; ``parents``, their states as "name=state", a
        "previous name=state" if they are those of the step before; and ``state``. Cells that no
        table uses are labelled "".

    Examples
    --------
    >>> rain = Node("rain", ("no", "yes"), Block((), 0), None)
    >>> grass = Node("grass", ("dry", "wet"), Block((("rain", 0),), 2), None)
    >>> labels = cell_labels(Network((rain, grass), n_cells=6, dynamic=False))
    >>> labels["cell"].to_index()[5]
    ('grass', 'every', 'rain=yes', 'wet')
    """
    import pandas as pd
    import xarray as xr

    labels = [("", "", "", "")] * network.n_cells
    for node in network.nodes:
        for table, block in _tables(network, node):
            lies = network.cells(block, node.name)
            labels[lies] = [
                (node.name, table, parents, state)
                for parents in _parent_states(network, block)
                for state in node.states
            ]
    index = pd.MultiIndex.from_tuples(labels, names=LEVELS)
    return xr.Coordinates.from_pandas_multiindex(index, "cell")


def _tables(network: Network, node: Node) -> Iterator[tuple[str, Block]]:
    alike = not network.dynamic or node.first == node.later
    if node.first is not None:
        yield "every" if alike else "first", node.first
    if node.later is not None and not alike:
        yield "later", node.later


def _parent_states(network: Network, block: Block) -> Iterator[str]:
    """The rows of a table, in its order: the states of its parents, the first slowest."""
    named = [
        [f"{'previous ' * bool(lag)}{parent}={state}" for state in network.node(parent).states]
        for parent, lag in block.parents
    ]
    return map(", ".join, product(*named))
