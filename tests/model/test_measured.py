"""Reports of counts and real numbers, whose distribution depends on a hidden state."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pymc as pm
import pytest
from scipy import stats

import forecast as fc
from forecast.errors import InputError
from forecast.evidence.likelihood import tabulate_reports
from forecast.evidence.notation import LARGEST_NUMBER
from forecast.evidence.report import Report
from forecast.evidence.report_files import read_evidence
from forecast.evidence.sources import admiralty_grades
from forecast.model.builder import compile_tables
from forecast.model.model import build_model
from forecast.model.report_likelihood import log_likelihoods, report_data
from forecast.network.sweep import sweep
from forecast.posterior.mcmc import beliefs_under
from forecast.posterior.prior import draw_priors
from forecast.scenario.scenario import Scenario
from forecast.scenario.scenario_checks import find_problems
from forecast.testing.networks import enumerate_answer
from tests.enumeration import usual_statements
from tests.gradients import assert_gradient_is_differences
from tests.small import (
    BASIS,
    START,
    barometer_report,
    evidence,
    probability,
    rows,
    state_log_likelihoods,
    weather,
)

FAMILIES = ("poisson", "negative_binomial", "normal", "student_t")


def between(lower, upper):
    return {"between": (lower, upper), "basis": BASIS}


def measured(family):
    """Gusts in a week, or a pressure, that differ with the wind."""
    if family in ("poisson", "negative_binomial"):
        return {
            "family": family,
            "unit": "gusts",
            "per": 7.0,
            "rate": {"light": between(0.5, 2.0), "strong": between(3.0, 8.0)},
            "dispersion": between(1.0, 10.0) if family == "negative_binomial" else None,
        }
    return {
        "family": family,
        "unit": "hPa",
        "mean": {"light": between(-1.0, 1.0), "strong": between(-8.0, -2.0)},
        "sd": {"light": between(0.5, 2.0), "strong": between(1.0, 4.0)},
        "degrees": 4.0 if family == "student_t" else None,
    }


def windy(family, **changes):
    """A storm that may brew, and a wind that is measured."""
    scenario = weather().model_dump()
    scenario["variables"]["wind"] = {
        "role": "indicator",
        "label": "Wind",
        "states": ("light", "strong"),
        "table": rows(
            ({"storm": "calm"}, probability(strong=(0.05, 0.2))),
            ({"storm": "storm"}, probability(strong=(0.5, 0.9))),
        ),
        "measured": measured(family) | changes,
    }
    return Scenario.model_validate(scenario)


def wind_report(name, number, week=0, **more):
    day = START + timedelta(days=7 * week)
    return Report(
        id=name,
        indicator="wind",
        state="",
        event_start=day,
        event_end=day,
        published=day,
        known=day,
        source="mast",
        **{"reliability": "B", "number": float(number)} | more,
    )


def parameters_of(program, seed=0):
    """One draw of every judgement, as the priors have it."""
    rng = np.random.default_rng(seed)
    priors = program.priors
    return {
        "probability": rng.beta(*priors.probability.T),
        "row_3": np.array([rng.dirichlet(alpha) for alpha in priors.rows[3]]),
        "positive": np.exp(rng.normal(*priors.positive.T)),
        "accuracy": np.array([rng.beta(*grade.shape) for grade in admiralty_grades()]),
    } | ({"real": rng.normal(*priors.real.T)} if len(priors.real) else {})


def density(family, judged, number, state, exposure=1.0):
    """The density by SciPy; judgements lie in the order light, strong, then what is shared."""
    positive = judged["positive"]
    if family == "poisson":
        return stats.poisson.logpmf(number, positive[state] * exposure)
    if family == "negative_binomial":
        mean, k = positive[state] * exposure, positive[2]
        return stats.nbinom.logpmf(number, k, k / (k + mean))
    mean, sd = judged["real"][state], positive[state]
    if family == "normal":
        return stats.norm.logpdf(number, mean, sd)
    return stats.t.logpdf(number, 4, mean, sd)


def reported_log_likelihood(family, a, densities, grade="B"):
    """Log-likelihood of each state through a source of accuracy a and of a grade."""
    astray = np.logaddexp(*(np.log(usual_statements(windy(family), "wind", grade)) + densities))
    return np.logaddexp(np.log(a) + densities, np.log1p(-a) + astray)


def likelihood_of(family, judged, *reports):
    """Log-likelihoods of the wind's states, (step, state)."""
    scenario = windy(family)
    program = compile_tables(scenario)
    table = tabulate_reports(scenario, evidence(*reports), 3)
    found = state_log_likelihoods(scenario, table, **judged)
    return found[:, program.network.states("wind")]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("number", [0, 3, 40, 5000])
