"""The past of a forecast, against forecasts made from what was known on each of its days."""

from dataclasses import replace

import pytest

import forecast as fc
from forecast.evidence.ledger import Ledger
from tests.small import START, barometer_report, weather


def test_the_past_is_what_was_predicted_then():
    """A revision and a late report of the first week, both known in the third alone."""
    first, later = barometer_report("A", "high", 0, grade="A"), START.replace(day=START.day + 15)
    ledger = Ledger(
        (
            first,
            replace(first, id="B", state="low", known=later, published=later, supersedes="A"),
            barometer_report("C", "low", 1, grade="A"),
            barometer_report("D", "low", 0, grade="A", origin="late", known=later),
        )
    )
    scenario, settings = weather(), {"method": "reweight", "chains": 1, "draws": 1000}
    outlook = fc.forecast(scenario, ledger.known_at(START.replace(day=START.day + 20)), **settings)
    line = outlook.timeline_of("storm", "storm")
    known = fc.beliefs(outlook).posterior("storm").mean(("chain", "draw")).sel(state="storm")
    for step in range(outlook.now):
        day = scenario.timeline.last_day(step)
        then = fc.forecast(scenario, ledger.known_at(day), **settings)
        assert line[step].mean == pytest.approx(then.courses[0].now.mean, abs=5e-3)
        # With all that is known now the past looks otherwise.
        assert abs(line[step].mean - float(known[step])) > 0.02
    assert line[outlook.now].mean == pytest.approx(outlook.courses[0].now.mean, abs=1e-9)
