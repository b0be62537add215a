r"""Text of others made safe for its reader: what cannot be seen is shown, what would act does not.

A source's name, a label or a path may hold anything: characters that clear a screen, set a
window's title, start a line of their own or turn the order of the words around. Whoever prints
such text passes it through here first, and through the escapes of its own format after that::

    visible(text)       one line; line breaks too are written as escapes
    for_terminal(text)  lines stay lines; everything else that would act is written as an escape
    isolated(text)      right-to-left text that leaves its neighbours where they are
    for_html(text)      all of it, and no markup
    for_markdown(text)  the same for Markdown, whitespace made single spaces
    for_figure(text)    the same for matplotlib, in which nothing is read as TeX

A sentence that is put together from somebody's label and words of ours isolates the label; what
is isolated so stays isolated in every format but a terminal's.

Above a `__repr__` or `__str__`, ``@printed`` makes its text fit for the terminal of this process.
"""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Callable
from functools import wraps
from html import escape
from unicodedata import bidirectional, normalize

DASH = "\N{EN DASH}"
GAP = "\N{NO-BREAK SPACE}"

_UNSEEN = (
    r"\x00-\x1f\x7f-\x9f"  # controls of ASCII and Latin-1: escape sequences begin with one
    r"\u2028\u2029"  # separators of lines and paragraphs
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # marks, embeddings, overrides and isolates
    r"\xad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2065\u206a-\u206f\u3164\ufeff\uffa0"
    r"\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e00ff"  # no width
    r"\ud800-\udfff"  # halves of a character, which no encoding can write
)
_JOINERS = r"(?<![\u0590-\U0010ffff])[\u200c\u200d]|[\u200c\u200d](?![\u0590-\U0010ffff])"
"""Joiners are spelling between letters of Persian, Hindi and others, and in composed emoji."""

_ONE_LINE = re.compile(f"[{_UNSEEN}]|{_JOINERS}")
_LINES = re.compile(rf"(?!\n)[{_UNSEEN}]|{_JOINERS}")

_RIGHT_TO_LEFT = frozenset({"R", "AL", "AN"})
FIRST_STRONG_ISOLATE, POP_ISOLATE = "\u2068", "\u2069"

STAND_IN = "forecast.stand-in"
"""The name under which codecs know how to replace what an encoding lacks."""

