"""Files that may be compressed: gzip, bzip2, xz, or a zip archive of one file.

A file is known by how it begins, whatever it is called. What comes out is read as far as a limit,
so that a small file cannot become a large memory.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Buffer, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from forecast.errors import InputError, Problem

SUFFIXES = (".gz", ".bz2", ".xz", ".zip")
WORKBOOK = "[Content_Types].xml"
"""Stands in a zip archive that is a spreadsheet."""
LONGEST_HEAD = 6
FAULTS = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, RuntimeError)
"""What the decompressors raise for a file that is damaged, cut off or encrypted."""


def plain_name(path: Path) -> str:
    """Name of what a file holds: without the suffix of its compression.

    Examples
    --------
    >>> plain_name(Path("asia.bif.gz")), plain_name(Path("asia.bif"))
    ('asia.bif', 'asia.bif')
    """
    return path.stem if path.suffix.lower() in SUFFIXES else path.name


@contextmanager
def opened(path: Path) -> Iterator[tuple[str, BinaryIO]]:
    """The name and the bytes of what a file holds, decompressed while they are read.

    Raises
    ------
    InputError
        If the file cannot be read, is damaged, or is an archive of several files.
    """
    with ExitStack() as stack:
        try:
            raw = stack.enter_context(path.open("rb"))
            head = raw.read(LONGEST_HEAD)
            raw.seek(0)
            name, file = _decompressed(path, raw, head, stack)
        except (*FAULTS, ValueError) as error:
            raise _unreadable(str(path)[:200], error) from None
        yield name, io.BufferedReader(_Content(str(path), file))


class _Content(io.RawIOBase):
    """The bytes of a file; where they cannot be had, an `InputError` says so."""

    def __init__(self, where: str, file: IO[bytes]) -> None:
        self._where, self._file = where, file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        try:
            found = self._file.read(len(view))
        except FAULTS as error:
            raise _unreadable(self._where, error) from None
        view[: len(found)] = found
        return len(found)


def _unreadable(where: str, error: Exception) -> InputError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return InputError([Problem(where, f"cannot be read: {reason}")])


def _decompressed(
    path: Path, raw: BinaryIO, head: bytes, stack: ExitStack
) -> tuple[str, IO[bytes]]:
    name = plain_name(path)
    if head.startswith(b"\x1f\x8b"):
        return name, cast("IO[bytes]", stack.enter_context(gzip.GzipFile(fileobj=raw)))
    if head.startswith(b"BZh"):
        return name, stack.enter_context(bz2.BZ2File(raw))
    if head.startswith(b"\xfd7zXZ\0"):
        return name, stack.enter_context(lzma.LZMAFile(raw))
    if head.startswith(b"PK\x03\x04"):
        archive = stack.enter_context(zipfile.ZipFile(raw))
        if WORKBOOK not in archive.namelist():
            member = _member(path, archive)
            return Path(member.filename).name, stack.enter_context(archive.open(member))
        raw.seek(0)
    return path.name, raw


def _member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The one file of an archive; folders, and what macOS adds, are none."""
    files = [
        info
        for info in archive.infolist()
        if not info.is_dir() and not info.filename.startswith("__MACOSX/")
    ]
    if len(files) != 1:
        names = ", ".join(info.filename[:60] for info in files[:10])
        message = f"an archive of {len(files)} files ({names}); unpack it, and name one of them"
        raise InputError([Problem(str(path), message)])
    return files[0]
