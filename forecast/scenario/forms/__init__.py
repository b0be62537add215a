"""The forms in which a table is given.

`Rows` states every row. `NoisyMax` states what each cause brings about alone. `LikelihoodRatios`
states a base rate and what makes a state more or less likely. `Ranked` states how strongly ordered
parents pull on an ordered variable. `Hazards` states how soon a variable moves from one state to
another. `SharedEffect` states in what share of steps some variables show together, and
`UnderSharedEffect` that a variable is one of them.
"""

from typing import Annotated

from forecast.scenario.forms.form import (
    AnyForm,
    TableForm,
    When,
    check_reference,
    condition_text,
    parse_parent,
    states_meant,
)
from forecast.scenario.forms.hazards import Hazards, Move, Multiplier
from forecast.scenario.forms.likelihood_ratios import LikelihoodRatios, Ratio
from forecast.scenario.forms.noisy_max import NoisyMax
from forecast.scenario.forms.quantity import Quantity, RealQuantity
from forecast.scenario.forms.ranked import Influence, Ranked
from forecast.scenario.forms.rows import Row, Rows
from forecast.scenario.forms.shared_effect import SharedEffect, UnderSharedEffect

Table = Annotated[TableForm, AnyForm()]
"""A table, in any of the forms; its entry `form` says which."""

__all__ = [
    "Hazards",
    "Influence",
    "LikelihoodRatios",
    "Move",
    "Multiplier",
    "NoisyMax",
    "Quantity",
    "Ranked",
    "Ratio",
    "RealQuantity",
    "Row",
    "Rows",
    "SharedEffect",
    "Table",
    "TableForm",
    "UnderSharedEffect",
    "When",
    "check_reference",
    "condition_text",
    "parse_parent",
    "states_meant",
]
