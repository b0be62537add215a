"""From uncertain judgements to tables: one small array program, whatever the forms of the tables.

A scenario's judgements become a few vectors of parameters, one vector per family of priors. The
program turns them into the flat vector of table cells. It uses only operations that NumPy and
PyTensor share, so the same lines serve stored draws (draws axis last) and the model's graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from itertools import product
from operator import mul
from typing import Any

import numpy as np
import numpy.typing as npt

from forecast.errors import InputError, Problem, raise_if_any
from forecast.inference.network import Block, Network, Node, Parent
from forecast.scenario.checks import find_problems
from forecast.scenario.elicitation import fit_beta, fit_lognormal, row_concentration
from forecast.scenario.scenario import (
    Hazards,
    NoisyMax,
    Row,
    Rows,
    Scenario,
    Table,
    parents_of,
    parse_parent,
    states_meant,
)

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
NEVER = 1e-15
"""Chances of moves are kept this far from 0 and 1, where a hazard has no logarithm."""


@dataclass(frozen=True, eq=False)
class Priors:
    """Priors of all uncertain numbers, one vector per family, each with its labels.

    Attributes
    ----------
    chance
        Shape parameters of Beta priors, (judgement, 2).
    rows
        For each number of states, concentrations of Dirichlet priors, (judgement, state).
    times
        Mean and sd of the logarithm of log-normal multipliers, (judgement, 2).
    labels
        Names of the judgements of each family: "chance", "row_3", …, "times".
    """

    chance: Array
    rows: dict[int, Array]
    times: Array
    labels: dict[str, tuple[str, ...]]

    def families(self) -> Iterator[str]:
        """Families that have at least one judgement."""
        return (name for name, labels in self.labels.items() if labels)


@dataclass(frozen=True, eq=False)
class TableProgram:
    """How the cells of all tables follow from the parameters.

    The stages are: probabilities as stated; running sums of noisy-max causes and their products;
    hazards, multiplied and put into competition; then one permutation into the cells. `misfits`
    names the rows whose prior misses a stated interval, and by how much.
    """

    network: Network
    priors: Priors
    misfits: tuple[tuple[str, float], ...]
    constants: Array
    causes: Index
    cause_above: Index
    cause_below: Index
    move_chance: Index
    move_steps: Array
    hazard_move: Index
    hazard_times: Index
    order: Index

    def cells(self, parameters: Mapping[str, Any], xp: Any = np) -> Any:
        """Table cells from parameters.

        Parameters
        ----------
        parameters
            "chance", shape (judgement, …); "row_k", (judgement, k, …); "times", (judgement, …):
            those families that the scenario has. NumPy arrays may carry a draws axis, last.
        xp
            `numpy` or `pytensor.tensor`.

        Returns
        -------
        array
            Shape (cell, …).
        """
        parts = []
        if "chance" in parameters:
            parts += [parameters["chance"], 1 - parameters["chance"]]
        for width in self.priors.rows:
            rows = parameters[f"row_{width}"]
            parts.append(rows.reshape((self.priors.rows[width].size, *_tail(rows, 2))))
        constants = self.constants
        if parts and parts[0].ndim > 1:
            draws = parts[0].shape[-1]
            constants = xp.broadcast_to(constants[:, None], (len(constants), draws))
        stated = xp.concatenate([*parts, constants])
        blocks = [stated]
        if self.causes.size:
            blocks.append(self._noisy_max(stated, xp))
        if self.hazard_move.size:
            blocks += self._competing(stated, parameters, xp)
        return xp.concatenate(blocks)[self.order]

    def _noisy_max(self, stated: Any, xp: Any) -> Any:
        """P(at most state k) is a product over causes (Díez 1993); its differences are cells."""
        upto = xp.cumsum(stated[self.causes], axis=1)
        flat = upto.reshape((self.causes.size, *_tail(upto, 2)))
        flat = xp.concatenate([flat, 0 * flat[:1], 0 * flat[:1] + 1])

        def product_over_causes(index: Index) -> Any:
            return reduce(mul, [flat[index[:, cause]] for cause in range(index.shape[1])])

        return product_over_causes(self.cause_above) - product_over_causes(self.cause_below)

    def _competing(self, stated: Any, parameters: Mapping[str, Any], xp: Any) -> list[Any]:
        """Exact step probabilities of competing hazards that are constant within a step."""
        steps = self.move_steps if stated.ndim == 1 else self.move_steps[:, None]
        hazard = -xp.log1p(-xp.clip(stated[self.move_chance], NEVER, 1 - NEVER)) * steps
        hazard = xp.concatenate([hazard, 0 * hazard[:1]])[self.hazard_move]
        if self.hazard_times.shape[-1]:
            times = parameters["times"]
            times = xp.concatenate([times, 0 * times[:1] + 1])
            for factor in range(self.hazard_times.shape[-1]):
                hazard = hazard * times[self.hazard_times[..., factor]]
        total = hazard.sum(axis=1)
        stay = xp.exp(-total)
        share = -xp.expm1(-total) / total
        leave = hazard * (share[:, None] if stated.ndim == 1 else share[:, None, :])
        return [leave.reshape((self.hazard_move.size, *_tail(leave, 2))), stay]


@lru_cache(maxsize=16)
def compile_tables(scenario: Scenario) -> TableProgram:
    """Lay out a scenario's network and translate its judgements into a table program.

    The last few programs are kept.

    Raises
    ------
    InputError
        If the scenario breaks a rule; one that was read from a file breaks none.
    """
    raise_if_any(
        [Problem(".".join(map(str, path)), message) for path, message in find_problems(scenario)]
    )
    return _Builder(scenario).build()


def _tail(array: Any, axes: int) -> tuple[Any, ...]:
    """Shape of an array beyond its first axes: nothing, or the draws."""
    return tuple(array.shape[axes:]) if array.ndim > axes else ()


@dataclass
class _Builder:
    """Collects judgements and cells while it walks a scenario's tables."""

    scenario: Scenario
    chance: list[tuple[float, float]] = field(default_factory=list)
    rows: dict[int, list[tuple[float, ...]]] = field(default_factory=dict)
    times: list[tuple[float, float]] = field(default_factory=list)
    labels: dict[str, list[str]] = field(default_factory=dict)
    constants: list[float] = field(default_factory=lambda: [0.0, 1.0])
    causes: list[list[_Cell]] = field(default_factory=list)
    above: list[list[int]] = field(default_factory=list)
    below: list[list[int]] = field(default_factory=list)
    moves: list[tuple[_Cell, float]] = field(default_factory=list)
    hazard_move: list[list[int]] = field(default_factory=list)
    hazard_times: list[list[list[int]]] = field(default_factory=list)
    cells: list[_Cell] = field(default_factory=list)
    misfits: list[tuple[str, float]] = field(default_factory=list)

    def build(self) -> TableProgram:
        nodes = tuple(self._node(name) for name in self.scenario.variables)
        dynamic = self.scenario.time is not None
        network = Network(nodes, n_cells=len(self.cells), dynamic=dynamic)
        priors = Priors(
            chance=_pairs(self.chance),
            rows={width: np.array(rows) for width, rows in sorted(self.rows.items())},
            times=_pairs(self.times),
            labels={family: tuple(names) for family, names in sorted(self.labels.items())},
        )
        places = _Places(priors, self)
        return TableProgram(
            network=network,
            priors=priors,
            misfits=tuple(self.misfits),
            constants=np.array(self.constants),
            causes=places.causes,
            cause_above=places.pad_products(self.above),
            cause_below=places.pad_products(self.below),
            move_chance=np.array([places.at(cell) for cell, _ in self.moves], dtype=np.int64),
            move_steps=np.array([steps for _, steps in self.moves]),
            hazard_move=places.hazard_move,
            hazard_times=places.hazard_times,
            order=np.array([places.at(cell) for cell in self.cells], dtype=np.int64),
        )

    def _node(self, name: str) -> Node:
        variable = self.scenario.variables[name]
        if variable.role == "input":
            return Node(name, variable.states, None, None)
        if variable.table is not None:
            block = self._block(name, variable.table, "")
            return Node(name, variable.states, block, block)
        assert variable.initial is not None
        assert variable.transition is not None
        first = self._block(name, variable.initial, " at first")
        return Node(name, variable.states, first, self._block(name, variable.transition, ""))

    def _block(self, name: str, table: Table, note: str) -> Block:
        parents = parents_of(table, name)
        block = Block(parents, len(self.cells))
        label = f"{name}{note}"
        if isinstance(table, Rows):
            self._add_rows(name, table, parents, label)
        elif isinstance(table, NoisyMax):
            self._add_noisy_max(name, table, parents, label)
        else:
            self._add_hazards(name, table, parents, label)
        return block

    def _states(self, name: str) -> tuple[str, ...]:
        return self.scenario.variables[name].states

    def _configurations(self, parents: tuple[Parent, ...]) -> Iterator[tuple[str, ...]]:
        return product(*(self._states(parent) for parent, _ in parents))

    def _row(self, row: Row, states: tuple[str, ...], label: str) -> list[_Cell]:
        """Cells of one stated row, in the order of the states."""
        if row.exactly is not None:
            return [self._constant(row.exactly.get(state, 0.0)) for state in states]
        if row.concentration is not None:
            alpha = tuple(row.concentration[state] for state in states)
        else:
            assert row.chance is not None
            chance = {s: (i.lower, i.upper, i.coverage) for s, i in row.chance.items()}
            try:
                alpha, miss = row_concentration(states, chance)
            except InputError as error:
                raise InputError([Problem(label, p.message) for p in error.problems]) from None
            self.misfits.append((label, miss))
        if len(states) == 2:
            return self._beta((alpha[1], alpha[0]), f"{label}: {states[1]}")[::-1]
        self.rows.setdefault(len(states), []).append(alpha)
        family = f"row_{len(states)}"
        number = self._label(family, label)
        return [(family, number * len(states) + k) for k in range(len(states))]

    def _beta(self, shape: tuple[float, float], label: str) -> list[_Cell]:
        """Cells of a chance and of its complement."""
        self.chance.append(shape)
        number = self._label("chance", label)
        return [("chance", number), ("complement", number)]

    def _constant(self, value: float) -> _Cell:
        if value not in self.constants:
            self.constants.append(value)
        return "constant", self.constants.index(value)

    def _label(self, family: str, label: str) -> int:
        names = self.labels.setdefault(family, [])
        names.append(label)
        return len(names) - 1

    def _add_rows(self, name: str, table: Rows, parents: tuple[Parent, ...], label: str) -> None:
        states = self._states(name)
        cells = [self._row(row, states, label + _say(row.when)) for row in table.rows]
        for config in self._configurations(parents):
            [index] = [k for k, row in enumerate(table.rows) if _holds(row.when, parents, config)]
            self.cells += cells[index]

    def _add_noisy_max(
        self, name: str, table: NoisyMax, parents: tuple[Parent, ...], label: str
    ) -> None:
        states = self._states(name)
        numbers = []
        for row in (table.leak, *table.causes):
            numbers.append(len(self.causes))
            self.causes.append(self._row(row, states, label + (_say(row.when) or " | leak")))
        width = len(states)
        for config in self._configurations(parents):
            active = [numbers[0]] + [
                number
                for number, cause in zip(numbers[1:], table.causes, strict=True)
                if _holds(cause.when, parents, config)
            ]
            for k in range(width):
                self.cells.append(("noisy", len(self.above)))
                self.above.append([_cause_cell(number, k) for number in active])
                self.below.append(
                    [_cause_cell(number, k - 1) for number in active] if k else [_ZERO]
                )

    def _add_hazards(
        self, name: str, table: Hazards, parents: tuple[Parent, ...], label: str
    ) -> None:
        states = self._states(name)
        assert self.scenario.time is not None
        step = self.scenario.time.step
        memory = (name, 1) in parents and any(move.source for move in table.moves)
        moves = []
        for move in table.moves:
            moves.append(len(self.moves))
            interval = move.chance
            way = f" {move.source}→{move.target}" if move.source else f" →{move.target}"
            shape = fit_beta(interval.lower, interval.upper, interval.coverage)
            cell, _ = self._beta(
                shape, f"{label}{way}{_say(move.when)} within {move.within:g} days"
            )
            self.moves.append((cell, step / move.within))
        factors = []
        for factor in table.multipliers:
            self.times.append(
                fit_lognormal(factor.times.lower, factor.times.upper, factor.times.coverage)
            )
            way = f" {factor.source or ''}→{factor.target or ''}"
            factors.append(self._label("times", label + way.rstrip("→") + _say(factor.when)))
        for config in self._configurations(parents):
            source = config[parents.index((name, 1))] if memory else states[0]
            found = {
                move.target: (
                    number,
                    [
                        times
                        for times, factor in zip(factors, table.multipliers, strict=True)
                        if factor.source in (None, source)
                        and factor.target in (None, move.target)
                        and _holds(factor.when, parents, config)
                    ],
                )
                for number, move in zip(moves, table.moves, strict=True)
                if (move.source or states[0]) == source and _holds(move.when, parents, config)
            }
            self._compete(states, source, found)

    def _compete(
        self, states: tuple[str, ...], source: str, found: dict[str, tuple[int, list[int]]]
    ) -> None:
        if not found:
            self.cells += [self._constant(float(state == source)) for state in states]
            return
        row = len(self.hazard_move)
        self.hazard_move.append([move for move, _ in found.values()])
        self.hazard_times.append([times for _, times in found.values()])
        places = {target: k for k, target in enumerate(found)}
        for state in states:
            if state == source:
                self.cells.append(("stay", row))
            elif state in places:
                self.cells.append((f"leave {places[state]}", row))
            else:
                self.cells.append(self._constant(0.0))


