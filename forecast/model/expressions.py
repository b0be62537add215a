"""Expressions from parameters to table cells as a Wengert list, with reverse-mode gradients.

Every form of table is a few sums, products and quotients, with an exponential or a normal
distribution function here and there. They are written as one list of steps, each with an
operation, one or two operands and a fresh cell for its result. Run forwards for many draws at once
it gives the tables; run backwards it gives the gradient that a sampler needs (Griewank and
Walther: Evaluating Derivatives, SIAM 2008). The list is data, so nothing is compiled for a new
scenario: that is why it is ours and not a graph of PyTensor's or JAX's.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import accumulate
from typing import Final

import numpy as np
import numpy.typing as npt

from forecast.arrays import Array
from forecast.frozen import Frozen, writable
from forecast.network.compiling import compiled, compiled_within
from forecast.scenario.forms.form import Expression

Steps = npt.NDArray[np.int32]
"""A family of parameters, "constant" or "step", and a number in it."""

ADD: Final = 0
SUBTRACT: Final = 1
MULTIPLY: Final = 2
DIVIDE: Final = 3
HAZARD: Final = 4
"""-log(1 - a): the hazard of a probability, which is kept away from 0 and 1."""
STAY: Final = 5
"""exp(-a): the probability that nothing happens under a hazard."""
SHARE: Final = 6
"""(1 - exp(-a)) / a: what turns competing hazards into probabilities."""
BETWEEN: Final = 7
"""Mass of the standard normal distribution between a and b."""
AT_LEAST: Final = 8
"""a, but no less than b."""
AT_MOST: Final = 9
"""a, but no more than b."""

NEVER: Final = 1e-15
"""Probabilities of moves are kept this far from 0 and 1, where a hazard has no logarithm."""
TOGETHER: Final = 128
"""Draws whose cells are computed together: they stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class ExpressionProgram(Frozen):
    """A Wengert list: from parameters to table cells.

    Memory holds the parameters, then the constants, then one cell for the result of each step.

    Attributes
    ----------
    steps
        Operation, first and second operand of each step, (step, 3).
    constants
        Numbers that are known exactly.
    order
        Where each table cell lies in memory, (cell,).
    n_parameters
        How many numbers the program is given.
    """

    steps: Steps
    constants: Array
    order: Steps
    n_parameters: int

    def run(self, parameters: Array) -> Array:
        """Table cells, (cell, draw), from parameters, (parameter, draw)."""
        cells = np.empty((len(self.order), parameters.shape[1]))
        run_forwards(
            writable(parameters),
            writable(self.constants),
            writable(self.steps),
            writable(self.order),
            cells,
        )
        return cells


class ExpressionWriter:
    """Writes an expression program; common subexpressions are written once.

    Examples
    --------
    >>> writer = ExpressionWriter()
    >>> probability = ("probability", 0)
    >>> other = writer.step(SUBTRACT, writer.constant(1.0), probability)
    >>> finished = writer.finish({"probability": 1}, [other, probability])
    >>> finished.run(np.array([[0.2, 0.7]])).round(2).tolist()
    [[0.8, 0.3], [0.2, 0.7]]
    """

    def __init__(self) -> None:
        self.constants: dict[float, int] = {}
        self.steps: list[tuple[int, Expression, Expression]] = []
        self._written: dict[tuple[int, Expression, Expression], Expression] = {}

    def constant(self, value: float) -> Expression:
        """Cell of a number that is known exactly."""
        return "constant", self.constants.setdefault(value, len(self.constants))

    def step(self, operation: int, a: Expression, b: Expression | None = None) -> Expression:
        """Cell of a result; an operation on one cell has no second operand."""
        key = operation, a, a if b is None else b
        if key not in self._written:
            self._written[key] = ("step", len(self.steps))
            self.steps.append(key)
        return self._written[key]

    def sum(self, cells: Iterable[Expression]) -> Expression:
        """Cell of the sum of at least one cell."""
        return reduce(lambda a, b: self.step(ADD, a, b), cells)

    def product(self, cells: Iterable[Expression]) -> Expression:
        """Cell of the product of at least one cell."""
        return reduce(lambda a, b: self.step(MULTIPLY, a, b), cells)

    def finish(self, sizes: Mapping[str, int], cells: Sequence[Expression]) -> ExpressionProgram:
        """Put everything in its place.

        Parameters
        ----------
        sizes
            Number of parameters of each family, in the order in which they are given.
        cells
            The cells that the program computes.
        """
        sizes = {**sizes, "constant": len(self.constants), "step": len(self.steps)}
        starts = dict(zip(sizes, accumulate([0, *sizes.values()]), strict=False))

        def at(cell: Expression) -> int:
            return starts[cell[0]] + cell[1]

        steps = [(operation, at(a), at(b)) for operation, a, b in self.steps]
        return ExpressionProgram(
            steps=np.array(steps, dtype=np.int32).reshape(len(steps), 3),
            constants=np.array(list(self.constants), dtype=np.float64),
            order=np.array([at(cell) for cell in cells], dtype=np.int32),
            n_parameters=starts["constant"],
        )


