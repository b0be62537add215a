"""The model as PyMC sees it: every sampler against exact means, every backend against another.

A static network with one report has a likelihood that is linear in each judgement, so the
posterior means follow from the first two moments of the priors, and the report's probability
from a sum over two variables.
"""

from __future__ import annotations

import subprocess
import sys

import arviz as az
import numpy as np
import nutpie
import pymc as pm
import pytensor
import pytensor.tensor as pt
import pytest
from pymc.model.transform.optimization import freeze_dims_and_data
from pytensor.graph.replace import vectorize_graph

import forecast as fc
from forecast.evidence.sources import admiralty_grades
from forecast.model.builder import compile_tables
from forecast.model.operation import LogEvidence
from forecast.model.target import evaluate, log_posterior
from forecast.network import kernels
from forecast.network.slices import pack_circuits
from forecast.posterior import mcmc
from forecast.sampling import Sampling
from forecast.testing.networks import dynamic_case, static_case
from tests.enumeration import usual_statements
from tests.model.test_measured import FAMILIES, wind_report, windy
from tests.pages import DOCS, run_page
from tests.small import barometer_report, evidence, weather

QUIET = {"chains": 2, "cores": 1, "random_seed": 3, "progressbar": False, "quiet": True}
LOW, GRADE_B = 2, 1


@pytest.fixture(scope="module")
def model():
    """One report, "low", of grade B, on a static network."""
    return fc.build_model(weather(dynamic=False), evidence(barometer_report("R1", "low"), week=0))


def compile_gradient(model, mode):
    """Log-probability and its gradient by the names of the variables, compiled."""
    names = [value.name for value in model.continuous_value_vars]
    outputs = [model.logp(), *pytensor.grad(model.logp(), model.continuous_value_vars)]
    function = model.compile_fn(outputs, inputs=model.value_vars, mode=mode)
    return lambda point: dict(zip(["logp", *names], function(point), strict=True))


@pytest.fixture(scope="module")
def reported():
    """Two reports on a dynamic network, with log-probability and gradient, not compiled."""
    reports = [barometer_report("R1", "low"), barometer_report("R2", "falling", week=1)]
    model = fc.build_model(weather(), evidence(*reports))
    return model, compile_gradient(model, "FAST_COMPILE")


def shipped_model():
    problem = fc.load_scenario("iraq-2020")
    return fc.build_model(problem, fc.read_evidence("iraq-2020", problem).known_at("2020-01-23"))


@pytest.fixture(scope="module")
def prior():
    """A thousand draws of the prior, and of the report."""
    scenario = weather(dynamic=False)
    known = evidence(barometer_report("R1", "low"), week=0)
    return pm.sample_prior_predictive(1000, model=fc.build_model(scenario, known), random_seed=1)


def channel(accuracy):
    """P(statement | state), (state, statement, …)."""
    usual = usual_statements(weather(dynamic=False), "barometer")
    return np.array(
        [
            [accuracy * (s == stated) + (1 - accuracy) * usual[stated] for stated in range(3)]
            for s in range(3)
        ]
    )


def probability_of_statements(storm, rows, accuracy):
    """P(statement), (statement, …), from P(storm), the barometer's rows and the accuracy."""
    probability = np.array([1 - storm, storm])
    return np.einsum("s...,sb...,bw...->w...", probability, rows, channel(accuracy))


def exact_means():
    """Prior moments to posterior means given the one report: storm, P(low | storm), accuracy."""
    priors = compile_tables(weather(dynamic=False)).priors
    (a, b), rows = priors.probability[0], priors.rows[3]
    c, d = admiralty_grades()[GRADE_B].shape
    storm, accuracy = a / (a + b), c / (c + d)
    storm_2 = storm * (a + 1) / (a + b + 1)
    accuracy_2 = accuracy * (c + 1) / (c + d + 1)
    n = rows.sum(axis=1, keepdims=True)
    mean = rows / n
    with_low = mean[1] * (rows[1, LOW] + np.eye(3)[LOW]) / (n[1] + 1)

    def weight(probability, table, likelihood):
        return probability @ table @ likelihood

    probability, likelihood = np.array([1 - storm, storm]), channel(accuracy)[:, LOW]
    whole = weight(probability, mean, likelihood)
    wrong = (accuracy - accuracy_2) * usual_statements(weather(dynamic=False), "barometer")[LOW]
    right = accuracy_2 + wrong
    return {
        "storm": weight(np.array([storm - storm_2, storm_2]), mean, likelihood) / whole,
        "low": (
            weight(probability * [1, 0], mean, likelihood) * mean[1, LOW]
            + storm * with_low @ likelihood
        )
        / whole,
        "accuracy": weight(probability, mean, np.array([wrong, wrong, right])) / whole,
    }


