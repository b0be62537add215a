"""Where a scenario does not say how indicators of one cause hang together, a discount is taken."""

import inspect
import tomllib
from itertools import pairwise, product
from math import prod

import numpy as np
import pytest

import forecast as fc
from forecast.analysis.checkup import check
from forecast.evidence.ledger import Ledger
from forecast.model import builder
from forecast.model.builder import compile_tables
from forecast.network.sweep import sweep
from forecast.reading import shipped_folder
from forecast.reporting.method import _method_rows
from forecast.reporting.stated import default_rows, stated_rows
from forecast.scenario.indicator_groups import (
    default_effects,
    unstated_groups,
    with_default_effects,
)
from forecast.scenario.scenario import Scenario
from forecast.text import DASH, GAP
from forecast.verification import learning
from tests.ach.matrices import HEUER
from tests.benchmarks.reporting import calibration_slope
from tests.model.test_shared_effect import CALM, FORMS, HAZARDS, PRIOR, SIGN, STORM, THREE, signs_of
from tests.small import BASIS, START, rows

CLOCK = {"start": START, "step": 7, "horizon": 28}
OURS = tomllib.loads(
    (shipped_folder() / "indicators" / "defaults.toml").read_text(encoding="utf-8")
)["shared_effect"]
EDGES = (0, 1 / 2, 3 / 4, 7 / 8, 15 / 16, 31 / 32, 63 / 64, 1)
RARE, OFTEN = 0.06, 0.3
"""Probabilities of a sign that are no ends of parts."""
TABLE = rows(
    ({"storm": "calm"}, {"exactly": {"none": 1 - RARE, "shown": RARE}}),
    ({"storm": "storm"}, {"exactly": {"none": 1 - OFTEN, "shown": OFTEN}}),
)
EFFECT = "shared_effect_of_storm"
QUICK = {"method": "reweight", "draws": 50, "chains": 1, "progressbar": False}


def silent(n=3, *, table=TABLE, changes=(), independent=(), **made):
    """A storm and signs of it, of which nothing is said; then changes of some signs."""
    body = signs_of(table, n=n, shared=False, **made).model_dump(by_alias=True)
    for name, change in dict(changes).items():
        body["variables"][name] |= change
    body["independent"] = tuple({"indicators": each, "basis": BASIS} for each in independent)
    return Scenario.model_validate(body)


def by_hand(n=3, *, table=TABLE, **made):
    """The same with the forms written out, and the effect last."""
    body = signs_of(table, n=n, n_parts=7, **made).model_dump(by_alias=True)
    week = body["variables"].pop("week")
    week["table"] |= {"share": tuple(OURS["share"]), "basis": BASIS}
    body["variables"]["week"] = week
    return Scenario.model_validate(body)


def seen(name, state, grade="B"):
    """A report of a sign in the first step, by a source of its own."""
    days = dict.fromkeys(("event_start", "event_end", "published", "known"), START)
    report = {"id": name, "indicator": name, "state": state, "source": name, "origin": name}
    return fc.Report(**report, **days, reliability=grade)


def known(*reports):
    return Ledger(tuple(reports)).known_at(START)


def groups(scenario):
    return [(group.causes, group.indicators) for group in unstated_groups(scenario)]


# ── what is taken ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("time", [None, CLOCK])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_not_said_is_as_if_the_forms_were_written_by_hand(form, time):
    made = {"table": FORMS[form], "time": time, "states": THREE}
    reports = known(seen("sign_0", "many"), seen("sign_2", "none"), seen("sign_1", "some", "D"))
    left = fc.forecast(silent(**made), reports, **QUICK)
    written = fc.forecast(by_hand(**made), reports, **QUICK)
    for name in ("storm", "sign_0", "sign_1", "sign_2"):
        one, other = (fc.beliefs(each).posterior(name) for each in (left, written))
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)
    np.testing.assert_allclose(left.weights.weight, written.weights.weight, rtol=1e-12)


