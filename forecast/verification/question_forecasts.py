"""Putting questions to a forecast: what it says of each, with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from forecast.arguments import checked
from forecast.errors import InputError, Problem, raise_if_any
from forecast.estimate import Estimate, percent, quantity
from forecast.frozen import frozen
from forecast.layout import PrintsItself, Summary
from forecast.model.builder import compile_tables
from forecast.network import automaton
from forecast.network.structure import Network
from forecast.outlook import Forecast, beliefs
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.passage import calendar_of, reached_by
from forecast.scenario.scenario import Scenario
from forecast.text import printed
from forecast.timeline import Calendar
from forecast.verification.questions import (
    Condition,
    Count,
    Event,
    Question,
    Window,
    misnamed,
    states_meant,
    states_of,
)

if TYPE_CHECKING:
    from xarray import DataArray

NO_DAYS = "a question has a window of days; there are none where no steps have dates"


@checked
@dataclass(frozen=True, slots=True)
class QuestionForecast(PrintsItself):
    """What a forecast says of a question; made by `ask`.

    Attributes
    ----------
    question
        The question.
    as_of
        Information cut-off of the forecast.
    distribution
        Probability of each answer: "no" and "yes", or each number of steps from "0".
    notes
        What a reader of the number has to know.
    """

    question: Question
    as_of: date
    distribution: Mapping[str, Estimate]
    notes: tuple[str, ...] = ()

    @property
    def probability(self) -> Estimate:
        """Probability of yes, or what bounds it.

        Raises
        ------
        InputError
            If the answer is a number.
        """
        if "yes" in self.distribution:
            return self.distribution["yes"]
        message = "is answered by a number; its `distribution` gives the probability of each"
        raise InputError([Problem(self.question.id, message)])

    @property
    def mean(self) -> float:
        """Expected number, where the answer is one; else the probability of yes."""
        if "yes" in self.distribution:
            return self.distribution["yes"].mean
        return sum(int(number) * each.mean for number, each in self.distribution.items())

    @property
    def _summary(self) -> Summary:
        rows = [(name, quantity(found)) for name, found in self.distribution.items()]
        head = ("Answer", f"{self.question.bound} probability".strip().capitalize())
        return Summary(self.question.text, head, rows, self.notes)

    @printed
    def __repr__(self) -> str:
        text = self.question.bound + " " * bool(self.question.bound)
        if "yes" in self.distribution:
            text += quantity(self.distribution["yes"])
        else:
            each = (f"{number}: {percent(p.mean)}" for number, p in self.distribution.items())
            text = f"{self.mean:.1f} expected ({', '.join(each)})"
        return "\n".join([f"{self.question.text} {text}", *(f"  {note}" for note in self.notes)])


@checked
def ask(
    given: Forecast | Beliefs, question: Question, *, draws: int | None = None
) -> QuestionForecast:
    """Answer a question from a forecast, also beyond the scenario's horizon.

    Days within a step that the window cuts are counted as docs/verification.md says.

    Parameters
    ----------
    given
        A forecast; or beliefs with a calendar, up to the question's last day.
    question
        What is asked; `read_questions` reads questions from a file.
    draws
        Use at most this many draws of each chain of a forecast, for a quicker answer.

    Returns
    -------
    QuestionForecast
        The probability of yes, or of each number, with its 90 % interval; the question says
        whether it only bounds the answer.

    Raises
    ------
    InputError
        If the question names what the scenario has not, or days before it begins.
    """
    found, calendar = _reaching(given, question, draws)
    raise_if_any(list(misnamed(f"{question.id}.event", question.event, states_of(found.network))))
    raise_if_any(list(_inputs_named(question, question.event, found.network)))
    reading = _Reading(found, calendar, question)
    distribution, notes = reading.distribution(), reading.notes()
    if isinstance(given, Forecast) and given.condition and question.last_day > given.as_of:
        notes.append(f"It holds if {given.condition}.")
        distribution = {
            answer: replace(found, condition=given.condition)
            for answer, found in distribution.items()
        }
    return QuestionForecast(
        question=question,
        as_of=calendar.as_of,
        distribution=frozen(distribution),
        notes=tuple(notes),
    )


def unanswerable(scenario: Scenario, question: Question) -> Iterator[Problem]:
    """Yield why no forecast of a scenario can answer a question; nothing if one can."""
    network, timeline = compile_tables(scenario).network, scenario.timeline
    where = f"{question.id}.event"
    wrong = list(misnamed(where, question.event, states_of(network)))
    yield from wrong
    if not wrong:
        yield from _inputs_named(question, question.event, network)
    if timeline is None:
        yield Problem(question.id, NO_DAYS)
    elif question.first_day < timeline.start:
        message = f"counts from {question.first_day}; the scenario begins on {timeline.start}"
        yield Problem(question.id, message)


def _reaching(
    given: Forecast | Beliefs, question: Question, draws: int | None
) -> tuple[Beliefs, Calendar]:
    """Beliefs whose steps reach a question's last day, and their days."""
    if isinstance(given, Forecast):
        calendar = calendar_of(given.scenario, given.as_of)
        found = beliefs(given, draws=draws, until=question.last_day if calendar else None)
    else:
        found, calendar = given, given.calendar
    if calendar is None:
        raise InputError([Problem(question.id, NO_DAYS)])
    timeline = calendar.timeline
    if question.first_day < timeline.start:
        message = f"counts from {question.first_day}; the scenario begins on {timeline.start}"
        raise InputError([Problem(question.id, message)])
    if timeline.step_of(question.last_day) >= found.n_steps:
        message = f"counts to {question.last_day}; these beliefs end on "
        raise InputError([Problem(question.id, f"{message}{timeline.last_day(found.n_steps - 1)}")])
    return found, calendar


