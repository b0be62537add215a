"""A scenario before any evidence, against a full joint distribution written out in loops."""

from collections import defaultdict
from itertools import product
from math import log2

import matplotlib.pyplot as plt
import numpy as np
import pytest

import forecast as fc
from forecast.analysis.checkup import check
from forecast.analysis.validation import DEAD, MOVING, POINTS
from forecast.cli import main
from forecast.errors import InputError
from forecast.evidence.sources import admiralty_grades
from forecast.model.builder import compile_tables
from forecast.model.simulate_reports import simulate_numbers
from forecast.model.tables import NumberModel
from forecast.network.queries import shared_bits
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.prior import draw_priors
from forecast.scenario.scenario import Scenario
from forecast.scenario.scenario_checks import find_problems
from forecast.testing.networks import dynamic_case, enumerate_answer
from tests.model.test_measured import windy
from tests.small import BASIS, START, rows, weather

# A ruler whose mood drives his plans, in steps of 15 days. These dictionaries are the tables of
# the scenario and of the loops.
MOODS = {"calm": 0.7, "angry": 0.3}
MOOD_NEXT = {"calm": {"calm": 0.8, "angry": 0.2}, "angry": {"calm": 0.4, "angry": 0.6}}
PLANS = {"hold": 0.6, "press": 0.35, "strike": 0.05}
PLAN_NEXT = {
    ("hold", "calm"): {"hold": 0.9, "press": 0.1, "strike": 0.0},
    ("hold", "angry"): {"hold": 0.6, "press": 0.35, "strike": 0.05},
    ("press", "calm"): {"hold": 0.3, "press": 0.65, "strike": 0.05},
    ("press", "angry"): {"hold": 0.1, "press": 0.6, "strike": 0.3},
    ("strike", "calm"): {"hold": 0.5, "press": 0.4, "strike": 0.1},
    ("strike", "angry"): {"hold": 0.1, "press": 0.4, "strike": 0.5},
}
RADIO = {
    "hold": {"quiet": 0.8, "busy": 0.15, "coded": 0.05},
    "press": {"quiet": 0.3, "busy": 0.6, "coded": 0.1},
    "strike": {"quiet": 0.1, "busy": 0.05, "coded": 0.85},
}
PRESS = {
    "quiet": {"silent": 0.95, "reports": 0.05},
    "busy": {"silent": 0.2, "reports": 0.8},
    "coded": {"silent": 0.1, "reports": 0.9},
}
PALACE = {"calm": {"dark": 0.9, "lit": 0.1}, "angry": {"dark": 0.4, "lit": 0.6}}
RAIN = {"dry": 0.6, "wet": 0.4}
TABLES = {"radio": RADIO, "press": PRESS, "palace": PALACE, "rain": RAIN}
STATES = {
    "mood": tuple(MOODS),
    "plan": tuple(PLANS),
    "radio": tuple(RADIO["hold"]),
    "press": tuple(PRESS["quiet"]),
    "palace": tuple(PALACE["calm"]),
    "rain": tuple(RAIN),
}
N_STEPS, MOMENT = 4, 1
INDICATORS, COURSES = ("radio", "press", "palace", "rain"), ("hold", "press", "strike")


def exactly(*given):
    return rows(*((when, {"exactly": row}) for when, row in given))


def ruler(**changes):
    """The scenario of these tables."""
    indicator = {"role": "indicator"}
    variables = {
        "mood": {
            "role": "factor",
            "initial": exactly(({}, MOODS)),
            "transition": exactly(*(({"previous mood": m}, r) for m, r in MOOD_NEXT.items())),
            "assumption": "calm",
        },
        "plan": {
            "role": "course_of_action",
            "courses": {name: {"label": name, "severity": 1} for name in COURSES},
            "initial": exactly(({}, PLANS)),
            "transition": exactly(
                *(({"previous plan": p, "mood": m}, r) for (p, m), r in PLAN_NEXT.items())
            ),
        },
        "radio": indicator | {"table": exactly(*(({"plan": p}, r) for p, r in RADIO.items()))},
        "press": indicator | {"table": exactly(*(({"radio": s}, r) for s, r in PRESS.items()))},
        "palace": indicator | {"table": exactly(*(({"mood": m}, r) for m, r in PALACE.items()))},
        "rain": indicator | {"table": exactly(({}, RAIN))},
    }
    variables = {
        name: {"label": name, "states": STATES[name]} | variable
        for name, variable in variables.items()
    }
    document = {
        "name": "ruler",
        "version": "1",
        "title": "What will he do?",
        "question": "Does he strike?",
        "time": {"start": START, "step": 15, "horizon": 60},
        "variables": variables,
    }
    return Scenario.model_validate(document | changes)


