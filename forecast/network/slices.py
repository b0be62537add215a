"""The compiled circuits of a network's slices, in the form that the loops take.

All later steps share one circuit, except where evidence is about something besides the states of
one step: the date of an event, the control of a channel, an error that statements share. Such an
auxiliary variable is carried from step to step beside the states, and the steps that it touches
have circuits of their own.

Where tables look k steps back the message has an axis for each of k steps, and the first k steps
have circuits of their own: there is less behind them. A table that looks back beyond the first step
takes the states of the first, so of its cells those are taken in which several parents agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from math import log10, prod

import numpy as np
import numpy.typing as npt

from forecast.arrays import Mask
from forecast.errors import TooLarge
from forecast.network.circuit import (
    LEFT,
    OFFSETS,
    RIGHT,
    ROWS_INNER,
    ROWS_OUTER,
    SUMS_INNER,
    SUMS_OUTER,
    TARGET,
    Circuit,
    arrange_axes,
    lay_out,
)
from forecast.network.kernels import N_ARRAYS, N_NUMBERS, Packed, Slice
from forecast.network.planning import (
    BYTES_PER_CELL,
    CELL_LIMIT,
    ORDERS_TRIED,
    Plan,
    Scope,
    plan_elimination,
)
from forecast.network.structure import PLAIN, Block, Network, StepShape
from forecast.wording import earlier

BACKWARDS = 4
"""What differentiating an operation costs, in runs forwards: it reads and writes more."""
MOST_PARTS = 64
"""Parts of a step that are kept; a stream asks for the same few again and again."""
FEW_ORDERS = 3
"""Orders of elimination that are tried for a step of its own: new evidence makes new ones."""


def slice_circuits(network: Network, probes: tuple[Scope, ...]) -> tuple[Slice, Slice]:
    """Compiled first and later slices of a network without auxiliary variables."""
    slices = _plain_slices(network.without_auxiliaries, probes, filtered=False)
    return slices[0].circuit, slices[-1].circuit


def planned_slice(network: Network, *, first: bool) -> PlannedSlice:
    """First or later slice of a network without auxiliary variables, with its plan."""
    return _plain_slices(network.without_auxiliaries, (), filtered=False)[0 if first else -1]


@lru_cache(maxsize=64)
def pack_circuits(
    network: Network,
    probes: tuple[Scope, ...],
    n_steps: int,
    *,
    factored: bool = True,
    filtered: bool = False,
    closed: bool = False,
) -> Packed:
    """Circuits of all steps as one vector of integers: where each step's begins, then these.

    Parameters
    ----------
    network, probes, n_steps
        The network, groups of variables whose joint probability is wanted, and the steps.
    factored
        Whether a message about auxiliary variables stays a product of factors. That is less
        work, but then no step before the last of them has probabilities of its own.
    filtered
        Whether each step is also to be differentiated alone: each has a second circuit then, after
        those that lead from step to step, which knows no later one.
    closed
        Whether the last step sums out the interface as well, for log evidence and derivatives that
        are asked of one set of tables after another: nobody reads the states after that step, and
        keeping all of their joint states to the end costs more than the rest of it. Steps with
        auxiliary variables are then planned as thoroughly as the others.

    Raises
    ------
    TooLarge
        If the elimination of a step would pass the network's memory limit.
    """
    laid = lay_steps(network, probes, n_steps, factored, filtered, closed)
    return pack([(at, each.circuit) for at, _, _, each in laid])


def pack(circuits: Sequence[tuple[int, Slice]]) -> Packed:
    """Circuits of steps, each with its number, as one vector of integers."""
    starts = np.zeros(len(circuits), np.int32)
    parts: list[npt.NDArray[np.int32]] = [starts]
    places: dict[int, int] = {}
    end = starts.size
    for at, circuit in circuits:
        if id(circuit) not in places:
            places[id(circuit)] = end
            parts += _as_numbers(circuit)
            end = sum(part.size for part in parts)
        starts[at] = places[id(circuit)]
    return np.concatenate(parts)


def lay_steps(
    network: Network,
    probes: tuple[Scope, ...],
    n_steps: int,
    factored: bool,
    filtered: bool,
    closed: bool,
) -> Iterator[tuple[int, int, StepShape, PlannedSlice]]:
    """Yield the slice of each step: its number, its age, and its shape.

    The age is how many steps came before it, as far as that matters.
    """
    messages, plain = tuple[Scope, ...](), network.without_auxiliaries
    for step in range(n_steps):
        shape = network.step_shape(step)
        if shape != PLAIN:
            advanced = tuple(network.advance_interface(scope) for scope in messages)
            apart = factored and step < n_steps - 1
            shape = replace(shape, messages=advanced, apart=apart)
        if closed and network.dynamic and step == n_steps - 1:
            shape = replace(shape, closes=True, apart=False)
        closing = replace(shape, closes=True, apart=False) if shape != PLAIN else PLAIN
        age = min(step, network.order)
        for at, own in ((step, shape), (n_steps + step, closing))[: 1 + filtered]:
            laid = _slice_of(plain, probes, age, own, filtered=filtered, thorough=closed)
            messages = messages if own.closes else laid.results
            yield at, age, own, laid


def step_slices(network: Network, n_steps: int) -> list[PlannedSlice]:
    """The slice of each step; the same object wherever the same is done."""
    return [laid for *_, laid in lay_steps(network, (), n_steps, True, False, False)]


def _as_numbers(circuit: Slice) -> Iterator[npt.NDArray[np.int32]]:
    """A circuit as numbers: those that are alone, the lengths of its arrays, the arrays."""
    alone = [part for part in circuit if not isinstance(part, np.ndarray)]
    arrays = [part.ravel().view(np.int32) for part in circuit if isinstance(part, np.ndarray)]
    assert (len(alone), len(arrays)) == (N_NUMBERS, N_ARRAYS)
    yield np.array([*alone, *(part.size for part in arrays)], np.int32)
    yield from arrays


@dataclass(frozen=True, eq=False)
class PlannedSlice:
    """A compiled slice and how it was planned.

    Attributes
    ----------
    circuit, order
        The slice, and the order of its axes.
    results
        Axes of each factor of its result.
    plan, sizes
        Its plan, and the size of each axis.
    inputs
        Columns of the likelihoods that set the variables without a table.
    """

    circuit: Slice
    order: tuple[str, ...]
    results: tuple[Scope, ...]
    plan: Plan
    sizes: Mapping[str, int]
    inputs: npt.NDArray[np.int64]
    _parts: dict[bytes, Slice] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def split(self) -> SplitSlice:
        """What evidence has no say in, and the rest."""
        return _split(self.circuit, self.inputs)

    def depending(self, columns: Mask) -> Slice:
        """The slice with the contractions alone that some columns of the likelihoods come into."""
        key = columns.tobytes()
        if key not in self._parts:
            if len(self._parts) == MOST_PARTS:
                self._parts.pop(next(iter(self._parts)))
            cells = self.circuit.like_at + np.flatnonzero(columns)
            late = _depending(self.circuit, cells)[0]
            self._parts[key] = self.circuit._replace(forward=self.circuit.forward[late])
        return self._parts[key]


@dataclass(frozen=True, eq=False)
class SplitSlice:
    """A slice in two: what tables, inputs and the last message settle, and what evidence changes.

    Attributes
    ----------
    settled, rest
        The slice with the contractions of each part alone.
    tables, cells
        Table inputs, and other settled cells, that the rest reads.
    """

    settled: Slice
    rest: Slice
    tables: npt.NDArray[np.int64]
    cells: npt.NDArray[np.int64]


def _split(circuit: Slice, inputs: npt.NDArray[np.int64]) -> SplitSlice:
    evidence = np.setdiff1d(np.arange(circuit.like_at, circuit.one_at), circuit.like_at + inputs)
    late, dependent, read = _depending(circuit, evidence)
    read[int(circuit.results[0]) :] = True
    read &= ~dependent
    read[circuit.like_at : circuit.one_at + 1] = False
    needed, n_tables = np.flatnonzero(read), len(circuit.table_cells)
    return SplitSlice(
        settled=circuit._replace(forward=circuit.forward[~late]),
        rest=circuit._replace(forward=circuit.forward[late]),
        tables=needed[needed < n_tables],
        cells=needed[needed >= n_tables],
    )


def _depending(circuit: Slice, cells: slice | npt.NDArray[np.int64]) -> tuple[Mask, Mask, Mask]:
    """Which nests depend on some inputs, (nest,); which cells do, and what these nests read."""
    dependent, read = np.zeros((2, circuit.n_cells), np.bool_)
    dependent[cells] = True
    late = np.zeros(len(circuit.forward), np.bool_)
    for k, nest in enumerate(circuit.forward.astype(np.int64)):
        operands = _operands(circuit, nest)
        late[k] = dependent[operands].any()
        read[operands] |= late[k]
        target = int(nest[TARGET])
        dependent[target : target + int(nest[ROWS_OUTER] * nest[ROWS_INNER])] = late[k]
    return late, dependent, read


def _operands(circuit: Slice, nest: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Cells that a loop nest reads."""
    lengths = nest[[ROWS_OUTER, ROWS_INNER, SUMS_OUTER, SUMS_INNER]]
    at, found = int(nest[OFFSETS]), []
    for first in nest[[LEFT, RIGHT]]:
        places = np.array([first], np.int64)
        for length in lengths:
            offsets = circuit.offsets[at : at + length].astype(np.int64)
            places, at = np.add.outer(places, offsets).ravel(), at + int(length)
        found.append(places)
    return np.concatenate(found)


