"""Numbers that were rounded, and files that are wrong, hostile or damaged."""

import random

import numpy as np
import pytest

from forecast.errors import ForecastError
from forecast.interchange import bif, uai, xdsl, xmlbif
from forecast.interchange.network_files import FORMATS
from tests.interchange.files import FILES, row, same_numbers
from tests.refusals import problems


@pytest.mark.parametrize("text", ["0.33 0.33 0.33", "0.3333 0.3333 0.3333", "1.0 1e-7", ".5 .495"])
def test_rounded_rows_are_divided_with_a_note(text):
    network = row(text)
    given = np.array([float(word) for word in text.split()])
    assert np.array_equal(network.tables["a"], given / given.sum())
    assert network.notes[0].startswith("f:2:")
    assert "rows of a missed 1" in network.notes[0]
    assert bif.read(bif.write(network)) == network


@pytest.mark.parametrize(
    "text", ["0.5 0.48 0", "0.9 0", "0.500 0.498", "0.3 0.3 0.3", "5 5", "0 0"]
)
def test_rows_that_rounding_cannot_explain_are_refused(text):
    found = problems(row, text)
    assert found[0].startswith("f:2:27: a row of a sums to")
    assert text.split()[0] in found[0]


def test_exact_rows_are_left_alone():
    assert not row("0.1 0.2 0.7").notes
    assert row("0.1 0.2 0.7").tables["a"].tolist() == [0.1, 0.2, 0.7]


def test_all_problems_of_a_file_by_line_and_column():
    text = """network n { }
variable a { type discrete [ 3 ] { x, y }; }
variable b { type discrete [ 2 ] { x, x }; }
variable c { type discrete [ 2 ] { x, y }; }
variable c { type discrete [ 2 ] { x, y }; }
variable d { kind discrete [ 2 ] { x, y }; }
variable e { type discrete [ 2 ] { x, y }; }
variable f { type discrete [ 2 ] { x, y }; }
probability ( c ) { table 0.5, 0.6; }
probability ( e | q ) { table 0.5, 0.5; }
probability ( f | c ) { (x) 0.5, 0.5; (z) 0.5, nan; }
probability ( e | c ) { (x) 0.5, 0.5; }
wrong
"""
    found = problems(bif.read, text, "n.bif")
    expected = {
        2: "[ 3 ] says otherwise",
        3: "the state 'x' is given more than once",
        5: "declared already at n.bif:4:10",
        6: "'kind' where 'type' or 'property'",
        9: "sums to 1.1",
        10: "the parent 'q' is not a variable",
        11: "'nan' is not a number",
        12: "given already at n.bif:10:15",
        13: "'wrong' where 'network'",
    }
    for line, message in expected.items():
        assert any(p.startswith(f"n.bif:{line}:") and message in p for p in found), (line, found)
    assert any("'z' is not a state of c; legal: x, y" in problem for problem in found)


GOOD = "variable a { type discrete [ 2 ] { x, y }; } variable b { type discrete [ 2 ] { x, y }; }"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "probability ( a | b ) { default 1 0; } probability ( b | a ) { default 1 0; }",
            "circle: a → b → a",
        ),
        ("probability ( a | a ) { default .5 .5; }", "is its own parent"),
        ("probability ( a ) { table -0.5 1.5; }", "a number from 0 to 1"),
        ("probability ( a ) { table inf 0.5; }", "'inf' is not a number"),
        ("probability ( a ) { table 1e999 0.5; }", "'1e999' is not a number"),
        ("probability ( a ) { table 1_0 0.5; }", "'1_0' is not a number"),
        ("probability ( a ) { table 0.5; }", "1 numbers; a needs 2"),
        ("probability ( a | b ) { (x) 1 0; }", "lacks the row (y)"),
        ("probability ( a | b ) { (x) 1 0; (x) 1 0; }", "a second row (x)"),
        ("probability ( a ) { table 1 0; property concentration = -1; }", "is not a number of at"),
        ("probability ( a ) { table 1 0; property concentration = 1 2; }", "2 concentrations"),
        ("probability ( a ) { table 1 0; ", "before the '}' of the block"),
        ("probability ( a ) { table 1 0; } /* ", "'*/' is missing"),
        ('probability ( a ) { table 1 0; } "', "in quotes that does not end"),
        ("probability ( a ) { property x } ", "a property ends with ';'"),
    ],
)
def test_bif_problems(text, message):
    assert any(message in problem for problem in problems(bif.read, f"{GOOD} {text}"))


