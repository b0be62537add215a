"""The ledger and the likelihoods: what was known when, and one origin relayed many times."""

import gzip
import itertools
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

import forecast as fc
from forecast.errors import InputError, InputWarning
from forecast.evidence.events import shares_of
from forecast.evidence.ledger import Evidence, Ledger
from forecast.evidence.likelihood import tabulate_reports
from forecast.evidence.report import Report
from forecast.evidence.report_files import read_evidence
from forecast.evidence.sources import admiralty_grades
from tests.enumeration import usual_statements
from tests.small import START, barometer_report, evidence, state_log_likelihoods, weather

ACCURACY = np.array([[0.95], [0.85], [0.7], [0.5], [0.3], [0.65]])
HEADER = "id,indicator,state,event_start,known,source"


def likelihood_of(*reports, accuracy=ACCURACY):
    """Log-likelihoods of the barometer's states, (step, state)."""
    scenario = weather()
    table = tabulate_reports(scenario, evidence(*reports), 3)
    return state_log_likelihoods(scenario, table, accuracy)[:, 2:5, 0]


def read(tmp_path, text):
    path = tmp_path / "reports.csv"
    path.write_text(text, encoding="utf-8")
    return read_evidence(path, weather())


def problems(tmp_path, text):
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    return [str(problem) for problem in caught.value.problems]


def test_a_report_is_a_likelihood_not_a_probability():
    """One that errs states what is usual, so what it states is about as often true as not."""
    found = np.exp(likelihood_of(barometer_report("R", "low", grade="B")))
    usual = usual_statements(weather(), "barometer")[2]
    assert found[0] == pytest.approx([0.15 * usual, 0.15 * usual, 0.85 + 0.15 * usual])
    assert found[1:] == pytest.approx(1.0)


def test_independent_reports_multiply():
    one = likelihood_of(barometer_report("R1", "low", grade="B"))
    other = likelihood_of(barometer_report("R2", "falling", grade="C"))
    both = likelihood_of(
        barometer_report("R1", "low", grade="B"), barometer_report("R2", "falling", grade="C")
    )
    assert both == pytest.approx(one + other)


def test_a_hundred_copies_weigh_what_the_best_one_weighs():
    copies = [barometer_report(f"R{k}", "low", grade="CBD"[k % 3], origin="o") for k in range(99)]
    best = likelihood_of(barometer_report("R", "low", grade="B"))
    assert likelihood_of(*copies) == pytest.approx(best)


def test_an_origin_quoted_differently_is_summed_over_its_versions():
    low = barometer_report("R1", "low", grade="B", origin="o")
    falling = barometer_report("R2", "falling", grade="B", origin="o")
    alone = [np.exp(likelihood_of(report)) for report in (low, falling)]
    assert np.exp(likelihood_of(low, falling)) == pytest.approx(np.mean(alone, axis=0))


def test_one_origin_in_two_weeks_is_two_claims():
    """By two sources: what one brings of an origin is right or wrong together."""
    first = barometer_report("R1", "low", week=0, origin="o")
    second = replace(barometer_report("R2", "low", week=1, origin="o"), source="courier")
    found = np.exp(likelihood_of(first, second))[:2]
    assert found[0] == pytest.approx(found[1])
    assert found[0] == pytest.approx(np.exp(likelihood_of(first))[0])


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_order_of_reports_never_matters(order):
    reports = [
        barometer_report("R1", "low", origin="o"),
        barometer_report("R2", "falling", origin="o", grade="C"),
        barometer_report("R3", "high", week=1),
        barometer_report("R4", "low", week=1, grade="F"),
    ]
    assert likelihood_of(*(reports[k] for k in order)) == pytest.approx(likelihood_of(*reports))


def test_grades_fall_from_a_to_e_and_f_is_wide():
    shapes = {grade.letter: grade.shape for grade in admiralty_grades()}
    means = {letter: a / (a + b) for letter, (a, b) in shapes.items()}
    assert means["A"] > means["B"] > means["C"] > means["D"] > means["E"]
    assert sum(shapes["F"]) < min(sum(shapes[letter]) for letter in "ABCD")


def test_an_interval_is_spread_over_its_steps_by_days_and_ends_when_it_was_known():
    days = date(2020, 1, 9), date(2020, 1, 13)
    report = Report("R", "barometer", "low", *days, *[date(2020, 1, 14)] * 2, "s")
    assert shares_of(weather(), report) == {0: 0.2, 1: 0.8}
    early = Report("R", "barometer", "low", *days, *[date(2020, 1, 10)] * 2, "s")
    assert shares_of(weather(), early) == {0: 0.5, 1: 0.5}


def test_known_at_sees_nothing_later():
    days = [START + timedelta(days=k) for k in range(10)]
    ledger = Ledger(tuple(barometer_report(f"R{k}", "low", known=d) for k, d in enumerate(days)))
    for moment in days:
        assert all(report.known <= moment for report in ledger.known_at(moment))
        assert len(ledger.known_at(moment)) == (moment - START).days + 1


