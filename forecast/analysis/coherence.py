"""Whether the tables imply what the author expects, and what base rates say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from forecast.estimate import TAILS, Estimate
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.passage import spread
from forecast.scenario.scenario import BaseRate, Scenario

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


def compare_base_rates(scenario: Scenario, prior: Beliefs) -> DataFrame:
    """Set what the tables imply beside how often the same happened in a reference class.

    Parameters
    ----------
    scenario
        The scenario, with its `base_rates`.
    prior
        Beliefs before any evidence, as `beliefs_at_start` gives them.

    Returns
    -------
    pandas.DataFrame
        One row for each base rate, in the scenario's order:

        - ``variable``, ``state``, ``within``: that the state occurs on at least one of the first
          so many days;
        - ``count``, ``days``, ``reference_class``: what was counted, in how many days, where;
        - ``rate_mean``, ``rate_lower``, ``rate_upper``: the probability by that count, with its
          90 % interval, under Jeffreys' prior;
        - ``mean``, ``lower``, ``upper``: what the tables imply, with its 90 % interval;
        - ``apart``: whether the two intervals have nothing in common;
        - ``basis``: where the count is from.
    """
    import pandas as pd

    columns = ["variable", "state", "within", "count", "days", "reference_class", "rate_mean"]
    columns += ["rate_lower", "rate_upper", "mean", "lower", "upper", "apart", "basis"]
    return pd.DataFrame(_beside(scenario, prior), columns=columns)


def _beside(scenario: Scenario, prior: Beliefs) -> Iterator[dict[str, Any]]:
    for stated in scenario.base_rates:
        implied = _implied(scenario, prior, (stated.variable, stated.state), stated.within)
        counted = by_count(stated)
        yield {
            **stated.model_dump(exclude={"basis"}),
            "rate_mean": counted.mean,
            "rate_lower": counted.lower,
            "rate_upper": counted.upper,
            "mean": implied.mean,
            "lower": implied.lower,
            "upper": implied.upper,
            "apart": implied.lower > counted.upper or implied.upper < counted.lower,
            "basis": stated.basis,
        }


def by_count(stated: BaseRate) -> Estimate:
    """Probability of at least one event within the days that a base rate names, by its count.

    The rate is Gamma(count + 1/2, days), the posterior under Jeffreys' prior (Gelman and others,
    Bayesian Data Analysis, 3rd edition, section 2.8). The mean is exact: E exp(-rate t) is
    (1 + t / days) ** -(count + 1/2).

    Parameters
    ----------
    stated
        The base rate.

    Examples
    --------
    >>> rate = BaseRate(
    ...     variable="storm", state="storm", within=90, count=0, days=1904,
    ...     reference_class="winters since 2014", basis="published: the harbour log",
    ... )
    >>> print(by_count(rate))
    2 % (<1 to 9 %)
    """
    shape, ratio = stated.count + 0.5, (stated.within or 1) / stated.days
    mean = -np.expm1(-shape * np.log1p(ratio))
    lower, upper = -np.expm1(-stats.gamma.ppf(TAILS, shape) * ratio)
    return Estimate(float(mean), float(lower), float(upper))


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
