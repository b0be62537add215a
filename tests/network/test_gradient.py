"""Law: the engine's derivatives are expected counts and posteriors, and agree with differences."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest

from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import tabulate_reports
from forecast.evidence.report import Report
from forecast.model.builder import compile_tables
from forecast.model.log_ratio import LogRatio
from forecast.model.model import build_model
from forecast.model.operation import LogEvidence
from forecast.network.slices import pack_circuits
from forecast.network.structure import Network
from forecast.network.sweep import sweep
from forecast.scenario.forms import Hazards, Move, Multiplier, NoisyMax, Row, Rows
from forecast.scenario.scenario import Clock, Scenario, Variable
from forecast.testing.networks import Array, Case, enumerate_answer, static_case
from tests.gradients import assert_gradient_is_differences
from tests.network.cases import LOOKING_BACK, any_case
from tests.small import state_log_likelihoods

SHIFT = 1e-5
NEAR = {"rtol": 1e-6, "atol": 1e-7}
MANY = [(seed, dynamic) for seed in range(8) for dynamic in (False, True)]
MANY += [(seed, True) for seed in LOOKING_BACK]


def make_case(seed: int, dynamic: bool, **more: Any) -> Case:
    return any_case(seed, **more) if dynamic else static_case(seed, **more)


def log_evidence(network: Network, theta: Array, log_like: Array) -> Array:
    return sweep(network, theta, log_like, "forward").log_evidence


def differences(function: Callable[[Array], Array], point: Array, steps: Array) -> Array:
    """Central differences of a function of (cell, draw), all cells in one call."""
    shifts = np.diag(steps)[:, steps > 0]
    rise = function(point[:, None] + shifts) - function(point[:, None] - shifts)
    derivatives = np.zeros(len(point))
    derivatives[steps > 0] = rise / (2 * steps[steps > 0])
    return derivatives


def theta_derivatives(case: Case) -> Array:
    """Differences with respect to every cell above zero, which are left unnormalised."""
    return differences(
        lambda theta: log_evidence(case.network, theta, case.log_like),
        case.theta,
        SHIFT * case.theta,
    )


def evidence_derivatives(case: Case) -> Array:
    """Differences with respect to every finite log-likelihood, (step, state)."""
    shape = case.log_like.shape

    def function(flat: Array) -> Array:
        theta = np.repeat(case.theta[:, None], flat.shape[1], axis=1)
        return log_evidence(case.network, theta, flat.reshape(*shape, -1))

    finite = np.isfinite(case.log_like.ravel())
    point = np.where(finite, case.log_like.ravel(), -np.inf)
    with np.errstate(invalid="ignore"):
        return differences(function, point, SHIFT * finite).reshape(shape)


@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize(("seed", "dynamic"), MANY)
def test_derivatives_by_tables_are_expected_counts(seed: int, dynamic: bool, zeros: bool) -> None:
    case = make_case(seed, dynamic, zeros=zeros)
    counts = sweep(
        case.network, case.theta[:, None], case.log_like, "smoothed", counts=True
    ).counts[0, :, 0]
    expected = enumerate_answer(case.network, case.theta, case.log_like).counts
    np.testing.assert_allclose(counts, expected, rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(theta_derivatives(case) * case.theta, counts, **NEAR)


@pytest.mark.parametrize(("seed", "dynamic"), MANY)
def test_derivatives_by_evidence_are_marginals(seed: int, dynamic: bool) -> None:
    case = make_case(seed, dynamic)
    marginals = sweep(case.network, case.theta[:, None], case.log_like, "smoothed").marginals
    np.testing.assert_allclose(evidence_derivatives(case), marginals[..., 0], **NEAR)


@lru_cache(maxsize=2)
def compiled_operation(mode: str) -> Callable[..., list[Array]]:
    """Log evidence and gradient of any network: the elimination is an input."""
    theta, log_like, elimination = pt.dvector(), pt.dmatrix(), pt.ivector()
    log_z = LogEvidence()(theta, log_like, elimination)[0]
    gradient = pytensor.grad(3 * log_z, [theta, log_like])
    inputs = [theta, log_like, elimination]
    return pytensor.function(inputs, [log_z, *gradient], mode=mode)


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("mode", [pytest.param("NUMBA", marks=pytest.mark.slow), "FAST_COMPILE"])
@pytest.mark.parametrize(("seed", "dynamic"), MANY)
def test_operation(seed: int, dynamic: bool, mode: str, closed: bool) -> None:
    case = make_case(seed, dynamic, zeros=seed % 2 == 0)
    answer = enumerate_answer(case.network, case.theta, case.log_like)
    packed = pack_circuits(case.network, (), len(case.log_like), closed=closed)
    log_z, by_theta, by_evidence = compiled_operation(mode)(case.theta, case.log_like, packed)
    np.testing.assert_allclose(log_z, answer.log_evidence, rtol=1e-12, atol=1e-10)
    np.testing.assert_allclose(by_theta * case.theta, 3 * answer.counts, atol=1e-10)
    np.testing.assert_allclose(by_evidence, 3 * answer.marginals, atol=1e-10)
    np.testing.assert_allclose(
        by_theta * case.theta, 3 * theta_derivatives(case) * case.theta, **NEAR
    )


@pytest.mark.parametrize("seed", range(4))
def test_operation_with_evidence_too_small_for_linear_space(seed: int) -> None:
    case = any_case(seed, kinds=("likelihood",))
    log_like = 400 * case.log_like
    answer = enumerate_answer(case.network, case.theta, log_like)
    packed = pack_circuits(case.network, (), len(case.log_like))
    operation = compiled_operation("FAST_COMPILE")
    log_z, by_theta, by_evidence = operation(case.theta, log_like, packed)
    np.testing.assert_allclose(log_z, answer.log_evidence, rtol=1e-12)
    np.testing.assert_allclose(by_theta * case.theta, 3 * answer.counts, atol=1e-10)
    np.testing.assert_allclose(by_evidence, 3 * answer.marginals, atol=1e-10)


BASIS = "judgement: a test"
DAY = date(2020, 1, 1)


def small_scenario() -> Scenario:
    """Every form of table, an input and a variable that no report depends on."""

    def row(when: dict[str, Any], **probability: tuple[float, float]) -> Row:
        return Row(when=when, probability=probability, basis=BASIS)

    def move(source: str, target: str, **more: Any) -> Move:
        return Move(source=source, target=target, within=90, basis=BASIS, **more)

    crisis = Hazards(
        moves=(
            move("calm", "tense", probability=(0.2, 0.5)),
            move("tense", "war", probability=(0.05, 0.2)),
            move("tense", "calm", probability=(0.3, 0.6)),
        ),
        multipliers=(
            Multiplier(target="war", when={"season": "dry"}, times=(1.0, 3.0), basis=BASIS),
        ),
    )
    mood = Rows(
        rows=(
            row({"crisis": "calm"}, low=(0.6, 0.8), mid=(0.1, 0.3), high=(0.02, 0.15)),
            row({"crisis": ("tense", "war")}, low=(0.1, 0.3), mid=(0.2, 0.5), high=(0.3, 0.6)),
        )
    )
    traffic = NoisyMax(
        leak=row({}, yes=(0.01, 0.1)),
        causes=(
            row({"mood": "high"}, yes=(0.4, 0.8)),
            row({"crisis": ("tense", "war")}, yes=(0.2, 0.6)),
        ),
    )
    start = Row(exactly={"calm": 0.7, "tense": 0.3}, basis=BASIS)
    levels, crises = ("low", "mid", "high"), ("calm", "tense", "war")
    return Scenario(
        name="small",
        version="1",
        title="Small",
        question="What happens?",
        time=Clock(start=DAY, step=7, horizon=28),
        reporting="ignorable",
        variables={
            "season": Variable(role="input", label="s", states=("wet", "dry"), default="wet"),
            "mood": Variable(role="outcome", label="m", states=levels, table=mood),
            "crisis": Variable(
                role="outcome",
                label="c",
                states=crises,
                initial=Rows(rows=(start,)),
                transition=crisis,
            ),
            "traffic": Variable(role="indicator", label="t", states=("no", "yes"), table=traffic),
            "idle": Variable(role="indicator", label="i", states=("no", "yes"), table=traffic),
        },
    )


def small_evidence() -> Evidence:
    def report(number: int, indicator: str, state: str, day: int, **more: str) -> Report:
        when = date(2020, 1, day)
        return Report(f"R{number}", indicator, state, when, when, when, when, "S", **more)

    reports = (
        report(1, "traffic", "yes", 2, reliability="B"),
        report(2, "traffic", "no", 10, reliability="D", origin="x"),
        report(3, "traffic", "yes", 11, reliability="A", origin="x"),
        report(4, "mood", "high", 12, reliability="C"),
        report(5, "season", "dry", 16),
        report(6, "crisis", "tense", 23, reliability="E"),
    )
    return Evidence(date(2020, 1, 24), reports)


@pytest.fixture(scope="module")
def model() -> Any:
    return build_model(small_scenario(), small_evidence())


def random_point(model: Any, seed: int) -> dict[str, Array]:
    rng = np.random.default_rng(seed)
    return {
        name: value + rng.normal(0, 0.7, value.shape)
        for name, value in model.initial_point().items()
    }


def test_model_gradient_equals_differences(model: Any) -> None:
    assert_gradient_is_differences(model, [random_point(model, seed) for seed in range(4)])


def test_model_evidence_equals_enumeration(model: Any) -> None:
    scenario, evidence = small_scenario(), small_evidence()
    program, table = compile_tables(scenario), tabulate_reports(scenario, evidence, 4)
    names = [variable.name for variable in model.free_RVs]
    values = model.compile_fn(
        model.replace_rvs_by_values(model.free_RVs), on_unused_input="ignore", mode="FAST_COMPILE"
    )
    logp = model.compile_logp(vars=[model["report"]], mode="FAST_COMPILE")
    for seed in range(3):
        point = random_point(model, seed)
        judged = dict(zip(names, values(point), strict=True))
        log_like = state_log_likelihoods(scenario, table, judged.pop("accuracy"))
        part = program.network.relevant_to(table.observed)
        assert set(program.network.names) - set(part.names) == {"idle"}
        used = np.concatenate(
            [np.arange(program.network.n_states)[program.network.states(n)] for n in part.names]
        )
        answer = enumerate_answer(part, program.cells(judged), log_like[:, used])
        np.testing.assert_allclose(logp(point), answer.log_evidence, rtol=1e-10)


@pytest.mark.parametrize("k", [3, 4, 7])
def test_coordinates_of_rows_have_the_right_volume(k: int) -> None:
    """By differences: the volume that k - 1 probabilities gain from k - 1 coordinates."""
    transform = LogRatio(k)
    value = pt.vector("value", shape=(k - 1,))
    row = pytensor.function([value], transform.backward(value))
    volume = pytensor.function([value], transform.log_jac_det(value))
    there = pytensor.function([value], transform.forward(transform.backward(value)))
    point = np.random.default_rng(k).normal(0, 1.5, k - 1)
    rises = [row(point + s)[:-1] - row(point - s)[:-1] for s in SHIFT * np.eye(k - 1)]
    _, expected = np.linalg.slogdet(np.array(rises) / (2 * SHIFT))
    assert row(point).sum() == pytest.approx(1, abs=1e-14)
    np.testing.assert_allclose(there(point), point, atol=1e-12)
    np.testing.assert_allclose(volume(point), expected, **NEAR)
