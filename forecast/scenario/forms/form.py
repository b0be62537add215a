"""What every form of table is: its entries, its parents, its rules and its expressions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from inspect import isabstract
from itertools import product
from re import fullmatch
from typing import Any, ClassVar, Protocol, cast

from pydantic import GetJsonSchemaHandler
from pydantic_core import SchemaValidator, core_schema

from forecast.arguments import short_repr
from forecast.scenario.fits import RowFit
from forecast.scenario.grammar import forget_schemas
from forecast.scenario.limits import LocatedFault
from forecast.scenario.statements import PositiveStatement, Value, spell_tag
from forecast.timeline import MAX_STEPS
from forecast.wording import earlier

When = dict[str, str | tuple[str, ...]]
Parent = tuple[str, int]
"""A variable, and how many steps ago; 0 in the same step."""
Expression = tuple[str, int]
"""A number that a formula has written down, by family and number in it."""


class HasStates(Protocol):
    """A variable, as far as the tables of others are concerned."""

    @property
    def states(self) -> tuple[str, ...]:
        """Its states."""
        ...

    @property
    def table(self) -> TableForm | None:
        """Its table of all steps, if it has one."""
        ...


Variables = Mapping[str, HasStates]


class TableWriter(Protocol):
    """What a form writes its cells with: judgements and formulas; see `forecast.model.builder`."""

    @property
    def states(self) -> Mapping[str, tuple[str, ...]]:
        """States of every variable."""
        ...

    @property
    def step_days(self) -> float:
        """Days of a step."""
        ...

    def beta(self, shape: tuple[float, float], label: str) -> Expression:
        """A probability with a Beta prior."""
        ...

    def dirichlet(
        self, alpha: tuple[float, ...], states: tuple[str, ...], label: str
    ) -> list[Expression]:
        """Probabilities with a Dirichlet prior, in the order of the states."""
        ...

    def factor(self, stated: PositiveStatement, label: str) -> Expression:
        """A positive number with a log-normal prior."""
        ...

    def note_fit(self, label: str, states: tuple[str, ...], fit: RowFit) -> None:
        """Remember where a prior moves the intervals that were stated."""
        ...

    def constant(self, value: float) -> Expression:
        """A number that is known exactly."""
        ...

    def sum(self, parts: Iterable[Expression]) -> Expression:
        """Sum of at least one number."""
        ...

    def product(self, parts: Iterable[Expression]) -> Expression:
        """Product of at least one number."""
        ...

    def difference(self, a: Expression, b: Expression) -> Expression:
        """The first less the second."""
        ...

    def ratio(self, a: Expression, b: Expression) -> Expression:
        """The first over the second."""
        ...

    def positive(self, a: Expression) -> Expression:
        """A number, or the smallest above zero that differs from it."""
        ...

    def below_one(self, a: Expression) -> Expression:
        """A number, or the largest below one that differs from it."""
        ...

    def clipped(self, a: Expression) -> Expression:
        """A number, or what of 0 and 1 is nearer to one that lies beyond them."""
        ...

    def hazard(self, probability: Expression) -> Expression:
        """-log(1 - p): what adds up where events compete."""
        ...

    def survival(self, hazard: Expression) -> Expression:
        """exp(-h): that nothing comes."""
        ...

    def share(self, hazard: Expression) -> Expression:
        """(1 - exp(-h)) / h: what each of competing hazards is multiplied by."""
        ...

    def normal_between(self, a: Expression, b: Expression) -> Expression:
        """Mass of the standard normal distribution between two points."""
        ...


class TableForm(Value, ABC):
    """A form in which a table is given, which its entry `form` names.

    A subclass with an entry of its own, such as ``form: Literal["rows"] = "rows"``, is read
    wherever a table may stand, and stands in the JSON Schema.
    """

    known: ClassVar[tuple[type[TableForm], ...]] = ()
    """Every form of table."""
    stands_alone: ClassVar[bool] = False
    """Whether it cannot stand inside another table."""

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        """Make the form known."""
        if not isabstract(cls):
            TableForm.known = (*TableForm.known, cls)
            forget_schemas()

    @property
    def stated(self) -> TableForm:
        """What is stated of the variable by itself: this table, or the one that stands in it."""
        return self

    def entries(self) -> Iterator[tuple[tuple[str | int, ...], Any]]:
        """Yield every part of the table that has a `when`, with its path inside the table."""
        for name in type(self).model_fields:
            found = getattr(self, name)
            if hasattr(found, "when"):
                yield (name,), found
            for index, item in enumerate(found if isinstance(found, tuple) else ()):
                if hasattr(item, "when"):
                    yield (name, index), item

    def conditions(self) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
        """Yield every `when` of the table with its path inside the table."""
        for path, entry in self.entries():
            yield (*path, "when"), entry.when

    def references(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield every mention of a parent with its path inside the table."""
        for path, when in self.conditions():
            for reference in when:
                yield (*path, reference), reference

    def parents(self, own_name: str) -> tuple[Parent, ...]:
        """Parents as (name, lag), in order of first mention."""
        del own_name
        return tuple(dict.fromkeys(parse_parent(reference) for _, reference in self.references()))

    @abstractmethod
    def faults(self, name: str, variables: Variables, *, resolved: bool) -> Iterator[LocatedFault]:
        """Yield what is wrong with the table of a variable, with its path inside the table.

        Parameters
        ----------
        name
            The variable.
        variables
            All variables.
        resolved
            Whether the parents and their states all exist. If not, only what stands in the table
            is looked at, and not what is missing.
        """

    @abstractmethod
    def cells(
        self, write: TableWriter, name: str, parents: tuple[Parent, ...], label: str
    ) -> Iterator[Expression]:
        """Yield the cells: for every configuration of the parents, those of the states.

        Parameters
        ----------
        write
            Writes judgements and formulas down.
        name, parents
            The variable, and its parents in order; the last one varies fastest.
        label
            What the judgements of this table are called.
        """


