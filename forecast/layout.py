"""Tables as values print them: aligned text for a terminal, a fragment of HTML for a notebook."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from forecast.text import for_html, for_terminal, printed, visible

Row = Sequence[str]
MOST_ROWS = 12
"""Rows of the longest table that is shown whole; of longer ones the ends."""
WIDEST = 44
"""Letters of the widest column."""
_CELL = "padding:.3em .8em .3em 0;text-align:left;vertical-align:top;white-space:{space}"
_CAPTION = "text-align:left;caption-side:top;padding:.3em 0;color:inherit"
_RULE = "border-bottom:1px solid rgba(128,128,128,.35)"


@dataclass(frozen=True, slots=True)
class Summary:
    """What a value prints of itself: a line, a table, and what the table leaves out.

    Attributes
    ----------
    title
        What the value is.
    head, rows
        The table.
    below
        Lines under it.

    Examples
    --------
    >>> print(Summary("Two states", ("state", "share"), [("calm", "80 %"), ("storm", "20 %")]))
    Two states
    <BLANKLINE>
    state  share
    -----  -----
    calm   80 %
    storm  20 %
    """

    title: str
    head: Row
    rows: Sequence[Row]
    below: Sequence[str] = ()

    def __str__(self) -> str:
        parts = [visible(self.title)]
        parts += [text_table(self.head, self.rows)] if self.rows else []
        parts += ["\n".join(map(visible, self.below))] if self.below else []
        return "\n\n".join(parts)

    @property
    def html(self) -> str:
        """A fragment of HTML that takes the colours of the page around it."""
        below = "".join(f"<p>{for_html(line)}</p>" for line in self.below)
        if not self.rows:
            return f"<p>{for_html(self.title)}</p>{below}"
        return html_table(self.title, self.head, self.rows) + below


class PrintsItself:
    """A value that prints its summary, also in a notebook; a dataclass needs `repr=False`."""

    __slots__ = ()

    @property
    def _summary(self) -> Summary:
        raise NotImplementedError

    @printed
    def __repr__(self) -> str:
        return str(self._summary)

    def _repr_html_(self) -> str:
        return self._summary.html


def of_frame(frame: Any, most: int = MOST_ROWS) -> tuple[Row, list[Row]]:
    """Head and first rows of a data frame as text; fractions with three decimals."""
    return tuple(map(str, frame.columns)), [
        [f"{value:.3f}" if isinstance(value, float) else str(value) for value in row]
        for row in frame.head(most).itertuples(index=False)
    ]


def text_table(head: Row, rows: Sequence[Row]) -> str:
    """Aligned plain text.

    Examples
    --------
    >>> print(text_table(("state", "share"), [("calm", "80 %"), ("storm", "20 %")]))
    state  share
    -----  -----
    calm   80 %
    storm  20 %
    """
    head, *rows = [[visible(for_terminal(cell)) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]

    def line(cells: Row) -> str:
        pairs = zip(cells, widths, strict=True)
        return "  ".join(cell.ljust(width) for cell, width in pairs).rstrip()

    return "\n".join([line(head), "  ".join("-" * width for width in widths), *map(line, rows)])


def html_table(caption: str, head: Row, rows: Sequence[Row]) -> str:
    """A fragment of HTML that takes the colours of the page around it; text stays text.

    The first and the last column may break lines; the others hold numbers and short words.
    """
    above = f'<caption style="{_CAPTION}">{for_html(caption)}</caption>' if caption else ""
    titles = "".join(_cell("th", cell, "normal") for cell in head)
    body = "".join(f'<tr style="{_RULE}">{_cells(row)}</tr>' for row in rows)
    return (
        '<table style="border-collapse:collapse;color:inherit;background:none">'
        f'{above}<thead><tr style="{_RULE}">{titles}</tr></thead><tbody>{body}</tbody></table>'
    )


def shortened(text: str, most: int) -> str:
    """A text cut to a number of characters, with an ellipsis if anything is lost.

    Examples
    --------
    >>> shortened("Embassies raise their security", 12)
    'Embassies r…'
    """
    return text if len(text) <= most else text[: most - 1] + "…"


def _cells(row: Row) -> str:
    spaces = ["normal"] + ["nowrap"] * (len(row) - 2) + ["normal"]
    return "".join(_cell("td", cell, space) for cell, space in zip(row, spaces, strict=True))


def _cell(tag: str, text: str, space: str) -> str:
    return f'<{tag} style="{_CELL.format(space=space)}">{for_html(text)}</{tag}>'


def listed(names: Iterable[str]) -> str:
    """Names after one another, shortened to the width of a column."""
    return shortened(", ".join(names), WIDEST)
