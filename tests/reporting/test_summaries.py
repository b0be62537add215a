"""What values print of themselves: short, complete at both ends, and safe."""

from dataclasses import replace

import pytest

import forecast as fc
from forecast.layout import MOST_ROWS
from tests.small import barometer_report, evidence, weather

LONGEST = 2000
"""Characters of what a value prints, about twenty lines."""


@pytest.fixture(scope="module")
def shipped():
    problem = fc.load_scenario("iraq-2020")
    return problem, fc.read_evidence("iraq-2020", problem)


def test_the_shipped_scenario_and_its_reports_print_on_a_screen(shipped):
    problem, ledger = shipped
    known = ledger.known_at("2020-01-23")
    for value in (problem, *problem.variables.values(), ledger, known):
        assert len(str(value)) <= LONGEST
        assert str(value) == repr(value)
    for value in (problem, ledger, known):
        assert len(value._repr_html_()) < 10 * LONGEST
    names = str(problem)
    assert "5 courses of action" in names
    assert f"{len(problem.with_role('indicator'))} indicators" in names


def test_the_first_and_the_last_reports_are_shown_and_the_others_counted():
    reports = [barometer_report(f"R{k:02}", "low", k) for k in range(40)]
    shown = [line.split()[0] for line in str(fc.Ledger(tuple(reports))).splitlines()[4:]]
    half = MOST_ROWS // 2
    expected = [report.id for report in (*reports[:half], *reports[-half:])]
    assert shown == [*expected[:half], "…", *expected[half:]]
    assert f"… {40 - MOST_ROWS} more" in str(fc.Ledger(tuple(reports)))


def test_text_of_a_report_stays_text_in_a_terminal_and_in_a_notebook():
    report = replace(barometer_report("R1", "low"), source="\x1b[2J<script>\n")
    for known in (evidence(report), fc.Ledger((report,))):
        assert r"\x1b[2J<script>\n" in str(known)
        assert "<script" not in known._repr_html_()
        assert "\x1b" not in known._repr_html_()


def test_nothing_prints_too():
    assert str(fc.Ledger()) == "Ledger: 0 reports"
    assert str(evidence()) == "Evidence as of 23 January 2020: 0 reports"


def test_beliefs_show_added_evidence_and_ask_nothing():
    cause = fc.TabledNetwork(
        "grass",
        {"rain": ("no", "yes"), "grass": ("dry", "wet")},
        {"grass": ("rain",)},
        {"rain": [0.8, 0.2], "grass": [[0.9, 0.1], [0.3, 0.7]]},
    )
    beliefs = cause.beliefs(draws=2).set_evidence({"grass": "wet"}).intervene({"rain": "no"})
    page = beliefs._repr_html_()
    assert "Hypothetical evidence on grass." in page
    assert "Intervened: rain=no." in page
    assert str(beliefs.network).splitlines()[-1].split() == ["grass", "dry,", "wet", "rain"]


def test_a_scenario_without_a_clock_says_so():
    assert "no clock" in str(weather(dynamic=False))
    assert "steps of 7 days from 3 January 2020, horizon 28 days" in str(weather())


def test_a_ledger_that_cannot_be_read_still_prints(tmp_path, monkeypatch):
    def fail(ledger):
        raise fc.LedgerFailure("damaged")

    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        assert repr(ledger).endswith("ledger.db: 0 reports>")
        monkeypatch.setattr(fc.LedgerFile, "__len__", fail)
        assert repr(ledger).endswith("ledger.db: cannot be read>")


PARTS = {
    *("AchItem", "Branch", "Case", "ComparedJudgement", "Contribution", "CourseReadings"),
    *("Estimate", "LevelReading", "Phrase", "Problem", "PublishedJudgement", "Question"),
    *("Report", "Resolution", "TripwireStatus", "Variable"),
}
"""What stands in a row of something that shows itself, or is a line of its own."""


def test_every_result_shows_itself_in_a_notebook():
    classes = {name: value for name in dir(fc) if isinstance(value := getattr(fc, name), type)}
    plain = {
        name
        for name, value in classes.items()
        if not hasattr(value, "_repr_html_") and not issubclass(value, Exception)
    }
    assert plain - PARTS == set()


def test_scores_and_their_parts_are_tables_of_text():
    found = fc.reliability([0.1, 0.4, 0.6, 0.9], [0, 1, 0, 1])
    line = fc.calibration_line([0.2] * 10 + [0.8] * 10, [1] * 2 + [0] * 8 + [1] * 8 + [0] * 2)
    better = fc.advantage([0.1, 0.2], [0.3, 0.3])
    for value in (found, found.decomposition, line, better, fc.read_lexicon("kent")):
        assert value._repr_html_().count("<tr") > 1
    questions = fc.read_questions("iraq-2020")
    assert questions._repr_html_().count("<tr") == len(questions) + 1
