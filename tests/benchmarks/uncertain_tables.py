"""Posteriors of all variables under many sets of tables, against a loop over pyAgrum.

Every set of tables is drawn around the network's own rows. Both sides give the posterior of every
variable for every set: the engine in one sweep over all sets, pyAgrum by writing each set into its
tables, making a LazyPropagation and reading every posterior. (Writing tables into an inference
that already exists leaves its answers as they were.) pyAgrum is given the tables as lists already
cut to length, its fastest way in; its loop runs over fewer sets, and times are for one set.

`planning_s` is the choice of an elimination and its compilation to operations, done once for a
network and not part of the ratio; `kernels_s` is the first use of the compiled loops in this
process, most of it reading them from the cache, or compiling them where there is none.

Large networks come after the small ones, each in a process of its own: the time to a first answer
under one set of tables with nothing prepared (`cold_s`, planning in it), the time for one of many
sets, and the most memory that our side of it took (`peak_mb`, Python and all libraries in it).
"""

from __future__ import annotations

from tests.benchmarks import timing  # isort: skip  # before NumPy, whose threads it sets

import multiprocessing
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np

import forecast as fc
from forecast.network.elimination import elimination
from forecast.network.slices import slice_circuits
from forecast.network.structure import Block, Network, Node
from forecast.network.sweep import sweep
from tests.benchmarks.tables import LARGE, load_tabled

LARGE_NEEDED, LONGEST_PLANNING = 5.0, 5.0
CELLS_TOGETHER = 3e7
"""Table cells of all sets of a large network: with more variables come fewer sets."""
NEEDED = {"asia": 500, "alarm": 300, "hailfinder": 100, "hepar2": 250, "insurance": 25}
AGREE = 1e-9
CONCENTRATION = 20.0


def main() -> int:
    """Run the benchmark."""
    parser = timing.parser(__doc__)
    parser.add_argument("--networks", type=Path, help="folder of .bif files; random ones otherwise")
    parser.add_argument("--sets", type=int, default=1000, help="sets of tables")
    parser.add_argument("--rival-sets", type=int, default=50, help="sets that pyAgrum is given")
    given = parser.parse_args()
    if given.quick:
        given.sets, given.rival_sets, given.repetitions = 50, 5, 1
    timing.bind_to_one_processor()
    kernels = timing.seconds(_first_use)
    names = ["asia", "alarm"] if given.quick else list(NEEDED)
    cases = []
    for name in names:
        cases.append(_compare(name, given))
        timing.note(str(cases[-1]))
    for name in _large_names(given):
        with multiprocessing.get_context("fork").Pool(1) as pool:
            cases.append(pool.apply(_compare_large, (name, given)))
        timing.note(str(cases[-1]))
    more = {"sets": given.sets, "rival_sets": given.rival_sets, "kernels_s": kernels}
    return timing.finish("uncertain_tables", cases, quick=given.quick, **more)


def _first_use() -> None:
    network = Network((Node("x", ("a", "b"), Block((), 0), None),), n_cells=2, dynamic=False)
    sweep(network, np.full((2, 1), 0.5), network.no_evidence(1), "smoothed")


def _compare(name: str, given: Any) -> dict[str, Any]:
    tabled = load_tabled(name, given.networks)
    network = tabled.network
    theta = tabled.with_concentration(CONCENTRATION).draw_tables(given.sets, random_seed=1)
    planning = timing.seconds(lambda: slice_circuits(network, ()))
    rival = _Rival(network, theta[:, : given.rival_sets])
    nothing = network.no_evidence(1)

    def ours() -> Any:
        return sweep(network, theta, nothing, "smoothed").marginals[0]

    gap = np.abs(ours()[:, : given.rival_sets] - rival.posteriors()).max()
    times, spread = timing.medians({"ours": ours, "pyagrum": rival.posteriors}, given.repetitions)
    ours_ms = 1e3 * times["ours"] / given.sets
    rival_ms = 1e3 * times["pyagrum"] / given.rival_sets
    ratio = rival_ms / ours_ms
    needed = 0.0 if given.networks is None else NEEDED[name]
    return {
        "name": name,
        "network": "random of the same size" if given.networks is None else "from file",
        "ratio": ratio,
        "needed": needed,
        "max_abs_diff": gap,
        "ours_ms_per_set": ours_ms,
        "pyagrum_ms_per_set": rival_ms,
        "planning_s": planning,
        "operations": elimination(network).operations,
        "spread": spread,
        "ok": bool(gap <= AGREE and (given.quick or ratio >= needed)),
    }


