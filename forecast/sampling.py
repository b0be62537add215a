"""How a posterior is sampled."""

from __future__ import annotations

from dataclasses import dataclass


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
