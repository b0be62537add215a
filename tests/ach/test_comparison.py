"""Why the rankings of ACH and of Bayes differ, and what a comparison prints."""

import numpy as np
import pytest

import forecast as fc
from forecast.cli import main
from tests.ach.matrices import EVEN, HEUER, matrix_of, random_matrix
from tests.pages import DOCS, run_page


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
    notes = matrix.compare(ratios={"II": (0.02, 0.1)}).notes
    assert any("in 1 of 2 rated cells" in note and note.endswith(": C 1.5 to 6.") for note in notes)
    everything = {"II": (0.02, 0.1), "E1": {"attack": (2, 6)}}
    assert "Likelihoods as stated." in matrix.compare(ratios=everything).notes


def test_hostile_text_stays_text():
    matrix = matrix_of(("C", "I"), hypotheses=("<script>alert(1)</script>", "b & c"))
    for html in (matrix._repr_html_(), matrix.compare()._repr_html_()):
        assert "<script>" not in html
        assert "b &amp; c" in html


def test_a_comparison_tells_what_it_assumes():
    printed = str(HEUER.compare())
    for part in ("Prior assumed", "18 of 18 rated cells", "exclude one another", "'other' stands"):
        assert part in printed
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


@pytest.mark.parametrize(
    "arguments",
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
def test_arguments_of_another_kind_are_refused(arguments):
    matrix = fc.AchMatrix(("a", "b"), (fc.AchItem("E1", "x", ("C", "I")),))
    with pytest.raises(fc.InputError):
        matrix.compare(**arguments)
