"""The section of a product that says how earlier forecasts of the record turned out."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from forecast.estimate import percent
from forecast.lexicon import Band
from forecast.reporting.document import Measure, Prose, Section, Table
from forecast.reporting.request import Request
from forecast.text import DASH
from forecast.verification.comparisons import clustered_mean
from forecast.verification.record import Record
from forecast.verification.scoring import Scores
from forecast.wording import counted

GROUPS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Ends of the groups of probabilities whose frequencies are shown."""
FEW = 10
"""Resolved questions below which nothing is concluded."""

SURE = (
    "The interval of a frequency, and that of the score, is 90 %, over questions and not over "
    "answers, because answers to one question share its fate. The advantage is a confidence "
    "sequence: its interval holds whenever one looks, and is wide while questions are few."
)


def track_record_section(request: Request) -> Section:
    """How earlier forecasts turned out; an empty section, which is left out, without any.

    Parameters
    ----------
    request
        What the product is made from: its record, if there is one.
    """
    if request.record is None:
        return Section("track-record", "Track record", ())
    return section_of(request.record)


def section_of(record: Record) -> Section:
    """How the forecasts of a record turned out.

    Parameters
    ----------
    record
        What was issued, and what came of it.
    """
    scores = record.scores()
    resolved = scores.table[scores.table["probability"].notna()]
    if resolved.empty:
        return Section("track-record", "Track record", ())
    n_questions = resolved["question"].nunique()
    entries = record.entries()
    issued = sum(entry.kind == "forecast" for entry in entries)
    counts = (
        f"{counted(issued, 'forecast')} of this record gave {counted(len(resolved), 'answer')} to "
        f"{counted(n_questions, 'question')} that {'has' if n_questions == 1 else 'have'} been "
        "resolved by yes or no."
    )
    blocks: list[Prose | Table] = [Prose(counts)]
    if n_questions < FEW:
        warning = f"So few say next to nothing about how good they are; {FEW} are needed at least."
        blocks.append(Prose(warning))
    blocks.append(Table(("Score", "Value"), tuple(_score_rows(scores)), (2, 2)))
    frequencies = tuple(_frequency_rows(scores))
    blocks.append(Table(("Given", "Answers", "Happened"), frequencies, (1, 1, 2)))
    seal = f"The record's head is {entries[-1].head}: kept elsewhere, it shows any later change."
    blocks += [Prose(SURE, style="note"), Prose(seal, style="note")]
    return Section("track-record", "Track record", tuple(blocks))


def _score_rows(scores: Scores) -> Iterator[tuple[str, str]]:
    brier = scores.brier_interval()
    interval = f"{brier.lower:.3f}{DASH}{brier.upper:.3f}"
    yield "Brier score, 0 is best", f"{brier.mean:.3f} ({interval})"
    yield "Skill against always even", _skill(scores.skill())
    yield "Skill against the base rate, known only now", _skill(scores.skill(scores.base_rate))
    yield "Skill against the first answer kept", _skill(scores.skill(scores.first))
    mean, lower, upper = scores.advantage().latest
    ends = f"{lower:+.2f} to {upper:+.2f}"
    yield "Brier points better than always even, by question", f"{mean:+.3f} ({ends})"
    if np.isfinite(scores.discrimination):
        yield "What happened was given more than what did not", percent(scores.discrimination)
    yield "Mean width of a 90 % interval", percent(scores.sharpness)


def _skill(value: float) -> str:
    return f"{value:+.0%}" if np.isfinite(value) else DASH


def _frequency_rows(scores: Scores) -> Iterator[tuple[str, str, Measure]]:
    """How often things happened that were given about the same."""
    rows = scores.table[scores.table["probability"].notna()]
    for lower, upper in pairwise(GROUPS):
        last = upper == GROUPS[-1]
        given = rows["probability"]
        group = rows[(given >= lower) & ((given < upper) | last)]
        if len(group):
            found = clustered_mean(group["outcome"], group["question"])
            yield Band(lower, upper).range, str(len(group)), Measure(found)
