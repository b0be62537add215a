"""Values computed backwards, against ratios of whole polynomials with the states ruled out."""

import numpy as np
import pytest

from forecast.network import queries
from forecast.network.horizon import look_ahead
from forecast.network.queries import forbid, held_now_or_next
from forecast.network.sweep import sweep
from tests.network.cases import LOOKING_BACK, any_case

AHEAD = 3


def with_steps_ahead(case):
    """The evidence of a case, and steps after it that say nothing but what inputs are set to."""
    step, inputs = case.log_like[-1], np.zeros_like(case.log_like[-1])
    for node in case.network.nodes:
        if node.is_input:
            inputs[case.network.states(node.name)] = step[case.network.states(node.name)]
    return np.concatenate([case.log_like, np.tile(inputs, (AHEAD, 1))])


@pytest.mark.parametrize("seed", [*range(8), *LOOKING_BACK])
def test_values_ahead_of_any_evidence(seed):
    case = any_case(seed, n_inputs=seed % 2)
    network, theta, like = case.network, case.theta[:, None], with_steps_ahead(case)
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
    case = any_case(1)
    assert look_ahead(case.network, case.theta[:, None], case.log_like, range(1, 2)) is None


@pytest.mark.parametrize("seed", [*range(8), *LOOKING_BACK])
def test_states_now_or_next_are_those_of_whole_polynomials(seed, monkeypatch):
    """Of states in the interface, beyond it and none, with and without values ahead."""
    case = any_case(seed, n_inputs=seed % 2)
    network, theta, like = case.network, case.theta[:, None], with_steps_ahead(case)
    states = [(node.name, node.states[0]) for node in network.nodes if not node.is_input]
    groups = [*(([each], [each]) for each in states), ([], states[:2]), (states[:2], states[:2])]
    now = len(case.log_like) - 1
    found = held_now_or_next(network, theta, like, groups, now)
    monkeypatch.setattr(queries, "look_ahead", lambda *_: None)
    whole = held_now_or_next(network, theta, like, groups, now)
    np.testing.assert_allclose(found, whole, rtol=0, atol=1e-12)
