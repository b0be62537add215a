"""Other people's tables, read by a mapping: what a row means, and what is noted of the rest."""

from contextlib import nullcontext
from datetime import date

import pandas as pd
import pytest

import forecast as fc
from forecast.evidence.mapping import read_mapping
from tests.ledgers import ids
from tests.refusals import problems
from tests.small import weather

ACLED = {
    "event_id_cnty": ["IRQ1", "IRQ2", "IRQ3"],
    "event_date": ["2020-01-04", "05 January 2020", "2020-01-06"],
    "event_type": ["Battles", "Protests", "Strategic developments"],
    "country": ["Iraq", "Iraq", "Iraq"],
    "source": ["Reuters", "AFP", "AFP"],
    "notes": ["one", "two", "three"],
    "fatalities": [2, 0, 0],
    "timestamp": [1578355200, 1578355200, 1578355200],
    "time_precision": [1, 2, 1],
}
RULES = """
[[rules]]
when = { country = "Iraq", event_type = ["Battles", "Explosions/Remote violence"] }
indicator = "barometer"
state = "low"

[[rules]]
when = { event_type = "Protests" }
indicator = "deaths"
number = "fatalities"
"""


def test_other_peoples_tables_are_read_by_a_mapping(tmp_path):
    table, mapping = tmp_path / "events.csv", tmp_path / "mapping.toml"
    pd.DataFrame(ACLED).to_csv(table, index=False)
    mapping.write_text(f'layout = "acled"\n{RULES}\n[constants]\nreliability = "C"\n')
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        receipt = ledger.import_csv(table, mapping)
        assert (receipt.added, receipt.left_out) == (2, 1)
        battle, protest = ledger
    assert (battle.id, battle.statement, battle.grade) == ("acled:IRQ1@1578355200", "low", "C6")
    assert (battle.origin, battle.event_end) == ("acled:IRQ1", date(2020, 1, 4))
    assert (protest.indicator, protest.number, protest.source) == ("deaths", 0.0, "AFP")
    assert (protest.event_start, protest.event_end) == (date(2020, 1, 2), date(2020, 1, 8))
    assert protest.known == date(2020, 1, 7)


def test_an_export_that_holds_a_row_twice_revises_nothing(address):
    mapping = {"layout": "acled", "rules": [{"indicator": "deaths", "number": "fatalities"}]}
    table = pd.DataFrame(ACLED)
    with fc.open_ledger(address) as ledger:
        receipt = ledger.import_frame(pd.concat([table, table.iloc[:1]]), mapping)
        assert (receipt.added, receipt.present) == (3, 1)
        assert not any(report.supersedes for report in ledger)


def test_a_later_export_supersedes_what_it_changed(address):
    rule = {"indicator": "deaths", "number": "fatalities"}
    mapping = {"layout": "acled", "rules": [rule]}
    first = pd.DataFrame(ACLED)
    changed = first.assign(fatalities=[5, 0, 0], timestamp=[1579651200, 1578355200, 1578355200])
    once_more = changed.assign(fatalities=[4, 0, 0], timestamp=[1580000000, 1578355200, 1578355200])
    with fc.open_ledger(address) as ledger:
        for table, added in ((first, 3), (changed, 1), (once_more, 1), (changed, 0)):
            receipt = ledger.import_frame(table, mapping)
            assert (receipt.added, receipt.present) == (added, 3 - added)
        numbers = {
            moment: [one.number for one in ledger.known_at(moment)]
            for moment in ("2020-01-07", "2020-01-22", "2020-01-26")
        }
        assert numbers == {
            "2020-01-07": [0.0, 2.0, 0.0],
            "2020-01-22": [0.0, 5.0, 0.0],
            "2020-01-26": [0.0, 4.0, 0.0],
        }
        late = first.assign(fatalities=[7, 0, 0], timestamp=[1578441600, 1578355200, 1578355200])
        assert problems(ledger.import_frame, late, mapping) == [
            "row 0: acled:IRQ1@1578441600 supersedes acled:IRQ1@1580000000, which became known "
            "later"
        ]


