"""Tripwires and warning levels: rules, agreed beforehand, that say when to look again."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from forecast.scenario.basis import Basis
from forecast.scenario.collection import Day
from forecast.scenario.statements import Number, Text, Value

ANY_DANGEROUS = "any dangerous course"
"""The union of all dangerous courses, where the name of a course is asked for."""
Statistic = Literal["mean", "lower", "upper"]


class Threshold(Value):
    """A level that the probability of a course has to reach, and one under which it is reset.

    Attributes
    ----------
    course
        "variable=state", or `ANY_DANGEROUS`.
    within
        Days after the as-of date that count, 0 for the as-of date itself; those to the horizon
        unless it is given. A static scenario has no days.
    statistic
        Which number of the answer is compared: its mean, or an end of its 90 % interval.
    at_least
        The level.
    reset
        The rule holds on until the number is below this, so that a probability that wavers around
        the level does not switch it on and off.
    """

    course: Text
    within: Annotated[int, Field(ge=0)] | None = None
    statistic: Statistic = "mean"
    at_least: Number
    reset: Number


class Tripwire(Value):
    """A rule on what is reported, or on a probability, agreed beforehand, that forces a review.

    A level of `any` is reached if its event ends `by` a day, or if it is that of the day `on` which
    something is to happen; whenever it is, unless one of the two is given. What fires the rule has
    to hold on `persistence` days after the first one on which it holds, and so has what resets it.
    """

    label: Text
    any: tuple[dict[str, str], ...] = ()
    probabilities: tuple[Threshold, ...] = ()
    persistence: Annotated[int, Field(ge=0)] = 0
    by: Day | None = None
    on: Day | None = None
    meaning: str = ""
    basis: Basis


class WarningLevel(Value):
    """A level of warning, which is in force while any of its tripwires has fired.

    The first, lowest level of a scenario has no tripwires; it is in force if no other is.
    """

    label: Text
    tripwires: tuple[str, ...] = ()
    meaning: str = ""
