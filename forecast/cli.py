"""The command line: a thin skin over the library.

Exit codes: 0 done, 1 the input breaks a rule, 2 the command was not understood, 3 the network is
too large for exact inference, 4 the fit cannot be trusted and no product was written, 70 a bug of
the library, 130 stopped from the keyboard.
"""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.arguments import short_repr
from forecast.cli_ledger import add_ledger, open_evidence, unknown_indicators
from forecast.cli_record import add_record, add_recording, existing_record, issue, require_questions
from forecast.console import DONE, Parser, run
from forecast.errors import InputError, InputWarning, Problem, raise_if_any
from forecast.evidence.ledger import Evidence, Ledger, as_date

if TYPE_CHECKING:
    from forecast.evidence.ledger_file import LedgerFile
    from forecast.scenario.scenario import Scenario

DESCRIPTION = """\
Forecast what an actor will do next, from a scenario and the reports known at a date.

A scenario is a folder with scenario.yaml (variables, tables, judgements with their basis) and,
if you like, evidence.csv (reports). Shipped scenarios are known by name.
"""
EXAMPLES = """\
examples:
  forecast scenarios                                    what ships with the library
  forecast new my-scenario                              start a scenario: a folder to change
  forecast check my-scenario/                           every problem, and what the tables imply
  forecast report iraq-2020 --as-of 2020-01-23          print the courses of action
  forecast report iraq-2020 --as-of 2020-01-23 -o warning.html -o warning.md
  forecast report my-scenario/ --evidence reports.csv -o warning.html
  forecast report my-scenario/ --as-of 2024-01-21 --previous 2024-01-14
  forecast ach matrix.csv                               competing hypotheses, ranked both ways
  forecast ledger import reports.db new-reports.csv     keep reports in a ledger
  forecast report my-scenario/ --evidence reports.db    and forecast from it
  forecast report my-scenario/ --record issued.db       and keep what was issued
  forecast record verify issued.db                      is it as it was written?

exit codes: 0 done; 1 input breaks a rule; 2 command not understood;
            3 network too large; 4 fit not to be trusted; 70 a bug; 130 stopped
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    return run(lambda: _run(arguments), show_traceback="--traceback" in (arguments or sys.argv))


def _run(arguments: Sequence[str] | None) -> int:
    given = _parser().parse_args(arguments)
    _require_no_empty(given)
    command: Callable[[argparse.Namespace], int] = given.run
    return command(given)


def _require_no_empty(given: argparse.Namespace) -> None:
    """Refuse what is given as an empty text, as by a script whose variable is not set."""
    empty = [
        Problem(name.replace("_", "-"), "is empty; leave it out, or say what is meant")
        for name, value in vars(given).items()
        for each in (value if isinstance(value, list) else [value])
        if isinstance(each, str) and not each.strip()
    ]
    raise_if_any(empty)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="forecast",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--traceback", action="store_true", help="of a bug, show where it came from"
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    _add_report(commands)
    listing = commands.add_parser("scenarios", help="list the shipped scenarios")
    listing.set_defaults(run=_list_scenarios)
    starting = commands.add_parser(
        "new",
        help="start a scenario",
        description="Make a folder with a small scenario that works, each part of it explained, "
        "to change into your own.",
        epilog="The scenario is named as the folder: letters, digits, - and _.",
    )
    starting.add_argument("path", metavar="PATH", help="a folder that is not there yet")
    starting.set_defaults(run=_new)
    checking = commands.add_parser(
        "check",
        help="check a scenario and its evidence",
        description="Read a scenario, and its evidence.csv if it has one, and list every problem; "
        "then say what the tables imply before any evidence: conflicts with what was expected, "
        "what indicators would show and what they tell, what rests on key assumptions.",
    )
    checking.add_argument("scenario", metavar="PATH", help="a folder, a file or a shipped name")
    checking.set_defaults(run=_check)
    competing = commands.add_parser(
        "ach",
        help="compare a matrix of competing hypotheses with Bayes",
        description="Print a matrix of competing hypotheses, its ranking beside the Bayesian one, "
        "and why they differ. Likelihood ratios are assumed from the ratings.",
    )
    competing.add_argument("matrix", metavar="FILE", help="a CSV file: see docs/ach.md")
    competing.add_argument(
        "--exhaustive", action="store_true", help="one of the hypotheses must be true"
    )
    competing.set_defaults(run=_compare_ach)
    add_ledger(commands)
    add_record(commands)
    return parser


def _add_report(commands: argparse._SubParsersAction[Parser]) -> None:
    from forecast.sampling import Sampling

    reporting = commands.add_parser(
        "report",
        help="forecast a scenario and write the product",
        description="Forecast a scenario from the reports known at a date.",
    )
    reporting.add_argument("scenario", metavar="SCENARIO", help="a shipped name or a folder")
    reporting.add_argument(
        "--as-of",
        metavar="DATE",
        help="forecast from what was known at the end of this day (default: the scenario's own "
        "or, where --evidence names later reports, the day of the newest)",
    )
    reporting.add_argument(
        "--previous",
        metavar="DATE",
        help="forecast as of this earlier day too, and say what has changed since",
    )
    reporting.add_argument(
        "--evidence", metavar="FILE", help="a CSV file of reports, or a ledger (file or server)"
    )
    reporting.add_argument(
        "--plan",
        metavar="INPUT=STATE",
        action="append",
        default=[],
        help="what an input will be: INPUT=STATE for all days ahead, INPUT=STATE@DAY..DAY for "
        "some (default: the scenario's own plan); may be given again",
    )
    reporting.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        action="append",
        default=[],
        help="write the product here: .html, .md, .json, .docx or .pdf; may be given again",
    )
    reporting.add_argument(
        "--page", action="store_true", help="write one page instead of the full product"
    )
    reporting.add_argument(
        "--document",
        metavar="FILE",
        help="set a published document beside the forecast: a TOML file, or a shipped name",
    )
    reporting.add_argument(
        "--lexicon",
        metavar="NAME",
        default="icd203",
        help="whose words for probabilities: icd203, phia, nato, kent, or a TOML file",
    )
    reporting.add_argument(
        "--draws",
        type=_count,
        default=Sampling.draws,
        help="draws per chain (default: %(default)s)",
    )
    reporting.add_argument(
        "--tune",
        type=_count,
        default=Sampling.tune,
        help="tuning steps per chain (default: %(default)s)",
    )
    reporting.add_argument(
        "--seed",
        type=_seed,
        default=Sampling.random_seed,
        help="same seed, same numbers (default: %(default)s)",
    )
    reporting.add_argument("--quiet", action="store_true", help="show no progress")
    reporting.add_argument(
        "--allow-unreliable",
        action="store_true",
        help="write the product even if the fit fails its diagnostics; they go to its top",
    )
    add_recording(reporting)
    reporting.set_defaults(run=_report)


def _report(given: argparse.Namespace) -> int:
    from forecast.evidence.report_files import read_evidence
    from forecast.fitting import forecast, update
    from forecast.reporting.change import changes_text
    from forecast.reporting.product import product
    from forecast.scenario.scenario_files import load_scenario
    from forecast.verification.published import read_published

    for path in given.output:
        _check_output(path)
    problem = load_scenario(given.scenario)
    require_questions(given, problem)
    document = read_published(given.document, problem) if given.document else None
    source = given.evidence or _evidence_beside(given.scenario)
    kept = open_evidence(str(source)) if source else None
    if kept is not None:
        with kept:
            evidence, earlier = _known(given, problem, kept)
            for line in unknown_indicators(problem, kept.indicators(evidence.as_of)):
                _say(given, line)
    else:
        ledger = read_evidence(source, problem) if source else Ledger()
        evidence, earlier = _known(given, problem, ledger)
    problem = _with_plans(given, problem, evidence)
    _say(given, f"{problem.title}: {len(evidence)} reports in force on {evidence.as_of}")
    _say(given, "compiling the model and sampling its tables (about a minute) …")
    outlook = forecast(
        problem,
        evidence,
        draws=given.draws,
        tune=given.tune,
        random_seed=given.seed,
        progressbar=False if given.quiet else None,
    )
    previous = None if earlier is None else update(outlook, earlier)
    record = existing_record(given)
    written = product(
        outlook,
        previous,
        length="page" if given.page else "full",
        lexicon=given.lexicon,
        record=record,
        document=document,
        allow_unreliable=given.allow_unreliable,
    )
    for path in given.output:
        print(f"wrote {written.save(path)}")
    recorded = list(issue(given, outlook))
    print(outlook)
    for line in recorded:
        print(line)
    if previous is not None:
        print(f"\n{changes_text(outlook, previous)}")
    return DONE


def _with_plans(given: argparse.Namespace, problem: Scenario, evidence: Evidence) -> Scenario:
    """The scenario with what `--plan` says of its inputs."""
    from forecast.analysis.plans import read_plans, with_plans
    from forecast.evidence.events import last_step

    if not given.plan:
        return problem
    return with_plans(problem, last_step(problem, evidence), read_plans(given.plan))


def _known(
    given: argparse.Namespace, problem: Scenario, ledger: Ledger | LedgerFile
) -> tuple[Evidence, Evidence | None]:
    """Evidence as of the date that is asked for, and of the earlier one if there is one."""
    from forecast.evidence.events import last_step
    from forecast.wording import counted

    as_of = _as_of(given, problem, ledger)
    evidence = ledger.known_at(as_of, problem.variables)
    last_step(problem, evidence)
    number, newest = ledger.later_than(as_of, problem.variables)
    if number:
        left_out = counted(number, "later report left out", "later reports left out")
        print(f"{left_out}; --as-of {newest} takes in all", file=sys.stderr)
    if given.previous is None:
        return evidence, None
    before = as_date(given.previous)
    if before >= as_of:
        message = f"{before} is not before the as-of date, {as_of}"
        raise InputError([Problem("--previous", message)])
    earlier = ledger.known_at(before, problem.variables)
    last_step(problem, earlier)
    return evidence, earlier


def _as_of(given: argparse.Namespace, problem: Scenario, ledger: Ledger | LedgerFile) -> date:
    """The as-of date: stated, or the scenario's; of evidence that is named, the newest if later."""
    if given.as_of:
        return as_date(given.as_of)
    if problem.as_of is None:
        return date.today()
    newest = ledger.later_than(problem.as_of, problem.variables)[1] if given.evidence else None
    return newest or problem.as_of


