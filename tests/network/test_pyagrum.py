"""The engine against pyAgrum's: other code, another algorithm, the same numbers.

pyAgrum keeps tables in 64 bits, so agreement is asked to 1e-9.
"""

from __future__ import annotations

import numpy as np
import pytest

from forecast.interchange.convert import from_pyagrum, to_pyagrum
from forecast.interchange.network_files import read_network, write_network
from forecast.interchange.tabled import TabledNetwork
from forecast.network.maximum import most_probable_history
from forecast.network.structure import Block, Network
from forecast.network.sweep import sweep
from forecast.posterior.beliefs import Beliefs
from forecast.testing.networks import Case as Unfolding
from forecast.testing.networks import random_evidence, random_network, random_tables
from tests.rivals import (
    Case,
    Rival,
    fill,
    import_pyagrum,
    log_probability,
    our_beliefs,
    random_case,
    random_rows,
    rival,
    rival_of,
    their_explanation,
    their_network,
    their_table,
)

gum = import_pyagrum()
ktbn = import_pyagrum("ktbn")
causal = import_pyagrum("causal_model")

CLOSE = {"rtol": 0, "atol": 1e-9}
CASES = [(seed, 5 + seed % 36, seed % 3 == 0) for seed in range(108)]
"""Seed, number of variables from 5 to 40, whether a third of the cells are impossible."""


def assert_agree(network: TabledNetwork, beliefs: Beliefs, theirs: Rival) -> None:
    """Log evidence and all marginals are those of pyAgrum."""
    log_evidence = np.log(theirs.engine.evidenceProbability())
    assert beliefs.log_evidence().item() == pytest.approx(log_evidence, abs=1e-9, rel=1e-9)
    marginals = sweep(beliefs.network, beliefs.theta, beliefs.log_like, "smoothed").marginals[0]
    for name in network.variables:
        ours = marginals[beliefs.network.states(name), 0]
        np.testing.assert_allclose(ours, theirs.engine.posterior(name).tolist(), **CLOSE)
    named = beliefs.posterior(name).to_numpy()[0, 0]
    np.testing.assert_allclose(named, ours, rtol=0, atol=1e-15)


def some_variables(case: Case, seed: int, n: int) -> list[str]:
    return np.random.default_rng(seed).permutation(list(case.network.variables))[:n].tolist()


@pytest.mark.parametrize(("seed", "n_variables", "zeros"), CASES)
def test_log_evidence_and_marginals(seed, n_variables, zeros):
    case = random_case(seed, n_variables, zeros=zeros)
    assert_agree(case.network, our_beliefs(case), rival_of(gum, case))


@pytest.mark.parametrize("n_variables", [200, 450, 1000])
def test_large_networks(n_variables):
    case = random_case(n_variables, n_variables)
    assert_agree(case.network, our_beliefs(case), rival_of(gum, case))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(50))
