"""The density that nutpie explores is that of the PyMC model, and draws depend on nothing else."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import forecast as fc
from forecast.errors import InputError, UnreliableFit
from forecast.model.builder import compile_tables
from forecast.model.model import evidence_data
from forecast.model.target import (
    constrain,
    count_coordinates,
    log_posterior,
    make_target,
    prior_point,
    split_values,
)
from forecast.posterior.mcmc import require_all_draws, sample_posterior
from forecast.sampling import Sampling
from tests.model.test_measured import FAMILIES, wind_report, windy
from tests.small import barometer_report, evidence, weather

QUICK = Sampling(draws=50, tune=50, chains=2, random_seed=4)
CASES = {
    "reports": (
        weather(),
        evidence(barometer_report("R1", "low"), barometer_report("R2", "falling", week=1)),
    ),
    **{
        family: (
            windy(family),
            evidence(
                wind_report("R1", 4),
                wind_report("R2", 2, 1, upper=9.0),
                barometer_report("R3", "low", 2),
            ),
        )
        for family in FAMILIES
    },
}


def target_of(scenario, known):
    return make_target(compile_tables(scenario), evidence_data(scenario, known))


@pytest.mark.parametrize("case", CASES)
def test_density_and_gradient_are_those_of_the_model(case):
    scenario, known = CASES[case]
    target, model = target_of(scenario, known), fc.build_model(scenario, known)
    density, model_gradient = (
        make(mode="FAST_COMPILE") for make in (model.compile_logp, model.compile_dlogp)
    )
    start = model.initial_point()
    ends = np.cumsum([start[value.name].size for value in model.value_vars])
    rng = np.random.default_rng(3)
    for _ in range(3):
        point = prior_point(compile_tables(scenario).priors) + rng.normal(
            0, 0.7, count_coordinates(target)
        )
        parts = zip(model.value_vars, np.split(point, ends[:-1]), strict=True)
        named = {value.name: part.reshape(start[value.name].shape) for value, part in parts}
        found, gradient = log_posterior(point, target)
        assert found == pytest.approx(float(density(named)), rel=1e-12)
        np.testing.assert_allclose(gradient, model_gradient(named), rtol=1e-8, atol=1e-8)


def test_the_start_is_the_prior_mean():
    target, priors = target_of(*CASES["normal"]), compile_tables(CASES["normal"][0]).priors
    found = split_values(priors, constrain(prior_point(priors), target))
    assert found["probability"] == pytest.approx(
        priors.probability[:, 0] / priors.probability.sum(axis=1)
    )
    assert found["row_3"] == pytest.approx(priors.rows[3] / priors.rows[3].sum(1, keepdims=True))
    assert found["real"] == pytest.approx(priors.real[:, 0])


def digest_in_a_process(cache):
    """The last draws of a forecast, made by a process that keeps compiled code in a folder."""
    code = (
        "from tests.model.test_target import CASES, QUICK, sample_posterior;"
        "found = sample_posterior(*CASES['reports'], QUICK)['posterior']['probability'];"
        "print(found.to_numpy()[:, -1].tobytes().hex())"
    )
    settings = {"NUMBA_CACHE_DIR": str(cache / "numba")}
    settings["PYTENSOR_FLAGS"] = f"base_compiledir={cache / 'pytensor'}"
    run = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | settings,
    )
    return run.stdout.strip()


@pytest.mark.slow
def test_a_cold_cache_and_a_warm_one_give_the_same_draws(tmp_path):
    cold, warm = digest_in_a_process(tmp_path), digest_in_a_process(tmp_path)
    here = sample_posterior(*CASES["reports"], QUICK)["posterior"]["probability"].to_numpy()
    assert cold == warm == here[:, -1].tobytes().hex()


def test_sampling_asks_nothing_of_pytensor():
    code = (
        "import sys; from tests.small import weather, evidence;"
        "from forecast.sampling import Sampling;"
        "from forecast.posterior.mcmc import sample_posterior;"
        "sample_posterior(weather(), evidence(), Sampling(draws=4, tune=10, chains=1));"
        "print([name for name in ('pymc', 'pytensor') if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_the_number_of_cores_changes_nothing():
    one, two = (
        sample_posterior(*CASES["reports"], Sampling(50, 50, 2, 4, cores=cores)) for cores in (1, 2)
    )
    assert one["posterior"].equals(two["posterior"])


def test_a_trace_that_was_cut_short_is_refused():
    tree = sample_posterior(*CASES["reports"], QUICK)
    with pytest.raises(UnreliableFit, match="nothing is concluded from a part"):
        require_all_draws(tree, Sampling(draws=60, tune=50, chains=2))
    tree["posterior"]["probability"][1, -1] = np.nan
    with pytest.raises(UnreliableFit, match="before 2 chains of 50 draws"):
        require_all_draws(tree, QUICK)


def test_an_interrupt_is_an_interrupt_and_no_answer():
    code = (
        "import os, signal, threading; from tests.model.test_target import CASES, Sampling;"
        "from forecast.posterior.mcmc import sample_posterior;"
        # A background job of a shell starts with interrupts ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "sample_posterior(*CASES['reports'], Sampling(4, 10, 1));"
        "threading.Timer(1.5, os.kill, (os.getpid(), signal.SIGINT)).start();"
        "sample_posterior(*CASES['reports'], Sampling(1_000_000, 10, 1))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300
    )
    assert run.stderr.strip().endswith("KeyboardInterrupt")


def test_progress_is_shown_where_it_is_asked_for(capsys):
    sample_posterior(*CASES["reports"], replace(QUICK, progressbar=True))
    shown = capsys.readouterr().err
    for phase in ("tables: done", "compiled code: done", "sampling: done"):
        assert phase in shown
    sample_posterior(*CASES["reports"], QUICK)
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"random_seed": 2**64}, "at most 18446744073709551615"),
        ({"random_seed": 1.0}, "random_seed: 1.0; needs a whole number"),
        ({"cores": 0}, "cores: 0; needs a whole number"),
        ({"progressbar": "yes"}, "progressbar: needs True, False or None"),
        ({"nuts_sampler": "nutpy"}, "did you mean 'nutpie'"),
    ],
)
def test_settings_that_cannot_be_are_refused(given, message):
    with pytest.raises(InputError, match=message):
        Sampling(**given)


def test_the_largest_seed_samples():
    case = CASES["reports"]
    sample_posterior(*case, Sampling(draws=4, tune=10, chains=1, random_seed=2**64 - 1))
