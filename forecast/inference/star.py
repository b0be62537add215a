"""Exact draws for a star: one hidden variable, and indicators of two states that depend on it.

Given the hidden state, an indicator's chances are independent of the others' and a report is
right exactly if the indicator is in the state that it names. So the number of right reports of a
grade has a Poisson-binomial distribution, the grade's accuracy is integrated out against it in
closed form (a Beta function), and everything else is conjugate. The posterior mean is exact and
the draws are independent: no chain, no weights, nothing to diagnose.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.special import betaln, logsumexp

from forecast.errors import InputError, Problem
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import WORD, ReportTable, tabulate_reports
from forecast.inference.beliefs import Beliefs
from forecast.inference.builder import compile_tables
from forecast.inference.posterior import beliefs_under
from forecast.inference.prior import draw_priors
from forecast.inference.tables import TableProgram
from forecast.scenario.scenario import Scenario

Array = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StarPosterior:
    """What reports say of the hidden variable of a star.

    Attributes
    ----------
    beliefs
        Independent draws of the tables and accuracies from their posterior, one chain.
    prior, probability
        Probability of each state of the hidden variable before and after the reports, the tables
        integrated out exactly, (state,).
    indicators
        Indicators that were reported.
    log_likelihood
        Logarithm of the mean likelihood of the report on each of them under each state,
        (indicator, state), at the posterior mean of the accuracies.
    log_chance
        The same for a report that cannot be wrong, (indicator, state).
    """

    beliefs: Beliefs
    prior: Array
    probability: Array
    indicators: tuple[str, ...]
    log_likelihood: Array
    log_chance: Array


def star_posterior(
    scenario: Scenario, evidence: Evidence, *, draws: int, seed: int
) -> StarPosterior:
    """Draw the tables of a star from their posterior.

    Parameters
    ----------
    scenario
        Static. The first variable is hidden and has no parents; all others are indicators of two
        states, with intervals for their chances in each of its states, in order.
    evidence
        At most one claim on each indicator, whose reports agree.
    draws, seed
        Number of draws; the same seed gives the same draws.

    Raises
    ------
    InputError
        If the scenario is not such a star, or reports of one indicator differ.
    """
    program = compile_tables(scenario)
    star = _Star.of(program, tabulate_reports(scenario, evidence, 1))
    random = np.random.default_rng([seed, 1])
    parameters = draw_priors(program.priors, draws, seed)
    posterior = np.exp(star.log_posterior - logsumexp(star.log_posterior))
    states = random.choice(len(posterior), size=draws, p=posterior)
    _draw_hub(random, program, parameters, states, has_chance=star.first > 0)
    for claims in star.by_grade():
        accuracy = star.draw_accuracy(random, claims, states)
        parameters["accuracy"][star.grade[claims[0]]] = accuracy
        star.draw_chances(random, claims, states, accuracy, parameters["chance"])
    a = parameters["accuracy"][star.grade].mean(axis=1)[:, None]
    return StarPosterior(
        beliefs=beliefs_under(scenario, evidence, parameters),
        prior=np.exp(star.log_prior),
        probability=posterior,
        indicators=tuple(program.network.names[1 + k] for k in star.indicator),
        log_likelihood=np.log(a * star.chance + (1 - a) * (1 - star.chance)),
        log_chance=np.log(star.chance),
    )


@dataclass(frozen=True, eq=False)
class _Star:
    """A star and its claims.

    Attributes
    ----------
    first
        Number, among all chances, of the first indicator's chance in the first state.
    shapes
        Beta shapes of the chance of the second state, (indicator, state of the hub, 2).
    log_prior
        Logarithm of the mean prior of the hub, (state of the hub,).
    indicator, said, grade
        Indicator, state and reliability grade of each claim, (claim,).
    accuracy
        Beta shapes of the accuracy of each grade, (grade, 2).
    """

    first: int
    shapes: Array
    log_prior: Array
    indicator: Index
    said: Index
    grade: Index
    accuracy: Array

    @classmethod
    def of(cls, program: TableProgram, table: ReportTable) -> _Star:
        nodes = program.network.nodes
        hub, spokes = nodes[0], nodes[1:]
        own = [
            f"{spoke.name} | {hub.name}={state}: {spoke.states[1]}"
            for spoke in spokes
            for state in hub.states
        ]
        labels = program.priors.labels.get("chance", ())
        first = len(labels) - len(own)
        alone = hub.first is not None and not hub.first.parents
        apart = first >= 0 and list(labels[first:]) == own
        _require(alone and apart and not program.network.dynamic, _NO_STAR)
        plain = not (table.unknowns or len(table.silence_chance)) and (table.kind == WORD).all()
        _require(bool(plain), "reports name states, and nothing else is known or unknown of them")
        heard, once = table.voice_report, bool((table.times == 1).all())
        words = set(table.voice_word)
        _require(len(words) == len(heard), "one origin is quoted differently")
        indicator = np.array(
            [program.network.names.index(table.observed[r]) - 1 for r in heard], np.int64
        )
        _require(once and len(set(indicator)) == len(heard), "an indicator is reported twice")
        shapes = program.priors.chance[first:].reshape(len(spokes), len(hub.states), 2)
        return cls(
            first=first,
            shapes=shapes,
            log_prior=np.log(_mean_hub(program, len(hub.states))),
            indicator=indicator,
            said=table.said[heard].astype(np.int64),
            grade=table.accuracy[heard],
            accuracy=program.priors.trust.shapes("accuracy"),
        )

    @cached_property
    def chance(self) -> Array:
        """Mean chance of what each claim says, (claim, state of the hub)."""
        mean = self.shapes[..., 0] / self.shapes.sum(axis=-1)
        seen = mean[self.indicator]
        return np.asarray(np.where(self.said[:, None] == 1, seen, 1 - seen))

    @property
    def log_posterior(self) -> Array:
        """Logarithm of prior times likelihood of each state of the hub."""
        told = [logsumexp(self._log_right(claims), axis=1) for claims in self.by_grade()]
        return np.sum([self.log_prior, *told], axis=0)

    def by_grade(self) -> list[Index]:
        """Claims of each grade that has any."""
        return [np.flatnonzero(self.grade == grade) for grade in np.unique(self.grade)]

    def _log_right(self, claims: Index) -> Array:
        """Log-probability that k claims of one grade are true, and heard, (hub state, k)."""
        a, b = self.accuracy[self.grade[claims[0]]]
        k = np.arange(len(claims) + 1)
        heard = betaln(a + k, b + len(claims) - k) - betaln(a, b)
        return np.asarray(log_poisson_binomial(self.chance[claims]) + heard)

    def draw_accuracy(self, random: np.random.Generator, claims: Index, states: Index) -> Array:
        """Draw a grade's accuracy given the hub's state, (draw,)."""
        a, b = self.accuracy[self.grade[claims[0]]]
        log_right = self._log_right(claims)
        share = np.exp(log_right - logsumexp(log_right, axis=1, keepdims=True))
        k = np.empty(len(states))
        for state in np.unique(states):
            here = states == state
            k[here] = random.choice(share.shape[1], size=here.sum(), p=share[state])
        return np.asarray(random.beta(a + k, b + len(claims) - k))

    def draw_chances(
        self,
        random: np.random.Generator,
        claims: Index,
        states: Index,
        accuracy: Array,
        chance: Array,
    ) -> None:
        """Replace the chances, (judgement, draw), of reported indicators in the hub's state."""
        draws = np.arange(len(states))
        for claim in claims:
            p = self.chance[claim, states]
            true = random.random(len(states)) * (accuracy * p + (1 - accuracy) * (1 - p))
            seen = (true < accuracy * p) == (self.said[claim] == 1)
            a, b = self.shapes[self.indicator[claim], states].T
            row = self.first + self.indicator[claim] * self.shapes.shape[1] + states
            chance[row, draws] = random.beta(a + seen, b + ~seen)


