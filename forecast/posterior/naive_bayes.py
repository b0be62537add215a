"""Exact posterior of a naive Bayes scenario: a hidden class, and binary features given it.

Given the class, the probabilities of one feature are independent of the others'. A report either
rests on what is true, and names the state of the feature, or repeats what is usually reported. So
the number of reports of a grade that rest on what is true is a sum over independent trials, the
grade's accuracy is integrated out against it in closed form (a Beta function), and everything else
is conjugate. The posterior mean is exact and the draws are independent: no chain, no weights,
nothing to diagnose.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import betaln, logsumexp

from forecast.arrays import Array, Index
from forecast.errors import InputError, Problem
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import STATE, ReportTable, tabulate_reports
from forecast.frozen import Frozen
from forecast.model.builder import compile_tables
from forecast.model.tables import TableProgram
from forecast.model.usual_reports import usual_statements
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.mcmc import beliefs_under
from forecast.posterior.prior import draw_priors
from forecast.scenario.scenario import Scenario


@dataclass(frozen=True, eq=False)
class NaiveBayesPosterior(Frozen):
    """Posterior of the class of a naive Bayes scenario.

    Attributes
    ----------
    beliefs
        Independent draws of the tables and accuracies from their posterior, one chain.
    prior, probability
        Probability of each class before and after the reports, the tables integrated out
        exactly, (class,).
    indicators
        Indicators that were reported.
    log_likelihood
        Logarithm of the mean likelihood of the report on each of them under each class,
        (indicator, class), at the posterior mean of the accuracies.
    log_probability
        The same for a report that cannot be wrong, (indicator, class).
    """

    beliefs: Beliefs
    prior: Array
    probability: Array
    indicators: tuple[str, ...]
    log_likelihood: Array
    log_probability: Array


def naive_bayes_posterior(
    scenario: Scenario, evidence: Evidence, *, draws: int, random_seed: int
) -> NaiveBayesPosterior:
    """Draw the tables of a naive Bayes scenario from their posterior.

    Parameters
    ----------
    scenario
        Static. The first variable is the hidden class and has no parents; all others are
        indicators of two states, with intervals for their probabilities in each class, in order.
    evidence
        At most one origin for each indicator, whose reports agree.
    draws, random_seed
        Number of draws; the same seed gives the same draws.

    Raises
    ------
    InputError
        If the scenario is not of this form, or reports of one indicator differ.
    """
    program = compile_tables(scenario)
    model = _Model.of(program, tabulate_reports(scenario, evidence, 1))
    random = np.random.default_rng([random_seed, 1])
    parameters = draw_priors(program.priors, draws, random_seed)
    posterior = np.exp(model.log_posterior - logsumexp(model.log_posterior))
    states = random.choice(len(posterior), size=draws, p=posterior)
    _draw_class_prior(random, program, parameters, states, has_probability=model.first > 0)
    for reports in model.by_grade():
        accuracy = model.draw_accuracy(random, reports, states)
        parameters["accuracy"][model.grade[reports[0]]] = accuracy
        model.draw_probabilities(random, reports, states, accuracy, parameters["probability"])
    a = parameters["accuracy"][model.grade].mean(axis=1)[:, None]
    return NaiveBayesPosterior(
        beliefs=beliefs_under(scenario, evidence, parameters),
        prior=np.exp(model.log_prior),
        probability=posterior,
        indicators=tuple(program.network.names[1 + k] for k in model.indicator),
        log_likelihood=np.log(a * model.probability + (1 - a) * model.usual[:, None]),
        log_probability=np.log(model.probability),
    )


@dataclass(frozen=True, eq=False)
class _Model:
    """Priors of the class and its features, and the reports on them.

    Attributes
    ----------
    first
        Number, among all probabilities, of the first feature's in the first class.
    shapes
        Beta shapes of the probability of the second state, (feature, class, 2).
    log_prior
        Logarithm of the mean prior of the class, (class,).
    indicator, stated, grade
        Feature, stated state and reliability grade of each report, (report,).
    usual
        How often the state that each report names is named by one that errs, (report,).
    accuracy
        Beta shapes of the accuracy of each grade, (grade, 2).
    """

    first: int
    shapes: Array
    log_prior: Array
    indicator: Index
    stated: Index
    grade: Index
    usual: Array
    accuracy: Array

    @classmethod
    def of(cls, program: TableProgram, table: ReportTable) -> _Model:
        nodes = program.network.nodes
        root, features = nodes[0], nodes[1:]
        own = [
            f"{feature.name} | {root.name}={state}: {feature.states[1]}"
            for feature in features
            for state in root.states
        ]
        labels = program.priors.labels.get("probability", ())
        first = len(labels) - len(own)
        alone = root.first is not None and not root.first.parents
        apart = first >= 0 and list(labels[first:]) == own
        _require(alone and apart and not program.network.dynamic, _FORM)
        plain = (
            not (table.auxiliaries or len(table.arrays.silence_row)) and (table.kind == STATE).all()
        )
        _require(bool(plain), "reports name states, and nothing else is known or unknown of them")
        made = (table.arrays.place_row >= 0).any() or table.arrays.version_at_least.any()
        _require(not made, "whether a report is made says nothing, and it is of the whole step")
        rows, once = table.arrays.version_report, bool((table.arrays.place_count == 1).all())
        once = once and not len(table.arrays.link_place)
        statements = set(table.arrays.version_statement)
        _require(len(statements) == len(rows), "one origin is quoted differently")
        indicator = np.array(
            [program.network.names.index(table.observed[r]) - 1 for r in rows], np.int64
        )
        _require(once and len(set(indicator)) == len(rows), "an indicator is reported twice")
        stated = table.arrays.value[rows].astype(np.int64)
        usual, _ = usual_statements(program, table)
        shapes = program.priors.probability[first:].reshape(len(features), len(root.states), 2)
        return cls(
            first=first,
            shapes=shapes,
            log_prior=np.log(_mean_class_prior(program, len(root.states))),
            indicator=indicator,
            stated=stated,
            grade=table.accuracy[rows],
            usual=usual[table.arrays.version_statement, stated],
            accuracy=program.priors.trust.shapes("accuracy"),
        )

    @cached_property
    def probability(self) -> Array:
        """Mean probability of what each report states, (report, class)."""
        mean = self.shapes[..., 0] / self.shapes.sum(axis=-1)
        seen = mean[self.indicator]
        return np.asarray(np.where(self.stated[:, None] == 1, seen, 1 - seen))

    @property
    def log_posterior(self) -> Array:
        """Logarithm of prior times likelihood of each class."""
        by_grade = [logsumexp(self._log_n_right(reports), axis=1) for reports in self.by_grade()]
        return np.sum([self.log_prior, *by_grade], axis=0)

    def by_grade(self) -> list[Index]:
        """Reports of each grade that has any."""
        return [np.flatnonzero(self.grade == grade) for grade in np.unique(self.grade)]

    def _log_n_right(self, reports: Index) -> Array:
        """Log-probability that k reports of a grade rest on what is true, (class, k)."""
        a, b = self.accuracy[self.grade[reports[0]]]
        k = np.arange(len(reports) + 1)
        # The accuracy integrated out: E[a^k (1 - a)^(n - k)] under its Beta.
        right = betaln(a + k, b + len(reports) - k) - betaln(a, b)
        by_state = log_sums_of_trials(self.probability[reports], self.usual[reports, None])
        return np.asarray(by_state + right)

    def draw_accuracy(self, random: np.random.Generator, reports: Index, states: Index) -> Array:
        """Draw a grade's accuracy given the class, (draw,)."""
        a, b = self.accuracy[self.grade[reports[0]]]
        log_right = self._log_n_right(reports)
        share = np.exp(log_right - logsumexp(log_right, axis=1, keepdims=True))
        k = np.empty(len(states))
        for state in np.unique(states):
            here = states == state
            k[here] = random.choice(share.shape[1], size=here.sum(), p=share[state])
        return np.asarray(random.beta(a + k, b + len(reports) - k))

    def draw_probabilities(
        self,
        random: np.random.Generator,
        reports: Index,
        states: Index,
        accuracy: Array,
        probability: Array,
    ) -> None:
        """Replace the probabilities, (judgement, draw), of reported features in the drawn class.

        What does not rest on what is true teaches nothing of them.
        """
        draws = np.arange(len(states))
        for report in reports:
            p, usual = self.probability[report, states], self.usual[report]
            place = random.random(len(states)) * (accuracy * p + (1 - accuracy) * usual)
            seen = self.stated[report] == 1
            a, b = self.shapes[self.indicator[report], states].T
            row = self.first + self.indicator[report] * self.shapes.shape[1] + states
            learned = random.beta(a + seen, b + (not seen))
            probability[row, draws] = np.where(
                place < accuracy * p, learned, probability[row, draws]
            )


