"""Tokens of a BIF document, one at a time, with their places."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from forecast.interchange.properties import QUOTED, quoted, unquoted
from forecast.interchange.source import (
    NUMBER,
    NetworkText,
    Unreadable,
    plain_numbers,
    shortened,
)

Kind = Literal["word", "quoted", "mark", "end"]

_BLANK = re.compile(r"(?:[ \t\n\f\v]++|//[^\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)*+")
_WORD = re.compile(r'(?:[^ \t\n\f\v{}()\[\]|,;"/]++|/(?![/*]))++')
_PROPERTY = re.compile(r'(?:[^;"{}]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_GAP = r"[ \t\n\f\v]*+,?[ \t\n\f\v]*+"
_NUMBERS = re.compile(rf"(?:{NUMBER.pattern}(?=[ \t\n\f\v,;]){_GAP})++;")
_LABELS = re.compile(rf"""\([ \t\n\f\v]*+(?:[^ \t\n\f\v{{}}()\[\]|,;"/]++{_GAP})++\)""")
"""What most of a large file is made of, read as a whole; what does not match, word by word."""
MARKS = "{}()[]|,;"


class Token(NamedTuple):
    """A word, a text that stood in quotes, a mark, or the end; `at` is its offset."""

    kind: Kind
    text: str
    at: int

    @property
    def shown(self) -> str:
        """Its text as an error quotes it."""
        return "the end of the file" if self.kind == "end" else shortened(self.text)

    def is_mark(self, marks: str) -> bool:
        """Whether it is one of some marks."""
        return self.kind == "mark" and self.text in marks


class Tokens:
    """The tokens of a source; comments and blanks between them are passed over.

    Examples
    --------
    >>> tokens = Tokens(NetworkText("type discrete [ 2 ] // of two", "file"))
    >>> [tokens.take().text for _ in range(5)]
    ['type', 'discrete', '[', '2', ']']
    """

    def __init__(self, source: NetworkText) -> None:
        assert isinstance(source.text, str)
        self.source, self.text = source, source.text
        self.next = self._scan(0)

    def take(self) -> Token:
        """The next token, and go past it."""
        token = self.next
        if token.kind != "end":
            self.next = self._scan(self._after)
        return token

    def at_end(self) -> bool:
        """Whether no token is left."""
        return self.next.kind == "end"

    def take_mark(self, marks: str, why: str) -> Token:
        """The next token, which is one of some marks."""
        if not self.next.is_mark(marks):
            legal = " or ".join(repr(mark) for mark in marks)
            raise self.broken(f"{self.next.shown} where {legal} {why}")
        return self.take()

    def take_name(self, what: str) -> Token:
        """The next token, which is a word or a text in quotes."""
        if self.next.kind not in ("word", "quoted"):
            raise self.broken(f"{self.next.shown} where {what} is expected")
        return self.take()

    def take_property(self) -> tuple[str, int]:
        """The text up to a semicolon, as it is; the token before was `property`."""
        at = self.next.at
        match = _PROPERTY.match(self.text, at)
        end = match.end() if match else at
        if self.text[end : end + 1] != ";":
            self.next = self._scan(end)
            raise self.broken("a property ends with ';'; text with braces stands in quotes")
        self.next = self._scan(end + 1)
        return self.text[at:end].strip(), at

    def take_numbers(self) -> tuple[list[float], list[int]] | None:
        """The numbers up to a semicolon with their places, if there is nothing but numbers."""
        match = _NUMBERS.match(self.text, self.next.at)
        if match is None:
            return None
        found = list(NUMBER.finditer(self.text, match.start(), match.end()))
        values = plain_numbers([each.group() for each in found])
        if values is None:
            return None
        self.next = self._scan(match.end())
        return values, [each.start() for each in found]

    def take_labels(self) -> list[str] | None:
        """The bare words between parentheses, if there is nothing but such words."""
        match = _LABELS.match(self.text, self.next.at)
        if match is None:
            return None
        self.next = self._scan(match.end())
        return match.group()[1:-1].replace(",", " ").split()

    def skip_comma(self) -> None:
        """Go past a comma, if there is one."""
        if self.next.is_mark(","):
            self.take()

    def skip_statement(self) -> None:
        """Go past the next semicolon, or up to where the block ends."""
        while not (self.at_end() or self.next.is_mark("}")):
            if self.take().is_mark(";"):
                return

    def broken(self, message: str) -> Unreadable:
        """Take note of a problem here, and break off the statement."""
        self.source.wrong(self.next.at, message)
        return Unreadable()

    def _scan(self, start: int) -> Token:
        blank = _BLANK.match(self.text, start)
        at = blank.end() if blank else start
        self._after = at + 1
        first = self.text[at : at + 1]
        if not first:
            return Token("end", "", at)
        if first in MARKS:
            return Token("mark", first, at)
        if self.text.startswith("/*", at):
            raise self.source.give_up(at, "a comment that does not end; '*/' is missing")
        match = (QUOTED if first == '"' else _WORD).match(self.text, at)
        if match is None:
            raise self.source.give_up(at, "a text in quotes that does not end")
        self._after = match.end()
        if first == '"':
            return Token("quoted", unquoted(match.group()), at)
        return Token("word", match.group(), at)


def word_text(name: str) -> str:
    """A name or label as BIF writes it: bare where that is read back, else in quotes.

    Examples
    --------
    >>> word_text("Asy/Patch"), word_text("no rain")
    ('Asy/Patch', '"no rain"')
    """
    return name if _WORD.fullmatch(name) else quoted(name)
