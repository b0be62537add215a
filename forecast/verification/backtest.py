"""Back-tests: what would have been forecast day by day, from what was known on each day."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.arguments import checked, short_repr
from forecast.errors import InputError, Problem, raise_if_any
from forecast.estimate import Estimate
from forecast.evidence.events import last_step
from forecast.evidence.ledger import Evidence, Ledger, as_date
from forecast.evidence.ledger_file import LedgerFile
from forecast.fitting import Method, update
from forecast.fitting import forecast as make_forecast
from forecast.frozen import frozen
from forecast.layout import PrintsItself, Summary, of_frame
from forecast.outlook import Forecast
from forecast.sampling import Sampling, require_whole
from forecast.scenario.indicator_groups import with_default_effects
from forecast.scenario.scenario import Scenario
from forecast.storage import evidence_text
from forecast.text import printed
from forecast.verification.issued import digest_of, made_by
from forecast.verification.parts import work_through
from forecast.verification.question_forecasts import QuestionForecast, ask, unanswerable
from forecast.verification.questions import Question, Questions
from forecast.verification.resolutions import Resolution
from forecast.verification.scoring import Scores, score
from forecast.wording import counted

if TYPE_CHECKING:
    from xarray import Dataset, DataTree

BLOCK = 13
"""Days that follow one another from one fit: a quarter of a year of weeks."""
BOUNDS = ("mean", "lower", "upper")
NUMBERS = ("now", "within", "average")
"""What a forecast says of a course; of any dangerous one only the second."""


@dataclass(frozen=True, eq=False)
class Backtest(PrintsItself):
    """What would have been forecast day by day; made by `backtest`.

    Attributes
    ----------
    tree
        Group `courses`: `now`, `within` and `average` of each course, with the 90 % interval,
        (as_of, course, bound). Group `questions`: `probability` of yes, (as_of, question, bound),
        and `distribution` of numbers, (as_of, count, number, bound); not a number on days on
        which the question was not open. Group `diagnostics`: how each forecast was made, and
        whether it can be trusted, (as_of,). Group `scores`: those of the answers, (as_of,
        question), where questions are resolved.
    answers
        Every answer, in order of days.
    resolutions
        What came of the questions.
    """

    tree: DataTree
    answers: tuple[QuestionForecast, ...]
    resolutions: tuple[Resolution, ...] = ()

    @cached_property
    def scores(self) -> Scores:
        """Scores of every answer, by what came of its question."""
        return score(self.answers, self.resolutions)

    @property
    def n_fits(self) -> int:
        """On how many days the tables were sampled anew; on the others draws were weighed."""
        return int((self.tree["diagnostics"]["method"] == "nuts").sum())

    @property
    def _summary(self) -> Summary:
        first, *below = repr(self).splitlines()
        head, rows = of_frame(self.scores.table) if self.resolutions else ((), [])
        return Summary(first, head, rows, below)

    @printed
    def __repr__(self) -> str:
        days = self.tree["courses"]["as_of"].to_numpy().astype("datetime64[D]")
        title = f"Back-test of {counted(len(days), 'day')}, {days[0]} to {days[-1]}"
        failed = int((self.tree["diagnostics"]["failures"] != "").sum())
        lines = [f"{title}: sampled on {self.n_fits}, {counted(len(self.answers), 'answer')}"]
        if failed:
            lines.append(f"On {counted(failed, 'day')} the fit failed its diagnostics.")
        if self.resolutions:
            lines.append(str(self.scores.summary))
        return "\n".join(lines)


@checked
def backtest(
    scenario: Scenario,
    ledger: Ledger | LedgerFile,
    questions: Questions | None = None,
    resolutions: Sequence[Resolution] = (),
    *,
    every: str | int = "7D",
    start: date | str | None = None,
    end: date | str | None = None,
    block: int = BLOCK,
    method: Method = "auto",
    draws: int = Sampling.draws,
    tune: int = Sampling.tune,
    chains: int = Sampling.chains,
    random_seed: int = Sampling.random_seed,
    cores: int | None = None,
    nuts_sampler: str = Sampling.nuts_sampler,
    question_draws: int = 250,
    executor: Executor | None = None,
    path: str | Path | None = None,
    progressbar: bool | None = None,
) -> Backtest:
    """Forecast day by day from what was known on each, and score the answers.

    On each day the ledger is asked what was known at its end, so nothing later can matter. The
    first day of each block is forecast by itself; those after it are updates, sampled anew where
    the weights fail their checks. Blocks do not depend on one another, and so neither do the
    numbers on where they are worked on.

    Parameters
    ----------
    scenario
        What is believed before evidence.
    ledger
        Every report, with the day on which it was known.
    questions, resolutions
        What to ask on every day on which a question is open, and what came of it.
    every
        Days from one forecast to the next: "7D", "2W", or a number of days.
    start, end
        First and last day; from the first report, or the beginning of the scenario if that is
        later, to the last report unless they are given.
    block
        Days that follow one another from one fit.
    method
        As in `forecast`, for the first day of each block, and in `update` for the others.
    draws, tune, chains, random_seed, cores, nuts_sampler
        How the tables are sampled; see `Sampling`.
    question_draws
        Draws of each chain that questions are answered from, at most.
    executor
        Where blocks are worked on, such as `concurrent.futures.ProcessPoolExecutor`, or Dask's
        `client.get_executor()`; one after another unless it is given.
    path
        A file that keeps the blocks that are done, so that a back-test that was stopped goes on.
    progressbar
        Whether to show progress.

    Returns
    -------
    Backtest

    Raises
    ------
    InputError
        If an argument breaks a rule, or a question cannot be answered.
    """
    sampling = Sampling(draws, tune, chains, random_seed, cores, False, nuts_sampler)
    require_whole({"block": block, "question_draws": question_draws}, dict.fromkeys(_WHOLE, 1))
    asked = () if questions is None else tuple(questions.values())
    raise_if_any([each for question in asked for each in unanswerable(scenario, question)])
    scenario = with_default_effects(scenario)
    known = [
        ledger.known_at(day, scenario.variables)
        for day in _days(scenario, ledger, _days_of(every), start, end)
    ]
    settings = asdict(sampling) | {"method": method, "question_draws": question_draws}
    parts = [
        Block(scenario, tuple(known[k : k + block]), asked, sampling, method, question_draws)
        for k in range(0, len(known), block)
    ]
    about = {
        "back-test of": scenario.digest,
        "evidence": digest_of("".join(map(evidence_text, known))),
        "questions": digest_of("".join(each.model_dump_json(by_alias=True) for each in asked)),
        "settings": {k: v for k, v in settings.items() if k not in ("cores", "progressbar")},
        "code": made_by()["code"],
    }
    found = work_through(
        run_block,
        parts,
        label="back-test",
        about=about | {"block": block},
        executor=executor,
        path=path,
        progressbar=progressbar,
    )
    return _gathered([day for each in found for day in each], asked, tuple(resolutions))


_WHOLE = ("block", "question_draws")


@dataclass(frozen=True, eq=False)
class Block:
    """Days that follow one another, with all that their forecasts depend on."""

    scenario: Scenario
    known: tuple[Evidence, ...]
    questions: tuple[Question, ...]
    sampling: Sampling
    method: Method
    question_draws: int


def run_block(block: Block) -> list[dict[str, Any]]:
    """Forecasts of each day of a block."""
    found: list[dict[str, Any]] = []
    made: Forecast | None = None
    for evidence in block.known:
        if made is None:
            settings = asdict(block.sampling)
            made = make_forecast(block.scenario, evidence, **settings, method=block.method)
        else:
            made = update(made, evidence, method=block.method)
        found.append(_numbers(made, block))
    return found


def _numbers(made: Forecast, block: Block) -> dict[str, Any]:
    """What a forecast says, as JSON holds it."""
    checks = made.diagnostics
    open_now = [each for each in block.questions if each.is_open(made.as_of)]
    answers = [ask(made, each, draws=block.question_draws) for each in open_now]
    return {
        "as_of": made.as_of.isoformat(),
        "reports": len(made.evidence),
        "courses": {
            f"{each.variable}={each.state}": [_values(getattr(each, name)) for name in NUMBERS]
            for each in made.courses
        },
        "any_dangerous": _values(made.any_dangerous) if _has_dangerous(made.scenario) else None,
        "answers": {
            answer.question.id: [[name, *_values(p)] for name, p in answer.distribution.items()]
            for answer in answers
        },
        "method": checks.method,
        "pareto_k": checks.pareto_k,
        "r_hat": checks.r_hat,
        "ess": checks.ess,
        "mcse": checks.mcse,
        "failures": "; ".join(checks.failures),
    }


def _values(found: Estimate) -> list[float]:
    return [float(found.mean), float(found.lower), float(found.upper)]


def _has_dangerous(scenario: Scenario) -> bool:
    return any(course.dangerous for course in scenario.courses.values())


def _days_of(every: str | int) -> int:
    """Number of days from one forecast to the next."""
    found = re.fullmatch(r"\s*(\d{1,6})\s*([DdWw])\s*", every) if isinstance(every, str) else None
    days = every if isinstance(every, int) else 0
    if found:
        days = int(found[1]) * (7 if found[2] in "Ww" else 1)
    if days < 1:
        message = f'{short_repr(every)}; needs days or weeks, such as "7D" or "2W"'
        raise InputError([Problem("every", message)])
    return days


def _days(
    scenario: Scenario,
    ledger: Ledger | LedgerFile,
    every: int,
    start: date | str | None,
    end: date | str | None,
) -> list[date]:
    """As-of dates, in order."""
    whole = ledger.known_at(date.max, scenario.variables)
    known = sorted(report.known for report in (*whole.reports, *whole.behind))
    if not known and (start is None or end is None):
        message = "the ledger has no reports on the scenario; then start and end are needed"
        raise InputError([Problem("ledger", message)])
    first = as_date(start) if start is not None else known[0]
    if start is None and scenario.timeline is not None:
        first = max(first, scenario.timeline.start)
    last = as_date(end) if end is not None else known[-1]
    if last < first:
        raise InputError([Problem("end", f"{last} is before the first day, {first}")])
    for day in (first, last):
        last_step(scenario, Evidence(day))
    return [first + timedelta(days=k) for k in range(0, (last - first).days + 1, every)]


def _gathered(
    days: Sequence[Mapping[str, Any]],
    questions: Sequence[Question],
    resolutions: tuple[Resolution, ...],
) -> Backtest:
    import xarray as xr

    answers = tuple(_answers(days, {each.id: each for each in questions}))
    groups = {
        "courses": _courses(days),
        "questions": _questions(days, questions),
        "diagnostics": _diagnostics(days),
    }
    if resolutions:
        groups["scores"] = _scores(score(answers, resolutions))
    return Backtest(xr.DataTree.from_dict(groups), answers, resolutions)


def _answers(
    days: Sequence[Mapping[str, Any]], questions: Mapping[str, Question]
) -> Iterator[QuestionForecast]:
    for day in days:
        for name, rows in day["answers"].items():
            distribution = frozen({label: Estimate(*values) for label, *values in rows})
            as_of = date.fromisoformat(day["as_of"])
            yield QuestionForecast(questions[name], as_of, distribution)


def _as_of(days: Sequence[Mapping[str, Any]]) -> Any:
    return np.array([day["as_of"] for day in days], "datetime64[ns]")


def _courses(days: Sequence[Mapping[str, Any]]) -> Dataset:
    import xarray as xr

    names = list(days[0]["courses"])
    values = np.array([[day["courses"][name] for name in names] for day in days])
    values = values.reshape(len(days), len(names), len(NUMBERS), len(BOUNDS))
    dims = ("as_of", "course", "bound")
    found = {name: (dims, values[:, :, k]) for k, name in enumerate(NUMBERS)}
    coords = {"as_of": _as_of(days), "course": names, "bound": list(BOUNDS)}
    dataset = xr.Dataset(found, coords)
    if days[0]["any_dangerous"] is not None:
        every = np.array([day["any_dangerous"] for day in days])
        dataset["any_dangerous"] = (("as_of", "bound"), every)
    return dataset


def _questions(days: Sequence[Mapping[str, Any]], questions: Sequence[Question]) -> Dataset:
    import xarray as xr

    yes_or_no = [each.id for each in questions if not each.is_count]
    counts = [each.id for each in questions if each.is_count]
    rows = [rows for day in days for rows in day["answers"].values()]
    most = max((len(each) for each in rows), default=0) if counts else 0
    probability = np.full((len(days), len(yes_or_no), 3), np.nan)
    numbers = np.full((len(days), len(counts), most, 3), np.nan)
    for n, day in enumerate(days):
        for name, found in day["answers"].items():
            if name in yes_or_no:
                probability[n, yes_or_no.index(name)] = dict(_labelled(found))["yes"]
            else:
                numbers[n, counts.index(name), : len(found)] = [v for _, v in _labelled(found)]
    return xr.Dataset(
        {
            "probability": (("as_of", "question", "bound"), probability),
            "distribution": (("as_of", "count", "number", "bound"), numbers),
        },
        {
            "as_of": _as_of(days),
            "question": np.array(yes_or_no, dtype=object),
            "count": np.array(counts, dtype=object),
            "number": range(most),
            "bound": list(BOUNDS),
        },
    )


def _labelled(rows: Sequence[Sequence[Any]]) -> Iterator[tuple[str, list[float]]]:
    for label, *values in rows:
        yield label, values


def _diagnostics(days: Sequence[Mapping[str, Any]]) -> Dataset:
    import xarray as xr

    names = ("reports", "method", "pareto_k", "r_hat", "ess", "mcse", "failures")
    found = {name: ("as_of", np.array([day[name] for day in days])) for name in names}
    return xr.Dataset(found, {"as_of": _as_of(days)})


def _scores(found: Scores) -> Dataset:
    """Scores by day and question; not a number where there is none."""
    import pandas as pd

    table = found.table.assign(as_of=pd.to_datetime(found.table["as_of"]))
    columns = ["outcome", "brier", "log_score", "rps"]
    found_at: Dataset = table.set_index(["as_of", "question"])[columns].astype(float).to_xarray()
    return found_at
