"""Evidence in the fact that reports were made, and in silence.

The probability of every course is given before any report, as forecast, as it would be if silence
counted for nothing, and as it would be if whether reports are made carried no information. The
other readings are made with the same draws under new weights, so that no difference is one of
sampling. Below stands what the number of reports has taught of how much is reported.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from forecast.analysis.information import divergence
from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import InputError, Problem, nearest
from forecast.estimate import Estimate, quantity
from forecast.evidence.judged import multiple
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import without_silence
from forecast.evidence.profiles import regardless_of_reporting
from forecast.evidence.sources import trust_in
from forecast.frozen import Frozen
from forecast.layout import PrintsItself, Summary
from forecast.model.builder import compile_tables
from forecast.model.parameter_draws import ParameterDraws
from forecast.outlook import Forecast, beliefs
from forecast.posterior.mcmc import beliefs_under
from forecast.posterior.prior import draw_priors
from forecast.posterior.reweighting import smooth
from forecast.posterior.stored_answers import watched
from forecast.probabilities import by_horizon

if TYPE_CHECKING:
    from xarray import DataArray, DataTree

    from forecast.posterior.beliefs import Beliefs

PRIOR_DRAWS = 1000
DRAWS = 500
"""Draws of each chain that are read in several ways."""


@dataclass(frozen=True, slots=True)
class CourseReadings(Frozen):
    """A course of action, or any dangerous one, by the horizon under several readings.

    Attributes
    ----------
    course
        "variable=state", or `ANY_DANGEROUS`.
    prior
        Before any report, the customer's own acts known.
    found
        As the forecast says.
    without_silence
        If no source's silence counted.
    regardless
        If whether a report is made carried no information about what happens.
    bits
        Information in the evidence about it: Kullback-Leibler divergence of `found` from `prior`.
    """

    course: str
    prior: Estimate
    found: Estimate
    without_silence: Estimate
    regardless: Estimate
    bits: float


@dataclass(frozen=True, slots=True)
class LevelReading(Frozen):
    """How much is reported, as a multiple of what profiles say, before any report and given all.

    Attributes
    ----------
    level
        "reports" or "false alarms".
    label
        What it is.
    prior, found
        The multiple.
    """

    level: str
    label: str
    prior: Estimate
    found: Estimate


@dataclass(frozen=True, repr=False)
class WeighedReporting(PrintsItself):
    """Every course under several readings of the same reports; made by `weigh_reporting`.

    Attributes
    ----------
    courses
        The courses in the scenario's order, and any dangerous one.
    levels
        How much is reported, where there are profiles.
    trusted
        Whether the draws bear the other readings: whether no draw weighs too much under them.
    """

    courses: tuple[CourseReadings, ...]
    levels: tuple[LevelReading, ...]
    trusted: bool

    def __iter__(self) -> Iterator[CourseReadings]:
        return iter(self.courses)

    @property
    def _summary(self) -> Summary:
        rows = [
            (
                each.course,
                *map(quantity, (each.prior, each.found, each.without_silence, each.regardless)),
                f"{each.bits:.2f}",
            )
            for each in self.courses
        ]
        title = "What reports and silence have said"
        if not self.trusted:
            title += "; few draws bear the last two readings, which are rough"
        head = ("Course", "Prior", "Found", "Without silence", "Whoever reports", "Bits")
        below = [
            f"{each.label}: {multiple(each.prior)} before any report, {multiple(each.found)} now"
            for each in self.levels
        ]
        return Summary(title, head, rows, below)


@checked
def weigh_reporting(given: Forecast) -> WeighedReporting:
    """Say what reports, and silence, have made of every course.

    Parameters
    ----------
    given
        A forecast.

    Returns
    -------
    WeighedReporting
        It prints itself.

    Examples
    --------
    >>> weigh_reporting(outlook)  # doctest: +SKIP
    """
    found = beliefs(given, draws=DRAWS)
    unheard, ks = [], []
    for other in (_without_silence(found), _regardless(given, found)):
        ratio = other.log_evidence() - found.log_evidence()
        own = 0.0 if found.fitted is None else found.fitted
        weights = smooth(ratio.to_numpy().ravel() + own)
        unheard.append(replace(other, fitted=weights.log_weight))
        ks.append(weights.pareto_k <= weights.limit)
    readings = [_prior(given), found, *unheard]
    answers = [by_horizon(given, each) for each in readings]
    return WeighedReporting(
        tuple(
            _course(name, [Estimate.of(each.isel(course=k)) for each in answers])
            for k, name in enumerate(dict(watched(given.scenario)))
        ),
        tuple(read_levels(given)),
        all(ks),
    )


def _course(name: str, answers: list[Estimate]) -> CourseReadings:
    prior, found, without_silence, regardless = answers
    bits = divergence(found.mean, prior.mean)
    return CourseReadings(name, prior, found, without_silence, regardless, bits)


def read_levels(given: Forecast) -> Iterator[LevelReading]:
    """Yield how much is reported, before any report and given all, if there are profiles."""
    shared = trust_in(given.scenario).reporting_level
    if shared:
        draws = given.posterior["posterior"]["reporting_level"].to_numpy()
        for k, judged in enumerate(shared):
            found = given.estimate(draws[..., k])
            yield LevelReading(judged.name, judged.label, judged.prior, found)


def _without_silence(found: Beliefs) -> Beliefs:
    """The same beliefs, if no stream's silence counted."""
    draws = found.draws
    assert isinstance(draws, ParameterDraws)
    return replace(found, draws=replace(draws, data=without_silence(draws.data)))


