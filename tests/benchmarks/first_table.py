"""Time from the start of a process to the first table of courses, of the shipped scenario.

- `warm`: weighted draws of the prior, with the caches of an earlier run;
- `cold`: the same with no cache of compiled code;
- `nuts_warm`: the tables sampled with NUTS, with the caches of an earlier run.

`seconds` counts elapsed time, imports and the print of the table included; `parts` says where it
went. Needed: 5 s warm, and 30 s where NUTS is needed.
"""

from __future__ import annotations

from tests.benchmarks import timing  # isort: skip  # before NumPy, whose threads it sets

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

AS_OF = "2020-01-23"
NEEDED = {"warm": 5.0, "cold": float("inf"), "nuts_warm": 30.0}


def main() -> int:
    """Run the benchmark, or one of the processes that it starts."""
    parser = timing.parser(__doc__)
    parser.add_argument("--draws", type=int, default=1000, help="draws of each of four chains")
    parser.add_argument(
        "--child", choices=["reweight", "nuts"], help="used by the benchmark itself"
    )
    given = parser.parse_args()
    if given.quick:
        given.draws = 50
    if given.child:
        print(json.dumps(_first_table(given.child, given.draws)))
        return 0
    cases = []
    with tempfile.TemporaryDirectory() as folder:
        cold, _ = _start("reweight", Path(folder), given), timing.note("cold done")
        warm = min((_start("reweight", Path(folder), given) for _ in range(2)), key=_seconds)
        runs = {"warm": warm, "cold": cold}
        if not given.quick:
            _start("nuts", Path(folder), given)
            runs["nuts_warm"] = _start("nuts", Path(folder), given)
    for name, found in runs.items():
        ok = given.quick or found["seconds"] <= NEEDED[name]
        needed = None if NEEDED[name] == float("inf") else NEEDED[name]
        cases.append({"name": name, "needed_seconds": needed, **found, "ok": bool(ok)})
        timing.note(str(cases[-1]))
    return timing.finish("first_table", cases, draws=4 * given.draws, quick=given.quick)


def _seconds(found: dict[str, Any]) -> float:
    return float(found["seconds"])


def _start(method: str, caches: Path, given: Any) -> dict[str, Any]:
    """Time a whole process that prints the table."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.first_table"]
    command += [f"--child={method}", f"--draws={given.draws}"]
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(caches / "numba"),
        "PYTENSOR_FLAGS": f"base_compiledir={caches / 'pytensor'}",
    }
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    parts: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return {"seconds": time.perf_counter() - start, "parts": parts}


def _first_table(method: Any, draws: int) -> dict[str, float]:
    """Seconds of importing and loading, of the forecast and of its table."""
    marks = [time.perf_counter()]
    import forecast as fc

    problem = fc.load_scenario("iraq-2020")
    evidence = fc.read_evidence("iraq-2020", problem).known_at(AS_OF)
    marks.append(time.perf_counter())
    outlook = fc.forecast(problem, evidence, method=method, draws=draws, progressbar=False)
    marks.append(time.perf_counter())
    print(outlook)
    marks.append(time.perf_counter())
    names = ("load_s", "forecast_s", "table_s")
    return {name: b - a for name, a, b in zip(names, marks[:-1], marks[1:], strict=True)}


if __name__ == "__main__":
    sys.exit(main())
