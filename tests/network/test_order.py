"""Chains of higher order against loops over their histories, and what they cost."""

from itertools import product

import numpy as np
import pytest

from forecast.errors import TooLarge
from forecast.network.elimination import elimination
from forecast.network.slices import planned_slice
from forecast.network.structure import Block, Network, Node
from forecast.network.sweep import sweep
from forecast.posterior.beliefs import Beliefs

STEPS = 6


def chain(order, size=2):
    """One variable whose table has as parents its states 1, …, `order` steps ago."""
    states = tuple(f"s{k}" for k in range(size))
    later = Block(tuple(("x", lag) for lag in range(1, order + 1)), size)
    return Network((Node("x", states, Block((), 0), later),), size + size ** (order + 1), True)


def tables(order, seed, size=2):
    rng = np.random.default_rng(seed)
    first, later = rng.dirichlet(np.ones(size)), rng.dirichlet(np.ones(size), size**order)
    return first, later.reshape((size,) * (order + 1))


@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [2, 3])
def test_before_the_first_step_it_was_as_in_the_first(order, size):
    first, later = tables(order, 5, size)
    like = np.random.default_rng(order).normal(size=(STEPS, size))
    total, probability = 0.0, np.zeros((STEPS, size))
    for history in product(range(size), repeat=STEPS):
        weight = first[history[0]] * np.exp(like[0, history[0]])
        padded = [history[0]] * (order - 1) + list(history)
        for step in range(1, STEPS):
            past = padded[step - 1 : step - 1 + order][::-1]  # the step before first
            weight *= later[(*past, history[step])] * np.exp(like[step, history[step]])
        total += weight
        for step, state in enumerate(history):
            probability[step, state] += weight
    theta = np.concatenate([first, later.ravel()])[:, None]
    found = sweep(chain(order, size), theta, like, "smoothed")
    np.testing.assert_allclose(found.log_evidence[0], np.log(total), rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.marginals[..., 0], probability / total, rtol=0, atol=1e-12)


def test_a_table_that_looks_back_two_steps_alone_makes_two_chains():
    """Even and odd steps know nothing of one another once the first two are known."""
    network = Network((Node("x", ("a", "b"), Block((), 0), Block((("x", 2),), 2)),), 6, True)
    first, stays = np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.2, 0.8]])
    theta = np.concatenate([first, stays.ravel()])[:, None]
    beliefs = Beliefs.of(network, theta, network.no_evidence(6), now=0)
    known = beliefs.set_evidence({"x": "a"}, 0).set_evidence({"x": "b"}, 1)
    even = [np.linalg.matrix_power(stays, n)[0, 0] for n in (1, 2)]
    odd = [np.linalg.matrix_power(stays, n)[1, 0] for n in (1, 2)]
    for step, expected in zip((2, 4, 3, 5), (*even, *odd), strict=True):
        assert known.posterior("x", step).sel(state="a").item() == pytest.approx(expected)


def test_a_chain_that_ignores_what_is_older_is_one_of_first_order():
    first, later = tables(1, 8, 3)
    deep = np.broadcast_to(later[:, None, None], (3, 3, 3, 3))
    like = np.random.default_rng(2).normal(size=(9, 3))
    plain = sweep(
        chain(1, 3), np.concatenate([first, later.ravel()])[:, None], like, "smoothed", counts=True
    )
    found = sweep(
        chain(3, 3), np.concatenate([first, deep.ravel()])[:, None], like, "smoothed", counts=True
    )
    np.testing.assert_allclose(found.log_norm, plain.log_norm, rtol=0, atol=1e-12)
    np.testing.assert_allclose(found.marginals, plain.marginals, rtol=0, atol=1e-12)
    uses = found.counts[0, 3:, 0].reshape(3, 3, 3, 3).sum(axis=(1, 2))
    np.testing.assert_allclose(uses, plain.counts[0, 3:, 0].reshape(3, 3), rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_a_step_costs_what_its_joint_states_do(order):
    """The message has an axis for each step that is looked back at, for no other variable."""
    size, more = 4, 3
    x = Node("x", tuple("abcd"), Block((), 0), Block(tuple(("x", k + 1) for k in range(order)), 4))
    y = Node("y", tuple("uvw"), Block((), 0), Block((("y", 1), ("x", 0)), 4 + 4 ** (order + 1)))
    z = Node("z", ("no", "yes"), Block((("x", 0), ("y", 0)), 0), Block((("x", 0), ("y", 0)), 0))
    network = Network((x, y, z), 4 + 4 ** (order + 1) + 36, dynamic=True)
    assert network.interface_after(order) == (
        *("x", "previous x", "previous 2 x")[:order],
        "y",
    )
    later = planned_slice(network, first=False).circuit
    assert later.like_at - later.message_at == size**order * more
    assert elimination(network).largest.operations <= size ** (order + 1) * more
    assert network.order == order


def test_what_is_looked_back_at_is_printed():
    assert "previous x, previous 2 x" in str(chain(2))
    assert "previous 2 x, previous x, x" in str(elimination(chain(2)))


@pytest.mark.parametrize("lag", [30, 1_000, 10**9])
def test_looking_back_further_than_memory_goes_is_refused_at_once(lag):
    network = Network((Node("x", ("a", "b"), Block((), 0), Block((("x", lag),), 2)),), 6, True)
    with pytest.raises(TooLarge, match=rf"previous {lag} x as a parent: .* joint states, which"):
        sweep(network, np.full((6, 1), 0.5), network.no_evidence(3), "forward")
