"""From what reports say to the likelihood of every state, given accuracies and parameters.

A source of accuracy a takes the true state for what it is with probability a, and for each of the
other n - 1 states with probability (1 - a) / (n - 1). It then names the state it sees or, where a
number is reported, gives a number that is distributed as that state says. The report therefore
speaks for every state by a weight: 1 for the state it names, or the density of its number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from forecast.evidence.likelihood import ReportTable
from forecast.inference.tables import TableProgram

if TYPE_CHECKING:

    def _compiled[F: Callable[..., Any]](function: F) -> F: ...

else:
    _compiled = numba.njit(nogil=True, cache=True)

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Data = dict[str, Any]

REPORTS = (
    "said",
    "number",
    "n_states",
    "grade",
    "claim",
    "weight",
    "place",
    "settings",
)
"""What the likelihood needs to know of reports besides accuracies and densities, in order."""

PARTS = {
    "poisson": ("exposure",),
    "negative_binomial": ("scale", "exposure"),
    "normal": ("scale",),
    "student_t": ("scale", "degrees"),
}
"""What each family of numbers needs besides the place of its mean."""


def report_data(program: TableProgram, table: ReportTable) -> Data:
    """Everything about reports that the likelihood needs, by name.

    Returns
    -------
    dict
        Those that `REPORTS` names: "said", state or number of each report, (report,); "number",
        its place among the numbers of all families, or -1, (report,); the others as in
        `ReportTable`. And for each family of measured numbers in the scenario "F_value",
        (number,), "F_location", (number, state), padded with that of the first state, and what
        `PARTS` says: "F_scale", (number, state), "F_exposure" and "F_degrees", (number,).
    """
    place = np.full(len(table.said), -1, dtype=np.int64)
    data: Data = {
        "said": table.said,
        "number": place,
        "n_states": table.n_states,
        "grade": table.grade,
        "claim": table.claim,
        "weight": table.weight,
        "place": table.place,
        "settings": table.settings,
    }
    found = 0
    for family in families_of(program):
        reports = [
            k
            for k, name in enumerate(table.observed)
            if table.is_number[k] and program.measures[name].family == family
        ]
        place[reports] = found + np.arange(len(reports))
        found += len(reports)
        data |= _number_data(program, table, family, reports)
    return data


def families_of(program: TableProgram) -> tuple[str, ...]:
    """Families of numbers that a scenario measures."""
    return tuple(sorted({measure.family for measure in program.measures.values()}))


def _number_data(
    program: TableProgram, table: ReportTable, family: str, reports: Sequence[int]
) -> Data:
    width = table.place.shape[1]
    measures = [program.measures[table.observed[k]] for k in reports]

    def padded(rows: Sequence[Index]) -> Index:
        filled = [[*row, *[row[0]] * (width - len(row))] for row in rows]
        return np.array(filled, dtype=np.int64).reshape(len(rows), width)

    pairs = list(zip(reports, measures, strict=True))
    found = {
        "value": table.said[list(reports)],
        "location": padded([measure.location for measure in measures]),
        "scale": padded([measure.scale for measure in measures]),
        "exposure": np.array([(table.exposure[k] or m.per) / m.per for k, m in pairs]),
        "degrees": np.array([measure.degrees for measure in measures]),
    }
    return {f"{family}_{part}": found[part] for part in ("value", "location", *PARTS[family])}


def log_likelihoods(
    data: Mapping[str, Any], parameters: Mapping[str, Array], families: Sequence[str] = ()
) -> Array:
    """Log-likelihood of every state at every step.

    Parameters
    ----------
    data
        As `report_data` gives it.
    parameters
        "accuracy", (grade, …), and the families of parameters that numbers need.
    families
        Families of numbers that the scenario measures.

    Returns
    -------
    numpy.ndarray
        Shape (step, state, …).
    """
    accuracy = parameters["accuracy"]
    density = log_densities(data, parameters, families)
    draws = (..., None) if accuracy.ndim == 1 else ...
    found = weigh_reports(
        np.ascontiguousarray(accuracy[draws]),
        np.ascontiguousarray(density[draws]),
        *(data[name] for name in REPORTS),
    )
    return found[..., 0] if accuracy.ndim == 1 else found


def log_densities(
    data: Mapping[str, Any], parameters: Mapping[str, Any], families: Sequence[str], xp: Any = np
) -> Any:
    """Log-density of every reported number under each state, (number, state, …)."""
    if not families:
        draws = parameters["accuracy"].shape[1:] if xp is np else ()
        return xp.zeros((0, 1, *draws))
    return xp.concatenate([log_density(data, parameters, family, xp) for family in families])


def log_density(
    data: Mapping[str, Any], parameters: Mapping[str, Any], family: str, xp: Any = np
) -> Any:
    """Log-density of the numbers of one family under each state, (number, state, …).

    Where there is no such state, that of the first one again. A count of mean m has probability
    exp(-m) m^y / y! or, with dispersion k, that of the negative binomial of mean m and variance
    m + m²/k. Real numbers are normal, or Student's t of the given location, scale and degrees.
    The operations are those that NumPy and PyTensor share; NumPy's may carry a draws axis, last.
    """
    location = data[f"{family}_location"]
    draws = (..., None) if parameters["accuracy"].ndim > 1 else ...

    def each(name: str) -> Any:
        return data[f"{family}_{name}"][:, None][draws]

    y = each("value")
    if "exposure" in PARTS[family]:
        mean = parameters["positive"][location] * each("exposure")
    else:
        mean = parameters["real"][location]
    scale = parameters["positive"][data[f"{family}_scale"]] if "scale" in PARTS[family] else None
    lgamma = gammaln if xp is np else xp.gammaln
    if family == "poisson":
        return y * xp.log(mean) - mean - lgamma(y + 1)
    if family == "negative_binomial":
        density = lgamma(y + scale) - lgamma(scale) - lgamma(y + 1)
        density += scale * xp.log(scale) + y * xp.log(mean) - (y + scale) * xp.log(mean + scale)
        return density
    if family == "normal":
        return -0.5 * ((y - mean) / scale) ** 2 - xp.log(scale) - 0.5 * np.log(2 * np.pi)
    degrees = each("degrees")
    tail = (degrees + 1) / 2
    density = lgamma(tail) - lgamma(degrees / 2) - 0.5 * xp.log(degrees * np.pi)
    return density - xp.log(scale) - tail * xp.log1p(((y - mean) / scale) ** 2 / degrees)


@_compiled
def _speak(
    weights: Array,
    density: Array,
    said: Array,
    number: Index,
    n_states: Index,
    claim: Index,
    weight: Array,
    n_claims: int,
    d: int,
) -> Array:
    """Fill the weights by which reports speak for states; return the logarithm taken out.

    The best-supported state of each claim has weight 1, so that no density underflows.
    """
    taken = np.full(n_claims, -np.inf)
    for r in range(said.shape[0]):
        if weight[r] > 0.0:
            top = 0.0
            if number[r] >= 0:
                top = density[number[r], : n_states[r], d].max()
            taken[claim[r]] = max(taken[claim[r]], top)
    for r in range(said.shape[0]):
        for s in range(n_states[r]):
            if number[r] >= 0:
                weights[r, s] = math.exp(min(density[number[r], s, d] - taken[claim[r]], 0.0))
            else:
                weights[r, s] = math.exp(-taken[claim[r]]) if said[r] == s else 0.0
    return taken


@_compiled
def _sum_claims(
    totals: Array,
    weights: Array,
    accuracy: Array,
    n_states: Index,
    grade: Index,
    claim: Index,
    weight: Array,
    d: int,
) -> None:
    """Fill the likelihood of every state by each claim."""
    totals[:] = 0.0
    for r in range(weight.shape[0]):
        a = accuracy[grade[r], d]
        slip = (1.0 - a) / (n_states[r] - 1)
        whole = weights[r, : n_states[r]].sum()
        for s in range(n_states[r]):
            heard = a * weights[r, s] + slip * (whole - weights[r, s])
            totals[claim[r], s] += weight[r] * heard


@_compiled
def weigh_reports(
    accuracy: Array,
    density: Array,
    said: Array,
    number: Index,
    n_states: Index,
    grade: Index,
    claim: Index,
    weight: Array,
    place: Index,
    settings: Array,
) -> Array:
    """Log-likelihood of every state at every step, (step, state, draw).

    Parameters
    ----------
    accuracy
        Accuracy of each grade, (grade, draw).
    density
        Log-density of every reported number under each state, (number, state, draw).
    said, number, n_states, grade, claim, weight, place, settings
        As `report_data` gives them.
    """
    n_steps, total = settings.shape
    found = np.empty((n_steps * total, accuracy.shape[1]))
    for k in range(found.shape[0]):
        found[k] = settings[k // total, k % total]
    weights = np.zeros((said.shape[0], place.shape[1]))
    totals = np.zeros(place.shape)
    for d in range(accuracy.shape[1]):
        taken = _speak(weights, density, said, number, n_states, claim, weight, place.shape[0], d)
        _sum_claims(totals, weights, accuracy, n_states, grade, claim, weight, d)
        for c in range(taken.shape[0]):
            for s in range(place.shape[1]):
                if place[c, s] < found.shape[0]:
                    found[place[c, s], d] += np.log(totals[c, s]) + taken[c]
    return found.reshape(n_steps, total, accuracy.shape[1])


@_compiled
def report_slopes(
    accuracy: Array,
    density: Array,
    said: Array,
    number: Index,
    n_states: Index,
    grade: Index,
    claim: Index,
    weight: Array,
    place: Index,
    settings: Array,
    by_log_like: Array,
) -> tuple[Array, Array]:
    """Slopes by accuracies and densities, from those by the log-likelihoods; a single draw.

    The arguments are those of `weigh_reports`, without draws, and slopes (step, state).
    """
    by_accuracy, by_density = np.zeros(accuracy.shape[0]), np.zeros(density.shape)
    slopes = np.ascontiguousarray(by_log_like).reshape(settings.size)
    weights = np.zeros((said.shape[0], place.shape[1]))
    totals = np.zeros(place.shape)
    one_density = np.ascontiguousarray(density).reshape(density.shape[0], density.shape[1], 1)
    one_accuracy = np.ascontiguousarray(accuracy).reshape(accuracy.shape[0], 1)
    _speak(weights, one_density, said, number, n_states, claim, weight, place.shape[0], 0)
    _sum_claims(totals, weights, one_accuracy, n_states, grade, claim, weight, 0)
    for r in range(said.shape[0]):
        n, c = n_states[r], claim[r]
        a, others = accuracy[grade[r]], n - 1
        whole = weights[r, :n].sum()
        slope_of = np.zeros(n)
        for s in range(n):
            if totals[c, s] > 0.0:
                slope_of[s] = weight[r] * slopes[place[c, s]] / totals[c, s]
        total_slope = slope_of.sum()
        for s in range(n):
            slope, own = slope_of[s], weights[r, s]
            by_accuracy[grade[r]] += slope * (own - (whole - own) / others)
            if number[r] >= 0:
                by_weight = slope * a + (total_slope - slope) * (1.0 - a) / others
                by_density[number[r], s] = by_weight * own
    return by_accuracy, by_density
