"""A harbour: a scenario with all that can be unknown about evidence, and random reports for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np

from forecast.evidence.ledger import Evidence
from forecast.evidence.report import Report
from forecast.model.builder import compile_tables
from forecast.scenario.scenario import Scenario
from tests.small import BASIS, START, probability, rows, weather

STEP = 7
LAG = {"days": (0, 1, 6), "share": (0.4, 0.7, 0.95)}


def harbour(
    *,
    dynamic: bool = True,
    channels: int = 2,
    watches: bool = True,
    making: str = "ignorable",
    lineage: str | None = "as_stated",
) -> Scenario:
    """A storm, a barometer, a gauge that counts, a source with a record, channels and watches.

    Whether a report is made may be "ignorable", "default", or stated in a "profile"; and
    with "events" the barometer is reported by single events. If lineage is not as stated, sources
    belong to families that copy one another.
    """
    scenario = weather(dynamic=dynamic).model_dump()
    scenario["lineage"] = lineage
    if lineage is None:
        scenario["families"] = FAMILIES
    scenario["reporting"] = None if making == "default" else "ignorable"
    if making in ("profile", "events"):
        scenario["variables"]["barometer"]["reporting"] = PROFILE
    if making == "events":
        scenario["variables"]["barometer"]["kind"] = "event"
    scenario["variables"]["gauge"] = {
        "role": "indicator",
        "label": "Gauge",
        "states": ("low", "high"),
        "table": rows(
            ({"storm": "calm"}, probability(high=(0.05, 0.3))),
            ({"storm": "storm"}, probability(high=(0.4, 0.9))),
        ),
        "measured": {
            "family": "negative_binomial",
            "unit": "waves",
            "per": 7.0,
            "rate": {
                "low": {"between": (2.0, 6.0), "basis": BASIS},
                "high": {"between": (10.0, 40.0), "basis": BASIS},
            },
            "dispersion": {"between": (1.0, 4.0), "basis": BASIS},
        },
    }
    if making in ("profile", "events"):
        scenario["variables"]["gauge"]["reporting"] = {
            "reported": {"low": (0.1, 0.4)},
            "delay": LAG,
            "basis": BASIS,
        }
    scenario["sources"] = {
        "pilot": {"title": "Pilot", "record": {"probability": (0.6, 0.95), "basis": BASIS}},
        "keeper": {"title": "Keeper", "reliability": "C"},
    }
    scenario["channels"] = {
        name: {
            "label": name,
            "sources": (f"{name} office", f"{name} wire"),
            "controlled": (0.1, 0.5),
            "shows": {"barometer": {"high": 0.7}},
            "basis": BASIS,
        }
        for name in ("red", "blue")[:channels]
    }
    if watches:
        end = START + timedelta(days=12)
        scenario["watches"] = {
            "desk": _watch("barometer", ("low",), "pilot", START, end),
            "tower": _watch("gauge", ("high",), "", START + timedelta(days=3), end),
        }
    return Scenario.model_validate(scenario)


def _watch(indicator, states, source, start, stop):
    return {
        "indicator": indicator,
        "states": states,
        "source": source,
        "start": start,
        "stop": stop,
        "detection": (0.4, 0.9),
        "lag": LAG,
        "basis": BASIS,
    }


PROFILE = {
    "reported": {"falling": (0.3, 0.7), "low": {"seen": 9, "of": 10}},
    "false_alarms": {"seen": 1, "of": 50},
    "delay": LAG,
    "blackouts": (
        {
            "start": START + timedelta(days=5),
            "stop": START + timedelta(days=9),
            "share": 0.3,
            "basis": BASIS,
        },
    ),
    "basis": BASIS,
}


FAMILIES = {
    "harbour": {"sources": ("keeper", "pilot"), "copying": (0.1, 0.6), "basis": BASIS},
    "red": {
        "sources": ("red office",),
        "copying": (0.5, 0.9),
        "copies": ("harbour", "others"),
        "basis": BASIS,
    },
}


SOURCES = ("keeper", "pilot", "red office", "red wire", "blue office")


def random_evidence(rng: np.random.Generator, scenario: Scenario, n: int, n_steps: int) -> Evidence:
    """Reports of all kinds, many of them undated, copied or in conflict."""
    as_of = START + timedelta(days=STEP * n_steps - 1 - int(rng.integers(0, 3)))
    last = (as_of - START).days
    reports = []
    for k in range(n):
        start = int(rng.integers(0, last + 1))
        end = min(start + int(rng.choice([0, 0, 2, 8])), last)
        known = int(rng.integers(end, last + 1))
        kind = rng.choice(["state", "state", "count", "range", "odds"])
        indicator = (
            "gauge" if kind in ("count", "range") else str(rng.choice(["barometer", "gauge"]))
        )
        states = scenario.variables[indicator].states
        number = float(rng.integers(0, 30)) if kind in ("count", "range") else None
        day = [START + timedelta(days=d) for d in (start, end, known, known)]
        reports.append(
            Report(
                f"R{k}",
                indicator,
                str(rng.choice(states)) if kind == "state" else "",
                *day,
                source=str(rng.choice(SOURCES)),
                reliability=str(rng.choice(list("ABCDEF"))),
                origin=str(rng.choice(["", "one", "one", "two"])),
                number=number,
                upper=number + float(rng.integers(1, 200)) if kind == "range" else None,
                exposure=14.0 if kind == "count" and rng.random() < 0.3 else None,
                likelihoods=tuple((s, float(rng.uniform(0, 1))) for s in states)
                if kind == "odds"
                else (),
            )
        )
    return Evidence(as_of, tuple(reports))


def random_ledger(
    rng: np.random.Generator, scenario: Scenario, n: int, n_steps: int
) -> list[Report]:
    """Reports of which some are revised or withdrawn later, in random order."""
    reports = list(random_evidence(rng, scenario, n, n_steps))
    for k, report in enumerate(list(reports)):
        if rng.random() < 0.4:
            known = report.known + timedelta(days=int(rng.integers(0, 5)))
            states = scenario.variables[report.indicator].states
            later = replace(
                report,
                id=f"S{k}",
                known=known,
                supersedes=report.id,
                state="" if rng.random() < 0.4 else str(rng.choice(states)),
                number=None,
                upper=None,
                exposure=None,
                likelihoods=(),
            )
            reports.append(later)
    return [reports[k] for k in rng.permutation(len(reports))]


def random_parameters(rng: np.random.Generator, scenario: Scenario) -> dict[str, np.ndarray]:
    """One draw of everything that is judged, with a draws axis."""
    priors = compile_tables(scenario).priors
    found = {"probability": rng.beta(*priors.probability.T)}
    for width, concentrations in priors.rows.items():
        found[f"row_{width}"] = np.array([rng.dirichlet(alpha) for alpha in concentrations])
    found["positive"] = np.exp(rng.normal(*priors.positive.T))
    for family, members in priors.trust.families():
        found[family] = rng.uniform(0.05, 0.95, len(members))
    if priors.trust.reporting_level:
        found["reporting_level"] = rng.uniform(0.3, 3.0, len(priors.trust.reporting_level))
    return {name: values[..., None] for name, values in found.items()}
