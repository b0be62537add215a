"""The PyMC model of everything that is judged of sources: its evidence, gradient and draws."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

import forecast as fc
from forecast.evidence.events import find_events
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import tabulate_reports
from forecast.evidence.shared_errors import find_shared_errors
from forecast.evidence.sources import trust_in
from forecast.model.builder import compile_tables
from forecast.model.report_likelihood import report_data
from forecast.model.simulate_reports import simulate_reports
from tests.enumeration import sum_over_everything
from tests.gradients import assert_gradient_is_differences
from tests.harbour import harbour, random_evidence, random_parameters
from tests.small import START

STEPS = 3


def everything():
    """A scenario, and evidence of all kinds about it."""
    scenario = harbour(making="events")
    for seed in range(1_000):
        evidence = random_evidence(np.random.default_rng(seed), scenario, 7, STEPS)
        kinds = {
            bool(r.number is not None) + 2 * bool(r.upper) + 4 * bool(r.likelihoods)
            for r in evidence
        }
        through = {r.source.split()[0] for r in evidence}
        origins = [r.origin for r in evidence if r.origin]
        if (
            len(kinds) == 4
            and {"red", "blue", "pilot"} <= through
            and len(origins) > len({*origins})
            and find_shared_errors(scenario, find_events(scenario, evidence))
        ):
            return scenario, evidence
    raise AssertionError


@pytest.fixture(scope="module")
def case():
    scenario, evidence = everything()
    return scenario, evidence, fc.build_model(scenario, evidence)


def points(model):
    rng = np.random.default_rng(4)
    for _ in range(2):
        start = model.initial_point()
        yield {name: value + rng.normal(0, 0.5, value.shape) for name, value in start.items()}


def test_what_is_judged_of_sources_is_in_the_model(case):
    scenario, _, model = case
    assert {"accuracy", "detection", "control", "reporting"} < {rv.name for rv in model.free_RVs}
    assert list(model.coords["reliability"]) == [*"ABCDEF", "pilot", "keeper"]
    assert list(model.coords["watch"]) == ["desk", "tower"]
    assert list(model.coords["channel"]) == ["red", "blue"]
    assert list(model.coords["profile"])[:2] == ["barometer: first state", "barometer: falling"]
    trust = trust_in(scenario)
    assert [judged.name for judged in trust.control] == ["red", "blue"]


def test_the_models_evidence_is_the_sum_over_everything(case):
    scenario, evidence, model = case
    names = [variable.name for variable in model.free_RVs]
    values = model.compile_fn(
        model.replace_rvs_by_values(model.free_RVs), on_unused_input="ignore", mode="FAST_COMPILE"
    )
    logp = model.compile_logp(vars=[model["report"]], mode="FAST_COMPILE")
    for point in points(model):
        judged = {k: v[..., None] for k, v in zip(names, values(point), strict=True)}
        answer = sum_over_everything(scenario, evidence, judged, STEPS)
        assert logp(point) == pytest.approx(answer.log_evidence, rel=1e-9)


def test_the_models_gradient_is_its_differences(case):
    *_, model = case
    assert_gradient_is_differences(model, points(model))


def test_drawn_reports_come_as_often_as_their_likelihood_says():
    """Words of an undated event, of a copy of it, and of a channel that may be controlled."""
    scenario = harbour(channels=1, watches=False)
    rng = np.random.default_rng(11)
    parameters = random_parameters(rng, scenario)
    plain = random_evidence(rng, scenario, 1, STEPS).reports[0]
    days = {"event_start": day_of(3), "event_end": day_of(11), "known": day_of(13)}
    blank = {"number": None, "upper": None, "exposure": None, "likelihoods": ()}
    template = replace(plain, indicator="barometer", published=day_of(13), **days, **blank)
    one = replace(template, id="A", state="low", source="keeper", reliability="B", origin="o")
    copy = replace(one, id="B", reliability="D")
    other = replace(template, id="C", state="low", source="red wire", reliability="C", origin="")
    evidence = Evidence(day_of(20), (one, copy, other))
    drawn = draw(scenario, evidence, parameters, 4_000)
    assert (drawn[:, 0] == drawn[:, 1]).all()
    states = scenario.variables["barometer"].states
    for first in range(3):
        for second in range(3):
            stated = (states[first], states[first], states[second])
            reports = tuple(replace(r, state=s) for r, s in zip(evidence, stated, strict=True))
            answer = sum_over_everything(
                scenario, Evidence(evidence.as_of, reports), parameters, STEPS
            )
            p = np.exp(answer.log_evidence)
            found = ((drawn[:, 0] == first) & (drawn[:, 2] == second)).mean()
            assert found == pytest.approx(p, abs=4.5 * np.sqrt(p * (1 - p) / len(drawn)))


def test_drawn_reports_of_one_origin_err_together():
    scenario = harbour(channels=0, watches=False)
    rng = np.random.default_rng(12)
    parameters = random_parameters(rng, scenario)
    days = {"event_start": day_of(1), "event_end": day_of(1), "published": day_of(2)}
    blank = {"number": None, "upper": None, "exposure": None, "likelihoods": (), "origin": "o"}
    [plain] = random_evidence(rng, scenario, 1, STEPS).reports
    plain = replace(plain, known=day_of(2), source="keeper", reliability="D", **days, **blank)
    one = replace(plain, id="A", indicator="barometer", state="low")
    other = replace(plain, id="B", indicator="gauge", state="high")
    drawn = draw(scenario, Evidence(day_of(20), (one, other)), parameters, 4_000)
    for first, second in np.ndindex(3, 2):
        states = [scenario.variables[name].states for name in ("barometer", "gauge")]
        reports = replace(one, state=states[0][first]), replace(other, state=states[1][second])
        evidence = Evidence(day_of(20), reports)
        p = np.exp(sum_over_everything(scenario, evidence, parameters, STEPS).log_evidence)
        found = ((drawn[:, 0] == first) & (drawn[:, 1] == second)).mean()
        assert found == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / len(drawn)))


def test_drawn_numbers_follow_their_means():
    """Numbers, ranges and likelihoods are drawn too, a range as a number."""
    scenario, evidence = everything()
    parameters = random_parameters(np.random.default_rng(2), scenario)
    drawn = draw(scenario, evidence, parameters, 300)
    rates = parameters["positive"][compile_tables(scenario).measures["gauge"].location, 0]
    for k, report in enumerate(evidence):
        if report.number is None:
            assert set(drawn[:, k]) <= set(range(len(scenario.variables[report.indicator].states)))
        else:
            times = (report.exposure or 7.0) / 7.0
            assert times * rates.min() / 2 < drawn[:, k].mean() < 2 * times * rates.max()


def day_of(k):
    return START + timedelta(days=k)


def draw(scenario, evidence, parameters, n):
    """Reports drawn by the model's own function for drawing, under one draw of everything."""
    program = compile_tables(scenario)
    table = tabulate_reports(scenario, evidence, STEPS)
    data = report_data(program, table) | dict(table.simulation)
    data |= {
        "settings": table.arrays.settings,
        "accuracy": table.accuracy,
        "n_states": table.n_states,
    }
    judged = {name: values[..., 0] for name, values in parameters.items()}
    theta = program.cells({k: v for k, v in judged.items() if k not in ("accuracy", "control")})
    rng = np.random.default_rng(1)
    return np.array([simulate_reports(program.network, theta, data, judged, rng) for _ in range(n)])
