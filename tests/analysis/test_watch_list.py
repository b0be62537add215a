"""What to look for next, against posteriors that are computed finding by finding."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import entropy

import forecast as fc
from forecast.analysis.watch_list import Question, reported
from forecast.posterior.beliefs import Beliefs
from forecast.testing.networks import dynamic_case, random_tables


def moving(seed: int, draws: int = 5) -> Beliefs:
    """Beliefs about a dynamic network with uncertain tables, known up to its second step."""
    case = dynamic_case(seed, n_steps=4)
    rng = np.random.default_rng(seed)
    theta = np.stack([random_tables(rng, case.network) for _ in range(draws)], axis=1)
    like = case.log_like.copy()
    like[2:] = 0
    return Beliefs.of(case.network, theta, like, now=1, sample="prior")


def expected_fall(given: Beliefs, name: str, step: int, rows: np.ndarray, states) -> float:
    """Entropy now less the mean entropy once each report has come, one after the other."""
    prior = given.posterior(name, step).mean(("chain", "draw")).to_numpy()

    def bits(asked: Beliefs) -> float:
        held = float(asked.at_least_once(states, 2, 3).isel(time=-1).mean())
        return entropy([held, 1 - held], base=2)

    after = 0.0
    for row in rows:
        if row @ prior > 0:
            found = dict(zip(given.network.node(name).states, row, strict=True))
            after += row @ prior * bits(given.virtual_evidence(name, found, step))
    return bits(given) - after


@pytest.mark.parametrize("seed", range(6))
def test_information_is_the_expected_fall_of_entropy(seed):
    given = moving(seed)
    names = given.network.names
    event = f"{names[0]}=s1"
    accuracy, detection = 0.8, 0.6
    found = fc.watch_list(
        given, event, indicators=names[1:], reliability=accuracy, detection=detection
    )
    for name in names[1:]:
        rows = reported(len(given.network.node(name).states), accuracy, detection)
        expected = expected_fall(given, name, 2, rows, [(names[0], "s1")])
        assert found.lead(name).bits == pytest.approx(expected, abs=1e-9)
        assert sum(f.probability for f in found.lead(name).findings) == pytest.approx(1)
        mean = sum(f.probability * f.given for f in found.lead(name).findings)
        assert mean == pytest.approx(found.probability, abs=1e-9)


def test_what_comes_never_or_names_nothing_tells_nothing():
    given = moving(1)
    names = given.network.names
    states = len(given.network.node(names[1]).states)
    event, one = f"{names[0]}=s0", names[1:2]
    assert fc.watch_list(given, event, indicators=one, reliability=1 / states).leads[0].bits < 1e-12
    never = fc.watch_list(given, event, indicators=one, reliability=0.9, detection=0.0)
    assert never.leads[0].bits == pytest.approx(0, abs=1e-12)
    assert [finding.state for finding in never.leads[0].findings] == [""]


def test_leads_are_ranked_by_what_they_tell_for_their_cost():
    given = moving(2)
    names = given.network.names
    even = fc.watch_list(given, f"{names[0]}=s1", indicators=names[1:], reliability=0.9)
    first, second = (lead.indicator for lead in even.leads)
    ratio = even.leads[0].bits / even.leads[1].bits
    dear = fc.watch_list(
        *(given, f"{names[0]}=s1"),
        indicators=names[1:],
        reliability=0.9,
        cost={first: 2 * ratio, second: 1},
    )
    assert [lead.indicator for lead in dear.leads] == [second, first]
    assert dear.leads[1].bits == even.leads[0].bits


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"event": "v9=s0"}, "no event"),
        ({"reliability": 1.2}, "no probability"),
        ({"reliability": "B"}, "no grades"),
        ({"indicators": ["v9"]}, "is unknown"),
        ({"detection": {"v9": 0.5}}, "no indicator here"),
        ({"cost": -1.0}, "needs 0 to"),
        ({"by": "2020-01-01"}, "no clock"),
    ],
)
def test_what_cannot_be_asked(wrong, message):
    given = moving(0)
    event = f"{given.network.names[0]}=s0"
    with pytest.raises(fc.InputError, match=message):
        fc.watch_list(given, **({"event": event, "reliability": 0.9} | wrong))


def test_a_question_keeps_the_event_whole():
    given = moving(3)
    name = given.network.names[1]
    question = Question(given, ((given.network.names[0], "s1"),), 2, 3)
    joint = question.joints([name])[name]
    assert joint.sum() == pytest.approx(1)
    assert joint[0].sum() == pytest.approx(question.probability, abs=1e-12)
