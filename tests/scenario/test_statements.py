"""Every way of stating a number against a closed form, an independent fit or brute force."""

from __future__ import annotations

import re

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy import optimize, stats

import forecast as fc
from forecast.lexicon import lexicon_names, read_lexicon
from forecast.model.builder import compile_tables
from forecast.posterior.prior import draw_priors
from forecast.scenario.elicitation import fit_competing
from forecast.scenario.fits import MOST_MOVED, TAILS, Fit
from forecast.scenario.forms import Hazards, Move, Row, Rows
from forecast.scenario.grammar import forget_schemas
from forecast.scenario.positive_statements import (
    CountedRate,
    GuessFactor,
    PositivePool,
    PositiveQuantiles,
)
from forecast.scenario.probability_statements import (
    Counted,
    Guess,
    Interval,
    Odds,
    Pool,
    Quantiles,
    Seen,
    Unknown,
    Word,
)
from forecast.scenario.rendering import render_scenario
from forecast.scenario.scenario import Clock, Scenario, Variable
from forecast.scenario.scenario_checks import find_problems
from forecast.scenario.scenario_files import parse_scenario
from forecast.scenario.statements import Number, Positive, ProbabilityStatement
from tests.pages import DOCS

BASIS = "judgement: made up for a test"
N = 400_000


def points(shape, levels=TAILS):
    return stats.beta.ppf(levels, *shape)


@pytest.mark.parametrize("lexicon", lexicon_names())
def test_a_word_has_its_range(lexicon):
    for word, (lower, upper) in read_lexicon(lexicon).ranges.items():
        found = points(Word(word=word, lexicon=lexicon).fit().shape)
        np.testing.assert_allclose(found, (lower, upper), atol=0.005, err_msg=word)


@pytest.mark.parametrize(("lower", "upper"), [(0.01, 0.1), (0.25, 1), (2, 9), (0.5, 40)])
def test_odds_become_probabilities(lower, upper):
    found = points(Odds(odds=(lower, upper)).fit().shape)
    np.testing.assert_allclose(found, (lower / (1 + lower), upper / (1 + upper)), atol=0.005)


@pytest.mark.parametrize(("guess", "cases"), [(0.3, 20), (0.02, 150), (0.9, 4.5)])
def test_a_guess_has_the_strength_of_its_cases(guess, cases):
    """A Beta of n cases has variance p (1 - p) / (n + 1)."""
    prior = stats.beta(*Guess(guess=guess, cases=cases).fit().shape)
    assert prior.mean() == pytest.approx(guess)
    assert prior.var() == pytest.approx(guess * (1 - guess) / (cases + 1))


@pytest.mark.parametrize(("seen", "of"), [(0, 5), (3, 41), (7, 7)])
def test_cases_have_jeffreys_interval(seen, of):
    """Brown, Cai, DasGupta 2001: the Jeffreys interval is that of Beta(x + 1/2, n - x + 1/2)."""
    likelihood = stats.binom(of, np.linspace(5e-7, 1 - 5e-7, N)).pmf(seen)
    p = np.linspace(5e-7, 1 - 5e-7, N)
    weight = likelihood / np.sqrt(p * (1 - p))
    mean = (p * weight).sum() / weight.sum()
    a, b = Seen(seen=seen, of=of).fit().shape
    assert a / (a + b) == pytest.approx(mean, rel=0.01)
    assert (a, b) == (seen + 0.5, of - seen + 0.5)


def test_unknown_is_jeffreys_prior():
    assert Unknown(unknown=True).fit().shape == (0.5, 0.5)
    row = Row(unknown=True, basis=BASIS)
    assert row.alpha(("a", "b", "c")) == (0.5, 0.5, 0.5)


def test_counts_of_a_row_are_cases():
    row = Row(counts={"a": 3, "c": 8, "b": 0}, basis=BASIS)
    assert row.alpha(("a", "b", "c")) == (3.5, 0.5, 8.5)


@pytest.mark.parametrize("seed", range(8))
def test_three_quantiles_of_a_beta_give_it_back(seed):
    rng = np.random.default_rng(seed)
    shape = np.exp(rng.uniform(0.2, 3.5, 2))
    low, median, high = map(float, points(shape, [0.05, 0.5, 0.95]))
    fit = Quantiles(low=low, median=median, high=high).fit()
    np.testing.assert_allclose(fit.shape, shape, rtol=1e-3)
    assert fit.miss < 1e-4


