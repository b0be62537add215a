"""Laws of the ledger in a database: the same evidence as in memory, however reports come."""

import json
import time
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta, timezone

import pandas as pd
import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.evidence.ledger import Evidence, Ledger
from forecast.evidence.mapping import read_mapping
from forecast.evidence.report_checks import find_broken_links
from forecast.testing.ledgers import FIRST, random_reports
from tests.ledgers import generator, report, server_address
from tests.small import weather

LEDGERS, TIMES = 100, 6


@pytest.fixture(params=["file", pytest.param("server", marks=pytest.mark.postgres)])
def address(request, tmp_path):
    """An empty ledger: a file, and where there is one a PostgreSQL server."""
    if request.param == "file":
        yield tmp_path / "ledger.db"
        return
    with server_address() as found:
        yield found


@pytest.fixture
def ledger(address):
    with fc.open_ledger(address) as opened:
        yield opened


def day(number):
    return FIRST + timedelta(days=number)


def ids(reports):
    return [report.id for report in reports]


def problems(call, *arguments):
    with pytest.raises(InputError) as caught:
        call(*arguments)
    return [str(problem) for problem in caught.value.problems]


def bits(held):
    """Everything that evidence holds, floats to the last bit but for the sign of zero."""
    if isinstance(held, Evidence):
        held = (held.as_of, held.reports, held.behind, held.about)
    if isinstance(held, tuple | list):
        return f"({' '.join(map(bits, held))})"
    return repr(held).replace("-0.0,", "0.0,")


def known_then(reports, moment):
    """Reports in force, the slow way: the definition, followed from each report to what came."""
    known = {one.id: one for one in reports if one.known <= moment}

    def later(name):
        return [one for one in known.values() if one.supersedes == name]

    def withdrawn(name):
        return any(one.is_withdrawal and stands(one.id) for one in later(name))

    def replaced(name):
        return any(
            replaced(one.id) or not (one.is_withdrawal or withdrawn(one.id)) for one in later(name)
        )

    def stands(name):
        return not withdrawn(name) and not replaced(name)

    return {name for name, one in known.items() if stands(name) and not one.is_withdrawal}


def check_ledgers(address_of, seeds):
    """Equality with the ledger in memory, and with one that holds only what was known."""
    for seed in seeds:
        rng = generator("ledger", seed)
        reports = random_reports(rng, rng.randint(0, 12))
        memory = Ledger(tuple(reports))
        with fc.open_ledger(address_of(seed)) as ledger:
            cut = rng.randint(0, len(reports))
            ledger.append(reports[:cut])
            ledger.append(reports[cut:])
            assert bits(tuple(ledger)) == bits(tuple(reports))
            for _ in range(TIMES):
                moment = day(rng.randint(-1, 41))
                found = ledger.known_at(moment)
                assert bits(found) == bits(memory.known_at(moment))
                about = rng.choice([[], ["wind"], ["barometer", "tide"], "wind"])
                told = ledger.known_at(moment, about)
                assert bits(told) == bits(memory.known_at(moment, about))
                assert told.reports == tuple(
                    one for one in found if one.is_context or one.indicator in about
                )
                then = Ledger(tuple(r for r in reports if r.known <= moment))
                assert bits(found) == bits(then.known_at(moment))
                assert set(ids(found)) == known_then(reports, moment)


@pytest.mark.parametrize(
    "seeds", [range(LEDGERS), pytest.param(range(LEDGERS, 500), marks=pytest.mark.slow)]
)
def test_the_database_gives_the_evidence_of_the_ledger_in_memory(tmp_path, seeds):
    check_ledgers(lambda seed: tmp_path / f"{seed}.db", seeds)


@pytest.mark.postgres
def test_the_server_gives_the_evidence_of_the_ledger_in_memory():
    for seed in range(50):
        with server_address() as address:
            check_ledgers(lambda _, own=address: own, [seed])


