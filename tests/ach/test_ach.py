"""Competing hypotheses: scores by hand, posteriors by enumeration, and why two rankings differ."""

import re
from itertools import product
from math import sqrt

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.integrate import quad

import forecast as fc
from forecast.ach.derived_matrix import likelihood_ratios, rating_of
from forecast.ach.ratings import RATINGS
from forecast.ach.scenario import ASSUMED_RATIOS, LIKELIEST, items_by_origin
from forecast.cli import main
from forecast.errors import InputError
from forecast.evidence.sources import admiralty_grades
from forecast.posterior.naive_bayes import naive_bayes_posterior
from forecast.posterior.prior import prior_beliefs
from forecast.reading import RE_ENCODE
from tests.pages import DOCS, run_page

TWO = ("accident", "attack")
EVEN = {"accident": 0.5, "attack": 0.5}

# Heuer: Psychology of Intelligence Analysis, 1999, chapter 8, figure 15: will Iraq retaliate for
# the bombing of its intelligence headquarters (1993)? Plus and minus are written C and I.
HEUER = fc.AchMatrix(
    ("no retaliation", "minor terrorism", "major attack"),
    tuple(
        fc.AchItem(f"E{number}", text, tuple(ratings.split()))
        for number, (text, ratings) in enumerate(
            [
                ("Public statement of intent not to retaliate", "C C C"),
                ("Absence of terrorist offensive during the Gulf War", "C C I"),
                ("Assumption: would not want to provoke another war", "C C I"),
                ("More radio broadcasts to agents", "I C C"),
                ("Embassies told to take security precautions", "I C C"),
                ("Assumption: not to retaliate would lose face", "I C C"),
            ],
            start=1,
        )
    ),
)


def matrix_of(*rows, hypotheses=TWO):
    """A matrix from rows of ratings; a row may end in a dict of further columns."""
    items = []
    for number, row in enumerate(rows, start=1):
        more = row[-1] if isinstance(row[-1], dict) else {}
        ratings = tuple(cell for cell in row if isinstance(cell, str))
        items.append(fc.AchItem(f"E{number}", f"item {number}", ratings, **more))
    return fc.AchMatrix(hypotheses, tuple(items))


def random_matrix(seed):
    """Four witnesses in six items, three hypotheses."""
    random = np.random.default_rng(seed)
    rows = [
        (
            *random.choice(RATINGS, 3, p=[0.15, 0.25, 0.2, 0.2, 0.15, 0.05]),
            {
                "credibility": str(random.choice(["", "low", "medium", "high"])),
                "origin": ["", "", "wire", "wire", "wire", ""][k],
            },
        )
        for k in range(6)
    ]
    rows[0] = ("CC", "I", "N", {})
    return matrix_of(*rows, hypotheses=("a", "b", "c"))


def read(tmp_path, text):
    path = tmp_path / "ach.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return fc.read_ach(path)


def problems(tmp_path, text):
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    return [
        str(problem).removeprefix(f"{tmp_path / 'ach.csv'}") for problem in caught.value.problems
    ]


# ── the method's own ranking ──────────────────────────────────────────────────────────────────


def test_heuers_matrix_has_his_conclusion():
    """Minor terrorism has nothing against it, and the public statement says nothing at all."""
    assert HEUER.scores == {"no retaliation": 3, "minor terrorism": 0, "major attack": 2}
    assert HEUER.ranks == {"no retaliation": 3, "minor terrorism": 1, "major attack": 2}
    assert [item.diagnosticity for item in HEUER.evidence] == [0, 2, 2, 2, 2, 2]


def test_weighted_score_by_hand():
    matrix = matrix_of(
        ("I", "CC", {"credibility": "high", "relevance": "high"}),
        ("II", "I", {"credibility": "low"}),
        ("N", "II", {"credibility": "high", "relevance": "low"}),
        ("NA", "I", {"relevance": "medium"}),
    )
    assert matrix.scores["accident"] == pytest.approx(2 + 2 / sqrt(2), abs=1e-9)
    assert matrix.scores["attack"] == pytest.approx(1 / sqrt(2) + 2 + 1, abs=1e-9)
    assert matrix.weights["E1"] == pytest.approx(2)


def test_equal_scores_share_a_rank():
    assert matrix_of(("I", "I"), ("C", "CC")).ranks == {"accident": 1, "attack": 1}


