"""The smallest withdrawal, against every set of reports, each applied."""

from itertools import combinations

import numpy as np
import pytest

import forecast as fc
from forecast import fitting
from forecast.analysis.judgement_shift import HIGH_END, LOW_END, _quantile
from forecast.analysis.sensitivity import judgements_of, set_judgement
from forecast.posterior.partial_evidence import PartialEvidence, Target
from forecast.posterior.reweighting import Fit
from tests.small import barometer_report, evidence, weather

STATES, GRADES = ("low", "falling", "low", "high", "falling"), "CABBC"


def outlook_of(n):
    reports = [
        barometer_report(f"R{k}", STATES[k % 5], min(k, 2), grade=GRADES[k % 5], origin=f"o{k}")
        for k in range(n)
    ]
    return fc.forecast(weather(), evidence(*reports), method="reweight", draws=100, chains=1)


@pytest.fixture(scope="module")
def outlook():
    return outlook_of(5)


@pytest.mark.parametrize("level", [0.2, 0.3, 0.5, 0.99])
def test_the_smallest_set_is_that_of_an_exhaustive_search(outlook, level):
    course = "storm=storm"
    ids = [report.id for report in outlook.evidence]

    def side(removed):
        other = fc.update(outlook, outlook.evidence.without(*removed), method="reweight")
        return other.probability_within(course).mean >= level

    now = outlook.probability_within(course).mean >= level
    sets = [s for n in range(1, len(ids) + 1) for s in combinations(ids, n) if side(s) != now]
    found = fc.smallest_change(outlook, course, level)
    assert found.certified
    assert len(found.reports) == min(map(len, sets), default=0)
    assert not sets or found.reports in sets
    bound = fc.smallest_change(outlook, course, level, most=2)
    assert not bound.certified
    assert not bound.reports or bound.reports in sets
    assert len(bound.reports) >= len(found.reports) or not bound.reports


@pytest.mark.slow
def test_fifteen_reports_are_searched_to_the_end():
    """Every set of fifteen, from the draws of the forecast, without the search."""
    outlook = outlook_of(15)
    partial = PartialEvidence(
        outlook.fit, outlook.as_of, [Target((("storm", "storm"),), outlook.horizon)]
    )
    observations = outlook.evidence.observations
    level, smallest = 0.25, {}
    now = outlook.probability_within("storm=storm").mean >= level
    for size in range(16):
        for kept in combinations(observations, 15 - size):
            found = partial.find(kept)
            weight = np.exp(found.log_evidence - found.log_evidence.max())
            if (found.probability[0] @ weight / weight.sum() >= level) != now:
                smallest.setdefault(size, []).append(
                    {r.id for r in observations} - {r.id for r in kept}
                )
        if smallest:
            break
    found = fc.smallest_change(outlook, "storm=storm", level, most=2**15, judgements=0)
    assert found.certified
    assert len(found.reports) == min(smallest, default=0)
    assert not smallest or set(found.reports) in smallest[len(found.reports)]


def test_the_smallest_shift_changes_the_conclusion_and_no_smaller_one_does(outlook):
    """Every judgement held at every half of a standard deviation, in forecasts of their own."""
    given, course, level, draws = outlook, "storm=storm", 0.4, 100
    shift = fc.smallest_change(given, course, level, draws=draws, judgements=99).judgement
    now = given.probability_within(course).mean >= level
    levers, parameters = judgements_of(given.fit.beliefs(given.evidence).draws)

    def side(lever, deviations):
        moved = {name: np.array(values) for name, values in parameters.items()}
        for draw in range(draws):
            set_judgement(moved, lever, draw, _quantile(lever, deviations))
        fit = Fit(given.fit.scenario, given.fit.evidence, moved, given.fit.shape)
        other = fitting.weighed_forecast(fit, given.evidence, given.sampling, "reweight")
        return other.probability_within(course).mean >= level

    changing = [
        (abs(deviations), lever.label)
        for lever in levers
        for deviations in np.arange(-6, 7) / 2
        if side(lever, deviations) != now
    ]
    assert shift.certified
    assert -1e-9 <= min(changing)[0] - abs(shift.deviations) <= 0.5
    [lever] = [each for each in levers if each.label == shift.judgement]
    assert side(lever, shift.deviations + np.copysign(0.02, shift.deviations)) != now


def test_a_level_needs_its_course(outlook):
    with pytest.raises(fc.InputError, match="level: is missing"):
        fc.smallest_change(outlook, "storm=storm")


def test_every_judgement_lies_at_the_ends_of_its_interval():
    """On the scale of its own kind: how fully others report is positive, and no probability."""
    problem = fc.load_scenario("ombara-outbreak")
    quiet = fc.forecast(problem, fc.Evidence(problem.as_of), method="reweight", draws=4, chains=1)
    levers, _ = judgements_of(fc.beliefs(quiet).draws)
    assert "reporting_level" in {lever.family for lever in levers}
    for lever in levers:
        ends = [_quantile(lever, end) for end in (LOW_END, HIGH_END)]
        assert ends == pytest.approx([lever.low, lever.high], rel=1e-9)
