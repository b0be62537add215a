"""The blocks of a BIF document as they stand there, before any of them is held to another."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from forecast.interchange.bif_tokens import Token, Tokens
from forecast.interchange.network_checks import MAX_STATES
from forecast.interchange.source import NetworkText, Numbers, Unreadable, number

Property = tuple[str, int]

_BLOCKS = ("network", "variable", "probability")


@dataclass(slots=True)
class VariableBlock:
    """A variable; `spoilt` if some of it cannot be read."""

    name: str
    at: int
    states: list[str] = field(default_factory=list)
    size: int | None = None
    properties: list[Property] = field(default_factory=list)
    spoilt: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A table, a default row, or the row of some parent states: which numbers it has."""

    kind: Literal["table", "default", "row"]
    labels: tuple[str, ...]
    start: int
    stop: int
    at: int


@dataclass(slots=True)
class TableBlock:
    """The table of a variable given its parents; `spoilt` if some of it cannot be read."""

    name: str
    parents: list[str]
    at: int
    entries: list[Entry] = field(default_factory=list)
    values: array[float] = field(default_factory=lambda: array("d"))
    starts: array[int] = field(default_factory=lambda: array("q"))
    properties: list[Property] = field(default_factory=list)
    spoilt: bool = False

    def numbers(self, source: NetworkText) -> Numbers:
        """All numbers of the block."""
        assert isinstance(source.text, str)
        values, starts = np.array(self.values), np.array(self.starts, np.int64)
        return Numbers(values, starts, source.text, int, self.at)


