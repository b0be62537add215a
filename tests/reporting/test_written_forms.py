"""What a product is written as: escaped, well formed, the same every time."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from forecast.errors import InputError
from forecast.reporting.document import Table
from forecast.reporting.product import product
from tests.reporting.made_forecasts import HOSTILE, made


def test_hostile_text_stays_text():
    page = product(made(text=HOSTILE))
    assert "<script" not in page.html
    assert "&lt;script&gt;" in page.html
    assert "<script" not in page.markdown
    assert "<script" not in made(text=HOSTILE)._repr_html_()
    assert "{{ 1 }}" in page.html


def test_markdown_tables_are_rectangular():
    page = product(made(text=HOSTILE), made(seed=8)).markdown
    blocks = [part for part in page.split("\n\n") if part.startswith("|")]
    assert len(blocks) > 8
    for block in blocks:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block


def test_tables_have_a_cell_for_every_column():
    for dynamic in (True, False):
        document = product(made(dynamic=dynamic), made(seed=8, dynamic=dynamic)).document
        for table in (b for s in document.sections for b in s.blocks if isinstance(b, Table)):
            assert all(len(row) == len(table.head) for row in table.rows)
            assert len(table.weights) in {0, len(table.head)}


class Balance(HTMLParser):
    """Fails on tags that do not close in order."""

    VOID = ("meta", "col", "br", "link")

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_asks_for_nothing(written):
    parser = Balance()
    parser.feed(written.html)
    assert parser.open == []
    assert not re.search(r"(src|href)=\"(?!#)", written.html.replace("xlink:", ""))
    assert "url(http" not in written.html
    assert "@import" not in written.html


def test_ids_are_unique_outside_the_drawings(written):
    page = re.sub(r"<svg.*?</svg>", "", written.html, flags=re.DOTALL)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_reports_are_the_same_every_time(written):
    again = product(made())
    assert (again.html, again.markdown) == (written.html, written.markdown)


def test_saving(tmp_path, written):
    target = written.save(tmp_path / "deep" / "warning.html")
    assert target.read_text(encoding="utf-8") == written.html
    assert written.save(tmp_path / "deep" / "warning.md").read_text(
        "utf-8"
    ) == written.markdown.replace("(figure-", "(warning-")
    figures = [f"warning-{k}.svg" for k in range(1, 5)]
    assert sorted(path.name for path in target.parent.iterdir()) == sorted(
        [*figures, "warning.html", "warning.md"]
    )
    page = (target.parent / "warning.md").read_text("utf-8")
    assert [name in page for name in figures] == [True] * 4
    assert ElementTree.parse(target.parent / figures[0]).getroot().tag.endswith("svg")
    with pytest.raises(InputError, match=r"none of \.html, \.md, \.json, \.docx, \.pdf"):
        written.save(tmp_path / "warning.odt")


def test_the_notebook_gets_a_frame(written):
    frame = written._repr_html_()
    assert frame.startswith("<iframe")
    assert "<style>" not in frame