def test_a_mapping_gives_ranges_and_short_origins(tmp_path):
    constants = {"known": "2021-05-01", "reliability": "B"}
    rules = [{"when": {"country": "Iraq"}, "indicator": "deaths", "number": "low", "upper": "high"}]
    row = {"id": 9, "relid": "IRQ-9", "date_start": "2020-01-05", "date_end": "2020-01-07"}
    row |= {"source_article": "a, b; c", "where_description": "market", "country": "Iraq"}
    row |= {"best": 12, "low": 10, "high": 30}
    frame = pd.DataFrame([row])
    mapping = {"layout": "ucdp-ged", "constants": constants, "rules": rules}
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        ledger.import_frame(frame, mapping)
        (one,) = ledger
        newer = {"constants": constants | {"known": "2022-05-01"}, "prefixes": {"id": "ucdp-22:"}}
        ledger.import_frame(frame.assign(high=25), mapping | newer)
        assert ids(ledger.known_at("2021-06-01")) == ["ucdp:9"]
        assert ids(ledger.known_at("2022-06-01")) == ["ucdp-22:9"]
    assert (one.number, one.upper, one.origin) == (10.0, 30.0, "ucdp:9")
    assert (one.event_start, one.event_end) == (date(2020, 1, 5), date(2020, 1, 7))
    meaning = read_mapping(mapping | {"columns": {"id": "relid"}})
    texts = ["x" * 3_000, "x" * 3_001, "x" * 3_000]
    origins = [meaning.translated("row", row | {"id": text})[0]["origin"] for text in texts]
    assert [len(origin) for origin in origins] == [500, 500, 500]
    assert origins[0] == origins[2] != origins[1]


def test_cells_of_unquoted_tables_may_hold_quotes(tmp_path):
    layout = read_mapping("icews")
    names = ["Event ID", "Event Date", "Publisher", "Story ID", "Event Text"]
    rows = [
        ["7", "2013-11-12", "one", "1", '"Host a visit'],
        ["7", "2014-01-01", "two", "2", 'a"b'],
    ]
    path = tmp_path / "events.tab"
    path.write_text("\n".join(layout.delimiter.join(row) for row in [names, *rows]))
    rules = [{"indicator": "barometer", "state": "low"}]
    mapping = {"layout": "icews", "rules": rules, "constants": {"known": "2014-02-01"}}
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        assert ledger.import_csv(path, mapping).added == 2
        first, second = ledger
    assert (first.id, second.id) == ("icews:7@2013-11-12", "icews:7@2014-01-01")
    assert (first.note, second.note) == ('"Host a visit', 'a"b')


MADE_UP_ROWS = {
    "acled": "event_id_cnty=IRQ1 event_date=2020-01-05 year=2020 time_precision=1 "
    "disorder_type=x event_type=Battles sub_event_type=x actor1=x assoc_actor_1= inter1=1 "
    "actor2=x assoc_actor_2= inter2=2 interaction=12 civilian_targeting= iso=368 region=x "
    "country=Iraq admin1=x admin2=x admin3=x location=x latitude=33.3 longitude=44.4 "
    "geo_precision=1 source=paper source_scale=National notes=clash fatalities=2 tags= "
    "timestamp=1578355200",
    "gdelt": "GLOBALEVENTID=901 SQLDATE=20200105 EventCode=190 DATEADDED=20200106001500 "
    "SOURCEURL=https://example.org/a",
    "icews": "Event_ID=77 Event_Date=2020-01-05 Source_Name=x Source_Sectors=x Source_Country=x "
    "Event_Text=Fight CAMEO_Code=190 Intensity=-10.0 Target_Name=x Target_Sectors=x "
    "Target_Country=x Story_ID=5 Sentence_Number=1 Publisher=paper City=x District=x Province=x "
    "Country=Iraq Latitude=33.3 Longitude=44.4",
    "ucdp-ged": "id=31 relid=IRQ-2020-1 year=2020 active_year=1 code_status=Clear "
    "type_of_violence=1 conflict_name=x dyad_name=x side_a=x side_b=x number_of_sources=1 "
    "source_article=paper source_office=x source_date=2020-01-06 source_headline=x "
    "source_original=x where_prec=1 where_coordinates=x where_description=market adm_1=x adm_2= "
    "latitude=33.3 longitude=44.4 country=Iraq region=x event_clarity=1 date_prec=1 "
    "date_start=2020-01-05_00:00:00.000 date_end=2020-01-06_00:00:00.000 deaths_a=1 deaths_b=1 "
    "deaths_civilians=0 deaths_unknown=0 best=2 high=4 low=1",
}
"""A row of each layout, an underscore for a blank in a name of ICEWS and in a date of UCDP GED."""

