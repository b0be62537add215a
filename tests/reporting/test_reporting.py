"""The product: complete, escaped, honest about its fit, and the same every time."""

import re
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
import xarray as xr

import forecast as fc
from forecast.analysis.weighing import ChannelControl, find_conflicts, stated_state
from forecast.errors import InputError, UnreliableFit
from forecast.estimate import quantity
from forecast.evidence.ledger import Evidence, Ledger
from forecast.evidence.report import Report
from forecast.lexicon import lexicon_names
from forecast.outlook import Forecast
from forecast.posterior.mcmc import Sampling
from forecast.probabilities import union_probabilities
from forecast.reporting.change import change_cell
from forecast.reporting.document import Heading, Lines, Table
from forecast.reporting.evidence import _control_rows
from forecast.reporting.evidence_sections import tripwires_section
from forecast.reporting.plots import DANGER, course_drawings, cumulative_drawing, plot_timeline
from forecast.reporting.product import product
from forecast.reporting.report_text import statement_text
from forecast.reporting.status import indicator_status
from forecast.scenario.scenario import Narrative, Scenario
from forecast.scenario.warning import ANY_DANGEROUS
from forecast.text import DASH
from forecast.wording import long_date, points
from tests.model.test_measured import wind_report, windy

BASIS = "judgement: made for a test"
HOSTILE = '<script>alert("x")</script> & a|b *c* `d` {{ 1 }}'
TITLES = [
    "Key takeaway",
    "Tripwires",
    "Pattern",
    "Timing",
    "Assessment",
    "Most likely course of action",
    "Most dangerous courses of action",
    "Probability of at least one dangerous course",
    "Implications",
    "Alternatives considered",
    "What moved the probability",
    "What would change the judgement",
    "What to look for next",
    "Gaps in collection",
    "Indicators",
    "Weighing the evidence",
    "Annex: Sources",
    "Annex: Actors",
    "Annex: Judgements and their basis",
    "Annex: Method",
    "Annex: Terms",
    "Annex: Nothing to report",
]


def flat(*states):
    row = {"exactly": {state: 1 / len(states) for state in states}, "basis": BASIS}
    return {"form": "rows", "rows": (row,)}


def sign_of(parent, parent_states, states):
    """A table by which a variable leans towards its last state as its parent does."""
    rows = []
    for k, value in enumerate(parent_states):
        weight = [1 + k * s for s in range(len(states))]
        probabilities = {s: w / sum(weight) for s, w in zip(states, weight, strict=True)}
        rows.append({"when": {parent: value}, "exactly": probabilities, "basis": BASIS})
    return {"form": "rows", "rows": tuple(rows)}


def variable(role, states, label, **more):
    return {"role": role, "states": states, "label": label, "table": flat(*states), **more}


def problem(*, text="quiet words", dynamic=True):
    """Two dangerous courses and one that is not, each with a sign."""
    mild = {"label": f"Pressure {text}", "severity": 1, "role_in_source": "MLCOA"}
    grave = {"label": f"Attack {text}", "severity": 5, "dangerous": True}
    other = {"label": "Raid", "severity": 3, "dangerous": True}
    signs = ({"course": "posture=attack"}, {"course": "posture=pressure", "sign": "-"})
    variables = {
        "posture": variable(
            "course_of_action",
            ("hold", "pressure", "attack"),
            "Posture",
            courses={"pressure": mild, "attack": grave},
        ),
        "raid": variable("course_of_action", ("none", "raid"), "Raid", courses={"raid": other}),
        "troops": variable("indicator", ("none", "few", "many"), f"Troops {text}", speaks_to=signs)
        | {"table": sign_of("posture", ("hold", "pressure", "attack"), ("none", "few", "many"))},
        "talks": variable("indicator", ("none", "held"), "Talks", named_by="author")
        | {"table": sign_of("raid", ("none", "raid"), ("none", "held"))},
        "base": variable(
            "outcome", ("open", "closed"), "The base", implication=f"No supplies {text}"
        ),
    }
    tripwires = {
        "massing": {"label": f"Massing {text}", "any": ({"troops": "many"},), "basis": BASIS},
        "deadline": {
            "label": "Talks by the tenth",
            "any": ({"talks": "held"},),
            "basis": BASIS,
            "by": date(2020, 2, 10),
        },
        "set": {
            "label": "Talks on the seventh",
            "any": ({"talks": "held"},),
            "basis": BASIS,
            "on": date(2020, 2, 7),  # the first day of a step
        },
    }
    clock = {"start": date(2020, 1, 3), "step": 7, "horizon": 56} if dynamic else None
    narrative = {
        part: f"Author on {part}, {text}."
        for part in ("takeaway", "pattern", "timing", "assessment", "implications")
    }
    return Scenario.model_validate(
        {
            "name": "border",
            "reporting": "ignorable",
            "version": "2.1",
            "title": f"Border {text}",
            "question": f"What next? {text}",
            "time": clock,
            "variables": variables,
            "tripwires": tripwires,
            "narrative": narrative,
            "actors": ({"name": f"General {text}", "affiliation": "North"},),
            "sources": {"wire": {"title": f"The wire {text}"}},
        }
    )


