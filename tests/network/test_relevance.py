"""Parts of networks, and sums over a cutset: the same answers as of the whole network at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from forecast.errors import TooLarge
from forecast.interchange.tabled import TabledNetwork
from forecast.network import relevance
from forecast.network.conditioning import cutset
from forecast.network.relevance import relevant_part
from forecast.network.slices import planned_slice
from forecast.network.sweep import sweep
from forecast.testing.networks import static_case
from tests.rivals import our_beliefs, random_case

CLOSE = {"rtol": 0, "atol": 1e-12}


def known_in(case):
    """Variables of which one state is possible, and which; those with any evidence."""
    known, seen = {}, []
    for name in case.network.names:
        row = case.log_like[0, case.network.states(name)]
        if np.isfinite(row).sum() == 1:
            known[name] = int(np.isfinite(row).argmax())
        if row.any():
            seen.append(name)
    return known, seen


@pytest.mark.parametrize("seed", range(40))
def test_the_part_of_one_variable_answers_as_the_whole(seed):
    case = static_case(seed, zeros=seed % 3 == 0)
    theta = case.theta[:, None]
    known, seen = known_in(case)
    whole = sweep(case.network, theta, case.log_like, "smoothed")
    for name in case.network.names:
        part = relevant_part(case.network, [name], seen, known)
        like = case.log_like[:, part.columns]
        found = sweep(part.network, part.tables(theta), like, "smoothed").marginals
        lies = case.network.states(name)
        columns = np.arange(lies.start, lies.stop)
        np.testing.assert_allclose(part.pick(found, columns), whole.marginals[:, lies], **CLOSE)
        assert set(part.network.names) <= set(case.network.names)
    every = relevant_part(case.network, None, seen, known)
    found = sweep(every.network, every.tables(theta), case.log_like[:, every.columns], "forward")
    np.testing.assert_allclose(found.log_norm, whole.log_norm, rtol=1e-12, atol=1e-12)


def class_with_features(n_features: int) -> TabledNetwork:
    """A class of two states with so many features, each with a child of its own."""
    rng = np.random.default_rng(3)
    states, parents, tables = {"class": ("a", "b")}, {}, {"class": np.array([0.4, 0.6])}
    for k in range(n_features):
        for name, parent in ((f"child{k}", "class"), (f"leaf{k}", f"child{k}")):
            states[name], parents[name] = ("a", "b", "c"), (parent,)
            tables[name] = rng.dirichlet(np.ones(3), len(states[parent]))
    return TabledNetwork("class", states, parents, tables)


def test_what_is_known_separates():
    network = class_with_features(30).network
    part = relevant_part(network, ["child1"], ["class", "leaf1", "leaf2"], {"class": 1, "leaf1": 2})
    assert part.network.names == ("child1", "leaf1")
    assert part.network.sizes == {"child1": 3, "leaf1": 1}
    everything = relevant_part(network, network.names, ["class"], {"class": 1})
    assert planned_slice(everything.network, first=True).plan.operations < 20 * 30 * 3


@pytest.mark.parametrize("seed", range(12))
def test_a_cutset_answers_as_one_sweep(seed):
    """The limit admits no more than a share of what one sweep takes."""
    case = static_case(seed + 100, zeros=seed % 3 == 0)
    rng = np.random.default_rng(seed)
    theta = np.stack([case.theta, np.roll(case.theta, 1)], axis=1)
    names = rng.permutation(case.network.names)[:2].tolist()
    probes = (tuple(names), (names[0],))
    arguments = theta, case.log_like, "smoothed"
    whole = sweep(case.network, *arguments, probes=probes, counts=True)
    cells = planned_slice(case.network, first=True).plan.cells
    limit = 16.0 * (case.network.n_cells + 0.6 * (cells - case.network.n_cells))
    small = replace(case.network, memory_limit=limit)
    try:
        cut = cutset(small, probes)
    except TooLarge:  # a few variables: tables alone take most of the memory
        return
    found = sweep(small, *arguments, probes=probes, counts=True)
    np.testing.assert_allclose(found.log_norm, whole.log_norm, rtol=1e-12, atol=1e-12)
    for field in ("marginals", "probes", "counts"):
        np.testing.assert_allclose(getattr(found, field), getattr(whole, field), **CLOSE)
    assert cut or cells * 16 <= limit


def test_some_cutset_is_needed():
    sizes = [len(cutset(replace(grid(5).network, memory_limit=limit), ())) for limit in (1e9, 9e3)]
    assert sizes[0] == 0
    assert sizes[1] > 0


def grid(width: int) -> TabledNetwork:
    """A square of binary variables, each depending on those to the left and above."""
    rng = np.random.default_rng(5)
    states, parents, tables = {}, {}, {}
    for i, j in np.ndindex(width, width):
        name = f"v{i}_{j}"
        parents[name] = tuple(f"v{a}_{b}" for a, b in ((i - 1, j), (i, j - 1)) if min(a, b) >= 0)
        states[name] = ("a", "b")
        tables[name] = rng.dirichlet(np.ones(2), (2,) * len(parents[name]))
    return TabledNetwork("grid", states, parents, tables)


def test_a_grid_by_its_cutset():
    whole, less = grid(5).network, replace(grid(5).network, memory_limit=9e3)
    theta, nothing = grid(5).theta, whole.no_evidence(1)
    expected = sweep(whole, theta, nothing, "smoothed").marginals
    np.testing.assert_allclose(sweep(less, theta, nothing, "smoothed").marginals, expected, **CLOSE)


def test_a_refusal_says_what_would_have_to_be_summed():
    with pytest.raises(TooLarge, match=r"Summed over the states of v.*sweeps, more than the 1,000"):
        cutset(replace(grid(9).network, memory_limit=16 * 900), ())


def test_beliefs_about_parts_answer_as_the_whole(monkeypatch):
    """Every question that sweeps a part, with hard and soft evidence."""
    case = random_case(7, 30)
    whole = our_beliefs(case)
    names = list(case.network.variables)
    expected = whole.posteriors().to_numpy(), whole.log_evidence().item()
    joints = [whole.joint(pair).to_numpy() for pair in zip(names[:8], names[8:16], strict=True)]
    relevance._is_small.cache_clear()
    monkeypatch.setattr(relevance, "FEW_VARIABLES", 0)
    try:
        parts = our_beliefs(case)
        assert parts.log_evidence().item() == pytest.approx(expected[1], abs=1e-12)
        np.testing.assert_allclose(parts.posteriors().to_numpy(), expected[0], **CLOSE)
        for name in names:
            found, lies = parts.posterior(name).to_numpy()[0, 0], whole.network.states(name)
            np.testing.assert_allclose(found, expected[0][0, 0, 0, lies], **CLOSE)
        for pair, joint in zip(zip(names[:8], names[8:16], strict=True), joints, strict=True):
            np.testing.assert_allclose(parts.joint(pair).to_numpy(), joint, **CLOSE)
    finally:
        relevance._is_small.cache_clear()