def test_three_quantiles_of_no_beta_have_the_nearest():
    """Against a search that shares nothing with the fit."""
    stated = np.array([0.05, 0.12, 0.4])
    fit = Quantiles(low=0.05, median=0.12, high=0.4).fit()

    def distance(log_shape):
        return ((points(np.exp(log_shape), [0.05, 0.5, 0.95]) - stated) ** 2).sum()

    best = optimize.minimize(distance, np.log([2, 10]), method="Nelder-Mead", tol=1e-12)
    np.testing.assert_allclose(np.log(fit.shape), best.x, atol=1e-3)
    found = points(fit.shape, [0.05, 0.5, 0.95])
    np.testing.assert_allclose(fit.fitted, found, atol=1e-9)
    assert fit.miss == pytest.approx(np.abs(found - stated).max(), abs=1e-9)


@pytest.mark.parametrize(("count", "days", "within"), [(13, 61, 7), (0, 30, 90), (2, 365, 30)])
def test_a_count_of_events_becomes_a_probability(count, days, within):
    """Moments of the probability of an event under draws of the rate."""
    rate = stats.gamma(count + 0.5, scale=1 / days).rvs(N, random_state=1)
    probability = -np.expm1(-rate * within)
    prior = stats.beta(*Counted(count=count, days=days).fit(within).shape)
    assert prior.mean() == pytest.approx(probability.mean(), abs=4 * probability.std() / np.sqrt(N))
    assert prior.std() == pytest.approx(probability.std(), rel=0.01)


@pytest.mark.parametrize("days", [1e4, 1e6, 1e9])
def test_a_rare_event_has_the_probability_of_its_rate(days):
    """Where the rate is small, the probability of a day is the rate: Gamma(k + 1/2, days)."""
    shape = Counted(count=3, days=days).fit(1.0).shape
    np.testing.assert_allclose(shape, [3.5, days], rtol=2 / days + 1e-9)


def test_a_count_of_events_becomes_a_rate():
    mean, sd = CountedRate(count=13, days=61).fit(7).shape
    found = np.exp(stats.norm.ppf(TAILS, mean, sd))
    np.testing.assert_allclose(found, 7 * stats.gamma.ppf(TAILS, 13.5, scale=1 / 61), rtol=1e-9)


def test_a_guess_give_or_take_a_factor():
    mean, sd = GuessFactor(guess=4, factor=3).fit().shape
    np.testing.assert_allclose(np.exp(stats.norm.ppf([0.05, 0.5, 0.95], mean, sd)), [4 / 3, 4, 12])


def test_three_quantiles_of_a_positive_number():
    """The regression of log-quantiles on normal scores, by polynomial fit."""
    scores = stats.norm.ppf([0.05, 0.5, 0.95])
    sd, mean = np.polyfit(scores, np.log([1, 3, 20]), 1)
    np.testing.assert_allclose(
        PositiveQuantiles(low=1, median=3, high=20).fit().shape, (mean, sd), rtol=1e-9
    )


EXPERTS = {
    "Ann": {"says": (0.05, 0.2), "weight": 2},
    "Bo": {"says": "likely"},
    "Cy": {"says": {"seen": 1, "of": 12}, "weight": 0.5},
}
SHAPES = {"Ann": (5.43, 41.49), "Cy": (1.5, 11.5)}


def drawn_from_experts(rng):
    """Draws of each expert, (expert, draw), and their weights."""
    shapes = [Pool(experts=EXPERTS).experts[name].says.fit().shape for name in EXPERTS]
    np.testing.assert_allclose([shapes[0], shapes[2]], list(SHAPES.values()), rtol=1e-3)
    draws = np.array([rng.beta(*shape, N) for shape in shapes])
    return draws, np.array([2, 1, 0.5]) / 3.5


@pytest.mark.parametrize("extremise", [1.0, 1.6])
def test_a_linear_pool_is_the_mixture(extremise):
    rng = np.random.default_rng(0)
    draws, weights = drawn_from_experts(rng)
    mixed = draws[rng.choice(3, size=N, p=weights), np.arange(N)]
    odds = (mixed / (1 - mixed)) ** extremise
    expected = np.quantile(odds / (1 + odds), TAILS)
    pool = Pool(experts=EXPERTS, extremise=extremise)
    np.testing.assert_allclose(pool.quantiles(TAILS), expected, atol=0.004)
    np.testing.assert_allclose(points(pool.fit().shape), expected, atol=0.009)


