"""The NET format of Hugin: blocks of attributes for the network, its nodes and its potentials.

The data of a potential have the first parent slowest and the node's own state fastest. A network
may stand within a class, as newer files have it. Names that are no identifiers, properties that
cannot be attributes, and how firmly rows are known travel in attributes of their own,
``forecast_name``, ``forecast_property`` and ``concentration``, which other tools keep or pass over.
Attributes that say how a node is drawn are left out; so are decisions and utilities, with a note,
where no chance node needs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from forecast.interchange.draft import Draft
from forecast.interchange.properties import property_of, property_text, quoted, unquoted
from forecast.interchange.rows import concentration_text, numbers_text
from forecast.interchange.source import NetworkText, checked, numbers_from, shortened
from forecast.interchange.tabled import TabledNetwork

_TOKEN = re.compile(
    r"""%[^\n]*+|(?P<text>"(?:[^"\\]++|\\.)*+")|(?P<word>[(){}=;|]|[^ \t\n\f\v,(){}=;|"%]++|")""",
    re.DOTALL,
)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NODES = {"node": "", "discrete": "", "decision": "a decision", "utility": "a utility"}
_OTHERS = ("continuous", "function", "instance")
_DRAWN = ("position", "node_size", "visible", "bold")
_KINDS = ("potential", "class", "net", *_NODES, *_OTHERS)
NAME, PROPERTY = "forecast_name", "forecast_property"
_OWN = (NAME, "concentration")
_RESERVED = ("states", "data", "concentration", NAME, PROPERTY, *_DRAWN)


class Token(NamedTuple):
    """A word, a sign or a text in quotes, and its offset."""

    text: str
    at: int


Attributes = list[tuple[str, list[Token]]]


def read(text: str, where: str = "NET") -> TabledNetwork:
    """Read a network.

    Parameters
    ----------
    text
        A NET document.
    where
        What to call it in problems.

    Raises
    ------
    InputError
        By line and column. Reading ends with the first fault of a block's frame; faults of
        variables and rows are reported together.

    Examples
    --------
    >>> read('''net { } node rain { states = ("no" "yes"); }
    ... potential (rain) { data = (0.8 0.2); }''').tables["rain"]
    array([0.8, 0.2])
    """
    source = NetworkText(checked(text, where), where)
    return _Reader(source).read()


class _Reader:
    """Reads blocks, one after the other; potentials are held to the nodes at the end."""

    def __init__(self, source: NetworkText) -> None:
        assert isinstance(source.text, str)
        self.source, self.draft = source, Draft(source)
        self.tokens = [
            Token(each.group(), each.start())
            for each in _TOKEN.finditer(source.text)
            if each.lastgroup
        ]
        self.tokens.append(Token("", len(source.text)))
        self.next = 0
        self.names: dict[str, str] = {}
        self.potentials: list[tuple[list[Token], Attributes, int]] = []

    def read(self) -> TabledNetwork:
        in_class = False
        while (token := self._take()).text:
            if token.text == "class":
                in_class = True
                self.draft.call(*self._name("the name of a class"))
                self._sign("{")
            elif token.text == "}" and in_class:
                in_class = False
            elif token.text == "net":
                self._network()
            elif token.text == "potential":
                scope = list(self._until(self._sign("("), ")"))
                self.potentials.append((scope, self._block(), token.at))
            elif token.text in _NODES:
                self._node(token)
            elif in_class and self.tokens[self.next].text == "=":
                value = list(self._until(self._sign("="), ";"))
                self._describe("", [(token.text, value)] if value else [])
            else:
                raise self._unexpected(token, "'node' or 'potential'")
        for potential in self.potentials:
            self._define(*potential)
        return self.draft.finish()

    def _network(self) -> None:
        found = self._block()
        if name := _last(found, NAME):
            self.draft.call(_plain(name), name[0].at)
        self._describe("", found)

    def _describe(self, name: str, attributes: Attributes) -> None:
        """Keep attributes as properties, but those that say something else."""
        for key, value in attributes:
            if key in (PROPERTY, "concentration") or key not in _RESERVED:
                pair = property_of(_plain(value)) if key == PROPERTY else (key, _plain(value))
                self.draft.describe(name, pair, value[0].at)

    def _node(self, kind: Token) -> None:
        if kind.text == "discrete" and (word := self._take()).text != "node":
            raise self._unexpected(word, "'node'")
        identifier, at = self._name("the name of a node")
        found = self._block()
        name = _plain(_last(found, NAME)) or identifier
        self.names[identifier] = name
        if _NODES[kind.text]:
            self.draft.leave_out(name, _NODES[kind.text], at)
            return
        states = [unquoted(t.text) for t in _last(found, "states") if t.text not in "()"]
        self.draft.declare(name, states, at)
        self._describe(name, found)

    def _define(self, scope: list[Token], found: Attributes, at: int) -> None:
        """Check the scope of a potential, and define its node."""
        texts = [each.text for each in scope]
        names = [self.names.get(text, text) for text in texts]
        if names and names[0] in self.draft.left_out:
            return
        if texts[1:2] not in ([], ["|"]) or texts.count("|") > 1 or not texts:
            message = "a potential is of one node, given its parents: (node | parent parent)"
            self.source.wrong(at, message)
            return
        shape = self.draft.define(names[0], names[2:], scope[0].at)
        if shape is None:
            return
        data = _last(found, "data")
        if not data:
            self.source.wrong(at, f"the potential of {names[0]} has no data; only tables are read")
            return
        text = str(self.source.text)
        given = (each for each in data if each.text not in "()")
        numbers = numbers_from(self.source, given, text, int, data[0].at)
        self.draft.fill(names[0], numbers, shape)

    def _block(self) -> Attributes:
        """Attributes up to the brace that closes a block."""
        self._sign("{")
        found = Attributes()
        while (token := self._take()).text != "}":
            if not token.text or token.text in "(){=;|":
                raise self._unexpected(token, "an attribute or '}'")
            begin = self._sign("=")
            found.append((token.text, list(self._until(begin, ";")) or [Token("", begin)]))
        return found

    def _until(self, begin: int, end: str) -> Iterator[Token]:
        while (token := self._take()).text != end:
            if token.text in ("", "{", "}", '"'):
                raise self.source.give_up(begin, f"what begins here does not end with {end!r}")
            yield token

    def _name(self, what: str) -> tuple[str, int]:
        token = self._take()
        if not _IDENTIFIER.fullmatch(token.text):
            raise self._unexpected(token, what)
        return token.text, token.at

    def _sign(self, sign: str) -> int:
        token = self._take()
        if token.text != sign:
            raise self._unexpected(token, repr(sign))
        return token.at

    def _unexpected(self, token: Token, what: str) -> Exception:
        shown = shortened(token.text) if token.text else "the end of the file"
        rule = "; only discrete nodes with tables are read" if token.text in _OTHERS else ""
        return self.source.give_up(token.at, f"{shown} where {what} is expected{rule}")

    def _take(self) -> Token:
        token = self.tokens[self.next]
        self.next = min(self.next + 1, len(self.tokens) - 1)
        return token


