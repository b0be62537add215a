"""Tables, likelihoods and the log evidence as PyTensor operations, with their exact gradients.

The log evidence comes together with its derivatives with respect to the table
cells and to the log-likelihoods. The gradient that a sampler asks for is then already there:
expected counts divided by the cells, and the smoothed probabilities of the states.

The expressions of the tables and the elimination are inputs like any other, so what is compiled is
the same for every scenario, every network and every set of observed variables.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.jax.ops import JAXOp
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from forecast.frozen import writable
from forecast.model import expressions
from forecast.model.densities import NUMBERS
from forecast.model.target import (
    evaluate,
    number_densities,
    number_gradient,
    report_gradient,
    report_log_like,
    table_cells,
)
from forecast.network import compiling


class _Operation(JAXOp):  # type: ignore[misc]
    """An operation that is one compiled loop; everything it needs is among its inputs.

    It is a `JAXOp` only in that PyTensor's JAX backend asks such an operation for `perform_jax`
    when it compiles a graph; until then nothing imports JAX.
    """

    __props__ = ()
    name = None
    results: tuple[Any, ...]

    def __init__(self) -> None:
        """Hold nothing: the operation is the same for every scenario and network."""

    def make_node(self, *inputs: Any) -> Apply:
        """Apply the operation."""
        given = [pt.as_tensor_variable(part) for part in inputs]
        return Apply(self, given, [result() for result in self.results])

    def perform(self, node: Apply, inputs: Any, output_storage: Any) -> None:
        """Evaluate outside compiled graphs."""
        found = _KERNELS[type(self)](*map(writable, inputs))
        values = found if len(self.results) > 1 else (found,)
        for storage, value in zip(output_storage, values, strict=True):
            storage[0] = np.asarray(value)

    def perform_jax(self, *inputs: Any) -> Any:
        """Evaluate within JAX."""
        from forecast.model import operation_jax

        return getattr(operation_jax, _KERNELS[type(self)].__name__)(*inputs)


class LogEvidence(_Operation):
    """log Z of a network, given its table cells and the log-likelihood of every state.

    Inputs: ``theta``, shape (cell,); ``log_like``, shape (step, column); and the elimination as
    `slices.pack_circuits` gives it. Outputs: the log evidence, and its derivatives with respect to
    the first two inputs, in their shapes. The derivative with respect to a cell that is exactly
    zero is given as zero: such a cell is structure, not a parameter.
    """

    gufunc_signature = "(c),(t,s),(e)->(),(c),(t,s)"
    results = (pt.dscalar, pt.dvector, pt.dmatrix)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Gradient of the first output; the others are not differentiated again."""
        _, by_theta, by_log_like = outputs
        return [
            cotangents[0] * by_theta,
            cotangents[0] * by_log_like,
            disconnected_type(),
        ]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only the log evidence is differentiable, and not with respect to the elimination."""
        return [[True, False, False], [True, False, False], [False, False, False]]


class TableCells(_Operation):
    """Table cells, (cell,), from parameters.

    Inputs: parameters, (parameter,); then ``constants``, ``steps`` and ``order`` of an
    `ExpressionProgram`.
    """

    gufunc_signature = "(p),(k),(s,o),(c)->(c)"
    results = (pt.dvector,)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Gradient by the parameters."""
        gradient = TableGradient()(*inputs, cotangents[0])
        return [gradient, *(disconnected_type() for _ in inputs[1:])]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only the parameters can be differentiated by."""
        return [[True], *([False] for _ in node.inputs[1:])]


class TableGradient(_Operation):
    """Gradient by the parameters, (parameter,); inputs as `TableCells`, then that by the cells."""

    gufunc_signature = "(p),(k),(s,o),(c),(c)->(p)"
    results = (pt.dvector,)


class ReportLikelihood(_Operation):
    """Log-likelihoods, (step, column), from what was reported.

    Inputs: trust, (probability,); log-densities of numbers, (number, state); then the fields of
    `ReportArrays`.
    """

    results = (pt.dmatrix,)

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Gradient by trust and densities."""
        gradient = ReportGradient()(*inputs[:2], cotangents[0], *inputs[2:])
        return [*gradient, *(disconnected_type() for _ in inputs[2:])]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only trust and densities can be differentiated by."""
        return [[True], [True], *([False] for _ in node.inputs[2:])]


class ReportGradient(_Operation):
    """Gradient by trust and by densities; inputs as `ReportLikelihood`, its gradient the third."""

    results = (pt.dvector, pt.dmatrix)


class NumberDensity(_Operation):
    """Log-density of every number, or log-probability of a range, by state, (number, state).

    Inputs: positive parameters, real ones; then what `densities.NUMBERS` names.
    """

    results = (pt.dmatrix,)

    def infer_shape(self, node: Apply, shapes: Any) -> list[Any]:
        """As many rows and columns as there are locations; JAX has to know."""
        return [shapes[2 + NUMBERS.index("location")]]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Gradient by the parameters."""
        gradient = NumberGradient()(*inputs[:2], cotangents[0], *inputs[2:])
        return [*gradient, *(disconnected_type() for _ in inputs[2:])]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only parameters can be differentiated by."""
        return [[True], [True], *([False] for _ in node.inputs[2:])]


class NumberGradient(_Operation):
    """Gradient by positive and real parameters; inputs as `NumberDensity`, its gradient third."""

    results = (pt.dvector, pt.dvector)


_KERNELS: dict[Any, Any] = {
    LogEvidence: evaluate,
    TableCells: table_cells,
    TableGradient: expressions.run_backwards,
    ReportLikelihood: report_log_like,
    ReportGradient: report_gradient,
    NumberDensity: number_densities,
    NumberGradient: number_gradient,
}


def _compile(op: Op, **_: Any) -> Any:
    # PyTensor keeps compiled code by the name of an operation, whatever became of its source.
    return _KERNELS[type(op)], compiling.sources_stamp()


for _operation in _KERNELS:
    register_funcify_default_op_cache_key(_operation)(_compile)