@pytest.mark.parametrize("extremise", [1.0, 2.0])
def test_a_pool_of_log_odds_averages_quantiles(extremise):
    """Experts who are surprised together: sorted draws, averaged as log-odds one by one."""
    draws, weights = drawn_from_experts(np.random.default_rng(1))
    ordered = np.sort(draws, axis=1)
    log_odds = weights @ np.log(ordered / (1 - ordered))
    expected = 1 / (1 + np.exp(-extremise * np.quantile(log_odds, TAILS)))
    pool = Pool(experts=EXPERTS, pool="log_odds", extremise=extremise)
    np.testing.assert_allclose(pool.quantiles(TAILS), expected, atol=0.004)


@pytest.mark.parametrize("how", ["linear", "logarithms"])
def test_positive_numbers_are_pooled(how):
    rng = np.random.default_rng(2)
    logs = np.array([rng.normal(0, 0.4214, N), rng.normal(np.log(6), 0.2, N)])
    experts = {
        "Ann": {"says": (0.5, 2.0)},
        "Bo": {"says": {"guess": 6, "factor": float(np.exp(0.2 * 1.6448536))}, "weight": 3},
    }
    if how == "linear":
        pooled = logs[rng.choice(2, size=N, p=[0.25, 0.75]), np.arange(N)]
    else:
        pooled = np.array([0.25, 0.75]) @ np.sort(logs, axis=1)
    pool = PositivePool(experts=experts, pool=how)
    found = np.log(pool.quantiles(TAILS))
    np.testing.assert_allclose(found, np.quantile(pooled, TAILS), atol=0.02)


def test_experts_who_agree_are_one():
    one = Interval(lower=0.1, upper=0.3).fit().shape
    for how in ("linear", "log_odds"):
        pool = Pool(experts={n: {"says": (0.1, 0.3)} for n in "abc"}, pool=how)
        np.testing.assert_allclose(pool.fit().shape, one, rtol=1e-3)


def race(reading, step, moves):
    """A scenario in which a calm may end in some other state, which then stays."""
    states = ("calm", *(target for target, _ in moves))
    return Scenario(
        name="race",
        version="1",
        title="A race",
        question="What comes first?",
        time=Clock(start="2020-01-03", step=step, horizon=90),
        variables={
            "state": Variable(
                role="factor",
                label="State",
                states=states,
                initial=Rows(rows=(Row(exactly={"calm": 1.0}, basis=BASIS),)),
                transition=Hazards(
                    reading=reading,
                    moves=tuple(
                        Move(
                            source="calm", target=t, within=90, probability=probability, basis=BASIS
                        )
                        for t, probability in moves
                    ),
                ),
            )
        },
    )


MOVES = (("talks", (0.05, 0.25)), ("strike", (0.1, 0.3)), ("retreat", "very unlikely"))


