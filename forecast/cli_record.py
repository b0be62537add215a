"""The commands of a record of forecasts: a thin skin over `forecast.open_record`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.console import BAD_INPUT, DONE, Parser
from forecast.errors import InputError, Problem
from forecast.layout import shortened, text_table
from forecast.wording import counted

if TYPE_CHECKING:
    from forecast.outlook import Forecast
    from forecast.scenario.scenario import Scenario
    from forecast.verification.questions import Question
    from forecast.verification.record import Entry, Record

WIDEST = 60

type Commands = argparse._SubParsersAction[Parser]


def add_record(commands: Commands) -> None:
    """Add `forecast record` and what it can do."""
    parser = commands.add_parser(
        "record",
        help="check and replay the forecasts that were issued",
        description="Check and replay a record of forecasts; `forecast report --record FILE` "
        "keeps one.",
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    showing = _add(actions, "show", "list what was issued, or one entry of it", _show)
    showing.add_argument("n", metavar="N", nargs="?", type=_entry, help="number of an entry")
    verifying = _add(actions, "verify", "say whether everything is as it was written", _verify)
    verifying.add_argument("--head", metavar="HEAD", help="a head that was kept elsewhere")
    replaying = _add(actions, "replay", "make a forecast again and compare every number", _replay)
    replaying.add_argument("n", metavar="N", type=_entry, help="number of its entry")
    resolving = _add(actions, "resolve", "record what came of questions", _resolve)
    resolving.add_argument("file", metavar="FILE", help="a TOML file of resolutions")


def add_recording(reporting: Parser) -> None:
    """Add to `forecast report` what keeps the forecast in a record."""
    reporting.add_argument(
        "--record", metavar="FILE", help="keep the forecast in this record, and print its head"
    )
    reporting.add_argument(
        "--questions",
        metavar="FILE",
        help="questions to answer for the record, those that are open (default: those that ship "
        "with the scenario, or lie beside it)",
    )


def issue(given: argparse.Namespace, made: Forecast) -> Iterator[str]:
    """Record a forecast with its answers to open questions and its products; yield what to say."""
    from forecast.verification.question_forecasts import ask
    from forecast.verification.record import open_record

    if not given.record:
        return
    record = open_record(given.record)
    answers = [ask(made, question) for question in _open_questions(given, made)]
    entry = record.issue(made, answers, given.output)
    yield f"recorded as entry {entry.n} with {counted(len(answers), 'answer')}; keep the head:"
    yield entry.head


def existing_record(given: argparse.Namespace) -> Record | None:
    """The record that a forecast is to be kept in, if it has been begun."""
    return _open(given.record) if given.record and Path(given.record).exists() else None


def require_questions(given: argparse.Namespace, scenario: Scenario) -> None:
    """Refuse questions that could not be read before a minute is spent on the forecast."""
    from forecast.verification.questions import read_questions

    if given.questions and not given.record:
        raise InputError([Problem("--questions", "are answered for a record; name it: --record")])
    if given.questions:
        read_questions(given.questions, scenario)


def _open_questions(given: argparse.Namespace, made: Forecast) -> Iterator[Question]:
    """Questions that are open on the day of a forecast."""
    from forecast.scenario.shipped import find_scenario
    from forecast.verification.questions import FILE_NAME, read_questions

    beside = find_scenario(given.scenario).parent / FILE_NAME
    source = given.questions or (beside if beside.is_file() else None)
    if source is not None:
        for question in read_questions(source, made.scenario).values():
            if question.is_open(made.as_of):
                yield question


def _add(actions: Commands, name: str, summary: str, run: object) -> Parser:
    parser = actions.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
    parser.add_argument("record", metavar="RECORD", help="a file")
    parser.set_defaults(run=run)
    return parser


def _open(path: str) -> Record:
    """An existing record: a command that only reads makes none."""
    from forecast.verification.record import open_record

    if not Path(path).exists():
        message = "there is no such record; `forecast report --record` makes one"
        raise InputError([Problem(path, message)])
    return open_record(path)


def _entry(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; needs the number of an entry, from 1")
    return int(text)


def _show(given: argparse.Namespace) -> int:
    record = _open(given.record)
    entries = record.entries()
    if given.n is None:
        rows = [(str(e.n), e.written, e.kind, *_about(e), e.digest[:12]) for e in entries]
        print(record)
        if rows:
            print(text_table(("n", "written", "kind", "of", "says", "digest"), rows))
        return DONE
    if not 1 <= given.n <= len(entries):
        message = f"there is none; the record has {counted(len(entries), 'entry', 'entries')}"
        raise InputError([Problem(f"{given.record}: entry {given.n}", message)])
    entry = entries[given.n - 1]
    of, says = _about(entry)
    print(f"Entry {entry.head}, {entry.kind} of {of}, written {entry.written}: {says}")
    if entry.kind == "forecast":
        _show_forecast(entry)
    return DONE


def _show_forecast(entry: Entry) -> None:
    from forecast.estimate import Estimate, quantity
    from forecast.verification.issued import answers_in

    rows = [(name, quantity(Estimate(*values))) for name, *values in entry.body["courses"]]
    print(text_table(("course", "probability"), rows))
    for answer in answers_in(entry.body):
        print(answer)
    for product in entry.body["products"]:
        print(f"product {product['file']}, SHA-256 {product['sha256']}")


def _about(entry: Entry) -> tuple[str, str]:
    """What an entry is about, and what it says, in a few words."""
    body = entry.body
    if entry.kind == "resolution":
        return shortened(body["question"], WIDEST), str(body["outcome"])
    of = shortened(f"{body['scenario']} {body['scenario_version']}", WIDEST)
    n = len(body["answers"])
    return of, f"as of {body['as_of']}, {len(body['reports'])} reports, {counted(n, 'answer')}"


def _verify(given: argparse.Namespace) -> int:
    record = _open(given.record)
    n = record.verify(given.head)
    print(f"{counted(n, 'entry', 'entries')}, all as they were written; the head is")
    print(record.head)
    return DONE


def _replay(given: argparse.Namespace) -> int:
    found = _open(given.record).replay(given.n)
    print(found)
    return DONE if found.same else BAD_INPUT


def _resolve(given: argparse.Namespace) -> int:
    from forecast.verification.questions import Questions
    from forecast.verification.resolutions import read_resolutions

    record = _open(given.record)
    questions = {answer.question.id: answer.question for answer in record.answers()}
    resolutions = read_resolutions(given.file, Questions(tuple(questions.values())))
    known = set(record.resolutions())
    new = [each for each in resolutions if each not in known]
    for each in new:
        record.resolve(each)
    print(f"{counted(len(new), 'resolution')} recorded; the head is")
    print(record.head)
    return DONE
