"""Every question to a network against the enumeration of all its histories, and its laws."""

from __future__ import annotations

from itertools import product
from math import log2

import numpy as np
import pytest

from forecast.errors import ImpossibleEvidence, InputError
from forecast.network.queries import intervened_tables, rank_probabilities
from forecast.network.structure import Block, Network, Node
from forecast.network.sweep import sweep
from forecast.posterior.beliefs import Beliefs
from forecast.testing.networks import Answer, Case, enumerate_answer, random_tables, static_case
from tests.network.cases import LOOKING_BACK, any_case

SEEDS = [*range(12), *LOOKING_BACK]
TIGHT = 1e-10


def beliefs_about(case: Case, n_draws: int = 1, **changes) -> Beliefs:
    """Beliefs with the case's evidence, the same tables in every draw."""
    theta = changes.pop("theta", np.repeat(case.theta[:, None], n_draws, axis=1))
    return Beliefs.of(case.network, theta, case.log_like, now=0, **changes)


def answer(case: Case) -> Answer:
    return enumerate_answer(case.network, case.theta, case.log_like)


def some_states(case: Case, seed: int, n: int = 2) -> list[tuple[str, str]]:
    rng = np.random.default_rng(seed)
    nodes = rng.choice(len(case.network.nodes), min(n, len(case.network.nodes)), replace=False)
    return [
        (case.network.nodes[k].name, str(rng.choice(case.network.nodes[k].states))) for k in nodes
    ]


