"""How far reports of each reliability grade can be believed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache

from forecast.evidence.report import RELIABILITY
from forecast.scenario.fits import fit_beta
from forecast.scenario.shipped import shipped_folder


@dataclass(frozen=True, slots=True)
class Grade:
    """Accuracy of a reliability grade: P(a report names the true state), with its Beta prior."""

    letter: str
    lower: float
    upper: float
    basis: str

    @property
    def shape(self) -> tuple[float, float]:
        """Shape parameters of the Beta prior."""
        return fit_beta(self.lower, self.upper)


@lru_cache(maxsize=1)
def admiralty_grades() -> tuple[Grade, ...]:
    """Shipped accuracies of the Admiralty grades, A to F.

    Examples
    --------
    >>> [grade.letter for grade in admiralty_grades()]
    ['A', 'B', 'C', 'D', 'E', 'F']
    """
    path = shipped_folder() / "sources" / "admiralty.toml"
    grades = tomllib.loads(path.read_text(encoding="utf-8"))["grades"]
    return tuple(
        Grade(letter, float(lower), float(upper), entry["basis"])
        for letter in RELIABILITY
        for entry in [grades[letter]]
        for lower, upper in [entry["accuracy"]]
    )
