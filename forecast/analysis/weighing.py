"""Evidence weighed: where reports disagree, when events were, what silence adds.

Everything here is read off a forecast. Nothing of it changes an answer; it says on what the answers
rest, and what they would be if a channel were known to be free, or to be controlled.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import exp, log
from typing import TYPE_CHECKING

from forecast.arguments import checked
from forecast.estimate import Estimate, percent, quantity
from forecast.evidence.auxiliary_evidence import date_variables
from forecast.evidence.events import find_events, origin_of, ranked
from forecast.evidence.ledger import Evidence
from forecast.evidence.notation import LARGEST_NUMBER
from forecast.evidence.place_evidence import CONTROLLED, FREE, control_variable
from forecast.evidence.report import Report
from forecast.evidence.silence import watched_steps
from forecast.evidence.sources import accuracy_index, trust_in
from forecast.frozen import Frozen
from forecast.layout import Summary, text_table
from forecast.outlook import Forecast, beliefs, beliefs_to
from forecast.posterior.stored_answers import watched
from forecast.probabilities import by_horizon
from forecast.scenario.measured import Count
from forecast.scenario.scenario import Scenario, Variable
from forecast.text import printed

if TYPE_CHECKING:
    from forecast.posterior.beliefs import Beliefs


@dataclass(frozen=True, slots=True)
class Conflict(Frozen):
    """Reports that give one indicator different states in one step.

    Attributes
    ----------
    indicator, step
        The indicator, and the step.
    reports
        The reports, the best first.
    quoted
        Whether one origin alone is quoted differently.
    states
        What the model makes of it: probability of each state, given all evidence.
    """

    indicator: str
    step: int
    reports: tuple[Report, ...]
    quoted: bool
    states: dict[str, Estimate]


@dataclass(frozen=True, slots=True)
class Dated(Frozen):
    """An event that may have been in several steps.

    Attributes
    ----------
    reports
        Names of its reports.
    days
        Probability of each step by its share of the days.
    found
        Probability of each step, given all evidence.
    """

    reports: tuple[str, ...]
    days: dict[int, float]
    found: dict[int, Estimate]


@dataclass(frozen=True, slots=True)
class Silence(Frozen):
    """A watch without a report.

    Attributes
    ----------
    watch, indicator
        The watch, and what it looks for.
    steps
        Steps without a report, each with the probability that, if one of its states had been
        there, a report would have come by now.
    """

    watch: str
    indicator: str
    steps: dict[int, Estimate]


@dataclass(frozen=True, slots=True)
class ChannelControl(Frozen):
    """A channel that may be controlled, and the answers with and without that.

    Attributes
    ----------
    channel, prior, control
        The channel; how probable it is that it is controlled before the evidence, and given it.
    answers
        For each course, and for any dangerous one, the probability by the horizon: as it is, if
        the channel is free, if it is controlled.
    """

    channel: str
    prior: Estimate
    control: Estimate
    answers: dict[str, tuple[Estimate, Estimate, Estimate]]


@dataclass(frozen=True, slots=True)
class Accuracy:
    """How far a grade or a source is believed, before the evidence and given it.

    Attributes
    ----------
    name
        The grade, or the source if it has an accuracy of its own.
    reports
        Reports that have it.
    sources
        Sources of these reports. Those of a grade share its accuracy, so that what refutes one
        tells against the others too.
    prior, found
        Probability that a report rests on what is true.
    """

    name: str
    reports: int
    sources: tuple[str, ...]
    prior: Estimate
    found: Estimate

    @property
    def note(self) -> str:
        """Who shares it; empty if nobody does."""
        return f"shared by {len(self.sources)} sources" if len(self.sources) > 1 else ""


@checked
@dataclass(frozen=True)
class WeighedEvidence:
    """What the evidence of a forecast comes to; made by `weigh_evidence`.

    Attributes
    ----------
    given
        The forecast.
    """

    given: Forecast

    @cached_property
    def conflicts(self) -> tuple[Conflict, ...]:
        """Reports that disagree, in order of steps."""
        return tuple(_conflicts(self.given, self._past))

    @cached_property
    def dates(self) -> tuple[Dated, ...]:
        """Events whose step is not known, in order of time."""
        return tuple(_dates(self.given, self._past))

    @cached_property
    def silences(self) -> tuple[Silence, ...]:
        """Watches without a report in some step, in the scenario's order."""
        return tuple(_silences(self.given))

    @cached_property
    def channels(self) -> tuple[ChannelControl, ...]:
        """Channels that reports came through and that may be controlled."""
        return tuple(_controls(self.given))

    @cached_property
    def accuracies(self) -> tuple[Accuracy, ...]:
        """Grades and sources that reports have."""
        return tuple(_accuracies(self.given))

    @cached_property
    def _past(self) -> Beliefs:
        """Beliefs about the steps up to the present one, on which alone evidence bears."""
        return beliefs_to(self.given, self.given.now + 1)

    @printed
    def __str__(self) -> str:
        tables = (f"{each.title}\n{text_table(each.head, each.rows)}" for each in _sections(self))
        return "\n\n".join(tables)

    def _repr_html_(self) -> str:
        return "".join(each.html for each in _sections(self)) or "<p>No evidence to weigh.</p>"


