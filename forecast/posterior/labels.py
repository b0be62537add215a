"""Labels of answers: the days of steps, the states of variables and the cells of tables."""

from __future__ import annotations

from datetime import date
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.network.structure import Block, Network, Node
from forecast.wording import earlier

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from xarray import Coordinates

LEVELS = ("variable", "table", "parents", "state")


def time_labels(times: Iterable[Any]) -> Any:
    """Labels of steps: days as ``datetime64``, in seconds so that no calendar is too long."""
    labels = list(times)
    days = all(isinstance(label, date) for label in labels)
    return np.array(labels, "datetime64[s]") if days else labels


def state_labels(network: Network, names: Sequence[str] | None = None) -> dict[str, Any]:
    """Coordinates of a dimension ``variable_state``: the states of variables, one after another.

    Each is labelled "variable=state", and by its ``variable`` and its ``state`` apart. (A
    multi-index of the two could not be written to a netCDF file, nor does ArviZ summarise one.)

    Parameters
    ----------
    network, names
        The network, and some of its variables; all unless they are given.
    """
    pairs = [(name, s) for name in names or network.names for s in network.node(name).states]
    columns = [f"{name}={state}" for name, state in pairs], *zip(*pairs, strict=True)
    return {
        label: ("variable_state", np.array(column, dtype=str))
        for label, column in zip(("variable_state", "variable", "state"), columns, strict=True)
    }


def cell_labels(network: Network) -> Coordinates:
    """Coordinates of a dimension ``cell`` that say what each table cell is the probability of.

    Returns
    -------
    xarray.Coordinates
        A multi-index of ``variable``; ``table``, the steps for which it holds: "first", "later",
        or "every" if one table serves all; ``parents``, their states as "name=state", a
        "previous name=state" if they are those of the step before, "previous 2 name=state" if
        they are those of the step before that; and ``state``. Cells that no
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
        [f"{earlier(parent, lag)}={state}" for state in network.node(parent).states]
        for parent, lag in block.parents
    ]
    return map(", ".join, product(*named))
