"""Rules that do not flap: replayed over histories that are made for the purpose."""

from datetime import timedelta

import numpy as np
import pytest

from forecast.analysis.tripwires import level_of, replay
from forecast.estimate import Estimate
from forecast.evidence.ledger import Evidence, Ledger
from forecast.evidence.report import Report
from forecast.scenario.warning import Threshold, WarningLevel
from tests.small import BASIS, START, weather

LEVEL = Threshold(course="storm=storm", at_least=0.30, reset=0.20)
DAYS = 90


def problem(persistence=0, **rule):
    """A scenario with one tripwire, "rule"."""
    tripwire = {"label": "x", "basis": BASIS, "persistence": persistence, **rule}
    return weather().model_validate(
        weather().model_dump(by_alias=True, exclude_none=True) | {"tripwires": {"rule": tripwire}}
    )


def daily_estimates(values, level=LEVEL, width=0.0):
    """A day for each probability, with an interval around it."""
    for k, value in enumerate(values):
        day = START + timedelta(days=k)
        yield day, Evidence(day), {level: Estimate(value, value - width, value + width)}


def turns(scenario, moments):
    """Days from the start on which the rule fired or was reset."""
    found = replay(scenario, "rule", moments)
    return [((change.day - START).days, change.fired) for change in found.changes]


def runs(values, persistence, level, reset):
    """The same by looking back, on each day, at the whole time that has to agree."""
    found, on = [], False
    for k in range(len(values)):
        past = values[max(k - persistence, 0) : k + 1]
        start = found[-1][0] if found else -1
        whole = len(past) == persistence + 1 and k - persistence > start
        agrees = (past < reset).all() if on else (past >= level).all()
        if whole and agrees:
            on = not on
            found.append((k, on))
    return found


@pytest.mark.parametrize("persistence", [0, 1, 4])
def test_replay_equals_looking_back_on_each_day(persistence):
    scenario = problem(persistence, probabilities=(LEVEL,))
    rng = np.random.default_rng(persistence)
    for _ in range(50):
        values = rng.choice([0.1, 0.25, 0.35], size=60, p=[0.4, 0.2, 0.4])
        assert turns(scenario, daily_estimates(values)) == runs(values, persistence, 0.30, 0.20)


def test_a_probability_that_wavers_around_its_level_fires_once():
    values = 0.30 + 0.05 * (-1.0) ** np.arange(DAYS)
    assert turns(problem(probabilities=(LEVEL,)), daily_estimates(values)) == [(0, True)]
    assert turns(problem(3, probabilities=(LEVEL,)), daily_estimates(values)) == []
    wide = np.where(np.arange(DAYS) % 2, 0.1, 0.4)  # past both limits, each time for a day
    assert len(turns(problem(probabilities=(LEVEL,)), daily_estimates(wide))) == DAYS
    assert turns(problem(1, probabilities=(LEVEL,)), daily_estimates(wide)) == []


def test_the_end_of_the_interval_counts_where_the_rule_says_so():
    lower = LEVEL.model_copy(update={"statistic": "lower"})
    values = [0.35, 0.45, 0.25, 0.15]
    assert turns(problem(probabilities=(LEVEL,)), daily_estimates(values, width=0.1)) == [
        (0, True),
        (3, False),
    ]
    scenario = problem(probabilities=(lower,))
    assert turns(scenario, daily_estimates(values, lower, 0.1)) == [(1, True), (2, False)]


@pytest.mark.parametrize("persistence", [0, 1, 2])
def test_quiet_histories_fire_no_more_often_than_the_rule_states(persistence):
    """Noise that passes the level on one day in twenty, each day anew.

    A run of n such days in DAYS days has a probability that follows from the days one by one.
    """
    rng = np.random.default_rng(11)
    scenario = problem(persistence, probabilities=(LEVEL,))
    usual = np.log(0.1 / 0.9)
    spread = (np.log(0.30 / 0.70) - usual) / 1.6448536
    noise = usual + spread * rng.standard_normal((1000, DAYS))
    fired = [bool(turns(scenario, daily_estimates(values))) for values in 1 / (1 + np.exp(-noise))]
    run = np.eye(persistence + 2)[0]  # days of the present run; the last entry is to have fired
    for _ in range(DAYS):
        ended, longer, over = 0.95 * run[:-1].sum(), 0.05 * run[:-1], run[-1]
        run = np.array([ended, *longer[:-1], longer[-1] + over])
    exact, stated = run[-1], min(DAYS * 0.05 ** (persistence + 1), 1)
    assert exact <= stated
    assert abs(np.mean(fired) - exact) < 4 * np.sqrt(exact * (1 - exact) / 1000)


