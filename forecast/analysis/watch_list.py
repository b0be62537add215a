"""What to look for next: what a report about each indicator would be worth, before it comes.

The event is that of `fc.probability`, counted in whole steps: a course is under way in some step
after the present one, up to a day. A report that comes is one of a source of known accuracy; that
none comes is taken to say nothing. What is expected to be learnt is the mutual information of event
and report under the predictive distribution, every judgement summed out: the expected fall of the
entropy of the printed probability (Lindley: On a measure of the information provided by an
experiment, Annals of Mathematical Statistics 27, 1956).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from forecast.analysis.information import entropy
from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import InputError, Problem, nearest, raise_if_any
from forecast.estimate import percent
from forecast.evidence.ledger import as_date
from forecast.evidence.sources import trust_in
from forecast.layout import PrintsItself, Row, Summary, shortened
from forecast.network.queries import shared_bits
from forecast.outlook import Forecast, as_beliefs
from forecast.posterior.beliefs import Beliefs
from forecast.scenario.scenario import Scenario
from forecast.scenario.warning import ANY_DANGEROUS
from forecast.text import DASH

SHOWN_ROWS = 20
DRAWS = 100
"""Draws of each chain of a forecast: the error of an expected information is far below it."""
Event = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a report could say.

    Attributes
    ----------
    state
        The state that is reported; empty if no report comes.
    probability
        That this is found.
    given
        Probability of the event if it is.
    """

    state: str
    probability: float
    given: float


@dataclass(frozen=True, slots=True)
class Lead:
    """An indicator to look for, and what it would tell.

    Attributes
    ----------
    indicator
        Its name.
    bits
        Expected information of a report about the event.
    cost
        What looking for it costs.
    findings
        What could be found, the most telling first.
    label
        What a scenario calls it; empty where there is none.
    """

    indicator: str
    bits: float
    cost: float
    findings: tuple[Finding, ...]
    label: str = ""

    @property
    def bits_per_cost(self) -> float:
        """Expected information for each unit of cost; infinite for what costs nothing."""
        return self.bits / self.cost if self.cost else float("inf" if self.bits else 0)

    @property
    def telling(self) -> Finding | None:
        """The most telling of its findings that is a state; None if none is."""
        return next((finding for finding in self.findings if finding.state), None)


@dataclass(frozen=True, repr=False)
class WatchList(PrintsItself):
    """Indicators by what a report about them is expected to tell; made by `watch_list`.

    Attributes
    ----------
    event
        The course that is asked about.
    probability
        Its probability now.
    entropy
        What is unknown about it, in bits; nothing can tell more.
    leads
        The indicators, by bits for each unit of cost.
    day
        Day of the step that the reports would speak of; None without a clock.
    """

    event: str
    probability: float
    entropy: float
    leads: tuple[Lead, ...]
    day: date | None = None

    def lead(self, indicator: str) -> Lead:
        """The lead of one indicator."""
        for lead in self.leads:
            if lead.indicator == indicator:
                return lead
        names = [lead.indicator for lead in self.leads]
        message = f"{indicator!r} is not on the list; {nearest(indicator, names)}"
        raise InputError([Problem("indicator", message)])

    @property
    def _summary(self) -> Summary:
        when = f", in the step of {self.day}" if self.day else ""
        title = (
            f"What to look for about {self.event} ({percent(self.probability)}, "
            f"{self.entropy:.3g} bits unknown){when}"
        )
        rows = [_row(lead, self.entropy) for lead in self.leads[:SHOWN_ROWS]]
        left = len(self.leads) - SHOWN_ROWS
        below = (f"{left} more indicators; .leads has all.",) if left > 0 else ()
        head = ("Indicator", "Bits", "Share", "Cost", "Finding", "Comes", "Then")
        return Summary(title, head, rows, below)


def _row(lead: Lead, entropy: float) -> Row:
    telling = lead.findings[0]
    return (
        shortened(lead.indicator, 30),
        f"{lead.bits:.3g}",
        percent(lead.bits / entropy) if entropy else DASH,
        f"{lead.cost:g}",
        shortened(telling.state, 24),
        percent(telling.probability),
        percent(telling.given),
    )


