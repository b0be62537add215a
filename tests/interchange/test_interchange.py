"""Networks of other tools: what is read is what was meant, and what is written is read back."""

import bz2
import gzip
import itertools
import lzma
import random
import re
import time
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from forecast.errors import ForecastError, InputError, InputWarning
from forecast.interchange import bif, hugin, uai, xdsl, xmlbif
from forecast.interchange.convert import from_pgmpy, from_pyagrum, to_pyagrum
from forecast.interchange.network_files import FORMATS, read_network, write_network
from forecast.interchange.tabled import TabledNetwork
from forecast.network.sweep import sweep

FIXTURES = Path(__file__).parent / "fixtures" / "networks"
FILES = sorted(path for path in FIXTURES.iterdir() if path.suffix != ".md")
LOSSLESS = {"bif": bif, "xmlbif": xmlbif, "xdsl": xdsl, "net": hugin}

LABELS = [
    *("yes", "no", "Asy/Patch", "<5", "5-10", "0.5", "true", "with space", "a,b", "a;b", "{x}"),
    *('"quoted"', "back\\slash", "a//b", "/*c*/", "[0;1[", "&amp;", "<b>", "é", "日本", "x'y", "|"),
    *("]]>", "table", "default", "variable", "=", "a=b", "#1", "1e5", "-", "nan", "😀", "\\", "//"),
]
NAMES = [*LABELS, "property", "probability", "network", "s_5", "_", "A", "a", "very " * 20 + "long"]
VALUES = ["", "(1, 2)", "a = b", "x; y", "{}", 'say "so"', "two\nlines", "// no", "\\", "&lt;", "="]


def random_network(seed, *, names=NAMES, labels=LABELS, free=True):
    """A network with odd names, exact rows, zeros, concentrations and properties."""
    rng = random.Random(seed)
    order = rng.sample(names, rng.randint(1, 7))
    variables = {name: tuple(rng.sample(labels, rng.randint(1, 4))) for name in order}
    ranked = rng.sample(order, len(order))
    parents = {
        name: tuple(rng.sample(ranked[:place], rng.randint(0, min(place, 3))))
        for place, name in enumerate(ranked)
    }
    numbers = np.random.default_rng(seed)
    tables, firm = {}, {}
    for name in order:
        shape = tuple(len(variables[parent]) for parent in parents[name])
        table = numbers.dirichlet(np.full(len(variables[name]), 0.3), shape)
        table = np.where(table < 0.01, 0.0, table)
        tables[name] = table / table.sum(-1, keepdims=True)
        if free and rng.random() < 0.6:
            firm[name] = numbers.choice([np.inf, 20.0, 1 / 3, 1e-3], shape)
    keys = ["position", "two words", "a=b", 'q"', "x1", "x;y"]
    pairs = {name: [(rng.choice(keys), rng.choice(VALUES)) for _ in range(2)] for name in order[:2]}
    pairs[""] = [(rng.choice(keys), rng.choice(VALUES))]
    return TabledNetwork(rng.choice(names), variables, parents, tables, firm, pairs if free else {})


def same_numbers(one, other):
    """Whether two networks agree in everything but names, labels and what goes with them."""
    index = [{n: i for i, n in enumerate(network.variables)} for network in (one, other)]
    shapes = [
        [[at[p] for p in parents] for parents in network.parents.values()]
        for at, network in zip(index, (one, other), strict=True)
    ]
    return shapes[0] == shapes[1] and np.array_equal(one.theta, other.theta)


def sprinkler(suffix="bif"):
    return read_network(FIXTURES / f"sprinkler.{suffix}")


def problems(function, *arguments):
    with pytest.raises(InputError) as caught:
        function(*arguments)
    return [str(problem) for problem in caught.value.problems]


# Round trips


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
@pytest.mark.parametrize("form", LOSSLESS)
def test_fixtures_come_back_to_the_last_bit(path, form):
    network = read_network(path)
    text = LOSSLESS[form].write(network)
    again = LOSSLESS[form].read(text)
    assert again == network
    assert not again.notes
    assert LOSSLESS[form].write(again) == text


@pytest.mark.parametrize("form", LOSSLESS)
def test_random_networks_come_back_to_the_last_bit(form):
    for seed in range(50):
        network = random_network(seed)
        assert LOSSLESS[form].read(LOSSLESS[form].write(network)) == network, seed


def test_uai_keeps_structure_and_numbers():
    for seed in range(50):
        network = random_network(seed)
        text = uai.write(network)
        assert same_numbers(uai.read(text), network), seed
        assert uai.write(uai.read(text)) == text


