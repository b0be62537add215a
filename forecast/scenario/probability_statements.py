"""The ways of stating a probability: each with its prior, its rules and its sentences.

As an interval, as quantiles, as a word, as odds, as a count from a reference class, as a count in a
time, as unknown, as a best guess with its strength, or by several experts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field
from scipy.optimize import least_squares
from scipy.special import betainc, betaincinv, expit, gammaincinv, logit

from forecast.arrays import Array
from forecast.corrections import probability_meant
from forecast.errors import nearest
from forecast.lexicon import LexiconName, read_lexicon
from forecast.scenario.fits import (
    LARGEST_SHAPE,
    SMALLEST_SHAPE,
    TAILS,
    Fit,
    Stated,
    fit_beta,
    mixture_quantiles,
    require,
    shares,
)
from forecast.scenario.limits import LARGEST, MOST_CASES, SMALLEST, LocatedFault, check_days
from forecast.scenario.statement_text import digits, percent_text
from forecast.scenario.statements import (
    AnyWay,
    Coverage,
    Number,
    Positive,
    ProbabilityStatement,
    Text,
    Value,
    pair_to_interval,
    widen,
)

NEVER_CERTAIN = "a move is never certain; its upper end is below 1"
LEAST_PROBABILITY = 1e-30
"""Probability of no event below which an event is certain."""
NEEDS_DAYS = "a count of events in some days is for hazards and rates"


def fit_ends(lower: float, upper: float, coverage: float = 0.9) -> Fit:
    """Beta whose equal-tailed interval is the one stated."""
    shape = fit_beta(lower, upper, coverage)
    tails = [(1 - coverage) / 2, (1 + coverage) / 2]
    return Fit(shape, (lower, upper), tuple(map(float, betaincinv(*shape, tails))))


def within_text(days: float | None) -> str:
    """The days to which the probability of a hazard refers, to be put behind it."""
    return f" within {days:g} days" if days else ""


class Interval(ProbabilityStatement):
    """An equal-tailed interval: half of what lies outside is below `lower`, half above `upper`."""

    lower: Annotated[float, Field(ge=0, allow_inf_nan=False), BeforeValidator(widen)]
    upper: Annotated[float, Field(gt=0, allow_inf_nan=False), BeforeValidator(widen)]
    coverage: Coverage = 0.9

    def fit(self, days: float | None = None) -> Fit:
        """The ends are quantiles of the Beta."""
        del days
        return fit_ends(self.lower, self.upper, self.coverage)

    def interval(self, days: float | None = None) -> Stated:
        """The interval itself."""
        del days
        return self.lower, self.upper, self.coverage

    def faults(self, days: float | None = None) -> Iterator[str]:
        """Yield that the ends are no probabilities, or stand the wrong way round."""
        ends = f"[{self.lower:g}, {self.upper:g}]"
        if self.upper > 1:
            yield f"{ends}: a probability lies between 0 and 1; write 30 % as 0.3"
        elif not self.lower < self.upper:
            yield f"{ends}: the lower end comes first, and is below the upper end"
        elif self.upper < SMALLEST:
            yield f"{ends}: the upper end is at least {SMALLEST:g}"
        elif days and self.upper == 1:
            yield f"{ends}: {NEVER_CERTAIN}"

    def sentences(self, days: float | None = None) -> Iterator[str]:
        """Yield the ends."""
        ends = f"{digits(self.lower)} to {percent_text(self.upper)}"
        yield f"From {ends}{within_text(days)}, {percent_text(self.coverage)} sure."


ProbabilityInterval = Annotated[
    Interval,
    BeforeValidator(pair_to_interval, json_schema_input_type=Interval | tuple[float, float]),
]
"""An interval alone; a pair is one."""


class Quantiles(ProbabilityStatement):
    """An equal-tailed interval and the median inside it."""

    low: Number
    median: Number
    high: Positive
    coverage: Coverage = 0.9

    def fit(self, days: float | None = None) -> Fit:
        """The Beta nearest to the three points, by squared distance."""
        del days
        points = np.array([self.low, self.median, self.high])
        levels = np.array([(1 - self.coverage) / 2, 0.5, (1 + self.coverage) / 2])
        start = np.log(fit_beta(self.low, self.high, self.coverage))
        width = self.high - self.low

        def miss(log_shape: Array) -> Array:
            first, second = np.exp(log_shape)
            return np.asarray(betaincinv(first, second, levels) - points) / width

        bounds = (np.log(SMALLEST_SHAPE), np.log(LARGEST_SHAPE))
        found = least_squares(miss, start, bounds=bounds, x_scale=1.0, xtol=1e-12, ftol=1e-12)
        a, b = map(float, np.exp(found.x))
        fitted = points + width * miss(found.x)
        return Fit((a, b), tuple(points.tolist()), tuple(fitted.tolist()))

    def faults(self, days: float | None = None) -> Iterator[str]:
        """Yield that the points do not rise from 0 to 1."""
        points = f"{self.low:g}, {self.median:g}, {self.high:g}"
        if not self.low < self.median < self.high <= 1 or self.high < SMALLEST:
            yield f"{points}: quantiles of a probability rise from 0 to 1"
        elif days and self.high == 1:
            yield f"{points}: {NEVER_CERTAIN}"

    def sentences(self, days: float | None = None) -> Iterator[str]:
        """Yield the median and the ends."""
        yield (
            f"{percent_text(self.median)}{within_text(days)} in the middle, "
            f"{percent_text(self.coverage)} sure of {digits(self.low)} to "
            f"{percent_text(self.high)}."
        )


class Guess(ProbabilityStatement):
    """A probability as a best guess, as if it had been seen in so many cases.

    Examples
    --------
    >>> Guess(guess=0.3, cases=20).mean()
    0.3
    """

    guess: Number
    cases: Positive

    def fit(self, days: float | None = None) -> Fit:
        """A guess p with the strength of n cases is Beta(p n, (1 - p) n)."""
        del days
        return Fit((self.guess * self.cases, (1 - self.guess) * self.cases))

    def faults(self, days: float | None = None) -> Iterator[str]:
        """Yield that the guess is certain, or as good as that."""
        del days
        if not 0 < self.guess < 1:
            yield f"{self.guess:g}: a best guess lies between 0 and 1, both left out"
        elif min(self.guess, 1 - self.guess) * self.cases < SMALLEST_SHAPE:
            yield (
                f"{self.guess:g} from {self.cases:g} cases: say more cases, or a guess nearer to "
                "a half"
            )
        if self.cases > MOST_CASES:
            yield f"{self.cases:g} cases: at most {MOST_CASES:,.0f}"

    def sentences(self, days: float | None = None) -> Iterator[str]:
        """Yield the guess and its strength."""
        number = "1 case" if self.cases == 1 else f"{self.cases:g} cases"
        yield f"About {percent_text(self.guess)}{within_text(days)}, as if from {number}."


class Word(ProbabilityStatement):
    """A probability as a word of a lexicon, read as the range that the lexicon gives it."""

    word: Text
    lexicon: LexiconName = "icd203"

    def fit(self, days: float | None = None) -> Fit:
        """The ends of the word's range are quantiles of the Beta."""
        del days
        return fit_ends(*read_lexicon(self.lexicon).ranges[self.word])

    def faults(self, days: float | None = None) -> Iterator[str]:
        """Yield that the lexicon has no such word."""
        del days
        ranges = read_lexicon(self.lexicon).ranges
        if self.word in ranges:
            return
        if meant := probability_meant(self.word):
            yield (
                f"{self.word!r} is neither an interval [low, high] nor a word of "
                f"{self.lexicon}{meant}"
            )
        else:
            yield f"{self.word!r} is not a word of {self.lexicon}; {nearest(self.word, ranges)}"

    def sentences(self, days: float | None = None) -> Iterator[str]:
        """Yield the word and its range."""
        lower, upper = read_lexicon(self.lexicon).ranges[self.word]
        ends = f"{digits(lower)} to {percent_text(upper)}"
        yield f"{self.word!r}{within_text(days)}: {ends} in {self.lexicon}, read as 90 % sure."