def holds(found: Answer, states, step: int):
    """Which histories hold any of the states at a step."""
    network = found.network
    return np.any(
        [
            found.histories[:, step, network.names.index(name)]
            == network.node(name).states.index(state)
            for name, state in states
        ],
        axis=0,
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_first_passage_in_every_window(seed):
    case = any_case(seed)
    found, beliefs = answer(case), beliefs_about(case)
    states = some_states(case, seed)
    for start in range(4):
        ever = np.zeros(len(found.probability), bool)
        expected = []
        for step in range(start, 4):
            ever |= holds(found, states, step)
            expected.append(found.probability[ever].sum())
        reached = beliefs.at_least_once(states, start, 3).to_numpy()[0, 0]
        assert reached == pytest.approx(expected, abs=TIGHT)
        first = beliefs.first_passage(states, start, 3).to_numpy()[0, 0]
        assert first == pytest.approx(np.diff(expected, prepend=0), abs=TIGHT)


@pytest.mark.parametrize("seed", SEEDS)
def test_union_and_expected_steps(seed):
    case = any_case(seed)
    found, beliefs = answer(case), beliefs_about(case)
    states = some_states(case, seed)
    for step in range(4):
        expected = found.probability[holds(found, states, step)].sum()
        assert beliefs.union(states, step).item() == pytest.approx(expected, abs=TIGHT)
    [(name, state), *_] = states
    spent = sum(
        found.probability[holds(found, [(name, state)], step)].sum() for step in range(1, 4)
    )
    assert beliefs.expected_steps(name, state, 1, 3).item() == pytest.approx(spent, abs=TIGHT)


def first_spell_steps(history, state, window) -> int:
    """Steps that the first spell begun in a window lasts within it; 0 if none begins."""
    for step in window:
        if step and history[step] == state != history[step - 1]:
            left = [later for later in range(step, window.stop) if history[later] != state]
            return min([*left, window.stop]) - step
    return 0


WINDOWS = [range(start, stop) for start in range(5) for stop in range(max(start, 1) + 1, 6)]


@pytest.mark.parametrize("with_evidence", [False, True])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_expected_duration_on_a_two_state_chain(window, with_evidence):
    """By going through all 32 histories of each draw, none of the engine's code in it."""
    rng = np.random.default_rng(7)
    rows = rng.dirichlet(np.ones(2), (3, 6))  # first, after no, after yes; six draws
    storm = Node("storm", ("no", "yes"), Block((), 0), Block((("storm", 1),), 2))
    network = Network((storm,), n_cells=6, dynamic=True)
    like = rng.normal(size=(5, 2)) * with_evidence
    spent, begun, total = np.zeros(6), np.zeros(6), np.zeros(6)
    for history in product(range(2), repeat=5):
        weight = rows[0, :, history[0]] * np.exp(like[0, history[0]])
        for step in range(1, 5):
            weight = weight * rows[1 + history[step - 1], :, history[step]]
            weight = weight * np.exp(like[step, history[step]])
        steps = first_spell_steps(history, 1, window)
        spent, begun, total = spent + steps * weight, begun + bool(steps) * weight, total + weight
    theta = rows.transpose(0, 2, 1).reshape(6, 6)
    beliefs = Beliefs.of(network, theta, like, now=0)
    found = beliefs.expected_duration("storm", "yes", window.start, window.stop - 1)
    assert found.dims == ("chain", "draw")
    assert found.to_numpy()[0] == pytest.approx(spent / begun, abs=TIGHT)
    probability = begun / total
    assert found.mean().item() == pytest.approx(
        (spent / begun) @ probability / probability.sum(), abs=TIGHT
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_expected_duration_in_any_network(seed):
    case = any_case(seed)
    found, beliefs = answer(case), beliefs_about(case)
    [(name, state), *_] = some_states(case, seed)
    node = case.network.node(name)
    histories = found.histories[:, :, case.network.names.index(name)]
    for window in (range(1, 4), range(2, 4), range(1, 3)):
        steps = [first_spell_steps(h, node.states.index(state), window) for h in histories]
        begun = found.probability[np.array(steps) > 0].sum()
        expected = found.probability @ steps / begun if begun > 0 else np.nan
        lasts = beliefs.expected_duration(name, state, window.start, window.stop - 1)
        assert lasts.item() == pytest.approx(expected, abs=TIGHT, nan_ok=True)


def test_expected_duration_of_what_cannot_be_entered_or_is_not_there():
    lamp = Node("lamp", ("off", "on"), Block((), 0), Block((("lamp", 1),), 2))
    network = Network((lamp,), n_cells=6, dynamic=True)
    stays = np.array([[0.5, 0.5, 1.0, 0.0, 0.0, 1.0]]).T
    often = np.array([[1.0, 0.0, 0.5, 0.5, 0.5, 0.5]]).T
    theta = np.hstack([stays, often])
    beliefs = Beliefs.of(network, theta, network.no_evidence(3), now=0)
    found = beliefs.expected_duration("lamp", "on")
    assert np.isnan(found.to_numpy()[0, 0])
    assert found.mean().item() == pytest.approx(found.to_numpy()[0, 1], abs=TIGHT)
    never = Beliefs.of(network, stays, network.no_evidence(3), now=0)
    assert np.isnan(never.expected_duration("lamp", "on").mean().item())
    for given, message in [
        (("lump", "on"), "'lump' is unknown"),
        (("lamp", "lit"), "'lit' is not a state of lamp"),
        (("lamp", "on", 7), "7 is no step"),
        (("lamp", "on", 2, 1), "ends at 1, before it starts at 2"),
        (("lamp", "on", 0, 0), "needs a step that has another before it"),
    ]:
        with pytest.raises(InputError, match=message):
            beliefs.expected_duration(*given)
    static = Network((Node("lamp", ("off", "on"), Block((), 0), None),), n_cells=2, dynamic=False)
    with pytest.raises(InputError, match="needs a step that has another before it"):
        Beliefs.of(static, np.array([[0.5, 0.5]]).T).expected_duration("lamp", "on")


@pytest.mark.parametrize("seed", SEEDS)
def test_two_step_joints_are_those_of_all_histories(seed):
    """Of variables that depend on their own state before, and of others."""
    case = any_case(seed)
    answer = enumerate_answer(case.network, case.theta, case.log_like)
    beliefs = Beliefs.of(case.network, case.theta[:, None], case.log_like)
    for k, node in enumerate(case.network.nodes):
        found = beliefs.two_step_joint(node.name)
        assert found.dims == ("chain", "draw", "time", "state", "next_state")
        size = len(node.states)
        for t in range(len(case.log_like) - 1):
            pair = answer.histories[:, t, k] * size + answer.histories[:, t + 1, k]
            expected = np.bincount(pair, answer.probability, size * size).reshape(size, size)
            np.testing.assert_allclose(found.to_numpy()[0, 0, t], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_joints_agree_and_sum_to_marginals(seed):
    case = any_case(seed)
    found, beliefs = answer(case), beliefs_about(case)
    names = case.network.names[:2]
    for step in range(4):
        joint = beliefs.joint(names, step)
        expected = found.joint(step, names)
        assert joint.to_numpy().ravel() == pytest.approx(expected, abs=TIGHT)
        other = list(names[1:])
        marginal = joint.sum(other).to_numpy()[0, 0]
        smoothed = beliefs.posterior(names[0], step, view="smoothed").to_numpy()[0, 0]
        assert marginal == pytest.approx(smoothed, abs=TIGHT)
    best = beliefs.most_probable_states(names, 0, k=3)
    top = np.sort(found.joint(0, names))[::-1][:3]
    assert [probability for _, probability in best] == pytest.approx(top, abs=TIGHT)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("make", [static_case, any_case])
def test_most_probable_history(seed, make):
    case = make(seed)
    found, beliefs = answer(case), beliefs_about(case)
    history = beliefs.most_probable_history().to_numpy()[0, 0]
    codes = np.array(
        [
            [node.states.index(state) for node, state in zip(case.network.nodes, row, strict=True)]
            for row in history
        ]
    )
    same = (found.histories == codes).all(axis=(1, 2))
    assert found.probability[same].sum() == pytest.approx(found.probability.max(), rel=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_information_in_bits(seed):
    case = any_case(seed)
    found, beliefs = answer(case), beliefs_about(case)
    target, step, seen = case.network.names[0], 1, 3
    bits = beliefs.information(target, step, seen)
    column = case.network.names.index(target)
    for v, name in enumerate(case.network.names):
        pair = np.zeros((case.network.sizes[target], case.network.sizes[name]))
        np.add.at(
            pair, (found.histories[:, step, column], found.histories[:, seen, v]), found.probability
        )
        outer = pair.sum(1)[:, None] * pair.sum(0)
        expected = sum(p * log2(p / q) for p, q in zip(pair.flat, outer.flat, strict=True) if p > 0)
        assert bits.sel(variable=name).item() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_information_is_symmetric_and_never_negative(seed):
    beliefs = beliefs_about(static_case(seed))
    names = beliefs.network.names
    table = np.array([beliefs.information(name).to_numpy()[0, 0] for name in names])
    assert table == pytest.approx(table.T, abs=1e-9)
    assert table.min() >= 0
    assert (table <= table.diagonal()[:, None] + 1e-9).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_intervention_is_enumeration_with_a_cut_table(seed):
    case = any_case(seed)
    [(name, state), *_] = some_states(case, seed)
    theta, regimes = intervened_tables(case.network, case.theta[:, None], [(name, state)], 2, 4)
    expected = enumerate_answer(case.network, theta[..., 0], case.log_like, regimes)
    done = beliefs_about(case).intervene({name: state}, 2)
    if expected.log_evidence == -np.inf:
        with pytest.raises(ImpossibleEvidence):
            done.posterior(name)
        return
    for v, other in enumerate(case.network.names):
        found = done.posterior(other, view="smoothed").to_numpy()[0, 0]
        states = slice(*case.network.first_states[v : v + 2])
        assert found == pytest.approx(expected.marginals[:, states], abs=TIGHT)


def two_regimes_later(case: Case, name: str, states: tuple[str, str]) -> Beliefs:
    return beliefs_about(case).intervene({name: states[0]}, 1).intervene({name: states[1]}, 3)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_later_intervention_replaces_an_earlier_one(seed):
    case = any_case(seed, kinds=("none",))
    node = case.network.nodes[0]
    done = two_regimes_later(case, node.name, (node.states[0], node.states[1]))
    found = done.posterior(node.name).to_numpy()[0, 0]
    assert found[1:3, 0] == pytest.approx([1, 1])
    assert found[3, 1] == pytest.approx(1)


def confounded() -> Beliefs:
    """A cause of both the treatment and the outcome."""
    network = Network(
        (
            Node("cause", ("no", "yes"), Block((), 0), None),
            Node("act", ("no", "yes"), Block((("cause", 0),), 2), Block((("cause", 0),), 2)),
            Node("end", ("no", "yes"), Block((("cause", 0), ("act", 0)), 6), None),
        ),
        n_cells=14,
        dynamic=False,
    )
    theta = [0.7, 0.3, 0.9, 0.1, 0.2, 0.8, 0.9, 0.1, 0.8, 0.2, 0.5, 0.5, 0.3, 0.7]
    return Beliefs.of(network, np.array(theta)[:, None])


def test_doing_differs_from_seeing_where_a_confounder_exists():
    """Back-door adjustment by hand: P(end | do(act)) sums over the cause, unweighted by act."""
    beliefs = confounded()
    done = beliefs.intervene({"act": "yes"}).posterior("end").sel(state="yes").item()
    seen = beliefs.set_evidence({"act": "yes"}).posterior("end").sel(state="yes").item()
    assert done == pytest.approx(0.7 * 0.2 + 0.3 * 0.7, abs=TIGHT)
    by_cause = np.array([0.7 * 0.1, 0.3 * 0.8])
    assert seen == pytest.approx(by_cause @ [0.2, 0.7] / by_cause.sum(), abs=TIGHT)
    assert abs(done - seen) > 0.1


def test_doing_equals_seeing_at_a_root():
    case = static_case(3)
    root = next(n for n in case.network.nodes if n.first is not None and not n.first.parents)
    network = Network(
        tuple(Node(n.name, n.states, n.first, n.first) for n in case.network.nodes),
        case.network.n_cells,
        dynamic=False,
    )
    beliefs = Beliefs.of(network, case.theta[:, None])
    done, seen = (
        beliefs.intervene({root.name: root.states[0]}),
        beliefs.set_evidence({root.name: root.states[0]}),
    )
    for name in network.names:
        assert done.posterior(name).to_numpy() == pytest.approx(
            seen.posterior(name).to_numpy(), abs=TIGHT
        )


@pytest.mark.parametrize("seed", SEEDS)
def test_evidence_then_its_withdrawal_leaves_no_trace(seed):
    case = any_case(seed, kinds=("none",))
    before = beliefs_about(case)
    [(name, state), (other, _)] = some_states(case, seed)
    likelihood = dict.fromkeys(case.network.node(other).states, 0.25)
    after = (
        before.set_evidence({name: state}, 2)
        .erase_evidence(name, 2)
        .virtual_evidence(other, likelihood, 1)
    )
    for each in case.network.names:
        found = after.posterior(each, view="smoothed").to_numpy()
        assert found == pytest.approx(before.posterior(each, view="smoothed").to_numpy(), abs=TIGHT)
    assert (after.erase_evidence(other, 1).added == before.added).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_order_of_evidence_never_matters(seed):
    case = any_case(seed, kinds=("none",))
    [(name, state), (other, _)] = some_states(case, seed)
    ratio = {s: 1.0 + k for k, s in enumerate(case.network.node(other).states)}
    one = beliefs_about(case).set_evidence({name: state}, 1).virtual_evidence(other, ratio, 2)
    two = beliefs_about(case).virtual_evidence(other, ratio, 2).set_evidence({name: state}, 1)
    assert (one.added == two.added).all()


def assert_differences(case: Case, derivative, seed: int, probability) -> None:
    """By some cells, derivatives of what the enumeration finds are its central differences."""
    rng = np.random.default_rng(seed)
    for cell in rng.choice(np.flatnonzero(case.theta > 0), 6):
        ends = []
        for step in (1e-6, -1e-6):
            theta = case.theta.copy()
            theta[cell] += step
            ends.append(probability(enumerate_answer(case.network, theta, case.log_like)))
        assert derivative[cell] == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-6)


@pytest.mark.parametrize("seed", SEEDS)
def test_cell_sensitivity_equals_finite_differences(seed):
    case = any_case(seed, kinds=("likelihood", "none"))
    [(name, state), *_] = some_states(case, seed)
    derivative = beliefs_about(case).cell_sensitivity({name: state}, 2).to_numpy()[0, 0]
    assert_differences(
        case,
        derivative,
        seed,
        lambda found: found.probability[holds(found, [(name, state)], 2)].sum(),
    )


@pytest.mark.parametrize("make", [static_case, any_case])
@pytest.mark.parametrize("seed", SEEDS)
def test_passage_sensitivity_equals_finite_differences(make, seed):
    case = make(seed, kinds=("likelihood", "none")) if make is any_case else make(seed)
    states = some_states(case, seed)
    beliefs = beliefs_about(case)
    window = range(min(1, len(case.log_like) - 1), len(case.log_like))
    derivative = beliefs.passage_sensitivity(states, window[0], window[-1]).to_numpy()[0, 0]

    def ever(found: Answer) -> float:
        seen = [holds(found, states, step) for step in window]
        return found.probability[np.any(seen, axis=0)].sum()

    assert_differences(case, derivative, seed, ever)


def test_evidence_of_any_draw_counts_for_a_union():
    """The part of the network that is looked at must not be chosen by the first draw alone."""
    beliefs = confounded()
    like = np.zeros((1, 6, 2))
    like[0, beliefs.network.state("end", "no"), 1] = -np.inf
    asked = Beliefs.of(beliefs.network, beliefs.theta, like)
    expected = asked.posterior("cause").sel(state="yes")
    np.testing.assert_allclose(asked.union([("cause", "yes")]), expected, atol=1e-12)
    assert abs(expected[0, 0] - expected[0, 1]) > 0.1


def test_an_input_against_its_setting_is_blamed():
    nodes = (
        Node("mode", ("a", "b"), None, None),
        Node("x", ("no", "yes"), Block((("mode", 0),), 0), None),
    )
    network = Network(nodes, n_cells=4, dynamic=False)
    like = np.array([[0.0, -np.inf, 0.0, 0.0]])
    beliefs = Beliefs.of(network, np.array([[0.5, 0.5, 0.1, 0.9]]).T, like)
    asked = beliefs.set_evidence({"mode": "b"}).set_evidence({"x": "yes"})
    with pytest.raises(ImpossibleEvidence, match=r"findings on mode$"):
        asked.posterior("x")


@pytest.mark.parametrize(
    ("theta", "like", "message"),
    [
        (np.ones((3, 1)), np.zeros((1, 6)), r"theta: shape \(3, 1\); needs \(14, draws\)"),
        (np.ones((14, 0)), np.zeros((1, 6)), "at least one draw"),
        (np.full((14, 1), np.nan), np.zeros((1, 6)), "finite and not negative"),
        (np.ones((14, 2)), np.zeros((1, 5)), "log_like: shape"),
        (np.ones((14, 2)), np.full((1, 6), np.nan), "numbers or minus infinity"),
        (np.ones((14, 2)), np.zeros((1, 6, 3)), "3 draws; the tables have 2"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(theta, like, message):
    with pytest.raises(InputError, match=message):
        Beliefs.of(confounded().network, theta, like)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"now": 1}, "now: 1 is not one of the 1 steps"),
        ({"shape": (3, 3)}, "there are 1 draws in all"),
        ({"times": ("a", "b")}, "times: 2 labels; needs 1"),
    ],
)
def test_labels_that_do_not_fit_are_refused(more, message):
    beliefs = confounded()
    with pytest.raises(InputError, match=message):
        Beliefs.of(beliefs.network, beliefs.theta, **more)


def test_the_loops_are_never_given_arrays_that_do_not_fit():
    case = any_case(0)
    theta, like = case.theta[:, None], case.log_like
    with pytest.raises(InputError, match="theta"):
        sweep(case.network, theta[:-1], like, "smoothed")
    with pytest.raises(InputError, match="log_like"):
        sweep(case.network, theta, like[:, :-1], "smoothed")
    with pytest.raises(InputError, match="regimes: one number below 1 for each of 4 steps"):
        sweep(case.network, theta, like, "smoothed", regimes=np.array([0, 0, 1, 0]))


def test_answers_carry_chains_and_draws():
    case = any_case(1)
    rng = np.random.default_rng(0)
    theta = np.stack([random_tables(rng, case.network) for _ in range(6)], axis=1)
    beliefs = beliefs_about(case, theta=theta, shape=(2, 3))
    name = case.network.names[0]
    found = beliefs.posterior(name)
    assert found.dims == ("chain", "draw", "time", "state")
    assert found.shape[:3] == (2, 3, 4)
    for draw in range(6):
        alone = beliefs_about(Case(case.network, theta[:, draw], case.log_like))
        expected = alone.posterior(name).to_numpy()[0, 0]
        assert found[divmod(draw, 3)].to_numpy() == pytest.approx(expected, abs=1e-14)


def test_what_cannot_happen_has_a_probability_of_plain_zero():
    """A negative zero would be printed as "-0 %"."""
    network = Network((Node("war", ("no", "yes"), Block((), 0), None),), 2, dynamic=False)
    beliefs = Beliefs.of(network, np.array([[1.0], [0.0]]))
    never = beliefs.union([("war", "yes")]).to_numpy()
    assert not never.any()
    assert not np.signbit(never).any()


def test_impossible_evidence_always_raises():
    """Even when the question is about a variable that the conflict does not touch."""
    network = Network(
        (
            Node("asia", ("no", "yes"), Block((), 0), None),
            Node("tub", ("no", "yes"), Block((), 2), None),
            Node("either", ("no", "yes"), Block((("tub", 0),), 4), None),
        ),
        n_cells=8,
        dynamic=False,
    )
    theta = np.array([0.99, 0.01, 0.95, 0.05, 1, 0, 0, 1.0])[:, None]
    beliefs = Beliefs.of(network, theta).set_evidence({"tub": "yes", "either": "no"})
    with pytest.raises(ImpossibleEvidence, match="findings on tub, either"):
        beliefs.posterior("asia")


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda b: b.set_evidence({"act": "maybe"}), "'maybe' is not a state of act"),
        (lambda b: b.posterior("ending"), "did you mean 'end'"),
        (lambda b: b.posterior("end", "tomorrow"), "'tomorrow' is no step"),
        (lambda b: b.virtual_evidence("act", {"no": -1.0}), "not negative"),
        (lambda b: b.virtual_evidence("act", {"maybe": 1.0}), "'maybe' is not a state of act"),
        (lambda b: b.intervene({"act": "perhaps"}), "'perhaps' is not a state of act"),
        (lambda b: b.union([]), "at least one is needed"),
        (lambda b: b.joint(["act", "act"]), "none of them twice"),
        (lambda b: b.posterior("act", view="zzz"), "legal: filtered, smoothed"),
        (lambda b: b.simulate(0, 0), "n: 0; needs a whole number of at least 1"),
        (lambda b: b.virtual_evidence("act", {"no": "much"}), "needs a mapping of text to number"),
        (lambda b: b.intervene({"act": "yes"}).simulate(3, 0), "not available after"),
    ],
)
def test_unknown_names_are_errors(ask, message):
    with pytest.raises(InputError, match=message):
        ask(confounded())


def test_ranks_are_distributions():
    draws = np.random.default_rng(2).random((4, 500))
    ranks = rank_probabilities(draws)
    assert ranks.sum(axis=0) == pytest.approx(np.ones(4))
    assert ranks.sum(axis=1) == pytest.approx(np.ones(4))
    assert ranks[0, 0] == pytest.approx((draws.argmax(axis=0) == 0).mean())


def test_simulated_histories_follow_the_network():
    beliefs = confounded()
    histories = beliefs.simulate(4000, random_seed=8)
    share = (histories.sel(variable="end") == "yes").mean().item()
    expected = beliefs.posterior("end").sel(state="yes").item()
    assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / 4000)