def test_known_at_follows_revisions_and_withdrawals():
    first = barometer_report("R1", "high")
    revised = Report(
        "R2", "barometer", "low", START, START, START, START + timedelta(5), "s", supersedes="R1"
    )
    gone = Report(
        "R3", "barometer", "", START, START, START, START + timedelta(9), "s", supersedes="R2"
    )
    ledger = Ledger((first, revised, gone))
    have = [[report.id for report in ledger.known_at(START + timedelta(k))] for k in (0, 5, 9)]
    assert have == [["R1"], ["R2"], ["R1"]]


@pytest.mark.parametrize("name", ["R9", ""])
def test_without_names_what_is_not_there(name):
    with pytest.raises(InputError, match=f"'{name}' is not in the evidence"):
        Evidence(START, (barometer_report("R1", "low"),)).without(name)


def test_taking_away_a_correction_brings_back_what_it_corrected():
    first = barometer_report("R1", "high")
    revised = Report("R2", "barometer", "low", *[START] * 4, source="s", supersedes="R1")
    ledger = Ledger((first, revised))
    found = ledger.known_at(START).without("R2")
    assert [report.id for report in found] == ["R1"]
    assert found == Ledger((first,)).known_at(START)
    with pytest.raises(InputError, match="'R1' was superseded by 'R2'"):
        ledger.known_at(START).without("R1")


def test_reads_rows(tmp_path):
    ledger = read(tmp_path, f"{HEADER}\nR1,barometer,low,2020-01-05,2020-01-06,keeper\n")
    [report] = ledger
    assert (report.state, report.event_end, report.grade) == ("low", date(2020, 1, 5), "F6")


@pytest.mark.parametrize("separator", [",", ";"])
def test_what_a_spreadsheet_adds_at_its_end_is_no_report(tmp_path, separator):
    """Rows of separators alone, and columns without a name that hold nothing."""
    row = "R1,barometer,low,2020-01-05,2020-01-06,keeper"
    text = f"{HEADER},,\n,,,,,,,\n{row},,\n , ,,,,,,\n,,,,,,,\n"
    path = tmp_path / "reports.csv"
    path.write_text(text.replace(",", separator))
    assert [report.id for report in read_evidence(path, weather())] == ["R1"]
    with fc.open_ledger(tmp_path / "reports.db", weather()) as ledger:
        assert ledger.import_csv(path).added == 1
    path.write_text(f"{HEADER},\n{row},more\n")
    with pytest.raises(InputError, match="unknown column ''"):
        read_evidence(path, weather())


def test_a_compressed_file_is_read(tmp_path):
    path = tmp_path / "reports.csv.gz"
    text = f"{HEADER}\nR1,barometer,low,2020-01-05,2020-01-06,keeper\n".encode()
    path.write_bytes(gzip.compress(text))
    assert [report.id for report in read_evidence(path, weather())] == ["R1"]
    path.write_bytes(gzip.compress(text)[:40])
    with pytest.raises(InputError, match="cannot be read: Compressed file ended"):
        read_evidence(path, weather())


def test_an_empty_row_of_a_data_frame_is_no_report():
    import pandas as pd

    row = ["R1", "barometer", "low", "2020-01-05", "2020-01-06", "keeper"]
    frame = pd.DataFrame([[None] * 6, row, [float("nan"), pd.NaT, *[""] * 4]])
    frame.columns = HEADER.split(",")
    assert [report.id for report in read_evidence(frame, weather())] == ["R1"]


def test_reads_a_data_frame():
    import pandas as pd

    frame = pd.DataFrame(
        [["R1", "barometer", "low", pd.Timestamp("2020-01-05"), "2020-01-06", "keeper"]],
        columns=HEADER.split(","),
    )
    assert [report.id for report in read_evidence(frame, weather())] == ["R1"]


def test_all_problems_are_listed_by_row_and_column(tmp_path):
    text = (
        f"{HEADER}\n"
        "R1,barometer,lo,2020-01-05,2020-01-06,keeper\n"
        "R1,barometr,low,2020-13-05,yesterday,\n"
        "R3,storm,storm,2020-01-05,2020-01-06,keeper\n"
        "R4,barometer,low,2020-01-09,2020-01-06,keeper\n"
        "R5,barometer,,2020-01-05,2020-01-06,keeper\n"
        "R6,barometer,low,2019-12-31,2020-01-06,keeper\n"
        "R7,barometer,low\n"
    )
    found = problems(tmp_path, text)
    path = tmp_path / "reports.csv"
    assert found == [
        f"{path}:2: column 'state': 'lo' is not a state of barometer; did you mean 'low'? "
        "Legal: high, falling, low",
        f"{path}:3: column 'event_start': '2020-13-05' is not a date; write it as 2020-01-31",
        f"{path}:3: column 'known': 'yesterday' is not a date; write it as 2020-01-31",
        f"{path}:3: column 'source': is empty",
        f"{path}:3: column 'indicator': 'barometr' is unknown; did you mean 'barometer'? "
        "Legal: barometer",
        f"{path}:4: column 'indicator': 'storm' is a course_of_action, which nobody can report "
        "on directly",
        f"{path}:5: column 'known': 2020-01-06 is before the event, 2020-01-09",
        f"{path}:6: column 'state': is empty; only a withdrawal (with `supersedes`) has no state",
        f"{path}:7: column 'event_start': 2019-12-31 is before the scenario begins, 2020-01-03",
        f"{path}:8: the row has more or fewer fields than the header",
    ]


