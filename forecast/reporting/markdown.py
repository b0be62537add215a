"""A document as Markdown, in the dialect that most viewers agree on."""

from __future__ import annotations

from collections.abc import Iterator

from forecast.estimate import MASS_TEXT, interval, percent, quantity
from forecast.reporting.document import (
    Badge,
    Block,
    Cell,
    Document,
    Figure,
    Heading,
    Lines,
    Measure,
    Prose,
    Section,
    Stack,
    Table,
)
from forecast.text import for_markdown


def render_markdown(document: Document) -> str:
    """Write a document as Markdown.

    Parameters
    ----------
    document
        What to write; all its text is escaped.
    """
    parts = [*_head(document)]
    for section in document.sections:
        parts += _section(section)
    return "\n\n".join(parts) + "\n"


def _head(document: Document) -> Iterator[str]:
    if document.failures:
        reasons = for_markdown("; ".join(document.failures))
        yield f"> **Do not rely on these numbers.** The sampler's checks failed: {reasons}."
    yield f"# {for_markdown(document.title)}"
    yield f"*{for_markdown(document.question)}*"
    yield " · ".join(
        f"**{for_markdown(name)}** {for_markdown(value)}" for name, value in document.facts
    )
    head = ("Course", document.glance_title, f"{MASS_TEXT} interval", "In words")
    rows = tuple(
        (
            line.label,
            percent(line.phrase.estimate.mean),
            interval(line.phrase.estimate),
            line.phrase.label,
        )
        for line in document.glance
    )
    yield _table(Table(head, rows))


def _section(section: Section) -> Iterator[str]:
    yield f"## {for_markdown(section.title)}"
    for block in section.blocks:
        yield _block(block)


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"### {for_markdown(block.text)}"
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Figure):
        return f"*Figure, drawn in the HTML form: {for_markdown(block.caption)}*"
    return _prose(block)


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
