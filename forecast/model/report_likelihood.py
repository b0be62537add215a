"""Likelihood of every state by the reports, given what is judged of sources.

A source of accuracy a says what is true with probability a, and otherwise repeats what is usually
said of the indicator, whatever is true. What it says is a state or, where a number is reported, a
number that is distributed as that state says. A report therefore has a weight for every state: 1
for the state it names, the density of its number, or the likelihood that it gives; a report of one
event speaks for every worse state of its step as well.

That a report is made is an outcome too. A step in state s is reported on with probability p[s] by
a stream, the watch of a source or everybody else; if nothing true is reported, something false is
with the probability of a false alarm. The first report of a stream has these probabilities; further
origins count by what they say. A stream that is silent has 1 - (p[s] + (1 - p[s]) × alarm) × f,
where f is the probability that its report would be known by now.

Profiles may be wrong together: the rates of what they say, of reports and of false alarms, are
multiplied by a level that they share, so that a probability p becomes 1 - (1 - p)^level.

An origin that is quoted in several versions made one of them. The relay that brings the true one
is right and the others are wrong, so versions count by the odds that their relays are right; the
statement is as accurate as the best of them. What an origin states of several things rests on what
is true in all of them or in none: an auxiliary variable of the evidence says which. A controlled
channel states what it wants to be believed, whatever is true.

A report that states no origin may share that of another. It has one of its own with weight 1, and
that of another, better one with the odds of copying times how near the two are. Where they state
the same, such a report says nothing new; where not, it cannot be a copy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final, cast

import numpy as np

from forecast.arrays import Array, Index
from forecast.evidence.likelihood import ReportArrays, ReportTable
from forecast.evidence.sources import TRUSTED
from forecast.frozen import writable
from forecast.model.densities import Data, log_densities, number_data
from forecast.model.tables import TableProgram
from forecast.model.usual_reports import usual_statements
from forecast.network.compiling import compiled, compiled_within

SUREST: Final = 1 - 1e-12
"""The odds of a relay that is never wrong would be infinite."""

ONLY_DRAW: Final = cast("int", np.int64(0))
"""Of a single draw; as a literal 0 it would have loops compiled once more that others call too."""
PLACES = ("place", "silence_place", "auxiliary_place")
"""Fields of `ReportArrays` that number cells of the log-likelihoods."""


def report_data(program: TableProgram, table: ReportTable) -> Data:
    """Everything about reports that the likelihood needs, by name.

    Returns
    -------
    dict
        The fields of `ReportArrays`, and what `densities.number_data` gives.
    """
    data, number = number_data(program, table)
    usual, alarm = usual_statements(program, table)
    arrays = table.arrays._replace(number=number, statement_usual=usual, statement_alarm=alarm)
    return arrays._asdict() | data


def log_likelihoods(data: Mapping[str, Any], parameters: Mapping[str, Array]) -> Array:
    """Log-likelihoods of every step.

    Parameters
    ----------
    data
        As `report_data` gives it.
    parameters
        "accuracy", (accuracy, draw), and if there are any "detection", "control", "reporting",
        "copying" and "reporting_level"; and the families of parameters that numbers need.

    Returns
    -------
    numpy.ndarray
        Shape (step, column, draw).
    """
    return report_log_likelihoods(*_for_loops(data, parameters))


def _for_loops(
    data: Mapping[str, Any], parameters: Mapping[str, Array]
) -> tuple[Array, Array, ReportArrays]:
    """All that is judged of sources, log-densities of numbers, and reports, for compiled loops."""
    trust = np.concatenate([parameters[name] for name in TRUSTED if name in parameters])
    density = log_densities(data, parameters, trust.shape[1])
    reports = ReportArrays(*(writable(data[name]) for name in ReportArrays._fields))
    return writable(trust), writable(density), reports


def odds_of(probability: Array) -> Array:
    """Odds of a probability, that of a copy or of a relay; finite, however sure it is."""
    surest = np.minimum(probability, SUREST)
    return surest / (1.0 - surest)


_odds = compiled(odds_of)
"""The same within loops, of one probability."""


def copied_shares(data: Mapping[str, Any], parameters: Mapping[str, Array]) -> tuple[Array, Array]:
    """Of each report that may have copied, the probability that it did, if a state holds.

    Parameters
    ----------
    data, parameters
        As in `log_likelihoods`.

    Returns
    -------
    repeats
        Probability that what is stated repeats another report, (place, state, draw).
    shares
        Probability that it repeats the one of a link, if it repeats any, (link, draw).
    """
    trust, density, reports = _for_loops(data, parameters)
    repeats = _repeated(trust, density, reports)
    weights = odds_of(trust[reports.link_copying]) * reports.link_repeats[:, None]
    whole = np.zeros((len(reports.place), trust.shape[1]))
    np.add.at(whole, reports.link_place, weights)
    with np.errstate(invalid="ignore"):
        return repeats, np.nan_to_num(weights / whole[reports.link_place])


@compiled
def probabilities_at_level(trust: Array, level: Index) -> Array:
    """All that is judged of sources, probabilities at the level that they share.

    Parameters
    ----------
    trust
        Probabilities, and after them levels, (source parameter, draw).
    level
        Which of these is the level of each probability; -1 for none, (probability,).
    """
    found = trust.copy()
    for c in range(level.shape[0]):
        if level[c] >= 0:
            for d in range(trust.shape[1]):
                found[c, d] = -math.expm1(trust[level[c], d] * math.log1p(-trust[c, d]))
    return found


@compiled_within
def _add_level_gradient(by_trust: Array, trust: Array, level: Index) -> None:
    """Turn the gradient by probabilities at their level into that by both, in place."""
    for c in range(level.shape[0]):
        if level[c] >= 0 and trust[c] < 1.0:
            times = trust[level[c]]
            left = math.log1p(-trust[c])
            by_trust[level[c]] -= by_trust[c] * math.exp(times * left) * left
            by_trust[c] *= times * math.exp((times - 1.0) * left)


@compiled_within
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


@compiled_within
def _version_probabilities(trust: Array, reports: ReportArrays, d: int) -> tuple[Array, Array]:
    """Probability that each version is the true one, (version,); summed odds, (statement,)."""
    odds = np.empty(reports.version_statement.shape[0])
    total = np.zeros(reports.statement_states.shape[0])
    for v in range(odds.shape[0]):
        odds[v] = _odds(trust[reports.version_accuracy[v], d])
        total[reports.version_statement[v]] += odds[v]
    for v in range(odds.shape[0]):
        odds[v] /= total[reports.version_statement[v]]
    return odds, total


@compiled_within
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


@compiled_within
def _usual_weights(weights: Array, reports: ReportArrays) -> tuple[Array, Array]:
    """Weight of each version for what is usually said, and for false alarms, (version,)."""
    usual, alarm = np.zeros(weights.shape[0]), np.zeros(weights.shape[0])
    for v in range(weights.shape[0]):
        w = reports.version_statement[v]
        for r in range(reports.statement_states[w]):
            usual[v] += reports.statement_usual[w, r] * weights[v, r]
            alarm[v] += reports.statement_alarm[w, r] * weights[v, r]
    return usual, alarm


@compiled_within
def _supports(weights: Array, reports: ReportArrays, v: int, s: int) -> float:
    """How far a version that is right speaks for a state: of an event, for every worse one too."""
    if reports.version_at_least[v] == 0:
        return float(weights[v, s])
    return 1.0 if s >= int(reports.value[reports.version_report[v]]) else 0.0


@compiled_within
def _is_right(trust: Array, reports: ReportArrays, w: int, d: int) -> float:
    """Probability that a statement rests on what is true: 0 or 1 if an auxiliary variable says."""
    if reports.statement_right[w] >= 0:
        return float(reports.statement_right[w])
    return float(trust[reports.statement_accuracy[w], d])


@compiled_within
def _version_likelihoods(
    weights: Array, usual: Array, trust: Array, reports: ReportArrays, d: int
) -> Array:
    """Likelihood of each state by each version, (version, state)."""
    found = np.zeros(weights.shape)
    for v in range(weights.shape[0]):
        w = reports.version_statement[v]
        n = reports.statement_states[w]
        if reports.statement_accuracy[w] < 0:
            overall = 0.0
            for s in range(n):
                overall += reports.controlled[w, s] * weights[v, s]
            found[v, :n] = overall
            continue
        a = _is_right(trust, reports, w, d)
        for s in range(n):
            found[v, s] = a * _supports(weights, reports, v, s) + (1.0 - a) * usual[v]
    return found


@compiled_within
def _statement_likelihoods(by_version: Array, share: Array, reports: ReportArrays) -> Array:
    """Likelihood of each state by each statement, (statement, state)."""
    found = np.zeros(reports.controlled.shape)
    for v in range(by_version.shape[0]):
        for s in range(by_version.shape[1]):
            found[reports.version_statement[v], s] += share[v] * by_version[v, s]
    return found


@compiled_within
def _first_versions(reports: ReportArrays) -> Index:
    """First version of each statement, and how many versions there are, (statement + 1,)."""
    found = np.zeros(reports.statement_states.shape[0] + 1, dtype=np.int64)
    for v in range(reports.version_statement.shape[0]):
        found[reports.version_statement[v] + 1] = v + 1
    return found


@compiled_within
def _true_report(
    weights: Array, trust: Array, reports: ReportArrays, p: int, v: int, s: int, d: int
) -> float:
    """Probability that a state is reported and a version is what a right source says of it.

    A report of a lesser event than the state means that the worse one has not been reported.
    """
    row = reports.place_row[p]
    own = trust[reports.row_probabilities[row, s], d]
    if reports.version_at_least[v] == 0:
        return float(own * weights[v, s])
    level = int(reports.value[reports.version_report[v]])
    if s < level:
        return 0.0
    if s == level:
        return float(own)
    lesser = trust[reports.row_probabilities[row, level], d]
    return float(lesser * (1.0 - own * reports.place_reach[p, s]))


@compiled_within
def _alarm_probability(trust: Array, reports: ReportArrays, row: int, d: int) -> float:
    """Probability of a false alarm of a stream; 0 if it has none."""
    alarms = reports.row_alarms[row]
    return 0.0 if alarms < 0 else float(trust[alarms, d])


@compiled_within
def _made_likelihood(
    weights: Array,
    usual: Array,
    alarm: Array,
    trust: Array,
    reports: ReportArrays,
    p: int,
    v: int,
    s: int,
    d: int,
) -> float:
    """Probability, under a state, that a stream reports and says what a version says."""
    row = reports.place_row[p]
    a = _is_right(trust, reports, reports.version_statement[v], d)
    own = trust[reports.row_probabilities[row, s], d]
    astray = own * usual[v] + (1.0 - own) * _alarm_probability(trust, reports, row, d) * alarm[v]
    true = _true_report(weights, trust, reports, p, v, s, d)
    return float(a * true + (1.0 - a) * astray)


@compiled_within
def _copying_weights(trust: Array, reports: ReportArrays, d: int) -> tuple[Array, Array]:
    """Summed weights of other origins that each report may share, (place,), where 1 is its own.

    First of those that state the same, then of all.
    """
    repeating = np.zeros(reports.place.shape[0])
    whole = np.zeros(reports.place.shape[0])
    for k in range(reports.link_place.shape[0]):
        odds = _odds(trust[reports.link_copying[k], d])
        repeating[reports.link_place[k]] += odds * reports.link_repeats[k]
        whole[reports.link_place[k]] += odds * reports.link_near[k]
    return repeating, whole


@compiled_within
def _own_likelihoods(
    trust: Array, density: Array, reports: ReportArrays, d: int
) -> tuple[Array, Array]:
    """Likelihood of each state by what is stated, if it copies nothing, (place, state).

    As shares of a number for each statement, whose logarithm comes with them.
    """
    weights = _log_weights(density, reports, d)
    taken = _rescale(weights, reports)
    usual, alarm = _usual_weights(weights, reports)
    share, _ = _version_probabilities(trust, reports, d)
    totals = _statement_likelihoods(
        _version_likelihoods(weights, usual, trust, reports, d), share, reports
    )
    first = _first_versions(reports)
    found = np.zeros((reports.place.shape[0], totals.shape[1]))
    for p in range(found.shape[0]):
        w = reports.place_statement[p]
        if reports.place_row[p] < 0:
            found[p] = totals[w]
            continue
        for s in range(reports.statement_states[w]):
            for v in range(first[w], first[w + 1]):
                made = _made_likelihood(weights, usual, alarm, trust, reports, p, v, s, d)
                found[p, s] += share[v] * made
    return found, taken


@compiled
def _repeated(trust: Array, density: Array, reports: ReportArrays) -> Array:
    """Probability that what is stated repeats another report, (place, state, draw)."""
    trust = probabilities_at_level(trust, reports.level)
    n_states = reports.controlled.shape[1]
    found = np.zeros((reports.place.shape[0], n_states, trust.shape[1]))
    for d in range(trust.shape[1]):
        own, _ = _own_likelihoods(trust, density, reports, d)
        repeating, _ = _copying_weights(trust, reports, d)
        for p in range(found.shape[0]):
            for s in range(n_states):
                if repeating[p] > 0.0:
                    found[p, s, d] = repeating[p] / (own[p, s] + repeating[p])
    return found


@compiled
def report_log_likelihoods(trust: Array, density: Array, reports: ReportArrays) -> Array:
    """Log-likelihoods, (step, column, draw).

    Parameters
    ----------
    trust
        What is judged of sources, (source parameter, draw), in the order of `sources.TRUSTED`.
    density
        Log-density of every reported number under each state, (number, state, draw).
    reports
        What was reported.
    """
    trust = probabilities_at_level(trust, reports.level)
    n_steps, n_columns = reports.settings.shape
    found = np.empty((n_steps * n_columns, trust.shape[1]))
    for k in range(found.shape[0]):
        found[k] = reports.settings[k // n_columns, k % n_columns]
    for d in range(trust.shape[1]):
        own, taken = _own_likelihoods(trust, density, reports, d)
        repeating, whole = _copying_weights(trust, reports, d)
        for p in range(reports.place.shape[0]):
            w, at, times = reports.place_statement[p], reports.place[p], reports.place_count[p]
            rest = taken[w] - np.log1p(whole[p])
            for s in range(reports.statement_states[w]):
                found[at + s, d] += times * (np.log(own[p, s] + repeating[p]) + rest)
        _add_silence(found, trust, reports, d)
        for k in range(reports.auxiliary_probability.shape[0]):
            probability = trust[reports.auxiliary_probability[k], d]
            found[reports.auxiliary_place[k, 0], d] += np.log1p(-probability)
            found[reports.auxiliary_place[k, 1], d] += np.log(probability)
    return found.reshape(n_steps, n_columns, trust.shape[1])


@compiled_within
def _add_silence(found: Array, trust: Array, reports: ReportArrays, d: int) -> None:
    """Add the log-probability of hearing nothing, under each state, from each silent stream."""
    for k in range(reports.silence_place.shape[0]):
        row = reports.silence_row[k]
        alarms = _alarm_probability(trust, reports, row, d)
        for s in range(reports.row_probabilities.shape[1]):
            if reports.row_probabilities[row, s] >= 0:
                own = trust[reports.row_probabilities[row, s], d]
                reported = (own + (1.0 - own) * alarms) * reports.silence_reach[k, s]
                found[reports.silence_place[k] + s, d] += np.log1p(-reported)


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
    judged = np.ascontiguousarray(trust).reshape(trust.shape[0], 1)
    probabilities = probabilities_at_level(judged, reports.level)
    numbers = np.ascontiguousarray(density).reshape(density.shape[0], density.shape[1], 1)
    weights = _log_weights(numbers, reports, ONLY_DRAW)
    _rescale(weights, reports)
    usual, alarm = _usual_weights(weights, reports)
    share, odds = _version_probabilities(probabilities, reports, ONLY_DRAW)
    by_version = _version_likelihoods(weights, usual, probabilities, reports, ONLY_DRAW)
    totals = _statement_likelihoods(by_version, share, reports)
    by_total = np.zeros(totals.shape)
    repeating, whole = _copying_weights(probabilities, reports, ONLY_DRAW)
    by_repeating, by_whole = np.zeros(repeating.shape[0]), np.zeros(whole.shape[0])
    for p in range(reports.place.shape[0]):
        w = reports.place_statement[p]
        for s in range(reports.statement_states[w]):
            derivative = reports.place_count[p] * gradient[reports.place[p] + s]
            by_whole[p] -= derivative / (1.0 + whole[p])
            if reports.place_row[p] < 0 and totals[w, s] + repeating[p] > 0.0:
                by_total[w, s] += derivative / (totals[w, s] + repeating[p])
                by_repeating[p] += derivative / (totals[w, s] + repeating[p])
    _add_made_gradient(
        by_trust,
        by_density,
        by_repeating,
        gradient,
        repeating,
        weights,
        usual,
        alarm,
        share,
        odds,
        probabilities,
        reports,
    )
    _add_copying_gradient(by_trust, by_repeating, by_whole, trust, reports)
    for p in range(repeating.shape[0]):
        if repeating[p] > 0.0:
            _add_scale_gradient(by_density, by_repeating[p] * repeating[p], weights, reports, p)
    for v in range(share.shape[0]):
        w = reports.version_statement[v]
        quoted = 0.0
        for s in range(reports.statement_states[w]):
            quoted += by_total[w, s] * (by_version[v, s] - totals[w, s])
        _add_share_gradient(by_trust, quoted, share, odds, trust, reports, v)
        _add_version_gradient(
            by_trust, by_density, by_total, weights, usual, share, probabilities, reports, v
        )
    _add_silence_gradient(by_trust, gradient, probabilities, reports)
    for k in range(reports.auxiliary_probability.shape[0]):
        c = reports.auxiliary_probability[k]
        # A sampler's step may round to an end, where derivatives are infinite.
        if 0.0 < trust[c] < 1.0:
            by_trust[c] -= gradient[reports.auxiliary_place[k, 0]] / (1.0 - trust[c])
            by_trust[c] += gradient[reports.auxiliary_place[k, 1]] / trust[c]
    _add_level_gradient(by_trust, judged[:, 0], reports.level)
    return by_trust, by_density


@compiled_within
def _add_copying_gradient(
    by_trust: Array, by_repeating: Array, by_whole: Array, trust: Array, reports: ReportArrays
) -> None:
    """Add what propensities to copy contribute, from the derivatives by summed weights."""
    for k in range(reports.link_place.shape[0]):
        p, propensity = reports.link_place[k], trust[reports.link_copying[k]]
        if propensity < SUREST:
            derivative = (
                by_repeating[p] * reports.link_repeats[k] + by_whole[p] * reports.link_near[k]
            )
            by_trust[reports.link_copying[k]] += derivative / (1.0 - propensity) ** 2


@compiled_within
def _add_scale_gradient(
    by_density: Array, derivative: float, weights: Array, reports: ReportArrays, p: int
) -> None:
    """Add what a number contributes as the measure of a copy: its density where it is largest."""
    for v in range(weights.shape[0]):
        number = reports.number[reports.version_report[v]]
        if reports.version_statement[v] == reports.place_statement[p] and number >= 0:
            by_density[number, weights[v].argmax()] += derivative


@compiled_within
def _add_share_gradient(
    by_trust: Array,
    quoted: float,
    share: Array,
    odds: Array,
    trust: Array,
    reports: ReportArrays,
    v: int,
) -> None:
    """Add what the probability of a version contributes, from the derivative by its log odds."""
    a = trust[reports.version_accuracy[v]]
    if share[v] < 1.0 and a < SUREST:
        whole = odds[reports.version_statement[v]]
        by_trust[reports.version_accuracy[v]] += quoted / ((1.0 - a) ** 2 * whole)


@compiled_within
def _add_silence_gradient(
    by_trust: Array, gradient: Array, probabilities: Array, reports: ReportArrays
) -> None:
    """Add what silent streams contribute to the gradient."""
    for k in range(reports.silence_place.shape[0]):
        row = reports.silence_row[k]
        alarms = _alarm_probability(probabilities, reports, row, ONLY_DRAW)
        for s in range(reports.row_probabilities.shape[1]):
            c = reports.row_probabilities[row, s]
            if c >= 0:
                own, reach = probabilities[c, 0], reports.silence_reach[k, s]
                left = 1.0 - (own + (1.0 - own) * alarms) * reach
                derivative = gradient[reports.silence_place[k] + s] * reach / left
                by_trust[c] -= derivative * (1.0 - alarms)
                if alarms > 0.0:
                    by_trust[reports.row_alarms[row]] -= derivative * (1.0 - own)


@compiled_within
def _add_made_gradient(
    by_trust: Array,
    by_density: Array,
    by_repeating: Array,
    gradient: Array,
    repeating: Array,
    weights: Array,
    usual: Array,
    alarm: Array,
    share: Array,
    odds: Array,
    probabilities: Array,
    reports: ReportArrays,
) -> None:
    """Add what statements contribute of which it counts that they were made."""
    first = _first_versions(reports)
    trust = probabilities[:, 0]
    for p in range(reports.place.shape[0]):
        if reports.place_row[p] < 0:
            continue
        w = reports.place_statement[p]
        n, n_versions = reports.statement_states[w], first[w + 1] - first[w]
        made = np.zeros((n_versions, n))
        for v in range(n_versions):
            for s in range(n):
                made[v, s] = _made_likelihood(
                    weights, usual, alarm, probabilities, reports, p, first[w] + v, s, ONLY_DRAW
                )
        by_total, total = np.zeros(n), np.zeros(n)
        for s in range(n):
            for v in range(n_versions):
                total[s] += share[first[w] + v] * made[v, s]
            if total[s] + repeating[p] > 0.0:
                derivative = reports.place_count[p] * gradient[reports.place[p] + s]
                by_total[s] = derivative / (total[s] + repeating[p])
                by_repeating[p] += by_total[s]
        for k in range(n_versions):
            v, quoted = first[w] + k, 0.0
            for s in range(n):
                quoted += by_total[s] * (made[k, s] - total[s])
            _add_share_gradient(by_trust, quoted, share, odds, trust, reports, v)
            for s in range(n):
                derivative = share[v] * by_total[s]
                if derivative != 0.0:
                    _add_state_gradient(
                        by_trust,
                        by_density,
                        derivative,
                        weights,
                        usual,
                        alarm,
                        probabilities,
                        reports,
                        p,
                        v,
                        s,
                    )


@compiled_within
def _add_state_gradient(
    by_trust: Array,
    by_density: Array,
    derivative: float,
    weights: Array,
    usual: Array,
    alarm: Array,
    probabilities: Array,
    reports: ReportArrays,
    p: int,
    v: int,
    s: int,
) -> None:
    """Add what one version contributes under one state, from the derivative by its likelihood."""
    w, row = reports.version_statement[v], reports.place_row[p]
    accuracy, c = reports.statement_accuracy[w], reports.row_probabilities[row, s]
    a, own, alarms = (
        _is_right(probabilities, reports, w, ONLY_DRAW),
        probabilities[c, 0],
        _alarm_probability(probabilities, reports, row, ONLY_DRAW),
    )
    true = _true_report(weights, probabilities, reports, p, v, s, ONLY_DRAW)
    astray = own * usual[v] + (1.0 - own) * alarms * alarm[v]
    if reports.statement_right[w] < 0:
        by_trust[accuracy] += derivative * (true - astray)
    by_trust[c] += derivative * (1.0 - a) * (usual[v] - alarms * alarm[v])
    if alarms > 0.0:
        by_trust[reports.row_alarms[row]] += derivative * (1.0 - a) * (1.0 - own) * alarm[v]
    level = int(reports.value[reports.version_report[v]])
    if reports.version_at_least[v] == 0:
        by_trust[c] += derivative * a * weights[v, s]
    elif s == level:
        by_trust[c] += derivative * a
    elif s > level:
        b, reach = reports.row_probabilities[row, level], reports.place_reach[p, s]
        by_trust[b] += derivative * a * (1.0 - own * reach)
        by_trust[c] -= derivative * a * probabilities[b, 0] * reach
    number = reports.number[reports.version_report[v]]
    if number >= 0:
        by_density[number, s] += derivative * a * own * weights[v, s]
        for r in range(reports.statement_states[w]):
            erring = own * reports.statement_usual[w, r]
            erring += (1.0 - own) * alarms * reports.statement_alarm[w, r]
            by_density[number, r] += derivative * (1.0 - a) * erring * weights[v, r]


@compiled_within
def _add_version_gradient(
    by_trust: Array,
    by_density: Array,
    by_total: Array,
    weights: Array,
    usual: Array,
    share: Array,
    probabilities: Array,
    reports: ReportArrays,
    v: int,
) -> None:
    """Add what one version contributes to the gradient, through its own likelihoods."""
    w, number = reports.version_statement[v], reports.number[reports.version_report[v]]
    n, accuracy = reports.statement_states[w], reports.statement_accuracy[w]
    all_gradients = share[v] * by_total[w].sum()
    for s in range(n):
        derivative = share[v] * by_total[w, s]
        by_weight = reports.controlled[w, s] * all_gradients
        if accuracy >= 0:
            a = _is_right(probabilities, reports, w, ONLY_DRAW)
            if reports.statement_right[w] < 0:
                by_trust[accuracy] += derivative * (_supports(weights, reports, v, s) - usual[v])
            by_weight = derivative * a + all_gradients * (1.0 - a) * reports.statement_usual[w, s]
        if number >= 0:
            by_density[number, s] += by_weight * weights[v, s]
