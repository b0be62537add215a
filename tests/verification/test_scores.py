"""Scores: published figures, closed forms, and laws that proper scores keep."""

from datetime import date
from itertools import product

import numpy as np
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.estimate import Estimate
from forecast.verification.question_forecasts import QuestionForecast
from forecast.verification.questions import Question, Questions
from forecast.verification.resolutions import Resolution, read_resolutions
from forecast.verification.scores import (
    brier_score,
    log_score,
    murphy_decomposition,
    ranked_probability_score,
    reliability,
)


def record(n, seed, bend=1.0):
    """Forecasts on a scale of tenths, and outcomes that are calibrated for ``p ** bend``."""
    rng = np.random.default_rng(seed)
    p = rng.integers(0, 11, n) / 10
    return p, (rng.random(n) < p**bend) * 1.0


def test_the_score_of_briers_own_ten_forecasts():
    """Table 1 of his paper of 1950 comes to 0.19, summed over rain and no rain."""
    rain = [0.7, 0.9, 0.8, 0.4, 0.2, 0, 0, 0, 0, 0.1]
    happened = [0, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert 2 * brier_score(rain, happened).mean() == pytest.approx(0.19, abs=1e-12)


def test_the_ranked_probability_score_of_a_textbook():
    """Wilks, Statistical Methods in the Atmospheric Sciences: 0.73 for the first of three."""
    assert ranked_probability_score([0.2, 0.5, 0.3], 0) == pytest.approx(0.73, abs=1e-12)


def test_an_outcome_far_beyond_all_categories_takes_no_memory():
    found = ranked_probability_score([0.2, 0.5, 0.3], 2**31)
    assert found == pytest.approx(0.2**2 + 0.7**2 + 1 + 2**31 - 3, abs=1e-6)
    for outcome in (-1, 2**53, 10**5000):
        with pytest.raises(InputError, match="number of one of them"):
            ranked_probability_score([1.0], outcome)


@pytest.mark.parametrize("seed", range(3))
def test_the_ranked_probability_score_of_a_number_is_its_crps(seed):
    """E|X - x| - E|X - X'| / 2, the energy form, knows nothing of thresholds."""
    rng = np.random.default_rng(seed)
    p, numbers = rng.dirichlet(np.ones(6)), np.arange(6)
    spread = np.abs(numbers[:, None] - numbers)
    for x in (0, 2, 5, 8):
        expected = p @ np.abs(numbers - x) - p @ spread @ p / 2
        assert ranked_probability_score(p, x) == pytest.approx(expected, abs=1e-12)


def test_scores_are_those_of_scikit_learn():
    metrics = pytest.importorskip("sklearn.metrics")
    isotonic = pytest.importorskip("sklearn.isotonic")
    p, y = record(300, 4, bend=1.5)
    p = np.clip(p, 0.05, 0.95)
    assert brier_score(p, y).mean() == pytest.approx(metrics.brier_score_loss(y, p), abs=1e-12)
    assert log_score(p, y).mean() == pytest.approx(metrics.log_loss(y, p), abs=1e-12)
    found = reliability(p, y)
    curve = isotonic.IsotonicRegression().fit_transform(p, y)
    assert found.frequency[np.searchsorted(found.probability, p)] == pytest.approx(curve, abs=1e-12)


@pytest.mark.parametrize("rule", [brier_score, log_score])
def test_to_say_what_one_believes_is_best(rule):
    grid = np.linspace(0.01, 0.99, 99)
    for truth in (0.05, 0.5, 0.83):
        expected = truth * rule(grid, np.ones(99)) + (1 - truth) * rule(grid, np.zeros(99))
        assert grid[expected.argmin()] == pytest.approx(truth, abs=0.005)
    assert rule([0.3], [0.25])[0] >= 0


def test_a_decomposition_adds_up_and_says_what_it_is_made_of():
    p, y = record(400, 1, bend=2.0)
    for found in (murphy_decomposition(p, y), reliability(p, y).decomposition):
        parts = found.miscalibration - found.resolution + found.uncertainty
        assert parts == pytest.approx(brier_score(p, y).mean(), abs=1e-12)
    murphy = murphy_decomposition(p, y)
    groups = [(value, y[p == value]) for value in np.unique(p)]
    n = len(p)
    gap = sum(len(g) * (value - g.mean()) ** 2 for value, g in groups) / n
    gain = sum(len(g) * (g.mean() - y.mean()) ** 2 for _, g in groups) / n
    assert murphy.miscalibration == pytest.approx(gap, abs=1e-12)
    assert murphy.resolution == pytest.approx(gain, abs=1e-12)
    assert murphy.uncertainty == pytest.approx(y.mean() * (1 - y.mean()), abs=1e-12)


def test_no_rising_curve_fits_better_than_the_calibrated_one():
    """Against all curves on a grid; on a record with ties and falls."""
    p = np.array([0.1, 0.1, 0.3, 0.3, 0.5, 0.8])
    y = np.array([1, 0, 0, 0, 1, 1.0])
    found = reliability(p, y)
    grid = np.linspace(0, 1, 9)
    at = np.searchsorted(found.probability, p)
    best = min(
        ((np.array(curve)[at] - y) ** 2).mean()
        for curve in product(grid, repeat=4)
        if (np.diff(curve) >= 0).all()
    )
    assert ((found.frequency[at] - y) ** 2).mean() <= best + 1e-12
    assert (np.diff(found.frequency) >= 0).all()
    assert found.frequency.tolist() == pytest.approx([0.25, 0.25, 1, 1])


def test_who_is_calibrated_lies_within_the_band_and_who_is_not_does_not():
    inside = [reliability(*record(300, seed)).share_within for seed in range(10)]
    outside = [reliability(*record(300, seed, bend=2.5)).share_within for seed in range(10)]
    assert np.mean(inside) > 0.85
    assert max(outside) < min(inside)


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [([1.2], [1], "between 0 and 1"), ([0.5, 0.5], [1], "one for each of 2"), ([], [], "numbers")],
)
def test_what_is_no_record_is_refused(p, y, message):
    with pytest.raises(InputError, match=message):
        brier_score(p, y)


