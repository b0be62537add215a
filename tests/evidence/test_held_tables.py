"""Evidence held in memory: the same reports from pandas, Arrow, rows, and what polars gives."""

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


@pytest.mark.parametrize("kind", ["pandas", "rows", "polars", "arrow", "bytes"])
def test_however_rows_are_held_they_are_the_same_reports(kind, tmp_path):
    held = {
        "pandas": lambda: pd.DataFrame([ROW]),
        "rows": lambda: [ROW],
        "polars": Polars,
        "arrow": lambda: pytest.importorskip("pyarrow").Table.from_pylist([ROW]),
        "bytes": lambda: pd.DataFrame([{name: text.encode() for name, text in ROW.items()}]),
    }[kind]()
    [report] = fc.read_evidence(held, weather())
    assert (report.id, report.state, str(report.known)) == ("R1", "low", "2020-01-09")
    with fc.open_ledger(tmp_path / "reports.db", weather()) as ledger:
        ledger.import_frame(held)
        assert list(ledger) == [report]
