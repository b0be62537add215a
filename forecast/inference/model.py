"""The PyMC model: priors over the tables, and the evidence as one observed variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import ReportTable, last_step, tabulate_reports
from forecast.evidence.sources import admiralty_grades
from forecast.inference.builder import compile_tables
from forecast.inference.channel import REPORTS, families_of, log_densities, report_data
from forecast.inference.simulate import simulate_reports
from forecast.inference.tables import TableProgram
from forecast.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pymc as pm

Index = npt.NDArray[np.int64]
FOR_DRAWING = ("every_setting", "every_place")
"""Data for drawing histories and reports, with columns for all states; not for weighing them."""


def build_model(scenario: Scenario, evidence: Evidence) -> pm.Model:
    """Build the model of a scenario's uncertain tables, conditioned on evidence.

    The free variables are the judgements: ``chance`` (Beta), ``row_k`` (Dirichlet rows of k
    states), ``positive`` (log-normal multipliers, ratios, weights and rates), ``real`` (normal
    means) and ``accuracy`` (Beta, by reliability grade). The states of the world are not in the
    model: they are summed out exactly inside the one observed variable, ``report``, whose value
    is the number of the state that each report names, or the number that it gives.

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

    program = compile_tables(scenario)
    table = tabulate_reports(scenario, evidence, last_step(scenario, evidence) + 1)
    grades = admiralty_grades()
    with pm.Model(coords=_coordinates(program)) as model:
        parameters = _priors(program)
        theta = _table_cells(program, parameters)
        shapes = np.array([grade.shape for grade in grades])
        parameters["accuracy"] = pm.Beta("accuracy", shapes[:, 0], shapes[:, 1], dims="grade")
        _observe(program, table, theta, parameters)
        return model


def _table_cells(program: TableProgram, parameters: dict[str, Any]) -> Any:
    import pytensor.tensor as pt

    from forecast.inference.operation import TableCells

    found = program.tape
    flat = program.flatten(parameters, pt)
    return TableCells()(flat, found.constants, found.steps, found.order)


def evidence_data(scenario: Scenario, evidence: Evidence) -> dict[str, Any]:
    """Everything in the model's log-probability that depends on the evidence, by name.

    A compiled model serves other evidence once these are replaced: tables of reports, and the
    elimination for the variables that they speak to.
    """
    program = compile_tables(scenario)
    table = tabulate_reports(scenario, evidence, last_step(scenario, evidence) + 1)
    return {name: v for name, v in _data(program, table).items() if name not in FOR_DRAWING}


def _data(program: TableProgram, table: ReportTable) -> dict[str, Any]:
    """What the likelihood is given, by the names of the model's data.

    Only the states of variables that the reports depend on have columns.
    """
    from forecast.inference.operation import pack_elimination

    network = program.network
    relevant = network.relevant_to(table.observed or network.names[:1])
    columns = network.columns(relevant.names)
    reports = report_data(program, table)
    reports |= {
        "settings": table.settings[:, columns],
        "place": _places_among(columns, table.place, *table.settings.shape),
    }
    named = {f"report_{name}": value for name, value in reports.items()}
    for_drawing = dict(zip(FOR_DRAWING, (table.settings, table.place), strict=True))
    return {"elimination": pack_elimination(relevant)} | for_drawing | named


def _places_among(columns: Index, place: Index, n_steps: int, n_states: int) -> Index:
    """Places of (step, state) cells when only some states have columns."""
    column = np.zeros(n_states, dtype=np.int64)
    column[columns] = np.arange(len(columns))
    step, state = np.divmod(place, n_states)
    return np.where(step < n_steps, step * len(columns) + column[state], n_steps * len(columns))


def _coordinates(program: TableProgram) -> dict[str, Any]:
    coordinates: dict[str, Any] = {
        f"{family}_judgement": list(program.priors.labels[family])
        for family in program.priors.families()
    }
    coordinates |= {f"state_{width}": list(range(width)) for width in program.priors.rows}
    coordinates["grade"] = [grade.letter for grade in admiralty_grades()]
    return coordinates


def _priors(program: TableProgram) -> dict[str, Any]:
    import pymc as pm

    from forecast.inference.log_ratio import LogRatio

    priors = program.priors
    parameters: dict[str, Any] = {}
    if len(priors.chance):
        a, b = priors.chance.T
        parameters["chance"] = pm.Beta("chance", a, b, dims="chance_judgement")
    for width, concentration in priors.rows.items():
        name = f"row_{width}"
        dims = (f"{name}_judgement", f"state_{width}")
        transform = LogRatio(width)
        parameters[name] = pm.Dirichlet(name, concentration, dims=dims, default_transform=transform)
    if len(priors.positive):
        mean, sd = priors.positive.T
        parameters["positive"] = pm.LogNormal("positive", mean, sd, dims="positive_judgement")
    if len(priors.real):
        mean, sd = priors.real.T
        parameters["real"] = pm.Normal("real", mean, sd, dims="real_judgement")
    return parameters


def _observe(
    program: TableProgram, table: ReportTable, theta: Any, parameters: dict[str, Any]
) -> None:
    import pymc as pm
    import pytensor.tensor as pt

    from forecast.inference.operation import LogEvidence, ReportLikelihood

    families = families_of(program)
    judged = {name: parameters[name] for name in _needed(families)}
    values = _data(program, table)
    said = values.pop("report_said")
    observed = pm.Data("report_said", said)
    given = {name: pm.Data(name, value) for name, value in values.items()}

    def unpack(arguments: Sequence[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        found = dict(zip([*judged, *given], arguments, strict=True))
        reports = {name.removeprefix("report_"): value for name, value in found.items()}
        return found, reports

    def logp(value: Any, theta: Any, *arguments: Any) -> Any:
        found, reports = unpack(arguments)
        reports["said"] = value
        density = log_densities(reports, found, families, pt)
        inputs = [found["accuracy"], density, *(reports[name] for name in REPORTS)]
        log_like = ReportLikelihood()(*inputs)
        return LogEvidence()(theta, log_like, found["elimination"])[0]

    def random(theta: Any, *arguments: Any, rng: Any = None, size: Any = None) -> Any:  # noqa: ARG001
        found, reports = unpack(arguments)
        reports |= {"settings": found["every_setting"], "place": found["every_place"]}
        return simulate_reports(program.network, theta, reports, found, families, rng)

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
    )


def _needed(families: Sequence[str]) -> list[str]:
    """Parameters that the likelihood of reports uses."""
    real = [family for family in families if family in ("normal", "student_t")]
    return ["accuracy", *["positive"] * bool(families), *["real"] * bool(real)]


def _signature(inputs: Mapping[str, Any]) -> str:
    """Core dimensions of the observed variable: as many as there are grades of reports."""
    cores = [
        ",".join("report" if name == "report_grade" else f"{name}_{k}" for k in range(value.ndim))
        for name, value in inputs.items()
    ]
    return ",".join(f"({core})" for core in cores) + "->(report)"
