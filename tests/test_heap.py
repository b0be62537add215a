"""Memory goes back to the system, also from between arrays that are still in use."""

from pathlib import Path

import numpy as np
import pytest

from forecast.heap import LARGE, in_own_pages

MIB = 2**20


def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is not reported")
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
