"""Random scenarios with tables of every form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from itertools import product
from typing import Any

import numpy as np

from forecast.scenario.forms import (
    Hazards,
    Influence,
    LikelihoodRatios,
    Move,
    Multiplier,
    NoisyMax,
    Quantity,
    Ranked,
    Ratio,
    Row,
    Rows,
    Table,
    parse_parent,
)
from forecast.scenario.scenario import Clock, Scenario, Variable
from forecast.scenario.scenario_checks import find_problems
from forecast.wording import earlier

BASIS = "judgement: a test"
CLOCK = Clock(start=date(2020, 1, 1), step=7, horizon=90)
RATIO: Any = (0.1, 0.2)
"""So small that no ratio can raise a probability beyond one."""
MULTIPLE: Any = (0.5, 2.0)
PROBABILITY: Any = (0.1, 0.4)
WEIGHT: Any = (1, 4)
SPREAD: Any = (0.05, 0.3)


def scenario_of(variables: dict[str, Variable], clock: Clock | None = CLOCK) -> Scenario:
    """A scenario of some variables and a clock."""
    return Scenario(
        name="test", version="1", title="Test", question="?", time=clock, variables=variables
    )


@dataclass
class _Author:
    """Writes random scenarios."""

    rng: np.random.Generator
    dynamic: bool
    states: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def scenario(self) -> Scenario:
        """A scenario of five variables, the first of them an input."""
        variables = {}
        for k in range(5):
            name = f"v{k}"
            self.states[name] = tuple(f"s{s}" for s in range(self.rng.integers(2, 5)))
            same = list(self.states)[:-1]
            past = [earlier(other, 1) for other in self.states] + [earlier(name, 2)]
            label = {"label": name, "states": self.states[name]}
            if k == 0:
                tables: dict[str, Any] = {"role": "input", "default": "s1"}
            elif self.dynamic and self.rng.random() < 0.7:
                tables = {"initial": self._table(name, same, memory=False)}
                tables["transition"] = self._table(name, same + past, memory=True)
            else:
                tables = {"table": self._table(name, same, memory=False)}
            variables[name] = Variable(**({"role": "factor"} | label | tables))
        return scenario_of(variables, CLOCK if self.dynamic else None)

    def _table(self, name: str, legal: list[str], *, memory: bool) -> Table:
        forms: list[Callable[[], Table]] = [lambda: self._rows(name, legal)]
        if legal:
            forms += [
                lambda: self._noisy_max(name, legal),
                lambda: self._ratios(name, legal),
                lambda: self._ranked(legal),
            ]
        if self.dynamic:
            forms.append(lambda: self._hazards(name, legal, memory and self.rng.random() < 0.7))
        return forms[self.rng.integers(len(forms))]()

    def _some(self, legal: list[str], most: int) -> list[str]:
        return [str(name) for name in self.rng.permutation(legal)[: self.rng.integers(most + 1)]]

    def _split(self, reference: str) -> list[str | tuple[str, ...]]:
        """A parent's states in groups; a group of one is now and then given as a plain name."""
        states = self.rng.permutation(self.states[parse_parent(reference)[0]]).tolist()
        cuts = np.flatnonzero(self.rng.random(len(states) - 1) < 0.6) + 1
        groups = [tuple(map(str, group)) for group in np.split(np.array(states), cuts)]
        return [g[0] if len(g) == 1 and self.rng.random() < 0.5 else g for g in groups]

    def _row(self, states: tuple[str, ...], when: dict[str, Any]) -> Row:
        probability = self.rng.dirichlet(np.full(len(states), 4.0))
        order = self.rng.permutation(len(states))
        kind = str(self.rng.choice(["probability", "concentration", "exactly"]))
        stated: dict[str, Any] = {states[k]: float(probability[k]) for k in order}
        if kind == "concentration":
            stated = {state: 10 * p + 0.1 for state, p in stated.items()}
        elif kind == "probability":
            half = {state: 0.3 * np.sqrt(p * (1 - p)) for state, p in stated.items()}
            shift = self.rng.uniform(-0.02, 0.02)
            stated = {
                state: (max(p + shift - half[state], 0.0), min(p + shift + half[state], 1.0))
                for state, p in stated.items()
            }
            if len(states) == 2:
                stated = dict(list(stated.items())[:1])
        return Row.model_validate({"when": when, "basis": BASIS, kind: stated})

    def _rows(self, name: str, legal: list[str]) -> Rows:
        parents = self._some(legal, 2)
        configs = product(*(self._split(parent) for parent in parents))
        whens = [dict(zip(parents, config, strict=True)) for config in configs]
        return Rows(
            rows=tuple(
                self._row(self.states[name], whens[k]) for k in self.rng.permutation(len(whens))
            )
        )

    def _noisy_max(self, name: str, legal: list[str]) -> NoisyMax:
        parents = self._some(legal, 2) or legal[:1]
        whens = [{parent: group} for parent in parents for group in self._split(parent)]
        kept = self.rng.permutation(len(whens))[: self.rng.integers(1, 5)]
        states = self.states[name]
        return NoisyMax(
            leak=self._row(states, {}), causes=tuple(self._row(states, whens[k]) for k in kept)
        )

    def _ratios(self, name: str, legal: list[str]) -> LikelihoodRatios:
        """Ratios on all states but one, small enough that none can pass a probability of one."""
        parents = self._some(legal, 2) or legal[:1]
        whens = [{parent: group} for parent in parents for group in self._split(parent)]
        named = self.states[name][:-1]
        exact = {state: 0.9 / len(named) if state in named else 0.1 for state in self.states[name]}
        base = Row(exactly=exact, basis=BASIS) if self.rng.random() < 0.3 else None
        return LikelihoodRatios(
            base=base or self._row(self.states[name], {}),
            ratios=tuple(
                Ratio(when=when, state=str(self.rng.choice(named)), times=RATIO, basis=BASIS)
                for when in whens[:4]
            ),
        )

    def _ranked(self, legal: list[str]) -> Ranked:
        parents = self._some(legal, 3) or legal[:1]
        return Ranked(
            influences=tuple(
                Influence(
                    of=parent, weight=WEIGHT, against=bool(self.rng.random() < 0.5), basis=BASIS
                )
                for parent in parents
            ),
            spread=Quantity(between=SPREAD, basis=BASIS),
        )

    def _hazards(self, name: str, legal: list[str], memory: bool) -> Hazards:
        states = self.states[name]
        ways = [(a, b) for a in (states if memory else states[:1]) for b in states if a != b]
        ways = [ways[k] for k in self.rng.permutation(len(ways))[: self.rng.integers(1, 5)]]
        moves = [
            Move(
                source=source if memory else None,
                target=target,
                when=when,
                within=float(self.rng.integers(5, 200)),
                probability=PROBABILITY,
                basis=BASIS,
            )
            for source, target in ways
            for when in self._gates(legal)
        ]
        multipliers = [
            Multiplier(
                source=self._maybe(states) if memory else None,
                target=self._maybe(states),
                when={parent: self._split(parent)[0] for parent in gate},
                times=MULTIPLE,
                basis=BASIS,
            )
            for gate in (self._some(legal, 2) for _ in range(3))
            if gate
        ]
        return Hazards(moves=tuple(moves), multipliers=tuple(multipliers))

    def _maybe(self, states: tuple[str, ...]) -> str | None:
        """One of some states, or none, which stands for all."""
        chosen = int(self.rng.integers(len(states) + 1))
        return states[chosen - 1] if chosen else None

    def _gates(self, legal: list[str]) -> list[dict[str, Any]]:
        """Conditions that exclude each other: one that always holds, or some groups of a parent."""
        parents = self._some(legal, 1)
        if not parents or self.rng.random() < 0.5:
            return [{}]
        groups = self._split(parents[0])
        return [{parents[0]: group} for group in groups[: self.rng.integers(1, 3)]]


def random_scenario(seed: int, dynamic: bool) -> Scenario:
    """Make a valid scenario whose tables have all forms.

    Parameters
    ----------
    seed
        The same seed gives the same scenario.
    dynamic
        Whether it has a clock, initial and later tables.

    Examples
    --------
    >>> random_scenario(3, dynamic=True) == random_scenario(3, dynamic=True)
    True
    """
    scenario = _Author(np.random.default_rng([seed, dynamic]), dynamic).scenario()
    if problems := list(find_problems(scenario)):
        raise AssertionError(problems)
    return scenario
