"""Rules that a stated number keeps, whatever the way in which it is stated.

Like those of `forecast.scenario.scenario_checks`, every function yields findings and stops at none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from forecast.corrections import probability_meant
from forecast.errors import InputError, nearest
from forecast.lexicon import read_lexicon
from forecast.scenario.elicitation import fit_positive, fit_probability
from forecast.scenario.fits import LARGEST_SHAPE, MOST_MOVED, SMALLEST_SHAPE, Fit, lognormal_ends
from forecast.scenario.statements import (
    Counted,
    Guess,
    GuessFactor,
    Interval,
    Odds,
    Pool,
    PositiveNumber,
    PositivePool,
    Probability,
    Quantiles,
    Seen,
    Word,
)
from forecast.scenario.tree import Path

Finding = tuple[Path, str]

SMALLEST, LARGEST, WIDEST = 1e-9, 1e9, 1e6
"""Positive numbers that can be elicited: beyond, differences of logarithms lose their digits."""
EDGE = 1e-6
"""A fit that ends so near to the largest shape, in proportion, was stopped there."""
MOST_TIMES = 2.0
"""Factor by which a stated quantile of a positive number may be moved."""
NEVER_CERTAIN = "a move is never certain; its upper end is below 1"
MOST_CASES = 1e6
"""Cases that a probability can rest on: beyond, it is known exactly for every purpose."""


def check_probability(
    at: Path, stated: Probability, within: float | None = None
) -> Iterator[Finding]:
    """Yield what is wrong with a stated probability; `within` is given for that of a hazard."""
    if isinstance(stated, Pool):
        faults = list(_check_experts(at, stated, check_probability, within))
    else:
        faults = [(at, message) for message in _probability_faults(stated, within)]
    yield from faults
    if not faults:
        try:
            fit = fit_probability(stated, within)
        except InputError as error:
            yield from ((at, problem.message) for problem in error.problems)
        else:
            yield from _check_shape(at, fit)
            yield from _check_moved(at, fit)


def _probability_faults(stated: Probability, within: float | None) -> Iterator[str]:
    match stated:
        case Interval(lower=lower, upper=upper):
            ends = f"[{lower:g}, {upper:g}]"
            if upper > 1:
                yield f"{ends}: a probability lies between 0 and 1; write 30 % as 0.3"
            elif not lower < upper:
                yield f"{ends}: the lower end comes first, and is below the upper end"
            elif upper < SMALLEST:
                yield f"{ends}: the upper end is at least {SMALLEST:g}"
            elif within and upper == 1:
                yield f"{ends}: {NEVER_CERTAIN}"
        case Quantiles(low=low, median=median, high=high):
            if not low < median < high <= 1 or high < SMALLEST:
                yield f"{low:g}, {median:g}, {high:g}: quantiles of a probability rise from 0 to 1"
            elif within and high == 1:
                yield f"{low:g}, {median:g}, {high:g}: {NEVER_CERTAIN}"
        case Guess(guess=guess, cases=cases):
            if not 0 < guess < 1:
                yield f"{guess:g}: a best guess lies between 0 and 1, both left out"
            elif min(guess, 1 - guess) * cases < SMALLEST_SHAPE:
                yield f"{guess:g} from {cases:g} cases: say more cases, or a guess nearer to a half"
            if cases > MOST_CASES:
                yield f"{cases:g} cases: at most {MOST_CASES:,.0f}"
        case Word(word=word, lexicon=lexicon) if word not in read_lexicon(lexicon).ranges:
            if meant := probability_meant(word):
                yield f"{word!r} is neither an interval [low, high] nor a word of {lexicon}{meant}"
            else:
                legal = nearest(word, read_lexicon(lexicon).ranges)
                yield f"{word!r} is not a word of {lexicon}; {legal}"
        case Odds(odds=odds) if not (odds.lower < odds.upper <= LARGEST):
            yield f"[{odds.lower:g}, {odds.upper:g}]: odds need lower < upper <= {LARGEST:,.0f}"
        case Odds(odds=odds) if odds.upper < SMALLEST:
            yield f"[{odds.lower:g}, {odds.upper:g}]: the upper end is at least {SMALLEST:g}"
        case Seen(seen=seen, of=of):
            if seen > of:
                yield f"seen {seen} times in {of} cases"
            if of > MOST_CASES:
                yield f"{of:,} cases: at most {MOST_CASES:,.0f}"
        case Counted():
            if within is None:
                yield "a count of events in some days is for hazards and rates; write seen and of"
            else:
                yield from _count_faults(stated)


def check_positive(at: Path, stated: PositiveNumber, per: float | None = None) -> Iterator[Finding]:
    """Yield what is wrong with a stated positive number; `per` is given for a rate."""
    if isinstance(stated, PositivePool):
        faults = list(_check_experts(at, stated, check_positive, per))
    else:
        faults = [(at, message) for message in _positive_faults(stated, per)]
    yield from faults
    if not faults:
        fit = fit_positive(stated, per)
        low, high = lognormal_ends(*fit.shape)
        if high > low * WIDEST * (1 + EDGE) or not SMALLEST <= low <= high <= LARGEST:
            yield (
                at,
                f"[{low:g}, {high:g}]: needs ends from {SMALLEST:g} to {LARGEST:,.0f}, the upper "
                f"at most {WIDEST:,.0f} times the lower",
            )
        elif any(
            max(stated, found) > MOST_TIMES * min(stated, found)
            for stated, found in zip(fit.stated, fit.fitted, strict=True)
        ):
            yield (
                at,
                f"no log-normal has the quantiles {_say_points(fit.stated)}; the nearest "
                f"has {_say_points(fit.fitted)}, and a point is moved by at most a factor of "
                f"{MOST_TIMES:g}",
            )


def _say_points(points: Iterable[float]) -> str:
    return ", ".join(f"{point:.3g}" for point in points)


def _check_experts(
    at: Path, pool: Pool | PositivePool, check: Callable[..., Iterator[Finding]], days: float | None
) -> Iterator[Finding]:
    """Yield what is wrong with what each expert says, and then with their weights."""
    for name, expert in pool.experts.items():
        yield from check((*at, "experts", name, "says"), expert.says, days)
    for name, expert in pool.experts.items():
        if not SMALLEST <= expert.weight <= LARGEST:
            where = (*at, "experts", name, "weight")
            yield where, f"{expert.weight:g}: from {SMALLEST:g} to {LARGEST:,.0f}"


def _positive_faults(stated: PositiveNumber, per: float | None) -> Iterator[str]:
    match stated:
        case Interval(lower=lower, upper=upper) if not 0 < lower < upper:
            yield f"[{lower:g}, {upper:g}]: needs 0 < lower < upper"
        case Quantiles(low=low, median=median, high=high) if not (
            SMALLEST <= low < median < high <= LARGEST
        ):
            rule = f"needs {SMALLEST:g} <= low < median < high <= {LARGEST:,.0f}"
            yield f"{low:g}, {median:g}, {high:g}: {rule}"
        case GuessFactor(guess=guess) if not SMALLEST <= guess <= LARGEST:
            yield f"a guess of {guess:g}: from {SMALLEST:g} to {LARGEST:,.0f}"
        case GuessFactor(factor=factor) if factor > WIDEST:
            yield f"a factor of {factor:g}: at most {WIDEST:,.0f}"
        case Counted():
            if per is None:
                yield "a count of events in some days is for hazards and rates"
            else:
                yield from _count_faults(stated)


def _count_faults(stated: Counted) -> Iterator[str]:
    if stated.count > MOST_CASES:
        yield f"{stated.count:,} events: at most {MOST_CASES:,.0f}"
    yield from (message for _, message in check_days((), stated.days))


def check_days(at: Path, days: float) -> Iterator[Finding]:
    """Yield what is wrong with a number of days to which a probability or a rate refers."""
    if not SMALLEST <= days <= LARGEST:
        yield at, f"{days!r:.20} days: from {SMALLEST:g} to {LARGEST:,.0f}"


def _check_shape(at: Path, fit: Fit) -> Iterator[Finding]:
    a, b = fit.shape
    if not (min(a, b) >= SMALLEST_SHAPE and max(a, b) <= LARGEST_SHAPE * (1 - EDGE)):
        yield (
            at,
            f"comes to Beta({a:.3g}, {b:.3g}), too near to certainty; its parameters go from "
            f"{SMALLEST_SHAPE:g} to {LARGEST_SHAPE:,.0f}",
        )


def _check_moved(at: Path, fit: Fit) -> Iterator[Finding]:
    if fit.miss > MOST_MOVED:
        stated, fitted = (
            ", ".join(f"{q:.3g}" for q in points) for points in (fit.stated, fit.fitted)
        )
        yield (
            at,
            f"no Beta distribution has the quantiles {stated}; the nearest has {fitted}, and a "
            f"point is moved by at most {MOST_MOVED:g}",
        )
