"""A shared effect leaves each indicator as it is stated, and makes them Fréchet's together."""

from itertools import product

import numpy as np
import pytest

from forecast.errors import InputError
from forecast.model.builder import compile_tables
from forecast.model.expressions import run_backwards
from forecast.network.sweep import sweep
from forecast.scenario.rendering import render_scenario
from forecast.scenario.scenario import Scenario
from forecast.scenario.scenario_files import parse_scenario
from tests.benchmarks.reporting import calibration_slope
from tests.small import BASIS, START, rows

SHARE = 0.6
CALM, STORM = 0.125, 0.5
"""Probability that a sign shows. Ends of parts of the unit interval, so all that shows is one."""
PRIOR = 0.3
POINTS = (np.arange(8000) + 0.5) / 8000
SIGN = rows(
    ({"storm": "calm"}, {"exactly": {"none": 1 - CALM, "shown": CALM}}),
    ({"storm": "storm"}, {"exactly": {"none": 1 - STORM, "shown": STORM}}),
)
THREE = ("none", "some", "many")
FORMS = {
    "rows": rows(
        ({"storm": "calm"}, {"concentration": {"none": 14.0, "some": 5.0, "many": 1.0}}),
        ({"storm": "storm"}, {"concentration": {"none": 2.0, "some": 6.0, "many": 8.0}}),
    ),
    "noisy_max": {
        "form": "noisy_max",
        "leak": {"concentration": {"none": 14.0, "some": 5.0, "many": 1.0}, "basis": BASIS},
        "causes": (
            {
                "when": {"storm": "storm"},
                "concentration": {"none": 2.0, "some": 6.0, "many": 8.0},
                "basis": BASIS,
            },
        ),
    },
    "ranked": {
        "form": "ranked",
        "influences": ({"of": "storm", "weight": (1, 3), "basis": BASIS},),
        "spread": {"between": (0.1, 0.4), "basis": BASIS},
    },
    "likelihood_ratios": {
        "form": "likelihood_ratios",
        "base": {"concentration": {"none": 14.0, "some": 5.0, "many": 1.0}, "basis": BASIS},
        "ratios": ({"when": {"storm": "storm"}, "state": "many", "times": (1, 3), "basis": BASIS},),
    },
}

HAZARDS = {
    "form": "hazards",
    "moves": (
        {"to": "shown", "when": {"storm": "storm"}, "within": 7, "probability": (0.3, 0.6)}
        | {"basis": BASIS},
        {"to": "shown", "when": {"storm": "calm"}, "within": 90, "probability": (0.1, 0.4)}
        | {"basis": BASIS},
    ),
}
CLOCK = {"start": START, "step": 7, "horizon": 28}


def signs_of(table, *, n=6, n_parts=4, shared=True, states=("none", "shown"), time=None):
    """A storm, and signs of it that share an effect, or do not."""
    under = {"form": "under_shared_effect", "effect": "week", "table": table}
    sign = {
        "role": "indicator",
        "label": "Sign",
        "states": states,
        "kind": "event",
        "table": under if shared else table,
    }
    storm = {
        "role": "course_of_action",
        "label": "Storm",
        "states": ("calm", "storm"),
        "courses": {"storm": {"label": "A storm", "severity": 4, "dangerous": True}},
        "table": rows(({}, {"exactly": {"calm": 1 - PRIOR, "storm": PRIOR}})),
    }
    week = {
        "role": "factor",
        "label": "A week in which signs show together",
        "states": ("apart", *(f"part_{k}" for k in range(n_parts))),
        "table": {"form": "shared_effect", "share": (0.2, 0.7), "basis": BASIS},
    }
    variables = {"storm": storm, **({"week": week} if shared else {})}
    return Scenario.model_validate(
        {
            "name": "signs",
            "version": "1",
            "title": "Signs",
            "question": "Does a storm come?",
            "variables": variables | {f"sign_{k}": sign for k in range(n)},
            "reporting": "ignorable",
            "time": time,
        }
    )


def cells_of(scenario, share=SHARE, seed=0):
    """Table cells of every variable by name, (…, parents' and own states), for some parameters."""
    program = compile_tables(scenario)
    given = {}
    for family in program.priors.families:
        rng = np.random.default_rng(seed)
        if family.name.startswith("row_"):
            alphas = program.priors.rows[int(family.name[4:])]
            given[family.name] = np.array([rng.dirichlet(alpha) for alpha in alphas])
        elif family.of_tables:
            given[family.name] = rng.uniform(1.0, 2.0, family.size)
    if "probability" in given:
        given["probability"][:] = share
    cells, network = program.cells(given), program.network
    return {
        node.name: cells[network.cells(node.first, node.name)].reshape(
            *(network.sizes[parent] for parent, _ in node.first.parents), len(node.states)
        )
        for node in network.nodes
    }


