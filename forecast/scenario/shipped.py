"""Finding scenarios: those that ship with the library, and those that a path names."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from forecast.arguments import checked
from forecast.errors import InputError, Problem, nearest

FILE_NAME = "scenario.yaml"


def scenario_names() -> list[str]:
    """Names of the scenarios that ship with the library."""
    return sorted(path.parent.name for path in shipped_folder().glob(f"*/{FILE_NAME}"))


@checked
def scenario_folder(name: str) -> Path:
    """Folder of a shipped scenario, with its files.

    Examples
    --------
    >>> (scenario_folder("iraq-2020") / "evidence.csv").is_file()
    True
    """
    return find_scenario(name).parent


def shipped_folder() -> Path:
    """Folder of the shipped scenarios, in a wheel and in an editable install alike."""
    package = Path(str(files("forecast")))
    inside = package / "priors"
    return inside if inside.is_dir() else package.parent / "priors"


def find_scenario(name_or_folder: str | Path) -> Path:
    """Path of the scenario file that a name, folder or file means.

    Raises
    ------
    InputError
        If there is no such file, with the nearest shipped name.
    """
    given = Path(name_or_folder)
    try:
        found = _look_for(given)
    except OSError as error:
        message = f"cannot be looked up: {error.strerror}"
        raise InputError([Problem(str(given), message)]) from None
    if found is None:
        names = nearest(name_or_folder, scenario_names())
        message = f"no such file; nor is it a shipped scenario: {names}"
        raise InputError([Problem(str(given), message)])
    return found


def _look_for(given: Path) -> Path | None:
    shipped = shipped_folder() / given / FILE_NAME
    if len(given.parts) == 1 and shipped.is_file():
        return shipped
    path = given / FILE_NAME if given.is_dir() else given
    return path if path.is_file() else None
