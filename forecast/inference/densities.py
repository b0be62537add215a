"""Density of a reported number under each state of its variable.

A count of mean m has probability exp(-m) m^y / y! or, with dispersion k, that of the negative
binomial of mean m and variance m + m²/k. Real numbers are normal, or Student's t of the given
location, scale and degrees. `forecast.inference.ranges` gives the probability of a range.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln

from forecast.evidence.likelihood import LIKELIHOODS, NUMBER, RANGE, ReportTable
from forecast.inference.ranges import FAMILIES, log_ranges
from forecast.inference.tables import Measure, TableProgram

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
Data = dict[str, Any]

PARTS = {
    "poisson": ("exposure",),
    "negative_binomial": ("scale", "exposure"),
    "normal": ("scale",),
    "student_t": ("scale", "degrees"),
}
"""What each family of numbers needs besides the place of its mean."""

RANGES = ("family", "lower", "upper", "location", "scale", "exposure", "degrees")
"""What ranges need, in the order in which `log_ranges` takes it."""


def families_of(program: TableProgram) -> tuple[str, ...]:
    """Families of numbers that a scenario measures."""
    return tuple(sorted({measure.family for measure in program.measures.values()}))


def number_data(program: TableProgram, table: ReportTable) -> tuple[Data, Index]:
    """Everything about reported numbers that their densities need, by name, and their places.

    Returns
    -------
    data
        For each family of measured numbers in the scenario "F_value", (number,), "F_location",
        (number, state), padded with that of the first state, and what `PARTS` says: "F_scale",
        (number, state), "F_exposure" and "F_degrees", (number,). If there is a family,
        "range_…" for what `RANGES` names. And "given", logarithms of given likelihoods,
        (number, state).
    place
        Row of each report among the densities: of families, ranges, given likelihoods; -1 for a
        report that names a state, (report,).
    """
    place = np.full(len(table.kind), -1, dtype=np.int64)
    data: Data = {}
    found = 0

    def number(reports: Sequence[int]) -> None:
        nonlocal found
        place[reports] = found + np.arange(len(reports))
        found += len(reports)

    for family in families_of(program):
        reports = [
            k
            for k in np.flatnonzero(table.kind == NUMBER).tolist()
            if program.measures[table.observed[k]].family == family
        ]
        parts = _parts(program, table, reports)
        data |= {f"{family}_{part}": parts[part] for part in ("value", "location", *PARTS[family])}
        number(reports)
    if program.measures:
        reports = np.flatnonzero(table.kind == RANGE).tolist()
        parts = _parts(program, table, reports)
        data |= {f"range_{part}": parts[part] for part in RANGES}
        number(reports)
    virtual = np.flatnonzero(table.kind == LIKELIHOODS).tolist()
    data["given"] = table.given[virtual]
    number(virtual)
    return data, place


def _parts(program: TableProgram, table: ReportTable, reports: Sequence[int]) -> Data:
    """What is known of some reported numbers, whatever their family."""
    width = table.given.shape[1]
    pairs: list[tuple[int, Measure]] = [(k, program.measures[table.observed[k]]) for k in reports]
    measures = [measure for _, measure in pairs]

    def padded(rows: Sequence[Index]) -> Index:
        filled = [[*row, *[row[0]] * (width - len(row))] for row in rows]
        return np.array(filled, dtype=np.int64).reshape(len(rows), width)

    return {
        "family": np.array([FAMILIES.index(measure.family) for measure in measures], np.int64),
        "value": table.arrays.value[list(reports)],
        "lower": table.arrays.value[list(reports)],
        "upper": table.upper[list(reports)],
        "location": padded([measure.location for measure in measures]),
        "scale": padded([measure.scale for measure in measures]),
        "exposure": np.array([(table.exposure[k] or m.per) / m.per for k, m in pairs]),
        "degrees": np.array([measure.degrees for measure in measures], np.float64),
    }


def log_densities(
    data: Mapping[str, Any], parameters: Mapping[str, Array], families: Sequence[str], draws: int
) -> Array:
    """Log-density of everything that is reported as a number or as likelihoods.

    Parameters
    ----------
    data
        As `number_data` gives it.
    parameters
        "positive" and "real", (parameter, draw): those that numbers need.
    families
        Families of numbers that the scenario measures.
    draws
        Number of draws.

    Returns
    -------
    numpy.ndarray
        Shape (number, state, draw); where there is no such state, that of the first again.
    """
    parts = [log_density(data, parameters, family) for family in families]
    if families:
        empty = np.zeros((0, draws))
        positive, real = (parameters.get(name, empty) for name in ("positive", "real"))
        given = (np.ascontiguousarray(positive), np.ascontiguousarray(real))
        parts.append(log_ranges(*given, *(data[f"range_{name}"] for name in RANGES)))
    virtual = data["given"][..., None]
    parts.append(np.broadcast_to(virtual, (*virtual.shape[:2], draws)))
    return np.concatenate(parts)


def log_density(
    data: Mapping[str, Any], parameters: Mapping[str, Any], family: str, xp: Any = np
) -> Any:
    """Log-density of the numbers of one family under each state, (number, state, …).

    The operations are those that NumPy and PyTensor share; NumPy's have a draws axis, last.
    """
    location = data[f"{family}_location"]
    draws = (..., None) if xp is np else ...

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