def _last(attributes: Attributes, key: str) -> list[Token]:
    """The value of an attribute, the last one if it is given several times."""
    return next((value for each, value in reversed(attributes) if each == key), [])


def _plain(value: list[Token]) -> str:
    """The value of an attribute as one text."""
    return " ".join(unquoted(token.text) for token in value)


def write(network: TabledNetwork) -> str:
    """Write a network; `read` gives it back to the last bit.

    Parameters
    ----------
    network
        The network. A name that is no identifier is kept in an attribute.

    Examples
    --------
    >>> rain = TabledNetwork("rain", {"rain": ("no", "yes")}, tables={"rain": [0.8, 0.2]})
    >>> print(write(rain), end="")
    net
    {
      forecast_name = "rain";
    }
    node rain
    {
      states = ("no" "yes");
    }
    potential (rain)
    {
      data = (0.8 0.2);
    }
    """
    names = _identifiers(network)
    pairs = [(NAME, network.name), *network.properties.get("", ())]
    lines = ["net", "{", *_attributes(pairs), "}"]
    for name, states in network.variables.items():
        pairs = [(NAME, name)] if names[name] != name else []
        pairs += network.properties.get(name, ())
        if name in network.concentration:
            pairs.append(("concentration", concentration_text(network.concentration[name])))
        labels = " ".join(map(quoted, states))
        lines += [f"node {names[name]}", "{", f"  states = ({labels});", *_attributes(pairs), "}"]
    for name, table in network.tables.items():
        parents = [names[parent] for parent in network.parents[name]]
        given = f" | {' '.join(parents)}" if parents else ""
        rows = [" ".join(numbers_text(row)) for row in table.reshape(-1, table.shape[-1])]
        data = f"({rows[0]})" if not parents else _nested(rows, table.shape[:-1])
        lines += [f"potential ({names[name]}{given})", "{", f"  data = {data};", "}"]
    return "\n".join(lines) + "\n"


def _nested(rows: list[str], shape: tuple[int, ...]) -> str:
    """Rows in parentheses, and those in parentheses for each parent."""
    parts = [f"({row})" for row in rows]
    for size in reversed(shape):
        parts = [f"({' '.join(parts[at : at + size])})" for at in range(0, len(parts), size)]
    return parts[0].replace(") (", ")\n    (")


def _identifiers(network: TabledNetwork) -> dict[str, str]:
    """What each variable is called in the file: its name, or a number where that is none."""
    taken = {*network.variables, *_KINDS}
    found = {}
    for at, name in enumerate(network.variables):
        plain = _IDENTIFIER.fullmatch(name) and name not in _KINDS
        called = name if plain else f"v{at}"
        while not plain and called in taken:
            called += "_"
        found[name] = called
        taken.add(called)
    return found


def _attributes(pairs: list[tuple[str, str]]) -> list[str]:
    lines = []
    for key, value in pairs:
        plain = _IDENTIFIER.fullmatch(key) and (key not in _RESERVED or key in _OWN)
        name, text = (key, value) if plain else (PROPERTY, property_text(key, value))
        lines.append(f"  {name} = {quoted(text)};")
    return lines
