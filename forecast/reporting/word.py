"""A document as DOCX, for those who edit; needs python-docx (`pip install "forecast[docx]"`)."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import Any

from forecast.errors import InputError, Problem
from forecast.estimate import quantity
from forecast.reporting.document import (
    Badge,
    Block,
    Cell,
    Document,
    Drawing,
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
from forecast.reporting.word_style import (
    BETWEEN,
    MARGINS,
    PAGE_WIDTH,
    ask_in_heading,
    columns,
    describe_picture,
    dress_page,
    dress_table,
    next_column,
    number_pages,
    set_style,
    write_cell,
)
from forecast.text import flat, visible

MOMENT = datetime(2000, 1, 1, tzinfo=UTC)
"""Written as the time of making, so that the same document gives the same bytes."""
GUTTER = 6.0
"""Millimetres for a space between two pictures in a row, and to spare."""
WEIGHTS = (5, 2, 3, 4, 2)
"""Relative widths of the columns of the summary."""


def require_docx() -> None:
    """Raise unless python-docx is installed."""
    if find_spec("docx") is None:
        message = "needs python-docx: pip install 'forecast[docx]'"
        raise InputError([Problem(".docx", message)])


def render_docx(document: Document) -> bytes:
    """Write a document as DOCX.

    Parameters
    ----------
    document
        What to write; text is text there, never a field, a link or a formula. The only fields are
        the numbers of the pages.

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
    core.revision, core.language = 1, "en"
    dress_page(page, document.length)
    if document.length == "full":
        number_pages(page, _text(document.running_title))
    writer = _Writer(page, PAGE_WIDTH - 2 * MARGINS[document.length])
    writer.head(document)
    if document.length == "page":
        writer.on_one_page(document.sections)
    else:
        writer.sections(document.sections)
    buffer = io.BytesIO()
    page.save(buffer)
    return _repacked(buffer.getvalue())


