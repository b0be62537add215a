"""Compile a scenario: its network, the priors of its judgements, the program of its tables.

The builder walks the tables once. Judgements are numbered by family as they are met, and formulas
are written as expressions step by step; a cell is remembered as a family and a number in it, and
finds its place in the program's memory when everything has been met.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate, pairwise, product
from typing import Any

import numpy as np

from forecast.arrays import Array
from forecast.errors import Problem, raise_if_any
from forecast.evidence.sources import Trust, trust_in
from forecast.model import expressions as ops
from forecast.model.expressions import Cell, ExpressionWriter
from forecast.model.tables import Measure, Misfit, Priors, TableProgram
from forecast.network.structure import Block, Network, Node, Parent
from forecast.scenario.elicitation import (
    fit_competing,
    fit_row,
    row_concentration,
)
from forecast.scenario.fits import RowFit, fit_normal
from forecast.scenario.forms import (
    Count,
    Hazards,
    LikelihoodRatios,
    Measured,
    Move,
    NoisyMax,
    Ranked,
    Row,
    Rows,
    Table,
    competitors,
    condition_text,
    parents_of,
    parse_parent,
    spell_parent,
    states_meant,
)
from forecast.scenario.scenario import Scenario
from forecast.scenario.scenario_checks import find_problems
from forecast.scenario.statements import PositiveStatement, RealInterval
from forecast.scenario.tree import spell_path


def compile_tables(scenario: Scenario) -> TableProgram:
    """Lay out a scenario's network and translate its judgements into a table program.

    The last few programs are kept.

    Raises
    ------
    InputError
        If the scenario breaks a rule; one that was read from a file breaks none.
    """
    return _compile(scenario)


@lru_cache(maxsize=16)
def _compile(scenario: Scenario) -> TableProgram:
    raise_if_any([Problem(spell_path(path), message) for path, message in find_problems(scenario)])
    return _Builder(scenario).build()


@dataclass
class _Judgements:
    """Numbers as stated, by family, each with a label."""

    writer: ExpressionWriter
    probability: list[tuple[float, float]] = field(default_factory=list)
    rows: dict[int, list[tuple[float, ...]]] = field(default_factory=dict)
    states: dict[int, list[tuple[str, ...]]] = field(default_factory=dict)
    positive: list[tuple[float, float]] = field(default_factory=list)
    real: list[tuple[float, float]] = field(default_factory=list)
    labels: dict[str, list[str]] = field(default_factory=dict)
    misfits: list[Misfit] = field(default_factory=list)

    def row(self, row: Row, states: tuple[str, ...], label: str) -> list[Cell]:
        """Cells of one stated row, in the order of the states."""
        if row.exactly is not None:
            return [self.writer.constant(row.exactly.get(state, 0.0)) for state in states]
        if row.probability is not None:
            self.note_fit(label, states, fit_row(states, row.probability))
        return self.dirichlet(row_concentration(row, states), states, label)

    def dirichlet(
        self, alpha: tuple[float, ...], states: tuple[str, ...], label: str
    ) -> list[Cell]:
        """Cells of a row with a Dirichlet prior; of two states the second is a probability."""
        if len(states) == 2:
            yes = self.beta((alpha[1], alpha[0]), f"{label}: {states[1]}")
            return [self.writer.step(ops.SUBTRACT, self.writer.constant(1.0), yes), yes]
        self.rows.setdefault(len(states), []).append(alpha)
        self.states.setdefault(len(states), []).append(states)
        family = f"row_{len(states)}"
        number = self._label(family, label)
        return [(family, number * len(states) + k) for k in range(len(states))]

    def note_fit(self, label: str, states: tuple[str, ...], fit: RowFit) -> None:
        """Remember where a row's prior moves the intervals that were stated."""
        if fit.stated:
            self.misfits.append(Misfit(label, states, fit))

    def beta(self, shape: tuple[float, float], label: str) -> Cell:
        """Cell of a probability."""
        self.probability.append(shape)
        return "probability", self._label("probability", label)

    def factor(self, stated: PositiveStatement, label: str, per: float | None = None) -> Cell:
        """Cell of a positive number."""
        self.positive.append(stated.fit(per).shape)
        return "positive", self._label("positive", label)

    def mean(self, interval: RealInterval, label: str) -> int:
        """Number of a real parameter, which no table uses."""
        self.real.append(fit_normal(interval.lower, interval.upper, interval.coverage))
        return self._label("real", label)

    def _label(self, family: str, label: str) -> int:
        names = self.labels.setdefault(family, [])
        names.append(label)
        return len(names) - 1

    def sizes(self) -> dict[str, int]:
        """Cells of each family that tables use, in order."""
        rows = {f"row_{width}": width * len(rows) for width, rows in sorted(self.rows.items())}
        return {"probability": len(self.probability), **rows, "positive": len(self.positive)}

    def priors(self, trust: Trust) -> Priors:
        return Priors(
            trust=trust,
            probability=_pairs(self.probability),
            rows={width: np.array(rows) for width, rows in sorted(self.rows.items())},
            positive=_pairs(self.positive),
            real=_pairs(self.real),
            labels={family: tuple(names) for family, names in sorted(self.labels.items())},
            states={width: tuple(names) for width, names in self.states.items()},
        )


