"""A ledger that was damaged or forged is refused with advice, or right as far as it is read."""

import shutil
import sqlite3
import subprocess
import sys
import warnings
from collections import Counter
from contextlib import closing
from dataclasses import replace

import pytest

import forecast as fc
from forecast.errors import InputError, LedgerFailure, LedgerWarning
from forecast.evidence import database, intake
from forecast.evidence.database import CHECKED_BYTES
from tests.ledger_writer import start, stop_writer_of
from tests.ledgers import generator, make_ledger, report


def refused_or_right(path, reports):
    """Whether a file is refused, or reports of it are named as lost; the others are right."""
    before = path.read_bytes()
    days = ("2020-01-20", "2021-01-01")
    try:
        with warnings.catch_warnings(record=True) as issued, fc.open_ledger(path) as ledger:
            warnings.simplefilter("always")
            held, found = tuple(ledger), tuple(map(ledger.known_at, days))
            if issued:
                assert "cannot be read and were left out" in str(issued[0].message)
                with pytest.raises(LedgerFailure):
                    ledger.check()
    except LedgerFailure as error:
        advice = str(error)
    else:
        memory = fc.Ledger(held)
        assert found == tuple(map(memory.known_at, days))
        assert set(held) <= set(reports)
        assert issued or held == tuple(reports)
        return bool(issued)
    assert "put back a copy" in advice.lower() or "upgrade" in advice
    assert path.read_bytes() == before
    return True


