"""An ordered variable that is pulled by its ordered parents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field

from forecast.scenario.basis import Basis
from forecast.scenario.forms.form import (
    Expression,
    Parent,
    TableForm,
    TableWriter,
    Variables,
    configurations,
    parse_parent,
)
from forecast.scenario.forms.quantity import Quantity
from forecast.scenario.limits import LocatedFault
from forecast.scenario.positive_statements import PositiveNumber
from forecast.scenario.statements import Value


class Influence(Value):
    """How strongly one ordered parent pulls, relative to the others; up, or down if `against`."""

    of: str
    weight: PositiveNumber
    against: bool = False
    basis: Basis


class Ranked(TableForm):
    """An ordered variable that follows the weighted mean of its ordered parents.

    States lie at equal distances on a scale from 0 to 1. The row is a normal distribution around
    the weighted mean of the parents' places, with standard deviation `spread`, cut off at 0 and 1
    (Fenton, Neil, Caballero: Using ranked nodes to model qualitative judgments in Bayesian
    networks, IEEE Transactions on Knowledge and Data Engineering 19(10), 2007).
    """

    form: Literal["ranked"] = "ranked"
    influences: Annotated[tuple[Influence, ...], Field(min_length=1)]
    spread: Quantity

    def references(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield every parent with its path inside the table."""
        for index, influence in enumerate(self.influences):
            yield ("influences", index, "of"), influence.of

    def faults(self, name: str, variables: Variables, *, resolved: bool) -> Iterator[LocatedFault]:
        """Yield what is wrong with the spread and the weights, and parents that are named twice."""
        del name, variables, resolved
        yield from self.spread.between.check(("spread", "between"))
        seen: set[str] = set()
        for index, influence in enumerate(self.influences):
            where = ("influences", index)
            if influence.of in seen:
                yield (*where, "of"), f"{influence.of} is named twice"
            seen.add(influence.of)
            yield from influence.weight.check((*where, "weight"))

    def cells(
        self, write: TableWriter, name: str, parents: tuple[Parent, ...], label: str
    ) -> Iterator[Expression]:
        """Yield the parts of a normal distribution around the weighted mean of the parents."""
        weights = [
            write.factor(influence.weight, f"{label}: weight of {influence.of}")
            for influence in self.influences
        ]
        spread = write.factor(self.spread.between, f"{label}: spread")
        whole = write.sum(weights)
        for config in configurations(parents, write.states):
            pulled = [
                write.product([weight, write.constant(place)])
                for weight, place in zip(weights, self._places(write, config), strict=True)
            ]
            mean = write.ratio(write.sum(pulled), whole)
            yield from _cut_normal(write, mean, spread, len(write.states[name]))

    def _places(self, write: TableWriter, config: Mapping[Parent, str]) -> Iterator[float]:
        """Yield the place of each parent's state on the scale from 0 to 1."""
        for influence in self.influences:
            parent = parse_parent(influence.of)
            states = write.states[parent[0]]
            at = (states.index(config[parent]) + 0.5) / len(states)
            yield 1 - at if influence.against else at


def _cut_normal(
    write: TableWriter, mean: Expression, spread: Expression, n: int
) -> list[Expression]:
    """Probabilities of n equal parts of the scale under a truncated normal distribution."""
    edges = [
        write.ratio(write.difference(write.constant(k / n), mean), spread) for k in range(n + 1)
    ]
    mass = [write.normal_between(a, b) for a, b in pairwise(edges)]
    whole = write.sum(mass)
    return [write.ratio(part, whole) for part in mass]
