"""What every way of stating a number is, and how a statement is read as one of them.

A way of stating a probability is a `ProbabilityStatement` (`probability_statements.py`), one of
stating a positive number a `PositiveStatement` (`positive_statements.py`): a class with the entries
that it has in a file, the prior that it becomes, the rules that it keeps and the sentences that say
how it was read. Wherever such a number may stand, every such class is read, and its entries stand
in the JSON Schema: to define one is to add it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from inspect import isabstract
from typing import Annotated, Any, ClassVar, Self, cast

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    TypeAdapter,
)
from pydantic_core import core_schema
from scipy.special import betaincinv

from forecast.arguments import short_repr
from forecast.errors import InputError
from forecast.frozen import frozen
from forecast.scenario.document_part import DocumentPart
from forecast.scenario.fits import (
    LARGEST_SHAPE,
    MOST_MOVED,
    SMALLEST_SHAPE,
    TAILS,
    Fit,
    Stated,
    lognormal_ends,
)
from forecast.scenario.grammar import forget_schemas, most_alike
from forecast.scenario.limits import LARGEST, SMALLEST, LocatedFault
from forecast.scenario.tree import Path

Text = Annotated[str, Field(min_length=1)]

WIDEST = 1e6
"""Times that the upper end of a positive number is as large as the lower one, at most."""
EDGE = 1e-6
"""A fit that ends so near to the largest shape, in proportion, was stopped there."""
MOST_TIMES = 2.0
"""Factor by which a stated quantile of a positive number may be moved."""


class Value(DocumentPart):
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


def widen(number: Any) -> Any:
    """A whole number as a float; anything else is left for the field's own rule."""
    return float(number) if type(number) is int and abs(number) < 2**53 else number


def pair_to_interval(given: Any) -> Any:
    """A pair as the ends of an interval; anything else as it is."""
    if isinstance(given, (list, tuple)) and len(given) == 2:
        return {"lower": widen(given[0]), "upper": widen(given[1])}
    return given


def spell_tag(tag: str, given: Any) -> Any:
    """A mapping that names its kind by a whole number with that number in words, else as it is.

    Pydantic spells out a kind that it does not know, which Python refuses for thousands of digits.
    """
    if isinstance(given, Mapping) and isinstance(given.get(tag), int):
        return {**given, tag: short_repr(given[tag])}
    return given


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(widen)]
Number = Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(widen)]
Coverage = Annotated[float, Field(ge=0.01, le=0.999)]


class Statement(Value, ABC):
    """A way of stating a number that nobody knows exactly.

    `days` are those to which the probability of a hazard or a rate refers; None for other numbers.
    """

    known: ClassVar[tuple[type[Statement], ...]]
    """Every way of stating this kind of number; the first is meant where none is recognised."""
    pooled: ClassVar[bool] = False
    """Whether it is what several people state, each in one of the other ways."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Make the way known among those of its kind."""
        if not isabstract(cls):
            kind = next(base for base in cls.__mro__ if "known" in vars(base))
            cast("type[Statement]", kind).known = (*cls.known, cls)
            forget_schemas()

    @classmethod
    def entries(cls) -> frozenset[str]:
        """Names in a file that tell this way from the others."""
        return frozenset(cls.model_fields) - {"coverage"}

    @abstractmethod
    def fit(self, days: float | None = None) -> Fit:
        """The prior that it becomes, and how near that comes to what was stated."""

    @abstractmethod
    def faults(self, days: float | None = None) -> Iterator[str]:
        """Yield what is wrong with it."""

    @abstractmethod
    def sentences(self, days: float | None = None) -> Iterator[str]:
        """Yield how the number was stated, and by what rule it is read, sentence by sentence."""

    def located_faults(self, days: float | None = None) -> Iterator[LocatedFault]:
        """Yield what is wrong with it, and in which entry of it."""
        yield from (((), message) for message in self.faults(days))

    def check(self, at: Path = (), days: float | None = None) -> Iterator[LocatedFault]:
        """Yield what is wrong with it, or with the prior that it becomes; `at` is where it stands.

        Like the rules of `forecast.scenario.scenario_checks`, it yields faults and stops at none.
        """
        found = list(self.located_faults(days)) or list(self._fit_faults(days))
        yield from (((*at, *where), message) for where, message in found)

    def _fit_faults(self, days: float | None) -> Iterator[LocatedFault]:
        try:
            fit = self.fit(days)
        except InputError as error:
            yield from (((), problem.message) for problem in error.problems)
        else:
            yield from (((), message) for message in self._misfits(fit))

    @classmethod
    @abstractmethod
    def _misfits(cls, fit: Fit) -> Iterator[str]:
        """Yield how the prior is not what was stated."""

    @classmethod
    def spelled_out(cls, given: Any) -> Any:
        """What a short form stands for: a pair is an interval."""
        return pair_to_interval(given)

    short_forms: ClassVar[tuple[Any, ...]] = (tuple[float, float],)
    """Types of what `spelled_out` takes besides mappings."""


