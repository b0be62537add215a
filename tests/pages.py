"""Pages of the docs, done as a reader does them: commands, files, changes to files, Python.

What a fenced block does follows from its first line:

- `python` runs in one namespace; a last expression is shown, as in a notebook;
- `sh` runs in the shell, with this Python's programs first and the library under test;
- `text` is what the block before it prints, spaces and line breaks aside; `...` leaves something
  out. In `text about` numbers come from a sampler and may be off by one;
- `diff FILE` changes lines of a file; changes are parted by `@@`;
- any other language and a FILE writes that file.
"""

from __future__ import annotations

import ast
import contextlib
import doctest
import io
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import forecast as fc

ROOT = Path(fc.__file__).parents[1]
DOCS = Path(__file__).parents[1] / "docs"
FENCE = re.compile(r"^```(\w+)(?: (\S+))?\n(.*?)^```$", re.DOTALL | re.MULTILINE)
NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what follows that on its first line, and its text."""

    language: str
    argument: str
    text: str


def read_blocks(page: Path) -> list[Block]:
    """Fenced blocks of a page, in order."""
    found = FENCE.findall(page.read_text(encoding="utf-8"))
    return [Block(*parts) for parts in found]


def read_prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def run_page(page: Path, folder: Path, *, before: str | None = None) -> dict[str, Any]:
    """Do what a page says in a folder, and return the names that its Python has made.

    Stops at the first block of Python that has `before` in it.
    """
    names: dict[str, Any] = {}
    printed = ""
    with contextlib.chdir(folder):
        for block in read_blocks(page):
            match block:
                case Block("python", _, text):
                    if before is not None and before in text:
                        break
                    printed = run_python(text, names)
                case Block("sh", _, text):
                    printed = run_shell(text)
                case Block("text", how, text):
                    assert_printed(text, printed, slack=1 if how == "about" else 0)
                case Block("diff", file, text):
                    change_file(Path(file), text)
                case Block(_, file, text) if file:
                    Path(file).write_text(text, encoding="utf-8")
    return names


def run_python(text: str, names: dict[str, Any]) -> str:
    """Run Python as a notebook does, and return what it shows."""
    body = ast.parse(text).body
    shown = body.pop() if isinstance(body[-1], ast.Expr) else None
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(body, []), "<page>", "exec"), names)
        if isinstance(shown, ast.Expr):
            value = eval(compile(ast.Expression(shown.value), "<page>", "eval"), names)
            if value is not None:
                print(repr(value))
    return printed.getvalue()


def run_shell(text: str) -> str:
    """Run commands until one fails, and return what they print."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["sh", "-e", "-c", text],
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_printed(expected: str, printed: str, *, slack: float = 0) -> None:
    """Compare a block of text with what came out; numbers may differ by `slack`."""
    if slack:
        pairs = zip(NUMBER.findall(expected), NUMBER.findall(printed), strict=True)
        assert all(abs(float(a) - float(b)) <= slack for a, b in pairs), printed
        expected, printed = (NUMBER.sub("#", text) for text in (expected, printed))
    wanted, found = (" ".join(text.split()) for text in (expected, printed))
    assert doctest.OutputChecker().check_output(wanted, found, doctest.ELLIPSIS), printed


def change_file(path: Path, changes: str) -> None:
    """Make changes as a diff shows them; what is there before occurs once in the file."""
    text = path.read_text(encoding="utf-8")
    for change in re.split(r"^@@.*\n", changes, flags=re.MULTILINE):
        lines = change.splitlines(keepends=True)
        old, new = ("".join(line[1:] for line in lines if line[0] in kept) for kept in (" -", " +"))
        assert text.count(old) == 1, f"{text.count(old)} times in {path}:\n{old}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