def posterior_by_signs(scenario):
    """P(storm) given every pattern of signs, by exact elimination."""
    program = compile_tables(scenario)
    network = program.network
    theta = program.cells({"probability": np.array([SHARE])} if "week" in network.names else {})
    names = [name for name in network.names if name.startswith("sign")]
    found = {}
    for pattern in product((0, 1), repeat=len(names)):
        like = network.no_evidence(1)
        for name, state in zip(names, pattern, strict=True):
            like[0, network.state(name, network.node(name).states[1 - state])] = -np.inf
        swept = sweep(network, theta[:, None], like, "smoothed")
        found[pattern] = swept.marginals[0, network.state("storm", "storm"), 0]
    return found


def true(n=6, calm=CALM, storm=STORM):
    """The same from the mixture of the independent and the comonotone copula."""
    found = {}
    for pattern in product((0, 1), repeat=n):
        shown, joint = sum(pattern), []
        for prior, p in ((1 - PRIOR, calm), (PRIOR, storm)):
            apart = p**shown * (1 - p) ** (n - shown)
            together = {0: 1 - p, n: p}.get(shown, 0.0)
            joint.append(prior * ((1 - SHARE) * apart + SHARE * together))
        found[pattern] = joint[1] / sum(joint)
    return found


def worlds(n_worlds=40_000, n=6):
    """Whether there is a storm in each world, and which signs show: as the numbers fall."""
    rng = np.random.default_rng(11)
    stormy = rng.random(n_worlds) < PRIOR
    uniform = rng.random((n, n_worlds))
    uniform = np.where(rng.random(n_worlds) < SHARE, uniform[0], uniform)
    shown = uniform > 1 - np.where(stormy, STORM, CALM)
    return stormy, [tuple(map(int, pattern)) for pattern in shown.T]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("n_parts", [2, 3, 5])
def test_each_keeps_the_probabilities_that_are_stated(form, n_parts):
    made = {"n": 1, "states": THREE}
    cells = cells_of(signs_of(FORMS[form], n_parts=n_parts, **made))
    alone = cells_of(signs_of(FORMS[form], shared=False, **made))
    np.testing.assert_allclose(cells["week"].sum(), 1, rtol=1e-15)
    mixed = np.einsum("psk,s->pk", cells["sign_0"], cells["week"])
    np.testing.assert_allclose(mixed, alone["sign_0"], rtol=0, atol=1e-14)
    np.testing.assert_array_equal(cells["sign_0"][:, 0], alone["sign_0"])
    assert (cells["sign_0"] >= 0).all()


def test_what_a_hazard_brings_in_a_step_keeps_its_probability():
    cells = cells_of(signs_of(HAZARDS, n=1, time=CLOCK))
    alone = cells_of(signs_of(HAZARDS, n=1, time=CLOCK, shared=False))
    mixed = np.einsum("psk,s->pk", cells["sign_0"], cells["week"])
    np.testing.assert_allclose(mixed, alone["sign_0"], rtol=0, atol=1e-14)


def test_a_hazard_with_a_memory_cannot_be_under_an_effect():
    moves = ({"from": "none", "to": "shown", "within": 7, "probability": (0.3, 0.6)},)
    table = {"form": "hazards", "moves": tuple(move | {"basis": BASIS} for move in moves)}
    with pytest.raises(InputError) as refused:
        compile_tables(signs_of(table, n=1, time=CLOCK))
    assert "sign_0.table.table.moves: moves with `from` have a memory" in str(refused.value)


def test_in_a_part_the_states_are_the_quantiles_of_its_numbers():
    row = {"none": 0.6, "some": 0.3, "many": 0.1}
    same = rows(({"storm": ("calm", "storm")}, {"exactly": row}))
    scenario = signs_of(same, n=1, n_parts=4, states=THREE)
    state = np.searchsorted(np.cumsum([*row.values()]), POINTS)
    part = np.searchsorted([0.5, 0.75, 0.875], POINTS)
    counted = [np.bincount(state[part == k], minlength=3) / (part == k).sum() for k in range(4)]
    np.testing.assert_allclose(cells_of(scenario)["sign_0"][0, 1:], counted, atol=1e-12)