@dataclass(frozen=True)
class AnyForm:
    """Marks a field that takes every known form of table.

    Attributes
    ----------
    within
        Whether the field is an entry of a table, in which some forms cannot stand.
    """

    within: bool = False

    @property
    def _forms(self) -> tuple[type[TableForm], ...]:
        return tuple(form for form in TableForm.known if not (self.within and form.stands_alone))

    def __get_pydantic_core_schema__(self, *_: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_plain_validator_function(self._read)

    def __get_pydantic_json_schema__(
        self, _: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return handler(_any_form(*self._forms))

    def _read(self, given: Any) -> TableForm:
        validator = _validator(*self._forms)
        return cast("TableForm", validator.validate_python(spell_tag("form", given)))


def _any_form(*forms: type[TableForm]) -> core_schema.CoreSchema:
    by_tag = {form.model_fields["form"].default: form.__pydantic_core_schema__ for form in forms}
    return core_schema.tagged_union_schema(dict(sorted(by_tag.items())), discriminator="form")


@lru_cache(maxsize=4)
def _validator(*forms: type[TableForm]) -> SchemaValidator:
    return SchemaValidator(_any_form(*forms))


def configurations(
    parents: tuple[Parent, ...], states: Mapping[str, tuple[str, ...]]
) -> Iterator[dict[Parent, str]]:
    """Yield the states of all parents in turn; the last one varies fastest.

    Examples
    --------
    >>> [*configurations((("rain", 1),), {"rain": ("no", "yes")})]
    [{('rain', 1): 'no'}, {('rain', 1): 'yes'}]
    """
    for config in product(*(states[name] for name, _ in parents)):
        yield dict(zip(parents, config, strict=True))


def holds(when: Mapping[str, Any], config: Mapping[Parent, str]) -> bool:
    """Whether a condition holds in a configuration of the parents."""
    return all(config[parse_parent(ref)] in states_meant(value) for ref, value in when.items())


def parse_parent(reference: str) -> Parent:
    """Split a parent's reference into its name and its lag.

    Examples
    --------
    >>> parse_parent("storm"), parse_parent("previous storm"), parse_parent("previous 2 storm")
    (('storm', 0), ('storm', 1), ('storm', 2))
    """
    if numbered := fullmatch(r"previous ([0-9]{1,4}) (.+)", reference):
        return numbered[2], int(numbered[1])
    name = reference.removeprefix("previous ")
    return name, int(name != reference)


def check_reference(reference: str) -> Iterator[str]:
    """Yield what is wrong with how a parent is written, if it is one of an earlier step.

    Examples
    --------
    >>> [*check_reference("previous 2 storm")], [*check_reference("previous 1 storm")]
    ([], ["'previous 1 storm' is written previous storm"])
    """
    first, *words = reference.split(" ")
    if first != "previous" or not words:
        return
    number, name = words[0], words[-1]
    if len(words) == 1:
        if not name[:1].isalpha():
            yield f"{reference!r} names no variable: two steps before is written previous 2 NAME"
    elif len(words) > 2 or not fullmatch("[0-9]+", number):
        yield (
            f"{reference!r}: the step before is written previous {name}, two steps before "
            f"previous 2 {name}, with a number in digits"
        )
    elif len(number) > 4 or int(number) > MAX_STEPS:
        yield f"{short_repr(reference)} is too long ago: a scenario has at most {MAX_STEPS:,} steps"
    elif (spelled := earlier(name, int(number))) != reference:
        yield f"{reference!r} is written {spelled}"


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


def configuration_text(config: Mapping[Parent, str]) -> str:
    """A configuration of the parents in a message."""
    pairs = ", ".join(f"{earlier(*parent)}={state}" for parent, state in config.items())
    return pairs or "the only row"
