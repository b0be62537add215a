"""The power of a warning before any evidence: worlds in which a course is taken, and others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from forecast.arguments import checked
from forecast.arrays import Index
from forecast.errors import InputError, Problem
from forecast.evidence.ledger import Evidence
from forecast.layout import PrintsItself, Summary, of_frame
from forecast.posterior.reweighting import Fit
from forecast.sampling import Sampling, require_whole
from forecast.scenario.indicator_groups import with_default_effects
from forecast.scenario.scenario import Scenario
from forecast.text import printed
from forecast.verification.comparisons import warning_power
from forecast.verification.issued import made_by
from forecast.verification.parts import work_through
from forecast.verification.worlds import World, courses_ahead, day_after, prior_fit

if TYPE_CHECKING:
    from pandas import DataFrame

LEVELS: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7)
"""Probabilities at which a warning may be given."""
TRIED: Final = 20000
"""Worlds that are drawn at most to find those in which a course is taken."""
BATCH: Final = 1000
"""Worlds that are drawn at once."""
PART: Final = 5
"""Worlds that are worked on together."""
FINEST: Final = 1e-6
"""Probabilities nearer to 0 or 1 count as this one: their log-odds would be infinite."""


@dataclass(frozen=True, eq=False)
class Stress(PrintsItself):
    """What forecasts say in worlds in which each course is taken, and in others; by `stress`.

    Attributes
    ----------
    table
        One row for each course, world and step: `course`, `world`, `onset`, the first step in
        which it is taken, or -1 if it is not, `step`, and `probability` of it within the horizon,
        from what is known at the end of the step; not a number where too few draws carry that.
    indicators
        One row for each course and indicator: `bits` by which its reports raise the log-odds of
        the course at the end of the step before the onset, on average over worlds in which it is
        taken; what the others say being known.
    step_days
        Days in a step.
    rates
        Share of worlds in which each course is taken in the steps that are looked at.
    """

    table: DataFrame
    indicators: DataFrame
    step_days: int
    rates: Mapping[str, float]

    def power(self, levels: Sequence[float] = LEVELS) -> DataFrame:
        """Lead time against false alarms, if a warning is given at a level of probability.

        Parameters
        ----------
        levels
            Probabilities at which a warning is given.

        Returns
        -------
        pandas.DataFrame
            `course`, `level`; `warned`: the share of worlds with the course that have been warned
            before its onset; `lead_days`: median days from the warning to the onset's step, of
            those; `false_alarms`: the share of worlds without it that have been warned.
        """
        import pandas as pd

        rows = []
        for course, found in self.table.groupby("course", sort=False):
            ahead = found.pivot(index="world", columns="step", values="probability")
            onsets = found.groupby("world")["onset"].first().reindex(ahead.index)
            power = warning_power(ahead.to_numpy(), onsets.tolist(), levels)
            for level, (warned, lead, false) in zip(levels, power, strict=True):
                rows.append((course, level, warned, lead * self.step_days, false))
        columns = ["course", "level", "warned", "lead_days", "false_alarms"]
        return pd.DataFrame(rows, columns=columns)

    @property
    def _summary(self) -> Summary:
        title, *_ = repr(self).splitlines()
        return Summary(title, *of_frame(self.power()))

    @printed
    def __repr__(self) -> str:
        worlds = self.table.groupby(["course", "world"], sort=False)["onset"].first()
        taken = (worlds >= 0).groupby("course", sort=False).agg(["sum", "size"])
        lines = []
        for course, row in taken.iterrows():
            best = self.indicators[self.indicators["course"] == course].nlargest(3, "bits")
            by = ", ".join(f"{r.indicator} ({r.bits:+.1f} bits)" for r in best.itertuples())
            lines.append(
                f"{course}: taken in {self.rates[str(course)]:.1%} of worlds; {row['sum']} with it "
                f"and {row['size'] - row['sum']} without are looked at; shown by {by or 'nothing'}"
            )
        power = self.power().to_string(index=False, float_format="{:.2f}".format)
        return "\n".join([*lines, power])


@checked
def stress(
    scenario: Scenario,
    n: int = 40,
    *,
    steps: int = 6,
    draws: int = 1000,
    random_seed: int = Sampling.random_seed,
    executor: Executor | None = None,
    path: str | Path | None = None,
    progressbar: bool | None = None,
) -> Stress:
    """See how early, and how often wrongly, forecasts would warn of each course.

    Worlds are drawn as in `calibrate`, and followed step by step: half of them are such in which
    the course is taken after the first of the steps, the others such in which it is not.

    Parameters
    ----------
    scenario
        A scenario with steps.
    n
        Worlds for each course, half with it and half without; fewer with it where it is so rare
        that they are not found among 20,000.
    steps
        Steps that are looked at.
    draws
        Draws from the prior, shared by all worlds.
    random_seed, executor, path, progressbar
        As in `backtest`; worlds are worked on five at a time.

    Returns
    -------
    Stress

    Raises
    ------
    InputError
        If an argument breaks a rule, or the scenario is static: nothing comes early or late.
    """
    given = {"n": n, "steps": steps, "draws": draws}
    require_whole(given, {"n": 2, "steps": 2, "draws": 25})
    if scenario.timeline is None:
        raise InputError([Problem("scenario", "is static: in it nothing comes early or late")])
    day_after(scenario, steps)
    scenario = with_default_effects(scenario)
    sampling = Sampling(draws, chains=1, random_seed=random_seed, progressbar=False)
    chosen, rates = _choose(scenario, n, steps, random_seed)
    parts = [
        Part(scenario, steps, tuple(chosen[k : k + PART]), sampling)
        for k in range(0, len(chosen), PART)
    ]
    about = {
        "stress of": scenario.digest,
        "settings": asdict(sampling) | given,
        "code": made_by()["code"],
    }
    found = work_through(
        run_part,
        parts,
        label="stress",
        about=about,
        executor=executor,
        path=path,
        progressbar=progressbar,
    )
    return _gathered(scenario, [each for part in found for each in part], rates)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A world that is looked at: its number, which draws it anew, for which course, and onset."""

    number: int
    course: str
    onset: int


