"""What to collect for a warning decision: preposterior analysis (Raiffa and Schlaifer 1961).

A level of warning is chosen once the reports are in, and costs what it costs if the event comes
and if it does not. Reports are worth the loss that is expected without them less the loss that is
expected with them, before anybody knows what they will say. Several indicators are worth less or
more together than apart, so their findings are taken jointly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from itertools import combinations
from math import prod

import numpy as np

from forecast.analysis.watch_list import (
    DRAWS,
    Question,
    accuracy_of,
    number_of_each,
    pose,
    reported,
)
from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import Problem, raise_if_any
from forecast.estimate import percent
from forecast.layout import PrintsItself, Summary
from forecast.outlook import Forecast
from forecast.posterior.beliefs import Beliefs

MOST_SETS = 256
"""Sets of indicators, up to which every one is compared; beyond, one is added at a time."""
MOST_FINDINGS = 4096
"""Joint findings of a set, up to which it is taken into account."""
GAIN = 1e-12
"""A smaller fall of the expected loss is rounding."""
Loss = Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Collected:
    """One more indicator of a plan.

    Attributes
    ----------
    indicator, cost
        What is looked for, and what that costs.
    expected_loss
        Of the decision with the reports of this and all before it.
    """

    indicator: str
    cost: float
    expected_loss: float


@dataclass(frozen=True, repr=False)
class CollectionPlan(PrintsItself):
    """Indicators to look for, within a budget; made by `collection_plan`.

    Attributes
    ----------
    event, probability
        The event, and its probability now.
    level
        The level of warning that would be chosen now.
    expected_loss
        Its expected loss.
    steps
        The plan, in order.
    bound
        No plan within the budget has a smaller expected loss than this.
    exact
        Whether every set of indicators within the budget was compared: then the plan is the best.
    """

    event: str
    probability: float
    level: str
    expected_loss: float
    steps: tuple[Collected, ...]
    bound: float
    exact: bool

    @property
    def gain(self) -> float:
        """Expected loss that the plan saves."""
        left = self.steps[-1].expected_loss if self.steps else self.expected_loss
        return self.expected_loss - left

    @property
    def _summary(self) -> Summary:
        title = (
            f"What to collect about {self.event} ({percent(self.probability)}): without it "
            f"{self.level!r}, expected loss {self.expected_loss:.3g}"
        )
        rows = [
            (f"{k}", step.indicator, f"{step.cost:g}", f"{step.expected_loss:.3g}")
            for k, step in enumerate(self.steps, 1)
        ]
        how = "the best within the budget" if self.exact else f"at least {self.bound:.3g} is left"
        below = (f"Expected loss {how}." if rows else "Nothing within the budget changes it.",)
        return Summary(title, ("Step", "Indicator", "Cost", "Expected loss"), rows, below)


@checked
def collection_plan(
    given: Forecast | Beliefs,
    loss: Loss,
    budget: float,
    event: str | None = None,
    *,
    by: date | str | None = None,
    at: date | str | None = None,
    indicators: Sequence[str] | None = None,
    reliability: str | float = "B",
    detection: float | Mapping[str, float] = 1.0,
    cost: float | Mapping[str, float] = 1.0,
    draws: int = DRAWS,
) -> CollectionPlan:
    """Choose what to look for, so that the warning decision is expected to lose least.

    Where there are few sets of indicators within the budget, all are compared, and the plan is the
    best. Otherwise the indicator that saves most for its cost, beside those before it, is added
    until nothing saves anything; indicators that tell something only together are not found so.
    The bound says how much better another plan could be.

    Parameters
    ----------
    given
        A forecast; or beliefs of a network from a file.
    loss
        For each level of warning what it loses if the event does not come, and if it does.
    budget
        What may be spent in all, in the unit of ``cost``.
    event, by, at, indicators, reliability, detection, cost, draws
        As in `watch_list`.

    Returns
    -------
    CollectionPlan
        It prints itself.

    Raises
    ------
    InputError
        For unknown names, or numbers outside of their limits.

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
    >>> loss = {"none": (0, 20), "warn": (1, 2)}
    >>> plan = collection_plan(network.beliefs(), loss, 1, "storm=yes", reliability=1.0)
    >>> plan.level, round(plan.expected_loss, 3)
    ('warn', 1.1)
    >>> [(step.indicator, round(step.expected_loss, 3)) for step in plan.steps]
    [('glass', 0.47)]
    """
    name, names, question = pose(given, event, by, at, indicators, draws)
    raise_if_any(list(_faults(loss, budget)))
    problem = _Problem(
        question,
        np.array(list(loss.values()), dtype=float),
        accuracy_of(question.scenario, reliability),
        number_of_each("detection", detection, names, 0, 1),
        number_of_each("cost", cost, names, 0, np.inf),
    )
    sets = list(_sets(problem, names, budget))
    exact = len(sets) <= MOST_SETS
    steps = _best(problem, sets) if exact else _greedy(problem, names, budget)
    losses = problem.losses @ problem.now
    level = list(loss)[int(losses.argmin())]
    certain = problem.losses.min(axis=0) @ problem.now
    bound = (steps[-1].expected_loss if steps else losses.min()) if exact else certain
    probability = float(problem.now[1])
    return CollectionPlan(
        name, probability, level, float(losses.min()), tuple(steps), float(bound), exact
    )


def _faults(loss: Loss, budget: float) -> Iterator[Problem]:
    if not loss:
        yield Problem("loss", "no level of warning; needs at least one")
    for level, pair in loss.items():
        if len(pair) != 2 or not np.isfinite(pair).all():
            message = f"{pair!r} for {level!r}; needs two numbers: without the event, and with it"
            yield Problem("loss", message)
    if not budget >= 0:
        yield Problem("budget", f"{budget:g}; needs at least 0")


@dataclass(frozen=True, eq=False)
class _Problem:
    """A decision, and what may be found before it."""

    question: Question
    losses: Array
    accuracy: float
    detection: Mapping[str, float]
    cost: Mapping[str, float]

    @property
    def now(self) -> Array:
        """Probability that the event does not come, and that it does."""
        probability = self.question.probability
        return np.array([1 - probability, probability])

    def n_findings(self, names: Sequence[str]) -> int:
        """Joint findings of some indicators, a report that does not come being one of them."""
        sizes = self.question.beliefs.network.sizes
        return prod(sizes[name] + 1 for name in names)

    def expected_loss(self, names: tuple[str, ...]) -> float:
        """Expected loss if the reports on some indicators are known first."""
        return self.expected_losses(names[:-1], names[-1:])[names[-1]]

    def expected_losses(self, done: tuple[str, ...], names: Sequence[str]) -> dict[str, float]:
        """Expected loss of each indicator beside those that are looked for already."""
        return {
            name: self._least((*done, name), joint)
            for name, joint in self._joints(done, names).items()
        }

    def _least(self, names: tuple[str, ...], joint: Array) -> float:
        """Expected loss of the best level for each joint finding."""
        for name in names:  # the first axis of states becomes the last one, of reports
            rows = reported(joint.shape[1], self.accuracy, self.detection[name])
            joint = np.tensordot(joint, rows, axes=(1, 1))
        found = joint.reshape(2, -1)[::-1]  # without the event, with it
        return float((self.losses @ found).min(axis=0).sum())

    def _joints(self, done: tuple[str, ...], names: Sequence[str]) -> dict[str, Array]:
        """Joint probability of event and states, (event or not, state, …), for each last name."""
        sizes = self.question.beliefs.network.sizes
        shape = tuple(sizes[name] for name in done)
        found = {name: np.zeros((2, *shape, sizes[name])) for name in names}
        for states in np.ndindex(*shape):
            weight, asked = self._given(done, states)
            if weight:
                question = replace(self.question, beliefs=asked)
                for name, joint in question.joints(names).items():
                    found[name][:, *states] = weight * joint
        return found

    def _given(self, names: tuple[str, ...], states: tuple[int, ...]) -> tuple[float, Beliefs]:
        """Probability of some states, and beliefs given them."""
        weight, asked = 1.0, self.question.beliefs
        at = asked.times[self.question.at]
        for name, state in zip(names, states, strict=True):
            weight *= float(asked.posterior(name, at).mean(("chain", "draw"))[state])
            if weight == 0:
                break
            asked = asked.set_evidence({name: asked.network.node(name).states[state]}, at)
        return weight, asked


def _sets(problem: _Problem, names: Sequence[str], budget: float) -> Iterator[tuple[str, ...]]:
    """Sets within the budget whose findings are not too many, and one too many to compare."""
    count = 0
    for size in range(1, len(names) + 1):
        for chosen in combinations(names, size):
            affordable = sum(problem.cost[name] for name in chosen) <= budget
            if affordable and problem.n_findings(chosen) <= MOST_FINDINGS:
                yield chosen
                count += 1
                if count > MOST_SETS:
                    return


def _best(problem: _Problem, sets: Sequence[tuple[str, ...]]) -> list[Collected]:
    """The set with the least expected loss, the smallest of equal ones, in the order of gains."""
    losses = {chosen: problem.expected_loss(chosen) for chosen in sets}
    now = float((problem.losses @ problem.now).min())
    if not losses or min(losses.values()) > now - GAIN:
        return []
    least = min(losses.values())
    best = next(chosen for chosen, lost in losses.items() if lost <= least + GAIN)
    return _ordered(problem, best)


def _ordered(problem: _Problem, chosen: tuple[str, ...]) -> list[Collected]:
    """A set as a sequence: first what saves most, then what saves most beside it."""
    steps: list[Collected] = []
    left = list(chosen)
    while left:
        done = tuple(step.indicator for step in steps)
        losses = problem.expected_losses(done, left)
        name = min(left, key=lambda one: losses[one])
        steps.append(Collected(name, problem.cost[name], losses[name]))
        left.remove(name)
    return steps


def _greedy(problem: _Problem, names: Sequence[str], budget: float) -> list[Collected]:
    """Add what saves most for its cost, as long as anything does."""
    steps: list[Collected] = []
    lost = float((problem.losses @ problem.now).min())
    while True:
        done = tuple(step.indicator for step in steps)
        left = budget - sum(step.cost for step in steps)
        possible = [
            name
            for name in names
            if name not in done
            and problem.cost[name] <= left
            and problem.n_findings((*done, name)) <= MOST_FINDINGS
        ]
        if not possible:
            return steps
        losses = problem.expected_losses(done, possible)

        def saved(name: str, now: float = lost, found: dict[str, float] = losses) -> float:
            gain = now - found[name]
            return gain / problem.cost[name] if problem.cost[name] else gain * np.inf

        name = max(losses, key=saved)
        if losses[name] > lost - GAIN:
            return steps
        lost = losses[name]
        steps.append(Collected(name, problem.cost[name], lost))
