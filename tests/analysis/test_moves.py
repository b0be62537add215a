"""What moved between two forecasts: parts that add up, against forecasts made step by step."""

from dataclasses import replace
from datetime import timedelta
from itertools import permutations

import pytest

import forecast as fc
from forecast.evidence.ledger import Evidence, Ledger
from tests.harbour import harbour
from tests.small import START, barometer_report, evidence, weather

QUICK = {"method": "reweight", "chains": 1, "draws": 1500}
STORM = "storm=storm"


def printed(outlook):
    return outlook.probability_within(STORM).mean


@pytest.fixture(scope="module")
def earlier():
    given = evidence(barometer_report("R1", "low"), barometer_report("R2", "falling", 1), week=1)
    return fc.forecast(weather(), given, **QUICK)


def test_parts_are_what_forecasts_made_step_by_step_say(earlier):
    old, withdrawn = earlier.evidence.reports
    new = [barometer_report("R3", "low", 2), barometer_report("R4", "high", 2)]
    later = fc.update(earlier, evidence(old, *new), method="reweight")
    move = fc.compare(earlier, later, draws=1500).move(STORM)
    assert (move.before, move.after) == pytest.approx((printed(earlier), printed(later)), abs=1e-9)
    assert sum(part.points for part in move.parts) == pytest.approx(move.after - move.before)
    parts = {part.name: part for part in move.parts}
    assert {parts[name].kind for name in ("R2", "R3", "R4")} == {"withdrawn", "new"}
    waited = fc.advance(earlier, later.as_of, method="reweight")
    assert parts["elapsed time"].points == pytest.approx(
        printed(waited) - printed(earlier), abs=2e-3
    )
    # Every order in which the three reports may have come and gone, each step a forecast.
    expected = dict.fromkeys(("R2", "R3", "R4"), 0.0)
    changes = {"R2": None, "R3": new[0], "R4": new[1]}
    for order in permutations(changes):
        held, before = {"R1": old, "R2": withdrawn}, printed(waited)
        for name in order:
            held = {k: v for k, v in (held | {name: changes[name]}).items() if v}
            given = Evidence(later.as_of, tuple(held.values()))
            after = printed(fc.update(earlier, given, method="reweight"))
            expected[name] += (after - before) / 6
            before = after
    for name, points in expected.items():
        assert parts[name].points == pytest.approx(points, abs=5e-3)
    assert abs(parts["Monte Carlo noise"].points) < 5e-3


def test_shares_are_compared_on_the_days_after_the_later_one(earlier):
    """That of no dangerous course is a share of days; the same days in both forecasts."""
    scenario = weather()
    calm = {"calm": scenario.variables["storm"].courses["storm"].model_copy()}
    calm["calm"] = calm["calm"].model_copy(update={"label": "Calm", "dangerous": False})
    storm = scenario.variables["storm"]
    storm = storm.model_copy(update={"courses": storm.courses | calm})
    both = scenario.model_copy(update={"variables": scenario.variables | {"storm": storm}})
    start = fc.forecast(both, earlier.evidence, **QUICK)
    later = fc.advance(start, start.as_of + timedelta(days=4), method="reweight")
    move = fc.compare(start, later, until=start.horizon).move("storm=calm")
    days = later.as_of + timedelta(days=1), start.horizon
    for found, outlook in ((move.before, start), (move.after, later)):
        assert found == pytest.approx(outlook.share_of_days("storm", "calm", *days).mean, abs=1e-9)


def test_a_revision_is_one_part_and_a_horizon_of_both_can_be_asked_for(earlier):
    first, other = earlier.evidence.reports
    day = START + timedelta(days=20)
    revision = replace(first, id="R1b", state="high", known=day, published=day, supersedes="R1")
    ledger = Ledger((first, other, revision))
    later = fc.update(earlier, ledger.known_at(day), method="reweight")
    until = earlier.horizon
    assert "asked about different days: before up to" in str(fc.compare(earlier, later))
    asked = fc.compare(earlier, later, until=until)
    assert "different days" not in str(asked)
    move = asked.move(STORM)
    [revised] = [part for part in move.parts if part.kind == "revised"]
    assert revised.reports == ("R1", "R1b")
    assert move.before == pytest.approx(earlier.probability_within(STORM, until).mean, abs=1e-9)
    assert move.after == pytest.approx(later.probability_within(STORM, until).mean, abs=1e-9)


def test_judgements_and_noise_are_told_apart(earlier):
    again = fc.forecast(weather(), earlier.evidence, **QUICK, random_seed=7)
    move = fc.compare(earlier, again).move(STORM)
    [noise] = [part for part in move.parts if part.kind == "noise"]
    assert noise.points == pytest.approx(move.after - move.before, abs=1e-9)
    other = fc.forecast(harbour(channels=0, watches=False), earlier.evidence, **QUICK)
    found = fc.compare(earlier, other)
    assert found.judgements == ("gauge",)
    assert {part.kind for part in found.move(STORM).parts} == {"judgements", "time", "noise"}
    assert "gauge" in str(found)


def test_forecasts_out_of_order_are_refused(earlier):
    later = fc.advance(earlier, START + timedelta(days=20), method="reweight")
    with pytest.raises(fc.InputError, match="earlier forecast first"):
        fc.compare(later, earlier)
    with pytest.raises(fc.InputError, match="no course of both"):
        fc.compare(earlier, later).move("strom=storm")


def test_bars_lead_from_one_probability_to_the_other(earlier):
    pytest.importorskip("matplotlib").use("agg")
    later = fc.update(earlier, evidence(barometer_report("R9", "low", 2)), method="reweight")
    move = fc.compare(earlier, later).move(STORM)
    ax = fc.plot_account(move, most=2)
    widths = [bar.get_width() for bar in ax.patches]
    first, last, *between = widths
    assert first + sum(between) == pytest.approx(last)
    assert last == pytest.approx(100 * move.after)
    found = fc.explain(later, "storm", "storm")
    again = fc.plot_account(found, ax=ax.figure.add_subplot())
    assert len(again.patches) == len(found.contributions) + 2
