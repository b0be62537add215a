"""Random scenarios that use every part of the format, with texts that YAML finds hard."""

from datetime import date
from typing import Any

import numpy as np

from forecast.scenario.forms import parse_parent
from forecast.scenario.scenario import Scenario
from forecast.scenario.scenario_checks import find_problems
from forecast.testing.scenarios import random_scenario
from forecast.wording import earlier

HARD_TEXTS = (
    *("yes", "No", "null", "~", "true", "1e3", "0x10", "1_000", ".inf", "12:30:45", "2020-01-31"),
    *("a: b", "key:", ": v", "a #b", "# no remark", "- a", "-", "+", "? b", "*alias", "&anchor"),
    *("!tag", "%percent", "@at", "`tick`", "{a: b}", "[1, 2]", "a, b", "|", ">", "---", "..."),
    *("it's", "'", '"', 'he said "so"', "back\\slash", "'quoted'", "Größe 漢字 🙂", "e\u0301"),
    *(" ", " leading", "trailing ", "in  side", "tab\there", "\ttab", "no\u00a0break", "\u2028"),
    *("\x85", "\x07", "\x7f", "\ufeff", "\ufffe", "\0", "two\nlines", "\nfirst", "last\n", "\n\n"),
    *("one\n\nthree", "one\n  indented\nback", " one\ntwo", "one \ntwo", "cr\r\nlf", "a\n#b\nc: d"),
    *("word " * 40 + "end", "word: " * 40 + "end", "x" * 300, "two  spaces " * 20, "# " * 60 + "#"),
    *("line of some length, " * 9 + "\nand another: " + "b " * 60 + "c", "- item " * 30 + "."),
)
HARD_NAMES = [
    "yes",
    "no",
    "null",
    "true",
    "False",
    "on",
    "off",
    "e3",
    "N",
    "inf",
    "nan",
    "y",
    "a-1",
]
BASIS = "judgement: made for a test"
DAY = date(2020, 1, 31)
LONG_AGO, LATER = date(2019, 1, 1), date(2031, 1, 31)


def random_text(rng: np.random.Generator, least: int = 0) -> str:
    """Hard texts, alone or a few of them joined."""
    chosen = rng.choice(len(HARD_TEXTS), int(rng.choice([least, 1, 1, 1, 2, 3])))
    return str(rng.choice(["", " ", "\n"])).join(HARD_TEXTS[k] for k in chosen)


def full_scenario(seed: int) -> Scenario:
    """A valid scenario with tables of all forms, hard names and hard texts everywhere."""
    rng = np.random.default_rng([seed, 7])
    base = random_scenario(seed % 40, dynamic=bool(seed % 2))
    body = _renamed(base.model_dump(by_alias=True), _hard_names(rng, base))
    parent, states = next((n, v["states"]) for n, v in body["variables"].items())
    body["variables"] |= {
        "posture": _posture(rng),
        "seen": _indicator(rng, parent, states),
        "counted": _indicator(rng, parent, states) | {"measured": _measured(rng)},
    }
    body |= {
        "version": random_text(rng, 1),
        "title": random_text(rng, 1),
        "question": random_text(rng, 1),
        "author": random_text(rng),
        "as_of": DAY if rng.random() < 0.5 else None,
        "narrative": {key: random_text(rng) for key in ("takeaway", "timing", "assessment")},
        "tripwires": {f"t{k}": _tripwire(rng) for k in range(rng.integers(3))},
        "actors": tuple(_actor(rng) for _ in range(rng.integers(4))),
        "sources": {f"s{k}": _source(rng) for k in range(rng.integers(3))},
        "channels": {f"c{k}": _channel(rng, k) for k in range(rng.integers(3))},
        "watches": {f"w{k}": _watch(rng, bool(seed % 2)) for k in range(rng.integers(3))},
    }
    _say_hard_things(rng, body)
    scenario = Scenario.model_validate(body)
    assert list(find_problems(scenario)) == []
    return scenario


def _hard_names(rng: np.random.Generator, scenario: Scenario) -> dict[str, str]:
    """New names for variables and states, so that none is taken twice."""
    states = {state for variable in scenario.variables.values() for state in variable.states}
    old = [*scenario.variables, *sorted(states)]
    return dict(zip(old, rng.permutation(HARD_NAMES).tolist(), strict=False))


def _renamed(part: Any, names: dict[str, str]) -> Any:
    if isinstance(part, dict):
        return {_renamed(key, names): _renamed(value, names) for key, value in part.items()}
    if isinstance(part, tuple | list):
        return tuple(_renamed(item, names) for item in part)
    if isinstance(part, str) and part.startswith("previous "):
        name, lag = parse_parent(part)
        return earlier(names.get(name, name), lag)
    return names.get(part, part) if isinstance(part, str) else part


def _say_hard_things(rng: np.random.Generator, part: Any) -> None:
    """Put hard texts into labels, notes and bases, wherever they stand."""
    parts = part.values() if isinstance(part, dict) else part
    for inner in parts:
        if isinstance(inner, dict | tuple | list):
            _say_hard_things(rng, inner)
    if isinstance(part, dict):
        for key, least in (("label", 1), ("about", 0), ("implication", 0), ("meaning", 0)):
            if isinstance(part.get(key), str):
                part[key] = random_text(rng, least)
        if isinstance(part.get("basis"), str):
            kind = rng.choice(["source", "published", "computed", "judgement"])
            part["basis"] = f"{kind}: x{random_text(rng)}"