def test_a_number_weighs_as_its_density(family, number):
    judged = parameters_of(compile_tables(windy(family)))
    found = likelihood_of(family, judged, wind_report("R1", number, 1))
    expected = reported_log_likelihood(
        family, judged["accuracy"][1], [density(family, judged, number, s) for s in (0, 1)]
    )
    assert found[1] == pytest.approx(expected, rel=1e-9)
    assert (found[[0, 2]] == 0).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_number_at_the_limit_leaves_probabilities(family):
    scenario, number = windy(family), float(LARGEST_NUMBER)
    parameters = draw_priors(compile_tables(scenario).priors, 20, random_seed=1)
    reports = [wind_report(f"R{k}", number, k) for k in (0, 1, 2)]
    found = beliefs_under(scenario, evidence(*reports), parameters)
    for states in (found.posterior("wind"), found.posterior("storm", view="smoothed")):
        assert ((states >= 0) & (states <= 1)).all()
        np.testing.assert_allclose(states.sum("state"), 1, rtol=1e-9)
    ever = found.at_least_once([("storm", "storm")], found.times[0]).to_numpy()
    now = found.posterior("storm", view="smoothed").to_numpy()[..., 1]
    assert (ever >= np.maximum.accumulate(now, axis=-1) - 1e-9).all()
    assert (ever <= np.cumsum(now, axis=-1) + 1e-9).all()


def test_sampling_at_the_limit_refuses_steps_and_no_forecast():
    """On the way to such a number a sampler tries tables whose scales round to 0."""
    known = evidence(wind_report("R1", float(LARGEST_NUMBER), 1))
    sampling = {"draws": 50, "tune": 50, "chains": 1, "random_seed": 0}
    drawn = fc.forecast(windy("negative_binomial"), known, **sampling).posterior["posterior"]
    assert all(np.isfinite(values).all() for values in drawn.data_vars.values())


@pytest.mark.parametrize("family", ["poisson", "negative_binomial"])
def test_exposure_multiplies_the_rate(family):
    judged = parameters_of(compile_tables(windy(family)), 1)
    found = likelihood_of(family, judged, wind_report("R1", 9, 1, exposure=21.0))
    expected = reported_log_likelihood(
        family, judged["accuracy"][1], [density(family, judged, 9, s, 3.0) for s in (0, 1)]
    )
    assert found[1] == pytest.approx(expected, rel=1e-10)


def test_copies_of_one_origin_count_once_and_versions_are_averaged():
    family, judged = "poisson", parameters_of(compile_tables(windy("poisson")), 2)
    once = likelihood_of(family, judged, wind_report("R0", 5, origin="mast"))
    copies = [wind_report(f"R{k}", 5, origin="mast") for k in range(100)]
    assert likelihood_of(family, judged, *copies) == pytest.approx(once, rel=1e-12)
    two = [wind_report("R1", 5, origin="mast"), wind_report("R2", 9, origin="mast")]
    a = judged["accuracy"][1]
    parts = [
        reported_log_likelihood(family, a, [density(family, judged, n, s) for s in (0, 1)])
        for n in (5, 9)
    ]
    mixed = likelihood_of(family, judged, *two)[0]
    assert mixed == pytest.approx(np.log(np.exp(parts).mean(axis=0)), rel=1e-10)
    apart = [replace(report, origin="") for report in two]
    assert likelihood_of(family, judged, *apart)[0] == pytest.approx(sum(parts), rel=1e-10)


def test_many_draws_equal_one_at_a_time():
    program = compile_tables(windy("student_t"))
    draws = [parameters_of(program, seed) for seed in range(4)]
    together = {name: np.stack([d[name] for d in draws], axis=-1) for name in draws[0]}
    reports = (wind_report("R1", -3), wind_report("R2", 1, 1))
    found = likelihood_of("student_t", together, *reports)
    for k, judged in enumerate(draws):
        alone = likelihood_of("student_t", judged, *reports)
        assert found[..., k] == pytest.approx(alone, rel=1e-12)