def expectation(within, lower, upper, state="strike"):
    return {
        "variable": "plan",
        "state": state,
        "within": within,
        "probability": (lower, upper),
        "basis": BASIS,
    }


@pytest.fixture(scope="module")
def histories():
    """Probability of every history of moods and plans, by loops."""
    found = {}
    for moods in product(MOODS, repeat=N_STEPS):
        for plans in product(PLANS, repeat=N_STEPS):
            probability = MOODS[moods[0]] * PLANS[plans[0]]
            for t in range(1, N_STEPS):
                probability *= MOOD_NEXT[moods[t - 1]][moods[t]]
                probability *= PLAN_NEXT[plans[t - 1], moods[t]][plans[t]]
            found[moods, plans] = probability
    return found


@pytest.fixture(scope="module")
def joint(histories):
    """Probability of (plan, radio, press, palace, rain) at the moment, by loops."""
    found = defaultdict(float)
    for (moods, plans), probability in histories.items():
        plan, mood = plans[MOMENT], moods[MOMENT]
        for radio, press, palace, rain in product(*(STATES[name] for name in INDICATORS)):
            rest = RADIO[plan][radio] * PRESS[radio][press] * PALACE[mood][palace] * RAIN[rain]
            found[plan, radio, press, palace, rain] += probability * rest
    return found


def table_of(joint, *of):
    """Marginal of functions of one cell of the joint."""
    found = defaultdict(float)
    for cell, probability in joint.items():
        found[tuple(part(cell) for part in of)] += probability
    return found


def bits_of(pairs):
    """Mutual information of a table of pairs, by its definition."""
    left, right = defaultdict(float), defaultdict(float)
    for (a, b), probability in pairs.items():
        left[a] += probability
        right[b] += probability
    return sum(p * log2(p / left[a] / right[b]) for (a, b), p in pairs.items() if p > 0)


def seen(name):
    return lambda cell: cell[1 + INDICATORS.index(name)]


def under_way(course):
    return lambda cell: cell[0] == course


@pytest.fixture(scope="module")
def found():
    stated = (expectation(60, 0.05, 0.15), expectation(20, 0.05, 0.25))
    return check(ruler(expectations=stated), draws=2)


@pytest.mark.parametrize("name", INDICATORS)
@pytest.mark.parametrize("course", COURSES)
def test_information_and_ratios_are_those_of_the_joint(found, joint, name, course):
    row = found.indicators.loc[name, f"plan={course}"]
    pairs = table_of(joint, under_way(course), seen(name))
    bits = bits_of(pairs)
    assert row["bits"] == pytest.approx(bits, abs=1e-12)
    assert row["lower"] == row["upper"] == pytest.approx(bits, abs=1e-12)
    held = sum(p for (is_held, _), p in pairs.items() if is_held)
    entropy = -held * log2(held) - (1 - held) * log2(1 - held)
    assert row["share"] == pytest.approx(bits / entropy, abs=1e-12)
    ratios = {
        state: pairs[True, state] / held / (pairs[False, state] / (1 - held))
        for state in STATES[name]
    }
    assert row["ratio_for"] == pytest.approx(max(ratios.values()), abs=1e-10)
    assert row["ratio_against"] == pytest.approx(min(ratios.values()), abs=1e-10)
    if name != "rain":
        assert row["state_for"] == max(ratios, key=ratios.get)
        assert row["state_against"] == min(ratios, key=ratios.get)
    away = sum(pairs[True, state] for state in STATES[name][1:]) / held
    assert row["probability"] == pytest.approx(away, abs=1e-12)