def after_ninety_days(scenario, draws, step):
    """States after ninety days, by powers of the chain's matrix, (draw, state)."""
    program = compile_tables(scenario)
    parameters = draw_priors(program.priors, draws, 3)
    cells = program.cells(parameters)
    k = len(scenario.variables["state"].states)
    block = program.network.node("state").later
    tables = cells[program.network.cells(block, "state")].T.reshape(draws, k, k)
    return parameters, np.linalg.matrix_power(tables, 90 // step)[:, 0]


@pytest.mark.parametrize("step", [1, 5, 30, 90])
@pytest.mark.parametrize("n", [1, 2, 3])
def test_probabilities_read_together_come_back_over_the_horizon(step, n):
    parameters, found = after_ninety_days(race("together", step, MOVES[:n]), 50, step)
    if n == 1:
        np.testing.assert_allclose(found[:, 1], parameters["probability"][0], atol=1e-12)
    else:
        expected = parameters[f"row_{n + 1}"][0].T
        np.testing.assert_allclose(found, np.roll(expected, 1, axis=1), atol=1e-9)


@pytest.mark.parametrize("step", [1, 5, 30, 90])
def test_probabilities_read_alone_come_back_when_they_are_alone(step):
    """Competing, each comes first with its share of the hazard; none comes if each stays away."""
    parameters, found = after_ninety_days(race("alone", step, MOVES), 50, step)
    hazard = -np.log1p(-parameters["probability"])
    expected = hazard / hazard.sum(axis=0) * -np.expm1(-hazard.sum(axis=0))
    np.testing.assert_allclose(found[:, 1:], expected.T, atol=1e-9)
    np.testing.assert_allclose(
        found[:, 0], np.prod(1 - parameters["probability"], axis=0), atol=1e-9
    )


def test_the_prior_of_a_race_has_the_stated_intervals():
    fit = fit_competing([Interval(lower=0.05, upper=0.25), Interval(lower=0.1, upper=0.3)], 90)
    drawn = np.random.default_rng(4).dirichlet(fit.concentration, 200_000)[:, :2]
    found = np.quantile(drawn, TAILS, axis=0).T
    np.testing.assert_allclose(found, fit.fitted[:2], atol=0.002)
    np.testing.assert_allclose(found, [(0.05, 0.25), (0.1, 0.3)], atol=0.02)


def faults(scenario):
    return [message for _, message in find_problems(scenario)]


def test_moves_that_compete_speak_of_the_same_days():
    scenario = race("together", 5, MOVES[:2])
    moves = scenario.variables["state"].transition.moves
    other = moves[1].model_copy(update={"within": 30.0})
    transition = Hazards(reading="together", moves=(moves[0], other))
    variable = scenario.variables["state"].model_copy(update={"transition": transition})
    assert faults(scenario.model_copy(update={"variables": {"state": variable}})) == [
        "read together, the move competes with move 1, so both need the same `within` and the "
        "same `when`"
    ]


def test_probabilities_that_leave_no_room_are_refused():
    crowded = (("talks", (0.7, 0.8)), ("strike", (0.6, 0.7)))
    [message] = faults(race("together", 5, crowded))
    assert message.startswith("read together, the probabilities leave no room for one another")
    assert "talks goes from [0.7, 0.8] to" in message


BAD = [
    ({"stated": (0.5, 0.2)}, "[0.5, 0.2]: the lower end comes first"),
    ({"stated": "likly"}, "'likly' is not a word of icd203; did you mean 'likely'?"),
    ({"seen": 5, "of": 3}, "seen 5 times in 3 cases"),
    ({"guess": 0, "cases": 3}, "0: a best guess lies between 0 and 1"),
    ({"odds": (3, 1)}, "[3, 1]: odds need lower < upper"),
    ({"low": 0.3, "median": 0.2, "high": 0.4}, "0.3, 0.2, 0.4: quantiles of a probability rise"),
    ({"low": 0.45, "median": 0.46, "high": 0.99}, "no Beta distribution has the quantiles"),
    ({"count": 3, "days": 4}, "a count of events in some days is for hazards and rates"),
    ({"count": 13, "days": 7, "within": 30}, "one within 30 days is all but certain"),
    ({"count": 400, "days": 1, "within": 30}, "one within 30 days is all but certain"),
    ({"count": 10**6, "days": 1000, "within": 1}, "one within 1 days is all but certain"),
    ({"count": 3, "days": 70, "within": 1e-300}, "within: 1e-300 days: from 1e-09"),
    ({"low": 0.5, "median": 0.7, "high": 1.0, "within": 7}, "a move is never certain"),
    ({"guess": 1e-9, "cases": 1}, "1e-09 from 1 cases: say more cases"),
    ({"stated": (0.1, 0.2), "within": -3}, "within: -3 days: from 1e-09"),
    ({"positive": {"count": 3, "days": 10}, "per": 0}, "per: 0 days: from 1e-09"),
    ({"positive": (0, 3)}, "[0, 3]: needs 0 < lower < upper"),
    ({"positive": {"count": 3, "days": 10}}, "a count of events in some days is for hazards"),
    ({"positive": (1e-3, 1e9)}, "the upper at most 1,000,000 times the lower"),
    ({"row": {"a": (0.8, 0.9), "b": (0.7, 0.9), "c": (0.1, 0.2)}}, "no row comes near"),
    ({"row": {"a": (0.8, 0.9)}}, "a row has at least two states"),
    ({"stated": 0.3}, "stated: should be a pair (low, high), or another way"),
    ({"positive": 3}, "positive: should be a pair (low, high), or another way"),
    ({"guess": 0.3}, "cases: is missing"),
    ({"guess": 0.3, "cases": 9, "case": 3}, "case: is unknown, or does not go with"),
    ({"experts": {"Ann": (0.1, 0.2)}}, "experts.Ann: should be a mapping with says"),
    ({"row": {"a": (0.2, 0.4), "b": 0.3}}, "b: should be a pair (low, high)"),
    ({}, "say one number: stated (or its keywords), positive or row; given: nothing"),
]


@pytest.mark.parametrize(("arguments", "message"), BAD)
def test_what_cannot_be_elicited(arguments, message):
    with pytest.raises(fc.InputError) as caught:
        fc.elicit(arguments.pop("stated", None), **arguments)
    assert message in str(caught.value)


def test_every_fault_of_experts_is_listed():
    experts = {"Ann": {"says": "likly"}, "Bo": {"says": (0.3, 0.1)}}
    with pytest.raises(fc.InputError) as caught:
        fc.elicit(experts=experts)
    assert [p.where for p in caught.value.problems] == ["experts.Ann.says", "experts.Bo.says"]


def test_a_row_says_how_far_each_interval_moved():
    row = fc.elicit(row={"small": (0.4, 0.7), "limited": (0.2, 0.4), "large": (0.05, 0.15)})
    whole = sum(row.fit.concentration)
    for own, stated, alpha in zip(
        row.states.values(), row.fit.stated, row.fit.concentration, strict=True
    ):
        found = stats.beta.ppf(TAILS, alpha, whole - alpha)
        np.testing.assert_allclose(own.interval, found, rtol=1e-6)
        assert np.abs(found - stated).max() < MOST_MOVED
        if np.abs(found - stated).max() > 0.005:
            low, high = found
            span = f"from [{stated[0]:.3g}, {stated[1]:.3g}] to [{low:.3g}, {high:.3g}]"
            assert span in row.words


def test_a_number_is_shown_in_words_and_as_a_curve():
    shown = fc.elicit((0.05, 0.25), within=90, step=7, label="<Storm>")
    low, high = (100 * (1 - (1 - p) ** (7 / 90)) for p in (0.05, 0.25))
    assert f"{low:.3g}" in shown.words
    assert f"{high:.3g}" in shown.words
    assert "&lt;Storm&gt;" in shown._repr_html_()
    assert "<svg" in shown._repr_html_()
    assert max(shown.curve[1]) == pytest.approx(stats.beta(*shown.shape).pdf(0.115), rel=0.05)
    assert "█" in repr(shown)


def documented(heading):
    """Rows of a table of the page on scenarios: what to write, and the prior that it becomes."""
    page = (DOCS / "scenarios.md").read_text(encoding="utf-8")
    section = page.split(f"### {heading}\n")[1].split("\n#")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:3] == "| `"]
    return [(YAML(typ="safe").load(written.strip("`")), becomes) for written, _, becomes in rows]


