"""What is kept of places changes nothing: evidence that comes bit by bit, against all at once."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from forecast.evidence import place_evidence
from forecast.evidence.events import _events_of
from forecast.evidence.ledger import Evidence, Ledger
from forecast.evidence.likelihood import tabulate_reports
from forecast.evidence.place_evidence import MOST_LAYOUTS, kept_layouts, lay_out
from tests.harbour import harbour, random_ledger
from tests.small import START, barometer_report

STEPS = 6


def forget():
    kept_layouts.cache_clear()
    _events_of.cache_clear()


def contents(table):
    """Everything that a table says, to the last bit."""
    arrays = table.arrays._asdict() | dict(table.simulation)
    bits = {name: (v.dtype.str, v.shape, v.tobytes()) for name, v in arrays.items()}
    return bits, table.auxiliaries, table.factors, table.links, table.statement_variables


def days(rng, scenario):
    """Evidence of some days, of which some reports are taken away, and other days again."""
    ledger = random_ledger(rng, scenario, 9, STEPS)
    for end in rng.permutation(range(6, 7 * STEPS, 5)):
        moment = START + timedelta(days=int(end))
        evidence = Ledger(tuple(ledger)).known_at(moment)
        yield evidence, ""
        if evidence.reports:
            one = str(rng.choice([report.id for report in evidence]))
            yield evidence.without(one), ""
            yield evidence, one


@pytest.mark.parametrize("seed", range(8))
def test_reports_that_come_and_go_are_laid_out_as_if_at_once(seed):
    rng = np.random.default_rng(seed)
    making = ("ignorable", "default", "profile", "events")[seed % 4]
    scenario = harbour(channels=seed % 3, making=making, lineage=(None, "as_stated")[seed // 4])
    forget()
    kept = [
        (evidence, unread, contents(tabulate_reports(scenario, evidence, STEPS + 1, unread)))
        for evidence, unread in days(rng, scenario)
    ]
    assert len(kept) > 9
    for evidence, unread, found in kept:
        forget()
        assert contents(tabulate_reports(scenario, evidence, STEPS + 1, unread)) == found


def test_another_report_lays_out_its_own_place_alone(monkeypatch):
    scenario, places = harbour(channels=0, making="profile", lineage=None), []

    def noted(scenario, place, *others):
        places.append(place)
        return lay_out(scenario, place, *others)

    monkeypatch.setattr(place_evidence, "lay_out", noted)
    reports = [barometer_report(f"R{k}", "low", k % 4) for k in range(12)]
    end = START + timedelta(days=41)
    forget()
    tabulate_reports(scenario, Evidence(end, tuple(reports)), STEPS)
    places.clear()
    more = Evidence(end, (*reports, barometer_report("new", "falling", 2)))
    tabulate_reports(scenario, more, STEPS)
    assert places == [(2, "barometer")]
    # On a later day more would be known of every step: none of them is laid out anew for that.
    later = replace(more, as_of=end - timedelta(days=1))
    tabulate_reports(scenario, later, STEPS)
    assert places == [(2, "barometer")]
    forget()


def test_older_layouts_of_a_place_are_forgotten():
    scenario, end = harbour(channels=0, making="profile", lineage=None), START + timedelta(days=41)
    reports = [barometer_report(f"R{k}", "low", 2) for k in range(9)]
    forget()
    for n in range(1, 10):
        tabulate_reports(scenario, Evidence(end, tuple(reports[:n])), STEPS)
    assert kept_layouts(scenario, (2, "barometer")).cache_info().currsize == MOST_LAYOUTS
