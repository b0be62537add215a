"""What a back-test costs, and how much two worker processes save.

The shipped evidence of iraq-2020 day by day, weighed draws of the prior, in blocks of two days; one
process and two in turn, by the clock, warm. Then one fit with NUTS, which is what a day costs on
which weights do not suffice. Serial, processes and, where Dask is installed, a cluster of two
processes must give identical numbers, and so must a back-test that is stopped and goes on.
"""

from __future__ import annotations

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

    with ProcessPoolExecutor(2) as pool:
        alone, together = run(), run(pool)  # compiled code is read before anything is timed
        times: dict[str, list[float]] = {"alone": [], "together": []}
        for k in range(repetitions):
            times["alone"].append(timed(run)[0])
            times["together"].append(timed(lambda: run(pool))[0])
            timing.note(f"round {k + 1}: {times['alone'][-1]:.1f} s, {times['together'][-1]:.1f} s")
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
    speed_up = middle["alone"] / middle["together"]
    identical = same(alone, together) and same(alone, resumed)
    identical = identical and (cluster is None or same(alone, cluster))
    case = {
        "name": "iraq-2020",
        "days": days,
        "seconds_per_day": round(middle["alone"] / days, 3),
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