def asked(name, probability, as_of=date(2020, 1, 3), **more):
    """An answer to a question about the fourth week, yes or no or a number."""
    numbers = isinstance(probability, list)
    event = {"count": {"of": [{"a": "b"}]}} if numbers else {"at_end": [{"a": "b"}]}
    question = Question(
        id=name,
        text="?",
        rule="!",
        event=event,
        window=(date(2020, 1, 24), date(2020, 1, 30)),
        opened=date(2020, 1, 3),
        **more,
    )
    given = probability if numbers else [1 - probability, probability]
    labels = [str(k) for k in range(len(given))] if numbers else ["no", "yes"]
    distribution = {k: Estimate(p, p, p) for k, p in zip(labels, given, strict=True)}
    return QuestionForecast(question, as_of, distribution)


FILE = """
format = 1
scenario = "any"
[[resolutions]]
question = "rain"
outcome = "yes"
resolved = 2020-02-01
source = "the keeper"
[[resolutions]]
question = "hail"
outcome = 0.25
resolved = 2020-02-01
source = "the keeper"
[[resolutions]]
question = "days"
outcome = 2
resolved = 2020-02-01
source = "the keeper"
[[resolutions]]
question = "fog"
outcome = "ambiguous"
resolved = 2020-02-01
source = "the keeper"
[[resolutions]]
question = "wide"
outcome = "no"
resolved = 2020-02-01
source = "the keeper"
[[resolutions]]
question = "late"
outcome = "no"
resolved = 2020-02-01
source = "the keeper"
"""


def test_answers_are_scored_by_what_came_of_them(tmp_path):
    answers = [
        asked("rain", 0.8),
        asked("hail", 0.1),
        asked("days", [0.1, 0.2, 0.7]),
        asked("fog", 0.5),
        asked("wide", 0.5, bound="at most", basis="wider"),
        asked("late", 0.01, as_of=date(2020, 2, 1)),
        asked("open", 0.5),
    ]
    path = tmp_path / "resolutions.toml"
    path.write_text(FILE, encoding="utf-8")
    questions = Questions(tuple(each.question for each in answers))
    found = fc.score(answers, read_resolutions(path, questions))
    assert list(found.table["question"]) == ["rain", "hail", "days"]
    assert found.brier == pytest.approx((0.2**2 + 0.15**2) / 2, abs=1e-12)
    assert found.table["rps"].iloc[2] == pytest.approx(0.1**2 + 0.3**2, abs=1e-12)
    assert found.table["log_score"].iloc[2] == pytest.approx(-np.log(0.7), abs=1e-12)
    reference = (0.5**2 + 0.25**2) / 2
    assert found.skill() == pytest.approx(1 - found.brier / reference, abs=1e-12)
    assert found.skill({"rain": 0.8, "hail": 0.1}) == pytest.approx(0, abs=1e-12)
    reasons = " ".join(found.left_out)
    for reason in ("fog (2020-01-03) is ambiguous", "wide", "late", "open"):
        assert reason in reasons


def test_a_resolution_that_does_not_fit_its_question_is_refused(tmp_path):
    path = tmp_path / "resolutions.toml"
    path.write_text(FILE.replace('"rain"', '"rian"').replace("= 2\n", "= 2.5\n"), encoding="utf-8")
    names = ("rain", "hail", "fog", "wide", "late")
    questions = [asked(name, 0.5).question for name in names] + [asked("days", [1.0]).question]
    with pytest.raises(InputError, match="did you mean 'rain'") as caught:
        read_resolutions(path, Questions(tuple(questions)))
    assert "whole number" in str(caught.value)
    early = Resolution(question="rain", outcome="no", resolved=date(2020, 1, 4), source="me")
    with pytest.raises(InputError, match="before its window opens"):
        fc.score([asked("rain", 0.5)], [early])
