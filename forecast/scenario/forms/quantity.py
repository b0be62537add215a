"""Numbers of a table or of what is reported that nobody knows exactly, with their basis."""

from __future__ import annotations

from forecast.scenario.basis import Basis
from forecast.scenario.positive_statements import PositiveNumber
from forecast.scenario.statements import RealNumber, Value


class Quantity(Value):
    """A positive number that is not known exactly."""

    between: PositiveNumber
    basis: Basis


class RealQuantity(Value):
    """A number of either sign that is not known exactly."""

    between: RealNumber
    basis: Basis
