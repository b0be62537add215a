"""A stated number played back: in words and as a curve, before it goes into a scenario."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError
from scipy import stats

from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import InputError, Problem, raise_if_any
from forecast.estimate import MASS_TEXT, TAILS
from forecast.frozen import Frozen, frozen
from forecast.scenario.elicitation import fit_row
from forecast.scenario.fault_messages import Fault, yaml_repr
from forecast.scenario.fits import RowFit
from forecast.scenario.forms.rows import check_probabilities
from forecast.scenario.limits import check_days
from forecast.scenario.positive_statements import PositiveNumber
from forecast.scenario.probability_statements import Probability
from forecast.scenario.statement_text import moved_text, percent_text
from forecast.scenario.statements import PositiveStatement, ProbabilityStatement
from forecast.scenario.tree import Path, spell_path
from forecast.text import printed

POINTS = 200
BARS = "▁▂▃▄▅▆▇█"
BAR_COUNT = 40
NOTABLE_MISS, NOTABLE_SHARE = 0.005, 0.05
"""Distance of a fitted from a stated point that is spoken of, in probability, and as a share of the
interval or of the number itself."""
WIDTH, HEIGHT, BASELINE = 420, 96, 74


@checked
@dataclass(frozen=True)
class Elicited(Frozen):
    """A stated number and the prior that it becomes; made by `elicit`.

    Attributes
    ----------
    label
        What it is the prior of.
    stated
        The statement.
    family
        "beta" or "log-normal".
    shape
        The two parameters of the Beta, or mean and sd of the logarithm.
    notes
        What was done with the statement, sentence by sentence.
    """

    label: str
    stated: object
    family: str
    shape: tuple[float, float]
    notes: tuple[str, ...]

    @cached_property
    def distribution(self) -> Any:
        """The prior as a frozen SciPy distribution."""
        if self.family == "beta":
            return stats.beta(*self.shape)
        return stats.lognorm(self.shape[1], scale=np.exp(self.shape[0]))

    @property
    def mean(self) -> float:
        """Mean of the prior."""
        return float(self.distribution.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """Its 5 % and 95 % points."""
        low, high = self.distribution.ppf(TAILS)
        return float(low), float(high)

    @cached_property
    def curve(self) -> tuple[Array, Array]:
        """Values from the 0.1 % to the 99.9 % point, and the density there, each (200,)."""
        low, high = self.distribution.ppf([0.001, 0.999])
        values = np.linspace(low, high, POINTS)
        # At 0 and 1 the density of a Beta with a shape below 1 is infinite.
        with np.errstate(divide="ignore", over="ignore"):
            density = self.distribution.pdf(values)
        top = 2 * np.quantile(density[np.isfinite(density)], 0.95)
        return frozen((values, np.minimum(density, top)))

    @property
    def words(self) -> str:
        """Everything in sentences."""
        low, high = self.interval
        shape = ", ".join(f"{each:.4g}" for each in self.shape)
        prior = f"{self._number(self.mean)} on average, {MASS_TEXT} from {self._number(low)}"
        name = "Beta" if self.family == "beta" else "log-normal"
        return " ".join([*self.notes, f"So: {prior} to {self._number(high)}; {name}({shape})."])

    def _number(self, value: float) -> str:
        return percent_text(value) if self.family == "beta" else f"{value:.3g}"

    @printed
    def __repr__(self) -> str:
        values, density = self.curve
        at = np.interp(np.linspace(values[0], values[-1], BAR_COUNT), values, density)
        bars = "".join(BARS[round(7 * height)] for height in at / max(at.max(), 1e-300))
        ends = self._number(float(values[0])), self._number(float(values[-1]))
        gap = " " * max(BAR_COUNT - len(ends[0]) - len(ends[1]), 1)
        title = f"{self.label}: " if self.label else ""
        return f"{title}{self.words}\n\n{bars}\n{ends[0]}{gap}{ends[1]}"

    def _repr_html_(self) -> str:
        title = f"<b>{escape(self.label)}</b><br>" if self.label else ""
        return f'<div style="max-width:34em">{title}{escape(self.words)}<br>{self._drawing()}</div>'

    def _drawing(self) -> str:
        """The curve as SVG in the colours of the page around it; the central 90 % is filled."""
        values, density = self.curve
        span = values[-1] - values[0]
        across = 10 + (WIDTH - 20) * (values - values[0]) / span
        up = BASELINE - (BASELINE - 6) * density / density.max()
        line = _points(across, up)
        # Of a very skewed prior no value of the curve need lie between the ends.
        ends = np.interp(self.interval, values, across)
        inside = np.union1d(ends, across[(across > ends[0]) & (across < ends[1])])
        top = _points(inside, np.interp(inside, across, up))
        area = f"{ends[0]:.1f},{BASELINE} {top} {ends[1]:.1f},{BASELINE}"
        ticks = "".join(
            f'<text x="{10 + (WIDTH - 20) * (value - values[0]) / span:.1f}" y="{HEIGHT - 4}" '
            f'font-size="11" fill="currentColor" text-anchor="{anchor}">'
            f"{self._number(value)}</text>"
            for value, anchor in (
                (float(values[0]), "start"),
                (float(self.distribution.median()), "middle"),
                (float(values[-1]), "end"),
            )
        )
        return (
            f'<svg width="{WIDTH}" height="{HEIGHT}" role="img" '
            f'aria-label="Density of {escape(self.label or "the prior")}">'
            f'<polygon points="{area}" fill="#4a7ba6" opacity=".3"/>'
            f'<polyline points="{line}" fill="none" stroke="#4a7ba6" stroke-width="1.5"/>'
            f'<line x1="10" x2="{WIDTH - 10}" y1="{BASELINE}" y2="{BASELINE}" '
            f'stroke="currentColor" opacity=".4"/>{ticks}</svg>'
        )


@checked
@dataclass(frozen=True)
class ElicitedRow(Frozen):
    """A stated row of a table and the Dirichlet that it becomes; made by `elicit`.

    Attributes
    ----------
    states
        The marginal prior of each state, by its name.
    fit
        The Dirichlet, and where it moved the stated intervals.
    """

    states: Mapping[str, Elicited]
    fit: RowFit

    @property
    def words(self) -> str:
        """Everything in sentences."""
        shape = ", ".join(f"{alpha:.4g}" for alpha in self.fit.concentration)
        moved = moved_text(tuple(self.states), self.fit, NOTABLE_MISS)
        note = f"No Dirichlet has all of these; in the nearest {moved}." if moved else ""
        return f"Dirichlet({shape}). {note}".rstrip()

    @printed
    def __repr__(self) -> str:
        return "\n\n".join([self.words, *map(repr, self.states.values())])

    def _repr_html_(self) -> str:
        drawn = "".join(own._repr_html_() for own in self.states.values())
        return f"<div>{escape(self.words)}{drawn}</div>"


def _points(across: Array, up: Array) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across, up, strict=True))


@checked
def elicit(
    stated: Any = None,
    *,
    positive: Any = None,
    row: Mapping[str, Any] | None = None,
    within: float | None = None,
    step: float | None = None,
    per: float | None = None,
    label: str = "",
    **way: Any,
) -> Elicited | ElicitedRow:
    r"""Show what a stated number becomes, in words and as a curve.

    The same statements are written into scenario files.

    Parameters
    ----------
    stated
        A probability: a pair (5 % and 95 % points), a word such as "likely", "unknown", or a
        mapping with the entries of one way of stating it; these may also be given as keywords:
        ``guess=0.3, cases=20``; ``seen=3, of=41``; ``odds=(0.25, 1)``; ``low=…, median=…,
        high=…``; ``experts={"A": {"says": …, "weight": 2}, …}, pool="log_odds", extremise=1.5``.
    positive
        A positive number instead (a ratio, a rate, a weight): a pair, ``{"guess": 4, "factor":
        2}``, ``{"count": 13, "days": 61}``, or experts.
    row
        A row of a table instead: what is stated of each state.
    within, step
        Days to which the probability of a hazard refers, and days of a step: the probability of
        a step is shown too.
    per
        Days to which a rate refers.
    label
        What the number is.

    Returns
    -------
    Elicited or ElicitedRow
        Prints in a terminal and draws itself in a notebook.

    Raises
    ------
    InputError
        If the statement is not legal, no prior comes near it, or a number of days not above 0.

    Examples
    --------
    >>> print(elicit(seen=3, of=41).words.replace("\N{NO-BREAK SPACE}", " "))
    Seen in 3 of 41 cases, with Jeffreys' prior. So: 8.33 % on average, 90 % from 2.69 % to 16.2 %;
    Beta(3.5, 38.5).
    """
    given = [name for name, value in (("positive", positive), ("row", row)) if value is not None]
    given += ["stated"] * (stated is not None or bool(way))
    if len(given) != 1 or (stated is not None and way):
        message = "say one number: stated (or its keywords), positive or row"
        raise InputError([Problem("elicit", f"{message}; given: {', '.join(given) or 'nothing'}")])
    raise_if_any(list(_day_faults({"within": within, "step": step, "per": per})))
    if row is not None:
        return _elicit_row(row)
    if positive is not None:
        return _elicit_positive(_read(PositiveNumber, positive, "positive"), per, label)
    probability = _read(Probability, stated if stated is not None else way)
    return _elicit_probability(probability, within, step, label)


def _elicit_probability(
    stated: ProbabilityStatement, within: float | None, step: float | None, label: str
) -> Elicited:
    raise_if_any([_problem(*finding) for finding in stated.check(days=within)])
    fit = stated.fit(within)
    notes = list(stated.sentences(within))
    if fit.miss > NOTABLE_MISS or fit.miss > NOTABLE_SHARE * np.ptp(fit.stated or (0, 1)):
        points = ", ".join(percent_text(value) for value in fit.fitted)
        notes.append(f"No Beta has all of these points; the nearest has {points}.")
    if within is not None and step is not None:
        low, high = (
            1 - (1 - p) ** (step / within) for p in np.asarray(stats.beta.ppf(TAILS, *fit.shape))
        )
        span = f"{percent_text(low)} to {percent_text(high)}"
        notes.append(f"In a step of {step:g} days, if this is the only way out: {span}.")
    return Elicited(label, stated, "beta", fit.shape, tuple(notes))


def _elicit_positive(stated: PositiveStatement, per: float | None, label: str) -> Elicited:
    raise_if_any([_problem(*finding) for finding in stated.check(days=per)])
    fit = stated.fit(per)
    notes = list(stated.sentences(per))
    if not np.allclose(fit.fitted, fit.stated, rtol=NOTABLE_SHARE, atol=0):
        points = ", ".join(f"{value:.3g}" for value in fit.fitted)
        notes.append(f"No log-normal has all of these points; the nearest has {points}.")
    return Elicited(label, stated, "log-normal", fit.shape, tuple(notes))


def _day_faults(days: Mapping[str, float | None]) -> Iterator[Problem]:
    """What is wrong with numbers of days; that they are numbers is checked before."""
    for name, value in days.items():
        if value is not None:
            yield from (_problem((name,), message) for _, message in check_days((), value))


def _elicit_row(row: Mapping[str, Any]) -> ElicitedRow:
    probabilities: dict[str, ProbabilityStatement] = {}
    problems: list[Problem] = []
    for state, stated in row.items():
        try:
            probabilities[state] = _read(Probability, stated, state)
        except InputError as error:
            problems += error.problems
    raise_if_any(problems)
    states = tuple(probabilities)
    if len(states) < 2:
        raise InputError([Problem("row", "a row has at least two states")])
    raise_if_any([_problem(*finding) for finding in check_probabilities((), probabilities, states)])
    fit = fit_row(states, probabilities)
    whole = sum(fit.concentration)
    return ElicitedRow(
        {
            state: Elicited(
                state,
                stated,
                "beta",
                (alpha, whole - alpha),
                tuple(stated.sentences()),
            )
            for (state, stated), alpha in zip(probabilities.items(), fit.concentration, strict=True)
        },
        fit,
    )


def _read(kind: Any, given: Any, name: str = "") -> Any:
    try:
        return TypeAdapter(kind).validate_python(given)
    except ValidationError as error:
        problems = []
        for fault in error.errors(include_url=False):
            place = [part for part in fault["loc"] if not str(part).startswith("as ")]
            where = spell_path((name, *place) if name else tuple(place))
            problems.append(Problem(where or "stated", _fault_message(fault)))
        raise InputError(problems) from None


def _fault_message(fault: Fault) -> str:
    """What is wrong with the shape of a statement, in the words of somebody who makes one."""
    given, kind = yaml_repr(fault["input"]), str(fault["type"])
    if kind == "missing":
        return "is missing"
    if kind == "extra_forbidden":
        return "is unknown, or does not go with the other entries"
    if kind == "model_type" and fault["ctx"]["class_name"].endswith("Expert"):
        return f"should be a mapping with says, and perhaps weight; given: {given}"
    if kind == "model_type":
        return f"should be a pair (low, high), or another way to state a number; given: {given}"
    return f"{fault['msg']}; given: {given}"


def _problem(path: Path, message: str) -> Problem:
    return Problem(spell_path(path), message)