def log_poisson_binomial(chances: Array) -> Array:
    """Log-probability of the number of successes in independent trials of unequal chances.

    Parameters
    ----------
    chances
        Chance of each trial, (trial, …).

    Returns
    -------
    numpy.ndarray
        Shape (…, number of trials + 1).

    Examples
    --------
    >>> np.exp(log_poisson_binomial(np.array([0.5, 0.2]))).round(3).tolist()
    [0.4, 0.5, 0.1]
    """
    found = np.full((*chances.shape[1:], len(chances) + 1), -np.inf)
    found[..., 0] = 0.0
    for p in chances[..., None]:
        more = np.concatenate([np.full_like(found[..., :1], -np.inf), found[..., :-1]], axis=-1)
        found = np.logaddexp(found + np.log1p(-p), more + np.log(p))
    return found


_NO_STAR = "needs one hidden variable, and indicators of two states that depend on it alone"


def _mean_hub(program: TableProgram, n_states: int) -> Array:
    """Mean prior of the hub: its row of the table at the means of all judgements."""
    priors = program.priors
    means: dict[str, Array] = {
        f"row_{width}": rows / rows.sum(axis=1, keepdims=True)
        for width, rows in priors.rows.items()
    }
    means["chance"] = priors.chance[:, 0] / priors.chance.sum(axis=1)
    block = program.network.nodes[0].first
    assert block is not None
    return program.cells(means)[block.start : block.start + n_states]


def _draw_hub(
    random: np.random.Generator,
    program: TableProgram,
    parameters: dict[str, Array],
    states: Index,
    *,
    has_chance: bool,
) -> None:
    """Replace the draws of the hub's row, or of its chance, by their posterior given its state.

    Of two states the second has a chance, which comes before those of the indicators; a prior
    that is known exactly has neither.
    """
    priors, draws = program.priors, np.arange(len(states))
    for width, rows in priors.rows.items():
        alpha = np.repeat(rows[0][:, None], len(states), axis=1)
        alpha[states, draws] += 1
        gamma = random.gamma(alpha)
        parameters[f"row_{width}"] = (gamma / gamma.sum(axis=0))[None]
    if has_chance:
        a, b = priors.chance[0]
        parameters["chance"][0] = random.beta(a + states, b + (states == 0))


def _require(rule: bool, message: str) -> None:
    if not rule:
        raise InputError([Problem("star", message)])
