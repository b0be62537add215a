"""Reports and silence as outcomes of one distribution: what they teach, and whom they make believe.

`test_enumeration` compares the same model with a sum over everything, to rounding.
"""

from datetime import timedelta

import numpy as np
import pytest
from scipy import integrate, stats

from forecast.evidence.ledger import Evidence
from forecast.evidence.profiles import regardless_of_reporting
from forecast.evidence.report import Report
from forecast.evidence.sources import trust_in
from forecast.model.builder import compile_tables
from forecast.posterior.mcmc import beliefs_under
from forecast.posterior.prior import draw_priors, prior_beliefs
from forecast.scenario.scenario import Scenario
from tests.small import BASIS, START, rows

STATES = ("none", "wounded", "killed")


LASTING = {
    "initial": rows(({}, {"exactly": {"calm": 0.8, "storm": 0.2}})),
    "transition": rows(
        ({"previous storm": "calm"}, {"exactly": {"calm": 1.0, "storm": 0.0}}),
        ({"previous storm": "storm"}, {"exactly": {"calm": 0.0, "storm": 1.0}}),
    ),
}
"""Tables of a course that never changes."""


def harm(table_rows, *, states=STATES, kind=None, reporting=None, watches=None, course=None):
    """An indicator, and nothing behind it that matters."""
    body = {
        "name": "harm",
        "version": "1",
        "title": "Harm",
        "question": "Is harm done?",
        "time": {"start": START, "step": 7, "horizon": 28},
        "variables": {
            "storm": {
                "role": "course_of_action",
                "label": "Storm",
                "states": ("calm", "storm"),
                "courses": {"storm": {"label": "A storm", "severity": 4, "dangerous": True}},
                **(course or {"table": rows(({}, {"exactly": {"calm": 0.8, "storm": 0.2}}))}),
            },
            "harm": {
                "role": "indicator",
                "label": "Harm",
                "states": states,
                "kind": kind,
                "reporting": reporting,
                "table": rows(*table_rows),
            },
        },
        "watches": watches or {},
    }
    return Scenario.model_validate(body)


def always(**probabilities):
    return [({"storm": ("calm", "storm")}, {"exactly": probabilities})]


def report(name, state, week=0, *, grade="A", source="keeper"):
    day = START + timedelta(days=7 * week)
    return Report(name, "harm", state, *[day] * 4, source=source, reliability=grade)


def at_end_of(week, *reports):
    return Evidence(START + timedelta(days=7 * week + 6), reports)


def mean_of_state(scenario, evidence, state, *, week=0, variable="harm"):
    """Probability of a state given all evidence, averaged over draws of the prior."""
    found = prior_beliefs(scenario, evidence, draws=4000, random_seed=3)
    return float(
        found.posterior(variable, found.times[week], view="smoothed").sel(state=state).mean()
    )


WATCH = {
    "keeper": {
        "indicator": "harm",
        "source": "keeper",
        "start": START,
        "detection": (0.3, 0.8),
        "basis": BASIS,
    }
}


@pytest.mark.parametrize(("weeks", "known"), [(range(7), 0.742), (range(6), 0.683)])
def test_a_watch_learns_from_what_it_reports_as_a_binomial_does(weeks, known):
    """What happens every week, watched for seven weeks: Beta(a + seen, b + missed)."""
    scenario = harm(always(none=0.0, yes=1.0), states=("none", "yes"), watches=WATCH)
    evidence = at_end_of(6, *(report(f"R{k}", "yes", k) for k in weeks))
    [judged] = trust_in(scenario).detection
    grid = np.linspace(0.001, 0.999, 999)
    draws = draw_priors(compile_tables(scenario).priors, len(grid), 1)
    draws |= {"detection": grid[None]}
    for name in ("accuracy", "reporting", "reporting_level"):
        draws[name] = np.repeat(draws[name][:, :1], len(grid), axis=1)
    logs = beliefs_under(scenario, evidence, draws).log_evidence().to_numpy()[0]
    weight = np.exp(logs - logs.max()) * stats.beta(*judged.shape).pdf(grid)
    found = integrate.simpson(weight * grid) / integrate.simpson(weight)
    a, b = judged.shape
    assert found == pytest.approx((a + len(weeks)) / (a + b + 7), abs=1e-6)
    assert found == pytest.approx(known, abs=1e-3)


