"""Learning tables from past cases: their evidence, and their histories where these are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import Problem, nearest, raise_if_any
from forecast.estimate import TAILS
from forecast.evidence.events import last_step
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import ReportTable, tabulate_reports
from forecast.evidence.report import Report
from forecast.layout import PrintsItself, Summary, of_frame
from forecast.model.builder import compile_tables
from forecast.posterior.mcmc import sample_cases
from forecast.posterior.pooling import BETWEEN_CASES
from forecast.sampling import Sampling
from forecast.scenario.forms.form import condition_text
from forecast.scenario.forms.hazards import Hazards
from forecast.scenario.forms.rows import Rows
from forecast.scenario.forms.shared_effect import SharedEffect, UnderSharedEffect
from forecast.scenario.indicator_groups import with_default_effects
from forecast.scenario.scenario import Scenario
from forecast.text import printed
from forecast.verification.worlds import first_day
from forecast.wording import counted

if TYPE_CHECKING:
    from pandas import DataFrame
    from xarray import DataTree

BETWEEN_CASES_SCALE = 0.3
"""Before cases are compared: the odds of two in three cases lie within a factor of 1.35 of the
common ones, and those of one in twenty are more than 1.8 times off. A judgement, stated as one in
docs/verification.md."""

TABLES = (("table", ""), ("initial", " at first"), ("transition", ""))
"""Tables of a variable, and what their labels add to its name."""


@checked
@dataclass(frozen=True, slots=True)
class Case:
    """A past case of what a scenario is about.

    Attributes
    ----------
    evidence
        What was known of it at its end.
    start
        First day of its first step; that of the scenario unless it is given.
    history
        What is known of it for sure: by variable, the state at each step, "" where it is not.
    power
        How much it has to say, 0 to 1: less than 1 for a case that is old, or of another kind.
    """

    evidence: Evidence
    start: date | None = None
    history: Mapping[str, Sequence[str]] = field(default_factory=dict)
    power: float = 1.0


@dataclass(frozen=True, eq=False)
class Learned(PrintsItself):
    """What cases say of a scenario's judgements; made by `learn`.

    Attributes
    ----------
    scenario
        The new version: rows of tables and records of sources as they are believed now.
    posterior
        Draws of all judgements given all cases.
    table
        One row for each judgement that was written: `judgement`, `before_lower`, `before_upper`,
        `after`, `after_lower`, `after_upper`: 90 % intervals.
    notes
        What was learned and cannot be written as a statement of the scenario's.
    """

    scenario: Scenario
    posterior: DataTree
    table: DataFrame
    notes: tuple[str, ...] = ()

    @property
    def _summary(self) -> Summary:
        title = f"{self.scenario.name} {self.scenario.version}, learned"
        return Summary(title, *of_frame(self.table), self.notes)

    @printed
    def __repr__(self) -> str:
        head = f"{self.scenario.name} {self.scenario.version}"
        rows = self.table.to_string(index=False, float_format="{:.3f}".format)
        return "\n".join([head, rows, *self.notes])


@checked
def learn(
    scenario: Scenario,
    cases: Sequence[Case],
    *,
    between_cases: float = BETWEEN_CASES_SCALE,
    draws: int = Sampling.draws,
    tune: int = Sampling.tune,
    chains: int = Sampling.chains,
    random_seed: int = Sampling.random_seed,
    cores: int | None = None,
    progressbar: bool | None = None,
) -> Learned:
    """Learn a scenario's tables from past cases.

    Each case has a history of its own, which is summed out where it is not known, and tables of its
    own around common ones: how far cases are apart is learned with the rest (partial pooling), and
    what is written is what holds of a new case. Judgements about sources hold in all cases. The
    likelihood of a case counts to its power.

    Parameters
    ----------
    scenario
        What is believed before.
    cases
        The cases, at least one.
    between_cases
        Scale of the half-normal prior of the standard deviation between cases, in log-odds; 0 where
        all cases share the same tables (complete pooling).
    draws, tune, chains, random_seed, cores, progressbar
        How the tables are sampled; see `Sampling`.

    Returns
    -------
    Learned
        With a new version of the scenario, whose statements say that they were computed, from
        what, and what they were before.

    Raises
    ------
    InputError
        With everything that is wrong with the cases.

    Examples
    --------
    >>> learn(scenario, [Case(ledger.known_at("2019-12-31"))])  # doctest: +SKIP
    """
    faults = list(_faults(scenario, cases))
    if not 0 <= between_cases < np.inf:
        faults.append(Problem("between_cases", f"{between_cases}; needs 0 or a positive number"))
    raise_if_any(faults)
    sampling = Sampling(draws, tune, chains, random_seed, cores, progressbar)
    scenario = with_default_effects(scenario)
    nothing = tabulate_reports(scenario, Evidence(first_day(scenario)), 1).without_silence()
    tables = [nothing, *(_tabulated(scenario, case) for case in cases)]
    tree = sample_cases(scenario, tables, [case.power for case in cases], between_cases, sampling)
    return _written(scenario, tree, len(cases))


def _faults(scenario: Scenario, cases: Sequence[Case]) -> Iterator[Problem]:
    if not cases:
        yield Problem("cases", "needs at least one")
    for k, case in enumerate(cases):
        where = f"cases[{k}]"
        if not 0 <= case.power <= 1:
            yield Problem(f"{where}.power", f"{case.power}; needs a number from 0 to 1")
        if case.start is not None and scenario.timeline is None:
            yield Problem(f"{where}.start", "a static scenario has no first day")
            continue
        n_steps = last_step(scenario, _moved(scenario, case)) + 1
        for name, states in case.history.items():
            if name not in scenario.variables:
                message = f"{name!r} is unknown; {nearest(name, scenario.variables)}"
                yield Problem(f"{where}.history", message)
                continue
            legal = scenario.variables[name].states
            wrong = [state for state in states if state and state not in legal]
            if wrong:
                message = f"{wrong[0]!r} is not a state; {nearest(wrong[0], legal)}"
                yield Problem(f"{where}.history.{name}", message)
            if len(states) > n_steps:
                message = f"{len(states)} steps; the case has {n_steps}"
                yield Problem(f"{where}.history.{name}", message)


def _moved(scenario: Scenario, case: Case) -> Evidence:
    """Evidence of a case on the days of the scenario."""
    if case.start is None or scenario.timeline is None:
        return case.evidence
    by = scenario.timeline.start - case.start

    def moved(report: Report) -> Report:
        days = ("event_start", "event_end", "published", "known")
        return replace(report, **{name: getattr(report, name) + by for name in days})

    return Evidence(
        case.evidence.as_of + by,
        tuple(map(moved, case.evidence.reports)),
        tuple(map(moved, case.evidence.behind)),
        case.evidence.about,
    )


def _tabulated(scenario: Scenario, case: Case) -> ReportTable:
    """Evidence of a case, with what is known of its history as evidence that cannot err."""
    evidence = _moved(scenario, case)
    table = tabulate_reports(scenario, evidence, last_step(scenario, evidence) + 1)
    settings, network = table.arrays.settings.copy(), compile_tables(scenario).network
    for name, states in case.history.items():
        place, legal = network.states(name), scenario.variables[name].states
        for step, state in enumerate(states):
            if state:
                others = np.arange(place.start, place.stop) != place.start + legal.index(state)
                settings[step, place][others] = -np.inf
    return replace(
        table,
        arrays=table.arrays._replace(settings=settings),
        evidence_variables=tuple(dict.fromkeys((*table.evidence_variables, *case.history))),
    )


def _written(scenario: Scenario, tree: DataTree, n: int) -> Learned:
    """The new version of a scenario, and what its judgements were and are."""
    import pandas as pd

    found = _Posterior(scenario, tree)
    body = scenario.model_dump(by_alias=True)
    computed = f"computed: learned from {counted(n, 'case')}; before: "
    rows: list[tuple[Any, ...]] = []
    for name, variable in scenario.variables.items():
        for kind, note in TABLES:
            table = getattr(variable, kind)
            into = body["variables"][name][kind]
            if isinstance(table, UnderSharedEffect):
                table, into = table.table, into["table"]
            if isinstance(table, Rows):
                _write_rows(found, table, into, f"{name}{note}", variable.states, computed)
            elif isinstance(table, Hazards):
                _write_moves(found, table, into, f"{name}{note}", computed)
            elif isinstance(table, SharedEffect):
                _write_share(found, table, into, f"{name}{note}", computed)
    for name, source in scenario.sources.items():
        shape = found.beta(f"accuracy of {name}")
        if source.is_judged and shape is not None:
            stated = {"guess": shape[0] / sum(shape), "cases": sum(shape)}
            before = f"grade {source.reliability}" if source.record is None else source.record.basis
            basis = f"{computed}{before}"
            body["sources"][name]["record"] = {"probability": stated, "basis": basis}
    rows = [(label, *found.intervals[label]) for label in found.written]
    columns = ["judgement", "before_lower", "before_upper", "after", "after_lower", "after_upper"]
    left = [label for label in found.intervals if label not in found.written]
    notes = [f"learned, and left as it was in the scenario: {label}" for label in left]
    if BETWEEN_CASES in tree["posterior"]:
        sd = tree["posterior"][BETWEEN_CASES].to_numpy()
        lower, upper = np.quantile(sd, TAILS)
        notes.insert(
            0, f"between cases: sd {sd.mean():.2f} of log-odds ({lower:.2f} to {upper:.2f})"
        )
    body["version"] = f"{scenario.version}+{n}"
    learned = Scenario.model_validate(body)
    return Learned(learned, tree, pd.DataFrame(rows, columns=columns), tuple(notes))


def _write_rows(
    found: _Posterior,
    table: Rows,
    into: dict[str, Any],
    label: str,
    states: Sequence[str],
    computed: str,
) -> None:
    """Write rows of a table as the Dirichlets that stand for their draws."""
    rows = []
    for row, given in zip(table.rows, into["rows"], strict=True):
        alpha = found.alpha(row.label(label), states)
        kept = {"when": given["when"], "within": given["within"]}
        learned = kept | {"basis": f"{computed}{row.basis}"}
        if row.exactly is None and alpha is not None:
            rows.append(learned | {"concentration": dict(zip(states, alpha, strict=True))})
        else:
            rows.append(given)
    into["rows"] = rows


def _write_share(
    found: _Posterior, table: SharedEffect, into: dict[str, Any], label: str, computed: str
) -> None:
    """Write the share of steps of an effect as a guess of the strength that its draws have."""
    shape = found.beta(table.label(label))
    if shape is not None:
        into["share"] = {"guess": shape[0] / sum(shape), "cases": sum(shape)}
        into["basis"] = f"{computed}{table.basis}"


def _write_moves(
    found: _Posterior, table: Hazards, into: dict[str, Any], label: str, computed: str
) -> None:
    """Write moves that compete with no other as guesses of the strength that their draws have."""
    moves = list(into["moves"])
    for group in table.competitors():
        move = table.moves[group[0]]
        way = f" {move.source}→{move.target}" if move.source else f" →{move.target}"
        when = condition_text(move.when)
        shape = found.beta(f"{label}{way}{when} within {move.within:g} days")
        if len(group) == 1 and shape is not None:
            stated = {"guess": shape[0] / sum(shape), "cases": sum(shape)}
            basis = f"{computed}{move.basis}"
            moves[group[0]] = moves[group[0]] | {"probability": stated, "basis": basis}
    into["moves"] = moves


class _Posterior:
    """Draws of judgements by their labels, and the statements that stand for them."""

    def __init__(self, scenario: Scenario, tree: DataTree) -> None:
        self.draws: dict[str, Array] = {}
        self.intervals: dict[str, tuple[float, ...]] = {}
        self.written: dict[str, None] = {}
        posterior = tree["posterior"].to_dataset()
        for family in compile_tables(scenario).priors.families:
            values = posterior[family.name].to_numpy()
            values = values.reshape(-1, *values.shape[2:])
            before = np.asarray(family.quantiles(np.array(TAILS)))
            for k, label in enumerate(family.labels):
                self.draws[label] = values[:, k]
                if values.ndim == 2:
                    after = np.quantile(values[:, k], TAILS)
                    ends = *before[k].tolist(), float(values[:, k].mean()), *after.tolist()
                    self.intervals[label] = ends

    def beta(self, label: str) -> tuple[float, float] | None:
        """Shape of the Beta with the mean and variance of a judgement's draws."""
        if label not in self.draws:
            return None
        self.written[label] = None
        p = self.draws[label]
        total = p.mean() * (1 - p.mean()) / p.var() - 1
        return float(p.mean() * total), float((1 - p.mean()) * total)

    def alpha(self, label: str, states: Sequence[str]) -> tuple[float, ...] | None:
        """Concentrations of the Dirichlet with the means of a row and its spread, by state."""
        if len(states) == 2:
            shape = self.beta(f"{label}: {states[1]}")
            return None if shape is None else (shape[1], shape[0])
        if label not in self.draws:
            return None
        row = self.draws[label]
        mean, variance = row.mean(axis=0), row.var(axis=0)
        total = float((mean * (1 - mean)).sum() / variance.sum() - 1)
        return tuple((mean * total).tolist())
