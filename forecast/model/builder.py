"""Compile a scenario: its network, the priors of its judgements, the program of its tables.

The builder walks the tables once. Judgements are numbered by family as they are met, and formulas
are written as expressions step by step; a cell is remembered as a family and a number in it, and
finds its place in the program's memory when everything has been met.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

import numpy as np

from forecast.arrays import Array
from forecast.evidence.profiles import default_reporting
from forecast.evidence.sources import Trust, trust_in
from forecast.model import expressions as ops
from forecast.model.expressions import ExpressionWriter
from forecast.model.priors import Priors
from forecast.model.tables import Misfit, NumberModel, TableProgram
from forecast.network.structure import Block, Network, Node
from forecast.scenario.fits import RowFit, fit_normal
from forecast.scenario.forms import TableForm
from forecast.scenario.forms.form import Expression
from forecast.scenario.measured import Count, Measured
from forecast.scenario.scenario import Scenario
from forecast.scenario.scenario_checks import require_no_problems
from forecast.scenario.statements import PositiveStatement, RealInterval


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
    require_no_problems(scenario)
    return _Builder(scenario).build()


@dataclass
class _Writer:
    """Judgements by family, each with a label, and formulas: what forms of tables write with.

    It is a `TableWriter` of `forecast.scenario.forms.form`, which says what each method is.
    """

    states: Mapping[str, tuple[str, ...]]
    step_days: float
    formulas: ExpressionWriter = field(default_factory=ExpressionWriter)
    probability: list[tuple[float, float]] = field(default_factory=list)
    rows: dict[int, list[tuple[float, ...]]] = field(default_factory=dict)
    row_states: dict[int, list[tuple[str, ...]]] = field(default_factory=dict)
    positives: list[tuple[float, float]] = field(default_factory=list)
    real: list[tuple[float, float]] = field(default_factory=list)
    labels: dict[str, list[str]] = field(default_factory=dict)
    misfits: list[Misfit] = field(default_factory=list)

    def dirichlet(
        self, alpha: tuple[float, ...], states: tuple[str, ...], label: str
    ) -> list[Expression]:
        """Cells of a row with a Dirichlet prior; of two states the second is a probability."""
        if len(states) == 2:
            yes = self.beta((alpha[1], alpha[0]), f"{label}: {states[1]}")
            return [self.difference(self.constant(1.0), yes), yes]
        self.rows.setdefault(len(states), []).append(alpha)
        self.row_states.setdefault(len(states), []).append(states)
        family = f"row_{len(states)}"
        number = self._label(family, label)
        return [(family, number * len(states) + k) for k in range(len(states))]

    def note_fit(self, label: str, states: tuple[str, ...], fit: RowFit) -> None:
        """Remember where a row's prior moves the intervals that were stated."""
        if fit.stated:
            self.misfits.append(Misfit(label, states, fit))

    def beta(self, shape: tuple[float, float], label: str) -> Expression:
        """Cell of a probability."""
        self.probability.append(shape)
        return "probability", self._label("probability", label)

    def factor(self, stated: PositiveStatement, label: str, per: float | None = None) -> Expression:
        """Cell of a positive number."""
        self.positives.append(stated.fit(per).shape)
        return "positive", self._label("positive", label)

    def mean(self, interval: RealInterval, label: str) -> int:
        """Number of a real parameter, which no table uses."""
        self.real.append(fit_normal(interval.lower, interval.upper, interval.coverage))
        return self._label("real", label)

    def _label(self, family: str, label: str) -> int:
        names = self.labels.setdefault(family, [])
        names.append(label)
        return len(names) - 1

    def constant(self, value: float) -> Expression:
        return self.formulas.constant(value)

    def sum(self, parts: Iterable[Expression]) -> Expression:
        return self.formulas.sum(parts)

    def product(self, parts: Iterable[Expression]) -> Expression:
        return self.formulas.product(parts)

    def difference(self, a: Expression, b: Expression) -> Expression:
        return self.formulas.step(ops.SUBTRACT, a, b)

    def ratio(self, a: Expression, b: Expression) -> Expression:
        return self.formulas.step(ops.DIVIDE, a, b)

    def positive(self, a: Expression) -> Expression:
        return self.formulas.step(ops.AT_LEAST, a, self.constant(ops.NEVER))

    def below_one(self, a: Expression) -> Expression:
        return self.formulas.step(ops.AT_MOST, a, self.constant(1 - ops.NEVER))

    def clipped(self, a: Expression) -> Expression:
        positive = self.formulas.step(ops.AT_LEAST, a, self.constant(0.0))
        return self.formulas.step(ops.AT_MOST, positive, self.constant(1.0))

    def hazard(self, probability: Expression) -> Expression:
        return self.formulas.step(ops.HAZARD, probability)

    def survival(self, hazard: Expression) -> Expression:
        return self.formulas.step(ops.STAY, hazard)

    def share(self, hazard: Expression) -> Expression:
        return self.formulas.step(ops.SHARE, hazard)

    def normal_between(self, a: Expression, b: Expression) -> Expression:
        return self.formulas.step(ops.BETWEEN, a, b)

    def sizes(self) -> dict[str, int]:
        """Cells of each family that tables use, in order."""
        rows = {f"row_{width}": width * len(rows) for width, rows in sorted(self.rows.items())}
        return {"probability": len(self.probability), **rows, "positive": len(self.positives)}

    def priors(self, trust: Trust) -> Priors:
        return Priors(
            trust=trust,
            probability=_pairs(self.probability),
            rows={width: np.array(rows) for width, rows in sorted(self.rows.items())},
            positive=_pairs(self.positives),
            real=_pairs(self.real),
            labels={family: tuple(names) for family, names in sorted(self.labels.items())},
            states={width: tuple(names) for width, names in self.row_states.items()},
        )


