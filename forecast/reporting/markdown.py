"""A document as Markdown, in the dialect that most viewers agree on."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from forecast.estimate import MASS_TEXT, quantity
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
from forecast.text import DASH, for_markdown


def render_markdown(document: Document, name: str = "figure") -> str:
    """Write a document as Markdown, with links to the figures that `figures_of` gives.

    Parameters
    ----------
    document
        What to write; all its text is escaped.
    name
        What the names of the figures begin with.
    """
    parts = [*_head(document)]
    panels = iter(figures_of(document, name))
    for section in document.sections:
        parts += _section(section, panels)
    return "\n\n".join(parts) + "\n"


def figures_of(document: Document, name: str = "figure") -> dict[str, str]:
    """File names of the figures of a document, in order, and their SVG text.

    Parameters
    ----------
    document
        The document.
    name
        What the names begin with.
    """
    blocks = (block for section in document.sections for block in section.blocks)
    panels = [panel for block in blocks if isinstance(block, Figure) for panel in block.panels]
    return {f"{name}-{number}.svg": panel.svg for number, panel in enumerate(panels, 1)}


def _head(document: Document) -> Iterator[str]:
    if document.failures:
        reasons = for_markdown("; ".join(document.failures))
        yield f"> **Do not rely on these numbers.** The sampler's checks failed: {reasons}."
    yield f"# {for_markdown(document.title)}"
    yield f"*{for_markdown(document.question)}*"
    yield " · ".join(
        f"**{for_markdown(name)}** {for_markdown(value)}" for name, value in document.facts
    )
    yield _table(document.glance_table(document.glance_title, f"{MASS_TEXT} interval", DASH))
    if document.basis:
        yield for_markdown(f"Basis: {document.basis}.")


def _section(section: Section, panels: Iterator[str]) -> Iterator[str]:
    yield f"## {for_markdown(section.heading)}"
    if section.asked:
        yield f"*{for_markdown(section.asked)}*"
    for block in section.blocks:
        yield _figure(block, panels) if isinstance(block, Figure) else _block(block)


def _figure(figure: Figure, panels: Iterator[str]) -> str:
    """Links to its panels, its caption, and its numbers."""
    links = [f"![{for_markdown(each.title)}]({quote(next(panels))})" for each in figure.panels]
    parts = [" ".join(links), f"*{for_markdown(figure.caption)}*"]
    return "\n\n".join([*parts, *([_table(figure.numbers)] if figure.numbers else [])])


def _block(block: Prose | Heading | Table | Listing) -> str:
    if isinstance(block, Listing):
        return "\n\n".join(_group(name, rows) for name, rows in block.groups)
    if isinstance(block, Heading):
        return f"### {for_markdown(block.text)}"
    if isinstance(block, Table):
        return _table(block)
    return _prose(block)


def _group(name: str, rows: tuple[tuple[str, ...], ...]) -> str:
    """A name, and a point for each of its rows."""
    points = ("; ".join(for_markdown(text) for text in row if text) for row in rows)
    return "\n".join([f"**{for_markdown(name)}**\n", *(f"- {point}" for point in points)])


def _prose(prose: Prose) -> str:
    text = for_markdown(prose.text)
    if prose.lead:
        text = f"**{for_markdown(prose.lead)}.** {text}"
    if prose.style == "author":
        return f"> *Author:* {text}"
    return f"*{text}*" if prose.style == "note" else text


def _table(table: Table) -> str:
    lines = [_line(table.head), _line(("---",) * len(table.head), raw=True)]
    return "\n".join([*lines, *(_line(row) for row in table.rows)])


def _line(cells: tuple[Cell, ...], *, raw: bool = False) -> str:
    texts = [str(cell) if raw else _cell(cell) for cell in cells]
    return f"| {' | '.join(texts)} |"


def _cell(cell: Cell) -> str:
    if isinstance(cell, Badge):
        return (
            f"**{for_markdown(cell.text)}**"
            if cell.tone in {"alert", "on"}
            else for_markdown(cell.text)
        )
    if isinstance(cell, Lines):
        return "<br>".join(for_markdown(line) for line in (cell.main, cell.small) if line)
    if isinstance(cell, Stack):
        return "<br>".join(for_markdown(line) for line in cell.lines)
    if isinstance(cell, Measure):
        return for_markdown(quantity(cell.estimate))
    return for_markdown(cell)