def report(name, state, known, *, supersedes=""):
    day = START + timedelta(days=known)
    return Report(
        name, "barometer", state, START, START, day, day, "keeper", "B", supersedes=supersedes
    )


def replayed(scenario, reports, days=20):
    ledger = Ledger(tuple(reports))
    calendar = [START + timedelta(days=k) for k in range(days)]
    return turns(scenario, [(day, ledger.known_at(day), {}) for day in calendar])


def test_a_report_that_is_taken_back_resets_and_persistence_waits_for_it():
    reports = (
        report("R1", "low", 2),
        report("R2", "high", 5, supersedes="R1"),
        report("R3", "low", 9),
    )
    levels = {"any": ({"barometer": "low"},)}
    assert replayed(problem(**levels), reports) == [(2, True), (5, False), (9, True)]
    assert replayed(problem(4, **levels), reports) == [(13, True)]


def test_what_fired_is_named():
    scenario = problem(any=({"barometer": "low"},), probabilities=(LEVEL,))
    evidence = Evidence(START, (report("R1", "low", 0),))
    by_report = replay(scenario, "rule", [(START, evidence, {})])
    assert (by_report.state, [r.id for r in by_report.reports]) == ("fired", ["R1"])
    [(day, nothing, answers)] = daily_estimates([0.4])
    by_probability = replay(scenario, "rule", [(day, nothing, answers)])
    assert by_probability.fired.level == LEVEL
    assert by_probability.fired.grounds.startswith("storm=storm 40")
    waiting = problem(3, probabilities=(LEVEL,))
    assert replay(waiting, "rule", daily_estimates([0.4])).state == "pending"
    assert replay(waiting, "rule", daily_estimates([0.1])).state == "not fired"


def test_deadlines_and_days():
    levels, evidence = {"any": ({"barometer": "low"},)}, Evidence(START, (report("R1", "low", 0),))
    before, after = START - timedelta(days=1), START + timedelta(days=1)
    for rule, state in (
        ({"by": START}, "fired"),
        ({"by": before}, "not fired"),
        ({"on": START}, "fired"),
        ({"on": after}, "pending"),
    ):
        found = replay(problem(**levels, **rule), "rule", [(START, evidence, {})])
        assert found.state == state


def test_the_level_of_warning_is_the_highest_that_is_raised():
    both = problem(probabilities=(LEVEL,)).tripwires["rule"]
    grave = LEVEL.model_copy(update={"at_least": 0.6, "reset": 0.5})
    scenario = problem().model_copy(
        update={
            "tripwires": {
                "raised": both,
                "grave": both.model_copy(update={"probabilities": (grave,)}),
            }
        }
    )
    values = [0.1, 0.4, 0.7, 0.55, 0.25, 0.1]
    moments = [
        (day, known, {LEVEL: answers[LEVEL], grave: answers[LEVEL]})
        for day, known, answers in daily_estimates(values)
    ]
    levels = {
        "normal": WarningLevel(label="Normal"),
        "raised": WarningLevel(label="Raised", tripwires=("raised",)),
        "high": WarningLevel(label="High", tripwires=("grave",)),
    }
    found = level_of(levels, [replay(scenario, name, moments) for name in scenario.tripwires])
    days = [START + timedelta(days=k) for k in (1, 2, 4, 5)]
    assert found.changes == tuple(zip(days, ("raised", "high", "raised", "normal"), strict=True))
    assert (found.name, found.since) == ("normal", days[-1])


def test_a_day_without_a_forecast_leaves_a_probability_as_it_is():
    first, second, third = daily_estimates([0.4, 0.1, 0.4])
    silent = (second[0], second[1], {})
    assert turns(problem(2, probabilities=(LEVEL,)), [first, silent, third]) == [(2, True)]
