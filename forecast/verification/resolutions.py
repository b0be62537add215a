"""What came of questions, kept apart from them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from forecast.arguments import checked
from forecast.errors import Problem, nearest, raise_if_any
from forecast.reading import read_toml, require_path
from forecast.scenario.document_part import DocumentPart, read_document
from forecast.verification.questions import Question, Questions


class Resolution(DocumentPart):
    """What came of a question, when that was known, and by whom.

    Attributes
    ----------
    question
        Id of the question.
    outcome
        "yes" or "no"; a fraction between 0 and 1 where it came true in part; a whole number for a
        question that asks for one; "ambiguous" where sources disagree for good, "void" where the
        question lost its meaning.
    resolved
        Day on which it was known.
    source
        Who says so.
    note
        Anything else.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str
    outcome: Literal["yes", "no", "ambiguous", "void"] | Annotated[float, Field(ge=0)]
    resolved: date
    source: Annotated[str, Field(min_length=1)]
    note: str = ""

    @property
    def value(self) -> float | None:
        """The outcome as a number; None if no forecast is scored by it."""
        if isinstance(self.outcome, str):
            return {"yes": 1.0, "no": 0.0}.get(self.outcome)
        return self.outcome

    def misfit(self, question: Question) -> str:
        """Why it cannot be the answer to a question; empty if it can."""
        value = self.value
        if self.resolved < question.window[0]:
            return f"resolved on {self.resolved}, before its window opens on {question.window[0]}"
        if value is None:
            return ""
        if question.is_count:
            whole = not isinstance(self.outcome, str) and value == int(value)
            return "" if whole else f"{self.outcome}; the question asks for a whole number"
        return "" if value <= 1 else f"{self.outcome}; yes, no or a fraction between 0 and 1"


class ResolutionFile(DocumentPart):
    """What a file of resolutions holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    scenario: str
    resolutions: tuple[Resolution, ...] = ()

    @model_validator(mode="after")
    def _has_each_once(self) -> Self:
        names = [each.question for each in self.resolutions]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"more than one resolution of {', '.join(twice)}")
        return self


@checked
def read_resolutions(source: str | Path, questions: Questions) -> tuple[Resolution, ...]:
    """Read what came of questions from a TOML file.

    Parameters
    ----------
    source
        A file with `format`, `scenario` and `[[resolutions]]`, each with `question`, `outcome`,
        `resolved` and `source`.
    questions
        The questions that it resolves.

    Returns
    -------
    tuple of Resolution

    Raises
    ------
    InputError
        With everything that is wrong with the file.
    """
    require_path(source)
    read = read_document(ResolutionFile, str(source), read_toml(Path(source)))
    problems = []
    for each in read.resolutions:
        unknown = f"is no question; {nearest(each.question, questions)}"
        found = each.question in questions
        fault = each.misfit(questions[each.question]) if found else unknown
        problems += [Problem(f"{source}: {each.question}", fault)] if fault else []
    raise_if_any(problems)
    return read.resolutions
