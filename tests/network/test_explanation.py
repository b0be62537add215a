"""The most probable states of all and of chosen variables against every history, one by one."""

from __future__ import annotations

import numpy as np
import pytest

import forecast as fc
from forecast.network.explanation import most_probable_states
from forecast.network.queries import intervened_tables
from forecast.network.structure import Block, Network, Node
from forecast.posterior.beliefs import Beliefs
from forecast.testing.networks import Case, enumerate_answer, random_tables, static_case
from tests.network.cases import LOOKING_BACK, any_case

SEEDS = [*range(8), *LOOKING_BACK]


def beliefs_about(case: Case) -> Beliefs:
    return Beliefs.of(case.network, case.theta[:, None], case.log_like, now=0)


def probabilities(case: Case, theta, names, window) -> dict[tuple[int, ...], float]:
    """Probability of each joint state of some variables in a window, by enumeration."""
    found = enumerate_answer(case.network, theta, case.log_like)
    at = [case.network.names.index(name) for name in names]
    chosen = found.histories[:, window.start : window.stop][:, :, at].reshape(
        len(found.probability), -1
    )
    rows, which = np.unique(chosen, axis=0, return_inverse=True)
    sums = np.bincount(which.ravel(), found.probability)
    return {tuple(row): probability for row, probability in zip(rows.tolist(), sums, strict=True)}


def require_best(history, case: Case, expected: dict[tuple[int, ...], float]) -> None:
    """The probability is the largest there is, and that of the states that are named."""
    names = history["variable"].to_numpy()
    labels = history.to_numpy().reshape(-1, len(names))
    codes = [
        case.network.node(name).states.index(state)
        for row in labels
        for name, state in zip(names, row, strict=True)
    ]
    best = history["probability"].item()
    assert best == pytest.approx(max(expected.values()), abs=1e-10)
    assert expected[tuple(codes)] == pytest.approx(best, abs=1e-10)


@pytest.mark.parametrize("make", [static_case, any_case])
@pytest.mark.parametrize("seed", SEEDS)
def test_all_and_chosen_variables(make, seed):
    case = make(seed)
    beliefs, steps = beliefs_about(case), range(len(case.log_like))
    whole = probabilities(case, case.theta, case.network.names, steps)
    require_best(beliefs.most_probable_history(), case, whole)
    rng = np.random.default_rng(seed)
    for n in (1, 2):
        names = rng.permutation(case.network.names)[:n].tolist()
        start = int(rng.integers(len(steps)))
        for window in (steps, range(start, min(start + 2, len(steps)))):
            history = beliefs.most_probable_history(names, window[0], window[-1])
            require_best(history, case, probabilities(case, case.theta, names, window))


@pytest.mark.parametrize("seed", SEEDS)
def test_after_an_intervention(seed):
    case = static_case(seed)
    beliefs, name = beliefs_about(case), case.network.names[0]
    [(believed, _)] = beliefs.most_probable_states([name], k=1)
    forced, pairs = beliefs.intervene(believed), list(believed.items())
    theta = intervened_tables(case.network, case.theta[:, None], pairs, 0, 1)[0][1, :, 0]
    names = case.network.names[-2:]
    for asked in (case.network.names, names):
        history = forced.most_probable_history(asked)
        require_best(history, case, probabilities(case, theta, asked, range(1)))


def ailment(n_leaves: int) -> Network:
    """A cause with leaves that are certain in one state of it and undecided in the other."""
    cells = 2
    nodes = [Node("cause", ("no", "yes"), Block((), 0), None)]
    for k in range(n_leaves):
        nodes.append(Node(f"leaf{k}", ("no", "yes"), Block((("cause", 0),), cells), None))
        cells += 4
    return Network(tuple(nodes), cells, dynamic=False)


def test_unseen_leaves_pull_the_whole_but_not_a_choice():
    """0.6 against 0.4; but each of 3 leaves halves the story of the likelier state."""
    theta = np.array([0.4, 0.6, *[1.0, 0.0, 0.5, 0.5] * 3])
    beliefs = Beliefs.of(ailment(3), theta[:, None])
    whole = beliefs.most_probable_history()
    assert whole.sel(variable="cause").item() == "no"
    assert whole["probability"].item() == pytest.approx(0.4, abs=1e-12)
    chosen = beliefs.most_probable_history(["cause"])
    assert chosen.sel(variable="cause").item() == "yes"
    assert chosen["probability"].item() == pytest.approx(0.6, abs=1e-12)


def test_each_draw_has_its_own_and_weights_are_carried():
    case = any_case(2)
    rng = np.random.default_rng(2)
    theta = np.stack([random_tables(rng, case.network) for _ in range(5)], axis=1)
    names, steps = case.network.names[:1], range(4)
    beliefs = Beliefs.of(case.network, theta, case.log_like, sample="prior")
    history = beliefs.most_probable_history(names)
    for draw in range(5):
        expected = probabilities(case, theta[:, draw], names, steps)
        require_best(history.isel(chain=0, draw=draw), case, expected)
    assert (history["weight"] == beliefs.posterior(names[0], 0, view="smoothed")["weight"]).all()


def test_a_search_ends():
    case = any_case(1)
    arguments = case.network, case.theta[:, None], case.log_like, case.network.names[:1], range(4)
    with pytest.raises(fc.TooLarge, match="1 variables at 4 steps"):
        most_probable_states(*arguments, most_expanded=0)
    with pytest.raises(fc.InputError, match="none of them twice"):
        beliefs_about(case).most_probable_history([])
