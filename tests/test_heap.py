"""Free pages go back to the system, also from between arrays that are still in use."""

from pathlib import Path

import numpy as np
import pytest

from forecast.heap import _malloc_trim, release_free_memory

MIB = 2**20


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(_malloc_trim() is None, reason="without glibc")
def test_free_pages_go_back_to_the_system():
    large = np.ones(30 * MIB // 8)
    del large  # from now on glibc takes arrays of this size from the heap
    arrays = [np.ones(2 * MIB // 8) for _ in range(120)]
    kept = arrays[1::2]
    del arrays
    before = resident()
    release_free_memory()
    assert before - resident() > 60 * MIB
    assert all(array.sum() == 2 * MIB // 8 for array in kept)
