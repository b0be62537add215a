"""Groups that ArviZ asks for, against sums over all that may be and closed forms."""

from dataclasses import replace

import arviz as az
import numpy as np
import pytest

import forecast as fc
from forecast.posterior.mcmc import beliefs_under, stack_draws
from tests.api_fuzz import untouched_forecast
from tests.enumeration import sum_over_everything
from tests.harbour import harbour, random_evidence
from tests.model.test_measured import evidence as measured
from tests.model.test_measured import wind_report, windy
from tests.model.test_pymc import GRADE_B, LOW, channel, probability_of_statements
from tests.small import barometer_report, evidence, weather

STEPS, HIGH = 3, 0


@pytest.fixture(scope="module")
def plain():
    """One report on a static network, under draws of the prior."""
    known = evidence(barometer_report("R1", "low"), week=0)
    return untouched_forecast(weather(dynamic=False), known, draws=4000)


def statement_probabilities(group):
    """P(statement | judgements), (statement, draw)."""
    rows = np.moveaxis(group["row_3"].to_numpy()[0], (1, 2), (0, 1))
    storm = group["probability"].to_numpy()[0, :, 0]
    accuracy = group["accuracy"].to_numpy()[0, :, GRADE_B]
    return probability_of_statements(storm, rows, accuracy)


def test_likelihood_of_each_report_given_the_others_is_a_ratio_of_sums():
    """Without copies, watches and conflicts of date, a report that is left out leaves no trace."""
    scenario = harbour(channels=1, watches=False)
    rng = np.random.default_rng(4)
    known = random_evidence(rng, scenario, 3, STEPS)
    known = replace(known, reports=tuple(replace(each, origin="") for each in known.reports))
    given = untouched_forecast(scenario, known, draws=4)
    found = fc.to_datatree(given, "log_likelihood")["log_likelihood"]["report"]
    assert found["report_id"].to_numpy().tolist() == [each.id for each in known.reports]
    posterior = given.posterior["posterior"].to_dataset()
    parameters = stack_draws(posterior, posterior.data_vars)
    for draw in range(2):
        one = {name: values[..., draw : draw + 1] for name, values in parameters.items()}
        whole = sum_over_everything(scenario, known, one, STEPS).log_evidence
        for report in known.reports:
            rest = replace(known, reports=tuple(r for r in known.reports if r is not report))
            ratio = whole - sum_over_everything(scenario, rest, one, STEPS).log_evidence
            assert found[0, draw].sel(report_id=report.id).item() == pytest.approx(ratio, abs=1e-9)


def test_a_count_with_an_exposure_has_the_likelihood_that_it_adds():
    scenario = windy("poisson")
    known = measured(wind_report("R1", 4, 0, exposure=14.0), barometer_report("R2", "low", week=1))
    given = untouched_forecast(scenario, known, draws=4)
    found = fc.to_datatree(given, "log_likelihood")["log_likelihood"]["report"]
    posterior = given.posterior["posterior"].to_dataset()
    parameters = stack_draws(posterior, posterior.data_vars)
    rest = replace(known, reports=known.reports[1:])
    whole, without = (
        beliefs_under(scenario, each, parameters).log_evidence().to_numpy()
        for each in (known, rest)
    )
    np.testing.assert_allclose(found.sel(report_id="R1"), whole - without, rtol=1e-9)


def test_what_a_report_may_say_has_probability_one_whatever_else_is_known():
    """Not reading a report is no silence: where somebody watches, probabilities still add up."""
    scenario = harbour(channels=1)
    others = (barometer_report("R2", "falling", week=1), barometer_report("R3", "low"))
    total = 0.0
    for state in scenario.variables["barometer"].states:
        known = evidence(replace(barometer_report("R1", state), source="pilot"), *others)
        given = untouched_forecast(scenario, known, draws=5)
        tree = fc.to_datatree(given, "log_likelihood")
        total += np.exp(tree["log_likelihood"]["report"].sel(report_id="R1").to_numpy())
    np.testing.assert_allclose(total, 1.0, rtol=1e-10)


def test_the_likelihood_of_a_single_report_is_that_of_its_word(plain):
    tree = fc.to_datatree(plain, "log_likelihood")
    found = tree["log_likelihood"]["report"][0, :, 0]
    np.testing.assert_allclose(
        found, np.log(statement_probabilities(tree["posterior"])[LOW]), rtol=1e-12
    )


