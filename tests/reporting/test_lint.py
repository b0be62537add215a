"""Faults of wording: a folder of bad texts shows each, and what the library writes has none."""

from pathlib import Path
from typing import get_args

import pytest

import forecast as fc
from forecast.reporting.lint import Kind, lint

FAULTY = sorted((Path(__file__).parent / "faulty").glob("*.md"))
FOUND = {
    "vague": ["may", "could", "possible", "cannot be ruled out", "Perhaps"],
    "mixed-terms": ["highly improbable", "realistic possibility"],
    "no-source": ["We assess", "likely"],
    "undefined-term": ["GZK", "R-hat"],
}


@pytest.mark.parametrize("path", FAULTY, ids=lambda path: path.stem)
def test_each_text_shows_the_fault_that_it_is_named_after_and_no_other(path):
    found = lint(path.read_text("utf-8"))
    kind = path.stem.replace("-", " ")
    assert found.kinds == ({kind} if path.stem != "clean" else frozenset())
    quoted = [fault.quote.removesuffix(" that") for fault in found]
    for quote in FOUND.get(path.stem, []):
        assert any(each.startswith(quote) for each in quoted), quoted
    assert len(found) == len(FOUND.get(path.stem, ["one"])) * (path.stem != "clean")


def test_every_kind_has_a_text():
    assert {path.stem.replace("-", " ") for path in FAULTY} == {*get_args(Kind), "clean"}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("Source: R1. The attack came on 3 May. In May it rained; May 2020 was dry.", set()),
        ("Source: R1. They moved where possible and as far as possible.", set()),
        ("Source: R1. May the army attack.", {"vague"}),
        ("| Attack | likely |\n| --- | --- |", {"no number", "no source"}),
        ("| Attack | likely (55–80 %) | report R1 |", set()),
        (
            "Source: R1. Likely (55–80 %), 12 % in the model: likely (12 %).",
            "number outside its term",
        ),
        ("Source: R1. 12 % (90 % interval 6–21 %), very unlikely (5–20 %).", set()),
        (
            "Source: R1. 60 % (90 % interval 6–71 %), very unlikely (5–20 %).",
            "number outside its term",
        ),
        ("Is an attack likely?", set()),
        ("Source: R1. The force is remote from the border.", set()),
        ("Source: R1. “It may rain, and snow is likely”, he said.", set()),
        (
            "# Attack\n\n## Basis\n\nSource: R1\n\n## Judgement\n\nWe believe it is over.",
            {"no source"},
        ),
    ],
)
def test_words_are_judged_where_they_stand(text, kinds):
    assert lint(text).kinds == ({kinds} if isinstance(kinds, str) else kinds)


def test_a_text_is_judged_by_the_lexicon_it_uses():
    text = "Source: R1. An attack is a realistic possibility (40–50 %; model 45 %)."
    assert lint(text, "phia").kinds == set()
    assert lint(text).kinds == {"mixed terms"}
    assert lint("Source: R1. It is likely (60–90 %; model 85 %).", "nato").kinds == set()
    assert lint("Source: R1. The GZK moved.", defined=["GZK"]).kinds == set()


def test_faults_print_themselves_with_line_and_rule():
    text = str(fc.lint("Source: R1.\n\nThe army may attack."))
    assert "1 fault of wording" in text
    assert "3     vague  may" in text
    assert str(fc.lint("Source: R1. It rained.")) == "No fault of wording was found"
