"""Hidden Markov models against hmmlearn, with matrices that are given rather than fitted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from forecast.network.maximum import most_probable_history
from forecast.network.structure import Block, Network, Node
from forecast.posterior.beliefs import Beliefs
from tests.rivals import random_rows

hmm = pytest.importorskip("hmmlearn.hmm", reason="hmmlearn is not installed")

CLOSE = {"rtol": 0, "atol": 1e-9}
SIZES = [(2, 2, 1), (2, 3, 2), (3, 2, 10), (2, 5, 40), (4, 3, 100), (5, 6, 250), (3, 4, 500)]
"""Hidden states, symbols, steps."""


def hidden_network(n_hidden: int, n_symbols: int) -> Network:
    """One hidden variable that moves, one symbol that tells of it."""
    hidden = tuple(f"h{i}" for i in range(n_hidden))
    symbols = tuple(f"s{i}" for i in range(n_symbols))
    emissions = Block((("hidden", 0),), n_hidden + n_hidden**2)
    nodes = (
        Node("hidden", hidden, Block((), 0), Block((("hidden", 1),), n_hidden)),
        Node("symbol", symbols, emissions, emissions),
    )
    return Network(nodes, emissions.start + n_hidden * n_symbols, dynamic=True)


def matrices(seed: int, n_hidden: int, n_symbols: int, *, zeros: bool):
    """Start, moves and symbols; with zeros, some moves and symbols are impossible."""
    rng = np.random.default_rng([seed, n_hidden, n_symbols, zeros])
    moves = random_rows(rng, (n_hidden,), n_hidden, zeros=zeros)
    emissions = random_rows(rng, (n_hidden,), n_symbols, zeros=zeros)
    return random_rows(rng, (), n_hidden), moves, emissions


def their_model(start, moves, emissions):
    """Their way of computing with logarithms has no zero to divide by."""
    model = hmm.CategoricalHMM(len(start), n_features=emissions.shape[1], implementation="log")
    model.startprob_, model.transmat_, model.emissionprob_ = start, moves, emissions
    return model


def drawn_symbols(seed: int, n_steps: int, start, moves, emissions) -> np.ndarray:
    rng = np.random.default_rng([seed, n_steps])
    state, seen = rng.choice(len(start), p=start), []
    for _ in range(n_steps):
        seen.append(rng.choice(emissions.shape[1], p=emissions[state]))
        state = rng.choice(len(start), p=moves[state])
    return np.array(seen)


def our_model(seen: np.ndarray, start, moves, emissions) -> Beliefs:
    network = hidden_network(*emissions.shape)
    theta = np.concatenate([start, moves.ravel(), emissions.ravel()])[:, None]
    log_like = network.no_evidence(len(seen))
    symbols = np.arange(emissions.shape[1])
    log_like[:, network.states("symbol")] = np.where(symbols == seen[:, None], 0.0, -np.inf)
    times = tuple(range(len(seen)))
    return Beliefs.of(network, theta, log_like, times=times)


def hidden_path(beliefs: Beliefs) -> tuple[np.ndarray, float]:
    history, log_probability = most_probable_history(
        beliefs.network, beliefs.theta, beliefs.log_like
    )
    return history[:, beliefs.network.names.index("hidden"), 0], log_probability.item()


def log_of_path(path, seen, start, moves, emissions) -> float:
    """Paths that use the same cells in another order are equally probable, so paths may differ."""
    cells = [start[path[:1]], moves[path[:-1], path[1:]], emissions[path, seen]]
    return float(np.log(np.concatenate(cells)).sum())


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize(("n_hidden", "n_symbols", "n_steps"), SIZES)
@pytest.mark.parametrize("seed", range(2))
def test_categorical_model(seed, n_hidden, n_symbols, n_steps, zeros):
    given = matrices(seed, n_hidden, n_symbols, zeros=zeros)
    seen = drawn_symbols(seed, n_steps, *given)
    ours, theirs = our_model(seen, *given), their_model(*given)
    column = seen[:, None]
    assert ours.log_evidence().item() == pytest.approx(theirs.score(column), rel=1e-9, abs=1e-9)
    smoothed = ours.posterior("hidden", view="smoothed").to_numpy().reshape(n_steps, -1)
    np.testing.assert_allclose(smoothed, theirs.predict_proba(column), **CLOSE)
    best, _ = theirs.decode(column, algorithm="viterbi")
    path, log_probability = hidden_path(ours)
    assert log_probability == pytest.approx(best, rel=1e-9, abs=1e-9)
    assert log_of_path(path, seen, *given) == pytest.approx(best, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize(("n_hidden", "n_symbols", "n_steps"), SIZES)
def test_filtered_is_their_smoothed_of_what_was_seen_so_far(n_hidden, n_symbols, n_steps, zeros):
    given = matrices(7, n_hidden, n_symbols, zeros=zeros)
    seen = drawn_symbols(7, n_steps, *given)
    ours, theirs = our_model(seen, *given), their_model(*given)
    for step in {0, 1, n_steps // 3, n_steps - 2, n_steps - 1} & set(range(n_steps)):
        expected = theirs.predict_proba(seen[: step + 1, None])[-1]
        filtered = ours.posterior("hidden", step).to_numpy()[0, 0]
        np.testing.assert_allclose(filtered, expected, **CLOSE)


@pytest.mark.parametrize("n_steps", [1, 30, 400])
@pytest.mark.parametrize("seed", range(3))
def test_gaussian_model_is_likelihood_evidence(seed, n_steps):
    """A measurement counts by its density under each hidden state, which may exceed 1.

    Measured numbers never repeat, so the best path is one.
    """
    start, moves, _ = matrices(seed, 3, 2, zeros=False)
    rng = np.random.default_rng(seed)
    means, sds = rng.normal(0, 0.3, 3), rng.uniform(0.02, 0.2, 3)
    measured = rng.normal(0, 0.3, n_steps)
    theirs = hmm.GaussianHMM(3, covariance_type="diag", implementation="log")
    theirs.startprob_, theirs.transmat_ = start, moves
    theirs.n_features, theirs.means_, theirs.covars_ = 1, means[:, None], sds[:, None] ** 2
    node = Node("hidden", ("a", "b", "c"), Block((), 0), Block((("hidden", 1),), 3))
    network = Network((node,), 12, dynamic=True)
    theta = np.concatenate([start, moves.ravel()])[:, None]
    log_like = stats.norm.logpdf(measured[:, None], means, sds)
    ours = Beliefs.of(network, theta, log_like)
    column = measured[:, None]
    assert ours.log_evidence().item() == pytest.approx(theirs.score(column), rel=1e-9, abs=1e-9)
    smoothed = ours.posterior("hidden", view="smoothed").to_numpy().reshape(n_steps, -1)
    np.testing.assert_allclose(smoothed, theirs.predict_proba(column), **CLOSE)
    best, best_path = theirs.decode(column, algorithm="viterbi")
    path, log_probability = hidden_path(ours)
    assert path.tolist() == best_path.tolist()
    assert log_probability == pytest.approx(best, rel=1e-9, abs=1e-9)
