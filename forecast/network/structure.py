"""The structure of a discrete network, static or moving through time.

A network here is structure alone: variables, parents, and where in a flat vector of cells each
table lies. Tables come as ``theta``, shape (cell, draw); evidence as ``log_like``, the
log-likelihood of every state at every step, shape (step, column) or (step, column, draw): one
column for each state, then those of the step's factors, if evidence makes any.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod

import numpy as np
import numpy.typing as npt

from forecast.arrays import Array
from forecast.errors import InputError, Problem, nearest
from forecast.frozen import Frozen, frozen
from forecast.layout import MOST_ROWS, PrintsItself, Row, Summary, listed
from forecast.network.auxiliary import AuxiliaryFactor, AuxiliaryVariable
from forecast.network.planning import MEMORY_LIMIT, Scope
from forecast.wording import counted, earlier

Parent = tuple[str, int]
"""A variable, and how many steps ago. What lies before the first step was as in the first."""


@dataclass(frozen=True, slots=True)
class Block:
    """Where a table lies among the cells: its parents, slowest first, then the variable itself."""

    parents: tuple[Parent, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Node:
    """A variable with its first and its later table; no table at all for one that is set."""

    name: str
    states: tuple[str, ...]
    first: Block | None
    later: Block | None

    @property
    def is_input(self) -> bool:
        """Whether it is set rather than estimated."""
        return self.first is None and self.later is None


@dataclass(frozen=True, slots=True)
class StepShape:
    """What one step has besides the network: auxiliary variables, and factors over them.

    Attributes
    ----------
    axes
        Axes of the auxiliary variables that the step meets, before and after it, each with its
        size. One that does not change has one axis.
    leaving
        Those that go on to the next step.
    factors
        Axes of each factor.
    messages
        Axes of each factor of the message from the step before; empty if there are none.
    apart
        Whether factors over what goes on are kept apart in the message to the next step.
    closes
        Whether there is no next step, and no message: everything is summed out.
    """

    axes: tuple[tuple[str, int], ...] = ()
    leaving: Scope = ()
    factors: tuple[Scope, ...] = ()
    messages: tuple[Scope, ...] = ()
    apart: bool = False
    closes: bool = False


PLAIN = StepShape()


@dataclass(frozen=True, repr=False)
class Network(PrintsItself, Frozen):
    """Variables in a fixed order, with the layout of their tables.

    Examples
    --------
    >>> rain = Node("rain", ("no", "yes"), Block((), 0), None)
    >>> grass = Node("grass", ("dry", "wet"), Block((("rain", 0),), 2), None)
    >>> network = Network((rain, grass), n_cells=6, dynamic=False)
    >>> theta = np.array([0.8, 0.2, 0.9, 0.1, 0.3, 0.7])
    >>> wet = network.no_evidence(1)
    >>> wet[0, network.state("grass", "dry")] = -np.inf
    >>> from forecast.network.sweep import sweep
    >>> found = sweep(network, theta[:, None], wet, "smoothed")
    >>> found.marginals[0, network.state("rain", "yes"), 0].round(4)
    np.float64(0.6364)
    """

    nodes: tuple[Node, ...]
    n_cells: int
    dynamic: bool
    memory_limit: float = MEMORY_LIMIT
    auxiliaries: tuple[AuxiliaryVariable, ...] = ()
    factors: tuple[AuxiliaryFactor, ...] = ()

    @property
    def _summary(self) -> Summary:
        kind = "dynamic network" if self.dynamic else "network"
        count = counted(len(self.names), "variable")
        title = f"A {kind} of {count}, {self.n_cells} table cells"
        return Summary(title, ("Variable", "States", "Parents"), node_rows(self.nodes))

    @property
    def without_auxiliaries(self) -> Network:
        """The network without auxiliary evidence variables."""
        return replace(self, auxiliaries=(), factors=()) if self.auxiliaries else self

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the variables."""
        return tuple(node.name for node in self.nodes)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Number of states of each variable."""
        return frozen({node.name: len(node.states) for node in self.nodes})

    @cached_property
    def first_states(self) -> npt.NDArray[np.int64]:
        """First state of each variable in the flat list of states, and their number."""
        starts = np.concatenate([[0], np.cumsum(list(self.sizes.values()))])
        return frozen(starts.astype(np.int64))

    @property
    def n_states(self) -> int:
        """States of all variables together."""
        return int(self.first_states[-1])

    @cached_property
    def n_columns(self) -> int:
        """Columns of log-likelihoods: those of all states, then those of any step's factors."""
        return max([self.n_states, *(factor.start + self._size(factor) for factor in self.factors)])

    def _size(self, factor: AuxiliaryFactor) -> int:
        sizes = {variable.name: variable.size for variable in self.auxiliaries} | self.sizes
        names = [name for name, _ in factor.auxiliaries] + [factor.variable] * bool(factor.variable)
        return prod(sizes[name] for name in names)

    @cached_property
    def factor_columns(self) -> dict[tuple[int, str], npt.NDArray[np.int64]]:
        """Columns of the factors over a variable at a step, or over none, named ""."""
        found: dict[tuple[int, str], list[int]] = {}
        for factor in self.factors:
            columns = range(factor.start, factor.start + self._size(factor))
            found.setdefault((factor.step, factor.variable), []).extend(columns)
        arrays = {place: np.array(columns, np.int64) for place, columns in found.items()}
        return frozen(arrays)

    def columns_at(self, name: str, step: int) -> npt.NDArray[np.int64]:
        """Columns of all likelihoods of a variable at a step."""
        lies = self.states(name)
        states = np.arange(lies.start, lies.stop)
        factors = self.factor_columns.get((step, name))
        return states if factors is None else np.concatenate([states, factors])

    def step_shape(self, step: int) -> StepShape:
        """What a step has besides the network."""
        met = [(k, u) for k, u in enumerate(self.auxiliaries) if u.first <= step <= u.last]
        axes = {
            (variable.name, lag): f"auxiliary {k}" + " before" * (lag and variable.moves)
            for k, variable in met
            for lag in (1, 0)
        }
        here = [factor for factor in self.factors if factor.step == step]
        return StepShape(
            axes=tuple({axes[u.name, lag]: u.size for _, u in met for lag in (1, 0)}.items()),
            leaving=tuple(axes[u.name, 0] for _, u in met if step < u.last),
            factors=tuple(
                (
                    *(axes[place] for place in factor.auxiliaries),
                    *(v for v in [factor.variable] if v),
                )
                for factor in here
            ),
        )

    def advance_interface(self, scope: Scope) -> Scope:
        """Axes of a factor of a step's result, as the next step has them."""
        return tuple(map(self._advance, scope))

    def _advance(self, axis: str) -> str:
        if axis in self.axes:
            name, lag = self.axes[axis]
            return earlier(name, lag + 1)
        moves = self.auxiliaries[int(axis.removeprefix("auxiliary "))].moves
        return f"{axis} before" if moves else axis

    @cached_property
    def lookback(self) -> dict[str, int]:
        """How many steps later tables look back at most, by variable."""
        found = dict.fromkeys(self.names, 0)
        for node in self.nodes:
            for parent, lag in node.later.parents if node.later else ():
                found[parent] = max(found[parent], lag)
        return frozen(found)

    @cached_property
    def order(self) -> int:
        """Steps that differ from all later ones: as many as tables look back, at least the first.

        A static network has none.
        """
        return max([1, *self.lookback.values()]) if self.dynamic else 0

    @cached_property
    def interface(self) -> tuple[str, ...]:
        """Variables whose state some table of a later step depends on."""
        return tuple(name for name in self.names if self.lookback[name])

    def interface_before(self, age: int) -> Scope:
        """Axes of what the tables of a step, so many after the first, need of steps before it."""
        return tuple(
            earlier(name, lag)
            for name in self.interface
            for lag in range(1, min(self.lookback[name], age) + 1)
        )

    def interface_after(self, age: int) -> Scope:
        """Axes of what later tables need of a step, so many after the first, and of those before.

        It is no more than the joint states that matter: a variable that tables look back at for k
        steps has k axes, its states now and in the k - 1 steps before.
        """
        return tuple(
            earlier(name, lag)
            for name in self.interface
            for lag in range(min(self.lookback[name], age + 1))
        )

    @cached_property
    def axes(self) -> dict[str, Parent]:
        """Axes of variables now, and in the step before or as long ago as tables look back."""
        return frozen(
            {
                earlier(name, lag): (name, lag)
                for name in self.names
                for lag in range(max(1, self.lookback[name]) + 1)
            }
        )

    @cached_property
    def axis_sizes(self) -> dict[str, int]:
        """Number of states of each of these axes."""
        return frozen({axis: self.sizes[name] for axis, (name, _) in self.axes.items()})

    @cached_property
    def factor_nodes(self) -> tuple[str, ...]:
        """Variables with parents and a single state: factors over these, in every step."""
        return tuple(
            node.name
            for node in self.nodes
            if len(node.states) == 1 and node.first and node.first.parents
        )

    def relevant_to(self, observed: Iterable[str]) -> Network:
        """The part of the network that evidence on some variables depends on.

        Variables that no observation descends from sum to one and are left out (Shachter 1986).
        A variable with parents and a single state is a factor over them, and is kept. The tables
        keep their places among the cells.
        """
        factored = [factor.variable for factor in self.factors if factor.variable]
        waiting, found = [*observed, *factored, *self.factor_nodes], set[str]()
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                for block in (self.node(name).first, self.node(name).later):
                    waiting += [parent for parent, _ in block.parents] if block else []
        nodes = tuple(node for node in self.nodes if node.name in found)
        missing = self.n_states - sum(len(node.states) for node in nodes)
        factors = tuple(replace(f, start=f.start - missing) for f in self.factors)
        return replace(self, nodes=nodes, factors=factors)

    def node(self, name: str) -> Node:
        """Variable by name."""
        if isinstance(name, str) and name in self._places:
            return self.nodes[self._places[name]]
        raise InputError([Problem("variable", f"{name!r} is unknown; {nearest(name, self.names)}")])

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self.names)}

    def states(self, name: str) -> slice:
        """Where the states of a variable lie in the flat list of states."""
        self.node(name)
        index = self._places[name]
        return slice(int(self.first_states[index]), int(self.first_states[index + 1]))

    def state_columns(self, names: Iterable[str]) -> npt.NDArray[np.int64]:
        """Columns of the states of some variables, in their order."""
        every = np.arange(self.n_states)
        return np.concatenate([every[:0], *(every[self.states(name)] for name in names)])

    def columns(self, names: Iterable[str]) -> npt.NDArray[np.int64]:
        """Columns of the states of some variables, in their order, and of all factors."""
        factors = np.arange(self.n_states, self.n_columns)
        return np.concatenate([self.state_columns(names), factors])

    def state(self, name: str, state: str) -> int:
        """Where one state of a variable lies in the flat list of states."""
        legal = self.node(name).states
        if state not in legal:
            message = f"{state!r} is not a state of {name}; {nearest(state, legal)}"
            raise InputError([Problem("state", message)])
        return int(self.states(name).start) + legal.index(state)

    def cells(self, block: Block, name: str) -> slice:
        """Where a variable's table lies among the cells."""
        return slice(block.start, block.start + prod(self.table_shape(block, name)))

    def table_shape(self, block: Block, name: str) -> tuple[int, ...]:
        """Shape of a table: its parents' sizes, then its own."""
        return (*(self.sizes[parent] for parent, _ in block.parents), self.sizes[name])

    def no_evidence(self, n_steps: int) -> Array:
        """Log-likelihood of knowing nothing, shape (step, column)."""
        return np.zeros((n_steps, self.n_columns))


def node_rows(nodes: Sequence[Node]) -> list[Row]:
    """Rows of the first variables as printed: name, states, parents; the last counts the rest."""
    shown = MOST_ROWS if len(nodes) > MOST_ROWS + 1 else len(nodes)
    rows: list[Row] = []
    for node in nodes[:shown]:
        block = node.later or node.first
        given = block.parents if block else ()
        parents = (earlier(*parent) for parent in given)
        rows.append((node.name, listed(node.states), listed(parents)))
    if shown < len(nodes):
        rows.append((f"… and {len(nodes) - shown} more", "", ""))
    return rows
