"""A scenario as a value: the same types are read from a file, built in Python and written out."""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from math import ceil
from typing import Annotated, Literal

from pydantic import Field

from forecast.arguments import checked
from forecast.layout import WIDEST, PrintsItself, Summary, listed, shortened
from forecast.scenario.basis import Basis
from forecast.scenario.collection import (
    Channel,
    Day,
    Family,
    Profile,
    Reporting,
    ReportingLevel,
    Source,
    Watch,
)
from forecast.scenario.forms import Quantity, Table
from forecast.scenario.measured import Measured
from forecast.scenario.probability_statements import ProbabilityInterval
from forecast.scenario.statements import Positive, Text, Value
from forecast.scenario.warning import Tripwire, WarningLevel
from forecast.timeline import Timeline
from forecast.wording import counted, long_date

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$", max_length=60)]
Role = Literal["factor", "course_of_action", "outcome", "indicator", "input"]
ROLES: dict[Role, tuple[str, str]] = {
    "course_of_action": ("course of action", "courses of action"),
    "factor": ("factor", "factors"),
    "outcome": ("outcome", "outcomes"),
    "indicator": ("indicator", "indicators"),
    "input": ("input", "inputs"),
}
"""One variable of a role, and several; in the order in which they are printed."""


class Course(Value):
    """What makes a state a course of action: its name in a product and how much harm it does."""

    label: Text
    severity: Annotated[int, Field(ge=0, le=5)]
    dangerous: bool = False
    role_in_source: str = ""


class SpeaksTo(Value):
    """That an indicator speaks for (+) or against (-) a course of action."""

    course: Text
    sign: Literal["+", "-"] = "+"


class PlannedState(Value):
    """A state that an input is planned to be in, on some days ahead.

    From the step after that of the as-of date on unless `start` is given, and without an end unless
    `end` is. Steps that these days meet have the state.
    """

    state: Name
    start: Day | None = None
    end: Day | None = None


class Variable(Value):
    """A variable: what it is, its states, and its table (or its first and its later tables).

    Parents are named in the `when` of the table's rows, causes, ratios and moves, or in its
    influences; `previous name` is the state of `name` one step earlier, `previous 2 name` two steps
    earlier. A key assumption names the state that is assumed to hold. `reporting` says how reports
    of it come about.

    What an indicator shows in one step may have to do with what it showed before. An `event` is
    drawn anew at every step; of several reports each is of one event, and the state is that of the
    worst. What is `standing` stays as it was, for `dwell` days on average, and is then drawn anew
    from its table. An `announcement` is made once: it stays in the state that it leaves the first
    for.

    What an input is in a step acts in the step after, unless it `acts` in the same one: what one
    does is mostly an answer to what happened, and the tables would take it for the cause of that.
    It is its `default` where neither a report nor its `plan` says otherwise; a plan is about steps
    ahead alone. `clauses` says each of its states as a clause to stand after "if".
    """

    role: Role
    label: Text
    about: str = ""
    states: Annotated[tuple[Name, ...], Field(min_length=2)]
    table: Table | None = None
    initial: Table | None = None
    transition: Table | None = None
    measured: Measured | None = None
    kind: Literal["event", "standing", "announcement"] | None = None
    dwell: Quantity | None = None
    reporting: Profile | Reporting | None = None
    default: str | None = None
    acts: Literal["next_step", "same_step"] | None = None
    plan: tuple[PlannedState, ...] = ()
    clauses: dict[str, Text] = Field(default_factory=dict)
    assumption: str | None = None
    courses: dict[str, Course] = Field(default_factory=dict)
    speaks_to: tuple[SpeaksTo, ...] = ()
    named_by: Literal["source", "author"] = "source"
    implication: str = ""

    def __repr__(self) -> str:
        label = shortened(self.label, WIDEST)
        return f"<Variable {label!r}, {ROLES[self.role][0]}: {listed(self.states)}>"

    __str__ = __repr__

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


class Occurrence(Value):
    """That a state occurs on at least one of the first `within` days, to compare the tables with.

    A static scenario has one step, and no `within`.
    """

    variable: str
    state: str
    within: Annotated[int, Field(ge=1)] | None = None
    basis: Basis


