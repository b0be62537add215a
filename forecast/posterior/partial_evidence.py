"""Answers from parts of the evidence: what the same draws say given some reports and not others.

Accounts of a move ask the same few probabilities under hundreds of sets of reports. Nothing depends
on the set but the likelihoods of the reports, so what lies ahead is computed once
(`forecast.network.horizon`), and reports of one indicator are laid out once for each set of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from forecast.arrays import Array
from forecast.evidence.events import last_step
from forecast.evidence.inputs import are_steady
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import tabulate_reports
from forecast.evidence.report import Report
from forecast.network.filtering import Memory, Present
from forecast.network.horizon import Future, look_ahead
from forecast.network.kernels import circuit_at, count_products
from forecast.network.slices import pack_circuits
from forecast.network.structure import Network
from forecast.network.sweep import sweep
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.passage import calendar_of, reached, reached_by
from forecast.posterior.reweighting import Fit, Pair
from forecast.timeline import Ahead, Timeline


@dataclass(frozen=True, slots=True)
class Target:
    """A probability that is asked for.

    Attributes
    ----------
    states
        Pairs of variable and state; several make their union.
    day
        Last of the days ahead that count; None asks for the present step.
    share
        Whether the expected share of those days is meant on which the one state holds, and not the
        probability that one of the states holds on at least one of them.
    start
        First of the days that count to a share, if that is not the first day ahead.
    """

    states: tuple[Pair, ...]
    day: date | None = None
    share: bool = False
    start: date | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a set of reports comes to.

    Attributes
    ----------
    probability
        The probabilities asked for, (target, draw).
    log_evidence
        Logarithm of the probability of the reports and of silence, (draw,).
    """

    probability: Array
    log_evidence: Array


