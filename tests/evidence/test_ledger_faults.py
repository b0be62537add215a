"""What was acknowledged is there and nothing else is, or the ledger is refused with advice."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import forecast as fc
from forecast.errors import InputError, LedgerFailure, LedgerWarning
from forecast.evidence import database, intake
from forecast.evidence.database import CHECKED_BYTES, FORMAT
from forecast.testing.ledgers import random_reports
from tests.ledgers import generator, report, server_address

ROOT = Path(__file__).parents[2]
LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
from tests.ledger_writer import main
main(*sys.argv[2:])
"""


@pytest.fixture(params=["file", pytest.param("server", marks=pytest.mark.postgres)])
def address(request, tmp_path):
    if request.param == "file":
        yield str(tmp_path / "ledger.db")
        return
    with server_address() as found:
        yield found


def start(address, name, appends, size=1):
    """A writer in a process of its own."""
    command = [sys.executable, "-m", "tests.ledger_writer", address, name, str(appends), str(size)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def stored(address):
    """Reports of each writer, after a check of everything."""
    with fc.open_ledger(address) as ledger:
        ledger.check()
        names = [one.id for one in ledger]
        assert len(ledger.known_at("2020-02-01")) == len(names)
    writers = Counter(name.rsplit("-", 1)[0] for name in names)
    assert set(names) == {f"{name}-{k}" for name, count in writers.items() for k in range(count)}
    return writers


def kill_writers(address, times):
    """Kill writers at random moments and compare what they said with what is there."""
    rng = generator("kill", address[:3])
    acknowledged, landed = {}, 0
    for k in range(times):
        size = rng.choice([1, 1, 7, 400])
        writer = start(address, f"w{k}", 100_000, size)
        if rng.random() < 0.9:
            writer.stdout.readline()
            time.sleep(rng.uniform(0, 0.2))
        else:
            time.sleep(rng.uniform(0, 0.8))
        writer.send_signal(signal.SIGKILL)
        said, errors = writer.communicate()
        assert writer.returncode == -signal.SIGKILL, errors.decode()
        said = said.split()
        acknowledged[f"w{k}"] = (int(said[-1]) if said else 0, size)
        landed += bool(said)
        if k % 20 == 0 or k == times - 1:
            there = stored(address)
            for name, (count, whole) in acknowledged.items():
                assert there[name] in (count, count + whole)
    assert landed > times / 2
    assert sum(count for count, _ in acknowledged.values()) > 0


def test_a_killed_writer_loses_nothing(address):
    kill_writers(address, 4)


@pytest.mark.slow
def test_two_hundred_killed_writers_lose_nothing(tmp_path):
    kill_writers(str(tmp_path / "ledger.db"), 200)


def append_at_once(address, writers, appends):
    started = [start(address, f"w{k}", appends) for k in range(writers)]
    for writer in started:
        said, errors = writer.communicate()
        assert writer.returncode == 0, errors.decode()
        assert int(said.split()[-1]) == appends
    assert stored(address) == {f"w{k}": appends for k in range(writers)}


def test_writers_at_once_lose_nothing(address):
    append_at_once(address, 4, 25)


@pytest.mark.slow
def test_four_writers_of_many_reports_lose_nothing(tmp_path):
    append_at_once(str(tmp_path / "ledger.db"), 4, 2_500)


@pytest.mark.slow
@pytest.mark.postgres
def test_four_writers_of_many_reports_lose_nothing_on_a_server():
    with server_address() as address:
        append_at_once(address, 4, 2_500)


def test_a_killed_import_leaves_nothing(tmp_path):
    rows = [f"R{k},barometer,low,2020-01-05,2020-01-06,keeper" for k in range(60_000)]
    table, path = tmp_path / "reports.csv", tmp_path / "ledger.db"
    table.write_text("\n".join(["id,indicator,state,event_start,known,source", *rows]))
    with fc.open_ledger(path) as ledger:
        ledger.append(report("first"))
    code = "import forecast as fc, sys; fc.open_ledger(sys.argv[1]).import_csv(sys.argv[2])"
    writer = subprocess.Popen([sys.executable, "-c", code, path, table], cwd=ROOT)
    log = path.with_name("ledger.db-wal")
    while writer.poll() is None and not (log.exists() and log.stat().st_size > 1_000_000):
        time.sleep(0.005)
    assert writer.poll() is None
    writer.kill()
    writer.wait()
    with fc.open_ledger(path) as ledger:
        assert [one.id for one in ledger] == ["first"]
        ledger.check()


def test_a_file_that_may_not_grow_keeps_what_was_acknowledged(tmp_path):
    path = tmp_path / "ledger.db"
    with fc.open_ledger(path):
        pass
    command = [sys.executable, "-c", LIMITED, "300000", str(path), "w", "100000", "1"]
    check_full_disk(command, path)


def test_a_full_disk_keeps_what_was_acknowledged(tmp_path):
    with small_disk(tmp_path / "disk") as disk:
        path = disk / "ledger.db"
        command = [sys.executable, "-m", "tests.ledger_writer", str(path), "w", "100000", "3"]
        check_full_disk(command, path)
        with fc.open_ledger(path) as ledger:
            before = len(ledger)
            with pytest.raises(InputError, match="cannot be written: No space left"):
                write_until_full(ledger, disk)
            assert len(ledger) == before
            assert not [*disk.glob(".*")]


@contextmanager
def small_disk(folder):
    """A disk of one megabyte, where this may be had."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no small disk may be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def write_until_full(ledger, disk):
    for k in range(1_000):
        ledger.export_csv(disk / f"{k}.csv")


def check_full_disk(command, path):
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert "LedgerFailure" in done.stderr
    assert "nothing was stored: make room and append again" in done.stderr
    acknowledged = int(done.stdout.split()[-1])
    assert acknowledged > 0
    with fc.open_ledger(path) as ledger:
        ledger.check()
        assert [one.id for one in ledger] == [f"w-{k}" for k in range(acknowledged)]


def make_ledger(path, seed=0, size=400):
    """A ledger that was closed; its reports."""
    reports = random_reports(generator("faults", seed), size)
    with fc.open_ledger(path) as ledger:
        ledger.append(reports)
    return reports


def refused_or_right(path, reports):
    """Whether a file is refused, or reports of it are named as lost; the others are right."""
    before = path.read_bytes()
    days = ("2020-01-20", "2021-01-01")
    try:
        with warnings.catch_warnings(record=True) as told, fc.open_ledger(path) as ledger:
            warnings.simplefilter("always")
            held, found = tuple(ledger), tuple(map(ledger.known_at, days))
            if told:
                assert "cannot be read and were left out" in str(told[0].message)
                with pytest.raises(LedgerFailure):
                    ledger.check()
    except LedgerFailure as error:
        advice = str(error)
    else:
        memory = fc.Ledger(held)
        assert found == tuple(map(memory.known_at, days))
        assert set(held) <= set(reports)
        assert told or held == tuple(reports)
        return bool(told)
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
    told = r"1 reports cannot be read and were left out; .*: receipt 2 \('R2'\)$"
    with fc.open_ledger(path) as ledger:
        with pytest.warns(LedgerWarning, match=told):
            assert [one.id for one in ledger] == ["R1", "R3"]
        with pytest.warns(LedgerWarning, match=told):
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


def test_what_prints_a_ledger_shows_no_secret_and_raises_nothing(tmp_path):
    from forecast.evidence.database import _secrets_of, _without_secrets, make_url

    url = make_url("postgresql://user:hush@/name?host=x&sslpassword=hush2&password=hush3")
    assert str(_without_secrets(url)) == "postgresql://user@/name?host=x"
    assert _secrets_of(url) == {"password": "hush3", "sslpassword": "hush2"}
    with fc.open_ledger(tmp_path / "ledger.db") as ledger:
        pass
    for rest in tmp_path.iterdir():
        rest.write_bytes(b"gone")
    assert repr(ledger).endswith("ledger.db: cannot be read>")


def stop_writer_of(path):
    """Leave a ledger as a writer that was killed leaves it; its reports."""
    writer = start(str(path), "w", 100_000)
    for _ in range(20):
        writer.stdout.readline()
    writer.kill()
    writer.communicate()
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0
    return fc.salvage_ledger(path).reports


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
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            assert fc.salvage_ledger(path).reports == tuple(kept)
        assert damaged or "ledger.db-wal beside it belongs to another" in str(told[0].message)


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


@contextmanager
def write_protected(folder):
    """A folder to which this process, root or not, cannot write."""
    files = [folder, *folder.iterdir()]
    for path in files:
        path.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for path in files:
            path.chmod(0o755)


@pytest.fixture
def open_folder():
    """A folder that everybody can reach."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        path.chmod(0o755)
        yield path


@pytest.mark.parametrize("left", ["nothing", "log", "log and index", "log of another"])
def test_a_ledger_that_cannot_be_written_can_be_read(open_folder, tmp_path, left):
    path = open_folder / "ledger.db"
    if left == "nothing":
        kept = tuple(make_ledger(path, size=40))
    elif left == "log of another":
        kept = tuple(make_ledger(path, size=40))
        stop_writer_of(tmp_path / "ledger.db")
        shutil.copy(tmp_path / "ledger.db-wal", open_folder)
    else:
        kept = stop_writer_of(path)
        if left == "log":
            path.with_name("ledger.db-shm").unlink()
    before = {file.name: file.read_bytes() for file in open_folder.iterdir()}
    with warnings.catch_warnings(record=True) as told, write_protected(open_folder):
        warnings.simplefilter("always")
        with fc.open_ledger(path) as ledger:
            ledger.check()
            assert tuple(ledger) == kept
            assert ledger.known_at("2021-01-01") == fc.Ledger(kept).known_at("2021-01-01")
            assert sum(ledger.indicators("2021-01-01").values()) <= len(kept)
            with pytest.raises(LedgerFailure, match="cannot be written: it or its folder is"):
                ledger.append(report("new"))
            assert len(ledger) == len(kept)
        assert fc.salvage_ledger(path).reports == kept
        with pytest.raises(LedgerFailure, match="cannot be made"):
            fc.open_ledger(open_folder / "new.db")
    assert {file.name: file.read_bytes() for file in open_folder.iterdir()} == before
    assert bool(told) == (left == "log of another")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with fc.open_ledger(path) as ledger:
            assert ledger.append(report("new")).added == 1


def test_what_was_read_without_locks_while_others_wrote_is_not_believed(tmp_path):
    from forecast.evidence.database import reading

    path = tmp_path / "ledger.db"
    make_ledger(path, size=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("forecast.evidence.ledger_access.can_write", lambda _: False)
        patch.setattr(database, "can_write", lambda _: False)
        opened = fc.open_ledger(path)
        with (
            opened as ledger,
            pytest.raises(LedgerFailure, match="written to while it was read"),
            reading(ledger._engine, "x"),
        ):
            os.utime(path)
        assert len(opened) == 3


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


def test_foreign_files_are_refused_and_left_alone(tmp_path):
    path = tmp_path / "ledger.db"
    for content in (b"", b"id,indicator\n", b"SQLite format 3\0", os.urandom(5000)):
        path.write_bytes(content)
        with pytest.raises(LedgerFailure, match="Nothing was written to it"):
            fc.open_ledger(path)
        assert path.read_bytes() == content
    path.unlink()
    with sqlite3.connect(path) as plain:
        plain.execute("CREATE TABLE reports (id)")
    plain.close()
    with pytest.raises(LedgerFailure, match="is no ledger"):
        fc.open_ledger(path)
    with pytest.raises(LedgerFailure, match="Is a directory"):
        fc.open_ledger(tmp_path)
    with pytest.raises(LedgerFailure, match="cannot be made: No such file"):
        fc.open_ledger(tmp_path / "nowhere" / "ledger.db")
    with pytest.raises(InputError, match="'mysql' is no ledger"):
        fc.open_ledger("mysql://somewhere/else")


def test_a_newer_file_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "ledger.db"
    make_ledger(path, size=3)
    with sqlite3.connect(path) as plain:
        plain.execute(f"PRAGMA user_version = {FORMAT + 1}")
    plain.close()
    before = path.read_bytes()
    with pytest.raises(LedgerFailure, match=f"has format {FORMAT + 1}, .* upgrade the library"):
        fc.open_ledger(path)
    assert path.read_bytes() == before


@pytest.mark.postgres
def test_a_newer_or_foreign_server_is_refused():
    from sqlalchemy import create_engine, make_url, text

    with server_address() as address:
        fc.open_ledger(address).close()
        engine = create_engine(make_url(address).set(drivername="postgresql+psycopg"))
        with engine.begin() as connection:
            connection.execute(text(f"UPDATE ledger_format SET version = {FORMAT + 1}"))
        with pytest.raises(LedgerFailure, match="upgrade the library"):
            fc.open_ledger(address)
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE ledger_format"))
        with pytest.raises(LedgerFailure, match="a table 'reports' that is no ledger's"):
            fc.open_ledger(address)
        engine.dispose()


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://user:hush@localhost:1/name",
        "postgresql://user:hush/@hush@localhost:port/name",
        "postgresql://localhost:1/name?user=u&password=hush",
        "postgresql://localhost:1/name?sslmode=disable&sslp%61ssword=hush&connect_timeout=1",
        "mysql://user:hush@host/name?password=hush",
        "postgresql://[user:hush@host/name",
    ],
)
def test_no_message_holds_a_password(address, capsys):
    from forecast.cli import main

    with pytest.raises(fc.ForecastError) as caught:
        fc.open_ledger(address)
    assert main(["ledger", "check", address]) == 1
    assert main(["ledger", "salvage", address, "new.db"]) == 1
    told = capsys.readouterr()
    assert "hush" not in f"{caught.value} {caught.value!r} {told.out} {told.err}"


