"""Calibration of the whole path, from a scenario through simulated evidence to the posterior.

Ranks of judgements alone miss the failures that matter (Modrák, Moon, Kim, Bürkner, Huurre,
Faltejsková, Gelman, Vehtari: Simulation-based calibration checking for Bayesian computation,
Bayesian Analysis 20(2), 2025): evidence that is read as if it were made otherwise leaves them
uniform. So probabilities of states, courses and questions are compared with what happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import InputError, Problem, raise_if_any
from forecast.estimate import TAILS
from forecast.evidence.ledger import Evidence
from forecast.fitting import weighed_forecast
from forecast.layout import PrintsItself, Summary, of_frame
from forecast.outlook import Forecast
from forecast.posterior.resample_move import move
from forecast.posterior.reweighting import Fit, Weights
from forecast.posterior.stored_answers import watched
from forecast.sampling import Sampling, require_whole
from forecast.scenario.indicator_groups import with_default_effects
from forecast.scenario.scenario import Scenario
from forecast.text import printed
from forecast.verification.calibration_line import calibration_line, spiegelhalter_z
from forecast.verification.issued import digest_of, made_by
from forecast.verification.parts import work_through
from forecast.verification.question_forecasts import ask, unanswerable
from forecast.verification.questions import Question, Questions
from forecast.verification.scores import Reliability, reliability
from forecast.verification.worlds import World, courses_ahead, day_after, prior_fit

if TYPE_CHECKING:
    from pandas import DataFrame
    from xarray import DataTree

ERROR: Final = 0.01
"""Probability that a scenario is called wrong that is right, over all checks together."""
COMMON: Final = 5.0
"""Variance of a number of outcomes above which its distribution is near enough to a normal one."""
PART: Final = 10
"""Worlds that are worked on together."""
KINDS: Final = ("states", "courses", "questions")


@dataclass(frozen=True, eq=False)
class Calibration(PrintsItself):
    """Whether a scenario is calibrated in worlds that it makes itself; made by `calibrate`.

    Attributes
    ----------
    table
        One row for each world and each quantity: `world`, `kind` ("states", "courses",
        "questions"), `quantity`, `probability`, `outcome`, and `rank`: the share of draws whose
        probability is below that under the world's own judgements.
    judgement_ranks
        Share of draws of each judgement below its true value, (world, judgement); empty where the
        worlds are another scenario's.
    n, left_out
        Worlds, and those of them that are not in the table: draws of the prior could not even be
        moved to their evidence, as nobody can know who does not know the truth.
    """

    table: DataFrame
    judgement_ranks: DataFrame
    n: int
    left_out: int

    @cached_property
    def by_quantity(self) -> DataFrame:
        """Each quantity, in one row.

        `forecast` and `observed` on average, `z` of their difference, `coverage` of 90 % intervals,
        and `p` of uniform ranks (Kolmogorov and Smirnov).
        """
        import pandas as pd

        rows = [
            (*key, len(rows), *_compared(rows), *_ranked(rows["rank"].to_numpy()))
            for key, rows in self.table.groupby(["kind", "quantity"], sort=False)
        ]
        columns = ["kind", "quantity", "n", "forecast", "observed", "z", "coverage", "p"]
        return pd.DataFrame(rows, columns=columns)

    @cached_property
    def by_kind(self) -> DataFrame:
        """Each kind, in one row; worlds are clusters.

        Slope and intercept of the calibration line with standard errors, Spiegelhalter's z, and
        coverage of 90 % intervals with its standard error.
        """
        import pandas as pd

        found = []
        for kind in KINDS:
            rows = self.table[self.table["kind"] == kind]
            if len(rows):
                given = (rows[name].to_numpy() for name in ("probability", "outcome", "world"))
                p, y, world = given
                line = calibration_line(p, y, world)
                coverage = _coverage(rows)
                ends = line.slope, line.slope_se, line.intercept, line.intercept_se
                found.append((kind, len(rows), *ends, spiegelhalter_z(p, y, world), *coverage))
        columns = ["kind", "n", "slope", "slope_se", "intercept", "intercept_se", "spiegelhalter"]
        return pd.DataFrame(found, columns=[*columns, "coverage", "coverage_se"])

    @property
    def judgement_coverage(self) -> float:
        """Share of judgements whose 90 % interval holds the true value."""
        ranks = self.judgement_ranks.to_numpy()
        return float(_inside(ranks).mean()) if ranks.size else float("nan")

    @cached_property
    def judgement_p(self) -> float:
        """Smallest p-value of uniform ranks over the judgements, times how many there are."""
        columns = self.judgement_ranks.to_numpy().T
        found = [_uniformity(ranks) for ranks in columns]
        return min(1.0, min(found) * len(found)) if found else float("nan")

    @property
    def reliability(self) -> Reliability:
        """Calibration curve of courses and questions."""
        rows = self.table[self.table["kind"] != "states"]
        return reliability(rows["probability"], rows["outcome"])

    @cached_property
    def failures(self) -> tuple[str, ...]:
        """What is not calibrated, in words; empty if nothing is, of a right one with 99 %."""
        checks = list(self._checks())
        level = ERROR / max(len(checks), 1)
        return tuple(meaning for meaning, p in checks if p < level)

    @property
    def tree(self) -> DataTree:
        """Ranks as ArviZ takes them, group `prior_sbc`: for `arviz.plot_ecdf_pit`."""
        import xarray as xr

        ranks = self.table.pivot_table(
            index="world", columns="quantity", values="rank", sort=False, dropna=False
        )
        labels = {"chain": [0], "draw": range(len(ranks)), "quantity": list(ranks.columns)}
        dims = ("chain", "draw", "quantity")
        found = {"rank": (dims, ranks.to_numpy()[None])}
        if self.judgement_ranks.size:
            labels["judgement"] = list(self.judgement_ranks.columns)
            judged = self.judgement_ranks.to_numpy()[None]
            found["judgement_rank"] = (("chain", "draw", "judgement"), judged)
        return xr.DataTree.from_dict({"prior_sbc": xr.Dataset(found, labels)})

    def _checks(self) -> Iterator[tuple[str, float]]:
        """Yield everything that is tested: what it means if it fails, and its p-value."""
        from scipy.stats import norm

        def two_sided(z: float) -> float:
            return float(2 * norm.sf(abs(z))) if np.isfinite(z) else 1.0

        for row in self.by_quantity.itertuples():
            share = f"{row.quantity} happened in {row.observed:.1%} of worlds and was given"
            yield f"{share} {row.forecast:.1%}", two_sided(row.z)
            yield f"ranks of {row.quantity} are not uniform, p = {row.p:.2g}", row.p
        for row in self.by_kind.itertuples():
            line = f"the calibration line of {row.kind} has slope {row.slope:.2f}"
            yield f"{line} ± {row.slope_se:.2f}", two_sided((row.slope - 1) / row.slope_se)
            brier = f"Spiegelhalter's z of {row.kind} is {row.spiegelhalter:.1f}"
            yield brier, two_sided(row.spiegelhalter)
            cover = f"90 % intervals of {row.kind} cover {row.coverage:.1%}"
            yield cover, two_sided((row.coverage - 0.9) / row.coverage_se)
        if self.judgement_ranks.size:
            yield (
                f"ranks of judgements are not uniform, p = {self.judgement_p:.2g}",
                (self.judgement_p),
            )

    @property
    def _summary(self) -> Summary:
        title = f"Calibration in {self.n} simulated worlds, {self.left_out} of them left out"
        below = [f"Not calibrated: {failure}" for failure in self.failures] or ["Calibrated."]
        return Summary(title, *of_frame(self.by_kind), below)

    @printed
    def __repr__(self) -> str:
        lines = [f"Calibration in {self.n} simulated worlds, {self.left_out} of them left out"]
        lines.append(self.by_kind.to_string(index=False, float_format="{:.3f}".format))
        if self.judgement_ranks.size:
            lines.append(f"90 % intervals of judgements cover {self.judgement_coverage:.1%}")
        lines += [f"Not calibrated: {failure}" for failure in self.failures] or ["Calibrated."]
        return "\n".join(lines)


@checked
def calibrate(
    scenario: Scenario,
    n: int = 300,
    questions: Questions | None = None,
    *,
    steps: int = 3,
    worlds: Scenario | None = None,
    draws: int = 1000,
    question_draws: int = 250,
    random_seed: int = Sampling.random_seed,
    executor: Executor | None = None,
    path: str | Path | None = None,
    progressbar: bool | None = None,
) -> Calibration:
    """See whether a scenario is calibrated in worlds that it makes itself.

    In each world judgements are drawn from their priors, a history from the tables, and reports of
    it with sources, grades, origins, delays and silence. The reports are then read as any others:
    draws from the prior are weighed by them and, where too few carry them, moved to them.

    Parameters
    ----------
    scenario
        The scenario whose forecasts are tried.
    n
        Worlds.
    questions
        Questions to try as well, those that are answered by yes or no.
    steps
        Steps that reports are about; the as-of date is the last day of the last of them.
    worlds
        The scenario that makes the worlds, where it is another: to see what would be noticed if
        the one that is tried were wrong. It needs the same variables and states, but not the same
        shared effects where it does not say how indicators hang together.
    draws
        Draws from the prior, shared by all worlds.
    question_draws
        Draws that questions are answered from.
    random_seed, executor, path, progressbar
        As in `backtest`; worlds are worked on ten at a time.

    Returns
    -------
    Calibration

    Raises
    ------
    InputError
        If an argument breaks a rule.

    Examples
    --------
    >>> calibrate(load_scenario("iraq-2020"), 300)  # doctest: +SKIP
    """
    given = {"n": n, "steps": steps, "draws": draws, "question_draws": question_draws}
    require_whole(given, dict.fromkeys(given, 1) | {"draws": 25})
    truth = scenario if worlds is None else worlds
    asked = tuple(q for q in (questions or {}).values() if not q.is_count)
    problems = [each for question in asked for each in unanswerable(scenario, question)]
    raise_if_any([*problems, *_other_states(scenario, truth)])
    scenario, truth = with_default_effects(scenario), with_default_effects(truth)
    sampling = Sampling(draws, chains=1, random_seed=random_seed, progressbar=False)
    day_after(scenario, steps)
    parts = [
        Part(scenario, truth, steps, range(k, min(k + PART, n)), sampling, asked, question_draws)
        for k in range(0, n, PART)
    ]
    about = {
        "calibration of": scenario.digest,
        "worlds of": truth.digest,
        "settings": asdict(sampling) | given,
        "questions": digest_of("".join(each.model_dump_json(by_alias=True) for each in asked)),
        "code": made_by()["code"],
    }
    found = work_through(
        run_part,
        parts,
        label="calibration",
        about=about,
        executor=executor,
        path=path,
        progressbar=progressbar,
    )
    return _gathered(scenario, truth, [world for each in found for world in each])


@dataclass(frozen=True, eq=False)
class Part:
    """Worlds that are worked on together, with all that they depend on."""

    scenario: Scenario
    truth: Scenario
    steps: int
    numbers: range
    sampling: Sampling
    questions: tuple[Question, ...]
    question_draws: int


def run_part(part: Part) -> list[dict[str, Any]]:
    """What is forecast in each world, and what happens in it."""
    return [_world(part, number) for number in part.numbers]


def _world(part: Part, number: int) -> dict[str, Any]:
    rng = np.random.default_rng([part.sampling.random_seed, number])
    as_of = day_after(part.scenario, part.steps)
    world = World.draw(part.truth, _steps_needed(part, as_of), rng)
    evidence = world.evidence(as_of, rng)
    fit = prior_fit(part.scenario, part.sampling)
    weights = fit.weights(evidence)
    enough = weights.pareto_k <= weights.limit
    carrying = fit if enough else move(fit, evidence, (part.sampling.random_seed, number))
    compared = {} if carrying is None else _compare(part, world, evidence, carrying, rng)
    return {"world": number} | compared


def _compare(
    part: Part, world: World, evidence: Evidence, fit: Fit, rng: np.random.Generator
) -> dict[str, Any]:
    """Numbers and outcomes of a world, by draws that carry its evidence."""
    known, weights, now = world.fit, fit.weights(evidence), part.steps - 1
    rows = []
    one = Weights(np.zeros(1), -np.inf)
    drawn, true = (dict(_states(each, evidence, now)) for each in (fit, known))
    for (variable, state), values in drawn.items():
        if (variable, state) not in true:  # a shared effect of ours, which the worlds have not
            continue
        outcome = bool(world.in_state(variable, state)[now])
        name = f"{variable}={state} now"
        rows.append(["states", name, *_placed(values, weights, true[variable, state], outcome)])
    drawn_ahead, true_ahead = (
        dict(courses_ahead(each, evidence, w)) for each, w in ((fit, weights), (known, one))
    )
    for name, values in drawn_ahead.items():
        outcome = _happened(world, dict(watched(part.scenario))[name], evidence.as_of)
        placed = _placed(values, weights, true_ahead[name], outcome)
        rows.append(["courses", f"{name} within", *placed])
    if part.questions:
        made, own = (
            weighed_forecast(each, evidence, part.sampling, "reweight") for each in (fit, known)
        )
        rows += [_question_row(part, world, made, own, each, rng) for each in part.questions]
    return {"rows": rows, "judgements": _judgement_ranks(part, fit, weights, world)}


def _states(fit: Fit, evidence: Evidence, now: int) -> Iterator[tuple[tuple[str, str], Array]]:
    """Yield draws of each state's probability in the step of the as-of date, (draw,)."""
    found = fit.beliefs(evidence, now + 1)
    probabilities = found.posteriors().isel(time=now)
    for name, variable in fit.scenario.variables.items():
        if variable.role != "input":
            for state in variable.states[1:]:
                draws = probabilities.sel(variable_state=f"{name}={state}")
                yield (name, state), draws.to_numpy().ravel()


