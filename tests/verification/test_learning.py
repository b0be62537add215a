"""Learning from cases: against conjugate answers, and the tables that made the cases."""

from datetime import timedelta

import numpy as np
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.evidence.ledger import Evidence
from forecast.scenario.scenario import Scenario
from forecast.verification.learning import _written
from forecast.verification.worlds import World, day_after
from tests.model.test_shared_effect import FORMS, THREE, signs_of
from tests.small import START, barometer_report, rows, weather

SCENARIO = weather(horizon=14)
STEPS = 8
SETTINGS = {"draws": 150, "tune": 150, "chains": 2, "progressbar": False, "between_cases": 0.0}
BAROMETER = ("barometer | storm=calm", "barometer | storm=storm")


@pytest.fixture(scope="module")
def cases():
    """Thirty cases of one world's tables, their histories known."""
    truth = World.draw(SCENARIO, STEPS, np.random.default_rng(3))
    rng = np.random.default_rng(4)
    found = []
    for _ in range(30):
        world = World.of(SCENARIO, truth.parameters, STEPS, rng)
        history = {
            name: [variable.states[k] for k in world.history[:, place]]
            for place, (name, variable) in enumerate(SCENARIO.variables.items())
        }
        found.append(fc.Case(Evidence(day_after(SCENARIO, STEPS)), history=history))
    return truth, found


def counts(cases):
    """How often each reading was seen in each weather, (weather, reading)."""
    found = np.zeros((2, 3))
    for case in cases:
        for storm, reading in zip(case.history["storm"], case.history["barometer"], strict=True):
            found[int(storm == "storm"), ("high", "falling", "low").index(reading)] += 1
    return found


def row(scenario, k):
    return np.array(list(scenario.variables["barometer"].table.rows[k].concentration.values()))


@pytest.fixture(scope="module")
def learned(cases):
    return fc.learn(SCENARIO, cases[1], **SETTINGS)


def test_rows_of_known_histories_are_conjugate(cases, learned):
    seen = counts(cases[1])
    for k in range(2):
        alpha = row(SCENARIO, k) + seen[k]
        mean, sd = alpha / alpha.sum(), np.sqrt(alpha * (alpha.sum() - alpha)) / alpha.sum()
        sd /= np.sqrt(alpha.sum() + 1)
        after = row(learned.scenario, k)
        assert np.abs(after / after.sum() - mean).max() < 5 * sd.max() / np.sqrt(100)
        assert after.sum() == pytest.approx(alpha.sum(), rel=0.4)  # of 300 draws


def test_the_tables_that_made_thirty_cases_are_found(cases, learned):
    truth, _ = cases
    table = learned.table.set_index("judgement")
    inside = [
        row["after_lower"] <= value <= row["after_upper"]
        for (_, row), value in zip(
            table.iterrows(), truth.parameters["probability"][:, 0], strict=True
        )
    ]
    assert sum(inside) >= len(inside) - 1
    narrower = (table["after_upper"] - table["after_lower"]) / (
        table["before_upper"] - table["before_lower"]
    )
    assert (narrower < 0.8).all()
    assert learned.scenario.version == "1+30"
    basis = learned.scenario.variables["barometer"].table.rows[0].basis
    assert basis.startswith("computed: learned from 30 cases; before: judgement")
    assert (
        fc.forecast(
            learned.scenario, Evidence(START), method="reweight", draws=20, chains=1
        ).scenario.digest
        == learned.scenario.digest
    )


def test_three_cases_stay_near_the_prior_and_cases_without_power_say_nothing(cases):
    few = fc.learn(SCENARIO, cases[1][:3], **SETTINGS)
    weightless = [fc.Case(case.evidence, history=case.history, power=0.0) for case in cases[1][:3]]
    nothing = fc.learn(SCENARIO, weightless, **SETTINGS)
    after, before = nothing.table["after"], few.table["after"]
    width = nothing.table["before_upper"] - nothing.table["before_lower"]
    assert (np.abs(after - before) < 0.6 * width).all()
    assert np.allclose(nothing.table["after_lower"], nothing.table["before_lower"], atol=0.05)
    assert np.allclose(nothing.table["after_upper"], nothing.table["before_upper"], atol=0.1)


def lamp():
    """A scenario whose only uncertain row is that of an indicator."""
    day = {"role": "course_of_action", "label": "Day", "states": ("day", "night")}
    day |= {"courses": {"night": {"label": "Night", "severity": 1}}}
    even = rows(({}, {"exactly": {"day": 0.5, "night": 0.5}}))
    lit = rows(
        ({"day": "day"}, {"exactly": {"off": 0.9, "on": 0.1}}),
        ({"day": "night"}, {"concentration": {"off": 2.0, "on": 3.0}}),
    )
    variables = {
        "day": day | {"initial": even, "transition": even},
        "lamp": {
            "role": "indicator",
            "label": "Lamp",
            "states": ("off", "on"),
            "speaks_to": ({"course": "day=night"},),
            "table": lit,
        },
    }
    return Scenario.model_validate(
        {
            "name": "lamp",
            "version": "1",
            "title": "Is it night?",
            "question": "Is it night?",
            "time": {"start": START, "step": 7, "horizon": 140},
            "variables": variables,
            "reporting": "ignorable",
        }
    )


