"""Scenario files: the shipped ones load, and a broken one lists all that is wrong, by line."""

import subprocess
import sys
from pathlib import Path

import pytest

from forecast.cli import main
from forecast.console import BAD_INPUT
from forecast.errors import InputError, InputWarning
from forecast.reading import shipped_folder
from forecast.scenario.scenario_files import load_scenario, scenario_schema, write_scenario
from forecast.scenario.shipped import scenario_names
from tests.small import weather

GOOD = """\
format: 1
name: storms
version: "1"
title: Will it storm?
question: Does a storm come within the horizon?
time: {start: 2020-01-03, step: 7, horizon: 28}
variables:
  storm:
    role: course_of_action
    label: Storm
    states: [calm, storm]
    courses:
      storm: {label: A storm, severity: 4, dangerous: true}
    initial:
      form: rows
      rows:
        - probability: {storm: [0.05, 0.30]}
          basis: "judgement: seen from the harbour"
    transition:
      form: hazards
      moves:
        - {from: calm, to: storm, within: 30, probability: [0.05, 0.3], basis: "judgement: b"}
        - {from: storm, to: calm, within: 14, probability: [0.3, 0.8], basis: "judgement: b"}
  barometer:
    role: indicator
    label: Barometer
    states: [high, falling, low]
    speaks_to:
      - {course: storm=storm, sign: "+"}
    table:
      form: rows
      rows:
        - when: {storm: calm}
          probability: {high: [0.5, 0.9], falling: [0.08, 0.4], low: [0.01, 0.15]}
          basis: "judgement: b"
        - when: {storm: storm}
          probability: {high: [0.03, 0.3], falling: [0.2, 0.6], low: [0.3, 0.7]}
          basis: "judgement: b"
"""


@pytest.fixture
def load(tmp_path):
    """Write text as a scenario file and load it."""

    def load_text(text):
        path = tmp_path / "scenario.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_scenario(tmp_path)

    return load_text


@pytest.fixture
def problems(load, tmp_path):
    """What is wrong with a text, without the file's name."""

    def problems_of(text):
        with pytest.raises(InputError) as caught:
            load(text)
        return [str(p).removeprefix(str(tmp_path / "scenario.yaml")) for p in caught.value.problems]

    return problems_of


def test_the_good_one_is_good(load):
    assert list(load(GOOD).variables) == ["storm", "barometer"]


@pytest.mark.parametrize("name", scenario_names())
def test_shipped_scenarios_load(name):
    assert load_scenario(name).name == name


def test_the_published_schema_is_current():
    """`make generated` writes it anew."""
    path = shipped_folder() / "scenario.schema.json"
    assert path.read_text(encoding="utf-8") == scenario_schema()


def test_digest_follows_every_change():
    one, other = weather(), weather(horizon=35)
    assert one.digest == weather().digest
    assert one.digest != other.digest
    assert one == weather() != other


