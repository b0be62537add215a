"""Planning of eliminations: bounded by the size of the network, and no dearer than it saves.

Work is counted in steps, not in seconds, so that a slow machine does not fail a test.
"""

from __future__ import annotations

from itertools import combinations
from math import prod

import numpy as np
import pytest

import forecast as fc
from forecast.network.elimination import elimination
from forecast.network.ordering import make_graph
from forecast.network.planning import MOST_WORK, RULES, _as_numbers, plan_elimination
from forecast.network.slices import planned_slice
from forecast.testing.networks import dynamic_case

NOTHING = frozenset[str]()


def random_scopes(seed: int, size: int, near: int = 8, most: int = 3):
    """Tables of a random network, each variable with up to so many parents a little before it."""
    rng = np.random.default_rng(seed)
    states = {f"v{k}": int(rng.integers(2, 5)) for k in range(size)}
    scopes = []
    for k in range(size):
        before = np.arange(max(0, k - near), k)
        chosen = rng.permutation(before)[: rng.integers(0, most + 1)]
        scopes.append((*(f"v{p}" for p in chosen), f"v{k}"))
    return [*scopes, *((name,) for name in states)], states


def grid_scopes(width: int, length: int):
    """Pairs of neighbours of a grid of binary variables."""
    at = {(x, y): f"v{x}_{y}" for x in range(length) for y in range(width)}
    pairs = [
        (name, at[there])
        for (x, y), name in at.items()
        for there in ((x + 1, y), (x, y + 1))
        if there in at
    ]
    return pairs, dict.fromkeys(at.values(), 2)


@pytest.mark.parametrize("n_features", [100, 200, 600])
def test_naive_bayes(n_features):
    """Each child is 1.01 times as likely in one state of the class; all show the same."""
    names = [f"e{k}" for k in range(n_features)]
    rows = [[0.999, 0.001], [0.99899, 0.00101]]
    network = fc.TabledNetwork(
        name="naive Bayes",
        variables={"h": ("0", "1"), **dict.fromkeys(names, ("quiet", "alarm"))},
        parents=dict.fromkeys(names, ("h",)),
        tables={"h": [0.5, 0.5], **dict.fromkeys(names, rows)},
    )
    beliefs = network.beliefs(draws=1).set_evidence(dict.fromkeys(names, "alarm"))
    found = beliefs.posterior("h").sel(state="1").item()
    assert found == pytest.approx(1 / (1 + 1.01**-n_features), abs=1e-12)


def test_long_chain():
    """A chain of 3,000 variables with a finding on every tenth, by a pass forwards alone."""
    n, rng = 3000, np.random.default_rng(0)
    names = [f"v{k}" for k in range(n)]
    tables = {name: rng.dirichlet(np.ones(3), 3) for name in names[1:]} | {"v0": np.full(3, 1 / 3)}
    states = ("a", "b", "c")
    network = fc.TabledNetwork(
        name="chain",
        variables=dict.fromkeys(names, states),
        parents=dict(zip(names[1:], ((name,) for name in names), strict=False)),
        tables=tables,
    )
    seen = dict.fromkeys(names[:-1:10], "b")
    message, log_evidence = tables["v0"], 0.0
    for name in names:
        message = message if name == "v0" else message @ tables[name]
        if name in seen:
            log_evidence += np.log(message[1])
            message = np.array([0.0, 1.0, 0.0])
    beliefs = network.beliefs(draws=1).set_evidence(seen)
    np.testing.assert_allclose(beliefs.posterior(names[-1]).to_numpy().ravel(), message, atol=1e-12)
    assert beliefs.log_evidence().item() == pytest.approx(log_evidence, rel=1e-12)


@pytest.mark.parametrize("size", [200, 1000])
def test_work_follows_the_size(size):
    scopes, states = random_scopes(size, size, near=6)
    plan = plan_elimination(scopes, states, NOTHING)
    assert plan.operations == sum(prod(states[axis] for axis in step.joint) for step in plan.steps)
    assert plan.work < 1.5 * MOST_WORK


def test_the_same_factors_give_the_same_plan():
    scopes, states = random_scopes(1, 50)
    assert plan_elimination(scopes, states, NOTHING) == plan_elimination(scopes, states, NOTHING)


