"""The scenario that a matrix becomes: ratios and grades, and its posterior by enumeration."""

import re
from itertools import product
from math import sqrt

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

import forecast as fc
from forecast.ach.scenario import ASSUMED_RATIOS, LIKELIEST, items_by_origin
from forecast.errors import InputError
from forecast.evidence.sources import admiralty_grades
from forecast.posterior.naive_bayes import naive_bayes_posterior
from forecast.posterior.prior import prior_beliefs
from tests.ach.matrices import EVEN, HEUER, matrix_of, random_matrix


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"ratios": {"III": (1, 2), "E1": {"atack": (1, 2), "attack": (3, 2)}, "C": 4}},
            [
                "ratios: 'III' is not a rating with a likelihood; did you mean 'II'? "
                "Legal: CC, C, N, I, II",
                "ratios: E1: 'atack' is not a hypothesis; did you mean 'attack'? "
                "Legal: accident, attack",
                "ratios: E1: attack: [3, 2]: needs 0.001 <= lower < upper <= 1000",
                "ratios: C: 4 is not a pair of numbers",
            ],
        ),
        (
            {"ratios": {"E9": {"attack": (0.01, 2)}}},
            [
                "ratios: 'E9' is not an item; legal: E1",
                "ratios: E9: attack: [0.01, 2]: the upper end is at most 100 times the lower",
            ],
        ),
        (
            {"prior": {"accident": 0.5, "atack": 0.5}},
            [
                "prior: 'atack' is not a hypothesis; did you mean 'attack'? "
                "Legal: accident, attack",
                "prior: says nothing of attack",
            ],
        ),
        ({"prior": {"accident": 0.5, "attack": 0.6}}, ["prior: sums to 1.1, not to 1"]),
        (
            {"prior": {"accident": 0.5, "attack": (0.4, 0.6)}},
            ["prior: mixes numbers and intervals; give one kind for all hypotheses"],
        ),
        (
            {"prior": {"accident": 0, "attack": 1}},
            ["prior: a hypothesis that competes has a probability above 0, below 1"],
        ),
        (
            {"grades": {"hgh": "A", "low": "G"}},
            [
                "grades: 'low': 'G' is not a grade; legal: A, B, C, D, E, F",
                "grades: 'hgh' is not a credibility; did you mean 'high'? Legal: low, medium, high",
            ],
        ),
    ],
)
def test_bad_arguments_are_told_together(given, expected):
    with pytest.raises(InputError) as caught:
        matrix_of(("C", "I")).to_scenario(exhaustive=True, **given)
    assert [str(problem) for problem in caught.value.problems] == expected


def test_ratings_become_intervals_in_their_proportions():
    problem, _ = matrix_of(("CC", "II")).to_scenario(exhaustive=True)
    high, low = (row.probability["seen"] for row in problem.variables["E1"].table.rows)
    assert high.upper == pytest.approx(LIKELIEST)
    assert high.upper / low.upper == pytest.approx(20 / (1 / 5))
    assert high.lower / low.lower == pytest.approx(5 / (1 / 20))
    assert "assumed from an ACH rating, II" in problem.variables["E1"].table.rows[1].basis


def test_stated_ratios_take_the_place_of_assumed_ones():
    ratios = {"C": (2, 4), "E1": {"attack": (0.5, 1)}}
    problem, _ = matrix_of(("C", "I")).to_scenario(exhaustive=True, ratios=ratios)
    first, second = problem.variables["E1"].table.rows
    assert first.probability["seen"].upper / second.probability["seen"].upper == pytest.approx(4)
    assert "stated for an ACH rating, C" in first.basis
    assert second.basis.startswith("judgement: stated, 0.5 to 1 times")


def test_nothing_is_assumed_silently():
    problem, _ = HEUER.to_scenario()
    [row] = problem.variables["hypothesis"].table.rows
    assert row.concentration == dict.fromkeys(
        ("no_retaliation", "minor_terrorism", "major_attack", "other"), 1.0
    )
    assert row.basis.startswith("judgement: assumed")
    labels = [course.label for course in problem.courses.values()]
    assert labels == [*HEUER.hypotheses, "other"]