def _list_scenarios(_: argparse.Namespace) -> int:
    from forecast.scenario.scenario_files import load_scenario
    from forecast.scenario.shipped import scenario_names

    for name in scenario_names():
        print(f"{name:<20} {load_scenario(name).title}")
    return DONE


def _new(given: argparse.Namespace) -> int:
    from forecast.scenario.starting import new_scenario

    folder = new_scenario(given.path)
    print(f"made {folder}: change scenario.yaml and evidence.csv into your own, then run")
    print(f"  forecast check {folder}")
    print(f"  forecast report {folder} -o warning.html")
    return DONE


def _check(given: argparse.Namespace) -> int:
    from forecast.analysis.checkup import check
    from forecast.evidence.report_files import read_evidence
    from forecast.model.builder import compile_tables
    from forecast.network.elimination import elimination
    from forecast.scenario.indicator_groups import with_default_effects
    from forecast.scenario.scenario_files import load_scenario
    from forecast.scenario.statement_text import NOTABLE_MISS, moved_text

    problem = with_default_effects(load_scenario(given.scenario))
    program = compile_tables(problem)
    operations = sum(
        elimination(program.network, first=first).operations for first in (True, False)
    )
    judgements = sum(len(labels) for labels in program.priors.labels.values())
    print(f"{problem.name} {problem.version} (digest {problem.digest}): no problems")
    print(
        f"{len(problem.variables)} variables, {len(problem.courses)} courses of action, "
        f"{judgements} uncertain judgements, {program.network.n_cells} table cells, "
        f"{operations:,} operations for the first two steps"
    )
    for row in program.misfits:
        if row.fit.miss > NOTABLE_MISS:
            moved = moved_text(row.states, row.fit)
            print(f"  {row.label}: no Dirichlet has these intervals; in the nearest {moved}")
    source = _evidence_beside(given.scenario)
    if source:
        print(f"{len(read_evidence(source, problem))} reports: no problems")
    print(f"\n{check(problem)}")
    return DONE