@pytest.fixture(scope="module", params=FAMILIES)
def model(request):
    reports = (
        wind_report("R1", 4, 0),
        wind_report("R2", 7, 1, reliability="D"),
        barometer_report("R3", "low", 2),
    )
    scenario = windy(request.param)
    return scenario, build_model(scenario, evidence(*reports)), evidence(*reports)


def test_model_evidence_equals_enumeration(model):
    """The whole model at random points, with densities of SciPy and a sum over all histories."""
    scenario, built, known = model
    [family] = {measure.family for measure in compile_tables(scenario).measures.values()}
    program = compile_tables(scenario)
    network = program.network
    values = built.compile_fn(
        built.replace_rvs_by_values(built.free_RVs), on_unused_input="ignore", mode="FAST_COMPILE"
    )
    logp = built.compile_logp(vars=[built["report"]], mode="FAST_COMPILE")
    rng = np.random.default_rng(4)
    start = built.initial_point()
    for _ in range(3):
        point = {name: value + rng.normal(0, 0.3, value.shape) for name, value in start.items()}
        judged = dict(zip([v.name for v in built.free_RVs], values(point), strict=True))
        accuracy = judged["accuracy"]
        like = np.zeros((3, network.n_states))
        for report, step in zip(known.reports[:2], (0, 1), strict=True):
            a = accuracy["ABCDEF".index(report.reliability)]
            densities = [density(family, judged, report.number, s) for s in (0, 1)]
            like[step, network.states("wind")] = reported_log_likelihood(
                family, a, densities, report.reliability
            )
        a = accuracy[1]
        like[2, network.states("barometer")] = np.log(
            a * np.eye(3)[2] + (1 - a) * usual_statements(scenario, "barometer")[2]
        )
        tables = {name: v for name, v in judged.items() if name != "accuracy"}
        answer = enumerate_answer(network, program.cells(tables), like)
        assert logp(point) == pytest.approx(answer.log_evidence, rel=1e-10)


def test_model_gradient_equals_differences(model):
    _, built, _ = model
    rng = np.random.default_rng(5)
    point = {k: v + rng.normal(0, 0.3, v.shape) for k, v in built.initial_point().items()}
    assert_gradient_is_differences(built, [point])


def test_prior_predictive_numbers_follow_the_model():
    """Mean of a count by the law of total expectation over wind, accuracy and rate."""
    scenario = windy("poisson")
    known = evidence(wind_report("R1", 1, 0, exposure=14.0))
    with build_model(scenario, known):
        drawn = pm.sample_prior_predictive(
            4000, random_seed=3, compile_kwargs={"mode": "FAST_COMPILE"}
        )
    count = drawn["prior_predictive"]["report"].to_numpy().ravel()
    assert (count == np.round(count)).all()
    prior = {name: v.to_numpy()[0] for name, v in drawn["prior"].data_vars.items()}
    program = compile_tables(scenario)
    judged = {name: np.moveaxis(v, 0, -1) for name, v in prior.items() if name != "accuracy"}
    network = program.network
    strong = sweep(network, program.cells(judged), network.no_evidence(1), "filtered").marginals
    p, a = strong[0, network.state("wind", "strong")], prior["accuracy"][:, 1]
    reported = a * p + (1 - a) * usual_statements(scenario, "wind")[1]
    mean = 2 * ((1 - reported) * judged["positive"][0] + reported * judged["positive"][1])
    assert abs(count.mean() - mean.mean()) < 4 * count.std() / np.sqrt(len(count))


def test_sampling_agrees_with_weighted_prior_draws():
    """An independent road to the posterior of a rate and of the storm."""
    scenario = windy("negative_binomial")
    known = evidence(*(wind_report(f"R{k}", n, k % 3) for k, n in enumerate((6, 5, 9))))
    outlook = fc.forecast(scenario, known, draws=500, tune=500, chains=2, random_seed=5)
    program = compile_tables(scenario)
    rng = np.random.default_rng(0)
    n, priors = 40_000, program.priors
    judged = {
        "probability": rng.beta(
            *priors.probability.T[..., None], size=(len(priors.probability), n)
        ),
        "row_3": np.stack([rng.dirichlet(alpha, n).T for alpha in priors.rows[3]]),
        "positive": np.exp(rng.normal(*priors.positive.T[..., None], size=(3, n))),
    }
    accuracy = np.stack([rng.beta(*grade.shape, n) for grade in admiralty_grades()])
    data = report_data(program, tabulate_reports(scenario, known, 3))
    like = log_likelihoods(data, judged | {"accuracy": accuracy})
    swept = sweep(program.network, program.cells(judged), like, "filtered")
    weight = np.exp(swept.log_evidence - swept.log_evidence.max())
    weight /= weight.sum()
    pairs = [
        (judged["positive"][1], outlook.posterior["posterior"]["positive"].to_numpy()[..., 1]),
        (
            swept.marginals[2, 1],
            outlook.posterior["forecast"]["probability"]
            .sel(variable_state="storm=storm")
            .isel(time=2)
            .to_numpy(),
        ),
    ]
    for exact, sampled in pairs:
        mean = weight @ exact
        error = np.sqrt((weight**2) @ (exact - mean) ** 2)
        spread = sampled.std() / np.sqrt(float(fc_ess(sampled)))
        assert abs(sampled.mean() - mean) < 4 * np.hypot(error, spread)