@pytest.mark.parametrize("suffix", ["xml", "xdsl"])
def test_the_same_network_in_every_format(suffix):
    assert sprinkler(suffix) == sprinkler()


def test_the_same_numbers_in_uai():
    assert same_numbers(sprinkler("uai"), sprinkler())


def test_files_are_written_as_a_whole(tmp_path):
    network = sprinkler()
    for suffix in (".bif", ".xml", ".xmlbif", ".bifxml", ".xdsl"):
        path = write_network(network, tmp_path / f"n{suffix}")
        assert read_network(path) == network
    write_network(network, tmp_path / "n.txt", "bif")
    assert read_network(tmp_path / "n.txt", "bif") == network
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_file_problems_say_which_file(tmp_path):
    assert "did you mean '.bif'" in problems(read_network, tmp_path / "n.biff")[0]
    assert "cannot be read" in problems(read_network, tmp_path / "n.bif")[0]
    assert "not a file" in problems(read_network, tmp_path, "bif")[0]
    assert "did you mean 'bif'" in problems(read_network, tmp_path / "n.bif", "biff")[0]
    assert "cannot be written" in problems(write_network, sprinkler(), tmp_path / "no" / "n.bif")[0]
    (tmp_path / "n.bif").write_bytes(b"network x {\n}\n\xff")
    assert (
        f"{tmp_path / 'n.bif'}:3: not a text file" in problems(read_network, tmp_path / "n.bif")[0]
    )


def test_latin_letters_of_genie_files(tmp_path):
    text = (FIXTURES / "sprinkler.xdsl").read_text().replace("the tests", "Žofie é".lstrip("Ž"))
    path = tmp_path / "n.xdsl"
    path.write_bytes(text.encode("iso-8859-1"))
    assert read_network(path).properties[""] == (("author", "ofie é, by hand"),)


# What is read


def test_labels_and_properties_as_they_stand():
    clinic = read_network(FIXTURES / "clinic.bif")
    assert clinic.name == "a clinic"
    assert clinic.variables["chest x-ray"] == ("no finding", "Asy/Patch", "a, b", 'said "odd"')
    assert clinic.variables["age"] == ("<5", "5-10", ">=10")
    assert clinic.properties["chest x-ray"] == (
        ("http", "http://example.org/?a=1;b=2"),
        ("two words", "line one\nline two"),
    )
    assert clinic.concentration["0.5"].tolist() == [8, 8, 8]


def test_conditional_table_of_bif_has_its_own_state_slowest():
    clinic = read_network(FIXTURES / "clinic.bif")
    assert clinic.tables["0.5"].tolist() == [[0.1, 0.9], [0.2, 0.8], [0.3, 0.7]]


def test_default_rows_and_commas_are_optional():
    table = read_network(FIXTURES / "clinic.bif").tables["chest x-ray"]
    assert table[0, 1].tolist() == [0.25] * 4
    assert table[1, 0].tolist() == [1, 0, 0, 0]
    assert (table[[0, 0, 1, 1], [0, 2, 1, 2]] == [0.7, 0.1, 0.1, 0.1]).all()


def test_older_spellings_of_xmlbif():
    legacy = read_network(FIXTURES / "legacy.xml")
    assert legacy.variables == {"a": ("low", "high"), "b < c": ("x & y", "z")}
    assert legacy.tables["b < c"].tolist() == [[0.5, 0.5], [0.001, 0.999]]


def test_noisy_max_is_what_the_strongest_push_makes():
    causes = read_network(FIXTURES / "causes.xdsl")
    silent = [0.0, 0.0, 1.0]
    storm = {"yes": [0.5, 0.25, 0.25], "no": silent}
    flood = {"much": [0.6, 0.3, 0.1], "some": [0.1, 0.4, 0.5], "none": silent}
    leak = [0.01, 0.02, 0.97]
    for i, one in enumerate(causes.variables["storm"]):
        for j, other in enumerate(causes.variables["flood"]):
            expected = np.zeros(3)
            for pushed in itertools.product(range(3), repeat=3):
                probabilities = (storm[one][pushed[0]], flood[other][pushed[1]], leak[pushed[2]])
                expected[min(pushed)] += np.prod(probabilities)
            np.testing.assert_allclose(causes.tables["damage"][i, j], expected, rtol=0, atol=1e-15)
    assert causes.tables["closed"].tolist() == [[0, 1], [1, 0]]
    assert ["noisy-MAX" in note for note in causes.notes] == [True, False]


