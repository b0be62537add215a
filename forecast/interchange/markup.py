"""XML as a tree of elements with their places, and nothing that reaches outside the text.

Expat does the parsing. Declared entities are refused, whatever they stand for, so that none can
multiply or name a file; a document type is passed over, and nothing is ever fetched.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from forecast.errors import InputError, Problem
from forecast.interchange.source import NetworkText, Numbers, numbers_from, shortened

MAX_DEPTH = 50
MAX_ELEMENTS = 300_000

_WORD = re.compile(r"[^ \t\n]+")


@dataclass(slots=True)
class Element:
    """An element: its name, attributes, children, and the text between them.

    `breaks` are the places from which text runs on without markup between: its offset in the
    text, and in the source.
    """

    tag: str
    attributes: dict[str, str]
    at: int
    children: list[Element] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    breaks: list[tuple[int, int]] = field(default_factory=list)
    length: int = 0
    end: int = -1

    @property
    def text(self) -> str:
        """All text that stands directly in the element."""
        return "".join(self.pieces)

    def add(self, piece: str, at: int) -> None:
        """Add a stretch of text that stands at a place."""
        if at != self.end:
            self.breaks.append((self.length, at))
        self.pieces.append(piece)
        self.length += len(piece)
        self.end = at + len(piece.encode())

    def all(self, *tags: str) -> Iterator[Element]:
        """Children of some names, in order."""
        return (child for child in self.children if child.tag in tags)

    def first(self, *tags: str) -> Element | None:
        """The first child of some names."""
        return next(self.all(*tags), None)

    def numbers(self, source: NetworkText) -> Numbers:
        """The numbers of the text, parted by blanks."""
        text = self.text

        def place(at: int) -> int:
            begin, start = self.breaks[bisect_right(self.breaks, (at, 1 << 60)) - 1]
            return start + (at - begin if ascii_only else len(text[begin:at].encode()))

        ascii_only = text.isascii()
        tokens = ((match.group(), match.start()) for match in _WORD.finditer(text))
        return numbers_from(source, tokens, text, place, self.at)


def parse(source: NetworkText) -> Element:
    """The root element of a document.

    Parameters
    ----------
    source
        Text in UTF-8 bytes; what it says of its own encoding is not looked at.

    Raises
    ------
    InputError
        If it is no XML, declares entities, or is nested too deeply.
    """
    builder = _Builder(source)
    parser = builder.parser
    try:
        parser.Parse(source.text, True)
    except expat.ExpatError as error:
        reason = expat.ErrorString(error.code)
        place = f"{source.where}:{error.lineno}:{error.offset + 1}"
        raise InputError([Problem(place, f"not valid XML: {reason}")]) from None
    assert builder.root is not None
    return builder.root


class _Builder:
    """Builds the tree as expat meets its parts."""

    def __init__(self, source: NetworkText) -> None:
        self.source = source
        self.root: Element | None = None
        self.open: list[Element] = []
        self.count = 0
        self.parser: Any = expat.ParserCreate("utf-8")
        self.parser.specified_attributes = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._entity
        self.parser.SkippedEntityHandler = self._entity
        self.parser.ExternalEntityRefHandler = self._entity

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        at = self.parser.CurrentByteIndex
        self.count += 1
        if len(self.open) >= MAX_DEPTH:
            raise self.source.give_up(at, f"elements are nested more than {MAX_DEPTH} deep")
        if self.count > MAX_ELEMENTS:
            raise self.source.give_up(at, f"more than {MAX_ELEMENTS:,} elements")
        element = Element(tag, attributes, at)
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)

    def _end(self, _tag: str) -> None:
        self.open.pop()

    def _text(self, text: str) -> None:
        self.open[-1].add(text, self.parser.CurrentByteIndex)

    def _entity(self, name: str | None, *_: object) -> NoReturn:
        message = f"the entity {shortened(str(name))}; entities are not read: write out the text"
        raise self.source.give_up(self.parser.CurrentByteIndex, message)


def text_markup(text: str) -> str:
    """A text as the content of an element.

    Examples
    --------
    >>> text_markup("<5 & more")
    '&lt;5 &amp; more'
    """
    return escape(text)


def attribute_markup(text: str) -> str:
    """A text as the value of an attribute, with its quotes; line breaks are kept.

    Examples
    --------
    >>> print(attribute_markup('5" pipe'))
    '5" pipe'
    """
    return quoteattr(text)


def source_of(text: str, where: str) -> NetworkText:
    """A source in bytes; text that has no UTF-8 form is refused."""
    try:
        return NetworkText(text.encode("utf-8"), where)
    except UnicodeEncodeError as error:
        line = text[: error.start].count("\n") + 1
        problem = Problem(f"{where}:{line}", "half of a surrogate pair; text is valid Unicode")
        raise InputError([problem]) from None
