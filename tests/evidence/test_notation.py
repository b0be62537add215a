"""How cells write numbers, ranges and likelihoods, and what is refused."""

import pytest

from forecast.errors import InputError
from forecast.evidence.notation import (
    LARGEST_NUMBER,
    WORDS,
    amount_text,
    likelihoods_text,
    read_amount,
    read_likelihoods,
)
from forecast.evidence.report_files import read_evidence
from tests.small import weather

AMOUNTS = {
    "12": (12, None),
    "-2.5": (-2.5, None),
    "1e-5": (1e-5, None),
    "1,500": (1500, None),
    "10-99": (10, 99),
    "10 – 99": (10, 99),
    "-5..-2": (-5, -2),
    "between 1,000 and 2,500": (1000, 2500),
    "3 to 4.5": (3, 4.5),
    "at least 10": (10, LARGEST_NUMBER),
    "10+": (10, LARGEST_NUMBER),
    ">=10": (10, LARGEST_NUMBER),
    "10 or more": (10, LARGEST_NUMBER),
    "up to 4": (0, 4),
    "≤ 4": (0, 4),
    "4 or fewer": (0, 4),
    " Tens  of THOUSANDS ": (10_000, 99_999),
}
NO_AMOUNTS = ["", "-", "..", "lots", "or more", "+", "1,2,3", "10,99", "2020-01-31", "10-", "to 4"]


@pytest.mark.parametrize("text", AMOUNTS)
def test_a_number_or_a_range_is_read(text):
    assert read_amount(text) == AMOUNTS[text]


@pytest.mark.parametrize("text", NO_AMOUNTS)
def test_what_is_neither_is_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read_amount(text)


@pytest.mark.parametrize("amount", [*AMOUNTS.values(), *WORDS.values()])
def test_what_is_printed_of_a_range_reads_back(amount):
    number, upper = amount
    if number >= 0:
        assert read_amount(amount_text(number, upper)) == (number, upper)


def test_a_word_is_as_many_digits():
    for word, (low, high) in WORDS.items():
        assert len(str(low)) == len(str(high)), word


def test_likelihoods_read_back():
    pairs = (("none", 0.1), ("surge", 1 / 3), ("lull", 0.0))
    assert read_likelihoods(likelihoods_text(pairs)) == pairs
    assert read_likelihoods("  ") == ()


@pytest.mark.parametrize("text", ["none", "none=", "=1", "none=x", "a=1 a=2", "a=inf", "a=nan"])
def test_likelihoods_that_are_none_are_refused(text):
    with pytest.raises(ValueError, match=r"."):
        read_likelihoods(text)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (",,lo=1 low=2", "'likelihoods': 'lo' is not a state of barometer; did you mean 'low'?"),
        ("low,,low=1", "'likelihoods': a report names a state, gives a number or gives"),
        (",,low=0 high=0", "'likelihoods': are all 0; at least one state"),
        (",,low=-1 high=2", "'likelihoods': are finite and not negative"),
        (",,low", "'likelihoods': 'low' is not understood; write none=0.1 surge=0.9"),
        (",lots,", "'number': 'lots' is not a number; write 12, 10-99, at least 10, up to 99, or"),
    ],
)
def test_bad_claims_are_refused_by_column(tmp_path, cells, message):
    path = tmp_path / "reports.csv"
    header = "id,indicator,event_start,known,source,state,number,likelihoods"
    path.write_text(f"{header}\nR,barometer,2020-01-05,2020-01-06,keeper,{cells}\n")
    with pytest.raises(InputError) as caught:
        read_evidence(path, weather())
    assert message in str(caught.value)
