"""The page in a browser: nothing of others runs, nothing overflows, and it prints well."""

import re
import shutil
import subprocess
from dataclasses import replace
from html import escape

import pytest

from forecast.reporting.product import Product, product
from tests.reporting.test_reporting import made

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None)
PDFTOTEXT = shutil.which("pdftotext")
HOSTILE = (
    '<script>top.acted = 1</script><img src="x" onerror="top.acted = 2">"><svg onload=top.acted=3>'
    "</style></title><iframe srcdoc=x></iframe>{{ 1 }} \u202e\x1b[2J\r# $x$ https://a.example/"
)
LONG = "Averyveryverylongwordthatnobodywouldwriteintoalabelbutthatamachinemight" * 3
PHONE, DESK = 375, 1280
MEASURE = """
const found = frame.contentDocument, root = found.documentElement;
const drawn = [...found.querySelectorAll("figure svg text")];
const letters = drawn.filter(text => text.getClientRects().length);
document.body.dataset.found = [
  top.acted ?? 0,
  root.scrollWidth,
  found.querySelectorAll("script, iframe, img, link, a").length,
  frame.contentWindow.performance.getEntriesByType("resource").length,
  Math.min(...letters.map(e => parseFloat(getComputedStyle(e).fontSize) * e.getScreenCTM().a)),
];
"""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def hostile():
    return product(made(text=HOSTILE), made(text=HOSTILE, seed=8))


def browse(folder, *arguments):
    """What Chromium prints, from a profile of its own."""
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    quiet += ["--disable-background-networking", "--disable-component-update"]
    command = [CHROMIUM, *quiet, f"--user-data-dir={folder / 'profile'}", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout


def measured(folder, page, width):
    """Numbers of MEASURE for a page in a frame of some width."""
    frame = f'<iframe id="frame" srcdoc="{escape(page)}" style="width:{width}px;border:0"></iframe>'
    outer = folder / "outer.html"
    script = f"<script>onload = () => {{ {MEASURE} }}</script>"
    outer.write_text(f"<!DOCTYPE html><meta charset=utf-8><body>{frame}{script}", "utf-8")
    found = re.search(r'data-found="([^"]*)"', browse(folder, "--dump-dom", outer.as_uri()))
    return [float(number) for number in found[1].split(",")]


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_nothing_of_others_runs_and_nothing_overflows(tmp_path, hostile, width):
    acted, reach, elements, requests, letters = measured(tmp_path, hostile.html, width)
    assert (acted, elements, requests) == (0, 0, 0)
    assert reach <= width
    assert 9 <= letters < 20  # pixels


def test_a_word_without_end_is_broken(tmp_path):
    assert measured(tmp_path, product(made(text=LONG)).html, PHONE)[1] <= PHONE


@pytest.mark.skipif(PDFTOTEXT is None, reason="pdftotext is not installed")
def test_every_printed_page_has_its_number_and_ends_in_more_than_a_heading(tmp_path):
    written = product(made())
    sections = tuple(section for section in written.document.sections for _ in range(2))
    page, pdf = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(Product(replace(written.document, sections=sections)).html, "utf-8")
    browse(tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={pdf}", page.as_uri())
    done = subprocess.run(
        [PDFTOTEXT, "-layout", pdf, "-"], capture_output=True, text=True, check=True
    )
    pages = [page.strip().splitlines() for page in done.stdout.split("\f")[:-1]]
    titles = {section.title for section in sections} | {"Author"}
    assert len(pages) > 5
    for number, lines in enumerate(pages, 1):
        last, foot = [line.strip() for line in lines if line.strip()][-2:]
        assert foot == f"{number} / {len(pages)}"
        assert last not in titles
        assert number == 1 or lines[0].strip().startswith(written.document.running_title)
