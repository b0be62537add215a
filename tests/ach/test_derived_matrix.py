"""The way back: the matrix that a scenario implies."""

from itertools import product

import numpy as np
import pytest

import forecast as fc
from forecast.ach.derived_matrix import likelihood_ratios, rating_of
from forecast.ach.ratings import RATINGS
from forecast.errors import InputError
from tests.ach.matrices import matrix_of


def test_derived_ratings_keep_the_order_of_the_given_ones():
    matrix = matrix_of(
        ("CC", "N", "II"), ("C", "I", "I"), ("N", "N", "C"), hypotheses=("a", "b", "c")
    )
    even = dict.fromkeys(("a", "b", "c"), 1 / 3)
    problem, _ = matrix.to_scenario(prior=even, exhaustive=True)
    view = fc.ach_view(problem)
    derived = {item.id: item.ratings for item in view.matrix.evidence}
    for item in matrix.evidence:
        order = [RATINGS.index(rating) for rating in item.ratings]
        found = [RATINGS.index(rating) for rating in derived[f"{item.id}=seen"]]
        assert all(
            found[j] <= found[k] for j, k in product(range(3), repeat=2) if order[j] < order[k]
        )
    assert derived["E1=seen"] == ("CC", "I", "II")


def test_likelihood_ratios_by_hand():
    joint = np.array([[0.1, 0.1], [0.3, 0.1], [0.0, 0.4]])
    found = likelihood_ratios(joint)
    assert found[0] == pytest.approx([0.5 / (0.3 / 0.8), 0.75 / (0.1 / 0.6), 0.0])
    assert found[1] == pytest.approx([0.5 / (0.5 / 0.8), 0.25 / (0.5 / 0.6), 1 / (0.2 / 0.6)])
    assert [rating_of(ratio) for ratio in found[0]] == ["N", "C", "II"]
    assert np.isnan(likelihood_ratios(np.array([[0.0, 0.0], [0.5, 0.5]]))).all()


def test_a_step_of_a_dynamic_scenario():
    from tests.small import weather

    view = fc.ach_view(weather(), time="2020-01-17", draws=400)
    assert view.matrix.hypotheses == ("calm", "storm")
    # Both rows are Dirichlet, so their means are the ratios: 14/20 against 2/16, 1/20 against 8/16.
    assert view.ratios[0, 0] == pytest.approx(5.6, rel=0.15)
    assert view.ratios[2, 1] == pytest.approx(10, rel=0.2)
    with pytest.raises(InputError, match="'2020-01-18' is no step"):
        fc.ach_view(weather(), time="2020-01-18", draws=100)


def test_a_view_needs_one_course_of_action():
    problem = fc.load_scenario("iraq-2020")
    with pytest.raises(InputError, match="variable: name one of iran_posture, coordinated"):
        fc.ach_view(problem)
    with pytest.raises(InputError, match="'march_scale' is not a course of action"):
        fc.ach_view(problem, "march_scale")
    sea = {"role": "input", "label": "Sea", "states": ("calm", "rough"), "default": "calm"}
    nothing = {"name": "sea", "version": "1", "title": "x", "question": "x"}
    with pytest.raises(InputError, match="the scenario has no course of action"):
        fc.ach_view(fc.Scenario.model_validate(nothing | {"variables": {"sea": sea}}))
    with pytest.raises(InputError, match="draws: 0; needs a whole number of at least 1"):
        fc.ach_view(problem, "iran_posture", draws=0)


@pytest.mark.parametrize(
    "arguments", [{"draws": 0}, {"draws": 1.5}, {"random_seed": -1}, {"random_seed": "x"}]
)
def test_draws_that_cannot_be_made_are_refused(arguments):
    scenario = fc.load_scenario("iraq-2020")
    with pytest.raises(fc.InputError, match="needs a whole number"):
        fc.ach_view(scenario, "iran_posture", **arguments)
    with pytest.raises(fc.InputError, match="needs a whole number"):
        fc.implied_table(scenario, "iran_posture", **arguments)


@pytest.mark.parametrize("ask", [fc.check, fc.ach_view, lambda name: fc.implied_table(name, "a")])
def test_a_name_is_no_scenario(ask):
    with pytest.raises(fc.InputError, match="load_scenario reads one"):
        ask("iraq-2020")
