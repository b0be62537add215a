"""Questions: what files of them may hold, and answers against all histories one by one."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import numpy as np
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.evidence.ledger import Evidence
from forecast.outlook import Forecast
from forecast.posterior.beliefs import Beliefs
from forecast.verification.questions import Event, Question, misnamed, read_questions
from tests.pages import DOCS, run_page
from tests.priors import weighted_beliefs
from tests.small import START, barometer_report, weather

STORM = {"storm": "storm"}
LOW_IN_STORM = {"storm": "storm", "barometer": "low"}
FALLING = {"barometer": ">= falling"}


def day(week, weekday=0):
    return START + timedelta(days=7 * week + weekday)


def question(event, start, end, **more):
    return Question(
        id="q",
        text="Will it?",
        rule="As the keeper says.",
        event=event,
        window=(start, end),
        opened=START,
        closes=date(2021, 1, 1),
        **more,
    )


@pytest.fixture(scope="module")
def beliefs() -> Beliefs:
    """The weather of four weeks, seen from the end of the second after two reports."""
    reports = (barometer_report("R1", "low"), barometer_report("R2", "falling", week=1))
    found, _ = weighted_beliefs(weather(horizon=14), Evidence(day(1, 6), reports), 5, 5)
    return replace(found, sample="prior")


@pytest.fixture(scope="module")
def histories(beliefs):
    """All histories, (history, step, variable), and the probability of each, (history, draw)."""
    network, like = beliefs.network, beliefs.log_like
    states = list(product(product(range(2), range(3)), repeat=beliefs.n_steps))
    theta = beliefs.theta
    tables = {}
    for node in network.nodes:
        for when, block in (("first", node.first), ("later", node.later)):
            shape = (*network.table_shape(block, node.name), -1)
            tables[node.name, when] = block, theta[network.cells(block, node.name)].reshape(shape)
    weights = np.ones((len(states), theta.shape[1]))
    for k, history in enumerate(states):
        for step, now in enumerate(history):
            at = {("storm", 0): now[0], ("barometer", 0): now[1]}
            if step:
                at |= {("storm", 1): history[step - 1][0], ("barometer", 1): history[step - 1][1]}
            for v, name in enumerate(("storm", "barometer")):
                block, table = tables[name, "later" if step else "first"]
                weights[k] *= table[(*(at[parent] for parent in block.parents), now[v])]
                weights[k] *= np.exp(like[step, network.states(name)][now[v]])
    return states, weights / weights.sum(axis=0), weights.sum(axis=0)


def holds(condition, state):
    """Whether a condition holds of (storm, barometer) in one week."""
    names = {
        "storm": ["storm"] if state[0] else ["calm"],
        "barometer": [("high", "falling", "low")[state[1]]],
    }
    if state[1] >= 1:
        names["barometer"].append(">= falling")
    return any(all(s in names[name] for name, s in each.items()) for each in condition)


def probability_in(event, history, start, end):
    """Probability that an event happens in one history, day by day.

    What holds in a week the window cuts is taken to be on one of the week's days.
    """
    [(kind, body)] = event.items()
    days = [sum(start <= day(k, d) <= end for d in range(7)) / 7 for k in range(len(history))]
    if kind == "not":
        return 1 - probability_in(body, history, start, end)
    if kind == "all":
        return np.prod([probability_in(part, history, start, end) for part in body])
    if kind == "any":
        return 1 - np.prod([1 - probability_in(part, history, start, end) for part in body])
    if kind == "at_end":
        return float(holds(body, history[(end - START).days // 7]))
    if kind == "count":
        n = sum(holds(body["of"], s) for s, share in zip(history, days, strict=True) if share)
        return float(body.get("at_least", 0) <= n <= body.get("at_most", 99))
    if kind == "before":
        neither, first = 1.0, 0.0
        for s, share in zip(history, days, strict=True):
            one, other = share * holds(body["first"], s), share * holds(body["then"], s)
            first += neither * one * (1 - other)
            neither *= (1 - one) * (1 - other)
        return first
    missed = [1 - share * holds(body, s) for s, share in zip(history, days, strict=True)]
    return 1 - np.prod(missed)


EVENTS = {
    "now-past": ({"at_least_once": [LOW_IN_STORM]}, day(0, 2), day(1, 6)),
    "ahead": ({"at_least_once": [LOW_IN_STORM]}, day(2), day(3, 3)),
    "later": ({"at_least_once": [STORM, {"barometer": "low"}]}, day(2, 3), day(3, 6)),
    "at-end": ({"at_end": [FALLING]}, day(2), day(3, 2)),
    "count": ({"count": {"of": [FALLING], "at_least": 2, "at_most": 2}}, day(1), day(3, 6)),
    "never-three": ({"count": {"of": [STORM], "at_most": 2}}, day(1), day(3, 6)),
    "before": ({"before": {"first": [FALLING], "then": [STORM]}}, day(1), day(3, 4)),
    "both": (
        {"all": [{"at_least_once": [STORM]}, {"not": {"at_least_once": [{"barometer": "low"}]}}]},
        day(2),
        day(3, 6),
    ),
    "either": ({"any": [{"at_end": [STORM]}, {"at_least_once": [FALLING]}]}, day(2, 5), day(3, 1)),
}


@pytest.mark.parametrize("name", EVENTS)
def test_an_answer_is_the_sum_over_histories(beliefs, histories, name):
    event, start, end = EVENTS[name]
    states, weights, evidence = histories
    probabilities = np.array([probability_in(event, history, start, end) for history in states])
    expected = probabilities @ weights
    found = fc.ask(beliefs, question(event, start, end)).probability
    assert found.mean == pytest.approx(np.average(expected, weights=evidence), abs=1e-12)
    assert found.lower <= found.mean <= found.upper


def test_a_number_of_weeks_has_the_distribution_of_the_histories(beliefs, histories):
    states, weights, evidence = histories
    found = fc.ask(beliefs, question({"count": {"of": [FALLING]}}, day(2), day(3, 6)))
    n = np.array([sum(state[1] >= 1 for state in history[2:]) for history in states])
    for k in range(3):
        expected = np.average((n == k) @ weights, weights=evidence)
        assert found.distribution[str(k)].mean == pytest.approx(expected, abs=1e-12)
    assert found.mean == pytest.approx(np.average(n @ weights, weights=evidence), abs=1e-12)
    with pytest.raises(InputError, match="answered by a number"):
        _ = found.probability


@pytest.mark.parametrize("end", [day(2, 1), day(2, 6), day(3, 2)])
def test_a_state_by_a_day_is_what_probability_says(beliefs, end):
    asked = fc.ask(beliefs, question({"at_least_once": [STORM]}, day(2), end)).probability
    assert asked.mean == fc.probability(beliefs, "storm", "storm", by=end).mean
    never = fc.ask(beliefs, question({"not": {"at_least_once": [STORM]}}, day(2), end)).probability
    assert never.mean == pytest.approx(1 - asked.mean, abs=1e-14)


def test_days_that_are_left_of_this_week_say_nothing_by_themselves(beliefs):
    """The report of this week is no news of its last days."""
    reports = (barometer_report("R1", "low"), barometer_report("R2", "low", week=1))
    mid = weighted_beliefs(weather(horizon=14), Evidence(day(1, 3), reports), 5, 5)[0]
    asked = question({"at_least_once": [LOW_IN_STORM]}, day(1, 4), day(2, 6))
    later = question({"at_least_once": [LOW_IN_STORM]}, day(2), day(2, 6))
    assert fc.ask(mid, asked).probability == fc.ask(mid, later).probability


def test_a_window_beyond_the_horizon_makes_it_longer():
    """A forecast answers as one of the same draws with a longer horizon does."""
    evidence = Evidence(day(1, 6), (barometer_report("R1", "low"),))
    short = fc.forecast(
        weather(horizon=14), evidence, draws=20, tune=20, chains=1, progressbar=False
    )
    long = Forecast(weather(horizon=70), evidence, short.posterior, short.sampling)
    for event in ({"at_least_once": [STORM]}, {"at_least_once": [LOW_IN_STORM]}):
        asked = question(event, day(2), day(9, 6))
        one, other = (fc.ask(each, asked).probability for each in (short, long))
        assert [one.mean, one.lower, one.upper] == pytest.approx(
            [other.mean, other.lower, other.upper], abs=1e-12
        )
    assert any("beyond" in note for note in fc.ask(short, asked).notes)
    with pytest.raises(InputError, match="steps after the as-of date"):
        fc.ask(short, question(event, day(2), date(3000, 1, 1)))


def test_what_only_bounds_the_answer_says_so(beliefs):
    asked = question({"at_least_once": [STORM]}, day(2), day(3), bound="at most", basis="too wide")
    printed = repr(fc.ask(beliefs, asked))
    assert "at most" in printed
    assert "too wide" in printed
    with pytest.raises(InputError, match="basis"):
        question({"at_end": [STORM]}, day(2), day(3), bound="at least")


@pytest.mark.parametrize(
    ("event", "start", "end", "message"),
    [
        ({"at_end": [{"strom": "storm"}]}, day(2), day(3), "did you mean 'storm'"),
        ({"at_end": [{"barometer": ">= lo"}]}, day(2), day(3), "did you mean 'low'"),
        ({"count": {"of": [STORM]}}, day(2), day(3, 2), "2020-01-17 to 2020-01-30"),
        ({"at_end": [STORM]}, day(2), day(9), "these beliefs end on 2020-01-30"),
        ({"at_end": [STORM]}, START - timedelta(days=1), day(3), "begins on 2020-01-03"),
    ],
)
def test_what_cannot_be_asked_is_said(beliefs, event, start, end, message):
    with pytest.raises(InputError, match=message):
        fc.ask(beliefs, question(event, start, end))


BROKEN = """
format = 1
scenario = "weather"
[[questions]]
id = "storm"
text = "Will it storm?"
rule = "As the keeper says."
opened = 2020-01-20
window = [2020-01-30, 2020-01-24]
event.at_least_once = [{storm = "storm"}]
[[questions]]
id = "two"
text = "Two kinds at once"
rule = ""
opened = 2020-01-20
window = [2020-01-24, 2020-01-30]
event.at_end = [{storm = "storm"}]
event.at_least_once = [{storm = "storm"}]
"""


def test_a_broken_file_is_refused_with_all_that_is_wrong(tmp_path):
    path = tmp_path / "questions.toml"
    path.write_text(BROKEN, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_questions(path)
    places = " ".join(str(problem) for problem in caught.value.problems)
    assert "questions.storm" in places
    assert "before it begins on 2020-01-30" in places
    assert "questions.two.rule" in places
    assert "given: at_least_once, at_end" in places
    path.write_text("format = ", encoding="utf-8")
    with pytest.raises(InputError, match="not readable as TOML"):
        read_questions(path)


def test_questions_about_another_scenario_are_refused():
    with pytest.raises(InputError, match="the scenario given is 'weather'"):
        read_questions("iraq-2020", weather())


def test_the_shipped_questions_were_written_on_the_day_and_name_what_there_is():
    scenario = fc.load_scenario("iraq-2020")
    questions = read_questions("iraq-2020", scenario)
    assert len(questions) >= 25
    opened = {each.opened for each in questions.values()}
    assert opened == {date(2020, 1, 23)}
    kinds = {each.event.kind for each in questions.values()}
    assert kinds >= {"at_least_once", "at_end", "count", "before", "all", "not"}
    with pytest.raises(InputError, match="did you mean 'embassy-hit'"):
        _ = questions["embassy-hits"]


def test_what_the_analyst_sets_is_not_forecast():
    scenario = fc.load_scenario("iraq-2020")
    states = {name: variable.states for name, variable in scenario.variables.items()}
    event = Event(at_end=[{"us_action": "campaign"}])
    assert not list(misnamed("event", event, states))
    found, _ = weighted_beliefs(scenario, Evidence(date(2020, 1, 23), ()), 2, 1)
    with pytest.raises(InputError, match="set by the analyst"):
        fc.ask(found, question(event, date(2020, 1, 24), date(2020, 1, 30)))


def test_the_page_does_what_it_says(tmp_path):
    run_page(DOCS / "verification.md", tmp_path)