@pytest.mark.parametrize(("written", "becomes"), documented("Probabilities"))
def test_a_probability_becomes_what_the_page_says(written, becomes):
    days = 90 if "count" in written else None
    assert becomes.endswith(fc.elicit(written, within=days).words.split("; ")[-1].rstrip("."))


@pytest.mark.parametrize(("written", "becomes"), documented("Positive numbers"))
def test_a_positive_number_becomes_what_the_page_says(written, becomes):
    days = 7 if "count" in written else None
    assert becomes.endswith(fc.elicit(positive=written, per=days).words.split("; ")[-1].rstrip("."))


@pytest.mark.parametrize(("written", "becomes"), documented("Rows"))
def test_a_row_becomes_what_the_page_says(written, becomes):
    row = Row(**written, basis=BASIS)
    if row.exactly is not None:
        assert becomes.startswith("no prior")
        return
    [cells] = [cells for cells in (row.probability, row.counts, row.concentration) if cells] or [
        "abc"
    ]
    states = ("storm", "calm") if len(cells) == 1 else tuple(cells)
    shape = row.alpha(states)
    if len(cells) == 1:
        assert shape == row.probability["storm"].fit().shape
    else:
        assert becomes.endswith(f"Dirichlet({', '.join(f'{alpha:.4g}' for alpha in shape)})")


