"""The most probable states of chosen variables, all others summed out: marginal MAP.

Summing and maximising do not commute, so an elimination alone does not answer (Park, Darwiche:
Complexity results and approximation strategies for MAP explanations, Journal of Artificial
Intelligence Research 21, 2004). What no evidence and no chosen variable depends on sums to one and
is left out first; if then everything left is chosen, the elimination does answer. Otherwise states
are set one by one, best first: how probable a partial assignment is bounds all its completions,
and one smoothed sweep gives it for each next state of each variable.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import NamedTuple

import numpy as np

from forecast.arrays import Array
from forecast.errors import TooLarge
from forecast.network.maximum import History, most_probable_history
from forecast.network.queries import Regimes
from forecast.network.structure import Network
from forecast.network.sweep import sweep

MOST_EXPANDED = 10_000
"""Partial assignments of one draw that are looked at before the search is given up."""
TOGETHER = 64
"""Partial assignments of all draws that are swept together: fewer leave inner loops empty."""
EQUAL = 1e-12
"""Log-probabilities that differ by less differ by rounding."""


def most_probable_states(
    network: Network,
    theta: Array,
    log_like: Array,
    names: tuple[str, ...],
    window: range,
    regimes: Regimes | None = None,
    most_expanded: int = MOST_EXPANDED,
) -> tuple[History, Array]:
    """Find the joint state of some variables in a window that is most probable given evidence.

    Parameters
    ----------
    network, theta, log_like, regimes
        As in `sweep`.
    names, window
        The variables, and consecutive steps.
    most_expanded
        Partial assignments of one draw that are looked at before the search is given up.

    Returns
    -------
    states
        State of each variable at each step of the window, (step, variable, draw).
    log_probability
        Log-probability of these states together with the evidence, (draw,).

    Raises
    ------
    TooLarge
        If the search is given up.
    """
    like = log_like if log_like.ndim == 3 else log_like[..., None]
    n_steps = max(window.stop, _last_informed(network, like) + 1)
    like, which = like[:n_steps], None if regimes is None else regimes[:n_steps]
    if _leaves_nothing_to_sum(network, like, names, window):
        history, log_probability = most_probable_history(network, theta, like, which)
        at = [network.names.index(name) for name in names]
        return history[window.start : window.stop][:, at], log_probability
    search = _Search(network, theta, like, names, window, which, most_expanded)
    return search.run()


def _last_informed(network: Network, like: Array) -> int:
    """Last step that evidence speaks of: what comes after the window and it sums to one."""
    inputs = [network.states(node.name) for node in network.nodes if node.is_input]
    observed = like.any(axis=2)
    for columns in inputs:
        observed[:, columns] = False
    auxiliary = max((variable.last for variable in network.auxiliaries), default=0)
    return int(np.flatnonzero(observed.any(axis=1)).max(initial=min(auxiliary, len(like) - 1)))


def _leaves_nothing_to_sum(
    network: Network, like: Array, names: tuple[str, ...], window: range
) -> bool:
    """Whether everything that is not chosen has one state that evidence allows."""
    if network.auxiliaries:
        return False
    allowed = ~np.isneginf(like)
    return all(
        (name in names and step in window)
        or (allowed[step, network.states(name)].sum(axis=0) == 1).all()
        for step in range(len(like))
        for name in network.names
    )


class _Partial(NamedTuple):
    """A partial assignment: minus the log of its bound, a number that breaks ties, the states."""

    cost: float
    number: int
    states: tuple[int, ...]


@dataclass
class _Frontier:
    """Partial assignments of one draw that may lead to the best, and the best so far."""

    waiting: list[_Partial]
    best: tuple[int, ...] = ()
    value: float = -np.inf
    n_expanded: int = 0
    n_made: int = field(default=1)

    def offer(self, states: tuple[int, ...], bound: float, complete: bool) -> None:
        if bound <= self.value + EQUAL:
            return
        if complete:
            self.best, self.value = states, bound
        else:
            heappush(self.waiting, _Partial(-bound, self.n_made, states))
            self.n_made += 1

    def take(self, n: int) -> list[tuple[int, ...]]:
        """The most promising ones; none if nothing better can be found."""
        taken: list[tuple[int, ...]] = []
        while self.waiting and len(taken) < n and -self.waiting[0].cost > self.value + EQUAL:
            taken.append(heappop(self.waiting).states)
        self.n_expanded += len(taken)
        return taken


class _Search:
    """Best-first searches of all draws side by side, swept together."""

    def __init__(
        self,
        network: Network,
        theta: Array,
        like: Array,
        names: tuple[str, ...],
        window: range,
        regimes: Regimes | None,
        most_expanded: int,
    ) -> None:
        self.network, self.theta, self.regimes = network, theta, regimes
        self.like = np.broadcast_to(like, (*like.shape[:2], theta.shape[-1]))
        self.shape = len(window), len(names)
        self.places = [(step, network.states(name)) for step in window for name in names]
        self.most_expanded = most_expanded

    def run(self) -> tuple[History, Array]:
        nothing = (-1,) * len(self.places)
        draws = [_Frontier([_Partial(-np.inf, 0, nothing)]) for _ in range(self.theta.shape[-1])]
        active = list(range(len(draws)))
        while active:
            width = max(1, TOGETHER // len(active))
            asked = [(draw, states) for draw in active for states in draws[draw].take(width)]
            if not asked:
                break
            self._expand(draws, asked)
            active = sorted({draw for draw, _ in asked})
            self._require_within_limit([draws[draw] for draw in active])
        states = np.array([draw.best for draw in draws]).T.reshape(*self.shape, -1)
        return states, np.array([draw.value for draw in draws])

    def _expand(self, draws: list[_Frontier], asked: list[tuple[int, tuple[int, ...]]]) -> None:
        which = [draw for draw, _ in asked]
        like = self.like[..., which]
        for k, (_, states) in enumerate(asked):
            for (step, columns), state in zip(self.places, states, strict=True):
                if state >= 0:
                    others = np.delete(np.arange(columns.start, columns.stop), state)
                    like[step, others, k] = -np.inf
        found = sweep(self.network, self.theta[..., which], like, "smoothed", regimes=self.regimes)
        for k, (draw, states) in enumerate(asked):
            probabilities = [found.marginals[step, columns, k] for step, columns in self.places]
            _branch(draws[draw], states, float(found.log_evidence[k]), probabilities)

    def _require_within_limit(self, draws: list[_Frontier]) -> None:
        for draw in draws:
            if draw.n_expanded > self.most_expanded and draw.waiting:
                raise TooLarge(
                    f"the most probable states of {self.shape[1]} variables at {self.shape[0]} "
                    f"steps: {draw.n_expanded} partial assignments were looked at, the limit is "
                    f"{self.most_expanded}; choose fewer variables or steps, or all variables "
                    "that the evidence depends on"
                )


def _branch(
    frontier: _Frontier, states: tuple[int, ...], log_evidence: float, probabilities: list[Array]
) -> None:
    """Set one more variable to each of its states, the surest one first.

    No completion is more probable than the least sure of the other variables allows.
    """
    tops = np.array([probability.max() for probability in probabilities])
    certain = tuple(
        int(probability.argmax()) if state < 0 and np.count_nonzero(probability) == 1 else state
        for state, probability in zip(states, probabilities, strict=True)
    )
    free = [place for place, state in enumerate(certain) if state < 0]
    if not free:
        frontier.offer(certain, log_evidence, complete=True)
        return
    place = max(free, key=lambda each: tops[each])
    others = min((tops[each] for each in free if each != place), default=1.0)
    for state in np.argsort(-probabilities[place], kind="stable"):
        probability = min(probabilities[place][state], others)
        if probabilities[place][state] > 0:
            longer = (*certain[:place], int(state), *certain[place + 1 :])
            frontier.offer(longer, log_evidence + float(np.log(probability)), len(free) == 1)
