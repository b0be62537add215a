"""Likelihoods that are kept while evidence changes, against all of them computed at once."""

from dataclasses import replace

import numpy as np
import pytest

import forecast as fc
from forecast.model.builder import compile_tables
from forecast.model.kept_likelihoods import KEPT_TIMES, KeptLikelihoods, group_keys
from forecast.model.report_likelihood import log_likelihoods, report_data
from forecast.posterior.mcmc import tabulate_to_horizon
from forecast.posterior.prior import draw_priors
from tests.small import barometer_report, evidence, weather

DRAWS = 3


@pytest.mark.parametrize("name", ["iraq-2020", "veyra-fleet", "ombara-outbreak"])
def test_kept_likelihoods_are_those_of_all_reports(name):
    problem = fc.load_scenario(name)
    ledger, program = fc.read_evidence(name, problem), compile_tables(problem)
    parameters = draw_priors(program.priors, DRAWS, 1)
    kept = KeptLikelihoods(program, parameters)
    whole = ledger.known_at(max(report.known for report in ledger))
    random = np.random.default_rng(2)
    before: list[np.ndarray] = []
    for share, erased in (
        (0.3, False),
        (0.6, True),
        (1.0, True),
        (0.5, True),
        (1, False),
        (1, False),
    ):
        reports = tuple(report for report in whole if random.random() < share)
        if erased:  # then some of them may be copies
            reports = tuple(replace(report, origin="") for report in reports)
        table = tabulate_to_horizon(problem, fc.Evidence(whole.as_of, reports))
        rows = kept.rows(table)
        found = log_likelihoods(report_data(program, table), parameters)
        for row, own in zip(rows, found, strict=True):
            np.testing.assert_allclose(np.broadcast_to(row, own.shape), own, rtol=1e-13, atol=1e-13)
        unchanged = [row is own for row, own in zip(rows, before, strict=True)] if before else []
        before = rows
    assert all(unchanged)


def test_what_older_evidence_needed_is_forgotten():
    """One report after the other about one place: its older states do not pile up."""
    problem = weather()
    kept = KeptLikelihoods(
        program := compile_tables(problem), draw_priors(program.priors, DRAWS, 1)
    )
    reports = [barometer_report(f"R{k}", "low", 0) for k in range(12)]
    for n in range(1, len(reports) + 1):
        table = tabulate_to_horizon(problem, evidence(*reports[:n]))
        kept.rows(table)
        in_use = len(group_keys(report_data(program, table)))
        assert in_use <= len(kept) <= KEPT_TIMES * in_use