def test_any_order_of_arrival_gives_the_same_evidence(tmp_path):
    for seed in range(8):
        rng = generator("order", seed)
        reports = random_reports(rng, 10)
        answers = set()
        for order in range(4):
            rng.shuffle(reports)
            with fc.open_ledger(tmp_path / f"{seed}-{order}.db") as ledger:
                for one in reports:
                    ledger.append(one)
                days = [ledger.known_at(day(k)) for k in range(0, 41, 5)]
                answers.add(bits((days, ledger.diff(day(5), day(30)), len(ledger))))
        assert len(answers) == 1


def test_what_was_known_never_becomes_unknown(ledger):
    reports = random_reports(generator("monotone"), 60)
    ledger.append(reports)
    before = set()
    for k in range(-1, 42):
        found = ledger.known_at(day(k))
        known = {*ids(found.reports), *ids(found.behind)}
        assert before <= known
        assert all(one.known <= day(k) for one in (*found.reports, *found.behind))
        before = known


def test_a_withdrawn_report_leaves_no_trace(ledger):
    others = [report("R1"), report("R3", "high")]
    ledger.append([*others, report("R2", "falling")])
    ledger.append(report("W", "", known=3, supersedes="R2"))
    assert ids(ledger.known_at(day(2))) == ["R1", "R2", "R3"]
    assert ledger.known_at(day(3)).reports == Ledger(tuple(others)).known_at(day(3)).reports


def test_whatever_is_withdrawn_leaves_no_trace_and_comes_back():
    """In random ledgers: the last of a line is withdrawn, and then its withdrawal is."""
    tried = 0
    for seed in range(200):
        rng = generator("no trace", seed)
        reports = random_reports(rng, rng.randint(1, 12))
        end = day(50)
        before = Ledger(tuple(reports)).known_at(end).reports
        lasts = {one.id for one in before} - {one.supersedes for one in reports}
        for one in before:
            if one.id not in lasts or one.is_context:
                continue
            tried += 1
            others = tuple(other for other in reports if other is not one)
            away = report("W", "", known=45, supersedes=one.id)
            back = report("V", "", known=46, supersedes="W")
            assert known_in((*reports, away), end) == known_in(others, end)
            assert known_in((*reports, away, back), end) == before
    assert tried > 300


def known_in(reports, moment):
    return Ledger(tuple(reports)).known_at(moment).reports


def test_the_last_revision_stands_for_all_before_it(ledger):
    ledger.append([report("R1"), report("R2", "falling", known=1, supersedes="R1")])
    ledger.append(report("W", "", known=2, supersedes="R2"))
    ledger.append(report("R3", "high", known=3, supersedes="R2"))
    ledger.append(report("R4", "low", known=5, supersedes="W"))
    in_force = [ids(ledger.known_at(day(k))) for k in range(4)]
    assert in_force == [["R1"], ["R2"], ["R1"], ["R3"]]
    assert ids(ledger.known_at(day(5))) == ["R3", "R4"]
    change = ledger.diff(day(1), day(2))
    assert (ids(change.withdrawn), ids(change.restored)) == (["R2"], ["R1"])
    assert "restored      R1  barometer: low" in str(change)
    assert [(old.id, new.id) for old, new in ledger.diff(day(2), day(3)).revised] == [("R1", "R3")]


def test_what_superseded_a_report_counts_whatever_was_asked_about(ledger):
    wind = {"indicator": "wind", "known": 3, "supersedes": "R1"}
    reports = [report("R1"), report("R2", "strong", **wind), report("R3", "high")]
    ledger.append(reports)
    evidence = ledger.known_at(day(5), "barometer")
    assert ids(evidence) == ["R3"]
    assert ids(evidence.behind) == ["R1", "R2"]
    assert ids(evidence.without("R3")) == []
    assert ids(ledger.known_at(day(2), "barometer")) == ["R1", "R3"]


def test_a_ledger_says_how_many_reports_speak_to_each_indicator(ledger):
    assert ledger.indicators(day(0)) == {}
    ledger.append([report("R1"), report("R2", "high", known=2), report("C", "", indicator="")])
    ledger.append(report("R3", "strong", indicator="wind", known=1))
    assert ledger.indicators(day(1)) == {"barometer": 1, "wind": 1}
    assert ledger.indicators(day(2)) == {"barometer": 2, "wind": 1}


