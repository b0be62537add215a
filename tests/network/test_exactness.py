"""Law: whatever the engine says equals the sum over all histories, for any network and evidence."""

from __future__ import annotations

import numpy as np
import pytest

from forecast.network.structure import Block, Network, Node
from forecast.network.sweep import Sweep, sweep
from forecast.testing.networks import (
    Answer,
    Case,
    enumerate_answer,
    random_evidence,
    random_probes,
    random_tables,
    static_case,
    unroll,
)
from tests.network.cases import LOOKING_BACK, any_case

CLOSE = {"rtol": 1e-12, "atol": 1e-10}


def assert_says(swept: Sweep, answer: Answer, probes: tuple[tuple[str, ...], ...] = ()) -> None:
    """The first draw of a smoothed sweep says the same as an enumeration."""
    np.testing.assert_allclose(swept.log_evidence[0], answer.log_evidence, **CLOSE)
    np.testing.assert_allclose(swept.marginals[..., 0], answer.marginals, **CLOSE)
    np.testing.assert_allclose(
        swept.counts[..., 0].reshape(answer.counts.shape), answer.counts, **CLOSE
    )
    for step in range(len(answer.marginals) if probes else 0):
        joints = np.concatenate([answer.joint(step, probe) for probe in probes])
        np.testing.assert_allclose(swept.probes[step, :, 0], joints, **CLOSE)


def assert_equals_enumeration(case: Case, seed: int) -> None:
    network, theta, log_like = case.network, case.theta, case.log_like
    probes = random_probes(np.random.default_rng(seed), network)
    answer = enumerate_answer(network, theta, log_like)
    swept = sweep(network, theta[:, None], log_like, "smoothed", probes=probes, counts=True)
    assert np.isfinite(answer.log_evidence)
    assert_says(swept, answer, probes)
    forward = sweep(network, theta[:, None], log_like, "forward")
    np.testing.assert_allclose(forward.log_norm, swept.log_norm, **CLOSE)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_static_network(seed: int, zeros: bool) -> None:
    assert_equals_enumeration(static_case(seed, zeros=zeros), seed)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("seed", [*range(15), *LOOKING_BACK])
def test_dynamic_network(seed: int, zeros: bool) -> None:
    n_steps, n_variables = [(4, 3), (5, 2), (12, 1), (2, 3), (1, 3)][seed % 5]
    assert_equals_enumeration(any_case(seed, n_steps, n_variables, zeros=zeros), seed)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("seed", [*range(10), *LOOKING_BACK])
def test_filtered_knows_the_past_alone(seed: int, zeros: bool) -> None:
    case = any_case(seed, zeros=zeros)
    network = case.network
    probes = random_probes(np.random.default_rng(seed), network)
    swept = sweep(network, case.theta[:, None], case.log_like, "filtered", probes=probes)
    so_far = [enumerate_answer(network, case.theta, case.log_like[: t + 1]) for t in range(4)]
    for step, answer in enumerate(so_far):
        np.testing.assert_allclose(swept.marginals[step, :, 0], answer.marginals[step], **CLOSE)
        joints = np.concatenate([answer.joint(step, probe) for probe in probes])
        np.testing.assert_allclose(swept.probes[step, :, 0], joints, **CLOSE)
    log_norm = np.diff([0.0, *(answer.log_evidence for answer in so_far)])
    np.testing.assert_allclose(swept.log_norm[:, 0], log_norm, **CLOSE)


@pytest.mark.parametrize("seed", [*range(8), *LOOKING_BACK])
def test_tables_that_change_with_time(seed: int) -> None:
    case = any_case(seed)
    rng = np.random.default_rng(seed)
    theta = np.stack([random_tables(rng, case.network) for _ in range(2)])
    regimes = rng.integers(0, 2, len(case.log_like))
    swept = sweep(
        case.network, theta[..., None], case.log_like, "smoothed", regimes=regimes, counts=True
    )
    assert_says(swept, enumerate_answer(case.network, theta, case.log_like, regimes))


@pytest.mark.parametrize("seed", [*range(12), *LOOKING_BACK])
def test_dynamic_network_equals_its_unrolled_one(seed: int) -> None:
    n_steps = 8 + seed % 100
    case = any_case(seed, n_steps, 3 + seed % 2, zeros=seed % 3 == 0)
    theta = case.theta[:, None]
    swept = sweep(case.network, theta, case.log_like, "smoothed", counts=True)
    static = sweep(
        unroll(case.network, n_steps), theta, case.log_like.reshape(1, -1), "smoothed", counts=True
    )
    assert np.isfinite(swept.log_evidence).all()
    np.testing.assert_allclose(swept.log_evidence, static.log_evidence, **CLOSE)
    np.testing.assert_allclose(swept.marginals.ravel(), static.marginals.ravel(), **CLOSE)
    np.testing.assert_allclose(swept.counts, static.counts, **CLOSE)