@pytest.mark.parametrize("column", ["event_start", "event_end", "published", "known"])
def test_a_day_that_cannot_be_read_is_compared_with_nothing(tmp_path, column):
    days = dict.fromkeys(("event_start", "event_end", "published", "known"), "2020-01-05")
    header = f"id,indicator,state,source,{','.join(days)}"
    row = f"R1,barometer,low,keeper,{','.join((days | {column: '2020-02-30'}).values())}"
    found = problems(tmp_path, f"{header}\n{row}\n")
    assert len(found) == 1
    assert f"column {column!r}: '2020-02-30' is not a date" in found[0]


def test_links_may_not_lead_back(tmp_path):
    row = "barometer,low,2020-01-05,2020-01-06,keeper"
    found = problems(tmp_path, f"{HEADER},supersedes\nR1,{row},R2\nR2,{row},R1\n")
    assert [problem.split(": ")[1] for problem in found] == [
        "R1 supersedes itself, directly or through others",
        "R2 supersedes itself, directly or through others",
    ]


def test_a_report_made_in_python_keeps_the_same_rules():
    early = barometer_report("R1", "lo", week=-2, grade="Z")
    with pytest.raises(InputError) as caught:
        likelihood_of(early)
    found = str(caught.value)
    for part in ("'Z' is not a grade", "'lo' is not a state", "before the scenario begins"):
        assert part in found


def test_a_context_report_can_be_corrected():
    first = Report("C1", "", "", *[START] * 4, source="s")
    second = Report("C2", "", "", *[START] * 4, source="s", supersedes="C1")
    assert [report.id for report in Ledger((first, second)).known_at(START)] == ["C2"]


def test_moments_are_taken_as_days():
    import pandas as pd

    ledger = Ledger((barometer_report("R1", "low"),))
    assert len(ledger.known_at(pd.Timestamp("2020-01-03 12:00"))) == 1


def test_a_number_in_a_column_with_gaps_is_still_a_grade():
    import pandas as pd

    cells = ["barometer", "low", "2020-01-05", "2020-01-06", "keeper"]
    frame = pd.DataFrame(
        [["R1", *cells, 2.0, pd.NA], ["R2", *cells, np.nan, pd.NA]],
        columns=[*HEADER.split(","), "credibility", "origin"],
    )
    assert [r.credibility for r in read_evidence(frame, weather())] == ["2", "6"]


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (HEADER.replace("state", "stat"), "unknown column 'stat'; did you mean 'state'?"),
        (HEADER.replace(",known", ""), "no column 'known'"),
        (f"{HEADER},id", "column 'id' appears twice"),
    ],
)
def test_columns_are_checked(tmp_path, header, message):
    assert any(message in problem for problem in problems(tmp_path, f"{header}\n"))


def test_ids_are_unique_and_links_lead_somewhere(tmp_path):
    row = "barometer,low,2020-01-05,2020-01-06,keeper"
    other = row.replace("low", "high")
    text = f"{HEADER},supersedes\nR1,{row},\nR1,{other},\nR2,{row},R9\n"
    found = problems(tmp_path, text)
    assert "the id 'R1' is given to more than one report" in found[0]
    assert "R2 supersedes 'R9', which is not there" in found[1]


def test_the_same_row_again_is_read_once_and_both_rows_are_named(tmp_path):
    """As exports that overlap hold it: within a file, and between files."""
    row = "barometer,low,2020-01-05,2020-01-06,keeper"
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    first.write_text(f"{HEADER}\nR1,{row}\nR2,{row}\nR1,{row}\n")
    second.write_text(f"{HEADER}\nR3,{row}\nR2,{row}\n")
    with pytest.warns(InputWarning) as caught:
        ledger = read_evidence([first, second], weather())
    assert [report.id for report in ledger] == ["R1", "R2", "R3"]
    [text] = [str(each.message) for each in caught]
    assert f"{first}:4 repeats {first}:2" in text
    assert f"{second}:3 repeats {first}:3" in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "not a text file in UTF-8"),
        (b"id,indicator\n\0", "NUL byte"),
        (f'{HEADER}\n"R1,barometer'.encode(), "not readable as CSV"),
    ],
)
def test_files_that_are_no_table(tmp_path, content, message):
    path = tmp_path / "reports.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_evidence(path, weather())


def test_shipped_evidence_knows_nothing_after_the_forecast_date():
    from forecast.scenario.scenario_files import load_scenario

    scenario = load_scenario("iraq-2020")
    ledger = read_evidence("iraq-2020", scenario)
    assert max(report.known for report in ledger) <= scenario.as_of
    assert len(ledger.known_at("2020-01-14")) < len(ledger.known_at("2020-01-23"))