def test_later_appends_do_not_change_what_was_known(ledger):
    reports = random_reports(generator("later"), 40)
    early = [one for one in reports if one.known <= day(20)]
    late = [one for one in reports if one.known > day(20)]
    ledger.append(early)
    before = ledger.known_at(day(20))
    ledger.append(late)
    assert ledger.known_at(day(20)) == before


def test_differences_agree_with_the_two_states(address):
    came = {}
    with fc.open_ledger(address) as ledger:
        for seed in range(40):
            reports = random_reports(generator("diff", seed), 15, prefix=f"{seed}.")
            ledger.append(reports)
            came |= {one.id: one for one in reports}
            rng = generator("times", seed)
            first, last = sorted((day(rng.randint(0, 40)), day(rng.randint(0, 40))))
            change = ledger.diff(first, last)
            held, holds = (set(ids(ledger.known_at(d))) for d in (first, last))
            gone = set(ids(change.withdrawn)) | {old.id for old, _ in change.revised}
            come = set(ids(change.known)) | {new.id for _, new in change.revised}
            come |= set(ids(change.restored))
            assert gone == held - holds
            assert come == holds - held
            assert all(old.id in _line_of(new, came) for old, new in change.revised)


def _line_of(one, by_id):
    line = set()
    while one.supersedes in by_id:
        one = by_id[one.supersedes]
        line.add(one.id)
    return line


def test_a_difference_says_what_happened(ledger):
    ledger.append([report("R1"), report("R2", "high"), report("R3", known=9)])
    ledger.append(report("R4", "falling", known=5, supersedes="R1"))
    ledger.append(report("R5", "high", known=7, supersedes="R4"))
    ledger.append(report("W", "", known=7, supersedes="R2"))
    change = ledger.diff(day(1), "2020-01-12")
    assert ids(change.known) == ["R3"]
    assert [(old.id, new.id) for old, new in change.revised] == [("R1", "R5")]
    assert ids(change.withdrawn) == ["R2"]
    assert str(change).splitlines()[0] == "after 2020-01-04 and up to 2020-01-12:"
    assert "revised       R1  barometer: low (keeper, B2, known 2020-01-03) → R5, high" in str(
        change
    )
    assert str(ledger.diff(day(20), day(30))).endswith("nothing")
    assert problems(ledger.diff, day(2), day(1)) == [
        "end: 2020-01-04 is before the start, 2020-01-05"
    ]


def test_appending_again_counts_nothing_twice(ledger):
    reports = [report("R1"), report("R2", number=2.0, state="")]
    assert (ledger.append(reports).added, ledger.append(reports).added) == (2, 0)
    assert ledger.append([*reports, report("R3")]).present == 2
    assert ids(ledger) == ["R1", "R2", "R3"]
    assert len(ledger) == 3


def test_nothing_is_overwritten_and_all_problems_are_listed(ledger):
    ledger.append(report("R1"))
    wrong = [
        report("R1", "high"),
        report("R2"),
        report("R2"),
        report("R3", known=1, supersedes="R4"),
        report("R4", known=2),
        report("R5", supersedes="R6"),
        report("R6", supersedes="R5"),
        report("R7", reliability="G", note="a\0b"),
        report("R8", note="x" * 200_000),
        report("", source=""),
        "R9",
    ]
    assert problems(ledger.append, wrong) == [
        "report 'R7': 'note': 'a\\x00b' holds a NUL character",
        "report 'R8': 'note': 200,000 characters; at most 100,000 are kept",
        "report '': 'id': is empty",
        "report '': 'source': is empty",
        "report 11: a str is no report",
        "report 'R1': the ledger holds another report with the id 'R1'; nothing is overwritten: "
        "give the revision an id of its own and `supersedes`",
        "report 'R2': the id 'R2' is given to more than one report",
        "report 'R3': R3 supersedes R4, which became known later",
        "report 'R5': R5 supersedes itself, directly or through others",
        "report 'R6': R6 supersedes itself, directly or through others",
    ]
    assert ids(ledger) == ["R1"]


