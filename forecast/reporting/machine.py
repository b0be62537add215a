"""A document for machines: JSON, whose schema is `priors/product.schema.json`."""

from __future__ import annotations

import json
from typing import Any

from forecast.estimate import MASS, Estimate, quantity
from forecast.lexicon import Phrase
from forecast.reporting.document import (
    Badge,
    Block,
    Cell,
    Document,
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

FORMAT = 1


def render_json(document: Document) -> str:
    """Write a document as JSON: every number as it was computed, and as it is printed.

    Parameters
    ----------
    document
        What to write.
    """
    return json.dumps(_document(document), ensure_ascii=False, indent=1) + "\n"


def _document(document: Document) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "length": document.length,
        "title": document.title,
        "question": document.question,
        "facts": dict(document.facts),
        "reliable": not document.failures,
        "failures": list(document.failures),
        "interval": MASS,
        "basis": document.basis,
        "summary": {
            "about": document.glance_title,
            "change": document.change_title,
            "courses": [_glance(line) for line in document.glance],
        },
        "sections": [_section(section) for section in document.sections],
    }


def _glance(line: Glance) -> dict[str, Any]:
    return {
        "label": line.label,
        "course": line.name,
        "kind": line.kind,
        **_estimate(line.phrase.estimate),
        "words": _words(line.phrase),
        "change": line.change,
    }


def _estimate(found: Estimate) -> dict[str, Any]:
    days = [day.isoformat() for day in found.days] if found.days else None
    return {
        "mean": found.mean,
        "lower": found.lower,
        "upper": found.upper,
        "days": days,
        "condition": found.condition,
        "text": quantity(found),
    }


def _words(found: Phrase) -> dict[str, Any]:
    return {"term": found.word, "label": found.label, "reach": found.reach}


def _section(section: Section) -> dict[str, Any]:
    return {
        "key": section.key,
        "title": section.title,
        "question": section.question,
        "basis": section.basis,
        "annex": section.annex,
        "blocks": [_block(block) for block in section.blocks],
    }


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Prose(text=text, lead=lead, style=style):
            return {"kind": "text", "lead": lead, "text": text, "style": style}
        case Heading(text=text):
            return {"kind": "heading", "text": text}
        case Table():
            return {"kind": "table", **_table(block)}
        case Listing(head=head, groups=groups):
            named = [{"name": name, "rows": [list(row) for row in rows]} for name, rows in groups]
            return {"kind": "listing", "head": list(head), "groups": named}
        case Figure(caption=caption, numbers=numbers):
            return {
                "kind": "figure",
                "caption": caption,
                "numbers": None if numbers is None else _table(numbers),
            }


def _table(table: Table) -> dict[str, Any]:
    rows = [[_cell(cell) for cell in row] for row in table.rows]
    return {"head": list(table.head), "rows": rows}


def _cell(cell: Cell) -> Any:
    """Text; lines of text; or an estimate with what else is printed of it."""
    match cell:
        case Measure(estimate=estimate):
            return _estimate(estimate)
        case Badge(text=text):
            return text
        case Lines(main=main, small=small):
            return [main, small] if small else main
        case Stack(lines=lines):
            return list(lines)
        case _:
            return cell