FAULTS = {
    "unknown state": (
        "when: {storm: storm}",
        "when: {storm: strom}",
        ":36: variables.barometer.table.rows.1.when.storm: 'strom' is not a state of storm; "
        "did you mean 'storm'? Legal: calm, storm",
    ),
    "unknown parent": (
        "when: {storm: storm}",
        "when: {stork: storm}",
        ":36: variables.barometer.table.rows.1.when.stork: 'stork' is not a variable; "
        "did you mean 'storm'? Legal: storm, barometer",
    ),
    "missing row": (
        "when: {storm: storm}",
        "when: {storm: calm}",
        ":32: variables.barometer.table.rows: no row for storm=storm",
    ),
    "row that cannot sum to one": (
        "high: [0.5, 0.9], falling",
        "high: [0.1, 0.2], falling",
        ":34: variables.barometer.table.rows.0.probability: no row comes near these probabilities "
        "(lower ends sum to 0.19, upper ends to 0.75): ",
    ),
    "missing table": (
        "    table:\n      form: rows\n",
        "    tablet:\n      form: rows\n",
        ":30: variables.barometer.tablet: unknown entry 'tablet'; did you mean 'table'? ",
    ),
    "unknown key": (
        "severity: 4",
        "sevrity: 4",
        ":13: variables.storm.courses.storm.sevrity: unknown entry 'sevrity'; "
        "did you mean 'severity'?",
    ),
    "date that is no date": (
        "start: 2020-01-03",
        "start: 2020-01-33",
        ":6: time.start: 'start' should be a date such as 2020-01-31; given: '2020-01-33'",
    ),
    "horizon without end": (
        "horizon: 28",
        "horizon: 28000000",
        ":6: time.horizon: 4,000,000 steps; at most 1,000 are forecast",
    ),
    "horizon within a step": (
        "horizon: 28",
        "horizon: 2",
        ":6: time.horizon: 2 days; at least one step of 7 days",
    ),
    "start at the end of time": (
        "start: 2020-01-03",
        "start: 9999-12-30",
        ":6: time.start: 1,000 steps from 9999-12-30 pass the year 9999",
    ),
    "basis without a kind": (
        '"judgement: seen',
        '"I have seen',
        ":18: variables.storm.initial.rows.0.basis: a basis starts with its kind: ",
    ),
    "interval upside down": (
        "[0.05, 0.30]",
        "[0.30, 0.05]",
        ":17: variables.storm.initial.rows.0.probability.storm: [0.3, 0.05]: the lower end "
        "comes first",
    ),
    "unknown course": (
        "course: storm=storm",
        "course: storm=strom",
        ":29: variables.barometer.speaks_to.0.course: 'storm=strom' is not a course of action; ",
    ),
    "memory in a first table": (
        "    initial:\n      form: rows\n      rows:\n"
        "        - probability: {storm: [0.05, 0.30]}\n",
        "    initial:\n      form: rows\n      rows:\n"
        "        - {when: {previous storm: [calm, storm]}, probability: {storm: [0.05, 0.30]}, "
        'basis: "judgement: b"}\n        - probability: {storm: [0.05, 0.30]}\n',
        "previous storm does not exist at the first step; give `initial` and `transition` tables",
    ),
    "self-loop of a move": (
        "{from: calm, to: storm, within: 30",
        "{from: storm, to: storm, within: 30",
        "a move leads from storm to itself",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_fault_is_named_by_line(problems, fault):
    old, new, message = FAULTS[fault]
    assert old in GOOD
    found = problems(GOOD.replace(old, new, 1))
    assert any(message in problem for problem in found), found


def test_faults_in_different_variables_are_all_listed(problems):
    text = GOOD
    for fault in ("unknown state", "unknown key", "date that is no date", "missing table"):
        old, new, _ = FAULTS[fault]
        text = text.replace(old, new, 1)
    text = text.replace("probability: [0.3, 0.8]", "probability: [0.3, x]")
    found = "\n".join(problems(text))
    for part in ("sevrity", "2020-01-33", "tablet", "'x'"):
        assert part in found, found


def test_cyclic_parents_are_spelled_out(problems):
    cyclic = GOOD.replace(
        '        - probability: {storm: [0.05, 0.30]}\n          basis: "judgement: seen',
        "        - when: {barometer: [high, falling, low]}\n"
        '          probability: {storm: [0.05, 0.30]}\n          basis: "judgement: seen',
    )
    [problem] = problems(cyclic)
    assert "cyclic parents within a step: " in problem
    assert "storm → barometer → storm" in problem or "barometer → storm → barometer" in problem


def test_a_course_that_no_indicator_can_move_is_refused(problems):
    loose = GOOD.replace("when: {storm: calm}", "when: {wind: off}").replace(
        "when: {storm: storm}", "when: {wind: blowing}"
    )
    loose += """\
  wind:
    role: factor
    label: Wind
    states: [off, blowing]
    table: {form: rows, rows: [{probability: {blowing: [0.1, 0.3]}, basis: "judgement: b"}]}
"""
    assert problems(loose) == [":8: variables.storm: no indicator can move this course of action"]


BOMB = b"".join(
    b"%c: &%c [%s]\n" % (at, at, b",".join([b"*%c" % (at - 1)] * 8)) for at in range(98, 108)
)
"""Ten lists, each of eight times the one before."""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"  \n\n", "the file is empty"),
        (b"name: \x81\n", "not a text file in UTF-8 (byte 6, 0x81)"),
        (b"\xff\xfe", "the file is empty"),
        (b"name: a\0b", "NUL byte"),
        (b"- a\n- b\n", "a scenario is a mapping of names to values"),
        (b"just words\n", "a scenario is a mapping of names to values"),
        (b"a: [1, 2\nb: 3\n", "not valid YAML"),
        (b"a: 1\na: 2\n", "not valid YAML"),
        (b"a: &a [*a]\n", "scenario.yaml"),
        (b"[" * 5000, "nested more than 60 deep"),
        (b"- " * 5000, "nested more than 60 deep"),
        (b"? " * 40 + b"x\n", "a list or a mapping stands where a name should be"),
        (b"{" * 40 + b"a" + b"}" * 40 + b": 1\n", "a list or a mapping stands where a name"),
        (b"a: &x\n  <<: *x\n", "`<<` asks for the mapping that it stands in"),
        (b"a: &x {b: {<<: [*x]}}\n", "`<<` asks for the mapping that it stands in"),
        (b"a: [" + b"1," * 200_000 + b"1]\n", "200,004 lines, entries and items"),
        (b"a: " + b"x" * 9_000_000 + b"\n", "9,000,004 characters; a scenario has at most"),
        (b"a: &a {b: 1}\n" + b"c: {<<: *a}\n" * 300, "600 merge keys (<<) and aliases"),
        (b"a: &a [x,x,x,x,x,x,x,x]\n" + BOMB, "unfolds to more than 100,000 values"),
        (b"a: {null: 1, ~: 2}\n", "null means nothing; a name that is written so needs quotes"),
        (
            "a: 1\nb:\u00a0c\nd: e\n".encode(),
            "line 2 has a no-break space (U+00A0)",
        ),
        (
            "a:\n\u00a0 b: c\n  d: e\n".encode(),
            "line 2 has a no-break space (U+00A0)",
        ),
        (b"a: " + b"9" * 5000, "not valid YAML: a number of thousands of digits"),
        ("a: “b: c”\n".encode(), "the quote “ quotes nothing in YAML; write straight ones"),
        (b"a:\n\tb: 1\n", "a tab where spaces must be"),
        (b"variables: {}\n", "'variables'"),
        (b"variables: 3\n", "'variables' should be a mapping"),
        (b"{}\n", "'name' is missing"),
    ],
)
def test_files_that_are_no_scenario(load, content, message):
    with pytest.raises(InputError) as caught:
        load(content)
    assert message in str(caught.value)


