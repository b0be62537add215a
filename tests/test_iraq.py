"""The shipped scenario, fitted as `make report` fits it."""

import re
from html.parser import HTMLParser

import pytest

import forecast as fc

SECTIONS = [
    "Key takeaway",
    "Tripwires",
    "Pattern",
    "Timing",
    "Assessment",
    "Most likely course of action",
    "Most dangerous courses of action",
    "Probability of at least one dangerous course",
    "Implications",
    "Indicators",
    "Sources",
    "Method",
]


@pytest.fixture(scope="module")
def outlook():
    """The forecast of 23 January 2020."""
    problem = fc.load_scenario("iraq-2020")
    ledger = fc.read_evidence("iraq-2020", problem)
    return fc.forecast(problem, ledger.known_at("2020-01-23"))


@pytest.fixture(scope="module")
def written(outlook):
    """Its report."""
    return fc.report(outlook)


def test_the_fit_can_be_trusted(outlook):
    found = outlook.diagnostics
    assert found.failures == ()
    assert found.r_hat <= 1.01
    assert found.ess >= 400
    assert found.divergences == 0
    assert found.n_probabilities > 300


def test_the_report_says_how_well_it_was_fitted(outlook, written):
    assert str(outlook.diagnostics) in written.markdown


def test_sections_answer_in_the_order_of_the_source(written):
    titles = re.findall(r"^## (.+)$", written.markdown, re.MULTILINE)
    places = [k for name in SECTIONS for k, t in enumerate(titles) if t.startswith(name)]
    assert len(places) == len(SECTIONS)
    assert places == sorted(places)


def test_the_report_is_one_self_contained_file(written, tmp_path):
    path = written.save(tmp_path / "deep" / "warning.html")

    class Links(HTMLParser):
        found: tuple[str, ...] = ()

        def handle_starttag(self, tag, attrs):
            wanted = {"src", "href", "data", "action"}
            self.found += tuple(v or "" for k, v in attrs if k in wanted)

    parser = Links()
    parser.feed(path.read_text(encoding="utf-8"))
    assert all(link.startswith("#") for link in parser.found)


def test_every_course_tripwire_and_outcome_comes_out(outlook, written):
    scenario = outlook.scenario
    labels = [course.label for course in scenario.courses.values()]
    labels += [tripwire.label for tripwire in scenario.tripwires.values()]
    labels += [v.label for v in scenario.with_role("outcome", "indicator").values()]
    labels += [actor.name for actor in scenario.actors]
    assert [label for label in labels if label not in written.markdown] == []


def test_the_union_is_no_sum(outlook):
    dangerous = [course.within.mean for course in outlook.most_dangerous]
    assert max(dangerous) < outlook.any_dangerous.mean < sum(dangerous)


def test_postures_exclude_one_another(outlook):
    states = outlook.scenario.variables["iran_posture"].states
    for step in (0, outlook.now, 15):
        total = sum(outlook.state_probability("iran_posture", s, step).mean for s in states)
        assert total == pytest.approx(1, abs=1e-12)


def test_most_likely_is_limited_pressure_as_the_source_says(outlook):
    """The one judgement of the source that is a rank: its most likely course."""
    assert outlook.most_likely.state == "limited_pressure"
    assert outlook.most_dangerous[0].state == "coordinated_attack"


def test_every_number_of_the_scenario_has_a_basis(outlook):
    tables = [
        table
        for variable in outlook.scenario.variables.values()
        for table in (variable.table, variable.initial, variable.transition)
        if table is not None
    ]
    dumped = [table.model_dump_json() for table in tables]
    for text in dumped:
        stated = len(re.findall(r'"(?:chance|times|exactly|concentration)":[{]', text))
        based = len(re.findall(r'"basis":"(?:source|published|computed|judgement): ', text))
        assert stated == based > 0
