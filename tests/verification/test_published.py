"""A published document beside a forecast: numbers are those of the API, and faults are named."""

from datetime import timedelta

import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.estimate import Estimate
from forecast.evidence.ledger import Evidence
from tests.small import barometer_report, weather
from tests.verification.test_questions import day

HEAD = """
format = 1
scenario = "{name}"
title = "Outlook for the coast"
published = 2020-01-10
source = ""
"""
JUDGEMENTS = """
[[judgements]]
id = "likely"
text = "calm stays"
role = "most likely"
course = "storm=storm"

[[judgements]]
id = "dangerous"
text = "a storm is the worst"
role = "most dangerous"
course = "storm=storm"

[[judgements]]
id = "even"
text = "it storms in the month"
phrase = "almost certain"
event.at_least_once = [{{storm = "storm"}}]
window = [{start}, {end}]

[[judgements]]
id = "now"
text = "it storms now"
probability = [0.0, 1.0]
state = {{storm = "storm"}}

[[judgements]]
id = "given"
text = "a fallen glass goes with a storm"
probability = 0.0
state = {{storm = "storm"}}
given = {{barometer = "low"}}

[[judgements]]
id = "vague"
text = "it could storm"
wording = "could"
event.at_least_once = [{{storm = "storm"}}]
window = [{start}, {end}]
"""


@pytest.fixture(scope="module")
def outlook():
    known = Evidence(day(1, 6), (barometer_report("R1", "low"),))
    return fc.forecast(weather(), known, method="reweight", draws=60, chains=1, progressbar=False)


@pytest.fixture
def document(tmp_path, outlook):
    start, end = outlook.as_of + timedelta(days=1), outlook.horizon
    text = HEAD.format(name=outlook.scenario.name) + JUDGEMENTS.format(start=start, end=end)
    path = tmp_path / "document.toml"
    path.write_text(text, "utf-8")
    return fc.read_published(path, outlook.scenario)


def test_each_judgement_is_set_beside_what_the_forecast_says(outlook, document):
    found = {row.judgement.id: row for row in fc.compare_document(outlook, document)}
    assert found["dangerous"].agreement == "agrees"
    assert found["even"].found.mean == pytest.approx(outlook.probability_within("storm=storm").mean)
    assert found["even"].agreement == "lower"
    assert found["even"].stated_text.startswith("almost certain 95")
    assert found["now"].found.mean == pytest.approx(
        outlook.state_probability("storm", "storm").mean
    )
    assert found["now"].agreement == "agrees"
    supposed = fc.beliefs(outlook).set_evidence({"barometer": "low"})
    asked = supposed.posterior("storm", supposed.times[supposed.now]).sel(state="storm")
    assert found["given"].found.mean == pytest.approx(Estimate.of(asked).mean)
    assert found["given"].agreement == "higher"
    assert found["given"].stated_text.startswith("<1")
    assert found["vague"].agreement == "nothing to compare"
    assert "could" in found["vague"].stated_text
    compared = fc.compare_document(outlook, document)
    assert compared.comparable == 5
    assert "5 judgements" in str(compared)
    assert "<table" in compared._repr_html_()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('phrase = "almost certain"', 'phrase = "almost certan"', "did you mean 'almost certain'"),
        ('state = {storm = "storm"}\n\n', 'state = {storm = "strom"}\n\n', "not a state of storm"),
        ('course = "storm=storm"', 'course = "storm=calm"', "is no course"),
        ("probability = 0.0", "probability = 1.5", "probability"),
        ('role = "most likely"\n', "", "needs one of role, event, state"),
        ('id = "now"', 'id = "even"', "more than one judgement is named even"),
        ('scenario = "', 'scenario = "x', "the scenario given is"),
    ],
)
def test_faults_are_named_with_their_place(tmp_path, outlook, old, new, message):
    start, end = outlook.as_of + timedelta(days=1), outlook.horizon
    text = HEAD.format(name=outlook.scenario.name) + JUDGEMENTS.format(start=start, end=end)
    assert old in text
    path = tmp_path / "document.toml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(InputError, match=message):
        fc.read_published(path, outlook.scenario)


def test_the_shipped_document_keeps_to_its_scenario():
    scenario = fc.load_scenario("iraq-2020")
    document = fc.read_published("iraq-2020", scenario)
    assert document.source in scenario.sources
    assert document.published <= scenario.as_of
    assert len(document.judgements) >= 10
