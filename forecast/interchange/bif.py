"""The Interchange Format for Bayesian networks (BIF), as the bnlearn repository uses it.

A conditional `table` has its own state slowest and its last parent fastest, as in JavaBayes,
pgmpy and pyAgrum; rows by their parents' states need no order. Commas, and the bar between a
variable and its parents, may be left out, as in JavaBayes. Names and labels that hold a
blank or one of ``{ } ( ) [ ] | , ; "`` stand in double quotes. How firmly rows are known travels
in a property of the table, ``concentration``, which other tools pass over.
"""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
import numpy.typing as npt

from forecast.interchange.bif_blocks import Entry, Reader, TableBlock, VariableBlock
from forecast.interchange.bif_tokens import word_text
from forecast.interchange.draft import Draft
from forecast.interchange.network_checks import shape_text, suggest
from forecast.interchange.properties import property_of, property_text
from forecast.interchange.rows import concentration_text, numbers_text
from forecast.interchange.source import NetworkText, checked, shortened
from forecast.interchange.tabled import TabledNetwork

Cells = npt.NDArray[np.int64]


def read(text: str, where: str = "BIF") -> TabledNetwork:
    """Read a network.

    Parameters
    ----------
    text
        A BIF document.
    where
        What to call it in problems.

    Raises
    ------
    InputError
        With every problem, by line and column.

    Examples
    --------
    >>> read('''network rain { }
    ... variable rain { type discrete [ 2 ] { no, yes }; }
    ... probability ( rain ) { table 0.8, 0.2; }''').tables["rain"]
    array([0.8, 0.2])
    """
    source = NetworkText(checked(text, where), where)
    reader = Reader(source)
    reader.read()
    draft = Draft(source)
    if reader.name is not None:
        draft.call(*reader.name)
    for pair, at in reader.properties:
        draft.describe("", property_of(pair), at)
    for variable in reader.variables:
        _declare(draft, variable)
    for table in reader.tables:
        _define(draft, table)
    return draft.finish()


def _declare(draft: Draft, block: VariableBlock) -> None:
    if block.spoilt:
        draft.spoil(block.name, block.at)
        return
    if block.size != len(block.states):
        message = f"{block.name} has {len(block.states)} states; [ {block.size} ] says otherwise"
        draft.source.wrong(block.at, message)
        draft.spoil(block.name, block.at)
        return
    draft.declare(block.name, block.states, block.at)
    for pair, at in block.properties:
        draft.describe(block.name, property_of(pair), at)


def _define(draft: Draft, block: TableBlock) -> None:
    shape = draft.define(block.name, block.parents, block.at)
    if shape is None:
        return
    for pair, at in block.properties:
        draft.describe(block.name, property_of(pair), at)
    if block.spoilt:
        return
    places = _Places(draft, block, shape)
    fitting = [places.put(entry) for entry in block.entries]
    if all(fitting) and places.full():
        draft.fill_cells(block.name, block.numbers(draft.source), places.cells)


