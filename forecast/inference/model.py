"""The PyMC model: priors over the tables, and the evidence as one observed variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import ReportTable, last_step, tabulate_reports
from forecast.evidence.sources import admiralty_grades
from forecast.inference.simulate import simulate_reports
from forecast.inference.tables import TableProgram, compile_tables
from forecast.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pymc as pm


def build_model(scenario: Scenario, evidence: Evidence) -> pm.Model:
    """Build the model of a scenario's uncertain tables, conditioned on evidence.

    The free variables are the judgements: ``chance`` (Beta), ``row_k`` (Dirichlet rows of k
    states), ``times`` (log-normal multipliers) and ``accuracy`` (Beta, by reliability grade).
    The states of the world are not in the model: they are summed out exactly inside the one
    observed variable, ``report``, whose value is the state that each report names.

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
    import pytensor.tensor as pt

    program = compile_tables(scenario)
    table = tabulate_reports(scenario, evidence, last_step(scenario, evidence) + 1)
    grades = admiralty_grades()
    with pm.Model(coords=_coordinates(program)) as model:
        parameters = _priors(program)
        shapes = np.array([grade.shape for grade in grades])
        accuracy = pm.Beta("accuracy", shapes[:, 0], shapes[:, 1], dims="grade")
        theta = program.cells(parameters, pt)
        _observe(program, table, theta, accuracy)
        return model


def evidence_data(scenario: Scenario, evidence: Evidence) -> dict[str, Any]:
    """Everything in the model's log-probability that depends on the evidence, by name.

    A compiled model serves other evidence once these are replaced: tables of reports, and the
    elimination for the variables that they speak to.
    """
    program = compile_tables(scenario)
    table = tabulate_reports(scenario, evidence, last_step(scenario, evidence) + 1)
    data = _data(program, table)
    del data["report_claim"]  # needed to draw reports, not to weigh them
    return data


def _data(program: TableProgram, table: ReportTable) -> dict[str, Any]:
    from forecast.inference.operation import pack_elimination

    network = program.network
    relevant = network.relevant_to(table.observed or network.names[:1])
    states = np.arange(network.n_states)
    return {
        "settings": table.settings,
        "report_n_states": table.n_states,
        "report_grade": table.grade,
        "report_claim": table.claim,
        "claim_share": table.share,
        "claim_place": table.place,
        "relevant_state": np.concatenate([states[network.states(n)] for n in relevant.names]),
        "elimination": pack_elimination(relevant),
        "report_state": table.state,
    }


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

    priors = program.priors
    parameters: dict[str, Any] = {}
    if len(priors.chance):
        a, b = priors.chance.T
        parameters["chance"] = pm.Beta("chance", a, b, dims="chance_judgement")
    for width, concentration in priors.rows.items():
        name = f"row_{width}"
        dims = (f"{name}_judgement", f"state_{width}")
        parameters[name] = pm.Dirichlet(name, concentration, dims=dims)
    if len(priors.times):
        mean, sd = priors.times.T
        parameters["times"] = pm.LogNormal("times", mean, sd, dims="times_judgement")
    return parameters


def _observe(program: TableProgram, table: ReportTable, theta: Any, accuracy: Any) -> None:
    import pymc as pm
    import pytensor.tensor as pt

    from forecast.inference.operation import LogEvidence

    network = program.network
    log_evidence = LogEvidence()
    widest = table.place.shape[1]
    *given, observed = (pm.Data(name, value) for name, value in _data(program, table).items())

    def logp(
        value: Any,
        theta: Any,
        accuracy: Any,
        settings: Any,
        n_states: Any,
        grade: Any,
        claim: Any,  # noqa: ARG001
        share: Any,
        place: Any,
        columns: Any,
        elimination: Any,
    ) -> Any:
        a = accuracy[grade]
        names = pt.eq(value[:, None], np.arange(widest))
        # A sum rather than a choice: the slope of `where` is rounded to 32 bits under JAX.
        channel = names * a[:, None] + (1 - names) * ((1 - a) / (n_states - 1))[:, None]
        claims = pt.log(share @ channel)
        flat = pt.concatenate([settings.ravel(), [0.0]])
        log_like = pt.inc_subtensor(flat[place.ravel()], claims.ravel())[:-1]
        log_like = log_like.reshape(settings.shape)[:, columns]
        return log_evidence(theta, log_like, elimination)[0]

    def random(
        theta: Any,
        accuracy: Any,
        settings: Any,
        n_states: Any,
        grade: Any,
        claim: Any,
        share: Any,
        place: Any,
        *_: Any,
        rng: Any = None,
        size: Any = None,  # noqa: ARG001
    ) -> Any:
        return simulate_reports(
            network, theta, accuracy, settings, n_states, grade, claim, share, place, rng
        )

    pm.CustomDist(
        "report",
        theta,
        accuracy,
        *given,
        logp=logp,
        random=random,
        signature="(c),(g),(t,s),(r),(r),(r),(k,r),(k,w),(v),(e)->(r)",
        dtype="int64",
        observed=observed,
    )
