"""Which reports probably share an origin, and how many origins each indicator has.

Reports of one event are compared by what they state: whether one copied another is part of the
likelihood, and learned. Of reports about different events nothing that they state says whether they
share an origin, and it changes no probability of a state; what is said of them rests on the prior
alone: on how near they are, and on what they cite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from forecast.arguments import checked
from forecast.arrays import Array
from forecast.errors import InputError, Problem
from forecast.estimate import Estimate, quantity
from forecast.evidence.copying import other_event_link, precedence
from forecast.evidence.events import shares_of
from forecast.evidence.likelihood import ReportTable, tabulate_reports
from forecast.evidence.origins import count_origins, speaking
from forecast.evidence.report import Report
from forecast.evidence.sources import trust_in
from forecast.layout import PrintsItself, Summary
from forecast.model.parameter_draws import ParameterDraws
from forecast.model.report_likelihood import copied_shares, odds_of
from forecast.outlook import Forecast, beliefs
from forecast.posterior.beliefs import Beliefs
from forecast.text import DASH

if TYPE_CHECKING:
    from pandas import DataFrame

DRAWS = 250
"""Draws of each chain that are read."""
MOST_REPORTS = 300
SHOWN_PAIRS = 20
STATED, ONE_EVENT, OTHER_EVENTS = "stated", "one event", "different events"


@dataclass(frozen=True, repr=False)
class Lineage(PrintsItself):
    """Which reports share an origin; made by `lineage`.

    Attributes
    ----------
    pairs
        One row for each two reports that speak to what is estimated, the likeliest to share an
        origin first: ``report``, ``other``, ``probability`` with the ends of its 90 % interval,
        ``lower`` and ``upper``, and ``rests_on``: on origins that are "stated", on what is stated
        of "one event", or, of "different events", on the prior alone.
    origins
        By indicator, ``reports``, ``stated`` origins, and ``expected`` number of independent
        origins, ``lower`` and ``upper``. Each event counts by itself.
    """

    pairs: DataFrame
    origins: DataFrame

    @property
    def _summary(self) -> Summary:
        rows = [
            (row.Index, str(row.reports), str(row.stated), _number(row))
            for row in self.origins.itertuples()
        ]
        unstated = self.pairs[self.pairs["rests_on"] == ONE_EVENT].head(SHOWN_PAIRS)
        notes = tuple(
            f"{row.report} and {row.other} share an origin: "
            f"{quantity(Estimate(row.probability, row.lower, row.upper))}"
            for row in unstated.itertuples()
        )
        head = ("Indicator", "Reports", "Stated", "Independent origins")
        return Summary("Origins of what was reported", head, rows, notes)


def _number(row: Any) -> str:
    """An expected number of origins with its interval, if it is not known."""
    known = row.lower == row.upper
    return f"{row.expected:.1f}" + ("" if known else f" ({row.lower:.1f}{DASH}{row.upper:.1f})")


@checked
def lineage(given: Forecast) -> Lineage:
    """Say which reports probably share an origin, and how many origins each indicator has.

    Links are taken as independent of one another given a draw of the judgements; at most 250 draws
    of each chain are read.

    Parameters
    ----------
    given
        A forecast.

    Returns
    -------
    Lineage
        Its `pairs` and `origins` are data frames; it prints itself.

    Raises
    ------
    InputError
        If more than 300 reports are in force.

    Examples
    --------
    >>> lineage(outlook)  # doctest: +SKIP
    """
    import pandas as pd

    found = beliefs(given, draws=DRAWS)
    reports = _in_order(given)
    table = tabulate_reports(given.scenario, given.evidence, found.n_steps)
    weight = _weight(found)
    copied = dict(_copied(found, table))
    shared = _shared(given, found, reports, copied)
    pairs = [
        (a.id, b.id, *_estimate(shared[k][j], weight), _rests_on(a, b, copied))
        for (j, a), (k, b) in combinations(enumerate(reports), 2)
    ]
    columns = ["report", "other", "probability", "lower", "upper", "rests_on"]
    frame = pd.DataFrame(pairs, columns=columns).sort_values(
        "probability", ascending=False, kind="stable", ignore_index=True
    )
    return Lineage(frame, _origins(reports, copied, weight))


def original_reports(given: Forecast) -> Estimate | None:
    """Number of reports without a stated origin that repeat no other; None if none may.

    Parameters
    ----------
    given
        A forecast.
    """
    table = tabulate_reports(given.scenario, given.evidence, given.now + 1)
    if not table.links:
        return None
    found = beliefs(given, draws=DRAWS)
    repeated = np.sum([share for _, share in _copied(found, table)], axis=0)
    unstated = count_origins(speaking(given.scenario, given.evidence)).unstated
    return Estimate(*_estimate(unstated - repeated, _weight(found)))


def _weight(found: Beliefs) -> Array:
    return np.ones(found.draws.n) if found.fitted is None else np.exp(found.fitted)


def _estimate(values: Array, weight: Array) -> tuple[float, float, float]:
    found = Estimate.weighted(values, weight)
    return found.mean, found.lower, found.upper


def _in_order(given: Forecast) -> list[Report]:
    """Reports that speak to what is estimated: first those that state an origin, then the best."""
    reports = speaking(given.scenario, given.evidence)
    if len(reports) > MOST_REPORTS:
        message = f"{len(reports):,} reports are in force; at most {MOST_REPORTS} are compared"
        raise InputError([Problem("given", message)])

    def key(report: Report) -> tuple[object, ...]:
        undated = len(shares_of(given.scenario, report)) > 1
        return not report.origin, *precedence(given.scenario, [report], undated)

    return sorted(reports, key=key)


def _copied(found: Beliefs, table: ReportTable) -> Iterator[tuple[tuple[str, str], Array]]:
    """Yield the probability that one report repeats another, by the names of both, (draw,)."""
    draws = found.draws
    assert isinstance(draws, ParameterDraws)
    arrays = table.arrays
    by_state, by_link = copied_shares(draws.data, draws.parameters)
    width = draws.data["settings"].shape[1]
    places = np.unique(arrays.link_place)
    states = {p: int(arrays.statement_states[arrays.place_statement[p]]) for p in places}
    cells = [divmod(int(arrays.place[p]) + s, width) for p in places for s in range(states[p])]
    probabilities = iter(found.smoothed_cells(cells))
    repeats = {
        p: sum(by_state[p, s] * next(probabilities) for s in range(states[p])) for p in places
    }
    total: dict[tuple[str, str], Array] = {}
    for link, place, share in zip(table.links, arrays.link_place, by_link, strict=True):
        key = link.report, link.earlier
        total[key] = total.get(key, 0.0) + repeats[place] * share
    yield from total.items()


def _shared(
    given: Forecast,
    found: Beliefs,
    reports: Sequence[Report],
    copied: dict[tuple[str, str], Array],
) -> list[list[Array]]:
    """Probability that each report shares the origin of each before it, (draw,)."""
    whole: list[list[Array]] = []
    one = np.ones(found.draws.n)
    for k, report in enumerate(reports):
        links = _links(given, found, report, reports[:k], copied)
        row = [0.0 * one for _ in range(k)]
        for j, share in links:
            for i in range(k):
                joined = one if i == j else whole[max(i, j)][min(i, j)]
                row[i] = row[i] + share * joined
        whole.append(row)
    return whole


def _links(
    given: Forecast,
    found: Beliefs,
    report: Report,
    before: Sequence[Report],
    copied: dict[tuple[str, str], Array],
) -> Iterator[tuple[int, Array]]:
    """Yield reports whose origin a report shares by its own link, with the probability of each."""
    if report.origin:
        same = [j for j, other in enumerate(before) if other.origin == report.origin]
        yield from ((j, np.ones(found.draws.n)) for j in same[:1])
        return
    draws = found.draws
    assert isinstance(draws, ParameterDraws)
    rest = np.ones(found.draws.n)
    for j, other in enumerate(before):
        if (report.id, other.id) in copied:
            share = copied[report.id, other.id]
            rest = rest - share
            yield j, share
    families = [judged.name for judged in trust_in(given.scenario).copying]
    if not families:
        return
    weights = {}
    for j, other in enumerate(before):
        link = other_event_link(given.scenario, report, other)
        if link is not None and (report.id, other.id) not in copied:
            propensity = draws.parameters["copying"][families.index(link.family)]
            weights[j] = link.weight * odds_of(propensity)
    whole = 1 + sum(weights.values())
    yield from ((j, rest * weight / whole) for j, weight in weights.items())


def _rests_on(report: Report, other: Report, copied: dict[tuple[str, str], Array]) -> str:
    if report.origin and other.origin:
        return STATED
    linked = (report.id, other.id) in copied or (other.id, report.id) in copied
    return ONE_EVENT if linked else OTHER_EVENTS


def _origins(
    reports: Sequence[Report], copied: dict[tuple[str, str], Array], weight: Array
) -> DataFrame:
    """Expected number of origins of each indicator."""
    import pandas as pd

    rows = {}
    for name in dict.fromkeys(report.indicator for report in reports):
        own = [report for report in reports if report.indicator == name]
        counted = count_origins(own)
        named = {report.id for report in own}
        repeats = [share for (report, _), share in copied.items() if report in named]
        expected = counted.stated + counted.unstated - sum(repeats, np.zeros(len(weight)))
        rows[name] = (len(own), counted.stated, *_estimate(expected, weight))
    columns = ["reports", "stated", "expected", "lower", "upper"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)