@lru_cache(maxsize=64)
def _plain_slices(
    network: Network, probes: tuple[Scope, ...], *, filtered: bool
) -> tuple[PlannedSlice, ...]:
    """Slices by age; the last one is that of all further steps.

    The message between slices has its axes in the order that suits the last one.
    """
    _require_few_joint_states(network)
    last = _SliceBuilder(network, probes, age=network.order, filtered=filtered)
    order = last.arrange()
    younger = [
        _SliceBuilder(network, probes, age=age, filtered=filtered) for age in range(network.order)
    ]
    return *(each.lay(each.arrange(tuple(order))) for each in younger), last.lay(order)


def _require_few_joint_states(network: Network) -> None:
    """Raise if tables look back so far that not even the message between steps has room."""
    room = min(network.memory_limit / BYTES_PER_CELL, CELL_LIMIT)
    # An axis of one state takes no room, but time to plan.
    parts = [
        (lag * log10(max(network.sizes[name], 2)), name, lag)
        for name, lag in network.lookback.items()
        if lag > 1
    ]
    if (power := sum(digits for digits, *_ in parts)) > log10(room):
        _, name, lag = max(parts)
        raise TooLarge(
            f"{earlier(name, lag)} as a parent: what tables look back at has some 10^{power:.0f} "
            f"joint states, which each step hands on to the next; at most {room:.3g} have room. "
            "Look fewer steps back, or at variables of fewer states."
        )