def test_two_readings_of_the_same_probabilities():
    """The shares that the page on scenarios quotes, from probabilities that are all but known."""
    moves = (("storm", (0.199, 0.201)), ("fog", (0.399, 0.401)))
    _, alone = after_ninety_days(race("alone", 5, moves), 10, 5)
    np.testing.assert_allclose(alone[:, 1:].mean(axis=0), [0.158, 0.362], atol=5e-4)
    _, together = after_ninety_days(race("together", 5, moves), 10, 5)
    np.testing.assert_allclose(together.mean(axis=0), [0.4, 0.2, 0.4], atol=5e-4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"stated": (0.3, 0.3 + 1e-12)}, "no Beta distribution has its interval"),
        ({"stated": (1e-9, 1e-8)}, "no Beta distribution has its interval"),
        ({"odds": (0, 1e-300)}, "the upper end is at least 1e-09"),
        ({"guess": 1e-12, "cases": 1}, "say more cases, or a guess nearer to a half"),
        ({"guess": 0.5, "cases": 1e-300}, "say more cases, or a guess nearer to a half"),
        ({"low": 1e-9, "median": 1e-8, "high": 1e-7}, "too near to certainty"),
        ({"count": 10**6, "days": 1.0, "within": 30}, "one within 30 days is all but certain"),
        ({"count": 3, "days": 1.0, "within": 1e-8}, "too near to certainty"),
        ({"row": {"a": (1e-5, 1e-4), "b": (0.2, 0.4), "c": (0.6, 0.8)}}, "which holds the mean"),
        ({"positive": {"low": 0.01, "median": 0.011, "high": 100.0}}, "at most a factor of 2"),
        ({"positive": {"lower": 0.1, "upper": 2.0, "coverage": 0.01}}, "times the lower"),
        ({"positive": {"guess": 1e300, "factor": 10.0}}, "a guess of 1e+300"),
        ({"experts": {"A": {"says": (0.1, 0.2), "weight": 1e308}}}, "experts.A.weight"),
        ({"row": 3}, "row: 3; needs a mapping of text"),
        ({"stated": (0.1, 0.3), "label": 3}, "label: 3; needs a text"),
        ({"stated": (0.1, 0.3), "within": float("nan")}, "within: nan days"),
        ({"stated": (0.1, 0.3), "within": "a week"}, "within: 'a week'; needs a number"),
        ({"stated": (0.1, 0.3), "within": 30, "step": 0}, "step: 0 days"),
        (
            {"stated": (0.1, 0.3), "within": 10**400},
            "within: a whole number of more than 60 digits days",
        ),
        ({"positive": {"count": 3, "days": 10}, "per": -1}, "per: -1 days"),
    ],
)
def test_a_number_that_no_prior_holds_is_refused_and_not_bent(given, message):
    with pytest.raises(fc.InputError, match=re.escape(message)):
        fc.elicit(**given)


@pytest.mark.parametrize(
    "given",
    [
        {"positive": {"lower": 0.1, "upper": 2.0, "coverage": 0.4}},
        {"guess": 0.002, "cases": 1},
        {"unknown": True},
        {"stated": (0, 1e-6)},
        {"count": 10**6, "days": 1e6, "within": 1},
    ],
)
def test_every_legal_number_draws_itself(given):
    found = fc.elicit(**given)
    assert "nan" not in found._repr_html_()
    assert repr(found)


def test_a_count_keeps_its_digits_where_an_event_is_rare():
    """With t/d small the probability is about the rate, and its shape about count + 1/2."""
    a, b = Counted(count=3, days=1e6).fit(1.0).shape
    np.testing.assert_allclose([a, a / (a + b)], [3.5, 3.5e-6], rtol=1e-5)


def test_a_row_of_which_nothing_is_said_is_no_bet_on_its_ends():
    single = fc.elicit((0, 1)).shape
    row = fc.elicit(row={"a": (0, 1), "b": (0, 1)})
    np.testing.assert_allclose(row.fit.concentration, single, rtol=1e-6)
    three = fc.elicit(row={"a": (0, 1), "b": (0, 1), "c": (0, 1)}).fit.concentration
    assert min(three) > 0.2


def test_quantiles_of_a_small_probability_are_fitted_as_those_of_a_large_one():
    """Near zero a Beta is a Gamma, and scaling all points scales it."""
    one, small = (fc.elicit(low=k * 1e-4, median=k * 3e-4, high=k * 1e-3) for k in (1.0, 0.01))
    np.testing.assert_allclose(small.shape[0], one.shape[0], rtol=1e-2)
    np.testing.assert_allclose(small.mean * 100, one.mean, rtol=1e-2)


