"""Making forecasts: from evidence, and from other evidence than before."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from typing import Any, Literal

from forecast.arguments import checked
from forecast.errors import InputError, Problem
from forecast.evidence.ledger import Evidence, as_date
from forecast.outlook import Forecast
from forecast.posterior.mcmc import sample_posterior, tabulate_to_horizon
from forecast.posterior.resample_move import move
from forecast.posterior.reweighting import Fit
from forecast.progress import phase
from forecast.sampling import Sampling
from forecast.scenario.indicator_groups import with_default_effects
from forecast.scenario.scenario import Scenario

Method = Literal["auto", "reweight", "nuts"]
ROUNDS = 3
"""How often draws are moved on until their numbers pass the checks."""


@checked
def forecast(
    scenario: Scenario,
    evidence: Evidence,
    *,
    draws: int = Sampling.draws,
    tune: int = Sampling.tune,
    chains: int = Sampling.chains,
    random_seed: int = Sampling.random_seed,
    cores: int | None = None,
    progressbar: bool | None = None,
    nuts_sampler: str = Sampling.nuts_sampler,
    method: Method = "nuts",
) -> Forecast:
    """Forecast a scenario from the evidence known at a moment.

    Parameters
    ----------
    scenario
        What is believed before evidence. `Forecast.scenario` has a shared effect more for every
        group of indicators of which the scenario does not say how they hang together.
    evidence
        Reports in force, as `Ledger.known_at` gives them.
    draws, tune, chains, random_seed, cores, progressbar, nuts_sampler
        How the tables are sampled; see `Sampling`.
    method
        "nuts" samples the tables given the evidence. "reweight" draws them from the prior, and
        weighs the draws by how probable they make the evidence, which takes seconds and compiles
        nothing. "auto" does so; if the weights or the numbers fail their checks, it resamples
        the draws and moves them, and if that fails too, it samples.
        `Forecast.diagnostics` says which method answered.

    Raises
    ------
    InputError
        If the scenario or the evidence breaks a rule.

    Returns
    -------
    Forecast
        Frozen; `update` and `retract` return new ones.
    """
    sampling = Sampling(draws, tune, chains, random_seed, cores, progressbar, nuts_sampler)
    scenario = with_default_effects(scenario)
    if method == "nuts":
        return _fit(scenario, evidence, sampling)
    return weighed_forecast(Fit.of_prior(scenario, sampling, evidence), evidence, sampling, method)


@checked
def update(previous: Forecast, evidence: Evidence, *, method: Method = "auto") -> Forecast:
    """Forecast the same scenario from other evidence; the previous forecast stays as it is.

    Parameters
    ----------
    previous
        A forecast.
    evidence
        Reports in force.
    method
        "reweight" gives the draws of the last fit new weights: those of all the evidence against
        all that the draws were made under, never one update after another. So the order of updates
        does not matter, and what is withdrawn leaves no trace. "nuts" samples again. "auto"
        reweights; if the weights, or the numbers, fail their checks, it resamples the draws and
        moves them (`forecast.posterior.resample_move`), which is then the last fit; and it samples
        if that fails too.
    """
    fit = _fit_of(previous)
    if method == "nuts" or fit is None:
        return _fit(previous.scenario, evidence, previous.sampling)
    return weighed_forecast(fit, evidence, previous.sampling, method)


@checked
def retract(previous: Forecast, *reports: str, method: Method = "auto") -> Forecast:
    """Forecast as if some reports had never been received; `method` as in `update`."""
    return update(previous, previous.evidence.without(*reports), method=method)


@checked
def advance(previous: Forecast, to: date | str, *, method: Method = "auto") -> Forecast:
    """Forecast at the end of a later day on which nothing new is known; `method` as in `update`.

    The horizon moves on, and silence speaks as far as delays of reporting allow.

    Raises
    ------
    InputError
        If the day is before the as-of date.
    """
    day = as_date(to)
    if day < previous.as_of:
        raise InputError([Problem("to", f"{day} is before the as-of date, {previous.as_of}")])
    return update(previous, replace(previous.evidence, as_of=day), method=method)


def _fit(scenario: Scenario, evidence: Evidence, sampling: Sampling) -> Forecast:
    table = tabulate_to_horizon(scenario, evidence)
    tree = sample_posterior(scenario, evidence, sampling, table)
    tree.attrs |= _about(scenario, evidence, sampling)
    fit = Fit.of_posterior(scenario, evidence, tree, table)
    return Forecast(scenario, evidence, tree, sampling, fit)


def weighed_forecast(fit: Fit, evidence: Evidence, sampling: Sampling, method: Method) -> Forecast:
    """Forecast from the draws of a fit; sample if that is allowed and these do not suffice.

    Parameters
    ----------
    fit
        Draws that were made under some evidence, or from the prior.
    evidence, sampling
        Reports in force, and how tables are sampled if they are.
    method
        "reweight" or "auto", as in `forecast`.
    """
    import xarray as xr

    with phase("weights", sampling.progressbar):
        weights = fit.weights(evidence)
    log_weight = weights.log_weight.reshape(fit.shape)
    group = xr.Dataset(
        {"log_weight": (("chain", "draw"), log_weight)}, attrs={"pareto_k": weights.pareto_k}
    )
    groups = {"weights": group}
    if fit.divergences is not None:
        groups["sample_stats"] = xr.Dataset({"diverging": (("chain", "draw"), fit.divergences)})
    tree = xr.DataTree.from_dict(groups)
    tree.attrs |= _about(fit.scenario, evidence, sampling) | {"method": fit.method}
    found = Forecast(fit.scenario, evidence, tree, sampling, fit)
    if method == "auto" and found.diagnostics.failures:
        moved = moved_forecast(fit, evidence, sampling)
        if moved is None or moved.diagnostics.failures:
            return _fit(fit.scenario, evidence, sampling)
        return moved
    return found


def moved_forecast(fit: Fit, evidence: Evidence, sampling: Sampling) -> Forecast | None:
    """Forecast from the draws of a fit, resampled and moved; None if the way is too far.

    Draws that have arrived are moved on while their numbers do not pass the checks.
    """
    there = fit
    for k in range(ROUNDS):
        with phase("moves", sampling.progressbar) as say:
            arrived = move(there, evidence, (sampling.random_seed, k), say)
        if arrived is None:
            return None
        # However many rounds it took, it is one move from the draws of the fit.
        there = replace(arrived, ancestry=fit.lineage)
        found = _of_moved(there, evidence, sampling)
        if not found.diagnostics.failures:
            break
    return found


def _of_moved(there: Fit, evidence: Evidence, sampling: Sampling) -> Forecast:
    import xarray as xr

    tree = xr.DataTree()
    tree.attrs |= _about(there.scenario, evidence, sampling) | {"method": there.method}
    return Forecast(there.scenario, evidence, tree, sampling, there)


def _fit_of(given: Forecast) -> Fit | None:
    """The draws behind a forecast, if they are known to be draws under some evidence."""
    if given.fit is not None or given.weights is not None or "posterior" not in given._tree:
        return given.fit
    return given._draws


def _about(scenario: Scenario, evidence: Evidence, sampling: Sampling) -> dict[str, Any]:
    return {
        "scenario": scenario.name,
        "scenario_version": scenario.version,
        "scenario_digest": scenario.digest,
        "as_of": evidence.as_of.isoformat(),
        "reports": json.dumps([report.id for report in evidence]),
        "random_seed": sampling.random_seed,
    }
