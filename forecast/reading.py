"""Taking text from a file that anybody may have written."""

from __future__ import annotations

import os
from pathlib import Path

from forecast.errors import InputError, Problem

MAX_BYTES = 10_000_000


def require_path(path: str | Path) -> None:
    """Raise unless a text can be the path of a file."""
    try:
        usable = b"\0" not in os.fsencode(path)
    except UnicodeError:
        usable = False
    if not usable:
        raise InputError([Problem(str(path), "holds a character that no path can hold")])


def read_text(path: Path) -> str:
    """Text of a UTF-8 file; anything else is an `InputError` that says what it is."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError([Problem(str(path), f"cannot be read: {reason}")]) from None
    if len(raw) > MAX_BYTES:
        message = f"the file is larger than the {MAX_BYTES:,} bytes that are read"
        raise InputError([Problem(str(path), message)])
    if not raw.strip():
        raise InputError([Problem(str(path), "the file is empty")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        message = f"not a text file in UTF-8 (byte {error.start}, {raw[error.start]:#04x})"
        raise InputError([Problem(f"{path}:{line}", message)]) from None
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise InputError([Problem(f"{path}:{line}", "not a text file: it holds a NUL byte")])
    return text