@lru_cache(maxsize=256)
def _slice_of(
    network: Network,
    probes: tuple[Scope, ...],
    age: int,
    shape: StepShape,
    *,
    filtered: bool,
    thorough: bool,
) -> PlannedSlice:
    """Slice of a step of some shape.

    Where the step meets auxiliary variables of the evidence, its axes lie as in the plain slice;
    those of the auxiliary variables come last, so that a single draw is swept along them. A last
    step has no slice to fit after it, so where planning may take its time it has an order of its
    own.
    """
    if shape == PLAIN:
        return _plain_slices(network, probes, filtered=filtered)[age]
    tries = ORDERS_TRIED if thorough else FEW_ORDERS
    try:
        plain = _plain_slices(network, probes, filtered=filtered)[age]
        builder = _SliceBuilder(
            network, probes, age=age, shape=shape, filtered=shape.closes, tries=tries
        )
        order = [*plain.order, *(axis for axis, _ in shape.axes)]
        return builder.lay(builder.rearrange(order) if thorough and shape.closes else order)
    except TooLarge as error:
        raise TooLarge(
            f"{error} One step meets {len(shape.axes)} auxiliary variables of the evidence, "
            "such as dates that are given as intervals: give them more exactly, or one origin to "
            "reports of one event."
        ) from None


