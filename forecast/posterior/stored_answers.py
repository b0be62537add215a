"""What every forecast is asked, and keeps the answers to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from forecast.evidence.ledger import Evidence
from forecast.posterior.belief_state import keeping_messages
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.labels import time_labels
from forecast.posterior.passage import calendar_of, turn_of
from forecast.scenario.scenario import Scenario
from forecast.scenario.warning import ANY_DANGEROUS

if TYPE_CHECKING:
    from xarray import Dataset


def answer_groups(scenario: Scenario, evidence: Evidence, found: Beliefs) -> dict[str, Dataset]:
    """Probabilities of every state at every step, and of every course by every coming step.

    They are groups apart, because ArviZ summarises variables together only if all of them have
    the same coordinates beyond those of their dimensions.
    """
    import xarray as xr

    courses, found = dict(watched(scenario)), keeping_messages(found)
    timeline = scenario.timeline
    by, start = [evidence.as_of], found.times[0]
    if timeline is not None:
        ahead = range(found.now + 1, found.n_steps)
        by, start = [timeline.last_day(step) for step in ahead], None
    ever = found.at_least_once_each(courses.values(), start).rename(time="by")
    ever = ever.assign_coords(by=time_labels(by)).transpose("chain", "draw", "by", "course")
    answers = {"at_least_once": ever}
    calendar = calendar_of(scenario, evidence.as_of)
    if calendar is not None:
        turn = turn_of(found, calendar, courses.values())
        answers["now_or_next"] = turn.assign_coords(turn=["now", "now or next"])
    sample = {"chain": range(found.shape[0]), "draw": range(found.shape[1])}
    about = {"now": found.now, "as_of": evidence.as_of.isoformat()}
    return {
        "forecast": xr.Dataset({"probability": found.posteriors()}, sample, about),
        "courses": xr.Dataset(answers, sample | {"course": list(courses)}, about),
    }


def watched(scenario: Scenario) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield every course, and all dangerous ones together, each with its states."""
    for variable, state in scenario.courses:
        yield f"{variable}={state}", [(variable, state)]
    dangerous = [key for key, course in scenario.courses.items() if course.dangerous]
    if dangerous:
        yield ANY_DANGEROUS, dangerous
