"""Evidence on one step under several rows, against whole polynomials; and what it costs."""

import numpy as np
import pytest

from forecast.network import filtering
from forecast.network.filtering import Memory, messages_after
from forecast.network.horizon import forbid
from forecast.network.kernels import count_products
from forecast.network.slices import step_slices
from forecast.network.sweep import sweep
from tests.network.cases import LOOKING_BACK, any_case

DRAWS = 3


def rows_of(case, states):
    """Log-likelihoods of the last step, as they are and with each of some states ruled out."""
    last = slice(len(case.log_like) - 1, None)
    whole = [forbid(case.network, case.log_like, [each], last) for each in states]
    return [case.log_like, *whole], [like[-1][:, None] for like in (case.log_like, *whole)]


def tables_of(case):
    """Tables that differ between draws."""
    return np.stack([case.theta**power for power in (1.0, 0.9, 1.1)], axis=1)


@pytest.mark.parametrize("seed", [*range(12), *LOOKING_BACK])
def test_rows_of_one_step_are_run_together(seed):
    """States of inputs among them, whose likelihoods are settled; in any order, kept or not."""
    case = any_case(seed, n_inputs=seed % 3)
    network, theta, memory = case.network, tables_of(case), Memory()
    random = np.random.default_rng(seed)
    states = [(node.name, state) for node in network.nodes for state in node.states]
    before, compared = [row[:, None] for row in case.log_like[:-1]], 0
    for norms in (3, 0, 2):
        chosen = [states[k] for k in random.choice(len(states), 3, replace=False)]
        whole, rows = rows_of(case, chosen)
        found = messages_after(network, theta, before, rows, memory=memory, norms=norms)
        if found is None:  # products came near underflow
            continue
        for like, present in zip(whole, found, strict=True):
            exact = sweep(network, theta, like, "smoothed")
            np.testing.assert_allclose(
                present.log_norm.sum(axis=0), exact.log_evidence, rtol=0, atol=1e-12
            )
            compared += 1
            if not len(present.message) or np.isneginf(exact.log_evidence).any():
                continue
            for axis in present.axes:
                name, lag = network.axes[axis]
                there = exact.marginals[-1 - lag][network.states(name)]
                np.testing.assert_allclose(
                    present.over(network, (axis,)), there, rtol=0, atol=1e-12
                )
    assert compared


def test_inputs_that_change_are_settled_anew():
    case = any_case(3, n_inputs=1)
    network, theta, memory = case.network, tables_of(case), Memory()
    [name] = [node.name for node in network.nodes if node.is_input]
    for state in (*network.node(name).states, network.node(name).states[0]):
        like = case.log_like.copy()
        like[-1, network.states(name)] = -np.inf
        like[-1, network.state(name, state)] = 0.0
        rows = [row[:, None] for row in like]
        [present] = messages_after(network, theta, rows[:-1], [rows[-1]], memory=memory)
        exact = sweep(network, theta, like, "forward").log_evidence
        np.testing.assert_allclose(present.log_norm.sum(axis=0), exact, rtol=0, atol=1e-12)


def counted(monkeypatch):
    """Products that are run from here on, of settled contractions and of others."""
    found = {"_settle": 0, "_finish": 0}
    for name, at in (("_settle", 1), ("_finish", 2)):
        run = getattr(filtering, name)

        def noted(*arguments, run=run, name=name, at=at):
            found[name] += count_products(arguments[at])
            run(*arguments)

        monkeypatch.setattr(filtering, name, noted)
    return found


def test_more_evidence_on_a_step_costs_what_it_comes_into(monkeypatch):
    """However much came before: the same products, without those that nothing new comes into."""
    case = any_case(2, n_steps=6, n_inputs=1)
    network, theta, memory = case.network, tables_of(case), Memory()
    split = step_slices(network, 6)[-1].split
    settled, rest = count_products(split.settled), count_products(split.rest)
    assert settled > 0
    [name, *_] = [node.name for node in network.nodes if not node.is_input]
    rows = [row[:, None] for row in case.log_like]
    column = network.state(name, network.node(name).states[0])
    done = counted(monkeypatch)
    messages_after(network, theta, rows[:-1], [rows[-1]], memory=memory)
    assert done["_settle"] > settled
    for n in range(1, 20):
        row, barred = rows[-1].copy(), rows[-1].copy()
        row[column], barred[column] = -0.1 * n, -np.inf
        done.update(_settle=0, _finish=0)
        messages_after(network, theta, rows[:-1], [row, barred], memory=memory, norms=1)
        assert done["_settle"] == 0
        assert rest < done["_finish"] < 2 * rest
        done.update(_finish=0)
        messages_after(network, theta, rows[:-1], [row, barred], memory=memory, norms=1)
        assert done["_finish"] == 0


def log_norms(case, rows, memory):
    """Log-probability of each step's evidence given the steps before, and the last message."""
    found = messages_after(case.network, tables_of(case), rows[:-1], [rows[-1]], memory=memory)
    return found[0].log_norm, found[0].message


@pytest.mark.parametrize("changed", [0, 3, 4, 5, 7, 9, 10])
def test_forgotten_messages_are_run_again(changed, monkeypatch):
    """The same to the last bit; a change costs three steps before it at most, and once alone."""
    monkeypatch.setattr(filtering, "ALL_SHARE", 0.0)
    case, memory = any_case(2, n_steps=11, n_inputs=1), Memory()
    rows = [row[:, None] for row in case.log_like]
    log_norms(case, rows, memory)
    assert [k for k, step in enumerate(memory.steps) if step.message is not None] == [3, 7, 10]
    steps = []
    run = filtering._Filtering._run
    monkeypatch.setattr(
        filtering._Filtering, "_run", lambda *given: [steps.append(given[1]), run(*given)][1]
    )
    for n, most in enumerate([3, 0], 1):
        rows[changed] = rows[changed] - 0.1 * n * (np.arange(len(rows[changed])) % 2)[:, None]
        steps.clear()
        found = log_norms(case, rows, memory)
        assert sorted(steps) == list(range(min(steps), 11))
        assert changed - most <= min(steps) <= changed
        assert sum(step.message is not None for step in memory.steps) <= 4
        for one, other in zip(found, log_norms(case, rows, Memory()), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("n_steps", [1, 3, 6, 8])
def test_an_earlier_day_is_asked_after_its_messages_are_forgotten(n_steps, monkeypatch):
    monkeypatch.setattr(filtering, "ALL_SHARE", 0.0)
    monkeypatch.setattr(filtering, "KEPT_SHARE", 0.0)
    case, memory = any_case(2, n_steps=9), Memory()
    rows = [row[:, None] for row in case.log_like]
    log_norms(case, rows, memory)
    found = log_norms(case, rows[:n_steps], memory)
    for one, other in zip(found, log_norms(case, rows[:n_steps], Memory()), strict=True):
        np.testing.assert_array_equal(one, other)
