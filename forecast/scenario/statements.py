"""The ways in which a person can state a number that nobody knows exactly.

A probability is stated as an interval, as quantiles, as a best guess with its strength, as a word,
as odds, as counts from a reference class, as unknown, or by several experts. A positive number (a
rate, a ratio, a weight) is stated as an interval, as quantiles, as a best guess give or take a
factor, as a count in a time, or by several experts. `forecast.scenario.elicitation` turns each
into a prior.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
)

from forecast.frozen import frozen
from forecast.lexicon import LexiconName
from forecast.validated import Validated

Text = Annotated[str, Field(min_length=1)]


class Value(Validated):
    """Base of all parts of a scenario: frozen, and nothing unknown is accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, populate_by_name=True)

    def model_post_init(self, _: Any) -> None:
        """Freeze the mappings as well."""
        self.__dict__.update(frozen(self.__dict__))

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy, with some fields changed; what was computed from the others is forgotten."""
        found = super().model_copy(update=frozen(dict(update or {})), deep=deep)
        for name in found.__dict__.keys() - type(self).model_fields.keys():
            del found.__dict__[name]
        return found

    @classmethod
    def _faults(cls, error: ValidationError, given: Any) -> list[tuple[tuple[Any, ...], str]]:
        """Where a validation found what is wrong with what was given, and what it is."""
        from forecast.scenario.faults import shape_faults  # it knows all parts

        return shape_faults(error, given, cls)


def widen(number: Any) -> Any:
    """A whole number as a float; anything else is left for the field's own rule."""
    return float(number) if type(number) is int and abs(number) < 2**53 else number


def _pair_to_interval(given: Any) -> Any:
    if isinstance(given, (list, tuple)) and len(given) == 2:
        return {"lower": widen(given[0]), "upper": widen(given[1])}
    return given


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(widen)]
Number = Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(widen)]
Coverage = Annotated[float, Field(ge=0.01, le=0.999)]


class Interval(Value):
    """An equal-tailed interval: half of what lies outside is below `lower`, half above `upper`."""

    lower: Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(widen)]
    upper: Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(widen)]
    coverage: Coverage = 0.9


ProbabilityInterval = Annotated[
    Interval,
    BeforeValidator(_pair_to_interval, json_schema_input_type=Interval | tuple[float, float]),
]
"""An interval alone; a pair is one."""


class Quantiles(Value):
    """An equal-tailed interval and the median inside it."""

    low: Number
    median: Number
    high: Positive
    coverage: Coverage = 0.9


class Guess(Value):
    """A probability as a best guess, as if it had been seen in so many cases."""

    guess: Number
    cases: Positive


class GuessFactor(Value):
    """A positive number as a best guess, give or take a factor (90 % of the mass)."""

    guess: Positive
    factor: Annotated[float, Field(gt=1, allow_inf_nan=False), BeforeValidator(widen)]


class Word(Value):
    """A probability as a word of a lexicon, read as the range that the lexicon gives it."""

    word: Text
    lexicon: LexiconName = "icd203"


class Odds(Value):
    """Odds in favour, to one: an interval."""

    odds: ProbabilityInterval


class Seen(Value):
    """A probability as a count from a reference class: seen in some of so many cases."""

    seen: Annotated[int, Field(ge=0)]
    of: Annotated[int, Field(ge=1)]


class Counted(Value):
    """A rate as a count of events in a number of days."""

    count: Annotated[int, Field(ge=0)]
    days: Positive


class Unknown(Value):
    """Nothing is known: Jeffreys' prior, stated as such."""

    unknown: Literal[True]


def _choose(ways: Mapping[str, tuple[str, ...]]) -> Callable[[Any], str]:
    """A discriminator: the way whose entries are present, or resemble what is; else the last."""

    def choose(given: Any) -> str:
        names = list(given) if isinstance(given, Mapping) else list(getattr(given, "__dict__", ()))
        for way, entries in ways.items():
            if any(name in entries for name in names):
                return f"as {way}"
        for name in names:
            close = get_close_matches(str(name), [e for own in ways.values() for e in own], n=1)
            if close:
                return next(f"as {way}" for way, own in ways.items() if close[0] in own)
        return f"as {[*ways][-1]}"

    return choose


