"""Small scenarios and reports that tests build in Python."""

from datetime import date, timedelta

from forecast.evidence.ledger import Evidence
from forecast.evidence.likelihood import ReportTable
from forecast.evidence.report import Report
from forecast.model.builder import compile_tables
from forecast.model.report_likelihood import log_likelihoods, report_data
from forecast.scenario.scenario import Scenario

START = date(2020, 1, 3)
BASIS = "judgement: made for a test"


def rows(*rows_given):
    """A table from (when, row) pairs; a row is {"probability": …}, {"exactly": …} or the like."""
    return {
        "form": "rows",
        "rows": tuple({"when": w, **row, "basis": BASIS} for w, row in rows_given),
    }


def probability(**intervals):
    """A row of intervals."""
    return {"probability": {state: tuple(interval) for state, interval in intervals.items()}}


def weather(*, dynamic=True, horizon=28):
    """A storm that may brew, hidden; a barometer that is a sign of it, reported on in any case."""
    forecast_ = {
        "role": "course_of_action",
        "label": "Storm",
        "states": ("calm", "storm"),
        "courses": {"storm": {"label": "A storm", "severity": 4, "dangerous": True}},
    }
    first = rows(({}, probability(storm=(0.05, 0.30))))
    if dynamic:
        moves = (
            {
                "from": "calm",
                "to": "storm",
                "within": 30,
                "probability": (0.05, 0.30),
                "basis": BASIS,
            },
            {
                "from": "storm",
                "to": "calm",
                "within": 14,
                "probability": (0.30, 0.80),
                "basis": BASIS,
            },
        )
        forecast_ |= {"initial": first, "transition": {"form": "hazards", "moves": moves}}
    else:
        forecast_ |= {"table": first}
    barometer = {
        "role": "indicator",
        "label": "Barometer",
        "states": ("high", "falling", "low"),
        "speaks_to": ({"course": "storm=storm"},),
        "table": rows(
            ({"storm": "calm"}, {"concentration": {"high": 14.0, "falling": 5.0, "low": 1.0}}),
            ({"storm": "storm"}, {"concentration": {"high": 2.0, "falling": 6.0, "low": 8.0}}),
        ),
    }
    return Scenario.model_validate(
        {
            "name": "weather",
            "version": "1",
            "title": "Will it storm?",
            "question": "Does a storm come within the horizon?",
            "time": {"start": START, "step": 7, "horizon": horizon} if dynamic else None,
            "variables": {"storm": forecast_, "barometer": barometer},
            "reporting": "ignorable",
            "lineage": "as_stated",
        }
    )


def barometer_report(name, state, week=0, *, origin="", grade="B", known=None):
    """A report that the barometer stood somewhere in a given week."""
    day = START + timedelta(days=7 * week)
    return Report(
        id=name,
        indicator="barometer",
        state=state,
        event_start=day,
        event_end=day,
        published=known or day,
        known=known or day,
        source="keeper",
        reliability=grade,
        origin=origin,
    )


def evidence(*reports, week=2):
    """Evidence as of the end of a week."""
    return Evidence(START + timedelta(days=7 * week + 6), tuple(reports))


def state_log_likelihoods(scenario: Scenario, table: ReportTable, accuracy, **parameters):
    """Log-likelihoods, (step, column, …), for given accuracies, (accuracy, …), and the like."""
    program = compile_tables(scenario)
    data = report_data(program, table)
    judged = {"accuracy": accuracy, **parameters}
    if accuracy.ndim > 1:
        return log_likelihoods(data, judged)
    one = {name: values[..., None] for name, values in judged.items()}
    return log_likelihoods(data, one)[..., 0]