class Expectation(Occurrence):
    """What the author expects of a state, apart from the tables."""

    probability: ProbabilityInterval


class BaseRate(Occurrence):
    """How often a state occurred in a reference class: so many times in so many days.

    With Jeffreys' prior the rate is Gamma(count + 1/2, days), and the probability of at least one
    event within t days is 1 - exp(-rate t).
    """

    count: Annotated[int, Field(ge=0)]
    days: Positive
    reference_class: Text


class Independence(Value):
    """That each of some indicators shows whatever others of its causes show, given these."""

    indicators: Annotated[tuple[str, ...], Field(min_length=1)]
    basis: Basis


class Clock(Value):
    """Where time starts, the length of a step in days, and how far a forecast looks.

    That is `horizon` days beyond the step of the as-of date or, while it lies ahead, to the day
    `target`, whatever the as-of date. One of the two is needed.
    """

    start: Day
    step: Annotated[int, Field(ge=1)]
    horizon: Annotated[int, Field(ge=1)] | None = None
    target: Day | None = None

    @property
    def reach(self) -> int:
        """Days from the start that are looked at before any evidence."""
        to_target = 0 if self.target is None else (self.target - self.start).days + 1
        return max(self.horizon or 0, to_target)

    @property
    def n_steps(self) -> int:
        """Steps that cover the days that are looked at before any evidence."""
        return ceil(self.reach / self.step)

    @property
    def in_words(self) -> str:
        """The clock as a clause."""
        found = f"steps of {counted(self.step, 'day')} from {long_date(self.start)}"
        if self.horizon is not None:
            found += f", horizon {counted(self.horizon, 'day')}"
        return found if self.target is None else f"{found}, target {long_date(self.target)}"


class Narrative(Value):
    """The author's own sentences, printed in the product beside the numbers."""

    takeaway: str = ""
    pattern: str = ""
    timing: str = ""
    assessment: str = ""
    implications: str = ""


class Scenario(PrintsItself, Value):
    """A warning problem: the question, the clock, the variables and what they mean.

    `time` is absent for a static problem, which has a single step. `reporting` is how reports come
    about of indicators that do not say so themselves, `reporting_level` how far all judgements of
    it may be wrong together. Indicators of one cause that are neither `independent` nor under a
    shared effect are taken to show together in a share of steps that is ours. With `lineage` as
    stated, a report that states no origin copies no other.
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
    independent: tuple[Independence, ...] = ()
    tripwires: dict[Name, Tripwire] = Field(default_factory=dict)
    warning_levels: dict[Name, WarningLevel] = Field(default_factory=dict)
    expectations: tuple[Expectation, ...] = ()
    base_rates: tuple[BaseRate, ...] = ()
    actors: tuple[Actor, ...] = ()
    sources: dict[Name, Source] = Field(default_factory=dict)
    families: dict[Name, Family] = Field(default_factory=dict)
    channels: dict[Name, Channel] = Field(default_factory=dict)
    watches: dict[Name, Watch] = Field(default_factory=dict)
    reporting: Reporting | None = None
    reporting_level: ReportingLevel | None = None
    lineage: Literal["as_stated"] | None = None

    @cached_property
    def timeline(self) -> Timeline | None:
        """The timeline, or None for a static problem."""
        if self.time is None:
            return None
        return Timeline(self.time.start, self.time.step, self.time.horizon, self.time.target)

    @cached_property
    def digest(self) -> str:
        """Twelve hexadecimal digits that change whenever anything in the scenario does."""
        canonical = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    __str__ = PrintsItself.__repr__

    @property
    def _summary(self) -> Summary:
        rows = [
            (counted(len(members), *title), shortened(", ".join(members), WIDEST + 12))
            for role, title in ROLES.items()
            if (members := [name for name, v in self.variables.items() if v.role == role])
        ]
        title = f"Scenario {self.name} {self.version}: {shortened(self.title, 2 * WIDEST)}"
        clock = "no clock: one moment" if self.time is None else self.time.in_words
        return Summary(title, ("Variables", "Names"), rows, (f"Time: {clock}.",))

    def __eq__(self, other: object) -> bool:
        # What is cached by scenario is asked for often: one comparison of all parts is enough.
        if not isinstance(other, Scenario):
            return NotImplemented
        return self is other or self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    @checked
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
