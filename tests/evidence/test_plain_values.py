"""Whatever class a value has, it is stored as plain text, date or number, or it is refused."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, StrEnum
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.evidence.plain import DATE_RULE
from forecast.testing.ledgers import FIRST
from tests.ledgers import report


class Barometer(StrEnum):
    low = "low"


class Shout(str):
    def __str__(self):
        return self.upper()


class Mixed(Enum):
    text, number, day = "low", 2, FIRST


class Holiday(date):
    def __str__(self):
        return "a holiday"

    isoformat = __str__


def given_as(**given):
    return replace(report("R1"), **given)


SAME = [
    {"state": Barometer.low},
    {"state": Shout("low")},
    {"state": Mixed.text},
    {"state": np.str_("low")},
    {"state": b"low"},
    {"id": Shout("R1"), "note": None, "origin": float("nan"), "supersedes": pd.NA},
    {"reliability": np.str_("B"), "credibility": "2", "citation": pd.NaT},
    {"retrieved": pd.NaT},
    {"retrieved": np.datetime64("NaT", "D")},
    {"retrieved": float("nan"), "upper": np.nan, "exposure": pd.NA, "number": Decimal("NaN")},
    {"known": pd.Timestamp(FIRST), "published": np.datetime64("2020-01-03", "ns")},
    {"known": datetime(2020, 1, 3, 23, tzinfo=UTC), "event_start": Holiday(2020, 1, 3)},
    {"known": "2020-01-04T01:00:00+03:00", "event_end": Mixed.day},
    {"likelihoods": None},
    {"likelihoods": []},
]


@pytest.mark.parametrize("given", SAME)
def test_a_value_is_what_it_means(tmp_path, given):
    plain, other = report("R1"), given_as(**given)
    assert repr(other) == repr(plain)
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        assert ledger.append(other).added == 1
        assert ledger.append(plain).present == 1
        assert repr(next(iter(ledger))) == repr(plain)
        assert ledger.known_at(given.get("known", FIRST)) == fc.Ledger((plain,)).known_at(FIRST)
        ledger.check()


@pytest.mark.parametrize("number", [2, np.int64(2), np.float32(2), Decimal(2), Fraction(2), "2"])
def test_a_number_is_a_float(number):
    one = report("R1", state="", number=number, likelihoods=())
    assert repr(one) == repr(report("R1", state="", number=2.0))
    weighed = report("R1", state="", likelihoods={np.str_("low"): number})
    assert repr(weighed.likelihoods) == "(('low', 2.0),)"


REFUSED = [
    ({"known": pd.NaT}, "'known': is missing (NaT); write it as 2020-01-31"),
    ({"event_start": None}, "'event_start': is missing (None); write it as 2020-01-31"),
    ({"published": 20200103}, "'published': 20200103 is not a date; write it as 2020-01-31"),
    ({"event_end": np.int64(5)}, "is not a date"),
    ({"retrieved": pd.Timedelta(1)}, "is not a date"),
    ({"indicator": float("nan")}, "'indicator': is missing (nan)"),
    ({"state": None, "supersedes": "R0"}, "'state': is missing (None)"),
    ({"state": "", "supersedes": "R0", "number": np.nan}, "'number': nan is not a finite number"),
    ({"id": b"\xff"}, r"'id': b'\xff' are bytes that are not text in UTF-8"),
    ({"credibility": 2}, "'credibility': 2 is not text"),
    ({"origin": ["a"]}, "'origin': ['a'] is not text"),
    ({"number": True, "state": ""}, "'number': True is not a number"),
    ({"number": "many", "state": ""}, "'number': 'many' is not a number"),
    ({"likelihoods": "low", "state": ""}, "'likelihoods'"),
    ({"likelihoods": 3, "state": ""}, "'likelihoods': 3 are not pairs of a state and a number"),
    ({"likelihoods": [("low", "x")], "state": ""}, "'likelihoods'"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED)
def test_what_means_nothing_is_refused_and_nothing_is_stored(tmp_path, given, message):
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        ledger.append(report("R0"))
        with pytest.raises(InputError) as caught:
            ledger.append([report("R2"), given_as(**given)])
        assert message in str(caught.value)
        assert [one.id for one in ledger] == ["R0"]


@pytest.mark.parametrize(
    "moment", [pd.NaT, np.datetime64("NaT", "D"), None, 5, float("nan"), pd.NA, b""]
)
def test_no_moment_is_no_day(tmp_path, moment):
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        for call in (ledger.known_at, ledger.indicators, fc.Ledger((report("R1"),)).known_at):
            with pytest.raises(InputError, match=DATE_RULE):
                call(moment)
        with pytest.raises(InputError, match=DATE_RULE):
            ledger.diff("2020-01-01", moment)