LAUGHS = """<?xml version="1.0"?>
<!DOCTYPE BIF [ <!ENTITY a "ha"> <!ENTITY b "&a;&a;&a;"> ]>
<BIF><NETWORK><NAME>&b;</NAME></NETWORK></BIF>"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, "entities are not read"),
        ('<!DOCTYPE BIF [ <!ENTITY x SYSTEM "file:///etc/passwd"> ]><BIF>&x;</BIF>', "entities"),
        ('<!DOCTYPE BIF [ <!ENTITY % x "y"> ]><BIF/>', "entities are not read"),
        ('<!DOCTYPE BIF SYSTEM "x.dtd"><BIF><NETWORK>&x;</NETWORK></BIF>', "entit"),
        ("<a>" * 1000 + "</a>" * 1000, "nested more than"),
        ("<BIF><NETWORK>", "not valid XML"),
        ("<BIF></BIF>", "no <NETWORK>"),
        ("<BIF><NETWORK></NETWORK></BIF>", "no variables"),
        ("\ud800", "surrogate"),
    ],
)
@pytest.mark.parametrize("form", [xmlbif, xdsl])
def test_xml_reaches_nothing_outside(form, text, message):
    found = problems(form.read, text)
    assert form is xdsl or any(message in problem for problem in found)


def test_announced_sizes_take_no_memory():
    many = "".join(f"probability ( v{i} | a ) {{ default 1 0; }}" for i in range(3))
    texts = {
        "bif": f"variable a {{ type discrete [ 1000000 ] {{ x, y }}; }} {many}",
        "uai": "BAYES 2 1000000 1000000 2 1 0 2 0 1 2 0.5 0.5",
        "xmlbif": "<BIF><NETWORK>" + "<VARIABLE/>" * 1000 + "</NETWORK></BIF>",
        "xdsl": '<smile id="a"><nodes>' + "<cpt/>" * 1000 + "</nodes></smile>",
    }
    for form, text in texts.items():
        assert problems(FORMATS[form].read, text)
    letters = [f"p{i}" for i in range(40)]
    text = "".join(f"variable {n} {{ type discrete [ 2 ] {{ x y }}; }}" for n in [*letters, "z"])
    text += f"probability ( z | {' '.join(letters)} ) {{ default 1 0; }}"
    assert "at most 5,000,000" in problems(bif.read, text)[0]


BITS = [*'{}()[]|,;"<>&/=-.\\\n\t #', "nan", "1e400", "\ud800", "9" * 12, "é"]


def mutated(rng, text):
    """A text with a few edits: cuts, copies, swaps, and characters that mean something."""
    for _ in range(rng.randint(1, 4)):
        at, to = sorted((rng.randrange(len(text) + 1), rng.randrange(len(text) + 1)))
        to = min(to, at + 30)
        kind = rng.randrange(6)
        if kind == 0:
            text = text[:at] + text[to:]
        elif kind == 1:
            text = text[:at] + text[at:to] * 2 + text[to:]
        elif kind == 2:
            text = text[:at]
        elif kind == 3:
            text = text[:at] + rng.choice(BITS) + text[at:]
        elif kind == 4:
            text = text[:at] + "".join(map(chr, rng.choices(range(1, 300), k=5))) + text[to:]
        else:
            text = text[:at] + str(rng.randrange(10)) + text[at + 1 :]
        text = text or " "
    return text


@pytest.mark.parametrize("form", FORMATS)
def test_damaged_files_give_only_our_errors(form):
    rng = random.Random(form)
    read, seeds = FORMATS[form].read, [p.read_text() for p in FILES if form in _form(p)]
    accepted = 0
    for trial in range(3000):
        if trial % 10:
            text = mutated(rng, rng.choice(seeds))
        else:
            text = rng.randbytes(rng.randrange(200)).decode("latin-1")
        try:
            network = read(text)
        except ForecastError:
            continue
        accepted += 1
        if trial % 10 == 1:
            assert same_numbers(read(FORMATS[form].write(network)), network)
    assert accepted < 3000


def _form(path):
    forms = {".bif": "bif", ".xml": "xmlbif", ".xdsl": "xdsl", ".net": "net", ".uai": "uai"}
    return forms[path.suffix]


@pytest.mark.parametrize("gap", [9e-6, -9e-6])
def test_rows_of_converted_networks_may_miss_one_by_a_hundred_thousandth(gap):
    text = "BAYES 1 4 1 1 0 4 {:.12f}" + 3 * " 0.250000000000"
    network = uai.read(text.format(0.25 + gap))
    assert network.tables["x0"].sum() == pytest.approx(1, abs=1e-15)
    assert "missed 1 by up to 9e-06; divided by sums" in network.notes[0]
    assert "sums to" in problems(uai.read, text.format(0.25 + 1.2 * gap))[0]