_SIMPLE = {
    "quantiles": ("low", "median", "high"),
    "word": ("word", "lexicon"),
    "odds": ("odds",),
    "seen": ("seen", "of"),
    "counted": ("count", "days"),
    "unknown": ("unknown",),
    "guess": ("guess", "cases"),
    "interval": ("lower", "upper"),
}
_SIMPLE_POSITIVE = {
    "quantiles": ("low", "median", "high"),
    "guess": ("guess", "factor"),
    "counted": ("count", "days"),
    "interval": ("lower", "upper"),
}


def _spell_out(given: Any) -> Any:
    """A pair as an interval, a text as a word, "unknown" as such."""
    if isinstance(given, str):
        return {"unknown": True} if given == "unknown" else {"word": given}
    return _pair_to_interval(given)


SimpleProbability = Annotated[
    Annotated[Interval, Tag("as interval")]
    | Annotated[Quantiles, Tag("as quantiles")]
    | Annotated[Guess, Tag("as guess")]
    | Annotated[Word, Tag("as word")]
    | Annotated[Odds, Tag("as odds")]
    | Annotated[Seen, Tag("as seen")]
    | Annotated[Counted, Tag("as counted")]
    | Annotated[Unknown, Tag("as unknown")],
    Discriminator(_choose(_SIMPLE)),
]
SimplePositive = Annotated[
    Annotated[Interval, Tag("as interval")]
    | Annotated[Quantiles, Tag("as quantiles")]
    | Annotated[GuessFactor, Tag("as guess")]
    | Annotated[Counted, Tag("as counted")],
    Discriminator(_choose(_SIMPLE_POSITIVE)),
]
_PROBABILITY_INPUT = SimpleProbability | tuple[float, float] | str
_POSITIVE_INPUT = SimplePositive | tuple[float, float]


class Expert(Value):
    """What one expert says about a probability."""

    says: Annotated[
        SimpleProbability, BeforeValidator(_spell_out, json_schema_input_type=_PROBABILITY_INPUT)
    ]
    weight: Positive = 1.0


class PositiveExpert(Value):
    """What one expert says about a positive number."""

    says: Annotated[
        SimplePositive, BeforeValidator(_pair_to_interval, json_schema_input_type=_POSITIVE_INPUT)
    ]
    weight: Positive = 1.0


class Pool(Value):
    """What several experts say about a probability, each kept by name.

    Attributes
    ----------
    experts
        What each says, and how much it counts.
    pool
        "linear" mixes their distributions; "log_odds" averages their quantiles on the log-odds
        scale.
    extremise
        The pooled log-odds are multiplied by it: above 1 where experts share little of what they
        know.
    """

    experts: Annotated[dict[str, Expert], Field(min_length=1)]
    pool: Literal["linear", "log_odds"] = "linear"
    extremise: Annotated[float, Field(gt=0, le=10), BeforeValidator(widen)] = 1.0


class PositivePool(Value):
    """What several experts say about a positive number, each kept by name.

    "linear" mixes their distributions; "logarithms" averages the logarithms of their quantiles.
    """

    experts: Annotated[dict[str, PositiveExpert], Field(min_length=1)]
    pool: Literal["linear", "logarithms"] = "linear"


Probability = Annotated[
    Annotated[
        Annotated[SimpleProbability, Tag("as simple")] | Annotated[Pool, Tag("as pool")],
        Discriminator(_choose({"pool": ("experts", "pool", "extremise"), "simple": ()})),
    ],
    BeforeValidator(_spell_out, json_schema_input_type=_PROBABILITY_INPUT | Pool),
]
"""A probability, in any of the ways above; a pair is an interval, a text is a word."""

PositiveNumber = Annotated[
    Annotated[
        Annotated[SimplePositive, Tag("as simple")] | Annotated[PositivePool, Tag("as pool")],
        Discriminator(_choose({"pool": ("experts", "pool"), "simple": ()})),
    ],
    BeforeValidator(_pair_to_interval, json_schema_input_type=_POSITIVE_INPUT | PositivePool),
]
"""A positive number, in any of the ways above; a pair is an interval."""


class RealInterval(Value):
    """An equal-tailed interval of a number that may be negative."""

    lower: Annotated[float, Field(allow_inf_nan=False), BeforeValidator(widen)]
    upper: Annotated[float, Field(allow_inf_nan=False), BeforeValidator(widen)]
    coverage: Coverage = 0.9


RealNumber = Annotated[
    RealInterval,
    BeforeValidator(_pair_to_interval, json_schema_input_type=RealInterval | tuple[float, float]),
]
