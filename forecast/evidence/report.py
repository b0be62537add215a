"""A report: what one source says about one indicator, and when it said it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from forecast.evidence.notation import Likelihoods, amount_text, likelihoods_text

RELIABILITY = "ABCDEF"
CREDIBILITY = "123456"


@dataclass(frozen=True, slots=True)
class Report:
    """What a source says happened, when it happened and when it became known.

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
        Who said it, Admiralty grades A-F and 1-6. Reliability becomes a likelihood; credibility
        is recorded and printed only, because it already contains somebody's prior.
    origin
        Reports that share an origin are one witness heard more than once.
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
    def said(self) -> str:
        """What it reports, in words; empty if it reports nothing."""
        if self.number is not None:
            return amount_text(self.number, self.upper)
        return likelihoods_text(self.likelihoods) or self.state