def said(name, indicator, state, day, *, origin="", end=None, text="quiet words"):
    when = date(2020, 1, day)
    last = date(2020, 1, end or day)
    return Report(
        name,
        indicator,
        state,
        when,
        last,
        last,
        last,
        "wire",
        "B",
        "2",
        origin,
        citation=f"wire {text}",
        note=f"Seen {text}",
    )


def evidence(*, text="quiet words"):
    return Evidence(
        date(2020, 1, 23),
        (
            said("R1", "troops", "few", 4, text=text),
            said("R2", "troops", "many", 14, end=16, origin="post", text=text),
            said("R3", "troops", "few", 15, origin="post"),
            said("R4", "", "", 16),
            said("R5", "troops", "many", 21),
        ),
    )


def made(*, text="quiet words", dynamic=True, divergences=0, shift=0.0, seed=7):
    """A forecast with made-up draws: exact sums, no sampler."""
    rng = np.random.default_rng(seed)
    scenario, known = problem(text=text, dynamic=dynamic), evidence(text=text)
    n_steps, now, ahead = (11, 2, 8) if dynamic else (1, 0, 1)
    names, parts = [], []
    for name, found in scenario.variables.items():
        draws = rng.dirichlet(np.arange(len(found.states), 0, -1) * 20.0, (4, 250, n_steps))
        parts.append(draws)
        names += [f"{name}={state}" for state in found.states]
    step = rng.beta(2 + shift, 60, (4, 250, ahead, 3))
    ever = 1 - np.cumprod(1 - step, axis=2)
    union = 1 - (1 - ever[..., 1]) * (1 - ever[..., 2])
    held = np.concatenate([ever, union[..., None]], axis=-1)
    courses = [f"{name}={state}" for name, state in scenario.courses]
    probability = ("chain", "draw", "time", "variable_state"), np.concatenate(parts, axis=-1)
    group = xr.Dataset(
        {"probability": probability},
        coords={"time": range(n_steps), "variable_state": names},
        attrs={"now": now},
    )
    said = xr.Dataset(
        {
            "at_least_once": (
                ("chain", "draw", "by", "course"),
                held,
            ),
            # Nothing goes on by itself, so that the next step is all there is.
            "now_or_next": (
                ("chain", "draw", "course", "turn"),
                np.stack([np.zeros_like(held[:, :, 0]), held[:, :, 0]], axis=-1),
            ),
        },
        coords={"by": range(ahead), "course": [*courses, ANY_DANGEROUS]},
    )
    diverging = np.zeros((4, 250), bool)
    diverging.flat[:divergences] = True
    posterior = xr.Dataset(
        {
            "probability": (("chain", "draw", "probability_judgement"), np.ones((4, 250, 6))),
            "accuracy": (("chain", "draw", "reliability"), rng.beta(8, 2, (4, 250, 6))),
            "reporting_level": (("chain", "draw", "level"), rng.gamma(2, 0.5, (4, 250, 1))),
            "copying": (("chain", "draw", "family"), rng.beta(2, 2, (4, 250, 1))),
        }
    )
    stats = xr.Dataset({"diverging": (("chain", "draw"), diverging)})
    groups = {"forecast": group, "courses": said, "sample_stats": stats, "posterior": posterior}
    tree = xr.DataTree.from_dict(groups)
    return Forecast(scenario, known, tree, Sampling(draws=250, random_seed=seed))


