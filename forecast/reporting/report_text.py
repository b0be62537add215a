"""How reports, origins and states are put into words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.evidence.notation import amount_text
from forecast.evidence.origins import Origins
from forecast.evidence.report import Report
from forecast.scenario.measured import Count
from forecast.scenario.scenario import Variable
from forecast.text import isolated
from forecast.wording import counted, plain

if TYPE_CHECKING:
    from forecast.outlook import Forecast


def origins_text(found: Origins) -> str:
    """Origins in words, and how many reports state none.

    Examples
    --------
    >>> origins_text(Origins(3, 0))
    '3 independent origins'
    >>> origins_text(Origins(1, 2))
    '1 stated origin, and 2 reports that state none and count as one'
    """
    if not found.unstated:
        return counted(found.stated, "independent origin")
    silent = counted(found.unstated, "report that states", "reports that state")
    if found.stated:
        none = f"{silent} none" + (" and count as one" if found.unstated > 1 else "")
        return f"{counted(found.stated, 'stated origin')}, and {none}"
    return f"{silent} no origin and count as one" if found.unstated > 1 else f"{silent} no origin"


def statement_text(variable: Variable, report: Report) -> str:
    """What a report states of a variable: a state, a number with its unit, or likelihoods."""
    measured = variable.measured
    if report.likelihoods:
        values = (f"{plain(state)} {value:.3g}" for state, value in report.likelihoods)
        return f"likelihoods: {', '.join(values)}"
    if report.number is None or measured is None:
        return plain(report.state)
    number = f"{amount_text(report.number, report.upper)} {measured.unit}"
    if not isinstance(measured, Count):
        return number
    days = report.exposure or measured.per
    return f"{number} in {days:g} day{'s' if days != 1 else ''}"


def named(outlook: Forecast, variable: str, state: str) -> str:
    """A variable's label and one of its states.

    Parameters
    ----------
    outlook
        The forecast whose scenario has the variable.
    variable, state
        Which state of which variable.
    """
    return f"{isolated(outlook.scenario.variables[variable].label)}: {plain(state)}"
