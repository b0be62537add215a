"""Text of others, safe for its reader."""

import sys
import unicodedata

import pytest

from forecast.text import for_html, for_terminal, isolated, visible

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