@pytest.fixture(scope="module")
def outlook():
    return made()


@pytest.fixture(scope="module")
def written(outlook):
    return product(outlook)


def headings(html):
    return re.findall(r"<h2 id=\"[a-z-]+-title\">(.*?)</h2>", html)


def test_a_text_of_ours_has_no_fault_of_wording(written, outlook):
    """In the full product and on one page, in the words of every lexicon."""
    assert not fc.lint(written.markdown)
    for name in lexicon_names():
        page = product(outlook, length="page", lexicon=name)
        assert not fc.lint(page.markdown, name), fc.lint(page.markdown, name)


def test_one_page_answers_five_questions(outlook):
    page = product(outlook, made(seed=8), length="page", confidence="low", reason="one analyst")
    assert [section.question for section in page.document.sections] == [
        "How likely is it?",
        "How sure is that?",
        "What changed, and why?",
        "What if we are wrong?",
        "What next?",
        "What is in force?",
    ]
    assert quantity(outlook.any_dangerous).split(" (")[0] in page.markdown
    assert "Low, stated by the author: one analyst. Computed: " in page.markdown
    with pytest.raises(InputError, match="confidence: 'high' alone; state both"):
        product(outlook, length="page", confidence="high")
    with pytest.raises(InputError, match="did you mean 'nato'"):
        product(outlook, lexicon="natto")


def test_every_section_answers_one_question(written):
    questions = [section.question for section in written.document.sections]
    assert all(question.endswith("?") for question in questions)
    assert len(set(questions)) == len(questions)


def test_every_section_is_there_in_order(written):
    markdown = re.findall(r"^## (.*)$", written.markdown, flags=re.MULTILINE)
    for found in (markdown, headings(written.html)):
        assert len(found) == len(TITLES)
        assert all(title.startswith(known) for title, known in zip(found, TITLES, strict=True))


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


def test_hostile_text_stays_text():
    page = product(made(text=HOSTILE))
    assert "<script" not in page.html
    assert "&lt;script&gt;" in page.html
    assert "<script" not in page.markdown
    assert "<script" not in made(text=HOSTILE)._repr_html_()
    assert "{{ 1 }}" in page.html


def test_markdown_tables_are_rectangular():
    page = product(made(text=HOSTILE), made(seed=8)).markdown
    blocks = [part for part in page.split("\n\n") if part.startswith("|")]
    assert len(blocks) > 8
    for block in blocks:
        widths = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(widths) == 1, block


def test_tables_have_a_cell_for_every_column():
    for dynamic in (True, False):
        document = product(made(dynamic=dynamic), made(seed=8, dynamic=dynamic)).document
        for table in (b for s in document.sections for b in s.blocks if isinstance(b, Table)):
            assert all(len(row) == len(table.head) for row in table.rows)
            assert len(table.weights) in {0, len(table.head)}


class Balance(HTMLParser):
    """Fails on tags that do not close in order."""

    VOID = ("meta", "col", "br", "link")

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_is_well_formed_and_asks_for_nothing(written):
    parser = Balance()
    parser.feed(written.html)
    assert parser.open == []
    assert not re.search(r"(src|href)=\"(?!#)", written.html.replace("xlink:", ""))
    assert "url(http" not in written.html
    assert "@import" not in written.html


def test_ids_are_unique_outside_the_drawings(written):
    page = re.sub(r"<svg.*?</svg>", "", written.html, flags=re.DOTALL)
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_an_unreliable_fit_is_refused():
    with pytest.raises(UnreliableFit, match="3 divergent transitions"):
        product(made(divergences=3))


def test_an_unreliable_fit_that_is_wanted_carries_a_banner_on_top():
    page = product(made(divergences=3), allow_unreliable=True)
    assert page.markdown.startswith("> **Do not rely on these numbers.**")
    assert "3 divergent transitions" in page.markdown.splitlines()[0]
    body = page.html[page.html.index("<body>") :]
    assert body.index("3 divergent transitions") < body.index("<h1")