def test_fifty_more_large_networks(seed):
    """200 to 1,000 variables; single variables are asked about, and so their parts swept."""
    case = random_case(seed, 200 + 800 * seed // 49, zeros=seed % 3 == 0)
    theirs = rival_of(gum, case)
    assert_agree(case.network, our_beliefs(case), theirs)
    for name in some_variables(case, seed, 3):
        ours = our_beliefs(case).posterior(name).to_numpy()[0, 0]
        np.testing.assert_allclose(ours, theirs.engine.posterior(name).tolist(), **CLOSE)


@pytest.mark.parametrize(("seed", "n_variables", "zeros"), CASES)
def test_joint_of_two_or_three(seed, n_variables, zeros):
    case = random_case(seed, n_variables, zeros=zeros)
    names = tuple(some_variables(case, seed, 2 + seed % 2))
    theirs = rival_of(gum, case)
    theirs.engine.addJointTarget(set(names))
    joint = their_table(theirs.engine.jointPosterior(set(names)), names)
    ours = our_beliefs(case).joint(names).to_numpy()[0, 0]
    np.testing.assert_allclose(ours, joint, **CLOSE)


@pytest.mark.parametrize(("seed", "n_variables", "zeros"), CASES)
def test_most_probable_explanation(seed, n_variables, zeros):
    """Tables are drawn from densities, so no two explanations are equally probable."""
    case = random_case(seed, n_variables, zeros=zeros)
    beliefs = our_beliefs(case)
    best = beliefs.most_probable_history()
    labels = dict(zip(best["variable"].to_numpy(), best.to_numpy().ravel(), strict=True))
    ours = {name: case.network.variables[name].index(label) for name, label in labels.items()}
    _, log_ours = most_probable_history(beliefs.network, beliefs.theta, beliefs.log_like)
    assert log_ours.item() == pytest.approx(log_probability(case, ours), abs=1e-9, rel=1e-9)
    theirs, log_theirs = their_explanation(gum, case)
    assert log_ours.item() == pytest.approx(log_theirs, abs=1e-9, rel=1e-9)
    assert ours == theirs


@pytest.mark.parametrize("seed", range(20))
def test_entropy_and_information(seed):
    """pyAgrum's entropies of X, Y and (X, Y) given the evidence, in bits."""
    n_variables = 5 + seed % 12
    case = random_case(seed, n_variables, zeros=seed % 4 == 0)
    target, *others = some_variables(case, seed, n_variables)
    ours = our_beliefs(case).information(target)
    entropy = rival_of(gum, case).engine.H(target)
    assert ours.sel(variable=target).item() == pytest.approx(entropy, abs=1e-9)
    for other in others:
        theirs = rival_of(gum, case)
        bits = gum.InformationTheory(theirs.engine, [target], [other]).mutualInformationXY()
        assert ours.sel(variable=other).item() == pytest.approx(bits, abs=1e-9)


@pytest.mark.parametrize("seed", range(8))
def test_networks_that_go_over_answer_alike(seed):
    """Theirs through `from_pyagrum`, ours through `to_pyagrum`."""
    case = random_case(seed, 6 + seed, zeros=seed % 2 == 0)
    theirs = rival_of(gum, case)
    assert_agree(case.network, our_beliefs(Case(from_pyagrum(theirs.model), case.seen)), theirs)
    over = rival(gum, to_pyagrum(case.network), case.seen)
    assert_agree(case.network, our_beliefs(case), over)


@pytest.mark.parametrize("suffix", ["bif", "bifxml"])
@pytest.mark.parametrize("seed", range(4))
def test_files_answer_as_when_pyagrum_reads_them(tmp_path, seed, suffix):
    """pyAgrum's readers keep single precision, hence 1e-6."""
    case = random_case(seed, 10)
    path = write_network(case.network, tmp_path / f"network.{suffix}")
    beliefs = our_beliefs(Case(read_network(path), case.seen))
    theirs = rival(gum, gum.loadBN(str(path)), case.seen)
    for name in case.network.variables:
        ours = beliefs.posterior(name).to_numpy()[0, 0]
        np.testing.assert_allclose(ours, theirs.engine.posterior(name).tolist(), rtol=0, atol=1e-6)


# Moving through time


def their_slices(network: Network, theta: np.ndarray):
    """Two slices for pyAgrum, every table filled by the names of its parents."""
    model = ktbn.KTBN(2)
    for node in network.nodes:
        model.addTemporal(gum.LabelizedVariable(node.name, node.name, list(node.states)))
    for step in (0, 1):
        for node in network.nodes:
            for parent, lag in block_at(node, step).parents:
                model.addArc(parent, step - lag, node.name, step)
    for step in (0, 1):
        for node in network.nodes:
            block = block_at(node, step)
            table = theta[network.cells(block, node.name)]
            table = table.reshape(network.table_shape(block, node.name))
            parents = tuple(f"{parent}[{step - lag}]" for parent, lag in block.parents)
            fill(model.cpt(node.name, step), table, parents)
    return model


def block_at(node, step: int) -> Block:
    return node.later if step else node.first


def seen_until(case: Unfolding, last: int) -> dict[tuple[str, int], list[float]]:
    """Likelihoods up to a step, by variable and step, where they say anything."""
    seen = {}
    for step in range(last + 1):
        for name in case.network.names:
            likelihood = np.exp(case.log_like[step, case.network.states(name)])
            if np.ptp(likelihood) > 0:
                seen[name, step] = (likelihood / likelihood.max()).tolist()
    return seen


def their_unrolled(case: Unfolding, last: int) -> Rival:
    """All steps as one network, with the evidence up to a step."""
    model = their_slices(case.network, case.theta).unroll(len(case.log_like))
    seen = {f"{name}[{t}]": np.array(row) for (name, t), row in seen_until(case, last).items()}
    return rival(gum, model, seen)


def moving_case(seed: int) -> Unfolding:
    """Three or four variables, 5 to 8 steps, every likelihood 1 for its likeliest state."""
    rng = np.random.default_rng([seed, 8])
    network = random_network(rng, 3 + seed % 2, dynamic=True, limit=200)
    theta = random_tables(rng, network, zeros=seed % 3 == 0)
    log_like = random_evidence(rng, network, theta, 5 + seed % 4)
    for name in network.names:
        states = network.states(name)
        log_like[:, states] -= log_like[:, states].max(axis=1, keepdims=True)
    return Unfolding(network, theta, log_like)


def beliefs_over_time(case: Unfolding) -> Beliefs:
    return Beliefs.of(case.network, case.theta[:, None], case.log_like, now=0)


@pytest.mark.parametrize("seed", range(12))
def test_smoothed_equals_the_unrolled_network(seed):
    case = moving_case(seed)
    beliefs, theirs = beliefs_over_time(case), their_unrolled(case, len(case.log_like) - 1)
    log_evidence = np.log(theirs.engine.evidenceProbability())
    assert beliefs.log_evidence().item() == pytest.approx(log_evidence, abs=1e-9)
    for name in case.network.names:
        ours = beliefs.posterior(name, view="smoothed").to_numpy()[0, 0]
        expected = [theirs.engine.posterior(f"{name}[{t}]").tolist() for t in range(len(ours))]
        np.testing.assert_allclose(ours, expected, **CLOSE)


@pytest.mark.parametrize("seed", range(12))
def test_filtered_is_the_unrolled_network_with_the_past_alone(seed):
    case = moving_case(seed)
    beliefs = beliefs_over_time(case)
    for step in range(len(case.log_like)):
        theirs = their_unrolled(case, step)
        for name in case.network.names:
            ours = beliefs.posterior(name, step).to_numpy()[0, 0]
            expected = theirs.engine.posterior(f"{name}[{step}]").tolist()
            np.testing.assert_allclose(ours, expected, **CLOSE)


@pytest.mark.parametrize("seed", range(12))
def test_intervention_equals_pyagrum_without_unrolling(seed):
    """pyAgrum sets one step at a time; ours holds from a step on."""
    case = moving_case(seed)
    n_steps, start = len(case.log_like), 2
    name, state = case.network.nodes[seed % 3].name, seed % 2
    label = case.network.node(name).states[state]
    free = case.log_like.copy()
    free[start:, case.network.states(name)] = 0.0
    case = Unfolding(case.network, case.theta, free)
    beliefs = beliefs_over_time(case).intervene({name: label}, start)
    slices = their_slices(case.network, case.theta)
    engine = ktbn.KTBNInference(slices)
    for (seen, step), likelihood in seen_until(case, n_steps - 1).items():
        engine.addObservation(seen, step, likelihood)
    for step in range(start, n_steps):
        engine.addIntervention(name, step, state)
    for each in case.network.names:
        engine.addTarget(each)
    engine.makeInference(n_steps)
    log_evidence = np.log(engine.observationProbability())
    assert beliefs.log_evidence().item() == pytest.approx(log_evidence, abs=1e-9)
    for each in case.network.names:
        ours = beliefs.posterior(each, view="smoothed").to_numpy()[0, 0]
        expected = [engine.posterior(each, step).tolist() for step in range(n_steps)]
        np.testing.assert_allclose(ours, expected, **CLOSE)


# Doing


def observed_network(names: tuple[str, ...], joint: np.ndarray, arcs: str):
    """A pyAgrum network of the observed variables, its tables read off a joint distribution."""
    model = gum.fastBN(arcs)
    for name in names:
        parents = tuple(model.variable(parent).name() for parent in model.parents(name))
        wanted = (*parents, name)
        axes = [names.index(each) for each in wanted]
        others = tuple(k for k in range(len(names)) if k not in axes)
        kept = sorted(axes)
        table = joint.sum(others).transpose([kept.index(axis) for axis in axes])
        fill(model.cpt(name), table / table.sum(-1, keepdims=True), parents)
    return model


def effects(network: TabledNetwork, cause: str, end: str) -> np.ndarray:
    """P(end | do(cause)), (state of the cause, state of the end)."""
    beliefs = Beliefs.of(network.network, network.theta)
    return np.array(
        [
            beliefs.intervene({cause: state}).posterior(end).to_numpy()[0, 0]
            for state in network.variables[cause]
        ]
    )


@pytest.mark.parametrize("seed", range(6))
def test_doing_equals_the_back_door_formula(seed):
    """z -> x -> y with z -> y; pyAgrum finds the adjustment for z by itself."""
    rng = np.random.default_rng(seed)
    sizes = {name: int(rng.integers(2, 5)) for name in "zxy"}
    parents = {"x": ("z",), "y": ("z", "x")}
    network = confounded(rng, sizes, parents)
    model = their_network(gum, network)
    _, impact, how = causal.causalImpact(causal.CausalModel(model), on="y", doing="x")
    assert "backdoor" in how
    np.testing.assert_allclose(effects(network, "x", "y"), their_table(impact, ("x", "y")), **CLOSE)


@pytest.mark.parametrize("seed", range(6))
def test_doing_equals_the_front_door_formula(seed):
    """x -> m -> y with a hidden common cause of x and y, which pyAgrum never sees."""
    rng = np.random.default_rng(seed)
    sizes = {name: int(rng.integers(2, 5)) for name in "uxmy"}
    network = confounded(rng, sizes, {"x": ("u",), "m": ("x",), "y": ("u", "m")})
    tables = (network.tables[name] for name in "uxmy")
    joint = np.einsum("u,ux,xm,umy->xmy", *tables)
    arcs = "x[{x}]->m[{m}]->y[{y}];x->y".format(**sizes)
    model = observed_network(("x", "m", "y"), joint, arcs)
    causes = causal.CausalModel(model, [("u", ["x", "y"])], False)
    _, impact, how = causal.causalImpact(causes, on="y", doing="x")
    assert "frontdoor" in how
    np.testing.assert_allclose(effects(network, "x", "y"), their_table(impact, ("x", "y")), **CLOSE)


def confounded(rng: np.random.Generator, sizes, parents) -> TabledNetwork:
    states = {name: tuple(f"s{i}" for i in range(size)) for name, size in sizes.items()}
    tables = {
        name: random_rows(rng, tuple(sizes[p] for p in parents.get(name, ())), size)
        for name, size in sizes.items()
    }
    return TabledNetwork("confounded", states, parents, tables)
