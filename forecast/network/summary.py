"""What a network prints of itself."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from forecast.layout import MOST_ROWS, Row, Summary, listed
from forecast.wording import counted

if TYPE_CHECKING:
    from forecast.network.structure import Network


def network_summary(network: Network) -> Summary:
    """The variables of a network with their parents.

    Parameters
    ----------
    network
        The network.
    """
    kind = "dynamic network" if network.dynamic else "network"
    count = counted(len(network.names), "variable")
    title = f"A {kind} of {count}, {network.n_cells} table cells"
    return Summary(title, ("Variable", "States", "Parents"), list(node_rows(network)))


def node_rows(network: Network) -> Iterator[Row]:
    """Rows of the first variables: name, states, parents; the last row counts the rest."""
    shown = MOST_ROWS if len(network.nodes) > MOST_ROWS + 1 else len(network.nodes)
    for node in islice(network.nodes, shown):
        block = node.later or node.first
        given = block.parents if block else ()
        parents = (f"previous {name}" if lag else name for name, lag in given)
        yield node.name, listed(node.states), listed(parents)
    if shown < len(network.nodes):
        yield f"… and {len(network.nodes) - shown} more", "", ""
