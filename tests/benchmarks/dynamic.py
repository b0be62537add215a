"""How cost grows on a dynamic network, and the same network as a flat chain in hmmlearn.

The network has six hidden variables with 216 joint states, the upper size of the shipped
scenario, and indicators with two states, all seen at every step. Times are of smoothed sweeps,
which answer for every step and every draw.

- Growth: from 26 to 260 to 2,600 steps, 100 to 1,000 to 10,000 draws, 10 to 40 to 160 indicators,
  one at a time. `ratio` is the ratio of the costs; it may not pass `size_ratio` by more than 20 %.
- hmmlearn: `CategoricalHMM` over the joint hidden states and the joint symbols of ten indicators,
  given the flat matrices (making them is not timed), its faster implementation, in a loop over
  draws. `ratio` is its time for a draw over ours.
- pgmpy's dynamic inference, where it is installed.
"""

from __future__ import annotations

from tests.benchmarks import timing  # isort: skip  # before NumPy, whose threads it sets

import sys
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import numpy as np

from forecast.network.slices import slice_circuits
from forecast.network.sweep import sweep
from tests.benchmarks.chains import (
    HIDDEN,
    draw_evidence,
    draw_tables,
    flatten,
    hidden_marginals,
    make_chain,
)

AGREE = 1e-9
SLACK = 1.2
BASE = {"steps": 26, "draws": 100, "indicators": 10}
SIZES = {"steps": (26, 260, 2600), "draws": (100, 1000, 10_000), "indicators": (10, 40, 160)}
QUICK = {"steps": (26, 52), "draws": (100, 200), "indicators": (10, 20)}


def main() -> int:
    """Run the benchmark."""
    parser = timing.parser(__doc__)
    parser.add_argument("--rival-draws", type=int, default=5, help="draws that hmmlearn is given")
    given = parser.parse_args()
    if given.quick:
        given.repetitions, given.rival_draws = 1, 2
    timing.bind_to_one_processor()
    cases = []
    for what, sizes in (QUICK if given.quick else SIZES).items():
        cases += _growth(what, sizes, given)
        timing.note(str(cases[-1]))
    cases.append(_against_hmmlearn(given))
    pgmpy = "installed, not compared" if find_spec("pgmpy") else "not installed"
    return timing.finish("dynamic", cases, pgmpy=pgmpy, quick=given.quick)


def _growth(what: str, sizes: tuple[int, ...], given: Any) -> list[dict[str, Any]]:
    runs = {str(size): _smoothing(**(BASE | {what: size})) for size in sizes}
    times, spread = timing.medians(runs, given.repetitions)
    cases = []
    for small, large in pairwise(sizes):
        ratio = times[str(large)] / times[str(small)]
        cases.append(
            {
                "name": f"{what} {small} to {large}",
                "ratio": ratio,
                "size_ratio": large / small,
                "max_abs_diff": None,
                "seconds": [times[str(small)], times[str(large)]],
                "spread": [spread[str(small)], spread[str(large)]],
                "ok": bool(given.quick or ratio <= SLACK * large / small),
            }
        )
    return cases


def _smoothing(steps: int, draws: int, indicators: int) -> Any:
    network = make_chain(indicators)
    theta = draw_tables(network, draws, seed=1)
    _, log_like = draw_evidence(network, steps, seed=2)
    slice_circuits(network, ())
    return partial(sweep, network, theta, log_like, "smoothed")


def _against_hmmlearn(given: Any) -> dict[str, Any]:
    from hmmlearn.hmm import CategoricalHMM

    network = make_chain(BASE["indicators"])
    theta = draw_tables(network, BASE["draws"], seed=1)
    seen, log_like = draw_evidence(network, BASE["steps"], seed=2)
    symbols = (seen @ (1 << np.arange(BASE["indicators"])[::-1]))[:, None]
    chains = []
    for draw in range(given.rival_draws):
        start, transition, emission = flatten(network, theta[:, draw])
        chain = CategoricalHMM(len(start), implementation="scaling")
        chain.startprob_, chain.transmat_, chain.emissionprob_ = start, transition, emission
        chain.n_features = emission.shape[1]
        chains.append(chain)

    def ours() -> Any:
        return sweep(network, theta, log_like, "smoothed")

    def rival() -> Any:
        return [chain.score_samples(symbols) for chain in chains]

    found, gaps = ours(), []
    for draw, (log_evidence, flat) in enumerate(rival()):
        states = found.marginals[:, : sum(HIDDEN), draw]
        gaps.append(np.abs(hidden_marginals(network, flat) - states).max())
        gaps.append(abs(log_evidence - found.log_evidence[draw]))
    times, spread = timing.medians({"ours": ours, "hmmlearn": rival}, given.repetitions)
    ours_ms = 1e3 * times["ours"] / BASE["draws"]
    rival_ms = 1e3 * times["hmmlearn"] / given.rival_draws
    return {
        "name": "hmmlearn, smoothing",
        "ratio": rival_ms / ours_ms,
        "max_abs_diff": max(gaps),
        "ours_ms_per_draw": ours_ms,
        "hmmlearn_ms_per_draw": rival_ms,
        "rival_draws": given.rival_draws,
        "spread": spread,
        "ok": bool(max(gaps) <= AGREE and (given.quick or rival_ms > ours_ms)),
    }


if __name__ == "__main__":
    sys.exit(main())
