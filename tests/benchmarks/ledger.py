"""Speed of a ledger file against pandas on a CSV file of the same reports.

    python -W ignore -m tests.benchmarks.ledger [--quick] [--reports 1000000]

Rows per second of processor time, medians of the repetitions:
  append   reports appended one at a time, each on the disk before the next; by the clock, since
           it waits for the disk
  import   a CSV file into a new ledger
  as_of    `known_at` half-way: reports in force as `Report`s, against pandas that reads the CSV
           file and applies the same filter, then the same into `Report`s
  early    `known_at` when one report in a hundred was known: only these are read
  about    `known_at` half-way, asked about one indicator of sixteen, against pandas that reads the
           file and applies that filter too; and then the likelihoods that these reports make
  open     seconds to open the ledger
"""

from __future__ import annotations

import csv
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

import forecast as fc
from forecast.evidence.likelihood import tabulate_reports
from forecast.evidence.report import DATES, FIELDS, Report
from forecast.evidence.sources import trust_in
from tests.benchmarks.timing import bind_to_one_processor, finish, note, parser
from tests.small import BASIS, state_log_likelihoods, weather

START = date(2010, 1, 1)
DAYS = 3_000
INDICATOR, STATES = "indicator3", ("state0", "state1", "state2")
REVISED = 20
"""One report in so many revises the one before."""


def main() -> int:
    """Measure, and print one line of JSON."""
    arguments = parser(__doc__)
    arguments.add_argument("--reports", type=int, default=1_000_000)
    given = arguments.parse_args()
    bind_to_one_processor()
    count = 20_000 if given.quick else given.reports
    repetitions = 1 if given.quick else max(5, given.repetitions)
    with tempfile.TemporaryDirectory() as folder:
        case = measure(Path(folder), count, repetitions)
    return finish("ledger", [case], reports=count, repetitions=repetitions)


