"""Are probabilities of states right when reports are made because of what happens?

Worlds are drawn from iraq-2020: judgements from their priors, a history from the tables, and three
weeks of reports, made as each row says. The tables are then taken as known, so that what is
compared is the reading of reports alone: the mean predicted probability of a course (`said`) with
how often it held (`true`), the slope of a logistic regression of the one on the other, and the
Brier score.

Rows in which reports are read as they were made are `right`: `said` and `true` are within two
standard errors, and the slope within 0.1 or two of its own standard errors of 1. Few worlds cannot
tell a slope of 1 from one of 1.3 where a course is rare, so each case gives the slope's standard
error, and last of all stands the slope of all right rows together. In the other rows the reading is
wrong, and who knows how reports are made reads the same worlds for comparison. Rows that must be
caught (`off`) are not right, or have a worse logarithmic score than who knows, by more than three
standard errors (`loss`): a proper score shows what neither mean nor slope does. In others
(`robust`) no dangerous course may be off by more than 1.5 times, judged by what who knows predicts
(`known`), which is as right as `true` and less noisy.

A whole run takes about a quarter of an hour on one processor: all rows share their worlds, with
their tables and what lies ahead of the last week under each, so a world costs three forward steps
for each draw of the probabilities of reports. Where these are known there is one draw; where they
are not, there are `DRAWS`, and fewer worlds.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import ndtri

import forecast as fc
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import tabulate_reports
from forecast.evidence.profiles import ALARMS
from forecast.evidence.report import RELIABILITY, Report
from forecast.evidence.sources import admiralty_grades
from forecast.model.builder import compile_tables
from forecast.model.report_likelihood import log_likelihoods, report_data
from forecast.model.usual_reports import prior_shares
from forecast.network.horizon import Future, messages_after
from forecast.network.simulate import simulate_histories
from forecast.posterior.prior import draw_priors
from forecast.scenario.scenario import Scenario
from tests.benchmarks import timing  # before NumPy

WEEKS, AHEAD = 3, 13
WORLDS, FEW = 3000, 300
"""Worlds of a row; and at most so many where probabilities of reports are drawn."""
DRAWS, MOST_DRAWS = 2048, 4096
"""Draws of probabilities that are not known; and draws of all worlds that are summed at once."""
AT_ONCE = {"days": (0,), "share": (1.0,)}
BASIS = "judgement: made for a benchmark"
ACCURACY = {"B": 0.86, "E": 0.5}
"""Accuracy of ordinary sources, about that of their grade, and of a poor one."""
SHARE_OF_POOR = 1 / 3
LASTING = {"direct_fire": 19.6, "march_call": 19.6}
"""Indicators that persist in some worlds, with a probability of 0.7 a week, by dwell time."""

NOW = {
    "hold now": ("iran_posture", "hold"),
    "coordinated now": ("iran_posture", "coordinated_campaign"),
    "unified front now": ("proxy_cohesion", "unified_front"),
}
WITHIN = "coordinated within"
SURE = 1e-12
"""Nothing is taken to be predicted more surely: a logarithmic score could not be compared else."""
CAUGHT = 3.0
"""Standard errors of a logarithmic score by which a wrong reading is worse than the right one."""
DANGEROUS = ("coordinated now", WITHIN)


@dataclass(frozen=True)
class Making:
    """How reports are made, or are taken to be made.

    `routine` and `happening` are the probabilities that a week in the first state, or in another,
    is reported on; `alarms` that of a false alarm. `weeks` is in how many something happened that a
    reader has seen who is not sure of them, beside ten times as many quiet ones; None for one who
    knows them. `leveled` is whether the level of reporting differs
    from world to world, as its prior says, and is not known.
    """

    routine: float
    happening: float
    alarms: float = 0.0
    weeks: int | None = None
    leveled: bool = False

    @property
    def n_draws(self) -> int:
        """Draws of what is not known of it."""
        if self.weeks is not None:
            return DRAWS
        return DRAWS // 32 if self.leveled else 1


@dataclass(frozen=True)
class Row:
    """One way in which reports are made, and one in which they are read; None is ignorable.

    `copies` are made of each report, their origin stated or not. `poor` is the grade that is given
    to a poor source, which makes some of the reports; empty for none. `lasting` is whether some
    indicators persist.
    """

    name: str
    world: Making
    read: Making | None
    expect: str
    copies: int = 1
    stated: bool = True
    poor: str = ""
    lasting: bool = False


ANY = Making(0.5, 0.5)
POSITIVE = Making(1e-9, 0.6, 0.01)
MOSTLY = Making(0.1, 0.6, 0.01)
UNSURE = Making(0.1, 0.6, 0.01, leveled=True)
SPARSE = Making(0.1, 0.6)
ROWS = (
    Row("indicators picked without regard to their state", ANY, None, "right"),
    Row("positives only, read as if picked", POSITIVE, None, "off"),
    Row("positives only, read as made", POSITIVE, POSITIVE, "right"),
    Row("mostly positives, read as made", MOSTLY, MOSTLY, "right"),
    Row("level of reporting not known", UNSURE, UNSURE, "right"),
    Row(
        "profile says half of the detection",
        POSITIVE,
        Making(1e-9, 0.3, 0.01, 10, leveled=True),
        "robust",
    ),
    Row(
        "profile says double the detection",
        Making(1e-9, 0.45, 0.01),
        Making(1e-9, 0.9, 0.01, 10, leveled=True),
        "robust",
    ),
    Row("indicators that persist, read as made", POSITIVE, POSITIVE, "right", lasting=True),
    Row("one poor source, graded as such", SPARSE, SPARSE, "right", poor="E"),
    Row("one poor source, graded like the others", SPARSE, SPARSE, "off", poor="B"),
    Row("five copies, their origin stated", POSITIVE, POSITIVE, "right", copies=5),
    Row("five copies, no origin stated", POSITIVE, POSITIVE, "off", copies=5, stated=False),
)


def read_as(scenario: Scenario, making: Making | None) -> Scenario:
    """The scenario with one reporting profile for all indicators, and states of whole weeks."""
    body = scenario.model_dump(by_alias=True)
    body |= {"watches": {}, "channels": {}, "reporting": "ignorable", "lineage": "as_stated"}
    for variable in body["variables"].values():
        variable["reporting"] = None
        variable["kind"] = "standing" if variable["kind"] == "standing" else None
        if making is not None and variable["role"] == "indicator":
            probabilities = (making.routine, *[making.happening] * (len(variable["states"]) - 1))
            cases, quiet = making.weeks or 1000, 10 * (making.weeks or 100)
            variable["reporting"] = {
                "reported": {
                    state: {"guess": max(probability, 0.002), "cases": cases if k else quiet}
                    for k, (state, probability) in enumerate(
                        zip(variable["states"], probabilities, strict=True)
                    )
                },
                "false_alarms": (
                    {"guess": making.alarms, "cases": quiet} if making.alarms else None
                ),
                "delay": AT_ONCE,
                "basis": BASIS,
            }
    return Scenario.model_validate(body)


def lasting_indicators(scenario: Scenario) -> Scenario:
    """The scenario with some indicators that persist."""
    body = scenario.model_dump(by_alias=True)
    for name, days in LASTING.items():
        dwell = {"between": (0.99 * days, 1.01 * days), "basis": BASIS}
        body["variables"][name] |= {"kind": "standing", "dwell": dwell}
    return Scenario.model_validate(body)


@dataclass(frozen=True)
class Worlds:
    """Drawn worlds: judgements, cells of the tables, and the state of everything at every step."""

    scenario: Scenario
    theta: Any
    history: Any

    @classmethod
    def draw(cls, scenario: Scenario, n: int, seed: int) -> Worlds:
        program = compile_tables(scenario)
        parameters = draw_priors(program.priors, n, random_seed=seed)
        tables = {k: v for k, v in parameters.items() if k in program.priors.labels}
        cells = program.cells(tables).reshape(program.network.n_cells, -1)
        theta = np.repeat(cells, n // cells.shape[1], axis=1)
        settings = tabulate_reports(
            scenario, Evidence(scenario.time.start), WEEKS + AHEAD
        ).arrays.settings
        rng = np.random.default_rng([seed, 1])
        history = simulate_histories(program.network, theta, settings, rng)
        return cls(scenario, theta, history)

    def first(self, n: int) -> Worlds:
        """Some of the worlds."""
        found = replace(self, theta=self.theta[:, :n], history=self.history[..., :n])
        axes, never = self.ahead
        found.__dict__["ahead"] = axes, never[:, :n]
        return found

    @cached_property
    def ahead(self) -> tuple[tuple[str, ...], Any]:
        """Variables, and the probability by their states that no attack comes, (state, world)."""
        network = compile_tables(self.scenario).network
        table = tabulate_reports(self.scenario, Evidence(self.scenario.time.start), WEEKS + 1)
        future = Future(network, self.theta, table.arrays.settings[-1])
        [(axes, values)] = future.values([[NOW["coordinated now"]]], AHEAD, network.interface)
        return axes, values[-1]


def make_reports(worlds: Worlds, row: Row, seed: int) -> list[tuple[Report, ...]]:
    """Reports of each world, as a row says that they are made."""
    rng = np.random.default_rng([seed, 2])
    network, n = compile_tables(worlds.scenario).network, worlds.history.shape[-1]
    found: list[list[Report]] = [[] for _ in range(n)]
    read = read_as(worlds.scenario, row.read)
    probabilities = draw_reporting_probabilities(
        read_as(worlds.scenario, row.world), row.world, rng, n
    )
    times, times_false = np.resize(probabilities.get("reporting_level", np.ones((2, n))), (2, n))
    for place, name in enumerate(network.names):
        variable = worlds.scenario.variables[name]
        if variable.role != "indicator":
            continue
        k = len(variable.states)
        usual = {grade: usual_statements_of(read, name, row.read, grade) for grade in ACCURACY}
        probability = np.array([row.world.routine, *[row.world.happening] * (k - 1)])
        for week in range(WEEKS):
            true = worlds.history[week, place]
            poor = rng.random(n) < (SHARE_OF_POOR if row.poor else 0.0)
            made = rng.random(n) < 1 - (1 - probability[true]) ** times
            false = ~made & (rng.random(n) < 1 - (1 - row.world.alarms) ** times_false)
            right = rng.random(n) < np.where(poor, ACCURACY["E"], ACCURACY["B"])
            errs = [rng.choice(k, n, p=usual[grade][0]) for grade in ACCURACY]
            statements = np.where(right, true, np.where(poor, errs[1], errs[0]))
            statements = np.where(false, rng.choice(k, n, p=usual["B"][1]), statements)
            days = rng.integers(0, 7, n)
            for world in np.flatnonzero(made | false):
                day = worlds.scenario.time.start + timedelta(int(7 * week + days[world]))
                grade = row.poor if poor[world] else "B"
                found[world] += copies(
                    row, name, variable.states[statements[world]], week, day, grade
                )
    return [tuple(reports) for reports in found]


def copies(
    row: Row, name: str, state: str, week: int, day: date, grade: str = "B"
) -> Iterator[Report]:
    """A report and its copies."""
    origin = f"{name} {week}" if row.stated else ""
    for k in range(row.copies):
        yield Report(f"{name} {week} {k}", name, state, *[day] * 4, "press", grade, origin=origin)


def usual_statements_of(
    scenario: Scenario, name: str, making: Making | None, grade: str = "B"
) -> tuple[Any, Any]:
    """Probability of each state in errors of a grade, and in false alarms."""
    program = compile_tables(scenario)
    table = tabulate_reports(scenario, Evidence(scenario.time.start), 1)
    shares = prior_shares(
        program, table.observable, tuple(sorted(table.defaults.items())), table.prior_steps
    )[name]
    if making is not None:
        shares = shares * [max(making.routine, 0.002), *[making.happening] * (len(shares) - 1)]
    own, usual_own = (admiralty_grades()[RELIABILITY.index(g)].invented for g in (grade, "B"))
    usual = (1 - own) * shares / shares.sum() + own / len(shares)
    beyond = shares[1:] / shares[1:].sum()
    return usual, np.array([0.0, *((1 - usual_own) * beyond + usual_own / len(beyond))])


def course_probabilities(
    worlds: Worlds, row: Row, reports: list[tuple[Report, ...]]
) -> dict[str, Any]:
    """Probability of each course in each world, the tables known, and of reports as far as known.

    Probabilities of reports that are not known are drawn, and weigh by how probable they make the
    reports: also given is the effective number of draws.
    """
    scenario = read_as(worlds.scenario, row.read)
    program = compile_tables(scenario)
    as_of = scenario.time.start + timedelta(7 * WEEKS - 1)
    n_draws = row.read.n_draws if row.read else 1
    probabilities = draw_reporting_probabilities(
        scenario, row.read, np.random.default_rng(7), n_draws
    )
    at_once, parts = max(MOST_DRAWS // n_draws, 1), []
    for first in range(0, len(reports), at_once):
        some = slice(first, first + at_once)
        like = [
            log_likelihoods(
                report_data(program, tabulate_reports(scenario, Evidence(as_of, known), WEEKS)),
                probabilities,
            )
            for known in reports[some]
        ]
        parts.append(
            mean_probabilities(worlds, program.network, some, np.concatenate(like, axis=-1))
        )
    return {label: np.concatenate([part[label] for part in parts]) for label in parts[0]}


def mean_probabilities(worlds: Worlds, network: Any, some: slice, like: Any) -> dict[str, Any]:
    """Mean probability of each course in some worlds, (world,), over draws of those of reports."""
    theta, (axes, never) = worlds.theta[:, some], worlds.ahead
    n_worlds, each = theta.shape[1], like.shape[-1] // theta.shape[1]
    found = messages_after(network, np.repeat(theta, each, axis=1), like[:-1], [like[-1]])
    assert found is not None, "a product came near underflow"
    [present] = found
    logs = present.log_norm.sum(axis=0).reshape(n_worlds, each)
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    draws = {label: present.of(network, *pair) for label, pair in NOW.items()}
    over = present.over(network, axes)
    draws[WITHIN] = 1 - np.einsum("id,id->d", over, np.repeat(never[:, some], each, axis=1))
    means = {
        label: np.average(values.reshape(n_worlds, each), axis=1, weights=weights)
        for label, values in draws.items()
    }
    return means | {"effective": weights.sum(axis=1) ** 2 / (weights**2).sum(axis=1)}


def draw_reporting_probabilities(
    scenario: Scenario, making: Making | None, rng: np.random.Generator, n: int
) -> dict[str, Any]:
    """Accuracies and probabilities of reports, (…, draw): what is known is the same in all."""
    trust = compile_tables(scenario).priors.trust
    accuracy = [ACCURACY.get(judged.name, ACCURACY["B"]) for judged in trust.accuracy]
    found = {"accuracy": np.repeat(np.array(accuracy)[:, None], n, axis=1)}
    if making is None:
        return found
    if making.weeks:
        found["reporting"] = np.array([rng.beta(*judged.shape, n) for judged in trust.reporting])
    else:
        known = [probability_of(scenario, making, judged.name) for judged in trust.reporting]
        found["reporting"] = np.repeat(np.array(known)[:, None], n, axis=1)
    # Stratified: each level has a value in each of as many equal parts of its distribution.
    ranks = np.array([rng.permutation(n) + rng.random(n) for _ in trust.reporting_level]) / n
    mean, sd = np.array([judged.shape for judged in trust.reporting_level]).T[..., None]
    found["reporting_level"] = np.exp((mean + sd * ndtri(ranks)) * making.leveled)
    return found


def probability_of(scenario: Scenario, making: Making, name: str) -> float:
    """Value of one of the probabilities of a profile."""
    variable, _, what = name.rpartition(": ")
    if what == ALARMS:
        return making.alarms
    first = what == scenario.variables[variable].states[0]
    return making.routine if first else making.happening


def held(worlds: Worlds) -> dict[str, Any]:
    """Whether each course held in each world."""
    network = compile_tables(worlds.scenario).network
    at = {name: k for k, name in enumerate(network.names)}
    states = {name: list(worlds.scenario.variables[name].states) for name, _ in NOW.values()}
    found = {
        label: worlds.history[WEEKS - 1, at[name]] == states[name].index(state)
        for label, (name, state) in NOW.items()
    }
    attack = states["iran_posture"].index("coordinated_campaign")
    return found | {WITHIN: (worlds.history[WEEKS:, at["iran_posture"]] == attack).any(axis=0)}


def compare(row: Row, course: str, predicted: Any, true: Any) -> dict[str, Any]:
    """What a row predicts of a course beside what held."""
    gap = predicted - true
    slope, slope_se = calibration_slope(predicted, true)
    return {
        "name": row.name,
        "course": course,
        "worlds": len(predicted),
        "expect": row.expect,
        "said": round(float(predicted.mean()), 4),
        "true": round(float(true.mean()), 4),
        "se": round(float(gap.std(ddof=1) / np.sqrt(len(gap))), 4),
        "slope": round(slope, 3),
        "slope_se": round(slope_se, 3),
        "brier": round(float((gap**2).mean()), 5),
    }


def calibration_slope(predicted: Any, true: Any) -> tuple[float, float]:
    """Slope of a logistic regression of what held on the predicted log-odds; 1 is right."""
    odds = np.log(predicted) - np.log1p(-predicted)

    def loss(at: Any) -> float:
        z = at[0] + at[1] * odds
        return float((np.logaddexp(0, z) - true * z).sum())

    at = minimize(loss, np.array([0.0, 1.0])).x
    p = 1 / (1 + np.exp(-(at[0] + at[1] * odds)))
    design = np.stack([np.ones(len(odds)), odds])
    spread = np.linalg.inv(design * (p * (1 - p)) @ design.T)
    return float(at[1]), float(np.sqrt(spread[1, 1]))


def loss_in_errors(predicted: Any, known: Any, true: Any) -> float:
    """By how many standard errors the logarithmic score of a prediction is worse than another."""
    predicted, known = (np.clip(each, SURE, 1 - SURE) for each in (predicted, known))
    loss = np.log(np.where(true, known / predicted, (1 - known) / (1 - predicted)))
    spread = loss.std(ddof=1)
    return float(loss.mean() / spread * np.sqrt(len(loss))) if spread else 0.0


def is_right(case: Mapping[str, Any]) -> bool:
    """Said and true within two standard errors, and a slope of 0.9 to 1.1, or within two of its."""
    close = abs(case["said"] - case["true"]) <= 2 * case["se"]
    return close and abs(case["slope"] - 1) <= max(0.1, 2 * case["slope_se"])


def judge(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mark each case of a row: right where it should be; elsewhere caught, or not off by much."""
    for case in cases:
        if case["expect"] == "right":
            case["ok"] = is_right(case)
        elif case["expect"] == "robust":
            near = case["known"] / 1.5 <= case["said"] <= case["known"] * 1.5
            case["ok"] = near or case["course"] not in DANGEROUS
        else:
            case["ok"] = any(not is_right(other) or other["loss"] > CAUGHT for other in cases)
    return cases


