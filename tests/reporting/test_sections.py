"""The sections of the product: which there are, in which order, and what each answers."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.estimate import quantity
from forecast.lexicon import lexicon_names
from forecast.reporting.document import Heading
from forecast.reporting.plots import plot_timeline
from forecast.reporting.product import product
from forecast.scenario.scenario import Narrative
from tests.reporting.made_forecasts import headings, made

TITLES = [
    "Key takeaway",
    "Tripwires",
    "Pattern",
    "Timing",
    "Assessment",
    "Most likely course of action",
    "Most dangerous courses of action",
    "Probability of at least one dangerous course",
    "Implications",
    "Alternatives considered",
    "What moved the probability",
    "What would change the judgement",
    "What to look for next",
    "Gaps in collection",
    "Indicators",
    "Weighing the evidence",
    "Annex: Sources",
    "Annex: Actors",
    "Annex: Judgements and their basis",
    "Annex: Method",
    "Annex: Terms",
    "Annex: Nothing to report",
]


def test_a_text_of_ours_has_no_fault_of_wording(written, outlook):
    """In the full product and on one page, in the words of every lexicon."""
    assert not fc.lint(written.markdown)
    for name in lexicon_names():
        page = product(outlook, length="page", lexicon=name)
        assert not fc.lint(page.markdown, name), fc.lint(page.markdown, name)


def test_one_page_answers_five_questions(outlook):
    page = product(outlook, made(seed=8), length="page", confidence="low", reason="one analyst")
    assert [section.question for section in page.document.sections] == [
        "How likely is it?",
        "How sure is that?",
        "What changed, and why?",
        "What is in force?",
        "What if we are wrong?",
        "What next?",
    ]
    assert quantity(outlook.any_dangerous).split(" (")[0] in page.markdown
    assert "Low, stated by the author: one analyst. Computed: " in page.markdown
    with pytest.raises(InputError, match="confidence: 'high' alone; state both"):
        product(outlook, length="page", confidence="high")
    with pytest.raises(InputError, match="did you mean 'nato'"):
        product(outlook, lexicon="natto")


def test_every_section_answers_one_question(written):
    questions = [section.question for section in written.document.sections]
    assert all(question.endswith("?") for question in questions)
    assert len(set(questions)) == len(questions)


def test_every_section_is_there_in_order(written):
    markdown = re.findall(r"^## (.*)$", written.markdown, flags=re.MULTILINE)
    for found in (markdown, headings(written.html)):
        assert len(found) == len(TITLES)
        assert all(title.startswith(known) for title, known in zip(found, TITLES, strict=True))


def test_a_section_with_nothing_to_say_is_left_out():
    outlook = made(dynamic=False)
    bare = {"tripwires": {}, "actors": (), "narrative": Narrative()}
    scenario = outlook.scenario.model_copy(update=bare)
    document = product(replace(outlook, scenario=scenario)).document
    assert not {section.title for section in document.sections} & {"Timing", "Tripwires", "Actors"}
    for section in document.sections:
        for block, following in pairwise([*section.blocks, Heading("the next section")]):
            assert not (isinstance(block, Heading) and isinstance(following, Heading))


def test_a_scenario_without_a_clock_says_nothing_of_steps():
    written = product(made(dynamic=False)).markdown
    assert "next step" not in written
    assert "next step" in product(made()).markdown


def test_a_static_scenario_has_no_plot_and_still_a_report():
    static = made(dynamic=False)
    with pytest.raises(InputError, match="no clock"):
        plot_timeline(static)
    page = product(static)
    assert "<figure>" not in page.html
    found = headings(page.html)
    assert [t for t in TITLES if not any(each.startswith(t) for each in found)] == []
    assert "by None" not in page.markdown
