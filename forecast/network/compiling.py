"""How loops are compiled, and where compiled code is kept between processes.

Loops call loops of other files, and what is compiled of one holds copies of those it calls. So
what is kept is valid for the text of all files of loops together, and for the numba that made it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numba
from numba.core import caching

PACKAGE = Path(__file__).parent.parent


@cache
def sources_stamp() -> int:
    """Checksum of every file that has compiled loops, or what they are compiled of."""
    texts = [file.read_bytes() for file in sorted(PACKAGE.glob("*/*.py"))]
    marks = b"network.compiling import", b"numba.extending import"
    return crc32(b"".join(text for text in texts if any(mark in text for mark in marks)))


@cache
def cache_folder() -> Path | None:
    """Folder of compiled code: numba's own setting, beside the source, or the user's cache.

    None if none of them can be written to: everything works without, and compiles each time.
    """
    own = f"forecast-{crc32(str(PACKAGE).encode()):08x}"
    given = [Path(numba.config.CACHE_DIR) / own] if numba.config.CACHE_DIR else []
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser())
    for folder in (*given, PACKAGE / "__pycache__", home / own):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError:
            continue
        return folder
    return None


class _Locator(caching._CacheLocator):  # type: ignore[misc]
    """Tells numba where a loop of this package is kept, and when it is out of date."""

    def __init__(self, place: str, folder: Path) -> None:
        self._place, self._folder = place, folder

    def ensure_cache_path(self) -> None:
        """Nothing to do: `cache_folder` has seen to it."""

    def get_cache_path(self) -> str:
        """Folder of what is kept."""
        return str(self._folder)

    def get_source_stamp(self) -> int:
        """What is kept is valid while this is the same."""
        return sources_stamp()

    def get_disambiguator(self) -> str:
        """Tell apart functions of one name."""
        return self._place

    @classmethod
    def from_function(cls, function: Any, file: str) -> _Locator | None:
        """The locator of a function of this package; None for all others."""
        folder = cache_folder()
        room = Path(file).parent
        if room.parent != PACKAGE or folder is None:
            return None
        return cls(f"{room.name}-{function.__code__.co_firstlineno}", folder)


caching.CacheImpl._locator_classes.insert(0, _Locator)


if TYPE_CHECKING:

    def compiled[F: Callable[..., Any]](function: F) -> F:
        """Have a loop compiled, every rounding as it is written."""
        ...

    def compiled_loosely[F: Callable[..., Any]](function: F) -> F:
        """Have a loop compiled that may add up in another order, where many draws run abreast."""
        ...

    def compiled_within[F: Callable[..., Any]](function: F) -> F:
        """Have a loop compiled that other loops alone call: sooner done, without a way in.

        Where they pass a literal, as `first(x, 0)`, it is compiled once more for that very number.
        """
        ...

    def compiled_loosely_within[F: Callable[..., Any]](function: F) -> F:
        """Have a loop compiled that other loops alone call, as `compiled_loosely` does."""
        ...

    def compiled_inline[F: Callable[..., Any]](function: F) -> F:
        """Have a loop compiled as a part of those that call it.

        What is compiled apart is compiled again, with all that it calls, for each of its callers.
        """
        ...

else:
    _OPTIONS = {"nogil": True, "cache": cache_folder() is not None}
    _LOOSELY = {"fastmath": {"contract", "reassoc"}}
    _WITHIN = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    compiled = numba.njit(**_OPTIONS)
    compiled_loosely = numba.njit(**_LOOSELY, **_OPTIONS)
    compiled_within = numba.njit(**_WITHIN, **_OPTIONS)
    compiled_loosely_within = numba.njit(**_LOOSELY, **_WITHIN, **_OPTIONS)
    compiled_inline = numba.njit(inline="always", **_OPTIONS)
