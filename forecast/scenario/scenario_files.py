"""Scenario files: read with every problem by file and line, and written so that they read back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path

from forecast.arguments import checked
from forecast.errors import InputError, Problem, raise_if_any
from forecast.reading import read_text
from forecast.scenario.rendering import describe, render_scenario
from forecast.scenario.scenario import Scenario
from forecast.scenario.scenario_checks import find_problems
from forecast.scenario.shapes import read_scenario
from forecast.scenario.shipped import FILE_NAME, find_scenario
from forecast.scenario.splicing import splice
from forecast.scenario.tree import line_at, plain, read_tree, spell_path
from forecast.writing import replace_file

SCHEMA_NAME = "scenario.schema.json"
SCHEMA_LINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")


@checked
def load_scenario(name_or_folder: str | Path) -> Scenario:
    """Load a shipped scenario by name, or one of your own by its folder or file.

    Parameters
    ----------
    name_or_folder
        A name that `scenario_names` lists, a folder that holds `scenario.yaml`, or such a file.

    Raises
    ------
    InputError
        With all problems, each with its file and line.

    Examples
    --------
    >>> load_scenario("iraq-2020").timeline.horizon_days
    90
    """
    path = find_scenario(name_or_folder)
    return parse_scenario(read_text(path), str(path))


def parse_scenario(text: str, where: str) -> Scenario:
    """Read a scenario from the text of a file.

    Parameters
    ----------
    text
        The text.
    where
        Name of the file, for messages.

    Raises
    ------
    InputError
        With all problems, each with its line.
    """
    tree = read_tree(text, where)
    scenario, unread, found = read_scenario(plain(tree, where))
    if scenario is not None:
        found += find_problems(scenario, unread)
    by_line = sorted(
        ((line_at(tree, path), path, message) for path, message in found), key=itemgetter(0)
    )
    raise_if_any(
        [
            Problem(f"{where}:{line}" + (f": {spell_path(path)}" if path else ""), message)
            for line, path, message in by_line
        ]
    )
    assert scenario is not None
    return scenario


def scenario_schema() -> str:
    """JSON Schema of scenario files, for editors; shipped as priors/scenario.schema.json."""
    schema = Scenario.model_json_schema(by_alias=True)
    schema["title"] = "forecast scenario, format 1"
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


@checked
def write_scenario(scenario: Scenario, folder: str | Path) -> Path:
    """Write a scenario as `scenario.yaml`, so that loading it gives an equal scenario.

    Where the folder has a `scenario.yaml` already, only the entries that differ are written anew:
    comments, empty lines and the layout of all others stay. A file with anchors, or with entries
    in another order, is written anew as a whole. A new file gets a JSON Schema beside it, from
    which editors know the entries, unless there is one in the folder above.

    Parameters
    ----------
    scenario
        A scenario, loaded or built in Python.
    folder
        Where to write; it is made if it is not there. Or a path that ends in `.yaml`.

    Returns
    -------
    pathlib.Path
        The file. It is never seen half written.

    Raises
    ------
    InputError
        If the scenario breaks a rule, with all problems; if the file that is there cannot be
        read as a scenario; or if the folder cannot be written to. What was there stays.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> scenario = load_scenario("iraq-2020")
    >>> with TemporaryDirectory() as folder:
    ...     load_scenario(write_scenario(scenario, folder)) == scenario
    True
    """
    raise_if_any(list(_problems_in(scenario)))
    given = Path(folder)
    path = given if given.suffix in (".yaml", ".yml") else given / FILE_NAME
    try:
        if path.is_file():
            text = _changed_text(scenario, path)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            schema = f"../{SCHEMA_NAME}" if _has_schema(path.parent.parent) else SCHEMA_NAME
            text = render_scenario(scenario, schema)
            if schema == SCHEMA_NAME and not _has_schema(path.parent):
                replace_file(path.parent / SCHEMA_NAME, scenario_schema())
        _require_same(scenario, text, path)
        replace_file(path, text)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError([Problem(str(path), f"cannot be written: {reason}")]) from None
    return path


def _problems_in(scenario: Scenario) -> Iterator[Problem]:
    """Everything wrong with a scenario that need not have been read from a file."""
    document = scenario.model_dump(by_alias=True, warnings=False)
    readable, unread, found = read_scenario(document)
    if readable is not None:
        found += find_problems(readable, unread)
    for path, message in found:
        yield Problem(spell_path(path), message)


def _changed_text(scenario: Scenario, path: Path) -> str:
    """Text of an existing file, changed as little as will do."""
    text = read_text(path)
    try:
        before = parse_scenario(text, str(path))
    except InputError as error:
        message = "what is there is no readable scenario, and is not written over"
        raise InputError([Problem(str(path), message), *error.problems]) from None
    line_break = "\r\n" if "\r\n" in text else "\n"
    text = text.replace("\r\n", "\n")
    spliced = splice(text, describe(before), describe(scenario))
    if not _says(spliced, scenario):
        schema = SCHEMA_LINE.match(text)
        spliced = render_scenario(scenario, schema[1] if schema else SCHEMA_NAME)
    return spliced.replace("\n", line_break)


def _says(text: str, scenario: Scenario) -> bool:
    """Whether a text reads back as the same scenario, with everything in the same order."""
    try:
        return parse_scenario(text, "").model_dump_json() == scenario.model_dump_json()
    except InputError:
        return False


def _require_same(scenario: Scenario, text: str, path: Path) -> None:
    if not _says(text, scenario):
        message = "not written: the text would not read back as the same scenario"
        raise InputError([Problem(str(path), message)])


def _has_schema(folder: Path) -> bool:
    return (folder / SCHEMA_NAME).is_file()
