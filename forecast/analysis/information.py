"""Information about what happens or does not, in bits."""

from __future__ import annotations

import numpy as np


def entropy(probability: float) -> float:
    """Uncertainty about what has a probability, in bits.

    Examples
    --------
    >>> entropy(0.5), entropy(0.0)
    (1.0, 0.0)
    """
    both = np.array([probability, 1 - probability])
    return float(np.abs(both[both > 0] * np.log2(both[both > 0])).sum())


def divergence(p: float, q: float) -> float:
    """Kullback-Leibler divergence of the probability p from the probability q, in bits.

    Information about an event whose probability goes from q to p.

    Examples
    --------
    >>> divergence(1.0, 0.25), divergence(0.3, 0.3)
    (2.0, 0.0)
    """
    pairs = [(a, b) for a, b in ((p, q), (1 - p, 1 - q)) if a > 0]
    return float(sum(a * np.log2(a / b) for a, b in pairs))
