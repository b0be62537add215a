"""The annex of what is stated: every judgement of the scenario, and what is taken without one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from forecast.estimate import MASS_TEXT
from forecast.evidence.families import default_lineage
from forecast.evidence.profiles import default_reporting, reporting_of
from forecast.reporting.document import Listing, Prose, Section
from forecast.reporting.request import Request
from forecast.scenario.collection import Profile
from forecast.scenario.forms import condition_text
from forecast.scenario.indicator_groups import default_effect, default_effects
from forecast.scenario.parts import all_parts
from forecast.scenario.rendering import describe, render_inline
from forecast.scenario.scenario import Scenario
from forecast.text import isolated
from forecast.wording import plain

SLOTS = {"initial": "at first", "dwell": "dwell time", "reporting": "how it is reported"}
"""Parts of a variable that are named, besides its table."""
KINDS = {
    "sources": "Source",
    "families": "Family of sources",
    "channels": "Channel",
    "watches": "Watch",
    "tripwires": "Tripwire",
}
HIDDEN = frozenset({"basis", "when", "label", "meaning"})
"""What is printed elsewhere, or in another column."""
DEFAULTS = "Taken where the scenario states nothing"

Row = tuple[str, str, str, str]
"""Whose number it is, in what case, what is stated, and on what basis."""


def judgements_section(request: Request) -> Section:
    """Every number of the scenario as it was stated, with its basis.

    Parameters
    ----------
    request
        What the product is made from.
    """
    groups: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for label, *row in (
        *stated_rows(request.outlook.scenario),
        *default_rows(request.outlook.scenario),
    ):
        groups[label].append(tuple(row))
    note = (
        "Every number that the scenario states, as its author wrote it, with what it is based on; "
        "last, what the library takes where the scenario states nothing. "
        f"Two numbers in brackets are a {MASS_TEXT} interval."
    )
    listed = tuple((label, tuple(rows)) for label, rows in groups.items())
    blocks = (Prose(note, style="note"), Listing(("When", "Stated", "Basis"), listed))
    return Section("judgements", "Judgements and their basis", blocks)


def stated_rows(scenario: Scenario) -> Iterator[Row]:
    """Yield a row for every part of a scenario that states its basis, wherever it stands.

    Parameters
    ----------
    scenario
        The scenario.
    """
    ours = default_effects(scenario)
    for part in all_parts(scenario):
        if part.kind == "variables" and part.name in ours:
            continue  # among what the library takes
        if part.slot:
            label = scenario.variables[part.name].label
        elif part.name:
            label = f"{KINDS.get(part.kind, plain(part.kind))}: {plain(part.name)}"
        else:
            label = plain(part.kind).capitalize()
        path = (SLOTS[part.slot],) if part.slot in SLOTS else ()
        yield from _with_basis(part.value, label, path)


def _with_basis(part: Any, label: str, path: tuple[str, ...]) -> Iterator[Row]:
    """Rows of every part that states its basis; the keys that lead to it come first."""
    if isinstance(part, BaseModel):
        basis = getattr(part, "basis", "")
        inner = {
            name: [*_with_basis(getattr(part, name), label, _onwards(part, name, path))]
            for name in type(part).model_fields
        }
        if basis:
            hidden = HIDDEN | {name for name, rows in inner.items() if rows}
            stated = {key: value for key, value in describe(part).items() if key not in hidden}
            when = condition_text(getattr(part, "when", {})).strip(" ,|")
            yield label, ", ".join(filter(None, [*path, when])), _stated(stated), f"“{basis}”"
        for rows in inner.values():
            yield from rows
    elif isinstance(part, Mapping):
        for key, inner_part in part.items():
            yield from _with_basis(inner_part, label, (*path, plain(str(key))))
    elif isinstance(part, tuple):
        for inner_part in part:
            yield from _with_basis(inner_part, label, path)


def _onwards(part: BaseModel, name: str, path: tuple[str, ...]) -> tuple[str, ...]:
    """The way to a field; what stands in a list says itself in what case it holds."""
    alone = isinstance(getattr(part, name), BaseModel | Mapping)
    return (*path, plain(name)) if alone or hasattr(part, "basis") else path


def _stated(entries: dict[str, Any]) -> str:
    return render_inline(entries).removeprefix("{").removesuffix("}")


def default_rows(scenario: Scenario) -> Iterator[Row]:
    """Yield a row for every judgement of the library that stands in for one of the scenario.

    Parameters
    ----------
    scenario
        The scenario.
    """
    for when, stated, basis in (
        *_default_effects(scenario),
        *_default_reporting(scenario),
        *_default_lineage(scenario),
    ):
        yield DEFAULTS, when, stated, f"“{basis}”"


def _default_effects(scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    """In what share of steps indicators of one cause show together."""
    table = default_effect().table
    for group in default_effects(scenario).values():
        labels = (isolated(scenario.variables[name].label) for name in group.indicators)
        when = f"what shows together: {'; '.join(labels)}"
        yield when, f"share of steps: {_ends(table.share)}", table.basis


def _default_reporting(scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    """Reporting of what has no profile of its own, and what profiles leave out."""
    defaults = default_reporting()
    labels: dict[str, list[str]] = defaultdict(list)
    profiles: list[Profile] = []
    for variable in scenario.variables.values():
        found = reporting_of(scenario, variable)
        if isinstance(found, Profile):
            profiles.append(found)
        elif found != "ignorable":
            labels[found].append(isolated(variable.label))
    for visibility, named in labels.items():
        when = f"what is {visibility} is reported: {'; '.join(named)}"
        yield when, _ends(defaults.reported[visibility]), defaults.bases[visibility]
    if not labels and not profiles:
        return
    yield (
        "a routine state is reported",
        _ends(defaults.reported["routine"]),
        defaults.bases["routine"],
    )
    if labels or any(profile.delay is None for profile in profiles):
        yield "how soon it is known", _stated(describe(defaults.delay)), defaults.bases["delay"]
    if scenario.reporting_level is None:
        times = f"times {_ends(defaults.level.reports)}"
        yield "how far all this is wrong at once", times, defaults.level.basis
    if any(each.kind == "standing" and each.dwell is None for each in scenario.variables.values()):
        yield (
            "what is standing stays",
            f"{_ends(defaults.dwell.between)} days",
            defaults.dwell.basis,
        )


def _default_lineage(scenario: Scenario) -> Iterator[tuple[str, str, str]]:
    """Who copied whom, unless the scenario says that nobody did."""
    if scenario.lineage == "as_stated":
        return
    defaults = default_lineage()
    yield (
        "a source of no family copies another report",
        _ends(defaults.copying),
        defaults.bases["others"],
    )
    yield (
        "the weight of a report as the original halves",
        f"in {defaults.event_days:g} days between the events, "
        f"{defaults.publication_days:g} between the reports",
        defaults.bases["nearness"],
    )
    yield (
        "a report weighs more as the original",
        f"{defaults.names_source:g} times if it is named as the origin, {defaults.same_document:g} "
        "times if both cite the same",
        defaults.bases["quotation"],
    )
    yield (
        "a report weighs by the runs of three words that its text shares",
        ", ".join(
            f"{ratio:g} times at {share:.0%}"
            for share, ratio in zip(defaults.shared_text, defaults.text_ratio, strict=True)
        ),
        defaults.bases["text"],
    )
    yield (
        "a report about another event weighs less",
        f"{defaults.other_events:g} times",
        defaults.bases["other_events"],
    )


def _ends(interval: Any) -> str:
    """Both ends of an interval, in brackets."""
    return render_inline(describe(interval) if isinstance(interval, BaseModel) else list(interval))
