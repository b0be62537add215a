"""Changed evidence weighs the draws: answers are those of Bayes with the tables averaged out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from forecast.analysis.assumptions import flip_assumptions
from forecast.analysis.sensitivity import variance_shares
from forecast.errors import ImpossibleEvidence, InputError, UnreliableWeights
from forecast.estimate import Estimate
from forecast.evidence.ledger import Evidence
from forecast.model.builder import compile_tables
from forecast.network.structure import Block, Network, Node
from forecast.posterior.answer import Answer, summarize
from forecast.posterior.belief_state import keeping_messages
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.prior import beliefs_at_start, draw_priors, prior_beliefs
from forecast.testing.networks import enumerate_answer
from tests.network.test_published import asia
from tests.rivals import random_network
from tests.small import START, barometer_report, evidence, probability, rows, weather

SAMPLE = ("chain", "draw")
EXACT = 1e-10


NETWORKS = {
    "asia": asia,
    "seven": lambda: random_network(np.random.default_rng(4), 7),
    "nine": lambda: random_network(np.random.default_rng(11), 9),
}


def findings(beliefs: Beliefs, kind: str) -> Beliefs:
    """Evidence on the last variables: hard on one, likelihoods on another."""
    names = beliefs.network.names
    given = "xray" if "xray" in names else names[-1]
    hard = beliefs.set_evidence({given: beliefs.network.node(given).states[-1]})
    if kind == "hard":
        return hard
    states = beliefs.network.node(names[-2]).states
    return hard.virtual_evidence(names[-2], {state: 1.0 + 2 * k for k, state in enumerate(states)})


@pytest.mark.parametrize("concentration", [5, 10, 50])
@pytest.mark.parametrize("kind", ["hard", "virtual"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_mean_of_an_answer_is_the_probability(name, kind, concentration):
    """Rows are independent and a history uses each once: mean tables give the exact answer."""
    network = NETWORKS[name]()
    at_means = findings(network.beliefs(draws=1), kind)
    given = findings(
        network.with_concentration(concentration).beliefs(draws=2000, random_seed=3), kind
    )
    for variable in network.variables:
        exact = at_means.posterior(variable).to_numpy()[0, 0]
        answer = given.posterior(variable)
        mean = answer.mean(SAMPLE)
        weight = answer["weight"] / answer["weight"].sum()
        error = np.sqrt((weight * weight * (answer.unweighted() - mean) ** 2).sum(SAMPLE))
        # Some 130 comparisons in all: one in ten such runs has one beyond three errors.
        limit = 4
        if (name, kind, variable) == ("asia", "hard", "lung"):
            assert exact[1] == pytest.approx(0.4887, abs=5e-5)
            limit = 3
        assert (np.abs(mean.to_numpy() - exact) <= limit * error.to_numpy() + 1e-12).all()


def test_weights_know_no_order_and_withdrawal_leaves_no_trace():
    before = asia().with_concentration(10).beliefs(draws=200)
    ratios = {"no": 0.2, "yes": 0.7}
    one = before.set_evidence({"xray": "yes"}).virtual_evidence("dysp", ratios)
    two = before.virtual_evidence("dysp", ratios).set_evidence({"xray": "yes"})
    np.testing.assert_array_equal(one.log_weights, two.log_weights)
    back = one.erase_evidence("dysp").erase_evidence("xray")
    np.testing.assert_allclose(back.log_weights, before.log_weights, atol=1e-12)
    assert "weight" not in back.posterior("lung").coords
    assert (before.log_weights == 0).all()
    assert before.effective_draws == pytest.approx(200)
    assert 10 < one.effective_draws < 200


def hidden_weather(levels=(0.1, 0.35, 0.8)) -> tuple[Network, np.ndarray]:
    """Two variables through time, and every table of a grid: nothing is sampled."""
    nodes = (
        Node("rain", ("no", "yes"), Block((), 0), Block((("rain", 1),), 2)),
        Node("seen", ("no", "yes"), Block((("rain", 0),), 6), Block((("rain", 0),), 6)),
    )
    first, stay, come, hit = np.array(np.meshgrid(*[levels] * 4)).reshape(4, -1)
    rows = [first, stay, come, hit / 3, hit]
    return Network(nodes, 10, dynamic=True), np.array([v for p in rows for v in (1 - p, p)])


def brute(network, theta, like, regimes=None, weight=None):
    """Marginals by enumeration of histories and tables, and the weight of every table."""
    found = [
        enumerate_answer(network, theta[..., k], like, regimes) for k in range(theta.shape[-1])
    ]
    if weight is None:
        weight = np.exp([each.log_evidence for each in found])
    weight = weight / weight.sum()
    marginals = np.sum([w * each.marginals for w, each in zip(weight, found, strict=True)], axis=0)
    return marginals, weight, found


def test_a_dynamic_network_against_every_history_and_table():
    network, theta = hidden_weather()
    start = network.no_evidence(4)
    given = Beliefs.of(network, theta, start, now=2)
    asked = given.set_evidence({"seen": "yes"}, 0).virtual_evidence(
        "seen", {"no": 0.3, "yes": 0.9}, 2
    )
    like = asked.log_like[..., 0]
    marginals, weight, found = brute(network, theta, like)
    smoothed = asked.posteriors(view="smoothed").mean(SAMPLE)
    np.testing.assert_allclose(smoothed, marginals, atol=EXACT)
    np.testing.assert_allclose(
        asked.posteriors()["weight"][0, :, -1] / theta.shape[1], weight, atol=EXACT
    )
    for step in range(4):
        known = np.where(np.arange(4)[:, None] <= step, like, 0.0)
        filtered = asked.posterior("rain", step).mean(SAMPLE)
        np.testing.assert_allclose(filtered, brute(network, theta, known)[0][step, :2], atol=EXACT)
        np.testing.assert_allclose(asked.posterior("rain").mean(SAMPLE)[step], filtered, atol=EXACT)
    ever = [(each.histories[:, 1:, 0] == 1).any(axis=1) @ each.probability for each in found]
    reached = asked.at_least_once([("rain", "yes")], 1, 3).isel(time=-1)
    assert reached.mean().item() == pytest.approx(weight @ ever, abs=EXACT)
    assert summarize(reached)["mean"].item() == pytest.approx(weight @ ever, abs=EXACT)
    prior = replace(Beliefs.of(network, theta, like, now=2), sample="prior")
    np.testing.assert_allclose(
        prior.posteriors(view="smoothed").mean(SAMPLE), marginals, atol=EXACT
    )


def possible_alone(network, theta, like):
    """Marginals by enumeration, over those tables alone that can produce the evidence."""
    weight = np.exp([enumerate_answer(network, each, like).log_evidence for each in theta.T])
    return brute(network, theta[:, weight > 0], like, weight=weight[weight > 0])


@pytest.mark.parametrize("sample", ["posterior", "prior"])
def test_draws_that_cannot_produce_the_evidence_weigh_nothing(sample):
    """Some tables of the grid rule out what is found, at once or only together with the past."""
    network, theta = hidden_weather((0.0, 0.4, 1.0))
    given = replace(Beliefs.of(network, theta, network.no_evidence(4), now=2), sample=sample)
    asked = given.set_evidence({"seen": "yes"}, 0).virtual_evidence("rain", {"no": 1.0}, 1)
    asked = asked.virtual_evidence("seen", {"no": 0.0, "yes": 0.3}, 2)
    like = asked.log_like[..., 0]
    marginals, weight, found = possible_alone(network, theta, like)
    assert 0 < len(weight) < theta.shape[1]
    smoothed = asked.posteriors(view="smoothed")
    np.testing.assert_allclose(smoothed.mean(SAMPLE), marginals, atol=EXACT)
    impossible = np.isneginf(asked.log_weights.to_numpy())
    assert impossible.sum() == theta.shape[1] - len(weight)
    np.testing.assert_array_equal(np.isnan(smoothed[:, :, 0, 0]), impossible)
    np.testing.assert_array_equal(smoothed["weight"] == 0, impossible)
    for step in range(4):
        known = np.where(np.arange(4)[:, None] <= step, like, 0.0)
        exact, *_ = possible_alone(network, theta, known)
        filtered = asked.posterior("rain").mean(SAMPLE)[step]
        np.testing.assert_allclose(filtered, exact[step, :2], atol=EXACT)
    reached = asked.at_least_once([("rain", "yes")], 1, 3).isel(time=-1)
    ever = [(each.histories[:, 1:, 0] == 1).any(axis=1) @ each.probability for each in found]
    assert Estimate.of(reached).mean == pytest.approx(weight @ ever, abs=EXACT)
    history = asked.most_probable_history(["rain"], 1, 1)
    assert (history.to_numpy()[~impossible] == "no").all()
    assert np.isnan(history["probability"].to_numpy()[impossible]).all()
    np.testing.assert_array_equal(
        np.isnan(asked.cell_sensitivity({"rain": "yes"})[..., 0]), impossible
    )


def test_what_no_draw_can_produce_is_refused():
    network, theta = hidden_weather((0.0, 0.4, 1.0))
    given = Beliefs.of(network, theta, network.no_evidence(3))
    with pytest.raises(ImpossibleEvidence, match=r"conflict are findings on rain at 1$"):
        given.set_evidence({"rain": "yes"}, 1).set_evidence({"rain": "no"}, 1).posterior("seen")
    # Two kinds of draws, each of which can produce one of two findings only.
    coin = Network((Node("coin", ("heads", "tails"), Block((), 0), None),), 2, dynamic=False)
    made_under = coin.no_evidence(1)
    made_under[0, 0] = -np.inf
    sided = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert Beliefs.of(coin, sided, made_under).posterior("coin").mean(SAMPLE).to_numpy()[1] == 1
    with pytest.raises(ImpossibleEvidence, match="findings on coin"):
        Beliefs.of(coin, sided, made_under).erase_evidence("coin").set_evidence(
            {"coin": "heads"}
        ).posterior("coin")


def test_total_probability_over_evidence_that_is_set():
    network, theta = hidden_weather()
    given = Beliefs.of(network, theta, network.no_evidence(4), now=0).set_evidence(
        {"seen": "yes"}, 1
    )
    courses = [("seen", "yes")]
    parts = given.at_least_once_given(["rain"], courses, 2, 1).mean(SAMPLE)
    probability = given.posterior("rain", 2, view="smoothed").mean(SAMPLE)
    whole = given.at_least_once(courses, 1).isel(time=-1).mean(SAMPLE)
    assert (parts.to_numpy() @ probability.to_numpy()) == pytest.approx(whole.item(), abs=EXACT)
    each_set = [given.set_evidence({"rain": state}, 2) for state in ("no", "yes")]
    each = [b.at_least_once(courses, 1).isel(time=-1).mean(SAMPLE).item() for b in each_set]
    np.testing.assert_allclose(parts, each, atol=EXACT)


def test_flipped_assumptions_add_up_to_the_course():
    body = weather(dynamic=False).model_dump()
    body["variables"]["season"] = {
        "role": "factor",
        "label": "Season",
        "states": ("summer", "winter"),
        "table": rows(({}, probability(winter=(0.2, 0.7)))),
        "assumption": "summer",
    }
    body["variables"]["storm"]["table"] = rows(
        ({"season": "summer"}, probability(storm=(0.05, 0.3))),
        ({"season": "winter"}, probability(storm=(0.2, 0.7))),
    )
    scenario = type(weather()).model_validate(body)
    prior = beliefs_at_start(scenario, draw_priors(compile_tables(scenario).priors, 500, 2))
    (row,) = flip_assumptions(scenario, prior, prior.times[0]).itertuples()
    whole = prior.union([("storm", "storm")]).mean().item()
    parts = row.holds * row.if_holds + (1 - row.holds) * row.otherwise
    assert parts == pytest.approx(whole, abs=1e-12)
    assert row.change == pytest.approx(row.otherwise - row.if_holds, abs=1e-15)
    assert row.change_lower < row.change < row.change_upper


def test_interventions_weigh_nothing_and_what_is_seen_under_them_does():
    """P(end | do(act)) is the sum over findings of P(finding | do) P(end | finding, do)."""
    nodes = (
        Node("cause", ("no", "yes"), Block((), 0), None),
        Node("act", ("no", "yes"), Block((("cause", 0),), 2), None),
        Node("end", ("no", "yes"), Block((("cause", 0), ("act", 0)), 6), None),
        Node("sign", ("no", "yes"), Block((("end", 0),), 14), None),
    )
    network = Network(nodes, 18, dynamic=False)
    rng = np.random.default_rng(6)
    probabilities = rng.beta(0.8, 0.8, (9, 60))
    theta = np.stack([1 - probabilities, probabilities], axis=1).reshape(18, -1)
    given = Beliefs.of(network, theta).set_evidence({"cause": "yes"})
    done = given.intervene({"act": "yes"})
    np.testing.assert_array_equal(done.log_weights, given.log_weights)
    end = done.posterior("end").mean(SAMPLE)
    probability = done.posterior("sign").mean(SAMPLE)
    parts = [done.set_evidence({"sign": s}).posterior("end").mean(SAMPLE) for s in ("no", "yes")]
    total = probability[0].item() * parts[0] + probability[1].item() * parts[1]
    np.testing.assert_allclose(total, end, atol=EXACT)
    # Seen first: the sign tells of the tables as it does where nobody acts.
    seen = given.set_evidence({"sign": "yes"})
    np.testing.assert_array_equal(seen.intervene({"act": "yes"}).log_weights, seen.log_weights)
    cut = theta.copy()
    cut[[2, 4]], cut[[3, 5]] = 0.0, 1.0
    like = seen.log_like[..., 0]
    for asked, weighing in ((seen.intervene({"act": "yes"}), theta), (done, cut)):
        weight = np.exp([enumerate_answer(network, t, like).log_evidence for t in weighing.T])
        asked = asked if weighing is theta else asked.set_evidence({"sign": "yes"})
        expected, _, _ = brute(network, cut, like, weight=weight)
        np.testing.assert_allclose(
            asked.posterior("end").mean(SAMPLE), expected[0, 4:6], atol=EXACT
        )
        np.testing.assert_allclose(
            asked.erase_evidence("sign").log_weights, given.log_weights, atol=1e-12
        )


def test_draws_of_the_prior_weigh_by_the_reports():
    scenario, known = weather(dynamic=False), evidence(barometer_report("R1", "low"))
    given = prior_beliefs(scenario, known, draws=500, random_seed=1)
    np.testing.assert_array_equal(given.log_weights, given.log_evidence())
    by_hand = np.exp(given.log_evidence().to_numpy().ravel())
    draws = given.posterior("storm").sel(state="storm")
    mean = np.average(draws.to_numpy().ravel(), weights=by_hand)
    assert Estimate.of(draws).mean == pytest.approx(mean, abs=1e-12)
    nothing = prior_beliefs(scenario, Evidence(START), draws=50, random_seed=1)
    assert "weight" not in nothing.posterior("storm").coords


# ── answers ───────────────────────────────────────────────────────────────────────────────────


def two_answers() -> tuple[Answer, Answer]:
    given = asia().with_concentration(10).beliefs(draws=50)
    return given.set_evidence({"xray": "yes"}).posterior("lung"), given.posterior("lung")


def test_averages_of_an_answer_are_weighted():
    answer, _ = two_answers()
    values, weight = answer.to_numpy().reshape(-1, 2), answer["weight"].to_numpy().ravel()
    mean = np.average(values, axis=0, weights=weight)
    np.testing.assert_allclose(answer.mean(SAMPLE), mean)
    np.testing.assert_allclose(answer.mean(), mean.mean())
    np.testing.assert_allclose(answer.mean("draw").mean("chain"), mean)
    deviation = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weight))
    np.testing.assert_allclose(answer.std(SAMPLE), deviation)
    np.testing.assert_allclose(answer.var(SAMPLE), deviation**2)
    assert answer.quantile([0.1, 0.9], SAMPLE).dims == ("quantile", "state")
    np.testing.assert_allclose(answer.median(SAMPLE), answer.quantile(0.5, SAMPLE))
    estimate = Estimate.of(answer.sel(state="yes"))
    ends = answer.sel(state="yes").quantile([0.05, 0.95]).to_numpy()
    assert (estimate.lower, estimate.upper) == pytest.approx(tuple(ends))
    table = summarize(answer)
    assert table.loc["yes", "mean"] == estimate.mean
    with pytest.raises(InputError, match="weighted draws have no count"):
        answer.std(SAMPLE, ddof=1)
    with pytest.raises(InputError, match="no form for draws of different weights"):
        answer.sum("draw")
    assert answer.sum("state").mean() == pytest.approx(1)


def test_weighted_quantiles_of_equal_weights_are_those_of_numpy():
    rng = np.random.default_rng(1)
    values = rng.random((1, 37))
    alike = Answer(values, dims=SAMPLE, coords={"weight": (SAMPLE, np.ones((1, 37)))})
    levels = [0.0, 0.05, 0.31, 0.5, 1.0]
    np.testing.assert_allclose(alike.quantile(levels), np.quantile(values, levels), atol=1e-12)
    # A draw that counts twice is two draws of half the weight.
    weight = rng.integers(1, 3, 37).astype(float)
    twice = np.repeat(values[0], weight.astype(int))
    assert Estimate.weighted(values, weight).mean == pytest.approx(twice.mean())


def test_arithmetic_keeps_weights_and_refuses_those_of_other_evidence():
    answer, other = two_answers()
    plain = xr.DataArray(answer.to_numpy(), dims=answer.dims)
    level = plain.isel(chain=0, draw=0)
    for found in (
        1 - answer,
        answer > 0.5,
        -answer,
        np.log(answer),
        level - answer,
        answer + answer,
    ):
        assert isinstance(found, Answer)
        assert (found["weight"] == answer["weight"]).all()
    for wrong in (
        lambda: answer - other,
        lambda: other - answer,
        lambda: plain - answer,
        lambda: plain < answer,
        lambda: np.add(plain, answer),
        lambda: answer.where(other > 0.5),
    ):
        with pytest.raises(InputError, match="rest on different evidence"):
            wrong()
    difference = answer.unweighted() - other
    assert "weight" not in difference.coords


def test_no_method_of_xarray_loses_the_weights_in_silence():
    """Whatever comes back with all draws is weighted, or is a plain array of another kind."""
    answer, _ = two_answers()
    ways = {"astype": (float,), "clip": (0.1, 0.9), "fillna": (0.0,), "isin": ([0.5],)}
    ways |= {"where": (answer > 0.5,), "round": (2,), "rename": ("p",), "assign_attrs": ()}
    ways |= {"copy": (), "isnull": (), "notnull": (), "transpose": (), "squeeze": ()}
    ways |= {"sel": ({"state": "yes"},), "expand_dims": ("k",), "cumsum": ("state",), "load": ()}
    ways |= {"max": ("state",), "diff": ("state",), "shift": (), "pipe": (abs,)}
    ways |= {"drop_vars": ("state",), "dropna": ("state",), "sortby": ("state",), "conj": ()}
    for name, arguments in ways.items():
        found = getattr(answer, name)(*arguments)
        assert isinstance(found, Answer), name
        assert "weight" in found.coords, name


def test_few_effective_draws_are_warned_of():
    given = asia().with_concentration(3).beliefs(draws=400)
    rare = given.set_evidence({"asia": "yes", "tub": "yes", "xray": "no"})
    with pytest.warns(UnreliableWeights, match="400 draws are worth"):
        rare.posterior("lung")
    assert rare.effective_draws < 40


def test_shares_of_weighted_draws_are_those_of_what_they_stand_for():
    x = np.random.default_rng(1).normal(scale=1.5, size=(4, 60_000))
    weights = np.array([3.0, 2.0, 1.0, 0.0])
    log_ratio = (x**2 * (1 / 1.5**2 - 1) / 2).sum(axis=0)
    found = variance_shares(x, weights @ x, np.exp(log_ratio))
    assert found == pytest.approx(weights**2 / 14, abs=0.015)


def test_an_input_ahead_of_the_evidence_that_is_set_otherwise_cannot_be():
    """What draws set inputs to says nothing; what is added to it does."""
    act = Node("act", ("no", "yes"), None, None)
    storm = Node(
        "storm",
        ("calm", "storm"),
        Block((("act", 0),), 0),
        Block((("act", 0), ("storm", 1)), 4),
    )
    network = Network((act, storm), n_cells=12, dynamic=True)
    theta = np.tile([[0.7], [0.3]], (6, 5))
    like = network.no_evidence(3)
    like[:, network.state("act", "yes")] = -np.inf
    beliefs = Beliefs.of(network, theta, like, now=0)
    assert (beliefs.log_evidence() == 0).all()
    with pytest.raises(ImpossibleEvidence, match="act at 2"):
        beliefs.set_evidence({"act": "yes"}, 2).posterior("storm")


def test_beliefs_that_keep_messages_answer_as_others_do():
    """Whatever is asked first, and whatever is set, erased or forced after the past was kept."""
    network, theta = hidden_weather()
    like = network.no_evidence(6)
    like[1, network.state("seen", "yes")] = np.log(3.0)
    plain = Beliefs.of(network, theta, like, now=2)
    keeping = keeping_messages(plain)
    [name], seen = network.interface, {"seen": "yes"}
    state = network.node(name).states[-1]
    changes = [
        lambda found: found,
        lambda found: found.set_evidence(seen, 2),
        lambda found: found.erase_evidence("seen", 1),
        lambda found: found.intervene({name: state}, 2),
    ]
    for change in [*changes, *reversed(changes)]:
        for ask in (
            lambda found: found.at_least_once([(name, state)]),
            lambda found: found.held_now_or_next([([(name, state)], [(name, state)])]),
            lambda found: found.posteriors(),
            lambda found: found.posteriors(view="smoothed"),
            lambda found: found.log_evidence(),
        ):
            np.testing.assert_allclose(
                ask(change(keeping)).to_numpy(), ask(change(plain)).to_numpy(), atol=1e-12
            )


def test_beliefs_that_keep_messages_are_forced_where_draws_then_need_parts():
    """An intervention makes tables of every regime, so that fewer draws have room at once."""
    network, theta = hidden_weather()
    tables = np.tile(theta[:, :1], (1, 200))
    plain = Beliefs.of(network, tables, network.no_evidence(6), now=2)
    [name] = network.interface
    state = network.node(name).states[-1]
    limits = (limit for limit in np.geomspace(1e3, 1e8, 400) if _parts(plain, limit) == 1)
    tight = replace(plain, memory_limit=next(limits))
    forced = keeping_messages(tight).intervene({name: state}, 3)
    assert len(list(forced.parts())) > 1
    found = forced.at_least_once([(name, state)]).to_numpy()
    assert (found[..., -1] == 1).all()
    np.testing.assert_allclose(
        forced.posteriors().to_numpy(), plain.intervene({name: state}, 3).posteriors().to_numpy()
    )


def _parts(beliefs: Beliefs, limit: float) -> int:
    return len(list(replace(beliefs, memory_limit=limit).parts()))


def test_a_step_after_the_last_one_is_refused():
    network, theta = hidden_weather()
    beliefs = Beliefs.of(network, theta, network.no_evidence(3))
    [name] = network.interface
    pair = [(name, network.node(name).states[0])]
    with pytest.raises(InputError, match="no step comes after 2"):
        beliefs.held_now_or_next([(pair, pair)])
