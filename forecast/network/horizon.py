"""What lies beyond the last evidence, from the distribution in which it leaves the interface.

Ahead of all evidence, where tables and inputs stay the same, nothing depends on what was seen but
through the last message: the distribution of the interface's joint states. The probability that
some states are never held within n steps is an expectation over it of a value function, computed
backwards from n: the same for any evidence, so it can be kept while the evidence changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from forecast.arrays import Array, Index
from forecast.frozen import writable
from forecast.network import kernels
from forecast.network.compiling import compiled_loosely
from forecast.network.filtering import Memory, Present, States, messages_after
from forecast.network.kernels import Slice
from forecast.network.planning import Scope
from forecast.network.slices import backward_slice
from forecast.network.structure import Network
from forecast.network.sweep import chunks, in_threads


def _forbid(network: Network, row: Array, states: States) -> Array:
    """Log-likelihoods of a step, (column, draw), with some states ruled out."""
    found = row.copy()
    found[[network.state(name, state) for name, state in states]] = -np.inf
    return found


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
        """Probability that some states are not held in the next step, and in any of the next n.

        Returns
        -------
        axes
            Variables on which it depends, slowest first.
        values
            Shape (2, joint state of these now, draw).
        """
        nothing = np.empty((0, self.theta.shape[1]))
        return self._run(self.part_about(states), states, n, nothing)[1:]

    def shares(
        self, state: tuple[str, str], weights: Array, next_step: tuple[Scope, Array]
    ) -> tuple[Scope, Array]:
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
        axes, values
            Variables, slowest first, and shape (joint state of these now, draw).
        """
        part = self.part_about([state])
        (circuit, again), axes = backward_slice(part)
        given, never = next_step
        never = never.reshape(*(part.axis_sizes[axis] for axis in given), -1)
        never = never.transpose(*(given.index(name) for name in axes), -1)
        following = writable(1.0 - never.reshape(-1, never.shape[-1]))
        row = self.row[self.network.state_columns(part.names), None]
        found, theta = np.empty_like(following), writable(self.theta)

        def run(draws: slice) -> None:
            _share_backwards(
                theta, row, weights, following, circuit, again, draws.start, draws.stop, found
            )

        in_threads(run, chunks(found.shape[1], circuit.n_cells))
        return axes, found

    def never(self, states: States, n: int, present: Present) -> Array:
        """Probability that some states are not held in the next 1, …, n steps, (n, draw)."""
        part = self.part_about(states)
        overlap = present.over(self.network, backward_slice(part)[1])
        return self._run(part, states, n, overlap)[0]

    def _run(
        self, part: Network, states: States, n: int, present: Array
    ) -> tuple[Array, Scope, Array]:
        columns = self.network.state_columns(part.names)
        row = _forbid(part, self.row[columns, None], states)
        (circuit, again), axes = backward_slice(part)
        n_draws, n_values = self.theta.shape[1], prod(part.axis_sizes[axis] for axis in axes)
        overlap, found = np.zeros((n, n_draws)), np.empty((2, n_values, n_draws))
        theta = writable(self.theta)

        def run(draws: slice) -> None:
            _step_backwards(
                theta, row, circuit, again, draws.start, draws.stop, present, overlap, found
            )

        in_threads(run, chunks(n_draws, circuit.n_cells))
        return overlap, axes, found


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
    like = [row if row.ndim == 2 else row[:, None] for row in log_like]
    ahead, first = like[window.start :], like[window.start][:, :1]
    quiet = np.ones(len(first), np.bool_)
    for node in network.nodes:
        quiet[network.states(node.name)] = not node.is_input
    same = bool(window and network.dynamic and network.interface)
    same = same and window.start >= network.order
    same = same and all((row == first).all() for row in ahead) and not first[quiet].any()
    same = same and all(each.last < window.start for each in network.auxiliaries)
    if regimes is not None:
        same = same and (regimes[window.start : window.stop] == regimes[window.start]).all()
    if not same:
        return None
    before, now = like[: window.start - 1], like[window.start - 1]
    barred = [_forbid(network, now, states) for states in spared]
    presents = messages_after(network, theta, before, [now, *barred], regimes, memory, norms)
    if presents is None or not np.isfinite(presents[0].log_norm).all():
        return None
    tables = theta if theta.ndim == 2 else theta[0 if regimes is None else regimes[window.start]]
    return Future(network, tables, first[:, 0]), presents


@compiled_loosely
def _step_backwards(
    theta: Array,
    row: Array,
    c: Slice,
    again: Slice,
    start: int,
    stop: int,
    present: Array,
    overlap: Array,
    found: Array,
) -> None:
    """Take values, which are 1 at the end, back step by step, for a chunk of draws.

    `found` gets those after the first step and after the last, (2, joint state, draw). After each
    step their expectation over the present, if that has joint states, is added to its row of
    `overlap`. Of the slice those contractions are run again that the values have a say in.
    """
    n_draws, n_values = stop - start, int(c.like_at) - int(c.message_at)
    cells, first = np.empty((c.n_cells, n_draws)), int(c.results[0])
    values = cells[first : first + n_values]
    kernels.run_step(cells, theta, row, start, np.ones((n_values, n_draws)), c)
    for t in range(overlap.shape[0]):
        if t > 0:  # nothing but the values has changed
            kernels.copy_rows(values, cells[c.message_at : c.like_at])
            kernels.evaluate(cells, again)
        for i in range(present.shape[0]):
            for d in range(n_draws):
                overlap[t, start + d] += values[i, d] * present[i, start + d]
        if t == 0:
            for i in range(n_values):
                for d in range(n_draws):
                    found[0, i, start + d] = values[i, d]
    for i in range(n_values):
        for d in range(n_draws):
            found[1, i, start + d] = values[i, d]


@compiled_loosely
def _share_backwards(
    theta: Array,
    row: Array,
    weights: Array,
    following: Array,
    c: Slice,
    again: Slice,
    start: int,
    stop: int,
    found: Array,
) -> None:
    """Fill the expected weight of the steps in which a state is held, for a chunk of draws.

    `following` is the probability that it is held in the next step. The contractions that values
    have a say in are run again.
    """
    n_draws, n, first = stop - start, weights.shape[0], int(c.results[0])
    cells, values = np.empty((c.n_cells, n_draws)), np.empty((found.shape[0], n_draws))
    for i in range(found.shape[0]):
        for d in range(n_draws):
            values[i, d] = weights[n - 1] * following[i, start + d]
            found[i, start + d] = values[i, d]
    for t in range(n - 2, -1, -1):
        if t == n - 2:
            kernels.run_step(cells, theta, row, start, values, c)
        else:  # nothing but the values has changed
            kernels.evaluate(cells, again)
        for i in range(found.shape[0]):
            for d in range(n_draws):
                value = cells[first + i, d] + weights[t] * following[i, start + d]
                if t > 0:
                    cells[c.message_at + i, d] = value
                else:
                    found[i, start + d] = value