def test_draws_that_are_handed_out_are_copies():
    given = made()
    course = given.courses[0]
    before = given.state_probability(course.variable, course.state)
    draws = given.draws_of(course.variable, course.state)
    draws *= 100
    assert given.state_probability(course.variable, course.state) == before


def test_constants_are_not_failures():
    """Where nothing is uncertain nothing can have failed to converge, however few the draws."""
    given = made()
    tree = given.posterior.copy()
    for name in ("forecast", "courses"):
        tree[name] = tree[name].to_dataset().isel(chain=[0] * 4, draw=[0] * 250)
    exact = replace(given, posterior=tree)
    assert exact.diagnostics.failures == ()
    page = product(exact).markdown
    assert "every probability is exact" in page
    assert "nan" not in page


def test_a_reliable_fit_has_no_banner(written):
    assert "Do not rely" not in written.html + written.markdown


def test_change_is_the_difference_of_means(outlook):
    page = product(outlook, made(shift=6.0))
    assert "Change since 23 January 2020" in page.markdown
    before = made(shift=6.0).courses[1].within.mean
    fall = round(100 * (before - outlook.courses[1].within.mean))
    assert f"\N{MINUS SIGN}{fall} to 19 March 2020" in page.markdown


def test_a_forecast_compared_with_itself_has_not_changed(outlook):
    assert "| 0 to 19 March 2020<br>0 now |" in product(outlook, outlook).markdown


def test_another_scenario_is_no_predecessor(outlook):
    other = outlook.scenario.model_copy(update={"name": "elsewhere"})
    before = Forecast(other, outlook.evidence, outlook.posterior, outlook.sampling)
    with pytest.raises(InputError, match="'elsewhere'"):
        product(outlook, before)


def test_reports_are_the_same_every_time(written):
    again = product(made())
    assert (again.html, again.markdown) == (written.html, written.markdown)


def test_drawings_are_deterministic_and_leave_the_settings_alone(outlook):
    before = dict(mpl.rcParams)
    first, second = cumulative_drawing(outlook).svg, cumulative_drawing(made()).svg
    assert first == second
    assert dict(mpl.rcParams) == before
    assert first.startswith("<svg")
    assert "<metadata>" not in first
    assert str(date.today().year) not in first


@pytest.fixture
def pyplot():
    """Of matplotlib, without figures of other tests before and after it."""
    import matplotlib.pyplot as plt

    plt.close("all")
    yield plt
    plt.close("all")


def test_plot_has_a_panel_for_each_course_asked_for(outlook, pyplot):
    axes = plot_timeline(outlook)
    assert len(axes) == len(outlook.courses) + 1
    axes[0].figure.canvas.draw()
    assert len(plot_timeline(outlook, "raid=raid")) == 2
    assert len(pyplot.get_fignums()) == 2
    with pytest.raises(InputError, match="did you mean 'raid=raid'"):
        plot_timeline(outlook, "raid=rade")


def test_a_notebook_shows_a_plot_once_whether_or_not_it_is_assigned():
    import nbformat
    from nbclient import NotebookClient

    cells = [
        "import forecast as fc; from tests.reporting.test_reporting import made; outlook = made()",
        "axes = fc.plot_timeline(outlook, 'raid=raid')",
        "fc.plot_timeline(outlook, 'raid=raid')",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, kernel_name="python3", timeout=300).execute()
    pictures = [
        sum("image/png" in output.get("data", ()) for output in cell.outputs)
        for cell in notebook.cells
    ]
    assert pictures == [0, 1, 1]


def test_a_plot_leaves_the_settings_alone_and_says_what_the_label_says(pyplot):
    before = dict(mpl.rcParams)
    label = "from $5 to $9\x1b"
    axes = plot_timeline(made(text=label), "posture=attack")
    axes[0].figure.canvas.draw()
    assert dict(mpl.rcParams) == before
    assert axes[0].get_title("left") == r"Attack from \$5 to \$9\x1b"
    assert r"Attack from $5 to $9\x1b" in course_drawings(made(text=label))[1].svg


