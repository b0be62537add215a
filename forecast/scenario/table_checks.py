"""Rules that one table keeps, and what is reported of a variable.

Like those of `forecast.scenario.scenario_checks`, every function yields findings and stops at none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from math import isclose, prod

from forecast.errors import nearest
from forecast.scenario.elicitation import (
    fit_row,
    row_concentration,
)
from forecast.scenario.fits import SMALLEST_SHAPE
from forecast.scenario.forms import (
    Count,
    LikelihoodRatios,
    Measured,
    NoisyMax,
    Quantity,
    Ranked,
    RealQuantity,
    Row,
    Rows,
    Table,
    conditions,
    parents_of,
    parse_parent,
    references,
    spell_parent,
    states_meant,
)
from forecast.scenario.hazard_checks import check_hazards, check_overlaps
from forecast.scenario.limits import (
    LARGEST,
    MOST_CASES,
    Finding,
    check_days,
)
from forecast.scenario.scenario import Variable
from forecast.scenario.statement_text import FAR, moved_text
from forecast.scenario.statements import ProbabilityStatement
from forecast.scenario.tree import Path

Variables = Mapping[str, Variable]
ROW_KINDS = ("probability", "counts", "concentration", "exactly", "unknown")

ROW_SUM_TOLERANCE = 1e-9
MOST_DEGREES = 1e6
"""Degrees of freedom beyond which Student's t is the normal."""
CELL_LIMIT = 1_000_000
"""Cells of one table; nobody can state more, and a network with more cannot be summed out."""


def find_unknown(
    at: Path, table: Table, variables: Variables, unread: frozenset[str]
) -> Iterator[Finding]:
    """Yield mentions of parents, or of their states, that do not exist."""
    for where, reference in references(table):
        name, _ = parse_parent(reference)
        if name not in variables and name not in unread:
            yield (*at, *where), f"{name!r} is not a variable; {nearest(name, variables)}"
    for where, when in conditions(table):
        for reference, value in when.items():
            name, _ = parse_parent(reference)
            legal = variables[name].states if name in variables else ()
            for state in states_meant(value):
                if legal and state not in legal:
                    yield (
                        (*at, *where, reference),
                        f"{state!r} is not a state of {name}; {nearest(state, legal)}",
                    )


def mentions(table: Table, names: frozenset[str]) -> bool:
    """Whether a table has one of some variables as a parent."""
    return any(parse_parent(reference)[0] in names for _, reference in references(table))


def check_table(
    at: Path, table: Table, name: str, variables: Variables, *, resolved: bool = True
) -> Iterator[Finding]:
    """Yield what is wrong with a table.

    Parameters
    ----------
    at
        Path of the table.
    table, name
        The table, and the name of its variable.
    variables
        All variables.
    resolved
        Whether its parents and their states all exist. If not, only what stands in the table is
        looked at, and not what is missing.
    """
    states = variables[name].states
    if len(set(states)) < len(states):
        return
    parents = parents_of(table, name)
    n_cells = len(states)
    if resolved:
        n_cells *= prod(len(variables[parent].states) for parent, _ in parents)
    if n_cells > CELL_LIMIT:
        yield at, f"{len(parents)} parents make {n_cells:,} cells; at most {CELL_LIMIT:,}"
        return
    if isinstance(table, Rows):
        for index, row in enumerate(table.rows):
            yield from _check_row((*at, "rows", index), row, states)
        if resolved:
            yield from _check_coverage(at, table, name, variables)
    elif isinstance(table, NoisyMax):
        yield from _check_causes(at, table, states)
    elif isinstance(table, LikelihoodRatios):
        faults = list(_check_ratios(at, table, states))
        yield from faults
        if resolved and not faults:
            yield from _check_raised(at, table, name, variables)
    elif isinstance(table, Ranked):
        yield from _check_influences(at, table)
    else:
        yield from check_hazards(at, table, states)
        if resolved:
            yield from check_overlaps(at, table, states, variables)


def check_measured(at: Path, variable: Variable) -> Iterator[Finding]:
    """Yield what is wrong with the number that is reported about a variable."""
    measured = variable.measured
    if measured is None:
        return
    where = (*at, "measured")
    if variable.role not in ("indicator", "outcome"):
        yield (
            where,
            f"only an indicator or an outcome is measured; the role here is {variable.role}",
        )
    extra = {
        "poisson": ("dispersion", False),
        "negative_binomial": ("dispersion", True),
        "normal": ("degrees", False),
        "student_t": ("degrees", True),
    }
    field, needed = extra[measured.family]
    if needed != (getattr(measured, field) is not None):
        verb = "needs" if needed else "has no"
        yield where, f"a {measured.family} {verb} `{field}`"
    elif needed and field == "degrees" and not getattr(measured, field) <= MOST_DEGREES:
        yield (*where, field), f"{getattr(measured, field):g}; at most {MOST_DEGREES:,.0f}"
    yield from _check_quantities(where, measured, variable.states)


def _check_quantities(at: Path, measured: Measured, states: tuple[str, ...]) -> Iterator[Finding]:
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


def _check_row(at: Path, row: Row, states: tuple[str, ...]) -> Iterator[Finding]:
    stated = {key: value for key in ROW_KINDS if (value := getattr(row, key)) is not None}
    if len(stated) != 1:
        given = ", ".join(stated) or "none"
        legal = f"{', '.join(ROW_KINDS[:-1])} and {ROW_KINDS[-1]}"
        yield at, f"a row has one of {legal}; given: {given}"
        return
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
) -> Iterator[Finding]:
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


