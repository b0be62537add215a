"""What would follow from a state: the branches average to what is forecast."""

import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.evidence.ledger import Evidence
from tests.small import barometer_report, weather
from tests.verification.test_questions import day


@pytest.fixture(scope="module")
def outlook():
    known = Evidence(day(1, 6), (barometer_report("R1", "falling"),))
    return fc.forecast(weather(), known, method="reweight", draws=60, chains=1, progressbar=False)


def test_branches_weighed_by_their_probabilities_are_the_forecast(outlook):
    found = fc.what_if(outlook, ("storm", "storm"), "barometer")
    assert [branch.state for branch in found] == ["high", "falling", "low"]
    assert sum(branch.probability.mean for branch in found) == pytest.approx(1)
    for step, value in enumerate(found.ahead):
        mixed = sum(each.probability.mean * each.ahead[step].mean for each in found)
        assert mixed == pytest.approx(value.mean, abs=1e-9)
    assert found.ahead[0].mean == pytest.approx(outlook.state_probability("storm", "storm").mean)
    assert len(found.days) == len(found.ahead)
    assert len(found.past_days) == len(found.past) == outlook.now
    assert found.branches[2].ahead[0].mean > found.branches[0].ahead[0].mean
    assert "nothing supposed" in str(found)


def test_what_cannot_be_supposed_is_refused(outlook):
    with pytest.raises(InputError, match="that of the course itself"):
        fc.what_if(outlook, ("storm", "storm"), "storm")
    with pytest.raises(InputError, match="did you mean 'barometer'"):
        fc.what_if(outlook, ("storm", "storm"), "barometr")
    static = fc.forecast(
        weather(dynamic=False), Evidence(day(0)), method="reweight", draws=8, chains=1
    )
    with pytest.raises(InputError, match="no clock"):
        fc.what_if(static, ("storm", "storm"), "barometer")


def test_judgements_are_moved_in_a_forecast_that_was_reweighted(outlook):
    """Draws that weigh differently stand for none of the moved ones."""
    table = fc.sensitivity(outlook, "storm", "storm")
    assert table["at_low"].notna().all()
    assert table.attrs["mean"] == pytest.approx(outlook.state_probability("storm", "storm").mean)