def fc_ess(draws):
    import arviz as az

    return az.ess(draws, method="mean")


def test_numbers_are_read_from_files(tmp_path):
    path = tmp_path / "reports.csv"
    path.write_text(
        "id,indicator,state,number,exposure,event_start,known,source\n"
        "R1,wind,,12,14,2020-01-05,2020-01-06,mast\n"
        "R2,wind,strong,,,2020-01-12,2020-01-12,mast\n"
    )
    first, second = read_evidence(path, windy("poisson"))
    assert (first.number, first.exposure, first.statement) == (12.0, 14.0, "12")
    assert (second.number, second.statement) == (None, "strong")


@pytest.mark.parametrize(
    ("family", "row", "message"),
    [
        ("poisson", "R1,wind,,2.5,", "2.5 is not a count"),
        ("poisson", "R1,wind,,-1,", "-1 is not a count"),
        ("poisson", "R1,wind,,1e300,", "is beyond ±1,000,000,000,000"),
        (
            "poisson",
            "R1,wind,,nan,",
            "is empty; only a withdrawal",
        ),  # a missing number, as exported
        ("poisson", "R1,wind,,inf,", "inf is not a finite number"),
        ("poisson", "R1,wind,,many,", "'many' is not a number"),
        ("poisson", "R1,wind,light,3,", "gives likelihoods; given are state and number"),
        ("poisson", "R1,wind,,3,0", "0 days; a count covers more than 0"),
        ("poisson", "R1,wind,light,,7", "belongs to a number, and there is no number"),
        ("normal", "R1,wind,,3,7", "only a count has days"),
        ("normal", "R1,barometer,,3,", "barometer is not measured; report one of high"),
        ("normal", "R1,wind,,,", "is empty; only a withdrawal"),
    ],
)
def test_bad_numbers_are_refused_by_row_and_column(tmp_path, family, row, message):
    path = tmp_path / "reports.csv"
    path.write_text(
        "id,indicator,state,number,exposure,event_start,known,source\n"
        f"{row},2020-01-05,2020-01-06,mast\n"
    )
    with pytest.raises(InputError, match=message) as caught:
        read_evidence(path, windy(family))
    assert "reports.csv:2: column" in str(caught.value)


@pytest.mark.parametrize(
    ("family", "changes", "message"),
    [
        ("poisson", {"dispersion": between(1, 2)}, "a poisson has no `dispersion`"),
        ("negative_binomial", {"dispersion": None}, "needs `dispersion`"),
        ("student_t", {"degrees": None}, "needs `degrees`"),
        ("poisson", {"rate": {"light": between(1, 2)}}, "nothing is given for strong"),
        (
            "poisson",
            {"rate": {"light": between(1, 2), "strong": between(3, 4), "strng": between(1, 2)}},
            "'strng' is not a state; did you mean 'strong'",
        ),
        (
            "poisson",
            {"rate": {"light": between(0, 2), "strong": between(3, 4)}},
            "needs 0 < lower < upper",
        ),
        (
            "poisson",
            {"rate": {"light": between(1e-300, 2), "strong": between(3, 4)}},
            "the upper at most 1,000,000 times the lower",
        ),
        ("student_t", {"degrees": 1e308}, "at most 1,000,000"),
        (
            "normal",
            {"mean": {"light": between(2, -2), "strong": between(3, 4)}},
            r"\[2, -2\]: needs lower < upper",
        ),
    ],
)
def test_bad_measures_are_refused(family, changes, message):
    import re

    found = [text for _, text in find_problems(windy(family, **changes))]
    assert any(re.search(message, text) for text in found), found
