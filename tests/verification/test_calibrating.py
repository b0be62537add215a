"""Calibration in simulated worlds: a right scenario passes, and wrong ones are caught."""

import numpy as np
import pytest
from scipy.optimize import minimize

import forecast as fc
from forecast.errors import InputError
from forecast.scenario.scenario import Scenario
from forecast.verification.questions import Questions
from tests.small import BASIS, weather
from tests.verification.test_questions import day, question

SCENARIO = weather(horizon=14)
SETTINGS = {"draws": 300, "steps": 4, "progressbar": False}


def changed(change):
    body = SCENARIO.model_dump(by_alias=True)
    change(body)
    return Scenario.model_validate(body)


def common(body):
    """Storms brew three times as often."""
    for move in body["variables"]["storm"]["transition"]["moves"]:
        if move["from"] == "calm":
            move["probability"] = (0.5, 0.8)


def vague(body):
    """The barometer tells next to nothing of a storm."""
    calm, storm = body["variables"]["barometer"]["table"]["rows"]
    calm["concentration"] = {"high": 9.0, "falling": 6.0, "low": 5.0}
    storm["concentration"] = {"high": 8.0, "falling": 6.0, "low": 6.0}


def controlled(body):
    """Whoever reports wants a storm to be believed in."""
    body["channels"] = {
        "feed": {
            "label": "A feed",
            "sources": ("press",),
            "controlled": (0.8, 0.95),
            "shows": {"barometer": {"low": 0.9}},
            "basis": BASIS,
        }
    }


def alarming(body):
    """Only a low barometer is reported, as a rule, or falsely so."""
    body["reporting"] = None
    body["variables"]["barometer"]["reporting"] = {
        "reported": {"high": (0.005, 0.02), "falling": (0.05, 0.2), "low": (0.8, 0.95)},
        "false_alarms": (0.05, 0.2),
        "basis": BASIS,
    }


@pytest.fixture(scope="module")
def right():
    # What a step adds is spread over its days, so a window that cuts steps is tried as well.
    asked = question({"at_least_once": [{"storm": "storm"}]}, day(4), day(5, 2))
    return fc.calibrate(SCENARIO, 40, Questions((asked,)), **SETTINGS)


def test_a_right_scenario_is_calibrated(right):
    assert right.failures == ()
    assert (right.n, right.left_out) == (40, 0)
    assert "Calibrated." in str(right)
    assert set(right.by_kind["kind"]) == {"states", "courses", "questions"}
    assert 0.85 < right.judgement_coverage < 0.95
    assert len(right.reliability.probability) > 10
    ranks = right.tree["prior_sbc"].to_dataset()
    assert ranks["rank"].sizes == {"chain": 1, "draw": 40, "quantity": 6}
    assert ranks["judgement_rank"].sizes["draw"] == 40


@pytest.mark.parametrize("change", [common, vague, controlled, alarming])
def test_a_wrong_scenario_is_caught(change):
    found = fc.calibrate(SCENARIO, 50, worlds=changed(change), **SETTINGS)
    assert found.failures
    assert "Not calibrated" in str(found)
    assert found.judgement_ranks.empty  # its judgements are not those of the worlds


def test_reports_that_are_made_because_of_what_happens_are_read_as_they_are_made():
    found = fc.calibrate(changed(alarming), 50, **SETTINGS)
    assert found.failures == ()


@pytest.mark.slow
def test_right_scenarios_are_seldom_called_wrong():
    settings = SETTINGS | {"draws": 600}
    called = [
        bool(fc.calibrate(SCENARIO, 200, random_seed=k, **settings).failures) for k in range(20)
    ]
    assert sum(called) <= 2


def test_what_cannot_be_calibrated_is_refused():
    other = fc.load_scenario("veyra-fleet")
    for arguments, message in (
        ({"worlds": other}, "does not have the same states"),
        ({"n": 0}, "n: 0"),
        ({"draws": 3}, "draws: 3"),
        ({"steps": 10**5}, "at most 1000"),
    ):
        with pytest.raises(InputError, match=message):
            fc.calibrate(SCENARIO, **(SETTINGS | arguments))


def simulated(seed, n=4000, slope=0.7, intercept=0.3):
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 1.5, n)
    p = 1 / (1 + np.exp(-odds))
    y = rng.random(n) < 1 / (1 + np.exp(-(intercept + slope * odds)))
    return p, y.astype(float)


def test_the_calibration_line_is_the_likeliest():
    p, y = simulated(1)
    odds = np.log(p) - np.log1p(-p)

    def loss(at):
        z = at[0] + at[1] * odds
        return (np.logaddexp(0, z) - y * z).sum()

    best = minimize(loss, [0, 1], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    line = fc.calibration_line(p, y)
    assert [line.intercept, line.slope] == pytest.approx(best.x, abs=1e-6)
    assert abs(line.slope - 0.7) < 4 * line.slope_se
    assert abs(line.intercept - 0.3) < 4 * line.intercept_se


def test_standard_errors_of_the_line_are_the_spread_over_records():
    lines = [fc.calibration_line(*simulated(seed, 500)) for seed in range(200)]
    for name in ("slope", "intercept"):
        spread = np.std([getattr(line, name) for line in lines])
        stated = np.mean([getattr(line, f"{name}_se") for line in lines])
        assert stated == pytest.approx(spread, rel=0.2)  # the spread of a spread of 200 is 5 %
    p, y = simulated(3, 500)
    one, four = (
        fc.calibration_line(p, y),
        fc.calibration_line(*(np.tile(each, 4) for each in (p, y))),
    )
    copies = np.tile(np.arange(500), 4)
    clustered = fc.calibration_line(np.tile(p, 4), np.tile(y, 4), copies)
    assert four.slope_se == pytest.approx(one.slope_se / 2, rel=1e-9)
    assert clustered.slope_se == pytest.approx(one.slope_se, rel=1e-9)


def test_no_line_where_there_is_none():
    for p, y in (([0.2, 0.8], [0, 1]), ([0.3, 0.3, 0.3], [0, 1, 0]), ([0.2, 0.8], [1, 1])):
        assert np.isnan(fc.calibration_line(p, y).slope)
    with pytest.raises(InputError, match="clusters"):
        fc.calibration_line([0.2, 0.8], [0, 1], [1])


def test_spiegelhalter_z_is_standard_normal_if_calibrated():
    rng = np.random.default_rng(5)
    p = rng.beta(1, 2, (2000, 300))
    y = (rng.random(p.shape) < p).astype(float)
    z = np.array([fc.spiegelhalter_z(*each) for each in zip(p, y, strict=True)])
    assert abs(z.mean()) < 4 / np.sqrt(2000)
    assert z.std() == pytest.approx(1, abs=4 / np.sqrt(4000))
    # Every forecast three times: the copies say nothing new.
    tripled = [
        fc.spiegelhalter_z(*(np.tile(e, 3) for e in each), np.tile(range(300), 3))
        for each in zip(p[:300], y[:300], strict=True)
    ]
    assert np.std(tripled) == pytest.approx(1, abs=0.17)
    hand = (0.1 * (1 - 1.8) + 0.6 * (1 - 0.8)) / np.sqrt(0.64 * 0.09 + 0.04 * 0.24)
    assert fc.spiegelhalter_z([0.9, 0.4], [1, 1]) == pytest.approx(hand, abs=1e-12)
    assert np.isnan(fc.spiegelhalter_z([0.5, 0.5], [0, 1]))
