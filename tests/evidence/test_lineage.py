"""Who copied whom of those that state no origin: against sums over all partitions, and in worlds.

`test_enumeration` sums over partitions together with everything else that may be unknown.
"""

from dataclasses import replace
from datetime import timedelta
from functools import lru_cache
from itertools import pairwise, product

import numpy as np
import pytest
from scipy import special

import forecast as fc
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import tabulate_reports
from forecast.evidence.report import Report
from forecast.evidence.sources import trust_in
from forecast.model.builder import compile_tables
from forecast.model.report_likelihood import report_data
from forecast.model.simulate_reports import simulate_reports_of
from forecast.posterior.mcmc import beliefs_under
from forecast.posterior.prior import draw_priors, prior_beliefs
from forecast.scenario.scenario import Scenario
from tests.enumeration import partitions, sum_over_everything, text_ratio
from tests.harbour import harbour, random_parameters
from tests.small import BASIS, START, rows

SURE = 0.3
"""Prior probability of a raid; everything else of the table is known."""


def town(families=None, lineage=None):
    """A raid that there was or was not, of which outlets write."""
    return Scenario.model_validate(
        {
            "name": "town",
            "version": "1",
            "title": "Was there a raid?",
            "question": "Was there a raid?",
            "variables": {
                "raid": {
                    "role": "indicator",
                    "label": "Raid",
                    "states": ("none", "raid"),
                    "table": rows(({}, {"exactly": {"none": 1 - SURE, "raid": SURE}})),
                },
                "plan": {
                    "role": "course_of_action",
                    "label": "Plan",
                    "states": ("none", "more"),
                    "courses": {"more": {"label": "More raids", "severity": 3, "dangerous": True}},
                    "table": rows(
                        ({"raid": "none"}, {"exactly": {"none": 0.9, "more": 0.1}}),
                        ({"raid": "raid"}, {"exactly": {"none": 0.5, "more": 0.5}}),
                    ),
                },
            },
            "families": families or {},
            "lineage": lineage,
        }
    )


def outlet(k, state="raid", *, origin="", grade="C", days=0, text=""):
    day = START + timedelta(days=days)
    return Report(
        f"R{k:03}",
        "raid",
        state,
        START,
        START,
        day,
        day,
        f"outlet {k}",
        grade,
        "6",
        origin,
        text=text,
    )


def words(rng, n=12):
    """Words that nobody else uses."""
    return [f"w{k:07}" for k in rng.choice(10**7, n, replace=False)]


def cut(rng, given, kept):
    """A text with so many words of another, in a row, between words of its own."""
    start = int(rng.integers(0, len(given) - kept + 1))
    return [*words(rng, 3), *given[start : start + kept], *words(rng, len(given) - kept)]


def log_odds(scenario, *reports, **given):
    """Log-odds of a raid, judgements at one point or averaged over draws of the prior."""
    evidence = Evidence(START + timedelta(days=60), reports)
    if given:
        draws = draw_priors(compile_tables(scenario).priors, 1, 1)
        for family, value in given.items():
            draws[family] = np.full_like(draws[family], value)
        found = beliefs_under(scenario, evidence, draws)
    else:
        found = prior_beliefs(scenario, evidence, draws=4000, random_seed=2)
    answer = found.posterior("raid").sel(state="raid")
    return special.logit(fc.Estimate.of(answer).mean)


def families(n, copying):
    return {
        f"owner{k}": {"sources": (f"outlet {k}",), "copying": copying, "basis": BASIS}
        for k in range(n)
    }


def press(copying):
    sources = tuple(f"outlet {k}" for k in range(60))
    return {"press": {"sources": sources, "copying": copying, "basis": BASIS}}


def test_forty_undeclared_copies_move_little_more_than_one_where_copying_is_expected():
    scenario = town(press((0.93, 0.99)))
    prior = special.logit(SURE)
    one = log_odds(scenario, outlet(0)) - prior
    forty = log_odds(scenario, *map(outlet, range(40))) - prior
    assert one < forty < 1.1 * one