def test_an_effect_is_an_ordinary_variable_with_our_basis():
    scenario = with_default_effects(silent(time=CLOCK))
    effect = scenario.variables[EFFECT]
    assert (effect.role, effect.label) == ("factor", "Whether indicators of Storm show together")
    assert effect.states == ("apart", *(f"together_{k}" for k in range(1, 8)))
    assert effect.table.basis == OURS["basis"]
    assert OURS["basis"].startswith("judgement: ours")
    assert default_effects(scenario)[EFFECT].indicators == ("sign_0", "sign_1", "sign_2")
    assert with_default_effects(scenario) is scenario
    drawn = fc.beliefs(fc.forecast(silent(), known(), **QUICK)).simulate(20, random_seed=1)
    assert EFFECT in str(drawn.coords)


def test_each_group_has_an_effect_of_its_own():
    """Other causes, and those that speak against what others speak for, are other groups."""
    claims = [{"course": "storm=storm", "sign": sign} for sign in "+-"]
    changes = {f"sign_{k}": {"speaks_to": (claims[k % 2],)} for k in range(6)}
    other = {"role": "factor", "label": "Wind", "states": ("calm", "storm")}
    other["table"] = rows(({}, {"exactly": {"calm": 0.5, "storm": 0.5}}))
    body = silent(10, changes=changes).model_dump(by_alias=True)
    body["variables"] = {"wind": other, **body["variables"]}
    for k in (7, 8, 9):
        for row in body["variables"][f"sign_{k}"]["table"]["rows"]:
            row["when"] = {"wind": row["when"]["storm"]}
    scenario = Scenario.model_validate(body)
    assert groups(scenario) == [
        (("storm",), ("sign_0", "sign_2", "sign_4", "sign_6")),
        (("storm",), ("sign_1", "sign_3", "sign_5")),
        (("wind",), ("sign_7", "sign_8", "sign_9")),
    ]
    found = default_effects(with_default_effects(scenario))
    assert list(found) == [EFFECT, f"{EFFECT}_2", "shared_effect_of_wind"]
    assert [(group.causes, group.indicators) for group in found.values()] == groups(scenario)


def test_indicators_of_courses_that_exclude_each_other_are_no_copies():
    """Sonar speaks for a survey and boats for smuggling; tracks in a closed area stand alone."""
    problem = fc.load_scenario("veyra-fleet").model_copy(update={"independent": ()})
    assert [names for _, names in groups(problem)] == [
        ("transponders", "track_pattern", "small_boats", "ownership"),
        ("cable_lines", "sonar", "cable_alarm"),
    ]


def test_what_a_hazard_brings_in_a_step_is_under_the_effect_too():
    scenario = with_default_effects(silent(table=HAZARDS, time=CLOCK))
    assert scenario.variables["sign_2"].table.stated.form == "hazards"
    beliefs = fc.beliefs(fc.forecast(scenario, known(), **QUICK))
    before, after = (
        each.posterior("sign_1", START).to_numpy()[..., 1]
        for each in (beliefs, beliefs.set_evidence({"sign_0": "shown", "storm": "storm"}, START))
    )
    alone = beliefs.set_evidence({"storm": "storm"}, START).posterior("sign_1", START)
    assert (after > alone.to_numpy()[..., 1]).all()
    assert (after > before).all()


# ── where nothing is taken ────────────────────────────────────────────────────────────────────────

MEMORY = rows(
    ({"previous sign_2": "none"}, {"exactly": {"none": 0.9, "shown": 0.1}}),
    ({"previous sign_2": "shown"}, {"exactly": {"none": 0.4, "shown": 0.6}}),
)
LASTING = {"table": None, "initial": TABLE, "transition": MEMORY}
OLDER = {"previous 2 sign_2": "none"}, {"previous 2 sign_2": "shown"}
LONG_AGO = rows(*((when, {"exactly": {"none": 0.6, "shown": 0.4}}) for when in OLDER))
SPEAKS = {"speaks_to": ({"course": "storm=storm", "sign": "+"},)}
AGAINST = {"speaks_to": ({"course": "storm=storm", "sign": "-"},)}