class Odds(ProbabilityStatement):
    """Odds in favour, to one: an interval."""

    odds: ProbabilityInterval

    def fit(self, days: float | None = None) -> Fit:
        """Odds of o to 1 are a probability of o / (1 + o); the ends are quantiles of the Beta."""
        del days
        lower, upper = (o / (1 + o) for o in (self.odds.lower, self.odds.upper))
        return fit_ends(lower, upper, self.odds.coverage)

    def faults(self, days: float | None = None) -> Iterator[str]:
        """Yield that the ends stand the wrong way round, or too far out."""
        del days
        ends = f"[{self.odds.lower:g}, {self.odds.upper:g}]"
        if not self.odds.lower < self.odds.upper <= LARGEST:
            yield f"{ends}: odds need lower < upper <= {LARGEST:,.0f}"
        elif self.odds.upper < SMALLEST:
            yield f"{ends}: the upper end is at least {SMALLEST:g}"

    def sentences(self, days: float | None = None) -> Iterator[str]:
        """Yield the odds."""
        yield f"Odds of {self.odds.lower:g} to {self.odds.upper:g} to one{within_text(days)}."


class Seen(ProbabilityStatement):
    """A probability as a count from a reference class: seen in some of so many cases.

    Examples
    --------
    >>> Seen(seen=3, of=41).fit().shape
    (3.5, 38.5)
    """

    seen: Annotated[int, Field(ge=0)]
    of: Annotated[int, Field(ge=1)]

    def fit(self, days: float | None = None) -> Fit:
        """Jeffreys' posterior, Beta(k + 1/2, n - k + 1/2)."""
        del days
        return Fit((self.seen + 0.5, self.of - self.seen + 0.5))

    def faults(self, days: float | None = None) -> Iterator[str]:
        """Yield that more was seen than there was, or more than anybody has seen."""
        del days
        if self.seen > self.of:
            yield f"seen {self.seen} times in {self.of} cases"
        if self.of > MOST_CASES:
            yield f"{self.of:,} cases: at most {MOST_CASES:,.0f}"

    def sentences(self, days: float | None = None) -> Iterator[str]:
        """Yield the count."""
        del days
        yield f"Seen in {self.seen} of {self.of} cases, with Jeffreys' prior."


