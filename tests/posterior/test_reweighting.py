"""Forecasts from weighted draws: against the prior's own weights, and the laws of updating."""

import gc
import pickle
import weakref
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

import forecast as fc
from forecast import fitting as home
from forecast.model import kept_likelihoods, model
from forecast.network import filtering, horizon
from forecast.posterior import belief_state, mcmc, reweighting
from forecast.posterior.prior import prior_beliefs
from forecast.posterior.reweighting import smooth
from tests.small import START, barometer_report, evidence, weather

QUICK = {"draws": 1000, "chains": 2, "random_seed": 5, "method": "reweight"}


@pytest.fixture(scope="module")
def day1():
    return fc.forecast(weather(), evidence(barometer_report("R1", "low")), **QUICK)


def printed(outlook):
    found = [(each.now, each.within, each.average) for each in outlook.courses]
    return np.array([value.mean for course in found for value in course])


def test_answers_are_those_of_the_weighted_prior(day1):
    prior = prior_beliefs(day1.scenario, day1.evidence, draws=2000, random_seed=5)
    exact = prior.posterior("storm", prior.times[day1.now]).sel(state="storm").mean().item()
    [now] = [each.now.mean for each in day1.courses if each.variable == "storm"]
    assert now == pytest.approx(exact, abs=2e-3)  # the tail is smoothed
    assert day1.diagnostics.method == "reweight"
    assert day1.diagnostics.failures == ()


def test_what_is_printed_is_what_the_whole_tree_says():
    outlook = fc.forecast(weather(), evidence(barometer_report("R1", "falling")), **QUICK)
    quick = printed(outlook)
    outlook.fit._values.clear()
    slow = home.Forecast(outlook.scenario, outlook.evidence, outlook.posterior, outlook.sampling)
    np.testing.assert_allclose(quick, printed(slow), rtol=0, atol=1e-12)
    np.testing.assert_allclose(
        fc.beliefs(slow).posterior("storm").mean(("chain", "draw")).sel(state="storm")[-1],
        slow.state_probability("storm", "storm", len(fc.beliefs(slow).times) - 1).mean,
        atol=1e-12,
    )


@pytest.mark.parametrize("day", [20, 17])  # the last of a step, and one within it
def test_a_scenario_without_dangerous_courses_prints_what_the_whole_tree_says(day):
    scenario = weather()
    storm = scenario.variables["storm"]
    tame = {"storm": storm.courses["storm"].model_copy(update={"dangerous": False})}
    variables = scenario.variables | {"storm": storm.model_copy(update={"courses": tame})}
    known = evidence(barometer_report("R1", "falling"))
    given = (
        scenario.model_copy(update={"variables": variables}),
        replace(known, as_of=START + timedelta(days=day)),
    )
    quick, slow = (fc.forecast(*given, **QUICK) for _ in range(2))
    assert "At least once" not in str(quick)
    assert "forecast" in slow.posterior.children
    np.testing.assert_allclose(printed(quick), printed(slow), rtol=0, atol=1e-12)
    np.testing.assert_allclose(quick.diagnostics.ess, slow.diagnostics.ess, rtol=1e-9)


def test_order_does_not_matter_and_withdrawal_leaves_no_trace(day1):
    one, two = barometer_report("R2", "falling", week=1), barometer_report("R3", "high", week=1)
    first = day1.evidence.reports
    there = fc.update(fc.update(day1, evidence(*first, one)), evidence(*first, one, two))
    back = fc.update(fc.update(day1, evidence(*first, two)), evidence(*first, one, two))
    np.testing.assert_array_equal(there.weights.log_weight, back.weights.log_weight)
    without = fc.retract(fc.retract(there, "R2"), "R3")
    again = fc.update(without, day1.evidence)
    np.testing.assert_allclose(
        again.weights.log_weight, day1.weights.log_weight, rtol=0, atol=1e-12
    )
    np.testing.assert_allclose(printed(again), printed(day1), rtol=0, atol=1e-12)


def test_answers_depend_on_the_evidence_and_not_on_what_was_asked_before(day1):
    """Shares are read forwards for the first evidence alone, whatever came in between."""
    other = evidence(*day1.evidence.reports, barometer_report("R2", "falling", week=1))
    there = fc.update(day1, other, method="reweight")
    np.testing.assert_array_equal(
        printed(fc.update(there, day1.evidence, method="reweight")), printed(day1)
    )
    anew = fc.forecast(weather(), day1.evidence, **QUICK)
    np.testing.assert_array_equal(
        printed(fc.update(anew, other, method="reweight")), printed(there)
    )
    first = fc.forecast(weather(), other, **QUICK)
    np.testing.assert_allclose(printed(first), printed(there), rtol=0, atol=1e-12)


def test_draws_under_some_evidence_weigh_alike_under_it(day1):
    fitted = home.Fit.of_posterior(day1.scenario, day1.evidence, day1.posterior)
    same = fitted.weights(day1.evidence)
    assert same.pareto_k == -np.inf
    assert not same.log_weight.any()


def test_time_alone_is_an_update(day1):
    later = fc.advance(day1, day1.as_of.replace(day=day1.as_of.day + 7))
    assert later.as_of > day1.as_of
    assert later.horizon > day1.horizon
    with pytest.raises(fc.InputError, match="before the as-of date"):
        fc.advance(later, day1.as_of)


