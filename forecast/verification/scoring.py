"""Scores of answers to questions, once these are resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecast.arguments import checked
from forecast.errors import InputError, Problem
from forecast.text import printed
from forecast.verification.asking import QuestionForecast
from forecast.verification.resolutions import Resolution
from forecast.verification.scores import (
    Reliability,
    brier_score,
    log_score,
    ranked_probability_score,
    reliability,
    skill,
)

if TYPE_CHECKING:
    from pandas import DataFrame

EVEN = 0.5


@dataclass(frozen=True, eq=False)
class Scores:
    """How good answers were; made by `score`.

    Attributes
    ----------
    table
        One row for each answer that was scored: `question`, `as_of`, `probability` of yes (empty
        for a number), `outcome`, `brier`, `log_score`, and `rps`, which for yes or no is the Brier
        score. Lower is better throughout.
    left_out
        Why other answers were not scored, one sentence each.
    """

    table: DataFrame
    left_out: tuple[str, ...] = ()

    @property
    def brier(self) -> float:
        """Mean Brier score of what was answered by yes or no."""
        return float(self._binary["brier"].mean())

    @property
    def log_score(self) -> float:
        """Mean logarithmic score of all answers, in nats."""
        return float(self.table["log_score"].mean())

    @property
    def reliability(self) -> Reliability:
        """Calibration curve of what was answered by yes or no."""
        return reliability(self._binary["probability"], self._binary["outcome"])

    def skill(self, reference: float | Mapping[str, float] = EVEN) -> float:
        """Share of a reference's mean Brier score that the answers take off.

        Parameters
        ----------
        reference
            The probability that somebody else gave: one for all, as the base rate or always even,
            or one for each question, as a crowd's or those of an earlier forecast.

        Raises
        ------
        InputError
            If a question has none.
        """
        rows = self._binary
        if isinstance(reference, Mapping):
            lacking = sorted({*rows["question"]} - reference.keys())
            if lacking:
                raise InputError([Problem(f"reference.{name}", "is missing") for name in lacking])
            given = rows["question"].map(dict(reference)).to_numpy()
        else:
            given = np.full(len(rows), reference)
        return skill(self.brier, float(brier_score(given, rows["outcome"]).mean()))

    @property
    def _binary(self) -> DataFrame:
        return self.table[self.table["probability"].notna()]

    @property
    def summary(self) -> str:
        """The mean Brier score in one line; empty where nothing was answered by yes or no."""
        if not len(self._binary):
            return ""
        return f"Brier {self.brier:.3f}, skill against always even {self.skill():.0%}"

    @printed
    def __repr__(self) -> str:
        table = self.table.to_string(index=False, float_format="{:.3f}".format)
        return "\n".join(filter(None, [table, self.summary, *self.left_out]))


@checked
def score(answers: Sequence[QuestionForecast], resolutions: Sequence[Resolution]) -> Scores:
    """Score answers by what came of their questions.

    An answer is left out, with the reason, if its question is not resolved, or ambiguous or void,
    if the scenario only bounds it, or if it was given after the question closed.

    Parameters
    ----------
    answers
        What `ask` gave, of one forecast or of several.
    resolutions
        What came of the questions; `read_resolutions` reads them.
    """
    import pandas as pd

    known = {each.question: each for each in resolutions}
    rows, left_out = [], []
    for answer in answers:
        resolution = known.get(answer.question.id)
        reason = _why_not(answer, resolution)
        if reason:
            left_out.append(f"{answer.question.id} ({answer.as_of}) {reason}")
        else:
            assert resolution is not None
            rows.append(_row(answer, resolution))
    columns = ["question", "as_of", "probability", "outcome", "brier", "log_score", "rps"]
    return Scores(pd.DataFrame(rows, columns=columns), tuple(left_out))


def _why_not(answer: QuestionForecast, resolution: Resolution | None) -> str:
    """Why an answer is not scored; empty if it is."""
    question = answer.question
    if resolution is None:
        return "is not resolved"
    if resolution.value is None:
        return f"is {resolution.outcome}"
    misfit = resolution.misfit(question)
    if misfit:
        raise InputError([Problem(question.id, misfit)])
    if question.bound:
        return f"is only bounded: {question.bound} what was said"
    last = question.last_open
    return f"was answered after it closed on {last}" if answer.as_of > last else ""


def _row(answer: QuestionForecast, resolution: Resolution) -> tuple[object, ...]:
    value = resolution.value
    assert value is not None
    head = answer.question.id, answer.as_of
    if answer.question.is_count:
        p = np.array([each.mean for each in answer.distribution.values()])
        given = p[int(value)] if value < p.size else 0.0
        surprise = float(log_score([min(given, 1.0)], [1])[0])
        return *head, np.nan, value, np.nan, surprise, ranked_probability_score(p, int(value))
    yes = min(max(answer.probability.mean, 0.0), 1.0)
    brier = float(brier_score([yes], [value])[0])
    return *head, yes, value, brier, float(log_score([yes], [value])[0]), brier
