"""Compile the loops of the library before tests start; `make test` does.

What Numba compiles is kept beside the source. Test processes that start without it compile the
same loops at the same time, each for itself; here, each of two processes compiles its half.
"""

import sys
from multiprocessing import get_context

import numpy as np

import forecast as fc
from forecast.evidence.likelihood import ReportArrays, tabulate_reports
from forecast.frozen import writable
from forecast.model.report_likelihood import report_gradient, report_log_likelihoods
from forecast.posterior.mcmc import sample_posterior
from forecast.sampling import Sampling
from tests.small import barometer_report, evidence, weather

FEW = {"draws": 10, "chains": 1, "progressbar": False}


def reweight():
    """Compile what orders an elimination, and loops over many draws."""
    fc.forecast(weather(), evidence(barometer_report("R1", "low")), method="reweight", **FEW)


def sample():
    """Compile the likelihood of reports, and loops over a single draw with gradients.

    The likelihood comes first, as it needs no elimination: what orders one is compiled meanwhile.
    """
    scenario, reported = weather(), evidence(barometer_report("R1", "low"))
    table = tabulate_reports(scenario, reported, 3)
    reports = ReportArrays(*map(writable, table.arrays))
    trust, density = np.full(len(reports.level), 0.5), writable(table.given)
    report_log_likelihoods(trust[:, None], density[:, :, None], reports)
    report_gradient(trust, density, reports, np.zeros(reports.settings.shape))
    sample_posterior(scenario, reported, Sampling(tune=10, cores=1, **FEW))


if __name__ == "__main__":
    other = get_context("spawn").Process(target=reweight)
    other.start()
    sample()
    other.join()
    sys.exit(other.exitcode)
