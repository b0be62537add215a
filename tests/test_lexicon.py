"""Words for probabilities: every probability has one band, and a word never stands alone."""

import re
from datetime import date
from typing import get_args

import numpy as np
import pytest

from forecast.errors import InputError
from forecast.estimate import Estimate, digits, interval, percent
from forecast.lexicon import LexiconName, lexicon_names, phrase, read_lexicon
from forecast.text import DASH, GAP
from forecast.wording import period, points


def plain(text):
    return text.replace(DASH, "-").replace(GAP, " ")


def band_of(probability, lexicon="icd203"):
    return read_lexicon(lexicon).band_of(probability)


def published(text):
    """Bands as they are written below: lower and upper end in percent, and the terms."""
    rows = [line.split(maxsplit=2) for line in text.strip().splitlines()]
    return [(float(low), float(high), tuple(terms.split(" / "))) for low, high, terms in rows]


# What the sources print, apart from the files of the library.
PUBLISHED = {
    "icd203": """
        1 5 almost no chance / remote
        5 20 very unlikely / highly improbable
        20 45 unlikely / improbable
        45 55 roughly even chance / roughly even odds
        55 80 likely / probable
        80 95 very likely / highly probable
        95 99 almost certain / nearly certain""",
    "phia": """
        0 5 remote chance
        10 20 highly unlikely
        25 35 unlikely
        40 50 realistic possibility
        55 75 likely / probable
        80 90 highly likely
        95 100 almost certain""",
    "nato": """
        0 10 highly unlikely
        10 40 unlikely
        40 60 even chance
        60 90 likely
        90 100 highly likely""",
    "kent": """
        2 12 almost certainly not
        20 40 probably not
        40 60 chances about even
        63 87 probable
        87 99 almost certain""",
}
# The term at each end of a band, and one percent inside and outside of it.
EDGES = {
    "icd203": {0.8: "", 1: "almost no chance", 4: "almost no chance", 5: "very unlikely"}
    | {20: "unlikely", 45: "roughly even chance", 54: "roughly even chance", 55: "likely"}
    | {80: "very likely", 95: "almost certain", 99: "almost certain", 99.2: ""},
    "phia": {0: "remote chance", 5: "remote chance", 6: "", 9: "", 10: "highly unlikely"}
    | {20: "highly unlikely", 21: "", 24: "", 25: "unlikely", 35: "unlikely", 36: "", 39: ""}
    | {40: "realistic possibility", 50: "realistic possibility", 51: "", 54: "", 55: "likely"}
    | {75: "likely", 76: "", 80: "highly likely", 90: "highly likely", 91: "", 94: ""}
    | {95: "almost certain", 100: "almost certain"},
    "nato": {0: "highly unlikely", 9: "highly unlikely", 10: "unlikely", 39: "unlikely"}
    | {40: "even chance", 59: "even chance", 60: "likely", 90: "likely", 91: "highly likely"},
    "kent": {1: "", 2: "almost certainly not", 12: "almost certainly not", 13: "", 19: ""}
    | {20: "probably not", 40: "chances about even", 60: "chances about even", 61: "", 62: ""}
    | {63: "probable", 86: "probable", 87: "almost certain", 99: "almost certain", 99.5: ""},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_lexicon_has_the_published_bands_and_says_where_they_come_from(name):
    lexicon = read_lexicon(name)
    found = [(100 * band.lower, 100 * band.upper, band.terms) for band in lexicon.bands]
    for ours, theirs in zip(found, published(PUBLISHED[name]), strict=True):
        assert ours[:2] == pytest.approx(theirs[:2])
        assert ours[2] == theirs[2]
    assert len(lexicon.source) > 80
    assert lexicon.edges


def test_every_lexicon_that_ships_is_tested_and_may_be_named_in_a_scenario():
    assert set(PUBLISHED) == set(EDGES) == set(lexicon_names()) == set(get_args(LexiconName))


@pytest.mark.parametrize("name", EDGES)
def test_words_match_the_numbers_at_every_edge(name):
    for number, word in EDGES[name].items():
        assert band_of(number / 100, name).word() == word, number


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_probability_lies_in_the_band_it_is_given_and_nothing_is_certain(name):
    """By the whole percent that is printed, so that word and number never contradict each other."""
    for probability in np.linspace(0, 1, 2001):
        found = phrase(Estimate(probability, 0.0, 1.0), lexicon=name)
        printed = round(100 * probability) / 100 if 0.01 <= probability <= 0.99 else probability
        assert found.band.lower <= printed <= found.band.upper
        assert not re.search(r"\b(0|100) %", plain(f"{found} {found.sentence} {found.label}"))
        assert found.straddles


def test_a_number_in_a_gap_is_said_to_lie_there():
    found = phrase(Estimate(0.22, 0.08, 0.31), lexicon="phia")
    assert found.word == ""
    assert plain(str(found)) == (
        "between highly unlikely (10-20 %) and unlikely (25-35 %) (model 22 %, 90 % interval "
        "8-31 %); the interval reaches from the gap between remote chance (up to 5 %) and highly "
        "unlikely (10-20 %) to unlikely (25-35 %)"
    )


@pytest.mark.parametrize("terms", ["A", "B"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_a_word_never_stands_without_its_range(terms, name):
    for mean in np.linspace(0, 1, 101):
        found = phrase(Estimate(mean, mean, mean), terms, name)
        if found.word:
            assert found.label == f"{found.word} ({found.band.range})"
            assert str(found).startswith(f"{found.word} ({found.band.range}; ")
            assert f", {found.label}" in found.sentence


def test_rows_share_no_word():
    bands = read_lexicon("icd203").bands
    assert not {band.terms[0] for band in bands} & {band.terms[1] for band in bands}
    assert phrase(Estimate(0.6, 0.6, 0.6), "B", "nato").word == "likely"


def test_a_lexicon_of_ones_own(tmp_path):
    path = tmp_path / "house.toml"
    head = 'title = "House"\nsource = "ours"\nedges = "judgement: lower"\n'
    band = '[[bands]]\nrange = [{}, {}]\nterms = ["{}"]\n'
    path.write_text(head + band.format(0.0, 0.5, "no") + band.format(0.5, 1, "yes"), "utf-8")
    assert phrase(Estimate(0.5, 0.5, 0.5), lexicon=str(path)).word == "yes"
    path.write_text(
        band.format(0.2, 0.1, "no") + band.format(0.5, 1, "yes") + 'holds = "all"\n', "utf-8"
    )
    with pytest.raises(InputError) as caught:
        read_lexicon(path)
    faults = [str(problem).removeprefix(f"{path}: ") for problem in caught.value.problems]
    assert [fault.split(":")[0] for fault in faults] == [
        *("title", "source", "edges", "bands.0.range", "bands.1.holds")
    ]
    path.write_text(head + band.format(0.0, 0.5, "no") + band.format(0.4, 1, "no"), "utf-8")
    with pytest.raises(InputError, match=r"begins at 0\.4(?s:.)*'no' stands for two ranges"):
        read_lexicon(path)
    with pytest.raises(InputError, match="did you mean 'phia'"):
        read_lexicon("phai")
    with pytest.raises(InputError, match="… is neither a lexicon that ships nor a file"):
        read_lexicon("x" * 5_000)


def test_word_follows_the_mean_and_not_the_interval():
    found = phrase(Estimate(0.19, 0.10, 0.60))
    assert found.word == "very unlikely"
    assert plain(found.reach) == "from very unlikely (5-20 %) to likely (55-80 %)"


def test_an_interval_inside_one_band_says_nothing_more():
    found = phrase(Estimate(0.12, 0.06, 0.19))
    assert not found.straddles
    assert plain(str(found)) == "very unlikely (5-20 %; model 12 %, 90 % interval 6-19 %)"


def test_outside_the_table_a_bound_stands_in_for_the_word():
    low, high = phrase(Estimate(0.003, 0.001, 0.02)), phrase(Estimate(0.997, 0.992, 0.999))
    assert (low.word, plain(low.label)) == ("", "less than 1 %")
    assert plain(low.reach) == "from less than 1 % to almost no chance (1-5 %)"
    assert plain(str(high)) == "more than 99 % (model >99 %, 90 % interval >99 %)"


def test_percent_never_rounds_to_certainty():
    assert [digits(value) for value in (0.0, 1e-9, 0.00999, 0.01)] == ["<1", "<1", "<1", "1"]
    assert [digits(value) for value in (0.99, 0.9901, 1 - 1e-9, 1.0)] == ["99", ">99", ">99", ">99"]
    assert plain(percent(0.345)) == "34 %"


def test_intervals_print_their_ends():
    assert plain(interval(Estimate(0.5, 0.251, 0.649))) == "25-65 %"
    assert plain(interval(Estimate(0.97, 0.93, 0.995))) == "93 to >99 %"
    assert plain(interval(Estimate(0.03, 0.028, 0.032))) == "3 %"


def test_differences_have_a_sign_unless_they_vanish():
    assert points(0.004) == points(-0.004) == "0"
    assert points(-0.104).endswith("10")
    assert points(-0.104)[0] != "-"


def test_periods():
    assert period(date(2019, 12, 30), date(2020, 1, 2)) == "30 December 2019 to 2 January 2020"
    assert period(date(2020, 1, 30), date(2020, 2, 2)) == "30 January to 2 February 2020"
