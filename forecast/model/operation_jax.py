"""The operations under JAX: calls back to the compiled loops, which bring their own gradients.

The same loops written in JAX take several times as long as they do here, call included, and
would be a second engine to keep right. Programs, reports and eliminations stay data, as elsewhere.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from forecast.frozen import writable
from forecast.model import expressions, target


def _call(kernel: Any, results: Any, *inputs: Any) -> Any:
    """Call a compiled loop on arrays of the one layout that it is compiled for."""

    def on_arrays(*parts: Any) -> Any:
        return kernel(*map(writable, parts))

    return jax.pure_callback(on_arrays, results, *inputs, vmap_method="sequential")


def _floats(shape: tuple[int, ...]) -> Any:
    return jax.ShapeDtypeStruct(shape, np.float64)


def _call_evaluate(theta: Any, log_like: Any, elimination: Any) -> Any:
    results = _floats(()), _floats(theta.shape), _floats(log_like.shape)
    return _call(target.evaluate, results, theta, log_like, elimination)


@jax.custom_jvp  # type: ignore[untyped-decorator]
def evaluate(theta: Any, log_like: Any, elimination: Any) -> Any:
    """The three outputs of `LogEvidence`, under `jit`, `vmap`, `grad` and `jvp`.

    Only the first can be differentiated, and only once; twice is JAX's ValueError, because the
    loops have no second derivatives to give.
    """
    return _call_evaluate(theta, log_like, elimination)


@evaluate.defjvp  # type: ignore[untyped-decorator]
def _differentiate(primals: Any, tangents: Any) -> Any:
    outputs = _, by_theta, by_log_like = _call_evaluate(*primals)
    tangent = jnp.vdot(by_theta, tangents[0]) + jnp.vdot(by_log_like, tangents[1])
    return outputs, (tangent, jnp.zeros_like(by_theta), jnp.zeros_like(by_log_like))


@jax.custom_vjp  # type: ignore[untyped-decorator]
def table_cells(*inputs: Any) -> Any:
    """The output of `TableCells`, under `jit`, `vmap` and `grad`."""
    return _call(target.table_cells, _floats(inputs[3].shape), *inputs)


def run_backwards(*inputs: Any) -> Any:
    """The output of `TableGradient`, under `jit` and `vmap`."""
    return _call(expressions.run_backwards, _floats(inputs[0].shape), *inputs)


@jax.custom_vjp  # type: ignore[untyped-decorator]
def report_log_like(*inputs: Any) -> Any:
    """The output of `ReportLikelihood`, under `jit`, `vmap` and `grad`."""
    return _call(target.report_log_like, _floats(inputs[-1].shape), *inputs)


def report_gradient(*inputs: Any) -> Any:
    """The outputs of `ReportGradient`, under `jit` and `vmap`."""
    results = _floats(inputs[0].shape), _floats(inputs[1].shape)
    return _call(target.report_gradient, results, *inputs)


@jax.custom_vjp  # type: ignore[untyped-decorator]
def number_densities(*inputs: Any) -> Any:
    """The output of `NumberDensity`, under `jit`, `vmap` and `grad`."""
    return _call(target.number_densities, _floats(inputs[6].shape), *inputs)


def number_gradient(*inputs: Any) -> Any:
    """The outputs of `NumberGradient`, under `jit` and `vmap`."""
    results = _floats(inputs[0].shape), _floats(inputs[1].shape)
    return _call(target.number_gradient, results, *inputs)


def _gradient_of(gradient: Any) -> Any:
    """Gradient of an operation whose first two inputs can be differentiated by."""
    return lambda inputs, back: (
        *gradient(*inputs[:2], back, *inputs[2:]),
        *[None] * (len(inputs) - 2),
    )


table_cells.defvjp(
    lambda *inputs: (table_cells(*inputs), inputs),
    lambda inputs, by_cell: (run_backwards(*inputs, by_cell), *[None] * (len(inputs) - 1)),
)
report_log_like.defvjp(
    lambda *inputs: (report_log_like(*inputs), inputs), _gradient_of(report_gradient)
)
number_densities.defvjp(
    lambda *inputs: (number_densities(*inputs), inputs), _gradient_of(number_gradient)
)
