"""Textbook examples give the figures that their authors printed.

Each tolerance is half a unit of the last printed digit.
"""

from __future__ import annotations

import numpy as np
import pytest

from forecast.errors import ImpossibleEvidence
from forecast.interchange.tabled import TabledNetwork
from forecast.network.maximum import most_probable_history
from forecast.network.structure import Block, Network, Node
from forecast.posterior.beliefs import Beliefs

NO_YES = ("no", "yes")


def network_of(tables, parents=None, states=None) -> TabledNetwork:
    """A network; a variable without named states has the probability of yes alone."""
    variables = {name: (states or {}).get(name, NO_YES) for name in tables}
    full = {
        name: np.array(table)
        if name in (states or {})
        else np.stack([1 - np.array(table), np.array(table)], axis=-1)
        for name, table in tables.items()
    }
    return TabledNetwork("published", variables, parents or {}, full)


def beliefs_of(tables, parents=None, states=None) -> Beliefs:
    return beliefs_in(network_of(tables, parents, states))


def beliefs_in(network: TabledNetwork) -> Beliefs:
    return Beliefs.of(network.network, network.theta)


def probability(
    beliefs: Beliefs, name: str, state: str = "yes", time=None, view="filtered"
) -> float:
    return beliefs.posterior(name, time, view=view).sel(state=state).item()


def printed(figure: str):
    """A figure as it stands in print."""
    digits = len(figure.partition(".")[2])
    return pytest.approx(float(figure), abs=0.5 * 10**-digits, rel=0)


# Russell and Norvig, Artificial Intelligence: A Modern Approach, 3rd edition, 2010


def burglary() -> Beliefs:
    """Figure 14.2."""
    return beliefs_of(
        {
            "burglary": 0.001,
            "earthquake": 0.002,
            "alarm": [[0.001, 0.29], [0.94, 0.95]],
            "john": [0.05, 0.90],
            "mary": [0.01, 0.70],
        },
        {"alarm": ("burglary", "earthquake"), "john": ("alarm",), "mary": ("alarm",)},
    )


def test_burglary_alarm():
    called = burglary().set_evidence({"john": "yes", "mary": "yes"})
    assert probability(called, "burglary") == printed("0.284")
    assert probability(called, "burglary", "no") == printed("0.716")
    story = {"burglary": "no", "earthquake": "no", "alarm": "yes", "john": "yes", "mary": "yes"}
    assert np.exp(burglary().set_evidence(story).log_evidence().item()) == printed("0.000628")


def umbrellas(*seen: str) -> Beliefs:
    """Section 15.1: rain is as likely as not on the first day; an empty name for an unseen day."""
    emissions = Block((("rain", 0),), 6)
    nodes = (
        Node("rain", NO_YES, Block((), 0), Block((("rain", 1),), 2)),
        Node("umbrella", NO_YES, emissions, emissions),
    )
    theta = np.array([0.5, 0.5, 0.7, 0.3, 0.3, 0.7, 0.8, 0.2, 0.1, 0.9])
    network = Network(nodes, 10, dynamic=True)
    beliefs = Beliefs.of(network, theta[:, None], network.no_evidence(len(seen)))
    for day, state in enumerate(seen):
        if state:
            beliefs = beliefs.set_evidence({"umbrella": state}, day)
    return beliefs


def test_umbrella_world():
    two_days = umbrellas("yes", "yes")
    assert probability(two_days, "rain", time=0) == printed("0.818")
    assert probability(two_days, "rain", time=1) == printed("0.883")
    assert probability(two_days, "rain", time=0, view="smoothed") == printed("0.883")
    assert probability(umbrellas("yes", ""), "rain", time=1) == printed("0.627")


def test_umbrella_viterbi_messages():
    """Figure 15.5 prints the larger message of each day, divided by the first day's evidence."""
    seen = ("yes", "yes", "no", "yes", "yes")
    first_day = umbrellas(seen[0]).log_evidence().item()
    for days, figure in ((1, ".8182"), (2, ".5155"), (3, ".1237"), (4, ".0334"), (5, ".0210")):
        beliefs = umbrellas(*seen[:days])
        _, best = most_probable_history(beliefs.network, beliefs.theta, beliefs.log_like)
        assert np.exp(best.item() - first_day) == printed(figure)
    story = umbrellas(*seen).most_probable_history().sel(variable="rain")
    assert story.to_numpy().ravel().tolist() == ["yes", "yes", "no", "yes", "yes"]


