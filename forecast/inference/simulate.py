"""Drawing histories from a network, and reports from histories."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from forecast.inference.network import Block, Network

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


def simulate_history(
    network: Network, theta: Array, settings: Array, rng: np.random.Generator
) -> Index:
    """Draw one history, step by step, parents before children.

    Parameters
    ----------
    network
        The network.
    theta
        Table cells, (cell,).
    settings
        Log-likelihoods, (step, state); only those of variables without a table are used, which
        must have one possible state.
    rng
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        State of every variable at every step, (step, variable).
    """
    n_steps = settings.shape[0]
    history = np.zeros((n_steps, len(network.nodes)), dtype=np.int64)
    column = {name: k for k, name in enumerate(network.names)}
    for step in range(n_steps):
        for name in _order(network, first=step == 0):
            node = network.node(name)
            block = node.first if step == 0 else node.later
            if block is None:
                history[step, column[name]] = settings[step, network.states(name)].argmax()
                continue
            table = theta[network.cells(block, name)].reshape(network.table_shape(block, name))
            config = tuple(history[step - lag, column[parent]] for parent, lag in block.parents)
            row = table[config]
            history[step, column[name]] = rng.choice(len(row), p=row / row.sum())
    return history


def simulate_reports(
    network: Network,
    theta: Array,
    accuracy: Array,
    settings: Array,
    n_states: Index,
    grade: Index,
    claim: Index,
    share: Array,
    place: Index,
    rng: np.random.Generator,
) -> Index:
    """Draw what each report would say, given tables and accuracies; the rest as in `ReportTable`.

    All reports of a claim repeat one word, drawn with the accuracy of a report that has weight.
    Copies that misquote their origin are not drawn, although the likelihood allows for them.
    """
    truth = simulate_history(network, theta, settings, rng)
    said = np.zeros(len(n_states), dtype=np.int64)
    starts = network.first_states[:-1]
    for number in range(len(share)):
        step, cell = divmod(int(place[number, 0]), network.n_states)
        state = truth[step, int(np.searchsorted(starts, cell))]
        speaker = rng.choice(len(n_states), p=share[number])
        word = state
        if rng.random() > accuracy[grade[speaker]]:
            others = [k for k in range(n_states[speaker]) if k != state]
            word = rng.choice(others)
        said[claim == number] = word
    return said


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
