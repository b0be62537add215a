"""Rules that a table of competing hazards keeps.

Like those of `forecast.scenario.scenario_checks`, every function yields findings and stops at none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from forecast.errors import nearest
from forecast.scenario.elicitation import fit_competing
from forecast.scenario.forms import Hazards, Move, competitors, parse_parent, states_meant
from forecast.scenario.limits import (
    Finding,
    check_days,
)
from forecast.scenario.scenario import Variable
from forecast.scenario.statement_text import FAR, moved_text
from forecast.scenario.tree import Path

Variables = Mapping[str, Variable]
_Covered = tuple[str, str, tuple[tuple[str, str], ...]]
"""A way out of a state, its target, and a configuration of the parents that gate it."""


def check_hazards(at: Path, table: Hazards, states: tuple[str, ...]) -> Iterator[Finding]:
    """Yield what is wrong with single moves and multipliers."""
    has_memory = any(move.source is not None for move in table.moves)
    for index, move in enumerate(table.moves):
        where = (*at, "moves", index)
        for key, state in (("from", move.source), ("to", move.target)):
            if state is not None and state not in states:
                yield (*where, key), f"{state!r} is not a state; {nearest(state, states)}"
        if has_memory and move.source is None:
            yield where, "every move needs `from`, because other moves have it"
        source = move.source if has_memory else states[0]
        if source == move.target:
            yield where, f"a move leads from {source} to itself"
        days_faults = [*check_days((*where, "within"), move.within)]
        yield from days_faults or move.probability.check((*where, "probability"), move.within)
    for index, multiplier in enumerate(table.multipliers):
        where = (*at, "multipliers", index)
        for key, state in (("from", multiplier.source), ("to", multiplier.target)):
            if state is not None and state not in states:
                yield (*where, key), f"{state!r} is not a state; {nearest(state, states)}"
        yield from multiplier.times.check((*where, "times"))


def check_overlaps(
    at: Path, table: Hazards, states: tuple[str, ...], variables: Variables
) -> Iterator[Finding]:
    """Yield moves that are given twice for the same conditions, or that cannot be read together."""
    has_memory = any(move.source is not None for move in table.moves)
    seen: dict[_Covered, int] = {}
    for index, move in enumerate(table.moves):
        source = move.source if has_memory else states[0]
        for covered in _overlaps(table, index, str(source), variables):
            if covered in seen:
                yield (
                    (*at, "moves", index),
                    f"the move repeats move {seen[covered] + 1} for the same conditions",
                )
                break
            seen[covered] = index
    if table.reading == "together":
        yield from _check_together(at, table, seen)


def _check_together(at: Path, table: Hazards, seen: Mapping[_Covered, int]) -> Iterator[Finding]:
    """Probabilities that are read together must share days and conditions, and leave some."""
    groups = competitors(table)
    group_of = {index: number for number, group in enumerate(groups) for index in group}
    first: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
    for (source, _, config), index in sorted(seen.items(), key=lambda item: item[1]):
        other = first.setdefault((source, config), index)
        if group_of[index] != group_of[other]:
            yield (
                (*at, "moves", index),
                f"read together, the move competes with move {other + 1}, so both need the same "
                "`within` and the same `when`",
            )
            return
    for group in groups:
        moves = [table.moves[index] for index in group]
        if any(_is_faulty(move) for move in moves):
            continue
        fit = fit_competing([move.probability for move in moves], moves[0].within)
        if fit.stated and fit.too_far:
            targets = [*(move.target for move in moves), "none"]
            moved = moved_text(targets, fit) or "none has a probability next to 0"
            yield (
                (*at, "moves", group[0]),
                "read together, the probabilities leave no room for one another: in the "
                f"nearest Dirichlet {moved}; {FAR}",
            )


def _is_faulty(move: Move) -> bool:
    return any(check_days((), move.within)) or any(move.probability.check(days=move.within))


def _overlaps(table: Hazards, index: int, source: str, variables: Variables) -> Iterator[_Covered]:
    """Configurations of all gating parents that one move covers."""
    gates = sorted({reference for move in table.moves for reference in move.when})
    move = table.moves[index]
    options = [
        states_meant(move.when[gate])
        if gate in move.when
        else variables[parse_parent(gate)[0]].states
        for gate in gates
    ]
    for config in product(*options):
        yield source, move.target, tuple(zip(gates, config, strict=True))