@checked
def weigh_evidence(given: Forecast) -> WeighedEvidence:
    """Say what the evidence of a forecast comes to.

    Where reports disagree, when undated events probably were, what silence rules out, how far each
    grade and source is now believed; and, for each channel that may be controlled, the answers as
    they are, if it is free and if it is controlled.

    Parameters
    ----------
    given
        A forecast.

    Examples
    --------
    >>> print(weigh_evidence(outlook))  # doctest: +SKIP
    """
    return WeighedEvidence(given)


def stated_state(variable: Variable, report: Report) -> str:
    """The state that a report names, or the one that speaks best for what it gives.

    A count speaks for the state under whose rate it is most probable, taken as a Poisson count at
    the middle of the rate; a real number for the state whose mean is nearest; a range as its
    middle does, or as its end if it has one only.
    """
    if report.likelihoods:
        return max(report.likelihoods, key=lambda each: each[1])[0]
    if report.number is None:
        return report.state
    number = report.number if report.upper is None else (report.number + report.upper) / 2
    if report.upper is not None and report.upper >= LARGEST_NUMBER:
        number = report.number
    measured = variable.measured
    if isinstance(measured, Count):
        days = report.exposure or measured.per
        middle = {
            state: exp(quantity.between.fit(measured.per).shape[0])
            for state, quantity in measured.rate.items()
        }
        mean = {state: rate * days / measured.per for state, rate in middle.items()}
        return max(variable.states, key=lambda state: number * log(mean[state]) - mean[state])
    assert measured is not None
    centre = {s: (q.between.lower + q.between.upper) / 2 for s, q in measured.mean.items()}
    return min(variable.states, key=lambda state: abs(number - centre[state]))


def find_conflicts(
    scenario: Scenario, evidence: Evidence
) -> Iterator[tuple[str, int, tuple[Report, ...]]]:
    """Yield indicator, step and reports of each conflict, in order of steps."""
    for (step, name), reports in sorted(_reports_by_place(scenario, evidence).items()):
        if len({stated_state(scenario.variables[name], report) for report in reports}) > 1:
            yield name, step, tuple(ranked(scenario, reports))


def _reports_by_place(
    scenario: Scenario, evidence: Evidence
) -> dict[tuple[int, str], list[Report]]:
    """Reports of each step and indicator that their events may have been in; none elsewhere."""
    found: dict[tuple[int, str], list[Report]] = defaultdict(list)
    for event in find_events(scenario, evidence):
        for step in event.shares:
            found[step, event.indicator] += event.reports
    return found


def _conflicts(given: Forecast, found: Beliefs) -> Iterator[Conflict]:
    conflicts = list(find_conflicts(given.scenario, given.evidence))
    network = found.network
    cells = [
        (step, column)
        for name, step, _ in conflicts
        for column in network.state_columns([name]).tolist()
    ]
    draws = iter(found.smoothed_cells(cells))
    for name, step, reports in conflicts:
        states = {state: Estimate.of(next(draws)) for state in network.node(name).states}
        quoted = len({origin_of(report) for report in reports}) == 1
        yield Conflict(name, step, reports, quoted, states)


def _dates(given: Forecast, found: Beliefs) -> Iterator[Dated]:
    dates = date_variables(find_events(given.scenario, given.evidence)).values()
    ordered = sorted(dates, key=lambda when: (when.first, when.last, when.reports))
    answers = found.auxiliaries([when.name for when in ordered])
    for when in ordered:
        draws = answers[when.name]
        days = dict(when.shares)
        estimates = {step: Estimate.of(draws.isel(time=k)) for k, step in enumerate(days)}
        yield Dated(when.reports, days, estimates)


