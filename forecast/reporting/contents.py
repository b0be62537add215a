"""The contents of a product: which sections it has, in which order, and what each answers.

A new section is a function that returns its key, title and blocks as a `Section`, and a line in
`CONTENTS` or, of the one page, in `PAGE`. Its question, whether it is an annex, and what it rests
on are put to it here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from forecast.reporting.confidence import experts_section
from forecast.reporting.courses import (
    assessment_section,
    facts,
    glance,
    glance_title,
    implications_section,
    most_dangerous_section,
    most_likely_section,
    takeaway_section,
    timing_section,
    union_section,
)
from forecast.reporting.document import Document, Prose, Section, Table
from forecast.reporting.evidence import evidence_section
from forecast.reporting.evidence_sections import (
    actors_section,
    indicators_section,
    pattern_section,
    sources_section,
    tripwires_section,
)
from forecast.reporting.judgement import (
    alternatives_section,
    assumptions_section,
    change_of_mind_section,
    change_section,
    document_section,
    gaps_section,
    next_section,
    why_section,
)
from forecast.reporting.method import method_section, terms_section
from forecast.reporting.page import (
    bottom_line_section,
    doubt_section,
    leads_section,
    moved_section,
    sure_section,
    warning_section,
)
from forecast.reporting.request import Length, Request
from forecast.reporting.stated import judgements_section
from forecast.reporting.track_record import track_record_section
from forecast.wording import long_date


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the contents.

    Attributes
    ----------
    build
        What makes the section of a request.
    question
        The one question that it answers.
    empty
        Why it is left out where it has nothing to say.
    annex
        Whether it stands behind the answers.
    """

    build: Callable[[Request], Section]
    question: str
    empty: str = ""
    annex: bool = False

    def section(self, request: Request) -> Section:
        """The section of a request, with its question and, of an answer, what it rests on."""
        basis = "" if self.annex else f"Basis: {request.short_basis}."
        found = self.build(request)
        return replace(found, question=self.question, basis=basis, annex=self.annex)


CONTENTS = (
    Entry(takeaway_section, "What is the bottom line?"),
    Entry(change_section, "What changed since the last product?", "there is no earlier product"),
    Entry(
        lambda request: tripwires_section(request.outlook, request.tripwires),
        "Which lines have been crossed?",
        "the scenario has none",
    ),
    Entry(lambda request: pattern_section(request.outlook), "What has happened?"),
    Entry(timing_section, "When is it coming, if it comes?", "the scenario has no clock"),
    Entry(assessment_section, "How likely is each course of action?"),
    Entry(most_likely_section, "What is most likely?"),
    Entry(most_dangerous_section, "What is most dangerous?", "no course is marked as dangerous"),
    Entry(union_section, "How likely is anything dangerous?", "no course is marked as dangerous"),
    Entry(implications_section, "What would follow?", "the scenario has no outcomes"),
    Entry(alternatives_section, "What else was considered?", "there is but one course"),
    Entry(
        document_section,
        "Does it agree with what was published?",
        "no published document was given",
    ),
    Entry(why_section, "Why is the probability what it is?", "there is no report"),
    Entry(assumptions_section, "What if a key assumption is wrong?", "the scenario names none"),
    Entry(change_of_mind_section, "What would change the judgement?", "there is no report"),
    Entry(next_section, "What should be looked for next?", "no indicator would tell anything"),
    Entry(gaps_section, "What do we not see?", "every indicator has a report"),
    Entry(
        lambda request: indicators_section(request.outlook), "What has been seen of each indicator?"
    ),
    Entry(
        lambda request: evidence_section(request.outlook, request.weighed),
        "How far can the reports be relied on?",
    ),
    Entry(
        lambda request: sources_section(request.outlook, request.weighed),
        "Who says so?",
        annex=True,
    ),
    Entry(
        lambda request: actors_section(request.outlook),
        "Who is it about?",
        "the scenario lists none",
        annex=True,
    ),
    Entry(
        lambda request: experts_section(request.outlook),
        "Where do experts differ?",
        "no number was judged by several experts",
        annex=True,
    ),
    Entry(
        track_record_section,
        "How good were earlier forecasts?",
        "no record was given, or none of its questions has been resolved",
        annex=True,
    ),
    Entry(judgements_section, "What do the numbers rest on?", annex=True),
    Entry(method_section, "How were the numbers made?", annex=True),
    Entry(terms_section, "What do the words mean?", annex=True),
)
"""The full product."""

PAGE = (
    Entry(bottom_line_section, "How likely is it?"),
    Entry(sure_section, "How sure is that?"),
    Entry(moved_section, "What changed, and why?"),
    Entry(warning_section, "What is in force?"),
    Entry(doubt_section, "What if we are wrong?"),
    Entry(leads_section, "What next?"),
)
"""The one page."""


def gather(request: Request, length: Length = "full") -> Document:
    """Collect what a product says.

    Parameters
    ----------
    request
        What it is made from.
    length
        "full", or "page" for one page.
    """
    outlook, previous = request.outlook, request.previous
    sections = _page(request) if length == "page" else _full(request)
    return Document(
        title=outlook.scenario.title,
        question=outlook.scenario.question,
        facts=tuple(facts(outlook)),
        failures=outlook.diagnostics.failures,
        glance_title=glance_title(outlook),
        glance=tuple(glance(request)),
        sections=tuple(sections),
        length=length,
        change_title="" if previous is None else f"Change since {long_date(previous.as_of)}",
        basis=request.basis,
    )


def _page(request: Request) -> Iterator[Section]:
    """Sections of the page that have something to say."""
    yield from (found for entry in PAGE if (found := entry.section(request)).blocks)


def _full(request: Request) -> Iterator[Section]:
    """Sections with something to say, annexes last; what has nothing to say is listed there."""
    found = [entry.section(request) for entry in CONTENTS]
    full = [section for section in found if section.blocks]
    yield from (section for section in full if not section.annex)
    yield from (section for section in full if section.annex)
    reasons = [
        (section.title, entry.empty)
        for entry, section in zip(CONTENTS, found, strict=True)
        if not section.blocks
    ]
    if reasons:
        entry = Entry(lambda _: _left_out(reasons), "What was left out?", annex=True)
        yield entry.section(request)


def _left_out(reasons: Sequence[tuple[str, str]]) -> Section:
    """Titles of sections that say nothing, and why."""
    note = Prose("Sections that have nothing to say in this product.", style="note")
    table = Table(("Section", "Why"), tuple(reasons), (2, 3))
    return Section("left-out", "Nothing to report", (note, table))
