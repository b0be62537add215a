"""What the evidence of a forecast comes to: conflicts, dates, silence, channels, accuracies."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

import forecast as fc
from forecast.analysis.weighing import find_conflicts, weigh_evidence
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import tabulate_reports
from forecast.evidence.place_evidence import CONTROLLED
from forecast.evidence.silence import watched_steps
from forecast.posterior.mcmc import beliefs_under, stack_draws
from forecast.probabilities import by_horizon
from forecast.reporting.product import product
from forecast.scenario.warning import ANY_DANGEROUS
from tests.enumeration import sum_over_everything
from tests.harbour import harbour
from tests.small import START, barometer_report

STEPS = 3
QUICK = {"draws": 30, "tune": 30, "chains": 1}
FAMILIES = ("probability", "row_3", "positive", "accuracy", "detection", "control", "reporting")


def day(number):
    return START + timedelta(days=number)


def known_evidence():
    """A quarrel in the first week, an undated event, one origin relayed twice, a count."""
    undated = barometer_report("U", "low", 1, known=day(16))
    quoted = replace(barometer_report("Q1", "low", 2, origin="crew"), source="red office")
    count = replace(barometer_report("N", "", 2), indicator="gauge", number=30.0)
    reports = [
        barometer_report("A", "high", grade="A"),
        barometer_report("B", "low", grade="D"),
        replace(undated, event_start=day(3), event_end=day(16)),
        quoted,
        replace(quoted, id="Q2", state="falling", source="red wire"),
        replace(count, source="pilot"),
    ]
    return Evidence(day(20), tuple(reports))


@pytest.fixture(scope="module")
def scenario():
    return harbour(channels=1)


@pytest.fixture(scope="module")
def outlook(scenario):
    return fc.forecast(scenario, known_evidence(), **QUICK)


@pytest.fixture(scope="module")
def weighed(outlook):
    return weigh_evidence(outlook)


def test_reports_that_disagree_are_shown_with_what_they_come_to(outlook, weighed):
    shown = {(one.indicator, one.step): one for one in weighed.conflicts}
    assert set(shown) == {("barometer", 0), ("barometer", 2)}
    first, last = shown["barometer", 0], shown["barometer", 2]
    assert [one.id for one in first.reports] == ["A", "U", "B"]
    assert not first.quoted
    assert sum(found.mean for found in first.states.values()) == pytest.approx(1)
    assert {one.id for one in last.reports} == {"Q1", "Q2", "U"}
    alone = Evidence(day(20), tuple(one for one in known_evidence() if one.id in ("Q1", "Q2")))
    assert len(list(find_conflicts(outlook.scenario, alone))) == 1


def test_an_undated_event_was_in_one_of_its_steps(outlook, weighed):
    (dated,) = weighed.dates
    assert dated.reports == ("U",)
    assert dated.days == pytest.approx({0: 4 / 14, 1: 7 / 14, 2: 3 / 14})
    assert sum(found.mean for found in dated.found.values()) == pytest.approx(1)
    parameters = stack_draws(outlook.posterior["posterior"].to_dataset(), FAMILIES)
    probabilities = []
    for k in range(4):
        one = {name: values[..., k : k + 1] for name, values in parameters.items()}
        probabilities.append(date_probabilities(one))
    draws = beliefs_under(outlook.scenario, known_evidence(), parameters, n_steps=STEPS)
    name = next(each.name for each in draws.network.auxiliaries if each.name.startswith("date"))
    found = draws.auxiliaries([name])[name].to_numpy()[0, :4]
    assert found == pytest.approx(np.array(probabilities), abs=1e-10)


def date_probabilities(parameters):
    """Probability of each step of the undated event: the sum over everything with it placed."""
    weights = []
    for first, last, share in ((3, 6, 4 / 14), (7, 13, 7 / 14), (14, 16, 3 / 14)):
        reports = tuple(
            replace(one, event_start=day(first), event_end=day(last)) if one.id == "U" else one
            for one in known_evidence()
        )
        answer = sum_over_everything(
            harbour(channels=1), Evidence(day(20), reports), parameters, STEPS
        )
        weights.append(share * np.exp(answer.log_evidence))
    return np.array(weights) / sum(weights)


def test_a_channel_is_shown_free_and_controlled(outlook, weighed):
    (hand,) = weighed.channels
    assert hand.channel == "red"
    assert 0.1 < hand.prior.mean < 0.5
    parameters = stack_draws(outlook.posterior["posterior"].to_dataset(), FAMILIES)
    place = list(outlook.scenario.channels).index("red")
    for k in range(3):
        one = {name: values[..., k : k + 1] for name, values in parameters.items()}
        answer = sum_over_everything(outlook.scenario, known_evidence(), one, STEPS)
        found = beliefs_under(outlook.scenario, known_evidence(), one, n_steps=STEPS)
        assert found.auxiliary("control of red").isel(state=CONTROLLED).item() == pytest.approx(
            answer.control[place], abs=1e-10
        )
    answers = hand.answers["storm=storm"]
    assert set(hand.answers) == {"storm=storm", ANY_DANGEROUS}
    share = hand.control.mean
    parts = (1 - share) * answers[1].mean + share * answers[2].mean
    assert answers[0].mean == pytest.approx(parts, rel=1e-9)


def test_a_clamped_channel_is_one_whose_probability_of_control_is_nothing_or_all(outlook):
    parameters = stack_draws(outlook.posterior["posterior"].to_dataset(), FAMILIES)
    scenario = outlook.scenario
    found = beliefs_under(scenario, known_evidence(), parameters)
    for state, probability in enumerate((1e-15, 1 - 1e-15)):
        control = parameters["control"].copy()
        control[list(scenario.channels).index("red")] = probability
        certain = beliefs_under(scenario, known_evidence(), parameters | {"control": control})
        clamped = found.clamp("control of red", state)
        np.testing.assert_allclose(
            by_horizon(outlook, clamped).to_numpy(),
            by_horizon(outlook, certain).to_numpy(),
            atol=1e-9,
        )


def test_a_watch_without_reports_is_shown(outlook, weighed):
    silences = {each.watch: each for each in weighed.silences}
    assert set(silences) == {"desk", "tower"}
    assert list(silences["desk"].steps) == [0, 1]
    assert list(silences["tower"].steps) == [0, 1]
    detection = outlook.posterior["posterior"]["detection"].sel(watch="desk").to_numpy()
    assert silences["desk"].steps[0].mean == pytest.approx(0.95 * detection.mean())


def test_silence_says_only_what_would_be_known_by_now():
    scenario = harbour()

    def reach(number):
        return {(each.name, each.step): each.reach for each in watched_steps(scenario, number)}

    assert reach(day(-1)) == {}
    assert reach(day(0)) == pytest.approx({("desk", 0): 0.4 / 7})
    assert reach(day(1)) == pytest.approx({("desk", 0): (0.7 + 0.4) / 7})
    assert reach(day(3))["tower", 0] == pytest.approx(0.4 / 7)
    assert reach(day(40))["desk", 0] == pytest.approx(0.95)
    assert reach(day(40))["desk", 1] == pytest.approx(0.95 * 6 / 7)
    before = -1.0
    for number in range(30):
        total = sum(reach(day(number)).values())
        assert total >= before
        before = total


def test_no_watch_no_information():
    """Without a watch, evidence says the same at any later day of its last step."""
    for watches, same in ((False, True), (True, False)):
        scenario = harbour(watches=watches)
        one, other = (
            tabulate_reports(scenario, Evidence(day(number), (barometer_report("A", "high"),)), 2)
            for number in (7, 13)
        )
        assert np.array_equal(one.arrays.silence_reach, other.arrays.silence_reach) is same
        assert (one.arrays.silence_reach.size == 0) is not watches


def test_accuracies_are_counted_by_grade_and_source(weighed):
    assert {each.name: each.reports for each in weighed.accuracies} == {
        "A": 1,
        "B": 3,
        "D": 1,
        "pilot": 1,
    }


def test_everything_is_in_the_text_and_in_the_report(outlook, weighed):
    titles = [part.splitlines()[0] for part in str(weighed).split("\n\n")]
    assert titles[:3] == ["Reports that disagree", "Events without a certain date", "Silence"]
    assert titles[3].startswith("red: controlled ")
    assert titles[4] == "How far sources are believed"
    text = product(outlook, allow_unreliable=True).markdown
    for heading in (
        "Reports that disagree",
        "Events without a certain date",
        "Silence",
        "red: controlled or not",
    ):
        assert heading in text
    assert "one origin" in text


def test_what_is_not_there_is_not_told(scenario):
    evidence = Evidence(day(6), (barometer_report("A", "high"),))
    plain = weigh_evidence(fc.forecast(scenario, evidence, **QUICK))
    assert (plain.conflicts, plain.dates, plain.channels) == ((), (), ())
    titles = [part.splitlines()[0] for part in str(plain).split("\n\n")]
    assert titles == ["Silence", "How far sources are believed"]
