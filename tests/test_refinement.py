"""Sampling in the background: the quick answer stays until the sampled one is there."""

from threading import Event

import pytest

import forecast as fc
from forecast import refinement
from tests.small import barometer_report, evidence, weather


@pytest.fixture(scope="module")
def quick():
    given = evidence(barometer_report("R1", "low"))
    return fc.forecast(weather(), given, method="reweight", chains=1, draws=100)


def test_the_quick_answer_stays_until_the_sampled_one_is_there(quick, monkeypatch):
    let_go, sampled = Event(), fc.update(quick, evidence(), method="reweight")

    def slow(given, known, *, method):
        assert (given.scenario, known, method) == (quick.scenario, quick.evidence, "nuts")
        let_go.wait(60)
        return sampled

    monkeypatch.setattr(refinement, "update", slow)
    found = fc.refine(quick)
    assert not found.done
    assert found.forecast is quick
    assert found.wait(0.01) is quick
    assert "being sampled" in str(found)
    let_go.set()
    assert found.wait(60) is sampled
    assert found.done
    assert found.forecast is sampled


def test_what_goes_wrong_is_raised_where_one_waits(quick, monkeypatch):
    def failing(*_, **__):
        raise fc.UnreliableFit("no")

    monkeypatch.setattr(refinement, "update", failing)
    found = fc.refine(quick)
    with pytest.raises(fc.UnreliableFit):
        found.wait(60)
    assert found.forecast is quick
