"""Indicators of one cause that in some steps show together or not at all.

Given their parents, the variables of a network are independent of one another. Two forms of table
make some of them dependent and leave the probabilities of each as they are stated. With
probability 1 - share each is drawn by itself; else all take the quantile of one uniform number,
each of its own distribution. That is Fréchet's copula, the mixture of the independent and the
comonotone one (Nelsen: An Introduction to Copulas, 2nd ed., Springer 2006, section 3.2), but that
within a part of the unit interval each is drawn by itself: finer parts come nearer to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate, batched, pairwise
from typing import Annotated, Any, ClassVar, Literal

from forecast.scenario.basis import Basis
from forecast.scenario.forms.form import (
    AnyForm,
    Expression,
    Parent,
    TableForm,
    TableWriter,
    Variables,
    parse_parent,
)
from forecast.scenario.forms.hazards import Hazards
from forecast.scenario.limits import LocatedFault
from forecast.scenario.probability_statements import Probability
from forecast.scenario.tree import Path


class SharedEffect(TableForm):
    """The effect that several variables share: in what share of steps, and how high.

    In the first state each of them is drawn by itself. Every other one is a part of the unit
    interval, from low to high, in which the uniform number of all lies: the first is half of it,
    each further one half as wide as the one before, and the last as wide as its neighbour. So
    parts are fine where states are that seldom occur.
    """

    stands_alone: ClassVar[bool] = True
    form: Literal["shared_effect"] = "shared_effect"
    share: Probability
    basis: Basis

    def faults(self, name: str, variables: Variables, *, resolved: bool) -> Iterator[LocatedFault]:
        """Yield what is wrong with the share, and that there are too few states."""
        del resolved
        yield from self.share.check(("share",))
        if len(variables[name].states) < 3:
            yield (
                (),
                "a shared effect has at least three states: one in which each variable is drawn "
                "by itself, and parts of the unit interval, low to high, for all together",
            )

    def label(self, table: str) -> str:
        """What its judgement is called: the table, and that it is a share of steps."""
        return f"{table}: share of steps"

    def cells(
        self, write: TableWriter, name: str, parents: tuple[Parent, ...], label: str
    ) -> Iterator[Expression]:
        """Yield the probability of no effect, and of each part of the unit interval."""
        del parents
        share = write.beta(self.share.fit().shape, self.label(label))
        yield write.difference(write.constant(1.0), share)
        for lower, upper in pairwise(_edges(len(write.states[name]))):
            yield write.product([share, write.constant(upper - lower)])


class UnderSharedEffect(TableForm):
    """A table of any other form, of a variable that shares an effect with others.

    Its states are ordered: under the effect it is in a high state when the others are.
    """

    stands_alone: ClassVar[bool] = True
    form: Literal["under_shared_effect"] = "under_shared_effect"
    effect: str
    table: Annotated[TableForm, AnyForm(within=True)]

    @property
    def stated(self) -> TableForm:
        """The inner table."""
        return self.table

    def entries(self) -> Iterator[tuple[Path, Any]]:
        """Yield every part of the inner table that has a `when`, with its path."""
        for path, entry in self.table.entries():
            yield ("table", *path), entry

    def references(self) -> Iterator[tuple[Path, str]]:
        """Yield every mention of a parent with its path; the effect comes last."""
        for path, reference in self.table.references():
            yield ("table", *path), reference
        yield ("effect",), self.effect

    def faults(self, name: str, variables: Variables, *, resolved: bool) -> Iterator[LocatedFault]:
        """Yield what is wrong with the inner table, and an effect that is none."""
        for path, message in self.table.faults(name, variables, resolved=resolved):
            yield ("table", *path), message
        if isinstance(self.table, Hazards) and self.table.has_memory:
            message = "moves with `from` have a memory; under a shared effect each step is anew"
            yield ("table", "moves"), message
        if not resolved:
            return
        effect = parse_parent(self.effect)
        if not isinstance(variables[effect[0]].table, SharedEffect):
            message = f"{effect[0]} is no shared effect: its table has another form"
            yield ("effect",), message
        elif effect in self.table.parents(name):
            yield ("effect",), f"{self.effect} is also a parent in the inner table"

    def cells(
        self, write: TableWriter, name: str, parents: tuple[Parent, ...], label: str
    ) -> Iterator[Expression]:
        """Yield each row of the inner table, then what it has in each part of the interval."""
        *inner, (effect, _) = parents
        edges = _edges(len(write.states[effect]))
        cells = self.table.cells(write, name, tuple(inner), label)
        for row in batched(cells, len(write.states[name])):
            yield from row
            for part in pairwise(edges):
                yield from _within_part(write, row, part)


def _edges(n_states: int) -> list[float]:
    """Ends of the parts of the unit interval, of an effect with so many states.

    Examples
    --------
    >>> _edges(5)
    [0.0, 0.5, 0.75, 0.875, 1.0]
    """
    return [*(1 - 0.5**k for k in range(n_states - 1)), 1.0]


def _within_part(
    write: TableWriter, row: Sequence[Expression], part: tuple[float, float]
) -> Iterator[Expression]:
    """Yield probabilities of states given that the uniform number lies in a part.

    P(at most state k | part) is the share of the part that lies below P(at most state k).
    """
    lower, width = write.constant(part[0]), write.constant(part[1] - part[0])
    upto = [
        write.clipped(write.ratio(write.difference(total, lower), width))
        for total in accumulate(row[:-1], lambda a, b: write.sum([a, b]))
    ]
    upto.append(write.constant(1.0))
    yield upto[0]
    yield from (write.difference(b, a) for a, b in pairwise(upto))
