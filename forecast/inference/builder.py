"""Laying out a scenario: its network, the priors of its judgements and the program of its tables.

The builder walks the tables once. Judgements and formulas go into registers that number what they
are given; a cell of a table is remembered as (block, row, column) and finds its place when all
registers are complete.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, product
from typing import Any

import numpy as np

from forecast.errors import InputError, Problem, raise_if_any
from forecast.inference.forms import (
    Array,
    Form,
    HazardsForm,
    Index,
    NoisyMaxForm,
    RankedForm,
    RatiosForm,
)
from forecast.inference.network import Block, Network, Node, Parent
from forecast.inference.tables import Measure, Priors, TableProgram
from forecast.scenario.checks import find_problems
from forecast.scenario.elicitation import fit_beta, fit_lognormal, fit_normal, row_concentration
from forecast.scenario.forms import (
    Count,
    Hazards,
    LikelihoodRatios,
    Measured,
    NoisyMax,
    Ranked,
    Row,
    Rows,
    Table,
    parents_of,
    parse_parent,
    spell_parent,
    states_meant,
)
from forecast.scenario.scenario import Scenario

Cell = tuple[str, int, int]
"""Block, row and column."""

ONE, ZERO = -2, -1
"""Factors that are constants: the last two of the vector of factors."""

NOTHING: Cell = ("constant", 0, 0)


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


@dataclass
class _Judgements:
    """Numbers as stated, by family, each with a label."""

    chance: list[tuple[float, float]] = field(default_factory=list)
    rows: dict[int, list[tuple[float, ...]]] = field(default_factory=dict)
    states: dict[int, list[tuple[str, ...]]] = field(default_factory=dict)
    positive: list[tuple[float, float]] = field(default_factory=list)
    real: list[tuple[float, float]] = field(default_factory=list)
    constants: list[float] = field(default_factory=lambda: [0.0, 1.0])
    labels: dict[str, list[str]] = field(default_factory=dict)
    misfits: list[tuple[str, float]] = field(default_factory=list)

    def row(self, row: Row, states: tuple[str, ...], label: str) -> list[Cell]:
        """Cells of one stated row, in the order of the states."""
        if row.exactly is not None:
            return [self.constant(row.exactly.get(state, 0.0)) for state in states]
        if row.concentration is not None:
            alpha = tuple(row.concentration[state] for state in states)
        else:
            alpha = self._fit_row(row, states, label)
        if len(states) == 2:
            yes, no = self.beta((alpha[1], alpha[0]), f"{label}: {states[1]}")
            return [no, yes]
        self.rows.setdefault(len(states), []).append(alpha)
        self.states.setdefault(len(states), []).append(states)
        family = f"row_{len(states)}"
        number = self._label(family, label)
        return [(family, number, k) for k in range(len(states))]

    def _fit_row(self, row: Row, states: tuple[str, ...], label: str) -> tuple[float, ...]:
        assert row.chance is not None
        chance = {s: (i.lower, i.upper, i.coverage) for s, i in row.chance.items()}
        try:
            alpha, miss = row_concentration(states, chance)
        except InputError as error:
            raise InputError([Problem(label, p.message) for p in error.problems]) from None
        self.misfits.append((label, miss))
        return alpha

    def beta(self, shape: tuple[float, float], label: str) -> tuple[Cell, Cell]:
        """Cells of a chance and of its complement."""
        self.chance.append(shape)
        number = self._label("chance", label)
        return ("chance", number, 0), ("complement", number, 0)

    def factor(self, interval: Any, label: str) -> int:
        """Number of a positive parameter."""
        self.positive.append(fit_lognormal(interval.lower, interval.upper, interval.coverage))
        return self._label("positive", label)

    def mean(self, interval: Any, label: str) -> int:
        """Number of a real parameter."""
        self.real.append(fit_normal(interval.lower, interval.upper, interval.coverage))
        return self._label("real", label)

    def constant(self, value: float) -> Cell:
        if value not in self.constants:
            self.constants.append(value)
        return "constant", self.constants.index(value), 0

    def _label(self, family: str, label: str) -> int:
        names = self.labels.setdefault(family, [])
        names.append(label)
        return len(names) - 1

    def blocks(self) -> Iterator[tuple[str, int, int]]:
        """Name, rows and columns of the blocks of stated cells, in order."""
        yield "chance", len(self.chance), 1
        yield "complement", len(self.chance), 1
        for width, rows in sorted(self.rows.items()):
            yield f"row_{width}", len(rows), width
        yield "constant", len(self.constants), 1

    def priors(self) -> Priors:
        return Priors(
            chance=_pairs(self.chance),
            rows={width: np.array(rows) for width, rows in sorted(self.rows.items())},
            positive=_pairs(self.positive),
            real=_pairs(self.real),
            labels={family: tuple(names) for family, names in sorted(self.labels.items())},
            states={width: tuple(names) for width, names in self.states.items()},
        )


class _Register:
    """Rows of one form, until all of them are known."""

    def blocks(self) -> list[tuple[str, int, int]]:
        """Name, rows and columns of the blocks that the form computes."""
        raise NotImplementedError

    def form(self, places: _Places) -> Form:
        """The finished form."""
        raise NotImplementedError


@dataclass
class _NoisyMaxRows(_Register):
    causes: list[list[Cell]] = field(default_factory=list)
    above: list[list[tuple[int, int]]] = field(default_factory=list)
    below: list[list[tuple[int, int]]] = field(default_factory=list)

    def cause(self, cells: list[Cell]) -> int:
        self.causes.append(cells)
        return len(self.causes) - 1

    def row(self, active: list[int], width: int) -> list[Cell]:
        """Cells of one row: the products of the active causes' running sums, differenced."""
        cells: list[Cell] = []
        for k in range(width):
            cells.append(("noisy_max", len(self.above), 0))
            self.above.append([(number, k) for number in active])
            self.below.append([(number, k - 1) for number in active] if k else [])
        return cells

    def blocks(self) -> list[tuple[str, int, int]]:
        return [("noisy_max", len(self.above), 1)]

    def form(self, places: _Places) -> Form:
        causes = places.pad(self.causes)
        width, zero = causes.shape[1], causes.size

        def products(rows: list[list[tuple[int, int]]]) -> Index:
            numbers = [[number * width + k for number, k in row] or [zero] for row in rows]
            return np.asarray(_padded(numbers, zero + 1))

        return NoisyMaxForm(causes, products(self.above), products(self.below))


