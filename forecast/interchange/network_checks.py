"""What makes a network whole: the rules that every reader, and every caller, must keep."""

from __future__ import annotations

import unicodedata
from collections.abc import Hashable, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from itertools import chain, islice
from math import prod
from typing import Protocol

import numpy as np
import numpy.typing as npt

from forecast.arguments import short_repr
from forecast.arrays import Array
from forecast.errors import SHOWN_PROBLEMS, Problem, nearest

SUM_TOLERANCE = 1e-12
LEAST_CONCENTRATION = 1e-6
MAX_CELLS = 5_000_000
MAX_PARENTS = 60
MAX_STATES = 100_000
NAMES_COMPARED, LETTERS_COMPARED = 500, 100
"""Names, and letters of a name, among which the nearest is looked for: it takes their product."""
RESERVED = "concentration"


class NetworkFields(Protocol):
    """What the rules are about: the fields of `TabledNetwork`."""

    @property
    def name(self) -> str:
        """Name of the network."""
        ...

    @property
    def variables(self) -> Mapping[str, tuple[str, ...]]:
        """State labels of each variable."""
        ...

    @property
    def parents(self) -> Mapping[str, tuple[str, ...]]:
        """Parents of each variable."""
        ...

    @property
    def tables(self) -> Mapping[str, Array]:
        """Probability of each state given the parents, of each variable."""
        ...

    @property
    def concentration(self) -> Mapping[str, Array]:
        """How firmly each row is known, of each variable."""
        ...

    @property
    def properties(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        """Pairs of a name and a value, of each variable."""
        ...


def find_problems(network: NetworkFields) -> list[Problem]:
    """Every rule that a network breaks, structure first; later rules need the earlier ones."""
    found = chain(_name_problems(network), _parent_problems(network))
    structure = list(islice(found, SHOWN_PROBLEMS))
    if structure:
        return structure
    numbers = [*_table_problems(network), *_concentration_problems(network)]
    return numbers + list(_property_problems(network))


def text_fault(text: object, *, breaks: bool = False) -> str:
    """Say why a text cannot be a name, a label or a value; nothing if it can.

    Examples
    --------
    >>> text_fault(" tall")
    'begins or ends with a space'
    """
    if not isinstance(text, str):
        return "is not text"
    if not text:
        return "is empty"
    if text != text.strip():
        return "begins or ends with a space"
    plain = text.replace("\n", "").replace("\t", "") if breaks else text
    if plain.isprintable():
        return ""
    if any(unicodedata.category(c) in ("Cc", "Cs") or ord(c) & 0xFFFE == 0xFFFE for c in plain):
        return "holds a character that no text file should"
    return ""


def repeated[Name: Hashable](names: Iterable[Name]) -> list[Name]:
    """Names that come more than once, each once."""
    seen, twice = set[Name](), dict[Name, None]()
    for name in names:
        twice |= {name: None} if name in seen else {}
        seen.add(name)
    return list(twice)


def suggest(name: str, legal: Mapping[str, object]) -> str:
    """The nearest legal name; among very many or very long names only their number."""
    if (
        len(legal) > NAMES_COMPARED
        or max(len(str(each)) for each in (name, *legal)) > LETTERS_COMPARED
    ):
        return f"none of the {len(legal):,} has this name"
    return nearest(name, legal)


def find_cycle(parents: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Variables of one cycle, the first one again at the end; nothing if there is none.

    Examples
    --------
    >>> find_cycle({"rain": ("grass",), "grass": ("rain",)})
    ('grass', 'rain', 'grass')
    """
    try:
        TopologicalSorter(parents).prepare()
    except CycleError as error:
        cycle = list(error.args[1])
        start = cycle.index(min(cycle))
        return (*cycle[start:-1], *cycle[:start], cycle[start])
    return ()


def cycle_text(cycle: tuple[str, ...]) -> str:
    """A cycle as arrows, shortened if it is long."""
    shown = cycle if len(cycle) <= 12 else (*cycle[:10], "…", cycle[-1])
    return f"these depend on each other in a circle: {' → '.join(shown)}"


def _name_problems(network: NetworkFields) -> Iterator[Problem]:
    if fault := text_fault(network.name):
        yield Problem("name", f"{network.name!r} {fault}")
    if not network.variables:
        yield Problem("variables", "there is none; a network has at least one")
    for name, states in network.variables.items():
        if fault := text_fault(name):
            yield Problem("variables", f"the name {name!r} {fault}")
        yield from (Problem(str(name), message) for message in state_faults(states))


def state_faults(states: tuple[str, ...]) -> Iterator[str]:
    """What is wrong with a variable's state labels."""
    if not states:
        yield "has no states; a variable has at least one"
    if len(states) > MAX_STATES:
        yield f"{len(states):,} states; at most {MAX_STATES:,} are handled"
    for label in states:
        if fault := text_fault(label):
            yield f"the state {short_repr(label)} {fault}"
    for label in repeated(states):
        yield f"the state {short_repr(label)} is given more than once"


def parent_faults(
    name: str, parents: tuple[str, ...], variables: Mapping[str, object]
) -> Iterator[str]:
    """What is wrong with a variable's parents."""
    if len(parents) > MAX_PARENTS:
        yield f"{len(parents):,} parents; at most {MAX_PARENTS} are handled"
        return
    for parent in parents:
        if parent == name:
            yield "is its own parent"
        elif parent not in variables:
            hint = suggest(str(parent), variables)
            yield f"the parent {short_repr(parent)} is not a variable; {hint}"
    for parent in repeated(parents):
        yield f"the parent {short_repr(parent)} is given more than once"


def _parent_problems(network: NetworkFields) -> Iterator[Problem]:
    faults = 0
    for name, parents in network.parents.items():
        if name not in network.variables:
            message = f"{name!r} is not a variable; {suggest(str(name), network.variables)}"
            yield Problem("parents", message)
            continue
        for message in parent_faults(name, parents, network.variables):
            faults += 1
            yield Problem(name, message)
    if not faults and (cycle := find_cycle(network.parents)):
        yield Problem("parents", cycle_text(cycle))


def _table_problems(network: NetworkFields) -> Iterator[Problem]:
    for name in network.tables:
        if name not in network.variables:
            message = f"{name!r} is not a variable; {suggest(str(name), network.variables)}"
            yield Problem("tables", message)
    total = 0
    for name, states in network.variables.items():
        if name not in network.tables:
            yield Problem(name, "has no table")
            continue
        shape = (*(len(network.variables[p]) for p in network.parents[name]), len(states))
        total += prod(shape)
        table = network.tables[name]
        if table.shape != shape:
            yield Problem(name, f"its table has shape {table.shape}; its variables need {shape}")
        elif fault := _row_fault(table):
            yield Problem(name, fault)
    if total > MAX_CELLS:
        yield Problem("tables", f"{total:,} cells; at most {MAX_CELLS:,} are handled")


def _row_fault(table: npt.NDArray[np.float64]) -> str:
    wrong = ~(np.isfinite(table) & (table >= 0))
    if wrong.any():
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        return f"cell {where} is {table[where]}; a probability is a number from 0 to 1"
    sums = np.asarray(table.sum(axis=-1))
    off = np.abs(sums - 1) > SUM_TOLERANCE
    if not off.any():
        return ""
    row = tuple(int(i) for i in np.argwhere(off)[0])
    which = f"row {row}" if row else "its row"
    return (
        f"{which} sums to {sums[row]!s}; a row sums to 1 within {SUM_TOLERANCE:g}: "
        "divide it by its sum"
    )


def _concentration_problems(network: NetworkFields) -> Iterator[Problem]:
    for name, values in network.concentration.items():
        if name not in network.variables:
            message = f"{name!r} is not a variable; {suggest(str(name), network.variables)}"
            yield Problem("concentration", message)
            continue
        shape = tuple(len(network.variables[parent]) for parent in network.parents[name])
        if values.shape not in ((), shape):
            message = f"its concentration has shape {values.shape}; one number or {shape} is meant"
            yield Problem(name, message)
        elif not (values >= LEAST_CONCENTRATION).all():
            message = f"a concentration is at least {LEAST_CONCENTRATION:g}, or infinite"
            yield Problem(name, f"{message}; given: {float(values.min())}")


def _property_problems(network: NetworkFields) -> Iterator[Problem]:
    for name, pairs in network.properties.items():
        if name and name not in network.variables:
            message = f"{name!r} is not a variable; {suggest(str(name), network.variables)}"
            yield Problem("properties", message)
        for key, value in pairs:
            fault = text_fault(key) or (value and text_fault(value, breaks=True))
            if fault:
                yield Problem(f"properties of {name or 'the network'}", f"{key!r} {fault}")
            if name and key == RESERVED:
                message = f"the name {RESERVED!r} is kept for the field of that name"
                yield Problem(f"properties of {name}", message)


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as a product, with the number of cells.

    Examples
    --------
    >>> shape_text((2, 3))
    '2 × 3 = 6'
    """
    sizes = " × ".join(map(str, shape))
    return f"{sizes} = {prod(shape)}" if len(shape) > 1 else sizes
