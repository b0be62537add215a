"""Draw reports, and the numbers that would be measured, from histories of a network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.arrays import Array, Index
from forecast.model.interval_censoring import FAMILIES
from forecast.model.report_likelihood import odds_of
from forecast.model.tables import NumberModel
from forecast.network.simulate import simulate_history
from forecast.network.structure import Network


def simulate_numbers(
    measure: NumberModel,
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
    """Draw a history and what each report would state of it; see `simulate_reports_of`.

    Parameters
    ----------
    network, theta
        The network, and its table cells, (cell,).
    data, parameters, rng
        As in `simulate_reports_of`.
    """
    truth = simulate_history(network, theta, data["settings"], rng)
    return simulate_reports_of(truth, data, parameters, rng)


def simulate_reports_of(
    truth: Index,
    data: Mapping[str, Any],
    parameters: Mapping[str, Array],
    rng: np.random.Generator,
) -> Array:
    """Draw what each report would state, given a history and parameters.

    The dates of events and the control of channels are drawn too. An origin states one state or
    number of a variable in a step, and all its reports repeat it: copies that misquote it are not
    drawn, although the likelihood allows for them. Whatever a source brings of an origin errs
    together, also where the likelihood, beyond its limits, takes errors one by one. A report that
    states no origin may repeat another. It is not drawn whether reports come at all: those that
    came are given. A report of a range gives the number that was drawn, and one of likelihoods the
    state that its origin took for true.

    Parameters
    ----------
    truth
        State of every variable at every step, (step, variable).
    data
        What was reported, as `report_likelihood.report_data` gives it and `ReportTable.simulation`,
        with the table's "settings", "accuracy" and "n_states"; only its shape is used, not what
        was stated.
    parameters
        "accuracy", "detection", "control" and "copying", and the parameters of numbers, one draw.
    rng
        Source of randomness.

    Returns
    -------
    numpy.ndarray
        Number of a state, or the number reported, (report,).
    """
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
    uniform = rng.random(max(data["error"], default=-1) + 1)  # one origin errs once
    value: Array = np.zeros(len(data["n_states"]))
    n_numbers = len(data["number_family"])  # those of likelihoods come after
    for (_, step, through), members in statements.items():
        best = members[0]
        n = int(data["n_states"][best])
        state = int(truth[step, data["variable"][best]])
        if through >= 0:
            state = int(rng.choice(n, p=data["controlled"][best, :n]))
        elif uniform[data["error"][best]] > parameters["accuracy"][data["accuracy"][best]]:
            state = int(rng.choice(n, p=_usual(data, best)[:n]))
        value[members] = state
        numbers = [report for report in members if 0 <= data["number"][report] < n_numbers]
        if numbers:
            value[numbers] = _draw_number(data, parameters, numbers[0], state, rng)
    free = np.array([k < 0 or not controlled[k] for k in data["channel"]], bool)
    _copy_values(value, data, parameters, np.array(steps)[data["date"]], free, rng)
    return value


def _copy_values(
    value: Array,
    data: Mapping[str, Any],
    parameters: Mapping[str, Array],
    steps: Index,
    free: npt.NDArray[np.bool_],
    rng: np.random.Generator,
) -> None:
    """Let reports that state no origin repeat what others of their step state, as copies do."""
    for report in dict.fromkeys(data["copier"].tolist()):
        own = np.flatnonzero(data["copier"] == report)
        own = own[steps[data["copied"][own]] == steps[report]]
        weights = odds_of(parameters["copying"][data["family"][own]]) * data["weight"][own]
        if free[report] and rng.random() * (1 + weights.sum()) >= 1:
            value[report] = value[data["copied"][rng.choice(own, p=weights / weights.sum())]]


def _usual(data: Mapping[str, Any], report: int) -> Array:
    """What reports like one usually say: what it says if its source errs, (state,)."""
    # Origins that state the same share a statement, which stands under the first of them.
    alike = np.ones(len(data["version_report"]), dtype=bool)
    for name in ("variable", "accuracy"):
        alike &= data[name][data["version_report"]] == data[name][report]
    statements = data["version_statement"][alike]
    free = [w for w in statements if data["statement_accuracy"][w] >= 0]
    found: Array = data["statement_usual"][free[0]]
    return found


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