# ── reading ───────────────────────────────────────────────────────────────────────────────────


def test_reads_every_column(tmp_path):
    text = (
        "Relevance,id,attack,evidence,accident,Credibility,origin\n"
        'LOW,X1,cc,"A claim, on tape", ii ,High,wire\n'
        ",,,A rumour,c,,\n"
    )
    first, second = read(tmp_path, text).evidence
    assert first == fc.AchItem("X1", "A claim, on tape", ("CC", "II"), "high", "low", "wire")
    assert second == fc.AchItem("E2", "A rumour", ("NA", "C"))


def test_reads_a_data_frame():
    import pandas as pd

    frame = pd.DataFrame({"evidence": ["A", "B"], "accident": ["II", "C"], "attack": [None, "I"]})
    assert fc.read_ach(frame).evidence[0].ratings == ("II", "NA")


UNRATED = """evidence,quarry,depot,remarks,Source,Date,weight,empty
A lorry was hired,I,C,seen at night,paper,2020-01-05,3,
The fence was cut,II,Consistent,,Inquiry,2020-01-06,2,
Nobody came,c,N/A,none,,,1,n/a
"""


def test_a_column_that_nobody_rated_is_no_hypothesis(tmp_path):
    with pytest.warns(fc.InputWarning, match="columns 'remarks', 'Source', 'Date', 'weight', 'em"):
        matrix = read(tmp_path, UNRATED)
    assert matrix.scores == {"quarry": 3, "depot": 0}
    assert [item.ratings for item in matrix.evidence] == [("I", "C"), ("II", "C"), ("C", "NA")]
    assert "note: no hypotheses, because nobody rated anything there" in repr(matrix)
    doubtful = UNRATED.replace("seen at night", "C").replace("none", "by hand")
    doubtful = doubtful.replace("Consistent,,", "C,by day,")
    assert "'remarks' holds ratings in 1 of 3 cells" in problems(tmp_path, doubtful)[0]
    path = tmp_path / "named.csv"
    path.write_text(doubtful)
    with pytest.warns(fc.InputWarning):
        named = fc.read_ach(path, hypotheses=["quarry", "depot"])
    assert named.hypotheses == ("quarry", "depot")


def test_ratings_as_signs_are_read_where_they_are_plain(tmp_path):
    matrix = read(tmp_path, "evidence,a,b\nx,++,--\ny,-,+\n")
    assert [item.ratings for item in matrix.evidence] == [("CC", "II"), ("I", "C")]
    assert "- as I" in matrix.notes[0]
    assert "'-' is not a rating" in problems(tmp_path, "evidence,a,b\nx,C,C\ny,-,I\n")[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "evidence,a,b\nx,C,D\ny,maybe,I\n",
            [
                ":2: column 'b': 'D' is not a rating; legal: CC, C, N, I, II, NA",
                ":3: column 'a': 'maybe' is not a rating; legal: CC, C, N, I, II, NA",
            ],
        ),
        (
            "evidence,a,b,credibility,relevance\nx,C,I,hig,none\n",
            [
                ":2: column 'credibility': 'hig' is not a level; did you mean 'high'? "
                "Legal: low, medium, high",
                ":2: column 'relevance': 'none' is not a level; legal: low, medium, high",
            ],
        ),
        ("evidence,a,A\nx,C,I\n", [": the hypothesis 'a' is named twice"]),
        ("evidence,a\nx,C\n", [": there are 1; a matrix compares 2 to 20"]),
        ("evidence,a,\nx,C,I\n", [": the name '' is empty"]),
        (
            "evidnce,a,b\nx,C,I\n",
            [
                ": no column 'evidence', which says what each item is; did you mean 'evidnce'? "
                "Legal: evidnce, a, b"
            ],
        ),
        ("evidence,a,b,origin,Origin\nx,C,I,,\n", [": column 'origin' appears twice"]),
        ("evidence,a,b\n", [": there are 0 items; a matrix has 1 to 300"]),
        ("evidence,a,b\nx,,NA\n", [": no item is rated: every cell is NA"]),
        ("evidence,a,b\n,C,I\n", [":2: column 'evidence': is empty"]),
        ("evidence,a,b\nx,C\n", [":2: the row has more or fewer fields than the header"]),
        (
            "evidence,a,b,id\nx,C,I,1\ny,C,I,1\n",
            [": the id '1' is given to more than one item"],
        ),
        (
            'evidence,a,b\n"x\x1b[2J",C,I\n',
            [":2: column 'evidence': holds a character that no text file should"],
        ),
        (
            "evidence,a,b\n" + "x" * 1001 + ",C,I\n",
            [":2: column 'evidence': has 1,001 characters; at most 1,000"],
        ),
        (b"", [": the file is empty"]),
        (b"evidence,a\0", [":1: not a text file: it holds a NUL byte"]),
        (b"\xff\xfe", [": the file is empty"]),
        (b"evidence,\x81", [f":1: not a text file in UTF-8 (byte 9, 0x81); {RE_ENCODE}"]),
        ('evidence,a,b\n"x,C,I', [":1: not readable as CSV: unexpected end of data"]),
    ],
)
def test_bad_input_is_refused_whole(tmp_path, text, expected):
    assert problems(tmp_path, text) == expected


