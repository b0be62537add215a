"""Random networks, and what the sum over all their histories says.

The answers read a network's layout (`nodes`, `Block.parents`,
`Block.start`) and share no code with the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from math import prod

import numpy as np

from forecast.arrays import Array, Index
from forecast.network.structure import Block, Network, Node

KINDS = ("hard", "likelihood", "none")


@dataclass(frozen=True)
class Case:
    """A network with tables, (cell,), and evidence, (step, state)."""

    network: Network
    theta: Array
    log_like: Array


@dataclass(frozen=True)
class Answer:
    """What the enumeration of all histories says.

    `histories` has shape (history, step, variable) and `probability` is the posterior of each.
    """

    network: Network
    log_evidence: float
    marginals: Array
    counts: Array
    histories: Index
    probability: Array

    def joint(self, step: int, names: tuple[str, ...]) -> Array:
        """Joint posterior of some variables of one step, flat, the first name slowest."""
        at = [self.network.names.index(name) for name in names]
        sizes = [len(self.network.nodes[k].states) for k in at]
        flat = np.zeros(len(self.histories), np.int64)
        for size, k in zip(sizes, at, strict=True):
            flat = flat * size + self.histories[:, step, k]
        return np.bincount(flat, self.probability, prod(sizes))


def static_case(seed: int, *, zeros: bool = False, n_inputs: int = 0) -> Case:
    """A random static network of up to ten variables, its variables in random order."""
    rng = np.random.default_rng([seed, zeros, n_inputs])
    network = random_network(rng, int(rng.integers(2, 11)), n_inputs=n_inputs)
    return _case(rng, network, 1, zeros)


def dynamic_case(
    seed: int,
    n_steps: int = 4,
    n_variables: int = 3,
    *,
    zeros: bool = False,
    n_inputs: int = 0,
    kinds: tuple[str, ...] = KINDS,
    order: int = 1,
) -> Case:
    """A random dynamic network; with the default sizes it has at most 65,536 histories."""
    rng = np.random.default_rng([seed, n_steps, n_variables, zeros, n_inputs])
    limit = int(60_000 ** (1 / n_steps)) if n_variables <= 3 else 200
    network = random_network(
        rng, n_variables, dynamic=True, n_inputs=n_inputs, limit=limit, order=order
    )
    return _case(rng, network, n_steps, zeros, kinds)


def _case(
    rng: np.random.Generator,
    network: Network,
    n_steps: int,
    zeros: bool,
    kinds: tuple[str, ...] = KINDS,
) -> Case:
    theta = random_tables(rng, network, zeros=zeros)
    return Case(network, theta, random_evidence(rng, network, theta, n_steps, kinds=kinds))


def random_network(
    rng: np.random.Generator,
    n_variables: int,
    *,
    dynamic: bool = False,
    n_inputs: int = 0,
    limit: int = 20_000,
    order: int = 1,
) -> Network:
    """A random acyclic network with at most `limit` joint states of one step.

    Of an order above 1 each variable of a dynamic network has some parent so many steps ago.
    """
    sizes = rng.integers(2, 5, n_variables)
    while prod(sizes.tolist()) > limit:
        sizes[sizes.argmax()] -= 1
    names = [f"v{k}" for k in range(n_variables)]
    nodes, n_cells = [], 0

    def place(k: int, parents: list[tuple[str, int]]) -> Block:
        nonlocal n_cells
        block = Block(tuple(parents), n_cells)
        n_cells += int(sizes[k]) * prod(int(sizes[names.index(parent)]) for parent, _ in parents)
        return block

    for k, name in enumerate(names):
        first = later = None
        if k >= n_inputs:
            same_step = [(parent, 0) for parent in names[:k]]
            lags = range(1, order + 1) if dynamic else ()
            past = [(parent, lag) for lag in lags for parent in names]
            first = place(k, _some(rng, same_step, 3))
            later = first if order == 1 and rng.random() < 0.3 else None
            if dynamic and later is None:
                own = [(name, lag) for lag in lags] * len(names)
                deepest = [(str(rng.choice(names)), order)] if order > 1 else []
                some = _some(rng, same_step + past + own, 3 if order == 1 else 2)
                later = place(k, list(dict.fromkeys([*some, *deepest])))
        nodes.append(Node(name, tuple(f"s{s}" for s in range(sizes[k])), first, later))
    shuffled = rng.permutation(n_variables)
    return Network(tuple(nodes[k] for k in shuffled), n_cells, dynamic)


def _some(
    rng: np.random.Generator, legal: list[tuple[str, int]], most: int
) -> list[tuple[str, int]]:
    """At most so many of the legal parents, in random order, none twice."""
    chosen = rng.permutation(len(legal))[: rng.integers(0, most + 1)]
    return list(dict.fromkeys(legal[k] for k in chosen))


def random_tables(rng: np.random.Generator, network: Network, *, zeros: bool = False) -> Array:
    """Random tables, (cell,), every row summing to one; with zeros, about a third of the cells."""
    theta = np.full(network.n_cells, np.nan)
    size = {node.name: len(node.states) for node in network.nodes}
    for node in network.nodes:
        for block in (node.first, node.later):
            if block is None:
                continue
            n_rows = prod(size[parent] for parent, _ in block.parents)
            rows = rng.dirichlet(np.ones(size[node.name]), n_rows)
            if zeros:
                rows[(rng.random(rows.shape) < 0.4) & (rows < rows.max(1, keepdims=True))] = 0
                rows /= rows.sum(1, keepdims=True)
            theta[block.start : block.start + rows.size] = rows.ravel()
    return theta


def random_evidence(
    rng: np.random.Generator,
    network: Network,
    theta: Array,
    n_steps: int,
    *,
    kinds: tuple[str, ...] = KINDS,
) -> Array:
    """Evidence that a drawn history could have left, (step, state); inputs are set."""
    truth = _draw_history(rng, network, theta, n_steps)
    parts = []
    for step in range(n_steps):
        for k, node in enumerate(network.nodes):
            true = np.arange(len(node.states)) == truth[step, k]
            like = np.ones(len(node.states))
            kind = "hard" if node.first is None else rng.choice(kinds)
            if kind == "hard":
                like = true.astype(float)
            elif kind == "likelihood":
                like = rng.uniform(0.001, 1, len(node.states))
                like[(rng.random(len(like)) < 0.15) & ~true] = 0
            parts.append(like)
    with np.errstate(divide="ignore"):
        return np.log(np.concatenate(parts)).reshape(n_steps, -1)


def _draw_history(rng: np.random.Generator, network: Network, theta: Array, n_steps: int) -> Index:
    """A history of positive probability; names give the order, as parents have lower numbers."""
    size = {node.name: len(node.states) for node in network.nodes}
    place = {node.name: k for k, node in enumerate(network.nodes)}
    truth = np.zeros((n_steps, len(network.nodes)), np.int64)
    for step in range(n_steps):
        for node in sorted(network.nodes, key=lambda node: int(node.name[1:])):
            block = node.later if step else node.first
            row = np.full(size[node.name], 1 / size[node.name])
            if block is not None:
                number = 0
                for parent, lag in block.parents:
                    number = number * size[parent] + truth[max(step - lag, 0), place[parent]]
                row = theta[block.start + number * len(row) :][: len(row)]
            truth[step, place[node.name]] = rng.choice(len(row), p=row)
    return truth


def random_probes(rng: np.random.Generator, network: Network) -> tuple[tuple[str, ...], ...]:
    """A few groups of variables, no name twice in a group."""
    sizes = rng.integers(1, min(3, len(network.names)) + 1, 3)
    return tuple(tuple(rng.permutation(network.names)[:size].tolist()) for size in sizes)


def all_histories(network: Network, n_steps: int) -> Index:
    """Every joint history, shape (history, step, variable)."""
    sizes = [len(node.states) for node in network.nodes] * n_steps
    return np.indices(sizes).reshape(len(sizes), -1).T.reshape(-1, n_steps, len(network.nodes))


def cells_used(network: Network, histories: Index) -> Index:
    """Table cell that each variable uses at each step, (history, step, variable); -1 for none."""
    size = {node.name: len(node.states) for node in network.nodes}
    place = {node.name: k for k, node in enumerate(network.nodes)}
    used = np.full(histories.shape, -1)
    for step in range(histories.shape[1]):
        for k, node in enumerate(network.nodes):
            block = node.later if step else node.first
            if block is None:
                continue
            index = np.zeros(len(histories), np.int64)
            for parent, lag in block.parents:
                index = index * size[parent] + histories[:, max(step - lag, 0), place[parent]]
            used[:, step, k] = block.start + index * size[node.name] + histories[:, step, k]
    return used


def enumerate_answer(
    network: Network, theta: Array, log_like: Array, regimes: Index | None = None
) -> Answer:
    """Everything about a network by summing over all histories.

    `theta` has shape (cell,), or (regime, cell) with `regimes`, which then counts likewise.
    """
    n_steps = len(log_like)
    tables = theta if theta.ndim == 2 else theta[None]
    which = np.zeros(n_steps, np.int64) if regimes is None else regimes
    histories = all_histories(network, n_steps)
    sizes = [len(node.states) for node in network.nodes]
    first = np.cumsum([0, *sizes[:-1]])
    used = cells_used(network, histories)
    cell = np.where(used >= 0, which[:, None] * tables.shape[1] + used, tables.size)
    with np.errstate(divide="ignore"):
        log_cells = np.log(np.append(tables.ravel(), 1.0))
    weight = log_cells[cell].sum((1, 2))
    for step in range(n_steps):
        weight += log_like[step, histories[:, step] + first].sum(1)
    peak = weight.max()
    total = np.exp(weight - peak).sum() if peak > -np.inf else 0.0
    probability = np.exp(weight - peak) / total if total else np.zeros(len(weight))
    marginals = [
        np.concatenate([np.bincount(h, probability, n) for h, n in zip(step.T, sizes, strict=True)])
        for step in histories.swapaxes(0, 1)
    ]
    repeated = np.repeat(probability, n_steps * len(sizes))
    counts = np.bincount(cell.ravel(), repeated, tables.size + 1)[:-1].reshape(theta.shape)
    log_evidence = peak + np.log(total) if total else -np.inf
    return Answer(network, float(log_evidence), np.array(marginals), counts, histories, probability)


def enumerate_exactly(
    network: Network, theta: list[Fraction], likelihood: list[list[Fraction]]
) -> tuple[Fraction, list[list[Fraction]]]:
    """Evidence and posterior marginals (step, state) in exact rational arithmetic."""
    n_steps = len(likelihood)
    sizes = [len(node.states) for node in network.nodes]
    first = [sum(sizes[:k]) for k in range(len(sizes))]
    sums = [[Fraction(0)] * sum(sizes) for _ in range(n_steps)]
    evidence = Fraction(0)
    for flat in product(*(range(size) for size in sizes * n_steps)):
        history = np.array(flat).reshape(1, n_steps, len(sizes))
        weight = prod(
            (theta[c] for c in cells_used(network, history).ravel() if c >= 0), start=Fraction(1)
        )
        states = [
            (t, first[k] + int(history[0, t, k])) for t in range(n_steps) for k in range(len(sizes))
        ]
        weight *= prod(likelihood[t][state] for t, state in states)
        evidence += weight
        for t, state in states:
            sums[t][state] += weight
    return evidence, [[total / evidence for total in row] for row in sums]


def unroll(network: Network, n_steps: int) -> Network:
    """A static network with one variable per variable and step, `name_step`, sharing tables.

    Steps come first in the order, so evidence (step, state) becomes `log_like.reshape(1, -1)`.
    """
    nodes = []
    for step in range(n_steps):
        for node in network.nodes:
            block = node.later if step else node.first
            if block is not None:
                parents = tuple((f"{name}_{max(step - lag, 0)}", 0) for name, lag in block.parents)
                block = Block(parents, block.start)
            nodes.append(Node(f"{node.name}_{step}", node.states, block, None))
    return Network(tuple(nodes), network.n_cells, dynamic=False)
