"""Derivatives by cells against exact ones, and against complex steps through the full joint."""

from __future__ import annotations

import numpy as np
import pytest

import forecast as fc
from forecast.network.structure import Block, Network, Node
from forecast.posterior.beliefs import Beliefs
from forecast.testing.networks import static_case
from tests.network.cases import LOOKING_BACK, any_case

A, B, C = 2, 3, 2
NETWORK = Network(
    (
        Node("a", ("a0", "a1"), Block((), 0), None),
        Node("b", ("b0", "b1", "b2"), Block((("a", 0),), A), None),
        Node("c", ("c0", "c1"), Block((("b", 0),), A + A * B), None),
    ),
    A + A * B + B * C,
    dynamic=False,
)


def tables(seed, n=2):
    rng = np.random.default_rng(seed)
    rows = [rng.dirichlet(np.ones(k), n).T for k in (A, B, B, C, C, C)]
    return np.concatenate(rows)


def joint(theta):
    """P(a, b, c), up to a factor, as a product of the tables; complex cells are allowed."""
    a, b, c = theta[:A], theta[A : A + A * B].reshape(A, B), theta[A + A * B :].reshape(B, C)
    return a[:, None, None] * b[:, :, None] * c[None]


def bits(theta):
    """I(a; c) of the joint, normalised."""
    both = joint(theta).sum(axis=1)
    both = both / both.sum()
    return (both * np.log2(both / np.outer(both.sum(axis=1), both.sum(axis=0)))).sum()


def complex_step_derivatives(function, theta):
    """Squire and Trapp 1998: a step along the imaginary axis has no rounding."""
    steps = theta + 1e-30j * np.eye(len(theta))
    return np.array([function(row).imag / 1e-30 for row in steps])


@pytest.mark.parametrize("seed", range(6))
def test_information_by_cell_equals_complex_steps(seed):
    theta = tables(seed)
    beliefs = Beliefs.of(NETWORK, theta)
    found = fc.cell_sensitivity_of(
        beliefs, lambda b: b.information("a").sel(variable="c", drop=True)
    )
    expected = [complex_step_derivatives(bits, theta[:, draw]) for draw in range(2)]
    np.testing.assert_allclose(found[0], expected, atol=1e-8)


@pytest.mark.parametrize("seed", range(4))
def test_a_union_by_cell_equals_complex_steps(seed):
    theta = tables(seed)

    def either(cells):
        p = joint(cells)
        return (p[1].sum() + p[0, :, 1].sum()) / p.sum()

    found = fc.cell_sensitivity_of(
        Beliefs.of(NETWORK, theta), lambda b: b.union([("a", "a1"), ("c", "c1")])
    )
    expected = [complex_step_derivatives(either, theta[:, draw]) for draw in range(2)]
    np.testing.assert_allclose(found[0], expected, atol=1e-8)


@pytest.mark.parametrize("make", [static_case, any_case])
@pytest.mark.parametrize("seed", range(4))
def test_a_state_by_cell_equals_the_exact_derivative(make, seed):
    """Structural zeros too, where points can only lie above."""
    case = make(seed)
    beliefs = Beliefs.of(case.network, case.theta[:, None], case.log_like)
    node = case.network.nodes[-1]
    time = beliefs.times[-1]
    exact = beliefs.cell_sensitivity({node.name: node.states[0]}, time)
    found = fc.cell_sensitivity_of(
        beliefs,
        lambda b: b.posterior(node.name, time, view="smoothed").sel(state=node.states[0]),
    )
    np.testing.assert_allclose(found, exact, atol=1e-8)


def test_a_question_must_answer_for_every_draw():
    with pytest.raises(fc.InputError, match="one finite number for each draw"):
        fc.cell_sensitivity_of(Beliefs.of(NETWORK, tables(0)), lambda b: b.posterior("a"))


def test_cells_are_labelled_by_what_they_say():
    """Each label leads back to its cell by the network's layout, earlier and later tables too."""
    for seed in (*range(4), *LOOKING_BACK):
        case = any_case(seed)
        network = case.network
        beliefs = Beliefs.of(network, case.theta[:, None], case.log_like)
        node = network.nodes[-1]
        found = beliefs.cell_sensitivity({node.name: node.states[0]}, 1)
        for block, table in ((node.first, "first"), (node.later, "later")):
            parents = [
                f"{['', 'previous ', 'previous 2 ', 'previous 3 '][lag]}{name}="
                f"{network.node(name).states[-1]}"
                for name, lag in block.parents
            ]
            labels = {
                "variable": node.name,
                "table": "every" if node.first == node.later else table,
                "parents": ", ".join(parents),
                "state": node.states[0],
            }
            row = network.cells(block, node.name).stop - len(node.states)
            assert found.sel(labels).item() == found.isel(cell=row).item()


def test_derivatives_weigh_as_the_answers_do():
    """The mean slope of P(a | c) is that of draws that weigh by P(c), in both functions."""
    beliefs = Beliefs.of(NETWORK, tables(3, n=200)).set_evidence({"c": "c1"})
    weight = np.array([joint(theta)[..., 1].sum() for theta in beliefs.theta.T])
    exact = beliefs.cell_sensitivity({"a": "a1"})
    expected = exact.unweighted().to_numpy()[0].T @ weight / weight.sum()
    mean = exact.mean(("chain", "draw"))
    np.testing.assert_allclose(mean, expected, atol=1e-12)
    series = mean.to_series()
    assert series.index.names == ["variable", "table", "parents", "state"]
    assert series["b", "every", "a=a0", "b2"] == mean.to_numpy()[A + 2]
    assert fc.summarize(exact)["mean"].to_numpy() == pytest.approx(expected)
    few = Beliefs.of(NETWORK, tables(3, n=4)).set_evidence({"c": "c1"})
    found = fc.cell_sensitivity_of(few, lambda b: b.posterior("a").sel(state="a1", drop=True))
    expected = few.cell_sensitivity({"a": "a1"}).mean(("chain", "draw"))
    np.testing.assert_allclose(found.mean(("chain", "draw")), expected, atol=1e-8)
