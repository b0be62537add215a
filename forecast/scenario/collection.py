"""How what happens becomes known: sources, families, channels, watches and reporting profiles."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from forecast.scenario.basis import Basis
from forecast.scenario.positive_statements import PositiveNumber
from forecast.scenario.probability_statements import Probability
from forecast.scenario.statements import Number, Text, Value


def _parse_day(given: Any) -> Any:
    if not isinstance(given, str):
        return given
    try:
        return date.fromisoformat(given)
    except ValueError:
        raise PydanticCustomError("date_type", "is not a date") from None


Day = Annotated[date, BeforeValidator(_parse_day, json_schema_input_type=date)]


OTHERS: Final = "others"
"""The family of all sources that no family names."""


class Record(Value):
    """How often a report of a source names the true state."""

    probability: Probability
    basis: Basis


class Source(Value):
    """A document or a body that a judgement or a report refers to.

    Attributes
    ----------
    title, published, note
        What it is, when it appeared, and what is to be said of it.
    reliability
        Its Admiralty grade. It then has an accuracy of its own, of which that of the grade is the
        prior, for its reports of this grade. Sources without one share that of their grade.
    record
        How often it is right. Where there is one, it is its accuracy, whatever its grades.
    """

    title: Text
    published: Day | None = None
    note: str = ""
    reliability: Literal["A", "B", "C", "D", "E", "F"] | None = None
    record: Record | None = None

    @property
    def is_judged(self) -> bool:
        """Whether it has an accuracy of its own."""
        return self.record is not None or self.reliability is not None


class Family(Value):
    """Sources that belong together: one owner, one agency, one language.

    Attributes
    ----------
    sources
        Sources, as reports name them, that belong to it.
    copying
        Probability that a report of one of them, whose origin nobody states, copies another report
        of the same event that it could have copied.
    copies
        Other families that its members copy, besides one another; `others` are all sources that
        no family names.
    """

    sources: Annotated[tuple[Text, ...], Field(min_length=1)]
    copying: Probability
    copies: tuple[str, ...] = ()
    basis: Basis


class Channel(Value):
    """Sources that one actor may control: if so, they state what it wants to be believed.

    Attributes
    ----------
    label
        What it is called in a product.
    sources
        Sources, as reports name them, that belong to it.
    controlled
        Probability that it is controlled, for the whole time.
    shows
        What a controlled channel says of an indicator: share of each state. States that are not
        named share the rest evenly, as all states do of an indicator that is not named.
    """

    label: Text
    sources: Annotated[tuple[Text, ...], Field(min_length=1)]
    controlled: Probability
    shows: dict[str, dict[str, Number]] = Field(default_factory=dict)
    basis: Basis


class Lag(Value):
    """How soon what was detected is known: share of it by the end of so many days.

    Between the days given the share rises evenly; before the first it is nothing, after the last
    it stays.
    """

    days: Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)]
    share: Annotated[tuple[Number, ...], Field(min_length=1)]


class Watch(Value):
    """Somebody looks for an indicator, so that hearing nothing says something.

    Attributes
    ----------
    indicator
        What is looked for.
    states
        States that would be reported; all but the first unless they are named.
    source
        Who looks; a report of another source then does not break the silence.
    start, stop
        First and last day of the watch; without a last day it goes on.
    detection
        Probability that such a state, in a step that was watched whole, is ever reported.
    routine
        Probability that a step without such a state is reported on too; ours unless it is given.
    false_alarms
        Probability that, in a step of which nothing true is reported, such a state is.
    lag
        How soon; at once unless it is given.
    """

    indicator: str
    states: tuple[str, ...] = ()
    source: str = ""
    start: Annotated[Day, Field(alias="from")]
    stop: Annotated[Day | None, Field(alias="to")] = None
    detection: Probability
    routine: Probability | None = None
    false_alarms: Probability | None = None
    lag: Lag | None = None
    basis: Basis

    def looks_for(self, states: tuple[str, ...]) -> tuple[str, ...]:
        """States that would be reported, of those of its indicator."""
        return self.states or states[1:]


class Blackout(Value):
    """Days on which only a share of what would be reported is reported."""

    start: Annotated[Day, Field(alias="from")]
    stop: Annotated[Day, Field(alias="to")]
    share: Annotated[Number, Field(le=1)]
    basis: Basis


class Profile(Value):
    """How reports of an indicator come about, whoever makes them.

    Attributes
    ----------
    reported
        Probability that a step in a state is reported on by somebody, by state. The first state is
        the routine one: how often is it written that nothing happened? States that are not named
        have the probability that we take where nothing is stated.
    false_alarms
        Probability that, in a step of which nothing true is reported, something other than the
        first state is, by a source that is usually reliable (B).
    delay
        How soon; ours unless it is given.
    blackouts
        Days on which less is reported.
    """

    reported: Annotated[dict[str, Probability], Field(min_length=1)]
    false_alarms: Probability | None = None
    delay: Lag | None = None
    blackouts: tuple[Blackout, ...] = ()
    basis: Basis


class ReportingLevel(Value):
    """How far profiles may all be wrong together: what their rates are multiplied by.

    Watches have no part in it: somebody vouches for them.

    Attributes
    ----------
    reports
        Multiple of what profiles say of how much is reported.
    false_alarms
        Multiple of their false alarms; as uncertain as that of reports unless it is given.
    """

    reports: PositiveNumber
    false_alarms: PositiveNumber | None = None
    basis: Basis


Visibility = Literal["overt", "partial", "covert"]
"""How much of what happens is reported, where a scenario gives no profile."""

Reporting = Visibility | Literal["ignorable"]
"""A visibility; or that whether a report is made says nothing of what happens."""