_Cell = tuple[str, int]
_ZERO, _ONE = -2, -1


def _cause_cell(number: int, k: int) -> int:
    """Placeholder of the k-th running sum of a cause, before widths are known."""
    return number * 1000 + k


class _Places:
    """Where each kind of cell lies in the program's intermediate vectors."""

    def __init__(self, priors: Priors, builder: _Builder) -> None:
        n_chance = len(priors.chance)
        self.starts = {"chance": 0, "complement": n_chance}
        start = 2 * n_chance
        for width, rows in priors.rows.items():
            self.starts[f"row_{width}"] = start
            start += rows.size
        self.starts["constant"] = start
        stated = start + len(builder.constants)
        self.width = max((len(cause) for cause in builder.causes), default=0)
        self.n_causes = len(builder.causes)
        zero: _Cell = ("constant", 0)
        self.causes = np.array(
            [
                [self.at(cell) for cell in cause + [zero] * (self.width - len(cause))]
                for cause in builder.causes
            ],
            dtype=np.int64,
        )
        self.starts["noisy"] = stated
        after = stated + len(builder.above)
        self.most = max((len(row) for row in builder.hazard_move), default=0)
        n_rows = len(builder.hazard_move)
        self.leave_at, self.stay_at = after, after + n_rows * self.most
        pad = len(builder.moves)
        self.hazard_move = np.array(
            [row + [pad] * (self.most - len(row)) for row in builder.hazard_move], dtype=np.int64
        )
        n_times = len(builder.times)
        deepest = max((len(t) for row in builder.hazard_times for t in row), default=0)
        self.hazard_times = np.full((n_rows, self.most, deepest), n_times, dtype=np.int64)
        for r, row in enumerate(builder.hazard_times):
            for m, times in enumerate(row):
                self.hazard_times[r, m, : len(times)] = times

    def at(self, cell: _Cell) -> int:
        kind, number = cell
        if kind == "stay":
            return self.stay_at + number
        if kind.startswith("leave"):
            return self.leave_at + number * self.most + int(kind.split()[1])
        return self.starts[kind] + number

    def pad_products(self, products: list[list[int]]) -> Index:
        """Index arrays of noisy-max products, padded with the constant 1."""
        most = max((len(product) for product in products), default=0)
        zero, one = self.n_causes * self.width, self.n_causes * self.width + 1

        def place(code: int) -> int:
            if code == _ZERO:
                return zero
            return code // 1000 * self.width + code % 1000

        return np.array(
            [[*map(place, product), *[one] * (most - len(product))] for product in products],
            dtype=np.int64,
        ).reshape(len(products), most)


def _pairs(pairs: list[tuple[float, float]]) -> Array:
    return np.array(pairs, dtype=np.float64).reshape(len(pairs), 2)


def _holds(when: Mapping[str, Any], parents: tuple[Parent, ...], config: tuple[str, ...]) -> bool:
    state = dict(zip(parents, config, strict=True))
    return all(state[parse_parent(ref)] in states_meant(value) for ref, value in when.items())


def _say(when: Mapping[str, Any]) -> str:
    said = ", ".join(f"{ref}={'|'.join(states_meant(value))}" for ref, value in when.items())
    return f" | {said}" if said else ""
