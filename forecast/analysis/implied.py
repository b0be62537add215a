"""The full table that a short form stands for."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from forecast.arguments import checked
from forecast.errors import InputError, Problem, nearest
from forecast.estimate import TAILS
from forecast.model.builder import compile_tables
from forecast.network.draws import require_room
from forecast.posterior.prior import draw_priors
from forecast.sampling import Sampling, require_whole
from forecast.scenario.scenario import Scenario
from forecast.wording import earlier

if TYPE_CHECKING:
    from pandas import DataFrame

DRAWS = 1000


@checked
def implied_table(
    scenario: Scenario,
    variable: str,
    *,
    first: bool = False,
    draws: int = DRAWS,
    random_seed: int = Sampling.random_seed,
) -> DataFrame:
    """Write out the table that a noisy-MAX, ratios, hazards or a ranked form stands for.

    Parameters
    ----------
    scenario
        The scenario.
    variable
        Name of a variable that has a table.
    first
        Whether the table of the first step is meant, rather than that of every later one.
    draws, random_seed
        Draws of the judgements from their priors.

    Returns
    -------
    pandas.DataFrame
        One row for each configuration of the parents, named in the index; for each state its
        probability as "mean", "lower" and "upper" (90 % interval).

    Raises
    ------
    InputError
        If the variable is unknown, or an input, which has no table; or if `draws` or
        `random_seed` is not a whole number, or too small.

    Examples
    --------
    >>> from forecast.scenario.scenario_files import load_scenario
    >>> table = implied_table(load_scenario("veyra-fleet"), "ownership")
    >>> table.index.names, bool(np.allclose(table.xs("mean", axis=1, level=1).sum(axis=1), 1))
    (FrozenList(['fleet_activity']), True)
    """
    import pandas as pd

    require_whole({"draws": draws, "random_seed": random_seed}, {"draws": 1, "random_seed": 0})
    program = compile_tables(scenario)
    network = program.network
    if variable not in network.names:
        message = f"{variable!r} is unknown; {nearest(variable, network.names)}"
        raise InputError([Problem("variable", message)])
    node = network.node(variable)
    block = node.first if first or node.later is None else node.later
    if block is None:
        raise InputError([Problem("variable", f"{variable} is an input, which has no table")])
    require_room(draws, 8.0 * network.n_cells)
    cells = program.cells(draw_priors(program.priors, draws, random_seed))
    # Without a single judgement there is one table for all draws.
    table = cells[network.cells(block, variable)].reshape(-1, len(node.states), *cells.shape[1:])
    table = table if table.ndim == 3 else table[..., None]
    low, high = np.quantile(table, TAILS, axis=-1)
    columns = {
        (state, name): values[:, k]
        for k, state in enumerate(node.states)
        for name, values in (("mean", table.mean(axis=-1)), ("lower", low), ("upper", high))
    }
    parents = [earlier(*parent) for parent in block.parents]
    configurations = list(product(*(network.node(parent).states for parent, _ in block.parents)))
    index = (
        pd.MultiIndex.from_tuples(configurations, names=parents)
        if len(parents) > 1
        else pd.Index([c[0] for c in configurations] if parents else [""], name="".join(parents))
    )
    return pd.DataFrame(columns, index=index)
