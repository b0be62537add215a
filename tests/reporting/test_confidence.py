"""Confidence is read off the forecast, and what experts stated is shown."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy import stats

import forecast as fc
from forecast.estimate import Estimate
from forecast.evidence.ledger import Evidence
from forecast.evidence.report import Report
from forecast.reporting.confidence import (
    computed_confidence,
    disagreement,
    experts_section,
    signs_of,
)
from forecast.scenario.pools import find_pools
from forecast.scenario.scenario import Scenario
from tests.harbour import harbour

BASIS = "judgement: made up for a test"
DAY = date(2020, 1, 3)


def scenario(experts: dict[str, Any] | None) -> Scenario:
    stated: Any = {"experts": experts} if experts else (0.1, 0.3)
    row = {"probability": {"storm": stated}, "basis": BASIS}
    seen = (
        {"when": {"sea": ("calm", "storm")}, "probability": {"low": (0.2, 0.5)}, "basis": BASIS},
    )
    return Scenario.model_validate(
        {
            "name": "sea",
            "version": "1",
            "title": "Sea",
            "question": "Does it storm?",
            "variables": {
                "sea": {
                    "role": "course_of_action",
                    "label": "Sea",
                    "states": ("calm", "storm"),
                    "courses": {"storm": {"label": "Storm", "severity": 4, "dangerous": True}},
                    "table": {"form": "rows", "rows": (row,)},
                },
                "lamp": {
                    "role": "input",
                    "label": "Our lamp",
                    "states": ("off", "on"),
                    "default": "off",
                },
                "glass": {
                    "role": "indicator",
                    "label": "Glass",
                    "states": ("high", "low"),
                    "table": {"form": "rows", "rows": seen},
                },
            },
        }
    )


@dataclass(frozen=True)
class Outlook:
    """As much of a forecast as confidence looks at."""

    scenario: Scenario
    evidence: Evidence
    any_dangerous: Estimate
    most_dangerous: tuple[str, ...] = ("storm",)

    @property
    def most_likely(self) -> Any:
        """The same course, as narrow as can be, so that the other interval counts."""
        return SimpleNamespace(average=Estimate(0.4, 0.4, 0.4))


def report(number: int, reliability: str, origin: str = "") -> Report:
    source = f"source {number}"
    return Report(
        f"r{number}", "glass", "low", DAY, DAY, DAY, DAY, source, reliability, origin=origin
    )


def outlook(width: float, reports: list[Report], experts: Any = None) -> Any:
    found = Estimate(0.4, 0.4 - width / 2, 0.4 + width / 2)
    return Outlook(scenario(experts), Evidence(DAY, tuple(reports)), found)


GOOD = [report(k, "B", f"origin {k}") for k in range(5)]
FAR = {"Ann": {"says": (0.8, 0.95)}, "Bo": {"says": (0.01, 0.1)}}


@pytest.mark.parametrize(
    ("width", "reports", "experts", "rating"),
    [
        (0.1, GOOD, None, "High"),
        (0.5, GOOD, None, "Moderate"),
        (0.5, GOOD[:1], None, "Low"),
        (0.2, GOOD[:3], None, "Moderate"),
        (0.1, [report(k, "B", "one rumour") for k in range(5)], None, "Moderate"),
        (0.2, [report(k, "F", "one rumour") for k in range(5)], None, "Low"),
        (0.5, GOOD, FAR, "Low"),
        (0.2, GOOD, {"Ann": {"says": (0.1, 0.3)}, "Bo": {"says": (0.3, 0.6)}}, "Moderate"),
        (0.5, [], None, "Low"),
        (0.1, [], None, "Low"),
    ],
)
def test_one_low_sign_does_not_decide_and_two_do(width, reports, experts, rating):
    assert computed_confidence(outlook(width, reports, experts)).startswith(f"{rating}. ")


def test_copies_of_one_origin_count_once():
    copies = [report(k, "B", "one rumour") for k in range(5)]
    reasons = [sign.reason for sign in signs_of(outlook(0.1, copies))]
    assert "1 independent origin" in reasons


def test_reports_that_state_no_origin_are_not_called_independent():
    silent = [report(k, "B") for k in range(5)]
    rated = {
        sign.reason: sign.rating
        for given in (silent, GOOD[:3] + silent)
        for sign in signs_of(outlook(0.1, given))
        if "origin" in sign.reason
    }
    assert rated == {
        "5 reports that state no origin and count as one": 0,
        "3 stated origins, and 5 reports that state none and count as one": 1,
    }


def test_what_we_set_ourselves_is_no_evidence():
    ours = [replace(report(9, "A"), indicator="lamp", state="on")]
    alone, together = (list(signs_of(outlook(0.1, more + GOOD))) for more in ([], ours))
    assert alone == together


def test_experts_lie_as_far_apart_as_their_means():
    [pooled] = find_pools(scenario(FAR))
    ann, bo = (stats.beta(*fc.elicit(e["says"]).shape).mean() for e in FAR.values())
    assert disagreement(pooled) == pytest.approx(ann - bo)
    computed = computed_confidence(outlook(0.1, GOOD, FAR))
    low, _, _ = computed.partition("Speaks for high: ")
    assert f"experts lie up to {100 * (ann - bo):.0f} points apart" in low


def test_the_report_keeps_every_expert_by_name():
    section = experts_section(outlook(0.1, GOOD, FAR))
    rows = section.blocks[1].rows
    assert [row[1] for row in rows] == ["Ann", "Bo", "pool (linear)"]
    pool = fc.elicit(experts=FAR)
    low, high = (f"{100 * end:.0f}" for end in pool.interval)
    assert low in rows[2][3]
    assert high in rows[2][3]
    assert not experts_section(outlook(0.1, GOOD)).blocks


def test_an_implied_table_is_that_of_brute_force():
    """Noisy-OR by hand: the product of what each active cause leaves."""
    causes = {"rain": 0.8, "sprinkler": 0.5}
    variables = {
        name: {
            "role": "factor",
            "label": name,
            "states": ("no", "yes"),
            "table": {
                "form": "rows",
                "rows": ({"exactly": {"no": 0.5, "yes": 0.5}, "basis": BASIS},),
            },
        }
        for name in causes
    }
    leak = 0.1
    variables["wet"] = {
        "role": "factor",
        "label": "wet",
        "states": ("no", "yes"),
        "table": {
            "form": "noisy_max",
            "leak": {"exactly": {"no": 1 - leak, "yes": leak}, "basis": BASIS},
            "causes": tuple(
                {"when": {name: "yes"}, "exactly": {"no": 1 - p, "yes": p}, "basis": BASIS}
                for name, p in causes.items()
            ),
        },
    }
    problem = Scenario.model_validate(
        {"name": "wet", "version": "1", "title": "x", "question": "x", "variables": variables}
    )
    table = fc.implied_table(problem, "wet", draws=3)
    for rain in ("no", "yes"):
        for sprinkler in ("no", "yes"):
            dry = (1 - leak) * (0.2 if rain == "yes" else 1) * (0.5 if sprinkler == "yes" else 1)
            found = table.loc[(rain, sprinkler), ("yes", "mean")]
            assert found == pytest.approx(1 - dry, abs=1e-12)


def test_an_implied_table_has_the_elicited_spread():
    table = fc.implied_table(scenario(None), "sea", draws=20_000)
    row = table["storm"].iloc[0]
    np.testing.assert_allclose((row["lower"], row["upper"]), (0.1, 0.3), atol=0.01)


def test_a_table_that_is_not_there():
    with pytest.raises(fc.InputError, match="'glas' is unknown; did you mean 'glass'"):
        fc.implied_table(scenario(None), "glas")
    with pytest.raises(fc.InputError, match="draws: 0; needs a whole number of at least 1"):
        fc.implied_table(scenario(None), "glass", draws=0)


TIMES = {"Ann": {"says": (0.5, 1.0)}, "Bo": {"says": (2.0, 8.0)}}


def test_experts_are_found_wherever_several_speak() -> None:
    problem = harbour(channels=1, making="profile", lineage=None).model_dump()
    problem["sources"]["pilot"]["record"]["probability"] = {"experts": FAR}
    problem["families"]["harbour"]["copying"] = {"experts": FAR}
    problem["channels"]["red"]["controlled"] = {"experts": FAR}
    problem["watches"]["desk"]["detection"] = {"experts": FAR}
    problem["variables"]["gauge"]["reporting"]["reported"]["low"] = {"experts": FAR}
    problem["reporting_level"] = {"reports": {"experts": TIMES}, "basis": BASIS}
    labels = [pooled.label for pooled in find_pools(Scenario.model_validate(problem))]
    assert labels == [
        *("gauge reported: low", "pilot: probability", "harbour: copying", "red: controlled"),
        *("desk: detection", "reporting_level: reports"),
    ]