def test_all_that_show_together_are_one_observation():
    """Signs that may show together move the odds by what one would, and no sign by less."""
    odds = {}
    for n in (1, 6, 11):
        posterior = true(n)[(1,) * n]
        assert posterior_by_signs(signs_of(SIGN, n=n))[(1,) * n] == pytest.approx(
            posterior, rel=1e-12
        )
        odds[n] = posterior / (1 - posterior) * (1 - PRIOR) / PRIOR
    assert odds[1] == pytest.approx(STORM / CALM)
    assert odds[1] < odds[6] < 1.1 * STORM / CALM
    assert odds[11] == pytest.approx(STORM / CALM, rel=1e-3)


def test_finer_parts_come_nearer_to_the_mixture():
    """Where probabilities are no ends of parts, those of a part are drawn apart."""
    calm, storm = 0.06, 0.3
    table = rows(
        ({"storm": "calm"}, {"exactly": {"none": 1 - calm, "shown": calm}}),
        ({"storm": "storm"}, {"exactly": {"none": 1 - storm, "shown": storm}}),
    )
    exact = np.array([*true(6, calm, storm).values()])
    gaps = [
        np.abs([*posterior_by_signs(signs_of(table, n_parts=n)).values()] - exact)[-1]
        for n in (2, 4, 6, 8)
    ]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0.2
    assert gaps[-1] < 0.02


def test_states_are_as_probable_as_predicted_and_a_reading_without_it_is_caught():
    stormy, patterns = worlds()
    slope = {}
    for shared in (True, False):
        found = posterior_by_signs(signs_of(SIGN, shared=shared))
        slope[shared], error = calibration_slope(np.array([found[p] for p in patterns]), stormy)
        if shared:
            assert abs(slope[shared] - 1) < 3 * error < 0.1
    assert slope[False] < 0.5


def test_time_goes_by():
    """Steps are drawn anew; what is standing stays, and is else drawn under the effect."""
    program = compile_tables(signs_of(SIGN, n=2, time=CLOCK))
    theta = program.cells({"probability": np.array([SHARE])})[:, None]
    like = program.network.no_evidence(3)
    shown = [program.network.state(name, "none") for name in ("sign_0", "sign_1")]
    like[1, shown] = -np.inf
    found = sweep(program.network, theta, like, "smoothed").marginals[
        :, program.network.state("storm", "storm"), 0
    ]
    np.testing.assert_allclose(found, [PRIOR, true(2)[1, 1], PRIOR], rtol=1e-12)
    body = signs_of(SIGN, n=2, time=CLOCK).model_dump(by_alias=True)
    body["variables"]["sign_0"]["kind"] = "standing"
    standing = compile_tables(Scenario.model_validate(body)).network.node("sign_0").later
    assert standing.parents == (("sign_0", 1), ("storm", 0), ("week", 0))


def test_gradients_equal_differences():
    program = compile_tables(signs_of(FORMS["rows"], n=2, states=THREE))
    rng, found = np.random.default_rng(3), program.expressions
    rows_given = [rng.dirichlet(alpha) for alpha in program.priors.rows[3]]
    flat = program.flatten({"probability": np.array([SHARE]), "row_3": np.array(rows_given)})
    weight = rng.normal(size=len(found.order))
    gradient = run_backwards(flat, found.constants, found.steps, found.order, weight)
    shifts = 1e-6 * np.eye(len(flat))
    ends = [weight @ found.run((flat + sign * shifts).T) for sign in (1, -1)]
    np.testing.assert_allclose(gradient, (ends[0] - ends[1]) / 2e-6, rtol=1e-6, atol=1e-7)


def test_it_is_read_back_as_it_was_written():
    scenario = signs_of(FORMS["noisy_max"], states=THREE)
    assert parse_scenario(render_scenario(scenario, "scenario.schema.json"), "signs") == scenario


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("effect", "wek"), "effect: 'wek' is not a variable; did you mean 'week'"),
        (("effect", "storm"), "effect: storm is no shared effect: its table has another form"),
        (("table", HAZARDS), "a static scenario (no `time`) has no hazards"),
        (
            ("table", FORMS["rows"] | {"form": "shared_effect"}),
            "'form' cannot be 'shared_effect'",
        ),
        (
            ("table", rows(({"week": "apart"}, {"unknown": True}), ({}, {"unknown": True}))),
            "effect: week is also a parent in the inner table",
        ),
    ],
)
def test_what_cannot_be_under_an_effect(change, message):
    body = signs_of(SIGN, n=1).model_dump(by_alias=True)
    body["variables"]["sign_0"]["table"][change[0]] = change[1]
    with pytest.raises(InputError) as refused:
        compile_tables(Scenario.model_validate(body))
    assert message in str(refused.value)


def test_an_effect_has_three_states():
    with pytest.raises(InputError, match="a shared effect has at least three states"):
        compile_tables(signs_of(SIGN, n_parts=1))
