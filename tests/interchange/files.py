"""Files of networks, random networks, and how both are compared."""

import random
from pathlib import Path

import numpy as np

from forecast.interchange import bif
from forecast.interchange.network_files import read_network
from forecast.interchange.tabled import TabledNetwork

FIXTURES = Path(__file__).parent / "fixtures" / "networks"
FILES = sorted(path for path in FIXTURES.iterdir() if path.suffix != ".md")

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


def row(text):
    return bif.read(
        f"variable a {{ type discrete [ {len(text.split())} ] "
        f"{{ {' '.join(f's{i}' for i in range(len(text.split())))} }}; }}\n"
        f"probability ( a ) {{ table {text}; }}",
        "f",
    )


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
