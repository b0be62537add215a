"""How a posterior is sampled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forecast.errors import Problem, raise_if_any


@dataclass(frozen=True)
class Sampling:
    """How the posterior of the tables is sampled.

    Attributes
    ----------
    draws, tune, chains
        Draws kept and spent on tuning, in each chain, and the number of chains.
    seed
        The same seed gives the same numbers, whatever the number of cores.
    progress
        Whether to show progress.
    """

    draws: int = 1000
    tune: int = 500
    chains: int = 4
    seed: int = 20200123
    progress: bool = False

    def __post_init__(self) -> None:
        least = {"draws": 4, "tune": 10, "chains": 1, "seed": 0}
        require_whole({name: getattr(self, name) for name in least}, least)


def require_whole(given: Mapping[str, Any], least: Mapping[str, int]) -> None:
    """Raise unless every argument is a whole number, and at least so large.

    Parameters
    ----------
    given
        Arguments by name.
    least
        The smallest legal value of each.

    Raises
    ------
    InputError
        With every argument that is not.
    """
    raise_if_any(
        [
            Problem(name, f"{value!r}; needs a whole number of at least {least[name]}")
            for name, value in given.items()
            if type(value) is not int or value < least[name]
        ]
    )