def judged(group):
    """The same three numbers, draw by draw."""
    return {
        "storm": group["probability"][..., 0],
        "low": group["row_3"][..., 1, LOW],
        "accuracy": group["accuracy"][..., GRADE_B],
    }


def assert_exact(draws):
    means = exact_means()
    for name, values in judged(draws["posterior"]).items():
        error = float(az.mcse(values, method="mean"))
        assert error < 0.01
        assert abs(values.mean() - means[name]) < 4 * error, name


def test_nuts_of_the_compiled_density_gives_the_exact_means():
    """The density that `forecast` samples, which is that of the model: `test_target`."""
    settings = Sampling(draws=500, tune=400, chains=2, cores=1, random_seed=3)
    reported = evidence(barometer_report("R1", "low"), week=0)
    assert_exact(mcmc.sample_posterior(weather(dynamic=False), reported, settings))


@pytest.mark.slow
@pytest.mark.parametrize(
    "choice",
    [
        pytest.param({"compile_kwargs": {"mode": "FAST_COMPILE"}}, id="python"),
        pytest.param({"nuts_sampler": "pymc"}, id="pymc"),
        pytest.param({"nuts_sampler": "nutpie"}, id="nutpie"),
        pytest.param({"nuts_sampler": "nutpie", "backend": "jax"}, id="nutpie-jax"),
    ],
)
def test_nuts_gives_the_exact_means(model, choice):
    with model:
        assert_exact(pm.sample(500, tune=400, **choice, **QUIET))


@pytest.mark.slow
def test_nutpie_compiled_for_jax_with_gradients_of_jax(model):
    compiled = nutpie.compile_pymc_model(model, backend="jax", gradient_backend="jax")
    settings = {"draws": 400, "tune": 300, "chains": 2, "seed": 2, "progress_bar": False}
    one, two = (nutpie.sample(compiled, cores=cores, **settings) for cores in (1, 2))
    assert_exact(one)
    assert (one["posterior"]["probability"] == two["posterior"]["probability"]).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("step", "draws"), [(pm.Metropolis, 6000), (pm.Slice, 600), (pm.DEMetropolisZ, 10000)]
)
def test_steps_without_gradients_give_the_exact_means(model, step, draws):
    with model:
        assert_exact(pm.sample(draws, tune=1000, step=step(), **QUIET))


@pytest.mark.slow
def test_nuts_of_pymc_in_two_processes(model):
    """Started anew rather than forked: a fork of a process that has used JAX can hang."""
    settings = {**QUIET, "cores": 2, "mp_ctx": "spawn"}
    with model:
        assert_exact(pm.sample(500, tune=400, nuts_sampler="pymc", **settings))


@pytest.mark.slow
def test_sequential_monte_carlo_gives_the_exact_means_and_evidence(model):
    with model:
        draws = pm.sample_smc(2000, chains=2, cores=1, random_seed=1, progressbar=False)
    assert_exact(draws)
    priors = compile_tables(weather(dynamic=False)).priors
    storm = priors.probability[0, 0] / priors.probability[0].sum()
    rows = priors.rows[3] / priors.rows[3].sum(axis=1, keepdims=True)
    accuracy = admiralty_grades()[GRADE_B].shape[0] / sum(admiralty_grades()[GRADE_B].shape)
    [found] = {float(chain[-1]) for chain in draws["sample_stats"]["log_marginal_likelihood"][:1]}
    assert found == pytest.approx(
        np.log(probability_of_statements(storm, rows, accuracy)[LOW]), abs=0.1
    )


def statement_probabilities(group):
    """P(statement | judgements), (statement, chain, draw)."""
    values = {name: draws.to_numpy() for name, draws in group.items()}
    rows = np.moveaxis(values["row_3"], (2, 3), (0, 1))
    return probability_of_statements(
        values["probability"][..., 0], rows, values["accuracy"][..., GRADE_B]
    )


def assert_drawn_with(stated, probability):
    n = stated.size
    for state in range(3):
        p = probability[state].mean()
        assert abs((stated == state).mean() - p) < 4 * np.sqrt(p * (1 - p) / n)


def test_prior_predictive_draws_have_the_exact_probabilities(prior):
    assert_drawn_with(prior["prior_predictive"]["report"], statement_probabilities(prior["prior"]))


