"""A report: what one source says about one indicator, and when."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import MISSING, dataclass, fields, replace
from datetime import date
from operator import attrgetter
from typing import Any

from forecast.evidence.notation import Likelihoods, amount_text, likelihoods_text
from forecast.evidence.plain import is_missing, plain_date, plain_number, plain_text, safe_repr

RELIABILITY = "ABCDEF"
CREDIBILITY = "123456"
SCOPES = ("at_least", "whole_step")


@dataclass(frozen=True, slots=True)
class Report:
    """What a source says happened, when it happened and when it became known.

    Values are kept as plain text, dates and floats, whatever library they come from: a moment with
    a time zone as its day in UTC, what is missing (None, NaN, NaT, NA) in a field that has a
    default as that default. What cannot be reduced stays as it was given, and whoever checks the
    report says so.

    Attributes
    ----------
    id
        Unique name of the report.
    indicator
        Variable it speaks to; empty for context, which is kept and printed but moves nothing.
    state
        State it reports; empty for context, for a number or likelihoods, and for a withdrawal of
        what `supersedes` names.
    event_start, event_end
        First and last day on which the event may have happened.
    published, known
        When it was published and when the analyst could have it.
    source, reliability, credibility
        Who reported it, Admiralty grades A-F and 1-6. Reliability becomes a likelihood; credibility
        is recorded and printed only, because it already contains somebody's prior.
    origin
        Reports that share an origin are versions of one statement, and count once.
    supersedes
        Report that this one replaces or withdraws.
    citation, note
        Where to find it, and what to remember.
    number, upper
        Number it reports of a variable that is measured; or the smallest and the largest number
        of a range.
    exposure
        Days that a count covers, where they are not those of the scenario's rate.
    likelihoods
        Instead of a state, how probable what was seen is under each state; only ratios matter,
        and a state that is not named has 0.
    retrieved
        When the citation was last looked up, if that was noted.
    scope
        What the state is the state of: of one event, so that the step may have seen a worse one
        (`at_least`), or of the `whole_step`. Empty: of one event if the indicator is of kind
        `event`, and otherwise of the whole step.
    text
        Its words as received, or those that bear on the indicator. Only compared with the texts of
        other reports, to judge whether one was copied from another; no meaning is read in them.
    """

    id: str
    indicator: str
    state: str
    event_start: date
    event_end: date
    published: date
    known: date
    source: str
    reliability: str = "F"
    credibility: str = "6"
    origin: str = ""
    supersedes: str = ""
    citation: str = ""
    note: str = ""
    number: float | None = None
    upper: float | None = None
    exposure: float | None = None
    likelihoods: Likelihoods = ()
    retrieved: date | None = None
    scope: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        for (name, kind, default), given in zip(_KINDS, _VALUES_OF(self), strict=True):
            if given is default or (type(given) is kind and given == given):
                continue
            with suppress(ValueError):
                object.__setattr__(self, name, self._reduced(name, default, given))

    def _reduced(self, name: str, default: Any, given: Any) -> Any:
        """A value as what its field holds."""
        if default is not MISSING and is_missing(given):
            return given if name == "number" and self._needs_number else default
        return _REDUCERS.get(name, plain_text)(given)

    @property
    def _needs_number(self) -> bool:
        """Whether the report would become a withdrawal if a number that is missing were none."""
        return self.number is not None and self.state == "" and self.supersedes != ""

    @property
    def grade(self) -> str:
        """Admiralty code, reliability first: "B2"."""
        return f"{self.reliability}{self.credibility}"

    @property
    def is_context(self) -> bool:
        """Whether the report is kept for the record only."""
        return not self.indicator

    @property
    def is_withdrawal(self) -> bool:
        """Whether the report only takes another one back."""
        silent = not self.state and self.number is None and not self.likelihoods
        return bool(self.indicator and self.supersedes and silent)

    @property
    def statement(self) -> str:
        """What it reports, in words; empty if it reports nothing."""
        if self.number is not None:
            return amount_text(self.number, self.upper)
        return likelihoods_text(self.likelihoods) or self.state


def blank(report: Report) -> Report:
    """A report without what it states."""
    nothing: dict[str, Any] = dict.fromkeys(NUMBERS)
    return replace(report, state="", likelihoods=(), **nothing)


def _plain_likelihoods(given: Any) -> Likelihoods:
    """Likelihoods as pairs of a state and a float."""
    try:
        pairs = [tuple(pair) for pair in (given.items() if isinstance(given, Mapping) else given)]
        return tuple((plain_text(state), plain_number(number)) for state, number in pairs)
    except TypeError:
        raise ValueError(f"{safe_repr(given)} are not pairs of a state and a number") from None


FIELDS = tuple(field.name for field in fields(Report))
DATES = ("event_start", "event_end", "published", "known", "retrieved")
NUMBERS = ("number", "upper", "exposure")

_VALUES_OF = attrgetter(*FIELDS)
_REDUCERS: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(DATES, plain_date),
    **dict.fromkeys(NUMBERS, plain_number),
    "likelihoods": _plain_likelihoods,
}
_PLAIN_CLASSES = dict.fromkeys(DATES, date) | dict.fromkeys(NUMBERS, float) | {"likelihoods": None}
_KINDS = tuple((f.name, _PLAIN_CLASSES.get(f.name, str), f.default) for f in fields(Report))
"""Name, class and default of each field."""
