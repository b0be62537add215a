"""Courses of action in the product: their numbers, their union, their roles."""

import re
from dataclasses import replace

from forecast.analysis.weighing import ChannelControl
from forecast.estimate import quantity
from forecast.reporting.evidence import _control_rows
from forecast.reporting.product import product
from forecast.scenario.warning import ANY_DANGEROUS
from tests.reporting.made_forecasts import made


def test_both_forms_print_each_course_and_the_union_with_intervals(outlook, written):
    estimates = [outlook.any_dangerous]
    for o in outlook.courses:
        estimates += [o.now, o.average, *([o.within] if o.course.dangerous else [])]
    page = re.sub(r"<[^>]+>", "", written.html).replace("&lt;", "<").replace("&gt;", ">")
    for estimate in estimates:
        mean, ends = quantity(estimate).split(" (")
        assert mean in page
        assert ends.rstrip(")") in page
        assert ends.rstrip(")") in written.markdown


def test_the_union_is_not_called_a_sum(outlook, written):
    section = next(s for s in written.document.sections if s.key == "union")
    text = " ".join(block.text for block in section.blocks)
    assert "union, not a sum" in text
    total = sum(o.within.mean for o in outlook.most_dangerous)
    assert outlook.any_dangerous.mean < total


def test_draws_that_are_handed_out_are_copies():
    given = made()
    course = given.courses[0]
    before = given.state_probability(course.variable, course.state)
    draws = given.draws_of(course.variable, course.state)
    draws *= 100
    assert given.state_probability(course.variable, course.state) == before


def test_tables_of_courses_agree(outlook):
    text, html = str(outlook), outlook._repr_html_()
    lines = text.splitlines()
    assert len(lines) == 4 + len(outlook.courses) + 1
    assert len({len(line) for line in lines[3:4]}) == 1
    for found in outlook.courses:
        answers = [found.now, found.average, *([found.within] if found.course.dangerous else [])]
        for answer in answers:
            assert quantity(answer) in text
            assert quantity(answer).replace("<", "&lt;") in html
    assert "days ahead 24 January to 19 March 2020" in text


def test_bars_of_what_is_dangerous_say_so_in_every_table(outlook):
    names = {f"{o.variable}={o.state}": o.course.dangerous for o in outlook.courses}
    answers = dict.fromkeys((*names, ANY_DANGEROUS), (outlook.any_dangerous,) * 3)
    hand = ChannelControl("radio", outlook.any_dangerous, outlook.any_dangerous, answers)
    marks = [[cell.dangerous for cell in cells] for _, *cells in _control_rows(outlook, hand)]
    assert marks == [[dangerous] * 3 for dangerous in (*names.values(), True)]


def test_one_dangerous_course_is_no_union():
    outlook = made()
    courses = {**outlook.scenario.variables["raid"].courses}
    raid = courses["raid"].model_copy(update={"dangerous": False, "role_in_source": ""})
    tame = outlook.scenario.variables["raid"].model_copy(update={"courses": {"raid": raid}})
    scenario = outlook.scenario.model_copy(
        update={"variables": {**outlook.scenario.variables, "raid": tame}}
    )
    written = product(replace(outlook, scenario=scenario)).markdown
    assert "marks one course as dangerous: Attack quiet words." in written
    assert "single probabilit" not in written


def test_roles_are_told_only_where_a_source_gives_them():
    outlook = made()
    written = product(outlook).markdown
    assert "Course of action, and its role in the source" in written
    assert "most likely course of action" in written
    assert "MLCOA" not in written
    assert "added by the author" in written
    posture = outlook.scenario.variables["posture"]
    plain = {
        state: course.model_copy(update={"role_in_source": ""})
        for state, course in posture.courses.items()
    }
    variables = {
        name: variable.model_copy(update={"named_by": "source"})
        for name, variable in outlook.scenario.variables.items()
    }
    variables["posture"] = posture.model_copy(update={"courses": plain})
    scenario = outlook.scenario.model_copy(update={"variables": variables})
    written = product(replace(outlook, scenario=scenario)).markdown
    assert "role in the source" not in written.lower()
    assert "named by the source" not in written


def test_the_likeliest_now_is_named_where_it_is_not_the_most_likely(outlook):
    likely, other = outlook.most_likely, outlook.courses[2]
    assert likely.average.mean == max(each.average.mean for each in outlook.courses)
    tree = outlook.posterior
    group = tree["forecast"].to_dataset().copy(deep=True)
    at = {"variable_state": "raid=raid", "time": outlook.now}
    group["probability"].loc[at] = 0.9
    tree["forecast"] = group
    text = product(replace(outlook, posterior=tree), allow_unreliable=True).markdown
    assert likely.variable != other.variable
    assert text.count("Now another is likelier, Raid: 90") == 2
    assert "likeliest now too" not in text