def test_new_files_are_as_private_as_the_process_says(tmp_path):
    before = os.umask(0o077)
    try:
        with fc.open_ledger(tmp_path / "ledger.db") as ledger:
            ledger.append(report("R1"))
            ledger.export_csv(tmp_path / "reports.csv")
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert len(modes) >= 3
    assert set(modes.values()) == {0o600}


def test_a_pipe_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "ledger.db")
    with pytest.raises(LedgerFailure, match="is no file"):
        fc.open_ledger(tmp_path / "ledger.db")


@pytest.mark.postgres
def test_a_lock_on_a_server_is_not_waited_for_without_limit(monkeypatch):
    from forecast.evidence.database import writing

    monkeypatch.setattr(database, "PATIENCE", 1)
    with (
        server_address() as address,
        fc.open_ledger(address) as ledger,
        writing(ledger._engine, "x"),
        pytest.raises(LedgerFailure, match="others have been writing for 1 seconds"),
    ):
        fc.open_ledger(address)


@pytest.mark.postgres
def test_a_server_that_is_not_there_is_named_without_its_password():
    if not os.environ.get("FORECAST_POSTGRES"):
        pytest.skip("no PostgreSQL server: run `make postgres-test`")
    with pytest.raises(LedgerFailure) as caught:
        fc.open_ledger("postgresql://somebody:secret@localhost:1/nothing")
    assert "secret" not in str(caught.value)
    assert "localhost:1" in str(caught.value)


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
