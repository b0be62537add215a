"""Inputs: in which step they act, what is planned for them, and how that is said."""

from datetime import timedelta

import numpy as np
import pytest

from forecast.evidence.inputs import (
    acting_states,
    are_steady,
    condition_of,
    states_of_inputs,
)
from forecast.evidence.likelihood import tabulate_reports
from forecast.evidence.report import Report
from forecast.scenario.scenario import Scenario
from tests.small import START, evidence, rows, weather

CLAUSES = {"idle": "the machine stands idle", "on": "the machine runs"}


def windy(**of_input):
    """A storm that a machine brings about; probabilities are known exactly."""
    body = weather().model_dump(by_alias=True)
    probabilities = {
        ("calm", "idle"): 0.1,
        ("calm", "on"): 0.4,
        ("storm", "idle"): 0.5,
        ("storm", "on"): 0.9,
    }
    body["variables"]["storm"]["initial"] = rows(({}, _exactly(0.2)))
    body["variables"]["storm"]["transition"] = rows(
        *(
            ({"previous storm": before, "wind": wind}, _exactly(probability))
            for (before, wind), probability in probabilities.items()
        )
    )
    body["variables"]["barometer"]["table"] = rows(
        ({"storm": "calm"}, {"exactly": {"high": 0.7, "falling": 0.2, "low": 0.1}}),
        ({"storm": "storm"}, {"exactly": {"high": 0.1, "falling": 0.3, "low": 0.6}}),
    )
    body["variables"]["wind"] = {
        "role": "input",
        "label": "Wind machine",
        "states": ("idle", "on"),
        "default": "idle",
        **of_input,
    }
    return Scenario.model_validate(body)


def _exactly(storm):
    return {"exactly": {"calm": 1 - storm, "storm": storm}}


def ran(week):
    """A report that the machine ran in a week."""
    day = START + timedelta(days=7 * week + 1)
    return Report(f"W{week}", "wind", "on", *[day] * 4, source="operator")


def days(first, last):
    """Two days, so many weeks from the start."""
    return {"start": START + timedelta(days=7 * first), "end": START + timedelta(days=7 * last)}


def test_an_act_acts_in_the_step_after_unless_it_acts_at_once():
    known = evidence(ran(1))
    assert states_of_inputs(windy(), known, 4)["wind"] == ["idle", "on", "idle", "idle"]
    assert acting_states(windy(), known, 4)["wind"] == ["idle", "idle", "on", "idle"]
    at_once = windy(acts="same_step")
    assert acting_states(at_once, known, 4)["wind"] == ["idle", "on", "idle", "idle"]
    settings = tabulate_reports(at_once, known, 3).arrays.settings[:, 5:]
    assert np.exp(settings).tolist() == [[1, 0], [0, 1], [1, 0]]


def test_a_plan_is_about_steps_ahead_alone_and_dates_pass_before_what_has_none():
    plan = ({"state": "idle", **days(4, 4)}, {"state": "on"})
    assert states_of_inputs(windy(plan=plan), evidence(ran(0)), 7)["wind"] == [
        *("on", "idle", "idle"),
        *("on", "idle", "on", "on"),
    ]
    past = windy(plan=({"state": "on", **days(0, 3)},))
    assert states_of_inputs(past, evidence(), 5)["wind"] == [*["idle"] * 3, "on", "idle"]


@pytest.mark.parametrize(
    ("plan", "reports", "steady"),
    [
        ((), (), True),
        ((), (ran(1),), True),
        ((), (ran(2),), False),  # it acts in the first step ahead
        (({"state": "on"},), (), False),  # from the second step ahead on
        (({"state": "on"},), (ran(2),), True),
        (({"state": "on", **days(9, 9)},), (), False),
        (({"state": "on", **days(0, 2)},), (), True),
    ],
)
def test_inputs_are_steady_if_they_act_alike_in_all_steps_ahead(plan, reports, steady):
    assert are_steady(windy(plan=plan), evidence(*reports)) is steady


def test_the_condition_names_the_usual_state_last_and_others_with_their_days():
    assert condition_of(windy(), evidence()) == "Wind machine is idle"
    assert condition_of(windy(clauses=CLAUSES, plan=({"state": "on"},)), evidence()) == (
        "the machine runs"
    )
    planned = windy(clauses=CLAUSES, plan=({"state": "on", **days(4, 4)},))
    assert condition_of(planned, evidence()) == (
        "the machine runs (31 January to 6 February 2020) and otherwise the machine stands idle"
    )
    assert condition_of(weather(), evidence()) == ""
