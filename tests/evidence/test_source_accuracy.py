"""Sources that a scenario grades are believed one by one, those that it does not list together."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import forecast as fc
from forecast.evidence.sources import accuracy_index, trust_in
from forecast.posterior.mcmc import beliefs_under
from tests.enumeration import usual_statements
from tests.harbour import random_parameters
from tests.small import barometer_report, evidence, rows, weather

B = trust_in(weather()).accuracy[1].shape


def coast(**sources):
    """A barometer that is known to stand high, and sources as given."""
    scenario = weather().model_dump()
    known = {"exactly": {"high": 1.0, "falling": 0.0, "low": 0.0}}
    scenario["variables"]["barometer"]["table"] = rows(
        ({"storm": "calm"}, known), ({"storm": "storm"}, known)
    )
    scenario["sources"] = {k: {"title": k, **source} for k, source in sources.items()}
    return fc.Scenario.model_validate(scenario)


def refuted_keeper():
    """Six reports of the keeper that are wrong, and one of the courier that is right."""
    wrong = [barometer_report(f"W{k}", "low", k) for k in range(6)]
    right = replace(barometer_report("R", "high", 0), source="courier")
    return evidence(*wrong, right, week=5)


def log_evidence(scenario, reports, by_number):
    """Log-evidence where accuracies have the values given by number, (draw,)."""
    [n] = {len(values) for values in by_number.values()}
    parameters = random_parameters(np.random.default_rng(1), scenario)
    parameters = {name: np.repeat(values, n, axis=-1) for name, values in parameters.items()}
    for number, values in by_number.items():
        parameters["accuracy"][number] = values
    return beliefs_under(scenario, reports, parameters, n_steps=6).log_evidence().to_numpy()[0]


def test_refutations_of_one_source_leave_another_of_its_grade_alone():
    """The keeper becomes Beta(a, b + 6), as conjugacy says; the courier stays as it was."""
    scenario = coast(keeper={"reliability": "B"}, courier={"reliability": "B"})
    reports = refuted_keeper()
    keeper, courier = (accuracy_index(scenario, reports.reports[k]) for k in (0, 6))
    assert (keeper, courier) == (6, 7)
    rng = np.random.default_rng(2)
    a, b = rng.uniform(0.05, 0.95, (2, 50))
    found = log_evidence(scenario, reports, {keeper: a, courier: b})
    usual = usual_statements(scenario, "barometer")
    expected = 6 * np.log((1 - a) * usual[2]) + np.log(b + (1 - b) * usual[0])
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_sources_that_are_not_listed_share_the_accuracy_of_their_grade():
    scenario, reports = coast(), refuted_keeper()
    shared = np.linspace(0.05, 0.95, 50)
    found = log_evidence(scenario, reports, {1: shared})
    usual = usual_statements(scenario, "barometer")
    expected = 6 * np.log((1 - shared) * usual[2]) + np.log(shared + (1 - shared) * usual[0])
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_a_source_with_the_name_of_a_grade_is_not_that_grade():
    """Two wrong statements of one origin, by somebody of grade B, beside a source called B."""
    scenario, shared = coast(B={"reliability": "A"}), np.linspace(0.05, 0.95, 50)
    wrong = (barometer_report(f"W{k}", "low", k, origin="wire") for k in range(2))
    found = log_evidence(scenario, evidence(*wrong, week=5), {1: shared, 6: shared[::-1]})
    usual = usual_statements(scenario, "barometer")
    np.testing.assert_allclose(found, np.log((1 - shared) * usual[2] ** 2), rtol=1e-10)


def test_a_report_of_another_grade_has_the_accuracy_of_that():
    scenario = coast(keeper={"reliability": "B"}, courier={"reliability": "B"})
    report = barometer_report("R", "low", grade="D")
    assert accuracy_index(scenario, report) == "ABCDEF".index("D")


def test_a_record_takes_the_place_of_every_grade():
    record = {"probability": (0.5, 0.7), "basis": "judgement: made for a test"}
    scenario = coast(keeper={"reliability": "B", "record": record})
    own = [accuracy_index(scenario, barometer_report("R", "low", grade=g)) for g in "BD"]
    assert own == [6, 6]
    assert trust_in(scenario).accuracy[6].mean == pytest.approx(0.6, abs=0.01)


def test_a_forecast_learns_of_each_source_what_its_own_reports_say():
    """Means of weighed draws of the prior, against Beta(a, b + 6) and a quadrature."""
    scenario = coast(keeper={"reliability": "B"}, courier={"reliability": "B"})
    outlook = fc.forecast(scenario, refuted_keeper(), draws=5_000, chains=2, method="reweight")
    found = {each.name: each for each in fc.weigh_evidence(outlook).accuracies}
    assert found["keeper"].sources == ("keeper",)
    x = np.linspace(0.0005, 0.9995, 1_000)
    weight = stats.beta(*B).pdf(x) * (x + (1 - x) * usual_statements(scenario, "barometer")[0])
    assert found["keeper"].found.mean == pytest.approx(B[0] / (sum(B) + 6), abs=0.01)
    assert found["courier"].found.mean == pytest.approx(weight @ x / weight.sum(), abs=0.005)
