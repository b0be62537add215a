"""The shipped scenario against the same model in plain PyMC (`plain_model`).

Both are sampled by nutpie with the same chains, draws and tuning, as of 2020-01-23. Ours is sampled
as `forecast` samples it, by the compiled density of `target`; that it is the density of the PyMC
model is checked by the log-probabilities below.

- Time to the first posterior: a fresh process, from its start through imports, building and
  compilation to all draws; with empty compile caches (cold, once each) and again with the caches
  that this left behind (warm).
- Effective draws per second: the worst bulk effective sample size over all table parameters and
  accuracies, over the sampling time alone; medians of interleaved repetitions in one process, each
  with its own seed.
- The two log-probabilities, of the parameters themselves, are compared at several draws of the
  prior; `max_abs_diff` is the largest gap.
- Events that may have been in several steps are put into the one with most of their days, for both:
  the plain model cannot sum over them.
- Whether a report is made says nothing, for both: the plain model has no word for it. Nor has it
  one for errors that what an origin states of several things has in common, or for who copied
  whom, or for sources apart from their grades: origins are apart, and as they are stated.
- The plain model has PyMC's own coordinates for rows of probabilities; ours brings its own.

Needed: a cold posterior at least 5 times sooner, and 3 times the effective draws per second.
"""

from __future__ import annotations

from tests.benchmarks import timing  # isort: skip  # before NumPy, whose threads it sets

import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

AS_OF = "2020-01-23"
SOONER, MORE, AGREE = 5.0, 3.0, 1e-8
POINTS = 5


def main() -> int:
    """Run the benchmark, or one of the processes that it starts."""
    parser = timing.parser(__doc__)
    parser.add_argument("--draws", type=int, default=100, help="draws of each chain")
    parser.add_argument("--tune", type=int, default=100, help="tuning steps of each chain")
    parser.add_argument("--chains", type=int, default=2)
    parser.add_argument("--child", choices=[*SAMPLED, "both"], help="used by the benchmark itself")
    given = parser.parse_args()
    if given.quick:
        given.draws, given.tune, given.chains, given.repetitions = 20, 20, 1, 1
    timing.bind_to_one_processor()
    if given.child:
        print(json.dumps(_compare(given) if given.child == "both" else _first(given)))
        return 0
    return _benchmark(given)


def _benchmark(given: Any) -> int:
    first: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for state in ("cold", "warm"):
            for kind in SAMPLED:
                caches = Path(folder) / kind
                first[f"{kind} {state}"] = _start(kind, caches, given)
                timing.note(f"{kind}, {state}: {first[f'{kind} {state}']}")
        both = _start("both", Path(folder) / "plain", given)
    cases = []
    for state, needed in (("cold", SOONER), ("warm", 0.0)):
        ours, plain = first[f"ours {state}"], first[f"plain {state}"]
        ratio = plain["total_s"] / ours["total_s"]
        more = {"needed": needed, "repetitions": 1, "ours": ours, "plain": plain}
        cases.append({"name": f"first posterior, {state}", "ratio": ratio, **more})
    cases.append({"name": "effective draws per second", "needed": MORE, **both})
    for case in cases:
        case["max_abs_diff"] = both["max_abs_diff"]
        fast = given.quick or case["ratio"] >= case["needed"]
        case["ok"] = bool(fast and both["max_abs_diff"] <= AGREE)
    settings = {"chains": given.chains, "draws": given.draws, "tune": given.tune}
    return timing.finish("sampling", cases, sampling=settings, quick=given.quick)


def _start(child: str, caches: Path, given: Any) -> dict[str, Any]:
    """Run one child with its own compile caches; add the time that the whole process took."""
    settings = [f"--{name}={getattr(given, name)}" for name in ("draws", "tune", "chains")]
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.sampling"]
    command += [f"--child={child}", f"--repetitions={given.repetitions}", *settings]
    environment = os.environ | {
        "NUMBA_CACHE_DIR": str(caches / "numba"),
        "PYTENSOR_FLAGS": f"base_compiledir={caches / 'pytensor'}",
    }
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found | {"total_s": time.perf_counter() - start}


def _first(given: Any) -> dict[str, Any]:
    """Import, build, compile and sample one model."""
    start = time.perf_counter()
    model = SAMPLED[given.child]()
    built = time.perf_counter()
    model.compile()
    ready = time.perf_counter()
    tree = model.sample(given, 1)
    return {
        "import_and_build_s": built - start,
        "compile_s": ready - built,
        "sample_s": time.perf_counter() - ready,
        "leapfrog_steps": int(tree["sample_stats"]["n_steps"].sum()),
    }


