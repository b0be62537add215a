"""Auxiliary evidence variables, summed out beside the states, against enumeration."""

from dataclasses import dataclass, replace
from itertools import product
from math import prod

import numpy as np
import pytest

from forecast.model.target import evaluate
from forecast.network.auxiliary import AuxiliaryFactor, AuxiliaryVariable
from forecast.network.slices import pack_circuits
from forecast.network.structure import Network
from forecast.network.sweep import sweep
from forecast.posterior.beliefs import Beliefs
from forecast.testing.networks import Case, enumerate_answer, static_case
from tests.network.cases import LOOKING_BACK, any_case

CLOSE = {"rtol": 1e-11, "atol": 1e-11}
STEPS = 4


@dataclass(frozen=True)
class Whole:
    """Sums over all auxiliary variables; probabilities of columns are joint with them."""

    log_evidence: float
    marginals: np.ndarray
    counts: np.ndarray


def with_auxiliaries(case: Case, seed: int) -> Case:
    """Random auxiliary variables and factors over them, some cells of which are impossible."""
    rng = np.random.default_rng([seed, 77])
    network, n_steps = case.network, len(case.log_like)
    auxiliaries = []
    for k in range(int(rng.integers(1, 4))):
        first, last = sorted(rng.integers(0, n_steps, 2).tolist())
        moves = bool(rng.random() < 0.7) and first < last
        auxiliaries.append(AuxiliaryVariable(f"u{k}", int(rng.integers(2, 4)), first, last, moves))
    end, factors = [network.n_states] * n_steps, []
    variables = [node.name for node in network.nodes if not node.is_input]
    for step in range(n_steps):
        legal = [place for u in auxiliaries for place in places(u, step)]
        scopes = [
            (tuple(places(u, step)), "")
            for u in auxiliaries
            if places(u, step) and (u.moves or step == u.first)
        ]
        for _ in range(int(rng.integers(0, 4))):
            chosen = [legal[k] for k in rng.permutation(len(legal))[: rng.integers(0, 3)]]
            variable = str(rng.choice(variables)) if rng.random() < 0.8 or not chosen else ""
            scopes.append((tuple(chosen), variable))
        for scope, variable in scopes:
            factors.append(AuxiliaryFactor(step, end[step], scope, variable))
            end[step] += size_of(network, auxiliaries, factors[-1])
    network = replace(network, auxiliaries=tuple(auxiliaries), factors=tuple(factors))
    like = network.no_evidence(n_steps)
    like[:, : case.network.n_states] = case.log_like
    extra = rng.uniform(0.01, 1, like[:, case.network.n_states :].shape)
    extra[rng.random(extra.shape) < 0.1] = 0
    with np.errstate(divide="ignore"):
        like[:, case.network.n_states :] = np.log(extra)
    return Case(network, case.theta, like)


def places(variable: AuxiliaryVariable, step: int):
    """Axes of an auxiliary variable that a factor of a step may be over."""
    if not variable.first <= step <= variable.last:
        return []
    if not variable.moves:
        return [(variable.name, 0)]
    before = [(variable.name, 1)] * (step > variable.first)
    return before + [(variable.name, 0)] * (step < variable.last)


def size_of(network: Network, auxiliaries, factor: AuxiliaryFactor) -> int:
    sizes = network.sizes | {u.name: u.size for u in auxiliaries}
    names = [name for name, _ in factor.auxiliaries] + [factor.variable] * bool(factor.variable)
    return prod(sizes[name] for name in names)


