"""What lies beyond the last evidence, from the distribution in which it leaves the interface.

Ahead of all evidence, where tables and inputs stay the same, nothing depends on what was seen but
through the last message: the distribution of the interface's joint states. The probability that
some states are never held within n steps is an expectation over it of a value function, computed
backwards from n: the same for any evidence, so it can be kept while the evidence changes. Forwards,
the distribution itself is taken from step to step, and says all that is asked of every state in
single steps, but for this evidence alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from forecast.arrays import Array, Index
from forecast.frozen import writable
from forecast.heap import empty_in_own_pages
from forecast.network import kernels
from forecast.network.compiling import compiled_loosely, compiled_loosely_within
from forecast.network.filtering import Memory, Present, States, messages_after
from forecast.network.kernels import Cell, Draw, Slice
from forecast.network.planning import Scope
from forecast.network.registers import WIDTH
from forecast.network.slices import backward_slice, forward_slice, without_tables
from forecast.network.structure import Network
from forecast.network.sweep import (
    chunks,
    in_threads,
    reusing_chunks,
    rows_of_cells,
    settle_marginals,
)


def forbid(
    network: Network, log_like: Array, states: Iterable[tuple[str, str]], steps: slice
) -> Array:
    """Rule states out during some steps."""
    barred = log_like.copy()
    for name, state in states:
        barred[steps, network.state(name, state)] = -np.inf
    return barred


def _forbid_now(network: Network, row: Array, states: States) -> Array:
    """Rule states out in a step of which the log-likelihoods are given, (column, draw)."""
    return np.asarray(forbid(network, row[None], states, slice(None))[0])


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

    def values(self, groups: Sequence[States], n: int, order: Scope) -> list[tuple[Scope, Array]]:
        """Probability that states are not held in the next step, and in any of the next n.

        Parameters
        ----------
        groups
            For each answer, its states.
        n
            Steps.
        order
            Variables of the interface, in the order in which joint states are to lie.

        Returns
        -------
        list of tuple
            For each group the variables on which its values depend, slowest first, and shape (2,
            joint state of these now, draw), or (1, …) of a single step, in pages of their own:
            they are the larger part of what is kept of draws.
        """
        made = dict[int, tuple[Scope, Array]]()
        nothing = np.empty((0, self.theta.shape[1]))
        for part, alike in self._run_together(groups):
            kept = tuple(axis for axis in order if axis in backward_slice(part)[1])
            found = [
                empty_in_own_pages(
                    (min(n, 2), prod(part.axis_sizes[axis] for axis in kept), nothing.shape[1])
                )
                for _ in alike
            ]
            self._run(part, [groups[k] for k in alike], n, nothing, kept, found)
            made |= {k: (kept, values) for k, values in zip(alike, found, strict=True)}
        return [made[k] for k in range(len(groups))]

    def shares(
        self, state: tuple[str, str], weights: Array, next_step: tuple[Scope, Array]
    ) -> Array:
        """Expected sum of the weights, (n,), of those next steps in which a state is held.

        Parameters
        ----------
        state
            Variable and state.
        weights
            Weight of each of the next steps.
        next_step
            Probability that the state is not held in the next one: variables, slowest first, and
            values, (joint state of these now, draw).

        Returns
        -------
        numpy.ndarray
            Shape (joint state now, draw), of the same variables, in pages of their own.
        """
        part, (kept, never) = self.part_about([state]), next_step
        (circuit, again), axes = backward_slice(part)
        row = self.row[self.network.state_columns(part.names), None]
        found = empty_in_own_pages(never.shape)
        given = writable(self.theta), row, weights, writable(never), _places(part, axes, kept)

        def run(draws: slice) -> None:
            _share_backwards(*given, circuit, again, draws.start, draws.stop, found)

        in_threads(run, reusing_chunks(found.shape[1], circuit.n_cells))
        return found

    def never(self, states: States, n: int, present: Present) -> Array:
        """Probability that some states are not held in the next 1, …, n steps, (n, draw)."""
        return np.asarray(self.never_each([states], n, present)[0])

    def never_each(self, groups: Sequence[States], n: int, present: Present) -> Array:
        """The same for each of several groups of states, (group, n, draw)."""
        found = np.zeros((len(groups), n, self.theta.shape[1]))
        for part, alike in self._run_together(groups):
            overlap = present.over(self.network, backward_slice(part)[1])
            found[alike] = self._run(part, [groups[k] for k in alike], n, overlap)
        return found

    def _run_together(self, groups: Sequence[States]) -> Iterator[tuple[Network, list[int]]]:
        """Yield what groups of states depend on, and their numbers: of those of the same axes."""
        alike: dict[frozenset[str], list[int]] = {}
        for k, states in enumerate(groups):
            axes = backward_slice(self.part_about(states))[1]
            alike.setdefault(frozenset(axes), []).append(k)
        for each in alike.values():
            yield self.part_about([pair for k in each for pair in groups[k]]), each

    def marginals(self, present: Present, n: int) -> Array:
        """Probabilities of all states in each of the next n steps, (step, column, draw)."""
        plain = self.network.without_auxiliaries
        found = np.zeros((n, self.network.n_columns, self.theta.shape[1]))
        nothing = np.empty((0, found.shape[2]))
        self._run_forwards(plain, present, np.zeros(n), nothing, found)
        settle_marginals(self.network, found)
        return found

    def occupancy(self, states: States, weights: Array, present: Present) -> Present:
        """Expected weight of the next steps before which the interface is in each joint state.

        The probability of a state in a step is linear in the distribution of the interface before
        it. So the expected sum of the weights of those steps in which it is held is one expectation
        over this sum of distributions, whatever the state: one way forward serves all of them.

        Parameters
        ----------
        states
            Variables, with states, that are asked about.
        weights
            Weight of each of the next steps, (n,).
        present
            Where the evidence leaves the interface.

        Returns
        -------
        Present
            Of the variables of the interface on which those asked about depend. Its message is the
            sum of the distributions before each step, each times its weight.
        """
        part = self.part_about(states)
        axes = forward_slice(part, filtered=False)[1]
        found = np.zeros((prod(part.axis_sizes[name] for name in axes), self.theta.shape[1]))
        self._run_forwards(part, present, weights, found, np.empty((0, 0, found.shape[1])))
        order = tuple(axis for axis in present.axes if axis in axes)
        message = Present(axes, found, present.log_norm).over(self.network, order)
        return Present(order, message, present.log_norm)

    def _run_forwards(
        self, part: Network, present: Present, weights: Array, occupied: Array, marginals: Array
    ) -> None:
        """Fill what is asked for of each step, unless it is empty."""
        row = self.row[self.network.state_columns(part.names), None]
        asked = len(marginals) > 0
        (circuit, again), axes = forward_slice(part, filtered=asked)
        given = writable(self.theta), row, present.over(self.network, axes), weights, circuit, again

        def run(draws: slice) -> None:
            _step_forwards(*given, draws.start, draws.stop, occupied, marginals)

        in_threads(run, reusing_chunks(self.theta.shape[1], circuit.n_cells))

    def _run(
        self,
        part: Network,
        groups: Sequence[States],
        n: int,
        present: Array,
        kept: Scope = (),
        found: Sequence[Array] = (),
    ) -> Array:
        """Expectations over the present, (group, step, draw); `found` gets the values, if any."""
        row = self.row[self.network.state_columns(part.names), None]
        (circuit, again), axes = backward_slice(part)
        other, theta = without_tables(circuit), writable(self.theta)
        overlap = np.zeros((len(groups), n, self.theta.shape[1]))
        rows = [_forbid_now(part, row, states) for states in groups]
        places = _places(part, axes, kept if found else axes)
        nothing = np.empty((2, 0, overlap.shape[2]))

        def run(draws: slice) -> None:
            start, stop = draws.start, draws.stop
            cells = rows_of_cells(circuit.n_cells, draws)
            for g, row in enumerate(rows):
                c = other if g else circuit
                own = overlap[g], found[g] if found else nothing
                _step_backwards(cells, theta, row, c, again, places, start, stop, present, *own)

        in_threads(run, chunks(overlap.shape[2], circuit.n_cells))
        return overlap


def _places(part: Network, axes: Scope, kept: Scope) -> Index:
    """Where each joint state of some variables lies if they have another order."""
    sizes = [part.axis_sizes[axis] for axis in kept]
    places = np.arange(prod(sizes)).reshape(sizes)
    return np.asarray(places.transpose([kept.index(axis) for axis in axes]).ravel())


def beyond_interface(network: Network, groups: Sequence[States]) -> list[States]:
    """Those groups of states that the interface does not tell of."""
    known = set(network.interface)
    return [states for states in groups if not known.issuperset(name for name, _ in states)]


def look_ahead(
    network: Network,
    theta: Array,
    log_like: Array | Sequence[Array],
    window: range,
    regimes: Index | None = None,
    spared: Sequence[States] = (),
    memory: Memory | None = None,
    norms: int = 0,
) -> tuple[Future, list[Present]] | None:
    """What a window of steps knows of those before it, if none of its own evidence speaks.

    None unless the steps of the window, and all after it, say nothing, and have the same tables and
    inputs for all draws; and None where a product comes near underflow, or evidence is impossible.

    Parameters
    ----------
    theta, log_like, regimes
        As for `sweep`; log-likelihoods may come step by step.
    window
        Consecutive steps, not the first.
    spared
        States that are ruled out in the step before the window, for further answers.
    memory, norms
        As for `messages_after`.

    Returns
    -------
    Future
        The steps of the window.
    list of Present
        What the evidence leaves, as it is, and with each of the states ruled out.
    """
    if not window or network.factor_nodes:  # which say something in every step
        return None
    like = [row if row.ndim == 2 else row[:, None] for row in log_like]
    ahead, first = like[window.start :], like[window.start][:, :1]
    quiet = np.ones(len(first), np.bool_)
    for node in network.nodes:
        quiet[network.states(node.name)] = not node.is_input
    same = bool(network.dynamic and network.interface)
    same = same and window.start >= network.order
    same = same and all((row == first).all() for row in ahead) and not first[quiet].any()
    same = same and all(each.last < window.start for each in network.auxiliaries)
    if regimes is not None:
        same = same and (regimes[window.start : window.stop] == regimes[window.start]).all()
    if not same:
        return None
    before, now = like[: window.start - 1], like[window.start - 1]
    barred = [_forbid_now(network, now, states) for states in spared]
    presents = messages_after(network, theta, before, [now, *barred], regimes, memory, norms)
    if presents is None or not np.isfinite(presents[0].log_norm).all():
        return None
    tables = theta if theta.ndim == 2 else theta[0 if regimes is None else regimes[window.start]]
    if tables.shape[1] < (n_draws := presents[0].message.shape[1]):
        tables = np.repeat(tables, n_draws, axis=1)
    return Future(network, tables, first[:, 0]), presents


@compiled_loosely
def _step_backwards(
    cells: Array,
    theta: Array,
    row: Array,
    c: Slice,
    again: Slice,
    places: Index,
    start: int,
    stop: int,
    present: Array,
    overlap: Array,
    found: Array,
) -> None:
    """Take values, which are 1 at the end, back step by step, for a chunk of draws.

    The chunk's cells, (row, cell, draw), hold what the slice that is run leaves out, if it is run
    for other states that are ruled out than before. After each step the expectation of the values
    over the present, if that has joint states, is added to its row of `overlap`. `found`, if it has
    joint states, gets the values after the first step and after the last, (1 or 2, joint state,
    draw), each in its place.
    """
    for r in range(cells.shape[0]):
        at = Cell(start + r * WIDTH)
        n = min(Cell(stop) - at, Cell(WIDTH))
        now = np.zeros((present.shape[0], WIDTH))
        kernels.take_draws(present, at, n, now)
        _row_backwards(cells[r], theta, row, c, again, places, at, n, now, overlap, found)


@compiled_loosely_within
def _row_backwards(
    cells: Array,
    theta: Array,
    row: Array,
    c: Slice,
    again: Slice,
    places: Index,
    at: Draw,
    n: Draw,
    present: Array,
    overlap: Array,
    found: Array,
) -> None:
    """Do so for a row of draws: n of them, from `at` on."""
    first, n_values = int(c.results[0]), int(c.like_at) - int(c.message_at)
    values, expected = cells[first : first + n_values], np.zeros(WIDTH)
    kernels.load_tables(cells, theta, at, n, c)
    kernels.run_step(cells, row, at, n, np.ones((n_values, WIDTH)), c, np.zeros(WIDTH))
    for t in range(overlap.shape[0]):
        if t > 0:  # nothing but the values has changed
            kernels.copy_rows(values, cells[c.message_at : c.like_at])
            kernels.evaluate(cells, again)
        expected[:] = 0.0
        for i in range(present.shape[0]):
            for d in range(WIDTH):
                expected[d] += values[i, d] * present[i, d]
        for d in range(n):
            overlap[t, at + d] += expected[d]
        for k in range(found.shape[0]):
            if t == (overlap.shape[0] - 1 if k == found.shape[0] - 1 else 0):
                for i in range(min(n_values, found.shape[1])):
                    for d in range(n):
                        found[k, places[i], at + d] = values[i, d]


@compiled_loosely
def _share_backwards(
    theta: Array,
    row: Array,
    weights: Array,
    never: Array,
    places: Index,
    c: Slice,
    again: Slice,
    start: int,
    stop: int,
    found: Array,
) -> None:
    """Fill the expected weight of the steps in which a state is held, for a chunk of draws.

    `never` is the probability that it is not held in the next step; of this and of `found` each
    joint state is in its place. The contractions that values have a say in are run again.
    """
    n_steps, n_values, first = weights.shape[0], found.shape[0], int(c.results[0])
    cells, scale = np.zeros((c.n_cells, WIDTH)), np.zeros(WIDTH)
    values, held = np.zeros((n_values, WIDTH)), np.zeros((n_values, WIDTH))
    for at in range(Cell(start), Cell(stop), Cell(WIDTH)):
        n = min(Cell(stop) - at, Cell(WIDTH))
        kernels.load_tables(cells, theta, at, n, c)
        for i in range(n_values):
            for d in range(n):
                held[i, d] = 1.0 - never[places[i], at + d]
            for d in range(WIDTH):
                values[i, d] = weights[n_steps - 1] * held[i, d]
        for t in range(n_steps - 2, -1, -1):
            if t == n_steps - 2:
                kernels.run_step(cells, row, at, n, values, c, scale)
            else:  # nothing but the values has changed
                kernels.copy_rows(values, cells[c.message_at : c.like_at])
                kernels.evaluate(cells, again)
            for i in range(n_values):
                for d in range(WIDTH):
                    values[i, d] = cells[first + i, d] + weights[t] * held[i, d]
        for i in range(n_values):
            for d in range(n):
                found[places[i], at + d] = values[i, d]


@compiled_loosely
def _step_forwards(
    theta: Array,
    row: Array,
    present: Array,
    weights: Array,
    c: Slice,
    again: Slice,
    start: int,
    stop: int,
    occupied: Array,
    marginals: Array,
) -> None:
    """Take the distribution of the interface forward step by step, for a chunk of draws.

    `occupied` gets its sum over the steps, each by its weight, (joint state, draw), and `marginals`
    the probabilities of all states in the step after each, (step, column, draw); unless they are
    empty. Contractions that the distribution has a say in are run again.
    """
    n_steps, first = weights.shape[0], int(c.results[0])
    asked, n_values = marginals.shape[0] > 0, int(c.like_at) - int(c.message_at)
    cells = np.zeros((2 * c.n_cells if asked else c.n_cells, WIDTH))
    message, ahead = np.zeros((n_values, WIDTH)), np.ones((n_values, WIDTH))
    scale, no_probes = np.zeros(WIDTH), np.empty((0, WIDTH))
    for at in range(Cell(start), Cell(stop), Cell(WIDTH)):
        n = min(Cell(stop) - at, Cell(WIDTH))
        kernels.load_tables(cells, theta, at, n, c)
        kernels.take_draws(present, at, n, message)
        for t in range(n_steps):
            for i in range(occupied.shape[0]):
                for d in range(n):
                    occupied[i, at + d] += weights[t] * message[i, d]
            if t == n_steps - 1 and not asked:
                break
            if t == 0:
                kernels.run_step(cells, row, at, n, message, c, scale)
            else:  # nothing but the message has changed
                kernels.copy_rows(message, cells[c.message_at : c.like_at])
                kernels.evaluate(cells, again)
            if asked:
                kernels.seed(cells, ahead, c)
                kernels.differentiate(cells, c, c.first_unsettled, c.n_unsettled)
                kernels.write_marginals(cells, c, marginals[t], no_probes, at, n)
            kernels.copy_rows(cells[first:], message)
