"""Families of sources, and how readily reports of each copy others."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from forecast.evidence.judged import Judged
from forecast.reading import shipped_folder
from forecast.scenario.collection import OTHERS
from forecast.scenario.fits import fit_beta
from forecast.scenario.scenario import Scenario


@dataclass(frozen=True, slots=True)
class DefaultLineage:
    """What is taken of who copied whom where a scenario states nothing.

    Attributes
    ----------
    copying
        5 % and 95 % points of the propensity to copy of sources that no family names.
    event_days, publication_days
        Days between two events, and between two reports, at which the weight of one as the
        original of the other halves.
    names_source, same_document
        How many times as much it weighs if one names the other's source as its origin, and if both
        cite the same document.
    shared_text, text_ratio
        Shares of the shorter of two texts that the other has too, and how many times as much a
        report weighs where that much is shared, between them by interpolation of the logarithms.
    other_events
        Weight of a report as one of the same origin if it is about another event, beside that of
        one about the same.
    bases
        Basis of all this, by its part: "others", "nearness", "quotation", "text" and
        "other_events".
    """

    copying: tuple[float, float]
    event_days: float
    publication_days: float
    names_source: float
    same_document: float
    shared_text: tuple[float, ...]
    text_ratio: tuple[float, ...]
    other_events: float
    bases: dict[str, str]


@lru_cache(maxsize=1)
def default_lineage() -> DefaultLineage:
    """Shipped defaults of who copied whom.

    Examples
    --------
    >>> default_lineage().copying
    (0.2, 0.9)
    """
    path = shipped_folder() / "sources" / "lineage.toml"
    found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    nearness, quotation = found["nearness"], found["quotation"]
    return DefaultLineage(
        tuple(found["others"]["copying"]),
        float(nearness["event_days"]),
        float(nearness["publication_days"]),
        float(quotation["names_source"]),
        float(quotation["same_document"]),
        tuple(found["text"]["shared"]),
        tuple(found["text"]["ratio"]),
        float(found["other_events"]["weight"]),
        {
            part: found[part]["basis"]
            for part in ("others", "nearness", "quotation", "text", "other_events")
        },
    )


def copying_probabilities(scenario: Scenario) -> Iterator[Judged]:
    """Yield the propensity to copy of every family, last that of all other sources."""
    if scenario.lineage == "as_stated":
        return
    for name, family in scenario.families.items():
        yield Judged(name, f"propensity of {name} to copy", family.copying.fit().shape)
    shape = fit_beta(*default_lineage().copying)
    yield Judged(OTHERS, "propensity to copy of sources that no family names", shape)


def family_of(scenario: Scenario, source: str) -> str:
    """The family that a source belongs to."""
    return _families(scenario).get(source, OTHERS)


def may_copy(scenario: Scenario, copier: str, copied: str) -> bool:
    """Whether members of a family copy those of another; sources of no family copy anybody."""
    family = scenario.families.get(copier)
    return family is None or copied == copier or copied in family.copies


@lru_cache(maxsize=64)
def _families(scenario: Scenario) -> dict[str, str]:
    return {source: name for name, family in scenario.families.items() for source in family.sources}
