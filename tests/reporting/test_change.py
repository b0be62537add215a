"""What changed since an earlier forecast."""

from dataclasses import replace
from datetime import timedelta

import pytest

from forecast.errors import InputError
from forecast.outlook import Forecast
from forecast.reporting.change import change_cell
from forecast.reporting.product import product
from forecast.wording import long_date, points
from tests.reporting.made_forecasts import made


def test_change_is_the_difference_of_means(outlook):
    page = product(outlook, made(shift=6.0))
    assert "Change since 23 January 2020" in page.markdown
    before = made(shift=6.0).courses[1].within.mean
    fall = round(100 * (before - outlook.courses[1].within.mean))
    assert f"\N{MINUS SIGN}{fall} to 19 March 2020" in page.markdown


def test_a_forecast_compared_with_itself_has_not_changed(outlook):
    assert "| 0 to 19 March 2020<br>0 now |" in product(outlook, outlook).markdown


def test_another_scenario_is_no_predecessor(outlook):
    other = outlook.scenario.model_copy(update={"name": "elsewhere"})
    before = Forecast(other, outlook.evidence, outlook.posterior, outlook.sampling)
    with pytest.raises(InputError, match="'elsewhere'"):
        product(outlook, before)


def test_change_asks_both_forecasts_about_the_same_days(outlook):
    """The earlier forecast is a week older, so that its horizon ends a week before this one's."""
    week = timedelta(days=7)
    earlier = replace(outlook, evidence=replace(outlook.evidence, as_of=outlook.as_of - week))
    tree = outlook.posterior
    tree["forecast"] = tree["forecast"].to_dataset().assign_attrs(now=1)
    earlier = replace(earlier, posterior=tree)
    attack = outlook.courses[1]
    cell = change_cell(outlook, earlier, attack)
    day = earlier.horizon
    assert day == outlook.horizon - week
    values = [each.probability_within("posture=attack", day).mean for each in (outlook, earlier)]
    assert cell.main == f"{points(values[0] - values[1])} to {long_date(day)}"
    looked_ahead = earlier.state_probability("posture", "attack", outlook.now).mean
    assert cell.small == f"{points(attack.now.mean - looked_ahead)} now"
