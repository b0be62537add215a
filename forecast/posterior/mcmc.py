"""Sampling the tables, and the probabilities of states that follow from the draws."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from forecast.arrays import Array
from forecast.errors import UnreliableFit
from forecast.evidence.events import last_step, shares_of
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import ReportTable, tabulate_reports
from forecast.model.builder import compile_tables
from forecast.model.model import (
    build_model,
    evidence_data,
    model_coordinates,
    sample_with_pymc,
    tabulated_data,
)
from forecast.model.parameter_draws import ParameterDraws
from forecast.model.report_likelihood import report_data
from forecast.model.target import make_target, variable_dims
from forecast.posterior.beliefs import Beliefs
from forecast.posterior.passage import calendar_of
from forecast.posterior.pooling import CompletePooling, OneCase, PartialPooling
from forecast.progress import phase
from forecast.sampling import FROM_PART, TARGET_ACCEPT, Sampling, chain_failure
from forecast.scenario.scenario import Scenario

if TYPE_CHECKING:
    from xarray import DataTree


def sample_posterior(
    scenario: Scenario,
    evidence: Evidence,
    sampling: Sampling,
    table: ReportTable | None = None,
) -> DataTree:
    """Sample the uncertain tables given evidence, with NUTS.

    nutpie explores the density of `target`, which is that of the PyMC model and needs no
    compilation; other samplers of PyMC are given the model itself.

    Parameters
    ----------
    scenario, evidence, sampling
        What is believed before, what was reported, and how to sample.
    table
        The evidence tabulated, if it has been; see `tabulate_to_horizon`.

    Returns
    -------
    xarray.DataTree
        Groups posterior and sample_stats.

    Raises
    ------
    UnreliableFit
        If a chain ended before all its draws were complete.
    """
    if sampling.nuts_sampler != "nutpie":
        tree = sample_with_pymc(build_model(scenario, evidence), sampling)
        require_all_draws(tree, sampling)  # after an interrupt PyMC returns what there is
        return tree
    with phase("tables", sampling.progressbar):
        data = evidence_data(scenario, evidence, table)
        target = make_target(compile_tables(scenario), data)
    return _sample_with_nutpie(OneCase(compile_tables(scenario).priors, target), sampling)


def sample_cases(
    scenario: Scenario,
    tables: Sequence[ReportTable],
    powers: Sequence[float],
    between_cases: float,
    sampling: Sampling,
) -> DataTree:
    """Sample tables given the evidence of several cases, with NUTS.

    Parameters
    ----------
    scenario
        What is believed before, of every case.
    tables
        No evidence, then that of each case, tabulated to its as-of date.
    powers
        To which power the likelihood of each counts: 1, or less for what has less to say (Ibrahim,
        Chen: Power prior distributions for regression models, Statistical Science 15(1), 2000).
    between_cases
        How far the tables of cases are apart before anything is known; 0 where they share them.
    sampling
        How to sample.
    """
    program = compile_tables(scenario)
    with phase("tables", sampling.progressbar):
        nothing, *cases = [make_target(program, tabulated_data(program, t)) for t in tables]
    if between_cases:
        pooled = PartialPooling(program.priors, nothing, cases, powers, between_cases)
        return _sample_with_nutpie(pooled, sampling)
    return _sample_with_nutpie(CompletePooling(program.priors, nothing, cases, powers), sampling)


def _sample_with_nutpie(posterior: OneCase, sampling: Sampling) -> DataTree:
    import nutpie

    with phase("compiled code", sampling.progressbar):
        posterior.density(posterior.start)
    with phase("sampling", sampling.progressbar) as say:
        sampler = nutpie.sample(
            _density_for_nutpie(posterior),
            draws=sampling.draws,
            tune=sampling.tune,
            chains=sampling.chains,
            cores=sampling.workers,
            seed=sampling.random_seed,
            progress_bar=False,
            progress_callback=lambda chains: say(_count_draws(chains)),
            target_accept=TARGET_ACCEPT,
            save_warmup=False,
            blocking=False,
        )
        try:
            tree: DataTree = sampler.wait()
        except BaseException as error:
            # nutpie would return what was drawn so far; an interrupt is no answer. After an error
            # in a chain it cannot even be stopped, and says so: the first error is what matters.
            with suppress(BaseException):
                sampler.cancel()
            if isinstance(error, (Exception, KeyboardInterrupt, SystemExit)):
                raise
            # A panic of its threads, which nobody catches who catches exceptions.
            raise chain_failure(error) from error
    require_all_draws(tree, sampling)
    stats = tree["sample_stats"].to_dataset()
    # Where nothing diverged there is no message; a file cannot hold None among texts.
    messages = stats["divergence_message"].fillna("").astype(str)
    tree["sample_stats"] = stats.assign(divergence_message=messages)
    return tree


def _count_draws(chains: Any) -> str:
    drawn, total = (
        sum(getattr(chain, name) for chain in chains) for name in ("finished_draws", "total_draws")
    )
    return f"{drawn:,} of {total:,} draws, tuning included"


def require_all_draws(tree: DataTree, sampling: Sampling) -> None:
    """Refuse draws that were cut short.

    Raises
    ------
    UnreliableFit
        If a chain has fewer draws than were asked for.
    """
    sizes = tree["posterior"].sizes
    drawn = sizes["chain"], sizes["draw"]
    complete = all(np.isfinite(v).all() for v in tree["posterior"].data_vars.values())
    if drawn != (sampling.chains, sampling.draws) or not complete:
        raise UnreliableFit(
            f"sampling stopped before {sampling.chains} chains of {sampling.draws} draws were "
            f"complete; {FROM_PART}"
        )


def _density_for_nutpie(posterior: OneCase) -> Any:
    """The density, its coordinates and names, in the form that nutpie takes."""
    from nutpie.compiled_pyfunc import from_pyfunc

    start, priors = posterior.start, posterior.priors
    shapes = {name: np.shape(v) for name, v in posterior.judgements(start).items()}

    def density(point: Array) -> tuple[float, Array]:
        try:
            value, gradient = posterior.density(point)
        except ZeroDivisionError:  # so far out that a scale has rounded to 0: the step is refused
            return np.nan, np.full(len(start), np.nan)
        return (value if np.isfinite(gradient).all() else np.nan), gradient

    def begin(seed: int) -> Array:
        return start + np.random.default_rng(seed).uniform(-1, 1, len(start))

    return from_pyfunc(
        ndim=len(start),
        make_logp_fn=lambda: density,
        make_expand_fn=lambda *_: posterior.judgements,
        make_initial_point_fn=begin,
        expanded_dtypes=[np.dtype(np.float64)] * len(shapes),
        expanded_shapes=list(shapes.values()),
        expanded_names=list(shapes),
        coords={name: pd.Index(labels) for name, labels in model_coordinates(priors).items()},
        dims=variable_dims(priors),
    )


def tabulate_to_horizon(scenario: Scenario, evidence: Evidence) -> ReportTable:
    """Tabulate evidence once for everything that is asked of it; see `tabulate_reports`."""
    return tabulate_reports(scenario, evidence, _steps_to_horizon(scenario, evidence))


def _steps_to_horizon(scenario: Scenario, evidence: Evidence) -> int:
    return 1 if scenario.timeline is None else scenario.timeline.n_steps(evidence.as_of)


def stack_draws(posterior: Any, names: Iterable[str]) -> dict[str, Array]:
    """Parameters with all draws in one last axis, chains one after another."""
    stacked = {}
    for name in names:
        values = posterior[name].to_numpy()
        stacked[name] = np.moveaxis(values.reshape(-1, *values.shape[2:]), 0, -1)
    return stacked


def beliefs_of(
    scenario: Scenario,
    evidence: Evidence,
    posterior: Any,
    n_steps: int | None = None,
    *,
    fitted: Array | None = None,
) -> Beliefs:
    """Tables and evidence for each draw of a posterior (or prior) group; see `beliefs_under`."""
    sizes: Mapping[Any, int] = posterior.sizes
    shape = (sizes["chain"], sizes["draw"])
    parameters = stack_draws(posterior, parameter_names(scenario))
    return beliefs_under(scenario, evidence, parameters, shape, n_steps, fitted=fitted)


def parameter_names(scenario: Scenario) -> list[str]:
    """Families of judgements, of the world and of sources."""
    priors = compile_tables(scenario).priors
    return [family.name for family in priors.families]


def beliefs_under(
    scenario: Scenario,
    evidence: Evidence,
    parameters: Mapping[str, Array],
    shape: tuple[int, int] | None = None,
    n_steps: int | None = None,
    *,
    tables: Array | None = None,
    fitted: Array | None = None,
    silence: bool = True,
    table: ReportTable | None = None,
) -> Beliefs:
    """Tables and evidence for given draws of every judgement.

    Parameters
    ----------
    scenario, evidence
        What is believed before, and what was reported.
    parameters
        Judgements by family, "accuracy" among them; draws axis last.
    shape
        Number of chains, and of draws in each; one chain unless it is given.
    n_steps
        Steps of the timeline; up to the horizon unless it is given.
    tables
        Table cells of the draws, (cell, draw), if they have been made.
    fitted
        Logarithm of what each draw weighs, (draw,), if they were made under other evidence.
    silence
        Whether what was not reported counts.
    table
        The evidence tabulated, if it has been; see `tabulate_to_horizon`.
    """
    program = compile_tables(scenario)
    timeline = scenario.timeline
    calendar = None
    if n_steps is None:
        n_steps = _steps_to_horizon(scenario, evidence)
        calendar = calendar_of(scenario, evidence.as_of)
    if table is None or table.n_steps < n_steps:
        table = tabulate_reports(scenario, evidence, n_steps)
    table = table.up_to(n_steps)
    table = table if silence else table.without_silence()
    draws = ParameterDraws(
        program=program,
        parameters=parameters,
        data=report_data(program, table),
        tables=tables,
    )
    return Beliefs.of(
        replace(program.network, auxiliaries=table.auxiliaries, factors=table.factors),
        draws,
        now=last_step(scenario, evidence),
        shape=shape,
        times=[timeline.first_day(k) if timeline else evidence.as_of for k in range(n_steps)],
        reports=_reports_by_finding(scenario, evidence),
        calendar=calendar,
        fitted=fitted,
    )


def _reports_by_finding(
    scenario: Scenario, evidence: Evidence
) -> dict[tuple[int, str], tuple[str, ...]]:
    found: dict[tuple[int, str], tuple[str, ...]] = {}
    for report in evidence.observations:
        for step in shares_of(scenario, report):
            key = step, report.indicator
            found[key] = (*found.get(key, ()), report.id)
    return found