class Counted(ProbabilityStatement):
    """The probability of at least one event, by a count of events in a number of days."""

    count: Annotated[int, Field(ge=0)]
    days: Positive

    def fit(self, days: float | None = None) -> Fit:
        """The Beta with the mean and variance of the probability of an event within some days.

        The rate has Jeffreys' posterior, a Gamma, under which the moments of exp(-rate t), the
        probability of no event, are powers: with r = within / days the mean is (1 + r)^-alpha, the
        mean of the square (1 + 2 r)^-alpha.
        """
        require(days is not None, NEEDS_DAYS)
        assert days is not None
        alpha, ratio = self.count + 0.5, days / self.days
        log_none = log_probability_of_none(self.count, self.days, days)
        none, some = np.exp(log_none), -np.expm1(log_none)
        excess = alpha * np.log1p(ratio**2 / (1 + 2 * ratio))
        certain = (
            f"{self.count} in {self.days:g} days: one within {days:g} days is all but certain, "
            "and a move never is; state the probability of fewer days"
        )
        require(none > LEAST_PROBABILITY and excess < -np.log(LEAST_PROBABILITY), certain)
        # The variance is none² (exp(excess) - 1); this way no digits cancel where it is small.
        total = some / (none * np.expm1(excess)) - 1
        require(none * total >= SMALLEST_SHAPE, certain)
        return Fit((float(some * total), float(none * total)))

    def faults(self, days: float | None = None) -> Iterator[str]:
        """Yield that there are no days to speak of, or too many events."""
        if days is None:
            yield f"{NEEDS_DAYS}; write seen and of"
        else:
            yield from count_faults(self.count, self.days)

    def sentences(self, days: float | None = None) -> Iterator[str]:
        """Yield the count."""
        yield (
            f"{self.count} in {self.days:g} days: a rate with Jeffreys' prior, as the probability "
            f"of at least one{within_text(days)}."
        )


def log_probability_of_none(count: int, days: float, within: float) -> float:
    """Logarithm of the probability of no event within some days, by a count of them in others.

    Under Jeffreys' prior the rate is Gamma(count + 1/2, days), so E exp(-rate t) is
    (1 + t / days) ** -(count + 1/2) (Gelman and others, Bayesian Data Analysis, 3rd edition,
    section 2.8).

    Examples
    --------
    >>> round(float(np.exp(log_probability_of_none(0, 1904, 90))), 3)
    0.977
    """
    return float(-(count + 0.5) * np.log1p(within / days))


def expected_events(count: int, days: float, within: float) -> Array:
    """5 % and 95 % points of the number of events to expect within some days, by the same rate.

    Examples
    --------
    >>> expected_events(13, 61, 7).round(2)
    array([0.93, 2.3 ])
    """
    return np.asarray(within / days * gammaincinv(count + 0.5, TAILS))


def count_faults(count: int, days: float) -> Iterator[str]:
    """Yield what is wrong with a count of events in some days."""
    if count > MOST_CASES:
        yield f"{count:,} events: at most {MOST_CASES:,.0f}"
    yield from (message for _, message in check_days((), days))


