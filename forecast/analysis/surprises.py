"""How improbable each report was given what came before, and where prior and evidence conflict.

Reports are taken in the order in which they became known. What one could have reported, if it came,
has a probability under the forecast of that day from all reports before it, every judgement summed
out. Its surprise is the logarithm of that probability in bits; the entropy is how much was to be
expected. Under the model the sum of what is beyond expectation is a martingale, so its standard
score says whether reports as a whole are less probable than the model's own would be (the
one-step-ahead form of prior predictive checks; Box: Sampling and Bayes' inference in scientific
modelling and robustness, Journal of the Royal Statistical Society A 143(4), 1980; Dawid: The
prequential approach, ibid. 147(2), 1984).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import log2, sqrt

import numpy as np

from forecast.analysis.sensitivity import Lever, judgements_of
from forecast.analysis.targets import fit_of, signed
from forecast.arguments import checked
from forecast.arrays import Array
from forecast.estimate import percent
from forecast.evidence.ledger import Evidence
from forecast.evidence.report import Report, blank
from forecast.layout import PrintsItself, Row, Summary, shortened
from forecast.outlook import Forecast
from forecast.posterior.partial_evidence import PartialEvidence
from forecast.posterior.reweighting import Fit
from forecast.sampling import Sampling, require_whole
from forecast.text import DASH

DRAWS = 500
STEPS = 50
"""Rounds in which the probability of all evidence settles; each shrinks its error."""
CONFLICT = 2.0
"""Standard deviations of the prior beyond which a judgement counts as in conflict."""
SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True)
class Surprise:
    """How improbable one report was.

    Attributes
    ----------
    report
        Its name.
    known
        Day on which it became known.
    probability
        That a report then would say what this one says, given all before; None of a measured
        number and of likelihoods, whose probability depends on the unit.
    expected
        Entropy, in bits, of what it could have reported.
    """

    report: str
    known: date
    probability: float | None
    expected: float

    @property
    def bits(self) -> float | None:
        """Surprise in bits: 1 for a probability of a half, 10 for one of a thousandth."""
        return None if self.probability is None else -log2(max(self.probability, 1e-300))


@dataclass(frozen=True, slots=True)
class Conflict:
    """A judgement that the evidence moved far from where it was elicited.

    Attributes
    ----------
    judgement
        What is judged.
    prior, found
        Its mean before the evidence and given it.
    score
        How many standard deviations of the prior lie between them.
    """

    judgement: str
    prior: float
    found: float
    score: float


@dataclass(frozen=True, repr=False)
class Surprises(PrintsItself):
    """How improbable reports were; made by `surprise`.

    Attributes
    ----------
    reports
        In the order in which they became known.
    score
        Standard score of all surprises beyond what was to be expected: above 2, the reports are
        less probable than the model's own would be, and model and evidence conflict.
    conflicts
        Judgements that the evidence moved by more than two standard deviations of the prior, the
        farthest first.
    """

    reports: tuple[Surprise, ...]
    score: float
    conflicts: tuple[Conflict, ...]

    @property
    def _summary(self) -> Summary:
        verdict = "conflict with" if self.score > CONFLICT else "agree with"
        title = f"The reports {verdict} the model: standard score {signed(self.score)}"
        largest = sorted(self.reports, key=lambda each: -(each.bits or 0.0))
        rows = [_row(each) for each in largest[:SHOWN_ROWS]]
        below = [
            f"{each.judgement}: {each.prior:.3g} became {each.found:.3g} ({signed(each.score)} sd)"
            for each in self.conflicts
        ]
        head = ("Report", "Known", "Was to be expected with", "Bits", "Expected bits")
        return Summary(title, head, rows, below)


def _row(each: Surprise) -> Row:
    expected = DASH if each.probability is None else percent(each.probability)
    bits = DASH if each.bits is None else f"{each.bits:.2f}"
    return (
        shortened(each.report, 30),
        each.known.isoformat(),
        expected,
        bits,
        f"{each.expected:.2f}",
    )


@checked
def surprise(given: Forecast, *, draws: int = DRAWS) -> Surprises:
    """Say how improbable each report was given what came before, and where the prior conflicts.

    Parameters
    ----------
    given
        A forecast.
    draws
        Draws of the prior that are used; and as many of the forecast's, if it was sampled.

    Returns
    -------
    Surprises
        It prints itself.

    Examples
    --------
    >>> surprise(outlook)  # doctest: +SKIP
    """
    require_whole({"draws": draws}, {"draws": 10})
    pool = _Pool(given, draws)
    reports = sorted(given.evidence.observations, key=lambda each: (each.known, each.id))
    inputs = given.scenario.with_role("input")
    reports = [each for each in reports if each.indicator not in inputs]
    found, beyond, spread = [], 0.0, 0.0
    for k, report in enumerate(reports):
        predicted = pool.predict(report, reports[:k])
        bits = -np.log2(np.where(predicted > 0, predicted, 1.0))
        expected = float(predicted @ bits)
        probability = None
        if report.number is None and not report.likelihoods:
            states = given.scenario.variables[report.indicator].states
            probability = float(predicted[states.index(report.state)])
            beyond += -log2(max(probability, 1e-300)) - expected
            spread += float(predicted @ (bits - expected) ** 2)
        found.append(Surprise(report.id, report.known, probability, expected))
    score = beyond / sqrt(spread) if spread else 0.0
    return Surprises(tuple(found), score, tuple(_conflicts(given)))


class _Pool:
    """Draws of the prior and of a sampled fit together, with their common density.

    Early reports are predicted by weights near those of the prior, late ones by weights near those
    of the fit. With the density of the mixture both are well behaved (Veach & Guibas: Optimally
    combining sampling techniques for Monte Carlo rendering, 1995).
    """

    def __init__(self, given: Forecast, draws: int) -> None:
        settings = Sampling(draws=draws, chains=1, random_seed=given.sampling.random_seed)
        prior = Fit.of_prior(given.scenario, settings)
        fit, _ = fit_of(given)
        self.variables = given.scenario.variables
        self.fits, self.density = [prior], [np.zeros(draws)]
        if given.fit is not None and fit.evidence is not None:
            n = fit.n_draws
            few = fit.select(np.linspace(0, n - 1, min(draws, n)).astype(np.int64))
            self.fits.append(few)
            logs = [self._log_evidence(each, fit.evidence) for each in self.fits]
            self.density = _mixture(logs)
        self._asked: dict[date, list[PartialEvidence]] = {}

    def _log_evidence(self, fit: Fit, evidence: Evidence) -> Array:
        return PartialEvidence(fit, evidence.as_of, []).find(evidence.observations).log_evidence

    def predict(self, report: Report, before: Sequence[Report]) -> Array:
        """Probability of each state that a report could name, given those before it."""
        day = report.known
        if day not in self._asked:
            self._asked[day] = [PartialEvidence(fit, day, []) for fit in self.fits]
        whole, unstated = [], blank(report)
        for state in self.variables[report.indicator].states:
            other = replace(unstated, state=state)
            logs = [
                each.find([*before, other]).log_evidence - density
                for each, density in zip(self._asked[day], self.density, strict=True)
            ]
            whole.append(_log_mean(np.concatenate(logs)))
        found = np.exp(np.array(whole) - max(whole))
        return np.asarray(found / found.sum())


def _mixture(logs: Sequence[Array]) -> list[Array]:
    """Log-density, over that of the prior, of draws of the prior and of a fit taken together.

    The probability of the fit's evidence, which that density needs, is where it agrees with itself
    (Meng & Wong: Simulating ratios of normalizing constants via a simple identity, Statistica
    Sinica 6, 1996).
    """
    every = np.concatenate(logs)
    share = len(logs[0]) / every.size

    def density(log_evidence: Array, whole: float) -> Array:
        return np.asarray(np.logaddexp(np.log(share), np.log1p(-share) + log_evidence - whole))

    whole = _log_mean(logs[0])
    for _ in range(STEPS):
        whole = _log_mean(every - density(every, whole))
    return [density(each, whole) for each in logs]


def _log_mean(logs: Array) -> float:
    top = logs.max()
    return float(top + np.log(np.exp(logs - top).mean())) if np.isfinite(top) else -np.inf


def _conflicts(given: Forecast) -> Iterator[Conflict]:
    """Judgements whose mean given the evidence is far out in the prior, the farthest first."""
    fit, weights = fit_of(given)
    levers, parameters = judgements_of(fit.beliefs(given.evidence).draws)
    settings = Sampling(draws=DRAWS, chains=1, random_seed=given.sampling.random_seed)
    prior = Fit.of_prior(given.scenario, settings).parameters
    found = [_conflict(lever, prior, parameters, weights) for lever in levers]
    yield from sorted(filter(None, found), key=lambda each: -abs(each.score))


def _conflict(
    lever: Lever, prior: Mapping[str, Array], parameters: Mapping[str, Array], weights: Array
) -> Conflict | None:
    before, values = prior[lever.family][lever.at], parameters[lever.family][lever.at]
    mean = float(np.average(values, weights=weights))
    score = (mean - before.mean()) / before.std()
    if abs(score) <= CONFLICT:
        return None
    return Conflict(lever.label, float(before.mean()), mean, float(score))