def log_sums_of_trials(yes: Array, no: Array) -> Array:
    """Logarithm of the summed weight of all outcomes of some trials with so many successes.

    Parameters
    ----------
    yes, no
        Weight of success and of failure in each trial, (trial, …).

    Returns
    -------
    numpy.ndarray
        Shape (…, number of trials + 1).

    Examples
    --------
    >>> probabilities = np.array([0.5, 0.2])
    >>> np.exp(log_sums_of_trials(probabilities, 1 - probabilities)).round(3).tolist()
    [0.4, 0.5, 0.1]
    """
    found = np.full((*yes.shape[1:], len(yes) + 1), -np.inf)
    found[..., 0] = 0.0
    for p, q in zip(yes[..., None], no[..., None], strict=True):
        more = np.concatenate([np.full_like(found[..., :1], -np.inf), found[..., :-1]], axis=-1)
        found = np.logaddexp(found + np.log(q), more + np.log(p))
    return found


_FORM = "needs one hidden variable, and indicators of two states that depend on it alone"


def _mean_class_prior(program: TableProgram, n_states: int) -> Array:
    """Mean prior of the class: its row of the table at the means of all judgements."""
    priors = program.priors
    means: dict[str, Array] = {
        f"row_{width}": rows / rows.sum(axis=1, keepdims=True)
        for width, rows in priors.rows.items()
    }
    means["probability"] = priors.probability[:, 0] / priors.probability.sum(axis=1)
    block = program.network.nodes[0].first
    assert block is not None
    return program.cells(means)[block.start : block.start + n_states]


def _draw_class_prior(
    random: np.random.Generator,
    program: TableProgram,
    parameters: dict[str, Array],
    states: Index,
    *,
    has_probability: bool,
) -> None:
    """Replace the draws of the class's row, or of its probability, by their posterior given it.

    Of two classes the second has a probability, which comes before those of the features; a prior
    that is known exactly has neither.
    """
    priors, draws = program.priors, np.arange(len(states))
    for width, rows in priors.rows.items():
        alpha = np.repeat(rows[0][:, None], len(states), axis=1)
        alpha[states, draws] += 1
        gamma = random.gamma(alpha)
        parameters[f"row_{width}"] = (gamma / gamma.sum(axis=0))[None]
    if has_probability:
        a, b = priors.probability[0]
        parameters["probability"][0] = random.beta(a + states, b + (states == 0))


def _require(rule: bool, message: str) -> None:
    if not rule:
        raise InputError([Problem("naive Bayes", message)])
