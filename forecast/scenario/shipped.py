"""Finding scenarios: those that ship with the library, and those that a path names."""

from __future__ import annotations

import os
from pathlib import Path

from forecast.arguments import checked
from forecast.errors import InputError, Problem, nearest, warn
from forecast.reading import shipped_folder

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


def find_scenario(name_or_folder: str | Path) -> Path:
    """Path of the scenario file that a name, folder or file means.

    Raises
    ------
    InputError
        If there is no such file, with the nearest shipped name.
    """
    given = Path(name_or_folder)
    if not str(name_or_folder).strip():
        raise InputError([Problem("scenario", "is empty; name a shipped one, a folder or a file")])
    found = shipped_or_own(name_or_folder, FILE_NAME)
    if not found.is_file():
        raise InputError([Problem(str(given), _why_not(name_or_folder))])
    return found


def shipped_or_own(given: str | Path, file_name: str) -> Path:
    """Path of the file that ships under a bare name, or that lies where a path leads.

    Text without a separator is a name. What is written as a path, `./name` or `name/` or a
    `pathlib.Path` that is there, is one; where a name could also be a path, a warning says so.

    Raises
    ------
    InputError
        If the path is none that can be looked up.
    """
    try:
        return _shipped_or_own(given, file_name)
    except OSError as error:
        message = f"cannot be looked up: {error.strerror}"
        raise InputError([Problem(str(given), message)]) from None


def _shipped_or_own(given: str | Path, file_name: str) -> Path:
    path = Path(given)
    own = path / file_name if path.is_dir() else path
    shipped = shipped_folder() / path / file_name
    if len(path.parts) != 1 or not shipped.is_file():
        return own
    if isinstance(given, Path) or any(each in given for each in (os.sep, os.altsep) if each):
        return own if own.is_file() or not isinstance(given, Path) else shipped
    if own.is_file():
        message = (
            "is taken as the name of what ships with the library; write "
            f"'{os.curdir}{os.sep}{given}' for the folder of that name that is here"
        )
        warn(str(given), [message])
    return shipped


def _why_not(given: str | Path) -> str:
    path = Path(given)
    if not path.is_dir():
        return f"no such file; nor is it a shipped scenario: {nearest(given, scenario_names())}"
    inside = sorted(each.parent.name for each in path.glob(f"*/{FILE_NAME}"))
    others = sorted(each.name for suffix in ("yaml", "yml") for each in path.glob(f"*.{suffix}"))
    if others:
        return f"the folder holds no {FILE_NAME}, but {', '.join(others[:5])}; name the file"
    if inside:
        return f"the folder holds no {FILE_NAME}; folders in it do: {', '.join(inside[:5])}"
    return f"the folder holds no {FILE_NAME}; `forecast new NAME` starts a scenario"
