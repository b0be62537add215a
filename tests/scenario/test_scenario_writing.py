"""Law: what is written reads back equal, and writing changes nothing else."""

import os
from difflib import unified_diff
from pathlib import Path

import numpy as np
import pytest

import forecast as fc
from forecast.cli import main
from forecast.console import BAD_INPUT
from forecast.errors import InputError
from forecast.scenario.rendering import describe
from forecast.scenario.scenario import Narrative, Scenario, Source
from forecast.scenario.scenario_files import scenario_schema
from tests.scenarios import full_scenario
from tests.small import weather

SKELETON = Path(fc.__file__).parent / "scenario" / "skeleton" / "scenario.yaml"


def assert_same(one, other):
    """Equal in everything, the order of variables and states included."""
    assert one == other
    assert one.digest == other.digest
    assert one.model_dump_json() == other.model_dump_json()


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def diff(old, new):
    """Lines that only one of two texts has, with + and -."""
    lines = list(unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm=""))[2:]
    return [line for line in lines if not line.startswith("@@")]


def changed(scenario, path, value):
    """A copy of a scenario with one value of its description changed; None takes it away."""
    body = scenario.model_dump(by_alias=True)
    part = body
    for step in path[:-1]:
        if isinstance(part[step], tuple):
            part[step] = list(part[step])
        part = part[step]
    if value is None:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return Scenario.model_validate(_tuples(body))


def _tuples(part):
    if isinstance(part, dict):
        return {key: _tuples(value) for key, value in part.items()}
    return tuple(map(_tuples, part)) if isinstance(part, list | tuple) else part


@pytest.fixture
def started(tmp_path):
    """A folder with the commented skeleton."""
    return fc.new_scenario(tmp_path / "border")


# Round trips


@pytest.mark.parametrize("name", fc.scenario_names())
def test_shipped_scenarios_read_back_equal(name, tmp_path):
    scenario = fc.load_scenario(name)
    path = fc.write_scenario(scenario, tmp_path / name)
    assert_same(fc.load_scenario(path), scenario)
    text = path.read_text(encoding="utf-8")
    assert max(map(len, text.splitlines())) <= 100
    assert text == text.rstrip() + "\n"
    assert not any(line.endswith(" ") for line in text.splitlines())


@pytest.mark.parametrize("name", fc.scenario_names())
def test_a_scenario_written_over_its_own_file_changes_nothing(name, tmp_path):
    text = (fc.scenario_folder(name) / "scenario.yaml").read_text(encoding="utf-8")
    (tmp_path / "scenario.yaml").write_text(text, encoding="utf-8")
    path = fc.write_scenario(fc.load_scenario(name), tmp_path)
    assert path.read_text(encoding="utf-8") == text


def _round_trip(seed, folder):
    scenario = full_scenario(seed)
    path = fc.write_scenario(scenario, folder / "scenario.yaml")
    assert_same(fc.load_scenario(path), scenario)
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("seed", range(10))
def test_generated_scenarios_read_back_equal(seed, tmp_path):
    """The second is written over the first, which has the same shape here and another there."""
    _round_trip(seed, tmp_path)
    _round_trip(seed + 40, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(80, 120))
def test_more_generated_scenarios_read_back_equal(seed, tmp_path):
    fresh = _round_trip(seed, tmp_path / "fresh")
    assert _round_trip(seed, tmp_path / "fresh") == fresh
    _round_trip(seed + 40, tmp_path / "fresh")


def test_the_layout_is_the_one_that_people_write(tmp_path):
    text = fc.write_scenario(weather(), tmp_path).read_text(encoding="utf-8")
    assert (
        text
        == """\
# yaml-language-server: $schema=scenario.schema.json

format: 1
name: weather
version: "1"
title: Will it storm?
question: Does a storm come within the horizon?
time: {start: 2020-01-03, step: 7, horizon: 28}

variables:
  storm:
    role: course_of_action
    label: Storm
    states: [calm, storm]
    initial:
      form: rows
      rows:
        - probability: {storm: [0.05, 0.3]}
          basis: "judgement: made for a test"
    transition:
      form: hazards
      moves:
        - from: calm
          to: storm
          within: 30
          probability: [0.05, 0.3]
          basis: "judgement: made for a test"
        - from: storm
          to: calm
          within: 14
          probability: [0.3, 0.8]
          basis: "judgement: made for a test"
    courses:
      storm: {label: A storm, severity: 4, dangerous: true}

  barometer:
    role: indicator
    label: Barometer
    states: [high, falling, low]
    table:
      form: rows
      rows:
        - when: {storm: calm}
          concentration: {high: 14, falling: 5, low: 1}
          basis: "judgement: made for a test"
        - when: {storm: storm}
          concentration: {high: 2, falling: 6, low: 8}
          basis: "judgement: made for a test"
    speaks_to: [{course: storm=storm}]
reporting: ignorable
lineage: as_stated
"""
    )


