"""A published document beside a forecast: what it judged, and whether the two agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from forecast.arguments import checked
from forecast.errors import Problem, nearest, raise_if_any
from forecast.estimate import Estimate, interval, quantity
from forecast.layout import PrintsItself, Summary
from forecast.lexicon import Lexicon, read_lexicon
from forecast.outlook import Forecast, beliefs
from forecast.reading import read_toml, require_path
from forecast.scenario.document_part import DocumentPart, read_document
from forecast.scenario.scenario import Scenario
from forecast.scenario.shipped import shipped_or_own
from forecast.verification.question_forecasts import ask
from forecast.verification.questions import Event, Id, Question, Window, misnamed, misnamed_states

FILE_NAME = "document.toml"
DRAWS = 100
"""Draws of each chain that answer."""

Agreement = Literal["agrees", "higher", "lower", "differs", "nothing to compare"]
Share = Annotated[float, Field(ge=0, le=1)]
States = Annotated[dict[str, str], Field(min_length=1, max_length=1)]


class PublishedJudgement(DocumentPart):
    """One judgement of a published document, and what it means in a scenario's terms.

    It is about a course by its role; about an event within a window, as in a question; or about
    a state now or on a day.

    Attributes
    ----------
    id, text
        Short name, and what the document says, in words of one's own.
    place
        Where it says so.
    phrase, probability
        The document's term of likelihood, or its numbers: one, or both ends of a range. Neither
        where it commits to no probability.
    wording
        The words that it uses in place of one.
    role, course
        "most likely" or "most dangerous", and the course that it calls so, "variable=state".
    event, window
        What must happen, and the first and last day that count.
    state, on, given
        The state that holds, and the day, which must not lie before the as-of date; now unless
        it is given. `given` is what is supposed to hold on the same day.
    basis
        How the words became this.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Id
    text: Annotated[str, Field(min_length=1)]
    place: str = ""
    phrase: str = ""
    probability: Share | tuple[Share, Share] | None = None
    wording: str = ""
    role: Literal["most likely", "most dangerous"] | None = None
    course: str = ""
    event: Event | None = None
    window: Window | None = None
    state: States | None = None
    on: date | None = None
    given: States | None = None
    basis: str = ""

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        kinds = {"role": self.role, "event": self.event, "state": self.state}
        named = [name for name, value in kinds.items() if value is not None]
        if len(named) != 1:
            raise ValueError(
                f"needs one of {', '.join(kinds)}; given: {', '.join(named) or 'none'}"
            )
        if (self.role is None) == bool(self.course):
            raise ValueError("a role and a course belong together")
        if (self.event is None) != (self.window is None):
            raise ValueError("an event and a window belong together")
        if self.state is None and (self.on or self.given):
            raise ValueError("`on` and `given` belong to a state")
        if self.phrase and self.probability is not None:
            raise ValueError("states a phrase and a probability; keep the one that is printed")
        if isinstance(self.probability, tuple) and self.probability[0] > self.probability[1]:
            raise ValueError("the range of the probability ends below where it begins")
        return self

    def question(self, opened: date) -> Question:
        """The event as a question."""
        assert self.event is not None
        assert self.window is not None
        return Question(
            id=self.id, text=self.text, event=self.event, window=self.window,
            rule="as the document says", opened=min(opened, self.window[1]),
        )  # fmt: skip