def _large_names(given: Any) -> list[str]:
    """Files besides those of the small networks, or else the random ones."""
    if given.networks is None:
        return ["naive Bayes of 200"] if given.quick else list(LARGE)
    files = (path.name for path in given.networks.iterdir() if ".bif" in path.suffixes)
    return sorted(name for name in files if name.partition(".")[0] not in NEEDED)


def _compare_large(name: str, given: Any) -> dict[str, Any]:
    random = given.networks is None
    tabled = LARGE[name]() if random else fc.read_network(given.networks / name)
    network, nothing = tabled.network, tabled.network.no_evidence(1)
    sets = int(max(min(given.sets, CELLS_TOGETHER / network.n_cells), 4))
    theta = tabled.with_concentration(CONCENTRATION).draw_tables(sets, random_seed=1)

    def ours(n: int) -> Any:
        return sweep(network, theta[:, :n], nothing, "smoothed").marginals[0]

    found: dict[str, Any] = {"name": name, "sets": sets, "variables": len(network.nodes)}
    planning = timing.seconds(lambda: slice_circuits(network, ()))
    found |= {"planning_s": planning, "cold_s": planning + timing.seconds(lambda: ours(1))}
    ours_ms = 1e3 * timing.seconds(lambda: ours(sets)) / sets
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    n_rival = 1 if given.quick else 3
    rival = _Rival(network, theta[:, :n_rival])
    rival_ms = 1e3 * timing.seconds(rival.posteriors) / n_rival
    gap = np.abs(ours(n_rival) - rival.posteriors()).max()
    needed = 0.0 if given.quick else LARGE_NEEDED
    good = gap <= AGREE and rival_ms / ours_ms >= needed
    return found | {
        "network": "random" if random else "from file",
        "ratio": rival_ms / ours_ms,
        "needed": needed,
        "max_abs_diff": gap,
        "ours_ms_per_set": ours_ms,
        "pyagrum_ms_per_set": rival_ms,
        "peak_mb": peak,
        "operations": elimination(network).operations,
        "ok": bool(good and (given.quick or planning <= LONGEST_PLANNING)),
    }


class _Rival:
    """The same network in pyAgrum, with tables as it takes them fastest."""

    def __init__(self, network: Network, theta: Any) -> None:
        import pyagrum as gum

        gum.setNumberOfThreads(1)
        self.inference = gum.LazyPropagation
        self.net = gum.BayesNet()
        for node in network.nodes:
            self.net.add(gum.LabelizedVariable(node.name, node.name, list(node.states)))
        blocks = [(node.name, node.first) for node in network.nodes if node.first is not None]
        for name, block in blocks:
            # The first axis varies fastest there: the variable, then its last parent.
            for parent, _ in reversed(block.parents):
                self.net.addArc(parent, name)
        self.tables = [self.net.cpt(name) for name, _ in blocks]
        self.numbers = [self.net.idFromName(name) for name, _ in blocks]
        self.sets = [
            [theta[network.cells(block, name), draw].tolist() for name, block in blocks]
            for draw in range(theta.shape[1])
        ]

    def posteriors(self) -> Any:
        """Probability of every state under every set, (state, set)."""
        return np.stack([np.concatenate(self._one(values)) for values in self.sets], axis=-1)

    def _one(self, values: list[list[float]]) -> list[Any]:
        for table, cells in zip(self.tables, values, strict=True):
            table.fillWith(cells)
        inference = self.inference(self.net)
        inference.makeInference()
        return [inference.posterior(number).toarray() for number in self.numbers]


if __name__ == "__main__":
    sys.exit(main())
