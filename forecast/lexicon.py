"""Words for probabilities: lexicons, which give every word its range of numbers.

Those that ship, `priors/lexicons/`, are "icd203" (Intelligence Community Directive 203, both rows
of synonyms), "phia" (the yardstick of the United Kingdom, whose ranges leave gaps on purpose),
"nato" (AJP-2.1) and "kent" (Sherman Kent, 1964). Each file says where its numbers come from and
which of two bands holds the number where they touch.

A word is chosen from the mean as it is printed, in whole percent. It never stands without its
range, because readers take the same word for very different numbers unless the range stands beside
it (Wintle et al. 2019, doi:10.1371/journal.pone.0213522). A number outside every band is printed
as a bound; one in a gap between two bands is said to lie there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from forecast.arguments import checked, short_repr
from forecast.errors import InputError, Problem, nearest, raise_if_any
from forecast.estimate import MASS_TEXT, Estimate, interval, percent
from forecast.layout import PrintsItself, Summary
from forecast.reading import read_text, shipped_folder
from forecast.text import DASH, GAP, printed

Terms = Literal["A", "B"]
LexiconName = Literal["icd203", "phia", "nato", "kent"]
HOLDS = ("lower end", "upper end", "both ends")
BETWEEN_ENDS = 0.01, 0.99
"""What lies outside is printed as a bound, and not in whole percent."""


@dataclass(frozen=True, slots=True)
class Band:
    """A range of probability, with the term that a lexicon has for it.

    Attributes
    ----------
    lower, upper
        Its ends.
    terms
        Its synonyms, one for each row of the lexicon. None for what lies outside the lexicon or
        in a gap of it.
    holds
        Which of its ends belong to it.
    neighbours
        The bands on both sides of a gap.
    """

    lower: float
    upper: float
    terms: tuple[str, ...] = ()
    holds: str = "lower end"
    neighbours: tuple[Band, Band] | None = None

    def __contains__(self, value: float) -> bool:
        above = value >= self.lower if self.holds != "upper end" else value > self.lower
        below = value < self.upper if self.holds == "lower end" else value <= self.upper
        return above and below

    def word(self, terms: Terms = "A") -> str:
        """Its term of one row; where the lexicon has but one row, that; none outside the bands."""
        return self.terms[min(len(self.terms) - 1, "AB".index(terms))] if self.terms else ""

    @property
    def range(self) -> str:
        """The range in percent; a bound where it reaches 0 or 1."""
        if self.lower == 0:
            return f"{'up to' if self.holds == 'both ends' else 'less than'} {_whole(self.upper)}"
        if self.upper == 1:
            return (
                f"{'more than' if self.holds == 'upper end' else 'at least'} {_whole(self.lower)}"
            )
        return f"{100 * self.lower:g}{DASH}{_whole(self.upper)}"

    def label(self, terms: Terms = "A") -> str:
        """The term with its range in brackets, or the bound alone; of a gap, both its sides."""
        if self.neighbours:
            lower, upper = (band.label(terms) for band in self.neighbours)
            return f"between {lower} and {upper}"
        word = self.word(terms)
        return f"{word} ({self.range})" if word else self.range


@dataclass(frozen=True)
class Lexicon(PrintsItself):
    """Words for probabilities, each with its range; made by `read_lexicon`.

    Attributes
    ----------
    name
        "icd203", "phia", "nato", "kent", or the name of a file.
    title, source, edges
        What it is, where its numbers come from, and which band holds a shared end.
    bands
        Its terms, from the least probable to the most.
    """

    name: str
    title: str
    source: str
    edges: str
    bands: tuple[Band, ...]

    @property
    def ranges(self) -> dict[str, tuple[float, float]]:
        """The range of every term."""
        return {term: (band.lower, band.upper) for band in self.bands for term in band.terms}

    @property
    def every_band(self) -> tuple[Band, ...]:
        """The bands with what lies between and outside them: every probability is in one."""
        first, last = self.bands[0], self.bands[-1]
        found = [Band(0.0, first.lower)] if first.lower > 0 else []
        for band, following in pairwise((*self.bands, None)):
            assert band is not None
            found.append(band)
            if following is not None and band.upper < following.lower:
                found.append(Band(band.upper, following.lower, neighbours=(band, following)))
        if last.upper < 1:
            found.append(Band(last.upper, 1.0, holds="upper end"))
        return tuple(found)

    def band_of(self, probability: float) -> Band:
        """The band that holds a probability as it is printed, in whole percent.

        Examples
        --------
        >>> found = read_lexicon("icd203")
        >>> [found.band_of(value).word() for value in (0.05, 0.194, 0.1999, 0.99, 0.995)]
        ['very unlikely', 'very unlikely', 'unlikely', 'almost certain', '']
        """
        low, high = BETWEEN_ENDS
        value = round(100 * probability) / 100 if low <= probability <= high else probability
        named = next((band for band in self.bands if value in band), None)
        if named is not None:
            return named
        others = (band for band in self.every_band if not band.terms)
        return next(band for band in others if band.lower <= value <= band.upper)

    @property
    def _summary(self) -> Summary:
        rows = [(" / ".join(band.terms), band.range) for band in self.bands]
        below = (f"Source: {self.source}", f"Edges: {self.edges}")
        return Summary(f"{self.title} ({self.name})", ("Term", "Range"), rows, below)

    @printed
    def __repr__(self) -> str:
        lines = [f"{self.title} ({self.name})", *(f"  {_in_full(band)}" for band in self.bands)]
        return "\n".join([*lines, f"Source: {self.source}", f"Edges: {self.edges}"])


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
        """The term alone; empty where the lexicon has none."""
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
        ends = (
            f"the gap {band.label(self.terms)}" if band.neighbours else band.label(self.terms)
            for band in (self.lower, self.upper)
        )
        return f"from {' to '.join(ends)}"

    @property
    def sentence(self) -> str:
        """Number, interval and words, for use inside a sentence."""
        numbers = f"{percent(self.estimate.mean)} ({MASS_TEXT} interval {interval(self.estimate)})"
        named = self.word or self.band.neighbours
        text = f"{numbers}, {self.label}" if named else numbers
        return f"{text}; the interval reaches {self.reach}" if self.straddles else text

    @printed
    def __str__(self) -> str:
        numbers = f"{percent(self.estimate.mean)}, {MASS_TEXT} interval {interval(self.estimate)}"
        if self.word:
            text = f"{self.word} ({self.band.range}; model {numbers})"
        else:
            text = f"{self.label} (model {numbers})"
        return f"{text}; the interval reaches {self.reach}" if self.straddles else text


@checked
def phrase(estimate: Estimate, terms: Terms = "A", lexicon: str | Lexicon = "icd203") -> Phrase:
    """Put an estimate into words.

    Parameters
    ----------
    estimate
        A probability with its interval.
    terms
        Row of synonyms: "A" (very unlikely, …) or "B" (highly improbable, …).
    lexicon
        Whose words: the name of one that ships, or one that was read.

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
    >>> found = phrase(Estimate(0.22, 0.21, 0.23), lexicon="phia")
    >>> print(found.label.replace(DASH, "-").replace(GAP, " "))
    between highly unlikely (10-20 %) and unlikely (25-35 %)
    """
    scale = read_lexicon(lexicon)
    mean, lower, upper = map(scale.band_of, (estimate.mean, estimate.lower, estimate.upper))
    return Phrase(estimate, mean, lower, upper, terms)


@checked
def read_lexicon(given: str | Path | Lexicon = "icd203") -> Lexicon:
    """Read a lexicon.

    Parameters
    ----------
    given
        The name of one that ships ("icd203", "phia", "nato", "kent"); or the path of a TOML file
        with `title`, `source`, `edges` and `[[bands]]`, each with `range`, `terms` and, unless it
        holds its lower end alone, `holds` ("lower end", "upper end" or "both ends").

    Raises
    ------
    InputError
        If there is no such lexicon or its bands overlap, with every problem of the file.

    Examples
    --------
    >>> read_lexicon("nato").ranges["likely"]
    (0.6, 0.9)
    """
    if isinstance(given, Lexicon):
        return given
    names = lexicon_names()
    if isinstance(given, str) and given in names:
        return _read(shipped_folder() / "lexicons" / f"{given}.toml")
    try:
        known = Path(given).is_file()
    except OSError:  # longer than any path
        known = False
    if not known:
        message = f"{short_repr(given)} is neither a lexicon that ships nor a file; "
        raise InputError([Problem("lexicon", message + nearest(str(given), names))])
    return _parse(Path(given))


def lexicon_names() -> list[str]:
    """Names of the lexicons that ship with the library."""
    return sorted(path.stem for path in (shipped_folder() / "lexicons").glob("*.toml"))


@lru_cache
def _read(path: Path) -> Lexicon:
    """A lexicon that ships: it does not change."""
    return _parse(path)


def _parse(path: Path) -> Lexicon:
    try:
        table = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InputError([Problem(str(path), f"is not TOML: {error}")]) from None
    texts = {name: table.get(name) for name in ("title", "source", "edges")}
    problems = [
        Problem(f"{path}: {name}", f"{short_repr(text)}; needs a text")
        for name, text in texts.items()
        if not isinstance(text, str) or not text.strip()
    ]
    given = table.get("bands")
    rows = given if isinstance(given, list) and given else []
    if not rows:
        problems.append(
            Problem(f"{path}: bands", f"{short_repr(given)}; needs one [[bands]] at least")
        )
    raise_if_any([*problems, *(Problem(f"{path}: {at}", says) for at, says in _row_faults(rows))])
    bands = tuple(_band(row) for row in rows)
    raise_if_any([Problem(f"{path}: {at}", says) for at, says in _faults(bands)])
    title, source, edges = map(str, texts.values())
    return Lexicon(path.stem, title, source, edges, bands)


def _band(row: Mapping[str, Any]) -> Band:
    lower, upper = map(float, row["range"])
    return Band(lower, upper, tuple(row["terms"]), row.get("holds", HOLDS[0]))


def _row_faults(rows: list[Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with single bands, as they are written."""
    for k, row in enumerate(rows):
        at, entries = f"bands.{k}", row if isinstance(row, Mapping) else {}
        ends, terms = entries.get("range"), entries.get("terms")
        if not _is_range(ends):
            yield (
                f"{at}.range",
                f"{short_repr(ends)}; needs [lower, upper] with 0 <= lower < upper <= 1",
            )
        if not _are_terms(terms):
            yield f"{at}.terms", f"{short_repr(terms)}; needs one term, or two synonyms"
        if entries.get("holds", HOLDS[0]) not in HOLDS:
            yield f"{at}.holds", f"{short_repr(entries['holds'])}; legal: {', '.join(HOLDS)}"


