"""Arguments of the public functions: what does not fit is said, and nothing foreign comes out."""

import inspect
import pickle
from datetime import date

import pandas as pd
import pytest

import forecast as fc
from forecast.arguments import checked
from forecast.evidence.ledger import Ledger
from forecast.sampling import Sampling
from tests.api_fuzz import foreign_errors, fuzz, fuzz_parts
from tests.model.test_measured import windy
from tests.small import weather


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fc.forecast(weather(), Ledger()), 'a Ledger; needs an Evidence; .*known_at("'),
        (lambda: fc.forecast("iraq-2020", Ledger()), "2 problems"),
        (lambda: fc.check("iraq-2020"), "'iraq-2020'; needs a Scenario; load_scenario reads one"),
        (lambda: fc.probability(weather(), "a", "b"), "a Scenario; needs a Forecast.*; forecast"),
        (lambda: fc.read_evidence([{"id": "R1"}], weather()), "no column 'indicator'"),
        (lambda: fc.read_evidence({"id": "R1"}, weather()), "a dict; needs"),
        (lambda: fc.check(weather(), draws=True), "draws: True; needs a whole number"),
        (lambda: Ledger().known_at(20200101), "20200101; needs a date or a text; write it as"),
        (lambda: fc.Estimate.of([]), "draws: a list; needs numbers"),
        (lambda: fc.check(weather(), draws=2**31), "draws: 2147483648; needs at most 1,000,000"),
        (lambda: Sampling(draws=2**31, chains=2**31), "2 problems"),
    ],
)
def test_what_was_meant_is_said(call, words):
    with pytest.raises(fc.InputError, match=words.replace("(", r"\(")):
        call()


def test_more_draws_than_fit_in_memory_are_refused_before_they_are_drawn():
    network = fc.TabledNetwork("coin", {"coin": ("heads", "tails")}, {}, {"coin": [0.5, 0.5]})
    with pytest.raises(fc.InputError, match="needs at most 1,000,000"):
        network.beliefs(draws=2**31)
    with pytest.raises(fc.TooLarge, match="more than the limit of 2 GB; ask for at most"):
        fc.check(fc.load_scenario("iraq-2020"), draws=10**6)
    for question, words in ((repr, "finite number for each draw"), (len, "has no len")):
        with pytest.raises(fc.InputError, match=words):
            fc.cell_sensitivity_of(network.beliefs(draws=4), question)


def test_a_checked_function_looks_like_itself():
    assert list(inspect.signature(fc.forecast).parameters)[:2] == ["scenario", "evidence"]
    assert fc.forecast.__doc__.startswith("Forecast a scenario")
    assert pickle.loads(pickle.dumps(fc.forecast)) is fc.forecast
    with pytest.raises(TypeError, match="unexpected keyword"):
        fc.forecast(weather(), Ledger().known_at(date(2020, 1, 1)), sead=1)


def test_what_is_used_up_by_looking_is_not_looked_at():
    @checked
    def total(numbers: "list[int] | None" = None, *more: int, **named: float) -> float:
        return sum(numbers or ()) + sum(more) + sum(named.values())

    assert total([1, 2], 3, a=0.5) == 6.5
    with pytest.raises(fc.InputError, match="3 problems"):
        total("12", "3", a="x")


def test_odd_arguments_end_in_errors_of_the_library(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert foreign_errors(fuzz(1, 5, tmp_path)) == {}
    assert foreign_errors(fuzz_parts(300, 5, tmp_path)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_many_odd_arguments_end_in_errors_of_the_library(seed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert foreign_errors(fuzz(60, seed, tmp_path)) == {}
    assert foreign_errors(fuzz_parts(5_000, seed, tmp_path)) == {}


def test_parts_of_a_scenario_say_all_that_is_wrong_with_them():
    with pytest.raises(fc.InputError) as caught:
        fc.Variable(role="factr", label=3, states=["a"], lable="x")
    assert [str(problem).split(";")[0] for problem in caught.value.problems] == [
        "Variable.role: 'role' cannot be 'factr'",
        "Variable.label: 'label' should be text",
        "Variable.states: 'states' needs at least 2 items",
        "Variable.lable: unknown entry 'lable'",
    ]
    assert fc.Variable(role="factor", label="a", states=["no", "yes"]).states == ("no", "yes")
    with pytest.raises(fc.InputError, match="the scenario should be a mapping with name"):
        fc.Scenario.model_validate(5)


def test_parts_of_what_is_gone_through_are_looked_at_too(tmp_path):
    matrix = fc.AchMatrix(("a", "b"), (fc.AchItem("E1", "sails", ("C", "I")),))
    for items in (iter([("C", "I")]), [fc.AchItem("E2", "wind", ())]):
        with pytest.raises(fc.InputError, match="items of evidence that rate every hypothesis"):
            matrix.points_against(items, "b")
    with fc.open_ledger(tmp_path / "reports.db") as ledger:
        for kept in (ledger, Ledger()):
            with pytest.raises(fc.InputError, match="is not the name of a variable"):
                kept.known_at("2020-01-10", iter([{"a": 1}]))
    network = fc.TabledNetwork("coin", {"coin": ("heads", "tails")}, {}, {"coin": [0.5, 0.5]})
    for n, seed in ((1, -1), (0, 1), (2**31, 1)):
        with pytest.raises(fc.InputError, match="needs"):
            network.beliefs(draws=4).simulate(n, seed)


def test_a_missing_date_of_pandas_is_no_date():
    with pytest.raises(fc.InputError, match="'resolved' should be a date") as caught:
        fc.Resolution(question="q", outcome="yes", resolved=pd.NaT, source="a", note=pd.NaT)
    assert len(caught.value.problems) == 2


def test_a_number_too_long_to_be_written_out_is_described():
    with pytest.raises(fc.InputError, match="a whole number of more than 60 digits days"):
        fc.elicit([0.1, 0.3], within=10**5000, step=7)
    body = weather().model_dump(mode="json", by_alias=True)
    body["variables"]["barometer"]["table"]["form"] = 10**5000
    with pytest.raises(fc.InputError, match="form' cannot be 'a whole number of more than 60 dig"):
        fc.Scenario(**body)
    body = windy("poisson").model_dump(mode="json", by_alias=True)
    body["variables"]["wind"]["measured"]["family"] = 10**5000
    with pytest.raises(fc.InputError, match="family' cannot be 'a whole number of more than 60 d"):
        fc.Scenario(**body)


def test_no_forecast_reaches_beyond_the_last_date():
    with pytest.raises(fc.InputError, match="beyond 9999-12-31, the last date there is"):
        weather().timeline.n_steps(date(9999, 12, 20))
