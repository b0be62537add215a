"""What was probably meant: said only where a text can be read in one way."""

from __future__ import annotations

import pytest

from forecast.corrections import date_meant, number_meant, probability_meant


@pytest.mark.parametrize(
    ("given", "day"),
    [
        ("17/03/2021", "2021-03-17"),
        ("03/17/2021", "2021-03-17"),
        ("17.3.2021", "2021-03-17"),
        ("2021/3/7", "2021-03-07"),
        ("20210317", "2021-03-17"),
        (20210317, "2021-03-17"),
        ("2021-03-17T08:00", "2021-03-17"),
        ("17 March 2021", "2021-03-17"),
        ("Mar 17th, 2021", "2021-03-17"),
        ("05.05.2021", "2021-05-05"),
        ("05.06.2021", ""),
        ("31/02/2021", ""),
        ("17/03/21", ""),
        ("next Friday", ""),
        ("1" * 10_000, ""),
        (None, ""),
    ],
)
def test_dates(given, day):
    assert date_meant(given) == (f"; was {day} meant?" if day else "")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("15-45%", "[0.15, 0.45]"),
        ("15 % – 45 %", "[0.15, 0.45]"),
        ("0,1 to 0,4", "[0.1, 0.4]"),
        ("15 to 45", "an interval [low, high], with 30 % as 0.3"),
        ("7 %", "an interval [low, high] around 0.07"),
        ("fairly sure", ""),
    ],
)
def test_probabilities(given, meant):
    assert probability_meant(given) == (f"; write {meant}" if meant else "")


@pytest.mark.parametrize(
    ("given", "whole", "meant"),
    [
        ("12", True, "12, without quotes"),
        ("12 weeks", True, "12 alone"),
        ("12,5", False, "12.5"),
        ("12,5", True, ""),
        ("1,200", False, ""),
        ("12 %", False, "0.12"),
        ("a dozen", False, ""),
    ],
)
def test_numbers(given, whole, meant):
    assert number_meant(given, whole=whole) == (f"; write {meant}" if meant else "")