def test_what_applies_to_nothing_is_context():
    _, evidence = matrix_of(("NA", "NA"), ("C", "I")).to_scenario(as_of="2024-05-01")
    assert [report.id for report in evidence.context] == ["E1"]
    assert [report.indicator for report in evidence.observations] == ["E2"]


def test_names_in_any_script_become_states():
    matrix = matrix_of(("C", "I", "N"), hypotheses=("حادث", "Überfall!", "überfall?"))
    problem, _ = matrix.to_scenario()
    states = problem.variables["hypothesis"].states
    assert len(set(states)) == 4
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", state) for state in states)


def accuracy_of(grade):
    [shape] = [each.shape for each in admiralty_grades() if each.letter == grade]
    return stats.beta(*shape)


def test_posterior_with_near_exact_ratios_is_the_enumerated_one():
    """Every state of every indicator is summed over; the one accuracy is integrated over."""
    exact = {"CC": 8.0, "C": 3.0, "N": 1.0, "I": 0.4, "II": 0.1}
    ratios = {rating: (value * 0.98, value * 1.02) for rating, value in exact.items()}
    rows = [("CC", "N", "I"), ("C", "C", "II"), ("I", "C", "CC"), ("N", "I", "C")]
    prior = {"a": 0.2, "b": 0.3, "c": 0.5}
    matrix = matrix_of(*rows, hypotheses=tuple(prior))
    problem, evidence = matrix.to_scenario(prior=prior, ratios=ratios, exhaustive=True)

    def probability_seen(row, k):
        return exact[row[k]] / (max(exact[rating] for rating in row) * 1.02) * LIKELIEST

    # Of its errors a source of grade A invents 1 in 100, which name either state.
    usual = {
        row: 0.005 + 0.99 * sum(p * probability_seen(row, k) for k, p in enumerate(prior.values()))
        for row in rows
    }

    def joint(name, accuracy):
        k = list(prior).index(name)
        total = 0.0
        for states in product((True, False), repeat=len(rows)):
            term = prior[name]
            for row, seen in zip(rows, states, strict=True):
                term *= probability_seen(row, k) if seen else 1 - probability_seen(row, k)
                term *= accuracy * seen + (1 - accuracy) * usual[row]
            total += term
        return total

    found = {
        name: quad(lambda a, n=name: joint(n, a) * accuracy_of("A").pdf(a), 0, 1)[0]
        for name in prior
    }
    expected = np.array(list(found.values())) / sum(found.values())
    given = naive_bayes_posterior(problem, evidence, draws=4000, random_seed=1)
    assert given.probability == pytest.approx(expected, rel=1e-3)
    draws = given.beliefs.posterior("hypothesis").to_numpy()[0]
    error = draws.std(axis=0) / sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - expected) < 4 * error + 1e-3 * expected).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["assumed", "intervals", "two"])
def test_draws_are_those_of_weighted_draws_of_the_prior(seed, kind):
    """Means and spreads against draws of the prior, each weighed by its evidence."""
    matrix, prior = random_matrix(seed), None
    if kind == "intervals":
        prior = {"a": (0.1, 0.4), "b": (0.2, 0.5), "c": (0.2, 0.6)}
    if kind == "two":
        rows = [(*item.ratings[:2], {"origin": item.origin}) for item in matrix.evidence]
        matrix = matrix_of(*rows, hypotheses=("a", "b"))
    problem, evidence = matrix.to_scenario(prior=prior, exhaustive=True)
    given = naive_bayes_posterior(problem, evidence, draws=8000, random_seed=1)
    exact = given.beliefs.posterior("hypothesis").to_numpy()[0]
    before = prior_beliefs(problem, evidence, draws=40_000, random_seed=2)
    log_weight = before.log_evidence().to_numpy()[0]
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    slow = before.posterior("hypothesis").to_numpy()[0]
    effective = 1 / (weight**2).sum()
    assert effective > 1000
    for power in (1, 2):
        mean = weight @ slow**power
        spread = np.sqrt(weight @ (slow**power - mean) ** 2)
        error = spread * sqrt(1 / effective + 1 / len(exact))
        assert (np.abs((exact**power).mean(axis=0) - mean) < 4.5 * error).all()
        if power == 1:
            assert (np.abs(given.probability - mean) < 4.5 * error).all()
    accuracy = before.draws.parameters["accuracy"]
    accuracies = given.beliefs.draws.parameters["accuracy"]
    spread = accuracy.std(axis=1) * sqrt(1 / effective + 1 / len(exact))
    assert (np.abs(accuracies.mean(axis=1) - accuracy @ weight) < 4.5 * spread).all()