class _Builder:
    """Walks a scenario's tables and collects judgements and cells."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.writer = ExpressionWriter()
        self.judgements = _Judgements(self.writer)
        self.cells: list[Cell] = []

    def build(self) -> TableProgram:
        nodes = tuple(self._node(name) for name in self.scenario.variables)
        measures = {
            name: self._measure(name, variable.measured)
            for name, variable in self.scenario.variables.items()
            if variable.measured is not None
        }
        dynamic = self.scenario.time is not None
        return TableProgram(
            network=Network(nodes, n_cells=len(self.cells), dynamic=dynamic),
            priors=self.judgements.priors(trust_in(self.scenario)),
            measures=measures,
            misfits=tuple(self.judgements.misfits),
            expressions=self.writer.finish(self.judgements.sizes(), self.cells),
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
        cells = [
            self.judgements.row(row, states, label + condition_text(row.when)) for row in table.rows
        ]
        for config in self._configurations(parents):
            [index] = [k for k, row in enumerate(table.rows) if _holds(row.when, parents, config)]
            self.cells += cells[index]

    def _add_noisy_max(
        self, name: str, table: NoisyMax, parents: tuple[Parent, ...], label: str
    ) -> None:
        """P(at most state k) is a product over causes (Díez 1993); its differences are cells."""
        states = self._states(name)
        leak, *causes = (
            self._running_sums(
                self.judgements.row(row, states, label + (condition_text(row.when) or " | leak"))
            )
            for row in (table.leak, *table.causes)
        )
        for config in self._configurations(parents):
            active = [leak] + [
                sums
                for sums, cause in zip(causes, table.causes, strict=True)
                if _holds(cause.when, parents, config)
            ]
            upto = [self.writer.product(cells) for cells in zip(*active, strict=True)]
            upto.append(self.writer.constant(1.0))
            self.cells += [
                upto[0],
                *(self.writer.step(ops.SUBTRACT, b, a) for a, b in pairwise(upto)),
            ]

    def _running_sums(self, row: list[Cell]) -> list[Cell]:
        """P(at most state k) of one cause, for all states but the last, where it is one."""
        return list(accumulate(row[:-1], lambda a, b: self.writer.step(ops.ADD, a, b)))

    def _add_ratios(
        self, name: str, table: LikelihoodRatios, parents: tuple[Parent, ...], label: str
    ) -> None:
        states = self._states(name)
        base = self.judgements.row(table.base, states, f"{label} | base rate")
        factors = [
            self.judgements.factor(
                ratio.times, f"{label}: {ratio.state}{condition_text(ratio.when)}, times"
            )
            for ratio in table.ratios
        ]
        for config in self._configurations(parents):
            times: dict[str, list[Cell]] = {}
            for factor, ratio in zip(factors, table.ratios, strict=True):
                if _holds(ratio.when, parents, config):
                    times.setdefault(ratio.state, []).append(factor)
            self.cells += self._raise(dict(zip(states, base, strict=True)), times)

    def _raise(self, base: dict[str, Cell], times: dict[str, list[Cell]]) -> list[Cell]:
        """Multiply the probability of some states; the others share the rest in proportion."""
        if not times:
            return list(base.values())
        write = self.writer
        one, almost = write.constant(1.0), write.constant(1 - ops.NEVER)
        raised = {state: write.product([base[state], *times[state]]) for state in times}
        total = write.step(ops.AT_LEAST, write.sum(raised.values()), write.constant(ops.NEVER))
        allowed = write.step(ops.AT_MOST, total, almost)
        shrink = write.step(ops.DIVIDE, allowed, total)
        rest = write.sum(base[state] for state in base if state not in times)
        rest = write.step(ops.AT_LEAST, rest, write.constant(ops.NEVER))
        left = write.step(ops.DIVIDE, write.step(ops.SUBTRACT, one, allowed), rest)
        row = [
            write.product([raised[state], shrink] if state in times else [base[state], left])
            for state in base
        ]
        # Probabilities that underflowed leave the row short of one.
        whole = write.sum(row)
        return [write.step(ops.DIVIDE, cell, whole) for cell in row]

    def _add_ranked(
        self, name: str, table: Ranked, parents: tuple[Parent, ...], label: str
    ) -> None:
        write = self.writer
        weights = [
            self.judgements.factor(influence.weight, f"{label}: weight of {influence.of}")
            for influence in table.influences
        ]
        spread = self.judgements.factor(table.spread.between, f"{label}: spread")
        whole = write.sum(weights)
        for config in self._configurations(parents):
            places = self._places(table, parents, config)
            pulled = [
                write.step(ops.MULTIPLY, weight, write.constant(place))
                for weight, place in zip(weights, places, strict=True)
            ]
            mean = write.step(ops.DIVIDE, write.sum(pulled), whole)
            self.cells += self._cut_normal(mean, spread, len(self._states(name)))

    def _places(
        self, table: Ranked, parents: tuple[Parent, ...], config: tuple[str, ...]
    ) -> list[float]:
        """Place of each parent's state on the scale from 0 to 1."""
        state = {spell_parent(*p): s for p, s in zip(parents, config, strict=True)}
        places = []
        for influence in table.influences:
            states = self._states(parse_parent(influence.of)[0])
            at = (states.index(state[influence.of]) + 0.5) / len(states)
            places.append(1 - at if influence.against else at)
        return places

    def _cut_normal(self, mean: Cell, spread: Cell, n: int) -> list[Cell]:
        """Probabilities of n equal parts of the scale under a truncated normal distribution."""
        write = self.writer
        edges = [
            write.step(
                ops.DIVIDE,
                write.step(ops.SUBTRACT, write.constant(k / n), mean),
                spread,
            )
            for k in range(n + 1)
        ]
        mass = [write.step(ops.BETWEEN, a, b) for a, b in pairwise(edges)]
        whole = write.sum(mass)
        return [write.step(ops.DIVIDE, part, whole) for part in mass]

    def _add_hazards(
        self, name: str, table: Hazards, parents: tuple[Parent, ...], label: str
    ) -> None:
        states = self._states(name)
        moves = self._add_moves(table, label)
        factors = []
        for factor in table.multipliers:
            way = f" {factor.source or ''}→{factor.target or ''}".rstrip("→")
            factors.append(
                self.judgements.factor(factor.times, label + way + condition_text(factor.when))
            )
        memory = (name, 1) in parents and any(move.source for move in table.moves)
        for config in self._configurations(parents):
            source = config[parents.index((name, 1))] if memory else states[0]
            hazards = {
                move.target: self.writer.product(
                    [
                        hazard,
                        *(
                            times
                            for times, factor in zip(factors, table.multipliers, strict=True)
                            if factor.source in (None, source)
                            and factor.target in (None, move.target)
                            and _holds(factor.when, parents, config)
                        ),
                    ]
                )
                for hazard, move in zip(moves, table.moves, strict=True)
                if (move.source or states[0]) == source and _holds(move.when, parents, config)
            }
            self.cells += self._compete(states, source, hazards)

    def _add_moves(self, table: Hazards, label: str) -> list[Cell]:
        """Hazard of each move over one step."""
        assert self.scenario.time is not None
        step = self.scenario.time.step
        hazards: dict[int, Cell] = {}
        groups = competitors(table)
        if table.reading == "alone":
            groups = [[index] for index in range(len(table.moves))]
        for group in groups:
            moves = [table.moves[index] for index in group]
            within = moves[0].within
            steps = self.writer.constant(step / within)
            for index, hazard in zip(group, self._race(moves, label), strict=True):
                hazards[index] = self.writer.step(ops.MULTIPLY, hazard, steps)
        return [hazards[index] for index in range(len(table.moves))]

    def _race(self, moves: Sequence[Move], label: str) -> list[Cell]:
        """Hazards, over their days, of moves of which the first to come is all that is seen.

        With probabilities c of coming first and s of none, the hazards add up to -log s and stand
        to one another as the probabilities do.
        """
        write, judged = self.writer, self.judgements
        first, within = moves[0], moves[0].within
        targets = tuple(move.target for move in moves)
        source = f" {first.source}→" if first.source else " →"
        described = (
            f"{label}{source}{'|'.join(targets)}{condition_text(first.when)} within {within:g} days"
        )
        fit = fit_competing([move.probability for move in moves], within)
        if len(moves) == 1:
            a, b = fit.concentration
            return [write.step(ops.HAZARD, judged.beta((a, b), described))]
        states = (*targets, "none")
        judged.note_fit(described, states, fit)
        *probabilities, _ = judged.dirichlet(fit.concentration, states, described)
        total = write.step(ops.AT_LEAST, write.sum(probabilities), write.constant(ops.NEVER))
        hazard = write.step(ops.DIVIDE, write.step(ops.HAZARD, total), total)
        return [write.step(ops.MULTIPLY, probability, hazard) for probability in probabilities]

    def _compete(
        self, states: tuple[str, ...], source: str, hazards: dict[str, Cell]
    ) -> list[Cell]:
        """Probabilities of one step's ways out of a state, and of staying in it."""
        write = self.writer
        if not hazards:
            return [write.constant(float(state == source)) for state in states]
        total = write.sum(hazards.values())
        share = write.step(ops.SHARE, total)
        cells = {
            target: write.step(ops.MULTIPLY, hazard, share) for target, hazard in hazards.items()
        }
        cells[source] = write.step(ops.STAY, total)
        return [cells.get(state, write.constant(0.0)) for state in states]

    def _measure(self, name: str, measured: Measured) -> Measure:
        states = self._states(name)
        judged = self.judgements
        if isinstance(measured, Count):
            places = [
                judged.factor(
                    measured.rate[state].between, f"{name}: rate | {state}", measured.per
                )[1]
                for state in states
            ]
            spread = measured.dispersion
            one = judged.factor(spread.between, f"{name}: dispersion")[1] if spread else places[0]
            scales, degrees, per = [one] * len(states), 0.0, measured.per
        else:
            places = [
                judged.mean(measured.mean[state].between, f"{name}: mean | {state}")
                for state in states
            ]
            scales = [
                judged.factor(measured.sd[state].between, f"{name}: sd | {state}")[1]
                for state in states
            ]
            degrees, per = measured.degrees or 0.0, 1.0
        return Measure(measured.family, np.array(places), np.array(scales), per, degrees)


def _pairs(pairs: list[tuple[float, float]]) -> Array:
    return np.array(pairs, dtype=np.float64).reshape(len(pairs), 2)


def _holds(when: Mapping[str, Any], parents: tuple[Parent, ...], config: tuple[str, ...]) -> bool:
    state = dict(zip(parents, config, strict=True))
    return all(state[parse_parent(ref)] in states_meant(value) for ref, value in when.items())
