"""Tables, likelihoods and the log evidence as PyTensor operations, with their exact gradients.

The log evidence comes together with its derivatives with respect to the table
cells and to the log-likelihoods. The gradient that a sampler asks for is then already there:
expected counts divided by the cells, and the smoothed probabilities of the states.

The expressions of the tables and the compiled elimination are inputs like any other, so the
compiled function is the same for every scenario, network and set of observed variables.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pytensor.tensor as pt
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.jax.ops import JAXOp
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from forecast.evidence.likelihood import ReportArrays
from forecast.inference import expressions, kernels, ranges, report_likelihood, single
from forecast.inference.densities import RANGES
from forecast.inference.kernels import Packed

if TYPE_CHECKING:
    from collections.abc import Callable

    def _compiled[F: Callable[..., Any]](function: F) -> F: ...

else:
    import numba

    _compiled = numba.njit(nogil=True, cache=True)

Array = npt.NDArray[np.float64]


@_compiled
def evaluate(theta: Array, log_like: Array, packed: Packed) -> tuple[Array, Array, Array]:
    """The outputs of `LogEvidence`."""
    like, numbers = np.ascontiguousarray(log_like), np.ascontiguousarray(packed)
    regimes = np.zeros(like.shape[0], dtype=np.int64)
    total, by_theta, by_like = 0.0, np.zeros(theta.shape[0]), like
    for logarithmic in (False, True):
        tables = np.empty((1, theta.shape[0]))
        for i in range(theta.shape[0]):
            tables[0, i] = np.log(theta[i]) if logarithmic else theta[i]
        log_norm, by_like, _, counts, unsafe = single.sweep_one(
            tables, regimes, like, numbers, kernels.SMOOTHED, logarithmic
        )
        if logarithmic or not unsafe:
            total = log_norm.sum()
            for i in range(theta.shape[0]):
                by_theta[i] = counts[0, i] / theta[i] if theta[i] > 0.0 else 0.0
            break
    return np.asarray(total), by_theta, by_like


@_compiled
def table_cells(
    parameters: Array, constants: Array, steps: expressions.Steps, order: expressions.Steps
) -> Array:
    """Table cells of a single draw, (cell,)."""
    memory = expressions.run_once(parameters, constants, steps)
    return memory[order]


@_compiled
def report_log_like(trust: Array, density: Array, *reports: Any) -> Array:
    """Log-likelihoods for a single draw, (step, column)."""
    found = report_likelihood.report_log_likelihoods(
        np.ascontiguousarray(trust).reshape(trust.shape[0], 1),
        np.ascontiguousarray(density).reshape(density.shape[0], density.shape[1], 1),
        ReportArrays(*reports),
    )
    return np.ascontiguousarray(found[:, :, 0])


@_compiled
def report_gradient(
    trust: Array, density: Array, by_log_like: Array, *reports: Any
) -> tuple[Array, Array]:
    """The outputs of `ReportGradient`."""
    return report_likelihood.report_gradient(trust, density, ReportArrays(*reports), by_log_like)


@_compiled
def range_densities(positive: Array, real: Array, *numbers: Any) -> Array:
    """Log-probabilities of ranges for a single draw, (range, state)."""
    found = ranges.log_ranges(
        np.ascontiguousarray(positive).reshape(positive.shape[0], 1),
        np.ascontiguousarray(real).reshape(real.shape[0], 1),
        *numbers,
    )
    return np.ascontiguousarray(found[:, :, 0])


@_compiled
def range_gradient(
    positive: Array, real: Array, by_range: Array, *numbers: Any
) -> tuple[Array, Array]:
    """The outputs of `RangeGradient`."""
    return ranges.gradient_of_ranges(positive, real, by_range, *numbers)


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
        found = _KERNELS[type(self)](*inputs)
        values = found if len(self.results) > 1 else (found,)
        for storage, value in zip(output_storage, values, strict=True):
            storage[0] = np.asarray(value)

    def perform_jax(self, *inputs: Any) -> Any:
        """Evaluate within JAX."""
        from forecast.inference import operation_jax

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

    Inputs: trust, (chance,); log-densities of numbers, (number, state); then the fields of
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


class RangeDensity(_Operation):
    """Log-probability of every range under each state, (range, state).

    Inputs: positive parameters, real ones; then what `densities.RANGES` names.
    """

    results = (pt.dmatrix,)

    def infer_shape(self, node: Apply, shapes: Any) -> list[Any]:
        """As many rows and columns as there are locations; JAX has to know."""
        return [shapes[2 + RANGES.index("location")]]

    def pullback(self, inputs: Any, outputs: Any, cotangents: Any) -> list[Any]:
        """Gradient by the parameters."""
        gradient = RangeGradient()(*inputs[:2], cotangents[0], *inputs[2:])
        return [*gradient, *(disconnected_type() for _ in inputs[2:])]

    def connection_pattern(self, node: Apply) -> list[list[bool]]:
        """Only parameters can be differentiated by."""
        return [[True], [True], *([False] for _ in node.inputs[2:])]


class RangeGradient(_Operation):
    """Gradient by positive and real parameters; inputs as `RangeDensity`, its gradient third."""

    results = (pt.dvector, pt.dvector)


_KERNELS: dict[Any, Any] = {
    LogEvidence: evaluate,
    TableCells: table_cells,
    TableGradient: expressions.run_backwards,
    ReportLikelihood: report_log_like,
    ReportGradient: report_gradient,
    RangeDensity: range_densities,
    RangeGradient: range_gradient,
}
# PyTensor keeps compiled code by the name of an operation, whatever became of its source.
_ROOMS = (kernels, single, expressions, report_likelihood, ranges)
_FILES = (*(str(room.__file__) for room in _ROOMS), __file__)
_SOURCES = crc32(b"".join(Path(file).read_bytes() for file in _FILES))


def _compile(op: Op, **_: Any) -> Any:
    return _KERNELS[type(op)], _SOURCES


for _operation in _KERNELS:
    register_funcify_default_op_cache_key(_operation)(_compile)
