"""The page in a browser: nothing of others runs, nothing overflows, and it prints well."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html import escape, unescape
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import forecast as fc
from forecast.reporting.document import Section, Table
from forecast.reporting.markdown import figures_of
from forecast.reporting.portable import find_browser
from forecast.reporting.product import Product, product
from tests.reporting.made_forecasts import made

CHROMIUM = find_browser()
PDFTOPPM = shutil.which("pdftoppm")
PDFTOTEXT = shutil.which("pdftotext")
CORPUS = (Path(__file__).parent / "hostile.txt").read_text("utf-8").splitlines()
HOSTILE = " ".join([*CORPUS, "\u202e\x1b[2J\r# $x$ https://a.example/"])
"""Text that would act if anything took it for markup, code, a formula or a template."""
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
AUDIT = """
axe.run(document, { resultTypes: ["violations"] }).then(found => {
  document.body.dataset.audit = JSON.stringify([
    matchMedia("(prefers-color-scheme: dark)").matches,
    ...found.violations.map(each => `${each.id}: ${each.nodes[0].html}`),
  ]);
});
"""
"""What axe-core, the accessibility checker, says of a page, contrast of colours included."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@pytest.fixture(scope="module")
def hostile():
    return product(made(text=HOSTILE), made(text=HOSTILE, seed=8))


DARK = "--blink-settings=preferredColorScheme=0"
LOOKS = {
    "phone": [f"--window-size={PHONE},800", "--screenshot"],
    "desk": [f"--window-size={DESK},900", "--screenshot"],
    "dark phone": [f"--window-size={PHONE},800", DARK, "--screenshot"],
    "dark desk": [f"--window-size={DESK},900", DARK, "--screenshot"],
    "print": ["--print-to-pdf"],
}
OUTSIDE = ["--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", "--v=0"]


def browse(folder, *arguments):
    """What Chromium prints, from a profile of its own."""
    return started(folder, *arguments).stdout


def started(folder, *arguments):
    """A run of Chromium that has ended, from a profile of its own."""
    quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"]
    quiet += ["--disable-background-networking", "--disable-component-update"]
    command = [CHROMIUM, *quiet, f"--user-data-dir={folder / 'profile'}", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=120, cwd=folder
    )


def complaints(folder, page, *arguments):
    """What a page writes to the console, warnings included, and the addresses it asks for."""
    path, log = folder / "watched.html", folder / "net.json"
    path.write_text(page, "utf-8")
    done = started(folder, *OUTSIDE, f"--log-net-log={log}", *arguments, path.as_uri())
    messages = re.findall(r":CONSOLE:\d+\] (.*), source: ", done.stderr)
    events = [each.get("params", {}) for each in json.loads(log.read_text("utf-8"))["events"]]
    own = {None, "not an origin"}  # what Chromium asks for itself
    return messages, [each["url"] for each in events if each.get("initiator") not in own]


def audited(folder, page, *, dark=False):
    """Whether the page was dark, and the rules of axe-core that it breaks."""
    axe = Path(pytest.importorskip("axe_core_python").__file__).with_name("axe.min.js")
    policy = re.sub(r"<meta http-equiv[^>]*>", "", page)  # which lets no checker in
    script = f"<script>{axe.read_text('utf-8')}</script><script>{AUDIT}</script></body>"
    path = folder / "audit.html"
    path.write_text(policy.replace("</body>", script), "utf-8")
    scheme = [DARK] if dark else []
    dom = browse(folder, *scheme, "--virtual-time-budget=20000", "--dump-dom", path.as_uri())
    found = re.search(r'data-audit="([^"]*)"', dom)
    return json.loads(unescape(found[1]))


def printed_pages(folder, page):
    """Lines of text of each page, and how far down each is filled."""
    path, pdf = folder / "page.html", folder / "page.pdf"
    path.write_text(page, "utf-8")
    browse(folder, "--no-pdf-header-footer", f"--print-to-pdf={pdf}", path.as_uri())
    done = subprocess.run([PDFTOTEXT, "-layout", pdf, "-"], capture_output=True, check=True)
    texts = done.stdout.decode("utf-8").split("\f")[:-1]
    subprocess.run([PDFTOPPM, "-r", "30", "-gray", pdf, folder / "page"], check=True)
    filled = []
    for picture in sorted(folder.glob("page-*.pgm")):
        pixels = np.asarray(Image.open(picture))
        inked = np.flatnonzero((pixels[: int(0.93 * len(pixels))] < 200).any(axis=1))
        filled.append(inked.max() / len(pixels) if inked.size else 0.0)
    return texts, filled


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


