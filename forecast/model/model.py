"""The PyMC model: priors over the tables, and the evidence as one observed variable."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.arguments import checked
from forecast.arrays import Index
from forecast.errors import UnreliableFit
from forecast.evidence.events import last_step
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import ReportArrays, ReportTable, tabulate_reports
from forecast.evidence.sources import TRUSTED
from forecast.model.builder import compile_tables
from forecast.model.densities import NUMBERS
from forecast.model.priors import Priors
from forecast.model.report_likelihood import PLACES, report_data
from forecast.model.simulate_reports import simulate_reports
from forecast.model.tables import TableProgram
from forecast.network.slices import pack_circuits
from forecast.sampling import FROM_PART, TARGET_ACCEPT, Sampling, chain_failure
from forecast.scenario.indicator_groups import with_default_effects
from forecast.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pymc as pm
    from xarray import DataTree


@checked
def build_model(scenario: Scenario, evidence: Evidence) -> pm.Model:
    """Build the model of a scenario's uncertain tables, conditioned on evidence.

    The free variables are the judgements: ``probability`` (Beta), ``row_k`` (Dirichlet rows of k
    states), ``positive`` (log-normal multipliers, ratios, weights and rates), ``real`` (normal
    means); and, of sources, ``accuracy`` (by reliability grade and by source), ``detection`` (by
    watch), ``control`` (by channel) and ``reporting`` (by indicator and state), all Beta, and
    ``reporting_level`` (log-normal). The states of the world, the dates of events and who controls
    a channel are not in the model: they are summed out exactly inside the one
    observed variable, ``report``, whose value is the number of the state that each report names,
    or the number that it gives.

    Parameters
    ----------
    scenario
        The scenario.
    evidence
        Reports in force.

    Returns
    -------
    pymc.Model
        An ordinary model, to be sampled, drawn or extended.
    """
    import pymc as pm

    scenario = with_default_effects(scenario)
    program = compile_tables(scenario)
    table = tabulate_reports(scenario, evidence, last_step(scenario, evidence) + 1)
    inputs = scenario.with_role("input")
    ids = [report.id for report in evidence.observations if report.indicator not in inputs]
    with pm.Model(coords=model_coordinates(program.priors) | {"report_id": ids}) as model:
        parameters = {family.name: family.variable() for family in program.priors.families}
        _observe(program, table, _table_cells(program, parameters), parameters)
        return model


def _table_cells(program: TableProgram, parameters: dict[str, Any]) -> Any:
    import pytensor.tensor as pt

    from forecast.model.operation import TableCells

    found = program.expressions
    flat = program.flatten(parameters, pt)
    return TableCells()(flat, found.constants, found.steps, found.order)


def evidence_data(
    scenario: Scenario, evidence: Evidence, table: ReportTable | None = None
) -> dict[str, Any]:
    """Everything in the model's log-probability that depends on the evidence, by name.

    A compiled model serves other evidence once these are replaced: tables of reports, and the
    elimination for the variables that they speak to. The table is the evidence tabulated, to any
    step from the present one on, if it has been.
    """
    n_steps = last_step(scenario, evidence) + 1
    table = table or tabulate_reports(scenario, evidence, n_steps)
    return tabulated_data(compile_tables(scenario), table.up_to(n_steps))


def tabulated_data(program: TableProgram, table: ReportTable) -> dict[str, Any]:
    """What the likelihood is given, by the names of the model's data.

    Only the states of variables that the reports depend on have columns.
    """
    network = replace(program.network, auxiliaries=table.auxiliaries, factors=table.factors)
    relevant = network.relevant_to(table.evidence_variables or network.names[:1])
    columns = network.columns(relevant.names)
    reports = report_data(program, table)
    reports["settings"] = table.arrays.settings[:, columns]
    for name in PLACES:
        reports[name] = _places_among(columns, reports[name], table.arrays.settings.shape[1])
    elimination = pack_circuits(relevant, (), len(table.arrays.settings), closed=True)
    return {"elimination": elimination} | {f"report_{name}": v for name, v in reports.items()}


def _drawing_data(table: ReportTable) -> dict[str, Any]:
    """What is needed to draw reports, and not to weigh them."""
    return {f"draw_{name}": v for name, v in table.simulation.items()} | {
        "draw_settings": table.arrays.settings,
        "draw_accuracy": table.accuracy,
        "draw_n_states": table.n_states,
    }


def _places_among(columns: Index, place: Index, n_columns: int) -> Index:
    """Places of (step, column) cells when only some columns are kept."""
    kept = np.zeros(n_columns, dtype=np.int64)
    kept[columns] = np.arange(len(columns))
    step, column = np.divmod(place, n_columns)
    return np.asarray(step * len(columns) + kept[column])


def model_coordinates(priors: Priors) -> dict[str, Any]:
    """Labels of the dimensions of judgements."""
    found: dict[str, Any] = {}
    for family in priors.families:
        found |= family.coordinates
    return found


def sample_with_pymc(model: pm.Model, sampling: Sampling) -> DataTree:
    """Sample a model with one of the samplers that `pymc.sample` knows by name.

    Raises
    ------
    UnreliableFit
        If a chain ended in an error, or its process was killed.
    """
    import pymc as pm
    from pymc.exceptions import SamplingError
    from pymc.sampling.parallel import ParallelSamplingError

    try:
        with model:
            tree: DataTree = pm.sample(
                sampling.draws,
                tune=sampling.tune,
                chains=sampling.chains,
                cores=sampling.workers,
                random_seed=sampling.random_seed,
                nuts_sampler=sampling.nuts_sampler,
                nuts={"target_accept": TARGET_ACCEPT},
                progressbar=False,
                quiet=True,
            )
    except (EOFError, ConnectionError) as error:  # what is left of a process that is not there
        raise UnreliableFit(
            f"the process of a chain ended before its draws were complete; {FROM_PART}"
        ) from error
    except (SamplingError, ParallelSamplingError, ValueError) as error:
        # A value error is all that is said of an interrupt before the first draw is kept.
        raise chain_failure(error) from error
    return tree


def _observe(
    program: TableProgram, table: ReportTable, theta: Any, parameters: dict[str, Any]
) -> None:
    import pymc as pm
    import pytensor
    import pytensor.tensor as pt

    from forecast.model.operation import LogEvidence, ReportLikelihood

    # Reports are drawn in Python, on purpose: numba need not say so at every draw.
    slow = r"Numba will use object mode to run CustomDist_report_rv"
    warnings.filterwarnings("ignore", message=slow, category=UserWarning)

    judged = {
        name: parameters[name] for name in (*TRUSTED, "positive", "real") if name in parameters
    }
    weighing, drawing = tabulated_data(program, table), _drawing_data(table)
    observed = weighing.pop("report_value")
    # Inputs of the compiled loops, which say nothing to a reader of the model: not `pm.Data`.
    given = {
        name: pytensor.shared(np.asarray(value), name=name, shape=np.shape(value))
        for name, value in (weighing | drawing).items()
    }

    def unpack(arguments: Sequence[Any], prefix: str) -> tuple[dict[str, Any], dict[str, Any]]:
        found = dict(zip([*judged, *given], arguments, strict=True))
        fields = {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}
        return found, fields

    def logp(value: Any, theta: Any, *arguments: Any) -> Any:
        found, reports = unpack(arguments, "report_")
        reports["value"] = value
        trust = pt.concatenate([found[name] for name in TRUSTED if name in found])
        density = _densities(reports, found)
        log_like = ReportLikelihood()(
            trust, density, *(reports[name] for name in ReportArrays._fields)
        )
        return LogEvidence()(theta, log_like, found["elimination"])[0]

    def random(theta: Any, *arguments: Any, rng: Any = None, size: Any = None) -> Any:  # noqa: ARG001
        found, reports = unpack(arguments, "report_")
        reports |= unpack(arguments, "draw_")[1]
        return simulate_reports(program.network, theta, reports, found, rng)

    pm.CustomDist(
        "report",
        theta,
        *judged.values(),
        *given.values(),
        logp=logp,
        random=random,
        signature=_signature({"theta": theta} | judged | given),
        dtype="float64",
        observed=observed,
        dims="report_id",
    )


def _densities(reports: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
    """Log-densities of numbers, ranges and likelihoods, (number, state), as a graph."""
    import pytensor.tensor as pt

    from forecast.model.operation import NumberDensity

    given = [parameters.get(name, pt.zeros(0)) for name in ("positive", "real")]
    numbers = NumberDensity()(*given, *(reports[f"number_{name}"] for name in NUMBERS))
    return pt.concatenate([numbers, reports["given"]])


def _signature(inputs: Mapping[str, Any]) -> str:
    """Core dimensions of the observed variable: as many as there are accuracies of reports."""
    cores = [
        ",".join("report" if name == "draw_accuracy" else f"{name}_{k}" for k in range(value.ndim))
        for name, value in inputs.items()
    ]
    return ",".join(f"({core})" for core in cores) + "->(report)"
