"""More groups for ArviZ: the prior, what reports would say, and how well each was predicted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import Problem, nearest, raise_if_any
from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import ReportTable, tabulate_reports
from forecast.evidence.report import blank
from forecast.model.builder import compile_tables
from forecast.model.model import model_coordinates
from forecast.model.report_likelihood import report_data
from forecast.model.simulate_reports import simulate_reports_of
from forecast.model.target import variable_dims
from forecast.network.simulate import simulate_histories
from forecast.outlook import Forecast
from forecast.posterior.labels import LEVELS, cell_labels
from forecast.posterior.mcmc import beliefs_under, stack_draws
from forecast.posterior.prior import draw_priors
from forecast.sampling import Sampling, require_whole

if TYPE_CHECKING:
    from xarray import Dataset, DataTree

GROUPS = ("prior", "prior_predictive", "posterior_predictive", "observed_data", "log_likelihood")
LEGAL = (*GROUPS, "tables")
NOTHING = 1e-10
"""A log-likelihood that is no further from zero is a copy's: rounding."""


@checked
def to_datatree(
    given: Forecast,
    groups: str | Iterable[str] = GROUPS,
    *,
    draws: int = 1000,
    random_seed: int = Sampling.random_seed,
) -> DataTree:
    """Add groups to the tree of a forecast: nothing that its answers need, and all that ArviZ asks.

    Parameters
    ----------
    given
        A forecast.
    groups
        "prior": judgements drawn from their priors. "prior_predictive" and
        "posterior_predictive": what each report would say. "observed_data": what it says, the
        number of a state or the number reported. "log_likelihood": of what each report says, given
        that it was made and all others, for each draw: log Z(all reports) - log Z(all, whatever
        this one says). So what a report may say has probability one. Copies that add nothing are
        not among them. In `arviz.loo` that is leaving out what one report says at a time, although
        reports depend on one another (Bürkner, Gabry, Vehtari: Efficient leave-one-out
        cross-validation for Bayesian non-factorized normal and Student-t models, Computational
        Statistics 36, 2021). "tables": every cell of every table.
    draws, random_seed
        Draws of the prior; the same seed gives the same numbers.

    Returns
    -------
    xarray.DataTree
        Reports have the coordinate ``report_id``, and cells of tables ``variable``, ``state``,
        ``parents`` and ``table``.

    Raises
    ------
    InputError
        For a group that is none of these, and a number that is not whole or too small.

    Examples
    --------
    >>> to_datatree(outlook, "log_likelihood")  # doctest: +SKIP
    """
    asked = [groups] if isinstance(groups, str) else list(groups)
    unknown = [name for name in asked if name not in LEGAL]
    raise_if_any([Problem("groups", f"{n!r} is no group; {nearest(n, LEGAL)}") for n in unknown])
    require_whole({"draws": draws, "random_seed": random_seed}, {"draws": 1, "random_seed": 0})
    made = _Groups(given, draws, random_seed)
    tree = given.posterior
    for name in LEGAL:
        if name in asked:
            tree[name] = getattr(made, name)()
    return tree


