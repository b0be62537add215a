"""What a product says, before anybody decides how it looks: sections made of a few kinds of block.

All text in a document is plain text. The renderers escape it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from forecast.estimate import Estimate, interval, percent
from forecast.lexicon import Phrase

Style = Literal["computed", "author", "note"]


@dataclass(frozen=True, slots=True)
class Prose:
    """A paragraph: computed, by the scenario's author, or a note on how to read.

    Attributes
    ----------
    text
        The paragraph.
    lead
        Words set in front of it, in bold.
    style
        Who speaks.
    """

    text: str
    lead: str = ""
    style: Style = "computed"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading inside a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Badge:
    """A status: a word, and whether it warns, is on, waits or is off."""

    text: str
    tone: Literal["alert", "on", "wait", "off"]


@dataclass(frozen=True, slots=True)
class Lines:
    """A cell with a quieter second line."""

    main: str
    small: str


@dataclass(frozen=True, slots=True)
class Stack:
    """A cell with several lines of the same rank."""

    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """A cell with an estimate, drawn as a bar where the format can."""

    estimate: Estimate
    dangerous: bool = False


Cell = str | Badge | Lines | Stack | Measure


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; every row has a cell for each column.

    Attributes
    ----------
    head
        Titles of the columns.
    rows
        The rows.
    weights
        Relative widths of the columns, where a format can set them; empty for even widths.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    weights: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Drawing:
    """A picture, as SVG and, for forms that hold no SVG, as pixels.

    Attributes
    ----------
    svg
        The picture.
    title
        What a screen reader says of it.
    pixels
        Draws it once more, as PNG.
    """

    svg: str
    title: str
    pixels: Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Figure:
    """Drawings side by side, with the caption that stands in for them where they cannot be shown.

    Attributes
    ----------
    panels
        What is drawn.
    caption
        What it shows.
    narrow
        The same for a narrow page; empty if the panels can be read there too.
    numbers
        What is drawn, in numbers.
    """

    panels: tuple[Drawing, ...]
    caption: str
    narrow: tuple[Drawing, ...] = ()
    numbers: Table | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What is looked up rather than read, under its names; set small and in columns where it can.

    Attributes
    ----------
    head
        Titles of what stands in a row.
    groups
        A name, and its rows; every row has a text for each title, which may be empty.
    """

    head: tuple[str, ...]
    groups: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...]


Block = Prose | Heading | Table | Figure | Listing


@dataclass(frozen=True, slots=True)
class Section:
    """A titled part of the product.

    Attributes
    ----------
    key, title
        Its name, for links and machines, and its heading.
    blocks
        What it says; none if there is nothing to say.
    question, basis, annex
        The one question that it answers, what its numbers rest on, and whether it stands behind
        the answers, for those who look things up; all three come from the contents.
    """

    key: str
    title: str
    blocks: tuple[Block, ...]
    question: str = ""
    basis: str = ""
    annex: bool = False

    @property
    def heading(self) -> str:
        """Its title, as it stands above it where annexes are told apart."""
        return f"Annex: {self.title}" if self.annex else self.title

    @property
    def asked(self) -> str:
        """The question, and what its numbers rest on; empty if it has neither."""
        return " ".join(filter(None, (self.question, self.basis)))


@dataclass(frozen=True, slots=True)
class Glance:
    """One line of the summary: a course, how probable it is by the horizon, and in words.

    Attributes
    ----------
    label, phrase
        The course, its probability and the words for it.
    kind
        Whether it is dangerous, or the union of those that are.
    change
        Difference from the last product, in points; empty where there is none.
    name
        "variable=state", or the name of the union.
    """

    label: str
    phrase: Phrase
    kind: Literal["course", "dangerous", "union"]
    change: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A whole product.

    Attributes
    ----------
    title, question
        What it is about.
    facts
        Names and values of the masthead.
    failures
        Why its numbers cannot be trusted; empty if they can.
    glance_title, glance
        The summary.
    sections
        The parts, in order; annexes last.
    length
        "full", or "page" for one page.
    change_title
        What the changes in the summary are since; empty where nothing is compared.
    basis
        What the numbers of the summary rest on.
    """

    title: str
    question: str
    facts: tuple[tuple[str, str], ...]
    failures: tuple[str, ...]
    glance_title: str
    glance: tuple[Glance, ...]
    sections: tuple[Section, ...]
    length: Literal["full", "page"] = "full"
    change_title: str = ""
    basis: str = ""

    @property
    def running_title(self) -> str:
        """What stands at the top of every printed page but the first."""
        name, value = self.facts[0]
        return f"{self.title} · {name.lower()} {value}"

    def glance_table(self, probability: str, mass: str, unchanged: str = "") -> Table:
        """The summary as a table, for forms without bars.

        Parameters
        ----------
        probability, mass
            Titles of the columns of probabilities and of their intervals.
        unchanged
            What stands where nothing changed since the last product.
        """
        since = (self.change_title,) if self.change_title else ()
        rows = tuple(
            (
                line.label,
                percent(line.phrase.estimate.mean),
                interval(line.phrase.estimate),
                line.phrase.label,
                *((line.change or unchanged,) if since else ()),
            )
            for line in self.glance
        )
        return Table(("Course", probability, mass, "In words", *since), rows)
