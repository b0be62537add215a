"""A conclusion of a forecast: what it says in words, and how far it is from being another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import nextafter

import numpy as np

from forecast.analysis.targets import fit_of, mean_given, stand_for
from forecast.arrays import Array
from forecast.errors import InputError, Problem
from forecast.outlook import Forecast
from forecast.posterior.partial_evidence import Found, PartialEvidence, Target
from forecast.posterior.stored_answers import watched


@dataclass(frozen=True, eq=False)
class Conclusion:
    """What is concluded from a forecast.

    Attributes
    ----------
    text
        In words.
    targets
        The probabilities on which it rests, the one it is about first.
    margin
        How far means of these, (target,), are from changing it; below 0 if they do.
    applied
        The same of a whole forecast.
    """

    text: str
    targets: tuple[Target, ...]
    margin: Callable[[Array], float]
    applied: Callable[[Forecast], float]


def conclusion_of(given: Forecast, course: str | None, level: float | None) -> Conclusion:
    """The side of a level on which a course lies; or which course is the most likely one.

    Raises
    ------
    InputError
        If one of course and level is given without the other, or the course is unknown.
    """
    if (course is None) != (level is None):
        missing = "level" if level is None else "course"
        raise InputError([Problem(missing, "is missing; `course` and `level` belong together")])
    if course is not None and level is not None:
        return _side_of_a_level(given, course, level)
    return _leader(given)


def _side_of_a_level(given: Forecast, course: str, level: float) -> Conclusion:
    above = given.probability_within(course).mean >= level
    side = "at least" if above else "below"
    target = Target(tuple(dict(watched(given.scenario))[course]), given.horizon)

    def margin(means: Array) -> float:
        distance = float(means[0]) - level
        # A probability on the level itself has reached it.
        return distance if above else nextafter(-distance, -np.inf)

    def applied(other: Forecast) -> float:
        return margin(np.array([other.probability_within(course).mean]))

    return Conclusion(f"{course} {side} {level:g}", (target,), margin, applied)


def _leader(given: Forecast) -> Conclusion:
    leader = given.most_likely
    first = (leader.variable, leader.state)
    others = [each for each in given.scenario.courses if each != first]
    share = given.horizon is not None
    targets = tuple(Target((each,), given.horizon, share=share) for each in (first, *others))

    def margin(means: Array) -> float:
        return float(means[0] - means[1:].max(initial=0.0))

    def applied(other: Forecast) -> float:
        averages = {(each.variable, each.state): each.average.mean for each in other.courses}
        return margin(np.array([averages[each] for each in (first, *others)]))

    text = f"{leader.variable}={leader.state} the most likely course"
    return Conclusion(text, targets, margin, applied)


class Screen:
    """A conclusion under changes, from draws that stand for all.

    Attributes
    ----------
    evidence
        The draws.
    end
        What they say as it is.
    """

    def __init__(self, given: Forecast, conclusion: Conclusion, draws: int) -> None:
        fit, weights = fit_of(given)
        self.conclusion = conclusion
        self.reports = given.evidence.observations
        first = PartialEvidence(fit, given.as_of, conclusion.targets[:1])
        values = first.find(self.reports).probability[0]
        chosen = fit.select(stand_for(values, weights, min(draws, len(weights))))
        self.evidence = PartialEvidence(chosen, given.as_of, conclusion.targets)
        self.end = self.evidence.find(self.reports)

    def margin(self, found: Found) -> float:
        """The margin where something else is found, the tables learned anew."""
        equal = np.ones(found.log_evidence.size)
        return self.conclusion.margin(mean_given(found, equal, self.end))
