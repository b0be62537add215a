"""Rules that every table keeps, whatever its form."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from forecast.errors import nearest
from forecast.scenario.forms import TableForm, check_reference, parse_parent, states_meant
from forecast.scenario.forms.form import Variables
from forecast.scenario.limits import LocatedFault
from forecast.scenario.tree import Path

MOST_CELLS = 1_000_000
"""Cells of one table; nobody can state more, and a network with more cannot be summed out."""


def find_unknown(
    at: Path, table: TableForm, variables: Variables, unread: frozenset[str]
) -> Iterator[LocatedFault]:
    """Yield mentions of parents, or of their states, that do not exist."""
    for where, reference in table.references():
        name, _ = parse_parent(reference)
        if miswritten := [*check_reference(reference)]:
            yield from (((*at, *where), message) for message in miswritten)
        elif name not in variables and name not in unread:
            yield (*at, *where), f"{name!r} is not a variable; {nearest(name, variables)}"
    for where, when in table.conditions():
        for reference, value in when.items():
            name, _ = parse_parent(reference)
            legal = variables[name].states if name in variables else ()
            for state in states_meant(value):
                if legal and state not in legal:
                    yield (
                        (*at, *where, reference),
                        f"{state!r} is not a state of {name}; {nearest(state, legal)}",
                    )


def mentions(table: TableForm, names: frozenset[str]) -> bool:
    """Whether a table has one of some variables as a parent."""
    return any(parse_parent(reference)[0] in names for _, reference in table.references())


def check_table(
    at: Path, table: TableForm, name: str, variables: Variables, *, resolved: bool = True
) -> Iterator[LocatedFault]:
    """Yield what is wrong with a table.

    Parameters
    ----------
    at
        Path of the table.
    table, name
        The table, and the name of its variable.
    variables
        All variables.
    resolved
        Whether its parents and their states all exist. If not, only what stands in the table is
        looked at, and not what is missing.
    """
    states = variables[name].states
    if len(set(states)) < len(states):
        return
    parents = table.parents(name)
    n_cells = len(states)
    if resolved:
        n_cells *= prod(len(variables[parent].states) for parent, _ in parents)
    if n_cells > MOST_CELLS:
        yield at, f"{len(parents)} parents make {n_cells:,} cells; at most {MOST_CELLS:,}"
        return
    for where, message in table.faults(name, variables, resolved=resolved):
        yield (*at, *where), message