@pytest.mark.parametrize("course", COURSES)
def test_redundancy_is_the_interaction_information(found, joint, course):
    table = found.indicators.xs(f"plan={course}", level="course")
    telling = [name for name in INDICATORS if table["share"][name] >= DEAD]
    assert len(telling) > 1
    for name in telling:
        bits = bits_of(table_of(joint, under_way(course), seen(name)))
        shares = {}
        for other in telling:
            if other == name:
                continue
            left = 0.0
            for state in STATES[other]:
                slice_ = {c: p for c, p in joint.items() if seen(other)(c) == state}
                total = sum(slice_.values())
                given = {c: p / total for c, p in slice_.items()}
                left += total * bits_of(table_of(given, under_way(course), seen(name)))
            shares[other] = max((bits - left) / bits, 0.0)
        assert table["redundancy"][name] == pytest.approx(max(shares.values()), abs=1e-10)
        assert shares[table["same_as"][name]] == max(shares.values())


def test_what_only_repeats_another_is_wholly_redundant(found):
    row = found.indicators.loc["press", "plan=hold"]
    assert (row["same_as"], row["redundancy"]) == ("radio", pytest.approx(1, abs=1e-9))


def test_what_moves_nothing_is_found(found):
    assert found.dead == ("rain",)
    assert (found.indicators.loc["rain", "bits"] < 1e-12).all()
    assert found.indicators.loc["rain", "redundancy"].isna().all()
    assert "rain" in repr(found)


def test_a_course_that_nothing_moves_is_found():
    blind = ruler().model_dump()
    for name in ("radio", "press"):
        del blind["variables"][name]
    found = check(Scenario.model_validate(blind), draws=2)
    shares = found.indicators["share"]
    assert shares.max() < MOVING
    assert found.unmoved == tuple(f"plan={course}" for course in COURSES)
    assert "NO INDICATOR" in str(found)
    assert check(ruler(), draws=2).unmoved == ()


def test_courses_are_as_uncertain_as_the_joint_says(found, joint):
    for course in COURSES:
        row = found.courses.loc[f"plan={course}"]
        probability = table_of(joint, under_way(course))[True,]
        assert row["mean"] == pytest.approx(probability, abs=1e-12)
        entropy = -probability * log2(probability) - (1 - probability) * log2(1 - probability)
        assert row["entropy"] == pytest.approx(entropy, abs=1e-12)
        assert row["best"] == "radio"


def test_pherson_points_by_hand(found):
    """Radio is highly likely to be on if he strikes; likely if he presses; rare if he holds."""
    table = found.indicators.loc["radio"]
    assert list(table["rating"]) == ["unlikely", "likely", "highly likely"]
    assert table["probability"].to_numpy() == pytest.approx([0.2, 0.7, 0.9])
    assert np.isnan(table["points"].iloc[0])
    assert list(table["points"].iloc[1:]) == [3 + 0, 4 + 1]
    assert POINTS["highly likely"]["highly unlikely"] == 6


def test_expectations_are_compared_with_the_tables(found, histories):
    def reached(steps):
        return sum(p for (_, plans), p in histories.items() if "strike" in plans[:steps])

    table = found.expectations
    # Five of the second step's fifteen days, each with the same probability of a first strike.
    left = (1 - reached(1)) * ((1 - reached(2)) / (1 - reached(1))) ** (5 / 15)
    assert table["mean"].to_numpy() == pytest.approx([reached(4), 1 - left], abs=1e-12)
    assert list(table["conflict"]) == [True, False]
    assert list(found.conflicts.index) == [0]
    implied = f"{100 * reached(4):.0f}"
    text = str(found)
    assert (
        f"CONFLICT plan=strike: stated 5–15 % within 60 days; the tables imply {implied} %" in text
    )
    assert "1 of 2 in conflict" in text


