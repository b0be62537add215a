"""What files of other tools mean, format by format."""

import itertools
import time

import numpy as np
import pytest

from forecast.errors import InputWarning
from forecast.interchange import bif, hugin, uai, xdsl, xmlbif
from forecast.interchange.network_files import read_network
from forecast.interchange.tabled import TabledNetwork
from tests.interchange.files import FIXTURES, SWITCH, row, sprinkler
from tests.refusals import problems


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