def test_a_tab_separates_a_name_from_its_value(load):
    """YAML 1.2 has tabs everywhere but in indentation; in text they stay."""
    text = GOOD.replace("label: Storm", "label:\tStorm\t# seen\tfrom afar")
    assert text != GOOD
    assert load(text.encode()) == load(GOOD.encode())


def test_an_unknown_name_says_what_ships():
    with pytest.raises(InputError, match="did you mean 'iraq-2020'"):
        load_scenario("irak-2020")


def test_bad_input_exits_with_one_message_and_no_traceback(tmp_path):
    old, new, _ = FAULTS["unknown state"]
    text = GOOD.replace(old, new).replace("severity: 4", "severity: 44")
    (tmp_path / "scenario.yaml").write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "forecast", "check", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == BAD_INPUT
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert "severity" in done.stderr


def test_check_says_what_it_saw(tmp_path, capsys):
    (tmp_path / "scenario.yaml").write_text(GOOD, encoding="utf-8")
    assert main(["check", str(tmp_path)]) == 0
    assert "storms 1" in capsys.readouterr().out


def test_scenarios_are_listed(capsys):
    assert main(["scenarios"]) == 0
    assert "iraq-2020" in capsys.readouterr().out


def test_a_report_path_is_checked_before_any_work(capsys):
    assert main(["report", "iraq-2020", "-o", "warning.odt"]) == BAD_INPUT
    assert "none of .html, .md" in capsys.readouterr().err


def test_a_date_is_checked_before_any_work(capsys):
    assert main(["report", "iraq-2020", "--as-of", "23 January"]) == BAD_INPUT
    assert "'23 January' is not a date" in capsys.readouterr().err


def test_a_date_without_end_is_refused_at_once(capsys):
    assert main(["report", "iraq-2020", "--as-of", "9999-12-31"]) == BAD_INPUT
    assert "at most 1,000" in capsys.readouterr().err


def test_help_teaches(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert "forecast report iraq-2020 --as-of 2020-01-23 -o warning.html" in shown
    assert "exit codes" in shown


def test_the_pages_sources_channels_and_watches_can_be_loaded(load):
    page = (shipped_folder().parent / "docs" / "scenarios.md").read_text(encoding="utf-8")
    blocks = [part.split("```")[0] for part in page.split("```yaml\n")[1:]]
    collection = next(block for block in blocks if block.startswith("sources:"))
    scenario = load(GOOD + collection)
    assert scenario.sources["harbour_log"].record.probability.seen == 46
    assert scenario.channels["coast_radio"].shows == {"barometer": {"high": 0.8}}
    assert scenario.watches["keeper"].lag.days == (0, 2, 7)


def test_a_path_means_the_path_and_a_name_what_ships(tmp_path, monkeypatch):
    """With an edited copy in a folder of the same name."""
    monkeypatch.chdir(tmp_path)
    shipped = load_scenario("veyra-fleet")
    write_scenario(shipped.model_copy(update={"title": "Edited"}), "veyra-fleet")
    for path in ("veyra-fleet/", "./veyra-fleet", tmp_path / "veyra-fleet", Path("veyra-fleet")):
        assert load_scenario(path).title == "Edited"
    with pytest.warns(InputWarning, match="write './veyra-fleet' for the folder"):
        assert load_scenario("veyra-fleet") == shipped


def test_a_folder_without_a_scenario_says_where_there_is_one(tmp_path):
    (tmp_path / "storms").mkdir()
    with pytest.raises(InputError, match=r"holds no scenario\.yaml; `forecast new NAME` starts"):
        load_scenario(tmp_path)
    (tmp_path / "storms" / "scenario.yaml").write_text(GOOD)
    with pytest.raises(InputError, match=r"holds no scenario\.yaml; folders in it do: storms"):
        load_scenario(tmp_path)
    with pytest.raises(InputError, match="scenario: is empty"):
        load_scenario("")


@pytest.mark.parametrize("option", ["--as-of", "--evidence", "--output"])
def test_an_empty_option_is_refused(option, capsys):
    assert main(["report", "veyra-fleet", option, ""]) == 1
    assert f"{option[2:]}: is empty" in capsys.readouterr().err
