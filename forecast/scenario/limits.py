"""Numbers that a scenario may hold, and the kind of fault that speaks of one that it may not."""

from __future__ import annotations

from collections.abc import Iterator

from forecast.arguments import short_repr
from forecast.scenario.tree import Path

LocatedFault = tuple[Path, str]
"""Where in a scenario something breaks a rule, and which."""

SMALLEST, LARGEST = 1e-9, 1e9
"""Positive numbers that can be elicited: beyond, differences of logarithms lose their digits."""
MOST_CASES = 1e6
"""Cases that a probability can rest on: beyond, it is known exactly for every purpose."""


def check_days(at: Path, days: float) -> Iterator[LocatedFault]:
    """Yield what is wrong with a number of days to which a probability or a rate refers."""
    if not SMALLEST <= days <= LARGEST:
        yield at, f"{short_repr(days)} days: from {SMALLEST:g} to {LARGEST:,.0f}"
