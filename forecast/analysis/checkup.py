"""A check of a scenario before any evidence: what its tables imply, and what they rest on."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from forecast.analysis.anticipation import anticipate
from forecast.analysis.assumptions import flip_assumptions
from forecast.analysis.coherence import compare_expectations
from forecast.analysis.recurrence import find_recurrence
from forecast.analysis.validation import DEAD, describe_courses, validate_indicators
from forecast.arguments import checked
from forecast.frozen import copying
from forecast.model.builder import compile_tables
from forecast.posterior.prior import beliefs_at_start, draw_priors
from forecast.sampling import Sampling, require_whole
from forecast.scenario.scenario import Scenario
from forecast.text import printed

if TYPE_CHECKING:
    from pandas import DataFrame

MONTH_DAYS = 30
"""Days for which evidence is anticipated; indicators and assumptions are judged at their end."""
DRAWS = 256
"""Draws of the tables: as many as the kernels take at a time."""


@checked
@copying(
    *("expectations", "states", "numbers", "indicators", "courses", "assumptions"),
    *("seen", "tripwires"),
)
@dataclass(frozen=True, eq=False)
class Check:
    """What a scenario says before any evidence; made by `check`.

    Attributes
    ----------
    scenario
        The scenario.
    draws, random_seed
        How many draws of the tables from their priors, and the seed they came from.
    month
        Steps that cover the first thirty days, or the horizon if it is shorter; 1 in a static
        scenario. Indicators and assumptions are judged in the last of them.
    expectations
        What the author expects, and what the tables imply; see `compare_expectations`.
    states, numbers
        What indicators would show in those steps; see `anticipate`.
    indicators
        What every indicator tells about every course; see `validate_indicators`.
    courses
        How uncertain every course is, and what moves it most; see `describe_courses`.
    assumptions
        Every course with a key assumption and without it; see `flip_assumptions`.
    seen, tripwires
        What indicators and tripwires come to over the whole horizon; see `find_recurrence`.
    """

    scenario: Scenario
    draws: int
    random_seed: int
    month: int
    expectations: DataFrame
    states: DataFrame
    numbers: DataFrame
    indicators: DataFrame
    courses: DataFrame
    assumptions: DataFrame
    seen: DataFrame
    tripwires: DataFrame

    @property
    def conflicts(self) -> DataFrame:
        """Expectations whose interval does not hold what the tables imply."""
        return self.expectations[self.expectations["conflict"].astype(bool)]

    @property
    def unmoved(self) -> tuple[str, ...]:
        """Courses that no single indicator moves, "variable=state"."""
        return tuple(self.courses.index[~self.courses["moved"].astype(bool)])

    @property
    def dead(self) -> tuple[str, ...]:
        """Indicators that move nothing: next to no share of the uncertainty of any course."""
        largest = self.indicators["share"].groupby(level="indicator", sort=False).max()
        return tuple(largest.index[largest < DEAD])

    @property
    def silent_tripwires(self) -> tuple[str, ...]:
        """Tripwires whose firing says next to nothing of any course, over the whole horizon."""
        if self.tripwires.empty:
            return ()
        largest = self.tripwires["gain"].groupby(level="tripwire", sort=False).max()
        return tuple(largest.index[largest < DEAD])

    @printed
    def __repr__(self) -> str:
        from forecast.analysis.review import review_text

        return review_text(self)

    def _repr_html_(self) -> str:
        from forecast.analysis.review import review_html

        return review_html(self)


@checked
def check(
    scenario: Scenario, *, draws: int = DRAWS, random_seed: int = Sampling.random_seed
) -> Check:
    """Check a scenario before any evidence.

    Everything rests on draws of the tables from their priors, with inputs at their defaults;
    no sampler is needed.

    Parameters
    ----------
    scenario
        The scenario.
    draws
        Number of draws of the tables.
    random_seed
        The same seed gives the same numbers.

    Returns
    -------
    Check
        Prints itself; its parts are data frames.

    Raises
    ------
    InputError
        If the scenario breaks a rule, or `draws` or `random_seed` is not a whole number or too
        small.
    TooLarge
        If an exact elimination would pass the memory limit.

    Examples
    --------
    >>> from forecast.scenario.scenario_files import load_scenario
    >>> found = check(load_scenario("veyra-fleet"), draws=64)
    >>> found.conflicts.empty, found.courses["best"]["fleet_activity=smuggling"]
    (True, 'small_boats')
    """
    require_whole({"draws": draws, "random_seed": random_seed}, {"draws": 2, "random_seed": 0})
    rng = np.random.default_rng(random_seed)
    parameters = draw_priors(compile_tables(scenario).priors, draws, rng)
    whole = beliefs_at_start(scenario, parameters)
    month = (
        1 if scenario.time is None else min(ceil(MONTH_DAYS / scenario.time.step), whole.n_steps)
    )
    first = beliefs_at_start(scenario, parameters, month)
    moment = first.times[-1]
    states, numbers = anticipate(scenario, first, rng)
    indicators = validate_indicators(scenario, first, moment)
    seen, rules = find_recurrence(scenario, whole, rng)
    return Check(
        scenario=scenario,
        draws=draws,
        random_seed=random_seed,
        month=month,
        expectations=compare_expectations(scenario, whole),
        states=states,
        numbers=numbers,
        indicators=indicators,
        courses=describe_courses(scenario, first, moment, indicators),
        assumptions=flip_assumptions(scenario, whole, moment),
        seen=seen,
        tripwires=rules,
    )
