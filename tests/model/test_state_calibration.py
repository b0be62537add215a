"""Are states as probable as predicted when reports are made because of what happens?

Rank tests of judgements cannot see a wrong model of how reports come about; only states that are
predicted too often, or too seldom, show it. Here everything is known but the states, in a
small world; `tests.benchmarks.reporting` does the same with iraq-2020.
"""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import tabulate_reports
from forecast.model.builder import compile_tables
from forecast.model.report_likelihood import log_likelihoods, report_data
from forecast.network.sweep import sweep
from tests.benchmarks.reporting import (
    ANY,
    POSITIVE,
    UNSURE,
    WEEKS,
    Making,
    Row,
    Worlds,
    compare,
    draw_reporting_probabilities,
    make_reports,
    read_as,
)
from tests.evidence.test_reporting_profiles import harm
from tests.small import rows

N = 2000
STATES = (("storm", "storm"), ("harm_0", "killed"))
HALF, DOUBLE = Making(1e-9, 0.3, 0.01), Making(1e-9, 0.45, 0.01)
ROWS = (
    Row("whatever the state", ANY, None, "right"),
    Row("positives only, read as made", POSITIVE, POSITIVE, "right"),
    Row("positives only, read as if whatever the state", POSITIVE, None, "off"),
    Row("half of the detection", POSITIVE, HALF, "off"),
    Row("double the detection", DOUBLE, Making(1e-9, 0.9, 0.01), "off"),
    Row("level of reporting not known", UNSURE, UNSURE, "right"),
    Row("level taken for known", replace(UNSURE, happening=0.2), Making(0.1, 0.6, 0.01), "off"),
    Row("copies of a stated origin", POSITIVE, POSITIVE, "right", copies=3),
    Row("copies taken for origins", POSITIVE, POSITIVE, "off", copies=3, stated=False),
)
STORMY = {
    "initial": rows(({}, {"exactly": {"calm": 0.8, "storm": 0.2}})),
    "transition": rows(
        ({"previous storm": "calm"}, {"exactly": {"calm": 0.9, "storm": 0.1}}),
        ({"previous storm": "storm"}, {"exactly": {"calm": 0.2, "storm": 0.8}}),
    ),
}


@pytest.fixture(scope="module")
def worlds():
    """Storms that come and go, and two signs of them."""
    table_rows = [
        ({"storm": "calm"}, {"exactly": {"none": 0.9, "wounded": 0.07, "killed": 0.03}}),
        ({"storm": "storm"}, {"exactly": {"none": 0.4, "wounded": 0.35, "killed": 0.25}}),
    ]
    body = harm(table_rows, course=STORMY).model_dump(by_alias=True)
    signs = {f"harm_{k}": body["variables"]["harm"] for k in range(2)}
    body["variables"] = {"storm": body["variables"]["storm"]} | signs
    return Worlds.draw(read_as(type(harm(table_rows)).model_validate(body), None), N, 3)


def state_probabilities(worlds, row):
    """Probability of each of `STATES` in the last week, (state, world); equal reports read once."""
    scenario = read_as(worlds.scenario, row.read)
    program, n = compile_tables(scenario), row.read.n_draws if row.read else 1
    probabilities = draw_reporting_probabilities(scenario, row.read, np.random.default_rng(1), n)
    as_of = scenario.time.start + timedelta(7 * WEEKS - 1)
    found = {}
    reports = make_reports(worlds, row, 5)
    keys = [tuple((each.id, each.state) for each in known) for known in reports]
    columns = [program.network.state(*pair) for pair in STATES]
    for key, known in dict(zip(keys, reports, strict=True)).items():
        table = tabulate_reports(scenario, Evidence(as_of, known), WEEKS)
        like = log_likelihoods(report_data(program, table), probabilities)
        swept = sweep(program.network, worlds.theta[:, :1], like, "smoothed")
        weights = np.exp(swept.log_evidence)
        found[key] = np.average(swept.marginals[WEEKS - 1, columns], axis=-1, weights=weights)
    return np.array([found[key] for key in keys]).T


def distance(row, predicted, true):
    """Standard errors between what is predicted and what held, or between the slope and 1."""
    case = compare(row, "", predicted, true)
    shift = abs(predicted.mean() - true.mean()) / np.std(predicted - true) * np.sqrt(len(predicted))
    return max(shift, abs(case["slope"] - 1) / case["slope_se"])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_states_are_as_probable_as_predicted_and_a_wrong_reading_is_caught(worlds, row):
    network = compile_tables(worlds.scenario).network
    far = [
        distance(
            row,
            predicted,
            worlds.history[WEEKS - 1, network.names.index(name)]
            == network.node(name).states.index(state),
        )
        for (name, state), predicted in zip(STATES, state_probabilities(worlds, row), strict=True)
    ]
    assert max(far) < 3.5 if row.expect == "right" else max(far) > 4
