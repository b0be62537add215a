"""Random dynamic networks of any order, by seed."""

from typing import Any

from forecast.testing.networks import Case, dynamic_case

LOOKING_BACK = (*range(200, 204), *range(300, 304))
"""Seeds of networks whose tables look back two steps, and three."""


def any_case(seed: int, *given: int, **more: Any) -> Case:
    """A random network; a seed of three digits begins with its order, others make the first."""
    return dynamic_case(seed, *given, order=max(seed // 100, 1), **more)