_PLAIN = str.maketrans(
    {
        "\N{NO-BREAK SPACE}": " ",
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{MINUS SIGN}": "-",
        "\N{HORIZONTAL ELLIPSIS}": "...",
        "\N{RIGHTWARDS ARROW}": "->",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{MIDDLE DOT}": "*",
        "\N{LESS-THAN OR EQUAL TO}": "<=",
        "\N{GREATER-THAN OR EQUAL TO}": ">=",
        "\N{LEFT SINGLE QUOTATION MARK}": "'",
        "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"',
        "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    }
    | dict(zip("▁▂▃▄▅▆▇█", "_.-:=+*#", strict=True))
)
_ISOLATE = re.compile("\u2068([^\u2066-\u2069]*)\u2069")

_SPACES = re.compile(r"[ \t\n\v\f\r]+")
_MARKUP = re.compile(r"[\\`*\[\]|~$#]|(?<![^\W_])_|_(?![^\W_])")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_TAG = re.compile(r"<(?=[A-Za-z/!?])")
_START_OF_ITEM = re.compile(r"^(\d*)([.)+-](?=[\s-]|$)|>)")


def visible(text: str) -> str:
    r"""Text on one line, in which every character that acts or has no width is an escape.

    Examples
    --------
    >>> print(visible("Reuters\x1b[2J\nfake line"))
    Reuters\x1b[2J\nfake line
    """
    return _ONE_LINE.sub(_spelled, text)


def for_terminal(text: str) -> str:
    r"""Text of several lines for a terminal; of what acts, only line breaks are left.

    Examples
    --------
    >>> print(for_terminal("radio\u202e0001\r\n2 reports"))
    radio\u202e0001\r
    2 reports
    """
    return _LINES.sub(_spelled, _ISOLATE.sub(r"\1", text))


def isolated(text: str) -> str:
    r"""Text that keeps its direction to itself, for readers that order text by direction.

    Examples
    --------
    >>> isolated("Reuters"), isolated("\u05d0\u05d1") == "\u2068\u05d0\u05d1\u2069"
    ('Reuters', True)
    """
    if text.isascii() or _RIGHT_TO_LEFT.isdisjoint(map(bidirectional, text)):
        return text
    return f"{FIRST_STRONG_ISOLATE}{text}{POP_ISOLATE}"


def for_html(text: str) -> str:
    r"""Text for a page: on one line, isolated, without markup; quotes are escaped too.

    Examples
    --------
    >>> for_html("<b>\x07 & 'c'")
    '&lt;b&gt;\\x07 &amp; &#x27;c&#x27;'
    >>> for_html("\u05d0\u05d1") == "<bdi>\u05d0\u05d1</bdi>"
    True
    """
    return _by_direction(text, escape, "<bdi>", "</bdi>")


def for_markdown(text: str) -> str:
    r"""Text on one line that no viewer takes for markup.

    Examples
    --------
    >>> print(for_markdown("a|b <script> *c* some_name <1 % $x$\r# d"))
    a\|b &lt;script> \*c\* some_name <1 % \$x\$ \# d
    """
    written = _by_direction(flat(text), _without_markup, FIRST_STRONG_ISOLATE, POP_ISOLATE)
    return _START_OF_ITEM.sub(r"\1\\\2", written)


def for_figure(text: str) -> str:
    r"""Text on one line for matplotlib, which takes what stands between two dollar signs for TeX.

    Examples
    --------
    >>> print(for_figure("from $5 to $9"))
    from \$5 to \$9
    """
    return _by_direction(flat(text), lambda part: part.replace("$", r"\$"), "", "")


def flat(text: str) -> str:
    r"""Text with every stretch of whitespace made one space, as HTML shows it.

    Spaces that do not break stay as they are.

    Examples
    --------
    >>> flat(" a\r\n  b ")
    'a b'
    """
    return _SPACES.sub(" ", text).strip(" ")


def _by_direction(text: str, write: Callable[[str], str], start: str, end: str) -> str:
    """Write text part by part, with marks around the parts that keep their direction."""
    parts = _ISOLATE.split(text)
    written = [write(visible(part)) for part in parts]
    for k, part in enumerate(parts):
        if k % 2 or (part and isolated(part) != part):
            written[k] = f"{start}{written[k]}{end}"
    return "".join(written)


def _without_markup(text: str) -> str:
    text = _MARKUP.sub(r"\\\g<0>", _ENTITY.sub("&amp;", text))
    return _TAG.sub("&lt;", text)


def in_encoding(text: str, encoding: str) -> str:
    """Text of which an encoding has every character; the others are replaced.

    Examples
    --------
    >>> in_encoding("Zürich: 6–21 % …", "ascii"), in_encoding("北", "cp437")
    ('Zurich: 6-21 % ...', '?')
    """
    try:
        return text.encode(encoding, STAND_IN).decode(encoding)
    except LookupError:  # an encoding that Python does not know
        return text


def printed[Self](method: Callable[[Self], str]) -> Callable[[Self], str]:
    """Let what a method writes be printed where this process prints, whatever it writes."""

    @wraps(method)
    def text_of(self: Self) -> str:
        encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
        return in_encoding(for_terminal(method(self)), encoding)

    return text_of


def _replace(error: UnicodeError) -> tuple[str, int]:
    """What stands for the characters that an encoding lacks; letters lose their accents."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end]
    return "".join(map(_plain, lacking)), error.end


def _plain(character: str) -> str:
    plain = normalize("NFD", character.translate(_PLAIN))
    return "".join(filter(str.isascii, plain)) or "?"


codecs.register_error(STAND_IN, _replace)


def _spelled(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
