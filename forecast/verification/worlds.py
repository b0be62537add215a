"""Simulated worlds: judgements, a history under them, and what would be reported of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from forecast.arrays import Array, Index
from forecast.errors import InputError, Problem
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import tabulate_reports
from forecast.model.builder import compile_tables
from forecast.model.simulate_evidence import simulate_evidence
from forecast.network.simulate import simulate_histories
from forecast.outlook import Forecast, beliefs
from forecast.posterior.prior import draw_priors
from forecast.posterior.reweighting import Fit, Weights
from forecast.posterior.stored_answers import watched
from forecast.sampling import Sampling
from forecast.scenario.scenario import Scenario
from forecast.timeline import MAX_STEPS
from forecast.verification.question_forecasts import ask
from forecast.verification.questions import Question


@dataclass(frozen=True, eq=False)
class World:
    """One world.

    Attributes
    ----------
    parameters
        One draw of every judgement from its prior, by family; draws axis last.
    history
        State of every variable at every step, (step, variable).
    """

    scenario: Scenario
    parameters: Mapping[str, Array]
    history: Index

    @classmethod
    def draw(cls, scenario: Scenario, n_steps: int, rng: np.random.Generator) -> World:
        """Draw judgements, and a history of so many steps with inputs at their defaults."""
        [world] = cls.draw_many(scenario, 1, n_steps, rng)
        return world

    @classmethod
    def draw_many(
        cls, scenario: Scenario, n: int, n_steps: int, rng: np.random.Generator
    ) -> list[World]:
        """Draw several worlds at once; those of a seed are the same whenever they are drawn."""
        program = compile_tables(scenario)
        parameters = draw_priors(program.priors, n, rng)
        table = tabulate_reports(scenario, Evidence(first_day(scenario)), n_steps)
        histories = simulate_histories(
            program.network, program.cells(parameters), table.arrays.settings, rng
        )
        return [
            cls(
                scenario,
                {name: values[..., k : k + 1] for name, values in parameters.items()},
                histories[..., k],
            )
            for k in range(n)
        ]

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        parameters: Mapping[str, Array],
        n_steps: int,
        rng: np.random.Generator,
    ) -> World:
        """Draw a history under judgements that are given."""
        program = compile_tables(scenario)
        cells = program.cells(parameters)
        table = tabulate_reports(scenario, Evidence(first_day(scenario)), n_steps)
        history = simulate_histories(program.network, cells, table.arrays.settings, rng)
        return cls(scenario, parameters, history[..., 0])

    def evidence(self, as_of: date, rng: np.random.Generator) -> Evidence:
        """Draw what is known of the world at the end of a day."""
        one = {name: values[..., 0] for name, values in self.parameters.items()}
        return simulate_evidence(self.scenario, one, self.history, as_of, rng)

    @property
    def fit(self) -> Fit:
        """The judgements as draws of which there is one."""
        return Fit(self.scenario, None, self.parameters, (1, 1), method="prior")

    def in_state(self, variable: str, state: str) -> Array:
        """Whether a variable was in a state at each step, (step,)."""
        place = list(self.scenario.variables).index(variable)
        number = self.scenario.variables[variable].states.index(state)
        return np.asarray(self.history[:, place] == number)

    def resolve(self, made: Forecast, question: Question, rng: np.random.Generator) -> bool:
        """Outcome of a question: where its window cuts a step, by the days of the step.

        Parameters
        ----------
        made
            The forecast of this world's own judgements.
        question
            One that is answered by yes or no.
        rng
            Decides on which day of a step it was.
        """
        found = beliefs(made, until=question.last_day)
        set_by_analyst = self.scenario.with_role("input")
        for step, time in enumerate(found.times):
            states = {
                name: variable.states[self.history[step, place]]
                for place, (name, variable) in enumerate(self.scenario.variables.items())
                if name not in set_by_analyst
            }
            found = found.set_evidence(states, time)
        return bool(rng.random() < ask(found, question).probability.mean)


def first_day(scenario: Scenario) -> date:
    """Day on which the first step of a scenario begins."""
    return date(2000, 1, 1) if scenario.timeline is None else scenario.timeline.start


def day_after(scenario: Scenario, steps: int) -> date:
    """Last day of so many steps.

    Raises
    ------
    InputError
        If a static scenario, which has one step, or the limit of steps is passed.
    """
    timeline = scenario.timeline
    most = 1 if timeline is None else MAX_STEPS
    if steps > most:
        raise InputError([Problem("steps", f"{steps}; this scenario has at most {most}")])
    if timeline is None:
        return first_day(scenario) + timedelta(days=30)
    return timeline.last_day(steps - 1)


def courses_ahead(fit: Fit, evidence: Evidence, weights: Weights) -> Iterator[tuple[str, Array]]:
    """Yield draws of the probability of each course, and of any dangerous one, (draw,).

    It is that of a day after the as-of date, the last of its step, up to the horizon. A static
    scenario has no days ahead, and nothing is yielded.

    Parameters
    ----------
    fit, evidence, weights
        Draws, what was reported, and what the draws weigh under it.
    """
    timeline = fit.scenario.timeline
    if timeline is None:
        return
    groups = dict(watched(fit.scenario))
    now, n_steps = timeline.step_of(evidence.as_of), timeline.n_steps(evidence.as_of)
    days = evidence.as_of + timedelta(days=1), timeline.horizon(evidence.as_of)
    counted = np.array([timeline.days_in(step, *days) for step in range(now, n_steps)], np.float64)
    ahead = fit.prospects(evidence, (), list(groups.values()), counted)
    if ahead is not None:
        yield from zip(groups, ahead.within.reshape(len(groups), -1), strict=True)
        return
    found = fit.beliefs(evidence, weights=weights)
    ever = found.at_least_once_each(groups.values(), found.times[now + 1]).isel(time=-1)
    for k, name in enumerate(groups):
        yield name, ever.isel(course=k).to_numpy().ravel()


@lru_cache(maxsize=4)
def prior_fit(scenario: Scenario, sampling: Sampling) -> Fit:
    """Draws from the prior, made once in each process."""
    return Fit.of_prior(scenario, sampling)
