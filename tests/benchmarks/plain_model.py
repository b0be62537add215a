"""The shipped kind of scenario in plain PyMC: the forward algorithm as a `scan` over steps.

This is what one writes without the engine: the library's priors; its tables, written as arrays of
steps; and factors over named axes, multiplied and summed out one variable after another. What
does not depend on the message (indicators, inputs) is done for all steps at once, outside the
scan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

from forecast.evidence.events import last_step
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import ReportTable, tabulate_reports
from forecast.evidence.profiles import report_making
from forecast.evidence.sources import admiralty_grades
from forecast.model import expressions as ops
from forecast.model.builder import compile_tables
from forecast.model.tables import TableProgram
from forecast.model.usual_reports import usual_statements
from forecast.network.structure import Block, Network, Node
from forecast.scenario.scenario import Scenario

TIME = "time"


class Factor(NamedTuple):
    """A tensor with a name for each axis."""

    axes: tuple[str, ...]
    values: Any


def build_plain_model(scenario: Scenario, evidence: Evidence) -> pm.Model:
    """Build the model of `forecast.build_model` without its engine."""
    program = compile_tables(scenario)
    assert not report_making(scenario), "only the engine takes the making of reports into account"
    table = tabulate_reports(scenario, evidence, last_step(scenario, evidence) + 1)
    assert not table.auxiliaries, "only the engine sums over dates and channels"
    network = program.network.relevant_to(table.observed)
    with pm.Model() as model:
        parameters = _priors(program)
        shapes = np.array([grade.shape for grade in admiralty_grades()])
        accuracy = pm.Beta("accuracy", shapes[:, 0], shapes[:, 1])
        theta = table_cells(program.expressions, program.flatten(parameters, pt))
        likelihood = _likelihoods(program, table, accuracy)
        by_name = {name: likelihood[:, program.network.states(name)] for name in network.names}
        pm.Potential("evidence", log_evidence(network, theta, by_name, len(table.arrays.settings)))
    return model


def _priors(program: TableProgram) -> dict[str, Any]:
    priors = program.priors
    parameters: dict[str, Any] = {"probability": pm.Beta("probability", *priors.probability.T)}
    for width, concentration in priors.rows.items():
        parameters[f"row_{width}"] = pm.Dirichlet(f"row_{width}", concentration)
    if len(priors.positive):
        parameters["positive"] = pm.LogNormal("positive", *priors.positive.T)
    return parameters


def table_cells(program: ops.ExpressionProgram, parameters: Any) -> Any:
    """Table cells in plain PyTensor: all steps of one kind and depth at once."""
    depth = np.zeros(program.n_parameters + len(program.constants) + len(program.steps), int)
    first = len(depth) - len(program.steps)
    for k, (_, a, b) in enumerate(program.steps):
        depth[first + k] = 1 + max(depth[a], depth[b])
    place = np.arange(len(depth))
    memory = pt.concatenate([parameters, program.constants])
    size = first
    for level in range(1, depth.max() + 1):
        parts = [memory]
        for kind, formula in FORMULAS.items():
            at = np.flatnonzero((depth[first:] == level) & (program.steps[:, 0] == kind))
            if len(at):
                left, right = place[program.steps[at, 1:]].T
                parts.append(formula(memory[left], memory[right]))
                place[first + at] = size + np.arange(len(at))
                size += len(at)
        memory = pt.concatenate(parts)
    return memory[place[program.order]]


FORMULAS = {
    ops.ADD: lambda a, b: a + b,
    ops.SUBTRACT: lambda a, b: a - b,
    ops.MULTIPLY: lambda a, b: a * b,
    ops.DIVIDE: lambda a, b: a / b,
    ops.HAZARD: lambda a, b: -pt.log1p(-pt.clip(a, ops.NEVER, 1 - ops.NEVER)),
    ops.STAY: lambda a, b: pt.exp(-a),
    ops.SHARE: lambda a, b: -pt.expm1(-a) / a,
}


def _likelihoods(program: TableProgram, table: ReportTable, accuracy: Any) -> Any:
    """Likelihood of every state at every step, (step, state)."""
    arrays, width = table.arrays, table.given.shape[1]
    report, statement = arrays.version_report, arrays.version_statement
    value, states = arrays.value[report].astype(int), np.arange(width)
    worse = arrays.version_at_least[:, None].astype(bool) & (states >= value[:, None])
    named = pm.Data("named", (value[:, None] == states) | worse)
    usual = pm.Data("usual", usual_statements(program, table)[0][statement, value])[:, None]
    a = accuracy[pm.Data("statement_accuracy", arrays.statement_accuracy[statement])][:, None]
    by_version = a * named + (1 - a) * usual
    own = accuracy[pm.Data("own_accuracy", arrays.version_accuracy)]
    total = pt.zeros(len(arrays.statement_states))[statement].inc(own / (1 - own))
    share = (own / (1 - own) / total[statement])[:, None]
    empty = pt.zeros((len(arrays.statement_states), width))
    by_statement = empty[statement].inc(share * by_version)
    states = states < arrays.statement_states[arrays.place_statement][:, None]
    cells = np.where(states, arrays.place[:, None] + np.arange(width), arrays.settings.size)
    count = pm.Data("place_count", arrays.place_count)[:, None]
    added = count * pt.log(by_statement[arrays.place_statement])
    log_like = pt.concatenate([pm.Data("settings", arrays.settings).ravel(), [0.0]])
    log_like = pt.inc_subtensor(log_like[cells.ravel()], added.ravel())
    return pt.exp(log_like[:-1]).reshape(arrays.settings.shape)


def log_evidence(network: Network, theta: Any, like: Mapping[str, Any], n_steps: int) -> Any:
    """Log-probability of the evidence, by the forward algorithm.

    Parameters
    ----------
    network
        Structure; every variable without a table has one possible state at each step.
    theta
        Table cells, (cell,).
    like
        Likelihood of the states of each variable, (step, state).
    n_steps
        Number of steps, at least 2.
    """
    keep = network.interface
    sizes = {name: size for name in network.names for size in [network.sizes[name]]}
    sizes |= {_previous(name): network.sizes[name] for name in keep}
    shape = [network.sizes[name] for name in keep]
    start = [
        Factor(axes[1:], values[0]) if TIME in axes else Factor(axes, values)
        for axes, values in _step_factors(network, theta, like, first=True)
    ]
    message = _eliminate(start, keep, sizes).values
    total = message.sum()
    later = _step_factors(network, theta, like, first=False)
    moving = [factor for factor in later if TIME in factor.axes]
    still = [factor for factor in later if TIME not in factor.axes]

    def step(*given: Any) -> tuple[Any, Any]:
        now, message, fixed = given[: len(moving)], given[len(moving)], given[len(moving) + 1 :]
        factors = [Factor(f.axes[1:], v) for f, v in zip(moving, now, strict=True)]
        factors += [Factor(f.axes, v) for f, v in zip(still, fixed, strict=True)]
        factors.append(Factor(tuple(map(_previous, keep)), pt.specify_shape(message, shape)))
        after = _eliminate(factors, keep, sizes).values
        total = after.sum()
        return after / total, pt.log(total)

    _, logs = pytensor.scan(
        step,
        sequences=[factor.values[1:] for factor in moving],
        outputs_info=[message / total, None],
        non_sequences=[factor.values for factor in still],
        n_steps=n_steps - 1,
        strict=True,
        return_updates=False,
    )
    return pt.log(total) + logs.sum()


def _previous(name: str) -> str:
    return f"previous {name}"


def _step_factors(
    network: Network, theta: Any, like: Mapping[str, Any], *, first: bool
) -> list[Factor]:
    """One factor for each table, evidence and inputs taken in; most get a time axis, first."""
    nodes = [node for node in network.nodes if node.first is not None]
    parents = {parent for node in nodes for parent, lag in _block(node, first).parents if not lag}
    parents |= set(network.interface)
    factors = []
    for node in nodes:
        block = _block(node, first)
        factor = _table(network, node, block, theta)
        for parent, lag in block.parents:
            if network.node(parent).first is None and not lag:
                factor = _sum_out(_multiply(Factor((TIME, parent), like[parent]), factor), parent)
        factor = _multiply(Factor((TIME, node.name), like[node.name]), factor)
        factors.append(factor if node.name in parents else _sum_out(factor, node.name))
    return factors


def _block(node: Node, first: bool) -> Block:
    block = node.first if first else node.later
    assert block is not None
    return block


def _table(network: Network, node: Node, block: Block, theta: Any) -> Factor:
    axes = (*(_previous(parent) if lag else parent for parent, lag in block.parents), node.name)
    cells = theta[network.cells(block, node.name)]
    return Factor(axes, cells.reshape(network.table_shape(block, node.name)))


def _multiply(left: Factor, right: Factor) -> Factor:
    axes = tuple(dict.fromkeys((*left.axes, *right.axes)))

    def spread(factor: Factor) -> Any:
        return factor.values.dimshuffle(
            [factor.axes.index(axis) if axis in factor.axes else "x" for axis in axes]
        )

    return Factor(axes, spread(left) * spread(right))


def _sum_out(factor: Factor, axis: str) -> Factor:
    place = factor.axes.index(axis)
    return Factor((*factor.axes[:place], *factor.axes[place + 1 :]), factor.values.sum(axis=place))


def _eliminate(
    factors: Sequence[Factor], keep: tuple[str, ...], sizes: Mapping[str, int]
) -> Factor:
    """Sum out, one after another, the axis that makes the smallest product."""
    live = list(factors)

    def product_size(axis: str) -> int:
        joint = {other for factor in live if axis in factor.axes for other in factor.axes}
        return prod(sizes[other] for other in joint)

    waiting = {axis for factor in live for axis in factor.axes} - set(keep)
    while waiting:
        axis = min(sorted(waiting), key=product_size)
        together = [factor for factor in live if axis in factor.axes]
        live = [factor for factor in live if axis not in factor.axes]
        live.append(_sum_out(_product(together), axis))
        waiting.remove(axis)
    whole = _product(live)
    return Factor(keep, whole.values.transpose([whole.axes.index(axis) for axis in keep]))


def _product(factors: Sequence[Factor]) -> Factor:
    """Multiply, smallest first."""
    first, *rest = sorted(factors, key=lambda factor: len(factor.axes))
    for factor in rest:
        first = _multiply(first, factor)
    return first