def test_noisy_max_with_a_doubtful_order_is_refused():
    text = (FIXTURES / "causes.xdsl").read_text()
    text = text.replace("0.5 0.25 0.25 0 0 1 ", "0 0 1 0.5 0.25 0.25 ")
    assert "weakest column" in problems(xdsl.read, text)[0]


def test_uai_scopes_come_in_any_order():
    assert list(sprinkler("uai").parents.values()) == [(), ("x0",), ("x0",), ("x1", "x2")]


# Rounding


def row(text):
    return bif.read(
        f"variable a {{ type discrete [ {len(text.split())} ] "
        f"{{ {' '.join(f's{i}' for i in range(len(text.split())))} }}; }}\n"
        f"probability ( a ) {{ table {text}; }}",
        "f",
    )


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


# Hostile input


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


# The value


def test_construction_lists_all_problems():
    found = problems(
        lambda: TabledNetwork(
            "n",
            {"a": ("x", "y"), "b": ("x", "y"), "c": ("x", "y")},
            {"b": ("a",)},
            {"a": [0.5, 0.6], "b": [[1, 0]], "c": [-0.5, 1.5]},
            {"a": 0},
        )
    )
    assert len(found) == 4
    assert found[0].startswith("a: its row sums to 1.1")
    assert "b: its table has shape (1, 2)" in found[1]
    assert "c: cell (0,) is -0.5" in found[2]
    assert "a concentration is at least" in found[3]


@pytest.mark.parametrize(
    ("parents", "message"),
    [
        ({"a": ("b",), "b": ("a",)}, "a → b → a"),
        ({"a": ("q",)}, "'q' is not a variable"),
        ({"a": ("a",)}, "own parent"),
        ({"a": ("b", "b")}, "more than once"),
        ({"q": ()}, "'q' is not a variable"),
    ],
)
def test_construction_checks_the_structure(parents, message):
    variables = {"a": ("x", "y"), "b": ("x", "y")}
    assert message in problems(lambda: TabledNetwork("n", variables, parents))[0]


def test_inference_agrees_with_the_joint_distribution():
    for seed in range(12):
        network = random_network(seed, names=[*"abcdefgh"], labels=[*"stuvw"])
        built, names = network.network, list(network.variables)
        evidence = built.no_evidence(1)
        last = network.tables[names[-1]]
        seen = {names[-1]: int(last.sum(axis=tuple(range(last.ndim - 1))).argmax())}
        for name, state in seen.items():
            evidence[0, built.states(name)] = -np.inf
            evidence[0, built.states(name).start + state] = 0.0
        joint = np.zeros([len(states) for states in network.variables.values()])
        for at in np.ndindex(joint.shape):
            where = dict(zip(names, at, strict=True))
            joint[at] = float(all(where[n] == state for n, state in seen.items()))
            for n, table in network.tables.items():
                joint[at] *= table[(*(where[p] for p in network.parents[n]), where[n])]
        if joint.sum() < 1e-6:
            continue
        swept = sweep(built, network.theta, evidence, "smoothed")
        for axis, name in enumerate(names):
            others = tuple(i for i in range(len(names)) if i != axis)
            expected = joint.sum(others) / joint.sum()
            found = swept.marginals[0, built.states(name), 0]
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_drawn_rows_are_dirichlet_and_exact_rows_stay():
    network = sprinkler()
    n = 20_000
    theta = network.draw_tables(n, random_seed=3)
    assert theta.shape == (network.n_cells, n)
    start = 0
    for name, table in network.tables.items():
        drawn = theta[start : start + table.size].reshape(*table.shape, n)
        start += table.size
        firm = network.concentration.get(name, np.full(table.shape[:-1], np.inf))
        for at in np.ndindex(table.shape[:-1]):
            np.testing.assert_allclose(drawn[at].sum(0), 1, rtol=0, atol=1e-12)
            assert (drawn[at][table[at] == 0] == 0).all()
            if np.isinf(firm[at]):
                assert (drawn[at] == table[at][:, None]).all()
                continue
            spread = np.sqrt(table[at] * (1 - table[at]) / (firm[at] + 1))
            errors = (drawn[at].mean(1) - table[at]) / np.maximum(spread / np.sqrt(n), 1e-12)
            assert np.abs(errors).max() < 4.5
            np.testing.assert_allclose(drawn[at].std(1), spread, rtol=0.05)
    assert np.array_equal(theta, network.draw_tables(n, random_seed=3))