class _Builder:
    """Walks a scenario's tables and collects judgements and cells."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.writer = _Writer(
            states={name: variable.states for name, variable in scenario.variables.items()},
            step_days=scenario.time.step if scenario.time else np.nan,
        )
        self.cells: list[Expression] = []

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
            priors=self.writer.priors(trust_in(self.scenario)),
            measures=measures,
            misfits=tuple(self.writer.misfits),
            expressions=self.writer.formulas.finish(self.writer.sizes(), self.cells),
        )

    def _node(self, name: str) -> Node:
        variable = self.scenario.variables[name]
        if variable.role == "input":
            return Node(name, variable.states, None, None)
        if variable.table is not None:
            block = self._block(name, variable.table, "")
            return Node(name, variable.states, block, self._later_block(name, block))
        assert variable.initial is not None
        assert variable.transition is not None
        first = self._block(name, variable.initial, " at first")
        return Node(name, variable.states, first, self._block(name, variable.transition, ""))

    def _block(self, name: str, table: TableForm, note: str) -> Block:
        parents = table.parents(name)
        block = Block(parents, len(self.cells))
        self.cells += table.cells(self.writer, name, parents, f"{name}{note}")
        return block

    def _later_block(self, name: str, block: Block) -> Block:
        """Table of the steps after the first, where what the variable was before has to do with it.

        What is standing is drawn anew with the probability that its dwell time is over, and what
        has been announced stays.
        """
        variable, write = self.scenario.variables[name], self.writer
        if self.scenario.time is None or variable.kind not in ("standing", "announcement"):
            return block
        width = len(variable.states)
        rows = [self.cells[k : k + width] for k in range(block.start, len(self.cells), width)]
        zero, one = write.constant(0.0), write.constant(1.0)
        later = Block(((name, 1), *block.parents), len(self.cells))
        if variable.kind == "announcement":
            for before in range(width):
                stays = [one if state == before else zero for state in range(width)]
                self.cells += chain.from_iterable(rows if before == 0 else [stays] * len(rows))
            return later
        dwell = variable.dwell or default_reporting().dwell
        days = write.factor(dwell.between, f"{name}: dwell time in days")
        stay = write.survival(write.ratio(write.constant(write.step_days), days))
        anew = write.difference(one, stay)
        for before in range(width):
            for row in rows:
                drawn = [write.product([anew, cell]) for cell in row]
                drawn[before] = write.sum([drawn[before], stay])
                self.cells += drawn
        return later

    def _measure(self, name: str, measured: Measured) -> NumberModel:
        states = self.writer.states[name]
        judged = self.writer
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
        return NumberModel(measured.family, np.array(places), np.array(scales), per, degrees)


def _pairs(pairs: list[tuple[float, float]]) -> Array:
    return np.array(pairs, dtype=np.float64).reshape(len(pairs), 2)
