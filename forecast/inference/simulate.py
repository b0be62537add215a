"""Drawing histories from a network, and reports from histories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.inference.network import Block, Network
from forecast.inference.tables import Measure

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


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
            config = tuple(history[step - lag, column[parent]] for parent, lag in block.parents)
            row = table[(*config, slice(None), draws)] if config else table.T
            ends = row.cumsum(axis=1)
            reached = rng.random(len(draws))[:, None] * ends[:, -1:]
            history[step, column[name]] = (ends[:, :-1] <= reached).sum(axis=1)
    return history


def simulate_numbers(
    measure: Measure,
    parameters: Mapping[str, Array],
    states: Index,
    days: float,
    rng: np.random.Generator,
) -> Array:
    """Draw the number that would be measured in every step of every history.

    Parameters
    ----------
    measure
        How the number depends on the state.
    parameters
        "positive" and "real", (parameter, draw): those that it needs.
    states
        State of the variable, (step, draw).
    days
        Days that a count covers.
    rng
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        Counts, or real numbers, (step, draw).
    """
    draws = np.arange(states.shape[-1])

    def each(family: str, places: Index) -> Array:
        return parameters[family][places[states], draws]

    if measure.family in ("poisson", "negative_binomial"):
        mean = each("positive", measure.location) * days / measure.per
        if measure.family == "negative_binomial":
            size = each("positive", measure.scale)
            mean = mean * rng.gamma(size, 1 / size)
        return rng.poisson(mean).astype(np.float64)
    normal = measure.family == "normal"
    wild = (
        rng.normal(size=states.shape) if normal else rng.standard_t(measure.degrees, states.shape)
    )
    return each("real", measure.location) + each("positive", measure.scale) * wild


def simulate_reports(
    network: Network,
    theta: Array,
    data: Mapping[str, Any],
    parameters: Mapping[str, Array],
    families: Sequence[str],
    rng: np.random.Generator,
) -> Array:
    """Draw what each report would say, given tables and parameters.

    All reports of a claim repeat one word or number, drawn with the accuracy of a report that has
    weight. Copies that misquote their origin are not drawn, although the likelihood allows for
    them.

    Parameters
    ----------
    network, theta
        The network, and its table cells, (cell,).
    data, families
        What was reported, as `channel.report_data` gives it; only its shape is used, not what was
        said.
    parameters
        "accuracy" and the parameters of numbers, one draw.
    rng
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        Number of a state, or the number reported, (report,).
    """
    truth = simulate_history(network, theta, data["settings"], rng)
    n_states = data["n_states"]
    told: Array = np.zeros(len(n_states))
    starts = network.first_states[:-1]
    for claim, place in enumerate(data["place"]):
        step, cell = divmod(int(place[0]), network.n_states)
        state = truth[step, int(np.searchsorted(starts, cell, side="right")) - 1]
        members = data["claim"] == claim
        speaker = rng.choice(len(n_states), p=np.where(members, data["weight"], 0.0))
        if rng.random() > parameters["accuracy"][data["grade"][speaker]]:
            state = rng.choice([k for k in range(n_states[speaker]) if k != state])
        told[members] = state
    first = 0
    for family in families:
        repeated: dict[int, float] = {}
        places = range(first, first + len(data[f"{family}_value"]))
        first = places.stop
        for number, place in enumerate(places):
            report = int(np.flatnonzero(data["number"] == place)[0])
            claim = int(data["claim"][report])
            if claim not in repeated:
                state = int(told[report])
                repeated[claim] = _draw_number(data, parameters, family, number, state, rng)
            told[report] = repeated[claim]
    return told


def _draw_number(
    data: Mapping[str, Any],
    parameters: Mapping[str, Array],
    family: str,
    number: int,
    state: int,
    rng: np.random.Generator,
) -> float:
    def part(name: str) -> Any:
        return data[f"{family}_{name}"][number]

    location = part("location")[state]
    if family == "poisson":
        return float(rng.poisson(parameters["positive"][location] * part("exposure")))
    scale = parameters["positive"][part("scale")[state]]
    if family == "negative_binomial":
        mean = parameters["positive"][location] * part("exposure")
        return float(rng.poisson(mean * rng.gamma(scale, 1 / scale)))
    wild = rng.standard_normal() if family == "normal" else rng.standard_t(part("degrees"))
    return float(parameters["real"][location] + scale * wild)


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
