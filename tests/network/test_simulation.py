"""Law: simulated histories come as often as the engine forecasts (seeded, 4 standard errors)."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.network.simulate import simulate_history
from forecast.network.sweep import sweep
from forecast.testing.networks import Index
from tests.network.cases import any_case

RUNS, N_STEPS = 4000, 4


def assert_frequencies(chosen: Index, probability: np.ndarray) -> None:
    """How often each number was drawn, against its probability."""
    share = np.bincount(chosen, minlength=len(probability)) / len(chosen)
    error = np.sqrt(probability * (1 - probability) / len(chosen))
    assert (np.abs(share - probability) <= 4 * error + 1e-12).all()


@pytest.mark.parametrize("seed", [*range(3), 201, 301])
def test_simulated_frequencies_equal_forecast(seed: int) -> None:
    case = any_case(seed, N_STEPS, 3, zeros=seed == 1, n_inputs=seed % 2, kinds=("none",))
    network, rng = case.network, np.random.default_rng(seed)
    pair = tuple(sorted(network.names)[-2:])
    swept = sweep(network, case.theta[:, None], case.log_like, "smoothed", probes=(pair,))
    runs = np.stack(
        [simulate_history(network, case.theta, case.log_like, rng) for _ in range(RUNS)]
    )
    columns = [network.names.index(name) for name in pair]
    width = network.sizes[pair[1]]
    for step in range(N_STEPS):
        for k, name in enumerate(network.names):
            probability = swept.marginals[step, network.states(name), 0]
            assert_frequencies(runs[:, step, k], probability)
        both = runs[:, step, columns[0]] * width + runs[:, step, columns[1]]
        assert_frequencies(both, swept.probes[step, :, 0])
