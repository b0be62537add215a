"""Events over several steps, against all histories one by one."""

from itertools import product

import numpy as np
import pytest

from forecast.network.automaton import (
    Combination,
    at_least_once,
    before,
    count_between,
    count_steps,
    final_states,
)
from forecast.network.structure import Block, Network, Node

N_STEPS = 4
SHARES = (0.0, 1.0, 0.4, 1.0)
ROCKETS = ((("fire", ("rocket",)),),)
RAID = ((("posture", ("raid",)), ("fire", ("mortar", "rocket"))), (("fire", ("rocket",)),))
MORTAR = ((("fire", ("mortar",)),),)


@pytest.fixture(scope="module")
def small():
    """A course and what is seen of it, under random tables, with some evidence."""
    posture = Node("posture", ("rest", "raid"), Block((), 0), Block((("posture", 1),), 2))
    fire = Node("fire", ("none", "mortar", "rocket"), block := Block((("posture", 0),), 6), block)
    network = Network((posture, fire), 12, dynamic=True)
    rng = np.random.default_rng(5)
    rows = [rng.dirichlet(np.ones(size), 3) for size in (2, 2, 2, 3, 3)]
    theta = np.concatenate([row.T for row in rows])
    like = rng.normal(size=(N_STEPS, network.n_columns, 3))
    like[0, network.state("fire", "mortar")] = -np.inf
    return network, theta, like


def history_weights(network, theta, like):
    """Every history, (step, variable), with its probability times that of the evidence."""
    lies = [theta[:2], theta[2:6].reshape(2, 2, -1), theta[6:].reshape(2, 3, -1)]
    for states in product(product(range(2), range(3)), repeat=N_STEPS):
        weight, last = np.ones(theta.shape[1]), None
        for step, (posture, fire) in enumerate(states):
            weight = weight * (lies[0][posture] if last is None else lies[1][last, posture])
            weight = weight * lies[2][posture, fire]
            weight = weight * np.exp(like[step, posture] + like[step, 2 + fire])
            last = posture
        yield states, weight


def holds(condition, state):
    """Whether a condition holds of one step's states."""
    named = {"posture": ("rest", "raid")[state[0]], "fire": ("none", "mortar", "rocket")[state[1]]}
    return any(all(named[name] in some for name, some in parts) for parts in condition)


def walks(event, states):
    """Distribution of what an event comes to over one history, by going through it."""
    if isinstance(event, Combination):
        yes = [walks(part, states)[-1] for part in event.parts]
        found = {"all": np.prod(yes), "any": 1 - np.prod(1 - np.array(yes)), "not": 1 - yes[0]}
        return np.array([1 - found[event.kind], found[event.kind]])
    at = np.eye(len(event.moves))[0]
    for state, share in zip(states, event.shares, strict=True):
        held = [share * holds(condition, state) for condition in event.conditions]
        then = np.zeros_like(at)
        for counted in product((0, 1), repeat=len(held)):
            probability = np.prod([h if c else 1 - h for h, c in zip(held, counted, strict=True)])
            digits = int("".join(map(str, counted)), 2)
            for before_, mass in enumerate(at):
                then[event.moves[before_][digits]] += mass * probability
        at = then
    return at


ROCKET_ONCE, RAID_ONCE = at_least_once(ROCKETS, SHARES), at_least_once(RAID, (1.0,) * N_STEPS)
MORTAR_ONCE = at_least_once(MORTAR, (1.0,) * N_STEPS)
EVENTS = {
    "once": RAID_ONCE,
    "cut": ROCKET_ONCE,
    "last": at_least_once(MORTAR, (0.0, 0.0, 0.0, 1.0)),
    "count": count_steps(RAID, (1.0,) * N_STEPS, 3),
    "between": count_between(RAID, (1.0,) * N_STEPS, 1, 2),
    "before": before(ROCKETS, MORTAR, SHARES),
    "all": Combination("all", (ROCKET_ONCE, Combination("not", (MORTAR_ONCE,)), RAID_ONCE)),
    "any": Combination("any", (before(MORTAR, ROCKETS, SHARES), RAID_ONCE)),
    "first": Combination("any", (before(MORTAR, ROCKETS, SHARES),)),
}


@pytest.mark.parametrize("name", EVENTS)
def test_an_event_is_the_sum_over_histories(small, name):
    network, theta, like = small
    event, total, expected = EVENTS[name], 0.0, 0.0
    for states, weight in history_weights(network, theta, like):
        total = total + weight
        expected = expected + np.multiply.outer(walks(event, states), weight)
    found = final_states(network, theta, like, event)
    assert found == pytest.approx(expected / total, abs=1e-12)


def test_tables_that_change_on_the_way_are_used(small):
    network, theta, _ = small
    other, like = theta.copy(), network.no_evidence(N_STEPS)
    other[6:] = np.array([0, 0, 1, 0, 0, 1.0])[:, None]  # nothing but rockets
    regimes = np.array([0, 0, 0, 1])
    found = final_states(network, np.stack([theta, other]), like, RAID_ONCE, regimes)
    assert found[1] == pytest.approx(1.0, abs=1e-12)
