"""Frozen values cannot be changed in place, whatever can be reached from them."""

import copy
import pickle
from dataclasses import fields, is_dataclass

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from pydantic import BaseModel

import forecast as fc
from forecast.evidence.ledger import Ledger
from forecast.frozen import FrozenDict, frozen
from forecast.model.builder import compile_tables
from forecast.outlook import Forecast
from forecast.posterior.prior import draw_priors, prior_beliefs
from forecast.sampling import Sampling
from tests.scenarios import full_scenario
from tests.small import barometer_report, evidence, weather


@pytest.fixture(scope="module")
def outlook():
    """A forecast whose draws come from the prior, so that nothing is fitted."""
    scenario = weather()
    given = draw_priors(compile_tables(scenario).priors, 8, random_seed=1)
    posterior = xr.Dataset(
        {
            name: (
                ("chain", "draw", *(f"{name}_{k}" for k in range(values.ndim - 1))),
                np.moveaxis(values, -1, 0)[None],
            )
            for name, values in given.items()
        }
    )
    probability = xr.DataArray(
        np.full((1, 8, 4, 5), 0.5),
        dims=("chain", "draw", "time", "variable_state"),
        coords={
            "variable_state": [
                "storm=calm",
                "storm=storm",
                *(f"barometer={s}" for s in ("high", "falling", "low")),
            ]
        },
    )
    group = xr.Dataset({"probability": probability}, attrs={"now": 1})
    tree = xr.DataTree.from_dict({"posterior": posterior, "forecast": group})
    return Forecast(scenario, evidence(barometer_report("R1", "low")), tree, Sampling(chains=1))


def network():
    return fc.TabledNetwork(
        "grass",
        {"rain": ("no", "yes"), "grass": ("dry", "wet")},
        {"grass": ("rain",)},
        {"rain": [0.8, 0.2], "grass": [[0.9, 0.1], [0.3, 0.7]]},
        {"grass": 20},
        {"": (("author", "a test"),)},
    )


def _is_data(value, name):
    """Whether a name holds data: no method, nor an answer that is made anew for each who asks."""
    if callable(getattr(type(value), name, None)):
        return False
    return getattr(value, name) is getattr(value, name)


def own_fields(value):
    """Names of the fields of a part of a scenario or of a dataclass."""
    if isinstance(value, BaseModel):
        return list(type(value).model_fields)
    return [each.name for each in fields(value)] if is_dataclass(value) else []


def reached(value, path, seen):
    """Everything that a user comes to from a value by its public names, each thing once."""
    if isinstance(value, str | bytes | int | float | None | np.generic) or id(value) in seen:
        return
    seen[id(value)] = value
    yield path, value
    if isinstance(value, dict):
        parts = {f"[{key!r}]": item for key, item in value.items()}
    elif isinstance(value, tuple | list | set | frozenset):
        parts = {f"[{k}]": item for k, item in enumerate(value)}
    elif isinstance(value, BaseModel) or type(value).__module__.startswith("forecast."):
        names = [name for name in dir(type(value)) if not name.startswith(("_", "model_"))]
        names += own_fields(value)
        parts = {f".{n}": getattr(value, n) for n in dict.fromkeys(names) if _is_data(value, n)}
    else:
        parts = {}
    for name, part in parts.items():
        yield from reached(part, path + name, seen)


def attempts(value):
    """Ways to change a value in place."""
    if isinstance(value, dict):
        yield lambda: value.update(x=1)
        yield lambda: value.clear()
        yield lambda: value.__ior__({"x": 1})
        yield lambda: value.setdefault("x", 1)
        key = next(iter(value), "x")
        yield lambda: value.pop(key)
        yield lambda: value.__setitem__(key, None)
        yield lambda: value.__delitem__(key)
    elif isinstance(value, np.ndarray):
        yield lambda: value.__setitem__(..., value.ravel()[:1].item() if value.size else 0)
    elif isinstance(value, list):
        yield lambda: value.append(None)
    elif isinstance(value, set):
        yield lambda: value.add(None)
    elif isinstance(value, BaseModel) or is_dataclass(value):
        for name in own_fields(value):
            yield lambda name=name: setattr(value, name, None)