def _compare_ach(given: argparse.Namespace) -> int:
    from forecast.ach.reading import read_ach

    with warnings.catch_warnings(category=InputWarning, action="ignore"):
        matrix = read_ach(given.matrix)  # what it warns of is printed with the matrix
    print(f"{matrix}\n")
    print(matrix.compare(exhaustive=given.exhaustive))
    return DONE


def _evidence_beside(scenario: str) -> Path | None:
    from forecast.evidence.report_files import FILE_NAME
    from forecast.scenario.shipped import find_scenario

    path = find_scenario(scenario).parent / FILE_NAME
    return path if path.is_file() else None


def _check_output(path: str) -> None:
    """Refuse what could not be written before a minute is spent on it."""
    from forecast.reading import require_path
    from forecast.reporting.product import require_form

    target = Path(path)
    require_path(target)
    require_form(target)
    folder = next(parent for parent in target.absolute().parents if parent.exists())
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise InputError([Problem(f"--output {path}", f"{folder} cannot be written to")])


def _count(text: str) -> int:
    return _whole(text, least=1)


def _seed(text: str) -> int:
    return _whole(text, least=0)


def _whole(text: str, least: int) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least:
        raise argparse.ArgumentTypeError(
            f"{short_repr(text)}; needs a whole number of at least {least}"
        )
    return value


def _say(given: argparse.Namespace, message: str) -> None:
    if not given.quiet:
        print(message, flush=True)


def _version() -> str:
    from forecast import __version__

    return f"forecast {__version__}"
