"""What a product is asked to be: of which forecast, beside which earlier one, in whose words.

What several sections need and takes long is worked out here, once and when it is first asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from forecast.analysis.explanation import Explanation, explain
from forecast.analysis.moves import Comparison, compare
from forecast.analysis.tripwires import Tripwires, tripwires
from forecast.analysis.watch_list import WatchList, watch_list
from forecast.analysis.weighing import WeighedEvidence, weigh_evidence
from forecast.course_outlook import CourseOutlook
from forecast.estimate import Estimate
from forecast.evidence.origins import count_origins, speaking
from forecast.lexicon import Lexicon, Phrase, Terms, phrase, read_lexicon
from forecast.outlook import Forecast, beliefs
from forecast.posterior.beliefs import Beliefs
from forecast.reporting.change import last_common_day
from forecast.reporting.report_text import origins_text
from forecast.verification.published import PublishedDocument
from forecast.verification.record import Record
from forecast.wording import counted

Length = Literal["full", "page"]
Rating = Literal["low", "moderate", "high"]
DRAWS, MORE_DRAWS = 25, 200
"""Draws of each chain that stand for all where an answer is asked anew; and where those are few."""


@dataclass(frozen=True)
class Request:
    """What a product is made from.

    Attributes
    ----------
    outlook
        The forecast.
    previous
        An earlier one to compare it with.
    lexicon, terms
        Whose words for probabilities, and which row of synonyms.
    confidence, reason
        Confidence that the author states instead of the computed one, and why.
    record
        Earlier forecasts, and what came of their questions.
    document
        A published document to set beside it.
    """

    outlook: Forecast
    previous: Forecast | None = None
    lexicon: Lexicon = field(default_factory=read_lexicon)
    terms: Terms = "A"
    confidence: Rating | None = None
    reason: str = ""
    record: Record | None = None
    document: PublishedDocument | None = None

    def phrase(self, estimate: Estimate) -> Phrase:
        """An estimate in the words of the product."""
        return phrase(estimate, self.terms, self.lexicon)

    def in_words(self, estimate: Estimate) -> str:
        """Number, interval and words, for use inside a sentence."""
        return self.phrase(estimate).sentence

    @property
    def history(self) -> tuple[Forecast, ...]:
        """The earlier forecast, if it tells what the rules of the scenario would have said then."""
        if self.previous is None:
            return ()
        same = self.previous.scenario.digest == self.outlook.scenario.digest
        return (self.previous,) if same and self.previous.as_of < self.outlook.as_of else ()

    @cached_property
    def tripwires(self) -> Tripwires:
        """Tripwires that fired, when and on what."""
        return tripwires(self.outlook, self.history)

    @property
    def basis(self) -> str:
        """What every computed number rests on, in a few words."""
        reports = speaking(self.outlook.scenario, self.outlook.evidence)
        scenario = f"the model {self.outlook.scenario.name} {self.outlook.scenario.version}"
        if not reports:
            return f"{scenario}, before any report"
        origins = origins_text(count_origins(reports))
        return f"{scenario} and {counted(len(reports), 'report')} ({origins})"

    @property
    def short_basis(self) -> str:
        """The same without counting origins, for where it was printed before."""
        reports = speaking(self.outlook.scenario, self.outlook.evidence)
        return f"the model and {counted(len(reports), 'report')}"

    @property
    def asked(self) -> tuple[CourseOutlook, ...]:
        """The courses whose union is asked about: the dangerous ones where there are days ahead.

        Where there are none the question is which course is under way: the most likely one.
        """
        dangerous = self.outlook.most_dangerous if self.outlook.horizon else ()
        return dangerous or (self.outlook.most_likely,)

    @property
    def subject(self) -> CourseOutlook:
        """The course that is explained: the likeliest of those asked about."""
        return max(self.asked, key=lambda each: each.within.mean)

    @property
    def probability(self) -> Estimate:
        """The probability that is explained, as it is printed: an account goes by fewer draws."""
        share = self.outlook.horizon is not None and not self.subject.course.dangerous
        return self.subject.average if share else self.subject.within

    @property
    def asks_danger(self) -> bool:
        """Whether what is asked about is danger, and not one course."""
        return self.asked[0].course.dangerous and self.outlook.horizon is not None

    @cached_property
    def weighed(self) -> WeighedEvidence:
        """The evidence, weighed."""
        return weigh_evidence(self.outlook)

    @cached_property
    def beliefs(self) -> Beliefs:
        """The network under a part of the draws."""
        return beliefs(self.outlook, draws=DRAWS)

    @cached_property
    def more_beliefs(self) -> Beliefs:
        """Beliefs of more of the draws, for what few of a few carry."""
        return beliefs(self.outlook, draws=MORE_DRAWS)

    @cached_property
    def watch_list(self) -> WatchList:
        """What to look for about the courses that are asked about."""
        event = None if self.asks_danger else f"{self.subject.variable}={self.subject.state}"
        return watch_list(self.outlook, event)

    @property
    def is_explained(self) -> bool:
        """Whether there is evidence to explain a probability by."""
        return bool(self.outlook.evidence.observations)

    @cached_property
    def comparison(self) -> Comparison | None:
        """What moved each course since the earlier forecast; None where there is none before it.

        Both are asked about the days that the printed change is about.
        """
        if self.previous is None or self.previous.as_of > self.outlook.as_of:
            return None
        day = last_common_day(self.outlook, self.previous)
        return compare(self.previous, self.outlook, until=day)

    @cached_property
    def explanation(self) -> Explanation:
        """What the evidence added to the probability of that course."""
        return explain(self.outlook, self.subject.variable, self.subject.state)