def _silences(given: Forecast) -> Iterator[Silence]:
    reports_at = _reports_by_place(given.scenario, given.evidence)
    found: dict[str, dict[int, Estimate]] = defaultdict(dict)
    for each in watched_steps(given.scenario, given.as_of):
        reports = reports_at[each.step, each.watch.indicator]
        if not any(each.is_broken_by(report) for report in reports):
            detection = given.posterior["posterior"]["detection"].sel(watch=each.name)
            found[each.name][each.step] = given.estimate(each.reach * detection.to_numpy())
    for name, watch in given.scenario.watches.items():
        if name in found:
            yield Silence(name, watch.indicator, found[name])


def _controls(given: Forecast) -> Iterator[ChannelControl]:
    if not given.scenario.channels:
        return
    found = beliefs(given)
    auxiliaries = {each.name for each in found.network.auxiliaries}
    for judged in trust_in(given.scenario).control:
        name = control_variable(judged.name)
        if name in auxiliaries:
            control = Estimate.of(found.auxiliary(name).isel(state=CONTROLLED))
            clamped = (found, found.clamp(name, FREE), found.clamp(name, CONTROLLED))
            now, free, controlled = (_answers(given, each) for each in clamped)
            answers = {course: (now[course], free[course], controlled[course]) for course in now}
            yield ChannelControl(judged.name, judged.prior, control, answers)


def _answers(given: Forecast, found: Beliefs) -> dict[str, Estimate]:
    """Estimates of each course to the horizon, and of any dangerous one."""
    draws = by_horizon(given, found)
    names = dict(watched(given.scenario))
    return {name: Estimate.of(draws.isel(course=k)) for k, name in enumerate(names)}


def _accuracies(given: Forecast) -> Iterator[Accuracy]:
    reports: dict[int, list[Report]] = defaultdict(list)
    for event in find_events(given.scenario, given.evidence):
        for report in event.reports:
            reports[accuracy_index(given.scenario, report)].append(report)
    draws = given.posterior["posterior"]["accuracy"].to_numpy()
    for k, judged in enumerate(trust_in(given.scenario).accuracy):
        if own := reports.get(k):
            sources = tuple(sorted({report.source for report in own}))
            found = given.estimate(draws[..., k])
            yield Accuracy(judged.name, len(own), sources, judged.prior, found)


def step_label(given: Forecast, step: int) -> str:
    """A step in few words: its first day, or nothing in a static scenario."""
    timeline = given.scenario.timeline
    return "" if timeline is None else timeline.first_day(step).isoformat()


def _sections(review: WeighedEvidence) -> Iterator[Summary]:
    """What was found, table by table."""
    given = review.given
    if review.conflicts:
        rows = [
            (
                step_label(given, each.step),
                each.indicator,
                ", ".join(f"{report.id} {report.statement}" for report in each.reports),
                "one origin" if each.quoted else "several",
                ", ".join(f"{s} {percent(e.mean)}" for s, e in each.states.items()),
            )
            for each in review.conflicts
        ]
        head = ("step", "indicator", "reports", "origins", "taken together")
        yield Summary("Reports that disagree", head, rows)
    if review.dates:
        rows_of_dates = [
            (", ".join(each.reports), step_label(given, step), percent(share), quantity(found))
            for each in review.dates
            for (step, share), found in zip(each.days.items(), each.found.values(), strict=True)
        ]
        head_of_dates = ("reports", "step", "by days", "found")
        yield Summary("Events without a certain date", head_of_dates, rows_of_dates)
    if review.silences:
        rows_of_silence = [
            (each.watch, each.indicator, step_label(given, step), quantity(probability))
            for each in review.silences
            for step, probability in each.steps.items()
        ]
        head_of_silence = ("watch", "indicator", "step", "would be known")
        yield Summary("Silence", head_of_silence, rows_of_silence)
    for control in review.channels:
        prior, now = quantity(control.prior), quantity(control.control)
        title = f"{control.channel}: controlled {prior}, now {now}"
        rows_of_control = [(name, *map(quantity, three)) for name, three in control.answers.items()]
        head_of_control = ("course", "as it is", "free", "controlled")
        yield Summary(title, head_of_control, rows_of_control)
    if review.accuracies:
        rows_of_accuracy = [
            (each.name, str(each.reports), quantity(each.prior), quantity(each.found), each.note)
            for each in review.accuracies
        ]
        head_of_accuracy = ("source", "reports", "accuracy before", "now", "")
        yield Summary("How far sources are believed", head_of_accuracy, rows_of_accuracy)
