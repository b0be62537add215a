"""The matrix of competing hypotheses that a scenario implies, from its own likelihood ratios."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.ach.comparison import odds_text
from forecast.ach.matrix import AchMatrix
from forecast.ach.ratings import MAX_HYPOTHESES, AchItem
from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import InputError, Problem, nearest
from forecast.evidence.ledger import Evidence
from forecast.frozen import Frozen
from forecast.layout import html_table, text_table
from forecast.network.queries import shared_bits
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.prior import prior_beliefs
from forecast.sampling import Sampling, require_whole
from forecast.scenario.indicator_groups import with_default_effects
from forecast.scenario.scenario import Scenario
from forecast.text import printed

if TYPE_CHECKING:
    from pandas import DataFrame


STEPS = ((10.0, "CC"), (np.sqrt(10.0), "C"), (1 / np.sqrt(10.0), "N"), (0.1, "I"))
"""Rating of a likelihood ratio of at least so much; below the last, II. Half powers of ten are the
grades of Jeffreys (Theory of Probability, 3rd edition, 1961, appendix B)."""
IMPOSSIBLE = 1e-300


@dataclass(frozen=True, eq=False, repr=False)
class AchView(Frozen):
    """A matrix derived from a scenario; prints itself.

    Attributes
    ----------
    matrix
        The ratings, one item for each state of each indicator.
    ratios
        Likelihood ratio of each item for each hypothesis, against all the others together,
        (item, hypothesis).
    spread
        Largest ratio of the likelihoods of an item under two hypotheses, (item,).
    information
        What seeing each item's indicator would tell about the hypothesis on average, in bits,
        (item,): the same for all states of one indicator.
    """

    matrix: AchMatrix
    ratios: Array
    spread: Array
    information: Array

    @property
    def table(self) -> DataFrame:
        """Ratios, spread and information by item."""
        import pandas as pd

        index = pd.Index([item.id for item in self.matrix.evidence], name="evidence")
        found = pd.DataFrame(self.ratios, index=index, columns=list(self.matrix.hypotheses))
        return found.assign(spread=self.spread, information=self.information)

    @printed
    def __repr__(self) -> str:
        return f"{self.matrix.title}\n\n{text_table(*self._cells())}"

    def _repr_html_(self) -> str:
        return html_table(self.matrix.title, *self._cells())

    def _cells(self) -> tuple[list[str], list[list[str]]]:
        head = ["evidence", *self.matrix.hypotheses, "max/min", "bits"]
        numbers = zip(self.matrix.evidence, self.spread, self.information, strict=True)
        rows = [
            [item.id, *item.ratings, _times(spread), f"{bits:.2f}"]
            for item, spread, bits in numbers
        ]
        return head, rows


@checked
def ach_view(
    scenario: Scenario,
    variable: str | None = None,
    *,
    evidence: Evidence | None = None,
    time: Any = None,
    draws: int = 500,
    random_seed: int = Sampling.random_seed,
) -> AchView:
    """Derive a matrix of competing hypotheses from a scenario.

    Parameters
    ----------
    scenario
        A static scenario, or a dynamic one of which one step is looked at.
    variable
        The course of action whose states compete; may be left out if there is only one.
    evidence
        Sets inputs, and the steps that there are; reports on indicators are not used. Without it
        inputs are at their defaults.
    time
        Step of a dynamic scenario, by its first day ("2020-01-17"); the step of the as-of date if
        none is named.
    draws, random_seed
        Draws of the tables from their priors.

    Returns
    -------
    AchView
        A state of an indicator is rated by its likelihood ratio P(state | hypothesis) / P(state |
        any other): CC from 10, C from √10, N from 1/√10, I from 1/10, II below; NA where either
        hypothesis or state is impossible. Probabilities are means over the draws, and whatever
        else is uncertain is summed out.

    Raises
    ------
    InputError
        For a variable that is no course of action, an unknown step, no draws or a negative
        `random_seed`.

    Examples
    --------
    >>> matrix = AchMatrix(("accident", "attack"), (AchItem("E1", "A claim", ("II", "C")),))
    >>> even = {"accident": 0.5, "attack": 0.5}
    >>> problem, _ = matrix.to_scenario(prior=even, exhaustive=True)
    >>> ach_view(problem)
    Matrix of competing hypotheses: Hypothesis
    <BLANKLINE>
    evidence   accident  attack  max/min  bits
    ---------  --------  ------  -------  ----
    E1=absent  N         N       2.6      0.36
    E1=seen    II        CC      34       0.36
    """
    require_whole({"draws": draws, "random_seed": random_seed}, {"draws": 1, "random_seed": 0})
    name = _course(scenario, variable)
    scenario = with_default_effects(scenario)
    believed = _before_reports(scenario, evidence, draws, random_seed)
    hypotheses = scenario.variables[name].states
    if len(hypotheses) > MAX_HYPOTHESES:
        message = f"{len(hypotheses)} states; a matrix compares at most {MAX_HYPOTHESES}"
        raise InputError([Problem(name, message)])
    joint = believed.joint_with(name, time).to_numpy().mean(axis=(0, 1))
    items, ratios, spread, information = [], [], [], []
    for indicator, described in scenario.with_role("indicator").items():
        own = joint[:, believed.network.states(indicator)]
        found = likelihood_ratios(own)
        for state, row in zip(described.states, found, strict=True):
            ratings = tuple(map(rating_of, row))
            items.append(AchItem(f"{indicator}={state}", f"{described.label}: {state}", ratings))
        ratios.append(found)
        spread += list(_spread(own))
        information += [float(shared_bits(own))] * len(described.states)
    title = f"{scenario.title}: {scenario.variables[name].label}"
    return AchView(
        matrix=AchMatrix(hypotheses, tuple(items), title),
        ratios=np.concatenate(ratios),
        spread=np.array(spread),
        information=np.array(information),
    )


def likelihood_ratios(joint: Array) -> Array:
    """Likelihood ratio of each state of an indicator for each hypothesis against all others.

    Parameters
    ----------
    joint
        Joint probability, (hypothesis, state).

    Returns
    -------
    numpy.ndarray
        Shape (state, hypothesis); infinite where only this hypothesis allows the state, NaN where
        the hypothesis, its contrary or the state is impossible.

    Examples
    --------
    >>> likelihood_ratios(np.array([[0.4, 0.1], [0.1, 0.4]])).round(9).tolist()
    [[4.0, 0.25], [0.25, 4.0]]
    """
    own = joint.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (joint / own) / ((joint.sum(axis=0) - joint) / (joint.sum() - own))
    certain = (own < IMPOSSIBLE) | (joint.sum() - own < IMPOSSIBLE)
    return np.asarray(np.where(certain, np.nan, found).T)


def rating_of(ratio: float) -> str:
    """Rating of a likelihood ratio.

    Examples
    --------
    >>> [rating_of(ratio) for ratio in (30, 5, 1, 0.2, 0.01, float("nan"))]
    ['CC', 'C', 'N', 'I', 'II', 'NA']
    """
    if np.isnan(ratio):
        return "NA"
    return next((rating for least, rating in STEPS if ratio >= least), "II")


def _course(scenario: Scenario, variable: str | None) -> str:
    legal = list(scenario.with_role("course_of_action"))
    if not legal:
        raise InputError([Problem("variable", "the scenario has no course of action")])
    if variable is None and len(legal) == 1:
        return legal[0]
    if variable is None:
        raise InputError([Problem("variable", f"name one of {', '.join(legal)}")])
    if variable not in legal:
        message = f"{variable!r} is not a course of action; {nearest(variable, legal)}"
        raise InputError([Problem("variable", message)])
    return variable


def _before_reports(
    scenario: Scenario, evidence: Evidence | None, draws: int, random_seed: int
) -> Beliefs:
    """Beliefs that know how inputs are set, and nothing else."""
    if evidence is None:
        starts = scenario.timeline.start if scenario.timeline else date.min
        settings = Evidence(scenario.as_of or starts)
    else:
        inputs = scenario.with_role("input")
        kept = tuple(report for report in evidence.observations if report.indicator in inputs)
        settings = Evidence(evidence.as_of, kept)
    return prior_beliefs(scenario, settings, draws=draws, random_seed=random_seed)


def _spread(joint: Array) -> Array:
    """Largest ratio between the likelihoods of each state, (state,); NaN for an impossible one."""
    own = joint.sum(axis=1, keepdims=True)
    given = (joint / np.where(own < IMPOSSIBLE, np.nan, own))[own[:, 0] >= IMPOSSIBLE]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(given.max(axis=0) / given.min(axis=0))


def _times(value: float) -> str:
    if not np.isfinite(value):
        return "" if np.isnan(value) else "∞"
    return odds_text(value)
