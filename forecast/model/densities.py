"""What is reported as a number, a range or likelihoods, as data for the compiled loops.

`forecast.model.interval_censoring` has the densities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forecast.arrays import Array, Index
from forecast.evidence.likelihood import LIKELIHOODS, NUMBER, RANGE, ReportTable
from forecast.frozen import writable
from forecast.model.interval_censoring import FAMILIES, log_numbers
from forecast.model.tables import NumberModel, TableProgram

Data = dict[str, Any]

NUMBERS = ("family", "exact", "lower", "upper", "location", "scale", "exposure", "degrees")
"""What numbers need, in the order in which `log_numbers` takes it."""


def number_data(program: TableProgram, table: ReportTable) -> tuple[Data, Index]:
    """Everything about reported numbers that their densities need, by name, and their places.

    Returns
    -------
    data
        "number_…" for what `NUMBERS` names, and "given", logarithms of given likelihoods,
        (number, state).
    place
        Row of each report among the densities: of numbers and ranges, then of given
        likelihoods; -1 for a report that names a state, (report,).
    """
    place = np.full(len(table.kind), -1, dtype=np.int64)
    numbers = np.flatnonzero(np.isin(table.kind, (NUMBER, RANGE))).tolist()
    virtual = np.flatnonzero(table.kind == LIKELIHOODS).tolist()
    place[numbers] = np.arange(len(numbers))
    place[virtual] = len(numbers) + np.arange(len(virtual))
    parts = _parts(program, table, numbers)
    data = {f"number_{name}": parts[name] for name in NUMBERS}
    return data | {"given": table.given[virtual]}, place


def _parts(program: TableProgram, table: ReportTable, reports: Sequence[int]) -> Data:
    """What is known of some reported numbers, whatever their family."""
    width = table.given.shape[1]
    pairs: list[tuple[int, NumberModel]] = [
        (k, program.measures[table.observed[k]]) for k in reports
    ]
    measures = [measure for _, measure in pairs]

    def padded(rows: Sequence[Index]) -> Index:
        filled = [[*row, *[row[0]] * (width - len(row))] for row in rows]
        return np.array(filled, dtype=np.int64).reshape(len(rows), width)

    exact = table.kind[list(reports)] == NUMBER
    return {
        "family": np.array([FAMILIES.index(measure.family) for measure in measures], np.int64),
        "exact": exact.astype(np.int64),
        "lower": table.arrays.value[list(reports)],
        "upper": np.where(exact, table.arrays.value[list(reports)], table.upper[list(reports)]),
        "location": padded([measure.location for measure in measures]),
        "scale": padded([measure.scale for measure in measures]),
        "exposure": np.array(
            [(table.exposure[k] or m.per) / m.per for k, m in pairs], dtype=np.float64
        ),
        "degrees": np.array([measure.degrees for measure in measures], np.float64),
    }


def log_densities(data: Mapping[str, Any], parameters: Mapping[str, Array], draws: int) -> Array:
    """Log-density of everything that is reported as a number or as likelihoods.

    Parameters
    ----------
    data
        As `number_data` gives it.
    parameters
        "positive" and "real", (parameter, draw): those that numbers need.
    draws
        Number of draws.

    Returns
    -------
    numpy.ndarray
        Shape (number, state, draw); where there is no such state, that of the first again.
    """
    empty = np.zeros((0, draws))
    positive, real = (parameters.get(name, empty) for name in ("positive", "real"))
    given = positive, real, *(data[f"number_{name}"] for name in NUMBERS)
    numbers = log_numbers(*map(writable, given))
    virtual = data["given"][..., None]
    return np.concatenate([numbers, np.broadcast_to(virtual, (*virtual.shape[:2], draws))])
