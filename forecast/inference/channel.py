"""From what reports say to the likelihood of every state, given accuracies and parameters.

A source of accuracy a takes the true state for what it is with probability a, and for each of the
other n - 1 states with probability (1 - a) / (n - 1). It then names the state it sees or, where a
number is reported, gives a number that is distributed as that state says. The report therefore
speaks for every state by a weight: 1 for the state it names, or the density of its number.

The formulas use operations that NumPy and PyTensor share; arrays may carry a draws axis, last.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from forecast.evidence.likelihood import ReportTable
from forecast.inference.tables import TableProgram

Array = npt.NDArray[np.float64]
Data = dict[str, Any]

PARTS = {
    "poisson": ("exposure",),
    "negative_binomial": ("scale", "exposure"),
    "normal": ("scale",),
    "student_t": ("scale", "degrees"),
}
"""What each family of numbers needs besides the place of its mean."""

FAR = 1e30
"""Stands for infinity where a choice would give slopes of 32 bits under JAX."""


def report_data(program: TableProgram, table: ReportTable) -> Data:
    """Everything about reports that the likelihood needs, by name.

    Returns
    -------
    dict
        "said": state or number of each report, (report,); "settings", "n_states", "grade",
        "claim", "weight" and "place" as in `ReportTable`; and for each family of measured numbers
        in the scenario "F_report", (number,), "F_location", (number, state), padded with that of
        the first state, and what `PARTS` says: "F_scale", (number, state), "F_exposure" and
        "F_degrees", (number,).
    """
    data: Data = {
        "said": table.said,
        "settings": table.settings,
        "n_states": table.n_states,
        "grade": table.grade,
        "claim": table.claim,
        "weight": table.weight,
        "place": table.place,
    }
    for family in families_of(program):
        data |= _number_data(program, table, family)
    return data


def families_of(program: TableProgram) -> list[str]:
    """Families of numbers that a scenario measures."""
    return sorted({measure.family for measure in program.measures.values()})


def _number_data(program: TableProgram, table: ReportTable, family: str) -> Data:
    width = table.place.shape[1]
    numbers = [
        (k, program.measures[name])
        for k, name in enumerate(table.observed)
        if table.is_number[k] and program.measures[name].family == family
    ]

    def padded(rows: Sequence[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
        filled = [[*row, *[row[0]] * (width - len(row))] for row in rows]
        return np.array(filled, dtype=np.int64).reshape(len(rows), width)

    found = {
        "report": np.array([k for k, _ in numbers], dtype=np.int64),
        "location": padded([measure.location for _, measure in numbers]),
        "scale": padded([measure.scale for _, measure in numbers]),
        "exposure": np.array(
            [(table.exposure[k] or measure.per) / measure.per for k, measure in numbers]
        ),
        "degrees": np.array([measure.degrees for _, measure in numbers]),
    }
    return {f"{family}_{part}": found[part] for part in ("report", "location", *PARTS[family])}


def log_likelihoods(
    data: Mapping[str, Any],
    parameters: Mapping[str, Any],
    families: Sequence[str] = (),
    xp: Any = np,
) -> Any:
    """Log-likelihood of every state at every step.

    Parameters
    ----------
    data
        As `report_data` gives it; arrays or symbols.
    parameters
        "accuracy", (grade, …), and the families of parameters that numbers need.
    families
        Families of numbers that the scenario measures.
    xp
        `numpy` or `pytensor.tensor`.

    Returns
    -------
    array
        Shape (step, state, …).
    """
    a = parameters["accuracy"][data["grade"]]
    spread = _spreader(parameters)
    says = spread(xp.equal(data["said"][:, None], xp.arange(data["place"].shape[1])) * 1.0)
    taken = 0.0
    if families:
        says, taken = _with_numbers(data, parameters, families, says, xp)
    others = says.sum(axis=1, keepdims=True) - says
    slip = (1 - a) / spread(data["n_states"] - 1)
    channel = a[:, None] * says + slip[:, None] * others
    weighed = spread(data["weight"][:, None]) * channel
    nothing = 0 * parameters["accuracy"][0]  # for each draw
    none_yet = spread(xp.zeros(data["place"].shape)) + nothing
    claims = _add_at(none_yet, data["claim"], weighed, xp)
    settings = data["settings"]
    flat = spread(xp.concatenate([settings.reshape((-1,)), np.zeros(1)])) + nothing
    summed = _add_at(flat, data["place"], xp.log(claims) + taken, xp)[:-1]
    return summed.reshape((settings.shape[0], settings.shape[1], *summed.shape[1:]))


def _spreader(parameters: Mapping[str, Any]) -> Callable[[Any], Any]:
    """What gives a constant a draws axis, where the parameters have one."""
    has_draws = parameters["accuracy"].ndim > 1
    return lambda constant: constant[..., None] if has_draws else constant


def _with_numbers(
    data: Mapping[str, Any],
    parameters: Mapping[str, Any],
    families: Sequence[str],
    says: Any,
    xp: Any,
) -> tuple[Any, Any]:
    """Weights of states by what each report says, and the logarithm taken out of each claim."""
    says = says + 0 * parameters["accuracy"][0]  # for each draw
    peak = 0 * says[:, 0]
    spread = _spreader(parameters)
    densities = []
    for family in families:
        at = data[f"{family}_report"]
        density = log_density(data, parameters, family, xp)
        densities.append((at, density))
        peak = _put(peak, at, density.max(axis=1), xp)
    claims = xp.arange(data["place"].shape[0])[:, None]
    weighs = spread(xp.equal(claims, data["claim"]) * xp.sign(data["weight"]))
    candidates = peak[None] * weighs - FAR * (1 - weighs)
    nobody = 0 * candidates.sum(axis=1, keepdims=True) - FAR  # where there are no reports at all
    taken = xp.concatenate([candidates, nobody], axis=1).max(axis=1)
    # A report without weight in its claim is no part of the claim's peak, and could overflow.
    own = weighs.sum(axis=0) * (peak - taken[data["claim"]])
    says = says * xp.exp(own)[:, None]
    for at, density in densities:
        exists = xp.arange(says.shape[1]) < data["n_states"][at][:, None]
        gap = density - density.max(axis=1, keepdims=True)
        says = _put(says, at, xp.exp(gap + own[at][:, None]) * spread(1.0 * exists), xp)
    return says, taken[:, None]


def log_density(
    data: Mapping[str, Any], parameters: Mapping[str, Any], family: str, xp: Any = np
) -> Any:
    """Log-density of each reported number under each state, (number, state, …).

    Where there is no such state, that of the first one again. A count of mean m has probability
    exp(-m) m^y / y! or, with dispersion k, that of the negative binomial of mean m and variance
    m + m²/k. Real numbers are normal, or Student's t of the given location, scale and degrees.
    """
    spread = _spreader(parameters)
    location = data[f"{family}_location"]
    y = spread(data["said"][data[f"{family}_report"]][:, None])
    if "exposure" in PARTS[family]:
        mean = parameters["positive"][location] * spread(data[f"{family}_exposure"][:, None])
    else:
        mean = parameters["real"][location]
    scale = parameters["positive"][data[f"{family}_scale"]] if "scale" in PARTS[family] else None
    lgamma = gammaln if xp is np else xp.gammaln
    if family == "poisson":
        density = y * xp.log(mean) - mean - lgamma(y + 1)
    elif family == "negative_binomial":
        density = lgamma(y + scale) - lgamma(scale) - lgamma(y + 1)
        density += scale * xp.log(scale) + y * xp.log(mean) - (y + scale) * xp.log(mean + scale)
    elif family == "normal":
        density = -0.5 * ((y - mean) / scale) ** 2 - xp.log(scale) - 0.5 * np.log(2 * np.pi)
    else:
        degrees = spread(data[f"{family}_degrees"][:, None])
        tail = (degrees + 1) / 2
        density = lgamma(tail) - lgamma(degrees / 2) - 0.5 * xp.log(degrees * np.pi)
        density = density - xp.log(scale) - tail * xp.log1p(((y - mean) / scale) ** 2 / degrees)
    return density


def _put(target: Any, at: Any, values: Any, xp: Any) -> Any:
    if xp is not np:
        return xp.set_subtensor(target[at], values)
    changed = np.array(target)
    changed[at] = values
    return changed


def _add_at(target: Any, at: Any, values: Any, xp: Any) -> Any:
    if xp is not np:
        return xp.inc_subtensor(target[at], values)
    total = np.array(target)
    np.add.at(total, at, values)
    return total
