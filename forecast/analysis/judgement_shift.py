"""The smallest shift of one judgement that changes a conclusion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from forecast.analysis.conclusions import Conclusion, Screen
from forecast.analysis.sensitivity import Lever, judgements_of, set_judgement
from forecast.arrays import Array
from forecast.estimate import TAILS
from forecast.outlook import Forecast
from forecast.posterior.partial_evidence import PartialEvidence
from forecast.posterior.reweighting import Fit

FARTHEST = 3.0
"""Standard deviations to which a judgement is shifted at most."""
HALVINGS = 7
"""Times that the distance at which the conclusion changes is narrowed down by half."""
LOW_END, HIGH_END = (float(stats.norm.ppf(level)) for level in TAILS)


@dataclass(frozen=True, slots=True)
class JudgementShift:
    """A shift of one judgement that changes a conclusion.

    Attributes
    ----------
    judgement
        What is judged.
    value, to
        Its mean given the evidence, and the value at which the conclusion changes, all other
        judgements learned under that.
    deviations
        How far that lies from the middle of what was elicited, in standard deviations: 1.6 is an
        end of the elicited interval.
    certified
        Whether every other judgement was shifted as far without changing it. Otherwise the most
        promising ones were.
    """

    judgement: str
    value: float
    to: float
    deviations: float
    certified: bool


def smallest_shift(
    given: Forecast, conclusion: Conclusion, *, draws: int, most: int
) -> JudgementShift | None:
    """Find the judgement whose smallest shift changes a conclusion.

    A judgement is held at a value, in all draws, and these are weighed by how probable they then
    make the reports. Which judgements to try first, shifts with all others at their means say.

    Parameters
    ----------
    given, conclusion
        The forecast and what is concluded from it.
    draws
        Draws that stand for all.
    most
        Judgements that are tried.

    Returns
    -------
    JudgementShift or None
        None if no shift by up to three standard deviations changes it.
    """
    screen = Screen(given, conclusion, draws)
    fit = screen.evidence.fit
    levers, parameters = judgements_of(fit.beliefs(given.evidence).draws)
    order = _most_promising(screen, levers, parameters)[:most]
    best, found = FARTHEST, None
    for lever in (levers[k] for k in order):
        for sign in (-1.0, 1.0):
            distance = _crossing(screen, lever, parameters, sign, best)
            if distance is not None:
                best, found = distance, (lever, sign * distance)
    if found is None:
        return None
    lever, deviations = found
    value = float(np.mean(parameters[lever.family][lever.at]))
    to = _quantile(lever, deviations)
    return JudgementShift(lever.label, value, to, deviations, len(order) == len(levers))


def _quantile(lever: Lever, deviations: float) -> float:
    """The value of a judgement so many standard deviations from the middle of what was elicited.

    On the scale on which its interval is symmetric: log-odds of probabilities, logarithms of
    positive numbers.
    """
    forth, back = _scale(lever)
    low, high = forth(lever.low), forth(lever.high)
    return back(low + (high - low) * (deviations - LOW_END) / (HIGH_END - LOW_END))


def _scale(lever: Lever) -> tuple[Callable[[float], float], Callable[[float], float]]:
    if lever.scale == "linear":
        return float, float
    if lever.scale == "log":
        return lambda x: float(np.log(x)), lambda x: float(np.exp(x))
    return lambda x: float(np.log(x) - np.log1p(-x)), lambda x: float(1 / (1 + np.exp(-x)))


def _crossing(
    screen: Screen, lever: Lever, parameters: Mapping[str, Array], sign: float, farthest: float
) -> float | None:
    """The smallest shift in one direction that changes the conclusion, nearer than another."""
    if _margin_at(screen, lever, parameters, sign * farthest) >= 0:
        return None
    near, far = 0.0, farthest
    for _ in range(HALVINGS):
        middle = (near + far) / 2
        if _margin_at(screen, lever, parameters, sign * middle) < 0:
            far = middle
        else:
            near = middle
    return far


def _margin_at(
    screen: Screen, lever: Lever, parameters: Mapping[str, Array], deviations: float
) -> float:
    """How far the conclusion is from changing with a judgement held at a value."""
    own = screen.evidence
    moved = {name: np.array(values) for name, values in parameters.items()}
    for draw in range(own.fit.shape[1]):
        set_judgement(moved, lever, draw, _quantile(lever, deviations))
    fit = Fit(own.fit.scenario, own.fit.evidence, moved, own.fit.shape)
    return screen.margin(PartialEvidence(fit, own.as_of, own.targets).find(screen.reports))


def _most_promising(
    screen: Screen, levers: list[Lever], parameters: Mapping[str, Array]
) -> list[int]:
    """Judgements, by how far shifts of them move the conclusion, all others at their means."""
    own, n = screen.evidence, 2 * len(levers)
    moved = {
        name: np.repeat(values.mean(axis=-1, keepdims=True), n, axis=-1)
        for name, values in parameters.items()
    }
    for k, lever in enumerate(levers):
        for draw, deviations in ((2 * k, -FARTHEST), (2 * k + 1, FARTHEST)):
            set_judgement(moved, lever, draw, _quantile(lever, deviations))
    fit = Fit(own.fit.scenario, own.fit.evidence, moved, (1, n))
    found = PartialEvidence(fit, own.as_of, own.targets).find(screen.reports)
    margins = [screen.conclusion.margin(means) for means in found.probability.T]
    order = np.argsort(np.reshape(margins, (-1, 2)).min(axis=1), kind="stable")
    return [int(k) for k in order]
