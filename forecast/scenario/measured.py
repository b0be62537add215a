"""Variables of which a number is reported, a count or a real number, whatever their states."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from forecast.errors import nearest
from forecast.scenario.forms import Quantity, RealQuantity
from forecast.scenario.limits import LARGEST, LocatedFault, check_days
from forecast.scenario.statements import Positive, Text, Value, spell_tag
from forecast.scenario.tree import Path

MOST_DEGREES = 1e6
"""Degrees of freedom beyond which Student's t is the normal."""


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


Measured = Annotated[
    Count | Real, Field(discriminator="family"), BeforeValidator(partial(spell_tag, "family"))
]


def check_measured(at: Path, measured: Measured, states: tuple[str, ...]) -> Iterator[LocatedFault]:
    """Yield what is wrong with the number that is reported about a variable."""
    extra = {
        "poisson": ("dispersion", False),
        "negative_binomial": ("dispersion", True),
        "normal": ("degrees", False),
        "student_t": ("degrees", True),
    }
    field, needed = extra[measured.family]
    if needed != (getattr(measured, field) is not None):
        verb = "needs" if needed else "has no"
        yield at, f"a {measured.family} {verb} `{field}`"
    elif needed and field == "degrees" and not getattr(measured, field) <= MOST_DEGREES:
        yield (*at, field), f"{getattr(measured, field):g}; at most {MOST_DEGREES:,.0f}"
    yield from _check_quantities(at, measured, states)


def _check_quantities(
    at: Path, measured: Measured, states: tuple[str, ...]
) -> Iterator[LocatedFault]:
    by_state: dict[str, Mapping[str, Quantity | RealQuantity]]
    per = measured.per if isinstance(measured, Count) else None
    if isinstance(measured, Count):
        by_state = {"rate": measured.rate}
        faults = [*check_days((*at, "per"), measured.per)]
        yield from faults
        if faults:
            return
        if measured.dispersion is not None:
            yield from measured.dispersion.between.check((*at, "dispersion", "between"))
    else:
        by_state = {"mean": measured.mean, "sd": measured.sd}
    for field, quantities in by_state.items():
        for state in quantities:
            if state not in states:
                yield (*at, field, state), f"{state!r} is not a state; {nearest(state, states)}"
        missing = [state for state in states if state not in quantities]
        if missing:
            yield (*at, field), f"nothing is given for {', '.join(missing)}"
        for state, quantity in quantities.items():
            where = (*at, field, state, "between")
            if isinstance(quantity, Quantity):
                yield from quantity.between.check(where, per)
            elif not -LARGEST <= quantity.between.lower < quantity.between.upper <= LARGEST:
                ends = f"[{quantity.between.lower:g}, {quantity.between.upper:g}]"
                yield where, f"{ends}: needs lower < upper, within ±{LARGEST:,.0f}"