@pytest.mark.parametrize(
    "scenario",
    [
        silent(2),
        silent(independent=[("sign_0", "sign_1", "sign_2")]),
        silent(independent=[("sign_0",)]),
        silent(changes={"sign_1": {"kind": "standing"}}, time=CLOCK),
        silent(changes={"sign_1": {"kind": "announcement"}}, time=CLOCK),
        silent(changes={"sign_2": LASTING}, time=CLOCK),
        silent(changes={"sign_2": LASTING | {"transition": LONG_AGO}}, time=CLOCK),
        silent(changes={"sign_0": SPEAKS, "sign_2": AGAINST}),
        silent(changes={f"sign_{k}": {"role": "outcome"} for k in range(2)}),
        by_hand(),
    ],
    ids=[
        "few",
        "said",
        "few unsaid",
        "stays",
        "announced",
        "own",
        "older",
        "against",
        "outcomes",
        "shared",
    ],
)
def test_nothing_is_taken(scenario):
    assert groups(scenario) == []
    assert with_default_effects(scenario) is scenario


def test_what_lasts_lasts_only_where_there_is_a_clock():
    assert groups(silent(changes={"sign_1": {"kind": "standing"}})) != []


def test_inputs_are_no_hidden_causes():
    body = silent().model_dump(by_alias=True)
    body["variables"]["lamp"] = {"role": "input", "label": "Lamp", "states": ("off", "on")}
    body["variables"]["lamp"] |= {"default": "off"}
    lit = rows(
        *(
            ({"storm": storm, "lamp": lamp}, {"exactly": {"none": 1 - p, "shown": p}})
            for storm, lamp, p in product(("calm", "storm"), ("off", "on"), (0.3,))
        )
    )
    body["variables"]["sign_2"]["table"] = lit
    assert groups(Scenario.model_validate(body)) == [(("storm",), ("sign_0", "sign_1", "sign_2"))]


def test_a_matrix_and_a_network_of_probabilities_say_all_there_is():
    problem, _ = HEUER.to_scenario()
    assert with_default_effects(problem) is problem
    given = {"variables": {"storm": ("calm", "storm")}, "tables": {"storm": [1 - PRIOR, PRIOR]}}
    parents, shown = {}, [[1 - RARE, RARE], [1 - OFTEN, OFTEN]]
    for k in range(5):
        given["variables"][f"sign_{k}"], parents[f"sign_{k}"] = ("none", "shown"), ("storm",)
        given["tables"][f"sign_{k}"] = shown
    network = fc.TabledNetwork("signs", parents=parents, **given)
    beliefs = network.beliefs(draws=1).set_evidence({f"sign_{k}": "shown" for k in range(5)})
    odds = PRIOR / (1 - PRIOR) * (OFTEN / RARE) ** 5
    assert fc.probability(beliefs, "storm", "storm").mean == pytest.approx(odds / (1 + odds))


@pytest.mark.parametrize("name", fc.scenario_names())
def test_shipped_scenarios_say_something_of_each_group(name):
    problem = fc.load_scenario(name)
    assert groups(problem) == []
    assert all(stated.basis.startswith("judgement: ") for stated in problem.independent)
    assert groups(problem.model_copy(update={"independent": ()})) != []


# ── what it does ──────────────────────────────────────────────────────────────────────────────────


def enumerated(share, n, calm=RARE, storm=OFTEN, pattern=None):
    """P(storm | signs) by a loop over the storm and the part that the number of all lies in."""
    joint = {}
    for state, prior, p in (("calm", 1 - PRIOR, calm), ("storm", PRIOR, storm)):
        total = 0.0
        for lower, upper in ((0, 1), *pairwise(EDGES)):
            weight = 1 - share if (lower, upper) == (0, 1) else share * (upper - lower)
            above = max(0.0, upper - max(lower, 1 - p)) / (upper - lower)
            total += weight * prod(above if on else 1 - above for on in pattern or (1,) * n)
        joint[state] = prior * total
    return joint["storm"] / sum(joint.values())