def enumerate_auxiliaries(case: Case, n_steps: int) -> Whole:
    """Sum over every value of every auxiliary variable, by the network without any."""
    network = case.network
    like = case.log_like[:n_steps]
    slots = [
        (u.name, t) for u in network.auxiliaries for t in range(u.first, u.last) if u.moves
    ] + [(u.name, None) for u in network.auxiliaries if not u.moves]
    sizes = {u.name: u.size for u in network.auxiliaries}
    log_z, parts = [], []
    for values in product(*(range(sizes[name]) for name, _ in slots)):
        value = dict(zip(slots, values, strict=True))
        own = like[:, : network.n_states].copy()
        constant, used = 0.0, []
        for factor in network.factors:
            if factor.step >= n_steps:
                continue
            at = 0
            for name, lag in factor.auxiliaries:
                where = (name, None) if (name, None) in value else (name, factor.step - lag)
                at = at * sizes[name] + value[where]
            width = network.sizes.get(factor.variable, 1)
            cells = slice(factor.start + at * width, factor.start + (at + 1) * width)
            used.append((factor.step, cells, factor.variable))
            if factor.variable:
                own[factor.step, network.states(factor.variable)] += like[factor.step, cells]
            else:
                constant += like[factor.step, cells].sum()
        answer = enumerate_answer(network.without_auxiliaries, case.theta, own)
        log_z.append(answer.log_evidence + constant)
        marginals = np.zeros(like.shape)
        marginals[:, : network.n_states] = answer.marginals
        for step, cells, variable in used:
            states = answer.marginals[step, network.states(variable)] if variable else 1
            marginals[step, cells] = states
        parts.append((marginals, answer.counts))
    peak = max(log_z)
    weight = np.exp(np.array(log_z) - peak)
    share = weight / weight.sum()
    return Whole(
        peak + np.log(weight.sum()),
        sum(w * m for w, (m, _) in zip(share, parts, strict=True) if w),
        sum(w * c for w, (_, c) in zip(share, parts, strict=True) if w),
    )


def possible_cases(make, seeds):
    """Cases whose evidence is possible under some history and some auxiliary values."""
    for seed in seeds:
        case = with_auxiliaries(make(seed), seed)
        if np.isfinite(
            sweep(case.network, case.theta[:, None], case.log_like, "forward").log_evidence
        ):
            yield seed, case


def small_case(seed):
    return any_case(seed, STEPS, 2, zeros=seed % 3 == 0, n_inputs=seed % 2)


def test_auxiliaries_of_a_dynamic_network_are_summed_out():
    compared = 0
    for _, case in possible_cases(small_case, [*range(60), *LOOKING_BACK]):
        answer = enumerate_auxiliaries(case, STEPS)
        swept = sweep(case.network, case.theta[:, None], case.log_like, "smoothed", counts=True)
        np.testing.assert_allclose(swept.log_evidence, answer.log_evidence, **CLOSE)
        np.testing.assert_allclose(swept.marginals[..., 0], answer.marginals, **CLOSE)
        np.testing.assert_allclose(swept.counts[0, :, 0], answer.counts, **CLOSE)
        compared += 1
    assert compared > 40


def test_auxiliaries_of_a_static_network_are_summed_out():
    compared = 0
    for _, case in possible_cases(static_case, range(40)):
        answer = enumerate_auxiliaries(case, 1)
        swept = sweep(case.network, case.theta[:, None], case.log_like, "smoothed", counts=True)
        np.testing.assert_allclose(swept.log_evidence, answer.log_evidence, **CLOSE)
        np.testing.assert_allclose(swept.marginals[..., 0], answer.marginals, **CLOSE)
        compared += 1
    assert compared > 25


def test_auxiliaries_are_summed_out_of_a_chosen_history():
    """At one step it is the most probable state; over all, no history has a better probability."""
    for _, case in possible_cases(small_case, range(6)):
        beliefs = Beliefs.of(case.network, case.theta[:, None], case.log_like)
        name = case.network.names[-1]
        answer = enumerate_auxiliaries(case, STEPS).marginals[1, case.network.states(name)]
        best = beliefs.most_probable_history([name], 1, 1)
        np.testing.assert_allclose(best["probability"].item(), answer.max(), **CLOSE)
        found = beliefs.most_probable_history([name])
        probabilities = []
        for history in product(case.network.node(name).states, repeat=STEPS):
            given = beliefs
            for step, state in enumerate(history):
                given = given.set_evidence({name: state}, step)
            probabilities.append(np.exp(given.log_evidence() - beliefs.log_evidence()).item())
        np.testing.assert_allclose(found["probability"].item(), max(probabilities), **CLOSE)


@pytest.mark.parametrize("make", [small_case, static_case])
def test_a_closed_last_step_has_the_same_evidence_and_derivatives(make):
    """Its interface is summed out, and its axes lie in an order of their own."""
    for seed, case in possible_cases(make, [*range(30), *LOOKING_BACK]):
        exact = enumerate_auxiliaries(case, len(case.log_like))
        packed = pack_circuits(case.network, (), len(case.log_like), closed=True)
        total, by_theta, by_like = evaluate(case.theta, case.log_like, packed)
        assert total == pytest.approx(exact.log_evidence, abs=1e-11), seed
        inputs = [node.name for node in case.network.nodes if node.is_input]
        for found in (by_like, exact.marginals):
            found[:, case.network.state_columns(inputs)] = 0  # nobody asks for these derivatives
        np.testing.assert_allclose(by_like, exact.marginals, **CLOSE)
        np.testing.assert_allclose(by_theta * case.theta, exact.counts, **CLOSE)