def test_very_loose_rows_are_drawn_without_faults():
    network = TabledNetwork("n", {"a": ("x", "y", "z")}, tables={"a": [0.999, 0.001, 0.0]})
    theta = network.with_concentration(1e-6).draw_tables(5000, random_seed=1)
    assert np.isfinite(theta).all()
    np.testing.assert_allclose(theta.sum(0), 1, rtol=0, atol=1e-12)
    assert abs(theta[0].mean() - 0.999) < 5 * np.sqrt(0.999 * 0.001 / 5000)


def test_values_cannot_be_changed_in_place():
    network = sprinkler()
    with pytest.raises(ValueError, match="read-only"):
        network.tables["rain"][0, 0] = 1
    looser = network.with_concentration({"rain": 5})
    assert "rain" not in network.concentration
    assert looser.concentration["rain"].tolist() == [5, 5]
    assert looser.concentration["grass"] is not None
    assert "did you mean 'rain'" in problems(network.with_concentration, {"ran": 5})[0]
    assert "<td>none, light, heavy</td>" in network._repr_html_()
    assert "sprinkler  off, on" in repr(network)


# Other libraries


def aligned(table, own, given):
    """A pyAgrum table with its axes in the order of a network's."""
    name, *parents = table.names
    assert (name, sorted(parents)) == (own, sorted(given))
    values = np.array(table.tolist()).transpose(*range(len(parents) - 1, -1, -1), -1)
    return np.moveaxis(values, [parents.index(p) for p in given], range(len(given)))


def test_pyagrum_there_and_back():
    pytest.importorskip("pyagrum", reason="pyAgrum is not installed")
    for seed in range(20):
        network = random_network(seed, free=False)
        there = to_pyagrum(network)
        assert from_pyagrum(there) == network
        for name in network.variables:
            values = aligned(there.cpt(name), name, network.parents[name])
            assert np.array_equal(values, network.tables[name])


@pytest.mark.parametrize("suffix", ["bif", "bifxml"])
def test_pyagrum_reads_what_is_written(tmp_path, suffix):
    gum = pytest.importorskip("pyagrum", reason="pyAgrum is not installed")
    network = sprinkler().with_concentration({"cloudy": 7})
    model = gum.loadBN(str(write_network(network, tmp_path / f"n.{suffix}")))
    for name, table in network.tables.items():
        values = aligned(model.cpt(name), name, network.parents[name])
        np.testing.assert_allclose(values, table, rtol=0, atol=1e-7)
        assert tuple(model.variable(name).labels()) == network.variables[name]


@pytest.mark.parametrize("suffix", ["bif", "bifxml", "xdsl", "uai"])
def test_pyagrum_files_are_read(tmp_path, suffix):
    gum = pytest.importorskip("pyagrum", reason="pyAgrum is not installed")
    chain = suffix in ("xdsl", "uai")  # where pyAgrum orders several parents in its own way
    model = gum.fastBN("a[2]->c[4]->d[2];b[3]" if chain else "a[2]->c[4];b[3]->c;c->d[2];a->d")
    path = tmp_path / f"n.{suffix}"
    gum.saveBN(model, str(path))
    network, expected = read_network(path), from_pyagrum(model)
    for place, name in enumerate(expected.variables):
        key = f"x{place}" if suffix == "uai" else name
        rename = {f"x{i}": n for i, n in enumerate(expected.variables)} if suffix == "uai" else {}
        parents = [rename.get(p, p) for p in network.parents[key]]
        axes = [parents.index(p) for p in expected.parents[name]]
        values = np.moveaxis(network.tables[key], axes, range(len(axes)))
        np.testing.assert_allclose(values, expected.tables[name], rtol=0, atol=2e-6)


def test_pyagrum_xdsl_files_with_several_parents_are_refused(tmp_path):
    gum = pytest.importorskip("pyagrum", reason="pyAgrum is not installed")
    gum.saveBN(gum.fastBN("a[2]->c[4];b[3]->c"), str(tmp_path / "n.xdsl"))
    assert "pyAgrum wrote this file" in problems(read_network, tmp_path / "n.xdsl")[0]


def pgmpy_network():
    pytest.importorskip("pgmpy", reason="pgmpy is not installed")
    factors = pytest.importorskip("pgmpy.factors.discrete", reason="pgmpy cannot be imported")
    models = pytest.importorskip("pgmpy.models", reason="pgmpy cannot be imported")
    model = models.DiscreteBayesianNetwork([("a", "c"), ("b", "c")])
    a, b = {"a": ["t", "f"]}, {"b": [0, 1, 2]}
    numbers = np.random.default_rng(1).dirichlet([1, 1], 6).T
    model.add_cpds(
        factors.TabularCPD("a", 2, [[0.1], [0.9]], state_names=a),
        factors.TabularCPD("b", 3, [[0.2], [0.3], [0.5]], state_names=b),
        factors.TabularCPD(
            *("c", 2, numbers, ["b", "a"], [3, 2]), state_names={"c": ["x y", "<5"], **a, **b}
        ),
    )
    return model, numbers