def test_eleven_indicators_of_one_cause_are_not_eleven_witnesses():
    signs = {f"sign_{k}": "shown" for k in range(11)}
    day = fc.forecast(silent(11), known(), **QUICK)
    shares = day.posterior["posterior"]["probability"].to_numpy().ravel()
    found = fc.beliefs(day).set_evidence(signs).posterior("storm").to_numpy()[0, :, 1]
    expected = [enumerated(share, 11) for share in shares]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    stated = silent(11, independent=[tuple(signs)])
    alone = fc.beliefs(fc.forecast(stated, known(), **QUICK)).set_evidence(signs)
    sure = float(alone.posterior("storm").mean(("chain", "draw"))[1])
    start, apart, together = (p / (1 - p) for p in (PRIOR, sure, found.mean()))
    assert apart / start == pytest.approx((OFTEN / RARE) ** 11, rel=1e-6)
    assert 0.5 * OFTEN / RARE < together / start < 2 * OFTEN / RARE


def test_signs_that_show_apart_are_read_as_enumerated():
    pattern = (1, 0, 1, 1, 0)
    states = {f"sign_{k}": "shown" if on else "none" for k, on in enumerate(pattern)}
    day = fc.forecast(silent(5), known(), **QUICK)
    shares = day.posterior["posterior"]["probability"].to_numpy().ravel()
    found = fc.beliefs(day).set_evidence(states).posterior("storm").to_numpy()[0, :, 1]
    expected = [enumerated(share, 5, pattern=pattern) for share in shares]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def read(scenario, shown, n, share):
    """P(storm) when so many of the signs are seen to show, and the others are seen not to."""
    program = compile_tables(scenario)
    network = program.network
    theta = program.cells({"probability": np.array([share])} if EFFECT in network.names else {})
    like = network.no_evidence(1)
    for k in range(n):
        like[0, network.state(f"sign_{k}", "none" if k < shown else "shown")] = -np.inf
    swept = sweep(network, theta[:, None], like, "smoothed")
    return swept.marginals[0, network.state("storm", "storm"), 0]


def test_states_are_calibrated_where_signs_do_hang_together_and_without_the_default_are_not():
    """Worlds draw how often their signs hang together from our prior, and are read by one rule."""
    rng, n_worlds, n = np.random.default_rng(5), 40_000, 8
    scenario = silent(n, table=SIGN)
    effect = with_default_effects(scenario).variables[EFFECT].table
    a, b = effect.share.fit().shape
    stormy = rng.random(n_worlds) < PRIOR
    uniform = rng.random((n, n_worlds))
    uniform = np.where(rng.random(n_worlds) < rng.beta(a, b, n_worlds), uniform[0], uniform)
    shown = (uniform > 1 - np.where(stormy, STORM, CALM)).sum(axis=0)
    slope = {}
    for switched, problem in (("on", with_default_effects(scenario)), ("off", scenario)):
        said = np.array([read(problem, k, n, a / (a + b)) for k in range(n + 1)])
        slope[switched], error = calibration_slope(said[shown], stormy)
        if switched == "on":
            assert abs(slope["on"] - 1) < 3 * error < 0.1
    assert slope["off"] < 0.5


# ── everything that is computed with takes it ─────────────────────────────────────────────────────

UNSURE = {"table": FORMS["rows"], "states": THREE, "time": CLOCK}
SAID = silent(independent=[("sign_0",)], **UNSURE)
COMPUTING = {
    "ach_view": lambda problem: fc.ach_view(problem, draws=5),
    "backtest": lambda problem: fc.backtest(
        problem, Ledger(), start=START, end=START, method="reweight", draws=50, chains=1
    ),
    "build_model": lambda problem: fc.build_model(problem, known(seen("sign_0", "some"))),
    "calibrate": lambda problem: fc.calibrate(problem, 2, steps=1, draws=100, worlds=SAID),
    "check": lambda problem: fc.check(problem, draws=5),
    "forecast": lambda problem: fc.forecast(problem, known(), **QUICK),
    "learn": lambda problem: fc.learn(problem, [fc.Case(known())]),
    "plot_network": fc.plot_network,
    "stress": lambda problem: fc.stress(problem, 2, steps=2, draws=50, progressbar=False),
}
READING = {
    "implied_table": "the table of one variable, as it is stated",
    "open_ledger": "reads and writes reports",
    "read_evidence": "reads reports",
    "read_published": "reads judgements",
    "read_questions": "reads questions",
    "write_scenario": "writes what its author wrote",
}