class Reader:
    """Reads blocks; after a fault it goes on with the next statement or the next block."""

    def __init__(self, source: NetworkText) -> None:
        self.source, self.tokens = source, Tokens(source)
        self.name: tuple[str, int] | None = None
        self.properties: list[Property] = []
        self.variables: list[VariableBlock] = []
        self.tables: list[TableBlock] = []
        self.ranged = 0

    def read(self) -> None:
        """Read all blocks."""
        while not self.tokens.at_end():
            try:
                self._block(self.tokens.take())
            except Unreadable:
                while not (self.tokens.at_end() or self._at_block()):
                    self.tokens.take()

    def _at_block(self) -> bool:
        return self.tokens.next.kind == "word" and self.tokens.next.text in _BLOCKS

    def _block(self, token: Token) -> None:
        if token.kind != "word" or token.text not in _BLOCKS:
            message = f"{token.shown} where 'network', 'variable' or 'probability' is expected"
            self.source.wrong(token.at, message)
            raise Unreadable
        {"network": self._network, "variable": self._variable, "probability": self._probability}[
            token.text
        ]()

    def _network(self) -> None:
        if not self.tokens.next.is_mark("{"):
            token = self.tokens.take_name("the network's name")
            if self.name is not None:
                self.source.wrong(token.at, "a second network; a file holds one")
            self.name = (token.text, token.at)
        self.tokens.take_mark("{", "opens the network")
        while not self._closed():
            try:
                self._word("property", "in a network")
                self.properties.append(self.tokens.take_property())
            except Unreadable:
                self.tokens.skip_statement()

    def _variable(self) -> None:
        token = self.tokens.take_name("a variable's name")
        block = VariableBlock(token.text, token.at)
        self.variables.append(block)
        block.spoilt = True  # until it has been read to its end
        self.tokens.take_mark("{", "opens the variable")
        spoilt = False
        while not self._closed():
            try:
                self._variable_statement(block)
            except Unreadable:
                spoilt = True
                self.tokens.skip_statement()
        if block.size is None and not spoilt:
            self.source.wrong(block.at, f"{block.name} has no 'type discrete [ n ] {{ … }};'")
            spoilt = True
        block.spoilt = spoilt

    def _variable_statement(self, block: VariableBlock) -> None:
        word = self._word("type property", "in a variable")
        if word == "property":
            block.properties.append(self.tokens.take_property())
            return
        if block.size is not None:
            raise self.tokens.broken(f"a second type of {block.name}")
        kind = self._word("discrete integer", "as the type of a variable")
        size = None
        if self.tokens.next.is_mark("["):
            self.tokens.take()
            size = self._whole("the number of states")
            if kind == "integer" and self.tokens.next.is_mark(","):
                self._range(block, size)
                return
            self.tokens.take_mark("]", "comes after the number of states")
        self._states(block)
        block.size = len(block.states) if size is None else size

    def _range(self, block: VariableBlock, low: int) -> None:
        """The rest of `integer [ low, high ];`: one state for each whole number."""
        self.tokens.take()
        high = self._whole("the largest number")
        self.tokens.take_mark("]", "comes after the largest number")
        self.ranged += max(high - low + 1, 0)
        if high < low or self.ranged > MAX_STATES:
            message = f"{low} to {high}; whole numbers of all ranges are 1 to {MAX_STATES:,}"
            raise self.tokens.broken(message)
        block.states = [str(value) for value in range(low, high + 1)]
        block.size = len(block.states)
        self._skip_semicolon()

    def _whole(self, what: str) -> int:
        token = self.tokens.take_name(what)
        digits = token.text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
            self.source.wrong(token.at, f"{token.shown} where {what} is expected")
            raise Unreadable
        return int(token.text)

    def _skip_semicolon(self) -> None:
        if self.tokens.next.is_mark(";"):
            self.tokens.take()

    def _states(self, block: VariableBlock) -> None:
        self.tokens.take_mark("{", "comes before the states")
        while not self.tokens.next.is_mark("}"):
            block.states.append(self.tokens.take_name("a state or '}'").text)
            if len(block.states) > MAX_STATES:
                raise self.tokens.broken(f"more than {MAX_STATES:,} states of {block.name}")
            self.tokens.skip_comma()
        self.tokens.take()
        self._skip_semicolon()

    def _probability(self) -> None:
        self.tokens.take_mark("(", "comes before the variable")
        token = self.tokens.take_name("a variable's name")
        block = TableBlock(token.text, [], token.at)
        self.tables.append(block)
        block.spoilt = True  # until it has been read to its end
        if self.tokens.next.is_mark("|,"):
            self.tokens.take()
        while not self.tokens.next.is_mark(")"):
            block.parents.append(self.tokens.take_name("a parent or ')'").text)
            self.tokens.skip_comma()
        self.tokens.take()
        self.tokens.take_mark("{", "opens the table")
        spoilt = False
        while not self._closed():
            try:
                self._table_statement(block)
            except Unreadable:
                spoilt = True
                self.tokens.skip_statement()
        block.spoilt = spoilt

    def _table_statement(self, block: TableBlock) -> None:
        at, labels = self.tokens.next.at, list[str]()
        kind: Literal["table", "default", "row"] = "row"
        if self.tokens.next.is_mark("("):
            labels = self._labels()
        else:
            word = self._word("table default property", "in a table")
            if word == "property":
                block.properties.append(self.tokens.take_property())
                return
            kind = "table" if word == "table" else "default"
        start = len(block.values)
        self._numbers(block)
        block.entries.append(Entry(kind, tuple(labels), start, len(block.values), at))

    def _labels(self) -> list[str]:
        """The states of parents, in parentheses."""
        if (found := self.tokens.take_labels()) is not None:
            return found
        labels = list[str]()
        self.tokens.take()
        while not self.tokens.next.is_mark(")"):
            labels.append(self.tokens.take_name("a state or ')'").text)
            self.tokens.skip_comma()
        self.tokens.take()
        return labels

    def _numbers(self, block: TableBlock) -> None:
        """Numbers, at least one, and the semicolon that ends them."""
        if (found := self.tokens.take_numbers()) is not None:
            block.values.extend(found[0])
            block.starts.extend(found[1])
            return
        start = len(block.values)
        while not self.tokens.next.is_mark(";"):
            token = self.tokens.take_name("a number or ';'")
            block.values.append(number(self.source, token.text, token.at))
            block.starts.append(token.at)
            self.tokens.skip_comma()
        if len(block.values) == start:
            raise self.tokens.broken("no numbers before ';'")
        self.tokens.take()

    def _word(self, legal: str, where: str) -> str:
        if self.tokens.next.kind != "word" or self.tokens.next.text not in legal.split():
            names = " or ".join(repr(word) for word in legal.split())
            raise self.tokens.broken(f"{self.tokens.next.shown} where {names} stands {where}")
        return self.tokens.take().text

    def _closed(self) -> bool:
        """Whether the block ends here; a file that ends within one, or a new block, breaks it."""
        if self.tokens.next.is_mark("}"):
            self.tokens.take()
            return True
        if self.tokens.at_end() or self._at_block():
            raise self.tokens.broken(f"{self.tokens.next.shown} before the '}}' of the block")
        return False
