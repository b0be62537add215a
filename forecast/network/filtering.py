"""Where the evidence up to a step leaves the interface, and what is kept of it.

The message after a step depends on the evidence up to it alone. So messages are kept, and of
evidence that begins the same only the steps from the first that differs are run; of many draws they
are large, so that only every fourth is kept, and up to three steps more are run. Of the last step
it is also kept what its evidence has no say in: tables and the message before it settle most of its
contractions (`slices.SplitSlice`), and other evidence on that step runs the few others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate
from math import prod
from operator import and_

import numpy as np

from forecast.arrays import Array, Index, Mask
from forecast.frozen import writable
from forecast.heap import empty_in_own_pages
from forecast.network import kernels
from forecast.network.circuit import ROWS_INNER, ROWS_OUTER, TARGET
from forecast.network.compiling import compiled_loosely, compiled_loosely_within
from forecast.network.kernels import Cell, Slice
from forecast.network.planning import MEMORY_LIMIT, Scope
from forecast.network.registers import WIDTH
from forecast.network.slices import PlannedSlice, step_slices
from forecast.network.structure import Network
from forecast.network.sweep import (
    chunks,
    in_threads,
    reusing_chunks,
    rows_of_cells,
    shares,
    too_wide,
)

States = Sequence[tuple[str, str]]

KEPT_SHARE = 0.125
"""Share of the memory limit that messages of past steps may take to be kept."""
ALL_SHARE, KEPT_EVERY = 1 / 128, 4
"""Share that they may take while all of them are kept; beyond it, of so many steps one is."""


@dataclass(frozen=True, eq=False)
class Present:
    """Where the evidence up to a step leaves the interface.

    Attributes
    ----------
    axes
        Variables of the interface, now or some steps ago, slowest first.
    message
        Probability of each of their joint states, (joint state, draw).
    log_norm
        Log-probability of each step's evidence given the steps before it, (step, draw).
    """

    axes: Scope
    message: Array
    log_norm: Array
    _over: dict[Scope, Array] = field(default_factory=dict, repr=False)

    def over(self, network: Network, axes: Scope) -> Array:
        """Distribution of some of the variables, in another order, (joint state, draw)."""
        if axes == self.axes:
            return self.message
        if axes not in self._over:
            sizes = [network.axis_sizes[name] for name in axes]
            places = np.zeros([network.axis_sizes[name] for name in self.axes], np.int64)
            for k, name in enumerate(axes):
                places += self._along(network, name) * prod(sizes[k + 1 :])
            self._over[axes] = add_rows(self.message, None, places.ravel(), prod(sizes))
        return self._over[axes]

    def of(self, network: Network, name: str, state: str) -> Array:
        """Probability of a state of a variable of the interface, (draw,)."""
        return np.asarray(self.over(network, (name,))[network.node(name).states.index(state)])

    def without(self, network: Network, barred: States) -> Array:
        """Probability of none of some states of the interface, (draw,)."""
        axes = tuple(axis for axis in self.axes if axis in dict(barred))
        if not axes:
            return np.ones(self.message.shape[1])
        free = self._holds(network, axes, barred) == 0
        return np.asarray(self.over(network, axes)[free].sum(axis=0))

    def barring(self, network: Network, barred: States) -> Present:
        """The part of it in which none of some states of the interface holds; it sums to less."""
        if not barred:
            return self
        message = self.message.copy()
        message[self._holds(network, self.axes, barred) == 1] = 0.0
        return Present(self.axes, message, self.log_norm)

    def share_of(self, whole: Present) -> Array:
        """Probability that this present step has of another, if it was run without some states."""
        return np.asarray(np.exp((self.log_norm - whole.log_norm).sum(axis=0)))

    def overlap(self, network: Network, axes: Scope, values: Array, barred: States) -> Array:
        """Expectation of some values from where none of some states holds, and where one does.

        Parameters
        ----------
        axes, values
            Variables that the values depend on, in the order of `axes`, and (joint state, draw).
        barred
            States of the interface.

        Returns
        -------
        numpy.ndarray
            Shape (2, draw); both parts together are the expectation.
        """
        both = tuple(axis for axis in self.axes if axis in axes or axis in dict(barred))
        if both != axes:
            sizes = [network.axis_sizes[axis] if axis in axes else 1 for axis in both]
            shape = *(network.axis_sizes[axis] for axis in both), values.shape[-1]
            values = np.broadcast_to(values.reshape(*sizes, -1), shape).reshape(-1, shape[-1])
        return add_rows(self.over(network, both), values, self._holds(network, both, barred), 2)

    def _along(self, network: Network, name: str) -> Index:
        """State of a variable of the interface, one dimension for each variable."""
        shape = [network.axis_sizes[axis] if axis == name else 1 for axis in self.axes]
        return np.arange(network.axis_sizes[name]).reshape(shape)

    def _holds(self, network: Network, axes: Scope, barred: States) -> Index:
        """Whether one of some states holds, 1, or none does, 0, (joint state,)."""
        found = np.zeros([network.axis_sizes[axis] for axis in axes], np.int64)
        for name, state in barred:
            at: list[int | slice] = [slice(None)] * len(axes)
            at[axes.index(name)] = network.node(name).states.index(state)
            found[tuple(at)] = 1
        return found.ravel()


@dataclass(frozen=True, eq=False)
class _Settled:
    """What the evidence on a step has no say in, of all draws.

    Attributes
    ----------
    slice, past, inputs
        The step, the log norm of the one before, which is another array whenever that is run, and
        what its inputs are set to, (column, draw or 1).
    cells
        Settled cells that the rest of the step reads, (cell, draw).
    lowest, total
        The smallest positive cell, and a sum that none exceeds, (draw,).
    """

    slice: PlannedSlice
    past: Array | None
    inputs: Array
    cells: Array
    lowest: Array
    total: Array

    def is_of(self, own: PlannedSlice, past: Array | None, row: Array) -> bool:
        """Whether it is the same step, after the same past, with inputs that are set alike."""
        same = self.slice is own and self.past is past
        return same and _same(self.inputs, row[own.inputs])


@dataclass(frozen=True, eq=False)
class _Step:
    """A step that has been run.

    Attributes
    ----------
    slice, row
        The step, and its log-likelihoods, (column, draw).
    message, log_norm
        The message after it, (joint state, draw), None if it is not kept; log-probability of its
        evidence given the steps before, (draw,).
    safe
        Whether no product came near underflow.
    """

    slice: PlannedSlice
    row: Array
    message: Array | None
    log_norm: Array
    safe: bool

    def is_of(self, own: PlannedSlice, row: Array) -> bool:
        """Whether it is the same step, with the same evidence on it."""
        width = int(own.circuit.blocks[-1])
        same = self.row is row or np.array_equal(self.row[:width], row[:width])
        return self.slice is own and same


@dataclass(eq=False)
class Memory:
    """The last messages that were computed under some tables, for evidence that begins the same.

    Attributes
    ----------
    steps
        Steps from the first one to the present one.
    ends
        The present step with other evidence on it.
    settled
        What the evidence on the present step has no say in.
    wanted
        The step whose message was the last to be wanted after it had been forgotten: where evidence
        once changes late, it is likely to change again.
    """

    steps: list[_Step] = field(default_factory=list)
    ends: list[_Step] = field(default_factory=list)
    settled: _Settled | None = None
    wanted: int = -1


def messages_after(
    network: Network,
    theta: Array,
    log_like: Sequence[Array],
    rows: Sequence[Array],
    regimes: Index | None = None,
    memory: Memory | None = None,
    norms: int = 0,
) -> list[Present] | None:
    """Where evidence leaves the interface.

    None where a product comes near underflow, or the cells of a row of draws take too much memory.

    Parameters
    ----------
    theta, regimes
        As for `sweep`.
    log_like
        Log-likelihoods of each step before the present one, (column, draw), or 1 for draw.
    rows
        Those of the present step: for each answer, its own.
    norms
        How many of the last of them are asked for their log norm alone, and get no message.
    memory
        What was computed under the same tables, which is kept there.
    """
    n_draws = max(theta.shape[-1], *(row.shape[1] for row in (*log_like, *rows)))
    kept = Memory() if memory is None else memory
    if kept.steps and kept.steps[0].log_norm.size != n_draws:
        kept.steps, kept.ends, kept.settled = [], [], None
    filtering = _Filtering(network, theta, regimes, len(log_like), kept, n_draws)
    if any(too_wide(step.circuit.n_cells) for step in filtering.slices):
        return None
    asked = [(row, k < len(rows) - norms) for k, row in enumerate(rows)]
    filtering.advance([*log_like, rows[0]], asked[1:])
    ends = filtering.end_each(asked)
    if not all(step.safe for step in (*filtering.memory.steps, *ends)):
        return None
    return [filtering.present(end) for end in ends]


class _Filtering:
    """Steps that are run one after another, where they are not known.

    Parameters
    ----------
    network, theta, regimes, memory
        As for `messages_after`.
    now
        The present step.
    draws
        How many draws tables and likelihoods have.
    """

    def __init__(
        self,
        network: Network,
        theta: Array,
        regimes: Index | None,
        now: int,
        memory: Memory,
        draws: int,
    ) -> None:
        self.network, self.theta, self.regimes, self.memory = network, theta, regimes, memory
        self.slices = step_slices(network, now + 1)
        self.now, self.draws = now, draws

    def advance(self, rows: Sequence[Array], asked: Sequence[tuple[Array, bool]]) -> None:
        """Run the steps from the first whose evidence differs, or is not known.

        If the present step is among them, other rows on it are run with it.
        """
        steps = self.memory.steps
        known = 0
        while known < min(len(steps), len(rows)) and steps[known].is_of(
            self.slices[known], rows[known]
        ):
            known += 1
        if known == len(rows) == len(steps) and steps[-1].message is not None:
            return
        del steps[min(known, self.now) :]
        for step in range(len(steps), self.now):
            steps += self._run(step, [(rows[step], True)])
            self._forget()
        present, *ends = self._run(self.now, [(rows[-1], True), *asked])
        steps.append(present)
        self.memory.ends = ends

    def end_each(self, asked: Sequence[tuple[Array, bool]]) -> list[_Step]:
        """The present step with each of several rows of evidence on it; no others are kept.

        Beside each row stands whether it is to have a message. The first is that of `advance`.
        """
        own, known = self.slices[-1], [self.memory.steps[-1], *self.memory.ends]

        def find(row: Array, keep: bool) -> _Step | None:
            same = (end for end in known if end.is_of(own, row))
            return next((end for end in same if not keep or end.message is not None), None)

        unknown = [each for each in asked if find(*each) is None]
        if unknown:
            known += self._run(self.now, [(asked[0][0], False), *unknown])[1:]
        ends = [end for each in asked if (end := find(*each)) is not None]
        self.memory.ends = [end for end in ends if end is not known[0]]
        self._forget()
        return ends

    def present(self, end: _Step) -> Present:
        """Where the present step leaves the interface."""
        past = [step.log_norm for step in self.memory.steps[:-1]]
        message = np.empty((0, self.draws)) if end.message is None else end.message
        return Present(end.slice.results[0], message, np.stack([*past, end.log_norm]))

    def _run(self, step: int, asked: Sequence[tuple[Array, bool]]) -> list[_Step]:
        """A step with each of several rows of evidence.

        Rows that set the inputs as the first does are run together, each only what the columns
        come into in which it differs from the one before; others are run each by itself.
        """
        own, first = self.slices[step], asked[0][0]
        alike = [_same(first[own.inputs], row[own.inputs]) for row, _ in asked]
        together = [each for each, same in zip(asked, alike, strict=True) if same]
        found = iter(self._run_alike(step, together))
        apart = (
            self._run_alike(step, [each])[0] for each, s in zip(asked, alike, strict=True) if not s
        )
        return [next(found if same else apart) for same in alike]

    def _run_alike(self, step: int, asked: Sequence[tuple[Array, bool]]) -> list[_Step]:
        own, width = self.slices[step], int(self.slices[step].circuit.blocks[-1])
        settled = self._settle(step, asked[0][0])
        n_message = own.circuit.n_cells - int(own.circuit.results[0])
        tables = self._tables(step)
        parts = list[tuple[tuple[Slice, Index, Index], Array, tuple[Array, Array, Mask]]]()
        for k, (row, keep) in enumerate(asked):
            part = own.split.rest, own.split.tables, own.split.cells
            if k:
                differs = (row[:width] != asked[k - 1][0][:width]).any(axis=1)
                part = own.depending(differs), part[1][:0], part[2][:0]
            message = empty_in_own_pages((n_message if keep else 0, self.draws))
            found = message, np.empty(self.draws), np.empty(self.draws, np.bool_)
            parts.append((part, writable(row), found))

        def run(draws: slice) -> None:
            cells = rows_of_cells(own.circuit.n_cells, draws)
            given = settled.cells, settled.lowest, settled.total
            for part, row, found in parts:
                _finish(cells, tables, *part, *given, row, draws.start, draws.stop, *found)

        in_threads(run, chunks(self.draws, own.circuit.n_cells))
        # A row keeps products of those before it, which only their own runs have looked at.
        safes = accumulate([bool(safe.all()) for *_, (_, _, safe) in parts], and_)
        return [
            _Step(own, row, message if keep else None, log_norm, safe)
            for (row, keep), (*_, (message, log_norm, _)), safe in zip(
                asked, parts, safes, strict=True
            )
        ]

    def _settle(self, step: int, row: Array) -> _Settled:
        """What the evidence on a step has no say in; what is known of another is forgotten."""
        own, kept = self.slices[step], self.memory.settled
        past = self.memory.steps[step - 1].log_norm if step else None
        if kept is not None and kept.is_of(own, past, row):
            return kept
        before = self._before(step)
        found = _Settled(
            own,
            past,
            row[own.inputs],
            empty_in_own_pages((len(own.split.cells), self.draws)),
            np.empty(self.draws),
            np.empty(self.draws),
        )
        given = self._tables(step), own.split.settled, own.split.cells, before, writable(row)

        def run(draws: slice) -> None:
            _settle(*given, draws.start, draws.stop, found.cells, found.lowest, found.total)

        in_threads(run, reusing_chunks(self.draws, own.circuit.n_cells))
        # Other evidence on another step, or after another past, ends elsewhere: forgotten first, so
        # that an interrupt between the two leaves nothing stale.
        self.memory.ends = []
        self.memory.settled = found
        return found

    def _before(self, step: int) -> Array:
        """The message before a step; if it has been forgotten, from the last one that is kept."""
        steps, first = self.memory.steps, step
        while first and steps[first - 1].message is None:
            first -= 1
        for k in range(first, step):
            self.memory.wanted = k
            [again] = self._run(k, [(steps[k].row, True)])
            steps[k] = replace(steps[k], message=again.message)
            self._forget()
        message = steps[step - 1].message if step else np.empty((0, self.draws))
        assert message is not None
        return message

    def _tables(self, step: int) -> Array:
        tables = self.theta if self.theta.ndim == 2 else self.theta[self._regime(step)]
        if tables.shape[1] < self.draws:
            tables = np.repeat(tables, self.draws, axis=1)
        found: Array = writable(np.asarray(tables, np.float64))
        return found

    def _regime(self, step: int) -> int:
        return 0 if self.regimes is None else int(self.regimes[step])

    def _forget(self) -> None:
        """Keep the last message, the one that was wanted, and others while there is room."""
        steps, taken = self.memory.steps, 0
        for k in range(len(steps) - 2, -1, -1):
            message = steps[k].message
            if message is None or k == self.memory.wanted:
                continue
            share = (taken + message.nbytes) / MEMORY_LIMIT
            if share <= ALL_SHARE or (share <= KEPT_SHARE and (k + 1) % KEPT_EVERY == 0):
                taken += message.nbytes
            else:
                steps[k] = replace(steps[k], message=None)


def _same(one: Array, other: Array) -> bool:
    """Whether likelihoods of some columns are the same, be it one row for all draws."""
    return bool((one == other).all())


def add_rows(message: Array, values: Array | None, groups: Index, n_groups: int) -> Array:
    """Sum of the message, or of its products with some values, by group, (group, draw).

    Parameters
    ----------
    message, values
        Shape (joint state, draw).
    groups
        Group of each joint state.
    n_groups
        How many groups there are.
    """
    found = np.zeros((n_groups, message.shape[1]))
    both = writable(message), writable(message if values is None else values)

    def run(draws: slice) -> None:
        if values is None:
            _add_rows(both[0], groups, draws.start, draws.stop, found)
        else:
            _add_products(*both, groups, draws.start, draws.stop, found)

    # Long runs along the draws: what is added up comes from memory, once.
    in_threads(run, shares(message.shape[1]))
    return found


@compiled_loosely
def _add_rows(message: Array, groups: Index, start: int, stop: int, found: Array) -> None:
    for i in range(message.shape[0]):
        g = groups[i]
        for d in range(start, stop):
            found[g, d] += message[i, d]


@compiled_loosely
def _add_products(
    message: Array, values: Array, groups: Index, start: int, stop: int, found: Array
) -> None:
    for i in range(message.shape[0]):
        g = groups[i]
        for d in range(start, stop):
            found[g, d] += message[i, d] * values[i, d]


@compiled_loosely_within
def _note_results(cells: Array, c: Slice, lowest: Array, total: Array) -> None:
    """Note the range of all that the contractions of a slice make."""
    for k in range(c.forward.shape[0]):
        first = int(c.forward[k, TARGET])
        n = int(c.forward[k, ROWS_OUTER]) * int(c.forward[k, ROWS_INNER])
        kernels.note_range(cells[first : first + n], lowest, total)


@compiled_loosely
def _settle(
    theta: Array,
    c: Slice,
    needed: Index,
    before: Array,
    row: Array,
    start: int,
    stop: int,
    kept: Array,
    lowest: Array,
    total: Array,
) -> None:
    """Run the settled contractions of a step for a chunk of draws."""
    cells, scale = np.zeros((c.n_cells, WIDTH)), np.zeros(WIDTH)
    low, high = np.empty(WIDTH), np.empty(WIDTH)
    for at in range(Cell(start), Cell(stop), Cell(WIDTH)):
        n = min(Cell(stop) - at, Cell(WIDTH))
        low[:], high[:] = np.inf, 0.0
        kernels.load_tables(cells, theta, at, n, c)
        if c.message_at >= 0:
            kernels.take_draws(before, at, n, cells[c.message_at : c.like_at])
        kernels.load_likelihoods(row, at, n, c.blocks, cells[c.like_at :], scale)
        cells[c.probe_at : c.one_at + 1] = 1.0
        kernels.evaluate(cells, c)
        kernels.note_range(cells[: c.like_at], low, high)
        _note_results(cells, c, low, high)
        for d in range(n):
            lowest[at + d] = low[d]
            total[at + d] = high[d]
        for i in range(needed.shape[0]):
            for d in range(n):
                kept[i, at + d] = cells[needed[i], d]


@compiled_loosely
def _finish(
    cells: Array,
    theta: Array,
    c: Slice,
    tables: Index,
    needed: Index,
    kept: Array,
    lowest: Array,
    total: Array,
    row: Array,
    start: int,
    stop: int,
    message: Array,
    log_norm: Array,
    safe: Mask,
) -> None:
    """Run what the evidence on a step comes into, for a chunk of draws.

    It fills in the chunk's cells, (row, cell, draw), where they are not filled in already.
    """
    after = np.empty((c.n_cells - int(c.results[0]), WIDTH))
    low, high, scale = np.empty(WIDTH), np.empty(WIDTH), np.zeros(WIDTH)
    for r in range(cells.shape[0]):
        own, at = cells[r], Cell(start + r * WIDTH)
        n = min(Cell(stop) - at, Cell(WIDTH))
        for k in tables:
            for d in range(n):
                own[k, d] = theta[c.table_cells[k], at + d]
        for i in range(needed.shape[0]):
            for d in range(n):
                own[needed[i], d] = kept[i, at + d]
        kernels.load_likelihoods(row, at, n, c.blocks, own[c.like_at :], scale)
        own[c.probe_at : c.one_at + 1] = 1.0
        kernels.evaluate(own, c)
        for d in range(n):
            low[d], high[d] = lowest[at + d], total[at + d]
        kernels.note_range(own[c.like_at : c.probe_at], low, high)
        _note_results(own, c, low, high)
        kernels.normalise(own, scale, after, c)
        for i in range(message.shape[0]):
            for d in range(n):
                message[i, at + d] = after[i, d]
        for d in range(n):
            log_norm[at + d] = scale[d]
            safe[at + d] = (low[d] >= kernels.SMALLEST) & (high[d] < kernels.LARGEST)
