"""Evidence held in memory: the same reports from pandas, Arrow, rows, and what polars gives."""

import sys
import zipfile
from datetime import date, datetime

import pandas as pd
import pytest

import forecast as fc
from tests.small import weather

ROW = {
    "id": "R1",
    "indicator": "barometer",
    "state": "low",
    "event_start": "2020-01-08",
    "known": "2020-01-09",
    "source": "keeper",
}


class Polars:
    """As far as the library looks, a data frame of polars."""

    columns = tuple(ROW)

    def to_dict(self, *, as_series=True):
        raise AssertionError(f"it gives columns, not rows: {as_series}")

    def to_dicts(self):
        return [ROW]


class Stream:
    """What hands its columns over as Arrow does, and nothing else."""

    def __init__(self, table):
        self.table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self.table.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("kind", ["pandas", "rows", "polars", "arrow", "stream", "bytes"])
def test_however_rows_are_held_they_are_the_same_reports(kind, tmp_path):
    held = {
        "pandas": lambda: pd.DataFrame([ROW]),
        "rows": lambda: [ROW],
        "polars": Polars,
        "arrow": lambda: pytest.importorskip("pyarrow").Table.from_pylist([ROW]),
        "stream": lambda: Stream(pytest.importorskip("pyarrow").Table.from_pylist([ROW])),
        "bytes": lambda: pd.DataFrame([{name: text.encode() for name, text in ROW.items()}]),
    }[kind]()
    [report] = fc.read_evidence(held, weather())
    assert (report.id, report.state, str(report.known)) == ("R1", "low", "2020-01-09")
    with fc.open_ledger(tmp_path / "reports.db", weather()) as ledger:
        ledger.import_frame(held)
        assert list(ledger) == [report]


def both_ways(path, method="import_csv"):
    """The reports of a file, read into memory; a ledger's import must read the same."""
    read = list(fc.read_evidence(path, weather()))
    with fc.open_ledger(path.with_suffix(".db"), weather()) as ledger:
        getattr(ledger, method)(path)
        assert list(ledger) == read
    return read


@pytest.mark.parametrize("sign", [";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_spreadsheets_save_as_csv_is_read(tmp_path, sign, encoding):
    path = tmp_path / "reports.csv"
    text = "\r\n".join(sign.join(cells) for cells in (ROW, {**ROW, "source": "Zoë, é"}.values()))
    path.write_bytes(text.encode(encoding))
    [report] = both_ways(path)
    assert (report.source, str(report.known)) == ("Zoë, é", "2020-01-09")


def test_text_in_an_encoding_that_nothing_says_names_its_line_and_the_remedy(tmp_path):
    path = tmp_path / "reports.csv"
    rows = [ROW.values(), {**ROW, "id": "R2", "source": "Zoë"}.values()]
    path.write_bytes("\n".join(",".join(cells) for cells in (ROW, *rows)).encode("cp1252"))
    with pytest.raises(fc.InputError, match=r"reports.csv:3: not .*pandas.read_csv\(path, encod"):
        fc.read_evidence(path, weather())
    with (
        fc.open_ledger(tmp_path / "reports.db") as ledger,
        pytest.raises(fc.InputError, match=r"reports.csv:3: not .*pandas.read_csv\(path, encod"),
    ):
        ledger.import_csv(path)


def workbook(path, *sheets):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.remove(book.active)
    for k, rows in enumerate(sheets):
        sheet = book.create_sheet(f"s{k}")
        for row in rows:
            sheet.append(list(row))
    book.save(path)
    return path


def test_a_workbook_is_read_with_its_days_numbers_and_gaps(tmp_path):
    days = {
        **ROW,
        "id": 7,
        "event_start": datetime.fromisoformat("2020-01-08"),
        "known": date(2020, 1, 9),
    }
    rows = [[], ROW, days.values(), [None] * 6, {**ROW, "id": "NA"}.values()]
    path = workbook(tmp_path / "reports.xlsx", rows, [])
    first, second = both_ways(path, "import_excel")
    assert (first.id, str(first.event_start), str(first.known)) == ("7", "2020-01-08", "2020-01-09")
    assert second.id == "NA"
    wrong = workbook(tmp_path / "wrong.xlsx", [ROW, [*ROW.values(), "more"], ["R2"]])
    with pytest.raises(fc.InputError, match=r"wrong.xlsx: row 2: .*more or fewer"):
        fc.read_evidence(wrong, weather())


def test_a_workbook_that_can_be_read_in_two_ways_or_in_none_names_the_remedy(tmp_path, monkeypatch):
    path = workbook(tmp_path / "two.xlsx", [ROW, ROW.values()], [["a"]])
    with pytest.raises(fc.InputError, match=r"holds 2 sheets .*'s0', 's1'.*sheet_name="):
        fc.read_evidence(path, weather())
    with (
        fc.open_ledger(tmp_path / "reports.db") as ledger,
        pytest.raises(fc.InputError, match=r"ledger.import_excel\(path"),
    ):
        ledger.import_csv(path)
    broken = tmp_path / "broken.xlsx"
    with zipfile.ZipFile(broken, "w") as archive:
        archive.writestr("[Content_Types].xml", "<nothing")
    with pytest.raises(fc.InputError, match=r"cannot be read as a workbook.*save its sheet as CSV"):
        fc.read_evidence(broken, weather())
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(fc.InputError, match=r"pip install 'forecast\[excel\]'"):
        fc.read_evidence(path, weather())