def test_it_is_said_where_no_log_normal_has_all_points():
    assert "the nearest has" in fc.elicit(positive={"low": 1.0, "median": 2.0, "high": 10.0}).words


@pytest.mark.parametrize("n", [2, 3])
def test_moves_that_leave_no_room_to_stay_are_refused(n):
    """The share of none of them ran to the least concentration there is."""
    assert fit_competing([Unknown(unknown=True)] * n, 30.0).too_far


@pytest.mark.parametrize("stated", [(0.001, 1000), (0.01, 100), (1, 2)])
def test_however_skewed_a_prior_can_be_drawn(stated):
    shown = fc.elicit(positive=stated)._repr_html_()
    points = shown.split('<polygon points="')[1].split('"')[0].split()
    across = [float(point.split(",")[0]) for point in points]
    assert across == sorted(across)
    assert len(points) >= 4


def test_points_of_no_log_normal_are_said_to_move():
    words = fc.elicit(positive={"low": 1, "median": 6, "high": 10}).words
    mean, sd = np.log([1, 6, 10]).mean(), np.log(10) / 2 / stats.norm.ppf(0.95)
    low, middle, high = np.exp(mean + sd * stats.norm.ppf([0.05, 0.5, 0.95]))
    assert f"the nearest has {low:.3g}, {middle:.3g}, {high:.3g}." in words
    assert "nearest" not in fc.elicit(positive={"low": 1, "median": 2, "high": 4}).words


@pytest.fixture
def triangular():
    """A way of stating a probability that the library does not know, in one class."""
    known = ProbabilityStatement.known

    class Triangular(ProbabilityStatement):
        """The least, the likeliest and the most that it can be (PERT, Malcolm and others 1959)."""

        least: Number
        likeliest: Number
        most: Positive

        def fit(self, days=None):
            mean = (self.least + 4 * self.likeliest + self.most) / 6
            cases = mean * (1 - mean) / ((self.most - self.least) / 6) ** 2 - 1
            return Fit((mean * cases, (1 - mean) * cases))

        def faults(self, days=None):
            if not self.least < self.likeliest < self.most <= 1:
                yield f"{self.least:g}, {self.likeliest:g}, {self.most:g}: they rise from 0 to 1"

        def sentences(self, days=None):
            yield f"Likeliest {self.likeliest:g}, from {self.least:g} to {self.most:g}."

    yield Triangular
    ProbabilityStatement.known = known
    forget_schemas()


def test_a_new_way_of_stating_a_probability_is_one_class(triangular):
    """Files, checks, priors, `elicit`, pools, messages and the schema know it once it is there."""
    stated = {"least": 0.1, "likeliest": 0.25, "most": 0.6}
    shown = fc.elicit(stated)
    assert isinstance(shown.stated, triangular)
    assert shown.words.startswith("Likeliest 0.25, from 0.1 to 0.6. So: 28.3")
    mean, variance = stats.beta(*shown.shape).stats()
    np.testing.assert_allclose((mean, variance), (1.7 / 6, 0.5**2 / 36), rtol=1e-12)
    pooled = fc.elicit(experts={"A": {"says": stated}, "B": {"says": stated}})
    np.testing.assert_allclose(pooled.shape, shown.shape, rtol=0.01)

    scenario = race("together", 30, [("talks", stated)])
    program = compile_tables(scenario)
    np.testing.assert_array_equal(program.priors.probability, [shown.shape])
    text = render_scenario(scenario, "scenario.schema.json")
    assert "probability: {least: 0.1, likeliest: 0.25, most: 0.6}" in text
    assert parse_scenario(text, "race") == scenario
    schema = Scenario.model_json_schema()
    assert set(schema["$defs"]["Triangular"]["properties"]) == set(stated)

    wrong = text.replace("likeliest: 0.25", "likeliest: 0.7")
    with pytest.raises(fc.InputError, match=r"probability: 0.1, 0.7, 0.6: they rise from 0 to 1"):
        parse_scenario(wrong, "race")
    wrong = text.replace("likeliest: 0.25", "likliest: 0.25")
    with pytest.raises(fc.InputError, match="'likliest'; did you mean 'likeliest'"):
        parse_scenario(wrong, "race")
