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
TOGGLED = 3
"""Reports that one of a pair has and the other has not."""
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


def agreed(sampled, *others):
    """Methods that pass their own checks, each held to what NUTS says of the same evidence."""
    exact, error = numbers(sampled)
    passed = [each for each in others if each and not each.diagnostics.failures]
    for each in passed:
        found, own = numbers(each)
        far = np.abs(found - exact) > ERRORS * np.hypot(error, own) + 1e-12
        assert not far.any(), (each.diagnostics.method, found[far], exact[far], error[far])
    return [each.diagnostics.method for each in passed]


def of_prior_draws(start, given):
    """Draws of the prior, weighed and moved."""
    weighed = fc.update(start, given, method="reweight")
    return weighed, moved_forecast(start.fit, given, start.sampling)


def test_every_method_gives_one_answer_of_a_small_scenario():
    start = fc.forecast(weather(), evidence(), method="reweight", **SETTINGS)
    for seed in range(2):
        random = np.random.default_rng(seed)
        reports = (
            barometer_report(f"R{k}", str(random.choice(["low", "high"])), int(random.integers(3)))
            for k in range(4)
        )
        given = evidence(*reports)
        sampled = fc.update(start, given, method="nuts")
        assert set(agreed(sampled, *of_prior_draws(start, given))) == {"reweight", "move"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["veyra-fleet", "ombara-outbreak", "iraq-2020"])
def test_every_method_gives_one_answer_of_a_shipped_scenario(name):
    """Streams of some of its reports, in pairs that differ in a few, as an update does.

    Draws of the prior are weighed and moved to each stream, draws fitted to one of a pair are
    weighed for the other.
    """
    problem = fc.load_scenario(name)
    whole = fc.read_evidence(name, problem).known_at(problem.as_of)
    start = fc.forecast(problem, fc.Evidence(problem.as_of), method="reweight", **SETTINGS)
    methods, updates = Counter[str](), Counter[str]()
    for seed in range(STREAMS // 2):
        random = np.random.default_rng(seed)
        share = random.uniform(0.2, 0.9)
        one = {report.id for report in whole if random.random() < share}
        other = one ^ set(random.choice([report.id for report in whole], TOGGLED, replace=False))
        pair = [
            fc.Evidence(problem.as_of, tuple(report for report in whole if report.id in chosen))
            for chosen in (one, other)
        ]
        fitted = [fc.update(start, given, method="nuts") for given in pair]
        for sampled, near, given in zip(fitted, reversed(fitted), pair, strict=True):
            methods.update(agreed(sampled, *of_prior_draws(start, given)))
            updates.update(agreed(sampled, fc.update(near, given, method="reweight")))
    assert methods["move"] > STREAMS / 2
    assert updates["reweight"] > STREAMS / 2
