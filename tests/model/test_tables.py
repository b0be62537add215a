"""Law: table cells are what a plain loop over the scenario's own words makes of the parameters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from math import exp, log1p, prod
from typing import Any, Literal

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from scipy.stats import truncnorm

from forecast.arrays import Array
from forecast.errors import InputError
from forecast.model.builder import compile_tables
from forecast.model.expressions import run_backwards
from forecast.model.operation import TableCells
from forecast.model.tables import TableProgram
from forecast.network.structure import Block
from forecast.network.sweep import sweep
from forecast.posterior.prior import draw_priors
from forecast.scenario.basis import Basis
from forecast.scenario.forms import (
    Hazards,
    Influence,
    LikelihoodRatios,
    Move,
    NoisyMax,
    Quantity,
    Ranked,
    Ratio,
    Row,
    Rows,
    Table,
    TableForm,
    parse_parent,
)
from forecast.scenario.grammar import forget_schemas
from forecast.scenario.probability_statements import Probability
from forecast.scenario.rendering import render_scenario
from forecast.scenario.scenario import Clock, Scenario, Variable
from forecast.scenario.scenario_checks import find_problems
from forecast.scenario.scenario_files import parse_scenario
from forecast.testing.scenarios import BASIS, random_scenario, scenario_of
from forecast.wording import earlier

Numbers = dict[str, Array]


@dataclass
class Reader:
    """The slow answer: takes parameters in the order of the scenario and loops over states."""

    scenario: Scenario
    parameters: Numbers
    taken: dict[str, int] = field(default_factory=dict)

    def take(self, family: str) -> Any:
        self.taken[family] = self.taken.get(family, -1) + 1
        return self.parameters[family][self.taken[family]]

    def cells(self, program: TableProgram) -> Array:
        cells = np.full(program.network.n_cells, np.nan)
        for node in program.network.nodes:
            variable = self.scenario.variables[node.name]
            for slot in ("table", "initial", "transition"):
                table = getattr(variable, slot)
                if table is None:
                    continue
                block = node.later if slot == "transition" else node.first
                row_of = self.read(node.name, table)
                rows = [row for config in self.configs(block) for row in row_of(config)]
                cells[block.start : block.start + len(rows)] = rows
        return cells

    def configs(self, block: Block | None) -> Iterator[dict[str, str]]:
        assert block is not None
        references = [earlier(name, lag) for name, lag in block.parents]
        states = [self.scenario.variables[name].states for name, _ in block.parents]
        for config in product(*states):
            yield dict(zip(references, config, strict=True))

    def read(self, name: str, table: Table) -> Callable[[dict[str, str]], list[float]]:
        states = self.scenario.variables[name].states
        if isinstance(table, Rows):
            rows = [(row.when, self.row(row, states)) for row in table.rows]
            return lambda config: next(p for when, p in rows if holds(when, config))
        if isinstance(table, NoisyMax):
            leak = self.row(table.leak, states)
            causes = [(row.when, self.row(row, states)) for row in table.causes]
            return lambda config: worst_of(
                [leak, *(p for when, p in causes if holds(when, config))]
            )
        if isinstance(table, LikelihoodRatios):
            base = self.row(table.base, states)
            factors = [self.take("positive") for _ in table.ratios]
            return lambda config: self.raise_probabilities(states, base, table, factors, config)
        if isinstance(table, Ranked):
            weights = [self.take("positive") for _ in table.influences]
            spread = self.take("positive")
            return lambda config: self.rank(len(states), table, weights, spread, config)
        probabilities = [self.take("probability") for _ in table.moves]
        times = [self.take("positive") for _ in table.multipliers]
        return lambda config: self.compete(name, table, probabilities, times, config)

    def row(self, row: Row, states: tuple[str, ...]) -> list[float]:
        if row.exactly is not None:
            return [row.exactly[state] for state in states]
        if len(states) == 2:
            probability = self.take("probability")
            return [1 - probability, probability]
        return list(self.take(f"row_{len(states)}"))

    def raise_probabilities(
        self,
        states: tuple[str, ...],
        base: list[float],
        table: LikelihoodRatios,
        factors: list[float],
        config: dict[str, str],
    ) -> list[float]:
        times = dict.fromkeys(states, 1.0)
        named = set()
        for factor, ratio in zip(factors, table.ratios, strict=True):
            if holds(ratio.when, config):
                times[ratio.state] *= factor
                named.add(ratio.state)
        raised = {s: p * times[s] for s, p in zip(states, base, strict=True) if s in named}
        shrink = min(1.0, 1 / sum(raised.values())) if named else 1.0
        left = 1 - shrink * sum(raised.values())
        rest = sum(p for s, p in zip(states, base, strict=True) if s not in named)
        return [
            raised[s] * shrink if s in named else p * left / rest
            for s, p in zip(states, base, strict=True)
        ]

    def rank(
        self,
        width: int,
        table: Ranked,
        weights: list[float],
        spread: float,
        config: dict[str, str],
    ) -> list[float]:
        """The truncated normal of SciPy between equal cuts."""
        places = []
        for influence in table.influences:
            legal = self.scenario.variables[parse_parent(influence.of)[0]].states
            place = (legal.index(config[influence.of]) + 0.5) / len(legal)
            places.append(1 - place if influence.against else place)
        mean = np.average(places, weights=weights)
        found = truncnorm((0 - mean) / spread, (1 - mean) / spread, mean, spread)
        return list(np.diff(found.cdf(np.linspace(0, 1, width + 1))))

    def compete(
        self,
        name: str,
        table: Hazards,
        probabilities: list[float],
        times: list[float],
        config: dict[str, str],
    ) -> list[float]:
        """One row by competing exponential waiting times."""
        states = self.scenario.variables[name].states
        memory = any(move.source for move in table.moves)
        source = config[earlier(name, 1)] if memory else states[0]
        hazard = dict.fromkeys(states, 0.0)
        for probability, move in zip(probabilities, table.moves, strict=True):
            if (move.source or states[0]) == source and holds(move.when, config):
                factor = prod(
                    value
                    for value, multiplier in zip(times, table.multipliers, strict=True)
                    if multiplier.source in (None, source)
                    and multiplier.target in (None, move.target)
                    and holds(multiplier.when, config)
                )
                hazard[move.target] += -log1p(-probability) * 7 / move.within * factor
        total = sum(hazard.values())
        row = [(1 - exp(-total)) * hazard[s] / total if total else 0.0 for s in states]
        row[states.index(source)] = exp(-total)
        return row


def holds(when: dict[str, Any], config: dict[str, str]) -> bool:
    allowed = {ref: (value,) if isinstance(value, str) else value for ref, value in when.items()}
    return all(config[reference] in states for reference, states in allowed.items())


def worst_of(rows: list[list[float]]) -> list[float]:
    """Distribution of the highest state among independent causes."""
    found = rows[0]
    for row in rows[1:]:
        highest = [0.0] * len(row)
        for (i, p), (j, q) in product(enumerate(found), enumerate(row)):
            highest[max(i, j)] += p * q
        found = highest
    return found


def random_parameters(program: TableProgram, seed: int, *draws: int) -> Numbers:
    rng, priors = np.random.default_rng(seed), program.priors
    found = {}
    if len(priors.probability):
        found["probability"] = rng.uniform(0.01, 0.95, (len(priors.probability), *draws))
    for width, rows in priors.rows.items():
        drawn = rng.dirichlet(np.ones(width), (len(rows), *draws))
        found[f"row_{width}"] = np.moveaxis(drawn, -1, 1)
    if len(priors.positive):
        found["positive"] = np.exp(rng.normal(0, 1, (len(priors.positive), *draws)))
    return found


CASES = [(seed, dynamic) for seed in range(40) for dynamic in (False, True)]


@pytest.mark.parametrize(("seed", "dynamic"), CASES)
def test_cells_equal_a_plain_loop(seed: int, dynamic: bool) -> None:
    scenario = random_scenario(seed, dynamic)
    program = compile_tables(scenario)
    parameters = random_parameters(program, seed)
    reader = Reader(scenario, parameters)
    expected = reader.cells(program)
    assert {f: n + 1 for f, n in reader.taken.items()} == {f: len(p) for f, p in parameters.items()}
    np.testing.assert_allclose(program.cells(parameters), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("seed", "dynamic"), CASES)
def test_many_draws_equal_one_at_a_time(seed: int, dynamic: bool) -> None:
    program = compile_tables(random_scenario(seed, dynamic))
    parameters = random_parameters(program, seed, 3)
    together = program.cells(parameters)
    for draw in range(3):
        alone = program.cells({name: part[..., draw] for name, part in parameters.items()})
        np.testing.assert_allclose(together[..., draw], alone, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(("seed", "dynamic"), CASES)
def test_rows_sum_to_one(seed: int, dynamic: bool) -> None:
    program = compile_tables(random_scenario(seed, dynamic))
    cells = program.cells(random_parameters(program, seed, 4))
    network, covered = program.network, 0
    for node in network.nodes:
        for block in {node.first, node.later} - {None}:
            table = cells[network.cells(block, node.name)].reshape(-1, len(node.states), 4)
            np.testing.assert_allclose(table.sum(1), 1, rtol=1e-12)
            covered += table.shape[0] * table.shape[1]
    assert covered == network.n_cells
    assert (cells >= -1e-15).all()


@pytest.mark.parametrize(("seed", "dynamic"), CASES[:4])
def test_graph_equals_numpy(seed: int, dynamic: bool) -> None:
    program = compile_tables(random_scenario(seed, dynamic))
    parameters = random_parameters(program, seed)
    flat, found = pt.vector(), program.expressions
    cells = TableCells()(flat, found.constants, found.steps, found.order)
    graph = pytensor.function([flat], cells, mode="FAST_COMPILE")
    np.testing.assert_allclose(
        graph(program.flatten(parameters)), program.cells(parameters), rtol=1e-14, atol=1e-15
    )


@pytest.mark.parametrize(("seed", "dynamic"), CASES)
def test_gradient_equals_differences(seed: int, dynamic: bool) -> None:
    program = compile_tables(random_scenario(seed, dynamic))
    flat = program.flatten(random_parameters(program, seed))
    found = program.expressions
    weight = np.random.default_rng(seed).normal(size=len(found.order))
    gradient = run_backwards(flat, found.constants, found.steps, found.order, weight)
    shifts = 1e-6 * np.eye(len(flat))
    ends = [weight @ found.run((flat + sign * shifts).T) for sign in (1, -1)]
    np.testing.assert_allclose(gradient, (ends[0] - ends[1]) / 2e-6, rtol=1e-5, atol=1e-6)


def test_a_scenario_without_uncertain_numbers() -> None:
    row = Row(exactly={"no": 0.2, "yes": 0.8}, basis=BASIS)
    variable = Variable(role="factor", label="v", states=("no", "yes"), table=Rows(rows=(row,)))
    program = compile_tables(scenario_of({"v": variable}, None))
    np.testing.assert_array_equal(program.cells({}), [0.2, 0.8])


def exit_chain(probabilities: dict[str, float], within: float, step: int) -> Array:
    """P(state) at the end of `within` days, for moves out of the first state alone."""
    states = ("in", *probabilities)
    start = Row(exactly=dict.fromkeys(states, 0.0) | {"in": 1.0}, basis=BASIS)
    moves = tuple(
        Move(source="in", target=target, within=within, probability=(0.1, 0.2), basis=BASIS)
        for target in probabilities
    )
    variable = Variable(
        role="factor",
        label="v",
        states=states,
        initial=Rows(rows=(start,)),
        transition=Hazards(moves=moves),
    )
    clock = Clock(start=date(2020, 1, 1), step=step, horizon=90)
    program = compile_tables(scenario_of({"v": variable}, clock))
    theta = program.cells({"probability": np.array(list(probabilities.values()))[:, None]})
    network = program.network
    n_steps = round(within / step) + 1
    return sweep(network, theta, network.no_evidence(n_steps), "smoothed").marginals[-1, :, 0]


@pytest.mark.parametrize(("within", "step"), [(90, 9), (90, 30), (90, 1), (91, 7), (30, 30)])
@pytest.mark.parametrize("probability", [1e-6, 0.05, 0.5, 0.999])
def test_a_hazard_is_the_probability_that_was_stated(
    within: float, step: int, probability: float
) -> None:
    np.testing.assert_allclose(
        exit_chain({"out": probability}, within, step), [1 - probability, probability], rtol=1e-9
    )


@pytest.mark.parametrize("step", [9, 30])
@pytest.mark.parametrize("seed", range(5))
def test_competing_hazards_have_their_closed_form(seed: int, step: int) -> None:
    probability = np.random.default_rng(seed).uniform(0.01, 0.9, 3)
    rate = -np.log1p(-probability) / 90
    stay = np.prod(1 - probability)
    expected = [stay, *((1 - stay) * rate / rate.sum())]
    found = exit_chain(dict(zip("abc", probability.tolist(), strict=True)), 90, step)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def static(table: Any, states: tuple[str, ...] = ("no", "yes"), n_parents: int = 1) -> Scenario:
    """Parents of two states and one variable with the table."""
    fair = Rows(rows=(Row(exactly={"u": 0.5, "v": 0.5}, basis=BASIS),))
    variables = {
        f"p{k}": Variable(role="factor", label="p", states=("u", "v"), table=fair)
        for k in range(n_parents)
    }
    variables["x"] = Variable(role="factor", label="x", states=states, table=table)
    return scenario_of(variables, None)


def ratio(state: str, parent: int = 0) -> Ratio:
    return Ratio(when={f"p{parent}": "u"}, state=state, times=(0.2, 0.4), basis=BASIS)


@pytest.mark.parametrize(
    ("scenario", "message"),
    [
        (
            static(
                LikelihoodRatios(
                    base=Row(exactly={"no": 0.0, "yes": 1.0}, basis=BASIS), ratios=(ratio("yes"),)
                )
            ),
            "no ratio names have a base rate of 0",
        ),
        (
            static(
                LikelihoodRatios(
                    base=Row(exactly={"no": 0.5, "yes": 0.5}, basis=BASIS),
                    ratios=(ratio("no"), ratio("yes")),
                )
            ),
            "name every state",
        ),
        (
            static(
                LikelihoodRatios(
                    base=Row(exactly={"no": 0.5, "yes": 0.5}, basis=BASIS),
                    ratios=tuple(ratio("yes", k) for k in range(26)),
                ),
                n_parents=26,
            ),
            "26 parents make 134,217,728 cells",
        ),
        (
            static(
                Hazards(moves=(Move(target="yes", within=7, probability=(0.1, 0.2), basis=BASIS),))
            ),
            "has no hazards",
        ),
        (
            static(
                Ranked(
                    influences=(Influence(of="p0", weight=(1e-300, 1e300), basis=BASIS),),
                    spread=Quantity(between=(0.1, 0.2), basis=BASIS),
                )
            ),
            "needs ends from 1e-09 to 1,000,000,000",
        ),
    ],
)
def test_tables_that_cannot_be_are_refused(scenario: Scenario, message: str) -> None:
    found = [text for _, text in find_problems(scenario)]
    assert any(re.search(message, text) for text in found), found
    with pytest.raises(InputError, match=message):
        compile_tables(scenario)


def test_rows_of_ratios_sum_to_one_where_probabilities_underflow() -> None:
    base = Row(concentration=dict.fromkeys(("a", "b", "c"), 0.05), basis=BASIS)
    times = Ratio(when={"p0": "u"}, state="c", times=(1.0, 1.5), basis=BASIS)
    program = compile_tables(
        static(LikelihoodRatios(base=base, ratios=(times,)), states=("a", "b", "c"))
    )
    rows = np.random.default_rng(0).dirichlet([0.05] * 3, size=5000).T[None]
    cells = program.cells({"row_3": rows, "positive": np.full((1, 5000), 1.2)})
    np.testing.assert_allclose(cells[2:].reshape(2, 3, -1).sum(axis=1), 1, rtol=1e-12)


@pytest.mark.parametrize("end", [None, [1], {}, "much", True, 10**400])
def test_an_interval_is_two_numbers(end: Any) -> None:
    with pytest.raises(InputError, match=r"Ratio\.times"):
        Ratio.model_validate({"when": {"a": "b"}, "state": "x", "times": [end, 2], "basis": BASIS})


def test_a_new_form_of_table_is_one_class() -> None:
    """Files, checks, the schema and the compiled program know it once it is there."""
    known = TableForm.known

    class Copy(TableForm):
        """The variable copies its parent, but for slips in both directions."""

        form: Literal["copy"] = "copy"
        of: str
        slip: Probability
        basis: Basis

        def references(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
            yield ("of",), self.of

        def faults(self, name: str, variables: Any, *, resolved: bool) -> Iterator[Any]:
            yield from self.slip.check(("slip",))
            if resolved and len(variables[name].states) != 2:
                yield ("of",), "only a variable of two states is copied"

        def cells(self, write: Any, name: str, parents: Any, label: str) -> Iterator[Any]:
            slip = write.beta(self.slip.fit().shape, f"{label}: slip")
            right = write.difference(write.constant(1.0), slip)
            yield from (right, slip, slip, right)

    try:
        body = {"form": "copy", "of": "p0", "slip": [0.01, 0.1], "basis": BASIS}
        scenario = static(body)
        program = compile_tables(scenario)
        parameters = random_parameters(program, 1, 3)
        slip = parameters["probability"][program.priors.labels["probability"].index("x: slip")]
        block = program.network.node("x").later
        cells = program.cells(parameters)[program.network.cells(block, "x")]
        np.testing.assert_array_equal(cells, [1 - slip, slip, slip, 1 - slip])
        text = render_scenario(scenario, "scenario.schema.json")
        assert parse_scenario(text, "copied") == scenario
        assert "copy" in str(Scenario.model_json_schema()["$defs"]["Copy"])
        with pytest.raises(InputError, match=r"slip: \[0.1, 0.01\]: the lower end comes first"):
            parse_scenario(text.replace("[0.01, 0.1]", "[0.1, 0.01]"), "copied")
        with pytest.raises(InputError, match="'p7' is not a variable"):
            parse_scenario(text.replace("of: p0", "of: p7"), "copied")
        with pytest.raises(InputError, match="only a variable of two states is copied"):
            compile_tables(static(body, states=("no", "some", "yes")))
    finally:
        TableForm.known = known
        forget_schemas()


def of_one_week(row: dict[str, Any]) -> tuple[TableProgram, Array]:
    """A scenario whose sign has one row, and the probabilities of one week, (state, draw)."""
    states = ("none", "wounded", "killed")
    table = {"form": "rows", "rows": ({**row, "basis": BASIS},)}
    sign = Variable.model_validate(
        {"role": "indicator", "label": "sign", "states": states, "table": table}
    )
    program = compile_tables(scenario_of({"sign": sign}))
    draws = draw_priors(program.priors, 50, 1)
    parameters = {name: draws[name] for name in program.priors.labels if name in draws}
    return program, program.cells(parameters).reshape(3, -1)


def test_thirteen_weeks_come_to_what_a_row_says_of_ninety_one_days():
    concentration = {"none": 3.0, "wounded": 2.0, "killed": 1.0}
    program, week = of_one_week({"concentration": concentration, "within": 91.0})
    [label] = program.priors.labels["row_3"]
    assert label == "sign within 91 days"
    upto = np.cumsum(week, axis=0) ** 13
    _, stated = of_one_week({"concentration": concentration})
    assert np.diff(upto, axis=0, prepend=0) == pytest.approx(stated, abs=1e-12)
    _, exact = of_one_week({"exactly": {"none": 0.3, "wounded": 0.7, "killed": 0.0}, "within": 14})
    assert exact.ravel() == pytest.approx([0.3**0.5, 1 - 0.3**0.5, 0], abs=1e-12)
    assert exact[2] == 0


def test_rows_about_several_days_are_refused_where_the_last_step_has_a_say():
    row = {"concentration": {"no": 1.0, "yes": 1.0}, "within": 90.0, "basis": BASIS}
    labels = {"role": "indicator", "label": "x", "states": ("no", "yes")}
    table = {"form": "rows", "rows": (row,)}
    lasting = Variable.model_validate({**labels, "table": table, "kind": "standing"})
    [(path, message)] = find_problems(scenario_of({"x": lasting}))
    assert path == ("variables", "x", "table", "rows", 0, "within")
    assert "standing" in message
    static = Variable.model_validate({**labels, "table": table})
    assert "no days" in next(find_problems(scenario_of({"x": static}, None)))[1]
    past = tuple({**row, "when": {"previous x": state}} for state in ("no", "yes"))
    own = Variable.model_validate(
        {**labels, "initial": table, "transition": {"form": "rows", "rows": past}}
    )
    found = [message for _, message in find_problems(scenario_of({"x": own}))]
    assert found == ["x depends on its own past; state the row of one step"] * 2
