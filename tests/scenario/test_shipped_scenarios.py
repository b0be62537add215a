"""Every shipped scenario: it reads, its judgements hold together, and reports move it rightly.

Nothing here runs the sampler. Answers are averages over draws of the priors, weighed by how
probable the reports are under each draw.
"""

import csv
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

import forecast as fc
from forecast.analysis.tripwires import replay
from forecast.evidence.ledger import Evidence
from forecast.evidence.profiles import regardless_of_reporting
from forecast.evidence.report import Report
from forecast.model.builder import compile_tables
from forecast.network.elimination import elimination
from forecast.reporting.status import indicator_status
from forecast.scenario.measured import Count
from forecast.scenario.statement_text import NOTABLE_MISS
from forecast.scenario.statements import Value
from tests.priors import weighted_beliefs

NAMES = fc.scenario_names()
MOST_OPERATIONS = 50_000
N_DRAWS = 200
TERSE = {"judgement: coincidence", "judgement: dispersal"}
"""Bases of one word that say enough."""
OVERRULED = {("us_casualties", "iran_posture=limited_pressure")}
"""Claims of a source that the tables overrule: deaths speak more against a pause than against
limited pressure."""


def bases(value):
    """Each basis inside a scenario, at any depth."""
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
    state, number = variable.states[-1], None
    if isinstance(variable.measured, Count):
        rate = variable.measured.rate[state].between
        state, number = "", float(round((rate.lower * rate.upper) ** 0.5))
    elif variable.measured is not None:
        mean = variable.measured.mean[state].between
        state, number = "", (mean.lower + mean.upper) / 2
    day = scenario.as_of
    return Report("X", indicator, state, day, day, day, day, "a test", "B", number=number)


def probabilities(scenario, courses, *reports):
    """Probability of each course, "variable=state": from now to the horizon if there is one."""
    beliefs, weight = weighted_beliefs(scenario, Evidence(scenario.as_of, reports), N_DRAWS, 5)
    found = {}
    for course in courses:
        name, state = course.split("=")
        if scenario.time is None:
            draws = beliefs.posterior(name).sel(state=state)
        else:
            now = beliefs.times[beliefs.now]
            draws = beliefs.at_least_once([(name, state)], start=now).isel(time=-1)
        found[course] = float(draws.to_numpy()[0] @ weight)
    return found


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
    far = [row for row in compile_tables(scenario).misfits if row.fit.miss > NOTABLE_MISS]
    assert far == []


def test_it_is_small_enough_to_learn_on(scenario):
    network = compile_tables(scenario).network
    steps = (elimination(network, first=first) for first in (True, False))
    assert sum(step.operations for step in steps) < MOST_OPERATIONS


def test_every_number_says_why(scenario):
    found = list(bases(scenario))
    assert len(found) > 40
    assert {basis for basis in found if len(basis.split()) < 3} <= TERSE


def test_every_dangerous_course_has_an_indicator(scenario):
    addressed = {
        claim.course
        for variable in scenario.with_role("indicator").values()
        for claim in variable.speaks_to
    }
    dangerous = {f"{v}={s}" for (v, s), course in scenario.courses.items() if course.dangerous}
    assert dangerous
    assert dangerous <= addressed


def test_indicators_move_courses_the_way_they_speak(scenario):
    """What they state, and not that it was reported."""
    scenario = regardless_of_reporting(scenario)
    before = probabilities(scenario, [f"{name}={state}" for name, state in scenario.courses])
    wrong = set()
    for name, variable in scenario.with_role("indicator").items():
        sign = {claim.course: claim.sign for claim in variable.speaks_to}
        after = probabilities(scenario, sign, strongest(scenario, name)) if sign else {}
        for course, probability in after.items():
            if (probability > before[course]) != (sign[course] == "+"):
                wrong.add((name, course))
    assert wrong <= OVERRULED


# ── veyra-fleet: competing hypotheses ─────────────────────────────────────────────────────────────

HYPOTHESES = ("fishing", "poaching", "smuggling", "survey")
RATINGS = {"II": -2, "I": -1, "N": 0, "C": 1, "CC": 2}
BEHIND = {
    "Transponders off at night": ("transponders", "switched_off"),
    "No straight lines along a cable": ("cable_lines", "none"),
    "Vessels drift with engines idle": ("track_pattern", "loitering"),
    "Thin catch after a month": ("catch_landed", "thin"),
    "Tracks inside the closed area": ("closed_area", "inside"),
    "No sonar but clicks of fish finders": ("sonar", "ordinary"),
    "Sold to a letter-box company": ("ownership", "shell_company"),
    "The owner denies": ("owner_statement", "denies"),
    "No alarm from either cable": ("cable_alarm", "quiet"),
}
"""What each line of ach.csv is in the scenario."""


@pytest.fixture(scope="module")
def fleet():
    return fc.load_scenario("veyra-fleet")


@pytest.fixture(scope="module")
def matrix():
    """Lines of ach.csv by their evidence."""
    path = fc.scenario_folder("veyra-fleet") / "ach.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {row.pop("evidence"): row for row in csv.DictReader(file)}


