"""Key assumptions, flipped one at a time: the probability of every course if one does not hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.arrays import Array
from forecast.estimate import Estimate
from forecast.posterior.beliefs import Beliefs
from forecast.scenario.scenario import Scenario

if TYPE_CHECKING:
    from pandas import DataFrame
    from xarray import DataArray


INDEX = ["assumption", "instead", "course"]
COLUMNS = ["assumed", "holds", "if_holds", "if_holds_lower", "if_holds_upper"]
COLUMNS += ["otherwise", "otherwise_lower", "otherwise_upper"]
COLUMNS += ["change", "change_lower", "change_upper"]


def flip_assumptions(scenario: Scenario, prior: Beliefs, moment: Any) -> DataFrame:
    """Compare every course if an assumption holds with the course if it does not.

    The states of the assumed variable are set, as hypothetical evidence at one step, one
    after another. They say what else would then be likely, causes included; they are not
    interventions.

    Parameters
    ----------
    scenario
        The scenario, with `assumption` on some of its variables.
    prior
        Beliefs before any evidence, as `beliefs_at_start` gives them.
    moment
        Label of the step at which the assumption holds or does not.

    Returns
    -------
    pandas.DataFrame
        One row for each assumption, state that may hold instead, and course ("variable=state"),
        the largest change first:

        - ``assumed``: the state that is assumed;
        - ``holds``: probability that it holds at that step;
        - ``if_holds``, ``otherwise``: probability that the course occurs at least once within
          the horizon, if the assumption holds and if the other state does, each with its 90 %
          interval, ``…_lower`` and ``…_upper``; draws of the tables weigh by how probable they
          make the state, so these are the probabilities given it;
        - ``change``: the second less the first. Its interval is that of their difference draw by
          draw, each draw weighed by how probable it makes that one of the two states holds.

        States that no draw of the tables makes possible have no row.
    """
    from forecast.analysis.frames import Assumptions

    rows = list(_flips(scenario, prior, moment))
    table = Assumptions(rows, columns=[*INDEX, *COLUMNS]).set_index(INDEX)
    order = np.argsort(-table["change"].abs().to_numpy(np.float64), kind="stable")
    return table.iloc[order]


def _flips(scenario: Scenario, prior: Beliefs, moment: Any) -> Iterator[dict[str, Any]]:
    assumed = {
        name: variable.assumption
        for name, variable in scenario.variables.items()
        if variable.assumption is not None
    }
    if not assumed:
        return
    holds = {
        name: float(prior.union([(name, assumption)], moment).mean())
        for name, assumption in assumed.items()
    }
    for course in scenario.courses:
        reached = prior.at_least_once_given(list(assumed), [course], moment, prior.times[0])
        for name, assumption in assumed.items():
            given = {
                state: reached.sel(variable_state=f"{name}={state}")
                for state in scenario.variables[name].states
            }
            probabilities = prior.posterior(name, moment, view="smoothed")
            for state, answers in given.items():
                either = probabilities.sel(state=[assumption, state]).sum("state").to_numpy()
                row = _flip(given[assumption], answers, either)
                if state != assumption and row:
                    yield {
                        "assumption": name,
                        "instead": state,
                        "course": "=".join(course),
                        "assumed": assumption,
                        "holds": holds[name],
                        **row,
                    }


def _flip(if_holds: DataArray, otherwise: DataArray, either: Array) -> dict[str, float]:
    """Estimates over draws, (chain, draw), given each state; none if one of them cannot be.

    `either` is the probability that one of the two states holds.
    """
    one, other = Estimate.of(if_holds), Estimate.of(otherwise)
    if np.isnan([one.mean, other.mean]).any():
        return {}
    apart = Estimate.weighted(otherwise.to_numpy() - if_holds.to_numpy(), either)
    change = Estimate(other.mean - one.mean, apart.lower, apart.upper)
    return {
        f"{name}{end}": value
        for name, found in (("if_holds", one), ("otherwise", other), ("change", change))
        for end, value in (("", found.mean), ("_lower", found.lower), ("_upper", found.upper))
    }
