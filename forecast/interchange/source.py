"""The text of a file, the places in it, and what is found wrong there."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from math import isfinite

import numpy as np
import numpy.typing as npt

from forecast.errors import SHOWN_PROBLEMS, InputError, Problem, raise_if_any
from forecast.interchange.network_checks import MAX_CELLS

MAX_NETWORK_BYTES = 20_000_000
NUMBER = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
LONGEST_NUMBER = 1_100
"""Characters of a number that are read; no number of 64 bits has more, even written in full."""
SHOWN_TEXT = 40


class Unreadable(Exception):
    """A statement that breaks off; caught where reading can go on."""


class NetworkText:
    r"""A text, where it came from, and the problems and notes that reading it yields.

    Parameters
    ----------
    text
        What is read; bytes in UTF-8 where places are counted in bytes.
    where
        What the text is called in problems: a path, mostly.

    Examples
    --------
    >>> NetworkText("one\ntwo", "file.bif").place(5)
    'file.bif:2:2'
    """

    def __init__(self, text: str | bytes, where: str) -> None:
        self.text, self.where = text, where
        self.problems: list[Problem] = []
        self.notes: list[str] = []

    @cached_property
    def _starts(self) -> array[int]:
        pattern = re.compile("\n") if isinstance(self.text, str) else re.compile(b"\n")
        starts = array("q", [0])
        starts.extend(match.end() for match in pattern.finditer(self.text))  # type: ignore[arg-type]
        return starts

    def place(self, at: int) -> str:
        """File, line and column of an offset."""
        line = bisect_right(self._starts, at)
        before = self.text[self._starts[line - 1] : at]
        shown = before if isinstance(before, str) else before.decode("utf-8", "replace")
        return f"{self.where}:{line}:{len(shown) + 1}"

    def wrong(self, at: int, message: str) -> None:
        """Take note of a problem; a file with very many is given up."""
        self.problems.append(Problem(self.place(at), message))
        if len(self.problems) >= SHOWN_PROBLEMS:
            self.problems.append(Problem(self.where, "too many problems; the rest was not read"))
            raise InputError(self.problems)

    def changed(self, at: int, message: str) -> None:
        """Take note of something that was changed while reading."""
        self.notes.append(f"{self.place(at)}: {message}")

    def give_up(self, at: int, message: str) -> InputError:
        """The error of a file that cannot be read further, with all found so far."""
        return InputError([*self.problems, Problem(self.place(at), message)])

    def raise_problems(self) -> None:
        """Raise all problems, in the order of their places."""
        raise_if_any(sorted(self.problems, key=_line_and_column))


def checked(text: str, where: str) -> str:
    """The text, if it is one that a reader should look at."""
    if not isinstance(text, str):
        raise InputError([Problem(where, f"is {type(text).__name__}, not text")])
    if len(text) > MAX_NETWORK_BYTES:
        raise InputError(
            [Problem(where, f"{len(text):,} bytes; at most {MAX_NETWORK_BYTES:,} are read")]
        )
    if not text.strip():
        raise InputError([Problem(where, "the file is empty")])
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise InputError([Problem(f"{where}:{line}", "not a text file: it holds a NUL byte")])
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers as a file has them: their values, their digits and their places.

    Attributes
    ----------
    values
        The numbers, (number,); not finite where the file has none.
    starts
        Where each begins in `text`.
    text
        The text that holds them.
    place
        Offset in the source of an offset in `text`.
    at
        Where the list as a whole begins in the source.
    """

    values: npt.NDArray[np.float64]
    starts: npt.NDArray[np.int64]
    text: str
    place: Callable[[int], int]
    at: int

    def digits(self, which: int) -> str:
        """A number as it is written."""
        match = NUMBER.match(self.text, int(self.starts[which]))
        return match.group() if match else ""

    def where(self, which: int) -> int:
        """Place of a number in the source."""
        return self.place(int(self.starts[which]))


def number(source: NetworkText, word: str, at: int) -> float:
    """The number that a word is; a problem and NaN if it is none."""
    if len(word) > LONGEST_NUMBER:
        message = f"a number has at most {LONGEST_NUMBER:,}"
        source.wrong(at, f"{shortened(word)} has {len(word):,} characters; {message}")
        return float("nan")
    if NUMBER.fullmatch(word):
        value = float(word)
        if value == value and abs(value) != float("inf"):
            return value
    source.wrong(at, f"{shortened(word)} is not a number")
    return float("nan")


def numbers_from(
    source: NetworkText,
    tokens: Iterable[tuple[str, int]],
    text: str,
    place: Callable[[int], int],
    at: int,
) -> Numbers:
    """Numbers from tokens, each with its offset in `text`; at most as many as cells."""
    given = list(islice(tokens, MAX_CELLS + 1))
    if len(given) > MAX_CELLS:
        raise source.give_up(place(given[-1][1]), f"more than {MAX_CELLS:,} numbers")
    values = plain_numbers([token for token, _ in given])
    if values is None:
        values = [number(source, token, place(start)) for token, start in given]
    starts = np.array([start for _, start in given], np.int64)
    return Numbers(np.array(values, np.float64), starts, text, place, at)


def plain_numbers(tokens: Sequence[str]) -> list[float] | None:
    """Numbers from tokens; None if any is no number, of which `number` says why.

    Examples
    --------
    >>> plain_numbers(["0.25", "1e-3"]), plain_numbers(["0.25", "1_000"])
    ([0.25, 0.001], None)
    """
    every = "".join(tokens)
    if not every.isascii() or "_" in every or max(map(len, tokens), default=0) > LONGEST_NUMBER:
        return None
    try:
        values = list(map(float, tokens))
    except ValueError:
        return None
    return values if all(map(isfinite, values)) else None


def shortened(word: str) -> str:
    """A word in quotes, cut if it is long."""
    return repr(word if len(word) <= SHOWN_TEXT else word[:SHOWN_TEXT] + "…")


def _line_and_column(problem: Problem) -> tuple[int, int]:
    parts = problem.where.rsplit(":", 2)
    if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
        return int(parts[1]), int(parts[2])
    return (10**9, 0)