def measure(folder: Path, count: int, repetitions: int) -> dict[str, Any]:
    """Rows per second of everything."""
    table = folder / "reports.csv"
    write_reports(table, count)
    singles = 50 if count < 100_000 else 500
    note(f"{count:,} reports, {table.stat().st_size / 1e6:.0f} MB of CSV")
    imported = middle(lambda k: import_into(folder / f"import-{k}.db", table), repetitions)
    note(f"import {count / imported:,.0f} rows per second")
    path = folder / "import-0.db"
    appended = middle(
        lambda k: append_singly(path, f"{k}-", singles), repetitions, time.perf_counter
    )
    half, early = START + timedelta(days=DAYS // 2), START + timedelta(days=DAYS // 100)
    opened = middle(lambda _: fc.open_ledger(path).close(), repetitions)
    with fc.open_ledger(path) as ledger:
        rows, first = (held(ledger.known_at(day)) for day in (half, early))
        ours = middle(lambda _: ledger.known_at(half), repetitions)
        few = middle(lambda _: ledger.known_at(early), repetitions)
        found = {report.id for report in ledger.known_at(half)}
        known = ledger.known_at(half, [INDICATOR])
        one = middle(lambda _: ledger.known_at(half, [INDICATOR]), repetitions)
    likely = middle(lambda _: log_likelihoods_of(known), repetitions)
    note(f"known_at {rows / ours:,.0f} rows per second")
    frame = middle(lambda _: filter_frame(table, half), repetitions)
    objects = middle(lambda _: reports_of(filter_frame(table, half)), repetitions)
    single = middle(lambda _: reports_of(filter_one(table, half)), repetitions)
    agree = found == {report.id for report in reports_of(filter_frame(table, half))}
    agree &= {r.id for r in known} == {r.id for r in reports_of(filter_one(table, half))}
    return {
        "name": f"{count} reports",
        "ok": agree,
        "append_rows_per_s": round(singles / appended, 1),
        "import_rows_per_s": round(count / imported),
        "as_of_rows": rows,
        "as_of_rows_per_s": round(rows / ours),
        "pandas_frame_rows_per_s": round(rows / frame),
        "pandas_reports_rows_per_s": round(rows / objects),
        "faster_than_pandas_reports": round(objects / ours, 2),
        "early_rows": first,
        "early_s": round(few, 4),
        "pandas_early_s": round(middle(lambda _: filter_frame(table, early), repetitions), 3),
        "about_rows": len(known),
        "about_s": round(one, 3),
        "pandas_about_s": round(single, 3),
        "faster_than_pandas_about": round(single / one, 2),
        "likelihoods_s": round(likely, 3),
        "open_s": round(opened, 4),
        "file_mb": round(path.stat().st_size / 1e6),
    }


def middle(
    function: Callable[[int], Any],
    repetitions: int,
    clock: Callable[[], float] = time.process_time,
) -> float:
    """Median seconds of calls."""
    times = []
    for k in range(repetitions):
        start = clock()
        function(k)
        times.append(clock() - start)
    return median(times)


def held(evidence: fc.Evidence) -> int:
    """Reports that were read for an evidence."""
    return len(evidence.reports) + len(evidence.behind)


def write_reports(path: Path, count: int) -> None:
    """A CSV file of reports, in order of the days on which they became known."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FIELDS)
        for k in range(count):
            known = START + timedelta(days=DAYS * k // count)
            event = known - timedelta(days=k * 7919 % 9)
            earlier = f"R{k - 1}" if k % REVISED == REVISED - 1 else ""
            where = f"https://example.org/{k}"
            cells = [f"R{k}", f"indicator{k % 16}", f"state{k % 3}", event, event, known, known]
            cells += [f"source{k % 200}", "B", "2", "", earlier, where, f"event {k}"]
            cells += [""] * (len(FIELDS) - len(cells))
            writer.writerow(cells)


def import_into(path: Path, table: Path) -> None:
    """Import into a new ledger."""
    with fc.open_ledger(path) as ledger:
        ledger.import_csv(table)
    if not path.name.endswith("-0.db"):
        path.unlink()


def append_singly(path: Path, name: str, count: int) -> None:
    """Append reports one at a time, none of them known early."""
    day = START + timedelta(days=DAYS)
    with fc.open_ledger(path) as ledger:
        for k in range(count):
            ledger.append(Report(f"{name}{k}", "indicator0", "state0", day, day, day, day, "one"))


def filter_frame(table: Path, day: date) -> pd.DataFrame:
    """Reports in force, with pandas: dates as text, which order as dates do."""
    frame = pd.read_csv(table, dtype=dict.fromkeys(FIELDS[:14], str), keep_default_na=False)
    known = frame[frame["known"] <= day.isoformat()]
    gone = set(known["supersedes"]) - {""}
    return known[~known["id"].isin(gone)].sort_values(["event_start", "known", "id"])


def filter_one(table: Path, day: date) -> pd.DataFrame:
    """Reports in force about one indicator."""
    frame = filter_frame(table, day)
    return frame[frame["indicator"] == INDICATOR]


def log_likelihoods_of(evidence: fc.Evidence) -> npt.NDArray[np.float64]:
    """What the reports say of the states of their variable, step by step."""
    scenario = watched_scenario()
    n_steps = scenario.timeline.step_of(evidence.as_of) + 1
    accuracy = np.array([judged.mean for judged in trust_in(scenario).accuracy])
    table = tabulate_reports(scenario, evidence, n_steps)
    return state_log_likelihoods(scenario, table, accuracy)


@cache
def watched_scenario() -> fc.Scenario:
    """A scenario with a clock, of which the indicator has the states that are reported."""
    plain = weather().model_dump()
    row = {"when": {}, "counts": dict.fromkeys(STATES, 1), "basis": BASIS}
    plain["variables"][INDICATOR] = {
        "role": "indicator",
        "label": "One of sixteen",
        "states": STATES,
        "table": {"form": "rows", "rows": (row,)},
    }
    plain["time"] |= {"start": START - timedelta(days=9)}
    return fc.Scenario.model_validate(plain)


def reports_of(frame: pd.DataFrame) -> list[Report]:
    """The rows of a frame as reports."""
    columns: dict[str, Any] = {name: frame[name].tolist() for name in FIELDS[:14]}
    for name in DATES[:4]:
        columns[name] = [date.fromisoformat(text) for text in columns[name]]
    return [Report(*values) for values in zip(*columns.values(), strict=True)]


if __name__ == "__main__":
    sys.exit(main())