def test_base_rates_stand_beside_the_tables(histories):
    """The interval of a rate by drawing it from Jeffreys' posterior; 0 in 1,904 days by hand."""
    rates = (base_rate(count=1, days=50), base_rate(count=0, days=1904))
    table = check(ruler(base_rates=rates), draws=2).base_rates
    reached = sum(p for (_, plans), p in histories.items() if "strike" in plans)
    assert table["mean"].to_numpy() == pytest.approx([reached] * 2, abs=1e-12)
    drawn = 1 - np.exp(-np.random.default_rng(1).gamma(1.5, 1 / 50, 400_000) * 60)
    row = table.iloc[0]
    assert row["rate_mean"] == pytest.approx(drawn.mean(), abs=0.002)
    found = [row["rate_lower"], row["rate_upper"]]
    assert found == pytest.approx(np.quantile(drawn, [0.05, 0.95]), abs=0.004)
    assert table["rate_mean"].iloc[1] == pytest.approx(1 - (1 + 60 / 1904) ** -0.5)
    assert list(table["apart"]) == [False, True]


def test_the_check_prints_base_rates():
    text = str(check(ruler(base_rates=(base_rate(count=0, days=1904),)), draws=2))
    assert "Base rates: 1 of 1 far from the tables" in text
    assert "APART plan=strike: 0 in 1,904 days (earlier crises)" in text


def base_rate(**changes):
    stated = {"variable": "plan", "state": "strike", "within": 60, "basis": BASIS}
    return stated | {"reference_class": "earlier crises"} | changes


def test_faulty_base_rates_are_refused():
    stated = (
        base_rate(count=1, days=50, state="stroke"),
        base_rate(count=10**9, days=50),
        base_rate(count=1, days=50, within=90),
    )
    problems = dict(find_problems(ruler(base_rates=stated)))
    assert "did you mean 'strike'" in problems["base_rates", 0, "state"]
    assert "at most" in problems["base_rates", 1]
    assert "the horizon is 60 days" in problems["base_rates", 2, "within"]


def test_expectation_by_hand():
    """A storm has held at least once in two weeks with 1 - 0.9 * 0.8 = 28 %."""
    plain = weather(horizon=14).model_dump()
    calm = {"storm": {"exactly": {"calm": 0.9, "storm": 0.1}}}
    plain["variables"]["storm"] |= {
        "initial": rows(({}, calm["storm"])),
        "transition": exactly(
            ({"previous storm": "calm"}, {"calm": 0.8, "storm": 0.2}),
            ({"previous storm": "storm"}, {"calm": 0.5, "storm": 0.5}),
        ),
    }
    stated = {"variable": "storm", "state": "storm", "basis": BASIS}
    plain["expectations"] = (
        stated | {"within": 14, "probability": (0.1, 0.3)},
        stated | {"within": 7, "probability": (0.2, 0.3)},
        stated | {"within": 8, "probability": (0.2, 0.3)},
    )
    table = check(Scenario.model_validate(plain), draws=2).expectations
    eighth_day = 1 - 0.9 * (0.72 / 0.9) ** (1 / 7)
    assert table["mean"].to_numpy() == pytest.approx([0.28, 0.1, eighth_day])
    assert list(table["conflict"]) == [False, True, True]


def test_flipped_assumptions_are_those_of_the_joint(found, histories):
    for course in COURSES:
        row = found.assumptions.loc["mood", "angry", f"plan={course}"]
        given = {}
        for mood in MOODS:
            with_it = {k: p for k, p in histories.items() if k[0][MOMENT] == mood}
            total = sum(with_it.values())
            given[mood] = sum(p for (_, plans), p in with_it.items() if course in plans) / total
            if mood == "calm":
                assert row["holds"] == pytest.approx(total, abs=1e-12)
        assert row["if_holds"] == pytest.approx(given["calm"], abs=1e-12)
        assert row["otherwise"] == pytest.approx(given["angry"], abs=1e-12)
        assert row["change"] == pytest.approx(given["angry"] - given["calm"], abs=1e-12)
    changes = found.assumptions["change"].abs().to_numpy()
    assert (np.diff(changes) <= 0).all()
    assert (found.assumptions["assumed"] == "calm").all()


