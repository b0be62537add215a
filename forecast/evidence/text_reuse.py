"""Text reuse: how much of the words of one report stands in those of another.

The measure is the containment of word trigrams (Broder, On the resemblance and containment of
documents, 1997; of news copy: Clough, Gaizauskas, Piao & Wilks, METER: MEasuring TExt Reuse, 2002).
It sees an excerpt for what it is, whatever the lengths. Edit distances of characters do not: two
independent accounts of one event are about as near to each other by them as a copy cut short.
"""

from __future__ import annotations

import re
from functools import lru_cache

RUN = 3
"""Words in a row. Accounts of one event share names and pairs of words, seldom three in a row."""

FEWEST = 6
"""Runs that the shorter text needs: fewer could be alike by chance."""

_WORD = re.compile(r"\w+")


def shared_share(text: str, other: str) -> float | None:
    """Share of the runs of three words of the shorter text that the longer one has too.

    None where a text has fewer than eight words, so that nothing can be told.

    Examples
    --------
    >>> wire = "Three rockets hit the Green Zone in Baghdad late on Wednesday, officials said."
    >>> excerpt = "Three rockets hit the Green Zone in Baghdad late."
    >>> shared_share(wire, excerpt)
    1.0
    >>> own = "Explosions were heard near the river before midnight, and smoke rose over the camp."
    >>> shared_share(wire, own)
    0.0
    """
    runs, others = _runs(text), _runs(other)
    shorter = min(len(runs), len(others))
    return len(runs & others) / shorter if shorter >= FEWEST else None


@lru_cache(maxsize=4096)
def _runs(text: str) -> frozenset[tuple[str, ...]]:
    words = _WORD.findall(text.casefold())
    return frozenset(zip(*(words[k:] for k in range(RUN)), strict=False))
