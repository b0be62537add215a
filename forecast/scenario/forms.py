"""The forms in which a table is given, and what is reported of a variable.

`Rows` states every row. `NoisyMax` states what each cause brings about alone. `LikelihoodRatios`
states a base rate and what makes a state more or less likely. `Ranked` states how strongly ordered
parents pull on an ordered variable. `Hazards` states how soon a variable moves from one state to
another.

What is reported about a variable is one of its states or, where `measured` says so, a number whose
distribution depends on the state: a count (`Count`) or a real number (`Real`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from forecast.scenario.positive_statements import PositiveNumber
from forecast.scenario.probability_statements import Probability
from forecast.scenario.statements import Number, Positive, RealNumber, Text, Value

BASES = ("source", "published", "computed", "judgement")
Basis = Annotated[str, Field(pattern=rf"^({'|'.join(BASES)}): \S")]
PREVIOUS = "previous "
When = dict[str, str | tuple[str, ...]]


class Quantity(Value):
    """A positive number that is not known exactly."""

    between: PositiveNumber
    basis: Basis


class RealQuantity(Value):
    """A number of either sign that is not known exactly."""

    between: RealNumber
    basis: Basis


class Row(Value):
    """One row of a table: the probability of each state when the parents are as `when` says.

    Exactly one is given of `probability` (what is said of each state), `counts` (cases seen of each
    state), `concentration` (of a Dirichlet), `exactly` (known probabilities) and `unknown`.
    """

    when: When = Field(default_factory=dict)
    probability: dict[str, Probability] | None = None
    counts: dict[str, Annotated[int, Field(ge=0)]] | None = None
    concentration: dict[str, Number] | None = None
    exactly: dict[str, Number] | None = None
    unknown: Literal[True] | None = None
    basis: Basis


class Rows(Value):
    """A table given row by row; every configuration of the parents has one row."""

    form: Literal["rows"] = "rows"
    rows: Annotated[tuple[Row, ...], Field(min_length=1)]


class NoisyMax(Value):
    """Independent causes, each pushing the variable up its ordered states.

    The variable ends in the highest state that any active cause or the leak brings about. With
    two states this is the noisy-OR (Pearl 1988; Díez 1993 for the graded form).
    """

    form: Literal["noisy_max"] = "noisy_max"
    leak: Row
    causes: Annotated[tuple[Row, ...], Field(min_length=1)]


class Ratio(Value):
    """How many times as likely a state is, while `when` holds, as the base rate says."""

    when: Annotated[When, Field(min_length=1)]
    state: str
    times: PositiveNumber
    basis: Basis


class LikelihoodRatios(Value):
    """A base rate, and ratios that multiply the probability of states while their conditions hold.

    Ratios that hold together multiply one another. The states that no active ratio names share
    what is left in the proportions of the base rate.
    """

    form: Literal["likelihood_ratios"] = "likelihood_ratios"
    base: Row
    ratios: Annotated[tuple[Ratio, ...], Field(min_length=1)]


class Influence(Value):
    """How strongly one ordered parent pulls, relative to the others; up, or down if `against`."""

    of: str
    weight: PositiveNumber
    against: bool = False
    basis: Basis


class Ranked(Value):
    """An ordered variable that follows the weighted mean of its ordered parents.

    States lie at equal distances on a scale from 0 to 1. The row is a normal distribution around
    the weighted mean of the parents' places, with standard deviation `spread`, cut off at 0 and 1
    (Fenton, Neil, Caballero: Using ranked nodes to model qualitative judgments in Bayesian
    networks, IEEE Transactions on Knowledge and Data Engineering 19(10), 2007).
    """

    form: Literal["ranked"] = "ranked"
    influences: Annotated[tuple[Influence, ...], Field(min_length=1)]
    spread: Quantity


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


class Hazards(Value):
    """Competing hazards, constant within a step; multipliers act on them proportionally.

    Moves out of one state compete. Read "alone", the probability of a move is the one that would
    hold if it were the only way out; read "together", it is the probability that this move comes
    first within its days, the others competing.
    """

    form: Literal["hazards"] = "hazards"
    reading: Literal["alone", "together"] = "alone"
    moves: Annotated[tuple[Move, ...], Field(min_length=1)]
    multipliers: tuple[Multiplier, ...] = ()


def competitors(table: Hazards) -> list[list[int]]:
    """Numbers of the moves that share a way out, its conditions and its days, in groups."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for index, move in enumerate(table.moves):
        when = tuple(sorted((ref, states_meant(value)) for ref, value in move.when.items()))
        groups.setdefault((move.source, when, move.within), []).append(index)
    return list(groups.values())