def test_filtered_steps_know_the_evidence_up_to_themselves():
    for _, case in possible_cases(small_case, [*range(12), *LOOKING_BACK]):
        found = sweep(case.network, case.theta[:, None], case.log_like, "filtered").marginals
        for step in range(STEPS):
            answer = enumerate_auxiliaries(case, step + 1)
            np.testing.assert_allclose(found[step, :, 0], answer.marginals[step], **CLOSE)


@pytest.mark.parametrize("mode", ["forward", "smoothed", "filtered"])
def test_many_draws_and_logarithms_give_the_same(mode):
    for seed, case in possible_cases(small_case, [*range(8), *LOOKING_BACK]):
        rng = np.random.default_rng(seed)
        theta = np.repeat(case.theta[:, None], 70, axis=1)
        like = np.repeat(case.log_like[..., None], 70, axis=2)
        factors = slice(case.network.n_states, None)
        like[:, factors] += np.log(rng.uniform(0.5, 1, like[:, factors].shape))
        for scale in (1, 300):
            together = sweep(case.network, theta, scale * like, mode)
            for draw in (0, 69):
                alone = sweep(case.network, theta[:, :1], scale * like[..., draw], mode)
                for many, single in (
                    (together.log_norm, alone.log_norm),
                    (together.marginals, alone.marginals),
                ):
                    np.testing.assert_allclose(many[..., draw], single[..., 0], **CLOSE)


def test_very_small_likelihoods_are_summed_in_logarithms():
    for _, case in possible_cases(small_case, [*range(12), *LOOKING_BACK]):
        small = Case(case.network, case.theta, 400 * case.log_like)
        answer = enumerate_auxiliaries(small, STEPS)
        swept = sweep(case.network, case.theta[:, None], small.log_like, "smoothed", counts=True)
        np.testing.assert_allclose(swept.log_evidence, answer.log_evidence, rtol=1e-11)
        np.testing.assert_allclose(swept.marginals[..., 0], answer.marginals, atol=1e-9)


def test_the_part_of_a_network_that_matters_says_the_same():
    for _, case in possible_cases(small_case, [*range(12), *LOOKING_BACK]):
        attached = [f.variable for f in case.network.factors if f.variable]
        observed = [n for n in case.network.names if case.log_like[:, case.network.states(n)].any()]
        part = case.network.relevant_to([*observed, *attached][:1] + observed)
        columns = case.network.columns(part.names)
        whole = sweep(case.network, case.theta[:, None], case.log_like, "smoothed", counts=True)
        found = sweep(part, case.theta[:, None], case.log_like[:, columns], "smoothed", counts=True)
        np.testing.assert_allclose(found.log_evidence, whole.log_evidence, **CLOSE)
        np.testing.assert_allclose(found.marginals, whole.marginals[:, columns], **CLOSE)


def test_steps_without_auxiliaries_share_circuits():
    case = with_auxiliaries(small_case(1), 1)
    network = case.network
    far = replace(network, auxiliaries=(), factors=())
    assert pack_circuits(network, (), 200).size < pack_circuits(network, (), STEPS + 1).size + 200
    assert pack_circuits(far, (), 200).size <= pack_circuits(far, (), 2).size + 198


@pytest.mark.parametrize("seed", range(6))
def test_derivatives_by_every_column(seed):
    """Marginals are derivatives of the log evidence, by the cells of factors as well."""
    cases = dict(possible_cases(small_case, range(12)))
    case = cases[sorted(cases)[seed]]
    network, theta = case.network, case.theta[:, None]
    found = sweep(network, theta, case.log_like, "smoothed").marginals[..., 0]
    states = [
        np.arange(network.n_columns)[network.states(n.name)] for n in network.nodes if n.first
    ]
    columns = np.concatenate([*states, np.arange(network.n_states, network.n_columns)])
    rng = np.random.default_rng(seed)
    for _ in range(20):
        step, column = int(rng.integers(STEPS)), int(rng.choice(columns))
        if np.isfinite(case.log_like[step, column]):
            ends = []
            for change in (1e-5, -1e-5):
                moved = case.log_like.copy()
                moved[step, column] += change
                ends.append(sweep(network, theta, moved, "forward").log_evidence[0])
            assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(found[step, column], abs=1e-8)
