"""Which reports share an origin, against closed forms and what an analyst wrote down."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import rankdata

import forecast as fc
from forecast.evidence.ledger import Evidence
from tests.evidence.test_lineage import START, SURE, outlet, town

SETTINGS = {"draws": 250, "chains": 2, "random_seed": 4, "progressbar": False}


def reweighted(scenario, *reports):
    evidence = Evidence(START, reports)
    return fc.forecast(scenario, evidence, method="reweight", **SETTINGS)


def test_two_reports_share_an_origin_as_often_as_bayes_rule_says():
    given = reweighted(town(), outlet(0), outlet(1))
    posterior = given.posterior["posterior"]
    copying = posterior["copying"].sel(family="others").to_numpy()
    accuracy = posterior["accuracy"].sel(reliability="C").to_numpy()
    usual = 0.9 * SURE + 0.05
    like = np.array([(1 - accuracy) * usual, accuracy + (1 - accuracy) * usual])
    prior, odds = np.array([1 - SURE, SURE])[:, None, None], copying / (1 - copying)
    expected = (prior * like * odds).sum(axis=0) / (prior * like * (like + odds)).sum(axis=0)
    found = fc.lineage(given)
    [pair] = found.pairs.itertuples()
    assert (pair.report, pair.other, pair.rests_on) == ("R000", "R001", "one event")
    assert pair.probability == pytest.approx(given.estimate(expected).mean, rel=1e-9)
    assert pair.lower < pair.probability < pair.upper
    [row] = found.origins.itertuples()
    assert (row.Index, row.reports, row.stated) == ("raid", 2, 0)
    assert row.expected == pytest.approx(2 - pair.probability)
    assert "R000 and R001 share an origin" in repr(found)


def test_what_is_stated_is_known():
    reports = outlet(0, origin="a"), outlet(1, origin="b"), outlet(2, origin="a"), outlet(3)
    found = fc.lineage(
        reweighted(town().model_copy(update={"lineage": "as_stated"}), *reports)
    ).pairs
    assert found["probability"].tolist() == [1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert set(found.iloc[0][["report", "other"]]) == {"R000", "R002"}


@pytest.mark.slow
def test_the_declared_grouping_of_iraq_2020_is_recovered_when_every_origin_is_erased():
    scenario = fc.load_scenario("iraq-2020")
    evidence = fc.read_evidence("iraq-2020", scenario).known_at("2020-01-23")
    origin = {report.id: report.origin for report in evidence}
    erased = Evidence(evidence.as_of, tuple(replace(r, origin="") for r in evidence))
    settings = {"draws": 500, "chains": 2, "random_seed": 1, "progressbar": False}
    pairs = fc.lineage(fc.forecast(scenario, erased, method="reweight", **settings)).pairs
    same = np.array(
        [origin[a] == origin[b] for a, b in zip(pairs["report"], pairs["other"], strict=True)]
    )
    n_same, n_other = same.sum(), (~same).sum()
    above = rankdata(pairs["probability"])[same].sum() - n_same * (n_same + 1) / 2
    assert above / (n_same * n_other) >= 0.9