def test_a_matrix_made_in_python_keeps_the_same_rules():
    with pytest.raises(InputError) as caught:
        fc.AchMatrix(("a", "b"), (fc.AchItem("E1", "x", ("C",)), fc.AchItem("E1", "", ("C", "?"))))
    assert [str(problem) for problem in caught.value.problems] == [
        "evidence: the id 'E1' is given to more than one item",
        "evidence E1: ratings: 1; there are 2 hypotheses",
        "evidence E1: column 'evidence': is empty",
        "evidence E1: column 'b': '?' is not a rating; legal: CC, C, N, I, II, NA",
    ]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"ratios": {"III": (1, 2), "E1": {"atack": (1, 2), "attack": (3, 2)}, "C": 4}},
            [
                "ratios: 'III' is not a rating with a likelihood; did you mean 'II'? "
                "Legal: CC, C, N, I, II",
                "ratios: E1: 'atack' is not a hypothesis; did you mean 'attack'? "
                "Legal: accident, attack",
                "ratios: E1: attack: [3, 2]: needs 0.001 <= lower < upper <= 1000",
                "ratios: C: 4 is not a pair of numbers",
            ],
        ),
        (
            {"ratios": {"E9": {"attack": (0.01, 2)}}},
            [
                "ratios: 'E9' is not an item; legal: E1",
                "ratios: E9: attack: [0.01, 2]: the upper end is at most 100 times the lower",
            ],
        ),
        (
            {"prior": {"accident": 0.5, "atack": 0.5}},
            [
                "prior: 'atack' is not a hypothesis; did you mean 'attack'? "
                "Legal: accident, attack",
                "prior: says nothing of attack",
            ],
        ),
        ({"prior": {"accident": 0.5, "attack": 0.6}}, ["prior: sums to 1.1, not to 1"]),
        (
            {"prior": {"accident": 0.5, "attack": (0.4, 0.6)}},
            ["prior: mixes numbers and intervals; give one kind for all hypotheses"],
        ),
        (
            {"prior": {"accident": 0, "attack": 1}},
            ["prior: a hypothesis that competes has a probability above 0, below 1"],
        ),
        (
            {"grades": {"hgh": "A", "low": "G"}},
            [
                "grades: 'low': 'G' is not a grade; legal: A, B, C, D, E, F",
                "grades: 'hgh' is not a credibility; did you mean 'high'? Legal: low, medium, high",
            ],
        ),
    ],
)
def test_bad_arguments_are_told_together(given, expected):
    with pytest.raises(InputError) as caught:
        matrix_of(("C", "I")).to_scenario(exhaustive=True, **given)
    assert [str(problem) for problem in caught.value.problems] == expected


# ── the scenario ──────────────────────────────────────────────────────────────────────────────


def test_ratings_become_intervals_in_their_proportions():
    problem, _ = matrix_of(("CC", "II")).to_scenario(exhaustive=True)
    high, low = (row.probability["seen"] for row in problem.variables["E1"].table.rows)
    assert high.upper == pytest.approx(LIKELIEST)
    assert high.upper / low.upper == pytest.approx(20 / (1 / 5))
    assert high.lower / low.lower == pytest.approx(5 / (1 / 20))
    assert "assumed from an ACH rating, II" in problem.variables["E1"].table.rows[1].basis