def test_better_sources_that_copy_a_poor_one_are_one_origin_as_good_as_the_best():
    scenario = town(press((0.93, 0.99)))
    prior = special.logit(SURE)
    best = log_odds(scenario, outlet(1, grade="B", days=1)) - prior
    rumour = outlet(0, grade="D")
    relays = [outlet(k, grade="B", days=1) for k in range(1, 40)]
    assert best < log_odds(scenario, rumour, *relays) - prior < 1.1 * best


def test_forty_families_that_do_not_copy_one_another_are_forty_origins():
    reports = [outlet(k) for k in range(40)]
    apart = town(families(40, (0.2, 0.9)))
    stated = [replace(report, origin=report.source) for report in reports]
    product = log_odds(town(lineage="as_stated"), *reports, accuracy=0.6)
    assert log_odds(apart, *reports, accuracy=0.6) == pytest.approx(product, rel=1e-12)
    assert log_odds(town(), *stated, accuracy=0.6) == pytest.approx(product, rel=1e-12)


def test_agreement_never_makes_a_statement_less_probable():
    """Not even that of a poor source that spoke first."""
    for grade, days in (("E", 0), ("C", 0), ("A", 3)):
        found = [
            log_odds(town(), *reports, copying=0.6)
            for reports in (
                [outlet(1, grade="B", days=1)],
                [outlet(1, grade="B", days=1), outlet(0, grade=grade, days=days)],
            )
        ]
        assert all(before < after for before, after in pairwise(found))


@pytest.mark.parametrize("texts", [False, True])
@pytest.mark.parametrize("n", [3, 8])
def test_eight_reports_are_the_sum_over_all_partitions(n, texts):
    """Every partition by itself, with the probability that the links and the texts come to it."""
    rng = np.random.default_rng(n)
    first = words(rng)
    texts = [cut(rng, first, int(rng.integers(0, 12))) if texts else [] for _ in range(n)]
    days = rng.integers(0, 9, n)
    states = ["none" if rng.random() < 0.3 else "raid" for _ in range(n)]
    reports = [outlet(k, states[k], days=int(days[k]), text=" ".join(texts[k])) for k in range(n)]
    accuracy, copying = 0.7, 0.55
    shares = np.array([1 - SURE, SURE]) * 0.9 + 0.1 / 2  # a tenth of the errors of C is rumour
    single = {
        state: np.array([accuracy * (s == state) for s in ("none", "raid")])
        + (1 - accuracy) * shares[k]
        for k, state in enumerate(("none", "raid"))
    }
    order = sorted(range(n), key=lambda k: (days[k], k))
    total = np.zeros(2)
    for blocks in partitions(order):
        probability, like = 1.0, np.ones(2)
        for block in blocks:
            ordered = sorted(block, key=order.index)
            like = like * single[states[ordered[0]]]
            if len({states[k] for k in block}) > 1:
                probability = 0.0
        for place, k in enumerate(order):
            odds = {
                j: copying / (1 - copying) * 0.5 ** (abs(days[k] - days[j]) / 7)
                for j in order[:place]
            }
            [block] = [b for b in blocks if k in b]
            own = [odds[j] * text_ratio(texts[k], texts[j]) for j in block if j in odds]
            probability *= (sum(own) if own else 1.0) / (1 + sum(odds.values()))
        total += probability * like
    expected = np.log(total[1] * SURE) - np.log(total[0] * (1 - SURE))
    found = log_odds(town(), *reports, accuracy=accuracy, copying=copying)
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_several_copies_with_dates_channels_and_streams(seed):
    """Where reports are alike so that many of them may be copies."""
    rng = np.random.default_rng(seed)
    making = ("profile", "events", "default")[seed % 3]
    scenario = harbour(channels=seed % 2, watches=seed > 2, making=making, lineage=None)
    reports, first = [], words(rng)
    for k in range(4):
        start, known = int(rng.integers(0, 5)), int(rng.integers(9, 13))
        days = [START + timedelta(days=d) for d in (start, start + 6 * (k > 1), known, known)]
        source = str(rng.choice(["keeper", "pilot", "red office", "other"]))
        state, grade = ("low", "low", "high")[int(rng.integers(0, 3))], str(rng.choice([*"BCD"]))
        origin = str(rng.choice(["", "", "one"]))
        text = " ".join(cut(rng, first, int(rng.integers(0, 12))) if seed > 1 else ())
        reports.append(
            Report(f"R{k}", "barometer", state, *days, source, grade, "6", origin, text=text)
        )
    evidence = Evidence(START + timedelta(days=13), tuple(reports))
    parameters = random_parameters(rng, scenario)
    found = beliefs_under(scenario, evidence, parameters, n_steps=2).log_evidence().item()
    expected = sum_over_everything(scenario, evidence, parameters, 2).log_evidence
    assert found == pytest.approx(expected, abs=1e-9)


