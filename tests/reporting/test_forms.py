"""Every form of a product says the same, keeps to its schema and gives the same bytes twice."""

import io
import json
import re
import zipfile
from html import unescape
from pathlib import Path

import jsonschema
import pytest
from PIL import Image

from forecast.estimate import Estimate, interval, percent, quantity
from forecast.lexicon import lexicon_names, phrase
from forecast.reading import shipped_folder
from forecast.reporting.document import (
    Badge,
    Document,
    Drawing,
    Figure,
    Glance,
    Heading,
    Lines,
    Listing,
    Measure,
    Prose,
    Section,
    Stack,
    Table,
)
from forecast.reporting.portable import find_browser
from forecast.reporting.product import Product, product
from tests.reporting.made_forecasts import made

SNAPSHOTS = Path(__file__).parent / "snapshots"
HOSTILE = (
    '<script>alert("x")</script> =HYPERLINK("https://a.example") +1 @SUM(A1) {{ 1 }} ]]> '
    "${x} \x00\x0b\x1b[2J \u202e https://a.example/ INCLUDETEXT"
)


def dot():
    """The smallest picture."""
    buffer = io.BytesIO()
    Image.new("L", (1, 1)).save(buffer, "png")
    return buffer.getvalue()


def document(text="words", mean=0.12):
    """A document with a block and a cell of every kind."""
    found = Estimate(mean, mean / 2, min(1.0, mean * 2))
    table = Table(
        ("A", "B"),
        (
            (text, Measure(found)),
            (Lines("main", "small"), Stack(("one", "two"))),
            (Badge("fired", "alert"), text),
        ),
    )
    drawing = Drawing("<svg></svg>", f"Curve, {text}", dot)
    figure = Figure((drawing, drawing), f"Caption, {text}", numbers=table)
    listing = Listing(("When", "Stated"), ((text, (("", text), ("if it rains", "0.2"))),))
    blocks = (Prose(text, "Lead"), Prose(text, style="author"), Heading(text))
    blocks = (*blocks, table, figure, listing)
    return Document(
        title=f"Title {text}",
        question=f"What {text}?",
        facts=(("As of", "3 May 2020"),),
        failures=(),
        glance_title="Probability that it is under way",
        glance=(Glance("Attack", phrase(found), "dangerous", "+3", "posture=attack"),),
        sections=(
            Section("one", "One", blocks, "What is one?", "Basis: reports."),
            Section("two", "Two", (Prose(text, style="note"),), "What is two?", annex=True),
        ),
        change_title="Change since 1 May 2020",
        basis="the model and 2 reports",
    )


def docx_text(data):
    """Paragraphs and rows of a DOCX in order, each on a line."""
    import docx

    page = docx.Document(io.BytesIO(data))
    for part in page.iter_inner_content():
        if hasattr(part, "rows"):
            yield from (" | ".join(cell.text for cell in row.cells) for row in part.rows)
        elif part.text:
            yield f"{part.style.name}: {part.text}"


@pytest.fixture(scope="module")
def written():
    return Product(document())


@pytest.mark.parametrize("form", ["markdown", "json", "docx"])
def test_forms_are_as_they_were(written, form):
    """Remake a snapshot by deleting it and running this once."""
    found = getattr(written, form)
    text = "\n".join(docx_text(found)) + "\n" if form == "docx" else found
    path = SNAPSHOTS / f"product.{ {'markdown': 'md', 'json': 'json', 'docx': 'txt'}[form] }"
    if not path.exists():
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def schema():
    return json.loads((shipped_folder() / "product.schema.json").read_text("utf-8"))


def test_json_keeps_to_its_schema_and_holds_the_numbers_of_the_forecast(schema):
    outlook = made()
    jsonschema.Draft202012Validator.check_schema(schema)
    for length in ("full", "page"):
        found = json.loads(product(outlook, made(seed=8), length=length).json)
        jsonschema.validate(found, schema)
        courses = {line["course"]: line for line in found["summary"]["courses"]}
        for name in ("posture=attack", "raid=raid", "any dangerous course"):
            answer = outlook.probability_within(name)
            assert (courses[name]["mean"], courses[name]["upper"]) == (answer.mean, answer.upper)
            assert courses[name]["text"] == quantity(answer)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(found | {"interval": "90 %"}, schema)


def test_every_form_prints_the_numbers_of_the_forecast():
    outlook = made()
    written = product(outlook, made(seed=8))
    plain = re.sub(r"<[^>]+>", "", written.html)
    texts = [unescape(plain), written.markdown, "\n".join(docx_text(written.docx)), written.json]
    estimates = [outlook.any_dangerous]
    for each in outlook.courses:
        estimates += [each.now, each.average, *([each.within] if each.course.dangerous else [])]
    for text in texts:
        for found in estimates:
            assert quantity(found) in text or interval(found) in text
            assert percent(found.mean) in text


def test_same_inputs_same_bytes():
    one, other = Product(document()), Product(document())
    assert (one.html, one.markdown, one.json, one.docx) == (
        *(other.html, other.markdown, other.json),
        other.docx,
    )


@pytest.mark.skipif(find_browser() is None, reason="no browser is installed")
def test_a_pdf_is_the_same_twice_and_names_no_day(written):
    first = Product(document()).pdf
    assert first == written.pdf
    assert first.startswith(b"%PDF")
    assert b"/StructTreeRoot" in first or b"/MarkInfo" in first
    assert re.findall(rb"/CreationDate \(D:(\d{4})", first) == [b"2000"]


def test_text_of_others_is_text_in_every_form(schema):
    hostile = Product(document(HOSTILE))
    jsonschema.validate(json.loads(hostile.json), schema)
    assert json.loads(hostile.json)["title"] == f"Title {HOSTILE}"
    assert "<script" not in hostile.html
    assert "<script" not in hostile.markdown
    texts = "\n".join(docx_text(hostile.docx))
    assert '<script>alert("x")</script>' in texts
    with zipfile.ZipFile(io.BytesIO(hostile.docx)) as archive:
        body = archive.read("word/document.xml").decode("utf-8")
        links = archive.read("word/_rels/document.xml.rels").decode("utf-8")
    assert not re.search(r"<w:(fldSimple|instrText|fldChar|hyperlink|altChunk|object)", body)
    assert "a.example" not in links
    assert "\x1b" not in body


@pytest.mark.parametrize("mean", [0.0, 1e-9, 0.004, 0.996, 1.0])
@pytest.mark.parametrize("lexicon", lexicon_names())
def test_no_form_prints_certainty(mean, lexicon):
    page = document(mean=mean)
    found = phrase(page.glance[0].phrase.estimate, lexicon=lexicon)
    line = Glance("Attack", found, "dangerous")
    written = Product(
        Document(**{**{f: getattr(page, f) for f in page.__slots__}, "glance": (line,)})
    )
    shown = re.sub(r"<[^>]+>", " ", written.html.partition("<main>")[2]).replace("&lt;", "<")
    texts = (shown, written.markdown, "\n".join(docx_text(written.docx)))
    for text in (*texts, *(json.loads(written.json)["summary"]["courses"][0]["text"],)):
        assert not re.search(r"(?<![\d.])(0|100) ?%", text.replace("\N{NO-BREAK SPACE}", " "))
