"""A scenario as a value: the same types are read from a file, built in Python and written out.

A table is given in one of three forms. `Rows` states every row. `NoisyMax` states what each cause
brings about alone. `Hazards` states how soon a variable moves from one state to another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from forecast.timeline import Timeline

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=60)]
Text = Annotated[str, Field(min_length=1)]
Role = Literal["factor", "course_of_action", "outcome", "indicator", "input"]
BASES = ("source", "published", "computed", "judgement")
Basis = Annotated[str, Field(pattern=rf"^({'|'.join(BASES)}): \S")]
PREVIOUS = "previous "
When = dict[str, str | tuple[str, ...]]


def _parse_day(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise PydanticCustomError("date_type", "is not a date") from None


Day = Annotated[date, BeforeValidator(_parse_day, json_schema_input_type=date)]


class Value(BaseModel):
    """Base of all parts of a scenario: frozen, and nothing unknown is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)


def _pair_to_interval(given: Any) -> Any:
    if isinstance(given, (list, tuple)) and len(given) == 2:
        return {"lower": float(given[0]), "upper": float(given[1])}
    return given


class _Interval(Value):
    """An equal-tailed interval: half of what lies outside is below `lower`, half above `upper`."""

    lower: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    upper: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    coverage: Annotated[float, Field(gt=0, lt=1)] = 0.9


Interval = Annotated[
    _Interval,
    BeforeValidator(_pair_to_interval, json_schema_input_type=_Interval | tuple[float, float]),
]
Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Row(Value):
    """One row of a table: the chance of each state when the parents are as `when` says.

    Exactly one of `chance` (intervals), `concentration` (of a Dirichlet) and `exactly` (known
    probabilities) is given.
    """

    when: When = {}
    chance: dict[str, Interval] | None = None
    concentration: dict[str, Number] | None = None
    exactly: dict[str, Number] | None = None
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


class Move(Value):
    """A way from one state to another, by the chance of taking it within a number of days.

    The chance is the one that would hold if this were the only way out. Without `from` the
    variable has no memory and every step starts in its first state.
    """

    source: Annotated[str | None, Field(alias="from")] = None
    target: Annotated[str, Field(alias="to")]
    when: When = {}
    within: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    chance: Interval
    basis: Basis


class Multiplier(Value):
    """A factor on the hazard of the moves it names, while `when` holds."""

    source: Annotated[str | None, Field(alias="from")] = None
    target: Annotated[str | None, Field(alias="to")] = None
    when: Annotated[When, Field(min_length=1)]
    times: Interval
    basis: Basis


class Hazards(Value):
    """Competing hazards, constant within a step; multipliers act on them proportionally."""

    form: Literal["hazards"] = "hazards"
    moves: Annotated[tuple[Move, ...], Field(min_length=1)]
    multipliers: tuple[Multiplier, ...] = ()


Table = Annotated[Rows | NoisyMax | Hazards, Field(discriminator="form")]


class Course(Value):
    """What makes a state a course of action: its name in a report and how much harm it does."""

    label: Text
    severity: Annotated[int, Field(ge=0, le=5)]
    dangerous: bool = False
    role_in_source: str = ""


class SpeaksTo(Value):
    """That an indicator speaks for (+) or against (-) a course of action."""

    course: Text
    sign: Literal["+", "-"] = "+"


class Variable(Value):
    """A variable: what it is, its states, and its table (or its first and its later tables).

    Parents are named in the `when` of the table's rows, causes and moves; `previous name` is the
    state of `name` one step earlier.
    """

    role: Role
    label: Text
    about: str = ""
    states: Annotated[tuple[Name, ...], Field(min_length=2)]
    table: Table | None = None
    initial: Table | None = None
    transition: Table | None = None
    default: str | None = None
    courses: dict[str, Course] = {}
    speaks_to: tuple[SpeaksTo, ...] = ()
    named_by: Literal["source", "author"] = "source"
    implication: str = ""

    @property
    def first_table(self) -> Table | None:
        """Table of the first step."""
        return self.initial if self.initial is not None else self.table

    @property
    def later_table(self) -> Table | None:
        """Table of every later step."""
        return self.transition if self.transition is not None else self.table


class Actor(Value):
    """Somebody whose acts the scenario is about."""

    name: Text
    affiliation: str = ""
    note: str = ""


class Tripwire(Value):
    """An observable level, agreed beforehand, that forces a review."""

    label: Text
    any: Annotated[tuple[dict[str, str], ...], Field(min_length=1)]
    by: Day | None = None
    meaning: str = ""
    basis: Basis


class Clock(Value):
    """Where time starts, the length of a step and how far a forecast looks, in days."""

    start: Day
    step: Annotated[int, Field(ge=1)]
    horizon: Annotated[int, Field(ge=1)]


class Source(Value):
    """A document that a judgement or a report refers to."""

    title: Text
    published: Day | None = None
    note: str = ""


class Narrative(Value):
    """The author's own sentences, printed in the report beside the numbers."""

    takeaway: str = ""
    pattern: str = ""
    timing: str = ""
    assessment: str = ""
    implications: str = ""


class Scenario(Value):
    """A warning problem: the question, the clock, the variables and what they mean.

    `time` is absent for a static problem, which has a single step.
    """

    format: Literal[1] = 1
    name: Name
    version: Text
    title: Text
    question: Text
    author: str = ""
    as_of: Day | None = None
    time: Clock | None = None
    narrative: Narrative = Narrative()
    variables: Annotated[dict[Name, Variable], Field(min_length=1)]
    tripwires: dict[Name, Tripwire] = {}
    actors: tuple[Actor, ...] = ()
    sources: dict[Name, Source] = {}

    @cached_property
    def timeline(self) -> Timeline | None:
        """The timeline, or None for a static problem."""
        if self.time is None:
            return None
        return Timeline(self.time.start, self.time.step, self.time.horizon)

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change whenever anything in the scenario does."""
        canonical = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    def __hash__(self) -> int:
        return hash(self.digest)

    def with_role(self, *roles: Role) -> dict[str, Variable]:
        """Variables that have one of the roles, in the scenario's order."""
        return {name: var for name, var in self.variables.items() if var.role in roles}

    @property
    def courses(self) -> dict[tuple[str, str], Course]:
        """Courses of action by (variable, state)."""
        return {
            (name, state): course
            for name, variable in self.variables.items()
            for state, course in variable.courses.items()
        }


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
    groups: dict[str, Sequence[Row | Move | Multiplier]]
    if isinstance(table, Rows):
        groups = {"rows": table.rows}
    elif isinstance(table, NoisyMax):
        groups = {"causes": table.causes}
        if table.leak.when:
            yield ("leak", "when"), table.leak.when
    else:
        groups = {"moves": table.moves, "multipliers": table.multipliers}
    for group, items in groups.items():
        for index, item in enumerate(items):
            yield (group, index, "when"), item.when


def parents_of(table: Table, own_name: str) -> tuple[tuple[str, int], ...]:
    """Parents of a table as (name, lag), in order of first mention; its own past comes first."""
    found: dict[tuple[str, int], None] = {}
    if isinstance(table, Hazards) and any(move.source is not None for move in table.moves):
        found[(own_name, 1)] = None
    for _, when in conditions(table):
        for reference in when:
            found[parse_parent(reference)] = None
    return tuple(found)


def states_meant(value: str | tuple[str, ...]) -> tuple[str, ...]:
    """States that one entry of a `when` names."""
    return (value,) if isinstance(value, str) else value
