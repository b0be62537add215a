"""The smallest withdrawal, against every set of reports, each applied."""

from itertools import combinations

import pytest

import forecast as fc
from tests.small import barometer_report, evidence, weather


@pytest.fixture(scope="module")
def outlook():
    states = ("low", "falling", "low", "high", "falling")
    reports = [
        barometer_report(f"R{k}", s, min(k, 2), grade="CABBC"[k]) for k, s in enumerate(states)
    ]
    return fc.forecast(weather(), evidence(*reports), method="reweight", draws=100, chains=1)


@pytest.mark.parametrize("level", [0.2, 0.3, 0.5, 0.99])
def test_the_smallest_set_is_that_of_an_exhaustive_search(outlook, level):
    course = "storm=storm"
    ids = [report.id for report in outlook.evidence]

    def side(removed):
        other = fc.update(outlook, outlook.evidence.without(*removed), method="reweight")
        return other.probability_within(course).mean >= level

    now = outlook.probability_within(course).mean >= level
    sets = [s for n in range(1, len(ids) + 1) for s in combinations(ids, n) if side(s) != now]
    found = fc.smallest_change(outlook, course, level)
    assert found.certified
    assert len(found.reports) == min(map(len, sets), default=0)
    assert not sets or found.reports in sets
    bound = fc.smallest_change(outlook, course, level, most=2)
    assert not bound.certified
    assert not bound.reports or bound.reports in sets
    assert len(bound.reports) >= len(found.reports) or not bound.reports


def test_a_level_needs_its_course(outlook):
    with pytest.raises(fc.InputError, match="level: is missing"):
        fc.smallest_change(outlook, "storm=storm")