MADE_UP_REPORTS = {
    "acled": ("acled:IRQ1@1578355200", "acled:IRQ1", "paper", "2020-01-05", "2020-01-07"),
    "gdelt": ("gdelt:901", "https://example.org/a", "GDELT", "2020-01-05", "2020-01-06"),
    "icews": ("icews:77@2020-01-05", "icews:5", "paper", "2020-01-05", "2021-05-01"),
    "ucdp-ged": ("ucdp:31", "ucdp:31", "UCDP GED", "2020-01-06", "2021-05-01"),
}


@pytest.mark.parametrize("name", MADE_UP_ROWS)
def test_shipped_layouts_read_a_row_of_their_table(tmp_path, name):
    row = dict(pair.split("=", 1) for pair in MADE_UP_ROWS[name].split(" "))
    if name == "icews":
        row = {column.replace("_", " "): cell for column, cell in row.items()}
    row = {c: v.replace("_", " ") if c.startswith("date_") else v for c, v in row.items()}
    layout = read_mapping(name)
    columns = layout.header or tuple(row)
    lines = [] if layout.header else [layout.delimiter.join(columns)]
    lines.append(layout.delimiter.join(row.get(column, "") for column in columns))
    path = tmp_path / "events.txt"
    path.write_text("\n".join(lines))
    lacks = {"constants": {"known": "2021-05-01"}} if name in ("icews", "ucdp-ged") else {}
    rules = [{"indicator": "barometer", "state": "low"}]
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        ledger.import_csv(path, {"layout": name, "rules": rules} | lacks)
        (one,) = ledger
        assert (one.id, one.origin, one.source, str(one.event_end), str(one.known)) == (
            MADE_UP_REPORTS[name]
        )
        assert one.event_start == date(2020, 1, 5)
        assert ledger.import_csv(path, {"layout": name, "rules": rules} | lacks).present == 1
        if not lacks:
            assert "has no rules" in problems(ledger.import_csv, path, {"layout": name})[0]


EVENTS = (
    "event_id_cnty,event_date,time_precision,event_type,country,source,notes,fatalities,timestamp"
)
ROW = {"event_id_cnty": "X1", "event_date": "2024-03-08", "time_precision": "1"}
ROW |= {"event_type": "Battles", "country": "Kell", "source": "Wire", "notes": "n"}
ROW |= {"fatalities": "2", "timestamp": "1712000000"}
BATTLES = {"when": {"event_type": "Battles"}, "indicator": "barometer", "state": "low"}


def taken(tmp_path, rows, mapping=None, *, drop=(), sign=",", encoding="utf-8", scenario=None):
    """What became of rows that differ from one plain row, and the reports."""
    columns = [name for name in EVENTS.split(",") if name not in drop]
    lines = [columns, *([{**ROW, **row}[name] for name in columns] for row in rows)]
    path = tmp_path / "events.csv"
    path.write_bytes("\n".join(sign.join(cells) for cells in lines).encode(encoding))
    (tmp_path / "new.db").unlink(missing_ok=True)
    with fc.open_ledger(tmp_path / "new.db", scenario) as ledger:
        meaning = {"layout": "acled", "rules": [BATTLES]} | (mapping or {})
        receipt = ledger.import_csv(path, meaning)
        return receipt, list(ledger)


def test_a_mapping_that_fits_nothing_is_told(tmp_path):
    with pytest.warns(fc.InputWarning, match=r"0 of 2 rows fit a rule.*did you mean 'Battles'"):
        receipt, _ = taken(
            tmp_path,
            [{}, {}],
            {"rules": [BATTLES | {"when": {"event_type": "battles"}}]},
        )
    assert (receipt.added, receipt.left_out) == (0, 2)