def test_pgmpy_columns_and_states():
    model, numbers = pgmpy_network()
    network = from_pgmpy(model)
    assert network.variables["b"] == ("0", "1", "2")
    assert network.parents["c"] == ("b", "a")
    assert np.array_equal(network.tables["c"].reshape(6, 2), numbers.T)


def test_pgmpy_reads_what_is_written(tmp_path):
    readers = pytest.importorskip("pgmpy.readwrite", reason="pgmpy is not installed")
    network = sprinkler().with_concentration({"cloudy": 7})
    path = write_network(network, tmp_path / "n.bif")
    model = from_pgmpy(readers.BIFReader(str(path)).get_model())
    assert {n: set(s) for n, s in model.variables.items()} == {
        n: set(s) for n, s in network.variables.items()
    }
    for name, table in network.tables.items():
        np.testing.assert_array_equal(model.tables[name], table)


def test_pgmpy_tables_with_states_in_another_order(monkeypatch):
    monkeypatch.setattr("forecast.interchange.convert._library", lambda name: None)
    tables = {
        "a": ("a", ["a"], {"a": ["t", "f"]}, [0.25, 0.75]),
        "b": ("b", ["b", "a"], {"a": ["f", "t"], "b": [1, 0]}, [[0.1, 0.2], [0.9, 0.8]]),
    }
    cpds = {
        name: SimpleNamespace(variable=v, variables=vs, state_names=s, values=np.array(x))
        for name, (v, vs, s, x) in tables.items()
    }
    kind = type("DiscreteBayesianNetwork", (SimpleNamespace,), {})
    network = from_pgmpy(kind(nodes=lambda: ["a", "b"], get_cpds=cpds.get, name="n"))
    assert network.variables == {"a": ("t", "f"), "b": ("1", "0")}
    assert network.tables["b"].tolist() == [[0.2, 0.8], [0.1, 0.9]]


def test_a_missing_library_is_named(monkeypatch):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr("forecast.interchange.convert.import_module", missing)
    assert "pip install" in problems(to_pyagrum, sprinkler())[0]


def model_of(name, *bases):
    """An object whose class is called as one of another library."""
    methods = {part: lambda self, *_: [] for part in ("nodes", "get_cpds", "variable", "cpt")}
    bases = tuple(type(base, (), methods) for base in bases)
    return type(name, bases, methods | {"__module__": "other.models"})()


OTHER_MODELS = {
    "a dynamic network": model_of("DynamicBayesianNetwork", "DAG"),
    "a linear Gaussian": model_of("LinearGaussianBayesianNetwork", "BayesianNetwork"),
    "an undirected": model_of("DiscreteMarkovNetwork"),
    "an influence diagram": model_of("InfluenceDiagram"),
    "a credal network": model_of("CredalNet"),
    "a graph without tables": model_of("DiGraph"),
    "a path": "network.bif",
    "something else": None,
}


@pytest.mark.parametrize("convert", [from_pgmpy, from_pyagrum])
@pytest.mark.parametrize("said", OTHER_MODELS)
def test_other_models_are_told_what_is_read(convert, said):
    (found,) = problems(convert, OTHER_MODELS[said])
    assert re.search(r"(BayesianNetwork|BayesNet) is expected", found)
    assert f"is {said}" in found


def test_classes_of_networks_of_tables_are_taken():
    for model in (model_of("NaiveBayes", "BayesianNetwork", "DAG"), model_of("BayesianModel")):
        assert "no variables" in problems(from_pgmpy, model)[0]


# Files as other tools write them


SWITCH = """network "Gate" { //2 variables
  property "credal-set constant-density-bounded 1.1" ;
}
variable "wet" { //2 values
  type discrete[2] { "yes" "no" }; property "position = (1, 2)" ;
}
variable "slips" { type discrete[2] { "yes" "no" }; }
probability ( "wet" ) { table 0.25 0.75 ; }
probability ( "slips" "wet" ) { table 0.5 0.125 0.5 0.875 ; }
"""


