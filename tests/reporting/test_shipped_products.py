"""Products of the scenarios that ship: one page is one page, nobody's wording is at fault."""

import re
from dataclasses import replace
from datetime import timedelta
from html import unescape

import pytest

import forecast as fc
from forecast.analysis import shapley
from forecast.reporting.product import Product, product
from tests.reporting.test_browser import (
    CHROMIUM,
    DESK,
    PDFTOPPM,
    PDFTOTEXT,
    PHONE,
    complaints,
    measured,
    printed_pages,
)
from tests.reporting.test_word import SOFFICE, headings_at_a_foot, printed_by_office

QUESTIONS = ["How likely is it?", "How sure is that?", "What changed, and why?", "What next?"]
MOST_PAGES = 25
SETTINGS = {"method": "reweight", "draws": 8, "chains": 1, "progressbar": False}
"""Few draws of the prior: what is looked at here is the page, not the numbers."""

pytestmark = [
    pytest.mark.filterwarnings("ignore::forecast.UnreliableWeights"),
    pytest.mark.skipif(
        not (CHROMIUM and PDFTOTEXT and PDFTOPPM), reason="Chromium or poppler is not installed"
    ),
]


@pytest.fixture(autouse=True)
def _few_orders(monkeypatch):
    """For the same reason."""
    take_few_orders(monkeypatch)


def take_few_orders(patch):
    """Have reports weighed in few orders."""
    patch.setattr(shapley, "MOST_WORK", 0)
    patch.setattr(shapley, "MOST_PAIRS", shapley.FEWEST_PAIRS)


def forecasts(name, **settings):
    """As of the scenario's own date and of about a week before it."""
    problem = fc.load_scenario(name)
    ledger = fc.read_evidence(name, problem)
    before = ledger.known_at(problem.as_of - timedelta(days=8))
    earlier = fc.forecast(problem, before, **SETTINGS | settings)
    return fc.update(earlier, ledger.known_at(problem.as_of), method="reweight"), earlier


def as_if_reliable(written):
    """The product without the box on top that so few draws bring."""
    return Product(replace(written.document, failures=()))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.slow if name == "iraq-2020" else ())
        for name in fc.scenario_names()
    ],
)
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
    if SOFFICE:
        assert len(printed_by_office(tmp_path, written.docx)) == 1
    reliable = as_if_reliable(written)
    for text in (reliable.markdown, text_of(reliable.html)):
        assert not fc.lint(text), fc.lint(text)


@pytest.mark.slow
@pytest.mark.parametrize("name", fc.scenario_names())
def test_the_full_product_of_each_shipped_scenario_prints_and_reads_well(tmp_path, name):
    """On a desk, on a telephone and on paper.

    No page is less than a third full but the last, none ends in a heading, no word is vague.
    """
    outlook, earlier = forecasts(name)
    document = fc.read_published(name, outlook.scenario) if name == "iraq-2020" else None
    written = as_if_reliable(product(outlook, earlier, document=document, allow_unreliable=True))
    assert not fc.lint(written.markdown), fc.lint(written.markdown)
    assert not fc.lint(text_of(written.html)), fc.lint(text_of(written.html))
    assert complaints(tmp_path, written.html, "--dump-dom") == ([], [])
    for width in (PHONE, DESK):
        _, reach, _, requests, letters = measured(tmp_path, written.html, width)
        assert reach <= width
        assert requests == 0
        assert letters >= 9  # pixels
    texts, filled = printed_pages(tmp_path, written.html)
    assert len(texts) <= MOST_PAGES
    assert all(part > 1 / 3 for part in filled[:-1])
    titles = {f"{'Annex: ' * each.annex}{each.title}" for each in written.document.sections}
    for text in texts:
        last = [line.strip() for line in text.strip().splitlines() if line.strip()][-2]
        assert last not in titles
        assert not last.endswith("?")
    if SOFFICE:
        pages = printed_by_office(tmp_path, written.docx)
        assert len(pages) <= MOST_PAGES
        assert not headings_at_a_foot(pages, written.document)


def text_of(html):
    """The text of a page as it is read: every paragraph, cell and heading on a line of its own."""
    body = html.partition("<main>")[2].partition("</main>")[0]
    body = re.sub(r"<svg.*?</svg>", "", body, flags=re.DOTALL)
    body = re.sub(r"<h2[^>]*>", "\n\n# ", body)
    body = re.sub(r"</tr>", "\n\n", re.sub(r"</t[dh]>\s*", " | ", body))
    body = re.sub(r"</(?:p|h\d|li|ul|table|section|div)>", "\n\n", body)
    lines = re.sub(r"<[^>]+>", "", body).split("\n\n")
    return "\n\n".join(" ".join(unescape(line).split()) for line in lines)
