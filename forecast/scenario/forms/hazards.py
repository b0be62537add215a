"""Competing hazards: how soon a variable moves from one state to another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Annotated, Literal

from pydantic import Field

from forecast.errors import nearest
from forecast.scenario.basis import Basis
from forecast.scenario.elicitation import fit_competing
from forecast.scenario.forms.form import (
    Expression,
    Parent,
    TableForm,
    TableWriter,
    Variables,
    When,
    condition_text,
    configurations,
    holds,
    parse_parent,
    states_meant,
)
from forecast.scenario.limits import LocatedFault, check_days
from forecast.scenario.positive_statements import PositiveNumber
from forecast.scenario.probability_statements import Probability
from forecast.scenario.statement_text import FAR, moved_text
from forecast.scenario.statements import Positive, Value

_Covered = tuple[str, str, tuple[tuple[str, str], ...]]
"""A way out of a state, its target, and a configuration of the parents that gate it."""


class Move(Value):
    """A way from one state to another, by the probability of taking it within a number of days.

    Without `from` the variable has no memory and every step starts in its first state.
    """

    source: Annotated[str | None, Field(alias="from")] = None
    target: Annotated[str, Field(alias="to")]
    when: When = Field(default_factory=dict)
    within: Positive
    probability: Probability
    basis: Basis


class Multiplier(Value):
    """A factor on the hazard of the moves it names, while `when` holds."""

    source: Annotated[str | None, Field(alias="from")] = None
    target: Annotated[str | None, Field(alias="to")] = None
    when: Annotated[When, Field(min_length=1)]
    times: PositiveNumber
    basis: Basis


class Hazards(TableForm):
    """Competing hazards, constant within a step; multipliers act on them proportionally.

    Moves out of one state compete. Read "alone", the probability of a move is the one that would
    hold if it were the only way out; read "together", it is the probability that this move comes
    first within its days, the others competing.
    """

    form: Literal["hazards"] = "hazards"
    reading: Literal["alone", "together"] = "alone"
    moves: Annotated[tuple[Move, ...], Field(min_length=1)]
    multipliers: tuple[Multiplier, ...] = ()

    @property
    def has_memory(self) -> bool:
        """Whether the state depends on the one before."""
        return any(move.source is not None for move in self.moves)

    def parents(self, own_name: str) -> tuple[Parent, ...]:
        """Parents as (name, lag), in order of first mention; its own past comes first."""
        own = [(own_name, 1)] if self.has_memory else []
        return tuple(dict.fromkeys([*own, *super().parents(own_name)]))

    def competitors(self) -> list[list[int]]:
        """Numbers of the moves that share a way out, its conditions and its days, in groups."""
        groups: dict[tuple[object, ...], list[int]] = {}
        for index, move in enumerate(self.moves):
            when = tuple(sorted((ref, states_meant(value)) for ref, value in move.when.items()))
            groups.setdefault((move.source, when, move.within), []).append(index)
        return list(groups.values())

    def faults(self, name: str, variables: Variables, *, resolved: bool) -> Iterator[LocatedFault]:
        """Yield what is wrong with moves and multipliers, alone and together."""
        states = variables[name].states
        yield from self._check_moves(states)
        for index, multiplier in enumerate(self.multipliers):
            where = ("multipliers", index)
            yield from _check_ends(where, multiplier, states)
            yield from multiplier.times.check((*where, "times"))
        if resolved:
            yield from self._check_overlaps(states, variables)

    def _check_moves(self, states: tuple[str, ...]) -> Iterator[LocatedFault]:
        for index, move in enumerate(self.moves):
            where = ("moves", index)
            yield from _check_ends(where, move, states)
            if self.has_memory and move.source is None:
                yield where, "every move needs `from`, because other moves have it"
            source = move.source if self.has_memory else states[0]
            if source == move.target:
                yield where, f"a move leads from {source} to itself"
            days_faults = [*check_days((*where, "within"), move.within)]
            yield from days_faults or move.probability.check((*where, "probability"), move.within)

    def _check_overlaps(
        self, states: tuple[str, ...], variables: Variables
    ) -> Iterator[LocatedFault]:
        """Yield moves that are given twice for the same conditions, or do not go together."""
        seen: dict[_Covered, int] = {}
        for index, move in enumerate(self.moves):
            source = move.source if self.has_memory else states[0]
            for covered in self._covered(index, str(source), variables):
                if covered in seen:
                    message = f"the move repeats move {seen[covered] + 1} for the same conditions"
                    yield ("moves", index), message
                    break
                seen[covered] = index
        if self.reading == "together":
            yield from self._check_together(seen)

    def _covered(self, index: int, source: str, variables: Variables) -> Iterator[_Covered]:
        """Configurations of all gating parents that one move covers."""
        gates = sorted({reference for move in self.moves for reference in move.when})
        move = self.moves[index]
        options = [
            states_meant(move.when[gate])
            if gate in move.when
            else variables[parse_parent(gate)[0]].states
            for gate in gates
        ]
        for config in product(*options):
            yield source, move.target, tuple(zip(gates, config, strict=True))

    def _check_together(self, seen: Mapping[_Covered, int]) -> Iterator[LocatedFault]:
        """Probabilities that are read together must share days and conditions, and leave some."""
        groups = self.competitors()
        group_of = {index: number for number, group in enumerate(groups) for index in group}
        first: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
        for (source, _, config), index in sorted(seen.items(), key=lambda item: item[1]):
            other = first.setdefault((source, config), index)
            if group_of[index] != group_of[other]:
                yield (
                    ("moves", index),
                    f"read together, the move competes with move {other + 1}, so both need the "
                    "same `within` and the same `when`",
                )
                return
        for group in groups:
            moves = [self.moves[index] for index in group]
            if not any(map(_is_faulty, moves)):
                yield from ((("moves", group[0]), message) for message in _crowded(moves))

    # ── its cells ─────────────────────────────────────────────────────────────────────────────

    def cells(
        self, write: TableWriter, name: str, parents: tuple[Parent, ...], label: str
    ) -> Iterator[Expression]:
        """Yield the probabilities of one step's ways out of each state, and of staying in it."""
        states, moves = write.states[name], self._move_hazards(write, label)
        factors = []
        for factor in self.multipliers:
            way = f" {factor.source or ''}→{factor.target or ''}".rstrip("→")
            named = label + way + condition_text(factor.when)
            factors.append(write.factor(factor.times, named))
        for config in configurations(parents, write.states):
            source = config[name, 1] if self.has_memory else states[0]
            hazards = {
                move.target: write.product(
                    [
                        hazard,
                        *(
                            times
                            for times, factor in zip(factors, self.multipliers, strict=True)
                            if factor.source in (None, source)
                            and factor.target in (None, move.target)
                            and holds(factor.when, config)
                        ),
                    ]
                )
                for hazard, move in zip(moves, self.moves, strict=True)
                if (move.source or states[0]) == source and holds(move.when, config)
            }
            yield from _compete(write, states, source, hazards)

    def _move_hazards(self, write: TableWriter, label: str) -> list[Expression]:
        """Hazard of each move over one step."""
        hazards: dict[int, Expression] = {}
        groups = self.competitors()
        if self.reading == "alone":
            groups = [[index] for index in range(len(self.moves))]
        for group in groups:
            moves = [self.moves[index] for index in group]
            steps = write.constant(write.step_days / moves[0].within)
            for index, hazard in zip(group, _race(write, moves, label), strict=True):
                hazards[index] = write.product([hazard, steps])
        return [hazards[index] for index in range(len(self.moves))]


