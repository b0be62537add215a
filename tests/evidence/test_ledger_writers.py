"""Writers that are killed, write at once or fill the disk: what was acknowledged is there."""

import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager

import pytest

import forecast as fc
from forecast.errors import InputError
from tests.ledger_writer import ROOT, start
from tests.ledgers import generator, report, server_address

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
from tests.ledger_writer import main
main(*sys.argv[2:])
"""


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
        printed, errors = writer.communicate()
        assert writer.returncode == -signal.SIGKILL, errors.decode()
        printed = printed.split()
        acknowledged[f"w{k}"] = (int(printed[-1]) if printed else 0, size)
        landed += bool(printed)
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
        printed, errors = writer.communicate()
        assert writer.returncode == 0, errors.decode()
        assert int(printed.split()[-1]) == appends
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