def test_sprinkler():
    """Murphy, A Brief Introduction to Graphical Models and Bayesian Networks, 1998."""
    wet = beliefs_of(
        {
            "cloudy": 0.5,
            "sprinkler": [0.5, 0.1],
            "rain": [0.2, 0.8],
            "grass": [[0.0, 0.9], [0.9, 0.99]],
        },
        {"sprinkler": ("cloudy",), "rain": ("cloudy",), "grass": ("sprinkler", "rain")},
    ).set_evidence({"grass": "yes"})
    assert np.exp(wet.log_evidence().item()) == printed("0.6471")
    assert probability(wet, "sprinkler") == printed("0.430")
    assert probability(wet, "rain") == printed("0.708")
    assert probability(wet.set_evidence({"rain": "yes"}), "sprinkler") == printed("0.1945")


# Lauritzen and Spiegelhalter, Local Computations with Probabilities, JRSS B 50(2), 1988


def asia() -> TabledNetwork:
    return network_of(
        {
            "asia": 0.01,
            "smoke": 0.5,
            "tub": [0.01, 0.05],
            "lung": [0.01, 0.10],
            "bronc": [0.30, 0.60],
            "either": [[0.0, 1.0], [1.0, 1.0]],
            "xray": [0.05, 0.98],
            "dysp": [[0.1, 0.8], [0.7, 0.9]],
        },
        {
            "tub": ("asia",),
            "lung": ("smoke",),
            "bronc": ("smoke",),
            "either": ("tub", "lung"),
            "xray": ("either",),
            "dysp": ("either", "bronc"),
        },
    )


@pytest.mark.parametrize(
    ("name", "percent"),
    [
        ("tub", "1.04"),
        ("lung", "5.50"),
        ("bronc", "45.0"),
        ("either", "6.48"),
        ("xray", "11.0"),
        ("dysp", "43.6"),
    ],
)
def test_asia_before_anything_is_seen(name, percent):
    """As Netica's Chest Clinic shows it (Norsys, the Netica tutorial)."""
    assert 100 * probability(beliefs_in(asia()), name) == printed(percent)


@pytest.mark.parametrize("asked", ["asia", "smoke", "bronc", "xray", "dysp", "either"])
def test_asia_with_a_contradiction(asked):
    """Tuberculosis without "tuberculosis or cancer" cannot be, whatever is asked."""
    beliefs = beliefs_in(asia()).set_evidence({"tub": "yes", "either": "no"})
    assert beliefs.log_evidence().item() == -np.inf
    with pytest.raises(ImpossibleEvidence, match="findings on tub, either"):
        beliefs.posterior(asked)


# Koller and Friedman, Probabilistic Graphical Models, 2009, figure 3.4 and section 3.2.1.2


@pytest.mark.parametrize(
    ("name", "state", "given", "figure"),
    [
        ("letter", "l1", {}, "0.502"),
        ("letter", "l1", {"intelligence": "i0"}, "0.389"),
        ("letter", "l1", {"intelligence": "i0", "difficulty": "d0"}, "0.513"),
        ("intelligence", "i1", {"grade": "g3"}, "0.079"),
        ("difficulty", "d1", {"grade": "g3"}, "0.629"),
        ("intelligence", "i1", {"letter": "l0"}, "0.14"),
        ("intelligence", "i1", {"grade": "g3", "sat": "s1"}, "0.578"),
        ("difficulty", "d1", {"grade": "g3", "sat": "s1"}, "0.76"),
        ("intelligence", "i1", {"grade": "g3", "difficulty": "d1"}, "0.11"),
        ("intelligence", "i1", {"grade": "g2"}, "0.175"),
        ("intelligence", "i1", {"grade": "g2", "difficulty": "d1"}, "0.34"),
    ],
)
def test_student(name, state, given, figure):
    beliefs = beliefs_of(
        {
            "difficulty": [0.6, 0.4],
            "intelligence": [0.7, 0.3],
            "grade": [
                [[0.3, 0.4, 0.3], [0.05, 0.25, 0.7]],
                [[0.9, 0.08, 0.02], [0.5, 0.3, 0.2]],
            ],
            "sat": [[0.95, 0.05], [0.2, 0.8]],
            "letter": [[0.1, 0.9], [0.4, 0.6], [0.99, 0.01]],
        },
        {
            "grade": ("intelligence", "difficulty"),
            "sat": ("intelligence",),
            "letter": ("grade",),
        },
        {
            "difficulty": ("d0", "d1"),
            "intelligence": ("i0", "i1"),
            "grade": ("g1", "g2", "g3"),
            "sat": ("s0", "s1"),
            "letter": ("l0", "l1"),
        },
    )
    assert probability(beliefs.set_evidence(given), name, state) == printed(figure)