def test_links_are_checked_whichever_report_comes_first(ledger):
    ledger.append([report("A", known=3, supersedes="B"), report("C", supersedes="D")])
    assert ids(ledger.waiting()) == ["A", "C"]
    assert problems(ledger.append, report("B", known=4)) == [
        "report 'B': A supersedes B, which became known later"
    ]
    assert problems(ledger.append, report("D", supersedes="C")) == [
        "report 'D': D supersedes itself, directly or through others"
    ]
    ledger.append(report("B", known=2))
    assert ids(ledger.waiting()) == ["C"]
    assert ids(ledger.known_at(day(3))) == ["C", "A"]


def test_long_lines_and_missing_links_take_time_in_proportion(tmp_path):
    line = [report(f"R{k}", known=2, supersedes=f"R{k - 1}" if k else "") for k in range(6_000)]
    lost = [report(f"L{k}", known=2, supersedes=f"missing {k}") for k in range(6_000)]
    start = time.process_time()
    faults = list(find_broken_links([*line, *lost]))
    assert len(faults) == 6_000
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        ledger.append([*line, *lost])
        assert len(ledger.waiting()) == 6_000
        assert len(ledger.known_at(day(3))) == 6_001
    circle = [report(f"C{k}", supersedes=f"C{(k + 1) % 6_000}") for k in range(6_000)]
    assert len(list(find_broken_links(circle))) == 6_000
    assert time.process_time() - start < 60


def test_a_scenario_says_what_may_be_appended(address):
    with fc.open_ledger(address, weather()) as ledger:
        ledger.append(report("R1"))
        assert problems(ledger.append, report("R2", "lo")) == [
            "report 'R2': 'state': 'lo' is not a state of barometer; did you mean 'low'? Legal: "
            "high, falling, low"
        ]


def test_moments_are_stored_as_days_in_utc(ledger):
    baghdad = timezone(timedelta(hours=3))
    night = datetime(2020, 1, 9, 1, 30, tzinfo=baghdad)
    ledger.append(report("R1", event_start=night, event_end=night, known=8))
    assert next(iter(ledger)).event_start == date(2020, 1, 8)
    assert len(ledger.known_at(datetime(2020, 1, 10, 23, tzinfo=UTC))) == 0
    assert len(ledger.known_at("2020-01-12T02:00:00+03:00")) == 1


def test_only_what_was_known_is_read(tmp_path):
    effort = []
    for later in (10, 2_000):
        with fc.open_ledger(tmp_path / f"{later}.db") as ledger:
            ledger.append(report(f"R{k}") for k in range(50))
            ledger.append(report(f"L{k}", day=9, supersedes="R1") for k in range(later))
            steps = count_steps(ledger)
            assert len(ledger.known_at(day(5))) == 50
            assert ledger.diff(day(1), day(5)).known == ()
            effort.append(len(steps))
    assert effort[0] > 100
    assert effort[1] < 1.2 * effort[0]


def count_steps(ledger):
    """A list that grows with every ten steps of SQLite's machine."""
    steps = []
    with ledger._engine.connect() as connection:
        plain = connection.connection.driver_connection
        plain.set_progress_handler(lambda: steps.append(1), 10)
    return steps


def test_duplicates_are_shown_and_kept(ledger):
    ledger.append([report("R1"), report("R2", note="again"), report("R3", "high")])
    ledger.append([report("R4", source="another"), report("R5", day=1)])
    ledger.append([report(f"N{k}", state="", number=2.0) for k in range(3)])
    ledger.append(report("W", "", supersedes="N1"))
    ledger.append([report("C1", state="", indicator=""), report("C2", state="", indicator="")])
    assert sorted(ids(group) for group in ledger.duplicates()) == [["N0", "N2"], ["R1", "R2"]]
    assert len(ledger.known_at(day(9))) == 9


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