def test_stated_ratios_take_the_place_of_assumed_ones():
    ratios = {"C": (2, 4), "E1": {"attack": (0.5, 1)}}
    problem, _ = matrix_of(("C", "I")).to_scenario(exhaustive=True, ratios=ratios)
    first, second = problem.variables["E1"].table.rows
    assert first.probability["seen"].upper / second.probability["seen"].upper == pytest.approx(4)
    assert "stated for an ACH rating, C" in first.basis
    assert second.basis.startswith("judgement: stated, 0.5 to 1 times")


def test_nothing_is_assumed_silently():
    problem, _ = HEUER.to_scenario()
    [row] = problem.variables["hypothesis"].table.rows
    assert row.concentration == dict.fromkeys(
        ("no_retaliation", "minor_terrorism", "major_attack", "other"), 1.0
    )
    assert row.basis.startswith("judgement: assumed")
    labels = [course.label for course in problem.courses.values()]
    assert labels == [*HEUER.hypotheses, "other"]


def test_what_applies_to_nothing_is_context():
    _, evidence = matrix_of(("NA", "NA"), ("C", "I")).to_scenario(as_of="2024-05-01")
    assert [report.id for report in evidence.context] == ["E1"]
    assert [report.indicator for report in evidence.observations] == ["E2"]


def test_names_in_any_script_become_states():
    matrix = matrix_of(("C", "I", "N"), hypotheses=("حادث", "Überfall!", "überfall?"))
    problem, _ = matrix.to_scenario()
    states = problem.variables["hypothesis"].states
    assert len(set(states)) == 4
    assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", state) for state in states)


# ── the posterior ─────────────────────────────────────────────────────────────────────────────


def accuracy_of(grade):
    [shape] = [each.shape for each in admiralty_grades() if each.letter == grade]
    return stats.beta(*shape)


def test_posterior_with_near_exact_ratios_is_the_enumerated_one():
    """Every state of every indicator is summed over; the one accuracy is integrated over."""
    exact = {"CC": 8.0, "C": 3.0, "N": 1.0, "I": 0.4, "II": 0.1}
    ratios = {rating: (value * 0.98, value * 1.02) for rating, value in exact.items()}
    rows = [("CC", "N", "I"), ("C", "C", "II"), ("I", "C", "CC"), ("N", "I", "C")]
    prior = {"a": 0.2, "b": 0.3, "c": 0.5}
    matrix = matrix_of(*rows, hypotheses=tuple(prior))
    problem, evidence = matrix.to_scenario(prior=prior, ratios=ratios, exhaustive=True)

    def chance(row, k):
        return exact[row[k]] / (max(exact[rating] for rating in row) * 1.02) * LIKELIEST

    # Of its errors a source of grade A invents 1 in 100, which name either state.
    usual = {
        row: 0.005 + 0.99 * sum(p * chance(row, k) for k, p in enumerate(prior.values()))
        for row in rows
    }

    def joint(name, accuracy):
        k = list(prior).index(name)
        total = 0.0
        for states in product((True, False), repeat=len(rows)):
            term = prior[name]
            for row, seen in zip(rows, states, strict=True):
                term *= chance(row, k) if seen else 1 - chance(row, k)
                term *= accuracy * seen + (1 - accuracy) * usual[row]
            total += term
        return total

    found = {
        name: quad(lambda a, n=name: joint(n, a) * accuracy_of("A").pdf(a), 0, 1)[0]
        for name in prior
    }
    expected = np.array(list(found.values())) / sum(found.values())
    given = naive_bayes_posterior(problem, evidence, draws=4000, random_seed=1)
    assert given.probability == pytest.approx(expected, rel=1e-3)
    draws = given.beliefs.posterior("hypothesis").to_numpy()[0]
    error = draws.std(axis=0) / sqrt(len(draws))
    assert (np.abs(draws.mean(axis=0) - expected) < 4 * error + 1e-3 * expected).all()


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", ["assumed", "intervals", "two"])
def test_draws_are_those_of_weighted_draws_of_the_prior(seed, kind):
    """Means and spreads against draws of the prior, each weighed by its evidence."""
    matrix, prior = random_matrix(seed), None
    if kind == "intervals":
        prior = {"a": (0.1, 0.4), "b": (0.2, 0.5), "c": (0.2, 0.6)}
    if kind == "two":
        rows = [(*item.ratings[:2], {"origin": item.origin}) for item in matrix.evidence]
        matrix = matrix_of(*rows, hypotheses=("a", "b"))
    problem, evidence = matrix.to_scenario(prior=prior, exhaustive=True)
    given = naive_bayes_posterior(problem, evidence, draws=8000, random_seed=1)
    exact = given.beliefs.posterior("hypothesis").to_numpy()[0]
    before = prior_beliefs(problem, evidence, draws=40_000, random_seed=2)
    log_weight = before.log_evidence().to_numpy()[0]
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    slow = before.posterior("hypothesis").to_numpy()[0]
    effective = 1 / (weight**2).sum()
    assert effective > 1000
    for power in (1, 2):
        mean = weight @ slow**power
        spread = np.sqrt(weight @ (slow**power - mean) ** 2)
        error = spread * sqrt(1 / effective + 1 / len(exact))
        assert (np.abs((exact**power).mean(axis=0) - mean) < 4.5 * error).all()
        if power == 1:
            assert (np.abs(given.probability - mean) < 4.5 * error).all()
    accuracy = before.draws.parameters["accuracy"]
    told = given.beliefs.draws.parameters["accuracy"]
    spread = accuracy.std(axis=1) * sqrt(1 / effective + 1 / len(exact))
    assert (np.abs(told.mean(axis=1) - accuracy @ weight) < 4.5 * spread).all()


