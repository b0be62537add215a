"""A process that appends to a ledger and says what was acknowledged; tests kill it.

    python -m tests.ledger_writer ADDRESS NAME APPENDS SIZE

Appends reports NAME-0, NAME-1, … in appends of SIZE, and prints after each how many are in.
"""

import sys

import forecast as fc
from tests.ledgers import report


def main(address, name, appends, size):
    appends, size = int(appends), int(size)
    with fc.open_ledger(address) as ledger:
        print(0, flush=True)
        for first in range(0, appends * size, size):
            ledger.append(report(f"{name}-{k}") for k in range(first, first + size))
            print(first + size, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
