"""The page on how to read a product names every section that one can have."""

import re
from pathlib import Path

from forecast.reporting.product import product
from tests.reporting.made_forecasts import made
from tests.reporting.test_sections import TITLES

PAGE = (Path(__file__).parents[2] / "docs" / "reading-a-product.md").read_text("utf-8")


def rows(heading):
    part = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| ([A-Z][^|]*?) \|", part, flags=re.MULTILINE)[1:]


def test_every_section_is_explained_in_the_order_in_which_it_is_printed():
    explained = rows("In full")
    titles = [title.removeprefix("Annex: ") for title in TITLES]
    assert [title for title in explained if title in titles] == titles
    others = {"Change since the last product", "Key assumptions", "Experts"}
    others |= {"Beside a published document", "Track record"}
    assert {*explained} - {*titles} == others


def test_every_section_of_the_page_is_explained():
    page = product(made(), made(seed=8), length="page").document
    titles = [section.title for section in page.sections]
    assert titles == rows("On one page")