def _check_ends(
    where: tuple[str, int], part: Move | Multiplier, states: tuple[str, ...]
) -> Iterator[LocatedFault]:
    for key, state in (("from", part.source), ("to", part.target)):
        if state is not None and state not in states:
            yield (*where, key), f"{state!r} is not a state; {nearest(state, states)}"


def _is_faulty(move: Move) -> bool:
    return any(check_days((), move.within)) or any(move.probability.check(days=move.within))


def _crowded(moves: Sequence[Move]) -> Iterator[str]:
    """Yield that the probabilities of competing moves leave no room for one another."""
    fit = fit_competing([move.probability for move in moves], moves[0].within)
    if fit.stated and fit.too_far:
        targets = [*(move.target for move in moves), "none"]
        moved = moved_text(targets, fit) or "none has a probability next to 0"
        yield (
            "read together, the probabilities leave no room for one another: in the nearest "
            f"Dirichlet {moved}; {FAR}"
        )


def _race(write: TableWriter, moves: Sequence[Move], label: str) -> list[Expression]:
    """Hazards, over their days, of moves of which the first to come is all that is seen.

    With probabilities c of coming first and s of none, the hazards add up to -log s and stand to
    one another as the probabilities do.
    """
    first, within = moves[0], moves[0].within
    targets = tuple(move.target for move in moves)
    source = f" {first.source}→" if first.source else " →"
    described = (
        f"{label}{source}{'|'.join(targets)}{condition_text(first.when)} within {within:g} days"
    )
    fit = fit_competing([move.probability for move in moves], within)
    if len(moves) == 1:
        a, b = fit.concentration
        return [write.hazard(write.beta((a, b), described))]
    states = (*targets, "none")
    write.note_fit(described, states, fit)
    *probabilities, _ = write.dirichlet(fit.concentration, states, described)
    total = write.positive(write.sum(probabilities))
    hazard = write.ratio(write.hazard(total), total)
    return [write.product([probability, hazard]) for probability in probabilities]


def _compete(
    write: TableWriter, states: tuple[str, ...], source: str, hazards: Mapping[str, Expression]
) -> list[Expression]:
    """Probabilities of one step's ways out of a state, and of staying in it."""
    if not hazards:
        return [write.constant(float(state == source)) for state in states]
    total = write.sum(hazards.values())
    share = write.share(total)
    cells = {target: write.product([hazard, share]) for target, hazard in hazards.items()}
    cells[source] = write.survival(total)
    return [cells.get(state, write.constant(0.0)) for state in states]