def test_drawn_reports_are_as_probable_as_the_likelihood_says():
    """All that three outlets may say of a raid, the second of them a week later."""
    scenario, n = town(), 4000
    reports = outlet(0), outlet(1, days=7), outlet(2)
    program = compile_tables(scenario)
    judged = {k: v[:, 0] for k, v in draw_priors(program.priors, 1, 1).items() if v.size}
    judged["copying"] = np.array([0.6])
    as_of = START + timedelta(days=60)
    table = tabulate_reports(scenario, Evidence(as_of, reports), 1)
    data = report_data(program, table) | dict(table.simulation)
    data |= {"settings": table.arrays.settings}
    data |= {"accuracy": table.accuracy, "n_states": table.n_states}
    rng = np.random.default_rng(2)
    truth = (rng.random(n) < SURE).astype(np.int64)
    drawn = np.array([simulate_reports_of(t.reshape(1, 1), data, judged, rng) for t in truth])
    draws = {name: values[..., None] for name, values in judged.items()}
    for states in product((0, 1), repeat=3):
        stated = tuple(
            replace(r, state=("none", "raid")[k]) for r, k in zip(reports, states, strict=True)
        )
        p = np.exp(beliefs_under(scenario, Evidence(as_of, stated), draws).log_evidence().item())
        found = (drawn == states).all(axis=1).mean()
        assert found == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / n))


def syndicate(rng, propensity, n, shape):
    """Whether there was a raid, what each of n outlets says of it, and on whose word it rests."""
    raid, accuracy = rng.random() < SURE, rng.beta(*shape)
    states, origins = [], []
    for k in range(n):
        odds = propensity / (1 - propensity) * k
        if rng.random() * (1 + odds) < odds:
            j = int(rng.integers(k))
            states.append(states[j])
            origins.append(origins[j])
        else:
            right = rng.random() < accuracy
            states.append(bool(raid if right else rng.random() < 0.9 * SURE + 0.05))
            origins.append(k)
    return raid, tuple(states), origins


def write(rng, origins):
    """What each outlet writes, and the document that it cites.

    One copy in five is reworded, and the others keep at least nine words of their original in a
    row; three in ten cite the document that it cites. No two accounts share words or documents.
    """
    texts, documents = [], []
    for k, origin in enumerate(origins):
        copied = origin != k
        kept = int(rng.integers(9, 25)) if copied and rng.random() < 0.8 else 0
        texts.append(cut(rng, texts[origin], kept) if copied else words(rng, 24))
        same = copied and rng.random() < 0.3
        documents.append(documents[origin] if same else f"document {k}")
    return [
        {"text": " ".join(text), "citation": document}
        for text, document in zip(texts, documents, strict=True)
    ]


