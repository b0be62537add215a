"""Rate of the sweep's arithmetic as a share of what this machine reaches on plain arrays.

A smoothed sweep costs 2 floating-point operations for each multiply-add forwards and 4 backwards,
times draws. The time counted is that of the whole `sweep`: loading tables and evidence,
the check for underflow and the answers are in it, while their arithmetic is not. The plain loop is
a compiled ``c += a * b`` over three arrays which together are as large as what the sweep works on
at a time (cells and derivatives of a row of draws); a second figure is for arrays that fit the
innermost cache.

What limits the sweep, as inferred from its accesses rather than counted: rows of cells are fetched
from the second level of the cache or the third, most of them once for several products, and each
sum is stored once. A single draw (what the sampler asks for) cannot use vector arithmetic: it is
limited by one indexed access after another.
"""

from __future__ import annotations

from tests.benchmarks import timing  # isort: skip  # before NumPy, whose threads it sets

import sys
from typing import Any

import numba
import numpy as np

from forecast.model.operation import LogEvidence
from forecast.network.elimination import elimination
from forecast.network.registers import WIDTH
from forecast.network.slices import pack_circuits, slice_circuits
from forecast.network.structure import Network
from forecast.network.sweep import sweep
from tests.benchmarks.chains import draw_evidence, draw_tables, make_chain

NEEDED = 0.5
INNERMOST = 1024
FLOPS = 6
SECONDS = 0.05


def main() -> int:
    """Run the benchmark."""
    parser = timing.parser(__doc__)
    parser.add_argument("--draws", type=int, default=1000)
    given = parser.parse_args()
    if given.quick:
        given.draws, given.repetitions = 100, 1
    timing.bind_to_one_processor()
    cases = [_chain(given), _shipped(given)]
    return timing.finish("ceiling", cases, quick=given.quick, draws=given.draws)


def _chain(given: Any) -> dict[str, Any]:
    network = make_chain(40)
    theta = draw_tables(network, given.draws, seed=1)
    _, log_like = draw_evidence(network, 26, seed=2)
    return _share("six hidden variables, 40 indicators, 26 steps", network, theta, log_like, given)


def _shipped(given: Any) -> dict[str, Any]:
    import forecast as fc
    from tests.priors import prior_beliefs

    problem = fc.load_scenario("iraq-2020")
    evidence = fc.read_evidence("iraq-2020", problem).known_at("2020-01-23")
    inputs = [r for r in evidence.observations if r.indicator in problem.with_role("input")]
    beliefs = prior_beliefs(problem, evidence.as_of, given.draws, 1, inputs)
    return _share("iraq-2020", beliefs.network, beliefs.theta, beliefs.log_like, given)


def _share(name: str, network: Network, theta: Any, log_like: Any, given: Any) -> dict[str, Any]:
    first, later = slice_circuits(network, ())
    n_steps = len(log_like)
    operations = [elimination(network, first=first).operations for first in (True, False)]
    work = FLOPS * (operations[0] + (n_steps - 1) * operations[1])
    n_cells = max(first.n_cells, later.n_cells)
    numbers = 2 * n_cells * WIDTH
    plain, plain_work = _plain(numbers // 3)
    near, near_work = _plain(INNERMOST)
    one = [np.ascontiguousarray(theta[:, 0]), np.ascontiguousarray(_one_draw(log_like))]
    packed = pack_circuits(network, (), n_steps)
    storage = [[None], [None], [None]]
    operation = LogEvidence()
    times, spread = timing.medians(
        {
            "sweep": lambda: sweep(network, theta, log_like, "smoothed"),
            "plain": plain,
            "innermost": near,
            "single": lambda: operation.perform(None, [*one, packed], storage),  # type: ignore[arg-type]
        },
        given.repetitions,
    )
    rates = {
        "sweep": work * theta.shape[1] / times["sweep"],
        "plain": plain_work / times["plain"],
        "innermost": near_work / times["innermost"],
        "single": work / times["single"],
    }
    ratio = rates["sweep"] / rates["plain"]
    return {
        "name": name,
        "ratio": ratio,
        "needed": NEEDED,
        "share_of_innermost_cache": rates["sweep"] / rates["innermost"],
        "max_abs_diff": None,
        "gflops": {kind: rate / 1e9 for kind, rate in rates.items()},
        "operations_per_draw": work // FLOPS,
        "draws_abreast": WIDTH,
        "working_set_mb": numbers * 8 / 1e6,
        "spread": spread,
        "limited_by": "cache bandwidth: rows of cells fetched for two to four products each",
        "ok": bool(given.quick or ratio >= NEEDED),
    }


def _one_draw(log_like: Any) -> Any:
    return log_like if log_like.ndim == 2 else log_like[..., 0]


def _plain(size: int) -> tuple[Any, float]:
    """A loop over arrays of a size, repeated to last long enough to time, and its operations."""
    a, b, c = np.full(size, 0.5), np.full(size, 0.5), np.zeros(size)
    _multiply_add(a, b, c, 1)
    once = max(timing.seconds(lambda: _multiply_add(a, b, c, 10)) / 10, 1e-9)
    rounds = max(int(SECONDS / once), 1)
    return (lambda: _multiply_add(a, b, c, rounds)), 2.0 * size * rounds


@numba.njit(fastmath={"contract"})
def _multiply_add(a: Any, b: Any, c: Any, rounds: int) -> None:
    for _ in range(rounds):
        for k in range(a.shape[0]):
            c[k] += a[k] * b[k]


if __name__ == "__main__":
    sys.exit(main())
