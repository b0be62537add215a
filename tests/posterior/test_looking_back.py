"""Scenarios whose tables look back more than a step, from a file to every answer."""

from datetime import timedelta
from itertools import product

import numpy as np
import pytest

import forecast as fc
from forecast.cli import main
from forecast.evidence.ledger import Evidence
from forecast.model.builder import compile_tables
from forecast.model.model import evidence_data
from forecast.model.target import count_coordinates, log_posterior, make_target, prior_point
from forecast.posterior.prior import prior_beliefs
from forecast.testing.networks import enumerate_answer
from forecast.verification.worlds import World, day_after
from tests.small import START, barometer_report, evidence

GALE = """\
format: 1
name: gale
version: "1"
title: Will it blow?
question: Does a gale come within the horizon?
time: {start: 2020-01-03, step: 7, horizon: 35}
reporting: ignorable
lineage: as_stated
variables:
  alarm:
    role: input
    label: Alarm
    states: [silent, ringing]
    default: silent
    clauses: {silent: nobody rings, ringing: somebody rings}
    plan: [{state: ringing, start: 2020-01-24}]
  storm:
    role: course_of_action
    label: Gale
    states: [calm, storm]
    courses: {storm: {label: A gale, severity: 4, dangerous: true}}
    initial: {form: rows, rows: [{probability: {storm: [0.1, 0.5]}, basis: "judgement: log"}]}
    transition:
      form: rows
      rows:
        - when: {previous storm: calm, previous 2 storm: calm, previous 2 alarm: silent}
          probability: {storm: [0.05, 0.2]}
          basis: "judgement: log"
        - when: {previous storm: calm, previous 2 storm: storm, previous 2 alarm: silent}
          probability: {storm: [0.3, 0.6]}
          basis: "judgement: log"
        - when: {previous storm: storm, previous 2 storm: calm, previous 2 alarm: silent}
          probability: {storm: [0.6, 0.9]}
          basis: "judgement: log"
        - when: {previous storm: storm, previous 2 storm: storm, previous 2 alarm: silent}
          probability: {storm: [0.2, 0.4]}
          basis: "judgement: log"
        - when:
            previous storm: [calm, storm]
            previous 2 storm: [calm, storm]
            previous 2 alarm: ringing
          probability: {storm: [0.01, 0.05]}
          basis: "judgement: log"
  barometer:
    role: indicator
    label: Barometer
    states: [high, falling, low]
    speaks_to: [{course: storm=storm, sign: "+"}]
    table:
      form: rows
      rows:
        - when: {storm: calm}
          concentration: {high: 14, falling: 5, low: 1}
          basis: "judgement: log"
        - when: {storm: storm}
          concentration: {high: 2, falling: 6, low: 8}
          basis: "judgement: log"
"""
WEEK, NOW, LAST = 7, 2, 7
REPORTS = (barometer_report("R1", "low"), barometer_report("R2", "falling", week=1))


@pytest.fixture(scope="module")
def gale(tmp_path_factory):
    path = tmp_path_factory.mktemp("gale") / "scenario.yaml"
    path.write_text(GALE, encoding="utf-8")
    return fc.load_scenario(path)


@pytest.fixture(scope="module")
def outlook(gale):
    return fc.forecast(gale, evidence(*REPORTS), method="reweight", draws=200, chains=1)


def rows_of(beliefs):
    """Probability of a storm at first, and by the state before, that of two steps before, alarm."""
    theta, network = beliefs.theta, beliefs.network
    node = network.node("storm")
    first = theta[network.cells(node.first, "storm")][1]
    later = theta[network.cells(node.later, "storm")].reshape(2, 2, 2, 2, -1)[..., 1, :]
    assert node.later.parents == (("storm", 1), ("storm", 2), ("alarm", 2))
    return first, later


