"""Why a probability is what it is: what each report, silence, time and the tables added to it.

For each draw of the tables the account begins with what was believed before any evidence, averaged
over the tables, and ends with the probability given all of it. On the way lie

- the tables: what the evidence taught about them, seen in the same question without evidence;
- elapsed time: the same question, still without evidence, asked at the as-of date and not at the
  beginning;
- reports, and silence where somebody would have reported: their Shapley values, as what one says
  depends on what is known beside it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from forecast.analysis.shapley import Shares, share
from forecast.analysis.targets import (
    By,
    fit_of,
    group_of,
    log_odds,
    signed,
    signed_estimate,
    stand_for,
    target_of,
    target_text,
)
from forecast.arguments import checked
from forecast.arrays import Array
from forecast.estimate import Estimate, percent
from forecast.evidence.report import Report
from forecast.layout import PrintsItself, Row, Summary, shortened
from forecast.outlook import Forecast
from forecast.posterior.partial_evidence import Found, PartialEvidence
from forecast.posterior.reweighting import Fit
from forecast.sampling import Sampling, require_whole
from forecast.text import DASH

if TYPE_CHECKING:
    from xarray import Dataset

Kind = Literal["tables", "time", "reports", "silence"]

DRAWS = 100
PRIOR_DRAWS = 1000
"""Draws of the prior, over which what was believed before any evidence is averaged."""
ENOUGH = 1e-3
"""Standard error, a tenth of a point, at which no more orders are sampled."""
SHOWN_ROWS = 20
SILENCE, TIME, TABLES = "silence", "elapsed time", "learned tables"


@dataclass(frozen=True, slots=True)
class Contribution:
    """What one part of the evidence adds to a probability.

    Attributes
    ----------
    name
        Report, origin, indicator or source; or "silence", "elapsed time", "learned tables".
    kind
        "reports", "silence", "time" or "tables".
    reports
        Names of its reports.
    points
        What it adds to the probability, with its interval over draws.
    log_odds
        What it adds to the log-odds.
    withdrawn
        How the probability would change if it were withdrawn, all else as it is and the tables
        learned anew, as `retract` does; None of time and tables.
    error
        Standard error of the mean of `points` from having sampled orders; 0 where all were taken.
    """

    name: str
    kind: Kind
    reports: tuple[str, ...]
    points: Estimate
    log_odds: Estimate
    withdrawn: float | None
    error: float


@dataclass(frozen=True, repr=False, eq=False)
class Explanation(PrintsItself):
    """An account of a probability; made by `explain`.

    Attributes
    ----------
    about
        The probability, in words.
    start
        The probability before any evidence, at the beginning.
    probability
        The probability given all evidence: `start` and all contributions in sum.
    contributions
        In the order of the account: tables, time, then reports and silence, the largest first.
    draws
        The account draw by draw: `points` and `log_odds` (part, draw), `start` and `probability`
        and their log-odds. For each draw the parts add up.
    orders
        Orders that were sampled; 0 if all were taken.
    """

    about: str
    start: float
    probability: Estimate
    contributions: tuple[Contribution, ...]
    draws: Dataset
    orders: int

    @property
    def _summary(self) -> Summary:
        title = f"{self.about}: {percent(self.probability.mean)}, from {percent(self.start)}"
        rows = [_row(each) for each in self.contributions[:SHOWN_ROWS]]
        left = len(self.contributions) - SHOWN_ROWS
        below = [f"{left} more; .contributions has all."] if left > 0 else []
        if self.orders:
            error = 100 * max(each.error for each in self.contributions)
            below.append(f"{self.orders} orders of the reports; error {error:.2g} points at most")
        return Summary(title, ("Part", "Points", "Log-odds", "If withdrawn"), rows, below)


def _row(each: Contribution) -> Row:
    gone = DASH if each.withdrawn is None else signed(100 * each.withdrawn)
    name = shortened(each.name, 40)
    return name, signed_estimate(each.points, 100, 1), signed_estimate(each.log_odds, 1, 2), gone


@checked
def explain(
    given: Forecast,
    variable: str,
    state: str,
    *,
    by: By = "report",
    until: date | str | None = None,
    exact: bool | None = None,
    draws: int = DRAWS,
) -> Explanation:
    """Say what each report, silence, elapsed time and the learned tables add to a probability.

    Parameters
    ----------
    given
        A forecast.
    variable, state
        The state.
    by
        What reports are put together by.
    until
        The as-of date asks for the state now, a later day for its occurring on at least one day
        up to then. Unless it is given, what the table of courses prints.
    exact
        Whether to go through all subsets of the reports, which twelve at most may have, or to
        sample orders; unless it is given, as takes little time.
    draws
        Draws of the tables that stand for all.

    Returns
    -------
    Explanation
        It prints itself. In points the parts add up to the printed probability but for the error
        of the draws that stand for it; in log-odds to their mean over draws.

    Raises
    ------
    InputError
        For unknown names, a day outside of the days ahead, or too many reports to be exact.

    Examples
    --------
    >>> explain(outlook, "coordinated_attack", "carried_out", by="source")  # doctest: +SKIP
    """
    require_whole({"draws": draws}, {"draws": 10})
    target = target_of(given, variable, state, until)
    fit, weights = fit_of(given)
    reports = given.evidence.observations
    whole = PartialEvidence(fit, given.as_of, [target]).find(reports).probability[0]
    chosen = fit.select(stand_for(whole, weights, min(draws, len(weights))))
    evidence = PartialEvidence(chosen, given.as_of, [target])
    game = _Game(evidence, reports, by)
    earlier = evidence.earlier(evidence.now)
    start = _prior_mean(given, fit, earlier)
    names, work = game.names, evidence.work
    shares = share(names, game.value, work, np.array([ENOUGH, np.inf]), exact=exact)
    before = earlier.find((), silence=False).probability[0]
    waited = game.value(frozenset())[0]
    parts = [_step("tables", TABLES, np.full_like(before, start), before)]
    parts += [_step("time", TIME, before, waited)] if evidence.now else []
    parts += _parts(game, shares)
    end = game.value(frozenset(range(len(game.names))))[0]
    return Explanation(
        about=target_text(given, target),
        start=start,
        probability=Estimate.of(end),
        contributions=tuple(map(_contribution, parts)),
        draws=_by_draw(parts, start, end),
        orders=shares.orders,
    )


class _Part(NamedTuple):
    """What one part adds, in points and in log-odds, (2, draw), and what else is said of it."""

    kind: Kind
    name: str
    reports: tuple[str, ...]
    added: Array
    withdrawn: float | None = None
    error: float = 0.0


class _Game:
    """Reports, put together, and silence, as players for a probability."""

    def __init__(self, evidence: PartialEvidence, reports: Sequence[Report], by: By) -> None:
        self.evidence = evidence
        self.reports = tuple(reports)
        groups: dict[str, list[Report]] = defaultdict(list)
        for report in reports:
            groups[group_of(report, by)].append(report)
        self.groups = dict(groups)
        self.names = list(self.groups)
        if evidence.has_silence(()) or evidence.has_silence(reports):
            self.names.append(SILENCE)

    @property
    def silence(self) -> int | None:
        """Number of the player that is silence, if it speaks at all."""
        return len(self.groups) if len(self.names) > len(self.groups) else None

    def value(self, players: frozenset[int]) -> Array:
        """Probability and log-odds given some players alone, (2, draw)."""
        probability = self._find(players).probability[0]
        return np.stack([probability, log_odds(probability)])

    def _find(self, players: frozenset[int]) -> Found:
        groups = list(self.groups.values())
        chosen = [each for k in sorted(players) if k < len(groups) for each in groups[k]]
        return self.evidence.find(chosen, silence=self.silence in players)

    def withdrawn(self, player: int) -> float:
        """How the probability changes without a player, the tables learned anew."""
        everyone = frozenset(range(len(self.names)))
        whole, rest = self._find(everyone), self._find(everyone - {player})
        ratio = rest.log_evidence - whole.log_evidence
        weight = np.exp(ratio - ratio.max())
        return float(np.average(rest.probability[0], weights=weight) - whole.probability.mean())


def _prior_mean(given: Forecast, fit: Fit, earlier: PartialEvidence) -> float:
    """The probability before any evidence, at the beginning, over draws of the prior."""
    if fit.evidence is not None or given.fit is None:
        settings = Sampling(draws=PRIOR_DRAWS, chains=1, random_seed=given.sampling.random_seed)
        prior = Fit.of_prior(given.scenario, settings)
    else:
        prior = fit.select(np.arange(0, fit.n_draws, max(fit.n_draws // PRIOR_DRAWS, 1)))
    asked = PartialEvidence(prior, earlier.as_of, earlier.targets)
    return float(asked.find((), silence=False).probability.mean())


def _step(kind: Kind, name: str, before: Array, after: Array) -> _Part:
    """What lies between two probabilities, draw by draw."""
    return _Part(kind, name, (), np.stack([after - before, log_odds(after) - log_odds(before)]))


def _parts(game: _Game, shares: Shares) -> list[_Part]:
    """What reports and silence add, the largest first."""
    order = np.argsort(-np.abs(shares.values[:, 0].mean(axis=-1)), kind="stable")
    groups = [tuple(report.id for report in group) for group in game.groups.values()]
    return [
        _Part(
            "silence" if player == game.silence else "reports",
            game.names[player],
            () if player == game.silence else groups[player],
            shares.values[player],
            game.withdrawn(player),
            float(shares.error[player, 0]),
        )
        for player in order.tolist()
    ]


def _contribution(part: _Part) -> Contribution:
    points, odds = map(Estimate.of, part.added)
    return Contribution(
        part.name, part.kind, part.reports, points, odds, part.withdrawn, part.error
    )


def _by_draw(parts: Sequence[_Part], start: float, end: Array) -> Dataset:
    import xarray as xr

    added = np.array([part.added for part in parts])
    return xr.Dataset(
        {
            "points": (("part", "draw"), added[:, 0]),
            "log_odds": (("part", "draw"), added[:, 1]),
            "probability": ("draw", end),
            "start": start,
        },
        coords={"part": [part.name for part in parts]},
    )
