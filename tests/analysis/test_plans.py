"""Plans for inputs: equal to the sum over all histories, and each number says what it assumes."""

from itertools import product

import numpy as np
import pytest

import forecast as fc
from forecast import fitting
from forecast.analysis.plans import read_plans
from forecast.cli import main
from forecast.console import BAD_INPUT
from forecast.errors import InputError
from tests.evidence.test_inputs import CLAUSES, ran, windy
from tests.small import barometer_report, evidence, weather

SEEN = (barometer_report("R0", "low"), barometer_report("R2", "falling", week=2))
STORM_PROBABILITIES = {
    ("calm", "idle"): 0.1,
    ("calm", "on"): 0.4,
    ("storm", "idle"): 0.5,
    ("storm", "on"): 0.9,
}
BAROMETER = {"calm": np.array([0.7, 0.2, 0.1]), "storm": np.array([0.1, 0.3, 0.6])}
ON = {"wind": {"2020-02-01": "on"}}


def made(scenario, *reports):
    """A forecast of few draws: only how far sources can be trusted is uncertain."""
    known = evidence(*SEEN, *reports)
    how = {"method": "reweight", "draws": 30, "chains": 2, "progressbar": False}
    return fc.forecast(scenario, known, **how)


def by_enumeration(outlook, acting):
    """Mean probability of a storm in a week ahead, over all histories of the weather."""
    _, rows = outlook._draws.likelihoods(outlook.evidence, outlook.now + 1)
    columns = outlook._beliefs.network.states("barometer")
    total, hit = 0.0, 0.0
    for history in product(("calm", "storm"), repeat=len(acting)):
        weight = 0.2 if history[0] == "storm" else 0.8
        for week in range(1, len(acting)):
            probability = STORM_PROBABILITIES[history[week - 1], acting[week]]
            weight *= probability if history[week] == "storm" else 1 - probability
        for week, row in enumerate(rows):
            weight = weight * (BAROMETER[history[week]] @ np.exp(row[columns]))
        total = total + weight
        hit = hit + weight * ("storm" in history[outlook.now + 1 :])
    return np.average(hit / total, weights=outlook.weights.weight)


@pytest.mark.parametrize(
    ("acts", "reports", "plan", "acting"),
    [
        ("same_step", (), {}, "iii iiii"),
        ("same_step", (ran(2),), {"wind": "on"}, "iio oooo"),
        ("same_step", (ran(1),), ON, "ioi ioii"),
        ("next_step", (), {"wind": "on"}, "iii iooo"),
        ("next_step", (ran(1), ran(2)), {}, "iio oiii"),
        ("next_step", (ran(2),), ON, "iii oioi"),
        ("next_step", (ran(2),), {"wind": "on"}, "iii oooo"),
    ],
)
def test_plans_are_equal_to_the_sum_over_all_histories(acts, reports, plan, acting):
    outlook = fc.plan(made(windy(acts=acts), *reports), plan)
    letters = {"i": "idle", "o": "on"}
    expected = by_enumeration(outlook, [letters[each] for each in acting if each != " "])
    assert outlook.courses[0].within.mean == pytest.approx(expected, abs=1e-9)
    found = fc.probability(outlook, "storm", "storm", by=outlook.horizon)
    assert found.mean == pytest.approx(expected, abs=1e-9)
    answers = fc.beliefs(outlook).at_least_once([("storm", "storm")])
    assert fc.Estimate.of(answers.isel(time=-1)).mean == pytest.approx(expected, abs=1e-9)
    again = fc.compare(outlook, outlook).move("storm=storm")
    assert again.after == pytest.approx(expected, abs=1e-9)


def test_a_plan_is_no_evidence_and_what_is_reported_takes_its_place():
    start = made(windy(clauses=CLAUSES, acts="same_step"), ran(1))
    planned = fc.plan(start, ON)
    assert planned.courses[0].now == start.courses[0].now
    assert planned.weights.log_weight == pytest.approx(start.weights.log_weight)
    assert start.condition == "the machine stands idle"
    later = fc.update(planned, evidence(*SEEN, ran(1), week=4), method="reweight")
    assert later.condition == "the machine stands idle"  # nothing was reported of that week
    assert later.courses == fc.update(start, later.evidence, method="reweight").courses
    assert fc.plan(planned, {"wind": {}}).courses == start.courses


