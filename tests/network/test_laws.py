"""Laws that hold between answers, whatever the network: no number is known beforehand."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from forecast.interchange.tabled import TabledNetwork
from forecast.posterior.beliefs import Beliefs
from tests.rivals import Array, random_network, random_rows

SEEDS = range(8)
TIGHT = 1e-12


def random_beliefs(seed: int, n_variables: int = 7, n_draws: int = 3) -> Beliefs:
    """A random network without evidence, its rows uncertain."""
    network = random_network(np.random.default_rng([seed, n_variables]), n_variables)
    theta = network.with_concentration(15.0).draw_tables(n_draws, seed)
    return Beliefs.of(network.network, theta)


def all_answers(beliefs: Beliefs) -> Array:
    """Log evidence and every marginal, for every draw."""
    marginals = [beliefs.posterior(name).to_numpy()[0] for name in beliefs.network.names]
    return np.hstack([beliefs.log_evidence().to_numpy()[0][:, None], *marginals])


def a_state(beliefs: Beliefs, name: str, k: int = 0) -> dict[str, str]:
    return {name: beliefs.network.node(name).states[k]}


def a_likelihood(beliefs: Beliefs, name: str, rng: np.random.Generator) -> dict[str, float]:
    states = beliefs.network.node(name).states
    return dict(zip(states, rng.uniform(0.05, 2.0, len(states)).tolist(), strict=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_order_of_evidence_gives_the_same_answers(seed):
    """Two findings are about one variable, so that their product is formed in either order."""
    beliefs, rng = random_beliefs(seed), np.random.default_rng(seed)
    one, two, three, *_ = beliefs.network.names
    weights = [(name, a_likelihood(beliefs, name, rng)) for name in (one, two, two)]
    findings = [
        lambda b: b.set_evidence(a_state(beliefs, three)),
        *(
            lambda b, name=name, ratios=ratios: b.virtual_evidence(name, ratios)
            for name, ratios in weights
        ),
    ]
    answers = []
    for order in permutations(findings):
        found = beliefs
        for finding in order:
            found = finding(found)
        answers.append(all_answers(found))
    for answer in answers[1:]:
        np.testing.assert_allclose(answer, answers[0], rtol=0, atol=TIGHT)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_likelihood_of_one_says_nothing(seed):
    beliefs = random_beliefs(seed)
    for name in beliefs.network.names:
        same = beliefs.virtual_evidence(name, dict.fromkeys(beliefs.network.node(name).states, 1.0))
        assert (same.log_like == beliefs.log_like).all()
        assert (all_answers(same) == all_answers(beliefs)).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_only_ratios_of_likelihoods_matter(seed):
    """A common factor goes into the log evidence and nowhere else."""
    beliefs = random_beliefs(seed)
    name = beliefs.network.names[0]
    ratios = a_likelihood(beliefs, name, np.random.default_rng(seed))
    plain = beliefs.virtual_evidence(name, ratios)
    scaled = beliefs.virtual_evidence(
        name, {state: 1e-6 * ratio for state, ratio in ratios.items()}
    )
    expected = all_answers(plain)
    expected[:, 0] += np.log(1e-6)
    np.testing.assert_allclose(all_answers(scaled), expected, rtol=0, atol=TIGHT)


@pytest.mark.parametrize("seed", SEEDS)
def test_erased_evidence_gives_the_same_numbers_back(seed):
    """To the last bit, with other evidence standing."""
    beliefs, rng = random_beliefs(seed), np.random.default_rng(seed)
    first, second, third, *_ = beliefs.network.names
    standing = beliefs.virtual_evidence(third, a_likelihood(beliefs, third, rng))
    added = standing.set_evidence(a_state(beliefs, first)).virtual_evidence(
        second, a_likelihood(beliefs, second, rng)
    )
    assert (all_answers(added) != all_answers(standing)).any()
    assert (
        all_answers(added.erase_evidence(first).erase_evidence(second)) == all_answers(standing)
    ).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_evidence_follows_bayes(seed):
    """P(a, b) is P(a) P(b | a), and setting a lowers the log evidence by log P(a)."""
    beliefs = random_beliefs(seed)
    a, b = beliefs.network.names[:2]
    joint = beliefs.joint((a, b)).to_numpy()[0]
    for k, probability in enumerate(beliefs.posterior(a).to_numpy()[0].T):
        given = beliefs.set_evidence(a_state(beliefs, a, k))
        lost = (given.log_evidence() - beliefs.log_evidence()).to_numpy()[0]
        np.testing.assert_allclose(np.exp(lost), probability, rtol=0, atol=TIGHT)
        product = probability[:, None] * given.posterior(b).to_numpy()[0]
        np.testing.assert_allclose(joint[:, k], product, rtol=0, atol=TIGHT)


@pytest.mark.parametrize("seed", SEEDS)
def test_joints_in_any_order_sum_to_each_other(seed):
    beliefs = random_beliefs(seed)
    beliefs = beliefs.set_evidence(a_state(beliefs, beliefs.network.names[-1]))
    names = beliefs.network.names[:3]
    whole = beliefs.joint(names)
    for order in permutations(names):
        turned = beliefs.joint(order).transpose(*whole.dims)
        np.testing.assert_allclose(turned, whole, rtol=0, atol=TIGHT)
        pair = beliefs.joint(order[:2])
        np.testing.assert_allclose(whole.sum(order[2]).transpose(*pair.dims), pair, atol=TIGHT)
        single = beliefs.posterior(order[0]).to_numpy()
        np.testing.assert_allclose(pair.sum(order[1]).to_numpy(), single, rtol=0, atol=TIGHT)


@pytest.mark.parametrize("seed", SEEDS)
def test_information_is_what_two_entropies_lose(seed):
    """I(X; Y) = H(X) + H(Y) − H(X, Y), given evidence, whichever of them is asked about."""
    beliefs = random_beliefs(seed)
    beliefs = beliefs.set_evidence(a_state(beliefs, beliefs.network.names[-1]))
    x, y = beliefs.network.names[:2]

    def bits(table):
        return -(table * np.log2(table)).sum(axis=tuple(range(1, table.ndim)))

    joint = beliefs.joint((x, y)).to_numpy()[0]
    expected = bits(joint.sum(2)) + bits(joint.sum(1)) - bits(joint)
    for target, other in ((x, y), (y, x)):
        found = beliefs.information(target).sel(variable=other).to_numpy()[0]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-10)


def treated(seed: int, *, confounded: bool, n_draws: int = 40) -> tuple[Beliefs, TabledNetwork]:
    """A background, an act that depends on it or not, and an end that depends on both."""
    rng = np.random.default_rng([seed, confounded])
    act = random_rows(rng, (3,) if confounded else (), 2)
    network = TabledNetwork(
        "treated",
        {"back": ("b0", "b1", "b2"), "act": ("no", "yes"), "end": ("e0", "e1", "e2")},
        {"act": ("back",) if confounded else (), "end": ("back", "act")},
        {"back": random_rows(rng, (), 3), "act": act, "end": random_rows(rng, (3, 2), 3)},
    )
    theta = network.with_concentration(8.0).draw_tables(n_draws, seed)
    return Beliefs.of(network.network, theta), network


@pytest.mark.parametrize("confounded", [False, True])
@pytest.mark.parametrize("seed", SEEDS)
def test_doing_is_seeing_without_a_confounder_and_not_with_one(seed, confounded):
    beliefs, _ = treated(seed, confounded=confounded)
    done = beliefs.intervene({"act": "yes"}).posterior("end").to_numpy()
    seen = beliefs.set_evidence({"act": "yes"}).posterior("end").to_numpy()
    if confounded:
        assert np.abs(done - seen).max(axis=-1).min() > 1e-6
    else:
        np.testing.assert_allclose(done, seen, rtol=0, atol=TIGHT)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_intervention_says_nothing_about_causes(seed):
    beliefs, _ = treated(seed, confounded=True)
    done = beliefs.intervene({"act": "yes"})
    np.testing.assert_allclose(done.log_evidence(), 0.0, rtol=0, atol=TIGHT)
    np.testing.assert_allclose(
        done.posterior("back"), beliefs.posterior("back"), rtol=0, atol=TIGHT
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_two_interventions_are_compared_draw_by_draw(seed):
    """Each draw is one world in which both are tried; the answer is the adjustment by hand."""
    beliefs, network = treated(seed, confounded=True)
    end = {choice: beliefs.intervene({"act": choice}).posterior("end") for choice in ("no", "yes")}
    difference = (end["yes"] - end["no"]).to_numpy()[0]
    cells = np.cumsum([0, *(network.tables[name].size for name in network.variables)])
    back = beliefs.theta[cells[0] : cells[1]]
    tables = beliefs.theta[cells[2] : cells[3]].reshape(3, 2, 3, -1)
    expected = np.einsum("bd,bed->de", back, tables[:, 1] - tables[:, 0])
    np.testing.assert_allclose(difference, expected, rtol=0, atol=TIGHT)