def _posture(rng: np.random.Generator) -> dict[str, Any]:
    courses = {"hold": {"label": "x", "severity": 0, "role_in_source": random_text(rng)}}
    courses["go"] = {"label": "x", "severity": int(rng.integers(6)), "dangerous": True}
    ways = [
        {"lower": 0.1, "upper": 0.4, "coverage": 0.8},
        {"low": 0.05, "median": 0.15, "high": 0.3},
        {"guess": 0.3, "cases": 20},
        "likely",
        {"word": "realistic possibility", "lexicon": "phia"},
        {"odds": (0.25, 1)},
        {"seen": 3, "of": 41},
        "unknown",
        {
            "experts": {
                "yes": {"says": (0.1, 0.2)},
                "Bo: 2": {"says": "probable", "weight": 2.5},
            },
            "pool": "log_odds",
            "extremise": 1.5,
        },
    ]
    row: dict[str, Any] = {"probability": {"go": ways[rng.integers(len(ways))]}, "basis": BASIS}
    if rng.random() < 0.2:
        row = {"counts": {"go": 3, "hold": 0}, "basis": BASIS}
    elif rng.random() < 0.1:
        row = {"unknown": True, "basis": BASIS}
    table = {"form": "rows", "rows": (row,)}
    return {
        "role": "course_of_action",
        "label": "x",
        "about": "x",
        "states": ("hold", "go"),
        "courses": courses,
        "table": table,
    }


def _indicator(rng: np.random.Generator, other: str, states: tuple[str, ...]) -> dict[str, Any]:
    """An indicator of the posture and of another variable."""
    rows = tuple(
        {
            "when": {"posture": posture, other: states},
            "probability": {"few": (0.0, 0.45), "many": (0.55, 1)},
            "basis": BASIS,
        }
        for posture in ("hold", ("go",))
    )
    return {
        "role": "indicator",
        "label": "x",
        "states": ("few", "many"),
        "speaks_to": ({"course": "posture=go", "sign": str(rng.choice(["+", "-"]))},),
        "named_by": str(rng.choice(["source", "author"])),
        "table": {"form": "rows", "rows": rows},
    }


def _measured(rng: np.random.Generator) -> dict[str, Any]:
    def quantity(lower: float, upper: float) -> dict[str, Any]:
        return {"between": (lower, upper), "basis": BASIS}

    def rate(lower: float, upper: float) -> dict[str, Any]:
        ways = [
            (lower, upper),
            {"count": 13, "days": 61.5},
            {"guess": upper, "factor": 2},
            {"low": lower, "median": (lower + upper) / 2, "high": upper},
            {"experts": {"A": {"says": (lower, upper)}, "B": {"says": {"count": 2, "days": 9}}}},
        ]
        return {"between": ways[rng.integers(len(ways))], "basis": BASIS}

    family = str(rng.choice(["poisson", "negative_binomial", "normal", "student_t"]))
    found: dict[str, Any] = {"family": family, "unit": random_text(rng, 1)}
    if family in ("normal", "student_t"):
        found["mean"] = {"few": quantity(-2.5, 0), "many": quantity(1e-7, 123456.789)}
        found["sd"] = {"few": quantity(0.1, 1 / 3), "many": quantity(1, 2)}
        return found | ({"degrees": 4.0} if family == "student_t" else {})
    found |= {"per": 7.0, "rate": {"few": rate(0.5, 2), "many": rate(4, 12)}}
    return found | ({"dispersion": quantity(2, 10)} if family == "negative_binomial" else {})


def _tripwire(rng: np.random.Generator) -> dict[str, Any]:
    levels = ({"seen": "many"}, {"counted": "many", "seen": "few"})
    return {
        "label": "x",
        "any": levels[: rng.integers(1, 3)],
        **[{"by": DAY}, {"on": DAY}, {}][rng.integers(3)],
        "meaning": "x",
        "basis": BASIS,
    }


def _source(rng: np.random.Generator) -> dict[str, Any]:
    plain = {"title": random_text(rng, 1), "published": DAY, "note": random_text(rng)}
    return plain | (
        {"record": {"probability": _way(rng), "basis": BASIS}} if rng.random() < 0.5 else {}
    )


def _channel(rng: np.random.Generator, number: int) -> dict[str, Any]:
    shows = [{}, {"seen": {"many": 0.9}}, {"seen": {"few": 1 / 3, "many": 2 / 3}}]
    return {
        "label": "x",
        "sources": tuple(f"{k}{number}{random_text(rng)}" for k in range(rng.integers(1, 3))),
        "controlled": _way(rng),
        "shows": shows[rng.integers(len(shows))],
        "basis": BASIS,
    }


def _watch(rng: np.random.Generator, dynamic: bool) -> dict[str, Any]:
    lags = [None, {"days": (3,), "share": (1.0,)}, {"days": (0, 2, 9), "share": (0.0, 0.5, 0.9)}]
    return {
        "indicator": str(rng.choice(["seen", "counted"])),
        "states": ("many",),
        "source": random_text(rng),
        "from": LONG_AGO,
        "to": LATER if not dynamic or rng.random() < 0.5 else None,
        "detection": _way(rng),
        "lag": lags[rng.integers(len(lags))],
        "basis": BASIS,
    }


def _way(rng: np.random.Generator) -> Any:
    """A probability, in one of the ways to say one."""
    ways = [(0.2, 0.6), {"guess": 0.3, "cases": 20}, "likely", {"seen": 3, "of": 41}, "unknown"]
    return ways[rng.integers(len(ways))]


def _actor(rng: np.random.Generator) -> dict[str, Any]:
    return {"name": random_text(rng, 1), "affiliation": random_text(rng), "note": random_text(rng)}
