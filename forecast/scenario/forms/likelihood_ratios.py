"""A base rate, and what makes each state more or less likely."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import Annotated, Literal

from pydantic import Field

from forecast.errors import nearest
from forecast.scenario.basis import Basis
from forecast.scenario.forms.form import (
    Expression,
    Parent,
    TableForm,
    TableWriter,
    Variables,
    When,
    condition_text,
    configuration_text,
    configurations,
    holds,
)
from forecast.scenario.forms.rows import Row, check_row
from forecast.scenario.limits import LocatedFault
from forecast.scenario.positive_statements import PositiveNumber
from forecast.scenario.statements import Value


class Ratio(Value):
    """How many times as likely a state is, while `when` holds, as the base rate says."""

    when: Annotated[When, Field(min_length=1)]
    state: str
    times: PositiveNumber
    basis: Basis


class LikelihoodRatios(TableForm):
    """A base rate, and ratios that multiply the probability of states while their conditions hold.

    Ratios that hold together multiply one another. The states that no active ratio names share
    what is left in the proportions of the base rate.
    """

    form: Literal["likelihood_ratios"] = "likelihood_ratios"
    base: Row
    ratios: Annotated[tuple[Ratio, ...], Field(min_length=1)]

    def faults(self, name: str, variables: Variables, *, resolved: bool) -> Iterator[LocatedFault]:
        """Yield what is wrong with the base rate and the ratios, and with their products."""
        found = list(self._check_parts(variables[name].states))
        yield from found
        if resolved and not found:
            yield from self._check_raised(name, variables)

    def _check_parts(self, states: tuple[str, ...]) -> Iterator[LocatedFault]:
        yield from check_row(("base",), self.base, states)
        if self.base.when:
            yield ("base", "when"), "the base rate holds always: it has no `when`"
        if self.base.within is not None:
            yield ("base", "within"), "ratios are of one step, and so is the base rate"
        for index, ratio in enumerate(self.ratios):
            where = ("ratios", index)
            if ratio.state not in states:
                legal = nearest(ratio.state, states)
                yield (*where, "state"), f"{ratio.state!r} is not a state; {legal}"
            yield from ratio.times.check((*where, "times"))

    def _check_raised(self, name: str, variables: Variables) -> Iterator[LocatedFault]:
        """No configuration may raise all states, or states above a probability of one."""
        parents = self.parents(name)
        base = _upper_probabilities(self.base, variables[name].states)
        states = {parent: variables[parent].states for parent, _ in parents}
        for config in configurations(parents, states):
            active = [ratio for ratio in self.ratios if holds(ratio.when, config)]
            message = _raised_too_far(base, active, configuration_text(config))
            if message:
                yield ("ratios",), message
                return

    def cells(
        self, write: TableWriter, name: str, parents: tuple[Parent, ...], label: str
    ) -> Iterator[Expression]:
        """Yield the base rate, with some states raised and the rest in proportion."""
        states = write.states[name]
        base = self.base.cells(write, states, f"{label} | base rate")
        factors = [
            write.factor(ratio.times, f"{label}: {ratio.state}{condition_text(ratio.when)}, times")
            for ratio in self.ratios
        ]
        for config in configurations(parents, write.states):
            times: dict[str, list[Expression]] = {}
            for factor, ratio in zip(factors, self.ratios, strict=True):
                if holds(ratio.when, config):
                    times.setdefault(ratio.state, []).append(factor)
            yield from _raise(write, dict(zip(states, base, strict=True)), times)


def _raise(
    write: TableWriter, base: Mapping[str, Expression], times: Mapping[str, list[Expression]]
) -> list[Expression]:
    """Multiply the probability of some states; the others share the rest in proportion."""
    if not times:
        return list(base.values())
    raised = {state: write.product([base[state], *times[state]]) for state in times}
    total = write.positive(write.sum(raised.values()))
    allowed = write.below_one(total)
    shrink = write.ratio(allowed, total)
    rest = write.positive(write.sum(base[state] for state in base if state not in times))
    left = write.ratio(write.difference(write.constant(1.0), allowed), rest)
    row = [
        write.product([raised[state], shrink] if state in times else [base[state], left])
        for state in base
    ]
    # Probabilities that underflowed leave the row short of one.
    whole = write.sum(row)
    return [write.ratio(cell, whole) for cell in row]


def _raised_too_far(base: Mapping[str, float], active: list[Ratio], where: str) -> str:
    """Say why ratios that hold together cannot; nothing if they can."""
    named = {ratio.state for ratio in active}
    if named == set(base):
        return f"the ratios for {where} name every state; leave one to take up the rest"
    if not any(upper > 0 for state, upper in base.items() if state not in named):
        return (
            f"for {where} the states that no ratio names have a base rate of 0, so nothing can "
            "take up the rest"
        )
    raised = sum(
        base[state] * prod(r.times.interval()[1] for r in active if r.state == state)
        for state in named
    )
    if raised > 1:
        return (
            f"for {where} the upper ends multiply to a probability of {raised:.3g}, above 1; "
            "lower them, or state the rows"
        )
    return ""


def _upper_probabilities(row: Row, states: tuple[str, ...]) -> dict[str, float]:
    """Upper end of each state's probability; the mean where no probability is stated."""
    if row.exactly is not None:
        return {state: row.exactly.get(state, 0.0) for state in states}
    if row.probability is None:
        alpha = row.alpha(states)
        return {state: own / sum(alpha) for state, own in zip(states, alpha, strict=True)}
    ends = {state: stated.interval() for state, stated in row.probability.items()}
    return {
        state: ends[state][1] if state in ends else 1 - min(other[0] for other in ends.values())
        for state in states
    }