def test_posterior_predictive_draws_have_the_exact_probabilities(model, prior):
    with model:
        drawn = pm.sample_posterior_predictive(
            prior["prior"].to_dataset(), random_seed=1, progressbar=False
        )
    stated = drawn["posterior_predictive"]["report"]
    assert stated.shape == (1, 1000, 1)
    assert_drawn_with(stated, statement_probabilities(prior["prior"]))


@pytest.mark.parametrize("mode", ["FAST_COMPILE", pytest.param("NUMBA", marks=pytest.mark.slow)])
def test_log_likelihood_is_one_exact_number_per_draw(model, prior, mode):
    draws = prior["prior"].to_dataset().isel(draw=slice(50))
    with model:
        found = pm.compute_log_likelihood(
            az.convert_to_datatree(draws),
            extend_inferencedata=False,
            progressbar=False,
            compile_kwargs={"mode": mode},
        )
    np.testing.assert_allclose(
        found["report"], np.log(statement_probabilities(draws)[LOW]), rtol=1e-12
    )


def test_draws_of_single_variables(model):
    storm, stated = pm.draw([model["probability"], model["report"]], 5, random_seed=1)
    assert storm.shape == (5, 1)
    assert stated.shape == (5, 1)
    assert set(stated.ravel()) <= {0, 1, 2}


@pytest.mark.slow
def test_the_most_probable_point_is_flat(model):
    """Most probable as a density of the judgements, so without the Jacobian."""
    with model:
        found = pm.find_MAP(progressbar=False, jitter=False, return_inferencedata=True)
    start = model.initial_point()
    names = [variable.name for variable in model.value_vars]
    ends = np.cumsum([start[name].size for name in names])
    parts = np.split(found["fit"]["mean_vector"].to_numpy(), ends[:-1])
    best = {name: part.reshape(start[name].shape) for name, part in zip(names, parts, strict=True)}
    slope = model.compile_dlogp(jacobian=False)
    assert np.abs(slope(start)).max() > 0.1
    assert np.abs(slope(best)).max() < 1e-3


def test_every_free_variable_has_named_dims():
    model = shipped_model()
    assert {"probability", "positive", "accuracy"} < {variable.name for variable in model.free_RVs}
    shapes = model.eval_rv_shapes()
    for variable in model.free_RVs:
        names = [model.coords[dim] for dim in model.named_vars_to_dims[variable.name]]
        assert tuple(map(len, names)) == shapes[variable.name]
        assert all(len(set(labels)) == len(labels) for labels in names)


def test_the_graph_shows_every_variable(model):
    text = pm.model_to_mermaid(model)
    assert all(f"{name}([{name} ~" in text for name in ("probability", "row_3", "accuracy"))
    graph = pm.model_graph.ModelGraph(model)
    shown = {each.var.name for plate in graph.get_plates() for each in plate.variables}
    assert shown == {"probability", "row_3", "accuracy", "report"}
    assert model.coords["report_id"] == ("R1",)


def random_point(model, rng):
    return {
        name: value + rng.normal(0, 0.7, value.shape)
        for name, value in model.initial_point().items()
    }


def assert_agree(model, one, other):
    """Log-probability and gradient of two backends, at random points."""
    rng = np.random.default_rng(4)
    for _ in range(5):
        point = random_point(model, rng)
        expected, found = one(point), other(point)
        assert expected.keys() == found.keys()
        for name, value in expected.items():
            scale = np.abs(value).max()
            np.testing.assert_allclose(found[name], value, rtol=1e-10, atol=1e-10 * scale)


def compile_for_jax(model):
    return compile_gradient(freeze_dims_and_data(model), "JAX")


def test_jax_and_python_agree(reported):
    model, python = reported
    assert_agree(model, python, compile_for_jax(model))


@pytest.mark.slow
def test_numba_and_python_agree(reported):
    model, python = reported
    assert_agree(model, python, compile_gradient(model, "NUMBA"))


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_jax_and_numba_agree_on_numbers(family):
    reports = (wind_report("R1", 4), wind_report("R2", 7, 1), barometer_report("R3", "low", 2))
    model = fc.build_model(windy(family), evidence(*reports))
    assert_agree(model, compile_gradient(model, "NUMBA"), compile_for_jax(model))


@pytest.mark.slow
def test_jax_and_numba_agree_on_the_shipped_scenario():
    model = shipped_model()
    assert_agree(model, compile_gradient(model, "NUMBA"), compile_for_jax(model))