@checked
def watch_list(
    given: Forecast | Beliefs,
    event: str | None = None,
    *,
    by: date | str | None = None,
    at: date | str | None = None,
    indicators: Sequence[str] | None = None,
    reliability: str | float = "B",
    detection: float | Mapping[str, float] = 1.0,
    lag: float | Mapping[str, float] = 0.0,
    cost: float | Mapping[str, float] = 1.0,
    draws: int = DRAWS,
) -> WatchList:
    """Rank indicators by what a report about each is expected to tell about a course.

    Parameters
    ----------
    given
        A forecast; or beliefs of a network from a file, where an indicator is any variable.
    event
        "variable=state"; any dangerous course of a forecast unless one is named.
    by
        Last day that counts for the event; the horizon unless it is given.
    at
        A day of the step that reports would speak of; the next step unless it is given, the
        only one of a static scenario.
    indicators
        Which are ranked; all with that role, or all other variables of a network from a file.
    reliability
        Grade of the source of the Admiralty code, whose mean accuracy is taken, or the probability
        that it names the true state. The rest of its probability lies evenly on the other states.
    detection
        Probability that a report comes, of all or by indicator.
    lag
        Days from the end of the step to the report, of all or by indicator. What comes after
        ``by`` tells nothing.
    cost
        What it costs to look, of all or by indicator, in any unit.
    draws
        Draws of each chain of a forecast that are used.

    Returns
    -------
    WatchList
        It prints itself.

    Raises
    ------
    InputError
        For unknown names, days outside of the timeline, or numbers outside of their limits.

    Examples
    --------
    >>> from forecast.interchange.tabled import TabledNetwork
    >>> network = TabledNetwork(
    ...     name="coast",
    ...     variables={"storm": ("no", "yes"), "glass": ("high", "low"), "gulls": ("sea", "land")},
    ...     parents={"glass": ("storm",), "gulls": ("storm",)},
    ...     tables={
    ...         "storm": [0.9, 0.1],
    ...         "glass": [[0.9, 0.1], [0.1, 0.9]],
    ...         "gulls": [[0.8, 0.2], [0.3, 0.7]],
    ...     },
    ... )
    >>> found = watch_list(network.beliefs(), "storm=yes", reliability=1.0)
    >>> [(lead.indicator, round(lead.bits, 3)) for lead in found.leads]
    [('glass', 0.211), ('gulls', 0.073)]
    >>> low = found.lead("glass").findings[0]
    >>> (low.state, round(low.probability, 2), round(low.given, 2))
    ('low', 0.18, 0.5)
    """
    name, names, question = pose(given, event, by, at, indicators, draws)
    accuracy = accuracy_of(question.scenario, reliability)
    costs = number_of_each("cost", cost, names, 0, np.inf)
    comes = number_of_each("detection", detection, names, 0, 1)
    lags = number_of_each("lag", lag, names, 0, np.inf)
    late = _late(question, by, lags)
    given_states = question.joints(names)
    leads = [
        _lead(question, n, joint, accuracy, 0.0 if n in late else comes[n], costs[n])
        for n, joint in given_states.items()
    ]
    leads.sort(key=lambda lead: (-lead.bits_per_cost, -lead.bits))
    probability = question.probability
    return WatchList(name, probability, entropy(probability), tuple(leads), question.day)


@dataclass(frozen=True, eq=False)
class Question:
    """Whether an event comes about, asked of beliefs, and a step at which things may be found."""

    beliefs: Beliefs
    states: Event
    at: int
    last: int
    scenario: Scenario | None = None

    @property
    def day(self) -> date | None:
        """First day of the step at which things may be found, if steps have days."""
        label = self.beliefs.times[self.at]
        return label if isinstance(label, date) else None

    @property
    def window(self) -> tuple[int, int]:
        """First and last step of the event; the only one of a static network."""
        first = min(self.beliefs.now + 1, self.beliefs.n_steps - 1)
        return first, max(self.last, first)

    @cached_property
    def probability(self) -> float:
        """Probability of the event, every judgement summed out."""
        first, last = (self.beliefs.times[step] for step in self.window)
        return float(self.beliefs.at_least_once(self.states, first, last).isel(time=-1).mean())

    def joints(self, names: Sequence[str]) -> dict[str, Array]:
        """Joint probability of event and state, (event or not, state), for each variable."""
        first, last = (self.beliefs.times[step] for step in self.window)
        at = self.beliefs.times[self.at]
        found = self.beliefs.at_least_once_given(list(names), self.states, at, first, last)
        given = np.asarray(found.mean(("chain", "draw")))
        joints, start = {}, 0
        for name in names:
            prior = np.asarray(self.beliefs.posterior(name, at).mean(("chain", "draw")))
            both = np.nan_to_num(given[start : start + len(prior)]) * prior
            joints[name] = np.stack([both, prior - both])
            start += len(prior)
        return joints


def pose(
    given: Forecast | Beliefs,
    event: str | None,
    by: date | str | None,
    at: date | str | None,
    indicators: Sequence[str] | None,
    draws: int,
) -> tuple[str, list[str], Question]:
    """Name of an event, what may be looked for, and the question; arguments as `watch_list`.

    Raises
    ------
    InputError
        For unknown names, and days outside of the timeline.
    """
    asked = as_beliefs(given, draws)
    scenario = given.scenario if isinstance(given, Forecast) else None
    name, states = _event_of(asked, scenario, event)
    names = _candidates(asked, scenario, indicators, states)
    at_step = min(asked.now + 1, asked.n_steps - 1)
    at_step = at_step if at is None else _step_on(asked, scenario, "at", at)
    last = asked.n_steps - 1 if by is None else _step_on(asked, scenario, "by", by)
    return name, names, Question(asked, states, at_step, last, scenario)


