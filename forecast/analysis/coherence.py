"""Whether the tables imply what the author expects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from forecast.estimate import Estimate
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.passage import spread
from forecast.scenario.scenario import Scenario

if TYPE_CHECKING:
    from pandas import DataFrame


def compare_expectations(scenario: Scenario, prior: Beliefs) -> DataFrame:
    """Compare every stated expectation with what the tables imply.

    Parameters
    ----------
    scenario
        The scenario, with its `expectations`.
    prior
        Beliefs before any evidence, as `beliefs_at_start` gives them.

    Returns
    -------
    pandas.DataFrame
        One row for each expectation, in the scenario's order:

        - ``variable``, ``state``, ``within``: that the state occurs on at least one of the first
          so many days (none in a static scenario);
        - ``stated_lower``, ``stated_upper``: the interval that the author stated;
        - ``mean``, ``lower``, ``upper``: what the tables imply, with its 90 % interval;
        - ``conflict``: whether the implied mean lies outside the stated interval;
        - ``basis``: the author's reason.
    """
    import pandas as pd

    columns = ["variable", "state", "within", "stated_lower", "stated_upper"]
    columns += ["mean", "lower", "upper", "conflict", "basis"]
    return pd.DataFrame(_comparisons(scenario, prior), columns=columns)


def _comparisons(scenario: Scenario, prior: Beliefs) -> Iterator[dict[str, Any]]:
    for stated in scenario.expectations:
        implied = _implied(scenario, prior, (stated.variable, stated.state), stated.within)
        yield {
            "variable": stated.variable,
            "state": stated.state,
            "within": stated.within,
            "stated_lower": stated.probability.lower,
            "stated_upper": stated.probability.upper,
            "mean": implied.mean,
            "lower": implied.lower,
            "upper": implied.upper,
            "conflict": not stated.probability.lower <= implied.mean <= stated.probability.upper,
            "basis": stated.basis,
        }


def _implied(
    scenario: Scenario, prior: Beliefs, state: tuple[str, str], within: int | None
) -> Estimate:
    """Probability that a state occurs on at least one of the first so many days.

    A step's share of what it adds is spread over its days, as in any other answer. The first step
    is whole: what holds at the start holds from the first day.
    """
    steps, share = 1, 1.0
    if scenario.time is not None:
        steps, rest = divmod((within or 1) - 1, scenario.time.step)
        steps, share = steps + 1, (rest + 1) / scenario.time.step
    window = prior.times[0], prior.times[steps - 1]
    by_then = prior.at_least_once([state], *window)
    if steps == 1:
        return Estimate.of(by_then.isel(time=0))
    before, after = by_then.isel(time=-2), by_then.isel(time=-1)
    return Estimate.of(after.copy(data=spread(before.to_numpy(), after.to_numpy(), share)))