@lru_cache(maxsize=64)
def forward_slice(network: Network, *, filtered: bool) -> tuple[tuple[Slice, Slice], Scope]:
    """A later slice that takes the distribution of the interface from one step to the next.

    Beside the slice stands what is to be run again where only the message has changed, and the
    variables of the message, slowest first. If it is `filtered`, it is planned to be differentiated
    by its likelihoods as well.
    """
    plain = _plain_slices(network, (), filtered=filtered)[-1]
    return (plain.circuit, _from_message(plain.circuit)), plain.results[0]


@lru_cache(maxsize=64)
def backward_slice(network: Network) -> tuple[tuple[Slice, Slice], Scope]:
    """A later slice that takes values of the states after the step to those before it.

    Its message is a number for each joint state of the interface; so is its result, the expected
    number, given the states before. Both lie in the same order, which is given as well. Beside
    the slice stands what is to be run again where only the message has changed.
    """
    plain = _plain_slices(network, (), filtered=False)[-1]
    after = network.interface_after(network.order)
    axes = tuple(axis for axis in plain.order if axis in after)
    builder = _SliceBuilder(network, (), age=network.order, filtered=False, backward=True)
    circuit = builder.lay([*plain.order]).circuit
    return (circuit, _from_message(circuit)), axes


def without_tables(circuit: Slice) -> Slice:
    """A slice that leaves its tables, and what they alone settle, as they are in its cells."""
    late = _depending(circuit, slice(circuit.message_at, circuit.one_at))[0]
    none = circuit.table_cells[:0]
    return circuit._replace(forward=circuit.forward[late], table_cells=none)


def _from_message(circuit: Slice) -> Slice:
    """A slice with the contractions alone that the message comes into."""
    late = _depending(circuit, slice(circuit.message_at, circuit.like_at))[0]
    return circuit._replace(forward=circuit.forward[late])