@pytest.fixture(scope="module")
def expected(fleet):
    """How probable what was seen is under each hypothesis, averaged over draws of the tables."""
    beliefs, weight = weighted_beliefs(fleet, Evidence(fleet.as_of), N_DRAWS, 5)
    given = {h: beliefs.set_evidence({"fleet_activity": h}) for h in HYPOTHESES}

    def answer(hypothesis, name, state):
        draws = given[hypothesis].posterior(name).sel(state=state)
        return float(draws.to_numpy()[0] @ weight)

    return {
        line: {h: answer(h, name, state) for h in HYPOTHESES}
        for line, (name, state) in BEHIND.items()
    }


def test_the_matrix_is_of_the_same_problem(fleet, matrix):
    assert fleet.variables["fleet_activity"].states == HYPOTHESES
    assert set(matrix) == set(BEHIND)
    for ratings in matrix.values():
        assert tuple(ratings) == HYPOTHESES
        assert set(ratings.values()) <= {*RATINGS, "NA"}
    assert {rating for ratings in matrix.values() for rating in ratings.values()} == {
        *RATINGS,
        "NA",
    }


def test_every_line_of_the_matrix_is_in_force(fleet):
    known = fc.read_evidence("veyra-fleet", fleet).known_at(fleet.as_of)
    assert set(BEHIND.values()) == {(r.indicator, r.state) for r in known.observations}


def test_what_is_rated_consistent_is_more_probable(matrix, expected):
    """Where two ratings of a line differ by two or more, the tables differ the same way."""
    for line, ratings in matrix.items():
        rated = {h: RATINGS[rating] for h, rating in ratings.items() if rating != "NA"}
        for (more, high), (less, low) in permutations(rated.items(), 2):
            if high - low >= 2:
                assert expected[line][more] > expected[line][less], (line, more, less)


def test_what_alarms_most_fits_every_hypothesis(expected):
    found = expected["Transponders off at night"].values()
    assert min(found) > 0.5
    assert max(found) / min(found) < 1.25


def test_the_matrix_ranks_as_its_page_says(matrix):
    against = {
        h: sum(max(0, -RATINGS.get(ratings[h], 0)) for ratings in matrix.values())
        for h in HYPOTHESES
    }
    assert against == {"fishing": 6, "poaching": 0, "smuggling": 1, "survey": 4}


@pytest.mark.parametrize(
    ("day", "probabilities"),
    [
        (None, (0.56, 0.29, 0.10, 0.05)),
        ("2021-10-08", (0.25, 0.22, 0.16, 0.37)),
        ("2021-10-12", (0.21, 0.31, 0.44, 0.03)),
        ("2021-10-18", (0.04, 0.73, 0.21, 0.02)),
    ],
)
def test_the_reports_do_what_its_page_says(fleet, day, probabilities):
    ledger = fc.read_evidence("veyra-fleet", fleet)
    known = ledger.known_at(day) if day else Evidence(fleet.as_of)
    beliefs, weight = weighted_beliefs(fleet, known, 8000, 11)
    draws = beliefs.posterior("fleet_activity").to_numpy()[0]
    assert 1 / (weight**2).sum() > 4000
    np.testing.assert_allclose(weight @ draws, probabilities, atol=0.015)


# ── ombara-outbreak: counts in weeks ──────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def outbreak():
    return fc.load_scenario("ombara-outbreak")


def test_a_stronger_response_helps_in_every_draw(outbreak):
    beliefs, _ = weighted_beliefs(outbreak, Evidence(outbreak.as_of), 100, 3)
    probability = {}
    for response in ("routine", "citywide"):
        ahead = beliefs
        for week in beliefs.times[beliefs.now + 1 :]:
            ahead = ahead.erase_evidence("response", week).set_evidence(
                {"response": response}, week
            )
        probability[response] = ahead.at_least_once([("transmission", "epidemic")]).isel(time=-1)
    assert (probability["citywide"] < probability["routine"]).all()


def test_first_figures_are_kept_for_the_days_that_had_them(outbreak):
    ledger = fc.read_evidence("ombara-outbreak", outbreak)
    week = {
        day: {r.id: r.number for r in ledger.known_at(day) if r.indicator == "suspected_cases"}
        for day in ("2018-03-20", "2018-03-27")
    }
    assert week["2018-03-20"] == {"S03": 11, "S06": 14}
    assert week["2018-03-27"] == {"S03": 11, "S07": 21, "S11": 26}


def test_a_count_of_none_is_no_sign(outbreak):
    known = fc.read_evidence("ombara-outbreak", outbreak).known_at(outbreak.as_of)
    beyond = replay(outbreak, "beyond", [(known.as_of, known, {})])
    assert beyond.state == "not fired"
    status = indicator_status("sende_cases", outbreak.variables["sende_cases"], known)
    assert (status.latest.number, status.fired) == (0, False)


def test_a_wild_reading_moves_less_than_half_of_what_it_would_from_the_best_source(outbreak):
    """S10, a reading that no tap has, against the same evidence without it."""
    known = fc.read_evidence("ombara-outbreak", outbreak).known_at("2018-03-28")
    [wild] = [report for report in known if report.id == "S10"]
    best = replace(wild, id="X", reliability="A", source="relief_agency")
    without = known.without("S10")
    answers = []
    for evidence in (without, known, Evidence(known.as_of, (*without.reports, best))):
        beliefs, weight = weighted_beliefs(outbreak, evidence, 3000, 7)
        draws = beliefs.posterior("water", beliefs.times[beliefs.now]).sel(state="safe")
        answers.append(float(draws.to_numpy()[0] @ weight))
    base, as_reported, from_best = answers
    assert 0 < as_reported - base < (from_best - base) / 2
