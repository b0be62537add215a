"""How improbable reports were, against forecasts made before each of them came."""

from dataclasses import replace
from math import log2

import numpy as np
import pytest

import forecast as fc
from forecast import outlook as home
from forecast.analysis.surprises import _mixture
from forecast.evidence.ledger import Evidence
from forecast.model.builder import compile_tables
from forecast.posterior.mcmc import beliefs_under
from forecast.posterior.prior import draw_priors
from tests.small import barometer_report, evidence, weather

QUICK = {"method": "reweight", "chains": 1, "draws": 200}
SEED = 20200123


def marginal(scenario, reports, day, draws=500):
    """Probability of reports over the prior, by their definition."""
    parameters = draw_priors(compile_tables(scenario).priors, draws, SEED)
    found = beliefs_under(scenario, Evidence(day, tuple(reports)), parameters)
    return np.exp(found.log_evidence().to_numpy()).mean()


def test_a_surprise_is_what_a_forecast_of_that_day_would_have_predicted():
    scenario = weather()
    reports = [barometer_report(f"R{k}", s, k) for k, s in enumerate(("high", "low", "low"))]
    found = fc.surprise(fc.forecast(scenario, evidence(*reports), **QUICK))
    assert [each.report for each in found.reports] == ["R0", "R1", "R2"]
    for k, each in enumerate(found.reports):
        day = reports[k].known
        could = [
            marginal(scenario, [*reports[:k], replace(reports[k], state=state)], day)
            for state in ("high", "falling", "low")
        ]
        shares = np.array(could) / sum(could)
        expected = shares[("high", "falling", "low").index(reports[k].state)]
        assert each.probability == pytest.approx(expected, rel=1e-9)
        assert each.bits == pytest.approx(-log2(expected), rel=1e-9)
        assert each.expected == pytest.approx(-(shares @ np.log2(shares)), rel=1e-9)
        # Before a report, all that it could say is as probable as that it comes at all.
        assert sum(could) == pytest.approx(marginal(scenario, reports[:k], day), rel=1e-9)


def test_draws_of_prior_and_fit_together_have_the_density_of_their_mixture():
    """A normal prior and its posterior, whose probability of the data is known."""
    random = np.random.default_rng(0)
    prior, fitted = random.normal(size=4000), random.normal(1.0, np.sqrt(0.5), size=4000)
    logs = [-((2.0 - x) ** 2) / 2 for x in (prior, fitted)]
    whole = -1.0 - np.log(2) / 2  # of 2 under a normal of variance 2, but for the constant
    density = _mixture(logs)
    expected = [np.log(0.5 + 0.5 * np.exp(each - whole)) for each in logs]
    for one, other in zip(density, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=0.03)


def test_a_fit_predicts_as_the_prior_does():
    reports = [barometer_report(f"R{k}", s, k) for k, s in enumerate(("high", "low", "low"))]
    outlook = fc.forecast(weather(), evidence(*reports), **(QUICK | {"draws": 2000}))
    weight = outlook.weights.weight
    chosen = np.random.default_rng(0).choice(weight.size, weight.size, p=weight / weight.sum())
    fit = replace(outlook.fit.select(chosen), evidence=outlook.evidence)
    fitted = home.Forecast(
        outlook.scenario, outlook.evidence, outlook.posterior, outlook.sampling, fit
    )
    one, other = (fc.surprise(each, draws=2000) for each in (outlook, fitted))
    for a, b in zip(one.reports, other.reports, strict=True):
        assert a.probability == pytest.approx(b.probability, abs=0.01)


def apart(k, state):
    return barometer_report(f"R{k}", state, k % 3, grade="A", origin=f"o{k}")


def test_reports_that_the_model_does_not_expect_conflict_with_it():
    """Grade A, week by week: high, then low, then high; against what is common."""
    strange = [apart(k, "low" if k % 2 else "high") for k in range(12)]
    usual = [apart(k, "high") for k in range(4)]
    there, here = (
        fc.surprise(fc.forecast(weather(), evidence(*each), **QUICK)) for each in (strange, usual)
    )
    assert there.score > 2 > here.score
    assert "conflict" in str(there)
    assert "agree" in str(here)


def test_a_count_with_its_exposure_has_an_expected_surprise():
    scenario = fc.load_scenario("ombara-outbreak")
    reports = fc.read_evidence("ombara-outbreak", scenario).known_at(scenario.as_of).observations
    counts = tuple(each for each in reports if each.exposure is not None)[:1]
    given = Evidence(scenario.as_of, counts)
    outlook = fc.forecast(scenario, given, method="reweight", chains=1, draws=20)
    [found] = fc.surprise(outlook, draws=20).reports
    assert found.probability is None
    assert 0 < found.expected < log2(len(scenario.variables[counts[0].indicator].states)) + 1e-9