@dataclass(frozen=True, eq=False)
class _Reading:
    """A question as it is put to some beliefs."""

    found: Beliefs
    calendar: Calendar
    question: Question

    def distribution(self) -> dict[str, Estimate]:
        event, window = self.question.event, self.question.window
        if self.question.is_count:
            assert event.count is not None
            return self._numbers(event.count, event.window or window)
        yes = self._probability(event, event.window or window)
        return {"no": Estimate.of(1 - yes), "yes": Estimate.of(yes)}

    def notes(self) -> list[str]:
        question, text = self.question, []
        if question.bound:
            text.append(f"The scenario only bounds it: {question.basis}")
        if _compares_order(question.event):
            text.append("Within one step it is not known what came first; an earlier step counts.")
        if question.last_day <= self.calendar.as_of:
            text.append("Its window has passed: this is what the evidence says of it.")
        elif question.last_day > self.calendar.days[1]:
            text.append(f"It looks beyond the scenario's horizon, {self.calendar.days[1]}.")
        return text

    def _probability(self, event: Event, window: Window) -> DataArray:
        """Draws of the probability that an event happens, (chain, draw)."""
        if event.not_ is not None:
            return 1 - self._probability(event.not_, event.not_.window or window)
        pairs = self._union(event.at_least_once)
        if pairs and window[0] == self.calendar.as_of + timedelta(days=1):
            return reached_by(self.found, self.calendar, [pairs], window[1]).isel(course=0)
        return self.found.final_states(self._automaton(event, window)).isel(state=-1)

    def _numbers(self, count: Count, window: Window) -> dict[str, Estimate]:
        shares = self._whole_steps(window)
        most = round(sum(shares))
        found = self.found.final_states(
            automaton.count_steps(self._condition(count.of), shares, most)
        )
        return {str(n): Estimate.of(found.isel(state=n)) for n in range(most + 1)}

    def _union(self, condition: Condition | None) -> list[tuple[str, str]]:
        """Single states whose union a condition is; none if it is more than that."""
        if condition is None or any(len(alternative) > 1 for alternative in condition):
            return []
        return [
            (name, state)
            for alternative in self._condition(condition)
            for name, states in alternative
            for state in states
        ]

    def _automaton(self, event: Event, window: Window) -> automaton.Event:
        if event.parts:
            parts = (self._automaton(part, part.window or window) for part in event.parts)
            return automaton.Combination(event.kind, tuple(parts))
        if event.count is not None:
            shares, count = self._whole_steps(window), event.count
            of = self._condition(count.of)
            return automaton.count_between(of, shares, count.at_least, count.at_most)
        if event.before is not None:
            first, then = map(self._condition, (event.before.first, event.before.then))
            return automaton.before(first, then, self._shares(window))
        if event.at_end is not None:
            shares = self._shares((window[1], window[1]), whole=True)
            return automaton.at_least_once(self._condition(event.at_end), shares)
        assert event.at_least_once is not None
        return automaton.at_least_once(self._condition(event.at_least_once), self._shares(window))

    def _condition(self, condition: Condition) -> automaton.Condition:
        states = states_of(self.found.network)
        return tuple(
            tuple((name, states_meant(stated, states[name])) for name, stated in each.items())
            for each in condition
        )

    def _shares(self, window: Window, *, whole: bool = False) -> tuple[float, ...]:
        """Share of each step's days that count; all of them, of every step met, if it is whole.

        What is left of the present step counts in no window that opens after the as-of date: the
        reports say what it has been, not what its last days will bring.
        """
        timeline, now = self.calendar.timeline, self.found.now
        days = [timeline.days_in(step, *window) for step in range(self.found.n_steps)]
        if whole:
            return tuple(float(n > 0) for n in days)
        if window[0] > self.calendar.as_of:
            days[now] = 0
        return tuple(n / timeline.step_days for n in days)

    def _whole_steps(self, window: Window) -> tuple[float, ...]:
        """Which steps a window has, that begins and ends with one.

        Raises
        ------
        InputError
            If it does not, with the nearest days.
        """
        timeline = self.calendar.timeline
        first, last = timeline.step_of(window[0]), timeline.step_of(window[1])
        whole = timeline.first_day(first), timeline.last_day(last)
        if whole != window:
            message = (
                f"counts steps from {window[0]} to {window[1]}, which cuts some; "
                f"whole steps reach from {whole[0]} to {whole[1]}"
            )
            raise InputError([Problem(f"{self.question.id}.window", message)])
        return self._shares(window, whole=True)


def _compares_order(event: Event) -> bool:
    """Whether an event, or a part of it, asks what came first."""
    return event.before is not None or any(map(_compares_order, event.parts))


def _inputs_named(question: Question, event: Event, network: Network) -> Iterator[Problem]:
    """Yield what an event names that is set by the analyst, so that nothing forecasts it."""
    for place, condition in event.conditions:
        for name in {name for alternative in condition for name in alternative}:
            if network.node(name).is_input:
                message = "is set by the analyst, never estimated, so nothing forecasts it"
                yield Problem(f"{question.id}.event.{place}.{name}", message)
    for part in event.parts:
        yield from _inputs_named(question, part, network)
