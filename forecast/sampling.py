"""How a posterior is sampled."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forecast.arguments import short_repr
from forecast.errors import Problem, UnreliableFit, nearest, raise_if_any

TARGET_ACCEPT = 0.9
"""Acceptance that NUTS tunes its steps for. At the usual 0.8 a draw in a few thousand diverges
where evidence is strong; shorter steps take longer, and their draws are worth more."""
LARGEST_SEED = 2**64 - 1
MOST_DRAWS = 10**6
"""Draws of anything: a Monte Carlo error of a thousandth of the spread, below any judgement's."""
CAUSE = 300
"""Letters of the error of a chain that are given."""
FROM_PART = "nothing is concluded from a part"
NUTS_SAMPLERS = ("nutpie", "pymc", "numpyro", "blackjax")


@dataclass(frozen=True)
class Sampling:
    """How the posterior of the tables is sampled; the names are those of `pymc.sample`.

    Attributes
    ----------
    draws, tune, chains
        Draws kept and spent on tuning, in each chain, and the number of chains.
    random_seed
        A whole number below 2**64. The same seed gives the same numbers, whatever the number of
        cores.
    cores
        Chains that run at the same time; as many as there are processors unless it is given.
    progressbar
        Whether to show progress; unless it is given, in a notebook and in a terminal.
    nuts_sampler
        "nutpie" or, at the cost of compiling the PyMC model, another that `pymc.sample` knows:
        "pymc", "numpyro" or "blackjax".

    Raises
    ------
    InputError
        If an argument is not one of these.
    """

    draws: int = 1000
    tune: int = 500
    chains: int = 4
    random_seed: int = 20200123
    cores: int | None = None
    progressbar: bool | None = None
    nuts_sampler: str = "nutpie"

    def __post_init__(self) -> None:
        least = {"draws": 4, "tune": 10, "chains": 1, "random_seed": 0}
        least |= {} if self.cores is None else {"cores": 1}
        problems = list(_not_whole({name: getattr(self, name) for name in least}, least))
        if type(self.random_seed) is int and self.random_seed > LARGEST_SEED:
            problems.append(Problem("random_seed", f"needs at most {LARGEST_SEED} (64 bits)"))
        if self.progressbar not in (None, True, False):
            problems.append(Problem("progressbar", "needs True, False or None"))
        if self.nuts_sampler not in NUTS_SAMPLERS:
            rule = nearest(self.nuts_sampler, NUTS_SAMPLERS)
            problems.append(Problem("nuts_sampler", f"{self.nuts_sampler!r} is unknown; {rule}"))
        raise_if_any(problems)

    @property
    def workers(self) -> int:
        """Chains that run at the same time."""
        return min(self.chains, self.cores or os.cpu_count() or 1)


def require_whole(given: Mapping[str, Any], least: Mapping[str, int]) -> None:
    """Raise unless every argument is a whole number, and at least so large.

    Draws are at most a million, in each chain if there are several, and so are chains.

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
    raise_if_any(list(_not_whole(given, least)))


def chain_failure(error: BaseException) -> UnreliableFit:
    """The failure of a fit of which a chain ended in an error."""
    return UnreliableFit(f"a chain ended in an error: {str(error)[:CAUSE]}")


def _not_whole(given: Mapping[str, Any], least: Mapping[str, int]) -> Iterator[Problem]:
    for name, value in given.items():
        if type(value) is not int or value < least[name]:
            message = f"{short_repr(value)}; needs a whole number of at least {least[name]}"
            yield Problem(name, message)
        elif name != "random_seed" and value > MOST_DRAWS:
            yield Problem(name, f"{short_repr(value)}; needs at most {MOST_DRAWS:,}")
