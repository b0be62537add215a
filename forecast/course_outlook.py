"""What a forecast says of the courses of action, and the table that it prints of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from forecast.estimate import Estimate, quantity
from forecast.layout import Row
from forecast.lexicon import phrase
from forecast.scenario.scenario import Course

ANY_LABEL = "At least one dangerous course"


@dataclass(frozen=True, slots=True)
class CourseOutlook:
    """What a forecast says about one course of action.

    Attributes
    ----------
    variable, state, course
        Where the course sits in the scenario.
    now
        Probability that it is under way in the step of the as-of date.
    within
        Probability that it is under way on at least one day after the as-of date, up to the
        horizon.
    average
        Expected share of those days on which it is under way.
    """

    variable: str
    state: str
    course: Course
    now: Estimate
    within: Estimate
    average: Estimate


class Printed(NamedTuple):
    """What the table of courses has of one: `within` if it is dangerous, and else None."""

    course: Course
    now: Estimate
    average: Estimate
    within: Estimate | None


def courses_table(
    courses: Sequence[Printed], any_dangerous: Estimate | None, *, ahead: bool
) -> tuple[Row, list[Row]]:
    """Head and rows of the table of courses: course, now, share of days, at least once, words.

    Parameters
    ----------
    courses
        Every course of a forecast.
    any_dangerous
        That any dangerous one happens; None if none is dangerous.
    ahead
        Whether there are days ahead; the table of a static scenario has no columns for them.

    Returns
    -------
    tuple
        The head and the rows, as text. What happens at least once is given for dangerous courses
        only; the last row is their union.
    """
    if not ahead:
        return _static_table(courses, any_dangerous)
    rows = []
    for each in courses:
        ever = _in_numbers_and_words(each.within) if each.within is not None else ("", "")
        rows.append((_name(each.course), quantity(each.now), quantity(each.average), *ever))
    head = ("Course", "Now", "Share of days", "At least once", "In words")
    if any_dangerous is None:
        return head[:3], [row[:3] for row in rows]
    return head, [*rows, (f"{ANY_LABEL} (*)", "", "", *_in_numbers_and_words(any_dangerous))]


def _static_table(
    courses: Sequence[Printed], any_dangerous: Estimate | None
) -> tuple[Row, list[Row]]:
    rows: list[Row] = [(_name(each.course), *_in_numbers_and_words(each.now)) for each in courses]
    if any_dangerous is not None:
        rows.append((f"{ANY_LABEL} (*)", *_in_numbers_and_words(any_dangerous)))
    return ("Course", "Now", "In words"), rows


def _name(course: Course) -> str:
    return course.label + (" *" if course.dangerous else "")


def _in_numbers_and_words(found: Estimate) -> tuple[str, str]:
    return quantity(found), phrase(found).label