Table = Annotated[
    Rows | NoisyMax | LikelihoodRatios | Ranked | Hazards, Field(discriminator="form")
]


class Count(Value):
    """A number of events in a time, whose rate depends on the state of the variable.

    A negative binomial count has variance mean + mean² / dispersion, so a small dispersion makes
    bursts; without one the count is Poisson.

    Attributes
    ----------
    unit
        What is counted.
    per
        Days that a rate refers to. A report covers as many days, unless it says how many.
    rate
        Expected count in that time, for each state.
    dispersion
        Of a negative binomial, the same for all states.
    """

    family: Literal["poisson", "negative_binomial"]
    unit: Text
    per: Positive
    rate: dict[str, Quantity]
    dispersion: Quantity | None = None


class Real(Value):
    """A real number whose mean and standard deviation (or scale) depend on the state.

    Attributes
    ----------
    unit
        Its unit.
    mean, sd
        Of the normal, or location and scale of Student's t, for each state.
    degrees
        Degrees of freedom of Student's t: the fewer, the less one wild number moves.
    """

    family: Literal["normal", "student_t"]
    unit: Text
    mean: dict[str, RealQuantity]
    sd: dict[str, Quantity]
    degrees: Positive | None = None


Measured = Annotated[Count | Real, Field(discriminator="family")]


def parse_parent(reference: str) -> tuple[str, int]:
    """Split a parent's reference into its name and its lag.

    Examples
    --------
    >>> parse_parent("iran_control"), parse_parent("previous iran_control")
    (('iran_control', 0), ('iran_control', 1))
    """
    name = reference.removeprefix(PREVIOUS)
    return name, int(name != reference)


def spell_parent(name: str, lag: int) -> str:
    """Spell a parent as a `when` does."""
    return f"{PREVIOUS}{name}" if lag else name


def conditions(table: Table) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """Yield every `when` of a table with its path inside the table."""
    groups: dict[str, Sequence[Row | Ratio | Move | Multiplier]] = {}
    if isinstance(table, Rows):
        groups = {"rows": table.rows}
    elif isinstance(table, NoisyMax):
        groups = {"causes": table.causes}
        if table.leak.when:
            yield ("leak", "when"), table.leak.when
    elif isinstance(table, LikelihoodRatios):
        groups = {"ratios": table.ratios}
        if table.base.when:
            yield ("base", "when"), table.base.when
    elif isinstance(table, Hazards):
        groups = {"moves": table.moves, "multipliers": table.multipliers}
    for group, items in groups.items():
        for index, item in enumerate(items):
            yield (group, index, "when"), item.when


def references(table: Table) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Yield every mention of a parent with its path inside the table."""
    for path, when in conditions(table):
        for reference in when:
            yield (*path, reference), reference
    if isinstance(table, Ranked):
        for index, influence in enumerate(table.influences):
            yield ("influences", index, "of"), influence.of


def parents_of(table: Table, own_name: str) -> tuple[tuple[str, int], ...]:
    """Parents of a table as (name, lag), in order of first mention; its own past comes first."""
    found: dict[tuple[str, int], None] = {}
    if isinstance(table, Hazards) and any(move.source is not None for move in table.moves):
        found[(own_name, 1)] = None
    for _, reference in references(table):
        found[parse_parent(reference)] = None
    return tuple(found)


def states_meant(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """States that one entry of a `when` names."""
    return (value,) if isinstance(value, str) else value


def condition_text(when: When) -> str:
    """The condition of a row, cause, ratio or move as the end of its label; empty if it has none.

    Examples
    --------
    >>> condition_text({"sea": ("calm", "rough"), "previous storm": "no"})
    ' | sea=calm|rough, previous storm=no'
    """
    conditions = ", ".join(f"{ref}={'|'.join(states_meant(value))}" for ref, value in when.items())
    return f" | {conditions}" if conditions else ""
