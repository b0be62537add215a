"""The track record section: counts by hand, and nothing where nothing has been resolved."""

import pytest

import forecast as fc
from forecast.reporting.track_record import section_of
from forecast.text import GAP
from forecast.verification.resolutions import Resolution
from tests.verification.test_questions import day, question

PROBABILITIES = {"a": (0.1, 0.05), "b": (0.9, 0.95), "c": (0.3, 0.1)}
CAME = {"a": "no", "b": "yes", "c": "yes"}


@pytest.fixture
def record(tmp_path):
    """Two forecasts with answers to three questions, written as they stand in a record."""
    record = fc.open_record(tmp_path / "record.db")
    for week in (1, 2):
        answers = []
        for name, stated in PROBABILITIES.items():
            asked = question({"at_least_once": [{"storm": "storm"}]}, day(1), day(4))
            body = asked.model_copy(update={"id": name}).model_dump(
                mode="json", by_alias=True, exclude_defaults=True
            )
            p = stated[week - 1]
            rows = [["no", 1 - p, 0.0, 1.0], ["yes", p, p / 2, min(1.0, p * 1.5)]]
            answers.append({"question": body, "distribution": rows})
        record._append("forecast", {"as_of": day(week).isoformat(), "answers": answers})
    return record


def test_without_resolutions_there_is_no_section(record):
    assert section_of(record).blocks == ()


def test_the_section_counts_as_one_would_by_hand(record):
    for name, outcome in CAME.items():
        record.resolve(Resolution(question=name, outcome=outcome, resolved=day(5), source="keeper"))
    section = section_of(record)
    first, warning, scores, groups, *_, seal = section.blocks
    assert first.text.startswith("2 forecasts of this record gave 6 answers to 3 questions")
    assert "10 are needed" in warning.text
    brier = (0.01 + 0.0025 + 0.01 + 0.0025 + 0.49 + 0.81) / 6
    values = dict(scores.rows)
    assert values["Brier score, 0 is best"].startswith(f"{brier:.3f}")
    assert values["Skill against always even"] == f"{1 - brier / 0.25:+.0%}"
    assert [(row[0].replace(GAP, " "), row[1]) for row in groups.rows] == [
        ("less than 20 %", "3"),
        ("20–40 %", "1"),
        ("at least 80 %", "2"),
    ]
    assert groups.rows[0][2].estimate.mean == pytest.approx(1 / 3)
    assert record.head in seal.text