def test_an_origin_heard_three_times_is_heard_once():
    once = matrix_of(("I", "C"), ("C", "I"))
    wire = {"origin": "wire"}
    thrice = matrix_of(("I", "C", wire), ("I", "C", wire), ("I", "C", wire), ("C", "I"))
    apart = matrix_of(("I", "C"), ("I", "C"), ("I", "C"), ("C", "I"))
    alone, shared, counted = (
        matrix.compare(prior=EVEN, exhaustive=True).table["probability"]["attack"]
        for matrix in (once, thrice, apart)
    )
    assert shared == pytest.approx(alone, abs=1e-12)
    assert counted > 0.9 > shared


def test_an_origin_with_two_versions_has_the_average_of_their_likelihoods():
    wire = {"origin": "wire"}
    matrix = matrix_of(("C", "II", wire), ("I", "C", wire))
    problem, evidence = matrix.to_scenario(exhaustive=True)
    assert list(items_by_origin(matrix)) == ["wire"]
    assert {report.indicator for report in evidence} == {"wire"}
    first, second = (row.probability["seen"].upper for row in problem.variables["wire"].table.rows)
    ends = {rating: upper for rating, (_, upper) in ASSUMED_RATIOS.items()}
    expected = (ends["C"] + ends["I"]) / (ends["II"] + ends["C"])
    assert first / second == pytest.approx(expected)


def test_an_item_that_is_equally_consistent_moves_nothing():
    found = matrix_of(("CC", "CC"), ("I", "I"), ("NA", "C")).compare(prior=EVEN, exhaustive=True)
    assert found.table["probability"]["attack"] == pytest.approx(0.5, abs=1e-9)


def test_other_keeps_about_its_prior():
    """Only about: the average of two intervals is not the interval of an average."""
    prior = {"accident": 0.3, "attack": 0.3, "other": 0.4}
    found = matrix_of(("CC", "II")).compare(prior=prior).table
    assert found["probability"]["other"] == pytest.approx(0.4, rel=0.1)
    assert found["probability"]["accident"] > 0.5 > 0.1 > found["probability"]["attack"]
    assert np.isnan(found["inconsistency"]["other"])


def test_order_of_rows_and_columns_does_not_matter():
    matrix = random_matrix(7)
    turned = fc.AchMatrix(
        matrix.hypotheses[::-1],
        tuple(
            fc.AchItem(i.id, i.text, i.ratings[::-1], i.credibility, i.relevance, i.origin)
            for i in matrix.evidence[::-1]
        ),
    )
    one, other = (each.compare(exhaustive=True).table["probability"] for each in (matrix, turned))
    assert one.to_dict() == pytest.approx(other.to_dict(), abs=1e-12)


