"""A discrete network, static or moving through time, and its polynomial.

A network here is structure alone: variables, parents, and where in a flat vector of cells each
table lies. Tables come as ``theta``, shape (cell, draw); evidence as ``log_like``, the
log-likelihood of every state at every step, shape (step, column) or (step, column, draw): one
column for each state, then those of the step's factors, if evidence makes any.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from forecast.errors import InputError, NumericalFailure, Problem, nearest, raise_if_any
from forecast.evidence.auxiliary import AuxiliaryFactor, AuxiliaryVariable
from forecast.frozen import Frozen, frozen, writable
from forecast.inference import kernels, single
from forecast.inference.kernels import Packed
from forecast.inference.planning import CELL_LIMIT, MEMORY_LIMIT, Scope
from forecast.inference.slices import StepShape, pack_circuits

Array = npt.NDArray[np.float64]
Mode = Literal["forward", "smoothed", "filtered"]
Parent = tuple[str, int]

_MODES = {
    "forward": kernels.FORWARD,
    "smoothed": kernels.SMOOTHED,
    "filtered": kernels.FILTERED,
}
CHUNK_CELLS = 250_000
"""Cells of all draws of a chunk together, where that is possible: 2 MB, the second-level cache."""
SMALLEST_CHUNK, LARGEST_CHUNK = 64, 256
"""With fewer draws the start of each inner loop shows (at 16 up to 1.8 times the time); above 256
nothing is gained even on the smallest networks."""
MOST_CELLS = 50_000_000
"""Very large networks take fewer draws at a time, so that a chunk stays below half a gigabyte."""
ROUNDING = 1e-9
PROBABILITY_ERROR = 1e-6
"""How far beyond [0, 1] rounding may take a probability, before it is brought back."""


@dataclass(frozen=True, slots=True)
class Block:
    """Where a table lies among the cells: its parents, slowest first, then the variable itself."""

    parents: tuple[Parent, ...]
    start: int


@dataclass(frozen=True, slots=True)
class Node:
    """A variable with its first and its later table; no table at all for one that is set."""

    name: str
    states: tuple[str, ...]
    first: Block | None
    later: Block | None

    @property
    def is_input(self) -> bool:
        """Whether it is set rather than estimated."""
        return self.first is None and self.later is None


@dataclass(frozen=True)
class Sweep:
    """What one pass over a network yields; the draws axis is last throughout.

    Attributes
    ----------
    log_norm
        Log-probability of each step's evidence given the steps before it, (step, draw). The sum
        over steps is the log evidence.
    marginals
        Probability of each state, and of each cell of a factor, (step, column, draw).
    probes
        Joint probability of each probe's variables, (step, cell, draw).
    counts
        Expected number of uses of each table cell, (regime, cell, draw): the derivative of the
        log evidence with respect to the logarithm of the cell.
    """

    log_norm: Array
    marginals: Array
    probes: Array
    counts: Array

    @property
    def log_evidence(self) -> Array:
        """Log-probability of all the evidence, (draw,)."""
        return np.asarray(self.log_norm.sum(axis=0))


@dataclass(frozen=True)
class Network(Frozen):
    """Variables in a fixed order, with the layout of their tables.

    Examples
    --------
    >>> rain = Node("rain", ("no", "yes"), Block((), 0), None)
    >>> grass = Node("grass", ("dry", "wet"), Block((("rain", 0),), 2), None)
    >>> network = Network((rain, grass), n_cells=6, dynamic=False)
    >>> theta = np.array([0.8, 0.2, 0.9, 0.1, 0.3, 0.7])
    >>> wet = network.no_evidence(1)
    >>> wet[0, network.state("grass", "dry")] = -np.inf
    >>> sweep = network.sweep(theta[:, None], wet, "smoothed")
    >>> sweep.marginals[0, network.state("rain", "yes"), 0].round(4)
    np.float64(0.6364)
    """

    nodes: tuple[Node, ...]
    n_cells: int
    dynamic: bool
    memory_limit: float = MEMORY_LIMIT
    auxiliaries: tuple[AuxiliaryVariable, ...] = ()
    factors: tuple[AuxiliaryFactor, ...] = ()

    def __repr__(self) -> str:
        from forecast.reporting.summaries import network_summary

        return str(network_summary(self))

    def _repr_html_(self) -> str:
        from forecast.reporting.summaries import network_summary

        return network_summary(self).html

    @property
    def bare(self) -> Network:
        """The network without auxiliary evidence variables."""
        return replace(self, auxiliaries=(), factors=()) if self.auxiliaries else self

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the variables."""
        return tuple(node.name for node in self.nodes)

    @cached_property
    def sizes(self) -> dict[str, int]:
        """Number of states of each variable."""
        return frozen({node.name: len(node.states) for node in self.nodes})

    @cached_property
    def first_states(self) -> npt.NDArray[np.int64]:
        """First state of each variable in the flat list of states, and their number."""
        starts = np.concatenate([[0], np.cumsum(list(self.sizes.values()))])
        return frozen(starts.astype(np.int64))

    @property
    def n_states(self) -> int:
        """States of all variables together."""
        return int(self.first_states[-1])

    @cached_property
    def n_columns(self) -> int:
        """Columns of log-likelihoods: those of all states, then those of any step's factors."""
        return max([self.n_states, *(factor.start + self._size(factor) for factor in self.factors)])

    def _size(self, factor: AuxiliaryFactor) -> int:
        sizes = {variable.name: variable.size for variable in self.auxiliaries} | self.sizes
        names = [name for name, _ in factor.auxiliaries] + [factor.variable] * bool(factor.variable)
        return prod(sizes[name] for name in names)

    @cached_property
    def factor_columns(self) -> dict[tuple[int, str], npt.NDArray[np.int64]]:
        """Columns of the factors over a variable at a step, or over none, named ""."""
        found: dict[tuple[int, str], list[int]] = {}
        for factor in self.factors:
            columns = range(factor.start, factor.start + self._size(factor))
            found.setdefault((factor.step, factor.variable), []).extend(columns)
        arrays = {place: np.array(columns, np.int64) for place, columns in found.items()}
        return frozen(arrays)

    def columns_at(self, name: str, step: int) -> npt.NDArray[np.int64]:
        """Columns of all likelihoods of a variable at a step."""
        lies = self.states(name)
        states = np.arange(lies.start, lies.stop)
        factors = self.factor_columns.get((step, name))
        return states if factors is None else np.concatenate([states, factors])

    def step_shape(self, step: int) -> StepShape:
        """What a step has besides the network."""
        met = [(k, u) for k, u in enumerate(self.auxiliaries) if u.first <= step <= u.last]
        axes = {
            (variable.name, lag): f"auxiliary {k}" + " before" * (lag and variable.moves)
            for k, variable in met
            for lag in (1, 0)
        }
        here = [factor for factor in self.factors if factor.step == step]
        return StepShape(
            axes=tuple({axes[u.name, lag]: u.size for _, u in met for lag in (1, 0)}.items()),
            leaving=tuple(axes[u.name, 0] for _, u in met if step < u.last),
            factors=tuple(
                (
                    *(axes[place] for place in factor.auxiliaries),
                    *(v for v in [factor.variable] if v),
                )
                for factor in here
            ),
        )

    def entering(self, scope: Scope) -> Scope:
        """Axes of a factor of a step's result, as the next step has them."""
        moving = {f"auxiliary {k}" for k, variable in enumerate(self.auxiliaries) if variable.moves}
        still = {
            f"auxiliary {k}" for k, variable in enumerate(self.auxiliaries) if not variable.moves
        }
        return tuple(
            f"{axis} before" if axis in moving else axis if axis in still else f"previous {axis}"
            for axis in scope
        )

    @property
    def state_labels(self) -> list[str]:
        """Every state as "variable=state", in the order of the flat list of states."""
        return [f"{node.name}={state}" for node in self.nodes for state in node.states]

    @cached_property
    def interface(self) -> tuple[str, ...]:
        """Variables whose state some table of the next step depends on."""
        lagged = {
            parent
            for node in self.nodes
            if node.later is not None
            for parent, lag in node.later.parents
            if lag
        }
        return tuple(name for name in self.names if name in lagged)

    def relevant_to(self, observed: Iterable[str]) -> Network:
        """The part of the network that evidence on some variables depends on.

        Variables that no observation descends from sum to one and are left out (Shachter 1986).
        The tables keep their places among the cells.
        """
        told = [factor.variable for factor in self.factors if factor.variable]
        waiting, found = [*observed, *told], set[str]()
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                for block in (self.node(name).first, self.node(name).later):
                    waiting += [parent for parent, _ in block.parents] if block else []
        nodes = tuple(node for node in self.nodes if node.name in found)
        missing = self.n_states - sum(len(node.states) for node in nodes)
        factors = tuple(replace(f, start=f.start - missing) for f in self.factors)
        return replace(self, nodes=nodes, factors=factors)

    def node(self, name: str) -> Node:
        """Variable by name."""
        if isinstance(name, str) and name in self._places:
            return self.nodes[self._places[name]]
        raise InputError([Problem("variable", f"{name!r} is unknown; {nearest(name, self.names)}")])

    @cached_property
    def _places(self) -> dict[str, int]:
        return {name: at for at, name in enumerate(self.names)}

    def states(self, name: str) -> slice:
        """Where the states of a variable lie in the flat list of states."""
        self.node(name)
        index = self._places[name]
        return slice(int(self.first_states[index]), int(self.first_states[index + 1]))

    def state_columns(self, names: Iterable[str]) -> npt.NDArray[np.int64]:
        """Columns of the states of some variables, in their order."""
        every = np.arange(self.n_states)
        return np.concatenate([every[self.states(name)] for name in names])

    def columns(self, names: Iterable[str]) -> npt.NDArray[np.int64]:
        """Columns of the states of some variables, in their order, and of all factors."""
        factors = np.arange(self.n_states, self.n_columns)
        return np.concatenate([self.state_columns(names), factors])

    def state(self, name: str, state: str) -> int:
        """Where one state of a variable lies in the flat list of states."""
        legal = self.node(name).states
        if state not in legal:
            message = f"{state!r} is not a state of {name}; {nearest(state, legal)}"
            raise InputError([Problem("state", message)])
        return int(self.states(name).start) + legal.index(state)

    def cells(self, block: Block, name: str) -> slice:
        """Where a variable's table lies among the cells."""
        return slice(block.start, block.start + prod(self.table_shape(block, name)))

    def table_shape(self, block: Block, name: str) -> tuple[int, ...]:
        """Shape of a table: its parents' sizes, then its own."""
        return (*(self.sizes[parent] for parent, _ in block.parents), self.sizes[name])

    def no_evidence(self, n_steps: int) -> Array:
        """Log-likelihood of knowing nothing, shape (step, column)."""
        return np.zeros((n_steps, self.n_columns))

    def sweep(
        self,
        theta: Array,
        log_like: Array,
        mode: Mode,
        *,
        probes: tuple[Scope, ...] = (),
        regimes: npt.NDArray[np.int64] | None = None,
    ) -> Sweep:
        """Run the network polynomial for every draw.

        Parameters
        ----------
        theta
            Table cells, (cell, draw), or (regime, cell, draw) where tables change with time.
        log_like
            Log-likelihoods, (step, column) or (step, column, draw). One step for a static network.
        mode
            "forward" for the log evidence alone; "smoothed" for everything given all evidence;
            "filtered" for each step given the evidence up to it.
        probes
            Groups of variables of one step whose joint probability is wanted.
        regimes
            Which set of tables each step uses, (step,).

        Raises
        ------
        TooLarge
            If the elimination would pass the network's memory limit.
        """
        tables = np.ascontiguousarray(theta if theta.ndim == 3 else theta[None], dtype=np.float64)
        like = np.ascontiguousarray(log_like if log_like.ndim == 3 else log_like[..., None])
        tables, like = map(writable, _match_draws(tables, like))
        self._require_shapes(tables, like, regimes)
        self._require_set(like)
        which = np.zeros(like.shape[0], np.int64) if regimes is None else regimes
        packed = pack_circuits(self, probes, len(like), factored=mode != "filtered")
        n_probes = sum(prod(self.sizes[name] for name in probe) for probe in probes)
        found = _allocate(tables.shape, like.shape, n_probes, mode)

        arguments = tables, which, like, packed, _MODES[mode]

        def run(draws: slice) -> None:
            kernels.sweep(*arguments, draws.start, draws.stop, found)

        if tables.shape[2] == 1:
            _run_draw(0, *arguments, False, found)
        else:
            _in_threads(run, _chunks(tables.shape[2], kernels.extent(packed, len(like))[0]))
        if found.unsafe.any():
            harmless = self._is_harmless(found.log_norm, tables, like, packed)
            for draw in np.flatnonzero(found.unsafe & ~harmless):
                _run_draw(int(draw), *arguments, True, found)
        self._settle_known(found.marginals)
        _require_probabilities(found)
        return Sweep(found.log_norm, found.marginals, found.probes, found.counts)

    def _require_shapes(self, tables: Array, like: Array, regimes: Any) -> None:
        """Raise unless all arrays fit the network: the loops check no bounds."""
        problems = []
        if tables.shape[1] != self.n_cells or not tables.shape[2]:
            message = f"{tables.shape[1]} cells, {tables.shape[2]} draws; has {self.n_cells} cells"
            problems.append(Problem("theta", message))
        if not len(like) or like.shape[1] != self.n_columns:
            message = f"shape {like.shape[:2]}; needs (steps, {self.n_columns})"
            problems.append(Problem("log_like", message))
        if regimes is not None:
            legal = len(regimes) == len(like) and ((regimes >= 0) & (regimes < len(tables))).all()
            if not legal:
                message = f"one number below {len(tables)} for each of {len(like)} steps"
                problems.append(Problem("regimes", message))
        raise_if_any(problems)

    def _require_set(self, log_like: Array) -> None:
        """Raise unless variables without a table have states that are set or ruled out."""
        loose = [
            node.name
            for node in self.nodes
            if node.is_input
            and not np.isin(log_like[:, self.states(node.name)], (0.0, -np.inf)).all()
        ]
        if loose:
            message = "has no table, so each of its states is set (0) or ruled out (-inf)"
            raise InputError([Problem(name, message) for name in loose])

    def _settle_known(self, marginals: Array) -> None:
        """Variables that are set were counted once for each of their copies."""
        for node in self.nodes:
            if node.is_input:
                states = marginals[:, self.states(node.name)]
                states /= np.maximum(states.sum(axis=1, keepdims=True), 1e-300)

    def _is_harmless(self, log_norm: Array, tables: Array, like: Array, packed: Packed) -> Any:
        """Say in which draws of a single step products that underflow cannot matter, (draw,).

        If no factor exceeds 1, all that underflow takes from the evidence or from its derivatives
        is less than the smallest normal number for every operation and joint state. Where the
        evidence, the largest likelihoods taken out, is far above that, it is less than rounding.
        """
        number = np.finfo(np.float64)
        joint_states = sum(np.log(size) for size in self.sizes.values())
        limit = np.log(number.tiny) - 2 * np.log(number.eps) + np.log(CELL_LIMIT) + joint_states
        if len(log_norm) > 1 or limit >= 0:
            return np.zeros(log_norm.shape[1], np.bool_)
        blocks = kernels.circuit_at(packed, 0).blocks[:-1].astype(np.int64)
        tops = np.maximum.reduceat(like[0], blocks).sum(axis=0)
        with np.errstate(invalid="ignore"):
            enough = log_norm[0] - tops > limit
        return enough & (tables.max(axis=(0, 1)) <= 1 + ROUNDING)