def _happened(world: World, states: Sequence[tuple[str, str]], as_of: date) -> bool:
    """Whether one of some states occurred in a step after that of a day, up to the horizon."""
    timeline = world.scenario.timeline
    assert timeline is not None
    ahead = slice(timeline.step_of(as_of) + 1, timeline.n_steps(as_of))
    return any(bool(world.in_state(*pair)[ahead].any()) for pair in states)


def _placed(values: Array, weights: Weights, true: Array, outcome: bool) -> list[float]:
    """Mean of draws, what happened, and the share of draws below the true value."""
    mean = float(np.average(values, weights=weights.weight))
    below = (values < true) + 0.5 * (values == true)
    return [
        min(max(mean, 0.0), 1.0),
        float(outcome),
        float(np.average(below, weights=weights.weight)),
    ]


def _question_row(
    part: Part,
    world: World,
    made: Forecast,
    own: Forecast,
    question: Question,
    rng: np.random.Generator,
) -> list[Any]:
    """A question: what was forecast, what came of it, where in the interval the true one is."""
    answer = ask(made, question, draws=part.question_draws).probability
    true = ask(own, question).probability.mean
    outcome = world.resolve(own, question, rng)
    rank = 0.0 if true < answer.lower else 1.0 if true > answer.upper else 0.5
    return ["questions", question.id, min(max(answer.mean, 0.0), 1.0), float(outcome), rank]