class _Writer:
    """Writes the parts of a document, one below the other."""

    def __init__(self, page: Any, width: float) -> None:
        self.page, self.width = page, width

    def line(self, text: str, style: str, *, keep: bool = False) -> Any:
        """A paragraph, which stays with what follows if asked to."""
        paragraph = self.page.add_paragraph(_text(text))
        set_style(paragraph, style)
        if keep:
            paragraph.paragraph_format.keep_with_next = True
        return paragraph

    def head(self, document: Document) -> None:
        """Title, question and facts, and the courses at a glance."""
        if document.failures:
            reasons = "; ".join(document.failures)
            warning = f"Do not rely on these numbers. The checks failed: {reasons}."
            self.line(warning, "Intense Quote")
        self.page.add_heading(_text(document.title), 0)
        self.line(document.question, "Subtitle")
        self.line(" · ".join(f"{name}: {value}" for name, value in document.facts), "Facts")
        self.page.add_heading(_text(document.glance_title), 1)
        table = document.glance_table("Probability", "Interval")
        self.table(replace(table, weights=WEIGHTS[: len(table.head)]))
        if document.basis:
            self.line(f"Basis: {document.basis}.", "Note")

    def sections(self, sections: tuple[Section, ...]) -> None:
        """Headings, each with its question below it, and what answers that."""
        for section in sections:
            self.page.add_heading(_text(section.heading), 1)
            if section.asked:
                self.line(section.asked, "Asked")
            self.blocks(section)

    def on_one_page(self, sections: tuple[Section, ...]) -> None:
        """The first section as wide as the page; below it prose, and beside it what has tables."""
        lead, *others = sections
        self.asked(lead, f"{lead.question} {lead.basis}")
        columns(self.page, 2)
        self.width = (self.width - BETWEEN) / 2
        tabled = (each for each in others if any(isinstance(b, Table) for b in each.blocks))
        first = next(tabled, None)
        for section in others:
            if section is first and section is not others[0]:
                next_column(self.page)
            self.asked(section, section.question, on_top=section in (first, others[0]))
        columns(self.page, 1)

    def asked(self, section: Section, question: str, *, on_top: bool = False) -> None:
        """A section whose question stands beside its heading, which may top a column."""
        heading = self.page.add_heading(_text(section.title), 1)
        if on_top:
            heading.paragraph_format.space_before = 0
        ask_in_heading(self.page, heading, _text(question), self.width)
        self.blocks(section)

    def blocks(self, section: Section) -> None:
        """What a section says."""
        for block, following in zip(section.blocks, (*section.blocks[1:], None), strict=True):
            self.block(block, keep=isinstance(following, Table | Figure | Listing))

    def block(self, block: Block, *, keep: bool) -> None:
        """A block, which stays with what follows if asked to."""
        if isinstance(block, Heading):
            self.page.add_heading(_text(block.text), 2)
        elif isinstance(block, Table):
            self.table(block)
        elif isinstance(block, Listing):
            self.listing(block)
        elif isinstance(block, Figure):
            self.figure(block)
        else:
            self.prose(block, keep=keep)

    def prose(self, prose: Prose, *, keep: bool) -> None:
        """A paragraph of ours, of the author, or a note."""
        style = {"author": "Quote", "note": "Note"}.get(prose.style, "Normal")
        paragraph = self.line("", style, keep=keep)
        if prose.style == "author":
            paragraph.add_run("Author: ").italic = True
        if prose.lead:
            paragraph.add_run(f"{_text(prose.lead)}. ").bold = True
        paragraph.add_run(_text(prose.text))

    def figure(self, figure: Figure) -> None:
        """Pictures side by side, two in a row, their caption, and their numbers."""
        per_row = min(2, len(figure.panels))
        width = (self.width - GUTTER * (per_row - 1)) / per_row
        for start in range(0, len(figure.panels), per_row):
            last = start + per_row >= len(figure.panels)
            self.pictures(figure.panels[start : start + per_row], width, keep=last)
        self.line(figure.caption, "Caption", keep=figure.numbers is not None)
        if figure.numbers is not None:
            self.table(figure.numbers)

    def pictures(self, drawings: tuple[Drawing, ...], width: float, *, keep: bool) -> None:
        """A row of pictures, each with what it shows; the last stays with the caption."""
        from docx.shared import Mm

        paragraph = self.line("", "Normal", keep=keep)
        for drawing in drawings:
            run = paragraph.add_run()
            picture = run.add_picture(io.BytesIO(drawing.pixels()), Mm(width))
            describe_picture(picture, _text(drawing.title))
            paragraph.add_run("  " if drawing is not drawings[-1] else "")

    def listing(self, listing: Listing) -> None:
        """Names in bold, and a point for each row, in two columns."""
        columns(self.page, 2)
        for name, rows in listing.groups:
            self.line(name, "Entry")
            for row in rows:
                self.line("; ".join(filter(None, row)), "List Bullet")
        columns(self.page, 1)

    def table(self, table: Table) -> None:
        """A table whose head is repeated on every page and whose rows are not split."""
        grid = self.page.add_table(rows=0, cols=len(table.head))
        for title, cell in zip(table.head, grid.add_row().cells, strict=True):
            write_cell(cell, [(_text(title), "Head", False)])
        for row in table.rows:
            for number, (value, cell) in enumerate(zip(row, grid.add_row().cells, strict=True)):
                write_cell(cell, _lines(value, first=number == 0))
        weights = table.weights or (1,) * len(table.head)
        dress_table(grid, [self.width * weight / sum(weights) for weight in weights])
        self.line("", "Gap")


def _lines(cell: Cell, *, first: bool) -> list[tuple[str, str, bool]]:
    """Lines of a cell, with their style and whether they are bold."""
    match cell:
        case Measure(estimate=estimate):
            return [(_text(quantity(estimate)), "Cell", first)]
        case Badge(text=text, tone=tone):
            return [(_text(text), "Cell", tone in {"alert", "on"})]
        case Lines(main=main, small=small):
            lines = [(_text(main), "Cell", first)]
            return [*lines, (_text(small), "Cell small", False)] if small else lines
        case Stack(lines=lines_of):
            return [(_text(line), "Cell", first) for line in lines_of]
        case _:
            return [(_text(cell), "Cell", first)]


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
