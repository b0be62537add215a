"""The annex of judgements holds every basis of a scenario, and of what is taken without one."""

import tomllib
from collections import Counter
from types import SimpleNamespace

import pytest

import forecast as fc
from forecast.reading import shipped_folder
from forecast.reporting.stated import default_rows, judgements_section, stated_rows
from forecast.scenario.scenario import Scenario
from tests.harbour import harbour
from tests.small import BASIS

LEVEL = {"reports": (0.3, 3.0), "false_alarms": (0.5, 2.0), "basis": "judgement: of the level"}


def bases(part):
    """Every basis in what a scenario dumps, by a walk that knows nothing of its parts."""
    if isinstance(part, dict):
        if "basis" in part:
            yield part["basis"]
        part = part.values()
    if not isinstance(part, str):
        for inner in part if hasattr(part, "__iter__") else ():
            yield from bases(inner)


def everything():
    """Families, channels, watches, a record, profiles with blackouts, and a level."""
    problem = harbour(making="events", lineage=None).model_dump()
    return Scenario.model_validate(problem | {"reporting_level": LEVEL})


@pytest.mark.parametrize("name", [*fc.scenario_names(), "everything"])
def test_no_basis_of_a_scenario_is_left_out(name):
    problem = everything() if name == "everything" else fc.load_scenario(name)
    found = Counter(basis.strip("“”") for *_, basis in stated_rows(problem))
    assert found == Counter(bases(problem.model_dump()))


def test_how_reports_come_about_is_stated_under_the_name_of_what_it_is_about():
    rows = {(label, when): stated for label, when, stated, _ in stated_rows(everything())}
    assert rows["Family of sources: red", ""].startswith("sources: [red office], copying: [0.5, 0.")
    assert rows["Source: pilot", "record"] == "probability: [0.6, 0.95]"
    assert "falling: [0.3, 0.7]" in rows["Barometer", "how it is reported"]
    assert "share: 0.3" in rows["Barometer", "how it is reported, blackouts"]
    assert rows["Reporting level", ""] == "reports: [0.3, 3], false_alarms: [0.5, 2]"
    assert rows["Gauge", "rate, high"] == "between: [10, 40]"


def test_what_the_library_takes_is_listed_where_it_takes_it():
    folder = shipped_folder()
    usual = [folder / "reporting" / "defaults.toml", folder / "sources" / "lineage.toml"]
    known = {basis for path in usual for basis in bases(tomllib.loads(path.read_text("utf-8")))}
    iraq = {basis.strip("“”") for *_, basis in default_rows(fc.load_scenario("iraq-2020"))}
    assert iraq == {basis for basis in known if "standing" not in basis}
    assert not list(default_rows(harbour()))  # nothing is copied there, and silence says nothing
    own = [stated for _, when, stated, _ in default_rows(everything()) if "at once" in when]
    assert own == []


def test_the_annex_lists_them_under_one_name_each():
    problem = everything()
    section = judgements_section(SimpleNamespace(outlook=SimpleNamespace(scenario=problem)))
    names = [name for name, _ in section.blocks[1].groups]
    assert len(names) == len(set(names))
    assert sum(len(rows) for _, rows in section.blocks[1].groups) == len(
        [*stated_rows(problem), *default_rows(problem)]
    )
    assert BASIS in str(section.blocks[1])
