"""Plans of collection, against every decision after every combination of reports, one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

import forecast as fc
from forecast.analysis import collection_plan as module
from forecast.analysis.watch_list import reported
from forecast.posterior.beliefs import Beliefs
from tests.analysis.test_watch_list import moving

LOSS = {"none": (0.0, 20.0), "watch": (1.0, 6.0), "warn": (4.0, 2.0)}
ACCURACY, DETECTION = 0.85, 0.7


def loss_after(given: Beliefs, names: tuple[str, ...], states) -> float:
    """Expected loss with the reports on some indicators, every combination by itself."""
    rows = [reported(len(given.network.node(name).states), ACCURACY, DETECTION) for name in names]
    total = 0.0
    for reports in product(*rows):
        weight, asked = 1.0, given
        for name, row in zip(names, reports, strict=True):
            weight *= float(row @ asked.posterior(name, 2).mean(("chain", "draw")).to_numpy())
            if weight == 0:
                break
            found = dict(zip(given.network.node(name).states, row, strict=True))
            asked = asked.virtual_evidence(name, found, 2)
        if weight:
            held = float(asked.at_least_once(states, 2, 3).isel(time=-1).mean())
            total += weight * min(
                (1 - held) * quiet + held * event for quiet, event in LOSS.values()
            )
    return total


def planned(given: Beliefs, budget: float, **more) -> fc.CollectionPlan:
    names = given.network.names
    return fc.collection_plan(
        *(given, LOSS, budget, f"{names[0]}=s1"),
        indicators=names[1:],
        reliability=ACCURACY,
        detection=DETECTION,
        **more,
    )


@pytest.mark.parametrize("seed", range(6))
def test_the_plan_is_the_best_of_all(seed):
    given = moving(seed)
    names = given.network.names
    states = [(names[0], "s1")]
    for budget in (0, 1, 2):
        plan = planned(given, budget)
        subsets = [(), *[(name,) for name in names[1:]][: 9 * (budget > 0)]]
        subsets += [names[1:]] if budget == 2 else []
        least = min(loss_after(given, chosen, states) for chosen in subsets)
        left = plan.expected_loss - plan.gain
        assert plan.exact
        assert left == pytest.approx(least, abs=1e-9)
        assert plan.bound == pytest.approx(left, abs=1e-12)
        chosen = tuple(step.indicator for step in plan.steps)
        assert left == pytest.approx(loss_after(given, chosen, states), abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_one_at_a_time_is_never_better_and_its_bound_holds(seed, monkeypatch):
    given = moving(seed)
    best = planned(given, 2)
    monkeypatch.setattr(module, "MOST_SETS", 0)
    greedy = planned(given, 2)
    assert not greedy.exact
    assert greedy.gain <= best.gain + 1e-12
    assert greedy.bound <= best.expected_loss - best.gain + 1e-12
    losses = [greedy.expected_loss, *(step.expected_loss for step in greedy.steps)]
    assert (np.diff(losses) < 0).all()


def test_what_costs_more_than_the_budget_is_not_planned():
    given = moving(1)
    names = given.network.names
    plan = planned(given, 3, cost={names[1]: 5, names[2]: 3})
    assert {step.indicator for step in plan.steps} <= {names[2]}
    assert "What to collect" in repr(plan)


def test_faults_are_told_all_at_once():
    given = moving(0)
    with pytest.raises(fc.InputError, match=r"(?s)no level of warning.*needs at least 0"):
        fc.collection_plan(given, {}, -1.0, f"{given.network.names[0]}=s0", reliability=0.9)
