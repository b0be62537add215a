"""Reports in files and frames: every format reads back what it wrote, or is refused whole."""

import json
from datetime import date

import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.testing.ledgers import random_reports
from tests.ledgers import bits, generator, report
from tests.refusals import problems
from tests.small import weather


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet", "frame"])
def test_every_format_reads_back_what_it_wrote(tmp_path, address, kind):
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    reports = random_reports(generator("formats"), 80)
    with fc.open_ledger(address) as ledger:
        ledger.append(reports)
        path = [tmp_path / f"reports.{kind}"] if kind != "frame" else []
        written = getattr(ledger, f"export_{kind}")(*path)
    with fc.open_ledger(tmp_path / "second.db") as second:
        assert getattr(second, f"import_{kind}")(written).added == 80
        assert bits(tuple(second)) == bits(tuple(reports))
        assert getattr(second, f"import_{kind}")(written).present == 80


def test_exported_cells_are_no_formulas(tmp_path):
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        notes = ["=HYPERLINK(0)", "+1", "-1", "@SUM(1)", "\uff1d1", "'=1", "'plain", "plain"]
        ledger.append([report(f"R{k}", note=note) for k, note in enumerate(notes)])
        frame = pd.read_csv(ledger.export_csv(tmp_path / "reports.csv"), dtype=str)
    assert not frame["note"].str.startswith(("=", "+", "-", "@", "\uff1d")).any()
    assert set(frame["note"]) >= {"plain", "'plain"}
    read = fc.read_evidence(tmp_path / "reports.csv", weather())
    assert [one.note for one in read] == notes


def test_a_frame_of_moments_is_read_as_days_in_utc(tmp_path):
    moments = pd.to_datetime(["2020-01-09 01:30"]).tz_localize("Asia/Baghdad")
    frame = pd.DataFrame(
        {"id": ["R"], "indicator": ["barometer"], "state": ["low"], "source": ["keeper"]}
    ).assign(event_start=moments, known=moments)
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        ledger.import_frame(frame)
        assert next(iter(ledger)).known == date(2020, 1, 8)
        message = problems(ledger.import_frame, [1])
        assert message == ["data frame: a list is no data frame"]


def test_a_bad_import_stores_nothing_and_counts_its_problems(tmp_path):
    header = "id,indicator,state,event_start,known,source"
    good = [f"R{k},barometer,low,2020-01-05,2020-01-06,keeper" for k in range(12_000)]
    bad = [f"S{k},barometer,low,2020-01-05,soon,keeper" for k in range(150)]
    path = tmp_path / "reports.csv"
    path.write_text("\n".join([header, *good, *bad, "short"]))
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        with pytest.raises(InputError) as caught:
            ledger.import_csv(path)
        assert len(caught.value.problems) == 151
        assert str(caught.value).endswith("… and 51 more")
        assert f"{path}:12002: column 'known': 'soon' is not a date" in str(caught.value)
        assert len(ledger) == 0


def test_bad_lines_of_json_are_all_listed(tmp_path):
    good = {"id": "R1", "indicator": "barometer", "state": "low", "source": "keeper"}
    good |= {"event_start": "2020-01-05", "known": "2020-01-06"}
    lines = [
        json.dumps(good),
        "{",
        "[]",
        json.dumps(good | {"id": "R2", "stat": "low"}),
        json.dumps(good | {"id": "R3", "note": ["a"]}),
        json.dumps({"id": "R4"}),
        "[" * 100_000,
        json.dumps(good | {"id": "R5", "note": "\ud800"}),
        json.dumps(good | {"id": "R6", "state": "", "number": 1e400}),
    ]
    path = tmp_path / "reports.jsonl"
    path.write_text("\n".join(lines))
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        found = problems(ledger.import_jsonl, path)
        assert len(ledger) == 0
    assert [line.removeprefix(f"{path}:").split(":")[0] for line in found] == [
        *("2", "3", "4", "5"),
        *("6", "6", "6"),
        *("7", "8", "9"),
    ]
    assert "did you mean 'state'" in found[2]
