"""Reading scenarios from disk, with every problem reported by file and line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.resources import files
from itertools import accumulate
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from forecast.errors import InputError, Problem, nearest, raise_if_any
from forecast.scenario.checks import find_problems
from forecast.scenario.scenario import Scenario, Variable
from forecast.scenario.statement_checks import Finding
from forecast.scenario.statement_checks import Path as Place

FILE_NAME = "scenario.yaml"
MAX_BYTES = 10_000_000
MAX_NODES = 500_000
MAX_DEPTH = 100


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
    text = read_text(path)
    return _parse(text, str(path))


def scenario_names() -> list[str]:
    """Names of the scenarios that ship with the library."""
    return sorted(path.parent.name for path in shipped_folder().glob(f"*/{FILE_NAME}"))


def scenario_schema() -> str:
    """JSON Schema of scenario files, for editors; shipped as priors/scenario.schema.json."""
    schema = Scenario.model_json_schema(by_alias=True)
    schema["title"] = "forecast scenario, format 1"
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


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
    """Path of the scenario file that a name, folder or file means."""
    given = Path(name_or_folder)
    shipped = shipped_folder() / given / FILE_NAME
    if len(given.parts) == 1 and shipped.is_file():
        return shipped
    if given.is_dir():
        given = given / FILE_NAME
    if not given.is_file():
        names = nearest(name_or_folder, scenario_names())
        message = f"no such file; nor is it a shipped scenario: {names}"
        raise InputError([Problem(str(given), message)])
    return given


def read_text(path: Path) -> str:
    """Text of a UTF-8 file; anything else is an `InputError` that says what it is."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise InputError([Problem(str(path), f"cannot be read: {error.strerror}")]) from None
    if len(raw) > MAX_BYTES:
        message = f"{len(raw):,} bytes; at most {MAX_BYTES:,} are read"
        raise InputError([Problem(str(path), message)])
    if not raw.strip():
        raise InputError([Problem(str(path), "the file is empty")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        message = f"not a text file in UTF-8 (byte {error.start}, {raw[error.start]:#04x})"
        raise InputError([Problem(f"{path}:{line}", message)]) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise InputError([Problem(f"{path}:{line}", "not a text file: it holds a NUL byte")])
    return text


def _parse(text: str, where: str) -> Scenario:
    tree = _parse_yaml(text, where)
    if not isinstance(tree, CommentedMap):
        raise InputError([Problem(where, "a scenario is a mapping of names to values")])
    found: list[Finding] = []
    document = _plain(tree, where)
    variables, unread = _read_variables(document.get("variables"), found)
    scenario = _read_rest(document, variables, found)
    if scenario is not None:
        found += find_problems(scenario, unread)
    raise_if_any(
        sorted(
            (_located(tree, path, message, where) for path, message in found),
            key=_line_of,
        )
    )
    assert scenario is not None
    return scenario


def _parse_yaml(text: str, where: str) -> Any:
    if _depth(text) > MAX_DEPTH:
        raise InputError([Problem(where, f"brackets are nested more than {MAX_DEPTH} deep")])
    try:
        return _yaml().load(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        message = f"not valid YAML: {error.problem or error.context}"
        raise InputError([Problem(f"{where}{line}", message)]) from None
    except (YAMLError, ValueError, RecursionError, AssertionError, KeyError, TypeError) as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError([Problem(where, f"not valid YAML: {first_line}")]) from None


def _depth(text: str) -> int:
    """Deepest nesting of brackets; a parser would recurse as far."""
    steps = ((character in "[{") - (character in "]}") for character in text)
    return max(accumulate(steps), default=0)


def _yaml() -> YAML:
    """A reader that keeps comments and lines, and leaves dates to the schema."""
    yaml = YAML(typ="rt")
    yaml.Constructor = _DatesAsText
    return yaml


class _DatesAsText(RoundTripConstructor):
    pass


_DatesAsText.add_constructor(
    "tag:yaml.org,2002:timestamp", lambda self, node: self.construct_scalar(node)
)


def _plain(tree: Any, where: str) -> Any:
    """Plain dicts, tuples and scalars; a file that unfolds without end is refused."""
    left = MAX_NODES

    def convert(node: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise InputError([Problem(where, f"more than {MAX_NODES:,} values")])
        if isinstance(node, CommentedMap):
            return {_scalar(key): convert(value) for key, value in node.items()}
        if isinstance(node, CommentedSeq):
            return tuple(convert(item) for item in node)
        return _scalar(node)

    try:
        return convert(tree)
    except RecursionError:
        raise InputError([Problem(where, "nested too deeply")]) from None


def _scalar(node: Any) -> Any:
    for kind in (bool, int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node


def _read_variables(given: Any, found: list[Finding]) -> tuple[dict[str, Variable], frozenset[str]]:
    """Read each variable by itself, so that one bad one does not hide the faults of others."""
    variables: dict[str, Variable] = {}
    unread: set[str] = set()
    if not isinstance(given, dict):
        return variables, frozenset()
    for name, body in given.items():
        try:
            variables[name] = Variable.model_validate(body)
        except ValidationError as error:
            unread.add(str(name))
            found += _shape_problems(error, ("variables", name), Variable)
    return variables, frozenset(unread)


def _read_rest(
    document: dict[str, Any],
    variables: dict[str, Variable],
    found: list[Finding],
) -> Scenario | None:
    """Read the scenario around its variables; parts that cannot be read are left out."""
    body = dict(document)
    if isinstance(body.get("variables"), dict) and body["variables"]:
        body["variables"] = variables or {"unreadable": _PLACEHOLDER}
    for _ in range(2):
        try:
            scenario = Scenario.model_validate(body)
            return None if not variables else scenario
        except ValidationError as error:
            problems = list(_shape_problems(error, (), Scenario))
            found += [problem for problem in problems if problem not in found]
            for path, _message in problems:
                body.pop(str(path[0]), None) if path else None
            body = {**_MINIMAL, **body}
    return None


_PLACEHOLDER = Variable(role="input", label="-", states=("a", "b"), default="a")
_MINIMAL: dict[str, Any] = {
    "name": "unnamed",
    "version": "0",
    "title": "-",
    "question": "-",
    "variables": {"unreadable": _PLACEHOLDER},
}

_WORDING = {
    "missing": "is missing",
    "tuple_type": "should be a list",
    "dict_type": "should be a mapping",
    "model_type": "should be a mapping",
    "string_type": "should be text",
    "float_type": "should be a number",
    "int_type": "should be a whole number",
    "date_type": "is not a date; write 2020-01-31",
    "string_too_short": "should not be empty",
}


def _shape_problems(
    error: ValidationError, prefix: Place, model: type[Variable] | type[Scenario]
) -> list[Finding]:
    problems: list[Finding] = []
    items = error.errors(include_url=False)
    for item in items:
        if _follows_from_another(item, items):
            continue
        path = (*prefix, *_without_tags(item["loc"]))
        problems.append((path, _wording(item, path, model)))
    return problems


def _follows_from_another(item: Any, items: Any) -> bool:
    """Whether a list is only called too short because its own items could not be read."""
    where = item["loc"]
    return item["type"] == "too_short" and any(
        len(other["loc"]) > len(where) and other["loc"][: len(where)] == where for other in items
    )


def _without_tags(location: tuple[str | int, ...]) -> Iterator[str | int]:
    """A location without the markers that validation adds: the form of a table, `[key]`."""
    before: str | int = ""
    for part in location:
        tag = before in ("table", "initial", "transition") and part in _FORMS
        tag = tag or (before == "measured" and part in _FAMILIES)
        tag = tag or str(part).startswith("as ")
        if not tag and part != "[key]":
            yield part
        before = part


_FORMS = ("rows", "noisy_max", "likelihood_ratios", "ranked", "hazards")
_FAMILIES = ("poisson", "negative_binomial", "normal", "student_t")


def _wording(item: Any, path: Place, model: type[Variable] | type[Scenario]) -> str:
    kind, given = item["type"], item["input"]
    name = path[-1] if path else "the scenario"
    shown = "" if isinstance(given, (dict, tuple)) else f"; given: {given!r}"[:80]
    if kind == "extra_forbidden":
        return f"unknown entry {name!r}; {nearest(name, _legal_names(path, model))}"
    if kind == "missing":
        return f"{name!r} is missing"
    if kind == "string_pattern_mismatch" and name == "basis":
        legal = ", ".join(f"'{basis}: …'" for basis in ("source", "published", "computed"))
        return f"a basis starts with its kind: {legal} or 'judgement: …'{shown}"
    if kind == "string_pattern_mismatch":
        return f"a name has letters, digits, - and _, and starts with a letter{shown}"
    return f"{name!r} {_WORDING.get(kind, item['msg'])}{shown}"


def _legal_names(path: Place, model: type[Variable] | type[Scenario]) -> list[str]:
    """Names allowed at a path: found by walking the published schema."""
    schema = TypeAdapter(model).json_schema(by_alias=True)
    definitions = schema.get("$defs", {})
    nodes = [schema]
    steps = path[2:] if model is Variable else path
    for step in steps[:-1]:
        nodes = [child for node in nodes for child in _schema_children(node, step, definitions)]
    names: dict[str, None] = {}
    for node in nodes:
        for resolved in _resolve(node, definitions):
            names.update(dict.fromkeys(resolved.get("properties", {})))
    return list(names)


def _resolve(node: dict[str, Any], definitions: dict[str, Any]) -> list[dict[str, Any]]:
    if "$ref" in node:
        return _resolve(definitions[node["$ref"].rsplit("/", 1)[1]], definitions)
    options = node.get("anyOf", node.get("oneOf"))
    if options is not None:
        return [found for option in options for found in _resolve(option, definitions)]
    return [node]


def _schema_children(
    node: dict[str, Any], step: str | int, definitions: dict[str, Any]
) -> list[dict[str, Any]]:
    children: list[dict[str, Any]] = []
    for resolved in _resolve(node, definitions):
        child = (
            resolved.get("items")
            if isinstance(step, int)
            else resolved.get("properties", {}).get(step, resolved.get("additionalProperties"))
        )
        if isinstance(child, dict):
            children.append(child)
    return children


def _located(tree: CommentedMap, path: Place, message: str, where: str) -> Problem:
    """A problem with the line of the deepest part of its path that the file has."""
    node: Any = tree
    line = 0
    for step in path:
        try:
            line = node.lc.key(step)[0] if isinstance(node, CommentedMap) else node.lc.item(step)[0]
            node = node[step]
        except (KeyError, IndexError, AttributeError, TypeError):
            break
    spelled = ".".join(str(step) for step in path)
    return Problem(f"{where}:{line + 1}" + (f": {spelled}" if spelled else ""), message)


def _line_of(problem: Problem) -> int:
    digits = problem.where.split(": ")[0].rsplit(":", 1)[-1]
    return int(digits) if digits.isdigit() else 0
