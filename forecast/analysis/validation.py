"""What each indicator can tell about each course of action, before any report is in.

Everything is about one step: the indicator and the course are taken at the same moment. An
indicator is taken as seen without error; reports from fallible sources tell less. A number that is
measured depends on the course through the indicator's state alone, so it tells at most as much as
the state would (the data-processing inequality; Cover, Thomas: Elements of Information Theory, 2nd
edition, 2006, theorem 2.8.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.arrays import Array
from forecast.estimate import Estimate
from forecast.model.parameter_draws import ParameterDraws
from forecast.network.queries import shared_bits
from forecast.posterior.beliefs import Beliefs
from forecast.scenario.scenario import Scenario

if TYPE_CHECKING:
    from pandas import DataFrame, Series


MOVING = 0.1
"""Share of a course's uncertainty that an indicator must remove to count as moving it. For a
course that is as likely as not this is 0.1 bit. It is a share because nobody can learn more
about a course than it is uncertain: one of 2 % has 0.14 bit in all."""
DEAD = 0.01
"""Share of the uncertainty of every course below which an indicator moves nothing."""

RATINGS = (
    (0.80, "highly likely"),
    (0.55, "likely"),
    (0.45, "could"),
    (0.20, "unlikely"),
    (0.0, "highly unlikely"),
)
"""Lowest probability of each rating: the bands of ICD 203, with its outer bands joined."""
POINTS: dict[str, dict[str, int]] = {
    "highly likely": {
        "highly likely": 0,
        "likely": 1,
        "could": 2,
        "unlikely": 4,
        "highly unlikely": 6,
    },
    "likely": {"highly likely": 0, "likely": 0, "could": 1, "unlikely": 3, "highly unlikely": 5},
}
"""Points of an indicator for each other course, by its rating under its home course."""


def validate_indicators(scenario: Scenario, prior: Beliefs, moment: Any) -> DataFrame:
    """Say what every indicator tells about every course of action at one moment.

    The rating is that of Pherson's Indicators Validator: how likely the indicator is to be in any
    but its first state, its baseline, if the course is under way. A good indicator is highly
    likely under its home course and highly unlikely under the others. It gets points for each
    other course, by its ratings there and at home. The points are as commonly taught; they were
    not checked against a published source:

    =============  =============  ======  =====  ========  ===============
    at home        highly likely  likely  could  unlikely  highly unlikely
    =============  =============  ======  =====  ========  ===============
    highly likely  0              1       2      4         6
    likely         0              0       1      3         5
    =============  =============  ======  =====  ========  ===============

    Parameters
    ----------
    scenario
        The scenario.
    prior
        Beliefs before any evidence, as `beliefs_at_start` gives them.
    moment
        Label of the step of both the indicators and the courses.

    Returns
    -------
    pandas.DataFrame
        One row for each indicator and course, "variable=state":

        - ``bits``, ``lower``, ``upper``: mutual information of the indicator and whether the
          course is under way, mean and 90 % interval over draws of the tables;
        - ``share``: share of the course's uncertainty that the indicator removes, its mean
          information over the course's mean entropy (the uncertainty coefficient of Theil: On the
          estimation of relationships involving qualitative variables, American Journal of
          Sociology 76(1), 1970);
        - ``ratio_for``, ``state_for``: the largest likelihood ratio, P(state | course) over
          P(state | not the course), and its state; ``ratio_against``, ``state_against``: the
          smallest. Of joint probabilities averaged over draws: what a first observation
          multiplies the odds by;
        - ``probability``: probability of any but the first state if the course is under way, of the
          same joint probabilities; ``rating``: in Pherson's words; ``points``: with this course
          as home, none where it is not at least likely or there is no other course;
        - ``redundancy``, ``same_as``: largest share of the information that another indicator
          gives already, and its name. It is (I(X;C) - I(X;C|Y)) / I(X;C), where the difference is
          the interaction information (McGill: Multivariate information transmission,
          Psychometrika 19(2), 1954), never below 0, with every judgement at its mean. None where
          either indicator moves nothing.
    """
    import pandas as pd

    records = [
        {"indicator": name, "course": course, **_describe(joint)}
        for course, name, joint in _joints(scenario, prior, moment)
    ]
    records.sort(key=lambda record: list(scenario.variables).index(record["indicator"]))
    columns = ["indicator", "course", "bits", "lower", "upper", "share", "ratio_for", "state_for"]
    columns += ["ratio_against", "state_against", "probability", "rating"]
    table = pd.DataFrame(records, columns=columns).set_index(["indicator", "course"])
    for column in ("state_for", "state_against"):
        places = zip(table.index.get_level_values("indicator"), table[column], strict=True)
        table[column] = [scenario.variables[name].states[k] for name, k in places]
    table["points"] = _points(table["rating"])
    found = _redundancies(scenario, _at_means(prior), moment, table["share"] >= DEAD)
    table["redundancy"] = [found.get(pair, (np.nan, None))[0] for pair in table.index]
    table["same_as"] = [found.get(pair, (np.nan, None))[1] for pair in table.index]
    return table


def describe_courses(
    scenario: Scenario, prior: Beliefs, moment: Any, indicators: DataFrame
) -> DataFrame:
    """Say how uncertain each course is, and which indicator tells most about it.

    Parameters
    ----------
    scenario, prior, moment
        As in `validate_indicators`.
    indicators
        Its answer.

    Returns
    -------
    pandas.DataFrame
        One row for each course: ``mean``, ``lower`` and ``upper`` of its probability at the
        moment, its mean ``entropy`` in bits, the ``best`` indicator with its ``share``, and
        whether that one ``moved`` it, with a share of at least `MOVING`.
    """
    import pandas as pd

    records = []
    for variable, state in scenario.courses:
        course = f"{variable}={state}"
        draws = prior.union([(variable, state)], moment).to_numpy()
        found = Estimate.of(draws)
        shares = indicators["share"][indicators.index.get_level_values("course") == course]
        records.append(
            {
                "course": course,
                "mean": found.mean,
                "lower": found.lower,
                "upper": found.upper,
                "entropy": float(_entropy(draws).mean()),
                "best": shares.idxmax()[0],
                "share": shares.max(),
            }
        )
    columns = ["course", "mean", "lower", "upper", "entropy", "best", "share"]
    table = pd.DataFrame(records, columns=columns).set_index("course")
    return table.assign(moved=table["share"] >= MOVING)


def _joints(scenario: Scenario, prior: Beliefs, moment: Any) -> Iterator[tuple[str, str, Array]]:
    """Every course and indicator, with their joint probabilities.

    Shape (under way or not, indicator's state, draw).
    """
    for target, variable in scenario.with_role("course_of_action").items():
        joint = np.moveaxis(prior.joint_with(target, moment).to_numpy()[0], 0, -1)
        for state in variable.courses:
            split = _split(joint, variable.states.index(state))
            for name in scenario.with_role("indicator"):
                yield f"{target}={state}", name, split[:, prior.network.states(name)]


def _split(joint: Array, state: int) -> Array:
    """Add up the target's states but one: (target, …) becomes (under way or not, …)."""
    return np.stack([joint[state], np.delete(joint, state, axis=0).sum(axis=0)])


def _describe(joint: Array) -> dict[str, Any]:
    """What one indicator tells about one course; states are given by their numbers."""
    bits = shared_bits(joint)
    estimate = Estimate.of(bits)
    uncertainty = _entropy(joint[0].sum(axis=0)).mean()
    average = joint.mean(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        given, otherwise = average / average.sum(axis=1, keepdims=True)
        ratios = given / otherwise
    known = ~np.isnan(ratios)
    largest = int(np.argmax(np.where(known, ratios, -np.inf)))
    smallest = int(np.argmin(np.where(known, ratios, np.inf)))
    probability = given[1:].sum()
    return {
        "bits": estimate.mean,
        "lower": estimate.lower,
        "upper": estimate.upper,
        "share": bits.mean() / uncertainty if uncertainty > 0 else 0.0,
        "ratio_for": ratios[largest],
        "state_for": largest,
        "ratio_against": ratios[smallest],
        "state_against": smallest,
        "probability": probability,
        "rating": _rate(probability),
    }


def _rate(probability: float) -> str | None:
    """Pherson's word for a probability; none where there is no probability to rate."""
    rounded = round(probability, 9)
    return next((word for least, word in RATINGS if rounded >= least), None)


def _entropy(probability: Array) -> Array:
    """Entropy of whether something holds, in bits."""
    from scipy.stats import entropy

    clipped = np.clip(probability, 0, 1)
    return np.asarray(entropy(np.stack([clipped, 1 - clipped]), base=2))


def _points(ratings: Series[str]) -> list[float]:
    """Pherson's points of each indicator with each course as its home."""
    found = []
    for indicator, course in ratings.index:
        scale = POINTS.get(ratings[indicator, course], {})
        others = ratings[indicator].drop(course).dropna()
        rated = bool(scale) and len(others) > 0
        found.append(float(sum(scale[other] for other in others)) if rated else np.nan)
    return found


def _at_means(prior: Beliefs) -> Beliefs:
    """Beliefs with a single draw: every judgement at its mean."""
    draws = prior.draws
    assert isinstance(draws, ParameterDraws)
    means = {name: v.mean(axis=-1, keepdims=True) for name, v in draws.parameters.items()}
    return replace(prior, draws=replace(draws, parameters=means), shape=(1, 1), sample="none")


def _redundancies(
    scenario: Scenario, means: Beliefs, moment: Any, tells: Series[bool]
) -> dict[tuple[str, str], tuple[float, str]]:
    """Redundancy of each indicator that tells something about a course, and with which other."""
    alone = {
        (name, course): float(shared_bits(joint)[0])
        for course, name, joint in _joints(scenario, means, moment)
    }
    found: dict[tuple[str, str], tuple[float, str]] = {}
    for other in scenario.with_role("indicator"):
        if not tells[tells.index.get_level_values("indicator") == other].any():
            continue
        left = _bits_left(scenario, means, moment, other)
        for pair, bits in alone.items():
            name, course = pair
            if name == other or not (tells[pair] and tells[other, course]):
                continue
            share = max((bits - left[pair]) / bits, 0.0)
            if share >= found.get(pair, (0.0, ""))[0]:
                found[pair] = share, other
    return found


def _bits_left(
    scenario: Scenario, means: Beliefs, moment: Any, known: str
) -> dict[tuple[str, str], float]:
    """Information of every indicator about every course, once another indicator is known."""
    left: dict[tuple[str, str], float] = {}
    probabilities = means.posterior(known, moment).to_numpy().ravel()
    for state, probability in zip(scenario.variables[known].states, probabilities, strict=True):
        if probability == 0:
            continue
        given = means.set_evidence({known: state}, moment)
        for course, name, joint in _joints(scenario, given, moment):
            bits = probability * float(shared_bits(joint)[0])
            left[name, course] = left.get((name, course), 0.0) + bits
    return left
