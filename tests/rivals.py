"""The same network for this library and for pyAgrum, each built from plain tables.

Nothing here goes through `forecast.interchange.convert`: a pyAgrum network is filled row by row,
by name, from the tables that the test drew.

Three things about pyAgrum 3.3 that enumeration shows and that the helpers go around. A likelihood
that leaves one state possible and is not 1 there comes back as that state's posterior. The
probability of the evidence is wrong once a joint is asked for. And the most probable explanation
is refused ("Empty tensor") for some join trees, which depend on the order of the variables.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from forecast.interchange.tabled import TabledNetwork
from forecast.posterior.beliefs import Beliefs

Array = npt.NDArray[np.float64]
Rows = dict[str, Array]
NEAR = 4
"""Parents are among so many variables just before, which keeps the treewidth small."""


def import_pyagrum(part: str = "") -> Any:
    """The library or a part of it, or a skip; its compiled parts warn while they are imported."""
    return pytest.importorskip(f"pyagrum.{part}".strip("."), reason="pyAgrum is not installed")


@dataclass(frozen=True)
class Case:
    """A network and what was seen: for each variable seen, the likelihood of its states."""

    network: TabledNetwork
    seen: Rows


def random_case(seed: int, n_variables: int, *, zeros: bool = False) -> Case:
    """A random network of variables of 2 to 4 states, and evidence that it could have left."""
    rng = np.random.default_rng([seed, n_variables, zeros])
    network = random_network(rng, n_variables, zeros=zeros)
    return Case(network, random_evidence(rng, network))


def random_network(
    rng: np.random.Generator, n_variables: int, *, zeros: bool = False
) -> TabledNetwork:
    """Up to three parents each; with zeros, about a third of the cells are impossible.

    Causes come first in `tables`; `variables` are in random order.
    """
    causal = [f"v{k}" for k in range(n_variables)]
    states = {name: tuple(f"s{i}" for i in range(rng.integers(2, 5))) for name in causal}
    parents, tables = {}, {}
    for k, name in enumerate(causal):
        before = causal[max(0, k - NEAR) : k]
        parents[name] = tuple(rng.permutation(before)[: rng.integers(0, 4)].tolist())
        shape = tuple(len(states[parent]) for parent in parents[name])
        tables[name] = random_rows(rng, shape, len(states[name]), zeros=zeros)
    order = rng.permutation(causal).tolist()
    return TabledNetwork("random", {name: states[name] for name in order}, parents, tables)


def random_rows(
    rng: np.random.Generator, shape: tuple[int, ...], size: int, *, zeros: bool = False
) -> Array:
    """Distributions over `size` states, (*shape, size)."""
    rows = rng.dirichlet(np.ones(size), shape)
    if zeros:
        rows[(rng.random(rows.shape) < 0.4) & (rows < rows.max(-1, keepdims=True))] = 0
        rows /= rows.sum(-1, keepdims=True)
    return rows


def random_evidence(rng: np.random.Generator, network: TabledNetwork) -> Rows:
    """Evidence on about two fifths of the variables, half of it hard, half likelihoods.

    A likelihood leaves at least two states possible.
    """
    truth: dict[str, int] = {}
    while len(truth) < len(network.variables):
        for name, given in network.parents.items():
            if name not in truth and all(parent in truth for parent in given):
                row = network.tables[name][tuple(truth[parent] for parent in given)]
                truth[name] = int(rng.choice(len(row), p=row))
    seen = {}
    for name, states in network.variables.items():
        true = np.arange(len(states)) == truth[name]
        kind = rng.random()
        if kind < 0.2:
            seen[name] = true.astype(float)
        elif kind < 0.4:
            seen[name] = rng.uniform(0.001, 1, len(states))
            ruled_out = rng.integers(len(states))
            if len(states) > 2 and ruled_out != truth[name]:
                seen[name][ruled_out] = 0
    return seen


def our_beliefs(case: Case) -> Beliefs:
    """The case for this library, one likelihood at a time."""
    beliefs = Beliefs.of(case.network.network, case.network.theta)
    for name, likelihood in case.seen.items():
        states = case.network.variables[name]
        beliefs = beliefs.virtual_evidence(
            name, dict(zip(states, likelihood.tolist(), strict=True))
        )
    return beliefs


def their_network(gum: Any, network: TabledNetwork) -> Any:
    """The network for pyAgrum, one table row at a time."""
    model = gum.BayesNet()
    for name, states in network.variables.items():
        model.add(gum.LabelizedVariable(name, name, list(states)))
    for name, given in network.parents.items():
        for parent in given:
            model.addArc(parent, name)
    for name, table in network.tables.items():
        fill(model.cpt(name), table, network.parents[name])
    return model


def fill(cpt: Any, table: Array, parents: tuple[str, ...]) -> None:
    """Fill a pyAgrum table by the names of its parents, (parent sizes..., own size)."""
    for at in np.ndindex(table.shape[:-1]):
        cpt[dict(zip(parents, at, strict=True))] = table[at].tolist()


@dataclass(frozen=True)
class Rival:
    """An engine of pyAgrum with the network that it refers to but does not keep alive."""

    model: Any
    engine: Any


def rival(gum: Any, model: Any, seen: Rows) -> Rival:
    """Lazy propagation on a pyAgrum network with likelihoods; whoever asks says about what."""
    engine = gum.LazyPropagation(model)
    engine.setEvidence({name: likelihood.tolist() for name, likelihood in seen.items()})
    return Rival(model, engine)


def rival_of(gum: Any, case: Case) -> Rival:
    """Lazy propagation on a case."""
    return rival(gum, their_network(gum, case.network), case.seen)


def their_explanation(gum: Any, case: Case) -> tuple[dict[str, int], float]:
    """Most probable explanation and the logarithm of its probability with the evidence.

    The test is skipped if pyAgrum has none in twenty orders of the variables.
    """
    rng = np.random.default_rng(0)
    variables = case.network.variables
    for _ in range(20):
        order = {name: variables[name] for name in rng.permutation(list(variables)).tolist()}
        theirs = rival_of(gum, Case(replace(case.network, variables=order), case.seen))
        try:
            instantiation, log2_posterior = theirs.engine.mpeLog2Posterior()
        except gum.FatalError:
            continue
        log_evidence = np.log(theirs.engine.evidenceProbability())
        return instantiation.todict(), float(log2_posterior * np.log(2) + log_evidence)
    pytest.skip("pyAgrum refuses to explain this case")


def their_table(tensor: Any, names: tuple[str, ...]) -> Array:
    """A pyAgrum tensor with its axes in the order of some names."""
    own = tensor.names[::-1]
    assert sorted(own) == sorted(names)
    return np.array(tensor.tolist()).transpose([own.index(name) for name in names])


def log_probability(case: Case, states: dict[str, int]) -> float:
    """Logarithm of one joint state's probability times the likelihood of what was seen."""
    cells = [
        table[(*(states[parent] for parent in case.network.parents[name]), states[name])]
        for name, table in case.network.tables.items()
    ]
    cells += [likelihood[states[name]] for name, likelihood in case.seen.items()]
    return float(np.log(cells).sum())
