"""The benchmarks run, agree with their rivals, and say so in one line; speed is not judged here."""

from __future__ import annotations

import json
import subprocess
import sys
from math import isfinite
from typing import Any

import pytest

AGREE = {"uncertain_tables": 1e-9, "dynamic": 1e-9, "ceiling": 0.0, "sampling": 1e-8}


def run_quick(name: str) -> dict[str, Any]:
    """The last line that a benchmark prints."""
    command = [sys.executable, "-W", "ignore", "-m", f"tests.benchmarks.{name}", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def check(name: str) -> None:
    """The line has its shape; gaps were measured, save by `ceiling`, and all are small."""
    line = run_quick(name)
    assert line["benchmark"] == name
    assert line["ok"] is True
    assert all({"name", "ratio", "max_abs_diff"} <= case.keys() for case in line["cases"])
    assert all(case["ratio"] > 0 for case in line["cases"])
    gaps = [c["max_abs_diff"] for c in line["cases"] if c["max_abs_diff"] is not None]
    assert bool(gaps) == (name != "ceiling")
    assert all(gap <= AGREE[name] for gap in gaps)


@pytest.mark.parametrize(
    "name",
    [
        "dynamic",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("uncertain_tables", "ceiling")),
    ],
)
def test_quick_run(name: str) -> None:
    check(name)


@pytest.mark.slow
def test_quick_run_of_the_ledger() -> None:
    line = run_quick("ledger")
    assert line["ok"] is True
    assert line["cases"][0]["import_rows_per_s"] > 0


@pytest.mark.slow
def test_quick_run_of_sampling() -> None:
    check("sampling")


@pytest.mark.slow
def test_quick_run_of_the_stream() -> None:
    [case] = run_quick("stream")["cases"]
    assert case["shares"] == {"reweight": 1.0}
    assert case["max_abs_diff"] <= 1e-12


@pytest.mark.slow
def test_quick_run_of_the_first_table() -> None:
    line = run_quick("first_table")
    assert [case["name"] for case in line["cases"]] == ["warm", "cold"]
    assert all(case["seconds"] > 0 for case in line["cases"])


def test_reports_of_a_few_worlds_are_read() -> None:
    """The benchmark itself takes a quarter of an hour, so that nobody would see it break."""
    from tests.benchmarks.reporting import DANGEROUS, NOW, ROWS, run

    for cases in run(24, rows=ROWS[:3]):
        assert {case["course"] for case in cases} == {*NOW, *DANGEROUS}
        assert all(0 < case["said"] < 1 for case in cases)
        assert all(isfinite(case["loss"]) for case in cases if case["expect"] == "off")


def test_a_missed_target_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    from tests.benchmarks import timing

    cases = [{"name": "a", "ratio": 2.0, "ok": True}, {"name": "b", "ratio": 0.5, "ok": False}]
    assert timing.finish("some", cases[:1]) == 0
    assert timing.finish("some", cases) == 1
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert (first["ok"], second["ok"]) == (True, False)
