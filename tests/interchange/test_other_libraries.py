"""Networks to and from pyAgrum and pgmpy."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

from forecast.interchange.convert import from_pgmpy, from_pyagrum, to_pyagrum
from forecast.interchange.network_files import read_network, write_network
from tests.interchange.files import random_network, sprinkler
from tests.refusals import problems


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
@pytest.mark.parametrize("description", OTHER_MODELS)
def test_other_models_are_told_what_is_read(convert, description):
    (found,) = problems(convert, OTHER_MODELS[description])
    assert re.search(r"(BayesianNetwork|BayesNet) is expected", found)
    assert f"is {description}" in found


def test_classes_of_networks_of_tables_are_taken():
    for model in (model_of("NaiveBayes", "BayesianNetwork", "DAG"), model_of("BayesianModel")):
        assert "no variables" in problems(from_pgmpy, model)[0]
