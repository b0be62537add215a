"""Wrong arguments for every public function and method: only the library's own errors come out."""

import copy
import inspect
import json
import random
import warnings
from collections import Counter
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

import forecast as fc
from forecast.evidence.ledger import Ledger
from forecast.evidence.mapping import EventMapping
from forecast.model.builder import compile_tables
from forecast.model.model import model_coordinates
from forecast.model.target import variable_dims
from forecast.outlook import Forecast
from forecast.posterior.mcmc import beliefs_of
from forecast.posterior.prior import draw_priors
from forecast.posterior.stored_answers import answer_groups
from forecast.sampling import Sampling
from forecast.scenario import forms
from tests.small import barometer_report, weather

ERRORS = {"ForecastError", "ImpossibleEvidence", "InputError", "LedgerFailure", "TooLarge"}
ERRORS |= {"UnreliableFit", "Problem"}
HEAVY = {"forecast", "update", "retract", "advance", "build_model", "report"}
"""What samples or compiles where its arguments are right."""
PARTS = fc.Scenario, fc.Variable, forms.Rows, forms.Row, forms.Hazards, forms.Move, EventMapping
"""What is validated as it is made."""


class Some:
    """What can be gone through, and not counted."""

    def __iter__(self):
        return iter([1, "a"])


class Odd:
    """An object that nobody expects."""

    def __init__(self, *_):
        pass

    def __repr__(self):
        return "odd\x1b[2J"


def untouched_forecast(scenario, evidence, draws=40):
    """A forecast whose draws are those of the priors: quick, and as good for asking."""
    import xarray as xr

    priors = compile_tables(scenario).priors
    dims = variable_dims(priors)
    groups = {
        name: (("chain", "draw", *dims[name]), np.moveaxis(values, -1, 0)[None])
        for name, values in draw_priors(priors, draws, 1).items()
    }
    labels = model_coordinates(priors) | {"chain": [0], "draw": range(draws)}
    posterior = xr.Dataset(groups, coords=labels)
    stats = xr.Dataset({"diverging": (("chain", "draw"), np.zeros((1, draws), bool))})
    tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": stats})
    found = beliefs_of(scenario, evidence, posterior)
    for name, group in answer_groups(scenario, evidence, found).items():
        tree[name] = group
    return Forecast(scenario, evidence, tree, Sampling(draws=draws))


def right_values(folder):
    """Good values of every kind, by the name of their class."""
    scenario = weather()
    reports = (barometer_report("R1", "low"), barometer_report("R2", "high", 1))
    ledger = Ledger(reports)
    evidence = ledger.known_at("2020-01-20")
    grass = fc.TabledNetwork(
        "grass",
        variables={"rain": ("no", "yes"), "grass": ("dry", "wet")},
        parents={"grass": ("rain",)},
        tables={"rain": [0.8, 0.2], "grass": [[0.9, 0.1], [0.3, 0.7]]},
    )
    file = fc.open_ledger(Path(folder) / "reports.db", scenario)
    file.append(reports)
    items = (fc.AchItem("E1", "sails", ("C", "I")), fc.AchItem("E2", "wind", ("N", "CC")))
    day1 = untouched_forecast(scenario, evidence)
    return {
        "Scenario": scenario,
        "Report": reports[0],
        "Ledger": ledger,
        "Evidence": evidence,
        "TabledNetwork": grass,
        "LedgerFile": file,
        "AchMatrix": fc.AchMatrix(("a", "b"), items),
        "Forecast": day1,
        "Beliefs": grass.beliefs(draws=64),
        "Estimate": fc.Estimate(0.2, 0.1, 0.3),
        "Check": fc.check(scenario, draws=64),
        "Elicited": fc.elicit((0.1, 0.3)),
        "WeighedEvidence": fc.weigh_evidence(day1),
    }