def _judgement_ranks(part: Part, fit: Fit, weights: Weights, world: World) -> list[float]:
    """Share of draws of each judgement below its true value; none for worlds of another kind."""
    if part.truth.digest != part.scenario.digest:
        return []
    ranks = [
        np.average(fit.parameters[name] < world.parameters[name], axis=-1, weights=weights.weight)
        for name in fit.parameters
    ]
    return [round(float(rank), 6) for each in ranks for rank in np.ravel(each)]


def _judgement_names(scenario: Scenario) -> list[str]:
    """Names of all judgements in the order of their ranks."""
    drawn = Fit.of_prior(scenario, Sampling(4, chains=1)).parameters
    return [
        f"{family} {k}"
        for family, values in drawn.items()
        for k in range(int(np.prod(values.shape[:-1])))
    ]


def _steps_needed(part: Part, as_of: date) -> int:
    """Steps of a history that reaches the horizon and the last day of every question."""
    timeline = part.scenario.timeline
    if timeline is None:
        return 1
    days = [question.last_day for question in part.questions]
    return max([timeline.n_steps(as_of), *(timeline.step_of(day) + 1 for day in days)])


def _other_states(scenario: Scenario, truth: Scenario) -> Iterator[Problem]:
    """Yield what a scenario that makes the worlds has that the one that is tried has not."""
    for name in scenario.variables.keys() | truth.variables.keys():
        one, other = scenario.variables.get(name), truth.variables.get(name)
        if one is None or other is None or one.states != other.states:
            yield Problem("worlds", f"{name} does not have the same states in both scenarios")
    if scenario.time != truth.time:
        yield Problem("worlds", "the two scenarios do not have the same days")


