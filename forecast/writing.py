"""Putting text into a file so that nobody meets half of it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

NEW_FILE = 0o666
"""What a new file permits, less what the umask takes away."""


@contextmanager
def drafted(target: Path) -> Iterator[Path]:
    """An empty file beside the target, which takes the target's place if nothing goes wrong.

    Raises
    ------
    OSError
        If the folder cannot be written to, or something other than a file is there.
    """
    target = Path(os.path.realpath(target))
    mode = _mode_of(target)
    draft = draft_beside(target, NEW_FILE if mode is None else mode)
    try:
        yield draft
        if mode is not None:
            draft.chmod(mode)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def draft_beside(target: Path, mode: int = NEW_FILE) -> Path:
    """Make an empty file beside another, with the permissions that the process gives new files."""
    while True:
        draft = target.with_name(f".{target.name[:100]}.{token_hex(4)}")
        try:
            os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode))
        except FileExistsError:
            continue
        return draft


def replace_file(target: Path, content: str | bytes) -> None:
    """Write beside the target, then rename; what was there stays until the new file is whole.

    Of a link, the file that it points to is replaced. A file keeps its permissions.

    Raises
    ------
    OSError
        If the folder cannot be written to, or something other than a file is there.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    with drafted(target) as draft, draft.open("wb") as file:
        file.write(data)


def _mode_of(target: Path) -> int | None:
    """Permissions of a file; None if it is new."""
    try:
        found = target.stat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EEXIST, "there is something other than a file")
    return stat.S_IMODE(found.st_mode)
