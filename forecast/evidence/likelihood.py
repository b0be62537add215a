"""From reports to arrays: what is said of which states, by whom, and what is unknown about it.

An event that may have been in several steps is in one of them, each with its share of the days.
Whether it is past is carried from step to step as an unknown of the evidence, and so is whether a
channel is controlled. In each case what is said of a variable at a step is a further factor, one
row of likelihoods for each state of the unknowns. `forecast.inference.channel` turns the arrays
into likelihoods.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.errors import Problem, raise_if_any
from forecast.evidence.arrangement import Arrangement, date_key
from forecast.evidence.checks import find_faults
from forecast.evidence.events import ranked, setting_step
from forecast.evidence.ledger import Evidence
from forecast.evidence.report import Report
from forecast.evidence.sources import TRUSTED, accuracy_index, channel_of, trust_in
from forecast.evidence.unknowns import Factor, Unknown
from forecast.evidence.words import Words, fill_shares
from forecast.scenario.scenario import Scenario

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]

WORD, NUMBER, RANGE, STATED = range(4)


@dataclass(frozen=True, eq=False)
class ReportTable:
    """Evidence as arrays, for the network whose variables and states are in scenario order.

    Reports that speak to a variable, but for those that set inputs, have these (report,):

    Attributes
    ----------
    observed
        Variable that it speaks to.
    spoken
        All variables that reports or silence speak of, each once.
    said
        Number of the state that it names, or makes most likely; or the number it gives.
    upper
        Largest number of a range; not a number where it gives no range.
    kind
        `WORD`, `NUMBER`, `RANGE` or `STATED`: a state, a number, a range, or likelihoods.
    stated
        Logarithm of the likelihoods it gives, (report, state); 0 where it gives none.
    exposure
        Days that a reported count covers; 0 where none are said.
    n_states
        How many states its variable has.
    accuracy
        Which accuracy it has: of a grade, 0 for A, or of a source.

    What is said is a **word**, in one version or in several; each version has the best report
    that brings it:

    voice_report, voice_word, voice_accuracy
        Report and word of each version, and the accuracy that says how likely it quotes right,
        (voice,).
    word_accuracy, word_states
        Accuracy of each word, that of its best report, or -1 for what a controlled channel says;
        and how many states its variable has, (word,).
    shows
        Share of each state in what a controlled channel says, (word, state).

    Places are numbers of cells of the log-likelihoods, (step, column), taken as one row:

    place_word, place, times
        First cell at which a word speaks of its variable's states, and how many witnesses say
        the same, (place,).
    silence_chance, silence_reach, silence_place
        Watch, by its number among all that is judged of sources; chance that what it would have
        detected would be known by now; and cell, (silence,).
    control_chance, control_place
        Channel, by its number among all that is judged of sources; cells where it is free and
        where it is controlled, (channel,), (channel, 2).
    settings
        Log-likelihood of what is set and not reported: inputs, and chances of dates,
        (step, column).
    unknowns, factors
        What is unknown about the evidence, and what depends on it.
    drawing
        What is needed to draw reports, by name.
    """

    observed: tuple[str, ...]
    spoken: tuple[str, ...]
    said: Array
    upper: Array
    kind: Index
    stated: Array
    exposure: Array
    n_states: Index
    accuracy: Index
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
    unknowns: tuple[Unknown, ...]
    factors: tuple[Factor, ...]
    drawing: Mapping[str, npt.NDArray[np.generic]]


def tabulate_reports(scenario: Scenario, evidence: Evidence, n_steps: int) -> ReportTable:
    """Arrange evidence for the engine.

    Parameters
    ----------
    scenario
        The scenario.
    evidence
        Reports in force.
    n_steps
        Steps of the sweep; 1 for a static scenario.

    Raises
    ------
    InputError
        If reports break rules, with all of them.
    """
    raise_if_any(
        [
            Problem(f"report {report.id}: {column}", message)
            for report in evidence
            for column, message in (*find_faults(report, scenario), *_untimely(report, evidence))
        ]
    )
    inputs = scenario.with_role("input")
    observed = [report for report in evidence.observations if report.indicator not in inputs]
    widest = max(len(variable.states) for variable in scenario.variables.values())
    words = Words(scenario, observed)
    laid = Arrangement(scenario, evidence, words)
    return ReportTable(
        **_told(scenario, observed, widest),
        spoken=tuple(dict.fromkeys(name for _, name in sorted({*laid.events, *laid.listening}))),
        **words.arrays(widest),
        **_places(scenario, laid),
        settings=_settings(scenario, evidence, n_steps, laid),
        unknowns=laid.unknowns,
        factors=tuple(laid.factors),
        drawing=_drawing(scenario, observed, laid, widest),
    )


def _untimely(report: Report, evidence: Evidence) -> Iterator[tuple[str, str]]:
    """Yield that a report became known after the moment of the evidence."""
    if report.known > evidence.as_of:
        yield "known", f"{report.known} is after the as-of date, {evidence.as_of}"


def _told(scenario: Scenario, observed: Sequence[Report], widest: int) -> dict[str, Any]:
    """What each report says, and by whom."""
    n_states = [len(scenario.variables[report.indicator].states) for report in observed]
    stated = np.zeros((len(observed), widest))
    for row, report, n in zip(stated, observed, n_states, strict=True):
        if report.likelihoods:
            given = dict(report.likelihoods)
            states = scenario.variables[report.indicator].states
            with np.errstate(divide="ignore"):
                row[:n] = np.log([given.get(state, 0.0) for state in states])
    return {
        "observed": tuple(report.indicator for report in observed),
        "said": np.array([_said(scenario, report) for report in observed], np.float64),
        "upper": np.array([np.nan if r.upper is None else r.upper for r in observed], np.float64),
        "kind": np.array([_kind(report) for report in observed], np.int64),
        "stated": stated,
        "exposure": np.array([report.exposure or 0.0 for report in observed]),
        "n_states": np.array(n_states, np.int64),
        "accuracy": np.array([accuracy_index(scenario, r) for r in observed], np.int64),
    }


def _kind(report: Report) -> int:
    if report.likelihoods:
        return STATED
    if report.number is None:
        return WORD
    return NUMBER if report.upper in (None, report.number) else RANGE


def _said(scenario: Scenario, report: Report) -> float:
    """Number that a report gives, or number of the state that it names or makes most likely."""
    if report.number is not None:
        return report.number
    states = scenario.variables[report.indicator].states
    if report.likelihoods:
        return states.index(max(report.likelihoods, key=lambda each: each[1])[0])
    return states.index(report.state)


def _places(scenario: Scenario, laid: Arrangement) -> dict[str, Any]:
    """Cells at which words, silences and the control of channels speak."""
    width = laid.n_columns
    trust = trust_in(scenario)
    judged = [(family, judged.name) for family in TRUSTED for judged in getattr(trust, family)]
    number = {place: k for k, place in enumerate(judged)}
    said = sorted(laid.said.items(), key=lambda each: (each[0][1], each[0][0]))
    free = np.array([step * width + column for _, (step, column) in laid.controls], np.int64)
    return {
        "place_word": np.array([word for (word, _), _ in said], np.int64),
        "place": np.array([step * width + column for (_, (step, column)), _ in said], np.int64),
        "times": np.array([times for _, times in said], np.float64),
        "silence_chance": np.array(
            [number["detection", name] for name, _, _ in laid.silent], np.int64
        ),
        "silence_reach": np.array([reach for _, reach, _ in laid.silent], np.float64),
        "silence_place": np.array([s * width + c for _, _, (s, c) in laid.silent], np.int64),
        "control_chance": np.array([number["control", n] for n, _ in laid.controls], np.int64),
        "control_place": np.stack([free, free + 1], axis=1),
    }


def _settings(scenario: Scenario, evidence: Evidence, n_steps: int, laid: Arrangement) -> Array:
    """Inputs are known: their default, or what was reported, at every step; and so are shares."""
    settings = np.zeros((n_steps, laid.n_columns))
    for name, variable in scenario.with_role("input").items():
        state = [variable.default] * n_steps
        for report in evidence.observations:
            if report.indicator == name:
                state[setting_step(scenario, report)] = report.state
        start = laid.first_state[name]
        for step, set_to in enumerate(state):
            settings[step, start : start + len(variable.states)] = -np.inf
            settings[step, start + variable.states.index(str(set_to))] = 0.0
    for cell, value in laid.constants.items():
        settings[cell] = value
    return settings


def _drawing(
    scenario: Scenario, observed: Sequence[Report], laid: Arrangement, widest: int
) -> dict[str, npt.NDArray[Any]]:
    """What is needed to draw what reports would say.

    Returns
    -------
    dict
        "rank", reports with the best first, (report,); "witness", number of the witness of each
        report and its variable together, (report,); "variable", that of the variable, (report,);
        "date", number of the date, (report,); "first", first step in which each date may be,
        (date,), and "shares", chance of that step and those after it, (date, step); "channel",
        number of the channel, or -1, (report,); and "showing", share of each state in what the
        channel would show, (report, state).
    """
    names, channels = list(scenario.variables), list(scenario.channels)
    events = {
        report.id: event
        for found in laid.events.values()
        for event in found
        for report in event.reports
    }
    number = {key: k for k, key in enumerate(dict.fromkeys(map(date_key, events.values())))}
    spans = {date_key(event): event.shares for event in events.values()}
    witness: dict[object, int] = {}
    rows, showing = [], np.zeros((len(observed), widest))
    for shown, report in zip(showing, observed, strict=True):
        event, channel = events[report.id], channel_of(scenario, report)
        told = witness.setdefault((event.origin, report.indicator), len(witness))
        through = channels.index(channel) if channel else -1
        rows.append((told, names.index(report.indicator), number[date_key(event)], through))
        states = scenario.variables[report.indicator].states
        shows = scenario.channels[channel].shows.get(report.indicator, {}) if channel else {}
        shown[: len(states)] = fill_shares(shows, states)
    shares = np.zeros((len(spans), max(map(len, spans.values()), default=1)))
    for row, span in zip(shares, spans.values(), strict=True):
        row[: len(span)] = list(span.values())
    columns = np.array(rows, np.int64).reshape(-1, 4).T
    first = np.array([next(iter(span)) for span in spans.values()], np.int64)
    rank = {report.id: k for k, report in enumerate(observed)}
    return {
        "rank": np.array([rank[report.id] for report in ranked(scenario, observed)], np.int64),
        **dict(zip(("witness", "variable", "date", "channel"), columns, strict=True)),
        "first": first,
        "shares": shares,
        "showing": showing,
    }
