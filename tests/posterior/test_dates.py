"""Dates within a step: against closed forms and against days counted one by one."""

from datetime import date, timedelta
from itertools import product

import numpy as np
import pytest

from forecast.errors import InputError
from forecast.evidence.ledger import Evidence
from forecast.network.structure import Block, Network, Node
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.passage import calendar_of, reached, reached_by
from forecast.scenario.scenario import Scenario
from forecast.scenario.scenario_checks import find_problems
from forecast.timeline import Ahead, Calendar, Timeline
from tests.priors import prior_beliefs, weighted_beliefs
from tests.small import BASIS, START, barometer_report, rows, weather

STEP = 7
STORM = ("storm", "storm")


def storms(*moves, initial=None):
    """The weather with other moves; those without a source have no memory."""
    body = weather().model_dump(by_alias=True)
    storm = body["variables"]["storm"]
    body["variables"]["storm"] = {
        **storm,
        "initial": initial or storm["initial"],
        "transition": {
            "form": "hazards",
            "moves": tuple({"probability": (0.1, 0.4), "basis": BASIS} | move for move in moves),
        },
    }
    return Scenario.model_validate(body)


NO_MEMORY = storms({"to": "storm", "within": 10})
FOR_EVER = storms(
    {"from": "calm", "to": "storm", "within": 10},
    initial=rows(({}, {"exactly": {"calm": 1.0, "storm": 0.0}})),
)


def ask(scenario, as_of, day, found=None):
    found = prior_beliefs(scenario, as_of, 20, 3) if found is None else found
    return reached_by(found, calendar_of(scenario, as_of), [[STORM]], day).to_numpy()[0, :, 0]


def hazard(scenario, as_of):
    """Probability of a storm in a step that no storm precedes, of each draw."""
    found = prior_beliefs(scenario, as_of, 20, 3)
    first = found.times[1]
    before = found.at_least_once([STORM], found.times[0], found.times[0])
    after = found.at_least_once([STORM], found.times[0], first).isel(time=-1)
    if scenario is NO_MEMORY:
        return found.at_least_once([STORM], first, first).to_numpy()[0, :, 0]
    return 1 - ((1 - after) / (1 - before.isel(time=-1))).to_numpy()[0]


@pytest.mark.parametrize("elapsed", range(7, 14))
@pytest.mark.parametrize("days", [1, 2, 6, 7, 8, 15, 27])
def test_what_has_no_memory_waits_as_a_geometric_law_says(elapsed, days):
    as_of = START + timedelta(days=elapsed)
    found = ask(NO_MEMORY, as_of, as_of + timedelta(days=days))
    h = hazard(NO_MEMORY, as_of)
    assert found == pytest.approx(1 - (1 - h) ** (days / STEP), abs=1e-12)