def test_an_origin_relayed_three_times_counts_once():
    once = matrix_of(("I", "C"), ("C", "I"))
    wire = {"origin": "wire"}
    thrice = matrix_of(("I", "C", wire), ("I", "C", wire), ("I", "C", wire), ("C", "I"))
    apart = matrix_of(("I", "C"), ("I", "C"), ("I", "C"), ("C", "I"))
    alone, shared, counted = (
        matrix.compare(prior=EVEN, exhaustive=True).table["probability"]["attack"]
        for matrix in (once, thrice, apart)
    )
    assert shared == pytest.approx(alone, abs=1e-12)
    assert counted > 0.9 > shared


def test_an_origin_with_two_versions_has_the_average_of_their_likelihoods():
    wire = {"origin": "wire"}
    matrix = matrix_of(("C", "II", wire), ("I", "C", wire))
    problem, evidence = matrix.to_scenario(exhaustive=True)
    assert list(items_by_origin(matrix)) == ["wire"]
    assert {report.indicator for report in evidence} == {"wire"}
    first, second = (row.probability["seen"].upper for row in problem.variables["wire"].table.rows)
    ends = {rating: upper for rating, (_, upper) in ASSUMED_RATIOS.items()}
    expected = (ends["C"] + ends["I"]) / (ends["II"] + ends["C"])
    assert first / second == pytest.approx(expected)


def test_an_item_that_is_equally_consistent_moves_nothing():
    found = matrix_of(("CC", "CC"), ("I", "I"), ("NA", "C")).compare(prior=EVEN, exhaustive=True)
    assert found.table["probability"]["attack"] == pytest.approx(0.5, abs=1e-9)


def test_other_keeps_about_its_prior():
    """Only about: the average of two intervals is not the interval of an average."""
    prior = {"accident": 0.3, "attack": 0.3, "other": 0.4}
    found = matrix_of(("CC", "II")).compare(prior=prior).table
    assert found["probability"]["other"] == pytest.approx(0.4, rel=0.1)
    assert found["probability"]["accident"] > 0.5 > 0.1 > found["probability"]["attack"]
    assert np.isnan(found["inconsistency"]["other"])


def test_order_of_rows_and_columns_does_not_matter():
    matrix = random_matrix(7)
    turned = fc.AchMatrix(
        matrix.hypotheses[::-1],
        tuple(
            fc.AchItem(i.id, i.text, i.ratings[::-1], i.credibility, i.relevance, i.origin)
            for i in matrix.evidence[::-1]
        ),
    )
    one, other = (each.compare(exhaustive=True).table["probability"] for each in (matrix, turned))
    assert one.to_dict() == pytest.approx(other.to_dict(), abs=1e-12)


def test_ranks_of_draws_sum_to_one():
    ranks = HEUER.compare(draws=500).rank_probabilities
    assert ranks.sum(axis=0).to_numpy() == pytest.approx(1)
    assert ranks.sum(axis=1).to_numpy() == pytest.approx(1)


def test_naive_bayes_refuses_other_networks():
    problem = fc.load_scenario("iraq-2020")
    evidence = fc.read_evidence("iraq-2020", problem).known_at("2020-01-06")
    with pytest.raises(InputError, match="naive Bayes: "):
        naive_bayes_posterior(problem, evidence, draws=100, random_seed=1)


@pytest.mark.slow
def test_the_sampler_agrees():
    matrix = random_matrix(3)
    problem, evidence = matrix.to_scenario(exhaustive=True)
    sampled = fc.forecast(problem, evidence, chains=2)
    exact = naive_bayes_posterior(problem, evidence, draws=100, random_seed=1).probability
    found = [outlook.now.mean for outlook in sampled.courses]
    assert found == pytest.approx(exact, abs=0.03)
