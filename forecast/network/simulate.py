"""Draw histories from a network."""

from __future__ import annotations

import numpy as np

from forecast.arrays import Array, Index
from forecast.network.structure import Block, Network


def simulate_history(
    network: Network, theta: Array, settings: Array, rng: np.random.Generator
) -> Index:
    """Draw one history, (step, variable); `theta` has no draws axis. See `simulate_histories`."""
    return simulate_histories(network, theta[:, None], settings, rng)[..., 0]


def simulate_histories(
    network: Network, theta: Array, settings: Array, rng: np.random.Generator
) -> Index:
    """Draw one history for each draw of the tables, step by step, parents before children.

    Parameters
    ----------
    network
        The network.
    theta
        Table cells, (cell, draw).
    settings
        Log-likelihoods, (step, state); only those of variables without a table are used, which
        must have one possible state.
    rng
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        State of every variable at every step, (step, variable, draw).
    """
    n_steps, draws = settings.shape[0], np.arange(theta.shape[1])
    history = np.zeros((n_steps, len(network.nodes), len(draws)), dtype=np.int64)
    column = {name: k for k, name in enumerate(network.names)}
    orders = _order(network, first=True), _order(network, first=False)
    for step in range(n_steps):
        for name in orders[min(step, 1)]:
            node = network.node(name)
            block = node.first if step == 0 else node.later
            if block is None:
                history[step, column[name]] = settings[step, network.states(name)].argmax()
                continue
            shape = network.table_shape(block, name)
            table = theta[network.cells(block, name)].reshape(*shape, len(draws))
            config = tuple(
                history[max(step - lag, 0), column[parent]] for parent, lag in block.parents
            )
            row = table[(*config, slice(None), draws)] if config else table.T
            ends = row.cumsum(axis=1)
            reached = rng.random(len(draws))[:, None] * ends[:, -1:]
            history[step, column[name]] = (ends[:, :-1] <= reached).sum(axis=1)
    return history


def _order(network: Network, *, first: bool) -> list[str]:
    """Variables with parents of the same step before their children."""
    placed: dict[str, None] = {}
    waiting = list(network.nodes)
    while waiting:
        for node in waiting:
            block: Block | None = node.first if first else node.later
            same_step = [] if block is None else [p for p, lag in block.parents if lag == 0]
            if all(parent in placed for parent in same_step):
                placed[node.name] = None
        waiting = [node for node in waiting if node.name not in placed]
    return list(placed)