@pytest.mark.parametrize("mode", ["forward", "smoothed", "filtered"])
@pytest.mark.parametrize(("seed", "n_draws"), [(0, 2), (1, 7), (2, 40), (3, 300), (201, 40)])
def test_many_draws_equal_one_at_a_time(seed: int, n_draws: int, mode: str) -> None:
    network = any_case(seed).network
    rng = np.random.default_rng(seed)
    theta = np.stack([random_tables(rng, network) for _ in range(n_draws)], axis=-1)
    log_like = np.stack(
        [random_evidence(rng, network, theta[:, d], 4) for d in range(n_draws)], axis=-1
    )
    probes = random_probes(rng, network)
    shared = sweep(network, theta, log_like[..., 0], mode, probes=probes)
    together = sweep(network, theta, log_like, mode, probes=probes)
    for draw in {0, 1, n_draws // 2, n_draws - 1}:
        one = slice(draw, draw + 1)
        for swept, like in ((shared, log_like[..., :1]), (together, log_like[..., one])):
            alone = sweep(network, theta[:, one], like, mode, probes=probes)
            for part in ("log_norm", "marginals", "probes", "counts"):
                np.testing.assert_allclose(
                    getattr(swept, part)[..., one], getattr(alone, part), rtol=1e-13, atol=1e-14
                )


@pytest.mark.parametrize("seed", [5, 205, 305])
def test_long_sweeps_of_many_draws_equal_one_at_a_time(seed: int) -> None:
    """Beyond a size the forward cells are computed again on the way back."""
    network = any_case(seed, 4, 2).network
    rng = np.random.default_rng(seed)
    theta = np.stack([random_tables(rng, network) for _ in range(100)], axis=-1)
    log_like = random_evidence(rng, network, theta[:, 0], 1500, kinds=("likelihood", "none"))
    log_like = np.maximum(log_like, np.log(1e-3))
    together = sweep(network, theta, log_like, "smoothed", counts=True)
    for draw in (0, 50, 99):
        alone = sweep(network, theta[:, [draw]], log_like, "smoothed", counts=True)
        for part in ("log_norm", "marginals", "counts"):
            np.testing.assert_allclose(
                getattr(together, part)[..., [draw]], getattr(alone, part), rtol=1e-12, atol=1e-14
            )


@pytest.mark.parametrize("seed", [*range(12), *LOOKING_BACK])
def test_what_no_evidence_depends_on_can_be_left_out(seed: int) -> None:
    case = any_case(seed, 6, 5) if seed % 2 else static_case(seed)
    network = case.network
    rng = np.random.default_rng(seed)
    observed = rng.permutation(network.names)[: 1 + seed % 3].tolist()
    log_like = np.zeros_like(case.log_like)
    for name in observed:
        log_like[:, network.states(name)] = case.log_like[:, network.states(name)]
    part = network.relevant_to(observed)
    columns = np.concatenate([np.arange(network.n_states)[network.states(n)] for n in part.names])
    theta = case.theta[:, None]
    whole_says = sweep(network, theta, log_like, "smoothed", counts=True)
    part_says = sweep(part, theta, log_like[:, columns], "smoothed", counts=True)
    np.testing.assert_allclose(part_says.log_norm, whole_says.log_norm, **CLOSE)
    np.testing.assert_allclose(part_says.marginals, whole_says.marginals[:, columns], **CLOSE)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("seed", range(10))
def test_set_variables(seed: int, zeros: bool) -> None:
    """Variables without a table, set by evidence, with several children and as lagged parents."""
    assert_equals_enumeration(static_case(seed, zeros=zeros, n_inputs=1 + seed % 2), seed)
    assert_equals_enumeration(any_case(seed, zeros=zeros, n_inputs=1), seed)


@pytest.mark.parametrize("setting", [0, 1, 2])
def test_one_set_variable_with_many_children(setting: int) -> None:
    states, rng = ("a", "b", "c"), np.random.default_rng(setting)
    children = [Node(f"v{k}", states, Block((("v0", 0),), 9 * k - 9), None) for k in range(1, 7)]
    network = Network((Node("v0", states, None, None), *children), 54, dynamic=False)
    theta = random_tables(rng, network)
    log_like = random_evidence(rng, network, theta, 1)
    log_like[0, :3] = np.where(np.arange(3) == setting, 0, -np.inf)
    swept = sweep(network, theta[:, None], log_like, "smoothed", counts=True)
    assert_says(swept, enumerate_answer(network, theta, log_like))


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_variables_does_not_matter(seed: int) -> None:
    case = any_case(seed, 7, 4)
    network = case.network
    order = np.random.default_rng(seed).permutation(len(network.nodes))
    shuffled = Network(tuple(network.nodes[k] for k in order), network.n_cells, dynamic=True)
    columns = np.concatenate(
        [np.arange(network.n_states)[network.states(n)] for n in shuffled.names]
    )
    one = sweep(network, case.theta[:, None], case.log_like, "smoothed", counts=True)
    other = sweep(shuffled, case.theta[:, None], case.log_like[:, columns], "smoothed", counts=True)
    np.testing.assert_allclose(other.log_norm, one.log_norm, **CLOSE)
    np.testing.assert_allclose(other.marginals, one.marginals[:, columns], **CLOSE)
    np.testing.assert_allclose(other.counts, one.counts, **CLOSE)
