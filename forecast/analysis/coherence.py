"""Whether the tables imply what the author expects, and what base rates say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.estimate import Estimate
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.passage import spread
from forecast.scenario.probability_statements import expected_events, log_probability_of_none
from forecast.scenario.scenario import BaseRate, Expectation, Occurrence, Scenario

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
    columns = ["variable", "state", "within", "stated_lower", "stated_upper"]
    columns += ["mean", "lower", "upper", "conflict", "basis"]
    return _beside_tables(scenario.expectations, _expected, columns, scenario, prior)


def _expected(stated: Expectation, implied: Estimate) -> dict[str, Any]:
    lower, upper = stated.probability.lower, stated.probability.upper
    return {
        "stated_lower": lower,
        "stated_upper": upper,
        "conflict": not lower <= implied.mean <= upper,
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
    columns = ["variable", "state", "within", "count", "days", "reference_class", "rate_mean"]
    columns += ["rate_lower", "rate_upper", "mean", "lower", "upper", "apart", "basis"]
    return _beside_tables(scenario.base_rates, _counted, columns, scenario, prior)


def _counted(stated: BaseRate, implied: Estimate) -> dict[str, Any]:
    rate = by_count(stated)
    return {
        "count": stated.count,
        "days": stated.days,
        "reference_class": stated.reference_class,
        "rate_mean": rate.mean,
        "rate_lower": rate.lower,
        "rate_upper": rate.upper,
        "apart": implied.lower > rate.upper or implied.upper < rate.lower,
    }


def by_count(stated: BaseRate) -> Estimate:
    """Probability of at least one event within the days that a base rate names, by its count.

    With the 5 % and 95 % points of its posterior under Jeffreys' prior.

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
    given = stated.count, stated.days, stated.within or 1
    lower, upper = -np.expm1(-expected_events(*given))
    mean = -np.expm1(log_probability_of_none(*given))
    return Estimate(float(mean), float(lower), float(upper))


def _beside_tables[Stated: Occurrence](
    statements: Iterable[Stated],
    own: Callable[[Stated, Estimate], dict[str, Any]],
    columns: list[str],
    scenario: Scenario,
    prior: Beliefs,
) -> DataFrame:
    """A row for each statement: its own columns, and what the tables imply of the same."""
    import pandas as pd

    rows = []
    for stated in statements:
        implied = _implied(scenario, prior, (stated.variable, stated.state), stated.within)
        tables = {"mean": implied.mean, "lower": implied.lower, "upper": implied.upper}
        about = {name: getattr(stated, name) for name in Occurrence.model_fields}
        rows.append({**about, **own(stated, implied), **tables})
    return pd.DataFrame(rows, columns=columns)


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