class _SliceBuilder:
    """One slice before its cells are laid out.

    Its age is how many steps came before it, at most the order of the network: from there on all
    steps are alike.

    A variable without a table is set: its likelihood has one state, and a product of that vector
    with itself is the vector again. So every table meets its own copy, which is summed out at
    once, and the variable never ties tables together.
    """

    def __init__(
        self,
        network: Network,
        probes: tuple[Scope, ...],
        *,
        age: int,
        shape: StepShape = PLAIN,
        filtered: bool,
        backward: bool = False,
        tries: int = ORDERS_TRIED,
    ) -> None:
        self.network = network
        self.age = age
        self.blocks = [
            (node.name, block)
            for node in network.nodes
            if (block := node.later if age else node.first) is not None
        ]
        self.sizes = dict(network.axis_sizes) | dict(shape.axes)
        self.shape_axes = {axis for axis, _ in shape.axes}
        self.table_axes: list[Scope] = []
        self.copies: list[tuple[str, str]] = []
        for name, block in self.blocks:
            self.table_axes.append(self._tied((*self._parents(block), name)))
        # Parents before the first step have the axis of the first: one, of a table's several.
        self.tables: list[Scope] = [tuple(dict.fromkeys(axes)) for axes in self.table_axes]
        before, after = network.interface_before(age), network.interface_after(age)
        self.interface = frozenset((*before, *after))
        advanced, kept = (after, before) if backward else (before, after)
        self.messages: list[Scope] = list(shape.messages or [advanced]) if age else []
        likelihoods = [*((name,) for name in network.names), *shape.factors]
        self.likelihoods = list(map(self._tied, likelihoods))
        asked = map(self._tied, probes)
        self.scopes: list[Scope] = [*self.tables, *self.messages, *self.likelihoods, *asked]
        at = {
            name: len(self.tables) + len(self.messages) + k for k, name in enumerate(network.names)
        }
        self.shared = [(at[name], self._tied((axis,))) for name, axis in self.copies]
        self.factors = [*self.scopes, *(scope for _, scope in self.shared)]
        self.keep = frozenset(() if shape.closes else (*kept, *shape.leaving))
        apart = frozenset(shape.leaving if shape.apart else ())

        def plan(early: frozenset[str]) -> Plan:
            limit = network.memory_limit
            return plan_elimination(self.factors, self.sizes, self.keep, limit, tries, apart, early)

        self.plan = plan(frozenset())
        if filtered and self.messages:
            early = {axis for scope in self.messages for axis in scope} - self.keep
            early |= {axis for _, axis in self.copies}
            with suppress(TooLarge):  # the first plan has room
                self.plan = min(self.plan, plan(frozenset(early)), key=self._work)

    def _tied(self, scope: Scope) -> Scope:
        """Axes of a factor; in a static network none that has one state, which ties nothing."""
        if self.network.dynamic:
            return scope
        return tuple(axis for axis in scope if self.sizes[axis] > 1 or axis in self.shape_axes)

    def _parents(self, block: Block) -> Iterator[str]:
        """Axes of a table's parents; one that is set has a copy of its own."""
        for parent, lag in block.parents:
            axis = earlier(parent, min(lag, self.age))
            if self.network.node(parent).is_input and not lag:
                axis = f"{parent} {len(self.copies)}"
                self.copies.append((parent, axis))
                self.sizes[axis] = self.network.sizes[parent]
            yield axis

    def _work(self, plan: Plan) -> int:
        """Multiply-adds of a plan where only what likelihoods have a say in is differentiated."""
        unsettled = plan.steps[self._n_settled(plan) :]
        backward = sum(prod(self.sizes[axis] for axis in step.joint) for step in unsettled)
        return plan.operations + BACKWARDS * backward

    def _n_settled(self, plan: Plan) -> int:
        """How many of the first contractions have neither likelihoods nor probes in them."""
        settled = len(self.tables) + len(self.messages)
        one = len(self.factors)
        copies = range(len(self.scopes), len(self.factors))
        fixed = {*range(settled), *copies, one, None}
        for number, step in enumerate(plan.steps):
            if not {step.left, step.right} <= fixed:
                return number
            fixed.add(one + 1 + number)
        return len(plan.steps)

    def arrange(self, given: Scope = ()) -> list[str]:
        """Order of the axes; those of the interface keep the order given, if one is.

        If none is, they come in the same order before and after the step.
        """
        kept = [axis for axis in given if axis in self.interface]

        def repair(order: list[str]) -> list[str]:
            places = iter(kept or self._alike(order))
            return [next(places) if axis in self.interface else axis for axis in order]

        return arrange_axes(self.factors, self.plan.steps, self.sizes, repair, self.interface)

    def _alike(self, order: Sequence[str]) -> list[str]:
        """Axes of the interface in an order that a step later is the same."""
        axes, lookback = self.network.axes, self.network.lookback
        found = [axes[axis] for axis in order if axis in self.interface]
        lags = [lag for _, lag in found]
        if self.network.order > 1:  # what lies between is then both before a step and after one
            lags.sort(reverse=True)
        names = [name for name, lag in found if lag == 0]
        at = {
            lag: iter([earlier(name, lag) for name in names if lookback[name] >= lag])
            for lag in {*lags}
        }
        return [next(at[lag]) for lag in lags]

    def rearrange(self, order: list[str]) -> list[str]:
        """A better order of the axes of a last step: those of the messages keep theirs."""
        tied = {axis for scope in self.messages for axis in scope}
        rank = {axis: at for at, axis in enumerate(order)}.__getitem__

        def repair(found: list[str]) -> list[str]:
            kept = iter(sorted(tied.intersection(found), key=rank))
            return [next(kept) if axis in tied else axis for axis in found]

        return arrange_axes(self.factors, self.plan.steps, self.sizes, repair, frozenset(tied))

    def lay(self, order: list[str]) -> PlannedSlice:
        """Lay the slice out with its axes in an order."""
        rank = {axis: at for at, axis in enumerate(order)}.__getitem__
        results = tuple(tuple(sorted(each, key=rank)) for each in self.plan.results)
        circuit, plan = self._compile(order, rank), self.plan
        names = [node.name for node in self.network.nodes if node.is_input]
        inputs = self.network.state_columns(names)
        return PlannedSlice(circuit, tuple(order), results, plan, self.sizes, inputs)

    def _compile(self, order: list[str], rank: Callable[[str], int]) -> Slice:
        free = len(self.tables) + len(self.messages)
        scopes = [tuple(sorted(scope, key=rank)) for scope in self.scopes[:free]]
        circuit = lay_out([*scopes, *self.scopes[free:]], self.sizes, self.shared, self.plan, order)
        cells = [
            self._cells(name, block, old, new)
            for (name, block), old, new in zip(self.blocks, self.table_axes, scopes, strict=False)
        ]
        sizes = [int(np.prod([self.sizes[axis] for axis in each])) for each in self.likelihoods]
        blocks = np.cumsum([0, *sizes])
        like_at = circuit.starts[free]
        return _kernel_form(
            circuit,
            table_cells=np.concatenate([*cells, np.empty(0, int)]),
            message_at=circuit.starts[len(self.tables)] if self.messages else -1,
            like_at=like_at,
            probe_at=like_at + int(blocks[-1]),
            blocks=blocks,
            n_settled=self._n_settled(self.plan),
        )

    def _cells(self, name: str, block: Block, old: Scope, new: Scope) -> npt.NDArray[np.int64]:
        """Cells of a table whose axes have a new order; where two are the same, its diagonal."""
        lies = self.network.cells(block, name)
        cells = np.arange(lies.start, lies.stop).reshape([self.sizes[axis] for axis in old])
        found: npt.NDArray[np.int64] = np.einsum(
            cells, [new.index(axis) for axis in old], [*range(len(new))]
        )
        return found.ravel()


