"""Draws that are weighed, moved or sampled anew give one answer, whatever the evidence."""

from collections import Counter

import numpy as np
import pytest

import forecast as fc
from forecast.fitting import moved_forecast
from forecast.outlook import _printed
from forecast.posterior.diagnostics import diagnose
from tests.small import barometer_report, evidence, weather

STREAMS = 30
ERRORS = 4
SETTINGS = {"draws": 500, "tune": 500, "progressbar": False}


def numbers(outlook):
    """What is printed, and the Monte Carlo error of each number."""
    values, chained = _printed(outlook), outlook.fit.evidence is not None
    errors = [
        diagnose(
            values[[k]], outlook.weights, method=outlook.fit.method, chained=chained, divergences=0
        ).mcse
        for k in range(len(values))
    ]
    return np.array([outlook.estimate(each).mean for each in values]), np.array(errors)


def agreed(start, given):
    """Methods that pass their own checks; each is held to what NUTS says."""
    sampled = fc.update(start, given, method="nuts")
    weighed = fc.update(start, given, method="reweight")
    moved = moved_forecast(start.fit, given, start.sampling)
    exact, error = numbers(sampled)
    passed = [each for each in (weighed, moved) if each and not each.diagnostics.failures]
    for each in passed:
        found, own = numbers(each)
        far = np.abs(found - exact) > ERRORS * np.hypot(error, own) + 1e-12
        assert not far.any(), (each.diagnostics.method, found[far], exact[far], error[far])
    return [each.diagnostics.method for each in passed]


def test_every_method_gives_one_answer_of_a_small_scenario():
    start = fc.forecast(weather(), evidence(), method="reweight", **SETTINGS)
    for seed in range(2):
        random = np.random.default_rng(seed)
        reports = (
            barometer_report(f"R{k}", str(random.choice(["low", "high"])), int(random.integers(3)))
            for k in range(4)
        )
        assert set(agreed(start, evidence(*reports))) == {"reweight", "move"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["veyra-fleet", "ombara-outbreak", "iraq-2020"])
def test_every_method_gives_one_answer_of_a_shipped_scenario(name):
    """Streams of some of its reports, each by chance."""
    problem = fc.load_scenario(name)
    whole = fc.read_evidence(name, problem).known_at(problem.as_of)
    nothing = fc.Evidence(problem.as_of)
    start = fc.forecast(problem, nothing, method="reweight", **SETTINGS)
    methods = Counter[str]()
    for seed in range(STREAMS):
        random = np.random.default_rng(seed)
        share = random.uniform(0.2, 0.9)
        reports = tuple(report for report in whole if random.random() < share)
        methods.update(agreed(start, fc.Evidence(problem.as_of, reports)))
    assert methods["reweight"]
    assert methods["move"] > STREAMS / 2
