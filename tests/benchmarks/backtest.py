"""What a back-test costs, and how much two worker processes save.

The shipped evidence of iraq-2020 day by day, weighed draws of the prior, in blocks of two days; one
worker process and two in turn, each on a processor of its own, by the clock, warm. A single process
runs the loops of a forecast on all processors (`seconds_threads`), so on two it gains next to
nothing from a second one. Then one fit with NUTS, which is what a day costs on which weights do not
suffice. Serial, processes and, where Dask is installed, a cluster of two processes must give
identical numbers, and so must a back-test that is stopped and goes on.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import forecast as fc
from tests.benchmarks import timing

AIM = 1.7
SETTINGS: dict[str, Any] = {"every": "2D", "block": 2, "method": "reweight", "progressbar": False}


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds by the clock, and what came out."""
    begun = time.perf_counter()
    found = run()
    return time.perf_counter() - begun, found


def workers(n: int) -> ProcessPoolExecutor:
    """Worker processes, each on a processor of its own as far as there are so many."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(
        n, mp_context=context, initializer=_bind, initargs=(context.Value("i", 0),)
    )


def _bind(begun: Any) -> None:
    if hasattr(os, "sched_setaffinity"):
        with begun.get_lock():
            number, begun.value = begun.value, begun.value + 1
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {processors[number % len(processors)]})


def same(one: fc.Backtest, other: fc.Backtest) -> bool:
    """Whether two back-tests are identical in every number."""
    return bool(one.tree.identical(other.tree))


def on_dask(run: Callable[[Executor], fc.Backtest]) -> fc.Backtest | None:
    """A back-test on a cluster of two processes of this machine; None without Dask."""
    if find_spec("distributed") is None:
        return None
    from distributed import Client, LocalCluster

    options = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with LocalCluster(n_workers=2, **options) as cluster, Client(cluster) as client:
        return run(client.get_executor())


def main() -> int:
    """Print one line of JSON."""
    given = timing.parser(__doc__).parse_args()
    scenario = fc.load_scenario("iraq-2020")
    ledger = fc.read_evidence("iraq-2020", scenario)
    draws = 25 if given.quick else 250
    repetitions = 1 if given.quick else given.repetitions

    def run(executor: Executor | None = None, path: Path | None = None) -> fc.Backtest:
        return fc.backtest(scenario, ledger, draws=draws, executor=executor, path=path, **SETTINGS)

    with workers(1) as one, workers(2) as two:
        runs = {"threads": run, "one": lambda: run(one), "two": lambda: run(two)}
        alone, *others = (each() for each in runs.values())  # compiled code is read before timing
        times: dict[str, list[float]] = {name: [] for name in runs}
        for k in range(repetitions):
            for name, each in runs.items():
                times[name].append(timed(each)[0])
            latest = ", ".join(f"{name} {found[-1]:.1f} s" for name, found in times.items())
            timing.note(f"round {k + 1}: {latest}")
    cluster = on_dask(run)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kept.jsonl"
        run(path=path)
        text = path.read_text(encoding="utf-8")
        path.write_text(text[: 2 * len(text) // 3], encoding="utf-8")
        resumed = run(path=path)
    refit = float("nan")
    if not given.quick:
        known = ledger.known_at(scenario.as_of, scenario.variables)
        refit, _ = timed(lambda: fc.forecast(scenario, known, progressbar=False))
    middle = {name: median(found) for name, found in times.items()}
    days = alone.tree["courses"].sizes["as_of"]
    speed_up = middle["one"] / middle["two"]
    identical = all(same(alone, each) for each in (*others, resumed, cluster or alone))
    case = {
        "name": "iraq-2020",
        "days": days,
        "seconds_per_day": round(middle["one"] / days, 3),
        "seconds_threads": round(middle["threads"] / days, 3),
        "seconds_per_refit": round(refit, 1),
        "speed_up_of_two": round(speed_up, 2),
        "aim": AIM,
        "identical": identical,
        "dask": cluster is not None,
        "ok": identical and (given.quick or speed_up >= AIM),
    }
    return timing.finish("backtest", [case])


if __name__ == "__main__":
    sys.exit(main())
