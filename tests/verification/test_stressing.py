"""The power of warnings, against counts by hand and forecasts made one by one."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.verification.stressing import Stress
from forecast.verification.worlds import World, day_after
from tests.small import weather

SCENARIO = weather(horizon=14)


def test_lead_time_and_false_alarms_are_counted_by_hand():
    predicted = {  # world: onset, and probability at the end of each step
        1: (3, [0.1, 0.6, 0.7, 0.9]),  # warned two steps before
        2: (2, [0.6, 0.2, 0.9, 0.9]),  # two steps before
        3: (1, [0.1, 0.8, 0.8, 0.8]),  # only once it was there
        4: (-1, [0.1, 0.1, 0.1, 0.5]),  # a false alarm, at the end
        5: (-1, [0.1, math.nan, 0.2, 0.1]),
    }
    rows = [
        ("storm=storm", world, onset, step, p)
        for world, (onset, row) in predicted.items()
        for step, p in enumerate(row)
    ]
    table = pd.DataFrame(rows, columns=["course", "world", "onset", "step", "probability"])
    none = pd.DataFrame(columns=["course", "indicator", "bits"])
    power = Stress(table, none, 7, {"storm=storm": 0.2}).power([0.5, 0.95])
    assert power.iloc[0].tolist() == ["storm=storm", 0.5, pytest.approx(2 / 3), 14.0, 0.5]
    assert power.iloc[1].tolist()[2:] == [0.0, pytest.approx(math.nan, nan_ok=True), 0.0]


def test_worlds_are_forecast_step_by_step_as_anybody_would():
    found = fc.stress(SCENARIO, 4, steps=3, draws=200, random_seed=3, progressbar=False)
    row = found.table[found.table["onset"] > 0].iloc[2]
    worlds = World.draw_many(SCENARIO, 1000, 3, np.random.default_rng([3, 0]))
    world = worlds[row["world"]]
    storms = np.array([each.in_state("storm", "storm") for each in worlds])
    assert world.in_state("storm", "storm").tolist().index(True) == row["onset"]
    assert found.rates["storm=storm"] == storms.any(axis=1).mean()
    whole = world.evidence(day_after(SCENARIO, 3), np.random.default_rng([3, row["world"], 1]))
    day = day_after(SCENARIO, int(row["step"]) + 1)
    known = replace(whole, as_of=day, reports=tuple(r for r in whole if r.known <= day))
    made = fc.forecast(
        SCENARIO, known, method="reweight", draws=200, chains=1, random_seed=3, progressbar=False
    )
    within = made.probability_within("storm=storm").mean
    assert row["probability"] == pytest.approx(within, abs=1e-12)
    assert "taken in" in str(found)


def test_what_has_no_time_is_refused():
    with pytest.raises(InputError, match="static"):
        fc.stress(weather(dynamic=False))
    with pytest.raises(InputError, match="steps: 1"):
        fc.stress(SCENARIO, steps=1)
