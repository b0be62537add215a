"""Auxiliary variables of the evidence, against the sum over all that they may be."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from forecast.errors import TooLarge
from forecast.evidence.events import find_events
from forecast.evidence.ledger import Evidence
from forecast.evidence.shared_errors import find_shared_errors
from forecast.model.builder import compile_tables
from forecast.posterior.mcmc import beliefs_under
from forecast.testing.networks import all_histories, cells_used
from tests.enumeration import sum_over_everything, usual_statements
from tests.harbour import harbour, random_evidence, random_parameters
from tests.small import START, barometer_report

CLOSE = {"rtol": 1e-9, "atol": 1e-11}


@pytest.mark.parametrize("seed", range(40))
def test_everything_unknown_is_summed_out(seed):
    rng = np.random.default_rng(seed)
    making = ("ignorable", "default", "profile", "events")[seed % 4]
    channels, watches = int(rng.integers(0, 3)), bool(rng.integers(0, 2))
    lineage = (None, "as_stated")[seed // 4 % 2]
    scenario = harbour(channels=channels, watches=watches, making=making, lineage=lineage)
    evidence = random_evidence(rng, scenario, int(rng.integers(1, 7)), 3)
    parameters = random_parameters(rng, scenario)
    beliefs = beliefs_under(scenario, evidence, parameters, n_steps=3)
    answer = sum_over_everything(scenario, evidence, parameters, 3)
    np.testing.assert_allclose(beliefs.log_evidence().item(), answer.log_evidence, **CLOSE)
    found = beliefs.posteriors(view="smoothed").to_numpy()[0, 0]
    np.testing.assert_allclose(found, answer.marginals, **CLOSE)


@pytest.mark.parametrize("seed", range(12))
def test_a_static_scenario_as_well(seed):
    rng = np.random.default_rng(100 + seed)
    scenario = harbour(dynamic=False, making=("default", "profile", "events")[seed % 3])
    evidence = random_evidence(rng, scenario, int(rng.integers(1, 6)), 3)
    parameters = random_parameters(rng, scenario)
    beliefs = beliefs_under(scenario, evidence, parameters)
    answer = sum_over_everything(scenario, evidence, parameters, 1)
    np.testing.assert_allclose(beliefs.log_evidence().item(), answer.log_evidence, **CLOSE)
    found = beliefs.posteriors(view="smoothed").to_numpy()[0, 0]
    np.testing.assert_allclose(found.reshape(1, -1), answer.marginals, **CLOSE)


@pytest.mark.parametrize("seed", range(24))
def test_one_origin_errs_in_everything_or_in_nothing(seed):
    """Two sources bring what two origins state, of several indicators at several times."""
    rng = np.random.default_rng(200 + seed)
    dynamic, making = seed % 3 > 0, ("ignorable", "default", "profile", "events")[seed % 4]
    scenario = harbour(dynamic=dynamic, channels=int(rng.integers(0, 3)), making=making)
    reports = random_evidence(rng, scenario, int(rng.integers(3, 7)), 3)
    sources = [("keeper", "C"), ("red wire", "D")]
    pairs = [(each, *sources[int(rng.integers(2))]) for each in reports]
    alike = [replace(each, source=who, reliability=grade) for each, who, grade in pairs]
    evidence = Evidence(reports.as_of, tuple(alike))
    parameters = random_parameters(rng, scenario)
    n = 3 if dynamic else 1
    beliefs = beliefs_under(scenario, evidence, parameters, **({"n_steps": n} if dynamic else {}))
    answer = sum_over_everything(scenario, evidence, parameters, n)
    np.testing.assert_allclose(beliefs.log_evidence().item(), answer.log_evidence, **CLOSE)
    found = beliefs.posteriors(view="smoothed").to_numpy()[0, 0]
    np.testing.assert_allclose(found.reshape(n, -1), answer.marginals, **CLOSE)


def test_where_many_shared_errors_meet_those_of_most_statements_are_taken():
    scenario = harbour(channels=0, watches=False)
    reports = [
        barometer_report(f"{origin} {week}", "low", week, origin=origin)
        for origin, weeks in {"a": 2, "b": 2, "c": 2, "d": 2, "e": 3}.items()
        for week in range(weeks)
    ]
    for origin in "fghij":
        low = barometer_report(f"{origin} low", "low", origin=origin)
        reports += [low, replace(low, id=f"{origin} high", indicator="gauge", state="high")]
    evidence = Evidence(START + timedelta(days=20), tuple(reports))
    found = find_shared_errors(scenario, find_events(scenario, evidence))
    carried = {origin: error.last for (origin, *_), error in found.items() if error.last}
    assert carried == {"origin a": 1, "origin b": 1, "origin e": 2}
    assert len(found) == 6


def test_errors_of_other_origins_have_other_names():
    """Origins and sources are free text, with commas as well."""
    scenario = harbour(channels=0, watches=False)
    reports = [
        replace(barometer_report(f"{origin}{week}", "low", week, origin=origin), source=source)
        for origin, source in (("a, b", "c"), ("a", "b, c"))
        for week in range(2)
    ]
    evidence = Evidence(START + timedelta(days=20), tuple(reports))
    found = find_shared_errors(scenario, find_events(scenario, evidence))
    assert len({error.name for error in found.values()}) == 2


def undated(count):
    """Independent reports that the barometer stood somewhere on one of some days."""
    reports = []
    for k in range(count):
        plain = barometer_report(f"U{k:02}", ("low", "high", "falling")[k % 3], grade="BDE"[k % 3])
        days = [START + timedelta(days=number) for number in (k % 4, 16 - k % 3, 17)]
        start, end, known = days
        plain = replace(plain, event_start=start, event_end=end)
        reports.append(replace(plain, published=known, known=known))
    return Evidence(START + timedelta(days=20), tuple(reports))


def test_many_undated_events_of_one_indicator_stay_exact():
    scenario = harbour(channels=0, watches=False)
    parameters = random_parameters(np.random.default_rng(1), scenario)
    evidence = undated(11)
    beliefs = beliefs_under(scenario, evidence, parameters, n_steps=3)
    program = compile_tables(scenario)
    judged = {name: values[..., 0] for name, values in parameters.items()}
    theta = program.cells({k: judged[k] for k in ("probability", "row_3", "positive")})
    histories = all_histories(program.network, 3)
    weight = theta[cells_used(program.network, histories)].prod(axis=(1, 2))
    place = program.network.names.index("barometer")
    for report in evidence:
        usual = usual_statements(scenario, "barometer", report.reliability)
        accuracy = judged["accuracy"]["ABCDEF".index(report.reliability)]
        stated = ("high", "falling", "low").index(report.state)
        right = histories[:, :, place] == stated
        like = accuracy * right + (1 - accuracy) * usual[stated]
        days = [(report.event_start - START).days, (report.event_end - START).days]
        steps = np.arange(days[0], days[1] + 1) // 7
        weight = weight * like[:, steps].mean(axis=1)
    assert beliefs.log_evidence().item() == pytest.approx(np.log(weight.sum()), rel=1e-10)


def test_too_many_undated_events_are_refused_in_words():
    scenario = harbour(channels=0, watches=False)
    parameters = random_parameters(np.random.default_rng(1), scenario)
    with pytest.raises(
        TooLarge, match=r"meets 80 auxiliary variables of the evidence.*more exactly, or one"
    ):
        beliefs_under(scenario, undated(40), parameters, n_steps=3).log_evidence()
