"""Many draws on a small machine: the memory that answers need does not grow with the draws."""

import subprocess
import sys
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from forecast.errors import TooLarge
from forecast.interchange.tabled import TabledNetwork


def chain() -> TabledNetwork:
    """Seventy variables of three states, each with up to two parents."""
    rng = np.random.default_rng(0)
    names = [f"v{k}" for k in range(70)]
    parents = {name: tuple(names[max(0, k - 2) : k]) for k, name in enumerate(names)}
    tables = {name: rng.dirichlet(np.ones(3), (3,) * len(parents[name])) for name in names}
    states = dict.fromkeys(names, ("a", "b", "c"))
    return TabledNetwork("chain", states, parents, tables).with_concentration(20)


def largest(draws: int, limit: float) -> float:
    """Megabytes of arrays that one question held at most, beyond what there was."""
    asked = chain().beliefs(draws=draws, memory_limit=limit).set_evidence({"v69": "a"})
    chain().beliefs(draws=1).posterior("v0")  # loads and compiles
    tracemalloc.start()
    found = asked.posterior("v0")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.shape == (1, draws, 3)
    np.testing.assert_allclose(found.sum("state"), 1, atol=1e-12)
    return peak / 1e6


def test_the_limit_bounds_the_memory():
    everything = 3000 * chain().network.n_cells * 8 / 1e6
    assert largest(3000, 2e9) > everything
    assert largest(3000, 10e6) < everything / 2


def test_the_limit_of_beliefs_is_the_one_that_refuses():
    few, enough = chain().beliefs(draws=1, memory_limit=1e4), chain().beliefs(draws=1)
    with pytest.raises(TooLarge, match=r"more than the limit of 1e-05 GB"):
        few.posterior("v69")
    assert enough.posterior("v69").shape == (1, 1, 3)


def test_exact_tables_are_one_draw_and_drawn_ones_are_kept():
    exact = replace(chain(), concentration={}).beliefs(draws=500)
    assert exact.posterior("v9").shape == (1, 1, 3)
    drawn = chain().beliefs(draws=300).draws
    assert drawn.theta(slice(0, 300)).base is drawn.theta(slice(100, 200)).base
    few = chain().beliefs(draws=300, memory_limit=1e6).draws
    assert np.array_equal(few.theta(slice(40, 290)), drawn.theta(slice(40, 290)))


LARGE = """
from pathlib import Path
from tests.benchmarks.tables import near_parents
beliefs = near_parents(1000, 3, 5).with_concentration(20.0).beliefs(draws=100)
found = beliefs.set_evidence({"v999": "s0", "v500": "s1"}).posteriors()
assert found.shape[:2] == (1, 100)
status = Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0])
"""


def test_a_thousand_variables_take_less_than_a_gigabyte():
    """Everything that is loaded, planned, drawn and swept for the posteriors of all of them.

    The peak is the process's own: `getrusage` would count that of the process it was started by.
    """
    command = [sys.executable, "-W", "ignore", "-c", LARGE]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 1e6  # kilobytes


@pytest.mark.slow
def test_a_hundred_thousand_draws_of_seventy_variables():
    """All tables together would take 1,478 MB."""
    assert largest(100_000, 100e6) < 200