def test_ranks_of_draws_sum_to_one():
    ranks = HEUER.compare(draws=500).rank_probabilities
    assert ranks.sum(axis=0).to_numpy() == pytest.approx(1)
    assert ranks.sum(axis=1).to_numpy() == pytest.approx(1)


def test_naive_bayes_refuses_other_networks():
    problem = fc.load_scenario("iraq-2020")
    evidence = fc.read_evidence("iraq-2020", problem).known_at("2020-01-06")
    with pytest.raises(InputError, match="naive Bayes: "):
        naive_bayes_posterior(problem, evidence, draws=100, random_seed=1)


# ── why they differ ───────────────────────────────────────────────────────────────────────────


def only_difference(matrix, **given):
    [difference] = matrix.compare(exhaustive=True, **given).differences
    return difference


def decisive(difference):
    return [cause.kind for cause in difference.causes if cause.decisive]


def test_heuers_order_is_kept():
    assert HEUER.compare(exhaustive=True).differences == ()


def test_a_strong_prior_decides():
    found = only_difference(matrix_of(("I", "C")), prior={"accident": 0.99, "attack": 0.01})
    assert (found.by_ach, found.by_bayes, found.points) == ("attack", "accident", 1.0)
    assert decisive(found) == ["prior"]
    [cause] = [cause for cause in found.causes if cause.kind == "prior"]
    assert cause.log_odds == pytest.approx(np.log(99))


def test_one_strong_inconsistency_against_many_weak_ones():
    """ACH adds 1 + 1 + 1 against 2; the stated ratios multiply to less than the one of 60."""
    rows = [("I", "N")] * 3 + [("N", "II")]
    ratios = {"I": (0.75, 0.85), "N": (0.95, 1.05), "II": (0.01, 0.02)}
    found = only_difference(matrix_of(*rows), prior=EVEN, ratios=ratios)
    assert (found.by_ach, found.by_bayes, found.points) == ("attack", "accident", 1.0)
    assert decisive(found) == ["inconsistency"]
    assert found.causes[0].items == ("E1", "E2", "E3", "E4")


def test_consistency_that_ach_does_not_count():
    found = only_difference(matrix_of(("I", "N"), ("CC", "N"), ("CC", "N")), prior=EVEN)
    assert (found.by_ach, found.by_bayes) == ("attack", "accident")
    assert decisive(found) == ["consistency"]
    assert found.causes[0].items == ("E2", "E3")


def test_an_origin_counted_three_times():
    wire = {"origin": "wire"}
    matrix = matrix_of(*[("I", "C", wire)] * 3, ("C", "II"))
    found = only_difference(matrix, prior=EVEN)
    assert (found.by_ach, found.by_bayes) == ("attack", "accident")
    assert set(decisive(found)) == {"origin", "inconsistency"}
    [cause] = [cause for cause in found.causes if cause.kind == "origin"]
    assert cause.items == ("E1", "E2", "E3")
    assert cause.points == 3


def test_relevance_weighs_only_the_score():
    rows = [("I", "C", {"relevance": "high"}), ("C", "I"), ("C", "N")]
    found = only_difference(matrix_of(*rows), prior=EVEN)
    assert "relevance" in [cause.kind for cause in found.causes]
    plain = [("I", "C"), ("C", "I"), ("C", "N")]
    assert only_difference(matrix_of(*plain), prior=EVEN).points == 0


def test_prior_and_items_add_up_to_the_odds():
    for seed in range(6):
        prior = {"a": 0.6, "b": 0.3, "c": 0.1}
        for found in random_matrix(seed).compare(prior=prior, exhaustive=True).differences:
            parts = [
                cause.log_odds
                for cause in found.causes
                if cause.kind in ("prior", "consistency", "inconsistency")
            ]
            assert sum(parts) == pytest.approx(np.log(found.odds), abs=0.15)


# ── the way back ──────────────────────────────────────────────────────────────────────────────


def test_derived_ratings_keep_the_order_of_the_given_ones():
    matrix = matrix_of(
        ("CC", "N", "II"), ("C", "I", "I"), ("N", "N", "C"), hypotheses=("a", "b", "c")
    )
    even = dict.fromkeys(("a", "b", "c"), 1 / 3)
    problem, _ = matrix.to_scenario(prior=even, exhaustive=True)
    view = fc.ach_view(problem)
    derived = {item.id: item.ratings for item in view.matrix.evidence}
    for item in matrix.evidence:
        order = [RATINGS.index(rating) for rating in item.ratings]
        found = [RATINGS.index(rating) for rating in derived[f"{item.id}=seen"]]
        assert all(
            found[j] <= found[k] for j, k in product(range(3), repeat=2) if order[j] < order[k]
        )
    assert derived["E1=seen"] == ("CC", "I", "II")


