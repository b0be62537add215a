"""What an answer rests on, and how answers compare, against closed forms and by hand."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import forecast as fc
from forecast.analysis.frames import Ranks, Sensitivity
from forecast.analysis.sensitivity import variance_shares
from forecast.errors import InputError
from forecast.evidence.likelihood import tabulate_reports
from forecast.model.builder import compile_tables
from forecast.network.sweep import sweep
from forecast.probabilities import probability_draws
from tests.small import barometer_report, evidence, state_log_likelihoods, weather

DRAWS, CHAINS = 500, 2


@pytest.fixture(scope="module")
def outlook():
    reports = (barometer_report("R1", "falling", 0), barometer_report("R2", "low", 2))
    return fc.forecast(
        weather(), evidence(*reports), draws=DRAWS, tune=500, chains=CHAINS, random_seed=2
    )


def test_shares_of_a_sum_are_its_variances():
    x = np.random.default_rng(1).normal(size=(4, 40_000))
    weights = np.array([3.0, 2.0, 1.0, 0.0])
    found = variance_shares(x, weights @ x)
    assert found == pytest.approx(weights**2 / 14, abs=0.01)


def test_shares_of_the_ishigami_function_are_the_published_ones():
    """Ishigami and Homma 1990, with a = 7 and b = 0.1: 0.3139, 0.4424, 0."""
    x = np.random.default_rng(2).uniform(-np.pi, np.pi, (3, 100_000))
    y = np.sin(x[0]) + 7 * np.sin(x[1]) ** 2 + 0.1 * x[2] ** 4 * np.sin(x[0])
    assert variance_shares(x, y) == pytest.approx([0.3139, 0.4424, 0.0], abs=0.012)


def test_shares_of_what_does_not_vary_are_zero():
    assert (variance_shares(np.ones((2, 500)), np.arange(500.0)) == 0).all()
    assert (variance_shares(np.random.default_rng(0).random((2, 500)), np.ones(500)) == 0).all()
    assert (variance_shares(np.random.default_rng(0).random((2, 30)), np.arange(30.0)) == 0).all()
    rounded = 0.3 + np.random.default_rng(1).choice([0.0, 1e-16], 500)
    assert (variance_shares(np.random.default_rng(0).random((2, 500)), rounded) == 0).all()


def test_chance_alone_gets_no_share():
    rng = np.random.default_rng(3)
    found = variance_shares(rng.normal(size=(1000, 2000)), rng.normal(size=2000))
    assert (found > 0).mean() < 0.03


def test_one_at_a_time_is_a_forecast_with_one_number_moved(outlook):
    """Every judgement's row, against a sweep of tables made by hand."""
    table = fc.sensitivity(outlook, "storm", "storm", by=outlook.horizon)
    program = compile_tables(outlook.scenario)
    posterior = outlook.posterior["posterior"]
    means = {
        name: posterior[name].mean(("chain", "draw")).to_numpy()
        for name in ("probability", "row_3", "accuracy")
    }

    def answer(judged):
        tables = {name: value for name, value in judged.items() if name != "accuracy"}
        theta = program.cells(tables)[:, None]
        steps = outlook.scenario.timeline.n_steps(outlook.as_of)
        reports = tabulate_reports(outlook.scenario, outlook.evidence, steps)
        like = state_log_likelihoods(outlook.scenario, reports, judged["accuracy"])
        barred = like.copy()
        barred[outlook.now + 1 :, program.network.state("storm", "storm")] = -np.inf
        whole = sweep(program.network, theta, like, "forward").log_evidence
        return 1 - np.exp(sweep(program.network, theta, barred, "forward").log_evidence - whole)[0]

    labels = program.priors.labels["probability"]
    for k, shape in enumerate(program.priors.probability):
        row = table.loc[labels[k]]
        ends = stats.beta.ppf([0.05, 0.95], *shape)
        assert [row["low"], row["high"]] == pytest.approx(ends)
        for end, found in zip(ends, (row["at_low"], row["at_high"]), strict=True):
            probability = means["probability"].copy()
            probability[k] = end
            assert found == pytest.approx(answer(means | {"probability": probability}), abs=1e-10)
    for k, alpha in enumerate(program.priors.rows[3]):
        for s, state in enumerate(("high", "falling", "low")):
            row = table.loc[f"{program.priors.labels['row_3'][k]}: {state}"]
            end = stats.beta.ppf(0.95, alpha[s], alpha.sum() - alpha[s])
            rows = means["row_3"].copy()
            rows[k] *= (1 - end) / (1 - rows[k, s])
            rows[k, s] = end
            assert row["at_high"] == pytest.approx(answer(means | {"row_3": rows}), abs=1e-10)
    grade = table.loc["accuracy of sources of grade B"]
    accuracy = means["accuracy"].copy()
    accuracy[1] = grade["low"]
    assert grade["at_low"] == pytest.approx(answer(means | {"accuracy": accuracy}), abs=1e-10)


def test_the_table_is_complete_and_in_order(outlook):
    table = fc.sensitivity(outlook, "storm", "storm", by=outlook.horizon)
    assert len(table) == 3 + 2 * 3 + 6
    assert table["share"].is_monotonic_decreasing
    assert table["share"].between(0, 1).all()
    unused = table.loc["accuracy of sources of grade E"]
    assert unused["at_low"] == unused["at_high"]


