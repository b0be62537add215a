"""Whether what is printed can be trusted: how draws mix and weigh, and what error is left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecast.arrays import Array

if TYPE_CHECKING:
    from forecast.posterior.reweighting import Weights

CONSTANT = 1e-12
"""Probabilities that vary less than this over draws are set, not estimated."""
ESS_LIMIT, RHAT_LIMIT = 400, 1.05
"""Vehtari, Gelman, Simpson, Carpenter, Bürkner: Rank-normalization, folding, and localization: an
improved R-hat, Bayesian Analysis 16(2), 2021. Of so many effective draws R-hat can be told from 1
only to some hundredths: its limit finds chains apart, the error of the mean says the rest."""
MCSE_LIMIT = 0.01
"""Standard error of a printed mean: the last digit that is printed."""


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """Whether the numbers that are printed can be trusted.

    Attributes
    ----------
    method
        "nuts"; "reweight" where draws made under other evidence, or from the prior, weigh by how
        probable they make this; "move" where such draws were resampled and moved.
    r_hat, ess, mcse
        Worst R-hat, smallest effective sample size and largest Monte Carlo standard error of the
        mean over what is printed of every course; 1, infinite and 0 where all are constants.
    pareto_k, pareto_limit
        Shape of the tail of the weights, and how large it may be; minus infinity where all draws
        weigh the same.
    divergences
        Divergent transitions after tuning.
    n_draws, n_probabilities
        Draws in all chains, and how many probabilities were checked: those that vary over draws.
    """

    method: str
    r_hat: float
    ess: float
    mcse: float
    pareto_k: float
    pareto_limit: float
    divergences: int
    n_draws: int
    n_probabilities: int

    @property
    def failures(self) -> tuple[str, ...]:
        """What is wrong, in words; empty if nothing is."""
        found = []
        if not self.r_hat <= RHAT_LIMIT:
            found.append(f"R-hat is {self.r_hat:.3f}, above {RHAT_LIMIT}")
        if not self.pareto_k <= self.pareto_limit:
            found.append(f"Pareto k is {self.pareto_k:.2f}, above {self.pareto_limit:.2f}")
        if not self.ess >= ESS_LIMIT:
            found.append(f"effective sample size is {self.ess:.0f}, below {ESS_LIMIT}")
        if not self.mcse <= MCSE_LIMIT:
            found.append(f"Monte Carlo error is {self.mcse:.3f}, above {MCSE_LIMIT}")
        if self.divergences:
            found.append(f"{self.divergences} divergent transitions")
        return tuple(found)

    def __str__(self) -> str:
        if not self.n_probabilities:
            # Chains that only diverge stand still: nothing varies, and nothing is known by that.
            constant = "every probability is exact: none varies over draws"
            if self.failures:
                constant = "no probability varies over draws"
            return f"{constant}, {self.divergences} divergences, {self.n_draws} draws"
        weights = f"Pareto k {self.pareto_k:.2f}, " if self.method == "reweight" else ""
        return (
            f"{weights}R-hat {self.r_hat:.3f}, effective sample size {self.ess:.0f}, "
            f"Monte Carlo error {self.mcse:.4f} (worst of {self.n_probabilities} probabilities), "
            f"{self.divergences} divergences, {self.n_draws} draws"
        )


def diagnose(
    values: Array, weights: Weights | None, *, method: str, chained: bool, divergences: int
) -> Diagnostics:
    """Diagnose draws of what is printed.

    Parameters
    ----------
    values
        Draws of the numbers, (number, chain, draw).
    weights
        What each draw weighs; None if all weigh the same.
    method
        How draws that weigh the same were made.
    chained
        Whether the draws come from chains, which may not mix, and not independently.
    divergences
        Divergent transitions after tuning.
    """
    chains, draws = values.shape[1:]
    varied = np.ptp(values, axis=(1, 2)) > CONSTANT
    values = values[varied]
    # A constant has no R-hat, and needs none: it is known exactly, however few the draws.
    r_hat, share = _mixing(values) if chained and len(values) else (1.0, np.ones(len(values)))
    weight = np.ones((chains, draws)) if weights is None else weights.weight.reshape(chains, draws)
    mean = np.average(values, axis=(1, 2), weights=np.broadcast_to(weight, values.shape))
    off = values - mean[:, None, None]
    mcse = np.sqrt(((weight * off) ** 2).sum(axis=(1, 2)) / share) / weight.sum()
    variance = (weight * off**2).sum(axis=(1, 2)) / weight.sum()
    known = mcse > 0
    return Diagnostics(
        method=method if weights is None else "reweight",
        r_hat=r_hat,
        ess=float((variance[known] / mcse[known] ** 2).min(initial=np.inf)),
        mcse=float(mcse.max(initial=0.0)),
        pareto_k=-np.inf if weights is None else weights.pareto_k,
        pareto_limit=np.inf if weights is None else weights.limit,
        divergences=divergences,
        n_draws=chains * draws,
        n_probabilities=len(values),
    )


def _mixing(values: Array) -> tuple[float, Array]:
    """Worst R-hat of some numbers, (number, chain, draw); what share of draws each is worth."""
    import arviz as az
    import xarray as xr

    named = xr.DataArray(values, dims=("value", "chain", "draw")).transpose("chain", "draw", ...)
    ess = az.ess(named, method="mean").to_numpy()
    return float(az.rhat(named).max()), ess / values[0].size
