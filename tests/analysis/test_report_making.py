"""What a forecast makes of reports and of silence, against what each reading gives by itself."""

import numpy as np
import pytest

import forecast as fc
from forecast.analysis.information import divergence
from forecast.analysis.report_making import DRAWS
from forecast.evidence.profiles import regardless_of_reporting
from tests.evidence.test_reporting_profiles import LASTING, at_end_of, harm, report

TABLE_ROWS = [
    ({"storm": "calm"}, {"exactly": {"none": 0.9, "wounded": 0.06, "killed": 0.04}}),
    ({"storm": "storm"}, {"exactly": {"none": 0.3, "wounded": 0.4, "killed": 0.3}}),
]


@pytest.fixture(scope="module")
def readings():
    """A course that never changes: wounded were reported in the first week, nothing since."""
    scenario = harm(TABLE_ROWS, kind="event", reporting="overt", course=LASTING)
    evidence = at_end_of(3, report("R", "wounded"))
    settings = {"draws": DRAWS, "chains": 1, "random_seed": 5, "progressbar": False}
    given = fc.forecast(scenario, evidence, method="reweight", **settings)
    settings["draws"] = 1000
    plain = fc.forecast(regardless_of_reporting(scenario), evidence, method="reweight", **settings)
    return given, plain, fc.weigh_reporting(given)


def test_every_reading_is_what_it_says(readings):
    given, plain, found = readings
    storm, union = found
    assert storm.course == "storm=storm"
    assert storm.prior.mean == pytest.approx(0.2, abs=1e-12)
    assert storm.found.mean == pytest.approx(given.probability_within(storm.course).mean)
    expected = plain.probability_within(storm.course).mean
    assert storm.regardless.mean == pytest.approx(expected, rel=0.02)
    assert storm.found.mean < storm.without_silence.mean - 0.2
    assert union.found.mean == pytest.approx(storm.found.mean)
    assert found.trusted
    [level] = found.levels
    assert level.prior.lower == pytest.approx(0.25)
    assert level.found.mean < level.prior.mean


def test_bits_are_what_the_evidence_tells_of_a_course(readings):
    *_, found = readings
    for each in found:
        p, q = each.found.mean, each.prior.mean
        assert each.bits == pytest.approx(divergence(p, q))
        assert each.bits == pytest.approx(p * np.log2(p / q) + (1 - p) * np.log2((1 - p) / (1 - q)))
    assert "Without silence" in repr(found)
