"""A forecast as it is recorded, and made again from what was recorded."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import forecast
from forecast.errors import InputError, Problem
from forecast.estimate import Estimate
from forecast.evidence.ledger import Evidence
from forecast.fitting import forecast as make_forecast
from forecast.fitting import moved_forecast, weighed_forecast
from forecast.frozen import frozen
from forecast.layout import PrintsItself, Summary, of_frame
from forecast.outlook import Forecast
from forecast.posterior.reweighting import Fit
from forecast.sampling import Sampling
from forecast.scenario.scenario_files import parse_scenario
from forecast.scenario.warning import ANY_DANGEROUS
from forecast.storage import MADE_BY, evidence_text, read_evidence_text, scenario_text
from forecast.text import printed
from forecast.verification.question_forecasts import QuestionForecast, ask
from forecast.verification.questions import Question

if TYPE_CHECKING:
    from pandas import DataFrame

SAME = 1e-9
"""Numbers that differ by less are the same: sums in another order round otherwise."""

SETTINGS = ("draws", "tune", "chains", "random_seed", "nuts_sampler")
"""What decides the draws; the number of cores does not."""

Values = Sequence[float]


@dataclass(frozen=True, eq=False)
class Replay(PrintsItself):
    """A recorded forecast, made again from what the record holds; made by `Record.replay`.

    Attributes
    ----------
    n
        Number of the entry.
    forecast
        The forecast as it comes out now.
    table
        One row for each number that was issued: `number`, `issued`, `again`, `difference`.
    notes
        What is not as it was when the forecast was issued: versions of the library and of what
        it computes with.
    """

    n: int
    forecast: Forecast
    table: DataFrame
    notes: tuple[str, ...] = ()

    @property
    def difference(self) -> float:
        """Largest difference between a number that was issued and the same one made again."""
        return float(self.table["difference"].abs().max())

    @property
    def same(self) -> bool:
        """Whether every number comes out as it was issued, but for rounding."""
        return self.difference <= SAME

    @property
    def _summary(self) -> Summary:
        title = repr(self).splitlines()[0]
        off = self.table[self.table["difference"].abs() > SAME]
        head, rows = of_frame(off)
        return Summary(title, head, rows, self.notes)

    @printed
    def __repr__(self) -> str:
        n = len(self.table)
        if self.same:
            title = f"Entry {self.n}: all {n} numbers come out as they were issued"
            return "\n".join([title, *self.notes])
        off = self.table[self.table["difference"].abs() > SAME]
        largest = off.reindex(off["difference"].abs().sort_values(ascending=False).index)[:10]
        title = f"Entry {self.n}: {len(off)} of {n} numbers come out otherwise; the largest of them"
        return "\n".join([title, largest.to_string(index=False), *self.notes])


def describe(
    given: Forecast, answers: Sequence[QuestionForecast], products: Sequence[Path]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What is recorded of a forecast, and the texts that its digests stand for.

    Parameters
    ----------
    given, answers
        The forecast, and what it says of questions.
    products
        Files that were made of it.
    """
    texts = {
        "scenario": scenario_text(given.scenario, "record"),
        "evidence": evidence_text(given.evidence),
    }
    lineage = _lineage(given)
    for k, (_, under) in enumerate(lineage):
        if under is not None:
            texts[f"drawn_under_{k}"] = evidence_text(under)
    if given.fit is not None and given.fit.first is not None:
        texts["asked_first"] = evidence_text(given.fit.first)
    body = {
        "scenario": given.scenario.name,
        "scenario_version": given.scenario.version,
        "scenario_digest": given.scenario.digest,
        "as_of": given.as_of.isoformat(),
        "reports": [report.id for report in given.evidence],
        "texts": {name: digest_of(text) for name, text in texts.items()},
        "method": given.diagnostics.method,
        "draws": [method for method, _ in lineage],
        "sampling": {name: asdict(given.sampling)[name] for name in SETTINGS},
        "made_by": made_by(),
        "courses": [[name, *values] for name, values in _course_numbers(given)],
        "answers": [_answer_body(answer) for answer in answers],
        "products": [
            {"file": path.name, "sha256": sha256(path.read_bytes()).hexdigest()}
            for path in products
        ],
    }
    return body, tuple(texts.values())


def answers_in(body: Mapping[str, Any]) -> Iterator[QuestionForecast]:
    """Yield the answers that an entry holds."""
    for each in body["answers"]:
        distribution = {name: Estimate(*values) for name, *values in each["distribution"]}
        question = Question.model_validate(each["question"])
        as_of = date.fromisoformat(body["as_of"])
        yield QuestionForecast(question, as_of, frozen(distribution))


