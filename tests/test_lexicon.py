"""Words for probabilities: every probability has one band, and a word never stands alone."""

from datetime import date
from itertools import pairwise

import numpy as np
import pytest

from forecast.estimate import DASH, GAP, Estimate, digits, interval, percent
from forecast.lexicon import ABOVE, BANDS, BELOW, band_of, phrase
from forecast.wording import period, points


def plain(text):
    return text.replace(DASH, "-").replace(GAP, " ")


def test_bands_leave_no_gap():
    bands = (BELOW, *BANDS, ABOVE)
    assert all(left.upper == right.lower for left, right in pairwise(bands))
    assert (bands[0].lower, bands[-1].upper) == (0.0, 1.0)


@pytest.mark.parametrize("band", BANDS, ids=lambda band: band.row_a)
def test_a_band_holds_its_lower_end_and_not_its_upper_end(band):
    assert band_of(band.lower) is band
    """By the whole percent that is printed, so that word and number never contradict each other."""
    assert band_of(band.upper - 0.0051) is band
    if band is not BANDS[-1]:
        assert band_of(band.upper) is BANDS[BANDS.index(band) + 1]
        assert band_of(band.upper - 0.0049) is BANDS[BANDS.index(band) + 1]


def test_the_last_band_holds_its_upper_end():
    assert band_of(0.99) is BANDS[-1]
    assert band_of(np.nextafter(0.99, 1)) is ABOVE
    assert band_of(np.nextafter(0.01, 0)) is BELOW


def test_every_probability_lies_in_the_band_it_is_given():
    for probability in np.linspace(0, 1, 2001):
        band = band_of(probability)
        printed = round(100 * probability) / 100 if 0.01 <= probability <= 0.99 else probability
        assert band.lower <= printed <= band.upper


@pytest.mark.parametrize("terms", ["A", "B"])
def test_a_word_never_stands_without_its_range(terms):
    for mean in np.linspace(0, 1, 101):
        found = phrase(Estimate(mean, mean, mean), terms)
        if found.word:
            assert found.label == f"{found.word} ({found.band.range})"
            assert str(found).startswith(f"{found.word} ({found.band.range}; ")


def test_rows_share_no_word():
    assert not {band.row_a for band in BANDS} & {band.row_b for band in BANDS}


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
    assert [digits(value) for value in (0.0, 1e-9, 0.00999, 0.01)] == ["0", "<1", "<1", "1"]
    assert [digits(value) for value in (0.99, 0.9901, 1 - 1e-9, 1.0)] == ["99", ">99", ">99", "100"]
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