@dataclass(frozen=True, eq=False)
class Part:
    """Worlds that are worked on together, with all that they depend on."""

    scenario: Scenario
    steps: int
    chosen: tuple[Chosen, ...]
    sampling: Sampling


def _choose(
    scenario: Scenario, n: int, steps: int, random_seed: int
) -> tuple[list[Chosen], dict[str, float]]:
    """Worlds with and without each course, and the share of those that have it."""
    onsets = np.zeros((0, len(scenario.courses)), np.int64)
    while len(onsets) < TRIED:
        batch = _batch(scenario, steps, random_seed, len(onsets) // BATCH)
        onsets = np.concatenate([onsets, _onsets(scenario, batch)])
        with_it, without = (onsets > 0).sum(axis=0), (onsets < 0).sum(axis=0)
        if min(*with_it, *without) >= n // 2:
            break
    chosen, rates = [], {}
    for k, (variable, state) in enumerate(scenario.courses):
        name, column = f"{variable}={state}", onsets[:, k]
        rates[name] = float((column >= 0).mean())
        for numbers in (np.flatnonzero(column > 0), np.flatnonzero(column < 0)):
            chosen += [Chosen(int(i), name, int(column[i])) for i in numbers[: n // 2]]
    return chosen, rates


@lru_cache(maxsize=4)
def _batch(scenario: Scenario, steps: int, random_seed: int, number: int) -> tuple[World, ...]:
    rng = np.random.default_rng([random_seed, number])
    return tuple(World.draw_many(scenario, BATCH, steps, rng))


def _onsets(scenario: Scenario, worlds: Sequence[World]) -> Index:
    """First step in which each course is taken, or -1, (world, course)."""
    found = np.full((len(worlds), len(scenario.courses)), -1, np.int64)
    for row, world in zip(found, worlds, strict=True):
        for k, course in enumerate(scenario.courses):
            taken = world.in_state(*course)
            if taken.any():
                row[k] = int(taken.argmax())
    return found


def run_part(part: Part) -> list[dict[str, Any]]:
    """Probability of a course, step by step, in each world."""
    found = []
    for each in part.chosen:
        number, place = divmod(each.number, BATCH)
        batch = _batch(part.scenario, part.steps, part.sampling.random_seed, number)
        found.append(_follow(part, each, batch[place]))
    return found


def _follow(part: Part, chosen: Chosen, world: World) -> dict[str, Any]:
    seed = [part.sampling.random_seed, chosen.number, 1]
    last = day_after(part.scenario, part.steps)
    everything = world.evidence(last, np.random.default_rng(seed))
    fit = prior_fit(part.scenario, part.sampling)
    days = [day_after(part.scenario, step + 1) for step in range(part.steps)]
    known = [Evidence(day, tuple(r for r in everything if r.known <= day)) for day in days]
    ahead = [_probability_ahead(fit, each, chosen.course) for each in known]
    bits = {}
    if chosen.onset > 0 and (whole := ahead[chosen.onset - 1]) is not None:
        bits = dict(_bits_of_indicators(fit, known[chosen.onset - 1], chosen.course, whole))
    return asdict(chosen) | {"ahead": ahead, "bits": bits}


def _probability_ahead(fit: Fit, evidence: Evidence, course: str) -> float | None:
    """Probability of a course within the horizon; none if too few draws carry the evidence."""
    weights = fit.weights(evidence)
    if weights.pareto_k > weights.limit:
        return None
    draws = dict(courses_ahead(fit, evidence, weights))[course]
    return float(np.clip(np.average(draws, weights=weights.weight), 0.0, 1.0))


def _bits_of_indicators(
    fit: Fit, evidence: Evidence, course: str, whole: float
) -> Iterator[tuple[str, float]]:
    """Yield by how many bits the reports on each indicator raise the log-odds of a course."""
    for name in dict.fromkeys(report.indicator for report in evidence):
        rest = tuple(report for report in evidence if report.indicator != name)
        without = _probability_ahead(fit, replace(evidence, reports=rest), course)
        if without is not None:
            yield name, _log_odds(whole) - _log_odds(without)


def _log_odds(p: float) -> float:
    p = min(max(p, FINEST), 1 - FINEST)
    return float(np.log2(p) - np.log2(1 - p))


def _gathered(
    scenario: Scenario, found: Sequence[Mapping[str, Any]], rates: Mapping[str, float]
) -> Stress:
    import pandas as pd

    rows = [
        (each["course"], each["number"], each["onset"], step, np.nan if p is None else p)
        for each in found
        for step, p in enumerate(each["ahead"])
    ]
    table = pd.DataFrame(rows, columns=["course", "world", "onset", "step", "probability"])
    gains = [(each["course"], *pair) for each in found for pair in each["bits"].items()]
    frame = pd.DataFrame(gains, columns=["course", "indicator", "bits"])
    taken = table[table["onset"] >= 0].groupby("course")["world"].nunique()
    sums = frame.groupby(["course", "indicator"], sort=False)["bits"].sum().reset_index()
    indicators = sums.assign(bits=sums["bits"] / sums["course"].map(taken).astype(float))
    assert scenario.timeline is not None
    return Stress(table, indicators, scenario.timeline.step_days, dict(rates))