@pytest.mark.parametrize("look", LOOKS)
def test_the_console_stays_empty_and_nothing_is_asked_for(tmp_path, hostile, look):
    assert complaints(tmp_path, hostile.html, *LOOKS[look]) == ([], [])
    if look != "print":
        shade = np.asarray(Image.open(tmp_path / "screenshot.png").convert("L")).mean()
        assert (shade < 128) == look.startswith("dark")


def test_complaints_and_requests_are_seen_where_there_are_some(tmp_path):
    page = "<script>console.warn('careful'); missing()</script><img src='https://a.example/x.png'>"
    messages, asked = complaints(tmp_path, page, *LOOKS["desk"])
    assert [each.strip('"').split()[0] for each in messages] == ["careful", "Uncaught"]
    assert asked == ["https://a.example/x.png"]


def test_a_word_without_end_is_broken(tmp_path):
    assert measured(tmp_path, product(made(text=LONG)).html, PHONE)[1] <= PHONE


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("length", ["page", "full"])
def test_an_accessibility_checker_finds_nothing(tmp_path, length, dark):
    page = product(made(), length=length).html
    assert audited(tmp_path, page, dark=dark) == [dark]


def test_no_script_runs_even_where_markup_would_get_in(tmp_path, hostile):
    """The page forbids scripts, pictures and requests of its own, should escaping ever fail."""
    page = hostile.html.replace("<main>", "<main><script>top.acted = 4</script>")
    assert measured(tmp_path, page, DESK)[0] == 0


def test_nothing_of_others_runs_in_a_notebook_or_in_a_viewer_of_markdown(tmp_path, hostile):
    """What values show of themselves, and Markdown by a viewer that lets HTML through."""
    markdown_it = pytest.importorskip("markdown_it")
    outlook = made(text=HOSTILE)
    shown = [
        *(outlook, outlook.scenario, outlook.evidence, fc.Ledger(outlook.evidence.reports)),
        *(fc.weigh_evidence(outlook), fc.tripwires(outlook), fc.lint(f"It may {HOSTILE}")),
    ]
    parts = [value._repr_html_() for value in shown]
    viewer = markdown_it.MarkdownIt("commonmark", {"html": True}).enable("table")
    parts.append(viewer.render(hostile.markdown))
    page = f"<!DOCTYPE html><meta charset=utf-8><body>{''.join(parts)}</body>"
    acted, _, elements, *_ = measured(tmp_path, page, DESK)
    assert (acted, elements) == (0, len(figures_of(hostile.document)))


def test_a_pdf_has_no_action_link_or_file(hostile):
    """Skia writes its dictionaries as they are, so that what they say can be read."""
    written = hostile.pdf
    assert b"/Type /Page" in written
    acts = (b"/JavaScript", b"/JS ", b"/URI", b"/Launch", b"/OpenAction", b"/EmbeddedFile", b"/AA ")
    assert [each for each in acts if each in written] == []


@pytest.mark.skipif(not (PDFTOTEXT and PDFTOPPM), reason="poppler is not installed")
def test_one_page_is_one_page(tmp_path):
    page = product(made(), made(seed=8), length="page")
    texts, _ = printed_pages(tmp_path, page.html)
    assert len(texts) == 1
    for section in page.document.sections:
        assert section.title in texts[0]


@pytest.mark.skipif(not (PDFTOTEXT and PDFTOPPM), reason="poppler is not installed")
def test_every_printed_page_has_its_number_and_ends_in_more_than_a_heading(tmp_path):
    written = product(made())
    sections = written.document.sections
    titles = {section.title for section in sections} | {"Author"}
    titles |= {f"Annex: {section.title}" for section in sections}
    texts, filled = printed_pages(tmp_path, written.html)
    assert len(texts) > 5
    assert all(part > 1 / 3 for part in filled[:-1])
    for number, text in enumerate(texts, 1):
        lines = text.strip().splitlines()
        last, foot = [line.strip() for line in lines if line.strip()][-2:]
        assert foot == f"{number} / {len(texts)}"
        assert last not in titles
        assert not last.endswith("?")
        assert number == 1 or lines[0].strip().startswith(written.document.running_title)


@pytest.mark.skipif(not (PDFTOTEXT and PDFTOPPM), reason="poppler is not installed")
def test_no_heading_after_a_table_of_one_row_is_left_at_the_foot_of_a_page(tmp_path):
    """Sections whose headings come to stand at many heights of a page."""
    table = Table(("Column", "Another"), (("Cell", "Another cell"),))
    sections = tuple(
        Section(f"s{k}", f"Title {k}", (table,), question="What is asked?") for k in range(60)
    )
    document = replace(product(made()).document, sections=sections)
    texts, _ = printed_pages(tmp_path, Product(document).html)
    assert len(texts) > 5
    for text in texts:
        last = [line.strip() for line in text.strip().splitlines() if line.strip()][-2]
        assert not last.startswith("Title")
        assert last != "What is asked?"