def test_cells_in_quotes_mean_what_stands_in_them(tmp_path):
    rows = [{"notes": '"a, b"', "event_type": '"Battles"'}, {"event_id_cnty": "X2", "notes": '"a'}]
    for quoted in (True, False):
        receipt, reports = taken(tmp_path, rows, {"quoted": quoted})
        assert [report.note for report in reports] == ["a, b", '"a']
        assert len(receipt.notes) == 1
    rows = [{"notes": '"one\ntwo ""three"""'}, {"event_id_cnty": "X2"}]
    _, reports = taken(tmp_path, rows)
    assert [report.note for report in reports] == ['one\ntwo "three"', "n"]


@pytest.mark.parametrize("nothing", ["", "NULL", "NA", "#N/A", "\\N", "-"])
def test_what_exporters_write_for_nothing_is_nothing(tmp_path, nothing):
    rows = [{"source": nothing}, {"event_id_cnty": "X2", "event_date": nothing}]
    receipt, (one,) = taken(tmp_path, rows)
    assert (one.source, receipt.set_aside) == ("ACLED", 1)
    assert "nothing stands where event_start should (first:" in receipt.notes[-1]


def test_columns_of_a_layout_can_be_spared(tmp_path):
    known = {"constants": {"known": "2024-04-01"}}
    for columns in ({"id": "event_id_cnty"}, {"id": "event_id_cnty", "known": ""}):
        mapping = known | {"columns": columns}
        spared = pytest.warns(fc.InputWarning, match="no column 'timestamp'; 'known' is")
        with nullcontext() if "known" in columns else spared:
            receipt, (one,) = taken(tmp_path, [{}], mapping, drop=["timestamp"])
        assert (one.known, receipt.added) == (date(2024, 4, 1), 1)
    found = problems(lambda: taken(tmp_path, [{}], drop=["timestamp"]))
    assert "the layout takes id and known from it: give another column, or a const" in found[0]


def test_a_constant_beside_a_column_of_the_layout_is_not_dropped_in_silence(tmp_path):
    known = {"constants": {"known": "2024-06-01"}}
    with pytest.warns(fc.InputWarning, match="'known' is read from the layout's column"):
        _, (one,) = taken(tmp_path, [{}], known)
    assert one.known != date(2024, 6, 1)
    receipt, (one,) = taken(tmp_path, [{}], known | {"columns": {"known": ""}})
    assert (one.known, receipt.notes) == (date(2024, 6, 1), ())


