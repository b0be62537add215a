"""Numbers of a scenario on which several experts speak."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from forecast.scenario.forms import Move, condition_text
from forecast.scenario.measured import Count
from forecast.scenario.parts import all_parts
from forecast.scenario.positive_statements import PositivePool
from forecast.scenario.probability_statements import Pool
from forecast.scenario.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Pooled:
    """A number on which several experts speak.

    Attributes
    ----------
    label
        Variable, entry, and the condition under which it holds.
    pool
        What they say.
    days
        Days to which a hazard or a rate refers; None for other numbers.
    """

    label: str
    pool: Pool | PositivePool
    days: float | None


SLOTS = {"initial": " at first", "reporting": " reported", "dwell": " dwell time"}
"""Parts of a variable whose numbers are told apart from those of its table."""


def find_pools(scenario: Scenario) -> Iterator[Pooled]:
    """Yield every number on which several experts speak, wherever the scenario has it."""
    for part in all_parts(scenario):
        if part.name or isinstance(part.value, BaseModel):
            label = (part.name or part.kind) + SLOTS.get(part.slot, "")
            yield from _walk(part.value, label, "", None)


def _walk(part: Any, label: str, when: str, days: float | None) -> Iterator[Pooled]:
    if isinstance(part, Pool | PositivePool):
        yield Pooled(label + when, part, days)
    elif isinstance(part, BaseModel):
        if isinstance(part, Move):
            label, days = f"{label} {part.source or ''}→{part.target}", part.within
        if isinstance(part, Count):
            days = part.per
        condition = condition_text(getattr(part, "when", {})) or when
        for name in type(part).model_fields:
            inner = getattr(part, name)
            named = f"{label}: {name}" if isinstance(inner, Pool | PositivePool) else label
            yield from _walk(inner, named, condition, days)
    elif isinstance(part, Mapping):
        for key, inner in part.items():
            yield from _walk(inner, f"{label}: {key}", when, days)
    elif isinstance(part, tuple):
        for inner in part:
            yield from _walk(inner, label, when, days)
