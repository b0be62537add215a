"""Names and labels that XDSL cannot hold, and the extension that keeps them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from forecast.interchange.markup import Element

EXTENSION = "forecast"

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_OTHER = re.compile(r"[^A-Za-z0-9_]+")
MOST_LETTERS = 30


def is_identifier(name: str) -> bool:
    """Whether XDSL can hold a name: a letter, then letters, digits and underscores."""
    return _IDENTIFIER.fullmatch(name) is not None


def identifiers(names: Iterable[str], first: str) -> list[str]:
    """Identifiers for names, all different: a name itself where it is one already.

    Parameters
    ----------
    names
        The names, all different.
    first
        What to begin with where a name does not begin with a letter.

    Examples
    --------
    >>> identifiers(["tall", "<5", "5-10", "<<5", "s_5"], "s")
    ['tall', 's_5_2', 's5_10', 's_5_3', 's_5']
    """
    given = list(names)
    taken = {name.lower() for name in given if is_identifier(name)}
    counts: dict[str, int] = {}
    found = []
    for name in given:
        plain = name if is_identifier(name) else _free(_plain(name, first), taken, counts)
        taken.add(plain.lower())
        found.append(plain)
    return found


def _plain(name: str, first: str) -> str:
    spelled = _OTHER.sub("_", name)[:MOST_LETTERS]
    return spelled if is_identifier(spelled) else first + spelled


def _free(plain: str, taken: set[str], counts: dict[str, int]) -> str:
    """The identifier, or the identifier with the first number that makes it new."""
    candidate = plain
    while candidate.lower() in taken:
        counts[plain] = counts.get(plain, 1) + 1
        candidate = f"{plain}_{counts[plain]}"
    return candidate


class Names:
    """What the extension of a document says about its ids; an id stands for itself otherwise."""

    def __init__(self, root: Element) -> None:
        extensions = root.first("extensions")
        found = extensions.first(EXTENSION) if extensions is not None else None
        self._network = found if found is not None else Element(EXTENSION, {}, 0)
        self._nodes = {child.attributes.get("id", ""): child for child in self._network.all("node")}

    @property
    def network(self) -> str | None:
        """Name of the network."""
        return self._network.attributes.get("name")

    def ordered(self, nodes: list[Element]) -> list[Element]:
        """Nodes in the order of the extension, which the document itself cannot always keep."""
        places = {given: place for place, given in enumerate(self._nodes)}
        return sorted(
            nodes, key=lambda node: places.get(node.attributes.get("id", ""), len(places))
        )

    def variable(self, given: str) -> str:
        """Name of the node with an id."""
        node = self._nodes.get(given)
        return given if node is None else node.attributes.get("name", given)

    def states(self, node: str, given: tuple[str, ...]) -> list[str]:
        """Labels of a node's states."""
        known = self._nodes.get(node)
        children = known.all("state") if known is not None else ()
        labels = {c.attributes.get("id", ""): c.attributes.get("label", "") for c in children}
        return [labels.get(state, state) for state in given]

    def properties(self, node: str) -> Iterator[tuple[tuple[str, str], int]]:
        """Properties of a node that could not stand in the node itself, with their places."""
        element = self._nodes.get(node) if node else self._network
        for child in element.all("property") if element is not None else ():
            yield (child.attributes.get("name", ""), child.text.strip()), child.at
