"""What an indicator shows in one step and in the next: standing facts and announcements."""

import numpy as np
import pytest

from forecast.evidence.ledger import Evidence
from forecast.evidence.profiles import default_reporting
from forecast.model.builder import compile_tables
from forecast.posterior.mcmc import beliefs_under
from forecast.posterior.prior import draw_priors
from tests.evidence.test_reporting_profiles import LASTING, at_end_of, harm, report
from tests.small import BASIS

DWELL = 56.0
KEPT = np.exp(-7 / DWELL)
"""Probability that a standing fact is not drawn anew from one week to the next."""
CALM, STORM = 0.1, 0.6
"""Probability of the fact when it is drawn."""


def lasting(kind, dwell=None):
    """A course that never changes, and a fact that is of a kind."""
    table_rows = [
        ({"storm": "calm"}, {"exactly": {"no": 1 - CALM, "yes": CALM}}),
        ({"storm": "storm"}, {"exactly": {"no": 1 - STORM, "yes": STORM}}),
    ]
    found = harm(table_rows, states=("no", "yes"), kind=kind, reporting="ignorable", course=LASTING)
    body = found.model_dump(by_alias=True)
    body["variables"]["harm"]["dwell"] = dwell
    return type(found).model_validate(body)


def believed(scenario, *weeks):
    """Probability of storm when a source that is never wrong reports the fact in some weeks."""
    draws = draw_priors(compile_tables(scenario).priors, 1, 1)
    draws["accuracy"] = np.full_like(draws["accuracy"], 1 - 1e-12)
    if "positive" in draws:
        draws["positive"] = np.full_like(draws["positive"], DWELL)
    evidence = at_end_of(7, *(report(f"R{week}", "yes", week) for week in weeks))
    found = beliefs_under(scenario, evidence, draws, n_steps=8)
    return found.posterior("storm", found.times[7]).sel(state="storm").item()


def from_odds(odds):
    return odds / (1 + odds)


def test_a_standing_fact_reported_weekly_says_no_more_than_its_dwell_time_allows():
    """In closed form: once it is there, every further week counts by how likely it is new."""
    again = ((1 - KEPT) * STORM + KEPT) / ((1 - KEPT) * CALM + KEPT)
    scenario = lasting("standing", {"between": (30, 100), "basis": BASIS})
    found = believed(scenario, *range(8))
    assert found == pytest.approx(from_odds(0.25 * STORM / CALM * again**7), rel=1e-6)
    assert found < 0.82 < believed(lasting("event"), *range(8))
    assert believed(lasting(None), *range(8)) == pytest.approx(from_odds(0.25 * 6**8), rel=1e-6)


def test_an_announcement_is_made_once():
    scenario = lasting("announcement")
    program = compile_tables(scenario)
    draws = draw_priors(program.priors, 1, 1)
    found = beliefs_under(scenario, Evidence(at_end_of(0).as_of), draws, n_steps=8)
    made = found.posterior("harm", found.times[7]).sel(state="yes").item()
    expected = 0.8 * (1 - (1 - CALM) ** 8) + 0.2 * (1 - (1 - STORM) ** 8)
    assert made == pytest.approx(expected, rel=1e-9)
    # Known to stand in the last week, it may have been made in any; reported weekly, in the first.
    late = (1 - (1 - STORM) ** 8) / (1 - (1 - CALM) ** 8)
    assert believed(scenario, 7) == pytest.approx(from_odds(0.25 * late), rel=1e-6)
    assert believed(scenario, *range(8)) == pytest.approx(from_odds(0.25 * STORM / CALM), rel=1e-6)


def test_a_dwell_time_is_ours_where_none_is_stated():
    program = compile_tables(lasting("standing"))
    [label] = program.priors.labels["positive"]
    low, high = default_reporting().dwell.between.lower, default_reporting().dwell.between.upper
    [(mean, sd)] = program.priors.positive
    assert label == "harm: dwell time in days"
    assert np.exp(mean + np.array([-1, 1]) * 1.6449 * sd) == pytest.approx([low, high], rel=1e-3)
