"""Reading files: text that anybody may have written, and what ships with the library."""

from __future__ import annotations

import os
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

from forecast.compression import opened
from forecast.errors import InputError, Problem

MAX_TEXT_BYTES = 10_000_000
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""Byte order marks, with which text in UTF-16 begins."""
SAVE = "save it in UTF-8"
RE_ENCODE = (
    f"{SAVE}, or hand over a table as a data frame: pandas.read_csv(path, encoding='cp1252')"
)


def shipped_folder() -> Path:
    """Folder of the shipped scenarios and tables, in a wheel and in an editable install alike."""
    package = Path(str(files("forecast")))
    inside = package / "priors"
    return inside if inside.is_dir() else package.parent / "priors"


def require_path(path: str | Path) -> None:
    """Raise unless a text can be the path of a file."""
    try:
        usable = b"\0" not in os.fsencode(path)
    except UnicodeError:
        usable = False
    if not usable:
        raise InputError([Problem(str(path), "holds a character that no path can hold")])


def read_text(path: Path, remedy: str = SAVE) -> str:
    """Text of a file in UTF-8, or in UTF-16 with its mark, compressed or not.

    Parameters
    ----------
    path
        The file.
    remedy
        What to do about a file in another encoding.

    Raises
    ------
    InputError
        If it cannot be read, or is no such text.
    """
    with opened(path) as (_, file):
        raw = file.read(MAX_TEXT_BYTES + 1)
    if len(raw) > MAX_TEXT_BYTES:
        message = f"the file is larger than the {MAX_TEXT_BYTES:,} bytes that are read"
        raise InputError([Problem(str(path), message)])
    if not raw.strip():
        raise InputError([Problem(str(path), "the file is empty")])
    try:
        text = raw.decode("utf-16" if raw.startswith(UTF_16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        wrong = f"byte {error.start}, {raw[error.start]:#04x}"
        message = f"not a text file in UTF-8 ({wrong}); {remedy}"
        raise InputError([Problem(f"{path}:{line}", message)]) from None
    if not text.strip():
        raise InputError([Problem(str(path), "the file is empty")])
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        message = f"not a text file: it holds a NUL byte; if it is one, {remedy}"
        raise InputError([Problem(f"{path}:{line}", message)])
    return text


def read_toml(path: Path) -> dict[str, Any]:
    """Tables of a TOML file that anybody may have written; of any other file an `InputError`."""
    try:
        return tomllib.loads(read_text(path))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError([Problem(str(path), f"not readable as TOML: {error}")]) from None