def test_any_question_can_be_asked(outlook):
    table = fc.sensitivity_of(outlook, lambda b: b.expected_steps("storm", "storm"))
    assert table["share"].max() > 0.3
    with pytest.raises(InputError, match="one number for each draw"):
        fc.sensitivity_of(outlook, lambda b: b.posterior("storm"))
    with pytest.raises(InputError, match="got float"):
        fc.sensitivity_of(outlook, lambda b: 0.5)


def test_comparisons_count_draws(outlook):
    day = outlook.horizon
    storm = probability_draws(outlook, "storm", "storm", by=day)
    assert storm.shape == (CHAINS, DRAWS)
    middle = float(np.median(storm))
    assert fc.probability_above(outlook, "storm", "storm", above=middle, by=day) == pytest.approx(
        0.5
    )
    now = probability_draws(outlook, "storm", "storm")
    found = fc.likelier(outlook, ("storm", "storm"), ("storm", "calm"))
    assert found == pytest.approx((now > 0.5).mean())
    ranked = fc.ranks(outlook)
    assert ranked.to_numpy().tolist() == [[1.0]]
    with pytest.raises(InputError, match="not a probability"):
        fc.probability_above(outlook, "storm", "storm", above=20)


def test_two_interventions_are_compared_draw_by_draw(outlook):
    """The difference is the mean of differences, and its spread is not that of the parts."""
    asked = fc.beliefs(outlook)
    week = asked.times[asked.now + 1]
    stormy, calm = (asked.intervene({"storm": s}, week) for s in ("storm", "calm"))
    low = [b.posterior("barometer", week).sel(state="low") for b in (stormy, calm)]
    difference = low[0] - low[1]
    assert isinstance(difference, xr.DataArray)
    rows = outlook.posterior["posterior"]["row_3"]
    by_hand = rows[..., 1, 2] - rows[..., 0, 2]
    np.testing.assert_allclose(difference, by_hand, atol=1e-12)


@pytest.mark.parametrize("limit", [1e3, 1e5, 1e9])
def test_answers_do_not_depend_on_the_memory_limit(outlook, limit):
    from dataclasses import replace

    asked = fc.beliefs(outlook)
    part = replace(asked, memory_limit=limit)
    for question in (
        lambda b: b.posteriors(view="smoothed"),
        lambda b: b.at_least_once([("storm", "storm")]),
        lambda b: b.joint(["storm", "barometer"]),
        lambda b: b.information("storm"),
        lambda b: b.log_evidence(),
    ):
        np.testing.assert_array_equal(question(part), question(asked))
    assert (len(list(part.parts())) > 1) == (limit < 1e9)


def test_impossible_evidence_names_reports_and_findings(outlook):
    asked = fc.beliefs(outlook, draws=2)
    step = asked.times[outlook.now]
    with pytest.raises(fc.ImpossibleEvidence, match=r"findings on storm at 2020-01-17$"):
        asked.set_evidence({"storm": "storm"}, step).set_evidence(
            {"storm": "calm"}, step
        ).posterior("storm")
    hard = asked.set_evidence({"barometer": "low"}, step).set_evidence({"barometer": "high"}, step)
    with pytest.raises(fc.ImpossibleEvidence, match=r"barometer at 2020-01-17 \(R2\)$"):
        hard.posterior("storm")


def sensitivities(n=3):
    """A table whose labels are long and hostile."""
    labels = [f"\x1b[2J{k} {'barometer given storm=storm ' * 5}" for k in range(n)]
    found = Sensitivity({name: np.linspace(0.4, 0.1, n) for name in Sensitivity.needs})
    found["at_high"] += 0.25
    return found.set_index(pd.Index(labels, name="judgement"))


def test_a_sensitivity_prints_every_column_and_stays_a_data_frame():
    found = sensitivities()
    found.attrs["answer"] = "storm=storm"
    text = repr(found)
    assert max(map(len, text.splitlines())) <= 100
    assert "..." not in text
    assert "\x1b" not in text
    first = text.splitlines()[4]
    assert " ".join(first.split("…")[1].split()) == "40 % 0.4–0.4 40 % 65 % 25.0 points"
    assert "25.0\xa0points" in found.head(1)._repr_html_()
    assert "\x1b" not in found._repr_html_()
    assert "0.65" in repr(sensitivities())  # an answer that may not be a probability
    assert "2 more judgements" in repr(sensitivities(22))
    plain = pd.DataFrame(found)
    assert type(plain) is pd.DataFrame
    pd.testing.assert_frame_equal(plain * 2, pd.DataFrame(found * 2))
    numbers = found.reset_index(drop=True)
    assert repr(numbers.astype(str)) == repr(pd.DataFrame(numbers.astype(str)))
    assert repr(numbers[["share"]]) == repr(pd.DataFrame(numbers[["share"]]))


def test_ranks_print_percentages_unless_turned_round():
    index, ranks = pd.Index(["a=b", "c=d"], name="course"), pd.RangeIndex(1, 3, name="rank")
    found = Ranks([[0.7, 0.3], [0.3, 0.7]], index=index, columns=ranks)
    assert repr(found).splitlines()[4].split() == ["a=b", "70", "%", "30", "%"]
    assert repr(found.T) == repr(pd.DataFrame(found.T))
