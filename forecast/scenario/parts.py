"""Every part of a scenario, wherever it stands, for who looks through all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from forecast.scenario.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a scenario, and where it stands.

    Attributes
    ----------
    kind
        The entry of the scenario.
    name
        Of a variable, a source, a watch and so on; empty where the entry has no names.
    slot
        The entry of a variable; empty for other parts.
    value
        What is there.
    """

    kind: str
    name: str
    slot: str
    value: Any


def all_parts(scenario: Scenario) -> Iterator[Part]:
    """Yield every entry of every variable, then everything else by its name.

    Parameters
    ----------
    scenario
        The scenario.
    """
    for name, variable in scenario.variables.items():
        for slot in type(variable).model_fields:
            yield Part("variables", name, slot, getattr(variable, slot))
    for kind in type(scenario).model_fields:
        value = getattr(scenario, kind)
        if not isinstance(value, Mapping):
            yield Part(kind, "", "", value)
        elif kind != "variables":
            for name, inner in value.items():
                yield Part(kind, name, "", inner)