class _Groups:
    """The groups of a forecast, each made when it is asked for."""

    def __init__(self, given: Forecast, draws: int, random_seed: int) -> None:
        self.given, self.draws, self.random_seed = given, draws, random_seed
        self.program = compile_tables(given.scenario)
        self.posterior = given.posterior["posterior"].to_dataset()

    def prior(self) -> Dataset:
        import xarray as xr

        priors = self.program.priors
        dims = variable_dims(priors)
        drawn = draw_priors(priors, self.draws, self.random_seed)
        values = {
            name: (("chain", "draw", *dims[name]), np.moveaxis(each, -1, 0)[None])
            for name, each in drawn.items()
        }
        labels = model_coordinates(priors) | {"chain": [0], "draw": range(self.draws)}
        return xr.Dataset(values, labels)

    def prior_predictive(self) -> Dataset:
        return self._reports(self._simulate(self.prior(), 1))

    def posterior_predictive(self) -> Dataset:
        return self._reports(self._simulate(self.posterior, 2))

    def observed_data(self) -> Dataset:
        import xarray as xr

        table = self._tabulate()
        observed = xr.DataArray(table.arrays.value, dims="report_id", coords=self._ids())
        about = np.array(table.observed, dtype=str)
        return xr.Dataset({"report": observed.assign_coords(indicator=("report_id", about))})

    def log_likelihood(self) -> Dataset:
        given, found = self.given, []
        total = self._log_evidence(given.evidence)
        for name in self._ids()["report_id"]:
            if (np.abs(total - self._log_evidence(given.evidence, name)) > NOTHING).any():
                others = [self._log_evidence(each) for each in self._whatever_says(name)]
                found.append(total - np.logaddexp.reduce(others))
            else:
                found.append(np.zeros_like(total))
        ratios = np.stack(found, axis=-1) if found else np.zeros((*total.shape, 0))
        adds = (np.abs(ratios) > NOTHING).any(axis=(0, 1))
        return self._reports(ratios).isel(report_id=adds)

    def _log_evidence(self, evidence: Evidence, unread: str = "") -> Array:
        """Logarithm of the probability of evidence, (chain, draw)."""
        given = self.given
        table = tabulate_reports(given.scenario, evidence, given.now + 1, unread)
        draws, shape = self._parameters(self.posterior), self._shape(self.posterior)
        found = beliefs_under(given.scenario, evidence, draws, shape, given.now + 1, table=table)
        return found.log_evidence().to_numpy()

    def _whatever_says(self, name: str) -> Iterator[Evidence]:
        """Yield the evidence with each thing in its place that a report may say.

        That is each state; all numbers together are one that is as probable under every state.
        """
        reports = self.given.evidence.reports
        [own] = [report for report in reports if report.id == name]
        states = self.given.scenario.variables[own.indicator].states
        plain = blank(own)
        versions = [replace(plain, state=state) for state in states]
        if not own.state:
            versions = [replace(plain, likelihoods=tuple((state, 1.0) for state in states))]
        for each in versions:
            yield replace(
                self.given.evidence,
                reports=tuple(each if report is own else report for report in reports),
            )

    def tables(self) -> Dataset:
        import xarray as xr

        index = cell_labels(self.program.network)["cell"].to_index()
        used = np.array([variable != "" for variable, *_ in index])
        columns = dict(zip(LEVELS, zip(*index[used], strict=True), strict=True))
        labels = [
            f"{variable}={state}"
            + (f" | {parents}" if parents else "")
            + (f" ({table})" if table != "every" else "")
            for variable, table, parents, state in index[used]
        ]
        cells = self.program.cells(self._parameters(self.posterior))[used]
        values = cells.T.reshape(*self._shape(self.posterior), -1)
        coords: dict[str, Any] = {n: ("cell", np.array(v, dtype=str)) for n, v in columns.items()}
        coords |= {"cell": labels} | self._sample(self.posterior)
        return xr.Dataset({"probability": (("chain", "draw", "cell"), values)}, coords)

    def _tabulate(self) -> ReportTable:
        given = self.given
        return tabulate_reports(given.scenario, given.evidence, given.now + 1)

    def _ids(self) -> dict[str, list[str]]:
        inputs = self.given.scenario.with_role("input")
        observed = self.given.evidence.observations
        return {"report_id": [each.id for each in observed if each.indicator not in inputs]}

    def _reports(self, values: Array) -> Dataset:
        import xarray as xr

        sample = {"chain": range(values.shape[0]), "draw": range(values.shape[1])}
        coords = sample | self._ids()
        return xr.Dataset({"report": (("chain", "draw", "report_id"), values)}, coords)

    def _simulate(self, group: Dataset, stream: int) -> Array:
        """What each report would say, (chain, draw, report), under each draw of the judgements."""
        rng = np.random.default_rng([self.random_seed, stream])
        table, parameters = self._tabulate(), self._parameters(group)
        data = report_data(self.program, table) | dict(table.simulation)
        data |= {
            "settings": table.arrays.settings,
            "accuracy": table.accuracy,
            "n_states": table.n_states,
        }
        shape = self._shape(group)
        cells = self.program.cells(parameters)
        histories = simulate_histories(self.program.network, cells, data["settings"], rng)
        simulated = [
            simulate_reports_of(
                histories[..., d], data, {name: v[..., d] for name, v in parameters.items()}, rng
            )
            for d in range(shape[0] * shape[1])
        ]
        return np.array(simulated).reshape(*shape, -1)

    def _parameters(self, group: Dataset) -> dict[str, Array]:
        return stack_draws(group, variable_dims(self.program.priors))

    @staticmethod
    def _shape(group: Dataset) -> tuple[int, int]:
        return group.sizes["chain"], group.sizes["draw"]

    def _sample(self, group: Dataset) -> dict[str, Any]:
        chains, draws = self._shape(group)
        return {"chain": range(chains), "draw": range(draws)}
