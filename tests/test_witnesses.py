"""All that can be unknown about evidence, against the sum over all that it may be."""

import numpy as np
import pytest

from forecast.inference.posterior import beliefs_under
from tests.witnesses import (
    harbour,
    random_evidence,
    random_parameters,
    sum_over_everything,
)

CLOSE = {"rtol": 1e-9, "atol": 1e-11}


@pytest.mark.parametrize("seed", range(40))
def test_everything_unknown_is_summed_out(seed):
    rng = np.random.default_rng(seed)
    scenario = harbour(channels=int(rng.integers(0, 3)), watches=bool(rng.integers(0, 2)))
    evidence = random_evidence(rng, scenario, int(rng.integers(1, 7)), 3)
    parameters = random_parameters(rng, scenario)
    told = beliefs_under(scenario, evidence, parameters, n_steps=3)
    answer = sum_over_everything(scenario, evidence, parameters, 3)
    np.testing.assert_allclose(told.log_evidence().item(), answer.log_evidence, **CLOSE)
    found = told.posteriors(view="smoothed").to_numpy()[0, 0]
    np.testing.assert_allclose(found, answer.marginals, **CLOSE)


@pytest.mark.parametrize("seed", range(12))
def test_a_static_scenario_as_well(seed):
    rng = np.random.default_rng(100 + seed)
    scenario = harbour(dynamic=False)
    evidence = random_evidence(rng, scenario, int(rng.integers(1, 6)), 3)
    parameters = random_parameters(rng, scenario)
    told = beliefs_under(scenario, evidence, parameters)
    answer = sum_over_everything(scenario, evidence, parameters, 1)
    np.testing.assert_allclose(told.log_evidence().item(), answer.log_evidence, **CLOSE)
    found = told.posteriors(view="smoothed").to_numpy()[0, 0]
    np.testing.assert_allclose(found.reshape(1, -1), answer.marginals, **CLOSE)
