"""What a scenario and a variable print of themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.layout import WIDEST, Summary, listed, shortened
from forecast.wording import counted, long_date

if TYPE_CHECKING:
    from forecast.scenario.scenario import Scenario, Variable

ROLES = {
    "course_of_action": ("course of action", "courses of action"),
    "factor": ("factor", "factors"),
    "outcome": ("outcome", "outcomes"),
    "indicator": ("indicator", "indicators"),
    "input": ("input", "inputs"),
}


def scenario_summary(scenario: Scenario) -> Summary:
    """Title, question and clock of a scenario, and its variables by role.

    Parameters
    ----------
    scenario
        The scenario.
    """
    rows = [
        (counted(len(members), *title), shortened(", ".join(members), WIDEST + 12))
        for role, title in ROLES.items()
        if (members := [name for name, v in scenario.variables.items() if v.role == role])
    ]
    title = f"Scenario {scenario.name} {scenario.version}: {shortened(scenario.title, 2 * WIDEST)}"
    clock = "no clock: one moment"
    if scenario.time is not None:
        clock = (
            f"steps of {counted(scenario.time.step, 'day')} from {long_date(scenario.time.start)}"
        )
        if scenario.time.horizon is not None:
            clock += f", horizon {counted(scenario.time.horizon, 'day')}"
        if scenario.time.target is not None:
            clock += f", target {long_date(scenario.time.target)}"
    return Summary(title, ("Variables", "Names"), rows, (f"Time: {clock}.",))


def variable_line(variable: Variable) -> str:
    """A variable on one line.

    Parameters
    ----------
    variable
        The variable of a scenario.
    """
    label = shortened(variable.label, WIDEST)
    return f"<Variable {label!r}, {ROLES[variable.role][0]}: {listed(variable.states)}>"
