"""Bayesian forecasting for indications-and-warning analysis.

    import forecast as fc

    problem = fc.load_scenario("iraq-2020")
    ledger = fc.read_evidence("iraq-2020", problem)
    outlook = fc.forecast(problem, ledger.known_at("2020-01-23"))
    fc.report(outlook).save("warning.html")

Every name below is imported when it is first used, so that `import forecast` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecast.ach.derived_matrix import ach_view
    from forecast.ach.matrix import AchItem, AchMatrix
    from forecast.ach.reading import read_ach
    from forecast.analysis.cell_sensitivity import cell_sensitivity_of
    from forecast.analysis.checkup import Check, check
    from forecast.analysis.comparison import credibility, likelier, ranks
    from forecast.analysis.implied import implied_table
    from forecast.analysis.sensitivity import sensitivity, sensitivity_of
    from forecast.analysis.weighing import WeighedEvidence, weigh_evidence
    from forecast.errors import (
        ForecastError,
        ImpossibleEvidence,
        InputError,
        InputWarning,
        LedgerFailure,
        LedgerWarning,
        NumericalFailure,
        Problem,
        TooLarge,
        UnreliableFit,
        UnreliableWeights,
    )
    from forecast.estimate import Estimate
    from forecast.evidence.files import read_evidence
    from forecast.evidence.ledger import Evidence, Ledger
    from forecast.evidence.ledger_file import LedgerFile, open_ledger
    from forecast.evidence.report import Report
    from forecast.evidence.salvage import Salvage, salvage_ledger
    from forecast.interchange.convert import from_pgmpy, from_pyagrum, to_pyagrum
    from forecast.interchange.files import read_network, write_network
    from forecast.interchange.tabled import TabledNetwork
    from forecast.model.model import build_model
    from forecast.outlook import (
        Forecast,
        beliefs,
        forecast,
        probability,
        retract,
        update,
    )
    from forecast.posterior.answer import summarize
    from forecast.posterior.beliefs import Beliefs
    from forecast.reporting.plots import plot_expected, plot_timeline
    from forecast.reporting.plots_network import plot_network
    from forecast.reporting.report import report
    from forecast.scenario.elicited import Elicited, ElicitedRow, elicit
    from forecast.scenario.files import load_scenario, write_scenario
    from forecast.scenario.scenario import Scenario, Variable
    from forecast.scenario.shipped import scenario_folder, scenario_names
    from forecast.scenario.starting import new_scenario

__version__ = version("forecast")

_HOMES = {
    "analysis.cell_sensitivity": ("cell_sensitivity_of",),
    "analysis.checkup": ("Check", "check"),
    "analysis.comparison": ("credibility", "likelier", "ranks"),
    "ach.derived_matrix": ("ach_view",),
    "analysis.implied": ("implied_table",),
    "analysis.sensitivity": ("sensitivity", "sensitivity_of"),
    "analysis.weighing": ("WeighedEvidence", "weigh_evidence"),
    "errors": (
        "ForecastError",
        "ImpossibleEvidence",
        "InputError",
        "InputWarning",
        "LedgerFailure",
        "LedgerWarning",
        "NumericalFailure",
        "Problem",
        "TooLarge",
        "UnreliableFit",
        "UnreliableWeights",
    ),
    "evidence.files": ("read_evidence",),
    "evidence.ledger": ("Evidence", "Ledger"),
    "evidence.ledger_file": ("LedgerFile", "open_ledger"),
    "evidence.report": ("Report",),
    "evidence.salvage": ("Salvage", "salvage_ledger"),
    "posterior.answer": ("summarize",),
    "posterior.beliefs": ("Beliefs",),
    "model.model": ("build_model",),
    "estimate": ("Estimate",),
    "ach.matrix": ("AchItem", "AchMatrix"),
    "ach.reading": ("read_ach",),
    "interchange.convert": ("from_pgmpy", "from_pyagrum", "to_pyagrum"),
    "interchange.files": ("read_network", "write_network"),
    "interchange.tabled": ("TabledNetwork",),
    "outlook": ("Forecast", "beliefs", "forecast", "probability", "retract", "update"),
    "reporting.plots": ("plot_expected", "plot_timeline"),
    "reporting.plots_network": ("plot_network",),
    "reporting.report": ("report",),
    "scenario.elicited": ("Elicited", "ElicitedRow", "elicit"),
    "scenario.files": ("load_scenario", "write_scenario"),
    "scenario.scenario": ("Scenario", "Variable"),
    "scenario.shipped": ("scenario_folder", "scenario_names"),
    "scenario.starting": ("new_scenario",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AchItem",
    "AchMatrix",
    "Beliefs",
    "Check",
    "Elicited",
    "ElicitedRow",
    "Estimate",
    "Evidence",
    "Forecast",
    "ForecastError",
    "ImpossibleEvidence",
    "InputError",
    "InputWarning",
    "Ledger",
    "LedgerFailure",
    "LedgerFile",
    "LedgerWarning",
    "NumericalFailure",
    "Problem",
    "Report",
    "Salvage",
    "Scenario",
    "TabledNetwork",
    "TooLarge",
    "UnreliableFit",
    "UnreliableWeights",
    "Variable",
    "WeighedEvidence",
    "ach_view",
    "beliefs",
    "build_model",
    "cell_sensitivity_of",
    "check",
    "credibility",
    "elicit",
    "forecast",
    "from_pgmpy",
    "from_pyagrum",
    "implied_table",
    "likelier",
    "load_scenario",
    "new_scenario",
    "open_ledger",
    "plot_expected",
    "plot_network",
    "plot_timeline",
    "probability",
    "ranks",
    "read_ach",
    "read_evidence",
    "read_network",
    "report",
    "retract",
    "salvage_ledger",
    "scenario_folder",
    "scenario_names",
    "sensitivity",
    "sensitivity_of",
    "summarize",
    "to_pyagrum",
    "update",
    "weigh_evidence",
    "write_network",
    "write_scenario",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'forecast' has no attribute {name!r}")
    value = getattr(import_module(f"forecast.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