def answer(scenario, draws, states, *, stated, written=None):
    """Probability of a raid, and how probable each draw makes what outlets say."""
    origins = [f"origin {k}" if stated else "" for k in range(len(states))]
    reports = tuple(
        replace(outlet(k, ("none", "raid")[state], origin=origin), **more)
        for k, (state, origin, more) in enumerate(
            zip(states, origins, written or [{}] * len(states), strict=True)
        )
    )
    found = beliefs_under(scenario, Evidence(START + timedelta(days=60), reports), draws)
    weight = np.exp(found.log_evidence().to_numpy()[0])
    probability = found.posterior("raid").sel(state="raid").to_numpy()[0]
    return np.average(probability, weights=weight), weight / weight.sum()


def syndications(n_worlds, *, written):
    """Answers without and with known lineage, what was so, and coverage of the propensity."""
    rng = np.random.default_rng(6)
    scenario, known = town(), town(lineage="as_stated")
    [shape] = [judged.shape for judged in trust_in(scenario).copying]
    [_, _, accuracy, *_] = [judged.shape for judged in trust_in(scenario).accuracy]
    draws = draw_priors(compile_tables(scenario).priors, 400, 3)
    unlinked = {name: values for name, values in draws.items() if name != "copying"}
    unsure = lru_cache(None)(lambda uninformed: answer(scenario, draws, uninformed, stated=False))
    sure = lru_cache(None)(lambda uninformed: answer(known, unlinked, uninformed, stated=True))
    inside, answers = 0, np.empty((3, n_worlds))
    for world in range(n_worlds):
        propensity, n = rng.beta(*shape), int(rng.integers(2, 7))
        raid, states, origins = syndicate(rng, propensity, n, accuracy)
        if written:
            texts = write(rng, origins)
            uninformed, weight = answer(scenario, draws, states, stated=False, written=texts)
        else:
            uninformed, weight = unsure(states)
        inside += 0.05 <= weight[draws["copying"][0] < propensity].sum() <= 0.95
        # Whoever knows the origins counts each once.
        informed = sure(tuple(sorted(states[origin] for origin in set(origins))))[0]
        answers[:, world] = uninformed, informed, raid
    return answers, inside / n_worlds


def assert_calibrated(given, raid):
    error = np.sqrt(np.mean(given * (1 - given)) / len(given))
    assert abs(given.mean() - raid.mean()) < 3 * error


def test_syndications_are_calibrated_and_as_good_as_lineage_can_be_known():
    """The propensity to copy is within its 90 % interval, and a raid as probable as predicted.

    Calibrated answers p lose the mean of (p - q)² in Brier score against the answers q of somebody
    who knows more. Nothing here tells a copy from an origin but what it states, so that is the
    price of not knowing lineage: nobody pays less, and a wrong prior of who copies would pay more.
    """
    (uninformed, informed, raid), inside = syndications(20_000, written=False)
    assert inside == pytest.approx(0.9, abs=0.01)
    assert_calibrated(uninformed, raid)
    assert_calibrated(informed, raid)
    price = (uninformed - raid) ** 2 - (informed - raid) ** 2 - (uninformed - informed) ** 2
    assert abs(price.mean()) < 3 * price.std() / np.sqrt(len(price))


@pytest.mark.slow
def test_texts_and_documents_tell_copies_nearly_as_well_as_known_lineage():
    """Where copies mostly keep the words of their original, little is lost by not knowing it."""
    (uninformed, informed, raid), inside = syndications(1000, written=True)
    assert inside == pytest.approx(0.9, abs=0.05)
    assert_calibrated(uninformed, raid)
    assert np.mean((uninformed - raid) ** 2) - np.mean((informed - raid) ** 2) < 0.005
    assert np.mean((uninformed - informed) ** 2) < 0.005


@pytest.mark.parametrize(("kept", "more"), [(12, True), (0, False)])
def test_words_in_common_make_a_copy_more_probable_and_none_less(kept, more):
    """Two that say the same are the less evidence the more they copy each other's words."""
    rng = np.random.default_rng(1)
    first = words(rng)
    texts = [" ".join(first), " ".join(cut(rng, first, kept))]
    without = log_odds(town(), outlet(0), outlet(1))
    found = log_odds(town(), *(outlet(k, text=text) for k, text in enumerate(texts)))
    assert (found < without) == more