def test_a_state_that_cannot_be_has_no_flip():
    scenario = weather(dynamic=False).model_dump()
    scenario["variables"]["season"] = {
        "role": "factor",
        "label": "Season",
        "states": ("summer", "winter", "neither"),
        "table": exactly(({}, {"summer": 0.5, "winter": 0.5, "neither": 0.0})),
        "assumption": "summer",
    }
    flips = check(Scenario.model_validate(scenario), draws=4).assumptions
    assert list(flips.index.get_level_values("instead")) == ["winter"]
    assert flips["change"].iloc[0] == pytest.approx(0, abs=1e-12)


def test_expected_steps_are_those_of_the_joint(found, histories):
    """Expected exactly; how often at least once within four standard errors of simulation."""
    for state in STATES["radio"]:
        steps, never = 0.0, 0.0
        for (_, plans), probability in histories.items():
            shown = [RADIO[plan][state] for plan in plans[: MOMENT + 1]]
            steps += probability * sum(shown)
            never += probability * np.prod([1 - p for p in shown])
        row = found.states.loc["radio", state]
        assert row["steps"] == pytest.approx(steps, abs=1e-12)
        error = np.sqrt(never * (1 - never) / 4000)
        assert abs(row["seen"] - (1 - never)) < 4 * error
        assert 0 <= row["lower"] <= row["upper"] <= MOMENT + 1
    assert found.month == MOMENT + 1


def test_uncertain_tables_give_intervals_and_the_ratio_of_averages():
    scenario = weather(dynamic=False)
    found = check(scenario, draws=50, random_seed=4)
    drawn = draw_priors(compile_tables(scenario).priors, 50, np.random.default_rng(4))
    storm, calm_row, storm_row = drawn["probability"][0], *drawn["row_3"]
    bits, averages = [], np.zeros((2, 3))
    for k in range(50):
        both = np.array([storm[k] * storm_row[:, k], (1 - storm[k]) * calm_row[:, k]])
        averages += both / 50
        pairs = {(a, b): both[a, b] for a in range(2) for b in range(3)}
        bits.append(bits_of(pairs))
    row = found.indicators.loc["barometer", "storm=storm"]
    assert row["bits"] == pytest.approx(np.mean(bits), abs=1e-12)
    assert row["lower"] == pytest.approx(np.quantile(bits, 0.05), abs=1e-12)
    given = averages / averages.sum(axis=1, keepdims=True)
    assert row["ratio_for"] == pytest.approx((given[0] / given[1]).max(), abs=1e-10)
    assert row["state_for"] == "low"


@pytest.mark.parametrize("seed", range(4))
def test_joint_and_conditional_answers_equal_enumeration(seed):
    case = dynamic_case(seed, 3, 3, zeros=seed == 1, n_inputs=seed % 2)
    network = case.network
    answer = enumerate_answer(network, case.theta, case.log_like)
    beliefs = Beliefs.of(network, case.theta[:, None], case.log_like)
    target, *others = [node.name for node in network.nodes if not node.is_input]
    table = beliefs.joint_with(target, 1)
    for other in others:
        columns = [f"{other}={state}" for state in network.node(other).states]
        shown = table.sel(variable_state=columns).to_numpy().ravel()
        assert shown == pytest.approx(answer.joint(1, (target, other)), abs=1e-10)
    state = network.node(others[-1]).states[-1]
    column = network.names.index(others[-1])
    held = (answer.histories[:, :, column] == len(network.node(others[-1]).states) - 1).any(axis=1)
    given = beliefs.at_least_once_given([target], [(others[-1], state)], 1, 0)
    for k in range(network.sizes[target]):
        there = answer.histories[:, 1, network.names.index(target)] == k
        probability = answer.probability[there].sum()
        value = given.sel(variable_state=f"{target}={network.node(target).states[k]}").item()
        if probability > 0:
            expected = answer.probability[there & held].sum() / probability
            assert value == pytest.approx(expected, abs=1e-10)
        else:
            assert np.isnan(value)


def test_information_of_tiny_probabilities_does_not_overflow():
    assert shared_bits(np.array([[1e-300, 0.0], [0.0, 1.0]])) == pytest.approx(0, abs=1e-290)