class ProbabilityStatement(Statement):
    """A way of stating a probability: it becomes a Beta."""

    known: ClassVar[tuple[type[Statement], ...]] = ()

    @classmethod
    def spelled_out(cls, given: Any) -> Any:
        """A pair is an interval, a text is a word, "unknown" is itself."""
        if isinstance(given, str):
            return {"unknown": True} if given == "unknown" else {"word": given}
        return pair_to_interval(given)

    short_forms = (tuple[float, float], str)

    def mean(self, days: float | None = None) -> float:
        """Mean of the prior."""
        a, b = self.fit(days).shape
        return a / (a + b)

    def interval(self, days: float | None = None) -> Stated:
        """An interval as it was stated; of any other statement, that of the prior it becomes."""
        lower, upper = betaincinv(*self.fit(days).shape, TAILS)
        return float(lower), float(upper), 0.9

    @classmethod
    def _misfits(cls, fit: Fit) -> Iterator[str]:
        a, b = fit.shape
        if not (min(a, b) >= SMALLEST_SHAPE and max(a, b) <= LARGEST_SHAPE * (1 - EDGE)):
            yield (
                f"comes to Beta({a:.3g}, {b:.3g}), too near to certainty; its parameters go from "
                f"{SMALLEST_SHAPE:g} to {LARGEST_SHAPE:,.0f}"
            )
        if fit.miss > MOST_MOVED:
            yield (
                f"no Beta distribution has the quantiles {_listed(fit.stated)}; the nearest has "
                f"{_listed(fit.fitted)}, and a point is moved by at most {MOST_MOVED:g}"
            )


class PositiveStatement(Statement):
    """A way of stating a positive number, such as a rate or a ratio: it becomes a log-normal."""

    known: ClassVar[tuple[type[Statement], ...]] = ()

    def interval(self, days: float | None = None) -> tuple[float, float]:
        """An interval as it was stated; of any other statement, that of the prior it becomes."""
        return lognormal_ends(*self.fit(days).shape)

    @classmethod
    def _misfits(cls, fit: Fit) -> Iterator[str]:
        low, high = lognormal_ends(*fit.shape)
        if high > low * WIDEST * (1 + EDGE) or not SMALLEST <= low <= high <= LARGEST:
            yield (
                f"[{low:g}, {high:g}]: needs ends from {SMALLEST:g} to {LARGEST:,.0f}, the upper "
                f"at most {WIDEST:,.0f} times the lower"
            )
        elif any(
            max(stated, found) > MOST_TIMES * min(stated, found)
            for stated, found in zip(fit.stated, fit.fitted, strict=True)
        ):
            yield (
                f"no log-normal has the quantiles {_listed(fit.stated)}; the nearest has "
                f"{_listed(fit.fitted)}, and a point is moved by at most a factor of "
                f"{MOST_TIMES:g}"
            )


def _listed(points: Iterable[float]) -> str:
    return ", ".join(f"{point:.3g}" for point in points)


@dataclass(frozen=True)
class AnyWay:
    """Marks a field that takes every known way of stating a number.

    Attributes
    ----------
    kind
        `ProbabilityStatement` or `PositiveStatement`.
    pooled
        Whether what several people state is such a way here.
    """

    kind: type[Statement]
    pooled: bool = True

    def __get_pydantic_core_schema__(self, *_: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, _: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        named = [way.__pydantic_core_schema__ for way in self._ways()]
        short = [TypeAdapter(each).core_schema for each in self.kind.short_forms]
        return handler(core_schema.union_schema([*named, *short]))

    def _ways(self) -> list[type[Statement]]:
        return [way for way in self.kind.known if self.pooled or not way.pooled]

    def _read(self, given: Any) -> Statement:
        if isinstance(given, tuple(self._ways())):
            return cast("Statement", given)
        plain = self.kind.spelled_out(given)
        # What pydantic's own error says of a part stands among what it says of the whole.
        found = self._meant(plain).__pydantic_validator__.validate_python(plain)
        return cast("Statement", found)

    def _meant(self, given: Any) -> type[Statement]:
        """The way with most entries among those that are there, or that resemble what is."""
        ways, names = self._ways(), list(given) if isinstance(given, Mapping) else []
        best = most_alike([way.entries() for way in ways], names)
        if best is not None:
            return ways[best]
        entries = {entry: way for way in reversed(ways) for entry in way.entries()}
        close = [get_close_matches(str(name), entries, n=1) for name in names]
        return next((entries[found] for [found] in filter(None, close)), ways[0])


class RealInterval(Value):
    """An equal-tailed interval of a number that may be negative."""

    lower: Annotated[float, Field(allow_inf_nan=False), BeforeValidator(widen)]
    upper: Annotated[float, Field(allow_inf_nan=False), BeforeValidator(widen)]
    coverage: Coverage = 0.9


RealNumber = Annotated[
    RealInterval,
    BeforeValidator(pair_to_interval, json_schema_input_type=RealInterval | tuple[float, float]),
]
