"""Independent causes, each of which alone brings a variable to some state or a higher one."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Annotated, Literal

from pydantic import Field

from forecast.scenario.forms.form import (
    Expression,
    Parent,
    TableForm,
    TableWriter,
    Variables,
    configurations,
    holds,
    states_meant,
)
from forecast.scenario.forms.rows import Row, check_row
from forecast.scenario.limits import LocatedFault


class NoisyMax(TableForm):
    """Independent causes, each pushing the variable up its ordered states.

    The variable ends in the highest state that any active cause or the leak brings about. With
    two states this is the noisy-OR (Pearl 1988; Díez 1993 for the graded form).
    """

    form: Literal["noisy_max"] = "noisy_max"
    leak: Row
    causes: Annotated[tuple[Row, ...], Field(min_length=1)]

    def faults(self, name: str, variables: Variables, *, resolved: bool) -> Iterator[LocatedFault]:
        """Yield what is wrong with the leak and the causes, and causes that are named twice."""
        del resolved
        states = variables[name].states
        if self.leak.when:
            yield ("leak", "when"), "the leak acts always: it has no `when`"
        yield from check_row(("leak",), self.leak, states)
        seen: set[tuple[str, str]] = set()
        for index, cause in enumerate(self.causes):
            yield from check_row(("causes", index), cause, states)
            if len(cause.when) != 1:
                message = f"a cause names one parent in `when`; given: {len(cause.when)}"
                yield ("causes", index), message
                continue
            [(reference, value)] = cause.when.items()
            for state in states_meant(value):
                if (reference, state) in seen:
                    yield ("causes", index), f"{reference}={state} is already a cause"
                seen.add((reference, state))

    def cells(
        self, write: TableWriter, name: str, parents: tuple[Parent, ...], label: str
    ) -> Iterator[Expression]:
        """Yield differences of P(at most state k), a product over active causes (Díez 1993)."""
        leak, *causes = (
            self._running_sums(write, row, name, label) for row in (self.leak, *self.causes)
        )
        for config in configurations(parents, write.states):
            active = [leak] + [
                sums
                for sums, cause in zip(causes, self.causes, strict=True)
                if holds(cause.when, config)
            ]
            upto = [write.product(parts) for parts in zip(*active, strict=True)]
            upto.append(write.constant(1.0))
            yield upto[0]
            yield from (write.difference(b, a) for a, b in pairwise(upto))

    @staticmethod
    def _running_sums(write: TableWriter, row: Row, name: str, label: str) -> list[Expression]:
        """P(at most state k) of one cause, for all states but the last, where it is one."""
        table = label if row.when else f"{label} | leak"
        *cells, _ = row.cells(write, write.states[name], row.label(table))
        return list(accumulate(cells, lambda a, b: write.sum([a, b])))
