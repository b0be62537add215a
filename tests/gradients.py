"""Gradients of PyMC models against differences."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from forecast.arrays import Array

SHIFT = 1e-5
DIRECTIONS = 6


def assert_gradient_is_differences(model: Any, points: Iterable[dict[str, Array]]) -> None:
    """Along random directions and the ends of every family; without compilation."""
    logp = model.compile_logp(mode="FAST_COMPILE")
    gradient = model.compile_dlogp(mode="FAST_COMPILE")
    names = [value.name for value in model.continuous_value_vars]
    rng = np.random.default_rng(12)
    for point in points:
        found = gradient(point)
        ways = [
            {name: rng.choice([-1.0, 1.0], point[name].shape) for name in names}
            for _ in range(DIRECTIONS)
        ]
        for way in [*ways, *_ends(point, names)]:
            there = logp(point | {name: point[name] + SHIFT * way[name] for name in names})
            back = logp(point | {name: point[name] - SHIFT * way[name] for name in names})
            along = np.concatenate([way[name].ravel() for name in names])
            np.testing.assert_allclose(
                found @ along, (there - back) / (2 * SHIFT), rtol=1e-5, atol=1e-6
            )


def _ends(point: dict[str, Array], names: list[str]) -> Iterator[dict[str, Array]]:
    """Yield the directions of the first and of the last coordinate of each family."""
    for name in names:
        for end in {0, point[name].size - 1}:
            way = {each: np.zeros(point[each].shape) for each in names}
            way[name].flat[end] = 1.0
            yield way
