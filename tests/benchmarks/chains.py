"""A dynamic network of the shipped scenario's kind, and the same as one flat Markov chain."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

from forecast.network.structure import Block, Network, Node
from forecast.testing.networks import all_histories, cells_used

Array = npt.NDArray[np.float64]
HIDDEN = (3, 3, 3, 2, 2, 2)
"""States of the hidden variables: 216 joint states, the upper size of the shipped scenario."""


def make_chain(n_indicators: int) -> Network:
    """Six hidden variables in a chain of influence, and indicators with two states each.

    Each hidden variable depends on its own past and on the past of the one before it; each
    indicator on one hidden variable.
    """
    nodes, start = [], 0

    def place(parents: tuple[tuple[str, int], ...], own: int) -> Block:
        nonlocal start
        block = Block(parents, start)
        start += own * prod(HIDDEN[int(parent[1:])] for parent, _ in parents)
        return block

    for k, size in enumerate(HIDDEN):
        past = ((f"h{k}", 1), *([(f"h{k - 1}", 1)] if k else []))
        first, later = place((), size), place(past, size)
        nodes.append(Node(f"h{k}", tuple(f"s{s}" for s in range(size)), first, later))
    for k in range(n_indicators):
        block = place(((f"h{k % len(HIDDEN)}", 0),), 2)
        nodes.append(Node(f"i{k}", ("no", "yes"), block, block))
    return Network(tuple(nodes), start, dynamic=True)


def draw_tables(network: Network, n_draws: int, seed: int) -> Array:
    """Random tables without small numbers, (cell, draw)."""
    rng = np.random.default_rng(seed)
    theta = np.empty((network.n_cells, n_draws))
    for node in network.nodes:
        for block in {node.first, node.later} - {None}:
            *rows, own = network.table_shape(block, node.name)
            drawn = rng.dirichlet(np.full(own, 4.0), (n_draws, *rows)).reshape(n_draws, -1)
            theta[network.cells(block, node.name)] = drawn.T
    return theta


def draw_evidence(network: Network, n_steps: int, seed: int) -> tuple[npt.NDArray[np.int64], Array]:
    """All indicators seen at all steps: their states, (step, indicator), and log-likelihoods."""
    rng = np.random.default_rng(seed)
    n_indicators = len(network.nodes) - len(HIDDEN)
    seen = rng.integers(0, 2, (n_steps, n_indicators))
    log_like = network.no_evidence(n_steps)
    for k in range(n_indicators):
        at = network.states(f"i{k}").start
        log_like[np.arange(n_steps), at + 1 - seen[:, k]] = -np.inf
    return seen, log_like


def flatten(network: Network, theta: Array) -> tuple[Array, Array, Array]:
    """The same network, for one set of tables (cell,), as a flat chain over joint hidden states.

    Returns
    -------
    start, transition, emission
        Shapes (state,), (state, state) and (state, symbol); a symbol is a joint state of all
        indicators, the first one slowest.
    """
    hidden = Network(network.nodes[: len(HIDDEN)], network.n_cells, dynamic=True)
    pairs = all_histories(hidden, 2)
    probabilities = theta[cells_used(hidden, pairs)].prod(axis=2)
    n = prod(HIDDEN)
    joint = all_histories(hidden, 1)[:, 0]
    emission = np.ones((n, 1))
    for k, node in enumerate(network.nodes[len(HIDDEN) :]):
        table = theta[network.cells(node.first, node.name)].reshape(-1, 2)
        rows = table[joint[:, k % len(HIDDEN)]]
        emission = (emission[:, :, None] * rows[:, None, :]).reshape(n, -1)
    return probabilities[:, 0].reshape(n, n)[:, 0], probabilities[:, 1].reshape(n, n), emission


def hidden_marginals(network: Network, flat: Array) -> Array:
    """Probability of each hidden state, (step, hidden state), from those of joint ones."""
    joint = flat.reshape(len(flat), *HIDDEN)
    axes = range(1, len(HIDDEN) + 1)
    parts = [joint.sum(axis=tuple(a for a in axes if a != k)) for k in axes]
    return np.concatenate(parts, axis=1)