def damage_files(path, times):
    """Damage a ledger in many ways; count how often it was refused."""
    reports = make_ledger(path)
    whole = path.read_bytes()
    rng = generator("damage", times)
    refused = Counter()
    for _ in range(times):
        bad = bytearray(whole)
        page = 4096 * rng.randrange(len(bad) // 4096)
        kind = rng.choice(["zeroed", "noise", "bit", "text", "cut", "moved"])
        if kind == "zeroed":
            bad[page : page + 4096] = bytes(4096)
        elif kind == "noise":
            here = page + rng.randrange(4096 - 64)
            bad[here : here + 64] = rng.randbytes(64)
        elif kind == "bit":
            bad[page + rng.randrange(4096)] ^= 1 << rng.randrange(8)
        elif kind == "text":
            bad = bytearray(bytes(bad).replace(b"keeper", b"keepes", rng.randint(1, 500)))
        elif kind == "cut":
            del bad[rng.randrange(len(bad)) :]
        else:
            other = 4096 * rng.randrange(len(bad) // 4096)
            bad[page : page + 4096] = bad[other : other + 4096]
        path.write_bytes(bad)
        refused[kind] += refused_or_right(path, reports) or bytes(bad) == whole
        refused[f"all {kind}"] += 1
        for rest in path.parent.glob(f"{path.name}-*"):
            rest.unlink()
    for kind in ("zeroed", "cut", "text"):
        assert refused[kind] == refused[f"all {kind}"] > 0
    return refused


def test_a_damaged_file_is_refused_or_right(tmp_path):
    damage_files(tmp_path / "ledger.db", 60)


@pytest.mark.slow
def test_many_damaged_files_are_refused_or_right(tmp_path):
    damage_files(tmp_path / "ledger.db", 2_000)


def test_a_report_that_cannot_be_read_costs_itself(tmp_path):
    path = tmp_path / "ledger.db"
    reports = [report("R1"), report("R2", "falling", known=2, supersedes="R1"), report("R3")]
    with fc.open_ledger(path) as ledger:
        ledger.append(reports)
    with sqlite3.connect(path) as plain:
        plain.execute("UPDATE reports SET retrieved = 'NaT' WHERE id = 'R2'")
    plain.close()
    message = r"1 reports cannot be read and were left out; .*: receipt 2 \('R2'\)$"
    with fc.open_ledger(path) as ledger:
        with pytest.warns(LedgerWarning, match=message):
            assert [one.id for one in ledger] == ["R1", "R3"]
        with pytest.warns(LedgerWarning, match=message):
            assert [one.id for one in ledger.known_at("2021-01-01")] == ["R1", "R3"]
        with pytest.raises(LedgerFailure, match=r"receipt 2 \('R2'\): not what was stored"):
            ledger.check()
        with pytest.raises(InputError, match="a report that cannot be read, with the id 'R2'"):
            ledger.append(reports[1])
        ledger.append(report("R4", "high", known=3, supersedes="R2"))
        with pytest.warns(LedgerWarning):
            assert [one.id for one in ledger.known_at("2021-01-01")] == ["R1", "R3", "R4"]
    assert fc.salvage_ledger(path).lost == (2,)


def test_bytes_where_text_was_stored_are_damage(tmp_path):
    path = tmp_path / "ledger.db"
    with fc.open_ledger(path) as ledger:
        ledger.append([report("R1"), report("R2")])
    with sqlite3.connect(path) as plain:
        plain.execute("UPDATE reports SET known = CAST(known AS BLOB) WHERE id = 'R2'")
    plain.close()
    with (
        fc.open_ledger(path) as ledger,
        pytest.raises(LedgerFailure, match=r"receipt 2 \('R2'\): not what was stored"),
    ):
        ledger.check()


def test_what_does_not_read_back_is_not_stored(address, monkeypatch):
    changed = report("R1", "high")
    monkeypatch.setattr(intake, "report_of", lambda _: changed)
    with fc.open_ledger(address) as ledger:
        with pytest.raises(LedgerFailure, match="'R1' reads back as another; nothing was stored"):
            ledger.append(report("R1"))
        assert len(ledger) == 0


@pytest.mark.parametrize("receipt", [1, 3])
def test_a_deleted_report_is_missed(address, receipt):
    from sqlalchemy import delete

    from forecast.evidence.database import REPORTS, writing

    with fc.open_ledger(address) as ledger:
        ledger.append([report("R1"), report("R2"), report("R3")])
        with writing(ledger._engine, "x") as connection:
            connection.execute(delete(REPORTS).where(REPORTS.c.receipt == receipt))
        with pytest.raises(LedgerFailure, match="3 reports were received and 2 are there"):
            ledger.check()
        ledger.append(report("R4"))
        assert len(ledger) == 4


def test_the_log_of_a_killed_writer_is_not_put_into_another_ledger(tmp_path):
    path, new = tmp_path / "ledger.db", tmp_path / "new.db"
    writer = start(str(path), "w", 100_000)
    for _ in range(20):
        acknowledged = int(writer.stdout.readline())
    writer.kill()
    writer.communicate()
    assert path.with_name("ledger.db-wal").stat().st_size > 0
    saved = fc.salvage_ledger(path).reports
    assert len(saved) >= acknowledged
    with fc.open_ledger(new) as ledger:
        ledger.append([*saved, report("new")])
    new.replace(path)
    with pytest.warns(LedgerWarning, match="ledger.db-wal beside it belonged to another ledger"):
        opened = fc.open_ledger(path)
    with opened as ledger:
        ledger.check()
        assert tuple(ledger)[:-1] == saved
    with fc.open_ledger(path) as ledger:
        assert len(ledger) == len(saved) + 1
    assert len([*tmp_path.glob("ledger.db-wal.*")]) == 1


def forge(connection, name):
    """Change a ledger as somebody does who knows how its checksums are made."""
    from sqlalchemy import delete, insert, select

    from forecast.evidence.database import REPORTS
    from forecast.evidence.records import record_of, report_of

    rows = connection.execute(select(*intake.WHOLE).order_by(REPORTS.c.receipt)).all()
    first, second, third = map(report_of, rows)
    forged = {
        "an edit": [first, replace(second, state="high"), third],
        "a report for another": [first, report("R9"), third],
        "another order": [second, first, third],
        "nothing": [first, second, third],
    }[name]
    connection.execute(delete(REPORTS))
    connection.execute(insert(REPORTS), [record_of(one, k) for k, one in enumerate(forged, 1)])


@pytest.mark.parametrize("name", ["an edit", "a report for another", "another order", "nothing"])
def test_a_forged_history_is_found(address, name):
    from forecast.evidence.database import writing

    with fc.open_ledger(address) as ledger:
        ledger.append([report("R1"), report("R2")])
        ledger.append(report("R3", likelihoods=(("low", 0.1),), state=""))
        ledger.check()
        with writing(ledger._engine, "x") as connection:
            forge(connection, name)
        if name == "nothing":
            ledger.check()
            return
        with pytest.raises(LedgerFailure, match="its reports are not those that were received"):
            ledger.check()
        ledger.append(report("R4"))
        with pytest.raises(LedgerFailure, match="not those that were received"):
            ledger.check()


def reseal(connection):
    """Store the digest of what is there now, as if it had been received like that."""
    from sqlalchemy import func, select, update

    from forecast.evidence.database import FORMATS, REPORTS
    from forecast.evidence.records import digest_with

    digest = connection.execute(select(FORMATS.c.ledger)).scalar_one()
    for row in connection.execute(select(*intake.WHOLE).order_by(REPORTS.c.receipt)).all():
        digest = digest_with(digest, row[:-1])
    count = connection.execute(select(func.count()).select_from(REPORTS)).scalar_one()
    connection.execute(update(FORMATS).values(digest=digest, received=count))


@pytest.mark.parametrize("name", ["an edit", "a report for another", "another order", "nothing"])
def test_a_receipt_shows_a_history_forged_with_its_digest(address, name):
    from forecast.evidence.database import writing

    with fc.open_ledger(address) as ledger:
        first = ledger.append(report("R1"))
        second = ledger.append([report("R2"), report("R3")])
        assert ledger.append([]).checkpoint == second.checkpoint != first.checkpoint
        with writing(ledger._engine, "x") as connection:
            forge(connection, name)
            reseal(connection)
        ledger.append(report("R4"))
        ledger.check()  # all in itself is as if it had been so from the beginning
        if name == "nothing":
            for receipt in (first, second, first.checkpoint, f" {second.checkpoint}\n"):
                ledger.check(receipt)
            return
        with pytest.raises(LedgerFailure, match="its first 3 reports are not those of the receipt"):
            ledger.check(second)
        if name != "another order":
            ledger.check(first)


def test_a_receipt_shows_that_the_last_reports_were_cut_off(address):
    from sqlalchemy import delete

    from forecast.evidence.database import REPORTS, writing

    with fc.open_ledger(address) as ledger:
        ledger.append(report("R1"))
        receipt = ledger.append(report("R2"))
        with writing(ledger._engine, "x") as connection:
            connection.execute(delete(REPORTS).where(REPORTS.c.receipt == 2))
            reseal(connection)
        ledger.check()
        with pytest.raises(LedgerFailure, match="1 reports are there, and the receipt is of 2"):
            ledger.check(receipt)
        for wrong in ("", "2", "2:abc", f"two:{receipt.digest}"):
            with pytest.raises(InputError, match="is no checkpoint"):
                ledger.check(wrong)


def test_a_log_of_another_ledger_is_not_salvaged(tmp_path):
    path, other = tmp_path / "ledger.db", tmp_path / "other.db"
    stop_writer_of(other)
    kept = make_ledger(path, size=40)
    with closing(sqlite3.connect(path)) as plain:
        name = plain.execute("SELECT ledger FROM ledger_format").fetchone()[0]
    shutil.copy(f"{other}-wal", f"{path}-wal")
    before = path.read_bytes()
    for damaged in (False, True):  # without its name, the ledger is known by its reports
        if damaged:
            path.write_bytes(before.replace(name.encode(), b"\xff" * len(name)))
        with warnings.catch_warnings(record=True) as issued:
            warnings.simplefilter("always")
            assert fc.salvage_ledger(path).reports == tuple(kept)
        assert damaged or "ledger.db-wal beside it belongs to another" in str(issued[0].message)


def test_a_journal_of_another_file_is_not_undone(tmp_path):
    path, other = tmp_path / "ledger.db", tmp_path / "other.db"
    make_ledger(path, size=40)
    code = """
import os, sqlite3, sys
plain = sqlite3.connect(sys.argv[1], isolation_level=None)
plain.executescript("CREATE TABLE t (x); INSERT INTO t VALUES (hex(randomblob(90000)));")
plain.executescript("PRAGMA cache_size = 1; BEGIN; UPDATE t SET x = hex(randomblob(90000));")
os._exit(0)
"""
    subprocess.run([sys.executable, "-c", code, other], check=True)
    shutil.copy(f"{other}-journal", f"{path}-journal")
    before = path.read_bytes()
    assert len(fc.salvage_ledger(path).reports) == 40
    with pytest.warns(LedgerWarning, match="ledger.db-journal beside it belonged to another"):
        opened = fc.open_ledger(path)
    with opened as ledger:
        ledger.check()
    assert path.read_bytes() == before
    plain = sqlite3.connect(path)
    plain.execute("PRAGMA journal_mode = DELETE")
    plain.close()
    before = path.read_bytes()
    shutil.copy(f"{other}-journal", f"{path}-journal")
    with pytest.raises(LedgerFailure, match="a change that another program began"):
        fc.open_ledger(path)
    assert path.read_bytes() == before


def test_a_large_damaged_file_is_found_by_a_check(tmp_path, monkeypatch):
    path = tmp_path / "ledger.db"
    make_ledger(path)
    monkeypatch.setattr(database, "CHECKED_BYTES", 0)
    assert CHECKED_BYTES > 0
    with fc.open_ledger(path) as ledger:
        ledger.check()
    with sqlite3.connect(path) as plain:
        plain.execute("DELETE FROM reports WHERE receipt = 7")
    plain.close()
    with (
        fc.open_ledger(path) as ledger,
        pytest.raises(LedgerFailure, match="400 reports were received and 399 are there"),
    ):
        ledger.check()


def test_what_a_damaged_file_still_holds_can_be_saved(tmp_path):
    path = tmp_path / "ledger.db"
    reports = make_ledger(path)
    content = path.read_bytes()
    page = 4096 * (content.index(b"zw") // 4096)
    path.write_bytes(content[:page] + bytes(4096) + content[page + 4096 :])
    with pytest.raises(LedgerFailure, match="salvage_ledger"):
        fc.open_ledger(path)
    saved = fc.salvage_ledger(path)
    assert 0 < len(saved.lost) < 40
    assert saved.reports == tuple(r for k, r in enumerate(reports, 1) if k not in saved.lost)
    with fc.open_ledger(tmp_path / "new.db") as ledger:
        assert ledger.append(saved.reports).added == 400 - len(saved.lost)
