"""Auxiliary evidence variables, and factors of the evidence that depend on them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AuxiliaryVariable:
    """A hidden variable of the evidence, not of the world.

    It is a date, the control of a channel, or an error that statements share.

    Attributes
    ----------
    name
        What it is; no variable's name.
    size
        How many states it has.
    first, last
        First and last step at which it matters. It is there from the end of the first to the
        beginning of the last.
    moves
        Whether it may change at a step, as "not yet" becomes "past". Each step before the last
        then has a factor over it before (but for the first) and after the step. One that does not
        move has a factor over it at its first step.
    """

    name: str
    size: int
    first: int
    last: int
    moves: bool


@dataclass(frozen=True, slots=True)
class AuxiliaryFactor:
    """Likelihoods of a step that depend on auxiliary variables: a table with its own columns.

    Attributes
    ----------
    step, start
        The step, and the first column; columns before it are those of the states, and of other
        factors of the step.
    auxiliaries
        Auxiliary variables and lags (1: before the step), slowest first.
    variable
        Variable whose states come last; empty if there is none.
    """

    step: int
    start: int
    auxiliaries: tuple[tuple[str, int], ...]
    variable: str = ""
