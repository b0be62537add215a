"""Static networks whose elimination does not fit into memory: conditioning on a few variables.

Given the state of a variable, no table has it for an axis. So a network is swept once for each
joint state of a cutset (Pearl 1988, section 4.3), each sweep within the memory limit, and the
answers are averaged by how probable each joint state makes the evidence: time grows where memory
does not suffice.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import product
from math import prod

import numpy as np

from forecast.arrays import Array
from forecast.errors import TooLarge
from forecast.network.planning import EliminationTooLarge, Scope
from forecast.network.relevance import Part, relevant_part
from forecast.network.slices import slice_circuits
from forecast.network.structure import Network

MOST_CASES = 1000
"""Joint states of a cutset that are swept at most, one after the other."""

Answers = tuple[Array, Array, Array, Array]
"""Log norms, marginals, probes and counts, as a sweep yields them."""


@lru_cache(maxsize=64)
def cutset(network: Network, probes: tuple[Scope, ...]) -> tuple[str, ...]:
    """Variables to condition a static network on so that its elimination fits; none if it does.

    Each in turn is the variable without which the tables of the elimination are smallest.

    Raises
    ------
    TooLarge
        If too many joint states would have to be swept; it says how many, and how long that takes.
    """
    cut: list[str] = []
    while True:
        case = _case(network, dict.fromkeys(cut, 0))
        try:
            slice_circuits(case.network, _open(probes, cut))
            return tuple(cut)
        except EliminationTooLarge as error:
            if error.widest not in network.sizes:
                raise
            cut.append(error.widest)
            cases = prod(network.sizes[name] for name in cut)
            if cases > MOST_CASES:
                raise TooLarge(
                    f"{error} Summed over the states of {', '.join(cut)}, it takes {cases:,} "
                    f"sweeps, more than the {MOST_CASES:,} that are made, and about "
                    f"{cases * error.seconds:.2g} s for each draw."
                ) from None


def sweep_cases(
    network: Network,
    cut: tuple[str, ...],
    probes: tuple[Scope, ...],
    answers: Answers,
    sweep: Callable[[Part, tuple[Scope, ...]], Answers],
) -> None:
    """Add up the answers of all joint states of a cutset.

    Parameters
    ----------
    network, cut, probes
        The network, its cutset, and groups of variables whose joint probability is wanted.
    answers
        Zeros, which are filled in.
    sweep
        Sweeps a part of the network with some probes.
    """
    log_norm, *sums = answers
    log_norm[:] = -np.inf
    for states in product(*(range(network.sizes[name]) for name in cut)):
        known = dict(zip(cut, states, strict=True))
        case = _case(network, known)
        found, *values = sweep(case, _open(probes, cut))
        log_sum = np.logaddexp(log_norm, found)
        weight, earlier = _share(found, log_sum), _share(log_norm, log_sum)
        places = case.columns, _probe_places(network, probes, known), case.cells
        for target, value, at in zip(sums, values, places, strict=True):
            np.multiply(target, earlier, out=target)
            if target.size:
                target[:, at] += weight * np.where(weight > 0, value, 0.0)
        log_norm[:] = log_sum


def _share(log_part: Array, log_whole: Array) -> Array:
    with np.errstate(invalid="ignore"):
        return np.where(np.isneginf(log_part), 0.0, np.exp(log_part - log_whole))


def _case(network: Network, known: dict[str, int]) -> Part:
    """All of a network where some states are known."""
    return relevant_part(network, None, network.names, known)


def _open(probes: tuple[Scope, ...], cut: list[str] | tuple[str, ...]) -> tuple[Scope, ...]:
    """Probes without what is known."""
    return tuple(tuple(name for name in probe if name not in cut) for probe in probes)


def _probe_places(network: Network, probes: tuple[Scope, ...], known: dict[str, int]) -> Array:
    """Where the cells of probes without what is known lie among all of them."""
    places, start = [np.empty(0, np.int64)], 0
    for probe in probes:
        shape = [network.sizes[name] for name in probe]
        cells = np.arange(start, start + prod(shape)).reshape(shape)
        places.append(cells[tuple(known.get(name, slice(None)) for name in probe)].ravel())
        start += prod(shape)
    return np.concatenate(places)