def test_priors_are_drawn_with_their_moments():
    """Means within four standard errors of those of the Beta, Dirichlet and log-normal."""
    priors = compile_tables(windy("student_t")).priors
    n = 20_000
    drawn = draw_priors(priors, n, np.random.default_rng(5))

    def assert_mean(values, mean):
        error = values.std(axis=-1) / np.sqrt(n)
        assert (np.abs(values.mean(axis=-1) - mean) < 4 * error).all()

    a, b = priors.probability.T
    assert_mean(drawn["probability"], a / (a + b))
    assert_mean(drawn["row_3"], priors.rows[3] / priors.rows[3].sum(axis=1, keepdims=True))
    assert_mean(np.log(drawn["positive"]), priors.positive[:, 0])
    assert_mean(drawn["real"], priors.real[:, 0])
    a, b = np.array([grade.shape for grade in admiralty_grades()]).T
    assert_mean(drawn["accuracy"], a / (a + b))
    assert drawn["positive"].std(axis=-1).min() > 0


@pytest.mark.parametrize("family", ["poisson", "negative_binomial", "normal", "student_t"])
def test_numbers_are_drawn_with_their_moments(family):
    n, state = 100_000, np.ones((1, 100_000), dtype=np.int64)
    measure = NumberModel(family, np.array([0, 1]), np.array([2, 3]), per=7.0, degrees=10.0)
    positive = np.repeat([[1.0], [4.0], [9.0], [2.0]], n, axis=1)
    parameters = {"positive": positive, "real": np.repeat([[0.0], [-3.0]], n, axis=1)}
    values = simulate_numbers(measure, parameters, state, 14.0, np.random.default_rng(6))
    mean, variance = {
        "poisson": (8.0, 8.0),
        "negative_binomial": (8.0, 8.0 + 64.0 / 2.0),
        "normal": (-3.0, 4.0),
        "student_t": (-3.0, 4.0 * 10 / 8),
    }[family]
    assert abs(values.mean() - mean) < 4 * np.sqrt(variance / n)
    assert values.var() == pytest.approx(variance, rel=0.05)


def test_counts_are_expected_over_the_month_and_reals_in_a_step():
    counted = check(windy("negative_binomial")).numbers.loc["wind"]
    assert counted["unit"] == "gusts"
    assert counted["lower"] <= counted["mean"] <= counted["upper"]
    assert counted["lower"] == int(counted["lower"])
    assert 1 < counted["mean"] / 4 < 3
    found = check(windy("normal"))
    assert -3 < found.numbers.loc["wind", "mean"] < 1
    assert "at most as much" not in str(found)
    assert "A number tells at most what its state would" in str(found)


