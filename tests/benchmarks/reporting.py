"""Are probabilities of states right when reports are made because of what happens?

Worlds are drawn from iraq-2020: judgements from their priors, a history from the tables, and three
weeks of reports, made as each row says. The tables are then taken as known, so that what is
compared is the reading of reports alone: the mean of what is said of a course with how often it
held, the slope of a logistic regression of what held on what was said, and the Brier score.

Rows in which reports are read as they were made are `right`. In the others the reading is wrong:
rows that must be caught (`off`), and rows in which no dangerous course may be off by more than 1.5
times (`robust`): their profile says half or double of the detection, with the uncertainty of ten
weeks seen, and is summed over.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np
from scipy.optimize import minimize

import forecast as fc
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import tabulate_reports
from forecast.evidence.profiles import ALARMS
from forecast.evidence.report import Report
from forecast.model.builder import compile_tables
from forecast.model.report_likelihood import log_likelihoods, report_data
from forecast.model.usual_reports import prior_shares
from forecast.network.simulate import simulate_histories
from forecast.network.sweep import sweep
from forecast.posterior.prior import draw_priors
from forecast.scenario.scenario import Scenario
from tests.benchmarks import timing  # before NumPy

WEEKS, AHEAD = 3, 13
DRAWS, MOST_DRAWS = 64, 2048
"""Draws of chances that are not known; and draws of all worlds that are summed at once."""
AT_ONCE = {"days": (0,), "share": (1.0,)}
BASIS = "judgement: made for a benchmark"
ACCURACY = 0.86
"""Accuracy of every source; about that of grade B."""
INVENTED = 0.02
"""Share of its errors that name any state evenly, as of grade B."""

NOW = {
    "hold now": ("iran_posture", "hold"),
    "coordinated now": ("iran_posture", "coordinated_attack"),
    "unified front now": ("proxy_cohesion", "unified_front"),
}
WITHIN = "coordinated within"
DANGEROUS = ("coordinated now", WITHIN)


@dataclass(frozen=True)
class Making:
    """How reports are made, or are taken to be made.

    `routine` and `happening` are the chances that a week in the first state, or in another, is
    reported on; `alarms` that of a false alarm. `weeks` is how many a reader has seen who is not
    sure of them; None for one who knows them.
    """

    routine: float
    happening: float
    alarms: float = 0.0
    weeks: int | None = None


@dataclass(frozen=True)
class Row:
    """One way in which reports are made, and one in which they are read; None is ignorable."""

    name: str
    world: Making
    read: Making | None
    expect: str
    copies: int = 1
    stated: bool = True


ANY = Making(0.5, 0.5)
POSITIVE = Making(1e-9, 0.6, 0.01)
ROWS = (
    Row("indicators picked without regard to their state", ANY, None, "right"),
    Row("positives only, read as if picked", POSITIVE, None, "off"),
    Row("positives only, read as made", POSITIVE, POSITIVE, "right"),
    Row("mostly positives, read as made", Making(0.1, 0.6, 0.01), Making(0.1, 0.6, 0.01), "right"),
    Row("profile says half of the detection", POSITIVE, Making(1e-9, 0.3, 0.01, 10), "robust"),
    Row(
        "profile says double the detection",
        Making(1e-9, 0.45, 0.01),
        Making(1e-9, 0.9, 0.01, 10),
        "robust",
    ),
    Row("five copies, their origin stated", POSITIVE, POSITIVE, "right", copies=5),
    Row("five copies, no origin stated", POSITIVE, POSITIVE, "off", copies=5, stated=False),
)


def read_as(scenario: Scenario, making: Making | None) -> Scenario:
    """The scenario with one reporting profile for all indicators, and states of whole weeks."""
    body = scenario.model_dump(by_alias=True)
    body |= {"watches": {}, "channels": {}, "reporting": "ignorable"}
    for variable in body["variables"].values():
        variable |= {"reporting": None, "kind": None}
        if making is not None and variable["role"] == "indicator":
            chances = (making.routine, *[making.happening] * (len(variable["states"]) - 1))
            variable["reporting"] = {
                "reported": {
                    state: {"guess": max(chance, 0.002), "cases": making.weeks or 1000}
                    for state, chance in zip(variable["states"], chances, strict=True)
                },
                "false_alarms": (
                    {"guess": making.alarms, "cases": making.weeks or 1000}
                    if making.alarms
                    else None
                ),
                "delay": AT_ONCE,
                "basis": BASIS,
            }
    return Scenario.model_validate(body)


@dataclass(frozen=True)
class Worlds:
    """Drawn worlds: judgements, cells of the tables, and the state of everything at every step."""

    scenario: Scenario
    parameters: Mapping[str, Any]
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
        return cls(scenario, parameters, theta, history)


def make_reports(worlds: Worlds, row: Row, seed: int) -> list[tuple[Report, ...]]:
    """Reports of each world, as a row says that they are made."""
    rng = np.random.default_rng([seed, 2])
    network = compile_tables(worlds.scenario).network
    n = worlds.history.shape[-1]
    found: list[list[Report]] = [[] for _ in range(n)]
    for place, name in enumerate(network.names):
        variable = worlds.scenario.variables[name]
        if variable.role != "indicator":
            continue
        k = len(variable.states)
        usual, alarm = usual_words(worlds.scenario, name, row.read)
        chance = np.array([row.world.routine, *[row.world.happening] * (k - 1)])
        for week in range(WEEKS):
            true = worlds.history[week, place]
            made = rng.random(n) < chance[true]
            false = ~made & (rng.random(n) < row.world.alarms)
            right = rng.random(n) < ACCURACY
            said = np.where(right, true, rng.choice(k, n, p=usual))
            said = np.where(false, rng.choice(k, n, p=alarm), said)
            days = rng.integers(0, 7, n)
            for world in np.flatnonzero(made | false):
                day = worlds.scenario.time.start + timedelta(int(7 * week + days[world]))
                found[world] += copies(row, name, variable.states[said[world]], week, day)
    return [tuple(reports) for reports in found]


def copies(row: Row, name: str, state: str, week: int, day: date) -> Iterator[Report]:
    """A report and its copies."""
    origin = f"{name} {week}" if row.stated else ""
    for k in range(row.copies):
        yield Report(f"{name} {week} {k}", name, state, *[day] * 4, "press", "B", origin=origin)


def usual_words(scenario: Scenario, name: str, making: Making | None) -> tuple[Any, Any]:
    """What those who err say, and what false alarms say."""
    program = compile_tables(scenario)
    table = tabulate_reports(scenario, Evidence(scenario.time.start), 1)
    shares = prior_shares(
        program, table.observable, tuple(sorted(table.defaults.items())), table.prior_steps
    )[name]
    if making is not None:
        shares = shares * [max(making.routine, 0.002), *[making.happening] * (len(shares) - 1)]
    usual = (1 - INVENTED) * shares / shares.sum() + INVENTED / len(shares)
    beyond = shares[1:] / shares[1:].sum()
    return usual, np.array([0.0, *((1 - INVENTED) * beyond + INVENTED / len(beyond))])


def say(worlds: Worlds, row: Row, reports: list[tuple[Report, ...]]) -> dict[str, Any]:
    """What is said of each course in each world, the tables known, and all chances if they are.

    Chances that are not known are drawn, and weigh by how probable they make the reports.
    """
    scenario = read_as(worlds.scenario, row.read)
    program = compile_tables(scenario)
    as_of = scenario.time.start + timedelta(7 * WEEKS - 1)
    chances = draw_chances(scenario, row.read)
    at_once = max(MOST_DRAWS // chances["accuracy"].shape[1], 1)
    parts = []
    for first in range(0, len(reports), at_once):
        like = [
            log_likelihoods(
                report_data(
                    program, tabulate_reports(scenario, Evidence(as_of, known), WEEKS + AHEAD)
                ),
                chances,
            )
            for known in reports[first : first + at_once]
        ]
        theta = worlds.theta[:, first : first + at_once]
        parts.append(say_of(program.network, theta, np.concatenate(like, axis=-1)))
    return {label: np.concatenate([part[label] for part in parts]) for label in parts[0]}


def say_of(network: Any, theta: Any, like: Any) -> dict[str, Any]:
    """What is said of each course in some worlds, (world,), over draws of the chances."""
    n_worlds = theta.shape[1]
    theta = np.repeat(theta, like.shape[-1] // n_worlds, axis=1)
    found = sweep(network, theta, like, "smoothed")
    logs = found.log_evidence.reshape(n_worlds, -1)
    weights = np.exp(logs - logs.max(axis=1, keepdims=True))
    said = {label: found.marginals[WEEKS - 1, network.state(*pair)] for label, pair in NOW.items()}
    without = like.copy()
    without[WEEKS:, network.state("iran_posture", "coordinated_attack")] = -np.inf
    never = sweep(network, theta, without, "forward").log_evidence - found.log_evidence
    said[WITHIN] = -np.expm1(never)
    return {
        label: np.average(draws.reshape(n_worlds, -1), axis=1, weights=weights)
        for label, draws in said.items()
    }


def draw_chances(scenario: Scenario, making: Making | None) -> dict[str, Any]:
    """Accuracies and chances of reports, (…, draw): one draw if they are known."""
    trust, rng = compile_tables(scenario).priors.trust, np.random.default_rng(7)
    n = DRAWS if making is not None and making.weeks else 1
    found = {"accuracy": np.full((len(trust.accuracy), n), ACCURACY)}
    if making is not None and making.weeks:
        found["reporting"] = np.array([rng.beta(*judged.shape, n) for judged in trust.reporting])
    elif making is not None:
        chances = [chance_of(scenario, making, judged.name) for judged in trust.reporting]
        found["reporting"] = np.array(chances)[:, None]
    return found


def chance_of(scenario: Scenario, making: Making, name: str) -> float:
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
    attack = states["iran_posture"].index("coordinated_attack")
    return found | {WITHIN: (worlds.history[WEEKS:, at["iran_posture"]] == attack).any(axis=0)}


def compare(row: Row, course: str, said: Any, true: Any) -> dict[str, Any]:
    """What a row says of a course beside what held."""
    gap = said - true
    slope, slope_se = calibration_slope(said, true)
    return {
        "name": row.name,
        "course": course,
        "worlds": len(said),
        "expect": row.expect,
        "said": round(float(said.mean()), 4),
        "true": round(float(true.mean()), 4),
        "se": round(float(gap.std(ddof=1) / np.sqrt(len(gap))), 4),
        "slope": round(slope, 3),
        "slope_se": round(slope_se, 3),
        "brier": round(float((gap**2).mean()), 5),
    }


def calibration_slope(said: Any, true: Any) -> tuple[float, float]:
    """Slope of a logistic regression of what held on the log-odds of what was said; 1 is right."""
    odds = np.log(said) - np.log1p(-said)

    def loss(at: Any) -> float:
        z = at[0] + at[1] * odds
        return float((np.logaddexp(0, z) - true * z).sum())

    at = minimize(loss, np.array([0.0, 1.0])).x
    p = 1 / (1 + np.exp(-(at[0] + at[1] * odds)))
    design = np.stack([np.ones(len(odds)), odds])
    spread = np.linalg.inv(design * (p * (1 - p)) @ design.T)
    return float(at[1]), float(np.sqrt(spread[1, 1]))


def is_right(case: Mapping[str, Any]) -> bool:
    """Said and true within two standard errors, and a slope of 0.9 to 1.1, or within two of its."""
    close = abs(case["said"] - case["true"]) <= 2 * case["se"]
    return close and abs(case["slope"] - 1) <= max(0.1, 2 * case["slope_se"])


def judge(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mark each case of a row: right where it should be; elsewhere caught, or not off by much."""
    for case in cases:
        near = case["true"] / 1.5 <= case["said"] <= case["true"] * 1.5
        if case["expect"] == "right":
            case["ok"] = is_right(case)
        elif case["expect"] == "robust":
            case["ok"] = near or case["course"] not in DANGEROUS
        else:
            case["ok"] = any(not is_right(other) for other in cases)
    return cases


def run(n: int, seed: int = 1, rows: tuple[Row, ...] = ROWS) -> Iterator[list[dict[str, Any]]]:
    """Yield the cases of each row, judged."""
    worlds = Worlds.draw(read_as(fc.load_scenario("iraq-2020"), None), n, seed)
    true = held(worlds)
    for row in rows:
        found = say(worlds, row, make_reports(worlds, row, seed))
        yield judge([compare(row, course, found[course], true[course]) for course in found])


def main() -> int:
    """Print the cases, and last of all one line of JSON."""
    parser = timing.parser(__doc__)
    parser.add_argument("--worlds", type=int, default=3000)
    given = parser.parse_args()
    cases = []
    for found in run(300 if given.quick else given.worlds):
        cases += found
        for case in found:
            print(
                f"{case['name']:50} {case['course']:20} {case['said']:.3f} / {case['true']:.3f} ±"
                f" {case['se']:.3f}  slope {case['slope']:.2f}  {'ok' if case['ok'] else 'NOT OK'}",
                file=sys.stderr,
                flush=True,
            )
    ok = all(case["ok"] for case in cases)
    print(json.dumps({"benchmark": "reporting", "ok": ok, "cases": cases}))
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
