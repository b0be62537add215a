"""A stated number in sentences: what was stated, and by what rule it is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from forecast.estimate import GAP
from forecast.lexicon import read_lexicon
from forecast.scenario.elicitation import mean_probability
from forecast.scenario.fits import MOST_MOVED, RowFit
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
    Unknown,
    Word,
)

FAR = (
    f"an end is moved by at most {MOST_MOVED:g} and by at most the width of its interval, which "
    "holds the mean"
)
"""Why a row whose intervals were moved too far is refused."""
NOTABLE_MISS = 0.02
"""Distance of a fitted from a stated end, in probability, that is spoken of."""


def probability_sentences(stated: Probability, within: float | None) -> Iterator[str]:
    """Yield how a probability was stated, and by what rule it is read, sentence by sentence.

    Parameters
    ----------
    stated
        The statement.
    within
        Days to which the probability of a hazard refers.
    """
    days = f" within {within:g} days" if within else ""
    match stated:
        case Interval(lower=lower, upper=upper, coverage=coverage):
            ends = f"{_digits(lower)} to {percent_text(upper)}"
            yield f"From {ends}{days}, {percent_text(coverage)} sure."
        case Quantiles(low=low, median=median, high=high, coverage=coverage):
            yield (
                f"{percent_text(median)}{days} in the middle, {percent_text(coverage)} sure of "
                f"{_digits(low)} to {percent_text(high)}."
            )
        case Guess(guess=guess, cases=cases):
            number = "1 case" if cases == 1 else f"{cases:g} cases"
            yield f"About {percent_text(guess)}{days}, as if from {number}."
        case Word(word=word, lexicon=lexicon):
            lower, upper = read_lexicon(lexicon).ranges[word]
            ends = f"{_digits(lower)} to {percent_text(upper)}"
            yield f"{word!r}{days}: {ends} in {lexicon}, read as 90 % sure."
        case Odds(odds=odds):
            yield f"Odds of {odds.lower:g} to {odds.upper:g} to one{days}."
        case Seen(seen=seen, of=of):
            yield f"Seen in {seen} of {of} cases, with Jeffreys' prior."
        case Counted(count=count, days=length):
            yield (
                f"{count} in {length:g} days: a rate with Jeffreys' prior, as the probability of "
                f"at least one{days}."
            )
        case Unknown():
            yield "Unknown: Jeffreys' prior."
        case Pool(experts=experts, pool=pool, extremise=extremise):
            means = [mean_probability(expert.says, within) for expert in experts.values()]
            for name, expert in experts.items():
                sentences = " ".join(probability_sentences(expert.says, within))
                yield f"{name} (weight {expert.weight:g}): {sentences}"
            how = "mixed" if pool == "linear" else "averaged as log-odds"
            more = f", log-odds times {extremise:g}" if extremise != 1 else ""
            ends = f"{_digits(min(means))} to {percent_text(max(means))}"
            yield f"They are {how}{more}; their means go from {ends}."


def positive_sentences(stated: PositiveNumber, per: float | None) -> Iterator[str]:
    """Yield how a positive number was stated; `per` are the days to which a rate refers."""
    match stated:
        case Interval(lower=lower, upper=upper, coverage=coverage):
            yield f"From {lower:g} to {upper:g}, {percent_text(coverage)} sure."
        case Quantiles(low=low, median=median, high=high, coverage=coverage):
            yield f"{median:g} in the middle, {percent_text(coverage)} sure of {low:g} to {high:g}."
        case GuessFactor(guess=guess, factor=factor):
            yield f"About {guess:g}, give or take a factor of {factor:g} (90 % sure)."
        case Counted(count=count, days=days):
            yield f"{count} in {days:g} days, with Jeffreys' prior: a rate per {per:g} days."
        case PositivePool(experts=experts, pool=pool):
            for name, expert in experts.items():
                sentences = " ".join(positive_sentences(expert.says, per))
                yield f"{name} (weight {expert.weight:g}): {sentences}"
            yield f"They are {'mixed' if pool == 'linear' else 'averaged as logarithms'}."


def moved_text(states: Sequence[str], fit: RowFit, least: float = NOTABLE_MISS) -> str:
    """Say which stated intervals of a row were moved by more than some distance, and where to."""
    return "; ".join(
        f"{state} goes from {_span(*stated)} to {_span(*fitted)}"
        for state, stated, fitted in zip(states, fit.stated, fit.fitted, strict=True)
        if stated and max(abs(a - b) for a, b in zip(stated, fitted, strict=True)) > least
    )


def _span(lower: float, upper: float) -> str:
    return f"[{lower:.3g}, {upper:.3g}]"


def percent_text(probability: float) -> str:
    """A probability to three digits, finer than the whole percents of a product.

    Examples
    --------
    >>> percent_text(0.12345).replace(GAP, " ")
    '12.3 %'
    """
    return f"{_digits(probability)}{GAP}%"


def _digits(probability: float) -> str:
    return "<0.01" if 0 < probability < 1e-4 else f"{100 * probability:.3g}"