def test_what_is_dangerous_is_never_drawn_in_the_colour_of_the_harmless(outlook, pyplot):
    *panels, total = plot_timeline(outlook)
    harmless = {
        panel.lines[0].get_color()
        for panel, prospect in zip(panels, outlook.courses, strict=True)
        if not prospect.course.dangerous
    }
    assert harmless
    assert harmless.isdisjoint(line.get_color() for line in total.lines)
    assert harmless.isdisjoint(DANGER)


def test_a_static_scenario_has_no_plot_and_still_a_report():
    static = made(dynamic=False)
    with pytest.raises(InputError, match="no clock"):
        plot_timeline(static)
    page = product(static)
    assert "<figure>" not in page.html
    found = headings(page.html)
    assert [t for t in TITLES if not any(each.startswith(t) for each in found)] == []
    assert "by None" not in page.markdown


def test_saving(tmp_path, written):
    target = written.save(tmp_path / "deep" / "warning.html")
    assert target.read_text(encoding="utf-8") == written.html
    assert written.save(tmp_path / "deep" / "warning.md").read_text(
        "utf-8"
    ) == written.markdown.replace("(figure-", "(warning-")
    figures = [f"warning-{k}.svg" for k in range(1, 5)]
    assert sorted(path.name for path in target.parent.iterdir()) == sorted(
        [*figures, "warning.html", "warning.md"]
    )
    page = (target.parent / "warning.md").read_text("utf-8")
    assert [name in page for name in figures] == [True] * 4
    assert ElementTree.parse(target.parent / figures[0]).getroot().tag.endswith("svg")
    with pytest.raises(InputError, match=r"none of \.html, \.md, \.json, \.docx, \.pdf"):
        written.save(tmp_path / "warning.odt")


def test_the_notebook_gets_a_frame(written):
    frame = written._repr_html_()
    assert frame.startswith("<iframe")
    assert "<style>" not in frame


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


def test_indicators_follow_the_latest_event_and_not_the_latest_line():
    scenario, known = problem(), evidence()
    status = indicator_status("troops", scenario.variables["troops"], known)
    assert (status.latest.id, status.fired) == ("R5", True)
    without = indicator_status("talks", scenario.variables["talks"], known)
    assert (without.latest, without.fired) == (None, False)


def test_only_reports_that_disagree_within_a_step_are_flagged():
    [(indicator, step, reports)] = find_conflicts(problem(), evidence())
    assert (indicator, step, {report.id for report in reports}) == ("troops", 1, {"R2", "R3"})


def test_probability_of_a_tripwire_is_that_of_the_days_to_its_deadline(outlook):
    """Levels that exclude one another, each on one more day, and all of them at once."""
    levels = [("troops", state) for state in ("few", "many")]
    days = [outlook.as_of + timedelta(days=k) for k in range(1, 15)]
    unions = [levels, levels[:1], [("troops", each) for each in ("none", "few", "many")]]
    found = np.array([[e.mean for e in union_probabilities(outlook, unions, d)] for d in days])
    assert (np.diff(found, axis=0) > -1e-12).all()
    assert (found[:, 0] >= found[:, 1]).all()
    assert found[:, 2] == pytest.approx(1)
    [massing, deadline, on_a_day] = tripwires_section(outlook, fc.tripwires(outlook)).blocks[0].rows
    assert massing[-1] == DASH  # it has fired
    by_then = fc.probability(outlook, "talks", "held", by="2020-02-10")
    assert deadline[-1] == Lines(quantity(by_then), "by 10 February 2020")
    assert by_then.days == (outlook.as_of + timedelta(days=1), date(2020, 2, 10))
    in_step = fc.beliefs(outlook).posterior("talks", "2020-02-07").sel(state="held")
    assert on_a_day[-1] == Lines(quantity(fc.Estimate.of(in_step)), "on 7 February 2020")