def test_likelihood_ratios_by_hand():
    joint = np.array([[0.1, 0.1], [0.3, 0.1], [0.0, 0.4]])
    found = likelihood_ratios(joint)
    assert found[0] == pytest.approx([0.5 / (0.3 / 0.8), 0.75 / (0.1 / 0.6), 0.0])
    assert found[1] == pytest.approx([0.5 / (0.5 / 0.8), 0.25 / (0.5 / 0.6), 1 / (0.2 / 0.6)])
    assert [rating_of(ratio) for ratio in found[0]] == ["N", "C", "II"]
    assert np.isnan(likelihood_ratios(np.array([[0.0, 0.0], [0.5, 0.5]]))).all()


def test_a_step_of_a_dynamic_scenario():
    from tests.small import weather

    view = fc.ach_view(weather(), time="2020-01-17", draws=400)
    assert view.matrix.hypotheses == ("calm", "storm")
    # Both rows are Dirichlet, so their means are the ratios: 14/20 against 2/16, 1/20 against 8/16.
    assert view.ratios[0, 0] == pytest.approx(5.6, rel=0.15)
    assert view.ratios[2, 1] == pytest.approx(10, rel=0.2)
    with pytest.raises(InputError, match="'2020-01-18' is no step"):
        fc.ach_view(weather(), time="2020-01-18", draws=100)


def test_an_item_may_be_called_as_a_rating_is():
    """Its stated ratios are its own, and no other item's."""
    hypotheses, stated = ("accident", "attack"), {"attack": (2, 6), "accident": (0.5, 2)}

    def matrix(name):
        items = fc.AchItem(name, "A claim", ("C", "C")), fc.AchItem("X", "A trace", ("C", "I"))
        return fc.AchMatrix(hypotheses, items)

    one, other = (matrix(name).compare(ratios={name: stated}) for name in ("C", "E1"))
    assert one.table.equals(other.table)
    assert one.notes == other.notes


def test_notes_speak_of_what_was_assumed_and_of_nothing_else():
    matrix = fc.AchMatrix(("accident", "attack"), (fc.AchItem("E1", "A claim", ("II", "C")),))
    told = matrix.compare(ratios={"II": (0.02, 0.1)}).notes
    assert any("in 1 of 2 rated cells" in note and note.endswith(": C 1.5 to 6.") for note in told)
    everything = {"II": (0.02, 0.1), "E1": {"attack": (2, 6)}}
    assert "Likelihoods as stated." in matrix.compare(ratios=everything).notes


def test_columns_of_a_data_frame_may_have_spaces_around_them():
    import pandas as pd

    frame = pd.DataFrame({" evidence": ["A claim"], "accident ": ["II"], "attack": ["C"]})
    assert fc.read_ach(frame).scores == {"accident": 2.0, "attack": 0.0}


def test_a_view_needs_one_course_of_action():
    problem = fc.load_scenario("iraq-2020")
    with pytest.raises(InputError, match="variable: name one of iran_posture, coordinated"):
        fc.ach_view(problem)
    with pytest.raises(InputError, match="'march_scale' is not a course of action"):
        fc.ach_view(problem, "march_scale")
    sea = {"role": "input", "label": "Sea", "states": ("calm", "rough"), "default": "calm"}
    nothing = {"name": "sea", "version": "1", "title": "x", "question": "x"}
    with pytest.raises(InputError, match="the scenario has no course of action"):
        fc.ach_view(fc.Scenario.model_validate(nothing | {"variables": {"sea": sea}}))
    with pytest.raises(InputError, match="draws: 0; needs a whole number of at least 1"):
        fc.ach_view(problem, "iran_posture", draws=0)


# ── what is printed ───────────────────────────────────────────────────────────────────────────


def test_hostile_text_stays_text():
    matrix = matrix_of(("C", "I"), hypotheses=("<script>alert(1)</script>", "b & c"))
    for html in (matrix._repr_html_(), matrix.compare()._repr_html_()):
        assert "<script>" not in html
        assert "b &amp; c" in html


