"""The commands of a ledger: a thin skin over `forecast.open_ledger`."""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.console import Parser
from forecast.errors import InputError, InputWarning, Problem, closest
from forecast.layout import shortened, text_table
from forecast.text import visible

if TYPE_CHECKING:
    from forecast.evidence.intake import Receipt
    from forecast.evidence.ledger_file import LedgerFile
    from forecast.evidence.report import Report
    from forecast.scenario.scenario import Scenario

LONGEST_TEXT = 48
LONGEST_LIST = 10
DAMAGED = 1
EXPORTED = {".csv": "csv", ".jsonl": "jsonl", ".parquet": "parquet"}
IMPORTED = EXPORTED | {".xlsx": "excel"}
"""What a file is called in the ledger's methods, by its suffix."""
MADE_BY_IMPORT = "`forecast ledger import` makes one"

type Commands = argparse._SubParsersAction[Parser]


def add_ledger(commands: Commands) -> None:
    """Add `forecast ledger` and what it can do."""
    parser = commands.add_parser(
        "ledger",
        help="keep reports in a ledger",
        description="Keep reports in a ledger that never forgets: an SQLite file, or a PostgreSQL "
        "database, postgresql://user@host/name.",
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    _add(actions, "import", "store the reports of files, all of a file or none", _import, "files")
    _add(actions, "export", "write every report to a file", _export, "file")
    _add(actions, "show", "list the reports in force on a day", _show, "as_of")
    _add(actions, "diff", "say what became known between two days", _diff, "days")
    _add(actions, "duplicates", "list reports that say the same", _duplicates)
    _add(actions, "waiting", "list reports that supersede one that has not come", _waiting)
    _add(
        actions,
        "check",
        "read everything, and say whether it is what was stored",
        _check,
        "receipt",
    )
    _add(actions, "salvage", "save what a damaged file still holds", _salvage, "new")


def open_evidence(source: str) -> LedgerFile | None:
    """The ledger that a path or an address means; None if it is no ledger.

    A file is known by how it begins, whatever it is called.
    """
    from forecast.evidence.database import is_ledger_file, require_no_keywords
    from forecast.evidence.ledger_file import open_ledger

    require_no_keywords(source)
    if "://" in source or is_ledger_file(Path(source)):
        return open_ledger(source)
    return None


def unknown_indicators(problem: Scenario, counts: Mapping[str, int]) -> Iterator[str]:
    """Yield what a ledger tells of that a scenario does not have, and what may be misspelt."""
    others = sorted(counts.keys() - problem.variables.keys())
    if not others:
        return
    count = sum(counts[name] for name in others)
    yield f"left out: {count:,} reports on what {problem.name} has no variable for:"
    for name in others[:LONGEST_LIST]:
        close = closest(name, problem.variables)
        meant = "" if close is None else f"; did you mean {close}?"
        yield f"  {shortened(name, LONGEST_TEXT)} ({counts[name]:,}){meant}"
    if len(others) > LONGEST_LIST:
        yield f"  and {len(others) - LONGEST_LIST:,} more"


def _add(actions: Commands, name: str, summary: str, run: object, *arguments: str) -> None:
    parser = actions.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
    parser.add_argument("ledger", metavar="LEDGER", help="a path, or postgresql://user@host/name")
    if "files" in arguments:
        parser.add_argument(
            "files", metavar="FILE", nargs="+", help=".csv, .jsonl, .parquet or .xlsx"
        )
        parser.add_argument("--mapping", metavar="FILE", help="what the columns mean (TOML)")
        parser.add_argument("--scenario", metavar="NAME", help="what the reports must speak to")
    if "file" in arguments:
        parser.add_argument("file", metavar="FILE", help=".csv, .jsonl or .parquet, by its suffix")
    if "as_of" in arguments:
        parser.add_argument("--as-of", metavar="DATE", help="day (default: today)")
    if "days" in arguments:
        parser.add_argument("start", metavar="START", help="after the end of this day")
        parser.add_argument("end", metavar="END", help="up to the end of this one")
    if "receipt" in arguments:
        parser.add_argument(
            "--receipt", metavar="TEXT", help="what an import printed, kept outside the ledger"
        )
    if "new" in arguments:
        parser.add_argument("new", metavar="NEW", help="a ledger to save them in")
    parser.set_defaults(run=run)


def _open(address: str) -> LedgerFile:
    """An existing ledger: a command that only reads makes none."""
    from forecast.evidence.database import require_no_keywords
    from forecast.evidence.ledger_file import open_ledger

    require_no_keywords(address)
    if "://" not in address and not Path(address).exists():
        raise InputError([Problem(address, f"there is no such ledger; {MADE_BY_IMPORT}")])
    return open_ledger(address)


def _import(given: argparse.Namespace) -> int:
    from forecast.evidence.ledger_file import open_ledger
    from forecast.scenario.scenario_files import load_scenario

    kinds = [_kind(path, IMPORTED, given.mapping) for path in given.files]
    problem = load_scenario(given.scenario) if given.scenario else None
    with open_ledger(given.ledger, problem) as ledger:
        for path, kind in zip(given.files, kinds, strict=True):
            options = {"mapping": given.mapping} if given.mapping else {}
            with warnings.catch_warnings(category=InputWarning, action="ignore"):
                receipt = getattr(ledger, f"import_{kind}")(path, **options)
            print(f"{path}: {_say(receipt)}")
            for note in receipt.notes:
                print(f"  note: {visible(note)}")
        print(f"{visible(ledger.name)} holds {len(ledger):,} reports")
        print(f"receipt {receipt.checkpoint}")
    return 0


def _kind(path: str, kinds: Mapping[str, str], mapping: str | None = None) -> str:
    """How a file is written, by its suffix."""
    kind = kinds.get(Path(path).suffix.lower())
    if kind is None:
        raise InputError([Problem(path, f"is named neither {' nor '.join(kinds)}")])
    if mapping and kind == "jsonl":
        raise InputError([Problem(path, "a mapping is for tables, not for .jsonl")])
    return kind


def _say(receipt: Receipt) -> str:
    parts = [f"{receipt.added:,} stored"]
    if receipt.present:
        parts.append(f"{receipt.present:,} there already")
    if receipt.left_out:
        parts.append(f"{receipt.left_out:,} rows left out by the mapping")
    if receipt.set_aside:
        parts.append(f"{receipt.set_aside:,} rows set aside")
    return ", ".join(parts)


def _export(given: argparse.Namespace) -> int:
    kind = _kind(given.file, EXPORTED)
    with _open(given.ledger) as ledger:
        print(f"wrote {getattr(ledger, f'export_{kind}')(given.file)}")
    return 0


def _show(given: argparse.Namespace) -> int:
    day = given.as_of or date.today()
    with _open(given.ledger) as ledger:
        evidence = ledger.known_at(day)
    print(f"{len(evidence):,} reports in force on {evidence.as_of}\n")
    _list(evidence)
    return 0


def _diff(given: argparse.Namespace) -> int:
    with _open(given.ledger) as ledger:
        print(ledger.diff(given.start, given.end))
    return 0


def _duplicates(given: argparse.Namespace) -> int:
    with _open(given.ledger) as ledger:
        groups = ledger.duplicates()
    if not groups:
        print("no two reports of one source say the same of the same event")
        return 0
    heading = f"claims that are there more than once: {len(groups):,}"
    print(f"{heading}; withdraw the copies, or give them one origin")
    for group in groups:
        print()
        _list(group)
    return 0


def _waiting(given: argparse.Namespace) -> int:
    with _open(given.ledger) as ledger:
        reports = ledger.waiting()
    if not reports:
        print("every report that supersedes one names one that is there")
        return 0
    print(f"{len(reports)} reports supersede one that has not come: late, or misspelt\n")
    for report in reports:
        print(visible(f"{report.id} supersedes {report.supersedes}"))
    return 0


def _check(given: argparse.Namespace) -> int:
    with _open(given.ledger) as ledger:
        ledger.check(given.receipt)
        print(f"{visible(ledger.name)}: {len(ledger):,} reports, all as they were stored")
    return 0


def _salvage(given: argparse.Namespace) -> int:
    from forecast.evidence.database import name_of, require_no_keywords
    from forecast.evidence.ledger_file import open_ledger
    from forecast.evidence.salvage import salvage_ledger

    for address in (given.ledger, given.new):
        require_no_keywords(address)
    if not Path(given.ledger).is_file():
        raise InputError([Problem(name_of(given.ledger), "there is no such ledger file")])
    if Path(given.new).exists():
        raise InputError([Problem(name_of(given.new), "is there already; name a new ledger")])
    saved = salvage_ledger(given.ledger)
    with open_ledger(given.new) as ledger:
        ledger.append(saved.reports)
    print(f"{visible(name_of(given.new))}: {len(saved.reports):,} reports saved")
    if saved.lost:
        shown = ", ".join(map(str, saved.lost[:20])) + (", …" if len(saved.lost) > 20 else "")
        print(f"{len(saved.lost):,} receipts are lost: {shown}")
        return DAMAGED
    return 0


def _list(reports: Iterable[Report]) -> None:
    """Reports as aligned text, one on each line."""
    head = ("id", "event", "known", "indicator", "statement", "source", "grade", "origin")
    rows = [
        (
            shortened(report.id, LONGEST_TEXT),
            _days(report),
            report.known.isoformat(),
            shortened(report.indicator or "(context)", LONGEST_TEXT),
            shortened(report.statement, LONGEST_TEXT),
            shortened(report.source, LONGEST_TEXT),
            report.grade,
            shortened(report.origin, LONGEST_TEXT),
        )
        for report in reports
    ]
    if rows:
        print(text_table(head, rows))


def _days(report: Report) -> str:
    start, end = report.event_start.isoformat(), report.event_end.isoformat()
    return start if start == end else f"{start} to {end}"