def test_every_verb_that_takes_a_scenario_computes_or_only_reads():
    takes = {
        name
        for name in dir(fc)
        if inspect.isfunction(verb := getattr(fc, name))
        and "Scenario" in str(inspect.signature(verb).replace(return_annotation=None))
    }
    assert takes == set(COMPUTING) | set(READING)


@pytest.mark.parametrize("verb", COMPUTING)
def test_no_verb_computes_with_what_is_not_said(verb, monkeypatch):
    """Of every scenario that is compiled, whatever is not said has been taken."""
    compiled = []

    def note(scenario, _compile=builder._compile):
        compiled.append(scenario)
        return _compile(scenario)

    def stop(scenario, *_):
        compiled.append(scenario)
        raise InterruptedError

    monkeypatch.setattr(builder, "_compile", note)
    monkeypatch.setattr(learning, "sample_cases", stop)
    try:
        COMPUTING[verb](silent(**UNSURE))
    except InterruptedError:
        assert verb == "learn"
    assert compiled
    assert all(groups(scenario) == [] for scenario in compiled)
    assert any(EFFECT in scenario.variables for scenario in compiled)


# ── how it is told ────────────────────────────────────────────────────────────────────────────────


def test_an_author_s_file_stays_as_it_is(tmp_path):
    path = fc.write_scenario(silent(time=CLOCK), tmp_path)
    text = path.read_text(encoding="utf-8")
    problem = fc.load_scenario(path)
    day = fc.forecast(problem, known(), **QUICK)
    assert fc.write_scenario(problem, tmp_path).read_text(encoding="utf-8") == text
    written = fc.load_scenario(fc.write_scenario(day.scenario, tmp_path / "taken"))
    assert written == day.scenario == with_default_effects(written)
    assert fc.load(day.save(tmp_path / "day.nc")).scenario == day.scenario


def test_a_check_says_what_is_taken_and_what_is_stated():
    left = str(check(silent(), draws=20)).replace(DASH, "-").replace(GAP, " ")
    assert "together in 10-70 % of cases (ours)  sign_0, sign_1, sign_2  storm" in left
    assert "The scenario says nothing of those marked as ours; it should." in left
    stated = str(check(silent(independent=[("sign_0", "sign_1", "sign_2")]), draws=20))
    assert "independent (stated)  sign_0, sign_1, sign_2" in stated
    assert "(ours)" not in stated
    shared = (
        str(check(signs_of(TABLE, n=3, time=CLOCK), draws=20)).replace(DASH, "-").replace(GAP, " ")
    )
    assert "together in 20-70 % of steps (stated)  sign_0, sign_1, sign_2  storm" in shared


def test_a_product_says_what_is_taken_of_which_indicators():
    day = fc.forecast(silent(time=CLOCK), known(), **QUICK)
    (method,) = [text for item, text in _method_rows(day) if item == "Indicators of one cause"]
    assert "all high or all low in 10–70 % of steps (ours" in method.replace(
        "\N{NO-BREAK SPACE}", " "
    )
    assert method.count("Sign") == 3
    listed = [row for row in default_rows(day.scenario) if "shows together" in row[1]]
    assert [(row[2], row[3]) for row in listed] == [
        ("share of steps: [0.1, 0.7]", f"“{OURS['basis']}”")
    ]
    assert not any(OURS["basis"] in row[3] for row in stated_rows(day.scenario))
    said = fc.forecast(silent(independent=[("sign_0", "sign_1", "sign_2")]), known(), **QUICK)
    assert not any(item == "Indicators of one cause" for item, _ in _method_rows(said))
    assert ("Independent", "", "indicators: [sign_0, sign_1, sign_2]", f"“{BASIS}”") in list(
        stated_rows(said.scenario)
    )
