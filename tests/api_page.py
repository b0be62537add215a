"""The page of all public names, made from their docstrings; `make generated` writes it."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import forecast as fc

PAGE = Path(__file__).parents[1] / "docs" / "api.md"
ROOMS = {
    "fitting": "Forecasts",
    "refinement": "Forecasts",
    "outlook": "Forecasts",
    "predictive": "Forecasts",
    "probabilities": "Forecasts",
    "scenario": "Scenarios",
    "evidence": "Evidence",
    "posterior": "Beliefs",
    "model": "The model",
    "analysis": "Analysis",
    "verification": "Keeping score",
    "reporting": "Products and figures",
    "interchange": "Networks of other tools",
    "ach": "Competing hypotheses",
}
HEAD = """# Every public name

`import forecast as fc` gives these names and no others. What each takes, returns and raises stands
in its docstring, with an example that runs: `help(fc.forecast)`.
"""


def first_line(value: object) -> str:
    """What a docstring says first, on one line of a table."""
    return inspect.getdoc(value).partition("\n\n")[0].replace("\n", " ").replace("|", "\\|")


def members(owner: type) -> Iterator[tuple[str, object]]:
    """Public methods and properties of a class that the library wrote, in the order of the file."""
    for base in reversed(owner.__mro__):
        if base.__module__.startswith("forecast."):
            for name, value in vars(base).items():
                callable_or_property = isinstance(value, property | classmethod) or callable(value)
                documented = callable_or_property and (inspect.getdoc(value) or "").strip()
                if not name.startswith(("_", "model_")) and documented:
                    yield name, value


def rows(name: str) -> Iterator[str]:
    """Rows of a name and, of a class, of what it offers."""
    value = getattr(fc, name)
    yield f"| `{name}` | {first_line(value)} |"
    if inspect.isclass(value) and not issubclass(value, Exception):
        for member, found in dict(members(value)).items():
            yield f"| `.{member}` | {first_line(found)} |"


def room(name: str) -> str:
    """Title of the section of a name."""
    home = getattr(fc, name).__module__.removeprefix("forecast.").split(".")[0]
    return ROOMS.get(home, "Values and errors")


def render() -> str:
    """The whole page."""

    parts = [HEAD]
    for title in dict.fromkeys((*ROOMS.values(), "Values and errors")):
        names = [name for name in dir(fc) if room(name) == title]
        lines = [row for name in names for row in rows(name)]
        parts.append(f"\n## {title}\n\n| name | |\n| --- | --- |\n" + "\n".join(lines) + "\n")
    return "".join(parts)
