"""Questions that time will answer: what is asked, in words and in the scenario's own terms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from forecast.arguments import checked
from forecast.errors import InputError, Problem, nearest, raise_if_any
from forecast.layout import PrintsItself, Summary
from forecast.network.structure import Network
from forecast.reading import read_toml, require_path
from forecast.scenario.document_part import DocumentPart
from forecast.scenario.scenario import Scenario
from forecast.scenario.shipped import shipped_or_own
from forecast.text import printed
from forecast.wording import counted

FILE_NAME = "questions.toml"
KINDS = ("at_least_once", "at_end", "count", "before", "all", "any", "not")

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)]
States = str | Annotated[tuple[str, ...], Field(min_length=1)]
Alternative = Annotated[dict[str, States], Field(min_length=1)]
Condition = Annotated[tuple[Alternative, ...], Field(min_length=1)]
Window = tuple[date, date]


class _Part(DocumentPart):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Count(_Part):
    """In how many steps of the window a condition holds.

    Attributes
    ----------
    of
        The condition.
    at_least, at_most
        Bounds that the number must keep for the answer to be yes; without them the question is
        for the number itself.
    """

    of: Condition
    at_least: Annotated[int, Field(ge=1)] | None = None
    at_most: Annotated[int, Field(ge=0)] | None = None

    @property
    def bounded(self) -> bool:
        """Whether it is answered by yes or no."""
        return self.at_least is not None or self.at_most is not None

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        low, high = self.at_least, self.at_most
        if low is not None and high is not None and low > high:
            raise ValueError(f"at_least {low} is more than at_most {high}")
        return self


class Order(_Part):
    """One condition holds, in an earlier step than another does or without the other at all."""

    first: Condition
    then: Condition


class Event(_Part):
    """What must happen within a window, in the terms of a scenario; one of the kinds.

    A condition on a step is a list of alternatives; each names variables that are all in a state,
    or one of several, in that step. ">= limited" means that state and those listed after it,
    "<= limited" that one and those before it.

    Attributes
    ----------
    at_least_once
        A condition that holds in some step of the window.
    at_end
        A condition that holds in the step of the window's last day.
    count
        In how many steps a condition holds.
    before
        One condition holds before another.
    all, any, not_
        Events that all happen, of which one at least happens, or one that does not.
    window
        First and last day that count; those of the whole question unless they are given.
    """

    at_least_once: Condition | None = None
    at_end: Condition | None = None
    count: Count | None = None
    before: Order | None = None
    all: Annotated[tuple[Event, ...], Field(min_length=1)] | None = None
    any: Annotated[tuple[Event, ...], Field(min_length=1)] | None = None
    not_: Event | None = Field(default=None, alias="not")
    window: Window | None = None

    @property
    def kind(self) -> str:
        """Which of the kinds it is."""
        return next(kind for kind in KINDS if self._of(kind) is not None)

    def _of(self, kind: str) -> Any:
        return getattr(self, "not_" if kind == "not" else kind)

    @property
    def parts(self) -> tuple[Event, ...]:
        """Events that it is made of."""
        return (self.all or ()) + (self.any or ()) + ((self.not_,) if self.not_ else ())

    @property
    def conditions(self) -> tuple[tuple[str, Condition], ...]:
        """Its own conditions, each with the name of its place."""
        found: dict[str, Condition | None] = {
            "at_least_once": self.at_least_once,
            "at_end": self.at_end,
            "count.of": self.count.of if self.count else None,
            "before.first": self.before.first if self.before else None,
            "before.then": self.before.then if self.before else None,
        }
        return tuple((name, each) for name, each in found.items() if each is not None)

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        given = [kind for kind in KINDS if self._of(kind) is not None]
        if len(given) != 1:
            named = ", ".join(given) or "none"
            raise ValueError(f"needs one of {', '.join(KINDS)}; given: {named}")
        for part in self.parts:
            if part.count is not None and not part.count.bounded:
                raise ValueError("a count inside another event needs at_least or at_most")
        _require_order(self.window)
        return self


class Question(_Part):
    """A question that can be resolved, and the event that it means in a scenario's terms.

    Attributes
    ----------
    id
        Short name.
    text
        The question, as it is put to people.
    event
        What must happen for the answer to be yes, in the scenario's terms.
    window
        First and last day that count.
    rule
        What resolves it, and by which sources.
    opened, closes
        Days from which, and up to which, forecasts are taken; the question closes on the window's
        last day unless it is given.
    bound
        "at most" or "at least" where the scenario's event is wider, or narrower, than what is
        asked: its probability then only bounds the answer.
    basis
        How the words became the event, and why it only bounds the answer, if it does.
    """

    id: Id
    text: Annotated[str, Field(min_length=1)]
    event: Event
    window: Window
    rule: Annotated[str, Field(min_length=1)]
    opened: date
    closes: date | None = None
    bound: Literal["", "at most", "at least"] = ""
    basis: str = ""

    @property
    def last_day(self) -> date:
        """Last day that counts for any part of the event."""
        return max(end for _, end in self._windows(self.event))

    @property
    def first_day(self) -> date:
        """First day that counts for any part of the event."""
        return min(start for start, _ in self._windows(self.event))

    @property
    def last_open(self) -> date:
        """Last day on which forecasts are taken."""
        return self.closes or self.window[1]

    def is_open(self, day: date) -> bool:
        """Whether forecasts are taken on a day."""
        return self.opened <= day <= self.last_open

    @property
    def is_count(self) -> bool:
        """Whether the answer is a number instead of yes or no."""
        return self.event.count is not None and not self.event.count.bounded

    def _windows(self, event: Event) -> Iterator[Window]:
        if not event.parts:
            yield event.window or self.window
        for part in event.parts:
            yield from self._windows(part if part.window else _with(part, event.window))

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        _require_order(self.window)
        if self.last_open < self.opened:
            raise ValueError(f"closes on {self.last_open}, before it opened on {self.opened}")
        if self.bound and not self.basis:
            raise ValueError("a question that is only bounded says why in its basis")
        return self


def _with(event: Event, window: Window | None) -> Event:
    return event if window is None else event.model_copy(update={"window": window})


def _require_order(window: Window | None) -> None:
    if window is not None and window[1] < window[0]:
        raise ValueError(f"the window ends on {window[1]}, before it begins on {window[0]}")


class QuestionFile(_Part):
    """What a file of questions holds."""

    format: Literal[1] = 1
    scenario: str
    questions: Annotated[tuple[Question, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _has_each_once(self) -> Self:
        twice = [name for name, n in Counter(each.id for each in self.questions).items() if n > 1]
        if twice:
            raise ValueError(f"more than one question is named {', '.join(twice)}")
        return self


@checked
class Questions(PrintsItself, Mapping[str, Question]):
    """Questions about one scenario, by their ids; `read_questions` reads them from a file.

    Examples
    --------
    >>> questions = read_questions("iraq-2020")
    >>> questions["embassy-hit"].window[1]
    datetime.date(2020, 1, 31)
    """

    def __init__(self, questions: tuple[Question, ...]) -> None:
        self._by_id = {question.id: question for question in questions}

    def __getitem__(self, name: str) -> Question:
        if name in self._by_id:
            return self._by_id[name]
        raise InputError([Problem("question", f"{name!r} is unknown; {nearest(name, self)}")])

    def __contains__(self, name: object) -> bool:
        return name in self._by_id

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def __len__(self) -> int:
        return len(self._by_id)

    @property
    def _summary(self) -> Summary:
        rows = [
            (each.id, each.text, f"{each.window[0]} to {each.window[1]}")
            for each in self._by_id.values()
        ]
        return Summary(counted(len(self), "question"), ("Name", "Question", "Window"), rows)

    @printed
    def __repr__(self) -> str:
        width = max(map(len, self._by_id), default=0)
        lines = [f"{name:{width}}  {question.text}" for name, question in self._by_id.items()]
        return "\n".join([counted(len(self), "question"), *lines])


@checked
def read_questions(source: str | Path, scenario: Scenario | None = None) -> Questions:
    """Read the questions about a scenario.

    Parameters
    ----------
    source
        A TOML file, a folder with `questions.toml`, or the name of a shipped scenario.
    scenario
        The scenario, to check what the events name.

    Returns
    -------
    Questions

    Raises
    ------
    InputError
        With everything that is wrong with the file.

    Examples
    --------
    >>> len(read_questions("iraq-2020")) >= 25
    True
    """
    require_path(source)
    path = shipped_or_own(source, FILE_NAME)
    document = read_toml(path)
    try:
        read = QuestionFile.model_validate(document)
    except InputError as error:
        raise InputError(
            [
                Problem(f"{path}: {_placed(each.where, document)}", each.message)
                for each in error.problems
            ]
        ) from None
    if scenario is not None:
        raise_if_any(list(_misfits(str(path), read, scenario)))
    return Questions(read.questions)


def _placed(where: str, document: Mapping[str, Any]) -> str:
    """A place in the file, with the id of a question instead of its number."""
    parts = where.split(".")[1:]
    questions = document.get("questions")
    if len(parts) > 1 and parts[0] == "questions" and isinstance(questions, list):
        given = questions[int(parts[1])]
        if isinstance(given, dict) and isinstance(given.get("id"), str):
            parts[1] = given["id"]
    return ".".join(parts) or "file"


def _misfits(where: str, read: QuestionFile, scenario: Scenario) -> Iterator[Problem]:
    if read.scenario != scenario.name:
        message = f"is about {read.scenario!r}; the scenario given is {scenario.name!r}"
        yield Problem(f"{where}: scenario", message)
    states = {name: variable.states for name, variable in scenario.variables.items()}
    for question in read.questions:
        yield from misnamed(f"{where}: {question.id}.event", question.event, states)


def misnamed(where: str, event: Event, states: Mapping[str, tuple[str, ...]]) -> Iterator[Problem]:
    """Yield variables and states that an event names and that there are not."""
    for place, condition in event.conditions:
        for each in condition:
            named = {
                name: tuple(map(_without_sign, _listed(stated))) for name, stated in each.items()
            }
            yield from misnamed_states(f"{where}.{place}", named, states)
    for k, part in enumerate(event.parts):
        yield from misnamed(f"{where}.{event.kind}.{k}", part, states)


def misnamed_states(
    where: str, named: Mapping[str, Iterable[str]], states: Mapping[str, tuple[str, ...]]
) -> Iterator[Problem]:
    """Yield variables, and states of them, that are named and that there are not."""
    for name, stated in named.items():
        at = f"{where}.{name}"
        if name not in states:
            yield Problem(at, f"is no variable; {nearest(name, states)}")
            continue
        for state in stated:
            if state not in states[name]:
                message = f"{state!r} is not a state of {name}; {nearest(state, states[name])}"
                yield Problem(at, message)


def _listed(stated: States) -> Sequence[str]:
    return [stated] if isinstance(stated, str) else stated


def _without_sign(state: str) -> str:
    """A state without the sign that means those above or below it as well."""
    return state.removeprefix(">=").removeprefix("<=").strip()


def states_meant(stated: States, states: tuple[str, ...]) -> tuple[str, ...]:
    """States that a part of a condition means, in the variable's order.

    Examples
    --------
    >>> states_meant(">= limited", ("small", "limited", "large"))
    ('limited', 'large')
    """
    meant: set[str] = set()
    for each in _listed(stated):
        if each.startswith(">="):
            meant |= {*states[states.index(_without_sign(each)) :]}
        elif each.startswith("<="):
            meant |= {*states[: states.index(_without_sign(each)) + 1]}
        else:
            meant.add(each)
    return tuple(state for state in states if state in meant)


def states_of(network: Network) -> dict[str, tuple[str, ...]]:
    """States of each variable of a network."""
    return {node.name: node.states for node in network.nodes}