def _compare(given: Any) -> dict[str, Any]:
    """Interleaved sampling of both models, and the gap between their log-probabilities."""
    models = {kind: SAMPLED[kind]() for kind in SAMPLED}
    for model in models.values():
        model.compile()
    rates: dict[str, list[float]] = {kind: [] for kind in SAMPLED}
    steps: dict[str, list[float]] = {kind: [] for kind in SAMPLED}
    for repetition in range(given.repetitions):
        for kind in SAMPLED:
            start = time.perf_counter()
            tree = models[kind].sample(given, repetition)
            spent = time.perf_counter() - start
            rates[kind].append(_worst_ess(tree) / spent)
            steps[kind].append(spent / int(tree["sample_stats"]["n_steps"].sum()))
            timing.note(f"{kind}, repetition {repetition}: {spent:.1f} s")
    return {
        "ratio": median(rates["ours"]) / median(rates["plain"]),
        "max_abs_diff": _gap({kind: model.definition() for kind, model in models.items()}),
        "measure": "worst bulk effective sample size over all table parameters and accuracies",
        "effective_draws_per_s": {kind: median(found) for kind, found in rates.items()},
        "all_effective_draws_per_s": rates,
        "ms_per_kept_leapfrog_step_tuning_included": {k: 1e3 * median(s) for k, s in steps.items()},
        "repetitions": given.repetitions,
    }


class _Ours:
    """The library's own density, and the PyMC model that defines it."""

    def __init__(self) -> None:
        from forecast.model.builder import compile_tables
        from forecast.model.model import evidence_data
        from forecast.model.target import make_target
        from forecast.posterior.pooling import OneCase

        self.given = _given()
        program = compile_tables(self.given[0])
        self.case = OneCase(program.priors, make_target(program, evidence_data(*self.given)))

    def definition(self) -> Any:
        import forecast as fc

        return fc.build_model(*self.given)

    def compile(self) -> None:
        self.case.density(self.case.start)

    def sample(self, given: Any, seed: int) -> Any:
        from forecast.posterior.mcmc import sample_posterior
        from forecast.sampling import Sampling

        sampling = Sampling(**_settings(given), random_seed=seed, progressbar=False)
        return sample_posterior(*self.given, sampling)


class _Plain:
    """The same model in plain PyMC."""

    def __init__(self) -> None:
        from tests.benchmarks.plain_model import build_plain_model

        self.model = build_plain_model(*_given())

    def definition(self) -> Any:
        return self.model

    def compile(self) -> None:
        import nutpie

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self.compiled = nutpie.compile_pymc_model(self.model)

    def sample(self, given: Any, seed: int) -> Any:
        import nutpie

        from forecast.sampling import TARGET_ACCEPT

        return nutpie.sample(
            self.compiled,
            **_settings(given),
            seed=seed,
            progress_bar=False,
            target_accept=TARGET_ACCEPT,
        )


SAMPLED: dict[str, Any] = {"ours": _Ours, "plain": _Plain}


def _settings(given: Any) -> dict[str, int]:
    """How long both are sampled."""
    return {"draws": given.draws, "tune": given.tune, "chains": given.chains, "cores": 1}


def _given() -> tuple[Any, Any]:
    """The scenario and its evidence, without what the plain model has no word for."""
    import forecast as fc
    from forecast.evidence.profiles import regardless_of_reporting

    shipped = fc.load_scenario("iraq-2020")
    sources = {
        name: source.model_copy(update={"reliability": None})
        for name, source in shipped.sources.items()
    }
    stated = shipped.model_copy(update={"lineage": "as_stated", "sources": sources})
    problem = regardless_of_reporting(stated)
    return problem, _apart(problem, fc.read_evidence("iraq-2020", problem).known_at(AS_OF))


def _apart(problem: Any, evidence: Any) -> Any:
    """The evidence with every event in one step, and origins that speak of one thing alone."""
    from forecast.evidence.inputs import setting_step

    reports = []
    for report in evidence:
        first = problem.timeline.first_day(setting_step(problem, report))
        day = max(report.event_start, first)
        origin = report.origin and f"{report.origin} on {report.indicator}, {first}"
        reports.append(replace(report, event_start=day, event_end=day, origin=origin))
    return replace(evidence, reports=tuple(reports))


def _worst_ess(tree: Any) -> float:
    import arviz as az

    names = [name for name in tree["posterior"].data_vars if not name.endswith("__")]
    found = az.ess(tree["posterior"].to_dataset()[names], method="bulk")
    return min(float(found[name].min()) for name in names)


def _gap(models: dict[str, Any]) -> float:
    """Largest difference between the log-probabilities of both models at draws of the prior."""
    import pymc as pm

    free = models["ours"].free_RVs
    drawn = pm.draw(free, draws=POINTS, random_seed=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        log_probability = {k: model.compile_logp(jacobian=False) for k, model in models.items()}
    gaps = []
    for k in range(POINTS):
        values = {variable.name: value[k] for variable, value in zip(free, drawn, strict=True)}
        ours, plain = (log_probability[kind](_point(models[kind], values)) for kind in SAMPLED)
        gaps.append(abs(float(ours) - float(plain)))
    return max(gaps)


def _point(model: Any, values: dict[str, Any]) -> dict[str, Any]:
    """Coordinates of some values of the parameters, which each model has its own of."""
    return {
        model.rvs_to_values[variable].name: model.rvs_to_transforms[variable]
        .forward(values[variable.name], *variable.owner.inputs)
        .eval()
        for variable in model.free_RVs
    }


if __name__ == "__main__":
    sys.exit(main())
