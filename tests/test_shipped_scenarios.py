"""Every shipped scenario: it reads, its judgements hold together, and reports move it rightly.

Nothing here runs the sampler. Answers are averages over draws of the priors, weighed by how
probable the reports are under each draw.
"""

import csv

import pytest

import forecast as fc
from forecast.cli import NOTABLE_MISS
from forecast.evidence.ledger import Evidence
from forecast.evidence.report import Report
from forecast.inference.builder import compile_tables
from forecast.inference.network import slice_circuits
from forecast.scenario.forms import Count, Value
from tests.priors import told_beliefs

NAMES = fc.scenario_names()
MOST_OPERATIONS = 50_000
N_DRAWS = 400
TERSE = {"judgement: coincidence", "judgement: dispersal"}
"""Bases of one word that say enough."""


def bases(value):
    """Every basis inside a scenario, at any depth."""
    if isinstance(value, Value):
        if "basis" in type(value).model_fields:
            yield value.basis
        for name in type(value).model_fields:
            yield from bases(getattr(value, name))
    elif isinstance(value, dict):
        for item in value.values():
            yield from bases(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from bases(item)


def strongest(scenario, indicator):
    """A report of an indicator's last state by a usually reliable source, on the as-of date.

    Where the variable is measured it gives the number in the middle of what that state gives.
    """
    variable = scenario.variables[indicator]
    told, number = variable.states[-1], None
    if isinstance(variable.measured, Count):
        rate = variable.measured.rate[told].between
        told, number = "", float(round((rate.lower * rate.upper) ** 0.5))
    elif variable.measured is not None:
        mean = variable.measured.mean[told].between
        told, number = "", (mean.lower + mean.upper) / 2
    day = scenario.as_of
    return Report("X", indicator, told, day, day, day, day, "a test", "B", number=number)


def chance_of(scenario, course, *reports):
    """Probability of a course, "variable=state": from now to the horizon if there is one."""
    beliefs, weight = told_beliefs(scenario, Evidence(scenario.as_of, reports), N_DRAWS, 5)
    name, state = course.split("=")
    if scenario.time is None:
        draws = beliefs.posterior(name).sel(state=state)
    else:
        now = beliefs.times[beliefs.now]
        draws = beliefs.at_least_once([(name, state)], start=now).isel(time=-1)
    return float(draws.to_numpy()[0] @ weight)


@pytest.fixture(scope="module", params=NAMES)
def scenario(request):
    return fc.load_scenario(request.param)


@pytest.fixture(scope="module")
def ledger(scenario):
    return fc.read_evidence(scenario.name, scenario)


def test_there_are_three_of_different_kinds():
    found = [fc.load_scenario(name) for name in NAMES]
    assert len(found) >= 3
    assert {problem.time is None for problem in found} == {True, False}
    forms = {
        table.form
        for problem in found
        for variable in problem.variables.values()
        for table in (variable.table, variable.initial, variable.transition)
        if table is not None
    }
    assert forms == {"rows", "noisy_max", "likelihood_ratios", "ranked", "hazards"}
    families = {
        variable.measured.family
        for problem in found
        for variable in problem.variables.values()
        if variable.measured is not None
    }
    assert families == {"poisson", "negative_binomial", "normal", "student_t"}


def test_it_knows_its_evidence(scenario, ledger):
    assert len(ledger.known_at(scenario.as_of)) >= 10
    for report in ledger:
        assert report.source in scenario.sources


def test_no_row_is_far_from_its_intervals(scenario):
    far = [label for label, miss in compile_tables(scenario).misfits if miss > NOTABLE_MISS]
    assert far == []


def test_it_is_small_enough_to_learn_on(scenario):
    circuits = slice_circuits(compile_tables(scenario).network, ())
    assert sum(circuit.left.size for circuit in circuits) < MOST_OPERATIONS


def test_every_number_says_why(scenario):
    found = list(bases(scenario))
    assert len(found) > 40
    assert {basis for basis in found if len(basis.split()) < 3} <= TERSE


def test_every_dangerous_course_has_an_indicator(scenario):
    spoken = {
        claim.course
        for variable in scenario.with_role("indicator").values()
        for claim in variable.speaks_to
    }
    dangerous = {f"{v}={s}" for (v, s), course in scenario.courses.items() if course.dangerous}
    assert dangerous
    assert dangerous <= spoken


def test_indicators_move_courses_the_way_they_speak(scenario):
    before = {f"{v}={s}": chance_of(scenario, f"{v}={s}") for v, s in scenario.courses}
    wrong = []
    for name, variable in scenario.with_role("indicator").items():
        for claim in variable.speaks_to:
            after = chance_of(scenario, claim.course, strongest(scenario, name))
            print(f"{name} {claim.course} {claim.sign} {before[claim.course]:.4f} {after:.4f}")
            if (after > before[claim.course]) != (claim.sign == "+"):
                wrong.append((name, claim.course))
    assert wrong == []
