"""Every error the library raises on purpose.

ForecastError
├── InputError            a scenario, an evidence table or an argument breaks a rule
├── LedgerFailure         a ledger file or its server cannot be opened, read or written
├── ImpossibleEvidence    no state of the network can produce the evidence
├── TooLarge              an exact elimination would pass the memory limit
├── NumericalFailure      rounding took a probability out of [0, 1]; it is never given out
└── UnreliableFit         sampling diagnostics fail, and nobody asked to print anyway

UserWarning
├── InputWarning          part of an input was left out, or it may not have been read as meant
├── LedgerWarning         stored reports that cannot be read, or a file beside a ledger set aside
└── UnreliableWeights     too few draws carry an answer about changed evidence

An `InputError` carries every problem found, not the first one. Each `Problem` says where,
what was given, the rule and, for a name, the nearest legal one.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from forecast.text import printed, visible

SHOWN_PROBLEMS = 100
PACKAGE = str(Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Problem:
    """One broken rule: where it is, what it says, and what would be right.

    Examples
    --------
    >>> print(Problem("reports.csv:3: column 'state'", "'larg' is not a state of march_scale"))
    reports.csv:3: column 'state': 'larg' is not a state of march_scale
    """

    where: str
    message: str

    def __str__(self) -> str:
        return visible(f"{self.where}: {self.message}" if self.where else self.message)


class ForecastError(Exception):
    """Base class of every error raised on purpose; what it carries survives pickling."""

    @printed
    def __str__(self) -> str:
        return super().__str__()

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (type(self), self.args, self.__dict__)


class InputError(ForecastError):
    """Input that breaks a rule; `problems` holds all that were found.

    Parameters
    ----------
    problems
        What is wrong, in the order in which a reader meets it.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__(_listing(self.problems))


class LedgerFailure(ForecastError):
    """A ledger file or server that cannot be opened, read or written; says how to recover."""


class LedgerWarning(UserWarning):
    """Something about a ledger that did not stop what was asked, and that its owner should know."""


class ImpossibleEvidence(ForecastError):
    """Evidence to which the network gives probability zero."""


class TooLarge(ForecastError):
    """An exact elimination that would need more memory than allowed."""


class NumericalFailure(ForecastError):
    """A probability that rounding took out of [0, 1], or that is not a number."""


class UnreliableFit(ForecastError):
    """A posterior whose diagnostics say that its numbers cannot be trusted."""


class InputWarning(UserWarning):
    """Input of which part was left out, or that may not have been read as it was meant.

    What an importer decided stands in the `notes` of what it returns as well.
    """


class UnreliableWeights(UserWarning):
    """Evidence so far from that of the draws that few of them carry the answers."""


def warn(where: str, messages: Iterable[str], category: type[UserWarning] = InputWarning) -> None:
    """Issue one warning with some messages, as of the line that called the library."""
    text = "; ".join(messages)
    if text:
        warnings.warn(f"{where}: {text}", category, skip_file_prefixes=(PACKAGE,))


def nearest(name: object, legal: Iterable[object]) -> str:
    """Say which legal name was probably meant, or list the legal names.

    Examples
    --------
    >>> nearest("larg", ["small", "limited", "large"])
    "did you mean 'large'? Legal: small, limited, large"
    """
    names = [str(candidate) for candidate in legal]
    shown = ", ".join(names[:12]) + (f", … ({len(names)} in all)" if len(names) > 12 else "")
    if not names:
        return "there is none to choose from"
    close = closest(name, names)
    return f"legal: {shown}" if close is None else f"did you mean {close!r}? Legal: {shown}"


def closest(name: object, legal: Iterable[str]) -> str | None:
    """The legal name that was probably meant, if one is near.

    Examples
    --------
    >>> closest("larg", ["small", "limited", "large"])
    'large'
    """
    # Only text can be misspelt; a whole number of thousands of digits cannot even be written.
    if not isinstance(name, str | date):
        return None
    return next(iter(get_close_matches(str(name), legal, n=1, cutoff=0.6)), None)


def raise_if_any(problems: Sequence[Problem]) -> None:
    """Raise one `InputError` with all problems, if there are any."""
    if problems:
        raise InputError(problems)


def _remade(
    kind: type[ForecastError], arguments: tuple[Any, ...], fields: dict[str, Any]
) -> ForecastError:
    """An error as it was, whatever its class is made from."""
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(fields)
    return error


def _listing(problems: Sequence[Problem]) -> str:
    if len(problems) == 1:
        return str(problems[0])
    lines = [f"{len(problems)} problems:"]
    lines += [f"  {problem}" for problem in problems[:SHOWN_PROBLEMS]]
    if len(problems) > SHOWN_PROBLEMS:
        lines.append(f"  … and {len(problems) - SHOWN_PROBLEMS} more")
    return "\n".join(lines)
