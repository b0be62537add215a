"""Comparisons of probabilities across what is not known of the tables."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from forecast.arguments import checked
from forecast.errors import InputError, Problem, nearest
from forecast.network.queries import rank_probabilities
from forecast.outlook import Forecast
from forecast.posterior.beliefs import Beliefs
from forecast.probabilities import probability_draws

if TYPE_CHECKING:
    from pandas import DataFrame

State = tuple[str, str]


@checked
def probability_above(
    given: Forecast | Beliefs,
    variable: str,
    state: str,
    *,
    above: float,
    by: date | str | None = None,
) -> float:
    """Probability, over what is not known of the tables, that a probability lies above a level.

    The share of draws of the tables under which it does: 85 % that it is above 20 %.

    Parameters
    ----------
    given, variable, state, by
        As in `probability`.
    above
        The level, between 0 and 1.

    Raises
    ------
    InputError
        For a level outside 0 to 1, and as `probability` does.

    Examples
    --------
    >>> probability_above(outlook, "coordinated_attack", "carried_out", above=0.1, by="2020-04-23")
    ... # doctest: +SKIP
    0.76
    """
    if not 0 <= above <= 1:
        raise InputError([Problem("above", f"{above:g} is not a probability from 0 to 1")])
    return float((probability_draws(given, variable, state, by=by) > above).mean())


@checked
def likelier(
    given: Forecast | Beliefs, one: State, other: State, *, by: date | str | None = None
) -> float:
    """Probability, over what is not known of the tables, that one state is likelier than another.

    Parameters
    ----------
    given, by
        As in `probability`.
    one, other
        Pairs of variable and state.

    Examples
    --------
    >>> killing, hostages = ("assassination", "attempt"), ("hostage_taking", "taken")
    >>> likelier(outlook, killing, hostages, by="2020-04-23")  # doctest: +SKIP
    0.34
    """
    first, second = (probability_draws(given, *pair, by=by) for pair in (one, other))
    return float((first > second).mean())


@checked
def ranks(
    given: Forecast | Beliefs, variable: str | None = None, *, by: date | str | None = None
) -> DataFrame:
    """Probability that each course of action is the likeliest, the second likeliest, and so on.

    Parameters
    ----------
    given, by
        As in `probability`.
    variable
        A variable whose states are ranked instead; beliefs, which know no courses, need one.

    Returns
    -------
    pandas.DataFrame
        One row for each course or state, "variable=state", the likeliest first; one column for
        each rank, from 1. Rows and columns sum to one.

    Raises
    ------
    InputError
        If beliefs are given without a variable, and as `probability` does.
    """
    import numpy as np
    import pandas as pd

    from forecast.analysis.frames import Ranks

    states = _ranked(given, variable)
    answers = [probability_draws(given, *state, by=by) for state in states]
    draws = np.array([answer.to_numpy().ravel() for answer in answers])
    order = np.argsort([-float(answer.mean()) for answer in answers], kind="stable")
    weight = answers[0].coords.get("weight")
    return Ranks(
        rank_probabilities(draws[order], None if weight is None else weight.to_numpy().ravel()),
        index=pd.Index(
            ["=".join(states[k]) for k in order], name="course" if variable is None else "state"
        ),
        columns=pd.RangeIndex(1, len(states) + 1, name="rank"),
    )


def _ranked(given: Forecast | Beliefs, variable: str | None) -> list[State]:
    if variable is None:
        if isinstance(given, Forecast):
            return list(given.scenario.courses)
        message = "None; beliefs know no courses of action: name the variable of which to rank the "
        raise InputError([Problem("variable", f"{message}states")])
    if isinstance(given, Beliefs):
        return [(variable, state) for state in given.network.node(variable).states]
    if variable not in given.scenario.variables:
        message = f"{variable!r} is unknown; {nearest(variable, given.scenario.variables)}"
        raise InputError([Problem("variable", message)])
    return [(variable, state) for state in given.scenario.variables[variable].states]