@dataclass
class _RatioRows(_Register):
    base: list[list[Cell]] = field(default_factory=list)
    times: list[list[list[int]]] = field(default_factory=list)

    def row(self, base: list[Cell], times: list[list[int]]) -> list[Cell]:
        self.base.append(base)
        self.times.append(times)
        return [("ratios", len(self.base) - 1, k) for k in range(len(base))]

    def _width(self) -> int:
        return max(map(len, self.base), default=0)

    def blocks(self) -> list[tuple[str, int, int]]:
        return [("ratios", len(self.base), self._width())]

    def form(self, places: _Places) -> Form:
        named = np.zeros((len(self.base), self._width()))
        for r, row in enumerate(self.times):
            named[r, : len(row)] = [bool(times) for times in row]
        return RatiosForm(places.pad(self.base), places.factors(_cube(self.times)), named)


@dataclass
class _RankedRows(_Register):
    weight: list[list[int]] = field(default_factory=list)
    place: list[list[float]] = field(default_factory=list)
    spread: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)

    def row(self, weight: list[int], place: list[float], spread: int, width: int) -> list[Cell]:
        self.weight.append(weight)
        self.place.append(place)
        self.spread.append(spread)
        self.sizes.append(width)
        return [("ranked", len(self.sizes) - 1, k) for k in range(width)]

    def blocks(self) -> list[tuple[str, int, int]]:
        return [("ranked", len(self.sizes), max(self.sizes, default=0))]

    def form(self, places: _Places) -> Form:
        edges = np.arange(max(self.sizes) + 1) / np.array(self.sizes)[:, None]
        return RankedForm(
            weight=places.factors(_padded(self.weight, ZERO)),
            place=_padded(self.place, 0.0),
            spread=np.array(self.spread),
            edges=np.minimum(edges, 1.0),
        )


@dataclass
class _HazardRows(_Register):
    moves: list[tuple[Cell, float]] = field(default_factory=list)
    ways: list[list[int]] = field(default_factory=list)
    times: list[list[list[int]]] = field(default_factory=list)

    def move(self, chance: Cell, steps: float) -> int:
        self.moves.append((chance, steps))
        return len(self.moves) - 1

    def row(self, ways: list[int], times: list[list[int]]) -> tuple[list[Cell], Cell]:
        """Cells of the ways out, and of staying."""
        number = len(self.ways)
        self.ways.append(ways)
        self.times.append(times)
        return [("leave", number, k) for k in range(len(ways))], ("stay", number, 0)

    def blocks(self) -> list[tuple[str, int, int]]:
        most = max(map(len, self.ways), default=0)
        return [("leave", len(self.ways), most), ("stay", len(self.ways), 1)]

    def form(self, places: _Places) -> Form:
        return HazardsForm(
            chance=np.array([places.at(cell) for cell, _ in self.moves], dtype=np.int64),
            steps=np.array([steps for _, steps in self.moves]),
            move=_padded(self.ways, len(self.moves)),
            times=places.factors(_cube(self.times)),
        )


