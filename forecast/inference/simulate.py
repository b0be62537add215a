"""Drawing histories from a network, and reports from histories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.inference.network import Block, Network
from forecast.inference.ranges import FAMILIES
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
    rng: np.random.Generator,
) -> Array:
    """Draw what each report would state, given tables and parameters.

    The dates of events and the control of channels are drawn too. An origin states one state or
    number of a variable in a step, and all its reports repeat it: copies that misquote it are not
    drawn, although the likelihood allows for them. A report of a range gives the number that was
    drawn, and one of likelihoods the state that its origin took for true.

    Parameters
    ----------
    network, theta
        The network, and its table cells, (cell,).
    data
        What was reported, as `report_likelihood.report_data` gives it and `ReportTable.simulation`,
        with the table's "settings", "accuracy" and "n_states"; only its shape is used, not what
        was stated.
    parameters
        "accuracy", "detection" and "control", and the parameters of numbers, one draw.
    rng
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        Number of a state, or the number reported, (report,).
    """
    truth = simulate_history(network, theta, data["settings"], rng)
    steps = [
        k + rng.choice(len(p), p=p) for k, p in zip(data["first"], data["shares"], strict=True)
    ]
    control = parameters.get("control", np.zeros(0))
    controlled = rng.random(len(control)) < control
    statements: dict[tuple[int, ...], list[int]] = {}
    for report in data["rank"]:
        channel, step = int(data["channel"][report]), int(steps[data["date"][report]])
        through = channel if channel >= 0 and controlled[channel] else -1
        statements.setdefault((int(data["origin"][report]), step, through), []).append(report)
    value: Array = np.zeros(len(data["n_states"]))
    n_numbers = len(data["number_family"])  # those of likelihoods come after
    for (_, step, through), members in statements.items():
        best = members[0]
        n = int(data["n_states"][best])
        state = int(truth[step, data["variable"][best]])
        if through >= 0:
            state = int(rng.choice(n, p=data["controlled"][best, :n]))
        elif rng.random() > parameters["accuracy"][data["accuracy"][best]]:
            state = int(rng.choice([k for k in range(n) if k != state]))
        value[members] = state
        numbers = [report for report in members if 0 <= data["number"][report] < n_numbers]
        if numbers:
            value[numbers] = _draw_number(data, parameters, numbers[0], state, rng)
    return value


def _draw_number(
    data: Mapping[str, Any],
    parameters: Mapping[str, Array],
    report: int,
    state: int,
    rng: np.random.Generator,
) -> float:
    """Draw the number that a report gives of a state."""
    row = int(data["number"][report])

    def part(name: str) -> Any:
        return data[f"number_{name}"][row]

    family, location = FAMILIES[part("family")], part("location")[state]
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
