"""A process that appends to a ledger and says what was acknowledged; tests kill it.

    python -m tests.ledger_writer ADDRESS NAME APPENDS SIZE

Appends reports NAME-0, NAME-1, … in appends of SIZE, and prints after each how many are in.
"""

import subprocess
import sys
from pathlib import Path

import forecast as fc
from tests.ledgers import report

ROOT = Path(__file__).parents[1]


def main(address, name, appends, size):
    appends, size = int(appends), int(size)
    with fc.open_ledger(address) as ledger:
        print(0, flush=True)
        for first in range(0, appends * size, size):
            ledger.append(report(f"{name}-{k}") for k in range(first, first + size))
            print(first + size, flush=True)


def start(address, name, appends, size=1):
    """A writer in a process of its own."""
    command = [sys.executable, "-m", "tests.ledger_writer", address, name, str(appends), str(size)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def stop_writer_of(path):
    """Leave a ledger as a writer that was killed leaves it; its reports."""
    writer = start(str(path), "w", 100_000)
    for _ in range(20):
        writer.stdout.readline()
    writer.kill()
    writer.communicate()
    assert path.with_name(f"{path.name}-wal").stat().st_size > 0
    return fc.salvage_ledger(path).reports


if __name__ == "__main__":
    main(*sys.argv[1:])
