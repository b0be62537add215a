"""Forecasts: the sampler against conjugate answers, and the laws of updating."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

import forecast as fc
from forecast.errors import InputError, UnreliableFit
from forecast.network.sweep import sweep
from forecast.scenario.warning import ANY_DANGEROUS
from tests.small import barometer_report, evidence, rows, state_log_likelihoods, weather

QUICK = {"draws": 400, "tune": 300, "chains": 2, "random_seed": 5}


@pytest.fixture(scope="module")
def day1():
    """The weather after one report."""
    return fc.forecast(weather(), evidence(barometer_report("R1", "low")), **QUICK)


@pytest.fixture(scope="module")
def day2(day1):
    """The weather after two."""
    reports = [barometer_report("R1", "low"), barometer_report("R2", "falling", week=1)]
    return fc.update(day1, evidence(*reports))


def storm_draws(outlook):
    return outlook.posterior["forecast"]["probability"].sel(variable_state="storm=storm").to_numpy()


@pytest.mark.slow
def test_complete_observations_give_the_conjugate_posterior():
    """Counts of a fully observed three-state variable: Dirichlet plus counts, exactly.

    By `pm.sample`, a minute in Python; `test_learning` asks the same of the density that
    `forecast` samples.
    """
    import arviz as az
    import pymc as pm
    import pytensor.tensor as pt

    from forecast.model.builder import compile_tables
    from forecast.model.operation import LogEvidence
    from forecast.network.slices import pack_circuits

    prior = np.array([2.0, 3.0, 1.5])
    scenario = weather()
    body = scenario.model_dump()
    table = rows(({}, {"concentration": dict(zip(("high", "falling", "low"), prior, strict=True))}))
    body["variables"] = {"barometer": {**body["variables"]["barometer"], "table": table}}
    body["variables"]["barometer"]["speaks_to"] = ()
    program = compile_tables(type(scenario).model_validate(body))
    seen = np.array([0] * 7 + [1] * 4 + [2] * 9)
    log_like = np.where(np.arange(3) == seen[:, None], 0.0, -np.inf)
    with pm.Model():
        row = pm.Dirichlet("row_3", program.priors.rows[3])
        theta = row.ravel()[program.expressions.order]
        elimination = pack_circuits(program.network, (), len(log_like))
        pm.Potential("evidence", LogEvidence()(theta, pt.constant(log_like), elimination)[0])
        draws = pm.sample(
            draws=500,
            tune=300,
            chains=2,
            cores=1,
            random_seed=3,
            progressbar=False,
            quiet=True,
            compile_kwargs={"mode": "FAST_COMPILE"},
        )
    sampled = draws["posterior"]["row_3"][:, :, 0]
    alpha = prior + np.bincount(seen)
    mean = alpha / alpha.sum()
    sd = np.sqrt(mean * (1 - mean) / (alpha.sum() + 1))
    for k in range(3):
        values = sampled[:, :, k]
        assert abs(values.mean() - mean[k]) < 4 * float(az.mcse(values, method="mean"))
        assert abs(values.std() - sd[k]) < 4 * float(az.mcse(values, method="sd"))


def test_update_leaves_the_old_forecast_as_it_was(day1):
    before = storm_draws(day1).copy()
    fc.update(day1, evidence(barometer_report("R1", "high")))
    assert (storm_draws(day1) == before).all()
    assert [report.id for report in day1.evidence] == ["R1"]


def test_same_seed_same_numbers(day1):
    again = fc.forecast(day1.scenario, day1.evidence, **QUICK)
    assert (storm_draws(again) == storm_draws(day1)).all()
    assert again.courses == day1.courses


def test_a_withdrawn_report_leaves_no_trace(day1, day2):
    assert (storm_draws(fc.retract(day2, "R2")) == storm_draws(day1)).all()


def test_evidence_moves_the_forecast_the_right_way(day1):
    calm = fc.update(day1, evidence(barometer_report("R1", "high")))
    assert calm.state_probability("storm", "storm", 0).mean < 0.15
    assert day1.state_probability("storm", "storm", 0).mean > 0.3


def test_importance_weights_of_the_prior_give_the_same_answer(day2):
    """An independent road: draws of the prior, each weighted by its exact likelihood."""
    from forecast.evidence.likelihood import tabulate_reports
    from forecast.model.builder import compile_tables

    rng = np.random.default_rng(11)
    n = 20_000
    program = compile_tables(day2.scenario)
    priors = program.priors
    probability = rng.beta(*priors.probability.T[..., None], size=(len(priors.probability), n))
    row_3 = np.stack([rng.dirichlet(alpha, n).T for alpha in priors.rows[3]])
    from forecast.evidence.sources import admiralty_grades

    accuracy = np.stack([rng.beta(*grade.shape, n) for grade in admiralty_grades()])
    theta = program.cells({"probability": probability, "row_3": row_3})
    table = tabulate_reports(day2.scenario, day2.evidence, 3)
    log_like = state_log_likelihoods(day2.scenario, table, accuracy)
    swept = sweep(program.network, theta, log_like, "filtered")
    weights = np.exp(swept.log_evidence - swept.log_evidence.max())
    weights /= weights.sum()
    storm = swept.marginals[2, 1]
    mean = (weights * storm).sum()
    error = np.sqrt((weights**2 * (storm - mean) ** 2).sum())
    sampled = day2.state_probability("storm", "storm", 2).mean
    spread = storm_draws(day2)[..., 2].std() / np.sqrt(200)
    assert abs(sampled - mean) < 4 * np.hypot(error, spread)


def test_probability_by_a_date_matches_the_stored_curve(day2):
    within = fc.probability(day2, "storm", "storm", by=day2.horizon)
    assert within.mean == pytest.approx(day2.probability_within("storm=storm").mean, abs=1e-12)
    assert day2.any_dangerous.mean == pytest.approx(within.mean, abs=1e-12)


def test_cumulative_probability_never_falls(day2):
    curve = [estimate.mean for estimate in day2.cumulative(ANY_DANGEROUS)]
    assert curve == sorted(curve)
    assert len(curve) == 4


def test_intervals_hold_their_mean(day2):
    for course in day2.courses:
        for estimate in (course.now, course.within, course.average):
            assert 0 <= estimate.lower <= estimate.mean <= estimate.upper <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("strom", "storm"), "did you mean 'storm'"),
        (("storm", "strom"), "is not a state of storm"),
    ],
)
def test_unknown_names_are_named(day1, arguments, message):
    with pytest.raises(InputError, match=message):
        fc.probability(day1, *arguments)


@pytest.mark.parametrize("by", ["2020-01-01", "2021-01-01", "soon"])
def test_dates_outside_the_horizon_are_refused(day1, by):
    with pytest.raises(InputError):
        fc.probability(day1, "storm", "storm", by=by)


def test_a_static_problem_has_one_step():
    outlook = fc.forecast(
        weather(dynamic=False), evidence(barometer_report("R1", "low"), week=0), **QUICK
    )
    [storm] = outlook.courses
    assert storm.now == storm.average
    assert storm.within.mean == pytest.approx(storm.now.mean, abs=1e-12)
    assert outlook.horizon is None


def test_the_future_of_no_evidence_is_the_prior():
    """Without reports the sampled forecast is the mean of the prior's own chain."""
    outlook = fc.forecast(weather(), evidence(), **QUICK)
    storm = outlook.state_probability("storm", "storm", 0)
    assert storm.mean == pytest.approx(0.155, abs=0.02)


