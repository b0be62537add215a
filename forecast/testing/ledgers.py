"""Random reports, as many as wanted, with texts that files find hard."""

from __future__ import annotations

import random
from datetime import date, timedelta

from forecast.evidence.report import Report

FIRST = date(2020, 1, 3)
"""The day that the days of the reports are counted from."""
TEXTS = ("", "plain", 'zwölf, "quoted"', "=1+1", "'=1+1", "-3", "two\nlines", "雨 🙂", "@x", "'x")


def random_reports(rng: random.Random, size: int, prefix: str = "") -> list[Report]:
    """Make reports of which many revise or withdraw earlier ones, none in a circle.

    Parameters
    ----------
    rng, size
        Where probability comes from, and how many reports.
    prefix
        How their ids begin.

    Examples
    --------
    >>> reports = random_reports(random.Random(1), 8)
    >>> len({report.id for report in reports})
    8
    """
    reports: list[Report] = []
    for k in range(size):
        known = rng.randint(0, 40)
        start = rng.randint(-20, known)
        choices: list[str | float] = ["low", "falling", "high", "", 0.1 * k, -2.5, -0.0, 1e-300]
        stated = rng.choice(choices)
        number = stated if isinstance(stated, float) else None
        state = stated if isinstance(stated, str) else ""
        weighed = rng.random() < 0.1 and number is None
        if weighed:
            state = ""
        earlier = [r for r in reports if r.known <= FIRST + timedelta(days=known)]
        supersedes = rng.choice(earlier).id if earlier and rng.random() < 0.4 else ""
        if not state and number is None and not supersedes and not weighed:
            state = "low"
        context = rng.random() < 0.1
        plain = number is None or context
        reports.append(
            Report(
                id=prefix + rng.choice(["R", "r", "É", "𝄞", "￼"]) + str(k),
                indicator="" if context else rng.choice(["barometer", "wind"]),
                state="" if not plain or context else state,
                event_start=FIRST + timedelta(days=start),
                event_end=FIRST + timedelta(days=start + rng.randint(0, 5)),
                published=FIRST + timedelta(days=rng.randint(-5, known)),
                known=FIRST + timedelta(days=known),
                source=rng.choice(["keeper", "Reuters"]),
                reliability=rng.choice("ABCDEF"),
                credibility=rng.choice("123456"),
                origin=rng.choice(["", "one", "two"]),
                supersedes=supersedes,
                citation=rng.choice(TEXTS),
                note=rng.choice(TEXTS),
                number=None if plain else number,
                upper=None if number is None or context else rng.choice([None, number + 1, 1e12]),
                exposure=None if plain else rng.choice([None, 7.0]),
                likelihoods=(("low", 1 / 3), ("high", 2.0)) if weighed and not context else (),
                retrieved=rng.choice([None, FIRST]),
                scope=rng.choice(["", "at_least", "whole_step"])
                if state and number is None and not context
                else "",
                text=rng.choice(TEXTS),
            )
        )
    rng.shuffle(reports)
    return reports
