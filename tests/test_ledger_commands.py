"""The commands of a ledger: what they store, what they say, and what they refuse."""

import sqlite3
from argparse import Namespace
from datetime import date, timedelta

import pytest

import forecast as fc
from forecast.cli import _known
from forecast.cli_ledger import unknown_indicators
from forecast.console import BAD_INPUT, DONE
from forecast.errors import InputError
from forecast.evidence.ledger import Ledger
from forecast.evidence.report import FIELDS
from tests.ledgers import report
from tests.small import START, barometer_report, weather

HEADER = ",".join(FIELDS[: FIELDS.index("supersedes") + 1])
KEEPER = "2020-01-03,2020-01-03,2020-01-03"
TABLE = f"""\
{HEADER}
R1,barometer,low,{KEEPER},2020-01-03,keeper,B,2,,
R2,barometer,high,{KEEPER},2020-01-09,keeper,B,2,,R1
R3,wind,strong,{KEEPER},2020-01-05,mast,C,3,mast,
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "reports.csv"
    path.write_text(TABLE)
    return path


@pytest.fixture
def ledger(tmp_path, table):
    path = tmp_path / "ledger.db"
    with fc.open_ledger(path) as made:
        made.import_csv(table)
    return path


def test_import_stores_files_once(run, tmp_path, table):
    path = tmp_path / "new.db"
    code, out, _ = run("ledger", "import", path, table)
    *lines, last = out.splitlines()
    assert (code, lines) == (DONE, [f"{table}: 3 stored", f"{path} holds 3 reports"])
    receipt = last.removeprefix("receipt ")
    assert run("ledger", "check", path, "--receipt", receipt)[0] == DONE
    other = f"3:{'0' * 64}"
    code, _, err = run("ledger", "check", path, "--receipt", other)
    assert code != DONE
    assert "its first 3 reports are not those of the receipt" in err
    table.write_text(TABLE + f"R4,wind,weak,{KEEPER},2020-01-06,mast,C,3,,\n")
    code, out, _ = run("ledger", "import", path, table)
    lines = [f"{table}: 1 stored, 3 there already", f"{path} holds 4 reports"]
    assert (code, out.splitlines()[:-1]) == (DONE, lines)


def test_import_refuses_a_file_whole(run, tmp_path, table):
    path = tmp_path / "new.db"
    table.write_text(TABLE + f"R4,wind,weak,{KEEPER},2020-01-01,mast,X,3,,\n")
    code, out, err = run("ledger", "import", path, table)
    assert (code, out) == (BAD_INPUT, "")
    assert f"{table}:5: column 'reliability': 'X' is not a grade" in err
    assert f"{table}:5: column 'known': 2020-01-01 is before publication" in err
    with fc.open_ledger(path) as made:
        assert len(made) == 0


def test_import_checks_against_a_scenario(run, tmp_path):
    table = tmp_path / "other.csv"
    table.write_text(f"{HEADER}\nR1,barometr,low,{KEEPER},2020-01-03,keeper,B,2,,\n")
    code, _, err = run("ledger", "import", tmp_path / "x.db", table, "--scenario", "iraq-2020")
    assert code == BAD_INPUT
    assert "'barometr' is unknown" in err


def test_import_reads_other_tables_by_a_mapping(run, tmp_path):
    rows = tmp_path / "events.csv"
    rows.write_text("key,day,kind\n1,2020-01-04,storm\n2,2020-01-05,calm\n")
    mapping = tmp_path / "events.toml"
    mapping.write_text(
        '[columns]\nid = "key"\nevent_start = "day"\nknown = "day"\n'
        '[constants]\nsource = "mast"\nreliability = "B"\n'
        '[[rules]]\nindicator = "wind"\nstate = "strong"\nwhen = { kind = ["storm"] }\n'
    )
    path = tmp_path / "new.db"
    code, out, err = run("ledger", "import", path, rows, "--mapping", mapping)
    assert (code, err) == (DONE, "")
    assert out.startswith(f"{rows}: 1 stored, 1 rows left out by the mapping\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("import", "L.db", "r.xls"), "is named neither .csv nor .jsonl nor .parquet nor .xlsx"),
        (("import", "L.db", "reports.jsonl", "--mapping", "m.toml"), "a mapping is for tables"),
        (("export", "nothing.db", "all.csv"), "there is no such ledger"),
        (("show", "nothing.db"), "there is no such ledger"),
        (("diff", "nothing.db", "2020-01-01", "2020-01-02"), "there is no such ledger"),
        (("duplicates", "nothing.db"), "there is no such ledger"),
        (("waiting", "nothing.db"), "there is no such ledger"),
        (("check", "nothing.db"), "there is no such ledger"),
        (("salvage", "nothing.db", "new.db"), "there is no such ledger"),
    ],
)
def test_a_wrong_name_is_refused_and_makes_nothing(run, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    code, out, err = run("ledger", *arguments)
    assert (code, out) == (BAD_INPUT, "")
    assert message in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_what_is_exported_can_be_imported(run, tmp_path, ledger, suffix):
    out = tmp_path / f"all.{suffix}"
    assert run("ledger", "export", ledger, out)[:2] == (DONE, f"wrote {out}\n")
    assert run("ledger", "import", tmp_path / "copy.db", out)[0] == DONE
    with fc.open_ledger(ledger) as one, fc.open_ledger(tmp_path / "copy.db") as other:
        assert list(one) == list(other)


def test_show_lists_what_was_in_force(run, ledger):
    _, early, _ = run("ledger", "show", ledger, "--as-of", "2020-01-06")
    assert early.startswith("2 reports in force on 2020-01-06\n")
    assert [line.split()[0] for line in early.splitlines()[4:]] == ["R1", "R3"]
    _, late, _ = run("ledger", "show", ledger)
    assert late.startswith(f"2 reports in force on {date.today()}\n")
    assert [line.split()[0] for line in late.splitlines()[4:]] == ["R3", "R2"]
    code, _, err = run("ledger", "show", ledger, "--as-of", "soon")
    assert code == BAD_INPUT
    assert "'soon' is not a date" in err


def test_diff_says_what_became_known(run, ledger):
    _, out, _ = run("ledger", "diff", ledger, "2020-01-04", "2020-01-09")
    assert out.splitlines()[0] == "after 2020-01-04 and up to 2020-01-09:"
    assert "became known  R3  wind: strong" in out
    assert "revised       R1  barometer: low" in out


def test_duplicates_and_waiting_reports_are_listed(run, ledger):
    assert "no two reports" in run("ledger", "duplicates", ledger)[1]
    assert "names one that is there" in run("ledger", "waiting", ledger)[1]
    with fc.open_ledger(ledger) as made:
        made.append([report("R7", "high", day=4), report("R8", "high", day=4)])
        made.append(report("R9", "falling", supersedes="R10"))
    _, out, _ = run("ledger", "duplicates", ledger)
    assert out.startswith("claims that are there more than once: 1; ")
    assert [line.split()[0] for line in out.splitlines()[4:]] == ["R7", "R8"]
    assert "R9 supersedes R10" in run("ledger", "waiting", ledger)[1]


def test_check_and_salvage_a_damaged_file(run, tmp_path, ledger):
    assert run("ledger", "check", ledger)[:2] == (
        DONE,
        f"{ledger}: 3 reports, all as they were stored\n",
    )
    with sqlite3.connect(ledger) as connection:
        connection.execute("UPDATE reports SET state = 'low' WHERE receipt = 2")
    connection.close()
    code, _, err = run("ledger", "check", ledger)
    assert code == BAD_INPUT
    assert "receipt 2 ('R2'): not what was stored" in err
    new = tmp_path / "saved.db"
    code, out, _ = run("ledger", "salvage", ledger, new)
    assert (code, out) == (BAD_INPUT, f"{new}: 2 reports saved\n1 receipts are lost: 2\n")
    with fc.open_ledger(new) as saved:
        assert [one.id for one in saved] == ["R1", "R3"]
    code, _, err = run("ledger", "salvage", ledger, new)
    assert code == BAD_INPUT
    assert "is there already; name a new ledger" in err


def test_a_report_can_be_made_from_a_ledger(run, tmp_path, ledger):
    path = fc.write_scenario(weather(), tmp_path / "scenario.yaml")
    few = ["--draws", "20", "--tune", "20", "--allow-unreliable", "--as-of", "2020-01-09"]
    code, out, err = run("report", path, *few, "--evidence", ledger)
    assert (code, err) == (DONE, "")
    assert "left out: 1 reports on what weather has no variable for:\n  wind (1)\n" in out
    with fc.open_ledger(ledger) as made:
        known = made.known_at("2020-01-09", weather().variables)
    assert [each.id for each in known] == ["R2"]  # which replaces R1
    assert ": 1 reports in force on 2020-01-09\n" in out


def test_what_a_scenario_has_no_variable_for_is_told_with_what_was_meant():
    counts = {"barometr": 1200, "storm": 1, **{f"other{k:02}": 1 for k in range(12)}}
    lines = list(unknown_indicators(weather(), counts))
    assert lines[0] == "left out: 1,212 reports on what weather has no variable for:"
    assert lines[1] == "  barometr (1,200); did you mean barometer?"
    assert lines[-1] == "  and 3 more"
    assert list(unknown_indicators(weather(), {"barometer": 3})) == []


def read_as_of(capsys, ledger, **asked):
    """What the command forecasts from and compares with, and what it says of later reports."""
    given = Namespace(**{"as_of": None, "previous": None, "evidence": "named.csv"} | asked)
    scenario = weather().model_copy(update={"as_of": START + timedelta(days=6)})
    evidence, earlier = _known(given, scenario, ledger)
    assert [report.known <= evidence.as_of for report in evidence] == [True] * len(evidence)
    return evidence.as_of, earlier and earlier.as_of, capsys.readouterr().err


def test_later_reports_are_taken_in_or_said_to_be_left_out(capsys, tmp_path):
    reports = [barometer_report(f"R{week}", "low", week) for week in range(3)]
    own, second, newest = (START + timedelta(days=days) for days in (6, 7, 14))
    with fc.open_ledger(tmp_path / "reports.db") as kept:
        kept.append([*reports, report("X1", indicator="rockets", known=4000)])
        for ledger in (Ledger(tuple(reports)), kept):
            assert read_as_of(capsys, ledger) == (newest, None, "")
            left = f"2 later reports left out; --as-of {newest} takes in all\n"
            assert read_as_of(capsys, ledger, evidence=None) == (own, None, left)
            left = f"1 later report left out; --as-of {newest} takes in all\n"
            assert read_as_of(capsys, ledger, as_of=f"{second}", previous=f"{own}") == (
                second, own, left,
            )  # fmt: skip
            with pytest.raises(InputError, match="is not before the as-of date"):
                read_as_of(capsys, ledger, as_of=f"{own}", previous=f"{own}")
            capsys.readouterr()
