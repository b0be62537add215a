"""What all benchmarks share: one processor, interleaved repetitions, one line of JSON.

Import this module before NumPy: it sets the number of threads of every numeric library to one.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"


def parser(description: str | None) -> argparse.ArgumentParser:
    """Arguments that every benchmark has."""
    found = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument("--quick", action="store_true", help="a smoke run of a few seconds")
    found.add_argument("--repetitions", type=int, default=5, help="at least 5 unless --quick")
    return found


def bind_to_one_processor() -> None:
    """Keep the process, and what it starts, on one processor, where the system can do that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _threads() -> str:
    """How many threads and processors there were, by what the process may use."""
    allowed = getattr(os, "sched_getaffinity", None)
    bound = allowed is not None and len(allowed(0)) == 1
    loops = "bound to one processor" if bound else "loops on all processors"
    return f"one thread for numeric libraries, {loops}"


def medians(
    functions: Mapping[str, Callable[[], Any]], repetitions: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Time functions in turn, round after round, after one call of each that is not counted.

    Returns
    -------
    middle, spread
        Median seconds of each, and the distance from the shortest to the longest over it.
    """
    for function in functions.values():
        function()
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repetitions):
        for name, function in functions.items():
            times[name].append(seconds(function))
    middle = {name: median(found) for name, found in times.items()}
    return middle, {name: (max(t) - min(t)) / middle[name] for name, t in times.items()}


def seconds(function: Callable[[], Any]) -> float:
    """Processor seconds of one call: on one thread the time it takes when nothing else runs."""
    start = time.process_time()
    function()
    return time.process_time() - start


def note(text: str) -> None:
    """Say how far the benchmark has come."""
    print(text, file=sys.stderr, flush=True)


def finish(name: str, cases: Sequence[Mapping[str, Any]], **more: Any) -> int:
    """Print the result as one line; return the exit code.

    A benchmark is passed if each of its cases is: every case says so under ``ok``.
    """
    ok = all(case["ok"] for case in cases)
    line = {"benchmark": name, "ok": ok, "cases": list(cases), "threads": _threads(), **more}
    print(json.dumps(line, default=_plain), flush=True)
    return 0 if ok else 1


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else str(value)
