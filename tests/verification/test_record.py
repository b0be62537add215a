"""The sealed record: whatever is done to it shows."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from random import Random

import pytest

import forecast as fc
from forecast.errors import InputError
from forecast.evidence.ledger import Evidence
from forecast.fitting import moved_forecast
from forecast.verification.record import BEGINNING, Entry, _canonical
from forecast.verification.resolutions import Resolution
from tests.small import barometer_report, weather
from tests.verification.test_questions import day, question

STORM = {"at_least_once": [{"storm": "storm"}]}


@pytest.fixture(scope="module")
def issued():
    """A forecast and its answers: yes or no, and a number."""
    evidence = Evidence(day(1, 6), (barometer_report("R1", "low"),))
    given = fc.forecast(
        weather(horizon=14), evidence, draws=20, tune=20, chains=1, progressbar=False
    )
    storm = question(STORM, day(2), day(3, 6))
    weeks = {"count": {"of": [{"barometer": "low"}]}}
    low = question(weeks, day(2), day(13, 6)).model_copy(update={"id": "weeks"})
    return given, [fc.ask(given, each) for each in (storm, low)]


@pytest.fixture
def record(tmp_path):
    return fc.open_record(tmp_path / "record.db")


def resolution(name, outcome):
    return Resolution(question=name, outcome=outcome, resolved=day(4), source="the keeper")


def test_what_was_issued_is_read_back_and_scored(record, issued):
    given, answers = issued
    entry = record.issue(given, answers)
    assert entry.body["scenario_digest"] == given.scenario.digest
    read = record.answers()
    assert [*read[1].distribution] == [str(n) for n in range(13)]  # in order, past nine
    assert [*read] == [
        fc.QuestionForecast(each.question, each.as_of, each.distribution) for each in answers
    ]
    record.resolve(resolution("q", "no"))
    record.resolve(resolution("q", "yes"))
    record.resolve(resolution("weeks", 1))
    assert record.verify(entry.head) == 4
    assert record.verify(record.head) == 4
    expected = fc.score(answers, [resolution("q", "yes"), resolution("weeks", 1)])
    assert record.scores().table.equals(expected.table)
    assert fc.open_record(record.path).head == record.head


def test_the_digest_of_the_evidence_follows_every_word_of_it(record, issued):
    given, _ = issued
    digests = {record.issue(given).body["texts"]["evidence"]}
    for report in (barometer_report("R1", "falling"), barometer_report("R2", "low")):
        other = fc.Forecast(
            given.scenario, Evidence(given.as_of, (report,)), given.posterior, given.sampling
        )
        digests.add(record.issue(other).body["texts"]["evidence"])
    assert len(digests) == 3


def test_what_does_not_belong_is_refused_and_nothing_is_lost(record, issued):
    given, answers = issued
    record.issue(given, answers)
    late = fc.QuestionForecast(answers[0].question, date(2020, 3, 1), answers[0].distribution)
    for call, message in (
        (lambda: record.issue(given, [late]), "as of 2020-03-01"),
        (lambda: record.issue(given, [*answers, answers[0]]), "answered twice"),
        (lambda: record.issue(given, answers, ["gone.html"]), "is no file"),
        (lambda: record.resolve(resolution("other", "no")), "no forecast answers it"),
        (lambda: record.replay(2), "is no forecast; legal: 1"),
        (lambda: record.resolve(resolution("weeks", 1.5)), "whole number"),
    ):
        with pytest.raises(InputError, match=message):
            call()
    assert record.verify() == 1


def test_a_forecast_is_made_again_from_the_record_alone(record, issued):
    given, answers = issued
    later = fc.update(given, Evidence(day(2, 6), given.evidence.reports), method="reweight")
    prior = fc.forecast(
        given.scenario, given.evidence, draws=20, chains=1, progressbar=False, method="reweight"
    )
    record.issue(given, answers)
    record.issue(later, [fc.ask(later, each.question) for each in answers])
    record.issue(prior)
    more = tuple(barometer_report(f"N{k}", "low", k % 3) for k in range(6))
    moved = moved_forecast(prior.fit, Evidence(day(2, 6), more), prior.sampling)
    record.issue(fc.update(moved, later.evidence, method="reweight"))
    record.issue(moved)
    back = fc.update(
        fc.update(prior, later.evidence, method="reweight"), given.evidence, method="reweight"
    )
    record.issue(back)  # under the first evidence again, which is read as it was at first
    for n, made in ((1, given), (2, later), (3, prior), (5, moved), (6, back)):
        again = fc.open_record(record.path).replay(n)
        assert again.same
        assert again.difference == 0
        assert not again.notes
        assert again.forecast.scenario.digest == made.scenario.digest
        assert again.table["issued"].iloc[0] == made.courses[0].now.mean
    assert record.replay(4).difference == 0
    # A scenario once, and evidence of one day and of two forms of another.
    assert len(fc.open_record(record.path)._texts()) == 4


def test_a_replay_says_what_comes_out_otherwise(record, issued, monkeypatch):
    given, answers = issued
    wrong = [fc.QuestionForecast(a.question, a.as_of, {**a.distribution}) for a in answers]
    wrong[0].distribution["yes"] = fc.Estimate(0.5, 0.4, 0.6)
    record.issue(given, wrong)
    monkeypatch.setattr("forecast.verification.issued.made_by", lambda: {"numpy": "9.9"})
    again = record.replay(1)
    assert not again.same
    true = answers[0].probability
    off = [abs(0.5 - true.mean), abs(0.4 - true.lower), abs(0.6 - true.upper)]
    assert again.difference == pytest.approx(max(off), abs=1e-12)
    assert "3 of 57 numbers come out otherwise" in str(again)
    assert any(note.startswith("numpy was") and "is 9.9" in note for note in again.notes)


def test_draws_of_unknown_origin_are_not_made_again(record, issued):
    given, _ = issued
    later = fc.update(given, Evidence(day(2, 6), given.evidence.reports), method="reweight")
    record.issue(replace(later, fit=None))
    with pytest.raises(InputError, match="nobody can make them again"):
        record.replay(1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("UPDATE texts SET text = text || ' '", "its (scenario|evidence) has been changed"),
        ("UPDATE texts SET text = x'00'", "its (scenario|evidence) has been changed"),
        ("DELETE FROM texts WHERE text LIKE '%as_of%'", "its evidence has been taken out"),
        ("INSERT INTO texts VALUES ('abc', '')", "abc… belongs to no entry"),
        ("UPDATE texts SET digest = 'abc' WHERE text LIKE '%R1%'", "has been taken out"),
    ],
)
def test_tampering_with_what_a_forecast_stands_on_is_found(record, issued, change, message):
    given, answers = issued
    record.issue(given, answers)
    with sqlite3.connect(record.path) as database:
        database.execute(change)
    database.close()
    with pytest.raises(InputError, match=message):
        record.verify()
    if "INSERT" not in change:
        with pytest.raises(InputError, match=message):
            record.replay(1)


def test_a_file_that_is_no_record_stays_as_it_is(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no database, but longer than a header of one " * 5, encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(InputError, match="cannot be used as a record"):
        fc.open_record(path)
    assert path.read_bytes() == before


def test_a_database_of_something_else_stays_as_it_is(tmp_path):
    path = tmp_path / "reports.db"
    fc.open_ledger(path, weather()).close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="database of something else"):
        fc.open_record(path)
    assert path.read_bytes() == before


def test_several_writers_at_once_make_one_chain(record, issued):
    given, _ = issued
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: record.issue(given, []), range(20)))
    assert record.verify() == 20


def chain(n, moment="2020-01-23T12:00:00+00:00"):
    """Rows of a record of n entries, (number, text), made apart from its file."""
    previous = BEGINNING
    for k in range(1, n + 1):
        draft = Entry(k, "forecast", moment, {"answers": [], "k": k}, previous)
        previous = draft.expected_digest
        yield k, _canonical([draft.kind, draft.written, draft.body, draft.previous, previous])


def rewrite(record, rows):
    with sqlite3.connect(record.path) as database:
        database.execute("DELETE FROM entries")
        database.executemany("INSERT INTO entries VALUES (?, ?)", rows)
    database.close()


def renumbered(texts):
    return list(enumerate(texts, start=1))


def test_every_tampering_with_a_thousand_entries_is_found(record):
    rows = list(chain(1000))
    texts = [text for _, text in rows]
    rewrite(record, rows)
    head = record.head
    assert record.verify(head) == 1000
    random = Random(1)
    forged = list(chain(1001))[-1][1]
    for k in (0, 1, *random.sample(range(2, 998), 5), 998):
        edited = texts[k].replace(f'"k":{k + 1}', '"k":0')
        assert edited != texts[k]
        shuffled = [*texts[:k], texts[k + 1], texts[k], *texts[k + 2 :]]
        for tampered in (
            renumbered([*texts[:k], edited, *texts[k + 1 :]]),
            renumbered([*texts[:k], *texts[k + 1 :]]),
            rows[:k] + rows[k + 1 :],
            renumbered([*texts[:k], forged, *texts[k:]]),
            renumbered(shuffled),
        ):
            rewrite(record, tampered)
            with pytest.raises(InputError, match="entry"):
                record.verify()


def test_a_record_that_ends_early_or_was_written_anew_is_found_by_the_head(record):
    rows = list(chain(50))
    rewrite(record, rows)
    head = record.head
    early = fc.open_record(record.path).entries()[24].head
    rewrite(record, rows[:-1])
    assert record.verify(early) == 49
    with pytest.raises(InputError, match="ends early, or was written anew"):
        record.verify(head)
    rewrite(record, chain(50, "2020-01-24T12:00:00+00:00"))
    assert record.verify() == 50
    with pytest.raises(InputError, match="ends early, or was written anew"):
        record.verify(head)