def _kernel_form(
    circuit: Circuit,
    *,
    table_cells: npt.NDArray[np.int64],
    message_at: int,
    like_at: int,
    probe_at: int,
    blocks: npt.NDArray[np.int64],
    n_settled: int,
) -> Slice:
    all_settled = n_settled == len(circuit.forward)
    first = circuit.results[0] if all_settled else int(circuit.forward[n_settled, TARGET])
    # One operand of a derivative is that of the product, and derivatives follow the cells.
    products = circuit.backward[:, [LEFT, RIGHT]].max(axis=1) - circuit.n_cells
    forward, backward, offsets, tables, columns, results = (
        part.astype(np.uint32)
        for part in (
            circuit.forward,
            circuit.backward,
            circuit.offsets,
            table_cells,
            blocks,
            np.array(circuit.results),
        )
    )
    return Slice(
        n_cells=circuit.n_cells,
        n_inputs=circuit.n_inputs,
        forward=forward,
        backward=backward,
        offsets=offsets,
        table_cells=tables,
        like_at=like_at,
        probe_at=probe_at,
        one_at=circuit.n_inputs - 1,
        message_at=message_at,
        first_unsettled=first,
        n_unsettled=0 if all_settled else int((products >= first).sum()),
        blocks=columns,
        results=results,
    )
