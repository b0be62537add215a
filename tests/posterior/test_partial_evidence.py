"""Answers from parts of the evidence, against beliefs about that part alone."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import numpy as np
import pytest

from forecast.evidence.ledger import Evidence
from forecast.posterior.partial_evidence import PartialEvidence, Target
from forecast.posterior.reweighting import Fit
from forecast.sampling import Sampling
from tests.harbour import harbour
from tests.small import START, barometer_report

STORM, CALM, LOW = ("storm", "storm"), ("storm", "calm"), ("barometer", "low")


def day(number):
    return START + timedelta(days=number)


@pytest.fixture(scope="module")
def fit():
    return Fit.of_prior(harbour(channels=1), Sampling(draws=6, chains=1, random_seed=3))


def reports(*, undated):
    last = barometer_report("U", "low", 1, known=day(16))
    return [
        barometer_report("A", "high", grade="A"),
        barometer_report("B", "low", grade="D"),
        barometer_report("C", "falling", 1, origin="crew"),
        barometer_report("D", "low", 1, origin="crew"),
        replace(last, event_start=day(3 if undated else 10), event_end=day(16 if undated else 10)),
    ]


@pytest.mark.parametrize(("as_of", "undated"), [(20, True), (17, True), (17, False)])
def test_what_is_kept_of_the_future_answers_as_beliefs_do(fit, as_of, undated):
    targets = [
        Target((STORM,)),
        Target((LOW,)),
        Target((STORM,), day(41)),
        Target((STORM,), day(25)),
        Target((STORM, LOW), day(30)),
        Target((CALM,), day(41), share=True),
        Target((LOW,), day(41), share=True),
    ]
    given = PartialEvidence(fit, day(as_of), targets)
    observations = reports(undated=undated)
    for chosen, silence in product(
        ([], observations[:3], observations[1:], observations), (True, False)
    ):
        quick, slow = given.find(chosen, silence=silence), given._ask(chosen, silence)
        np.testing.assert_allclose(quick.probability, slow.probability, rtol=0, atol=1e-12)
        np.testing.assert_allclose(quick.log_evidence, slow.log_evidence, rtol=0, atol=1e-11)


def test_silence_that_does_not_count_is_that_of_nobody(fit):
    watched = PartialEvidence(fit, day(20), [Target((STORM,))])
    nobody = Fit(harbour(channels=1, watches=False), None, fit.parameters, fit.shape)
    unwatched = PartialEvidence(nobody, day(20), [Target((STORM,))])
    observations = reports(undated=True)
    assert watched.has_silence(observations)
    assert not unwatched.has_silence(observations)
    one, other = watched.find(observations, silence=False), unwatched.find(observations)
    np.testing.assert_allclose(one.probability, other.probability, rtol=0, atol=1e-12)
    assert abs(watched.find(observations).probability - one.probability).max() > 1e-3


def test_the_same_question_is_asked_earlier(fit):
    later = PartialEvidence(fit, day(17), [Target((STORM,), day(30))])
    earlier = later.earlier(2)
    assert (earlier.as_of, earlier.targets[0].day) == (day(3), day(16))
    assert earlier.now == 0
    first = fit.beliefs(Evidence(day(3)), 3, silence=False)
    assert first.n_steps == 3
    assert earlier.find((), silence=False).probability.min() > 0


def test_what_is_kept_of_earlier_evidence_changes_no_answer(fit):
    """Reports come, also of earlier weeks, and go; time passes, and is asked about again."""
    random, known = np.random.default_rng(4), [*reports(undated=True), *reports(undated=False)[4:]]
    kept, groups = fit.select(np.arange(fit.n_draws)), [[STORM], [LOW], [STORM, LOW]]
    for _ in range(12):
        as_of = day(int(random.integers(12, 25)))
        own = {r.id: r for r in known if r.known <= as_of and random.random() < 0.6}
        given = Evidence(as_of, tuple(own.values()))
        n_steps = fit.scenario.timeline.step_of(as_of) + 1
        exact = fit.beliefs(given, n_steps).log_evidence().to_numpy().ravel()
        np.testing.assert_allclose(kept.log_evidence_of(given), exact, rtol=0, atol=1e-12)
        days, anew = np.array([2.0, 7.0, 7.0]), fit.select(np.arange(fit.n_draws))
        asked = [STORM, LOW], groups, days, groups
        found, other = (each.prospects(given, *asked) for each in (kept, anew))
        for name in ("now", "within", "average", "first", "turn"):
            np.testing.assert_allclose(
                getattr(found, name), getattr(other, name), rtol=0, atol=1e-12, err_msg=name
            )