def test_bif_without_a_bar_has_its_own_state_slowest():
    network = bif.read(SWITCH)
    assert network.parents == {"wet": (), "slips": ("wet",)}
    assert network.tables["slips"].tolist() == [[0.5, 0.5], [0.125, 0.875]]
    joint = SWITCH.replace('"slips" "wet"', '"slips", "no" | "wet"')
    assert any("'|' where a parent or ')'" in problem for problem in problems(bif.read, joint))


def test_types_of_bif():
    text = (
        "variable a { type integer [ -1, 1 ]; } probability ( a ) { table .5 .25 .25; } "
        "variable b { type discrete { x y }; } probability ( b ) { table .5 .5; }"
    )
    assert bif.read(text).variables == {"a": ("-1", "0", "1"), "b": ("x", "y")}
    many = "".join(f"variable v{i} {{ type integer [ 0, 99998 ]; }} " for i in range(60))
    assert "0 to 99998; whole numbers of all ranges" in problems(bif.read, many)[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 -1.1e-69", [1, 0]),
        ("-2.2e-16 1", [0, 1]),
        ("1.000000001 -1e-9", [1, 0]),
        ("0.5 0.5 -5e-7", [0.5, 0.5, 0]),
    ],
)
def test_what_subtraction_leaves_below_nothing_is_nothing(text, expected):
    network = row(text)
    assert network.tables["a"].tolist() == expected
    assert "below 0 by rounding" in network.notes[0]
    assert "a probability is a number" in problems(row, text.replace("-", "-0.001 -", 1))[0]


def test_numbers_that_are_absurdly_long_are_refused_in_few_words():
    for digits in ("1" * 5_000, "0." + "3" * 5_000, "1e" + "0" * 5_000 + "1", "1" * 10**6 + "x"):
        (found,) = problems(row, f"{digits} 0.5")
        assert "characters; a number has at most 1,100" in found
        assert len(found) < 200
    row(f"0.{'0' * 900}1 1")


def test_very_many_unknown_parents_take_no_time():
    variables = "".join(f"variable v{i} {{ type discrete [ 2 ] {{ x y }}; }}" for i in range(490))
    names = " ".join(f"q{i}" for i in range(50))
    tables = "".join(f"probability ( v{i} | {names} ) {{ table 1 0; }}" for i in range(490))
    began = time.perf_counter()
    found = problems(bif.read, variables + tables)
    assert found[-1].endswith("too many problems; the rest was not read")
    parents = dict.fromkeys([f"v{i}" for i in range(490)], names.split())
    given = {"variables": dict.fromkeys(parents, ("x", "y")), "parents": parents}
    assert len(problems(lambda: TabledNetwork("n", **given))) == 100
    assert time.perf_counter() - began < 20  # minutes, if every name were compared


DIAGRAM = """<smile version="1.0" id="dike"><nodes>
<cpt id="flood"><state id="yes"/><state id="no"/><probabilities>0.1 0.9</probabilities></cpt>
<decision id="build"><state id="yes"/><state id="no"/></decision>
<equation id="cost"><parents>build</parents><definition>cost=7</definition></equation>
<deterministic id="dry"><state id="yes"/><state id="no"/><parents>flood build</parents>
  <resultingstates>yes no yes yes</resultingstates></deterministic>
<utility id="worth"><parents>dry</parents><utilities>0 1</utilities></utility>
<cpt id="crop"><state id="yes"/><state id="no"/><parents>flood</parents>
  <probabilities>0.2 0.8 0.7 0.3</probabilities></cpt>
</nodes></smile>"""


def test_what_no_chance_node_needs_is_left_out_with_a_warning():
    with pytest.warns(InputWarning, match=r"left out: build \(a decision\), cost"):
        network = xdsl.read(DIAGRAM, "dike.xdsl")
    assert network.parents == {"flood": (), "crop": ("flood",)}
    assert len(network.notes) == 4
    assert "left out: 'dry', deterministic, and depends on what was left out" in str(network.notes)
    assert "note: dike.xdsl:3:1: left out: 'build', a decision" in repr(network)
    text = """<BIF xmlns="urn:x" VERSION="0.3"><NETWORK><NAME>n</NAME>
    <VARIABLE TYPE="decision"><NAME>d</NAME><OUTCOME>x</OUTCOME></VARIABLE>
    <VARIABLE TYPE="nature"><NAME>a</NAME><OUTCOME>x</OUTCOME><OUTCOME>y</OUTCOME></VARIABLE>
    <VARIABLE TYPE="utility"><NAME>u</NAME></VARIABLE>
    <DEFINITION><FOR>a</FOR><TABLE>.5 .5</TABLE></DEFINITION>
    <DEFINITION><FOR>u</FOR><GIVEN>d</GIVEN><GIVEN>a</GIVEN><TABLE>3 4</TABLE></DEFINITION>
    </NETWORK></BIF>"""
    with pytest.warns(InputWarning, match=r"left out: d \(a decision\), u \(a utility\)"):
        assert list(xmlbif.read(text).variables) == ["a"]