@pytest.mark.parametrize("days", [1, 4, 5, 13, 20])
@pytest.mark.parametrize("elapsed", [2, 6, 9])
def test_what_never_ends_adds_to_what_has_begun(elapsed, days):
    """It has begun by now with the probability of the whole steps since the start."""
    as_of = START + timedelta(days=elapsed)
    found = ask(FOR_EVER, as_of, as_of + timedelta(days=days))
    h = hazard(FOR_EVER, as_of)
    begun = 1 - (1 - h) ** (elapsed // STEP)
    assert found == pytest.approx(begun + (1 - begun) * (1 - (1 - h) ** (days / STEP)), abs=1e-12)


def wait_day_by_day(goes_on, starts, now, days):
    """Sum over all histories of days: it goes on from the first, or begins on one of them."""
    daily = 1 - (1 - starts) ** (1 / STEP)
    total = 0.0
    for going, *begins in product((True, False), repeat=days + 1):
        weight = now * goes_on if going else 1 - now * goes_on
        for begun in begins:
            weight *= daily if begun else 1 - daily
        total += weight * (going or any(begins))
    return total


@pytest.mark.parametrize("days", [1, 3, 7, 9])
def test_what_goes_on_is_there_on_the_first_day_and_the_rest_is_spread(days):
    now, goes_on, starts = 0.6, 0.9, 0.2
    leaves = (1 - goes_on) * (1 - starts)
    neither, after = (1 - now) * (1 - starts), now * leaves + (1 - now) * (1 - starts)
    steps = 1 - after * (1 - starts) ** np.arange(3)
    turn = np.array([now, 1 - neither])
    place = Ahead(0.0, 1 + (days - 1) // STEP, ((days - 1) % STEP + 1) / STEP)
    expected = wait_day_by_day(goes_on, starts, now, days)
    assert reached(steps, turn, place) == pytest.approx(expected, abs=1e-12)


def wandering(n, seed):
    """A course of several states that come and go, under random tables; some hardly ever change."""
    node = Node("course", ("rest", "march", "raid"), Block((), 0), Block((("course", 1),), 3))
    network = Network((node,), 12, dynamic=True)
    rng = np.random.default_rng(seed)
    shape = rng.choice([0.1, 0.5, 1.0], (4, n))
    rows = rng.gamma(np.repeat(shape[:, None], 3, axis=1)) + 1e-12
    rows /= rows.sum(axis=1, keepdims=True)
    return Beliefs.of(network, rows.reshape(12, n), network.no_evidence(5), now=1), rows


@pytest.mark.parametrize("elapsed", [7, 11, 12, 13])
def test_a_union_is_no_less_probable_than_what_is_in_it(elapsed):
    """What is in it is counted day by day: it goes on from today, or begins on one of the days."""
    found, (first, *rows) = wandering(500, 3)
    rows = np.array(rows)
    present = np.einsum("sd,std->td", first, rows)
    as_of = START + timedelta(days=elapsed)
    calendar = Calendar(Timeline(START, STEP, 28), as_of, frozenset())
    members = [("course", "march"), ("course", "raid")]
    for days in (1, 2, 6, 7, 8, 15):
        day = as_of + timedelta(days=days)
        found_by = reached_by(found, calendar, [members, members[:1], members[1:]], day)
        union, *each = np.moveaxis(found_by.to_numpy()[0], -1, 0)
        for state, alone in enumerate(each, start=1):
            assert (union >= alone - 1e-12).all()
            now, others = present[state], np.delete(np.arange(3), state)
            stays = rows[state, state]
            starts = (present[others] * rows[others, state]).sum(axis=0) / (1 - now)
            goes_on = (stays - starts) / (1 - starts)
            for k in np.flatnonzero((goes_on > 0) & (starts < 1))[:50] if days <= 2 else ():
                slow = wait_day_by_day(goes_on[k], starts[k], now[k], days)
                assert union[k] >= slow - 1e-12
                assert alone[k] == pytest.approx(slow, abs=1e-9)


@pytest.fixture(scope="module")
def by_day():
    """The weather after a report of its second week, seen from every day of that week."""
    reports = (barometer_report("R1", "low"), barometer_report("R2", "falling", week=1))
    days = [START + timedelta(days=k) for k in range(7, 14)]
    return {day: weighted_beliefs(weather(), Evidence(day, reports), 20, 5)[0] for day in days}


def test_the_last_day_of_a_step_is_the_whole_step(by_day):
    as_of, found = max(by_day.items())
    whole = found.at_least_once([STORM]).to_numpy()[0]
    for step in range(4):
        day = as_of + timedelta(days=7 * (step + 1))
        assert ask(weather(), as_of, day, found) == pytest.approx(whole[:, step], abs=1e-14)


def test_the_longer_the_days_the_more_there_is_of_it(by_day):
    scenario = weather()
    for as_of, found in by_day.items():
        last = scenario.timeline.horizon(as_of)
        days = [as_of + timedelta(days=k) for k in range(1, (last - as_of).days + 1)]
        curve = np.array([ask(scenario, as_of, day, found) for day in days])
        assert (np.diff(curve, axis=0) > -1e-14).all()
        assert ((curve >= 0) & (curve <= 1)).all()
        now = found.posterior(STORM[0], found.times[found.now]).sel(state="storm").to_numpy()[0]
        assert (curve[0] < now + 0.1).all()


def test_the_first_day_of_a_step_is_no_whole_step():
    as_of = START + timedelta(days=13)
    first, week = (ask(NO_MEMORY, as_of, as_of + timedelta(days=days)) for days in (1, 7))
    assert (first < week / 5).all()


FIXED = {"start": START, "step": 7, "target": date(2020, 3, 4)}


def fixed(**clock):
    body = weather().model_dump(by_alias=True)
    return Scenario.model_validate({**body, "time": {**FIXED, **clock}})


@pytest.mark.parametrize("elapsed", [0, 12, 55, 60])
def test_a_target_stays_answerable_to_the_end(elapsed):
    scenario, as_of = fixed(), START + timedelta(days=elapsed)
    assert list(find_problems(scenario)) == []
    assert scenario.timeline.horizon(as_of) == FIXED["target"]
    assert scenario.timeline.days_ahead(as_of)[-1] == FIXED["target"]
    assert ask(scenario, as_of, FIXED["target"]).min() > 0


def test_from_the_target_on_a_horizon_is_needed():
    target = FIXED["target"]
    with pytest.raises(InputError, match="not before the scenario's target, 2020-03-04"):
        fixed().timeline.horizon(target)
    both = fixed(horizon=28).timeline
    assert both.horizon(target - timedelta(days=1)) == target
    assert both.horizon(target) == both.last_day(both.step_of(target) + 4)


@pytest.mark.parametrize(
    ("clock", "place", "message"),
    [
        ({"target": START}, ("time", "target"), "is not after the start"),
        ({"target": date(2050, 1, 1)}, ("time", "target"), "steps after the start; at most"),
        ({"target": None}, ("time",), "needs a `horizon`"),
    ],
)
def test_a_target_lies_within_the_time_of_the_scenario(clock, place, message):
    [(where, found)] = find_problems(fixed(**clock))
    assert where == place
    assert message in found
