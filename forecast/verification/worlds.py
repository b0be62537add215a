"""Simulated worlds: judgements, a history under them, and what would be reported of it."""

from __future__ import annotations

from collections.abc import Mapping
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
from forecast.posterior.reweighting import Fit
from forecast.sampling import Sampling
from forecast.scenario.scenario import Scenario
from forecast.timeline import MAX_STEPS
from forecast.verification.asking import ask
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
        program = compile_tables(scenario)
        parameters = draw_priors(program.priors, 1, rng)
        judged = {name: parameters[name] for name in program.priors.families()}
        settings = tabulate_reports(scenario, Evidence(first_day(scenario)), n_steps)
        history = simulate_histories(
            program.network, program.cells(judged), settings.arrays.settings, rng
        )
        return cls(scenario, parameters, history[..., 0])

    def evidence(self, as_of: date, rng: np.random.Generator) -> Evidence:
        """Draw what is known of the world at the end of a day."""
        one = {name: values[..., 0] for name, values in self.parameters.items()}
        return simulate_evidence(self.scenario, one, self.history, as_of, rng)

    @property
    def fit(self) -> Fit:
        """The judgements as draws of which there is one."""
        return Fit(self.scenario, None, self.parameters, (1, 1))

    def held(self, variable: str, state: str) -> Array:
        """Whether a state held at each step, (step,)."""
        place = list(self.scenario.variables).index(variable)
        number = self.scenario.variables[variable].states.index(state)
        return np.asarray(self.history[:, place] == number)

    def resolve(self, made: Forecast, question: Question, rng: np.random.Generator) -> bool:
        """What came of a question: where its window cuts a step, by the days of the step.

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


@lru_cache(maxsize=4)
def prior_fit(scenario: Scenario, sampling: Sampling) -> Fit:
    """Draws from the prior, made once in each process."""
    return Fit.of_prior(scenario, sampling)
