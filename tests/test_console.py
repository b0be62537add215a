"""The command line: what it prints to whom, and how it ends."""

import contextlib
import io
import multiprocessing
import pickle
import random
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import forecast as fc
from forecast.cli import main
from forecast.console import (
    BAD_INPUT,
    BUG,
    DONE,
    MISUNDERSTOOD,
    READER_GONE,
    STOPPED,
    TOO_LARGE,
    Output,
    run,
)
from forecast.errors import ForecastError, InputError, Problem

HOSTILE = "Reuters\x1b]0;PWNED\x07\x1b[2J\nfake\u202eline"
HEAD = "id,indicator,state,event_start,known,source\n"


class Narrow(io.TextIOWrapper):
    """A console of one encoding."""

    def __init__(self, encoding):
        super().__init__(io.BytesIO(), encoding=encoding, newline="")

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


class Gone(io.StringIO):
    """A console that cannot be written to."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def write(self, text):
        raise self.error


@pytest.mark.parametrize("encoding", ["ascii", "cp437", "cp1252", "utf-8", "koi8-r"])
def test_every_console_gets_text(encoding, tmp_path, monkeypatch):
    console = Narrow(encoding)
    monkeypatch.setattr(sys, "stdout", console)
    print(fc.elicit("likely"))  # as in a program of somebody's own
    print(fc.InputError([Problem("Zürich", "6–21 % …")]))
    assert main(["new", str(tmp_path / "mine")]) == DONE
    assert "87.9" in console.text()
    assert "forecast check" in console.text()
    assert encoding == "utf-8" or "6-21" in console.text() or "6–21" in console.text()


def test_nothing_that_acts_reaches_a_terminal(tmp_path, capsys):
    table = tmp_path / "hostile.csv"
    table.write_text(f'{HEAD}R1,a,b,2024-01-01,2024-01-02,"{HOSTILE}"\n', encoding="utf-8")
    ledger = str(tmp_path / "reports.db")
    assert main(["ledger", "import", ledger, str(table)]) == DONE
    assert main(["ledger", "show", ledger]) == DONE
    assert main(["ledger", "diff", ledger, "2023-12-31", "2024-02-01"]) == DONE
    assert main(["ledger", "show", f"{ledger}{HOSTILE}"]) == BAD_INPUT
    with pytest.raises(SystemExit):
        main(["ledger", "show", ledger, HOSTILE])
    printed = "".join(capsys.readouterr())
    assert not set(printed) & {"\x1b", "\x07", "\u202e"}
    assert r"Reuters\x1b]0;PWNED\x07\x1b[2J\nfake\u202eline" in printed


@pytest.mark.parametrize(
    ("error", "code"), [(BrokenPipeError(), READER_GONE), (OSError(28, "no space"), BAD_INPUT)]
)
def test_what_cannot_be_printed_is_done_all_the_same(error, code, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Gone(error))
    assert main(["new", str(tmp_path / "mine")]) == code
    assert (tmp_path / "mine" / "scenario.yaml").is_file()


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (FileNotFoundError(2, "No such file", "a.csv"), BAD_INPUT, "a.csv: No such file"),
        (MemoryError(), TOO_LARGE, "MemoryError"),
        (RecursionError("deep"), TOO_LARGE, "RecursionError: deep"),
        (KeyError("x\x1b"), BUG, r"a bug of the library, not of your input: KeyError: 'x\x1b'"),
        (KeyboardInterrupt(), STOPPED, "stopped"),
        (InputError([Problem("a", "b")]), BAD_INPUT, "a: b"),
    ],
)
def test_every_error_has_a_message_and_a_code(error, code, words, capsys):
    def command():
        raise error

    assert run(command) == code
    shown = capsys.readouterr().err
    assert words in shown
    assert "Traceback" not in shown


def test_a_bug_shows_where_it_came_from_if_asked(capsys):
    assert run(lambda: 1 // 0, show_traceback=True) == BUG
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupted_command_ends_without_a_traceback(tmp_path):
    code = (
        "import os, signal, forecast.cli, forecast.scenario.starting as starting\n"
        # A background job of a shell starts with interrupts ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "real = starting.replace_file\n"
        "def stopped(path, text):\n"
        "    real(path, text)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "starting.replace_file = stopped\n"
        f"raise SystemExit(forecast.cli.main(['new', {str(tmp_path / 'mine')!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (STOPPED, "forecast: stopped\n")
    assert not list(tmp_path.iterdir())


def every_error():
    for path in Path(fc.__file__).parent.rglob("*.py"):
        name = ".".join(path.relative_to(Path(fc.__file__).parents[1]).with_suffix("").parts)
        if not name.endswith("__main__"):
            import_module(name)
    found = [ForecastError]
    for kind in found:
        found += kind.__subclasses__()
    return found


def test_errors_survive_pickling_whole():
    problems = (Problem("a.csv:3", "'larg' is unknown"), Problem("b", "x"))
    for kind in every_error():
        error = kind(problems) if kind is InputError else kind("what went wrong", 7)
        error.extra = problems
        error.add_note("a note")
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.args) == (kind, str(error), error.args)
        assert again.__dict__ == error.__dict__


def _refuse(_):
    raise InputError([Problem("a", "b"), Problem("c", "d")])


def test_errors_cross_processes():
    with (
        multiprocessing.get_context("spawn").Pool(1) as pool,
        pytest.raises(InputError) as caught,
    ):
        pool.map(_refuse, [1])
    assert caught.value.problems == (Problem("a", "b"), Problem("c", "d"))


WORDS = [
    "", " ", "-", "--", "-o", "--seed", "--draws", "--as-of", "--evidence", "--mapping", "--new",
    "--exhaustive", "--quiet", "0", "-1", "9" * 5000, "1e9", "nan", "2020-01-08", "2020-13-45",
    "9999-12-31", "0001-01-01", "iraq-2020", "iraq-2020/", "./iraq-2020", "none", "a" * 5000, "\0",
    "\ud800", "\x1b[2J", "\u202e", "/", ".", "..", "/dev/null", "/dev/full", "/dev/zero", "~",
    "postgresql://", "postgresql://[", "postgresql://u:p@127.0.0.1:1/x", "http://a", "sqlite://",
    "://", "postgresql://u@h:99999999/x", "a.html", "a.md", "a.csv", "a.jsonl", "a.parquet",
    "empty.csv", "bytes.csv", "deep.csv", "reports.csv", "reports.db", "map.toml", "made.db",
    "/proc/self/mem", "nowhere/a.csv", "empty.csv/a.csv", "*", "$HOME", "%s", "{}", "C:\\x",
]  # fmt: skip
COMMANDS = ["scenarios", "new", "check", "ach", "report"]
ACTIONS = ["import", "export", "show", "diff", "duplicates", "waiting", "check", "salvage"]
CODES = {DONE, BAD_INPUT, MISUNDERSTOOD, TOO_LARGE}


def command_line(rng):
    """A command with odd arguments; none that would sample."""
    words = rng.choices(WORDS, k=rng.randrange(5))
    if rng.random() < 0.6:
        ledger = rng.choice(
            ["reports.db", "reports.csv", "empty.csv", "none.db", rng.choice(WORDS)]
        )
        return ["ledger", rng.choice(ACTIONS), ledger, *words]
    command = rng.choice(COMMANDS)
    if command == "report":
        words += ["--evidence", rng.choice(["bytes.csv", "none.csv", "\0", "postgresql://"])]
    return [command, *words]


def fuzz_commands(n, seed, folder, monkeypatch):
    """Run odd commands in a folder; every one ends in a code of the page."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "1")
    Path("empty.csv").touch()
    Path("bytes.csv").write_bytes(bytes(range(256)))
    Path("deep.csv").write_text("[" * 100_000)
    Path("reports.csv").write_text(f"{HEAD}R1,a,b,2024-01-01,2024-01-02,Reuters\n")
    Path("map.toml").write_text("[columns]\nid = 3\n")
    main(["ledger", "import", "reports.db", "reports.csv"])
    rng = random.Random(seed)
    for _ in range(n):
        arguments = command_line(rng)
        printed = io.StringIO()
        with contextlib.redirect_stderr(printed), contextlib.redirect_stdout(io.StringIO()):
            try:
                code = main(arguments)
            except SystemExit as leaving:
                code = leaving.code
        assert code in CODES, (arguments, printed.getvalue())
        assert "Traceback" not in printed.getvalue()
        assert (code == DONE) or printed.getvalue() or arguments[1:2] == ["salvage"]


def test_odd_commands_end_in_a_message(tmp_path, monkeypatch):
    fuzz_commands(120, 1, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("option", "message"),
    [("--evidence", "cannot be read: embedded null byte"), ("-o", "that no path can hold")],
)
def test_a_text_that_no_path_can_hold_is_refused_before_anything_is_computed(
    option, message, capsys
):
    assert main(["report", "veyra-fleet", option, "\0.html"]) == BAD_INPUT
    assert message in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 12))
def test_many_odd_commands_end_in_a_message(seed, tmp_path, monkeypatch):
    fuzz_commands(2000, seed, tmp_path, monkeypatch)


def test_output_is_written_as_it_was_meant():
    console = Narrow("ascii")
    print("2 – 3 é 北 \x1b\tx", file=Output(console))
    assert console.text() == "2 - 3 e ? \\x1b\\tx\n"
