"""The contract: what is public, which layer may know which, and what an import costs."""

import ast
import pkgutil
import re
import subprocess
import sys
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import forecast as fc
from tests import api_page

PACKAGE = Path(fc.__file__).parent

# A file imports only from its own row and the rows above.
LAYERS = [
    [
        "arguments",
        "arrays",
        "compression",
        "corrections",
        "errors",
        "estimate",
        "frozen",
        "heap",
        "layout",
        "lexicon",
        "progress",
        "reading",
        "sampling",
        "text",
        "timeline",
        "validated",
        "wording",
        "writing",
    ],
    ["network"],
    ["scenario"],
    ["evidence"],
    ["model"],
    ["posterior"],
    ["interchange"],
    [
        "course_outlook",
        "fitting",
        "outlook",
        "predictive",
        "probabilities",
        "refinement",
        "storage",
    ],
    ["analysis"],
    ["ach"],
    ["verification"],
    ["reporting", "testing"],
    ["cli", "cli_ledger", "cli_record", "console", "__main__", "__init__"],
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}

# The only files that may import a library, even inside a function.
ONLY_IN = {
    "pymc": {"model/log_ratio.py", "model/model.py", "model/priors.py"},
    "nutpie": {"posterior/mcmc.py"},
    "pytensor": {
        "model/log_ratio.py",
        "model/model.py",
        "model/operation.py",
    },
    "matplotlib": {"reporting/plots.py", "reporting/plots_network.py"},
    "arviz_plots": {"reporting/plots_answers.py"},
    "numba": {"network/compiling.py", "network/registers.py"},
    "jax": {"model/operation_jax.py"},
    "docx": {"reporting/word.py", "reporting/word_style.py"},
    "jinja2": {"reporting/product.py"},
    "sqlalchemy": {
        "evidence/database.py",
        "evidence/intake.py",
        "evidence/ledger_file.py",
    },
    "pyarrow": {"evidence/formats.py", "evidence/spreadsheet.py"},
}

FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


@cache
def imports(file):
    """Names of the modules that a file imports, inside functions and for annotations as well."""
    tree, found = ast.parse((PACKAGE / file).read_text()), []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(found)


def room(name):
    """The room of a file or module of the package."""
    return name.removeprefix("forecast.").replace("/", ".").removesuffix(".py").split(".")[0]


@pytest.mark.parametrize("file", FILES)
def test_imports_point_one_way(file):
    if file == "__init__.py":
        pytest.skip("the front door names everything, lazily")
    for module in imports(file):
        if module.startswith("forecast.") and room(module) in LEVEL:
            level = LEVEL[room(module)]
            assert level <= LEVEL[room(file)], f"{file} imports {module} from a row below"


def module_of(file):
    """The module, or the package, that a file is."""
    name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return f"forecast.{name}"


def test_imports_go_in_no_circle():
    """Of all imports, inside functions and for annotations as well."""
    files = {module_of(file): file for file in FILES if file != "__init__.py"}
    graph = {
        name: {module for module in imports(file) if module in files} - {name}
        for name, file in files.items()
    }
    tuple(TopologicalSorter(graph).static_order())


def test_the_engine_needs_numpy_and_numba_alone():
    rooms = "forecast.network.sweep, forecast.network.queries, forecast.network.explanation"
    code = f"import sys, {rooms}; print(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert {"numpy", "numba"} <= loaded
    assert not loaded & {"pandas", "xarray", "pymc", "pytensor", "pydantic", "arviz"}


@pytest.mark.parametrize("library", sorted(ONLY_IN))
def test_heavy_libraries_stay_in_their_rooms(library):
    users = {file for file in FILES for module in imports(file) if module.split(".")[0] == library}
    assert users <= ONLY_IN[library]


def test_public_names_are_the_contract():
    """The page of names is what is public; `make generated` writes it anew."""
    assert api_page.PAGE.read_text(encoding="utf-8") == api_page.render()


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


def test_the_page_on_the_architecture_names_files_that_exist():
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z_]+/[a-z_]+\.py|[a-z_]+\.py|[a-z]+/)`", page))
    named |= set(re.findall(r"^ +([a-z]+/) ", page, re.MULTILINE))
    assert {name for name in named if not (PACKAGE / name).exists()} == set()
    assert {room for room in LEVEL if (PACKAGE / room).is_dir()} <= {
        name.rstrip("/") for name in re.findall(r"([a-z]+/)", page)
    }


def test_the_glossary_names_what_exists():
    page = (PACKAGE.parent / "docs" / "glossary.md").read_text(encoding="utf-8")
    named = re.findall(r"\| `(forecast\.[\w.]+)` \|$", page, re.MULTILINE)
    assert len(named) == page.count("\n| ") - 2
    for name in named:
        try:
            pkgutil.resolve_name(name)
        except (ImportError, AttributeError):
            pytest.fail(f"{name} is nowhere")