class PartialEvidence:
    """Some probabilities under parts of the evidence, for every draw of a fit.

    Parameters
    ----------
    fit
        The draws.
    as_of
        Day up to whose end things were known.
    targets
        What is asked for.
    """

    def __init__(self, fit: Fit, as_of: date, targets: Sequence[Target]) -> None:
        self.fit = fit
        self.as_of = as_of
        self.targets = tuple(targets)
        self.now = last_step(fit.scenario, Evidence(as_of))
        self._found: dict[tuple[frozenset[Report], bool], Found] = {}
        self._memory = Memory()

    def earlier(self, steps: int) -> PartialEvidence:
        """Ask the same of as many days, so many steps before."""
        if not steps:
            return self
        past = timedelta(days=steps * self._timeline.step_days)

        def before(day: date | None) -> date | None:
            return None if day is None else day - past

        targets = [
            replace(each, day=before(each.day), start=before(each.start)) for each in self.targets
        ]
        return PartialEvidence(self.fit, self.as_of - past, targets)

    @property
    def work(self) -> int:
        """Multiply-adds that one set of reports takes, of all draws."""
        packed = pack_circuits(self._likelihoods((), silence=False)[0], (), self.now + 1)
        circuits = [circuit_at(packed, step) for step in range(self.now + 1)]
        return int(sum(map(count_products, circuits)) * self.fit.n_draws)

    def has_silence(self, reports: Iterable[Report]) -> bool:
        """Whether silence speaks beside some reports."""
        table = tabulate_reports(self.fit.scenario, self._evidence(reports), self.now + 1)
        return len(table.arrays.silence_place) > 0

    def find(self, reports: Iterable[Report], *, silence: bool = True) -> Found:
        """Answer from some reports alone, with or without what was not reported."""
        chosen = tuple(reports)
        key = frozenset(chosen), silence
        if key not in self._found:
            self._found[key] = self._look(chosen, silence)
        return self._found[key]

    def _look(self, reports: Sequence[Report], silence: bool) -> Found:
        scenario = self.fit.scenario
        if scenario.timeline is None:
            return self._ask(reports, silence)
        if self.targets and not are_steady(scenario, self._evidence(reports)):
            return self._ask(reports, silence)
        network, like = self._likelihoods(reports, silence)
        window = range(self.now + 1, self.now + 2)
        spared = [barred for each in self.targets for barred in self._barred(network, each)]
        if not self.targets:
            norm = sweep(
                network, self.fit.cells, _stacked(like[: self.now + 1]), "forward"
            ).log_norm
            return Found(np.zeros((0, norm.shape[1])), norm.sum(axis=0))
        ahead = look_ahead(
            network, self.fit.cells, like, window, spared=spared, memory=self._memory
        )
        if ahead is None:
            return self._ask(reports, silence)
        future, [present, *without] = ahead
        left = iter(without)
        answers = [
            self._read(each, future, present, [next(left) for _ in self._barred(network, each)])
            for each in self.targets
        ]
        return Found(np.clip(np.stack(answers), 0.0, 1.0), present.log_norm.sum(axis=0))

    # ── from what is kept of the future ───────────────────────────────────────────────────────

    def _barred(self, network: Network, target: Target) -> list[tuple[Pair, ...]]:
        """States that the present step is asked to be without, for one target."""
        if target.day is None or target.share:
            [state, *others] = target.states
            needed = target.day is None or self._days(target)[0] > 0
            kept = not others and state[0] in network.interface
            return [target.states] if needed and not kept else []
        if self._place(target).whole:
            return []
        calendar = calendar_of(self.fit.scenario, self.as_of)
        assert calendar is not None
        return [
            tuple(each for each in states if each[0] not in calendar.memoryless)
            for states in _members(target)
        ]

    def _read(
        self, target: Target, future: Future, present: Present, without: list[Present]
    ) -> Array:
        if target.day is None:
            return self._probability_now(target, future, present, without)
        if target.share:
            days = self._days(target)
            later = self.fit.expect(future, present, "share", target.states, tuple(days[1:]))
            today = self._probability_now(target, future, present, without) if days[0] else 0.0
            return np.asarray((days[0] * today + later) / days.sum())
        place = self._place(target)
        if place.whole:
            return 1.0 - self.fit.expect(future, present, "never", target.states, place.steps)
        pairs = zip(_members(target), without, strict=True)
        draws = [self._reached(place, states, future, present, each) for states, each in pairs]
        return np.asarray(np.max(draws, axis=0))

    def _probability_now(
        self, target: Target, future: Future, present: Present, without: list[Present]
    ) -> Array:
        """Probability that one of the states holds in the present step."""
        if without:
            return 1.0 - without[0].share_of(present)
        return present.of(future.network, *target.states[0])

    def _reached(
        self,
        place: Ahead,
        states: Sequence[Pair],
        future: Future,
        present: Present,
        without: Present,
    ) -> Array:
        """That one of some states holds by a day within a step, or from within one."""
        ahead = np.zeros((present.message.shape[1], max(place.steps, 1)))
        for n in {1, place.steps - 1, place.steps} - {0, -1}:
            ahead[:, n - 1] = 1.0 - self.fit.expect(future, present, "never", states, n)
        gone = without.share_of(present)
        neither = gone * self.fit.expect(future, without, "never", states, 1)
        return reached(ahead, 1.0 - np.stack([gone, neither], axis=-1), place)

    def _place(self, target: Target) -> Ahead:
        assert target.day is not None
        return self._timeline.ahead(self.as_of, target.day)

    def _days(self, target: Target) -> Array:
        """Days that count in the present step and in each one after it."""
        assert target.day is not None
        last = self._timeline.step_of(target.day)
        first = max(self.as_of + timedelta(days=1), target.start or self.as_of)
        steps = range(self.now, max(last, self.now + 1) + 1)
        days = [self._timeline.days_in(step, first, target.day) for step in steps]
        return np.array(days, np.float64)

    @property
    def _timeline(self) -> Timeline:
        timeline = self.fit.scenario.timeline
        assert timeline is not None
        return timeline

    # ── likelihoods of a set of reports ───────────────────────────────────────────────────────

    def _evidence(self, reports: Iterable[Report]) -> Evidence:
        return Evidence(self.as_of, tuple(reports))

    def _likelihoods(self, reports: Sequence[Report], silence: bool) -> tuple[Network, list[Array]]:
        """The network, and log-likelihoods up to the step after the present one."""
        return self.fit.likelihoods(self._evidence(reports), self.now + 2, silence=silence)

    # ── from beliefs, where the future cannot be kept ─────────────────────────────────────────

    def _ask(self, reports: Sequence[Report], silence: bool) -> Found:
        timeline, last = self.fit.scenario.timeline, self.now
        for each in self.targets:
            if timeline is not None and each.day is not None:
                last = max(last, timeline.step_of(each.day), self.now + 1)
        found = self.fit.beliefs(self._evidence(reports), last + 1, silence=silence)
        log_evidence = found.log_evidence().to_numpy().ravel()
        answers = [self._ask_beliefs(found, each) for each in self.targets]
        return Found(np.array(answers).reshape(-1, log_evidence.size), log_evidence)

    def _ask_beliefs(self, found: Beliefs, target: Target) -> Array:
        if target.day is None:
            return np.asarray(found.union(target.states, found.times[self.now])).ravel()
        if target.share:
            days, [(name, state)] = self._days(target), target.states
            draws = found.posterior(name).sel(state=state).transpose("chain", "draw", "time")
            ahead = draws.to_numpy()[..., self.now : self.now + len(days)]
            return np.asarray(np.average(ahead, axis=-1, weights=days)).ravel()
        calendar = calendar_of(self.fit.scenario, self.as_of)
        assert calendar is not None
        return np.asarray(reached_by(found, calendar, [target.states], target.day)).ravel()


def _members(target: Target) -> list[tuple[Pair, ...]]:
    """A union of states, and each of them: together they are no less probable than one."""
    return list(dict.fromkeys([target.states, *((state,) for state in target.states)]))


def _stacked(rows: Sequence[Array]) -> Array:
    """Log-likelihoods of several steps, (step, column, draw)."""
    n_draws = max(row.shape[1] for row in rows)
    return np.stack([np.broadcast_to(row, (len(row), n_draws)) for row in rows])
