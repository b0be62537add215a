"""Values computed backwards, against ratios of whole polynomials with the states ruled out."""

import numpy as np
import pytest

from forecast.network import queries
from forecast.network.filtering import Memory
from forecast.network.horizon import forbid, look_ahead
from forecast.network.queries import (
    held_at_least_once,
    held_now_or_next,
    log_norms,
)
from forecast.network.structure import Block, Network, Node
from forecast.network.sweep import sweep
from forecast.posterior.belief_state import keeping_messages
from forecast.posterior.beliefs import Beliefs
from forecast.testing.networks import enumerate_answer
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
    [(axes, values)] = future.values([states], AHEAD, present.axes)
    np.testing.assert_allclose(
        (values * present.over(network, axes)).sum(axis=1)[:, 0],
        never[[0, -1]],
        rtol=0,
        atol=1e-14,
    )


def many_draws(case, n=70):
    """Tables of many draws, more than are taken at a time, and evidence with steps ahead."""
    cells, rng = np.tile(case.theta[:, None], (1, n)), np.random.default_rng(n)
    for node in case.network.nodes:
        for block in filter(None, {node.first, node.later}):
            at = case.network.cells(block, node.name)
            rows = cells[at].reshape(-1, len(node.states), n)
            rows *= rng.uniform(0.5, 2.0, rows.shape)
            cells[at] = (rows / rows.sum(axis=1, keepdims=True)).reshape(-1, n)
    return cells, with_steps_ahead(case)


def looked_ahead(seed):
    """A case with an interface, its tables, its evidence, and what lies ahead of that."""
    case = any_case(seed, n_inputs=seed % 2)
    theta, like = many_draws(case)
    found = look_ahead(case.network, theta, like, range(len(case.log_like), len(like)))
    if found is None:
        pytest.skip("nothing leads from step to step")
    return case.network, theta, like, found[0], found[1][0]


