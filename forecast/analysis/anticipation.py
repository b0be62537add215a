"""What evidence a scenario expects before any has come: its prior predictive distribution."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from forecast.arrays import Array, Index
from forecast.estimate import TAILS
from forecast.model.parameter_draws import ParameterDraws
from forecast.model.simulate_reports import simulate_numbers
from forecast.network.simulate import simulate_histories
from forecast.posterior.beliefs import Beliefs
from forecast.scenario.measured import Count
from forecast.scenario.scenario import Scenario

if TYPE_CHECKING:
    from pandas import DataFrame


HISTORIES = 4000
"""At least so many histories are simulated, the same number from every draw of the tables."""


def anticipate(
    scenario: Scenario, prior: Beliefs, rng: np.random.Generator
) -> tuple[DataFrame, DataFrame]:
    """Say what indicators would show over all steps of some beliefs.

    Intervals are predictive: they hold what is not known of the tables, of the states, and of
    numbers given states (Box: Sampling and Bayes' inference in scientific modelling and
    robustness, Journal of the Royal Statistical Society A 143(4), 1980).

    Parameters
    ----------
    scenario
        The scenario.
    prior
        Beliefs before any evidence, as `beliefs_at_start` gives them.
    rng
        Source of randomness.

    Returns
    -------
    states : pandas.DataFrame
        One row for each indicator and state: ``steps``, expected number of steps that the
        indicator spends in it, exact for the given draws; ``lower`` and ``upper``, 90 %
        predictive interval of that number; ``seen``, probability that it occurs at least once, of
        simulated histories.
    numbers : pandas.DataFrame
        One row for each measured indicator: its ``unit``, and ``mean``, ``lower`` and ``upper``
        of the count over all steps or, of a real number, of its value in one step.
    """
    import pandas as pd

    indicators = scenario.with_role("indicator")
    expected = prior.posteriors().sum("time").mean(("chain", "draw"))
    histories, numbers = _simulate(scenario, prior, rng)
    records = []
    for name, variable in indicators.items():
        for k, state in enumerate(variable.states):
            spent = (histories[name] == k).sum(axis=0)
            lower, upper = np.quantile(spent, TAILS, method="inverted_cdf")
            records.append(
                {
                    "indicator": name,
                    "state": state,
                    "steps": float(expected.sel(variable_state=f"{name}={state}")),
                    "lower": int(lower),
                    "upper": int(upper),
                    "seen": float((spent > 0).mean()),
                }
            )
    columns = ["indicator", "state", "steps", "lower", "upper", "seen"]
    states = pd.DataFrame(records, columns=columns).set_index(["indicator", "state"])
    return states, _number_table(scenario, numbers)


def _number_table(scenario: Scenario, numbers: Mapping[str, Array]) -> DataFrame:
    import pandas as pd

    records = []
    for name, values in numbers.items():
        measured = scenario.variables[name].measured
        assert measured is not None
        if isinstance(measured, Count):
            simulated = values.sum(axis=0)
            lower, upper = np.quantile(simulated, TAILS, method="inverted_cdf")
        else:
            simulated = values.ravel()
            lower, upper = np.quantile(simulated, TAILS)
        records.append(
            {
                "indicator": name,
                "unit": measured.unit,
                "mean": float(simulated.mean()),
                "lower": float(lower),
                "upper": float(upper),
            }
        )
    columns = ["indicator", "unit", "mean", "lower", "upper"]
    return pd.DataFrame(records, columns=columns).set_index("indicator")


def _simulate(
    scenario: Scenario, prior: Beliefs, rng: np.random.Generator
) -> tuple[dict[str, Index], dict[str, Array]]:
    """States of indicators, and numbers of those that are measured, (step, history)."""
    draws = prior.draws
    assert isinstance(draws, ParameterDraws)
    column = {name: k for k, name in enumerate(prior.network.names)}
    states: dict[str, list[Index]] = {name: [] for name in scenario.with_role("indicator")}
    measures = {name: m for name, m in draws.program.measures.items() if name in states}
    numbers: dict[str, list[Array]] = {name: [] for name in measures}
    for parameters, history in _histories(prior, rng):
        for name, found in states.items():
            found.append(history[:, column[name]])
        for name, measure in measures.items():
            days = measure.per if scenario.time is None else scenario.time.step
            path = history[:, column[name]]
            numbers[name].append(simulate_numbers(measure, parameters, path, days, rng))
    return _joined(states), _joined(numbers)


def simulated_histories(prior: Beliefs, rng: np.random.Generator) -> dict[str, Index]:
    """State of every variable in simulated histories, (step, history)."""
    found = np.concatenate([history for _, history in _histories(prior, rng)], axis=-1)
    return {name: found[:, k] for k, name in enumerate(prior.network.names)}


def _histories(
    prior: Beliefs, rng: np.random.Generator
) -> Iterator[tuple[dict[str, Array], Index]]:
    """Yield draws of the judgements, and a history for each, (step, variable, draw)."""
    draws = prior.draws
    assert isinstance(draws, ParameterDraws)
    for part in prior.parts():
        theta = draws.theta(part)
        parameters = {name: values[..., part] for name, values in draws.parameters.items()}
        for _ in range(-(-HISTORIES // draws.n)):
            yield (
                parameters,
                simulate_histories(prior.network, theta, draws.data["settings"], rng),
            )


def _joined[T: np.generic](
    parts: Mapping[str, Sequence[npt.NDArray[T]]],
) -> dict[str, npt.NDArray[T]]:
    return {name: np.concatenate(found, axis=-1) for name, found in parts.items()}
