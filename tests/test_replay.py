"""What was known when, through to the forecast: later reports leave earlier forecasts alone."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

import forecast as fc
from forecast.evidence.ledger import Evidence, Ledger
from forecast.evidence.likelihood import tabulate_reports
from forecast.posterior.mcmc import beliefs_under
from tests.enumeration import sum_over_everything
from tests.harbour import harbour, random_ledger, random_parameters
from tests.small import START, barometer_report, evidence, weather

QUICK = {"draws": 10, "tune": 10, "chains": 1}
STEPS = 3


@pytest.fixture(scope="module")
def scenario():
    return harbour(channels=1)


def bits(outlook):
    """Every number of a forecast."""
    groups = (outlook.posterior[name].to_dataset() for name in ("posterior", "forecast", "courses"))
    return [group[k].to_numpy().tobytes() for group in groups for k in sorted(group.data_vars)]


def moments(rng):
    return START + timedelta(days=int(rng.integers(0, 7 * STEPS)))


def check_replays(scenario, folder, seeds):
    """Forecasts as of a day, from a whole ledger in a file and from what was known by then."""
    moved = 0
    for seed in seeds:
        rng = np.random.default_rng([seed, 5])
        reports = random_ledger(rng, scenario, int(rng.integers(1, 7)), STEPS)
        day = moments(rng)
        with fc.open_ledger(folder / f"{seed}.db", scenario) as ledger:
            for report in reports:
                ledger.append(report)
            through = ledger.known_at(day)
        then = Ledger(tuple(report for report in reports if report.known <= day))
        found = fc.forecast(scenario, through, **QUICK)
        assert bits(found) == bits(fc.forecast(scenario, then.known_at(day), **QUICK)), seed
        moved += len(then) < len(reports)
    assert moved > len(seeds) / 4


def test_a_forecast_knows_nothing_later_than_its_day(scenario, tmp_path):
    check_replays(scenario, tmp_path, range(12))


@pytest.mark.slow
def test_five_hundred_forecasts_know_nothing_later_than_their_days(scenario, tmp_path):
    check_replays(scenario, tmp_path, range(100, 600))


def test_any_order_of_arrival_gives_the_same_forecast(scenario):
    for seed in range(3):
        rng = np.random.default_rng([seed, 6])
        reports = random_ledger(rng, scenario, 6, STEPS)
        end = START + timedelta(days=7 * STEPS - 1)
        answers = set()
        for _ in range(3):
            order = [reports[k] for k in rng.permutation(len(reports))]
            outlook = fc.forecast(scenario, Ledger(tuple(order)).known_at(end), **QUICK)
            answers.add(tuple(bits(outlook)))
        assert len(answers) == 1


def test_a_withdrawn_report_leaves_no_trace_in_the_forecast(scenario):
    rng = np.random.default_rng(8)
    reports = random_ledger(rng, scenario, 5, STEPS)
    end = START + timedelta(days=7 * STEPS - 1)
    extra = barometer_report("X", "low", week=1)
    gone = replace(extra, id="Y", state="", supersedes="X")
    without = fc.forecast(scenario, Ledger(tuple(reports)).known_at(end), **QUICK)
    withdrawn = fc.forecast(scenario, Ledger((*reports, extra, gone)).known_at(end), **QUICK)
    assert bits(without) == bits(withdrawn)
    back = fc.retract(fc.forecast(scenario, Ledger((*reports, extra)).known_at(end), **QUICK), "X")
    assert bits(without) == bits(back)


def test_a_superseded_value_never_reaches_the_engine(scenario):
    for seed in range(40):
        rng = np.random.default_rng([seed, 7])
        reports = random_ledger(rng, scenario, 6, STEPS)
        end = START + timedelta(days=7 * STEPS - 1)
        old = {report.supersedes for report in reports if report.known <= end} - {""}
        changed = [
            replace(report, state="high", number=None, upper=None, exposure=None, likelihoods=())
            if report.id in old and not report.supersedes
            else report
            for report in reports
        ]
        tables = [
            tabulate_reports(scenario, Ledger(tuple(each)).known_at(end), STEPS)
            for each in (reports, changed)
        ]
        for name in {"simulation", *tables[0].__dataclass_fields__} - {"_simulate"}:
            one, other = (getattr(table, name) for table in tables)
            np.testing.assert_equal(one, other)


def test_a_count_that_is_revised_counts_once_and_as_it_stood(scenario):
    first = replace(barometer_report("C1", "", 1), indicator="gauge", number=14.0)
    later = START + timedelta(days=16)
    second = replace(first, id="C2", number=21.0, upper=25.0, known=later, supersedes="C1")
    ledger = Ledger((first, second))
    arrays = {}
    for moment in (later - timedelta(days=1), later):
        table = tabulate_reports(scenario, ledger.known_at(moment), STEPS)
        arrays[moment] = (
            table.arrays.value.tolist(),
            table.upper.tolist(),
            table.arrays.place.tolist(),
        )
    before, after = arrays.values()
    assert before[0] == [14.0]
    assert np.isnan(before[1])
    assert after == ([21.0], [25.0], before[2])


def storm(scenario, reports, parameters):
    beliefs = beliefs_under(scenario, evidence(*reports), parameters, n_steps=STEPS)
    return beliefs.posterior("storm", beliefs.times[1], view="smoothed").sel(state="storm").item()


def test_a_hundred_copies_move_no_more_than_the_best_and_independent_ones_multiply():
    scenario = weather().model_copy(update={"lineage": "as_stated"})
    parameters = random_parameters(np.random.default_rng(3), harbour(channels=0, watches=False))
    parameters = {k: v for k, v in parameters.items() if k in ("probability", "row_3")}
    parameters["probability"] = parameters["probability"][:3]
    parameters["accuracy"] = np.array([0.95, 0.85, 0.7, 0.5, 0.3, 0.65])[:, None]
    before = storm(scenario, [], parameters)
    copies = [
        barometer_report(f"R{k}", "low", 1, origin="o", grade="BCD"[k % 3]) for k in range(100)
    ]
    alone = [storm(scenario, [copy], parameters) for copy in copies]
    together = storm(scenario, copies, parameters)
    assert together == pytest.approx(alone[0], abs=1e-14)
    assert abs(together - before) <= max(abs(one - before) for one in alone) + 1e-14
    apart = [replace(copy, origin="") for copy in copies]
    for count in (2, 10, 100):
        answer = sum_over_everything(scenario, evidence(*apart[:count]), parameters, STEPS)
        expected = answer.marginals[1, 1]
        assert storm(scenario, apart[:count], parameters) == pytest.approx(expected, abs=1e-12)
    assert storm(scenario, apart, parameters) > together


def test_evidence_of_another_moment_is_refused_by_report():
    late = barometer_report("R1", "low", week=1, known=START + timedelta(days=30))
    with pytest.raises(fc.InputError, match="report R1: known: 2020-02-02 is after the as-of date"):
        tabulate_reports(weather(), Evidence(START + timedelta(days=10), (late,)), STEPS)
