"""Opening a ledger: one that cannot be written, is foreign, newer, locked, or not there."""

import os
import shutil
import sqlite3
import tempfile
import warnings
from contextlib import contextmanager
from pathlib import Path

import pytest

import forecast as fc
from forecast.errors import InputError, LedgerFailure
from forecast.evidence import database
from forecast.evidence.database import FORMAT
from tests.ledger_writer import stop_writer_of
from tests.ledgers import make_ledger, report, server_address


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
    with warnings.catch_warnings(record=True) as issued, write_protected(open_folder):
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
    assert bool(issued) == (left == "log of another")
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
        "postgresql://user:hush",
        "postgresql://user:hush/name?sslmode=disable",
        "host=localhost user=user password=hush dbname=name",
        "dbname = name password = 'not hush' host = localhost",
    ],
)
def test_no_message_holds_a_password(address, capsys):
    from forecast.cli import main

    with pytest.raises(fc.ForecastError) as caught:
        fc.open_ledger(address)
    assert main(["ledger", "check", address]) == 1
    assert main(["ledger", "salvage", address, "new.db"]) == 1
    printed = capsys.readouterr()
    assert "hush" not in f"{caught.value} {caught.value!r} {printed.out} {printed.err}"


def test_keywords_and_values_are_no_name_of_a_ledger(tmp_path, monkeypatch, capsys):
    """Not even where evidence is asked for; but a file may be called as it is."""
    from forecast.cli import main

    monkeypatch.chdir(tmp_path)
    address = "host=localhost password=hush"
    for given in (address, Path(address)):
        with pytest.raises(fc.InputError, match="write postgresql://user@host/name, or"):
            fc.open_ledger(given)
    assert main(["report", "iraq-2020", "--evidence", address]) == 1
    printed = capsys.readouterr()
    assert "write postgresql://" in printed.err
    assert "hush" not in printed.out + printed.err
    assert list(tmp_path.iterdir()) == []
    fc.open_ledger("./user=1.db").close()
    with fc.open_ledger("user=1.db") as ledger:
        assert len(ledger) == 0


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