def _require_probabilities(found: kernels.Found) -> None:
    """Raise if anything that is given out as a probability is none; bring rounding back."""
    for name, values in (("states", found.marginals), ("joint states", found.probes)):
        low, high = values.min(initial=0.0), values.max(initial=1.0)
        if not (low >= -PROBABILITY_ERROR and high <= 1.0 + PROBABILITY_ERROR):
            raise NumericalFailure(
                f"probabilities of {name} from {low:g} to {high:g}; nothing outside of [0, 1] is "
                "given out. The evidence or the tables are so extreme that rounding decides"
            )
        np.clip(values, 0.0, 1.0, out=values)


def _allocate(
    tables: tuple[int, ...], like: tuple[int, ...], n_probes: int, mode: Mode
) -> kernels.Found:
    """Zeros for the answers of a sweep, given the shapes of its tables and evidence."""
    n_steps, n_columns, _ = like
    n_draws = tables[2]
    answered = n_steps if mode != "forward" else 0
    return kernels.Found(
        log_norm=np.zeros((n_steps, n_draws)),
        marginals=np.zeros((answered, n_columns, n_draws)),
        probes=np.zeros((answered, n_probes, n_draws)),
        counts=np.zeros(tables if mode == "smoothed" else (0, *tables[1:])),
        unsafe=np.zeros(n_draws, np.bool_),
    )