def test_every_answer_is_a_sum_over_histories(gale, outlook):
    """Of each draw, in loops that know nothing of networks; the alarm acts a step later."""
    beliefs = fc.beliefs(outlook)
    first, later = rows_of(beliefs)
    acting = [0, 0, 0, 0, 1, 1, 1, 1]  # it is to ring from step 3 on
    like = np.broadcast_to(beliefs.log_like, (*beliefs.log_like.shape[:2], first.size))
    seen = np.einsum(
        "tbd,sbd->tsd",
        np.exp(like[:, beliefs.network.states("barometer")]),
        beliefs.theta[beliefs.network.cells(*table_of(beliefs.network))].reshape(2, 3, -1),
    )
    total, ever, now = np.zeros((3, first.size))
    for history in product((0, 1), repeat=LAST + 1):
        weight = np.where(history[0], first, 1 - first) * seen[0, history[0]]
        for step in range(1, LAST + 1):
            before = max(step - 2, 0)
            row = later[history[step - 1], history[before], acting[before]]
            weight = weight * np.where(history[step], row, 1 - row) * seen[step, history[step]]
        total += weight
        ever += weight * any(history[NOW + 1 :])
        now += weight * history[NOW]
    weights = outlook.weights.weight / outlook.weights.weight.sum()
    found = outlook.state_probability("storm", "storm")
    assert found.mean == pytest.approx((now / total) @ weights, abs=1e-9)
    reached = outlook.probability_within("storm=storm", outlook.horizon)
    assert reached.mean == pytest.approx((ever / total) @ weights, abs=1e-9)
    np.testing.assert_allclose(
        beliefs.log_evidence().to_numpy().ravel(), np.log(total), rtol=0, atol=1e-9
    )


def table_of(network):
    return network.node("barometer").later, "barometer"


def test_reweighted_and_sampled_forecasts_agree(gale, outlook):
    sampled = fc.forecast(
        gale, evidence(*REPORTS), method="nuts", draws=400, tune=300, chains=2, random_seed=3,
        progressbar=False,
    )  # fmt: skip
    one, other = (
        each.probability_within("storm=storm", each.horizon) for each in (outlook, sampled)
    )
    spread = (one.upper - one.lower) / 3.3
    assert abs(one.mean - other.mean) < 4 * spread / np.sqrt(60)


def test_the_compiled_density_is_that_of_the_pymc_model(gale):
    told = evidence(*REPORTS)
    target = make_target(compile_tables(gale), evidence_data(gale, told))
    model = fc.build_model(gale, told)
    density, slope = (
        make(mode="FAST_COMPILE") for make in (model.compile_logp, model.compile_dlogp)
    )
    start = model.initial_point()
    ends = np.cumsum([start[value.name].size for value in model.value_vars])
    point = prior_point(compile_tables(gale).priors)
    point = point + np.random.default_rng(3).normal(0, 0.7, count_coordinates(target))
    parts = zip(model.value_vars, np.split(point, ends[:-1]), strict=True)
    named = {value.name: part.reshape(start[value.name].shape) for value, part in parts}
    found, slopes = log_posterior(point, target)
    assert found == pytest.approx(float(density(named)), rel=1e-12)
    np.testing.assert_allclose(slopes, slope(named), rtol=1e-8, atol=1e-8)


def test_prior_answers_are_those_of_all_histories(gale):
    """First passage, spells, pairs of steps and the likeliest course, after a plan."""
    beliefs = prior_beliefs(gale, evidence(*REPORTS), draws=3, random_seed=2)
    network, theta, like = beliefs.network, beliefs.theta, beliefs.log_like
    names = [name for name in network.names if name != "barometer"]
    keep = [network.states(name) for name in names]
    assert [(each.start, each.stop) for each in keep] == [(0, 2), (2, 4)]
    for draw in range(3):
        one = like[..., min(draw, like.shape[2] - 1)] if like.ndim == 3 else like
        table = theta[network.cells(*table_of(network)), draw].reshape(2, 3)
        hidden = one[:, :4].copy()
        hidden[:, 2:] += np.log(np.exp(one[:, 4:7]) @ table.T)
        answer = enumerate_answer(network.relevant_to(["storm"]), theta[:, draw], hidden)
        storms = answer.histories[:, :, 1]
        ever = answer.probability[storms[:, NOW + 1 :].any(axis=1)].sum()
        days = beliefs.times
        reached = beliefs.at_least_once([("storm", "storm")], days[NOW + 1], days[LAST])
        assert reached[0, draw, -1].item() == pytest.approx(ever, abs=1e-9)
        pairs = beliefs.two_step_joint("storm").to_numpy()[0, draw]
        for step in range(LAST):
            expected = np.zeros((2, 2))
            np.add.at(expected, (storms[:, step], storms[:, step + 1]), answer.probability)
            np.testing.assert_allclose(pairs[step], expected, rtol=0, atol=1e-9)
        best = beliefs.most_probable_history(["storm"])
        sums = np.bincount(storms @ (2 ** np.arange(LAST + 1)), answer.probability)
        assert best["probability"].to_numpy()[0, draw] == pytest.approx(sums.max(), abs=1e-9)