def test_a_comparison_tells_what_it_assumes():
    told = str(HEUER.compare())
    for part in ("Prior assumed", "18 of 18 rated cells", "exclude one another", "'other' stands"):
        assert part in told
    assert "2 of 2 rated cells" not in str(
        matrix_of(("C", "I")).compare(ratios={"C": (2, 4)}, exhaustive=True)
    )


def test_the_command_prints_both_rankings(tmp_path, capsys):
    path = tmp_path / "blast.csv"
    path.write_text("evidence,accident,attack\nA claim,II,C\n", encoding="utf-8")
    assert main(["ach", str(path), "--exhaustive"]) == 0
    printed = capsys.readouterr().out
    assert "blast: 2 hypotheses, 1 items" in printed
    assert "blast: ACH and Bayes" in printed
    assert main(["ach", str(tmp_path / "none.csv")]) == 1


def test_the_page_on_competing_hypotheses_runs(tmp_path):
    names = run_page(DOCS / "ach.md", tmp_path)
    assert names["found"].differences
    assert names["problem"].as_of.isoformat() == "2024-05-01"
    assert not names["view"].table.empty


@pytest.mark.slow
def test_the_sampler_agrees():
    matrix = random_matrix(3)
    problem, evidence = matrix.to_scenario(exhaustive=True)
    sampled = fc.forecast(problem, evidence, chains=2)
    exact = naive_bayes_posterior(problem, evidence, draws=100, random_seed=1).probability
    found = [outlook.now.mean for outlook in sampled.courses]
    assert found == pytest.approx(exact, abs=0.03)


@pytest.mark.parametrize(
    ("hypotheses", "item"),
    [
        ((1, 2), fc.AchItem("E1", "x", ("C", "I"))),
        (None, fc.AchItem("E1", "x", ("C", "I"))),
        (("a", "b"), fc.AchItem("E1", "x", (1, 2))),
        (("a", "b"), fc.AchItem("E1", "x", ("C", ["I"]))),
        (("a", "b"), fc.AchItem("E1", "x", None)),
        (("a", "b"), fc.AchItem(1, None, ("C", "I"))),
        (("a", "b"), fc.AchItem("E1", "x", ("C", "I"), credibility=3, origin=4)),
        (("a", "b"), "E1"),
    ],
)
def test_a_matrix_of_something_else_than_text_is_refused(hypotheses, item):
    with pytest.raises(fc.InputError):
        fc.AchMatrix(hypotheses, (item,))


@pytest.mark.parametrize(
    "told",
    [
        {"prior": [0.5, 0.5]},
        {"ratios": 3},
        {"ratios": {"E1": {"a": (10**400, 10**401)}}},
        {"grades": "A"},
        {"grades": {"low": None}},
        {"grades": {"low": ""}},
        {"random_seed": -1},
        {"random_seed": "x"},
        {"draws": 1.5},
    ],
)
def test_arguments_of_another_kind_are_refused(told):
    matrix = fc.AchMatrix(("a", "b"), (fc.AchItem("E1", "x", ("C", "I")),))
    with pytest.raises(fc.InputError):
        matrix.compare(**told)


def test_a_frame_with_a_column_twice_is_refused():
    frame = pd.DataFrame([["x", "C", "I"]], columns=["evidence", "a", "a"])
    with pytest.raises(fc.InputError, match="more than once: a"):
        fc.read_ach(frame)


@pytest.mark.parametrize(
    "told", [{"draws": 0}, {"draws": 1.5}, {"random_seed": -1}, {"random_seed": "x"}]
)
def test_draws_that_cannot_be_made_are_refused(told):
    scenario = fc.load_scenario("iraq-2020")
    with pytest.raises(fc.InputError, match="needs a whole number"):
        fc.ach_view(scenario, "iran_posture", **told)
    with pytest.raises(fc.InputError, match="needs a whole number"):
        fc.implied_table(scenario, "iran_posture", **told)


@pytest.mark.parametrize("ask", [fc.check, fc.ach_view, lambda name: fc.implied_table(name, "a")])
def test_a_name_is_no_scenario(ask):
    with pytest.raises(fc.InputError, match="load_scenario reads one"):
        ask("iraq-2020")
