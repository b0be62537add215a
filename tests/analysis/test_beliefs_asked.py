"""What asks a forecast, asked of beliefs: of networks from files, with evidence set."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import forecast as fc
from forecast.evidence.ledger import Ledger
from tests.api_fuzz import untouched_forecast
from tests.small import barometer_report, weather

GRASS = fc.TabledNetwork(
    "grass",
    variables={"rain": ("no", "yes"), "grass": ("dry", "damp", "wet")},
    parents={"grass": ("rain",)},
    tables={"rain": [0.8, 0.2], "grass": [[0.7, 0.2, 0.1], [0.1, 0.2, 0.7]]},
    concentration={"rain": 20, "grass": [30, np.inf]},
)


def rain_if_wet(rain, wet_if_dry):
    """P(rain=yes | grass=wet) by Bayes' rule."""
    return rain * 0.7 / (rain * 0.7 + (1 - rain) * wet_if_dry)


@pytest.fixture(scope="module")
def wet():
    return GRASS.beliefs(draws=4000).set_evidence({"grass": "wet"})


def test_evidence_set_weighs_in_every_comparison(wet):
    """Against draws of the same tables, weighed by hand."""
    no, yes, wet_if_no, wet_if_yes = wet.theta[[0, 1, 4, 7]]
    weight = no * wet_if_no + yes * wet_if_yes
    rain = yes * wet_if_yes / weight
    found = fc.probability(wet, "rain", "yes")
    assert found.mean == pytest.approx(np.average(rain, weights=weight), abs=1e-12)
    above = np.average(rain > 0.6, weights=weight)
    assert fc.probability_above(wet, "rain", "yes", above=0.6) == pytest.approx(above, abs=1e-12)
    more = np.average(rain > 0.5, weights=weight)
    assert fc.likelier(wet, ("rain", "yes"), ("rain", "no")) == pytest.approx(more, abs=1e-12)
    ranks = fc.ranks(wet, "rain")
    assert list(ranks.index) == ["rain=yes", "rain=no"]
    assert ranks.to_numpy() == pytest.approx(np.array([[more, 1 - more], [1 - more, more]]))
    assert abs(above - (rain > 0.6).mean()) > 0.01, "weights make a difference"


def test_a_network_rests_on_the_cells_of_its_uncertain_rows(wet):
    table = fc.sensitivity(wet, "rain", "yes")
    assert set(table.index) == {
        "rain: no",
        *(f"grass | rain=no: {s}" for s in ("dry", "damp", "wet")),
    }
    weights = np.exp(wet.log_weights.to_numpy()[0])
    no, *row = np.average(wet.theta[[0, 2, 3, 4]], axis=1, weights=weights)
    for end, tail in (("low", 0.05), ("high", 0.95)):
        p = stats.beta.ppf(tail, 16, 4)
        assert table.loc["rain: no", end] == pytest.approx(p)
        moved = rain_if_wet(1 - p, row[2])
        assert table.loc["rain: no", f"at_{end}"] == pytest.approx(moved, abs=1e-10)
        p = stats.beta.ppf(tail, 21, 9)
        moved = rain_if_wet(1 - no, row[2] * (1 - p) / (1 - row[0]))
        assert table.loc["grass | rain=no: dry", f"at_{end}"] == pytest.approx(moved, abs=1e-10)
    assert table["share"].iloc[0] > 0.4
    assert "What rain=yes rests on" in repr(table)


def test_beliefs_of_a_forecast_answer_by_day_as_it_does():
    evidence = Ledger((barometer_report("R1", "low"),)).known_at("2020-01-23")
    given = untouched_forecast(weather(), evidence)
    asked = fc.beliefs(given)
    for by in (None, "2020-01-25", "2020-02-03"):
        one, other = (fc.probability(each, "storm", "storm", by=by) for each in (given, asked))
        # A forecast's answers come of the whole network, those of beliefs of what matters to them.
        ends = (other.mean, other.lower, other.upper)
        assert (one.mean, one.lower, one.upper) == pytest.approx(ends, abs=1e-14)
        assert (one.days, one.condition) == (other.days, other.condition)
        both = (fc.ranks(each, "storm", by=by) for each in (asked, given))
        pd.testing.assert_frame_equal(*both, rtol=0, atol=1e-12)
    both = (fc.sensitivity(each, "storm", "storm") for each in (asked, given))
    pd.testing.assert_frame_equal(*both, rtol=1e-9)
    low = asked.set_evidence({"barometer": "low"})
    week = low.at_least_once([("storm", "storm")], stop="2020-01-24").isel(time=-1)
    found = fc.probability(low, "storm", "storm", by="2020-01-30")
    assert found.mean == pytest.approx(week.mean().item(), abs=1e-12)
    assert [str(day) for day in found.days] == ["2020-01-24", "2020-01-30"]


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda b: fc.probability(b, "rain", "yes", by="2020-01-31"), "no dates ahead"),
        (lambda b: fc.probability(b, "rain", "heavy"), "heavy"),
        (lambda b: fc.probability(b, "rian", "yes"), "did you mean 'rain'"),
        (lambda b: fc.ranks(b), "name the variable"),
        (lambda b: fc.ranks(b, "rian"), "did you mean 'rain'"),
        (lambda b: fc.sensitivity(fc.Beliefs.of(b.network, b.theta), "rain", "yes"), "as arrays"),
        (lambda b: fc.sensitivity(EXACT.beliefs(draws=1), "rain", "yes"), "with_concentration"),
        (lambda b: fc.product(b), "needs a Forecast"),
    ],
)
def test_what_makes_no_sense_is_said(wet, ask, words):
    with pytest.raises(fc.InputError, match=words):
        ask(wet)


EXACT = fc.TabledNetwork("rain", {"rain": ("no", "yes")}, tables={"rain": [0.8, 0.2]})
