"""Scores of answers to questions, once these are resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import InputError, Problem
from forecast.estimate import Estimate
from forecast.layout import MOST_ROWS, PrintsItself, Summary, of_frame
from forecast.lexicon import Lexicon, read_lexicon
from forecast.text import printed
from forecast.verification.comparisons import (
    Advantage,
    advantage,
    clustered_mean,
    discrimination,
)
from forecast.verification.question_forecasts import QuestionForecast
from forecast.verification.resolutions import Resolution
from forecast.verification.scores import (
    Reliability,
    brier_score,
    log_score,
    ranked_probability_score,
    reliability,
    skill,
)
from forecast.wording import counted

if TYPE_CHECKING:
    from pandas import DataFrame

EVEN = 0.5


@dataclass(frozen=True, eq=False)
class Scores(PrintsItself):
    """Scores of answers; made by `score`.

    Attributes
    ----------
    table
        One row for each answer that was scored: `question`, `as_of`, `probability` of yes (empty
        for a number), `outcome`, `brier`, `log_score`, and `rps`, which for yes or no is the Brier
        score; lower is better throughout. `lead` is the number of days from the as-of date to the
        last day on which the question was open, `width` that of the 90 % interval of yes.
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
        other = brier_score(self._reference(reference), self._binary["outcome"])
        return skill(self.brier, float(other.mean()))

    @property
    def _binary(self) -> DataFrame:
        return self.table[self.table["probability"].notna()]

    @property
    def base_rate(self) -> float:
        """How often yes came, by question: known only afterwards, so a hard reference to beat."""
        return float(self._binary.groupby("question")["outcome"].first().mean())

    @property
    def first(self) -> dict[str, float]:
        """The first probability that each question was given: a reference for those after it."""
        kept = self._binary.sort_values("as_of", kind="stable").groupby("question")["probability"]
        return {str(name): float(p) for name, p in kept.first().items()}

    @property
    def sharpness(self) -> float:
        """Mean width of the 90 % intervals of what was answered by yes or no."""
        return float(self._binary["width"].mean())

    @property
    def discrimination(self) -> float:
        """Probability that what happened was given more than what did not."""
        return discrimination(self._binary["probability"], self._binary["outcome"])

    def brier_interval(self, clusters: Mapping[str, str] | None = None) -> Estimate:
        """Mean Brier score with a 90 % interval by the bootstrap of clusters.

        Parameters
        ----------
        clusters
            For each question what it belongs to; answers to one question unless it is given.

        Raises
        ------
        InputError
            If a question has none.
        """
        rows = self._binary
        return clustered_mean(rows["brier"], self._given_for(clusters, "clusters", rows))

    def advantage(self, reference: float | Mapping[str, float] = EVEN) -> Advantage:
        """By how much the Brier score is better than a reference's, whenever one looks.

        One difference for each question, the mean over its answers, in order of their last days.

        Parameters
        ----------
        reference
            As in `skill`.
        """
        rows = self._binary
        other = brier_score(self._reference(reference), rows["outcome"])
        each = rows.assign(other=other, closes=rows["as_of"].map(_ordinal) + rows["lead"])
        found = each.groupby("question").agg({"brier": "mean", "other": "mean", "closes": "max"})
        found = found.sort_values("closes", kind="stable")
        return advantage(found["brier"], found["other"])

    @checked
    def at_lead(self, days: int) -> Scores:
        """Of each question the last answer that was given at least so many days before it closed.

        So questions that were asked for a long time do not count more than others.
        """
        early = self.table[self.table["lead"] >= days].sort_values("as_of", kind="stable")
        return Scores(early.groupby("question", sort=False).tail(1))

    def over_time(self) -> DataFrame:
        """Mean Brier score by as-of date, with the number of questions."""
        found = self._binary.groupby("as_of")["brier"].agg(["mean", "size"])
        return found.rename(columns={"mean": "brier", "size": "questions"})

    def rounding_cost(self, lexicon: str | Lexicon = "icd203") -> float:
        """What a reader loses who is given only the word: mean Brier score by which it is worse.

        A word is taken for the middle of its range; where a lexicon leaves a gap, for the middle
        of the gap.

        Parameters
        ----------
        lexicon
            A lexicon, or the name of one that ships.
        """
        rows, scale = self._binary, read_lexicon(lexicon)
        bands = [scale.band_of(p) for p in rows["probability"]]
        middle = [(band.lower + band.upper) / 2 for band in bands]
        return float(brier_score(middle, rows["outcome"]).mean()) - self.brier

    def _reference(self, given: float | Mapping[str, float]) -> Array:
        rows = self._binary
        if isinstance(given, Mapping):
            return np.asarray(self._given_for(given, "reference", rows), np.float64)
        return np.full(len(rows), given)

    @staticmethod
    def _given_for(given: Mapping[str, Any] | None, name: str, rows: DataFrame) -> Any:
        """What a mapping gives for the question of each row; the question itself if there is none.

        Raises
        ------
        InputError
            If a question is missing.
        """
        if given is None:
            return rows["question"].to_numpy()
        lacking = sorted({*rows["question"]} - given.keys())
        if lacking:
            raise InputError([Problem(f"{name}.{each}", "is missing") for each in lacking])
        return rows["question"].map(dict(given)).to_numpy()

    @property
    def summary(self) -> str:
        """The mean Brier score in one line; empty where nothing was answered by yes or no."""
        if not len(self._binary):
            return ""
        return f"Brier {self.brier:.3f}, skill against always even {self.skill():.0%}"

    @property
    def _summary(self) -> Summary:
        title = f"Scores of {counted(len(self.table), 'answer')}"
        below = [line for line in (self.summary, *self.left_out[:MOST_ROWS]) if line]
        return Summary(title, *of_frame(self.table), below)

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
    return Scores(pd.DataFrame(rows, columns=[*columns, "lead", "width"]), tuple(left_out))


def _ordinal(day: date) -> int:
    return day.toordinal()


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
    lead = (answer.question.last_open - answer.as_of).days
    if answer.question.is_count:
        p = np.array([each.mean for each in answer.distribution.values()])
        given = p[int(value)] if value < p.size else 0.0
        surprise = float(log_score([min(given, 1.0)], [1])[0])
        score_of_number = ranked_probability_score(p, int(value))
        return *head, np.nan, value, np.nan, surprise, score_of_number, lead, np.nan
    yes = min(max(answer.probability.mean, 0.0), 1.0)
    brier = float(brier_score([yes], [value])[0])
    width = answer.probability.upper - answer.probability.lower
    return *head, yes, value, brier, float(log_score([yes], [value])[0]), brier, lead, width
