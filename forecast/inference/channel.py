"""From what reports say to the likelihood of every state, given what is thought of sources.

A source of accuracy a takes the true state for what it is with probability a, and for each of the
other n - 1 states with probability (1 - a) / (n - 1). It then names the state it sees or, where a
number is reported, gives a number that is distributed as that state says. The report therefore
speaks for every state by a weight: 1 for the state it names, the density of its number, or the
likelihood that it gives.

A witness who is quoted in several versions said one of them. The mouth that brings the true one is
right and the others are wrong, so versions count by the odds that their mouths are right; what was
said is as good as the best of them. A controlled channel says what it wants to be believed,
whatever is true. Where somebody watches and nothing is heard, a state that would have been
detected with chance p, and known by now with chance f, has likelihood 1 - p f.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from forecast.evidence.likelihood import ReportTable
from forecast.evidence.sources import TRUSTED
from forecast.inference.densities import Data, log_densities, number_data
from forecast.inference.tables import TableProgram

if TYPE_CHECKING:

    def _compiled[F: Callable[..., Any]](function: F) -> F: ...

else:
    _compiled = numba.njit(nogil=True, cache=True)

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

SUREST: Final = 1 - 1e-12
"""The odds of a mouth that is never wrong would be infinite."""


class Heard(NamedTuple):
    """What the likelihood needs to know of reports besides trust and densities.

    "number" is the row of each report among the densities, or -1, (report,); the others are as in
    `ReportTable`.
    """

    said: Array
    number: Index
    voice_report: Index
    voice_word: Index
    voice_accuracy: Index
    word_accuracy: Index
    word_states: Index
    shows: Array
    place_word: Index
    place: Index
    times: Array
    silence_chance: Index
    silence_reach: Array
    silence_place: Index
    control_chance: Index
    control_place: Index
    settings: Array


PLACES = ("place", "silence_place", "control_place")
"""Those that number cells of the log-likelihoods."""


def report_data(program: TableProgram, table: ReportTable) -> Data:
    """Everything about reports that the likelihood needs, by name.

    Returns
    -------
    dict
        The fields of `Heard`, and what `densities.number_data` gives.
    """
    data, number = number_data(program, table)
    own = {name: getattr(table, name) for name in Heard._fields if name != "number"}
    return {"number": number} | own | data


def log_likelihoods(
    data: Mapping[str, Any], parameters: Mapping[str, Array], families: Sequence[str] = ()
) -> Array:
    """Log-likelihoods of every step.

    Parameters
    ----------
    data
        As `report_data` gives it.
    parameters
        "accuracy", (accuracy, draw), and if there are any "detection" and "control"; and the
        families of parameters that numbers need.
    families
        Families of numbers that the scenario measures.

    Returns
    -------
    numpy.ndarray
        Shape (step, column, draw).
    """
    trust = np.concatenate([parameters[name] for name in TRUSTED if name in parameters])
    density = log_densities(data, parameters, families, trust.shape[1])
    heard = Heard(*(data[name] for name in Heard._fields))
    return weigh_reports(np.ascontiguousarray(trust), np.ascontiguousarray(density), heard)


@_compiled
def _speak(density: Array, heard: Heard, d: int) -> Array:
    """Logarithm of the weight by which each version speaks for each state, (voice, state)."""
    found = np.full((heard.voice_report.shape[0], heard.shows.shape[1]), -np.inf)
    for v in range(found.shape[0]):
        r = heard.voice_report[v]
        if heard.number[r] < 0:
            found[v, int(heard.said[r])] = 0.0
        else:
            for s in range(heard.word_states[heard.voice_word[v]]):
                found[v, s] = density[heard.number[r], s, d]
    return found


@_compiled
def _quote(trust: Array, heard: Heard, d: int) -> tuple[Array, Array]:
    """How probable each version is what was said, (voice,), and the odds of all, (word,)."""
    odds = np.empty(heard.voice_word.shape[0])
    total = np.zeros(heard.word_states.shape[0])
    for v in range(odds.shape[0]):
        a = min(trust[heard.voice_accuracy[v], d], SUREST)
        odds[v] = a / (1.0 - a)
        total[heard.voice_word[v]] += odds[v]
    for v in range(odds.shape[0]):
        odds[v] /= total[heard.voice_word[v]]
    return odds, total


@_compiled
def _take_out(log_weights: Array, heard: Heard) -> Array:
    """Turn logarithms of weights into weights, the largest of each word 1; return what it was."""
    taken = np.full(heard.word_states.shape[0], -np.inf)
    for v in range(log_weights.shape[0]):
        w = heard.voice_word[v]
        taken[w] = max(taken[w], log_weights[v].max())
    for w in range(taken.shape[0]):
        if taken[w] == -np.inf:
            taken[w] = 0.0
    for v in range(log_weights.shape[0]):
        for s in range(log_weights.shape[1]):
            log_weights[v, s] = math.exp(log_weights[v, s] - taken[heard.voice_word[v]])
    return taken


@_compiled
def _hear(weights: Array, trust: Array, heard: Heard, d: int) -> Array:
    """Likelihood of each state by each version, (voice, state)."""
    found = np.zeros(weights.shape)
    for v in range(weights.shape[0]):
        w = heard.voice_word[v]
        n, accuracy = heard.word_states[w], heard.word_accuracy[w]
        if accuracy < 0:
            shown = 0.0
            for s in range(n):
                shown += heard.shows[w, s] * weights[v, s]
            found[v, :n] = shown
            continue
        a = trust[accuracy, d]
        slip, whole = (1.0 - a) / (n - 1), weights[v].sum()
        for s in range(n):
            found[v, s] = a * weights[v, s] + slip * (whole - weights[v, s])
    return found


@_compiled
def _sum_versions(told: Array, share: Array, heard: Heard) -> Array:
    """Likelihood of each state by each word, (word, state)."""
    found = np.zeros(heard.shows.shape)
    for v in range(told.shape[0]):
        for s in range(told.shape[1]):
            found[heard.voice_word[v], s] += share[v] * told[v, s]
    return found


@_compiled
def weigh_reports(trust: Array, density: Array, heard: Heard) -> Array:
    """Log-likelihoods, (step, column, draw).

    Parameters
    ----------
    trust
        Chances about sources, (chance, draw), in the order of `sources.TRUSTED`.
    density
        Log-density of every reported number under each state, (number, state, draw).
    heard
        What was reported.
    """
    n_steps, n_columns = heard.settings.shape
    found = np.empty((n_steps * n_columns, trust.shape[1]))
    for k in range(found.shape[0]):
        found[k] = heard.settings[k // n_columns, k % n_columns]
    for d in range(trust.shape[1]):
        weights = _speak(density, heard, d)
        taken = _take_out(weights, heard)
        share, _ = _quote(trust, heard, d)
        totals = _sum_versions(_hear(weights, trust, heard, d), share, heard)
        for p in range(heard.place.shape[0]):
            w, at, times = heard.place_word[p], heard.place[p], heard.times[p]
            for s in range(heard.word_states[w]):
                found[at + s, d] += times * (np.log(totals[w, s]) + taken[w])
        for k in range(heard.silence_place.shape[0]):
            unheard = trust[heard.silence_chance[k], d] * heard.silence_reach[k]
            found[heard.silence_place[k], d] += np.log1p(-unheard)
        for k in range(heard.control_chance.shape[0]):
            chance = trust[heard.control_chance[k], d]
            found[heard.control_place[k, 0], d] += np.log1p(-chance)
            found[heard.control_place[k, 1], d] += np.log(chance)
    return found.reshape(n_steps, n_columns, trust.shape[1])


@_compiled
def report_slopes(
    trust: Array, density: Array, heard: Heard, by_log_like: Array
) -> tuple[Array, Array]:
    """Slopes by trust and densities, from those by the log-likelihoods; a single draw.

    The arguments are those of `weigh_reports`, without draws, and slopes (step, column).
    """
    by_trust, by_density = np.zeros(trust.shape[0]), np.zeros(density.shape)
    slopes = np.ascontiguousarray(by_log_like).reshape(heard.settings.size)
    chances = np.ascontiguousarray(trust).reshape(trust.shape[0], 1)
    numbers = np.ascontiguousarray(density).reshape(density.shape[0], density.shape[1], 1)
    weights = _speak(numbers, heard, 0)
    _take_out(weights, heard)
    share, odds = _quote(chances, heard, 0)
    told = _hear(weights, chances, heard, 0)
    totals = _sum_versions(told, share, heard)
    by_total = np.zeros(totals.shape)
    for p in range(heard.place.shape[0]):
        w = heard.place_word[p]
        for s in range(heard.word_states[w]):
            if totals[w, s] > 0.0:
                slope = slopes[heard.place[p] + s]
                by_total[w, s] += heard.times[p] * slope / totals[w, s]
    for v in range(share.shape[0]):
        w, a = heard.voice_word[v], trust[heard.voice_accuracy[v]]
        if share[v] < 1.0 and a < SUREST:
            quoted = 0.0
            for s in range(heard.word_states[w]):
                quoted += by_total[w, s] * (told[v, s] - totals[w, s])
            by_trust[heard.voice_accuracy[v]] += quoted / ((1.0 - a) ** 2 * odds[w])
        _slope_of_voice(by_trust, by_density, by_total, weights, share, trust, heard, v)
    for k in range(heard.silence_place.shape[0]):
        c, reach = heard.silence_chance[k], heard.silence_reach[k]
        by_trust[c] -= slopes[heard.silence_place[k]] * reach / (1.0 - trust[c] * reach)
    for k in range(heard.control_chance.shape[0]):
        c = heard.control_chance[k]
        by_trust[c] -= slopes[heard.control_place[k, 0]] / (1.0 - trust[c])
        by_trust[c] += slopes[heard.control_place[k, 1]] / trust[c]
    return by_trust, by_density


@_compiled
def _slope_of_voice(
    by_trust: Array,
    by_density: Array,
    by_total: Array,
    weights: Array,
    share: Array,
    trust: Array,
    heard: Heard,
    v: int,
) -> None:
    """Add what one version contributes to the slopes, through what is heard of it."""
    w, number = heard.voice_word[v], heard.number[heard.voice_report[v]]
    n, accuracy = heard.word_states[w], heard.word_accuracy[w]
    whole, all_slopes = weights[v].sum(), share[v] * by_total[w].sum()
    for s in range(n):
        slope, own = share[v] * by_total[w, s], weights[v, s]
        by_weight = heard.shows[w, s] * all_slopes
        if accuracy >= 0:
            a = trust[accuracy]
            by_trust[accuracy] += slope * (own - (whole - own) / (n - 1))
            by_weight = slope * a + (all_slopes - slope) * (1.0 - a) / (n - 1)
        if number >= 0:
            by_density[number, s] += by_weight * own