REFUSALS = TypeError, ValueError, AttributeError


def refused(attempt):
    try:
        attempt()
    except REFUSALS:
        return True
    return False


VALUES = {
    "scenario": lambda: full_scenario(3),
    "evidence": lambda: evidence(barometer_report("R1", "low"), barometer_report("R2", "high")),
    "ledger": lambda: Ledger((barometer_report("R1", "low"),)),
    "network": network,
    "beliefs of a network": lambda: network().beliefs(draws=4).set_evidence({"grass": "wet"}),
    "beliefs of arrays": lambda: fc.Beliefs.of(network().network, np.tile(network().theta, 3)),
    "beliefs of a scenario": lambda: prior_beliefs(
        weather(), evidence(barometer_report("R1", "low")), draws=4, random_seed=1
    ),
    "elicited": lambda: fc.elicit((0.1, 0.3)),
    "elicited row": lambda: fc.elicit(row={"a": (0.1, 0.3), "b": (0.2, 0.4), "c": (0.3, 0.7)}),
}


@pytest.mark.parametrize(
    "again",
    [lambda value: value, copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))],
    ids=["made", "copied", "pickled"],
)
@pytest.mark.parametrize("name", VALUES)
def test_nothing_that_a_value_is_made_of_can_be_changed_in_place(name, again):
    value = again(VALUES[name]())
    places = list(reached(value, name, {}))
    changed = [path for path, part in places for attempt in attempts(part) if not refused(attempt)]
    assert len(places) > 1
    assert changed == []


def test_the_posterior_of_a_forecast_is_handed_out_without_a_way_back_into_it(outlook, tmp_path):
    for given in (outlook, copy.deepcopy(outlook), pickle.loads(pickle.dumps(outlook))):
        for node in given.posterior.subtree:
            for variable in node.data_vars.values():
                assert not variable.to_numpy().flags.writeable
        with pytest.raises(ValueError, match="read-only"):
            given.posterior["forecast"]["probability"].values *= 2
        mine = given.posterior
        mine["forecast"] = mine["forecast"].to_dataset() * 2
        mine["forecast"].attrs["now"] = 3
        mine.attrs["name"] = "mine"
        assert given.state_probability("storm", "storm").mean == 0.5
        assert given.now == 1
        assert "name" not in given.posterior.attrs
    outlook.posterior.to_netcdf(tmp_path / "forecast.nc")
    with xr.open_datatree(tmp_path / "forecast.nc") as stored:
        assert stored["forecast"]["probability"].equals(
            outlook.posterior["forecast"]["probability"]
        )


def test_the_tables_of_a_check_are_copies():
    found = fc.check(weather(), draws=4)
    before = found.courses.copy()
    mine = found.courses
    mine.iloc[:, 0] = 7.0
    pd.testing.assert_frame_equal(found.courses, before)


def test_beliefs_keep_their_answers_when_the_arrays_they_came_from_change():
    theta = np.tile(network().theta, 3)
    beliefs = fc.Beliefs.of(network().network, theta)
    before = beliefs.posterior("grass").to_numpy()
    theta[:] = 0.5
    beliefs.log_weights[:] = 7.0
    assert np.array_equal(beliefs.posterior("grass").to_numpy(), before)


def test_a_changed_copy_of_a_scenario_has_a_digest_of_its_own():
    scenario = weather()
    before, variables = scenario.digest, dict(scenario.variables)
    other = scenario.model_copy(update={"variables": variables, "version": "2"})
    assert other.digest != before
    assert scenario.digest == before
    variables.clear()
    assert other.variables == scenario.variables


def test_a_frozen_mapping_is_an_ordinary_one_to_read():
    given = frozen({"a": [1, {"b": {2}}]})
    assert isinstance(given, FrozenDict)
    assert given == {"a": (1, {"b": frozenset({2})})}
    assert (given | {"c": 1}) == {**given, "c": 1}
    assert type(given.copy()) is dict
