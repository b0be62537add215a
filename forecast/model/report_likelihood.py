"""Likelihood of every state by the reports, given what is judged of sources.

A source of accuracy a takes the true state for what it is with probability a, and for each of the
other n - 1 states with probability (1 - a) / (n - 1). It then names the state it sees or, where a
number is reported, gives a number that is distributed as that state says. A report therefore has
a weight for every state: 1 for the state it names, the density of its number, or the likelihood
that it gives.

An origin that is quoted in several versions made one of them. The relay that brings the true one
is right and the others are wrong, so versions count by the odds that their relays are right; the
statement is as accurate as the best of them. A controlled channel states what it wants to be
believed, whatever is true. Where somebody watches and nothing is reported, a state that would have
been detected with probability p, and known by now with probability f, has likelihood 1 - p f.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from forecast.arrays import Array
from forecast.evidence.likelihood import ReportArrays, ReportTable
from forecast.evidence.sources import TRUSTED
from forecast.frozen import writable
from forecast.model.densities import Data, log_densities, number_data
from forecast.model.tables import TableProgram
from forecast.network.compiling import compiled

SUREST: Final = 1 - 1e-12
"""The odds of a relay that is never wrong would be infinite."""

PLACES = ("place", "silence_place", "control_place")
"""Fields of `ReportArrays` that number cells of the log-likelihoods."""


def report_data(program: TableProgram, table: ReportTable) -> Data:
    """Everything about reports that the likelihood needs, by name.

    Returns
    -------
    dict
        The fields of `ReportArrays`, and what `densities.number_data` gives.
    """
    data, number = number_data(program, table)
    return table.arrays._replace(number=number)._asdict() | data


def log_likelihoods(data: Mapping[str, Any], parameters: Mapping[str, Array]) -> Array:
    """Log-likelihoods of every step.

    Parameters
    ----------
    data
        As `report_data` gives it.
    parameters
        "accuracy", (accuracy, draw), and if there are any "detection" and "control"; and the
        families of parameters that numbers need.

    Returns
    -------
    numpy.ndarray
        Shape (step, column, draw).
    """
    trust = np.concatenate([parameters[name] for name in TRUSTED if name in parameters])
    density = log_densities(data, parameters, trust.shape[1])
    reports = ReportArrays(*(writable(data[name]) for name in ReportArrays._fields))
    return report_log_likelihoods(writable(trust), writable(density), reports)


@compiled
def _log_weights(density: Array, reports: ReportArrays, d: int) -> Array:
    """Logarithm of the weight of each version for each state, (version, state)."""
    found = np.full((reports.version_report.shape[0], reports.controlled.shape[1]), -np.inf)
    for v in range(found.shape[0]):
        r = reports.version_report[v]
        if reports.number[r] < 0:
            found[v, int(reports.value[r])] = 0.0
        else:
            for s in range(reports.statement_states[reports.version_statement[v]]):
                found[v, s] = density[reports.number[r], s, d]
    return found


@compiled
def _version_probabilities(trust: Array, reports: ReportArrays, d: int) -> tuple[Array, Array]:
    """Probability that each version is the true one, (version,); summed odds, (statement,)."""
    odds = np.empty(reports.version_statement.shape[0])
    total = np.zeros(reports.statement_states.shape[0])
    for v in range(odds.shape[0]):
        a = min(trust[reports.version_accuracy[v], d], SUREST)
        odds[v] = a / (1.0 - a)
        total[reports.version_statement[v]] += odds[v]
    for v in range(odds.shape[0]):
        odds[v] /= total[reports.version_statement[v]]
    return odds, total


@compiled
def _rescale(log_weights: Array, reports: ReportArrays) -> Array:
    """Exponentiate log weights, the largest of each statement scaled to 1; return its logarithm."""
    taken = np.full(reports.statement_states.shape[0], -np.inf)
    for v in range(log_weights.shape[0]):
        w = reports.version_statement[v]
        taken[w] = max(taken[w], log_weights[v].max())
    for w in range(taken.shape[0]):
        if taken[w] == -np.inf:
            taken[w] = 0.0
    for v in range(log_weights.shape[0]):
        for s in range(log_weights.shape[1]):
            log_weights[v, s] = math.exp(log_weights[v, s] - taken[reports.version_statement[v]])
    return taken


@compiled
def _version_likelihoods(weights: Array, trust: Array, reports: ReportArrays, d: int) -> Array:
    """Likelihood of each state by each version, (version, state)."""
    found = np.zeros(weights.shape)
    for v in range(weights.shape[0]):
        w = reports.version_statement[v]
        n, accuracy = reports.statement_states[w], reports.statement_accuracy[w]
        if accuracy < 0:
            overall = 0.0
            for s in range(n):
                overall += reports.controlled[w, s] * weights[v, s]
            found[v, :n] = overall
            continue
        a = trust[accuracy, d]
        slip, whole = (1.0 - a) / (n - 1), weights[v].sum()
        for s in range(n):
            found[v, s] = a * weights[v, s] + slip * (whole - weights[v, s])
    return found


@compiled
def _statement_likelihoods(by_version: Array, share: Array, reports: ReportArrays) -> Array:
    """Likelihood of each state by each statement, (statement, state)."""
    found = np.zeros(reports.controlled.shape)
    for v in range(by_version.shape[0]):
        for s in range(by_version.shape[1]):
            found[reports.version_statement[v], s] += share[v] * by_version[v, s]
    return found


@compiled
def report_log_likelihoods(trust: Array, density: Array, reports: ReportArrays) -> Array:
    """Log-likelihoods, (step, column, draw).

    Parameters
    ----------
    trust
        Probabilities about sources, (source parameter, draw), in the order of `sources.TRUSTED`.
    density
        Log-density of every reported number under each state, (number, state, draw).
    reports
        What was reported.
    """
    n_steps, n_columns = reports.settings.shape
    found = np.empty((n_steps * n_columns, trust.shape[1]))
    for k in range(found.shape[0]):
        found[k] = reports.settings[k // n_columns, k % n_columns]
    for d in range(trust.shape[1]):
        weights = _log_weights(density, reports, d)
        taken = _rescale(weights, reports)
        share, _ = _version_probabilities(trust, reports, d)
        totals = _statement_likelihoods(
            _version_likelihoods(weights, trust, reports, d), share, reports
        )
        for p in range(reports.place.shape[0]):
            w, at, times = reports.place_statement[p], reports.place[p], reports.place_count[p]
            for s in range(reports.statement_states[w]):
                found[at + s, d] += times * (np.log(totals[w, s]) + taken[w])
        for k in range(reports.silence_place.shape[0]):
            reported = trust[reports.silence_detection[k], d] * reports.silence_reach[k]
            found[reports.silence_place[k], d] += np.log1p(-reported)
        for k in range(reports.control_probability.shape[0]):
            probability = trust[reports.control_probability[k], d]
            found[reports.control_place[k, 0], d] += np.log1p(-probability)
            found[reports.control_place[k, 1], d] += np.log(probability)
    return found.reshape(n_steps, n_columns, trust.shape[1])


@compiled
def report_gradient(
    trust: Array, density: Array, reports: ReportArrays, by_log_like: Array
) -> tuple[Array, Array]:
    """Gradient by trust and densities, from that by the log-likelihoods; a single draw.

    The arguments are those of `report_log_likelihoods`, without draws, and a gradient,
    (step, column).
    """
    by_trust, by_density = np.zeros(trust.shape[0]), np.zeros(density.shape)
    gradient = np.ascontiguousarray(by_log_like).reshape(reports.settings.size)
    probabilities = np.ascontiguousarray(trust).reshape(trust.shape[0], 1)
    numbers = np.ascontiguousarray(density).reshape(density.shape[0], density.shape[1], 1)
    weights = _log_weights(numbers, reports, 0)
    _rescale(weights, reports)
    share, odds = _version_probabilities(probabilities, reports, 0)
    by_version = _version_likelihoods(weights, probabilities, reports, 0)
    totals = _statement_likelihoods(by_version, share, reports)
    by_total = np.zeros(totals.shape)
    for p in range(reports.place.shape[0]):
        w = reports.place_statement[p]
        for s in range(reports.statement_states[w]):
            if totals[w, s] > 0.0:
                derivative = gradient[reports.place[p] + s]
                by_total[w, s] += reports.place_count[p] * derivative / totals[w, s]
    for v in range(share.shape[0]):
        w, a = reports.version_statement[v], trust[reports.version_accuracy[v]]
        if share[v] < 1.0 and a < SUREST:
            quoted = 0.0
            for s in range(reports.statement_states[w]):
                quoted += by_total[w, s] * (by_version[v, s] - totals[w, s])
            by_trust[reports.version_accuracy[v]] += quoted / ((1.0 - a) ** 2 * odds[w])
        _add_version_gradient(by_trust, by_density, by_total, weights, share, trust, reports, v)
    for k in range(reports.silence_place.shape[0]):
        c, reach = reports.silence_detection[k], reports.silence_reach[k]
        by_trust[c] -= gradient[reports.silence_place[k]] * reach / (1.0 - trust[c] * reach)
    for k in range(reports.control_probability.shape[0]):
        c = reports.control_probability[k]
        by_trust[c] -= gradient[reports.control_place[k, 0]] / (1.0 - trust[c])
        by_trust[c] += gradient[reports.control_place[k, 1]] / trust[c]
    return by_trust, by_density


@compiled
def _add_version_gradient(
    by_trust: Array,
    by_density: Array,
    by_total: Array,
    weights: Array,
    share: Array,
    trust: Array,
    reports: ReportArrays,
    v: int,
) -> None:
    """Add what one version contributes to the gradient, through its own likelihoods."""
    w, number = reports.version_statement[v], reports.number[reports.version_report[v]]
    n, accuracy = reports.statement_states[w], reports.statement_accuracy[w]
    whole, all_gradients = weights[v].sum(), share[v] * by_total[w].sum()
    for s in range(n):
        derivative, own = share[v] * by_total[w, s], weights[v, s]
        by_weight = reports.controlled[w, s] * all_gradients
        if accuracy >= 0:
            a = trust[accuracy]
            by_trust[accuracy] += derivative * (own - (whole - own) / (n - 1))
            by_weight = derivative * a + (all_gradients - derivative) * (1.0 - a) / (n - 1)
        if number >= 0:
            by_density[number, s] += by_weight * own
