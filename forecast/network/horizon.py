"""What lies beyond the last evidence, from the distribution in which it leaves the interface.

Ahead of all evidence, where tables and inputs stay the same, nothing depends on what was seen but
through the last message: the distribution of the interface's joint states. The probability that
some states are never held within n steps is an expectation over it of a value function, computed
backwards from n: the same for any evidence, so it can be kept while the evidence changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from forecast.arrays import Array, Index, Mask
from forecast.frozen import writable
from forecast.network import kernels
from forecast.network.compiling import compiled_loosely
from forecast.network.kernels import Packed, Slice, circuit_at, extent
from forecast.network.planning import Scope
from forecast.network.slices import backward_slice, message_axes, pack_circuits
from forecast.network.structure import Network
from forecast.network.sweep import chunks, in_threads

States = Sequence[tuple[str, str]]


def _forbid(network: Network, row: Array, states: States) -> Array:
    """Log-likelihoods of a step, (column, draw), with some states ruled out."""
    found = row.copy()
    found[[network.state(name, state) for name, state in states]] = -np.inf
    return found


@dataclass(frozen=True, eq=False)
class Present:
    """Where the evidence up to a step leaves the interface.

    Attributes
    ----------
    axes
        Variables of the interface, slowest first.
    message
        Probability of each of their joint states, (joint state, draw).
    log_norm
        Log-probability of each step's evidence given the steps before it, (step, draw).
    """

    axes: Scope
    message: Array
    log_norm: Array

    def over(self, network: Network, axes: Scope) -> Array:
        """Distribution of some of the variables, in another order, (joint state, draw)."""
        found = self.message.reshape(*(network.sizes[name] for name in self.axes), -1)
        left = tuple(name for name in self.axes if name in axes)
        gone = tuple(k for k, name in enumerate(self.axes) if name not in axes)
        found = found.sum(axis=gone).transpose(*(left.index(name) for name in axes), -1)
        return np.ascontiguousarray(found.reshape(-1, found.shape[-1]))

    def of(self, network: Network, name: str, state: str) -> Array:
        """Probability of a state of a variable of the interface, (draw,)."""
        return np.asarray(self.over(network, (name,))[network.node(name).states.index(state)])


@dataclass(frozen=True, eq=False)
class Future:
    """Tables and inputs that are the same at every step ahead.

    Attributes
    ----------
    network
        The network.
    theta
        Table cells, (cell, draw).
    row
        Log-likelihoods of one step, which set the inputs and say nothing else, (column,).
    """

    network: Network
    theta: Array
    row: Array

    @property
    def inputs(self) -> tuple[tuple[str, bytes], ...]:
        """What the inputs are set to, by name."""
        return tuple(
            (node.name, self.row[self.network.states(node.name)].tobytes())
            for node in self.network.nodes
            if node.is_input
        )

    def part_about(self, states: States) -> Network:
        """What is needed of the network for some states, nothing being observed."""
        return self.network.without_auxiliaries.relevant_to(name for name, _ in states)

    def values(self, states: States, n: int) -> tuple[Scope, Array]:
        """Probability that some states are not held in any of the next n steps.

        Returns
        -------
        axes
            Variables on which it depends, slowest first.
        values
            Shape (joint state of these now, draw).
        """
        part = self.part_about(states)
        axes = backward_slice(part)[1]
        nothing = np.zeros((prod(part.sizes[name] for name in axes), self.theta.shape[1]))
        return axes, self._run(part, states, n, nothing)[1]

    def shares(self, state: tuple[str, str], weights: Array) -> tuple[Scope, Array]:
        """Expected sum of the weights, (n,), of those next steps in which a state is held.

        Returns
        -------
        axes, values
            As in `values`.
        """
        part = self.part_about([state])
        circuit, axes = backward_slice(part)
        variable = part.node(state[0])
        others = [(variable.name, each) for each in variable.states if each != state[1]]
        free = self.row[self.network.state_columns(part.names), None]
        rows = np.stack([_forbid(part, free, others), free])
        found = np.empty((prod(part.sizes[name] for name in axes), self.theta.shape[1]))
        theta = writable(self.theta)

        def run(draws: slice) -> None:
            _share_backwards(theta, rows, weights, circuit, draws.start, draws.stop, found)

        in_threads(run, chunks(found.shape[1], circuit.n_cells))
        return axes, found

    def never(self, states: States, n: int, present: Present) -> Array:
        """Probability that some states are not held in the next 1, …, n steps, (n, draw)."""
        part = self.part_about(states)
        overlap = present.over(self.network, backward_slice(part)[1])
        return self._run(part, states, n, overlap)[0]

    def _run(self, part: Network, states: States, n: int, present: Array) -> tuple[Array, Array]:
        columns = self.network.state_columns(part.names)
        row = _forbid(part, self.row[columns, None], states)
        circuit, _ = backward_slice(part)
        n_draws = self.theta.shape[1]
        overlap, last = np.zeros((n, n_draws)), np.empty_like(present)
        theta = writable(self.theta)

        def run(draws: slice) -> None:
            _step_backwards(theta, row, circuit, draws.start, draws.stop, present, overlap, last)

        in_threads(run, chunks(n_draws, circuit.n_cells))
        return overlap, last


def look_ahead(
    network: Network,
    theta: Array,
    log_like: Array,
    window: range,
    regimes: Index | None = None,
    spared: Sequence[States] = (),
    memory: Memory | None = None,
) -> tuple[Future, list[Present]] | None:
    """What a window of steps knows of those before it, if none of its own evidence speaks.

    None unless the steps of the window, and all after it, say nothing, and have the same tables and
    inputs for all draws; and None where a product comes near underflow, or evidence is impossible.

    Parameters
    ----------
    theta, log_like, regimes
        As for `sweep`.
    window
        Consecutive steps, not the first.
    spared
        States that are ruled out in the step before the window, for further answers.
    memory
        As for `messages_after`.

    Returns
    -------
    Future
        The steps of the window.
    list of Present
        What the evidence leaves, as it is, and with each of the states ruled out.
    """
    like = log_like if log_like.ndim == 3 else log_like[..., None]
    ahead = like[window.start :]
    quiet = np.ones(like.shape[1], np.bool_)
    for node in network.nodes:
        quiet[network.states(node.name)] = not node.is_input
    same = bool(window.start >= 1 and window and network.dynamic and network.interface)
    same = same and not ahead[:, quiet].any() and (ahead == ahead[:1, :, :1]).all()
    same = same and all(each.last < window.start for each in network.auxiliaries)
    if regimes is not None:
        same = same and (regimes[window.start : window.stop] == regimes[window.start]).all()
    if not same:
        return None
    before, now = like[: window.start - 1], like[window.start - 1]
    barred = [_forbid(network, now, states) for states in spared]
    presents = messages_after(network, theta, before, [now, *barred], regimes, memory)
    if presents is None or not np.isfinite(presents[0].log_norm).all():
        return None
    tables = theta if theta.ndim == 2 else theta[0 if regimes is None else regimes[window.start]]
    return Future(network, tables, ahead[0, :, 0]), presents


@dataclass(eq=False)
class Memory:
    """The last messages that were computed under some tables, for evidence that begins the same.

    Attributes
    ----------
    network
        The network they are of.
    before
        Log-likelihoods of the steps before the present one, (step, column, draw).
    past
        The message after these steps, (joint state, draw), their log norms, (step, draw), and
        where no product came near underflow, (draw,).
    presents
        Log-likelihoods of the present step, and where they leave the interface.
    """

    network: Network | None = None
    before: Array | None = None
    past: tuple[Array, Array, Mask] | None = None
    presents: list[tuple[Array, Present]] = field(default_factory=list)

    def recall(self, network: Network, before: Array) -> tuple[Array, Array, Mask] | None:
        """What is known after some steps; what is of others is forgotten."""
        same = self.before is not None and network == self.network
        if not same or not np.array_equal(before, np.asarray(self.before)):
            self.network, self.before, self.past, self.presents = network, before, None, []
        return self.past

    def present(self, row: Array) -> Present | None:
        """Where a present step leaves the interface, if that is known."""
        return next((each for own, each in self.presents if np.array_equal(own, row)), None)


def messages_after(
    network: Network,
    theta: Array,
    log_like: Array,
    rows: Sequence[Array],
    regimes: Index | None = None,
    memory: Memory | None = None,
) -> list[Present] | None:
    """Where evidence leaves the interface; None where a product comes near underflow.

    Parameters
    ----------
    theta, log_like, regimes
        As for `sweep`; log-likelihoods of the steps before the present one, (step, column, draw).
    rows
        Log-likelihoods of the present step, (column, draw): for each answer, its own.
    memory
        What was computed under the same tables, which is kept there.
    """
    memory = Memory() if memory is None else memory
    past = memory.recall(network, log_like)
    asked = [row for row in rows if memory.present(row) is None]
    if asked:
        found = _messages(network, theta, log_like, asked, regimes, past)
        if found is None:
            return None
        memory.past, presents = found
        memory.presents = [*memory.presents, *zip(asked, presents, strict=True)][-len(rows) - 1 :]
    known = [memory.present(row) for row in rows]
    return [each for each in known if each is not None]


def _messages(
    network: Network,
    theta: Array,
    log_like: Array,
    rows: Sequence[Array],
    regimes: Index | None,
    past: tuple[Array, Array, Mask] | None,
) -> tuple[tuple[Array, Array, Mask], list[Present]] | None:
    """Messages before and after the present step, as `messages_after` gives them."""
    tables = np.ascontiguousarray(theta if theta.ndim == 3 else theta[None], dtype=np.float64)
    ends, before = writable(np.stack(rows)), writable(log_like)
    n_steps, n_draws = len(before) + 1, max(tables.shape[2], ends.shape[2])
    if tables.shape[2] < n_draws:
        tables = np.repeat(tables, n_draws, axis=2)
    which = np.zeros(n_steps, np.int64) if regimes is None else writable(regimes[:n_steps])
    packed, axes = pack_circuits(network, (), n_steps), message_axes(network, n_steps)
    message = np.empty((len(ends), prod(network.sizes[name] for name in axes), n_draws))
    log_norm = np.zeros((len(ends), n_steps, n_draws))
    begin = 0 if past is None else n_steps - 1
    if past is None:
        kept = np.empty((extent(packed, n_steps)[1], n_draws))
        past = kept, np.zeros((n_steps - 1, n_draws)), np.ones(n_draws, np.bool_)
    known, norms, safe = writable(past[0]), writable(past[1]), past[2].copy()
    arguments = writable(tables), which, before, ends, packed

    def run(draws: slice) -> None:
        _step_forwards(
            *arguments, begin, draws.start, draws.stop, known, norms, message, log_norm, safe
        )

    in_threads(run, chunks(n_draws, extent(packed, n_steps)[0]))
    if not safe.all():
        return None
    log_norm[:, :-1] = norms
    presents = [Present(axes, *each) for each in zip(message, log_norm, strict=True)]
    return (known, norms, safe), presents


@compiled_loosely
def _step_forwards(
    theta: Array,
    regimes: Index,
    log_like: Array,
    ends: Array,
    packed: Packed,
    begin: int,
    start: int,
    stop: int,
    past: Array,
    norms: Array,
    message: Array,
    log_norm: Array,
    safe: Mask,
) -> None:
    """Fill the messages after the last step, and its log norm, for a chunk of draws.

    What is known of the steps before it is filled in too, unless they begin with the last one.
    """
    last, n_draws = regimes.shape[0] - 1, stop - start
    n_cells, n_message = extent(packed, last + 1)
    messages, work = np.empty((2, n_message, n_draws)), np.empty((n_cells, n_draws))
    lowest, total = np.full(n_draws, np.inf), np.zeros(n_draws)
    for t in range(begin, last):
        c = circuit_at(packed, t)
        cells, tables = work[: c.n_cells], theta[regimes[t]]
        scale = kernels.run_step(cells, tables, log_like[t], start, messages[t % 2], c)
        kernels.note_range(cells, lowest, total)
        kernels.normalise(cells, scale, norms[t], start, messages[(t + 1) % 2], c)
    source = messages[last % 2]
    for i in range(past.shape[0]):
        for d in range(n_draws):
            if begin < last:
                past[i, start + d] = source[i, d]
            else:
                source[i, d] = past[i, start + d]
    c = circuit_at(packed, last)
    cells, tables, target = work[: c.n_cells], theta[regimes[last]], messages[(last + 1) % 2]
    for k in range(ends.shape[0]):
        scale = kernels.run_step(cells, tables, ends[k], start, source, c)
        kernels.note_range(cells, lowest, total)
        kernels.normalise(cells, scale, log_norm[k, last], start, target, c)
        for i in range(message.shape[1]):
            for d in range(n_draws):
                message[k, i, start + d] = target[i, d]
    for d in range(n_draws):
        low_enough = lowest[d] >= kernels.SMALLEST and total[d] < kernels.LARGEST
        safe[start + d] = safe[start + d] and low_enough


@compiled_loosely
def _step_backwards(
    theta: Array,
    row: Array,
    c: Slice,
    start: int,
    stop: int,
    present: Array,
    overlap: Array,
    last: Array,
) -> None:
    """Take values, which are 1 at the end, back step by step, for a chunk of draws.

    After each step their expectation is added to its row of `overlap`.
    """
    n_draws = stop - start
    cells, values = np.empty((c.n_cells, n_draws)), np.ones((last.shape[0], n_draws))
    first = int(c.results[0])
    for t in range(overlap.shape[0]):
        if t == 0:
            kernels.run_step(cells, theta, row, start, values, c)
        else:  # nothing but the values has changed
            kernels.copy_rows(values, cells[c.message_at : c.like_at])
            kernels.evaluate(cells, c)
        for i in range(values.shape[0]):
            for d in range(n_draws):
                values[i, d] = cells[first + i, d]
                overlap[t, start + d] += values[i, d] * present[i, start + d]
    for i in range(values.shape[0]):
        for d in range(n_draws):
            last[i, start + d] = values[i, d]


@compiled_loosely
def _share_backwards(
    theta: Array, rows: Array, weights: Array, c: Slice, start: int, stop: int, found: Array
) -> None:
    """Fill the expected weight of the steps in which a state is held, for a chunk of draws.

    Rows of likelihoods, (2, column, 1): the first asks for the state, the second for nothing.
    """
    n_draws, n = stop - start, weights.shape[0]
    cells, values = np.empty((c.n_cells, n_draws)), np.ones((found.shape[0], n_draws))
    following, first = np.empty((found.shape[0], n_draws)), int(c.results[0])
    kernels.run_step(cells, theta, rows[0], start, values, c)
    for i in range(values.shape[0]):
        for d in range(n_draws):
            following[i, d] = cells[first + i, d]
            values[i, d] = weights[n - 1] * following[i, d]
    for t in range(n - 2, -1, -1):
        if t == n - 2:
            kernels.run_step(cells, theta, rows[1], start, values, c)
        else:  # nothing but the values has changed
            kernels.copy_rows(values, cells[c.message_at : c.like_at])
            kernels.evaluate(cells, c)
        for i in range(values.shape[0]):
            for d in range(n_draws):
                values[i, d] = cells[first + i, d] + weights[t] * following[i, d]
    for i in range(values.shape[0]):
        for d in range(n_draws):
            found[i, start + d] = values[i, d]