def reported(n_states: int, accuracy: float, detection: float) -> Array:
    """Probability of each report, and of none, given each state: (report or none, state)."""
    others = (1 - accuracy) / (n_states - 1)
    named = np.where(np.eye(n_states, dtype=bool), accuracy, others)
    return np.vstack([detection * named, np.full(n_states, 1 - detection)])


def _lead(
    question: Question, name: str, joint: Array, accuracy: float, detection: float, cost: float
) -> Lead:
    states = question.beliefs.network.node(name).states
    label = "" if question.scenario is None else question.scenario.variables[name].label
    found = joint @ reported(len(states), accuracy, detection).T
    probabilities = found.sum(axis=0)
    findings = [
        Finding(state, float(probability), float(both / probability))
        for state, both, probability in zip((*states, ""), found[0], probabilities, strict=True)
        if probability > 0
    ]
    whole = joint[0].sum()
    findings.sort(key=lambda finding: (finding.state == "", -abs(finding.given - whole)))
    return Lead(name, float(shared_bits(found)), cost, tuple(findings), label)


def _event_of(asked: Beliefs, scenario: Scenario | None, event: str | None) -> tuple[str, Event]:
    """Name and states of an event.

    Raises
    ------
    InputError
        If there is no such event, or none is named where there are no dangerous courses.
    """
    dangerous = [
        course for course, what in (scenario.courses if scenario else {}).items() if what.dangerous
    ]
    if event in (None, ANY_DANGEROUS) and dangerous:
        return ANY_DANGEROUS, tuple(dangerous)
    nodes = asked.network.nodes
    legal = [f"{node.name}={state}" for node in nodes for state in node.states]
    if event not in legal:
        message = f"{event!r} is no event; write variable=state; {nearest(str(event), legal)}"
        raise InputError([Problem("event", message)])
    variable, _, state = str(event).partition("=")
    return str(event), ((variable, state),)


def _candidates(
    asked: Beliefs, scenario: Scenario | None, indicators: Sequence[str] | None, states: Event
) -> list[str]:
    """Indicators that are ranked: those that are named, or all.

    Raises
    ------
    InputError
        If one is unknown.
    """
    known = asked.network.names
    if indicators is not None:
        unknown = [name for name in indicators if name not in known]
        raise_if_any(
            [
                Problem("indicators", f"{name!r} is unknown; {nearest(name, known)}")
                for name in unknown
            ]
        )
        return list(dict.fromkeys(indicators))
    if scenario is not None:
        return list(scenario.with_role("indicator"))
    event = {variable for variable, _ in states}
    return [name for name in known if name not in event and not asked.network.node(name).is_input]


def _step_on(asked: Beliefs, scenario: Scenario | None, argument: str, day: date | str) -> int:
    timeline = scenario.timeline if scenario else None
    if timeline is None:
        message = "there is no clock, so no day can be named"
        raise InputError([Problem(argument, message)])
    step = timeline.step_of(as_date(day))
    if not 0 <= step < asked.n_steps:
        message = f"{day} is not in one of the {asked.n_steps} steps of the timeline"
        raise InputError([Problem(argument, message)])
    return step


def accuracy_of(scenario: Scenario | None, reliability: str | float) -> float:
    """Probability that a source names the true state.

    Raises
    ------
    InputError
        If it is no grade and no probability.
    """
    if isinstance(reliability, str):
        if scenario is None:
            message = "a network from a file has no grades; give the probability, such as 0.9"
            raise InputError([Problem("reliability", message)])
        grades = {judged.name: judged.mean for judged in trust_in(scenario).accuracy}
        if reliability not in grades:
            message = f"{reliability!r} is no grade or source; {nearest(reliability, grades)}"
            raise InputError([Problem("reliability", message)])
        return grades[reliability]
    if not 0 <= reliability <= 1:
        raise InputError([Problem("reliability", f"{reliability:g} is no probability")])
    return float(reliability)


def number_of_each(
    argument: str,
    value: float | Mapping[str, float],
    names: Sequence[str],
    low: float,
    high: float,
) -> dict[str, float]:
    """A number for each indicator.

    Raises
    ------
    InputError
        For unknown indicators, and numbers outside of their limits.
    """
    given = dict(value) if isinstance(value, Mapping) else dict.fromkeys(names, value)
    problems = [
        Problem(argument, f"{name!r} is no indicator here; {nearest(name, names)}")
        for name in given
        if name not in names
    ]
    problems += [
        Problem(argument, f"{number:g} for {name}; needs {low:g} to {high:g}")
        for name, number in given.items()
        if not low <= number <= high
    ]
    raise_if_any(problems)
    default = 0.0 if argument == "lag" else 1.0
    return {name: float(given.get(name, default)) for name in names}


def _late(question: Question, by: date | str | None, lags: Mapping[str, float]) -> frozenset[str]:
    """Indicators whose reports come after the last day that counts."""
    timeline = question.scenario.timeline if question.scenario else None
    if timeline is None:
        return frozenset()
    deadline = timeline.last_day(question.last) if by is None else as_date(by)
    end = timeline.last_day(question.at)
    return frozenset(name for name, lag in lags.items() if end + timedelta(days=lag) > deadline)
