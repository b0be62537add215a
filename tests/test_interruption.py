"""Whatever is cut short, and wherever, leaves the forecast that was there as good as it was."""

import os
import signal
import sys
from itertools import count
from multiprocessing import active_children
from pathlib import Path
from threading import Event, Lock, Thread, Timer
from time import sleep

import numpy as np
import pytest

import forecast as fc
from forecast import refinement
from forecast.model import kept_likelihoods
from forecast.network import filtering, horizon
from forecast.posterior import mcmc, resample_move, reweighting
from tests.small import barometer_report, evidence, weather

QUICK = {"chains": 2, "draws": 100, "random_seed": 3, "method": "reweight", "progressbar": False}
PLACES = (
    (kept_likelihoods, "log_likelihoods"),
    (filtering, "_settle"),
    (filtering, "_finish"),
    (filtering, "add_rows"),
    (horizon, "_step_backwards"),
    (horizon, "_share_backwards"),
    (reweighting, "smooth"),
    (resample_move, "propose"),
)
DAY1 = evidence(barometer_report("R1", "low"))
DAY2 = evidence(barometer_report("R1", "low"), barometer_report("R2", "falling", 2))


LIBRARY = str(Path(fc.__file__).parent)


@pytest.fixture(autouse=True)
def listening():
    """Whatever started the tests, an interrupt arrives: a shell's background jobs ignore them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def interrupt():
    """As Ctrl-C does."""
    os.kill(os.getpid(), signal.SIGINT)


def first(**settings):
    return fc.forecast(weather(), DAY1, **QUICK | settings)


def printed(outlook):
    found = [(each.now, each.within, each.average) for each in outlook.courses]
    return np.array([value.mean for course in found for value in course])


def assert_usable(outlook, wanted):
    """Both days are answered as if nothing had happened."""
    for given, answer in zip((DAY1, DAY2, DAY1), (*wanted, wanted[0]), strict=True):
        again = fc.update(outlook, given, method="reweight")
        np.testing.assert_allclose(printed(again), answer, rtol=0, atol=1e-12)


class Clock:
    """Counts what long work is made of, in any thread, and stops it at one count."""

    def __init__(self, monkeypatch, error):
        self.error, self.count, self.stop_at, self.lock = error, 0, None, Lock()
        for where, name in PLACES:
            monkeypatch.setattr(where, name, self.timed(getattr(where, name)))

    def timed(self, run):
        def tick(*arguments, **named):
            with self.lock:
                self.count += 1
                stop = self.count == self.stop_at
            if stop:
                raise self.error
            return run(*arguments, **named)

        return tick

    def cut_short(self, work, at):
        """Whether the work was stopped, at that count."""
        self.count, self.stop_at = 0, at
        try:
            work()
        except self.error:
            return True
        finally:
            self.stop_at = None
        return False


@pytest.fixture(scope="module")
def wanted():
    outlook = first()
    return printed(outlook), printed(fc.update(outlook, DAY2, method="reweight"))


def interrupted(work, at):
    """Lines of the library that ran before an interrupt at a line, by number."""
    passed = 0

    def line(frame, event, argument):
        nonlocal passed
        passed += event == "line"
        if passed == at:
            sys.settrace(None)
            raise KeyboardInterrupt
        return line

    before = sys.gettrace()
    sys.settrace(lambda frame, *_: line if frame.f_code.co_filename.startswith(LIBRARY) else None)
    try:
        work()
    except KeyboardInterrupt:
        assert passed == at
    finally:
        sys.settrace(before)
    return passed


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_weights_that_are_cut_short_in_any_loop(error, wanted, monkeypatch):
    clock = Clock(monkeypatch, error)
    for at in count(1):
        outlook = first()
        if not clock.cut_short(
            lambda o=outlook: printed(fc.update(o, DAY2, method="reweight")), at
        ):
            break
        assert_usable(outlook, wanted)
    assert at > 8


def test_weights_that_are_cut_short_at_any_line(wanted):
    def work(outlook):
        return lambda: printed(fc.update(outlook, DAY2, method="reweight"))

    lines = interrupted(work(first()), 0)
    assert lines > 1000
    cut = 0
    for at in np.linspace(1, lines - 1, 25).astype(int):
        outlook = first()
        cut += interrupted(work(outlook), at) == at
        assert_usable(outlook, wanted)
    assert cut > 20  # caches that the first run filled may save some lines


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_moves_that_are_cut_short(error, monkeypatch):
    """Reports that contradict each other leave few draws that count: they are moved."""
    states = ["low", "high", "falling", "high", "low", "high"]
    reports = (
        barometer_report(f"C{k}", state, k % 3, grade="A", origin=f"o{k}")
        for k, state in enumerate(states)
    )
    given = evidence(*reports)
    settings = {"draws": 200, "chains": 4}
    outlook = first(**settings)
    wanted = printed(outlook), printed(fc.update(outlook, DAY2, method="reweight"))
    monkeypatch.setattr("forecast.posterior.diagnostics.ESS_LIMIT", 300)
    clock = Clock(monkeypatch, error)
    moved = fc.update(outlook, given)
    assert moved.diagnostics.method == "move"
    calls = clock.count
    for share in (0.02, 0.3, 0.6, 0.98):
        assert clock.cut_short(lambda: fc.update(outlook, given), int(share * calls))
        assert_usable(outlook, wanted)
    np.testing.assert_array_equal(printed(fc.update(outlook, given)), printed(moved))


@pytest.mark.slow
def test_sampling_that_is_cut_short(wanted, monkeypatch):
    """By an interrupt while chains run, and by a chain that ends in an error."""
    outlook, density = first(), mcmc.OneCase.density

    def ending(end):
        """A density that ends somehow after some calls."""
        calls = count()

        def found(self, point):
            if next(calls) == 500:
                end()
            return density(self, point)

        return found

    def fail():
        raise MemoryError("no room")

    monkeypatch.setattr(mcmc.OneCase, "density", ending(interrupt))
    with pytest.raises(KeyboardInterrupt):
        fc.update(outlook, DAY2, method="nuts")
    assert_usable(outlook, wanted)
    monkeypatch.setattr(mcmc.OneCase, "density", ending(fail))
    with pytest.raises(fc.UnreliableFit, match=r"a chain ended in an error.*no room"):
        fc.update(outlook, DAY2, method="nuts")
    assert_usable(outlook, wanted)
    monkeypatch.setattr(mcmc.OneCase, "density", density)
    assert fc.update(outlook, DAY2, method="nuts").diagnostics.method == "nuts"


def soon(end):
    """Do something to the process of a chain once it is there, by its number."""

    def watch():
        while not (chains := [p for p in active_children() if "chain" in p.name]):
            sleep(0.01)
        sleep(1)  # it has begun
        end(chains[0].pid)

    Thread(target=watch, daemon=True).start()


@pytest.mark.slow
def test_processes_of_chains_that_are_killed_or_interrupted():
    """PyMC samples each chain in a process of its own, where its samplers are asked for."""
    outlook = first(nuts_sampler="pymc", cores=2, draws=20_000)
    wanted = printed(outlook), printed(fc.update(outlook, DAY2, method="reweight"))
    soon(lambda pid: os.kill(pid, signal.SIGKILL))
    with pytest.raises(fc.UnreliableFit, match="the process of a chain ended before"):
        fc.update(outlook, DAY2, method="nuts")
    assert_usable(outlook, wanted)
    soon(lambda pid: os.kill(pid, signal.SIGKILL))
    found = fc.refine(outlook)
    with pytest.raises(fc.UnreliableFit, match="the process of a chain ended before"):
        found.wait(600)
    assert found.done
    assert found.forecast is outlook
    assert_usable(outlook, wanted)
    soon(lambda _: interrupt())
    with pytest.raises(fc.UnreliableFit, match=r"nothing is concluded|Not enough samples"):
        fc.update(outlook, DAY2, method="nuts")
    assert_usable(outlook, wanted)
    assert not active_children()


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_a_refinement_that_is_cut_short(error, wanted, monkeypatch):
    outlook = first()

    def ending(given, known, *, method):
        printed(fc.update(given, DAY2, method="reweight"))
        raise error

    monkeypatch.setattr(refinement, "update", ending)
    found = fc.refine(outlook)
    with pytest.raises(error):
        found.wait(60)
    assert found.done
    assert found.forecast is outlook
    assert_usable(outlook, wanted)


def test_an_interrupt_ends_the_waiting_alone(wanted, monkeypatch):
    outlook, begun, let_go = first(), Event(), Event()

    def slow(given, known, *, method):
        begun.set()
        let_go.wait(60)
        return fc.update(given, known, method="reweight")

    monkeypatch.setattr(refinement, "update", slow)
    found = fc.refine(outlook)
    assert begun.wait(60)
    Timer(0.2, interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        found.wait(60)
    assert_usable(outlook, wanted)
    let_go.set()
    assert found.wait(60) is not outlook
    assert_usable(found.forecast, wanted)
