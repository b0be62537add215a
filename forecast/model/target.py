"""The log-density that samplers explore, with its gradient, as one compiled loop.

It is the log-posterior of the PyMC model, for the same unconstrained coordinates: priors of the
judgements, tables by their expressions, likelihoods of reports, and the log evidence by the
elimination. All of a scenario and its evidence is data to the loop. It is therefore compiled once
for all scenarios and kept on disk, and draws do not depend on what PyTensor makes of a graph.

A probability has the logarithm of its odds for a coordinate, a row of probabilities its isometric
log-ratios (as `log_ratio.LogRatio`), a positive number its logarithm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from forecast.arrays import Array, Index
from forecast.evidence.likelihood import ReportArrays
from forecast.frozen import writable
from forecast.model import expressions, interval_censoring, report_likelihood
from forecast.model.densities import NUMBERS
from forecast.model.priors import Priors
from forecast.model.tables import TableProgram
from forecast.network import kernels, single
from forecast.network.compiling import compiled, compiled_inline, compiled_within
from forecast.network.kernels import Packed


class Numbers(NamedTuple):
    """Reported numbers, as `densities.number_data` gives them."""

    family: Index
    exact: Index
    lower: Array
    upper: Array
    location: Index
    scale: Index
    exposure: Array
    degrees: Array


class Target(NamedTuple):
    """Everything that the log-density depends on besides the point.

    Attributes
    ----------
    probability, trust
        Shape parameters of Beta priors, of tables and of sources, (judgement, 2).
    widths, rows
        Number of states of each row of probabilities, (row,), and the concentrations of all rows,
        one after another.
    positive, real
        Mean and sd of log-normal and of normal priors, (judgement, 2).
    level
        Mean and sd of the log-normal priors of levels of reporting, (level, 2).
    log_constant
        Logarithm of everything in the priors that does not depend on the point.
    constants, steps, order
        The expressions of the tables.
    elimination
        Circuits of all steps, as `slices.pack_circuits` gives them.
    numbers, given
        Reported numbers, and logarithms of likelihoods that reports give, (report, state).
    reports
        What was reported.
    """

    probability: Array
    widths: Index
    rows: Array
    positive: Array
    real: Array
    trust: Array
    level: Array
    log_constant: float
    constants: Array
    steps: expressions.Steps
    order: expressions.Steps
    elimination: Packed
    numbers: Numbers
    given: Array
    reports: ReportArrays


def make_target(program: TableProgram, data: Mapping[str, Any]) -> Target:
    """Gather the priors of a scenario and its evidence.

    Parameters
    ----------
    program
        Priors and tables.
    data
        As `model.evidence_data` gives it.
    """
    priors = program.priors
    rows = [row for width in priors.rows.values() for row in width]
    return Target(
        probability=_pairs(priors.probability),
        widths=np.array([len(row) for row in rows], dtype=np.int64),
        rows=np.concatenate([*rows, np.zeros(0)]),
        positive=_pairs(priors.positive),
        real=_pairs(priors.real),
        trust=_trust(priors),
        level=_pairs(priors.trust.shapes("reporting_level")),
        log_constant=sum(family.log_constant() for family in priors.families),
        constants=writable(program.expressions.constants),
        steps=writable(program.expressions.steps),
        order=writable(program.expressions.order),
        elimination=writable(data["elimination"]),
        numbers=Numbers(*(writable(data[f"report_number_{name}"]) for name in NUMBERS)),
        given=writable(data["report_given"]),
        reports=ReportArrays(*(writable(data[f"report_{name}"]) for name in ReportArrays._fields)),
    )


def _pairs(values: Array) -> Array:
    pairs: Array = writable(np.asarray(values, dtype=np.float64).reshape(-1, 2))
    return pairs


def _trust(priors: Priors) -> Array:
    shapes = [priors.trust.shapes(family) for family, _ in priors.trust.families()]
    return _pairs(np.concatenate([*shapes, np.zeros((0, 2))]))


def count_coordinates(target: Target) -> int:
    """Length of a point."""
    probabilities = len(target.probability) + len(target.trust)
    rows = int(target.widths.sum()) - len(target.widths)
    numbers = len(target.positive) + len(target.real) + len(target.level)
    return probabilities + rows + numbers


def prior_point(priors: Priors) -> Array:
    """Coordinates of the prior means."""
    return np.concatenate([np.zeros(0), *(family.start() for family in priors.families)])


def split_values(priors: Priors, values: Array) -> dict[str, Array]:
    """Judgements by the names that they have in the model, from `constrain`."""
    found, at = {}, 0
    for name, shape in variable_shapes(priors).items():
        size = math.prod(shape)
        found[name] = values[at : at + size].reshape(shape)
        at += size
    return found


def variable_shapes(priors: Priors) -> dict[str, tuple[int, ...]]:
    """Shape of every variable of the model, in the order of the coordinates."""
    return {family.name: family.size for family in priors.families}


def variable_dims(priors: Priors) -> dict[str, tuple[str, ...]]:
    """Names of the dimensions of every variable of the model."""
    return {family.name: family.dims for family in priors.families}


# ── a single draw ─────────────────────────────────────────────────────────────────────────────


@compiled
def evaluate(theta: Array, log_like: Array, packed: Packed) -> tuple[Array, Array, Array]:
    """The outputs of `LogEvidence`."""
    like, numbers = np.ascontiguousarray(log_like), np.ascontiguousarray(packed)
    regimes = np.zeros(like.shape[0], dtype=np.int64)
    total, by_theta, by_like = 0.0, np.zeros(theta.shape[0]), like
    for logarithmic in (False, True):
        tables = np.empty((1, theta.shape[0]))
        for i in range(theta.shape[0]):
            tables[0, i] = np.log(theta[i]) if logarithmic else theta[i]
        log_norm, by_like, _, counts, unsafe = single.sweep_one(
            tables, regimes, like, numbers, kernels.SMOOTHED, logarithmic
        )
        if logarithmic or not unsafe:
            total = log_norm.sum()
            for i in range(theta.shape[0]):
                by_theta[i] = counts[0, i] / theta[i] if theta[i] > 0.0 else 0.0
            break
    return np.asarray(total), by_theta, by_like


@compiled
def table_cells(
    parameters: Array, constants: Array, steps: expressions.Steps, order: expressions.Steps
) -> Array:
    """Table cells of a single draw, (cell,)."""
    memory = expressions.run_once(parameters, constants, steps)
    return memory[order]


@compiled_inline
def _log_like_of(trust: Array, density: Array, reports: ReportArrays) -> Array:
    """Log-likelihoods, (step, column)."""
    found = report_likelihood.report_log_likelihoods(
        np.ascontiguousarray(trust).reshape(trust.shape[0], 1),
        np.ascontiguousarray(density).reshape(density.shape[0], density.shape[1], 1),
        reports,
    )
    return np.ascontiguousarray(found[:, :, 0])


@compiled
def report_log_like(trust: Array, density: Array, *reports: Any) -> Array:
    """Log-likelihoods, (step, column), from the fields of `ReportArrays`."""
    return _log_like_of(trust, density, ReportArrays(*reports))


@compiled
def report_gradient(
    trust: Array, density: Array, by_log_like: Array, *reports: Any
) -> tuple[Array, Array]:
    """The outputs of `ReportGradient`."""
    return report_likelihood.report_gradient(trust, density, ReportArrays(*reports), by_log_like)


@compiled
def _densities_of(positive: Array, real: Array, n: Numbers) -> Array:
    """Log-densities of numbers and ranges, (number, state)."""
    found = interval_censoring.log_numbers(
        np.ascontiguousarray(positive).reshape(positive.shape[0], 1),
        np.ascontiguousarray(real).reshape(real.shape[0], 1),
        n.family,
        n.exact,
        n.lower,
        n.upper,
        n.location,
        n.scale,
        n.exposure,
        n.degrees,
    )
    return np.ascontiguousarray(found[:, :, 0])


@compiled
def number_densities(positive: Array, real: Array, *numbers: Any) -> Array:
    """Log-densities of numbers and ranges, (number, state), from the fields of `Numbers`."""
    return _densities_of(positive, real, Numbers(*numbers))


@compiled
def number_gradient(
    positive: Array, real: Array, by_number: Array, *numbers: Any
) -> tuple[Array, Array]:
    """The outputs of `NumberGradient`."""
    return interval_censoring.gradient_of_numbers(positive, real, by_number, *numbers)


# ── the density ───────────────────────────────────────────────────────────────────────────────


@compiled
def constrain(point: Array, target: Target) -> Array:
    """Judgements, in the order of the coordinates, from the coordinates."""
    t = target
    values = np.empty(point.shape[0] + t.widths.shape[0])
    n_probability, n_positive, n_real = t.probability.shape[0], t.positive.shape[0], t.real.shape[0]
    for k in range(n_probability):
        values[k] = 1.0 / (1.0 + math.exp(-point[k]))
    at, to = n_probability, n_probability
    for width in t.widths:
        _fill_row(point[at : at + width - 1], values[to : to + width])
        at, to = at + width - 1, to + width
    for k in range(n_positive):
        values[to + k] = math.exp(point[at + k])
    at, to = at + n_positive, to + n_positive
    values[to : to + n_real] = point[at : at + n_real]
    at, to = at + n_real, to + n_real
    for k in range(t.trust.shape[0]):
        values[to + k] = 1.0 / (1.0 + math.exp(-point[at + k]))
    at, to = at + t.trust.shape[0], to + t.trust.shape[0]
    for k in range(t.level.shape[0]):
        values[to + k] = math.exp(point[at + k])
    return values


@compiled
def _fill_row(point: Array, row: Array) -> None:
    """Probabilities of a row from its log-ratios."""
    ahead = 0.0
    for i in range(point.shape[0], 0, -1):
        unit = point[i - 1] / math.sqrt(i * (i + 1.0))
        row[i] = ahead - i * unit
        ahead += unit
    row[0] = ahead
    row[:] = np.exp(row - row.max())
    row /= row.sum()


@compiled
def log_posterior(point: Array, target: Target) -> tuple[float, Array]:
    """Log-density of a point and its gradient; the change of volume is counted.

    Parameters
    ----------
    point
        Unconstrained coordinates, (coordinate,): probabilities of tables, rows, positive and real
        numbers, probabilities about sources, levels of reporting.
    target
        Priors and evidence.
    """
    values = constrain(point, target)
    log_like, by_value = _log_likelihood(values, target)
    log_prior, by_point = _log_prior(point, values, by_value, target)
    return log_prior + log_like, by_point


@compiled_inline
def _log_likelihood(values: Array, t: Target) -> tuple[float, Array]:
    """Log evidence given the judgements, and its gradients by them."""
    p = t.probability.shape[0] + t.rows.shape[0]
    r = p + t.positive.shape[0]
    s = r + t.real.shape[0]
    parameters, positive, real, trust = values[:r], values[p:r], values[r:s], values[s:]
    theta = table_cells(parameters, t.constants, t.steps, t.order)
    n_numbers = t.numbers.family.shape[0]
    density = np.empty((n_numbers + t.given.shape[0], t.given.shape[1]))
    density[:n_numbers] = _densities_of(positive, real, t.numbers)
    density[n_numbers:] = t.given
    log_like = _log_like_of(trust, density, t.reports)
    log_evidence, by_theta, by_like = evaluate(theta, log_like, t.elimination)
    by_trust, by_density = report_likelihood.report_gradient(trust, density, t.reports, by_like)
    n = t.numbers
    by_positive, by_real = interval_censoring.gradient_of_numbers(
        positive,
        real,
        by_density[:n_numbers],
        n.family,
        n.exact,
        n.lower,
        n.upper,
        n.location,
        n.scale,
        n.exposure,
        n.degrees,
    )
    found = np.empty(values.shape[0])
    found[:r] = expressions.run_backwards(parameters, t.constants, t.steps, t.order, by_theta)
    found[p:r] += by_positive
    found[r:s] = by_real
    found[s:] = by_trust
    return log_evidence.item(), found


@compiled_inline
def _log_prior(point: Array, values: Array, by_value: Array, t: Target) -> tuple[float, Array]:
    """Log-prior in the coordinates, and the gradients of prior and likelihood together."""
    total, gradients = t.log_constant, np.empty(point.shape[0])
    n_probability, n_positive, n_real = t.probability.shape[0], t.positive.shape[0], t.real.shape[0]
    total += _add_probabilities(
        point[:n_probability], by_value[:n_probability], t.probability, gradients[:n_probability]
    )
    at, to = n_probability, n_probability
    for width in t.widths:
        given = t.rows[to - n_probability : to - n_probability + width]
        row, by_row = values[to : to + width], by_value[to : to + width]
        total += _add_row(row, by_row, given, gradients[at : at + width - 1])
        at, to = at + width - 1, to + width
    total += _add_positives(
        point[at : at + n_positive], values[to:], by_value[to:], t.positive, gradients[at:]
    )
    at, to = at + n_positive, to + n_positive
    for k in range(n_real):
        z = (point[at + k] - t.real[k, 0]) / t.real[k, 1]
        total -= 0.5 * z * z
        gradients[at + k] = by_value[to + k] - z / t.real[k, 1]
    at, to = at + n_real, to + n_real
    n_trust = t.trust.shape[0]
    total += _add_probabilities(point[at : at + n_trust], by_value[to:], t.trust, gradients[at:])
    at, to = at + n_trust, to + n_trust
    total += _add_positives(point[at:], values[to:], by_value[to:], t.level, gradients[at:])
    return total, gradients


@compiled_within
def _add_positives(
    point: Array, values: Array, by_value: Array, given: Array, gradients: Array
) -> float:
    """Log-density of positive numbers by their logarithm; fill their gradients."""
    total = 0.0
    for k in range(point.shape[0]):
        z = (point[k] - given[k, 0]) / given[k, 1]
        total -= 0.5 * z * z
        gradients[k] = by_value[k] * values[k] - z / given[k, 1]
    return total


@compiled_within
def _add_probabilities(point: Array, by_value: Array, shapes: Array, gradients: Array) -> float:
    """Log-density of probabilities by the logarithm of their odds; fill their gradients."""
    total = 0.0
    for k in range(point.shape[0]):
        tail = math.exp(-abs(point[k]))
        rest = math.log1p(tail)
        log_no = -rest - max(point[k], 0.0)
        log_yes = -rest + min(point[k], 0.0)
        total += shapes[k, 0] * log_yes + shapes[k, 1] * log_no
        yes, no = math.exp(log_yes), math.exp(log_no)
        gradients[k] = shapes[k, 0] * no - shapes[k, 1] * yes + by_value[k] * yes * no
    return total


@compiled_within
def _add_row(row: Array, by_row: Array, given: Array, gradients: Array) -> float:
    """Log-density of a row by its log-ratios; fill its gradients."""
    total, whole, pull = 0.0, given.sum(), 0.0
    for j in range(row.shape[0]):
        total += given[j] * math.log(row[j])
        pull += row[j] * by_row[j]
    before = 0.0
    for j in range(row.shape[0]):
        own = given[j] - row[j] * whole + row[j] * (by_row[j] - pull)
        if j > 0:
            gradients[j - 1] = (before - j * own) / math.sqrt(j * (j + 1.0))
        before += own
    return total