def _are_terms(terms: Any) -> bool:
    if not isinstance(terms, list) or not 1 <= len(terms) <= len("AB"):
        return False
    return all(isinstance(term, str) and term.strip() for term in terms)


def _is_range(ends: Any) -> bool:
    numbers = (
        isinstance(ends, list) and len(ends) == 2 and all(type(e) in {int, float} for e in ends)
    )
    return bool(numbers) and 0 <= ends[0] < ends[1] <= 1


def _faults(bands: tuple[Band, ...]) -> Iterator[tuple[str, str]]:
    """What is wrong with bands side by side."""
    for k, (band, following) in enumerate(pairwise(bands), 1):
        if following.lower < band.upper:
            yield f"bands.{k}.range", f"begins at {following.lower:g}, before the last band ends"
        elif following.lower == band.upper and (band.upper in band) == (band.upper in following):
            both = "both bands hold" if band.upper in band else "neither band holds"
            yield f"bands.{k}.range", f"{both} {band.upper:g}; set `holds`"
    terms = [term for band in bands for term in band.terms]
    for term in dict.fromkeys(term for term in terms if terms.count(term) > 1):
        yield "bands", f"{term!r} stands for two ranges"


def _whole(value: float) -> str:
    return f"{100 * value:g}{GAP}%"


def _in_full(band: Band) -> str:
    return f"{' / '.join(band.terms)}: {band.range}"
