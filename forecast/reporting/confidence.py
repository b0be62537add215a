"""Analytic confidence: how firmly the probabilities stand, apart from how high they are.

Low, moderate or high by five signs, each read off the forecast: high if all are, low if two are,
moderate otherwise. The limits are judgements; they follow what analytic standards ask confidence
to rest on (quality, number and independence of sources, and how much the judgement could move).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from scipy.special import betaincinv

from forecast.estimate import MASS_TEXT, TAILS, Estimate, quantity
from forecast.evidence.origins import count_origins, speaking
from forecast.outlook import Forecast
from forecast.reporting.document import Prose, Section, Table
from forecast.reporting.report_text import origins_text
from forecast.reporting.request import Request
from forecast.scenario.fits import lognormal_ends
from forecast.scenario.pools import Pooled, find_pools
from forecast.scenario.probability_statements import Pool
from forecast.scenario.statements import ProbabilityStatement, Statement
from forecast.text import DASH
from forecast.wording import counted

RATINGS = ("low", "moderate", "high")
MODERATE = RATINGS.index("moderate")
WIDE, NARROW = 35, 15
"""Widths, in points, of the widest interval of the answers to act on."""
FEW, MANY = 2, 4
"""Independent origins, at least, from which confidence is moderate, and high."""
MOSTLY_WEAK, HARDLY_WEAK = 0.5, 0.2
"""Share of reports from sources of grade D, E or F."""
PARTLY_SEEN, MOSTLY_SEEN = 0.4, 0.75
"""Share of the indicators that have a report or are watched."""
DISPUTED, AGREED = 0.5, 0.25
"""Distance between the means of the experts who lie furthest apart."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of confidence: its rating, by number, and what was seen."""

    rating: int
    reason: str


def confidence_sentence(request: Request) -> str:
    """Confidence and its reasons; where the author states another, that and the author's reason.

    Parameters
    ----------
    request
        What the product is made from.
    """
    computed = computed_confidence(request.outlook)
    if request.confidence is None:
        return computed
    stated = request.confidence.capitalize()
    return f"{stated}, stated by the author: {request.reason.rstrip('.')}. Computed: {computed}"


def computed_confidence(outlook: Forecast) -> str:
    """Confidence by the signs that can be read off a forecast, with its reasons, lowest first.

    Parameters
    ----------
    outlook
        The forecast.
    """
    signs = sorted(signs_of(outlook), key=lambda sign: sign.rating)
    rating = RATINGS[rating_of(signs)]
    reasons = ". ".join(
        f"Speaks for {RATINGS[number]}: {'; '.join(sign.reason for sign in group)}"
        for number, group in groupby(signs, key=lambda sign: sign.rating)
    )
    return f"{rating.capitalize()}. {reasons}."


def rating_of(signs: Sequence[Sign]) -> int:
    """Number of the rating: high if all signs are, low if two are, moderate otherwise."""
    lowest, second = sorted(sign.rating for sign in signs)[:2]
    return max(lowest, min(second, MODERATE))


def signs_of(outlook: Forecast) -> Iterator[Sign]:
    """Yield the signs on which confidence rests."""
    width, label = max(_widths(outlook))
    reason = f"the {MASS_TEXT} interval of {label} is {counted(width, 'point')} wide"
    yield Sign(_rate(-width, -WIDE, -NARROW), reason)
    reports = speaking(outlook.scenario, outlook.evidence)
    found = count_origins(reports)
    yield Sign(_rate(found.at_least, FEW, MANY), origins_text(found))
    if reports:
        weak = sum(report.reliability in "DEF" for report in reports)
        share = f"{weak or 'none'} of {counted(len(reports), 'report')}"
        reason = f"{share} of indicators from sources of grades D, E or F"
        yield Sign(_rate(-weak / len(reports), -MOSTLY_WEAK, -HARDLY_WEAK), reason)
    else:
        yield Sign(0, "no source has reported")
    seen, indicators = _coverage(outlook)
    if indicators:
        reason = f"{seen} of {counted(indicators, 'indicator')} with a report or a watch"
        yield Sign(_rate(seen / indicators, PARTLY_SEEN, MOSTLY_SEEN), reason)
    gaps = [
        disagreement(pooled)
        for pooled in find_pools(outlook.scenario)
        if isinstance(pooled.pool, Pool)
    ]
    if gaps:
        reason = f"experts lie up to {counted(round(100 * max(gaps)), 'point')} apart"
        yield Sign(_rate(-max(gaps), -DISPUTED, -AGREED), reason)


def _coverage(outlook: Forecast) -> tuple[int, int]:
    """How many indicators have a report or are watched, and how many there are."""
    indicators = outlook.scenario.with_role("indicator")
    seen = {report.indicator for report in outlook.evidence.observations}
    seen |= {watch.indicator for watch in outlook.scenario.watches.values()}
    return len(seen & indicators.keys()), len(indicators)


def _widths(outlook: Forecast) -> Iterator[tuple[int, str]]:
    """Widths, in points as they are printed, of the intervals of the answers to act on."""
    answers = [("the most likely course", outlook.most_likely.average)]
    if outlook.most_dangerous:
        answers.append(("a dangerous course", outlook.any_dangerous))
    for label, answer in answers:
        yield round(100 * answer.upper) - round(100 * answer.lower), label


def _rate(value: float, moderate: float, high: float) -> int:
    """Number of the rating: the larger the value, the higher."""
    return int(value >= moderate) + int(value >= high)


def disagreement(pooled: Pooled) -> float:
    """Distance between the means of the experts on a probability who lie furthest apart."""
    experts: Any = pooled.pool.experts.values()
    means = [float(expert.says.mean(pooled.days)) for expert in experts]
    return max(means) - min(means)


def experts_section(outlook: Forecast) -> Section:
    """What each expert states where several judged one number; empty where nobody did.

    Parameters
    ----------
    outlook
        The forecast.
    """
    rows = tuple(row for pooled in find_pools(outlook.scenario) for row in _expert_rows(pooled))
    if not rows:
        return Section("experts", "Experts", ())
    note = (
        f"Each expert's prior mean with its {MASS_TEXT} interval, and the pool that the model uses."
    )
    table = Table(("Number", "Expert", "Weight", "Says"), rows, (6, 3, 1, 3))
    return Section("experts", "Experts", (Prose(note, style="note"), table))


def _expert_rows(pooled: Pooled) -> Iterator[tuple[str, str, str, str]]:
    how = pooled.pool.pool.replace("_", "-")
    for name, expert in pooled.pool.experts.items():
        yield pooled.label, name, f"{expert.weight:g}", _mean_and_interval(expert.says, pooled)
    yield pooled.label, f"pool ({how})", "", _mean_and_interval(pooled.pool, pooled)


def _mean_and_interval(stated: Statement, pooled: Pooled) -> str:
    """Mean and interval of a prior."""
    if isinstance(stated, ProbabilityStatement):
        low, high = betaincinv(*stated.fit(pooled.days).shape, TAILS)
        return quantity(Estimate(stated.mean(pooled.days), float(low), float(high)))
    mean, sd = stated.fit(pooled.days).shape
    low, high = lognormal_ends(mean, sd)
    return f"{np.exp(mean + sd**2 / 2):.3g} ({low:.3g}{DASH}{high:.3g})"
