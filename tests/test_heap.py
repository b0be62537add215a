"""Memory goes back to the system, also from between arrays that are still in use."""

from pathlib import Path

import numpy as np
import pytest

from forecast.heap import LARGE, _malloc_trim, in_own_pages, release_free_memory

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


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is not told")
def test_an_array_in_own_pages_gives_them_back():
    values = np.random.default_rng(1).uniform(size=(4, MIB))
    arrays = [in_own_pages(values.T) for _ in range(8)]
    kept = arrays[1::2]
    assert all((array == values.T).all() for array in kept)
    before = resident()
    del arrays
    assert before - resident() > 100 * MIB


@pytest.mark.parametrize("n", [0, 1, LARGE // 8 - 1, LARGE // 8, LARGE])
def test_an_array_in_own_pages_is_an_ordinary_one(n):
    values = np.arange(2.0 * n).reshape(n, 2).T
    found = in_own_pages(values)
    np.testing.assert_array_equal(found, values)
    assert found.dtype == np.float64
    assert found.flags.c_contiguous
    assert found.flags.writeable
    assert not np.shares_memory(found, values)