@compiled_within
def _apply(operation: int, a: float, b: float) -> float:
    if operation == ADD:
        return a + b
    if operation == SUBTRACT:
        return a - b
    if operation == MULTIPLY:
        return a * b
    if operation == DIVIDE:
        return a / b
    if operation == HAZARD:
        return -math.log1p(-min(max(a, NEVER), 1 - NEVER))
    if operation == STAY:
        return math.exp(-a)
    if operation == SHARE:
        return -math.expm1(-a) / a
    if operation == BETWEEN:
        # On the side where the distribution function is small, differences keep their digits.
        side = -1.0 if a + b > 0 else 1.0
        root = math.sqrt(2.0)
        return 0.5 * side * (math.erfc(-side * b / root) - math.erfc(-side * a / root))
    if operation == AT_LEAST:
        return max(a, b)
    return min(a, b)


@compiled_within
def _partials(operation: int, a: float, b: float, result: float) -> tuple[float, float]:
    """Derivatives of a step's result by its operands."""
    if operation == ADD:
        return 1.0, 1.0
    if operation == SUBTRACT:
        return 1.0, -1.0
    if operation == MULTIPLY:
        return b, a
    if operation == DIVIDE:
        return 1.0 / b, -result / b
    if operation == HAZARD:
        inside = NEVER < a < 1 - NEVER
        return 1.0 / (1.0 - a) if inside else 0.0, 0.0
    if operation == STAY:
        return -result, 0.0
    if operation == SHARE:
        return (math.exp(-a) - result) / a if a > 1e-5 else -0.5 + a / 3.0, 0.0
    if operation == BETWEEN:
        scale = 1.0 / math.sqrt(2.0 * math.pi)
        return -scale * math.exp(-0.5 * a * a), scale * math.exp(-0.5 * b * b)
    if operation == AT_LEAST:
        return (1.0, 0.0) if a >= b else (0.0, 1.0)
    return (1.0, 0.0) if a <= b else (0.0, 1.0)


@compiled
def run_forwards(
    parameters: Array, constants: Array, steps: Steps, order: Steps, cells: Array
) -> None:
    """Fill table cells, (cell, draw), from parameters, (parameter, draw)."""
    n_given = parameters.shape[0]
    n_known = n_given + constants.shape[0]
    memory = np.empty((n_known + steps.shape[0], min(TOGETHER, parameters.shape[1])))
    for start in range(0, parameters.shape[1], TOGETHER):
        n = min(TOGETHER, parameters.shape[1] - start)
        memory[:n_given, :n] = parameters[:, start : start + n]
        for c in range(constants.shape[0]):
            memory[n_given + c, :n] = constants[c]
        for k in range(steps.shape[0]):
            operation, a, b = steps[k, 0], memory[steps[k, 1]], memory[steps[k, 2]]
            result = memory[n_known + k]
            if operation == MULTIPLY:
                for d in range(n):
                    result[d] = a[d] * b[d]
            else:
                for d in range(n):
                    result[d] = _apply(operation, a[d], b[d])
        for k in range(order.shape[0]):
            cells[k, start : start + n] = memory[order[k], :n]


@compiled_within
def run_once(parameters: Array, constants: Array, steps: Steps) -> Array:
    """Memory after one run, for a single draw, (parameter,)."""
    n_given = parameters.shape[0]
    n_known = n_given + constants.shape[0]
    memory = np.empty(n_known + steps.shape[0])
    memory[:n_given] = parameters
    memory[n_given:n_known] = constants
    for k in range(steps.shape[0]):
        memory[n_known + k] = _apply(steps[k, 0], memory[steps[k, 1]], memory[steps[k, 2]])
    return memory


@compiled
def run_backwards(
    parameters: Array, constants: Array, steps: Steps, order: Steps, by_cell: Array
) -> Array:
    """Gradient by the parameters, (parameter,), from that by the table cells, (cell,)."""
    memory = run_once(parameters, constants, steps)
    n_given = parameters.shape[0]
    n_known = n_given + constants.shape[0]
    adjoints = np.zeros(memory.shape[0])
    for k in range(order.shape[0]):
        adjoints[order[k]] += by_cell[k]
    for k in range(steps.shape[0] - 1, -1, -1):
        adjoint = adjoints[n_known + k]
        if adjoint != 0.0:
            a, b = steps[k, 1], steps[k, 2]
            by_a, by_b = _partials(steps[k, 0], memory[a], memory[b], memory[n_known + k])
            adjoints[a] += adjoint * by_a
            adjoints[b] += adjoint * by_b
    return adjoints[:n_given].copy()
