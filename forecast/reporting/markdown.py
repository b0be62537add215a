"""A document as Markdown, in the dialect that most viewers agree on."""

from __future__ import annotations

import re
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

_MARKUP = re.compile(r"([\\`*\[\]|])")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_UNDERSCORE = re.compile(r"(?<!\w)_|_(?!\w)")


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


def escaped(text: str) -> str:
    r"""Text that no viewer takes for markup.

    Examples
    --------
    >>> print(escaped("a|b <script> *c* some_name <1 %"))
    a\|b &lt;script> \*c\* some_name <1 %
    """
    text = _ENTITY.sub("&amp;", text.replace("\n", " "))
    text = _MARKUP.sub(r"\\\1", text)
    return _UNDERSCORE.sub(r"\_", _TAG.sub("&lt;", text))


def _head(document: Document) -> Iterator[str]:
    if document.failures:
        reasons = escaped("; ".join(document.failures))
        yield f"> **Do not rely on these numbers.** The sampler's checks failed: {reasons}."
    yield f"# {escaped(document.title)}"
    yield f"*{escaped(document.question.strip())}*"
    yield " · ".join(f"**{escaped(name)}** {escaped(value)}" for name, value in document.facts)
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
    yield f"## {escaped(section.title)}"
    for block in section.blocks:
        yield _block(block)


def _block(block: Block) -> str:
    if isinstance(block, Heading):
        return f"### {escaped(block.text)}"
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Figure):
        return f"*Figure, drawn in the HTML form: {escaped(block.caption)}*"
    return _prose(block)


def _prose(prose: Prose) -> str:
    text = _first_character_escaped(escaped(prose.text))
    if prose.lead:
        text = f"**{escaped(prose.lead)}.** {text}"
    if prose.voice == "author":
        return f"> *Author:* {text}"
    return f"*{text}*" if prose.voice == "note" else text


def _first_character_escaped(text: str) -> str:
    """A leading mark or number would start a list, a quotation or a heading."""
    return re.sub(r"^(\d+)([.)])(?=\s)", r"\1\\\2", re.sub(r"^([#>+-])", r"\\\1", text))


def _table(table: Table) -> str:
    lines = [_line(table.head), _line(("---",) * len(table.head), raw=True)]
    return "\n".join([*lines, *(_line(row) for row in table.rows)])


def _line(cells: tuple[Cell, ...], *, raw: bool = False) -> str:
    texts = [str(cell) if raw else _cell(cell) for cell in cells]
    return f"| {' | '.join(texts)} |"


def _cell(cell: Cell) -> str:
    if isinstance(cell, Badge):
        return f"**{escaped(cell.text)}**" if cell.tone in {"alert", "on"} else escaped(cell.text)
    if isinstance(cell, Lines):
        return "<br>".join(escaped(line) for line in (cell.main, cell.small) if line)
    if isinstance(cell, Stack):
        return "<br>".join(escaped(line) for line in cell.lines)
    if isinstance(cell, Measure):
        return escaped(quantity(cell.estimate))
    return escaped(cell)