def _gathered(
    scenario: Scenario, truth: Scenario, found: Sequence[Mapping[str, Any]]
) -> Calibration:
    import pandas as pd

    compared = [each for each in found if "rows" in each]
    rows = [(each["world"], *row) for each in compared for row in each["rows"]]
    columns = ["world", "kind", "quantity", "probability", "outcome", "rank"]
    same = truth.digest == scenario.digest
    ranks = pd.DataFrame(
        [each["judgements"] for each in compared] if same else [],
        columns=_judgement_names(scenario) if same else [],
    )
    if not compared:
        message = "no draws carry the evidence of any world; take more draws, or fewer steps"
        raise InputError([Problem("draws", message)])
    table = pd.DataFrame(rows, columns=columns)
    return Calibration(table, ranks, len(found), len(found) - len(compared))


def _compared(rows: DataFrame) -> tuple[float, float, float]:
    """Forecast and observed on average, and how many standard deviations they differ."""
    p, y = rows["probability"].to_numpy(), rows["outcome"].to_numpy()
    variance = float((p * (1 - p)).sum())
    z = float((y - p).sum() / np.sqrt(variance)) if variance >= COMMON else float("nan")
    return float(p.mean()), float(y.mean()), z


def _ranked(ranks: Array) -> tuple[float, float]:
    """Coverage of 90 % intervals, and the p-value of uniform ranks unless they are coarse."""
    few = np.unique(ranks).size <= 3  # a question knows only whether the interval holds it
    return float(_inside(ranks).mean()), 1.0 if few else _uniformity(ranks)


def _uniformity(ranks: Array) -> float:
    from scipy.stats import kstest

    return float(kstest(ranks, "uniform").pvalue)


def _inside(ranks: Array) -> Array:
    return np.asarray((ranks >= TAILS[0]) & (ranks <= TAILS[1]), np.float64)


def _coverage(rows: DataFrame) -> tuple[float, float]:
    """Coverage of 90 % intervals, and its standard error over worlds."""
    by_world = rows.assign(inside=_inside(rows["rank"].to_numpy())).groupby("world")["inside"]
    means = by_world.mean().to_numpy()
    return float(means.mean()), float(max(means.std(ddof=1), 1e-12) / np.sqrt(means.size))