class PublishedDocument(PrintsItself, DocumentPart):
    """What a published document judges; made by `read_published`.

    Attributes
    ----------
    scenario
        Name of the scenario in whose terms its judgements are put.
    title, published, source
        What it is, and when it appeared; `source` is its key among the scenario's sources, where
        the scenario uses it.
    lexicon
        Whose words of likelihood it uses.
    judgements
        What it says.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    scenario: str
    title: Annotated[str, Field(min_length=1)]
    published: date
    source: str = ""
    lexicon: str = "icd203"
    judgements: Annotated[tuple[PublishedJudgement, ...], Field(min_length=1)]

    @property
    def _summary(self) -> Summary:
        rows = [(each.id, each.text, each.place) for each in self.judgements]
        return Summary(self.title, ("Name", "Judgement", "Where"), rows)

    @model_validator(mode="after")
    def _has_each_once(self) -> Self:
        twice = [name for name, n in Counter(each.id for each in self.judgements).items() if n > 1]
        if twice:
            raise ValueError(f"more than one judgement is named {', '.join(twice)}")
        return self


@dataclass(frozen=True, slots=True)
class ComparedJudgement:
    """A judgement of a document beside what a forecast says of the same.

    Attributes
    ----------
    judgement
        The document's.
    stated
        The range that it commits to; None if it commits to none.
    found
        The forecast's probability; None where courses are compared by their roles.
    agreement
        "agrees" if the forecast's mean lies in the range, or the course has the role; "higher" or
        "lower" if the mean lies outside; "differs" if another course has the role; "nothing to
        compare" if the document commits to no probability.
    within_interval
        Whether the range and the forecast's interval overlap.
    note
        Which course has the role in the forecast.
    """

    judgement: PublishedJudgement
    stated: tuple[float, float] | None
    found: Estimate | None
    agreement: Agreement
    within_interval: bool = False
    note: str = ""

    @property
    def stated_text(self) -> str:
        """What the document says, as a table prints it."""
        if self.judgement.role:
            return f"the {self.judgement.role} course"
        if self.stated is None:
            wording = self.judgement.wording
            return f"no probability: “{wording}”" if wording else "no probability"
        lower, upper = self.stated
        return f"{self.judgement.phrase} {interval(Estimate(lower, lower, upper))}".strip()

    @property
    def found_text(self) -> str:
        """What the forecast says, as a table prints it."""
        return self.note if self.found is None else quantity(self.found)

    @property
    def agreement_text(self) -> str:
        """Whether the two agree, as a table prints it."""
        if self.agreement in {"higher", "lower"}:
            overlap = "its interval reaches the range" if self.within_interval else "out of reach"
            return f"the forecast is {self.agreement}; {overlap}"
        return self.agreement


@dataclass(frozen=True, repr=False)
class DocumentComparison(PrintsItself):
    """A published document beside a forecast; made by `compare_document`.

    Attributes
    ----------
    document
        What was published.
    rows
        Its judgements in order.
    coded
        Whether the scenario rests on this document, so that some agreement is built in.
    """

    document: PublishedDocument
    rows: tuple[ComparedJudgement, ...]
    coded: bool

    def __iter__(self) -> Iterator[ComparedJudgement]:
        return iter(self.rows)

    @property
    def agreeing(self) -> int:
        """How many judgements the forecast agrees with."""
        return sum(row.agreement == "agrees" for row in self.rows)

    @property
    def comparable(self) -> int:
        """How many judgements commit to something."""
        return sum(row.agreement != "nothing to compare" for row in self.rows)

    @property
    def _summary(self) -> Summary:
        rows = [
            (row.judgement.text, row.stated_text, row.found_text, row.agreement_text)
            for row in self.rows
        ]
        title = (
            f"{self.document.title}: the forecast agrees with {self.agreeing} of the "
            f"{self.comparable} judgements that commit to something"
        )
        below = (CODED,) if self.coded else ()
        return Summary(title, ("Judgement", "Document", "Forecast", "Agreement"), rows, below)


CODED = "The scenario was coded from this document, so some of the agreement is built in."


@checked
def read_published(source: str | Path, scenario: Scenario | None = None) -> PublishedDocument:
    """Read the judgements of a published document, to be set beside a forecast.

    Parameters
    ----------
    source
        A TOML file, a folder with `document.toml`, or the name of a shipped scenario that has
        one; docs/verification.md explains it.
    scenario
        The scenario, to check what the judgements name.

    Raises
    ------
    InputError
        With everything that is wrong with the file.

    Examples
    --------
    >>> read_published("iraq-2020").published
    datetime.date(2020, 1, 23)
    """
    require_path(source)
    path = shipped_or_own(source, FILE_NAME)
    document = read_toml(path)
    read = read_document(PublishedDocument, str(path), document)
    scale = read_lexicon(read.lexicon)
    problems = [
        Problem(f"{path}: {each.id}.phrase", f"{each.phrase!r} is no term of {scale.title}; "
                + nearest(each.phrase, scale.ranges))
        for each in read.judgements
        if each.phrase and each.phrase not in scale.ranges
    ]  # fmt: skip
    if scenario is not None:
        problems += _misfits(str(path), read, scenario)
    raise_if_any(problems)
    return read


def _misfits(where: str, read: PublishedDocument, scenario: Scenario) -> Iterator[Problem]:
    """Yield what the judgements name that the scenario has not."""
    if read.scenario != scenario.name:
        message = f"is about {read.scenario!r}; the scenario given is {scenario.name!r}"
        yield Problem(f"{where}: scenario", message)
        return
    states = {name: variable.states for name, variable in scenario.variables.items()}
    for each in read.judgements:
        at = f"{where}: {each.id}"
        courses = ["=".join(pair) for pair in scenario.courses]
        if each.role and each.course not in courses:
            message = f"{each.course!r} is no course; {nearest(each.course, courses)}"
            yield Problem(f"{at}.course", message)
        if each.event is not None:
            yield from misnamed(f"{at}.event", each.event, states)
        for name, stated in (("state", each.state), ("given", each.given)):
            named = {variable: (state,) for variable, state in (stated or {}).items()}
            yield from misnamed_states(f"{at}.{name}", named, states)


@checked
def compare_document(outlook: Forecast, document: PublishedDocument) -> DocumentComparison:
    """Set a published document beside a forecast, judgement by judgement.

    Parameters
    ----------
    outlook
        A forecast of the scenario in whose terms the document is put.
    document
        What `read_published` returned.

    Returns
    -------
    DocumentComparison
        It prints itself as a table.

    Raises
    ------
    InputError
        If the document names what the scenario has not.

    Examples
    --------
    >>> compare_document(outlook, read_published("iraq-2020"))  # doctest: +SKIP
    """
    raise_if_any(list(_misfits(document.title, document, outlook.scenario)))
    scale = read_lexicon(document.lexicon)
    rows = tuple(_compared(outlook, document, each, scale) for each in document.judgements)
    return DocumentComparison(document, rows, document.source in outlook.scenario.sources)


def _compared(
    outlook: Forecast, document: PublishedDocument, judgement: PublishedJudgement, scale: Lexicon
) -> ComparedJudgement:
    if judgement.role:
        return _by_role(outlook, judgement)
    stated, found = _stated(judgement, scale), _found(outlook, document, judgement)
    if stated is None:
        return ComparedJudgement(judgement, None, found, "nothing to compare")
    lower, upper = stated
    agreement: Agreement = "higher" if found.mean > upper else "lower"
    if lower <= found.mean <= upper:
        agreement = "agrees"
    overlap = found.lower <= upper and lower <= found.upper
    return ComparedJudgement(judgement, stated, found, agreement, overlap)


def _by_role(outlook: Forecast, judgement: PublishedJudgement) -> ComparedJudgement:
    """Whether the forecast gives the same course the same role."""
    dangerous = outlook.most_dangerous
    likely = judgement.role == "most likely"
    holder = outlook.most_likely if likely else dangerous[0] if dangerous else None
    if holder is None:
        return ComparedJudgement(judgement, None, None, "differs", note="none is dangerous")
    same = judgement.course == f"{holder.variable}={holder.state}"
    agreement: Agreement = "agrees" if same else "differs"
    return ComparedJudgement(judgement, None, None, agreement, note=holder.course.label)


def _stated(judgement: PublishedJudgement, scale: Lexicon) -> tuple[float, float] | None:
    """The range that a judgement commits to."""
    if judgement.phrase:
        return scale.ranges[judgement.phrase]
    ends = judgement.probability
    return (ends, ends) if isinstance(ends, float) else ends


def _found(
    outlook: Forecast, document: PublishedDocument, judgement: PublishedJudgement
) -> Estimate:
    """What the forecast says of the same."""
    if judgement.event is not None:
        return ask(outlook, judgement.question(document.published), draws=DRAWS).probability
    assert judgement.state is not None
    [(name, state)] = judgement.state.items()
    found = beliefs(outlook, draws=DRAWS, until=judgement.on)
    timeline = outlook.scenario.timeline
    day = found.times[found.now if judgement.on is None or timeline is None
                      else timeline.step_of(judgement.on)]  # fmt: skip
    if judgement.given:
        found = found.set_evidence(judgement.given, day)
    return Estimate.of(found.posterior(name, day, view="smoothed").sel(state=state))
