"""Words for probabilities: lexicons, and the bands of Intelligence Community Directive 203.

Lexicons by name: "icd203" is the table of the directive (2015), both rows of synonyms; "phia" the
yardstick of the United Kingdom's Professional Head of Intelligence Assessment, whose ranges leave
gaps on purpose.

A word is chosen from the mean as it is printed, in whole percent. It never stands without its
range, because readers take the same word for very different numbers unless the range stands beside
it (Wintle et al. 2019, doi:10.1371/journal.pone.0213522).

Edge rule: a band holds its lower end and not its upper end; the last band holds 99 % too. What
lies outside 1-99 % has no word and is printed as a bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from forecast.estimate import DASH, GAP, MASS_TEXT, Estimate, digits, interval, percent
from forecast.text import printed

ICD_203 = (
    (0.01, 0.05, "almost no chance", "remote"),
    (0.05, 0.20, "very unlikely", "highly improbable"),
    (0.20, 0.45, "unlikely", "improbable"),
    (0.45, 0.55, "roughly even chance", "roughly even odds"),
    (0.55, 0.80, "likely", "probable"),
    (0.80, 0.95, "very likely", "highly probable"),
    (0.95, 0.99, "almost certain", "nearly certain"),
)
"""Lower end, upper end, and the synonym of each row of the directive's table."""

PHIA = (
    (0.0, 0.05, "remote chance"),
    (0.10, 0.20, "highly unlikely"),
    (0.25, 0.35, "unlikely"),
    (0.40, 0.50, "realistic possibility"),
    (0.55, 0.75, "likely", "probable"),
    (0.80, 0.90, "highly likely"),
    (0.95, 1.0, "almost certain"),
)

LEXICONS: dict[str, dict[str, tuple[float, float]]] = {
    name: {word: (lower, upper) for lower, upper, *words in table for word in words}
    for name, table in (("icd203", ICD_203), ("phia", PHIA))
}
"""For each lexicon, the range of every word."""

Terms = Literal["A", "B"]
LOWEST, HIGHEST = 0.01, 0.99


@dataclass(frozen=True, slots=True)
class Band:
    """A range of probability and its two synonyms, one of each row of the directive's table.

    The rows may not be mixed within a document.
    """

    lower: float
    upper: float
    row_a: str
    row_b: str

    def word(self, terms: Terms) -> str:
        """Its term of one row; none for the ranges outside the table."""
        return self.row_a if terms == "A" else self.row_b

    @property
    def range(self) -> str:
        """The range in percent; a bound outside the table."""
        if self.upper == LOWEST:
            return f"less than {percent(LOWEST)}"
        if self.lower == HIGHEST:
            return f"more than {percent(HIGHEST)}"
        return f"{digits(self.lower)}{DASH}{digits(self.upper)}{GAP}%"

    def label(self, terms: Terms) -> str:
        """The term with its range in brackets, or the bound alone."""
        word = self.word(terms)
        return f"{word} ({self.range})" if word else self.range


BANDS = tuple(Band(*row) for row in ICD_203)
BELOW, ABOVE = Band(0.0, LOWEST, "", ""), Band(HIGHEST, 1.0, "", "")


@dataclass(frozen=True, slots=True)
class Phrase:
    """An estimate in words.

    Attributes
    ----------
    estimate
        What is put into words.
    band
        The band that holds its mean.
    lower, upper
        The bands that hold the ends of its interval.
    terms
        Row of synonyms.
    """

    estimate: Estimate
    band: Band
    lower: Band
    upper: Band
    terms: Terms = "A"

    @property
    def word(self) -> str:
        """The term alone; empty outside 1-99 %."""
        return self.band.word(self.terms)

    @property
    def label(self) -> str:
        """The term with its range in brackets."""
        return self.band.label(self.terms)

    @property
    def straddles(self) -> bool:
        """Whether the interval reaches into more than one band."""
        return self.lower != self.upper

    @property
    def reach(self) -> str:
        """Both end phrases of an interval that straddles bands; else empty."""
        if not self.straddles:
            return ""
        return f"from {self.lower.label(self.terms)} to {self.upper.label(self.terms)}"

    @printed
    def __str__(self) -> str:
        numbers = f"{percent(self.estimate.mean)}, {MASS_TEXT} interval {interval(self.estimate)}"
        if self.word:
            text = f"{self.word} ({self.band.range}; model {numbers})"
        else:
            text = f"{self.band.range} (model {numbers})"
        return f"{text}; the interval reaches {self.reach}" if self.straddles else text


def phrase(estimate: Estimate, terms: Terms = "A") -> Phrase:
    """Put an estimate into words.

    Parameters
    ----------
    estimate
        A probability with its interval.
    terms
        Row of synonyms: "A" (very unlikely, …) or "B" (highly improbable, …).

    Examples
    --------
    >>> found = phrase(Estimate(0.12, 0.06, 0.19))
    >>> found.word, found.straddles
    ('very unlikely', False)
    >>> print(str(found).replace(DASH, "-").replace(GAP, " "))
    very unlikely (5-20 %; model 12 %, 90 % interval 6-19 %)
    >>> found = phrase(Estimate(0.12, 0.06, 0.30), terms="B")
    >>> print(found.reach.replace(DASH, "-").replace(GAP, " "))
    from highly improbable (5-20 %) to improbable (20-45 %)
    """
    bands = band_of(estimate.mean), band_of(estimate.lower), band_of(estimate.upper)
    return Phrase(estimate, *bands, terms)


def band_of(probability: float) -> Band:
    """The band that holds a probability as it is printed, in whole percent.

    Examples
    --------
    >>> [band_of(value).row_a for value in (0.05, 0.194, 0.1999, 0.99, 0.995)]
    ['very unlikely', 'very unlikely', 'unlikely', 'almost certain', '']
    """
    if probability < LOWEST:
        return BELOW
    if probability > HIGHEST:
        return ABOVE
    printed = round(100 * probability) / 100
    return next((band for band in BANDS if printed < band.upper), BANDS[-1])
