"""Values computed backwards, against ratios of whole polynomials with the states ruled out."""

import numpy as np
import pytest

from forecast.network.horizon import look_ahead
from forecast.network.queries import forbid
from forecast.network.sweep import sweep
from forecast.testing.networks import dynamic_case

AHEAD = 3


@pytest.mark.parametrize("seed", range(8))
def test_values_ahead_of_any_evidence(seed):
    case = dynamic_case(seed, n_inputs=seed % 2)
    network, theta = case.network, case.theta[:, None]
    step = case.log_like[-1]
    inputs = np.zeros_like(step)
    for node in network.nodes:
        if node.is_input:
            inputs[network.states(node.name)] = step[network.states(node.name)]
    like = np.concatenate([case.log_like, np.tile(inputs, (AHEAD, 1))])
    window = range(len(case.log_like), len(like))
    names = [node.name for node in network.nodes if not node.is_input]
    states = [(name, network.node(name).states[0]) for name in names[-2:]]
    found = look_ahead(network, theta, like, window)
    assert (found is None) == (not network.interface)
    if found is None:
        return
    future, [present] = found
    never = future.never(states, AHEAD, present)[:, 0]
    whole = sweep(network, theta, like, "forward").log_evidence
    for n in range(1, AHEAD + 1):
        spared = forbid(network, like, states, slice(window.start, window.start + n))
        ratio = np.exp(sweep(network, theta, spared, "forward").log_evidence - whole)
        np.testing.assert_allclose(never[n - 1], ratio[0], rtol=0, atol=1e-12)
    axes, values = future.values(states, AHEAD)
    np.testing.assert_allclose(
        (values * present.over(network, axes)).sum(axis=1)[:, 0],
        never[[0, -1]],
        rtol=0,
        atol=1e-14,
    )


def test_evidence_ahead_has_no_present():
    case = dynamic_case(1)
    assert look_ahead(case.network, case.theta[:, None], case.log_like, range(1, 2)) is None
