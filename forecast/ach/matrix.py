"""A matrix of competing hypotheses as a value, and what can be made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from forecast.ach.ratings import AchRatings
from forecast.arguments import checked
from forecast.sampling import Sampling

if TYPE_CHECKING:
    from datetime import date

    from forecast.ach.comparison import AchComparison
    from forecast.evidence.ledger import Evidence
    from forecast.scenario.scenario import Scenario


@checked
@dataclass(frozen=True, repr=False)
class AchMatrix(AchRatings):
    """Hypotheses, evidence, and how consistent they are; `read_ach` reads one from a file.

    Attributes
    ----------
    hypotheses
        What competes, in the order of the columns. They are taken to exclude one another.
    evidence
        Items, in the order of the rows.
    title
        What it is about.
    notes
        What was decided while reading it: columns that are no hypotheses.

    Raises
    ------
    InputError
        With every rule that is broken.

    Examples
    --------
    >>> from forecast.ach.ratings import AchItem
    >>> matrix = AchMatrix(
    ...     ("accident", "attack"),
    ...     (
    ...         AchItem("E1", "A claim of responsibility", ("II", "C")),
    ...         AchItem("E2", "The road was icy", ("C", "N"), credibility="high"),
    ...     ),
    ... )
    >>> matrix.scores
    {'accident': 2.0, 'attack': 0.0}
    >>> matrix
    Matrix of competing hypotheses: 2 hypotheses, 2 items
    <BLANKLINE>
    id  evidence                   accident  attack  credibility  diagnosticity
    --  -------------------------  --------  ------  -----------  -------------
    E1  A claim of responsibility  II        C                    3
    E2  The road was icy           C         N       high         1
        inconsistency              2.00      0.00
        rank                       2         1
    """

    def to_scenario(
        self,
        *,
        prior: Mapping[str, Any] | None = None,
        ratios: Mapping[str, Any] | None = None,
        grades: Mapping[str, str] | None = None,
        exhaustive: bool = False,
        as_of: date | str | None = None,
    ) -> tuple[Scenario, Evidence]:
        """A static scenario and the reports that the matrix says were seen; see `ach_scenario`."""
        from forecast.ach.scenario import ach_scenario

        return ach_scenario(
            self, prior=prior, ratios=ratios, grades=grades, exhaustive=exhaustive, as_of=as_of
        )

    def compare(
        self,
        *,
        prior: Mapping[str, Any] | None = None,
        ratios: Mapping[str, Any] | None = None,
        grades: Mapping[str, str] | None = None,
        exhaustive: bool = False,
        draws: int = 4000,
        random_seed: int = Sampling.random_seed,
    ) -> AchComparison:
        """The method's ranking beside the Bayesian one, and why they differ; see `compare_ach`."""
        from forecast.ach.competing import compare_ach  # loads the engine, seconds

        return compare_ach(
            self,
            prior=prior,
            ratios=ratios,
            grades=grades,
            exhaustive=exhaustive,
            draws=draws,
            random_seed=random_seed,
        )
