"""Reports on the shipped scenario that arrive one at a time, against sampling anew with NUTS.

One history is drawn from the scenario, and each report names the state that an indicator has there,
or in one case of seven another. `update` answers each, and the printed numbers of all courses are
read. `median_ms` and `p95_ms` are processor time of one such update; `refit_s` that of sampling
anew under the evidence at the end, compiled code and caches ready; `ratio` one over the other.
`shares` says how often each method answered. Memory is compared after the first hundred reports, or
the first half if there are fewer than two hundred, and at the end (`memory_growth`). `--limit` ends
the stream after so many seconds, and `reports` says how many came by then. The answer after all
reports is that of one single update with all of them to 1e-12, whatever came between
(`max_abs_diff`).
"""

from __future__ import annotations

from tests.benchmarks import timing  # isort: skip  # before NumPy, whose threads it sets

import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import forecast as fc

NEEDED_RATIO, GROWTH, AGREE = 100.0, 0.05, 1e-12
WEEKS, OTHERWISE = 3, 1 / 7
FIRST = 100
"""Reports after which memory is to stay as it is."""


def main() -> int:
    """Run the benchmark."""
    parser = timing.parser(__doc__)
    parser.add_argument("--reports", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=1000, help="draws of each of four chains")
    parser.add_argument("--limit", type=float, default=np.inf, help="seconds for all the updates")
    given = parser.parse_args()
    if given.quick:
        given.reports, given.draws = 6, 25
    timing.bind_to_one_processor()
    case = _stream(given)
    fast = given.quick or (case["ratio"] >= NEEDED_RATIO and case["memory_growth"] <= GROWTH)
    case["ok"] = bool(fast and case["max_abs_diff"] <= AGREE)
    return timing.finish("stream", [case], draws=4 * given.draws, quick=given.quick)


def _stream(given: Any) -> dict[str, Any]:
    problem = fc.load_scenario("iraq-2020")
    reports = list(_reports(problem, given.reports))
    method: Any = "reweight" if given.quick else "auto"
    settings = {"draws": given.draws, "progressbar": False}
    outlook = fc.forecast(problem, fc.Evidence(problem.as_of), method="reweight", **settings)
    _read(outlook)
    times, memory, answered, start = list[float](), list[int](), Counter[str](), outlook
    begun = time.monotonic()
    for n in range(1, len(reports) + 1):
        evidence = _evidence(reports[:n])
        found: list[Any] = []

        times.append(1e3 * timing.seconds(partial(_answer, outlook, evidence, method, found)))
        sampled = found[0].diagnostics.method
        answered[sampled] += 1
        if sampled != "reweight":  # from here on these are the draws that are weighed
            start = found[0]
        outlook = found[0]
        memory.append(_resident())
        if n % 20 == 0:
            passed, latest = time.monotonic() - begun, float(np.median(times[-20:]))
            timing.note(
                f"{n} reports, {passed:.0f} s, {latest:.0f} ms, {_megabytes(memory[-1]):.0f} MB, "
                f"{dict(answered)}"
            )
        if time.monotonic() - begun > given.limit:
            reports = reports[:n]
            break
    at_once = fc.update(start, _evidence(reports), method="reweight")
    gap = max(abs(a.within.mean - b.within.mean) for a, b in _pairs(at_once, outlook))
    median, late = float(np.median(times)), float(np.quantile(times, 0.95))
    timing.note(f"median {median:.0f} ms, 95 % of all below {late:.0f} ms; now the refit")
    refit = timing.seconds(lambda: _read(fc.update(outlook, outlook.evidence, method="nuts")))
    return {
        "name": "one report at a time",
        "reports": len(reports),
        "median_ms": median,
        "p95_ms": late,
        "refit_s": refit,
        "ratio": 1e3 * refit / median,
        "shares": {name: n / len(reports) for name, n in answered.items()},
        "memory_mb": _megabytes(memory[-1]),
        "memory_growth": memory[-1] / memory[min(FIRST, len(memory) // 2)] - 1,
        "max_abs_diff": gap,
    }


def _answer(outlook: Any, evidence: Any, method: Any, found: list[Any]) -> None:
    found.append(fc.update(outlook, evidence, method=method))
    _read(found[0])


def _pairs(one: Any, other: Any) -> Iterator[tuple[Any, Any]]:
    return zip(one.courses, other.courses, strict=True)


def _read(outlook: Any) -> None:
    """Read what is printed."""
    str(outlook)


def _evidence(reports: list[Any]) -> Any:
    return fc.Evidence(reports[-1].known, tuple(sorted(reports, key=lambda r: r.event_start)))


def _reports(problem: Any, n: int) -> Iterator[Any]:
    """Reports of some weeks, in the order in which they become known."""
    random = np.random.default_rng(1)
    quiet = fc.forecast(
        problem, fc.Evidence(problem.as_of), method="reweight", draws=4, progressbar=False
    )
    history = fc.beliefs(quiet).simulate(1, random_seed=1).isel(history=0)
    indicators = [name for name, v in problem.variables.items() if v.role == "indicator"]
    for k in range(n):
        day = problem.timeline.start + timedelta(days=int(7 * WEEKS * k / n))
        indicator = str(random.choice(indicators))
        states = problem.variables[indicator].states
        state = str(history.sel(variable=indicator)[problem.timeline.step_of(day)].item())
        if random.random() < OTHERWISE:
            state = str(random.choice(states))
        yield fc.Report(
            id=f"S{k}",
            indicator=indicator,
            state=state,
            event_start=day,
            event_end=day,
            published=day,
            known=day,
            source="simulated",
            reliability="C",
        )


def _resident() -> int:
    """Pages of memory that this process has now; 1 where the system does not say."""
    file = Path("/proc/self/statm")
    return int(file.read_text().split()[1]) if file.exists() else 1


def _megabytes(pages: int) -> float:
    return pages * resource.getpagesize() / 1e6


if __name__ == "__main__":
    sys.exit(main())