def test_work_on_a_naive_bayes_network_follows_its_features():
    """All pairs of 1,500 factors would be a million."""
    names = [f"e{k}" for k in range(1500)]
    scopes = [("h", name) for name in names] + [(name,) for name in names]
    plan = plan_elimination(scopes, dict.fromkeys(["h", *names], 2), NOTHING)
    assert plan.work < 1.5 * MOST_WORK
    assert plan.operations == 4 * 1500 + 2 * 1499


@pytest.mark.parametrize("width", [2, 5, 8])
def test_ladders_and_grids(width):
    """Summed out from one end, a grid has tables of one variable more than it is wide."""
    length = 60
    scopes, states = grid_scopes(width, length)
    plan = plan_elimination(scopes, states, NOTHING)
    assert plan.operations < 2 * length * width * 2 ** (width + 1)


@pytest.mark.parametrize("seed", range(4))
def test_more_tries_are_never_worse(seed):
    scopes, states = random_scopes(seed, 40, near=12)
    best = plan_elimination(scopes, states, NOTHING).operations
    first = plan_elimination(scopes, states, NOTHING, tries=1).operations
    rules = plan_elimination(scopes, states, NOTHING, tries=len(RULES)).operations
    assert best <= rules <= first


@pytest.mark.parametrize("seed", range(4))
def test_a_plan_sums_to_what_einsum_gives(seed):
    """Carried out with arrays, step by step, against one sum over all joint states."""
    scopes, states = random_scopes(seed, 9, near=4)
    rng = np.random.default_rng(seed)
    arrays = [rng.random([states[axis] for axis in scope]) for scope in scopes]
    keep, letters = frozenset({"v0", "v8"}), {name: chr(97 + k) for k, name in enumerate(states)}

    def spell(axes):
        return "".join(letters[axis] for axis in axes)

    whole = np.einsum(",".join(map(spell, scopes)) + "->" + spell(sorted(keep)), *arrays)
    plan = plan_elimination(scopes, states, keep)
    made = [*zip(map(tuple, scopes), arrays, strict=True), ((), np.ones(()))]
    for step in plan.steps:
        (left, a), (right, b) = (made[at] for at in (step.left, step.right or len(scopes)))
        kept = tuple(sorted(step.kept))
        made.append((kept, np.einsum(f"{spell(left)},{spell(right)}->{spell(kept)}", a, b)))
    np.testing.assert_allclose(made[-1][1], whole, rtol=1e-12)


@pytest.mark.parametrize("by_states", [False, True])
def test_fill_and_weight_are_those_of_the_graph(by_states):
    """Kept up to date edge by edge, against a fresh count."""
    rng = np.random.default_rng(3)
    names = [f"v{k}" for k in range(70)]
    sizes = dict(zip(names, rng.integers(2, 6, 70).tolist(), strict=True))
    scopes = [tuple(rng.choice(names, 3, replace=False).tolist()) for _ in range(120)]
    factors = _as_numbers(scopes, sizes, names, NOTHING, NOTHING, NOTHING)
    graph, _ = make_graph(factors, by_states)
    near = {name: {o for s in scopes if name in s for o in s} - {name} for name in names}
    for at, name in enumerate(names):
        missing = [(a, b) for a, b in combinations(near[name], 2) if b not in near[a]]
        mass = sizes if by_states else dict.fromkeys(names, 1)
        assert graph.fill[at] == sum(mass[a] * mass[b] for a, b in missing)
        assert graph.weight[at] == sizes[name] * prod(sizes[other] for other in near[name])


def test_what_cannot_be_done_is_refused_early():
    scopes, states = grid_scopes(40, 40)
    with pytest.raises(fc.TooLarge, match=r"needs more than .* GB, more than the limit of 2 GB"):
        plan_elimination(scopes, states, NOTHING)


@pytest.mark.parametrize("seed", range(6))
def test_an_elimination_that_prints_itself_is_the_one_that_is_compiled(seed):
    network = dynamic_case(seed, n_steps=3).network
    for first in (True, False):
        planned, found = planned_slice(network, first=first), elimination(network, first=first)
        assert found.operations == planned.plan.operations
        left = set(planned.order) - {axis for scope in planned.results for axis in scope}
        assert sorted(found.order) == sorted(left)
        assert f"{found.largest.operations:,}" in repr(found)
