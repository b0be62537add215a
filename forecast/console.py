"""The command line's door: what it prints, and how it ends when something goes wrong.

Nothing that is printed stops what is being done: a console that lacks a character shows another
in its place, and a reader who went away, or a full disk, is known at the end.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from typing import Any, NoReturn, TextIO

from forecast.errors import (
    ForecastError,
    InputError,
    LedgerFailure,
    UnreliableFit,
)
from forecast.text import for_terminal, in_encoding, visible

DONE, BAD_INPUT, MISUNDERSTOOD, TOO_LARGE, BAD_FIT = 0, 1, 2, 3, 4
BUG = 70
"""What sysexits.h calls EX_SOFTWARE."""
STOPPED, READER_GONE = 130, 141
"""What a shell says of a program that was interrupted, or whose reader closed the pipe."""

LIMITS = (MemoryError, RecursionError, OverflowError)


class Parser(argparse.ArgumentParser):
    """A parser whose messages show what was given as text, and print it in one colour."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.color = False

    def error(self, message: str) -> NoReturn:
        """Say what was not understood, and leave."""
        super().error(visible(message))


class Output:
    """Standard output for text of anybody's; what cannot be written is dropped, not raised.

    Attributes
    ----------
    failure
        Why writing failed first, if it did.
    """

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.failure: OSError | ValueError | None = None

    def write(self, text: str) -> int:
        """Write text with all that would act escaped, and what the encoding lacks replaced."""
        encoding = getattr(self.stream, "encoding", None) or "utf-8"
        self._try(lambda: self.stream.write(in_encoding(for_terminal(text), encoding)))
        return len(text)

    def flush(self) -> None:
        """Hand on what was written."""
        self._try(self.stream.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def _try(self, act: Callable[[], object]) -> None:
        if self.failure is None:
            try:
                act()
            except (OSError, ValueError) as error:  # a value error says that the stream is closed
                self.failure = error


def run(command: Callable[[], int], *, show_traceback: bool = False) -> int:
    """Run a command, print what it says, and return its exit code.

    Parameters
    ----------
    command
        Returns its exit code, or raises.
    show_traceback
        Show where an error that nobody expected came from.
    """
    if sys.stdout is None:  # started without one, as by a service
        return _answer(command, show_traceback)
    output = Output(sys.stdout)
    try:
        with redirect_stdout(output), _own_warnings():
            code = _answer(command, show_traceback)
    finally:
        output.flush()
        if output.failure is not None:
            _drop_the_rest(output.stream)
    if output.failure is None:
        return code
    if isinstance(output.failure, BrokenPipeError):
        return code or READER_GONE
    complain(f"standard output: {_reason(output.failure)}")
    return code or BAD_INPUT


def complain(message: object) -> None:
    """Print a message to standard error, if anything can be printed there."""
    with suppress(OSError, ValueError):
        print(f"forecast: {for_terminal(str(message))}", file=sys.stderr, flush=True)


def _answer(command: Callable[[], int], show_traceback: bool) -> int:
    try:
        return command()
    except KeyboardInterrupt:
        complain("stopped")
        return STOPPED
    except Exception as error:  # noqa: BLE001 - the last door: nothing leaves as a traceback
        if show_traceback:
            traceback.print_exc()
        return _explain(error)


def _explain(error: Exception) -> int:
    """Say what an error means, and the exit code for it."""
    if isinstance(error, ForecastError):
        complain(error)
        if isinstance(error, UnreliableFit):
            return BAD_FIT
        return BAD_INPUT if isinstance(error, InputError | LedgerFailure) else TOO_LARGE
    if isinstance(error, OSError):
        names = [str(name) for name in (error.filename, error.filename2) if name is not None]
        complain(": ".join([*names, _reason(error)]))
        return BAD_INPUT
    if isinstance(error, LIMITS):
        complain(f"too large for this machine: {_reason(error)}")
        return TOO_LARGE
    complain(
        f"this is a bug of the library, not of your input: {_reason(error)}\n"
        "Please report it, with what `forecast --traceback …` prints."
    )
    return BUG


def _reason(error: Exception) -> str:
    """An error in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    first = visible(str(error).strip().split("\n")[0][:200])
    kind = type(error).__name__
    return f"{kind}: {first}" if first else kind


@contextmanager
def _own_warnings() -> Iterator[None]:
    """Print warnings as messages of the command, without lines of its source."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        complain(f"warning: {message}")

    with warnings.catch_warnings():
        warnings.simplefilter("default", UserWarning)
        warnings.showwarning = show
        yield


def _drop_the_rest(stream: TextIO) -> None:
    """Let what is left unwritten go nowhere, not even when the interpreter exits."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
