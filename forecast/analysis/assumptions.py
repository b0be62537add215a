"""What follows if a key assumption does not hold: one assumption flipped at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from forecast.estimate import Estimate
from forecast.inference.beliefs import Beliefs
from forecast.scenario.scenario import Scenario

if TYPE_CHECKING:
    from pandas import DataFrame

Array = npt.NDArray[np.float64]

INDEX = ["assumption", "instead", "course"]
COLUMNS = ["assumed", "holds", "if_holds", "if_holds_lower", "if_holds_upper"]
COLUMNS += ["otherwise", "otherwise_lower", "otherwise_upper"]
COLUMNS += ["change", "change_lower", "change_upper"]


def flip_assumptions(scenario: Scenario, prior: Beliefs, moment: Any) -> DataFrame:
    """Compare every course if an assumption holds with the course if it does not.

    The states of the assumed variable are supposed, as hypothetical evidence at one step, one
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
          interval, ``…_lower`` and ``…_upper``;
        - ``change``: the second less the first, taken draw by draw, with its interval.

        States that no draw of the tables makes possible have no row.
    """
    import pandas as pd

    rows = list(_flips(scenario, prior, moment))
    table = pd.DataFrame(rows, columns=[*INDEX, *COLUMNS]).set_index(INDEX)
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
        name: float(prior.union([(name, held)], moment).mean()) for name, held in assumed.items()
    }
    for course in scenario.courses:
        reached = prior.at_least_once_given(list(assumed), [course], moment, prior.times[0])
        for name, held in assumed.items():
            given = {
                state: reached.sel(state=f"{name}={state}").to_numpy()
                for state in scenario.variables[name].states
            }
            for state, answers in given.items():
                row = _flip(given[held], answers)
                if state != held and row:
                    yield {
                        "assumption": name,
                        "instead": state,
                        "course": "=".join(course),
                        "assumed": held,
                        "holds": holds[name],
                        **row,
                    }


def _flip(if_holds: Array, otherwise: Array) -> dict[str, float]:
    """Estimates over the draws in which both states are possible; nothing if there are none."""
    possible = ~(np.isnan(if_holds) | np.isnan(otherwise))
    if not possible.any():
        return {}
    found: dict[str, float] = {}
    answers = {"if_holds": if_holds, "otherwise": otherwise, "change": otherwise - if_holds}
    for name, values in answers.items():
        estimate = Estimate.of(values[possible])
        found |= {
            name: estimate.mean,
            f"{name}_lower": estimate.lower,
            f"{name}_upper": estimate.upper,
        }
    return found