class _Places:
    """Which number of a block each cell of its table is."""

    def __init__(self, draft: Draft, block: TableBlock, shape: tuple[int, ...]) -> None:
        self.source, self.block, self.shape = draft.source, block, shape
        self.labels = [draft.states[parent] for parent in block.parents]
        self.index = [{label: i for i, label in enumerate(labels)} for labels in self.labels]
        self.cells: Cells = np.full(shape, -1, np.int64)
        self.default: Cells | None = None

    def put(self, entry: Entry) -> bool:
        """Place the numbers of an entry; whether they fit."""
        own = self.shape[-1]
        needed = prod(self.shape) if entry.kind == "table" else own
        if entry.stop - entry.start != needed:
            message = f"{entry.stop - entry.start} numbers; {self.block.name} needs "
            text = shape_text(self.shape) if entry.kind == "table" else f"{own}, one for each state"
            self.source.wrong(entry.at, message + text)
            return False
        which = np.arange(entry.start, entry.stop, dtype=np.int64)
        if entry.kind == "row":
            return self._put_row(entry, which)
        twice = self.default is not None if entry.kind == "default" else (self.cells >= 0).any()
        if twice:
            self.source.wrong(entry.at, f"a second {entry.kind} of {self.block.name}")
            return False
        if entry.kind == "default":
            self.default = which
        else:
            self.cells = np.moveaxis(which.reshape(own, *self.shape[:-1]), 0, -1).copy()
        return True

    def _put_row(self, entry: Entry, which: Cells) -> bool:
        if len(entry.labels) != len(self.labels):
            message = f"{len(entry.labels)} parent states; {self.block.name} has "
            self.source.wrong(entry.at, f"{message}{len(self.labels)} parents")
            return False
        at = []
        for parent, label, index in zip(self.block.parents, entry.labels, self.index, strict=True):
            if label not in index:
                message = f"{shortened(label)} is not a state of {parent}; {suggest(label, index)}"
                self.source.wrong(entry.at, message)
                return False
            at.append(index[label])
        if self.cells[(*at, 0)] >= 0:
            row = ", ".join(entry.labels)
            self.source.wrong(entry.at, f"a second row ({row}) of {self.block.name}")
            return False
        self.cells[tuple(at)] = which
        return True

    def full(self) -> bool:
        """Whether every row has its numbers, its own or the default ones."""
        missing = self.cells[..., 0] < 0
        if not missing.any():
            return True
        if self.default is not None:
            self.cells[missing] = self.default
            return True
        row = np.argwhere(missing)[0]
        names = ", ".join(labels[i] for labels, i in zip(self.labels, row, strict=True))
        count = int(missing.sum())
        more = f"{count} rows, the first" if count > 1 else "the row"
        which = f"{more} ({names})" if self.labels else "the table"
        self.source.wrong(self.block.at, f"{self.block.name} lacks {which}, and has no default")
        return False


def write(network: TabledNetwork) -> str:
    """Write a network; `read` gives it back to the last bit.

    Parameters
    ----------
    network
        The network.

    Examples
    --------
    >>> rain = TabledNetwork("rain", {"rain": ("no", "yes")}, tables={"rain": [0.8, 0.2]})
    >>> print(write(rain), end="")
    network rain {
    }
    variable rain {
      type discrete [ 2 ] { no, yes };
    }
    probability ( rain ) {
      table 0.8, 0.2;
    }
    """
    lines = [f"network {word_text(network.name)} {{", *_property_lines(network, ""), "}"]
    for name, states in network.variables.items():
        labels = ", ".join(map(word_text, states))
        lines += [f"variable {word_text(name)} {{"]
        lines += [f"  type discrete [ {len(states)} ] {{ {labels} }};"]
        lines += [*_property_lines(network, name), "}"]
    for name in network.variables:
        lines += _table_lines(network, name)
    return "\n".join(lines) + "\n"


def _property_lines(network: TabledNetwork, name: str) -> list[str]:
    return [f"  property {property_text(*pair)};" for pair in network.properties.get(name, ())]


def _table_lines(network: TabledNetwork, name: str) -> list[str]:
    parents, table = network.parents[name], network.tables[name]
    given = f" | {', '.join(map(word_text, parents))}" if parents else ""
    lines = [f"probability ( {word_text(name)}{given} ) {{"]
    if name in network.concentration:
        text = concentration_text(network.concentration[name])
        lines.append(f"  property concentration = {text};")
    rows = table.reshape(-1, table.shape[-1])
    states = product(*(map(word_text, network.variables[parent]) for parent in parents))
    for labels, row in zip(states, rows, strict=True):
        head = f"({', '.join(labels)})" if parents else "table"
        lines.append(f"  {head} {', '.join(numbers_text(row))};")
    return [*lines, "}"]