class Unknown(ProbabilityStatement):
    """Nothing is known: Jeffreys' prior, stated as such."""

    unknown: Literal[True]

    def fit(self, days: float | None = None) -> Fit:
        """Jeffreys' prior, Beta(1/2, 1/2)."""
        del days
        return Fit((0.5, 0.5))

    def faults(self, days: float | None = None) -> Iterator[str]:
        """Nothing can be wrong."""
        del days
        yield from ()

    def sentences(self, days: float | None = None) -> Iterator[str]:
        """Yield that nothing is known."""
        del days
        yield "Unknown: Jeffreys' prior."


class Expert(Value):
    """What one expert says about a probability."""

    says: Annotated[ProbabilityStatement, AnyWay(ProbabilityStatement, pooled=False)]
    weight: Positive = 1.0


class Pool(ProbabilityStatement):
    """What several experts say about a probability, each kept by name.

    Attributes
    ----------
    experts
        What each says, and how much it counts.
    pool
        "linear" mixes their distributions; "log_odds" averages their quantiles on the log-odds
        scale.
    extremise
        The pooled log-odds are multiplied by it: above 1 where experts share little of what they
        know.
    """

    experts: Annotated[dict[str, Expert], Field(min_length=1)]
    pool: Literal["linear", "log_odds"] = "linear"
    extremise: Annotated[float, Field(gt=0, le=10), BeforeValidator(widen)] = 1.0

    pooled = True

    def fit(self, days: float | None = None) -> Fit:
        """The Beta with the 5 % and 95 % points of the pool."""
        return fit_ends(*self.quantiles(TAILS, days))

    def quantiles(self, levels: Array, days: float | None = None) -> tuple[float, ...]:
        """Quantiles of what the experts say.

        "linear" mixes their Betas in proportion to their weights. "log_odds" averages their
        quantiles on the log-odds scale, level by level, so that agreement does not narrow the
        answer (Lichtendahl, Grushka-Cockayne, Winkler: Is it better to average probabilities or
        quantiles?, Management Science 59(7), 2013). Pooled log-odds are then multiplied by
        `extremise` (Satopää and others: Combining multiple probability predictions using a simple
        logit model, International Journal of Forecasting 30(2), 2014).

        Parameters
        ----------
        levels
            Probabilities, (level,).
        days
            Days to which the probability of a hazard refers.

        Examples
        --------
        >>> pool = Pool(experts={"a": {"says": (0.1, 0.3)}, "b": {"says": (0.1, 0.3)}})
        >>> [round(q, 3) for q in pool.quantiles(np.array([0.05, 0.95]))]
        [0.1, 0.3]
        """
        experts = self.experts.values()
        weights = shares(expert.weight for expert in experts)
        first, second = np.array([expert.says.fit(days).shape for expert in experts]).T
        points = betaincinv(first[:, None], second[:, None], levels)
        if self.pool == "linear":
            mixed = mixture_quantiles(
                lambda x: float(weights @ betainc(first, second, x)), points, levels
            )
            log_odds = logit(mixed)
        else:
            log_odds = weights @ logit(points)
        return tuple(map(float, expit(self.extremise * log_odds)))

    def located_faults(self, days: float | None = None) -> Iterator[LocatedFault]:
        """Yield what is wrong with what each expert says, and then with their weights."""
        yield from expert_faults(self.experts, days)

    def faults(self, days: float | None = None) -> Iterator[str]:
        """What can be wrong is with an expert; see `located_faults`."""
        del days
        yield from ()

    def sentences(self, days: float | None = None) -> Iterator[str]:
        """Yield what each expert says, and how it is pooled."""
        means = [expert.says.mean(days) for expert in self.experts.values()]
        for name, expert in self.experts.items():
            sentences = " ".join(expert.says.sentences(days))
            yield f"{name} (weight {expert.weight:g}): {sentences}"
        how = "mixed" if self.pool == "linear" else "averaged as log-odds"
        more = f", log-odds times {self.extremise:g}" if self.extremise != 1 else ""
        ends = f"{digits(min(means))} to {percent_text(max(means))}"
        yield f"They are {how}{more}; their means go from {ends}."


def expert_faults(experts: Any, days: float | None) -> Iterator[LocatedFault]:
    """Yield what is wrong with what each of several experts says, and then with their weights."""
    for name, expert in experts.items():
        yield from expert.says.check(("experts", name, "says"), days)
    for name, expert in experts.items():
        if not SMALLEST <= expert.weight <= LARGEST:
            message = f"{expert.weight:g}: from {SMALLEST:g} to {LARGEST:,.0f}"
            yield ("experts", name, "weight"), message


Probability = Annotated[ProbabilityStatement, AnyWay(ProbabilityStatement)]
"""A probability, in any of the ways above; a pair is an interval, a text is a word."""