def test_states_named_as_the_ends_of_an_interval_stay_states():
    variable = {
        "role": "factor",
        "label": "L",
        "states": ("lower", "upper"),
        "table": {
            "form": "rows",
            "rows": ({"concentration": {"lower": 1.0, "upper": 2.0}, "basis": "judgement: b"},),
        },
    }
    [row] = describe(fc.Variable.model_validate(variable))["table"]["rows"]
    assert row["concentration"] == {"lower": 1, "upper": 2}


def test_editors_find_the_schema(tmp_path):
    path = fc.write_scenario(weather(), tmp_path / "one")
    assert (path.parent / "scenario.schema.json").read_text(encoding="utf-8") == scenario_schema()
    (tmp_path / "scenario.schema.json").write_text(scenario_schema(), encoding="utf-8")
    path = fc.write_scenario(weather(), tmp_path / "two")
    assert names_in(tmp_path / "two") == ["scenario.yaml"]
    assert path.read_text(encoding="utf-8").startswith(
        "# yaml-language-server: $schema=../scenario.schema.json\n"
    )


# Writing over a file that somebody has written

LABEL = ("variables", "leader_control", "label")
MOVES = ("variables", "rival_posture", "transition", "moves")
EDITS = {
    "number in a remarked line": (
        ("time", "horizon"),
        56,
        ["-time: {start: 2024-01-01, step: 7, horizon: 28}"],
        ["+time: {start: 2024-01-01, step: 7, horizon: 56}"],
    ),
    "text that needs quotes": (
        LABEL,
        "Control: his own",
        ["-    label: The leader's control over his commanders"],
        ['+    label: "Control: his own"'],
    ),
    "text that is folded": (
        LABEL,
        "word " * 30 + "end",
        ["-    label: The leader's control over his commanders"],
        ["+    label: >-", "+      word word", "+      word word"],
    ),
    "folded text made short": (
        ("question",),
        "Will they?",
        ["-question: >-", "-  Does the rival attack the border posts within four weeks?"],
        ["+question: Will they?"],
    ),
    "interval in a list": (
        (*MOVES, 1, "probability"),
        (0.2, 0.3),
        ["-          probability: [0.1, 0.35]"],
        ["+          probability: [0.2, 0.3]"],
    ),
    "new entry": (
        ("variables", "leader_control", "about"),
        "New.",
        [],
        ["+    about: New."],
    ),
    "entry in brackets": (
        ("variables", "rival_posture", "courses", "hold", "role_in_source"),
        "none",
        ["-      hold: {label: Hold, severity: 0}"],
        ["+      hold: {label: Hold, severity: 0, role_in_source: none}"],
    ),
    "entry taken away": (
        ("tripwires", "massed_at_border", "meaning"),
        None,
        ["-    meaning: Warn the posts; look for bridging equipment."],
        [],
    ),
    "new source": (
        ("sources", "spy"),
        {"title": "A spy"},
        [],
        ["+  spy: {title: A spy}"],
    ),
    "first source gone": (
        ("sources", "photographs"),
        None,
        ["-  photographs: {title: Photographs of the border roads, reliability: B}"],
        [],
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_only_what_changed_is_rewritten(edit, started):
    path, value, gone, come = EDITS[edit]
    scenario = fc.load_scenario(started)
    before = (started / "scenario.yaml").read_text(encoding="utf-8")
    other = changed(scenario, path, value)
    fc.write_scenario(other, started)
    assert_same(fc.load_scenario(started), other)
    lines = diff(before, (started / "scenario.yaml").read_text(encoding="utf-8"))
    assert len(lines) == len(gone) + len(come), lines
    assert all(map(str.startswith, lines, [*gone, *come])), lines


def test_removed_items_take_their_own_remarks_with_them_and_no_others(started):
    text = (started / "scenario.yaml").read_text(encoding="utf-8")
    scenario = fc.load_scenario(started)
    moves = scenario.variables["rival_posture"].transition.moves
    fewer = changed(scenario, MOVES, tuple(m.model_dump(by_alias=True) for m in moves[1:]))
    fc.write_scenario(fewer, started)
    lines = diff(text, (started / "scenario.yaml").read_text(encoding="utf-8"))
    assert len(lines) == 7
    assert "says under which condition" in lines[0]
    fc.write_scenario(scenario, started)
    assert_same(fc.load_scenario(started), scenario)


def test_windows_line_ends_stay(started):
    path = started / "scenario.yaml"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    other = changed(fc.load_scenario(started), LABEL, "New")
    fc.write_scenario(changed(other, LABEL, "word " * 40), started)
    fc.write_scenario(other, started)
    raw = path.read_bytes()
    assert raw.count(b"\n") == raw.count(b"\r\n") > 100


def test_random_edits_keep_every_remark(started):
    """Texts and numbers change again and again; every remark is there in the end, in order."""
    rng = np.random.default_rng(4)
    path = started / "scenario.yaml"
    remarks = [line for line in path.read_text("utf-8").splitlines() if line.strip()[:1] == "#"]
    scenario = fc.load_scenario(started)
    for trial in range(40):
        name = str(rng.choice(list(scenario.variables)))
        what = ("variables", name, str(rng.choice(["label", "about"])))
        text = str(rng.choice(["Short", "A: colon", "word " * 30 + "end", "two\nlines", "# no"]))
        scenario = changed(scenario, what, f"{text}{trial}")
        if scenario.variables["rival_posture"].transition and rng.random() < 0.5:
            probability = (0.1, round(float(rng.uniform(0.2, 0.9)), 3))
            scenario = changed(scenario, (*MOVES, int(rng.integers(3)), "probability"), probability)
        fc.write_scenario(scenario, started)
        assert_same(fc.load_scenario(started), scenario)
    found = [line for line in path.read_text("utf-8").splitlines() if line in remarks]
    assert found == remarks


def test_entries_in_another_order_are_written_in_that_order(started):
    scenario = fc.load_scenario(started)
    turned = dict(reversed(scenario.variables.items()))
    other = scenario.model_copy(update={"variables": turned})
    fc.write_scenario(other, started)
    assert_same(fc.load_scenario(started), other)


def test_a_file_with_anchors_is_written_anew(tmp_path):
    fc.write_scenario(weather(), tmp_path)
    path = tmp_path / "scenario.yaml"
    text = path.read_text("utf-8").replace(
        'basis: "judgement: made for a test"', 'basis: &b "judgement: made for a test"', 1
    )
    path.write_text(text.replace('basis: "judgement: made for a test"', "basis: *b"), "utf-8")
    scenario = fc.load_scenario(tmp_path)
    assert_same(scenario, weather())
    other = changed(
        scenario, ("variables", "storm", "initial", "rows", 0, "basis"), "judgement: another"
    )
    fc.write_scenario(other, tmp_path)
    assert_same(fc.load_scenario(tmp_path), other)


# Refusals


def test_an_invalid_scenario_is_refused_with_all_problems(started):
    before = (started / "scenario.yaml").read_bytes()
    scenario = fc.load_scenario(started)
    broken = scenario.model_copy(
        update={
            "title": "",
            "narrative": Narrative.model_construct(takeaway=3),
            "variables": {
                **scenario.variables,
                "border_talks": scenario.variables["border_talks"].model_copy(
                    update={"role": "outcome"}
                ),
            },
        }
    )
    with pytest.raises(InputError) as caught:
        fc.write_scenario(broken, started)
    assert [str(problem) for problem in caught.value.problems] == [
        "title: 'title' should not be empty",
        "narrative.takeaway: 'takeaway' should be text; given: 3; put it in quotes",
        "variables.border_talks.speaks_to: only an indicator speaks to a course; "
        "the role here is outcome",
    ]
    assert (started / "scenario.yaml").read_bytes() == before
    assert names_in(started) == [
        "README.md",
        "evidence.csv",
        "scenario.schema.json",
        "scenario.yaml",
    ]


def test_text_that_no_file_can_hold_is_refused(tmp_path):
    broken = weather().model_copy(update={"sources": {"s": Source.model_construct(title="\ud800")}})
    with pytest.raises(InputError, match="holds a character that no file can hold"):
        fc.write_scenario(broken, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_a_file_that_is_no_scenario_is_not_written_over(tmp_path):
    (tmp_path / "scenario.yaml").write_text("notes: mine\n", encoding="utf-8")
    with pytest.raises(InputError, match="is not written over"):
        fc.write_scenario(weather(), tmp_path)
    assert (tmp_path / "scenario.yaml").read_text(encoding="utf-8") == "notes: mine\n"


def test_a_place_that_cannot_be_written_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        fc.write_scenario(weather(), tmp_path / "file" / "folder")


def test_a_failed_write_leaves_the_old_file(started, monkeypatch):
    before = (started / "scenario.yaml").read_bytes()

    def fail(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(InputError, match="No space left"):
        fc.write_scenario(changed(fc.load_scenario(started), LABEL, "New"), started)
    assert (started / "scenario.yaml").read_bytes() == before
    assert len(names_in(started)) == 4


# Starting a scenario


def test_a_new_scenario_is_ready_to_use(tmp_path, capsys):
    folder = tmp_path / "deep" / "border-2024"
    assert main(["new", str(folder)]) == 0
    assert main(["check", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "border-2024 1 (digest" in printed
    assert "4 reports: no problems" in printed
    assert "misses by" not in printed
    scenario = fc.load_scenario(folder)
    assert len(fc.read_evidence(folder / "evidence.csv", scenario)) == 4
    assert [len(scenario.with_role(role)) for role in ("course_of_action", "factor")] == [1, 1]


def test_every_entry_of_the_skeleton_is_explained():
    text = SKELETON.read_text(encoding="utf-8")
    remarks = " ".join(line.partition("#")[2] for line in text.splitlines())
    for word in (
        "step",
        "horizon",
        "states",
        "probability",
        "basis",
        "severity",
        "when",
        "previous",
    ):
        assert word in remarks


@pytest.mark.parametrize("name", ["true", "null", "N", "e3"])
def test_a_folder_may_have_any_legal_name(name, tmp_path):
    assert fc.load_scenario(fc.new_scenario(tmp_path / name)).name == name


def test_an_empty_folder_is_filled(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert fc.load_scenario(fc.new_scenario(".")).name == "here"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("two words", "cannot be the name of a scenario"),
        ("2024", "starts with a letter"),
        ("a" * 61, "at most 60"),
        ("full", "the folder is not empty"),
        ("file", "there is a file of this name"),
        ("file/inside", "cannot be written"),
        ("nul\0", "cannot be written"),
    ],
)
def test_a_bad_place_is_refused_and_left_as_it_was(name, message, tmp_path, capsys):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "work.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "file").write_text("mine", encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    assert main(["new", str(tmp_path / name)]) == BAD_INPUT
    assert message in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_a_failed_start_leaves_nothing(tmp_path, monkeypatch):
    def fail(self, target):
        if target.name == "README.md":
            raise OSError(28, "No space left on device")
        return self.rename(target)

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(InputError, match="No space left"):
        fc.new_scenario(tmp_path / "deep" / "border")
    assert names_in(tmp_path) == []


def test_shipped_folders_hold_no_skeleton():
    assert "skeleton" not in fc.scenario_names()


def test_a_link_stays_and_the_file_behind_it_is_changed(tmp_path):
    scenario = fc.load_scenario("iraq-2020")
    file = fc.write_scenario(scenario, tmp_path / "real")
    link = tmp_path / "linked.yaml"
    link.symlink_to(file)
    fc.write_scenario(scenario.model_copy(update={"version": "9"}), link)
    assert link.is_symlink()
    assert fc.load_scenario(file).version == "9"


def test_a_file_that_others_may_not_read_stays_so(tmp_path):
    scenario = fc.load_scenario("iraq-2020")
    file = fc.write_scenario(scenario, tmp_path)
    file.chmod(0o600)
    fc.write_scenario(scenario.model_copy(update={"version": "9"}), tmp_path)
    assert file.stat().st_mode & 0o777 == 0o600


def test_what_is_no_file_is_not_written_over(tmp_path):
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    with pytest.raises(fc.InputError, match="something other than a file"):
        fc.write_scenario(fc.load_scenario("iraq-2020"), pipe)
    assert pipe.is_fifo()


@pytest.mark.parametrize(
    ("scenario", "folder"), [("iraq-2020", "a"), (None, "a"), (fc.load_scenario("iraq-2020"), "\0")]
)
def test_a_careless_call_is_told_what_is_wrong(tmp_path, scenario, folder):
    with pytest.raises(fc.InputError):
        fc.write_scenario(scenario, tmp_path / folder)
