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
        (circuit, again), axes = backward_slice(part)
        variable = part.node(state[0])
        others = [(variable.name, each) for each in variable.states if each != state[1]]
        free = self.row[self.network.state_columns(part.names), None]
        rows = np.stack([_forbid(part, free, others), free])
        found = np.empty((prod(part.sizes[name] for name in axes), self.theta.shape[1]))
        theta = writable(self.theta)

        def run(draws: slice) -> None:
            _share_backwards(theta, rows, weights, circuit, again, draws.start, draws.stop, found)

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
        (circuit, again), _ = backward_slice(part)
        n_draws = self.theta.shape[1]
        overlap, last = np.zeros((n, n_draws)), np.empty_like(present)
        theta = writable(self.theta)

        def run(draws: slice) -> None:
            _step_backwards(
                theta, row, circuit, again, draws.start, draws.stop, present, overlap, last
            )

        in_threads(run, chunks(n_draws, circuit.n_cells))
        return overlap, last


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
    same = bool(window.start >= 1 and window and network.dynamic and network.interface)
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
    last: Array,
) -> None:
    """Take values, which are 1 at the end, back step by step, for a chunk of draws.

    After each step their expectation is added to its row of `overlap`. Of the slice those
    contractions are run again that the values have a say in.
    """
    n_draws = stop - start
    cells, values = np.empty((c.n_cells, n_draws)), np.ones((last.shape[0], n_draws))
    first = int(c.results[0])
    for t in range(overlap.shape[0]):
        if t == 0:
            kernels.run_step(cells, theta, row, start, values, c)
        else:  # nothing but the values has changed
            kernels.copy_rows(values, cells[c.message_at : c.like_at])
            kernels.evaluate(cells, again)
        for i in range(values.shape[0]):
            for d in range(n_draws):
                values[i, d] = cells[first + i, d]
                overlap[t, start + d] += values[i, d] * present[i, start + d]
    for i in range(values.shape[0]):
        for d in range(n_draws):
            last[i, start + d] = values[i, d]


@compiled_loosely
def _share_backwards(
    theta: Array,
    rows: Array,
    weights: Array,
    c: Slice,
    again: Slice,
    start: int,
    stop: int,
    found: Array,
) -> None:
    """Fill the expected weight of the steps in which a state is held, for a chunk of draws.

    Rows of likelihoods, (2, column, 1): the first asks for the state, the second for nothing. The
    contractions that values have a say in are run again.
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
            kernels.evaluate(cells, again)
        for i in range(values.shape[0]):
            for d in range(n_draws):
                values[i, d] = cells[first + i, d] + weights[t] * following[i, d]
    for i in range(values.shape[0]):
        for d in range(n_draws):
            found[i, start + d] = values[i, d]
