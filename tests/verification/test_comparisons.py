"""Comparisons of scores: coverage at every time, an independent library, counts by hand."""

import numpy as np
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.verification.resolutions import Resolution
from tests.verification.test_questions import day, question


def differing(rng, records, n):
    """Brier scores of two forecasters whose skill changes, and the difference to be expected."""
    truth = rng.beta(1, 2, (records, n))
    bias = np.where(np.arange(n) < n // 2, 0.3, 0.0)
    own, other = np.clip(truth + 0.1, 0, 1), np.clip(truth + bias, 0, 1)
    y = rng.random((records, n)) < truth
    expected = (other - truth) ** 2 - (own - truth) ** 2
    return (own - y) ** 2, (other - y) ** 2, expected


def wrong_at_any_time(records, n, seed):
    rng = np.random.default_rng(seed)
    own, other, expected = differing(rng, records, n)
    found = fc.advantage(own, other)
    mean = np.cumsum(expected, axis=-1) / np.arange(1, n + 1)
    return ((found.lower > mean) | (found.upper < mean)).any(axis=-1).mean()


def test_a_confidence_sequence_holds_whenever_one_looks():
    assert wrong_at_any_time(400, 200, 1) <= 0.05


@pytest.mark.slow
def test_ten_thousand_records_that_anybody_may_stop():
    rates = [wrong_at_any_time(1000, 1000, seed) for seed in range(10)]
    assert np.mean(rates) <= 0.05


def test_a_confidence_sequence_finds_an_advantage_in_the_end():
    rng = np.random.default_rng(2)
    truth = rng.random(3000)
    y = rng.random(3000) < truth
    own, other = (truth - y) ** 2, np.full(3000, 0.25)
    found = fc.advantage(own, other)
    assert found.lower[-1] > 0
    assert found.latest == (found.mean[-1], found.lower[-1], found.upper[-1])
    again = fc.advantage(other, own)
    assert np.allclose(again.upper, -found.lower, atol=1e-12)
    assert (fc.advantage(own[:5], other[:5]).lower == -1).all()  # five say nothing


def test_an_ordinary_interval_would_not_hold():
    rng = np.random.default_rng(3)
    own, other, expected = differing(rng, 400, 500)
    n = np.arange(1, 501)
    d = other - own
    mean = np.cumsum(d, axis=1) / n
    sd = np.sqrt(np.maximum(np.cumsum(d**2, axis=1) / n - mean**2, 0) / n)
    off = np.abs(mean - np.cumsum(expected, axis=1) / n)[:, 20:] > 1.96 * sd[:, 20:]
    assert off.any(axis=1).mean() > 0.2


def test_the_bootstrap_of_clusters_knows_what_depends_on_what():
    rng = np.random.default_rng(4)
    inside = 0
    for _ in range(200):
        values = np.repeat(rng.normal(1, 1, 40), 5)  # five copies of forty
        found = fc.clustered_mean(values, np.repeat(np.arange(40), 5), draws=500)
        inside += found.lower <= 1 <= found.upper
    assert inside / 200 == pytest.approx(0.9, abs=0.07)
    alone = fc.clustered_mean(values, np.arange(200))
    assert alone.upper - alone.lower < 0.6 * (found.upper - found.lower)
    with pytest.raises(InputError, match="clusters"):
        fc.clustered_mean([1, 2], ["a"])


def test_discrimination_is_a_count_of_pairs():
    rng = np.random.default_rng(5)
    p, y = rng.integers(0, 6, 60) / 5, rng.integers(0, 2, 60)
    pairs = [(a > b) + 0.5 * (a == b) for a in p[y == 1] for b in p[y == 0]]
    assert fc.discrimination(p, y) == pytest.approx(np.mean(pairs), abs=1e-12)
    assert np.isnan(fc.discrimination([0.2], [1]))


def test_warning_scores_by_hand():
    levels = fc.firm_score([0, 1, 2, 2], [0, 2, 0, 1], risk=0.6, weights=[3, 1])
    assert levels == pytest.approx([0, 0.6 * 1, 0.4 * 4, 0.4 * 1], abs=1e-12)
    weights = [[1, 2], [3, 4]]
    # Reached the first: warned of at 0.1, not at 0.5; the second in vain at 0.1.
    found = fc.risk_matrix_score([0.4, 0.2], 1, [0.1, 0.5], weights)
    assert found == pytest.approx(2 * 0.5 + 3 * 0.1, abs=1e-12)
    for call in (
        lambda: fc.firm_score([1], [3], weights=[1]),
        lambda: fc.firm_score([1], [1], risk=1.0),
        lambda: fc.risk_matrix_score([0.2, 0.4], 1, [0.5], [[1], [1]]),
        lambda: fc.risk_matrix_score([0.4, 0.2], 1, [0.5], [[1]]),
        lambda: fc.warning_power([0.1], [1], [0.5]),
        lambda: fc.advantage([0.1], [2.0]),
        lambda: fc.advantage([0.1], [0.2], error=0),
    ):
        with pytest.raises(InputError):
            call()


def test_the_best_warning_under_firm_is_that_of_its_rule():
    """The highest level that is reached with a probability above 1 - risk."""
    rng = np.random.default_rng(6)
    for risk in (0.3, 0.7, 0.9):
        p = rng.dirichlet(np.ones(4), 50)
        for each in p:
            cost = [each @ fc.firm_score([x] * 4, range(4), risk=risk) for x in range(4)]
            reached = each[::-1].cumsum()[::-1]
            assert int(np.argmin(cost)) == int((reached[1:] > 1 - risk).sum())


def test_warning_scores_are_those_of_an_independent_library():
    scores = pytest.importorskip("scores", reason="the library of that name is not installed")
    import xarray as xr

    rng = np.random.default_rng(7)
    warned, observed = rng.integers(0, 4, (2, 60))
    edges, weights = [0.5, 1.5, 2.5], [1.0, 2.0, 4.0]
    theirs = scores.categorical.firm(
        xr.DataArray(warned.astype(float), dims="n"),
        xr.DataArray(observed.astype(float), dims="n"),
        risk_parameter=0.7,
        categorical_thresholds=edges,
        threshold_weights=weights,
        preserve_dims="n",
    ).to_numpy()
    ours = fc.firm_score(warned.tolist(), observed.tolist(), risk=0.7, weights=weights)
    assert ours == pytest.approx(theirs, abs=1e-12)
    p = np.sort(rng.random((20, 3)), axis=1)[:, ::-1].copy()
    reached, at = rng.integers(0, 4, 20), [0.1, 0.4, 0.8]
    matrix = rng.random((3, 3))
    coords = {"severity": [1, 2, 3], "threshold": at}
    theirs = scores.categorical.risk_matrix_score(
        xr.DataArray(p, dims=("n", "severity"), coords={"severity": [1, 2, 3]}),
        xr.DataArray((reached[:, None] >= [1, 2, 3]) * 1.0, dims=("n", "severity")).assign_coords(
            severity=[1, 2, 3]
        ),
        xr.DataArray(matrix, dims=("severity", "threshold"), coords=coords),
        "severity",
        "threshold",
        preserve_dims="n",
    ).to_numpy()
    ours = [fc.risk_matrix_score(e, int(k), at, matrix) for e, k in zip(p, reached, strict=True)]
    assert ours == pytest.approx(theirs, abs=1e-12)


def answers():
    """Two questions asked on four days, and a third that was asked late."""
    found = []
    rows = {"a": (0.2, 0.4, 0.6, 0.9), "b": (0.3, 0.2, 0.1, 0.05), "c": (None, None, None, 0.7)}
    for name, probabilities in rows.items():
        asked = question({"at_least_once": [{"storm": "storm"}]}, day(1), day(6))
        asked = asked.model_copy(update={"id": name, "closes": day(5)})
        for week, p in enumerate(probabilities):
            if p is not None:
                yes, no = fc.Estimate(p, p / 2, min(1.5 * p, 1)), fc.Estimate(1 - p, 0.0, 1.0)
                found.append(fc.QuestionForecast(asked, day(week), {"no": no, "yes": yes}))
    return found


@pytest.fixture
def scored():
    outcomes = {"a": "yes", "b": "no", "c": "yes"}
    resolutions = [
        Resolution(question=name, outcome=outcome, resolved=day(7), source="keeper")
        for name, outcome in outcomes.items()
    ]
    return fc.score(answers(), resolutions)


def test_scores_at_fixed_leads_over_time_and_against_others(scored):
    assert scored.base_rate == pytest.approx(2 / 3)
    assert scored.first == {"a": 0.2, "b": 0.3, "c": 0.7}
    early = scored.at_lead(22)
    assert early.table["probability"].tolist() == [0.4, 0.2]
    late = scored.at_lead(0)
    assert sorted(late.table["probability"]) == [0.05, 0.7, 0.9]
    assert late.brier == pytest.approx((0.01 + 0.0025 + 0.09) / 3, abs=1e-12)
    first = np.mean([0.64] * 4 + [0.09] * 4 + [0.09])
    assert scored.skill(scored.first) == pytest.approx(1 - scored.brier / first, abs=1e-12)
    assert scored.over_time()["questions"].tolist() == [2, 2, 2, 3]
    assert scored.over_time()["brier"].iloc[0] == pytest.approx((0.64 + 0.09) / 2, abs=1e-12)
    assert scored.discrimination == pytest.approx(
        fc.discrimination(scored.table["probability"], scored.table["outcome"])
    )
    widths = [p / 2 + min(p / 2, 1 - p) for p in scored.table["probability"]]
    assert scored.sharpness == pytest.approx(np.mean(widths), abs=1e-12)


def test_what_questions_allow_to_be_said(scored):
    found = scored.advantage()
    brier = scored.table.groupby("question")["brier"].mean()
    assert found.mean[-1] == pytest.approx(0.25 - brier.mean(), abs=1e-12)
    assert len(found.mean) == 3
    spread = scored.brier_interval()
    assert spread.mean == pytest.approx(scored.brier, abs=1e-12)
    one = scored.brier_interval({"a": "x", "b": "x", "c": "x"})
    assert one.lower == one.upper == pytest.approx(scored.brier)
    with pytest.raises(InputError, match=r"clusters\.b: is missing"):
        scored.brier_interval({"a": "x", "c": "x"})


def test_the_cost_of_rounding_to_words_is_counted_by_hand(scored):
    late = scored.at_lead(0)
    middles = {0.05: 0.03, 0.7: 0.675, 0.9: 0.875}  # 1-5, 55-80 and 80-95 % of ICD 203
    ours = late.rounding_cost()
    words = fc.read_lexicon("icd203")
    for p, middle in middles.items():
        band = words.band_of(p)
        middles[p] = (band.lower + band.upper) / 2
        assert middles[p] == pytest.approx(middle, abs=0.1)
    truth = {0.05: 0, 0.7: 1, 0.9: 1}
    by_hand = np.mean([(middles[p] - truth[p]) ** 2 - (p - truth[p]) ** 2 for p in truth])
    assert ours == pytest.approx(by_hand, abs=1e-12)
