"""Draws for new evidence from draws made under other evidence, without a sampler that tunes.

Sequential Monte Carlo (Del Moral, Doucet & Jasra: Sequential Monte Carlo samplers, Journal of the
Royal Statistical Society B 68(3), 2006) with the moves of Gilks & Berzuini (Following a moving
target, ibid. 63(1), 2001). The way from the old evidence to the new is tempered, so that at each
stage half of the draws at least count. Then draws are resampled by weight, chain by chain, and take
steps that leave the prior as it is: some judgements of each draw, chosen at random, are drawn anew
from the prior. A step is accepted by how probable it makes the evidence, which is one sweep for all
draws and no gradient: nothing is compiled. Judgements of which the evidence says little are as good
as independent after one accepted step, and on these most of what is printed rests.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from forecast.arrays import Array, Index
from forecast.evidence.ledger import Evidence
from forecast.heap import in_own_pages
from forecast.model.builder import compile_tables
from forecast.model.priors import Priors
from forecast.posterior.reweighting import Fit, sealed
from forecast.progress import Say

MOST_DRAWS = 500
"""Draws that are kept of each chain."""
LEAST_SHARE = 0.5
"""Effective share of the draws at the end of a stage."""
MOST_STAGES = 12
STAGE_LEFT, LAST_LEFT = 0.4, 0.1
"""Expected share of judgements that no step has changed at the end of a stage, and of the last."""
STAGE_STEPS, LAST_STEPS = 8, 40
"""Most steps of every draw in a stage, and in the last one."""
ACCEPTED = 0.3
"""Share of steps that are to be accepted: more or less is drawn anew in each accordingly."""
SMALLEST_SHARE, LARGEST_SHARE = 0.002, 1.0

Parameters = Mapping[str, Array]


def move(
    fit: Fit, evidence: Evidence, random_seed: int | tuple[int, ...], say: Say | None = None
) -> Fit | None:
    """Move the draws of a fit to other evidence.

    Parameters
    ----------
    fit
        Draws under some evidence, or from the prior.
    evidence
        What they are to be draws under.
    random_seed
        Whole numbers; the same seed gives the same draws.
    say
        Told what has been reached.

    Returns
    -------
    Fit or None
        At most `MOST_DRAWS` draws of each chain, neighbours from one ancestor; None if the way is
        too far.
    """
    random = np.random.default_rng(random_seed)
    state = _Particles(fit, evidence, random)
    reached, stages = 0.0, 0
    while reached < 1:
        if stages == MOST_STAGES or not np.isfinite(state.gain).any():
            return None
        further = _next_stage(state.gain, reached)
        state.resample(further - reached)
        reached, stages = further, stages + 1
        state.rejuvenate(reached)
        if say is not None:
            say(f"{100 * reached:.0f} % of the way")
    return Fit(
        fit.scenario,
        evidence,
        {name: in_own_pages(values) for name, values in state.parameters.items()},
        state.shape,
        method="move",
        ancestry=fit.lineage,
    )


def _next_stage(gain: Array, reached: float) -> float:
    """How far the evidence can be tempered on with enough draws that count."""

    def enough(further: float) -> bool:
        return _effective((further - reached) * gain) >= LEAST_SHARE * gain.size

    if enough(1.0):
        return 1.0
    low, high = reached, 1.0
    for _ in range(30):
        middle = (low + high) / 2
        low, high = (middle, high) if enough(middle) else (low, middle)
    return high


def _effective(logs: Array) -> float:
    weight = np.exp(logs - logs.max())
    return float(weight.sum() ** 2 / (weight**2).sum())


class _Particles:
    """Draws on their way.

    Attributes
    ----------
    parameters
        Judgements by family, draws last.
    shape
        Number of chains, and of draws in each.
    gain
        Logarithm of how much more probable each draw makes the new evidence than the old.
    """

    def __init__(self, fit: Fit, evidence: Evidence, random: np.random.Generator) -> None:
        self.random = random
        self.scenario = fit.scenario
        self.priors = compile_tables(fit.scenario).priors
        self.shape = fit.shape
        self.parameters: dict[str, Array] = dict(fit.parameters)
        self.old, self.new = fit.evidence, evidence
        self.share = 0.1
        self.before, self.after = self._log_evidence(fit)

    @property
    def gain(self) -> Array:
        return np.asarray(self.after - self.before)

    def _log_evidence(self, fit: Fit, reached: float = 0.0) -> tuple[Array, Array]:
        """Log-probability of the old and of the new evidence; zeros once the old has no say."""
        after = fit.log_evidence_of(self.new)
        if self.old is None or reached == 1:
            return np.zeros_like(after), after
        return fit.log_evidence_of(self.old), after

    def resample(self, further: float) -> None:
        """Take draws by weight, chain by chain; descendants of one stand side by side."""
        chains, draws = self.shape
        weight = np.exp(further * (self.gain - self.gain.max())).reshape(chains, draws)
        n = min(draws, MOST_DRAWS)
        chosen = np.concatenate(
            [k * draws + _systematic(row, n, self.random) for k, row in enumerate(weight)]
        )
        self.shape = chains, n
        self.parameters = {
            name: np.take(values, chosen, axis=-1) for name, values in self.parameters.items()
        }
        self.before, self.after = self.before[chosen], self.after[chosen]

    def rejuvenate(self, reached: float) -> None:
        """Take steps until few judgements are what they were, or there have been enough."""
        most, few = (STAGE_STEPS, STAGE_LEFT) if reached < 1 else (LAST_STEPS, LAST_LEFT)
        left, steps = 1.0, 0
        while left > few and steps < most:
            share = self.share
            left *= 1 - share * self.step(reached)
            steps += 1

    def step(self, reached: float) -> float:
        """Propose to move every draw, and accept by the tempered evidence; how many did move."""
        proposed = sealed(propose(self.priors, self.parameters, self.share, self.random))
        fit = Fit(self.scenario, None, proposed, self.shape)
        before, after = self._log_evidence(fit, reached)
        ratio = (1 - reached) * (before - self.before) + reached * (after - self.after)
        accepted = np.log(self.random.uniform(size=ratio.size)) < np.nan_to_num(ratio, nan=-np.inf)
        for name, values in self.parameters.items():  # own ones, since they were resampled
            np.copyto(values, proposed[name], where=accepted)
        self.before = np.where(accepted, before, self.before)
        self.after = np.where(accepted, after, self.after)
        moved = float(accepted.mean())
        wished = self.share * np.exp(2 * (moved - ACCEPTED))
        self.share = float(np.clip(wished, SMALLEST_SHARE, LARGEST_SHARE))
        return moved


def _systematic(weight: Array, n: int, random: np.random.Generator) -> Index:
    passed = np.cumsum(weight) / weight.sum()
    at = (np.arange(n) + random.uniform()) / n
    return np.minimum(np.searchsorted(passed, at), weight.size - 1)


def propose(
    priors: Priors, parameters: Parameters, share: float, random: np.random.Generator
) -> dict[str, Array]:
    """Draw some judgements of each draw anew, the prior left as it is.

    Parameters
    ----------
    priors
        The priors.
    parameters
        Judgements by family, draws last.
    share
        How probable it is that a judgement is drawn anew, between 0 and 1.
    random
        What decides, and what draws.
    """
    family = {each.name: each for each in priors.families}
    return {name: family[name].renew(values, share, random) for name, values in parameters.items()}
