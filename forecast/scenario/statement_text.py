"""Stated and fitted numbers as text."""

from __future__ import annotations

from collections.abc import Sequence

from forecast.scenario.fits import MOST_MOVED, RowFit
from forecast.text import GAP

FAR = (
    f"an end is moved by at most {MOST_MOVED:g} and by at most the width of its interval, which "
    "holds the mean"
)
"""Why a row whose intervals were moved too far is refused."""
NOTABLE_MISS = 0.02
"""Distance of a fitted from a stated end, in probability, that is spoken of."""


def moved_text(states: Sequence[str], fit: RowFit, least: float = NOTABLE_MISS) -> str:
    """Say which stated intervals of a row were moved by more than some distance, and where to."""
    return "; ".join(
        f"{state} goes from {_span(*stated)} to {_span(*fitted)}"
        for state, stated, fitted in zip(states, fit.stated, fit.fitted, strict=True)
        if stated and max(abs(a - b) for a, b in zip(stated, fitted, strict=True)) > least
    )


def _span(lower: float, upper: float) -> str:
    return f"[{lower:.3g}, {upper:.3g}]"


def percent_text(probability: float) -> str:
    """A probability to three digits, finer than the whole percents of a product.

    Examples
    --------
    >>> percent_text(0.12345).replace(GAP, " ")
    '12.3 %'
    """
    return f"{digits(probability)}{GAP}%"


def digits(probability: float) -> str:
    """A probability in percent to three digits, without the sign."""
    return "<0.01" if 0 < probability < 1e-4 else f"{100 * probability:.3g}"
