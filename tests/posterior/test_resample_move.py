"""Draws that are moved to other evidence: steps that keep the prior, and agreement with NUTS."""

import numpy as np
import pytest
from scipy import stats

import forecast as fc
from forecast import fitting
from forecast.model.builder import compile_tables
from forecast.posterior.prior import draw_priors
from forecast.posterior.resample_move import move, propose
from tests.harbour import harbour
from tests.small import START, barometer_report, evidence, weather

QUICK = {"method": "reweight", "chains": 4, "draws": 500}


def contradicting(seed, n=12):
    """Reports of the best grade, of one week now this and now that."""
    random = np.random.default_rng(seed)
    states = [random.permutation(["low", "high"]) for _ in range(n // 2)]
    return [
        barometer_report(f"R{k}", str(state), k % 3, grade="A", origin=f"o{k}")
        for k, state in enumerate(np.concatenate(states))
    ]


@pytest.mark.parametrize("share", [0.1, 0.7])
def test_a_step_leaves_the_prior_as_it_is(share):
    """Every judgement before and after: the same distribution, the wanted share drawn anew."""
    priors = compile_tables(harbour()).priors
    random = np.random.default_rng(1)
    before = draw_priors(priors, 4000, 2)
    after = propose(priors, before, share, random)
    assert before.keys() == after.keys()
    for name, values in before.items():
        rows = values.reshape(-1, 4000)
        for old, new in zip(rows, after[name].reshape(-1, 4000), strict=True):
            assert stats.ks_2samp(old, new).pvalue > 1e-4
            assert (old != new).mean() == pytest.approx(share, abs=0.03)
            assert np.corrcoef(old, new)[0, 1] == pytest.approx(1 - share, abs=0.15)
        if name.startswith("row_"):
            np.testing.assert_allclose(after[name].sum(axis=1), 1)


def test_a_step_that_draws_nothing_anew_changes_nothing():
    priors, random = compile_tables(harbour()).priors, np.random.default_rng(1)
    before = draw_priors(priors, 3, 2)
    after = propose(priors, before, 0.0, random)
    assert all((after[name] == values).all() for name, values in before.items())


def test_moved_draws_agree_with_those_of_nuts():
    given = evidence(*contradicting(3))
    start = fc.forecast(weather(), given, **QUICK)
    assert any("effective" in each or "Pareto" in each for each in start.diagnostics.failures)
    there = fc.update(start, given)
    assert there.diagnostics.method == "move"
    assert there.diagnostics.failures == ()
    sampled = fc.forecast(weather(), given, draws=500, progressbar=False)
    for one, other in zip(there.courses, sampled.courses, strict=True):
        error = np.hypot(there.diagnostics.mcse, sampled.diagnostics.mcse)
        for name in ("now", "within", "average"):
            assert abs(getattr(one, name).mean - getattr(other, name).mean) < 4 * error
    again = fc.update(there, given)
    assert again.diagnostics.pareto_k == -np.inf


def test_the_same_seed_gives_the_same_draws():
    given = evidence(*contradicting(1))
    start = fc.forecast(weather(), evidence(), **QUICK)
    one, other = (move(start.fit, given, 5) for _ in range(2))
    for name, values in one.parameters.items():
        np.testing.assert_array_equal(values, other.parameters[name])


def test_what_is_interrupted_leaves_the_old_forecast(monkeypatch):
    start = fc.forecast(weather(), evidence(*contradicting(2)), **QUICK)
    before = str(start)

    def interrupt(*_):
        raise KeyboardInterrupt

    for name in ("move", "smooth"):
        home = fitting if name == "move" else fitting.Fit.weights.__globals__
        if name == "move":
            monkeypatch.setattr(fitting, "move", interrupt)
        else:
            monkeypatch.setitem(home, "smooth", interrupt)
        with pytest.raises(KeyboardInterrupt):
            fc.update(start, evidence(*contradicting(4)))
        monkeypatch.undo()
    assert str(start) == before
    assert fc.update(start, evidence(barometer_report("Z", "low"))).as_of > START


@pytest.mark.slow
def test_contradicting_streams_are_caught_and_moved():
    """Thirty streams: none passes its checks by weights alone, and all agree with NUTS."""
    for seed in range(30):
        given = evidence(*contradicting(seed, 24))
        start = fc.forecast(weather(), given, **QUICK)
        assert start.diagnostics.failures
        there = fc.update(start, given)
        assert there.diagnostics.method in ("move", "nuts")
        sampled = fc.forecast(weather(), given, draws=500, progressbar=False, random_seed=seed)
        error = np.hypot(there.diagnostics.mcse, sampled.diagnostics.mcse)
        gap = there.probability_within("storm=storm").mean
        gap -= sampled.probability_within("storm=storm").mean
        assert abs(gap) < 4 * error
