"""What a forecast carries for ArviZ: labels to select by, that ArviZ reads and files keep."""

import arviz as az
import numpy as np
import pandas as pd
import pytest

import forecast as fc
from tests.api_fuzz import untouched_forecast
from tests.small import barometer_report, evidence, weather


@pytest.fixture(scope="module")
def outlook():
    return untouched_forecast(weather(), evidence(barometer_report("R1", "low")), draws=60)


def test_probabilities_are_selected_by_variable_state_and_day(outlook):
    found = outlook.posterior["forecast"]["probability"]
    assert found.sel(variable="barometer")["state"].to_numpy().tolist() == [
        "high",
        "falling",
        "low",
    ]
    assert found["time"].dtype.kind == "M"
    storm = found.sel(variable="storm").sel(state="storm", time="2020-01-17")
    assert (storm == outlook.draws_of("storm", "storm")[..., outlook.now]).all()
    assert {"chain", "draw"} <= set(storm.coords)


def test_courses_are_selected_by_the_last_day_that_counts(outlook):
    found = outlook.posterior["courses"]["at_least_once"].sel(course="storm=storm")
    ends = [day for day in outlook.days_ahead if (day - outlook.as_of).days % 7 == 0]
    assert found["by"].to_numpy().tolist() == list(np.array(ends, "datetime64[s]"))
    for day in ends:
        mean = float(found.sel(by=np.datetime64(day)).mean())
        assert mean == pytest.approx(outlook.probability_within("storm=storm", day).mean)


def test_a_static_scenario_has_one_step_the_as_of_date():
    known = evidence(barometer_report("R1", "low"), week=0)
    tree = untouched_forecast(weather(dynamic=False), known).posterior
    assert tree["forecast"]["probability"].sel(time="2020-01-09").sizes["variable_state"] == 5
    assert np.isfinite(tree["courses"]["at_least_once"].sel(by="2020-01-09")).all()


def test_a_step_is_named_by_text_by_a_day_or_by_the_label_of_an_answer(outlook):
    asked = fc.beliefs(outlook)
    label = asked.posterior("storm")["time"][1]
    names = ("2020-01-10", asked.times[1], label, label.to_numpy(), pd.Timestamp("2020-01-10"))
    assert len({float(asked.posterior("storm", name).mean()) for name in names}) == 1
    with pytest.raises(fc.InputError, match="'2020-01-11' is no step"):
        asked.posterior("storm", "2020-01-11")


def test_arviz_summarises_and_draws_what_a_forecast_carries(outlook):
    chosen = {"variable": "storm", "time": "2020-01-10"}
    tree = outlook.posterior
    table = az.summary(tree, group="forecast", coords=chosen)
    assert list(table.index) == ["probability[storm=calm]", "probability[storm=storm]"]
    assert len(az.summary(tree, group="courses")) == 4 * 2 + 2 * 2
    drawn = az.plot_forest(tree, group="forecast", coords=chosen)
    assert drawn.viz["point_estimate"]["probability"].sizes["variable_state"] == 2