@pytest.mark.parametrize("seed", [*range(8), *LOOKING_BACK])
def test_states_ahead_are_those_of_a_sweep_over_all_steps(seed):
    network, theta, like, future, present = looked_ahead(seed)
    whole = sweep(network, theta, like, "filtered").marginals
    n_observed = len(like) - AHEAD
    found = future.marginals(present, AHEAD)
    np.testing.assert_allclose(found, whole[n_observed:], rtol=0, atol=1e-12)
    for mode in ("filtered", "smoothed"):
        swept = sweep(network, theta, like, mode).marginals
        asked = queries.marginals(network, theta, like, mode, n_observed, memory=Memory())
        np.testing.assert_allclose(asked, swept, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", [*range(8), *LOOKING_BACK])
def test_several_groups_of_states_are_ruled_out_as_each_by_itself(seed):
    network, _, _, future, present = looked_ahead(seed)
    names = [node.name for node in network.nodes if not node.is_input]
    groups = [[(name, network.node(name).states[0])] for name in names]
    groups += [[(name, network.node(name).states[-1]) for name in names[:2]]]
    together = future.never_each(groups, AHEAD, present)
    apart = [future.never(states, AHEAD, present) for states in groups]
    np.testing.assert_allclose(together, apart, rtol=0, atol=1e-14)
    for (axes, values), never in zip(
        future.values(groups, AHEAD, present.axes), together, strict=True
    ):
        ends = (values * present.over(network, axes)).sum(axis=1)
        np.testing.assert_allclose(ends, never[[0, -1]], rtol=0, atol=1e-13)


@pytest.mark.parametrize("seed", [*range(8), *LOOKING_BACK])
def test_shares_of_steps_are_sums_of_what_a_sweep_finds_in_each(seed):
    """Taken backwards, by values of each state, and forwards, by one occupancy for all of them."""
    network, theta, like, future, present = looked_ahead(seed)
    whole, weights = sweep(network, theta, like, "filtered").marginals, np.array([0.5, 3.0, 2.0])
    states = [(node.name, node.states[0]) for node in network.nodes if not node.is_input]
    before = future.occupancy(states, weights, present)
    never = future.never_each([[state] for state in states], 1, before)
    for state, (once,) in zip(states, never, strict=True):
        [(axes, (first,))] = future.values([[state]], 1, present.axes)
        back = future.shares(state, weights, (axes, first))
        found = present.overlap(network, axes, back, ()).sum(axis=0)
        expected = weights @ whole[-AHEAD:, network.state(*state)]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(weights.sum() - once, expected, rtol=0, atol=1e-12)


def test_a_variable_of_one_state_with_parents_speaks_in_every_step():
    """It is a factor over them, so that no step ahead is without evidence."""
    rain = Node("rain", ("no", "yes"), Block((), 0), Block((("rain", 1),), 2))
    soft = Node("soft", ("seen",), Block((("rain", 0),), 6), Block((("rain", 0),), 6))
    network = Network((rain, soft), n_cells=8, dynamic=True)
    theta = np.array([0.7, 0.3, 0.8, 0.2, 0.3, 0.7, 1.0, 0.1])
    like, states = network.no_evidence(4), [("rain", "yes")]
    found = enumerate_answer(network, theta, like)
    rains = found.histories[:, :, 0] == 1
    held = rains[:, 1:].any(axis=1)
    expected = found.probability[held].sum()
    beliefs = Beliefs.of(network, theta[:, None], like, now=0)
    for asked in (beliefs, keeping_messages(beliefs)):
        once = asked.at_least_once(states)[0, 0, -1].item()
        assert once == pytest.approx(expected, abs=1e-12)
        smoothed = asked.posterior("rain", view="smoothed").to_numpy()[0, 0, :, 1]
        np.testing.assert_allclose(smoothed, found.probability @ rains, atol=1e-12)


def test_one_set_of_tables_is_that_of_all_draws_of_the_evidence():
    case = any_case(2, kinds=("likelihood",))
    like = np.repeat(with_steps_ahead(case)[..., None], 6, axis=2)
    like[0] += np.log(np.random.default_rng(3).uniform(0.2, 1.0, like[0].shape))
    network, window = case.network, range(len(case.log_like), len(like))
    name = next(node.name for node in network.nodes if not node.is_input)
    asked = network, [[(name, network.node(name).states[0])]], window
    one = held_at_least_once(network, case.theta[:, None], like, *asked[1:])
    every = held_at_least_once(network, np.repeat(case.theta[:, None], 6, 1), like, *asked[1:])
    np.testing.assert_allclose(one, every, atol=1e-14)
    assert np.ptp(one) > 0
    # What is kept of other draws is forgotten.
    memory = Memory()
    tables = np.repeat(case.theta[:, None], 6, 1)
    for n in (1, 6):
        norms = log_norms(network, tables[:, :n], like[: window.start, :, :n], memory=memory)
        swept = sweep(network, tables[:, :n], like[: window.start, :, :n], "forward").log_norm
        np.testing.assert_allclose(norms, swept, atol=1e-12)


@pytest.mark.parametrize("seed", [*range(4), *LOOKING_BACK])
def test_what_is_kept_of_the_past_serves_every_question(seed):
    network, theta, like, *_ = looked_ahead(seed)
    n_observed, memory = len(like) - AHEAD, Memory()
    norms = queries.log_norms(network, theta, like[:n_observed], memory=memory)
    steps = list(memory.steps)
    found = queries.marginals(network, theta, like, "filtered", n_observed, memory=memory)
    assert memory.steps == steps  # nothing was run again
    swept = sweep(network, theta, like, "filtered")
    np.testing.assert_allclose(norms, swept.log_norm[:n_observed], rtol=0, atol=1e-12)
    np.testing.assert_allclose(found, swept.marginals, rtol=0, atol=1e-12)


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
