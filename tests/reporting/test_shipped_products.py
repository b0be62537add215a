"""Products of the scenarios that ship: one page is one page, nobody's wording is at fault."""

from dataclasses import replace
from datetime import timedelta

import pytest

import forecast as fc
from forecast.reporting.product import Product, product
from tests.reporting.test_browser import CHROMIUM, PDFTOPPM, PDFTOTEXT, printed_pages

QUESTIONS = ["How likely is it?", "How sure is that?", "What changed, and why?", "What next?"]
SETTINGS = {"method": "reweight", "draws": 8, "chains": 1, "progressbar": False}
"""Few draws of the prior: what is looked at here is the page, not the numbers."""

pytestmark = [
    pytest.mark.filterwarnings("ignore::forecast.UnreliableWeights"),
    pytest.mark.skipif(
        not (CHROMIUM and PDFTOTEXT and PDFTOPPM), reason="Chromium or poppler is not installed"
    ),
]


def forecasts(name):
    """As of the scenario's own date and of about a week before it."""
    problem = fc.load_scenario(name)
    ledger = fc.read_evidence(name, problem)
    earlier = fc.forecast(problem, ledger.known_at(problem.as_of - timedelta(days=8)), **SETTINGS)
    return fc.update(earlier, ledger.known_at(problem.as_of), method="reweight"), earlier


def as_if_reliable(written):
    """The product without the box on top that so few draws bring."""
    return Product(replace(written.document, failures=()))


@pytest.mark.parametrize("name", fc.scenario_names())
def test_the_page_of_each_shipped_scenario_is_one_page_and_answers_what_is_asked(tmp_path, name):
    outlook, earlier = forecasts(name)
    written = product(outlook, earlier, length="page", allow_unreliable=True)
    texts, _ = printed_pages(tmp_path, written.html)
    assert len(texts) == 1
    questions = {section.question: section for section in written.document.sections}
    assert {*QUESTIONS} <= questions.keys()
    assert all(section.blocks for section in questions.values())
    for question in QUESTIONS:
        assert question.split()[0] in texts[0]
    assert not fc.lint(as_if_reliable(written).markdown)
