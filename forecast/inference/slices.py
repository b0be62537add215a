"""The compiled circuits of a network's first and later slices, in the form that the loops take."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from forecast.inference.circuit import Circuit, Scope, arrange_axes, lay_out, plan_elimination
from forecast.inference.kernels import Slice

if TYPE_CHECKING:
    from forecast.inference.network import Block, Network


@lru_cache(maxsize=64)
def slice_circuits(network: Network, probes: tuple[Scope, ...]) -> tuple[Slice, Slice]:
    """Compiled first and later slices, in the form that the kernels take.

    The message between slices has its axes in the order that suits the later slice.
    """
    if not network.dynamic:
        only = _Draft(network, probes, first=True)
        found = only.compile(only.arrange(network.interface))
        return found, found
    later = _Draft(network, probes, first=False)
    order = later.arrange(network.interface)
    interface = tuple(axis for axis in order if axis in network.interface)
    first = _Draft(network, probes, first=True)
    return first.compile(first.arrange(interface)), later.compile(order)


def _axis(name: str, lag: int) -> str:
    return f"previous {name}" if lag else name


class _Draft:
    """One slice before its cells are laid out.

    A variable without a table is set: its likelihood has one state, and a product of that vector
    with itself is the vector again. So every table meets its own copy, which is summed out at
    once, and the variable never ties tables together.
    """

    def __init__(self, network: Network, probes: tuple[Scope, ...], *, first: bool) -> None:
        self.network = network
        self.first = first
        self.probes = probes
        self.blocks = [
            (node.name, block)
            for node in network.nodes
            if (block := node.first if first else node.later) is not None
        ]
        known = {node.name for node in network.nodes if node.is_input}
        self.sizes = {
            _axis(name, lag): network.sizes[name] for name in network.names for lag in (0, 1)
        }
        self.tables: list[Scope] = []
        self.copies: list[tuple[str, str]] = []
        for name, block in self.blocks:
            scope = []
            for parent, lag in block.parents:
                axis = _axis(parent, lag)
                if parent in known and not lag:
                    axis = f"{parent} {len(self.copies)}"
                    self.copies.append((parent, axis))
                    self.sizes[axis] = network.sizes[parent]
                scope.append(axis)
            self.tables.append((*scope, name))
        message = tuple(_axis(name, 1) for name in network.interface)
        self.messages: list[Scope] = [] if first else [message]
        likelihoods: list[Scope] = [(name,) for name in network.names]
        self.scopes: list[Scope] = [*self.tables, *self.messages, *likelihoods, *probes]
        at = len(self.tables) + len(self.messages)
        self.shared = [(at + network.names.index(name), (axis,)) for name, axis in self.copies]
        self.factors = [*self.scopes, *(scope for _, scope in self.shared)]
        keep = frozenset(network.interface)
        self.steps = plan_elimination(self.factors, self.sizes, keep, network.memory_limit)

    def arrange(self, interface: tuple[str, ...]) -> list[str]:
        """Order of the axes; in the first slice those of the interface keep the order given.

        In a later slice they come in the same order before and after the step.
        """

        def repair(order: list[str]) -> list[str]:
            now = [axis for axis in order if axis in interface] if not self.first else interface
            before, after = iter([_axis(name, 1) for name in now]), iter(now)
            return [
                next(before) if axis in previous else next(after) if axis in interface else axis
                for axis in order
            ]

        previous = {_axis(name, 1) for name in interface}
        return arrange_axes(self.factors, self.steps, self.sizes, repair)

    def compile(self, order: list[str]) -> Slice:
        """Lay the slice out with its axes in an order."""
        network = self.network
        rank = {axis: at for at, axis in enumerate(order)}.__getitem__
        free = len(self.tables) + len(self.messages)
        scopes = [tuple(sorted(scope, key=rank)) for scope in self.scopes[:free]]
        keep = tuple(sorted(network.interface, key=rank))
        circuit = lay_out(
            [*scopes, *self.scopes[free:]], self.sizes, keep, self.shared, self.steps, order
        )
        cells = [
            self._cells(name, block, old, new)
            for (name, block), old, new in zip(self.blocks, self.tables, scopes, strict=False)
        ]
        like_at = circuit.offsets[free]
        return _kernel_form(
            circuit,
            table_cells=np.concatenate([*cells, np.empty(0, int)]),
            message_at=circuit.offsets[len(self.tables)] if self.messages else -1,
            like_at=like_at,
            probe_at=like_at + network.n_states,
        )

    def _cells(self, name: str, block: Block, old: Scope, new: Scope) -> npt.NDArray[np.int64]:
        """Cells of a table whose axes have been put into a new order."""
        lies = self.network.cells(block, name)
        shape = self.network.table_shape(block, name)
        cells = np.arange(lies.start, lies.stop).reshape(shape)
        return cells.transpose([old.index(axis) for axis in new]).ravel()


def _kernel_form(
    circuit: Circuit,
    *,
    table_cells: npt.NDArray[np.int64],
    message_at: int,
    like_at: int,
    probe_at: int,
) -> Slice:
    left, right, out, tables, runs, segments = (
        part.astype(np.uint32)
        for part in (
            circuit.left,
            circuit.right,
            circuit.out,
            table_cells,
            circuit.runs,
            circuit.segments,
        )
    )
    return Slice(
        n_cells=circuit.n_cells,
        n_inputs=circuit.n_inputs,
        left=left,
        right=right,
        out=out,
        table_cells=tables,
        like_at=like_at,
        probe_at=probe_at,
        one_at=circuit.n_inputs - 1,
        message_at=message_at,
        result_lo=circuit.result[0],
        result_hi=circuit.result[1],
        runs=runs,
        segments=segments,
    )
