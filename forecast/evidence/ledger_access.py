"""A ledger file and what SQLite keeps beside it: who may write there, and whose the logs are."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from secrets import token_hex
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from urllib.parse import quote

from forecast.errors import LedgerFailure, LedgerWarning, warn

PATIENCE = 120
"""Seconds that a writer waits for others."""

LOG, INDEX, JOURNAL = "-wal", "-shm", "-journal"
"""What the names of files beside a ledger end with: the log, its index, and the journal in which
SQLite keeps what to undo in files that have no log."""

JOURNAL_BEGINS = bytes.fromhex("d9d505f920a163d7")
"""How a journal begins that SQLite would undo."""

KEEPS_LOG = b"\2\2"
"""What stands in the header of a file that has a log, and never a journal."""


class LoneFile(sqlite3.Connection):
    """A file that is read by itself, without locks; it must be as it was at the end of reading."""

    seen: tuple[int, int] | None = None
    path: Path = Path()

    def require_unchanged(self) -> None:
        """Refuse what was read while another program wrote to the file.

        Raises
        ------
        LedgerFailure
            If the file is not the one that was opened.
        """
        if self.seen is not None and self.seen != _stamp(self.path):
            raise LedgerFailure(f"{self.path}: was written to while it was read; read it again")


def bytes_of(path: Path) -> int:
    """Bytes of a file and of its log."""
    return path.stat().st_size + (_beside(path, LOG).stat().st_size if has_log(path) else 0)


def can_write(path: Path) -> bool:
    """Whether SQLite can write to a file: into it, and a log into its folder."""
    real = Path(os.path.realpath(path))
    own = os.access in os.supports_effective_ids
    return os.access(real, os.W_OK, effective_ids=own) and os.access(
        real.parent, os.W_OK | os.X_OK, effective_ids=own
    )


def has_log(path: Path) -> bool:
    """Whether pages wait beside the file, in the write-ahead log, to be put into it."""
    log = _beside(path, LOG)
    return log.is_file() and log.stat().st_size > 0


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open a ledger file so that what is committed is on the disk."""
    connection = _open(path, "mode=rw", sqlite3.Connection)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a ledger file without writing to it, with its log if that is its own."""
    if has_log(path) and not is_foreign_log(path):
        return open_with_log(path)
    return _open(path, "mode=ro", sqlite3.Connection) if _is_plain(path) else open_alone(path)


def open_alone(path: Path) -> sqlite3.Connection:
    """Open a ledger file as if nothing lay beside it."""
    connection = _open(path, "mode=ro&immutable=1", LoneFile)
    connection.path, connection.seen = path, _stamp(path)
    return connection


def open_with_log(path: Path) -> sqlite3.Connection:
    """Open a ledger file with the log beside it, whosever it is.

    Where SQLite cannot make the index that a log needs, or would undo what stands in a journal,
    a copy in memory is read.
    """
    if not _has_journal(path) and (can_write(path) or _beside(path, INDEX).exists()):
        return _open(path, "mode=ro", sqlite3.Connection)
    memory = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    try:
        with TemporaryDirectory() as folder:
            copy = Path(folder) / "ledger.db"
            shutil.copyfile(path, copy)
            shutil.copyfile(_beside(path, LOG), _beside(copy, LOG))
            with closing(_open(copy, "mode=ro", sqlite3.Connection)) as disk:
                disk.backup(memory)
    except BaseException:
        memory.close()
        raise
    return memory


def is_foreign_log(path: Path) -> bool:
    """Whether a file by itself is another ledger than the file with its log put into it.

    SQLite stops reading a damaged log before the damage, so if a readable file is none with its
    log, the log is another's.
    """
    alone = _ledger_in(path, open_alone)
    return bool(alone) and _ledger_in(path, open_with_log) not in (alone, None)


def set_aside_foreign(path: Path) -> None:
    """Set aside what was left beside a ledger file by another ledger that was at its path.

    SQLite would put its pages into the file, over those that are there. Where nothing can be
    moved, it is left out of what is read.

    Raises
    ------
    LedgerFailure
        If it cannot be moved away, or a journal may be the file's own.
    """
    if not has_log(path) and not _has_journal(path):
        return
    with path.open("rb") as file:
        _take_turn(file.fileno())
        if _has_journal(path):
            _require_log_kept(path, file.read(20)[18:])
            _set_aside(path, JOURNAL)
        if has_log(path) and is_foreign_log(path):
            _set_aside(path, LOG)


def _set_aside(path: Path, ending: str) -> None:
    left = _beside(path, ending)
    aside = left.with_name(f"{left.name}.{token_hex(4)}")
    if not can_write(path):
        message = f"{left.name} beside it belongs to another ledger and is left out"
        warn(str(path), [message], LedgerWarning)
        return
    try:
        left.rename(aside)
    except OSError as error:
        fault = f"beside it is {left.name}, which belongs to another ledger"
        raise LedgerFailure(f"{path}: {fault} and cannot be moved away: {error.strerror}") from None
    message = f"{left.name} beside it belonged to another ledger and is now {aside.name}"
    warn(str(path), [message], LedgerWarning)


def _require_log_kept(path: Path, kind: bytes) -> None:
    """Refuse a file whose journal may be its own, because another program took its log away."""
    if kind != KEEPS_LOG:
        name = _beside(path, JOURNAL).name
        raise LedgerFailure(
            f"{path}: beside it is {name}, a change that another program began and did not end. "
            "If it is this ledger's, `sqlite3 FILE .tables` undoes it; if not, move it away. "
            "Nothing was written to it"
        )


def _is_plain(path: Path) -> bool:
    """Whether SQLite can open a file to read it as any other, with locks."""
    return can_write(path) and not has_log(path) and not _has_journal(path)


def _has_journal(path: Path) -> bool:
    try:
        with _beside(path, JOURNAL).open("rb") as file:
            return file.read(len(JOURNAL_BEGINS)) == JOURNAL_BEGINS
    except OSError:
        return False


def _beside(path: Path, ending: str) -> Path:
    """A file beside a ledger; of a link, beside the file that it points to."""
    return Path(f"{os.path.realpath(path)}{ending}")


def _stamp(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_mtime_ns, state.st_size


def _open[Kind: sqlite3.Connection](path: Path, options: str, kind: type[Kind]) -> Kind:
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?{options}",
        uri=True,
        timeout=PATIENCE,
        isolation_level=None,
        check_same_thread=False,
        factory=kind,
    )


def _ledger_in(path: Path, opening: Callable[[Path], sqlite3.Connection]) -> str | None:
    """The name of the ledger in a file; empty if it is damaged, None if it cannot be asked."""
    try:
        with closing(opening(path)) as connection:
            return str(connection.execute("SELECT ledger FROM ledger_format").fetchone()[0])
    except sqlite3.OperationalError:
        return None
    except (sqlite3.Error, UnicodeDecodeError, TypeError):
        return ""


def _take_turn(handle: int) -> None:
    """Wait until no other process looks at the log of the same file, where the system can."""
    if os.name != "posix":
        return
    import fcntl

    end = monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:
            if monotonic() > end:
                raise sqlite3.OperationalError("locked") from None
            sleep(0.01)