def _regardless(given: Forecast, found: Beliefs) -> Beliefs:
    """The same beliefs, if whether a report is made carried no information."""
    draws = found.draws
    assert isinstance(draws, ParameterDraws)
    unmade = regardless_of_reporting(given.scenario)
    families = compile_tables(unmade).priors.families
    parameters = {each.name: draws.parameters[each.name] for each in families}
    return beliefs_under(unmade, given.evidence, parameters, found.shape)


def _prior(given: Forecast) -> Beliefs:
    """Beliefs before any report, but for what the customer does."""
    unmade = regardless_of_reporting(given.scenario)
    inputs = given.scenario.with_role("input")
    own = tuple(each for each in given.evidence.observations if each.indicator in inputs)
    seed = given.sampling.random_seed
    parameters = draw_priors(compile_tables(unmade).priors, PRIOR_DRAWS, seed)
    return beliefs_under(unmade, Evidence(given.as_of, own), parameters)


def prior_and_posterior(given: Forecast, course: str) -> DataTree:
    """Draws of the probability of a course by the horizon, before any report and given all.

    Parameters
    ----------
    given
        A forecast.
    course
        "variable=state", or `ANY_DANGEROUS`.

    Returns
    -------
    xarray.DataTree
        Groups ``prior`` and ``posterior``, as ArviZ names them, each with one variable that is
        named as the course, dimensions (chain, draw). Draws weigh the same: those of a forecast
        that was reweighted are repeated by their weights.

    Raises
    ------
    InputError
        For an unknown course.
    """
    import xarray as xr

    names = list(dict(watched(given.scenario)))
    if course not in names:
        raise InputError([Problem("course", f"{course!r} is no course; {nearest(course, names)}")])
    groups = {}
    for group, found in (("prior", _prior(given)), ("posterior", beliefs(given, draws=DRAWS))):
        answer = by_horizon(given, found).isel(course=names.index(course))
        values = _of_one_weight(answer.transpose("chain", "draw"))
        groups[group] = xr.Dataset({course: (("chain", "draw"), values[None])})
    return xr.DataTree.from_dict(groups)


def _of_one_weight(answer: DataArray) -> Array:
    """Draws that weigh the same, by systematic resampling of those that do not, (draw,)."""
    values = answer.to_numpy().ravel()
    if "weight" not in answer.coords:
        return np.asarray(values)
    weight = answer.coords["weight"].broadcast_like(answer).transpose("chain", "draw")
    passed = np.cumsum(weight.to_numpy().ravel())
    middles = (np.arange(values.size) + 0.5) / values.size * passed[-1]
    return np.asarray(values[np.searchsorted(passed, middles).clip(max=values.size - 1)])