def test_each_number_about_days_ahead_says_what_it_assumes():
    outlook = fc.plan(made(windy(clauses=CLAUSES)), ON)
    clause = (
        "the machine runs (31 January to 6 February 2020) and otherwise the machine stands idle"
    )
    course = outlook.courses[0]
    assert (course.now.condition, course.within.condition) == ("", clause)
    assert course.average.condition == clause
    by = fc.probability(outlook, "storm", "storm", by="2020-02-01")
    assert str(by).endswith(f"2020-01-24 to 2020-02-01, if {clause}")
    assert [each.condition for each in outlook.timeline_of("storm", "storm")[2:4]] == ["", clause]
    assert f", if {clause}" in str(outlook)


def test_plans_stand_side_by_side_and_are_compared_draw_by_draw():
    outlook = made(windy(clauses=CLAUSES))
    found = fc.compare_plans(outlook, {"idle": {}, "running": {"wind": "on"}})
    rows = found.set_index(["plan", "course"])
    once = rows.loc[("running", "storm=storm")]
    planned = fc.plan(outlook, {"wind": "on"}).courses[0].within
    assert (once["mean"], once["lower"], once["upper"]) == pytest.approx(
        (planned.mean, planned.lower, planned.upper)
    )
    assert once["change"] == pytest.approx(planned.mean - outlook.courses[0].within.mean)
    assert once["change"] > 0.2
    assert (rows.loc["idle", "change"] == 0).all()
    printed = str(found)
    assert "running: if the machine runs" in printed
    assert "idle: if the machine stands idle" in printed


def test_a_plan_that_cannot_be_is_refused_with_all_that_is_wrong():
    outlook = made(windy())
    wrong = {"wnd": "on", "wind": {"2020-01-20": "on", "2020-02-01": "of", "soon": "on"}}
    with pytest.raises(InputError) as caught:
        fc.plan(outlook, wrong)
    for part in (
        "'wnd' is not an input; did you mean 'wind'",
        "'of' is not a state",
        "2020-01-24",
        "soon",
    ):
        assert part in str(caught.value)
    static = fc.forecast(weather(dynamic=False), evidence(), method="reweight", draws=8, chains=1)
    with pytest.raises(InputError, match="no clock"):
        fc.plan(static, {})
    with pytest.raises(InputError, match="names no plan"):
        fc.compare_plans(outlook, {})


def test_a_command_line_writes_plans_of_days():
    assert read_plans(["wind=on"]) == {"wind": "on"}
    days = {("2020-01-24", "2020-01-24"): "on", ("2020-02-01", "2020-02-20"): "off"}
    assert read_plans(["wind = on@2020-01-24, off@2020-02-01..2020-02-20"]) == {"wind": days}
    wrong = ["wind", "=on", "wind=", "wind=@2020-01-24", "wind=on,", "wind=on", "wind=off"]
    with pytest.raises(InputError) as caught:
        read_plans(wrong)
    assert [str(problem).partition("needs ")[0] for problem in caught.value.problems[:5]] == [
        f"plan: '{text}' " for text in wrong[:5]
    ]
    assert "'wind=off' names an input twice" in str(caught.value.problems[5:][0])


def test_the_command_plans_before_it_samples(capsys, monkeypatch):
    """What is wrong with a plan is found at once, and what is right holds in the product."""
    monkeypatch.setattr(fitting, "forecast", lambda *_, **__: pytest.fail("sampled"))
    for plan, message in (
        (["us_actoin=campaign"], "did you mean 'us_action'"),
        (["us_action=campaign@2020-01-20"], "not ahead"),
        (["us_action=none", "us_action=campaign"], "names an input twice"),
        (["us_action=campaign@soon"], "soon"),
    ):
        given = [part for each in plan for part in ("--plan", each)]
        assert main(["report", "iraq-2020", *given]) == BAD_INPUT
        assert message in capsys.readouterr().err


def test_what_moved_names_a_changed_plan():
    outlook = made(windy())
    move = fc.compare(outlook, fc.plan(outlook, {"wind": "on"})).move("storm=storm")
    named = {part.name: part.points for part in move.parts}
    assert named["changed plan"] == pytest.approx(move.after - move.before, abs=1e-9)
