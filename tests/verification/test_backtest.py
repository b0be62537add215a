"""Back-tests against ledgers cut by hand, through kills and on other processes."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from threading import Timer

import numpy as np
import pytest

import forecast as fc
from forecast.errors import ForecastError, InputError
from forecast.evidence.ledger import Ledger
from forecast.verification import backtest as rooms
from forecast.verification.parts import work_through
from forecast.verification.questions import Questions
from forecast.verification.resolutions import Resolution
from tests.small import START, barometer_report, weather
from tests.verification.test_questions import day, question

SCENARIO = weather(horizon=14)
SETTINGS = {"method": "reweight", "draws": 40, "chains": 1, "block": 2, "progressbar": False}


def reports():
    """Five weeks of reports; one is late, one is revised and one taken back."""
    states = ("high", "falling", "low", "low", "high")
    found = [barometer_report(f"R{k}", state, k) for k, state in enumerate(states)]
    late = barometer_report("late", "low", 1, known=day(3, 2))
    revised = replace(found[2], id="R2b", state="falling", known=day(4, 1), supersedes="R2")
    gone = replace(found[3], id="R3b", state="", known=day(4, 3), supersedes="R3")
    return (*found, late, revised, gone)


def asked():
    storm = question({"at_least_once": [{"storm": "storm"}]}, day(1), day(4, 6))
    low = question({"count": {"of": [{"barometer": "low"}]}}, day(1), day(5, 6))
    open_to = {"closes": day(3, 6)}
    return Questions((storm.model_copy(update=open_to), low.model_copy(update={"id": "weeks"})))


def outcomes():
    return tuple(
        Resolution(question=name, outcome=outcome, resolved=day(6), source="the keeper")
        for name, outcome in (("q", "yes"), ("weeks", 2))
    )


@pytest.fixture(scope="module")
def run():
    return fc.backtest(SCENARIO, Ledger(reports()), asked(), outcomes(), **SETTINGS)


def by_hand(made, questions):
    """What a forecast says of courses and questions, in order."""
    numbers = [
        [estimate.mean, estimate.lower, estimate.upper]
        for each in made.courses
        for estimate in (each.now, each.within, each.average)
    ]
    numbers += [[p.mean, p.lower, p.upper] for p in (made.any_dangerous,)]
    for each in questions:
        found = fc.ask(made, each).distribution.values()
        numbers += [[p.mean, p.lower, p.upper] for p in found]
    return numbers


def test_each_day_equals_a_forecast_from_a_ledger_cut_by_hand(run):
    days = [START + timedelta(days=7 * k) for k in range(5)]
    answers = list(run.answers)
    made = None
    for n, as_of in enumerate(days):
        cut = Ledger(tuple(each for each in reports() if each.known <= as_of))
        known = cut.known_at(as_of)
        if n % 2 == 0:
            made = fc.forecast(SCENARIO, known, method="reweight", draws=40, chains=1)
        else:
            made = fc.update(made, known, method="reweight")
        courses = run.tree["courses"].to_dataset().isel(as_of=n)
        found = [courses[name][0].to_numpy().tolist() for name in ("now", "within", "average")]
        found.append(courses["any_dangerous"].to_numpy().tolist())
        questions = [each for each in asked().values() if as_of <= (each.closes or day(5, 6))]
        for each in questions:
            answer = answers.pop(0)
            assert (answer.question.id, answer.as_of) == (each.id, as_of)
            found += [[p.mean, p.lower, p.upper] for p in answer.distribution.values()]
        assert found == by_hand(made, questions)
    assert not answers
    assert run.n_fits == 0


def test_the_tree_holds_answers_and_scores(run):
    answers = run.tree["questions"].to_dataset()
    probability = answers["probability"].sel(question="q")
    assert np.isnan(probability[4]).all()  # it had closed
    means = [each.probability.mean for each in run.answers if each.question.id == "q"]
    assert probability[:4].sel(bound="mean").to_numpy().tolist() == means
    weeks = answers["distribution"].sel(count="weeks", bound="mean")
    assert np.allclose(weeks.sum("number"), 1, atol=1e-12)
    scores = run.tree["scores"].to_dataset()
    assert np.allclose(scores["brier"].sel(question="q")[:4], (1 - np.array(means)) ** 2)
    assert run.scores.brier == pytest.approx(float(scores["brier"].mean()), abs=1e-15)
    assert "Back-test of 5 days, 2020-01-03 to 2020-01-31" in str(run)


def test_a_report_from_the_future_changes_nothing_before_it_was_known(run):
    poison = [
        replace(barometer_report(f"P{k}", "low", week, grade="A"), known=day(3, 1))
        for k, week in enumerate((0, 0, 1, 1, 2))
    ]
    poisoned = fc.backtest(SCENARIO, Ledger((*reports(), *poison)), asked(), **SETTINGS)
    before = run.tree["courses"].to_dataset().isel(as_of=slice(0, 4))
    then = poisoned.tree["courses"].to_dataset().isel(as_of=slice(0, 4))
    assert before.identical(then)
    assert not run.tree["courses"]["now"][4].equals(poisoned.tree["courses"]["now"][4])
    for one, other in zip(run.answers, poisoned.answers, strict=True):
        assert (one == other) == (one.as_of < day(3, 1))


def processes(number):
    """Started anew: a fork of a process that has used JAX can hang."""
    return ProcessPoolExecutor(number, mp_context=multiprocessing.get_context("spawn"))


def test_other_processes_give_the_same_numbers(run):
    with processes(2) as pool:
        other = fc.backtest(
            SCENARIO, Ledger(reports()), asked(), outcomes(), executor=pool, **SETTINGS
        )
    assert other.tree.identical(run.tree)


def test_a_back_test_goes_on_where_it_was_stopped(run, tmp_path, monkeypatch):
    path, done = tmp_path / "kept.jsonl", []
    given = (SCENARIO, Ledger(reports()), asked(), outcomes())
    fc.backtest(*given, path=path, **SETTINGS)
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    assert len(lines) == 4
    path.write_text("".join(lines[:2]) + lines[2][:40])  # killed in the middle of a line
    whole = rooms.run_block
    monkeypatch.setattr(rooms, "run_block", lambda block: done.append(block) or whole(block))
    assert fc.backtest(*given, path=path, **SETTINGS).tree.identical(run.tree)
    assert len(done) == 2
    assert path.read_text() == text
    fc.backtest(*given, path=path, **SETTINGS)
    assert len(done) == 2
    with pytest.raises(InputError, match="results of other work"):
        fc.backtest(*given, path=path, **(SETTINGS | {"draws": 41}))
    path.write_text(text.replace("low", "high"))
    path.write_text("".join(lines[:2]) + lines[2].replace("0.1", "0.2", 1))
    with pytest.raises(InputError, match=r"kept.jsonl:3: is not what was written"):
        fc.backtest(*given, path=path, **SETTINGS)


def test_what_cannot_be_back_tested_is_refused():
    later = question({"at_least_once": [{"storm": "storm"}]}, date(2019, 1, 1), day(4))
    unknown = question({"at_least_once": [{"storms": "storm"}]}, day(1), day(4))
    ledger = Ledger(reports())
    for arguments, message in (
        ({"every": "soon"}, "every: 'soon'; needs days or weeks"),
        ({"every": 0}, "every: 0"),
        ({"start": "2019-01-01"}, "before the scenario begins"),
        ({"start": "2020-02-01", "end": "2020-01-10"}, "before the first day"),
        ({"block": 0}, "block: 0"),
        ({"questions": Questions((later,))}, "the scenario begins on 2020-01-03"),
        ({"questions": Questions((unknown,))}, "did you mean 'storm'"),
        ({"path": "/"}, "cannot be used"),
    ):
        with pytest.raises(InputError, match=message):
            fc.backtest(SCENARIO, ledger, **(SETTINGS | arguments))
    with pytest.raises(InputError, match="then start and end are needed"):
        fc.backtest(SCENARIO, Ledger(), **SETTINGS)
    quiet = fc.backtest(SCENARIO, Ledger(), start="2020-01-10", end="2020-01-20", **SETTINGS)
    assert quiet.tree["courses"].sizes["as_of"] == 2


def die(block):
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_is_an_error_that_says_how_to_go_on(tmp_path, monkeypatch):
    monkeypatch.setattr(rooms, "run_block", die)
    path = tmp_path / "kept.jsonl"
    with processes(1) as pool, pytest.raises(ForecastError, match="run it again"):
        fc.backtest(SCENARIO, Ledger(reports()), executor=pool, path=path, **SETTINGS)


def test_results_that_are_kept_come_back_in_their_order(tmp_path):
    """Courses are printed in the order of their scenario, which is not that of the alphabet."""
    given = {"label": "", "about": {"of": "a test"}, "executor": None, "progressbar": False}
    path = tmp_path / "kept.jsonl"
    made = work_through(lambda part: {"b": part, "a": [part]}, [1, 2], path=path, **given)
    found = work_through(lambda part: None, [1, 2], path=path, **given)
    assert [list(each.items()) for each in found] == [list(each.items()) for each in made]


PROGRAM = """
import sys
from tests.verification.test_backtest import *
fc.backtest(SCENARIO, Ledger(reports()), asked(), outcomes(), path=sys.argv[1], **SETTINGS)
"""


@pytest.mark.slow
def test_a_back_test_that_is_killed_is_resumed_to_the_same_numbers(run, tmp_path):
    path = tmp_path / "kept.jsonl"
    program = subprocess.Popen([sys.executable, "-c", PROGRAM, str(path)])
    while not path.exists() or path.read_text().count("\n") < 2:
        time.sleep(0.01)
    program.kill()
    assert program.wait() == -signal.SIGKILL
    given = (SCENARIO, Ledger(reports()), asked(), outcomes())
    assert fc.backtest(*given, path=path, **SETTINGS).tree.identical(run.tree)


def run_slowly(block):
    """Work that is not done when a worker is killed; in the worker nothing is replaced."""
    time.sleep(0.5)
    return rooms.run_block(block)


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_numbers_though_a_worker_is_killed(monkeypatch):
    distributed = pytest.importorskip("distributed", reason="Dask is not installed")
    settings = SETTINGS | {"block": 1}
    given = (SCENARIO, Ledger(reports()), asked(), outcomes())
    here = fc.backtest(*given, **settings)
    monkeypatch.setattr(rooms, "run_block", run_slowly)
    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with (
        distributed.LocalCluster(n_workers=2, **options) as cluster,
        distributed.Client(cluster) as client,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")  # Dask's own, about the worker that is gone
        busy = client.submit(os.getpid, pure=False).result()
        timer = Timer(0.7, os.kill, (busy, signal.SIGKILL))
        timer.start()
        found = fc.backtest(*given, executor=client.get_executor(), **settings)
        timer.join()
        assert busy not in client.run(os.getpid).values()
    assert found.tree.identical(here.tree)