def test_what_a_chance_node_needs_cannot_be_left_out():
    needed = DIAGRAM.replace("<parents>flood</parents>", "<parents>dry</parents>")
    found = problems(xdsl.read, needed)
    assert len(found) == 1
    assert "dry: the parent 'build' is a decision, which has no probabilities" in found[0]


def test_observations_after_the_tables_of_uai_are_left_out():
    assert not uai.read("bayes 1 2 1 1 0 2 .5 .5 0").notes
    with pytest.warns(InputWarning, match="left out: 1 observations"):
        uai.read("BAYES 1 2 1 1 0 2 .5 .5 1 0 1")


# Markov random fields


def random_field(seed):
    """Sizes, and weights over random groups of variables, a third of them zero."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 4, int(rng.integers(2, 7))).tolist()
    factors = []
    for _ in range(int(rng.integers(1, 9))):
        scope = rng.permutation(len(sizes))[: rng.integers(0, 4)].tolist()
        weights = rng.gamma(1.0, 10.0, [sizes[k] for k in scope])
        factors.append((scope, np.where(rng.random(weights.shape) < 0.3 * bool(scope), 0, weights)))
    return sizes, factors


@pytest.mark.parametrize("seed", range(30))
def test_a_markov_random_field_keeps_its_joint_distribution(seed):
    """By enumeration of all joint states."""
    sizes, factors = random_field(seed)
    lines = ["MARKOV", str(len(sizes)), " ".join(map(str, sizes)), str(len(factors))]
    lines += [" ".join(map(str, [len(scope), *scope])) for scope, _ in factors]
    lines += [f"{w.size} " + " ".join(map(repr, w.ravel().tolist())) for _, w in factors]
    joint = np.ones(sizes)
    for at in np.ndindex(*sizes):
        for scope, weights in factors:
            joint[at] *= weights[tuple(at[k] for k in scope)]
    if not joint.any():
        assert "the weight 0" in problems(uai.read, "\n".join(lines))[0]
        return
    network = uai.read("\n".join(lines))
    total = float(network.notes[0].rpartition(" ")[2])
    assert total == pytest.approx(np.log(joint.sum()), rel=1e-12, abs=1e-12)
    for at in np.ndindex(*sizes):
        states = {f"x{k}": i for k, i in enumerate(at)}
        given = [
            network.tables[name][tuple(states[p] for p in (*network.parents[name], name))]
            for name in states
        ]
        assert np.prod(given) == pytest.approx(joint[at] / joint.sum(), rel=1e-12, abs=1e-15)


def test_faults_of_markov_random_fields():
    for text, message in [
        ("MARKOV 2 2 2 1 2 0 0 4 1 1 1 1", "'x0' is given twice"),
        ("MARKOV 1 2 1 1 3 2 1 1", "'x3' is not a variable"),
        ("MARKOV 1 2 1 1 0 2 1 -1", "a weight is not negative"),
        ("MARKOV 1 2 1 1 0 3 1 1 1", "has 3 numbers; its variables need 2"),
    ]:
        found = problems(uai.read, text)
        assert any(message in each for each in found), (message, found)


# The NET format of Hugin

NET = """% made by hand
class weather
{
  inputs = ();
  node_size = (80 40);
  discrete node Rain { label = "Does it rain?"; position = (1 2); states = ("no" "yes"); }
  node Grass
  {
    states = ("dry" "damp" "wet"); % of three
  }
  utility Cost { }
  potential (Grass | Rain) { data = (( 0.7 0.2 0.1 )
                                     ( 0.1 0.3 0.6 )); }
  potential (Rain) { data = ( 0.8 0.2 ); }
  potential (Cost | Rain) { data = ( 5 7 ); }
}
"""


def test_net_is_read_as_hugin_means_it():
    with pytest.warns(InputWarning, match="left out: Cost"):
        network = hugin.read(NET)
    assert network.name == "weather"
    assert network.variables == {"Rain": ("no", "yes"), "Grass": ("dry", "damp", "wet")}
    assert network.tables["Grass"].tolist() == [[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]]
    assert network.properties["Rain"] == (("label", "Does it rain?"),)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("(Rain)", "(Rain Grass)", "a potential is of one node"),
        ("| Rain) { data = ((", "| Sun) { data = ((", "'Sun' is not a variable"),
        ("0.8 0.2", "0.8", "has 1 numbers; its variables need 2"),
        ("discrete node", "continuous node", "only discrete nodes"),
        ("(Rain) { data", "(Rain) { model", "has no data"),
        ("0.8 0.2 );", "0.8 0.2 )", "does not end with ';'"),
    ],
)
def test_faults_of_net(old, new, message):
    assert old in NET
    found = problems(hugin.read, NET.replace(old, new, 1))
    assert any(message in each for each in found), found


@pytest.mark.parametrize("gap", [9e-6, -9e-6])
def test_rows_of_converted_networks_may_miss_one_by_a_hundred_thousandth(gap):
    text = "BAYES 1 4 1 1 0 4 {:.12f}" + 3 * " 0.250000000000"
    network = uai.read(text.format(0.25 + gap))
    assert network.tables["x0"].sum() == pytest.approx(1, abs=1e-15)
    assert "missed 1 by up to 9e-06; divided by sums" in network.notes[0]
    assert "sums to" in problems(uai.read, text.format(0.25 + 1.2 * gap))[0]


def test_compressed_files_are_read(tmp_path):
    text = bif.write(sprinkler()).encode()
    packed = {"gz": gzip.compress(text), "bz2": bz2.compress(text), "xz": lzma.compress(text)}
    for suffix, content in packed.items():
        (tmp_path / f"n.bif.{suffix}").write_bytes(content)
        assert read_network(tmp_path / f"n.bif.{suffix}") == sprinkler()
        (tmp_path / f"cut.bif.{suffix}").write_bytes(content[: len(content) // 2])
        assert "cannot be read" in problems(read_network, tmp_path / f"cut.bif.{suffix}")[0]
    for names in (["deep/n.bif"], ["one.bif", "two.bif"]):
        with zipfile.ZipFile(tmp_path / "n.zip", "w") as archive:
            for name in names:
                archive.writestr(name, text)
        if len(names) == 1:
            assert read_network(tmp_path / "n.zip") == sprinkler()
    assert (
        "an archive of 2 files (one.bif, two.bif)" in problems(read_network, tmp_path / "n.zip")[0]
    )
    (tmp_path / "bomb.bif.gz").write_bytes(gzip.compress(b" " * 30_000_000))
    assert "more than the 20,000,000 bytes" in problems(read_network, tmp_path / "bomb.bif.gz")[0]
    assert "files of Hugin are not read" in problems(read_network, tmp_path / "n.hkb")[0]


@pytest.mark.parametrize(
    ("declared", "encoding"),
    [
        *[("utf-16", "utf-16"), ("UTF-16", "utf-16-le"), ("utf-16", "utf-8")],
        *[("windows-1252", "cp1252"), ("ISO-8859-2", "iso-8859-2")],
        *[("utf-8", "utf-8-sig"), ("Shift_JIS", "shift_jis")],
    ],
)
def test_encodings_that_a_document_declares(tmp_path, declared, encoding):
    name = {"Shift_JIS": "洪水", "ISO-8859-2": "Žofie"}.get(declared, "crué é")
    text = (
        f'<?xml version="1.0" encoding="{declared}"?>\n<!DOCTYPE BIF [ <!ELEMENT BIF (NETWORK)> ]>'
        f"<BIF><NETWORK><NAME>{name}</NAME><VARIABLE><NAME>a</NAME><OUTCOME>x</OUTCOME></VARIABLE>"
        "<DEFINITION><FOR>a</FOR><TABLE>1</TABLE></DEFINITION></NETWORK></BIF>"
    )
    path = tmp_path / "n.xml"
    path.write_bytes(text.encode(encoding))
    assert read_network(path).name == name


def test_an_encoding_that_nothing_says_is_given(tmp_path):
    path = tmp_path / "n.bif"
    path.write_bytes(SWITCH.replace("Gate", "\nécluse").encode("cp1252"))
    (found,) = problems(read_network, path)
    assert found.startswith(f"{path}:2: not a text file in UTF-8")
    assert "encoding='cp1252'" in found
    assert "is not known" in problems(lambda: read_network(path, encoding="zlib"))[0]
    path.write_bytes(SWITCH.replace("Gate", "écluse").encode("cp1252"))
    assert read_network(path, encoding="cp1252").name == "écluse"