def test_jax_transformations_that_numpyro_and_blackjax_use(reported):
    import jax
    from pymc.sampling.jax import get_jaxified_logp

    model, python = reported
    batched = jax.jit(jax.vmap(jax.value_and_grad(get_jaxified_logp(model))))
    rng = np.random.default_rng(5)
    points = [random_point(model, rng) for _ in range(3)]
    names = [value.name for value in model.value_vars]
    values, gradient = batched([np.stack([point[name] for point in points]) for name in names])
    for k, point in enumerate(points):
        expected = python(point)
        assert values[k] == pytest.approx(expected["logp"], rel=1e-12)
        for name, part in zip(names, gradient, strict=True):
            np.testing.assert_allclose(part[k], expected[name], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("make", [static_case, dynamic_case])
@pytest.mark.parametrize("seed", range(3))
def test_jax_derivatives_forwards_and_backwards(make, seed):
    import jax

    from forecast.model.operation_jax import evaluate as log_evidence

    case = make(seed, zeros=True)
    packed = pack_circuits(case.network, (), len(case.log_like))
    total, by_theta, by_evidence = evaluate(case.theta, case.log_like, packed)

    def function(theta, log_like):
        return 3 * log_evidence(theta, log_like, packed)[0]

    assert jax.jit(function)(case.theta, case.log_like) == pytest.approx(3 * total, rel=1e-14)
    gradient = jax.grad(function, argnums=(0, 1))(case.theta, case.log_like)
    np.testing.assert_allclose(gradient[0], 3 * by_theta, rtol=1e-14)
    np.testing.assert_allclose(gradient[1], 3 * by_evidence, rtol=1e-14)
    direction = np.random.default_rng(seed).normal(size=case.theta.shape)
    _, change = jax.jvp(lambda theta: function(theta, case.log_like), (case.theta,), (direction,))
    assert change == pytest.approx(3 * by_theta @ direction, rel=1e-12)
    with pytest.raises(ValueError, match="callbacks do not support"):
        jax.hessian(function)(case.theta, case.log_like)


@pytest.mark.parametrize("mode", ["FAST_COMPILE", "JAX"])
def test_graphs_with_the_operation_can_be_vectorised(mode):
    case = dynamic_case(1)
    packed = pack_circuits(case.network, (), len(case.log_like))
    theta, thetas = pt.dvector(), pt.dmatrix()
    log_z = LogEvidence()(theta, case.log_like, packed)[0]
    graphs = vectorize_graph([log_z, pytensor.grad(log_z, theta)], {theta: thetas})
    many = np.stack([case.theta, 1.1 * case.theta])
    found, gradient = pytensor.function([thetas], graphs, mode=mode)(many)
    for k, one in enumerate(many):
        expected, expected_gradient, _ = evaluate(one, case.log_like, packed)
        assert found[k] == pytest.approx(float(expected), rel=1e-14)
        np.testing.assert_allclose(gradient[k], expected_gradient, rtol=1e-14)


def test_the_numba_road_never_loads_jax():
    code = (
        "import sys; from tests.small import weather, evidence; import forecast as fc;"
        "fc.build_model(weather(), evidence()).logp(); print('jax' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


def test_new_evidence_never_recompiles():
    """More reports, fewer, none, another scenario with numbers: one compiled loop."""
    scenario = weather(horizon=35)
    reports = [barometer_report(f"R{k}", "low", week=k, grade="ABCD"[k]) for k in range(4)]
    quick = Sampling(draws=100, tune=100, chains=2, random_seed=8)
    first = mcmc.sample_posterior(scenario, evidence(*reports[:1], week=0), quick)
    before = kernels.sweep.signatures, log_posterior.signatures
    assert len(log_posterior.signatures) == 1
    for known in (evidence(), evidence(*reports, week=4)):
        found = mcmc.sample_posterior(scenario, known, quick)
        assert not (found["posterior"]["probability"] == first["posterior"]["probability"]).any()
    mcmc.sample_posterior(windy("normal"), evidence(wind_report("R1", 4)), quick)
    assert (kernels.sweep.signatures, log_posterior.signatures) == before


@pytest.mark.slow
def test_the_page_on_pymc_runs(tmp_path):
    names = run_page(DOCS / "pymc.md", tmp_path)
    assert names["first_probability"].shape == (2, 500)
    lifted, plain = (names[run]["posterior"]["probability"].mean() for run in ("lifted", "draws"))
    assert lifted != plain
    assert names["cases"]["observed_data"]["past_cases"] == 3