def pooled_by_quadrature(on, n, scale):
    """Mean and sd of the row of a new case, and mean of the sd between cases."""
    common = np.linspace(-9, 9, 901)
    sds = np.linspace(0.005, 5 * scale, 250)
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    expit = 1 / (1 + np.exp(-(common[:, None, None] + sds[:, None] * nodes)))
    log_prior = 3 * np.log(expit_of(common)) + 2 * np.log(expit_of(-common))  # Beta(3, 2), by odds
    log_post = log_prior[:, None] - 0.5 * (sds / scale) ** 2
    for k in on:
        log_post = log_post + np.log((expit**k * (1 - expit) ** (n - k)) @ weights)
    post = np.exp(log_post - log_post.max())
    post /= post.sum()
    mean = (post * (expit @ weights)).sum()
    square = (post * (expit**2 @ weights)).sum()
    return mean, np.sqrt(square - mean**2), (post * sds).sum()


def expit_of(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize(
    ("on", "n"),
    [
        pytest.param((0, 8, 1), 8, id="apart"),
        pytest.param((1, 19, 2, 18, 10, 3), 20, id="many-apart", marks=pytest.mark.slow),
        pytest.param((10, 11, 9, 10, 12, 10), 20, id="alike", marks=pytest.mark.slow),
    ],
)
def test_cases_that_differ_leave_a_new_one_open(on, n):
    scenario = lamp()
    history = [{"day": ["night"] * n, "lamp": ["on"] * k + ["off"] * (n - k)} for k in on]
    cases = [fc.Case(Evidence(day_after(scenario, n)), history=each) for each in history]
    settings = SETTINGS | {"between_cases": 1.0, "draws": 300, "tune": 200}
    learned = fc.learn(scenario, cases, **settings)
    draws = learned.posterior["posterior"]
    mean, sd, between = pooled_by_quadrature(on, n, 1.0)
    found = draws["probability"].to_numpy().ravel()
    assert found.mean() == pytest.approx(mean, abs=4 * sd / np.sqrt(200))
    assert found.std() == pytest.approx(sd, rel=0.2)  # four Monte Carlo errors of 200 draws
    assert float(draws["between_cases"].mean()) == pytest.approx(
        between, rel=0.2
    )  # four Monte Carlo errors of 200 draws
    assert "between cases: sd" in repr(learned)


def test_what_is_wrong_with_cases_is_said():
    day = START + timedelta(days=6)
    for case, message in (
        (fc.Case(Evidence(day), history={"storms": ["calm"]}), "did you mean 'storm'"),
        (fc.Case(Evidence(day), history={"storm": ["rain"]}), "'rain' is not a state"),
        (fc.Case(Evidence(day), history={"storm": ["calm"] * 3}), "3 steps; the case has 1"),
        (fc.Case(Evidence(day), power=2.0), "power: 2.0"),
    ):
        with pytest.raises(InputError, match=message):
            fc.learn(SCENARIO, [case])
    with pytest.raises(InputError, match="at least one"):
        fc.learn(SCENARIO, [])
    with pytest.raises(InputError, match=r"between_cases: -1.0; needs 0 or a positive number"):
        fc.learn(SCENARIO, [fc.Case(Evidence(day))], between_cases=-1.0)


def test_a_case_of_other_days_is_moved_to_those_of_the_scenario():
    from forecast.verification.learning import _moved

    late = timedelta(days=700)
    report = barometer_report("R1", "low", week=1)
    evidence = Evidence(START + timedelta(days=13), (report,))
    moved = fc.Case(
        Evidence(
            evidence.as_of + late,
            (_moved(SCENARIO, fc.Case(evidence, start=START - late)).reports[0],),
        ),
        start=START + late,
    )
    assert _moved(SCENARIO, moved) == evidence


def test_a_shared_effect_and_what_is_under_it_are_written():
    """Draws of the prior, taken for what was learned, give the judgements that were stated."""
    scenario = signs_of(FORMS["rows"], n=2, states=THREE)
    settings = {"draws": 1000, "progressbar": False}
    prior = fc.forecast(scenario, Evidence(START), method="reweight", **settings)
    variables = _written(scenario, prior.posterior, 3).scenario.variables
    effect, sign = variables["week"].table, variables["sign_0"].table
    stated = scenario.variables["week"].table.share.fit().shape
    assert effect.share.guess == pytest.approx(stated[0] / sum(stated), abs=0.02)
    assert effect.share.cases == pytest.approx(sum(stated), rel=0.15)
    calm = sign.table.rows[0].concentration  # of the table that is under the effect
    assert calm == pytest.approx({"none": 14.0, "some": 5.0, "many": 1.0}, rel=0.15)