# Base rates


@pytest.mark.parametrize(
    ("prior", "hit", "false_alarm", "figure"),
    [
        pytest.param(0.01, 0.80, 0.096, "0.078", id="Gigerenzer and Hoffrage 1995"),
        pytest.param(0.01, 0.79, 0.096, "0.077", id="Eddy 1982"),
        pytest.param(0.001, 1.0, 0.05, "0.02", id="Casscells and others 1978"),
    ],
)
def test_a_positive_medical_test(prior, hit, false_alarm, figure):
    """The finding as a state that was seen, and as a likelihood."""
    beliefs = beliefs_of({"ill": prior, "test": [false_alarm, hit]}, {"test": ("ill",)})
    assert probability(beliefs.set_evidence({"test": "yes"}), "ill") == printed(figure)
    weighed = beliefs.virtual_evidence("ill", {"no": false_alarm, "yes": hit})
    assert probability(weighed, "ill") == printed(figure)


def test_three_doors():
    """Selvin, A Problem in Probability, American Statistician 29, 1975: switching wins 2/3."""
    doors = ("A", "B", "C")
    host = np.zeros((3, 3, 3))
    for car, choice in np.ndindex(3, 3):
        closed = [door for door in range(3) if door not in (car, choice)]
        host[car, choice, closed] = 1 / len(closed)
    beliefs = beliefs_of(
        {"car": [1 / 3] * 3, "choice": [1 / 3] * 3, "host": host},
        {"host": ("car", "choice")},
        dict.fromkeys(("car", "choice", "host"), doors),
    ).set_evidence({"choice": "A", "host": "C"})
    assert probability(beliefs, "car", "A") == pytest.approx(1 / 3, abs=1e-12)
    assert probability(beliefs, "car", "B") == pytest.approx(2 / 3, abs=1e-12)


# Doing and seeing


def kidney_stones(success) -> Beliefs:
    """Charig and others, BMJ 292, 1986: small and large stones, open surgery and puncture."""
    return beliefs_of(
        {
            "stones": [357 / 700, 343 / 700],
            "treatment": [[87 / 357, 270 / 357], [263 / 343, 80 / 343]],
            "success": success,
        },
        {"treatment": ("stones",), "success": ("stones", "treatment")},
        {"stones": ("small", "large"), "treatment": ("surgery", "puncture")},
    )


@pytest.mark.parametrize(
    ("treatment", "all_", "small", "large"),
    [("surgery", "78", "93", "73"), ("puncture", "83", "87", "69")],
)
def test_kidney_stones_as_they_were_seen(treatment, all_, small, large):
    """Julious and Mullee, Confounding and Simpson's Paradox, BMJ 309, 1994, in per cent."""
    beliefs = kidney_stones([[81 / 87, 234 / 270], [192 / 263, 55 / 80]])
    seen = beliefs.set_evidence({"treatment": treatment})
    assert 100 * probability(seen, "success") == printed(all_)
    assert 100 * probability(seen.set_evidence({"stones": "small"}), "success") == printed(small)
    assert 100 * probability(seen.set_evidence({"stones": "large"}), "success") == printed(large)


@pytest.mark.parametrize(("treatment", "figure"), [("surgery", "0.832"), ("puncture", "0.782")])
def test_kidney_stones_if_treatment_were_chosen(treatment, figure):
    """Peters, Janzing and Schölkopf, Elements of Causal Inference, 2017, from rounded rates."""
    beliefs = kidney_stones([[0.93, 0.87], [0.73, 0.69]])
    assert probability(beliefs.intervene({"treatment": treatment}), "success") == printed(figure)


@pytest.mark.parametrize(("smoking", "figure"), [("yes", "0.4525"), ("no", "0.4975")])
def test_smoking_and_the_genotype_theory(smoking, figure):
    """Pearl, Causality, 2nd edition, 2009, section 3.3.3: the front door.

    Any hidden cause that leaves the observed table as it is gives the same effect; here the
    genotype decides who smokes.
    """
    beliefs = beliefs_of(
        {
            "genotype": 0.5,
            "smoking": [0.0, 1.0],
            "tar": [0.05, 0.95],
            "cancer": [[0.10, 0.05], [0.90, 0.85]],
        },
        {"smoking": ("genotype",), "tar": ("smoking",), "cancer": ("genotype", "tar")},
    )
    assert probability(beliefs.intervene({"smoking": smoking}), "cancer") == printed(figure)
