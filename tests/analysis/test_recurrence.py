"""What weekly probabilities add up to, in closed form where every week is drawn anew."""

import numpy as np
import pytest

import forecast as fc
from forecast.analysis.anticipation import HISTORIES
from tests.evidence.test_reporting_profiles import harm
from tests.small import BASIS

WEEKS = 4
STORM, KILLED = 0.2, {"calm": 0.05, "storm": 0.4}


def scenario(killed):
    """Each week a storm or none, whatever came before, and deaths in some of them."""
    table_rows = [
        ({"storm": storm}, {"exactly": {"none": 0.5, "wounded": 0.5 - p, "killed": p}})
        for storm, p in killed.items()
    ]
    body = harm(table_rows).model_dump(by_alias=True)
    body["tripwires"] = {
        "deaths": {"label": "Deaths", "any": ({"harm": "killed"},), "basis": BASIS},
        "harm": {"label": "Harm", "any": ({"harm": "wounded"}, {"harm": "killed"}), "basis": BASIS},
        "first": {
            "label": "Deaths at once",
            "any": ({"harm": "killed"},),
            "by": harm(table_rows).time.start,
            "basis": BASIS,
        },
    }
    return fc.Scenario.model_validate(body)


@pytest.fixture(scope="module")
def found():
    return fc.check(scenario(KILLED), draws=64)


def close(value, expected, n=HISTORIES):
    return abs(value - expected) < 4 * np.sqrt(expected * (1 - expected) / n)


def test_weeks_add_up(found):
    weekly = (1 - STORM) * KILLED["calm"] + STORM * KILLED["storm"]
    row = found.seen.loc["harm", "killed"]
    assert close(row["each"], weekly, HISTORIES * WEEKS)
    assert close(row["once"], 1 - (1 - weekly) ** WEEKS)


def test_what_a_tripwire_tells_is_what_its_weeks_say(found):
    calm, never = (1 - STORM) ** WEEKS, ((1 - STORM) * (1 - KILLED["calm"])) ** WEEKS
    weekly = (1 - STORM) * KILLED["calm"] + STORM * KILLED["storm"]
    fires = 1 - (1 - weekly) ** WEEKS
    row = found.tripwires.loc["deaths", "storm=storm"]
    assert close(row["fires"], fires)
    assert close(row["probability"], 1 - calm)
    both = fires - (calm - never)
    assert close(row["if_fired"], both / fires, HISTORIES * fires)
    assert close(row["if_not"], 1 - never / (1 - fires), HISTORIES * (1 - fires))
    assert close(found.tripwires.loc["first", "storm=storm"]["fires"], weekly)
    assert found.silent_tripwires == ("harm",)


def test_a_tripwire_that_tells_nothing_is_named():
    blind = fc.check(scenario(dict.fromkeys(KILLED, 0.1)), draws=64)
    assert blind.silent_tripwires == ("deaths", "harm", "first")
    assert "TELLS NOTHING: harm fires with 9" in str(blind)