def test_what_if_branches_average_to_the_forecast(outlook):
    found = fc.what_if(outlook, ("storm", "storm"), "barometer")
    for step, value in enumerate(found.ahead):
        mixed = sum(each.probability.mean * each.ahead[step].mean for each in found)
        assert mixed == pytest.approx(value.mean, abs=1e-9)


def test_nothing_but_the_variables_is_shown(gale, outlook):
    assert set(fc.beliefs(outlook).network.names) == {"alarm", "storm", "barometer"}
    table = fc.implied_table(gale, "storm")
    assert table.index.names == ["previous storm", "previous 2 storm", "previous 2 alarm"]


def test_rows_are_learned_from_histories_that_are_known(gale):
    """A conjugate answer: transitions counted, with the first step standing for those before."""
    rng, steps = np.random.default_rng(4), 12
    truth = World.draw(gale, steps, np.random.default_rng(9))
    cases, seen = [], np.zeros((2, 2, 2))
    for _ in range(20):
        storms = World.of(gale, truth.parameters, steps, rng).in_state("storm", "storm")
        for step in range(1, steps):
            seen[tuple(storms[[step - 1, max(step - 2, 0), step]].astype(int))] += 1
        history = {"storm": [("calm", "storm")[int(state)] for state in storms]}
        cases.append(fc.Case(Evidence(day_after(gale, steps)), history=history))
    learned = fc.learn(
        gale, cases, draws=300, tune=200, chains=2, progressbar=False, between_cases=0.0
    ).table.set_index("judgement")
    priors = compile_tables(gale).priors
    for (before, older), name in {
        (a, b): f"storm | previous storm={one}, previous 2 storm={two}, previous 2 alarm=silent"
        for (a, one), (b, two) in product(enumerate(("calm", "storm")), repeat=2)
    }.items():
        label = f"{name}: storm"
        a, b = priors.probability[priors.labels["probability"].index(label)]
        a, b = a + seen[before, older, 1], b + seen[before, older, 0]
        mean = a / (a + b)
        sd = np.sqrt(mean * (1 - mean) / (a + b + 1))
        assert learned.loc[label, "after"] == pytest.approx(mean, abs=5 * sd / np.sqrt(150))


def test_simulated_worlds_are_as_frequent_as_the_engine_says(gale):
    rng, runs = np.random.default_rng(6), 4000
    truth = World.draw(gale, 5, np.random.default_rng(1))
    storms = np.array(
        [World.of(gale, truth.parameters, 5, rng).in_state("storm", "storm") for _ in range(runs)]
    )
    cells = compile_tables(gale).cells(truth.parameters)[:, 0]
    network = compile_tables(gale).network
    like = network.no_evidence(5)
    like[:, network.state("alarm", "ringing")] = -np.inf
    answer = enumerate_answer(
        network.relevant_to(["storm"]), cells, like[:, : network.states("storm").stop]
    )
    for step in range(5):
        exact = answer.marginals[step, 3]
        error = np.sqrt(exact * (1 - exact) / runs)
        assert abs(storms[:, step].mean() - exact) < 4 * error


def test_a_scenario_that_looks_back_too_far_is_refused_as_too_large(tmp_path, capsys):
    text = GALE.replace("previous 2 storm", "previous 40 storm")
    (tmp_path / "scenario.yaml").write_text(text, encoding="utf-8")
    assert main(["check", str(tmp_path)]) != 0
    assert "previous 40 storm as a parent" in capsys.readouterr().err


def test_a_day_before_the_first_is_not_needed(gale):
    """A forecast on the first day of all has no steps behind it."""
    found = fc.forecast(
        gale, Evidence(START + timedelta(days=WEEK - 1)), method="reweight", draws=50, chains=1
    )
    first, later = rows_of(fc.beliefs(found))
    weights = found.weights.weight / found.weights.weight.sum()
    expected = first * later[1, 1, 0] + (1 - first) * later[0, 0, 0]
    next_week = found.state_probability("storm", "storm", 1)
    assert next_week.mean == pytest.approx(expected @ weights, abs=1e-9)