def wrong_values(right, folder):
    """Values of many kinds, of which a parameter wants one at the most."""
    frame = pd.DataFrame({"id": ["R1"], "x": [1.5]})
    return [
        None, True, False, 0, 1, -1, 7, 2**31, 2**63, -(2**70), 10**5000, 0.5, -2.5, 1e308,
        float("nan"), float("inf"), 1 + 2j, "", "a", "storm", "rain", "low", "iraq-2020", "yes",
        "2020-01-10", "2020-13-45", "0001-01-01", "9999-12-31", "x" * 5000, "\0",
        "\ud800", "\u202e",
        "\x1b[2J", "../..", "postgresql://", "http://[", "likely", b"bytes", bytearray(b"a"),
        [], [1], ["a"], ["storm", "storm"], [("storm", "storm")], [("a",)], [[[]]], [{"id": "R1"}],
        (), (1, 2), ("storm", "storm"), {}, {"a": 1}, {1: "a"}, {"storm": "storm"}, {"rain": "yes"},
        {"rain": None}, {"rain": {"a": 1}}, {"no": 0.5, "yes": 0.5}, {"no": "a"}, set(), {1, 2},
        range(3), Some(), Odd(), Odd, len, repr, str.upper, lambda *_: None, ..., NotImplemented,
        date(2020, 1, 10), pd.NaT, pd.NA, pd.Timestamp("2020-01-10"), np.float64("nan"),
        np.int64(3), np.bool_(True), np.str_("a"), np.array([1.0, 2.0]), np.array([[1, "a"]]),
        np.array(None), np.zeros((2, 0)), np.datetime64("2020-01-10"), frame, frame["x"],
        Path(folder), Path(folder) / "none.csv", memoryview(b"ab"), ValueError("a"),
        {"storm": [1]}, {"low": 1e400}, {"storm": {"storm": "storm"}}, *right.values(),
    ]  # fmt: skip


def of_one(function):
    """The function without its options."""
    return lambda given: function(given)


def callables(right):
    """Name, and what can be called: functions, constructors, and methods of good values."""
    for name in dir(fc):
        if name not in ERRORS and not name.endswith("Warning"):
            yield name, getattr(fc, name)
    for kind in PARTS:
        yield kind.__name__, kind
        yield f"{kind.__name__} of a mapping", of_one(kind.model_validate)
        yield f"{kind.__name__} of JSON", of_one(kind.model_validate_json)
    for kind, value in right.items():
        for name in sorted(vars(type(value))):
            member = getattr(type(value), name)
            if name.startswith(("_", "model_", "smoothed_cells")) or isinstance(member, property):
                continue
            if callable(member):
                yield f"{kind}.{name}", getattr(value, name)


def fuzz(n, seed, folder):
    """Call everything `n` times; yield what was called and the foreign error that came out."""
    rng = random.Random(seed)
    right = right_values(folder)
    values = wrong_values(right, folder)
    for name, target in callables(right):
        if name == "LedgerFile.close" or name == "Scenario.copy":
            continue
        for args, kwargs in _calls(name, target, n, rng, right, values):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found = target(*args, **kwargs)
                    if inspect.isgenerator(found):
                        next(found, None)
            except fc.ForecastError:
                pass
            except Exception as error:  # noqa: BLE001
                yield name, args, kwargs, error


def fuzz_parts(n, seed, folder):
    """Build scenarios of which one part is wrong; yield where it is and the foreign error."""
    rng = random.Random(seed)
    values = wrong_values({}, folder)
    body = json.loads(weather().model_dump_json(by_alias=True))
    for _ in range(n):
        changed = copy.deepcopy(body)
        path = rng.choice(list(_paths(changed)))
        within = changed
        for step in path[:-1]:
            within = within[step]
        within[path[-1]] = rng.choice(values)
        try:
            fc.Scenario(**changed)
        except fc.ForecastError:
            pass
        except Exception as error:  # noqa: BLE001
            yield ".".join(map(str, path)), (), {}, error


def _paths(value, path=()):
    """Where something stands, at any depth."""
    if not isinstance(value, dict | list):
        return
    steps = range(len(value)) if isinstance(value, list) else value
    for step in steps:
        yield (*path, step)
        yield from _paths(value[step], (*path, step))


def _calls(name, target, n, rng, right, values):
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except ValueError:
        return
    for _ in range(n if parameters else 1):
        args, kwargs, all_right = [], {}, True
        for parameter in parameters:
            good = [v for kind, v in right.items() if kind in str(parameter.annotation)]
            is_right = bool(good) and rng.random() < 0.7
            value = rng.choice(good) if is_right else rng.choice(values)
            if parameter.default is not parameter.empty and rng.random() < 0.6:
                continue
            all_right &= is_right
            if parameter.kind is parameter.VAR_POSITIONAL:
                args += rng.choices(values, k=rng.randrange(1, 3))
            elif parameter.kind is parameter.VAR_KEYWORD:
                kwargs |= dict.fromkeys(rng.sample(["guess", "cases", "seen", "of"], 2), value)
            elif parameter.kind is parameter.KEYWORD_ONLY or kwargs:
                kwargs[parameter.name] = value
            else:
                args.append(value)
        if not (name in HEAVY and all_right):
            yield args, kwargs


def foreign_errors(found):
    """Foreign errors, counted by where they came out."""
    return Counter(f"{name}: {type(e).__name__}: {str(e)[:90]}" for name, _, _, e in found)