def test_weights_that_fail_are_refused_and_sampled_instead(day1, monkeypatch):
    heavy = smooth(2 * np.random.default_rng(1).standard_exponential(2000))
    assert heavy.pareto_k > heavy.limit
    monkeypatch.setattr(home.Fit, "weights", lambda *_: heavy)
    given = evidence(barometer_report("R2", "high"))
    assert any(
        "Pareto" in each for each in fc.update(day1, given, method="reweight").diagnostics.failures
    )
    monkeypatch.setattr(home, "_fit", lambda *_: "sampled")
    monkeypatch.setattr(home, "move", lambda *_: None)
    assert home.update(day1, given) == "sampled"


def test_smoothing_has_the_sign_of_the_weights():
    """Normal draws, reweighted to a normal whose mean is 0.3: a wrong sign would give -0.3."""
    draws = np.random.default_rng(0).normal(size=20_000)
    found = smooth(0.3 * draws)
    assert np.average(draws, weights=found.weight) == pytest.approx(0.3, abs=0.03)


def test_days_that_are_left_of_the_present_step_are_counted(day1):
    later = fc.advance(day1, day1.as_of.replace(day=day1.as_of.day + 3), method="reweight")
    quick = printed(later)
    slow = home.Forecast(later.scenario, later.evidence, later.posterior, later.sampling)
    np.testing.assert_allclose(quick, printed(slow), rtol=0, atol=1e-12)


def test_evidence_is_tabulated_once_and_beliefs_are_kept(monkeypatch):
    tabulated, swept = [], []
    tabulate, sweep = mcmc.tabulate_reports, belief_state.sweep
    monkeypatch.setattr(mcmc, "tabulate_reports", lambda *a: tabulated.append(a) or tabulate(*a))
    monkeypatch.setattr(model, "tabulate_reports", mcmc.tabulate_reports)
    monkeypatch.setattr(belief_state, "sweep", lambda *a, **k: swept.append(a) or sweep(*a, **k))
    given = evidence(barometer_report("R1", "low"))
    quick = {"draws": 8, "tune": 10, "chains": 1}
    for method in ("reweight", "nuts"):
        outlook = fc.forecast(weather(), given, method=method, **quick)
        days = outlook.days_ahead
        fc.probability(outlook, "storm", "storm", by=days[0])
        assert fc.beliefs(outlook) is fc.beliefs(outlook) is fc.beliefs(outlook, draws=8)
        swept.clear()
        fc.probability(outlook, "storm", "storm", by=days[-1])
        assert swept == []  # that the evidence is possible is known by then
        assert len(tabulated) == 1
        tabulated.clear()


def test_a_report_costs_the_same_however_many_came_before(monkeypatch):
    """Steps run, likelihoods made and values computed, of reports that come one at a time."""
    done = Counter()

    def count(where, name, size):
        run = getattr(where, name)

        def noted(*arguments, **named):
            done[name] += size(*arguments)
            return run(*arguments, **named)

        monkeypatch.setattr(where, name, noted)

    count(filtering._Filtering, "_run", lambda own, step, asked: 1)
    count(kept_likelihoods.KeptLikelihoods, "_make", lambda own, data, missing: len(missing))
    count(horizon.Future, "values", lambda *_: 1)
    count(horizon.Future, "shares", lambda *_: 1)
    reports = [
        barometer_report(f"R{k}", ["low", "falling", "high"][k % 3], 2 * k // 40, origin=f"o{k}")
        for k in range(60)
    ]
    outlook, costs = fc.forecast(weather(), evidence(), **QUICK | {"draws": 50}), []
    printed(outlook)
    for n in range(1, 61):
        done.clear()
        outlook = fc.update(outlook, evidence(*reports[:n]), method="reweight")
        printed(outlook)
        costs.append(tuple(done[name] for name in ("_run", "values", "shares")))
        assert done["_make"] <= 1  # none, where a step has reports like those of another
    # The first forecast reads shares off distributions; all others off values, made once.
    assert costs[0][:2] == (3, 0)
    assert costs[0][2] == len(outlook.courses)
    # Of the first step it runs that and the two after it; of the last that alone.
    assert set(costs[1:20]) == {(3, 0, 0)}
    assert set(costs[20:40]) == {(2, 0, 0)}
    assert set(costs[40:]) == {(1, 0, 0)}


def test_tables_too_large_to_keep_are_made_when_needed(monkeypatch):
    given = evidence(barometer_report("R1", "falling"))
    kept = fc.forecast(weather(), given, **QUICK)
    monkeypatch.setattr(reweighting, "KEPT_SHARE", 0.0)
    made = fc.forecast(weather(), given, **QUICK)
    assert fc.beliefs(made).draws.tables is None
    np.testing.assert_allclose(printed(kept), printed(made), rtol=0, atol=1e-12)


def test_draws_of_a_forecast_go_with_it():
    """Without waiting for Python to look for objects that refer to each other."""
    gc.disable()
    try:
        outlook = fc.forecast(weather(), evidence(barometer_report("R1", "low")), **QUICK)
        str(outlook)
        draws = [weakref.ref(values) for values in outlook.fit.parameters.values()]
        later = fc.update(outlook, evidence(barometer_report("R1", "high")), method="reweight")
        str(later)
        del outlook, later
        assert not any(each() is not None for each in draws)
    finally:
        gc.enable()


def test_what_a_forecast_keeps_is_not_pickled(day1):
    fc.beliefs(day1).posteriors()
    copy = pickle.loads(pickle.dumps(day1))
    assert "_beliefs" not in vars(copy)
    assert "tables" not in vars(copy.fit)
    assert fc.beliefs(copy).posteriors().identical(fc.beliefs(day1).posteriors())