def test_a_level_is_learned_from_how_many_weeks_are_reported_on():
    """What happens every week, reported on in three of seven: a binomial of a multiplied rate."""
    at_once = {"days": (0,), "share": (1.0,)}
    profile = {"reported": {"yes": {"guess": 0.6, "cases": 50}}, "delay": at_once, "basis": BASIS}
    scenario = harm(always(none=0.0, yes=1.0), states=("none", "yes"), reporting=profile)
    evidence = at_end_of(6, *(report(f"R{k}", "yes", k) for k in range(3)))
    trust, level = trust_in(scenario), np.geomspace(0.05, 20, 200)
    draws = draw_priors(compile_tables(scenario).priors, len(level), 1)
    for name in ("accuracy", "reporting"):
        draws[name] = np.repeat(draws[name][:, :1], len(level), axis=1)
    draws["reporting_level"] = level[None]
    found = beliefs_under(scenario, evidence, draws).log_evidence().to_numpy()[0]
    own = draws["reporting"][[each.name for each in trust.reporting].index("harm: yes"), 0]
    left = level * np.log1p(-own)
    expected = 3 * np.log(-np.expm1(left)) + 4 * left
    assert found - found[0] == pytest.approx(expected - expected[0], abs=1e-9)
    [judged] = trust.reporting_level
    assert stats.lognorm(judged.shape[1]).ppf([0.05, 0.95]) == pytest.approx([0.25, 4.0])


@pytest.mark.parametrize("reporting", ["ignorable", "overt", None])
def test_a_rare_event_is_believed_of_a_good_source_and_not_of_a_poor_one(reporting):
    """The poor source errs as often by rumour, which is of anything, as by what is usual."""
    table_rows = always(none=0.974, wounded=0.02, killed=0.006)
    scenario = harm(table_rows, reporting=reporting)
    good, poor = (
        mean_of_state(scenario, at_end_of(0, report("R", "killed", grade=grade)), "killed")
        for grade in "AE"
    )
    assert good > 0.85
    assert 0.006 < poor < 0.15


@pytest.mark.parametrize(("grade", "invented"), [("A", 0.01), ("C", 0.1), ("D", 0.3)])
def test_what_one_report_of_a_rare_event_comes_to_in_closed_form(grade, invented):
    scenario = harm(always(none=0.974, wounded=0.02, killed=0.006), reporting="ignorable")
    [accuracy] = [j.mean for j in trust_in(scenario).accuracy if j.name == grade]
    usual = (1 - invented) * 0.006 + invented / 3
    expected = 0.006 * (accuracy + (1 - accuracy) * usual)
    expected /= 0.006 * accuracy + (1 - accuracy) * usual
    found = mean_of_state(scenario, at_end_of(0, report("R", "killed", grade=grade)), "killed")
    assert found == pytest.approx(expected, rel=0.05)


def test_a_death_and_none_of_another_event_in_one_week_are_a_death():
    table_rows = always(none=0.9, wounded=0.06, killed=0.04)
    death, none = report("R1", "killed"), report("R2", "none", source="other")
    both = at_end_of(0, death, none)
    event, whole = (
        mean_of_state(harm(table_rows, kind=kind, reporting="overt"), both, "killed")
        for kind in ("event", None)
    )
    alone = mean_of_state(
        harm(table_rows, kind="event", reporting="overt"), at_end_of(0, death), "killed"
    )
    assert event == pytest.approx(alone, abs=1e-3)
    assert event > 0.9 > 0.7 > whole


def test_a_lesser_event_says_that_the_worse_one_was_not_reported():
    """Wounded are reported: killed, who are seldom missed, become less likely, not impossible."""
    scenario = harm(always(none=0.5, wounded=0.3, killed=0.2), kind="event", reporting="overt")
    killed = mean_of_state(scenario, at_end_of(0, report("R", "wounded")), "killed")
    assert 0.02 < killed < 0.2
    unseen = regardless_of_reporting(scenario)
    assert mean_of_state(unseen, at_end_of(0, report("R", "wounded")), "killed") > 0.3


def test_a_year_of_silence_ends_near_nothing_and_falls_every_week():
    """A course that lasts and shows in most weeks, of which nothing is ever reported."""
    course = {
        "initial": rows(({}, {"exactly": {"calm": 0.6, "storm": 0.4}})),
        "transition": {
            "form": "hazards",
            "moves": (
                {
                    "from": "calm",
                    "to": "storm",
                    "within": 365,
                    "probability": (0.02, 0.1),
                    "basis": BASIS,
                },
                {
                    "from": "storm",
                    "to": "calm",
                    "within": 365,
                    "probability": (0.3, 0.7),
                    "basis": BASIS,
                },
            ),
        },
    }
    table_rows = [
        ({"storm": "calm"}, {"exactly": {"none": 0.97, "wounded": 0.02, "killed": 0.01}}),
        ({"storm": "storm"}, {"exactly": {"none": 0.3, "wounded": 0.4, "killed": 0.3}}),
    ]
    scenario = harm(table_rows, course=course)
    weekly = np.array(
        [
            mean_of_state(scenario, at_end_of(week), "storm", week=week, variable="storm")
            for week in (0, 4, 8, 12, 26, 51)
        ]
    )
    assert (np.diff(weekly) < 0).all()
    assert weekly[0] > 0.25
    assert weekly[-1] < 0.03
