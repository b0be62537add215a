"""Forecasts with made-up draws of a border problem: exact sums, no sampler."""

import re
from datetime import date

import numpy as np
import xarray as xr

from forecast.evidence.ledger import Evidence
from forecast.evidence.report import Report
from forecast.outlook import Forecast
from forecast.posterior.mcmc import Sampling
from forecast.scenario.scenario import Scenario
from forecast.scenario.warning import ANY_DANGEROUS

BASIS = "judgement: made for a test"

HOSTILE = '<script>alert("x")</script> & a|b *c* `d` {{ 1 }}'


def flat(*states):
    row = {"exactly": {state: 1 / len(states) for state in states}, "basis": BASIS}
    return {"form": "rows", "rows": (row,)}


def sign_of(parent, parent_states, states):
    """A table by which a variable leans towards its last state as its parent does."""
    rows = []
    for k, value in enumerate(parent_states):
        weight = [1 + k * s for s in range(len(states))]
        probabilities = {s: w / sum(weight) for s, w in zip(states, weight, strict=True)}
        rows.append({"when": {parent: value}, "exactly": probabilities, "basis": BASIS})
    return {"form": "rows", "rows": tuple(rows)}


def variable(role, states, label, **more):
    return {"role": role, "states": states, "label": label, "table": flat(*states), **more}


def problem(*, text="quiet words", dynamic=True):
    """Two dangerous courses and one that is not, each with a sign."""
    mild = {"label": f"Pressure {text}", "severity": 1, "role_in_source": "MLCOA"}
    grave = {"label": f"Attack {text}", "severity": 5, "dangerous": True}
    other = {"label": "Raid", "severity": 3, "dangerous": True}
    signs = ({"course": "posture=attack"}, {"course": "posture=pressure", "sign": "-"})
    variables = {
        "posture": variable(
            "course_of_action",
            ("hold", "pressure", "attack"),
            "Posture",
            courses={"pressure": mild, "attack": grave},
        ),
        "raid": variable("course_of_action", ("none", "raid"), "Raid", courses={"raid": other}),
        "troops": variable("indicator", ("none", "few", "many"), f"Troops {text}", speaks_to=signs)
        | {"table": sign_of("posture", ("hold", "pressure", "attack"), ("none", "few", "many"))},
        "talks": variable("indicator", ("none", "held"), "Talks", named_by="author")
        | {"table": sign_of("raid", ("none", "raid"), ("none", "held"))},
        "base": variable(
            "outcome", ("open", "closed"), "The base", implication=f"No supplies {text}"
        ),
    }
    tripwires = {
        "massing": {"label": f"Massing {text}", "any": ({"troops": "many"},), "basis": BASIS},
        "deadline": {
            "label": "Talks by the tenth",
            "any": ({"talks": "held"},),
            "basis": BASIS,
            "by": date(2020, 2, 10),
        },
        "set": {
            "label": "Talks on the seventh",
            "any": ({"talks": "held"},),
            "basis": BASIS,
            "on": date(2020, 2, 7),  # the first day of a step
        },
    }
    clock = {"start": date(2020, 1, 3), "step": 7, "horizon": 56} if dynamic else None
    narrative = {
        part: f"Author on {part}, {text}."
        for part in ("takeaway", "pattern", "timing", "assessment", "implications")
    }
    return Scenario.model_validate(
        {
            "name": "border",
            "reporting": "ignorable",
            "version": "2.1",
            "title": f"Border {text}",
            "question": f"What next? {text}",
            "time": clock,
            "variables": variables,
            "tripwires": tripwires,
            "narrative": narrative,
            "actors": ({"name": f"General {text}", "affiliation": "North"},),
            "sources": {"wire": {"title": f"The wire {text}"}},
        }
    )


def wire_report(name, indicator, state, day, *, origin="", end=None, text="quiet words"):
    when = date(2020, 1, day)
    last = date(2020, 1, end or day)
    return Report(
        name,
        indicator,
        state,
        when,
        last,
        last,
        last,
        "wire",
        "B",
        "2",
        origin,
        citation=f"wire {text}",
        note=f"Seen {text}",
    )


def evidence(*, text="quiet words"):
    return Evidence(
        date(2020, 1, 23),
        (
            wire_report("R1", "troops", "few", 4, text=text),
            wire_report("R2", "troops", "many", 14, end=16, origin="post", text=text),
            wire_report("R3", "troops", "few", 15, origin="post"),
            wire_report("R4", "", "", 16),
            wire_report("R5", "troops", "many", 21),
        ),
    )


def made(*, text="quiet words", dynamic=True, divergences=0, shift=0.0, seed=7):
    """A forecast with made-up draws: exact sums, no sampler."""
    rng = np.random.default_rng(seed)
    scenario, known = problem(text=text, dynamic=dynamic), evidence(text=text)
    n_steps, now, ahead = (11, 2, 8) if dynamic else (1, 0, 1)
    names, parts = [], []
    for name, found in scenario.variables.items():
        draws = rng.dirichlet(np.arange(len(found.states), 0, -1) * 20.0, (4, 250, n_steps))
        parts.append(draws)
        names += [f"{name}={state}" for state in found.states]
    step = rng.beta(2 + shift, 60, (4, 250, ahead, 3))
    ever = 1 - np.cumprod(1 - step, axis=2)
    union = 1 - (1 - ever[..., 1]) * (1 - ever[..., 2])
    held = np.concatenate([ever, union[..., None]], axis=-1)
    courses = [f"{name}={state}" for name, state in scenario.courses]
    probability = ("chain", "draw", "time", "variable_state"), np.concatenate(parts, axis=-1)
    group = xr.Dataset(
        {"probability": probability},
        coords={"time": range(n_steps), "variable_state": names},
        attrs={"now": now},
    )
    by_course = xr.Dataset(
        {
            "at_least_once": (
                ("chain", "draw", "by", "course"),
                held,
            ),
            # Nothing goes on by itself, so that the next step is all there is.
            "now_or_next": (
                ("chain", "draw", "course", "turn"),
                np.stack([np.zeros_like(held[:, :, 0]), held[:, :, 0]], axis=-1),
            ),
        },
        coords={"by": range(ahead), "course": [*courses, ANY_DANGEROUS]},
    )
    diverging = np.zeros((4, 250), bool)
    diverging.flat[:divergences] = True
    posterior = xr.Dataset(
        {
            "probability": (("chain", "draw", "probability_judgement"), np.ones((4, 250, 6))),
            "accuracy": (("chain", "draw", "reliability"), rng.beta(8, 2, (4, 250, 6))),
            "reporting_level": (("chain", "draw", "level"), rng.gamma(2, 0.5, (4, 250, 1))),
            "copying": (("chain", "draw", "family"), rng.beta(2, 2, (4, 250, 1))),
        }
    )
    stats = xr.Dataset({"diverging": (("chain", "draw"), diverging)})
    groups = {
        "forecast": group,
        "courses": by_course,
        "sample_stats": stats,
        "posterior": posterior,
    }
    tree = xr.DataTree.from_dict(groups)
    return Forecast(scenario, known, tree, Sampling(draws=250, random_seed=seed))


def headings(html):
    return re.findall(r"<h2 id=\"[a-z-]+-title\">(.*?)</h2>", html)
