"""The shipped scenario and its product, from weighted draws and as `make report` fits it."""

import re
from html.parser import HTMLParser

import pytest

import forecast as fc
from tests.priors import prior_beliefs
from tests.reporting.test_shipped_products import SETTINGS, take_few_orders

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
    "Annex: Sources",
    "Annex: Actors",
    "Annex: Method",
]


pytestmark = pytest.mark.filterwarnings("ignore::forecast.UnreliableWeights")


@pytest.fixture(scope="module")
def given():
    """The scenario, and what was known on 23 January 2020."""
    problem = fc.load_scenario("iraq-2020")
    return problem, fc.read_evidence("iraq-2020", problem).known_at("2020-01-23")


@pytest.fixture(scope="module")
def outlook(given):
    """The forecast of that day."""
    return fc.forecast(*given, method="reweight", draws=250)


@pytest.fixture(scope="module")
def few(given):
    """The same of few draws: for what is asked of the text, and not of the numbers."""
    return fc.forecast(*given, **SETTINGS)


@pytest.fixture(scope="module")
def written(few):
    """Its product."""
    with pytest.MonkeyPatch.context() as patch:
        take_few_orders(patch)
        return fc.product(few, allow_unreliable=True)


@pytest.mark.slow
def test_the_fit_can_be_trusted(given):
    outlook = fc.forecast(*given)
    found = outlook.diagnostics
    assert found.failures == ()
    assert found.r_hat <= 1.01
    assert found.ess >= 400
    assert found.divergences == 0
    # Every course now and its share of days; whether a dangerous one comes, and any of them.
    n_dangerous = len(outlook.most_dangerous)
    assert found.n_probabilities == 2 * len(outlook.courses) + n_dangerous + 1
    assert outlook.most_likely.state == "limited_pressure"
    assert outlook.most_dangerous[0].variable == "coordinated_attack"
    assert str(found) in fc.product(outlook).markdown


def test_the_report_says_how_well_it_was_fitted(few, written):
    assert str(few.diagnostics) in written.markdown


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


def test_postures_exclude_one_another(few):
    states = few.scenario.variables["iran_posture"].states
    for step in (0, few.now, 15):
        total = sum(few.state_probability("iran_posture", s, step).mean for s in states)
        assert total == pytest.approx(1, abs=1e-12)


def test_most_likely_is_limited_pressure_as_the_source_says(outlook):
    """The one judgement of the source that is a rank: its most likely course."""
    assert outlook.most_likely.state == "limited_pressure"
    assert outlook.most_dangerous[0].variable == "coordinated_attack"


# What the tables imply before any report, against what was judged about it: the scenario's README.
JUDGED = {
    "coordinated campaign": ([("iran_posture", "coordinated_campaign")], 0.05, 0.25),
    "coordinated attack": ([("coordinated_attack", "carried_out")], 0.02, 0.15),
    "independent escalation": ([("freelance_escalation", "act")], 0.08, 0.30),
    "assassination attempt": ([("assassination", "attempt")], 0.005, 0.05),
    "hostage-taking": ([("hostage_taking", "taken")], 0.01, 0.08),
    "unified front": ([("proxy_cohesion", "unified_front")], 0.05, 0.25),
    "Sadr a kinetic ally": ([("sadr_alignment", "kinetic_ally")], 0.02, 0.12),
}


@pytest.fixture(scope="module")
def before_reports():
    """Beliefs before any report; the strike of 3 January is an input."""
    problem = fc.load_scenario("iraq-2020")
    strike = [r for r in fc.read_evidence("iraq-2020", problem) if r.indicator == "us_action"]
    return prior_beliefs(problem, problem.as_of, 400, 3, strike)


@pytest.mark.parametrize("course", JUDGED)
def test_tables_imply_what_was_judged(before_reports, course):
    states, lower, upper = JUDGED[course]
    implied = before_reports.at_least_once(states).isel(time=-1).mean().item()
    assert lower < implied < upper


def test_reports_left_out_by_the_source_can_be_added(outlook):
    problem = outlook.scenario
    folder = fc.scenario_folder(problem.name)
    both = fc.read_evidence([folder / "evidence.csv", folder / "omitted.csv"], problem)
    added = {report.id for report in both.known_at("2020-01-23")} - {r.id for r in outlook.evidence}
    assert added == {"E23", "E24", "E25"}
    assert "E06" not in {report.id for report in both.known_at("2020-01-23")}


def test_base_rates_stand_under_the_courses(outlook, written):
    """0 in 1,904 days: 1 - (1 + 90/1904)^-1/2 = 2.3 % within 90 days, by hand."""
    row = next(line for line in written.markdown.splitlines() if "0 in 1,904 days" in line)
    assert row.startswith("| Coordinated lethal attacks carried out")
    assert "2 % (<1 to 9 %) within 90 days" in " ".join(row.split())
    assert len(outlook.scenario.base_rates) == 4