FAULTS = {
    "unknown variable": ({"variable": "plam"}, "'plam' is not a variable; did you mean 'plan'"),
    "unknown state": ({"state": "stroke"}, "'stroke' is not a state of plan; did you mean"),
    "beyond the horizon": ({"within": 90}, "90 days; the horizon is 60 days"),
    "no days": ({"within": None}, "'within' is missing: days from the start, up to 60"),
    "ends in the wrong order": (
        {"probability": (0.4, 0.2)},
        "[0.4, 0.2]: a probability has 0 <= lower",
    ),
    "above one": ({"probability": (0.4, 1.2)}, "[0.4, 1.2]: a probability has 0 <= lower"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faulty_expectations_are_refused(fault):
    change, message = FAULTS[fault]
    scenario = ruler(expectations=(expectation(60, 0.05, 0.25) | change,))
    problems = list(find_problems(scenario))
    assert len(problems) == 1
    assert problems[0][0][:2] == ("expectations", 0)
    assert message in problems[0][1]


def test_a_static_scenario_expects_without_days():
    stated = {"variable": "storm", "state": "storm", "probability": (0.05, 0.3), "basis": BASIS}
    scenario = weather(dynamic=False).model_copy(update={"expectations": ()}).model_dump()
    good = Scenario.model_validate(scenario | {"expectations": (stated,)})
    assert list(find_problems(good)) == []
    assert not check(good, draws=64).expectations["conflict"].any()
    bad = Scenario.model_validate(scenario | {"expectations": (stated | {"within": 7},)})
    assert [message for _, message in find_problems(bad)] == [
        "a static scenario (no `time`) has no days"
    ]


@pytest.mark.parametrize(
    ("name", "state", "message"),
    [
        ("mood", "clam", "'clam' is not a state; did you mean 'calm'"),
        ("radio", "quiet", "only what is hidden can be assumed; this is an indicator"),
    ],
)
def test_faulty_assumptions_are_refused(name, state, message):
    given = ruler().model_dump()
    given["variables"][name]["assumption"] = state
    [(path, message_found)] = find_problems(Scenario.model_validate(given))
    assert path == ("variables", name, "assumption")
    assert message in message_found


def test_arguments_are_checked():
    with pytest.raises(InputError) as caught:
        check(weather(), draws=1, random_seed=-1)
    assert [problem.where for problem in caught.value.problems] == ["draws", "random_seed"]


def test_the_same_seed_gives_the_same_check():
    one, other = (check(weather(), draws=16, random_seed=7) for _ in range(2))
    assert repr(one) == repr(other)
    assert repr(one) != repr(check(weather(), draws=16, random_seed=8))


def test_a_scenario_without_courses_is_checked():
    aimless = weather(dynamic=False).model_dump()
    aimless["variables"]["storm"] |= {"role": "factor", "courses": {}}
    aimless["variables"]["barometer"]["speaks_to"] = ()
    found = check(Scenario.model_validate(aimless), draws=2)
    assert found.indicators.empty
    assert found.courses.empty
    assert (found.unmoved, found.dead) == ((), ())
    assert "barometer" in str(found)
    del aimless["variables"]["barometer"]
    found = check(Scenario.model_validate(aimless), draws=2)
    assert found.states.empty
    assert str(found).endswith("Expectations: none stated")
    with pytest.raises(InputError, match="no indicators"):
        fc.plot_expected(found)


def test_it_prints_in_a_notebook(found):
    page = found._repr_html_()
    assert page.count("<table") == page.count("</table>") == 6
    assert "CONFLICT plan=strike" in page


def test_the_plot_names_every_state_and_has_a_bar_for_it(found):
    given = plt.figure().add_subplot()
    axis = fc.plot_expected(found, ax=given)
    plt.close(axis.figure)
    assert axis is given
    texts = "; ".join(text.get_text() for text in axis.texts)
    for name in INDICATORS:
        assert all(state.replace("_", " ") in texts for state in STATES[name][1:])
    assert len(axis.patches) == sum(len(STATES[name]) for name in INDICATORS)
    assert [label.get_text() for label in axis.get_yticklabels()] == list(INDICATORS)
    for name, height in zip(INDICATORS, range(len(INDICATORS)), strict=True):
        bars = [
            bar for bar in axis.patches if abs(bar.get_y() + bar.get_height() / 2 - height) < 0.1
        ]
        assert sum(bar.get_width() for bar in bars) == pytest.approx(MOMENT + 1)
        widths = found.states.loc[name, "steps"].to_numpy()
        assert [bar.get_width() for bar in bars] == pytest.approx(widths)


def test_the_command_says_it_in_words(capsys, tmp_path):
    stated = (expectation(60, 0.05, 0.15), expectation(20, 0.05, 0.25))
    path = fc.write_scenario(ruler(expectations=stated), tmp_path / "scenario.yaml")
    assert main(["check", str(path)]) == 0
    shown = capsys.readouterr().out
    assert "Expectations: 1 of 2 in conflict" in shown
    assert "stated 5–25 % within 20 days; the tables imply" in shown
    assert "mood=calm" in shown
    assert "\N{NO-BREAK SPACE}" not in shown


@pytest.mark.slow
def test_what_the_shipped_scenario_expects_is_in_no_conflict(capsys):
    assert main(["check", "iraq-2020"]) == 0
    shown = capsys.readouterr().out
    stated = len(fc.load_scenario("iraq-2020").expectations)
    assert f"Expectations: none of {stated} in conflict" in shown
    assert "stated 5–25 % within 90 days; the tables imply" in shown
    assert "iran_control=partial" in shown
