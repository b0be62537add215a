"""A table that is given row by row, and the row that other forms have as well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product
from math import isclose
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from forecast.errors import nearest
from forecast.scenario.basis import Basis
from forecast.scenario.elicitation import fit_row
from forecast.scenario.fits import SMALLEST_SHAPE
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
    parse_parent,
    states_meant,
)
from forecast.scenario.limits import LARGEST, MOST_CASES, LocatedFault, check_days
from forecast.scenario.probability_statements import Probability
from forecast.scenario.statement_text import FAR, moved_text
from forecast.scenario.statements import Number, Positive, ProbabilityStatement, Value
from forecast.scenario.tree import Path
from forecast.wording import earlier

ROW_KINDS = ("probability", "counts", "concentration", "exactly", "unknown")
ROW_SUM_TOLERANCE = 1e-9


class Row(Value):
    """One row of a table: the probability of each state when the parents are as `when` says.

    Exactly one is given of `probability` (that of each state), `counts` (cases seen of each
    state), `concentration` (of a Dirichlet), `exactly` (known probabilities) and `unknown`.

    With `within` it is the probability of the highest state in so many days, in each step of which
    the variable is drawn anew, and not that of one step: nobody adds up probabilities of weeks in
    their head.
    """

    when: When = Field(default_factory=dict)
    probability: dict[str, Probability] | None = None
    counts: dict[str, Annotated[int, Field(ge=0)]] | None = None
    concentration: dict[str, Number] | None = None
    exactly: dict[str, Number] | None = None
    unknown: Literal[True] | None = None
    within: Positive | None = None
    basis: Basis

    def alpha(self, states: Sequence[str]) -> tuple[float, ...]:
        """Concentrations of its Dirichlet, by state; not of one that is known exactly.

        Counts of cases and unknown rows have Jeffreys' prior, half a case for each state.
        """
        if self.probability is not None:
            return fit_row(states, self.probability).concentration
        if self.concentration is not None:
            return tuple(self.concentration[state] for state in states)
        counts = self.counts or {}
        return tuple(counts.get(state, 0) + 0.5 for state in states)

    def label(self, table: str) -> str:
        """What its judgements are called: the table, what holds, and the days it is about."""
        days = "" if self.within is None else f" within {self.within:g} days"
        return f"{table}{condition_text(self.when)}{days}"

    def cells(self, write: TableWriter, states: tuple[str, ...], label: str) -> list[Expression]:
        """Its cells for one step, in the order of the states."""
        if self.exactly is not None:
            return self._exact_cells(write, states)
        if self.probability is not None:
            fit = fit_row(states, self.probability)
            write.note_fit(label, states, fit)
            found = write.dirichlet(fit.concentration, states, label)
        else:
            found = write.dirichlet(self.alpha(states), states, label)
        if self.within is None:
            return found
        steps = write.constant(write.step_days / self.within)
        upto = [
            write.survival(write.product([write.hazard(write.sum(found[k:])), steps]))
            for k in range(1, len(found))
        ]
        upto.append(write.constant(1.0))
        return [upto[0], *(write.difference(b, a) for a, b in pairwise(upto))]

    def _exact_cells(self, write: TableWriter, states: tuple[str, ...]) -> list[Expression]:
        """The same where no probability is uncertain, so that what is impossible stays so."""
        assert self.exactly is not None
        exact = [self.exactly.get(state, 0.0) for state in states]
        if self.within is not None:
            upto = np.minimum(np.cumsum(exact), 1.0) ** (write.step_days / self.within)
            exact = np.diff(upto, prepend=0.0).tolist()
        return [write.constant(value) for value in exact]


class Rows(TableForm):
    """A table given row by row; every configuration of the parents has one row."""

    form: Literal["rows"] = "rows"
    rows: Annotated[tuple[Row, ...], Field(min_length=1)]

    def faults(self, name: str, variables: Variables, *, resolved: bool) -> Iterator[LocatedFault]:
        """Yield what is wrong with rows, and configurations without a row or with several."""
        for index, row in enumerate(self.rows):
            yield from check_row(("rows", index), row, variables[name].states)
        if resolved:
            yield from self._check_coverage(name, variables)

    def _check_coverage(self, name: str, variables: Variables) -> Iterator[LocatedFault]:
        parents = self.parents(name)
        seen: dict[tuple[str, ...], int] = {}
        for index, row in enumerate(self.rows):
            when = {parse_parent(reference): value for reference, value in row.when.items()}
            absent = [parent for parent in parents if parent not in when]
            if absent:
                yield (
                    ("rows", index),
                    f"the row does not say for which state of {earlier(*absent[0])} it holds",
                )
                return
            for config in product(*(states_meant(when[parent]) for parent in parents)):
                if config in seen:
                    named = configuration_text(dict(zip(parents, config, strict=True)))
                    message = f"the row repeats row {seen[config] + 1} for {named}"
                    yield ("rows", index), message
                seen.setdefault(config, index)
        states = {parent: variables[parent].states for parent, _ in parents}
        missing = [c for c in configurations(parents, states) if tuple(c.values()) not in seen]
        for config_of in missing[:5]:
            yield ("rows",), f"no row for {configuration_text(config_of)}"
        if len(missing) > 5:
            yield ("rows",), f"and no row for {len(missing) - 5} more configurations"

    def cells(
        self, write: TableWriter, name: str, parents: tuple[Parent, ...], label: str
    ) -> Iterator[Expression]:
        """Yield the cells of the row that holds."""
        rows = [row.cells(write, write.states[name], row.label(label)) for row in self.rows]
        for config in configurations(parents, write.states):
            [index] = [k for k, row in enumerate(self.rows) if holds(row.when, config)]
            yield from rows[index]


def check_row(at: Path, row: Row, states: tuple[str, ...]) -> Iterator[LocatedFault]:
    """Yield what is wrong with one row."""
    stated = {key: value for key in ROW_KINDS if (value := getattr(row, key)) is not None}
    if len(stated) != 1:
        given = ", ".join(stated) or "none"
        legal = f"{', '.join(ROW_KINDS[:-1])} and {ROW_KINDS[-1]}"
        yield at, f"a row has one of {legal}; given: {given}"
        return
    if row.within is not None:
        yield from check_days((*at, "within"), row.within)
    [(kind, cells)] = stated.items()
    if kind == "unknown":
        return
    for state in cells:
        if state not in states:
            yield (*at, kind, state), f"{state!r} is not a state; {nearest(state, states)}"
    if not set(cells) <= set(states):
        return
    if kind == "probability":
        yield from check_probabilities((*at, kind), cells, states)
    elif kind == "counts":
        if set(cells) != set(states) or not 0 < sum(cells.values()) <= MOST_CASES:
            yield (
                (*at, kind),
                f"each state has a count; together 1 to {MOST_CASES:,.0f} cases",
            )
    elif kind == "concentration":
        if set(cells) != set(states) or not all(
            SMALLEST_SHAPE <= alpha <= LARGEST for alpha in cells.values()
        ):
            rule = f"needs a number from {SMALLEST_SHAPE:g} to {LARGEST:,.0f} for each of"
            yield (*at, kind), f"{rule} {', '.join(states)}"
    elif not isclose(sum(cells.values()), 1, abs_tol=ROW_SUM_TOLERANCE):
        yield (*at, kind), f"the row sums to {sum(cells.values()):.12g}, not to 1"


def check_probabilities(
    at: Path, probability: Mapping[str, ProbabilityStatement], states: tuple[str, ...]
) -> Iterator[LocatedFault]:
    """Yield what is wrong with the stated probabilities of a row's states."""
    faults = [
        fault for state, stated in probability.items() for fault in stated.check((*at, state))
    ]
    yield from faults
    if faults or (len(states) == 2 and len(probability) == 1):
        return
    missing = [state for state in states if state not in probability]
    if missing:
        yield at, f"no probability for {', '.join(missing)}"
        return
    fit = fit_row(states, probability)
    if fit.too_far:
        moved = moved_text(states, fit) or moved_text(states, fit, 0.0)
        low, high = (
            sum(stated.interval()[end] for stated in probability.values()) for end in (0, 1)
        )
        yield (
            at,
            f"no row comes near these probabilities (lower ends sum to {low:.3g}, upper ends to "
            f"{high:.3g}): in the nearest Dirichlet {moved}; {FAR}",
        )