def test_days_before_the_scenario_are_cut_off_or_set_aside(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.small.START", date(2024, 1, 1))
    scenario = weather()
    rows = [
        {"event_date": "2024-01-15", "time_precision": "3"},
        {"event_id_cnty": "X2", "event_date": "2024-01-02", "time_precision": "2"},
        {"event_id_cnty": "X3", "event_date": "2023-12-31"},
    ]
    receipt, reports = taken(tmp_path, rows, scenario=scenario)
    days = [(str(report.event_start), str(report.event_end)) for report in reports]
    assert days == [("2024-01-01", "2024-01-31"), ("2024-01-01", "2024-01-05")]
    assert (receipt.added, receipt.set_aside) == (2, 1)
    assert "1 rows set aside: the event was before the scenario begins" in receipt.notes[0]


def test_local_dates_are_read_where_the_mapping_says_so(tmp_path):
    found = problems(lambda: taken(tmp_path, [{"event_date": "08.03.2024"}]))
    assert found[0].startswith(f"{tmp_path / 'events.csv'}:2: column 'event_date'")
    assert "dates = { 'event_date' = ['%d.%m.%Y'] }" in found[0]
    cases = {
        ("08.03.2024", "%d.%m.%Y"): ("2024-03-08", "2024-03-08"),
        ("2024-02", "%Y-%m"): ("2024-02-01", "2024-02-29"),
        ("2023", "%Y"): ("2023-01-01", "2023-12-31"),
    }
    for (text, pattern), days in cases.items():
        mapping = {"dates": {"event_date": [pattern], "timestamp": ["unix"]}}
        _, (one,) = taken(tmp_path, [{"event_date": text}], mapping)
        assert (str(one.event_start), str(one.event_end)) == days
    both = {"dates": {"event_date": ["%d/%m/%Y", "%m/%d/%Y"], "timestamp": ["unix"]}}
    found = problems(lambda: taken(tmp_path, [{"event_date": "03/04/2024"}], both))
    assert "can be read as 2024-04-03 (%d/%m/%Y) or 2024-03-04 (%m/%d/%Y)" in found[0]


def test_other_separators_and_encodings_are_read_where_the_mapping_says_so(tmp_path):
    rows = [{"notes": "n" * 9_000}, {"event_id_cnty": "X2", "notes": "é"}]
    assert "say delimiter = ';'" in problems(lambda: taken(tmp_path, rows, sign=";"))[0]
    assert taken(tmp_path, rows, {"delimiter": ";"}, sign=";")[0].added == 2
    found = problems(lambda: taken(tmp_path, rows, encoding="cp1252"))
    assert f"{tmp_path / 'events.csv'}:3: not a text file in UTF-8" in found[0]
    assert "encoding = 'cp1252'" in found[0]
    _, reports = taken(tmp_path, rows, {"encoding": "cp1252"}, encoding="cp1252")
    assert reports[1].note == "é"
    assert taken(tmp_path, rows, encoding="utf-16")[0].added == 2
    found = problems(lambda: taken(tmp_path, rows, {"encoding": "zlib"}))
    assert "is not an encoding of text" in found[0]


def test_a_column_twice_is_asked_about(tmp_path):
    path = tmp_path / "twice.csv"
    path.write_text(f"{EVENTS},notes\n{','.join(ROW.values())},other\n")
    with fc.open_ledger(tmp_path / "twice.db") as ledger:
        mapping = {"layout": "acled", "rules": [BATTLES]}
        assert "column 'notes' appears twice" in problems(ledger.import_csv, path, mapping)[0]


def test_gdelt_has_sixty_one_columns():
    header = read_mapping("gdelt").header
    assert len(header) == len(set(header)) == 61


def test_broken_mappings_are_refused_in_words(tmp_path):
    path = tmp_path / "mapping.toml"
    cases = {
        "x = [": "not readable as TOML",
        'layout = "acle"': "did you mean 'acled'?",
        "format = 2": "format: 'format' cannot be 2; legal: 1",
        'colums = { id = "x" }': "unknown entry 'colums'; did you mean 'columns'?",
        "[[rules]]\nindicator = 3": "rules.0.indicator: 'indicator' should be text; given: 3",
        "[[rules]]\nwhen = { country = 3 }": "'country' should be text or a list; given: 3",
        'rules = "x"': "rules: 'rules' should be a list; given: 'x'",
        'quoted = "maybe"': "quoted: 'quoted' should be true or false; given: 'maybe'",
        'columns = { idd = "x" }': "'idd' is no field of a report; did you mean 'id'?",
        '[[rules]]\nindicator = "a"': "a rule names a state or a column with a number",
        '[[rules]]\nindicator = "a"\nstate = "b"\nupper = "c"': "a range needs a column with its",
        'columns = { known = ["x", "y"] }': "'known' has one column; only an id may have several",
        "revises = true": "rows that revise others need a column with their origin",
        '[spread]\ncolumn = "x"\ndays = { "2" = -1 }': "spread.days.2: '2' should be at least 0",
        '[spread]\ncolumn = "x"\ndays = { "2" = "week" }': "month, year, or a whole number",
    }
    for text, message in cases.items():
        path.write_text(text)
        found = problems(read_mapping, path)
        assert any(message in line for line in found), (message, found)
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        frame = pd.DataFrame(ACLED).drop(columns="fatalities").rename(columns={"notes": "note"})
        rules = [{"when": {"cuntry": "Iraq"}, "indicator": "deaths", "number": "fatalities"}]
        found = problems(ledger.import_frame, frame, {"layout": "acled", "rules": rules})
        assert [line.split(";")[0] for line in found] == [
            "data frame: no column 'cuntry'",
            "data frame: no column 'fatalities'",
        ]
        found = problems(ledger.import_frame, frame, {"rules": rules[:0]})
        assert "mapping: says nothing of 'known': give a column or a constant" in found
