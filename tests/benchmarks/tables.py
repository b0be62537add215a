"""Networks with uncertain tables for the benchmarks: from files, or random ones of their sizes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

import forecast as fc
from forecast.interchange.tabled import TabledNetwork

SIZES = {
    "asia": ("22222222", "01011212"),
    "alarm": (
        "2223333222232223322344444433342333333",
        "0012112000010001020012332222124122222",
    ),
    "hailfinder": (
        "44444444433333343333334336b2433643335444b333743343754426",
        "00031002200230202032410210110221003210021422111111111111",
    ),
    "hepar2": (
        "2222222222324222223232242222232222222432222322223443432222222232222222",
        "0002000133300210122211351112341111211242112114114551632322311111122122",
    ),
    "insurance": ("342425342233445422444224443", "012222202222323223322122312"),
}
"""Of each network, in an order where parents come first: how many states its variables have, in
base 16, and how many parents."""

NEAR = 7
"""Parents in random networks are among so many variables before, as in networks of people's."""


def random_rows(
    rng: np.random.Generator, name: str, sizes: dict[str, int], parents: dict[str, tuple[str, ...]]
) -> TabledNetwork:
    """A network with the given structure, and rows that are all equally likely."""
    tables = {
        own: rng.dirichlet(np.ones(size), [sizes[parent] for parent in parents[own]])
        for own, size in sizes.items()
    }
    labels = {own: tuple(f"s{s}" for s in range(size)) for own, size in sizes.items()}
    return TabledNetwork(name, labels, parents, tables)


def naive_bayes(n: int) -> TabledNetwork:
    """A class with so many features of three states."""
    sizes = {"class": 4, **{f"v{k}": 3 for k in range(n)}}
    parents = {own: ("class",) if own != "class" else () for own in sizes}
    return random_rows(np.random.default_rng(n), "class", sizes, parents)


def grid(rows: int, columns: int) -> TabledNetwork:
    """Binary variables in rows, each with parents to the left and above: two rows are a ladder."""
    parents = {
        f"v{i}_{j}": tuple(f"v{a}_{b}" for a, b in ((i - 1, j), (i, j - 1)) if min(a, b) >= 0)
        for j in range(columns)
        for i in range(rows)
    }
    rng = np.random.default_rng([rows, columns])
    return random_rows(rng, f"grid {rows} x {columns}", dict.fromkeys(parents, 2), parents)


def near_parents(n: int, most: int, near: int) -> TabledNetwork:
    """Variables of two to four states with up to so many parents, among the few just before."""
    rng = np.random.default_rng([n, most, near])
    sizes = {f"v{k}": int(rng.integers(2, 5)) for k in range(n)}
    names = list(sizes)
    parents = {}
    for k, own in enumerate(names):
        before = np.arange(max(0, k - near), k)
        chosen = sorted(rng.permutation(before)[: rng.integers(0, most + 1)].tolist())
        parents[own] = tuple(names[p] for p in chosen)
    return random_rows(rng, f"{n} variables", sizes, parents)


LARGE: dict[str, Callable[[], TabledNetwork]] = {
    "naive Bayes of 200": lambda: naive_bayes(200),
    "ladder of 400": lambda: grid(2, 200),
    "grid 8 x 30": lambda: grid(8, 30),
    "chain of 1000": lambda: near_parents(1000, 1, 1),
    "223 variables": lambda: near_parents(223, 3, 6),
    "441 variables": lambda: near_parents(441, 3, 6),
    "1000 variables": lambda: near_parents(1000, 3, 5),
}
"""Networks of the sizes of large published ones, where none are given."""


def load_tabled(name: str, folder: Path | None) -> TabledNetwork:
    """The network in `folder`, or a random one of its size if no folder is given."""
    return random_tabled(name) if folder is None else fc.read_network(folder / f"{name}.bif")


def random_tabled(name: str) -> TabledNetwork:
    """A seeded random network with the numbers of variables, states and parents of a known one."""
    rng = np.random.default_rng(list(name.encode()))
    states, parents = ([int(digit, 16) for digit in digits] for digits in SIZES[name])
    names = [f"v{k}" for k in range(len(states))]
    chosen = {
        names[k]: [names[p] for p in sorted(rng.permutation(np.arange(max(0, k - NEAR), k))[:n])]
        for k, n in enumerate(parents)
    }
    tables = {}
    for k, own in enumerate(names):
        shape = [states[names.index(parent)] for parent in chosen[own]]
        tables[own] = rng.dirichlet(np.ones(states[k]), shape)
    labels = {own: tuple(f"s{s}" for s in range(n)) for own, n in zip(names, states, strict=True)}
    return TabledNetwork(name, labels, {k: tuple(v) for k, v in chosen.items()}, tables)