def run(n: int, seed: int = 1, rows: tuple[Row, ...] = ROWS) -> Iterator[list[dict[str, Any]]]:
    """Yield the cases of each row, judged."""
    plain = read_as(fc.load_scenario("iraq-2020"), None)
    drawn: dict[bool, Worlds] = {}
    for row in rows:
        if row.lasting not in drawn:
            scenario = lasting_indicators(plain) if row.lasting else plain
            drawn[row.lasting] = Worlds.draw(scenario, n, seed)
        worlds = drawn[row.lasting]
        if row.read is not None and row.read.weeks:
            worlds = worlds.first(min(n, FEW))
        reports, true = make_reports(worlds, row, seed), held(worlds)
        found = course_probabilities(worlds, row, reports)
        cases = [compare(row, course, found[course], true[course]) for course in true]
        if row.expect != "right":
            knowing = replace(row, read=row.world, stated=True, poor="E" if row.poor else "")
            differs = (row.stated, row.poor) != (knowing.stated, knowing.poor)
            same = make_reports(worlds, knowing, seed) if differs else reports
            known = course_probabilities(worlds, knowing, same)
            for case in cases:
                course = case["course"]
                case["known"] = round(float(known[course].mean()), 4)
                case["loss"] = round(loss_in_errors(found[course], known[course], true[course]), 1)
                case["effective"] = round(float(np.median(found["effective"])), 1)
        yield judge(cases)