def test_a_bad_fit_refuses_to_print():
    outlook = fc.forecast(
        weather(),
        evidence(barometer_report("R1", "low")),
        draws=20,
        tune=20,
        chains=2,
        random_seed=1,
    )
    assert outlook.diagnostics.failures
    with pytest.raises(UnreliableFit, match="effective sample size"):
        fc.product(outlook)
    forced = fc.product(outlook, allow_unreliable=True)
    assert forced.markdown.index("effective sample size") < forced.markdown.index("Key takeaway")


def test_the_model_is_ordinary():
    import pymc as pm

    model = fc.build_model(weather(), evidence(barometer_report("R1", "low")))
    assert {rv.name for rv in model.free_RVs} == {"probability", "row_3", "accuracy"}
    assert [rv.name for rv in model.observed_RVs] == ["report"]
    prior = pm.sample_prior_predictive(draws=20, model=model, random_seed=1)
    assert prior["prior_predictive"]["report"].shape == (1, 20, 1)
    few = {"draws": 5, "tune": 5, "chains": 1, "cores": 1, "random_seed": 1}
    python = {"compile_kwargs": {"mode": "FAST_COMPILE"}, "compute_convergence_checks": False}
    drawn = pm.sample(model=model, progressbar=False, quiet=True, **few, **python)
    assert drawn["posterior"]["row_3"].shape == (1, 5, 2, 3)
    assert np.isfinite(drawn["sample_stats"]["lp"]).all()


def test_copies_of_a_claim_are_drawn_alike():
    import pymc as pm

    copies = [barometer_report(f"R{k}", "low", grade="CB"[k % 2], origin="o") for k in range(3)]
    model = fc.build_model(weather(), evidence(*copies))
    prior = pm.sample_prior_predictive(draws=60, model=model, random_seed=1)
    reported = prior["prior_predictive"]["report"].to_numpy()
    assert (reported == reported[..., :1]).all()
    assert len(np.unique(reported)) == 3


def test_a_date_within_the_week_of_the_as_of_date_can_be_asked(day1):
    midweek = replace(day1.evidence, as_of=day1.as_of - timedelta(days=3))
    outlook = fc.update(day1, midweek)
    first, last = (day1.as_of + timedelta(days=days) for days in (-2, 0))
    early, late = (fc.probability(outlook, "storm", "storm", by=day) for day in (first, last))
    assert early.mean < late.mean < outlook.any_dangerous.mean
    assert early.days == (first, first)
    assert str(late).endswith(", 2020-01-21 to 2020-01-23")
    assert late.mean == pytest.approx(
        outlook.probability_within("storm=storm", last).mean, abs=1e-12
    )
    with pytest.raises(InputError, match="outside the days ahead, 2020-01-21 to 2020-02-20"):
        fc.probability(outlook, "storm", "storm", by=midweek.as_of)


def test_fewer_draws_ask_the_same_questions(day2):
    thin = fc.beliefs(day2, draws=50)
    whole = fc.beliefs(day2)
    assert thin.shape == (2, 50)
    some = whole.posterior("storm").isel(draw=slice(None, None, 8)).to_numpy()
    assert thin.posterior("storm").to_numpy() == pytest.approx(some, abs=1e-14)


def test_sampling_that_cannot_be_is_refused_before_anything_is_done():
    with pytest.raises(InputError) as caught:
        fc.forecast(weather(), evidence(), draws=0, tune=-1, chains=0, random_seed=-1)
    assert [problem.where for problem in caught.value.problems] == [
        "draws", "tune", "chains", "random_seed",
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"chains: 1\.5"):
        fc.forecast(weather(), evidence(), chains=1.5)