def _check_coverage(at: Path, table: Rows, name: str, variables: Variables) -> Iterator[Finding]:
    parents = parents_of(table, name)
    legal = [variables[parent].states for parent, _ in parents]
    seen: dict[tuple[str, ...], int] = {}
    for index, row in enumerate(table.rows):
        when = {parse_parent(reference): value for reference, value in row.when.items()}
        absent = [parent for parent in parents if parent not in when]
        if absent:
            yield (
                (*at, "rows", index),
                f"the row does not say for which state of {spell_parent(*absent[0])} it holds",
            )
            return
        for config in product(*(states_meant(when[parent]) for parent in parents)):
            if config in seen:
                yield (
                    (*at, "rows", index),
                    f"the row repeats row {seen[config] + 1} for {_say(parents, config)}",
                )
            seen.setdefault(config, index)
    missing = [config for config in product(*legal) if config not in seen]
    for config in missing[:5]:
        yield (*at, "rows"), f"no row for {_say(parents, config)}"
    if len(missing) > 5:
        yield (*at, "rows"), f"and no row for {len(missing) - 5} more configurations"


def _check_causes(at: Path, table: NoisyMax, states: tuple[str, ...]) -> Iterator[Finding]:
    if table.leak.when:
        yield (*at, "leak", "when"), "the leak acts always: it has no `when`"
    yield from _check_row((*at, "leak"), table.leak, states)
    seen: set[tuple[str, str]] = set()
    for index, cause in enumerate(table.causes):
        where = (*at, "causes", index)
        yield from _check_row(where, cause, states)
        if len(cause.when) != 1:
            yield where, f"a cause names one parent in `when`; given: {len(cause.when)}"
            continue
        [(reference, value)] = cause.when.items()
        for state in states_meant(value):
            if (reference, state) in seen:
                yield where, f"{reference}={state} is already a cause"
            seen.add((reference, state))


def _check_ratios(at: Path, table: LikelihoodRatios, states: tuple[str, ...]) -> Iterator[Finding]:
    yield from _check_row((*at, "base"), table.base, states)
    if table.base.when:
        yield (*at, "base", "when"), "the base rate holds always: it has no `when`"
    for index, ratio in enumerate(table.ratios):
        where = (*at, "ratios", index)
        if ratio.state not in states:
            legal = nearest(ratio.state, states)
            yield (*where, "state"), f"{ratio.state!r} is not a state; {legal}"
        yield from ratio.times.check((*where, "times"))


def _check_raised(
    at: Path, table: LikelihoodRatios, name: str, variables: Variables
) -> Iterator[Finding]:
    """No configuration may raise all states, or states above a probability of one."""
    parents = parents_of(table, name)
    base = _upper_probabilities(table.base, variables[name].states)
    for config in product(*(variables[parent].states for parent, _ in parents)):
        state_of = dict(zip(parents, config, strict=True))
        active = [
            ratio
            for ratio in table.ratios
            if all(state_of[parse_parent(r)] in states_meant(v) for r, v in ratio.when.items())
        ]
        named = {ratio.state for ratio in active}
        if named == set(base):
            yield (
                (*at, "ratios"),
                f"the ratios for {_say(parents, config)} name every state; leave one to take up "
                "the rest",
            )
            return
        if not any(upper > 0 for state, upper in base.items() if state not in named):
            yield (
                (*at, "ratios"),
                f"for {_say(parents, config)} the states that no ratio names have a base rate of "
                "0, so nothing can take up the rest",
            )
            return
        raised = sum(
            base[state] * prod(r.times.interval()[1] for r in active if r.state == state)
            for state in named
        )
        if raised > 1:
            yield (
                (*at, "ratios"),
                f"for {_say(parents, config)} the upper ends multiply to a probability of "
                f"{raised:.3g}, above 1; lower them, or state the rows",
            )
            return


def _upper_probabilities(row: Row, states: tuple[str, ...]) -> dict[str, float]:
    """Upper end of each state's probability; the mean where no probability is stated."""
    if row.exactly is not None:
        return {state: row.exactly.get(state, 0.0) for state in states}
    if row.probability is None:
        alpha = row_concentration(row, states)
        return {state: own / sum(alpha) for state, own in zip(states, alpha, strict=True)}
    ends = {state: stated.interval() for state, stated in row.probability.items()}
    return {
        state: ends[state][1] if state in ends else 1 - min(other[0] for other in ends.values())
        for state in states
    }


def _check_influences(at: Path, table: Ranked) -> Iterator[Finding]:
    yield from table.spread.between.check((*at, "spread", "between"))
    seen: set[str] = set()
    for index, influence in enumerate(table.influences):
        where = (*at, "influences", index)
        if influence.of in seen:
            yield (*where, "of"), f"{influence.of} is named twice"
        seen.add(influence.of)
        yield from influence.weight.check((*where, "weight"))


def _say(parents: tuple[tuple[str, int], ...], config: tuple[str, ...]) -> str:
    pairs = zip(parents, config, strict=True)
    return (
        ", ".join(f"{spell_parent(*parent)}={state}" for parent, state in pairs) or "the only row"
    )
