"""A network of another tool as a value: its rules, its draws and its answers."""

import numpy as np
import pytest

from forecast.interchange.tabled import TabledNetwork
from forecast.network.sweep import sweep
from tests.interchange.files import random_network, sprinkler
from tests.refusals import problems


def test_construction_lists_all_problems():
    found = problems(
        lambda: TabledNetwork(
            "n",
            {"a": ("x", "y"), "b": ("x", "y"), "c": ("x", "y")},
            {"b": ("a",)},
            {"a": [0.5, 0.6], "b": [[1, 0]], "c": [-0.5, 1.5]},
            {"a": 0},
        )
    )
    assert len(found) == 4
    assert found[0].startswith("a: its row sums to 1.1")
    assert "b: its table has shape (1, 2)" in found[1]
    assert "c: cell (0,) is -0.5" in found[2]
    assert "a concentration is at least" in found[3]


@pytest.mark.parametrize(
    ("parents", "message"),
    [
        ({"a": ("b",), "b": ("a",)}, "a → b → a"),
        ({"a": ("q",)}, "'q' is not a variable"),
        ({"a": ("a",)}, "own parent"),
        ({"a": ("b", "b")}, "more than once"),
        ({"q": ()}, "'q' is not a variable"),
    ],
)
def test_construction_checks_the_structure(parents, message):
    variables = {"a": ("x", "y"), "b": ("x", "y")}
    assert message in problems(lambda: TabledNetwork("n", variables, parents))[0]


def test_inference_agrees_with_the_joint_distribution():
    for seed in range(12):
        network = random_network(seed, names=[*"abcdefgh"], labels=[*"stuvw"])
        built, names = network.network, list(network.variables)
        evidence = built.no_evidence(1)
        last = network.tables[names[-1]]
        seen = {names[-1]: int(last.sum(axis=tuple(range(last.ndim - 1))).argmax())}
        for name, state in seen.items():
            evidence[0, built.states(name)] = -np.inf
            evidence[0, built.states(name).start + state] = 0.0
        joint = np.zeros([len(states) for states in network.variables.values()])
        for at in np.ndindex(joint.shape):
            where = dict(zip(names, at, strict=True))
            joint[at] = float(all(where[n] == state for n, state in seen.items()))
            for n, table in network.tables.items():
                joint[at] *= table[(*(where[p] for p in network.parents[n]), where[n])]
        if joint.sum() < 1e-6:
            continue
        swept = sweep(built, network.theta, evidence, "smoothed")
        for axis, name in enumerate(names):
            others = tuple(i for i in range(len(names)) if i != axis)
            expected = joint.sum(others) / joint.sum()
            found = swept.marginals[0, built.states(name), 0]
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_drawn_rows_are_dirichlet_and_exact_rows_stay():
    network = sprinkler()
    n = 20_000
    theta = network.draw_tables(n, random_seed=3)
    assert theta.shape == (network.n_cells, n)
    start = 0
    for name, table in network.tables.items():
        drawn = theta[start : start + table.size].reshape(*table.shape, n)
        start += table.size
        firm = network.concentration.get(name, np.full(table.shape[:-1], np.inf))
        for at in np.ndindex(table.shape[:-1]):
            np.testing.assert_allclose(drawn[at].sum(0), 1, rtol=0, atol=1e-12)
            assert (drawn[at][table[at] == 0] == 0).all()
            if np.isinf(firm[at]):
                assert (drawn[at] == table[at][:, None]).all()
                continue
            spread = np.sqrt(table[at] * (1 - table[at]) / (firm[at] + 1))
            errors = (drawn[at].mean(1) - table[at]) / np.maximum(spread / np.sqrt(n), 1e-12)
            assert np.abs(errors).max() < 4.5
            np.testing.assert_allclose(drawn[at].std(1), spread, rtol=0.05)
    assert np.array_equal(theta, network.draw_tables(n, random_seed=3))


def test_very_loose_rows_are_drawn_without_faults():
    network = TabledNetwork("n", {"a": ("x", "y", "z")}, tables={"a": [0.999, 0.001, 0.0]})
    theta = network.with_concentration(1e-6).draw_tables(5000, random_seed=1)
    assert np.isfinite(theta).all()
    np.testing.assert_allclose(theta.sum(0), 1, rtol=0, atol=1e-12)
    assert abs(theta[0].mean() - 0.999) < 5 * np.sqrt(0.999 * 0.001 / 5000)


def test_values_cannot_be_changed_in_place():
    network = sprinkler()
    with pytest.raises(ValueError, match="read-only"):
        network.tables["rain"][0, 0] = 1
    looser = network.with_concentration({"rain": 5})
    assert "rain" not in network.concentration
    assert looser.concentration["rain"].tolist() == [5, 5]
    assert looser.concentration["grass"] is not None
    assert "did you mean 'rain'" in problems(network.with_concentration, {"ran": 5})[0]
    assert "<td>none, light, heavy</td>" in network._repr_html_()
    assert "sprinkler  off, on" in repr(network)