@pytest.mark.parametrize(
    ("number", "exposure", "state"),
    [
        (0, None, "light"),
        (0, 700.0, "light"),
        (1, None, "light"),
        (2, None, "light"),
        (3, None, "strong"),
        (5, None, "strong"),
        (5, 70.0, "light"),
    ],
)
def test_a_number_counts_as_the_state_it_speaks_best_for(number, exposure, state):
    variable = windy("poisson").variables["wind"]
    report = wind_report("R1", number, exposure=exposure)
    assert stated_state(variable, report) == state
    shown = f"{number} gusts in {exposure or 7:g} days"
    assert statement_text(variable, report) == shown


def test_a_count_of_none_is_absence_however_low_the_rate():
    """Both rates are far below one; half a count is nearer to the higher one."""
    rates = {
        "light": {"between": (0.01, 0.1), "basis": BASIS},
        "strong": {"between": (1.0, 6.0), "basis": BASIS},
    }
    variable = windy("poisson").variables["wind"]
    rare = variable.measured.model_validate(variable.measured.model_dump() | {"rate": rates})
    rarely = variable.model_copy(update={"measured": rare})
    assert stated_state(rarely, wind_report("R1", 0)) == "light"
    assert stated_state(rarely, wind_report("R1", 1)) == "strong"


def test_a_scenario_without_a_clock_says_nothing_of_steps():
    written = product(made(dynamic=False)).markdown
    assert "next step" not in written
    assert "next step" in product(made()).markdown


def test_a_section_with_nothing_to_say_is_left_out():
    outlook = made(dynamic=False)
    bare = {"tripwires": {}, "actors": (), "narrative": Narrative()}
    scenario = outlook.scenario.model_copy(update=bare)
    document = product(replace(outlook, scenario=scenario)).document
    assert not {section.title for section in document.sections} & {"Timing", "Tripwires", "Actors"}
    for section in document.sections:
        for block, following in pairwise([*section.blocks, Heading("the next section")]):
            assert not (isinstance(block, Heading) and isinstance(following, Heading))


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
    assert "Role in source" in written
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
    assert "Role in source" not in written
    assert "named by the source" not in written


def test_a_report_on_numbers_shows_them():
    """From a count in a file to its row in the product."""
    scenario = windy("negative_binomial")
    known = Evidence(date(2020, 1, 23), (wind_report("R1", 12, 1), wind_report("R2", 0, 2)))
    outlook = fc.forecast(scenario, known, draws=60, tune=200, chains=2)
    written = fc.product(outlook, allow_unreliable=True).markdown
    assert "12 gusts in 7 days" in written
    assert "0 gusts in 7 days" in written


def test_change_asks_both_forecasts_about_the_same_days(outlook):
    """The earlier forecast is a week older, so that its horizon ends a week before this one's."""
    week = timedelta(days=7)
    earlier = replace(outlook, evidence=replace(outlook.evidence, as_of=outlook.as_of - week))
    tree = outlook.posterior
    tree["forecast"] = tree["forecast"].to_dataset().assign_attrs(now=1)
    earlier = replace(earlier, posterior=tree)
    attack = outlook.courses[1]
    cell = change_cell(outlook, earlier, attack)
    day = earlier.horizon
    assert day == outlook.horizon - week
    values = [each.probability_within("posture=attack", day).mean for each in (outlook, earlier)]
    assert cell.main == f"{points(values[0] - values[1])} to {long_date(day)}"
    looked_ahead = earlier.state_probability("posture", "attack", outlook.now).mean
    assert cell.small == f"{points(attack.now.mean - looked_ahead)} now"


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


def test_every_count_of_origins_follows_one_rule(written, outlook):
    text = written.markdown
    assert text.count("1 stated origin, and 2 reports that state none and count as one") == 3
    assert "independent witness" not in text


def test_in_mid_step_the_present_is_drawn_at_the_as_of_date(outlook):
    early = Ledger(outlook.evidence.reports).known_at(outlook.as_of - timedelta(days=3))
    panel, total = plot_timeline(replace(outlook, evidence=early), "raid=raid")
    solid, dashed = panel.lines[:2]
    line = panel.lines[3].get_xdata()[0]
    assert solid.get_xdata()[-1] == dashed.get_xdata()[0] == line == early.as_of
    assert total.lines[0].get_xdata()[0] == early.as_of + timedelta(days=1)
    curve = total.lines[0].get_ydata()
    assert list(curve) == sorted(curve)
