"""Networks with uncertain tables for the benchmarks: from files, or random ones of their sizes."""

from __future__ import annotations

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