def _run_draw(
    draw: int,
    tables: Array,
    which: npt.NDArray[np.int64],
    like: Array,
    packed: Packed,
    mode: int,
    logarithmic: bool,
    found: kernels.Found,
) -> None:
    """Fill in one draw's results from its own sweep; the arguments are those of `sweep_one`."""
    theta = np.ascontiguousarray(tables[..., draw])
    if logarithmic:
        with np.errstate(divide="ignore"):
            theta = np.log(theta)
    seen = np.ascontiguousarray(like[..., 0 if like.shape[2] == 1 else draw])
    *answers, unsafe = single.sweep_one(theta, which, seen, packed, mode, logarithmic)
    for target, value in zip(found, answers, strict=False):
        target[..., draw] = value
    found.unsafe[draw] = unsafe


def _match_draws(tables: Array, like: Array) -> tuple[Array, Array]:
    """Repeat single tables for every draw of the evidence."""
    n_tables, n_like = tables.shape[2], like.shape[2]
    if n_tables == 1 < n_like:
        tables = np.repeat(tables, n_like, axis=2)
    elif n_like not in (1, n_tables):
        message = f"{n_like} draws; the tables have {n_tables}"
        raise InputError([Problem("log_like", message)])
    return tables, like


def _chunks(n_draws: int, n_cells: int) -> Iterator[slice]:
    size = chunk_size(n_cells)
    for start in range(0, n_draws, size):
        yield slice(start, min(start + size, n_draws))


def chunk_size(n_cells: int) -> int:
    """How many draws of a network of so many cells are taken at a time."""
    wished = min(max(CHUNK_CELLS // n_cells, SMALLEST_CHUNK), LARGEST_CHUNK)
    return min(wished, max(MOST_CELLS // n_cells, 1))


def _in_threads(run: Callable[[slice], None], chunks: Iterator[slice]) -> None:
    jobs = list(chunks)
    processors = min(_processors(), len(jobs))
    if processors <= 1:
        for job in jobs:
            run(job)
        return
    with ThreadPoolExecutor(processors) as pool:
        list(pool.map(run, jobs))


def _processors() -> int:
    """How many processors this process may use, which can be fewer than there are."""
    allowed: Any = getattr(os, "sched_getaffinity", None)
    return len(allowed(0)) if allowed else os.cpu_count() or 1