def replay(n: int, body: Mapping[str, Any], texts: Mapping[str, str], where: str) -> Replay:
    """Make a recorded forecast again.

    Parameters
    ----------
    n, body
        Number and content of the entry.
    texts
        The texts that its digests stand for, by name.
    where
        What an error speaks of.

    Raises
    ------
    InputError
        If it was weighed from draws of which it is not known how they were made.
    """
    import pandas as pd

    made = _made_again(body, texts, where)
    again = dict(_course_numbers(made))
    issued: dict[str, Values] = {name: values for name, *values in body["courses"]}
    for answer in answers_in(body):
        again |= dict(_answer_numbers(ask(made, answer.question)))
        issued |= dict(_answer_numbers(answer))
    bounds = ("mean", "lower", "upper")
    rows = [
        (f"{label}, {bound}", before, now, now - before)
        for label, values in issued.items()
        for bound, before, now in zip(bounds, values, again[label], strict=True)
    ]
    table = pd.DataFrame(rows, columns=["number", "issued", "again", "difference"])
    return Replay(n, made, table, tuple(_changed(body["made_by"])))


def digest_of(text: str) -> str:
    """SHA-256 of a text."""
    return sha256(text.encode()).hexdigest()


@lru_cache(maxsize=1)
def made_by() -> Mapping[str, str]:
    """Versions of what computes, and a digest of the library's own code."""
    package = Path(forecast.__file__).parent
    code = sha256()
    for path in sorted(package.rglob("*.py")):
        code.update(path.relative_to(package).as_posix().encode())
        code.update(path.read_bytes())
    versions = {name: version(name) for name in (*MADE_BY, "scipy", "numba")}
    return frozen(
        versions
        | {"code": code.hexdigest(), "python": platform.python_version()}
        | {"machine": platform.machine()}
    )


def _lineage(given: Forecast) -> tuple[tuple[str, Evidence | None], ...]:
    """How the draws of a forecast were made, the first first; nothing if nobody knows."""
    if given.fit is not None:
        first, _ = given.fit.lineage[0]
        return given.fit.lineage if first in ("prior", "nuts") else ()
    return (("nuts", given.evidence),) if given.diagnostics.method == "nuts" else ()


def _made_again(body: Mapping[str, Any], texts: Mapping[str, str], where: str) -> Forecast:
    if not body["draws"]:
        message = "rests on draws that were read from a file; nobody can make them again"
        raise InputError([Problem(where, message)])
    scenario = parse_scenario(texts["scenario"], where)
    evidence = read_evidence_text(texts["evidence"])
    sampling = Sampling(**body["sampling"])
    under = [texts.get(f"drawn_under_{k}") for k in range(len(body["draws"]))]
    first, *moves = [None if text is None else read_evidence_text(text) for text in under]
    if first is None:
        asked = texts.get("asked_first")
        answered = None if asked is None else read_evidence_text(asked)
        fit: Fit | None = Fit.of_prior(scenario, sampling, answered)
        made: Forecast | None = None
    else:
        made = make_forecast(scenario, first, **asdict(sampling))
        fit = made.fit
    for each in moves:
        assert fit is not None
        assert each is not None
        made = moved_forecast(fit, each, sampling)
        fit = None if made is None else made.fit
    if body["method"] != "reweight" and made is not None:
        return made
    if fit is None:
        raise InputError([Problem(where, "its draws can no longer be moved to its evidence")])
    return weighed_forecast(fit, evidence, sampling, "reweight")


def _changed(before: Mapping[str, str]) -> Iterator[str]:
    for name, now in made_by().items():
        was = before.get(name, "not recorded")
        if name == "code" and was != now:
            yield "the library's code is not what it was"
        elif was != now:
            yield f"{name} was {was} and is {now}"


def _course_numbers(given: Forecast) -> Iterator[tuple[str, Values]]:
    """Every number that a forecast prints of courses, with its interval."""
    for each in given.courses:
        name = f"{each.variable}={each.state}"
        yield f"{name} now", _values(each.now)
        yield f"{name} within", _values(each.within)
        yield f"{name} share of days", _values(each.average)
    if any(course.dangerous for course in given.scenario.courses.values()):
        yield f"{ANY_DANGEROUS} within", _values(given.any_dangerous)


def _answer_numbers(answer: QuestionForecast) -> Iterator[tuple[str, Values]]:
    for label, found in answer.distribution.items():
        yield f"{answer.question.id}: {label}", _values(found)


def _answer_body(answer: QuestionForecast) -> dict[str, Any]:
    return {
        "question": answer.question.model_dump(mode="json", by_alias=True, exclude_defaults=True),
        "distribution": [[name, *_values(found)] for name, found in answer.distribution.items()],
    }


def _values(found: Estimate) -> list[float]:
    return [float(np.float64(each)) for each in (found.mean, found.lower, found.upper)]
