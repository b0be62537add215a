"""A network while it is being read: checks that can point at a place in the file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from math import prod

import numpy as np
import numpy.typing as npt

from forecast.arrays import Array
from forecast.errors import warn
from forecast.interchange import rows
from forecast.interchange.network_checks import (
    MAX_CELLS,
    RESERVED,
    cycle_text,
    find_cycle,
    parent_faults,
    state_faults,
    text_fault,
)
from forecast.interchange.source import SHOWN_TEXT, NetworkText, Numbers, shortened
from forecast.interchange.tabled import Properties, TabledNetwork

SHOWN_LEFT_OUT = 10
"""Nodes that a warning names; the notes name all."""


class Draft:
    """Variables, parents and tables as far as they have been read.

    A variable with a fault stays known, without states, so that one fault is reported once.
    """

    def __init__(self, source: NetworkText, name: str = "unnamed") -> None:
        self.source, self.name = source, name
        self.states: dict[str, tuple[str, ...]] = {}
        self.places: dict[str, int] = {}
        self.parents: dict[str, tuple[str, ...]] = {}
        self.defined: dict[str, int] = {}
        self.tables: dict[str, Array] = {}
        self.firmness: dict[str, tuple[str, int]] = {}
        self.properties: dict[str, list[tuple[str, str]]] = {}
        self.left_out: dict[str, str] = {}
        self.cells = 0

    def call(self, name: str, at: int) -> None:
        """Name the network."""
        if fault := text_fault(name):
            self.source.wrong(at, f"the network's name {shortened(name)} {fault}")
        else:
            self.name = name

    def declare(self, name: str, states: Iterable[str], at: int) -> None:
        """Add a variable."""
        if fault := text_fault(name):
            self.source.wrong(at, f"the name {shortened(name)} {fault}")
            return
        if name in self.states:
            earlier = self.source.place(self.places[name])
            self.source.wrong(at, f"the variable {name!r} is declared already at {earlier}")
            return
        if name in self.left_out:
            self.source.wrong(at, f"the name {name!r} is that of {self.left_out[name]} as well")
            return
        labels = tuple(states)
        faults = list(state_faults(labels))
        for fault in faults:
            self.source.wrong(at, f"{name}: {fault}")
        self.states[name] = () if faults else labels
        self.places[name] = at

    def spoil(self, name: str, at: int) -> None:
        """Know a variable whose declaration cannot be read."""
        self.states.setdefault(name, ())
        self.places.setdefault(name, at)

    def leave_out(self, name: str, kind: str, at: int) -> None:
        """Know a node that is no chance node; it is an error only if a chance node needs it."""
        self.left_out[name] = kind
        self.source.changed(at, f"left out: {shortened(name)}, {kind}; no chance node needs it")

    def define(self, name: str, parents: Iterable[str], at: int) -> tuple[int, ...] | None:
        """Set a variable's parents; the shape of its table, or nothing if something is wrong."""
        if name not in self.states:
            message = next(parent_faults("", (name,), self.states)).replace("the parent ", "")
            self.source.wrong(at, message)
            return None
        if name in self.defined:
            earlier = self.source.place(self.defined[name])
            self.source.wrong(at, f"the table of {name!r} is given already at {earlier}")
            return None
        self.defined[name] = at
        given = tuple(parents)
        before = len(self.source.problems)
        for fault in (*self._needs(given), *parent_faults(name, given, self._known())):
            self.source.wrong(at, f"{name}: {fault}")
        if len(self.source.problems) > before:
            return None
        self.parents[name] = given
        shape = (*(len(self.states[parent]) for parent in given), len(self.states[name]))
        return self._affordable(name, shape, at)

    def _known(self) -> Mapping[str, object]:
        """Every node of the file, also those that were left out."""
        return {**self.states, **self.left_out} if self.left_out else self.states

    def _needs(self, parents: tuple[str, ...]) -> Iterator[str]:
        """What is wrong with parents that are no chance nodes."""
        for parent in parents:
            if parent in self.left_out:
                kind = self.left_out[parent]
                yield (
                    f"the parent {shortened(parent)} is {kind}, which has no probabilities; "
                    "only networks of chance nodes are read: make it a chance node with a table, "
                    "or take away the arc"
                )

    def _affordable(self, name: str, shape: tuple[int, ...], at: int) -> tuple[int, ...] | None:
        self.cells += prod(shape)
        if self.cells > MAX_CELLS:
            message = f"with the table of {name} there are {self.cells:,} cells; at most "
            raise self.source.give_up(at, f"{message}{MAX_CELLS:,} are handled")
        return shape if all(shape) else None

    def fill(self, name: str, numbers: Numbers, shape: tuple[int, ...]) -> None:
        """Set a table whose numbers come parents slowest, own state fastest."""
        if rows.complete(self.source, name, numbers, shape):
            self.fill_cells(name, numbers, np.arange(prod(shape), dtype=np.int64).reshape(shape))

    def fill_cells(self, name: str, numbers: Numbers, cells: npt.NDArray[np.int64]) -> None:
        """Set a table from numbers in any order; `cells` says which number each cell is."""
        table = rows.table_of(self.source, name, numbers, cells)
        if table is not None:
            self.tables[name] = table

    def describe(self, name: str, pair: tuple[str, str], at: int) -> None:
        """Add a property; the network's own go under the empty name."""
        key, value = pair
        if name and key == RESERVED:
            if name in self.firmness:
                self.source.wrong(at, f"a second concentration of {name}")
            self.firmness[name] = (value, at)
        elif fault := text_fault(key) or (value and text_fault(value, breaks=True)):
            self.source.wrong(at, f"the property {shortened(key)} {fault}")
        else:
            self.properties.setdefault(name, []).append((key, value))

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a variable's table."""
        sizes = (len(self.states[parent]) for parent in self.parents[name])
        return (*sizes, len(self.states[name]))

    def _concentration(self) -> dict[str, Array]:
        """What is said of how firmly rows are known; the shapes of tables must be known first."""
        found: dict[str, Array] = {}
        for name, (text, at) in self.firmness.items():
            if name in self.parents and all(self.shape(name)):
                read = rows.concentration_of(self.source, text, self.shape(name)[:-1], at)
                found |= {} if read is None else {name: read}
        return found

    def _warn_of_left_out(self) -> None:
        if self.left_out:
            kinds = (f"{name[:SHOWN_TEXT]} ({kind})" for name, kind in self.left_out.items())
            shown = ", ".join(islice(kinds, SHOWN_LEFT_OUT))
            more = len(self.left_out) - SHOWN_LEFT_OUT
            warn(self.source.where, [f"left out: {shown}" + f" and {more:,} more" * (more > 0)])

    def finish(self) -> TabledNetwork:
        """The network, or all problems that were found."""
        for name, at in self.places.items():
            if self.states[name] and name not in self.defined:
                self.source.wrong(at, f"the variable {name!r} has no table")
        if not self.states and not self.source.problems:
            rest = f": {len(self.left_out):,} nodes are left out" if self.left_out else ""
            self.source.wrong(0, f"no variables; a network has at least one{rest}")
        concentration = self._concentration()
        if not self.source.problems and (cycle := find_cycle(self.parents)):
            self.source.wrong(self.defined[cycle[0]], cycle_text(cycle))
        self.source.raise_problems()
        self._warn_of_left_out()
        properties: dict[str, Properties] = {key: tuple(p) for key, p in self.properties.items()}
        return TabledNetwork(
            self.name,
            self.states,
            self.parents,
            self.tables,
            concentration,
            properties,
            tuple(self.source.notes),
        )
