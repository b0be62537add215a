"""The contract: what is public, which layer may know which, and what an import costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import forecast as fc

PACKAGE = Path(fc.__file__).parent

PUBLIC = [
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

# A file imports only from its own row and the rows above.
LAYERS = [
    [
        "arguments",
        "compression",
        "corrections",
        "errors",
        "estimate",
        "frozen",
        "layout",
        "progress",
        "reading",
        "sampling",
        "text",
        "timeline",
        "writing",
    ],
    ["network"],
    ["scenario"],
    ["evidence"],
    ["model"],
    ["posterior"],
    ["interchange"],
    ["outlook"],
    ["analysis"],
    ["reporting"],
    ["cli", "cli_ledger", "console", "__main__", "__init__"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

# The only files that may import a library, even inside a function.
ONLY_IN = {
    "pymc": {"model/log_ratio.py", "model/model.py"},
    "nutpie": {"posterior/mcmc.py"},
    "pytensor": {
        "model/log_ratio.py",
        "model/model.py",
        "model/operation.py",
    },
    "matplotlib": {"reporting/plots.py", "reporting/plots_network.py"},
    "numba": {"network/compiling.py"},
    "jax": {"model/operation_jax.py"},
    "jinja2": {"reporting/report.py"},
    "sqlalchemy": {
        "evidence/database.py",
        "evidence/intake.py",
        "evidence/ledger_file.py",
    },
    "pyarrow": {"evidence/formats.py"},
}

FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def imports(tree, *, top_only=False):
    """Names of the modules that a syntax tree imports."""
    nodes = tree.body if top_only else ast.walk(tree)
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


@pytest.mark.parametrize("file", FILES)
def test_imports_point_one_way(file):
    if file == "__init__.py":
        pytest.skip("the front door names everything, lazily")
    level = LEVEL[file.split("/")[0].removesuffix(".py")]
    tree = ast.parse((PACKAGE / file).read_text())
    for module in imports(tree, top_only=True):
        if module.startswith("forecast."):
            part = module.split(".")[1]
            assert LEVEL[part] <= level, f"{file} imports {module} from a row below"


@pytest.mark.parametrize("library", sorted(ONLY_IN))
def test_heavy_libraries_stay_in_their_rooms(library):
    users = {
        file
        for file in FILES
        for module in imports(ast.parse((PACKAGE / file).read_text()))
        if module.split(".")[0] == library
    }
    assert users <= ONLY_IN[library]


def test_public_names_are_the_contract():
    assert dir(fc) == PUBLIC
    assert all(getattr(fc, name) is not None for name in PUBLIC)


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="forcast"):
        _ = fc.forcast


def test_import_is_light():
    code = "import sys, forecast; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    heavy = {"pymc", "arviz", "jax", "matplotlib", "numba", "pandas", "xarray", "scipy", "numpy"}
    heavy |= {"sqlalchemy", "pyarrow"}
    assert not loaded & heavy