class _Places:
    """Where cells lie among the blocks, and factors among the positive parameters."""

    def __init__(self, blocks: Sequence[tuple[str, int, int]], n_positive: int) -> None:
        sizes = [rows * columns for _, rows, columns in blocks]
        starts = accumulate([0, *sizes[:-1]])
        self._starts = {name: start for (name, *_), start in zip(blocks, starts, strict=True)}
        self._columns = {name: columns for name, _, columns in blocks}
        self._n_factors = n_positive + 2

    def at(self, cell: Cell) -> int:
        block, row, column = cell
        return self._starts[block] + row * self._columns[block] + column

    def pad(self, rows: list[list[Cell]]) -> Index:
        """Places of cells row by row, padded with the place of a zero."""
        return np.asarray(
            _padded([[self.at(cell) for cell in row] for row in rows], self.at(NOTHING))
        )

    def factors(self, numbers: Index) -> Index:
        """Factors with the constants in their places."""
        return np.where(numbers < 0, self._n_factors + numbers, numbers)


class _Builder:
    """Walks a scenario's tables and collects judgements and cells."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.judgements = _Judgements()
        self.noisy_max, self.ratios = _NoisyMaxRows(), _RatioRows()
        self.ranked, self.hazards = _RankedRows(), _HazardRows()
        self.cells: list[Cell] = []

    def build(self) -> TableProgram:
        nodes = tuple(self._node(name) for name in self.scenario.variables)
        measures = {
            name: self._measure(name, variable.measured)
            for name, variable in self.scenario.variables.items()
            if variable.measured is not None
        }
        registers = [
            register
            for register in (self.noisy_max, self.ratios, self.ranked, self.hazards)
            if register.blocks()[0][1]
        ]
        blocks = [*self.judgements.blocks(), *(b for r in registers for b in r.blocks())]
        places = _Places(blocks, len(self.judgements.positive))
        dynamic = self.scenario.time is not None
        return TableProgram(
            network=Network(nodes, n_cells=len(self.cells), dynamic=dynamic),
            priors=self.judgements.priors(),
            measures=measures,
            misfits=tuple(self.judgements.misfits),
            constants=np.array(self.judgements.constants),
            forms=tuple(register.form(places) for register in registers),
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
        elif isinstance(table, LikelihoodRatios):
            self._add_ratios(name, table, parents, label)
        elif isinstance(table, Ranked):
            self._add_ranked(name, table, parents, label)
        else:
            self._add_hazards(name, table, parents, label)
        return block

    def _states(self, name: str) -> tuple[str, ...]:
        return self.scenario.variables[name].states

    def _configurations(self, parents: tuple[Parent, ...]) -> Iterator[tuple[str, ...]]:
        return product(*(self._states(parent) for parent, _ in parents))

    def _add_rows(self, name: str, table: Rows, parents: tuple[Parent, ...], label: str) -> None:
        states = self._states(name)
        cells = [self.judgements.row(row, states, label + _say(row.when)) for row in table.rows]
        for config in self._configurations(parents):
            [index] = [k for k, row in enumerate(table.rows) if _holds(row.when, parents, config)]
            self.cells += cells[index]

    def _add_noisy_max(
        self, name: str, table: NoisyMax, parents: tuple[Parent, ...], label: str
    ) -> None:
        states = self._states(name)
        leak, *causes = (
            self.noisy_max.cause(
                self.judgements.row(row, states, label + (_say(row.when) or " | leak"))
            )
            for row in (table.leak, *table.causes)
        )
        for config in self._configurations(parents):
            active = [
                number
                for number, cause in zip(causes, table.causes, strict=True)
                if _holds(cause.when, parents, config)
            ]
            self.cells += self.noisy_max.row([leak, *active], len(states))

    def _add_ratios(
        self, name: str, table: LikelihoodRatios, parents: tuple[Parent, ...], label: str
    ) -> None:
        states = self._states(name)
        base = self.judgements.row(table.base, states, f"{label} | base rate")
        factors = [
            self.judgements.factor(ratio.times, f"{label}: {ratio.state}{_say(ratio.when)}, times")
            for ratio in table.ratios
        ]
        for config in self._configurations(parents):
            active = [
                (factor, ratio.state)
                for factor, ratio in zip(factors, table.ratios, strict=True)
                if _holds(ratio.when, parents, config)
            ]
            times = [[factor for factor, named in active if named == state] for state in states]
            self.cells += self.ratios.row(base, times) if active else base

    def _add_ranked(
        self, name: str, table: Ranked, parents: tuple[Parent, ...], label: str
    ) -> None:
        weights = [
            self.judgements.factor(influence.weight, f"{label}: weight of {influence.of}")
            for influence in table.influences
        ]
        spread = self.judgements.factor(table.spread.between, f"{label}: spread")
        for config in self._configurations(parents):
            state = {spell_parent(*p): s for p, s in zip(parents, config, strict=True)}
            place = []
            for influence in table.influences:
                states = self._states(parse_parent(influence.of)[0])
                at = (states.index(state[influence.of]) + 0.5) / len(states)
                place.append(1 - at if influence.against else at)
            self.cells += self.ranked.row(weights, place, spread, len(self._states(name)))

    def _add_hazards(
        self, name: str, table: Hazards, parents: tuple[Parent, ...], label: str
    ) -> None:
        states = self._states(name)
        moves = self._add_moves(table, label)
        factors = []
        for factor in table.multipliers:
            way = f" {factor.source or ''}→{factor.target or ''}".rstrip("→")
            factors.append(self.judgements.factor(factor.times, label + way + _say(factor.when)))
        memory = (name, 1) in parents and any(move.source for move in table.moves)
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
            self.cells += self._compete(states, source, found)

    def _add_moves(self, table: Hazards, label: str) -> list[int]:
        assert self.scenario.time is not None
        step = self.scenario.time.step
        numbers = []
        for move in table.moves:
            way = f" {move.source}→{move.target}" if move.source else f" →{move.target}"
            told = f"{label}{way}{_say(move.when)} within {move.within:g} days"
            interval = move.chance
            shape = fit_beta(interval.lower, interval.upper, interval.coverage)
            chance, _ = self.judgements.beta(shape, told)
            numbers.append(self.hazards.move(chance, step / move.within))
        return numbers

    def _compete(
        self, states: tuple[str, ...], source: str, found: dict[str, tuple[int, list[int]]]
    ) -> list[Cell]:
        """Cells of one row: the ways out of a state, and staying in it."""
        if not found:
            return [self.judgements.constant(float(state == source)) for state in states]
        ways, times = zip(*found.values(), strict=True)
        leave, stay = self.hazards.row(list(ways), list(times))
        cells = dict(zip(found, leave, strict=True)) | {source: stay}
        return [cells.get(state, NOTHING) for state in states]

    def _measure(self, name: str, measured: Measured) -> Measure:
        states = self._states(name)
        judged = self.judgements
        if isinstance(measured, Count):
            rates = [
                judged.factor(measured.rate[state].between, f"{name}: rate | {state}")
                for state in states
            ]
            spread = measured.dispersion
            one = judged.factor(spread.between, f"{name}: dispersion") if spread else rates[0]
            scales, degrees, per = [one] * len(states), 0.0, measured.per
        else:
            rates = [
                judged.mean(measured.mean[state].between, f"{name}: mean | {state}")
                for state in states
            ]
            scales = [
                judged.factor(measured.sd[state].between, f"{name}: sd | {state}")
                for state in states
            ]
            degrees, per = measured.degrees or 0.0, 1.0
        return Measure(measured.family, np.array(rates), np.array(scales), per, degrees)


def _pairs(pairs: list[tuple[float, float]]) -> Array:
    return np.array(pairs, dtype=np.float64).reshape(len(pairs), 2)


def _padded(rows: Iterable[Sequence[Any]], filling: Any) -> Any:
    """Rows of different lengths as one array."""
    lists = list(rows)
    width = max(map(len, lists), default=0)
    return np.array([[*row, *[filling] * (width - len(row))] for row in lists])


def _cube(rows: list[list[list[int]]]) -> Index:
    """Factors of each way of each row as one array, padded with the constant 1."""
    widest = max(map(len, rows))
    deepest = max((len(times) for row in rows for times in row), default=0)
    cube = np.full((len(rows), widest, max(deepest, 1)), ONE, dtype=np.int64)
    for r, row in enumerate(rows):
        for w, times in enumerate(row):
            cube[r, w, : len(times)] = times
    return cube


def _holds(when: Mapping[str, Any], parents: tuple[Parent, ...], config: tuple[str, ...]) -> bool:
    state = dict(zip(parents, config, strict=True))
    return all(state[parse_parent(ref)] in states_meant(value) for ref, value in when.items())


def _say(when: Mapping[str, Any]) -> str:
    said = ", ".join(f"{ref}={'|'.join(states_meant(value))}" for ref, value in when.items())
    return f" | {said}" if said else ""
