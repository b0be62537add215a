"""Large arrays that are kept for long."""

from __future__ import annotations

import mmap
from contextlib import suppress

import numpy as np

from forecast.arrays import Array

LARGE = 2**18
"""Bytes from which an array is worth pages of its own."""
PRIVATE: dict[str, int] = (
    {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
)
"""Pages that no other process shares, which Linux can give in large ones; shared ones came in
small ones, 20 MB in 14 ms and not in 2. Empty where a system has no such flags."""


def in_own_pages(values: Array) -> Array:
    """A copy in C order, which gives its memory back to the system once nobody holds it.

    Between arrays that come and go on the heap, one that is kept for long leaves a hole when it
    goes: glibc gives back only what is free at the top. Measured on the shipped scenario at 4,000
    draws: after a few moves a process holds 1.1 GB, and 1.6 if such arrays are on the heap.

    Examples
    --------
    >>> in_own_pages(np.array([[0.25, 0.75]]))
    array([[0.25, 0.75]])
    """
    found = empty_in_own_pages(values.shape)
    found[...] = values
    return found


def empty_in_own_pages(shape: tuple[int, ...]) -> Array:
    """An array to be filled, which gives its memory back to the system once nobody holds it."""
    size = 8 * int(np.prod(shape))
    if size < LARGE:
        return np.empty(shape)
    pages = mmap.mmap(-1, size, **PRIVATE)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):  # a kernel may be built without
            pages.madvise(mmap.MADV_HUGEPAGE)
    return np.frombuffer(pages, np.float64).reshape(shape)