def test_loo_leaves_out_one_of_two_reports_that_depend_on_each_other():
    """Both speak of one barometer: by a sum over its states, and averages over the prior."""
    known = evidence(barometer_report("R1", "low"), barometer_report("R2", "high"), week=0)
    prior = untouched_forecast(weather(dynamic=False), known, draws=8000)
    tree = fc.to_datatree(prior, "log_likelihood")
    group = tree["posterior"]
    storm = group["probability"].to_numpy()[0, :, 0]
    likelihood = channel(group["accuracy"].to_numpy()[0, :, GRADE_B])
    state = np.einsum("sd,dsb->bd", [1 - storm, storm], group["row_3"].to_numpy()[0])
    both = (state * likelihood[:, LOW] * likelihood[:, HIGH]).sum(axis=0)
    alone = np.stack(
        [(state * likelihood[:, number]).sum(axis=0) for number in (HIGH, LOW)], axis=-1
    )
    found = tree["log_likelihood"]["report"][0]
    np.testing.assert_allclose(found, np.log(both[:, None] / alone), rtol=1e-10)
    exact = np.log(both.mean() / alone.mean(axis=0))
    # The posterior, from draws of the prior that weigh by both reports.
    chosen = np.random.default_rng(1).choice(8000, 8000, p=both / both.sum())
    for name in ("posterior", "log_likelihood"):
        picked = tree[name].to_dataset().isel(draw=chosen)
        tree[name] = picked.assign_coords(draw=range(8000))
    assert az.loo(tree, pointwise=True).elpd_i.to_numpy() == pytest.approx(exact, abs=0.05)


@pytest.mark.parametrize("under", ["prior", "posterior"])
def test_predicted_reports_have_the_exact_probabilities(plain, under):
    predicted = f"{under}_predictive"
    tree = fc.to_datatree(plain, ["prior", predicted], draws=4000, random_seed=3)
    drawn, probabilities = (
        tree[predicted]["report"].sel(report_id="R1"),
        statement_probabilities(tree[under]),
    )
    for number in range(3):
        p = probabilities[number].mean()
        assert abs(float((drawn == number).mean()) - p) < 4 * np.sqrt(p * (1 - p) / 4000)
    again = fc.to_datatree(plain, predicted, draws=4000, random_seed=3)
    assert (again[predicted]["report"] == tree[predicted]["report"]).all()


def test_observed_data_say_what_reports_say(plain):
    found = fc.to_datatree(plain, "observed_data")["observed_data"]["report"]
    assert found.sel(report_id="R1").item() == LOW
    assert found["indicator"].item() == "barometer"


def test_tables_are_selected_by_variable_and_state(plain):
    found = fc.to_datatree(plain, "tables")["tables"]["probability"]
    low = found.sel(variable="barometer").sel(state="low")
    assert low["parents"].to_numpy().tolist() == ["storm=calm", "storm=storm"]
    row = plain.posterior["posterior"]["row_3"].sel(row_3_judgement="barometer | storm=storm")
    assert (found.sel(cell="barometer=low | storm=storm") == row[..., LOW]).all()
    assert len(az.summary(fc.to_datatree(plain, "tables"), group="tables")) == 2 + 2 * 3
    known = evidence(barometer_report("R1", "low"))
    moving = fc.to_datatree(untouched_forecast(weather(), known), "tables")["tables"]
    labels = moving["cell"].to_numpy().tolist()
    assert len(set(labels)) == len(labels)
    assert "storm=storm | previous storm=calm (later)" in labels


def test_an_unknown_group_is_named(plain):
    with pytest.raises(fc.InputError, match="did you mean 'log_likelihood'"):
        fc.to_datatree(plain, "log_likelyhood")


def test_no_report_no_likelihood():
    tree = fc.to_datatree(untouched_forecast(weather(), evidence(), draws=4), draws=4)
    assert tree["log_likelihood"]["report"].shape == (1, 4, 0)
    assert tree["posterior_predictive"]["report"].shape == (1, 4, 0)


def test_copies_that_add_nothing_are_not_in_the_likelihood():
    copies = [barometer_report(name, "low", origin="keeper") for name in ("R1", "R2")]
    known = evidence(*copies, barometer_report("R3", "high"))
    tree = fc.to_datatree(untouched_forecast(weather(), known, draws=200))
    assert tree["log_likelihood"]["report_id"].to_numpy().tolist() == ["R3"]
    assert tree["observed_data"]["report_id"].size == 3
