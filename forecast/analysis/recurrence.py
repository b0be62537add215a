"""What small probabilities add up to over the horizon, before any evidence has come.

A coin of 10 % a week is seen within 13 weeks three times out of four. So what is judged week by
week is shown over the whole horizon: how often each state of an indicator would be seen at least
once, how often each tripwire would fire, and what its firing would say of each course.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from forecast.analysis.anticipation import simulated_histories
from forecast.analysis.information import divergence, entropy
from forecast.network.queries import shared_bits
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.stored_answers import watched
from forecast.scenario.scenario import Scenario
from forecast.scenario.warning import Tripwire

if TYPE_CHECKING:
    from pandas import DataFrame

UNKNOWN = {"if_fired": np.nan, "if_not": np.nan, "share": 0.0, "gain": 0.0}
"""Where a tripwire never fires, or a course is certain."""

Truths = npt.NDArray[np.bool_]
Occurrences = Mapping[tuple[str, str], Any]
"""Whether each variable is in each of its states, (step, history)."""


def find_recurrence(
    scenario: Scenario, prior: Beliefs, rng: np.random.Generator
) -> tuple[DataFrame, DataFrame]:
    """Say what indicators and tripwires come to over all steps of some beliefs.

    A level of a tripwire counts as reached once all its states have occurred, as if each were
    reported without error; rules on probabilities are left out.

    Parameters
    ----------
    scenario
        The scenario.
    prior
        Beliefs before any evidence, as `beliefs_at_start` gives them.
    rng
        Source of randomness: everything is counted in simulated histories.

    Returns
    -------
    seen : pandas.DataFrame
        One row for each indicator and state but the first: ``each``, probability in one step, on
        average; and ``once``, that it occurs at least once.
    tripwires : pandas.DataFrame
        One row for each tripwire and course, and any dangerous one: ``fires``, probability that the
        tripwire does; ``probability``, that the course is ever under way; ``if_fired`` and
        ``if_not``, that it is if the tripwire fires and if it does not; ``share`` of the
        course's uncertainty that is removed by knowing whether it does, on average; and ``gain`` by
        its firing, as a share of the same.
    """
    import pandas as pd

    histories = simulated_histories(prior, rng)
    occurs = {
        (name, state): histories[name] == k
        for name, variable in scenario.variables.items()
        for k, state in enumerate(variable.states)
    }
    seen = [
        {"indicator": name, "state": state, "each": found.mean(), "once": found.any(axis=0).mean()}
        for name, variable in scenario.with_role("indicator").items()
        for state in variable.states[1:]
        for found in [occurs[name, state]]
    ]
    rules = [
        {"tripwire": name, "course": course, **_association(fires, happens)}
        for name, fires in _firings(scenario, occurs)
        for course, happens in _courses(scenario, occurs)
    ]
    columns = [
        "tripwire",
        "course",
        "fires",
        "probability",
        "if_fired",
        "if_not",
        "share",
        "gain",
    ]
    return (
        pd.DataFrame(seen, columns=["indicator", "state", "each", "once"]).set_index(
            ["indicator", "state"]
        ),
        pd.DataFrame(rules, columns=columns).set_index(["tripwire", "course"]),
    )


def _firings(scenario: Scenario, occurs: Occurrences) -> Iterator[tuple[str, Truths]]:
    """Yield the name of each tripwire on reports, and whether it fires, (history,)."""
    for name, tripwire in scenario.tripwires.items():
        if tripwire.any:
            levels = [
                np.all(
                    [occurs[pair][_steps(scenario, tripwire)].any(axis=0) for pair in each], axis=0
                )
                for each in (level.items() for level in tripwire.any)
            ]
            yield name, np.any(levels, axis=0)


def _steps(scenario: Scenario, tripwire: Tripwire) -> slice:
    """Steps in which a tripwire may fire."""
    timeline = scenario.timeline
    if timeline is None:
        return slice(None)

    def step(day: date) -> int:
        return max(timeline.step_of(day), 0)

    if tripwire.on is not None:
        return slice(step(tripwire.on), step(tripwire.on) + 1)
    return slice(None) if tripwire.by is None else slice(step(tripwire.by) + 1)


def _courses(scenario: Scenario, occurs: Occurrences) -> Iterator[tuple[str, Truths]]:
    """Yield each course, and any dangerous one, and whether it is ever under way, (history,)."""
    for course, states in watched(scenario):
        yield course, np.any([occurs[pair].any(axis=0) for pair in states], axis=0)


def _association(fires: Truths, happens: Truths) -> dict[str, float]:
    """Frequencies of two events, each with the other and without, and what they share in bits."""
    joint = np.array([[(~fires & ~happens).mean(), (~fires & happens).mean()]] * 2)
    joint[1] = (fires & ~happens).mean(), (fires & happens).mean()
    with np.errstate(invalid="ignore", divide="ignore"):
        if_not, if_fired = joint[:, 1] / joint.sum(axis=1)
    probability = float(happens.mean())
    whole = entropy(probability)
    if not (fires.any() and whole):
        return {"fires": float(fires.mean()), "probability": probability} | UNKNOWN
    gain = divergence(float(if_fired), probability)
    return {
        "fires": float(fires.mean()),
        "probability": probability,
        "if_fired": float(if_fired),
        "if_not": float(if_not),
        "share": float(shared_bits(joint)) / whole,
        "gain": gain / whole,
    }
