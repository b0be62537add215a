"""Accounts of a probability, against the definition of Shapley values and what withdrawal does."""

from itertools import combinations, permutations
from math import factorial

import numpy as np
import pytest

import forecast as fc
from forecast import probabilities as home
from forecast.analysis.shapley import all_orders, sampled_orders
from forecast.analysis.targets import fit_of, log_odds, stand_for
from forecast.evidence.ledger import Evidence
from tests.harbour import harbour
from tests.small import START, barometer_report, evidence, weather

QUICK = {"method": "reweight", "chains": 1}


def outlook_of(scenario, given, draws=40):
    found = fc.forecast(scenario, given, **QUICK, draws=draws)
    # All draws weigh the same, so that each of them stands for itself.
    return home.Forecast(scenario, given, found.posterior.drop_nodes("weights"), found.sampling)


def reports(n):
    states, grades = ("low", "falling", "low", "high"), "CABB"
    return [
        barometer_report(f"R{k}", states[k % 4], k % 3, grade=grades[k % 4], origin="x" * (k == 1))
        for k in range(n)
    ]


def probability_given(outlook, chosen, target_day):
    """P(storm by a day) of each draw, in the order in which the account has the draws."""
    fit, weights = fit_of(outlook)
    by = home.question_about(outlook, "storm", "storm", by=target_day)
    every = by(fit.beliefs(outlook.evidence)).to_numpy().ravel()
    order = stand_for(every, weights, len(every))
    return by(fit.beliefs(Evidence(outlook.as_of, tuple(chosen)))).to_numpy().ravel()[order]


def test_parts_are_averages_over_all_orders():
    outlook = outlook_of(weather(), evidence(*reports(4)))
    observations, day = outlook.evidence.observations, outlook.horizon
    values = {
        frozenset(chosen): probability_given(outlook, chosen, day)
        for n in range(5)
        for chosen in combinations(observations, n)
    }
    expected = {report.id: np.zeros((2, 40)) for report in observations}
    for order in permutations(observations):
        for k, report in enumerate(order):
            before, after = (values[frozenset(order[:n])] for n in (k, k + 1))
            added = np.stack([after - before, log_odds(after) - log_odds(before)])
            expected[report.id] += added / factorial(len(observations))
    found = fc.explain(outlook, "storm", "storm", exact=True)
    for name, values in expected.items():
        part = found.draws.sel(part=name)
        np.testing.assert_allclose(part.points, values[0], rtol=0, atol=1e-9)
        np.testing.assert_allclose(part.log_odds, values[1], rtol=0, atol=1e-9)
    sampled = fc.explain(outlook, "storm", "storm", exact=False)
    assert sampled.orders
    for each in sampled.contributions[2:]:
        exact = next(other for other in found.contributions if other.name == each.name)
        assert abs(each.points.mean - exact.points.mean) <= max(5 * each.error, 1e-4)


@pytest.mark.slow
def test_twelve_reports_are_averages_over_all_subsets():
    outlook = outlook_of(weather(), evidence(*reports(12)), draws=10)
    observations, day = outlook.evidence.observations, outlook.horizon
    values = {
        mask: probability_given(
            outlook, [r for k, r in enumerate(observations) if mask >> k & 1], day
        )
        for mask in range(2**12)
    }
    found = fc.explain(outlook, "storm", "storm", exact=True, draws=10)
    for player, report in enumerate(observations):
        added = 0.0
        for mask, without in values.items():
            if not mask >> player & 1:
                size = mask.bit_count()
                weight = factorial(size) * factorial(11 - size) / factorial(12)
                added = added + weight * (values[mask | 1 << player] - without)
        np.testing.assert_allclose(found.draws.points.sel(part=report.id), added, rtol=0, atol=1e-9)


@pytest.mark.parametrize("by", ["report", "origin", "indicator", "source"])
@pytest.mark.parametrize("exact", [True, False])
def test_parts_add_up_draw_by_draw(by, exact):
    outlook = outlook_of(harbour(channels=0), evidence(*reports(5)))
    found = fc.explain(outlook, "storm", "storm", by=by, exact=exact)
    assert {"learned tables", "elapsed time", "silence"} <= {c.name for c in found.contributions}
    draws = found.draws
    ends = draws.start + draws.points.sum("part")
    np.testing.assert_allclose(ends, draws.probability, rtol=0, atol=1e-9)
    odds = log_odds(draws.start.to_numpy()) + draws.log_odds.sum("part")
    np.testing.assert_allclose(odds, log_odds(draws.probability.to_numpy()), rtol=0, atol=1e-9)
    means = found.start + sum(each.points.mean for each in found.contributions)
    assert means == pytest.approx(found.probability.mean, abs=1e-9)
    assert found.probability.mean == pytest.approx(
        outlook.probability_within("storm=storm").mean, abs=1e-9
    )


def test_what_is_withdrawn_is_what_retracting_it_does():
    outlook = outlook_of(weather(), evidence(*reports(3)), draws=2000)
    found = fc.explain(outlook, "storm", "storm", draws=2000)
    now = outlook.probability_within("storm=storm").mean
    for each in found.contributions:
        if each.kind == "reports":
            without = fc.retract(outlook, each.name, method="reweight")
            expected = without.probability_within("storm=storm").mean - now
            # The weights of `retract` have a smoothed tail.
            assert each.withdrawn == pytest.approx(expected, abs=2e-3)


def test_draws_that_stand_for_all_keep_the_printed_number():
    outlook = fc.forecast(weather(), evidence(*reports(3)), **QUICK, draws=2000)
    found = fc.explain(outlook, "storm", "storm")
    assert found.probability.mean == pytest.approx(
        outlook.probability_within("storm=storm").mean, abs=2e-3
    )
    assert "If withdrawn" in str(found)


def test_sampled_orders_are_exact_where_players_interact_in_pairs():
    random = np.random.default_rng(2)
    alone, together = random.normal(size=(5, 3)), random.normal(size=(5, 5, 3))

    def value(who):
        pairs = [together[i, j] for i in who for j in who if i < j]
        return np.sum([alone[i] for i in who] + pairs + [np.zeros(3)], axis=0)

    exact, sampled = all_orders(5, value), sampled_orders(5, value, enough=1e-9)
    np.testing.assert_allclose(sampled.values, exact.values, atol=1e-12)


def test_what_cannot_be_explained_is_refused():
    outlook = outlook_of(weather(), evidence(*reports(13)), draws=10)
    for wrong, message in (
        ({"exact": True}, "13 parts"),
        ({"until": START}, "until"),
        ({"variable": "strom"}, "storm"),
    ):
        with pytest.raises(fc.InputError, match=message):
            fc.explain(outlook, **({"variable": "storm", "state": "storm"} | wrong))
