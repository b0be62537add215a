"""Ratings of competing hypotheses as a value, with the scores that the method gives.

Analysis of Competing Hypotheses (Heuer: Psychology of Intelligence Analysis, 1999, chapter 8) rates
how consistent each item of evidence is with each hypothesis and prefers the hypothesis with least
evidence against it. The scores are those of the tool that Heuer built with PARC: I counts 1, II
counts 2, all else 0; the weighted score multiplies by credibility and relevance, each 1/√2 if low,
1 if medium or not given, √2 if high (Good, Shrager, Stefik, Pirolli, Card: ACH1.1, a tool for
analyzing competing hypotheses, technical description, Palo Alto Research Center, 2004).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import sqrt
from typing import Any

from forecast.arguments import checked, short_repr
from forecast.errors import InputError, Problem, nearest, raise_if_any
from forecast.interchange.network_checks import repeated, text_fault
from forecast.layout import html_table, shortened, text_table
from forecast.text import printed

RATINGS = ("CC", "C", "N", "I", "II", "NA")
"""Very consistent, consistent, neutral, inconsistent, very inconsistent, not applicable."""
POINTS = {"I": 1, "II": 2}
"""What a rating counts against a hypothesis."""
LEVELS = {"low": 1 / sqrt(2), "medium": 1.0, "high": sqrt(2)}
"""Weight of a level of credibility or relevance."""
OTHER = "other"
"""What a hypothesis is called that stands for all that nobody listed."""

MAX_HYPOTHESES, MAX_ITEMS, MAX_LENGTH = 20, 300, 1000
SHOWN_TEXT, SHOWN_NAME = 60, 28
DECIMALS = 9
"""Scores that agree to as many decimals are equal: high times low is medium."""


@dataclass(frozen=True, slots=True)
class AchItem:
    """One row: an item of evidence, and how consistent it is with each hypothesis.

    Attributes
    ----------
    id, text
        A short unique name, and what the item is.
    ratings
        One of `RATINGS` for each hypothesis, in their order.
    credibility, relevance
        "low", "medium" or "high"; empty if not given.
    origin
        Items that share an origin count as one.
    """

    id: str
    text: str
    ratings: tuple[str, ...]
    credibility: str = ""
    relevance: str = ""
    origin: str = ""

    @property
    def weight(self) -> float:
        """Weight of the item: that of its credibility times that of its relevance."""
        return LEVELS.get(self.credibility, 1.0) * LEVELS.get(self.relevance, 1.0)

    @property
    def is_silent(self) -> bool:
        """Whether it is applicable to no hypothesis."""
        return all(rating == "NA" for rating in self.ratings)

    @property
    def diagnosticity(self) -> int:
        """Steps from its most to its least consistent rating, 0 to 4, NA left out.

        An item that is as consistent with one hypothesis as with any other has none, however
        consistent it is.
        """
        steps = [RATINGS.index(rating) for rating in self.ratings if rating != "NA"]
        return max(steps) - min(steps) if steps else 0


@checked
@dataclass(frozen=True, repr=False)
class AchRatings:
    """Hypotheses, evidence and ratings, with the scores of the method: an `AchMatrix` as it stands.

    Attributes and errors are those of `AchMatrix`, which adds what can be made of it.
    """

    hypotheses: tuple[str, ...]
    evidence: tuple[AchItem, ...]
    title: str = "Matrix of competing hypotheses"
    notes: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        raise_if_any(list(self._faults_of_kind()))
        problems = [Problem("hypotheses", fault) for fault in hypothesis_faults(self.hypotheses)]
        problems += [Problem("evidence", fault) for fault in evidence_faults(self.evidence)]
        if fault := _text_fault(self.title):
            problems.append(Problem("title", fault))
        for item in self.evidence:
            faults = item_faults(item, self.hypotheses)
            problems += [Problem(f"evidence {item.id}: {column}", text) for column, text in faults]
        raise_if_any(problems)

    def _faults_of_kind(self) -> Iterator[Problem]:
        """What is of another kind than it should be."""
        hypotheses: Any = self.hypotheses
        evidence: Any = self.evidence
        if not isinstance(hypotheses, tuple):
            yield Problem("hypotheses", "needs a tuple of names")
        if not isinstance(evidence, tuple) or not all(isinstance(x, AchItem) for x in evidence):
            yield Problem("evidence", "needs a tuple of AchItem")
            return
        for item in evidence:
            if not isinstance(item.ratings, tuple):
                yield Problem(f"evidence {item.id}: ratings", "needs a tuple of ratings")
            for column in ("id", "text", "credibility", "relevance", "origin"):
                if not isinstance(getattr(item, column), str):
                    yield Problem(f"evidence {item.id}: {column}", "is not text")

    @property
    def weights(self) -> dict[str, float]:
        """Weight of each item by its id: credibility times relevance."""
        return {item.id: item.weight for item in self.evidence}

    @property
    def scores(self) -> dict[str, float]:
        """Weighted inconsistency score of each hypothesis: the more, the more speaks against it."""
        return {
            hypothesis: round(self.points_against(self.evidence, hypothesis), DECIMALS)
            for hypothesis in self.hypotheses
        }

    @property
    def ranks(self) -> dict[str, int]:
        """Rank of each hypothesis by its score, 1 for the least inconsistent; equals share one."""
        scores = self.scores
        return {name: 1 + sum(s < score for s in scores.values()) for name, score in scores.items()}

    def points_against(self, items: Iterable[AchItem], hypothesis: str) -> float:
        """What some items count against a hypothesis."""
        if hypothesis not in self.hypotheses:
            message = f"{short_repr(hypothesis)} is unknown; {nearest(hypothesis, self.hypotheses)}"
            raise InputError([Problem("hypothesis", message)])
        k, items = self.hypotheses.index(hypothesis), tuple(items)
        if not all(isinstance(item, AchItem) and len(item.ratings) > k for item in items):
            message = "needs items of evidence that rate every hypothesis"
            raise InputError([Problem("items", message)])
        return sum(item.weight * POINTS.get(item.ratings[k], 0) for item in items)

    @printed
    def __repr__(self) -> str:
        below = "".join(f"\nnote: {note}" for note in self.notes)
        return f"{self._headline()}\n\n{text_table(*self._cells())}{below}"

    def _repr_html_(self) -> str:
        return html_table(self._headline(), *self._cells())

    def _headline(self) -> str:
        return f"{self.title}: {len(self.hypotheses)} hypotheses, {len(self.evidence)} items"

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        """Head and rows as printed; columns that nobody filled are left out."""
        extra = [
            column
            for column in ("credibility", "relevance", "origin")
            if any(getattr(item, column) for item in self.evidence)
        ]
        head = ["id", "evidence", *(shortened(name, SHOWN_NAME) for name in self.hypotheses)]
        rows = [
            [item.id, shortened(item.text, SHOWN_TEXT), *item.ratings]
            + [getattr(item, column) for column in extra]
            + [str(item.diagnosticity)]
            for item in self.evidence
        ]
        blank = [""] * (len(extra) + 1)
        scores = [f"{score:.2f}" for score in self.scores.values()]
        rows.append(["", "inconsistency", *scores, *blank])
        rows.append(["", "rank", *map(str, self.ranks.values()), *blank])
        return [*head, *extra, "diagnosticity"], rows


def hypothesis_faults(hypotheses: tuple[str, ...]) -> Iterator[str]:
    """Yield what is wrong with the names of hypotheses."""
    if not 2 <= len(hypotheses) <= MAX_HYPOTHESES:
        yield f"there are {len(hypotheses)}; a matrix compares 2 to {MAX_HYPOTHESES}"
    for name in hypotheses:
        if fault := _text_fault(name):
            yield f"the name {shortened(str(name), SHOWN_NAME)!r} {fault}"
    for name in repeated(str(name).casefold() for name in hypotheses):
        yield f"the hypothesis {shortened(name, SHOWN_NAME)!r} is named twice"


def evidence_faults(evidence: tuple[AchItem, ...]) -> Iterator[str]:
    """Yield what is wrong with the items together."""
    if not 1 <= len(evidence) <= MAX_ITEMS:
        yield f"there are {len(evidence)} items; a matrix has 1 to {MAX_ITEMS}"
    elif all(item.is_silent for item in evidence):
        yield "no item is rated: every cell is NA"
    for name in repeated(item.id for item in evidence):
        yield f"the id {name!r} is given to more than one item"


def item_faults(item: AchItem, hypotheses: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield the columns of one item that break a rule, and how."""
    for column, text in (("id", item.id), ("evidence", item.text)):
        if fault := _text_fault(text):
            yield f"column {column!r}", fault
    if item.origin and (fault := _text_fault(item.origin)):
        yield "column 'origin'", fault
    if len(item.ratings) != len(hypotheses):
        yield "ratings", f"{len(item.ratings)}; there are {len(hypotheses)} hypotheses"
    for name, rating in zip(hypotheses, item.ratings, strict=False):
        if rating not in RATINGS:
            message = f"{shortened(str(rating), SHOWN_NAME)!r} is not a rating"
            yield f"column {name!r}", f"{message}; legal: {', '.join(RATINGS)}"
    for column in ("credibility", "relevance"):
        level = getattr(item, column)
        if level and level not in LEVELS:
            message = f"{shortened(str(level), SHOWN_NAME)!r} is not a level"
            yield f"column {column!r}", f"{message}; {nearest(level, LEVELS)}"


def _text_fault(text: Any) -> str:
    if not isinstance(text, str):
        return text_fault(text)
    if len(text) > MAX_LENGTH:
        return f"has {len(text):,} characters; at most {MAX_LENGTH:,}"
    return text_fault(text) or ("" if text.isprintable() else "holds a line break or the like")
