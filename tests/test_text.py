"""Text of others, safe for its reader."""

import io
import sys
import unicodedata
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from markdown_it import MarkdownIt
from matplotlib.figure import Figure

from forecast.text import (
    flat,
    for_figure,
    for_html,
    for_markdown,
    for_terminal,
    isolated,
    visible,
)

ACTING = [
    *map(chr, [*range(32), *range(0x7F, 0xA0)]),  # controls of ASCII and Latin-1
    *map(chr, [0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]),  # direction
    *"\u200b\u2060\ufeff\xad\u180e\u2028\u2029\ud800\udfff\U000e0041",  # no width, or no line
]


@pytest.mark.parametrize("character", ACTING, ids=ascii)
def test_what_acts_is_shown(character):
    assert visible(f"a{character}b") == f"a{ascii(character)[1:-1]}b"


def test_only_line_breaks_are_left_to_a_terminal():
    assert for_terminal("".join(ACTING)).count("\n") == 1
    assert not set(for_terminal("".join(ACTING))) & set(ACTING) - {"\n"}


def test_every_format_character_is_shown_but_those_that_spell():
    spelling = set("\u200c\u200d") | {
        c for c in map(chr, range(sys.maxunicode)) if "ARABIC" in unicodedata.name(c, "")
    }
    spelling |= set("\u070f\U000110bd\U000110cd")  # signs of Syriac and Kaithi that are seen
    every = {c for c in map(chr, range(0x1D000)) if unicodedata.category(c) == "Cf"}
    left = {c for c in every - spelling if visible(f"a{c}b") == f"a{c}b"}
    assert all("EGYPTIAN" in unicodedata.name(c) for c in left)


def test_text_of_any_language_stays_as_it_is():
    persian, hindi = "می\u200cخواهم", "क्\u200dष"
    for text in ("Zürich – 5 %", "北京", "مرحبا", persian, hindi, "👩\u200d🚒", "a\u0301"):
        assert visible(text) == for_terminal(text) == text
    assert visible("Reu\u200dters") == r"Reu\u200dters"


def test_right_to_left_text_is_isolated_and_nothing_else():
    for text in ("שלום", "abc مرحبا"):
        assert isolated(text) == f"\u2068{text}\u2069"
    assert isolated("Zürich 北京") == "Zürich 北京"


def test_html_has_no_markup_and_no_override():
    found = for_html("<script>\u202e\n'")
    assert found == r"&lt;script&gt;\u202e\n&#x27;"


HOSTILE = [
    "a|b",
    "one\r# forged\r\rtwo",
    "x\n\n    code\n```\nfence",
    "<script>alert(1)</script> <b>bold</b> <!-- hidden -->",
    "[here](javascript:alert(1)) ![p](http://a.example/p.png) [r]: http://a.example",
    "*a* _b_ __c__ ~~d~~ `e` $f$ $$g$$",
    "# h",
    "> quoted",
    "- item",
    "+ item",
    "1. item",
    "12) item",
    "---",
    "===",
    "    indented",
    "&lt; &amp; &#35; &copy;",
    "ends with \\",
    r"\* \| \\",
    "C #",
    "some_name <1 % 5 < 6",
]


def shown(tokens):
    """The text that a reader of parsed Markdown sees, less markup of ours."""
    inline = [child for token in tokens for child in token.children or ()]
    kinds = {child.type for child in inline}
    assert kinds <= {"text", "text_special"}, kinds
    return "".join(child.content for child in inline)


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_a_viewer_of_markdown_shows_the_text_that_was_given(text):
    """In a paragraph, a heading and a cell, the parsed page holds the text and nothing else."""
    read = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse
    safe = for_markdown(text)
    paragraph, heading, table = (
        read(form.format(safe)) for form in ("{}", "## {}", "| {} |\n| --- |\n| more |")
    )
    assert [token.type for token in paragraph[::2]] == ["paragraph_open", "paragraph_close"]
    assert [token.type for token in heading[::2]] == ["heading_open", "heading_close"]
    assert [token.type for token in table].count("th_open") == 1
    assert {shown(part) for part in (paragraph, heading)} == {visible(flat(text))}
    assert shown(table) == visible(flat(text)) + "more"


def test_a_figure_shows_the_text_that_was_given():
    texts = [*HOSTILE, "$1 to $2", r"\$", "$\\frac$", "a\x00b\x1b[2J$"]
    figure, drawn = Figure(), io.StringIO()
    for k, text in enumerate(texts):
        figure.text(0, k / len(texts), for_figure(text))
    with mpl.rc_context({"svg.fonttype": "none"}):
        figure.savefig(drawn, format="svg")
    found = ElementTree.fromstring(drawn.getvalue()).iter("{http://www.w3.org/2000/svg}text")
    assert [element.text for element in found] == [visible(flat(text)) for text in texts]


def test_a_label_in_a_sentence_keeps_its_direction_and_no_more():
    arabic = "هجوم"
    sentence = f"{isolated(arabic)}. Probability 12 %"
    assert for_html(sentence) == f"<bdi>{arabic}</bdi>. Probability 12 %"
    assert for_markdown(sentence) == f"\u2068{arabic}\u2069. Probability 12 %"
    assert for_figure(sentence) == f"{arabic}. Probability 12 %"
    escaping = isolated(f"{arabic}\u2069\u202e")
    assert not {"\u202e", "\u2066", "\u2067", "\u2068", "\u2069"} & set(for_html(escaping))
