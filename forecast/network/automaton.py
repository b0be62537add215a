"""Automata that read a history: what they have seen by the last step is exact, like any state.

An event that takes several steps ("at least once", "in three weeks", "this before that") is what a
finite automaton accepts that goes through the history step by step. Its state is one more variable
of the network, with a table of zeros and ones, so the elimination sums over all histories and the
answer is the automaton's distribution at the last step. A condition on a step is written out as a
chain of small deterministic tables, so that no table grows with the number of its variables.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from math import prod

import numpy as np

from forecast.arrays import Array
from forecast.network.queries import Regimes
from forecast.network.structure import Block, Network, Node, Parent
from forecast.network.sweep import sweep

Condition = tuple[tuple[tuple[str, tuple[str, ...]], ...], ...]
"""Alternatives; each a list of variables that are all in one of some states, in the same step."""

NO, YES = 0, 1
INSIDE, OVER = 2, 3
"""States of `first_spell` while the spell lasts, and after it."""


@dataclass(frozen=True, slots=True)
class Automaton:
    """Reads which of some conditions hold, step by step, and begins in its first state.

    Attributes
    ----------
    conditions
        What it looks at.
    moves
        Next state, by state, and by which conditions hold: each a digit of a binary number, the
        first condition the highest.
    shares
        For each step, the probability that a condition that holds counts; for each condition by
        itself. It is the share of the step's days that count, for something that happens on one
        of them. In a step of share 0 no condition holds, nor does its opposite.
    """

    conditions: tuple[Condition, ...]
    moves: tuple[tuple[int, ...], ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Combination:
    """Whether all or any of some events have happened, or one has not.

    Attributes
    ----------
    kind
        "all", "any", or "not", which has one part.
    parts
        Automata, whose last state is what counts, or combinations.
    """

    kind: str
    parts: tuple[Automaton | Combination, ...]


Event = Automaton | Combination


def at_least_once(condition: Condition, shares: Sequence[float]) -> Automaton:
    """Whether a condition held in any step: its last state says so."""
    return Automaton((condition,), ((NO, YES), (YES, YES)), tuple(shares))


def count_steps(condition: Condition, shares: Sequence[float], most: int) -> Automaton:
    """In how many steps a condition held; its last state is that number or more."""
    moves = tuple((n, min(n + 1, most)) for n in range(most + 1))
    return Automaton((condition,), moves, tuple(shares))


def count_between(
    condition: Condition, shares: Sequence[float], least: int | None, most: int | None
) -> Combination:
    """Whether a condition held in at least so many steps, and at most so many; one is needed."""
    parts: list[Event] = []
    if least is not None:
        parts.append(Combination("any", (count_steps(condition, shares, least),)))
    if most is not None:
        parts.append(Combination("not", (count_steps(condition, shares, most + 1),)))
    return Combination("all", tuple(parts))


def before(first: Condition, second: Condition, shares: Sequence[float]) -> Automaton:
    """Which of two conditions held first.

    States: neither held; the second was first, or came in the same step; the first was first.
    """
    return Automaton((first, second), ((0, 1, 2, 1), (1,) * 4, (2,) * 4), tuple(shares))


def first_spell(present: Condition, absent: Condition, window: range, n_steps: int) -> Automaton:
    """Where a history is with respect to the first spell that begins within a window.

    A spell begins in a step in which something is present that was absent in the step before. So
    what is present from before the window, or from the first step of all, is no spell until it was
    left.
    States: not absent yet; absent, not entered yet; in the spell; the spell is over.

    Parameters
    ----------
    present, absent
        That it is present, and that it is not: in every step exactly one of them is true.
    window
        Steps of the window, consecutive; the step before it is read as well.
    n_steps
        Steps of the history.
    """
    # Steps that are not read, neither present nor absent, change nothing.
    read = range(max(window.start - 1, 0), window.stop)
    moves = ((0, 1, 0, 0), (1, 1, INSIDE, 1), (INSIDE, OVER, INSIDE, INSIDE), (OVER,) * 4)
    return Automaton(
        (present, absent), moves, tuple(float(step in read) for step in range(n_steps))
    )


def variables_of(event: Event) -> set[str]:
    """Variables that an event is about."""
    if isinstance(event, Combination):
        return set().union(*map(variables_of, event.parts))
    return {name for condition in event.conditions for parts in condition for name, _ in parts}


def final_states(
    network: Network,
    theta: Array,
    log_like: Array,
    event: Event,
    regimes: Regimes | None = None,
) -> Array:
    """Distribution of an event's automaton after the last step, given all evidence.

    Parameters
    ----------
    network, theta, log_like, regimes
        As for `forecast.network.sweep.sweep`.
    event
        An automaton, or a combination of events.

    Returns
    -------
    numpy.ndarray
        Shape (state, draw); the states of a combination are no and yes.

    Examples
    --------
    Three throws of a coin; heads twice or more has probability 1/2:

    >>> coin = Node("coin", ("tails", "heads"), Block((), 0), Block((), 0))
    >>> network = Network((coin,), n_cells=2, dynamic=True)
    >>> heads = count_steps(((("coin", ("heads",)),),), (1.0, 1.0, 1.0), 2)
    >>> final_states(network, np.full((2, 1), 0.5), network.no_evidence(3), heads)[:, 0]
    array([0.125, 0.375, 0.5  ])
    """
    return np.asarray(states_by_step(network, theta, log_like, event, regimes)[-1])


def states_by_step(
    network: Network,
    theta: Array,
    log_like: Array,
    event: Event,
    regimes: Regimes | None = None,
) -> Array:
    """Distribution of an event's automaton after every step, given all evidence.

    The arguments are those of `final_states`.

    Returns
    -------
    numpy.ndarray
        Shape (step, state, draw).
    """
    extension = _Extension(network, len(log_like))
    last = extension.add(event)
    wide = extension.network()
    tables = np.concatenate([theta, extension.cells_like(theta)], axis=-2)
    found = sweep(wide, tables, extension.widen(log_like), "smoothed", regimes=regimes)
    return found.marginals[:, wide.states(last)]


def spell_duration(
    network: Network,
    theta: Array,
    log_like: Array,
    spell_state: tuple[str, str],
    window: range,
    regimes: Regimes | None = None,
) -> Array:
    """Expected steps of the first spell of a state that begins within a window, if one does.

    One sweep: the automaton's probability of being in the spell, summed over the window, by that
    of there being one.

    Parameters
    ----------
    spell_state
        The variable and its state.
    window
        Steps of the window, consecutive; what a spell lasts beyond it does not count.

    Returns
    -------
    numpy.ndarray
        Shape (2, draw): that duration, not a number where no spell can begin; and the probability
        that one begins.

    Examples
    --------
    A lamp is off at first, goes on with probability 1/2 and stays so; two steps follow:

    >>> lamp = Node("lamp", ("off", "on"), Block((), 0), Block((("lamp", 1),), 2))
    >>> network = Network((lamp,), n_cells=6, dynamic=True)
    >>> theta = np.array([[1.0, 0.0, 0.5, 0.5, 0.0, 1.0]]).T
    >>> spell_duration(network, theta, network.no_evidence(3), ("lamp", "on"), range(1, 3))[:, 0]
    array([1.66666667, 0.75      ])
    """
    name, state = spell_state
    network.state(name, state)
    others = tuple(other for other in network.node(name).states if other != state)
    event = first_spell((((name, (state,)),),), (((name, others),),), window, len(log_like))
    found = states_by_step(network, theta, log_like, event, regimes)[window.start : window.stop]
    spent, begun = found[:, INSIDE].sum(axis=0), found[-1, INSIDE] + found[-1, OVER]
    duration = np.divide(spent, begun, out=np.full_like(begun, np.nan), where=begun > 0)
    return np.stack([duration, begun])


@dataclass(eq=False)
class _Extension:
    """Deterministic variables that are added to a network, with their cells and settings."""

    base: Network
    n_steps: int
    nodes: list[Node] = field(default_factory=list)
    cells: list[float] = field(default_factory=list)
    settings: dict[str, Array] = field(default_factory=dict)

    def network(self) -> Network:
        """The network with what was added."""
        added = sum(len(node.states) for node in self.nodes)
        factors = tuple(replace(f, start=f.start + added) for f in self.base.factors)
        return replace(
            self.base,
            nodes=(*self.base.nodes, *self.nodes),
            n_cells=self.base.n_cells + len(self.cells),
            factors=factors,
        )

    def cells_like(self, theta: Array) -> Array:
        """Added cells, the same for all draws and regimes."""
        shape = (*theta.shape[:-2], len(self.cells), theta.shape[-1])
        return np.broadcast_to(np.array(self.cells)[:, None], shape)

    def widen(self, log_like: Array) -> Array:
        """Evidence with columns for what was added, between the states and the factors."""
        columns = [
            self.settings.get(node.name, np.zeros((self.n_steps, len(node.states))))
            for node in self.nodes
        ]
        added = np.concatenate(columns, axis=1)
        if log_like.ndim == 3:
            added = np.broadcast_to(added[..., None], (*added.shape, log_like.shape[2]))
        at = self.base.n_states
        return np.concatenate([log_like[:, :at], added, log_like[:, at:]], axis=1)

    def add(self, event: Event) -> str:
        """Add an event; the name of the variable whose last state says what was seen."""
        if isinstance(event, Automaton):
            return self._automaton(event)
        parts = [(self.add(part), self.nodes[-1].states[-1:]) for part in event.parts]
        if event.kind == "not":
            [(name, _)] = parts
            return self._literal(name, self.nodes[-1].states[:-1])
        found = self._literal(*parts[0])
        for name, states in parts[1:]:
            found = self._joined(event.kind, found, name, states)
        return found

    def _automaton(self, automaton: Automaton) -> str:
        conditions = tuple((self._condition(each), 0) for each in automaton.conditions)
        shares = sorted(set(automaton.shares))
        clock = (self._clock(automaton.shares, shares),) if len(shares) > 1 else ()
        name, size = self._name(), len(automaton.moves)
        parents = *((each, 0) for each in clock), *conditions
        rows = _rows(automaton, shares)
        first = self._block(parents, rows[0])
        later = self._block(((name, 1), *parents), rows)
        self._node(name, tuple(map(str, range(size))), first, later)
        return name

    def _clock(self, shares: Sequence[float], distinct: Sequence[float]) -> str:
        """A variable that is set: which of the shares each step has."""
        name = self._name()
        self.nodes.append(Node(name, tuple(map(str, distinct)), None, None))
        at = np.array([distinct.index(share) for share in shares])
        off = at[:, None] != np.arange(len(distinct))
        self.settings[name] = np.where(off, -np.inf, 0.0)
        return name

    def _condition(self, condition: Condition) -> str:
        found = ""
        for alternative in condition:
            joint = self._literal(*alternative[0])
            for name, states in alternative[1:]:
                joint = self._joined("all", joint, name, states)
            found = self._joined("any", found, joint, ("1",)) if found else joint
        return found

    def _literal(self, name: str, states: Sequence[str]) -> str:
        """Whether a variable is in one of some states."""
        return self._verdict(((name, 0),), self._among(name, states))

    def _joined(self, kind: str, before: str, name: str, states: Sequence[str]) -> str:
        """Whether something holds, and (or) a variable is in one of some states."""
        among = self._among(name, states)[None]
        yes = np.array([0.0, 1.0])[:, None]
        verdict = among * yes if kind == "all" else np.maximum(among, yes)
        return self._verdict(((before, 0), (name, 0)), verdict)

    def _among(self, name: str, states: Sequence[str]) -> Array:
        known = {node.name: node for node in (*self.base.nodes, *self.nodes)}[name].states
        return np.array([float(state in states) for state in known])

    def _verdict(self, parents: tuple[Parent, ...], yes: Array) -> str:
        block = self._block(parents, np.stack([1 - yes, yes], axis=-1))
        return self._node(self._name(), ("0", "1"), block, block)

    def _name(self) -> str:
        return f"automaton {len(self.nodes)}"

    def _node(self, name: str, states: tuple[str, ...], first: Block, later: Block) -> str:
        self.nodes.append(Node(name, states, first, later if self.base.dynamic else None))
        return name

    def _block(self, parents: tuple[Parent, ...], rows: Array) -> Block:
        block = Block(parents, self.base.n_cells + len(self.cells))
        self.cells += map(float, np.ravel(rows))
        return block


def _rows(automaton: Automaton, shares: Sequence[float]) -> Array:
    """Table of an automaton: (state before, share if there are several, true …, state after)."""
    size, n = len(automaton.moves), len(automaton.conditions)
    table = np.zeros((size, len(shares), 2**n, size))
    for state, (k, share), true in product(range(size), enumerate(shares), range(2**n)):
        for counted, probability in _counted(true, n, share):
            table[state, k, true, automaton.moves[state][counted]] += probability
    shape = (size, *([len(shares)] if len(shares) > 1 else []), *(2,) * n, size)
    assert table.size == prod(shape)
    return table.reshape(shape)


def _counted(true: int, n: int, share: float) -> Iterator[tuple[int, float]]:
    """Which of the conditions that hold may count, and how probable that is."""
    for counted in range(2**n):
        if counted & ~true == 0:
            taken, left = counted.bit_count(), (true & ~counted).bit_count()
            yield counted, share**taken * (1 - share) ** left