def overall_slope(cases: list[dict[str, Any]]) -> dict[str, Any]:
    """The slope of all right cases together, by their standard errors."""
    right = [case for case in cases if case["expect"] == "right"]
    weight = np.array([case["slope_se"] ** -2 for case in right])
    slope = float(np.average([case["slope"] for case in right], weights=weight))
    found = {"name": "all right rows", "slope": round(slope, 3), "ok": abs(slope - 1) <= 0.1}
    return found | {"slope_se": round(float(weight.sum() ** -0.5), 3)}


def main() -> int:
    """Print the cases, and last of all one line of JSON."""
    parser = timing.parser(__doc__)
    parser.add_argument("--worlds", type=int, default=WORLDS)
    given = parser.parse_args()
    cases: list[dict[str, Any]] = []
    for found in run(300 if given.quick else given.worlds):
        cases += found
        for case in found:
            timing.note(
                f"{case['name']:50} {case['course']:20} {case['said']:.3f} / {case['true']:.3f} ±"
                f" {case['se']:.3f}  slope {case['slope']:.2f} ± {case['slope_se']:.2f}"
                + (
                    f"  known {case['known']:.3f} loss {case['loss']:.1f}"
                    if "known" in case
                    else ""
                )
                + ("" if case["ok"] else "  NOT OK")
            )
    return timing.finish("reporting", [*cases, overall_slope(cases)])


if __name__ == "__main__":
    sys.exit(main())
