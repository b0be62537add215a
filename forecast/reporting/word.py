"""A document as DOCX, for those who edit; needs python-docx (`pip install "forecast[docx]"`)."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any

from forecast.errors import InputError, Problem
from forecast.estimate import interval, percent, quantity
from forecast.reporting.document import (
    Badge,
    Cell,
    Document,
    Figure,
    Heading,
    Lines,
    Listing,
    Measure,
    Prose,
    Section,
    Stack,
    Table,
)
from forecast.text import flat, visible

MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
"""Written as the time of making, so that the same document gives the same bytes."""


def require_docx() -> None:
    """Raise unless python-docx is installed."""
    if find_spec("docx") is None:
        message = "needs python-docx: pip install 'forecast[docx]'"
        raise InputError([Problem(".docx", message)])


def render_docx(document: Document) -> bytes:
    """Write a document as DOCX. Figures stand as their numbers.

    Parameters
    ----------
    document
        What to write; text is text there, never a field, a link or a formula.

    Raises
    ------
    InputError
        If python-docx is not installed.
    """
    require_docx()
    import docx

    page = docx.Document()
    core = page.core_properties
    core.title, core.author, core.comments = _text(document.title)[:255], "", ""
    core.created = core.modified = MOMENT.replace(tzinfo=None)
    core.revision = 1
    _head(page, document)
    for section in document.sections:
        _section(page, section)
    buffer = io.BytesIO()
    page.save(buffer)
    return _repacked(buffer.getvalue())


def _head(page: Any, document: Document) -> None:
    if document.failures:
        reasons = "; ".join(document.failures)
        warning = f"Do not rely on these numbers. The checks failed: {reasons}."
        page.add_paragraph(_text(warning), style="Intense Quote")
    page.add_heading(_text(document.title), 0)
    page.add_paragraph(_text(document.question), style="Subtitle")
    page.add_paragraph(_text(" · ".join(f"{name}: {value}" for name, value in document.facts)))
    page.add_heading(_text(document.glance_title), 1)
    since = (document.change_title,) if document.change_title else ()
    rows = tuple(
        (
            line.label,
            percent(line.phrase.estimate.mean),
            interval(line.phrase.estimate),
            line.phrase.label,
            *((line.change,) if since else ()),
        )
        for line in document.glance
    )
    _table(page, Table(("Course", "Probability", "Interval", "In words", *since), rows))
    if document.basis:
        page.add_paragraph(_text(f"Basis: {document.basis}."))


def _section(page: Any, section: Section) -> None:
    page.add_heading(_text(f"{'Annex: ' if section.annex else ''}{section.title}"), 1)
    if asked := " ".join(filter(None, (section.question, section.basis))):
        page.add_paragraph(style="Normal").add_run(_text(asked)).italic = True
    for block in section.blocks:
        if isinstance(block, Heading):
            page.add_heading(_text(block.text), 2)
        elif isinstance(block, Table):
            _table(page, block)
        elif isinstance(block, Listing):
            _listing(page, block)
        elif isinstance(block, Figure):
            page.add_paragraph(style="Caption").add_run(_text(block.caption))
            if block.numbers:
                _table(page, block.numbers)
        else:
            _prose(page, block)


def _prose(page: Any, prose: Prose) -> None:
    paragraph = page.add_paragraph(style="Quote" if prose.style == "author" else "Normal")
    if prose.style == "author":
        paragraph.add_run("Author: ").italic = True
    if prose.lead:
        paragraph.add_run(_text(f"{prose.lead}. ")).bold = True
    paragraph.add_run(_text(prose.text)).italic = prose.style == "note"


def _listing(page: Any, listing: Listing) -> None:
    """Names in bold, and a point for each row."""
    for name, rows in listing.groups:
        page.add_paragraph(style="Normal").add_run(_text(name)).bold = True
        for row in rows:
            page.add_paragraph(_text("; ".join(filter(None, row))), style="List Bullet")


def _table(page: Any, table: Table) -> None:
    """A grid whose head is repeated on every page and whose rows are not split."""
    from docx.oxml import OxmlElement

    grid = page.add_table(rows=0, cols=len(table.head), style="Light Grid Accent 1")
    for number, row in enumerate((table.head, *table.rows)):
        line = grid.add_row()
        for cell, value in zip(line.cells, row, strict=True):
            cell.text = _text(_cell(value))
        properties = line._tr.get_or_add_trPr()
        for name in ("w:cantSplit", *(("w:tblHeader",) if number == 0 else ())):
            properties.append(OxmlElement(name))
    page.add_paragraph()


def _cell(cell: Cell) -> str:
    match cell:
        case Measure(estimate=estimate):
            return quantity(estimate)
        case Badge(text=text):
            return text
        case Lines(main=main, small=small):
            return f"{main}\n{small}" if small else main
        case Stack(lines=lines):
            return "\n".join(lines)
        case _:
            return cell


def _text(text: str) -> str:
    """Text on its lines, in which what cannot be seen is an escape: XML has no room for it."""
    return "\n".join(visible(flat(line)) for line in text.split("\n"))


def _repacked(data: bytes) -> bytes:
    """The same archive with one time for every file."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in sorted(old.namelist()):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(info, old.read(name))
    return buffer.getvalue()
