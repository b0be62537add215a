"""Putting text into a file so that nobody meets half of it."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEW_FILE = 0o644


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
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    os.close(handle)
    draft = Path(name)
    try:
        yield draft
        draft.chmod(mode)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def replace_file(target: Path, text: str) -> None:
    """Write beside the target, then rename; what was there stays until the new file is whole.

    Of a link, the file that it points to is replaced. A file keeps its permissions.

    Raises
    ------
    OSError
        If the folder cannot be written to, or something other than a file is there.
    """
    with drafted(target) as draft, draft.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)


def _mode_of(target: Path) -> int:
    """Permissions of a file, or those of a new one."""
    try:
        found = target.stat()
    except FileNotFoundError:
        return NEW_FILE
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EEXIST, "there is something other than a file")
    return stat.S_IMODE(found.st_mode)
