"""Lexicons of probability words, each word with the range that it stands for.

"icd203" is the table of Intelligence Community Directive 203 (2015), both rows of synonyms;
"phia" the yardstick of the United Kingdom's Professional Head of Intelligence Assessment, whose
ranges leave gaps on purpose.
"""

from __future__ import annotations

ICD_203 = (
    (0.01, 0.05, "almost no chance", "remote"),
    (0.05, 0.20, "very unlikely", "highly improbable"),
    (0.20, 0.45, "unlikely", "improbable"),
    (0.45, 0.55, "roughly even chance", "roughly even odds"),
    (0.55, 0.80, "likely", "probable"),
    (0.80, 0.95, "very likely", "highly probable"),
    (0.95, 0.99, "almost certain", "nearly certain"),
)
"""Lower end, upper end, and the synonym of each row of the directive's table."""

PHIA = (
    (0.0, 0.05, "remote chance"),
    (0.10, 0.20, "highly unlikely"),
    (0.25, 0.35, "unlikely"),
    (0.40, 0.50, "realistic possibility"),
    (0.55, 0.75, "likely", "probable"),
    (0.80, 0.90, "highly likely"),
    (0.95, 1.0, "almost certain"),
)

LEXICONS: dict[str, dict[str, tuple[float, float]]] = {
    name: {word: (lower, upper) for lower, upper, *words in table for word in words}
    for name, table in (("icd203", ICD_203), ("phia", PHIA))
}
"""For each lexicon, the range of every word."""
