"""Starting a scenario: a folder with a small one that loads, each part of it explained."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from forecast.arguments import checked
from forecast.errors import InputError, Problem, raise_if_any
from forecast.scenario.rendering import render_inline
from forecast.scenario.scenario import Name
from forecast.scenario.scenario_files import SCHEMA_NAME, scenario_schema
from forecast.writing import replace_file

PLACEHOLDER = "my-scenario"
"""Name of the scenario in the skeleton."""


@checked
def new_scenario(path: str | Path) -> Path:
    """Start a scenario: make a folder with a small one to change into your own.

    The folder gets `scenario.yaml`, with a remark on every part, `evidence.csv` with a few
    reports, a `README.md`, and the JSON Schema from which editors know the entries. The scenario
    is named as the folder.

    Parameters
    ----------
    path
        A folder that is not there yet, or is empty.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    InputError
        If something is there already, its name cannot be the name of a scenario, or it cannot be
        written. Then nothing is left behind.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from forecast.scenario.scenario_files import load_scenario
    >>> with TemporaryDirectory() as folder:
    ...     load_scenario(new_scenario(Path(folder) / "border-2024")).name
    'border-2024'
    """
    folder = Path(path)
    try:
        name = folder.resolve().name
        raise_if_any(list(_problems_of(folder, name)))
        _fill(folder, _contents(name))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError([Problem(str(folder), f"cannot be written: {reason}")]) from None
    return folder


def _problems_of(folder: Path, name: str) -> Iterator[Problem]:
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        rule = "a name has at most 60 letters, digits, - and _, and starts with a letter"
        yield Problem(str(folder), f"{name!r} cannot be the name of a scenario: {rule}")
    if folder.is_dir():
        if any(folder.iterdir()):
            yield Problem(str(folder), "the folder is not empty; name one that is not there yet")
    elif folder.exists() or folder.is_symlink():
        yield Problem(str(folder), "there is a file of this name")


def _fill(folder: Path, texts: dict[str, str]) -> None:
    """Write the files into a folder; if one cannot be written, nothing is left."""
    made = [path for path in (folder, *folder.absolute().parents) if not path.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for file, text in texts.items():
            replace_file(folder / file, text)
    except BaseException:
        for file in texts:
            (folder / file).unlink(missing_ok=True)
        for path in filter(Path.exists, made):
            path.rmdir()
        raise


def _contents(name: str) -> dict[str, str]:
    skeleton = files("forecast.scenario") / "skeleton"
    names = ("scenario.yaml", "evidence.csv", "README.md")
    texts = {file: (skeleton / file).read_text(encoding="utf-8") for file in names}
    old, new = (f"name: {render_inline(spelled)}" for spelled in (PLACEHOLDER, name))
    return {
        "scenario.yaml": texts["scenario.yaml"].replace(old, new, 1),
        "evidence.csv": texts["evidence.csv"],
        "README.md": texts["README.md"].replace(PLACEHOLDER, name),
        SCHEMA_NAME: scenario_schema(),
    }
