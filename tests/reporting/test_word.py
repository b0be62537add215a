"""A DOCX as LibreOffice prints it: it opens, and no heading is left alone at a foot."""

import io
import re
import shutil
import subprocess
import zipfile

import pytest

from forecast.reporting.product import Product, product
from tests.reporting.made_forecasts import made
from tests.reporting.test_browser import PDFTOTEXT
from tests.reporting.test_forms import document

SOFFICE = shutil.which("soffice")
NEEDS_OFFICE = pytest.mark.skipif(
    not (SOFFICE and PDFTOTEXT), reason="LibreOffice or poppler is not installed"
)


def printed_by_office(folder, data):
    """Lines of text of each page of a DOCX, as LibreOffice prints it with a profile of its own."""
    (folder / "product.docx").write_bytes(data)
    profile = f"-env:UserInstallation={(folder / 'office').as_uri()}"
    command = [SOFFICE, "--headless", profile, "--convert-to", "pdf", "--outdir", folder]
    subprocess.run(
        [*command, folder / "product.docx"], capture_output=True, check=True, timeout=180
    )
    pdf = folder / "product.pdf"
    done = subprocess.run([PDFTOTEXT, "-layout", pdf, "-"], capture_output=True, check=True)
    pages = done.stdout.decode("utf-8").split("\f")[:-1]
    return [[line.strip() for line in page.splitlines() if line.strip()] for page in pages]


def headings_at_a_foot(pages, document):
    """Titles and questions that are the last line of a page, but for its number."""
    titles = {f"{'Annex: ' * each.annex}{each.title}" for each in document.sections}
    asked = {each.question for each in document.sections}
    feet = [page[-2] for page in pages[:-1]]
    return [foot for foot in feet if foot in titles or any(foot.startswith(q) for q in asked)]


@pytest.fixture(scope="module")
def full():
    return product(made(), made(seed=8))


@NEEDS_OFFICE
def test_a_full_product_opens_numbers_its_pages_and_leaves_no_heading_at_a_foot(tmp_path, full):
    pages = printed_by_office(tmp_path, full.docx)
    assert len(pages) > 3
    assert not headings_at_a_foot(pages, full.document)
    for number, page in enumerate(pages, 1):
        assert page[-1] == f"{number} / {len(pages)}"
        assert number == 1 or page[0] == full.document.running_title


@NEEDS_OFFICE
def test_one_page_is_one_page(tmp_path):
    written = product(made(), made(seed=8), length="page")
    [lines] = printed_by_office(tmp_path, written.docx)
    text = " ".join(lines)
    for section in written.document.sections:
        assert section.title in text
        assert section.question in text


def test_every_picture_says_what_it_shows(full):
    with zipfile.ZipFile(io.BytesIO(full.docx)) as archive:
        body = archive.read("word/document.xml").decode("utf-8")
        pictures = [name for name in archive.namelist() if name.startswith("word/media/")]
    described = re.findall(r'<wp:docPr [^>]*descr="([^"]+)"', body)
    assert len(pictures) == len(described) == body.count("<w:drawing>") == 4
    assert "Dangerous courses by a date" in described


def test_the_only_fields_are_the_numbers_of_pages():
    hostile = Product(document('INCLUDETEXT "c:/a.txt" { DDEAUTO x } =HYPERLINK("https://a.b")'))
    with zipfile.ZipFile(io.BytesIO(hostile.docx)) as archive:
        parts = [archive.read(name).decode("utf-8") for name in archive.namelist()
                 if name.startswith("word/") and name.endswith(".xml")]  # fmt: skip
    fields = [each for part in parts for each in re.findall(r'w:instr="([^"]*)"', part)]
    assert set(fields) == {"PAGE", "NUMPAGES"}
    assert not any("<w:instrText" in part or "<w:fldChar" in part for part in parts)
