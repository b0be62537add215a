"""Evidence in the product: indicators, conflicts, numbers, tripwires and origins."""

from datetime import date, timedelta

import numpy as np
import pytest

import forecast as fc
from forecast.analysis.weighing import find_conflicts, stated_state
from forecast.estimate import quantity
from forecast.evidence.ledger import Evidence
from forecast.probabilities import union_probabilities
from forecast.reporting.document import Lines
from forecast.reporting.evidence_sections import tripwires_section
from forecast.reporting.report_text import statement_text
from forecast.reporting.status import indicator_status
from forecast.text import DASH
from tests.model.test_measured import wind_report, windy
from tests.reporting.made_forecasts import BASIS, evidence, problem


def test_indicators_follow_the_latest_event_and_not_the_latest_line():
    scenario, known = problem(), evidence()
    status = indicator_status("troops", scenario.variables["troops"], known)
    assert (status.latest.id, status.fired) == ("R5", True)
    without = indicator_status("talks", scenario.variables["talks"], known)
    assert (without.latest, without.fired) == (None, False)


def test_only_reports_that_disagree_within_a_step_are_flagged():
    [(indicator, step, reports)] = find_conflicts(problem(), evidence())
    assert (indicator, step, {report.id for report in reports}) == ("troops", 1, {"R2", "R3"})


def test_probability_of_a_tripwire_is_that_of_the_days_to_its_deadline(outlook):
    """Levels that exclude one another, each on one more day, and all of them at once."""
    levels = [("troops", state) for state in ("few", "many")]
    days = [outlook.as_of + timedelta(days=k) for k in range(1, 15)]
    unions = [levels, levels[:1], [("troops", each) for each in ("none", "few", "many")]]
    found = np.array([[e.mean for e in union_probabilities(outlook, unions, d)] for d in days])
    assert (np.diff(found, axis=0) > -1e-12).all()
    assert (found[:, 0] >= found[:, 1]).all()
    assert found[:, 2] == pytest.approx(1)
    [massing, deadline, on_a_day] = tripwires_section(outlook, fc.tripwires(outlook)).blocks[0].rows
    assert massing[-1] == DASH  # it has fired
    by_then = fc.probability(outlook, "talks", "held", by="2020-02-10")
    assert deadline[-1] == Lines(quantity(by_then), "by 10 February 2020")
    assert by_then.days == (outlook.as_of + timedelta(days=1), date(2020, 2, 10))
    in_step = fc.beliefs(outlook).posterior("talks", "2020-02-07").sel(state="held")
    assert on_a_day[-1] == Lines(quantity(fc.Estimate.of(in_step)), "on 7 February 2020")


@pytest.mark.parametrize(
    ("number", "exposure", "state"),
    [
        (0, None, "light"),
        (0, 700.0, "light"),
        (1, None, "light"),
        (2, None, "light"),
        (3, None, "strong"),
        (5, None, "strong"),
        (5, 70.0, "light"),
    ],
)
def test_a_number_counts_as_the_state_it_speaks_best_for(number, exposure, state):
    variable = windy("poisson").variables["wind"]
    report = wind_report("R1", number, exposure=exposure)
    assert stated_state(variable, report) == state
    shown = f"{number} gusts in {exposure or 7:g} days"
    assert statement_text(variable, report) == shown


def test_a_count_of_none_is_absence_however_low_the_rate():
    """Both rates are far below one; half a count is nearer to the higher one."""
    rates = {
        "light": {"between": (0.01, 0.1), "basis": BASIS},
        "strong": {"between": (1.0, 6.0), "basis": BASIS},
    }
    variable = windy("poisson").variables["wind"]
    rare = variable.measured.model_validate(variable.measured.model_dump() | {"rate": rates})
    rarely = variable.model_copy(update={"measured": rare})
    assert stated_state(rarely, wind_report("R1", 0)) == "light"
    assert stated_state(rarely, wind_report("R1", 1)) == "strong"


def test_a_report_on_numbers_shows_them():
    """From a count in a file to its row in the product."""
    scenario = windy("negative_binomial")
    known = Evidence(date(2020, 1, 23), (wind_report("R1", 12, 1), wind_report("R2", 0, 2)))
    outlook = fc.forecast(scenario, known, draws=60, tune=200, chains=2)
    written = fc.product(outlook, allow_unreliable=True).markdown
    assert "12 gusts in 7 days" in written
    assert "0 gusts in 7 days" in written


def test_every_count_of_origins_follows_one_rule(written, outlook):
    text = written.markdown
    assert text.count("1 stated origin, and 2 reports that state none and count as one") == 3
    assert "independent witness" not in text
