"""The log evidence under JAX: a call back to the compiled loops, which bring their own slopes.

The same loops written in JAX take several times as long as they do here, call included, and
would be a second engine to keep right. The elimination stays data, as it is elsewhere.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from forecast.inference import operation, tape
from forecast.inference.operation import evaluate


def _evaluate(*inputs: Any) -> Any:
    # Copies can be written to, as PyTensor's arrays can: one compiled signature serves both.
    return evaluate(*(np.array(part) for part in inputs))


def _call_back(theta: Any, log_like: Any, elimination: Any) -> Any:
    results = [
        jax.ShapeDtypeStruct(shape, np.float64) for shape in ((), theta.shape, log_like.shape)
    ]
    inputs = (theta, log_like, elimination)
    return jax.pure_callback(_evaluate, tuple(results), *inputs, vmap_method="sequential")


@jax.custom_jvp  # type: ignore[untyped-decorator]
def log_evidence(theta: Any, log_like: Any, elimination: Any) -> Any:
    """The three outputs of `LogEvidence`, under `jit`, `vmap`, `grad` and `jvp`.

    Only the first can be differentiated, and only once; twice is JAX's ValueError, because the
    loops have no second derivatives to give.
    """
    return _call_back(theta, log_like, elimination)


@log_evidence.defjvp  # type: ignore[untyped-decorator]
def _differentiate(primals: Any, tangents: Any) -> Any:
    outputs = _, by_theta, by_log_like = _call_back(*primals)
    slope = jnp.vdot(by_theta, tangents[0]) + jnp.vdot(by_log_like, tangents[1])
    return outputs, (slope, jnp.zeros_like(by_theta), jnp.zeros_like(by_log_like))


@jax.custom_vjp  # type: ignore[untyped-decorator]
def table_cells(parameters: Any, constants: Any, steps: Any, order: Any) -> Any:
    """The output of `TableCells`, under `jit`, `vmap` and reverse-mode `grad`."""
    return _call(operation.table_cells, order.shape, parameters, constants, steps, order)


def table_slopes(parameters: Any, *rest: Any) -> Any:
    """The output of `TableSlopes`, under `jit` and `vmap`."""
    return _call(tape.run_backwards, parameters.shape, parameters, *rest)


def _call(kernel: Any, shape: tuple[int, ...], *inputs: Any) -> Any:
    def evaluate_copies(*parts: Any) -> Any:
        return kernel(*(np.array(part) for part in parts))

    result = jax.ShapeDtypeStruct(shape, np.float64)
    return jax.pure_callback(evaluate_copies, result, *inputs, vmap_method="sequential")


def _forwards(*inputs: Any) -> Any:
    return table_cells(*inputs), inputs


def _backwards(inputs: Any, by_cell: Any) -> Any:
    none = [None] * (len(inputs) - 1)
    return (table_slopes(*inputs, by_cell), *none)


table_cells.defvjp(_forwards, _backwards)
