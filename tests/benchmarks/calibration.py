"""Are the shipped scenarios calibrated in worlds that they make themselves?

Each world has its own judgements, history and reports; what is predicted of states and courses is
compared with what happened, and 90 % intervals with the probability under the world's own tables.
A small scenario is then tried in worlds of three others, each wrong in one respect.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import forecast as fc
from forecast.verification.calibrating import Calibration
from tests.benchmarks import timing
from tests.verification.test_calibrating import SCENARIO, changed, common, controlled, vague

STEPS = 3
WRONG = {"storms are commoner": common, "the barometer is vaguer": vague, "one channel": controlled}


def row(name: str, found: Calibration, seconds: float) -> dict[str, Any]:
    """What a calibration comes to."""
    kinds = {
        kind["kind"]: {key: round(float(kind[key]), 3) for key in kind if key != "kind"}
        for kind in found.by_kind.to_dict("records")
    }
    within = all(0.85 <= kind["coverage"] <= 0.95 for kind in kinds.values())
    return {
        "name": name,
        "worlds": found.n,
        "left_out": found.left_out,
        "kinds": kinds,
        "judgement_coverage": round(found.judgement_coverage, 3),
        "judgement_p": round(found.judgement_p, 4),
        "failures": list(found.failures),
        "seconds_per_world": round(seconds / found.n, 2),
        "ok": within and not found.failures,
    }


def main() -> int:
    """Print the rows, and last of all one line of JSON."""
    parser = timing.parser(__doc__)
    parser.add_argument("--worlds", type=int, default=300)
    parser.add_argument("--scenarios", nargs="+", default=fc.scenario_names())
    given = parser.parse_args()
    n = 20 if given.quick else given.worlds
    cases = []
    for name in given.scenarios:
        scenario = fc.load_scenario(name)
        begun = time.perf_counter()
        steps = STEPS if scenario.time else 1
        found = fc.calibrate(scenario, n, steps=steps, progressbar=False)
        cases.append(row(name, found, time.perf_counter() - begun))
        print(f"{name}\n{found}\n", flush=True)
    for name, change in WRONG.items():
        found = fc.calibrate(SCENARIO, 100, worlds=changed(change), steps=4, progressbar=False)
        failed = len(found.failures)
        cases.append({"name": f"wrong, {name}", "failures": failed, "ok": failed > 0})
        print(f"wrong, {name}: {failed} checks fail", flush=True)
    return timing.finish("calibration", cases)


if __name__ == "__main__":
    sys.exit(main())
